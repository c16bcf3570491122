# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Preview: whether a message would leave, and what is in its way
@license Apache-2.0
@author Tallystick
@notice For whoever wants to know before a transaction is paid for: a wallet, a custodian's system, another contract.
@dev Everything that is in the way, added up; 0: it would be sent now. It knows this ledger alone: what the other end
     makes of the recipient is not asked.

       1 no such lane, or it leaves the other ledger this way | 2 an amount of 0 | 4 a recipient that is no account
       8 a deadline that has passed, or too far | 16 the lane's outbound side is paused | 32 the lane is suspended
       64 the lane has no room: its cap, or more than was issued here | 128 the token is paused or suspended
       256 the holder may not send | 512 the holder has less that is not frozen | 1024 the custody can't receive
       2048 less than the lane lets leave | 4096 the lane has ended, or its end is under way
"""
from interfaces import ISecurityToken

from contracts.bridge import lanes
from contracts.bridge import message

uses: lanes

NO_LANE: constant(uint256) = 1
NO_AMOUNT: constant(uint256) = 2
NO_RECIPIENT: constant(uint256) = 4
LATE: constant(uint256) = 8
PAUSED: constant(uint256) = 16
SUSPENDED: constant(uint256) = 32
NO_ROOM: constant(uint256) = 64
TOKEN_STOPPED: constant(uint256) = 128
HOLDER_STOPPED: constant(uint256) = 256
TOO_FEW: constant(uint256) = 512
CUSTODY_ENDED: constant(uint256) = 1024
BELOW_MINIMUM: constant(uint256) = 2048
ENDING: constant(uint256) = 4096

# Of the token's scopes: transfers, lanes.
_WHAT_LEAVES: constant(uint256) = 5


# ------------------------------------------------------------------------ views


@external
@view
def can_lock(
    lane: bytes32, holder: address, recipient: bytes32, amount: uint256, deadline: uint64
) -> uint256:
    """
    @notice Home: what is in the way of a holder's lock, see above; 0: nothing.
    @param lane The lane.
    @param holder The holder.
    @param recipient Party on the remote ledger.
    @param amount Base units.
    @param deadline As for `lock` of the lane's custody.
    @return The sum.
    """
    return self._in_the_way(lane, lanes.HOME, holder, recipient, amount, deadline)


@external
@view
def can_burn(
    lane: bytes32, holder: address, recipient: bytes32, amount: uint256, deadline: uint64
) -> uint256:
    """
    @notice Remote: what is in the way of a holder's burn, see above; 0: nothing.
    @param lane The lane.
    @param holder The holder.
    @param recipient Party on the home ledger.
    @param amount Base units.
    @param deadline As for `burn`.
    @return The sum.
    """
    return self._in_the_way(lane, 0, holder, recipient, amount, deadline)


# --------------------------------------------------------------------- internal


@internal
@view
def _in_the_way(
    lane: bytes32,
    side: uint256,
    holder: address,
    recipient: bytes32,
    amount: uint256,
    deadline: uint64,
) -> uint256:
    """
    @dev All obstacles, in no order.
    """
    if lanes._terms[lane] == 0 or lanes._terms[lane] & lanes.HOME != side:
        return NO_LANE
    words: lanes.Words = lanes._seen(lane)
    terms: uint256 = words.terms
    found: uint256 = 0
    if amount == 0:
        found |= NO_AMOUNT
    account: uint256 = convert(recipient, uint256)
    if account == 0 or account >> 160 != 0:
        found |= NO_RECIPIENT
    until: uint256 = convert(deadline, uint256)
    if until <= block.timestamp or until > unsafe_add(block.timestamp, message.MAX_DEADLINE):
        found |= LATE
    if lanes._is_paused(lane, lanes._PAUSED_OUT):
        found |= PAUSED
    if terms & lanes._SUSPENDED != 0:
        found |= SUSPENDED
    if not lanes._has_room(terms, words.ledger, amount):
        found |= NO_ROOM
    token: ISecurityToken = ISecurityToken(lanes._opened_with[lane].token)
    if staticcall token.is_suspended() or staticcall token.paused_scopes() & _WHAT_LEAVES != 0:
        found |= TOKEN_STOPPED
    if not staticcall token.canSend(holder):
        found |= HOLDER_STOPPED
    balance: uint256 = staticcall token.balanceOf(holder)
    if amount > balance - min(balance, staticcall token.getFrozenTokens(holder)):
        found |= TOO_FEW
    if side != 0 and not staticcall token.is_link(lanes._opened_with[lane].custody):
        found |= CUSTODY_ENDED
    if amount < lanes._opened_with[lane].minimum:
        found |= BELOW_MINIMUM
    if terms & (lanes.ENDING + lanes.ENDED) != 0:
        found |= ENDING
    return found
