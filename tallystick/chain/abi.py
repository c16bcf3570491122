"""The contract ABI: values to bytes and back, compiled once for each list of parameters.

One pass converts what callers like to write (hex strings, accounts, contracts, dicts, dataclasses)
and encodes it; eth_abi in its place would take a pass of each and several times as long. The tests
compare the two byte for byte. It is the one codec, and keccak and checksums are here too, for the
words of the contracts as for the ledgers: nothing of an EVM is imported.
"""

from __future__ import annotations

import dataclasses
import functools
import keyword
import re
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from eth_hash.auto import keccak as _keccak
from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from tallystick.build import abi_parameter

__all__ = [
    "CodecError",
    "ErrorABI",
    "EventABI",
    "FunctionABI",
    "Interface",
    "Parameters",
    "address_bytes",
    "address_of",
    "checksum",
    "encode",
    "keccak",
    "parameter_type",
]

AbiEntry = Mapping[str, Any]


class CodecError(ValueError):
    """A value doesn't fit its ABI type, or bytes are no encoding of the type."""


def keccak(data: bytes) -> bytes:
    """Keccak-256, 32 bytes."""
    return _keccak(data)


@functools.lru_cache(maxsize=65536)
def checksum(address: bytes) -> ChecksumAddress:
    """The checksummed text of a 20-byte address."""
    return to_checksum_address(address)


@functools.lru_cache(maxsize=65536)
def _parsed_address(text: str) -> bytes:
    digits = text[2:] if text[:2] in {"0x", "0X"} else text
    if len(digits) != 40:
        raise CodecError(f"{text!r} is no address: an address has 40 hex digits")
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise CodecError(f"{text!r} is no address: not hexadecimal") from None


def address_bytes(value: Any) -> bytes:
    """The 20 bytes of an address given as text, bytes, Account, Contract, or anything with one."""
    if isinstance(value, str):
        return _parsed_address(value)
    if isinstance(value, bytes | bytearray):
        if len(value) != 20:
            raise CodecError(f"0x{value.hex()} is no address: an address has 20 bytes")
        return bytes(value)
    inner = getattr(value, "address", None)
    if isinstance(inner, str):
        return _parsed_address(inner)
    raise CodecError(f"{value!r} is no address")


def address_of(value: Any) -> ChecksumAddress:
    """The checksummed address of whatever `address_bytes` takes."""
    return checksum(address_bytes(value))


Encoder = Callable[[Any], bytes]
# (data, offset of the value, offset that its dynamic parts count from is the caller's affair)
Decoder = Callable[[bytes, int], Any]


class _Type(NamedTuple):
    """How one ABI type is written and read; `size` is what it takes in the head, in bytes."""

    dynamic: bool
    size: int
    encode: Encoder
    decode: Decoder


def _word(data: bytes, at: int) -> int:
    if at < 0 or at + 32 > len(data):
        raise CodecError("the data ends within a value")
    return int.from_bytes(data[at : at + 32], "big")


def _integer(text: str) -> _Type:
    signed = text.startswith("i")
    bits = int(text[3:] if signed else text[4:])
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)

    def encode(value: Any) -> bytes:
        if not isinstance(value, int) or isinstance(value, bool):
            raise CodecError(f"{value!r} is no {text}")
        if not low <= value <= high:
            raise CodecError(f"{value} is outside {text}")
        return (value & _MAX).to_bytes(32, "big")

    def decode(data: bytes, at: int) -> int:
        value = _word(data, at)
        if signed and value >> 255:
            value -= 1 << 256
        if not low <= value <= high:
            raise CodecError(f"{value} is outside {text}")
        return value

    return _Type(False, 32, encode, decode)


_MAX = (1 << 256) - 1


def _encode_address(value: Any) -> bytes:
    return b"\0" * 12 + address_bytes(value)


