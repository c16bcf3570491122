"""A bond's payments by its terms beside what is announced of them; what is due is announced.

A payment is due from its announcement day on, for as long as there is the notice that every event
needs. What is announced is compared by what it pays and when: a version that the issuer announced
by hand, on another day, is the schedule's too if it says the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Final

from tallystick.actions.message import EventVersion, Status
from tallystick.actions.record import EventRecord, RecordError
from tallystick.actions.schedule import Coupon
from tallystick.chain import Account
from tallystick.events.acts import Step
from tallystick.events.engines import Engines
from tallystick.events.ratios import Ratios
from tallystick.files.coupons import TermsEvent
from tallystick.files.event import NOTICE_DAYS, field_of, wrong_days
from tallystick.reach.connection import Connection
from tallystick.token.position import date_of

__all__ = ["Scheduled", "Scheduler"]

# What differs from one announcement of the same terms to the next.
_APART: Final = ("announced", "version", "previous")
_DAYS: Final = frozenset({"ex", "record_day", "figures_by", "payment_day", "relief_until"})


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Where a coupon or redemption stands.

    `state` is `later` (its announcement day has not come), `due`, `announced`, `past` (paid before
    it could be announced here) or, wrong: `late` (too little notice is left), `other` (announced
    with other terms), `cancelled`; `detail` says what of it.
    """

    made: TermsEvent
    state: str
    detail: str = ""

    @property
    def is_wrong(self) -> bool:
        """Whether somebody has to look at it."""
        return self.state in {"late", "other", "cancelled"}

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON: dates as they are written, numbers of any size as text.

        `rate` is what the contract takes: smallest units of the cash for one base unit.
        """
        paid, record = self.made.paid, self.made.record
        rate = record.rate
        if isinstance(paid, Coupon):
            terms: dict[str, Any] = {
                "start": str(paid.start),
                "end": str(paid.end),
                "due": str(paid.due),
                "days": paid.days,
                "fraction": str(paid.fraction),
                "factor": str(paid.factor),
                "interest": str(paid.interest),
            }
        else:
            terms = {
                "caev": record.caev,
                "units": str(paid.units),
                "due": str(paid.due),
                "factor": str(paid.factor),
                "left": str(paid.left),
                "price": str(paid.price),
            }
        return {
            "coaf": record.coaf,
            "corp": record.corp,
            **terms,
            "rate": {"numerator": str(rate.numerator), "denominator": str(rate.denominator)}
            if rate is not None
            else None,
            "announcement": str(paid.announcement),
            "ex": str(paid.ex) if paid.ex else None,
            "record": str(paid.record),
            "payment": str(paid.payment),
            "unit_epoch": record.unit_epoch,
            "record_hash": "0x" + record.hash.hex(),
            "state": self.state,
            "detail": self.detail,
        }


class Scheduler:
    """Looks at what a file makes on the ledgers of a manifest, and announces them.

    Args:
        connection: the ledgers.
        made: what the file makes, in the order of payment.
        account: who sends; by default the role `issuer`.
        execute: send transactions.

    Raises:
        InputError: the manifest has no engines.
    """

    def __init__(
        self,
        connection: Connection,
        made: Sequence[TermsEvent],
        *,
        account: Account | str = "",
        execute: bool = True,
    ) -> None:
        self._connection = connection
        self._engines = Engines(connection)
        self._made = made
        self._account = account
        self._execute = execute

    def standing(self) -> list[Scheduled]:
        """Return where each stands today, by home's clock."""
        today = date_of(self._engines.today(self._engines.home))
        return [self._seen(made, today) for made in self._made]

    def announce(self, standing: Sequence[Scheduled]) -> Iterator[Step]:
        """Announce what is due, as the issuer announces any event."""
        for each in standing:
            if each.state == "due":
                record = each.made.record
                announcer = Ratios(
                    self._connection, record, account=self._account, execute=self._execute
                )
                try:
                    announcer.check_announcement()
                except RecordError as error:
                    # What makes fewer units has to be armed, too.
                    yield Step(
                        self._engines.home,
                        "announce",
                        "refused",
                        f"{record.coaf} {field_of(error.field)}: expected {error.expected}",
                    )
                    continue
                for step in announcer.announce():
                    yield replace(step, detail=f"{record.coaf} {step.detail}")

    def _seen(self, made: TermsEvent, today: date) -> Scheduled:
        engines, coaf = self._engines, made.record.as_tuple()[2]
        standing = engines.engine(engines.home).event_of(coaf)
        newest = bytes(standing.newest)
        if any(newest):
            confirmed = newest == bytes(standing.in_force)
            return _announced(made, engines.versions(coaf)[newest], confirmed)
        if today < made.paid.announcement:
            return Scheduled(made, "later", f"from {made.paid.announcement} on")
        wrong = wrong_days(made.event, today, NOTICE_DAYS)
        if not wrong:
            return Scheduled(made, "due")
        if made.paid.payment < today:
            return Scheduled(made, "past")
        return Scheduled(made, "late", "; ".join(f"{at}: expected {how}" for at, how in wrong))


def _announced(made: TermsEvent, version: EventVersion, confirmed: bool) -> Scheduled:
    """A payment of which a version is announced."""
    what = f"version {version.record.version}, {'' if confirmed else 'not '}confirmed"
    if version.status == Status.CANCELLED:
        return Scheduled(made, "cancelled", what)
    if apart := list(_differences(version.record, made.record)):
        return Scheduled(made, "other", f"{what}: {'; '.join(apart)}")
    return Scheduled(made, "announced", what)


def _differences(announced: EventRecord, scheduled: EventRecord) -> Iterator[str]:
    """What two records say differently of what is paid, and when."""
    for name in (field.name for field in fields(EventRecord) if field.name not in _APART):
        found, wanted = getattr(announced, name), getattr(scheduled, name)
        if found != wanted:
            yield f"{field_of(name)} {_text(name, found)}, not {_text(name, wanted)}"


def _text(name: str, value: Any) -> str:
    """What a record says, for people."""
    if name in _DAYS or name == "expires":
        return str(date_of(value)) if value else "none"
    if name == "rate" and value is not None:
        return f"{value.numerator}/{value.denominator}"
    if name == "left":
        return f"{value.numerator}:{value.denominator}" if value is not None else "none"
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
