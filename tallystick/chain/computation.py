"""One message's execution: py-evm's, without the cost of its logging and checks."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from eth.constants import CREATE_CONTRACT_ADDRESS
from eth.exceptions import FullStack, InsufficientStack, OutOfGas, VMError
from eth.vm.code_stream import CodeStream
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.gas_meter import GasMeter, allow_negative_refund_strategy
from eth.vm.memory import Memory
from eth.vm.message import Message
from eth.vm.stack import Stack

from tallystick.chain.frames import Frame, Tracer
from tallystick.chain.interpreter import Trace, execute
from tallystick.chain.segments import grow
from tallystick.chain.state import PRECOMPILES, State

__all__ = ["Computation", "ReferenceComputation", "traced"]


class ReferenceComputation(PragueComputation):
    """py-evm's computation over our state; what opcodes do with it is py-evm's."""

    def __init__(self, state: State, message: Message, transaction_context: Any) -> None:
        self.state = state
        self.msg = message
        self.transaction_context = transaction_context
        self.code = CodeStream(message.code)
        # A slot that is cleared and set again takes its refund back (EIP-3529).
        self._gas_meter = GasMeter(message.gas, allow_negative_refund_strategy)
        self.children = []
        self.accounts_to_delete = []
        self.beneficiaries = []
        self._stack = Stack()
        self._memory = Memory()
        self._log_entries = []
        self.data_floor_cost = 0

    @classmethod
    def apply_computation(
        cls,
        state: Any,
        message: Any,
        transaction_context: Any,
        parent_computation: Any = None,
    ) -> Any:
        """The original's steps in the original's order."""
        computation: Any = cls(state, message, transaction_context)
        try:
            if parent_computation is not None:
                computation.contracts_created = parent_computation.contracts_created
            else:
                computation.contracts_created = []
                if message.is_create:
                    cls.consume_initcode_gas_cost(computation)
            if message.is_create:
                computation.contracts_created.append(message.storage_address)
            precompile = PRECOMPILES.get(message.code_address)
            if precompile is not None:
                if not message.is_delegation:
                    precompile(computation)
                return computation
            cls.run(computation)
        except VMError as error:
            computation.__exit__(type(error), error, None)
        return computation

    @staticmethod
    @abstractmethod
    def run(computation: Any) -> None:
        """Executes until it halts."""


class _Message(Message):
    """A call inside a transaction: its parts come from the interpreter, which has them right."""

    __slots__ = ("code_address", "is_create", "is_delegation", "storage_address")

    def __init__(
        self,
        gas: int,
        to: Any,
        sender: Any,
        value: int,
        data: Any,
        code: bytes,
        depth: int = 0,
        create_address: Any = None,
        code_address: Any = None,
        should_transfer_value: bool = True,
        is_static: bool = False,
        is_delegation: bool = False,
        refund: int = 0,
    ) -> None:
        self.gas, self.to, self.sender, self.value = gas, to, sender, value
        self.data, self.code, self.depth, self.refund = data, code, depth, refund
        self.storage_address = create_address or to
        self.code_address = code_address or to
        self.should_transfer_value, self.is_static = should_transfer_value, is_static
        self.is_create = to == CREATE_CONTRACT_ADDRESS  # type: ignore[misc]
        self.is_delegation = is_delegation


class _Meter(GasMeter):
    def __init__(self, gas: int) -> None:
        # A slot that is cleared and set again takes its refund back (EIP-3529).
        self.refund_strategy = allow_negative_refund_strategy
        self.start_gas = self.gas_remaining = gas
        self.gas_refunded = 0


class _Stack:
    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: list[int] = []


class Computation(ReferenceComputation):
    """The one that chains have: what opcodes ask most is answered here.

    The stack holds integers only (see `interpreter`) but for what an opcode leaves on top.
    """

    _stack: Any
    _memory: Any
    _gas_meter: Any

    def __init__(self, state: State, message: Message, transaction_context: Any) -> None:
        self.state = state
        self.msg = message
        self.transaction_context = transaction_context
        self._gas_meter = _Meter(message.gas)
        self.children = []
        self.accounts_to_delete = []
        self.beneficiaries = []
        self._stack = _Stack()
        self._memory = Memory()
        self._log_entries = []
        self.data_floor_cost = 0

    def prepare_child_message(
        self, gas: int, to: Any, value: int, data: Any, code: bytes, **others: Any
    ) -> Message:
        others.setdefault("sender", self.msg.storage_address)
        return _Message(
            gas=gas, to=to, value=value, data=data, code=code, depth=self.msg.depth + 1, **others
        )

    # -- outcome --

    @property
    def is_error(self) -> bool:
        return self._error is not None

    @property
    def is_success(self) -> bool:
        return self._error is None

    @property
    def output(self) -> bytes:
        error: Any = self._error
        return b"" if error is not None and error.erases_return_data else self._output

    @output.setter
    def output(self, value: bytes) -> None:
        self._output = value

    # -- gas and memory --

    def consume_gas(self, amount: int, reason: str) -> None:
        meter = self._gas_meter
        if amount > meter.gas_remaining:
            raise OutOfGas(
                f"Out of gas: Needed {amount} - Remaining {meter.gas_remaining} - Reason: {reason}"
            )
        meter.gas_remaining -= amount

    def extend_memory(self, start_position: int, size: int) -> None:
        end = start_position + size
        if size and end > len(self._memory._bytes):  # noqa: SLF001 - as in `interpreter`
            meter = self._gas_meter
            meter.gas_remaining = grow(self._memory, end, meter.gas_remaining)

    def memory_write(self, start_position: int, size: int, value: bytes) -> None:
        if size:
            self._memory._bytes[start_position : start_position + size] = value  # noqa: SLF001

    # -- stack --

    def stack_pop_ints(self, count: int) -> Any:
        values = self._stack.values
        if count > len(values):
            raise InsufficientStack(f"Wanted {count} stack items, only had {len(values)}")
        taken = values[: -count - 1 : -1]
        del values[-count:]
        return taken

    def stack_pop1_int(self) -> int:
        values = self._stack.values
        if not values:
            raise InsufficientStack("Wanted 1 stack item, had none")
        found: int = values.pop()
        return found

    def stack_pop1_bytes(self) -> bytes:
        value = self.stack_pop1_int()
        return value.to_bytes((value.bit_length() + 7) // 8 or 1, "big")

    def stack_push_int(self, value: int) -> None:
        values = self._stack.values
        if len(values) > 1023:
            raise FullStack("Stack limit reached")
        values.append(value)

    def stack_push_bytes(self, value: bytes) -> None:
        self.stack_push_int(int.from_bytes(value, "big"))

    @staticmethod
    def run(computation: Any) -> None:
        execute(computation)


def traced(tracer: Tracer) -> type[Computation]:
    """A computation that reports every frame; a class of its own, so the other pays nothing."""

    class Traced(Computation):
        @staticmethod
        def run(computation: Any) -> None:
            trace, message = Trace([], []), computation.msg
            try:
                execute(computation, trace)
            finally:
                frame = Frame(
                    message.code,
                    tuple(trace.runs),
                    tuple(trace.jumps),
                    message.is_create,
                    message.storage_address,
                    message.code_address,
                )
                tracer(frame)

    return Traced
