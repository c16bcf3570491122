"""`tallystick lane`: a dead ledger's end, from its last state to the last payment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tallystick.cli.options import PATH, Pairs, account_option, json_option, manifest_option

if TYPE_CHECKING:
    from tallystick.courier.ending import Ending, Listed
    from tallystick.files.last_state import ListFile

__all__ = ["lane"]

_SCHEMA: Final = "tallystick.lane-end/1"


@click.group()
def lane() -> None:
    """Bring home what lies on a ledger that has stopped for good."""


@lane.command("list")
@click.argument("ledger")
@manifest_option
@click.option(
    "--homes", "homes_path", type=PATH, help="Whose account at home is whose on that ledger."
)
@click.option("--last", type=int, help="The ledger's last block.  [its node's newest]")
@click.option("--out", type=PATH, help="Write the list there, for `lane end`.")
@click.option("--compare", type=PATH, help="Say where that list is another, account by account.")
@json_option
def list_(
    ledger: str,
    manifest_path: Path,
    rpc: Pairs,
    homes_path: Path | None,
    last: int | None,
    out: Path | None,
    compare: Path | None,
    as_json: bool,
) -> int:
    """Make a dead LEDGER's list from the logs: who gets how much at home.

    The first list has what lay there at its last block; once the lane has ended, a further one has
    what had left it and never came home. Everybody makes the same list. The exit status is 1 where
    the one to be compared is another.
    """
    from tallystick.bridge.last_state import differences
    from tallystick.cli.terminal import console, errors, json_line, progress
    from tallystick.courier.ending import lane_to, made
    from tallystick.errors import CheckFailed
    from tallystick.files.last_state import list_document, load_homes, load_list
    from tallystick.files.manifest import Manifest
    from tallystick.reach import connection as reach
    from tallystick.storage import require_writable, write_json

    manifest = Manifest.load(manifest_path)
    homes = load_homes(homes_path) if homes_path is not None else {}
    other = load_list(compare) if compare is not None else None
    if out is not None:
        require_writable("--out", out, file=True)
    connection = reach.connect(manifest, rpc=dict(rpc))
    try:
        with progress(f"reading {ledger}"):
            try:
                listed = made(connection, lane_to(connection, ledger), homes, last)
            except ValueError as error:
                raise CheckFailed(str(error)) from error
    finally:
        connection.close()
    document = list_document(ledger, listed.state, listed.entries)
    if out is not None:
        write_json(out, document)
    unlike = differences(listed.entries, other.entries) if other is not None else ()
    if other is not None and not unlike and other.state != listed.state:
        unlike = ("the same list, of another last state",)
    if as_json:
        document["missing"] = [
            {"why": due.why, "account": due.there, "amount": str(due.amount)}
            for due in listed.found.missing
        ]
        document["differences"] = list(unlike)
        console().print(json_line(document), markup=False, soft_wrap=True)
    else:
        _show(listed, manifest.instrument.decimals)
        for each in unlike:
            errors(each)
    return int(bool(unlike))


@lane.command()
@click.argument("path", metavar="LIST", type=PATH)
@manifest_option
@click.option("--reason", default="", help="The registrars' reason code of four letters.")
@click.option("--document", default="", help="What orders it: a file, or its hash in hex.")
@account_option("whoever may and has a key here; the role courier")
@click.option(
    "--signature",
    "signatures",
    multiple=True,
    metavar="HEX",
    help="Of an attestor whose key is elsewhere; may be repeated.",
)
@click.option("--digest", is_flag=True, help="Print what attestors sign, and end.")
@click.option("--execute", is_flag=True, help="Send; without it nothing is sent.")
@json_option
def end(
    path: Path,
    manifest_path: Path,
    rpc: Pairs,
    reason: str,
    document: str,
    account: str,
    signatures: tuple[str, ...],
    digest: bool,
    execute: bool,
    as_json: bool,
) -> int:
    """Do what is next for a LIST that `lane list` wrote: home is all that it needs.

    One registrar proposes it, attested by every verifier of the lane; another confirms it; after
    the notice anyone applies it, then pays each account. Run it again for what is next.
    """
    from tallystick.acts.arguments import document_hash
    from tallystick.cli.steps import carried_out, show_steps
    from tallystick.cli.terminal import console, json_line
    from tallystick.courier.ending import Ending, lane_to
    from tallystick.errors import InputError
    from tallystick.files.last_state import load_list
    from tallystick.files.manifest import Manifest
    from tallystick.governance.roles import reason_code
    from tallystick.reach import connection as reach

    manifest = Manifest.load(manifest_path)
    found = load_list(path)
    known = {each.remote: each for each in manifest.lanes}
    if found.ledger not in known or known[found.ledger].id != found.lane:
        raise InputError(path, "lane", found.lane, f"a lane of {manifest.file}")
    try:
        code = reason_code(reason or "TERM")
    except ValueError:
        raise InputError("lane end", "--reason", reason, "a code of four letters") from None
    stated = code, document_hash("lane end", "--document", document) if document else bytes(32)
    wanted = (known[found.ledger].home,)
    connection = reach.connect(manifest, account=account, rpc=dict(rpc), wanted=wanted)
    try:
        entry = lane_to(connection, found.ledger)
        ending = Ending(
            connection,
            entry,
            found.state,
            found.entries,
            stated,
            account=account,
            execute=execute,
            signatures=_signatures(signatures),
        )
        if digest:
            console().print(json_line(_asked(found, ending)), markup=False, soft_wrap=True)
            return 0
        steps = carried_out(ending.steps())
    finally:
        connection.close()
    if as_json:
        shown = {
            "schema": _SCHEMA,
            "ledger": found.ledger,
            "list": found.list,
            "executed": execute,
            "steps": [step.as_dict() for step in steps],
        }
        console().print(json_line(shown), markup=False, soft_wrap=True)
    else:
        show_steps(str(path), steps, execute=execute)
    return int(any(step.state == "refused" for step in steps))


def _signatures(given: tuple[str, ...]) -> list[bytes]:
    """Signatures that were made elsewhere; which are anybody's the lane knows."""
    from tallystick.errors import InputError

    try:
        return [bytes.fromhex(each.removeprefix("0x")) for each in given]
    except ValueError as error:
        expected = f"signatures in hex ({error})"
        raise InputError("lane end", "--signature", f"{len(given)} given", expected) from None


