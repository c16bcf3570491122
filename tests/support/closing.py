"""A lane that is closed, for tests: keys, last words, and what anyone does."""

from __future__ import annotations

from tallystick.bridge.attestation import attest
from tallystick.bridge.message import CODEC, LaneId, LaneMessage, message_of
from tallystick.chain import Receipt
from tests.support.world import STATED, Side, World, domain_of


def proposed(world: World, side: Side, dust: int = 0) -> bytes:
    """The operator's proposal, whose delay is over."""
    receipt = side.escrow.propose_closing(world.lane, dust, *STATED, sender=side.operator)
    act = receipt.return_value
    delay = world.lane_state(side).terms.change_delay
    for each in (world.home, world.remote):
        each.chain.set_time(max(each.chain.now, side.chain.now + delay))
    return bytes(act)


def begin(world: World, *sides: Side, dust: int = 0) -> None:
    """Both keys of each ledger begin; those of home name the dust."""
    for side in sides or (world.home, world.remote):
        named = dust if side is world.home else 0
        proposed(world, side, named)
        side.escrow.begin_closing(world.lane, named, *STATED, sender=side.administrator)


def say(world: World) -> LaneMessage:
    """Anyone has home say its last word."""
    receipt = world.home.escrow.say_last(world.lane, sender=world.home.outsider)
    return message_of(receipt.one("MessageSent"))


def take_last(world: World, word: LaneMessage, *attestations: bytes) -> Receipt:
    """A courier brings a last word."""
    side = world.side_of(word)
    side.chain.set_time(max(side.chain.now, word.lock_time))
    proofs = attestations or world.network.attestations(word)
    return Receipt.of(side.escrow.take_last(word.as_tuple(), *proofs, sender=side.courier))


def close(world: World, side: Side) -> Receipt:
    """Anyone has a lane closed."""
    return Receipt.of(side.escrow.close_lane(world.lane, sender=side.outsider))


def closed(world: World, dust: int = 0) -> None:
    """The whole way, on both ledgers."""
    begin(world, dust=dust)
    take_last(world, say(world))
    answer = message_of(close(world, world.remote).one("MessageSent"))
    take_last(world, answer)
    close(world, world.home)


def close_another(world: World, lane: bytes) -> None:
    """Close home's lane to a third ledger, of which attestors sign what a test says."""
    side, escrow = world.home, world.home.escrow

    def signed(kind: int, nonce: int, sender: bytes) -> tuple[LaneMessage, bytes]:
        last = LaneMessage(
            CODEC, kind, LaneId(lane), nonce, side.chain.now, 0, 0, sender, bytes(32), 0
        )
        return last, attest(last, world.signers, domain_of(side), world.signer_keys[:2])

    for again in (False, True):
        escrow.propose_closing(lane, 0, *STATED, sender=side.operator)
        side.chain.advance(escrow.lane_state(lane).terms.change_delay)
        escrow.begin_closing(lane, 0, *STATED, sender=side.administrator)
        if not again:
            escrow.cancel_closing(lane, *STATED, sender=side.guardian)
    said = escrow.say_last(lane, sender=side.outsider).one("LastWordSaid").id
    never, _ = signed(2, 7, bytes(32))
    denial, proof = signed(10, 0, never.id)
    escrow.take_denial(denial.as_tuple(), never.as_tuple(), proof, sender=side.courier)
    last, proof = signed(18, 1, bytes(said))
    escrow.take_last(last.as_tuple(), proof, sender=side.courier)
    escrow.close_lane(lane, sender=side.outsider)
