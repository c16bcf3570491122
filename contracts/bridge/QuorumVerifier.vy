# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Quorum verifier: m of n attestors, one set for good
@license Apache-2.0
@author Tallystick
@notice Says whether enough attestors of its signer set signed something.
@dev Signers, threshold, the type of what they sign and who runs them are in its code: nobody's roles, no storage,
     nothing to read.
     Who trusts it says from when until when: a lane's terms name one verifier for each epoch, or two, see Lanes.
     Attestors sign the epoch, this set's hash and one struct (EIP-712) in the domain of the contract that asks,
     so that a signature counts for one epoch, one set, one contract and one chain.

       attestation = epoch 8 | bitmap 2 | signature 64 ...
       signature   = r 32 | s with the parity of y in its top bit 32      (EIP-2098, low s)

     Bit i of the bitmap stands for signer i; signatures follow in that order, so that nobody counts twice.
@custom:security Immutable; another set is another verifier.
@custom:kill An administrator of the escrow ends the epoch of a lane that trusts it.
"""
from interfaces import IVerifier

implements: IVerifier

# Of many messages at once, as the bridge's `message` has it.
_BATCH_ATTESTATION_TYPEHASH: constant(bytes32) = keccak256(
    "BatchAttestation(uint64 epoch,bytes32 signer_set,Batch batch)Batch(bytes32 lane,bytes32 word,uint64 count)"
)
_MAX_SIGNERS: constant(uint256) = 16
_MIN_THRESHOLD: constant(uint256) = 2
_HEAD: constant(uint256) = 10
_LEI_LENGTH: constant(uint256) = 20
# Half the order of secp256k1: a larger s is the same signature again.
_MAX_S: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)
_S_MASK: constant(uint256) = 2**255 - 1

ATTESTATION_TYPEHASH: public(immutable(bytes32))
SIGNER_SET: public(immutable(bytes32))
# Who runs the attestors.
LEI: public(immutable(String[_LEI_LENGTH]))
_THRESHOLD: immutable(uint256)
_COUNT: immutable(uint256)
_SIGNERS: immutable(address[_MAX_SIGNERS])
_OPERATOR: immutable(bytes32)


struct SignerSet:
    threshold: uint256
    signers: DynArray[address, _MAX_SIGNERS]


event SignersFixed:
    signer_set: indexed(bytes32)
    attestation_typehash: indexed(bytes32)
    threshold: uint256
    signers: DynArray[address, _MAX_SIGNERS]
    operator: String[_LEI_LENGTH]


@deploy
def __init__(
    attestation_type: String[1024],
    signers: DynArray[address, _MAX_SIGNERS],
    threshold: uint256,
    lei: String[_LEI_LENGTH],
):
    """
    @notice Fix who signs, how many of them must, and what; and who runs them.
    @param attestation_type EIP-712 type of an attestation, with the types it refers to: `epoch` (uint64), `signer_set`
        (bytes32) and one struct.
    @param signers The attestors, strictly ascending.
    @param threshold How many must sign, at least 2.
    @param lei The operator's LEI (ISO 17442).
    """
    assert len(lei) == _LEI_LENGTH, "verifier: operator has no LEI"
    assert threshold >= _MIN_THRESHOLD, "verifier: threshold below 2"
    assert threshold <= len(signers), "verifier: threshold above signers"
    fixed: address[_MAX_SIGNERS] = empty(address[_MAX_SIGNERS])
    previous: uint256 = 0
    for i: uint256 in range(len(signers), bound=_MAX_SIGNERS):
        assert convert(signers[i], uint256) > previous, "verifier: signers not ascending"
        previous = convert(signers[i], uint256)
        fixed[i] = signers[i]
    LEI = lei
    _OPERATOR = keccak256(lei)
    ATTESTATION_TYPEHASH = keccak256(attestation_type)
    SIGNER_SET = keccak256(abi_encode(threshold, signers))
    _THRESHOLD = threshold
    _COUNT = len(signers)
    _SIGNERS = fixed
    log SignersFixed(
        signer_set=SIGNER_SET,
        attestation_typehash=ATTESTATION_TYPEHASH,
        threshold=threshold,
        signers=signers,
        operator=lei,
    )


@external
@view
@reentrant
def verify(domain_separator: bytes32, message_id: bytes32, attestation: Bytes[1034]) -> bool:
    """
    @notice Whether enough of its signers signed the struct, in the attestation's epoch, for the contract that asks.
    @dev Pure but for the code it stands in: that the epoch is this verifier's, and valid, is the asker's to know.
    @param domain_separator EIP-712 domain of the contract that asks.
    @param message_id EIP-712 struct hash of what was signed.
    @param attestation Epoch, bitmap, signatures; see above.
    @return True; every refusal reverts with its reason.
    """
    head: uint256 = convert(extract32(attestation, 0), uint256)
    digest: bytes32 = keccak256(
        concat(
            0x1901,
            domain_separator,
            keccak256(abi_encode(ATTESTATION_TYPEHASH, head >> 192, SIGNER_SET, message_id)),
        )
    )
    bitmap: uint256 = (head >> 176) & 65535
    cursor: uint256 = _HEAD
    for i: uint256 in range(_COUNT, bound=_MAX_SIGNERS):
        if bitmap & 1 != 0:
            s: uint256 = convert(extract32(attestation, unsafe_add(cursor, 32)), uint256)
            assert s & _S_MASK <= _MAX_S, "verifier: high s"
            # No signer is the empty address, which a failed recovery returns.
            assert (
                ecrecover(
                    digest,
                    unsafe_add(27, s >> 255),
                    convert(extract32(attestation, cursor), uint256),
                    s & _S_MASK,
                )
                == _SIGNERS[i]
            ), "verifier: wrong signature"
            cursor = unsafe_add(cursor, 64)
        bitmap = bitmap >> 1
    assert bitmap == 0, "verifier: bit without signer"
    assert cursor == len(attestation), "verifier: trailing bytes"
    assert cursor >= unsafe_add(_HEAD, _THRESHOLD << 6), "verifier: too few signatures"
    return True


@external
@view
@reentrant
def verify_batch(domain_separator: bytes32, batch_id: bytes32, attestation: Bytes[1034]) -> bool:
    """
    @notice The same of a batch of messages, which its signers sign as a type of its own.
    @dev In line once more: passed on, the attestation would be copied, at 247 gas a message.
    @param domain_separator EIP-712 domain of the contract that asks.
    @param batch_id EIP-712 struct hash of the batch.
    @param attestation Epoch, bitmap, signatures; see above.
    @return True; every refusal reverts with its reason.
    """
    head: uint256 = convert(extract32(attestation, 0), uint256)
    digest: bytes32 = keccak256(
        concat(
            0x1901,
            domain_separator,
            keccak256(abi_encode(_BATCH_ATTESTATION_TYPEHASH, head >> 192, SIGNER_SET, batch_id)),
        )
    )
    bitmap: uint256 = (head >> 176) & 65535
    cursor: uint256 = _HEAD
    for i: uint256 in range(_COUNT, bound=_MAX_SIGNERS):
        if bitmap & 1 != 0:
            s: uint256 = convert(extract32(attestation, unsafe_add(cursor, 32)), uint256)
            assert _MAX_S >= s & _S_MASK, "verifier: high s in a batch"
            assert (
                _SIGNERS[i]
                == ecrecover(
                    digest,
                    unsafe_add(27, s >> 255),
                    convert(extract32(attestation, cursor), uint256),
                    s & _S_MASK,
                )
            ), "verifier: wrong signature of a batch"
            cursor = unsafe_add(cursor, 64)
        bitmap = bitmap >> 1
    assert bitmap == 0, "verifier: bit without signer in a batch"
    assert cursor == len(attestation), "verifier: trailing bytes of a batch"
    assert cursor >= unsafe_add(_HEAD, _THRESHOLD << 6), "verifier: too few signatures of a batch"
    return True


@external
@view
def signer_set() -> SignerSet:
    """
    @notice Who signs, and how many of them must.
    @return Threshold and signers, for good.
    """
    signers: DynArray[address, _MAX_SIGNERS] = []
    for i: uint256 in range(_COUNT, bound=_MAX_SIGNERS):
        signers.append(_SIGNERS[i])
    return SignerSet(threshold=_THRESHOLD, signers=signers)


@external
@view
def operator() -> bytes32:
    """
    @notice Who runs its attestors.
    @return keccak256 of the LEI.
    """
    return _OPERATOR
