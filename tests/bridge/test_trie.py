"""Tries against py-trie, RLP against `rlp`: what is there is proven, by one proof, and no more."""

from __future__ import annotations

from typing import Any

import pytest
import rlp
from eth_utils.crypto import keccak
from hypothesis import assume, given
from hypothesis import strategies as st
from trie import HexaryTrie

from tallystick.bridge.proof import nodes_of
from tallystick.chain import Chain, Contract, Revert
from tallystick.chain.reverts import reverts
from tests.support.proofs import hex_prefix, nibbles_of, proof_in, tower

KEY = keccak(text="key")
OTHER = keccak(text="another key")
# Long enough to have a hash of its own wherever it stands.
VALUE = keccak(text="value")
BRANCH = [b""] * 17


@pytest.fixture
def harness(home: Chain) -> Contract:
    return home.deploy("TrieHarness", sender=home.account(0))


def value(harness: Contract, root: bytes, key: bytes, proof: bytes) -> bytes:
    """What the contract finds under a key."""
    return bytes(harness.value(root, key, proof))


@st.composite
def tries(draw: st.DrawFn) -> tuple[dict[bytes, bytes], bytes]:
    """Keys of 32 bytes, some alike for long: all kinds of nodes occur, inside others too."""
    stem = draw(st.binary(min_size=32, max_size=32))
    alike = st.tuples(st.integers(0, 31), st.binary(min_size=32, max_size=32)).map(
        lambda cut: stem[: cut[0]] + cut[1][cut[0] :]
    )
    keys = draw(
        st.lists(st.one_of(alike, st.binary(min_size=32, max_size=32)), min_size=1, max_size=24)
    )
    found = {key: draw(st.binary(min_size=1, max_size=40)) for key in {*keys, stem}}
    return found, draw(st.sampled_from(sorted(found)))


def trie_of(members: dict[bytes, bytes]) -> HexaryTrie:
    """The trie that holds these."""
    trie = HexaryTrie({})
    for key, member in members.items():
        trie[key] = member
    return trie


@pytest.mark.requirement("INV-4")
@given(members=tries())
def test_what_a_trie_holds_is_proven(
    harness: Contract, members: tuple[dict[bytes, bytes], bytes]
) -> None:
    held, key = members
    trie = trie_of(held)
    assert value(harness, trie.root_hash, key, b"".join(proof_in(trie, key))) == held[key]


@pytest.mark.requirement("INV-4")
@given(members=tries(), key=st.binary(min_size=32, max_size=32), cut=st.integers(0, 32))
def test_a_key_that_is_not_there_has_no_proof(
    harness: Contract, members: tuple[dict[bytes, bytes], bytes], key: bytes, cut: int
) -> None:
    held, near = members
    absent = near[:cut] + key[cut:]
    assume(absent not in held)
    trie = trie_of(held)
    for proof in (proof_in(trie, absent), proof_in(trie, near)):
        with pytest.raises(Revert):
            value(harness, trie.root_hash, absent, b"".join(proof))


@pytest.mark.requirement("INV-4")
@given(members=tries(), data=st.data())
def test_a_proof_has_no_second_form(
    harness: Contract, members: tuple[dict[bytes, bytes], bytes], data: st.DataObject
) -> None:
    held, key = members
    trie = trie_of(held)
    nodes = proof_in(trie, key)
    whole = b"".join(nodes)
    at = data.draw(st.integers(0, len(whole) - 1), label="byte")
    flipped = whole[at] ^ data.draw(st.integers(1, 255), label="bits")
    node = data.draw(st.integers(0, len(nodes) - 1), label="node")
    other = data.draw(st.integers(0, len(nodes) - 1), label="other node")
    swapped = list(nodes)
    swapped[node], swapped[other] = nodes[other], nodes[node]
    wrong = {
        "a byte differs": whole[:at] + bytes([flipped]) + whole[at + 1 :],
        "a byte is missing": whole[:at] + whole[at + 1 :],
        "a byte is added": whole[:at] + bytes([flipped]) + whole[at:],
        "cut off": whole[:at],
        "something behind it": whole + bytes([flipped]),
        "a node is missing": b"".join(nodes[:node] + nodes[node + 1 :]),
        "a node twice": b"".join(nodes[: node + 1] + nodes[node:]),
        "two nodes swapped": b"".join(swapped),
    }
    for what, proof in wrong.items():
        if proof == whole:
            continue
        with pytest.raises(Revert):
            raise AssertionError((what, value(harness, trie.root_hash, key, proof)))
    with pytest.raises(Revert):
        value(harness, keccak(trie.root_hash), key, whole)


