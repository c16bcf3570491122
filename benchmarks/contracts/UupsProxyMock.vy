# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title UUPS proxy
@license Apache-2.0
@author Tallystick
@notice Forwards everything; the implementation upgrades itself.
@dev The least code a proxy can have, and no way back once an implementation can't upgrade.
     Measured and attacked by `python -m benchmarks.proxies`. In no release.
"""

_ERC1967_IMPLEMENTATION: constant(uint256) = (
    24440054405305269366569402256811496959409073762505157381672968839269610695612
)
_MAX_RETURN: constant(uint256) = 1024
_MAX_INITIALISATION: constant(uint256) = 4096

_below_erc1967: uint256[_ERC1967_IMPLEMENTATION]
_implementation: address


@deploy
def __init__(implementation: address, initialisation: Bytes[_MAX_INITIALISATION]):
    self._implementation = implementation
    if len(initialisation) != 0:
        raw_call(implementation, initialisation, is_delegate_call=True)


@external
@payable
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    return raw_call(self._implementation, msg.data, is_delegate_call=True, max_outsize=_MAX_RETURN)
