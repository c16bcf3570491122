"""Legal orders: the registrar enters and so blocks, the custodian carries out, nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tallystick.chain import Receipt
from tallystick.governance.roles import Role
from tests.support.world import (
    AMOUNT_MAX,
    AUTHORITY,
    DAY,
    DOCUMENT,
    INVESTOR_UNITS,
    NO_DOCUMENT,
    NO_REASON,
    ORDER_LIFE,
    REASON,
    STATED,
    UINT_MAX,
    UNSTATED,
    ZERO,
    Side,
    World,
    order_id,
    read_slot,
    refused,
)

ENTER = "enter_order(address,address,uint256,uint256,bytes32,uint256,bytes4,bytes32)"
WITHDRAW = "withdraw_order(address,address,uint256,bytes32,bytes4,bytes32)"
FORCE = "forcedTransfer(address,address,uint256,bytes32)"
STANDARD_FORCE = "forcedTransfer(address,address,uint256)"
NO_ORDER = (ZERO, NO_REASON, 0, 0)
# How an order that was carried out is recorded: under its own reason, and itself for the document.
CARRIED_OUT = (REASON, order_id())


def entered(side: Side, amount: int = 100, **terms: Any) -> tuple[Any, ...]:
    """An order to move units of the investor to the fund, entered."""
    return side.enter_order(side.investor, side.fund, amount, **terms)


def carry_out(side: Side, order: tuple[Any, ...]) -> Receipt:
    """The custodian's act."""
    return Receipt.of(side.token.forcedTransfer(*order, sender=side.custodian))


def withdraw(side: Side, order: tuple[Any, ...], key: Any = None) -> Receipt:
    """The registrar's act, or another key's."""
    return Receipt.of(side.token.withdraw_order(*order, *STATED, sender=key or side.registrar))


def standing(side: Side, account: Any = None) -> int:
    """How many orders stand against an account, the investor unless named."""
    return int(side.token.position_of(account or side.investor).orders)


def blocked(side: Side) -> int:
    """Frozen amount of the investor."""
    return int(side.token.getFrozenTokens(side.investor))


# ----------------------------------------------------------------------- entering


@pytest.mark.requirement("R-36")
def test_registrar_enters_an_order(home_side: Side) -> None:
    token, investor, fund = home_side.token, home_side.investor, home_side.fund
    expires_at = home_side.chain.now + DAY
    receipt = token.enter_order(
        investor, fund, 100, expires_at, AUTHORITY, 7, *STATED, sender=home_side.registrar
    )
    named = keccak(AUTHORITY + DOCUMENT + (7).to_bytes(32, "big"))
    assert receipt.return_value == named
    assert receipt.events == (
        home_side.act(token, ENTER, investor, home_side.registrar),
        token.emitted(
            "OrderEntered", named, investor, fund, 100, expires_at, AUTHORITY, DOCUMENT, 7
        ),
        token.emitted("Frozen", investor, 100),
    )
    assert tuple(token.order_in_force(investor, fund, 100, named)) == (
        home_side.registrar.address,
        REASON,
        expires_at,
        100,
    )
    assert home_side.balance(investor) == INVESTOR_UNITS
    assert home_side.balance(fund) == 0


def test_an_entry_writes_the_order_and_the_account_alone(world: World) -> None:
    """Its day of movement and eligibility stay: nothing has moved."""
    side = world.home
    before = side.token.position_of(side.investor)
    slots = world.storage()["home"]
    entered(side)
    changed = {key for key, word in world.storage()["home"].items() if slots.get(key) != word}
    assert len(changed) == 2
    assert tuple(side.token.position_of(side.investor)) == (
        before.balance,
        100,
        before.eligible_until,
        before.last_movement,
        before.epoch,
        1,
        False,
        False,
        False,
    )


