"""Amends: units that a denied message brought are made good where they were credited."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.bridge.message import LaneMessage
from tallystick.chain import Receipt
from tallystick.governance.roles import Role
from tests.support.denials import FALSE, agree, deny, disowned, forged, side_of, take
from tests.support.endings import listed, under_way
from tests.support.ends import UNITS, Books, begun, send, source_of
from tests.support.lane_ratios import LASTS, Engines, burn, over
from tests.support.world import STATED, ZERO, Side, World, refused

NOTHING = (bytes(32), 0, 0, 0, ZERO, False, False)


@pytest.fixture(params=["remote", "home"])
def there(world: World, request: pytest.FixtureRequest) -> str:
    """The ledger where something false is credited; more is outstanding than it says."""
    world.arrived(5 * UNITS)
    begun(world, request.param)
    return str(request.param)


def made_good(side: Side, false: LaneMessage, most: int = FALSE) -> Receipt:
    """The investor gives its own units at the lane's custody."""
    return Receipt.of(side.custody.make_good(false.id, most, sender=side.investor))


@pytest.mark.requirement("INV-1", "INV-2", "INV-9", "R-20")
def test_what_a_denied_message_brought_is_made_good(world: World, there: str) -> None:
    """Two keys agree, an account gives: the lane's books are as if it had never arrived."""
    side = side_of(world, there)
    before = Books.of(world, side)
    false = disowned(world, there)
    assert not world.network.status().ok
    assert side.escrow.amends_of(false.id) == (world.lane, FALSE, 0, 0, ZERO, False, False)
    proposed = side.escrow.propose_amends(false.id, 0, *STATED, sender=side.issuer)
    assert proposed.events == (
        side.act(side.escrow, "propose_amends(bytes32,uint256,bytes4,bytes32)", ZERO, side.issuer),
        side.escrow.emitted("AmendsProposed", world.lane, false.id, side.issuer, 0),
    )
    agreed = side.escrow.agree_amends(false.id, 0, *STATED, sender=side.custodian)
    assert agreed.events == (
        side.act(
            side.escrow,
            "agree_amends(bytes32,uint256,bytes4,bytes32)",
            side.issuer,
            side.custodian,
        ),
        side.escrow.emitted("AmendsAgreed", world.lane, false.id),
    )
    had = side.balance(side.investor)
    receipt = made_good(side, false)
    assert receipt.return_value == FALSE
    taken = (
        (
            side.token.emitted("Transfer", side.investor, ZERO, FALSE),
            side.token.emitted("CrosschainBurn", side.investor, FALSE, side.custody),
        )
        if there == "remote"
        else (side.token.emitted("Transfer", side.investor, side.custody, FALSE),)
    )
    assert receipt.events == (
        side.escrow.emitted("UnitsMadeGood", world.lane, false.id, side.investor, FALSE, FALSE),
        *taken,
    )
    assert side.balance(side.investor) == had - FALSE
    assert Books.of(world, side) == before
    assert side.escrow.amends_of(false.id) == (world.lane, FALSE, 0, 0, ZERO, False, True)
    assert world.network.status().ok


@pytest.mark.requirement("INV-2", "INV-3")
def test_it_is_made_good_once(world: World, there: str) -> None:
    """Whatever is denied anew: a further denial of it, its nonce freed and taken again."""
    side, false = side_of(world, there), disowned(world, there)
    agree(world, there, false)
    made_good(side, false)
    side.escrow.propose_reopening(false.id, *STATED, sender=side.operator)
    side.chain.advance(world.lane_state(side).terms.change_delay)
    side.escrow.reopen(false.id, *STATED, sender=side.administrator)
    source_of(world, false).chain.set_time(side.chain.now)
    send(world, there)
    world.deliver(false)
    take(world, deny(world, false)[1], false)
    before = Books.of(world, side)
    with refused(world, "denials: not agreed on"):
        made_good(side, false)
    with refused(world, "denials: made good already"):
        side.escrow.propose_amends(false.id, 0, *STATED, sender=side.issuer)
    assert Books.of(world, side) == before


