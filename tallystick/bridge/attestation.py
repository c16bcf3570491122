"""What attestors sign, and how an attestation is packed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from eth_account import Account

from tallystick.bridge.message import MESSAGE_FIELDS, MESSAGE_TYPE, LaneMessage
from tallystick.chain.abi import address_bytes, address_of, encode, keccak

__all__ = [
    "ATTESTATION_TYPE",
    "Domain",
    "SignerSet",
    "Struct",
    "attest",
    "attestation_digest",
    "attestation_head",
    "gathered",
    "signer_of",
    "typed_data",
]

MAX_SIGNERS: Final = 16
# Of a lane's verifiers, which are created with it.
ATTESTATION_TYPE: Final = (
    "Attestation(uint64 epoch,bytes32 signer_set,Message message)" + MESSAGE_TYPE
)
_SIGNATURE: Final = 65
_DOMAIN_TYPE: Final = (
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_DOMAIN_NAME: Final = "Tallystick Lane"
_DOMAIN_VERSION: Final = "1"
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


@dataclass(frozen=True, slots=True)
class Domain:
    """EIP-712 domain of a destination escrow."""

    chain_id: int
    escrow: str

    @property
    def separator(self) -> bytes:
        """The domain separator, as the escrow computes it."""
        return keccak(
            encode(
                ["bytes32", "bytes32", "bytes32", "uint256", "address"],
                [
                    keccak(_DOMAIN_TYPE.encode()),
                    keccak(_DOMAIN_NAME.encode()),
                    keccak(_DOMAIN_VERSION.encode()),
                    self.chain_id,
                    self.escrow,
                ],
            )
        )


@dataclass(frozen=True, slots=True)
class SignerSet:
    """Who signs in an epoch of a lane: its number; of its verifier, threshold, signers and type.

    Signers ascend. The hash is the verifier's and knows no epoch; what is signed names both.
    """

    epoch: int
    threshold: int
    signers: tuple[str, ...]
    attests: str = ATTESTATION_TYPE

    @classmethod
    def of(
        cls, epoch: int, threshold: int, signers: Iterable[str], attests: str = ATTESTATION_TYPE
    ) -> SignerSet:
        """Sort signers into a set.

        Raises:
            ValueError: a signer twice, more than 16, or a threshold below 2 or above their number.
        """
        ordered = sorted((str(address_of(s)) for s in signers), key=lambda s: int(s, 16))
        if len(set(ordered)) != len(ordered):
            raise ValueError("a signer twice: distinct signers expected")
        if len(ordered) > MAX_SIGNERS:
            raise ValueError(f"{len(ordered)} signers: at most {MAX_SIGNERS} expected")
        if not 2 <= threshold <= len(ordered):
            raise ValueError(f"threshold {threshold}: 2 to {len(ordered)} expected")
        return cls(epoch, threshold, tuple(ordered), attests)

    @property
    def hash(self) -> bytes:
        """The hash of threshold and signers, part of what they sign."""
        return keccak(encode(["uint256", "address[]"], [self.threshold, list(self.signers)]))

    def verifier_arguments(self, operator: str) -> tuple[str, list[str], int, str]:
        """What a `QuorumVerifier` of this set is created with; the operator by its LEI."""
        return self.attests, list(self.signers), self.threshold, operator

    def verifier_immutables(self, operator: str) -> bytes:
        """What its code then ends with: each immutable in its words, in the order of its source."""
        signers = b"".join(address_bytes(signer).rjust(32, b"\0") for signer in self.signers)
        return (
            keccak(self.attests.encode())
            + self.hash
            + len(operator).to_bytes(32, "big")
            + operator.encode().ljust(32, b"\0")
            + self.threshold.to_bytes(32, "big")
            + len(self.signers).to_bytes(32, "big")
            + signers.ljust(32 * MAX_SIGNERS, b"\0")
            + keccak(operator.encode())
        )


class Struct(Protocol):
    """What is attested, by its EIP-712 struct hash."""

    @property
    def id(self) -> bytes:
        """The hash."""


class Asking(Protocol):
    """The EIP-712 domain of the contract that asks a verifier."""

    @property
    def separator(self) -> bytes:
        """The domain separator."""


def attestation_digest(
    message: Struct,
    signer_set: SignerSet,
    domain: Asking,
    attestation_type: str = ATTESTATION_TYPE,
) -> bytes:
    """Return the 32 bytes that an attestor signs; the type is what the verifier was made with."""
    struct = keccak(
        encode(
            ["bytes32", "uint64", "bytes32", "bytes32"],
            [keccak(attestation_type.encode()), signer_set.epoch, signer_set.hash, message.id],
        )
    )
    return keccak(b"\x19\x01" + domain.separator + struct)


def attestation_head(epoch: int, bitmap: int) -> bytes:
    """Return what an attestation begins with: its epoch, and whose signatures follow."""
    return epoch.to_bytes(8, "big") + bitmap.to_bytes(2, "big")


def typed_data(message: LaneMessage, signer_set: SignerSet, domain: Domain) -> dict[str, Any]:
    """Return the attestation as EIP-712 JSON, for wallets and hardware signers."""
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Message": [{"name": name, "type": kind} for kind, name in MESSAGE_FIELDS],
            "Attestation": [
                {"name": "epoch", "type": "uint64"},
                {"name": "signer_set", "type": "bytes32"},
                {"name": "message", "type": "Message"},
            ],
        },
        "primaryType": "Attestation",
        "domain": {
            "name": _DOMAIN_NAME,
            "version": _DOMAIN_VERSION,
            "chainId": domain.chain_id,
            "verifyingContract": domain.escrow,
        },
        "message": {
            "epoch": signer_set.epoch,
            "signer_set": signer_set.hash,
            "message": {name: getattr(message, name) for _, name in MESSAGE_FIELDS},
        },
    }


def attest(
    message: Struct,
    signer_set: SignerSet,
    domain: Asking,
    keys: Iterable[bytes],
    attestation_type: str = ATTESTATION_TYPE,
) -> bytes:
    """Sign a message with some of a set's keys and pack the attestation.

    Args:
        message: The message, as its source logged it; or what else the verifier's type names.
        signer_set: The epoch under which it is signed.
        domain: The destination escrow; or who else asks the verifier.
        keys: Private keys of members, in any order; each signs once (RFC 6979).
        attestation_type: EIP-712 type that the verifier was made with.

    Returns:
        epoch | bitmap | compact signatures, as `QuorumVerifier` reads it.

    Raises:
        ValueError: a key is no member's.
    """
    digest = attestation_digest(message, signer_set, domain, attestation_type)
    return _packed(signer_set, {Account.from_key(k).address: _compact(digest, k) for k in keys})


def gathered(
    message: Struct,
    signer_set: SignerSet,
    domain: Asking,
    signatures: Iterable[bytes],
    attestation_type: str = ATTESTATION_TYPE,
    keys: Iterable[bytes] = (),
) -> bytes:
    """Pack signatures that were made elsewhere, each of 65 bytes: r, s, v; keys sign beside them.

    Raises:
        ValueError: one is no signature of a member, of exactly this.
    """
    digest = attestation_digest(message, signer_set, domain, attestation_type)
    found = {Account.from_key(key).address: _compact(digest, key) for key in keys}
    for signature in signatures:
        r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64:]
        signer = signer_of(digest, signature)
        found[signer] = r + (s | (v[0] - 27) << 255).to_bytes(32, "big")
    return _packed(signer_set, found)


def signer_of(digest: bytes, signature: bytes) -> str:
    """Return whose a signature of 65 bytes is: r, s, v.

    Raises:
        ValueError: it is none, or not in the one form that verifiers take.
    """
    if len(signature) != _SIGNATURE or signature[64] not in (27, 28):
        raise ValueError("a signature of 65 bytes, r, s and v (27 or 28), expected")
    try:
        signer = str(Account._recover_hash(digest, signature=signature))  # noqa: SLF001
    except Exception:  # noqa: BLE001 - a library's below the one that we import
        raise ValueError("a signature expected, and this is none") from None
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        raise ValueError("a signature with a low s expected (EIP-2)")
    return signer


def _packed(signer_set: SignerSet, signatures: Mapping[str, bytes]) -> bytes:
    """An attestation of compact signatures by signer."""
    by_index = {}
    for address, signature in signatures.items():
        if address not in signer_set.signers:
            raise ValueError(f"{address} is no signer of epoch {signer_set.epoch}")
        by_index[signer_set.signers.index(address)] = signature
    bitmap = sum(1 << index for index in by_index)
    return attestation_head(signer_set.epoch, bitmap) + b"".join(
        by_index[index] for index in sorted(by_index)
    )


def _compact(digest: bytes, key: bytes) -> bytes:
    """Sign a digest; EIP-2098 form with low s."""
    signed = Account.unsafe_sign_hash(digest, key)
    # eth-account normalises s (EIP-2); a library that did not would be refused on chain.
    assert signed.s <= _HALF_ORDER
    return bytes(
        signed.r.to_bytes(32, "big") + (signed.s | (signed.v - 27) << 255).to_bytes(32, "big")
    )