@pytest.mark.parametrize(
    "terms",
    [
        ("buyer", "fund", 100, order_id()),
        ("investor", "buyer", 100, order_id()),
        ("investor", "fund", 99, order_id()),
        ("investor", "fund", 100, order_id(2)),
        ("investor", "fund", 100, order_id(authority=DOCUMENT)),
        ("investor", "fund", 100, order_id(document=AUTHORITY)),
        ("fund", "investor", 100, order_id()),
    ],
)
def test_an_order_is_for_exactly_its_terms(
    world: World, terms: tuple[str, str, int, bytes]
) -> None:
    side = world.home
    entered(side)
    order = (side.parties[terms[0]], side.parties[terms[1]], *terms[2:])
    assert tuple(side.token.order_in_force(*order)) == NO_ORDER
    with refused(world, "orders: none to carry out"):
        carry_out(side, order)
    with refused(world, "orders: none to withdraw"):
        withdraw(side, order)


@pytest.mark.parametrize(
    ("lasts", "reason"),
    [
        (-1, "orders: expired at entry"),
        (0, "orders: expired at entry"),
        (ORDER_LIFE + 1, "orders: expires too late"),
        (2**40, "orders: expires too late"),
    ],
)
def test_an_order_lasts_between_a_moment_and_a_year(world: World, lasts: int, reason: str) -> None:
    with refused(world, reason):
        entered(world.home, lasts=lasts)


@pytest.mark.parametrize("expires_at", [0, UINT_MAX])
def test_no_time_of_expiry_wraps(world: World, expires_at: int) -> None:
    side = world.home
    reason = "orders: expired at entry" if expires_at == 0 else "orders: expires too late"
    with refused(world, reason):
        side.token.enter_order(
            side.investor, side.fund, 1, expires_at, AUTHORITY, 1, *STATED, sender=side.registrar
        )


def test_an_order_may_last_a_moment(home_side: Side) -> None:
    withdraw(home_side, entered(home_side, lasts=1), home_side.outsider)


def test_an_order_may_last_a_year(home_side: Side) -> None:
    expires_at = home_side.chain.now + ORDER_LIFE
    order = entered(home_side, lasts=ORDER_LIFE)
    home_side.chain.set_time(expires_at - 1)
    assert home_side.token.order_in_force(*order).expires_at == expires_at
    carry_out(home_side, order)


@pytest.mark.requirement("R-41")
@pytest.mark.parametrize(
    ("sender", "receiver", "amount", "authority", "reason"),
    [
        ("investor", "investor", 1, AUTHORITY, "orders: to the same account"),
        # Closings of the supply are kept beside the accounts', under the zero address.
        (None, "fund", 1, AUTHORITY, "orders: from nobody"),
        ("investor", None, 1, AUTHORITY, "orders: to nobody"),
        ("investor", "fund", 0, AUTHORITY, "orders: of nothing"),
        ("investor", "fund", 1, bytes(32), "orders: nobody orders it"),
    ],
)
def test_an_order_names_two_accounts_units_and_who_orders(
    world: World,
    sender: str | None,
    receiver: str | None,
    amount: int,
    authority: bytes,
    reason: str,
) -> None:
    side = world.home
    accounts = [ZERO if name is None else side.parties[name] for name in (sender, receiver)]
    with refused(world, reason):
        side.token.enter_order(
            *accounts,
            amount,
            side.chain.now + DAY,
            authority,
            1,
            *STATED,
            sender=side.registrar,
        )


@pytest.mark.parametrize(("stated", "reason"), UNSTATED)
def test_an_order_names_its_own_reason_and_document(
    world: World, stated: tuple[bytes, bytes], reason: str
) -> None:
    """Whatever the registrar's standing instruction says."""
    side = world.home
    side.token.instruct(*STATED, sender=side.registrar)
    expires_at = side.chain.now + DAY
    with refused(world, reason):
        side.token.enter_order(
            side.investor, side.fund, 1, expires_at, AUTHORITY, 1, *stated, sender=side.registrar
        )


def test_an_order_is_entered_once(world: World) -> None:
    """None is replaced unseen, or blocks twice."""
    side = world.home
    entered(side)
    with refused(world, "orders: entered already"):
        entered(side, lasts=2 * DAY)


