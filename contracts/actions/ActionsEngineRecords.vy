# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Actions engine, fourth piece: its records
@license Apache-2.0
@author Tallystick
@notice The golden record of every event, what ledgers tell one another of it, and what is taken back.
@dev ActionsEngineSettings hands every call here that it does not know; this code then runs on that storage, as the
     modules are the same in the same order, the variable behind them too. The chain ends here. It has no immutables,
     so that its hash is the same on every ledger.
@custom:security Runs by the delegated calls of the pieces before it; it can't be initialised itself.
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
    # the golden record
    events.announce,
    events.confirm,
    events.take_record,
    events.take_armed,
    events.tell,
    # what stands of it
    events.told_at,
    events.event_of,
    events.version_of,
    events.record_hash,
    events.version_hash,
    # what stands of a close
    figures.figures_at,
    suspensions.reconciliation_of,
    # what was paid on other ledgers
    paid.send_paid,
    paid.take_paid,
    paid.paid_at,
    # what is taken back
    reversal.announce_reversal,
    reversal.confirm_reversal,
    reversal.take_reversal,
    reversal.reversal_of,
    reversal.receivable_of,
    reversal.owed_by,
    # what is told
    dispatch.message_id,
    dispatch.domain_separator,
    dispatch.eip712Domain,
)

_initialized: bool


@deploy
def __init__():
    # Called straight, this is nobody's engine.
    self._initialized = True


@external
@reentrant
def __default__():
    """
    @notice Refuse what no piece knows, and a call without a function.
    @dev Takes no lock: the authority asks it for a next piece in a static call, where a lock is no refusal but a halt.
    """
    raise "engine: no such function"
