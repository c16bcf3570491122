# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Signed: whether an account signed something
@license Apache-2.0
@author Tallystick
@notice Signers are keys, or contracts that say so themselves (ERC-1271).
"""

_ERC1271: constant(bytes4) = 0x1626ba7e
# Half the order of secp256k1: a larger s is the same signature again.
_MAX_S: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)
MAX_SIGNATURE: constant(uint256) = 1024


interface ISigner:
    def isValidSignature(digest: bytes32, signature: Bytes[MAX_SIGNATURE]) -> bytes4: view


@internal
@view
def _is_signed(signer: address, digest: bytes32, signature: Bytes[MAX_SIGNATURE]) -> bool:
    """
    @dev Whether a key signed, or a contract says that it did. A key whose account has code (EIP-7702) signs as a key.
    """
    if len(signature) == 65:
        r: uint256 = convert(slice(signature, 0, 32), uint256)
        s: uint256 = convert(slice(signature, 32, 32), uint256)
        v: uint256 = convert(slice(signature, 64, 1), uint256)
        if s <= _MAX_S:
            recovered: address = ecrecover(digest, v, r, s)
            if recovered != empty(address) and recovered == signer:
                return True
    if signer.is_contract:
        return staticcall ISigner(signer).isValidSignature(digest, signature) == _ERC1271
    return False
