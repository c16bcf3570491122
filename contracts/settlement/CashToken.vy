# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Cash token: money for local chains and testnets
@license Apache-2.0
@author Tallystick
@notice An ERC-20 in one ISO 4217 currency, with permits, so that a ledger without a stablecoin can pay a dividend.
        NO PRODUCTION MONEY: one key issues as much as it likes, backed by nothing, and can't be replaced.
@dev Payments take any ERC-20; this one behaves as the stablecoins that they will meet: its issuer can block an
     account, so that a payee may be refused. It calls no other contract and takes no lock (`@reentrant`).
     Who is permitted to spend is signed by keys alone (EIP-2612). Contracts have no need of ERC-1271 here: they
     approve in the call in which they spend, and asking a signer would be the one call out of this code.
@custom:security No proxy, no roles; whoever holds the issuer's key makes and blocks, and moves nobody's cash.
@custom:kill None: the issuer blocks accounts, one by one.
"""
from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

implements: IERC20
implements: IERC20Detailed

from contracts.registry import identifiers

_DOMAIN_VERSION: constant(String[1]) = "1"
_DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_PERMIT_TYPEHASH: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
_BLOCKED: constant(uint256) = 2**255
# Half the order of secp256k1: a larger s is the same signature again.
_MAX_S: constant(uint256) = (
    57896044618658097711785492504343953926418782139537452191302581570759080747168
)

name: public(immutable(String[64]))
symbol: public(immutable(String[16]))
decimals: public(immutable(uint8))
# ISO 4217: three letters.
currency: public(immutable(bytes3))
issuer: public(immutable(address))

totalSupply: public(uint256)
# account -> balance, and in the highest bit whether it is blocked: one slot to read for each side of a payment
_accounts: HashMap[address, uint256]
allowance: public(HashMap[address, HashMap[address, uint256]])
# How many permits of an account were used; the next one is signed with this number.
nonces: public(HashMap[address, uint256])


event Blocked:
    account: indexed(address)
    blocked: bool


@deploy
def __init__(
    name_: String[64], symbol_: String[16], decimals_: uint8, currency_: bytes3, issuer_: address
):
    """
    @notice Say what money this stands for, and whose key makes it, for good.
    @param name_ What wallets show, and what permits are signed for.
    @param symbol_ The short form.
    @param decimals_ Places behind the point.
    @param currency_ ISO 4217 code: three capitals.
    @param issuer_ The key that issues, redeems and blocks.
    """
    assert identifiers._currency_ok(currency_), "cash: bad currency"
    assert issuer_ != empty(address), "cash: no issuer"
    name = name_
    symbol = symbol_
    decimals = decimals_
    currency = currency_
    issuer = issuer_


@external
@reentrant
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Pay out of the caller's cash (ERC-20).
    @param receiver The account to credit.
    @param amount Smallest units.
    @return True.
    @custom:role anyone
    @custom:refused frozen caller, frozen to
    """
    self._move(msg.sender, receiver, amount)
    return True


@external
@reentrant
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Pay out of the owner's cash, within the caller's allowance (ERC-20).
    @param owner The account to debit.
    @param receiver The account to credit.
    @param amount Smallest units.
    @return True.
    @custom:role anyone
    @custom:refused frozen caller, frozen from, frozen to
    """
    assert not self._is_blocked(msg.sender), "cash: caller blocked"
    self._spend_allowance(owner, amount)
    self._move(owner, receiver, amount)
    return True


@external
@reentrant
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Let `spender` move up to `amount` of the caller's cash (ERC-20); the largest uint256 never runs out.
    @param spender The account that may.
    @param amount Smallest units, absolutely.
    @return True.
    @custom:role anyone
    """
    self._approve(msg.sender, spender, amount)
    return True


@external
@reentrant
def permit(
    owner: address,
    spender: address,
    amount: uint256,
    deadline: uint256,
    v: uint8,
    r: bytes32,
    s: bytes32,
):
    """
    @notice Approve in the owner's name, with its signature (EIP-2612). Anyone brings it, once.
    @dev Whoever sees a permit can bring it first: who needs the allowance asks for it when this is refused.
    @param owner The account to debit, a key.
    @param spender The account that may.
    @param amount Smallest units, absolutely.
    @param deadline The last second in which this counts.
    @param v 27 or 28.
    @param r First half of the signature.
    @param s Second half, in its lower form.
    @custom:role anyone
    """
    assert block.timestamp <= deadline, "cash: permit expired"
    assert convert(s, uint256) <= _MAX_S, "cash: high s"
    nonce: uint256 = self.nonces[owner]
    digest: bytes32 = keccak256(
        concat(
            0x1901,
            self._domain_separator(),
            keccak256(abi_encode(_PERMIT_TYPEHASH, owner, spender, amount, nonce, deadline)),
        )
    )
    # A failed recovery returns the empty address, which has no key.
    assert (
        owner != empty(address) and ecrecover(digest, v, r, s) == owner
    ), "cash: wrong signature"
    self.nonces[owner] = unsafe_add(nonce, 1)
    self._approve(owner, spender, amount)


