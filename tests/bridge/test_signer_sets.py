"""Signer sets: what a verifier is created with, and what it says of it."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from tallystick.bridge.attestation import ATTESTATION_TYPE, SignerSet
from tallystick.local.network import OPERATORS
from tests.support.world import UINT_MAX, ZERO, Side, World, domain_of, refused, signed


def a_set(side: Side, count: int = 3, threshold: int = 2) -> SignerSet:
    """Other attestors than the network's."""
    accounts = [side.chain.account(index).address for index in range(40, 40 + count)]
    return SignerSet.of(2, threshold, accounts)


def create_refused(world: World, signers: list[str], threshold: int, reason: str | None) -> None:
    """Nobody creates a verifier of that."""
    side = world.home
    with refused(world, reason):
        side.chain.deploy(
            "QuorumVerifier",
            *(ATTESTATION_TYPE, signers, threshold, OPERATORS[0]),
            sender=side.deployer,
        )


@pytest.mark.parametrize("threshold", [0, 1])
def test_a_threshold_below_2_is_refused(world: World, threshold: int) -> None:
    signers = list(a_set(world.home).signers)
    create_refused(world, signers, threshold, "verifier: threshold below 2")


@pytest.mark.parametrize(("count", "threshold"), [(0, 2), (1, 2), (3, 4), (3, UINT_MAX)])
def test_a_threshold_above_the_signers_is_refused(world: World, count: int, threshold: int) -> None:
    signers = list(a_set(world.home).signers[:count])
    create_refused(world, signers, threshold, "verifier: threshold above signers")


@pytest.mark.parametrize("mistake", ["twice", "descending", "nobody"])
def test_signers_must_ascend(world: World, mistake: str) -> None:
    first, second, third = a_set(world.home).signers
    signers = {
        "twice": [first, second, second],
        "descending": [first, third, second],
        "nobody": [ZERO, first, second],
    }[mistake]
    create_refused(world, signers, 2, "verifier: signers not ascending")


def test_17_signers_are_refused(world: World) -> None:
    create_refused(world, [f"0x{number:040x}" for number in range(1, 18)], 2, None)


def test_a_verifier_tells_its_set_from_the_state_and_in_the_log(home_side: Side) -> None:
    """Whoever attaches late learns who signs from the code, not from old logs."""
    signers = a_set(home_side, 4, 3)
    verifier = home_side.new_verifier(signers, OPERATORS[1])
    named = (3, list(signers.signers))
    typehash = keccak(text=ATTESTATION_TYPE)
    assert tuple(verifier.signer_set()) == named
    assert (verifier.SIGNER_SET(), verifier.ATTESTATION_TYPEHASH()) == (signers.hash, typehash)
    assert home_side.chain.logs(verifier) == (
        verifier.emitted("SignersFixed", signers.hash, typehash, *named, OPERATORS[1]),
    )
    code = home_side.chain.code(verifier.address)
    immutables = signers.verifier_immutables(OPERATORS[1])
    assert code == verifier.artifact.bytecode_runtime + immutables
    assert (verifier.LEI(), verifier.operator()) == (OPERATORS[1], keccak(text=OPERATORS[1]))


@pytest.mark.parametrize("lei", ["", OPERATORS[0][:-1]])
def test_a_verifier_without_an_operator_is_refused(world: World, lei: str) -> None:
    """Two verifiers of nobody would look like one, or like two of distinct operators."""
    side, signers = world.home, a_set(world.home)
    with refused(world, "verifier: operator has no LEI"):
        side.new_verifier(signers, lei)


@pytest.mark.parametrize(("count", "threshold"), [(2, 2), (16, 2), (16, 16)])
def test_the_smallest_and_largest_sets_verify(world: World, count: int, threshold: int) -> None:
    side = world.remote
    signers = a_set(side, count, threshold)
    verifier = side.new_verifier(signers)
    message = world.message()
    keys = [side.chain.account(index).key for index in range(40, 40 + count)]
    attestation = signed(
        message, signers, domain_of(side), [key for key in keys if key is not None]
    )
    assert verifier.verify(domain_of(side).separator, message.id, attestation)
    assert tuple(verifier.signer_set()) == (threshold, list(signers.signers))
