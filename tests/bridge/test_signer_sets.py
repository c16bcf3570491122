"""Signer sets: set-up, rotation in two keys, epochs and their boundaries."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tallystick.bridge.attestation import SignerSet
from tallystick.chain import Contract
from tests.support.world import (
    DAY,
    DOCUMENT,
    NO_DOCUMENT,
    NO_REASON,
    REASON,
    STATED,
    ZERO,
    Side,
    World,
    domain_of,
    refused,
    signed,
)

FIRST = "set_first_signers(address[],uint256,bytes4,bytes32)"
PROPOSE = "propose_signers(address[],uint256,bytes4,bytes32)"
CONFIRM = "confirm_signers(address[],uint256,bytes4,bytes32)"
END = "end_epoch(uint256,bytes4,bytes32)"
HAND_OVER = "hand_over(bytes4,bytes32)"
NEVER = 2**48 - 1
MINUTE, HOUR = 60, 3_600
DELAY, RETENTION = HOUR, DAY


def fresh_verifier(side: Side) -> Contract:
    """A verifier in set-up whose key is the deployer."""
    return side.chain.deploy(
        "QuorumVerifier", side.deployer, DELAY, RETENTION, sender=side.deployer
    )


def next_set(side: Side, count: int = 3, threshold: int = 2) -> SignerSet:
    """Other attestors than the first."""
    accounts = [side.chain.account(index).address for index in range(40, 40 + count)]
    return SignerSet.of(2, threshold, accounts)


def propose(side: Side, proposed: SignerSet) -> None:
    """The operator proposes a set."""
    side.verifier.propose_signers(
        list(proposed.signers), proposed.threshold, *STATED, sender=side.operator
    )


def confirm(side: Side, proposed: SignerSet) -> int:
    """An administrator confirms it; returns from when it is valid."""
    receipt = side.verifier.confirm_signers(
        list(proposed.signers), proposed.threshold, *STATED, sender=side.administrator
    )
    return int(receipt.one("SignerSetConfirmed").valid_from)


# ---------------------------------------------------------------------- construction


@pytest.mark.parametrize(
    ("delay", "retention"),
    [(10 * MINUTE, HOUR), (HOUR, HOUR), (30 * DAY, 30 * DAY), (30 * DAY, 90 * DAY)],
)
def test_periods_up_to_their_limits(home_side: Side, delay: int, retention: int) -> None:
    verifier = home_side.chain.deploy(
        "QuorumVerifier", home_side.deployer, delay, retention, sender=home_side.deployer
    )
    assert (verifier.ROTATION_DELAY(), verifier.RETENTION()) == (delay, retention)
    assert home_side.chain.logs(verifier) == (
        verifier.emitted("SetUpBegun", home_side.deployer, home_side.deployer),
        verifier.emitted("PeriodsFixed", delay, retention),
    )


@pytest.mark.parametrize(
    ("delay", "retention", "reason"),
    [
        (0, DAY, "verifier: delay below 10 minutes"),
        (10 * MINUTE - 1, DAY, "verifier: delay below 10 minutes"),
        (30 * DAY + 1, 90 * DAY, "verifier: delay above 30 days"),
        (2**256 - 1, 90 * DAY, "verifier: delay above 30 days"),
        (10 * MINUTE, 0, "verifier: retention below an hour"),
        (10 * MINUTE, HOUR - 1, "verifier: retention below an hour"),
        (HOUR + 1, HOUR, "verifier: retention below delay"),
        (30 * DAY, 30 * DAY - 1, "verifier: retention below delay"),
        (DELAY, 90 * DAY + 1, "verifier: retention above 90 days"),
        (DELAY, 2**256 - 1, "verifier: retention above 90 days"),
    ],
)
def test_periods_outside_their_limits_are_refused(
    world: World, delay: int, retention: int, reason: str
) -> None:
    side = world.home
    with refused(world, reason):
        side.chain.deploy("QuorumVerifier", side.deployer, delay, retention, sender=side.deployer)


def test_a_verifier_needs_a_set_up_key(world: World) -> None:
    with refused(world, "access: no set-up key"):
        world.home.chain.deploy(
            "QuorumVerifier", ZERO, DELAY, RETENTION, sender=world.home.deployer
        )


# ------------------------------------------------------------------------- first set


def test_the_set_up_key_confirms_the_first_set(home_side: Side) -> None:
    verifier = fresh_verifier(home_side)
    first = SignerSet.of(1, 2, next_set(home_side).signers)
    receipt = verifier.set_first_signers(list(first.signers), 2, *STATED, sender=home_side.deployer)
    assert receipt.events == (
        home_side.act(verifier, FIRST, ZERO, home_side.deployer),
        verifier.emitted(
            "SignerSetConfirmed", 1, first.hash, 2, list(first.signers), receipt.timestamp
        ),
    )
    assert verifier.epoch() == 1
    assert tuple(verifier.epoch_at(1)) == (
        int.from_bytes(first.hash, "big") >> 96,
        receipt.timestamp,
        NEVER,
    )
    assert tuple(verifier.signer_set(1)) == (2, list(first.signers))


def test_the_first_set_is_confirmed_once(world: World) -> None:
    side = world.home
    verifier = fresh_verifier(side)
    signers = list(next_set(side).signers)
    verifier.set_first_signers(signers, 2, *STATED, sender=side.deployer)
    with refused(world, "verifier: first set confirmed already"):
        verifier.set_first_signers(signers, 2, *STATED, sender=side.deployer)


@pytest.mark.requirement("INV-9")
def test_the_first_set_is_of_the_set_up(world: World) -> None:
    side = world.home
    for sender in (side.deployer, side.attacker, side.operator, side.administrator):
        with refused(world, "verifier: not in set-up"):
            side.verifier.set_first_signers(list(next_set(side).signers), 2, *STATED, sender=sender)


def test_a_verifier_without_signers_is_not_handed_over(world: World) -> None:
    side = world.home
    verifier = fresh_verifier(side)
    for account in (side.administrator, side.second_administrator):
        verifier.assign_role(account, 1, *STATED, sender=side.deployer)
    with refused(world, "verifier: no signers yet"):
        verifier.hand_over(*STATED, sender=side.deployer)


def test_hand_over_ends_the_set_up(home_side: Side) -> None:
    verifier = fresh_verifier(home_side)
    verifier.set_first_signers(
        list(next_set(home_side).signers), 2, *STATED, sender=home_side.deployer
    )
    for account in (home_side.administrator, home_side.second_administrator):
        verifier.assign_role(account, 1, *STATED, sender=home_side.deployer)
    receipt = verifier.hand_over(*STATED, sender=home_side.deployer)
    assert receipt.events == (
        home_side.act(verifier, HAND_OVER, home_side.deployer, home_side.deployer),
        verifier.emitted("SetUpCompleted", home_side.deployer),
    )


@pytest.mark.parametrize("threshold", [0, 1])
def test_a_threshold_below_2_is_refused(world: World, threshold: int) -> None:
    side = world.home
    with refused(world, "verifier: threshold below 2"):
        side.verifier.propose_signers(
            list(next_set(side).signers), threshold, *STATED, sender=side.operator
        )


@pytest.mark.parametrize(("count", "threshold"), [(0, 2), (1, 2), (3, 4), (3, 2**256 - 1)])
def test_a_threshold_above_the_signers_is_refused(world: World, count: int, threshold: int) -> None:
    side = world.home
    signers = list(next_set(side).signers[:count])
    with refused(world, "verifier: threshold above signers"):
        side.verifier.propose_signers(signers, threshold, *STATED, sender=side.operator)


@pytest.mark.parametrize("mistake", ["twice", "descending", "nobody"])
def test_signers_must_ascend(world: World, mistake: str) -> None:
    side = world.home
    first, second, third = next_set(side).signers
    signers = {
        "twice": [first, second, second],
        "descending": [first, third, second],
        "nobody": [ZERO, first, second],
    }[mistake]
    with refused(world, "verifier: signers not ascending"):
        side.verifier.propose_signers(signers, 2, *STATED, sender=side.operator)


@pytest.mark.parametrize(("count", "threshold"), [(2, 2), (16, 2), (16, 16)])
def test_the_smallest_and_largest_sets_verify(world: World, count: int, threshold: int) -> None:
    side = world.remote
    proposed = next_set(side, count, threshold)
    propose(side, proposed)
    side.chain.set_time(confirm(side, proposed))
    message = world.message()
    keys = [side.chain.account(index).key for index in range(40, 40 + count)]
    attestation = signed(
        message, proposed, domain_of(side), [key for key in keys if key is not None]
    )
    assert side.verifier.verify(domain_of(side).separator, message.id, attestation)
    assert tuple(side.verifier.signer_set(2)) == (threshold, list(proposed.signers))


def test_17_signers_are_refused(world: World) -> None:
    side = world.home
    signers = [f"0x{number:040x}" for number in range(1, 18)]
    with refused(world):
        side.verifier.propose_signers(signers, 2, *STATED, sender=side.operator)


def act_of(proposed: SignerSet) -> bytes:
    """The act of confirming a set."""
    return keccak(encode(["string", "bytes32"], ["confirm_signers", proposed.hash]))


# -------------------------------------------------------------------------- rotation


@pytest.mark.requirement("R-69")
def test_operator_proposes_and_administrator_confirms(home_side: Side) -> None:
    verifier, operator, administrator = (
        home_side.verifier,
        home_side.operator,
        home_side.administrator,
    )
    proposed = next_set(home_side)
    signers = list(proposed.signers)
    receipt = verifier.propose_signers(signers, 2, *STATED, sender=operator)
    act = act_of(proposed)
    assert receipt.return_value == act
    assert receipt.events == (
        home_side.act(verifier, PROPOSE, ZERO, operator),
        verifier.emitted("SignerSetProposed", act, 2, proposed.hash, 2, signers),
    )
    assert tuple(verifier.proposal_of(act)) == (
        operator.address,
        32,
        1,
        receipt.timestamp,
        receipt.timestamp + 30 * DAY,
    )
    assert verifier.epoch() == 1

    receipt = verifier.confirm_signers(signers, 2, *STATED, sender=administrator)
    valid_from = receipt.timestamp + DELAY
    assert receipt.events == (
        home_side.act(verifier, CONFIRM, ZERO, administrator),
        verifier.emitted("EpochEnds", 1, valid_from + RETENTION),
        verifier.emitted("SignerSetConfirmed", 2, proposed.hash, 2, signers, valid_from),
    )
    assert verifier.epoch() == 2
    assert tuple(verifier.proposal_of(act)) == (ZERO, 0, 0, 0, 0)
    assert tuple(verifier.epoch_at(2))[1:] == (valid_from, NEVER)
    assert verifier.epoch_at(1).valid_until == valid_from + RETENTION


@pytest.mark.parametrize("change", ["signers", "threshold"])
def test_only_the_proposed_set_is_confirmed(world: World, change: str) -> None:
    side = world.home
    proposed = next_set(side)
    propose(side, proposed)
    signers = list(proposed.signers[:2] if change == "signers" else proposed.signers)
    threshold = 3 if change == "threshold" else 2
    with refused(world, "access: act not proposed"):
        side.verifier.confirm_signers(signers, threshold, *STATED, sender=side.administrator)


def test_nothing_is_confirmed_without_a_proposal(world: World) -> None:
    with refused(world, "access: act not proposed"):
        confirm(world.home, next_set(world.home))


def test_of_several_proposed_sets_one_is_confirmed(world: World) -> None:
    """None replaces another; the epoch in a set's hash ends those that were not chosen."""
    side = world.home
    earlier, later = next_set(side), next_set(side, 4)
    propose(side, earlier)
    propose(side, later)
    side.chain.set_time(confirm(side, later))
    with refused(world, "access: act not proposed"):
        confirm(side, earlier)


