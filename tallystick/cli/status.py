"""`tallystick status`: what was observed, in tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.console import Console

from tallystick.bridge.message import NO_CAP
from tallystick.cli.terminal import show_table
from tallystick.governance.roles import ALONE
from tallystick.status.document import Status
from tallystick.status.invariants import Verdict
from tallystick.status.observation import DIRECTIONS, SCOPES, EndState, Pending, named
from tallystick.status.pending import pending_of
from tallystick.text import age_text, hex_text, time_text, units_text

__all__ = ["render", "show_pending"]


def render(status: Status, console: Console) -> None:
    """Print a status as tables."""
    seen = status.observation

    def units(amount: int) -> str:
        return units_text(amount, seen.decimals)

    show_table(
        console,
        f"{seen.name}, {seen.isin}",
        ("Ledger", "CAIP-2", "Block", "Time (UTC)", "Supply", "Authorised", "Stopped"),
        [
            (
                f"{ledger.name} (home)" if ledger.home else ledger.name,
                ledger.caip2,
                str(ledger.block),
                time_text(ledger.time),
                units(ledger.supply),
                units(ledger.authorised) if ledger.home else "",
                _stopped(named(ledger.paused, SCOPES), suspended=ledger.suspended)
                or ("" if ledger.live else "set-up"),
            )
            for ledger in seen.ledgers
        ]
        + [(each.ledger, "", "", "", "", "", f"not seen: {each.why}") for each in seen.missing],
        numeric={2, 4, 5},
    )
    show_table(
        console,
        "Positions",
        ("Holder", "Ledger", "Address", "Units", "Frozen", "Eligible until"),
        [
            (
                position.name,
                ledger.name,
                position.account,
                units(position.balance),
                "all"
                if position.account_frozen
                else (units(position.frozen) if position.frozen else ""),
                "link account" if position.link else _until(position.eligible_until, position.pool),
            )
            for ledger in seen.ledgers
            for position in ledger.positions
        ],
        numeric={3, 4},
        empty="none",
    )
    show_table(
        console,
        "Lanes",
        (
            *("Lane", "Side", "Outstanding", "Suspense", "Custody holds", "Sent", "Cap"),
            *("Limit", "Room", "Stopped"),
        ),
        [
            (
                f"{hex_text(lane.id)[:10]}…",
                side.ledger,
                units(side.outstanding),
                units(side.suspense),
                units(side.custody_balance),
                str(side.sent),
                _most(side.cap),
                _most(side.limit),
                "" if side.limit >= NO_CAP else units(side.room),
                _stopped(named(side.paused, DIRECTIONS), suspended=side.suspended),
            )
            for lane in seen.lanes
            for side in (lane.home, lane.remote)
        ],
        numeric={2, 3, 4, 5, 6, 7, 8},
        empty="none",
    )
    show_table(
        console,
        "Epochs",
        ("Lane", "Side", "Epoch", "Verifier", "Second", "Valid from (UTC)", "Until"),
        [
            (
                f"{hex_text(lane.id)[:10]}…",
                side.ledger,
                str(epoch.number),
                epoch.verifier,
                epoch.second or "",
                time_text(epoch.valid_from),
                "" if epoch.valid_until is None else time_text(epoch.valid_until),
            )
            for lane in seen.lanes
            for side in (lane.home, lane.remote)
            for epoch in side.epochs
        ],
        numeric={2},
        empty="none",
    )
    if ends := [lane for lane in seen.lanes if lane.home.ending or lane.home.lists]:
        show_table(
            console,
            "Ends of dead ledgers",
            ("Lane", "Lists in force", "Paid", "Next list", "Total", "Proposed by", "State"),
            [
                (
                    lane.name,
                    str(lane.home.lists),
                    units(lane.home.listed),
                    *_ending(lane.home.ending, units),
                )
                for lane in ends
            ],
            numeric={1, 2, 3, 4},
        )
    for lane in seen.lanes:
        for side in (lane.home, lane.remote):
            if side.lacks:
                lacks = ", ".join(side.lacks.words)
                lacking = f"lane {lane.name}, {side.ledger}: {lacks}"
                console.print(lacking, markup=False, soft_wrap=True)
    for place, title in (("in transit", "In transit"), ("suspense", "In suspense")):
        show_table(
            console,
            title,
            ("From", "To", "Nonce", "Units", "Recipient", "Id", "Age", "Queued until (UTC)"),
            [
                (
                    message.source,
                    message.destination,
                    str(message.nonce),
                    units(message.amount),
                    message.recipient,
                    f"{hex_text(message.id)[:18]}…",
                    age_text(message.age),
                    time_text(message.queued_until) if message.queued_until else "",
                )
                for message in seen.messages
                if message.place == place
            ],
            numeric={2, 3},
            empty="nothing",
        )
    show_table(
        console,
        "Releases",
        ("Ledger", "Contract", "Release", "Implementation", "Code hash"),
        [
            (
                ledger.name,
                release.contract,
                release.version,
                release.implementation,
                f"{release.code_hash[:18]}…" + ("" if release.sound else " NOT AS REGISTERED"),
            )
            for ledger in seen.ledgers
            for release in ledger.releases
        ],
    )
    show_pending(pending_of(seen), console)
    for ledger in seen.ledgers:
        for release in ledger.releases:
            if release.ratify_before is not None:
                before = time_text(release.ratify_before)
                runs = f"EMERGENCY {ledger.name}: {release.contract} {release.version} runs in one"
                runs += f"; to be ratified before {before}, then undone by anyone"
                console.print(runs, markup=False, soft_wrap=True, style="bold red")
        if others := [each for each in ledger.alone if each != ALONE]:
            said = f"{ledger.name}: the guardian rolls back alone for {', '.join(others)}, too"
            console.print(said, markup=False, soft_wrap=True)
    show_table(
        console,
        "Invariants",
        ("", "What", "Figures", "Verdict"),
        [
            (
                verdict.invariant,
                verdict.statement,
                "; ".join(
                    f"{name} {value if _is_count(verdict, name) else units(value)}"
                    for name, value in verdict.figures
                ),
                verdict.word,
            )
            for verdict in status.verdicts
        ],
    )
    for each in seen.unseen:
        console.print(f"INCOMPLETE {each}", markup=False, soft_wrap=True, style="yellow")
    for verdict in status.verdicts:
        for line in verdict.breaks:
            console.print(
                f"BROKEN {verdict.invariant}: {line}",
                markup=False,
                soft_wrap=True,
                style="bold red",
            )


def show_pending(found: Iterable[tuple[str, Pending]], console: Console) -> None:
    """Print what is to come on ledgers, who consented and who can still object."""
    rows = list(found)
    console.print(f"To come{'' if rows else ': nothing'}", style="bold" if rows else "")
    for ledger, each in rows:
        said = [
            "" if each.since is None else f"since {time_text(each.since)}",
            f"approved by {' and '.join(each.approved)}" if each.approved else "",
            f"missing: {' and '.join(each.missing)}" if each.missing else "",
        ]
        effect = f"takes effect from {time_text(each.applies_from)}"
        if each.lapses_at is not None:
            effect += f", lapses at {time_text(each.lapses_at)}"
        stopped = ["nobody can stop it"]
        if each.objectors:
            until = time_text(each.object_until)
            stopped = [f"{' or '.join(each.objectors)} can stop it, surely until {until}:"]
            stopped.append(f"  {each.how}")
        for line in (
            f"  {ledger}, {each.contract}: {each.what}",
            f"    {', '.join(filter(None, said))}",
            f"    {effect}",
            *(f"    {line}" for line in stopped),
        ):
            console.print(line, markup=False, soft_wrap=True)
    console.print()


def _most(limit: int) -> str:
    """A cap or a limit in whole units; nothing for none."""
    return "" if limit >= NO_CAP else f"{limit:,}"


def _ending(end: EndState | None, units: Callable[[int], str]) -> tuple[str, ...]:
    """A list that is proposed, or whose notice runs."""
    if end is None:
        return "", "", "", ""
    state = "proposed: another registrar confirms it"
    if end.applies_from is not None:
        state = f"confirmed, applies from {time_text(end.applies_from)}"
    return str(end.list), units(end.total), end.registrar, state


def _stopped(paused: Sequence[str], *, suspended: bool) -> str:
    """What a guardian paused, and whether all of it waits for books to be reconciled."""
    return ", ".join((*paused, *(("suspended",) if suspended else ())))


def _is_count(verdict: Verdict, name: str) -> bool:
    return verdict.invariant in {"INV-3", "INV-4"} and name.startswith(("messages", "deliveries"))


def _until(day: int, pool: bool) -> str:
    text = time_text(day * 86_400)[:10] if day else "not eligible"
    return f"pool, {text}" if pool else text
