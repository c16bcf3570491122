"""`tallystick deploy`, `verify`, `handover`: a plan is carried out, or what stands is judged."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tallystick.chain import Chain
from tallystick.cli.rehearsal import rehearsal_dict, show_rehearsal
from tallystick.cli.terminal import console, json_line, progress, show_table
from tallystick.deploy import verify as judge
from tallystick.deploy.deploy import FUNDING, Report, StepState
from tallystick.deploy.deploy import deploy as carry_out
from tallystick.deploy.limits import check_release
from tallystick.deploy.rehearsal import Rehearsal, rehearse
from tallystick.errors import CheckFailed, InputError
from tallystick.files.manifest import SCHEMA as MANIFEST_SCHEMA
from tallystick.files.manifest import Manifest
from tallystick.files.plan import Plan, load_plan
from tallystick.files.strict import joined, read
from tallystick.reach.accounts import Finder, Parties, lives_with_command
from tallystick.reach.connection import (
    connect,
    connection_of,
    guarded_of,
    suites_of,
)
from tallystick.reach.networks import Opened, open_chains
from tallystick.storage import require_folder, require_writable

__all__ = ["check", "left_over", "run"]


def run(
    plan_path: Path,
    *,
    execute: bool = False,
    out: Path | None = None,
    full: bool = False,
    as_json: bool = False,
    active: Any = None,
) -> int:
    """Carry out a plan, or rehearse it; returns the exit status.

    Args:
        plan_path: the plan file.
        execute: send transactions.
        out: where journal and manifest are; `deployments/NAME OF PLAN` when left out.
        full: show every step of a rehearsal.
        as_json: print one JSON object.
        active: ape's connected provider, under `ape run`.
    """
    folder = _folder(plan_path, out)
    plan = load_plan(plan_path)
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
            for note in (*opened.notes, *plan.notes):
                shown.print(note, markup=False, soft_wrap=True)
        written: Path | None = None
        wrong: list[str] = []
        with _alone(folder, execute and journal is not None):
            if execute:
                _ready(plan_path, plan, parties, opened.chains)

            def step(state: StepState) -> None:
                tell(f"{state.ledger}: {state.title}")

            rehearsed: Rehearsal | None = None
            if execute:
                report = carry_out(
                    plan, parties, opened.chains, journal=journal, execute=True, progress=step
                )
            else:
                rehearsed = rehearse(plan, parties, opened.chains, journal=journal, progress=step)
                report = rehearsed.report
            if execute and report.manifest is not None:
                tell("verifying")
                wrong = judge.verify(connection_of(report.manifest, opened.chains), plan, parties)
                if journal is not None and not wrong:
                    written = _written(folder / "manifest.json", report.manifest)
    if as_json:
        shown.print(
            json_line(
                _report_dict(report, opened, execute, written, wrong)
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
        _tell(report, opened, plan, written, wrong)
    fails = rehearsed is not None and (rehearsed.differences or rehearsed.lacking)
    return 1 if wrong or fails else 0


def _folder(plan_path: Path, out: Path | None) -> Path:
    """Where the journal and the manifest of a plan are."""
    folder = out or Path("deployments") / plan_path.stem
    require_folder("--out", folder)
    return folder


def _tell_dry(report: Report) -> None:
    counts = _counts(report)
    elsewhere = f", {counts['elsewhere']} on other ledgers" if counts["elsewhere"] else ""
    _print(
        f"dry run: {counts['done']} steps done, {counts['pending']} pending{elsewhere}; "
        "nothing was sent (--execute sends)"
    )


def _counts(report: Report) -> dict[str, int]:
    return {
        state: sum(step.state == state for step in report.steps)
        for state in ("done", "executed", "pending", "elsewhere")
    }


def _tell(
    report: Report, opened: Opened, plan: Plan, written: Path | None, wrong: list[str]
) -> None:
    shown, instrument, counts = console(), plan.loaded_instrument, _counts(report)

    def say(text: str) -> None:
        shown.print(text, markup=False, soft_wrap=True)

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
    if written is not None:
        say(f"manifest {written}")


def _report_dict(
    report: Report, opened: Opened, execute: bool, written: Path | None, wrong: list[str]
) -> dict[str, Any]:
    return {
        "schema": "tallystick.deploy/1",
        "executed": execute,
        "rehearsal": opened.rehearsal,
        "ledgers": list(opened.chains),
        "complete": report.manifest is not None,
        "steps": [
            {
                "ledger": step.ledger,
                "title": step.title,
                "state": step.state,
                "group": step.group,
                "gas": step.gas,
                "address": step.address,
            }
            for step in report.steps
        ],
        "wrong": wrong,
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


def _written(path: Path, manifest: Manifest) -> Path:
    """Write a manifest unless exactly that one is there."""
    try:
        same = json.loads(path.read_text()) == manifest.as_dict()
    except (OSError, ValueError):
        same = False
    if not same or not all(
        (path.parent / entry.abi).is_file()
        for ledger in manifest.ledgers
        for entry in ledger.contracts.values()
    ):
        manifest.write(path)
    return path


def check(path: Path, out: Path | None = None, *, as_json: bool = False) -> int:
    """Compare what stands with the build, and with the plan or the manifest."""
    with progress("reading the ledgers"):
        wrong, checked = _judged(path, out, judge.verify)
    if as_json:
        _print(json_line({"schema": "tallystick.verify/1", "wrong": wrong, "ok": not wrong}))
    else:
        for line in wrong:
            _print(f"WRONG {line}")
        if not wrong:
            _print(f"verified: {checked}")
    return 1 if wrong else 0


def left_over(path: Path, out: Path | None = None, *, as_json: bool = False) -> int:
    """Report what the deployer still has."""
    with progress("reading the ledgers"):
        left, checked = _judged(path, out, lambda connection, *_: judge.left_over(connection))
    if as_json:
        _print(json_line({"schema": "tallystick.handover/1", "left": left, "ok": not left}))
    else:
        for line in left:
            _print(f"LEFT {line}")
        if not left:
            _print(f"handed over: the deployer has nothing in {checked}")
    return 1 if left else 0


def _judged(
    path: Path, out: Path | None, judgement: Callable[..., list[str]]
) -> tuple[list[str], str]:
    """Judge a manifest, or what stands of a plan; returns what is wrong, and what was judged."""
    with ExitStack() as stack:
        meant: tuple[Any, ...] = ()
        if _is_manifest(path):
            connection = connect(Manifest.load(path))
            stack.callback(connection.close)
        else:
            plan = load_plan(path)
            check_release(path, plan)
            _outlives(path, plan)
            accounts = Finder(path, plan)
            opened = stack.enter_context(open_chains(path, plan, accounts))
            meant = (plan, accounts.parties())
            report = carry_out(*meant, opened.chains, journal=_folder(path, out) / "journal.json")
            if report.manifest is None:
                first = next(step for step in report.steps if step.state == "pending")
                pending = f"{report.pending} steps are pending, first {first.ledger}: {first.title}"
                return [pending], ""
            connection = connection_of(report.manifest, opened.chains)
        contracts = sum(len(guarded_of(suite)) for suite in suites_of(connection).values())
        checked = f"{contracts} contracts on {', '.join(connection.chains)}"
        return judgement(connection, *meant), checked


def _outlives(path: Path, plan: Plan) -> None:
    """Refuse a plan of which nothing can stand when a command begins."""
    for at, ledger in enumerate(plan.ledgers):
        if lives_with_command(ledger):
            where = joined("ledgers", at, "network")
            expected = "a network that outlives the command: nothing is deployed on a local one"
            raise InputError(path, where, ledger.network, expected)


def _is_manifest(path: Path) -> bool:
    if path.suffix == ".json":
        return True
    data = read(path)
    return isinstance(data, dict) and data.get("schema") == MANIFEST_SCHEMA


def _print(text: str) -> None:
    console().print(text, markup=False, soft_wrap=True)
