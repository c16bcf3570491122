"""Straight stretches of code, made Python once they are hot.

Between two jumps most opcodes only move values about. A stretch becomes one function in which the
stack is local variables: it reads what it takes from below, does what has an effect, and writes
what it leaves. Its gas but for what depends on values is taken at once, which only a halt could
tell, and a halt burns all gas whatever the reason.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any, Final

from eth.exceptions import FullStack, OutOfGas

from tallystick.chain.abi import keccak

__all__ = ["SEGMENTED", "Run", "compiled", "grow", "place_of", "signed"]

# (stack, memory, gas, frame) -> gas. What a frame is: `_FRAME`, in that order.
Run = Callable[[list[int], Any, int, tuple[Any, ...]], int]

_MAX: Final = (1 << 256) - 1
_FRAME: Final = (
    "me",
    "caller",
    "value",
    "size",
    "now",
    "address",
    "data",
    "code",
    "state",
    "computation",
    "slots",
    "warm",
    "undo",
)

# Gas and text of what has two operands, the first the top of the stack.
_BINARIES: Final = {
    0x01: (3, "({0} + {1}) & MAX"),
    0x02: (5, "({0} * {1}) & MAX"),
    0x03: (3, "({0} - {1}) & MAX"),
    0x04: (5, "{0} // {1} if {1} else 0"),
    0x06: (5, "{0} % {1} if {1} else 0"),
    0x10: (3, "1 if {0} < {1} else 0"),
    0x11: (3, "1 if {0} > {1} else 0"),
    0x12: (3, "1 if signed({0}) < signed({1}) else 0"),
    0x13: (3, "1 if signed({0}) > signed({1}) else 0"),
    0x14: (3, "1 if {0} == {1} else 0"),
    0x16: (3, "{0} & {1}"),
    0x17: (3, "{0} | {1}"),
    0x18: (3, "{0} ^ {1}"),
    0x1A: (3, "({1} >> (248 - 8 * {0})) & 255 if {0} < 32 else 0"),
    0x1B: (3, "({1} << {0}) & MAX if {0} < 256 else 0"),
    0x1C: (3, "{1} >> {0} if {0} < 256 else 0"),
    0x1D: (3, "(signed({1}) >> min({0}, 256)) & MAX"),
}
_UNARIES: Final = {0x15: (3, "0 if {0} else 1"), 0x19: (3, "{0} ^ MAX")}
# What is the same all through a frame, but for the size of what a call returned.
_GIVEN: Final = {
    0x30: "me",
    0x33: "caller",
    0x34: "value",
    0x36: "size",
    0x42: "now",
    0x3D: "len(computation.return_data)",
}
# Opcodes that copy into memory: from what.
_COPIES: Final = {0x37: "data", 0x39: "code", 0x5E: "content"}
_POP, _MLOAD, _MSTORE, _SLOAD, _MSIZE, _GAS, _JUMPDEST, _TLOAD = (
    0x50,
    0x51,
    0x52,
    0x54,
    0x59,
    0x5A,
    0x5B,
    0x5C,
)
_KECCAK, _CALLDATALOAD = 0x20, 0x35

# What a stretch may consist of.
SEGMENTED: Final = frozenset(
    {*_BINARIES, *_UNARIES, *_GIVEN, *_COPIES, *range(0x5F, 0xA0)}
    | {_POP, _MLOAD, _MSTORE, _SLOAD, _MSIZE, _GAS, _JUMPDEST, _TLOAD, _KECCAK, _CALLDATALOAD}
)


def signed(value: int) -> int:
    """A word as a number in two's complement."""
    return value - (1 << 256) if value >> 255 else value


def grow(memory: Any, end: int, gas: int) -> int:
    """Memory up to `end`, which is beyond it; returns the gas that is left."""
    content: bytearray = memory._bytes  # noqa: SLF001 - as in `interpreter`
    words, had = (end + 31) // 32, len(content) // 32
    gas -= 3 * (words - had) + words * words // 512 - had * had // 512
    if gas < 0:
        raise OutOfGas
    content.extend(bytes(32 * (words - had)))
    return gas


