"""Units that went back: what was under way past its deadline, and where it landed again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from tallystick.bridge.message import LaneMessage, message_of
from tallystick.chain import Account, Event, Receipt
from tests.support.actions import COAF
from tests.support.dividend import Dividend
from tests.support.world import DAY, Side, World


def late(world: World, message: LaneMessage) -> None:
    """Both clocks show a message's deadline, or a later moment."""
    for side in (world.home, world.remote):
        side.chain.set_time(max(side.chain.now, message.deadline))


def sent_back(world: World, message: LaneMessage) -> LaneMessage:
    """A message that its recipient did not get in time goes back, from its deadline on."""
    side = world.side_of(message)
    if not side.escrow.has_arrived(message.lane, message.nonce):
        world.deliver(message)
    receipt = side.escrow.return_to_source(message.as_tuple(), sender=side.courier)
    answer = message_of(receipt.one("MessageSent"))
    world.synchronise()
    return answer


@dataclass(frozen=True)
class Returned:
    """A message of a dividend that went back; what took it back may have landed."""

    dividend: Dividend
    message: LaneMessage
    answer: LaneMessage

    @classmethod
    def of(cls, dividend: Dividend, message: LaneMessage, *, landed: bool = True) -> Self:
        """Wait for the deadline of a message of a dividend, and send it back."""
        late(dividend.world, message)
        returned = cls(dividend, message, sent_back(dividend.world, message))
        if landed:
            dividend.world.deliver(returned.answer)
        return returned

    @property
    def bound(self) -> Side:
        """Where the units were bound for."""
        return self.dividend.world.side_of(self.message)

    @property
    def source(self) -> Side:
        """Where they had left, and landed again."""
        return self.dividend.world.side_of(self.answer)

    @property
    def sender(self) -> Account:
        """Whom they landed with."""
        return self.source.investor

    @property
    def words(self) -> tuple[Any, ...]:
        """What the engine takes: the message, and what of its answer does not follow from it."""
        return self.message.as_tuple(), self.answer.nonce, self.answer.lock_time

    def give_up(self, coaf: bytes = COAF) -> Receipt:
        """Somebody has the cash for them given up where they were bound for."""
        side = self.bound
        return Receipt.of(side.engine.give_up(coaf, self.message.as_tuple(), sender=side.outsider))

    def pay(self, coaf: bytes = COAF, payer: Any = None, **how: Any) -> Receipt:
        """The paying agent, or another, has whom they landed with paid."""
        side = self.source
        return Receipt.of(
            side.engine.pay_returned(coaf, *self.words, sender=payer or side.paying_agent, **how)
        )

    def assess(self) -> Receipt:
        """Somebody has what was paid for them entered as owed."""
        side = self.source
        return Receipt.of(side.engine.assess_returned(COAF, *self.words, sender=side.courier))

    def given_up(self) -> tuple[Event, ...]:
        """The events of giving up: the engine's, then its cash."""
        side, gross = self.bound, self.dividend.due(self.message.amount).gross
        known = (COAF, self.message.lane, self.message.id)
        return (
            side.engine.emitted("GivenUp", *known, self.message.amount, gross),
            side.cash.emitted("Transfer", side.engine, side.issuer, gross),
        )

    def paid(
        self, account: Any = None, receiver: Any = None, payer: Any = None, **due: Any
    ) -> tuple[Event, ...]:
        """The events of a payment: the engine's, then cash in, its tax and its net out."""
        side, account = self.source, account or self.sender
        owed = self.dividend.due(self.message.amount, **due)
        payment = (owed.units, owed.gross, owed.tax)
        receiver = receiver or account
        moved = [(payer or side.paying_agent, side.engine, owed.gross)]
        if owed.tax:
            moved.append((side.engine, side.auditor, owed.tax))
        moved.append((side.engine, receiver, owed.net))
        return (
            side.engine.emitted("Paid", COAF, account, self.message.id, payment, receiver),
            *(side.cash.emitted("Transfer", *each) for each in moved),
        )


def short_lived(
    world: World, side: Side, recipient: Any, amount: int, days: int = 2
) -> LaneMessage:
    """Units of a ledger's investor that leave, for a recipient who has so many days to get them."""
    leave = world.network.lock if side is world.home else world.network.burn
    message = leave(side.investor, recipient, amount, deadline=side.chain.now + days * DAY)
    world.synchronise()
    return message
