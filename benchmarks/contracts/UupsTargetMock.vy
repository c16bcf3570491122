# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Implementation that upgrades itself
@license Apache-2.0
@author Tallystick
@notice UUPS: its owner replaces it through the proxy.
@dev What follows it must be able to do the same, which nothing here checks.
     Measured and attacked by `python -m benchmarks.proxies`. In no release.
"""

_ERC1967_IMPLEMENTATION: constant(uint256) = (
    24440054405305269366569402256811496959409073762505157381672968839269610695612
)

owner: public(address)
number: public(uint256)
_below_erc1967: uint256[_ERC1967_IMPLEMENTATION - 2]
_implementation: address


@external
def initialize(owner_: address):
    assert self.owner == empty(address), "target: initialised already"
    self.owner = owner_


@external
def set_number(number_: uint256):
    self.number = number_


@external
def upgrade_to(implementation: address):
    assert msg.sender == self.owner, "target: not the owner"
    assert implementation.is_contract, "target: implementation has no code"
    self._implementation = implementation
