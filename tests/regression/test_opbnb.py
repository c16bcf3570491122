"""opBNB, 2023, no loss: withdrawals whose last node lay in its parent waited for good.

Broke: a proof whose leaf is small enough to stand inside its parent was refused.
Holds: nodes inside others are walked as those with a hash are.
Where: `contracts/bridge/trie.vy`.
Told by: who found it.
"""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from tallystick.chain.reverts import reverts
from tests.support.proofs import Source, proof_in
from tests.support.weakened import without
from tests.support.world import World


@pytest.mark.requirement("INV-4")
def test_a_leaf_inside_its_parent_is_proven(world: World) -> None:
    chain = world.home.chain
    ours = chain.deploy("TrieHarness", sender=chain.account(0))
    weak = chain.deploy(without("TrieHarness", "no node lies in another"), sender=chain.account(0))
    source = Source({})
    key = keccak(b"any")
    near, far = key[:31] + b"\x01", key[:31] + b"\x02"
    source.kept[near], source.kept[far] = b"a", b"b"
    proof = b"".join(proof_in(source.kept, near))
    with reverts():
        weak.value(source.kept.root_hash, near, proof)
    assert bytes(ours.value(source.kept.root_hash, near, proof)) == b"a"
