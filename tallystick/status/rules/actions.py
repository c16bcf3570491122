"""The actions engine: whom it believes, the golden record, a close, what is paid."""

from __future__ import annotations

from typing import Any, Final

from tallystick.actions.message import (
    RATIO_FIELDS,
    PaidSoFar,
    RatioState,
    Reversal,
    Status,
)
from tallystick.bridge.message import Kind as MessageKind
from tallystick.bridge.message import party
from tallystick.governance.roles import Role
from tallystick.status.rules.step import NOBODY, Changes, Step, on, proposal, sets

__all__ = []

_KEYS: Final = (Role.OPERATOR, Role.ADMINISTRATOR)
_DAY: Final = 86_400
# What lies under no lane: home's accounts.
_NO_LANE: Final = bytes(32)

proposal("AttestorsProposed", "AttestorsSet", _KEYS, "set_attestors verifier", delay=_DAY)
proposal("PeerProposed", "PeerSet", _KEYS, "set_peer chain_id engine verifier", delay=_DAY)
sets("AttestorsSet", "attestors", to="verifier")
sets("PeerSet", "peer_of ledger", same="chain_id engine verifier")


def _is_home(step: Step) -> bool:
    """Whether the ledger is the instrument's home, as its token says."""
    return any(value for (_, view, *_), value in step.facts.items() if view == "is_home")


@on("PeerSet")
def _peer_set(step: Step) -> Changes:
    """A remote ledger believes home alone."""
    return {} if _is_home(step) else {("home_ledger",): step.ledger}


for _event in (
    "Record",
    "Armed",
    "Figures",
    "Totals",
    "Reconciled",
    "Paid",
    "Reversal",
    "Ratio",
    "Entered",
):
    sets(f"{_event}Sent", "is_told id", to=True)


def _kept(step: Step, *, late: bool) -> Changes:
    """A version as it was announced or taken."""
    record = step.record
    version = {name: getattr(record, name) for name in ("version", "record_day", "unit_epoch")}
    in_force = step.member("in_force", "event_of", step.coaf)
    before = step.now("version_of", in_force, empty={})
    known = before.get("status") == Status.ACTIVE and before["record_day"] == record.record_day
    noticed = before["noticed"] if known else step.at
    version |= {"status": step.status, "since": step.at, "noticed": noticed, "late": late}
    return {
        ("version_of", step.record_hash): version,
        ("record_hash", step.coaf, record.version): step.record_hash,
    }


@on("EventAnnounced")
def _event_announced(step: Step) -> Changes:
    standing = {"corp": step.record.corp, "newest": step.record_hash}
    return {
        **step.with_members("event_of", step.coaf, **standing),
        **_kept(step, late=False),
    }


sets("RecordSent", "event_of coaf", in_force="record_hash")


@on("RecordTaken")
def _record_taken(step: Step) -> Changes:
    """It tells the hash of the version before it, which may have been missed."""
    changes = _kept(step, late=step.late)
    if step.record.version != 1:
        changes["record_hash", step.coaf, step.record.version - 1] = step.record.previous
    standing = {"corp": step.record.corp, "newest": step.record_hash, "in_force": step.record_hash}
    return {**changes, ("event_of", step.coaf): standing}


@on("ArmedTaken")
def _armed_taken(step: Step) -> Changes:
    told = {"taken_at": step.armed.taken_at, "late": step.armed.late}
    return {("told_at", step.armed.event_version, step.ledger): told}


def _in_force(step: Step, **changed: bool) -> Changes:
    """The version in force of an event, changed."""
    return step.with_members(
        "version_of", step.member("in_force", "event_of", step.coaf), **changed
    )


@on("EventHalted", "TotalsContradicted")
def _event_halted(step: Step) -> Changes:
    return _in_force(step, halted=True)


@on("FiguresTaken")
def _figures_taken(step: Step) -> Changes:
    return {("figures_at", step.lane, step.figures.day): (True, step.figures)}


@on("FiguresContradicted")
def _figures_contradicted(step: Step) -> Changes:
    return {("figures_at", step.lane, step.day): (False, step.known)}


