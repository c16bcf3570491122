"""The rules of the cut and of ratios as decided; see `tests.actions.model`."""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.actions.cut import (
    Base,
    Break,
    Cut,
    HomeEnd,
    HomeFigures,
    RemoteEnd,
    carry,
    fix,
    most_rounded,
)
from tallystick.bridge.message import LaneId
from tallystick.token.position import AccountClass
from tallystick.token.ratios import Ratio
from tests.actions.ledgers import Ledger, Message, Story, T


class Design:
    """The rules as decided."""

    def close(self, ledger: int) -> int:
        """When a ledger closes, after the beginning of a day: everywhere at the same moment."""
        return 0

    def deliverable(self, message: Message, now: int) -> bool:
        """Nothing arrives before it left, on the clock of where it arrives."""
        return now >= message.lock_time

    def left(self, message: Message) -> tuple[int, int]:
        """Ledger and moment at which a landing's units were last on an account."""
        return message.first.source, message.first.lock_time

    def lands_in_suspense(self) -> bool:
        """Whether suspense is a landing."""
        return False

    def notes(self, message: Message, left: int, today: int) -> bool:
        """Whether a landing is written down: only if a close lay between leaving and landing.

        Who takes a return does not know when the first message left, and writes always.
        """
        return left < today or message.origin is not None

    def pays(self, kind: AccountClass) -> bool:
        """Whether an account of that class claims for itself."""
        return kind is AccountClass.HOLDER

    def keeps(self, place: int) -> bool:
        """Whether a ledger's pools, or what is elsewhere, are a part of their own, for a payee."""
        return True

    def claims(self, message: Message, left: int, day: int) -> tuple[tuple[int, str], ...]:
        """(ledger, payee) of every claim that a message gives for a close.

        `left` is the day on which its units left.
        """
        landing = message.landing
        if landing is None or not left <= day < landing.day:
            return ()
        return ((landing.ledger, landing.payee),)

    def read(self, ledger: Ledger, story: Story[T], day: int) -> T:
        """The figure that a ledger tells of a close."""
        return ledger.closing(story, day)

    def class_at(self, ledger: Ledger, name: str, day: int) -> AccountClass:
        """The class that decides whether an account claims."""
        return ledger.closing(ledger.account(name), day)[1]

    def lands(self, message: Message, ledger: Ledger) -> int | None:
        """What a message brings, in units of where it arrives; nothing: it waits there.

        A ratio that a ledger does not know can't be applied: it was not told in time.
        """
        if message.epoch > ledger.epoch():
            return None
        return ledger.carried(message.amount, message.epoch)

    def worth(self, message: Message, home: Ledger, epoch: int) -> int:
        """Units of a crossing claim, in units of an epoch: of what left, never of what landed."""
        return home.carried(message.first.amount, message.first.epoch, epoch)

    def withdraw(self, ledger: Ledger, at: int) -> None:
        """A remote drops a ratio that is not in force, and sets aside all that follow it."""
        del ledger.ratios[at:]

    def carry(self, base: Base, home: HomeEnd, told: RemoteEnd, ratio: Ratio) -> Base | Break:
        """What a lane begins the next epoch with."""
        return carry(base, home, told, ratio)

    def rounded(self, ratios: list[Ratio], lanes: int) -> int:
        """Most that ratios have rounded off what other bridges carry: a unit a count and ratio."""
        return most_rounded(ratios, lanes)

    def fix(
        self,
        home: HomeFigures,
        ends: dict[LaneId, HomeEnd],
        told: dict[LaneId, RemoteEnd],
        bases: Mapping[LaneId, Base],
        rounded: int,
    ) -> Cut:
        """Who pays for what, from what the ledgers tell."""
        return fix(home, ends, told, bases, rounded)
