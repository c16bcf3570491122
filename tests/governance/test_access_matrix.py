"""Who may call what: every function of every contract that changes state, every role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tallystick.build import artifact
from tallystick.chain import Contract, Revert
from tests.support.world import DOCUMENT, REASON, Side, World, refused, side_parties

ANYONE = "anyone"
NOBODY: tuple[str, ...] = ()
ADMINISTRATORS = ("administrator", "second_administrator")
ROLE = "access: missing role"

# function -> who may, and what everybody else is told. `bridge` is the escrow, at home no one.
_ACCESS: dict[str, tuple[Any, str]] = {
    "propose_role": (ADMINISTRATORS, ROLE),
    "assign_role": (ADMINISTRATORS, ROLE),
    # Who may withdraw, the proposal says; here there is none.
    "withdraw_proposal": (NOBODY, "access: nothing to withdraw"),
    "hand_over": (NOBODY, "access: only the set-up key"),
}
MATRIX: dict[str, dict[str, tuple[Any, str]]] = {
    "SecurityToken": {
        **_ACCESS,
        "initialize": (NOBODY, "token: initialised already"),
        "instruct": (ANYONE, ""),
        "admit": (("registrar",), ROLE),
        "propose_link_account": (("registrar",), ROLE),
        "set_link_account": (("custodian",), ROLE),
        "enter_order": (("registrar",), ROLE),
        "withdraw_order": (("registrar",), ROLE),
        "setFrozenTokens": (("custodian",), ROLE),
        "setAddressFrozen": (("custodian",), ROLE),
        "forcedTransfer": (("custodian",), ROLE),
        "pause": (("guardian",), ROLE),
        "unpause": (ADMINISTRATORS, ROLE),
        "authorise_issuance": (("notary",), ROLE),
        "withdraw_authorisation": (("notary",), ROLE),
        "mint": (("issuer",), ROLE),
        "burn": (("issuer",), ROLE),
        "crosschainMint": (NOBODY, ROLE),
        "crosschainBurn": (NOBODY, ROLE),
        "transfer": (ANYONE, ""),
        "transferFrom": (ANYONE, ""),
        "approve": (ANYONE, ""),
        "batchTransfer": (ANYONE, ""),
    },
    "BridgeEscrow": {
        **_ACCESS,
        "initialize": (NOBODY, "escrow: initialised already"),
        "propose_lane": (("operator",), ROLE),
        "propose_lane_terms": (("operator",), ROLE),
        "open_lane": (ADMINISTRATORS, ROLE),
        "set_lane_terms": (ADMINISTRATORS, ROLE),
        "pause_lane": (("guardian",), ROLE),
        "unpause_lane": (ADMINISTRATORS, ROLE),
        "lock": (ANYONE, ""),
        "burn": (ANYONE, ""),
        "deliver": (ANYONE, ""),
        "claim": (ANYONE, ""),
    },
    "QuorumVerifier": {
        **_ACCESS,
        "set_first_signers": (NOBODY, "verifier: not in set-up"),
        "propose_signers": (("operator",), ROLE),
        "confirm_signers": (ADMINISTRATORS, ROLE),
        "end_epoch": (ADMINISTRATORS, ROLE),
    },
    "ReleaseAuthority": {
        **_ACCESS,
        "register_release": (("upgrader",), "access: missing role or set-up"),
        "withdraw_release": (("upgrader",), "access: missing role or set-up"),
        "register_custody_code": (("upgrader",), "access: missing role or set-up"),
        "withdraw_custody_code": (("upgrader",), "access: missing role or set-up"),
        "create_proxy": (NOBODY, "release: not in set-up"),
        "give_notice": (("upgrader",), ROLE),
        "approve": (("issuer", "auditor"), ROLE),
        "activate": (ANYONE, ""),
        "cancel": (("guardian", "upgrader"), ROLE),
        "roll_back": (("guardian",), ROLE),
    },
    "LaneCustody": {
        "take": (NOBODY, "custody: take is the escrow's"),
        "pay": (NOBODY, "custody: pay is the escrow's"),
        "hold": (NOBODY, "custody: hold is the escrow's"),
    },
}
ATTRIBUTES = {
    "SecurityToken": "token",
    "BridgeEscrow": "escrow",
    "QuorumVerifier": "verifier",
    "ReleaseAuthority": "authority",
    "LaneCustody": "custody",
}


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
        return []
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
        if (function, party) == ("assign_role", "guardian"):
            # A new administrator is the guardian's to confirm, once one was proposed.
            reason = "access: act not proposed"
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
@pytest.mark.parametrize("name", ["home", "remote"])
def test_the_deployer_keeps_nothing(world: World, name: str) -> None:
    side: Side = getattr(world, name)
    for contract in (side.token, side.escrow, side.verifier, side.authority, side.registry):
        assert contract.role_of(side.deployer) == 0
        assert int(contract.set_up_key(), 16) == 0


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("contract", [name for name in MATRIX if name != "LaneCustody"])
def test_administrators_hold_no_other_power(world: World, contract: str) -> None:
    """What an administrator may do alone lifts a stop, ends an epoch or confirms; no more."""
    allowed = {
        function
        for function, (who, _) in MATRIX[contract].items()
        if who != ANYONE and "administrator" in who
    }
    assert allowed <= {
        "propose_role",
        "assign_role",
        "unpause",
        "unpause_lane",
        "open_lane",
        "set_lane_terms",
        "confirm_signers",
        "end_epoch",
    }
