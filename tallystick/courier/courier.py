"""The courier: attests and delivers what is pending on every lane, and claims from suspense.

What to do with a message is decided by a pure function of what was observed of it (`decide`); the
`Courier` around it reads the ledgers, signs and sends. Nothing is kept that the ledgers don't know:
it can be killed and started again, and several may run at once. Nothing is signed unless its
source event stands in a canonical block that is final by the manifest's rule, was emitted by the
lane's escrow, and has the id that the escrow keeps in storage (INV-4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tallystick.bridge.attestation import Domain, SignerSet, attest
from tallystick.bridge.carrying import Act
from tallystick.bridge.message import Kind, LaneId, LaneMessage, MessageId, party_address
from tallystick.chain import Account, ChainError, RawLog, Receipt, Revert
from tallystick.courier.decision import Sighting, decide
from tallystick.files.manifest import LaneEntry
from tallystick.reach.connection import Connection
from tallystick.reach.finality import FinalLogs, stands
from tallystick.text import hex_text

__all__ = ["Courier", "Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message in one step.

    `what` is `delivered`, `suspended`, `claimed`, `waiting`, `refused` or `failed`.
    """

    what: str
    lane: LaneId
    source: str
    destination: str
    nonce: int
    id: MessageId
    amount: int
    detail: str = ""
    tx_hash: str = ""
    gas_used: int = 0

    @property
    def changed(self) -> bool:
        """Whether a ledger was changed."""
        return self.what in {"delivered", "suspended", "claimed"}

    @property
    def words(self) -> str:
        """What was carried, for people."""
        return f"nonce {self.nonce} amount {self.amount}"

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON; the amount is base units as text."""
        return {
            "what": self.what,
            "lane": hex_text(self.lane),
            "source": self.source,
            "destination": self.destination,
            "nonce": self.nonce,
            "id": hex_text(self.id),
            "amount": str(self.amount),
            "detail": self.detail,
            "tx": self.tx_hash,
            "gas": self.gas_used,
        }


@dataclass
class _Direction:
    """One direction of a lane, and what was read of it at both ends."""

    lane: LaneEntry
    source: str
    destination: str
    kind: Kind
    sent: FinalLogs
    landed: FinalLogs
    open: dict[tuple[int, int], RawLog] = field(default_factory=dict)
    settled: set[bytes] = field(default_factory=set)


class Courier:
    """Carries the messages of all lanes of a manifest.

    Args:
        connection: the ledgers.
        account: who sends and pays on every ledger: an account, or its name as
            `Connection.sender` takes it; the manifest's role `courier` when left out.
        attestors: keys to sign with; by default those that the manifest's mnemonic gives.

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
    ) -> None:
        self.connection = connection
        self._senders = {
            ledger: connection.sender(ledger, account)
            if isinstance(account, str)
            else connection.private(account)
            for ledger in connection.chains
        }
        self._keys: dict[str, Account] = {
            str(attestor.address): connection.private(attestor)
            for attestor in (connection.keys("attestor") if attestors is None else attestors)
        }
        self._directions = [
            _Direction(
                lane,
                source,
                destination,
                kind,
                connection.final_logs(source),
                connection.final_logs(destination),
            )
            for lane in connection.manifest.lanes
            for source, destination, kind in (
                (lane.home, lane.remote, Kind.ISSUE),
                (lane.remote, lane.home, Kind.RELEASE),
            )
        ]

    @property
    def attestors(self) -> tuple[str, ...]:
        """Addresses whose keys are here."""
        return tuple(self._keys)

    def step(self) -> tuple[Outcome, ...]:
        """Carry what can be carried now; returns what was done and what waits.

        Raises:
            ChainError: a node can't be reached; the next step goes on where this one stood.
        """
        return tuple(self.carry())

    def carry(self) -> Iterator[Outcome]:
        """Do what `step` does, one message at a time: an error takes back nothing.

        Raises:
            ChainError: a node can't be reached; what goes between others was carried.
        """
        errors = []
        for direction in self._directions:
            try:
                yield from self._step(direction)
            except ChainError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def _step(self, way: _Direction) -> Iterator[Outcome]:
        self._read(way)
        final = way.sent.final()
        for place, log in sorted(way.open.items()):
            message, logged_id = self._parsed(way, log)
            if logged_id in way.settled:
                del way.open[place]
                continue
            outcome = self._carry(way, log, message, logged_id, final)
            if outcome is not None:
                yield outcome

    # ----------------------------------------------------------------------- reading

    def _read(self, way: _Direction) -> None:
        """Read what became final: what the source sent, what the destination is done with."""
        if way.landed.forgets():
            # What was done with may have to be done again.
            way.settled = set()
            way.sent.forget()
            way.open = {}
        if way.sent.forgets():
            way.open = {}
        lane = way.lane.id_bytes
        for log in way.sent.read(self.connection.escrow(way.source), [("MessageSent", [lane])]):
            way.open[log.block_number, log.log_index] = log
        ends = [(name, [lane]) for name in ("MessageDelivered", "SuspenseClaimed")]
        for log in way.landed.read(self.connection.escrow(way.destination), ends):
            args = self.connection.chains[way.destination].decode_log(log).args
            if not args.get("suspended"):
                way.settled.add(bytes(args["id"]))

    def _parsed(self, way: _Direction, log: RawLog) -> tuple[LaneMessage, bytes]:
        args = self.connection.chains[way.source].decode_log(log).args
        return LaneMessage.from_event(args["message"]), bytes(args["id"])

    def _sighting(
        self, way: _Direction, log: RawLog, message: LaneMessage, logged_id: bytes, final: int
    ) -> Sighting:
        source, destination = (self.connection.escrow(n) for n in (way.source, way.destination))
        lane = way.lane.id_bytes
        arrived = bool(destination.has_arrived(lane, message.nonce))
        suspended = int(destination.suspended(message.id)) if arrived else 0
        return Sighting(
            message=message,
            logged_id=logged_id,
            emitter=str(log.address),
            escrow=way.lane.escrow_on(way.source),
            lane=lane,
            kind=way.kind,
            block=log.block_number,
            final=final,
            canonical=arrived or stands(self.connection.chains[way.source], source, log),
            outbox=bytes(32) if arrived else bytes(source.outbox(lane, message.nonce)),
            arrived=arrived,
            suspended=suspended,
            receivable=bool(suspended) and self._receivable(way, message),
            clock=self.connection.chains[way.destination].now,
            paused="" if arrived else self._paused(way),
        )

    def _receivable(self, way: _Direction, message: LaneMessage) -> bool:
        try:
            recipient = party_address(message.recipient)
        except ValueError:
            return False
        token = self.connection.token(way.destination)
        return bool(token.canReceive(recipient))

    def _paused(self, way: _Direction) -> str:
        state = self.connection.escrow(way.destination).lane_state(way.lane.id_bytes)
        if int(state.paused_directions) & 2:
            return "inbound is paused on the lane"
        return ""

    # ------------------------------------------------------------------------ acting

    def _carry(
        self, way: _Direction, log: RawLog, message: LaneMessage, logged_id: bytes, final: int
    ) -> Outcome | None:
        try:
            decision = decide(self._sighting(way, log, message, logged_id, final))
            if decision.act is Act.DONE:
                return None
            if decision.act is Act.CLAIM:
                return self._sent(way, message, "claimed", self._claim(way, message))
            if decision.act is Act.DELIVER:
                attestation, missing = self._attestation(way, message)
                if missing:
                    return self._outcome(way, message, "waiting", missing)
                receipt = self._deliver(way, message, attestation)
                delivered = [
                    event
                    for event in receipt.named("MessageDelivered")
                    if bytes(event.args["id"]) == message.id
                ]
                held = any(event.args["suspended"] for event in delivered)
                return self._sent(way, message, "suspended" if held else "delivered", receipt)
            what = "refused" if decision.act is Act.REFUSE else "waiting"
            return self._outcome(way, message, what, decision.why)
        except Revert as revert:
            # Another courier may have been quicker; that is no failure.
            if self.connection.escrow(way.destination).has_arrived(
                way.lane.id_bytes, message.nonce
            ) and "delivered already" in str(revert):
                return None
            return self._outcome(way, message, "failed", str(revert))

    def _signer_set(self, way: _Direction) -> SignerSet | None:
        """Who signs in the newest epoch of the lane that is valid on its destination now."""
        escrow, lane = self.connection.escrow(way.destination), way.lane.id_bytes
        now = self.connection.chains[way.destination].now
        for number in range(int(escrow.lane_state(lane).epoch), 0, -1):
            epoch = escrow.epoch_at(lane, number)
            if int(epoch.valid_from) <= now < int(epoch.valid_until):
                verifier = self.connection.contract(
                    way.destination, "QuorumVerifier", str(epoch.verifier)
                )
                kept = verifier.signer_set()
                return SignerSet.of(number, int(kept.threshold), map(str, kept.signers))
        return None

    def _attestation(self, way: _Direction, message: LaneMessage) -> tuple[bytes, str]:
        """Sign with the keys at hand; the second is what is missing, or nothing."""
        signers = self._signer_set(way)
        if signers is None:
            return b"", "the lane has no valid epoch there"
        keys = [
            account.key
            for address in signers.signers
            if (account := self._keys.get(address)) is not None and account.key is not None
        ]
        if len(keys) < signers.threshold:
            return b"", f"{len(keys)} of {signers.threshold} attestor keys are here"
        chain = self.connection.chains[way.destination]
        domain = Domain(chain.chain_id, way.lane.escrow_on(way.destination))
        return attest(message, signers, domain, keys[: signers.threshold]), ""

    def sender(self, ledger: str) -> Account:
        """Return the account that pays on a ledger."""
        return self._senders[ledger]

    def _deliver(self, way: _Direction, message: LaneMessage, attestation: bytes) -> Receipt:
        receipt: Receipt = self.connection.escrow(way.destination).deliver(
            message.as_tuple(), attestation, sender=self.sender(way.destination)
        )
        return receipt

    def _claim(self, way: _Direction, message: LaneMessage) -> Receipt:
        receipt: Receipt = self.connection.escrow(way.destination).claim(
            message.as_tuple(), sender=self.sender(way.destination)
        )
        return receipt

    def _sent(self, way: _Direction, message: LaneMessage, what: str, receipt: Receipt) -> Outcome:
        detail = "its recipient can't receive" if what == "suspended" else ""
        return self._outcome(way, message, what, detail, receipt)

    @staticmethod
    def _outcome(
        way: _Direction,
        message: LaneMessage,
        what: str,
        detail: str = "",
        receipt: Receipt | None = None,
    ) -> Outcome:
        return Outcome(
            what=what,
            lane=way.lane.id_bytes,
            source=way.source,
            destination=way.destination,
            nonce=message.nonce,
            id=message.id,
            amount=message.amount,
            detail=detail,
            tx_hash=receipt.tx_hash if receipt else "",
            gas_used=receipt.gas_used if receipt else 0,
        )
