"""`reverts`: the block is refused, for exactly that reason."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from tallystick.chain.abi import CodecError, address_bytes
from tallystick.chain.receipt import Revert, text_of

__all__ = ["reverts"]


class reverts:  # noqa: N801 - reads as a word: `with reverts("token: paused"):`
    """Passes when the block reverts exactly so; fails when it doesn't, or does otherwise.

    Args:
        reason: the exact text of the reason.
        error: the name of a custom error.
        args: its arguments, all of them, in order; not looked at when left out.
        panic: a panic code.
        data: the exact revert data.
        halt: True for a stop without REVERT (out of gas, invalid opcode).

    With nothing given the revert must carry no data at all, as the compiler's own checks do
    (overflow, a clamp, an assertion without a reason). After the block, `value` is the `Revert`.
    """

    def __init__(
        self,
        reason: str | None = None,
        *,
        error: str | None = None,
        args: Sequence[Any] | None = None,
        panic: int | None = None,
        data: bytes | None = None,
        halt: bool = False,
    ) -> None:
        given = [x for x in (reason, error, panic, data, halt or None) if x is not None]
        if len(given) > 1 or (args is not None and error is None):
            raise TypeError("reverts() takes one of: reason, error with args, panic, data, halt")
        self.reason = reason
        self.error = error
        self.args = None if args is None else tuple(args)
        self.panic = panic
        self.data = data
        self.halt = halt
        self._value: Revert | None = None

    @property
    def value(self) -> Revert:
        """The revert that was caught."""
        if self._value is None:
            raise AttributeError("nothing has reverted yet")
        return self._value

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if kind is None:
            raise AssertionError(f"did not revert; expected: {self._expected()}")
        if not isinstance(value, Revert):
            return False
        self._value = value
        if not self._matches(value):
            raise AssertionError(f"{value}; expected: {self._expected()}") from value
        return True

    def _expected(self) -> str:
        if self.reason is not None:
            return f"reverted: {self.reason}"
        if self.error is not None:
            inner = "…" if self.args is None else ", ".join(text_of(a) for a in self.args)
            return f"reverted: {self.error}({inner})"
        if self.panic is not None:
            return f"panic 0x{self.panic:02x}"
        if self.data is not None:
            return f"data 0x{self.data.hex()}"
        return "a halt" if self.halt else "reverted without a reason"

    def _matches(self, value: Revert) -> bool:
        if self.reason is not None:
            return value.reason == self.reason
        if self.error is not None:
            if value.error is None or value.error[0] != self.error:
                return False
            return self.args is None or _same(tuple(value.error[1].values()), self.args)
        if self.panic is not None:
            return value.panic == self.panic
        if self.data is not None:
            return value.data == self.data
        if self.halt:
            return value.halt is not None
        return not value.data and value.halt is None


def _same(left: Any, right: Any) -> bool:
    """Equality in which an address may be text of any case, an account or a contract."""
    if left == right:
        return True
    if isinstance(left, tuple | list) and isinstance(right, tuple | list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, bytes) and isinstance(right, str):
        return f"0x{left.hex()}" == right.lower()
    if isinstance(left, str) and left.startswith("0x") and not isinstance(right, int):
        try:
            return address_bytes(left) == address_bytes(right)
        except CodecError:
            return False
    return False
