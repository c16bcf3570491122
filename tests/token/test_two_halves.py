"""One token in two halves: what the first does not know, the second does in its place."""

from __future__ import annotations

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


def halves(side: Side) -> tuple[Contract, Contract]:
    """The implementation of the token, and its controls where they stand."""
    hot = side.chain.at("SecurityToken", side.implementations["SecurityToken"])
    return hot, side.chain.at("SecurityTokenControls", hot.CONTROLS())


def signatures(name: str) -> set[str]:
    return {each for each in artifact(name).method_identifiers if each != "__default__()"}


def test_each_function_is_in_one_half_and_all_are_in_the_abi(home_side: Side) -> None:
    hot, cold = signatures("SecurityToken"), signatures("SecurityTokenControls")
    assert hot.isdisjoint(cold)
    assert "transfer(address,uint256)" in hot
    assert "pause(uint256,bytes4,bytes32)" in cold
    offered = {
        function.signature
        for overloads in home_side.token.interface.functions.values()
        for function in overloads
    }
    assert offered == hot | cold


def test_the_token_names_its_other_half(home_side: Side) -> None:
    hot, controls = halves(home_side)
    assert home_side.token.CONTROLS() == hot.CONTROLS() == controls.address
    code = home_side.chain.code(controls.address)
    assert code == artifact("SecurityTokenControls").bytecode_runtime
    whole = artifact("SecurityToken").bytecode_runtime + bytes.fromhex(
        controls.address[2:].rjust(64, "0")
    )
    assert home_side.chain.code(hot.address) == whole


def test_an_act_of_the_controls_is_the_tokens(home_side: Side) -> None:
    """Its storage, its event, its caller; neither implementation has anything of it."""
    token, guardian = home_side.token, home_side.guardian
    receipt = token.pause(1, *STATED, sender=guardian)
    assert receipt.events == (
        home_side.act(token, "pause(uint256,bytes4,bytes32)", ZERO, guardian),
        token.emitted("Paused", 1, guardian, receipt.timestamp + 7 * 86_400),
    )
    assert token.paused()
    for half in halves(home_side):
        bare = home_side.chain.at("SecurityToken", half.address)
        assert read_slot(bare, "book", "_issue") == 0


def test_an_answer_comes_back_whole(home_side: Side) -> None:
    token, investor = home_side.token, home_side.investor
    data = token.position_of.encode(investor)
    output = home_side.chain.call(to=token.address, data=data)
    assert len(output) == 9 * 32
    assert token.position_of.decode(output).balance == token.balanceOf(investor)


def test_a_revert_comes_back_whole(world: World) -> None:
    side = world.home
    with refused(world, "controls: day out of range"):
        side.token.admit(side.investor, 2**16, *STATED, sender=side.registrar)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xde\xad\xbe", b"\xde\xad\xbe\xef", b"\x01" * 40])
def test_what_neither_half_knows_is_refused(world: World, data: bytes) -> None:
    side = world.home
    hot, controls = halves(side)
    for where in (side.token, hot, controls):
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
    for where in (side.token, *halves(side)):
        with refused(world):
            side.chain.send(sender=side.registrar, to=where.address, data=calls[function], value=1)


@pytest.mark.parametrize(
    ("call", "locked"),
    [
        # Each half's views ask the lock that the controls hold; those that need none don't.
        (("balanceOf", ZERO), True),
        (("is_link", ZERO), True),
        (("canTransfer", ZERO, ZERO, 0), False),
        (("action_epoch",), False),
    ],
)
def test_the_lock_is_one_for_both_halves(world: World, call: tuple[Any, ...], locked: bool) -> None:
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


def test_called_straight_neither_half_is_anybodys_token(world: World) -> None:
    side = world.home
    hot, controls = halves(side)
    terms = ("n", "s", 6, ISIN, True, 0, side.attacker)
    for address in (hot.address, controls.address):
        token = side.chain.at("SecurityToken", address)
        with refused(world, "token: initialised already"):
            token.initialize(*terms, sender=side.attacker)
        with refused(world, "access: only the set-up key"):
            token.hand_over(*STATED, sender=side.attacker)
        for act in (
            token.assign_role.encode(side.attacker, 1, *STATED),
            token.pause.encode(1, *STATED),
            token.admit.encode(side.attacker, 30_000, *STATED),
            token.authorise_issuance.encode(1, *STATED),
        ):
            with refused(world, "access: missing role"):
                side.chain.send(sender=side.attacker, to=address, data=act)


def test_what_anybody_may_write_to_the_controls_reaches_no_token(home_side: Side) -> None:
    _, controls = halves(home_side)
    controls.instruct(*STATED, sender=home_side.custodian)
    assert controls.standing_instruction(home_side.custodian).document == DOCUMENT
    assert home_side.token.standing_instruction(home_side.custodian).document == bytes(32)


@pytest.mark.parametrize("code", [b"", bytes.fromhex("ef0100") + b"\x11" * 20])
def test_controls_without_code_of_their_own_are_refused(world: World, code: bytes) -> None:
    """A call there would succeed and do nothing; or what it does could change."""
    side = world.home
    side.chain.set_code(side.outsider.address, code)
    with refused(world, "token: controls have no code"):
        side.chain.deploy("SecurityToken", side.outsider, sender=side.deployer)