def test_seven_orders_stand_against_an_account(world: World) -> None:
    side = world.home
    orders = [entered(side, 10, number=number) for number in range(7)]
    assert (standing(side), blocked(side)) == (7, 70)
    with refused(world, "orders: seven stand already"):
        entered(side, 10, number=7)
    # Another account has seven of its own.
    side.enter_order(side.buyer, side.fund, 10, number=7)
    withdraw(side, orders[3])
    entered(side, 10, number=7)
    assert (standing(side), blocked(side)) == (7, 70)
    assert standing(side, side.buyer) == 1


def test_an_order_never_names_a_link_account(world: World) -> None:
    """Locked units belong to the lane, not to one account: an order names the holder."""
    side = world.home
    world.locked(1_000)
    with refused(world, "orders: on link account"):
        side.enter_order(side.custody, side.fund, 1)


def test_an_account_under_an_order_becomes_no_link_account(world: World) -> None:
    """What nobody may take is not hidden where no order reaches."""
    side = world.home
    custody = side.new_custody(linked=False)
    side.enter_order(custody, side.fund, 1)
    side.token.propose_class(custody, 1, *STATED, sender=side.registrar)
    with refused(world, "controls: link is frozen"):
        side.token.set_class(custody, 1, *STATED, sender=side.custodian)


# ----------------------------------------------------------------------- blocking


def _ways_out(world: World, amount: int) -> dict[str, Callable[[], Any]]:
    """Every way out of the home investor's account."""
    side = world.home
    for spender in (side.buyer, side.issuer):
        side.token.approve(spender, UINT_MAX, sender=side.investor)
    return {
        "transfer": lambda: side.token.transfer(side.fund, amount, sender=side.investor),
        "to itself": lambda: side.token.transfer(side.investor, amount, sender=side.investor),
        "transferFrom": lambda: side.token.transferFrom(
            side.investor, side.fund, amount, sender=side.buyer
        ),
        "batchTransfer": lambda: side.token.batchTransfer(
            [side.fund, side.buyer], [amount - 1, 1], sender=side.investor
        ),
        "burn": lambda: side.token.burn(side.investor, amount, *STATED, sender=side.issuer),
        "lock": lambda: world.network.lock(side.investor, world.remote.outsider, amount),
    }


WAYS = ("transfer", "to itself", "transferFrom", "batchTransfer", "burn", "lock")


@pytest.mark.requirement("R-36", "INV-8")
@pytest.mark.parametrize("way", WAYS)
def test_what_an_order_names_leaves_by_no_way(world: World, way: str) -> None:
    side = world.home
    free = INVESTOR_UNITS - 100
    act = _ways_out(world, free + 1)[way]
    entered(side)
    assert not side.token.canTransfer(side.investor, side.fund, free + 1)
    with refused(
        world,
        error="ERC7943InsufficientUnfrozenBalance",
        args=(side.investor.address, free + 1, free),
    ):
        act()


@pytest.mark.parametrize("way", WAYS)
def test_what_an_order_does_not_name_goes_on(world: World, way: str) -> None:
    side = world.home
    free = INVESTOR_UNITS - 100
    act = _ways_out(world, free)[way]
    order = entered(side)
    assert side.token.canTransfer(side.investor, side.fund, free)
    act()
    before = side.balance(side.fund)
    carry_out(side, order)
    assert side.balance(side.fund) == before + 100


def test_a_bridge_burns_nothing_that_an_order_names(world: World) -> None:
    world.arrived(1_000)
    side = world.remote
    entered(side, 400)
    with refused(
        world,
        error="ERC7943InsufficientUnfrozenBalance",
        args=(side.investor.address, 601, 600),
    ):
        side.token.crosschainBurn(side.investor, 601, sender=side.escrow.address)
    side.token.crosschainBurn(side.investor, 600, sender=side.escrow.address)


