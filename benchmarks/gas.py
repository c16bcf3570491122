"""The gas of every operation of the suite, through its proxies, from receipts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from benchmarks.actions import Dividends
from benchmarks.holders import Declarations
from benchmarks.lane_ratios import LaneRatios
from benchmarks.over_ratio import OverRatio
from benchmarks.proofs import Proofs
from benchmarks.rig import (
    AMOUNT,
    ATTESTORS,
    DOCUMENT,
    NOTICE,
    REASON,
    ROOT,
    UNTIL_DAY,
    Rig,
    holder,
    meter,
)
from tallystick import build
from tallystick.bridge.attestation import SignerSet
from tallystick.bridge.batch import MAX_BATCH
from tallystick.bridge.message import LaneMessage, message_of
from tallystick.bridge.outbox import PAGE
from tallystick.chain import Account, Receipt
from tallystick.deploy.upgrade import deploy_implementation
from tallystick.governance.release import (
    PROXIED,
    Version,
    addresses_behind,
    code_hashes,
    release_id,
    release_kind,
    release_terms,
)
from tallystick.governance.roles import ALONE, Role, reason_code
from tallystick.local.network import COURIER, OPERATORS
from tallystick.reach.connection import Suite
from tallystick.token.closings import SLOTS

__all__ = ["HISTORY_DAYS", "Scenario", "measure"]

_DAY: Final = 86_400
# Seconds to a deadline that is missed on the same day.
_NEAR: Final = 60
_UNLIMITED: Final = 2**256 - 1
# Who orders: an LEI as text.
_AUTHORITY: Final = b"549300AAAABBBBCCCC12".ljust(32, b"\0")
# Seven attestors: the three of the first signer set and four more.
_SEVEN: Final = (*ATTESTORS, 60, 61, 62, 63)
# A lane's limit that nothing here reaches, once its room has grown; and the least that may leave.
_LIMITED: Final[Mapping[str, Any]] = {"limit": 8 * 10**12, "ramp": 3600, "minimum": Decimal(1)}
# Days with movements of one account between an announced close and its reading.
HISTORY_DAYS: Final = 100


def measure(backend: str) -> dict[str, int]:
    """Deploy the suite on two fresh ledgers, eight times, and measure every operation.

    Args:
        backend: `anvil` (hard fork osaka) or `embedded` (prague).

    Returns:
        Gas of the whole transaction by operation, in the order in which they were carried out.
    """
    with Rig.open(backend) as rig:
        scenario = Scenario(rig)
        scenario.run()
    with Rig.open(backend, grade="production", cap=8 * 10**12) as rig:
        production = Scenario(rig).two_verifiers()
    with Rig.open(backend, **_LIMITED) as rig:
        limited = Scenario(rig).limited()
    with Rig.open(backend, grade="production", cap=8 * 10**12, **_LIMITED) as rig:
        limited |= Scenario(rig).limited_twice()
    with Rig.open(backend) as rig:
        dividends = Dividends(rig).run()
    with Rig.open(backend) as rig:
        dividends |= OverRatio(rig).run()
    with Rig.open(backend) as rig:
        declarations = Declarations(rig).run()
    with Rig.open(backend) as rig:
        proofs = Proofs(rig).run()
    with Rig.open(backend) as rig:
        ratios = LaneRatios(Scenario(rig)).run()
    return scenario.gas | production | limited | dividends | declarations | proofs | ratios


class Scenario:
    """One run over a fresh suite; each method goes on where the one before it ended."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.gas: dict[str, int] = {}
        self.token = rig.home.token
        self.holders: Sequence[Account] = [rig.network.holder("home", i) for i in range(6)]
        self.guests: Sequence[Account] = [rig.network.holder("remote", i) for i in range(6)]

    def run(self, *, closings: bool = True) -> None:
        """Carry everything out; closings take many days and can be left out."""
        self.deployment()
        self.issuance()
        self.transfers()
        self.controls()
        self.lanes()
        self.suspense()
        with self.rig.home.chain.isolated(), self.rig.remote.chain.isolated():
            # What follows is measured as if it had not been.
            self.lane_days()
        with self.rig.home.chain.isolated(), self.rig.remote.chain.isolated():
            self.batches()
        with self.rig.home.chain.isolated(), self.rig.remote.chain.isolated():
            self.ends()
        self.signatures()
        self.releases()
        if closings:
            self.closings()
            self.ratios()

    def note(self, operation: str, receipt: Any) -> Receipt:
        assert isinstance(receipt, Receipt), operation
        assert operation not in self.gas, operation
        self.gas[operation] = receipt.gas_used
        return receipt

    # ------------------------------------------------------------------- deployment

    def deployment(self) -> None:
        def step(operation: str, title: str) -> None:
            found = [
                gas
                for (ledger, name), gas in self.rig.steps.items()
                if ledger == "home" and name.startswith(title)
            ]
            assert len(found) == 1, title
            self.gas[operation] = found[0]

        step("deploy.ReleaseProxy.blueprint", "create proxy blueprint")
        step("deploy.ReleaseAuthority", "create release authority")
        for name in PROXIED:
            step(f"deploy.{name}.implementation", f"create {name} 1")
            for piece in build.artifact(name).behind:
                step(f"deploy.{piece.name}.implementation", f"create {piece.name} 1")
            step(f"deploy.{name}.proxy", f"create {name} proxy")
        step("deploy.QuorumVerifier", "create verifier of lane")
        step("deploy.LaneCustody", "create custody")
        step("lane.open", "open lane")
        step("registry.register", "register US")
        for ledger in ("home", "remote"):
            self.gas[f"deploy.whole.{ledger}"] = sum(
                gas for (name, _), gas in self.rig.steps.items() if name == ledger
            )

    # -------------------------------------------------------------- notary and issuer

    def admit(self, suite: Suite, account: Any) -> Receipt:
        registrar = self.rig.network.party(suite.chain.name, "registrar")
        return Receipt.of(suite.token.admit(account, UNTIL_DAY, REASON, DOCUMENT, sender=registrar))

    def issuance(self) -> None:
        token, rig = self.token, self.rig
        issuer, notary = rig.party("issuer"), rig.party("notary")
        self.note("admit.first", self.admit(rig.home, self.holders[0]))
        for account in (*self.holders[1:], issuer):
            self.admit(rig.home, account)
        self.note("admit.renewal", self.admit(rig.home, self.holders[0]))
        much = 10**6 * AMOUNT
        token.authorise_issuance(much, REASON, DOCUMENT, sender=notary)
        self.note(
            "authorise_issuance", token.authorise_issuance(much, REASON, DOCUMENT, sender=notary)
        )
        self.note(
            "withdraw_authorisation",
            token.withdraw_authorisation(AMOUNT, REASON, DOCUMENT, sender=notary),
        )
        for account in (self.holders[0], self.holders[1], issuer):
            token.mint(account, 1000 * AMOUNT, REASON, DOCUMENT, sender=issuer)
        self.note("mint", token.mint(self.holders[0], AMOUNT, REASON, DOCUMENT, sender=issuer))
        self.note(
            "mint.first_receipt",
            token.mint(self.holders[2], AMOUNT, REASON, DOCUMENT, sender=issuer),
        )
        self.note("burn", token.burn(issuer, AMOUNT, REASON, DOCUMENT, sender=issuer))
        self.note("instruct", token.instruct(REASON, DOCUMENT, sender=issuer))
        self.note("mint.standing_instruction", token.mint(self.holders[0], AMOUNT, sender=issuer))

    # ------------------------------------------------------------------------ holders

    def transfers(self) -> None:
        token, spender = self.token, self.holders[5]
        one, two, three, four = self.holders[:4]
        self.note("transfer.same_day", token.transfer(two, AMOUNT, sender=one))
        self.note("transfer.first_receipt", token.transfer(four, AMOUNT, sender=one))
        self.note("approve.first", token.approve(spender, 2 * AMOUNT, sender=one))
        self.note("approve", token.approve(spender, 3 * AMOUNT, sender=one))
        self.note("transfer_from", token.transferFrom(one, two, AMOUNT, sender=spender))
        token.approve(spender, _UNLIMITED, sender=one)
        self.note("transfer_from.unlimited", token.transferFrom(one, three, AMOUNT, sender=spender))
        many = [holder(number) for number in range(100)]
        for account in many:
            self.admit(self.rig.home, account)
        for count in (10, 100):
            token.batchTransfer(many[:count], [AMOUNT] * count, sender=one)
            self.note(
                f"transfer.batch{count}",
                token.batchTransfer(many[:count], [AMOUNT] * count, sender=one),
            )

    # ----------------------------------------------------------------------- controls

    def controls(self) -> None:
        token, rig = self.token, self.rig
        one, two, three = self.holders[:3]
        registrar, custodian = rig.party("registrar"), rig.party("custodian")
        guardian = rig.party("guardian")
        administrator = rig.network.administrators("home")[0]
        act = (REASON, DOCUMENT)
        expiry = rig.home.chain.now + 9 * _DAY

        def enter(operation: str, sender: Account, number: int) -> bytes:
            receipt = token.enter_order(
                sender, two, AMOUNT, expiry, _AUTHORITY, number, *act, sender=registrar
            )
            order = self.note(operation, receipt).return_value
            assert isinstance(order, bytes)
            return order

        first, second = enter("enter_order", one, 1), enter("enter_order.second", one, 2)
        self.note(
            "forced_transfer", token.forcedTransfer(one, two, AMOUNT, first, sender=custodian)
        )
        with rig.home.chain.isolated():
            token.instruct(REASON, second, sender=custodian)
            self.note(
                "forced_transfer.standard",
                token.forcedTransfer(one, two, AMOUNT, sender=custodian),
            )
        with rig.home.chain.isolated():
            rig.home.chain.advance(2 * _DAY)
            self.note(
                "forced_transfer.first_of_day",
                token.forcedTransfer(one, two, AMOUNT, second, sender=custodian),
            )
        self.note(
            "withdraw_order",
            token.withdraw_order(one, two, AMOUNT, second, *act, sender=registrar),
        )
        self.note(
            "freeze_amount.first", token.setFrozenTokens(three, AMOUNT, *act, sender=custodian)
        )
        self.note("freeze_amount", token.setFrozenTokens(three, 2 * AMOUNT, *act, sender=custodian))
        order = enter("enter_order.frozen_units", three, 1)
        self.note(
            "forced_transfer.frozen_units",
            token.forcedTransfer(three, two, AMOUNT, order, sender=custodian),
        )
        enter("enter_order.unknown_account", holder(10_000), 1)
        self.note("freeze_account", token.setAddressFrozen(three, True, *act, sender=custodian))
        self.note("unfreeze_account", token.setAddressFrozen(three, False, *act, sender=custodian))
        with rig.home.chain.isolated():
            # What follows is measured as if it had not been.
            self.note("pause.first", token.pause(1, *act, sender=guardian))
            self.note("unpause", token.unpause(1, *act, sender=administrator))
            self.note("pause", token.pause(1, *act, sender=guardian))

    # -------------------------------------------------------------------------- lanes

    def lock(
        self, recipient: Any, amount: int = AMOUNT, *, lasts: int = 60 * _DAY
    ) -> tuple[Receipt, LaneMessage]:
        return self._send(self.rig.home, "lock", self.holders[0], recipient, amount, lasts)

    def burn(self, recipient: Any, amount: int = AMOUNT) -> tuple[Receipt, LaneMessage]:
        return self._send(self.rig.remote, "burn", self.guests[0], recipient, amount)

    def _send(
        self,
        suite: Suite,
        verb: str,
        sender: Account,
        recipient: Any,
        amount: int,
        lasts: int = 60 * _DAY,
    ) -> tuple[Receipt, LaneMessage]:
        network = self.rig.network
        self.rig.align()
        word = bytes(12) + bytes.fromhex(str(recipient)[2:])
        send = suite.custodies[network.lane].lock if verb == "lock" else suite.escrow.burn
        receipt = Receipt.of(
            send(network.lane, word, amount, suite.chain.now + lasts, sender=sender)
        )
        self.rig.align()
        return receipt, LaneMessage.from_event(receipt.one("MessageSent").args["message"])

    def deliver(self, message: LaneMessage, *attestations: bytes) -> Receipt:
        return self.rig.network.deliver(message, *attestations)

    def lanes(self) -> None:
        rig, one, guest = self.rig, self.holders[0], self.guests[0]
        for account in self.guests[:3]:
            self.admit(rig.remote, account)
        # The first message of a lane, and a recipient's first receipt, write fresh slots.
        receipt, message = self.lock(guest, 500 * AMOUNT)
        self.note("lane.lock_send.first", receipt)
        self.note("lane.deliver_mint.first", self.deliver(message))
        message = self._page("lane.lock_send", lambda: self.lock(guest))
        self.note("lane.deliver_mint.2of3", self.deliver(message))
        self.gas["lane.security_token_across"] = (
            self.gas["lane.lock_send"] + self.gas["lane.deliver_mint.2of3"]
        )
        _, message = self.lock(self.guests[1])
        self.note("lane.deliver_mint.first_receipt", self.deliver(message))
        receipt, message = self.burn(one)
        self.note("lane.burn_send.first", receipt)
        self.deliver(message)
        message = self._page("lane.burn_send", lambda: self.burn(one))
        self.note("lane.release.2of3", self.deliver(message))
        self.gas["lane.security_token_back"] = (
            self.gas["lane.burn_send"] + self.gas["lane.release.2of3"]
        )

    def two_verifiers(self) -> dict[str, int]:
        """A lane of grade production: two of three attestors of each of its two verifiers."""
        one = self.holders[0]
        for suite, account in ((self.rig.home, one), (self.rig.remote, self.guests[0])):
            self.admit(suite, account)
        self.rig.network.issue([(one, 1_000 * AMOUNT)])
        self.deliver(self.lock(self.guests[0], 3 * AMOUNT)[1])
        _, message = self.lock(self.guests[0])
        self.note("lane.deliver_mint.2x2of3", self.deliver(message))
        self.deliver(self.burn(one)[1])
        _, message = self.burn(one)
        self.note("lane.release.2x2of3", self.deliver(message))
        return self.gas

    def limited(self) -> dict[str, int]:
        """The same on a lane with a limit and a minimum, at either end."""
        one, guest = self.holders[0], self.guests[0]
        self._limited_begin()
        message = self._page("lane.lock_send.limited", lambda: self.lock(guest))
        self.note("lane.deliver_mint.2of3.limited", self.deliver(message))
        self.gas["lane.security_token_across.limited"] = (
            self.gas["lane.lock_send.limited"] + self.gas["lane.deliver_mint.2of3.limited"]
        )
        self.deliver(self.burn(one, AMOUNT // 10)[1])
        message = self._page("lane.burn_send.limited", lambda: self.burn(one, AMOUNT // 10))
        self.note("lane.release.2of3.limited", self.deliver(message))
        self.batches(".limited", AMOUNT // 100)
        for _ in range(2):
            # A first that waits writes the slots of suspense.
            _, message = self.lock(guest, 9 * AMOUNT)
            receipt = self.deliver(message)
        self.note("lane.deliver_queued", receipt)
        self.rig.advance(4 * _DAY)
        self.note("lane.claim_queued", self.rig.network.claim(message))
        return self.gas

    def limited_twice(self) -> dict[str, int]:
        """And with two verifiers."""
        self._limited_begin()
        _, message = self.lock(self.guests[0])
        self.note("lane.deliver_mint.2x2of3.limited", self.deliver(message))
        return self.gas

    def _limited_begin(self) -> None:
        """Two messages have arrived each way since the room of the lane has grown."""
        one, guest = self.holders[0], self.guests[0]
        for suite, account in ((self.rig.home, one), (self.rig.remote, guest)):
            self.admit(suite, account)
        self.rig.network.issue([(one, 1_000 * AMOUNT)])
        self.rig.advance(3600)
        for _ in range(2):
            self.deliver(self.lock(guest)[1])
            self.deliver(self.burn(one, AMOUNT // 2)[1])

    def batches(self, suffix: str = "", amount: int = AMOUNT) -> None:
        """As many messages as a transaction takes, to as many recipients who hold already."""
        rig, remote = self.rig, self.rig.remote
        guests = [remote.chain.account(300 + number) for number in range(MAX_BATCH)]
        for guest in guests:
            self.admit(remote, guest)
        for _ in range(2):
            messages = [self.lock(guest, amount)[1] for guest in guests]
            receipt = remote.escrow.deliver_batch(
                rig.network.lane,
                bytes(32),
                [message.as_tuple() for message in messages],
                *rig.network.batch_attestations(messages),
                sender=remote.chain.account(COURIER),
            )
        assert isinstance(receipt, Receipt)
        self.gas[f"lane.deliver_batch.25.per_message{suffix}"] = -(-receipt.gas_used // MAX_BATCH)

    def _page(self, operation: str, send: Callable[[], tuple[Receipt, LaneMessage]]) -> LaneMessage:
        """Note the mean of a page of messages, and the one that begins it; returns the last."""
        receipts, messages = zip(*[send() for _ in range(PAGE)], strict=True)
        self.note(f"{operation}.new_page", max(receipts, key=lambda receipt: receipt.gas_used))
        self.gas[operation] = -(-sum(receipt.gas_used for receipt in receipts) // PAGE)
        last = messages[-1]
        assert isinstance(last, LaneMessage)
        return last

    def suspense(self) -> None:
        rig = self.rig
        # A first unit waits already; the second is what a recipient costs who can't receive.
        _, first = self.lock(self.guests[3])
        self.deliver(first)
        _, second = self.lock(self.guests[4])
        self.note("lane.deliver_suspense", self.deliver(second))
        self.admit(rig.remote, self.guests[4])
        rig.network.claim(second)
        _, third = self.lock(self.guests[5])
        self.deliver(third)
        self.admit(rig.remote, self.guests[5])
        self._warm_up(self.guests[5])
        self.note("lane.claim", rig.network.claim(third))

    def _warm_up(self, guest: Account) -> None:
        self.rig.remote.token.transfer(guest, AMOUNT, sender=self.guests[0])

    def lane_days(self) -> None:
        """Messages over a close; the first of a day, which are their senders' and custody's too."""
        rig, one, guest = self.rig, self.holders[0], self.guests[0]

        def first_of_day(which: str = "") -> LaneMessage:
            rig.advance(_DAY)
            locked, message = self.lock(guest)
            burned, _ = self.burn(one)
            if which:
                self.note(f"lane.lock_send.{which}", locked)
                self.note(f"lane.burn_send.{which}", burned)
            return message

        _, late = self.lock(guest)
        self.deliver(first_of_day("first_of_day.fresh_slots"))
        # The token has written the day's openings; what is left is the lane's.
        self.note("lane.deliver_mint.over_a_close", self.deliver(late))
        for _ in range(SLOTS - 1):
            first_of_day()
        first_of_day("first_of_day")

    def ends(self) -> None:
        """Messages that arrive after their deadline and go back to who sent them."""
        rig, guest = self.rig, self.guests[0]

        def late() -> LaneMessage:
            _, message = self.lock(guest, lasts=_NEAR)
            rig.advance(_NEAR)
            return message

        def returned() -> tuple[Receipt, LaneMessage]:
            message = late()
            self.deliver(message)
            return self._return(message)

        # One waits already, as for `lane.deliver_suspense`.
        self.deliver(late())
        message = late()
        self.note("lane.deliver_late", self.deliver(message))
        answer = self._page("lane.return_to_source", returned)
        self.note("lane.refund", self.deliver(answer))
        _, answer = returned()
        rig.advance(_DAY)
        # Who gets it back and custody have moved that day.
        self.lock(guest)
        self.note("lane.refund.over_a_close", self.deliver(answer))

    def _return(self, message: LaneMessage) -> tuple[Receipt, LaneMessage]:
        escrow, anyone = self.rig.remote.escrow, self.guests[1]
        receipt = Receipt.of(escrow.return_to_source(message.as_tuple(), sender=anyone))
        self.rig.align()
        return receipt, message_of(receipt.one("MessageSent"))

    def signatures(self) -> None:
        """Rotate both sides to 5 of 7, then deliver one message with 5, 6 and 7 signatures."""
        rig = self.rig
        keys = [rig.home.chain.account(index) for index in _SEVEN]
        signers = SignerSet.of(2, 5, (account.address for account in keys))
        for suite in (rig.home, rig.remote):
            chain, escrow, lane = suite.chain, suite.escrow, rig.network.lane
            before = meter(chain).spent
            arguments = signers.verifier_arguments(OPERATORS[0])
            verifier = chain.deploy("QuorumVerifier", *arguments, sender=self.holders[5])
            created = meter(chain).spent - before
            now = escrow.lane_state(lane).terms
            terms = (lane, verifier, now.second, now.cap, now.limit, REASON, DOCUMENT)
            operator = rig.network.party(chain.name, "operator")
            proposed = escrow.propose_lane_terms(*terms, sender=operator)
            administrator = rig.network.administrators(chain.name)[0]
            confirmed = escrow.confirm_lane_terms(*terms, sender=administrator)
            if suite is rig.home:
                self.gas["verifier.create.7"] = created
                self.note("lane.propose_terms", proposed)
                self.note("lane.confirm_terms", confirmed)
        rig.advance(3_600)
        for suite in (rig.home, rig.remote):
            applied = suite.escrow.apply_lane_terms(rig.network.lane, sender=self.holders[5])
            if suite is rig.home:
                self.note("lane.apply_terms", applied)
        _, message = self.lock(self.guests[0])
        chain, gas = rig.remote.chain, {}
        for count in (5, 6, 7):
            with chain.isolated():
                attestation = rig.attestation(message, signers, keys, count)
                gas[count] = self.deliver(message, attestation).gas_used
        self.deliver(message, rig.attestation(message, signers, keys, 5))
        self.gas["lane.deliver_mint.5of7"] = gas[5]
        # Mean of two signatures: each has zero bytes of its own.
        self.gas["lane.signature"] = -((gas[5] - gas[7]) // 2)
        _, message = self.burn(self.holders[0])
        attestation = rig.attestation(message, signers, keys, 5)
        self.note("lane.release.5of7", self.deliver(message, attestation))

    # ----------------------------------------------------------------------- releases

    def releases(self) -> None:
        """Move the home token to a release with the same code, and back."""
        rig, name = self.rig, "SecurityToken"
        authority, version = rig.home.authority, Version(1, 0, 1)
        artifact, act = build.artifact(name), (REASON, DOCUMENT)
        implementation = deploy_implementation(rig.home.chain, name, sender=self.holders[5])
        behind = addresses_behind(artifact, implementation.address, rig.home.chain.code)
        release = (
            release_kind(name),
            version.packed,
            implementation.address,
            *code_hashes(artifact, behind),
            DOCUMENT,
            bytes(32),
        )
        back = (reason_code(ALONE), DOCUMENT)
        proxy, chosen = rig.home.token.address, release_id(name, version)
        terms = release_terms(release)
        upgrader = rig.party("upgrader")
        self.note("release.register", authority.register_release(release, *act, sender=upgrader))
        self.note("release.notice", authority.give_notice(proxy, chosen, *act, sender=upgrader))
        self.note(
            "release.approve",
            authority.approve(proxy, terms, *act, sender=rig.party("issuer")),
        )
        for role in ("operator", "auditor"):
            authority.approve(proxy, terms, *act, sender=rig.party(role))
        rig.advance(NOTICE)
        self.note("release.activate", authority.activate(proxy, chosen, sender=self.holders[5]))
        self.note(
            "release.roll_back",
            authority.roll_back(proxy, False, *back, sender=rig.party("guardian")),
        )

    # ----------------------------------------------------------------------- closings

    def closings(self) -> None:
        """First movements of a day, both parties: every kind of slot, round an announced close."""
        token, rig, chain = self.token, self.rig, self.rig.home.chain
        one, two, reader = self.holders[0], self.holders[1], self.holders[5]
        registrar, issuer = rig.party("registrar"), rig.party("issuer")

        def first_of_day(operation: str = "") -> None:
            chain.advance(_DAY)
            receipt = token.transfer(two, AMOUNT, sender=one)
            if operation:
                self.note(operation, receipt)

        def announce(operation: str, days: int) -> int:
            day = int(token.business_day()) + days
            act = (day, REASON, DOCUMENT)
            self.note(operation, token.announce_close(*act, sender=registrar))
            return day

        first_of_day("transfer.first_of_day.fresh_slots")
        self.note(
            "mint.first_of_day.fresh_slots",
            token.mint(one, AMOUNT, REASON, DOCUMENT, sender=issuer),
        )
        for _ in range(SLOTS - 1):
            first_of_day()
        first_of_day("transfer.first_of_day")
        announced = announce("announce_close.first", 2)
        first_of_day()
        first_of_day("transfer.before_record_date")
        first_of_day("transfer.after_record_date")
        first_of_day("transfer.first_of_day.round_after_record_date")
        for _ in range(SLOTS):
            first_of_day()
        first_of_day("transfer.first_of_day.later_round")
        late = announce("announce_close.late", -5)
        while int(token.business_day()) < late + SLOTS:
            first_of_day()
        # What tells the close announced late is in the slot of the day after it, and leaves it now.
        first_of_day("transfer.first_of_day.saves_late_close")
        day = int(token.business_day()) - 4
        self.note("keep", token.keep(one, day, day + 1, sender=reader))
        for _ in range(HISTORY_DAYS):
            first_of_day()
        today = int(token.business_day())
        for title, day, hint in (
            ("1", today - 1, 0),
            ("7", today - 7, 0),
            ("7.hint", today - 7, today - 6),
            ("announced.hint", announced, announced + 1),
        ):
            receipt = token.balance_at_close.send(one, day, hint, sender=reader)
            self.note(f"view.balance_at_close.{title}", receipt)
        receipt = token.entitled_at_close.send(one, announced, announced + 1, sender=reader)
        self.note("view.entitled_at_close.announced.hint", receipt)
        self.note("view.balanceOf", token.balanceOf.send(one, sender=reader))
        self.note("view.canTransfer", token.canTransfer.send(one, two, AMOUNT, sender=reader))

    # ------------------------------------------------------------------------- ratios

    def ratios(self) -> None:
        """Announced, pending, in force; who acts first, who is touched first, and what it leaves.

        Everybody, and the supply, has moved on more days than there are slots.
        """
        token, chain = self.token, self.rig.home.chain
        one, two, three, four, agent, anyone = self.holders
        registrar, issuer = self.rig.party("registrar"), self.rig.party("issuer")
        build.add(build.sources(ROOT, "tests/contracts"))
        engine = chain.deploy("ActionsEngineMock", token, self.rig.home.escrow, sender=anyone)
        first, second = self.rig.network.administrators("home")
        token.propose_role(engine, Role.ACTIONS, REASON, DOCUMENT, sender=first)
        chain.advance(_DAY)
        token.assign_role(engine, Role.ACTIONS, REASON, DOCUMENT, sender=second)
        token.transfer(three, 100 * AMOUNT, sender=one)

        def days(count: int) -> None:
            for _ in range(count):
                chain.advance(_DAY)
                token.transfer(two, AMOUNT + 1, sender=one)
                token.transfer(four, AMOUNT + 1, sender=three)
                token.mint(one, 1, REASON, DOCUMENT, sender=issuer)

        def announce(numerator: int, denominator: int) -> Receipt:
            first_day = int(token.business_day()) + 3
            act = (numerator, denominator, first_day, agent, REASON, DOCUMENT)
            return Receipt.of(engine.announce(*act, sender=anyone))

        def begin() -> None:
            days(2)
            chain.advance(_DAY)

        days(SLOTS + 1)
        self.note("ratio.announce", announce(4, 1))
        self.note("transfer.ratio_pending", token.transfer(two, AMOUNT, sender=one))
        begin()
        with chain.isolated():
            self.note("transfer.ratio_first_act", token.transfer(two, AMOUNT, sender=one))
        self.note("ratio.first_act", token.transfer(two, 0, sender=one))
        self.note("transfer.ratio_first_touch", token.transfer(two, AMOUNT, sender=one))
        days(SLOTS + 1)
        announce(2, 1)
        close = int(token.business_day()) + 2
        token.announce_close(close, REASON, DOCUMENT, sender=registrar)
        begin()
        self.note("ratio.first_act.announced_close", token.transfer(two, 0, sender=one))
        self.note(
            "transfer.ratio_first_touch.announced_close", token.transfer(two, AMOUNT, sender=one)
        )
        days(SLOTS + 1)
        announce(1, 7)
        begin()
        self.note("ratio.first_act.remainder", token.transfer(two, 0, sender=one))
        self.note(
            "transfer.ratio_first_touch.first_remainder", token.transfer(two, AMOUNT, sender=one)
        )
        self.note(
            "transfer.ratio_first_touch.remainders", token.transfer(four, AMOUNT, sender=three)
        )
        self.note("ratio.credit_remainders", token.credit_remainders(3, sender=anyone))
