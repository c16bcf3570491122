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
     Units in a pool are held by others elsewhere, and so are those with other people's bridges: for either there is a
     part of its own, under the address of the pool or, at home, of the token. It has no expiry, and is paid to whom two
     keys name.

       pay      token 160 | terms 32 | event 32 | close of business, minutes after midnight 11 | unit epoch 7 | home 1
                | reversed 1 | what is owed of it may be set off 1 | epochs that this ledger's close is behind it 7
       part     units left 104 | what rounding left 40 | tax withheld so far 111 | open 1; till then what is held
       back     units 104 | cash 128
       notice   still to land 104 at the close of a day 16 | claims of what had landed by this day are over 16

     The cash left of a part is what its units left are due, and what rounding left: less than one smallest unit for
     each claim. What an account was paid is five bits for each event: 0 not yet, else 1 + the category of its tax then.
     Of its first 18 events they lie in its payee word (see `pay_terms`), which a claim reads anyway; of others 51 share
     a word, and so do 51 messages of one lane. A payment is booked before cash leaves; that a batch books its part
     once, at its end, nobody sees: the lock covers every function of all pieces, views too.
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
_OPEN: constant(uint256) = 2**255
_ROUNDED_SHIFT: constant(uint256) = 104
_ROUNDED_MASK: constant(uint256) = 2**40 - 1
_TAX_SHIFT: constant(uint256) = 144
# Smallest units that a part is due: all of them may be withheld.
_DUE_MAX: constant(uint256) = 2**111 - 1
BACK_SHIFT: constant(uint256) = 104
_TERMS_SHIFT: constant(uint256) = 160
_EVENT_SHIFT: constant(uint256) = 192
_MINUTE_SHIFT: constant(uint256) = 224
_MINUTE_MASK: constant(uint256) = 2**11 - 1
EPOCH_SHIFT: constant(uint256) = 235
EPOCH_MASK: constant(uint256) = 127
HOME: constant(uint256) = 2**242
_REVERSED: constant(uint256) = 2**243
MAY_SET_OFF: constant(uint256) = 2**244
_BEHIND_SHIFT: constant(uint256) = 245
_NUMBER_MASK: constant(uint256) = 2**32 - 1
DAY_MASK: constant(uint256) = 2**16 - 1
# In the terms of an event, see `events`.
RECORD_SHIFT: constant(uint256) = 192
PAYMENT_SHIFT: constant(uint256) = 208
_RELIEF_SHIFT: constant(uint256) = 224
EXPIRES_SHIFT: constant(uint256) = 240
_ACCOUNT_MASK: constant(uint256) = 2**160 - 1
_RATE_TERM_MASK: constant(uint256) = 2**96 - 1
# In the notice of a lane's part.
_NOTICED_SHIFT: constant(uint256) = 104
ENDED_SHIFT: constant(uint256) = 120
# How units landed, in `landed` of the escrow: they did not, they went back that day.
WENT_BACK: constant(uint256) = 4
# Kinds of a message and of the one that takes its units back: the other way, and the one of both that is a return.
_ANSWERED: constant(uint8) = 7
# Days from a close, or a landing, until claims of what had landed by then expire, if the record's day is past.
NOTICE: constant(uint256) = 90
# Five bits each.
_FIELD: constant(uint256) = 5
_FIELD_MASK: constant(uint256) = 31
# In place of the category of a payment: what was kept for a message was given up.
GIVEN_UP: constant(uint256) = 31
_FIELDS: constant(uint256) = 51
# Of what an account owes.
OWED_MASK: constant(uint256) = 2**128 - 1
SET_OFF_SHIFT: constant(uint256) = 128
# More than a well-made cash token needs; a bad one takes no more than this from a batch.
_TRANSFER_GAS: constant(uint256) = 200_000


struct Payment:
    units: uint256
    gross: uint256
    tax: uint256


struct Part:
    is_open: bool
    units: uint256
    cash: uint256
    # Withheld so far.
    tax: uint256


# COAF -> how it is paid here, see above; from its first funding on
_pay: HashMap[bytes32, uint256]
_events: uint256
# COAF -> lane, or nothing for accounts -> what is left of that part
_parts: HashMap[bytes32, HashMap[bytes32, uint256]]
# COAF -> lane, or nothing -> what went back of an open part without being paid
_back: HashMap[bytes32, HashMap[bytes32, uint256]]
# COAF -> lane, or nothing -> tax passed on
_passed_on: HashMap[bytes32, HashMap[bytes32, uint256]]
# account -> (event - 18) / 51 -> what it was paid of those events
_paid: HashMap[address, HashMap[uint256, uint256]]
# COAF -> lane -> direction of the messages | their nonces / 51 -> which of them were paid, or given up
_crossed: HashMap[bytes32, HashMap[bytes32, HashMap[uint256, uint256]]]
# COAF -> lane -> which claims of its part expire next, and which have, see above
_notices: HashMap[bytes32, HashMap[bytes32, uint256]]
# account -> cash token -> what it owes of reversed events 128 | what of that may be set off 128
_owed: HashMap[address, HashMap[address, uint256]]
# Home: COAF -> lane -> whether its remote ledger told that every part there is funded in full (see `paid`)
_funded_there: HashMap[bytes32, HashMap[bytes32, bool]]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[31]


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
    lane: indexed(bytes32)
    receiver: indexed(address)
    amount: uint256


