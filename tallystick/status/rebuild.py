"""Everything that a ledger's contracts know, rebuilt from its logs alone: a pure fold.

A fact is named by the view that answers it, (address, view, *arguments) -> value, so that whoever
compares asks the contract exactly that (`tallystick.status.ledger_log`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from tallystick.actions.message import RatioState
from tallystick.bridge.figures import Figure
from tallystick.bridge.limits import Limit
from tallystick.errors import CheckFailed
from tallystick.status.rules.bridge import lane_over, lane_ratios
from tallystick.status.rules.step import NOBODY, RULES, Facts, Logged, Step
from tallystick.status.rules.token import (
    UNLIMITED,
    epochs_since,
    left_of,
    net_counts,
    restated,
)
from tallystick.token.closings import first_after
from tallystick.token.position import AMOUNT_MAX, SECONDS_PER_DAY, business_day
from tallystick.token.ratios import Ratio, carried

__all__ = ["folded", "rebuild"]


def rebuild(log: Iterable[Logged], time: int) -> Facts:
    """Return all facts that the logs of one ledger, in their order, leave.

    Args:
        log: every event of every contract of the suite there.
        time: of the block for which they are asked, seconds since 1970.

    Raises:
        CheckFailed: an event that no rule knows: nothing that our contracts say is passed over.
    """
    facts = folded(log)
    answered = {
        fact: _at(facts, fact, value, time)
        for fact, value in facts.items()
        if value is not None and not fact[1].startswith("_")
    }
    closes = (_closings, _came, _figures)
    return answered | {fact: value for told in closes for fact, value in told(facts, time)}


def folded(log: Iterable[Logged]) -> dict[tuple[Any, ...], Any]:
    """Return what the logs of one ledger leave as the rules keep it, what no view answers too.

    Raises:
        CheckFailed: as of `rebuild`.
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
    return facts


def _at(facts: Facts, fact: tuple[Any, ...], value: Any, time: int) -> Any:
    """Stops end, orders expire, limits come back and ratios begin without a log.

    An order shows while it could be carried out.
    """
    address, view, *arguments = fact
    ratios = _begun(facts, address, time)
    if view == "paused_scopes":
        return _running(value, time)
    if view in {"lane_state", "limit_state", "action_epoch_of"}:
        return _lane_at(facts, fact, value, time)
    if view == "totalSupply":
        return carried(value, ratios)
    if view == "action_epoch":
        return value + len(ratios)
    if view == "position_of":
        day = business_day(time, facts[address, "close_minute"])
        return restated(value, epochs_since(facts, address, value.get("epoch", 0), day))
    if view == "closing_of":
        return _closing_at(facts, fact, value, time)
    if view == "armed_ratio" and value:
        [minute] = {each for (_, name, *_), each in facts.items() if name == "close_minute"}
        begun = value["first_day"] <= business_day(time, minute)
        return {**value, "state": RatioState.IN_FORCE if begun else value["state"]}
    if view == "bridge_of":
        return net_counts(value, ratios)
    if view == "authorised" and ratios and facts[address, "is_home"]:
        counts = facts.get((address, "bridge_of", NOBODY), {})
        outside = counts.get("went_out", 0) - counts.get("came_in", 0)
        return carried(value - outside, ratios) + carried(outside, ratios)
    if view.endswith("CurrentLimitOf"):
        bridge = facts[address, "bridge_of", arguments[0]]
        if bridge["ours"]:
            return UNLIMITED
        if _is_stopped(facts, address, arguments[0], time):
            return 0
        left = left_of(value, time)
        if view.startswith("minting") and facts[address, "is_home"]:
            left = min(left, bridge.get("went_out", 0) - bridge.get("came_in", 0))
        return left
    if view == "order_in_force":
        sender, receiver, named, _ = arguments
        position = (address, "position_of", sender)
        debited = _at(facts, position, facts[position], time)
        credited = facts.get((address, "position_of", receiver), {})
        may = credited.get("eligible_until", 0) >= time // SECONDS_PER_DAY
        may = may and not (credited.get("account_frozen") or credited.get("link"))
        if not value or value["expires_at"] <= time or "registrar" not in value or not may:
            return {}
        day = business_day(time, facts[address, "close_minute"])
        units = carried(named, epochs_since(facts, address, value["_epoch"], day))
        shown = {name: held for name, held in value.items() if name != "_epoch"}
        return {**shown, "amount": units} if 0 < units <= debited["balance"] else {}
    return value


def _lane_at(facts: Facts, fact: tuple[Any, ...], value: Any, time: int) -> Any:
    """Of a lane, before the first act since a ratio."""
    address, view, lane = fact
    since = facts[address, "brought_up_to", lane]
    day = business_day(time, facts[address, "lane_state", lane]["terms"]["close_minute"])
    ratios = lane_ratios(facts, address, lane, since, day)
    if view == "action_epoch_of":
        return value + len(ratios)
    limit = Limit(**facts[address, "limit_state", lane]).over(ratios)
    if view == "limit_state":
        return asdict(limit)
    stops = {"paused_directions": _running(value["paused_directions"], time)}
    return {**lane_over(value, limit.limit, ratios), **stops}


