# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Trie: what a Merkle-Patricia trie holds under a key, proven by the nodes on the way
@license Apache-2.0
@author Tallystick
@notice Walks a proof of Ethereum's state, or of an account's storage, from its root to the leaf (yellow paper,
        appendix D; EIP-1186 for how nodes answer it).
@dev A proof is the nodes that have a hash, from the root down, one behind the other: each says itself how long it is,
     so that a trie, a key and a value have one proof and no other. Keys are hashes, of 64 nibbles all: a branch
     holds no value. Proofs of absence are none here: a key that is not there is refused.
"""
from contracts.bridge import rlp


# Fifteen full branches of 532 bytes, more than any ledger's tries have; deeper nodes are small.
MAX_PROOF: constant(uint256) = 8192
# Nodes on the way, those inside others too: to lead past it somebody finds 2^120 hashes.
_MAX_NODES: constant(uint256) = 32
_KEY_NIBBLES: constant(uint256) = 64
_BRANCH_ITEMS: constant(uint256) = 17
# First bytes: of an empty string, of a string of 32 bytes, of a node inside its parent (3 to 31 bytes in all).
_EMPTY: constant(uint256) = 128
_HASH: constant(uint256) = 160
_MIN_INSIDE: constant(uint256) = 194
_MAX_INSIDE: constant(uint256) = 222
# First nibble of a path: odd is 1, a leaf's 2 (hex prefix, appendix C).
_ODD: constant(uint256) = 1
_LEAF: constant(uint256) = 2


@internal
@pure
def _leaf(root: bytes32, key: bytes32, proof: Bytes[MAX_PROOF]) -> (uint256, uint256):
    """
    @dev Where in `proof` the value under `key` begins and ends.
    """
    # So that a word can be read wherever an item begins.
    data: Bytes[MAX_PROOF + 32] = concat(proof, empty(bytes32))
    # What is left of the key, from the top.
    path: uint256 = convert(key, uint256)
    left: uint256 = _KEY_NIBBLES
    # The node at hand: where it begins, and its hash unless it lies in its parent.
    at: uint256 = 0
    expected: bytes32 = root
    inside: bool = False
    # Behind the last node that has a hash.
    cursor: uint256 = 0
    for _: uint256 in range(_MAX_NODES):
        assert at < len(proof), "trie: a node is missing"
        start: uint256 = 0
        stop: uint256 = 0
        is_list: bool = False
        start, stop, is_list = rlp._item(convert(extract32(data, at), uint256), at, len(proof))
        assert is_list, "trie: no node"
        if not inside:
            assert keccak256(slice(data, at, unsafe_sub(stop, at))) == expected, "trie: wrong hash"
            # A smaller one lies in its parent; the root does in none.
            assert unsafe_sub(stop, at) >= 32 or at == 0, "trie: small node with a hash"
            cursor = stop
        # Two items, or seventeen.
        one: uint256 = 0
        one_stop: uint256 = 0
        two: uint256 = 0
        two_stop: uint256 = 0
        is_one_list: bool = False
        is_two_list: bool = False
        one, one_stop, is_one_list = rlp._item(
            convert(extract32(data, start), uint256), start, stop
        )
        two, two_stop, is_two_list = rlp._item(
            convert(extract32(data, one_stop), uint256), one_stop, stop
        )
        child: uint256 = one_stop
        if two_stop == stop:
            assert not is_one_list and one != one_stop, "trie: no path"
            head: uint256 = convert(extract32(data, one), uint256)
            flags: uint256 = head >> 252
            assert flags <= _LEAF + _ODD, "trie: unknown kind of node"
            nibbles: uint256 = unsafe_sub(unsafe_sub(one_stop, one) << 1, 2)
            found: uint256 = head << 4
            if flags & _ODD != 0:
                nibbles = unsafe_add(nibbles, 1)
            else:
                assert (head >> 248) & 15 == 0, "trie: two ways to write a path"
                found = convert(extract32(data, unsafe_add(one, 1)), uint256)
            assert nibbles <= left, "trie: path beyond the key"
            assert (found ^ path) >> unsafe_sub(256, nibbles << 2) == 0, "trie: key is not there"
            path = path << (nibbles << 2)
            left = unsafe_sub(left, nibbles)
            if flags >= _LEAF:
                assert left == 0, "trie: leaf before the key's end"
                assert not is_two_list and two != two_stop, "trie: no value"
                assert cursor == len(proof), "trie: more than the proof"
                return two, two_stop
            assert nibbles != 0, "trie: extension by nothing"
        else:
            assert left != 0, "trie: branch behind the key's end"
            nibble: uint256 = path >> 252
            path = path << 4
            left = unsafe_sub(left, 1)
            position: uint256 = start
            first: uint256 = 0
            for i: uint256 in range(_BRANCH_ITEMS):
                assert position < stop, "trie: neither two nor seventeen items"
                if i == nibble:
                    child = position
                first = convert(extract32(data, position), uint256) >> 248
                if first == _HASH:
                    position = unsafe_add(position, 33)
                elif first == _EMPTY:
                    position = unsafe_add(position, 1)
                else:
                    assert first >= _MIN_INSIDE and first <= _MAX_INSIDE, "trie: no such child"
                    position = unsafe_sub(unsafe_add(position, first), 191)
            assert position == stop, "trie: more than seventeen items"
            assert first == _EMPTY, "trie: value in a branch"

        kind: uint256 = convert(extract32(data, child), uint256) >> 248
        assert kind != _EMPTY, "trie: nothing under this key"
        inside = kind != _HASH
        if inside:
            assert kind >= _MIN_INSIDE and kind <= _MAX_INSIDE, "trie: no node to go on to"
            at = child
        else:
            expected = extract32(data, unsafe_add(child, 1))
            at = cursor
    raise "trie: too deep"
