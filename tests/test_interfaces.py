"""Each seam in `interfaces/` is what its contract offers, to the selector and the return type.

The compiler lets a function without a return value stand for one that has it (vyper #5149), and a
struct of a module is another type to it than the same struct of an interface; the ABI knows better.
"""

from __future__ import annotations

from typing import Any

import pytest
from vyper.compiler import compile_from_file_input
from vyper.compiler.input_bundle import FilesystemInputBundle

from tallystick import build

SEAMS = {
    "IActionsEngine": "ActionsEngine",
    "IBridgeEscrow": "BridgeEscrow",
    "IInstrumentRegistry": "InstrumentRegistry",
    "ILaneCustody": "LaneCustody",
    "IReleaseAuthority": "ReleaseAuthority",
    "ISecurityToken": "SecurityToken",
    "IVerifier": "QuorumVerifier",
}


def types(parameters: list[dict[str, Any]]) -> tuple[Any, ...]:
    """The ABI types of parameters, structs spelled out."""
    return tuple(
        (parameter["type"], types(parameter["components"]))
        if "components" in parameter
        else parameter["type"]
        for parameter in parameters
    )


def offered(abi: list[dict[str, Any]]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Functions and events of an ABI by what identifies them."""
    found: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for entry in abi:
        if entry["type"] == "function":
            key = ("function", entry["name"], types(entry["inputs"]))
            found[key] = (types(entry["outputs"]), entry["stateMutability"])
        elif entry["type"] == "event":
            indexed = tuple(each["indexed"] for each in entry["inputs"])
            found["event", entry["name"], types(entry["inputs"])] = indexed
    return found


def interface_abi(name: str) -> list[dict[str, Any]]:
    """The ABI that the compiler gives an interface file."""
    root = build.source_root()
    assert root is not None
    bundle = FilesystemInputBundle([root])
    file = bundle.load_file(f"interfaces/{name}.vyi")
    abi: list[dict[str, Any]] = compile_from_file_input(
        file, input_bundle=bundle, output_formats=["abi"]
    )["abi"]
    return abi


def test_every_interface_has_its_contract() -> None:
    root = build.source_root()
    assert root is not None
    assert {path.stem for path in (root / "interfaces").glob("*.vyi")} == set(SEAMS)


@pytest.mark.parametrize(("interface", "contract"), SEAMS.items())
def test_the_contract_offers_its_interface(interface: str, contract: str) -> None:
    wanted, found = offered(interface_abi(interface)), offered(build.artifact(contract).abi)
    assert wanted, f"{interface} is empty"
    assert {key: found.get(key) for key in wanted} == wanted
