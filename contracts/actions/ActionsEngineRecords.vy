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
     modules are the same in the same order, the variable behind them too. What it does not know it hands on to
     ActionsEngineRatios.
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

_MAX_RETURN: constant(uint256) = 1024

RATIOS: public(immutable(address))

# Its place in the storage of all pieces: only the settings ask for it, and they are not behind this one.
_initialized: bool


@deploy
def __init__(ratios: address):
    """
    @notice Name the fifth piece of this release.
    @param ratios Its address.
    """
    # A call to an address without code succeeds and does nothing.
    assert code._is_code(ratios), "engine: ratios have no code"
    RATIOS = ratios


@external
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    """
    @notice What is not here, the ratios do, on this storage and for this caller.
    @dev As in SecurityToken: the function that is called takes the lock, which has one slot in all pieces.
    @return What they returned, byte for byte.
    """
    return raw_call(RATIOS, msg.data, is_delegate_call=True, max_outsize=_MAX_RETURN)
