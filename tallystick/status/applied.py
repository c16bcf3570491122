"""What an engine's log says that was done for an event: fixed, paid in, paid, given back, owed.

One pass in the order of the log, since what holds for a payment (who is paid, by which category and
terms, what a part has left) is what held then. What contradicts the engine's own log, or closes
that are known beforehand, is a difference; what needs another ledger's engine is compared after
(`tallystick.status.reconciled`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tallystick.actions.entitlement import Entitlement, total
from tallystick.actions.record import LANDED_CLAIM_DAYS, EventRecord
from tallystick.actions.tax import withheld
from tallystick.bridge.message import party
from tallystick.status.closes import Closes, Crossing, Ending
from tallystick.status.declared import (
    ACCOUNTS,
    Applied,
    Claim,
    Difference,
    Due,
    Kind,
    Part,
    Payment,
    Said,
    What,
    word_text,
)
from tallystick.status.rules.step import NOBODY, Logged
from tallystick.token.position import date_of

__all__ = ["Engine", "landed_with", "message_units", "recipient_of"]

_OPERANDS: Final = ("units", "gross", "tax")


class Engine:
    """An engine's log, gone through once.

    Args:
        closes: the ledger's.
        crossings: every message by its id.
        due: what each event declares there, by its word; of others nothing is due.
    """

    def __init__(
        self, closes: Closes, crossings: Mapping[bytes, Crossing], due: Mapping[bytes, Due]
    ) -> None:
        self.closes = closes
        self.crossings = crossings
        self.due = due
        self.token_key = party(closes.token)
        self.events: dict[bytes, Applied] = {}
        self.terms: dict[int, Any] = {}
        self.newest: dict[bytes, int] = {}
        self.categories: dict[str, int] = {}
        self.payees: dict[str, str] = {}
        self.pool_payees: dict[str, str] = {}
        self.owed: dict[tuple[str, str], int] = {}
        self.last: Payment | None = None

    def run(self) -> dict[bytes, Applied]:
        """Go through the log; returns what it leaves of each event, by its word."""
        for logged in self.closes.log.events:
            if logged.contract == "ActionsEngine" and logged.event in _HANDLERS:
                _HANDLERS[logged.event](self, logged)
        return self.events

    # ---------------------------------------------------------------------------- tools

    def of(self, logged: Logged) -> Applied:
        """What is known so far of the event that a log is about."""
        coaf = bytes(logged.args["coaf"])
        return self.events.setdefault(coaf, Applied(coaf))

    def withheld(self, applied: Applied, account: str, gross: int) -> int | None:
        """What of a gross the account's category has withheld now; None: no terms."""
        due = self.due.get(applied.coaf)
        currency = due.record.currency if due is not None else ""
        number = applied.number or self.newest.get(currency.encode().ljust(4, b"\0"), 0)
        if not number:
            return None
        words = [int(word) for word in self.terms[number].rates]
        return withheld(words, self.categories.get(account, 0), gross)

    def note(
        self, applied: Applied, kind: Kind, holder: str, what: str, declared: Said, now: Said
    ) -> None:
        """Note a difference, if there is one."""
        if declared != now:
            coaf = word_text(applied.coaf)
            found = Difference(kind, coaf, self.closes.ledger, holder, what, declared, now)
            applied.differences.append(found)

    def part_of(self, applied: Applied, claim: Claim) -> bytes | None:
        """Under which name the cash of a claim is kept; None: whoever has it paid brings it."""
        if claim.what is What.HELD:
            return ACCOUNTS
        if claim.what is What.LANDED:
            return bytes(self.crossings[claim.message].message.lane)
        return None if claim.what is What.RETURNED else party(claim.account)

    def named(self, pool: str) -> bool:
        """Whether two keys have named a payee of a pool."""
        return self.pool_payees.get(pool, NOBODY) != NOBODY

    def lapsed(self, record: EventRecord, end: Ending, logged: Logged) -> bool:
        """Whether claims of what landed are over when something is logged."""
        last = max(record.expires, end.day + LANDED_CLAIM_DAYS)
        return self.closes.day_of(logged.time) > last

    # ----------------------------------------------------------------------- who is due

    def claim_of(self, applied: Applied, account: str, message: bytes) -> Claim:
        """What a payment is for."""
        if not any(message):
            if account == self.closes.token:
                return Claim(What.ELSEWHERE, account)
            pool = party(account) in applied.parts
            return Claim(What.POOL if pool else What.HELD, account)
        crossing = self.crossings.get(message)
        here = crossing is None or crossing.destination == self.closes.ledger
        return Claim(What.LANDED if here else What.RETURNED, account, message)

    def units_of(self, applied: Applied, claim: Claim) -> int | None:
        """Base units that the close of the record day entitles; None: to nothing.

        Of a message a ratio may have left 0, which is claimed as such.
        """
        due = self.due.get(applied.coaf)
        if due is None or not due.active or due.close is None:
            return None
        if claim.what is What.HELD:
            return due.close.accounts.get(claim.account)
        if claim.what is What.POOL:
            return due.close.pools.get(claim.account)
        if claim.what is What.ELSEWHERE:
            known = due.elsewhere
            return (applied.fixed.get(self.token_key, 0) if known is None else known) or None
        crossing = self.crossings.get(claim.message)
        if crossing is None or not crossing.under_way(due.record.record_day):
            return None
        landed = landed_with(crossing, self.closes.ledger)
        return message_units(due, crossing) if landed == claim.account else None


