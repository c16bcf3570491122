"""The token: positions, supply, closings, authorised amount, controls, orders, allowances."""

from __future__ import annotations

from typing import Final

from tallystick.governance.roles import Role
from tallystick.status.rules.governance import stopped
from tallystick.status.rules.step import NOBODY, Changes, Step, on, proposal, sets
from tallystick.token.closings import CALENDAR_DAYS
from tallystick.token.position import DAY_MAX, SECONDS_PER_DAY, AccountClass, business_day

__all__ = ["UNLIMITED", "left_of"]

UNLIMITED: Final = 2**256 - 1

for _view in ("name", "symbol", "decimals", "close_minute"):
    sets("TokenInitialized", _view, to=_view)
sets("TokenInitialized", "is_home", to="home")


@on("TokenInitialized")
def _token_initialized(step: Step) -> Changes:
    """Of the ISIN the log has the hash alone: its lanes and its record say it."""
    return {
        ("is_live",): False,
        ("action_epoch",): 0,
        ("totalSupply",): 0,
        ("authorised",): 0,
        ("paused_scopes",): {},
        ("announced_closes",): [],
        ("_closing", NOBODY, business_day(step.at, step.close_minute)): (0, False),
    }


@on("Transfer")
def _transfer(step: Step) -> Changes:
    """Units move, come into being (from nobody) or end; at home the authorised amount with them."""
    sender, receiver, amount = step.sender, step.receiver, step.value
    if amount == 0 or sender == receiver:
        # Nothing moves, and no day is written.
        return {}
    changes: Changes = {}
    day = business_day(step.at, step.now("close_minute"))
    for account, change in ((sender, -amount), (receiver, amount)):
        unentitled = any(step.member(name, "position_of", account) for name in ("link", "pool"))
        if account == NOBODY:
            left = changes["totalSupply",] = step.now("totalSupply") - change
        else:
            left = step.member("balance", "position_of", account) + change
            changes |= step.with_members("position_of", account, balance=left, last_movement=day)
        changes["_closing", account, day] = (left, unentitled)
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
sets("Frozen", "position_of account", frozen="amount")
sets("AddressFrozen", "position_of account", account_frozen="frozen")
_LIMITS = "minting_limit burning_limit"
_KEYS = (Role.REGISTRAR, Role.CUSTODIAN)
proposal("ClassProposed", "ClassSet", _KEYS, "set_class account account_class")
proposal("BridgeLimitsProposed", "BridgeLimitsSet", _KEYS, f"set_bridge bridge {_LIMITS}")


@on("ClassSet")
def _class_set(step: Step) -> Changes:
    """Its class is history: a movement of nothing."""
    account, chosen = step.account, step.account_class
    day = business_day(step.at, step.now("close_minute"))
    changed = {"last_movement": day}
    changed |= {"link": chosen == AccountClass.LINK, "pool": chosen == AccountClass.POOL}
    if changed["link"] or step.member("link", "position_of", account):
        changed["eligible_until"] = DAY_MAX if changed["link"] else 0
    return {
        **step.with_members("position_of", account, **changed),
        ("_closing", account, day): (0, chosen != AccountClass.HOLDER),
    }


@on("BridgeLimitsSet")
def _limits_set(step: Step) -> Changes:
    """What is left of a limit never grows by that; without limit are our lanes alone."""
    ours = step.minting_limit == step.burning_limit == UNLIMITED
    changes = step.with_members("bridge_of", step.bridge, ours=ours)
    for way, most in (("minting", step.minting_limit), ("burning", step.burning_limit)):
        limit = step.now(f"{way}CurrentLimitOf", step.bridge, empty=(0, 0, 0))
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
    carried = step.member(count, "bridge_of", bridge) + amount
    return {
        **step.with_members("bridge_of", bridge, **{count: carried}),
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
    }
    count = step.member("orders", "position_of", step.sender) + (1 if entered else -1)
    return {
        ("order_in_force", step.sender, step.receiver, step.amount, order): stands
        if entered
        else {},
        **step.with_members("position_of", step.sender, orders=count),
    }
