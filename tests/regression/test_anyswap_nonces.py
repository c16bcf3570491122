"""Anyswap v3, July 2021, $7.9M: two signatures with one secret number gave the key away.

Broke: two signatures had the same r, from which whoever saw both computed the key.
Holds: attestors' numbers follow from key and digest (RFC 6979); no two signatures share one.
Where: `tallystick/bridge/attestation.py`.
Told by: its makers' statement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pytest
from eth_keys.datatypes import PrivateKey

from tallystick.bridge.attestation import attestation_digest
from tests.support.incidents import forged, stolen
from tests.support.world import World, domain_of, refused, signature_of, signed

ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
REPEATED: Final = 0x5EC2E7


@dataclass(frozen=True)
class Signed:
    """A signature, and of what."""

    digest: int
    r: int
    s: int


def with_one_number(digest: bytes, key: bytes) -> Signed:
    """Sign as a signer does who always takes the same number."""
    number = REPEATED.to_bytes(32, "big")
    r = int.from_bytes(PrivateKey(number).public_key.to_bytes()[:32], "big") % ORDER
    z, d = int.from_bytes(digest, "big"), int.from_bytes(key, "big")
    return Signed(z, r, pow(REPEATED, -1, ORDER) * (z + r * d) % ORDER)


def key_from(one: Signed, two: Signed) -> bytes:
    """The key behind two signatures, if they share their number."""
    number = (one.digest - two.digest) * pow(one.s - two.s, -1, ORDER) % ORDER
    return ((one.s * number - one.digest) * pow(one.r, -1, ORDER) % ORDER).to_bytes(32, "big")


@pytest.mark.requirement("INV-4")
def test_signatures_give_no_key_away(world: World) -> None:
    side, signers = world.remote, world.signers
    seen = [world.message(nonce=nonce) for nonce in (1, 2)]
    message, keys = forged(world), world.signer_keys[:2]
    domain = domain_of(side)
    with world.isolated():
        # Signers who repeat themselves: what they signed of two true messages gives their keys.
        digests = [attestation_digest(each, signers, domain) for each in seen]
        found = [key_from(*(with_one_number(digest, key) for digest in digests)) for key in keys]
        assert found == keys
        world.deliver(message, signed(message, signers, domain, found))
        assert stolen(side) == message.amount
    for key in keys:
        one, two = (
            Signed(
                int.from_bytes(attestation_digest(each, signers, domain), "big"),
                signature_of(each, signers, domain, key).r,
                signature_of(each, signers, domain, key).s,
            )
            for each in seen
        )
        assert one.r != two.r
        wrong = key_from(one, two)
        assert wrong != key
        with refused(world, "verifier: wrong signature"):
            world.deliver(message, forged_with(world, message, wrong))


def forged_with(world: World, message, key: bytes) -> bytes:
    """An attestation whose signatures are all of a key that is no signer's."""
    one = signature_of(message, world.signers, domain_of(world.remote), key)
    packed = one.r.to_bytes(32, "big") + (one.s | ((one.v - 27) << 255)).to_bytes(32, "big")
    return (1).to_bytes(8, "big") + (3).to_bytes(2, "big") + packed * 2
