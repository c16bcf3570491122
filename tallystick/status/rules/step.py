"""What a rule is given: an event, the facts before it, who acted; and how rules are entered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tallystick.governance.roles import Role

__all__ = ["NOBODY", "RULES", "Changes", "Facts", "Logged", "Step", "on", "proposal", "sets"]

# (address, view, *arguments) -> value: a fact is named by the view that answers it. Of a struct, a
# member that is not named is zero: false, nobody, no bytes.
Facts = Mapping[tuple[Any, ...], Any]
# What one event changes at its own contract; None: the view answers no more. What begins with _ no
# view answers: later events need it.
Changes = dict[tuple[Any, ...], Any]

NOBODY: Final = "0x" + "00" * 20
_DAY: Final = 86_400
_PROPOSAL_LIFETIME: Final = 30 * _DAY


@dataclass(frozen=True, slots=True)
class Logged:
    """An event of one of our contracts on a ledger; `time` is its block's, in seconds since 1970.

    In a `PrivilegedAct` the argument `act` is the name of the function that was called.
    """

    caip2: str
    contract: str
    address: str
    event: str
    args: Mapping[str, Any]
    block: int
    time: int
    log_index: int = 0
    tx: str = ""


@dataclass(frozen=True)
class Step:
    """An event, the facts before it, and the privileged act that its contract logged last.

    Every argument of the event is an attribute.
    """

    facts: Facts
    logged: Logged
    instruction: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        # Only reached for what is none of ours: the event's argument.
        return self.logged.args[name]

    @property
    def at(self) -> int:
        """When it happened, seconds since 1970."""
        return self.logged.time

    @property
    def by(self) -> str:
        """Who acted."""
        return str(self.instruction["actor"])

    def now(self, view: str, *arguments: Any, empty: Any = 0) -> Any:
        """What a view of the event's contract answers before the event."""
        return self.facts.get((self.logged.address, view, *arguments), empty)

    def member(self, member: str, view: str, *arguments: Any) -> Any:
        """A member of the struct that a view answers before the event."""
        return self.now(view, *arguments, empty={}).get(member, 0)

    def with_members(self, view: str, *arguments: Any, **changed: Any) -> Changes:
        """The struct that a view answers, with some members replaced."""
        return {(view, *arguments): {**self.now(view, *arguments, empty={}), **changed}}

    def proposed(self, proposer: Role, confirmer: Role, *what: Any, delay: int = 0) -> Changes:
        """A proposal of the event's act; which act it is, to know it when it is carried out."""
        return {
            ("_act", *what): self.act,
            ("proposal_of", self.act): {
                "proposer": self.by,
                "proposer_role": int(proposer),
                "confirmer_role": int(confirmer),
                "counts_from": self.at + delay,
                "lapses_at": self.at + delay + _PROPOSAL_LIFETIME,
            },
        }

    def carried_out(self, *what: Any) -> Changes:
        """Whoever carries an act out uses up its proposal, if there is one."""
        act = self.now("_act", *what)
        return {("proposal_of", act): {}} if act else {}


Rule = Callable[[Step], Changes]
RULES: Final[dict[str, list[Rule]]] = {}


def on(*events: str) -> Callable[[Rule], Rule]:
    """Enter a rule for these events."""

    def enter(rule: Rule) -> Rule:
        for event in events:
            RULES.setdefault(event, []).append(rule)
        return rule

    return enter


def sets(event: str, fact: str, to: Any = None, *, same: str = "", **members: Any) -> None:
    """Enter the rule that an event sets what a view answers, or members of it.

    `fact` is the view and what it is asked for, `same` has members that are called as the event's
    arguments. Text names an argument, `at` the time, `by` who acted; all else is the value.
    """
    view, *arguments = fact.split()
    members |= {name: name for name in same.split()}

    def rule(step: Step) -> Changes:
        def said(value: Any) -> Any:
            return getattr(step, value) if isinstance(value, str) else value

        asked = (view, *map(said, arguments))
        if to is not None:
            return {asked: said(to)}
        return step.with_members(*asked, **{name: said(value) for name, value in members.items()})

    on(event)(rule)


def proposal(event: str, done: str, keys: tuple[Role, Role], act: str, delay: int = 0) -> None:
    """Enter the rules of an act, a function of arguments, that one role proposes, another does.

    It counts `delay` seconds later.
    """
    function, *names = act.split()

    def proposed(step: Step) -> Changes:
        # Giving a role waits a day.
        waits = _DAY if function == "assign_role" and step.role else delay
        what = [getattr(step, name) for name in names]
        return step.proposed(*keys, function, *what, delay=waits)

    def carried_out(step: Step) -> Changes:
        # Whatever else led there used up no proposal; a constructor states no act.
        did = step.instruction.get("act", function)
        return step.carried_out(did, *[getattr(step, name) for name in names])

    on(event)(proposed)
    on(done)(carried_out)
