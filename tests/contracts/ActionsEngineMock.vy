# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Actions engine that does what it is told
@license Apache-2.0
@author Tallystick
@notice For tests of ratios: holds the role that a contract alone may hold, and hands on what anybody says. The lanes
        follow in the same act.
@dev A test double. In no release.
"""
from interfaces import IBridgeEscrow
from interfaces import ISecurityToken

_TOKEN: immutable(address)
_ESCROW: immutable(address)


@deploy
def __init__(token_: address, escrow_: address):
    """
    @notice Act on a token.
    @param token_ The token.
    @param escrow_ Where its lanes are.
    """
    _TOKEN = token_
    _ESCROW = escrow_


@external
def announce(
    numerator: uint256,
    denominator: uint256,
    first_day: uint256,
    agent: address,
    reason: bytes4,
    document: bytes32,
):
    """
    @notice Announce a ratio.
    @param numerator Units after.
    @param denominator Units before.
    @param first_day The first business day in new units.
    @param agent The fractions' agent.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    extcall ISecurityToken(_TOKEN).announce_ratio(
        numerator, denominator, first_day, agent, reason, document
    )
    extcall IBridgeEscrow(_ESCROW).follow_ratios(_TOKEN)


@external
def withdraw(first_day: uint256, reason: bytes4, document: bytes32):
    """
    @notice Withdraw a ratio.
    @param first_day Its first business day.
    @param reason Four-letter reason code.
    @param document Hash of the document that withdraws it.
    """
    extcall ISecurityToken(_TOKEN).withdraw_ratio(first_day, reason, document)
    extcall IBridgeEscrow(_ESCROW).follow_ratios(_TOKEN)