@external
@reentrant
def mint(receiver: address, amount: uint256):
    """
    @notice Issue cash.
    @param receiver The account to credit.
    @param amount Smallest units.
    @custom:role issuer
    @custom:refused frozen to
    """
    self._check_issuer()
    self._check_receiver(receiver)
    assert amount < _BLOCKED - self.totalSupply, "cash: supply out of range"
    self.totalSupply = unsafe_add(self.totalSupply, amount)
    self._credit(receiver, amount)
    log IERC20.Transfer(sender=empty(address), receiver=receiver, value=amount)


@external
@reentrant
def burn(amount: uint256):
    """
    @notice Redeem the issuer's own cash; others send theirs to it.
    @param amount Smallest units.
    @custom:role issuer
    """
    self._check_issuer()
    self._debit(msg.sender, amount)
    # No balance is more than the supply.
    self.totalSupply = unsafe_sub(self.totalSupply, amount)
    log IERC20.Transfer(sender=msg.sender, receiver=empty(address), value=amount)


@external
@reentrant
def set_blocked(account: address, blocked: bool):
    """
    @notice Block an account, or end that: blocked, it neither pays nor is paid, nor spends what others allowed it.
    @param account The account; its balance stays its own.
    @param blocked Whether it is blocked from now on.
    @custom:role issuer
    """
    self._check_issuer()
    self._accounts[account] = self._balance(account) | (_BLOCKED if blocked else 0)
    log Blocked(account=account, blocked=blocked)


@external
@view
@reentrant
def balanceOf(account: address) -> uint256:
    """
    @notice What an account holds (ERC-20).
    @param account The account.
    @return Smallest units.
    """
    return self._balance(account)


@external
@view
@reentrant
def is_blocked(account: address) -> bool:
    """
    @notice Whether an account neither pays nor is paid.
    @param account The account.
    @return Whether the issuer blocked it.
    """
    return self._is_blocked(account)


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """
    @notice EIP-712 domain in which permits are signed (EIP-2612).
    @return The separator.
    """
    return self._domain_separator()


@external
@view
def eip712Domain() -> (
    bytes1, String[64], String[1], uint256, address, bytes32, DynArray[uint256, 1]
):
    """
    @notice The same domain by its parts (ERC-5267).
    @return Which fields it has, as bits: name, version, chain id, contract.
    @return Name.
    @return Version.
    @return Chain id.
    @return This contract.
    @return No salt.
    @return No extensions.
    """
    return (0x0f, name, _DOMAIN_VERSION, chain.id, self, empty(bytes32), [])


# --------------------------------------------------------------------- internal


@internal
@view
def _check_issuer():
    """
    @dev Revert unless the issuer calls.
    """
    assert msg.sender == issuer, "cash: only the issuer"


@internal
@view
def _balance(account: address) -> uint256:
    """
    @dev What an account holds.
    """
    return self._accounts[account] & ~_BLOCKED


@internal
@view
def _is_blocked(account: address) -> bool:
    """
    @dev Whether the issuer blocked an account.
    """
    return self._accounts[account] & _BLOCKED != 0


@internal
@view
def _check_receiver(receiver: address):
    """
    @dev Revert unless that account can be paid.
    """
    assert receiver != empty(address), "cash: no receiver"
    assert not self._is_blocked(receiver), "cash: receiver blocked"


@internal
def _move(sender: address, receiver: address, amount: uint256):
    """
    @dev Every payment: neither side is blocked.
    """
    paying: uint256 = self._accounts[sender]
    assert paying & _BLOCKED == 0, "cash: sender blocked"
    paid: uint256 = self._accounts[receiver]
    assert receiver != empty(address), "cash: no receiver"
    assert paid & _BLOCKED == 0, "cash: receiver blocked"
    assert amount <= paying, "cash: balance too low"
    if sender != receiver:
        self._accounts[sender] = unsafe_sub(paying, amount)
        self._accounts[receiver] = unsafe_add(paid, amount)
    log IERC20.Transfer(sender=sender, receiver=receiver, value=amount)


@internal
def _debit(account: address, amount: uint256):
    """
    @dev Nobody goes below zero.
    """
    assert amount <= self._balance(account), "cash: balance too low"
    self._accounts[account] = unsafe_sub(self._accounts[account], amount)


@internal
def _credit(account: address, amount: uint256):
    """
    @dev No sum of balances is more than the supply, which fits.
    """
    self._accounts[account] = unsafe_add(self._accounts[account], amount)


@internal
def _approve(owner: address, spender: address, amount: uint256):
    """
    @dev Set an allowance, whatever it was.
    """
    assert spender != empty(address), "cash: no spender"
    self.allowance[owner][spender] = amount
    log IERC20.Approval(owner=owner, spender=spender, value=amount)


@internal
def _spend_allowance(owner: address, amount: uint256):
    """
    @dev Use up the caller's allowance. What is left is logged: a Transfer does not name who spent it.
    """
    allowed: uint256 = self.allowance[owner][msg.sender]
    if allowed == max_value(uint256):
        return
    assert amount <= allowed, "cash: allowance too low"
    if amount != 0:
        # Nobody who spends nothing logs an approval in the owner's name.
        self._approve(owner, msg.sender, unsafe_sub(allowed, amount))


@internal
@view
def _domain_separator() -> bytes32:
    """
    @dev Of this token on the chain as it calls itself now: after a fork the other half's permits fail.
    """
    return keccak256(
        abi_encode(
            _DOMAIN_TYPEHASH,
            keccak256(name),
            keccak256(_DOMAIN_VERSION),
            chain.id,
            self,
        )
    )
