"""A token of a home ledger under every call that there is, beside the model.

`TokenPlay` holds the calls; `tests.token.token_rules` says what hypothesis draws, and
`tests.token.token_checks` what is asked after each step.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Sequence
from typing import Any

from tallystick.governance.roles import Role
from tallystick.token.position import close_of
from tests.stateful.model import Refusal
from tests.stateful.roles import Act, Term
from tests.support.ratios import CLOSE, Fraction
from tests.support.token_state import LINK, LegalOrder, Stated
from tests.support.world import (
    AMOUNT_MAX,
    AUTHORITY,
    DAY,
    ELIGIBLE_UNTIL,
    NO_DOCUMENT,
    NO_REASON,
    STATED,
)
from tests.token.token_checks import check, check_constants
from tests.token.token_stage import KEYS, Calls, Stage, act_hash


class TokenPlay(Calls):
    """Calls of a token and of its model alike; a difference is an AssertionError."""

    @classmethod
    @functools.cache
    def stage_set(cls) -> Stage:
        """A token whose set-up is over; one a process."""
        stage = Stage.new()
        cls(stage, fresh=False).set_up()
        stage.snapshot = stage.side.chain.snapshot()
        return stage

    def check(self) -> None:
        """After each step; a close is read from nothing but storage and the day."""
        self.on_time()
        self.steps += 1
        read = dict(self.side.chain._state.slots), self.model.day  # type: ignore[attr-defined]
        check(self, closings=read != self.read)
        self.read = read

    # ---------------------------------------------------------------------------- set-up

    def set_up(self) -> None:
        """What the set-up key does before anybody else can, and how it ends."""
        model, key = self.model, "set-up key"
        self.hand_over(key)
        self.bridge_moves("crosschainMint", "investor", 0)
        for who, role in KEYS.items():
            # Alone, at once: there is nobody else yet.
            account = self.address(who)
            self.stage.token.assign_role(account, role, *STATED, sender=self.side.deployer)
            model.roles.terms[account] = Term(account, role)
        self.authorise(1, "notary")
        self.set_class("custody", LINK, key)
        self.set_bridge("bridge", AMOUNT_MAX, AMOUNT_MAX, key)
        self.hand_over("registrar")
        self.hand_over(key)
        self.authorise(10**13, "notary")
        for who in ("investor", "buyer", "issuer"):
            self.admit([who], ELIGIBLE_UNTIL)
        self.mint(["investor"], [10**12])
        self.mint(["buyer"], [10**11])
        self.pass_days(1, late=False)
        self.check()
        check_constants(self)

    # -------------------------------------------------------------------------- holders

    def approve(self, owner: str, spender: str, amount: int) -> None:
        """An allowance."""
        of, to = self.address(owner), self.address(spender)
        judge = functools.partial(self.model.approve, of, to, amount)
        self.call("approve", to, amount, by=owner, judge=judge, events=["Approval"])

    def transfer(self, sender: str, receiver: str, amount: int) -> None:
        """A holder's, or what a custody pays out."""
        of, to = self.address(sender), self.address(receiver)
        self.on_time()
        if of in self.model.holdings and to in self.model.holdings:
            told = self.token.canTransfer(of, to, amount, sender=self.stage.accounts[sender])
            assert told == self.model.can_transfer(of, to, amount, of), "canTransfer"
        self.call(
            "transfer",
            to,
            amount,
            by=sender,
            judge=lambda: self.model.transfer(of, to, amount),
            events=["Transfer"],
        )

    def transfer_from(self, owner: str, receiver: str, amount: int, spender: str) -> None:
        """Another's units, or what a custody takes in."""
        of, to, by = self.address(owner), self.address(receiver), self.address(spender)
        spent = self.spent(of, by, amount) if to != by or not self.model.is_link(by) else []
        self.call(
            "transferFrom",
            of,
            to,
            amount,
            by=spender,
            judge=lambda: self.model.transfer_from(of, to, amount, by),
            events=[*spent, "Transfer"],
        )

    def batch_transfer(self, sender: str, receivers: Sequence[str], amounts: Sequence[int]) -> None:
        """To many."""
        of, to = self.address(sender), [self.address(each) for each in receivers]
        self.call(
            "batchTransfer",
            to,
            list(amounts),
            by=sender,
            judge=lambda: self.model.batch_transfer(of, to, amounts),
            events=["Transfer"] * len(to),
        )

    def instruct(self, by: str, stated: Stated) -> None:
        """A key's standing instruction."""
        self.call(
            "instruct",
            *stated,
            by=by,
            judge=lambda: self.model.instruct(self.address(by), stated),
            events=["Instructed"],
        )

    # --------------------------------------------------------------------- roles' acts

    def admit(
        self, who: Sequence[str], until: int, by: str = "registrar", stated: Stated = STATED
    ) -> None:
        """One, or many in one call."""
        to = [self.address(each) for each in who]
        acts = [functools.partial(self.model.admit, each, until) for each in to]
        one = len(to) == 1
        self.privileged(
            "admit" if one else "batch_admit",
            [to[0] if one else to, until],
            by,
            Role.REGISTRAR,
            acts,
            ["Admitted"] * len(to),
            stated=stated,
        )

    def freeze(
        self,
        who: Sequence[str],
        frozen: Sequence[bool] | Sequence[int],
        by: str = "custodian",
        stated: Stated = STATED,
        *,
        short: bool = False,
    ) -> None:
        """Amounts or whole accounts, of one or many in one call."""
        to = [self.address(each) for each in who]
        whole = isinstance(frozen[0], bool)
        act: Any = self.model.freeze_account if whole else self.model.freeze_amount
        acts = [functools.partial(act, *row) for row in zip(to, frozen, strict=True)]
        name, event = ("AddressFrozen",) * 2 if whole else ("FrozenTokens", "Frozen")
        given = list(frozen)[int(short) :]
        freezes, amounts = "controls: lists of freezes differ", "controls: lists of amounts differ"
        differ = freezes if whole else amounts
        if len(to) == 1 and not short:
            name, arguments = f"set{name}", [to[0], frozen[0]]
        else:
            name, arguments = f"batchSet{name}", [to, given]
        self.privileged(
            name,
            arguments,
            by,
            Role.CUSTODIAN,
            acts,
            [event] * len(to),
            stated=stated,
            standing=name != "batchSetFrozenTokens",
            differ=differ if short else "",
        )

    def mint(
        self,
        who: Sequence[str],
        amounts: Sequence[int],
        by: str = "issuer",
        stated: Stated = STATED,
        *,
        short: bool = False,
    ) -> None:
        """To one, or to many in one call."""
        to, key = [self.address(each) for each in who], self.address(by)
        rows = zip(to, amounts, strict=True)
        acts = [functools.partial(self.model.mint, *row, key) for row in rows]
        one = len(to) == 1 and not short
        self.privileged(
            "mint" if one else "batchMint",
            [to[0], amounts[0]] if one else [to, list(amounts)[int(short) :]],
            by,
            Role.ISSUER,
            acts,
            ["Transfer"] * len(to),
            stated=stated,
            standing=True,
            differ="issuance: lists differ in length" if short else "",
        )

    def burn(self, owner: str, amount: int, by: str = "issuer", stated: Stated = STATED) -> None:
        """The issuer takes units off."""
        of, key = self.address(owner), self.address(by)
        says = stated[: 2 if stated[1] != NO_DOCUMENT else int(stated[0] != NO_REASON)]
        self.call(
            "burn",
            of,
            amount,
            *says,
            by=by,
            judge=lambda: self.model.burn(of, amount, key, stated),
            events=[*self.taken(of, key, amount), "PrivilegedAct", "Transfer"],
        )

    def authorise(self, amount: int, by: str, stated: Stated = STATED) -> None:
        """The notary."""
        judge = functools.partial(self.model.authorise, amount, stated=stated)
        self.say("authorise_issuance", [amount], by, judge, ["IssuanceAuthorised"], stated)

    def take_back(self, amount: int, by: str, stated: Stated = STATED) -> None:
        """The notary, of what nobody issued."""
        judge = functools.partial(self.model.take_back, amount, stated=stated)
        self.say("withdraw_authorisation", [amount], by, judge, ["AuthorisationWithdrawn"], stated)

    def hand_over(self, by: str, stated: Stated = STATED) -> None:
        """The set-up ends."""
        judge = functools.partial(self.model.hand_over, stated=stated)
        self.say("hand_over", [], by, judge, ["SetUpCompleted"], stated)

    def pause(self, scope: int, by: str, stated: Stated = STATED) -> None:
        """Guardian or administrator."""
        judge = functools.partial(self.model.pause, scope, stated=stated)
        self.say("pause", [scope], by, judge, ["Paused"], stated)

    def unpause(self, scope: int, by: str, stated: Stated = STATED) -> None:
        """An administrator."""
        judge = functools.partial(self.model.unpause, scope, stated=stated)
        self.say("unpause", [scope], by, judge, ["Unpaused"], stated)

    def suspend(self, suspended: bool, by: str, stated: Stated = STATED) -> None:
        """The engine."""
        judge = functools.partial(self.model.suspend, suspended, stated=stated)
        self.say("set_suspended", [suspended], by, judge, ["SuspensionSet"], stated)

    def announce_close(self, day: int, by: str, stated: Stated = STATED) -> None:
        """Registrar or engine."""
        judge = functools.partial(self.model.announce_close, day, stated=stated)
        self.say("announce_close", [day], by, judge, ["CloseAnnounced"], stated)

    # ------------------------------------------------------------------- roles, classes

    def propose(
        self,
        name: str,
        act: Act,
        by: str,
        judge: Callable[[str], Refusal | None],
        event: str,
        stated: Stated,
    ) -> None:
        """Half of an act that takes two keys; the token calls it as we do."""
        known = act in self.model.roles.proposals
        before = self.model.roles.proposals.get(act)

        def judged(key: str) -> Refusal | None:
            refusal = judge(key) or self.model.unstated(stated)
            if refusal is not None and known:
                self.model.roles.proposals[act] = before  # type: ignore[assignment]
            elif refusal is not None:
                self.model.roles.proposals.pop(act, None)
            return refusal

        receipt = self.say(name, act[1:], by, judged, [event], stated)
        if receipt is not None:
            assert receipt.return_value == act_hash(act), f"{name}: another act"
            self.proposed.append(act)

    def propose_role(
        self, who: str, role: int, by: str = "administrator", stated: Stated = STATED
    ) -> None:
        """An administrator."""
        account = self.address(who)

        def judge(key: str) -> Refusal | None:
            return self.model.roles.propose_role(account, role, key, self.model.now)

        act = ("assign_role", account, role)
        self.propose("propose_role", act, by, judge, "RoleProposed", stated)

    def assign_role(
        self, who: str, role: int, by: str = "second administrator", stated: Stated = STATED
    ) -> None:
        """Another, or the guardian."""
        account = self.address(who)

        def judge(key: str) -> Refusal | None:
            before = copy.deepcopy(self.model.__dict__) if stated != STATED else {}
            refusal = self.model.roles.assign_role(account, role, key, self.model.now)
            if refusal is None and (refusal := self.model.unstated(stated)) is not None:
                self.model.__dict__.update(before)
            return refusal

        self.say("assign_role", [account, role], by, judge, ["RoleChanged"], stated)

    def withdraw_proposal(self, act: Act, by: str, stated: Stated = STATED) -> None:
        """A side of it, or the guardian."""

        def judge(key: str) -> Refusal | None:
            proposals = self.model.roles.proposals
            before = dict(proposals)
            refusal = self.model.roles.withdraw(act, key)
            if refusal is None and (refusal := self.model.unstated(stated)) is not None:
                proposals.update(before)
            return refusal

        self.say("withdraw_proposal", [act_hash(act)], by, judge, ["ProposalWithdrawn"], stated)

    def propose_act(self, name: str, act: Act, by: str, event: str, stated: Stated) -> None:
        """A registrar proposes what the custodian carries out."""

        def judge(key: str) -> Refusal | None:
            sides = Role.REGISTRAR, Role.CUSTODIAN
            return self.model.roles.propose(act, key, *sides, self.model.now)

        self.propose(name, act, by, judge, event, stated)

    def propose_class(
        self, who: str, chosen: int, by: str = "registrar", stated: Stated = STATED
    ) -> None:
        """What an account is to be."""
        act = ("set_class", self.address(who), int(chosen))
        self.propose_act("propose_class", act, by, "ClassProposed", stated)

    def set_class(
        self, who: str, chosen: int, by: str = "custodian", stated: Stated = STATED
    ) -> None:
        """What it is from now on."""
        account = self.address(who)
        judge = functools.partial(self.model.set_class, account, int(chosen), stated=stated)
        ends = ["AddressFrozen"] if self.model.is_link(account) else []
        receipt = self.call(
            "set_class",
            account,
            int(chosen),
            *stated,
            by=by,
            judge=lambda: judge(self.address(by)),
            events=[*ends, "PrivilegedAct", "ClassSet"],
        )
        if receipt is not None:
            self.classed.add(account)

    # -------------------------------------------------------------------------- bridges

    def propose_bridge(
        self, who: str, inward: int, outward: int, by: str, stated: Stated = STATED
    ) -> None:
        """What a bridge is to carry a day."""
        act = ("set_bridge", self.address(who), inward, outward)
        self.propose_act("propose_bridge", act, by, "BridgeLimitsProposed", stated)

    def set_bridge(
        self, who: str, inward: int, outward: int, by: str, stated: Stated = STATED
    ) -> None:
        """What it carries from now on."""
        terms = (self.address(who), inward, outward)
        judge = functools.partial(self.model.set_bridge, *terms, stated=stated)
        self.say("set_bridge", terms, by, judge, ["BridgeLimitsSet"], stated)

    def bridge_moves(self, name: str, who: str, amount: int, by: str = "bridge") -> None:
        """Units come in or go out."""
        account, key = self.address(who), self.address(by)
        inward = name == "crosschainMint"
        act = self.model.bridge_in if inward else self.model.bridge_out
        spent = [] if inward else self.taken(account, key, amount)
        self.call(
            name,
            account,
            amount,
            by=by,
            judge=lambda: act(account, amount, key),
            events=[*spent, "Transfer", name[0].upper() + name[1:]],
        )

    # --------------------------------------------------------------------------- orders

    def enter_order(
        self,
        sender: str,
        receiver: str,
        amount: int,
        number: int,
        lasts: int,
        by: str = "registrar",
        stated: Stated = STATED,
        authority: bytes = AUTHORITY,
    ) -> None:
        """A registrar blocks units."""
        self.on_time()
        of, to, key = self.address(sender), self.address(receiver), self.address(by)
        term = self.model.roles.terms.get(key) or Term(key, Role.NONE)
        until = self.model.now + lasts
        order = LegalOrder(of, to, amount, number, amount, until, term, stated[0])
        receipt = self.call(
            "enter_order",
            *(of, to, amount, until, authority, number, *stated),
            by=by,
            judge=lambda: self.model.enter_order(order, authority, stated),
            events=["PrivilegedAct", "OrderEntered", "Frozen"],
        )
        assert receipt is None or receipt.return_value == order.named_as[-1]

    def withdraw_order(self, order: LegalOrder, by: str, stated: Stated = STATED) -> None:
        """A registrar, or anybody."""
        named = order.named_as
        self.call(
            "withdraw_order",
            *named,
            *stated,
            by=by,
            judge=lambda: self.model.withdraw_order(named, self.address(by), stated),
            events=["Frozen", "PrivilegedAct", "OrderWithdrawn"],
        )

    def forced_transfer(self, order: LegalOrder, by: str, *, instructed: bool = False) -> None:
        """The custodian; as the standard has it, what it was instructed says which order."""
        named, key = order.named_as, self.address(by)
        meant = named
        if instructed:
            meant = (*named[:3], self.model.instructions.get(key, (NO_REASON, NO_DOCUMENT))[1])

        def judge() -> Refusal | None:
            return self.model.missing(key, Role.CUSTODIAN) or self.model.forced(meant, key)

        self.call(
            "forcedTransfer",
            *(named[:3] if instructed else named),
            by=by,
            judge=judge,
            events=["Frozen", "PrivilegedAct", "Transfer", "ForcedTransfer"],
        )

    def batch_forced_transfer(
        self, orders: Sequence[LegalOrder], by: str, *, short: bool = False
    ) -> None:
        """Many, all or none."""
        rows, key, model = [order.named_as for order in orders], self.address(by), self.model
        lists = [[row[at] for row in rows] for at in range(4)]
        if short:
            lists[-1] = lists[-1][1:]

        def judge() -> Refusal | None:
            refusal = model.missing(key, Role.CUSTODIAN)
            if refusal is None and len(lists[-1]) != len(rows):
                refusal = "orders: lists differ in length"
            acts = [functools.partial(model.forced, row, key) for row in rows]
            return refusal or model.all_or_none(acts)

        events = ["Frozen", "PrivilegedAct", "Transfer", "ForcedTransfer"]
        self.call("batchForcedTransfer", *lists, by=by, judge=judge, events=events * len(rows))

    # --------------------------------------------------------------------------- ratios

    def announce_ratio(
        self,
        fraction: tuple[int, int],
        first_day: int,
        agent: str,
        by: str = "engine",
        stated: Stated = STATED,
    ) -> None:
        """The engine announces one."""
        ratio = Fraction(*fraction, first_day, self.address(agent))
        arguments = [*fraction, first_day, ratio.agent]
        judge = functools.partial(self.model.announce_ratio, ratio, stated=stated)
        events = ["RatioAnnounced"]
        if not ratio.numerator and self.model.authorised > self.model.supply:
            events.append("AuthorisationWithdrawn")
        self.say("announce_ratio", arguments, by, judge, events, stated)

    def withdraw_ratio(self, first_day: int, by: str = "engine", stated: Stated = STATED) -> None:
        """It withdraws one."""
        judge = functools.partial(self.model.withdraw_ratio, first_day, stated=stated)
        self.say("withdraw_ratio", [first_day], by, judge, ["RatioWithdrawn"], stated)

    def credit_remainders(self, epoch: int, by: str) -> None:
        """Anybody."""
        self.call(
            "credit_remainders",
            epoch,
            by=by,
            judge=lambda: self.model.credit_remainders(epoch, self.address(by)),
            events=["RemaindersCredited", "Transfer"],
        )

    # ------------------------------------------------------------------ closings and time

    def keep(self, who: str, day: int, hint: int, by: str) -> None:
        """Anybody keeps what tells a close: of an account, the supply, or bridges."""
        account = self.address(who)
        of_bridges = who == "token"
        self.call(
            "keep_came" if of_bridges else "keep",
            *([] if of_bridges else [account]),
            day,
            hint,
            by=by,
            judge=lambda: self.model.keep(account, day, hint),
            events=["OpeningKept"],
        )

    def pass_days(self, count: int, *, late: bool) -> None:
        """To the first moment of a day, or its last hour: a block takes a second."""
        self.on_time()
        moment = close_of(self.model.day + count - 1, CLOSE) + (DAY - 3_600 if late else 0)
        self.side.chain.set_time(max(moment, self.side.chain.now))

    def wait(self, moment: int) -> None:
        """Until then, if that is ahead."""
        self.side.chain.set_time(max(moment, self.side.chain.now))

    # ------------------------------------------------------------------- what must fail

    def initialize(self, by: str) -> None:
        """The constructor of the proxy did, and nobody can again."""
        arguments = ("Test unit", "TEST", 6, "US0378331005", True, CLOSE, self.address(by))
        judge: Callable[[], Refusal | None] = lambda: "token: initialised already"  # noqa: E731
        self.call("initialize", *arguments, by=by, judge=judge, events=[])
