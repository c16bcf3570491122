"""Quorum verifier: what counts as attested, byte by byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.bridge.attestation import SignerSet
from tallystick.bridge.message import LaneMessage
from tallystick.chain.receipt import Revert
from tests.support.world import World, domain_of, refused, signature_of, slot_of, write_slot

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
        self, key: bytes, message: LaneMessage | None = None, signer_set: bytes | None = None
    ) -> bytes:
        """A compact signature."""
        signed = signature_of(
            message or self.message, signer_set or self.signers.hash, self.domain, key
        )
        return bytes(
            signed.r.to_bytes(32, "big") + (signed.s | (signed.v - 27) << 255).to_bytes(32, "big")
        )

    def pack(
        self, bitmap: int, signatures: Sequence[bytes], packed_set: bytes | None = None
    ) -> bytes:
        """Set, bitmap, signatures."""
        head = self.signers.packed if packed_set is None else packed_set
        return head + bitmap.to_bytes(2, "big") + b"".join(signatures)

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


@pytest.mark.parametrize("indices", [(), (0,), (5,)])
def test_fewer_than_the_threshold_are_refused(attested: Attested, indices: tuple[int, ...]) -> None:
    with refused(attested.world, "verifier: too few signatures"):
        attested.verify(attested.by(*indices))


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
@pytest.mark.parametrize("what", ["message", "set", "domain"])
def test_a_signature_of_something_else_is_refused(attested: Attested, what: str) -> None:
    key = attested.world.signer_keys[1]
    if what == "message":
        other = attested.sign(key, message=replace(attested.message, nonce=9))
    elif what == "set":
        other = attested.sign(key, signer_set=bytes(32))
    else:
        home = Attested(attested.world)
        home.domain = domain_of(attested.world.home)
        other = home.sign(key)
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
        attested.verify(attested.by(0, 1).ljust(1409, b"\0"))


@pytest.mark.parametrize("count", [17, 255])
def test_a_set_of_too_many_signers_is_refused(attested: Attested, count: int) -> None:
    packed = bytearray(attested.signers.packed.ljust(10 + 20 * count, b"\1"))
    packed[9] = count
    with refused(attested.world, "verifier: too many signers"):
        attested.verify(attested.pack(0b11, attested.signatures[:2], bytes(packed[:1_200])))


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(
    "change",
    [
        lambda s: replace(s, epoch=0),
        lambda s: replace(s, epoch=2),
        lambda s: replace(s, epoch=2**64 - 1),
        lambda s: replace(s, threshold=0),
        lambda s: replace(s, threshold=1),
        lambda s: replace(s, threshold=3),
        lambda s: replace(s, signers=s.signers[:5]),
        lambda s: replace(s, signers=s.signers[:2]),
        lambda s: replace(s, signers=s.signers[::-1]),
        lambda s: replace(s, signers=("0x" + "00" * 20, *s.signers[1:])),
        lambda s: replace(s, signers=()),
    ],
)
def test_a_set_that_was_never_confirmed_is_refused(
    attested: Attested, change: Callable[[SignerSet], SignerSet]
) -> None:
    """VF-06: a threshold of 0 can't be claimed; the set travels, but its hash is kept."""
    packed = change(attested.signers).packed
    with refused(attested.world, "verifier: unknown signer set"):
        attested.verify(attested.pack(0b11, attested.signatures[:2], packed))


def test_the_same_signatures_do_not_verify_at_home(attested: Attested) -> None:
    """Both verifiers know the same signers; the domain in the digest tells them apart."""
    side = attested.world.home
    with refused(attested.world, "verifier: wrong signature"):
        side.verifier.verify(domain_of(side).separator, attested.message.id, attested.by(0, 1))


@pytest.mark.requirement("INV-4")
def test_the_stored_set_is_not_what_is_verified(attested: Attested) -> None:
    """It is kept for whoever asks; what counts is the hash, and so is what it costs."""
    verifier = attested.world.remote.verifier
    chain, slot = verifier.chain, slot_of(verifier, "", "_signer_sets", 1)
    assert int.from_bytes(chain.storage(verifier.address, slot), "big") == 2
    write_slot(verifier, 0, "", "_signer_sets", 1)
    chain.set_storage(verifier.address, slot + 1, 0)
    assert tuple(verifier.signer_set(1)) == (0, [])
    assert attested.verify(attested.by(0, 1)) is True
    with refused(attested.world, "verifier: too few signatures"):
        attested.verify(attested.by(0))


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

    @given(st.binary(max_size=1_408))
    def check(attestation: bytes) -> None:
        with pytest.raises(Revert):
            attested.verify(attestation)

    check()


def test_random_bytes_after_a_true_set_never_verify(deployed_world: World) -> None:
    attested = Attested(deployed_world)

    @given(st.binary(max_size=400))
    def check(rest: bytes) -> None:
        with pytest.raises(Revert):
            attested.verify(attested.signers.packed + rest)

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