event PoolSetAside:
    coaf: indexed(bytes32)
    pool: indexed(address)
    units: uint256
    amount: uint256


event ExpiryNoticed:
    coaf: indexed(bytes32)
    lane: indexed(bytes32)
    # Claims of what had landed by the close of this day expire; units that had not, and stay.
    day: uint256
    kept: uint256


event SetOff:
    coaf: indexed(bytes32)
    account: indexed(address)
    cash: indexed(address)
    # Kept back of the payment of that event, what is owed since, and what of it may still be set off.
    amount: uint256
    owed: uint256
    may_set_off: uint256


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
    payment: Payment = self._payment_of(coaf, account, hint)
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
    payment: Payment = self._payment_of(coaf, account, hint)
    access._carry_out(self._elsewhere_act(coaf, account, payment, reference), access.REGISTRAR)
    word: uint256 = self._pay[coaf]
    payee: uint256 = pay_terms._payees[account]
    self._note(word, account, payee)
    self._book(coaf, empty(bytes32), events._terms[coaf], payment)
    instruction._record(account, reason, document)
    log PaidElsewhere(coaf=coaf, account=account, payment=payment, reference=reference)
    self._give_back(word, payment.gross - payment.tax)


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
    terms: uint256 = events._terms[coaf]
    word: uint256 = self._pay[coaf]
    self._check_claimant(terms, word, account, False)
    units: uint256 = self._held(terms, word, account, hint)
    payee: uint256 = pay_terms._payees[account]
    rate: uint256 = pay_terms._rate(self._number(word), pay_terms._category(payee))
    payment: Payment = self._payment(terms, rate, units)
    self._note(word, account, payee)
    self._book(coaf, empty(bytes32), terms, payment)
    receiver: address = pay_terms._receiver(account, payee)
    log Paid(
        coaf=coaf,
        account=account,
        message_id=empty(bytes32),
        payment=payment,
        receiver=receiver,
    )
    cash: address = pay_terms._cash(rate)
    net: uint256 = unsafe_sub(payment.gross, payment.tax)
    if payee & pay_terms.OWES != 0:
        net = self._set_off(coaf, word, account, cash, net)
    self._must_send(cash, receiver, net)
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
    assert landing >> 16 != WENT_BACK, "payments: went back"
    account: address = convert(landing >> 24, address)
    if account == empty(address):
        account = message._address(m.recipient)
    terms: uint256 = events._terms[coaf]
    word: uint256 = self._pay[coaf]
    self._check_claimant(terms, word, account, True)
    day: uint256 = (terms >> RECORD_SHIFT) & DAY_MASK
    left: uint256 = self._day_of(convert(m.lock_time, uint256), word)
    assert left <= day and day < landing & DAY_MASK, "payments: not between ledgers then"
    units: uint256 = self._units_of(m, word)
    assert word & HOME == 0 or cut._counts(m.lane, day), "payments: lane is halted"
    if self._day_of(block.timestamp, word) > terms >> EXPIRES_SHIFT:
        assert (
            landing & DAY_MASK > self._notices[coaf][m.lane] >> ENDED_SHIFT
        ), "payments: landed too long ago"
    payee: uint256 = pay_terms._payees[account]
    rate: uint256 = pay_terms._rate(self._number(word), pay_terms._category(payee))
    payment: Payment = self._payment(terms, rate, units)
    self._note_crossed(coaf, m, payee)
    self._book(coaf, m.lane, terms, payment)
    receiver: address = pay_terms._receiver(account, payee)
    log Paid(coaf=coaf, account=account, message_id=id, payment=payment, receiver=receiver)
    cash: address = pay_terms._cash(rate)
    net: uint256 = unsafe_sub(payment.gross, payment.tax)
    if payee & pay_terms.OWES != 0:
        net = self._set_off(coaf, word, account, cash, net)
    self._must_send(cash, receiver, net)
    return net


@external
def claim_pool(coaf: bytes32, pool: address) -> uint256:
    """
    @notice Pay whom two keys named (`set_pool_payee`) what is kept back for a pool, or for all that is with other
            bridges; it has no expiry. Tax is withheld by the category of the pool.
    @param coaf The event.
    @param pool The pool, once it was set aside; at home the token, for what is with other bridges.
    @return What it got, net.
    @custom:role anyone
    """
    payee: address = pay_terms.pool_payee[pool]
    assert payee != empty(address), "payments: no payee named"
    key: bytes32 = convert(pool, bytes32)
    terms: uint256 = events._terms[coaf]
    word: uint256 = self._pay[coaf]
    self._check_claimant(terms, word, payee, True)
    of_pool: uint256 = pay_terms._payees[pool]
    rate: uint256 = pay_terms._rate(self._number(word), pay_terms._category(of_pool))
    payment: Payment = self._payment(terms, rate, self._part(coaf, key, terms).units)
    self._note(word, pool, of_pool)
    self._book(coaf, key, terms, payment)
    log Paid(coaf=coaf, account=pool, message_id=empty(bytes32), payment=payment, receiver=payee)
    net: uint256 = unsafe_sub(payment.gross, payment.tax)
    self._must_send(pay_terms._cash(rate), payee, net)
    return net


