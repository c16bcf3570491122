# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Actions engine, second piece: its controls
@license Apache-2.0
@author Tallystick
@notice What happens at a close: figures, totals, what is told of them, what stops if they don't fit in time.
@dev ActionsEngine hands every call here that it does not know; this code then runs on that storage, as the modules are
     the same in the same order, the variable behind them too. What it does not know it hands on to
     ActionsEngineSettings.
@custom:security Runs by ActionsEngine's delegated calls; it can't be initialised itself.
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
    # a close
    figures.send_figures,
    figures.take_figures,
    figures.figures_at,
    cut.fix,
    cut.fix_lane,
    cut.take_totals,
    cut.share_of,
    # its books
    reconciliation.reconcile,
    reconciliation.take_reconciled,
    suspensions.reconciliation_of,
    reconciliation.suspend,
    reconciliation.resume,
    # what crossed it
    payments.is_crossing_paid,
)

_MAX_RETURN: constant(uint256) = 1024

SETTINGS: public(immutable(address))

_initialized: bool


@deploy
def __init__(settings: address):
    """
    @notice Name the third piece of this release.
    @param settings Its address.
    """
    # A call to an address without code succeeds and does nothing.
    assert code._is_code(settings), "engine: settings have no code"
    SETTINGS = settings
    # Called straight, this is nobody's engine.
    self._initialized = True


@external
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    """
    @notice What is not here, the settings do, on this storage and for this caller.
    @dev As in SecurityToken: the function that is called takes the lock, which has one slot in all pieces.
    @return What they returned, byte for byte.
    """
    return raw_call(SETTINGS, msg.data, is_delegate_call=True, max_outsize=_MAX_RETURN)
