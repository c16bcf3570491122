"""An event driven on its ledgers: announced, confirmed, carried, fixed, funded, paid.

Every function asks the ledgers what is done already and does what is left, so that it can be
stopped anywhere and run again, by several at once. Each act is tried in a call first; without
`execute` nothing else happens. Nothing is signed of what an engine told unless its log stands in a
block that is final by the manifest's rule, is what that engine would tell, and the engine keeps
that it told it (INV-4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from tallystick.actions.message import (
    EVENT_ATTESTATION,
    MESSAGE_ATTESTATION,
    Armed,
    EventVersion,
    Figures,
    Status,
)
from tallystick.actions.record import EventRecord, RecordError
from tallystick.bridge.attestation import Asking, SignerSet, Struct, attest
from tallystick.bridge.figures import Landing
from tallystick.bridge.message import LaneMessage, ledger_id, party, party_address
from tallystick.chain import Account, Contract, Receipt, Revert
from tallystick.chain.contract import Method
from tallystick.events.decision import Act, Sighting, decide
from tallystick.events.engines import ACCOUNTS, Engines, Telling
from tallystick.governance.roles import reason_code
from tallystick.reach.connection import Connection
from tallystick.reach.finality import final_block
from tallystick.text import hex_text, time_text
from tallystick.token.position import close_of, date_of

__all__ = ["BATCH", "Driver", "Step"]

# Accounts that an engine pays in one call.
BATCH: Final = 25
# Who sends what; the rest anyone may.
_ANYONE: Final = "courier"
# Somebody else was quicker: that is no failure.
_BEATEN: Final = frozenset(
    {
        "cut: fixed already",
        "cut: taken already",
        "events: taken already",
        "events: told already",
        "figures: taken already",
        "payments: funded already",
        "payments: paid already",
    }
)


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one act on a ledger; `act` is the function that is called.

    `state` is `done` (it was before), `executed`, `pending` (a dry run would send it), `waiting` or
    `refused`; `detail` says what of it, or why.
    """

    ledger: str
    act: str
    state: str
    detail: str = ""
    tx_hash: str = ""
    gas_used: int = 0
    receipt: Receipt | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "ledger": self.ledger,
            "act": self.act,
            "state": self.state,
            "detail": self.detail,
            "tx": self.tx_hash,
            "gas": self.gas_used,
        }


