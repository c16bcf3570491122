"""A drained lane closes on both ledgers, and its pair may have another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.bridge.message import CODEC, LaneMessage, message_of
from tallystick.chain.abi import keccak
from tests.bridge.test_lanes import Opening
from tests.support.closing import begin, close, closed, proposed, say, take_last
from tests.support.denials import deny, forged, take
from tests.support.endings import confirm, last_state, listed, propose, second_registrar
from tests.support.world import (
    DAY,
    DOCUMENT,
    ELIGIBLE_UNTIL,
    ISIN,
    NO_DOCUMENT,
    NO_REASON,
    REASON,
    STATED,
    UNSTATED,
    ZERO,
    Side,
    World,
    refused,
)

pytestmark = pytest.mark.requirement("INV-13")

NOBODY = bytes(32)
UNITS = 1_000
BEGIN = "begin_closing(bytes32,uint256,bytes4,bytes32)"
PROPOSE = "propose_closing(bytes32,uint256,bytes4,bytes32)"
CANCEL = "cancel_closing(bytes32,bytes4,bytes32)"


@pytest.fixture
def drained(world: World) -> World:
    """A lane on which units went out and came back: nothing is left of them."""
    world.arrived(UNITS)
    world.deliver(world.burned(UNITS))
    world.synchronise()
    assert world.lane_state(world.home).outstanding == 0
    return world


# ------------------------------------------------------------------------- the whole way


@pytest.mark.requirement("INV-2", "INV-3", "INV-7")
def test_a_drained_lane_closes_on_both_ledgers(drained: World) -> None:
    world, home, remote = drained, drained.home, drained.remote
    begin(world)
    said = home.escrow.say_last(world.lane, sender=home.outsider)
    word = message_of(said.one("MessageSent"))
    assert word == LaneMessage(CODEC, 17, world.lane, 1, said.timestamp, 0, 0, NOBODY, NOBODY, 0)
    assert said.events == (
        home.escrow.emitted("MessageSent", world.lane, word.id, word.as_tuple()),
        home.escrow.emitted("LastWordSaid", world.lane, word.id),
    )
    taken = take_last(world, word)
    assert taken.events == (
        remote.escrow.emitted("MessageDelivered", world.lane, word.id, 1, 0, False),
        remote.escrow.emitted("LastWordTaken", world.lane, word.id, 1),
    )
    there = close(world, remote)
    answer = message_of(there.one("MessageSent"))
    assert answer == LaneMessage(
        CODEC, 18, world.lane, 1, there.timestamp, 0, 0, word.id, NOBODY, 0
    )
    assert there.events == (
        remote.escrow.emitted("ArrivalsCounted", world.lane, 1),
        remote.escrow.emitted("MessageSent", world.lane, answer.id, answer.as_tuple()),
        remote.escrow.emitted("LastWordSaid", world.lane, answer.id),
        remote.escrow.emitted("LaneClosed", world.lane, remote.token.business_day()),
    )
    assert not home.escrow.is_ended(world.lane)
    take_last(world, answer)
    here = close(world, home)
    assert here.events == (
        home.escrow.emitted("ArrivalsCounted", world.lane, 1),
        home.escrow.emitted("LaneClosed", world.lane, home.token.business_day()),
    )
    for side, last, other in ((home, word, answer), (remote, answer, word)):
        assert side.escrow.is_ended(world.lane)
        assert side.escrow.closing_of(world.lane) == (True, last.id, other.id, 1, 1, 0)
        with refused(world, "closing: closed already"):
            close(world, side)
    assert world.network.status().ok


@pytest.mark.requirement("INV-2", "INV-3")
def test_nothing_leaves_or_arrives_on_a_closed_lane(drained: World) -> None:
    world = drained
    closed(world)
    world.synchronise()
    with refused(world, "lanes: ended"):
        world.network.lock(world.home.investor, world.remote.investor, 1)
    for there in ("remote", "home"):
        false = replace(forged(world, there), nonce=9)
        with refused(world, "lanes: ended"):
            world.deliver(false)


# ---------------------------------------------------------------------- two keys, each side


@pytest.fixture(params=["home", "remote"])
def side(drained: World, request: pytest.FixtureRequest) -> Side:
    """The ledger on which a key acts."""
    found = getattr(drained, request.param)
    assert isinstance(found, Side)
    return found


@pytest.mark.requirement("INV-9")
def test_operator_and_administrator_begin_after_the_lane_s_delay(
    drained: World, side: Side
) -> None:
    escrow, lane = side.escrow, drained.lane
    receipt = escrow.propose_closing(lane, 0, *STATED, sender=side.operator)
    act = bytes(receipt.return_value)
    assert receipt.events == (
        side.act(escrow, PROPOSE, side.token, side.operator),
        escrow.emitted("ClosingProposed", act, lane, 0),
    )
    with refused(drained, "access: proposal waits"):
        escrow.begin_closing(lane, 0, *STATED, sender=side.administrator)
    side.chain.advance(drained.lane_state(side).terms.change_delay)
    for account in (side.operator, side.guardian, side.deployer, side.attacker):
        with refused(drained, "access: missing role"):
            escrow.begin_closing(lane, 0, *STATED, sender=account)
    receipt = escrow.begin_closing(lane, 0, *STATED, sender=side.administrator)
    assert receipt.events == (
        side.act(escrow, BEGIN, side.token, side.administrator),
        escrow.emitted("ClosingBegun", lane, 0, 0),
    )
    with refused(drained, "closing: under way, and with no more dust"):
        escrow.propose_closing(lane, 0, *STATED, sender=side.operator)


@pytest.mark.requirement("INV-9")
def test_one_key_alone_begins_nothing(drained: World, side: Side) -> None:
    for account in (side.administrator, side.guardian, side.attacker):
        with refused(drained, "access: missing role"):
            side.escrow.propose_closing(drained.lane, 0, *STATED, sender=account)
    with refused(drained, "access: act not proposed"):
        side.escrow.begin_closing(drained.lane, 0, *STATED, sender=side.administrator)


@pytest.mark.requirement("INV-9")
def test_the_guardian_withdraws_the_proposal(drained: World, side: Side) -> None:
    act = proposed(drained, side)
    side.escrow.withdraw_proposal(act, *STATED, sender=side.guardian)
    with refused(drained, "access: act not proposed"):
        side.escrow.begin_closing(drained.lane, 0, *STATED, sender=side.administrator)


@pytest.mark.parametrize("who", ["guardian", "administrator"])
def test_a_closing_is_cancelled(drained: World, side: Side, who: str) -> None:
    """Then all goes on as before, and two keys begin anew."""
    begin(drained, side)
    receipt = side.escrow.cancel_closing(drained.lane, *STATED, sender=getattr(side, who))
    assert receipt.events == (
        side.act(side.escrow, CANCEL, ZERO, getattr(side, who)),
        side.escrow.emitted("ClosingCancelled", drained.lane, getattr(side, who)),
    )
    assert side.escrow.closing_of(drained.lane) == (False, NOBODY, NOBODY, 0, 0, 0)
    with refused(drained, "closing: none to cancel"):
        side.escrow.cancel_closing(drained.lane, *STATED, sender=side.guardian)
    drained.synchronise()
    drained.arrived(UNITS)
    drained.deliver(drained.burned(UNITS))
    begin(drained, side)


def test_nobody_else_cancels(drained: World, side: Side) -> None:
    begin(drained, side)
    for account in (side.operator, side.registrar, side.attacker):
        with refused(drained, "access: missing role"):
            side.escrow.cancel_closing(drained.lane, *STATED, sender=account)


def test_each_act_says_why(drained: World, side: Side) -> None:
    escrow, lane = side.escrow, drained.lane
    for stated, reason in UNSTATED:
        with refused(drained, reason):
            escrow.propose_closing(lane, 0, *stated, sender=side.operator)
    proposed(drained, side)
    with refused(drained, "instruction: no reason code"):
        escrow.begin_closing(lane, 0, NO_REASON, DOCUMENT, sender=side.administrator)
    escrow.begin_closing(lane, 0, *STATED, sender=side.administrator)
    with refused(drained, "instruction: no document hash"):
        escrow.cancel_closing(lane, REASON, NO_DOCUMENT, sender=side.guardian)


# --------------------------------------------------------------------- while it is under way


def test_at_home_nothing_leaves_and_what_is_away_comes_home(world: World) -> None:
    world.arrived(UNITS)
    begin(world)
    world.synchronise()
    with refused(world, "lanes: its end is under way"):
        world.network.lock(world.home.investor, world.remote.investor, 1)
    with refused(world, "closing: units are outstanding"):
        say(world)
    assert world.deliver(world.burned(UNITS)).return_value is True
    say(world)


def test_what_waits_at_home_is_waited_for(world: World) -> None:
    """It is claimed, or redirected: it goes back no more."""
    world.arrived(UNITS)
    message = world.burned(UNITS, world.home.outsider)
    assert world.deliver(message).return_value is False
    begin(world)
    with refused(world, "closing: units wait in suspense"):
        say(world)
    world.network.admit(world.network.suite("home"), world.home.outsider, ELIGIBLE_UNTIL)
    world.network.claim(message)
    say(world)


def test_the_last_word_is_not_taken_back(drained: World) -> None:
    world = drained
    begin(world)
    say(world)
    with refused(world, "closing: the last word is said"):
        world.home.escrow.cancel_closing(world.lane, *STATED, sender=world.home.guardian)
    with refused(world, "closing: said already"):
        say(world)


def test_home_says_it_and_only_of_what_is_begun(drained: World) -> None:
    with refused(drained, "closing: not begun"):
        say(drained)
    begin(drained)
    with refused(drained, "closing: home says it first"):
        drained.remote.escrow.say_last(drained.lane, sender=drained.remote.outsider)


def test_an_end_and_a_closing_exclude_each_other(drained: World) -> None:
    """A closing goes on whatever registrars propose and drop of an end."""
    world = drained
    second_registrar(world)
    begin(world, world.home)
    world.synchronise()
    state = last_state(world, listed(world, (world.home.fund, 1)))
    propose(world, state)
    with refused(world, "endings: it is being closed"):
        confirm(world, state)
    world.home.escrow.cancel_end(world.lane, *STATED, sender=world.home.guardian)
    with refused(world, "lanes: its end is under way"):
        world.network.lock(world.home.investor, world.remote.investor, 1)


# ------------------------------------------------------------------------------ last words


@pytest.mark.requirement("INV-4")
def test_a_last_word_counts_only_as_it_was_said(drained: World) -> None:
    world, remote = drained, drained.remote
    begin(world, world.home)
    word = say(world)
    with refused(world, "closing: not begun here"):
        take_last(world, word)
    begin(world, remote)
    for changed, reason in (
        ({"kind": 1}, "closing: no last word"),
        ({"kind": 9}, "closing: no last word"),
        ({"kind": 18}, "closing: no last word"),
        ({"codec": 1}, "closing: no last word"),
        ({"amount": 1}, "closing: no last word"),
        ({"lock_time": remote.chain.now + DAY}, "closing: before its lock time"),
        ({"sender": b"\1" * 32}, "closing: answers another word"),
        ({"nonce": 0}, "verifier: wrong signature"),
    ):
        wrong: Any = replace(word, **changed)
        proof = world.attest(word)
        with refused(world, reason):
            remote.escrow.take_last(wrong.as_tuple(), proof, sender=remote.courier)
    with refused(world, "transit: wrong direction"):
        world.deliver(word)
    take_last(world, word)
    with refused(world, "closing: taken already"):
        take_last(world, word)


@pytest.mark.requirement("INV-4")
def test_home_takes_the_answer_to_its_own_word_alone(drained: World) -> None:
    world = drained
    begin(world)
    take_last(world, say(world))
    answer = message_of(close(world, world.remote).one("MessageSent"))
    world.synchronise()
    for wrong in (replace(answer, sender=NOBODY), replace(answer, sender=b"\1" * 32)):
        with refused(world, "closing: answers another word"):
            take_last(world, wrong)
    with refused(world, "closing: the other ledger's last word is missing"):
        close(world, world.home)
    take_last(world, answer)


@pytest.mark.requirement("INV-3")
def test_a_remote_ledger_closes_once_all_has_arrived(world: World) -> None:
    """Books that fit are not enough: two messages of one amount, one of them false."""
    begin(world, world.remote)
    world.synchronise()
    true = world.locked(UNITS)
    home, remote = world.home, world.remote
    false = replace(forged(world, "remote", amount=UNITS), nonce=5)
    assert world.deliver(false).return_value is True
    assert world.deliver(world.burned(UNITS)).return_value is True
    begin(world, home)
    word = say(world)
    take_last(world, word)
    with refused(world, "closing: a message has not arrived"):
        close(world, remote)
    with refused(world, "closing: a message has not arrived"):
        remote.escrow.count_arrivals(world.lane, sender=remote.outsider)
    assert world.deliver(true).return_value is True
    with refused(world, "closing: units are outstanding"):
        close(world, remote)


@pytest.mark.requirement("INV-3")
def test_what_was_counted_is_counted_anew_once_a_nonce_is_free(drained: World) -> None:
    world, remote = drained, drained.remote
    false = replace(forged(world, "remote", remote.outsider), nonce=1)
    assert world.deliver(false).return_value is False
    begin(world)
    word = say(world)
    assert word.nonce == 1
    take_last(world, word)
    counted = remote.escrow.count_arrivals(world.lane, sender=remote.outsider)
    assert counted.events == (remote.escrow.emitted("ArrivalsCounted", world.lane, 1),)
    assert remote.escrow.closing_of(world.lane).counted == 1
    take(world, deny(world, false)[1], false)
    assert remote.escrow.closing_of(world.lane).counted == 0
    close(world, remote)


def test_nobody_counts_without_a_last_word(drained: World) -> None:
    begin(drained)
    for each in (drained.home, drained.remote):
        with refused(drained, "closing: no last word to count to"):
            each.escrow.count_arrivals(drained.lane, sender=each.outsider)
        with refused(drained, "closing: the other ledger's last word is missing"):
            close(drained, each)


@pytest.mark.requirement("INV-3")
def test_pages_of_nonces_are_counted_whole(drained: World) -> None:
    """Over the end of a page, and of the newest one."""
    world, remote = drained, drained.remote
    false = replace(forged(world, "remote", amount=1), nonce=0)
    begin(world)
    word = say(world)
    later = replace(word, nonce=130)
    take_last(world, later)
    for nonce in range(1, 130):
        if nonce not in (word.nonce, 64, 129):
            world.deliver(replace(false, nonce=nonce))
    for missing in (word.nonce, 64, 129):
        with refused(world, "closing: a message has not arrived"):
            remote.escrow.count_arrivals(world.lane, sender=remote.outsider)
        world.deliver(replace(false, nonce=missing))
    remote.escrow.count_arrivals(world.lane, sender=remote.outsider)
    assert remote.escrow.closing_of(world.lane).counted == 130
    # The true word takes the place of what was false.
    take_last(world, word)
    assert remote.escrow.closing_of(world.lane).told == word.nonce


@pytest.mark.requirement("R-14")
def test_nothing_closes_while_books_do_not_fit(drained: World) -> None:
    world, remote = drained, drained.remote
    begin(world)
    take_last(world, say(world))
    remote.token.set_suspended(True, *STATED, sender=remote.engine.address)
    with refused(world, "closing: instrument suspended"):
        close(world, remote)


# ------------------------------------------------------------------------- the pair is free


@pytest.mark.requirement("INV-7")
def test_the_pair_has_another_lane_and_never_the_same(drained: World) -> None:
    world, home, remote = drained, drained.home, drained.remote
    old = world.lane_state(home).terms
    opening = Opening(world, home)
    pair = {"peer_ledger": old.peer_ledger}
    opening.refused("lanes: pair has its lane", **pair)
    closed(world)
    world.synchronise()
    opening.refused("lanes: closed for ever", **pair, peer_escrow=old.peer_escrow)
    opening.refused("lanes: custody of another lane", **pair, custody=home.custody.address)
    opened = opening.open(**pair).return_value
    instrument = keccak(ISIN.encode())
    assert list(home.escrow.lanes_of(instrument)) == [world.lane, opened]
    day = home.escrow.lane_ends(world.lane).until
    assert day == home.token.business_day()
    assert home.escrow.lane_ends(opened)[3:] == (day, 2**16 - 1)
    # On the remote ledger, which has one lane, too.
    there = Opening(world, remote)
    other = there.open(
        peer_ledger=world.lane_state(remote).terms.peer_ledger, home=False
    ).return_value
    assert list(remote.escrow.lanes_of(instrument)) == [world.lane, other]
    Opening(world, remote).refused("lanes: instrument has its home", home=False)


def test_closed_lanes_fill_no_room_for_ever(drained: World) -> None:
    world, home = drained, drained.home
    closed(world)
    begun = home.token.business_day()
    for days, left in ((101, [world.lane]), (103, [])):
        home.chain.advance((begun + days - home.token.business_day()) * DAY)
        ledger = bytes([days]) * 32
        opened = Opening(world, home).open(peer_ledger=ledger).return_value
        assert [
            lane for lane in home.escrow.lanes_of(keccak(ISIN.encode())) if lane == world.lane
        ] == left
        assert opened in home.escrow.lanes_of(keccak(ISIN.encode()))
    assert home.escrow.lane_ends(world.lane).until == begun
