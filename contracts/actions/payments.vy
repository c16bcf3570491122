# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Payments: cash of an event, from funding to the last claim (R-46, R-51, INV-6)
@license Apache-2.0
@author Tallystick
@notice What is fixed is funded in full, gross, before a smallest unit of it is paid; then each holder of the record
        day, and whoever units landed with that were between ledgers then, is paid on the ledger where they are, once.
@dev Each part of an event on this ledger (accounts; what lands from a lane) has cash of its own, so that a lane that
     comes late, or never, takes nothing from anybody. A part that is not funded in full waits: nobody is paid a share
     (R-51), and topping up is safe at any time. Nothing is rounded up: gross rounds down for each claim, and so what
     is paid never exceeds what the sum was funded with; tax rounds down, in the holder's favour.
     The terms that hold when it is funded first are the event's for good (see `pay_terms`). Until the record's relief
     day has closed only the holder claims, or who it authorised. Money goes to the holder, or to the account that the
     holder itself named.

       pay      cash token 160 | terms 32 | event 32 | close of business, minutes after midnight UTC 11
       part     units left 104 | cash left 128 | open 1
"""
from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

from interfaces import IBridgeEscrow
from interfaces import ISecurityToken

from contracts.actions import cut
from contracts.actions import dispatch
from contracts.actions import event_record
from contracts.actions import events
from contracts.actions import figures
from contracts.actions import pay_terms
from contracts.bridge import message
from contracts.governance import access
from contracts.governance import instruction

uses: access
uses: cut
uses: dispatch
uses: events
uses: pay_terms

_MAX_BATCH: constant(uint256) = 25
_CASH_SHIFT: constant(uint256) = 104
_CASH_MAX: constant(uint256) = 2**128 - 1
_OPEN: constant(uint256) = 2**255
_TERMS_SHIFT: constant(uint256) = 160
_EVENT_SHIFT: constant(uint256) = 192
_MINUTE_SHIFT: constant(uint256) = 224
_NUMBER_MASK: constant(uint256) = 2**32 - 1
_DAY_MASK: constant(uint256) = 2**16 - 1
_ACCOUNT_MASK: constant(uint256) = 2**160 - 1
# More than a well-made cash token needs; a bad one takes no more than this from a batch.
_TRANSFER_GAS: constant(uint256) = 200_000


struct Payment:
    units: uint256
    gross: uint256
    tax: uint256


# COAF -> how it is paid here, see above; from its first funding on
_pay: HashMap[bytes32, uint256]
_events: uint256
# COAF -> lane, or nothing for accounts -> what is left of that part
_parts: HashMap[bytes32, HashMap[bytes32, uint256]]
# COAF -> tax withheld and not passed on yet
withheld: public(HashMap[bytes32, uint256])
# account, or id of a message -> event / 256 -> bits of the events that it was paid for
_paid: HashMap[bytes32, HashMap[uint256, uint256]]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


event EventFunded:
    coaf: indexed(bytes32)
    lane: indexed(bytes32)
    funder: indexed(address)
    amount: uint256
    # What is held now of what is due.
    held: uint256
    due: uint256


event Paid:
    coaf: indexed(bytes32)
    account: indexed(address)
    # The message whose units crossed the close; empty: what the account held.
    message_id: indexed(bytes32)
    payment: Payment
    receiver: address


event PaymentRefused:
    coaf: indexed(bytes32)
    account: indexed(address)
    receiver: address


event ElsewhereProposed:
    act: indexed(bytes32)
    coaf: indexed(bytes32)
    account: indexed(address)
    payment: Payment
    reference: bytes32


event PaidElsewhere:
    coaf: indexed(bytes32)
    account: indexed(address)
    payment: Payment
    reference: bytes32


event TaxPassedOn:
    coaf: indexed(bytes32)
    tax_account: indexed(address)
    amount: uint256


event EventExpired:
    coaf: indexed(bytes32)
    lane: indexed(bytes32)
    units: uint256
    amount: uint256


# ----------------------------------------------------------------------- paying agent


@external
def propose_paid_elsewhere(
    coaf: bytes32,
    account: address,
    hint: uint256,
    reference: bytes32,
    reason: bytes4,
    document: bytes32,
) -> bytes32:
    """
    @notice The paying agent says that a holder who can't take the cash token here was paid its net amount elsewhere;
            the registrar confirms it with `confirm_paid_elsewhere`.
    @param coaf The event.
    @param account The holder.
    @param hint As for the token's `entitled_at_close`.
    @param reference Of that payment.
    @param reason Four-letter reason code.
    @param document Hash of the document that proves it.
    @return The act, to withdraw it by.
    @custom:role paying agent
    """
    access._check_role(access.PAYING_AGENT)
    self._check_open(coaf, empty(bytes32))
    payment: Payment = self._payment(coaf, account, self._held(coaf, account, hint))
    act: bytes32 = self._elsewhere_act(coaf, account, payment, reference)
    access._propose(act, access.PAYING_AGENT, access.REGISTRAR, account, reason, document)
    log ElsewhereProposed(act=act, coaf=coaf, account=account, payment=payment, reference=reference)
    return act


@external
def confirm_paid_elsewhere(
    coaf: bytes32,
    account: address,
    hint: uint256,
    reference: bytes32,
    reason: bytes4,
    document: bytes32,
):
    """
    @notice Take note that a holder was paid elsewhere; its net amount goes to the account for what is left.
    @param coaf The event.
    @param account The holder.
    @param hint As for the token's `entitled_at_close`.
    @param reference Of that payment.
    @param reason Four-letter reason code.
    @param document Hash of the document that proves it.
    @custom:role registrar
    """
    access._check_role(access.REGISTRAR)
    self._check_open(coaf, empty(bytes32))
    payment: Payment = self._payment(coaf, account, self._held(coaf, account, hint))
    access._carry_out(self._elsewhere_act(coaf, account, payment, reference), access.REGISTRAR)
    self._consume(coaf, empty(bytes32), convert(account, bytes32), payment)
    instruction._record(account, reason, document)
    log PaidElsewhere(coaf=coaf, account=account, payment=payment, reference=reference)
    word: uint256 = self._pay[coaf]
    self._must_send(
        word, pay_terms._terms[self._number(word)].return_account, payment.gross - payment.tax
    )


# --------------------------------------------------------------------------- holders


@external
def claim(coaf: bytes32, account: address, hint: uint256) -> uint256:
    """
    @notice Pay an account what it held at the close of an event's record day.
    @dev The holder and whoever it authorised from the payment day on; anybody once the relief day has closed.
    @param coaf The event.
    @param account The holder.
    @param hint As for the token's `entitled_at_close`.
    @return What it got, net.
    @custom:role anyone
    """
    self._check_claimant(coaf, empty(bytes32), account)
    payment: Payment = self._payment(coaf, account, self._held(coaf, account, hint))
    self._consume(coaf, empty(bytes32), convert(account, bytes32), payment)
    receiver: address = pay_terms._receiver(account)
    log Paid(
        coaf=coaf,
        account=account,
        message_id=empty(bytes32),
        payment=payment,
        receiver=receiver,
    )
    net: uint256 = unsafe_sub(payment.gross, payment.tax)
    self._must_send(self._pay[coaf], receiver, net)
    return net


@external
def claim_crossed(coaf: bytes32, m: message.Message) -> uint256:
    """
    @notice Pay whom a message's units landed with here, if they were between ledgers at the close of an event's record
            day.
    @dev They were on no account from the day on which they left to before the day on which they landed: the escrow
         keeps the latter, for good.
    @param coaf The event.
    @param m The message, as its source logged it.
    @return What it got, net.
    @custom:role anyone
    """
    id: bytes32 = message._id(m)
    landing: uint256 = staticcall IBridgeEscrow(dispatch.escrow).landed(id)
    assert landing != 0, "payments: landed across no close"
    account: address = convert(landing >> 24, address)
    if account == empty(address):
        account = message._address(m.recipient)
    self._check_claimant(coaf, m.lane, account)
    day: uint256 = self._record_day(coaf)
    left: uint256 = self._day_of(convert(m.lock_time, uint256), self._pay[coaf])
    assert left <= day and day < landing & _DAY_MASK, "payments: not between ledgers then"
    version: events.Version = events._version(events.event_of[coaf].in_force)
    assert convert(m.action_epoch, uint256) == version.unit_epoch, "payments: in other units"
    assert not dispatch.is_home or cut._counts(m.lane, day), "payments: lane is halted"
    payment: Payment = self._payment(coaf, account, m.amount)
    self._consume(coaf, m.lane, id, payment)
    receiver: address = pay_terms._receiver(account)
    log Paid(coaf=coaf, account=account, message_id=id, payment=payment, receiver=receiver)
    net: uint256 = unsafe_sub(payment.gross, payment.tax)
    self._must_send(self._pay[coaf], receiver, net)
    return net


# ---------------------------------------------------------------------------- anyone


@external
def fund(record: event_record.EventRecord, lane: bytes32, most: uint256) -> uint256:
    """
    @notice Pay in cash for a part of an event whose totals are fixed, up to what is due, gross. It opens with the last
            smallest unit.
    @param record The record of the version in force.
    @param lane For what lands here from that lane; empty: for accounts.
    @param most Most that is taken from the caller, who allowed it.
    @return What was taken.
    @custom:role anyone
    """
    coaf: bytes32 = record.coaf
    version: events.Version = events._active(coaf)
    assert events.event_of[coaf].in_force == event_record._hash(record), "payments: not in force"
    assert record.denominator != 0, "payments: no cash event"
    if lane != empty(bytes32):
        cut._check_lane(lane)
    units: uint256 = cut._units(coaf, lane)
    word: uint256 = self._pay[coaf]
    if word == 0:
        number: uint256 = pay_terms._newest[record.currency]
        assert number != 0, "payments: no terms of that currency"
        cash: address = pay_terms._terms[number].cash
        decimals: uint256 = convert(staticcall IERC20Detailed(cash).decimals(), uint256)
        assert decimals == record.cash_decimals, "payments: cash of other decimals"
        event_number: uint256 = self._events
        self._events = event_number + 1
        word = (
            convert(cash, uint256)
            | (number << _TERMS_SHIFT)
            | (event_number << _EVENT_SHIFT)
            | (staticcall ISecurityToken(dispatch.token).close_minute() << _MINUTE_SHIFT)
        )
        self._pay[coaf] = word
    # What came in now would only go back, and not to whom it came from.
    assert (
        lane != empty(bytes32) or self._day_of(block.timestamp, word) <= record.expires
    ), "payments: claims expired"
    due: uint256 = units * record.numerator // record.denominator
    assert due <= _CASH_MAX, "payments: out of range"
    part: uint256 = self._parts[coaf][lane]
    assert part & _OPEN == 0, "payments: funded already"
    held: uint256 = part >> _CASH_SHIFT
    amount: uint256 = min(most, due - held)
    held += amount
    part = held << _CASH_SHIFT
    if held == due:
        part |= _OPEN | units
    self._parts[coaf][lane] = part
    log EventFunded(coaf=coaf, lane=lane, funder=msg.sender, amount=amount, held=held, due=due)
    if amount != 0:
        cash: IERC20 = IERC20(self._cash(word))
        before: uint256 = staticcall cash.balanceOf(self)
        assert extcall cash.transferFrom(
            msg.sender, self, amount, default_return_value=True
        ), "payments: cash refused"
        after: uint256 = staticcall cash.balanceOf(self)
        # One that takes a fee, or does nothing, can't pay an event.
        assert after == before + amount, "payments: other cash came in"
    return amount


@external
def push(
    coaf: bytes32,
    accounts: DynArray[address, _MAX_BATCH],
    hints: DynArray[uint256, _MAX_BATCH],
) -> uint256:
    """
    @notice Pay many accounts, as `claim` does; one that can't be paid now stops nobody and loses nothing.
    @param coaf The event.
    @param accounts The holders.
    @param hints For each, or none at all.
    @return How many were paid.
    @custom:role anyone
    """
    assert len(hints) == 0 or len(hints) == len(accounts), "payments: one hint for each"
    count: uint256 = 0
    for i: uint256 in range(len(accounts), bound=_MAX_BATCH):
        account: address = accounts[i]
        self._check_claimant(coaf, empty(bytes32), account)
        known: bool = False
        units: uint256 = 0
        known, units = self._held_if_known(coaf, account, hints[i] if len(hints) != 0 else 0)
        key: bytes32 = convert(account, bytes32)
        if not known or units == 0 or self._is_paid(coaf, key):
            continue
        payment: Payment = self._payment(coaf, account, units)
        part: uint256 = self._parts[coaf][empty(bytes32)]
        tax: uint256 = self.withheld[coaf]
        self._consume(coaf, empty(bytes32), key, payment)
        receiver: address = pay_terms._receiver(account)
        if self._send(self._pay[coaf], receiver, unsafe_sub(payment.gross, payment.tax)):
            count += 1
            log Paid(
                coaf=coaf,
                account=account,
                message_id=empty(bytes32),
                payment=payment,
                receiver=receiver,
            )
        else:
            # As if it had not been tried.
            self._flip(coaf, key)
            self._parts[coaf][empty(bytes32)] = part
            self.withheld[coaf] = tax
            log PaymentRefused(coaf=coaf, account=account, receiver=receiver)
    return count


@external
def pass_on_tax(coaf: bytes32) -> uint256:
    """
    @notice Pass withheld tax on to the account that the terms name.
    @param coaf The event.
    @return How much.
    @custom:role anyone
    """
    amount: uint256 = self.withheld[coaf]
    assert amount != 0, "payments: nothing withheld"
    self.withheld[coaf] = 0
    word: uint256 = self._pay[coaf]
    receiver: address = pay_terms._terms[self._number(word)].tax_account
    log TaxPassedOn(coaf=coaf, tax_account=receiver, amount=amount)
    self._must_send(word, receiver, amount)
    return amount


@external
def expire(coaf: bytes32, lane: bytes32) -> uint256:
    """
    @notice Return what is left of a part when its claims have expired, or its event is off. What may still land
            stays: no more of it than was to land at the newest close that was reconciled.
    @param coaf The event.
    @param lane What lands from that lane; empty: accounts.
    @return How much, to the account that the terms name.
    @custom:role anyone
    """
    terms: uint256 = events._terms[coaf]
    part: uint256 = self._parts[coaf][lane]
    units: uint256 = part & figures.AMOUNT_MAX
    amount: uint256 = (part >> _CASH_SHIFT) & _CASH_MAX
    assert amount != 0, "payments: nothing left"
    kept: uint256 = 0
    if terms != 0 and (units != 0 or part & _OPEN == 0):
        today: uint256 = self._day_of(block.timestamp, self._pay[coaf])
        assert today > terms >> 240, "payments: claims go on"
        if lane != empty(bytes32):
            kept = min(units, cut._may_land(coaf, lane))
            assert part & _OPEN != 0 and kept < units, "payments: units may still land"
            units -= kept
            # 104 and 96 bits, as for a payment; no more than is there.
            cash: uint256 = unsafe_div(
                unsafe_mul(kept, terms & (2**96 - 1)), (terms >> 96) & (2**96 - 1)
            )
            amount -= cash
            kept |= cash << _CASH_SHIFT
    if kept != 0 or units == 0:
        # Closed, but for what stays, and for a part of which all was paid: that one stays as it is, empty.
        kept |= part & _OPEN
    self._parts[coaf][lane] = kept
    log EventExpired(coaf=coaf, lane=lane, units=units, amount=amount)
    word: uint256 = self._pay[coaf]
    self._must_send(word, pay_terms._terms[self._number(word)].return_account, amount)
    return amount


# ----------------------------------------------------------------------------- views


@external
@view
def part_of(coaf: bytes32, lane: bytes32) -> (bool, uint256, uint256):
    """
    @notice What is left of an event's part on this ledger.
    @param coaf The event.
    @param lane What lands from that lane; empty: accounts.
    @return Whether it is funded in full.
    @return Base units not paid yet; 0 before it is funded.
    @return Cash held for it.
    """
    part: uint256 = self._parts[coaf][lane]
    return (part & _OPEN != 0, part & figures.AMOUNT_MAX, (part >> _CASH_SHIFT) & _CASH_MAX)


@external
@view
def is_paid(coaf: bytes32, key: bytes32) -> bool:
    """
    @notice Whether an account was paid for an event, or a message.
    @param coaf The event.
    @param key The account, on the right; or the message's id.
    @return Whether it was.
    """
    return self._pay[coaf] != 0 and self._is_paid(coaf, key)


# -------------------------------------------------------------------------- internal


@internal
@view
def _check_open(coaf: bytes32, lane: bytes32) -> uint256:
    """
    @dev Revert unless a part of an event is being paid here; today. What may still land has no expiry.
    """
    terms: uint256 = events._terms[coaf]
    assert terms != 0, "payments: no such event, or off"
    word: uint256 = self._pay[coaf]
    assert word != 0, "payments: not funded yet"
    today: uint256 = self._day_of(block.timestamp, word)
    assert today >= (terms >> 208) & _DAY_MASK, "payments: not before payment day"
    assert today <= terms >> 240 or lane != empty(bytes32), "payments: claims expired"
    return today


@internal
@pure
def _day_of(moment: uint256, word: uint256) -> uint256:
    """
    @dev The business day that a moment belongs to, as the token counts.
    """
    return unsafe_add(
        unsafe_div(unsafe_sub(moment, unsafe_mul(word >> _MINUTE_SHIFT, 60)), 86400), 1
    )


@internal
@view
def _check_claimant(coaf: bytes32, lane: bytes32, account: address):
    """
    @dev Revert unless the caller may have an account paid now.
    """
    today: uint256 = self._check_open(coaf, lane)
    assert (
        pay_terms._acts_for(account) or today > (events._terms[coaf] >> 224) & _DAY_MASK
    ), "payments: only the holder, till relief ends"


@internal
@view
def _record_day(coaf: bytes32) -> uint256:
    """
    @dev The close at which holders are entitled; 0: there is no such event, or it is off.
    """
    return (events._terms[coaf] >> 192) & _DAY_MASK


@internal
@view
def _held(coaf: bytes32, account: address, hint: uint256) -> uint256:
    """
    @dev What entitles an account; the token's own reason if it can't tell.
    """
    units: uint256 = staticcall ISecurityToken(dispatch.token).entitled_at_close(
        account, self._record_day(coaf), hint
    )
    assert units != 0, "payments: not entitled"
    return units


@internal
@view
def _held_if_known(coaf: bytes32, account: address, hint: uint256) -> (bool, uint256):
    """
    @dev The same of one of many: an account of which the token can't tell stops nobody.
    """
    known: bool = False
    answer: Bytes[32] = b""
    known, answer = raw_call(
        dispatch.token,
        abi_encode(
            account,
            self._record_day(coaf),
            hint,
            method_id=method_id("entitled_at_close(address,uint256,uint256)"),
        ),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    return (known, convert(answer, uint256) if known and len(answer) == 32 else 0)


@internal
@view
def _payment(coaf: bytes32, account: address, units: uint256) -> Payment:
    """
    @dev What units are paid, and what of it is withheld from an account.
    """
    terms: uint256 = events._terms[coaf]
    # 104 and 96 bits; only an event with a rate was funded.
    gross: uint256 = unsafe_div(
        unsafe_mul(units, terms & (2**96 - 1)), (terms >> 96) & (2**96 - 1)
    )
    tax: uint256 = pay_terms._tax(self._number(self._pay[coaf]), account, gross)
    return Payment(units=units, gross=gross, tax=tax)


@internal
def _consume(coaf: bytes32, lane: bytes32, key: bytes32, payment: Payment):
    """
    @dev Book a payment: once for each account and message, out of a part that is funded in full.
    """
    assert not self._is_paid(coaf, key), "payments: paid already"
    part: uint256 = self._parts[coaf][lane]
    assert part & _OPEN != 0, "payments: not funded in full"
    left: uint256 = part & figures.AMOUNT_MAX
    cash: uint256 = (part >> _CASH_SHIFT) & _CASH_MAX
    assert payment.units <= left, "payments: more units than fixed"
    # What is due for all is never less than the sum for each.
    self._parts[coaf][lane] = (
        _OPEN | (unsafe_sub(cash, payment.gross) << _CASH_SHIFT) | unsafe_sub(left, payment.units)
    )
    self._flip(coaf, key)
    if payment.tax != 0:
        self.withheld[coaf] += payment.tax


@internal
@view
def _is_paid(coaf: bytes32, key: bytes32) -> bool:
    """
    @dev Whether an account or a message was paid for an event.
    """
    number: uint256 = (self._pay[coaf] >> _EVENT_SHIFT) & _NUMBER_MASK
    return (self._paid[key][number >> 8] >> (number & 255)) & 1 != 0


@internal
def _flip(coaf: bytes32, key: bytes32):
    """
    @dev Note that an account or a message was paid for an event, or that it was not.
    """
    number: uint256 = (self._pay[coaf] >> _EVENT_SHIFT) & _NUMBER_MASK
    self._paid[key][number >> 8] ^= 1 << (number & 255)


@internal
def _must_send(word: uint256, receiver: address, amount: uint256):
    """
    @dev Pay out of this contract, or revert.
    """
    assert self._send(word, receiver, amount), "payments: cash refused"


@internal
def _send(word: uint256, receiver: address, amount: uint256) -> bool:
    """
    @dev Pay out of this contract; whether the cash token did it. It gets no more gas than a payment needs, so that
         it can't keep a batch from others.
    """
    if amount == 0:
        return True
    done: bool = False
    answer: Bytes[32] = b""
    done, answer = raw_call(
        self._cash(word),
        abi_encode(receiver, amount, method_id=method_id("transfer(address,uint256)")),
        max_outsize=32,
        gas=_TRANSFER_GAS,
        revert_on_failure=False,
    )
    # As many do, it may answer nothing.
    return done and (len(answer) == 0 or convert(answer, uint256) == 1)


@internal
@pure
def _cash(word: uint256) -> address:
    """
    @dev In what an event is paid.
    """
    return convert(word & _ACCOUNT_MASK, address)


@internal
@pure
def _number(word: uint256) -> uint256:
    """
    @dev By which terms an event is paid.
    """
    return (word >> _TERMS_SHIFT) & _NUMBER_MASK


@internal
@pure
def _elsewhere_act(
    coaf: bytes32, account: address, payment: Payment, reference: bytes32
) -> bytes32:
    """
    @dev Hash of the act of taking note of a payment elsewhere.
    """
    return keccak256(abi_encode("paid_elsewhere", coaf, account, payment, reference))
