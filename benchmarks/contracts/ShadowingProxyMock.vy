# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Proxy with a function of its own
@license Apache-2.0
@author Tallystick
@notice Upgrades through an external function, as many proxies do.
@dev That function hides the implementation's function with the same selector.
     Measured and attacked by `python -m benchmarks.proxies`. In no release.
"""

_ERC1967_IMPLEMENTATION: constant(uint256) = (
    24440054405305269366569402256811496959409073762505157381672968839269610695612
)
_MAX_RETURN: constant(uint256) = 1024
_MAX_INITIALISATION: constant(uint256) = 4096

_AUTHORITY: immutable(address)

_below_erc1967: uint256[_ERC1967_IMPLEMENTATION]
_implementation: address


@deploy
def __init__(implementation: address, initialisation: Bytes[_MAX_INITIALISATION]):
    _AUTHORITY = msg.sender
    self._implementation = implementation
    raw_call(implementation, initialisation, is_delegate_call=True)


@external
def upgrade_to(implementation: address):
    assert msg.sender == _AUTHORITY, "proxy: not the authority"
    self._implementation = implementation


@external
@payable
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    return raw_call(self._implementation, msg.data, is_delegate_call=True, max_outsize=_MAX_RETURN)
