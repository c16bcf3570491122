"""The actions engine: whom it believes, the golden record, a close's figures and shares, payments."""

from __future__ import annotations

from typing import Final

from tallystick.governance.roles import Role
from tallystick.status.rules.step import Changes, Step, on, proposal, sets

__all__ = []

_PAYERS: Final = (Role.PAYING_AGENT, Role.ISSUER)
_KEYS: Final = (Role.OPERATOR, Role.ADMINISTRATOR)
_DAY: Final = 86_400
# What lies under no lane: home's accounts.
_NO_LANE: Final = bytes(32)

proposal("AttestorsProposed", "AttestorsSet", _KEYS, "set_attestors verifier", delay=_DAY)
proposal("PeerProposed", "PeerSet", _KEYS, "set_peer chain_id engine verifier", delay=_DAY)
sets("AttestorsSet", "attestors", to="verifier")
sets("PeerSet", "peer_of ledger", same="chain_id engine verifier")


@on("PeerSet")
def _peer_set(step: Step) -> Changes:
    """A remote ledger believes home alone; which one it is, its token says."""
    is_home = any(value for (_, view, *_), value in step.facts.items() if view == "is_home")
    return {} if is_home else {("home_ledger",): step.ledger}


for _event in ("RecordSent", "ArmedSent", "FiguresSent", "TotalsSent"):
    sets(_event, "is_told id", to=True)


def _kept(step: Step, *, late: bool) -> Changes:
    """A version as it was announced or taken."""
    record = step.record
    version = {name: getattr(record, name) for name in ("version", "record_day", "unit_epoch")}
    version |= {"status": step.status, "since": step.at, "late": late}
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
    return {**_in_force(step, fixed=True), ("share_of", step.coaf, _NO_LANE): share}


sets("LaneFixed", "share_of coaf lane", to="share")


@on("TotalsTaken")
def _totals_taken(step: Step) -> Changes:
    share = {
        "fixed": True,
        "accounts": step.totals.accounts,
        "crossing": step.totals.crossing,
    }
    return {**_in_force(step, fixed=True), ("share_of", step.coaf, step.lane): share}


# --- payments -------------------------------------------------------------------------------------

_OPERATED: Final = "isOperator controller operator"

sets("OperatorSet", _OPERATED, to="approved")
sets("NonceInvalidated", "authorizations controller nonce", to=True)
sets("EventFunded", "part_of coaf lane", to=None)


@on("PayTermsProposed")
def _pay_terms_proposed(step: Step) -> Changes:
    return step.proposed(*_PAYERS, "set_pay_terms", step.terms)


@on("PayTermsSet")
def _pay_terms_set(step: Step) -> Changes:
    return {
        **step.carried_out("set_pay_terms", step.terms),
        ("terms_for", step.terms.currency): (step.number, step.terms),
    }