def message_units(due: Due, crossing: Crossing) -> int:
    """A message's units in those of an event's record."""
    return due.carried(crossing.message.amount, crossing.message.action_epoch)


def landed_with(crossing: Crossing, ledger: str) -> str:
    """With whom a message's units landed on a ledger, or came back to it; nobody: not yet."""
    end = crossing.end
    if end is None:
        return ""
    if not crossing.went_back:
        return end.account if crossing.destination == ledger else ""
    answer = crossing.answer.end if crossing.answer is not None else None
    return answer.account if answer is not None and crossing.source == ledger else ""


def recipient_of(crossing: Crossing) -> str:
    """Return whom units are for that have not landed; of such as go back, whom the answer names."""
    back = crossing.answer if crossing.went_back else crossing
    return back.recipient if back is not None else ""


_Handler = Callable[[Engine, Logged], None]
_HANDLERS: Final[dict[str, _Handler]] = {}


def _on(*events: str) -> Callable[[_Handler], _Handler]:
    """Enter what is done at these events."""

    def enter(handler: _Handler) -> _Handler:
        _HANDLERS.update(dict.fromkeys(events, handler))
        return handler

    return enter


# ------------------------------------------------------------------------------- terms


@_on("PayTermsSet")
def _pay_terms_set(engine: Engine, logged: Logged) -> None:
    terms = logged.args["terms"]
    engine.terms[logged.args["number"]] = terms
    engine.newest[bytes(terms.currency)] = logged.args["number"]


@_on("TaxCategorySet")
def _tax_category_set(engine: Engine, logged: Logged) -> None:
    engine.categories[logged.args["account"]] = logged.args["category"]


@_on("PayeeSet")
def _payee_set(engine: Engine, logged: Logged) -> None:
    engine.payees[logged.args["account"]] = logged.args["payee"]


@_on("PoolPayeeSet")
def _pool_payee_set(engine: Engine, logged: Logged) -> None:
    engine.pool_payees[logged.args["pool"]] = logged.args["payee"]


# ---------------------------------------------------------------------------- versions


@_on("EventAnnounced", "RecordTaken")
def _version(engine: Engine, logged: Logged) -> None:
    applied = engine.of(logged)
    version = bytes(logged.args["record_hash"]), int(logged.args["status"])
    applied.versions.append(version)
    applied.records[version[0]] = tuple(logged.args["record"])
    if logged.event == "RecordTaken":
        applied.in_force = version


