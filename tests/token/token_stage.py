"""A fresh token of a home ledger, its parties, its model, and how a call is held to the judgement.

Which functions were called, by which rule, with which end, is written down as it happens.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from hypothesis import currently_in_test_context
from hypothesis import note as note_of_run

from tallystick.chain import Contract, Revert
from tallystick.chain.abi import encode, keccak
from tallystick.governance.roles import Role
from tallystick.token.position import business_day
from tests.stateful.machine import refusal_of
from tests.stateful.model import UNLIMITED, Refusal
from tests.stateful.roles import Act
from tests.support.ratios import CLOSE, Holding
from tests.support.token_model import Token
from tests.support.token_state import Stated
from tests.support.world import (
    AMOUNT_MAX,
    ISIN,
    NO_DOCUMENT,
    NO_REASON,
    STATED,
    ZERO,
    Side,
    World,
    embedded,
)

HOLDERS: Final = ("investor", "buyer", "newcomer")
# Who has units, or may come to some.
ACCOUNTS: Final = (*HOLDERS, "issuer", "custody")
STAND_INS: Final = ("stand-in", "second stand-in")
KEYS: Final = {
    "administrator": Role.ADMINISTRATOR,
    "second administrator": Role.ADMINISTRATOR,
    "issuer": Role.ISSUER,
    "notary": Role.NOTARY,
    "registrar": Role.REGISTRAR,
    "custodian": Role.CUSTODIAN,
    "guardian": Role.GUARDIAN,
    "engine": Role.ACTIONS,
}
NOTHING: Final = (NO_REASON, NO_DOCUMENT)
_RATIOS: Final = {"RatioInForce", "RatioApplied"}


def note(words: str) -> None:
    """Beside the step that hypothesis prints, while it plays."""
    if currently_in_test_context():
        note_of_run(words)


class Watched:
    """A token whose functions are written down as they are called, with all their overloads."""

    def __init__(self, token: Contract, asked: set[str]) -> None:
        self._token, self._asked = token, asked

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._token, name)

        def asked(*arguments: Any, **how: Any) -> Any:
            self._asked.add(signature(self._token, name, len(arguments)))
            return method(*arguments, **how)

        return asked


def signature(token: Contract, name: str, count: int) -> str:
    """What the ABI calls a function that takes so many arguments."""
    (found,) = [o.signature for o in getattr(token, name).overloads if o.inputs.count == count]
    return found


def act_hash(act: Act) -> bytes:
    """What a token calls what is proposed."""
    return keccak(encode(("string", "address", *["uint256"] * (len(act) - 2)), act))


@dataclass
class Stage:
    """A token after its set-up, its parties, its model, and the point to return to."""

    world: World
    side: Side
    token: Contract
    accounts: dict[str, Any]
    addresses: dict[str, str]
    model: Token
    since: int
    constants: dict[str, Any]
    snapshot: Any = None

    @classmethod
    def new(cls) -> Stage:
        """A token in set-up."""
        world = World(embedded(), authorised=AMOUNT_MAX, admitted=())
        side = world.home
        suite = side.fresh_suite()
        suite.register()
        custody = side.chain.deploy("LaneCustody", suite.escrow, suite.token, sender=side.deployer)
        bridge = side.chain.deploy("LockProbeMock", sender=side.attacker)
        engine = side.chain.deploy(
            "ActionsEngineMock", suite.token, suite.escrow, sender=side.deployer
        )
        named = {
            "second administrator": side.second_administrator,
            "newcomer": side.outsider,
            "stand-in": side.auditor,
            "second stand-in": side.operator,
            "set-up key": side.deployer,
            "custody": custody.address,
            "bridge": bridge.address,
            "engine": engine.address,
            "token": suite.token.address,
            "nobody": ZERO,
        }
        accounts = {**side.parties, **named}
        addresses = {who: str(getattr(each, "address", each)) for who, each in accounts.items()}
        day = business_day(side.chain.now, CLOSE)
        model = Token(
            supply=0,
            authorised=0,
            holdings={addresses[who]: Holding() for who in ACCOUNTS},
            day=day,
            supply_moved={day},
            address=addresses["token"],
            set_up_key=addresses["set-up key"],
            bridge=addresses["bridge"],
            custodies=(addresses["custody"],),
        )
        constants = {
            "name": "Test unit",
            "symbol": "TEST",
            "decimals": 6,
            "isin": ISIN,
            "close_minute": CLOSE,
            "is_home": True,
            "release_authority": str(suite.authority.address),
            "release": str(side.token.release()),
            "CONTROLS": str(side.token.CONTROLS()),
            "SETTINGS": str(side.token.SETTINGS()),
        }
        return cls(world, side, suite.token, accounts, addresses, model, day, constants)


class Calls:
    """How calls are made of a token and of its model alike; a difference is an AssertionError."""

    # By function: rule and end, counted over all runs; and the views that were asked.
    called: ClassVar[dict[str, Counter[tuple[str, str]]]] = {}
    asked: ClassVar[set[str]] = set()

    def __init__(self, stage: Stage, *, fresh: bool = True) -> None:
        self.stage, self.side = stage, stage.side
        if fresh:
            self.side.chain.restore(stage.snapshot)
        self.model = copy.deepcopy(stage.model) if fresh else stage.model
        self.token: Any = Watched(stage.token, self.asked)
        # The rule at work; steps so far; accounts that were no mere holders; every act proposed.
        self.doing, self.steps = "set up", 0
        self.classed: set[str] = set()
        # Storage and day when closes were asked last.
        self.read: Any = None
        self.proposed: list[Act] = []

    # -------------------------------------------------------------------------- plumbing

    def address(self, who: str) -> str:
        """Where somebody is."""
        return self.stage.addresses[who]

    def part(self, who: str, eighths: int, extra: int) -> int:
        """Eighths of what somebody has, and something."""
        holding = self.model.holdings.get(self.address(who), Holding())
        note(f"    # {who} has {holding.balance}, {holding.frozen} frozen")
        return holding.balance * eighths // 8 + extra

    def on_time(self) -> None:
        """The model is at the moment of the next block."""
        self.model.now = self.side.chain.now
        self.model.pass_to(business_day(self.model.now, CLOSE))

    def call(
        self,
        name: str,
        *arguments: Any,
        by: str,
        judge: Callable[[], Refusal | None],
        events: Sequence[str],
    ) -> Any:
        """Let the model judge a call, send it, and hold the token to the judgement.

        Of a call that is refused no word of storage may have changed; of the others every event
        is what it was to be, beside those of a ratio that somebody had to write down.
        """
        self.on_time()
        expected = judge()
        chain, got, receipt = self.side.chain, None, None
        before = dict(chain._state.slots) if expected is not None else {}  # type: ignore[attr-defined]
        try:
            receipt = getattr(self.stage.token, name)(*arguments, sender=self.stage.accounts[by])
        except Revert as revert:
            got = refusal_of(revert)
        told = expected if expected is None or isinstance(expected, str) else expected[0]
        called = signature(self.stage.token, name, len(arguments))
        self.called.setdefault(called, Counter())[self.doing, told or "done"] += 1
        note(f"    # {called} by {by}: {told or 'done'}")
        assert got == expected, f"{called} by {by}: the model says {expected}, the token {got}"
        if receipt is None:
            assert dict(chain._state.slots) == before, f"{called}: refused, and storage changed"  # type: ignore[attr-defined]
            return None
        emitted = [each.name for each in receipt.events if each.name not in _RATIOS]
        assert emitted == list(events), f"{called}: events {emitted}, expected {list(events)}"
        return receipt

    def spent(self, owner: str, spender: str, amount: int) -> list[str]:
        """What the use of an allowance logs."""
        endless = self.model.allowances.get((owner, spender), 0) == UNLIMITED
        return [] if endless or amount == 0 else ["Approval"]

    def taken(self, owner: str, taker: str, amount: int) -> list[str]:
        """The same where nobody needs an allowance of itself."""
        return [] if owner == taker else self.spent(owner, taker, amount)

    def privileged(
        self,
        name: str,
        arguments: Sequence[Any],
        by: str,
        role: Role,
        acts: Sequence[Callable[[], Refusal | None]],
        events: Sequence[str],
        *,
        stated: Stated = STATED,
        standing: bool = False,
        differ: str = "",
    ) -> None:
        """A role's act on one or many, all or none; what is left out, an instruction may state.

        `differ` is the reason for which lists of two lengths are refused.
        """
        model, key = self.model, self.address(by)
        says: Sequence[Any] = stated
        if standing:
            # Left out altogether, or all but the reason; a document alone can't be.
            says = stated[: 2 if stated[1] != NO_DOCUMENT else int(stated[0] != NO_REASON)]

        def judge() -> Refusal | None:
            refusal = model.missing(key, role) or (differ or None)
            refusal = refusal or (model.stood(key, stated) if standing else model.unstated(stated))
            if refusal is None:
                refusal = acts[0]() if len(acts) == 1 else model.all_or_none(acts)
            return refusal

        events = ["PrivilegedAct", *events]
        self.call(name, *arguments, *says, by=by, judge=judge, events=events)

    def say(
        self,
        name: str,
        arguments: Sequence[Any],
        by: str,
        judge: Callable[[str], Refusal | None],
        events: Sequence[str],
        stated: Stated = STATED,
    ) -> Any:
        """A privileged call whose whole judgement is one method of the model."""
        return self.call(
            name,
            *arguments,
            *stated,
            by=by,
            judge=lambda: judge(self.address(by)),
            events=["PrivilegedAct", *events],
        )