@pytest.mark.parametrize("role", ["operator", "administrator", "guardian"])
def test_a_proposed_set_is_withdrawn(world: World, role: str) -> None:
    side = world.home
    proposed = next_set(side)
    propose(side, proposed)
    side.verifier.withdraw_proposal(act_of(proposed), *STATED, sender=side.parties[role])
    with refused(world, "access: act not proposed"):
        confirm(side, proposed)


def test_a_proposed_set_lapses(world: World) -> None:
    side = world.home
    propose(side, next_set(side))
    side.chain.set_time(side.chain.now + 30 * DAY)
    with refused(world, "access: proposal lapsed"):
        confirm(side, next_set(side))


def test_the_set_up_key_confirms_the_first_set_and_no_other(world: World) -> None:
    side = world.home
    verifier = side.chain.deploy(
        "QuorumVerifier", side.deployer, DELAY, RETENTION, sender=side.deployer
    )
    first, second = world.signers, next_set(side)
    verifier.set_first_signers(list(first.signers), 2, *STATED, sender=side.deployer)
    with refused(world, "access: missing role"):
        verifier.confirm_signers(list(second.signers), 2, *STATED, sender=side.deployer)


def test_the_sets_are_viewable_epoch_by_epoch(world: World) -> None:
    """Whoever attaches late learns the set in force from the state, not from old logs."""
    side = world.home
    proposed = next_set(side, 4, 3)
    propose(side, proposed)
    first = (world.signers.threshold, list(world.signers.signers))
    assert tuple(side.verifier.signer_set(side.verifier.epoch())) == first
    # Not before it is confirmed.
    assert tuple(side.verifier.signer_set(2)) == (0, [])
    confirm(side, proposed)
    assert tuple(side.verifier.signer_set(side.verifier.epoch())) == (3, list(proposed.signers))
    assert tuple(side.verifier.signer_set(1)) == first
    side.verifier.end_epoch(1, *STATED, sender=side.administrator)
    assert tuple(side.verifier.signer_set(1)) == first
    for number in (0, 3, 2**256 - 1):
        assert tuple(side.verifier.signer_set(number)) == (0, [])


