# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Lane custody: the account that holds one lane's units
@license Apache-2.0
@author Tallystick
@notice Holds what is locked, and what is in suspense, for one lane and one token. Nothing else.
@dev Separate from the escrow's logic and never upgraded: holders give their allowance to this code. It has no
     owner; its one escrow can take within an allowance and pay out, and no role can reach it. In the
     token it is a link account: nobody but itself credits or debits it. It keeps no state of its own and
     takes no lock (`@reentrant`); the escrow, its only caller, does.
@custom:security The escrow keeps the lane ledger; this account makes each lane's units physically its own.
@custom:kill None: the escrow and the token carry the pauses.
"""
from interfaces import ILaneCustody
from interfaces import ISecurityToken

implements: ILaneCustody

_ESCROW: immutable(address)
_TOKEN: immutable(ISecurityToken)


@deploy
def __init__(escrow_: address, token_: address):
    """
    @notice Bind this account to one escrow and one token, for good.
    @param escrow_ The escrow that moves what lies here.
    @param token_ The token that lies here.
    """
    assert escrow_ != empty(address), "custody: no escrow"
    assert token_.is_contract, "custody: token has no code"
    _ESCROW = escrow_
    _TOKEN = ISecurityToken(token_)


@external
@reentrant
def take(holder: address, amount: uint256) -> bool:
    """
    @notice Take units of a holder into custody, within the allowance given to this account.
    @param holder The account to debit.
    @param amount Units.
    @return True.
    @custom:role escrow
    @custom:refused transfers, lanes, suspended instrument, frozen from, expired from
    """
    assert msg.sender == _ESCROW, "custody: take is the escrow's"
    assert extcall _TOKEN.transferFrom(holder, self, amount), "custody: take failed"
    return True


@external
@reentrant
def pay(recipient: address, amount: uint256) -> bool:
    """
    @notice Pay units out of custody.
    @param recipient The account to credit.
    @param amount Units.
    @return True.
    @custom:role escrow
    @custom:refused frozen to, expired to
    """
    assert msg.sender == _ESCROW, "custody: pay is the escrow's"
    # A transfer to itself would succeed and pay nobody.
    assert recipient != self, "custody: pay to itself"
    assert extcall _TOKEN.transfer(recipient, amount), "custody: pay failed"
    return True


@external
@reentrant
def hold(amount: uint256) -> bool:
    """
    @notice Issue units into custody: they arrived for a recipient who can't receive.
    @dev On a remote ledger, where the token knows this account as a bridge.
    @param amount Units.
    @return True.
    @custom:role escrow
    """
    assert msg.sender == _ESCROW, "custody: hold is the escrow's"
    extcall _TOKEN.crosschainMint(self, amount)
    return True


@external
@view
def escrow() -> address:
    """
    @notice The escrow that moves what lies here.
    @return Its address.
    """
    return _ESCROW


@external
@view
def token() -> address:
    """
    @notice The token that lies here.
    @return Its address.
    """
    return _TOKEN.address
