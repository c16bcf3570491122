# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Lane custody: the account that holds one lane's units
@license Apache-2.0
@author Tallystick
@notice Holds what is locked, and what is in suspense, for one lane and one token. Holders lock here.
@dev Separate from the escrow's logic and never upgraded: a holder gives units to this code, for its one lane, by
     calling it or by a signature that anybody brings, and to nothing else. It has no owner; its one escrow enters what
     is locked or made good and pays out what arrives, and takes of nobody: neither it nor any role can. In the token
     it is a link account: nobody but itself credits or debits it, and its token asks it for no allowance. It takes no
     lock (`@reentrant`): what a signature uses up is used up before anything is called; the escrow locks for itself.
@custom:security The escrow keeps the lane ledger; this account makes each lane's units physically its own.
@custom:kill None: the escrow and the token carry the pauses.
"""
from interfaces import IBridgeEscrow
from interfaces import ILaneCustody
from interfaces import ISecurityToken

implements: ILaneCustody

from contracts.governance import signed

DOMAIN_NAME: constant(String[18]) = "Tallystick Custody"
DOMAIN_VERSION: constant(String[1]) = "1"
_DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
_LOCK_TYPEHASH: constant(bytes32) = keccak256(
    "Lock(bytes32 lane,bytes32 recipient,uint256 amount,bytes32 nonce,uint64 deadline)"
)

_ESCROW: immutable(IBridgeEscrow)
_TOKEN: immutable(ISecurityToken)

# holder -> nonce -> whether a signature with it was used, or never will be
authorizations: public(HashMap[address, HashMap[bytes32, bool]])


event LockWithdrawn:
    holder: indexed(address)
    nonce: indexed(bytes32)


event LockSigned:
    holder: indexed(address)
    nonce: indexed(bytes32)
    id: indexed(bytes32)


@deploy
def __init__(escrow_: address, token_: address):
    """
    @notice Bind this account to one escrow and one token, for good.
    @param escrow_ The escrow that moves what lies here.
    @param token_ The token that lies here.
    """
    assert escrow_ != empty(address), "custody: no escrow"
    assert token_.is_contract, "custody: token has no code"
    _ESCROW = IBridgeEscrow(escrow_)
    _TOKEN = ISecurityToken(token_)


@external
@reentrant
def lock(lane: bytes32, recipient: bytes32, amount: uint256, deadline: uint64) -> bytes32:
    """
    @notice Lock units of the caller here, to be issued to `recipient` on the lane's remote ledger.
    @param lane The lane whose custody this is.
    @param recipient Party on the remote ledger: an address on the right, or an account's hash.
    @param amount Base units.
    @param deadline Time from which units that have reached no account are for the sender again; within 90 days.
    @return The message's id.
    @custom:role anyone
    @custom:refused transfers, lanes, out, suspended instrument, suspended lane, frozen caller, expired caller
    """
    return self._lock(msg.sender, lane, recipient, amount, deadline)


@external
@reentrant
def lock_signed(
    holder: address,
    lane: bytes32,
    recipient: bytes32,
    amount: uint256,
    nonce: bytes32,
    deadline: uint64,
    signature: Bytes[signed.MAX_SIGNATURE],
) -> bytes32:
    """
    @notice Lock units of a holder here as the holder signed (EIP-712 `Lock`), whoever brings it.
    @dev The signature counts until the message's deadline: what is locked later is refused.
    @param holder Whose units.
    @param lane The lane whose custody this is.
    @param recipient Party on the remote ledger: an address on the right, or an account's hash.
    @param amount Base units.
    @param nonce Any number that the holder has not used.
    @param deadline Time from which units that have reached no account are for the sender again; within 90 days.
    @param signature The holder's: r, s, v of a key, or what its contract takes (ERC-1271).
    @return The message's id.
    @custom:role anyone
    @custom:refused transfers, lanes, out, suspended instrument, suspended lane, frozen from, expired from
    """
    assert not self.authorizations[holder][nonce], "custody: nonce used"
    self.authorizations[holder][nonce] = True
    digest: bytes32 = keccak256(
        concat(
            0x1901,
            self._domain_separator(),
            keccak256(abi_encode(_LOCK_TYPEHASH, lane, recipient, amount, nonce, deadline)),
        )
    )
    assert signed._is_signed(holder, digest, signature), "custody: not the holder's signature"
    id: bytes32 = self._lock(holder, lane, recipient, amount, deadline)
    log LockSigned(holder=holder, nonce=nonce, id=id)
    return id


@external
@reentrant
def withdraw_lock(nonce: bytes32):
    """
    @notice Make a signature of the caller useless, given or not.
    @param nonce Its nonce.
    @custom:role anyone
    """
    self.authorizations[msg.sender][nonce] = True
    log LockWithdrawn(holder=msg.sender, nonce=nonce)


@external
@reentrant
def make_good(id: bytes32, most: uint256) -> uint256:
    """
    @notice Give units of the caller for those that a denied message brought, as the token's issuer and its custodian
            agreed: at home they stay here for the lane, on a remote ledger they are taken off.
    @dev On a remote ledger no stop of the token keeps it back, nor its suspension, which it may be what ends.
    @param id The denied message's id.
    @param most Base units that the caller gives at most.
    @return How many it gave.
    @custom:role anyone
    @custom:refused frozen caller, expired caller
    """
    amount: uint256 = 0
    home: bool = False
    amount, home = extcall _ESCROW.enter_amends(id, msg.sender)
    assert amount <= most, "custody: more than the caller gives"
    if home:
        assert extcall _TOKEN.transferFrom(msg.sender, self, amount), "custody: not made good"
    else:
        extcall _TOKEN.crosschainBurn(msg.sender, amount)
    return amount


@external
@reentrant
def pay(recipient: address, amount: uint256) -> bool:
    """
    @notice Pay units out of custody.
    @param recipient The account to credit.
    @param amount Units.
    @return True.
    @custom:role escrow
    @custom:refused frozen to, expired to
    """
    assert msg.sender == _ESCROW.address, "custody: pay is the escrow's"
    # A transfer to itself would succeed and pay nobody.
    assert recipient != self, "custody: pay to itself"
    assert extcall _TOKEN.transfer(recipient, amount), "custody: pay failed"
    return True


@external
@reentrant
def hold(amount: uint256) -> bool:
    """
    @notice Issue units into custody: they arrived for a recipient who can't receive.
    @dev On a remote ledger, where the token knows this account as a bridge.
    @param amount Units.
    @return True.
    @custom:role escrow
    """
    assert msg.sender == _ESCROW.address, "custody: hold is the escrow's"
    extcall _TOKEN.crosschainMint(self, amount)
    return True


@external
@reentrant
def give_back(amount: uint256) -> bool:
    """
    @notice Take units off this ledger that wait here: they go back where they came from, or had come from nowhere.
    @dev On a remote ledger; at home they stay here, for the lane.
    @param amount Units.
    @return True.
    @custom:role escrow
    """
    assert msg.sender == _ESCROW.address, "custody: give_back is the escrow's"
    extcall _TOKEN.crosschainBurn(self, amount)
    return True


@external
@view
def escrow() -> address:
    """
    @notice The escrow that moves what lies here.
    @return Its address.
    """
    return _ESCROW.address


@external
@view
def token() -> address:
    """
    @notice The token that lies here.
    @return Its address.
    """
    return _TOKEN.address


@external
@view
def domain_separator() -> bytes32:
    """
    @notice EIP-712 domain in which holders sign a `Lock`.
    @return The separator.
    """
    return self._domain_separator()


@external
@view
def eip712Domain() -> (
    bytes1, String[18], String[1], uint256, address, bytes32, DynArray[uint256, 1]
):
    """
    @notice The same domain by its parts (ERC-5267).
    @return Which fields it has, as bits: name, version, chain id, contract.
    @return Name.
    @return Version.
    @return Chain id.
    @return The contract that checks the signatures.
    @return No salt.
    @return No extensions.
    """
    return (0x0f, DOMAIN_NAME, DOMAIN_VERSION, chain.id, self, empty(bytes32), [])


# --------------------------------------------------------------------- internal


@internal
def _lock(
    holder: address, lane: bytes32, recipient: bytes32, amount: uint256, deadline: uint64
) -> bytes32:
    """
    @dev Enter what leaves, then take it: the escrow says whether it may, the token whether the holder has it.
    """
    id: bytes32 = extcall _ESCROW.enter_lock(lane, holder, recipient, amount, deadline)
    assert extcall _TOKEN.transferFrom(holder, self, amount), "custody: lock failed"
    return id


@internal
@view
def _domain_separator() -> bytes32:
    """
    @dev Of this custody on the chain as it calls itself now: after a fork the other half's signatures fail.
    """
    return keccak256(
        abi_encode(
            _DOMAIN_TYPEHASH, keccak256(DOMAIN_NAME), keccak256(DOMAIN_VERSION), chain.id, self
        )
    )