def test_an_order_above_the_balance_blocks_what_comes_in(world: World) -> None:
    side = world.home
    order = side.enter_order(side.fund, side.buyer, 100)
    assert tuple(side.token.order_in_force(*order)) == NO_ORDER
    with refused(world, error="ERC20InsufficientBalance", args=(side.fund.address, 0, 100)):
        carry_out(side, order)
    side.token.transfer(side.fund, 150, sender=side.investor)
    assert not side.token.canTransfer(side.fund, side.investor, 51)
    with refused(
        world, error="ERC7943InsufficientUnfrozenBalance", args=(side.fund.address, 51, 50)
    ):
        side.token.transfer(side.investor, 51, sender=side.fund)
    assert side.token.order_in_force(*order).registrar == side.registrar.address
    carry_out(side, order)
    side.token.transfer(side.investor, 50, sender=side.fund)


def test_custodian_lowers_no_frozen_amount_under_an_order(world: World) -> None:
    """The custodian alone sets nothing free that the registrar's order blocks."""
    side = world.home
    token, custodian = side.token, side.custodian
    token.setFrozenTokens(side.investor, 30, *STATED, sender=custodian)
    order = entered(side)
    assert blocked(side) == 130
    for amount in (0, 30, 100, 129):
        with refused(world, "controls: orders block more"):
            token.setFrozenTokens(side.investor, amount, *STATED, sender=custodian)
    for amount in (130, 131, UINT_MAX):
        with world.isolated():
            token.setFrozenTokens(side.investor, amount, *STATED, sender=custodian)
            assert blocked(side) == amount
    withdraw(side, order)
    assert blocked(side) == 30
    token.setFrozenTokens(side.investor, 0, *STATED, sender=custodian)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("end", [carry_out, withdraw])
def test_a_freeze_of_everything_stays_one_of_everything(
    home_side: Side, before: bool, end: Callable[[Side, tuple[Any, ...]], Receipt]
) -> None:
    """Whether it came before the order or after; and it is lifted after the order only."""
    token, investor, custodian = home_side.token, home_side.investor, home_side.custodian
    if before:
        token.setFrozenTokens(investor, UINT_MAX, *STATED, sender=custodian)
    order = entered(home_side)
    if not before:
        token.setFrozenTokens(investor, UINT_MAX, *STATED, sender=custodian)
    receipt = end(home_side, order)
    assert receipt.one("Frozen").amount == UINT_MAX
    assert blocked(home_side) == UINT_MAX
    token.setFrozenTokens(investor, 0, *STATED, sender=custodian)
    assert (blocked(home_side), standing(home_side)) == (0, 0)


@pytest.mark.parametrize(
    ("frozen", "amount", "entered_"),
    [
        (0, AMOUNT_MAX - 1, True),
        (0, AMOUNT_MAX, False),
        (0, UINT_MAX, False),
        (AMOUNT_MAX - 2, 1, True),
        (AMOUNT_MAX - 2, 2, False),
        (AMOUNT_MAX - 1, 1, False),
        # All is frozen already: nothing is added.
        (AMOUNT_MAX, 1, True),
        (AMOUNT_MAX, UINT_MAX, True),
    ],
)
def test_blocked_amounts_stay_below_all(
    world: World, frozen: int, amount: int, entered_: bool
) -> None:
    """The largest field value means all: no sum of orders turns into it, or past it."""
    side = world.home
    token, investor = side.token, side.investor
    token.setFrozenTokens(investor, frozen, *STATED, sender=side.custodian)
    if not entered_:
        with refused(world, "orders: more than can be blocked"):
            entered(side, amount)
        return
    word = read_slot(token, "book", "_positions", investor.address)
    order = entered(side, amount)
    assert blocked(side) == (UINT_MAX if frozen == AMOUNT_MAX else frozen + amount)
    withdraw(side, order)
    assert read_slot(token, "book", "_positions", investor.address) == word


# -------------------------------------------------------------------- withdrawing


