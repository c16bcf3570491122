# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Operators: who may act for a holder (ERC-7540's operators, ERC-7741)
@license Apache-2.0
@author Tallystick
@notice A holder lets another account claim for it, by a transaction or by a signature that anybody brings.
@dev An operator moves no money to itself: what it claims goes where the holder's goes. A signature is one-way through
     its nonce, of any number; the domain is the engine's. Signers are keys, or contracts (ERC-1271).
"""
from contracts.actions import dispatch
from contracts.governance import signed

_AUTHORIZE_TYPEHASH: constant(bytes32) = keccak256(
    "AuthorizeOperator(address controller,address operator,bool approved,bytes32 nonce,uint256 deadline)"
)

# holder -> account -> whether it may act for it
isOperator: public(HashMap[address, HashMap[address, bool]])
# holder -> nonce -> whether a signature with it was used, or never will be
authorizations: public(HashMap[address, HashMap[bytes32, bool]])
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[16]


event OperatorSet:
    controller: indexed(address)
    operator: indexed(address)
    approved: bool


event NonceInvalidated:
    controller: indexed(address)
    nonce: indexed(bytes32)


# ---------------------------------------------------------------------------- holders


@external
def setOperator(operator: address, approved: bool) -> bool:
    """
    @notice Let an account act for the caller, or no longer (ERC-7540).
    @param operator The account.
    @param approved Whether it may.
    @return True.
    @custom:role anyone
    """
    self._set(msg.sender, operator, approved)
    return True


@external
def invalidateNonce(nonce: bytes32):
    """
    @notice Make a signature of the caller useless, given or not (ERC-7741).
    @param nonce Its nonce.
    @custom:role anyone
    """
    self.authorizations[msg.sender][nonce] = True
    log NonceInvalidated(controller=msg.sender, nonce=nonce)


# ----------------------------------------------------------------------------- anyone


@external
def authorizeOperator(
    controller: address,
    operator: address,
    approved: bool,
    nonce: bytes32,
    deadline: uint256,
    signature: Bytes[signed.MAX_SIGNATURE],
) -> bool:
    """
    @notice Let an account act for a holder, or no longer, as the holder signed (ERC-7741).
    @param controller The holder.
    @param operator The account.
    @param approved Whether it may.
    @param nonce Any number that the holder has not used.
    @param deadline Last moment at which this counts.
    @param signature The holder's: r, s, v of a key, or what its contract takes.
    @return True.
    @custom:role anyone
    """
    assert block.timestamp <= deadline, "operators: signature expired"
    assert not self.authorizations[controller][nonce], "operators: nonce used"
    self.authorizations[controller][nonce] = True
    digest: bytes32 = keccak256(
        concat(
            b"\x19\x01",
            dispatch._domain_separator(chain.id, self),
            keccak256(
                abi_encode(_AUTHORIZE_TYPEHASH, controller, operator, approved, nonce, deadline)
            ),
        )
    )
    assert signed._is_signed(controller, digest, signature), "operators: not the holder's signature"
    self._set(controller, operator, approved)
    return True


# --------------------------------------------------------------------------- internal


@internal
def _set(controller: address, operator: address, approved: bool):
    """
    @dev Enter who acts for a holder.
    """
    assert operator != controller, "operators: acts for itself anyway"
    self.isOperator[controller][operator] = approved
    log OperatorSet(controller=controller, operator=operator, approved=approved)
