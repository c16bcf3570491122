"""What nodes say, read for what it means: each sentence is one that a node or provider sends."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.chain import wording
from tallystick.chain.abi import encode, keccak
from tallystick.chain.fees import Fees
from tallystick.chain.wording import Reverted, reverted

_DATA = keccak(b"Error(string)")[:4] + encode(["string"], ["token: paused"])
_HEX = "0x" + _DATA.hex()
_HASH = "0x" + "ab" * 32
# A halt keeps what the node says of it.
ITS_WORDS = "…"

_REVERTS: list[tuple[str, str, Any, Reverted | None]] = [
    ("geth", "execution reverted: token: paused", _HEX, Reverted(_DATA)),
    ("geth, bare", "execution reverted", "0x", Reverted()),
    ("without data", "execution reverted: token: paused", None, Reverted(_DATA)),
    ("Nethermind", "VM execution error.", f"Reverted {_HEX}", Reverted(_DATA)),
    ("OpenEthereum, bare", "VM execution error.", "Reverted 0x", Reverted()),
    ("OpenEthereum, halt", "VM execution error.", "Bad instruction fe", Reverted(halt=ITS_WORDS)),
    ("Besu", "Execution reverted", _HEX, Reverted(_DATA)),
    ("Besu, bare", "Execution reverted", None, Reverted()),
    (
        "Hardhat",
        "Error: VM Exception while processing transaction: reverted with reason string 'a'",
        {"message": "…", "txHash": _HASH, "data": _HEX},
        Reverted(_DATA),
    ),
    (
        "Hardhat without data",
        "VM Exception while processing transaction: reverted with reason string 'token: paused'",
        None,
        Reverted(_DATA),
    ),
    (
        "Ganache",
        "VM Exception while processing transaction: revert token: paused",
        {"hash": _HASH, "programCounter": 7, "result": _HEX, "reason": "token: paused"},
        Reverted(_DATA),
    ),
    (
        "older Ganache",
        "VM Exception while processing transaction: revert",
        {_HASH: {"error": "revert", "program_counter": 7, "return": _HEX}, "stack": "…"},
        Reverted(_DATA),
    ),
    (
        "nested",
        "execution reverted",
        {"originalError": {}, "data": {"data": _HEX}},
        Reverted(_DATA),
    ),
    ("out of gas", "out of gas", None, Reverted(halt="out of gas")),
    ("estimate", "gas required exceeds allowance (21000)", None, Reverted(halt="out of gas")),
    ("anvil", "EVM error OutOfGas", None, Reverted(halt="out of gas")),
    ("opcode", "invalid opcode: INVALID", None, Reverted(halt=ITS_WORDS)),
    ("opcode by number", "opcode 0x5f not defined", None, Reverted(halt=ITS_WORDS)),
    ("jump", "invalid jump destination", None, Reverted(halt=ITS_WORDS)),
    ("no revert", "insufficient funds for gas * price + value", None, None),
    ("behind", "header not found", None, None),
    ("busy", "Too Many Requests", {"see": "https://provider.example"}, None),
    ("method", "the method eth_call does not exist", None, None),
]


@pytest.mark.parametrize(("node", "message", "data", "found"), _REVERTS, ids=lambda v: str(v)[:20])
def test_reverts_are_known_in_every_wording(
    node: str, message: str, data: Any, found: Reverted | None
) -> None:
    if found == Reverted(halt=ITS_WORDS):
        found = Reverted(halt=data or message)
    assert reverted(message, data) == found


_MEANINGS: dict[str, list[tuple[int, str]]] = {
    "busy": [
        (429, "anything"),
        (-32005, "daily request count exceeded, request rate limited"),
        (-32005, "limit exceeded"),
        (0, "RATE_LIMITED: slow down"),
        (-32000, "Your app has exceeded its compute units per second capacity"),
        (-32007, "50/second request limit reached"),
        (-32603, "service temporarily unavailable"),
        (-32090, "Too many requests, reason: call rate limit exhausted, retry in 10s"),
    ],
    "range": [
        (-32005, "query returned more than 10000 results"),
        (-32602, "range 51 exceeds limit of 50"),
        (-32000, "block range is too wide"),
        (-32005, "eth_getLogs is limited to a 10,000 range"),
        (-32602, "Log response size exceeded. this block range should work: [0x0, 0x1]"),
    ],
    "behind": [
        (-32000, "header not found"),
        (-39001, "Unknown block"),
        (-32000, "block not found: 0x1b4"),
        (-32001, "Resource not found: block 436 not available"),
        (-32602, "BlockOutOfRangeError: block height is 90 but requested was 100"),
        (-32000, "cannot query unfinalized data"),
        (-32000, "transaction indexing is in progress"),
    ],
    "known": [
        (-32000, "already known"),
        (-32010, "AlreadyKnown"),
        (-32000, "known transaction: 1a2b"),
        (-32010, "Transaction with the same hash was already imported."),
        (-32000, "tx already in mempool"),
    ],
    "nonce": [
        (-32000, "nonce too low: next nonce 5, tx nonce 4"),
        (-32001, "Nonce too low"),
        (-32010, "OldNonce, Current nonce: 5, nonce of rejected tx: 4"),
        (-32003, "nonce is too low"),
    ],
    "underpriced": [
        (-32000, "replacement transaction underpriced"),
        (-32000, "transaction underpriced: tip needed 25, tip permitted 1"),
        (-32000, "max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1"),
        (-32009, "Gas price '0' is below configured minimum gas price '9'"),
        (-32010, "FeeTooLow, MaxFeePerGas too low"),
        (-32000, "insufficient fee: got 1"),
    ],
    "unfunded": [
        (-32000, "insufficient funds for gas * price + value: balance 0"),
        (-32000, "insufficient funds for gas * price + value: address 0x1 have 0 want 5"),
        (-32003, "Insufficient funds for gas * price + value"),
        (-32010, "InsufficientFunds, Account balance: 0, cumulative cost: 5"),
        (-32000, "Upfront cost exceeds account balance"),
        (-32000, "sender doesn't have enough funds to send tx. The max upfront cost is: 5"),
    ],
    "method": [
        (-32601, "the method eth_x does not exist/is not available"),
        (-32004, "Method not supported"),
        (-32600, "Method not found"),
    ],
    "none": [
        (-32000, "nonce too high"),
        (-32000, "exceeds block gas limit"),
        (-32000, "missing trie node"),
        (3, "execution reverted"),
    ],
}


@pytest.mark.parametrize("meant", _MEANINGS)
def test_other_errors_are_known_for_what_they_mean_and_nothing_else(meant: str) -> None:
    for code, message in _MEANINGS[meant]:
        found = {
            "busy": wording.is_busy(code, message),
            "behind": wording.is_behind(message),
            "known": wording.is_known(message),
            "nonce": wording.is_nonce_used(message),
            "underpriced": wording.is_underpriced(message),
            "unfunded": wording.is_unfunded(message),
            "method": wording.is_unknown_method(code, message),
        }
        assert {name for name, is_it in found.items() if is_it} == {meant} - {"none", "range"}, (
            message
        )


def test_a_search_over_its_limit_is_too_wide_and_not_too_early() -> None:
    assert wording.is_busy(-32005, "limit exceeded")
    assert not wording.is_busy(-32005, "limit exceeded", search=True)
    assert wording.is_busy(-32005, "request rate limited", search=True)


def test_a_raised_fee_replaces_the_one_before() -> None:
    before = Fees(1_000, 100)
    assert Fees(900, 10).above(before) == Fees(1_251, 126)
    assert Fees(9_000, 500).above(before) == Fees(9_000, 500)
    assert Fees(10, None).above(Fees(8, None)) == Fees(11, None)
    assert Fees(0, 0).above(Fees(0, 0)) == Fees(1, 1)
    for fees in (before, Fees(8, None)):
        assert Fees.of(fees.fields()) == fees
