# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Proxy without guards
@license Apache-2.0
@author Tallystick
@notice ReleaseProxy without what it checks: slot after the call, length of the answer, initialisation.
@dev What these checks are for is shown on it.
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
    if len(initialisation) != 0:
        raw_call(implementation, initialisation, is_delegate_call=True)


@external
@payable
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    if msg.sender == _AUTHORITY and len(msg.data) == 32:
        self._implementation = convert(convert(slice(msg.data, 0, 32), uint256), address)
        return b""
    return raw_call(self._implementation, msg.data, is_delegate_call=True, max_outsize=_MAX_RETURN)