def test_registrar_withdraws_an_order(world: World) -> None:
    side = world.home
    word = read_slot(side.token, "book", "_positions", side.investor.address)
    order = entered(side)
    receipt = withdraw(side, order)
    assert receipt.events == (
        side.token.emitted("Frozen", side.investor, 0),
        side.act(side.token, WITHDRAW, side.investor, side.registrar),
        side.token.emitted("OrderWithdrawn", order_id(), *order[:3]),
    )
    assert read_slot(side.token, "book", "_positions", side.investor.address) == word
    assert tuple(side.token.order_in_force(*order)) == NO_ORDER
    with refused(world, "orders: none to carry out"):
        carry_out(side, order)
    with refused(world, "orders: none to withdraw"):
        withdraw(side, order)


def test_any_registrar_withdraws_an_order(home_side: Side) -> None:
    """One whose key is in strange hands is undone by another."""
    order = entered(home_side)
    home_side.give_role(home_side.token, home_side.outsider, Role.REGISTRAR)
    withdraw(home_side, order, home_side.outsider)
    assert blocked(home_side) == 0


@pytest.mark.parametrize("key", ["custodian", "administrator", "guardian", "investor", "attacker"])
def test_nobody_else_withdraws_an_order_in_force(world: World, key: str) -> None:
    side = world.home
    order = entered(side)
    with refused(world, "access: missing role"):
        withdraw(side, order, side.parties[key])


@pytest.mark.parametrize("stated", [(NO_REASON, DOCUMENT), (REASON, NO_DOCUMENT)])
def test_withdrawing_says_why(world: World, stated: tuple[bytes, bytes]) -> None:
    side = world.home
    order = entered(side)
    which = "document hash" if stated[0] == REASON else "reason code"
    with refused(world, f"instruction: no {which}"):
        side.token.withdraw_order(*order, *stated, sender=side.registrar)


@pytest.mark.parametrize(("offset", "dead"), [(-1, False), (0, True), (1, True)])
def test_anybody_withdraws_an_order_that_has_expired(world: World, offset: int, dead: bool) -> None:
    side = world.home
    expires_at = side.chain.now + DAY
    order = entered(side)
    side.chain.set_time(expires_at + offset)
    # Until somebody does, it blocks.
    assert blocked(side) == 100
    if not dead:
        with refused(world, "access: missing role"):
            withdraw(side, order, side.investor)
        return
    receipt = withdraw(side, order, side.investor)
    assert receipt.events == (
        side.token.emitted("Frozen", side.investor, 0),
        side.act(side.token, WITHDRAW, side.investor, side.investor),
        side.token.emitted("OrderWithdrawn", order_id(), *order[:3]),
    )
    assert (blocked(side), standing(side)) == (0, 0)


def test_anybody_withdraws_an_order_whose_registrar_lost_the_role(home_side: Side) -> None:
    order = entered(home_side, lasts=ORDER_LIFE)
    home_side.give_role(home_side.token, home_side.registrar, 0)
    assert blocked(home_side) == 100
    withdraw(home_side, order, home_side.outsider)
    assert blocked(home_side) == 0


def test_an_order_that_was_withdrawn_can_be_entered_anew(home_side: Side) -> None:
    """A court's order keeps its number when a registrar changes, or its time is prolonged."""
    withdraw(home_side, entered(home_side))
    order = entered(home_side, lasts=2 * DAY)
    home_side.chain.set_time(home_side.chain.now + DAY)
    carry_out(home_side, order)
    assert home_side.balance(home_side.fund) == 100


def test_an_order_is_renewed_without_a_moment_unblocked(home_side: Side) -> None:
    """Under another number, entered before the first is withdrawn."""
    first = entered(home_side, INVESTOR_UNITS)
    second = entered(home_side, INVESTOR_UNITS, number=2, lasts=9 * DAY)
    withdraw(home_side, first)
    assert blocked(home_side) == INVESTOR_UNITS
    carry_out(home_side, second)
    assert home_side.balance(home_side.fund) == INVESTOR_UNITS


# ---------------------------------------------------------------- carrying it out