@on("EventFixed")
def _event_fixed(step: Step) -> Changes:
    share = {"fixed": True, "accounts": step.accounts}
    return {
        **_in_force(step, fixed=True),
        ("share_of", step.coaf, _NO_LANE): share,
        ("_units", step.coaf, _NO_LANE): step.accounts,
        **_elsewhere(step, step.elsewhere, fixed=False),
    }


def _elsewhere(step: Step, units: int, *, fixed: bool, beyond: int = 0) -> Changes:
    """What is with other bridges, under the token's address, and taken of it where nothing is."""
    share = {"fixed": fixed, "home_crossing": units, "crossing": beyond}
    return {
        ("share_of", step.coaf, _token(step)): share,
        ("_units", step.coaf, _token(step)): units,
    }


def _token(step: Step) -> bytes:
    """The ledger's token, as a word."""
    [token] = (address for address, view, *_ in step.facts if view == "is_home")
    return party(token)


sets("LaneFixed", "share_of coaf lane", to="share")


@on("LaneFixed")
def _lane_fixed(step: Step) -> Changes:
    fixed = step.member("fixed", "share_of", step.coaf, _token(step))
    return {
        ("_units", step.coaf, step.lane): step.share.home_crossing,
        **_elsewhere(step, step.elsewhere, fixed=fixed, beyond=step.beyond),
    }


@on("ElsewhereFixed")
def _elsewhere_fixed(step: Step) -> Changes:
    return _elsewhere(step, step.units, fixed=True)


@on("TotalsTaken")
def _totals_taken(step: Step) -> Changes:
    share = {
        "fixed": True,
        "accounts": step.totals.accounts,
        "crossing": step.totals.crossing,
    }
    return {
        **_in_force(step, fixed=True),
        ("share_of", step.coaf, step.lane): share,
        ("_units", step.coaf, _NO_LANE): step.totals.accounts,
        ("_units", step.coaf, step.lane): step.totals.crossing,
    }


# --- books ----------------------------------------------------------------------------------------

proposal("DailyProposed", "DailySet", _KEYS, "set_daily daily", delay=_DAY)
sets("DailySet", "daily_since", to="since")
sets("Suspended", "reconciliation_of lane", suspended_for="day", same="coaf suspensions")
sets("Resumed", "reconciliation_of lane", suspended_for=0, coaf=bytes(32))


def _reconciled(step: Step, day: int, may_land: int) -> Changes:
    """The books of a lane that fit at a close: the newest counts."""
    if day <= step.member("day", "reconciliation_of", step.lane):
        return {}
    return step.with_members("reconciliation_of", step.lane, day=day, may_land=may_land)


def _in_force_of(step: Step) -> Any:
    """The version in force of an event, by the hash of its record."""
    return step.member("in_force", "event_of", step.coaf)


def _record_day(step: Step) -> int:
    """The record day of the version in force of an event."""
    return int(step.member("record_day", "version_of", _in_force_of(step)))


on("ReconciledSent")(lambda s: _reconciled(s, s.reconciled.day, s.homeward))
on("ReconciledTaken")(lambda s: _reconciled(s, s.reconciled.day, s.reconciled.crossing))
on("LaneFixed")(lambda s: _reconciled(s, _record_day(s), s.share.home_crossing))
on("TotalsTaken")(lambda s: _reconciled(s, _record_day(s), s.totals.crossing))


# --- ratios ---------------------------------------------------------------------------------------

proposal("AgentProposed", "AgentSet", _KEYS, "set_fractions_agent agent", delay=_DAY)
sets("AgentSet", "fractions_agent", to="agent")


@on("RatioSent", "EnteredSent")
def _ratio_sent(step: Step) -> Changes:
    """Whoever arms one tells it in the same act."""
    told = step.logged.args.get("ratio") or step.logged.args["entered"]
    if told.state == RatioState.DROPPED:
        return {}
    return {("armed_ratio", step.coaf): {name: getattr(told, name) for _, name in RATIO_FIELDS}}