def test_a_set_is_confirmed_once(world: World) -> None:
    side = world.home
    propose(side, next_set(side))
    side.chain.set_time(confirm(side, next_set(side)))
    with refused(world, "access: act not proposed"):
        confirm(side, next_set(side))


@pytest.mark.requirement("INV-9")
def test_a_proposal_dies_with_its_operators_role(world: World) -> None:
    side = world.home
    propose(side, next_set(side))
    side.give_role(side.verifier, side.operator, 0)
    with refused(world, "access: proposer lost its role"):
        confirm(side, next_set(side))


@pytest.mark.parametrize(("early", "pending"), [(1, True), (0, False)])
def test_one_rotation_at_a_time(world: World, early: int, pending: bool) -> None:
    side = world.home
    propose(side, next_set(side))
    valid_from = confirm(side, next_set(side))
    third = next_set(side, 4)
    propose(side, third)
    side.chain.set_time(valid_from - early)
    if pending:
        with refused(world, "verifier: rotation pending"):
            confirm(side, third)
    else:
        confirm(side, third)
        assert side.verifier.epoch() == 3


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ((NO_REASON, DOCUMENT), "instruction: no reason code"),
        ((REASON, NO_DOCUMENT), "instruction: no document hash"),
        ((NO_REASON, NO_DOCUMENT), "instruction: no reason code"),
    ],
)
def test_a_rotation_states_why(world: World, stated: tuple[bytes, bytes], reason: str) -> None:
    side = world.home
    signers = list(next_set(side).signers)
    with refused(world, reason):
        side.verifier.propose_signers(signers, 2, *stated, sender=side.operator)
    propose(side, next_set(side))
    with refused(world, reason):
        side.verifier.confirm_signers(signers, 2, *stated, sender=side.administrator)
    with refused(world, reason):
        side.verifier.end_epoch(1, *stated, sender=side.administrator)


