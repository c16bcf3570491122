"""The ABI codec agrees with eth_abi, RLP with rlp, byte for byte."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import Any

import eth_abi
import pytest
import rlp
from hypothesis import given
from hypothesis import strategies as st

from tallystick.chain import rlp as ours
from tallystick.chain.abi import (
    CodecError,
    Interface,
    Parameters,
    address_of,
    encode,
    parameter_type,
)

_BITS = st.integers(1, 32).map(lambda n: n * 8)


def _entry(text: str, **more: Any) -> dict[str, Any]:
    return {"name": "", "type": text, **more}


_elementary = st.one_of(
    st.just(_entry("address")),
    st.just(_entry("bool")),
    st.just(_entry("bytes")),
    st.just(_entry("string")),
    _BITS.map(lambda bits: _entry(f"uint{bits}")),
    _BITS.map(lambda bits: _entry(f"int{bits}")),
    st.integers(1, 32).map(lambda n: _entry(f"bytes{n}")),
)
_types = st.recursive(
    _elementary,
    lambda inner: st.one_of(
        inner.map(lambda entry: {**entry, "type": entry["type"] + "[]"}),
        st.tuples(inner, st.integers(1, 3)).map(
            lambda pair: {**pair[0], "type": f"{pair[0]['type']}[{pair[1]}]"}
        ),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda parts: _entry(
                "tuple", components=[{**part, "name": f"m{i}"} for i, part in enumerate(parts)]
            )
        ),
    ),
    max_leaves=5,
)


def _values(entry: dict[str, Any]) -> st.SearchStrategy[Any]:
    text = entry["type"]
    if text.endswith("]"):
        inner, _, count = text[:-1].rpartition("[")
        element = _values({**entry, "type": inner})
        if count:
            return st.lists(element, min_size=int(count), max_size=int(count))
        return st.lists(element, max_size=3)
    if text == "tuple":
        return st.tuples(*(_values(part) for part in entry["components"]))
    if text == "address":
        return st.binary(min_size=20, max_size=20).map(address_of)
    if text == "bool":
        return st.booleans()
    if text == "string":
        return st.text(max_size=40)
    if text == "bytes":
        return st.binary(max_size=70)
    if text.startswith("bytes"):
        return st.binary(min_size=int(text[5:]), max_size=int(text[5:]))
    if text.startswith("uint"):
        return st.integers(0, 2 ** int(text[4:]) - 1)
    bits = int(text[3:])
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@st.composite
def _cases(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[Any]]:
    entries = draw(st.lists(_types, max_size=4))
    return entries, [draw(_values(entry)) for entry in entries]


def _plain(value: Any) -> Any:
    """Structs and lists as tuples, addresses in lower case, as eth_abi returns them."""
    if isinstance(value, tuple | list):
        return tuple(_plain(item) for item in value)
    if isinstance(value, str) and len(value) == 42 and value.startswith("0x"):
        return value.lower()
    return value


@given(_cases())
def test_it_writes_and_reads_what_eth_abi_does(
    case: tuple[list[dict[str, Any]], list[Any]],
) -> None:
    entries, values = case
    types = [parameter_type(entry) for entry in entries]
    parameters = Parameters(entries)
    encoded = parameters.encode(values)
    assert encoded == encode(types, values) == eth_abi.encode(types, values)
    assert _plain(parameters.decode(encoded)) == _plain(eth_abi.decode(types, encoded))
    assert parameters.encode(parameters.decode(encoded)) == encoded


@given(_cases(), st.data())
def test_a_part_is_an_error_and_no_crash(
    case: tuple[list[dict[str, Any]], list[Any]], data: st.DataObject
) -> None:
    entries, values = case
    encoded = Parameters(entries).encode(values)
    if encoded:
        part = encoded[: data.draw(st.integers(0, len(encoded) - 1))]
        with contextlib.suppress(CodecError):
            Parameters(entries).decode(part)


@given(st.lists(_types, min_size=1, max_size=3), st.binary(max_size=300))
def test_arbitrary_bytes_are_read_or_refused(entries: list[dict[str, Any]], data: bytes) -> None:
    with contextlib.suppress(CodecError):
        Parameters(entries).decode(data)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("uint8", 256),
        ("int8", -129),
        ("uint256", "1"),
        ("uint256", True),
        ("bool", 1),
        ("bytes4", b"abc"),
        ("bytes4", "0xabcdef"),
        ("bytes32", "text"),
        ("bytes", "0xabc"),
        ("string", b"text"),
        ("address", "0x00"),
        ("address", "0x" + "zz" * 20),
        ("address", 5),
        ("uint8[2]", [1]),
        ("uint8[]", "12"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, value: Any) -> None:
    with pytest.raises(CodecError):
        Parameters([_entry(text)]).encode([value])


def test_fixed_point() -> None:
    parameters = Parameters([_entry("fixed168x10")])
    encoded = parameters.encode(["-1.5"])
    assert encoded == eth_abi.encode(["fixed168x10"], [parameters.decode(encoded)[0]])
    with pytest.raises(CodecError):
        parameters.encode(["0.00000000001"])


def test_an_interface_is_made_once() -> None:
    abi = [{"type": "function", "name": "f", "inputs": [], "outputs": []}]
    assert Interface.of(abi) is Interface.of(abi)


def test_the_words_of_the_contracts_bring_no_evm_and_no_second_codec() -> None:
    code = (
        "import sys, tallystick.bridge.message, tallystick.registry.record; "
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'eth', 'eth_abi', 'eth_account', 'rlp', 'web3'}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_types_written_out_are_told_when_a_value_does_not_fit() -> None:
    with pytest.raises(CodecError, match=r"\(string,\(address,uint8\)\[\]\): value 2: .*256"):
        encode(["string", "(address,uint8)[]"], ["a", [("0x" + "11" * 20, 256)]])


@given(st.lists(st.one_of(st.integers(0, 2**256), st.binary(max_size=80)), max_size=5))
def test_it_writes_rlp_as_the_rlp_package_does(items: list[int | bytes]) -> None:
    assert ours.encode(items) == rlp.encode(items)
