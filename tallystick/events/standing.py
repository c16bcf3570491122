"""Where an event stands on each of its ledgers, and what it waits for there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tallystick.actions.entitlement import Entitlement, Rate, total
from tallystick.actions.message import Figures, RatioState, Status
from tallystick.actions.record import EventRecord
from tallystick.actions.suspensions import MOST_A_MONTH, often
from tallystick.bridge.message import ledger_id, party
from tallystick.events.driver import Driver
from tallystick.events.engines import ACCOUNTS
from tallystick.events.fractions import Rests
from tallystick.text import hex_text
from tallystick.token.position import date_of

__all__ = [
    "Armed",
    "Part",
    "Payment",
    "Standing",
    "TakenBack",
    "payments_of",
    "payments_on",
    "standing_of",
    "waits",
]


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment of an event: to whom of record, for what, and to which account (`receiver`).

    Without a message it is for what the account held at the close. A holder that was paid
    elsewhere has no receiver.
    """

    ledger: str
    account: str
    message_id: bytes
    paid: Entitlement
    receiver: str

    @property
    def key(self) -> bytes:
        """Under what the engine enters it as owed, if the event is reversed."""
        return self.message_id or party(self.account)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON; amounts are smallest units as text."""
        return {
            "ledger": self.ledger,
            "account": self.account,
            "message": hex_text(self.message_id) if self.message_id else None,
            **_amounts(self.paid),
            "receiver": self.receiver or None,
        }


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an event on a ledger: what accounts are owed, or who units land with from a lane.

    `units` and `due` are None until totals are fixed; `left` units are not paid yet once it is
    `open`: funded in full.
    """

    title: str
    accounts: bool
    units: int | None
    due: int | None
    open: bool
    left: int
    held: int
    # For a pool, or with other bridges: whoever two keys name is paid.
    kept: bool = False

    @property
    def unclaimed(self) -> int | None:
        """Base units that nobody was paid for; None: not fixed yet."""
        return self.left if self.open else self.units


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A reversal of an event as it stands on a ledger; amounts in smallest units.

    Attributes:
        reason: its code.
        document: hash of what orders it.
        in_force_at: the ledger's clock when it took effect there; 0: it has not.
        left: payments that are not entered as owed yet.
        entered: the net of those that are.
        repaid: what was repaid of it.
        owing: what accounts of it owe now, in that cash: less what was repaid or set off, and with
            what they owe of other events.
    """

    reason: str
    document: bytes
    in_force_at: int
    left: int
    entered: int
    repaid: int
    owing: tuple[tuple[str, int], ...]

    @property
    def owed(self) -> int:
        """What is owed now."""
        return sum(amount for _, amount in self.owing)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON; amounts are smallest units as text."""
        return {
            "reason": self.reason,
            "document": hex_text(self.document),
            "in_force": self.in_force_at or None,
            "left": self.left,
            "entered": str(self.entered),
            "repaid": str(self.repaid),
            "owed": str(self.owed),
            "owing": [{"account": account, "owed": str(owed)} for account, owed in self.owing],
        }


