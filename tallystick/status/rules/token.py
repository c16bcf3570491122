"""The token: positions, supply, closings, authorised amount, controls, orders, allowances."""

from __future__ import annotations

from typing import Any, Final

from tallystick.governance.roles import Role
from tallystick.status.rules.governance import stopped
from tallystick.status.rules.step import NOBODY, Changes, Facts, Step, on, proposal, sets
from tallystick.token.closings import CALENDAR_DAYS
from tallystick.token.position import (
    AMOUNT_MAX,
    DAY_MAX,
    SECONDS_PER_DAY,
    AccountClass,
    business_day,
)
from tallystick.token.ratios import ALL, Ratio, carried, frozen_after

__all__ = ["UNLIMITED", "epochs_since", "left_of", "net_counts", "restated"]

UNLIMITED: Final = 2**256 - 1

for _view in ("name", "symbol", "decimals", "close_minute"):
    sets("TokenInitialized", _view, to=_view)
sets("TokenInitialized", "is_home", to="home")


@on("TokenInitialized")
def _token_initialized(step: Step) -> Changes:
    """Of the ISIN the log has the hash alone: its lanes and its record say it."""
    return {
        ("is_live",): False,
        ("is_suspended",): False,
        ("action_epoch",): 0,
        ("totalSupply",): 0,
        ("authorised",): 0,
        ("paused_scopes",): {},
        ("announced_closes",): [],
        ("_closing", NOBODY, business_day(step.at, step.close_minute)): (0, False, 0),
    }


@on("Transfer")
def _transfer(step: Step) -> Changes:
    """Units move, come into being (from nobody) or end; at home the authorised amount with them."""
    sender, receiver, amount = step.sender, step.receiver, step.value
    if amount == 0 or sender == receiver:
        # Nothing moves, and no day is written.
        return {}
    changes: Changes = {("_credited",): False}
    day, epoch = _today(step), step.now("action_epoch")
    for account, change in ((sender, -amount), (receiver, amount)):
        unentitled = any(step.member(name, "position_of", account) for name in ("link", "pool"))
        if account != NOBODY:
            left = step.member("balance", "position_of", account) + change
            moved = {"balance": left, "last_movement": day, "epoch": epoch}
            changes |= step.with_members("position_of", account, **moved)
        elif step.now("_credited"):
            # The supply has counted them all along.
            continue
        else:
            left = changes["totalSupply",] = step.now("totalSupply") - change
        changes["_closing", account, day] = (left, unentitled, epoch)
    if receiver == NOBODY and step.now("is_home"):
        changes["authorised",] = step.now("authorised") - amount
    return changes


@on("CrosschainBurn")
def _crosschain_burn(step: Step) -> Changes:
    """Its Transfer was no redemption: what a bridge takes off may come back."""
    if not step.now("is_home"):
        return {}
    return {("authorised",): step.now("authorised") + step.amount}


for _event in ("IssuanceAuthorised", "AuthorisationWithdrawn"):
    sets(_event, "authorised", to="authorised")
sets("Approval", "allowance owner spender", to="value")
sets("Instructed", "standing_instruction actor", same="reason document")
sets("Admitted", "position_of account", eligible_until="until_day")
# Who has nothing follows a ratio in silence.
on("Frozen")(
    lambda s: s.with_members("position_of", s.account, frozen=s.amount, epoch=s.now("action_epoch"))
)
sets("AddressFrozen", "position_of account", account_frozen="frozen")
_LIMITS = "minting_limit burning_limit"
_KEYS = (Role.REGISTRAR, Role.CUSTODIAN)
proposal("ClassProposed", "ClassSet", _KEYS, "set_class account account_class")
proposal("BridgeLimitsProposed", "BridgeLimitsSet", _KEYS, f"set_bridge bridge {_LIMITS}")


@on("ClassSet")
def _class_set(step: Step) -> Changes:
    """Its class is history: a movement of nothing."""
    account, chosen = step.account, step.account_class
    day = _today(step)
    changed = {"last_movement": day}
    changed |= {"link": chosen == AccountClass.LINK, "pool": chosen == AccountClass.POOL}
    if changed["link"] or step.member("link", "position_of", account):
        changed["eligible_until"] = DAY_MAX if changed["link"] else 0
    return {
        **step.with_members("position_of", account, **changed),
        ("_closing", account, day): (0, chosen != AccountClass.HOLDER, 0),
    }


