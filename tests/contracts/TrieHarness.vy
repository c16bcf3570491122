# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Trie harness
@license Apache-2.0
@author Tallystick
@notice Exposes the pure modules of storage proofs to their tests.
"""
from contracts.bridge import rlp
from contracts.bridge import trie


@external
@pure
def value(root: bytes32, key: bytes32, proof: Bytes[trie.MAX_PROOF]) -> Bytes[trie.MAX_PROOF]:
    start: uint256 = 0
    stop: uint256 = 0
    start, stop = trie._leaf(root, key, proof)
    return slice(proof, start, stop - start)


@external
@pure
def item(word: uint256, position: uint256, end: uint256) -> (uint256, uint256, bool):
    return rlp._item(word, position, end)
