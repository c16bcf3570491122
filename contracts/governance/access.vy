# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Access: distinct roles, two administrators, no set-up key left behind
@license Apache-2.0
@author Tallystick
@notice Who may do what in one contract.
@dev An account holds at most one role in a contract, so that two different roles are always two different
     keys. While a contract is set up, one set-up key assigns roles; `_hand_over` ends that for ever and asks
     for two administrators. From then on a role changes only when one administrator proposes it and
     another confirms it; a proposal counts only while its proposer holds the role (INV-9).
"""


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

role_of: public(HashMap[address, uint256])
set_up_key: public(address)
administrators: public(uint256)
proposer_of: public(HashMap[address, HashMap[uint256, address]])
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


event RoleChanged:
    account: indexed(address)
    role: indexed(uint256)
    previous_role: uint256
    changed_by: indexed(address)
    reason: bytes4
    document: bytes32


event RoleProposed:
    account: indexed(address)
    role: indexed(uint256)
    proposed_by: indexed(address)
    reason: bytes4
    document: bytes32


event RoleProposalWithdrawn:
    account: indexed(address)
    role: indexed(uint256)
    withdrawn_by: indexed(address)
    reason: bytes4
    document: bytes32


event SetUpCompleted:
    set_up_key: indexed(address)
    reason: bytes4
    document: bytes32


@external
def assign_role(account: address, role: uint256, reason: bytes4, document: bytes32):
    """
    @notice Give `account` its role, or take it (role 0), while the contract is being set up.
    @param account The account.
    @param role One role bit, or 0 for none.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    assert msg.sender == self.set_up_key, "access: not the set-up key"
    self._set_role(account, role, reason, document)


@external
def propose_role(account: address, role: uint256, reason: bytes4, document: bytes32):
    """
    @notice Propose that `account` gets `role` (0: loses its role); another administrator must confirm.
    @param account The account.
    @param role One role bit, or 0 for none.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    self._check_role(ADMINISTRATOR)
    self._check_assignable(account, role)
    self._check_stated(reason, document)
    self.proposer_of[account][role] = msg.sender
    log RoleProposed(
        account=account, role=role, proposed_by=msg.sender, reason=reason, document=document
    )


@external
def withdraw_role_proposal(account: address, role: uint256, reason: bytes4, document: bytes32):
    """
    @notice Withdraw a pending proposal; any administrator may.
    @param account The account of the proposal.
    @param role The role of the proposal.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    self._check_role(ADMINISTRATOR)
    assert self.proposer_of[account][role] != empty(address), "access: nothing to withdraw"
    self._check_stated(reason, document)
    self.proposer_of[account][role] = empty(address)
    log RoleProposalWithdrawn(
        account=account, role=role, withdrawn_by=msg.sender, reason=reason, document=document
    )


@external
def confirm_role(account: address, role: uint256, reason: bytes4, document: bytes32):
    """
    @notice Confirm and carry out a role change that another administrator proposed.
    @param account The account of the proposal.
    @param role The role of the proposal.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    self._check_role(ADMINISTRATOR)
    proposer: address = self.proposer_of[account][role]
    assert proposer != empty(address), "access: nothing proposed"
    assert proposer != msg.sender, "access: needs another administrator"
    assert self.role_of[proposer] == ADMINISTRATOR, "access: proposer lost its role"
    self.proposer_of[account][role] = empty(address)
    self._set_role(account, role, reason, document)


@internal
def _initialize(set_up_key: address):
    """
    @dev Name the key that sets this contract up. Called once, by the contract's own initialiser.
    """
    assert set_up_key != empty(address), "access: no set-up key"
    self.set_up_key = set_up_key


@internal
def _hand_over(reason: bytes4, document: bytes32):
    """
    @dev End the set-up: the set-up key loses all authority, for ever.
    """
    key: address = self.set_up_key
    assert msg.sender == key, "access: only the set-up key"
    assert self.administrators >= _MIN_ADMINISTRATORS, "access: two administrators needed"
    # The key may not stay on under a role of its own.
    assert self.role_of[key] == 0, "access: set-up key holds a role"
    self._check_stated(reason, document)
    self.set_up_key = empty(address)
    log SetUpCompleted(set_up_key=key, reason=reason, document=document)


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
@pure
def _check_stated(reason: bytes4, document: bytes32):
    """
    @dev A privileged act says why and on which document.
    """
    assert reason != empty(bytes4), "access: no reason code"
    assert document != empty(bytes32), "access: no document hash"


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
    self._check_stated(reason, document)
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
    log RoleChanged(
        account=account,
        role=role,
        previous_role=previous,
        changed_by=msg.sender,
        reason=reason,
        document=document,
    )
