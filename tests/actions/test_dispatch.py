"""What engines tell one another: ids, whose signatures are evidence, and of what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_account.messages import encode_typed_data

from tallystick.actions.message import (
    ActionsMessage,
    Armed,
    EngineDomain,
    EventVersion,
    Figures,
    Totals,
    message_from,
    typed_data,
)
from tallystick.bridge.message import ledger_id, party
from tallystick.chain import Contract, reverts
from tallystick.chain.abi import encode, keccak
from tallystick.chain.embedded import EmbeddedChain
from tallystick.governance.roles import Role
from tests.support.actions import (
    APPLE,
    CLOSE_MINUTE,
    COAF,
    ENGINE_ATTESTORS,
    EVENT_ATTESTORS,
    GENESIS,
    Actions,
    chain_of,
    domain_of,
    new_engine,
    set_peer,
)
from tests.support.world import DAY, ISIN, STATED, Side, World, read_slot, refused
from tests.support.world import domain_of as lane_domain_of

VERSION = EventVersion(APPLE)
SECOND = EventVersion(APPLE.successor(terms=keccak(b"other terms")))
EAST = 41_003


# ------------------------------------------------------------------- the typed message


def test_an_engine_shows_the_domain_in_which_attestors_sign(world: World) -> None:
    for side in (world.home, world.remote):
        domain = domain_of(side.engine)
        assert side.engine.domain_separator() == domain.separator
        assert tuple(side.engine.eip712Domain()) == (
            *(b"\x0f", "Tallystick Actions", "1"),
            *(side.chain.chain_id, side.engine.address, bytes(32), []),
        )


def test_the_domain_is_not_that_of_lanes(world: World) -> None:
    """No signature of one is evidence of the other."""
    side = world.home
    lanes = lane_domain_of(replace(side, escrow=side.engine))
    assert lanes.separator != domain_of(side.engine).separator


def test_a_message_has_one_id(actions: Actions) -> None:
    lane = actions.world.lane
    armed = Armed(COAF, 1, VERSION.id, 1_600_000_000, True)
    figures = Figures(lane, 18_484, 0, 70, 20, 30)
    totals = Totals(COAF, VERSION.id, lane, 50, 25)
    for told in (VERSION, armed, figures, totals):
        message = actions.message(told)
        assert actions.home.engine.message_id(message.as_tuple()) == message.id
        assert actions.remote.engine.message_id(message.as_tuple()) == message.id


def test_a_wallet_shows_an_attestor_the_message(actions: Actions) -> None:
    message = actions.message(VERSION)
    domain = domain_of(actions.home.engine)
    signable = encode_typed_data(full_message=typed_data(message, domain))
    assert (signable.header, signable.body) == (domain.separator, message.id)


def test_every_field_is_part_of_the_id(actions: Actions) -> None:
    message = actions.message(VERSION)
    other = replace(message, codec=2), replace(message, kind=2)
    words = ("instrument", "source_ledger", "source_engine", "body")
    changed = (replace(message, **{name: keccak(b"other")}) for name in words)
    assert len({each.id for each in (message, *other, *changed)}) == 7


# ------------------------------------------------------------------------ what was told


@pytest.mark.requirement("INV-4")
def test_what_an_engine_told_is_provable_from_its_storage(actions: Actions) -> None:
    """By the message's id and nothing else; what was not told is not, nor what another told."""
    home, remote = actions.home.engine, actions.remote.engine
    for record in chain_of(APPLE, {}, {}):
        version = EventVersion(record)
        told = actions.message(version)
        actions.announce(record)
        assert not home.is_told(told.id)
        actions.confirm(version)
        actions.take(version)
        answer = actions.message(actions.armed(version))
        for engine, own, other in ((home, told, answer), (remote, answer, told)):
            assert engine.is_told(own.id)
            assert read_slot(engine, "dispatch", "is_told", own.id) == 1
            assert not engine.is_told(other.id)


