# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Actions engine: corporate actions of one instrument on one ledger
@license Apache-2.0
@author Tallystick
@notice Keeps the golden record of every event, tells the other ledgers' engines, and is told by them.
@dev One for each ledger and instrument, bound to its token, in which it holds the role ACTIONS.
@custom:security Runs behind a ReleaseProxy; the implementation itself can't be initialised. It holds no units.
@custom:kill None of its own: what attestors have not confirmed has no effect, and what they have is cancelled as it
        was confirmed. The guardian withdraws proposals.
"""
from interfaces import ISecurityToken

from contracts.actions import dispatch
from contracts.actions import events
from contracts.governance import access
from contracts.governance import code

initializes: access
initializes: dispatch[access := access]
initializes: events[access := access, dispatch := dispatch]

exports: (
    # set-up and roles
    access.assign_role,
    access.propose_role,
    access.withdraw_proposal,
    access.proposal_of,
    access.role_of,
    access.set_up_key,
    access.administrators,
    # whom it believes
    dispatch.propose_peer,
    dispatch.set_peer,
    dispatch.peer_of,
    dispatch.home_ledger,
    events.propose_attestors,
    events.set_attestors,
    events.attestors,
    # the golden record
    events.announce,
    events.confirm,
    events.event_of,
    events.version_of,
    events.record_hash,
    events.version_hash,
    # messages
    events.take_record,
    events.take_armed,
    events.tell,
    events.told_at,
    dispatch.sent,
    dispatch.message_of,
    dispatch.message_id,
    dispatch.domain_separator,
    dispatch.eip712Domain,
    # what it speaks for
    dispatch.token,
    dispatch.instrument,
    dispatch.is_home,
)

RELEASE: constant(String[16]) = "1.0.0"

_initialized: bool


@deploy
def __init__():
    # The implementation is nobody's engine.
    self._initialized = True


@external
def initialize(token_: address, set_up_key_: address):
    """
    @notice Bind the engine to a token and name the key that sets it up; once, by the proxy's constructor.
    @param token_ The token of the instrument on this ledger.
    @param set_up_key_ The key that sets the contract up and then hands it over.
    @custom:role constructor
    """
    assert not self._initialized, "engine: initialised already"
    self._initialized = True
    assert code._is_code(token_), "engine: token has no code"
    isin: String[12] = staticcall ISecurityToken(token_).isin()
    dispatch.token = token_
    dispatch.instrument = keccak256(isin)
    dispatch.is_home = staticcall ISecurityToken(token_).is_home()
    access._initialize(set_up_key_)


@external
def hand_over(reason: bytes4, document: bytes32):
    """
    @notice End the set-up: the set-up key keeps nothing. At home the event attestors are set before, elsewhere home.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role set-up key
    """
    # Either is set on its own side alone.
    assert (
        events.attestors != empty(address) or dispatch.home_ledger != empty(bytes32)
    ), "engine: nobody to believe yet"
    access._hand_over(reason, document)


@external
@view
def release() -> String[16]:
    """
    @notice Version of this code.
    @return Semantic version.
    """
    return RELEASE
