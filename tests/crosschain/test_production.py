"""A lane for production, from its plan to what is seen of it: two verifiers all the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tallystick.bridge.attestation import SignerSet
from tallystick.bridge.message import Lack
from tallystick.courier.courier import Courier
from tallystick.courier.outcome import Applied, Outcome
from tallystick.deploy.deploy import Given, deploy
from tallystick.local.network import OPERATORS, SECOND_ATTESTORS
from tallystick.status.ledger_log import compare, read_log
from tallystick.text import hex_text
from tests.support.world import World, embedded

FIRST = (11, 12, 13)


@pytest.fixture(scope="module")
def standing() -> World:
    return World(
        embedded(),
        units={"investor": 10**9},
        attestors=FIRST,
        threshold=2,
        grade="production",
        cap=1_000,
        limit=1_000,
        ramp=3_600,
    )


@pytest.fixture
def lane(standing: World) -> Iterator[World]:
    with standing.isolated():
        yield standing


def pass_blocks(world: World) -> None:
    """Blocks to finality on both ledgers, clocks in agreement."""
    world.synchronise()
    for chain in world.chains.values():
        chain.mine(3)


def carried(carrier: Courier) -> list[tuple[str, str]]:
    """What became of each message in a step."""
    return [(o.what, o.detail) for o in carrier.step() if isinstance(o, Outcome)]


@pytest.mark.requirement("INV-9")
def test_it_stands_as_it_was_planned_and_lacks_nothing(lane: World) -> None:
    network = lane.network
    assert network.verify() == []
    (entry,) = network.manifest.lanes
    assert entry.grade == "production"
    for side in (lane.home, lane.remote):
        trusted = entry.sides[side.chain.name].verifiers
        epoch = side.escrow.epoch_at(lane.lane, 1)
        assert trusted == (epoch.verifier, epoch.second)
        verifiers = [side.chain.at("QuorumVerifier", each) for each in trusted]
        assert [each.LEI() for each in verifiers] == list(OPERATORS)
        signers = [lane.home.chain.account(index).address for index in SECOND_ATTESTORS]
        assert tuple(verifiers[1].signer_set().signers) == SignerSet.of(1, 2, signers).signers
    (seen,) = network.status().observation.lanes
    assert (seen.home.lacks, seen.remote.lacks) == (Lack(0), Lack(0))


@pytest.mark.requirement("INV-4")
def test_a_courier_collects_both_attestations(lane: World) -> None:
    message = lane.network.lock(lane.home.investor, lane.remote.investor, 700)
    pass_blocks(lane)
    carrier = Courier(lane.network.connection)
    assert carried(carrier) == [("delivered", "")]
    assert lane.remote.balance(lane.remote.investor) == message.amount
    lane.network.burn(lane.remote.investor, lane.home.investor, 200)
    pass_blocks(lane)
    assert carried(carrier) == [("delivered", "")]


@pytest.mark.parametrize(
    ("here", "said"),
    [
        (FIRST, "0 of 2 attestor keys of verifier 2 are here"),
        (SECOND_ATTESTORS, "0 of 2 attestor keys of verifier 1 are here"),
        ((*FIRST, SECOND_ATTESTORS[0]), "1 of 2 attestor keys of verifier 2 are here"),
    ],
)
def test_a_courier_without_the_keys_of_one_says_whose_are_missing(
    lane: World, here: tuple[int, ...], said: str
) -> None:
    lane.network.lock(lane.home.investor, lane.remote.investor, 700)
    pass_blocks(lane)
    keys = [lane.home.chain.account(index) for index in here]
    assert carried(Courier(lane.network.connection, attestors=keys)) == [("waiting", said)]


@pytest.mark.requirement("R-69")
def test_a_message_in_flight_crosses_a_change_of_one_verifier(lane: World) -> None:
    """What waits is shown; the courier applies it, and signs for whoever counts then."""
    side, network = lane.remote, lane.network
    lane.network.lock(lane.home.investor, side.investor, 700)
    signers = SignerSet.of(1, 2, [lane.home.chain.account(each).address for each in FIRST])
    due = lane.change(side, side.new_verifier(signers))
    status = network.status().as_dict()
    (seen,), (told,) = status["lanes"], status["pending"]
    pending = seen["remote"]["pending_terms"]
    assert (pending["cap"], pending["limit"], pending["applies_from"]) == (1_000, 1_000, due)
    assert pending["second"] == side.escrow.epoch_at(lane.lane, 1).second
    assert seen["home"]["pending_terms"] is None
    whom = f"{pending['verifier']} and {pending['second']}"
    assert told["what"] == f"lane home-remote: verifier {whom}, cap 1,000, limit 1,000"
    assert (told["ledger"], told["address"]) == ("remote", side.escrow.address)
    assert (
        told["applies_from"] - told["since"] == side.escrow.lane_state(lane.lane).terms.change_delay
    )
    assert (told["approved_by"], told["missing"]) == (["operator", "administrator"], [])
    assert (told["objectors"], told["object_until"]) == (["guardian", "administrator"], due)
    cancel = f"BridgeEscrow.cancel_lane_terms lane={hex_text(lane.lane)}"
    assert told["how"] == f"tallystick act remote {cancel}"
    assert any("lane home-remote: pending change" in line for line in network.verify())
    side.chain.set_time(due)
    pass_blocks(lane)
    carrier = Courier(network.connection)
    (applied, delivered) = carrier.step()
    assert isinstance(applied, Applied)
    assert (applied.what, applied.destination) == ("applied", "remote")
    # Of the block before it: the epoch of then still counts.
    assert (delivered.what, side.escrow.lane_state(lane.lane).epoch) == ("delivered", 2)
    lane.network.lock(lane.home.investor, side.investor, 1)
    pass_blocks(lane)
    assert carried(carrier) == [("delivered", "")]


@pytest.mark.requirement("R-66")
def test_its_log_leaves_what_its_contracts_say(lane: World) -> None:
    side = lane.home
    lane.change(side, cap=7)
    for name in ("home", "remote"):
        log = read_log(lane.network.connection, name)
        assert [row for row in compare(log, log.facts()) if not row.same] == []


@pytest.mark.requirement("R-10")
def test_a_lost_journal_finds_both_verifiers(lane: World) -> None:
    network = lane.network
    given = Given(network.manifest)
    report = deploy(network.plan, network.parties, network.chains, given=given)
    assert (report.pending, report.failures) == (0, ())
    assert report.manifest is not None
    assert report.manifest.lanes == network.manifest.lanes
