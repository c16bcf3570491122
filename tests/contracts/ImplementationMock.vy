# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Implementation that tries what a proxy must not let it do
@license Apache-2.0
@author Tallystick
@notice For tests of ReleaseProxy: it writes the ERC-1967 slot, returns and reverts with any
        amount of data, and keeps a value that a migration may set.
@dev A test double. In no release. The array below places `_implementation` in the slot that the
     proxy keeps its implementation in; the other variables stand in front of it.
"""

_ERC1967_IMPLEMENTATION: constant(uint256) = (
    24440054405305269366569402256811496959409073762505157381672968839269610695612
)

value: public(uint256)
initialisations: public(uint256)
_between: uint256[_ERC1967_IMPLEMENTATION - 2]
_implementation: address


event Called:
    sender: address
    value: uint256


@external
def initialize(first: uint256):
    """
    @notice Set the value; as often as called.
    @param first The value.
    """
    self.value = first
    self.initialisations += 1


@external
def initialize_and_seize(implementation: address):
    """
    @notice Write the ERC-1967 slot.
    @param implementation The address to put there.
    """
    self._implementation = implementation


@external
def seize_and_return(implementation: address):
    """
    @notice Write the ERC-1967 slot and put back what was there.
    @param implementation The address to put there meanwhile.
    """
    before: address = self._implementation
    self._implementation = implementation
    self._implementation = before


@external
def initialize_refused(reason: Bytes[4000]):
    """
    @notice Revert with exactly these bytes.
    @param reason The revert data.
    """
    raw_revert(reason)


@external
@payable
def set_value(next: uint256) -> uint256:
    """
    @notice Set the value and say who called.
    @param next The value.
    @return The value before.
    """
    before: uint256 = self.value
    self.value = next
    log Called(sender=msg.sender, value=msg.value)
    return before


@external
@view
@raw_return
def echo(data: Bytes[4096]) -> Bytes[4096]:
    """
    @notice Return exactly these bytes, without any encoding.
    @param data The bytes.
    @return The same.
    """
    return data


@external
@reentrant
def nested(target: address, data: Bytes[1024]):
    """
    @notice Call somebody in the middle of a call.
    @param target Whom.
    @param data With what.
    """
    raw_call(target, data)
