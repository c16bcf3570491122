# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Reversal: a wrong event whose payment has begun is taken back (R-49, seev.037)
@license Apache-2.0
@author Tallystick
@notice The issuer announces a reversal at home, with a reason of ISO 20022; the event's attestors confirm it, anyone
        carries it to the other ledgers. From then on nothing more is paid of the event there; what was not paid goes
        back, tax that was not passed on too. Each payment that was made becomes a receivable of exactly that payment.
@dev It is owed by the payee of record, the account that was paid, whoever holds the units now: buyers owe nothing.
     Nothing is taken from anybody's balance. Anyone repays it; it is set off against the account's later cash on this
     ledger only if the event's record says so. Units, rate and category of a payment are all kept, so that what was
     paid is computed again, to the smallest unit, and nothing of it is stored before somebody asks.
     An event whose payment has not begun is cancelled (see `events`). A redemption that was armed was funded in full
     everywhere, and its units become nothing: it is not reversed, or their holders would have neither.
"""
from ethereum.ercs import IERC20

from interfaces import IBridgeEscrow
from interfaces import ISecurityToken
from interfaces import IVerifier

from contracts.actions import dispatch
from contracts.actions import event_record
from contracts.actions import events
from contracts.actions import pay_terms
from contracts.actions import payments
from contracts.bridge import message
from contracts.governance import instruction

uses: dispatch
uses: events
uses: pay_terms
uses: payments

# CorporateActionReversalReason3Code: day count, funds not received, entitlement date, event tax rate, currency, price,
# value date, undue payment, other.
_REASONS: constant(bytes4[9]) = [
    0x44434244,
    0x464e5243,
    0x49524544,
    0x49455452,
    0x49504355,
    0x49505249,
    0x49564144,
    0x55504159,
    0x4f544852,
]
_REVERSAL_TYPEHASH: constant(bytes32) = keccak256(
    "EventReversal(bytes32 coaf,bytes32 event_version,bytes4 reason,uint256 set_off,bytes32 document)"
)
_ASSESSED: constant(uint256) = 2**255
_TAX_SHIFT: constant(uint256) = 128
_AMOUNT_MASK: constant(uint256) = 2**127 - 1


struct EventReversal:
    coaf: bytes32
    # Hash of record and status.
    event_version: bytes32
    reason: bytes4
    # 1: what is owed may be set off against later cash of the same account.
    set_off: uint256
    document: bytes32


struct Reversal:
    # EIP-712 struct hash of the one announced last, or taken; empty: none.
    id: bytes32
    # This ledger's clock; 0: not in force.
    since: uint256


# COAF -> its reversal
reversal_of: public(HashMap[bytes32, Reversal])
# COAF -> account, on the right, or id of a message -> what was paid: net 127 | - | tax 127 | assessed 1
_receivables: HashMap[bytes32, HashMap[bytes32, uint256]]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


event ReversalAnnounced:
    coaf: indexed(bytes32)
    id: indexed(bytes32)
    reversal: EventReversal


event ReversalSent:
    coaf: indexed(bytes32)
    id: indexed(bytes32)
    header: dispatch.Header
    reversal: EventReversal


event ReversalTaken:
    coaf: indexed(bytes32)
    id: indexed(bytes32)
    reversal: EventReversal


event ReceivableAssessed:
    coaf: indexed(bytes32)
    account: indexed(address)
    # The message whose units crossed the close; empty: what the account held.
    message_id: indexed(bytes32)
    payment: payments.Payment
    # What the account owes in that cash now, and what of it may be set off.
    cash: address
    owed: uint256
    may_set_off: uint256


event ReceivableRepaid:
    coaf: indexed(bytes32)
    account: indexed(address)
    payer: indexed(address)
    amount: uint256
    cash: address
    owed: uint256
    may_set_off: uint256


# ------------------------------------------------------------------------------ issuer


@external
def announce_reversal(record: event_record.EventRecord, reason: bytes4, document: bytes32):
    """
    @notice Home: announce that an event whose payment has begun is reversed. It takes effect once it is confirmed;
            until then another announcement replaces this one.
    @param record The record of the version in force.
    @param reason CorporateActionReversalReason3Code.
    @param document Hash of the document that orders it.
    @custom:role issuer
    """
    events._check_issuer()
    assert reason in _REASONS, "reversal: unknown reason"
    hashed: bytes32 = event_record._hash(record)
    coaf: bytes32 = record.coaf
    assert events.event_of[coaf].in_force == hashed, "reversal: not in force"
    version: events.Version = events._version(hashed)
    assert version.status == event_record.ACTIVE, "reversal: event is cancelled"
    self._check_units(coaf)
    assert self.reversal_of[coaf].since == 0, "reversal: reversed already"
    today: uint256 = staticcall ISecurityToken(dispatch.token).business_day()
    assert (
        version.fixed and record.payment_day != 0 and today >= record.payment_day
    ), "reversal: payment has not begun"
    announced: EventReversal = EventReversal(
        coaf=coaf,
        event_version=event_record._version_hash(hashed, event_record.ACTIVE),
        reason=reason,
        set_off=record.set_off,
        document=document,
    )
    id: bytes32 = self._id(announced)
    self.reversal_of[coaf].id = id
    instruction._record(empty(address), reason, document)
    log ReversalAnnounced(coaf=coaf, id=id, reversal=announced)


# ------------------------------------------------------------------------------ anyone


@external
def confirm_reversal(reversal: EventReversal, attestation: Bytes[1034]):
    """
    @notice Home: put the reversal announced last in force, which enough event attestors signed, and tell it.
    @param reversal It, as it was logged.
    @param attestation What their verifier asks for, of the reversal's hash, in this engine's domain.
    @custom:role anyone
    """
    events._check_home()
    id: bytes32 = self._id(reversal)
    known: Reversal = self.reversal_of[reversal.coaf]
    assert known.id == id, "reversal: not the newest"
    assert known.since == 0, "reversal: reversed already"
    self._check_units(reversal.coaf)
    assert staticcall IVerifier(events.attestors).verify(
        dispatch._domain_separator(chain.id, self), id, attestation
    ), "reversal: not confirmed"
    self._reverse(reversal, id)
    header: dispatch.Header = dispatch._send(dispatch.REVERSAL, id)
    log ReversalSent(coaf=reversal.coaf, id=dispatch._id(header), header=header, reversal=reversal)


@external
def take_reversal(header: dispatch.Header, reversal: EventReversal, attestation: Bytes[1034]):
    """
    @notice Remote: take a reversal that is in force at home; once, whether or not the event is halted here.
    @param header The message, as home logged it.
    @param reversal What it tells.
    @param attestation What home's verifier here asks for, in the domain of home's engine.
    @custom:role anyone
    """
    assert not dispatch.is_home, "reversal: home keeps its own"
    id: bytes32 = self._id(reversal)
    dispatch._verify(header, dispatch.REVERSAL, id, attestation)
    assert self.reversal_of[reversal.coaf].since == 0, "reversal: reversed already"
    assert reversal.event_version == event_record._version_hash(
        events.event_of[reversal.coaf].in_force, event_record.ACTIVE
    ), "reversal: of another version"
    self._reverse(reversal, id)
    log ReversalTaken(coaf=reversal.coaf, id=dispatch._id(header), reversal=reversal)


@external
def assess(coaf: bytes32, account: address, hint: uint256) -> uint256:
    """
    @notice Enter what an account was paid of a reversed event, for what it held, as owed by it; once.
    @param coaf The event.
    @param account The account that was paid, here or elsewhere; a pool; at home the token, for what is with other
           bridges.
    @param hint As for the token's `entitled_at_close`; of a pool, `pooled_at_close`.
    @return What it owes of that payment: its net.
    @custom:role anyone
    """
    word: uint256 = payments._pay[coaf]
    noted: uint256 = payments._noted(word, account, pay_terms._payees[account])
    day: uint256 = events._version(events.event_of[coaf].in_force).record_day
    units: uint256 = payments._in_its_units(
        word, staticcall ISecurityToken(dispatch.token).entitled_at_close(account, day, hint)
    )
    if units == 0 and noted != 0:
        units = payments._kept_units(coaf, account, day, hint)
    return self._assess(coaf, account, empty(bytes32), noted, units)


@external
def assess_crossed(coaf: bytes32, m: message.Message) -> uint256:
    """
    @notice The same of what was paid for a message's units: whoever they landed with owes it.
    @param coaf The event.
    @param m The message, as its source logged it.
    @return What is owed of that payment: its net.
    @custom:role anyone
    """
    id: bytes32 = message._id(m)
    landing: uint256 = staticcall IBridgeEscrow(dispatch.escrow).landed(id)
    assert landing != 0, "reversal: landed across no close"
    account: address = convert(landing >> 24, address)
    if account == empty(address):
        account = message._address(m.recipient)
    noted: uint256 = payments._crossing(coaf, m.lane, m.kind, m.nonce)
    # Nobody was paid for what was given up, gone back or not.
    assert noted != payments.GIVEN_UP, "reversal: given up"
    units: uint256 = payments._units_of(m, payments._pay[coaf])
    return self._assess(coaf, account, id, noted, units)


@external
def assess_returned(coaf: bytes32, m: message.Message, nonce: uint64, lock_time: uint64) -> uint256:
    """
    @notice Enter what was paid of a reversed event for units that came back as owed by whom they landed with; once.
    @param coaf The event.
    @param m The message with which they left.
    @param nonce Of the message that took them back.
    @param lock_time Of that message.
    @return What is owed of that payment: its net.
    @custom:role anyone
    """
    id: bytes32 = empty(bytes32)
    account: address = empty(address)
    day: uint256 = 0
    id, account, day = payments._came_back(m, nonce, lock_time)
    noted: uint256 = payments._crossing(coaf, m.lane, m.kind, m.nonce)
    units: uint256 = payments._units_of(m, payments._pay[coaf])
    return self._assess(coaf, account, id, noted, units)


@external
def repay(coaf: bytes32, account: address, most: uint256) -> uint256:
    """
    @notice Pay what an account owes in the cash of a reversed event, or a part of it, for it.
    @dev What might be set off is repaid first.
    @param coaf The event.
    @param account Who owes.
    @param most Most that is taken from the caller, who allowed it.
    @return What was taken; it goes to the account for what is left, that the event's terms name.
    @custom:role anyone
    """
    self._check_reversed(coaf)
    number: uint256 = payments._number(payments._pay[coaf])
    assert number != 0, "reversal: nothing was paid"
    cash: address = pay_terms._terms[number].cash
    owed: uint256 = payments._owed[account][cash] & payments.OWED_MASK
    amount: uint256 = min(most, owed)
    assert amount != 0, "reversal: nothing owed"
    may_set_off: uint256 = payments._owed[account][cash] >> payments.SET_OFF_SHIFT
    may_set_off -= min(may_set_off, amount)
    owed -= amount
    self._owe(account, cash, owed, may_set_off)
    log ReceivableRepaid(
        coaf=coaf,
        account=account,
        payer=msg.sender,
        amount=amount,
        cash=cash,
        owed=owed,
        may_set_off=may_set_off,
    )
    receiver: address = pay_terms._terms[number].return_account
    before: uint256 = staticcall IERC20(cash).balanceOf(receiver)
    assert extcall IERC20(cash).transferFrom(
        msg.sender, receiver, amount, default_return_value=True
    ), "reversal: cash refused"
    after: uint256 = staticcall IERC20(cash).balanceOf(receiver)
    # Nothing is repaid by a token that takes a fee, nor by an account to itself.
    assert after == before + amount, "reversal: other cash came in"
    return amount


# ------------------------------------------------------------------------------- views


@external
@view
def receivable_of(coaf: bytes32, key: bytes32) -> (bool, uint256, uint256):
    """
    @notice What was paid of a reversed event to an account for what it held, or for a message's units.
    @param coaf The event.
    @param key The account, on the right; or the message's id.
    @return Whether it is assessed.
    @return Net: what the account owes of it.
    @return Tax: what the account for tax got of it, or what went back.
    """
    word: uint256 = self._receivables[coaf][key]
    return (
        word & _ASSESSED != 0,
        word & _AMOUNT_MASK,
        (word >> _TAX_SHIFT) & _AMOUNT_MASK,
    )


@external
@view
def owed_by(account: address, cash: address) -> (uint256, uint256):
    """
    @notice What an account owes of reversed events in a cash token: assessed, less what was repaid or set off.
    @param account The account.
    @param cash The token.
    @return Smallest units.
    @return What of it may be set off against later cash of the account.
    """
    word: uint256 = payments._owed[account][cash]
    return (word & payments.OWED_MASK, word >> payments.SET_OFF_SHIFT)


# ---------------------------------------------------------------------------- internal


@internal
def _reverse(reversal: EventReversal, id: bytes32):
    """
    @dev Nothing more is paid of an event here, for good.
    """
    self.reversal_of[reversal.coaf] = Reversal(id=id, since=block.timestamp)
    events._reverse(reversal.coaf)
    payments._reverse(reversal.coaf, reversal.set_off == 1)


@internal
@view
def _check_units(coaf: bytes32):
    """
    @dev Revert if all units of this event are redeemed, or will be.
    """
    assert (
        events._ratios[coaf] == 0
        or events._left[coaf] == 0
        or events._left[coaf] & events.PART_MASK != 0
    ), "reversal: units are redeemed"


@internal
@view
def _check_reversed(coaf: bytes32):
    """
    @dev Revert unless an event is reversed here.
    """
    assert self.reversal_of[coaf].since != 0, "reversal: event is not reversed"


@internal
def _assess(
    coaf: bytes32, account: address, message_id: bytes32, noted: uint256, units: uint256
) -> uint256:
    """
    @dev Enter a payment as owed: by the rate of the event and that of the category noted with it, as it was paid.
    """
    self._check_reversed(coaf)
    word: uint256 = payments._pay[coaf]
    assert word != 0 and noted != 0, "reversal: nothing was paid"
    key: bytes32 = convert(account, bytes32) if message_id == empty(bytes32) else message_id
    assert self._receivables[coaf][key] == 0, "reversal: assessed already"
    rate: uint256 = pay_terms._rate(payments._number(word), unsafe_sub(noted, 1))
    payment: payments.Payment = payments._payment(events._terms[coaf], rate, units)
    net: uint256 = unsafe_sub(payment.gross, payment.tax)
    self._receivables[coaf][key] = _ASSESSED | (payment.tax << _TAX_SHIFT) | net
    cash: address = pay_terms._cash(rate)
    before: uint256 = payments._owed[account][cash]
    owed: uint256 = (before & payments.OWED_MASK) + net
    may_set_off: uint256 = before >> payments.SET_OFF_SHIFT
    if word & payments.MAY_SET_OFF != 0:
        may_set_off += net
    assert owed <= payments.OWED_MASK, "reversal: out of range"
    self._owe(account, cash, owed, may_set_off)
    log ReceivableAssessed(
        coaf=coaf,
        account=account,
        message_id=message_id,
        payment=payment,
        cash=cash,
        owed=owed,
        may_set_off=may_set_off,
    )
    return net


@internal
def _owe(account: address, cash: address, owed: uint256, may_set_off: uint256):
    """
    @dev Enter what an account owes. That something may be set off, a claim sees in the payee word it reads anyway; an
         account that owes in two tokens has it looked up in vain.
    """
    payments._owed[account][cash] = (may_set_off << payments.SET_OFF_SHIFT) | owed
    if may_set_off != 0:
        pay_terms._payees[account] |= pay_terms.OWES


@internal
@pure
def _id(reversal: EventReversal) -> bytes32:
    """
    @dev EIP-712 struct hash: what event attestors sign, and what home tells. All fields are one word.
    """
    return keccak256(abi_encode(_REVERSAL_TYPEHASH, reversal))