# ---------------------------------------------------------------------------- anyone


@external
def set_aside(coaf: bytes32, pool: address, hint: uint256) -> uint256:
    """
    @notice Keep back what is due for the units of a pool, out of the accounts' part: from now on it does not expire
            with theirs, and is paid by `claim_pool`. Once accounts are funded in full, before claims expire.
    @param coaf The event.
    @param pool An account that was a pool at the close of the record day; never a lane's custody.
    @param hint As for the token's `pooled_at_close`.
    @return Its units.
    @custom:role anyone
    """
    terms: uint256 = events._terms[coaf]
    assert (terms >> RECORD_SHIFT) & DAY_MASK != 0, "payments: event unknown, or off"
    word: uint256 = self._pay[coaf]
    assert (
        word != 0 and self._day_of(block.timestamp, word) <= terms >> EXPIRES_SHIFT
    ), "payments: nothing to set aside from"
    units: uint256 = self._pooled(word, pool, (terms >> RECORD_SHIFT) & DAY_MASK, hint)
    assert units != 0, "payments: no pool then"
    key: bytes32 = convert(pool, bytes32)
    assert self._parts[coaf][key] == 0, "payments: set aside already"
    gross: uint256 = self._gross(terms, units)
    self._book(coaf, empty(bytes32), terms, Payment(units=units, gross=gross, tax=0))
    # Nobody was paid by this.
    self._back[coaf][empty(bytes32)] += (gross << BACK_SHIFT) | units
    self._parts[coaf][key] = _OPEN | units
    log PoolSetAside(coaf=coaf, pool=pool, units=units, amount=gross)
    return units


@external
def fund(record: event_record.EventRecord, lane: bytes32, most: uint256) -> uint256:
    """
    @notice Pay in cash for a part of an event whose totals are fixed, up to what is due, gross. It opens with the last
            smallest unit.
    @param record The record of the version in force.
    @param lane For what lands here from that lane; empty: for accounts; at home the token's address: for what is
           with other bridges.
    @param most Most that is taken from the caller, who allowed it.
    @return What was taken.
    @custom:role anyone
    """
    coaf: bytes32 = record.coaf
    version: events.Version = events._active(coaf)
    assert events.event_of[coaf].in_force == event_record._hash(record), "payments: not in force"
    assert record.currency != empty(bytes4), "payments: no cash event"
    if lane != empty(bytes32):
        cut._check_part(lane)
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
            convert(dispatch.token, uint256)
            | (number << _TERMS_SHIFT)
            | (event_number << _EVENT_SHIFT)
            | (staticcall ISecurityToken(dispatch.token).close_minute() << _MINUTE_SHIFT)
            | (record.unit_epoch << EPOCH_SHIFT)
            | (HOME if dispatch.is_home else 0)
        )
        if record.unit_epoch != 0 and not dispatch.is_home:
            # Closings of a ledger that took a ratio late are in older units.
            word |= (
                record.unit_epoch
                - staticcall ISecurityToken(dispatch.token).epoch_on(record.record_day)
            ) << _BEHIND_SHIFT
        self._pay[coaf] = word
    assert (events._terms[coaf] >> RECORD_SHIFT) & DAY_MASK != 0, "payments: event is reversed"
    # What came in now would only go back, and not to whom it came from.
    assert (
        lane != empty(bytes32) or self._day_of(block.timestamp, word) <= record.expires
    ), "payments: claims expired"
    due: uint256 = units * record.numerator // record.denominator
    assert due <= _DUE_MAX, "payments: out of range"
    held: uint256 = self._parts[coaf][lane]
    assert held & _OPEN == 0, "payments: funded already"
    amount: uint256 = min(most, due - held)
    held += amount
    self._parts[coaf][lane] = _OPEN | units if held == due else held
    log EventFunded(coaf=coaf, lane=lane, funder=msg.sender, amount=amount, held=held, due=due)
    self._take(pay_terms._terms[self._number(word)].cash, amount)
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
    terms: uint256 = events._terms[coaf]
    word: uint256 = self._pay[coaf]
    today: uint256 = self._check_open(terms, word, False)
    for_anybody: bool = today > (terms >> _RELIEF_SHIFT) & DAY_MASK
    part: uint256 = self._parts[coaf][empty(bytes32)]
    assert part & _OPEN != 0, "payments: not funded in full"
    count: uint256 = 0
    for i: uint256 in range(len(accounts), bound=_MAX_BATCH):
        account: address = accounts[i]
        assert (
            for_anybody or pay_terms._acts_for(account)
        ), "payments: only the holder, till relief ends"
        payee: uint256 = pay_terms._payees[account]
        if self._noted(word, account, payee) != 0:
            continue
        known: bool = False
        units: uint256 = 0
        known, units = self._held_if_known(terms, word, account, hints[i] if len(hints) != 0 else 0)
        if not known or units == 0:
            continue
        rate: uint256 = pay_terms._rate(self._number(word), pay_terms._category(payee))
        cash: address = pay_terms._cash(rate)
        if payee & pay_terms.OWES != 0 and self._owed[account][cash] >> SET_OFF_SHIFT != 0:
            # A claim of its own sets off.
            log PaymentRefused(
                coaf=coaf, account=account, receiver=pay_terms._receiver(account, payee)
            )
            continue
        payment: Payment = self._payment(terms, rate, units)
        left: uint256 = self._drawn(part, terms, payment)
        self._note(word, account, payee)
        receiver: address = pay_terms._receiver(account, payee)
        if self._send(cash, receiver, unsafe_sub(payment.gross, payment.tax)):
            count = unsafe_add(count, 1)
            part = left
            log Paid(
                coaf=coaf,
                account=account,
                message_id=empty(bytes32),
                payment=payment,
                receiver=receiver,
            )
        else:
            # As if it had not been tried.
            self._forget(word, account, payee)
            log PaymentRefused(coaf=coaf, account=account, receiver=receiver)
    self._parts[coaf][empty(bytes32)] = part
    return count