def test_what_is_told_again_is_the_same_message(actions: Actions) -> None:
    actions.announce(APPLE)
    sent = actions.confirm(VERSION).one("RecordSent")
    armed = actions.take(VERSION).one("ArmedSent")
    before = actions.world.storage()
    for side, event in ((actions.home, sent), (actions.remote, armed)):
        again = side.engine.tell(COAF, sender=side.outsider)
        assert again.events == (event,)
    assert actions.world.storage() == before


def test_what_is_told_again_is_what_is_in_force(actions: Actions) -> None:
    actions.in_force(APPLE)
    actions.announce(SECOND.record)
    engine = actions.home.engine
    for version in (VERSION, SECOND):
        if version is SECOND:
            actions.confirm(SECOND)
        (event,) = engine.tell(COAF, sender=actions.home.outsider).events
        assert event.args["id"] == actions.message(version).id


def test_what_is_not_in_force_is_not_told(actions: Actions) -> None:
    actions.announce(APPLE)
    for side in (actions.home, actions.remote):
        with refused(actions.world, "events: nothing to tell"):
            side.engine.tell(COAF, sender=side.outsider)


# ---------------------------------------------------------------- what is no evidence

Change = Callable[[Actions, ActionsMessage], ActionsMessage]


def _other(**changes: Any) -> Change:
    return lambda actions, message: replace(message, **changes)


NOT_TOLD: list[tuple[str, Change]] = [
    ("unknown codec", _other(codec=2)),
    ("unknown codec", _other(codec=0)),
    ("of another kind", _other(kind=2)),
    ("of another kind", _other(kind=0)),
    ("of something else", _other(instrument=keccak(b"DE0001102580"))),
    ("of something else", _other(body=SECOND.id)),
    ("of something else", _other(body=APPLE.hash)),
    ("from an unknown engine", _other(source_ledger=ledger_id("eip155:41009"))),
    ("from an unknown engine", _other(source_ledger=bytes(32))),
    ("from an unknown engine", _other(source_engine=bytes(32))),
    (
        "from an unknown engine",
        lambda actions, message: replace(
            message, source_engine=party(str(actions.remote.engine.address))
        ),
    ),
    (
        "from an unknown engine",
        lambda actions, message: replace(
            message, source_ledger=ledger_id(actions.remote.chain.caip2)
        ),
    ),
]


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(("reason", "change"), NOT_TOLD)
def test_a_record_is_told_by_exactly_this_message(
    actions: Actions, reason: str, change: Change
) -> None:
    """Whatever a quorum signed."""
    message = change(actions, actions.message(VERSION))
    with refused(actions.world, f"dispatch: {reason}"):
        actions.take(VERSION, message)


@pytest.mark.parametrize(
    "changes", [{"codec": 2}, {"kind": 1}, {"body": VERSION.id}, {"source_engine": bytes(32)}]
)
def test_home_is_told_by_exactly_this_message(actions: Actions, changes: dict[str, Any]) -> None:
    actions.in_force(APPLE)
    actions.take(VERSION)
    armed = actions.armed(VERSION)
    message = replace(actions.message(armed), **changes)
    proof = ENGINE_ATTESTORS.sign(domain_of(actions.remote.engine), message.id)
    reasons = {
        "codec": "unknown codec",
        "kind": "of another kind",
        "body": "of something else",
        "source_engine": "from an unknown engine",
    }
    with refused(actions.world, f"dispatch: {reasons[next(iter(changes))]}"):
        actions.take_armed(armed, message, proof)


def domains(actions: Actions) -> dict[str, EngineDomain]:
    """Domains in which nobody signs what home tells."""
    home, remote = actions.home, actions.remote
    return {
        "of the destination": domain_of(remote.engine),
        "of another engine": EngineDomain(home.chain.chain_id, str(home.token.address)),
        "of another ledger": EngineDomain(EAST, str(home.engine.address)),
    }


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("name", ["of the destination", "of another engine", "of another ledger"])
def test_a_message_is_signed_in_the_domain_of_its_source(actions: Actions, name: str) -> None:
    message = actions.message(VERSION)
    proof = ENGINE_ATTESTORS.sign(domains(actions)[name], message.id)
    with refused(actions.world, "verifier: wrong signature"):
        actions.take(VERSION, message, proof)