@pytest.mark.requirement("INV-3", "R-20")
def test_its_nonce_is_freed_before_or_after(world: World, there: str) -> None:
    """The true message of that nonce is delivered, and what it brings is nobody's fault."""
    side = side_of(world, there)
    false = replace(
        forged(world, there),
        nonce=int(world.lane_state(source_of(world, forged(world, there))).sent),
    )
    world.deliver(false)
    true = send(world, there)
    assert true.nonce == false.nonce
    take(world, deny(world, false)[1], false)
    side.escrow.propose_reopening(false.id, *STATED, sender=side.operator)
    side.chain.advance(world.lane_state(side).terms.change_delay)
    side.escrow.reopen(false.id, *STATED, sender=side.administrator)
    agree(world, there, false)
    made_good(side, false)
    # Its deadline has passed: it waits for who returns it.
    world.deliver(true)
    assert side.escrow.has_arrived(world.lane, true.nonce)
    assert world.network.status().ok


@pytest.mark.requirement("R-14", "R-20")
def test_no_stop_keeps_back_what_ends_it(world: World, there: str) -> None:
    """Books that don't fit suspend the lane at home, elsewhere the instrument."""
    side, false = side_of(world, there), disowned(world, there)
    agree(world, there, false)
    side.escrow.pause_lane(world.lane, 3, *STATED, sender=side.guardian)
    engine = side.engine.address
    side.escrow.set_suspended(world.lane, True, *STATED, sender=engine)
    if there == "remote":
        side.token.set_suspended(True, *STATED, sender=engine)
        side.token.pause(3, *STATED, sender=side.guardian)
    made_good(side, false)
    assert side.escrow.amends_of(false.id).made


def test_a_suspended_instrument_lets_nothing_else_leave(world: World) -> None:
    """Of the custody's callers none gives anything that two keys did not agree on."""
    side, there = world.remote, "remote"
    world.arrived(5 * UNITS)
    false = disowned(world, there)
    side.token.set_suspended(True, *STATED, sender=side.engine.address)
    with refused(world, "denials: not agreed on"):
        made_good(side, false)
    deadline = side.chain.now + LASTS
    with refused(world, "controls: suspended"):
        world.network.burn(side.investor, world.home.fund, 1, deadline=deadline)


def test_who_gives_says_how_much_at_most(world: World, there: str) -> None:
    side, false = side_of(world, there), disowned(world, there)
    agree(world, there, false)
    with refused(world, "custody: more than the caller gives"):
        made_good(side, false, FALSE - 1)
    assert side.escrow.amends_of(false.id).agreed


def test_nobody_gives_what_it_does_not_have(world: World, there: str) -> None:
    side, false = side_of(world, there), disowned(world, there)
    agree(world, there, false)
    with refused(world, error="ERC7943CannotSend", args=(side.outsider.address,)):
        side.custody.make_good(false.id, FALSE, sender=side.outsider)
    all_but_one = side.balance(side.investor) - FALSE + 1
    side.token.transfer(side.buyer, all_but_one, sender=side.investor)
    with refused(
        world, error="ERC20InsufficientBalance", args=(side.investor.address, FALSE - 1, FALSE)
    ):
        made_good(side, false)
    assert side.escrow.amends_of(false.id).agreed


@pytest.mark.requirement("INV-7")
def test_only_the_lane_s_custody_enters_it(world: World, there: str) -> None:
    side, false = side_of(world, there), disowned(world, there)
    agree(world, there, false)
    for caller in (side.attacker, side.custodian, side.new_custody().address):
        with refused(world, "denials: given at the lane's custody"):
            side.escrow.enter_amends(false.id, side.investor, sender=caller)
    with refused(world, "denials: given at the lane's custody"):
        side.custody.make_good(bytes(32), FALSE, sender=side.investor)


