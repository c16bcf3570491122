"""Acts for a Safe: a batch file that its Transaction Builder loads, to be signed by its owners.

The format is version 1.0 of the builder's `BatchFile`, as github.com/safe-global/safe-react-apps
has it in apps/tx-builder/src/typings/models.ts: chain id and values as text, the moment in
milliseconds. Call data is given whole, so that nothing is encoded anew there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tallystick.acts.act import Done

__all__ = ["safe_batch"]


def safe_batch(acts: Sequence[Done], created_at: int) -> dict[str, Any]:
    """Return acts of one ledger as a batch.

    Args:
        acts: at least one, in the order in which they are to be done; of one sender, the Safe.
        created_at: when, in seconds since 1970.

    Raises:
        ValueError: they are of several ledgers or senders.
    """
    ((chain_id, sender),) = {(act.chain_id, act.sender) for act in acts}
    listed = ", ".join(act.act for act in acts)
    return {
        "version": "1.0",
        "chainId": str(chain_id),
        "createdAt": created_at * 1000,
        "meta": {
            "name": f"{acts[0].ledger}: {listed}",
            "description": "; ".join(act.what.notice for act in acts),
            "createdFromSafeAddress": sender,
        },
        "transactions": [
            {
                "to": act.to,
                "value": "0",
                "data": "0x" + act.data.hex(),
                "contractMethod": None,
                "contractInputsValues": None,
            }
            for act in acts
        ],
    }
