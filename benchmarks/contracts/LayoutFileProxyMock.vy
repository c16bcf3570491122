# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Proxy with the slot placed by a layout file
@license Apache-2.0
@author Tallystick
@notice ReleaseProxy without its gap: the same code, compiled with a storage layout override.
@dev Without that file it compiles all the same, with the implementation in slot 0.
     Measured and attacked by `python -m benchmarks.proxies`. In no release.
"""

_MAX_RETURN: constant(uint256) = 1024
_MAX_INITIALISATION: constant(uint256) = 4096

_AUTHORITY: immutable(address)

_implementation: address


event Upgraded:
    implementation: indexed(address)


@deploy
def __init__(implementation: address, initialisation: Bytes[_MAX_INITIALISATION]):
    _AUTHORITY = msg.sender
    self._upgrade(implementation)
    raw_call(implementation, initialisation, is_delegate_call=True)
    assert self._implementation == implementation, "proxy: initialiser moved the slot"


@external
@payable
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    if msg.sender == _AUTHORITY and len(msg.data) == 32:
        self._upgrade(convert(convert(slice(msg.data, 0, 32), uint256), address))
        return b""
    implementation: address = self._implementation
    result: Bytes[_MAX_RETURN] = raw_call(
        implementation, msg.data, is_delegate_call=True, max_outsize=_MAX_RETURN
    )
    assert self._implementation == implementation, "proxy: implementation slot changed"
    assert len(result) < _MAX_RETURN, "proxy: return data too long"
    return result


@internal
def _upgrade(implementation: address):
    assert implementation.is_contract, "proxy: implementation has no code"
    self._implementation = implementation
    log Upgraded(implementation=implementation)
