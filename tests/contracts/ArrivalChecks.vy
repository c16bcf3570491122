# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Arrival checks: a nonce arrives once, whatever arrived before and comes after
@license Apache-2.0
@author Tallystick
@notice Read by a symbolic executor, see `tools/symbolic.py`: each `check_` holds for all arguments, or one is shown.
@dev One step from any storage whatever in which pages after the newest are empty, and this stays so: by induction
     over the steps it holds of every history, however long.
"""
from contracts.bridge import lanes
from contracts.governance import access
from contracts.governance import stops

initializes: access
initializes: stops[access := access]
initializes: lanes[access := access, stops := stops]

# The executor's own, called for a storage of which nothing is known.
_EXECUTOR: constant(address) = 0xF3993A62377BCd56AE39D773740A5390411E8BC9


# ------------------------------------------------------------------ what is claimed


@external
def check_what_arrived_has_arrived(lane: bytes32, terms: uint256, nonce: uint256, amount: uint256):
    """
    @notice After a nonce arrived it has arrived, so that it is refused from then on.
    """
    self._anything()
    self._arrive(lane, terms, nonce, amount)
    self._claim(lanes._has_arrived(lane, lanes._ledger[lane], nonce))


@external
def check_an_arrival_is_no_others(
    lane: bytes32, home: bool, nonce: uint256, amount: uint256, other: uint256
):
    """
    @notice No arrival makes another nonce arrive, or be forgotten.
    """
    self._anything()
    if other != nonce and self._is_sound(lane, other >> 6):
        before: bool = lanes._has_arrived(lane, lanes._ledger[lane], other)
        self._arrive(lane, self._terms(home), nonce, amount)
        self._claim(lanes._has_arrived(lane, lanes._ledger[lane], other) == before)


@external
def check_later_pages_stay_empty(lane: bytes32, nonce: uint256, page: uint256):
    """
    @notice What the others begin with holds after an arrival as before it.
    """
    self._anything()
    if self._is_sound(lane, page) and not lanes._has_arrived(lane, lanes._ledger[lane], nonce):
        lanes._ledger[lane] = lanes._with_arrival(lane, lanes._ledger[lane], nonce)
        self._claim(self._is_sound(lane, page))


@external
def check_an_arrival_is_its_lanes_alone(
    lane: bytes32, home: bool, nonce: uint256, amount: uint256, other: bytes32, any: uint256
):
    """
    @notice No arrival changes what has arrived on another lane.
    """
    self._anything()
    if other != lane:
        before: bool = lanes._has_arrived(other, lanes._ledger[other], any)
        self._arrive(lane, self._terms(home), nonce, amount)
        self._claim(lanes._has_arrived(other, lanes._ledger[other], any) == before)


@external
def check_what_leaves_changes_no_arrival(
    lane: bytes32, home: bool, nonce: uint256, amount: uint256
):
    """
    @notice Nothing that leaves makes a nonce arrive, or be forgotten, nor fills a later page.
    """
    self._anything()
    before: bool = lanes._has_arrived(lane, lanes._ledger[lane], nonce)
    sound: bool = self._is_sound(lane, nonce >> 6)
    lanes._book_out(lane, self._terms(home), amount)
    self._claim(lanes._has_arrived(lane, lanes._ledger[lane], nonce) == before)
    self._claim(self._is_sound(lane, nonce >> 6) == sound)


# --------------------------------------------------------------- what is not claimed


@external
def possible_an_arrival(lane: bytes32, terms: uint256, nonce: uint256, amount: uint256):
    """
    @notice That nothing at all arrives; were it so, the others would say nothing.
    """
    self._anything()
    self._arrive(lane, terms, nonce, amount)
    self._claim(False)


# ------------------------------------------------------------------------- internal


@internal
def _anything():
    """
    @dev From here on nothing is known of this contract's storage.
    """
    raw_call(_EXECUTOR, abi_encode(self, method_id=method_id("enableSymbolicStorage(address)")))


@internal
@pure
def _terms(home: bool) -> uint256:
    """
    @dev Terms without a stop or a cap, which only refuse.
    """
    if home:
        return lanes.HOME
    return lanes._CAP_MAX << lanes._CAP_SHIFT


@internal
def _arrive(lane: bytes32, terms: uint256, nonce: uint256, amount: uint256):
    """
    @dev As `transit` has it.
    """
    assert not lanes._has_arrived(lane, lanes._ledger[lane], nonce), "checks: delivered already"
    lanes._book_in(lane, terms, lanes._ledger[lane], nonce, amount)


@internal
@view
def _is_sound(lane: bytes32, page: uint256) -> bool:
    """
    @dev Whether a page is empty if it is after the newest.
    """
    return page <= (lanes._ledger[lane] >> 151) & (2**41 - 1) or lanes._arrived[lane][page] == 0


@internal
@pure
def _claim(holds: bool):
    """
    @dev Revert with what the executor takes for a counterexample, Panic(1).
    """
    if not holds:
        raw_revert(abi_encode(convert(1, uint256), method_id=method_id("Panic(uint256)")))