def test_a_message_is_signed_by_a_quorum_of_its_attestors(actions: Actions) -> None:
    message = actions.message(VERSION)
    with refused(actions.world, "verifier: too few signatures"):
        actions.take(VERSION, message, actions.proof(message, 1))
    events = EVENT_ATTESTORS.sign(domain_of(actions.home.engine), message.id)
    with refused(actions.world, "verifier: wrong signature"):
        actions.take(VERSION, message, events)


def test_a_signature_is_of_one_message(actions: Actions) -> None:
    """Of what it tells: nobody shows it for another version."""
    message = actions.message(VERSION)
    with refused(actions.world, "verifier: wrong signature"):
        actions.take(SECOND, actions.message(SECOND), actions.proof(message))


def test_a_verifier_that_says_no_proves_nothing(world: World) -> None:
    actions = Actions(world)
    side = new_engine(world.remote)
    mock = side.chain.deploy("VerifierMock", sender=side.deployer)
    set_peer(side.engine, world.home.engine, mock)
    message = actions.message(VERSION)
    with refused(world, "dispatch: not verified"):
        side.engine.take_record(message.as_tuple(), APPLE.as_tuple(), 1, b"", sender=side.courier)


# ------------------------------------------------------------------- on every ledger


@pytest.fixture
def east(world: World) -> Contract:
    """The engine of a third ledger, which listens to home and to which home listens."""
    chain = EmbeddedChain("east", EAST, ledger_number=3, genesis_time=GENESIS)
    key = chain.account(0)

    def proxied(name: str, implementation: Contract, *arguments: Any) -> Contract:
        call = implementation.initialize.encode(*arguments)
        return chain.at(name, chain.deploy("ReleaseProxy", implementation, call, sender=key))

    settings = chain.deploy("SecurityTokenSettings", sender=key)
    controls = chain.deploy("SecurityTokenControls", settings, sender=key)
    implementation = chain.deploy("SecurityToken", controls, sender=key)
    terms = ("Test unit", "TEST", 6, ISIN, False, CLOSE_MINUTE, key)
    token = proxied("SecurityToken", implementation, *terms)
    ratios = chain.deploy("BridgeEscrowRatios", sender=key)
    records = chain.deploy("BridgeEscrowRecords", ratios, sender=key)
    settings = chain.deploy("BridgeEscrowSettings", records, sender=key)
    controls = chain.deploy("BridgeEscrowControls", settings, sender=key)
    escrow = proxied("BridgeEscrow", chain.deploy("BridgeEscrow", controls, sender=key), key)
    fractions = chain.deploy("ActionsEngineFractions", sender=key)
    ratios = chain.deploy("ActionsEngineRatios", fractions, sender=key)
    records = chain.deploy("ActionsEngineRecords", ratios, sender=key)
    settings = chain.deploy("ActionsEngineSettings", records, sender=key)
    controls = chain.deploy("ActionsEngineControls", settings, sender=key)
    implementation = chain.deploy("ActionsEngine", controls, sender=key)
    engine = proxied("ActionsEngine", implementation, token, escrow, key)
    token.assign_role(engine, Role.ACTIONS, *STATED, sender=key)
    set_peer(engine, world.home.engine)
    add_peer(world.home, engine)
    chain.set_time(world.home.chain.now + 10)
    return engine


def add_peer(side: Side, peer: Contract, verifier: Contract | None = None) -> None:
    """Operator and administrator let an engine believe another, after hand-over."""
    proof = verifier or ENGINE_ATTESTORS.verifier(side.chain)
    arguments = (peer.chain.chain_id, peer, proof, *STATED)
    side.engine.propose_peer(*arguments, sender=side.operator)
    side.chain.advance(DAY)
    side.engine.set_peer(*arguments, sender=side.administrator)


