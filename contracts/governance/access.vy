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
     in which it was made: what dies with a role stays dead when the role returns (INV-9). Either side or the
     guardian withdraws it. While a contract is set up, one set-up key acts alone; `_hand_over` ends that for
     ever and asks for two administrators, of whom from then on one proposes a change of role and another
     carries it out: taking a role at once, giving one after a day in which the guardian can withdraw it.
     A removal is never withdrawn, so that whom it names has no say in it. When a second administrator is
     lost, the guardian confirms a new one, a month later.
"""
from contracts.governance import code
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
# Announces ratios: a contract, whose rules anyone reads; no key changes what everybody's units are.
ACTIONS: constant(uint256) = 1024
_ALL_ROLES: constant(uint256) = 2047

# Dual control needs two; fewer could never change a role again.
_MIN_ADMINISTRATORS: constant(uint256) = 2

_PROPOSAL_LIFETIME: constant(uint256) = 30 * 86400
# A role that is given counts a day later: who is on call sees it, and the guardian can stop two stolen keys. Longer
# would leave a lost key unreplaced.
_GRANT_DELAY: constant(uint256) = 86400
# An administrator who is not lost after all has a month more to say so.
_RECOVERY_NOTICE: constant(uint256) = 30 * 86400
# Fields of a proposal; of its warrant, the lowest is the proposer's role.
_WARRANT_SHIFT: constant(uint256) = 56
_CONFIRMER_SHIFT: constant(uint256) = 40
_TIME_MASK: constant(uint256) = 2**40 - 1
# Above the confirmer's roles: the proposal takes a role.
_REMOVAL: constant(uint256) = 2**15
# What a role held and lost adds to the account's word, above its role.
_TERM: constant(uint256) = 2**16


struct Proposal:
    proposer: address
    proposer_role: uint256
    confirmer_role: uint256
    counts_from: uint256
    lapses_at: uint256


# account -> roles that it lost 24 | its role 16. Grants wait a day: 24 bits last for 45,000 years.
_held: HashMap[address, uint256]
set_up_key: public(address)
administrators: public(uint256)
# act -> warrant of the proposer 200 | role that may carry it out 16 | counts from 40
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
    @dev A grant counts a day later, and the guardian can withdraw it; a removal counts at once, and stands.
    @param account The account.
    @param role One role bit, or 0 for none.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role administrator
    """
    self._check_assignable(account, role)
    act: bytes32 = self._role_act(account, role)
    confirmer: uint256 = ADMINISTRATOR
    delay: uint256 = _GRANT_DELAY
    if role == 0:
        confirmer |= _REMOVAL
        delay = 0
    self._propose(act, ADMINISTRATOR, confirmer, account, reason, document, delay)
    log RoleProposed(act=act, account=account, role=role)
    return act


@external
def assign_role(account: address, role: uint256, reason: bytes4, document: bytes32):
    """
    @notice Give `account` its role, or take it (role 0).
    @dev By the set-up key, or by an administrator after another's proposal. A new administrator may be
         confirmed by the guardian instead, in the 30 days after the proposal has lapsed for administrators:
         the way back when all but one of them are lost. Whoever is not withdraws the proposal.
    @param account The account.
    @param role One role bit, or 0 for none.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator, guardian, set-up key
    """
    confirmer: uint256 = ADMINISTRATOR
    notice: uint256 = 0
    if role == ADMINISTRATOR and self._held[msg.sender] & GUARDIAN != 0:
        confirmer = GUARDIAN
        notice = _RECOVERY_NOTICE
    self._carry_out(self._role_act(account, role), confirmer, notice)
    self._set_role(account, role, reason, document)


