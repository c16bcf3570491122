"""How messages ended that were between ledgers at an event's close, and what is kept for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tallystick.actions.record import LANDED_CLAIM_DAYS
from tallystick.bridge.figures import Landed, Landing
from tallystick.bridge.message import LaneMessage, party_address
from tallystick.chain import Contract
from tallystick.events.fractions import Fractions

__all__ = ["Landings"]


class Landings(Fractions):
    """Says how messages of an event ended; see `Announcer`."""

    def _is_paid(self, engine: Contract, message: LaneMessage) -> bool:
        return bool(
            engine.is_crossing_paid(self.coaf, message.lane, int(message.kind), message.nonce)
        )

    def landed(self, ledger: str) -> Iterator[tuple[LaneMessage, str]]:
        """Yield the messages that landed there after the close, but left before, and with whom."""
        for message, landing in self._ended(ledger):
            if landing.how is not Landed.WENT_BACK:
                yield message, landing.payee or party_address(message.recipient)

    def _ended(self, ledger: str) -> Iterator[tuple[LaneMessage, Landing]]:
        """The messages that were on their way there at the close, and how they ended since."""
        escrow, day = self.connection.escrow(ledger), self.record.record_day
        for _, message in self.engines.crossing(ledger, day):
            landing = Landing.unpack(int(escrow.landed(message.id)))
            if landing is not None and landing.day > day:
                yield message, landing

    def went_back(self, ledger: str) -> Iterator[LaneMessage]:
        """Yield what was on its way there at the close and went back, and is still kept for."""
        yield from self._kept(ledger, lambda landing: landing.how is Landed.WENT_BACK)

    def lapsed(self, ledger: str, lane: bytes) -> Iterator[LaneMessage]:
        """Yield what landed there from a lane since, and was not claimed for in time."""
        today, record = self.engines.today(ledger), self.record

        def is_over(landing: Landing) -> bool:
            last = max(record.expires, landing.day + LANDED_CLAIM_DAYS)
            return landing.how is not Landed.WENT_BACK and today > last

        yield from (each for each in self._kept(ledger, is_over) if each.lane == lane)

    def _kept(self, ledger: str, which: Callable[[Landing], bool]) -> Iterator[LaneMessage]:
        """What was on its way there at the close, ended so, and is still kept for."""
        engine = self._engine(ledger)
        for message, landing in self._ended(ledger):
            if which(landing) and not self._is_paid(engine, message):
                *_, over = engine.expiry_notice(self.coaf, message.lane)
                # Else it returned with what expired.
                if landing.day > over:
                    yield message

    def came_back(self, ledger: str) -> Iterator[tuple[LaneMessage, LaneMessage, str]]:
        """Yield what was on its way from there at the close, came back, and was not paid for.

        Each with the message that took its units back, and whom they landed with.
        """
        engine, escrow = self._engine(ledger), self.connection.escrow(ledger)
        for message, answer in self.engines.returns(ledger, self.record.record_day):
            landing = Landing.unpack(int(escrow.landed(answer.id)))
            if landing is not None and not self._is_paid(engine, message):
                yield message, answer, landing.payee or party_address(answer.recipient)