@on("BridgeLimitsSet")
def _limits_set(step: Step) -> Changes:
    """What is left of a limit never grows by that, and ends with a ratio.

    Without limit are our lanes alone.
    """
    ours = step.minting_limit == step.burning_limit == UNLIMITED
    epoch = step.now("action_epoch")
    changes = step.with_members("bridge_of", step.bridge, ours=ours)
    changes["_limits_of", step.bridge] = epoch
    other_units = step.now("_limits_of", step.bridge, empty=epoch) != epoch
    for way, most in (("minting", step.minting_limit), ("burning", step.burning_limit)):
        limit = step.now(f"{way}CurrentLimitOf", step.bridge, empty=(0, 0, 0))
        if other_units:
            limit = (0, 0, 0)
        if not ours:
            limit = (most, min(left_of(limit, step.at), most), step.at)
        changes[f"{way}CurrentLimitOf", step.bridge] = limit
        changes[f"{way}MaxLimitOf", step.bridge] = most
    return changes


@on("CrosschainMint", "CrosschainBurn")
def _carried(step: Step) -> Changes:
    """Of a bridge that isn't ours: it counts, and uses up its limit."""
    bridge, amount = step.sender, step.amount
    if amount == 0 or step.member("ours", "bridge_of", bridge):
        return {}
    minted = step.logged.event == "CrosschainMint"
    count, view = ("came_in", "minting") if minted else ("went_out", "burning")
    limit = step.now(f"{view}CurrentLimitOf", bridge)
    counts: Changes = {}
    for counted in (bridge, NOBODY):
        total = step.member(count, "bridge_of", counted) + amount
        counts |= step.with_members("bridge_of", counted, **{count: total})
    together = counts["bridge_of", NOBODY]
    net = together.get("came_in", 0) - together.get("went_out", 0)
    counts["_came", _today(step)] = (net, step.now("action_epoch"))
    return {
        **counts,
        (f"{view}CurrentLimitOf", bridge): (limit[0], left_of(limit, step.at) - amount, step.at),
    }


