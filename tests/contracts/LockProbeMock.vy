# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Authority that calls back while a token waits for its answer
@license Apache-2.0
@author Tallystick
@notice For tests of the lock that all pieces of the token share.
@dev A test double. In no release.
"""

_MAX_CALL: constant(uint256) = 128

callback: Bytes[_MAX_CALL]


@external
def set_callback(callback: Bytes[_MAX_CALL]):
    """
    @notice Choose what to call.
    @param callback The call.
    """
    self.callback = callback


@external
@view
def is_custody(account: address, token: address) -> bool:
    """
    @notice Call the token that asks.
    @param account Any account.
    @param token The token.
    @return Whether the call came back.
    """
    return raw_call(token, self.callback, is_static_call=True, revert_on_failure=False)
