# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Fractions: what a ratio's record gives beyond the whole units that the ratio left (INV-2, INV-12)
@license Apache-2.0
@author Tallystick
@notice Units are rounded down wherever a ratio finds them: on accounts, on lanes, under way. What the record gives for
        the fraction is claimed here, once for each account and message of record: one more unit (RDUP; STAN from a half
        on; BUYU against cash), or cash (CINL). Of RDDN and DIST nothing is: all that rounding leaves is the agent's.
@dev An account's amount of record is its closing on the last day in old units on this ledger. What was under way or in
     suspense then was in nobody's: of record is the message with which it left in old units, on the ledger where it
     landed in new ones. Each unit is so of record once, whatever the day on which each ledger took the ratio.
     Of `amount` units `amount * numerator % denominator` are left, in parts of a new unit. A unit comes from the
     fractions' agent here, by the token's own `transferFrom`, and so does cash: this contract can issue nothing, holds
     nothing, and can move no more of the agent's than the agent allowed it. A claim that finds too little reverts, with
     the token's reason, and stays. Cash to a holder rounds down, from a holder up.
     Terms are opened once for each ledger, by anyone, once the ratio is in force there. The price is a record of its
     own (see `events`), the same on every ledger and never another. No tax is withheld: these are proceeds of a sale.

       opened  code 4 | first day in new units 16 | numerator 40 | denominator 40 | - 60 | terms 32 | event 32 | - 11 |
               unit epoch 7 | - 14
       price   numerator 96 | denominator 96 | payment day 16 | decimals of the cash 8 | currency 32