def _closing_at(facts: Facts, fact: tuple[Any, ...], value: Any, time: int) -> Any:
    """Of a lane's closing: the dust that its keys named, in units of now."""
    address, _, lane = fact
    shown = {name: held for name, held in value.items() if name != "_epoch"}
    if not shown.get("dust"):
        return shown
    day = business_day(time, facts[address, "lane_state", lane]["terms"]["close_minute"])
    ratios = lane_ratios(facts, address, lane, value["_epoch"], day)
    return {**shown, "dust": carried(shown["dust"], ratios)}


def _begun(facts: Facts, address: str, time: int) -> list[Ratio]:
    """The ratios of a token whose first day has come, before the first act since."""
    if (address, "action_epoch") not in facts:
        return []
    day = business_day(time, facts[address, "close_minute"])
    return epochs_since(facts, address, facts[address, "action_epoch"], day)


def _is_stopped(facts: Facts, address: str, bridge: str, time: int) -> bool:
    """Whether a bridge of others waits for a ratio, or for its limits after one."""
    epoch, day = facts[address, "action_epoch"], business_day(time, facts[address, "close_minute"])
    soon = epochs_since(facts, address, epoch, day + 1)
    return bool(soon) or facts[address, "_limits_of", bridge] != epoch


def _running(ends: Mapping[int, int], time: int) -> int:
    return sum(stop for stop, end in ends.items() if end > time)


def _closings(facts: Facts, time: int) -> Iterator[tuple[tuple[Any, ...], int]]:
    """Of closes that are answered for ever, what each account had that had moved by then."""
    histories: dict[tuple[str, str], dict[int, tuple[int, bool, int]]] = defaultdict(dict)
    answered = _answered(facts)
    for (address, view, *what), value in facts.items():
        if view == "_closing":
            histories[address, what[0]][what[1]] = value
    for (address, account), closings in histories.items():
        today = business_day(time, facts[address, "close_minute"])
        for whose, day in answered[address]:
            moved = [moved for moved in closings if moved <= day]
            if whose not in (None, account) or day >= today or not moved:
                continue
            (balance, link, epoch), asked = closings[max(moved)], (day, first_after(day, closings))
            balance = carried(balance, epochs_since(facts, address, epoch, day))
            if account == NOBODY:
                yield (address, "supply_at_close", *asked), balance
            else:
                yield (address, "balance_at_close", account, *asked), balance
                yield (address, "entitled_at_close", account, *asked), 0 if link else balance


def _came(facts: Facts, time: int) -> Iterator[tuple[tuple[Any, ...], int]]:
    """Of closes that are answered for ever, what bridges of others had brought in, net."""
    histories: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    answered = _answered(facts)
    for (address, view, *what), value in facts.items():
        if view == "_came":
            histories[address][what[0]] = value
    for address, days in histories.items():
        today = business_day(time, facts[address, "close_minute"])
        for whose, day in answered[address]:
            if whose in (None, address) and day < today:
                moved = [each for each in days if each <= day]
                net, epoch = days[max(moved)] if moved else (0, 0)
                units = carried(abs(net), epochs_since(facts, address, epoch, day))
                asked = (day, first_after(day, days))
                yield (
                    (address, "came_at_close", *asked),
                    (units if net > 0 else -units) & AMOUNT_MAX,
                )


def _figures(facts: Facts, time: int) -> Iterator[tuple[tuple[Any, ...], int]]:
    """Of closes that are answered for ever, what each lane had sent, and at home what waited."""
    views = {Figure.SENT: "sent_at_close", Figure.SUSPENSE: "suspense_at_close"}
    answered = _answered(facts)
    for (address, fact, *what), days in facts.items():
        if fact != "_figure":
            continue
        lane, figure = what
        terms = facts[address, "lane_state", lane]["terms"]
        today = business_day(time, terms["close_minute"])
        for whose, day in (*answered[terms["token"]], *answered[address]):
            if whose in (None, (lane, figure)) and day < today:
                amount, since = days[max(moved for moved in days if moved <= day)]
                ratios = lane_ratios(facts, address, lane, since, day)
                if figure == Figure.SUSPENSE:
                    amount = carried(amount, ratios)
                elif ratios:
                    # Nothing yet in that epoch.
                    amount = 0
                asked = (lane, day, first_after(day, days))
                yield (address, views[figure], *asked), amount & AMOUNT_MAX


def _answered(facts: Facts) -> dict[str, list[list[Any]]]:
    """By contract, the closes that are answered for ever: of what (None: of all), which day."""
    answered: dict[str, list[list[Any]]] = defaultdict(list)
    for address, view, *what in facts:
        if view == "_answered":
            answered[address].append(what)
    return answered