def _decode_address(data: bytes, at: int) -> ChecksumAddress:
    if at + 32 > len(data):
        raise CodecError("the data ends within a value")
    return checksum(bytes(data[at + 12 : at + 32]))


_TRUE, _FALSE = (1).to_bytes(32, "big"), bytes(32)


def _encode_bool(value: Any) -> bytes:
    if value is True:
        return _TRUE
    if value is False:
        return _FALSE
    raise CodecError(f"{value!r} is no bool")


def _decode_bool(data: bytes, at: int) -> bool:
    value = _word(data, at)
    if value > 1:
        raise CodecError(f"{value} is no bool")
    return value == 1


def _as_bytes(value: Any, text: str) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str) and value[:2] in {"0x", "0X"}:
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            raise CodecError(f"{value!r} is no hexadecimal {text}") from None
    raise CodecError(f"{value!r} is no {text}")


def _fixed_bytes(text: str) -> _Type:
    length = int(text[5:])
    padding = bytes(32 - length)

    def encode(value: Any) -> bytes:
        given = _as_bytes(value, text)
        if len(given) != length:
            raise CodecError(f"0x{given.hex()} is no {text}: it has {len(given)} bytes")
        return given + padding

    def decode(data: bytes, at: int) -> bytes:
        if at + 32 > len(data):
            raise CodecError("the data ends within a value")
        return bytes(data[at : at + length])

    return _Type(False, 32, encode, decode)


def _with_length(content: bytes) -> bytes:
    return len(content).to_bytes(32, "big") + content + bytes(-len(content) % 32)


def _read_bytes(data: bytes, at: int) -> bytes:
    length = _word(data, at)
    if at + 32 + length > len(data):
        raise CodecError("the data ends within a value")
    return bytes(data[at + 32 : at + 32 + length])


def _encode_bytes(value: Any) -> bytes:
    return _with_length(_as_bytes(value, "bytes"))


def _encode_string(value: Any) -> bytes:
    if not isinstance(value, str):
        raise CodecError(f"{value!r} is no string")
    return _with_length(value.encode())


def _read_string(data: bytes, at: int) -> str:
    # What a contract holds need not be UTF-8; a reader that raises would hide the rest.
    return _read_bytes(data, at).decode(errors="backslashreplace")


def _fixed_point(text: str) -> _Type:
    bits, _, scale = text.removeprefix("fixed").partition("x")
    places = int(scale)
    inner = _integer(f"int{bits}")

    def encode(value: Any) -> bytes:
        scaled = Decimal(value).scaleb(places)
        if scaled != int(scaled):
            raise CodecError(f"{value} has more than {places} decimal places")
        return inner.encode(int(scaled))

    def decode(data: bytes, at: int) -> Decimal:
        return Decimal(inner.decode(data, at)).scaleb(-places)

    return _Type(False, 32, encode, decode)


def _sequence(types: Sequence[_Type]) -> tuple[Callable[[Sequence[Any]], bytes], Decoder, int]:
    """Encoder and decoder of values after one another with their dynamic parts behind them."""
    head_size = sum(32 if kind.dynamic else kind.size for kind in types)
    if not any(kind.dynamic for kind in types):
        encoders = [kind.encode for kind in types]

        def encode_static(values: Sequence[Any]) -> bytes:
            return b"".join([f(v) for f, v in zip(encoders, values, strict=True)])

        def decode_static(data: bytes, at: int) -> tuple[Any, ...]:
            values = []
            for kind in types:
                values.append(kind.decode(data, at))
                at += kind.size
            return tuple(values)

        return encode_static, decode_static, head_size

    def encode(values: Sequence[Any]) -> bytes:
        heads, tails, position = [], [], head_size
        for kind, value in zip(types, values, strict=True):
            content = kind.encode(value)
            if kind.dynamic:
                heads.append(position.to_bytes(32, "big"))
                tails.append(content)
                position += len(content)
            else:
                heads.append(content)
        return b"".join(heads) + b"".join(tails)

    def decode(data: bytes, at: int) -> tuple[Any, ...]:
        values, position = [], at
        for kind in types:
            if kind.dynamic:
                values.append(kind.decode(data, at + _word(data, position)))
                position += 32
            else:
                values.append(kind.decode(data, position))
                position += kind.size
        return tuple(values)

    return encode, decode, head_size


