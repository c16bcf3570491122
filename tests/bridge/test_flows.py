"""Flows: what a lane had sent, and what waited, at past closes; and that a close can be cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st

from tallystick.actions.cut import HomeEnd, HomeFigures, RemoteEnd, Share, fix
from tallystick.bridge.figures import Figure
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Contract, Revert
from tallystick.token.closings import CALENDAR_DAYS, SLOTS, Opening
from tests.support.closings import WEEK, Closings, History, Script, dated, played
from tests.support.flows import figure_key
from tests.support.world import (
    AMOUNT_MAX,
    DAY,
    DOCUMENT,
    STATED,
    Side,
    World,
    read_slot,
    refused,
    write_slot,
)

NOT_KEPT = "flows: not kept, or give a hint"
FALSE_HINT = "flows: hint is no later opening"
# Above the amount of suspense and an opening's day: how many messages wait.
_WAITING_SHIFT = 128
_WAITING = (2**40 - 1) << _WAITING_SHIFT


def today(side: Side) -> int:
    """The business day on a ledger."""
    return int(side.token.business_day())


def pass_days(world: World, days: int = 1) -> int:
    """Let business days close on both ledgers; returns the day that it is then at home."""
    world.synchronise()
    for side in (world.home, world.remote):
        side.chain.advance(days * DAY)
    return today(world.home)


def send(world: World, amount: int = 1, recipient: Any = None) -> LaneMessage:
    """The investor locks units at home."""
    return world.network.lock(world.home.investor, recipient or world.remote.investor, amount)


def announce(side: Side, day: int) -> None:
    """The registrar announces a close."""
    side.token.announce_close(day, *STATED, sender=side.registrar)


def sent(world: World, side: Side, day: int, hint: int = 0) -> int:
    """What a side of the lane had sent."""
    return int(side.escrow.sent_at_close(world.lane, day, hint))


def suspense(world: World, side: Side, day: int, hint: int = 0) -> int:
    """What waited on a side of the lane."""
    return int(side.escrow.suspense_at_close(world.lane, day, hint))


# ------------------------------------------------------------------------------- sent


@pytest.mark.requirement("INV-6")
def test_each_side_tells_what_it_had_sent_at_each_close(world: World) -> None:
    first = today(world.home)
    world.arrived(1_000)
    world.arrived(20)
    world.burned(300)
    pass_days(world)
    world.locked(4)
    pass_days(world, 2)
    world.burned(50)
    pass_days(world)
    assert [sent(world, world.home, first + n) for n in range(-1, 4)] == [0, 1_020] + [1_024] * 3
    assert [sent(world, world.remote, first + n) for n in range(-1, 4)] == [0] + [300] * 3 + [350]


def test_what_has_never_sent_had_sent_nothing(world: World) -> None:
    for side in (world.home, world.remote):
        for day in (0, 1, today(side) - 1):
            assert sent(world, side, day) == suspense(world, side, day) == 0


@pytest.mark.requirement("INV-6")
def test_a_lanes_first_message_after_the_record_day_leaves_it_at_nothing_for_ever(
    world: World,
) -> None:
    """Else the close could be cut for nobody, of whatever lane."""
    side, record = world.home, today(world.home)
    announce(side, record)
    first = pass_days(world)
    for _ in range(3 * SLOTS):
        send(world)
        pass_days(world)
    pass_days(world, 100)
    assert sent(world, side, record, first) == 0
    assert sent(world, side, first - 1, first) == 0
    assert sent(world, side, first - 500, first) == 0


def test_sums_are_kept_modulo_their_field(world: World) -> None:
    """Only differences are read: a lane that lives long does not stop."""
    side, first = world.home, today(world.home)
    send(world, 5)
    word = read_slot(side.escrow, "lanes", "_sent", world.lane)
    write_slot(side.escrow, word - 5 + AMOUNT_MAX, "lanes", "_sent", world.lane)
    pass_days(world)
    send(world, 3)
    pass_days(world)
    assert sent(world, side, first) == AMOUNT_MAX
    assert sent(world, side, first + 1) == 2


def test_a_day_that_is_not_over_has_no_close(world: World) -> None:
    send(world)
    for side in (world.home, world.remote):
        day = today(side)
        for asked in (day, day + 1, 2**255):
            with refused(world, "flows: day not closed"):
                sent(world, side, asked)
    with refused(world, "flows: day not closed"):
        suspense(world, world.home, today(world.home))
    with refused(world, "book: day not closed"):
        suspense(world, world.remote, today(world.remote))


@pytest.mark.parametrize("view", ["sent_at_close", "suspense_at_close"])
def test_an_unknown_lane_has_no_figures(world: World, view: str) -> None:
    with refused(world, "lanes: unknown lane"):
        getattr(world.home.escrow, view)(DOCUMENT, 1, 0)


# -------------------------------------------------------------------------- suspense


@pytest.fixture
def waited(world: World) -> tuple[int, int]:
    """At home 70 units waited at a close, and 30 at the next after a claim: that day, and today."""
    home = world.home
    world.arrived(1_000)
    messages = [world.burned(amount, home.outsider) for amount in (30, 40)]
    for message in messages:
        world.deliver(message)
    first = today(home)
    pass_days(world)
    world.network.admit(world.network.suite("home"), home.outsider, 40_000)
    world.network.claim(messages[1])
    pass_days(world)
    return first, today(home)


@pytest.mark.requirement("INV-6")
def test_the_home_side_tells_what_waited(world: World, waited: tuple[int, int]) -> None:
    first, _ = waited
    assert [suspense(world, world.home, first + n) for n in (-1, 0, 1)] == [0, 70, 30]
    assert world.lane_state(world.home).suspense == 30
    assert suspense(world, world.remote, first) == 0


@pytest.mark.requirement("INV-2", "INV-6")
def test_custody_less_suspense_is_what_the_lane_was_owed(
    world: World, waited: tuple[int, int]
) -> None:
    first, day = waited
    custody = world.home.custody
    owed = [
        int(world.home.token.balance_at_close(custody, each)) - suspense(world, world.home, each)
        for each in range(first - 1, day)
    ]
    # 1,000 left and 70 came home, whoever has them.
    assert owed == [0, 930, 930]
    assert world.lane_state(world.home).outstanding == 930


@pytest.mark.requirement("INV-6")
def test_on_a_remote_ledger_the_tokens_closing_tells_what_waited(world: World) -> None:
    side = world.remote
    message = world.locked(1_000, side.outsider)
    world.deliver(message)
    first = today(side)
    pass_days(world)
    world.network.admit(world.network.suite("remote"), side.outsider, 40_000)
    world.network.claim(message)
    assert suspense(world, side, first) == 1_000
    for _ in range(2 * SLOTS):
        pass_days(world)
        world.deliver(world.locked(1, side.attacker))
    with refused(world, "book: not kept, or give a hint"):
        suspense(world, side, first)
    # The escrow writes no history there: units, and how many messages wait.
    kept = 2 * SLOTS | (2 * SLOTS) << _WAITING_SHIFT
    assert read_slot(side.escrow, "lanes", "_suspense", world.lane) == kept
    with refused(world, "flows: nothing to keep"):
        side.escrow.keep_figure(world.lane, Figure.SUSPENSE, first, 0, sender=side.attacker)


# ------------------------------------------------------------------------ the promise


def test_unannounced_closes_are_answered_for_a_week(world: World) -> None:
    side, first = world.home, today(world.home)
    for _ in range(20):
        send(world)
        pass_days(world)
    for day in range(first + 20 - WEEK, first + 20):
        assert sent(world, side, day) == day - first + 1
    for day in range(first, first + 20 - SLOTS - 1):
        for hint, reason in ((0, NOT_KEPT), (day + 1, FALSE_HINT), (first + 19, NOT_KEPT)):
            with refused(world, reason):
                sent(world, side, day, hint)


@pytest.mark.requirement("R-41", "INV-6")
@pytest.mark.parametrize("late", range(-3, WEEK + 1))
def test_an_announced_close_is_answered_for_ever(world: World, late: int) -> None:
    """Announced ahead or late, at the token alone: nobody has to tell the escrow."""
    side, first = world.home, today(world.home)
    record = first + 9
    for day in range(first, record + 40):
        if day == record + late:
            announce(side, record)
        send(world)
        pass_days(world)
    assert sent(world, side, record, record + 1) == 10


@pytest.mark.requirement("INV-6")
def test_a_strangers_message_a_round_later_ends_nothing(world: World) -> None:
    """Days f and f + 8 share a slot; what tells a close announced late is in it."""
    side, first = world.home, today(world.home)
    send(world, 100)
    moved = pass_days(world)
    send(world, 7)
    pass_days(world, WEEK - 1)
    announce(side, first)
    pass_days(world)
    assert today(side) == moved + WEEK
    pass_days(world)
    side.token.transfer(side.buyer, 1, sender=side.investor)
    world.network.lock(side.buyer, world.remote.investor, 1)
    assert sent(world, side, first, moved) == 100


def test_what_sleeps_over_announced_closes_is_kept_once(world: World) -> None:
    side, first = world.home, today(world.home)
    send(world, 7)
    for offset in (3, 5):
        announce(side, first + offset)
    woke = pass_days(world, 30)
    for _ in range(20):
        send(world)
        pass_days(world)
    for offset in range(30):
        assert sent(world, side, first + offset, woke) == 7
    kept = [
        day
        for day in range(first, woke + 21)
        if read_slot(side.escrow, "lanes", "_openings", world.lane, figure_key(Figure.SENT, day))
    ]
    # The first of all, and the one that both closes need.
    assert kept == [first, woke]


def test_a_close_that_left_the_calendar_is_answered(world: World) -> None:
    """Announced while what tells it was in its slot, and pushed out before that was copied."""
    side, first = world.home, today(world.home)
    send(world, 100)
    announce(side, first + 1)
    for offset in range(CALENDAR_DAYS - 1):
        announce(side, first + 3 + 10 * offset)
    pass_days(world, 2)
    send(world, 7)
    pass_days(world, 3)
    # The first leaves, as the second has passed.
    announce(side, first + 300)
    assert side.token.announced_closes()[-1] == first + 3
    pass_days(world, 8)
    send(world, 1)
    pass_days(world, 50)
    assert sent(world, side, first + 1, first + 2) == 100


def test_a_hint_is_a_later_day_of_which_an_opening_is_there(world: World) -> None:
    side, first = world.home, today(world.home)
    send(world, 3)
    pass_days(world, 5)
    send(world, 4)
    pass_days(world)
    for hint in (-1, 1, 4, 6, 5 + SLOTS, 2**16 + 5, 2**200):
        with refused(world, FALSE_HINT):
            sent(world, side, first, first + hint)
    assert sent(world, side, first, first + 5) == 3


# ------------------------------------------------------------------------------- keep


def test_anyone_keeps_a_close_for_good(world: World) -> None:
    side, first = world.home, today(world.home)
    for _ in range(WEEK):
        send(world)
        pass_days(world)
    send(world)
    receipt = side.escrow.keep_figure(world.lane, Figure.SENT, first + 2, 0, sender=side.attacker)
    assert receipt.events == (
        side.escrow.emitted("FigureKept", lane=world.lane, figure=Figure.SENT, day=first + 3),
    )
    for _ in range(20):
        pass_days(world)
        send(world)
    assert sent(world, side, first + 2, first + 3) == 3
    for other in (first + 1, first + 3):
        with refused(world, FALSE_HINT):
            sent(world, side, other, other + 1)


def test_keeping_one_figure_keeps_no_other(world: World, waited: tuple[int, int]) -> None:
    side, (first, _) = world.home, waited
    side.escrow.keep_figure(world.lane, Figure.SUSPENSE, first, 0, sender=side.attacker)
    for number in range(2 * SLOTS):
        message = world.burned(1, side.attacker)
        world.deliver(message)
        send(world)
        pass_days(world)
        assert world.lane_state(side).suspense == 31 + number
    assert suspense(world, side, first, first + 1) == 70
    with refused(world, NOT_KEPT):
        sent(world, side, first + 3)


def test_there_is_nothing_to_keep_of_what_has_not_moved_since(world: World) -> None:
    side = world.home
    send(world)
    day = pass_days(world) - 1
    for figure in Figure:
        with refused(world, "flows: nothing to keep"):
            side.escrow.keep_figure(world.lane, figure, day, 0, sender=side.attacker)


def test_what_made_room_can_not_be_kept(world: World) -> None:
    side, first = world.home, today(world.home)
    for _ in range(12):
        send(world)
        pass_days(world)
    with refused(world, NOT_KEPT):
        side.escrow.keep_figure(world.lane, Figure.SENT, first, 0, sender=side.attacker)


@pytest.mark.parametrize("figure", [0, 3, 2**16 | 1, 2**255])
def test_an_unknown_figure_is_not_kept(world: World, figure: int) -> None:
    side = world.home
    day = pass_days(world) - 1
    with refused(world, "flows: unknown figure"):
        side.escrow.keep_figure(world.lane, figure, day, 0, sender=side.attacker)


def test_a_long_walk_needs_a_hint(world: World) -> None:
    side, first = world.home, today(world.home)
    for _ in range(70):
        send(world)
        day = pass_days(world)
        send(world)
        side.escrow.keep_figure(world.lane, Figure.SENT, day - 1, 0, sender=side.attacker)
    pass_days(world)
    with refused(world, "flows: walk too long, give a hint"):
        sent(world, side, first)
    assert sent(world, side, first, first + 1) == 1
    assert sent(world, side, first + 6) == 13


# ------------------------------------------------------------------------------ the cut


@pytest.mark.requirement("INV-6", "R-15")
def test_a_close_with_units_everywhere_is_cut_to_the_unit(world: World) -> None:
    """Accounts, transit both ways, suspense on both ledgers, by figures that each side has kept."""
    home, remote = world.home, world.remote
    world.arrived(10_000)
    world.deliver(world.locked(500, remote.outsider))
    world.deliver(world.burned(200, home.outsider))
    there, back = world.locked(30), world.burned(7)
    close = today(home)
    for side in (home, remote):
        announce(side, close)
    for _ in range(SLOTS + 1):
        pass_days(world)
        world.arrived(1)
        world.burned(1)
        world.deliver(world.locked(2, remote.attacker))
        world.deliver(world.burned(3, home.attacker))
    world.deliver(there)
    world.deliver(back)
    pass_days(world)
    hint = close + 1

    def balance(side: Side, account: Any) -> int:
        return int(side.token.balance_at_close(account, close, hint))

    waits = suspense(world, home, close, hint)
    end = HomeEnd(
        outstanding=balance(home, home.custody) - waits,
        suspense=waits,
        sent=sent(world, home, close, hint),
    )
    told = RemoteEnd(
        supply=int(remote.token.supply_at_close(close, hint)),
        suspense=suspense(world, remote, close, hint),
        sent=sent(world, remote, close, hint),
    )
    figures = HomeFigures(
        supply=int(home.token.supply_at_close(close, 0)), custody=balance(home, home.custody)
    )
    lane = world.network.lane
    cut = fix(figures, {lane: end}, {lane: told})
    assert cut.breaks == ()
    assert cut.shares == {
        lane: Share(home_crossing=200 + 7, accounts=10_000 - 200 - 7, crossing=500 + 30, pooled=0)
    }
    assert cut.elsewhere == 0
    assert cut.accounts == balance(home, home.investor) + balance(home, home.buyer)


# --------------------------------------------------------------------- against a model

acts = st.one_of(
    st.tuples(st.just("send"), st.integers(1, 9)),
    st.tuples(st.just("send"), st.integers(1, 9)),
    st.tuples(st.just("suspend"), st.integers(1, 9)),
    # Claimed, or past its deadline sent back.
    st.tuples(st.just("end")),
    st.tuples(st.just("announce"), st.integers(-SLOTS - 1, 30)),
    st.tuples(st.just("announce"), st.integers(-WEEK, -1)),
    st.tuples(st.just("keep"), st.sampled_from(Figure), st.integers(1, 10)),
)


@pytest.mark.requirement("R-41", "INV-6")
def test_every_promised_close_is_answered_as_it_was(deployed_world: World) -> None:
    played(deployed_world, acts, _play)


def _play(world: World, script: Script, crowd: int) -> None:
    side, escrow = world.home, world.home.escrow
    first = pass_days(world)
    # All of it leaves before the play, so that anything can come home.
    world.arrived(1_000)
    model = Closings()
    amounts = dict.fromkeys(Figure, 0) | {Figure.SENT: 1_000}
    for figure in Figure:
        model.histories[figure.name] = History(figure.name, begun=True)
    model.histories[Figure.SENT.name].days[first] = (1_000, False)
    waiting: list[LaneMessage] = []
    for offset in range((0, 0, CALENDAR_DAYS - 2, CALENDAR_DAYS)[crowd]):
        assert model.announce(first + 1 + 3 * offset, first) is None
        announce(side, first + 1 + 3 * offset)

    def moved(figure: Figure, change: int) -> None:
        amounts[figure] += change
        model.histories[figure.name].days[today(side)] = (amounts[figure], False)

    for act, *rest in dated(side, script):
        if act == "send":
            send(world, rest[0])
            moved(Figure.SENT, rest[0])
        elif act == "suspend":
            # Burned on a ledger whose clock stands still; the recipient may not hold.
            message = world.network.burn(world.remote.investor, side.outsider, rest[0])
            side.chain.set_time(max(side.chain.now, message.lock_time))
            assert world.deliver(message).return_value is False
            waiting.append(message)
            moved(Figure.SUSPENSE, rest[0])
        elif act == "end" and waiting:
            message = waiting.pop(0)
            if side.chain.now < message.deadline:
                world.network.admit(world.network.suite("home"), side.outsider, 40_000)
                world.network.claim(message)
                world.network.admit(world.network.suite("home"), side.outsider, 0)
            else:
                escrow.return_to_source(message.as_tuple(), sender=side.courier)
                moved(Figure.SENT, message.amount)
            moved(Figure.SUSPENSE, -message.amount)
        elif act == "announce":
            day = today(side) + rest[0]
            if model.announce(day, today(side)) is None:
                announce(side, day)
        elif act == "keep":
            figure, day = rest[0], today(side) - rest[1]
            told = _kept_or_refused(world, figure, day)
            if told is None:
                model.kept.add((figure.name, day))
            else:
                still = max(model.histories[figure.name].days, default=0) <= day
                assert told == ("flows: nothing to keep" if still else NOT_KEPT)
    side.chain.advance(DAY)
    views = {Figure.SENT: escrow.sent_at_close, Figure.SUSPENSE: escrow.suspense_at_close}
    for figure, view in views.items():
        _hold_to(model, model.histories[figure.name], world, figure, view, first)


def _hold_to(
    model: Closings, history: History, world: World, figure: Figure, view: Any, first: int
) -> None:
    """Every close that is told is told as it was, whatever the hint; the promised ones are told."""
    now = today(world.home)
    openings = _openings(world.home.escrow, world.lane, figure, range(first, now + 1))
    assert openings <= set(history.days)
    days = model.announced | set(range(now - SLOTS - 1, now))
    for moved in history.days:
        days |= {moved - 1, moved}
    for day in sorted(each for each in days if first - 2 <= each < now):
        right, wanted = history.hint(day), history.at(day)[0]
        found = _ask(view, world.lane, day, right)
        assert found == wanted or (found is None and not model.promised(history, day, now)), (
            f"{figure.name}: {found} at the close of {day} with hint {right}, not {wanted}"
        )
        for hint in {0, *sorted(openings)[-1:], day, day + SLOTS, now + 1} - {right}:
            assert _ask(view, world.lane, day, hint) in (None, wanted)


def _openings(escrow: Contract, lane: bytes, figure: Figure, days: range) -> set[int]:
    words = (
        (day, read_slot(escrow, "lanes", "_openings", lane, figure_key(figure, key)))
        for day in days
        for key in (day, day % SLOTS)
    )
    return {day for day, word in words if word and Opening.unpack(word & ~_WAITING).day == day}


def _kept_or_refused(world: World, figure: Figure, day: int) -> str | None:
    """Somebody keeps a close; why it was refused, if it was."""
    side = world.home
    try:
        side.escrow.keep_figure(world.lane, figure, day, 0, sender=side.attacker)
    except Revert as refusal:
        return str(refusal.reason)
    return None


def _ask(view: Any, lane: bytes, day: int, hint: int) -> int | None:
    try:
        return int(view(lane, day, hint))
    except Revert as refusal:
        if refusal.reason not in (NOT_KEPT, FALSE_HINT):
            raise
        return None
