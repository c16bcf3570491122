# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Bridge escrow, fourth piece: its records
@license Apache-2.0
@author Tallystick
@notice What is put on record against a lane that was wronged: what a wrong quorum attested is denied, and mended.
@dev BridgeEscrow hands every call on that it does not know, piece by piece, and what the settings don't know ends here;
     this code then runs on that storage, as the modules are the same in the same order, the variable behind them too.
     It has no immutables, so that its hash is the same on every ledger.
@custom:security Runs by BridgeEscrow's delegated calls; it can't be initialised itself.
@custom:kill None: what mends is stopped by no pause.
"""
from contracts.bridge import denials
from contracts.bridge import flows
from contracts.bridge import lanes
from contracts.bridge import preview
from contracts.bridge import transit
from contracts.governance import access
from contracts.governance import stops

initializes: access
initializes: stops[access := access]
initializes: lanes[access := access, stops := stops]
initializes: flows[lanes := lanes]
initializes: transit[flows := flows, lanes := lanes]
initializes: preview[lanes := lanes]
initializes: denials[access := access, flows := flows, lanes := lanes, transit := transit]

exports: (
    denials.deny,
    denials.take_denial,
    denials.propose_reopening,
    denials.reopen,
    denials.denial_taken,
    denials.disowned_of,
)

_initialized: bool


@deploy
def __init__():
    # Called straight, this is nobody's escrow.
    self._initialized = True


@external
@reentrant
def __default__():
    """
    @notice Refuse what no piece knows, and a call without a function.
    @dev Takes no lock: the authority asks it for a next piece in a static call, where a lock is no refusal but a halt.
    """
    raise "escrow: no such function"