@_on("RecordSent")
def _record_sent(engine: Engine, logged: Logged) -> None:
    applied = engine.of(logged)
    applied.in_force = bytes(logged.args["record_hash"]), int(logged.args["status"])
    applied.sent.append(applied.in_force)


@_on("EventHalted")
def _event_halted(engine: Engine, logged: Logged) -> None:
    shown = bytes(logged.args["shown_hash"]), int(logged.args["shown_status"])
    engine.of(logged).contradicted.append(shown)


@_on("TotalsContradicted")
def _totals_contradicted(engine: Engine, logged: Logged) -> None:
    """Home tells of a lane once: one of the two is not home's."""
    applied, shown = engine.of(logged), logged.args["shown"]
    known = applied.shares[bytes(logged.args["lane"])]
    told = (("accounts", known[0]), ("crossing", known[1]))
    seen = (("accounts", shown.accounts), ("crossing", shown.crossing))
    engine.note(applied, Kind.SHARE, "", "totals that were shown", told, seen)
    applied.halted = True


@_on("ReversalSent", "ReversalTaken")
def _reversed(engine: Engine, logged: Logged) -> None:
    engine.of(logged).reversed = True


# ----------------------------------------------------------------------------- shares


def _check_share(
    engine: Engine, applied: Applied, what: str, **parts: tuple[int | None, int]
) -> None:
    """Compare base units that were fixed with what closes say, as far as those are known."""
    known = {name: pair for name, pair in parts.items() if pair[0] is not None}
    declared = tuple((name, said) for name, (said, _) in known.items())
    now = tuple((name, fixed) for name, (_, fixed) in known.items())
    engine.note(applied, Kind.SHARE, "", what, declared, now)


@_on("EventFixed")
def _event_fixed(engine: Engine, logged: Logged) -> None:
    applied, args = engine.of(logged), logged.args
    applied.fixed[ACCOUNTS] = args["accounts"]
    due = engine.due.get(applied.coaf)
    close = due.close if due is not None else None
    _check_share(
        engine,
        applied,
        "accounts",
        accounts=(
            due.accounts.said(args["accounts"]) if due and due.accounts else None,
            args["accounts"],
        ),
        custody=(sum(close.custodies.values()) if close else None, args["custody"]),
        elsewhere=(-close.came if close else None, args["elsewhere"]),
    )


@_on("LaneFixed")
def _lane_fixed(engine: Engine, logged: Logged) -> None:
    applied, lane, share = engine.of(logged), bytes(logged.args["lane"]), logged.args["share"]
    applied.fixed[lane] = share.home_crossing
    applied.shares[lane] = share.accounts, share.crossing


@_on("ElsewhereFixed")
def _elsewhere_fixed(engine: Engine, logged: Logged) -> None:
    applied, units = engine.of(logged), logged.args["units"]
    applied.fixed[engine.token_key] = units
    due = engine.due.get(applied.coaf)
    said = due.elsewhere if due is not None else None
    _check_share(engine, applied, "with other bridges", elsewhere=(said, units))


@_on("TotalsTaken")
def _totals_taken(engine: Engine, logged: Logged) -> None:
    applied, totals = engine.of(logged), logged.args["totals"]
    lane = bytes(logged.args["lane"])
    applied.fixed |= {ACCOUNTS: totals.accounts, lane: totals.crossing}
    applied.shares[lane] = totals.accounts, totals.crossing


# ------------------------------------------------------------------------------ parts


@_on("EventFunded")
def _event_funded(engine: Engine, logged: Logged) -> None:
    applied, args, lane = engine.of(logged), logged.args, bytes(logged.args["lane"])
    due = engine.due.get(applied.coaf)
    if not applied.number and due is not None:
        currency = due.record.currency.encode().ljust(4, b"\0")
        applied.number = engine.newest.get(currency, 0)
    part = applied.parts.setdefault(lane, Part())
    units = applied.fixed.get(lane, 0)
    wanted = due.gross(units) if due is not None else 0
    said = (("due", wanted), ("held", part.cash + args["amount"]))
    engine.note(
        applied,
        Kind.TOTALS,
        "",
        f"cash for {part_text(lane, engine)}",
        said,
        (("due", args["due"]), ("held", args["held"])),
    )
    part.cash, part.open = args["held"], args["held"] == args["due"]
    part.units = units if part.open else 0


