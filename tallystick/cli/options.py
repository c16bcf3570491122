"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click

__all__ = [
    "PAIR",
    "PATH",
    "Pairs",
    "account_option",
    "json_option",
    "manifest_option",
    "registry_option",
    "rename_option",
    "rpc_option",
]


class _Pair(click.ParamType):
    """What is said of a ledger: LEDGER=VALUE."""

    name = "LEDGER=VALUE"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return (ledger, value); what is wrong with it is not shown, it may be secret."""
        ledger, equals, rest = value.partition("=")
        if not ledger or not equals or not rest:
            self.fail("expected LEDGER=VALUE", param, ctx)
        return ledger, rest


class _Rename(click.ParamType):
    """What has another name: OLD=NEW."""

    name = "OLD=NEW"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return (old, new)."""
        old, _, new = value.partition("=")
        if not old or not new:
            self.fail(f"{value!r}: expected OLD=NEW", param, ctx)
        return old, new


F = TypeVar("F", bound=Callable[..., Any])
Pairs = Sequence[tuple[str, str]]
PAIR: Final = _Pair()
PATH: Final = click.Path(path_type=Path)

rpc_option = click.option(
    "--rpc",
    type=PAIR,
    multiple=True,
    metavar="LEDGER=URL",
    help="Address of a ledger's node.  [TALLYSTICK_RPC_LEDGER, or as the file says]",
)
_manifest = click.option(
    "--manifest",
    "manifest_path",
    type=PATH,
    required=True,
    help="The manifest that deploy or devnet wrote.",
)


def manifest_option(command: F) -> F:
    """Give a command the manifest, `manifest_path`, and where its ledgers are reached, `rpc`."""
    return _manifest(rpc_option(command))


registry_option = click.option(
    "--registry",
    "registries",
    type=PAIR,
    multiple=True,
    metavar="LEDGER=ADDRESS",
    help="Where the instrument stands already: the registry there leads to the rest.",
)
rename_option = click.option(
    "--rename",
    "renames",
    type=_Rename(),
    multiple=True,
    help="A variable, module, or Struct.member with another name; may be given again.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON in place of tables.")


def account_option(by: str) -> Callable[[Any], Any]:
    """Return the option that says who sends; `by` says who it is when left out."""
    text = "Who sends: a role of the manifest, an address, an ape alias or a keystore file."
    return click.option("--account", default="", help=f"{text}  [{by}]")
