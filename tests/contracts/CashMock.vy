# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Cash token with the manners of bad ones
@license Apache-2.0
@author Tallystick
@notice For tests of who pays in somebody else's ERC-20: a cash token whose transfers do as they are told.
@dev A test double. In no release. What it does well is CashToken's own code. Whoever calls it by its address sees what
     ERC-20 promises and what this does instead; `tests/support/cash.py` names the manners.
"""
from contracts.settlement import CashToken

initializes: CashToken

exports: (
    CashToken.approve,
    CashToken.permit,
    CashToken.mint,
    CashToken.burn,
    CashToken.set_blocked,
    CashToken.DOMAIN_SEPARATOR,
    CashToken.eip712Domain,
    CashToken.name,
    CashToken.symbol,
    CashToken.decimals,
    CashToken.currency,
    CashToken.issuer,
    CashToken.totalSupply,
    CashToken.balanceOf,
    CashToken.allowance,
    CashToken.nonces,
    CashToken.is_blocked,
)

_MAX_ANSWER: constant(uint256) = 2048
_MAX_CALL: constant(uint256) = 4096


struct Manners:
    # What transfers return, byte for byte.
    answer: Bytes[_MAX_ANSWER]
    # Whether they move anything.
    moves: bool
    # Kept back of each, for the issuer.
    fee: uint256
    # Whether a blocked payee costs all gas that the call was given, not a revert with its reason.
    burns_gas: bool
    # Whom they call, once the cash has moved, and with what; nobody: the empty address.
    target: address
    callback: Bytes[_MAX_CALL]


manners: Manners
# How often the callback came back, and how often it was refused.
succeeded: public(uint256)
failed: public(uint256)


@deploy
def __init__(
    name_: String[64], symbol_: String[16], decimals_: uint8, currency_: bytes3, issuer_: address
):
    CashToken.__init__(name_, symbol_, decimals_, currency_, issuer_)


@external
def behave(manners: Manners):
    """
    @notice Choose what transfers do from now on.
    @param manners See the struct.
    """
    self.manners = manners


@external
@reentrant
@raw_return
def transfer(receiver: address, amount: uint256) -> Bytes[_MAX_ANSWER]:
    """
    @notice As ERC-20's, with these manners.
    """
    return self._misbehave(msg.sender, receiver, amount)


@external
@reentrant
@raw_return
def transferFrom(owner: address, receiver: address, amount: uint256) -> Bytes[_MAX_ANSWER]:
    """
    @notice As ERC-20's, with these manners.
    """
    if self.manners.moves:
        CashToken._spend_allowance(owner, amount)
    return self._misbehave(owner, receiver, amount)


@internal
def _misbehave(sender: address, receiver: address, amount: uint256) -> Bytes[_MAX_ANSWER]:
    """
    @dev The callback is made once: what it calls may transfer again. Refused, it is counted, as an attacker would have
         its transfer go on.
    """
    if self.manners.burns_gas and CashToken._is_blocked(receiver):
        raise UNREACHABLE
    if self.manners.moves:
        fee: uint256 = min(self.manners.fee, amount)
        CashToken._move(sender, receiver, amount - fee)
        if fee != 0:
            CashToken._move(sender, CashToken.issuer, fee)
    target: address = self.manners.target
    if target != empty(address):
        self.manners.target = empty(address)
        if raw_call(target, self.manners.callback, revert_on_failure=False):
            self.succeeded += 1
        else:
            self.failed += 1
        self.manners.target = target
    return self.manners.answer