@dataclass(frozen=True, slots=True)
class Armed:
    """A ratio as it stands on a ledger.

    Attributes:
        text: new units for old ones.
        state: pending, or in force.
        first_day: the first business day in new units there.
        version: by which it was armed.
        uncarried: at home, once it is in force, the ledgers whose lanes are not carried over it.
    """

    text: str
    state: RatioState
    first_day: int
    version: int
    uncarried: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Return it for people."""
        since = "since" if self.state is RatioState.IN_FORCE else "armed, from"
        return f"{self.text} {since} {date_of(self.first_day)}"

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "ratio": self.text,
            "state": self.state.name.lower(),
            "first_day": str(date_of(self.first_day)),
            "version": self.version,
            "lanes_to_carry": list(self.uncarried),
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """An event on a ledger.

    Attributes:
        ledger: the ledger.
        home: whether it is announced there.
        today: its business day.
        record: the version in hand.
        announced: whether that version is the one that was announced last.
        newest: the number of the version that was announced last, or taken; 0: none was.
        in_force: the number of the version that counts there; 0: none.
        current: whether it is the one in hand.
        cancelled: the event is off there.
        late: it was told too late to keep the close.
        halted: two attested records, or totals, contradict one another there.
        told_at: its clock when the version in force was announced, or taken.
        armed_at: the same as home was told; 0: it was not.
        figures: `""`, `told`, `taken` or `contradicted`; at home `own`.
        parts: what it owes for.
        lanes: at home, the ledgers whose lanes are not split yet.
        paid: the sum of what was paid.
        withheld: tax of it that was not passed on.
        terms: whether there are terms of payment in the event's currency.
        gone_back: messages that went back, of which cash is still kept.
        came_back: messages whose units came back there, and nobody was paid for.
        suspended: the ledgers at the other ends of lanes that are suspended there.
        often: of each that was more than five times in a month, that and the month.
        paid_told: of a remote ledger, what home was told of what was paid there.
        taken_back: its reversal, as announced at home, or in force there.
        ratio: the ratio of the event that is armed there; None: none is.
        rests: once it is in force, what it left beyond whole units; None: nothing.
    """

    ledger: str
    home: bool
    today: int
    record: EventRecord
    announced: bool
    newest: int
    in_force: int
    current: bool
    cancelled: bool
    late: bool
    halted: bool
    told_at: int
    armed_at: int
    figures: str
    parts: tuple[Part, ...]
    lanes: tuple[str, ...]
    paid: Entitlement
    withheld: int
    terms: bool
    gone_back: int = 0
    came_back: int = 0
    suspended: tuple[str, ...] = ()
    often: tuple[tuple[str, str], ...] = ()
    paid_told: Entitlement | None = None
    taken_back: TakenBack | None = None
    ratio: Armed | None = None
    rests: Rests | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON; amounts are smallest units as text."""
        return {
            "ledger": self.ledger,
            "told": self.told_at or None,
            "version": self.in_force or None,
            "late": self.late,
            "halted": self.halted,
            "cancelled": self.cancelled,
            "armed": self.armed_at or None,
            "figures": self.figures or None,
            "parts": [
                {
                    "part": part.title,
                    "units": _text(part.units),
                    "due": _text(part.due),
                    "funded": part.open,
                    "held": str(part.held),
                    "unclaimed": _text(part.unclaimed),
                }
                for part in self.parts
            ],
            "paid": _amounts(self.paid),
            "paid_told": None if self.paid_told is None else _amounts(self.paid_told),
            "reversal": None if self.taken_back is None else self.taken_back.as_dict(),
            "withheld": str(self.withheld),
            "suspended": list(self.suspended),
            "suspended_often": [{"ledger": other, "month": month} for other, month in self.often],
            **({"ratio": self.ratio.as_dict() if self.ratio else None} if self.is_ratio else {}),
            **({"fractions": self.rests.as_dict()} if self.rests else {}),
            "waiting": list(waits(self)),
        }

    @property
    def is_ratio(self) -> bool:
        """Whether the event makes of every unit others, or has."""
        return self.record.change is not None or self.ratio is not None


def waits(seen: Standing) -> tuple[str, ...]:
    """Return what an event waits for on a ledger, and why, in words; pure. Nothing: it is done."""
    return (*_waits(seen), *_suspended(seen))


def _suspended(seen: Standing) -> Iterator[str]:
    """What stops there until books are reconciled, and how often it did."""
    for other in seen.suspended:
        what = f"the lane to {other} is" if seen.home else "the instrument is"
        yield f"{what} suspended: reconcile a close"
    for other, month in seen.often:
        yield f"the lane to {other} was suspended over {MOST_A_MONTH} times in {month}"


