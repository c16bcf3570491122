"""What other security tokens got wrong, tried on this one."""

from __future__ import annotations

import pytest

from tallystick.chain import Revert
from tallystick.governance.roles import Role
from tests.support.world import (
    DOCUMENT,
    INVESTOR_UNITS,
    STATED,
    UINT_MAX,
    ZERO,
    World,
    refused,
)


def test_dstoken_transfer_from_without_allowance(world: World) -> None:
    """DSToken C-1, October 2025: `transferFrom` never looked at the allowance."""
    side = world.home
    with refused(world, error="ERC20InsufficientAllowance", args=(side.attacker.address, 0, 1)):
        side.token.transferFrom(side.investor, side.fund, 1, sender=side.attacker)


def test_cmtat_zero_amount_transfer_from(world: World) -> None:
    """CMTAT NM-6: `transferFrom(victim, x, 0)` moved stateful rules without allowance."""
    side = world.home
    side.chain.set_time(side.chain.now + 3 * 86_400)
    before = world.storage()
    receipt = side.token.transferFrom(side.investor, side.fund, 0, sender=side.attacker)
    assert world.storage() == before
    assert receipt.events == (side.token.emitted("Transfer", side.investor, side.fund, 0),)


def test_trex_zero_value_transfer_does_not_revert(world: World) -> None:
    """T-REX v5 L-01: transfers of nothing reverted in hooks; ERC-20 asks for a transfer."""
    side = world.home
    assert side.token.transfer(side.fund, 0, sender=side.investor).return_value is True


@pytest.mark.requirement("INV-5")
def test_dstoken_self_transfer_changes_no_count(world: World) -> None:
    """DSToken: a transfer to oneself changed investor counts."""
    side = world.home
    side.token.transfer(side.investor, INVESTOR_UNITS, sender=side.investor)
    assert side.balance(side.investor) == INVESTOR_UNITS


def test_erc7943_self_forced_transfer(world: World) -> None:
    """ERCs #1778: a forced transfer to oneself silently unfroze."""
    side = world.home
    with refused(world, "orders: to the same account"):
        side.enter_order(side.investor, side.investor, 1)


@pytest.mark.requirement("R-12")
def test_cmtat_administrator_holds_no_other_role(world: World) -> None:
    """CMTAT CVF-10: the administrator passed for every role."""
    side = world.home
    acts = (
        lambda key: side.token.mint(side.fund, 1, *STATED, sender=key),
        lambda key: side.token.admit(side.outsider, 1, *STATED, sender=key),
        lambda key: side.token.setFrozenTokens(side.investor, 1, *STATED, sender=key),
        lambda key: side.token.authorise_issuance(1, *STATED, sender=key),
    )
    for act in acts:
        with refused(world, "access: missing role"):
            act(side.administrator)
    # It prolongs what the guardian stopped, and stops nothing.
    with refused(world, "stops: nothing to prolong"):
        side.token.pause(1, *STATED, sender=side.administrator)


def test_halborn_pause_stops_mint_and_burn(world: World) -> None:
    """CMTAT HAL-01: a pause stopped neither. Here issuance has a scope of its own."""
    side = world.home
    side.token.authorise_issuance(1, *STATED, sender=side.notary)
    side.token.approve(side.issuer, 1, sender=side.investor)
    side.token.pause(2, *STATED, sender=side.guardian)
    with refused(world, "issuance: issuance paused"):
        side.token.mint(side.fund, 1, *STATED, sender=side.issuer)
    with refused(world, "issuance: redemption paused"):
        side.token.burn(side.investor, 1, *STATED, sender=side.issuer)


def test_halborn_forced_transfer_needs_no_allowance(world: World) -> None:
    """CMTAT HAL-02: a forced transfer used up the victim's allowance."""
    side = world.home
    side.token.approve(side.custodian, 5, sender=side.investor)
    order = side.enter_order(side.investor, side.fund, 5)
    side.token.forcedTransfer(*order, sender=side.custodian)
    assert side.token.allowance(side.investor, side.custodian) == 5


