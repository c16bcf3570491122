# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Security token: units of one instrument on one ledger
@license Apache-2.0
@author Tallystick
@notice ERC-20 with the controls that securities law asks for: eligibility, freezes, legal orders, pauses,
        issuance against a notary's authorisation, and closing balances: of announced days for ever, of
        the last week's all.
@dev On the instrument's home ledger units come into being by issuance; on a remote ledger by lane
     messages alone (ERC-7802). Locked units stay in the home supply, held by a link account.
     This piece has what holders, bridges and the issuer call all day; everything else it hands to `CONTROLS`
     (SecurityTokenControls), and that what it does not know to its `SETTINGS` (SecurityTokenSettings). They run on
     this storage: all initialise the same modules in the same order. A release names the code of each;
     `make lint` and whoever prepares a release hold them to fit.
@custom:security Runs behind a ReleaseProxy; the implementation itself can't be initialised.
@custom:kill The guardian pauses transfers, issuance, lanes, for a week; an administrator prolongs or lifts it.
"""
from ethereum.ercs import IERC20

implements: IERC20

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
    # issuer and bridges
    issuance.mint,
    issuance.burn,
    issuance.crosschainMint,
    issuance.crosschainBurn,
    # holders
    erc20.transfer,
    erc20.transferFrom,
    erc20.approve,
    erc20.batchTransfer,
    erc20.balanceOf,
    erc20.totalSupply,
    erc20.allowance,
    # legal orders
    orders.enter_order,
    orders.forcedTransfer,
    # closing balances
    book.entitled_at_close,
    book.business_day,
    book.action_epoch,
    book.calendar,
    # who may
    controls.canReceive,
)

RELEASE: constant(String[16]) = "1.0.0"

_MAX_RETURN: constant(uint256) = 1024

CONTROLS: public(immutable(address))

_initialized: bool


@deploy
def __init__(controls_: address):
    """
    @notice Name the second piece of this release.
    @param controls_ Its address.
    """
    # A call to an address without code succeeds and does nothing.
    assert code._is_code(controls_), "token: controls have no code"
    CONTROLS = controls_
    # The implementation is nobody's token.
    self._initialized = True


@external
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    """
    @notice What is not here, the controls do, on this storage and for this caller.
    @dev Reentrant on purpose: the transient lock has one slot in all pieces, and the function that is called takes
         it; taking it here would lock them out. An answer that fills the buffer, the proxy refuses.
    @return What they returned, byte for byte.
    """
    return raw_call(CONTROLS, msg.data, is_delegate_call=True, max_outsize=_MAX_RETURN)


@external
@view
def release() -> String[16]:
    """
    @notice Version of this code.
    @return Semantic version.
    """
    return RELEASE
