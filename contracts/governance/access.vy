# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Access: distinct roles, acts that take two keys, no set-up key left behind
@license Apache-2.0
@author Tallystick
@notice Who may do what in one contract.
@dev An account holds at most one role in a contract, so that two different roles are always two different
     keys. What guards units takes two: one role proposes exactly an act, known by the hash of its name and
     arguments, another carries it out. A proposal counts once, for 30 days, while its proposer holds the role
     (INV-9); either side or the guardian withdraws it. While a contract is set up, one set-up key acts
     alone; `_hand_over` ends that for ever and asks for two administrators, of whom from then on one
     proposes a change of role and another carries it out.
"""
from contracts.governance import instruction

# Bits, so that a caller may accept any of several roles in one comparison.
ADMINISTRATOR: constant(uint256) = 1
ISSUER: constant(uint256) = 2
NOTARY: constant(uint256) = 4
REGISTRAR: constant(uint256) = 8
CUSTODIAN: constant(uint256) = 16
OPERATOR: constant(uint256) = 32
GUARDIAN: constant(uint256) = 64
UPGRADER: constant(uint256) = 128
PAYING_AGENT: constant(uint256) = 256
AUDITOR: constant(uint256) = 512
BRIDGE: constant(uint256) = 1024
_ALL_ROLES: constant(uint256) = 2047

# Dual control needs two; fewer could never change a role again.
_MIN_ADMINISTRATORS: constant(uint256) = 2

_PROPOSAL_LIFETIME: constant(uint256) = 30 * 86400
# Fields of a proposal below its proposer.
_PROPOSER_SHIFT: constant(uint256) = 96
_PROPOSER_ROLE_SHIFT: constant(uint256) = 80
_CONFIRMER_ROLE_SHIFT: constant(uint256) = 64
_ROLE_MASK: constant(uint256) = 2**16 - 1
_TIME_MASK: constant(uint256) = 2**64 - 1


struct Proposal:
    proposer: address
    proposer_role: uint256
    confirmer_role: uint256
    lapses_at: uint256


role_of: public(HashMap[address, uint256])
set_up_key: public(address)
administrators: public(uint256)
# act -> proposer 160 | its role 16 | role that may carry it out 16 | lapses at 64
_proposals: HashMap[bytes32, uint256]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


event RoleChanged:
    account: indexed(address)
    role: indexed(uint256)
    previous_role: uint256


event RoleProposed:
    act: indexed(bytes32)
    account: indexed(address)
    role: indexed(uint256)


event ProposalWithdrawn:
    act: indexed(bytes32)
    withdrawn_by: indexed(address)


event SetUpBegun:
    set_up_key: indexed(address)
    # Of a contract behind a proxy: its release authority.
    begun_by: indexed(address)


event SetUpCompleted:
    set_up_key: indexed(address)


@external
def propose_role(account: address, role: uint256, reason: bytes4, document: bytes32) -> bytes32:
    """
    @notice An administrator proposes that `account` gets `role` (0: loses its role); another assigns it.
    @param account The account.
    @param role One role bit, or 0 for none.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    """
    self._check_assignable(account, role)
    act: bytes32 = self._role_act(account, role)
    self._propose(act, ADMINISTRATOR, ADMINISTRATOR, account, reason, document)
    log RoleProposed(act=act, account=account, role=role)
    return act


@external
def assign_role(account: address, role: uint256, reason: bytes4, document: bytes32):
    """
    @notice Give `account` its role, or take it (role 0).
    @dev By the set-up key, or by an administrator after another's proposal.
    @param account The account.
    @param role One role bit, or 0 for none.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    self._carry_out(self._role_act(account, role), ADMINISTRATOR)
    self._set_role(account, role, reason, document)


