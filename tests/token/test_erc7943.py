"""ERC-7943, clause by clause; and `canTransfer` against the transfer itself (INV-8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.chain.receipt import Revert
from tests.support.world import (
    AMOUNT_MAX,
    DAY,
    INVESTOR_UNITS,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
    read_slot,
    refused,
)

VIEWS = ("canSend", "canReceive", "getFrozenTokens")
EXTREMES = (0, 1, INVESTOR_UNITS, AMOUNT_MAX, AMOUNT_MAX + 1, UINT_MAX)


@pytest.mark.parametrize("frozen", EXTREMES)
@pytest.mark.parametrize("account", ["investor", "outsider", "custody", "nobody"])
def test_views_never_revert(home_side: Side, account: str, frozen: int) -> None:
    token = home_side.token
    address = {"custody": home_side.custody.address, "nobody": ZERO}.get(account)
    subject = address or home_side.parties[account].address
    if account != "custody":
        token.setFrozenTokens(subject, frozen, *STATED, sender=home_side.custodian)
    for view in VIEWS:
        getattr(token, view)(subject)
    for amount in EXTREMES:
        token.canTransfer(subject, home_side.fund, amount)
        token.canTransfer(home_side.investor, subject, amount)


@pytest.mark.parametrize("paused", [0, 7])
@pytest.mark.parametrize("view", [*VIEWS, "canTransfer"])
def test_views_change_no_storage(world: World, view: str, paused: int) -> None:
    side = world.home
    if paused:
        side.token.pause(paused, *STATED, sender=side.guardian)
    arguments = (side.investor, side.fund, 1) if view == "canTransfer" else (side.investor,)
    before = world.storage()
    receipt = getattr(side.token, view).send(*arguments, sender=side.attacker)
    assert world.storage() == before
    assert receipt.events == ()


@pytest.mark.parametrize("view", ["canSend", "canReceive"])
def test_an_account_view_depends_on_no_amount(home_side: Side, view: str) -> None:
    token = home_side.token
    assert getattr(token, view)(home_side.fund)
    token.setFrozenTokens(home_side.fund, UINT_MAX, *STATED, sender=home_side.custodian)
    assert getattr(token, view)(home_side.fund)


@pytest.mark.parametrize("view", ["canSend", "canReceive"])
def test_an_account_view_is_about_the_account_not_the_moment(home_side: Side, view: str) -> None:
    """A pause is no property of the account: `canTransfer` tells of it."""
    home_side.token.pause(7, *STATED, sender=home_side.guardian)
    assert getattr(home_side.token, view)(home_side.investor)


def test_can_receive_is_false_for_nobody(home_side: Side) -> None:
    assert not home_side.token.canReceive(ZERO)


def test_can_transfer_includes_can_send(home_side: Side) -> None:
    assert not home_side.token.canTransfer(home_side.outsider, home_side.fund, 0)


def test_can_transfer_includes_can_receive(home_side: Side) -> None:
    assert not home_side.token.canTransfer(home_side.investor, home_side.outsider, 0)


@pytest.mark.parametrize("scope", range(1, 8))
def test_can_transfer_includes_the_pause_of_transfers(home_side: Side, scope: int) -> None:
    home_side.token.pause(scope, *STATED, sender=home_side.guardian)
    allowed = home_side.token.canTransfer(home_side.investor, home_side.fund, 1)
    assert allowed is (scope & 1 == 0)


def test_can_transfer_includes_frozen_amounts(home_side: Side) -> None:
    token, investor, fund = home_side.token, home_side.investor, home_side.fund
    token.setFrozenTokens(investor, INVESTOR_UNITS - 5, *STATED, sender=home_side.custodian)
    assert token.canTransfer(investor, fund, 5)
    assert not token.canTransfer(investor, fund, 6)
    assert not token.canTransfer(investor, fund, INVESTOR_UNITS)


@pytest.mark.parametrize("amount", [INVESTOR_UNITS + 1, AMOUNT_MAX, UINT_MAX])
def test_can_transfer_is_not_false_for_a_plain_shortage(home_side: Side, amount: int) -> None:
    token, investor, fund = home_side.token, home_side.investor, home_side.fund
    assert token.canTransfer(investor, fund, amount)


@pytest.mark.requirement("INV-8")
@pytest.mark.parametrize("frozen", [1, INVESTOR_UNITS, UINT_MAX])
@pytest.mark.parametrize("amount", [INVESTOR_UNITS + 1, AMOUNT_MAX, UINT_MAX])
def test_can_transfer_is_false_above_the_balance_while_units_are_frozen(
    home_side: Side, frozen: int, amount: int
) -> None:
    """It once turned true again above the balance."""
    token, investor, fund = home_side.token, home_side.investor, home_side.fund
    token.setFrozenTokens(investor, frozen, *STATED, sender=home_side.custodian)
    assert not token.canTransfer(investor, fund, amount)


def test_set_frozen_tokens_may_exceed_the_balance(home_side: Side) -> None:
    token = home_side.token
    token.setFrozenTokens(
        home_side.investor, INVESTOR_UNITS + 1, *STATED, sender=home_side.custodian
    )
    assert token.getFrozenTokens(home_side.investor) == INVESTOR_UNITS + 1


def test_set_frozen_tokens_works_by_its_standard_signature(home_side: Side) -> None:
    token, custodian = home_side.token, home_side.custodian
    token.instruct(*STATED, sender=custodian)
    receipt = token.method("setFrozenTokens(address,uint256)")(
        home_side.investor, 7, sender=custodian
    )
    assert receipt.return_value is True
    assert receipt.one("Frozen").args == {"account": home_side.investor.address, "amount": 7}


def test_forced_transfer_emits_both_events_frozen_first(home_side: Side) -> None:
    token, investor, fund = home_side.token, home_side.investor, home_side.fund
    token.setFrozenTokens(investor, UINT_MAX - 1, *STATED, sender=home_side.custodian)
    *terms, order = home_side.enter_order(investor, fund, 10)
    token.instruct(STATED[0], order, sender=home_side.custodian)
    forced = token.method("forcedTransfer(address,address,uint256)")
    receipt = forced(*terms, sender=home_side.custodian)
    names = [event.name for event in receipt.events if event.name != "PrivilegedAct"]
    assert names == ["Frozen", "Transfer", "ForcedTransfer"]


def test_shortage_of_balance_is_the_erc6093_error_even_if_units_are_frozen(
    home_side: Side,
) -> None:
    from tallystick.chain.reverts import reverts

    token, investor = home_side.token, home_side.investor
    token.setFrozenTokens(investor, INVESTOR_UNITS, *STATED, sender=home_side.custodian)
    with reverts(error="ERC20InsufficientBalance"):
        token.transfer(home_side.fund, INVESTOR_UNITS + 1, sender=investor)
    with reverts(error="ERC7943InsufficientUnfrozenBalance"):
        token.transfer(home_side.fund, INVESTOR_UNITS, sender=investor)


@pytest.mark.requirement("INV-8")
@pytest.mark.parametrize("scope", range(8))
def test_can_transfer_tells_custody_of_the_pause_of_lanes(world: World, scope: int) -> None:
    """Custody asks for itself; what leaves over a lane stops with the lanes."""
    side = world.home
    token, custody, investor = side.token, side.custody, side.investor
    if scope:
        token.pause(scope, *STATED, sender=side.guardian)
    allowed = token.canTransfer.call(investor, custody, 1, sender=custody.address)
    assert allowed is (scope & 5 == 0)
    if allowed:
        world.locked(1)
    else:
        reason = "transfers" if scope & 1 else "lanes"
        with refused(world, f"controls: {reason} paused"):
            world.locked(1)


# ------------------------------------------------------------------------- INV-8

amounts = st.one_of(
    st.sampled_from([0, 1, INVESTOR_UNITS - 1, INVESTOR_UNITS, INVESTOR_UNITS + 1, UINT_MAX]),
    st.integers(0, 2 * INVESTOR_UNITS),
)
frozen_amounts = st.one_of(
    st.sampled_from([0, 1, INVESTOR_UNITS - 1, INVESTOR_UNITS, INVESTOR_UNITS + 1, UINT_MAX]),
    st.integers(0, 2 * INVESTOR_UNITS),
)
accounts = st.sampled_from(["investor", "fund", "outsider", "custody", "nobody"])
eligibility = st.sampled_from([None, -1, 0, 1])


@st.composite
def situations(draw: st.DrawFn) -> dict[str, object]:
    return {
        "sender": draw(accounts),
        "receiver": draw(accounts),
        "amount": draw(amounts),
        "frozen": draw(frozen_amounts),
        "frozen_accounts": draw(st.sets(st.sampled_from(["investor", "fund"]))),
        "until": draw(st.tuples(eligibility, eligibility)),
        "scope": draw(st.integers(0, 7)),
        "spender": draw(st.sampled_from(["", "buyer", "custody"])),
        "held": draw(st.booleans()),
    }


@pytest.mark.requirement("INV-8")
def test_can_transfer_exactly_if_the_transfer_succeeds(deployed_world: World) -> None:
    @given(situations())
    def check(situation: dict[str, object]) -> None:
        with deployed_world.isolated():
            _compare(deployed_world, situation)

    check()


def _compare(world: World, situation: dict[str, object]) -> None:
    side = world.home
    token = side.token
    if situation["held"]:
        world.locked(1_000)
    today = side.chain.now // DAY
    for name, offset in zip(("investor", "fund"), situation["until"], strict=True):  # type: ignore[call-overload]
        if offset is not None:
            token.admit(side.parties[name], today + offset, *STATED, sender=side.registrar)
    token.setFrozenTokens(side.investor, situation["frozen"], *STATED, sender=side.custodian)
    for name in situation["frozen_accounts"]:  # type: ignore[attr-defined]
        token.setAddressFrozen(side.parties[name], True, *STATED, sender=side.custodian)
    if situation["scope"]:
        token.pause(situation["scope"], *STATED, sender=side.guardian)
    addresses = {"custody": side.custody.address, "nobody": ZERO}
    addresses |= {n: side.parties[n].address for n in ("investor", "fund", "outsider")}
    sender = addresses[str(situation["sender"])]
    receiver = addresses[str(situation["receiver"])]
    amount = situation["amount"]
    # The view's answer is for its caller: a link account may move in calls of its own.
    callers = {"buyer": side.buyer.address, "custody": side.custody.address}
    caller = callers.get(str(situation["spender"]), sender)
    if situation["spender"] and sender != ZERO:
        token.approve(caller, UINT_MAX, sender=sender)
    allowed = token.canTransfer.call(sender, receiver, amount, sender=caller)
    enough = amount <= side.balance(sender)  # type: ignore[operator]
    try:
        if situation["spender"]:
            token.transferFrom(sender, receiver, amount, sender=caller)
        else:
            token.transfer(receiver, amount, sender=caller)
        succeeded = True
    except Revert as revert:
        succeeded = False
        told = revert.error[0] if revert.error else None
    else:
        told = None
    # Where the view says yes, a plain shortage is all that may stop the transfer.
    assert told == "ERC20InsufficientBalance" or succeeded or not allowed
    assert succeeded == (allowed and enough)


@pytest.mark.requirement("INV-5")
def test_supply_is_the_sum_of_positions(home_side: Side) -> None:
    from eth_utils.crypto import keccak

    token = home_side.token
    token.transfer(home_side.fund, 123, sender=home_side.investor)
    total = 0
    # Every account that ever got units is in a Transfer event.
    for holder in {event.receiver for event in token.events() if event.name == "Transfer"}:
        total += read_slot(token, "book", "_positions", holder) & AMOUNT_MAX
    assert total == token.totalSupply()
    assert keccak(b"")  # the helper hashes slots with keccak-256, not SHA3