def part_text(key: bytes, engine: Engine) -> str:
    """A part in words."""
    if key == ACCOUNTS:
        return "accounts"
    if key == engine.token_key:
        return "other bridges"
    return "units from a lane" if key in engine.closes.lanes else "a pool"


@_on("PoolSetAside")
def _pool_set_aside(engine: Engine, logged: Logged) -> None:
    applied, args = engine.of(logged), logged.args
    due, part = engine.due.get(applied.coaf), applied.parts.setdefault(ACCOUNTS, Part())
    pools = due.close.pools if due is not None and due.close is not None else {}
    units = pools.get(args["pool"], 0)
    said = (("units", units), ("gross", due.gross(units) if due is not None else 0))
    now = (("units", args["units"]), ("gross", args["amount"]))
    engine.note(applied, Kind.KEPT, args["pool"], "set aside", said, now)
    part.units -= args["units"]
    part.cash -= args["amount"]
    kept = Part(args["units"], args["amount"], open=True)
    applied.parts[party(args["pool"])] = kept


@_on("GivenUp")
def _given_up(engine: Engine, logged: Logged) -> None:
    applied, args, message = engine.of(logged), logged.args, bytes(logged.args["message_id"])
    due, crossing = engine.due.get(applied.coaf), engine.crossings.get(message)
    back = (
        due is not None
        and crossing is not None
        and crossing.destination == engine.closes.ledger
        and crossing.end is not None
        and crossing.under_way(due.record.record_day)
        and (crossing.went_back or engine.lapsed(due.record, crossing.end, logged))
        and message not in applied.given_up
    )
    units = 0
    if back and crossing is not None and due is not None:
        units = message_units(due, crossing)
    said = (("units", units), ("gross", due.gross(units) if due is not None else 0))
    now = (("units", args["units"]), ("gross", args["amount"]))
    holder = crossing.recipient if crossing is not None else ""
    engine.note(applied, Kind.KEPT, holder, f"given up {short(message)}", said, now)
    part = applied.parts.setdefault(bytes(args["lane"]), Part())
    part.units -= args["units"]
    part.cash -= args["amount"]
    applied.given_up.add(message)


@_on("ExpiryNoticed")
def _expiry_noticed(engine: Engine, logged: Logged) -> None:
    args = logged.args
    engine.of(logged).noticed[bytes(args["lane"])] = args["day"], args["kept"]


@_on("EventExpired")
def _event_expired(engine: Engine, logged: Logged) -> None:
    """All that is left of a part returns, but what a notice keeps for units that may still land."""
    applied, args, lane = engine.of(logged), logged.args, bytes(logged.args["lane"])
    due, part = engine.due.get(applied.coaf), applied.parts.setdefault(lane, Part())
    over = applied.off or due is None or not due.active
    kept = 0
    if not over and part.units and lane in applied.noticed:
        applied.ended[lane], kept = applied.noticed.pop(lane)
    amount = part.cash - (due.gross(kept) if due is not None else 0)
    said: Said = (("units", part.units - kept), ("amount", amount))
    now: Said = (("units", args["units"]), ("amount", args["amount"]))
    if (part.units or not part.open) and not over and due is not None:
        # What is not paid is the holders' until claims expire.
        last, day = due.record.expires, engine.closes.day_of(logged.time)
        said += (("not before", str(date_of(last + 1))),)
        now += (("not before", str(date_of(min(day, last + 1)))),)
    engine.note(applied, Kind.KEPT, "", f"returned of {part_text(lane, engine)}", said, now)
    part.units, part.cash = part.units - args["units"], part.cash - args["amount"]


