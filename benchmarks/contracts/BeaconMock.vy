# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Beacon
@license Apache-2.0
@author Tallystick
@notice Names the implementation of all proxies that ask it.
@dev One key moves every proxy at once.
     Measured and attacked by `python -m benchmarks.proxies`. In no release.
"""

implementation: public(address)
OWNER: public(immutable(address))


@deploy
def __init__(implementation_: address):
    OWNER = msg.sender
    self.implementation = implementation_


@external
def upgrade_to(implementation_: address):
    assert msg.sender == OWNER, "beacon: not the owner"
    assert implementation_.is_contract, "beacon: implementation has no code"
    self.implementation = implementation_
