"""The command `tallystick`: words and exit statuses; everything it does is importable.

Exit status: 0 done, 1 a check failed or an invariant is broken, 2 the input is wrong (one line on
standard error), 130 interrupted. Modules are imported by the command that needs them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tallystick import __version__
from tallystick.cli.event import event
from tallystick.cli.lane import lane
from tallystick.cli.layout import layout
from tallystick.cli.options import (
    PATH,
    Pairs,
    account_option,
    json_option,
    manifest_option,
    registry_option,
    rpc_option,
)
from tallystick.cli.release import release
from tallystick.cli.schedule import schedule
from tallystick.errors import CheckFailed, TallystickError

if TYPE_CHECKING:
    from tallystick.reach.connection import Connection

__all__ = ["cli", "guarded", "main"]

_INTERRUPTED: Final = 130
_BROKEN_PIPE: Final = 141
_SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=_SETTINGS)
@click.version_option(__version__, prog_name="tallystick")
def cli() -> None:
    """Digital-asset securities on several ledgers: deploy, watch, carry, check."""


@cli.command()
@click.option(
    "--instrument", "instrument_path", type=PATH, help="Instrument file.  [examples/apple.yaml]"
)
@click.option(
    "--backend",
    type=click.Choice(["anvil", "embedded"]),
    help="What the ledgers run on.  [anvil if it is installed]",
)
@click.option("--out", type=PATH, default=Path("out/demo"), show_default=True, help="Report.")
def demo(instrument_path: Path | None, backend: str | None, out: Path) -> int:
    """Tell the main job end to end on local ledgers, and leave a report."""
    from tallystick.chain.process import find_anvil
    from tallystick.cli.report import Told
    from tallystick.cli.terminal import console, errors
    from tallystick.demo.story import run
    from tallystick.files.manifest import require_local
    from tallystick.local.devnet import NO_ANVIL, default_instrument
    from tallystick.storage import require_writable

    require_writable("--out", out)
    require_local("--out", out / "manifest.json")
    path = instrument_path or default_instrument()
    if backend is None:
        backend = "anvil" if find_anvil() is not None else "embedded"
        if backend == "embedded":
            errors(f"{NO_ANVIL}; here the ledgers run in this process")
    return run(path, backend, out, Told(console()))


@cli.command()
@click.option(
    "--ledgers", type=click.IntRange(2, 8), help="How many ledgers.  [as many as the instrument's]"
)
@click.option(
    "--instrument",
    "instrument_paths",
    type=PATH,
    multiple=True,
    help="Instrument file; each further one joins the suite.  [examples/apple.yaml]",
)
@click.option(
    "--manifest",
    "manifest_path",
    type=PATH,
    default=Path("out/devnet/manifest.json"),
    show_default=True,
    help="Where the manifest is written; a further instrument's is beside it, in ISIN/.",
)
@click.option("--no-courier", is_flag=True, help="Leave attesting and delivering to others.")
@click.option("--json", "as_json", is_flag=True, help="What the courier does, as JSON lines.")
def devnet(
    ledgers: int | None,
    instrument_paths: tuple[Path, ...],
    manifest_path: Path,
    no_courier: bool,
    as_json: bool,
) -> int:
    """Keep local ledgers with the suite on them up, until interrupted."""
    from tallystick.cli.courier import reporter
    from tallystick.cli.devnet import run
    from tallystick.cli.terminal import progress
    from tallystick.files.manifest import require_local
    from tallystick.local.devnet import default_instrument
    from tallystick.storage import require_writable

    require_writable("--manifest", manifest_path, file=True)
    require_local("--manifest", manifest_path)
    with progress() as shown:

        def ready(connection: Connection) -> None:
            shown.__exit__()
            if sys.stdout.isatty() and not as_json:
                _show_ledgers(connection)
            _say(f"ready {manifest_path}")

        return run(
            instrument_paths or (default_instrument(),),
            manifest_path,
            ledgers=ledgers,
            courier=not no_courier,
            ready=ready,
            report=reporter(as_json=as_json),
            progress=shown,
        )


@cli.command()
@manifest_option
@account_option("the role courier")
@click.option("--once", is_flag=True, help="Do what can be done now, then end.")
@click.option(
    "--journal",
    type=PATH,
    help="What was handed over and is not final.  [NAME OF MANIFEST.sent.json beside it]",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--quiet", is_flag=True, help="Say nothing of what waits where nobody watches.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.05),
    default=2.0,
    show_default=True,
    help="Seconds between two looks at the ledgers.",
)
def courier(
    manifest_path: Path,
    rpc: Pairs,
    account: str,
    once: bool,
    journal: Path | None,
    as_json: bool,
    quiet: bool,
    interval: float,
) -> int:
    """Attest and deliver what is pending on every lane, and what engines tell of events.

    Units that became claimable are claimed, too. What stops one direction stops no other; killed
    at any moment, it goes on where it stood.
    """
    from tallystick.cli.courier import couriers, reporter, run
    from tallystick.cli.devnet import Interrupted, interruptible
    from tallystick.files.manifest import Manifest
    from tallystick.reach.connection import connect
    from tallystick.reach.sending import SentJournal

    manifest = Manifest.load(manifest_path)
    connection = connect(manifest, account=account, rpc=dict(rpc), some=True)
    kept = SentJournal(journal or manifest_path.with_suffix(".sent.json"))
    try:
        with interruptible():
            good = run(
                couriers(connection, account, kept),
                reporter(as_json=as_json, quiet=quiet),
                lambda: time.sleep(interval),
                once=once,
            )
    except Interrupted:
        return _INTERRUPTED if once else 0
    finally:
        kept.close()
        connection.close()
    return 0 if good else 1


@cli.command()
@manifest_option
@json_option
def status(manifest_path: Path, rpc: Pairs, as_json: bool) -> int:
    """Show positions, lanes, what is under way and to come, and invariants over all ledgers."""
    from tallystick.cli.status import render
    from tallystick.cli.terminal import console, json_line, progress
    from tallystick.files.manifest import Manifest
    from tallystick.reach.connection import connect
    from tallystick.status.observe import status_of

    # A ledger that can't be reached is a row of what is shown.
    connection = connect(Manifest.load(manifest_path), rpc=dict(rpc), some=True)
    try:
        with progress("reading the ledgers"):
            found = status_of(connection)
    finally:
        connection.close()
    if as_json:
        _say(json_line(found.as_dict()))
    else:
        render(found, console())
    return 0 if found.ok else 1


@cli.command()
@click.argument("ledger")
@manifest_option
@click.option("--rebuild", is_flag=True, help="Compare what the logs say with the contracts.")
@json_option
def log(ledger: str, manifest_path: Path, rpc: Pairs, rebuild: bool, as_json: bool) -> int:
    """Show what happened on a ledger, or whether its contracts say what their logs say."""
    from tallystick.cli import log as shown
    from tallystick.cli.terminal import console, json_line, progress
    from tallystick.files.manifest import Manifest
    from tallystick.reach.connection import connect
    from tallystick.status.ledger_log import compare, read_log

    manifest = Manifest.load(manifest_path)
    manifest.ledger(ledger)
    connection = connect(manifest, rpc=dict(rpc))
    try:
        with progress(f"reading {ledger}"):
            found = read_log(connection, ledger)
            rows = compare(found, found.facts()) if rebuild else None
    finally:
        connection.close()
    if as_json:
        _say(json_line(shown.log_dict(found, connection, rows)))
    elif rows is not None:
        shown.show_rebuilt(found, rows, connection, console())
    else:
        shown.show_events(found, connection, console())
    return 0 if all(row.same for row in rows or ()) else 1


@cli.command()
@click.argument("plan_path", metavar="PLAN", type=PATH)
@click.option("--execute", is_flag=True, help="Send transactions; without it nothing is sent.")
@click.option("--out", type=PATH, help="Journal and manifest.  [deployments/NAME OF PLAN]")
@click.option("--full", is_flag=True, help="Show every step of a dry run.")
@click.option(
    "--manifest",
    "manifest_path",
    type=PATH,
    help="Of what stands already, where the journal was lost.  [that in --out]",
)
@registry_option
@rpc_option
@json_option
def deploy(
    plan_path: Path,
    execute: bool,
    out: Path | None,
    full: bool,
    manifest_path: Path | None,
    registries: Pairs,
    rpc: Pairs,
    as_json: bool,
) -> int:
    """Carry out a deployment plan: a dry run unless --execute is given.

    A dry run rehearses what is left of the plan and sends nothing; its exit status is 1 where what
    stands differs from the plan, or a deployer lacks what it costs. Running it again changes
    nothing; a run that was interrupted goes on where it stood.
    """
    from tallystick.cli.deploy import run

    return run(
        plan_path,
        execute=execute,
        out=out,
        manifest_path=manifest_path,
        registries=dict(registries),
        rpc=dict(rpc),
        full=full,
        as_json=as_json,
    )


@cli.command()
@click.argument("path", metavar="MANIFEST_OR_PLAN", type=PATH)
@click.option("--out", type=PATH, help="Where the plan's manifest is.  [deployments/NAME OF PLAN]")
@click.option(
    "--accept-release",
    "accepted",
    multiple=True,
    metavar="CONTRACT@VERSION",
    help="Take a release that this build does not know; may be given again.",
)
@click.option(
    "--archive",
    "archives",
    type=PATH,
    multiple=True,
    help="Hold a release to its archive, see `release`; may be given again.",
)
@click.option(
    "--refresh",
    type=PATH,
    metavar="FILE",
    help="Write the manifest with what acts changed since, each said, and judge by it.",
)
@rpc_option
@json_option
def verify(
    path: Path,
    out: Path | None,
    accepted: tuple[str, ...],
    archives: tuple[Path, ...],
    refresh: Path | None,
    rpc: Pairs,
    as_json: bool,
) -> int:
    """Compare all that stands with all that was meant, by chain, build, and plan or manifest.

    Every fact with what was meant and what was found, wrong ones first: code and immutables,
    releases, roles, lanes and whom they trust, link accounts, bridges, terms, records, engines,
    pauses, pending changes. What stands beyond the plan is wrong, too.
    """
    from tallystick.cli.verify import check

    return check(
        path,
        out,
        dict(rpc),
        accepted=accepted,
        archives=archives,
        refresh=refresh,
        as_json=as_json,
    )


@cli.command()
@click.argument("path", metavar="MANIFEST_OR_PLAN", type=PATH)
@click.option("--out", type=PATH, help="Where the plan's manifest is.  [deployments/NAME OF PLAN]")
@rpc_option
@json_option
def handover(path: Path, out: Path | None, rpc: Pairs, as_json: bool) -> int:
    """Report what the deployer still has, and what else is not as meant; see `verify`.

    `deploy --execute` hands over.
    """
    from tallystick.cli.verify import left_over

    return left_over(path, out, dict(rpc), as_json=as_json)


@cli.command()
@manifest_option
@click.option(
    "--day",
    default="",
    metavar="YYYY-MM-DD",
    help="Of which day's close.  [the newest that is closed at both ends of a lane]",
)
@click.option(
    "--suspend", is_flag=True, help="Have suspended what was not reconciled in time, too."
)
@account_option("the role courier")
@click.option("--execute", is_flag=True, help="Send; without it nothing is sent.")
@json_option
def reconcile(
    manifest_path: Path,
    rpc: Pairs,
    day: str,
    suspend: bool,
    account: str,
    execute: bool,
    as_json: bool,
) -> int:
    """Show the books of every lane, and do what is left: figures, reconciliation, suspension.

    The exit status is 1 while a lane is suspended or a deadline has passed. `tallystick courier`
    does it of itself where each day's close is asked for, but suspends nobody.
    """
    from tallystick.cli.reconcile import Asked, run

    return run(Asked(manifest_path, dict(rpc), day, account, suspend, execute, as_json))


@cli.command(add_help_option=False)
@click.argument("ledger", default="")
@click.argument("name", metavar="CONTRACT.FUNCTION", default="")
@click.argument("arguments", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("--manifest", "manifest_path", type=PATH, help="The manifest of the ledgers.")
@rpc_option
@click.option("--reason", default="", help="Reason code of four letters, such as CORT.")
@click.option("--document", default="", help="What orders it: a file, or its hash in hex.")
@account_option("the first who may")
@click.option("--at", default="", help="The contract's address, where the manifest names none.")
@click.option("--execute", is_flag=True, help="Send; without it nothing is sent.")
@click.option("--safe", type=PATH, help="Write a batch for Safe's Transaction Builder.")
@click.option("--list", "listed", is_flag=True, help="Show who may do what.")
@click.option("-h", "--help", "helped", is_flag=True, help="This text, or what an act takes.")
@json_option
def act(
    ledger: str,
    name: str,
    arguments: tuple[str, ...],
    manifest_path: Path | None,
    listed: bool,
    helped: bool,
    **given: Any,
) -> int:
    """Do what a role may do: checked in a call, then sent, or written for others to sign.

    Values are as people write them: names of the manifest for addresses and lanes, days, units,
    JSON for structs. `--list` shows all acts, `act LEDGER CONTRACT.FUNCTION --help` the arguments
    of one. Without --execute it is tried in a call alone, and its call data is shown.
    """
    from tallystick.cli.act import Asked, explain, run, show_list

    if helped and name:
        return explain(name)
    if listed:
        return show_list(ledger, manifest_path, given["rpc"], as_json=given["as_json"])
    if helped or not name:
        _say(click.get_current_context().get_help())
        return 0 if helped else 2
    if manifest_path is None:
        raise click.UsageError("Missing option '--manifest'.")
    return run(Asked(ledger, name, arguments, manifest_path, **given))


event.add_command(schedule)
cli.add_command(event)
cli.add_command(lane)
cli.add_command(layout)
cli.add_command(release)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status, and lets no traceback out."""

    def run() -> Any:
        return cli.main(
            args=None if arguments is None else list(arguments),
            prog_name="tallystick",
            standalone_mode=False,
        )

    return guarded(run)


