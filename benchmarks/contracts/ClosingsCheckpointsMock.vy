# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Closings as an array of checkpoints
@license Apache-2.0
@author Tallystick
@notice One position word; the first movement of a later day appends the opening balance, views search by halves.
@dev The usual shape of vote checkpoints, with one entry a day.
     Measured by `python -m benchmarks.alternatives`. In no release.
"""

_AMOUNT_MAX: constant(uint256) = 2**104 - 1
_DAY: constant(uint256) = 86400
_NOT_DAY: constant(uint256) = max_value(uint256) - 65535 * 2**224


# balance 104 | frozen 104 | eligible until 16 | last movement 16 | - | frozen whole 1
_positions: HashMap[address, uint256]
# supply 104 | - 104 | close of business 11 | - | paused 1
_issue: uint256
# account -> opening balance 104 | - | its day 16, ascending
_checkpoints: HashMap[address, DynArray[uint256, 65536]]


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256


@deploy
def __init__(close_minute: uint256):
    self._issue = close_minute << 208


@external
def admit(account: address, until: uint256):
    self._positions[account] |= until << 208


@external
def freeze(account: address, amount: uint256):
    self._positions[account] |= amount << 104


@external
def issue(account: address, amount: uint256):
    self._positions[account] = (
        self._opened(account, self._positions[account], self._today()) + amount
    )


@external
@reentrant
def transfer(receiver: address, amount: uint256) -> bool:
    assert self._issue >> 255 == 0, "paused"
    day: uint256 = self._today()
    word: uint256 = self._positions[msg.sender]
    self._check(word)
    balance: uint256 = word & _AMOUNT_MAX
    frozen: uint256 = (word >> 104) & _AMOUNT_MAX
    assert amount <= unsafe_sub(balance, min(balance, frozen)), "more than unfrozen"
    self._positions[msg.sender] = unsafe_sub(self._opened(msg.sender, word, day), amount)
    target: uint256 = self._positions[receiver]
    self._check(target)
    self._positions[receiver] = unsafe_add(self._opened(receiver, target, day), amount)
    log Transfer(sender=msg.sender, receiver=receiver, value=amount)
    return True


@external
@view
def balance_at_close(account: address, day: uint256) -> uint256:
    assert day < self._today(), "not closed"
    word: uint256 = self._positions[account]
    if (word >> 224) & 65535 <= day:
        return word & _AMOUNT_MAX
    low: uint256 = 0
    high: uint256 = len(self._checkpoints[account])
    for _: uint256 in range(17):
        if low == high:
            break
        middle: uint256 = (low + high) // 2
        if self._checkpoints[account][middle] >> 224 > day:
            high = middle
        else:
            low = middle + 1
        # The first checkpoint after the day; without one nothing was held before.


    if low == len(self._checkpoints[account]):
        return 0
    return self._checkpoints[account][low] & _AMOUNT_MAX


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
    # The first one too, with nothing: what lies before it must not read as it.
    self._checkpoints[account].append((word & _AMOUNT_MAX) | (day << 224))
    return (word & _NOT_DAY) | (day << 224)