@external
def pass_on_tax(coaf: bytes32, lane: bytes32) -> uint256:
    """
    @notice Pass the tax withheld of a part on to the account that the terms name; of a reversed event it goes back to
            the account for what is left.
    @param coaf The event.
    @param lane What lands from that lane; empty: accounts.
    @return How much.
    @custom:role anyone
    """
    amount: uint256 = self._withheld(coaf, lane)
    assert amount != 0, "payments: nothing withheld"
    self._passed_on[coaf][lane] += amount
    word: uint256 = self._pay[coaf]
    number: uint256 = self._number(word)
    receiver: address = pay_terms._terms[number].tax_account
    if word & _REVERSED != 0:
        receiver = pay_terms._terms[number].return_account
    log TaxPassedOn(coaf=coaf, lane=lane, receiver=receiver, amount=amount)
    self._must_send(pay_terms._terms[number].cash, receiver, amount)
    return amount


@external
def expire(coaf: bytes32, lane: bytes32) -> uint256:
    """
    @notice Return what is left of a part when its claims have expired, or its event is off. What may still land stays.
    @dev Of what lands from a lane in two calls: the first notes what was still to land at the newest close that was
         reconciled; whoever had it by then has 90 days from that close to claim, and then the second returns the rest.
    @param coaf The event.
    @param lane What lands from that lane; empty: accounts.
    @return How much, to the account that the terms name; 0: it was the first call.
    @custom:role anyone
    """
    terms: uint256 = events._terms[coaf]
    word: uint256 = self._pay[coaf]
    part: Part = self._part(coaf, lane, terms)
    amount: uint256 = part.cash
    assert amount != 0, "payments: nothing left"
    units: uint256 = part.units
    kept: uint256 = 0
    if (terms >> RECORD_SHIFT) & DAY_MASK != 0 and (units != 0 or not part.is_open):
        today: uint256 = self._day_of(block.timestamp, word)
        assert today > terms >> EXPIRES_SHIFT, "payments: claims go on"
        if lane != empty(bytes32):
            notice: uint256 = self._notices[coaf][lane]
            noticed: uint256 = (notice >> _NOTICED_SHIFT) & DAY_MASK
            kept = notice & figures.AMOUNT_MAX
            if noticed == 0 or kept >= units:
                closed: uint256 = 0
                closed, kept = cut._newest_close(coaf, lane)
                assert (
                    part.is_open and closed > max(noticed, notice >> ENDED_SHIFT) and kept < units
                ), "payments: units may still land"
                notice = (notice >> ENDED_SHIFT) << ENDED_SHIFT
                self._notices[coaf][lane] = notice | (closed << _NOTICED_SHIFT) | kept
                log ExpiryNoticed(coaf=coaf, lane=lane, day=closed, kept=kept)
                return 0
            assert today > noticed + NOTICE, "payments: notice not over"
            self._notices[coaf][lane] = noticed << ENDED_SHIFT
            units -= kept
            # What was due for all is no less than what is for those that stay.
            amount -= self._gross(terms, kept)
    if part.is_open:
        self._back[coaf][lane] += (amount << BACK_SHIFT) | units
    # One that is open stays so: what was withheld is known by it.
    self._parts[coaf][lane] = (_OPEN | (part.tax << _TAX_SHIFT) | kept) if part.is_open else 0
    log EventExpired(coaf=coaf, lane=lane, units=units, amount=amount)
    self._give_back(word, amount)
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
    part: Part = self._part(coaf, lane, events._terms[coaf])
    return (part.is_open, part.units, part.cash)


