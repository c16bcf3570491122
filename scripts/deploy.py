"""`ape run deploy --network ethereum:local:foundry [--plan FILE] [--execute]`.

The plan's ledgers that are on the connected network are deployed; run it again with the network of
the others. ape's local network is a rehearsal: all local ledgers of the plan, gone afterwards.
Where "(RPCTimeoutError) Timed out" is all it says, ape's anvil was started twice and did not answer
within 20 s: nothing was sent; run it again, or name an anvil that runs: APE_FOUNDRY_HOST=http://….
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from ape.api import ProviderAPI
from ape.cli import ConnectedProviderCommand

from tallystick.chain.live import connect_provider
from tallystick.cli.main import guarded

ROOT = Path(__file__).resolve().parent.parent


class _Connected(ConnectedProviderCommand):  # type: ignore[misc]  # ape has no types
    """Connects as we do everywhere, before ape would do it in its own way."""

    def invoke(self, ctx: click.Context) -> Any:
        provider = ctx.params.get("network")
        if isinstance(provider, ProviderAPI) and not provider.is_connected:
            connect_provider(provider)
        return super().invoke(ctx)


@click.command(cls=_Connected)
@click.option(
    "--plan",
    "plan_path",
    type=click.Path(path_type=Path),
    default=ROOT / "examples" / "plan.yaml",
    help="Deployment plan.  [examples/plan.yaml]",
)
@click.option("--execute", is_flag=True, help="Send transactions; without it nothing is sent.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Journal and manifest.  [deployments/NAME OF PLAN]",
)
@click.option("--full", is_flag=True, help="Show every step of a dry run.")
@click.option("--json", "as_json", is_flag=True, help="JSON in place of tables.")
def cli(
    provider: Any, plan_path: Path, execute: bool, out: Path | None, full: bool, as_json: bool
) -> None:
    """Carry out a deployment plan on the connected network; a dry run unless --execute."""
    from tallystick.cli.deploy import run

    def work() -> int:
        return run(plan_path, execute=execute, out=out, full=full, as_json=as_json, active=provider)

    sys.exit(guarded(work))
