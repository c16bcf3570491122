# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Token that refuses by returning False
@license Apache-2.0
@author Tallystick
@notice For tests of who looks at what an ERC-20 returns.
@dev A test double. In no release.
"""


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice As ERC-20's; nothing moves.
    @param receiver Not looked at.
    @param amount Not looked at.
    @return False.
    """
    return False


@external
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    """
    @notice As ERC-20's; nothing moves.
    @param owner Not looked at.
    @param receiver Not looked at.
    @param amount Not looked at.
    @return False.
    """
    return False