def test_nodes_inside_others_are_gone_through(harness: Contract) -> None:
    """Two short leaves that lie in their branch: what clients call embedded."""
    first, second = KEY[:31] + b"\x01", KEY[:31] + b"\x02"
    trie = trie_of({first: b"a", second: b"b"})
    listed = ["0x" + rlp.encode(node).hex() for node in trie.get_proof(first)]
    assert min(len(node) for node in listed) < 66
    proof = nodes_of(listed)
    assert value(harness, trie.root_hash, first, proof) == b"a"
    assert value(harness, trie.root_hash, second, proof) == b"b"


@pytest.mark.parametrize("size", [3, 30, 31, 32, 33])
def test_a_node_below_32_bytes_lies_in_its_parent(harness: Contract, size: int) -> None:
    """A leaf of so many bytes; the next larger one has a hash."""
    first, second = KEY[:31] + b"\x01", KEY[:31] + b"\x02"
    member = b"v" * max(size - 3, 1)
    assert len(rlp.encode([b"\x20", member])) == size
    trie = trie_of({first: member, second: b"b"})
    proof = proof_in(trie, first)
    assert (len(proof[-1]) == size) == (size >= 32)
    assert value(harness, trie.root_hash, first, b"".join(proof)) == member


def test_a_proof_has_at_most_8192_bytes(harness: Contract) -> None:
    longest = rlp.encode([bytes(8_179), VALUE[:6]])
    assert len(longest) == 8_192
    with reverts("trie: wrong hash"):
        value(harness, bytes(32), KEY, longest)
    with reverts():
        value(harness, bytes(32), KEY, longest + b"\0")


@pytest.mark.parametrize("nodes", [1, 2, 9, 15])
def test_a_tower_of_full_branches_is_climbed(harness: Contract, nodes: int) -> None:
    root, proof = tower(KEY, VALUE, nodes)
    assert value(harness, root, KEY, b"".join(proof)) == VALUE


def test_thirty_two_nodes_are_the_deepest(harness: Contract) -> None:
    root, proof = tower(KEY, VALUE, 32, filled=2)
    assert value(harness, root, KEY, b"".join(proof)) == VALUE
    root, proof = tower(KEY, VALUE, 33, filled=2)
    with reverts("trie: too deep"):
        value(harness, root, KEY, b"".join(proof))


# --- nodes that no sound ledger hashes ---------------------------------------------------------


def chain_of(*nodes: Any) -> tuple[bytes, bytes]:
    """Root and proof: each node but the last has `HERE` where the next one's hash goes."""
    encoded = [rlp.encode(nodes[-1]) if not isinstance(nodes[-1], bytes) else nodes[-1]]
    for node in reversed(nodes[:-1]):
        hashed = keccak(encoded[0])
        encoded.insert(0, rlp.encode([hashed if part == HERE else part for part in node]))
    return keccak(encoded[0]), b"".join(encoded)


HERE = b"here"
PATH = nibbles_of(KEY)


def branch(nibble: int, child: Any, value: bytes = b"") -> list[Any]:
    """A branch with one child."""
    return [*BRANCH[:nibble], child, *BRANCH[nibble + 1 : 16], value]


def leaf(cut: int, member: Any = VALUE) -> list[Any]:
    """A leaf with what is left of the key behind so many nibbles."""
    return [hex_prefix(PATH[cut:], leaf=True), member]


SMALL = rlp.encode([b"\x20", b"a"])
ODD = {
    "trie: no node": [rlp.encode(b"n" * 40)],
    "trie: small node with a hash": [branch(PATH[0], HERE), SMALL],
    "trie: no path": [[b"", VALUE]],
    "trie: unknown kind of node": [[b"\x40" + KEY, VALUE]],
    "trie: two ways to write a path": [[b"\x21" + KEY, VALUE]],
    "trie: path beyond the key": [[hex_prefix([*PATH, 1], leaf=True), VALUE]],
    "trie: key is not there": [[hex_prefix(nibbles_of(OTHER), leaf=True), VALUE]],
    "trie: leaf before the key's end": [[hex_prefix(PATH[:62], leaf=True), VALUE]],
    "trie: no value": [leaf(0, b"")],
    "trie: extension by nothing": [[b"\x00", HERE], leaf(0)],
    "trie: branch behind the key's end": [[hex_prefix(PATH, leaf=False), HERE], branch(0, VALUE)],
    "trie: neither two nor seventeen items": [[VALUE] * 16],
    "trie: more than seventeen items": [[VALUE] * 17 + [b""]],
    "trie: no such child": [branch(PATH[0], b"short")],
    "trie: value in a branch": [branch(PATH[0], HERE, VALUE), leaf(1)],
    "trie: nothing under this key": [branch((PATH[0] + 1) % 16, VALUE)],
    "trie: no node to go on to": [[hex_prefix(PATH[:1], leaf=False), b"short" * 6]],
    "trie: a node is missing": [[hex_prefix(PATH[:1], leaf=False), VALUE]],
    "trie: wrong hash": [[hex_prefix(PATH[:1], leaf=False), VALUE], leaf(1)],
    "rlp: beyond its end": [[VALUE]],
}


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("reason", ODD)
def test_a_node_of_no_sound_trie_is_refused(harness: Contract, reason: str) -> None:
    root, proof = chain_of(*ODD[reason])
    with reverts(reason):
        value(harness, root, KEY, proof)


