"""A change of a lane's terms that is due: anyone applies it, and a courier is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tallystick.bridge.message import LaneId
from tallystick.chain import Revert
from tallystick.courier.end import LaneEnd
from tallystick.courier.outcome import Applied
from tallystick.reach.sending import Sending

__all__ = ["apply_due"]

# Its clock said that it may go, the last block's is older; or somebody was quicker, or cancelled.
_NOT_NOW: Final = frozenset({"lanes: change waits", "lanes: no change pending"})


def apply_due(ledger: str, end: LaneEnd, sending: Sending) -> Iterator[Applied]:
    """Apply the change of terms that waits on a lane's end, once its delay is over.

    Args:
        ledger: the end's.
        end: it, as this step read it.
        sending: what sends there.

    Raises:
        ChainError: the node can't be reached.
        Unfunded: the account can't pay for it.
    """
    lane, about = LaneId(end.lane), end.lane + b"terms"
    due, handed = int(end.pending.applies_from), sending.of(about)
    if due and due <= end.watch.clock and (handed is None or handed.told):
        try:
            handed = sending.send(about, end.escrow.apply_lane_terms, (end.lane,))
        except Revert as revert:
            if revert.reason not in _NOT_NOW:
                yield Applied("failed", ledger, ledger, lane, str(revert))
            return
        if handed is not None and handed.receipt is None:
            # Where blocks are quick it is there by now.
            sending.look()
    if handed is None or handed.told:
        return
    if handed.receipt is None:
        yield Applied("waiting", ledger, ledger, lane, handed.words, handed.tx_hash)
        return
    handed.tell()
    failure, receipt = sending.failure(handed), handed.receipt
    if failure is None:
        yield Applied(
            "applied", ledger, ledger, lane, tx_hash=receipt.tx_hash, gas_used=receipt.gas_used
        )
    elif failure.reason not in _NOT_NOW:
        yield Applied("failed", ledger, ledger, lane, str(failure), receipt.tx_hash)