@_on("TaxPassedOn")
def _tax_passed_on(engine: Engine, logged: Logged) -> None:
    applied, args, lane = engine.of(logged), logged.args, bytes(logged.args["lane"])
    part, terms = applied.parts.setdefault(lane, Part()), engine.terms.get(applied.number)
    account = "tax_account" if not applied.reversed else "return_account"
    said = (("tax", part.tax), ("to", getattr(terms, account, NOBODY)))
    now = (("tax", args["amount"]), ("to", args["receiver"]))
    engine.note(applied, Kind.TAX, "", f"passed on of {part_text(lane, engine)}", said, now)
    part.tax -= args["amount"]


# --------------------------------------------------------------------------- payments


@_on("Paid", "PaidElsewhere")
def _paid(engine: Engine, logged: Logged) -> None:
    applied, args = engine.of(logged), logged.args
    account, paid = args["account"], Entitlement(*map(int, args["payment"]))
    claim = engine.claim_of(applied, account, bytes(args.get("message_id", b"")))
    units = engine.units_of(applied, claim)
    payment = Payment(
        of=claim,
        paid=paid,
        receiver=args.get("receiver", ""),
        day=engine.closes.day_of(logged.time),
        elsewhere=logged.event == "PaidElsewhere",
    )
    again = claim in applied.payments
    if again or units is None:
        why = "paid once" if again else "nothing"
        now = tuple((name, getattr(paid, name)) for name in _OPERANDS)
        engine.note(applied, Kind.UNENTITLED, account, claim_text(claim), (("due", why),), now)
    else:
        _check_amounts(engine, applied, payment, units)
    if not again:
        applied.payments[claim] = payment
    applied.made.append(payment)
    applied.refused.discard(account)
    engine.last = payment
    key = None if claim.message not in engine.crossings and claim.message else claim
    part = engine.part_of(applied, key) if key is not None else None
    if part is not None:
        left = applied.parts.setdefault(part, Part())
        left.units, left.cash = left.units - paid.units, left.cash - paid.gross
        left.tax += paid.tax


def _check_amounts(engine: Engine, applied: Applied, payment: Payment, units: int) -> None:
    """Hold a payment to what is declared, and to what the ledger knew then."""
    due, claim, paid = engine.due[applied.coaf], payment.of, payment.paid
    what, account = claim_text(claim), claim.account
    said = (("units", units), ("gross", due.gross(units)))
    now = (("units", paid.units), ("gross", paid.gross))
    engine.note(applied, Kind.AMOUNT, account, what, said, now)
    payment.tax = engine.withheld(applied, account, due.gross(units))
    tax = engine.withheld(applied, account, paid.gross)
    engine.note(applied, Kind.TAX, account, what, (("tax", tax),), (("tax", paid.tax),))
    if not payment.elsewhere:
        if claim.what in (What.POOL, What.ELSEWHERE):
            wanted = engine.pool_payees.get(account, NOBODY)
        else:
            wanted = engine.payees.get(account, account)
            wanted = account if wanted == NOBODY else wanted
        to = (("to", payment.receiver),)
        engine.note(applied, Kind.RECEIVER, account, what, (("to", wanted),), to)
    _check_time(engine, applied, payment, due.record)


def _check_time(engine: Engine, applied: Applied, payment: Payment, record: EventRecord) -> None:
    """A payment is made within its days, of a part that is funded in full and not reversed."""
    claim, day = payment.of, payment.day
    last = record.expires if claim.what is What.HELD else max(record.expires, day)
    within = min(max(day, record.payment_day), last)
    key = engine.part_of(applied, claim)
    is_open = key is None or (key in applied.parts and applied.parts[key].open)
    said = (("on", str(date_of(within))), ("funded", True), ("reversed", False))
    now = (("on", str(date_of(day))), ("funded", is_open), ("reversed", applied.off))
    engine.note(applied, Kind.UNTIMELY, claim.account, claim_text(claim), said, now)


@_on("PaymentRefused")
def _payment_refused(engine: Engine, logged: Logged) -> None:
    engine.of(logged).refused.add(logged.args["account"])