@pytest.mark.parametrize("inside", [[], [b"\x05"], [b"v" * 30], [b"v" * 40]])
def test_what_is_too_small_or_too_large_for_a_node_inside_is_none(
    harness: Contract, inside: list[bytes]
) -> None:
    """Nor, of 32 bytes, is it the hash of one (optimism issue 4845, February 2023)."""
    for node, reason in (
        (branch(PATH[0], inside), "trie: no such child"),
        ([hex_prefix(PATH[:1], leaf=False), inside], "trie: no node to go on to"),
    ):
        root, proof = chain_of(node)
        with reverts(reason):
            value(harness, root, KEY, proof)


def test_a_leaf_that_holds_a_list_holds_no_value(harness: Contract) -> None:
    root, proof = chain_of(leaf(0, [b"a", b"b"]))
    with reverts("trie: no value"):
        value(harness, root, KEY, proof)


def test_a_list_is_no_path(harness: Contract) -> None:
    root, proof = chain_of([[b"a"], VALUE])
    with reverts("trie: no path"):
        value(harness, root, KEY, proof)


def test_what_follows_the_leaf_is_refused(harness: Contract) -> None:
    root, proof = chain_of(leaf(0))
    with reverts("trie: more than the proof"):
        value(harness, root, KEY, proof + proof)


@pytest.mark.parametrize("root", [bytes(32), keccak(b""), keccak(rlp.encode(b""))])
def test_the_empty_trie_proves_nothing(harness: Contract, root: bytes) -> None:
    with reverts("trie: a node is missing"):
        value(harness, root, KEY, b"")
    with pytest.raises(Revert):
        value(harness, root, KEY, rlp.encode(b""))


# --- RLP ---------------------------------------------------------------------------------------


def item(harness: Contract, encoded: bytes, end: int | None = None) -> tuple[int, int, bool]:
    """What begins at the first byte."""
    word = int.from_bytes(encoded[:32].ljust(32, b"\0"), "big")
    return tuple(harness.item(word, 0, len(encoded) if end is None else end))


@given(payload=st.one_of(st.binary(max_size=70), st.binary(min_size=250, max_size=300)))
def test_items_are_read_as_rlp_writes_them(harness: Contract, payload: bytes) -> None:
    for is_list in (False, True):
        encoded = rlp.encode([payload] if is_list else payload)
        start, stop, found = item(harness, encoded)
        assert (stop, found) == (len(encoded), is_list)
        assert encoded[start:stop] == (rlp.encode(payload) if is_list else payload)


@given(encoded=st.binary(min_size=1, max_size=80))
def test_whatever_is_read_has_no_other_encoding(harness: Contract, encoded: bytes) -> None:
    try:
        start, stop, is_list = item(harness, encoded)
    except Revert:
        return
    payload = encoded[start:stop]
    if is_list:
        size = len(payload).to_bytes((len(payload).bit_length() + 7) // 8, "big")
        short = len(payload) <= 55
        head = bytes([0xC0 + len(payload)]) if short else bytes([0xF7 + len(size)]) + size
        assert encoded[:start] == head
    else:
        assert encoded[:stop] == rlp.encode(payload)


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (b"\x81\x7f", "rlp: long form of one byte"),
        (b"\xb8\x37" + bytes(55), "rlp: long form of a short length"),
        (b"\xf8\x00", "rlp: long form of a short length"),
        (b"\xb9\x00\x38" + bytes(56), "rlp: length begins with zero"),
        (b"\xba\x01\x00\x00" + bytes(65_536), "rlp: item too long"),
        (b"\xff" + bytes(40), "rlp: item too long"),
        (b"\x83ab", "rlp: beyond its end"),
        (b"\xf9\xff\xff", "rlp: beyond its end"),
        (b"", "rlp: beyond its end"),
    ],
)
def test_other_forms_are_refused(harness: Contract, encoded: bytes, reason: str) -> None:
    with reverts(reason):
        item(harness, encoded)
