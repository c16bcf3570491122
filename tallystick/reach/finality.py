"""Which blocks of a ledger are final, by the manifest's rule."""

from __future__ import annotations

from tallystick.chain import Chain, UnknownBlock
from tallystick.files.scalars import Finality

__all__ = ["final_block"]


def final_block(chain: Chain, rule: Finality) -> int:
    """Return the last block of a chain that is final by a rule; -1 if none is.

    Raises:
        ChainError: the node doesn't know the rule's block tag.
    """
    if rule.kind == "depth":
        return chain.block_number - (rule.blocks or 0)
    try:
        return chain.block(rule.kind).number
    except UnknownBlock:
        return -1
