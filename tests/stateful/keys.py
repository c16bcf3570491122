"""Acts of keys on the tokens, beside the model: roles, classes, and batches of what roles do.

A role that plays is given back in the same step; stand-ins keep theirs until somebody takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tallystick.chain.abi import encode, keccak
from tallystick.governance.roles import Role
from tallystick.token.position import DAY_MAX, AccountClass, calendar_day
from tests.stateful.draws import (
    HOLDERS,
    PARTIES,
    UNIT,
    Order,
    amounts,
    holders,
    ledger_names,
    mostly,
    parts,
    registrars,
    which,
)
from tests.stateful.roles import DAY, MONTH, Act
from tests.support.world import STATED

if TYPE_CHECKING:
    from tests.stateful.machine import TwoLedgers
    from tests.stateful.model import Refusal

HOLDER, LINK, POOL = AccountClass
UNKNOWN_CLASS = 3
FOREVER = 40_000


class Keys:
    """What `TwoLedgers` does with keys; a difference is an AssertionError."""

    def __init__(self, two: TwoLedgers) -> None:
        self.two = two
        # Every act that anybody proposed on any ledger, and what the token calls it.
        self.acts: dict[Act, bytes] = {}
        self.addresses = {
            (name, who): str(two.party(name, who).address) for name in two.suites for who in PARTIES
        }

    def role_of(self, name: str, who: str) -> Role:
        """The role that a party has by the model."""
        return self.two.side(name).roles.role_of(self.addresses[name, who])

    # --------------------------------------------------------------------------- roles

    def propose_role(self, name: str, who: str, role: int, by: str = "administrator") -> None:
        """An administrator proposes that somebody gets a role, or loses it (0)."""
        side, token = self.two.side(name), self.two.suites[name].token
        account, key = self.addresses[name, who], self.two.party(name, by)
        expected = side.roles.propose_role(account, role, str(key.address), side.clock)
        act = ("assign_role", account, role)
        self.propose(
            name,
            act,
            expected,
            lambda: token.propose_role(account, role, *STATED, sender=key),
            "RoleProposed",
        )
        self.two.tell("propose role", expected)

    def propose(
        self, name: str, act: Act, expected: Refusal | None, send: Callable[[], Any], event: str
    ) -> None:
        """Send a proposal, and hold the token to what the act is called."""
        self.acts[act] = keccak(encode(("string", "address", "uint256"), act))
        receipt = self.two.act(name, expected, send, ["PrivilegedAct", event])
        assert receipt is None or receipt.return_value == self.acts[act], f"{name}: another act"

    def assign_role(self, name: str, who: str, role: int, by: str = "second administrator") -> None:
        """Another administrator carries it out, or the guardian."""
        side, token = self.two.side(name), self.two.suites[name].token
        account, key = self.addresses[name, who], self.two.party(name, by)
        expected = side.roles.assign_role(account, role, str(key.address), side.clock)
        self.two.act(
            name,
            expected,
            lambda: token.assign_role(account, role, *STATED, sender=key),
            ["PrivilegedAct", "RoleChanged"],
        )
        what = "give role" if role else "take role"
        if role == Role.ADMINISTRATOR and self.role_of(name, by) == Role.GUARDIAN:
            what = "recover administrator"
        self.two.tell(what, expected)

    def withdraw_proposal(self, name: str, act: Act, by: str) -> None:
        """The guardian withdraws a proposal, or one of its sides."""
        side, token = self.two.side(name), self.two.suites[name].token
        key = self.two.party(name, by)
        expected = side.roles.withdraw(act, str(key.address))
        self.two.act(
            name,
            expected,
            lambda: token.withdraw_proposal(self.acts[act], *STATED, sender=key),
            ["PrivilegedAct", "ProposalWithdrawn"],
        )
        self.two.tell("withdraw proposal", expected)

    def wait_for(self, name: str, act: Act, late: int = 0) -> None:
        """Wait until a proposal counts, or nearly."""
        proposal = self.two.side(name).roles.proposals.get(act)
        if proposal is not None:
            self.two.set_clock(name, to=proposal.counts_from + late)

    def give(self, name: str, who: str, role: Role) -> None:
        """Both administrators give a role, a day later."""
        self.propose_role(name, who, role)
        self.wait_for(name, ("assign_role", self.addresses[name, who], role))
        self.assign_role(name, who, role)

    def take(self, name: str, who: str) -> None:
        """They take it at once."""
        self.propose_role(name, who, Role.NONE)
        self.assign_role(name, who, Role.NONE)

    # ------------------------------------------------------------------------- classes

    def propose_class(self, name: str, holder: str, chosen: int, by: str = "registrar") -> None:
        """The registrar proposes what an account is."""
        side, token = self.two.side(name), self.two.suites[name].token
        account, key = self.two.address(name, holder), self.two.party(name, by)
        act = ("set_class", account, chosen)
        expected = side.roles.propose(
            act, str(key.address), Role.REGISTRAR, Role.CUSTODIAN, side.clock
        )
        self.propose(
            name,
            act,
            expected,
            lambda: token.propose_class(account, chosen, *STATED, sender=key),
            "ClassProposed",
        )
        self.two.tell("propose class", expected)

    def set_class(self, name: str, holder: str, chosen: int, by: str = "custodian") -> None:
        """The custodian carries it out."""
        side, token = self.two.side(name), self.two.suites[name].token
        account, key = self.two.address(name, holder), self.two.party(name, by)
        expected = side.set_class(account, chosen, str(key.address))
        self.two.act(
            name,
            expected,
            lambda: token.set_class(account, chosen, *STATED, sender=key),
            ["PrivilegedAct", "ClassSet"],
        )
        what = {int(HOLDER): "end pool", int(POOL): "make pool"}
        self.two.tell(what.get(chosen, "set class"), expected)

    def change_class(
        self, name: str, holder: str, peer: str, chosen: int, by: str, *, emptied: bool
    ) -> None:
        """Both give an account another class; before that it may give another all it has."""
        has = self.two.side(name).holding(self.two.address(name, holder)).balance
        if emptied and has:
            self.let_receive(name, [holder, peer])
            self.two.transfer(name, holder, peer, has)
        self.propose_class(name, holder, chosen, by=by)
        self.set_class(name, holder, chosen)

    # ------------------------------------------------------------------------- batches

    def batch(
        self,
        what: str,
        name: str,
        by: str,
        lists: Sequence[Sequence[Any]],
        act: Callable[..., Refusal | None],
        event: Iterable[str],
        differ: str = "",
        stated: Sequence[Any] = STATED,
    ) -> None:
        """All of a batch or none: a role's call over lists, each of whose rows the model acts on.

        Lists whose lengths differ are refused with the reason `differ`.
        """
        side, key = self.two.side(name), self.two.party(name, by)
        if len({len(each) for each in lists}) > 1:
            expected: Refusal | None = differ
        else:
            expected = side.all_or_none([partial(act, *row) for row in zip(*lists, strict=True)])
        call = getattr(self.two.suites[name].token, what)
        events = [*(["PrivilegedAct"] if stated else []), *list(event) * len(lists[0])]
        self.two.act(name, expected, lambda: call(*lists, *stated, sender=key), events)
        self.two.tell(what, expected)

    def batch_admit(self, name: str, who: Sequence[str], until_day: int) -> None:
        """The registrar admits many."""
        side = self.two.side(name)
        accounts = [self.two.address(name, each) for each in who]
        self.batch(
            "batch_admit",
            name,
            "registrar",
            [accounts],
            lambda account: side.admit(account, until_day),
            ["Admitted"],
            stated=(until_day, *STATED),
        )

    def batch_freeze(
        self, name: str, who: Sequence[str], frozen: Sequence[bool] | Sequence[int]
    ) -> None:
        """The custodian freezes and unfreezes many, wholly or in part."""
        side = self.two.side(name)
        whole = all(isinstance(each, bool) for each in frozen)
        accounts = [self.two.address(name, each) for each in who]
        self.batch(
            "batchSetAddressFrozen" if whole else "batchSetFrozenTokens",
            name,
            "custodian",
            [accounts, frozen],
            side.freeze_account if whole else side.freeze_amount,
            ["AddressFrozen" if whole else "Frozen"],
            f"controls: lists of {'freezes' if whole else 'amounts'} differ",
        )

    def batch_mint(self, who: Sequence[str], amounts: Sequence[int]) -> None:
        """The issuer issues to many."""
        accounts = [self.two.address("home", each) for each in who]
        self.batch(
            "batchMint",
            "home",
            "issuer",
            [accounts, amounts],
            self.two.side("home").mint,
            ["Transfer"],
            "issuance: lists differ in length",
        )

    def batch_forced_transfer(self, name: str, orders: Sequence[Order]) -> None:
        """The custodian carries out many orders."""
        side, known = self.two.side(name), [self.two.order(order) for order in orders]
        numbers = {called: order[-1] for (*_, called), order in zip(known, orders, strict=True)}
        self.batch(
            "batchForcedTransfer",
            name,
            "custodian",
            [[row[at] for row in known] for at in range(4)],
            lambda *row: side.forced_transfer(*row[:3], numbers[row[3]]),
            ["Frozen", "PrivilegedAct", "Transfer", "ForcedTransfer"],
            stated=(),
        )

    def let_receive(self, name: str, who: Sequence[str]) -> None:
        """Whatever keeps holders from receiving is over."""
        side = self.two.side(name)
        held = [side.holding(self.two.address(name, each)) for each in who]
        if any(each.eligible_until < calendar_day(side.clock) for each in held):
            self.batch_admit(name, who, FOREVER)
        if any(each.account_frozen for each in held):
            self.batch_freeze(name, who, [False] * len(who))

    # -------------------------------------------------------------------------- checks

    def check(self, name: str) -> None:
        """INV-9: who holds which role, for the how-manieth time, and which proposals count."""
        roles, books = self.two.side(name).roles, self.two.books[name]
        for who in PARTIES:
            account = self.addresses[name, who]
            found = books.held_by(account)
            wanted = (roles.lost[account], int(roles.role_of(account)))
            assert found == wanted, (
                f"INV-9: {name}: {who} has (roles lost, role) {found}, the model {wanted}"
            )
        count = books.of_token(books.administrators_slot)
        assert count == roles.administrators >= 2, f"INV-9: {name}: {count} administrators"
        for act, called in self.acts.items():
            counts_from = books.counts_from(called)
            proposal = roles.proposals.get(act)
            by_model = proposal.counts_from if proposal else 0
            assert counts_from == by_model, (
                f"INV-9: {name}: {act} counts from {counts_from}, by the model {by_model}"
            )


# ------------------------------------------------------------------------------- the rules

STAND_INS = ("stand-in", "second stand-in")
stand_ins = st.sampled_from(STAND_INS)
administrators = ("administrator", "second administrator")
anybody = st.sampled_from(list(HOLDERS) * 2 + ["custody"])
roles = st.sampled_from(
    [
        *[Role.NONE, Role.REGISTRAR] * 3,
        *(Role.CUSTODIAN, Role.ADMINISTRATOR, Role.GUARDIAN, Role.ACTIONS),
        Role.NOTARY | Role.ISSUER,
    ]
)


class KeyRules(RuleBasedStateMachine):
    """What hypothesis may do with keys; all of it is in `Keys`."""

    play: TwoLedgers
    orders: list[Order]

    # -- roles --

    @rule(
        name=ledger_names,
        who=stand_ins,
        role=roles,
        proposer=st.sampled_from([*administrators * 3, "stand-in", "guardian"]),
        confirmer=st.sampled_from([*administrators * 3, "second stand-in", "guardian"]),
        late=st.sampled_from([0, 0, 0, 0, -1, None]),
        withdrawn_by=st.sampled_from([None, None, "guardian", "courier"]),
    )
    def change_a_role(
        self,
        name: str,
        who: str,
        role: int,
        proposer: str,
        confirmer: str,
        late: int | None,
        withdrawn_by: str | None,
    ) -> None:
        """An account slides from no role into another, and a removal stands."""
        keys = self.play.keys
        act = ("assign_role", keys.addresses[name, who], role)
        keys.propose_role(name, who, role, proposer)
        if withdrawn_by is not None:
            keys.withdraw_proposal(name, act, withdrawn_by)
        if late is not None:
            keys.wait_for(name, act, late)
        keys.assign_role(name, who, role, confirmer)

    @rule(name=ledger_names, who=stand_ins, late=st.sampled_from([*[None] * 6, -1, 0]))
    def an_administrator_is_lost(self, name: str, who: str, late: int | None) -> None:
        """The other takes its role, if there is a third, who gives it back and goes.

        The guardian makes a third a month after the proposal counts: seldom here, as each such play
        has a month more to check.
        """
        keys, second = self.play.keys, administrators[1]
        if late is not None:
            keys.propose_role(name, who, Role.ADMINISTRATOR)
            act = ("assign_role", keys.addresses[name, who], int(Role.ADMINISTRATOR))
            keys.wait_for(name, act, MONTH + late)
            keys.assign_role(name, who, Role.ADMINISTRATOR, "guardian")
        third = [each for each in STAND_INS if keys.role_of(name, each) == Role.ADMINISTRATOR]
        keys.take(name, second)
        if third:
            keys.propose_role(name, second, Role.ADMINISTRATOR)
            keys.wait_for(name, ("assign_role", keys.addresses[name, second], 1))
            keys.assign_role(name, second, Role.ADMINISTRATOR, third[0])
            keys.take(name, third[0])

    @rule(
        name=ledger_names,
        who=registrars,
        sender=holders,
        receiver=holders,
        eighths=parts,
        returns=mostly,
        proposes=st.booleans(),
    )
    def a_registrar_goes(
        self,
        name: str,
        who: str,
        sender: str,
        receiver: str,
        eighths: int,
        returns: bool,
        proposes: bool,
    ) -> None:
        """What it entered and proposed dies with the role, and stays dead when that returns."""
        keys, side = self.play.keys, self.play.side(name)
        if keys.role_of(name, who) != Role.REGISTRAR:
            keys.give(name, who, Role.REGISTRAR)
        has = side.holding(self.play.address(name, sender)).balance
        note(f"    # {sender} has {has} on {name}")
        order = (name, sender, receiver, has * eighths // 8 or 1, 8)
        if self.play.enter_order(order, 30 * DAY, by=who):
            self.orders.append(order)
        if proposes:
            keys.propose_class(name, sender, POOL, by=who)
        keys.take(name, who)
        if returns or who == "registrar":
            keys.give(name, who, Role.REGISTRAR)
        self.play.forced_transfer(order)
        if proposes:
            keys.set_class(name, sender, POOL)
        else:
            self.play.withdraw_order(order, "courier")

    # -- classes --

    @rule(
        name=ledger_names,
        holder=holders,
        other=st.integers(1, len(HOLDERS) - 1),
        chosen=st.sampled_from([None, None, None, None, HOLDER, POOL, LINK, UNKNOWN_CLASS]),
        by=registrars,
        emptied=mostly,
        ends=st.sampled_from(["before", "before", "at once", "never"]),
    )
    def change_class(
        self,
        name: str,
        holder: str,
        other: int,
        chosen: int | None,
        by: str,
        emptied: bool,
        ends: str,
    ) -> None:
        """A holder becomes a pool, or the emptiest pool a holder; first it gives all to another.

        Who becomes a pool gets something of the other, and may be a holder again at once.
        """
        play, side = self.play, self.play.side(name)
        held = {each: side.holding(play.address(name, each)) for each in HOLDERS}
        pools = [each for each in HOLDERS if held[each].pool]
        if ends == "before" and pools:
            holder = min(pools, key=lambda each: held[each].balance)
        peer = HOLDERS[(HOLDERS.index(holder) + other) % len(HOLDERS)]
        if chosen is None:
            chosen = HOLDER if held[holder].pool else POOL
        play.keys.change_class(name, holder, peer, chosen, by, emptied=emptied)
        if chosen == POOL:
            play.transfer(name, peer, holder, side.holding(play.address(name, peer)).balance // 2)
            if ends == "at once":
                play.keys.change_class(name, holder, peer, HOLDER, by, emptied=emptied)

    # -- batches --

    @rule(
        name=ledger_names,
        who=st.lists(anybody, max_size=4),
        days=st.sampled_from([400, 400, 400, 3, 0, -1, DAY_MAX]),
    )
    def admit_many(self, name: str, who: Sequence[str], days: int) -> None:
        today = calendar_day(self.play.side(name).clock)
        self.play.keys.batch_admit(name, who, today + days)

    @rule(
        name=ledger_names,
        rows=st.lists(st.tuples(anybody, st.just(0) | amounts | st.just(2**256 - 1)), max_size=4)
        | st.lists(st.tuples(anybody, st.sampled_from([True, False, False])), max_size=4),
        short=st.sampled_from([0, 0, 0, 1]),
    )
    def freeze_many(self, name: str, rows: Sequence[tuple[str, Any]], short: int) -> None:
        frozen = [each for _, each in rows]
        self.play.keys.batch_freeze(name, [who for who, _ in rows], frozen[short:])

    @rule(
        rows=st.lists(st.tuples(holders, st.integers(0, UNIT // 2)), max_size=4),
        authorised=amounts,
        short=st.sampled_from([0, 0, 0, 1]),
    )
    def issue_many(self, rows: Sequence[tuple[str, int]], authorised: int, short: int) -> None:
        self.play.authorise(authorised)
        self.play.keys.batch_mint([who for who, _ in rows], [each for _, each in rows][short:])

    @rule(
        name=ledger_names,
        sender=holders,
        receivers=st.lists(holders, min_size=1, max_size=2),
        eighths=parts,
        also=st.sampled_from([None, None, "the first again", "another"]),
        number=which,
    )
    def carry_out_many(
        self,
        name: str,
        sender: str,
        receivers: Sequence[str],
        eighths: int,
        also: str | None,
        number: int,
    ) -> None:
        """Orders against one account, entered right before; perhaps one of them twice."""
        play = self.play
        has = play.side(name).holding(play.address(name, sender)).balance
        each = has * eighths // 8 // len(receivers) or 1
        orders = [(name, sender, receiver, each, 10 + at) for at, receiver in enumerate(receivers)]
        self.orders += [order for order in orders if play.enter_order(order, 30 * DAY)]
        play.keys.let_receive(name, receivers)
        standing = [order for order in self.orders if order[0] == name and play.stands(order)]
        if also == "the first again":
            orders.append(orders[0])
        elif also == "another" and standing:
            orders.append(standing[number % len(standing)])
        play.keys.batch_forced_transfer(name, orders)