@pytest.mark.requirement("R-36")
def test_custodian_carries_out_an_order(home_side: Side) -> None:
    token, investor, fund = home_side.token, home_side.investor, home_side.fund
    order = entered(home_side)
    receipt = carry_out(home_side, order)
    assert receipt.return_value is True
    assert receipt.events == (
        token.emitted("Frozen", investor, 0),
        home_side.act(token, FORCE, investor, home_side.custodian, CARRIED_OUT),
        token.emitted("Transfer", investor, fund, 100),
        token.emitted("ForcedTransfer", investor, fund, 100),
    )
    assert home_side.balance(investor) == INVESTOR_UNITS - 100
    assert home_side.balance(fund) == 100
    assert (blocked(home_side), standing(home_side)) == (0, 0)


def test_the_standards_function_names_the_order_in_the_standing_instruction(world: World) -> None:
    side = world.home
    token, investor, fund = side.token, side.investor, side.fund
    order = entered(side)
    forced = token.method(STANDARD_FORCE)
    with refused(world, "orders: none to carry out"):
        forced(*order[:3], sender=side.custodian)
    token.instruct(b"ELSE", order_id(), sender=side.custodian)
    receipt = forced(*order[:3], sender=side.custodian)
    assert receipt.events == (
        token.emitted("Frozen", investor, 0),
        side.act(token, STANDARD_FORCE, investor, side.custodian, CARRIED_OUT),
        token.emitted("Transfer", investor, fund, 100),
        token.emitted("ForcedTransfer", investor, fund, 100),
    )
    with refused(world, "orders: none to carry out"):
        forced(*order[:3], sender=side.custodian)


def test_an_order_that_is_named_needs_no_standing_instruction(home_side: Side) -> None:
    """The act is recorded under the order's own reason."""
    home_side.token.instruct(b"ELSE", b"\x01" * 32, sender=home_side.custodian)
    receipt = carry_out(home_side, entered(home_side))
    assert receipt.one("PrivilegedAct").reason == REASON
    assert receipt.one("PrivilegedAct").document == order_id()


def test_an_order_is_carried_out_once(world: World) -> None:
    side = world.home
    order = entered(side)
    carry_out(side, order)
    assert tuple(side.token.order_in_force(*order)) == NO_ORDER
    with refused(world, "orders: none to carry out"):
        carry_out(side, order)
    with refused(world, "orders: none to withdraw"):
        withdraw(side, order)


def test_an_order_unblocks_no_more_than_it_blocked(world: World) -> None:
    side = world.home
    first, second = entered(side, 300), entered(side, 200, number=2)
    carry_out(side, first)
    assert (blocked(side), standing(side)) == (200, 1)
    withdraw(side, second)
    assert (blocked(side), standing(side)) == (0, 0)


@pytest.mark.parametrize(("offset", "in_force"), [(-1, True), (0, False), (1, False)])
def test_an_order_ends_at_its_expiry(world: World, offset: int, in_force: bool) -> None:
    side = world.home
    expires_at = side.chain.now + DAY
    order = entered(side)
    side.chain.set_time(expires_at + offset)
    if in_force:
        carry_out(side, order)
        assert side.balance(side.fund) == 100
    else:
        assert tuple(side.token.order_in_force(*order)) == NO_ORDER
        with refused(world, "orders: not in force"):
            carry_out(side, order)


@pytest.mark.parametrize("scope", [1, 2, 4, 7])
def test_an_order_does_not_wait_for_a_pause(home_side: Side, scope: int) -> None:
    home_side.token.pause(scope, *STATED, sender=home_side.guardian)
    carry_out(home_side, entered(home_side))
    assert home_side.balance(home_side.fund) == 100


def test_an_order_takes_units_of_a_frozen_account(home_side: Side) -> None:
    token = home_side.token
    token.setAddressFrozen(home_side.investor, True, *STATED, sender=home_side.custodian)
    carry_out(home_side, entered(home_side))
    assert token.isFrozen(home_side.investor)
    assert home_side.balance(home_side.fund) == 100


def test_an_order_takes_units_of_an_account_past_its_eligibility(home_side: Side) -> None:
    home_side.token.admit(home_side.investor, 0, *STATED, sender=home_side.registrar)
    carry_out(home_side, entered(home_side))
    assert home_side.balance(home_side.fund) == 100


