"""Legal orders: the registrar enters, the custodian carries out, nothing else is moved."""

from __future__ import annotations

import pytest

from tallystick.chain import Receipt
from tallystick.governance.roles import Role
from tests.support.world import (
    AMOUNT_MAX,
    DAY,
    DOCUMENT,
    INVESTOR_UNITS,
    NO_DOCUMENT,
    NO_REASON,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
    refused,
)

ENTER = "enter_order(address,address,uint256,uint64,bytes4,bytes32)"
WITHDRAW = "withdraw_order(address,address,uint256,bytes4,bytes32)"
FORCE = "forcedTransfer(address,address,uint256)"
# Orders keep no later time of expiry: no block reaches it.
LAST_MOMENT = 2**40 - 1
NO_ORDER = (ZERO, NO_REASON, 0, NO_DOCUMENT)


def enter(side: Side, amount: int = 100, *, expires_at: int | None = None) -> Receipt:
    """An order to move units of the investor to the fund."""
    receipt = side.token.enter_order(
        side.investor,
        side.fund,
        amount,
        side.chain.now + DAY if expires_at is None else expires_at,
        *STATED,
        sender=side.registrar,
    )
    assert isinstance(receipt, Receipt)
    return receipt


@pytest.mark.requirement("R-36")
def test_registrar_enters_an_order(home_side: Side) -> None:
    token, investor, fund = home_side.token, home_side.investor, home_side.fund
    receipt = token.enter_order(
        investor, fund, 100, LAST_MOMENT, *STATED, sender=home_side.registrar
    )
    assert receipt.events == (
        home_side.act(token, ENTER, investor, home_side.registrar),
        token.emitted("OrderEntered", investor, fund, 100, LAST_MOMENT, *STATED),
    )
    assert tuple(token.order_in_force(investor, fund, 100)) == (
        home_side.registrar.address,
        STATED[0],
        LAST_MOMENT,
        DOCUMENT,
    )
    assert home_side.balance(fund) == 0


@pytest.mark.parametrize(
    "terms",
    [("buyer", "fund", 100), ("investor", "buyer", 100), ("investor", "fund", 99)],
)
def test_an_order_is_for_exactly_its_terms(world: World, terms: tuple[str, str, int]) -> None:
    side = world.home
    enter(side)
    sender, receiver = side.parties[terms[0]], side.parties[terms[1]]
    assert tuple(side.token.order_in_force(sender, receiver, terms[2])) == NO_ORDER
    with refused(world, "controls: no order in force"):
        side.token.forcedTransfer(sender, receiver, terms[2], sender=side.custodian)


@pytest.mark.parametrize("ago", [0, 1])
def test_an_order_expired_at_entry_is_refused(world: World, ago: int) -> None:
    with refused(world, "controls: order expired at entry"):
        enter(world.home, expires_at=world.home.chain.now - ago)


def test_an_order_to_the_same_account_is_refused(world: World) -> None:
    side = world.home
    with refused(world, "controls: order to same account"):
        side.token.enter_order(
            side.investor, side.investor, 1, LAST_MOMENT, *STATED, sender=side.registrar
        )


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ((NO_REASON, NO_DOCUMENT), "instruction: no reason code"),
        ((NO_REASON, DOCUMENT), "instruction: no reason code"),
        ((STATED[0], NO_DOCUMENT), "instruction: no document hash"),
    ],
)
def test_an_order_names_its_own_reason_and_document(
    world: World, stated: tuple[bytes, bytes], reason: str
) -> None:
    """Whatever the registrar's standing instruction says."""
    side = world.home
    side.token.instruct(*STATED, sender=side.registrar)
    with refused(world, reason):
        side.token.enter_order(
            side.investor, side.fund, 1, LAST_MOMENT, *stated, sender=side.registrar
        )


