# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Bridge escrow: the lanes of one ledger
@license Apache-2.0
@author Tallystick
@notice Locks at home and issues remotely, burns remotely and releases at home; each lane by its own ledger, custody and
        verifier.
@dev Logic only: units lie in each lane's LaneCustody, which this contract's releases don't replace.
     This piece has what moves units; everything else it hands to `CONTROLS` (BridgeEscrowControls), that to `SETTINGS`
     (BridgeEscrowSettings), and that to `RECORDS` (BridgeEscrowRecords), which run on this storage: all initialise the
     same modules in the same order. A release names the code of each; `make lint` and whoever prepares a release hold
     them to fit.
@custom:security Runs behind a ReleaseProxy; the implementation itself can't be initialised.
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
    # messages
    transit.enter_lock,
    transit.burn,
    transit.deliver,
    transit.deliver_batch,
    transit.claim,
    transit.outbox,
    transit.landed,
    # what engines ask of lanes
    lanes.lanes_of,
    lanes.lane_ends,
    # past closes
    flows.sent_at_close,
    flows.suspense_at_close,
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
    assert code._is_code(controls), "escrow: controls have no code"
    CONTROLS = controls
    # The implementation is nobody's escrow.
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
