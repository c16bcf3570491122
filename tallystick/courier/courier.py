"""The courier: attests and delivers what is pending on every lane, and claims from suspense.

What to do with a message is decided by a pure function of what was observed of it (`decide`); the
`Courier` around it reads the ledgers, signs and sends. Nothing is kept that the ledgers don't know,
but what was handed over and is not final (`Sending`): it can be killed and started again, and
several may run at once. Nothing is signed unless its source event stands in a canonical block that
is final by the manifest's rule, was emitted by the lane's escrow, and has the id that the escrow
keeps in storage (INV-4).

Each direction goes on by itself: what is wrong at one stops no other, and is said. In a step what
the messages of a direction have in common is asked for once, and of each only what it takes to
carry it: however many wait, they cost no request and keep none behind them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final

from tallystick.bridge.attestation import Domain, SignerSet, attest
from tallystick.bridge.carrying import Act, Halt, is_not_yet
from tallystick.bridge.message import Kind, LaneMessage, party_address
from tallystick.bridge.outbox import PAGE
from tallystick.chain import Account, ChainError, Contract, Receipt, Revert
from tallystick.chain.contract import Method
from tallystick.chain.rpc import Unfunded
from tallystick.courier.decision import Sighting, decide
from tallystick.courier.end import LaneEnd, Sent
from tallystick.courier.outcome import Applied, Outcome
from tallystick.courier.terms import apply_due
from tallystick.files.manifest import LaneEntry
from tallystick.reach.connection import Connection
from tallystick.reach.finality import stand
from tallystick.reach.sending import FULL, Handed, Ledgers, Sending

__all__ = ["Courier", "Outcome"]

# In a step so many messages of a direction are tried, and so many in suspense asked about.
_TRIES: Final = 100
_ASKED: Final = 200
# A direction whose node kept us waiting rests for longer, but no longer than so many seconds.
_LONGEST_REST: Final = 30.0
_LATE: Final = "transit: before its lock time"
_BEATEN: Final = "transit: delivered already"


@dataclass
class _Direction:
    """One direction of a lane, and what a courier remembers of it.

    `tried` and `attested` are by message: the step of the last try; the epoch in which it was
    attested, and how, by each verifier.
    """

    lane: LaneEntry
    source: str
    destination: str
    kind: Kind
    tried: dict[bytes, int] = field(default_factory=dict)
    attested: dict[bytes, tuple[int, tuple[bytes, ...]]] = field(default_factory=dict)
    # From which message in suspense on is asked in the next step.
    turn: int = 0
    halted: Halt | None = None
    rests_until: float = 0.0


@dataclass(frozen=True)
class _Seen:
    """A direction as one step sees it: both ends, and what sends at its destination.

    `signers` has a set for each verifier that must prove what arrives there; nobody: none can.
    """

    sent: LaneEnd
    landed: LaneEnd
    sending: Sending
    signers: tuple[SignerSet, ...]
    missing: str


class Courier:
    """Carries the messages of all lanes of a manifest.

    Args:
        connection: the ledgers.
        account: who sends and pays on every ledger: an account, or its name as
            `Connection.sender` takes it; the manifest's role `courier` when left out.
        attestors: keys to sign with; by default those that the manifest's mnemonic gives.
        ledgers: what sends, if others send from the same account; then `account` is theirs.

    Raises:
        InputError: nothing here signs for the account, or everybody has a key and a ledger is not
            local.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        account: Account | str = "",
        attestors: Sequence[Account] | None = None,
        ledgers: Ledgers | None = None,
    ) -> None:
        self.connection = connection
        self._ledgers = ledgers or Ledgers(connection, account)
        self._keys: dict[str, Account] = {
            str(attestor.address): connection.private(attestor)
            for attestor in (connection.keys("attestor") if attestors is None else attestors)
        }
        self._steps = 0
        self._directions = [
            _Direction(lane, source, destination, kind)
            for lane in connection.manifest.lanes
            for source, destination, kind in (
                (lane.home, lane.remote, Kind.ISSUE),
                (lane.remote, lane.home, Kind.RELEASE),
            )
        ]
        self._ends: dict[tuple[str, bytes], LaneEnd] = {}
        self._read_in: dict[tuple[str, bytes], int] = {}
        self._eras: dict[bytes, tuple[int, int]] = {}
        self._signers_of: dict[str, tuple[int, tuple[str, ...]]] = {}

    @property
    def attestors(self) -> tuple[str, ...]:
        """Addresses whose keys are here."""
        return tuple(self._keys)

    def sender(self, ledger: str) -> Account:
        """Return the account that pays on a ledger."""
        return self._ledgers.sender(ledger)

    def step(self) -> tuple[Outcome | Applied | Halt, ...]:
        """Carry what can be carried now; returns what was done, what waits and what halts."""
        return tuple(self.carry())

    def carry(self) -> Iterator[Outcome | Applied | Halt]:
        """Do what `step` does, one message at a time: what goes wrong takes back nothing."""
        self._steps += 1
        self._ledgers.begin()
        for way in self._directions:
            began = time.monotonic()
            if way.halted is not None and began < way.rests_until:
                yield way.halted
                continue
            way.halted = None
            try:
                yield from self._step(way)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
                if isinstance(error, ChainError) and not isinstance(error, Unfunded):
                    ended = time.monotonic()
                    way.rests_until = ended + min(2 * (ended - began), _LONGEST_REST)
                way.halted = Halt.by(error, way.source, way.destination, way.lane.id_bytes)
                yield way.halted

    def _step(self, way: _Direction) -> Iterator[Outcome | Applied | Halt]:
        seen = self._seen(way)
        yield from apply_due(way.destination, seen.landed, seen.sending)
        if seen.sent.missing:
            logged = f"{way.source} logged {seen.sent.missing}: asked for again"
            yield Halt("incomplete", way.source, way.destination, way.lane.id_bytes, logged)
        ready, held = list[Sent](), list[Sent]()
        for sent in list(seen.sent.sent()):
            id_ = sent.message.id
            handed, what = self._handed(seen, id_)
            if handed is not None:
                outcome = self._of_handed(way, seen, sent, handed, what)
                if outcome is not None:
                    yield outcome
            elif seen.landed.is_settled(sent.id):
                self._drop(way, seen, sent)
            elif seen.landed.held(sent.id):
                held.append(sent)
            elif seen.landed.held(sent.id) is None:
                # As if its source kept it: that is asked of those alone that would go then.
                decision = decide(self._sighting(way, seen, sent))
                why = decision.why or seen.missing
                if decision.act is Act.DELIVER and not why:
                    ready.append(sent)
                else:
                    refused = decision.act is Act.REFUSE
                    yield self._outcome(way, sent, "refused" if refused else "waiting", why)
        yield from self._claims(way, seen, held)
        yield from self._deliveries(way, seen, ready)

    # ----------------------------------------------------------------------- reading

    def _seen(self, way: _Direction) -> _Seen:
        """Read both ends, once a step, and who signs; what is read is of one block of each."""
        lane = way.lane
        eras = tuple(self._ledgers.watch(ledger).era for ledger in (lane.home, lane.remote))
        ends = [self._end(lane, ledger) for ledger in (way.source, way.destination)]
        if self._eras.setdefault(lane.id_bytes, (eras[0], eras[1])) != eras:
            # What was final is gone: what was done with may have to be done again.
            self._eras[lane.id_bytes] = (eras[0], eras[1])
            for end in ends:
                end.forget()
            for each in self._directions:
                if each.lane is lane:
                    each.tried, each.attested = {}, {}
        for end, ledger in zip(ends, (way.source, way.destination), strict=True):
            key = ledger, lane.id_bytes
            if self._read_in.get(key) != self._steps:
                end.read()
                self._read_in[key] = self._steps
        sending = self._ledgers.sending(way.destination)
        signers = self._signer_sets(way, ends[1])
        return _Seen(ends[0], ends[1], sending, signers, self._keys_missing(signers))

    def _end(self, lane: LaneEntry, ledger: str) -> LaneEnd:
        key = ledger, lane.id_bytes
        if key not in self._ends:
            watch, escrow = self._ledgers.watch(ledger), self.connection.escrow(ledger)
            self._ends[key] = LaneEnd(watch, escrow, lane.id_bytes, ledger == lane.home)
        return self._ends[key]

    def _signer_sets(self, way: _Direction, end: LaneEnd) -> tuple[SignerSet, ...]:
        """Who signs in the newest epoch of the lane that is valid on its destination now."""
        now, head = end.watch.clock, end.watch.head.number
        for number in range(int(end.state.epoch), 0, -1):
            epoch = end.escrow.epoch_at.call(end.lane, number, block=head)
            if int(epoch.valid_from) <= now < int(epoch.valid_until):
                both = (str(epoch.verifier), str(epoch.second))
                trusted = [address for address in both if int(address, 16)]
                for address in trusted:
                    if address not in self._signers_of:
                        # A verifier's signers never change.
                        there = self.connection.contract(way.destination, "QuorumVerifier", address)
                        kept = there.signer_set.call(block=head)
                        signers = int(kept.threshold), tuple(map(str, kept.signers))
                        self._signers_of[address] = signers
                return tuple(SignerSet.of(number, *self._signers_of[each]) for each in trusted)
        return ()

    def _keys_missing(self, signers: tuple[SignerSet, ...]) -> str:
        """What is missing to sign, or nothing."""
        if not signers:
            return "the lane has no valid epoch there"
        for number, one in enumerate(signers, 1):
            keys = len(self._signing(one))
            if keys < one.threshold:
                of = f" of verifier {number}" if len(signers) > 1 else ""
                return f"{keys} of {one.threshold} attestor keys{of} are here"
        return ""

    def _signing(self, signers: SignerSet) -> list[bytes]:
        """The keys of a set that are here."""
        return [
            account.key
            for address in signers.signers
            if (account := self._keys.get(address)) is not None and account.key is not None
        ]

    def _sighting(
        self,
        way: _Direction,
        seen: _Seen,
        sent: Sent,
        *,
        kept: bool | None = True,
        canonical: bool = True,
        suspended: int = 0,
        receivable: bool = False,
    ) -> Sighting:
        """What was seen of a message; what was not asked for is as it should be."""
        paused = int(seen.landed.state.paused_directions) & 2
        return Sighting(
            message=sent.message,
            logged_id=sent.id,
            emitter=str(sent.log.address),
            escrow=way.lane.escrow_on(way.source),
            lane=way.lane.id_bytes,
            kind=way.kind,
            block=sent.log.block_number,
            final=seen.sent.watch.final,
            canonical=canonical,
            kept=kept,
            arrived=suspended > 0,
            suspended=suspended,
            queued_until=seen.landed.queued_until(sent.id) if suspended else 0,
            receivable=receivable,
            clock=seen.landed.watch.clock,
            paused="inbound is paused on the lane" if paused else "",
        )

    @staticmethod
    def _drop(way: _Direction, seen: _Seen, sent: Sent) -> None:
        """Forget a message that is settled for good, if it is believed at both ends."""
        if seen.sent.drop(sent):
            seen.landed.drop_landed(sent.id)
            way.tried.pop(sent.id, None)
            way.attested.pop(sent.id, None)

    # -------------------------------------------------------------- what was handed over

    @staticmethod
    def _handed(seen: _Seen, id_: bytes) -> tuple[Handed | None, str]:
        """The transaction that is under way for a message, or landed lately, and what it does."""
        for about, what in ((_claim_of(id_), "claimed"), (id_, "delivered")):
            handed = seen.sending.of(about)
            if handed is None:
                continue
            failed = handed.receipt is not None and handed.receipt.status == 0
            if not handed.told or not failed:
                # What it left in suspense may be claimed.
                done = handed.told and what == "delivered" and seen.landed.held(id_) is not None
                return (None, "") if done else (handed, what)
        return None, ""

    def _of_handed(
        self, way: _Direction, seen: _Seen, sent: Sent, handed: Handed, what: str
    ) -> Outcome | None:
        """What became of a transaction; nothing once that was told."""
        if handed.receipt is None:
            return self._outcome(way, sent, "waiting", handed.words, tx_hash=handed.tx_hash)
        if handed.told:
            return None
        handed.told = True
        failure = seen.sending.failure(handed)
        if failure is not None:
            return self._reverted(way, seen, sent, failure)
        receipt = handed.receipt
        for event in receipt.named("MessageDelivered"):
            if bytes(event.args["id"]) == sent.message.id and event.args["suspended"]:
                queued = receipt.named("UnitsQueued")
                why = "over its lane's limit" if queued else "its recipient can't receive"
                return self._outcome(way, sent, "suspended", why, receipt)
        return self._outcome(way, sent, what, receipt=receipt)

    def _reverted(self, way: _Direction, seen: _Seen, sent: Sent, revert: Revert) -> Outcome | None:
        """What a revert means: it is too early, another courier was quicker, or it failed."""
        if revert.reason == _BEATEN and seen.landed.escrow.has_arrived(
            way.lane.id_bytes, sent.message.nonce
        ):
            return None
        if is_not_yet(revert):
            return self._outcome(way, sent, "waiting", revert.reason or "")
        return self._outcome(way, sent, "failed", str(revert))

    # ------------------------------------------------------------------------ acting

    def _claims(self, way: _Direction, seen: _Seen, held: Sequence[Sent]) -> Iterator[Outcome]:
        """Claim what waits in suspense and can be paid; of many some are asked about in turn."""
        first = way.turn if way.turn < len(held) else 0
        asked, way.turn = held[first : first + _ASKED], first + _ASKED
        receivable = self._receivable(way, seen, asked)
        for sent in held:
            decision = decide(
                self._sighting(
                    way,
                    seen,
                    sent,
                    suspended=seen.landed.held(sent.id) or 0,
                    receivable=sent.message.recipient in receivable,
                )
            )
            if decision.act is not Act.CLAIM:
                refused = decision.act is Act.REFUSE
                what = "refused" if refused else "waiting"
                yield self._outcome(way, sent, what, decision.why)
                continue
            try:
                handed = self._claim(seen, sent.message)
            except Revert as revert:
                outcome = self._reverted(way, seen, sent, revert)
            else:
                outcome = self._sent(way, seen, sent, handed, "claimed")
            if outcome is not None:
                yield outcome

    def _receivable(self, way: _Direction, seen: _Seen, asked: Sequence[Sent]) -> set[bytes]:
        """The recipients among those of some messages who could be paid now."""
        token, found = self.connection.token(way.destination), dict[bytes, bytes]()
        for sent in asked:
            try:
                recipient = party_address(sent.message.recipient)
            except ValueError:
                continue
            found[sent.message.recipient] = token.canReceive.encode(recipient)
        answers = _all(token.canReceive, list(found.values()), seen.landed.watch.head.number)
        return {word for word, answer in zip(found, answers, strict=True) if answer}

    def _deliveries(self, way: _Direction, seen: _Seen, ready: Sequence[Sent]) -> Iterator[Outcome]:
        """Deliver what can go, those first that were not tried for longest."""
        tried = way.tried
        in_turn = sorted(ready, key=lambda sent: (tried.get(sent.id, 0), sent.message.nonce))
        # Where nothing more is handed over now, nothing is tried.
        chosen = in_turn[: _TRIES if seen.sending.room else 0]
        handed: list[tuple[Sent, Handed]] = []
        too_early: int | None = None
        for sent, proofs, revert in self._attested(way, seen, chosen):
            if isinstance(proofs, Outcome):
                tried[sent.id] = self._steps
                yield proofs
                continue
            late = revert is not None and revert.reason == _LATE
            if late and too_early is not None and sent.message.lock_time >= too_early:
                tried[sent.id] = self._steps
                yield self._outcome(way, sent, "waiting", _LATE)
                continue
            try:
                if revert is not None and not late:
                    raise revert
                # Its clock said that it may go: the last block's is older than the next one's.
                found = self._deliver(seen, sent.message, proofs)
            except Revert as refused:
                tried[sent.id] = self._steps
                if refused.reason == _LATE:
                    too_early = sent.message.lock_time
                outcome = self._reverted(way, seen, sent, refused)
            else:
                if found is not None and found.receipt is None:
                    handed.append((sent, found))
                    continue
                outcome = self._sent(way, seen, sent, found, "delivered")
            if outcome is not None:
                yield outcome
        if handed:
            # Where blocks are quick they are there by now.
            seen.sending.look()
        for sent, found in handed:
            outcome = self._of_handed(way, seen, sent, found, "delivered")
            if outcome is not None:
                yield outcome

    def _attested(
        self, way: _Direction, seen: _Seen, chosen: Sequence[Sent]
    ) -> Iterator[tuple[Sent, tuple[bytes, ...] | Outcome, Revert | None]]:
        """What delivers each of some messages, or what became of it, and whether a call reverts.

        Asks in as few requests as there may be, right before anything is signed: what arrived,
        what the source keeps, and whether its logs stand.
        """
        source, destination, lane = seen.sent.escrow, seen.landed.escrow, way.lane.id_bytes
        nonces = [sent.message.nonce for sent in chosen]
        arrived = _all(
            destination.has_arrived, [destination.has_arrived.encode(lane, n) for n in nonces]
        )
        pages = self._kept_pages(seen, lane, {nonce // PAGE for nonce in nonces})
        logs = stand(
            source,
            [
                sent.log
                for sent, there in zip(chosen, arrived, strict=True)
                if not there and sent.id not in way.attested
            ],
        )
        going: list[tuple[Sent, tuple[bytes, ...]]] = []
        for sent, there in zip(chosen, arrived, strict=True):
            if there:
                # Somebody was quicker, and its log is still to come.
                continue
            stands = sent.log in logs or sent.id in way.attested
            kept = pages[sent.message.nonce // PAGE]
            decision = decide(self._sighting(way, seen, sent, kept=kept, canonical=stands))
            if decision.act is Act.DELIVER:
                going.append((sent, self._attestations(way, seen, sent.message)))
            else:
                what = "refused" if decision.act is Act.REFUSE else "waiting"
                yield sent, self._outcome(way, sent, what, decision.why), None
        tries = [(sent.message.as_tuple(), *proofs) for sent, proofs in going]
        calls = [(destination, destination.deliver.encode(*each)) for each in tries]
        for (sent, proofs), answer in zip(going, _called(destination, calls), strict=True):
            yield sent, proofs, answer if isinstance(answer, Revert) else None

    @staticmethod
    def _kept_pages(seen: _Seen, lane: bytes, pages: Set[int]) -> dict[int, bool | None]:
        """Whether the source keeps what it logged on each page; None: of that some is missing."""
        outbox, numbers = seen.sent.escrow.outbox, sorted(pages)
        asked = [outbox.encode(lane, page) for page in numbers]
        found = _all(outbox, asked, seen.sent.watch.head.number)
        logged = seen.sent.words()
        return {
            page: bytes(word) == logged[page] or (None if seen.sent.missing else False)
            for page, word in zip(numbers, found, strict=True)
        }

    def _attestations(
        self, way: _Direction, seen: _Seen, message: LaneMessage
    ) -> tuple[bytes, ...]:
        """Sign for each verifier with the keys at hand, once an epoch."""
        number = seen.signers[0].epoch
        epoch, proofs = way.attested.get(message.id, (0, ()))
        if epoch != number:
            chain = self.connection.chains[way.destination]
            domain = Domain(chain.chain_id, way.lane.escrow_on(way.destination))
            proofs = tuple(
                attest(message, signers, domain, self._signing(signers)[: signers.threshold])
                for signers in seen.signers
            )
            way.attested[message.id] = number, proofs
        return proofs

    def _deliver(
        self, seen: _Seen, message: LaneMessage, attestations: tuple[bytes, ...]
    ) -> Handed | None:
        arguments = message.as_tuple(), *attestations
        return seen.sending.send(message.id, seen.landed.escrow.deliver, arguments)

    def _claim(self, seen: _Seen, message: LaneMessage) -> Handed | None:
        about, arguments = _claim_of(message.id), (message.as_tuple(),)
        return seen.sending.send(about, seen.landed.escrow.claim, arguments)

    def _sent(
        self, way: _Direction, seen: _Seen, sent: Sent, handed: Handed | None, what: str
    ) -> Outcome | None:
        if handed is None:
            return self._outcome(way, sent, "waiting", FULL)
        return self._of_handed(way, seen, sent, handed, what)

    @staticmethod
    def _outcome(
        way: _Direction,
        sent: Sent,
        what: str,
        detail: str = "",
        receipt: Receipt | None = None,
        tx_hash: str = "",
    ) -> Outcome:
        message = sent.message
        return Outcome(
            what=what,
            lane=way.lane.id_bytes,
            source=way.source,
            destination=way.destination,
            nonce=message.nonce,
            id=message.id,
            amount=message.amount,
            detail=detail,
            tx_hash=receipt.tx_hash if receipt else tx_hash,
            gas_used=receipt.gas_used if receipt else 0,
        )


def _claim_of(id_: bytes) -> bytes:
    """What a claim is about: the same message as its delivery, but another transaction."""
    return id_ + b"claim"


def _called(
    contract: Contract, calls: Sequence[tuple[Any, bytes]], block: int | None = None
) -> tuple[bytes | Revert, ...]:
    return contract.chain.call_all(calls, block=block) if calls else ()


def _all(method: Method, data: Sequence[bytes], block: int | None = None) -> list[Any]:
    """What a view answers to each of some calls, on one state.

    Raises:
        Revert: one reverted.
    """
    found = []
    for answer in _called(method.contract, [(method.contract, each) for each in data], block):
        if isinstance(answer, Revert):
            raise answer
        found.append(method.decode(answer))
    return found