def carry(actions: Actions, engine: Contract, version: EventVersion, proof: bytes) -> bool:
    """Take a version to another engine than the remote one."""
    message = actions.message(version)
    arguments = (message.as_tuple(), version.record.as_tuple(), 1, proof)
    courier = engine.chain.account(18)
    return bool(engine.take_record(*arguments, sender=courier).return_value)


@pytest.mark.requirement("R-40", "INV-4")
def test_the_same_signatures_are_evidence_on_every_ledger(actions: Actions, east: Contract) -> None:
    actions.in_force(APPLE)
    message = actions.message(VERSION)
    proof = actions.proof(message)
    assert actions.take(VERSION, message, proof).return_value is True
    assert carry(actions, east, VERSION, proof)
    assert east.version_hash(COAF, 1) == actions.remote.engine.version_hash(COAF, 1) == VERSION.id


@pytest.mark.requirement("R-40")
def test_what_halted_one_ledger_halts_every_ledger(actions: Actions, east: Contract) -> None:
    """Anyone carries the two records; each ledger judges for itself."""
    false = EventVersion(replace(APPLE, terms=keccak(b"false")))
    proofs = {version: actions.proof(actions.message(version)) for version in (VERSION, false)}
    assert actions.take(VERSION, None, proofs[VERSION]).return_value is True
    assert carry(actions, east, false, proofs[false])
    assert actions.take(false, None, proofs[false]).return_value is False
    assert not carry(actions, east, VERSION, proofs[VERSION])
    for engine in (actions.remote.engine, east):
        assert engine.version_of(engine.event_of(COAF).in_force).halted


def test_home_keeps_what_each_ledger_told_apart(actions: Actions, east: Contract) -> None:
    actions.in_force(APPLE)
    carry(actions, east, VERSION, actions.proof(actions.message(VERSION)))
    since = east.version_of(APPLE.hash).since
    armed = Armed(COAF, 1, VERSION.id, since, False)
    message = message_from(domain_of(east), ISIN, armed)
    proof = ENGINE_ATTESTORS.sign(domain_of(east), message.id)
    actions.take_armed(armed, message, proof)
    told = actions.home.engine.told_at(VERSION.id, ledger_id(f"eip155:{EAST}"))
    assert tuple(told) == (since, False)
    assert tuple(actions.told_at(VERSION)) == (0, False)
    # The remote ledger did not say so: nobody says it for that one.
    theirs = replace(message, source_ledger=ledger_id(actions.remote.chain.caip2))
    with refused(actions.world, "dispatch: from an unknown engine"):
        actions.take_armed(armed, theirs, proof)


@pytest.mark.requirement("INV-4")
def test_signatures_of_one_engine_are_no_evidence_of_another(actions: Actions) -> None:
    """Another engine at home, of whatever instrument, has other messages."""
    world = actions.world
    other, believer = new_engine(world.home), new_engine(world.remote)
    set_peer(believer.engine, other.engine)
    message = actions.message(VERSION)
    proof = actions.proof(message)
    theirs = message_from(domain_of(other.engine), ISIN, VERSION)
    for shown, reason in (
        (message, "dispatch: from an unknown engine"),
        (theirs, "verifier: wrong signature"),
    ):
        with refused(world, reason):
            believer.engine.take_record(
                shown.as_tuple(), APPLE.as_tuple(), 1, proof, sender=believer.courier
            )


# ------------------------------------------------------------------------------ peers


def act_of(*arguments: Any) -> bytes:
    """The act of setting a peer."""
    return keccak(encode(["string", "uint256", "address", "address"], ["set_peer", *arguments]))


