"""What a proof verifier is told, made of what nodes answer."""

from __future__ import annotations

from typing import Any

import pytest
import rlp
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from tallystick.bridge.attestation import ATTESTATION_TYPE as MESSAGES
from tallystick.bridge.outbox import PAGE, page_word
from tallystick.bridge.proof import (
    ATTESTATION_TYPE,
    Commitment,
    header_of,
    header_rlp,
    nodes_of,
    outbox_slot,
    page_attestation,
    page_slot,
    storage_root,
)
from tallystick.build import artifact
from tests.support.world import World, slot_of

# In the order in which hard forks added them.
FORKS = {
    "berlin": (),
    "london": ("baseFeePerGas",),
    "shanghai": ("withdrawalsRoot",),
    "cancun": ("blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot"),
    "prague": ("requestsHash",),
}
QUANTITIES = {
    "difficulty": 0,
    "number": 1_000,
    "gasLimit": 30_000_000,
    "gasUsed": 0,
    "timestamp": 1_750_000_000,
    "baseFeePerGas": 7,
    "blobGasUsed": 131_072,
    "excessBlobGas": 0,
}
LENGTHS = {"miner": 20, "logsBloom": 256, "extraData": 5, "nonce": 8}
FIRST = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot"),
    *("logsBloom", "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData"),
    *("mixHash", "nonce"),
)


def block_of(fork: str) -> tuple[dict[str, Any], bytes]:
    """A block as a node of that hard fork answers it, and its header by the `rlp` package."""
    names = list(FIRST)
    for known, added in FORKS.items():
        names += added
        if known == fork:
            break
    values: dict[str, Any] = {name: QUANTITIES.get(name, keccak(text=name) * 8) for name in names}
    items = [
        value if isinstance(value, int) else value[: LENGTHS.get(name, 32)]
        for name, value in values.items()
    ]
    header: bytes = rlp.encode(items)
    answer = {
        name: hex(item) if isinstance(item, int) else "0x" + item.hex()
        for name, item in zip(names, items, strict=True)
    }
    return {**answer, "hash": "0x" + keccak(header).hex(), "size": "0x1", "uncles": []}, header


@pytest.mark.parametrize("fork", FORKS)
def test_a_header_has_the_fields_of_its_hard_fork(fork: str) -> None:
    block, header = block_of(fork)
    assert header_rlp(block) == header
    answer = {"accountProof": ["0x" + "ab" * 40, "0x" + "cd" * 40], "storageHash": "0x" + "11" * 32}
    assert header_of(block, answer, b"signed") == (
        1_000,
        header,
        b"signed",
        b"\xab" * 40 + b"\xcd" * 40,
    )
    assert storage_root(answer) == b"\x11" * 32


@pytest.mark.parametrize("name", ["stateRoot", "number", "requestsHash"])
def test_a_header_of_another_form_is_refused(name: str) -> None:
    """A ledger with fields of its own, or a node that tells another block's."""
    block, _ = block_of("prague")
    block[name] = None if name == "requestsHash" else hex(int(block[name], 16) ^ 1)
    number = block["number"]
    with pytest.raises(ValueError) as caught:
        header_rlp(block)
    assert str(caught.value) == (f"block {number}: fields of which its hash is made expected")


def test_nodes_that_lie_in_their_parent_are_left_out() -> None:
    root, hashed, inside = "0x" + "01" * 8, "0x" + "02" * 32, "0x" + "03" * 31
    assert nodes_of([root, hashed, inside]) == b"\x01" * 8 + b"\x02" * 32
    assert nodes_of([]) == b""


def test_the_outbox_is_where_the_escrow_keeps_it(world: World) -> None:
    escrow = world.home.escrow
    message = world.locked(100)
    slot = page_slot(outbox_slot(escrow.artifact), world.lane, message.nonce)
    assert int.from_bytes(slot, "big") == slot_of(escrow, "transit", "outbox", world.lane, 0)
    kept = world.home.chain.storage(escrow.address, int.from_bytes(slot, "big"))
    assert kept == page_word([message.id])
    with pytest.raises(ValueError, match="QuorumVerifier: an outbox in its storage expected"):
        outbox_slot(artifact("QuorumVerifier"))


@given(count=st.integers(1, PAGE), data=st.data())
def test_an_attestation_chains_to_the_page(count: int, data: st.DataObject) -> None:
    ids = [keccak(bytes([number])) for number in range(count)]
    index = data.draw(st.integers(0, count - 1))
    attestation = page_attestation(3, ids, index)
    assert int.from_bytes(attestation[:8], "big") == 3
    later = [attestation[at : at + 32] for at in range(40, len(attestation), 32)]
    assert page_word([ids[index], *later], attestation[8:40]) == page_word(ids)


@pytest.mark.parametrize(
    ("count", "index", "expected"),
    [
        (0, 0, "message 0 of 0: one of at most 8 expected"),
        (3, 3, "message 3 of 3: one of at most 8 expected"),
        (3, -1, "message -1 of 3: one of at most 8 expected"),
        (9, 0, "message 0 of 9: one of at most 8 expected"),
    ],
)
def test_a_message_is_one_of_a_page(count: int, index: int, expected: str) -> None:
    with pytest.raises(ValueError) as caught:
        page_attestation(1, [bytes(32)] * count, index)
    assert str(caught.value) == expected


def test_a_commitment_is_one_thing_and_no_message() -> None:
    block = Commitment.of_block("eip155:1", 5, bytes(32))
    storage = Commitment.of_storage("eip155:1", 5, "0x" + "11" * 20, bytes(32))
    other = Commitment.of_storage("eip155:1", 5, "0x" + "12" * 20, bytes(32))
    assert len({block.id, storage.id, other.id}) == 3
    assert block.account == bytes(32)
    assert ATTESTATION_TYPE != MESSAGES
