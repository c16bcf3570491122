"""One token in three pieces: what one does not know, the next does in its place."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tallystick.build import artifact
from tallystick.chain import Contract
from tests.support.world import (
    DOCUMENT,
    ISIN,
    STATED,
    ZERO,
    Side,
    World,
    read_slot,
    refused,
    write_slot,
)

PIECES = ("SecurityToken", "SecurityTokenControls", "SecurityTokenSettings")


def pieces(side: Side) -> tuple[Contract, Contract, Contract]:
    """The implementation of the token, its controls and its settings, where they stand."""
    first = side.chain.at(PIECES[0], side.implementations[PIECES[0]])
    controls = side.chain.at(PIECES[1], first.CONTROLS())
    return first, controls, side.chain.at(PIECES[2], controls.SETTINGS())


def signatures(name: str) -> set[str]:
    return {each for each in artifact(name).method_identifiers if each != "__default__()"}


def test_each_function_is_in_one_piece_and_all_are_in_the_abi(home_side: Side) -> None:
    hot, controls, settings = map(signatures, PIECES)
    assert "transfer(address,uint256)" in hot
    assert "pause(uint256,bytes4,bytes32)" in controls
    assert "hand_over(bytes4,bytes32)" in settings
    offered = {
        function.signature
        for overloads in home_side.token.interface.functions.values()
        for function in overloads
    }
    assert offered == hot | controls | settings
    assert len(offered) == len(hot) + len(controls) + len(settings)


def test_each_piece_names_the_next(home_side: Side) -> None:
    token, (first, controls, settings) = home_side.token, pieces(home_side)
    assert token.CONTROLS() == first.CONTROLS() == controls.address
    assert token.SETTINGS() == controls.SETTINGS() == settings.address
    ends = [bytes.fromhex(each.address[2:].rjust(64, "0")) for each in (controls, settings)]
    for piece, name, end in zip((first, controls, settings), PIECES, [*ends, b""], strict=True):
        code = home_side.chain.code(piece.address)
        assert code == artifact(name).bytecode_runtime + end


def gas_in(side: Side, where: Contract, data: bytes) -> int:
    with side.chain.isolated():
        return side.chain.send(sender=side.outsider, to=where.address, data=data).gas_used


def test_a_call_pays_for_the_pieces_before_its_own_alone(home_side: Side) -> None:
    """For each a cold account, and a second copy of calldata and answer."""
    token, (first, controls, settings) = home_side.token, pieces(home_side)
    for data, steps in (
        (token.paused.encode(), (first, controls)),
        (token.administrators.encode(), (first, controls, settings)),
    ):
        gas = [gas_in(home_side, each, data) for each in steps]
        assert all(2_600 < before - after < 3_100 for before, after in pairwise(gas)), gas


def test_a_call_into_the_first_piece_never_asks_the_others(home_side: Side) -> None:
    """It goes the same way, and costs the same, where there is nothing behind."""
    token, investor, buyer = home_side.token, home_side.investor, home_side.buyer
    calls = {
        token.transfer.encode(buyer, 1): investor,
        token.approve.encode(buyer, 1): investor,
        token.batchTransfer.encode([buyer], [1]): investor,
        token.balanceOf.encode(buyer): buyer,
        token.canReceive.encode(buyer): buyer,
        token.action_epoch.encode(): buyer,
    }

    def receipts() -> list[tuple[int, Any]]:
        found = []
        for data, sender in calls.items():
            with home_side.chain.isolated():
                receipt = home_side.chain.send(sender=sender, to=token.address, data=data)
            found.append((receipt.gas_used, receipt.events))
        return found

    before = receipts()
    for piece in pieces(home_side)[1:]:
        home_side.chain.set_code(piece.address, b"")
    assert receipts() == before


def test_an_act_of_the_controls_is_the_tokens(home_side: Side) -> None:
    """Its storage, its event, its caller; no implementation has anything of it."""
    token, guardian = home_side.token, home_side.guardian
    receipt = token.pause(1, *STATED, sender=guardian)
    assert receipt.events == (
        home_side.act(token, "pause(uint256,bytes4,bytes32)", ZERO, guardian),
        token.emitted("Paused", 1, guardian, receipt.timestamp + 7 * 86_400),
    )
    assert token.paused()
    for piece in pieces(home_side):
        bare = home_side.chain.at("SecurityToken", piece.address)
        assert read_slot(bare, "book", "_issue") == 0


def test_an_answer_comes_back_whole(home_side: Side) -> None:
    token, investor = home_side.token, home_side.investor
    data = token.position_of.encode(investor)
    output = home_side.chain.call(to=token.address, data=data)
    assert len(output) == 9 * 32
    assert token.position_of.decode(output).balance == token.balanceOf(investor)
    # Text from the second piece, a list from the third.
    assert token.name() == "Apple Inc. common stock"
    assert token.announced_closes() == []


def test_a_revert_comes_back_whole(world: World) -> None:
    side = world.home
    with refused(world, "controls: day out of range"):
        side.token.admit(side.investor, 2**16, *STATED, sender=side.registrar)
    with refused(world, "standing: half stated"):
        side.token.instruct(STATED[0], bytes(32), sender=side.registrar)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xde\xad\xbe", b"\xde\xad\xbe\xef", b"\x01" * 40])
def test_what_no_piece_knows_is_refused(world: World, data: bytes) -> None:
    side = world.home
    for where in (side.token, *pieces(side)):
        with refused(world, "token: no such function"):
            side.chain.send(sender=side.attacker, to=where.address, data=data)


@pytest.mark.parametrize("function", ["", "approve", "instruct", "admit"])
def test_value_is_refused(world: World, function: str) -> None:
    side = world.home
    calls = {
        "": b"",
        "approve": side.token.approve.encode(side.buyer, 1),
        "instruct": side.token.instruct.encode(*STATED),
        "admit": side.token.admit.encode(side.fund, 30_000, *STATED),
    }
    for where in (side.token, *pieces(side)):
        with refused(world):
            side.chain.send(sender=side.registrar, to=where.address, data=calls[function], value=1)


@pytest.mark.parametrize(
    ("call", "locked"),
    [
        # Each piece's views ask the lock that the settings hold; those that need none don't.
        (("balanceOf", ZERO), True),
        (("is_link", ZERO), True),
        (("is_live",), True),
        (("canTransfer", ZERO, ZERO, 0), False),
        (("action_epoch",), False),
    ],
)
def test_the_lock_is_one_for_all_pieces(world: World, call: tuple[Any, ...], locked: bool) -> None:
    side = world.home
    token = side.fresh_token()
    probe = side.chain.deploy("LockProbeMock", sender=side.deployer)
    name, *arguments = call
    probe.set_callback(getattr(token, name).encode(*arguments), sender=side.deployer)
    write_slot(token, int(probe.address, 16), "controls", "release_authority")
    if locked:
        with refused(world, "controls: link is no custody"):
            token.set_class(side.custody, 1, *STATED, sender=side.deployer)
    else:
        token.set_class(side.custody, 1, *STATED, sender=side.deployer)
        assert token.is_link(side.custody)


def test_called_straight_no_piece_is_anybodys_token(world: World) -> None:
    side = world.home
    terms = ("n", "s", 6, ISIN, True, 0, side.attacker)
    for place, piece in enumerate(pieces(side)):
        address = piece.address
        token = side.chain.at("SecurityToken", address)
        with refused(world, "token: initialised already"):
            token.initialize(*terms, sender=side.attacker)
        with refused(world, "access: only the set-up key"):
            token.hand_over(*STATED, sender=side.attacker)
        acts = {
            token.mint.encode(side.attacker, 1): 0,
            token.pause.encode(1, *STATED): 1,
            token.admit.encode(side.attacker, 30_000, *STATED): 1,
            token.announce_close.encode(30_000, *STATED): 1,
            token.assign_role.encode(side.attacker, 1, *STATED): 2,
            token.authorise_issuance.encode(1, *STATED): 2,
        }
        for act, last in acts.items():
            # A call goes on to the piece that has it, and never back.
            reason = "access: missing role" if place <= last else "token: no such function"
            with refused(world, reason):
                side.chain.send(sender=side.attacker, to=address, data=act)


def test_what_anybody_may_write_to_a_piece_reaches_no_token(home_side: Side) -> None:
    custodian = home_side.custodian
    # The settings, the last piece, have no such function.
    for piece in pieces(home_side)[:-1]:
        bare = home_side.chain.at("SecurityToken", piece.address)
        assert bare.standing_instruction(custodian).document == bytes(32)
        bare.instruct(*STATED, sender=custodian)
        assert bare.standing_instruction(custodian).document == DOCUMENT
    assert home_side.token.standing_instruction(custodian).document == bytes(32)


@pytest.mark.parametrize("code", [b"", bytes.fromhex("ef0100") + b"\x11" * 20])
def test_a_next_piece_without_code_of_its_own_is_refused(world: World, code: bytes) -> None:
    """A call there would succeed and do nothing; or what it does could change."""
    side = world.home
    side.chain.set_code(side.outsider.address, code)
    with refused(world, "token: controls have no code"):
        side.chain.deploy("SecurityToken", side.outsider, sender=side.deployer)
    with refused(world, "token: settings have no code"):
        side.chain.deploy("SecurityTokenControls", side.outsider, sender=side.deployer)