@external
def withdraw_proposal(act: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Withdraw a proposal: whoever may propose or carry out the act, or the guardian.
    @dev But not the removal of a role, which nobody carries out lapses.
    @param act The act, as the event of its proposal names it.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role guardian, sides of the proposal
    """
    word: uint256 = self._proposals[act]
    assert word != 0, "access: nothing to withdraw"
    assert word & (_REMOVAL << _CONFIRMER_SHIFT) == 0, "access: a removal stands"
    self._check_role(
        ((word >> _WARRANT_SHIFT) | (word >> _CONFIRMER_SHIFT) | GUARDIAN) & _ALL_ROLES
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
    @return Who proposed it in which role, which role carries it out, from when on it counts, and until when.
    """
    word: uint256 = self._proposals[act]
    if word == 0:
        return empty(Proposal)
    counts_from: uint256 = word & _TIME_MASK
    return Proposal(
        proposer=convert(word >> (_WARRANT_SHIFT + 40), address),
        proposer_role=(word >> _WARRANT_SHIFT) & _ALL_ROLES,
        confirmer_role=(word >> _CONFIRMER_SHIFT) & _ALL_ROLES,
        counts_from=counts_from,
        lapses_at=unsafe_add(counts_from, _PROPOSAL_LIFETIME),
    )


@external
@view
def role_of(account: address) -> uint256:
    """
    @notice The role of an account.
    @param account The account.
    @return One role bit; 0: none.
    """
    return self._held[account] & _ALL_ROLES


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
    assert self._held[key] & _ALL_ROLES == 0, "access: set-up key holds a role"
    self.set_up_key = empty(address)
    instruction._record(key, reason, document)
    log SetUpCompleted(set_up_key=key)


@internal
@view
def _check_role(roles: uint256):
    """
    @dev Revert unless the caller holds one of `roles`.
    """
    assert self._held[msg.sender] & roles != 0, "access: missing role"


@internal
@view
def _check_role_or_set_up(roles: uint256):
    """
    @dev As `_check_role`, but the set-up key passes too while there is one.
    """
    if self._held[msg.sender] & roles == 0:
        assert msg.sender == self.set_up_key, "access: missing role or set-up"


@internal
def _propose(
    act: bytes32,
    proposer_role: uint256,
    confirmer_role: uint256,
    subject: address,
    reason: bytes4,
    document: bytes32,
    delay: uint256 = 0,
):
    """
    @dev Enter the caller's proposal, to count after `delay`; the same act proposed again counts anew. The caller
         logs what it is.
    """
    self._check_role(proposer_role)
    self._proposals[act] = (
        (self._warrant(msg.sender) << _WARRANT_SHIFT)
        | (confirmer_role << _CONFIRMER_SHIFT)
        | unsafe_add(block.timestamp, delay)
    )
    instruction._record(subject, reason, document)


@internal
def _carry_out(act: bytes32, confirmer_role: uint256, notice: uint256 = 0):
    """
    @dev The set-up key passes; else the caller's role uses up the proposal of exactly this act, `notice` later than
         it says. Either way none is left: what was done once is done again by two keys only.
    """
    if msg.sender == self.set_up_key:
        self._proposals[act] = 0
        return
    self._check_role(confirmer_role)
    word: uint256 = self._proposals[act]
    assert word != 0, "access: act not proposed"
    proposer: address = self._holder(word >> _WARRANT_SHIFT)
    assert proposer != empty(address), "access: proposer lost its role"
    assert proposer != msg.sender, "access: needs another key"
    # Clocks are far below 40 bits.
    counts_from: uint256 = unsafe_add(word & _TIME_MASK, notice)
    assert block.timestamp >= counts_from, "access: proposal waits"
    assert (
        block.timestamp < unsafe_add(counts_from, _PROPOSAL_LIFETIME)
    ), "access: proposal lapsed"
    self._proposals[act] = 0


@internal
@view
def _warrant(account: address) -> uint256:
    """
    @dev On what an account acts: itself 160 | roles that it lost 24 | its role 16. No two terms of a role are alike.
    """
    return (convert(account, uint256) << 40) | self._held[account]


@internal
@view
def _holder(warrant: uint256) -> address:
    """
    @dev Whose warrant that is; empty once the role under which it was given is lost.
    """
    account: address = convert(warrant >> 40, address)
    return account if self._warrant(account) == warrant else empty(address)


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
    @dev At most one bit, a known one, to a real account; ACTIONS to a contract alone.
    """
    assert account != empty(address), "access: no account"
    assert role <= _ALL_ROLES and role & unsafe_sub(role, 1) == 0, "access: not one role"
    if role == ACTIONS:
        assert code._is_code(account), "access: only a contract"


@internal
def _set_role(account: address, role: uint256, reason: bytes4, document: bytes32):
    """
    @dev Replace the account's role; never leave fewer than two administrators once handed over.
    """
    self._check_assignable(account, role)
    held: uint256 = self._held[account]
    previous: uint256 = held & _ALL_ROLES
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
    # What died with the role must not revive with it: the next term is another.
    self._held[account] = held | role if previous == 0 else unsafe_add(held ^ previous, _TERM)
    instruction._record(account, reason, document)
    log RoleChanged(account=account, role=role, previous_role=previous)
