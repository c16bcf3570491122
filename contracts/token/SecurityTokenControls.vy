# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Security token, second piece: its controls
@license Apache-2.0
@author Tallystick
@notice The acts of registrar, custodian and guardian, issues to many, past closes, and what stands of them.
@dev SecurityToken hands every call here that it does not know; this code then runs on that storage, as the
     modules are the same in the same order, the variable behind them too. What it does not know itself, it hands
     to `SETTINGS` (SecurityTokenSettings).
@custom:security Runs by SecurityToken's delegated calls; it can't be initialised itself.
@custom:kill The guardian pauses transfers, issuance, lanes, for a week; an administrator prolongs or lifts it.
"""
from contracts.governance import access
from contracts.governance import code
from contracts.governance import stops
from contracts.token import book
from contracts.token import bridges
from contracts.token import controls
from contracts.token import erc20
from contracts.token import issuance
from contracts.token import orders
from contracts.token import ratios
from contracts.token import standing

initializes: access
initializes: stops[access := access]
initializes: standing
initializes: book
initializes: controls[access := access, stops := stops, standing := standing, book := book]
initializes: orders[access := access, standing := standing, book := book]
initializes: erc20[book := book, controls := controls]
initializes: bridges[access := access, book := book, controls := controls, erc20 := erc20]
initializes: issuance[
    access := access, standing := standing, book := book, controls := controls, bridges := bridges
]
initializes: ratios[access := access, book := book, bridges := bridges]

exports: (
    # registrar, custodian, guardian
    controls.admit,
    controls.batch_admit,
    controls.setFrozenTokens,
    controls.setAddressFrozen,
    controls.batchSetFrozenTokens,
    controls.batchSetAddressFrozen,
    controls.pause,
    controls.unpause,
    controls.set_suspended,
    orders.withdraw_order,
    orders.batchForcedTransfer,
    # issuer
    issuance.batchMint,
    # closing balances
    controls.announce_close,
    book.announced_closes,
    book.balance_at_close,
    book.supply_at_close,
    book.pooled_at_close,
    book.keep,
    bridges.came_at_close,
    bridges.keep_came,
    # standing instructions
    standing.instruct,
    standing.standing_instruction,
    # what stands
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.isin,
    controls.release_authority,
    book.close_minute,
    issuance.is_home,
    issuance.is_live,
    controls.getFrozenTokens,
    controls.isFrozen,
    controls.eligible_until,
    controls.is_link,
    controls.paused,
    controls.paused_scopes,
    controls.is_suspended,
    controls.position_of,
    controls.canSend,
    controls.canTransfer,
    orders.order_in_force,
    ratios.carried,
    ratios.epoch_on,
)

_ERC165: constant(bytes4) = 0x01ffc9a7
_ERC20: constant(bytes4) = 0x36372b07
_ERC20_METADATA: constant(bytes4) = 0xa219a025
_ERC7802: constant(bytes4) = 0x33331994
_ERC7943: constant(bytes4) = 0x3edbb4c4
_MAX_RETURN: constant(uint256) = 1024

SETTINGS: public(immutable(address))

_initialized: bool


@deploy
def __init__(settings: address):
    """
    @notice Name the third piece of this release.
    @param settings Its address.
    """
    # A call to an address without code succeeds and does nothing.
    assert code._is_code(settings), "token: settings have no code"
    SETTINGS = settings
    # Called straight, this is nobody's token.
    self._initialized = True


@external
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    """
    @notice What is not here either, the settings do, on this storage and for this caller.
    @dev As in SecurityToken, from which the call comes.
    @return What the settings returned, byte for byte.
    """
    return raw_call(SETTINGS, msg.data, is_delegate_call=True, max_outsize=_MAX_RETURN)


@external
@view
def supportsInterface(interface_id: bytes4) -> bool:
    """
    @notice Standards that the token keeps whole (ERC-165).
    @param interface_id The interface.
    @return Whether it does.
    """
    return interface_id in [_ERC165, _ERC20, _ERC20_METADATA, _ERC7802, _ERC7943]
