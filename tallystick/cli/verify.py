"""`tallystick verify`, `handover`: what stands is judged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tallystick.cli.deploy import folder_of, given_in
from tallystick.cli.terminal import console, json_line, progress, show_table
from tallystick.deploy.changes import differences
from tallystick.deploy.deploy import deploy
from tallystick.deploy.describe import refreshed
from tallystick.deploy.limits import check_release
from tallystick.deploy.verify import Fact, verify, wrong
from tallystick.deploy.verify import left_over as left_of
from tallystick.errors import InputError
from tallystick.files.manifest import SCHEMA as MANIFEST_SCHEMA
from tallystick.files.manifest import Manifest
from tallystick.files.plan import Plan, load_plan
from tallystick.files.release import Archive
from tallystick.files.strict import joined, read
from tallystick.governance.release import PROXIED, Version
from tallystick.reach.accounts import Finder, lives_with_command
from tallystick.reach.connection import connect, connection_of, guarded_of, suites_of
from tallystick.reach.networks import open_chains
from tallystick.reach.nodes import plan_at

__all__ = ["check", "left_over"]


def check(
    path: Path,
    out: Path | None = None,
    rpc: Mapping[str, str] | None = None,
    *,
    accepted: Collection[str] = (),
    archives: Collection[Path] = (),
    refresh: Path | None = None,
    as_json: bool = False,
) -> int:
    """Compare what stands with the build, and with the plan or the manifest; the exit status.

    Args:
        path: the plan or the manifest.
        out: where the plan's journal is.
        rpc: addresses of nodes by ledger, in place of the file's.
        accepted: releases that this build does not know and that are taken, `CONTRACT@VERSION`.
        archives: files of releases that are held to them.
        refresh: where the manifest is written with what acts changed of it, which is judged by.
        as_json: print one JSON object.

    Raises:
        InputError: a file, or what is accepted, is none.
    """
    for each in accepted:
        _check_accepted(path, each)
    if refresh is not None and not _is_manifest(path):
        raise InputError(path, "--refresh", refresh, "a manifest to refresh, and this is a plan")
    changed: list[tuple[str, Any, Any]] = []
    kept = [Archive.load(each) for each in archives]
    facts, manifest, where = _judged(
        path, out, rpc or {}, accepted, kept, changed if refresh else None
    )
    if refresh is not None and manifest is not None:
        manifest.write(refresh)
    bad = wrong(facts)
    if as_json:
        _print(
            json_line(
                {
                    "schema": "tallystick.verify/1",
                    "ok": not bad,
                    "facts": [_row(fact) for fact in facts],
                    **({"changed": [_change(each) for each in changed]} if refresh else {}),
                }
            )
        )
        return 1 if bad else 0
    show_table(
        console(),
        "Meant and found",
        ("", "Ledger", "Contract", "Fact", "Meant", "Found"),
        [
            (
                "WRONG" if fact.wrong else "",
                fact.ledger,
                fact.contract,
                fact.what,
                "(not said)" if fact.meant is None else fact.meant,
                fact.found,
            )
            for fact in facts
        ],
    )
    for field, was, now in changed:
        _print(f"CHANGED {field}: {was}, now {now}")
    if refresh is not None:
        _print(f"written: {refresh}")
    _say("WRONG", bad)
    _print(
        f"wrong: {len(bad)} of {len(facts)} facts of {where}"
        if bad
        else f"verified: {len(facts)} facts of {where}"
    )
    return 1 if bad else 0


def left_over(
    path: Path,
    out: Path | None = None,
    rpc: Mapping[str, str] | None = None,
    *,
    as_json: bool = False,
) -> int:
    """Report what the deployer still has, and what else is not as meant; the exit status."""
    facts, manifest, where = _judged(path, out, rpc or {})
    left = left_of(facts, manifest) if manifest is not None else wrong(facts)
    others = tuple(fact for fact in wrong(facts) if fact not in left)
    if as_json:
        found = {"left": [_row(fact) for fact in left], "wrong": [_row(fact) for fact in others]}
        ok = not (left or others)
        _print(json_line({"schema": "tallystick.handover/1", "ok": ok, **found}))
    else:
        _say("LEFT", left)
        _say("WRONG", others)
        if not left and manifest is not None:
            _print(f"handed over: the deployer has nothing in {where}")
    return 1 if left or others else 0


def _check_accepted(path: Path, text: str) -> None:
    contract, _, version = text.partition("@")
    try:
        Version.parse(version)
    except ValueError:
        contract = ""
    if contract not in PROXIED:
        expected = f"CONTRACT@VERSION, such as SecurityToken@1.1.0, of {', '.join(PROXIED)}"
        raise InputError(path, "--accept-release", text, expected)


def _change(each: tuple[str, Any, Any]) -> dict[str, Any]:
    return dict(zip(("field", "was", "now"), each, strict=True))


def _row(fact: Fact) -> dict[str, Any]:
    return {
        "ledger": fact.ledger,
        "contract": fact.contract,
        "fact": fact.what,
        "meant": fact.meant,
        "found": fact.found,
        "wrong": fact.wrong,
    }


def _judged(
    path: Path,
    out: Path | None,
    rpc: Mapping[str, str],
    accepted: Collection[str] = (),
    archives: Collection[Archive] = (),
    changed: list[tuple[str, Any, Any]] | None = None,
) -> tuple[tuple[Fact, ...], Manifest | None, str]:
    """Judge a manifest, or what stands of a plan; returns all facts, of what, and what it was.

    With `changed` a manifest is refreshed first, and what that changed is added there.
    """
    with ExitStack() as stack:
        stack.enter_context(progress("reading the ledgers"))
        plan, parties = None, None
        if _is_manifest(path):
            connection = connect(Manifest.load(path), rpc=rpc)
            stack.callback(connection.close)
            if changed is not None:
                was, now = connection.manifest, refreshed(connection)
                changed += differences(was.as_dict(), now.as_dict())
                connection = connection_of(now, connection.chains)
        else:
            plan = plan_at(load_plan(path), rpc)
            check_release(path, plan)
            _outlives(path, plan)
            accounts = Finder(path, plan)
            opened = stack.enter_context(open_chains(path, plan, accounts))
            parties = accounts.parties()
            folder = folder_of(path, out)
            journal, given = folder / "journal.json", given_in(folder)
            report = deploy(plan, parties, opened.chains, journal=journal, given=given)
            if report.manifest is None:
                first = next(step for step in report.steps if step.state == "pending")
                found = f"{report.pending} pending, first {first.title}"
                return (Fact(first.ledger, "plan", "steps", "none pending", found),), None, "plan"
            connection = connection_of(report.manifest, opened.chains)
        contracts = sum(len(guarded_of(suite)) for suite in suites_of(connection).values())
        where = f"{contracts} contracts on {', '.join(connection.chains)}"
        return verify(connection, plan, parties, accepted, archives), connection.manifest, where


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


def _say(word: str, facts: Iterable[Fact]) -> None:
    for fact in facts:
        _print(f"{word} {fact}")


def _print(text: str) -> None:
    console().print(text, markup=False, soft_wrap=True)