class Driver:
    """Does what is left of one event.

    Args:
        connection: the ledgers.
        record: the version of the event that the user has in hand.
        account: who sends, an account or its name as `Connection.sender` takes it; by default the
            role that each act needs, and `courier` for what anyone may do.
        execute: send transactions; without it acts are tried in calls alone.

    Raises:
        InputError: the manifest has no engines.
    """

    def __init__(
        self,
        connection: Connection,
        record: EventRecord,
        *,
        account: Account | str = "",
        execute: bool = True,
    ) -> None:
        self.engines = Engines(connection)
        self.connection = connection
        self.record = record
        self.coaf: bytes = record.as_tuple()[2]
        self.execute = execute
        self._account = account

    # --------------------------------------------------------------------- the record

    def check_announcement(self, status: Status = Status.ACTIVE) -> None:
        """Refuse a version that home would not take after those that it has.

        Raises:
            RecordError: the field that is wrong.
        """
        engine, record = self._engine(self.engines.home), self.record
        standing = engine.event_of(self.coaf)
        if bytes(standing.newest) == record.hash:
            kept = Status(engine.version_of(record.hash).status)
            if kept != status:
                expected = f"the version after it: this one was announced {kept.name.lower()}"
                raise RecordError("version", expected)
            return
        newest = engine.version_of(standing.newest)
        for wrong, name, expected in (
            (
                engine.version_of(standing.in_force).status == Status.CANCELLED,
                "coaf",
                "another reference: this event is cancelled, and ids are used once",
            ),
            (
                standing.newest != bytes(32)
                and bytes(standing.corp).rstrip(b"\0") != record.corp.encode(),
                "corp",
                f"{bytes(standing.corp).rstrip(bytes(1)).decode()}, as announced before",
            ),
            (
                record.version != newest.version + 1,
                "version",
                f"{newest.version + 1}: {newest.version or 'nothing'} was announced last",
            ),
            (
                record.previous != bytes(standing.newest),
                "previous",
                "the hash of the version announced last (tallystick event status)",
            ),
        ):
            if wrong:
                raise RecordError(name, expected)

    def day_in_force(self) -> int:
        """Return the record day of the version in force at home; 0: none is."""
        engine = self._engine(self.engines.home)
        return int(engine.version_of(engine.event_of(self.coaf).in_force).record_day)

    def announce(self, status: Status = Status.ACTIVE) -> Iterator[Step]:
        """The issuer announces the version at home."""
        home, record = self.engines.home, self.record
        engine, what = self._engine(home), f"version {record.version}, {status.name.lower()}"
        if engine.version_of(record.hash).status == status:
            yield Step(home, "announce", "done", what)
            return
        arguments = (record.as_tuple(), int(status), reason_code(record.caev), record.terms)
        yield self._do(home, engine.announce, arguments, what, role="issuer")

    def version(self) -> EventVersion | None:
        """Return the version as home announced it; None: it did not."""
        kept = self._engine(self.engines.home).version_of(self.record.hash)
        return EventVersion(self.record, Status(kept.status)) if kept.status else None

    def event_signers(self) -> SignerSet:
        """Return who confirms events, as home's engine knows them."""
        home = self.engines.home
        return self._signers(home, str(self._engine(home).attestors()), EVENT_ATTESTATION)

    def confirm(self, attestation: bytes = b"") -> Iterator[Step]:
        """Bring what event attestors signed of the version; with their keys, if those are here."""
        home, what = self.engines.home, f"version {self.record.version}"
        engine = self._engine(home)
        standing, version = engine.event_of(self.coaf), self.version()
        if bytes(standing.in_force) == self.record.hash:
            yield Step(home, "confirm", "done", what)
            return
        if version is None or bytes(standing.newest) != self.record.hash:
            why = "it is not announced" if version is None else "a later version is announced"
            yield Step(home, "confirm", "waiting", f"{what}: {why}")
            return
        if not attestation:
            domain = self.engines.domain(home)
            signers = self.event_signers()
            attestation, missing = self._signed("event-attestor", signers, version, domain)
            if missing:
                yield Step(home, "confirm", "waiting", f"{what}: {missing}")
                return
        yield self._do(home, engine.confirm, (self.record.as_tuple(), attestation), what)

    # -------------------------------------------------------------------- what is told

    def carry(self) -> Iterator[Step]:
        """Attest and take everything that an engine told of the event and another has not taken."""
        engines = self.engines
        for source in engines.ledgers:
            final = final_block(
                engines.chain(source), self.connection.manifest.ledger(source).finality
            )
            for telling in engines.told(source, self.record):
                for destination in self._destinations(telling):
                    step = self._carry(telling, destination, final)
                    if step is not None:
                        yield step

    def waiting_messages(self) -> Iterator[tuple[Telling, str]]:
        """Yield what was told and not taken, and by which ledger."""
        for source in self.engines.ledgers:
            for telling in self.engines.told(source, self.record):
                for destination in self._destinations(telling):
                    if not self._taken(telling, destination)[0]:
                        yield telling, destination

    def _destinations(self, telling: Telling) -> Sequence[str]:
        home, lanes = self.engines.home, self.engines.lanes
        if telling.source != home:
            return [home]
        if isinstance(telling.told, EventVersion):
            return list(lanes)
        lane = getattr(telling.told, "lane", b"")
        return [remote for remote, entry in lanes.items() if entry.id_bytes == lane]

    def _taken(self, telling: Telling, destination: str) -> tuple[bool, str]:
        """Whether a ledger has what another told, and why it can't take it yet."""
        engine, told = self._engine(destination), telling.told
        if isinstance(told, EventVersion):
            in_force = engine.version_of(engine.event_of(self.coaf).in_force)
            known = engine.version_of(told.record.hash).status != 0
            # The newest version replaces those before it whole.
            return known or in_force.halted or in_force.version >= told.record.version, ""
        if isinstance(told, Armed):
            source = ledger_id(self.engines.chain(telling.source).caip2)
            return engine.told_at(told.event_version, source).taken_at != 0, ""
        if isinstance(told, Figures):
            counts, kept = engine.figures_at(told.lane, told.day)
            if counts:
                return Figures(*kept) == told, ""
            other = any((kept.supply, kept.suspense, kept.sent))
            return False, "other figures contradict them: that lane and day stop" if other else ""
        standing = engine.event_of(self.coaf)
        version, share = engine.version_of(standing.in_force), engine.share_of(self.coaf, told.lane)
        if version.halted:
            return True, ""
        if share.fixed:
            return (share.accounts, share.crossing) == (told.accounts, told.crossing), ""
        taken = bytes(engine.version_hash(self.coaf, version.version)) == told.event_version
        return False, "" if taken else "its record is not in force there"

    def _carry(self, telling: Telling, destination: str, final: int) -> Step | None:
        engines, message, told = self.engines, telling.message, telling.told
        taken, blocked = self._taken(telling, destination)
        decision = decide(
            Sighting(
                message=message,
                told=told,
                logged_id=telling.id,
                source=engines.domain(telling.source),
                isin=engines.isin,
                emitter=str(telling.log.address),
                block=telling.log.block_number,
                final=final,
                canonical=taken or engines.stands(telling),
                is_told=taken or bool(self._engine(telling.source).is_told(message.id)),
                taken=taken,
                blocked=blocked,
            )
        )
        what = f"{told.KIND.name} of {telling.source}"
        act = f"take_{told.KIND.name.lower()}"
        if decision.act is Act.DONE:
            return None
        if decision.act is not Act.TAKE:
            state = "waiting" if decision.act is Act.WAIT else "refused"
            return Step(destination, act, state, f"{what}: {decision.why}")
        engine = self._engine(destination)
        source = engines.domain(telling.source)
        peer = engine.peer_of(message.source_ledger)
        if str(peer.engine) != source.engine:
            why = "its engine there is another one"
            return Step(destination, act, "refused", f"{what}: {why}")
        signers = self._signers(destination, str(peer.verifier), MESSAGE_ATTESTATION)
        proof, missing = self._signed("message-attestor", signers, message, source)
        if missing:
            return Step(destination, act, "waiting", f"{what}: {missing}")
        body = (
            (told.record.as_tuple(), int(told.status))
            if isinstance(told, EventVersion)
            else (told.as_tuple(),)
        )
        step = self._do(destination, engine.method(act), (message.as_tuple(), *body, proof), what)
        against = ("EventHalted", "FiguresContradicted", "TotalsContradicted")
        if step.receipt and any(step.receipt.named(name) for name in against):
            return Step(destination, act, "refused", f"{what}: contradicts what is known there")
        return step

    # ----------------------------------------------------------------------- the close

    def figures(self) -> Iterator[Step]:
        """Have every remote ledger tell what stood there at the close of the record day."""
        home, day = self._engine(self.engines.home), self.record.record_day
        for remote, lane in self.engines.lanes.items():
            told = [
                t for t in self.engines.told(remote, self.record) if isinstance(t.told, Figures)
            ]
            if home.figures_at(lane.id_bytes, day)[0]:
                yield Step(remote, "send_figures", "done", "taken at home")
            elif told:
                yield Step(remote, "send_figures", "done", "told, to be carried home")
            elif why := self._before_close(remote) or self._not_in_force(remote):
                yield Step(remote, "send_figures", "waiting", why)
            else:
                yield self._tried(remote, "send_figures", partial(self._send_figures, remote))

    def _send_figures(self, remote: str) -> Step:
        engines, day = self.engines, self.record.record_day
        lane = engines.lanes[remote].id_bytes
        hints = (
            engines.supply_hint(remote, day),
            engines.suspense_hint(remote, lane, day),
            engines.sent_hint(remote, lane, day),
        )
        arguments = (lane, day, engines.epoch_on(remote, day), hints)
        return self._do(remote, self._engine(remote).send_figures, arguments, str(date_of(day)))

    def fix(self) -> Iterator[Step]:
        """Fix home's accounts, then every lane whose figures are there."""
        engines, home, day = self.engines, self.engines.home, self.record.record_day
        engine = self._engine(home)
        fixed = bool(engine.version_of(self.record.hash).fixed)
        if fixed:
            yield Step(home, "fix", "done", "accounts")
        elif why := self._not_in_force(home) or self._before_close(home):
            yield Step(home, "fix", "waiting", why)
        else:
            step = self._tried(home, "fix", self._fix)
            yield step
            fixed = step.state in {"executed", "done"}
        for remote, lane in engines.lanes.items():
            if engine.share_of(self.coaf, lane.id_bytes).fixed:
                yield Step(home, "fix_lane", "done", f"lane to {remote}")
            elif not fixed:
                yield Step(home, "fix_lane", "waiting", f"lane to {remote}: home's accounts first")
            elif not engine.figures_at(lane.id_bytes, day)[0]:
                yield Step(
                    home, "fix_lane", "waiting", f"lane to {remote}: no figures of it, or two"
                )
            else:
                yield self._tried(home, "fix_lane", partial(self._fix_lane, remote))

    def _fix(self) -> Step:
        engines, home, day = self.engines, self.engines.home, self.record.record_day
        escrow, engine = self.connection.escrow(home), self._engine(home)
        lanes = [bytes(lane) for lane in escrow.lanes_of(engine.instrument())]
        hints = [engines.custody_hint(home, lane, day) for lane in lanes]
        arguments = (self.coaf, engines.supply_hint(home, day), hints if any(hints) else [])
        return self._do(home, engine.fix, arguments, "accounts")

    def _fix_lane(self, remote: str) -> Step:
        engines, home, day = self.engines, self.engines.home, self.record.record_day
        lane = engines.lanes[remote].id_bytes
        hints = (
            engines.custody_hint(home, lane, day),
            engines.suspense_hint(home, lane, day),
            engines.sent_hint(home, lane, day),
        )
        return self._do(
            home, self._engine(home).fix_lane, (self.coaf, lane, hints), f"lane to {remote}"
        )

    # ------------------------------------------------------------------------- payment

    def fund(self) -> Iterator[Step]:
        """The paying agent pays in what is due for every part whose totals are fixed."""
        if self.record.rate is None:
            yield Step(self.engines.home, "fund", "done", "the event pays no cash")
            return
        for ledger in self.engines.ledgers:
            yield from self._fund(ledger)

    def _fund(self, ledger: str) -> Iterator[Step]:
        engine = self._engine(ledger)
        open_parts = []
        for lane, title in self.engines.parts(ledger).items():
            due = self.due(ledger, lane)
            is_open, _, held = engine.part_of(self.coaf, lane)
            if due is None:
                yield Step(ledger, "fund", "waiting", f"{title}: not fixed yet")
            elif due == 0 or is_open:
                yield Step(ledger, "fund", "done", title if due else f"{title}: nothing is due")
            else:
                open_parts.append((lane, title, due - held))
        if not open_parts:
            return
        why = self._not_in_force(ledger)
        number, terms = engine.terms_for(self.record.currency.encode().ljust(4, b"\0"))
        if not why and not number:
            why = f"no terms of payment in {self.record.currency} (tallystick event terms)"
        if not why and self.engines.today(ledger) > self.record.expires:
            why = "claims have expired"
        if why:
            yield from (Step(ledger, "fund", "waiting", f"{part[1]}: {why}") for part in open_parts)
            return
        cash = self.engines.chain(ledger).at("CashToken", terms.cash)
        missing = sum(amount for *_, amount in open_parts)
        yield from self._cash_ready(ledger, cash, missing)
        for lane, title, amount in open_parts:
            what = f"{title}: {amount} smallest units"
            arguments = (self.record.as_tuple(), lane, amount)
            if self.execute:
                yield self._do(ledger, engine.fund, arguments, what, role="paying_agent")
            else:
                # A call would miss the allowance that was not given.
                yield Step(ledger, "fund", "pending", what)

    def _cash_ready(self, ledger: str, cash: Contract, amount: int) -> Iterator[Step]:
        """Allow the engine what is due; on a local ledger whose cash is the payer's, make it."""
        payer, engine = self.sender(ledger, "paying_agent"), self._engine(ledger)
        chain = self.engines.chain(ledger)
        short = amount - int(cash.balanceOf(payer))
        if short > 0 and chain.is_local and _issues(cash, payer):
            yield self._do(ledger, cash.mint, (payer, short), f"{short}", role="paying_agent")
        allowed = int(cash.allowance(payer, engine))
        if allowed < amount:
            # Some tokens change no allowance but from or to nothing.
            for value in [0, amount] if allowed else [amount]:
                yield self._sent(ledger, cash.approve, (engine, value), f"{value}", "paying_agent")

    def due(self, ledger: str, lane: bytes) -> int | None:
        """Return what is due for a part of the event on a ledger, gross; None: not fixed yet."""
        units = self.units(ledger, lane)
        return None if units is None or self.record.rate is None else self.record.rate.down(units)

    def units(self, ledger: str, lane: bytes) -> int | None:
        """Return the base units of a part of the event on a ledger; None: not fixed yet."""
        share = self._engine(ledger).share_of(self.coaf, lane)
        if not share.fixed:
            return None
        if lane == ACCOUNTS:
            return int(share.accounts)
        return int(share.home_crossing if ledger == self.engines.home else share.crossing)

    def pay(self) -> Iterator[Step]:
        """Pay everybody whom the ledgers know: accounts in batches, and who units landed with."""
        for ledger in self.engines.ledgers:
            why = self._not_paying(ledger)
            if not why and self.engines.today(ledger) <= self.record.relief_until:
                until = date_of(self.record.relief_until)
                why = f"only holders claim until the close of {until}"
            if why:
                yield Step(ledger, "push", "waiting", why)
                continue
            yield from self._push(ledger)
            yield from self._claims_crossed(ledger)

    def _push(self, ledger: str) -> Iterator[Step]:
        engine = self._engine(ledger)
        if not engine.part_of(self.coaf, ACCOUNTS)[0]:
            if self.units(ledger, ACCOUNTS):
                yield Step(ledger, "push", "waiting", "accounts: not funded in full")
            return
        unpaid, unknown = [], []
        for account in self.engines.holders(ledger, self.record.record_day):
            if engine.is_paid(self.coaf, party(account)):
                continue
            try:
                units, hint = self.engines.entitled(ledger, account, self.record.record_day)
            except Revert as revert:
                unknown.append(Step(ledger, "push", "refused", f"{account}: {revert}"))
                continue
            if units:
                unpaid.append((account, hint))
        for first in range(0, len(unpaid), BATCH):
            accounts, hints = zip(*unpaid[first : first + BATCH], strict=True)
            shown = f"{len(accounts)} accounts" if len(accounts) > 1 else accounts[0]
            arguments = (self.coaf, list(accounts), list(hints) if any(hints) else [])
            step = self._do(ledger, engine.push, arguments, shown)
            yield step
            for event in step.receipt.named("PaymentRefused") if step.receipt else ():
                yield Step(ledger, "push", "refused", f"{event.account}: its payment was refused")
        yield from unknown

    def _claims_crossed(
        self, ledger: str, account: str = "", role: str = _ANYONE
    ) -> Iterator[Step]:
        """Claim for whoever units landed with after the close, or for one of them."""
        engine = self._engine(ledger)
        for message, payee in self.landed(ledger):
            if account not in ("", payee) or engine.is_paid(self.coaf, message.id):
                continue
            what = f"{payee}: message {hex_text(message.id)[:10]}…"
            if not engine.part_of(self.coaf, message.lane)[0]:
                yield Step(ledger, "claim_crossed", "waiting", f"{what}: not funded in full")
                continue
            arguments = (self.coaf, message.as_tuple())
            yield self._do(ledger, engine.claim_crossed, arguments, what, role=role)

    def landed(self, ledger: str) -> Iterator[tuple[LaneMessage, str]]:
        """Yield the messages that landed there after the close, but left before, and with whom."""
        escrow, day = self.connection.escrow(ledger), self.record.record_day
        for _, message in self.engines.crossing(ledger, day):
            landing = Landing.unpack(int(escrow.landed(message.id)))
            if landing is not None and landing.day > day:
                yield message, landing.payee or party_address(message.recipient)

    def claim(self, ledger: str, account: str, role: str = _ANYONE) -> Iterator[Step]:
        """Pay one holder on a ledger what it held at the close, and what landed with it since.

        Args:
            ledger: where.
            account: the holder's address.
            role: who sends: the holder itself, or who it authorised, until the relief day is over.
        """
        if why := self._not_paying(ledger):
            yield Step(ledger, "claim", "waiting", why)
            return
        engine = self._engine(ledger)
        try:
            units, hint = self.engines.entitled(ledger, account, self.record.record_day)
        except Revert as revert:
            yield Step(ledger, "claim", "refused", f"{account}: {revert}")
            units = hint = 0
        if units and engine.is_paid(self.coaf, party(account)):
            yield Step(ledger, "claim", "done", account)
        elif units:
            arguments = (self.coaf, account, hint)
            yield self._do(ledger, engine.claim, arguments, account, role=role)
        yield from self._claims_crossed(ledger, account, role)

    # --------------------------------------------------------------------------- acting

    def sender(self, ledger: str, role: str = _ANYONE) -> Account:
        """Return who sends on a ledger: the account that was named, or the holder of a role.

        Raises:
            InputError: there is none, or nothing here signs for it.
        """
        if isinstance(self._account, Account):
            return self.connection.private(self._account)
        return self.connection.sender(ledger, self._account or role)

    def _engine(self, ledger: str) -> Contract:
        return self.engines.engine(ledger)

    def _before_close(self, ledger: str) -> str:
        """Why nothing is known of the record day's close on a ledger yet, or nothing."""
        day = self.record.record_day
        if day == 0:
            return "the event has no record day"
        if self.engines.today(ledger) > day:
            return ""
        close = close_of(day, self.engines.close_minute(ledger))
        return f"the record day closes at {time_text(close)} UTC"

    def _not_in_force(self, ledger: str) -> str:
        """Why a ledger goes on by another record than the one in hand, or nothing."""
        engine = self._engine(ledger)
        standing = engine.event_of(self.coaf)
        version = engine.version_of(standing.in_force)
        if bytes(standing.in_force) != self.record.hash:
            kept = f"version {version.version} is in force" if version.version else "none is"
            return f"version {self.record.version} is not in force there: {kept}"
        if version.halted:
            return "the event is halted there"
        return "" if version.status == Status.ACTIVE else "the event is cancelled"

    def _not_paying(self, ledger: str) -> str:
        """Why nothing is paid on a ledger now, or nothing."""
        if why := self._not_in_force(ledger):
            return why
        if self.record.rate is None:
            return "the event pays no cash"
        today = self.engines.today(ledger)
        if today < self.record.payment_day:
            return f"the payment day is {date_of(self.record.payment_day)}"
        return "claims have expired" if today > self.record.expires else ""

    def _signers(self, ledger: str, verifier: str, attests: str) -> SignerSet:
        """Who signs for a verifier that an engine asks; it knows no epochs, and 1 is as good."""
        kept = self.connection.contract(ledger, "QuorumVerifier", verifier).signer_set()
        return SignerSet.of(1, int(kept.threshold), map(str, kept.signers), attests)

    def _signed(
        self, title: str, signers: SignerSet, struct: Struct, domain: Asking
    ) -> tuple[bytes, str]:
        """Sign with the keys at hand; the second is what is missing, or nothing."""
        accounts = (
            self.connection.key(ledger, entry)
            for ledger, entry in self.connection.manifest.accounts(title)
        )
        keys = [
            account.key
            for account in accounts
            if account is not None and account.key is not None
            if account.address in signers.signers
        ]
        if len(keys) < signers.threshold:
            return b"", f"{len(keys)} of {signers.threshold} {title} keys are here"
        return attest(struct, signers, domain, keys[: signers.threshold], signers.attests), ""

    def _do(
        self,
        ledger: str,
        method: Method,
        arguments: Sequence[Any],
        detail: str = "",
        *,
        role: str = _ANYONE,
    ) -> Step:
        """Try an act in a call and, if it would be done, send it."""

        def act() -> Step:
            method.call(*arguments, sender=self.sender(ledger, role))
            return self._sent(ledger, method, arguments, detail, role)

        return self._tried(ledger, method.name, act, detail)

    def _sent(
        self, ledger: str, method: Method, arguments: Sequence[Any], detail: str, role: str
    ) -> Step:
        sender = self.sender(ledger, role)
        if not self.execute:
            return Step(ledger, method.name, "pending", detail)
        receipt = method.send(*arguments, sender=sender)
        hashed, gas = receipt.tx_hash, receipt.gas_used
        return Step(ledger, method.name, "executed", detail, hashed, gas, receipt)

    @staticmethod
    def _tried(ledger: str, name: str, act: Callable[[], Step], detail: str = "") -> Step:
        """An act, or the contract's reason against it."""
        try:
            return act()
        except Revert as revert:
            state = "done" if revert.reason in _BEATEN else "refused"
            return Step(ledger, name, state, f"{detail}: {revert}".removeprefix(": "))


def _issues(cash: Contract, account: Account) -> bool:
    """Whether an account makes that cash."""
    try:
        return str(cash.issuer()) == account.address
    except Revert:
        return False
