# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Closings with a bitmap of days
@license Apache-2.0
@author Tallystick
@notice One position word; the first movement of a later day keeps the opening balance and sets the day's bit.
@dev Views look for the next bit, 256 days a read.
     Measured by `python -m benchmarks.alternatives`. In no release.
"""

_AMOUNT_MAX: constant(uint256) = 2**104 - 1
_DAY: constant(uint256) = 86400
_NOT_DAY: constant(uint256) = max_value(uint256) - 65535 * 2**224


# balance 104 | frozen 104 | eligible until 16 | last movement 16 | - | frozen whole 1
_positions: HashMap[address, uint256]
# supply 104 | - 104 | close of business 11 | - | paused 1
_issue: uint256
# account -> day -> opening balance
_openings: HashMap[address, HashMap[uint256, uint256]]
# account -> day / 256 -> days on which it moved
_days: HashMap[address, HashMap[uint256, uint256]]


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
    page: uint256 = (day + 1) >> 8
    bits: uint256 = (self._days[account][page] >> ((day + 1) & 255)) << ((day + 1) & 255)
    for _: uint256 in range(256):
        if bits != 0:
            # The lowest bit is the next day with a movement.
            lowest: uint256 = bits & unsafe_add(~bits, 1)
            position: uint256 = 0
            for step: uint256 in [128, 64, 32, 16, 8, 4, 2, 1]:
                if lowest >> step != 0:
                    lowest = lowest >> step
                    position += step
            return self._openings[account][page * 256 + position]
        page += 1
        bits = self._days[account][page]
    return 0


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
        self._openings[account][day] = word & _AMOUNT_MAX
    # The first day too: what lies before it must not read as what follows.
    self._days[account][day >> 8] |= 1 << (day & 255)
    return (word & _NOT_DAY) | (day << 224)