@on("EnteredTaken")
def _entered_taken(step: Step) -> Changes:
    entered = step.entered
    told = (entered.state, entered.version, entered.first_day)
    changes: Changes = {("ratio_told", step.coaf, step.ledger): told}
    if entered.state == RatioState.IN_FORCE:
        changes["entered_on", step.ledger, entered.epoch] = entered.first_day
    return changes


# What it armed it tells.
on("RatioArmed")(lambda _: {})
on("RatioDropped")(lambda s: {("armed_ratio", s.coaf): {}})
sets("LaneCarried", "base_of lane epoch", to="base")
sets("FractionsOpened", "fraction_code coaf", to="code")


@on("FractionGiven")
def _fraction_given(step: Step) -> Changes:
    """An account's is noted with what it was paid, and no view says it alone."""
    if not any(step.message_id):
        return {}
    lane, direction, nonce = _message_of(step)
    return {("is_crossing_paid", step.coaf, lane, int(direction), nonce): True}


@on("CloseCarried")
def _close_carried(step: Step) -> Changes:
    return {("base_of", step.lane, step.day << 8 | step.epoch): step.base}


# --- payments -------------------------------------------------------------------------------------

sets("OperatorSet", "isOperator controller operator", to="approved")
sets("NonceInvalidated", "authorizations controller nonce", to=True)
sets("TaxPassedOn", "withheld coaf lane", to=0)


@on("PayTermsProposed")
def _pay_terms_proposed(step: Step) -> Changes:
    return step.proposed(Role.PAYING_AGENT, Role.ISSUER, "set_pay_terms", str(step.terms))


@on("PayTermsSet")
def _pay_terms_set(step: Step) -> Changes:
    return {
        **step.carried_out("set_pay_terms", str(step.terms)),
        ("terms_for", step.terms.currency): (step.number, step.terms),
    }


proposal(
    "PoolPayeeProposed",
    "PoolPayeeSet",
    (Role.PAYING_AGENT, Role.ISSUER),
    "set_pool_payee pool payee",
)
sets("PoolPayeeSet", "pool_payee pool", to="payee")


@on("TaxCategorySet")
def _tax_category_set(step: Step) -> Changes:
    payee, _ = step.now("payee_of", step.account, empty=(step.account, 0))
    return {("payee_of", step.account): (payee, step.category)}


@on("PayeeSet")
def _payee_set(step: Step) -> Changes:
    _, category = step.now("payee_of", step.account, empty=("", 0))
    payee = step.account if step.payee == NOBODY else step.payee
    return {("payee_of", step.account): (payee, category)}


@on("EventFunded")
def _event_funded(step: Step) -> Changes:
    """It opens with the last smallest unit of what is due."""
    is_open = step.held == step.due
    units = step.now("_units", step.coaf, step.lane) if is_open else 0
    return {("part_of", step.coaf, step.lane): (is_open, units, step.held)}


def _paid_out(step: Step, lane: bytes, *paid: Any) -> Changes:
    """A payment out of a part, and the view that says that it is made."""
    payment = step.payment
    is_open, units, cash = step.now("part_of", step.coaf, lane)
    left = (is_open, units - payment.units, cash - payment.gross)
    return {
        ("part_of", step.coaf, lane): left,
        paid: True,
        ("withheld", step.coaf, lane): step.now("withheld", step.coaf, lane) + payment.tax,
    }


@on("Paid")
def _paid(step: Step) -> Changes:
    """Which lane a message came by the escrow's log says.

    A pool, and what is with other bridges, have parts of their own.
    """
    if not any(step.message_id):
        key = party(step.account)
        own = any(step.now("part_of", step.coaf, key, empty=()))
        return _paid_out(step, key if own else _NO_LANE, "is_paid", step.coaf, step.account)
    lane, direction, nonce = _message_of(step)
    crossing = ("is_crossing_paid", step.coaf, lane, int(direction), nonce)
    if direction is not (MessageKind.RELEASE if _is_home(step) else MessageKind.ISSUE):
        # It had left from here, and came back: whoever had it paid brought the cash.
        return {crossing: True}
    return _paid_out(step, lane, *crossing)


