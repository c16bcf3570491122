# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Actions engine, third piece: its settings
@license Apache-2.0
@author Tallystick
@notice Set-up and roles, whom the engine believes, terms of payment, cash that goes elsewhere or back.
@dev ActionsEngineControls hands every call here that it does not know; this code then runs on that storage, as the
     modules are the same in the same order, the variable behind them too. What it does not know it hands on to
     ActionsEngineRecords.
@custom:security Runs by the delegated calls of the pieces before it; it can't be initialised itself.
@custom:kill None of its own: what attestors have not confirmed has no effect, and what they have is cancelled as it
        was confirmed. The guardian withdraws proposals.
"""
from interfaces import ISecurityToken

from contracts.actions import arming
from contracts.actions import cut
from contracts.actions import dispatch
from contracts.actions import events
from contracts.actions import figures
from contracts.actions import operators
from contracts.actions import paid
from contracts.actions import pay_terms
from contracts.actions import payments
from contracts.actions import reconciliation
from contracts.actions import reversal
from contracts.actions import suspensions
from contracts.governance import access
from contracts.governance import code

initializes: access
initializes: dispatch[access := access]
initializes: events[access := access, dispatch := dispatch]
initializes: figures[dispatch := dispatch]
initializes: suspensions[dispatch := dispatch]
initializes: cut[
    dispatch := dispatch, events := events, figures := figures, suspensions := suspensions
]
initializes: reconciliation[
    access := access, cut := cut, dispatch := dispatch, events := events, suspensions := suspensions
]
initializes: operators
initializes: pay_terms[access := access, operators := operators]
initializes: payments[
    access := access, cut := cut, dispatch := dispatch, events := events, pay_terms := pay_terms
]
initializes: paid[
    cut := cut, dispatch := dispatch, events := events, figures := figures, payments := payments
]
initializes: reversal[
    dispatch := dispatch, events := events, pay_terms := pay_terms, payments := payments
]
initializes: arming[
    access := access, cut := cut, dispatch := dispatch, events := events, figures := figures
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
    # whom it believes
    dispatch.propose_peer,
    dispatch.set_peer,
    dispatch.peer_of,
    dispatch.home_ledger,
    events.propose_attestors,
    events.set_attestors,
    events.attestors,
    # whether each day is asked for
    reconciliation.propose_daily,
    reconciliation.set_daily,
    reconciliation.daily_since,
    # what is paid, and to whom less of it
    pay_terms.propose_pay_terms,
    pay_terms.set_pay_terms,
    pay_terms.terms_for,
    pay_terms.set_tax_category,
    pay_terms.propose_pool_payee,
    pay_terms.set_pool_payee,
    pay_terms.pool_payee,
    # cash that goes elsewhere or back
    payments.propose_paid_elsewhere,
    payments.confirm_paid_elsewhere,
    payments.pass_on_tax,
    payments.withheld,
    payments.expire,
    payments.expiry_notice,
    payments.part_of,
    paid.is_funded_there,
    # who is credited what ratios leave
    arming.propose_fractions_agent,
    arming.set_fractions_agent,
    arming.fractions_agent,
    # what it speaks for
    dispatch.token,
    dispatch.escrow,
    dispatch.instrument,
    dispatch.is_home,
)

_MAX_RETURN: constant(uint256) = 1024

RECORDS: public(immutable(address))

_initialized: bool


@deploy
def __init__(records: address):
    """
    @notice Name the fourth piece of this release.
    @param records Its address.
    """
    # A call to an address without code succeeds and does nothing.
    assert code._is_code(records), "engine: records have no code"
    RECORDS = records
    # Called straight, this is nobody's engine.
    self._initialized = True


@external
def initialize(token_: address, escrow_: address, set_up_key_: address):
    """
    @notice Bind the engine to a token and the escrow of its lanes, and name the key that sets it up; once, by the
            proxy's constructor.
    @param token_ The token of the instrument on this ledger.
    @param escrow_ The escrow on this ledger.
    @param set_up_key_ The key that sets the contract up and then hands it over.
    @custom:role constructor
    """
    assert not self._initialized, "engine: initialised already"
    self._initialized = True
    assert code._is_code(token_), "engine: token has no code"
    assert code._is_code(escrow_), "engine: escrow has no code"
    isin: String[12] = staticcall ISecurityToken(token_).isin()
    dispatch.token = token_
    dispatch.escrow = escrow_
    dispatch.instrument = keccak256(isin)
    dispatch.is_home = staticcall ISecurityToken(token_).is_home()
    access._initialize(set_up_key_)


@external
def hand_over(reason: bytes4, document: bytes32):
    """
    @notice End the set-up: the set-up key keeps nothing. At home the event attestors are set before, elsewhere home.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role set-up key
    """
    # Either is set on its own side alone.
    assert (
        events.attestors != empty(address) or dispatch.home_ledger != empty(bytes32)
    ), "engine: nobody to believe yet"
    access._hand_over(reason, document)


@external
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    """
    @notice What is not here, the records do, on this storage and for this caller.
    @dev As in SecurityToken: the function that is called takes the lock, which has one slot in all pieces.
    @return What they returned, byte for byte.
    """
    return raw_call(RECORDS, msg.data, is_delegate_call=True, max_outsize=_MAX_RETURN)
