"""`tallystick deploy`: a plan is carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from tallystick.chain import Chain
from tallystick.cli.joining import command_of
from tallystick.cli.rehearsal import rehearsal_dict, show_rehearsal
from tallystick.cli.terminal import console, json_line, progress, show_table
from tallystick.deploy.changes import ignored
from tallystick.deploy.deploy import FUNDING, Given, Report, StepState
from tallystick.deploy.deploy import deploy as carry_out
from tallystick.deploy.describe import compared
from tallystick.deploy.joining import with_neighbour
from tallystick.deploy.limits import check_release
from tallystick.deploy.rehearsal import Rehearsal, rehearse
from tallystick.deploy.verify import verify
from tallystick.deploy.verify import wrong as wrong_of
from tallystick.errors import CheckFailed, InputError
from tallystick.errors import shown as seen
from tallystick.files.accounts import parse_address
from tallystick.files.manifest import Manifest
from tallystick.files.plan import Plan, load_plan
from tallystick.files.strict import joined
from tallystick.reach.accounts import Finder, Parties, lives_with_command
from tallystick.reach.connection import connection_of
from tallystick.reach.networks import Opened, open_chains
from tallystick.reach.nodes import plan_at
from tallystick.storage import require_folder, require_writable
from tallystick.text import hex_text

__all__ = ["folder_of", "given_in", "run"]


def run(
    plan_path: Path,
    *,
    execute: bool = False,
    out: Path | None = None,
    manifest_path: Path | None = None,
    registries: Mapping[str, str] | None = None,
    rpc: Mapping[str, str] | None = None,
    full: bool = False,
    as_json: bool = False,
    active: Any = None,
) -> int:
    """Carry out a plan, or rehearse it; returns the exit status.

    Args:
        plan_path: the plan file.
        execute: send transactions.
        out: where journal and manifest are; `deployments/NAME OF PLAN` when left out.
        manifest_path: manifest of what stands already; that in `out`, if there is one.
        registries: registries of what stands already, by ledger.
        rpc: addresses of nodes by ledger, in place of the plan's.
        full: show every step of a rehearsal.
        as_json: print one JSON object.
        active: ape's connected provider, under `ape run`.
    """
    folder = folder_of(plan_path, out)
    plan = plan_at(load_plan(plan_path), rpc or {})
    check_release(plan_path, plan)
    accounts = Finder(plan_path, plan)
    # A rehearsal on local ledgers leaves no files.
    if execute and (
        out is not None or not any(lives_with_command(ledger) for ledger in plan.ledgers)
    ):
        require_writable("--out", folder)
    shown = console()
    with progress("connecting") as tell, open_chains(plan_path, plan, accounts, active) as opened:
        parties = accounts.parties()
        journal = None if opened.rehearsal else folder / "journal.json"
        if not as_json:
            unused = f"on no ledger, so not deployed: {', '.join(ignored(plan))}"
            for note in (*opened.notes, *plan.notes, unused):
                shown.print(note, markup=False, soft_wrap=True)
        written: Path | None = None
        wrong: list[str] = []
        differing: list[tuple[str, Any, Any]] = []
        with _alone(folder, execute and journal is not None):
            if execute:
                _ready(plan_path, plan, parties, opened.chains)

            def step(state: StepState) -> None:
                tell(f"{state.ledger}: {state.title}")

            given = given_in(None if opened.rehearsal else folder, manifest_path, registries)
            meant = (plan, parties, opened.chains)
            rehearsed: Rehearsal | None = None
            if execute:
                report = carry_out(
                    *meant, journal=journal, given=given, execute=True, progress=step
                )
            else:
                rehearsed = rehearse(*meant, journal=journal, given=given, progress=step)
                report = rehearsed.report
            if execute and report.manifest is not None:
                tell("verifying")
                facts = verify(connection_of(report.manifest, opened.chains), plan, parties)
                wrong = [str(fact) for fact in wrong_of(facts)]
                if journal is not None and not wrong:
                    written = folder / "manifest.json"
                    differing = _write(written, report)
                    if plan.joins is not None and not differing:
                        _introduce(plan.joins, plan.loaded_instrument.isin)
    if as_json:
        shown.print(
            json_line(
                _report_dict(report, plan, opened, execute, written, wrong, differing)
                | ({} if rehearsed is None else rehearsal_dict(rehearsed))
            ),
            markup=False,
            soft_wrap=True,
        )
    elif rehearsed is not None:
        instrument = plan.loaded_instrument
        show_rehearsal(f"{instrument.name}, {instrument.isin}", rehearsed, full=full)
        _tell_dry(report)
    else:
        _tell(report, opened, plan, written, wrong, differing)
    fails = rehearsed is not None and (rehearsed.differences or rehearsed.lacking)
    return 1 if wrong or differing or fails else 0


def folder_of(plan_path: Path, out: Path | None) -> Path:
    """Where the journal and the manifest of a plan are."""
    folder = out or Path("deployments") / plan_path.stem
    require_folder("--out", folder)
    return folder


def given_in(
    folder: Path | None, manifest: Path | None = None, registries: Mapping[str, str] | None = None
) -> Given:
    """What is said to stand: the manifest that is named, or that in the folder."""
    if manifest is None and folder is not None and (folder / "manifest.json").exists():
        manifest = folder / "manifest.json"
    found = None if manifest is None else Manifest.load(manifest)
    addresses = {}
    for ledger, address in (registries or {}).items():
        try:
            addresses[ledger] = parse_address(address)
        except PydanticCustomError as error:
            shown = f"{ledger}={address}"
            raise InputError("tallystick", "--registry", shown, error.message()) from None
    return Given(found, addresses)


def _tell_dry(report: Report) -> None:
    _tell_changes(report)
    counts = _counts(report)
    elsewhere = f", {counts['elsewhere']} on other ledgers" if counts["elsewhere"] else ""
    console().print(
        f"dry run: {counts['done']} steps done, {counts['pending']} pending{elsewhere}; "
        "nothing was sent (--execute sends)",
        markup=False,
        soft_wrap=True,
    )


def _introduce(suite: Manifest, isin: str) -> None:
    """Have the manifest of a suite name an instrument that joined it."""
    known = with_neighbour(suite, isin)
    if known is not None:
        known.write(suite.file)


def _tell_changes(report: Report) -> None:
    for change in report.changes:
        before, now = (seen(change.path, value) for value in (change.before, change.now))
        line = f"{change.path}: {now}, was {before} at the beginning: no ledger holds it"
        console().print(line, markup=False, soft_wrap=True)


def _counts(report: Report) -> dict[str, int]:
    return {
        state: sum(step.state == state for step in report.steps)
        for state in ("done", "executed", "pending", "elsewhere")
    }


def _tell(
    report: Report,
    opened: Opened,
    plan: Plan,
    written: Path | None,
    wrong: list[str],
    differing: list[tuple[str, Any, Any]],
) -> None:
    shown, instrument, counts = console(), plan.loaded_instrument, _counts(report)

    def say(text: str) -> None:
        shown.print(text, markup=False, soft_wrap=True)

    _tell_changes(report)
    if shown.is_terminal:
        show_table(
            shown,
            f"{instrument.name}, {instrument.isin}",
            ("Ledger", "Step", "State"),
            [(step.ledger, step.title, step.state) for step in report.steps],
        )
    say(
        f"{instrument.isin} on {', '.join(opened.chains)}: {counts['executed']} steps carried out, "
        f"{counts['done']} were done before"
    )
    if report.manifest is None and report.acts:
        say(f"{counts['pending']} steps left; these are next, and their keys are not here:")
        for act in report.acts:
            say(f"ACT {act.ledger}: {act.by} {act.account}: {command_of(act, plan)}")
        say("each by its role, with the same command or the one above; then run again")
        return
    if report.manifest is None:
        others = ", ".join(each.name for each in plan.ledgers if each.name not in opened.chains)
        if counts["pending"]:
            say(f"{counts['pending']} steps here need {others} first: run again afterwards")
        say(f"{counts['elsewhere']} steps are on {others}, which is not connected")
        return
    for line in wrong:
        say(f"WRONG {line}")
    if not wrong:
        say("verified: code is the build's, roles are the plan's, the deployer holds nothing")
    for path, there, now in differing:
        say(f"DIFFERS {written}: {path}: {seen(path, there)} there, {seen(path, now)} found")
    if differing:
        say(f"{written} is kept as it was: move it away to have it written as it was found")
    elif written is not None:
        say(f"manifest {written}")


def _report_dict(
    report: Report,
    plan: Plan,
    opened: Opened,
    execute: bool,
    written: Path | None,
    wrong: list[str],
    differing: list[tuple[str, Any, Any]],
) -> dict[str, Any]:
    return {
        "schema": "tallystick.deploy/1",
        "executed": execute,
        "rehearsal": opened.rehearsal,
        "ledgers": list(opened.chains),
        "complete": report.manifest is not None,
        "ignored": ignored(plan),
        "changes": [
            {"field": each.path, "before": each.before, "now": each.now} for each in report.changes
        ],
        "steps": [
            {
                "ledger": step.ledger,
                "title": step.title,
                "state": step.state,
                "group": step.group,
                "gas": step.gas,
                "address": step.address,
                "by": step.by or "deployer",
            }
            for step in report.steps
        ],
        "acts": [
            {
                "ledger": act.ledger,
                "by": act.by,
                "account": act.account,
                "contract": act.contract,
                "to": act.to,
                "data": hex_text(act.data),
                "command": command_of(act, plan),
            }
            for act in report.acts
        ],
        "wrong": wrong,
        "differs": [
            {"field": path, "there": there, "found": now} for path, there, now in differing
        ],
        "manifest": None if written is None else str(written),
    }


@contextmanager
def _alone(folder: Path, needed: bool) -> Iterator[None]:
    """No two runs work on one journal at a time."""
    if not needed:
        yield
        return
    try:
        import fcntl
    except ImportError:  # no POSIX system
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CheckFailed(f"{folder}: another run is at work here") from None
        yield


def _ready(path: Path, plan: Plan, parties: Parties, chains: Mapping[str, Chain]) -> None:
    """Make sure that deployers can send.

    Raises:
        InputError: a deployer can't sign.
        CheckFailed: a deployer has no funds.
    """
    for at, ledger in enumerate(plan.ledgers):
        chain = chains.get(ledger.name)
        if chain is None:
            continue
        deployer = parties.on_ledger[ledger.name]["deployer"]
        if not chain.signs_for(deployer):
            where = joined("ledgers", at, "accounts", "deployer")
            expected = "an account that signs: the alias of an ape account, or an index"
            raise InputError(path, where, deployer.address, expected)
        if chain.balance(deployer) == 0:
            if not chain.controlled:
                raise CheckFailed(f"{ledger.name}: the deployer {deployer.address} has no funds")
            chain.set_balance(deployer, FUNDING)


def _write(path: Path, report: Report) -> list[tuple[str, Any, Any]]:
    """Write the manifest, unless the one that is there says something else; returns what."""
    manifest = report.manifest
    assert manifest is not None
    if path.exists():
        there = Manifest.load(path)
        changed = (change.path for change in report.changes)
        manifest, differing = compared(there, manifest, changed)
        if differing:
            return differing
        whole = all(
            (path.parent / entry.abi).is_file()
            for ledger in manifest.ledgers
            for entry in ledger.contracts.values()
        )
        if whole and manifest.as_dict() == there.as_dict():
            return []
    manifest.write(path)
    return []