def _waits(seen: Standing) -> Iterator[str]:
    record, back = seen.record, seen.taken_back
    if back is not None and back.in_force_at:
        yield from _taken_back(seen, back)
        return
    if back is not None:
        yield "event attestors: reverse" if seen.home else "home's reversal: carry"
    if (seen.halted or seen.cancelled) and any(part.held for part in seen.parts):
        yield "what was paid in returns: expire"
    # Announced last, with other words than the version in hand has.
    other = seen.home and not seen.announced and seen.newest >= record.version
    if other and seen.newest > seen.in_force:
        yield f"version {seen.newest}, with its file: confirm"
    if seen.halted:
        yield "halted for good: two attested versions contradict one another"
    elif not seen.current and seen.in_force >= record.version:
        yield f"nothing of this file: another version, {seen.in_force}, is in force"
    elif seen.home and not seen.announced and not seen.current:
        if not other:
            yield "the issuer: announce"
    elif seen.home and not seen.current:
        yield "event attestors: confirm"
    elif not seen.current:
        yield "home's record: carry"
    elif record.is_ratio or (seen.ratio is not None and (seen.cancelled or not record.currency)):
        yield from _ratio_waits(seen)
    elif seen.cancelled or record.record_day == 0:
        return
    elif seen.late:
        yield "told too late: its close was not kept"
    elif seen.today <= record.record_day:
        yield f"the close of the record day, {date_of(record.record_day)}"
    else:
        yield from _after_close(seen)
    if seen.current and not seen.cancelled and record.left is not None:
        yield from _units_wait(seen)


def _units_wait(seen: Standing) -> Iterator[str]:
    """What a redemption's units wait for on a ledger."""
    if seen.record.left != Rate(0) or seen.ratio is not None:
        yield from _ratio_waits(seen)
    elif seen.today >= seen.record.payment_day:
        yield "the units to end, once each ledger is funded in full: arm, carry"


def _ratio_waits(seen: Standing) -> Iterator[str]:
    """What a ratio waits for on a ledger."""
    ratio = seen.ratio
    if ratio is None:
        if not seen.cancelled:
            yield "the ratio: arm" if seen.home else "home's ratio: arm, carry"
    elif ratio.state is RatioState.IN_FORCE:
        for other in ratio.uncarried:
            yield f"the lane to {other} to be carried over the ratio: arm, carry"
        if seen.rests is not None:
            yield from seen.rests.waits(seen.today)
    elif seen.cancelled:
        yield "the ratio that is off is still armed: arm, carry"
    else:
        units = "without units" if seen.record.left == Rate(0) else "in new units"
        yield f"the first day {units}, {date_of(ratio.first_day)}"


def _taken_back(seen: Standing, back: TakenBack) -> Iterator[str]:
    if any(part.held for part in seen.parts):
        yield "what was not paid returns: expire"
    if seen.withheld:
        yield "tax that was not passed on returns: pass-on-tax"
    if back.left:
        yield "payments to be entered as owed: reverse"
    if back.owed:
        yield "what is owed to be repaid: repay"


def _after_close(seen: Standing) -> Iterator[str]:
    accounts = next(part for part in seen.parts if part.accounts)
    if seen.figures == "contradicted":
        yield "two figures contradict one another: that lane and day stop"
    elif not seen.figures:
        yield "its figures of the close: figures"
    elif seen.figures == "told":
        yield "its figures on their way home: carry"
    elif accounts.units is None:
        yield "fix" if seen.home else "totals of home: fix, carry"
    yield from (f"the lane to {ledger}: no figures that fit" for ledger in seen.lanes)
    if seen.record.currency and accounts.units is not None:
        yield from _payment(seen)


def _payment(seen: Standing) -> Iterator[str]:
    record = seen.record
    expired = seen.today > record.expires
    missing = [
        part.title
        for part in seen.parts
        if part.due and not part.open and not (part.accounts and expired)
    ]
    if missing and not seen.terms:
        yield f"terms of payment in {record.currency}: terms"
    elif missing:
        yield f"cash for {', '.join(missing)}: fund"
    yield from _claims(seen, expired)
    if seen.withheld:
        yield "tax to pass on: pass-on-tax"
    if any(part.open and part.held and not part.left for part in seen.parts):
        yield "what rounding left returns: expire"