def _asked(found: ListFile, ending: Ending) -> dict[str, Any]:
    """What attestors sign, and who they are.

    A batch of no messages, whose word is the statement of the last state: their verifier's type
    names messages alone, so that no wallet shows it.
    """
    from tallystick.text import hex_text

    return {
        "ledger": found.ledger,
        "list": found.list,
        "statement": hex_text(found.state.id),
        "verifiers": [
            {
                "verifier": each.verifier,
                "epoch": each.set.epoch if each.set else None,
                "threshold": each.set.threshold if each.set else None,
                "signers": list(each.set.signers) if each.set else [],
                "digest": hex_text(each.digest) if each.set else None,
            }
            for each in ending.asked()
        ],
    }


def _show(listed: Listed, decimals: int) -> None:
    from tallystick.cli.terminal import console, show_table
    from tallystick.text import hex_text, units_text

    state, entries, shown = listed.state, listed.entries, console()
    rows = [(str(e.index), e.account, units_text(e.amount, decimals)) for e in entries.leaves]
    title = f"List {state.list}, block {state.number}, action epoch {state.epoch}"
    show_table(shown, title, ("", "Account at home", "Units"), rows, numeric=(0, 2))
    total = units_text(state.total, decimals)
    shown.print(f"total {total}, root {hex_text(state.root)}", markup=False, soft_wrap=True)
    shown.print(f"statement {hex_text(state.id)}", markup=False, soft_wrap=True)
    missing = [
        (due.why, due.there, units_text(due.amount, decimals)) for due in listed.found.missing
    ]
    if missing:
        columns = ("Why", "Account there", "Units")
        show_table(shown, "No account at home is known of", columns, missing, numeric=(2,))
