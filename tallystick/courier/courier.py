"""The courier: attests and delivers what is pending on every lane, and ends what is in suspense.

What to do with a message is decided by a pure function of what was observed of it (`decide`), and
which of them go in one transaction by another (`together`); the `Courier` around them reads the
ledgers, signs and sends. Nothing is kept that the ledgers don't know,
but what was handed over and is not final (`Sending`): it can be killed and started again, and
several may run at once. Nothing is signed unless its source event stands in a canonical block that
is final by the manifest's rule, was emitted by the lane's escrow, and has the id that the escrow
keeps in storage (INV-4).

Each direction goes on by itself: what is wrong at one stops no other, and is said. In a step what
the messages of a direction have in common is asked for once, and of each only what it takes to
carry it: however many wait, they cost no request and keep none behind them. A batch is all or none:
whatever refuses one of its messages, the others go without it.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence, Set
from typing import Any, Final

from tallystick.bridge.carrying import Act, Halt
from tallystick.bridge.message import Kind, LaneMessage, party_address
from tallystick.bridge.outbox import PAGE, page_word
from tallystick.chain import Account, ChainError, Revert
from tallystick.chain.contract import Method
from tallystick.chain.rpc import Unfunded
from tallystick.courier.decision import decide
from tallystick.courier.direction import Direction, Seen, claim_of, return_of
from tallystick.courier.end import LaneEnd, Sent
from tallystick.courier.loads import Load, load_of, loads_of
from tallystick.courier.outcome import Applied, Outcome, Proved
from tallystick.courier.proving import Pages, Prover
from tallystick.courier.terms import apply_due
from tallystick.courier.verifiers import Signing, Trusted, Verifiers
from tallystick.files.manifest import LaneEntry
from tallystick.reach.connection import Connection
from tallystick.reach.finality import stand
from tallystick.reach.sending import FULL, Handed, Ledgers

__all__ = ["Courier", "Outcome"]

Carried = Outcome | Proved | Applied | Halt

# In a step so many messages of a direction are tried, and so many in suspense asked about.
_TRIES: Final = 100
_ASKED: Final = 200
# A direction whose node kept us waiting rests for longer, but no longer than so many seconds.
_LONGEST_REST: Final = 30.0
_LATE: Final = tuple(f"{who}: before its lock time" for who in ("transit", "denials", "closing"))


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
        self._signing = Signing(self._keys)
        self._verifiers = Verifiers(connection)
        self._steps = 0
        self._directions = [
            Direction(lane, source, destination, kind)
            for lane in connection.manifest.lanes
            for source, destination, kind in (
                (lane.home, lane.remote, Kind.ISSUE),
                (lane.remote, lane.home, Kind.RELEASE),
            )
        ]
        self._ends: dict[tuple[str, bytes], LaneEnd] = {}
        self._read_in: dict[tuple[str, bytes], int] = {}
        self._eras: dict[bytes, tuple[int, int]] = {}

    @property
    def attestors(self) -> tuple[str, ...]:
        """Addresses whose keys are here."""
        return tuple(self._keys)

    def sender(self, ledger: str) -> Account:
        """Return the account that pays on a ledger."""
        return self._ledgers.sender(ledger)

    def step(self) -> tuple[Carried, ...]:
        """Carry what can be carried now; returns what was done, what waits and what halts."""
        return tuple(self.carry())

    def carry(self) -> Iterator[Carried]:
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

    def _step(self, way: Direction) -> Iterator[Carried]:
        seen = self._seen(way)
        yield from apply_due(way.destination, seen.landed, seen.sending)
        if seen.sent.missing:
            logged = f"{way.source} logged {seen.sent.missing}: asked for again"
            yield Halt("incomplete", way.source, way.destination, way.lane.id_bytes, logged)
        ready, held = list[Sent](), list[Sent]()
        for sent in list(seen.sent.sent()):
            id_ = sent.message.id
            handed, what = way.handed(seen, id_)
            if handed is not None:
                outcome = way.of_handed(seen, sent, handed, what)
                if outcome is not None:
                    yield outcome
            elif seen.landed.is_settled(sent.id):
                way.drop(seen, sent)
            elif seen.landed.held(sent.id):
                held.append(sent)
            elif seen.landed.held(sent.id) is None:
                # As if its source kept it: that is asked of those alone that would go then.
                decision = decide(way.sighting(seen, sent))
                why = decision.why or seen.missing
                if decision.act is Act.DELIVER and not why:
                    ready.append(sent)
                else:
                    refused = decision.act is Act.REFUSE
                    yield way.outcome(sent, "refused" if refused else "waiting", why)
        yield from self._suspense(way, seen, held)
        yield from self._deliveries(way, seen, ready)

    # ----------------------------------------------------------------------- reading

    def _seen(self, way: Direction) -> Seen:
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
                    each.forget()
        for end, ledger in zip(ends, (way.source, way.destination), strict=True):
            key = ledger, lane.id_bytes
            if self._read_in.get(key) != self._steps:
                end.read()
                self._read_in[key] = self._steps
        sending = self._ledgers.sending(way.destination)
        epoch, trusted = self._verifiers.newest(way.destination, ends[1])
        return Seen(ends[0], ends[1], sending, epoch, trusted, self._keys_missing(trusted))

    def _end(self, lane: LaneEntry, ledger: str) -> LaneEnd:
        key = ledger, lane.id_bytes
        if key not in self._ends:
            watch, escrow = self._ledgers.watch(ledger), self.connection.escrow(ledger)
            self._ends[key] = LaneEnd(watch, escrow, lane.id_bytes, ledger == lane.home)
        return self._ends[key]

    def _keys_missing(self, trusted: Sequence[Trusted]) -> str:
        """What is missing to sign, or nothing."""
        if not trusted:
            return "the lane has no valid epoch there"
        for number, one in enumerate(trusted, 1):
            # Whoever takes proofs may know what it needs by now.
            missing = "" if one.prover else self._signing.missing(one.signers)
            if missing:
                of = f" of verifier {number}" if len(trusted) > 1 else ""
                return f"{missing} attestor keys{of} are here"
        return ""

    # ------------------------------------------------------------------------ acting

    def _suspense(self, way: Direction, seen: Seen, held: Sequence[Sent]) -> Iterator[Outcome]:
        """End what waits in suspense: claimed if it can be paid, returned past its deadline.

        Of many some are asked about in turn.
        """
        first = way.turn if way.turn < len(held) else 0
        asked, way.turn = held[first : first + _ASKED], first + _ASKED
        receivable = self._receivable(way, seen, asked)
        for sent in held:
            decision = decide(
                way.sighting(
                    seen,
                    sent,
                    suspended=seen.landed.held(sent.id) or 0,
                    receivable=sent.message.recipient in receivable,
                )
            )
            if decision.act not in (Act.CLAIM, Act.RETURN):
                refused = decision.act is Act.REFUSE
                what = "refused" if refused else "waiting"
                yield way.outcome(sent, what, decision.why)
                continue
            back = decision.act is Act.RETURN
            try:
                handed = self._end_of(seen, sent.message, back=back)
            except Revert as revert:
                outcome = way.reverted(seen, sent, revert)
            else:
                outcome = self._sent(way, seen, sent, handed, "returned" if back else "claimed")
            if outcome is not None:
                yield outcome

    def _receivable(self, way: Direction, seen: Seen, asked: Sequence[Sent]) -> set[bytes]:
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

    def _deliveries(
        self, way: Direction, seen: Seen, ready: Sequence[Sent]
    ) -> Iterator[Outcome | Proved]:
        """Deliver what can go, those first that were not tried for longest."""
        tried = way.tried
        in_turn = sorted(ready, key=lambda sent: (tried.get(sent.id, 0), sent.message.nonce))
        # Where nothing more is handed over now, nothing is tried.
        chosen = in_turn[: _TRIES if seen.sending.room else 0]
        standing = yield from self._standing(way, seen, chosen)
        going, pages = yield from self._proven(way, seen, standing)
        yield from self._loaded(way, seen, going, pages)

    def _standing(
        self, way: Direction, seen: Seen, chosen: Sequence[Sent]
    ) -> Generator[Outcome, None, list[Sent]]:
        """Those of some messages that may be signed; says what of the others.

        Asks in as few requests as there may be, right before anything is signed: what arrived,
        what the source keeps, and whether its logs stand.
        """
        source, destination, lane = seen.sent.escrow, seen.landed.escrow, way.lane.id_bytes
        nonces = [sent.message.nonce for sent in chosen]
        denials = [sent.id for sent in chosen if sent.message.denies is not None]
        taken = iter(
            _all(destination.denial_taken, [destination.denial_taken.encode(i) for i in denials])
        )
        arrived = _all(
            destination.has_arrived, [destination.has_arrived.encode(lane, n) for n in nonces]
        )
        # What a denial denies may have taken its nonce.
        arrived = [
            there if sent.message.denies is None else next(taken)
            for sent, there in zip(chosen, arrived, strict=True)
        ]
        pages = self._kept_pages(seen, lane, {nonce // PAGE for nonce in nonces})
        logs = stand(
            source,
            [
                sent.log
                for sent, there in zip(chosen, arrived, strict=True)
                if not there and sent.id not in way.attested
            ],
        )
        going: list[Sent] = []
        for sent, there in zip(chosen, arrived, strict=True):
            if there:
                # Somebody was quicker, and its log is still to come.
                continue
            stands = sent.log in logs or sent.id in way.attested
            kept = pages[sent.message.nonce // PAGE]
            decision = decide(way.sighting(seen, sent, kept=kept, canonical=stands))
            if decision.act is Act.DELIVER:
                going.append(sent)
                continue
            way.tried[sent.id] = self._steps
            what = "refused" if decision.act is Act.REFUSE else "waiting"
            yield way.outcome(sent, what, decision.why)
        return going

    def _proven(
        self, way: Direction, seen: Seen, standing: list[Sent]
    ) -> Generator[Outcome | Proved, None, tuple[list[Sent], dict[str, Pages]]]:
        """Those of some messages that each verifier by proof knows, and what it knows."""
        pages: dict[str, Pages] = {}
        going = standing
        for one in seen.trusted:
            if one.prover is None:
                continue
            address = str(one.prover.address)
            if address not in way.provers:
                way.provers[address] = Prover(
                    way.source,
                    way.destination,
                    way.lane.id_bytes,
                    self.connection.manifest.ledger(way.source).caip2,
                    one,
                    self._signing,
                )
            prover = way.provers[address]
            known = pages[address] = yield from prover.carry(seen.sent, seen.sending, going)
            for sent in going:
                if not known.prove(sent):
                    way.tried[sent.id] = self._steps
                    yield way.outcome(sent, "waiting", known.why, tx_hash=known.tx_hash)
            going = [sent for sent in going if known.prove(sent)]
        return going, pages

    def _loaded(
        self, way: Direction, seen: Seen, going: Sequence[Sent], pages: Mapping[str, Pages]
    ) -> Iterator[Outcome]:
        """Deliver some messages: many at once where they can go together, else one by one."""
        handed: list[tuple[Load, Handed]] = []
        fresh = loads_of(
            way, seen, [s for s in going if s.id not in way.alone], pages, self._signing
        )
        single = [sent for sent in going if sent.id in way.alone]
        batches = [load for load in fresh if len(load.sent) > 1]
        single += [load.sent[0] for load in fresh if len(load.sent) == 1]
        for load, answer in zip(batches, _called([load.call for load in batches]), strict=True):
            revert = answer if isinstance(answer, Revert) else None
            if isinstance(answer, bytes) and not int.from_bytes(answer, "big"):
                # All of it is here: somebody was quicker.
                continue
            # Its clock said that it may go: the last block's is older than the next one's.
            if revert is None or revert.reason in _LATE:
                revert = yield from self._hand_over(way, seen, load, handed)
            if revert is not None:
                single += load.sent
        # Each by itself says what is wrong with it; what nothing is wrong with goes together.
        good, late = list[Sent](), list[Load]()
        by_itself = [load_of(way, seen, [sent], pages, self._signing) for sent in single]
        for load, answer in zip(by_itself, _called([each.call for each in by_itself]), strict=True):
            if not isinstance(answer, Revert):
                good += load.sent
            elif answer.reason in _LATE:
                late.append(load)
            else:
                yield from self._refused(way, seen, load, answer)
        for load in loads_of(way, seen, good, pages, self._signing):
            revert = yield from self._hand_over(way, seen, load, handed)
            if revert is not None and len(load.sent) > 1:
                late += [load_of(way, seen, [sent], pages, self._signing) for sent in load.sent]
            elif revert is not None:
                yield from self._refused(way, seen, load, revert)
        too_early: int | None = None
        for load in late:
            lock_time = load.sent[0].message.lock_time
            revert = Revert(reason=_LATE[0])
            if too_early is None or lock_time < too_early:
                revert = yield from self._hand_over(way, seen, load, handed)
            if revert is not None:
                too_early = lock_time if revert.reason in _LATE else too_early
                yield from self._refused(way, seen, load, revert)
        if handed:
            # Where blocks are quick they are there by now.
            seen.sending.look()
        for load, found in handed:
            yield from self._of_load(way, seen, load, found)

    def _hand_over(
        self, way: Direction, seen: Seen, load: Load, handed: list[tuple[Load, Handed]]
    ) -> Generator[Outcome, None, Revert | None]:
        """Deliver a load: says what became of it, or notes that it waits; why it reverts."""
        try:
            found = self._deliver(seen, load)
        except Revert as revert:
            return revert
        if found is None:
            for sent in load.sent:
                yield way.outcome(sent, "waiting", FULL)
        elif found.receipt is None:
            handed.append((load, found))
        else:
            yield from self._of_load(way, seen, load, found)
        return None

    def _of_load(self, way: Direction, seen: Seen, load: Load, handed: Handed) -> Iterator[Outcome]:
        for sent in load.sent:
            outcome = way.of_handed(seen, sent, handed, "delivered")
            if outcome is not None:
                yield outcome

    def _refused(self, way: Direction, seen: Seen, load: Load, revert: Revert) -> Iterator[Outcome]:
        """Say why a message does not go, and let it spoil no batch."""
        (sent,) = load.sent
        way.tried[sent.id] = self._steps
        way.alone.add(sent.id)
        outcome = way.reverted(seen, sent, revert)
        if outcome is not None:
            yield outcome

    @staticmethod
    def _kept_pages(seen: Seen, lane: bytes, pages: Set[int]) -> dict[int, bool | None]:
        """Whether the source keeps what it logged on each page; None: of that some is missing."""
        outbox, numbers = seen.sent.escrow.outbox, sorted(pages)
        asked = [outbox.encode(lane, page) for page in numbers]
        found = _all(outbox, asked, seen.sent.watch.head.number)
        return {
            page: bytes(word) == page_word(seen.sent.ids(page))
            or (None if seen.sent.missing else False)
            for page, word in zip(numbers, found, strict=True)
        }

    def _deliver(self, seen: Seen, load: Load) -> Handed | None:
        return seen.sending.send(load.about, load.method, load.arguments)

    def _end_of(self, seen: Seen, message: LaneMessage, *, back: bool) -> Handed | None:
        escrow, arguments = seen.landed.escrow, (message.as_tuple(),)
        if back:
            return seen.sending.send(return_of(message.id), escrow.return_to_source, arguments)
        return seen.sending.send(claim_of(message.id), escrow.claim, arguments)

    def _sent(
        self, way: Direction, seen: Seen, sent: Sent, handed: Handed | None, what: str
    ) -> Outcome | None:
        if handed is None:
            return way.outcome(sent, "waiting", FULL)
        return way.of_handed(seen, sent, handed, what)


def _called(
    calls: Sequence[tuple[Any, bytes]], block: int | None = None
) -> tuple[bytes | Revert, ...]:
    """What some calls of contracts of one ledger give back, on one state."""
    return calls[0][0].chain.call_all(calls, block=block) if calls else ()


def _all(method: Method, data: Sequence[bytes], block: int | None = None) -> list[Any]:
    """What a view answers to each of some calls, on one state.

    Raises:
        Revert: one reverted.
    """
    found = []
    for answer in _called([(method.contract, each) for each in data], block):
        if isinstance(answer, Revert):
            raise answer
        found.append(method.decode(answer))
    return found