def guarded(run: Callable[[], Any]) -> int:
    """Run something as a command: errors become one line and an exit status."""
    from tallystick.build import watched
    from tallystick.cli.terminal import Asking, Compiling, errors
    from tallystick.signing import attended

    try:
        try:
            with watched(Compiling()), attended(Asking()):
                result = run()
            sys.stdout.flush()
        except BrokenPipeError:
            # Nobody reads any more. What is left in the buffer must not raise at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _BROKEN_PIPE
        except (KeyboardInterrupt, click.exceptions.Abort):
            return _INTERRUPTED
        except click.ClickException as error:
            errors(f"tallystick: {error.format_message()}")
            return 2
        except TallystickError as error:
            for line in error.lines:
                errors(line)
            return error.exit_status
        except Exception as error:
            if not _is_expected(error):
                raise
            errors(_public(str(error)))
            return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return result if isinstance(result, int) else 0


def _is_expected(error: Exception) -> bool:
    """Whether it says something about the world, not about a mistake of ours."""
    from tallystick.build import BuildError
    from tallystick.chain import ChainError, Revert

    return isinstance(error, BuildError | ChainError | Revert | OSError)


def _public(text: str) -> str:
    """An error of a library without what may be secret in it."""
    return str(CheckFailed(text))


def _say(line: str) -> None:
    print(line, flush=True)


def _show_ledgers(connection: Connection) -> None:
    from tallystick.cli.terminal import console, show_table

    show_table(
        console(),
        "Ledgers",
        ("Ledger", "Chain id", "RPC", "Token", "Escrow"),
        [
            (
                ledger.name,
                str(ledger.chain_id),
                ledger.rpc or "",
                ledger.contracts["SecurityToken"].address,
                ledger.contracts["BridgeEscrow"].address,
            )
            for ledger in connection.manifest.ledgers
        ],
        numeric={1},
    )


if __name__ == "__main__":
    sys.exit(main())
