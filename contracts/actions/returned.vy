# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Returned: cash that follows units back to the ledger that they had left (INV-6)
@license Apache-2.0
@author Tallystick
@notice What was under way at the close of an event's record day was fixed where it was bound for. If it goes back
        since, its cash is given up there, and returns; where it lands, whoever brings as much has whom it landed with
        paid. If it landed there and nobody claims it, its cash is given up in the end too: by the message itself, so
        that no ratio since makes a difference (see `expire` for all that had landed by a close).
@dev Either is noted in a bit of the message, on its own ledger. What is paid for units that came back is drawn on no
     part that was fixed: it comes in gross and goes out in one act, under the message's id, so that no part is ever
     short, and home's bounds of what a ledger paid hold as they are. For a close from the day on which units went back
     on, the message that took them back is one like any other (see `payments`).
"""
from interfaces import IBridgeEscrow

from contracts.actions import cut
from contracts.actions import dispatch
from contracts.actions import events
from contracts.actions import pay_terms
from contracts.actions import payments
from contracts.bridge import message

uses: cut
uses: dispatch
uses: events
uses: pay_terms
uses: payments


event GivenUp:
    coaf: indexed(bytes32)
    lane: indexed(bytes32)
    message_id: indexed(bytes32)
    units: uint256
    # To the account for what is left.
    amount: uint256


# -------------------------------------------------------------------------------- anyone


@external
def give_up(coaf: bytes32, m: message.Message) -> uint256:
    """
    @notice Give up what is kept for units that were on their way here at the close of an event's record day: they went
            back since, and are paid for where they land; or they landed 90 days ago or more, the event's last day is
            over too, and nobody has claimed.
    @param coaf The event.
    @param m The message, as its source logged it.
    @return How much, gross, to the account that the terms name.
    @custom:role anyone
    """
    id: bytes32 = message._id(m)
    landing: uint256 = staticcall IBridgeEscrow(dispatch.escrow).landed(id)
    terms: uint256 = events._terms[coaf]
    word: uint256 = payments._pay[coaf]
    today: uint256 = payments._check_open(terms, word, True)
    day: uint256 = landing & payments.DAY_MASK
    assert landing >> 16 == payments.WENT_BACK or (
        landing != 0 and today > max(terms >> payments.EXPIRES_SHIFT, day + payments.NOTICE)
    ), "returned: may be claimed"
    units: uint256 = self._between(m, day, terms, word)
    # What had ended by that close returned with what expired.
    assert (
        day > payments._notices[coaf][m.lane] >> payments.ENDED_SHIFT
    ), "returned: expired already"
    payment: payments.Payment = payments.Payment(
        units=units, gross=payments._gross(terms, units), tax=0
    )
    payments._note_given_up(coaf, m)
    payments._book(coaf, m.lane, terms, payment)
    # Nobody was paid by this.
    payments._back[coaf][m.lane] += (payment.gross << payments.BACK_SHIFT) | units
    log GivenUp(coaf=coaf, lane=m.lane, message_id=id, units=units, amount=payment.gross)
    payments._give_back(word, payment.gross)
    return payment.gross


@external
def pay_returned(coaf: bytes32, m: message.Message, nonce: uint64, lock_time: uint64) -> uint256:
    """
    @notice Pay whom units landed with here again that were on their way from here at the close of an event's record
            day, with cash that the caller brings, and allowed, for all of them.
    @dev It has no expiry: nothing is kept for it.
    @param coaf The event.
    @param m The message with which they left, as it was logged here.
    @param nonce Of the message that took them back, as the other ledger logged it.
    @param lock_time Of that message.
    @return What whom they landed with got, net.
    @custom:role anyone
    """
    id: bytes32 = empty(bytes32)
    account: address = empty(address)
    day: uint256 = 0
    id, account, day = payments._came_back(m, nonce, lock_time)
    terms: uint256 = events._terms[coaf]
    word: uint256 = payments._pay[coaf]
    payments._check_claimant(terms, word, account, True)
    units: uint256 = self._between(
        m, payments._day_of(convert(lock_time, uint256), word), terms, word
    )
    # An escrow has lanes of others too.
    cut._check_lane(m.lane)
    payee: uint256 = pay_terms._payees[account]
    rate: uint256 = pay_terms._rate(payments._number(word), pay_terms._category(payee))
    payment: payments.Payment = payments._payment(terms, rate, units)
    payments._note_crossed(coaf, m, payee)
    receiver: address = pay_terms._receiver(account, payee)
    log payments.Paid(coaf=coaf, account=account, message_id=id, payment=payment, receiver=receiver)
    cash: address = pay_terms._cash(rate)
    payments._take(cash, payment.gross)
    payments._must_send(cash, pay_terms._terms[payments._number(word)].tax_account, payment.tax)
    net: uint256 = unsafe_sub(payment.gross, payment.tax)
    if payee & pay_terms.OWES != 0:
        net = payments._set_off(coaf, word, account, cash, net)
    payments._must_send(cash, receiver, net)
    return net


# ------------------------------------------------------------------------------ internal


@internal
@view
def _between(m: message.Message, went_back: uint256, terms: uint256, word: uint256) -> uint256:
    """
    @dev Units of a message that went back on a day, in those of the event; revert unless they were between leaving and
         that at the close of the record day.
    """
    day: uint256 = (terms >> payments.RECORD_SHIFT) & payments.DAY_MASK
    left: uint256 = payments._day_of(convert(m.lock_time, uint256), word)
    assert left <= day and day < went_back, "returned: not under way then"
    assert word & payments.HOME == 0 or cut._counts(m.lane, day), "returned: lane is halted"
    return payments._units_of(m, word)
