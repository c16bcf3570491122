# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title A release that says what a rollback would strand
@license Apache-2.0
@author Tallystick
@notice For tests of ReleaseAuthority: it answers with any bytes, with a revert, or never.
@dev A test double. In no release.
"""

_answer: Bytes[640]
_endless: bool


@external
def set_answer(answer: Bytes[640], endless: bool):
    """
    @notice Set the answer.
    @param answer The bytes; empty: a revert.
    @param endless Whether it uses up all gas instead.
    """
    self._answer = answer
    self._endless = endless


@external
@view
@raw_return
def stranded_by_roll_back() -> Bytes[640]:
    """
    @notice What would be stranded.
    @return The bytes that were set, without any encoding.
    """
    if self._endless:
        digest: bytes32 = empty(bytes32)
        for i: uint256 in range(10**9):
            digest = keccak256(digest)
    assert len(self._answer) != 0, "stranding: no answer"
    return self._answer