def test_universal_token_no_path_passes_the_controls(world: World) -> None:
    """UniversalToken: one of several transfer paths forgot the rules."""
    side = world.home
    side.token.setAddressFrozen(side.investor, True, *STATED, sender=side.custodian)
    side.token.approve(side.buyer, UINT_MAX, sender=side.investor)
    side.token.approve(side.issuer, UINT_MAX, sender=side.investor)
    paths = (
        lambda: side.token.transfer(side.fund, 1, sender=side.investor),
        lambda: side.token.transferFrom(side.investor, side.fund, 1, sender=side.buyer),
        lambda: side.token.batchTransfer([side.fund], [1], sender=side.investor),
        lambda: side.token.burn(side.investor, 1, *STATED, sender=side.issuer),
        lambda: world.network.lock(side.investor, world.remote.investor, 1),
    )
    for path in paths:
        with refused(world, error="ERC7943CannotSend", args=(side.investor.address,)):
            path()


@pytest.mark.requirement("INV-9")
def test_ats_roles_survive_no_change_of_account(world: World) -> None:
    """ATS 2026: recovering a wallet left the old one its roles. A role belongs to an account."""
    side = world.home
    side.give_role(side.token, side.custodian, 0)
    side.give_role(side.token, side.outsider, Role.CUSTODIAN)
    with refused(world, "access: missing role"):
        side.token.setFrozenTokens(side.investor, 1, *STATED, sender=side.custodian)
    side.token.setFrozenTokens(side.investor, 1, *STATED, sender=side.outsider)


def test_ats_the_last_administrators_cannot_be_lost(world: World) -> None:
    """ATS 2026: recovering the sole administrator's wallet ended administration."""
    side = world.home
    with refused(world, "access: last two administrators"), world.isolated():
        side.give_role(side.token, side.administrator, 0)


def test_oz_role_regrant_resets_nothing(world: World) -> None:
    """OpenZeppelin M-07: granting a held role again reset its delay. It is refused here."""
    side = world.home
    with refused(world, "access: role unchanged"), world.isolated():
        side.give_role(side.token, side.issuer, Role.ISSUER)


@pytest.mark.requirement("INV-7")
def test_centrifuge_custody_is_one_lanes(world: World) -> None:
    """Centrifuge H-1: one pool's manager drained the escrow that all pools shared."""
    side = world.home
    world.locked(1_000)
    other = side.chain.deploy("LaneCustody", side.attacker, side.token, sender=side.attacker)
    for call in (
        lambda: other.lock(world.lane, DOCUMENT, 1, 2**63, sender=side.investor),
        lambda: other.pay(side.attacker, 1, sender=side.attacker),
        lambda: side.custody.pay(side.attacker, 1, sender=side.attacker),
    ):
        with pytest.raises(Revert):
            call()
    assert side.balance(side.custody) == 1_000


def test_centrifuge_batches_are_bounded(world: World) -> None:
    """Centrifuge M-5: an unbounded batch stopped everything for good."""
    side = world.home
    with refused(world):
        side.token.batchTransfer([side.fund] * 257, [0] * 257, sender=side.investor)


def test_snapshots_cannot_stop_transfers(world: World) -> None:
    """Sequent 1: one reverting snapshot engine halted transfers. Closings call nobody."""
    side = world.home
    for _ in range(3):
        side.chain.set_time(side.chain.now + 86_400)
        side.token.transfer(side.fund, 1, sender=side.investor)
    assert side.balance(side.fund) == 3


def test_nobody_is_no_holder(world: World) -> None:
    """A zero address that holds, receives or is admitted has bitten many."""
    side = world.home
    assert not side.token.canSend(ZERO)
    assert not side.token.canReceive(ZERO)
    with refused(world, "controls: no account"):
        side.token.admit(ZERO, 1, *STATED, sender=side.registrar)