@external
@view
def expiry_notice(coaf: bytes32, lane: bytes32) -> (uint256, uint256, uint256):
    """
    @notice Which claims of a lane's part expire next; see `expire`.
    @param coaf The event.
    @param lane The lane.
    @return Claims of what had landed by the close of this day do, 90 days after it; 0: of none.
    @return Base units that had not landed then, and stay.
    @return Claims of what had landed by the close of this day are over; 0: of none.
    """
    notice: uint256 = self._notices[coaf][lane]
    return (
        (notice >> _NOTICED_SHIFT) & DAY_MASK,
        notice & figures.AMOUNT_MAX,
        notice >> ENDED_SHIFT,
    )


@external
@view
def withheld(coaf: bytes32, lane: bytes32) -> uint256:
    """
    @notice Tax withheld of an event's part on this ledger, and not passed on yet.
    @param coaf The event.
    @param lane What lands from that lane; empty: accounts.
    @return Smallest units of the cash.
    """
    return self._withheld(coaf, lane)


@external
@view
def is_paid(coaf: bytes32, account: address) -> bool:
    """
    @notice Whether an account was paid for an event what it held.
    @param coaf The event.
    @param account The account.
    @return Whether it was.
    """
    word: uint256 = self._pay[coaf]
    return word != 0 and self._noted(word, account, pay_terms._payees[account]) != 0


@external
@view
def is_crossing_paid(coaf: bytes32, lane: bytes32, kind: uint8, nonce: uint64) -> bool:
    """
    @notice Whether a message's units were paid for an event here, or given up.
    @param coaf The event.
    @param lane The message's lane.
    @param kind Its kind, of which the direction counts.
    @param nonce Its nonce.
    @return Whether they were.
    """
    return self._crossing(coaf, lane, kind, nonce) != 0


# -------------------------------------------------------------------------- internal


@internal
@view
def _check_open(terms: uint256, word: uint256, crossed: bool) -> uint256:
    """
    @dev Revert unless a part of an event is being paid here; today. An event without a record day is off, or there is
         none. What may still land has no expiry.
    """
    assert (terms >> RECORD_SHIFT) & DAY_MASK != 0, "payments: no such event, or off"
    assert word != 0, "payments: not funded yet"
    today: uint256 = self._day_of(block.timestamp, word)
    assert today >= (terms >> PAYMENT_SHIFT) & DAY_MASK, "payments: not before payment day"
    assert today <= terms >> EXPIRES_SHIFT or crossed, "payments: claims expired"
    return today


@internal
@pure
def _day_of(moment: uint256, word: uint256) -> uint256:
    """
    @dev The business day that a moment belongs to, as the token counts.
    """
    return unsafe_add(
        unsafe_div(
            unsafe_sub(moment, unsafe_mul((word >> _MINUTE_SHIFT) & _MINUTE_MASK, 60)), 86400
        ),
        1,
    )


@internal
@view
def _check_claimant(terms: uint256, word: uint256, account: address, crossed: bool):
    """
    @dev Revert unless the caller may have an account paid now.
    """
    today: uint256 = self._check_open(terms, word, crossed)
    assert (
        msg.sender == account
        or today > (terms >> _RELIEF_SHIFT) & DAY_MASK
        or pay_terms._acts_for(account)
    ), "payments: only the holder, till relief ends"


@internal
@view
def _held(terms: uint256, word: uint256, account: address, hint: uint256) -> uint256:
    """
    @dev What entitles an account; the token's own reason if it can't tell.
    """
    units: uint256 = staticcall ISecurityToken(
        convert(word & _ACCOUNT_MASK, address)
    ).entitled_at_close(account, (terms >> RECORD_SHIFT) & DAY_MASK, hint)
    if word >> _BEHIND_SHIFT != 0:
        units = self._in_its_units(word, units)
    assert units != 0, "payments: not entitled"
    return units


