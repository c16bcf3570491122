# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Limits harness
@license Apache-2.0
@author Tallystick
@notice Exposes the words of lane limits to their tests; keeps one.
"""
from contracts.bridge import limits

_word: uint256


@external
def open(limit: uint256, window: uint256, ramp: uint256):
    self._word = limits._ramping(limits._opened(limit, window, ramp))


@external
def begin():
    self._word = limits._ramping(self._word)


@external
def change(limit: uint256):
    self._word = limits._changed(self._word, limit)


@external
def take(amount: uint256) -> uint256:
    self._word = limits._after(self._word, amount)
    return limits._until(self._word)


@external
@view
def would_wait(amount: uint256) -> uint256:
    return limits._until(limits._after(self._word, amount))


@external
@view
def room() -> uint256:
    return limits._room(self._word)


@external
@view
def state() -> limits.LimitState:
    return limits._state(self._word)
