# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Fractions harness
@license Apache-2.0
@author Tallystick
@notice Exposes what an amount is given to its tests.
"""
from contracts.actions import fractions


@external
@pure
def due(word: uint256, price: uint256, amount: uint256) -> fractions.Given:
    return fractions._due(word, price, amount)
