# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Position in two words
@license Apache-2.0
@author Tallystick
@notice Balance and day in one word, all controls in another.
@dev Amounts as wide as 128 bits; closings as in ClosingsChainedMock.
     Measured by `python -m benchmarks.alternatives`. In no release.
"""

_AMOUNT_MAX: constant(uint256) = 2**104 - 1
_DAY: constant(uint256) = 86400
_NOT_DAY: constant(uint256) = max_value(uint256) - 65535 * 2**224


# balance 128 | - | last movement 16
_balances: HashMap[address, uint256]
# frozen 128 | - | eligible until 16 | - | frozen whole 1
_controls: HashMap[address, uint256]
_issue: uint256
_openings: HashMap[address, HashMap[uint256, uint256]]


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256


@deploy
def __init__(close_minute: uint256):
    self._issue = close_minute << 208


@external
def admit(account: address, until: uint256):
    self._controls[account] |= until << 208


@external
def freeze(account: address, amount: uint256):
    self._controls[account] |= amount


@external
def issue(account: address, amount: uint256):
    self._balances[account] = self._opened(account, self._balances[account], self._today()) + amount


@external
@reentrant
def transfer(receiver: address, amount: uint256) -> bool:
    assert self._issue >> 255 == 0, "paused"
    day: uint256 = self._today()
    word: uint256 = self._balances[msg.sender]
    controls: uint256 = self._controls[msg.sender]
    self._check(controls)
    balance: uint256 = word & (2**128 - 1)
    frozen: uint256 = controls & (2**128 - 1)
    assert amount <= unsafe_sub(balance, min(balance, frozen)), "more than unfrozen"
    self._balances[msg.sender] = unsafe_sub(self._opened(msg.sender, word, day), amount)
    target: uint256 = self._balances[receiver]
    self._check(self._controls[receiver])
    self._balances[receiver] = unsafe_add(self._opened(receiver, target, day), amount)
    log Transfer(sender=msg.sender, receiver=receiver, value=amount)
    return True


@internal
@view
def _today() -> uint256:
    return unsafe_add(unsafe_sub(block.timestamp, ((self._issue >> 208) & 2047) * 60) // _DAY, 1)


@internal
@view
def _check(word: uint256):
    assert word >> 255 == 0, "frozen"
    assert (word >> 208) & 65535 >= block.timestamp // _DAY, "not eligible"


@internal
def _opened(account: address, word: uint256, day: uint256) -> uint256:
    last: uint256 = (word >> 224) & 65535
    if last == day:
        return word
    if last != 0:
        self._openings[account][day] = word
    return (word & _NOT_DAY) | (day << 224)
