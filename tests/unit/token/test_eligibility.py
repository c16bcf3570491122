"""Registrar: who may hold, and which contracts hold for others."""

from __future__ import annotations

import pytest
from suite_world import (
    DAY,
    DOCUMENT,
    NO_DOCUMENT,
    NO_REASON,
    REASON,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
    refused,
)

ADMIT = "admit(address,uint256,bytes4,bytes32)"
SET_LINK = "set_link_account(address,bytes4,bytes32)"


@pytest.mark.requirement("R-24")
def test_admit_makes_an_account_eligible(home_side: Side) -> None:
    token, outsider, registrar = home_side.token, home_side.outsider, home_side.registrar
    receipt = token.admit(outsider, 40_000, *STATED, sender=registrar)
    assert receipt.events == (
        home_side.act(token, ADMIT, outsider, registrar),
        token.emitted("Admitted", outsider, 40_000),
    )
    assert token.eligible_until(outsider) == 40_000
    assert token.canReceive(outsider)


def test_admit_again_replaces_the_day(home_side: Side) -> None:
    token, fund = home_side.token, home_side.fund
    token.admit(fund, 65_535, *STATED, sender=home_side.registrar)
    assert token.eligible_until(fund) == 65_535


def test_admit_until_day_0_ends_eligibility(home_side: Side) -> None:
    token, investor = home_side.token, home_side.investor
    token.admit(investor, 0, *STATED, sender=home_side.registrar)
    assert not token.canSend(investor)
    assert not token.canReceive(investor)


def test_admit_leaves_balance_and_freeze(home_side: Side) -> None:
    token, investor = home_side.token, home_side.investor
    token.setFrozenTokens(investor, 77, *STATED, sender=home_side.custodian)
    before = token.position_of(investor)
    token.admit(investor, 50_000, *STATED, sender=home_side.registrar)
    after = token.position_of(investor)
    assert (after.balance, after.frozen, after.last_movement) == (
        before.balance,
        77,
        before.last_movement,
    )


@pytest.mark.parametrize("day", [65_536, 2**104, UINT_MAX])
def test_admit_beyond_the_last_day_is_refused(world: World, day: int) -> None:
    side = world.home
    with refused(world, "controls: day out of range"):
        side.token.admit(side.outsider, day, *STATED, sender=side.registrar)


def test_admit_nobody_is_refused(world: World) -> None:
    side = world.home
    with refused(world, "controls: no account"):
        side.token.admit(ZERO, 40_000, *STATED, sender=side.registrar)


def test_admit_a_link_account_is_refused(world: World) -> None:
    side = world.home
    with refused(world, "controls: link account"):
        side.token.admit(side.custody, 40_000, *STATED, sender=side.registrar)


@pytest.mark.parametrize(("offset", "eligible"), [(-1, True), (0, False)])
def test_eligibility_includes_its_last_day_and_ends_with_it(
    home_side: Side, offset: int, eligible: bool
) -> None:
    token, chain, fund = home_side.token, home_side.chain, home_side.fund
    last = chain.now // DAY + 3
    token.admit(fund, last, *STATED, sender=home_side.registrar)
    chain.set_time((last + 1) * DAY + offset)
    assert token.canReceive(fund) is eligible
    assert token.canSend(fund) is eligible


def test_a_past_eligibility_stops_a_transfer(world: World) -> None:
    side = world.home
    last = side.chain.now // DAY
    side.token.admit(side.fund, last, *STATED, sender=side.registrar)
    side.chain.set_time((last + 1) * DAY)
    with refused(world, error="ERC7943CannotReceive", args=(side.fund.address,)):
        side.token.transfer(side.fund, 1, sender=side.investor)


