"""Quorum verifier: what counts as attested, byte by byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.bridge.attestation import ATTESTATION_TYPE, SignerSet, attestation_head
from tallystick.bridge.message import LaneMessage
from tallystick.chain.receipt import Revert
from tallystick.local.network import OPERATORS
from tests.support.world import World, domain_of, refused, signature_of

HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


class Attested:
    """A message to the remote ledger, its true signatures, and any attestation made of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.message = world.message()
        self.signers = world.signers
        self.domain = domain_of(world.remote)
        self.signatures = [self.sign(key) for key in world.signer_keys]

    def sign(
        self, key: bytes, message: LaneMessage | None = None, signers: SignerSet | None = None
    ) -> bytes:
        """A compact signature."""
        signed = signature_of(message or self.message, signers or self.signers, self.domain, key)
        return bytes(
            signed.r.to_bytes(32, "big") + (signed.s | (signed.v - 27) << 255).to_bytes(32, "big")
        )

    def pack(self, bitmap: int, signatures: Sequence[bytes], epoch: int = 1) -> bytes:
        """Epoch, bitmap, signatures."""
        return attestation_head(epoch, bitmap) + b"".join(signatures)

    def by(self, *indices: int) -> bytes:
        """A true attestation by these signers."""
        bitmap = sum(1 << index for index in indices)
        return self.pack(bitmap, [self.signatures[index] for index in sorted(indices)])

    def verify(self, attestation: bytes) -> bool:
        """Ask the remote verifier."""
        return bool(
            self.world.remote.verifier.verify(self.domain.separator, self.message.id, attestation)
        )


@pytest.fixture
def attested(world: World) -> Attested:
    return Attested(world)


def test_the_network_signs_two_of_six(attested: Attested) -> None:
    assert (attested.signers.threshold, len(attested.signers.signers)) == (2, 6)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("first", range(6))
@pytest.mark.parametrize("second", range(6))
def test_any_two_of_the_set_suffice(attested: Attested, first: int, second: int) -> None:
    if first < second:
        assert attested.verify(attested.by(first, second)) is True


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_more_than_enough_signatures_are_good_too(attested: Attested, count: int) -> None:
    assert attested.verify(attested.by(*range(count))) is True


@pytest.mark.parametrize("index", [0, 5])
def test_fewer_than_the_threshold_are_refused(attested: Attested, index: int) -> None:
    with refused(attested.world, "verifier: too few signatures"):
        attested.verify(attested.by(index))


def test_no_signature_at_all_is_refused(attested: Attested) -> None:
    """Ten bytes: there is no word in them to read."""
    with refused(attested.world):
        attested.verify(attested.by())


def test_a_signature_twice_counts_once(attested: Attested) -> None:
    with refused(attested.world, "verifier: trailing bytes"):
        attested.verify(attested.pack(0b1, [attested.signatures[0]] * 2))


def test_a_signature_under_another_signers_bit_is_refused(attested: Attested) -> None:
    with refused(attested.world, "verifier: wrong signature"):
        attested.verify(attested.pack(0b11, [attested.signatures[0]] * 2))


def test_signatures_out_of_order_are_refused(attested: Attested) -> None:
    with refused(attested.world, "verifier: wrong signature"):
        attested.verify(attested.pack(0b11, attested.signatures[1::-1]))


def test_a_strangers_signature_is_refused(attested: Attested) -> None:
    key = attested.world.remote.attacker.key
    assert key is not None
    forged = attested.sign(key)
    with refused(attested.world, "verifier: wrong signature"):
        attested.verify(attested.pack(0b11, [attested.signatures[0], forged]))


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("what", ["message", "epoch", "threshold", "signers", "escrow", "chain"])
def test_a_signature_of_something_else_is_refused(attested: Attested, what: str) -> None:
    key, signers, domain = attested.world.signer_keys[1], attested.signers, attested.domain
    if what == "message":
        other = attested.sign(key, message=replace(attested.message, nonce=9))
    elif what in {"escrow", "chain"}:
        elsewhere = domain_of(attested.world.home)
        changed = elsewhere.escrow if what == "escrow" else elsewhere.chain_id
        name = "escrow" if what == "escrow" else "chain_id"
        attested.domain = replace(domain, **{name: changed})
        other = attested.sign(key)
        attested.domain = domain
    else:
        changes = {"epoch": 2, "threshold": 3, "signers": signers.signers[:5]}
        other = attested.sign(key, signers=replace(signers, **{what: changes[what]}))
    with refused(attested.world, "verifier: wrong signature"):
        attested.verify(attested.pack(0b11, [attested.signatures[0], other]))


@pytest.mark.parametrize("signature", [bytes(64), b"\xff" * 32 + bytes(32), bytes(63) + b"\x01"])
def test_an_impossible_signature_is_refused(attested: Attested, signature: bytes) -> None:
    """A failed recovery gives the empty address, which is no signer of any set."""
    with refused(attested.world, "verifier: wrong signature"):
        attested.verify(attested.pack(0b11, [attested.signatures[0], signature]))


@pytest.mark.parametrize(
    ("s", "reason"),
    [
        (HALF_ORDER, "verifier: wrong signature"),
        (HALF_ORDER + 1, "verifier: high s"),
        (2**255 - 1, "verifier: high s"),
    ],
)
@pytest.mark.parametrize("parity", [0, 1])
def test_a_high_s_is_refused(attested: Attested, s: int, reason: str, parity: int) -> None:
    signature = attested.signatures[1][:32] + (s | parity << 255).to_bytes(32, "big")
    with refused(attested.world, reason):
        attested.verify(attested.pack(0b11, [attested.signatures[0], signature]))