def test_an_order_is_entered_once(world: World) -> None:
    """None is replaced unseen: who wants other terms withdraws it first."""
    side = world.home
    enter(side)
    with refused(world, "controls: order entered already"):
        enter(side, expires_at=LAST_MOMENT)
    side.token.withdraw_order(side.investor, side.fund, 100, *STATED, sender=side.registrar)
    enter(side, expires_at=LAST_MOMENT)
    order = side.token.order_in_force(side.investor, side.fund, 100)
    assert order.expires_at == LAST_MOMENT


def test_registrar_withdraws_an_order(world: World) -> None:
    side = world.home
    enter(side)
    receipt = side.token.withdraw_order(
        side.investor, side.fund, 100, *STATED, sender=side.registrar
    )
    assert receipt.events == (
        side.act(side.token, WITHDRAW, side.investor, side.registrar),
        side.token.emitted("OrderWithdrawn", side.investor, side.fund, 100),
    )
    with refused(world, "controls: no order in force"):
        side.token.forcedTransfer(side.investor, side.fund, 100, sender=side.custodian)


def test_withdrawing_what_was_not_entered_is_refused(world: World) -> None:
    side = world.home
    with refused(world, "controls: no order to withdraw"):
        side.token.withdraw_order(side.investor, side.fund, 100, *STATED, sender=side.registrar)


def test_withdrawing_twice_is_refused(world: World) -> None:
    side = world.home
    enter(side)
    side.token.withdraw_order(side.investor, side.fund, 100, *STATED, sender=side.registrar)
    with refused(world, "controls: no order to withdraw"):
        side.token.withdraw_order(side.investor, side.fund, 100, *STATED, sender=side.registrar)


# ---------------------------------------------------------------- carrying it out


@pytest.mark.requirement("R-36")
def test_custodian_carries_out_an_order(home_side: Side) -> None:
    token, investor, fund = home_side.token, home_side.investor, home_side.fund
    enter(home_side)
    receipt = token.forcedTransfer(investor, fund, 100, sender=home_side.custodian)
    assert receipt.return_value is True
    assert receipt.events == (
        home_side.act(token, FORCE, investor, home_side.custodian),
        token.emitted("Transfer", investor, fund, 100),
        token.emitted("ForcedTransfer", investor, fund, 100),
    )
    assert home_side.balance(investor) == INVESTOR_UNITS - 100
    assert home_side.balance(fund) == 100


def test_an_order_is_carried_out_once(world: World) -> None:
    side = world.home
    enter(side)
    side.token.forcedTransfer(side.investor, side.fund, 100, sender=side.custodian)
    assert tuple(side.token.order_in_force(side.investor, side.fund, 100)) == NO_ORDER
    with refused(world, "controls: no order in force"):
        side.token.forcedTransfer(side.investor, side.fund, 100, sender=side.custodian)


@pytest.mark.parametrize(("offset", "in_force"), [(-1, True), (0, False), (1, False)])
def test_an_order_ends_at_its_expiry(world: World, offset: int, in_force: bool) -> None:
    side = world.home
    expires_at = side.chain.now + DAY
    enter(side, expires_at=expires_at)
    side.chain.set_time(expires_at + offset)
    if in_force:
        side.token.forcedTransfer(side.investor, side.fund, 100, sender=side.custodian)
        assert side.balance(side.fund) == 100
    else:
        assert tuple(side.token.order_in_force(side.investor, side.fund, 100)) == NO_ORDER
        with refused(world, "controls: no order in force"):
            side.token.forcedTransfer(side.investor, side.fund, 100, sender=side.custodian)


@pytest.mark.parametrize("scope", [1, 2, 4, 7])
def test_an_order_does_not_wait_for_a_pause(home_side: Side, scope: int) -> None:
    enter(home_side)
    home_side.token.pause(scope, *STATED, sender=home_side.guardian)
    home_side.token.forcedTransfer(
        home_side.investor, home_side.fund, 100, sender=home_side.custodian
    )
    assert home_side.balance(home_side.fund) == 100


