# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Release proxy: one address, the release that its authority activated
@license Apache-2.0
@author Tallystick
@notice Forwards every call to the active release of a contract.
@dev The implementation lives in the ERC-1967 slot, so that explorers and wallets find it. The only key that
     can change it is the release authority, an immutable in this code: no implementation can take it away.
     After each delegated call the slot must still hold what it held before (100 gas): an
     implementation that writes it, by mistake or by intent, reverts. The authority upgrades with
     32 bytes of calldata, a length that no function call has; its other calls (migrations) are
     forwarded. There is no external function here whose selector could shadow an implementation's.
@custom:security Return data of 1,024 bytes or more is refused, never cut.
@custom:kill None of its own: the release behind it carries its pauses.
"""

_ERC1967_IMPLEMENTATION: constant(uint256) = (
    24440054405305269366569402256811496959409073762505157381672968839269610695612
)
_MAX_RETURN: constant(uint256) = 1024
_MAX_INITIALISATION: constant(uint256) = 4096

_AUTHORITY: immutable(address)


# Storage below the ERC-1967 slot belongs to the implementation; this variable only places the next one.
_below_erc1967: uint256[_ERC1967_IMPLEMENTATION]
_implementation: address


event Upgraded:
    implementation: indexed(address)


@deploy
def __init__(implementation: address, initialisation: Bytes[_MAX_INITIALISATION]):
    """
    @notice Point to the first release and initialise it; the caller becomes the authority.
    @param implementation The first release's code.
    @param initialisation The call that initialises it.
    """
    _AUTHORITY = msg.sender
    self._upgrade(implementation)
    raw_call(implementation, initialisation, is_delegate_call=True)
    assert self._implementation == implementation, "proxy: initialiser moved the slot"


@external
@payable
@reentrant
@raw_return
def __default__() -> Bytes[_MAX_RETURN]:
    """
    @notice Forward the call to the active release; from the authority: activate a release.
    @dev Reentrant on purpose: the transient lock belongs to the implementation, in whose place this
         code runs; taking it here would lock the implementation out of itself.
    @return What the implementation returned, byte for byte.
    """
    # A call to a function is 4 + 32 n bytes long, so 32 bytes are no call of any implementation.
    if msg.sender == _AUTHORITY and len(msg.data) == 32:
        self._upgrade(convert(convert(slice(msg.data, 0, 32), uint256), address))
        return b""
    implementation: address = self._implementation
    result: Bytes[_MAX_RETURN] = raw_call(
        implementation, msg.data, is_delegate_call=True, max_outsize=_MAX_RETURN
    )
    assert self._implementation == implementation, "proxy: implementation slot changed"
    # raw_call cuts at the bound without a word; a full buffer may have been cut.
    assert len(result) < _MAX_RETURN, "proxy: return data too long"
    return result


@internal
def _upgrade(implementation: address):
    """
    @dev Point to `implementation`. That it is a contract for good, the authority has made sure (EIP-7702): here it
         would cost each forwarded call 14 gas.
    """
    assert implementation.is_contract, "proxy: implementation has no code"
    self._implementation = implementation
    log Upgraded(implementation=implementation)
