"""One engine in six pieces: what one does not know, the next does in its place."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest

from tallystick.build import artifact
from tallystick.chain import Contract
from tallystick.governance.pieces import GETTERS
from tests.support.actions import ACCOUNTS, APPLE, COAF, Actions
from tests.support.world import STATED, Side, World, pieces_behind, read_slot, refused

PIECES = ("ActionsEngine", *(piece.name for piece in artifact("ActionsEngine").behind))
NO_FUNCTION = "engine: no such function"


def pieces(side: Side) -> tuple[Contract, ...]:
    """The implementation of the engine and the pieces behind it, where they stand."""
    first = side.implementations["ActionsEngine"]
    places = (first, *pieces_behind(side.chain, first))
    return tuple(side.chain.at(*piece) for piece in zip(PIECES, places, strict=True))


def signatures(name: str) -> set[str]:
    return {each for each in artifact(name).method_identifiers if each != "__default__()"}


def test_each_function_is_in_one_piece_and_all_are_in_the_abi(home_side: Side) -> None:
    known = [signatures(name) for name in PIECES]
    assert len(known) == 6
    for function, each in zip(
        (
            "claim(bytes32,address,uint256)",
            "fix(bytes32,uint256[2],uint256[])",
            "expire(bytes32,bytes32)",
            "tell(bytes32)",
            "tell_ratio(bytes32)",
            "open_fractions(bytes32)",
        ),
        known,
        strict=True,
    ):
        assert function in each
    assert all(not one & other for one, other in combinations(known, 2))
    offered = {
        function.signature
        for overloads in home_side.engine.interface.functions.values()
        for function in overloads
    }
    assert offered == set().union(*known)


def test_each_piece_names_the_next(home_side: Side) -> None:
    found = pieces(home_side)
    for getter, (piece, following) in zip(GETTERS, pairwise(found), strict=True):
        assert getattr(piece, getter)() == following.address
        assert getattr(home_side.engine, getter)() == following.address
        end = bytes.fromhex(following.address[2:].rjust(64, "0"))
        code = home_side.chain.code(piece.address)
        assert code == piece.artifact.bytecode_runtime + end
    last = found[-1]
    assert home_side.chain.code(last.address) == last.artifact.bytecode_runtime


def test_a_call_pays_for_the_pieces_before_its_own_alone(home_side: Side) -> None:
    """For each a cold account, and a second copy of calldata and answer."""
    engine, found = home_side.engine, pieces(home_side)
    for data, steps in (
        (engine.figures_at.encode(ACCOUNTS, 1), found[:2]),
        (engine.is_home.encode(), found[:3]),
        (engine.event_of.encode(COAF), found[:4]),
        (engine.ratio_told.encode(COAF, COAF), found[:5]),
        (engine.fraction_code.encode(COAF), found),
    ):
        gas = []
        for piece in steps:
            with home_side.chain.isolated():
                to, sender = piece.address, home_side.outsider
                gas.append(home_side.chain.send(sender=sender, to=to, data=data).gas_used)
        assert all(2_600 < before - after < 3_100 for before, after in pairwise(gas)), gas


def test_an_act_of_the_records_is_the_engine_s(actions: Actions) -> None:
    """Its storage, its event, its caller; no implementation has anything of it."""
    side = actions.home
    receipt = actions.announce(APPLE)
    assert {event.address for event in receipt.events} == {side.engine.address}
    assert side.engine.event_of(COAF).newest == APPLE.hash
    assert side.engine.record_hash(COAF, 1) == APPLE.hash
    for piece in pieces(side):
        bare = side.chain.at("ActionsEngine", piece.address)
        assert read_slot(bare, "events", "event_of", COAF) == 0


def test_a_revert_comes_back_whole(world: World) -> None:
    """From the fourth piece through three, from the last through five."""
    side = world.home
    with refused(world, "access: missing role"):
        side.engine.announce(APPLE.as_tuple(), 1, *STATED, sender=side.attacker)
    with refused(world, "fractions: no ratio in force"):
        side.engine.open_fractions(COAF, sender=side.attacker)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xde\xad\xbe", b"\xde\xad\xbe\xef", b"\x01" * 40])
def test_what_no_piece_knows_is_refused(world: World, data: bytes) -> None:
    side = world.home
    for where in (side.engine, *pieces(side)):
        with refused(world, NO_FUNCTION):
            side.chain.send(sender=side.attacker, to=where.address, data=data)


def test_value_is_refused(world: World) -> None:
    side = world.home
    for data in (b"", side.engine.tell.encode(COAF), side.engine.claim.encode(COAF, side.fund, 0)):
        for where in (side.engine, *pieces(side)):
            with refused(world):
                side.chain.send(sender=side.issuer, to=where.address, data=data, value=1)


def test_called_straight_no_piece_is_anybody_s_engine(world: World) -> None:
    """A call goes on to the piece that has it, and never back."""
    side = world.home
    terms = (side.token, side.escrow, side.attacker)
    acts = (
        (side.engine.initialize.encode(*terms), 2, "engine: initialised already"),
        (side.engine.hand_over.encode(*STATED), 2, "engine: nobody to believe yet"),
        (
            side.engine.announce.encode(APPLE.as_tuple(), 1, *STATED),
            3,
            "access: missing role",
        ),
    )
    for place, piece in enumerate(pieces(side)):
        for data, last, reason in acts:
            with refused(world, reason if place <= last else NO_FUNCTION):
                side.chain.send(sender=side.attacker, to=piece.address, data=data)


@pytest.mark.parametrize("code", [b"", bytes.fromhex("ef0100") + b"\x11" * 20])
def test_a_next_piece_without_code_of_its_own_is_refused(world: World, code: bytes) -> None:
    """A call there would succeed and do nothing; or what it does could change."""
    side = world.home
    side.chain.set_code(side.outsider.address, code)
    for name, following in zip(
        PIECES, ("controls", "settings", "records", "ratios", "fractions"), strict=False
    ):
        with refused(world, f"engine: {following} have no code"):
            side.chain.deploy(name, side.outsider, sender=side.deployer)
