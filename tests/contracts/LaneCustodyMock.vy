# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Custody that answers what it is told to, and moves nothing
@license Apache-2.0
@author Tallystick
@notice For tests of what an escrow makes of a custody's answer.
@dev A test double. In no release. Escrow and token stand behind its code as behind a custody's.
"""

from interfaces import IBridgeEscrow

_ESCROW: immutable(address)
_TOKEN: immutable(address)

answer: public(uint256)
refuses: public(bool)


@deploy
def __init__(escrow_: address, token_: address):
    """
    @notice Claim to belong to an escrow and a token.
    @param escrow_ The escrow.
    @param token_ The token.
    """
    _ESCROW = escrow_
    _TOKEN = token_


@external
def set_answer(answer: uint256, refuses: bool):
    """
    @notice Choose what the movements return (1 is True), and whether `pay` reverts instead.
    @param answer The answer.
    @param refuses Whether it reverts.
    """
    self.answer = answer
    self.refuses = refuses


@external
def lock(lane: bytes32, recipient: bytes32, amount: uint256, deadline: uint64) -> bytes32:
    """
    @notice As ILaneCustody's; the escrow enters it, nothing moves.
    @param lane The lane.
    @param recipient Party on the remote ledger.
    @param amount Base units.
    @param deadline As there.
    @return The message's id.
    """
    return extcall IBridgeEscrow(_ESCROW).enter_lock(lane, msg.sender, recipient, amount, deadline)


@external
def pay(recipient: address, amount: uint256) -> uint256:
    """
    @notice As ILaneCustody's; nothing moves.
    @param recipient Not looked at.
    @param amount Not looked at.
    @return The answer chosen.
    """
    assert not self.refuses, "custody mock: refused"
    return self.answer


@external
def hold(amount: uint256) -> uint256:
    """
    @notice As ILaneCustody's; nothing moves.
    @param amount Not looked at.
    @return The answer chosen.
    """
    return self.answer


@external
@view
def escrow() -> address:
    """
    @notice The escrow it claims to belong to.
    @return Its address.
    """
    return _ESCROW


@external
@view
def token() -> address:
    """
    @notice The token it claims to belong to.
    @return Its address.
    """
    return _TOKEN
