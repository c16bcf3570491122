# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Code: what counts as a contract
@license Apache-2.0
@author Tallystick
@notice Tells a contract from an account whose owner can change what it does.
@dev An account that delegates (EIP-7702) shows code that begins 0xef01, and its key points it elsewhere at will.
     No contract can begin so (EIP-3541).
"""

_DELEGATED: constant(bytes2) = 0xef01


@internal
@view
def _is_code(account: address) -> bool:
    """
    @dev Whether the account is a contract, for good.
    """
    if account.codesize < 2:
        return False
    return convert(slice(account.code, 0, 2), bytes2) != _DELEGATED
