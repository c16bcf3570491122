"""The token: positions, supply, closings, authorised amount, controls, orders, allowances."""

from __future__ import annotations

from tallystick.governance.roles import Role
from tallystick.status.rules.governance import stopped
from tallystick.status.rules.step import NOBODY, Changes, Step, on, proposal, sets
from tallystick.token.closings import CALENDAR_DAYS
from tallystick.token.position import DAY_MAX, business_day

__all__ = []

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
        link = bool(step.member("link", "position_of", account))
        if account == NOBODY:
            left = changes["totalSupply",] = step.now("totalSupply") - change
        else:
            left = step.member("balance", "position_of", account) + change
            changes |= step.with_members("position_of", account, balance=left, last_movement=day)
        changes["_closing", account, day] = (left, link)
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
_KEYS = (Role.REGISTRAR, Role.CUSTODIAN)
proposal("LinkAccountProposed", "LinkAccountSet", _KEYS, "set_link_account account link")


@on("LinkAccountSet")
def _link_set(step: Step) -> Changes:
    """Its class is history: a movement of nothing."""
    day, until = business_day(step.at, step.now("close_minute")), DAY_MAX if step.link else 0
    changed = {"link": step.link, "eligible_until": until, "last_movement": day}
    return {
        **step.with_members("position_of", step.account, **changed),
        ("_closing", step.account, day): (0, step.link),
    }


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