@pytest.mark.requirement("INV-9")
def test_it_takes_both_keys_of_its_token(world: World, there: str) -> None:
    side, false = side_of(world, there), disowned(world, there)
    for account in (side.custodian, side.registrar, side.operator, side.attacker):
        with refused(world, "denials: proposed by its token's issuer"):
            side.escrow.propose_amends(false.id, 0, *STATED, sender=account)
    with refused(world, "denials: not what was proposed"):
        side.escrow.agree_amends(false.id, 0, *STATED, sender=side.custodian)
    side.escrow.propose_amends(false.id, 0, *STATED, sender=side.issuer)
    with refused(world, "denials: not what was proposed"):
        side.escrow.agree_amends(false.id, 1, *STATED, sender=side.custodian)
    for account in (side.issuer, side.registrar, side.guardian, side.attacker):
        with refused(world, "denials: agreed by its token's custodian"):
            side.escrow.agree_amends(false.id, 0, *STATED, sender=account)
    with refused(world, "denials: not agreed on"):
        made_good(side, false)
    side.escrow.agree_amends(false.id, 0, *STATED, sender=side.custodian)
    with refused(world, "denials: agreed already"):
        side.escrow.agree_amends(false.id, 0, *STATED, sender=side.custodian)
    # What is proposed anew is agreed anew.
    side.escrow.propose_amends(false.id, 0, *STATED, sender=side.issuer)
    with refused(world, "denials: not agreed on"):
        made_good(side, false)


@pytest.mark.requirement("INV-9")
def test_a_proposal_dies_with_its_issuer_s_role(world: World, there: str) -> None:
    side, false = side_of(world, there), disowned(world, there)
    side.escrow.propose_amends(false.id, 0, *STATED, sender=side.issuer)
    side.give_role(side.token, side.issuer, 0)
    with refused(world, "denials: its issuer is none any more"):
        side.escrow.agree_amends(false.id, 0, *STATED, sender=side.custodian)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("key", ["issuer", "custodian", "guardian"])
def test_either_key_or_the_guardian_withdraws_it(world: World, there: str, key: str) -> None:
    side, false = side_of(world, there), disowned(world, there)
    with refused(world, "denials: nothing proposed"):
        side.escrow.withdraw_amends(false.id, *STATED, sender=side.guardian)
    agree(world, there, false)
    with refused(world, "denials: withdrawn by issuer, custodian or guardian"):
        side.escrow.withdraw_amends(false.id, *STATED, sender=side.registrar)
    who = getattr(side, key)
    receipt = side.escrow.withdraw_amends(false.id, *STATED, sender=who)
    assert receipt.events == (
        side.act(side.escrow, "withdraw_amends(bytes32,bytes4,bytes32)", ZERO, who),
        side.escrow.emitted("AmendsWithdrawn", world.lane, false.id, who),
    )
    assert side.escrow.amends_of(false.id) == (world.lane, FALSE, 0, 0, ZERO, False, False)
    with refused(world, "denials: not agreed on"):
        made_good(side, false)


@pytest.mark.requirement("INV-3")
def test_nothing_else_is_made_good(world: World, there: str) -> None:
    """What was never denied, what waited and was undone, what never arrived."""
    side = side_of(world, there)
    true = send(world, there)
    world.deliver(true)
    waiting = replace(forged(world, there, side.outsider), nonce=true.nonce + 1)
    world.deliver(waiting)
    take(world, deny(world, waiting)[1], waiting)
    never = replace(forged(world, there), nonce=true.nonce + 90)
    take(world, deny(world, never)[1], never)
    for message in (true, waiting, never):
        assert side.escrow.amends_of(message.id) == NOTHING
        with refused(world, "denials: nothing to make good"):
            side.escrow.propose_amends(message.id, 0, *STATED, sender=side.issuer)


