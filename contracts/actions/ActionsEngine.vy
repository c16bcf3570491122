# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Actions engine: corporate actions of one instrument on one ledger
@license Apache-2.0
@author Tallystick
@notice Keeps the golden record of every event, tells the other ledgers' engines, and is told by them; splits the issue
        at the close of a record day among all who owe for it; pays whom it is owed to.
@dev One for each ledger and instrument, bound to its token, in which it holds the role ACTIONS.
     It is six pieces. This first one pays; what it does not know it hands on to ActionsEngineControls (a close), that
     to ActionsEngineSettings (set-up, terms of payment, cash that goes elsewhere or back), that to ActionsEngineRecords
     (the golden record, what is taken back), that to ActionsEngineRatios (ratios, redemption, what other ledgers paid),
     and that to ActionsEngineFractions (fractions, units that went back, operators). All keep the same storage.
@custom:security Runs behind a ReleaseProxy; the implementation itself can't be initialised. It holds no units; it holds
        cash that an event was funded with, and pays it out by that event alone.
@custom:kill None of its own: what attestors have not confirmed has no effect, and what they have is cancelled as it
        was confirmed. The guardian withdraws proposals.
"""
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

exports: (
    # holders
    payments.claim,
    payments.claim_crossed,
    payments.push,
    pay_terms.set_payee,
    # cash
    payments.fund,
    payments.set_aside,
    payments.claim_pool,
    payments.is_paid,
    pay_terms.payee_of,
    # what is paid back
    reversal.repay,
    reversal.assess,
    reversal.assess_crossed,
    reversal.assess_returned,
    # messages
    dispatch.is_told,
)

RELEASE: constant(String[16]) = "1.0.0"

_MAX_RETURN: constant(uint256) = 1024

CONTROLS: public(immutable(address))

_initialized: bool


@deploy
def __init__(controls: address):
    """
    @notice Name the second piece of this release.
    @param controls Its address.
    """
    # A call to an address without code succeeds and does nothing.
    assert code._is_code(controls), "engine: controls have no code"
    CONTROLS = controls
    # The implementation is nobody's engine.
    self._initialized = True


@external
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    """
    @notice What is not here, the controls do, on this storage and for this caller.
    @dev As in SecurityToken: the function that is called takes the lock, which has one slot in both pieces.
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
