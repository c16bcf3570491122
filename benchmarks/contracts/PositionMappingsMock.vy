# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Position in mappings
@license Apache-2.0
@author Tallystick
@notice Balance, frozen amount, account freeze and eligibility in a mapping each.
@dev As most token suites keep them. No closings.
     Measured by `python -m benchmarks.alternatives`. In no release.
"""

_DAY: constant(uint256) = 86400

_balances: HashMap[address, uint256]
_frozen: HashMap[address, uint256]
_frozen_whole: HashMap[address, bool]
_eligible_until: HashMap[address, uint256]
_paused: bool


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256


@deploy
def __init__(close_minute: uint256):
    pass


@external
def admit(account: address, until: uint256):
    self._eligible_until[account] = until


@external
def freeze(account: address, amount: uint256):
    self._frozen[account] = amount


@external
def issue(account: address, amount: uint256):
    self._balances[account] += amount


@external
@reentrant
def transfer(receiver: address, amount: uint256) -> bool:
    assert not self._paused, "paused"
    self._check(msg.sender)
    self._check(receiver)
    balance: uint256 = self._balances[msg.sender]
    frozen: uint256 = self._frozen[msg.sender]
    assert amount <= unsafe_sub(balance, min(balance, frozen)), "more than unfrozen"
    self._balances[msg.sender] = unsafe_sub(balance, amount)
    self._balances[receiver] = unsafe_add(self._balances[receiver], amount)
    log Transfer(sender=msg.sender, receiver=receiver, value=amount)
    return True


@internal
@view
def _check(account: address):
    assert not self._frozen_whole[account], "frozen"
    assert self._eligible_until[account] >= block.timestamp // _DAY, "not eligible"
