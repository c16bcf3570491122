# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Denial checks: what was never sent leaves a ledger exactly as it was, and once
@license Apache-2.0
@author Tallystick
@notice Read by a symbolic executor, see `tools/symbolic.py`: each `check_` holds for all arguments, or one is shown.
@dev An escrow's modules on a storage of which nothing is known but one lane's terms, no ratio in force, and a verifier
     that believes everything. The lane's verifier, token and custody are this contract.
"""
from contracts.bridge import denials
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
initializes: denials[access := access, flows := flows, lanes := lanes, transit := transit]

exports: (denials.take_denial, denials.enter_amends, transit.claim, transit.return_to_source)


interface Escrow:
    def take_denial(
        denial: message.Message,
        denied: message.Message,
        attestation: Bytes[1034],
        second: Bytes[1034],
    ): nonpayable
    def enter_amends(id: bytes32, holder: address) -> (uint256, bool): nonpayable
    def claim(m: message.Message): nonpayable
    def return_to_source(m: message.Message) -> bytes32: nonpayable


# The executor's own, called for a storage of which nothing is known.
_EXECUTOR: constant(address) = 0xF3993A62377BCd56AE39D773740A5390411E8BC9
# The same, as forge has it.
_CLOCK: constant(address) = 0x7109709ECfa91a80626fF3989D68f67F5b1DD12D


# ------------------------------------------------------------------ what is claimed


@external
@reentrant
def check_a_denial_counts_once(
    home: bool, then: bool, denial: message.Message, denied: message.Message
):
    """
    @notice What was taken in once is not taken in again.
    """
    self._begin(denial.lane, home)
    self._take(denial, denied)
    if then:
        self._take(denial, denied)
        self._claim(False)


@external
@reentrant
def check_what_waited_is_undone_exactly(
    home: bool, units: uint96, waiting: uint96, denial: message.Message, denied: message.Message
):
    """
    @notice Of what waits, exactly its units leave suspense and the lane's ledger, whatever else waits there.
    """
    self._begin(denial.lane, home)
    self._wait(denial.lane, units, waiting, denied)
    outstanding: uint256 = lanes._ledger[denial.lane] & lanes.AMOUNT_MAX
    self._take(denial, denied)
    amount: uint256 = convert(units, uint256)
    before: uint256 = outstanding - amount if not home else outstanding + amount
    self._claim(
        lanes._ledger[denial.lane] & lanes.AMOUNT_MAX == before
        and lanes._suspense[denial.lane] & lanes.AMOUNT_MAX == convert(waiting, uint256)
    )


@external
@reentrant
def check_what_was_undone_is_not_claimed(
    home: bool, then: bool, units: uint96, denial: message.Message, denied: message.Message
):
    """
    @notice What never happened is nobody's.
    """
    self._begin(denial.lane, home)
    self._wait(denial.lane, units, units, denied)
    self._take(denial, denied)
    if then:
        extcall Escrow(self).claim(denied)
        self._claim(False)


@external
@reentrant
def check_what_was_undone_is_not_returned(
    home: bool,
    then: bool,
    units: uint96,
    later: uint64,
    denial: message.Message,
    denied: message.Message,
):
    """
    @notice Nor does it go back, whatever the clock says then.
    """
    self._begin(denial.lane, home)
    self._wait(denial.lane, units, units, denied)
    self._take(denial, denied)
    if then:
        self._warp(later)
        extcall Escrow(self).return_to_source(denied)
        self._claim(False)


@external
@reentrant
def check_nothing_is_undone_twice(
    home: bool,
    units: uint96,
    denial: message.Message,
    another: message.Message,
    denied: message.Message,
):
    """
    @notice A further denial of what was undone changes neither suspense nor what is outstanding.
    """
    self._begin(denial.lane, home)
    self._wait(denial.lane, units, units, denied)
    self._take(denial, denied)
    outstanding: uint256 = lanes._ledger[denial.lane] & lanes.AMOUNT_MAX
    suspense: uint256 = lanes._suspense[denial.lane]
    twin: message.Message = another
    twin.lane = denial.lane
    self._take(twin, denied)
    self._claim(
        lanes._ledger[denial.lane] & lanes.AMOUNT_MAX == outstanding
        and lanes._suspense[denial.lane] == suspense
    )


@external
@reentrant
def check_nothing_is_made_good_twice(
    home: bool, then: bool, lane: bytes32, id: bytes32, amount: uint96, holder: address
):
    """
    @notice What was made good once is not again.
    """
    self._begin(lane, home)
    self._agree(lane, id, amount)
    extcall Escrow(self).enter_amends(id, holder)
    if then:
        extcall Escrow(self).enter_amends(id, holder)
        self._claim(False)


@external
@reentrant
def check_amends_are_exactly_what_was_brought(
    home: bool, lane: bytes32, id: bytes32, amount: uint96, holder: address
):
    """
    @notice The lane's ledger changes by what is given, and that is what the message brought.
    """
    self._begin(lane, home)
    self._agree(lane, id, amount)
    outstanding: uint256 = lanes._ledger[lane] & lanes.AMOUNT_MAX
    given: uint256 = 0
    kept: bool = False
    given, kept = extcall Escrow(self).enter_amends(id, holder)
    before: uint256 = outstanding - given if not home else outstanding + given
    self._claim(
        given == convert(amount, uint256)
        and kept == home
        and lanes._ledger[lane] & lanes.AMOUNT_MAX == before
    )


# --------------------------------------------------------------- what is not claimed


@external
@reentrant
def possible_a_denial_at_home(units: uint96, denial: message.Message, denied: message.Message):
    """
    @notice That nothing at all is undone at home; were it so, the others would say nothing.
    """
    self._begin(denial.lane, True)
    self._wait(denial.lane, units, units, denied)
    self._take(denial, denied)
    self._claim(False)


@external
@reentrant
def possible_a_denial_on_a_remote_ledger(
    units: uint96, denial: message.Message, denied: message.Message
):
    """
    @notice That nothing at all is undone on a remote ledger.
    """
    self._begin(denial.lane, False)
    self._wait(denial.lane, units, units, denied)
    self._take(denial, denied)
    self._claim(False)


@external
@reentrant
def possible_amends_at_home(lane: bytes32, id: bytes32, amount: uint96, holder: address):
    """
    @notice That nothing at all is made good at home.
    """
    self._begin(lane, True)
    self._agree(lane, id, amount)
    extcall Escrow(self).enter_amends(id, holder)
    self._claim(False)


@external
@reentrant
def possible_amends_on_a_remote_ledger(lane: bytes32, id: bytes32, amount: uint96, holder: address):
    """
    @notice That nothing at all is made good on a remote ledger.
    """
    self._begin(lane, False)
    self._agree(lane, id, amount)
    extcall Escrow(self).enter_amends(id, holder)
    self._claim(False)


# ------------------------------------------------- the lane's verifier, custody and token


@external
@view
@reentrant
def verify(domain_separator: bytes32, message_id: bytes32, attestation: Bytes[1034]) -> bool:
    return True


@external
@reentrant
def pay(recipient: address, amount: uint256) -> bool:
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
def calendar() -> uint256:
    return 0


# ------------------------------------------------------------------------- internal


@internal
def _begin(lane: bytes32, home: bool):
    """
    @dev A lane without stops, cap or ratio, on a storage of which nothing else is known.
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