def _array(element: _Type, count: int | None, text: str) -> _Type:
    fixed = {count: _sequence([element] * count)} if count is not None else {}

    def of(n: int) -> tuple[Callable[[Sequence[Any]], bytes], Decoder, int]:
        return fixed[n] if n in fixed else _sequence([element] * n)

    def encode(value: Any) -> bytes:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
            raise CodecError(f"{value!r} is no {text}")
        if count is not None and len(value) != count:
            raise CodecError(f"{text} has {count} elements, not {len(value)}")
        content = of(len(value))[0](value)
        return content if count is not None else len(value).to_bytes(32, "big") + content

    def decode(data: bytes, at: int) -> list[Any]:
        if count is not None:
            return list(fixed[count][1](data, at))
        n = _word(data, at)
        # A length that can't be true is an error here, not an attempt to allocate it.
        if n * (32 if element.dynamic else element.size) > len(data) - at - 32:
            raise CodecError("the data ends within a value")
        return list(of(n)[1](data, at + 32))

    dynamic = count is None or element.dynamic
    size = 32 if dynamic or count is None else element.size * count
    return _Type(dynamic, size, encode, decode)


@functools.cache
def _record(names: tuple[str, ...]) -> Callable[..., Any]:
    """A named tuple class for a struct with these members."""
    if any(not name for name in names):
        return lambda *values: tuple(values)
    fields = [f"{name}_" if keyword.iskeyword(name) else name for name in names]
    # `rename` gives positional names to what named tuples don't allow, such as leading underscores.
    make: Callable[..., Callable[..., Any]] = namedtuple  # known at run time only
    return make("Struct", fields, rename=True)


