"""Contracts bound to their chain.

`token.mint(to, 5, sender=notary)` sends a transaction and returns its `Receipt`;
`token.balanceOf(to)` returns the value. Which it is follows from the ABI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth_typing import ChecksumAddress

from tallystick.chain.abi import CodecError, FunctionABI, Interface
from tallystick.chain.receipt import Args, ChainError, Event

if TYPE_CHECKING:
    from tallystick.build import Artifact
    from tallystick.chain.base import Chain
    from tallystick.chain.receipt import Receipt

__all__ = ["Contract", "Method", "Unreadable"]


class Unreadable(ChainError, CodecError):
    """A call gave back nothing, or what is no value of its type.

    Another contract is there than was thought, or none, or the node hasn't got it yet.
    """


class Method:
    """A function of a contract, with its overloads; the number of arguments chooses among them."""

    __slots__ = ("_by_count", "contract", "name", "overloads")

    def __init__(self, contract: Contract, name: str, overloads: list[FunctionABI]) -> None:
        self.contract = contract
        self.name = name
        self.overloads = overloads
        self._by_count: dict[int, FunctionABI | None] = {}
        for overload in overloads:
            count = overload.inputs.count
            # None: several take that many, and the values have to decide.
            self._by_count[count] = None if count in self._by_count else overload

    def __repr__(self) -> str:
        return f"<{', '.join(o.signature for o in self.overloads)} of {self.contract!r}>"

    def __call__(
        self, *args: Any, sender: Any = None, value: int = 0, gas: int | None = None
    ) -> Any:
        """A view or pure function: its value. Any other: the receipt of the transaction.

        Args:
            args: the function's arguments.
            sender: who calls; required for a transaction.
            value: wei sent along.
            gas: gas limit.

        Raises:
            Revert: it reverted.
            CodecError: an argument doesn't fit, or there is no overload for so many.
        """
        function, data = self._chosen(args)
        if function.constant:
            return self._view(function, data, sender, value, gas)
        return self._send(function, data, sender, value, gas, allow_failure=False)

    def call(
        self,
        *args: Any,
        sender: Any = None,
        value: int = 0,
        gas: int | None = None,
        block: int | None = None,
    ) -> Any:
        """What the function would return now, or returned in a block; changes nothing."""
        function, data = self._chosen(args)
        return self._view(function, data, sender, value, gas, block)

    def send(
        self,
        *args: Any,
        sender: Any,
        value: int = 0,
        gas: int | None = None,
        allow_failure: bool = False,
    ) -> Receipt:
        """A transaction, of a view function too (to measure its gas)."""
        function, data = self._chosen(args)
        return self._send(function, data, sender, value, gas, allow_failure=allow_failure)

    def encode(self, *args: Any) -> bytes:
        """The call data."""
        return self._chosen(args)[1]

    def decode(self, output: bytes) -> Any:
        """The value in what the function returned."""
        return self._only().decode_output(output)

    @property
    def selector(self) -> bytes:
        """The four bytes that call data starts with."""
        return self._only().selector

    @property
    def signature(self) -> str:
        """`name(types)`."""
        return self._only().signature

    def _only(self) -> FunctionABI:
        if len(self.overloads) != 1:
            listed = ", ".join(o.signature for o in self.overloads)
            raise CodecError(f'{self.name} is overloaded; take one by c.method("{listed}")')
        return self.overloads[0]

    def _chosen(self, args: tuple[Any, ...]) -> tuple[FunctionABI, bytes]:
        function = self._by_count.get(len(args))
        if function is not None:
            return function, function.encode(args)
        if len(args) not in self._by_count:
            listed = ", ".join(o.signature for o in self.overloads)
            raise CodecError(f"{listed}: none takes {len(args)} arguments")
        fitting = []
        for overload in self.overloads:
            if overload.inputs.count == len(args):
                try:
                    fitting.append((overload, overload.encode(args)))
                except CodecError:
                    continue
        if len(fitting) != 1:
            listed = ", ".join(o.signature for o in self.overloads)
            problem = "several overloads fit" if fitting else "no overload fits"
            raise CodecError(f"{problem} the arguments; {listed}: name one with c.method(...)")
        return fitting[0]

    def _view(
        self,
        function: FunctionABI,
        data: bytes,
        sender: Any,
        value: int,
        gas: int | None,
        block: int | None = None,
    ) -> Any:
        contract = self.contract
        output = contract.chain.call(
            to=contract.address, data=data, sender=sender, value=value, gas=gas, block=block
        )
        try:
            return function.decode_output(output)
        except CodecError as error:
            raise Unreadable(f"{contract!r}: {error}") from error

    def _send(
        self,
        function: FunctionABI,
        data: bytes,
        sender: Any,
        value: int,
        gas: int | None,
        *,
        allow_failure: bool,
    ) -> Receipt:
        if sender is None:
            raise TypeError(f"{function.signature} is a transaction: say who with sender=")
        contract = self.contract
        receipt = contract.chain.send(
            sender=sender,
            to=contract.address,
            data=data,
            value=value,
            gas=gas,
            allow_failure=allow_failure,
        )
        # Set after the fact, past the frozen dataclass: only the ABI knows what came back.
        object.__setattr__(receipt, "decode_output", function.decode_output)
        return receipt


class Contract:
    """A contract at an address of one chain; every function of its ABI is an attribute.

    Attributes:
        chain: the chain that all of its calls go to.
        address: checksummed.
        artifact: what it was compiled to.
        abi: its ABI.
        deployment: the receipt of its deployment, None when it was attached.
    """

    def __init__(
        self,
        chain: Chain,
        address: ChecksumAddress,
        artifact: Artifact,
        interface: Interface,
        deployment: Receipt | None = None,
    ) -> None:
        self.chain = chain
        self.address = address
        self.artifact = artifact
        self.interface = interface
        self.abi = interface.abi
        self.deployment = deployment

    def __getattr__(self, name: str) -> Method:
        # Reached once for each function: the method found is kept as an attribute.
        if name.startswith("__") or "interface" not in self.__dict__:
            raise AttributeError(name)
        overloads = self.interface.functions.get(name)
        if overloads is None:
            raise AttributeError(
                f"{self.artifact.name} has no function {name!r}; "
                f"there are: {', '.join(sorted(self.interface.functions))}"
            )
        method = Method(self, name, overloads)
        self.__dict__[name] = method
        return method

    def __repr__(self) -> str:
        return f"<{self.artifact.name} {self.address} on {self.chain.name}>"

    def __str__(self) -> str:
        return self.address

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Contract):
            return NotImplemented
        return self.chain is other.chain and self.address == other.address

    def __hash__(self) -> int:
        return hash((id(self.chain), self.address))

    def method(self, signature: str) -> Method:
        """One function by name, or by signature when it is overloaded: `lock(address,uint256)`."""
        name, _, types = signature.replace(" ", "").partition("(")
        overloads = self.interface.functions.get(name, [])
        if types:
            overloads = [o for o in overloads if o.signature == signature.replace(" ", "")]
        if not overloads:
            raise CodecError(f"{self.artifact.name} has no function {signature}")
        return Method(self, name, overloads)

    def events(self, from_block: int = 0, to_block: int | None = None) -> tuple[Event, ...]:
        """The events that this contract emitted, in order, both blocks included."""
        return self.chain.logs(self, from_block, to_block)

    def emitted(self, event: str, *args: Any, **named: Any) -> Event:
        """The event that this contract would have emitted, to compare receipts with.

        `assert receipt.events == (token.emitted("Transfer", a, b, 5),)`; arguments by position
        or by name.
        """
        candidates = self.interface.events_by_name.get(event, [])
        for abi in candidates:
            values = list(args)
            if named:
                missing = [n for n in abi.names[len(args) :] if n not in named]
                unknown = [n for n in named if n not in abi.names[len(args) :]]
                if missing or unknown:
                    wrong = ", ".join(missing + unknown)
                    raise CodecError(f"{abi.signature}: missing or unknown arguments: {wrong}")
                values += [named[n] for n in abi.names[len(args) :]]
            if len(values) != len(abi.names):
                continue
            decoded = abi.normalise(values)
            return Event(event, Args(dict(zip(abi.names, decoded, strict=True))), self.address)
        listed = ", ".join(abi.signature for abi in candidates)
        if listed:
            raise CodecError(f"{listed}: none takes {len(args) + len(named)} arguments")
        known = ", ".join(sorted(self.interface.events_by_name))
        raise CodecError(f"{self.artifact.name} has no event {event!r}; there are: {known}")
