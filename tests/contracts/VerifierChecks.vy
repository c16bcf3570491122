# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Verifier checks: what no attestation whatever makes a quorum verifier say
@license Apache-2.0
@author Tallystick
@notice Read by a symbolic executor, see `tools/symbolic.py`: each `check_` holds for all arguments, or one is shown.
@dev Of a verifier made of its own code: of its `verify`, or of its `verify_batch`. Signers are compared with what is
     recovered and with nothing else, so that any others are these by another name; digests are computed here anew.
     `possible_` says what must not hold.
"""
from interfaces import IVerifier

_TYPE: constant(
    String[71]
) = "Attestation(uint64 epoch,bytes32 signer_set,Fact fact)Fact(bytes32 all)"
_BATCH_TYPE: constant(
    String[106]
) = "BatchAttestation(uint64 epoch,bytes32 signer_set,Batch batch)Batch(bytes32 lane,bytes32 word,uint64 count)"
_VERIFY: constant(bytes4) = method_id("verify(bytes32,bytes32,bytes)", output_type=bytes4)
_VERIFY_BATCH: constant(bytes4) = method_id(
    "verify_batch(bytes32,bytes32,bytes)", output_type=bytes4
)
_LEI: constant(String[20]) = "5493000IBP32UQZ0KL24"
_MAX_SIGNERS: constant(uint256) = 16
_HEAD: constant(uint256) = 10
_SIGNATURE: constant(uint256) = 64
_MAX_S: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)
_MAX_CODE: constant(uint256) = 8192
_MAX_ARGUMENTS: constant(uint256) = 1024

_CODE: immutable(Bytes[_MAX_CODE])
_THRESHOLD: immutable(uint256)
_SIGNERS: immutable(DynArray[address, _MAX_SIGNERS])
_VERIFIER: immutable(address)
# The call that is looked at, and the type of what is signed for it.
_CALL: immutable(bytes4)
_SIGNED: immutable(bytes32)


@deploy
def __init__(
    code: Bytes[_MAX_CODE],
    signers: DynArray[address, _MAX_SIGNERS],
    threshold: uint256,
    batch: bool,
):
    _CODE = code
    _THRESHOLD = threshold
    _SIGNERS = signers
    success: bool = False
    made: Bytes[_MAX_CODE] = b""
    success, made = self._constructed(code, signers, threshold)
    assert success, "checks: no verifier"
    _VERIFIER = self._put(made)
    _CALL = _VERIFY_BATCH if batch else _VERIFY
    _SIGNED = keccak256(_BATCH_TYPE) if batch else keccak256(_TYPE)


# ------------------------------------------------------------------ what is claimed


@external
@view
def check_below_threshold_never_verifies(
    domain: bytes32, struct_hash: bytes32, attestation: Bytes[1034]
):
    """
    @notice Whatever is verified has a signature, of its own, of as many signers as the set asks for.
    @dev Bits say of how many; there is room for no fewer and no more.
    """
    if self._verifies(domain, struct_hash, attestation):
        count: uint256 = self._bits(attestation)
        self._claim(count >= _THRESHOLD)
        self._claim(len(attestation) == _HEAD + count * _SIGNATURE)


@external
@view
def check_duplicated_never_verifies(
    domain: bytes32, struct_hash: bytes32, attestation: Bytes[1034]
):
    """
    @notice No two signatures of what is verified are of one account, be they equal or not.
    """
    if self._verifies(domain, struct_hash, attestation):
        found: DynArray[address, _MAX_SIGNERS] = self._recovered(domain, struct_hash, attestation)
        for i: uint256 in range(len(found), bound=_MAX_SIGNERS):
            for j: uint256 in range(i, bound=_MAX_SIGNERS):
                self._claim(found[j] != found[i])


@external
@view
def check_unsorted_never_verifies(domain: bytes32, struct_hash: bytes32, attestation: Bytes[1034]):
    """
    @notice Signatures of what is verified are of accounts that ascend.
    """
    if self._verifies(domain, struct_hash, attestation):
        found: DynArray[address, _MAX_SIGNERS] = self._recovered(domain, struct_hash, attestation)
        previous: uint256 = 0
        for account: address in found:
            self._claim(convert(account, uint256) > previous)
            previous = convert(account, uint256)


@external
@view
def check_a_stranger_never_verifies(
    domain: bytes32, struct_hash: bytes32, attestation: Bytes[1034]
):
    """
    @notice Every signature of what is verified is one of the set's signers', over this epoch, set, struct and domain.
    """
    if self._verifies(domain, struct_hash, attestation):
        found: DynArray[address, _MAX_SIGNERS] = self._recovered(domain, struct_hash, attestation)
        for account: address in found:
            self._claim(account in _SIGNERS)


@external
@view
def check_high_s_never_verifies(domain: bytes32, struct_hash: bytes32, attestation: Bytes[1034]):
    """
    @notice No signature of what is verified has its s in the upper half.
    """
    if self._verifies(domain, struct_hash, attestation):
        for i: uint256 in range(self._slots(attestation), bound=_MAX_SIGNERS):
            s: uint256 = convert(extract32(attestation, _HEAD + i * _SIGNATURE + 32), uint256)
            self._claim(s & (2**255 - 1) <= _MAX_S)


@external
@view
def check_zero_address_never_verifies(
    domain: bytes32, struct_hash: bytes32, attestation: Bytes[1034]
):
    """
    @notice From no signature of what is verified nobody is recovered, which is what a failed recovery returns.
    """
    if self._verifies(domain, struct_hash, attestation):
        found: DynArray[address, _MAX_SIGNERS] = self._recovered(domain, struct_hash, attestation)
        for account: address in found:
            self._claim(account != empty(address))


@external
def check_no_set_of_fewer_than_two_distinct_signers(
    first: address, second: address, third: address, threshold: uint256
):
    """
    @notice A set that is made needs two signatures at least, no more than it has signers, and these ascend from nobody.
    """
    signers: DynArray[address, _MAX_SIGNERS] = [first, second, third]
    success: bool = False
    made: Bytes[_MAX_CODE] = b""
    success, made = self._constructed(_CODE, signers, threshold)
    if success:
        self._claim(threshold >= 2 and threshold <= 3)
        self._claim(first != empty(address))
        self._claim(convert(first, uint256) < convert(second, uint256))
        self._claim(convert(second, uint256) < convert(third, uint256))


# --------------------------------------------------------------- what is not claimed


@external
@view
def possible_enough_signatures(domain: bytes32, struct_hash: bytes32, attestation: Bytes[1034]):
    """
    @notice That nothing at all is verified; were it so, the others would say nothing.
    """
    self._claim(not self._verifies(domain, struct_hash, attestation))


# ------------------------------------------------------------------------- internal


@internal
@pure
def _claim(holds: bool):
    """
    @dev Revert with what the executor takes for a counterexample, Panic(1).
    """
    if not holds:
        raw_revert(abi_encode(convert(1, uint256), method_id=method_id("Panic(uint256)")))


@internal
def _put(code: Bytes[_MAX_CODE + _MAX_ARGUMENTS]) -> address:
    """
    @dev An account with that code.
    """
    size: bytes2 = convert(convert(len(code), uint16), bytes2)
    # Return what stands behind these ten bytes.
    return raw_create(concat(0x61, size, 0x80600a3d393df3, code))


@internal
def _constructed(
    code: Bytes[_MAX_CODE], signers: DynArray[address, _MAX_SIGNERS], threshold: uint256
) -> (bool, Bytes[_MAX_CODE]):
    """
    @dev What a verifier's constructor leaves as its code, and whether it took the set. Run by a call: the executor
         takes a creation's own code for its calldata, whose end Vyper reads for zeros.
    """
    arguments: Bytes[_MAX_ARGUMENTS] = abi_encode(_TYPE, signers, threshold, _LEI)
    return raw_call(
        self._put(concat(code, arguments)),
        b"",
        max_outsize=_MAX_CODE,
        revert_on_failure=False,
    )


@internal
@view
def _verifies(domain: bytes32, struct_hash: bytes32, attestation: Bytes[1034]) -> bool:
    """
    @dev What the verifier says; a refusal is False.
    """
    success: bool = False
    answer: Bytes[32] = b""
    success, answer = raw_call(
        _VERIFIER,
        concat(_CALL, abi_encode(domain, struct_hash, attestation)),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    return success and convert(answer, uint256) != 0


@internal
@pure
def _slots(attestation: Bytes[1034]) -> uint256:
    """
    @dev How many signatures there is room for.
    """
    return (len(attestation) - _HEAD) // _SIGNATURE


@internal
@pure
def _bits(attestation: Bytes[1034]) -> uint256:
    """
    @dev How many bits are set in the bitmap.
    """
    bitmap: uint256 = (convert(extract32(attestation, 0), uint256) >> 176) & 65535
    count: uint256 = 0
    for i: uint256 in range(_MAX_SIGNERS):
        count += (bitmap >> i) & 1
    return count


@internal
@view
def _recovered(
    domain: bytes32, struct_hash: bytes32, attestation: Bytes[1034]
) -> DynArray[address, _MAX_SIGNERS]:
    """
    @dev Whose each signature is.
    """
    digest: bytes32 = keccak256(
        concat(
            0x1901,
            domain,
            keccak256(
                abi_encode(
                    _SIGNED,
                    convert(extract32(attestation, 0), uint256) >> 192,
                    keccak256(abi_encode(_THRESHOLD, _SIGNERS)),
                    struct_hash,
                )
            ),
        )
    )
    found: DynArray[address, _MAX_SIGNERS] = []
    for i: uint256 in range(self._slots(attestation), bound=_MAX_SIGNERS):
        s: uint256 = convert(extract32(attestation, _HEAD + i * _SIGNATURE + 32), uint256)
        found.append(
            ecrecover(
                digest,
                27 + (s >> 255),
                convert(extract32(attestation, _HEAD + i * _SIGNATURE), uint256),
                s & (2**255 - 1),
            )
        )
    return found
