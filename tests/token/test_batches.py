"""Batches: many accounts under one document, all or none; each does what the single act does."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.support.world import (
    ELIGIBLE_UNTIL,
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

SIGNATURES = {
    "batch_admit": "batch_admit(address[],uint256,bytes4,bytes32)",
    "batchSetFrozenTokens": "batchSetFrozenTokens(address[],uint256[],bytes4,bytes32)",
    "batchSetAddressFrozen": "batchSetAddressFrozen(address[],bool[],bytes4,bytes32)",
    "batchMint": "batchMint(address[],uint256[],bytes4,bytes32)",
    "batchForcedTransfer": "batchForcedTransfer(address[],address[],uint256[],bytes32[])",
}


def test_registrar_admits_many(home_side: Side) -> None:
    token, parties = home_side.token, [home_side.outsider, home_side.courier]
    receipt = token.batch_admit(parties, ELIGIBLE_UNTIL, *STATED, sender=home_side.registrar)
    assert receipt.events == (
        home_side.act(token, SIGNATURES["batch_admit"], ZERO, home_side.registrar),
        *(token.emitted("Admitted", party, ELIGIBLE_UNTIL) for party in parties),
    )
    assert {token.eligible_until(party) for party in parties} == {ELIGIBLE_UNTIL}


def test_custodian_freezes_amounts_of_many(home_side: Side) -> None:
    token, parties = home_side.token, [home_side.investor, home_side.buyer]
    receipt = token.batchSetFrozenTokens(
        parties, [7, UINT_MAX], *STATED, sender=home_side.custodian
    )
    assert receipt.events == (
        home_side.act(token, SIGNATURES["batchSetFrozenTokens"], ZERO, home_side.custodian),
        token.emitted("Frozen", home_side.investor, 7),
        token.emitted("Frozen", home_side.buyer, UINT_MAX),
    )
    assert [token.getFrozenTokens(party) for party in parties] == [7, UINT_MAX]


def test_custodian_freezes_and_unfreezes_many(home_side: Side) -> None:
    token, custodian = home_side.token, home_side.custodian
    parties = [home_side.investor, home_side.buyer]
    token.setAddressFrozen(home_side.buyer, True, *STATED, sender=custodian)
    receipt = token.batchSetAddressFrozen(parties, [True, False], *STATED, sender=custodian)
    assert receipt.events == (
        home_side.act(token, SIGNATURES["batchSetAddressFrozen"], ZERO, custodian),
        token.emitted("AddressFrozen", home_side.investor, True, custodian),
        token.emitted("AddressFrozen", home_side.buyer, False, custodian),
    )
    assert [token.isFrozen(party) for party in parties] == [True, False]


def test_issuer_issues_to_many(home_side: Side) -> None:
    """Also twice to the same."""
    token, fund, buyer = home_side.token, home_side.fund, home_side.buyer
    token.authorise_issuance(11, *STATED, sender=home_side.notary)
    supply, held = token.totalSupply(), home_side.balance(buyer)
    receipt = token.batchMint([fund, buyer, fund], [5, 2, 4], *STATED, sender=home_side.issuer)
    assert receipt.events == (
        home_side.act(token, SIGNATURES["batchMint"], ZERO, home_side.issuer),
        token.emitted("Transfer", ZERO, fund, 5),
        token.emitted("Transfer", ZERO, buyer, 2),
        token.emitted("Transfer", ZERO, fund, 4),
    )
    assert (home_side.balance(fund), home_side.balance(buyer)) == (9, held + 2)
    assert token.totalSupply() == supply + 11


def _two_orders(side: Side) -> tuple[list[Any], ...]:
    """Two orders in force, as the lists that carry them out."""
    orders = [
        side.enter_order(side.investor, side.fund, 7, number=1),
        side.enter_order(side.buyer, side.fund, 5, number=2),
    ]
    senders, receivers, amounts, named = map(list, zip(*orders, strict=True))
    return senders, receivers, amounts, named


def test_custodian_carries_out_many_orders(home_side: Side) -> None:
    """Each act's document is its order."""
    token, fund, custodian = home_side.token, home_side.fund, home_side.custodian
    lists = _two_orders(home_side)
    receipt = token.batchForcedTransfer(*lists, sender=custodian)
    signature = SIGNATURES["batchForcedTransfer"]
    assert receipt.events == tuple(
        event
        for sender, _, amount, order in zip(*lists, strict=True)
        for event in (
            token.emitted("Frozen", sender, 0),
            home_side.act(token, signature, sender, custodian, (REASON, order)),
            token.emitted("Transfer", sender, fund, amount),
            token.emitted("ForcedTransfer", sender, fund, amount),
        )
    )
    assert home_side.balance(fund) == 12


def test_an_order_is_carried_out_once_in_a_batch_too(world: World) -> None:
    side = world.home
    lists = [[each[0]] * 2 for each in _two_orders(side)]
    with refused(world, "orders: none to carry out"):
        side.token.batchForcedTransfer(*lists, sender=side.custodian)


def test_nobody_else_carries_out_many_orders(world: World) -> None:
    side = world.home
    lists = _two_orders(side)
    with refused(world, "access: missing role"):
        side.token.batchForcedTransfer(*lists, sender=side.registrar)


