"""The lint step over contracts in two halves finds what is planted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.build import Artifact, artifact
from tools.compiling import interface_abi
from tools.lint import halves
from tools.report import ROOT
from tools.vyper_source import VyperSource, load_tree, parse


@pytest.fixture(scope="module")
def sources() -> list[VyperSource]:
    return load_tree(ROOT)[0]


def test_the_suite_has_no_finding() -> None:
    assert list(halves.check_all()) == []


def test_halves_that_do_not_fit_are_found() -> None:
    item = artifact("SecurityToken")
    ids = {**item.method_identifiers, "other()": item.method_identifiers["totalSupply()"]}
    assert item.controls is not None
    planted = replace(item, controls=replace(item.controls, method_identifiers=ids))
    found = [finding.message for finding in halves.check_fit(planted)]
    assert "totalSupply() of SecurityToken hides " in " ".join(found)
    assert list(halves.check_fit(item)) == []


def interface() -> list[dict[str, Any]]:
    return interface_abi(ROOT, "interfaces/ISecurityToken.vyi")


def without(item: Artifact, name: str) -> Artifact:
    return replace(item, abi=[entry for entry in item.abi if entry.get("name") != name])


@pytest.mark.parametrize("name", ["transfer", "is_link"])
def test_a_function_of_the_interface_in_neither_half_is_found(name: str) -> None:
    item = artifact("SecurityToken")
    assert list(halves.check_interface(item, interface())) == []
    (finding,) = halves.check_interface(without(item, name), interface())
    assert finding.message.startswith(f"{name}(address")
    assert finding.message.endswith(" of ISecurityToken is in neither half")


def test_a_function_that_answers_otherwise_is_found() -> None:
    """As the compiler does not: a function without an answer passes for one with (vyper #5149)."""
    item = artifact("SecurityToken")
    planted = [
        {**entry, "outputs": []} if entry.get("name") == "transfer" else entry for entry in item.abi
    ]
    (finding,) = halves.check_interface(replace(item, abi=planted), interface())
    assert finding.message.startswith("transfer(address,uint256) ")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("\n\n@external\ndef seize(account: address):\n    pass\n", "seize"),
        ("\n\nhoard: public(uint256)\n", "hoard"),
    ],
)
def test_an_external_that_neither_half_exports_is_found(
    sources: list[VyperSource], text: str, name: str
) -> None:
    item = artifact("SecurityToken")
    assert list(halves.check_modules(item, sources)) == []
    planted = [
        parse(source.path, source.text + text)
        if source.path == "contracts/token/controls.vy"
        else source
        for source in sources
    ]
    (finding,) = halves.check_modules(item, planted)
    assert finding.path == "contracts/token/controls.vy"
    assert finding.message == f"{name}: neither half of SecurityToken exports it"