def _message_of(step: Step) -> tuple[bytes, MessageKind, int]:
    """A message's lane, direction and nonce, as the escrow logged them."""
    [found] = (
        value
        for (_, view, *asked), value in step.facts.items()
        if (view, asked) == ("_message_of", [step.message_id])
    )
    lane, direction, nonce = found
    return lane, direction, nonce


@on("GivenUp")
def _given_up(step: Step) -> Changes:
    """What was kept for units that went back, or that nobody claimed for, returned."""
    lane, direction, nonce = _message_of(step)
    is_open, units, cash = step.now("part_of", step.coaf, lane)
    return {
        ("part_of", step.coaf, lane): (is_open, units - step.units, cash - step.amount),
        ("is_crossing_paid", step.coaf, lane, int(direction), nonce): True,
    }


@on("PoolSetAside")
def _pool_set_aside(step: Step) -> Changes:
    is_open, units, cash = step.now("part_of", step.coaf, _NO_LANE)
    left = (is_open, units - step.units, cash - step.amount)
    return {
        ("part_of", step.coaf, _NO_LANE): left,
        ("part_of", step.coaf, party(step.pool)): (True, step.units, step.amount),
    }


@on("ElsewhereProposed")
def _elsewhere_proposed(step: Step) -> Changes:
    what = (step.coaf, step.account, step.payment, step.reference)
    return step.proposed(Role.PAYING_AGENT, Role.REGISTRAR, "paid_elsewhere", *what)


@on("PaidElsewhere")
def _paid_elsewhere(step: Step) -> Changes:
    what = (step.coaf, step.account, step.payment, step.reference)
    return {
        **step.carried_out("paid_elsewhere", *what),
        **_paid_out(step, _NO_LANE, "is_paid", step.coaf, step.account),
    }


@on("PaymentRefused")
def _payment_refused(_: Step) -> Changes:
    """As if it had not been tried."""
    return {}


@on("PaidTaken")
def _paid_taken(step: Step) -> Changes:
    told = PaidSoFar(*step.paid)
    return {
        ("paid_at", step.coaf, step.lane): list(told.figures),
        ("is_funded_there", step.coaf, step.lane): bool(told.funded),
    }


# --- reversals ------------------------------------------------------------------------------------

sets("ReversalAnnounced", "reversal_of coaf", id="id")


@on("ReversalSent", "ReversalTaken")
def _reversed(step: Step) -> Changes:
    """It is in force from now on: what home announced, or what a remote ledger took."""
    reversal_id = Reversal(*step.reversal).id
    return {("reversal_of", step.coaf): {"id": reversal_id, "since": step.at}}


@on("ReceivableAssessed")
def _receivable_assessed(step: Step) -> Changes:
    payment = step.payment
    key = step.message_id if any(step.message_id) else party(step.account)
    receivable = (True, payment.gross - payment.tax, payment.tax)
    return {("receivable_of", step.coaf, key): receivable, **_owed(step)}


@on("ReceivableRepaid", "SetOff")
def _owed(step: Step) -> Changes:
    """What an account owes since, and what of it may be set off."""
    return {("owed_by", step.account, step.cash): (step.owed, step.may_set_off)}


@on("EventExpired")
def _event_expired(step: Step) -> Changes:
    """What may still land stays, and a part that is open stays so."""
    is_open, units, cash = step.now("part_of", step.coaf, step.lane)
    left = (True, units - step.units, cash - step.amount) if is_open else (False, 0, 0)
    changes: Changes = {("part_of", step.coaf, step.lane): left}
    noticed, *_ = step.now("expiry_notice", step.coaf, step.lane, empty=(0, 0, 0))
    # What rounding left, and all of an event that is off, goes back without notice.
    off = step.member("halted", "version_of", _in_force_of(step))
    off = off or step.member("since", "reversal_of", step.coaf)
    if noticed and step.units and not off:
        changes[("expiry_notice", step.coaf, step.lane)] = (0, 0, noticed)
    return changes


@on("ExpiryNoticed")
def _expiry_noticed(step: Step) -> Changes:
    *_, ended = step.now("expiry_notice", step.coaf, step.lane, empty=(0, 0, 0))
    return {("expiry_notice", step.coaf, step.lane): (step.day, step.kept, ended)}
