# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Bridge escrow, the release after
@license Apache-2.0
@author Tallystick
@notice What an upgrade is tested with: BridgeEscrow over the same modules in the same order,
        and after its storage something new.
@dev A test double of a next release; `tests/support/next_releases.py` derives it.
     In no release.
"""
from contracts.bridge import lanes
from contracts.bridge import transit
from contracts.governance import access

initializes: access
initializes: lanes[access := access]
initializes: transit[lanes := lanes]

exports: (
    # set-up and roles
    access.assign_role,
    access.propose_role,
    access.withdraw_proposal,
    access.proposal_of,
    access.role_of,
    access.set_up_key,
    access.administrators,
    # lanes
    lanes.propose_lane,
    lanes.propose_lane_terms,
    lanes.open_lane,
    lanes.set_lane_terms,
    lanes.pause_lane,
    lanes.unpause_lane,
    lanes.lane_state,
    lanes.canonical_lane,
    lanes.lane_of_custody,
    lanes.lane_to_home,
    lanes.release_authority,
    # messages
    transit.lock,
    transit.burn,
    transit.deliver,
    transit.claim,
    transit.outbox,
    transit.suspended,
    transit.has_arrived,
    transit.message_id,
    transit.domain_separator,
    transit.eip712Domain,
)

RELEASE: constant(String[16]) = "1.1.0"

# Nonces looked at in one call.
_MAX_STEPS: constant(uint256) = 256

_initialized: bool
# What 1.1.0 added: lane -> every nonce below it has arrived here.
low_water: public(HashMap[bytes32, uint256])


event LowWaterRaised:
    lane: indexed(bytes32)
    nonce: uint256


@deploy
def __init__():
    # The implementation is nobody's escrow.
    self._initialized = True


@external
def initialize(set_up_key_: address):
    """
    @notice Name the key that sets the escrow up; once, by the proxy's constructor.
    @param set_up_key_ The key that sets the contract up and then hands it over.
    """
    assert not self._initialized, "escrow: initialised already"
    self._initialized = True
    # The proxy's constructor runs this code in its own place: the caller is the authority that creates it.
    lanes.release_authority = msg.sender
    access._initialize(set_up_key_)


@external
def hand_over(reason: bytes4, document: bytes32):
    """
    @notice End the set-up: the set-up key keeps nothing.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._hand_over(reason, document)


@external
def raise_low_water(lane: bytes32) -> uint256:
    """
    @notice Move a lane's low-water mark past what has arrived without a gap; anyone may.
    @param lane The lane.
    @return The mark: every message of the other side with a lower nonce has arrived.
    """
    mark: uint256 = self.low_water[lane]
    for _: uint256 in range(_MAX_STEPS):
        if not self._arrived(lane, mark):
            break
        mark += 1
    self.low_water[lane] = mark
    log LowWaterRaised(lane=lane, nonce=mark)
    return mark


@external
@view
def undelivered(lane: bytes32, sent: uint256) -> uint256:
    """
    @notice How many messages that the other side sent have not arrived here.
    @param lane The lane.
    @param sent How many the other side sent (its `lane_state`).
    @return How many are missing, of at most 256 above the low-water mark.
    """
    missing: uint256 = 0
    mark: uint256 = self.low_water[lane]
    for step: uint256 in range(_MAX_STEPS):
        if mark + step >= sent:
            break
        if not self._arrived(lane, mark + step):
            missing += 1
    return missing


@external
@view
def release() -> String[16]:
    """
    @notice Version of this code.
    @return Semantic version.
    """
    return RELEASE


@internal
@view
def _arrived(lane: bytes32, nonce: uint256) -> bool:
    """
    @dev The bit of a nonce.
    """
    return lanes._has_arrived(lane, nonce)
