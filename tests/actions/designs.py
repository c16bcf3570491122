"""Designs of the cut that look right and are not: each replaces one rule of the model's."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tallystick.actions.cut import Cut, HomeEnd, HomeFigures, RemoteEnd
from tallystick.bridge.message import LaneId
from tallystick.token.position import AccountClass
from tests.actions.model import DAY, ELSEWHERE, Design, Ledger, Message, Property, Story, T


class PayLinks(Design):
    """Custody is a holder like others (F1, F2)."""

    def pays(self, kind: AccountClass) -> bool:
        return kind is not AccountClass.POOL


class NoCrossing(Design):
    """Nobody can prove units that were between ledgers (F3)."""

    def claims(self, message: Message, left: int, day: int) -> tuple[tuple[int, str], ...]:
        return ()


class SenderToo(Design):
    """The source pays the sender for what it locked, the destination the recipient (F2)."""

    def claims(self, message: Message, left: int, day: int) -> tuple[tuple[int, str], ...]:
        landed = super().claims(message, left, day)
        return (*landed, (message.source, message.sender)) if landed else ()


class NoClockRule(Design):
    """A message can arrive before its own lock time, on a clock that is behind (F4)."""

    def deliverable(self, message: Message, now: int) -> bool:
        return True


class OtherClose(Design):
    """Each ledger has a close of its own, three tenths of a day apart."""

    def close(self, ledger: int) -> int:
        return ledger * 3 * DAY // 10


class ReturnIsFresh(Design):
    """A return to source forgets when the units first left."""

    def left(self, message: Message) -> tuple[int, int]:
        return message.source, message.lock_time


class LandedOnArrival(Design):
    """Suspense counts as landed, although no account has the units."""

    def lands_in_suspense(self) -> bool:
        return True


class LiveFigures(Design):
    """Totals come from balances at the moment of fixing, not from the close."""

    def read(self, ledger: Ledger, story: Story[T], day: int) -> T:
        return story.now


class SumOnly(Design):
    """What is in transit is not split by direction: all of it is the remote's."""

    def fix(
        self, home: HomeFigures, ends: dict[LaneId, HomeEnd], told: dict[LaneId, RemoteEnd]
    ) -> Cut:
        cut = super().fix(home, ends, told)
        shares = {}
        for lane, share in cut.shares.items():
            homeward = share.home_crossing - ends[lane].suspense
            shares[lane] = replace(
                share,
                home_crossing=ends[lane].suspense,
                crossing=share.crossing + homeward,
            )
        return replace(cut, shares=shares)


class InclusiveLock(Design):
    """A lock exactly at the close counts to the day before; for the token it is the next day."""

    def left(self, message: Message) -> tuple[int, int]:
        ledger, moment = super().left(message)
        return ledger, moment - 1


class CloseOnlyWord(Design):
    """A landing is written only if a close lay between, of a return too."""

    def notes(self, message: Message, left: int, today: int) -> bool:
        return left < today


class ClassOfToday(Design):
    """Whether an account claims is decided by what it is now, not by what it was."""

    def class_at(self, ledger: Ledger, name: str, day: int) -> AccountClass:
        return ledger.class_of(name)


class OthersIgnored(Design):
    """Figures know of lanes alone: what other bridges carried is in no part."""

    def keeps(self, place: int) -> bool:
        return place != ELSEWHERE

    def fix(
        self, home: HomeFigures, ends: dict[LaneId, HomeEnd], told: dict[LaneId, RemoteEnd]
    ) -> Cut:
        told = {lane: replace(end, came=0) for lane, end in told.items()}
        return super().fix(replace(home, bridged_out=0), ends, told)


class PoolsForfeit(Design):
    """What is in pools is nobody's to claim: its cash returns as what was forgotten."""

    def keeps(self, place: int) -> bool:
        return place == ELSEWHERE


# What each breaks, and within how many plays.
NAIVE: Final[dict[type[Design], tuple[Property, int]]] = {
    PayLinks: (Property.TWICE, 10),
    NoCrossing: (Property.NOBODY, 10),
    SenderToo: (Property.TWICE, 10),
    NoClockRule: (Property.GATE, 10),
    OtherClose: (Property.GATE, 100),
    ReturnIsFresh: (Property.NOBODY, 20),
    LandedOnArrival: (Property.TWICE, 20),
    LiveFigures: (Property.LEDGER_TOTAL, 10),
    SumOnly: (Property.LEDGER_TOTAL, 10),
    InclusiveLock: (Property.TWICE, 10),
    OthersIgnored: (Property.NOBODY, 10),
    PoolsForfeit: (Property.NOBODY, 10),
}