@functools.lru_cache(maxsize=1 << 16)
def place_of(content: bytes) -> int:
    """The hash of two words: a place in a mapping, which comes again and again."""
    return int.from_bytes(keccak(content), "big")


def _misfit(stack: list[int], inputs: int) -> None:
    if len(stack) < inputs:
        raise IndexError
    raise FullStack("Stack limit reached")


_NAMES: Final = {
    "MAX": _MAX,
    "grow": grow,
    "keccak": keccak,
    "misfit": _misfit,
    "number": int.from_bytes,
    "place_of": place_of,
    "signed": signed,
}


class _Writer:
    """Writes the function of one stretch.

    `stack` holds what stands on the stack as names or numbers; where it ends the names `i1`, `i2`
    and so on go on, counted from the top of the stack that the stretch found.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.stack: list[str] = []
        self.inputs = self.peak = self.gas = 0
        self.names = 0
        self.used: set[str] = set()

    def need(self, count: int) -> None:
        """Have so many values in `stack`."""
        while len(self.stack) < count:
            self.inputs += 1
            self.stack.insert(0, f"i{self.inputs}")

    def pop(self) -> str:
        """Takes the top, to be read."""
        self.need(1)
        found = self.stack.pop()
        self.used.add(found)
        return found

    def push(self, value: str) -> None:
        """Leaves a name or a number."""
        self.stack.append(value)
        self.peak = max(self.peak, len(self.stack) - self.inputs)

    def result(self, text: str) -> None:
        """Leaves what an expression gives."""
        self.names += 1
        self.lines.append(f"t{self.names} = {text}")
        self.push(f"t{self.names}")

    def reach(self, at: str, size: str) -> None:
        """Memory is as large as an access needs."""
        self.lines.append(f"end = {at} + {size}")
        asked = "" if size.isdigit() and int(size) else f"{size} and "
        self.lines.append(f"if {asked}end > len(content):")
        self.lines.append("    gas = grow(memory, end, gas); content = memory._bytes")

    def add(self, opcode: int, argument: int) -> None:
        """One opcode."""
        if 0x5F <= opcode <= 0x7F:
            self.gas += 2 if opcode == 0x5F else 3
            self.push(str(argument))
        elif 0x80 <= opcode <= 0x8F:
            self.gas += 3
            self.need(opcode - 0x7F)
            self.push(self.stack[0x7F - opcode])
        elif 0x90 <= opcode <= 0x9F:
            self.gas += 3
            self.need(opcode - 0x8E)
            stack, other = self.stack, 0x8E - opcode
            stack[-1], stack[other] = stack[other], stack[-1]
        elif opcode in _BINARIES or opcode in _UNARIES:
            cost, text = _BINARIES.get(opcode) or _UNARIES[opcode]
            self.gas += cost
            self.result(text.format(*(self.pop() for _ in range(1 + (opcode in _BINARIES)))))
        elif opcode in _GIVEN:
            self.gas += 2
            self.result(_GIVEN[opcode])
        elif opcode in _COPIES:
            self._copy(_COPIES[opcode])
        else:
            self._rest(opcode)

    def _copy(self, source: str) -> None:
        """Into memory; what lies beyond the end of the source is zero."""
        self.gas += 3
        to, start, size = self.pop(), self.pop(), self.pop()
        self.lines.append(f"gas -= 3 * (({size} + 31) // 32)")
        self.reach(f"max({to}, {start})" if source == "content" else to, size)
        piece = f"{source}[{start}:{start} + {size}]"
        if source != "content":
            # Not filled up before gas is known to pay for it.
            self.lines.append("if gas < 0: return gas")
            piece += f'.ljust({size}, b"\\0")'
        self.lines.append(f"content[{to}:{to} + {size}] = {piece}")

    def _rest(self, opcode: int) -> None:
        if opcode == _JUMPDEST:
            self.gas += 1
        elif opcode == _POP:
            self.gas += 2
            self.need(1)
            self.stack.pop()
        elif opcode == _MSIZE:
            self.gas += 2
            self.result("len(content)")
        elif opcode == _GAS:
            self.gas += 2
            # All of the stretch is paid for already.
            self.result(f"gas + TOTAL - {self.gas}")
        elif opcode in {_MLOAD, _MSTORE}:
            self.gas += 3
            at = self.pop()
            self.reach(at, "32")
            if opcode == _MLOAD:
                self.result('number(content[end - 32:end], "big")')
            else:
                value = self.pop()
                word = (
                    repr(int(value).to_bytes(32, "big"))
                    if value.isdigit()
                    else f'{value}.to_bytes(32, "big")'
                )
                self.lines.append(f"content[end - 32:end] = {word}")
        elif opcode == _SLOAD:
            self.lines += [
                f"key = (address, {self.pop()})",
                "if key in warm: gas -= 100",
                "else:",
                "    gas -= 2_100; undo.append((warm, key, state.ABSENT)); warm[key] = True",
            ]
            self.result("slots.get(key, 0)")
        elif opcode == _TLOAD:
            self.gas += 100
            self.result(f'number(state.transient.get((address, {self.pop()}), b""), "big")')
        elif opcode == _CALLDATALOAD:
            self.gas += 3
            at = self.pop()
            self.result(f'number(data[{at}:{at} + 32].ljust(32, b"\\0"), "big")')
        else:
            self.gas += 30
            at, size = self.pop(), self.pop()
            self.lines.append(f"gas -= 6 * (({size} + 31) // 32)")
            self.reach(at, size)
            piece = f"bytes(content[{at}:{at} + {size}])"
            self.result(f"place_of({piece})" if size == "64" else f'number(keccak({piece}), "big")')

    def text(self) -> str:
        """The function."""
        # What is left where it was found need not be written; what moved has to be read first.
        left = self.stack[: self.inputs]
        moved = [
            (self.inputs - index, name)
            for index, name in enumerate(left)
            if name != f"i{self.inputs - index}"
        ]
        more = self.stack[self.inputs :]
        self.used.update(name for _, name in moved)
        self.used.update(more)
        head = [f"if not {self.inputs} <= len(stack) <= {1024 - self.peak}:"]
        head.append(f"    misfit(stack, {self.inputs})")
        head.append(f"gas -= {self.gas}")
        body = [line.replace("TOTAL", str(self.gas)) for line in self.lines]
        words = set(re.findall(r"[a-z]+", " ".join(body)))
        head += [f"{name} = frame[{index}]" for index, name in enumerate(_FRAME) if name in words]
        if "content" in words:
            head.append("content = memory._bytes")
        head += [
            f"i{depth} = stack[-{depth}]"
            for depth in range(1, self.inputs + 1)
            if f"i{depth}" in self.used
        ]
        tail = [f"stack[-{depth}] = {name}" for depth, name in moved]
        if len(more) == 1:
            tail.append(f"stack.append({more[0]})")
        elif more:
            tail.append(f"stack += ({', '.join(more)})")
        elif len(left) < self.inputs:
            tail.append(f"del stack[-{self.inputs - len(left)}:]")
        lines = [*head, *body, *tail, "return gas"]
        return "def run(stack, memory, gas, frame):\n" + "\n".join(f"    {line}" for line in lines)


@functools.lru_cache(maxsize=1 << 16)
def compiled(opcodes: tuple[tuple[int, int], ...]) -> Run:
    """The function of a stretch, given as opcodes with what they push.

    It is the same wherever the stretch stands, so copies of a contract share it.
    """
    writer = _Writer()
    for opcode, argument in opcodes:
        writer.add(opcode, argument)
    names: dict[str, Any] = dict(_NAMES)
    exec(compile(writer.text(), "<segment>", "exec"), names)  # noqa: S102 - our own text, numbers only
    run: Run = names["run"]
    return run
