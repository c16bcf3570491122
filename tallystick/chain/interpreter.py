"""The loop that executes code: frequent opcodes here, all others in py-evm.

py-evm spends most of a transaction on checks, conversions and calls around opcodes that do next to
nothing. This loop decodes each piece of code once into linked instructions and runs the frequent
ones in place, on a stack that holds integers only; stretches that come again and again it has made
Python (`segments`); storage writes, calls, logs, creation and precompiles stay py-evm's. The tests
run both on arbitrary programs, hot and cold, and compare everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from eth.exceptions import FullStack, Halt, InsufficientStack, InvalidJumpDestination, OutOfGas
from eth.vm.code_stream import CodeStream
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.logic.invalid import InvalidOpcode

from tallystick.chain.abi import keccak
from tallystick.chain.segments import SEGMENTED, Run, compiled, grow, place_of, signed

__all__ = ["OPCODES", "Trace", "execute", "instructions"]

OPCODES: list[Any] = [
    PragueComputation.opcodes.get(value) or InvalidOpcode(value) for value in range(256)
]

_MAX = (1 << 256) - 1
# How often a stretch runs here before it is made Python: that takes as long as some hundred runs.
HOT = 100
# A shorter stretch would gain nothing.
_SHORTEST = 3

# (kind, argument, next instruction, pc)
_Node = tuple[int, Any, Any, int]

(
    _SEGMENT,
    _PUSH,
    _DUP,
    _SWAP,
    _BINARY,
    _JUMPDEST,
    _JUMPI_TO,
    _JUMPI,
    _JUMP,
    _MSTORE,
    _MLOAD,
    _UNARY,
    _POP,
    _FRAME,
    _SLOAD,
    _KECCAK,
    _CALLDATALOAD,
    _GOTO,
    _RETURN,
    _OTHER,
) = range(20)


def _sar(shift: int, value: int) -> int:
    return (signed(value) >> min(shift, 256)) & _MAX


# The first argument is the top of the stack. Gas is 3 unless it says 5.
_BINARIES: dict[int, tuple[Callable[[int, int], int], int]] = {
    0x01: (lambda a, b: (a + b) & _MAX, 3),
    0x02: (lambda a, b: (a * b) & _MAX, 5),
    0x03: (lambda a, b: (a - b) & _MAX, 3),
    0x04: (lambda a, b: a // b if b else 0, 5),
    0x06: (lambda a, b: a % b if b else 0, 5),
    0x10: (lambda a, b: 1 if a < b else 0, 3),
    0x11: (lambda a, b: 1 if a > b else 0, 3),
    0x12: (lambda a, b: 1 if signed(a) < signed(b) else 0, 3),
    0x13: (lambda a, b: 1 if signed(a) > signed(b) else 0, 3),
    0x14: (lambda a, b: 1 if a == b else 0, 3),
    0x16: (lambda a, b: a & b, 3),
    0x17: (lambda a, b: a | b, 3),
    0x18: (lambda a, b: a ^ b, 3),
    0x1A: (lambda a, b: (b >> (248 - 8 * a)) & 0xFF if a < 32 else 0, 3),
    0x1B: (lambda a, b: (b << a) & _MAX if a < 256 else 0, 3),
    0x1C: (lambda a, b: b >> a if a < 256 else 0, 3),
    0x1D: (_sar, 3),
}
_UNARIES: dict[int, Callable[[int], int]] = {
    0x15: lambda a: 0 if a else 1,
    0x19: lambda a: a ^ _MAX,
}
# Constants of a frame, by their place in a tuple: address, caller, value, size of the call data,
# time of the block.
_FRAMES = {0x30: 0, 0x33: 1, 0x34: 2, 0x36: 3, 0x42: 4}
# STOP, JUMP, RETURN, REVERT, INVALID, SELFDESTRUCT
_LAST = {0x00, 0x56, 0xF3, 0xFD, 0xFE, 0xFF}


class _Segment:
    """A stretch of opcodes without a jump, and what stands behind it."""

    __slots__ = ("after", "left", "opcodes", "run")

    def __init__(self, opcodes: tuple[tuple[int, int], ...], after: Any) -> None:
        self.opcodes = opcodes
        self.after = after
        self.left = HOT
        self.run: Run | None = None


class _Program:
    """Code, decoded block by block when first reached."""

    def __init__(self, code: bytes) -> None:
        self.code = code
        self.stream = CodeStream(code)
        self.blocks: dict[int, _Node] = {}

    def target(self, pc: int) -> _Node:
        """The block that a jump to `pc` reaches."""
        code = self.code
        if pc >= len(code) or code[pc] != 0x5B or not self.stream.is_valid_opcode(pc):
            raise InvalidJumpDestination(f"Invalid Jump Destination {pc}")
        return self.block(pc)

    def block(self, start: int) -> _Node:
        """The block at `start`, which is known to be an instruction."""
        found = self.blocks.get(start)
        if found is None:
            found = self.blocks[start] = self._decode(start)
        return found

    def _decode(self, start: int) -> _Node:
        code = self.code
        read: list[tuple[int, int, int]] = []
        joined: Any = None
        for pc, opcode, argument in instructions(code, start):
            if opcode == 0x5B and pc != start:
                # Another block may have been decoded from here: join it.
                joined = (_GOTO, pc, None, pc)
                break
            read.append((pc, opcode, argument))
            if opcode in _LAST:
                break
        node, after = joined, joined
        # From the end: `stretch` are the opcodes that can be one with what stands before.
        stretch: list[tuple[int, int]] = []
        for index in range(len(read) - 1, -1, -1):
            pc, opcode, argument = read[index]
            following = read[index + 1][1] if index + 1 < len(read) else None
            if following == 0x57 and 0x5F <= opcode <= 0x7F:
                # Target and jump in one; what is pushed is never seen.
                node = (_JUMPI_TO, argument, node[2], node[3])
                after, stretch = node, []
                continue
            node = (*_decoded(pc, opcode, argument)[:2], node, pc)
            if opcode not in SEGMENTED:
                after, stretch = node, []
                continue
            stretch.append((opcode, argument))
            begins = index == 0 or read[index - 1][1] not in SEGMENTED
            if begins and len(stretch) >= _SHORTEST:
                node = (_SEGMENT, _Segment(tuple(reversed(stretch)), after), node, pc)
        entry: _Node = node
        return entry


def instructions(code: bytes, start: int = 0) -> Iterator[tuple[int, int, int]]:
    """(pc, opcode, pushed value) of each instruction from `start` on, and the STOP at the end."""
    pc, end = start, len(code)
    while pc < end:
        opcode = code[pc]
        if 0x5F <= opcode <= 0x7F:
            size = opcode - 0x5F
            # Code may end within the value; the missing bytes are zero.
            value = int.from_bytes(code[pc + 1 : pc + 1 + size].ljust(size, b"\0"), "big")
            yield pc, opcode, value
            pc += 1 + size
        else:
            yield pc, opcode, 0
            pc += 1
    yield max(pc, end), 0, 0


def _decoded(pc: int, opcode: int, argument: int) -> tuple[int, Any, int]:
    if 0x5F <= opcode <= 0x7F:
        # PUSH0 costs 2, the others 3.
        return _PUSH, (argument, 2 if opcode == 0x5F else 3), pc
    if 0x80 <= opcode <= 0x8F:
        return _DUP, 0x7F - opcode, pc
    if 0x90 <= opcode <= 0x9F:
        return _SWAP, 0x8E - opcode, pc
    if opcode in _BINARIES:
        return _BINARY, _BINARIES[opcode], pc
    if opcode in _UNARIES:
        return _UNARY, _UNARIES[opcode], pc
    if opcode in _FRAMES:
        return _FRAME, _FRAMES[opcode], pc
    kind = {
        0x5B: _JUMPDEST,
        0x57: _JUMPI,
        0x56: _JUMP,
        0x52: _MSTORE,
        0x51: _MLOAD,
        0x50: _POP,
        0x54: _SLOAD,
        0x20: _KECCAK,
        0x35: _CALLDATALOAD,
        0xF3: _RETURN,
    }.get(opcode, _OTHER)
    return kind, OPCODES[opcode] if kind == _OTHER else None, pc


class _Programs(dict[bytes, _Program]):
    def __missing__(self, code: bytes) -> _Program:
        if len(self) > 2_000:
            # Creation code differs with its arguments; what is still in use is decoded again.
            self.clear()
        program = self[code] = _Program(code)
        return program


_PROGRAMS = _Programs()


class Trace(NamedTuple):
    """Where a frame went: straight runs of code, and the branches it took or didn't.

    Attributes:
        runs: (first pc, last pc) of each stretch without a jump taken, in order.
        jumps: (pc, taken) of every JUMPI, in order.
    """

    runs: list[tuple[int, int]]
    jumps: list[tuple[int, bool]]


def execute(computation: Any, trace: Trace | None = None) -> None:
    """Runs a computation's code until it halts; raises py-evm's errors.

    Args:
        computation: prepared by py-evm, nothing executed yet.
        trace: filled in when given.
    """
    message, state = computation.msg, computation.state
    program = _PROGRAMS[message.code]
    blocks = program.blocks
    # Shared by all that run this code: py-evm's opcodes are told where they are each time.
    code = computation.code = program.stream
    stack = computation._stack.values  # noqa: SLF001 - the accessors are what takes the time
    push, pop = stack.append, stack.pop
    memory, meter = computation._memory, computation._gas_meter  # noqa: SLF001
    content: bytearray = memory._bytes  # noqa: SLF001
    gas: int = meter.gas_remaining
    address = message.storage_address
    data = bytes(message.data)
    slots, warm, undo = state.slots, state.warm, state.undo
    # In the order that `segments` has it.
    frame: tuple[Any, ...] = (
        int.from_bytes(address, "big"),
        int.from_bytes(message.sender, "big"),
        message.value,
        len(data),
        state.timestamp,
        address,
        data,
        message.code,
        state,
        computation,
        slots,
        warm,
        undo,
    )
    start = pc = 0
    node: Any = program.block(0)
    try:
        while True:
            kind, argument, node, pc = node
            if kind == _SEGMENT:
                run = argument.run
                if run is None:
                    if argument.left:
                        argument.left -= 1
                        continue
                    run = argument.run = compiled(argument.opcodes)
                gas = run(stack, memory, gas, frame)
                content = memory._bytes  # noqa: SLF001
                node = argument.after
            elif kind <= _BINARY:
                if kind == _PUSH:
                    value, cost = argument
                    gas -= cost
                    if len(stack) > 1023:
                        raise FullStack("Stack limit reached")
                    push(value)
                elif kind == _BINARY:
                    function, cost = argument
                    gas -= cost
                    a = pop()
                    stack[-1] = function(a, stack[-1])
                elif kind == _DUP:
                    gas -= 3
                    if len(stack) > 1023:
                        raise FullStack("Stack limit reached")
                    push(stack[argument])
                else:
                    gas -= 3
                    stack[-1], stack[argument] = stack[argument], stack[-1]
            elif kind <= _JUMP:
                if kind == _JUMPI_TO:
                    gas -= 13
                    if len(stack) > 1023:
                        raise FullStack("Stack limit reached")
                    taken = pop()
                    if trace is not None:
                        trace.jumps.append((pc, taken != 0))
                    if taken:
                        if gas < 0:
                            break
                        node = blocks.get(argument) or program.target(argument)
                        if trace is not None:
                            trace.runs.append((start, pc))
                            start = argument
                elif kind == _JUMPDEST:
                    gas -= 1
                elif kind == _JUMPI:
                    gas -= 10
                    target, condition = pop(), pop()
                    if trace is not None:
                        trace.jumps.append((pc, condition != 0))
                    if condition:
                        if gas < 0:
                            break
                        node = blocks.get(target) or program.target(target)
                        if trace is not None:
                            trace.runs.append((start, pc))
                            start = target
                else:
                    gas -= 8
                    target = pop()
                    if gas < 0:
                        break
                    node = blocks.get(target) or program.target(target)
                    if trace is not None:
                        trace.runs.append((start, pc))
                        start = target
            elif kind <= _MLOAD:
                gas -= 3
                at = pop()
                end = at + 32
                if end > len(content):
                    gas = grow(memory, end, gas)
                    content = memory._bytes  # noqa: SLF001
                if kind == _MSTORE:
                    content[at:end] = pop().to_bytes(32, "big")
                else:
                    push(int.from_bytes(content[at:end], "big"))
            elif kind == _UNARY:
                gas -= 3
                stack[-1] = argument(stack[-1])
            elif kind == _POP:
                gas -= 2
                pop()
            elif kind == _FRAME:
                gas -= 2
                if len(stack) > 1023:
                    raise FullStack("Stack limit reached")
                push(frame[argument])
            elif kind == _SLOAD:
                key = (address, stack[-1])
                if key in warm:
                    gas -= 100
                else:
                    gas -= 2_100
                    undo.append((warm, key, state.ABSENT))
                    warm[key] = True
                stack[-1] = slots.get(key, 0)
            elif kind == _KECCAK:
                at, size = pop(), pop()
                gas -= 30 + 6 * ((size + 31) // 32)
                end = at + size
                if size and end > len(content):
                    gas = grow(memory, end, gas)
                    content = memory._bytes  # noqa: SLF001
                piece = bytes(content[at:end])
                push(place_of(piece) if size == 64 else int.from_bytes(keccak(piece), "big"))
            elif kind == _CALLDATALOAD:
                gas -= 3
                at = stack[-1]
                stack[-1] = int.from_bytes(data[at : at + 32].ljust(32, b"\0"), "big")
            elif kind == _GOTO:
                node = program.block(argument)
            elif kind == _RETURN:
                at, size = pop(), pop()
                end = at + size
                if size and end > len(content):
                    gas = grow(memory, end, gas)
                    content = memory._bytes  # noqa: SLF001
                if gas < 0:
                    break
                computation.output = bytes(content[at:end])
                return
            else:
                if gas < 0:
                    break
                code.program_counter = pc + 1
                meter.gas_remaining = gas
                try:
                    argument(computation)
                finally:
                    gas = meter.gas_remaining
                content = memory._bytes  # noqa: SLF001
            if gas < 0:
                break
        raise OutOfGas
    except IndexError:
        raise InsufficientStack("Insufficient stack items") from None
    except Halt:
        pass
    finally:
        meter.gas_remaining = max(gas, 0)
        if trace is not None:
            trace.runs.append((start, pc))