def left_of(limit: tuple[int, int, int], time: int) -> int:
    """What is left at a time of a limit: of so much a day, what was left, when."""
    most, left, since = limit
    return min(most, left + most * min(time - since, SECONDS_PER_DAY) // SECONDS_PER_DAY)


@on("CloseAnnounced")
def _close_announced(step: Step) -> Changes:
    """One that left the calendar stays answered."""
    closes = sorted({*step.now("announced_closes"), step.day}, reverse=True)
    return {("announced_closes",): closes[:CALENDAR_DAYS], ("_answered", None, step.day): True}


@on("OpeningKept")
def _opening_kept(step: Step) -> Changes:
    """It tells the close before it."""
    return {("_answered", step.account, step.day - 1): True}


sets("SuspensionSet", "is_suspended", to="suspended")


@on("Paused", "Unpaused")
def _pauses(step: Step) -> Changes:
    return {("paused_scopes",): stopped(step, step.now("paused_scopes"), step.scope)}


@on("OrderEntered", "OrderWithdrawn", "ForcedTransfer")
def _orders(step: Step) -> Changes:
    """It stands until either act uses it up; what it blocks is in the frozen amount."""
    entered = step.logged.event == "OrderEntered"
    # A forced transfer names its order as the document of the act.
    order = step.logged.args.get("order", step.instruction["document"])
    stands = {
        "registrar": step.by,
        "reason": step.instruction["reason"],
        "expires_at": step.logged.args.get("expires_at"),
        "_epoch": step.now("action_epoch"),
    }
    count = step.member("orders", "position_of", step.sender) + (1 if entered else -1)
    named = step.amount
    if step.logged.event == "ForcedTransfer":
        named = _named(step, order)
    return {
        ("order_in_force", step.sender, step.receiver, named, order): stands if entered else {},
        **step.with_members("position_of", step.sender, orders=count),
    }


def _named(step: Step, order: bytes) -> int:
    """What a carried out order named at its entry: what moved is what that has become."""
    for (address, view, *what), value in step.facts.items():
        if (address, view) == (step.logged.address, "order_in_force") and value:
            sender, receiver, named, identity = what
            ratios = epochs_since(step.facts, address, value["_epoch"], _today(step))
            terms = (sender, receiver, identity, carried(named, ratios))
            if terms == (step.sender, step.receiver, order, step.amount):
                return int(named)
    return int(step.amount)


# -------------------------------------------------------------------------------- ratios


def _today(step: Step) -> int:
    return business_day(step.at, step.now("close_minute"))


def epochs_since(facts: Facts, address: str, epoch: int, day: int) -> list[Ratio]:
    """Return a token's ratios after an epoch, up to those of a business day."""
    ratios: list[Ratio] = []
    while kept := facts.get((address, "ratio_at", epoch + 1 + len(ratios))):
        if kept["first_day"] > day:
            break
        ratios.append(Ratio(kept["numerator"], kept["denominator"], kept["first_day"]))
    return ratios


def restated(position: dict[str, Any], ratios: list[Ratio]) -> dict[str, Any]:
    """Return what a position becomes."""
    balance, frozen = position.get("balance", 0), position.get("frozen", 0)
    return {
        **position,
        "balance": carried(balance, ratios),
        "frozen": frozen_after(frozen, balance, ratios),
        "epoch": position.get("epoch", 0) + len(ratios),
    }


def net_counts(bridge: dict[str, Any], ratios: list[Ratio]) -> dict[str, Any]:
    """Return what a bridge's counts become: over a ratio their difference is left of them."""
    if not ratios:
        return bridge
    net = bridge.get("went_out", 0) - bridge.get("came_in", 0)
    return {
        **bridge,
        "went_out": carried(max(net, 0), ratios),
        "came_in": carried(max(-net, 0), ratios),
    }


@on("RatioAnnounced")
def _ratio_announced(step: Step) -> Changes:
    epoch = step.now("action_epoch") + 1
    while step.now("ratio_at", epoch, empty={}):
        epoch += 1
    terms = ("numerator", "denominator", "first_day", "agent")
    return {("ratio_at", epoch): {name: getattr(step, name) for name in terms}}


@on("RatioWithdrawn")
def _ratio_withdrawn(step: Step) -> Changes:
    """Those after it move down."""
    epoch = step.now("action_epoch") + 1
    while step.member("first_day", "ratio_at", epoch) != step.first_day:
        epoch += 1
    changes: Changes = {}
    while later := step.now("ratio_at", epoch + 1, empty={}):
        changes["ratio_at", epoch] = later
        epoch += 1
    return {**changes, ("ratio_at", epoch): {}}


@on("RatioInForce")
def _ratio_in_force(step: Step) -> Changes:
    """The supply is brought up, with it what is authorised and what bridges of others carried."""
    epoch, day = step.epoch, _today(step)
    kept = step.now("ratio_at", epoch)
    ratio = [Ratio(kept["numerator"], kept["denominator"], kept["first_day"])]
    changes: Changes = {
        ("totalSupply",): step.supply,
        ("action_epoch",): epoch,
        ("_closing", NOBODY, day): (step.supply, False, epoch),
        **step.with_members("ratio_at", epoch, supply_remainder=step.remainder),
    }
    for (address, view, *whose), value in step.facts.items():
        if (address, view) == (step.logged.address, "bridge_of"):
            changes["bridge_of", *whose] = net_counts(value, ratio)
    with_others = changes.get(("bridge_of", NOBODY), {}).get("went_out", 0)
    changes["authorised",] = step.authorised + (with_others if step.now("is_home") else 0)
    return changes


@on("RatioApplied")
def _ratio_applied(step: Step) -> Changes:
    """An account is brought up; of nobody, remainders that are about to be credited."""
    account, epoch, day = step.account, step.epoch, _today(step)
    left = step.member("remainders", "ratio_at", epoch) + step.remainder
    changes = step.with_members("ratio_at", epoch, remainders=left)
    if account == NOBODY:
        return changes
    frozen = ALL if step.frozen == AMOUNT_MAX else step.frozen
    amounts = {"balance": step.balance, "frozen": frozen, "epoch": epoch}
    if step.member("last_movement", "position_of", account):
        amounts["last_movement"] = day
        unentitled = any(step.member(name, "position_of", account) for name in ("link", "pool"))
        changes["_closing", account, day] = (step.balance, unentitled, epoch)
    return {**changes, **step.with_members("position_of", account, **amounts)}


@on("RemaindersCredited")
def _remainders_credited(step: Step) -> Changes:
    """The Transfer that follows is no issue."""
    taken = step.units * step.member("denominator", "ratio_at", step.epoch)
    left = step.member("remainders", "ratio_at", step.epoch) - taken
    return {**step.with_members("ratio_at", step.epoch, remainders=left), ("_credited",): True}
