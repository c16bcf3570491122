# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Verifier that answers what it is told to
@license Apache-2.0
@author Tallystick
@notice For tests of what an escrow makes of a verifier's answer.
@dev A test double. In no release.
"""

answer: public(uint256)
operator: public(bytes32)


@external
def set_answer(word: uint256):
    """
    @notice Choose the word that `verify` returns.
    @param word The word.
    """
    self.answer = word


@external
def set_operator(word: bytes32):
    """
    @notice Choose the word that `operator` returns.
    @param word The word.
    """
    self.operator = word


@external
@view
def verify(domain_separator: bytes32, message_id: bytes32, attestation: Bytes[1034]) -> uint256:
    """
    @notice As IVerifier's, but the word returned may be no truth value.
    @param domain_separator Not looked at.
    @param message_id Not looked at.
    @param attestation Not looked at.
    @return The word chosen.
    """
    return self.answer
