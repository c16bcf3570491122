"""Figures of a close: whatever ledgers tell, what follows sums to the issue, lane by lane."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tallystick.actions.cut import (
    FIRST,
    Base,
    Break,
    HomeEnd,
    HomeFigures,
    RemoteEnd,
    Share,
    carry,
    fix,
    restated,
)
from tallystick.token.position import AMOUNT_MAX
from tallystick.token.ratios import Ratio, carried
from tests.actions.model import lane_id

LANE, NEXT = lane_id(1), lane_id(2)
MODULUS = 2**104
few = st.integers(0, 40)
units = st.integers(0, 2**100)
flow = st.integers(0, AMOUNT_MAX)


@st.composite
def lanes(draw: st.DrawFn) -> tuple[HomeEnd, RemoteEnd, Share]:
    """Both ends of a lane as they are, with flows that began anywhere, and who pays for what."""
    outward, homeward, held, waits_home, waits_abroad, pooled = (draw(units) for _ in range(6))
    supply = held + waits_abroad + pooled
    came = draw(st.integers(-(2**100), supply))
    gone = draw(st.integers(-(2**100), supply - came + outward + homeward))
    # Sent, of each end, from what arrived at the other and what is under way.
    sent_abroad = draw(flow)
    sent_home = supply - came + sent_abroad + outward
    return (
        HomeEnd(
            outstanding=supply - came + outward + homeward - gone,
            suspense=waits_home,
            sent=sent_home % MODULUS,
            gone=gone,
        ),
        RemoteEnd(
            supply=supply,
            suspense=waits_abroad,
            sent=sent_abroad,
            came=came,
            pooled=pooled,
        ),
        Share(waits_home + homeward, held, waits_abroad + outward, pooled),
    )


@st.composite
def told(draw: st.DrawFn) -> RemoteEnd:
    """Whatever a ledger may tell, true or not."""
    numbers = [draw(st.one_of(few, flow)) for _ in range(3)]
    return RemoteEnd(*numbers, came=draw(st.integers(-40, 40)), pooled=draw(few))


def home_of(*ends: HomeEnd, holders: int = 0) -> HomeFigures:
    custody = sum(end.outstanding + end.suspense for end in ends)
    return HomeFigures(supply=custody + holders, custody=custody)


@given(lanes(), lanes(), st.integers(0, 2**100))
def test_true_figures_say_who_pays_for_what(
    one: tuple[HomeEnd, RemoteEnd, Share], other: tuple[HomeEnd, RemoteEnd, Share], holders: int
) -> None:
    home = home_of(one[0], other[0], holders=holders)
    moved_otherwise = sum(end.came for _, end, _ in (one, other))
    moved_otherwise += sum(end.gone for end, _, _ in (one, other))
    home = replace(home, bridged_out=max(moved_otherwise, 0))
    cut = fix(home, {LANE: one[0], NEXT: other[0]}, {LANE: one[1], NEXT: other[1]})
    assert cut.shares == {LANE: one[2], NEXT: other[2]}
    assert (cut.accounts, cut.kept, cut.missing, cut.breaks) == (holders, {}, (), ())
    assert cut.elsewhere == home.bridged_out - moved_otherwise


@given(lanes(), told(), st.booleans(), few)
def test_whatever_is_told_the_parts_sum_to_the_issue(
    true: tuple[HomeEnd, RemoteEnd, Share], lie: RemoteEnd, silent: bool, bridged_out: int
) -> None:
    home = replace(home_of(true[0], true[0], holders=50), bridged_out=bridged_out)
    ends = {LANE: true[0], NEXT: true[0]}
    cut = fix(home, ends, {LANE: true[1]} if silent else {LANE: true[1], NEXT: lie})
    parts = [cut.accounts, cut.pooled, cut.elsewhere, *cut.kept.values()]
    for share in cut.shares.values():
        parts += [share.home_crossing, share.accounts, share.crossing, share.pooled]
    assert sum(parts) == cut.issue == home.supply + bridged_out


@given(lanes(), lanes(), told())
def test_what_one_lane_tells_changes_no_other_lane_s_part(
    honest: tuple[HomeEnd, RemoteEnd, Share],
    other: tuple[HomeEnd, RemoteEnd, Share],
    lie: RemoteEnd,
) -> None:
    # What came by no message is with a lane that could be the one that errs; see below.
    assume(honest[0].gone + honest[1].came <= 0)
    home = home_of(honest[0], other[0], holders=9)
    ends = {LANE: honest[0], NEXT: other[0]}
    cut = fix(home, ends, {LANE: honest[1], NEXT: lie})
    assert cut.shares[LANE] == honest[2]
    assert (cut.accounts, cut.pooled) == (9, 0)
    assert not [each for each in cut.breaks if each.lane != NEXT]


def test_a_lane_takes_no_more_units_from_nowhere_than_are_elsewhere() -> None:
    plain, abroad = HomeEnd(100, 0, 100), RemoteEnd(100, 0, 0)
    bridged = RemoteEnd(107, 0, 0, came=7)
    third = lane_id(3)
    home = HomeFigures(supply=900, custody=300, bridged_out=10)
    ends = {LANE: plain, NEXT: plain, third: plain}
    told = {LANE: abroad, NEXT: bridged, third: bridged}
    cut = fix(home, ends, told)
    covered = HomeEnd(107, 0, 100, gone=-7)
    # 14 came to the two and 10 went out: who is asked second waits.
    assert cut.breaks == (Break(third, "came by no message", 7, 3),)
    assert cut.shares == {LANE: Share(0, 100, 0, 0), NEXT: Share(0, 107, 0, 0)}
    assert (cut.kept, cut.accounts, cut.elsewhere) == ({third: 100}, 600, 3)
    assert (cut.missing, cut.issue) == ((), 910)
    # What an entry at home covers is no surplus, whoever else errs.
    one = fix(replace(home, custody=307, bridged_out=0), {**ends, third: covered}, told)
    assert one.breaks == (Break(NEXT, "came by no message", 7, 0),)
    enough = fix(replace(home, bridged_out=14), ends, told)
    assert (enough.breaks, enough.elsewhere) == ((), 0)


def test_units_from_nowhere_do_not_come_out_of_what_is_kept_for_a_silent_lane() -> None:
    plain, bridged = HomeEnd(100, 0, 100), RemoteEnd(107, 0, 0, came=7)
    home, ends = HomeFigures(supply=900, custody=200), {LANE: plain, NEXT: plain}
    cut = fix(home, ends, {LANE: bridged})
    assert cut.breaks == (Break(LANE, "came by no message", 7, 0),)
    assert (cut.kept, cut.missing, cut.elsewhere) == ({LANE: 100, NEXT: 100}, (NEXT,), 0)
    # They came from there, and now it says so: it adds them before the other takes them.
    spoken = fix(home, ends, {LANE: bridged, NEXT: RemoteEnd(93, 0, 0, came=-7)})
    assert (spoken.breaks, spoken.elsewhere) == ((), 0)
    assert spoken.shares == {LANE: Share(0, 107, 0, 0), NEXT: Share(0, 93, 0, 0)}


@given(lanes(), st.data())
def test_a_lie_that_fits_shifts_units_inside_its_own_lane_only(
    lane: tuple[HomeEnd, RemoteEnd, Share], data: st.DataObject
) -> None:
    end, abroad, share = lane
    # Units held there told as under way, and of those some as under way home.
    hidden = data.draw(st.integers(0, share.accounts))
    turned = data.draw(st.integers(0, share.crossing - abroad.suspense + hidden))
    sent = (abroad.sent + turned) % MODULUS
    lie = replace(abroad, supply=abroad.supply - hidden, sent=sent)
    home = replace(home_of(end), bridged_out=max(abroad.came + end.gone, 0))
    cut = fix(home, {LANE: end}, {LANE: lie})
    assert cut.breaks == ()
    assert cut.shares[LANE] == Share(
        share.home_crossing + turned,
        share.accounts - hidden,
        share.crossing + hidden - turned,
        share.pooled,
    )
    assert cut.elsewhere == fix(home, {LANE: end}, {LANE: abroad}).elsewhere


@given(*[few] * 5, st.integers(-9, 9), st.integers(-9, 9))
def test_the_gate_is_open_just_when_no_direction_is_below_zero(
    outstanding: int,
    supply: int,
    sent: int,
    sent_abroad: int,
    waits: int,
    came: int,
    gone: int,
) -> None:
    end = HomeEnd(outstanding, 0, sent, gone)
    abroad = RemoteEnd(supply, waits, sent_abroad, came)
    cut = fix(replace(home_of(end), bridged_out=99), {LANE: end}, {LANE: abroad})
    outward = sent - (supply - came + sent_abroad)
    homeward = sent_abroad - (sent - outstanding - gone)
    fits = waits <= supply and outward >= 0 and homeward >= 0
    assert (LANE in cut.shares) == fits
    assert [each.lane for each in cut.breaks if each.lane] == ([] if fits else [LANE])
    assert all(each.found > each.expected for each in cut.breaks)


# --- what is found and what expected --------------------------------------------------------------


def test_more_arrived_abroad_than_was_sent() -> None:
    end, abroad = HomeEnd(100, 0, 100), RemoteEnd(101, 0, 0)
    (found,) = fix(home_of(end), {LANE: end}, {LANE: abroad}).breaks
    assert found == Break(LANE, "arrived abroad", 101, 100)
    assert str(found) == f"lane 0x{LANE.hex()}: arrived abroad: 101, at most 100 expected"


def test_more_arrived_at_home_than_was_sent_back() -> None:
    end, abroad = HomeEnd(60, 0, 100), RemoteEnd(70, 0, 30)
    assert fix(home_of(end), {LANE: end}, {LANE: abroad}).breaks == (
        Break(LANE, "arrived at home", 40, 30),
    )


def test_more_waits_abroad_than_there_is() -> None:
    end, abroad = HomeEnd(100, 0, 100), RemoteEnd(100, 60, 0, pooled=41)
    assert fix(home_of(end), {LANE: end}, {LANE: abroad}).breaks == (
        Break(LANE, "in custody and pools abroad", 101, 100),
    )


def test_custody_holds_less_than_is_owed_to_lanes() -> None:
    end = HomeEnd(100, 5, 105)
    home = HomeFigures(supply=300, custody=104)
    assert fix(home, {LANE: end}, {}).breaks == (Break(None, "owed to lanes", 105, 104),)
    assert fix(replace(home, custody=105), {LANE: end}, {}).breaks == ()
    assert str(Break(None, "owed to lanes", 105, 104)) == (
        "owed to lanes: 105, at most 104 expected"
    )


def test_custody_and_pools_hold_more_than_the_supply() -> None:
    home = HomeFigures(supply=300, custody=200, pooled=101)
    (found, *_) = fix(home, {}, {}).breaks
    assert found == Break(None, "in custody and pools at home", 301, 300)


def test_what_custody_holds_beyond_what_is_owed_is_nobody_s_and_kept_apart() -> None:
    end, abroad = HomeEnd(100, 0, 100), RemoteEnd(100, 0, 0)
    cut = fix(HomeFigures(supply=300, custody=101), {LANE: end}, {LANE: abroad})
    assert (cut.breaks, cut.accounts, cut.elsewhere) == ((), 199, 1)


def test_figures_of_a_lane_that_is_not_home_s_are_an_error() -> None:
    with pytest.raises(KeyError):
        fix(HomeFigures(0, 0), {}, {LANE: RemoteEnd(0, 0, 0)})


def test_a_figure_beyond_its_word_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^sent is -1: 0 to 2\*\*104 - 1 expected$"):
        RemoteEnd(0, 0, -1)
    with pytest.raises(ValueError, match=r"^supply is 2028\d+: 0 to 2\*\*104 - 1 expected$"):
        RemoteEnd(MODULUS, 0, 0)
    with pytest.raises(ValueError, match=r"^gone is -2028\d+: 1 - 2\*\*104 to 2\*\*104 - 1 ex"):
        HomeEnd(0, 0, 0, gone=-MODULUS)
    with pytest.raises(ValueError, match=r"^bridged_out is -1: 0 to 2\*\*104 - 1 expected$"):
        HomeFigures(0, 0, bridged_out=-1)
    assert RemoteEnd(AMOUNT_MAX, 0, 0, came=-AMOUNT_MAX).supply == AMOUNT_MAX


# ------------------------------------------------------------------------- after a ratio

some = st.lists(st.one_of(few, st.integers(0, 2**60)), max_size=6)
terms = st.one_of(st.integers(1, 12), st.integers(1, 2**40 - 1))
ratios = st.lists(st.builds(Ratio, terms, terms, st.just(9)), min_size=1, max_size=2)


@given(ratios, some, some, some, st.integers(-40, 40), flow)
def test_after_ratios_both_directions_have_what_lands_and_no_more_than_remainders(
    chain: list[Ratio], out: list[int], back: list[int], landed: list[int], came: int, sent: int
) -> None:
    """Messages under way round each by itself, and `landed` arrive at home after its last close.

    Amounts of any size: a play has few units, and a fraction of 40 bits says more.
    """
    supply = 10**6 + came
    own = supply - came
    home = HomeEnd(own + sum(out) + sum(back) + sum(landed), 0, (own + sent + sum(out)) % MODULUS)
    remote = RemoteEnd(supply, 0, sent, came)
    base, owed = FIRST, home.outstanding
    for ratio in chain:
        assume(max(owed, supply) * ratio.numerator // ratio.denominator < 2**100)
        after = carry(base, home, remote, ratio, LANE)
        assert isinstance(after, Base)
        base, remote = after, restated(remote, ratio)
        owed = carried(owed, [ratio])
        home = HomeEnd(owed, 0, 0)
    arrived = sum(carried(each, chain) for each in landed)
    home = HomeEnd(owed - arrived, 0, 0)
    others = max(remote.came + base.short, 0)
    figures = HomeFigures(supply=home.outstanding, custody=home.outstanding, bridged_out=others)
    cut = fix(figures, {LANE: home}, {LANE: remote}, {LANE: base})
    assert not cut.breaks
    share = cut.shares[LANE]
    there = sum(carried(each, chain) for each in out)
    here = sum(carried(each, chain) for each in back)
    assert share.accounts == remote.supply
    assert share.crossing >= there
    assert share.home_crossing >= here
    if len(chain) == 1:
        assert share.crossing - there < max(len(out), 1)
        assert share.home_crossing - here < 4 + len(out) + len(back) + len(landed)
    assert share.accounts + share.crossing + share.home_crossing == (
        home.outstanding + remote.came + base.short
    )


@given(lanes(), st.builds(Ratio, terms, terms, st.just(9)))
def test_what_a_lane_begins_with_is_short_of_nothing_without_other_bridges(
    lane: tuple[HomeEnd, RemoteEnd, Share], ratio: Ratio
) -> None:
    home, remote, share = lane
    remote = replace(remote, came=0)
    home = replace(home, gone=0, outstanding=remote.supply + share.home_crossing - home.suspense)
    home = replace(home, outstanding=home.outstanding + share.crossing - remote.suspense)
    sent = remote.supply + remote.sent + share.crossing - remote.suspense
    home = replace(home, sent=sent % MODULUS)
    held = home.outstanding + home.suspense
    assume(held * ratio.numerator // ratio.denominator <= AMOUNT_MAX)
    base = carry(FIRST, home, remote, ratio)
    under_way = share.crossing - remote.suspense
    assert base == Base(carried(remote.supply, [ratio]) + carried(under_way, [ratio]), 0)


@given(lanes(), st.integers(1, 40), st.booleans(), st.builds(Ratio, terms, terms, st.just(9)))
def test_a_lane_does_not_begin_an_epoch_with_figures_that_do_not_fit(
    lane: tuple[HomeEnd, RemoteEnd, Share], more: int, abroad: bool, ratio: Ratio
) -> None:
    home, remote, share = lane
    under_way = share.crossing - remote.suspense
    homeward = share.home_crossing - home.suspense
    if abroad:
        remote = replace(remote, supply=remote.supply + under_way + more)
    else:
        assume(home.outstanding >= homeward + more)
        home = replace(home, outstanding=home.outstanding - homeward - more)
    wrong = carry(FIRST, home, remote, ratio, LANE)
    assert isinstance(wrong, Break)
    assert wrong.lane == LANE
    assert wrong.what == ("arrived abroad" if abroad else "arrived at home")
    assert wrong.found - wrong.expected == more