@_on("PaidSent")
def _paid_sent(engine: Engine, logged: Logged) -> None:
    """A remote ledger tells the sums of what it has paid, and if all that it owes is funded."""
    applied, paid = engine.of(logged), logged.args["paid"]
    lane, figures = bytes(paid.lane), tuple(map(int, tuple(paid)[2:]))
    applied.told.setdefault(lane, []).append(figures)
    sums = [
        total(each.paid for each in applied.payments.values() if each.of.what is what)
        for what in (What.HELD, What.LANDED)
    ]
    names = [f"{part} {name}" for part in ("accounts", "crossing") for name in _OPERANDS]
    wanted = [getattr(each, name) for each in sums for name in _OPERANDS]
    names.append("funded")
    wanted.append(int(all(_is_funded(engine, applied, key) for key in (ACCOUNTS, lane))))
    pairs = [each for each in zip(names, wanted, figures, strict=True) if each[1] != each[2]]
    said, now = (tuple((each[0], each[at]) for each in pairs) for at in (1, 2))
    engine.note(applied, Kind.TOTALS, "", "told as paid", said, now)


def _is_funded(engine: Engine, applied: Applied, key: bytes) -> bool:
    """Whether a part was paid in for in full, or nothing is due of it."""
    due, part = engine.due.get(applied.coaf), applied.parts.get(key)
    opened = part is not None and part.open
    return opened or (due is not None and not due.gross(applied.fixed.get(key, 0)))


@_on("PaidTaken")
def _paid_taken(engine: Engine, logged: Logged) -> None:
    paid = logged.args["paid"]
    told = engine.of(logged).told.setdefault(bytes(logged.args["lane"]), [])
    told.append(tuple(map(int, tuple(paid)[2:])))


# --------------------------------------------------------------------------- receivables


def _check_owed(engine: Engine, applied: Applied, logged: Logged, change: int, what: str) -> None:
    """What an account is said to owe now follows from what it owed before."""
    key = logged.args["account"], logged.args["cash"]
    wanted = engine.owed.get(key, 0) + change
    now = (("owed", logged.args["owed"]),)
    engine.note(applied, Kind.OWED, key[0], what, (("owed", wanted),), now)
    engine.owed[key] = logged.args["owed"]


@_on("ReceivableAssessed")
def _receivable_assessed(engine: Engine, logged: Logged) -> None:
    applied, args = engine.of(logged), logged.args
    claim = engine.claim_of(applied, args["account"], bytes(args["message_id"]))
    made, entered = applied.payments.get(claim), Entitlement(*map(int, args["payment"]))
    paid = made.paid if made is not None and claim not in applied.assessed else Entitlement(0, 0, 0)
    said = tuple((name, getattr(paid, name)) for name in _OPERANDS)
    now = tuple((name, getattr(entered, name)) for name in _OPERANDS)
    what = f"owed back: {claim_text(claim)}"
    engine.note(applied, Kind.OWED, claim.account, what, said, now)
    applied.assessed[claim] = entered.net
    _check_owed(engine, applied, logged, entered.net, what)


@_on("ReceivableRepaid")
def _receivable_repaid(engine: Engine, logged: Logged) -> None:
    _check_owed(engine, engine.of(logged), logged, -logged.args["amount"], "repaid")


@_on("SetOff")
def _set_off(engine: Engine, logged: Logged) -> None:
    """It is logged right after the payment of which it is kept back."""
    applied, args = engine.of(logged), logged.args
    paid = engine.last
    if paid is not None and paid.of.account == args["account"]:
        paid.set_off += args["amount"]
    _check_owed(engine, applied, logged, -args["amount"], "set off")


# ------------------------------------------------------------------------------- words


def short(message: bytes) -> str:
    """A message, for people."""
    return f"message 0x{message.hex()[:8]}…"


def claim_text(claim: Claim) -> str:
    """What a claim is for, in words."""
    return f"{claim.what} {short(claim.message)}" if claim.message else str(claim.what)
