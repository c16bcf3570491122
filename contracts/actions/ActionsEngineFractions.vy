# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Actions engine, sixth piece: fractions, what went back, and operators
@license Apache-2.0
@author Tallystick
@notice What is given for the fractions that ratios leave; cash for units that went back where they came from; who acts
        for a holder.
@dev ActionsEngineRatios hands every call here that it does not know; this code then runs on that storage, as the
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
from contracts.actions import fractions
from contracts.actions import operators
from contracts.actions import paid
from contracts.actions import pay_terms
from contracts.actions import payments
from contracts.actions import reconciliation
from contracts.actions import returned
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
initializes: returned[
    cut := cut, dispatch := dispatch, events := events, pay_terms := pay_terms, payments := payments
]
initializes: fractions[
    cut := cut, dispatch := dispatch, events := events, pay_terms := pay_terms, payments := payments
]

exports: (
    # what ratios leave
    fractions.open_fractions,
    fractions.claim_fraction,
    fractions.claim_crossed_fraction,
    fractions.fraction_code,
    fractions.fraction_of,
    # units that went back
    returned.pay_returned,
    returned.give_up,
    # who acts for a holder
    operators.setOperator,
    operators.authorizeOperator,
    operators.invalidateNonce,
    operators.isOperator,
    operators.authorizations,
)

# Its place in the storage of all pieces: only the settings ask for it, and they are not behind this one.
_initialized: bool


@external
@reentrant
def __default__():
    """
    @notice Refuse what no piece knows, and a call without a function.
    @dev Takes no lock: the authority asks it for a next piece in a static call, where a lock is no refusal but a halt.
    """
    raise "engine: no such function"
