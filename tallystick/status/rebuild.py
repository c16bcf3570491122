"""Everything that a ledger's contracts know, rebuilt from its logs alone: a pure fold.

A fact is named by the view that answers it, (address, view, *arguments) -> value, so that whoever
compares asks the contract exactly that (`tallystick.status.ledger_log`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tallystick.errors import CheckFailed
from tallystick.status.rules.step import NOBODY, RULES, Facts, Logged, Step
from tallystick.status.rules.token import UNLIMITED, left_of
from tallystick.token.closings import first_after
from tallystick.token.position import SECONDS_PER_DAY, business_day

__all__ = ["rebuild"]


def rebuild(log: Iterable[Logged], time: int) -> Facts:
    """Return all facts that the logs of one ledger, in their order, leave.

    Args:
        log: every event of every contract of the suite there.
        time: of the block for which they are asked, seconds since 1970.

    Raises:
        CheckFailed: an event that no rule knows: nothing that our contracts say is passed over.
    """
    facts: dict[tuple[Any, ...], Any] = {}
    acts: dict[str, Mapping[str, Any]] = {}
    for logged in log:
        if logged.event not in RULES:
            at = f"block {logged.block}: {logged.contract} {logged.address}"
            raise CheckFailed(f"{at}: {logged.event}: nothing here knows what this event changes")
        if logged.event == "PrivilegedAct":
            acts[logged.address] = logged.args
        for rule in RULES[logged.event]:
            step = Step(facts, logged, acts.get(logged.address, {}))
            facts.update({(logged.address, *fact): value for fact, value in rule(step).items()})
    answered = {
        fact: _at(facts, fact, value, time)
        for fact, value in facts.items()
        if value is not None and not fact[1].startswith("_")
    }
    return answered | dict(_closings(facts, time))


def _at(facts: Facts, fact: tuple[Any, ...], value: Any, time: int) -> Any:
    """Stops end, orders expire and limits come back without a log.

    An order shows while it could be carried out.
    """
    address, view, *arguments = fact
    if view == "paused_scopes":
        return _running(value, time)
    if view == "lane_state":
        return {**value, "paused_directions": _running(value["paused_directions"], time)}
    if view.endswith("CurrentLimitOf"):
        bridge = facts[address, "bridge_of", arguments[0]]
        if bridge["ours"]:
            return UNLIMITED
        left = left_of(value, time)
        if view.startswith("minting") and facts[address, "is_home"]:
            left = min(left, bridge.get("went_out", 0) - bridge.get("came_in", 0))
        return left
    if view == "order_in_force":
        sender, receiver, amount, _ = arguments
        debited = facts[address, "position_of", sender]
        credited = facts.get((address, "position_of", receiver), {})
        may = credited.get("eligible_until", 0) >= time // SECONDS_PER_DAY
        may = may and not (credited.get("account_frozen") or credited.get("link"))
        alive = "registrar" in value and value["expires_at"] > time
        return value if alive and may and debited.get("balance", 0) >= amount else {}
    return value


def _running(ends: Mapping[int, int], time: int) -> int:
    return sum(stop for stop, end in ends.items() if end > time)


def _closings(facts: Facts, time: int) -> Iterator[tuple[tuple[Any, ...], int]]:
    """Of closes that are answered for ever, what each account had that had moved by then."""
    histories: dict[tuple[str, str], dict[int, tuple[int, bool]]] = defaultdict(dict)
    answered: dict[str, list[list[Any]]] = defaultdict(list)
    for (address, view, *what), value in facts.items():
        if view == "_closing":
            histories[address, what[0]][what[1]] = value
        elif view == "_answered":
            answered[address].append(what)
    for (address, account), closings in histories.items():
        today = business_day(time, facts[address, "close_minute"])
        for whose, day in answered[address]:
            moved = [moved for moved in closings if moved <= day]
            if whose not in (None, account) or day >= today or not moved:
                continue
            (balance, link), asked = closings[max(moved)], (day, first_after(day, closings))
            if account == NOBODY:
                yield (address, "supply_at_close", *asked), balance
            else:
                yield (address, "balance_at_close", account, *asked), balance
                yield (address, "entitled_at_close", account, *asked), 0 if link else balance