# -------------------------------------------------------------------------- validity


def attested_by(world: World, epoch: int) -> tuple[bytes, bytes, bytes]:
    """Arguments of `verify` on the remote ledger for a message signed by an epoch."""
    side = world.remote
    message = world.message()
    if epoch == 1:
        proof = world.attest(message)
    else:
        keys = [side.chain.account(index).key for index in (40, 41)]
        proof = signed(
            message, next_set(side), domain_of(side), [key for key in keys if key is not None]
        )
    return domain_of(side).separator, message.id, proof


@pytest.mark.requirement("R-69")
@pytest.mark.parametrize(("offset", "reason"), [(-1, "verifier: epoch not yet valid"), (0, None)])
def test_a_set_is_valid_from_its_moment(world: World, offset: int, reason: str | None) -> None:
    side = world.remote
    propose(side, next_set(side))
    arguments = attested_by(world, 2)
    side.chain.set_time(confirm(side, next_set(side)) + offset)
    if reason is None:
        assert side.verifier.verify(*arguments) is True
    else:
        with refused(world, reason):
            side.verifier.verify(*arguments)


@pytest.mark.requirement("R-69")
@pytest.mark.parametrize(("offset", "reason"), [(-1, None), (0, "verifier: epoch ended")])
def test_the_set_before_is_valid_until_its_retention_ends(
    world: World, offset: int, reason: str | None
) -> None:
    side = world.remote
    propose(side, next_set(side))
    arguments = attested_by(world, 1)
    side.chain.set_time(confirm(side, next_set(side)) + RETENTION + offset)
    if reason is None:
        assert side.verifier.verify(*arguments) is True
    else:
        with refused(world, reason):
            side.verifier.verify(*arguments)


