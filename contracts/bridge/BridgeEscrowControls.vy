# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Bridge escrow, second piece: its controls
@license Apache-2.0
@author Tallystick
@notice What ends otherwise than by delivery, the lanes' stops and changes, and what stands of them.
@dev BridgeEscrow hands every call here that it does not know; this code then runs on that storage, as the modules are
     the same in the same order, the variable behind them too. What is not here either it hands on to `SETTINGS`
     (BridgeEscrowSettings).
@custom:security Runs by BridgeEscrow's delegated calls; it can't be initialised itself.
@custom:kill The guardian stops a lane's directions, for a week; an administrator prolongs or lifts it. Claims go on.
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
    # ends of messages
    transit.return_to_source,
    transit.propose_redirect,
    transit.withdraw_redirect,
    transit.redirect,
    transit.redirect_of,
    transit.waiting,
    transit.eip712Domain,
    # lanes
    lanes.cancel_lane_terms,
    lanes.apply_lane_terms,
    lanes.end_epoch,
    lanes.pause_lane,
    lanes.unpause_lane,
    lanes.set_suspended,
    lanes.is_suspended,
    lanes.lane_state,
    lanes.pending_lane_terms,
    lanes.posture,
    lanes.limit_state,
    lanes.room,
    lanes.would_wait,
    lanes.epoch_at,
    lanes.canonical_lane,
    lanes.lane_of_custody,
    # past closes
    flows.keep_figure,
    flows.sent_in_epoch,
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
    assert code._is_code(settings), "escrow: settings have no code"
    SETTINGS = settings
    # Called straight, this is nobody's escrow.
    self._initialized = True


@external
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    """
    @notice What is not here either, the settings do, on this storage and for this caller.
    @dev As in BridgeEscrow, from which the call comes.
    @return What the settings returned, byte for byte.
    """
    return raw_call(SETTINGS, msg.data, is_delegate_call=True, max_outsize=_MAX_RETURN)