def test_an_order_takes_units_of_a_frozen_account(home_side: Side) -> None:
    token = home_side.token
    token.setAddressFrozen(home_side.investor, True, *STATED, sender=home_side.custodian)
    enter(home_side)
    token.forcedTransfer(home_side.investor, home_side.fund, 100, sender=home_side.custodian)
    assert token.isFrozen(home_side.investor)
    assert home_side.balance(home_side.fund) == 100


def test_an_order_takes_units_of_an_account_past_its_eligibility(home_side: Side) -> None:
    token = home_side.token
    token.admit(home_side.investor, 0, *STATED, sender=home_side.registrar)
    enter(home_side)
    token.forcedTransfer(home_side.investor, home_side.fund, 100, sender=home_side.custodian)
    assert home_side.balance(home_side.fund) == 100


def test_an_order_takes_unfrozen_units_first(home_side: Side) -> None:
    token, investor, fund = home_side.token, home_side.investor, home_side.fund
    token.setFrozenTokens(investor, INVESTOR_UNITS - 100, *STATED, sender=home_side.custodian)
    enter(home_side)
    receipt = token.forcedTransfer(investor, fund, 100, sender=home_side.custodian)
    assert receipt.named("Frozen") == ()
    assert token.getFrozenTokens(investor) == INVESTOR_UNITS - 100


def test_an_order_lowers_the_frozen_amount_before_it_takes_frozen_units(home_side: Side) -> None:
    token, investor, fund = home_side.token, home_side.investor, home_side.fund
    token.setFrozenTokens(investor, INVESTOR_UNITS - 99, *STATED, sender=home_side.custodian)
    enter(home_side)
    receipt = token.forcedTransfer(investor, fund, 100, sender=home_side.custodian)
    assert receipt.events == (
        token.emitted("Frozen", investor, INVESTOR_UNITS - 100),
        home_side.act(token, FORCE, investor, home_side.custodian),
        token.emitted("Transfer", investor, fund, 100),
        token.emitted("ForcedTransfer", investor, fund, 100),
    )
    assert token.getFrozenTokens(investor) == INVESTOR_UNITS - 100


def test_a_freeze_above_the_balance_stays_one(home_side: Side) -> None:
    token, investor = home_side.token, home_side.investor
    token.setFrozenTokens(investor, INVESTOR_UNITS + 50, *STATED, sender=home_side.custodian)
    enter(home_side)
    token.forcedTransfer(investor, home_side.fund, 100, sender=home_side.custodian)
    assert token.getFrozenTokens(investor) == INVESTOR_UNITS - 50
    assert not token.canTransfer(investor, home_side.fund, 1)


def test_a_freeze_of_everything_stays_one_of_everything(home_side: Side) -> None:
    token, investor = home_side.token, home_side.investor
    token.setFrozenTokens(investor, UINT_MAX, *STATED, sender=home_side.custodian)
    enter(home_side)
    receipt = token.forcedTransfer(investor, home_side.fund, 100, sender=home_side.custodian)
    assert receipt.one("Frozen").amount == UINT_MAX
    assert token.getFrozenTokens(investor) == UINT_MAX


@pytest.mark.parametrize("amount", [0, 1, INVESTOR_UNITS])
def test_an_order_may_be_for_any_part_of_the_balance(home_side: Side, amount: int) -> None:
    enter(home_side, amount)
    home_side.token.forcedTransfer(
        home_side.investor, home_side.fund, amount, sender=home_side.custodian
    )
    assert home_side.balance(home_side.fund) == amount


@pytest.mark.parametrize("amount", [INVESTOR_UNITS + 1, AMOUNT_MAX, UINT_MAX])
def test_an_order_above_the_balance_is_refused(world: World, amount: int) -> None:
    side = world.home
    enter(side, amount)
    with refused(
        world,
        error="ERC20InsufficientBalance",
        args=(side.investor.address, INVESTOR_UNITS, amount),
    ):
        side.token.forcedTransfer(side.investor, side.fund, amount, sender=side.custodian)


