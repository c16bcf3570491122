# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Security token, third piece: its settings
@license Apache-2.0
@author Tallystick
@notice Set-up and roles, the terms that change slowly: the notary's, other people's bridges', ratios.
@dev SecurityTokenControls hands every call here that it does not know; this code then runs on the token's storage,
     as the modules are the same in the same order, the variable behind them too. The chain ends here. It has no
     immutables, so that its hash is the same on every ledger.
@custom:security Runs by the delegated calls of the pieces before it; it can't be initialised itself.
@custom:kill The guardian pauses transfers, issuance, lanes, for a week; an administrator prolongs or lifts it.
"""
from contracts.governance import access
from contracts.governance import stops
from contracts.token import book
from contracts.token import bridges
from contracts.token import controls
from contracts.token import erc20
from contracts.token import issuance
from contracts.token import orders
from contracts.token import position
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
    # roles
    access.assign_role,
    access.propose_role,
    access.withdraw_proposal,
    access.proposal_of,
    access.role_of,
    access.set_up_key,
    access.administrators,
    # slow terms
    controls.propose_class,
    controls.set_class,
    bridges.propose_bridge,
    bridges.set_bridge,
    # notary
    issuance.authorise_issuance,
    issuance.withdraw_authorisation,
    # ratios
    ratios.announce_ratio,
    ratios.withdraw_ratio,
    ratios.credit_remainders,
    ratios.ratio_at,
    # what stands
    bridges.bridge_of,
    bridges.mintingMaxLimitOf,
    bridges.burningMaxLimitOf,
    bridges.mintingCurrentLimitOf,
    bridges.burningCurrentLimitOf,
    issuance.authorised,
)

_initialized: bool


event TokenInitialized:
    isin: indexed(String[12])
    name: String[64]
    symbol: String[16]
    decimals: uint8
    home: bool
    close_minute: uint256


@deploy
def __init__():
    # Called straight, this is nobody's token.
    self._initialized = True


@external
def initialize(
    name_: String[64],
    symbol_: String[16],
    decimals_: uint8,
    isin_: String[12],
    home: bool,
    close_minute: uint256,
    set_up_key_: address,
):
    """
    @notice Give the token its instrument; once, by the proxy's constructor.
    @param name_ Name of the token.
    @param symbol_ Ticker of the token.
    @param decimals_ Decimal places of a unit, at most 18.
    @param isin_ ISIN of the instrument; the registry checks its digits.
    @param home Whether this is the instrument's home ledger.
    @param close_minute Close of business, minutes after midnight UTC.
    @param set_up_key_ The key that sets the contract up and then hands it over.
    @custom:role constructor
    """
    assert not self._initialized, "token: initialised already"
    assert len(isin_) == 12, "token: not an ISIN"
    assert decimals_ <= 18, "token: more than 18 decimals"
    assert close_minute <= position.MINUTE_MAX, "token: no minute of a day"
    self._initialized = True
    erc20.name = name_
    erc20.symbol = symbol_
    erc20.decimals = decimals_
    erc20.isin = isin_
    # The proxy's constructor runs this code in its own place: the caller is the authority that creates it.
    controls.release_authority = msg.sender
    issue: uint256 = close_minute << position.CONTROL_SHIFT
    if home:
        issue |= position.HOME
    book._issue = book._begun(empty(address), issue, issue)
    access._initialize(set_up_key_)
    log TokenInitialized(
        isin=isin_,
        name=name_,
        symbol=symbol_,
        decimals=decimals_,
        home=home,
        close_minute=close_minute,
    )


@external
def hand_over(reason: bytes4, document: bytes32):
    """
    @notice End the set-up: the set-up key keeps nothing, and units can come into being.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role set-up key
    """
    access._hand_over(reason, document)
    book._issue |= position.LIVE


@external
@reentrant
def __default__():
    """
    @notice Refuse what no piece knows, and a call without a function.
    @dev Takes no lock: the authority asks it for a next piece in a static call, where a lock is no refusal but a halt.
    """
    raise "token: no such function"
