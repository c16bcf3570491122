# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Quorum verifier: m of n attestors, in epochs
@license Apache-2.0
@author Tallystick
@notice Says whether enough attestors of a valid signer set signed a message.
@dev A signer set is an epoch: its number, threshold and signers, hashed. The hash is in what attestors sign, so that a
     signature counts for one set only. The set travels with the attestation and is checked against 160 bits of
     its hash kept here with its validity, one storage read for any number of signers. An epoch is
     valid from a delay after its confirmation; the one before it stays valid for a retention time, so
     that messages in flight need no new signatures. Threshold and signers of every epoch are kept for whoever
     asks; `verify` never reads them.

       attestation = set | bitmap 2 | signature 64 ...
       set         = epoch 8 | threshold 1 | count 1 | signer 20 ...      (signers strictly ascending)
       signature   = r 32 | s with the parity of y in its top bit 32      (EIP-2098, low s)

     Bit i of the bitmap stands for signer i; signatures follow in that order, so that nobody counts twice.
@custom:security Not upgradeable; a lane's verifier is replaced as a whole, under two keys.
@custom:kill An administrator ends an epoch before its time.
"""
from interfaces import IVerifier

implements: IVerifier

from contracts.governance import access
from contracts.governance import instruction

initializes: access

exports: (
    access.assign_role,
    access.propose_role,
    access.withdraw_proposal,
    access.proposal_of,
    access.role_of,
    access.set_up_key,
    access.administrators,
)

_MAX_SIGNERS: constant(uint256) = 16
_MIN_THRESHOLD: constant(uint256) = 2
_SET_HEAD: constant(uint256) = 10
_MAX_SET: constant(uint256) = 330
# Less leaves no time to notice a wrong set, nor to deliver what is in flight.
_MIN_ROTATION_DELAY: constant(uint256) = 10 * 60
_MAX_ROTATION_DELAY: constant(uint256) = 30 * 86400
_MIN_RETENTION: constant(uint256) = 60 * 60
_MAX_RETENTION: constant(uint256) = 90 * 86400
# "Attestation(bytes32 signer_set,Message message)Message(uint16 codec,uint8 kind,bytes32 lane,"
# "uint64 nonce,uint64 lock_time,uint16 action_epoch,uint256 amount,bytes32 sender,"
# "bytes32 recipient,uint64 deadline)", hashed; a test compares.
_ATTESTATION_TYPEHASH: constant(bytes32) = (
    0x992d21fc1d7ab7c596546920de97cff568fde5e4528015b6b1687b6ee031b651
)
# Half the order of secp256k1: a larger s is the same signature again.
_MAX_S: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)
_S_MASK: constant(uint256) = 2**255 - 1
_TIME_MASK: constant(uint256) = 2**48 - 1
# The 160 upper bits of a signer set's hash.
_HASH_SHIFT: constant(uint256) = 96

ROTATION_DELAY: public(immutable(uint256))
RETENTION: public(immutable(uint256))


struct Epoch:
    hash160: uint256
    valid_from: uint256
    valid_until: uint256


struct SignerSet:
    threshold: uint256
    signers: DynArray[address, _MAX_SIGNERS]


# epoch -> hash 160 | valid from 48 | valid until 48
_epochs: HashMap[uint256, uint256]
# epoch -> the set whose hash that is
_signer_sets: HashMap[uint256, SignerSet]
epoch: public(uint256)


event PeriodsFixed:
    rotation_delay: uint256
    retention: uint256


event SignerSetProposed:
    act: indexed(bytes32)
    epoch: indexed(uint256)
    signer_set: indexed(bytes32)
    threshold: uint256
    signers: DynArray[address, _MAX_SIGNERS]


event SignerSetConfirmed:
    epoch: indexed(uint256)
    signer_set: indexed(bytes32)
    threshold: uint256
    signers: DynArray[address, _MAX_SIGNERS]
    valid_from: uint256


event EpochEnds:
    epoch: indexed(uint256)
    valid_until: uint256


@deploy
def __init__(set_up_key_: address, rotation_delay: uint256, retention: uint256):
    """
    @notice Fix the periods of this verifier and name the key that sets it up.
    @param set_up_key_ The key that sets the contract up and then hands it over.
    @param rotation_delay Seconds between the confirmation of a signer set and its validity.
    @param retention Seconds for which the set before stays valid after that; no less than the delay, so that
        a set confirmed in turn on every ledger of a lane overlaps the one before on all of them.
    """
    assert rotation_delay >= _MIN_ROTATION_DELAY, "verifier: delay below 10 minutes"
    assert rotation_delay <= _MAX_ROTATION_DELAY, "verifier: delay above 30 days"
    assert retention >= _MIN_RETENTION, "verifier: retention below an hour"
    assert retention >= rotation_delay, "verifier: retention below delay"
    assert retention <= _MAX_RETENTION, "verifier: retention above 90 days"
    ROTATION_DELAY = rotation_delay
    RETENTION = retention
    access._initialize(set_up_key_)
    log PeriodsFixed(rotation_delay=rotation_delay, retention=retention)


# ------------------------------------------------------------------ verification


@external
@view
@reentrant
def verify(domain_separator: bytes32, message_id: bytes32, attestation: Bytes[1408]) -> bool:
    """
    @notice Whether enough signers of a valid epoch signed the message for the escrow that asks.
    @param domain_separator EIP-712 domain of the destination escrow.
    @param message_id EIP-712 struct hash of the message.
    @param attestation Signer set, bitmap, signatures; see above.
    @return True; every refusal reverts with its reason.
    """
    head: uint256 = convert(extract32(attestation, 0), uint256)
    number: uint256 = head >> 192
    threshold: uint256 = (head >> 184) & 255
    count: uint256 = (head >> 176) & 255
    assert count <= _MAX_SIGNERS, "verifier: too many signers"
    set_length: uint256 = _SET_HEAD + 20 * count
    signer_set: bytes32 = keccak256(slice(attestation, 0, set_length))

    word: uint256 = self._epochs[number]
    assert (
        convert(signer_set, uint256) >> _HASH_SHIFT == word >> _HASH_SHIFT
    ), "verifier: unknown signer set"
    assert block.timestamp >= (word >> 48) & _TIME_MASK, "verifier: epoch not yet valid"
    assert block.timestamp < word & _TIME_MASK, "verifier: epoch ended"

    digest: bytes32 = keccak256(
        concat(
            0x1901,
            domain_separator,
            keccak256(abi_encode(_ATTESTATION_TYPEHASH, signer_set, message_id)),
        )
    )
    bitmap: uint256 = convert(extract32(attestation, set_length - 30), uint256) & 65535
    cursor: uint256 = set_length + 2
    signer_at: uint256 = _SET_HEAD
    for _: uint256 in range(count, bound=_MAX_SIGNERS):
        if bitmap & 1 != 0:
            s: uint256 = convert(extract32(attestation, unsafe_add(cursor, 32)), uint256)
            assert s & _S_MASK <= _MAX_S, "verifier: high s"
            # No signer of a confirmed set is the empty address, which a failed recovery returns.
            assert (
                convert(
                    ecrecover(
                        digest,
                        unsafe_add(27, s >> 255),
                        convert(extract32(attestation, cursor), uint256),
                        s & _S_MASK,
                    ),
                    uint256,
                )
                == convert(extract32(attestation, signer_at), uint256) >> 96
            ), "verifier: wrong signature"
            cursor = unsafe_add(cursor, 64)
        bitmap = bitmap >> 1
        signer_at = unsafe_add(signer_at, 20)
    assert bitmap == 0, "verifier: bit without signer"
    assert cursor == len(attestation), "verifier: trailing bytes"
    assert (cursor - set_length) >> 6 >= threshold, "verifier: too few signatures"
    return True


# ------------------------------------------------------------------- signer sets


@external
def set_first_signers(
    signers: DynArray[address, _MAX_SIGNERS], threshold: uint256, reason: bytes4, document: bytes32
):
    """
    @notice Confirm the first signer set, during set-up; it is valid at once.
    @param signers The attestors, strictly ascending.
    @param threshold How many must sign, at least 2.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role set-up key
    """
    assert msg.sender == access.set_up_key, "verifier: not in set-up"
    assert self.epoch == 0, "verifier: first set confirmed already"
    signer_set: bytes32 = self._signer_set(1, signers, threshold)
    instruction._record(empty(address), reason, document)
    self._start(1, signer_set, signers, threshold, block.timestamp)


@external
def propose_signers(
    signers: DynArray[address, _MAX_SIGNERS], threshold: uint256, reason: bytes4, document: bytes32
) -> bytes32:
    """
    @notice The operator proposes the next signer set. Several may wait; the first that is confirmed ends the others.
    @param signers The attestors, strictly ascending.
    @param threshold How many must sign, at least 2.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role operator
    """
    access._check_role(access.OPERATOR)
    number: uint256 = self.epoch + 1
    signer_set: bytes32 = self._signer_set(number, signers, threshold)
    act: bytes32 = self._act(signer_set)
    access._propose(act, access.OPERATOR, access.ADMINISTRATOR, empty(address), reason, document)
    log SignerSetProposed(
        act=act, epoch=number, signer_set=signer_set, threshold=threshold, signers=signers
    )
    return act


@external
def confirm_signers(
    signers: DynArray[address, _MAX_SIGNERS], threshold: uint256, reason: bytes4, document: bytes32
):
    """
    @notice An administrator confirms the proposed set: valid after the delay; the one before ends a retention later.
    @param signers The attestors as proposed.
    @param threshold As proposed.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator
    """
    # Not the set-up key: it confirms the first set alone, and no other.
    access._check_role(access.ADMINISTRATOR)
    number: uint256 = self.epoch + 1
    signer_set: bytes32 = self._signer_set(number, signers, threshold)
    access._carry_out(self._act(signer_set), access.ADMINISTRATOR)
    before: uint256 = self._epochs[number - 1]
    # One rotation at a time: a set that is not valid yet can't be followed by another.
    assert block.timestamp >= (before >> 48) & _TIME_MASK, "verifier: rotation pending"
    valid_from: uint256 = block.timestamp + ROTATION_DELAY
    instruction._record(empty(address), reason, document)
    if before & _TIME_MASK > valid_from + RETENTION:
        self._end(number - 1, valid_from + RETENTION)
    self._start(number, signer_set, signers, threshold, valid_from)


@external
def end_epoch(number: uint256, reason: bytes4, document: bytes32):
    """
    @notice An administrator ends an epoch at once: its keys are lost or stolen.
    @dev Ending the newest stops the lanes that trust it until another set is confirmed.
    @param number The epoch.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator
    """
    access._check_role(access.ADMINISTRATOR)
    assert self._epochs[number] & _TIME_MASK > block.timestamp, "verifier: no epoch to end"
    instruction._record(empty(address), reason, document)
    self._end(number, block.timestamp)


@external
def hand_over(reason: bytes4, document: bytes32):
    """
    @notice End the set-up: the set-up key keeps nothing.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role set-up key
    """
    assert self.epoch != 0, "verifier: no signers yet"
    access._hand_over(reason, document)


@external
@view
def signer_set(number: uint256) -> SignerSet:
    """
    @notice Who signs in an epoch, and how many of them must.
    @param number The epoch; `epoch` is the newest, `epoch_at` says when it is valid.
    @return Threshold and signers as confirmed; 0 and nobody if there is no such epoch.
    """
    return self._signer_sets[number]


@external
@view
def epoch_at(number: uint256) -> Epoch:
    """
    @notice What is kept of an epoch.
    @param number The epoch.
    @return The upper 160 bits of its set's hash, and from when until when (exclusive) it is valid.
    """
    word: uint256 = self._epochs[number]
    return Epoch(
        hash160=word >> _HASH_SHIFT,
        valid_from=(word >> 48) & _TIME_MASK,
        valid_until=word & _TIME_MASK,
    )


# --------------------------------------------------------------------- internal


@internal
@pure
def _act(signer_set: bytes32) -> bytes32:
    """
    @dev Hash of the act of confirming a signer set, whose hash names its epoch.
    """
    return keccak256(abi_encode("confirm_signers", signer_set))


@internal
@pure
def _signer_set(
    number: uint256, signers: DynArray[address, _MAX_SIGNERS], threshold: uint256
) -> bytes32:
    """
    @dev Hash of a set, once it is a sound one.
    """
    assert threshold >= _MIN_THRESHOLD, "verifier: threshold below 2"
    assert threshold <= len(signers), "verifier: threshold above signers"
    packed: Bytes[_MAX_SET] = concat(
        convert(convert(number, uint64), bytes8),
        convert(convert(threshold, uint8), bytes1),
        convert(convert(len(signers), uint8), bytes1),
    )
    previous: uint256 = 0
    for signer: address in signers:
        assert convert(signer, uint256) > previous, "verifier: signers not ascending"
        previous = convert(signer, uint256)
        packed = convert(concat(packed, convert(signer, bytes20)), Bytes[_MAX_SET])
    return keccak256(packed)


@internal
def _start(
    number: uint256,
    signer_set: bytes32,
    signers: DynArray[address, _MAX_SIGNERS],
    threshold: uint256,
    valid_from: uint256,
):
    """
    @dev Keep a new epoch, open-ended.
    """
    self.epoch = number
    self._epochs[number] = (
        ((convert(signer_set, uint256) >> _HASH_SHIFT) << _HASH_SHIFT)
        | (valid_from << 48)
        | _TIME_MASK
    )
    self._signer_sets[number] = SignerSet(threshold=threshold, signers=signers)
    log SignerSetConfirmed(
        epoch=number,
        signer_set=signer_set,
        threshold=threshold,
        signers=signers,
        valid_from=valid_from,
    )


@internal
def _end(number: uint256, valid_until: uint256):
    """
    @dev Set the end of an epoch.
    """
    self._epochs[number] = ((self._epochs[number] >> 48) << 48) | valid_until
    log EpochEnds(epoch=number, valid_until=valid_until)
