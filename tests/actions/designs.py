"""Designs of the cut that look right and are not: each replaces one rule of the model's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tallystick.actions.cut import Base, Break, Cut, HomeEnd, HomeFigures, RemoteEnd, restated
from tallystick.bridge.message import LaneId
from tallystick.token.position import AccountClass
from tallystick.token.ratios import Ratio, carried
from tests.actions.ledgers import DAY, ELSEWHERE, Ledger, Message, Property, Story, T
from tests.actions.rules import Design


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
        self,
        home: HomeFigures,
        ends: dict[LaneId, HomeEnd],
        told: dict[LaneId, RemoteEnd],
        bases: Mapping[LaneId, Base],
        rounded: int,
    ) -> Cut:
        cut = super().fix(home, ends, told, bases, rounded)
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
        self,
        home: HomeFigures,
        ends: dict[LaneId, HomeEnd],
        told: dict[LaneId, RemoteEnd],
        bases: Mapping[LaneId, Base],
        rounded: int,
    ) -> Cut:
        told = {lane: replace(end, came=0) for lane, end in told.items()}
        return super().fix(replace(home, bridged_out=0), ends, told, bases, rounded)


class PoolsForfeit(Design):
    """What is in pools is nobody's to claim: its cash returns as what was forgotten."""

    def keeps(self, place: int) -> bool:
        return place == ELSEWHERE


# --- ratios --------------------------------------------------------------------------------------


class CrossInLandedUnits(Design):
    """A crossing claim counts what landed, whatever ratio came between."""

    def worth(self, message: Message, home: Ledger, epoch: int) -> int:
        return message.landing.units if message.landing else super().worth(message, home, epoch)


class RawRatio(Design):
    """A message lands as many units as left, after a ratio too (F6)."""

    def lands(self, message: Message, ledger: Ledger) -> int | None:
        brought = super().lands(message, ledger)
        return None if brought is None else message.amount


class UpAtArrival(Design):
    """A message that a ratio finds under way is rounded up where it arrives (RDUP)."""

    def lands(self, message: Message, ledger: Ledger) -> int | None:
        brought = super().lands(message, ledger)
        if brought is not None:
            for ratio in ledger.ratios[message.epoch : ledger.epoch()]:
                brought += message.amount * ratio.numerator % ratio.denominator > 0
        return brought


class CreditUnknownEpoch(Design):
    """A ledger that was not told of a ratio credits new units as they stand."""

    def lands(self, message: Message, ledger: Ledger) -> int | None:
        brought = super().lands(message, ledger)
        return message.amount if brought is None else brought


class KeepsLater(Design):
    """A ledger that drops a ratio keeps those after it, on their days and one number lower."""

    def withdraw(self, ledger: Ledger, at: int) -> None:
        del ledger.ratios[at : at + 1]


class LaterAsOne(Design):
    """Two ratios that a message has missed are one product, rounded once."""

    def lands(self, message: Message, ledger: Ledger) -> int | None:
        if super().lands(message, ledger) is None:
            return None
        numerator = denominator = 1
        for ratio in ledger.ratios[message.epoch : ledger.epoch()]:
            numerator, denominator = numerator * ratio.numerator, denominator * ratio.denominator
        return message.amount * numerator // denominator


class FloorBoth(Design):
    """Both directions begin an epoch with their floors, and these have to sum to what is owed."""

    def carry(self, base: Base, home: HomeEnd, told: RemoteEnd, ratio: Ratio) -> Base | Break:
        after = super().carry(base, home, told, ratio)
        if isinstance(after, Break):
            return after
        own = told.supply - told.came - base.short
        outward = base.out + home.sent - told.supply + told.came - told.sent
        homeward = home.outstanding + home.gone - own - outward
        parts = (carried(units, [ratio]) for units in (own, outward, homeward))
        if sum(parts) != carried(home.outstanding + home.gone, [ratio]):
            return Break(None, "floors", 0, 0)
        return after


class CameForgotten(Design):
    """What other bridges had brought is not taken out of what a lane begins an epoch with."""

    def carry(self, base: Base, home: HomeEnd, told: RemoteEnd, ratio: Ratio) -> Base | Break:
        after = super().carry(base, home, told, ratio)
        came = restated(told, ratio).came
        return after if isinstance(after, Break) else replace(after, out=after.out + came)


class NeverShort(Design):
    """Supply and what other bridges brought round as one, as if they were one word."""

    def carry(self, base: Base, home: HomeEnd, told: RemoteEnd, ratio: Ratio) -> Base | Break:
        after = super().carry(base, home, told, ratio)
        return after if isinstance(after, Break) else replace(after, short=0)


class NothingRounded(Design):
    """No lane takes more than is elsewhere, rounded as each ledger rounds it."""

    def rounded(self, ratios: list[Ratio], lanes: int) -> int:
        return 0


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
# The same where ratios come, and whether ledgers are told late.
NAIVE_RATIOS: Final[dict[type[Design], tuple[Property, int, bool]]] = {
    CrossInLandedUnits: (Property.TWICE, 20, False),
    RawRatio: (Property.BACKING, 20, False),
    UpAtArrival: (Property.BACKING, 20, False),
    CreditUnknownEpoch: (Property.BACKING, 20, True),
    KeepsLater: (Property.ONCE_EACH, 20, False),
    LaterAsOne: (Property.BACKING, 20, False),
    FloorBoth: (Property.GATE, 20, False),
    CameForgotten: (Property.GATE, 20, False),
}
