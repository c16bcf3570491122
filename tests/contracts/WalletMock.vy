# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Wallet that signs by being told so
@license Apache-2.0
@author Tallystick
@notice For tests of who takes a contract's signature (ERC-1271): it knows what it was told before, by anybody.
@dev A test double. In no release.
"""

_ERC1271: constant(bytes4) = 0x1626ba7e
_REFUSED: constant(bytes4) = 0xffffffff

# keccak256 of digest and signature -> whether it takes them
signed: HashMap[bytes32, bool]


@external
def sign(digest: bytes32, signature: Bytes[1024]):
    """
    @notice Take a signature from now on.
    @param digest Of what is signed.
    @param signature Any bytes.
    """
    self.signed[keccak256(concat(digest, signature))] = True


@external
@view
def isValidSignature(digest: bytes32, signature: Bytes[1024]) -> bytes4:
    """
    @notice As ERC-1271's.
    @param digest Of what is signed.
    @param signature What somebody brings.
    @return The standard's word if it was signed, another if not.
    """
    return _ERC1271 if self.signed[keccak256(concat(digest, signature))] else _REFUSED