@external
def withdraw_proposal(act: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Withdraw a proposal: whoever may propose or carry out the act, or the guardian.
    @param act The act, as the event of its proposal names it.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    word: uint256 = self._proposals[act]
    assert word != 0, "access: nothing to withdraw"
    self._check_role(
        (word >> _PROPOSER_ROLE_SHIFT) & _ROLE_MASK
        | (word >> _CONFIRMER_ROLE_SHIFT) & _ROLE_MASK
        | GUARDIAN
    )
    self._proposals[act] = 0
    instruction._record(empty(address), reason, document)
    log ProposalWithdrawn(act=act, withdrawn_by=msg.sender)


@external
@view
def proposal_of(act: bytes32) -> Proposal:
    """
    @notice A proposal that was neither carried out nor withdrawn.
    @param act The act, as the event of its proposal names it.
    @return Who proposed it in which role, which role carries it out, from when on it counts no more.
    """
    word: uint256 = self._proposals[act]
    return Proposal(
        proposer=convert(word >> _PROPOSER_SHIFT, address),
        proposer_role=(word >> _PROPOSER_ROLE_SHIFT) & _ROLE_MASK,
        confirmer_role=(word >> _CONFIRMER_ROLE_SHIFT) & _ROLE_MASK,
        lapses_at=word & _TIME_MASK,
    )


@internal
def _initialize(set_up_key: address):
    """
    @dev Name the key that sets this contract up. Called once, by the contract's own initialiser.
    """
    assert set_up_key != empty(address), "access: no set-up key"
    self.set_up_key = set_up_key
    log SetUpBegun(set_up_key=set_up_key, begun_by=msg.sender)


@internal
def _hand_over(reason: bytes4, document: bytes32):
    """
    @dev End the set-up: the set-up key loses all authority, for ever.
    """
    key: address = self.set_up_key
    assert msg.sender == key, "access: only the set-up key"
    assert self.administrators >= _MIN_ADMINISTRATORS, "access: two administrators first"
    # The key may not stay on under a role of its own.
    assert self.role_of[key] == 0, "access: set-up key holds a role"
    self.set_up_key = empty(address)
    instruction._record(key, reason, document)
    log SetUpCompleted(set_up_key=key)


@internal
@view
def _check_role(roles: uint256):
    """
    @dev Revert unless the caller holds one of `roles`.
    """
    assert self.role_of[msg.sender] & roles != 0, "access: missing role"


@internal
@view
def _check_role_or_set_up(roles: uint256):
    """
    @dev As `_check_role`, but the set-up key passes too while there is one.
    """
    if self.role_of[msg.sender] & roles == 0:
        assert msg.sender == self.set_up_key, "access: missing role or set-up"


@internal
def _propose(
    act: bytes32,
    proposer_role: uint256,
    confirmer_role: uint256,
    subject: address,
    reason: bytes4,
    document: bytes32,
):
    """
    @dev Enter the caller's proposal; the same act proposed again counts anew. The caller logs what it is.
    """
    self._check_role(proposer_role)
    self._proposals[act] = (
        (convert(msg.sender, uint256) << _PROPOSER_SHIFT)
        | (proposer_role << _PROPOSER_ROLE_SHIFT)
        | (confirmer_role << _CONFIRMER_ROLE_SHIFT)
        | (block.timestamp + _PROPOSAL_LIFETIME)
    )
    instruction._record(subject, reason, document)


@internal
def _carry_out(act: bytes32, confirmer_role: uint256):
    """
    @dev The set-up key passes; else the caller's role uses up the proposal of exactly this act. Either way
         none is left: what was done once is done again by two keys only.
    """
    if msg.sender == self.set_up_key:
        self._proposals[act] = 0
        return
    self._check_role(confirmer_role)
    word: uint256 = self._proposals[act]
    proposer: address = convert(word >> _PROPOSER_SHIFT, address)
    assert word != 0, "access: act not proposed"
    assert proposer != msg.sender, "access: needs another key"
    assert block.timestamp < word & _TIME_MASK, "access: proposal lapsed"
    assert (
        self.role_of[proposer] == (word >> _PROPOSER_ROLE_SHIFT) & _ROLE_MASK
    ), "access: proposer lost its role"
    self._proposals[act] = 0


@internal
@pure
def _role_act(account: address, role: uint256) -> bytes32:
    """
    @dev Hash of the act of changing a role.
    """
    return keccak256(abi_encode("assign_role", account, role))


@internal
@view
def _check_assignable(account: address, role: uint256):
    """
    @dev At most one bit, a known one, to a real account.
    """
    assert account != empty(address), "access: no account"
    assert role <= _ALL_ROLES and role & unsafe_sub(role, 1) == 0, "access: not one role"


@internal
def _set_role(account: address, role: uint256, reason: bytes4, document: bytes32):
    """
    @dev Replace the account's role; never leave fewer than two administrators once handed over.
    """
    self._check_assignable(account, role)
    previous: uint256 = self.role_of[account]
    assert previous != role, "access: role unchanged"
    # A change of role is two acts: an account never slides from one role into another.
    assert previous == 0 or role == 0, "access: holds another role"
    count: uint256 = self.administrators
    if role == ADMINISTRATOR:
        count += 1
    elif previous == ADMINISTRATOR:
        count -= 1
        assert (
            count >= _MIN_ADMINISTRATORS or self.set_up_key != empty(address)
        ), "access: last two administrators"
    self.administrators = count
    self.role_of[account] = role
    instruction._record(account, reason, document)
    log RoleChanged(account=account, role=role, previous_role=previous)