@pytest.mark.parametrize("short", range(4))
def test_lists_of_orders_of_unlike_length_are_refused(world: World, short: int) -> None:
    side = world.home
    lists = list(_two_orders(side))
    lists[short] = lists[short][:1]
    with refused(world, "orders: lists differ in length"):
        side.token.batchForcedTransfer(*lists, sender=side.custodian)


def test_issuer_issues_to_256_and_to_no_more(world: World) -> None:
    side = world.home
    before, issue = side.balance(side.fund), int(side.token.totalSupply())
    side.token.authorise_issuance(256, *STATED, sender=side.notary)
    # Past the codec, which knows the bound too: the contract itself is asked.
    with refused(world):
        side.chain.send(sender=side.issuer, to=side.token.address, data=_batch_mint(side, 257))
    side.chain.send(sender=side.issuer, to=side.token.address, data=_batch_mint(side, 256))
    assert side.balance(side.fund) == before + 256
    assert side.token.totalSupply() == issue + 256


def _batch_mint(side: Side, count: int) -> bytes:
    selector = keccak(text=SIGNATURES["batchMint"])[:4]
    values = [[side.fund.address] * count, [1] * count, *STATED]
    return bytes(selector + encode(["address[]", "uint256[]", "bytes4", "bytes32"], values))


@pytest.mark.parametrize("name", ["batchMint", "batchSetAddressFrozen"])
def test_a_standing_instruction_stands_for_the_standards_batches(world: World, name: str) -> None:
    side = world.home
    side.token.authorise_issuance(5, *STATED, sender=side.notary)
    key = side.issuer if name == "batchMint" else side.custodian
    lists: tuple[Any, Any] = ([side.fund], [5] if name == "batchMint" else [True])
    with refused(world, "instruction: no reason code"):
        getattr(side.token, name)(*lists, sender=key)
    side.token.instruct(*STATED, sender=key)
    signature = SIGNATURES[name].replace(",bytes4,bytes32", "")
    receipt = getattr(side.token, name)(*lists, sender=key)
    assert receipt.events[0] == side.act(side.token, signature, ZERO, key)


def _calls(side: Side) -> dict[str, tuple[Any, Any]]:
    """Batches whose second account is refused, and the reason."""
    token, link = side.token, side.custody
    orders = [
        side.enter_order(side.investor, party, 1, number=number)
        for number, party in enumerate((side.fund, side.outsider))
    ]
    return {
        "batch_admit": (
            lambda: token.batch_admit(
                [side.fund, link], ELIGIBLE_UNTIL, *STATED, sender=side.registrar
            ),
            {"reason": "controls: link account"},
        ),
        "batchSetFrozenTokens": (
            lambda: token.batchSetFrozenTokens(
                [side.fund, link], [1, 1], *STATED, sender=side.custodian
            ),
            {"reason": "controls: link can't be frozen"},
        ),
        "batchSetAddressFrozen": (
            lambda: token.batchSetAddressFrozen(
                [side.fund, link], [True, True], *STATED, sender=side.custodian
            ),
            {"reason": "controls: link stays unfrozen"},
        ),
        "batchMint": (
            lambda: token.batchMint(
                [side.fund, side.outsider], [1, 1], *STATED, sender=side.issuer
            ),
            {"error": "ERC7943CannotReceive", "args": (side.outsider.address,)},
        ),
        "batchForcedTransfer": (
            lambda: token.batchForcedTransfer(*zip(*orders, strict=True), sender=side.custodian),
            {"error": "ERC7943CannotReceive", "args": (side.outsider.address,)},
        ),
    }


@pytest.mark.parametrize("name", list(SIGNATURES))
def test_one_that_is_refused_refuses_all(world: World, name: str) -> None:
    side = world.home
    side.token.authorise_issuance(5, *STATED, sender=side.notary)
    call, told = _calls(side)[name]
    with refused(world, told.pop("reason", None), **told):
        call()


def test_a_batch_stays_within_the_authorisation(world: World) -> None:
    side = world.home
    unused = side.token.authorised() - side.token.totalSupply()
    side.token.withdraw_authorisation(unused, *STATED, sender=side.notary)
    side.token.authorise_issuance(5, *STATED, sender=side.notary)
    with refused(world, "issuance: not authorised"):
        side.token.batchMint([side.fund, side.buyer], [3, 3], *STATED, sender=side.issuer)


@pytest.mark.parametrize(
    ("name", "role", "second", "reason"),
    [
        ("batchSetFrozenTokens", "custodian", [1], "controls: lists of amounts differ"),
        ("batchSetAddressFrozen", "custodian", [True], "controls: lists of freezes differ"),
        ("batchMint", "issuer", [1], "issuance: lists differ in length"),
    ],
)
def test_lists_of_unlike_length_are_refused(
    world: World, name: str, role: str, second: list[Any], reason: str
) -> None:
    side = world.home
    with refused(world, reason):
        getattr(side.token, name)(
            [side.fund, side.buyer], second, *STATED, sender=side.parties[role]
        )


@pytest.mark.parametrize("name", ["batch_admit", "batchSetFrozenTokens"])
def test_batches_of_our_own_state_why(world: World, name: str) -> None:
    side = world.home
    key = side.registrar if name == "batch_admit" else side.custodian
    second: Any = 1 if name == "batch_admit" else [1]
    side.token.instruct(*STATED, sender=key)
    with refused(world, "instruction: no reason code"):
        getattr(side.token, name)([side.fund], second, NO_REASON, NO_DOCUMENT, sender=key)
