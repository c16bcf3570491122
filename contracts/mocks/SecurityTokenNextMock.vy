# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Security token, the release after
@license Apache-2.0
@author Tallystick
@notice What an upgrade is tested with: SecurityToken over the same modules in the same order,
        and after its storage something new.
@dev A test double of a next release; `tests/support/next_releases.py` derives it.
     In no release.
"""
from ethereum.ercs import IERC20
from ethereum.ercs import IERC165

implements: IERC20
implements: IERC165

from interfaces import ISecurityToken

implements: ISecurityToken

from contracts.governance import access
from contracts.token import book
from contracts.token import controls
from contracts.token import erc20
from contracts.token import issuance
from contracts.token import position
from contracts.token import standing

initializes: access
initializes: standing
initializes: book
initializes: controls[access := access, standing := standing, book := book]
initializes: erc20[book := book, controls := controls]
initializes: issuance[
    access := access, standing := standing, book := book, controls := controls, erc20 := erc20
]

exports: (
    # set-up and roles
    access.assign_role,
    access.propose_role,
    access.withdraw_proposal,
    access.proposal_of,
    access.role_of,
    access.set_up_key,
    access.administrators,
    standing.instruct,
    standing.standing_instruction,
    controls.release_authority,
    # registrar, custodian, guardian
    controls.admit,
    controls.propose_link_account,
    controls.set_link_account,
    controls.enter_order,
    controls.withdraw_order,
    controls.setFrozenTokens,
    controls.setAddressFrozen,
    controls.forcedTransfer,
    controls.pause,
    controls.unpause,
    # notary, issuer, bridges
    issuance.authorise_issuance,
    issuance.withdraw_authorisation,
    issuance.mint,
    issuance.burn,
    issuance.crosschainMint,
    issuance.crosschainBurn,
    issuance.authorised,
    issuance.is_home,
    issuance.is_live,
    # holders
    erc20.transfer,
    erc20.transferFrom,
    erc20.approve,
    erc20.batchTransfer,
    erc20.balanceOf,
    erc20.totalSupply,
    erc20.allowance,
    erc20.name,
    erc20.symbol,
    erc20.decimals,
    erc20.isin,
    # closing balances
    book.balance_at_close,
    book.supply_at_close,
    book.business_day,
    book.close_minute,
    book.action_epoch,
    # views of the controls
    controls.canSend,
    controls.canReceive,
    controls.canTransfer,
    controls.getFrozenTokens,
    controls.isFrozen,
    controls.eligible_until,
    controls.is_link,
    controls.paused,
    controls.paused_scopes,
    controls.order_in_force,
    controls.position_of,
)

RELEASE: constant(String[16]) = "1.1.0"

_ERC165: constant(bytes4) = 0x01ffc9a7
_ERC20: constant(bytes4) = 0x36372b07
_ERC20_METADATA: constant(bytes4) = 0xa219a025
_ERC7802: constant(bytes4) = 0x33331994
_ERC7943: constant(bytes4) = 0x3edbb4c4

_initialized: bool
# What 1.1.0 added.
release_notes_hash: public(bytes32)
_migrated_to: String[16]


event Migrated:
    release: String[16]
    notes: bytes32


event TokenInitialized:
    isin: indexed(String[12])
    name: String[64]
    symbol: String[16]
    decimals: uint8
    home: bool
    close_minute: uint256


@deploy
def __init__():
    # The implementation is nobody's token.
    self._initialized = True


# ----------------------------------------------------------------------- set-up


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
    book._issue = issue
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
    """
    access._hand_over(reason, document)
    book._issue |= position.LIVE


@external
def migrate(notes: bytes32):
    """
    @notice Keep the hash of this release's notes; once, by the call that its activation makes.
    @param notes Hash of the release notes.
    """
    assert notes != empty(bytes32), "next token: no release notes"
    assert keccak256(self._migrated_to) != keccak256(RELEASE), "next token: migrated already"
    self._migrated_to = RELEASE
    self.release_notes_hash = notes
    log Migrated(release=RELEASE, notes=notes)


@external
@view
def release() -> String[16]:
    """
    @notice Version of this code.
    @return Semantic version.
    """
    return RELEASE


@external
@view
def supportsInterface(interface_id: bytes4) -> bool:
    """
    @notice Standards that this contract keeps whole (ERC-165).
    @param interface_id The interface.
    @return Whether it does.
    """
    return interface_id in [_ERC165, _ERC20, _ERC20_METADATA, _ERC7802, _ERC7943]