def test_admit_without_reason_uses_the_standing_instruction(home_side: Side) -> None:
    token, registrar = home_side.token, home_side.registrar
    token.instruct(b"ONBD", DOCUMENT, sender=registrar)
    receipt = token.admit(home_side.outsider, 40_000, sender=registrar)
    assert receipt.events == (
        home_side.act(
            token, "admit(address,uint256)", home_side.outsider, registrar, (b"ONBD", DOCUMENT)
        ),
        token.emitted("Admitted", home_side.outsider, 40_000),
    )


def test_admit_without_any_reason_is_refused(world: World) -> None:
    side = world.home
    with refused(world, "instruction: no reason code"):
        side.token.admit(side.outsider, 40_000, sender=side.registrar)


def test_admit_with_a_reason_but_no_document_is_refused(world: World) -> None:
    side = world.home
    with refused(world, "instruction: no document hash"):
        side.token.admit(side.outsider, 40_000, REASON, sender=side.registrar)


def test_a_half_stated_act_does_not_borrow_the_standing_instruction(world: World) -> None:
    side = world.home
    side.token.instruct(*STATED, sender=side.registrar)
    with refused(world, "instruction: no reason code"):
        side.token.admit(side.outsider, 40_000, NO_REASON, DOCUMENT, sender=side.registrar)
    with refused(world, "instruction: no document hash"):
        side.token.admit(side.outsider, 40_000, REASON, NO_DOCUMENT, sender=side.registrar)


# ------------------------------------------------------------------- link accounts


def test_registrar_makes_a_contract_a_link_account(home_side: Side) -> None:
    token, escrow, registrar = home_side.token, home_side.escrow, home_side.registrar
    receipt = token.set_link_account(escrow, *STATED, sender=registrar)
    assert receipt.events == (
        home_side.act(token, SET_LINK, escrow, registrar),
        token.emitted("LinkAccountSet", escrow),
    )
    assert token.is_link(escrow)
    assert token.eligible_until(escrow) == 65_535


def test_the_set_up_key_makes_a_link_account(home_side: Side) -> None:
    token = home_side.fresh_token()
    token.set_link_account(home_side.escrow, *STATED, sender=home_side.deployer)
    assert token.is_link(home_side.escrow)


def test_link_account_must_be_a_contract(world: World) -> None:
    side = world.home
    with refused(world, "controls: link is no contract"):
        side.token.set_link_account(side.outsider, *STATED, sender=side.registrar)


def test_link_account_must_hold_nothing(world: World) -> None:
    side = world.home
    side.token.admit(side.escrow, 40_000, *STATED, sender=side.registrar)
    side.token.transfer(side.escrow, 1, sender=side.investor)
    with refused(world, "controls: link holds units"):
        side.token.set_link_account(side.escrow, *STATED, sender=side.registrar)


def test_link_account_can_be_set_once(world: World) -> None:
    side = world.home
    with refused(world, "controls: link already"):
        side.token.set_link_account(side.custody, *STATED, sender=side.registrar)


def test_link_account_may_move_in_calls_of_its_own_alone(home_side: Side) -> None:
    token, custody = home_side.token, home_side.custody
    assert token.canSend.call(custody, sender=custody.address)
    assert token.canReceive.call(custody, sender=custody.address)
    assert not token.canSend.call(custody, sender=home_side.attacker)
    assert not token.canReceive.call(custody, sender=home_side.escrow.address)


def test_link_account_is_for_good(world: World) -> None:
    side = world.home
    for reason, act in (
        (
            "controls: link account",
            lambda: side.token.admit(side.custody, 0, *STATED, sender=side.registrar),
        ),
        (
            "controls: link can't be frozen",
            lambda: side.token.setFrozenTokens(side.custody, 1, *STATED, sender=side.custodian),
        ),
        (
            "controls: link can't be frozen whole",
            lambda: side.token.setAddressFrozen(side.custody, True, *STATED, sender=side.custodian),
        ),
        (
            "controls: link can't be frozen whole",
            lambda: side.token.setAddressFrozen(
                side.custody, False, *STATED, sender=side.custodian
            ),
        ),
    ):
        with refused(world, reason):
            act()