"""
from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

from interfaces import IBridgeEscrow
from interfaces import ISecurityToken

from contracts.actions import cut
from contracts.actions import dispatch
from contracts.actions import event_record
from contracts.actions import events
from contracts.actions import pay_terms
from contracts.actions import payments
from contracts.bridge import message

uses: cut
uses: dispatch
uses: events
uses: pay_terms
uses: payments

_CODE_MASK: constant(uint256) = 15
_FIRST_DAY_SHIFT: constant(uint256) = 4
_NUMERATOR_SHIFT: constant(uint256) = 20
_DENOMINATOR_SHIFT: constant(uint256) = 60
_PART_MASK: constant(uint256) = 2**40 - 1
_TERM_MASK: constant(uint256) = 2**96 - 1
_PAYMENT_SHIFT: constant(uint256) = 192
_DECIMALS_SHIFT: constant(uint256) = 208
_CURRENCY_SHIFT: constant(uint256) = 216
_EPOCH_MASK: constant(uint256) = 2**8 - 1


struct Given:
    # Of record, in old units, and what of it the ratio left, in parts of a new unit.
    amount: uint256
    rest: uint256
    # Units beyond; cash to the holder; cash from the holder.
    units: uint256
    paid: uint256
    bought: uint256


event FractionsOpened:
    coaf: indexed(bytes32)
    epoch: indexed(uint256)
    code: uint256
    # The first day in new units here.
    first_day: uint256
    # COAF of their price, and the cash; empty where nothing is paid.
    price: bytes32
    cash: address


event FractionGiven:
    coaf: indexed(bytes32)
    account: indexed(address)
    # The message that was under way; empty: what the account held.
    message_id: indexed(bytes32)
    given: Given
    # Of cash that is paid.
    receiver: address


# ------------------------------------------------------------------------------ anyone


@external
def open_fractions(coaf: bytes32):
    """
    @notice Have what a ratio's record gives for fractions claimed on this ledger from now on.
    @dev Of cash in lieu, and of units that are bought, once their price is in force here.
    @param coaf The ratio's event.
    @custom:role anyone
    """
    assert events._fractions[coaf] == 0, "fractions: open already"
    token: ISecurityToken = ISecurityToken(dispatch.token)
    epoch: uint256 = events._ratios[coaf] & _EPOCH_MASK
    assert epoch != 0 and epoch <= staticcall token.action_epoch(), "fractions: no ratio in force"
    in_force: bytes32 = events.event_of[coaf].in_force
    code: uint256 = events._rounding(in_force)
    assert (
        code > event_record.ROUNDING_DOWN and code != event_record.DISTRIBUTED
    ), "fractions: nothing beyond whole units"
    priced: bytes32 = empty(bytes32)
    number: uint256 = 0
    cash: address = empty(address)
    if self._is_priced(code):
        price: uint256 = events._prices[epoch]
        assert price != 0, "fractions: no price in force"
        priced = events._priced[epoch]
        number = pay_terms._newest[convert(convert(price >> _CURRENCY_SHIFT, uint32), bytes4)]
        cash = pay_terms._terms[number].cash
        # Without terms there is no cash that could say.
        assert (
            number != 0
            and convert(staticcall IERC20Detailed(cash).decimals(), uint256)
            == (price >> _DECIMALS_SHIFT) & 255
        ), "fractions: no cash of that currency and decimals"
    assert not (
        events._version(in_force).halted or events._version(events.event_of[priced].in_force).halted
    ), "fractions: event is halted"
    ratio: ISecurityToken.Ratio = staticcall token.ratio_at(epoch)
    event_number: uint256 = payments._events
    payments._events = event_number + 1
    events._fractions[coaf] = (
        code
        | (ratio.first_day << _FIRST_DAY_SHIFT)
        | (ratio.numerator << _NUMERATOR_SHIFT)
        | (ratio.denominator << _DENOMINATOR_SHIFT)
        | (number << payments._TERMS_SHIFT)
        | (event_number << payments._EVENT_SHIFT)
        | (unsafe_sub(epoch, 1) << payments.EPOCH_SHIFT)
    )
    log FractionsOpened(
        coaf=coaf,
        epoch=epoch,
        code=code,
        first_day=ratio.first_day,
        price=priced,
        cash=cash,
    )


@external
def claim_fraction(coaf: bytes32, account: address, hint: uint256):
    """
    @notice Give an account what the record gives for the fraction of what it held at the last close in old units.
    @dev Anyone for anybody; what is bought the holder alone, and whoever it authorised.
    @param coaf The ratio's event.
    @param account The holder.
    @param hint As for the token's `entitled_at_close`.
    @custom:role anyone
    @custom:refused transfers, suspended instrument, frozen from, frozen to, expired from, expired to
    """
    word: uint256 = self._word(coaf)
    payments._note(word, account, pay_terms._payees[account])
    self._give(coaf, word, account, empty(bytes32), self._held(word, account, hint))


@external
def claim_crossed_fraction(coaf: bytes32, m: message.Message, nonce: uint64, lock_time: uint64):
    """
    @notice Give whom a message's units landed with here, in new units, what the record gives for the fraction of what
            left in old ones.
    @dev What is bought they alone buy, and whoever they authorised. Of units that came back, the message is the one
         with which they left here.
    @param coaf The ratio's event.
    @param m The message, as its source logged it.
    @param nonce Of the message that took its units back, as the other ledger logged it.
    @param lock_time Of that message; 0: they landed where they were sent to.
    @custom:role anyone
    @custom:refused transfers, suspended instrument, frozen from, frozen to, expired from, expired to
    """
    id: bytes32 = empty(bytes32)
    account: address = empty(address)
    day: uint256 = 0
    if lock_time != 0:
        id, account, day = payments._came_back(m, nonce, lock_time)
    else:
        id = message._id(m)
        landing: uint256 = staticcall IBridgeEscrow(dispatch.escrow).landed(id)
        # What takes units back is shown by what had left.
        assert (
            landing != 0 and landing >> 16 != payments.WENT_BACK and m.kind & message.RETURNED == 0
        ), "fractions: did not land here"
        account = convert(landing >> 24, address)
        if account == empty(address):
            account = message._address(m.recipient)
        day = landing & payments.DAY_MASK
    word: uint256 = self._word(coaf)
    assert (day >= (word >> _FIRST_DAY_SHIFT) & payments.DAY_MASK), "fractions: landed in old units"
    # An escrow has lanes of others too.
    cut._check_lane(m.lane)
    payments._note_crossed(coaf, m, pay_terms._payees[account])
    self._give(coaf, word, account, id, payments._units_of(m, word))


# ------------------------------------------------------------------------------- views


@external
@view
def fraction_code(coaf: bytes32) -> uint256:
    """
    @notice What becomes of a ratio's fractions on this ledger.
    @param coaf The ratio's event.
    @return As in the record; 0: they were not opened.
    """
    return events._fractions[coaf] & _CODE_MASK


@external
@view
def fraction_of(coaf: bytes32, account: address, hint: uint256) -> (Given, bool):
    """
    @notice What the record gives an account for its fraction, of what it held at the last close in old units.
    @param coaf The ratio's event.
    @param account The account.
    @param hint As for the token's `entitled_at_close`.
    @return What; all 0 if nothing is due.
    @return Whether it was given.
    """
    word: uint256 = self._word(coaf)
    return (
        self._due(word, self._price(word), self._held(word, account, hint)),
        payments._noted(word, account, pay_terms._payees[account]) != 0,
    )


# ---------------------------------------------------------------------------- internal


@internal
@view
def _word(coaf: bytes32) -> uint256:
    """
    @dev How an event's fractions are treated here.
    """
    word: uint256 = events._fractions[coaf]
    assert word != 0, "fractions: not opened yet"
    return word


@internal
@pure
def _is_priced(code: uint256) -> bool:
    """
    @dev Whether a fraction is paid for, by whomever.
    """
    return code == event_record.CASH_IN_LIEU or code == event_record.BOUGHT_UP


@internal
@view
def _held(word: uint256, account: address, hint: uint256) -> uint256:
    """
    @dev What an account held at the last close in old units, in those; the token's own reason if it can't tell.
    """
    return staticcall ISecurityToken(dispatch.token).entitled_at_close(
        account,
        unsafe_sub((word >> _FIRST_DAY_SHIFT) & payments.DAY_MASK, 1),
        hint,
    )


@internal
@pure
def _due(word: uint256, price: uint256, amount: uint256) -> Given:
    """
    @dev What an amount of record is given: 104, 40 and 96 bits.
    """
    code: uint256 = word & _CODE_MASK
    denominator: uint256 = (word >> _DENOMINATOR_SHIFT) & _PART_MASK
    rest: uint256 = unsafe_mul(amount, (word >> _NUMERATOR_SHIFT) & _PART_MASK) % denominator
    given: Given = Given(amount=amount, rest=rest, units=0, paid=0, bought=0)
    if rest == 0:
        return given
    if code == event_record.NEAREST:
        given.units = 1 if unsafe_mul(rest, 2) >= denominator else 0
    elif code != event_record.CASH_IN_LIEU:
        given.units = 1
    if self._is_priced(code):
        numerator: uint256 = price & _TERM_MASK
        divisor: uint256 = unsafe_mul((price >> 96) & _TERM_MASK, denominator)
        if code == event_record.CASH_IN_LIEU:
            given.paid = unsafe_mul(rest, numerator) // divisor
        else:
            # What lacks to a whole unit; up, as what the holder pays.
            lacking: uint256 = unsafe_mul(unsafe_sub(denominator, rest), numerator)
            given.bought = unsafe_add(lacking, unsafe_sub(divisor, 1)) // divisor
    return given


@internal
@view
def _price(word: uint256) -> uint256:
    """
    @dev The price of an event's fractions; 0 if they have none.
    """
    if not self._is_priced(word & _CODE_MASK):
        return 0
    return events._prices[unsafe_add((word >> payments.EPOCH_SHIFT) & payments.EPOCH_MASK, 1)]


@internal
def _give(coaf: bytes32, word: uint256, account: address, id: bytes32, amount: uint256):
    """
    @dev What was noted as given: a unit and cash from the agent, cash to it. A unit goes to the account of record, cash
         to whom that named.
    """
    price: uint256 = self._price(word)
    given: Given = self._due(word, price, amount)
    assert given.units | given.paid != 0, "fractions: nothing is due"
    if price != 0:
        assert (
            staticcall ISecurityToken(dispatch.token).business_day()
            >= (price >> _PAYMENT_SHIFT) & payments.DAY_MASK
        ), "fractions: not before payment day"
    assert given.bought == 0 or pay_terms._acts_for(account), "fractions: only the holder buys"
    agent: address = events._fractions_agent
    receiver: address = pay_terms._receiver(account, pay_terms._payees[account])
    log FractionGiven(coaf=coaf, account=account, message_id=id, given=given, receiver=receiver)
    if given.units != 0:
        assert extcall ISecurityToken(dispatch.token).transferFrom(
            agent, account, given.units
        ), "fractions: unit refused"
    cash: address = pay_terms._terms[payments._number(word)].cash
    self._pay(cash, agent, receiver, given.paid)
    self._pay(cash, account, agent, given.bought)


@internal
def _pay(cash: address, payer: address, receiver: address, amount: uint256):
    """
    @dev Have cash paid that was allowed to this contract.
    """
    if amount != 0:
        assert extcall IERC20(cash).transferFrom(
            payer, receiver, amount, default_return_value=True
        ), "fractions: cash refused"
