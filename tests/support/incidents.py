"""What incidents elsewhere have in common, tried here: thieves, stolen keys, forged messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tallystick.bridge.attestation import SignerSet
from tallystick.bridge.message import LaneMessage, party
from tallystick.bridge.outbox import page_word
from tallystick.bridge.proof import page_attestation
from tallystick.build import Artifact
from tallystick.chain import Contract
from tests.support.flows import courier_of
from tests.support.proofs import Prover, Source
from tests.support.world import (
    STATED,
    Side,
    World,
    domain_of,
    lane_terms,
    signed,
)

__all__ = [
    "FAR",
    "ProofLane",
    "carried",
    "false_release",
    "forged",
    "forwarding",
    "in_suspense",
    "locked",
    "log_alike",
    "logged",
    "page_of",
    "second_lane",
    "settle",
    "stolen",
    "thieves",
    "thieves_sign",
]

# A deadline beyond every test, and within ninety days of when worlds begin.
FAR: Final = 1_757_000_000
_THIEVES: Final = (43, 44, 45)


def stolen(side: Side) -> int:
    """What the thief has; an account that may hold units, as whoever launders has one."""
    return side.balance(side.buyer)


def forged(world: World, amount: int = 10**9, **changed: Any) -> LaneMessage:
    """Units for the thief on the remote ledger that nobody locked at home."""
    recipient = party(world.remote.buyer.address)
    return world.message(
        **{"amount": amount, "recipient": recipient, "deadline": FAR, "nonce": 7, **changed}
    )


def false_release(world: World, amount: int, **changed: Any) -> LaneMessage:
    """Units for the thief at home that nobody burned on the remote ledger."""
    recipient = party(world.home.buyer.address)
    changed = {"nonce": 7, "recipient": recipient, "deadline": FAR, **changed}
    return world.message(kind=2, amount=amount, **changed)


def thieves(side: Side, epoch: int = 2) -> SignerSet:
    """Attestors whose keys the thieves made themselves."""
    accounts = [side.chain.account(index).address for index in _THIEVES]
    return SignerSet.of(epoch, 2, accounts)


def thieves_sign(world: World, message: LaneMessage, epoch: int = 2) -> bytes:
    """What two of them sign."""
    side = world.side_of(message)
    keys = [side.chain.account(index).key for index in _THIEVES[:2]]
    return signed(message, thieves(side, epoch), domain_of(side), [key for key in keys if key])


def in_suspense(world: World, amount: int, recipient: Any = None) -> LaneMessage:
    """Units of the investor that came home for somebody who can't hold them yet."""
    world.arrived(10 * amount)
    message = world.burned(amount, recipient or world.home.outsider)
    assert world.deliver(message).return_value is False
    return message


def forwarding(side: Side, target: Any) -> str:
    """Where a contract stands that hands every call on to another, in its own name."""
    address = "0x" + "f0" * 20
    code = f"365f5f375f5f365f5f73{str(target)[2:]}5af13d5f5f3e602a573d5ffd5b3d5ff3"
    side.chain.set_code(address, bytes.fromhex(code))
    return address


def logged(side: Side, message: LaneMessage) -> tuple[tuple[bytes, ...], bytes]:
    """Topics and data of the log in which an escrow says that it sent a message."""
    ((event, *_),) = [side.escrow.interface.events_by_name["MessageSent"]]
    data = side.escrow.message_id.encode(message.as_tuple())[4:]
    return (event.topic, message.lane, message.id), bytes(data)


def log_alike(side: Side, message: LaneMessage) -> str:
    """A contract that is no escrow logs that it sent a message; returns where it stands."""
    address = "0x" + "e1" * 20
    # The call's first three words are the topics, the rest the data.
    code = "6060360360605f37" + "604035" + "602035" + "5f35" + "60603603" + "5f" + "a3" + "00"
    side.chain.set_code(address, bytes.fromhex(code))
    topics, data = logged(side, message)
    side.chain.send(sender=side.attacker, to=address, data=b"".join(topics) + data)
    return address


def settle(world: World) -> None:
    """Both ledgers grow past finality, their clocks alike."""
    world.synchronise()
    for side in (world.home, world.remote):
        side.chain.mine(3)


def carried(world: World) -> list[tuple[str, str]]:
    """What a courier with all attestors' keys does in a step, and why."""
    return [(each.what, each.detail) for each in courier_of(world.network).step()]


def second_lane(
    world: World,
    custody: Contract | None = None,
    side: Side | None = None,
    key: Any = None,
    **changed: Any,
) -> tuple[bytes, Contract]:
    """A lane to a third ledger, home's by default, and its custody: by default of its own.

    Opened by operator and administrator, or by one key that does what both do.
    """
    here = side or world.home
    there = custody or here.new_custody()
    given = lane_terms(here, **{"custody": there.address, **changed})
    here.escrow.propose_lane(given, *STATED, sender=key or here.operator)
    receipt = here.escrow.open_lane(given, *STATED, sender=key or here.administrator)
    return bytes(receipt.return_value), there


def locked(world: World, lane: bytes, amount: int) -> None:
    """Units of the investor locked on one of home's lanes."""
    side = world.home
    recipient = party(side.investor.address)
    side.custody_of(lane).lock(lane, recipient, amount, FAR, sender=side.investor)


@dataclass(frozen=True)
class ProofLane:
    """The lane's remote end once it trusts proofs of home's outbox alone."""

    world: World
    prover: Prover
    epoch: int = 2

    @classmethod
    def of(cls, world: World, code: str | Artifact = "ProofVerifier") -> ProofLane:
        """Let the lane's next verifier be a proof verifier, of some code."""
        home, remote = world.home, world.remote
        escrow = str(home.escrow.address).lower()
        prover = Prover(remote.chain, caip2=home.chain.caip2, escrow=escrow, code=code)
        world.rotate(remote, prover.verifier)
        return cls(world, prover)

    def storage(self) -> Mapping[bytes, int]:
        """What the home ledger holds for its escrow, slot by slot."""
        account = bytes.fromhex(str(self.world.home.escrow.address)[2:])
        slots = self.world.home.chain._state.slots
        return {
            slot.to_bytes(32, "big"): word
            for (owner, slot), word in slots.items()
            if owner == account and word
        }

    def source(self, **changed: Any) -> Source:
        """The home ledger as tries: its true storage, unless changed."""
        escrow = str(self.world.home.escrow.address).lower()
        return Source(**{"storage": self.storage(), "escrow": escrow, **changed})

    def prove(self, root: bytes, proof: Sequence[bytes]) -> Any:
        """Prove the lane's first page by some nodes."""
        arguments = (root, self.world.lane, 0, b"".join(proof))
        return self.prover.verifier.prove_page(*arguments, sender=self.prover.caller)

    def deliver(self, message: LaneMessage) -> Any:
        """Deliver a message as the only one of its page."""
        attestation = page_attestation(self.epoch, [message.id], 0)
        return self.world.deliver(message, attestation).return_value


def page_of(message: LaneMessage) -> int:
    """What a page of an outbox says on which only that message stands."""
    return int.from_bytes(page_word([message.id]), "big")