@pytest.mark.requirement("INV-2")
def test_more_than_was_outstanding_is_not_made_good(world: World) -> None:
    """What was false has left again: nothing is there that could be less."""
    side, there = world.remote, "remote"
    world.arrived(UNITS)
    false = disowned(world, there)
    deadline = side.chain.now + LASTS
    world.network.burn(side.investor, world.home.fund, UNITS + FALSE - 1, deadline=deadline)
    agree(world, there, false)
    with refused(world, "lanes: more undone than waits here"):
        made_good(side, false)


def test_a_lane_that_has_ended_owes_what_its_lists_say(world: World) -> None:
    home = world.home
    world.arrived(5 * UNITS)
    begun(world, "home")
    false, other = disowned(world, "home"), disowned(world, "home")
    agree(world, "home", false)
    under_way(world, listed(world, (home.investor, 100)))
    home.chain.set_time(int(home.escrow.end_of(world.lane).applies_from))
    home.escrow.apply_end(world.lane, sender=home.outsider)
    with refused(world, "denials: its lane has ended"):
        made_good(home, false)
    with refused(world, "denials: its lane has ended"):
        home.escrow.propose_amends(other.id, 0, *STATED, sender=home.issuer)


# ------------------------------------------------------------------------ over a ratio


@pytest.mark.requirement("INV-2", "INV-12", "R-20")
@pytest.mark.parametrize("ahead", [0, 1])
@pytest.mark.parametrize("false_units", [4, 5, 16])
@pytest.mark.parametrize("ratios", [((1, 10),), ((3, 2), (1, 10), (1, 3))])
def test_over_ratios_it_is_as_if_it_had_never_been_there(
    world: World,
    there: str,
    ratios: tuple[tuple[int, int], ...],
    false_units: int,
    ahead: int,
) -> None:
    """Whether it was credited in the units that it states, or in those of a ratio since."""
    engines, side = Engines.of(world), side_of(world, there)
    before = Books.of(world, side).outstanding
    message = replace(
        forged(world, there, amount=false_units),
        nonce=int(world.lane_state(source_of(world, forged(world, there))).sent),
        deadline=side.chain.now + LASTS,
    )
    for each in ratios[:ahead]:
        engines.split(*each)
    assert world.deliver(message).return_value is True
    for each in ratios[ahead:]:
        engines.split(*each)
        if each == (3, 2):
            # Some of an epoch's ratios are met by an act, others together.
            side.escrow.bring_up(world.lane, sender=side.outsider)
    take(world, deny(world, message)[1], message)
    with refused(world, "denials: arrived in no such epoch"):
        side.escrow.propose_amends(message.id, len(ratios) + 1, *STATED, sender=side.issuer)
    agree(world, there, message, ahead)
    wrong = Books.of(world, side)
    given = int(made_good(side, message).return_value)
    right = Books.of(world, side)
    assert right.outstanding == over(before, *ratios)
    least = abs(wrong.outstanding - right.outstanding)
    if there == "home":
        # Custody was rounded down without them.
        least = over(false_units, *ratios[:ahead])
        for numerator, denominator in ratios[ahead:]:
            least = -(-least * numerator // denominator)
    assert given == least
    moved = right.custody - wrong.custody if there == "home" else wrong.supply - right.supply
    assert moved == given


@pytest.mark.requirement("INV-1", "INV-2", "INV-12")
@pytest.mark.parametrize("true_units", [0, 1])
@pytest.mark.parametrize("first", ["made good", "undone"])
def test_one_that_was_credited_and_one_that_waits_leave_nobody_short(
    world: World, there: str, first: str, true_units: int
) -> None:
    """Home's custody was rounded down without what was credited, so that who gives rounds up; a
    unit that both were together elsewhere is given back by the denial's id."""
    if true_units:
        world.arrived(true_units)
    engines, side = Engines.of(world), side_of(world, there)
    source = source_of(world, forged(world, there))
    true = Books.of(world, side).outstanding
    lasts = {"deadline": side.chain.now + LASTS, "nonce": int(world.lane_state(source).sent)}
    credited = replace(forged(world, there, amount=1), **lasts)
    waits = replace(forged(world, there, side.outsider, amount=1), **lasts)
    waits = replace(waits, nonce=waits.nonce + 8)
    assert world.deliver(credited).return_value is True
    assert world.deliver(waits).return_value is False
    engines.split(1, 2)
    denials = {each: deny(world, each)[1] for each in (credited, waits)}
    take(world, denials[credited], credited)
    agree(world, there, credited)
    steps = [lambda: made_good(side, credited), lambda: take(world, denials[waits], waits)]
    for step in steps if first == "made good" else reversed(steps):
        step()
    books = Books.of(world, side)
    if there == "home":
        assert books.custody >= books.outstanding
    else:
        assert books.supply == books.outstanding
        if left := books.outstanding - true // 2:
            agree(world, there, denials[waits], 1)
            assert side.custody.make_good(denials[waits].id, left, sender=side.investor)
            books = Books.of(world, side)
            assert books.supply == books.outstanding
    assert (books.outstanding, books.suspense) == (true // 2, 0)
    assert world.network.status().ok


@pytest.mark.requirement("INV-2", "INV-12")
@pytest.mark.parametrize("owed", [0, 1])
def test_what_a_sum_that_waits_has_more_of_one_that_was_undone_is_nobody_s(
    world: World, owed: int
) -> None:
    """Two halves were a unit in the sum: when one is undone the other is none, and none is due."""
    there = "home"
    world.arrived(5 * UNITS + owed)
    begun(world, there)
    engines, home = Engines.of(world), world.home
    true = burn(world, 1, home.outsider)
    world.synchronise()
    false = replace(
        forged(world, there, home.outsider, amount=1),
        deadline=home.chain.now + LASTS,
        nonce=int(world.lane_state(world.remote).sent),
    )
    for message in (true, false):
        assert world.deliver(message).return_value is False
    engines.split(1, 2)
    take(world, deny(world, false)[1], false)
    books = Books.of(world, home)
    assert (books.suspense, home.escrow.waiting(true.as_tuple())) == (1, 0)
    assert books.custody >= books.outstanding
    assert world.network.status().ok


@pytest.mark.requirement("INV-2", "INV-12")
def test_what_rounding_up_leaves_over_is_no_break(world: World) -> None:
    """A tenth of a unit, credited three times, is made good by a unit each: custody has more."""
    there, home = "home", world.home
    world.arrived(5 * UNITS)
    begun(world, there)
    engines, deadline = Engines.of(world), home.chain.now + LASTS
    owed = Books.of(world, home).outstanding
    false = [disowned(world, there, amount=1, deadline=deadline) for _ in range(3)]
    engines.split(1, 10)
    for each in false:
        agree(world, there, each)
        assert made_good(home, each).return_value == 1
    books = Books.of(world, home)
    assert (books.outstanding, books.custody) == (owed // 10, owed // 10 + 2)
    assert world.network.status().ok


def test_no_epoch_before_the_message_s_own(world: World) -> None:
    """Nothing lands in units older than those that it states."""
    engines = Engines.of(world)
    world.arrived(5 * UNITS)
    engines.split(1, 10)
    message = replace(
        forged(world, "remote", action_epoch=1),
        nonce=int(world.lane_state(world.home).sent),
        lock_time=world.remote.chain.now,
        deadline=world.remote.chain.now + LASTS,
    )
    world.deliver(message)
    take(world, deny(world, message)[1], message)
    side = world.remote
    assert side.escrow.amends_of(message.id).action_epoch == 1
    with refused(world, "denials: arrived in no such epoch"):
        side.escrow.propose_amends(message.id, 0, *STATED, sender=side.issuer)
    assert side.token.role_of(side.issuer) == Role.ISSUER