def test_operator_and_administrator_set_a_peer_a_day_later(world: World) -> None:
    side = world.home
    verifier = ENGINE_ATTESTORS.verifier(side.chain)
    peer = (EAST, side.outsider.address, str(verifier.address))
    receipt = side.engine.propose_peer(*peer, *STATED, sender=side.operator)
    act = act_of(*peer)
    assert receipt.return_value == act
    assert receipt.events == (
        side.act(side.engine, "propose_peer", verifier, side.operator),
        side.engine.emitted("PeerProposed", act, *peer),
    )
    assert side.engine.proposal_of(act).counts_from == side.chain.block().timestamp + DAY
    with refused(world, "access: proposal waits"):
        side.engine.set_peer(*peer, *STATED, sender=side.administrator)
    side.chain.advance(DAY)
    receipt = side.engine.set_peer(*peer, *STATED, sender=side.administrator)
    ledger = ledger_id(f"eip155:{EAST}")
    assert receipt.events == (
        side.act(side.engine, "set_peer", verifier, side.administrator),
        side.engine.emitted("PeerSet", ledger, *peer),
    )
    assert tuple(side.engine.peer_of(ledger)) == peer
    remote = (world.remote.chain.chain_id, world.remote.engine.address)
    assert tuple(side.engine.peer_of(ledger_id(world.remote.chain.caip2)))[:2] == remote


def test_the_guardian_withdraws_a_proposed_peer(world: World) -> None:
    side = world.home
    peer = (EAST, side.outsider, side.verifier)
    act = side.engine.propose_peer(*peer, *STATED, sender=side.operator).return_value
    side.engine.withdraw_proposal(act, *STATED, sender=side.guardian)
    side.chain.advance(DAY)
    with refused(world, "access: act not proposed"):
        side.engine.set_peer(*peer, *STATED, sender=side.administrator)


def test_a_peer_is_an_engine_of_another_ledger_and_its_verifier_a_contract(world: World) -> None:
    side = new_engine(world.home)
    engine, verifier = side.outsider, side.verifier
    for peer, reason in (
        ((side.chain.chain_id, engine, verifier), "peer is this ledger"),
        ((EAST, "0x" + "00" * 20, verifier), "no engine there"),
        ((EAST, engine, side.outsider), "verifier has no code"),
    ):
        with refused(world, f"dispatch: {reason}"):
            side.engine.set_peer(*peer, *STATED, sender=side.deployer)


def test_a_remote_ledger_listens_to_one_home(world: World) -> None:
    side = world.remote
    assert side.engine.home_ledger() == ledger_id(world.home.chain.caip2)
    assert world.home.engine.home_ledger() == bytes(32)
    peer = (EAST, side.outsider, side.verifier)
    side.engine.propose_peer(*peer, *STATED, sender=side.operator)
    side.chain.advance(DAY)
    with refused(world, "dispatch: home is another ledger"):
        side.engine.set_peer(*peer, *STATED, sender=side.administrator)


def test_what_a_peer_no_longer_is_believed_proves_nothing(actions: Actions) -> None:
    """A verifier, or an engine, is replaced for that ledger; what was taken stays."""
    actions.in_force(APPLE)
    actions.take(VERSION)
    side = actions.remote
    add_peer(side, actions.home.engine, EVENT_ATTESTORS.verifier(side.chain))
    with refused(actions.world, "verifier: wrong signature"):
        actions.take(SECOND)
    message = actions.message(SECOND)
    proof = EVENT_ATTESTORS.sign(domain_of(actions.home.engine), message.id)
    assert actions.take(SECOND, message, proof).return_value is True
    assert side.engine.record_hash(COAF, 1) == APPLE.hash


def test_a_ledger_without_an_engine_told_nothing(world: World) -> None:
    side = new_engine(world.remote)
    message = Actions(world).message(VERSION)
    with reverts("dispatch: from an unknown engine"):
        side.engine.take_record(message.as_tuple(), APPLE.as_tuple(), 1, b"", sender=side.courier)
