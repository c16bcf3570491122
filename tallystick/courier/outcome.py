"""What became of what a courier carries, in one step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tallystick.bridge.message import LaneId, MessageId
from tallystick.text import hex_text

__all__ = ["Applied", "Outcome", "Proved"]


@dataclass(frozen=True, slots=True)
class Outcome:
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
            "together": self.together,
        }


@dataclass(frozen=True, slots=True)
class Applied:
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

    @property
    def changed(self) -> bool:
        """Whether a ledger was changed."""
        return self.what == "applied"

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "what": self.what,
            "lane": hex_text(self.id),
            "ledger": self.destination,
            "detail": self.detail,
            "tx": self.tx_hash,
            "gas": self.gas_used,
        }


@dataclass(frozen=True, slots=True)
class Proved:
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

    @property
    def changed(self) -> bool:
        """Whether a ledger was changed."""
        return self.what != "failed"

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "what": self.what,
            "lane": hex_text(self.id),
            "source": self.source,
            "destination": self.destination,
            "of": self.words,
            "detail": self.detail,
            "tx": self.tx_hash,
            "gas": self.gas_used,
        }
