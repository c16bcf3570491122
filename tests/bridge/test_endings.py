"""A dead ledger's end: stated and confirmed by two registrars, in force after its notice, paid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tallystick.bridge.endings import NOTICE, EndList, Leaf
from tallystick.bridge.last_state import Due, Found, differences, due_at_last, due_on_the_way
from tallystick.bridge.message import Lack, LaneMessage, message_of, party
from tallystick.bridge.preview import Obstacle
from tallystick.governance.roles import Role
from tallystick.status.observe import status_of
from tests.support.endings import (
    apply,
    attested,
    confirm,
    ended,
    last_state,
    listed,
    owed,
    pay,
    propose,
    second_registrar,
    under_way,
    wait,
)
from tests.support.returns import late
from tests.support.world import (
    DAY,
    DOCUMENT,
    NO_REASON,
    STATED,
    UNSIGNED,
    ZERO,
    World,
    refused,
)

_STATE = "(uint256,uint256,bytes32,uint256,uint256,bytes32,uint256)"
PROPOSE = f"propose_end(bytes32,{_STATE},bytes,bytes,bytes4,bytes32)"
CONFIRM = "confirm_end(bytes32,bytes32,bytes4,bytes32)"
CANCEL = "cancel_end(bytes32,bytes4,bytes32)"
OUT, HELD = 1_000, 100


@pytest.fixture
def listing(world: World) -> EndList:
    """A thousand units out on the remote ledger; the list has nine hundred of them, for two."""
    second_registrar(world)
    world.synchronise()
    world.arrived(OUT)
    return listed(world, (world.home.investor, 600), (world.home.fund, 300))


# ------------------------------------------------------------------------- the way of an end


@pytest.mark.requirement("INV-2", "R-22")
def test_two_registrars_a_notice_and_a_proof_bring_units_home(
    world: World, listing: EndList
) -> None:
    home, lane = world.home, world.lane
    state = last_state(world, listing)
    receipt = propose(world, state)
    assert receipt.return_value == state.id
    assert receipt.events == (
        home.act(home.escrow, PROPOSE, ZERO, home.registrar),
        home.escrow.emitted("EndProposed", lane, state.id, home.registrar, state.as_tuple()),
    )
    assert home.escrow.end_of(lane) == (state.as_tuple(), home.registrar.address, 0)
    # A proposal alone stops nothing.
    world.locked(5)
    other = second_registrar(world)
    receipt = confirm(world, state)
    from_then = receipt.timestamp + NOTICE
    assert receipt.events == (
        home.act(home.escrow, CONFIRM, home.registrar, other),
        home.escrow.emitted("EndConfirmed", lane, state.id, from_then),
    )
    assert home.escrow.end_of(lane) == (state.as_tuple(), home.registrar.address, from_then)
    assert not home.escrow.is_ended(lane)
    wait(world)
    receipt = apply(world)
    assert receipt.events == (
        home.escrow.emitted("LaneEnded", lane, 0, listing.root, listing.total),
    )
    assert home.escrow.is_ended(lane)
    assert home.escrow.end_of(lane).registrar == ZERO
    assert home.escrow.lists_of(lane) == 1
    assert home.escrow.list_of(lane, 0) == (listing.root, 900, 0)
    before = home.balance(home.fund)
    leaf = listing.leaves[1]
    receipt = pay(world, listing, 1)
    assert receipt.events == (
        home.escrow.emitted("ListedPaid", lane, home.fund, leaf.hash, 0, 1, 300),
        *(event for event in receipt.events if event.address == home.token.address),
    )
    assert home.balance(home.fund) == before + 300
    assert home.escrow.is_paid(leaf.hash)
    assert home.escrow.list_of(lane, 0) == (listing.root, 600, 0)
    assert owed(world) == (OUT + 5 - 300, OUT + 5 - 300)


@pytest.mark.requirement("INV-2")
def test_nothing_leaves_while_an_end_is_under_way_however_long(
    world: World, listing: EndList
) -> None:
    home = world.home
    under_way(world, listing)
    assert Lack.NO_END in Lack(home.escrow.posture(world.lane))
    arguments = (world.lane, home.investor, party(world.remote.investor.address), 5)
    deadline = home.chain.now + DAY
    assert home.escrow.can_lock(*arguments, deadline) == Obstacle.ENDING
    with refused(world, "lanes: its end is under way"):
        world.locked(5)
    wait(world)
    with refused(world, "lanes: its end is under way"):
        world.locked(5)
    apply(world)
    assert Lack(home.escrow.posture(world.lane)) & (Lack.NO_END | Lack.OPEN) == Lack.OPEN
    assert home.escrow.can_lock(*arguments, home.chain.now + DAY) == Obstacle.ENDING
    with refused(world, "lanes: ended"):
        world.locked(5)


@pytest.mark.requirement("INV-2")
def test_no_lifting_of_a_pause_lifts_an_end(world: World, listing: EndList) -> None:
    home = world.home
    home.escrow.pause_lane(world.lane, 1, *STATED, sender=home.guardian)
    under_way(world, listing)
    home.chain.set_time(home.chain.now + 8 * DAY)
    home.escrow.unpause_lane(world.lane, 1, *STATED, sender=home.administrator)
    home.escrow.set_suspended(world.lane, True, *STATED, sender=home.engine.address)
    home.escrow.set_suspended(world.lane, False, *STATED, sender=home.engine.address)
    with refused(world, "lanes: its end is under way"):
        world.locked(5)


# ------------------------------------------------------------------------------ the two keys


@pytest.mark.parametrize("who", ["custodian", "administrator", "operator", "guardian", "attacker"])
def test_nobody_but_a_registrar_states_or_confirms(
    world: World, listing: EndList, who: str
) -> None:
    state, key = last_state(world, listing), world.home.parties[who]
    with refused(world, "endings: proposed by its token's registrar"):
        propose(world, state, key=key)
    propose(world, state)
    with refused(world, "endings: confirmed by its token's registrar"):
        confirm(world, state, key)


def test_one_registrar_alone_ends_nothing(world: World, listing: EndList) -> None:
    state = last_state(world, listing)
    propose(world, state)
    with refused(world, "endings: needs another registrar"):
        confirm(world, state, world.home.registrar)
    with refused(world, "endings: none under way"):
        apply(world)


def test_a_proposal_dies_with_its_registrar(world: World, listing: EndList) -> None:
    state = last_state(world, listing)
    propose(world, state)
    world.home.give_role(world.home.token, world.home.registrar, 0)
    with refused(world, "endings: its registrar is none any more"):
        confirm(world, state)


def test_what_is_confirmed_is_what_was_proposed_last(world: World, listing: EndList) -> None:
    first = last_state(world, listing)
    other = last_state(world, listed(world, (world.home.attacker, 900)))
    with refused(world, "endings: none proposed"):
        confirm(world, first)
    propose(world, first)
    propose(world, other)
    with refused(world, "endings: not what was proposed"):
        confirm(world, first)
    confirm(world, other)
    with refused(world, "endings: confirmed already"):
        confirm(world, other)
    with refused(world, "endings: one is under way"):
        propose(world, first)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"list": 1}, "endings: not its next list"),
        ({"root": bytes(32)}, "endings: nothing listed"),
        ({"total": 0}, "endings: nothing listed"),
        ({"time": 2**40}, "endings: last block in the future"),
        ({"lane": DOCUMENT}, "lanes: unknown lane"),
    ],
)
def test_what_a_statement_must_be(
    world: World, listing: EndList, changed: dict[str, Any], reason: str
) -> None:
    with refused(world, reason):
        propose(world, last_state(world, listing, **changed))


def test_an_end_is_at_home(world: World, listing: EndList) -> None:
    remote, state = world.remote, last_state(world, listing)
    with refused(world, "endings: an end is at home"):
        remote.escrow.propose_end(
            world.lane, state.as_tuple(), UNSIGNED, b"", *STATED, sender=remote.registrar
        )


def test_each_act_names_a_reason(world: World, listing: EndList) -> None:
    home, state = world.home, last_state(world, listing)
    nothing = (NO_REASON, DOCUMENT)
    reason = "instruction: no reason code"
    with refused(world, reason):
        home.escrow.propose_end(
            world.lane,
            state.as_tuple(),
            attested(world, state),
            b"",
            *nothing,
            sender=home.registrar,
        )
    propose(world, state)
    with refused(world, reason):
        home.escrow.confirm_end(world.lane, state.id, *nothing, sender=second_registrar(world))
    with refused(world, reason):
        home.escrow.cancel_end(world.lane, *nothing, sender=home.guardian)


# --------------------------------------------------------------------------- its proof


@pytest.mark.requirement("INV-4")
def test_the_verifier_of_the_lane_attests_exactly_this(world: World, listing: EndList) -> None:
    state = last_state(world, listing)
    with refused(world, "verifier: too few signatures of a batch"):
        propose(world, state, attested(world, state, count=1))
    with refused(world, "verifier: wrong signature of a batch"):
        propose(world, state, attested(world, replace(state, total=901)))
    with refused(world, "lanes: no such epoch now"):
        propose(world, state, attested(world, state, epoch=2))
    with refused(world, "lanes: one verifier alone"):
        propose(world, state, attested(world, state), UNSIGNED)


@pytest.mark.requirement("INV-4")
def test_a_batch_of_messages_is_no_last_state(world: World, listing: EndList) -> None:
    message = world.burned(9)
    with refused(world, "verifier: wrong signature of a batch"):
        propose(world, last_state(world, listing), *world.network.batch_attestations([message]))


@pytest.mark.requirement("INV-4")
def test_a_last_state_delivers_nothing(world: World, listing: EndList) -> None:
    state = last_state(world, listing)
    with refused(world, "transit: nothing in the batch"):
        world.home.escrow.deliver_batch(
            world.lane, state.id, [], attested(world, state), sender=world.home.courier
        )


@pytest.mark.requirement("INV-2")
def test_a_list_that_is_in_force_is_not_proven_again(world: World, listing: EndList) -> None:
    state = ended(world, listed(world, (world.home.fund, 300)))
    with refused(world, "endings: not its next list"):
        propose(world, state)
    # Nor under another number: that is another statement, which nobody attested.
    with refused(world, "verifier: wrong signature of a batch"):
        propose(world, replace(state, list=1), attested(world, state))


# ---------------------------------------------------------------------------- its notice


@pytest.mark.parametrize("who", ["guardian", "registrar"])
def test_a_guardian_or_a_registrar_cancels(world: World, listing: EndList, who: str) -> None:
    home = world.home
    state = under_way(world, listing)
    key = home.parties[who]
    receipt = home.escrow.cancel_end(world.lane, *STATED, sender=key)
    assert receipt.events == (
        home.act(home.escrow, CANCEL, ZERO, key),
        home.escrow.emitted("EndCancelled", world.lane, state.id, key),
    )
    world.locked(5)
    wait(world)
    with refused(world, "endings: none under way"):
        apply(world)
    with refused(world, "endings: none to cancel"):
        home.escrow.cancel_end(world.lane, *STATED, sender=key)


@pytest.mark.parametrize("who", ["custodian", "administrator", "operator", "outsider"])
def test_nobody_else_cancels(world: World, listing: EndList, who: str) -> None:
    home = world.home
    under_way(world, listing)
    with refused(world, "endings: cancelled by a guardian, or its token's registrar"):
        home.escrow.cancel_end(world.lane, *STATED, sender=home.parties[who])


def test_each_guardian_alone_cancels(world: World, listing: EndList) -> None:
    """Of the escrow, or of the token: roles of two contracts."""
    home = world.home
    home.give_role(home.token, home.guardian, 0)
    under_way(world, listing)
    home.escrow.cancel_end(world.lane, *STATED, sender=home.guardian)
    home.give_role(home.token, home.outsider, Role.GUARDIAN)
    under_way(world, listing)
    home.escrow.cancel_end(world.lane, *STATED, sender=home.outsider)
    assert home.escrow.end_of(world.lane).registrar == ZERO


def test_nobody_applies_before_the_notice_is_over(world: World, listing: EndList) -> None:
    under_way(world, listing)
    due = world.home.escrow.end_of(world.lane).applies_from
    world.home.chain.set_time(due - 1)
    with refused(world, "endings: its notice runs"):
        apply(world)
    world.home.chain.set_time(due)
    apply(world)


@pytest.mark.requirement("INV-3")
def test_what_left_before_the_last_block_arrives_during_the_notice(
    world: World, listing: EndList
) -> None:
    message = world.burned(100, world.home.fund)
    state = under_way(world, listing)
    assert message.lock_time <= state.time
    with refused(world, "endings: it left before"):
        show_life(world, message)
    assert world.deliver(message).return_value is True
    wait(world)
    apply(world)
    pay(world, listing, 0)
    pay(world, listing, 1)
    assert owed(world) == (0, 0)


@pytest.mark.requirement("INV-2")
def test_a_list_that_arrivals_overtook_is_not_applied(world: World, listing: EndList) -> None:
    message = world.burned(101, world.home.fund)
    under_way(world, listing)
    world.deliver(message)
    wait(world)
    with refused(world, "endings: lists of more than is outstanding"):
        apply(world)


def show_life(world: World, message: LaneMessage, *attestations: bytes) -> Any:
    """Anybody shows that the remote ledger lives."""
    proofs = attestations or world.network.attestations(message)
    return world.home.escrow.show_life(message.as_tuple(), *proofs, sender=world.home.outsider)


@pytest.mark.parametrize("delivered", [False, True])
def test_a_message_that_left_after_the_last_block_cancels(
    world: World, listing: EndList, delivered: bool
) -> None:
    state = under_way(world, listing)
    world.synchronise()
    message = world.burned(9)
    if delivered:
        world.deliver(message)
    receipt = show_life(world, message)
    assert receipt.events == (
        world.home.escrow.emitted("LifeShown", world.lane, state.id, message.id),
    )
    assert world.home.escrow.end_of(world.lane).registrar == ZERO
    world.locked(5)


def test_a_sign_of_life_is_a_proven_message_from_there(world: World, listing: EndList) -> None:
    under_way(world, listing)
    world.synchronise()
    message = world.burned(9)
    with refused(world, "verifier: wrong signature"):
        show_life(world, replace(message, amount=8), *world.network.attestations(message))
    outward = world.message(kind=1, lock_time=message.lock_time)
    with refused(world, "endings: not from the remote ledger"):
        show_life(world, outward, UNSIGNED)
    world.home.escrow.cancel_end(world.lane, *STATED, sender=world.home.guardian)
    with refused(world, "endings: none to cancel"):
        show_life(world, message)


# --------------------------------------------------------------------------- once in force


def test_nothing_arrives_any_more(world: World, listing: EndList) -> None:
    message = world.burned(50)
    ended(world, listed(world, (world.home.fund, 300)))
    with refused(world, "lanes: ended"):
        world.deliver(message)


@pytest.mark.requirement("R-24", "R-36")
def test_what_waits_at_home_is_claimed_and_never_returned(world: World, listing: EndList) -> None:
    home = world.home
    waiting = [world.burned(units, home.outsider) for units in (20, 30)]
    for message in waiting:
        world.deliver(message)
    under_way(world, listed(world, (home.fund, 300)))
    late(world, waiting[0])
    with refused(world, "lanes: no way back while its end is under way"):
        home.escrow.return_to_source(waiting[0].as_tuple(), sender=home.courier)
    wait(world)
    apply(world)
    with refused(world, "lanes: ended"):
        home.escrow.return_to_source(waiting[0].as_tuple(), sender=home.courier)
    # Past their deadline they are for who sent them there: two keys pay his account here.
    for message in waiting:
        words = (message.as_tuple(), home.buyer, *STATED)
        home.escrow.propose_redirect(*words, sender=home.registrar)
        home.escrow.redirect(*words, sender=home.custodian)
    assert world.lane_state(home).suspense == 0
    assert owed(world) == (OUT - 50, OUT - 50)


def test_what_came_back_is_claimed_after_the_end(world: World, listing: EndList) -> None:
    """A return has no deadline: its recipient has it whenever the token takes him."""
    home, remote = world.home, world.remote
    world.locked(1)
    message = world.network.lock(home.buyer, remote.outsider, 40)
    world.synchronise()
    late(world, message)
    world.deliver(message)
    receipt = remote.escrow.return_to_source(message.as_tuple(), sender=remote.courier)
    answer = message_of(receipt.one("MessageSent"))
    world.synchronise()
    home.token.setAddressFrozen(home.buyer, True, *STATED, sender=home.custodian)
    assert world.deliver(answer).return_value is False
    ended(world, listed(world, (home.fund, 300)))
    home.token.setAddressFrozen(home.buyer, False, *STATED, sender=home.custodian)
    before = home.balance(home.buyer)
    home.escrow.claim(answer.as_tuple(), sender=home.outsider)
    assert home.balance(home.buyer) == before + 40


@pytest.mark.requirement("INV-2", "INV-3")
def test_a_leaf_is_paid_once(world: World, listing: EndList) -> None:
    ended(world, listing)
    pay(world, listing, 0)
    with refused(world, "endings: paid already"):
        pay(world, listing, 0)


_OTHERS: list[Callable[[World, EndList], dict[str, Any]]] = [
    lambda world, _: {"account": world.home.attacker.address},
    lambda *_: {"amount": 601},
    lambda *_: {"index": 1},
    lambda _, end: {"proof": []},
    lambda _, end: {"proof": [*end.proof(0), DOCUMENT]},
    lambda _, end: {"proof": end.proof(1)},
]


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("other", _OTHERS)
def test_what_is_not_on_the_list_is_not_paid(
    world: World, listing: EndList, other: Callable[[World, EndList], dict[str, Any]]
) -> None:
    ended(world, listing)
    with refused(world, "endings: not on that list"):
        pay(world, listing, 0, **other(world, listing))


@pytest.mark.requirement("INV-7")
def test_a_leaf_of_another_lane_or_list_is_not_paid(world: World, listing: EndList) -> None:
    ended(world, listed(world, (world.home.fund, 300)))
    for changed, reason in (
        ({"lane": DOCUMENT}, "endings: no such list"),
        ({"list": 1}, "endings: no such list"),
    ):
        with refused(world, reason):
            pay(world, listing, 0, **changed)
    # Leaves that say that they are of the first list, under the root of the second.
    again = EndList.of(world.lane, 0, [(str(world.home.fund.address), 300)])
    ended(world, again, list=1)
    with refused(world, "endings: not on that list"):
        pay(world, again, 0, list=1)
    pay(world, again, 0)
    with refused(world, "endings: paid already"):
        pay(world, again, 0)


def test_a_node_is_no_leaf(world: World, listing: EndList) -> None:
    """A tree whose one leaf has the hash of the list's root under other words does not exist: a
    node has 64 bytes, a leaf 192."""
    foreign = EndList(
        world.lane, 0, (*listing.leaves, Leaf(DOCUMENT, 0, 2, world.home.attacker.address, 100))
    )
    ended(world, foreign)
    with refused(world, "endings: not on that list"):
        pay(world, foreign, 2, lane=world.lane)
    with refused(world, "endings: no such list"):
        pay(world, foreign, 2)


@pytest.mark.requirement("INV-2")
def test_a_tree_of_more_than_its_statement_pays_no_more(world: World, listing: EndList) -> None:
    state = last_state(world, listing, total=700)
    propose(world, state)
    confirm(world, state)
    wait(world)
    apply(world)
    pay(world, listing, 0)
    with refused(world, "endings: more than its list owes"):
        pay(world, listing, 1)


@pytest.mark.requirement("INV-2")
def test_lists_of_more_than_is_outstanding_are_refused(world: World, listing: EndList) -> None:
    state = last_state(world, listed(world, (world.home.fund, OUT + 1)))
    propose(world, state)
    with refused(world, "endings: lists of more than is outstanding"):
        confirm(world, state)
    ended(world, listing)
    pay(world, listing, 1)
    # A hundred are on no list, paid or not.
    beyond = last_state(world, listed(world, (world.home.fund, 101), number=1))
    propose(world, beyond)
    with refused(world, "endings: lists of more than is outstanding"):
        confirm(world, beyond)
    rest = listed(world, (world.home.fund, 100), number=1)
    ended(world, rest)
    pay(world, rest, 0)
    pay(world, listing, 0)
    assert owed(world) == (0, 0)


def test_who_can_not_receive_is_paid_later(world: World, listing: EndList) -> None:
    home = world.home
    ended(world, listing)
    home.token.setAddressFrozen(home.fund, True, *STATED, sender=home.custodian)
    with refused(world, error="ERC7943CannotReceive", args=(home.fund.address,)):
        pay(world, listing, 1)
    home.token.setAddressFrozen(home.fund, False, *STATED, sender=home.custodian)
    pay(world, listing, 1)


@pytest.mark.parametrize("stop", ["pause", "suspension"])
def test_no_pause_or_suspension_stops_a_payment(world: World, listing: EndList, stop: str) -> None:
    """As none stops a claim: a dead ledger sends no figures, so its lane is suspended in time."""
    home = world.home
    ended(world, listing)
    if stop == "pause":
        home.token.pause(7, *STATED, sender=home.guardian)
        home.escrow.pause_lane(world.lane, 3, *STATED, sender=home.guardian)
    else:
        home.escrow.set_suspended(world.lane, True, *STATED, sender=home.engine.address)
    before = home.balance(home.fund)
    pay(world, listing, 1)
    assert home.balance(home.fund) == before + 300


# ------------------------------------------------------------------------------- a life


@dataclass(frozen=True)
class Died:
    """A ledger that died with holders, units in suspense, a message under way in each direction."""

    world: World
    last: int
    homes: dict[str, str]
    waits: LaneMessage

    @classmethod
    def of(cls, world: World) -> Died:
        remote = world.remote
        second_registrar(world)
        world.synchronise()
        world.arrived(1_000)
        remote.token.transfer(remote.buyer, 100, sender=remote.investor)
        world.deliver(world.locked(70, remote.outsider))
        world.burned(30, world.home.fund)
        world.locked(200)
        waits = world.burned(40, world.home.outsider)
        world.deliver(waits)
        homes = {
            str(remote.parties[who].address): str(world.home.parties[who].address)
            for who in ("investor", "buyer")
        }
        return cls(world, remote.chain.block_number, homes, waits)

    def first(self, homes: dict[str, str] | None = None) -> Found:
        world, remote = self.world, self.world.remote
        dues = due_at_last(
            world.lane,
            world.home.escrow,
            remote.escrow,
            remote.token,
            str(remote.custody.address),
            self.last,
        )
        return Found(dues, self.homes if homes is None else homes)

    def further(self) -> Found:
        world = self.world
        there = (world.home.escrow, world.remote.escrow, world.remote.token)
        return Found(due_on_the_way(world.lane, *there, self.last), self.homes)


@pytest.mark.requirement("R-22")
def test_the_last_state_says_who_gets_what(world: World) -> None:
    died = Died.of(world)
    home, remote = world.home, world.remote
    there = [("account", 830, remote.investor), ("account", 100, remote.buyer)]
    ordered = sorted(there, key=lambda each: int(each[2].address, 16))
    assert died.first().dues == (
        *(Due(why, units, there=str(who.address)) for why, units, who in ordered),
        Due("suspense", 70, home=str(home.investor.address)),
        Due("outward", 200, home=str(home.investor.address)),
    )
    assert died.further().dues == (Due("homeward", 30, there=str(remote.investor.address)),)
    first = died.first()
    assert {leaf.account: leaf.amount for leaf in first.listed(world.lane, 0).leaves} == {
        home.investor.address: 830 + 70 + 200,
        home.buyer.address: 100,
    }
    assert not first.missing
    unknown = died.first({})
    assert [due.amount for due in unknown.missing] == [units for _, units, _ in ordered]
    assert unknown.listed(world.lane, 0).total == 270


def test_a_proposed_list_is_compared_account_by_account(world: World) -> None:
    ours = listed(world, (world.home.investor, 600), (world.home.fund, 300))
    assert differences(ours, ours) == ()
    theirs = listed(world, (world.home.investor, 600), (world.home.attacker, 300))
    assert sorted(differences(ours, theirs)) == sorted(
        (
            f"{world.home.fund.address}: 0 base units listed, 300 expected",
            f"{world.home.attacker.address}: 300 base units listed, 0 expected",
        )
    )
    turned = listed(world, (world.home.fund, 300), (world.home.investor, 600))
    # Two leaves in the other order are other leaves.
    (word,) = differences(ours, turned)
    assert word.endswith("another order")


@pytest.mark.requirement("INV-1", "INV-2", "INV-7", "R-22")
def test_a_ledger_dies_and_every_unit_ends_at_home(world: World) -> None:
    """By the lists that its last state makes; nothing is lost and nothing paid twice."""
    home = world.home
    issue = home.token.totalSupply()
    before = home.balance(home.investor), home.balance(home.buyer)
    died = Died.of(world)
    assert owed(world) == (1_230, 1_230)
    first = died.first().listed(world.lane, 0)
    under_way(world, first)
    wait(world)
    with refused(world, "endings: no such list"):
        pay(world, first, 0)
    apply(world)
    for index in range(len(first.leaves)):
        pay(world, first, index)
        seen = status_of(world.network.connection)
        assert [verdict.breaks for verdict in seen.verdicts if verdict.breaks] == []
    # What was on its way home never came: a further list has it.
    assert owed(world) == (30, 30)
    further = died.further().listed(world.lane, 1)
    ended(world, further)
    pay(world, further, 0)
    words = (died.waits.as_tuple(), home.investor, *STATED)
    home.escrow.propose_redirect(*words, sender=home.registrar)
    home.escrow.redirect(*words, sender=home.custodian)
    assert owed(world) == (0, 0)
    assert home.balance(home.custody) == 0
    assert home.token.totalSupply() == issue
    # The investor locked all of it; a hundred he had given to the buyer there.
    assert home.balance(home.investor) == before[0] - 100
    assert home.balance(home.buyer) == before[1] + 100