def _members(value: Any, names: tuple[str, ...], text: str) -> Sequence[Any]:
    """The members of a struct given as a tuple, a dict or a dataclass, in the ABI's order."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        missing = [name for name in names if name not in value]
        unknown = [str(name) for name in value if name not in names]
        if missing or unknown:
            parts = [f"lacks {', '.join(missing)}"] if missing else []
            parts += [f"has no member {', '.join(unknown)}"] if unknown else []
            raise CodecError(f"the struct ({', '.join(names)}) {' and '.join(parts)}")
        return [value[name] for name in names]
    if isinstance(value, tuple | list):
        if len(value) != len(names):
            raise CodecError(f"{text} has {len(names)} members, not {len(value)}")
        return value
    raise CodecError(f"{value!r} is no {text}")


def _struct(components: Sequence[AbiEntry]) -> _Type:
    types = [_type_of(component) for component in components]
    names = tuple(str(component.get("name", "")) for component in components)
    text = "(" + ",".join(parameter_type(component) for component in components) + ")"
    encode_all, decode_all, size = _sequence(types)
    make = _record(names)

    def encode(value: Any) -> bytes:
        members = _members(value, names, text)
        try:
            return encode_all(members)
        except CodecError:
            # Again one by one, to say which member it was.
            for name, kind, member in zip(names, types, members, strict=True):
                try:
                    kind.encode(member)
                except CodecError as error:
                    raise CodecError(f"{name}: {error}") from None
            raise

    def decode(data: bytes, at: int) -> Any:
        return make(*decode_all(data, at))

    dynamic = any(kind.dynamic for kind in types)
    return _Type(dynamic, 32 if dynamic else size, encode, decode)


_SIMPLE = {
    "address": _Type(False, 32, _encode_address, _decode_address),
    "bool": _Type(False, 32, _encode_bool, _decode_bool),
    "bytes": _Type(True, 32, _encode_bytes, _read_bytes),
    "string": _Type(True, 32, _encode_string, _read_string),
}


@functools.cache
def _elementary(text: str) -> _Type:
    if text in _SIMPLE:
        return _SIMPLE[text]
    if re.fullmatch(r"u?int\d+", text):
        return _integer(text)
    if re.fullmatch(r"bytes\d+", text):
        return _fixed_bytes(text)
    if re.fullmatch(r"fixed\d+x\d+", text):
        return _fixed_point(text)
    raise CodecError(f"unknown ABI type {text!r}")


def _type_of(parameter: AbiEntry) -> _Type:
    text = str(parameter["type"])
    if text.endswith("]"):
        inner, _, count = text[:-1].rpartition("[")
        element = _type_of({**parameter, "type": inner})
        return _array(element, int(count) if count else None, parameter_type(parameter))
    if text == "tuple":
        return _struct(parameter["components"])
    return _elementary(text)


def parameter_type(parameter: AbiEntry) -> str:
    """The canonical type of an ABI parameter, structs written out: `(address,uint256)[]`."""
    text = str(parameter["type"])
    if text.startswith("tuple"):
        inner = ",".join(parameter_type(component) for component in parameter["components"])
        return f"({inner}){text[5:]}"
    return text


class Parameters:
    """A list of ABI parameters: encodes and decodes the values together."""

    __slots__ = ("_decode", "_encode", "_types", "count", "names", "signature")

    def __init__(self, parameters: Sequence[AbiEntry]) -> None:
        self._types = [_type_of(parameter) for parameter in parameters]
        self._encode, self._decode, _ = _sequence(self._types)
        self.count = len(parameters)
        self.names = tuple(str(parameter.get("name", "")) for parameter in parameters)
        self.signature = "(" + ",".join(parameter_type(p) for p in parameters) + ")"

    def encode(self, values: Sequence[Any], what: str = "") -> bytes:
        """The encoded values; `what` names the function or event in errors."""
        if len(values) != self.count:
            raise CodecError(f"{what}{self.signature} takes {self.count} values, not {len(values)}")
        try:
            return self._encode(values)
        except CodecError:
            # Again one by one, to say which it was; only on the way to an error.
            for i, (kind, value) in enumerate(zip(self._types, values, strict=True)):
                try:
                    kind.encode(value)
                except CodecError as error:
                    name = self.names[i] or f"value {i + 1}"
                    raise CodecError(f"{what}{self.signature}: {name}: {error}") from None
            raise

    def decode(self, data: bytes) -> tuple[Any, ...]:
        """The values in `data`."""
        values: tuple[Any, ...] = self._decode(data, 0)
        return values

    def normalise(self, values: Sequence[Any], what: str = "") -> tuple[Any, ...]:
        """The values as decoding would return them: addresses checksummed, structs named."""
        return self.decode(self.encode(values, what))


@functools.lru_cache(maxsize=256)
def _written_out(types: tuple[str, ...]) -> Parameters:
    return Parameters([abi_parameter("", text) for text in types])


def encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """The encoded values of types that are written out, such as `(address,uint256)[]`."""
    return _written_out(tuple(types)).encode(values)


class FunctionABI:
    """A function: selector, inputs, outputs."""

    __slots__ = ("constant", "entry", "inputs", "name", "outputs", "selector", "signature")

    def __init__(self, entry: AbiEntry) -> None:
        self.entry = entry
        self.name = str(entry["name"])
        self.inputs = Parameters(entry["inputs"])
        self.outputs = Parameters(entry.get("outputs", ()))
        self.signature = self.name + self.inputs.signature
        self.selector = keccak(self.signature.encode())[:4]
        self.constant = entry.get("stateMutability") in {"view", "pure"}

    def encode(self, values: Sequence[Any]) -> bytes:
        """Call data."""
        return self.selector + self.inputs.encode(values, self.name)

    def decode_output(self, data: bytes) -> Any:
        """None, the one value, or a tuple of them."""
        count = self.outputs.count
        if count == 0:
            return None
        if not data:
            raise CodecError(f"{self.signature} returned nothing: is there a contract?")
        values = self.outputs.decode(data)
        return values[0] if count == 1 else values


class EventABI:
    """An event: topic, indexed parameters and the others."""

    __slots__ = ("_data", "_indexed", "_order", "name", "names", "parameters", "signature", "topic")

    def __init__(self, entry: AbiEntry) -> None:
        inputs = entry["inputs"]
        self.name = str(entry["name"])
        self.names = tuple(str(parameter["name"]) for parameter in inputs)
        self.parameters = Parameters(inputs)
        self.signature = self.name + self.parameters.signature
        self.topic = keccak(self.signature.encode())
        self._indexed = [_type_of(p) for p in inputs if p.get("indexed")]
        self._data = Parameters([p for p in inputs if not p.get("indexed")])
        self._order = [bool(p.get("indexed")) for p in inputs]

    @property
    def topic_count(self) -> int:
        """How many topics a log of this event has, its own included."""
        return 1 + len(self._indexed)

    def decode(self, topics: Sequence[bytes], data: bytes) -> tuple[Any, ...]:
        """The arguments in order; an indexed dynamic one is the hash that the log holds."""
        indexed: Iterator[Any] = iter(
            [
                topic if kind.dynamic else kind.decode(topic, 0)
                for kind, topic in zip(self._indexed, topics[1:], strict=True)
            ]
        )
        others = iter(self._data.decode(data))
        return tuple(next(indexed) if is_indexed else next(others) for is_indexed in self._order)

    def normalise(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """The arguments as `decode` would return them."""
        decoded = list(self.parameters.normalise(values, self.name))
        kinds = iter(self._indexed)
        for i, is_indexed in enumerate(self._order):
            if is_indexed and (kind := next(kinds)).dynamic:
                # The log holds the hash of the content alone, without its length and padding.
                content = kind.encode(values[i])
                length = int.from_bytes(content[:32], "big")
                decoded[i] = keccak(content[32 : 32 + length])
        return tuple(decoded)


class ErrorABI:
    """A custom error."""

    __slots__ = ("inputs", "name", "selector", "signature")

    def __init__(self, entry: AbiEntry) -> None:
        self.name = str(entry["name"])
        self.inputs = Parameters(entry["inputs"])
        self.signature = self.name + self.inputs.signature
        self.selector = keccak(self.signature.encode())[:4]


class Interface:
    """An ABI, indexed for calling and decoding; made once for each ABI (`Interface.of`)."""

    _known: dict[int, Interface] = {}

    def __init__(self, abi: Sequence[AbiEntry]) -> None:
        self.abi = list(abi)
        self.functions: dict[str, list[FunctionABI]] = {}
        self.events: dict[bytes, EventABI] = {}
        self.events_by_name: dict[str, list[EventABI]] = {}
        self.errors: dict[bytes, ErrorABI] = {}
        self.constructor = Parameters(())
        for entry in self.abi:
            kind = entry.get("type", "function")
            if kind == "function":
                self.functions.setdefault(str(entry["name"]), []).append(FunctionABI(entry))
            elif kind == "event":
                event = EventABI(entry)
                self.events[event.topic] = event
                self.events_by_name.setdefault(event.name, []).append(event)
            elif kind == "error":
                error = ErrorABI(entry)
                self.errors[error.selector] = error
            elif kind == "constructor":
                self.constructor = Parameters(entry.get("inputs", ()))

    @classmethod
    def of(cls, abi: Sequence[AbiEntry]) -> Interface:
        """The interface of this very list; building one takes milliseconds."""
        found = cls._known.get(id(abi))
        if found is None:
            found = cls._known[id(abi)] = cls(abi)
            # Keeps the list alive, so that its id is never another list's.
            found._source = abi
        return found

    _source: Sequence[AbiEntry] = ()