@internal
def _wait(lane: bytes32, units: uint96, others: uint96, denied: message.Message):
    """
    @dev Units of a message wait, beside others of that many.
    """
    transit._suspended[message._id(denied)] = convert(units, uint256)
    lanes._suspense[lane] = convert(units, uint256) + convert(others, uint256)


@internal
def _agree(lane: bytes32, id: bytes32, amount: uint96):
    """
    @dev Issuer and custodian agreed, in an epoch without a ratio.
    """
    denials._amends[id] = denials.Amends(
        lane=lane,
        amount=convert(amount, uint256),
        action_epoch=0,
        epoch=0,
        issuer=self,
        agreed=True,
        made=False,
    )


@internal
def _take(denial: message.Message, denied: message.Message):
    # Epoch 1, and nothing that anybody looks at.
    attestation: Bytes[32] = concat(convert(1 << 192, bytes32), b"")
    extcall Escrow(self).take_denial(denial, denied, attestation, b"")


@internal
def _warp(time: uint64):
    """
    @dev Another moment: before or after, no check leans on the clock alone.
    """
    raw_call(_CLOCK, abi_encode(convert(time, uint256), method_id=method_id("warp(uint256)")))


@internal
@pure
def _claim(holds: bool):
    """
    @dev Revert with what the executor takes for a counterexample, Panic(1).
    """
    if not holds:
        raw_revert(abi_encode(convert(1, uint256), method_id=method_id("Panic(uint256)")))
