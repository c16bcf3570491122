"""Who may do what in one contract, in plain Python: terms of roles, and what is proposed in them.

A term is a role of an account from its grant to its loss; whatever was stated in it (a proposal, a
legal order) names the term, and is dead once the term is over. The contract counts lost roles.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tallystick.governance.roles import Role

DAY = 86_400
MONTH = 30 * DAY
# What is proposed, by the name of its function and its arguments: account and role or class, or a
# bridge and its limits.
Act = tuple[str, str, int] | tuple[str, str, int, int]


# Two terms of one account in one role are two.
@dataclass(eq=False)
class Term:
    """A role of an account, from its grant to its loss."""

    account: str
    role: Role
    over: bool = False


@dataclass(frozen=True)
class Proposal:
    """In which term an act was proposed, who carries it out, and from when on it counts."""

    term: Term
    confirmer: Role
    counts_from: int


@dataclass
class Roles:
    """Roles and proposals of a contract whose set-up is over."""

    terms: dict[str, Term] = field(default_factory=dict)
    # How many roles an account has lost.
    lost: Counter[str] = field(default_factory=Counter)
    proposals: dict[Act, Proposal] = field(default_factory=dict)

    @classmethod
    def handed_over(cls, held: Iterable[tuple[str, Role]]) -> Roles:
        """The roles that a set-up gave."""
        return cls({account: Term(account, role) for account, role in held})

    def role_of(self, account: str) -> Role:
        """The role of an account now."""
        return self.terms[account].role if account in self.terms else Role.NONE

    @property
    def administrators(self) -> int:
        """How many there are."""
        return sum(term.role == Role.ADMINISTRATOR for term in self.terms.values())

    def propose(
        self, act: Act, by: str, proposer: Role, confirmer: Role, counts_from: int
    ) -> str | None:
        """One role proposes; the same act proposed again counts anew."""
        if self.role_of(by) != proposer:
            return "access: missing role"
        self.proposals[act] = Proposal(self.terms[by], confirmer, counts_from)
        return None

    def refusal(self, act: Act, by: str, confirmer: Role, now: int, notice: int = 0) -> str | None:
        """Why an account may not carry an act out, if so; who does uses its proposal up."""
        if self.role_of(by) != confirmer:
            return "access: missing role"
        proposal = self.proposals.get(act)
        if proposal is None:
            return "access: act not proposed"
        if proposal.term.over:
            return "access: proposer lost its role"
        if proposal.term.account == by:
            return "access: needs another key"
        if now < proposal.counts_from + notice:
            return "access: proposal waits"
        if now >= proposal.counts_from + notice + MONTH:
            return "access: proposal lapsed"
        return None

    def withdraw(self, act: Act, by: str) -> str | None:
        """Either side of a proposal, or the guardian; a removal stands."""
        proposal = self.proposals.get(act)
        if proposal is None:
            return "access: nothing to withdraw"
        if act[0] == "assign_role" and act[2] == Role.NONE:
            return "access: a removal stands"
        if self.role_of(by) not in (proposal.term.role, proposal.confirmer, Role.GUARDIAN):
            return "access: missing role"
        del self.proposals[act]
        return None

    def propose_role(self, account: str, role: int, by: str, now: int) -> str | None:
        """An administrator proposes a change: a grant counts a day later, a removal at once."""
        if role.bit_count() > 1:
            return "access: not one role"
        if role == Role.ACTIONS:
            # Nobody that plays is a contract.
            return "access: only a contract"
        counts_from = now + (DAY if role else 0)
        act = ("assign_role", account, role)
        return self.propose(act, by, Role.ADMINISTRATOR, Role.ADMINISTRATOR, counts_from)

    def assign_role(self, account: str, role: int, by: str, now: int) -> str | None:
        """Another administrator carries it out; of a new administrator, a month later the guardian,
        when it has lapsed for administrators."""
        act = ("assign_role", account, role)
        recovers = role == Role.ADMINISTRATOR and self.role_of(by) == Role.GUARDIAN
        confirmer, notice = (Role.GUARDIAN, MONTH) if recovers else (Role.ADMINISTRATOR, 0)
        previous = self.role_of(account)
        refusal = self.refusal(act, by, confirmer, now, notice)
        if refusal is None and previous == role:
            refusal = "access: role unchanged"
        if refusal is None and previous and role:
            refusal = "access: holds another role"
        if refusal is None and previous == Role.ADMINISTRATOR and self.administrators == 2:
            refusal = "access: last two administrators"
        if refusal is None:
            del self.proposals[act]
            if role:
                self.terms[account] = Term(account, Role(role))
            else:
                self.terms.pop(account).over = True
                self.lost[account] += 1
        return refusal
