# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
# pragma optimize codesize
"""
@title Bridge escrow, third piece: its settings
@license Apache-2.0
@author Tallystick
@notice Set-up and roles, and the lanes' terms: what changes slowly; and what wallets ask beforehand.
@dev BridgeEscrow hands every call to its controls that it does not know, and these hand on here what they don't; this
     code then runs on that storage, as the modules are the same in the same order, the variable behind them too. What
     is not here either it hands on to `RECORDS` (BridgeEscrowRecords).
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
    lanes.confirm_lane_terms,
    lanes.release_authority,
    # messages
    transit.suspended,
    transit.waits,
    transit.has_arrived,
    transit.message_id,
    transit.domain_separator,
    # a denied message's nonce
    denials.propose_reopening,
    denials.reopen,
    # beforehand
    preview.can_lock,
    preview.can_burn,
)

_MAX_RETURN: constant(uint256) = 1024

RECORDS: public(immutable(address))

_initialized: bool


@deploy
def __init__(records: address):
    """
    @notice Name the fourth piece of this release.
    @param records Its address.
    """
    # A call to an address without code succeeds and does nothing.
    assert code._is_code(records), "escrow: records have no code"
    RECORDS = records
    # Called straight, this is nobody's escrow.
    self._initialized = True


@external
def initialize(set_up_key_: address):
    """
    @notice Name the key that sets the escrow up; once, by the proxy's constructor.
    @param set_up_key_ The key that sets the contract up and then hands it over.
    @custom:role constructor
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
    @custom:role set-up key
    """
    access._hand_over(reason, document)


@external
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    """
    @notice What is not here either, the records do, on this storage and for this caller.
    @dev As in BridgeEscrow, from which the call comes.
    @return What the records returned, byte for byte.
    """
    return raw_call(RECORDS, msg.data, is_delegate_call=True, max_outsize=_MAX_RETURN)