@internal
@view
def _held_if_known(
    terms: uint256, word: uint256, account: address, hint: uint256
) -> (bool, uint256):
    """
    @dev The same of one of many: an account of which the token can't tell stops nobody.
    """
    known: bool = False
    answer: Bytes[32] = b""
    known, answer = raw_call(
        convert(word & _ACCOUNT_MASK, address),
        abi_encode(
            account,
            (terms >> RECORD_SHIFT) & DAY_MASK,
            hint,
            method_id=method_id("entitled_at_close(address,uint256,uint256)"),
        ),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    units: uint256 = convert(answer, uint256) if known and len(answer) == 32 else 0
    if word >> _BEHIND_SHIFT != 0:
        units = self._in_its_units(word, units)
    return (known, units)


@internal
@view
def _in_its_units(word: uint256, units: uint256) -> uint256:
    """
    @dev What this ledger counted at the close, in the units of an event. If those are of a ratio that came here later,
         claims wait for it.
    """
    behind: uint256 = word >> _BEHIND_SHIFT
    if behind == 0:
        return units
    until: uint256 = (word >> EPOCH_SHIFT) & EPOCH_MASK
    return staticcall ISecurityToken(convert(word & _ACCOUNT_MASK, address)).carried(
        units, unsafe_sub(until, behind), until
    )


@internal
@view
def _pooled(word: uint256, pool: address, day: uint256, hint: uint256) -> uint256:
    """
    @dev What a pool held at the close of an event.
    """
    return self._in_its_units(
        word, staticcall ISecurityToken(dispatch.token).pooled_at_close(pool, day, hint)
    )


@internal
@view
def _kept_units(coaf: bytes32, account: address, day: uint256, hint: uint256) -> uint256:
    """
    @dev For what a part was that is kept for a payee: a pool's, or at home what is with other bridges.
    """
    if account == dispatch.token:
        return cut._units(coaf, convert(account, bytes32))
    return self._pooled(self._pay[coaf], account, day, hint)


@internal
@view
def _payment_of(coaf: bytes32, account: address, hint: uint256) -> Payment:
    """
    @dev What an account is to be paid today.
    """
    terms: uint256 = events._terms[coaf]
    word: uint256 = self._pay[coaf]
    self._check_open(terms, word, False)
    rate: uint256 = pay_terms._rate(
        self._number(word), pay_terms._category(pay_terms._payees[account])
    )
    return self._payment(terms, rate, self._held(terms, word, account, hint))


@internal
@pure
def _payment(terms: uint256, rate: uint256, units: uint256) -> Payment:
    """
    @dev What units are paid, and what of it is withheld at a rate.
    """
    gross: uint256 = self._gross(terms, units)
    return Payment(units=units, gross=gross, tax=pay_terms._tax(rate, gross))


@internal
@pure
def _gross(terms: uint256, units: uint256) -> uint256:
    """
    @dev What units are due: 104 and 96 bits. Only an event with a rate was funded.
    """
    return unsafe_div(unsafe_mul(units, terms & _RATE_TERM_MASK), (terms >> 96) & _RATE_TERM_MASK)


@internal
@view
def _part(coaf: bytes32, lane: bytes32, terms: uint256) -> Part:
    """
    @dev What is left of a part, or held for it.
    """
    stored: uint256 = self._parts[coaf][lane]
    if stored & _OPEN == 0:
        return Part(is_open=False, units=0, cash=stored, tax=0)
    units: uint256 = stored & figures.AMOUNT_MAX
    return Part(
        is_open=True,
        units=units,
        cash=unsafe_add(self._gross(terms, units), (stored >> _ROUNDED_SHIFT) & _ROUNDED_MASK),
        tax=(stored >> _TAX_SHIFT) & _DUE_MAX,
    )


@internal
@view
def _is_funded(coaf: bytes32, lane: bytes32) -> bool:
    """
    @dev Whether a part that is fixed was funded in full, ever, or nothing is due of it.
    """
    if self._parts[coaf][lane] & _OPEN != 0:
        return True
    terms: uint256 = events._terms[coaf]
    return (
        cut._share(coaf, lane).fixed
        and (terms >> 96) & _RATE_TERM_MASK != 0
        and self._gross(terms, cut._units(coaf, lane)) == 0
    )


@internal
def _book(coaf: bytes32, lane: bytes32, terms: uint256, payment: Payment):
    """
    @dev Book a payment out of a part that is funded in full.
    """
    part: uint256 = self._parts[coaf][lane]
    assert part & _OPEN != 0, "payments: not funded in full"
    self._parts[coaf][lane] = self._drawn(part, terms, payment)


@internal
@pure
def _drawn(part: uint256, terms: uint256, payment: Payment) -> uint256:
    """
    @dev What is left of an open part after a payment. What is due for all is never less than the sum for each, nor
         more by as much as one for each claim: 40 bits are enough for what rounding left.
    """
    units: uint256 = part & figures.AMOUNT_MAX
    assert payment.units <= units, "payments: more units than fixed"
    numerator: uint256 = terms & _RATE_TERM_MASK
    denominator: uint256 = (terms >> 96) & _RATE_TERM_MASK
    due: uint256 = unsafe_div(unsafe_mul(units, numerator), denominator)
    due_after: uint256 = unsafe_div(
        unsafe_mul(unsafe_sub(units, payment.units), numerator), denominator
    )
    rounded: uint256 = unsafe_sub(due, unsafe_add(payment.gross, due_after))
    return unsafe_add(
        unsafe_sub(part, payment.units),
        unsafe_add(rounded << _ROUNDED_SHIFT, payment.tax << _TAX_SHIFT),
    )


@internal
@view
def _paid_so_far(coaf: bytes32, lane: bytes32) -> Payment:
    """
    @dev What was paid of a part: what was fixed, less what is left of it and what went back.
    """
    terms: uint256 = events._terms[coaf]
    part: Part = self._part(coaf, lane, terms)
    if not part.is_open:
        return empty(Payment)
    fixed: uint256 = cut._units(coaf, lane)
    back: uint256 = self._back[coaf][lane]
    return Payment(
        units=fixed - part.units - (back & figures.AMOUNT_MAX),
        gross=self._gross(terms, fixed) - part.cash - (back >> BACK_SHIFT),
        tax=part.tax,
    )


@internal
@view
def _withheld(coaf: bytes32, lane: bytes32) -> uint256:
    """
    @dev Tax of a part that is still here.
    """
    stored: uint256 = self._parts[coaf][lane]
    if stored & _OPEN == 0:
        return 0
    return ((stored >> _TAX_SHIFT) & _DUE_MAX) - self._passed_on[coaf][lane]


@internal
@view
def _noted(word: uint256, account: address, payee: uint256) -> uint256:
    """
    @dev What is noted of an account: 0, or 1 + the category by which it was paid for an event.
    """
    number: uint256 = (word >> _EVENT_SHIFT) & _NUMBER_MASK
    if number < pay_terms.FIRST_EVENTS:
        return (payee >> self._place(number)) & _FIELD_MASK
    later: uint256 = unsafe_sub(number, pay_terms.FIRST_EVENTS)
    noted: uint256 = self._paid[account][unsafe_div(later, _FIELDS)]
    return (noted >> unsafe_mul(later % _FIELDS, _FIELD)) & _FIELD_MASK


@internal
@pure
def _place(number: uint256) -> uint256:
    """
    @dev Where one of the first events stands in a payee word.
    """
    return unsafe_add(unsafe_mul(number, _FIELD), pay_terms.EVENTS_SHIFT)


@internal
def _note(word: uint256, account: address, payee: uint256):
    """
    @dev Note that an account is paid for an event, once, and by which category.
    """
    number: uint256 = (word >> _EVENT_SHIFT) & _NUMBER_MASK
    if number < pay_terms.FIRST_EVENTS:
        place: uint256 = self._place(number)
        assert (payee >> place) & _FIELD_MASK == 0, "payments: paid already"
        pay_terms._payees[account] = payee | (pay_terms._field(payee) << place)
    else:
        later: uint256 = unsafe_sub(number, pay_terms.FIRST_EVENTS)
        place: uint256 = unsafe_mul(later % _FIELDS, _FIELD)
        noted: uint256 = self._paid[account][unsafe_div(later, _FIELDS)]
        assert (noted >> place) & _FIELD_MASK == 0, "payments: paid already"
        self._paid[account][unsafe_div(later, _FIELDS)] = noted | (pay_terms._field(payee) << place)


@internal
def _forget(word: uint256, account: address, payee: uint256):
    """
    @dev Undo what was noted last of an account; `payee` as it was before.
    """
    number: uint256 = (word >> _EVENT_SHIFT) & _NUMBER_MASK
    if number < pay_terms.FIRST_EVENTS:
        pay_terms._payees[account] = payee
    else:
        later: uint256 = unsafe_sub(number, pay_terms.FIRST_EVENTS)
        self._paid[account][unsafe_div(later, _FIELDS)] ^= pay_terms._field(payee) << unsafe_mul(
            later % _FIELDS, _FIELD
        )


@internal
def _note_crossed(coaf: bytes32, m: message.Message, payee: uint256):
    """
    @dev Note that a message's units are paid for an event, once, and by which category. No two that left
         an end of a lane have one nonce (INV-3).
    """
    nonce: uint256 = convert(m.nonce, uint256)
    place: uint256 = unsafe_mul(nonce % _FIELDS, _FIELD)
    key: uint256 = self._page(m.kind, nonce)
    noted: uint256 = self._crossed[coaf][m.lane][key]
    assert (noted >> place) & _FIELD_MASK == 0, "payments: paid already"
    self._crossed[coaf][m.lane][key] = noted | (pay_terms._field(payee) << place)


@internal
def _note_given_up(coaf: bytes32, m: message.Message):
    """
    @dev Note that what was kept for a message's units is given up, and was not paid before.
    """
    self._note_crossed(coaf, m, 0)
    nonce: uint256 = convert(m.nonce, uint256)
    self._crossed[coaf][m.lane][self._page(m.kind, nonce)] |= GIVEN_UP << unsafe_mul(
        nonce % _FIELDS, _FIELD
    )


@internal
@view
def _crossing(coaf: bytes32, lane: bytes32, kind: uint8, nonce_: uint64) -> uint256:
    """
    @dev What is noted of a message: 0, or 1 + the category by which its units were paid, or that they were given up.
    """
    nonce: uint256 = convert(nonce_, uint256)
    noted: uint256 = self._crossed[coaf][lane][self._page(kind, nonce)]
    return (noted >> unsafe_mul(nonce % _FIELDS, _FIELD)) & _FIELD_MASK


@internal
@view
def _came_back(m: message.Message, nonce: uint64, lock_time: uint64) -> (bytes32, address, uint256):
    """
    @dev The id of a message that left here, whom its units landed with when another took them back, and on which day:
         of that one the escrow knows no more than the id, and all else that is in it follows from the first.
    """
    id: bytes32 = message._id(m)
    answer: message.Message = m
    answer.codec = message.CODEC
    answer.kind = m.kind ^ _ANSWERED
    answer.nonce = nonce
    answer.lock_time = lock_time
    answer.sender = id
    answer.recipient = m.sender
    answer.deadline = m.lock_time
    # They went back in the units of some epoch since, each rounded down.
    token: ISecurityToken = ISecurityToken(dispatch.token)
    since: uint256 = convert(m.action_epoch, uint256)
    last: uint256 = staticcall token.action_epoch()
    landing: uint256 = 0
    for i: uint256 in range(128):
        landing = staticcall IBridgeEscrow(dispatch.escrow).landed(message._id(answer))
        if landing != 0 or since + i >= last:
            break
        answer.action_epoch = convert(since + i + 1, uint16)
        answer.amount = staticcall token.carried(m.amount, since, since + i + 1)
    assert landing != 0, "payments: did not land here"
    account: address = convert(landing >> 24, address)
    if account == empty(address):
        account = message._address(m.sender)
    return (id, account, landing & DAY_MASK)


@internal
@view
def _units_of(m: message.Message, word: uint256) -> uint256:
    """
    @dev A message's units in those of an event: what left before a ratio that the event is after is rounded down, as it
         is where it lands.
    """
    since: uint256 = convert(m.action_epoch, uint256)
    until: uint256 = (word >> EPOCH_SHIFT) & EPOCH_MASK
    if since == until:
        return m.amount
    # What left after it was not under way then.
    assert since < until, "payments: in other units"
    return staticcall ISecurityToken(dispatch.token).carried(m.amount, since, until)


@internal
@pure
def _page(kind: uint8, nonce: uint256) -> uint256:
    """
    @dev Which word of a lane's a message is noted in: nonces count all that one end sent, whatever its kind.
    """
    return (convert(kind & (message.ISSUE | message.RELEASE), uint256) << 64) | unsafe_div(
        nonce, _FIELDS
    )


@internal
def _reverse(coaf: bytes32, may_set_off: bool):
    """
    @dev Tax that is still here goes back, and what is owed may be set off. An event that was never funded paid nobody.
    """
    word: uint256 = self._pay[coaf]
    if word != 0:
        self._pay[coaf] = word | _REVERSED | (MAY_SET_OFF if may_set_off else 0)


@internal
def _set_off(
    coaf: bytes32, word: uint256, account: address, cash: address, net: uint256
) -> uint256:
    """
    @dev Keep back of a payment what its account owes in that cash and may be set off; what is left of the payment.
    """
    owed: uint256 = self._owed[account][cash]
    amount: uint256 = min(owed >> SET_OFF_SHIFT, net)
    if amount != 0:
        # No more may be set off than is owed.
        owed = unsafe_sub(owed, (amount << SET_OFF_SHIFT) | amount)
        self._owed[account][cash] = owed
        log SetOff(
            coaf=coaf,
            account=account,
            cash=cash,
            amount=amount,
            owed=owed & OWED_MASK,
            may_set_off=owed >> SET_OFF_SHIFT,
        )
        self._must_send(cash, pay_terms._terms[self._number(word)].return_account, amount)
    return unsafe_sub(net, amount)


@internal
def _take(cash: address, amount: uint256):
    """
    @dev Take cash from the caller, who allowed it.
    """
    if amount == 0:
        return
    token: IERC20 = IERC20(cash)
    before: uint256 = staticcall token.balanceOf(self)
    assert extcall token.transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "payments: cash refused"
    after: uint256 = staticcall token.balanceOf(self)
    # One that takes a fee, or does nothing, can't pay an event.
    assert after == before + amount, "payments: other cash came in"


@internal
def _give_back(word: uint256, amount: uint256):
    """
    @dev Pay what nobody is to be paid any more to the account that the event's terms name.
    """
    number: uint256 = self._number(word)
    self._must_send(pay_terms._terms[number].cash, pay_terms._terms[number].return_account, amount)


@internal
def _must_send(cash: address, receiver: address, amount: uint256):
    """
    @dev Pay out of this contract, or revert.
    """
    assert self._send(cash, receiver, amount), "payments: cash refused"


@internal
def _send(cash: address, receiver: address, amount: uint256) -> bool:
    """
    @dev Pay out of this contract; whether the cash token did it. It gets no more gas than a payment needs, so that
         it can't keep a batch from others.
    """
    if amount == 0:
        return True
    done: bool = False
    answer: Bytes[32] = b""
    done, answer = raw_call(
        cash,
        abi_encode(receiver, amount, method_id=method_id("transfer(address,uint256)")),
        max_outsize=32,
        gas=_TRANSFER_GAS,
        revert_on_failure=False,
    )
    # As many do, it may answer nothing.
    return done and (len(answer) == 0 or convert(answer, uint256) == 1)


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