def _claims(seen: Standing, expired: bool) -> Iterator[str]:
    record = seen.record
    if expired and any(p.accounts and p.held and (p.left or not p.open) for p in seen.parts):
        yield "claims have expired: what is left returns: expire"
    left = [part for part in seen.parts if part.open and part.left]
    if left and seen.today < record.payment_day:
        yield f"the payment day, {date_of(record.payment_day)}"
        return
    if not expired and any(part.accounts for part in left):
        until = f" (until {date_of(record.relief_until)} the holders' own)"
        yield "claims: pay" + (until if seen.today <= record.relief_until else "")
    if any(part.kept for part in left):
        yield "a payee of what is kept back, named under two keys: terms, pay"
    if any(not (part.accounts or part.kept) for part in left):
        yield "units to land and be claimed: pay"
    if seen.gone_back:
        yield "cash of units that went back, to be given up: pay"
    if seen.came_back:
        yield "cash for units that came back, of the paying agent: pay"


def standing_of(driver: Driver) -> tuple[Standing, ...]:
    """Return where the driver's event stands on each ledger, home first."""
    paid = payments_of(driver)
    return tuple(
        _standing(driver, ledger, [each.paid for each in paid if each.ledger == ledger])
        for ledger in driver.engines.ledgers
    )


def _standing(driver: Driver, ledger: str, paid: Iterable[Entitlement]) -> Standing:
    engines, record, coaf = driver.engines, driver.record, driver.coaf
    engine, at_home = engines.engine(ledger), engines.engine(engines.home)
    home = ledger == engines.home
    event = engine.event_of(coaf)
    version = engine.version_of(event.in_force)
    told = at_home.told_at(
        at_home.version_hash(coaf, version.version), ledger_id(engines.chain(ledger).caip2)
    )
    parts = tuple(_parts(driver, ledger))
    ends = {
        remote if home else engines.home: lane.id_bytes
        for remote, lane in engines.lanes.items()
        if home or remote == ledger
    }
    return Standing(
        ledger=ledger,
        home=home,
        today=engines.today(ledger),
        record=record,
        announced=bytes(event.newest) == record.hash,
        newest=int(engine.version_of(event.newest).version),
        in_force=int(version.version),
        current=bytes(event.in_force) == record.hash,
        cancelled=version.status == Status.CANCELLED,
        late=bool(version.late),
        halted=bool(version.halted),
        told_at=int(version.since),
        armed_at=int(version.since if home else told.taken_at),
        figures="own" if home else _figures(driver, ledger),
        parts=parts,
        lanes=tuple(
            remote
            for remote, lane in engines.lanes.items()
            if home and version.fixed and not engine.share_of(coaf, lane.id_bytes).fixed
        ),
        paid=total(paid),
        withheld=sum(int(engine.withheld(coaf, key)) for key in driver.owed(ledger)),
        terms=bool(record.currency)
        and engine.terms_for(record.currency.encode().ljust(4, b"\0"))[0] != 0,
        gone_back=len(list(driver.went_back(ledger))),
        came_back=len(list(driver.came_back(ledger))),
        suspended=tuple(
            other for other, lane in ends.items() if engine.reconciliation_of(lane).suspended_for
        ),
        often=tuple(
            (other, month)
            for other, lane in ends.items()
            for month in often(engines.suspended_at(ledger, lane))
        ),
        paid_told=None if home else _paid_told(driver, ledger),
        taken_back=_reversal(driver, ledger),
        ratio=_ratio(driver, ledger),
        rests=driver.rests(ledger),
    )


def _ratio(driver: Driver, ledger: str) -> Armed | None:
    """The ratio of the event that is armed on a ledger."""
    engines = driver.engines
    engine = engines.engine(ledger)
    found = engine.armed_ratio(driver.coaf)
    if not found.epoch:
        return None
    in_force = found.state == RatioState.IN_FORCE
    return Armed(
        text=f"{found.numerator}:{found.denominator}",
        state=RatioState(found.state),
        first_day=int(found.first_day),
        version=int(found.version),
        uncarried=tuple(
            remote
            for remote, lane in engines.lanes.items()
            if in_force
            and ledger == engines.home
            and not engine.base_of(lane.id_bytes, found.epoch).is_carried
        ),
    )


