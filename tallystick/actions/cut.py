"""The cut: who owes for what at a close, from figures that each ledger tells of itself.

Units between ledgers belong, for every close between leaving and landing on an account, to whoever
they land with, on the ledger where they land. So a lane's part of the issue has three owers: the
remote's accounts, what is to land there, and what is to land at home. Units that go back had
arrived, and are sent as any.

All figures are as of one close, in base units. Flows are cumulative, modulo 2**104: only their
differences are read. Nobody counts arrivals; what a ledger has is what arrived and did not leave.

A ratio ends an epoch: flows begin again at 0, and a lane begins the next one with a `Base`, from
its last close in old units on either ledger (`carry`). Everything rounds down by itself, so that
parts are never below what they pay for; above it they are by remainders only. A ledger that took a
ratio late tells figures in old units; home restates them (`restated`) as if it had taken it then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final

from tallystick.bridge.message import LaneId
from tallystick.token.position import AMOUNT_MAX
from tallystick.token.ratios import Ratio, carried

__all__ = [
    "FIRST",
    "Base",
    "Break",
    "Cut",
    "HomeEnd",
    "HomeFigures",
    "RemoteEnd",
    "Share",
    "carry",
    "fix",
    "most_rounded",
    "restated",
]

_MODULUS: Final = AMOUNT_MAX + 1
# Differences between two counts of units: they may be negative.
_SIGNED: Final = frozenset({"came", "gone", "out"})


class _Bounded:
    """Base of figures: each fits 104 bits, as a ledger packs them."""

    __slots__ = ()

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]
            value = getattr(self, each.name)
            signed = each.name in _SIGNED
            if not (-AMOUNT_MAX if signed else 0) <= value <= AMOUNT_MAX:
                least = "1 - 2**104" if signed else "0"
                raise ValueError(f"{each.name} is {value}: {least} to 2**104 - 1 expected")


@dataclass(frozen=True, slots=True)
class HomeEnd(_Bounded):
    """A lane's end at home.

    `outstanding` is owed to the lane, `suspense` arrived from it and waits, `sent` is a flow, what
    came back included, `gone` what left `outstanding` by no message less what came to it by none.
    """

    outstanding: int
    suspense: int
    sent: int
    gone: int = 0


@dataclass(frozen=True, slots=True)
class RemoteEnd(_Bounded):
    """A lane's end abroad, the body of FIGURES.

    `suspense` and `pooled` are those parts of `supply` that wait, or stand for units with another
    bridge; `came` is what came to the supply by no lane message less what left it by none.
    """

    supply: int
    suspense: int
    sent: int
    came: int = 0
    pooled: int = 0


@dataclass(frozen=True, slots=True)
class Base(_Bounded):
    """What a lane begins an epoch with, in its units.

    `out` is what had left home for good: the remote's supply, less what came to it by no message,
    and what was under way there. `short` is what the lane has above what home counts of it, since
    what it is owed and `came` round each by itself: 0 unless other bridges brought units there.
    """

    out: int = 0
    short: int = 0


# What a lane begins with when it is opened.
FIRST: Final = Base()


@dataclass(frozen=True, slots=True)
class HomeFigures(_Bounded):
    """The home ledger.

    `custody` and `pooled` are the parts of `supply` that the lanes' custodies and pools hold,
    `bridged_out` is what other bridges took out of it less what they brought back, never more.
    """

    supply: int
    custody: int
    pooled: int = 0
    bridged_out: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """An open lane's part of the issue, by who pays for it.

    `home_crossing` is paid at home, `accounts` and `crossing` on the remote ledger, `pooled` to the
    payees named for its pools. `crossing` is what is to land there, from transit or suspense.
    """

    home_crossing: int
    accounts: int
    crossing: int
    pooled: int


@dataclass(frozen=True, slots=True)
class Break:
    """Figures that do not fit one another: of `what` there is `found`, at most `expected` can be.

    Without a lane it is the issue itself.
    """

    lane: LaneId | None
    what: str
    found: int
    expected: int

    def __str__(self) -> str:
        where = f"lane 0x{self.lane.hex()}: " if self.lane is not None else ""
        return f"{where}{self.what}: {self.found}, at most {self.expected} expected"


@dataclass(frozen=True, slots=True)
class Cut:
    """The issue at a close, split.

    Its parts sum to it: home's `accounts` and pools, each open lane's share, what is kept back
    whole for lanes whose figures are `missing` or among the `breaks`, and what is elsewhere.

    `elsewhere` is with other bridges, or left a remote and is not yet booked at home: what they
    took out of home, less what came to remotes by no message. While lanes wait it is not final.
    What ratios rounded off that, and accounts have, is in no figure of home's: `issue` has it too.
    """

    issue: int
    accounts: int
    pooled: int
    shares: Mapping[LaneId, Share]
    kept: Mapping[LaneId, int]
    missing: tuple[LaneId, ...]
    breaks: tuple[Break, ...]
    elsewhere: int


def fix(
    home: HomeFigures,
    ends: Mapping[LaneId, HomeEnd],
    told: Mapping[LaneId, RemoteEnd],
    bases: Mapping[LaneId, Base] = MappingProxyType({}),
    rounded: int = 0,
) -> Cut:
    """Split the issue at a close among those who pay for it.

    Args:
        home: The home ledger.
        ends: Every lane opened by that close, from home's own storage.
        told: What remote ledgers told, in home's units (`restated`); a lane without figures, or
            with figures that do not fit, has its part kept back whole and no other lane's part
            changes (INV-7). Units that came by no message fit any gate: a lane takes them, in this
            order, from what is elsewhere.
        bases: What lanes began the epoch with (`carry`); without one a lane began at 0.
        rounded: Base units that ratios may have rounded off what other bridges carry. A lane is not
            kept waiting for those.

    Raises:
        KeyError: figures of a lane that is not home's.
    """
    began = {lane: bases.get(lane, FIRST) for lane in told}
    breaks = [
        each
        for lane in told
        if (each := _gate(lane, ends[lane], told[lane], began[lane])) is not None
    ]
    broken = {each.lane for each in breaks}
    came = {lane: told[lane].came + ends[lane].gone + began[lane].short for lane in told}
    elsewhere = home.bridged_out + home.custody - sum(map(_owed, ends.values()))
    shares = {}
    # A lane that takes more than is there is asked again once the others have added theirs.
    for lane, units in sorted(came.items(), key=lambda each: each[1] > 0):
        if lane in broken:
            continue
        if 0 < units > elsewhere + rounded:
            breaks.append(Break(lane, "came by no message", units, max(elsewhere, 0)))
            continue
        elsewhere -= units
        shares[lane] = _share(ends[lane], told[lane], began[lane])
    # What rounding took from there: accounts have it all the same.
    over = min(max(-elsewhere, 0), rounded)
    own = (
        Break(None, "in custody and pools at home", home.custody + home.pooled, home.supply),
        Break(None, "owed to lanes", sum(map(_owed, ends.values())), home.custody),
    )
    return Cut(
        issue=home.supply + home.bridged_out + over,
        accounts=home.supply - home.custody - home.pooled,
        pooled=home.pooled,
        shares=shares,
        kept={lane: _owed(end) for lane, end in ends.items() if lane not in shares},
        missing=tuple(lane for lane in ends if lane not in told),
        breaks=(*breaks, *(each for each in own if each.found > each.expected)),
        elsewhere=elsewhere + over,
    )


def _owed(end: HomeEnd) -> int:
    """Units in custody for a lane: known at home whatever the remote tells."""
    return end.outstanding + end.suspense


def carry(
    base: Base, home: HomeEnd, told: RemoteEnd, ratio: Ratio, lane: LaneId | None = None
) -> Base | Break:
    """Return what a lane begins the next epoch with.

    `out` is floor(supply) + floor(under way there) - `came`, each by itself. Whatever is under way
    home is what is left of what home owes: floors of parts are no more than the floor of their sum.

    Args:
        base: What it began this epoch with.
        home: Home's last close in old units.
        told: The remote's last close in old units, which is later if it took the ratio late.
        ratio: What ends the epoch.
        lane: For what is returned if the figures do not fit one another; compared in old units,
            where a direction below zero can't hide in a floor.
    """
    if (wrong := _gate(lane, home, told, base)) is not None:
        return wrong
    homeward, outward = _in_transit(home, told, base)
    after = restated(told, ratio)

    def part(amount: int) -> int:
        return _down(amount, ratio)

    # What home counts of the lane in new units: custody and suspense round each by itself.
    held = part(home.outstanding + home.suspense) - part(home.suspense)
    shown = held + part(home.gone) + after.came
    return Base(
        out=after.supply + part(outward) - after.came,
        short=max(part(told.supply + homeward + outward) - shown, 0),
    )


def restated(told: RemoteEnd, ratio: Ratio) -> RemoteEnd:
    """Return figures in old units as if their ledger had taken the ratio at that close."""

    def part(amount: int) -> int:
        return _down(amount, ratio)

    return RemoteEnd(
        supply=part(told.supply),
        suspense=part(told.suspense),
        sent=0,
        came=part(told.came),
        pooled=part(told.pooled),
    )


def most_rounded(ratios: Iterable[Ratio], lanes: int) -> int:
    """Return the most that ratios may have rounded off what other bridges carry.

    A unit of each lane's ledger and of home's a ratio, as later ratios leave it.
    """
    most = 0
    for ratio in ratios:
        most = -(-most * ratio.numerator // ratio.denominator) + lanes + 1
    return most


def _down(amount: int, ratio: Ratio) -> int:
    """What a ratio makes of units, or of a difference of units: rounded towards 0."""
    return carried(amount, [ratio]) if amount >= 0 else -carried(-amount, [ratio])


def _in_transit(home: HomeEnd, remote: RemoteEnd, base: Base) -> tuple[int, int]:
    """Units under way home, and under way to the remote ledger; below zero it wraps."""
    left_home = base.out + home.sent
    arrived_home = left_home - home.outstanding - home.gone - base.short
    arrived_abroad = remote.supply - remote.came + remote.sent
    return (
        (remote.sent - arrived_home) % _MODULUS,
        (left_home - arrived_abroad) % _MODULUS,
    )


def _gate(lane: LaneId | None, home: HomeEnd, remote: RemoteEnd, base: Base) -> Break | None:
    """Return what shows that the figures do not fit, if something does.

    One comparison tells: a direction below zero wraps, and the sum is off by 2**104.
    """
    if remote.suspense + remote.pooled > remote.supply:
        waits = remote.suspense + remote.pooled
        return Break(lane, "in custody and pools abroad", waits, remote.supply)
    homeward, outward = _in_transit(home, remote, base)
    whole = home.outstanding + home.gone + base.short
    if remote.supply - remote.came + homeward + outward == whole:
        return None
    sender, receiver, transit = (
        (base.out + home.sent, "arrived abroad", outward)
        if outward >= homeward
        else (remote.sent, "arrived at home", homeward)
    )
    return Break(lane, receiver, sender + _MODULUS - transit, sender)


def _share(home: HomeEnd, remote: RemoteEnd, base: Base) -> Share:
    homeward, outward = _in_transit(home, remote, base)
    return Share(
        home_crossing=home.suspense + homeward,
        accounts=remote.supply - remote.suspense - remote.pooled,
        crossing=remote.suspense + outward,
        pooled=remote.pooled,
    )
