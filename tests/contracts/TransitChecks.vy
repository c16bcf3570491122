# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Transit checks: a message takes effect once
@license Apache-2.0
@author Tallystick
@notice Read by a symbolic executor, see `tools/symbolic.py`: each `check_` holds for all arguments, or one is shown.
@dev An escrow's modules on a storage of which nothing is known but one lane's terms, with a verifier that believes
     everything: what arrived before, and in which order, may be whatever it is. The lane's verifier, token and custody
     are this contract.
"""
from interfaces import ISecurityToken

from contracts.bridge import flows
from contracts.bridge import lanes
from contracts.bridge import message
from contracts.bridge import transit
from contracts.governance import access
from contracts.governance import stops

initializes: access
initializes: stops[access := access]
initializes: lanes[access := access, stops := stops]
initializes: flows[lanes := lanes]
initializes: transit[flows := flows, lanes := lanes]

exports: (transit.deliver, transit.deliver_batch, transit.claim, transit.return_to_source)


interface Escrow:
    def deliver(
        m: message.Message, attestation: Bytes[1034], second: Bytes[1034]
    ) -> bool: nonpayable
    def deliver_batch(
        lane: bytes32,
        before: bytes32,
        messages: DynArray[message.Message, 25],
        attestation: Bytes[1034],
        second: Bytes[1034],
    ) -> uint256: nonpayable
    def claim(m: message.Message): nonpayable
    def return_to_source(m: message.Message) -> bytes32: nonpayable


# The executor's own, called for a storage of which nothing is known.
_EXECUTOR: constant(address) = 0xF3993A62377BCd56AE39D773740A5390411E8BC9
# The same, as forge has it.
_CLOCK: constant(address) = 0x7109709ECfa91a80626fF3989D68f67F5b1DD12D

# Whether the lane's units can be paid to their recipient now, and how often they were.
_pays: bool
_effects: uint256


# ------------------------------------------------------------------ what is claimed


@external
@reentrant
def check_no_message_is_delivered_twice(
    home: bool, pays: bool, twice: bool, m: message.Message, again: message.Message
):
    """
    @notice After a message was delivered, neither it nor any other of its lane and nonce is.
    """
    self._begin(m.lane, home, pays)
    self._deliver(m)
    if twice:
        # Not a condition: the executor would not see that the other's lane is this contract's too.
        twin: message.Message = again
        twin.lane = m.lane
        twin.nonce = m.nonce
        self._deliver(twin)
        self._claim(False)


@external
@reentrant
def check_a_batch_passes_over_what_it_has_already(
    home: bool, pays: bool, before: bytes32, m: message.Message
):
    """
    @notice A message that is twice in a batch takes effect once.
    """
    self._begin(m.lane, home, pays)
    count: uint256 = self._deliver_batch(before, [m, m])
    self._claim(count <= 1 and self._effects <= 1)


@external
@reentrant
def check_a_batch_passes_over_what_was_delivered(
    home: bool, pays: bool, before: bytes32, m: message.Message
):
    """
    @notice A message that was delivered takes no effect in a batch.
    """
    self._begin(m.lane, home, pays)
    self._deliver(m)
    self._effects = 0
    count: uint256 = self._deliver_batch(before, [m])
    self._claim(count == 0 and self._effects == 0)


@external
@reentrant
def check_nothing_is_claimed_twice(
    home: bool, pays: bool, twice: bool, waiting: uint96, m: message.Message
):
    """
    @notice What was claimed from suspense is not claimed again, nor is what was delivered, whatever else waits there.
    """
    self._begin(m.lane, home, pays)
    lanes._suspense[m.lane] = convert(waiting, uint256)
    transit._suspended[message._id(m)] = 0
    self._deliver(m)
    self._pays = True
    extcall Escrow(self).claim(m)
    self._claim(not pays)
    if twice:
        extcall Escrow(self).claim(m)
        self._claim(False)


@external
@reentrant
def check_what_was_claimed_is_not_returned(
    home: bool, then: bool, waiting: uint96, later: uint64, m: message.Message
):
    """
    @notice What was claimed from suspense does not go back, whatever the clock says then and whatever else waits there.
    """
    self._suspend(home, waiting, m)
    self._pays = True
    extcall Escrow(self).claim(m)
    if then:
        self._warp(later)
        extcall Escrow(self).return_to_source(m)
        self._claim(False)


@external
@reentrant
def check_what_was_returned_is_not_claimed(
    home: bool, then: bool, waiting: uint96, later: uint64, m: message.Message
):
    """
    @notice What went back is not claimed, whatever the clock says then: were it put back as well.
    """
    self._suspend(home, waiting, m)
    extcall Escrow(self).return_to_source(m)
    self._pays = True
    if then:
        self._warp(later)
        extcall Escrow(self).claim(m)
        self._claim(False)


@external
@reentrant
def check_what_was_returned_is_not_returned_again(
    home: bool, then: bool, waiting: uint96, later: uint64, m: message.Message
):
    """
    @notice What went back does not go back once more.
    """
    self._suspend(home, waiting, m)
    extcall Escrow(self).return_to_source(m)
    if then:
        self._warp(later)
        extcall Escrow(self).return_to_source(m)
        self._claim(False)


# --------------------------------------------------------------- what is not claimed


@external
@reentrant
def possible_a_delivery_at_home(pays: bool, m: message.Message):
    """
    @notice That nothing at all is delivered at home; were it so, the others would say nothing.
    """
    self._begin(m.lane, True, pays)
    self._deliver(m)
    self._claim(False)


@external
@reentrant
def possible_a_delivery_on_a_remote_ledger(pays: bool, m: message.Message):
    """
    @notice That nothing at all is delivered on a remote ledger.
    """
    self._begin(m.lane, False, pays)
    self._deliver(m)
    self._claim(False)


@external
@reentrant
def possible_a_claim_at_home(m: message.Message):
    """
    @notice That nothing at all is claimed at home.
    """
    self._begin(m.lane, True, False)
    self._deliver(m)
    self._pays = True
    extcall Escrow(self).claim(m)
    self._claim(False)


@external
@reentrant
def possible_a_claim_on_a_remote_ledger(m: message.Message):
    """
    @notice That nothing at all is claimed on a remote ledger.
    """
    self._begin(m.lane, False, False)
    self._deliver(m)
    self._pays = True
    extcall Escrow(self).claim(m)
    self._claim(False)


@external
@reentrant
def possible_a_return_at_home(later: uint64, m: message.Message):
    """
    @notice That nothing at all goes back from home, of what came in time.
    """
    self._suspend(True, 0, m)
    self._warp(later)
    extcall Escrow(self).return_to_source(m)
    self._claim(False)


@external
@reentrant
def possible_a_return_from_a_remote_ledger(later: uint64, m: message.Message):
    """
    @notice That nothing at all goes back from a remote ledger.
    """
    self._suspend(False, 0, m)
    self._warp(later)
    extcall Escrow(self).return_to_source(m)
    self._claim(False)


# ------------------------------------------------- the lane's verifier, custody and token


@external
@view
@reentrant
def verify(domain_separator: bytes32, message_id: bytes32, attestation: Bytes[1034]) -> bool:
    return True


@external
@view
@reentrant
def verify_batch(domain_separator: bytes32, batch_id: bytes32, attestation: Bytes[1034]) -> bool:
    return True


@external
@reentrant
def pay(recipient: address, amount: uint256) -> bool:
    self._take_effect()
    return True


@external
@reentrant
def crosschainMint(recipient: address, amount: uint256):
    self._take_effect()


@external
@reentrant
def hold(amount: uint256) -> bool:
    return True


@external
@reentrant
def give_back(amount: uint256) -> bool:
    return True


@external
@view
@reentrant
def is_suspended() -> bool:
    return False


@external
@view
@reentrant
def canReceive(account: address) -> bool:
    return self._pays


@external
@view
@reentrant
def calendar() -> uint256:
    return 0


# ------------------------------------------------------------------------- internal


@internal
def _begin(lane: bytes32, home: bool, pays: bool):
    """
    @dev A lane without stops or cap, on a storage of which nothing else is known.
    """
    raw_call(_EXECUTOR, abi_encode(self, method_id=method_id("enableSymbolicStorage(address)")))
    terms: uint256 = convert(self, uint256) | (lanes._CAP_MAX << lanes._CAP_SHIFT)
    if home:
        terms |= lanes.HOME
    lanes._terms[lane] = terms
    lanes._epochs[lane][1] = (convert(self, uint256) << 96) | lanes._TIME_MASK
    lanes._opened_with[lane].token = self
    lanes._opened_with[lane].custody = self
    lanes._suspense[lane] = 0
    self._pays = pays
    self._effects = 0


@internal
def _suspend(home: bool, waiting: uint96, m: message.Message):
    """
    @dev Deliver what can't be paid, into a suspense where something else waits already.
    """
    self._begin(m.lane, home, False)
    lanes._suspense[m.lane] = convert(waiting, uint256)
    transit._suspended[message._id(m)] = 0
    self._deliver(m)


@internal
def _warp(time: uint64):
    """
    @dev Another moment: before or after, no check leans on the clock alone.
    """
    raw_call(_CLOCK, abi_encode(convert(time, uint256), method_id=method_id("warp(uint256)")))


@internal
@pure
def _attestation() -> Bytes[32]:
    """
    @dev Epoch 1, and nothing that anybody looks at.
    """
    return concat(convert(1 << 192, bytes32), b"")


@internal
def _deliver(m: message.Message):
    extcall Escrow(self).deliver(m, self._attestation(), b"")


@internal
def _deliver_batch(before: bytes32, messages: DynArray[message.Message, 25]) -> uint256:
    return extcall Escrow(self).deliver_batch(
        messages[0].lane, before, messages, self._attestation(), b""
    )


@internal
def _take_effect():
    """
    @dev Count, or refuse as a token does whose recipient can't receive.
    """
    assert self._pays, "checks: can't receive"
    self._effects += 1


@internal
@pure
def _claim(holds: bool):
    """
    @dev Revert with what the executor takes for a counterexample, Panic(1).
    """
    if not holds:
        raw_revert(abi_encode(convert(1, uint256), method_id=method_id("Panic(uint256)")))
