# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Emergency: what runs without the whole notice, until it is ratified or undone
@license Apache-2.0
@author Tallystick
@notice Which release a proxy runs in an emergency, and until when two administrators have to ratify it.
@dev Whoever let it run can't keep it: the administrators gave no consent before. What they don't ratify in time
     anyone undoes. Meanwhile nothing else is activated there, and no new proxy starts on a release that ran in
     emergencies alone.
"""
from contracts.governance import access
from contracts.governance import instruction

uses: access

# Long enough to assemble the administrators, over any holidays.
_RATIFICATION: constant(uint256) = 7 * 86400


struct Emergency:
    # Empty: none.
    release: bytes32
    ratify_before: uint256


emergency_of: public(HashMap[address, Emergency])
# Releases that nothing but an emergency ever let run.
on_trial: public(HashMap[bytes32, bool])


event EmergencyActivated:
    proxy: indexed(address)
    release: indexed(bytes32)
    previous: indexed(bytes32)
    ratify_before: uint256


event RatificationProposed:
    act: indexed(bytes32)
    proxy: indexed(address)
    release: indexed(bytes32)


event EmergencyRatified:
    proxy: indexed(address)
    release: indexed(bytes32)


@external
def propose_ratification(
    proxy: address, release: bytes32, reason: bytes4, document: bytes32
) -> bytes32:
    """
    @notice An administrator proposes to keep what a proxy runs in an emergency; another ratifies it.
    @param proxy The proxy.
    @param release What it runs.
    @param reason Four-letter reason code.
    @param document Hash of the review.
    @return The act, to withdraw it by.
    @custom:role administrator
    """
    access._check_role(access.ADMINISTRATOR)
    act: bytes32 = self._ratification_act(proxy, release)
    access._propose(act, access.ADMINISTRATOR, access.ADMINISTRATOR, proxy, reason, document)
    log RatificationProposed(act=act, proxy=proxy, release=release)
    return act


@external
def ratify(proxy: address, release: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Keep what a proxy runs in an emergency, after another administrator's proposal.
    @param proxy The proxy.
    @param release What it runs.
    @param reason Four-letter reason code.
    @param document Hash of the review.
    @custom:role administrator
    """
    access._check_role(access.ADMINISTRATOR)
    access._carry_out(self._ratification_act(proxy, release), access.ADMINISTRATOR)
    self.emergency_of[proxy] = empty(Emergency)
    self.on_trial[release] = False
    instruction._record(proxy, reason, document)
    log EmergencyRatified(proxy=proxy, release=release)


@internal
def _begin(proxy: address, release: bytes32, previous: bytes32, ran_before: bool):
    """
    @dev A proxy moves in an emergency; the user has checked all else.
    """
    ratify_before: uint256 = block.timestamp + _RATIFICATION
    self.emergency_of[proxy] = Emergency(release=release, ratify_before=ratify_before)
    if not ran_before:
        self.on_trial[release] = True
    log EmergencyActivated(
        proxy=proxy, release=release, previous=previous, ratify_before=ratify_before
    )


@internal
def _end(proxy: address):
    """
    @dev The proxy has left what it ran; nothing is left to ratify.
    """
    self.emergency_of[proxy] = empty(Emergency)


@internal
@view
def _check_settled(proxy: address):
    """
    @dev Revert while there is something to ratify or to undo.
    """
    assert self.emergency_of[proxy].ratify_before == 0, "emergency: not ratified yet"


@internal
@view
def _check_lapsed(proxy: address):
    """
    @dev Revert unless what a proxy runs was not ratified in time.
    """
    ratify_before: uint256 = self.emergency_of[proxy].ratify_before
    assert ratify_before != 0, "emergency: nothing to undo"
    assert block.timestamp >= ratify_before, "emergency: can still be ratified"


@internal
@view
def _ratification_act(proxy: address, release: bytes32) -> bytes32:
    """
    @dev Hash of the act of ratifying this emergency, not another of the same release; revert unless it can be.
    """
    running: Emergency = self.emergency_of[proxy]
    assert running.ratify_before != 0, "emergency: nothing to ratify"
    assert running.release == release, "emergency: another release runs"
    assert block.timestamp < running.ratify_before, "emergency: too late to ratify"
    return keccak256(abi_encode("ratify", proxy, release, running.ratify_before))