def test_a_proposed_set_verifies_nothing(world: World) -> None:
    side = world.remote
    propose(side, next_set(side))
    with refused(world, "verifier: unknown signer set"):
        side.verifier.verify(*attested_by(world, 2))


@pytest.mark.requirement("R-69")
def test_a_message_in_flight_survives_a_rotation(world: World) -> None:
    message = world.locked(1_000)
    attestation = world.attest(message)
    side = world.remote
    propose(side, next_set(side))
    side.chain.set_time(confirm(side, next_set(side)) + 1)
    assert world.deliver(message, attestation).return_value is True


def test_administrator_ends_an_epoch_at_once(world: World) -> None:
    side = world.remote
    arguments = attested_by(world, 1)
    assert side.verifier.verify(*arguments)
    receipt = side.verifier.end_epoch(1, *STATED, sender=side.administrator)
    assert receipt.events == (
        side.act(side.verifier, END, ZERO, side.administrator),
        side.verifier.emitted("EpochEnds", 1, receipt.timestamp),
    )
    with refused(world, "verifier: epoch ended"):
        side.verifier.verify(*arguments)


@pytest.mark.parametrize("number", [0, 2, 2**256 - 1])
def test_an_epoch_that_is_none_is_not_ended(world: World, number: int) -> None:
    side = world.home
    with refused(world, "verifier: no epoch to end"):
        side.verifier.end_epoch(number, *STATED, sender=side.administrator)


def test_an_epoch_is_ended_once(world: World) -> None:
    side = world.home
    side.verifier.end_epoch(1, *STATED, sender=side.administrator)
    with refused(world, "verifier: no epoch to end"):
        side.verifier.end_epoch(1, *STATED, sender=side.administrator)


def test_a_rotation_does_not_revive_an_ended_epoch(world: World) -> None:
    side = world.remote
    arguments = attested_by(world, 1)
    ended = side.verifier.end_epoch(1, *STATED, sender=side.administrator).timestamp
    propose(side, next_set(side))
    confirm(side, next_set(side))
    assert side.verifier.epoch_at(1).valid_until == ended
    with refused(world, "verifier: epoch ended"):
        side.verifier.verify(*arguments)


def test_an_epoch_ended_before_it_began_never_verifies(world: World) -> None:
    side = world.remote
    propose(side, next_set(side))
    valid_from = confirm(side, next_set(side))
    arguments = attested_by(world, 2)
    side.verifier.end_epoch(2, *STATED, sender=side.administrator)
    side.chain.set_time(valid_from + 1)
    with refused(world, "verifier: epoch ended"):
        side.verifier.verify(*arguments)
