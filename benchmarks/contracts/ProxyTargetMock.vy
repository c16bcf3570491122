# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Implementation without upgrade code
@license Apache-2.0
@author Tallystick
@notice Has everything that can go wrong behind a proxy: it writes the slot, and answers at any length.
@dev Its slot stands at the same place as the proxies'.
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
def write_slot(word: address):
    # By mistake or by intent: a layout that moved, a library, a stolen release.
    self._implementation = word


@external
@view
def answer(words: uint256) -> DynArray[uint256, 128]:
    result: DynArray[uint256, 128] = []
    for i: uint256 in range(words, bound=128):
        result.append(i + 1)
    return result
