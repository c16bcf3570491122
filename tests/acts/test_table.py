"""Every act of every deployable: the table is the sources', and every act can be written."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import pytest

from tallystick.acts.act import Acting, find_act
from tallystick.acts.arguments import Ground, described, read_all
from tallystick.chain.abi import address_of
from tallystick.governance.acts import PROPOSED_BY, Act, acts_of, contracts
from tallystick.governance.roles import Role
from tests.support.actions import world_of_engines
from tests.support.world import World
from tools.access import rows
from tools.report import ROOT
from tools.vyper_source import VyperSource, load_tree

_ACTS: Final = [
    act
    for contract in contracts()
    for overloads in acts_of(contract).values()
    for act in overloads
    if act.privileged
]
_WHY: Final = (b"TEST", b"\1" * 32)


@pytest.fixture(scope="session")
def deployed_world() -> World:
    return world_of_engines()


def test_the_table_is_that_of_the_sources() -> None:
    sources, findings = load_tree(ROOT)
    assert not findings
    said = {(row.contract, row.function): row.roles for row in rows(sources)}
    kept = {
        (contract, name): overloads[-1].roles
        for contract in contracts()
        for name, overloads in acts_of(contract).items()
    }
    assert kept == {act: roles for act, roles in said.items() if roles != ("constructor",)}
    assert len(_ACTS) > 90


def test_what_confirms_what_is_as_the_sources_have_it() -> None:
    """Who proposes and who carries out hash the same act, in the same module."""
    sources, _ = load_tree(ROOT)
    found: dict[str, str] = {}
    for source in sources:
        if not source.is_mock and not source.is_interface:
            found |= _confirmed_in(source)
    assert found == PROPOSED_BY


def _confirmed_in(source: VyperSource) -> dict[str, str]:
    texts = {each.name: each.node_source_code for each in source.functions()}
    proposing, confirming = {}, {}
    for name, text in texts.items():
        hashed = re.search(r"self\.(_\w*act)\(", text)
        if hashed and re.search(r"\b_propose\(", text):
            proposing[hashed[1]] = name
        if hashed and re.search(r"\b_carry_out\(", text):
            # Of an internal function, those that call it.
            named = [name]
            if name.startswith("_"):
                named = [other for other, each in texts.items() if f"self.{name}(" in each]
            confirming |= dict.fromkeys(named, hashed[1])
    return {name: proposing[hashed] for name, hashed in confirming.items()}


def _sample(contract: str, parameter: Mapping[str, Any], world: World) -> tuple[Any, Any]:
    """A value as people write it, and as the ABI has it."""
    name, kind = str(parameter["name"]), str(parameter["type"])
    base, bracket, count = kind.partition("[")
    if bracket:
        written, meant = _sample(contract, {**parameter, "type": base}, world)
        length = int(count.removesuffix("]") or 2)
        return [written] * length, [meant] * length
    if kind == "tuple":
        members = [
            (each["name"], *_sample(contract, each, world)) for each in parameter["components"]
        ]
        return {n: written for n, written, _ in members}, tuple(m for *_, m in members)
    if kind == "address":
        return "issuer", world.home.issuer.address
    if kind == "bool":
        return "true", True
    if kind == "string":
        return "text", "text"
    if name == "role":
        return "custodian", int(Role.CUSTODIAN)
    if kind.startswith("uint"):
        # Units have six decimals here, cash too; a message states them as its log does.
        units = name in {"amount", "amounts", "minting_limit", "burning_limit"}
        units = units and contract != "BridgeEscrow"
        return "3", 3_000_000 if units else 3
    if name == "lane":
        return "home-remote", world.lane
    if name == "reason":
        return "TEST", b"TEST"
    if kind == "bytes":
        return "0x0102", b"\1\2"
    length = int(kind.removeprefix("bytes"))
    return "0x" + "5a" * length, b"\x5a" * length


@pytest.mark.parametrize("act", _ACTS, ids=lambda act: f"{act.contract}.{act.function.signature}")
def test_every_act_is_written_and_says_who_may(act: Act, world: World) -> None:
    manifest = world.network.manifest
    samples = {str(each["name"]): _sample(act.contract, each, world) for each in act.inputs}
    given = {
        name: json.dumps(written) if isinstance(written, list | dict) else written
        for name, (written, _) in samples.items()
    }
    values, wrong = read_all(act, given, Ground(manifest, "home", 6))
    assert not wrong
    meant = [meant for _, meant in samples.values()]
    assert act.function.encode(values) == act.function.encode(meant)
    assert all(described(act, each) for each in act.inputs)
    assert act.notice
    assert set(act.names) <= set(act.params)

    side = world.home
    acting = Acting(world.network.connection)
    there = {"LaneCustody": side.custody.address, "CashToken": side.cash.address}
    contract = acting.contract("home", act.contract, there.get(act.contract, ""))
    who = acting.who(contract, act)
    assert tuple(who) == act.roles
    for role, holders in who.items():
        if role == "set-up key":
            assert holders == ()
        elif role in {"sides of the proposal", "anyone once it is dead", "bridge", "custody"}:
            assert holders is None
        elif role == "escrow":
            assert holders == (side.escrow.address,)
        elif role == "actions":
            expected = {side.engine.address} & set(holders or ())
            assert holders == tuple(expected)
        elif act.contract == "CashToken" or role != "administrator":
            # Whom the manifest names holds it, where the contract has that role at all.
            title = role.removesuffix(" of the token")
            named = address_of(manifest.roles["home"][title.replace(" ", "_")].address)
            assert holders in ({(named,), ()} if title == role else {(named,)})
        else:
            entries = manifest.roles["home"].items()
            assert holders == tuple(
                sorted(entry.address for title, entry in entries if title.startswith(role))
            )


def test_who_may_is_asked_of_the_ledger_not_of_the_manifest(world: World) -> None:
    """A role that was taken, and given to whom the manifest does not name, is shown so."""
    side, acting = world.home, Acting(world.network.connection)
    act = find_act("SecurityToken.admit")
    contract = acting.contract("home", "SecurityToken")
    assert acting.who_text(contract, act) == "registrar"
    side_role = int(Role.REGISTRAR)
    for who, role in ((side.registrar, 0), (side.outsider, side_role)):
        side.token.propose_role(who, role, *_WHY, sender=side.administrator)
        side.chain.advance(86_400)
        side.token.assign_role(who, role, *_WHY, sender=side.second_administrator)
    again = Acting(world.network.connection)
    assert again.who(contract, act) == {"registrar": (side.outsider.address,)}
    assert again.who_text(contract, act) == f"registrar ({side.outsider.address})"
