# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Bridge escrow, fourth piece: its records
@license Apache-2.0
@author Tallystick
@notice What becomes of a lane whose remote ledger is dead, and what mends a wrong quorum's damage.
@dev BridgeEscrowSettings hands every call here that it does not know; this code then runs on that storage, as the
     modules are the same in the same order, the variable behind them too. What is not here either it hands on to
     `RATIOS` (BridgeEscrowRatios).
@custom:security Runs by the delegated calls of the pieces before it; it can't be initialised itself.
@custom:kill The guardian cancels an end that is under way; what is listed then is paid whatever is paused, and what
             is denied is undone.
"""
from contracts.bridge import closing
from contracts.bridge import denials
from contracts.bridge import endings
from contracts.bridge import flows
from contracts.bridge import lanes
from contracts.bridge import preview
from contracts.bridge import restating
from contracts.bridge import transit
from contracts.governance import access
from contracts.governance import code
from contracts.governance import stops

initializes: access
initializes: stops[access := access]
initializes: lanes[access := access, stops := stops]
initializes: flows[lanes := lanes]
initializes: transit[flows := flows, lanes := lanes]
initializes: preview[lanes := lanes]
initializes: endings[access := access, lanes := lanes]
initializes: denials[access := access, flows := flows, lanes := lanes, transit := transit]
initializes: restating[lanes := lanes]
initializes: closing[
    access := access, denials := denials, flows := flows, lanes := lanes, transit := transit
]

exports: (
    # a dead ledger's end
    endings.propose_end,
    endings.confirm_end,
    endings.cancel_end,
    endings.show_life,
    endings.apply_end,
    endings.pay_listed,
    endings.end_of,
    endings.list_of,
    endings.lists_of,
    endings.is_paid,
    endings.is_ended,
    # what a source never sent
    denials.deny,
    denials.take_denial,
    denials.denial_taken,
    denials.disowned_of,
    denials.enter_amends,
    denials.amends_of,
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
    assert code._is_code(ratios), "escrow: ratios have no code"
    RATIOS = ratios


@external
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    """
    @notice What is not here either, the ratios do, on this storage and for this caller.
    @dev As in BridgeEscrow, from which the call comes.
    @return What the ratios returned, byte for byte.
    """
    return raw_call(RATIOS, msg.data, is_delegate_call=True, max_outsize=_MAX_RETURN)
