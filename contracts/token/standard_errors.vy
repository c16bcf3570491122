# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Standard errors: ERC-6093 and ERC-7943, byte for byte
@license Apache-2.0
@author Tallystick
@notice Vyper 0.4 has no custom errors of its own; these reverts carry the standards' exact encodings.
@dev The build adds them to the ABI, so that wallets and libraries decode them.
"""


@internal
@pure
def _insufficient_balance(sender: address, balance: uint256, needed: uint256):
    """
    @dev ERC-6093.
    """
    raw_revert(
        abi_encode(
            sender,
            balance,
            needed,
            method_id=method_id("ERC20InsufficientBalance(address,uint256,uint256)"),
        )
    )


@internal
@pure
def _insufficient_allowance(spender: address, allowance: uint256, needed: uint256):
    """
    @dev ERC-6093.
    """
    raw_revert(
        abi_encode(
            spender,
            allowance,
            needed,
            method_id=method_id("ERC20InsufficientAllowance(address,uint256,uint256)"),
        )
    )


@internal
@pure
def _invalid_receiver(receiver: address):
    """
    @dev ERC-6093.
    """
    raw_revert(abi_encode(receiver, method_id=method_id("ERC20InvalidReceiver(address)")))


@internal
@pure
def _invalid_spender(spender: address):
    """
    @dev ERC-6093.
    """
    raw_revert(abi_encode(spender, method_id=method_id("ERC20InvalidSpender(address)")))


@internal
@pure
def _cannot_send(account: address):
    """
    @dev ERC-7943.
    """
    raw_revert(abi_encode(account, method_id=method_id("ERC7943CannotSend(address)")))


@internal
@pure
def _cannot_receive(account: address):
    """
    @dev ERC-7943.
    """
    raw_revert(abi_encode(account, method_id=method_id("ERC7943CannotReceive(address)")))


@internal
@pure
def _insufficient_unfrozen_balance(account: address, amount: uint256, unfrozen: uint256):
    """
    @dev ERC-7943.
    """
    raw_revert(
        abi_encode(
            account,
            amount,
            unfrozen,
            method_id=method_id("ERC7943InsufficientUnfrozenBalance(address,uint256,uint256)"),
        )
    )
