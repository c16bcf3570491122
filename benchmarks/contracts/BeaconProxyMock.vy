# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Beacon proxy
@license Apache-2.0
@author Tallystick
@notice Asks its beacon for the implementation on every call.
@dev It has no storage of its own; the beacon is an immutable.
     Measured and attacked by `python -m benchmarks.proxies`. In no release.
"""


interface Beacon:
    def implementation() -> address: view


_MAX_RETURN: constant(uint256) = 1024
_MAX_INITIALISATION: constant(uint256) = 4096

_BEACON: immutable(Beacon)


@deploy
def __init__(beacon: address, initialisation: Bytes[_MAX_INITIALISATION]):
    _BEACON = Beacon(beacon)
    raw_call(staticcall _BEACON.implementation(), initialisation, is_delegate_call=True)


@external
@payable
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    implementation: address = staticcall _BEACON.implementation()
    result: Bytes[_MAX_RETURN] = raw_call(
        implementation, msg.data, is_delegate_call=True, max_outsize=_MAX_RETURN
    )
    assert len(result) < _MAX_RETURN, "proxy: return data too long"
    return result
