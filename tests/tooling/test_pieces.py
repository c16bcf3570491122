"""The lint step over contracts in several pieces finds what is planted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.build import Artifact, artifact
from tools.compiling import interface_abi
from tools.lint import pieces
from tools.report import ROOT
from tools.vyper_source import VyperSource, load_tree, parse


@pytest.fixture(scope="module")
def sources() -> list[VyperSource]:
    return load_tree(ROOT)[0]


def test_the_suite_has_no_finding() -> None:
    assert list(pieces.check_all()) == []


@pytest.mark.parametrize("place", [0, 1])
def test_pieces_that_do_not_fit_are_found(place: int) -> None:
    item = artifact("SecurityToken")
    behind = list(item.behind)
    ids = {
        **behind[place].method_identifiers,
        "other()": item.method_identifiers["totalSupply()"],
    }
    behind[place] = replace(behind[place], method_identifiers=ids)
    (finding,) = pieces.check_fit(replace(item, behind=tuple(behind)))
    hidden = f"hides other() of {behind[place].name}"
    assert finding.message == f"totalSupply() of SecurityToken {hidden}"
    assert list(pieces.check_fit(item)) == []


def interface() -> list[dict[str, Any]]:
    return interface_abi(ROOT, "interfaces/ISecurityToken.vyi")


def without(item: Artifact, name: str) -> Artifact:
    return replace(item, abi=[entry for entry in item.abi if entry.get("name") != name])


@pytest.mark.parametrize("name", ["transfer", "is_link", "close_minute"])
def test_a_function_of_the_interface_in_no_piece_is_found(name: str) -> None:
    item = artifact("SecurityToken")
    assert list(pieces.check_interface(item, interface())) == []
    (finding,) = pieces.check_interface(without(item, name), interface())
    assert finding.message.startswith(f"{name}(")
    assert finding.message.endswith(" of ISecurityToken is in no piece")


def test_a_function_that_answers_otherwise_is_found() -> None:
    """As the compiler does not: a function without an answer passes for one with (vyper #5149)."""
    item = artifact("SecurityToken")
    planted = [
        {**entry, "outputs": []} if entry.get("name") == "transfer" else entry for entry in item.abi
    ]
    (finding,) = pieces.check_interface(replace(item, abi=planted), interface())
    assert finding.message.startswith("transfer(address,uint256) ")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("\n\n@external\ndef seize(account: address):\n    pass\n", "seize"),
        ("\n\nhoard: public(uint256)\n", "hoard"),
    ],
)
def test_an_external_that_no_piece_exports_is_found(
    sources: list[VyperSource], text: str, name: str
) -> None:
    item = artifact("SecurityToken")
    assert list(pieces.check_modules(item, sources)) == []
    planted = [
        parse(source.path, source.text + text)
        if source.path == "contracts/token/controls.vy"
        else source
        for source in sources
    ]
    (finding,) = pieces.check_modules(item, planted)
    assert finding.path == "contracts/token/controls.vy"
    assert finding.message == f"{name}: no piece of SecurityToken exports it"