def test_the_other_parity_is_refused(attested: Attested) -> None:
    word = int.from_bytes(attested.signatures[1][32:], "big") ^ 1 << 255
    signature = attested.signatures[1][:32] + word.to_bytes(32, "big")
    with refused(attested.world, "verifier: wrong signature"):
        attested.verify(attested.pack(0b11, [attested.signatures[0], signature]))


@pytest.mark.parametrize("bit", [6, 7, 15])
def test_a_bit_without_signer_is_refused(attested: Attested, bit: int) -> None:
    with refused(attested.world, "verifier: bit without signer"):
        attested.verify(attested.pack(0b11 | 1 << bit, attested.signatures[:2]))


@pytest.mark.parametrize("tail", [b"\0", b"\x01", bytes(32), bytes(64), b"\xff" * 63])
def test_trailing_bytes_are_refused(attested: Attested, tail: bytes) -> None:
    with refused(attested.world, "verifier: trailing bytes"):
        attested.verify(attested.by(0, 1) + tail)


def test_a_signature_without_its_bit_is_refused(attested: Attested) -> None:
    with refused(attested.world, "verifier: trailing bytes"):
        attested.verify(attested.pack(0b1, attested.signatures[:2]))


def test_a_bit_without_its_signature_is_refused(attested: Attested) -> None:
    with refused(attested.world):
        attested.verify(attested.pack(0b111, attested.signatures[:2]))


def test_every_shorter_input_is_refused(attested: Attested) -> None:
    whole = attested.by(0, 1)
    for length in range(len(whole)):
        with pytest.raises(Revert):
            attested.verify(whole[:length])


def test_an_over_long_input_is_refused(attested: Attested) -> None:
    with refused(attested.world):
        attested.verify(attested.by(0, 1).ljust(1035, b"\0"))


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("epoch", [0, 2, 2**64 - 1])
def test_signatures_count_in_no_other_epoch(attested: Attested, epoch: int) -> None:
    """VF-06: what an attestation claims of its epoch is what was signed."""
    with refused(attested.world, "verifier: wrong signature"):
        attested.verify(attested.pack(0b11, attested.signatures[:2], epoch))


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(
    "change",
    [
        lambda s: replace(s, threshold=3),
        lambda s: replace(s, signers=s.signers[:5]),
        lambda s: replace(s, signers=s.signers[:2]),
    ],
)
def test_signatures_count_for_no_other_set(
    attested: Attested, change: Callable[[SignerSet], SignerSet]
) -> None:
    """The same two people in another set of theirs: what they signed is the first one's."""
    other = attested.world.remote.new_verifier(change(attested.signers))
    with refused(attested.world, "verifier: wrong signature"):
        other.verify(attested.domain.separator, attested.message.id, attested.by(0, 1))


def test_signatures_count_for_no_other_type(attested: Attested) -> None:
    """Whoever attests other things with the same keys has a type of its own for them."""
    side = attested.world.remote
    other_type = ATTESTATION_TYPE.replace("Attestation(", "Approval(", 1)
    _, *arguments = attested.signers.verifier_arguments(OPERATORS[0])
    other = side.chain.deploy("QuorumVerifier", other_type, *arguments, sender=side.deployer)
    assert other.SIGNER_SET() == side.verifier.SIGNER_SET()
    with refused(attested.world, "verifier: wrong signature"):
        other.verify(attested.domain.separator, attested.message.id, attested.by(0, 1))


def test_the_same_signatures_do_not_verify_at_home(attested: Attested) -> None:
    """Both verifiers know the same signers; the domain in the digest tells them apart."""
    side = attested.world.home
    with refused(attested.world, "verifier: wrong signature"):
        side.verifier.verify(domain_of(side).separator, attested.message.id, attested.by(0, 1))


@pytest.mark.requirement("INV-4")
def test_a_verifier_has_nothing_that_anybody_could_change(attested: Attested) -> None:
    """No storage, no function that is no view: who signs is in its code."""
    verifier = attested.world.remote.verifier
    assert verifier.artifact.layout.get("storage_layout", {}) == {}
    functions = [item for item in verifier.abi if item["type"] == "function"]
    assert {item["name"] for item in functions} == {
        "ATTESTATION_TYPEHASH",
        "LEI",
        "SIGNER_SET",
        "operator",
        "signer_set",
        "verify",
    }
    assert {item["stateMutability"] for item in functions} == {"view"}


# ----------------------------------------------------------------------- properties


@pytest.mark.requirement("INV-4")
def test_every_bit_of_an_attestation_counts(deployed_world: World) -> None:
    attested = Attested(deployed_world)
    whole = attested.by(1, 4)

    @given(st.integers(0, len(whole) * 8 - 1))
    def check(bit: int) -> None:
        altered = (int.from_bytes(whole, "big") ^ 1 << bit).to_bytes(len(whole), "big")
        with pytest.raises(Revert):
            attested.verify(altered)

    check()


def test_random_bytes_never_verify(deployed_world: World) -> None:
    attested = Attested(deployed_world)

    @given(st.binary(max_size=1_034))
    def check(attestation: bytes) -> None:
        with pytest.raises(Revert):
            attested.verify(attestation)

    check()


def test_random_bytes_after_a_true_epoch_never_verify(deployed_world: World) -> None:
    attested = Attested(deployed_world)

    @given(st.binary(max_size=400))
    def check(rest: bytes) -> None:
        with pytest.raises(Revert):
            attested.verify(attestation_head(1, 0b11) + rest)

    check()


def test_enough_true_signatures_always_verify(deployed_world: World) -> None:
    attested = Attested(deployed_world)

    @given(st.sets(st.integers(0, 5)))
    def check(indices: set[int]) -> None:
        if len(indices) >= 2:
            assert attested.verify(attested.by(*indices)) is True
        else:
            with pytest.raises(Revert):
                attested.verify(attested.by(*indices))

    check()
