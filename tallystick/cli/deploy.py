"""`tallystick deploy`: a plan is carried out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tallystick.chain import Chain
from tallystick.cli.terminal import console, json_line, progress, show_table
from tallystick.deploy.deploy import Report, StepState
from tallystick.deploy.deploy import deploy as carry_out
from tallystick.deploy.limits import check_release
from tallystick.deploy.verify import verify
from tallystick.deploy.verify import wrong as wrong_of
from tallystick.errors import CheckFailed, InputError
from tallystick.files.manifest import Manifest
from tallystick.files.plan import Plan, load_plan
from tallystick.files.strict import joined
from tallystick.reach.accounts import Finder, Parties, lives_with_command
from tallystick.reach.connection import connection_of
from tallystick.reach.networks import Opened, open_chains
from tallystick.storage import require_folder, require_writable

__all__ = ["folder_of", "run"]

_PENDING_SECONDS: Final = 120


def run(
    plan_path: Path,
    *,
    execute: bool = False,
    out: Path | None = None,
    as_json: bool = False,
    active: Any = None,
) -> int:
    """Carry out a plan, or show what is to be done; returns the exit status.

    Args:
        plan_path: the plan file.
        execute: send transactions.
        out: where journal and manifest are; `deployments/NAME OF PLAN` when left out.
        as_json: print one JSON object.
        active: ape's connected provider, under `ape run`.
    """
    folder = folder_of(plan_path, out)
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

            report = carry_out(
                plan, parties, opened.chains, journal=journal, execute=execute, progress=step
            )
            if execute and report.manifest is not None:
                tell("verifying")
                facts = verify(connection_of(report.manifest, opened.chains), plan, parties)
                wrong = [str(fact) for fact in wrong_of(facts)]
                if journal is not None and not wrong:
                    written = _written(folder / "manifest.json", report.manifest)
    if as_json:
        shown.print(
            json_line(_report_dict(report, opened, execute, written, wrong)),
            markup=False,
            soft_wrap=True,
        )
    else:
        _tell(report, opened, plan, execute, written, wrong)
    return 1 if wrong else 0


def folder_of(plan_path: Path, out: Path | None) -> Path:
    """Where the journal and the manifest of a plan are."""
    folder = out or Path("deployments") / plan_path.stem
    require_folder("--out", folder)
    return folder


def _tell(
    report: Report,
    opened: Opened,
    plan: Plan,
    execute: bool,
    written: Path | None,
    wrong: list[str],
) -> None:
    shown, instrument = console(), plan.loaded_instrument

    def say(text: str) -> None:
        shown.print(text, markup=False, soft_wrap=True)

    if not execute or shown.is_terminal:
        show_table(
            shown,
            f"{instrument.name}, {instrument.isin}",
            ("Ledger", "Step", "State"),
            [(step.ledger, step.title, step.state) for step in report.steps],
        )
    counts = {
        state: sum(step.state == state for step in report.steps)
        for state in ("done", "executed", "pending", "elsewhere")
    }
    if not execute:
        say(
            f"dry run: {counts['done']} steps done, {counts['pending']} pending"
            + (f", {counts['elsewhere']} on other ledgers" if counts["elsewhere"] else "")
            + "; nothing was sent (--execute sends)"
        )
        return
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
            {"ledger": step.ledger, "title": step.title, "state": step.state}
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
    """Make sure that deployers can send, and that nothing of an earlier run is still under way.

    Raises:
        InputError: a deployer can't sign.
        CheckFailed: a deployer has no funds, or its transactions don't get into blocks.
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
            chain.set_balance(deployer, 10**24)
        _await_pending(chain, deployer.address)


def _await_pending(chain: Chain, address: str) -> None:
    end = time.monotonic() + _PENDING_SECONDS
    while chain.nonce(address, pending=True) > chain.nonce(address):
        if time.monotonic() > end:
            raise CheckFailed(
                f"{chain.name}: transactions of the deployer {address} wait in the pool since "
                f"{_PENDING_SECONDS} s: replace them or wait, then run again"
            )
        time.sleep(0.5)


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
