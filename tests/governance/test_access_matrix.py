"""Who may call what: every function of every contract that changes state, every role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tallystick import build
from tallystick.build import artifact
from tallystick.chain import Contract, Revert
from tallystick.governance.acts import contracts
from tallystick.governance.release import PROXIED, addresses_behind
from tests.support.actions import world_of_engines
from tests.support.proofs import Prover
from tests.support.world import (
    DAY,
    DOCUMENT,
    REASON,
    STATED,
    Side,
    World,
    refused,
    side_parties,
)
from tools.access import Row, committed

ANYONE = "anyone"
NOBODY: tuple[str, ...] = ()
ADMINISTRATORS = ("administrator", "second_administrator")
# What those without the role are told, where it is not this.
ROLE = "access: missing role"
REASONS = {
    "withdraw_proposal": "access: nothing to withdraw",
    "withdraw_order": "orders: none to withdraw",
    "hand_over": "access: only the set-up key",
    "SecurityToken.initialize": "token: initialised already",
    "BridgeEscrow.initialize": "escrow: initialised already",
    "InstrumentRegistry.initialize": "registry: initialised already",
    "ActionsEngine.initialize": "engine: initialised already",
    "create_proxy": "access: missing role or set-up",
    "register_release": "access: missing role or set-up",
    "withdraw_release": "access: missing role or set-up",
    "register_custody_code": "access: missing role or set-up",
    "withdraw_custody_code": "access: missing role or set-up",
    # By a role of the lane's token, or its custody: see test_redirect.py, test_endings.py,
    # test_amends.py, test_consent.py.
    "BridgeEscrow.set_suspended": "lanes: unknown lane",
    "enter_lock": "lanes: unknown lane",
    "propose_redirect": "lanes: unknown lane",
    "withdraw_redirect": "lanes: unknown lane",
    "redirect": "lanes: unknown lane",
    "propose_end": "lanes: unknown lane",
    "confirm_end": "lanes: unknown lane",
    "cancel_end": "lanes: unknown lane",
    "propose_amends": "denials: nothing to make good",
    "agree_amends": "denials: not what was proposed",
    "withdraw_amends": "denials: nothing proposed",
    "enter_amends": "denials: given at the lane's custody",
    "crosschainMint": "bridges: no bridge this way",
    "crosschainBurn": "bridges: no bridge this way",
    "pay": "custody: pay is the escrow's",
    "hold": "custody: hold is the escrow's",
    "give_back": "custody: give_back is the escrow's",
    "CashToken.mint": "cash: only the issuer",
    "CashToken.burn": "cash: only the issuer",
    "set_blocked": "cash: only the issuer",
}
# Whom the table names and no party of these tests is.
NO_PARTY = {
    "set-up key",
    "constructor",
    "escrow",
    "custody",
    "bridge",
    "actions",
    "sides of the proposal",
    "anyone once it is dead",
}


def _parties(row: Row) -> Any:
    """Who may, of the parties of a test; proposals and dead orders are asked further below."""
    if ANYONE in row.roles:
        return ANYONE
    if row.function == "withdraw_proposal":
        return NOBODY
    allowed: list[str] = []
    for role in row.roles:
        if role == "administrator":
            allowed += ADMINISTRATORS
        elif role not in NO_PARTY:
            allowed.append(role.removesuffix(" of the token").replace(" ", "_"))
    return tuple(allowed)


# contract -> function -> who may, and what everybody else is told: docs/access.md, from the tags.
MATRIX: dict[str, dict[str, tuple[Any, str]]] = {}
for _row in committed():
    _reason = REASONS.get(f"{_row.contract}.{_row.function}", REASONS.get(_row.function, ROLE))
    MATRIX.setdefault(_row.contract, {})[_row.function] = (_parties(_row), _reason)
ATTRIBUTES = {
    "SecurityToken": "token",
    "BridgeEscrow": "escrow",
    "ReleaseAuthority": "authority",
    "InstrumentRegistry": "registry",
    "LaneCustody": "custody",
    "ActionsEngine": "engine",
    "CashToken": "cash",
}
# Their callers are in their code, or anyone.
WITHOUT_ROLES = {"CashToken", "LaneCustody", "ProofVerifier"}


@pytest.fixture(scope="session")
def deployed_world() -> World:
    return world_of_engines()


def _changing(name: str) -> list[dict[str, Any]]:
    """Entries of the functions that can change state, overloads included."""
    return [
        entry
        for entry in artifact(name).abi
        if entry["type"] == "function" and entry["stateMutability"] not in {"view", "pure"}
    ]


def _argument(entry: dict[str, Any], side: Side) -> Any:
    kind = entry["type"]
    if kind.endswith("]"):
        element, _, count = kind[:-1].rpartition("[")
        return [_argument({**entry, "type": element}, side)] * int(count or 0)
    if kind == "tuple":
        return tuple(_argument(component, side) for component in entry["components"])
    if kind == "address":
        return side.investor.address
    if kind == "bool":
        return True
    if kind == "string":
        return "US0378331005"
    if kind == "bytes4":
        return REASON
    if kind == "bytes32":
        return DOCUMENT
    if kind == "bytes":
        return b""
    if kind.startswith("bytes"):
        return bytes(int(kind.removeprefix("bytes")))
    return 1


def _signature(entry: dict[str, Any]) -> str:
    def text(item: dict[str, Any]) -> str:
        kind: str = item["type"]
        if kind.startswith("tuple"):
            return "(" + ",".join(map(text, item["components"])) + ")" + kind[5:]
        return kind

    return entry["name"] + "(" + ",".join(map(text, entry["inputs"])) + ")"


def _cells() -> Iterator[Any]:
    for contract, functions in MATRIX.items():
        for function, (allowed, reason) in functions.items():
            if allowed == ANYONE:
                continue
            for party in side_parties():
                if party not in allowed:
                    yield pytest.param(
                        contract, function, party, reason, id=f"{contract}.{function}-{party}"
                    )


def test_the_deployed_contracts_have_no_other_functions() -> None:
    """A function that is added has to be added here, with who may call it."""
    for contract, functions in MATRIX.items():
        assert {entry["name"] for entry in _changing(contract)} == set(functions), contract


def test_of_a_tokens_terms_nothing_is_changed_after_its_set_up() -> None:
    terms = {"name", "symbol", "decimals", "isin", "home", "close_minute"}
    taking = {
        entry["name"]: terms & {argument["name"].strip("_") for argument in entry["inputs"]}
        for entry in _changing("SecurityToken")
    }
    assert {name: found for name, found in taking.items() if found} == {"initialize": terms}


def test_only_these_functions_take_ether() -> None:
    for contract in MATRIX:
        payable = [e["name"] for e in _changing(contract) if e["stateMutability"] == "payable"]
        assert payable == [], contract


@pytest.mark.requirement("INV-9", "R-12")
@pytest.mark.parametrize(("contract", "function", "party", "reason"), list(_cells()))
def test_a_role_that_may_not_is_refused(
    world: World, contract: str, function: str, party: str, reason: str
) -> None:
    side = world.home
    bound: Contract = getattr(side, ATTRIBUTES[contract])
    for entry in _changing(contract):
        if entry["name"] != function:
            continue
        arguments = [_argument(each, side) for each in entry["inputs"]]
        method = bound.method(_signature(entry))
        with refused(world, reason):
            method(*arguments, sender=side.parties[party])


@pytest.mark.parametrize(
    ("contract", "function", "party"),
    [
        pytest.param(contract, function, party, id=f"{contract}.{function}-{party}")
        for contract, functions in MATRIX.items()
        for function, (allowed, _) in functions.items()
        if allowed != ANYONE
        for party in allowed
    ],
)
def test_a_role_that_may_gets_past_the_check(
    world: World, contract: str, function: str, party: str
) -> None:
    """Whatever else stops it, it is not its role."""
    side = world.home
    bound: Contract = getattr(side, ATTRIBUTES[contract])
    for entry in _changing(contract):
        if entry["name"] != function:
            continue
        arguments = [_argument(each, side) for each in entry["inputs"]]
        with world.isolated():
            try:
                bound.method(_signature(entry))(*arguments, sender=side.parties[party])
            except Revert as revert:
                told = revert.reason
            else:
                told = None
        assert told is None or not told.startswith("access: missing role")


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("contract", sorted(MATRIX.keys() - WITHOUT_ROLES))
@pytest.mark.parametrize("party", side_parties())
def test_a_proposal_is_withdrawn_by_its_sides_and_the_guardian(
    world: World, contract: str, party: str
) -> None:
    side = world.home
    bound: Contract = getattr(side, ATTRIBUTES[contract])
    act = bound.propose_role(side.investor, 2, *STATED, sender=side.administrator).return_value
    if party in (*ADMINISTRATORS, "guardian"):
        bound.withdraw_proposal(act, *STATED, sender=side.parties[party])
    else:
        with refused(world, ROLE):
            bound.withdraw_proposal(act, *STATED, sender=side.parties[party])


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("party", side_parties())
def test_an_order_is_withdrawn_by_a_registrar_and_once_it_is_dead_by_anyone(
    world: World, party: str
) -> None:
    side = world.home
    order = side.enter_order(side.investor, side.fund, 5)
    key = side.parties[party]
    if party == "registrar":
        with world.isolated():
            side.token.withdraw_order(*order, *STATED, sender=key)
    else:
        with refused(world, ROLE):
            side.token.withdraw_order(*order, *STATED, sender=key)
    side.chain.set_time(side.chain.now + DAY)
    side.token.withdraw_order(*order, *STATED, sender=key)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("name", ["home", "remote"])
def test_the_deployer_keeps_nothing(world: World, name: str) -> None:
    side: Side = getattr(world, name)
    for contract in (side.token, side.escrow, side.authority, side.registry, side.engine):
        assert contract.role_of(side.deployer) == 0
        assert int(contract.set_up_key(), 16) == 0


def _tried(method: Any, arguments: list[Any], sender: Any) -> str:
    """What a ledger says of a call: its reason, or what it logs, whoever the caller is."""
    try:
        receipt = method(*arguments, sender=sender)
    except Revert as revert:
        return str(revert).replace(str(sender.address), "caller")
    logged = [(event.address, event.name, dict(event.args)) for event in receipt.events]
    return str(logged).replace(str(sender.address), "caller")


def _deployed(side: Side, contract: str) -> Iterator[tuple[str, Contract]]:
    """Where a contract answers on a ledger: its proxy, and each piece of code by itself."""
    if contract == "ProofVerifier":
        yield contract, Prover(side.chain).verifier
        return
    bound: Contract = getattr(side, ATTRIBUTES[contract])
    yield contract, bound
    if contract in PROXIED:
        built = artifact(contract)
        first = side.implementations[contract]
        pieces = (first, *addresses_behind(built, first, side.chain.code))
        for piece, address in zip((built, *built.behind), pieces, strict=True):
            yield piece.name, side.chain.at(piece.name, address)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("name", ["home", "remote"])
@pytest.mark.parametrize("contract", contracts())
def test_the_deployer_may_what_anybody_may(world: World, contract: str, name: str) -> None:
    """Every function of every build's ABI that changes state: an outsider is told the same.

    Whatever a set-up key or a forgotten role would let the deployer do, the outsider could not.
    """
    side: Side = getattr(world, name)
    for piece, bound in _deployed(side, contract):
        for entry in _changing(piece):
            arguments = [_argument(each, side) for each in entry["inputs"]]
            method = bound.method(_signature(entry))
            told = []
            for who in (side.deployer, side.outsider):
                with world.isolated():
                    told.append(_tried(method, arguments, who))
            assert told[0] == told[1], f"{piece}.{_signature(entry)}"
            allowed, reason = MATRIX[contract][entry["name"]]
            if piece == contract and bound is getattr(side, ATTRIBUTES.get(contract, ""), None):
                assert allowed == ANYONE or reason in told[0], _signature(entry)


def test_every_contract_is_among_those_that_the_deployer_tries() -> None:
    """What has functions that change state is in the table, or a piece behind one that is."""
    changing = {
        name
        for name in build.names()
        if artifact(name).source_path.startswith("contracts/") and _changing(name)
    }
    behind = {piece.name for name in contracts() for piece in artifact(name).behind}
    assert changing == {*contracts(), *behind}
    assert set(contracts()) == MATRIX.keys()


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("contract", sorted(MATRIX.keys() - WITHOUT_ROLES))
def test_administrators_hold_no_other_power(world: World, contract: str) -> None:
    """Alone it prolongs or lifts a stop, ends an epoch, confirms; no more."""
    allowed = {
        function
        for function, (who, _) in MATRIX[contract].items()
        if who != ANYONE and "administrator" in who
    }
    assert allowed <= {
        "propose_role",
        "assign_role",
        "propose_ratification",
        "ratify",
        "propose_roll_back_reason",
        "set_roll_back_reason",
        "pause",
        "pause_lane",
        "unpause",
        "unpause_lane",
        "open_lane",
        "confirm_lane_terms",
        "cancel_lane_terms",
        "set_peer",
        "set_attestors",
        "set_daily",
        "set_fractions_agent",
        "end_epoch",
        "reopen",
        "begin_closing",
        "cancel_closing",
    }
