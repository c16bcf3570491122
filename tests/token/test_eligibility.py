"""Registrar: who may hold, and which contracts hold for others."""

from __future__ import annotations

import pytest

from tests.support.world import (
    DAY,
    STATED,
    UINT_MAX,
    UNSTATED,
    ZERO,
    Side,
    World,
    refused,
)

ADMIT = "admit(address,uint256,bytes4,bytes32)"


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


@pytest.mark.parametrize(("stated", "reason"), UNSTATED)
def test_admitting_states_why_itself(
    world: World, stated: tuple[bytes, bytes], reason: str
) -> None:
    """No standard has this function: a standing instruction does not stand for it."""
    side = world.home
    side.token.instruct(*STATED, sender=side.registrar)
    with refused(world, reason):
        side.token.admit(side.outsider, 40_000, *stated, sender=side.registrar)
