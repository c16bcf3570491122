# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Custody that answers what it is told to, and moves nothing
@license Apache-2.0
@author Tallystick
@notice For tests of what an escrow makes of a custody's answer.
@dev A test double. In no release.
"""

escrow: public(address)
token: public(address)
answer: public(bool)
refuses: public(bool)


@deploy
def __init__(escrow: address, token: address):
    """
    @notice Claim to belong to an escrow and a token.
    @param escrow The escrow.
    @param token The token.
    """
    self.escrow = escrow
    self.token = token


@external
def set_answer(answer: bool, refuses: bool):
    """
    @notice Choose what the movements return, and whether `pay` reverts instead.
    @param answer The answer.
    @param refuses Whether it reverts.
    """
    self.answer = answer
    self.refuses = refuses


@external
def take(holder: address, amount: uint256) -> bool:
    """
    @notice As ILaneCustody's; nothing moves.
    @param holder Not looked at.
    @param amount Not looked at.
    @return The answer chosen.
    """
    return self.answer


@external
def pay(recipient: address, amount: uint256) -> bool:
    """
    @notice As ILaneCustody's; nothing moves.
    @param recipient Not looked at.
    @param amount Not looked at.
    @return The answer chosen.
    """
    assert not self.refuses, "custody mock: refused"
    return self.answer


@external
def hold(amount: uint256) -> bool:
    """
    @notice As ILaneCustody's; nothing moves.
    @param amount Not looked at.
    @return The answer chosen.
    """
    return self.answer
