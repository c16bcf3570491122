"""Redirect: what waits in suspense goes to another payee, by registrar and custodian together."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.bridge.figures import Landed, Landing
from tallystick.bridge.message import MESSAGE_FIELDS, LaneMessage
from tallystick.chain import Receipt
from tests.support.world import DAY, REASON, STATED, ZERO, Side, World, refused, side_parties

UNITS = 1_000
_MESSAGE = "(" + ",".join(kind for kind, _ in MESSAGE_FIELDS) + ")"
PROPOSE = f"propose_redirect({_MESSAGE},address,bytes4,bytes32)"
WITHDRAW = f"withdraw_redirect({_MESSAGE},bytes4,bytes32)"
REDIRECT = f"redirect({_MESSAGE},address,bytes4,bytes32)"


@pytest.fixture(params=["home", "remote"])
def held(world: World, request: pytest.FixtureRequest) -> tuple[Side, LaneMessage]:
    """Units that wait in suspense on a ledger, for somebody nobody admitted."""
    if request.param == "remote":
        message = world.locked(UNITS, world.remote.outsider)
        side = world.remote
    else:
        world.arrived(UNITS)
        message = world.burned(UNITS, world.home.outsider)
        side = world.home
    world.deliver(message)
    assert side.escrow.suspended(message.id) == UNITS
    return side, message


def propose(side: Side, message: LaneMessage, payee: Any, key: Any = None) -> Receipt:
    """The registrar says who gets them, or somebody else does."""
    return Receipt.of(
        side.escrow.propose_redirect(
            message.as_tuple(), payee, *STATED, sender=key or side.registrar
        )
    )


def redirect(side: Side, message: LaneMessage, payee: Any, key: Any = None) -> Receipt:
    """The custodian carries it out, or somebody else does."""
    return Receipt.of(
        side.escrow.redirect(message.as_tuple(), payee, *STATED, sender=key or side.custodian)
    )


# ------------------------------------------------------------------ by two keys


@pytest.mark.requirement("INV-1", "INV-3", "R-24", "R-36")
def test_two_keys_pay_what_waits_to_another(world: World, held: tuple[Side, LaneMessage]) -> None:
    side, message = held
    before = world.lane_state(side)
    payee = side.fund
    had = side.balance(payee)
    receipt = propose(side, message, payee)
    assert receipt.events == (
        side.act(side.escrow, PROPOSE, payee, side.registrar),
        side.escrow.emitted("RedirectProposed", world.lane, message.id, payee, side.registrar),
    )
    assert side.escrow.redirect_of(message.id) == (payee.address, side.registrar.address)
    receipt = redirect(side, message, payee)
    assert receipt.events == (
        side.act(side.escrow, REDIRECT, payee, side.custodian),
        side.escrow.emitted("SuspenseRedirected", world.lane, payee, message.id, UNITS),
        side.token.emitted("Transfer", side.custody, payee, UNITS),
    )
    assert side.balance(payee) == had + UNITS
    assert side.escrow.suspended(message.id) == 0
    assert side.escrow.redirect_of(message.id) == (ZERO, ZERO)
    after = world.lane_state(side)
    assert (before.suspense, after.suspense) == (UNITS, 0)
    assert after.outstanding == before.outstanding
    with refused(world, "transit: nothing in suspense"):
        world.network.claim(message)


@pytest.mark.requirement("INV-9", "R-12")
@pytest.mark.parametrize("party", [each for each in side_parties() if each != "registrar"])
def test_nobody_but_the_registrar_proposes(
    world: World, held: tuple[Side, LaneMessage], party: str
) -> None:
    side, message = held
    with refused(world, "transit: proposed by its token's registrar"):
        propose(side, message, side.fund, side.parties[party])


@pytest.mark.requirement("INV-9", "R-12")
@pytest.mark.parametrize("party", [each for each in side_parties() if each != "custodian"])
def test_nobody_but_the_custodian_carries_it_out(
    world: World, held: tuple[Side, LaneMessage], party: str
) -> None:
    side, message = held
    propose(side, message, side.fund)
    with refused(world, "transit: redirected by its token's custodian"):
        redirect(side, message, side.fund, side.parties[party])


@pytest.mark.requirement("INV-9", "R-12")
@pytest.mark.parametrize(
    "party", [each for each in side_parties() if each not in {"registrar", "guardian"}]
)
def test_nobody_else_withdraws_it(world: World, held: tuple[Side, LaneMessage], party: str) -> None:
    side, message = held
    propose(side, message, side.fund)
    with refused(world, "transit: withdrawn by its token's registrar or guardian"):
        side.escrow.withdraw_redirect(message.as_tuple(), *STATED, sender=side.parties[party])


@pytest.mark.parametrize("party", ["registrar", "guardian"])
def test_what_is_withdrawn_is_not_carried_out(
    world: World, held: tuple[Side, LaneMessage], party: str
) -> None:
    side, message = held
    propose(side, message, side.fund)
    key = side.parties[party]
    receipt = side.escrow.withdraw_redirect(message.as_tuple(), *STATED, sender=key)
    assert receipt.events == (
        side.act(side.escrow, WITHDRAW, ZERO, key),
        side.escrow.emitted("RedirectWithdrawn", world.lane, message.id, key),
    )
    with refused(world, "transit: not what was proposed"):
        redirect(side, message, side.fund)
    with refused(world, "transit: no redirect proposed"):
        side.escrow.withdraw_redirect(message.as_tuple(), *STATED, sender=key)


def test_the_custodian_pays_nobody_else(world: World, held: tuple[Side, LaneMessage]) -> None:
    side, message = held
    for payee in (side.fund.address, ZERO):
        with refused(world, "transit: not what was proposed"):
            redirect(side, message, payee)
    propose(side, message, side.investor)
    propose(side, message, side.fund)
    with refused(world, "transit: not what was proposed"):
        redirect(side, message, side.investor)
    redirect(side, message, side.fund)


def test_a_proposal_dies_with_its_registrar(world: World, held: tuple[Side, LaneMessage]) -> None:
    side, message = held
    propose(side, message, side.fund)
    side.give_role(side.token, side.registrar, 0)
    with refused(world, "transit: its registrar is none any more"):
        redirect(side, message, side.fund)


# ------------------------------------------------------------------ to whom, and when


def test_redirect_to_nobody_is_refused(world: World, held: tuple[Side, LaneMessage]) -> None:
    side, message = held
    with refused(world, "transit: redirect to nobody"):
        propose(side, message, ZERO)


def test_the_token_decides_who_can_be_paid(world: World, held: tuple[Side, LaneMessage]) -> None:
    side, message = held
    propose(side, message, side.attacker)
    with refused(world, error="ERC7943CannotReceive", args=(side.attacker.address,)):
        redirect(side, message, side.attacker)
    propose(side, message, side.custody)
    with refused(world, "custody: pay to itself"):
        redirect(side, message, side.custody)


def test_what_was_never_in_suspense_is_not_redirected(world: World) -> None:
    under_way = world.locked(UNITS)
    side = world.remote
    with refused(world, "transit: nothing to redirect"):
        propose(side, under_way, side.fund)
    world.deliver(under_way)
    with refused(world, "transit: nothing to redirect"):
        propose(side, under_way, side.fund)


@pytest.mark.requirement("INV-3")
def test_a_recipient_who_can_receive_first_is_paid(
    world: World, held: tuple[Side, LaneMessage]
) -> None:
    """Either the claim or the redirect takes effect, whichever comes first, never both."""
    side, message = held
    propose(side, message, side.fund)
    side.token.admit(side.outsider, 40_000, *STATED, sender=side.registrar)
    world.network.claim(message)
    with refused(world, "transit: claimed meanwhile"):
        redirect(side, message, side.fund)
    assert side.balance(side.outsider) == UNITS


def test_what_was_sent_to_a_custody_is_not_lost(world: World) -> None:
    """It can't be paid to itself: it waited for good before."""
    side = world.remote
    message = world.locked(UNITS, side.custody)
    world.deliver(message)
    propose(side, message, side.investor)
    redirect(side, message, side.investor)
    assert side.balance(side.investor) == UNITS


@pytest.mark.requirement("INV-6")
@pytest.mark.parametrize("days", [0, 1, 3])
def test_the_payee_is_who_the_units_landed_with(
    world: World, held: tuple[Side, LaneMessage], days: int
) -> None:
    side, message = held
    left = side.token.business_day()
    side.chain.advance(days * DAY)
    propose(side, message, side.fund)
    receipt = redirect(side, message, side.fund)
    word = int(side.escrow.landed(message.id))
    if days == 0:
        assert word == 0
        return
    expected = Landing(left + days, Landed.REDIRECTED, str(side.fund.address))
    assert Landing.unpack(word) == expected
    assert [e.args["landing"] for e in receipt.events if e.name == "UnitsLanded"] == [word]


@pytest.mark.requirement("R-36")
def test_each_act_names_reason_and_document(world: World, held: tuple[Side, LaneMessage]) -> None:
    side, message = held
    for stated, missing in (
        ((bytes(4), STATED[1]), "reason code"),
        ((REASON, bytes(32)), "document hash"),
    ):
        with refused(world, f"instruction: no {missing}"):
            side.escrow.propose_redirect(
                message.as_tuple(), side.fund, *stated, sender=side.registrar
            )
