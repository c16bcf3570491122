# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Issuance: how units come into being and end
@license Apache-2.0
@author Tallystick
@notice The only paths that change the supply: the issuer within the notary's authorisation, and bridges with
        proven lane messages.
@dev Notary and issuer are different keys (an account holds one role). Nothing comes into being before the set-up
     has ended. Of what is authorised, the issue word keeps what is not with other people's bridges: their units
     can't be issued anew, and `mint` reads nothing more. Functions on the hot path take no lock (`@reentrant`):
     they call no other contract.
"""
from interfaces import IInstrumentRegistry
from interfaces import IReleaseAuthority

from contracts.governance import access
from contracts.governance import instruction
from contracts.token import book
from contracts.token import bridges
from contracts.token import controls
from contracts.token import position
from contracts.token import standard_errors
from contracts.token import standing

uses: access
uses: standing
uses: book
uses: controls
uses: bridges


# One call's receivers, as in `erc20`.
_MAX_BATCH: constant(uint256) = 256
# keccak256(abi_encode("InstrumentRegistry", "")): the name under which the authority keeps it; a test compares.
_REGISTRY: constant(bytes32) = (0x406d578ec46069d4061353a36dfab53218a83c596263ebf9bc26c4f170ded4b3)


event IssuanceAuthorised:
    authorised: uint256
    amount: uint256


event AuthorisationWithdrawn:
    authorised: uint256
    amount: uint256


event CrosschainMint:
    receiver: indexed(address)
    amount: uint256
    sender: indexed(address)


event CrosschainBurn:
    owner: indexed(address)
    amount: uint256
    sender: indexed(address)


# ------------------------------------------------------------- notary and issuer


@external
def authorise_issuance(amount: uint256, reason: bytes4, document: bytes32):
    """
    @notice The notary allows `amount` more units to exist, within what the instrument's record authorises.
    @param amount Units.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role notary
    """
    access._check_role(access.NOTARY)
    issue: uint256 = book._issue_now()
    assert issue & position.HOME != 0, "issuance: not the home ledger"
    assert issue & position.LIVE != 0, "issuance: not handed over"
    authorised: uint256 = bridges._authorised(issue)
    assert amount <= position.AMOUNT_MAX - authorised and book._fits(
        unsafe_add(authorised, amount), issue
    ), "issuance: too much authorised"
    authorised = unsafe_add(authorised, amount)
    registry: address = staticcall IReleaseAuthority(controls.release_authority).proxy_at(_REGISTRY)
    assert (
        authorised <= staticcall IInstrumentRegistry(registry).authorised_of(self)
    ), "issuance: above the record"
    book._issue = unsafe_add(issue, amount << position.UPPER_SHIFT)
    instruction._record(empty(address), reason, document)
    log IssuanceAuthorised(authorised=authorised, amount=amount)


@external
def withdraw_authorisation(amount: uint256, reason: bytes4, document: bytes32):
    """
    @notice The notary takes back what it authorised and the issuer has not issued.
    @param amount Units.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role notary
    """
    access._check_role(access.NOTARY)
    issue: uint256 = book._issue_now()
    authorised: uint256 = position._upper(issue)
    # At home the supply is within the authorised amount; elsewhere nothing is authorised.
    unused: uint256 = unsafe_sub(authorised, min(authorised, position._lower(issue)))
    assert amount <= unused, "issuance: units exist under it"
    issue = unsafe_sub(issue, amount << position.UPPER_SHIFT)
    book._issue = issue
    instruction._record(empty(address), reason, document)
    log AuthorisationWithdrawn(authorised=bridges._authorised(issue), amount=amount)


@external
@reentrant
def mint(
    receiver: address,
    amount: uint256,
    reason: bytes4 = empty(bytes4),
    document: bytes32 = empty(bytes32),
):
    """
    @notice The issuer issues units within what the notary authorised.
    @param receiver First holder; must be able to receive.
    @param amount Units.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role issuer
    @custom:refused issuance, suspended instrument, frozen to, expired to
    """
    access._check_role(access.ISSUER)
    standing._record(receiver, reason, document)
    self._mint(receiver, amount)


@external
@reentrant
def batchMint(
    receivers: DynArray[address, _MAX_BATCH],
    amounts: DynArray[uint256, _MAX_BATCH],
    reason: bytes4 = empty(bytes4),
    document: bytes32 = empty(bytes32),
):
    """
    @notice The issuer issues units to many under one document, all or nothing (ERC-3643).
    @param receivers First holders; each must be able to receive.
    @param amounts Units for each of them.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role issuer
    @custom:refused issuance, suspended instrument, frozen to, expired to
    """
    access._check_role(access.ISSUER)
    assert len(receivers) == len(amounts), "issuance: lists differ in length"
    standing._record(empty(address), reason, document)
    for i: uint256 in range(len(receivers), bound=_MAX_BATCH):
        self._mint(receivers[i], amounts[i])


@external
@reentrant
def burn(
    owner: address,
    amount: uint256,
    reason: bytes4 = empty(bytes4),
    document: bytes32 = empty(bytes32),
):
    """
    @notice The issuer redeems units: its own, or another's within that holder's allowance.
    @dev The authorised amount falls with the supply: issuing them anew needs the notary anew. A frozen issuer
         redeems nothing.
    @param owner The account to debit.
    @param amount Units.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role issuer
    @custom:refused issuance, suspended instrument, frozen caller, frozen from, expired from
    """
    access._check_role(access.ISSUER)
    issue: uint256 = book._issue_now()
    assert issue & position.HOME != 0, "issuance: redemption is at home"
    if issue & (position.PAUSED_ISSUANCE + position.SUSPENDED) != 0:
        controls._check_suspended(issue)
        assert not controls._is_paused(position.PAUSED_ISSUANCE), "issuance: redemption paused"
    word: uint256 = book._word(owner, issue, amount)
    controls._check_debit(owner, word, amount)
    bridges._take(owner, amount)
    standing._record(owner, reason, document)
    # At home the supply is within the authorised amount, and `amount` within the supply.
    book._cancel_units(owner, word, unsafe_sub(issue, amount << position.UPPER_SHIFT), amount)


# ------------------------------------------------------------- ERC-7802, bridges


@external
@reentrant
def crosschainMint(receiver: address, amount: uint256):
    """
    @notice A bridge issues units that were locked or taken off on another ledger (ERC-7802).
    @dev One that isn't ours within its limit; at home no more than it took out, so that it brings back what was
         authorised and nothing else. A link account is credited in a call of its own only, as in any movement. No
         pause stops what left another ledger.
    @param receiver The account to credit.
    @param amount Units.
    @custom:role bridge
    @custom:refused frozen to, expired to
    """
    issue: uint256 = self._live_issue()
    if bridges._bridges[msg.sender] & bridges.OURS == 0:
        bridges._carry(bridges.INWARD, amount, issue)
        if issue & position.HOME != 0:
            # What comes back is with the bridge no more: the two sum up to what was authorised (VL-07).
            issue = unsafe_add(issue, amount << position.UPPER_SHIFT)
    word: uint256 = book._word(receiver, issue, amount)
    if not controls._may_move(word, receiver):
        standard_errors._cannot_receive(receiver)
    assert amount <= position.AMOUNT_MAX - position._lower(issue) and (
        issue & position.PENDING == 0
        or book._fits(unsafe_add(position._lower(issue), amount), issue)
    ), "issuance: supply out of range"
    book._issue_units(receiver, word, issue, amount)
    log CrosschainMint(receiver=receiver, amount=amount, sender=msg.sender)


@external
@reentrant
def crosschainBurn(owner: address, amount: uint256):
    """
    @notice A bridge takes off units that will be released or issued on another ledger (ERC-7802).
    @dev Our escrow takes its caller's alone; a custody what waits there and goes back or never was, and what its caller
         gives to make good what never was: no stop of the token keeps that. One that isn't ours takes within its
         limit, its own units, or another's within that holder's allowance to it; then it may not be frozen.
    @param owner The account to debit.
    @param amount Units.
    @custom:role bridge
    @custom:refused transfers, lanes, suspended instrument, frozen from, expired from
    """
    issue: uint256 = self._live_issue()
    ours: bool = bridges._bridges[msg.sender] & bridges.OURS != 0
    if not ours:
        bridges._carry(bridges.OUTWARD, amount, issue)
        bridges._take(owner, amount)
        if issue & position.HOME != 0:
            # At home the supply is within the authorised amount; the check of the debit keeps `amount` within both.
            issue = unsafe_sub(issue, amount << position.UPPER_SHIFT)
    if issue & (position.PAUSED_LANES + position.PAUSED_TRANSFERS + position.SUSPENDED) != 0:
        if not ours or (owner != msg.sender and book._positions[msg.sender] & position.LINK == 0):
            controls._check_suspended(issue)
            assert not controls._is_paused(position.PAUSED_LANES), "issuance: lanes paused"
            assert not controls._is_paused(position.PAUSED_TRANSFERS), "issuance: transfers paused"
    word: uint256 = book._word(owner, issue, amount)
    controls._check_debit(owner, word, amount)
    book._cancel_units(owner, word, issue, amount)
    log CrosschainBurn(owner=owner, amount=amount, sender=msg.sender)


# ------------------------------------------------------------------------ views


@external
@view
def authorised() -> uint256:
    """
    @notice Units that the notary allows to exist, here, over lanes or with other people's bridges.
    @return Units.
    """
    return bridges._authorised(book._in_force(book._issue))


@external
@view
def is_home() -> bool:
    """
    @notice Whether units are issued here, not only carried here.
    @return Whether they are.
    """
    return book._issue & position.HOME != 0


@external
@view
def is_live() -> bool:
    """
    @notice Whether the set-up has ended.
    @return Whether it has.
    """
    return book._issue & position.LIVE != 0


# --------------------------------------------------------------------- internal


@internal
def _mint(receiver: address, amount: uint256):
    """
    @dev Issue units to one holder; the caller has checked the role and stated why.
    """
    issue: uint256 = book._issue_now()
    if issue & (position.PAUSED_ISSUANCE + position.SUSPENDED) != 0:
        controls._check_suspended(issue)
        assert not controls._is_paused(position.PAUSED_ISSUANCE), "issuance: issuance paused"
    assert amount <= position.AMOUNT_MAX, "issuance: amount out of range"
    assert position._lower(issue) + amount <= position._upper(issue), "issuance: not authorised"
    if receiver == empty(address):
        standard_errors._invalid_receiver(receiver)
    word: uint256 = book._word(receiver, issue, amount)
    if not controls._may_move(word, receiver):
        standard_errors._cannot_receive(receiver)
    book._issue_units(receiver, word, issue, amount)


@internal
def _live_issue() -> uint256:
    """
    @dev The issue word, once the set-up is over.
    """
    issue: uint256 = book._issue_now()
    assert issue & position.LIVE != 0, "issuance: bridge in set-up"
    return issue