@pytest.mark.parametrize("frozen", [1, INVESTOR_UNITS, INVESTOR_UNITS + 50])
def test_what_else_is_frozen_stays_so(home_side: Side, frozen: int) -> None:
    """An order takes what it blocked, and leaves every other freeze as it was."""
    token, investor = home_side.token, home_side.investor
    token.setFrozenTokens(investor, frozen, *STATED, sender=home_side.custodian)
    order = entered(home_side)
    assert blocked(home_side) == frozen + 100
    receipt = carry_out(home_side, order)
    assert receipt.one("Frozen").amount == frozen
    assert blocked(home_side) == frozen


@pytest.mark.parametrize("amount", [1, INVESTOR_UNITS])
def test_an_order_may_be_for_any_part_of_the_balance(home_side: Side, amount: int) -> None:
    carry_out(home_side, entered(home_side, amount))
    assert home_side.balance(home_side.fund) == amount


@pytest.mark.parametrize("amount", [INVESTOR_UNITS + 1, AMOUNT_MAX - 1])
def test_an_order_above_the_balance_is_not_carried_out(world: World, amount: int) -> None:
    side = world.home
    order = entered(side, amount)
    assert tuple(side.token.order_in_force(*order)) == NO_ORDER
    with refused(
        world,
        error="ERC20InsufficientBalance",
        args=(side.investor.address, INVESTOR_UNITS, amount),
    ):
        carry_out(side, order)


@pytest.mark.parametrize("receiver", ["outsider", "link", "frozen", "expired"])
def test_an_order_credits_only_who_can_receive(world: World, receiver: str) -> None:
    """Who can't any more has the order wait, blocked, for the registrar."""
    side = world.home
    account = {
        "outsider": side.outsider.address,
        "link": side.custody.address,
        "frozen": side.buyer.address,
        "expired": side.fund.address,
    }[receiver]
    order = side.enter_order(side.investor, account, 1)
    side.token.setAddressFrozen(side.buyer, True, *STATED, sender=side.custodian)
    side.token.admit(side.fund, 0, *STATED, sender=side.registrar)
    assert tuple(side.token.order_in_force(*order)) == NO_ORDER
    with refused(world, error="ERC7943CannotReceive", args=(account,)):
        carry_out(side, order)


@pytest.mark.requirement("INV-9")
def test_an_order_dies_with_its_registrars_role(world: World) -> None:
    side = world.home
    order = entered(side)
    side.give_role(side.token, side.registrar, 0)
    assert tuple(side.token.order_in_force(*order)) == NO_ORDER
    with refused(world, "orders: not in force"):
        carry_out(side, order)


@pytest.mark.requirement("INV-9")
def test_an_order_stays_dead_when_its_registrars_role_returns(world: World) -> None:
    side = world.home
    order = entered(side, lasts=ORDER_LIFE)
    for role in (0, Role.REGISTRAR):
        side.give_role(side.token, side.registrar, role)
    assert tuple(side.token.order_in_force(*order)) == NO_ORDER
    with refused(world, "orders: not in force"):
        carry_out(side, order)
    withdraw(side, order, side.outsider)
    carry_out(side, entered(side))


@pytest.mark.requirement("INV-9")
def test_an_order_outlives_what_another_registrar_loses(home_side: Side) -> None:
    home_side.give_role(home_side.token, home_side.outsider, Role.REGISTRAR)
    order = entered(home_side)
    home_side.give_role(home_side.token, home_side.outsider, 0)
    carry_out(home_side, order)


@pytest.mark.parametrize("key", ["registrar", "administrator", "guardian", "investor"])
def test_the_custodian_alone_carries_out(world: World, key: str) -> None:
    """Two keys: an account holds one role, so who entered it never does."""
    side = world.home
    order = entered(side)
    with refused(world, "access: missing role"):
        side.token.forcedTransfer(*order, sender=side.parties[key])