def _parts(driver: Driver, ledger: str) -> Iterator[Part]:
    """What a ledger owes for; what was set aside for pools is no longer the accounts'."""
    pools = driver.pools(ledger)
    for lane, title in driver.parts(ledger).items():
        units, due = driver.units(ledger, lane), driver.due(ledger, lane)
        if lane == ACCOUNTS and units is not None and due is not None:
            units -= sum(aside for aside, _ in pools.values())
            due -= sum(amount for _, amount in pools.values())
        yield _part(driver, ledger, lane, title, units, due)
    for pool, (units, due) in pools.items():
        yield _part(driver, ledger, party(pool), f"pool {pool}", units, due)


def _part(
    driver: Driver, ledger: str, key: bytes, title: str, units: int | None, due: int | None
) -> Part:
    is_open, left, held = driver.engines.engine(ledger).part_of(driver.coaf, key)
    kept = title not in driver.engines.parts(ledger).values()
    return Part(title, key == ACCOUNTS, units, due, bool(is_open), int(left), int(held), kept)


def _paid_told(driver: Driver, remote: str) -> Entitlement:
    """What home was told of what a remote ledger paid: to accounts, and for what landed there."""
    engines = driver.engines
    lane = engines.lanes[remote].id_bytes
    figures = tuple(map(int, engines.engine(engines.home).paid_at(driver.coaf, lane)))
    return total((Entitlement(*figures[:3]), Entitlement(*figures[3:])))


def _reversal(driver: Driver, ledger: str) -> TakenBack | None:
    """The reversal that a ledger knows or, of home's in force, will."""
    engines, coaf = driver.engines, driver.coaf
    engine, home = engines.engine(ledger), engines.engine(engines.home)
    reversal, since = engines.reversal(coaf), int(engine.reversal_of(coaf).since)
    if reversal is None or not (ledger == engines.home or home.reversal_of(coaf).since):
        return None
    payments = payments_on(driver, ledger) if since else ()
    left = sum(not engine.receivable_of(coaf, each.key)[0] for each in payments)
    entered = list(engines.events(ledger, engine, "ReceivableAssessed", coaf))
    repaid = engines.events(ledger, engine, "ReceivableRepaid", coaf)
    owing = dict.fromkeys((str(event.account), str(event.cash)) for event in entered)
    return TakenBack(
        reason=reversal.reason.decode(),
        document=reversal.document,
        in_force_at=since,
        left=left,
        entered=total(Entitlement(*event.payment) for event in entered).net,
        repaid=sum(int(event.amount) for event in repaid),
        owing=tuple((account, int(engine.owed_by(account, cash)[0])) for account, cash in owing),
    )


def _figures(driver: Driver, remote: str) -> str:
    """How far the figures of a remote ledger's close have come."""
    engines, day = driver.engines, driver.record.record_day
    lane = engines.lanes[remote].id_bytes
    counts, kept = engines.engine(engines.home).figures_at(lane, day)
    if counts:
        return "taken"
    if any((kept.supply, kept.suspense, kept.sent, kept.came)):
        return "contradicted"
    told = engines.told(remote, driver.record)
    return "told" if any(isinstance(each.told, Figures) for each in told) else ""


def payments_of(driver: Driver) -> tuple[Payment, ...]:
    """Return every payment of the driver's event, by ledger, in the order in which it was made."""
    return tuple(each for ledger in driver.engines.ledgers for each in payments_on(driver, ledger))


def payments_on(driver: Driver, ledger: str) -> tuple[Payment, ...]:
    """Return those that a ledger made."""
    found = []
    for event in driver.engines.payments(ledger, driver.coaf):
        message, paid = bytes(event.args.get("message_id", b"")), Entitlement(*event.payment)
        receiver = str(event.args.get("receiver", ""))
        kept = message if any(message) else b""
        found.append(Payment(ledger, str(event.account), kept, paid, receiver))
    return tuple(found)


def _amounts(paid: Entitlement) -> dict[str, str]:
    return {name: str(getattr(paid, name)) for name in ("units", "gross", "tax", "net")}


def _text(amount: int | None) -> str | None:
    return None if amount is None else str(amount)
