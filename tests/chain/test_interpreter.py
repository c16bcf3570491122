"""Our loop does with any code whatever py-evm's own does."""

from __future__ import annotations

from typing import Any

import pytest
from eth.exceptions import Halt
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.chain import interpreter
from tallystick.chain.computation import Computation, ReferenceComputation
from tallystick.chain.embedded import EmbeddedChain
from tallystick.chain.interpreter import OPCODES, Trace, execute, instructions

PLACE = "0x" + "77" * 20
_NAMED = [value for value in range(256) if hasattr(OPCODES[value], "mnemonic")]


class _Reference(ReferenceComputation):
    """py-evm's loop, and its own stack, memory and gas under it."""

    @staticmethod
    def run(computation: Any) -> None:
        try:
            for opcode in computation.code:
                OPCODES[opcode](computation)
        except Halt:
            pass


def _push(value: int) -> bytes:
    content = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    return bytes([0x5F + len(content)]) + content


_interesting = st.sampled_from(
    [0, 1, 2, 3, 31, 32, 33, 64, 100, 255, 256, 257, 2**31, 2**64, 2**255 - 1, 2**255, 2**256 - 1]
)
_pieces = st.one_of(
    _interesting.map(_push),
    st.integers(0, 80).map(_push),
    st.integers(0, 2**256 - 1).map(_push),
    st.sampled_from([bytes([value]) for value in range(0x01, 0x20)]),
    st.sampled_from([bytes([value]) for value in (0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x59, 0x5E)]),
    st.sampled_from([bytes([value]) for value in (0x5B, 0x56, 0x57, 0x58, 0x5A, 0x5C, 0x5D)]),
    st.sampled_from([bytes([value]) for value in range(0x80, 0xA0)]),
    st.sampled_from([bytes([value]) for value in _NAMED if value != 0xFF]),
    st.binary(min_size=1, max_size=3),
    # Small places in memory and storage, which would otherwise be rare.
    st.tuples(st.integers(0, 96), st.sampled_from([0x51, 0x52, 0x54, 0x55, 0x35])).map(
        lambda pair: _push(pair[0]) + bytes([pair[1]])
    ),
    # A call to this very contract with a little gas; a jump; an answer.
    st.just(bytes.fromhex("6020600060206000600030614e20f1")),
    st.integers(0, 120).map(lambda to: _push(to) + b"\x56"),
    st.integers(0, 120).map(lambda to: b"\x36" + _push(to) + b"\x57"),
    st.sampled_from([bytes.fromhex("60206000f3"), bytes.fromhex("60206000fd"), b"\0"]),
)
_codes = st.lists(_pieces, max_size=60).map(lambda pieces: b"".join(pieces))


def _outcome(code: bytes, data: bytes, kind: type[ReferenceComputation]) -> Any:
    chain = EmbeddedChain()
    # Whatever all chains run by now, as they do under coverage.
    chain._computation = chain._state.computation_class = kind
    chain.set_code(PLACE, code)
    chain.set_balance(PLACE, 10**6)
    receipts = [
        chain.send(sender=chain.account(0), to=PLACE, data=data, gas=150_000, allow_failure=True)
        # Twice: the second meets storage that the first wrote.
        for _ in range(2)
    ]
    return [
        (r.status, r.gas_used, r.logs, r.fetch_output and r.fetch_output()) for r in receipts
    ], {key: value for key, value in chain._state.slots.items() if value}


@pytest.mark.filterwarnings("ignore:SELFDESTRUCT")
@settings(max_examples=300)
@given(_codes, st.binary(max_size=70))
@example(b"\x5b\x5f\x56", b"")
@example(b"\x60", b"")
@example(b"\x5f" * 1_100, b"")
@example(b"\x5f" + b"\x80" * 1_100, b"")
@example(bytes.fromhex("7f") + b"\xff" * 20, b"")
@example(bytes.fromhex("60055660ff5b00"), b"")
@example(bytes.fromhex("60045660005b5b60055600"), b"")
@example(bytes.fromhex("5b60005160010160005260005160ff106000575900"), b"")
def test_it_does_what_py_evm_does(code: bytes, data: bytes) -> None:
    expected = _outcome(code, data, _Reference)
    with pytest.MonkeyPatch.context() as patch:
        # Each stretch run as it is read, and each made Python before it runs once.
        for hot in (interpreter.HOT, 0):
            patch.setattr(interpreter, "HOT", hot)
            patch.setattr(interpreter, "_PROGRAMS", interpreter._Programs())
            assert _outcome(code, data, Computation) == expected


def test_a_trace_follows_the_jumps() -> None:
    # 0: PUSH1 1, PUSH1 6, JUMPI, INVALID; 6: JUMPDEST, PUSH0, PUSH1 6, JUMPI (not taken), STOP
    code = bytes.fromhex("6001600657fe" + "5b5f60065700")
    seen: list[Trace] = []

    class Traced(Computation):
        @staticmethod
        def run(computation: Any) -> None:
            seen.append(Trace([], []))
            execute(computation, seen[-1])

    _outcome(code, b"", Traced)
    assert seen[0] == Trace([(0, 4), (6, 11)], [(4, True), (10, False)])


def test_instructions_skip_pushed_values_and_end_with_stop() -> None:
    assert list(instructions(bytes.fromhex("605b5b61ff"))) == [
        (0, 0x60, 0x5B),
        (2, 0x5B, 0),
        (3, 0x61, 0xFF00),
        (6, 0, 0),
    ]
