"""What became of what a courier carries, in one step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tallystick.bridge.message import LaneId, MessageId
from tallystick.text import Told

__all__ = ["Applied", "Outcome", "Proved"]


@dataclass(frozen=True, slots=True)
class Outcome(Told):
    """What became of a message in one step.

    `what` is `delivered`, `suspended`, `claimed`, `returned`, `waiting`, `refused` or `failed`;
    `tx_hash` of what waits: it was handed over. `together` is how many messages its transaction
    carries, and `gas_used` its share.
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
    together: int = 1

    @property
    def changed(self) -> bool:
        """Whether a ledger was changed."""
        return self.what in {"delivered", "suspended", "claimed", "returned"}

    @property
    def words(self) -> str:
        """What was carried, for people."""
        return f"nonce {self.nonce} amount {self.amount}"


@dataclass(frozen=True, slots=True)
class Applied(Told):
    """What became of a change of a lane's terms on one ledger; `what`: applied, waiting, failed.

    Source and destination are the ledger at which it is applied; `id` is the lane's.
    """

    what: str
    source: str
    destination: str
    id: LaneId
    detail: str = ""
    tx_hash: str = ""
    gas_used: int = 0

    words = "lane terms"
    called: ClassVar = {"source": "", "destination": "ledger", "id": "lane"}

    @property
    def changed(self) -> bool:
        """Whether a ledger was changed."""
        return self.what == "applied"


@dataclass(frozen=True, slots=True)
class Proved(Told):
    """What became of a proof of the source's storage in one step.

    `what` is `shown` (the root of the escrow's storage, by a block's header), `proven` (a page of
    its outbox), or `failed`; `words` is of which block, or which page. `id` is the lane's.
    """

    what: str
    source: str
    destination: str
    id: LaneId
    words: str
    detail: str = ""
    tx_hash: str = ""
    gas_used: int = 0

    called: ClassVar = {"id": "lane", "words": "of"}

    @property
    def changed(self) -> bool:
        """Whether a ledger was changed."""
        return self.what != "failed"