@pytest.mark.parametrize("receiver", ["outsider", "nobody", "link", "frozen"])
def test_an_order_credits_only_who_can_receive(world: World, receiver: str) -> None:
    side = world.home
    account = {
        "outsider": side.outsider.address,
        "nobody": ZERO,
        "link": side.custody.address,
        "frozen": side.buyer.address,
    }[receiver]
    side.token.setAddressFrozen(side.buyer, True, *STATED, sender=side.custodian)
    side.token.enter_order(side.investor, account, 1, LAST_MOMENT, *STATED, sender=side.registrar)
    with refused(world, error="ERC7943CannotReceive", args=(account,)):
        side.token.forcedTransfer(side.investor, account, 1, sender=side.custodian)


@pytest.mark.requirement("INV-9")
def test_an_order_dies_with_its_registrars_role(world: World) -> None:
    side = world.home
    enter(side)
    side.give_role(side.token, side.registrar, 0)
    assert tuple(side.token.order_in_force(side.investor, side.fund, 100)) == NO_ORDER
    with refused(world, "controls: registrar lost role"):
        side.token.forcedTransfer(side.investor, side.fund, 100, sender=side.custodian)


@pytest.mark.requirement("INV-9")
def test_an_order_stays_dead_when_its_registrars_role_returns(world: World) -> None:
    side = world.home
    enter(side, expires_at=LAST_MOMENT)
    for role in (0, Role.REGISTRAR):
        side.give_role(side.token, side.registrar, role)
    assert tuple(side.token.order_in_force(side.investor, side.fund, 100)) == NO_ORDER
    with refused(world, "controls: registrar lost role"):
        side.token.forcedTransfer(side.investor, side.fund, 100, sender=side.custodian)
    side.token.withdraw_order(side.investor, side.fund, 100, *STATED, sender=side.registrar)
    enter(side, expires_at=LAST_MOMENT)
    side.token.forcedTransfer(side.investor, side.fund, 100, sender=side.custodian)


@pytest.mark.parametrize("given", [2**40, 2**64 - 1])
def test_an_expiry_beyond_all_clocks_is_never(home_side: Side, given: int) -> None:
    receipt = enter(home_side, expires_at=given)
    assert receipt.one("OrderEntered").expires_at == LAST_MOMENT
    order = home_side.token.order_in_force(home_side.investor, home_side.fund, 100)
    assert order.expires_at == LAST_MOMENT


def test_an_order_never_reaches_a_link_account(world: World) -> None:
    """Locked units belong to the lane, not to one account: an order names the holder."""
    side = world.home
    world.locked(1_000)
    side.token.enter_order(side.custody, side.fund, 1, LAST_MOMENT, *STATED, sender=side.registrar)
    with refused(world, "controls: order on link account"):
        side.token.forcedTransfer(side.custody, side.fund, 1, sender=side.custodian)


def test_an_order_needs_no_standing_instruction_of_the_custodian(home_side: Side) -> None:
    """The act is recorded under the order's own reason and document."""
    token = home_side.token
    token.instruct(b"ELSE", b"\x01" * 32, sender=home_side.custodian)
    enter(home_side)
    receipt = token.forcedTransfer(
        home_side.investor, home_side.fund, 100, sender=home_side.custodian
    )
    assert receipt.one("PrivilegedAct").reason == STATED[0]
    assert receipt.one("PrivilegedAct").document == DOCUMENT


@pytest.mark.requirement("R-41")
def test_an_order_from_nobody_is_refused(world: World) -> None:
    """Closings of the supply are kept beside the accounts', under the zero address."""
    side = world.home
    with refused(world, "controls: order from nobody"):
        side.token.enter_order(ZERO, side.fund, 0, LAST_MOMENT, *STATED, sender=side.registrar)
