"""Deployment plans: what a good one means, and the one line that each bad one gets."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tallystick.errors import InputError
from tallystick.files.accounts import AccountRef
from tallystick.files.instrument import load_instrument
from tallystick.files.plan import Plan, load_plan, plan_schema
from tallystick.local.network import OPERATORS, local_plan
from tests.support import documents
from tests.support.documents import REMOVED
from tests.support.world import embedded

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
_LEI_A, _LEI_B = OPERATORS


@functools.cache
def data_of() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(
        json.dumps(yaml.safe_load((EXAMPLES / "plan.yaml").read_text()))
    )
    data["instrument"] = str(EXAMPLES / "apple.yaml")
    (lane,) = data["lanes"]
    second = {"name": "verifier-b", "operator": _LEI_B, "attestors": [14, 15, 16], "threshold": 2}
    lane["grade"] = "production"
    lane["verifiers"].append(second)
    return data


def changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    """A copy of the example with fields set, or removed."""
    return documents.changed(data_of(), *changes)


def message(tmp_path: Path, data: Any) -> str:
    file = tmp_path / "plan.yaml"
    file.write_text(json.dumps(data))
    with pytest.raises(InputError) as caught:
        load_plan(file)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.exit_status == 2
    return text.removeprefix(f"{file}: ")


# --- good plans ----------------------------------------------------------------------------------


def test_local_plan() -> None:
    plan = load_plan(EXAMPLES / "plan.yaml")
    assert plan.caip2 == {"home": "eip155:41001", "remote": "eip155:41002"}
    assert plan.ledger("home").accounts.issuer.index == 1
    assert plan.ledger("remote").finality.blocks == 2
    lane = plan.lanes[0]
    assert lane.grade == "pilot"
    assert [(v.operator, len(v.attestors), v.threshold) for v in lane.verifiers] == [
        (_LEI_A, 3, 2),
    ]
    assert (lane.change_seconds, lane.retention_seconds) == (3_600, 86_400)
    assert lane.cap == 500_000
    assert (lane.limit, lane.minimum) == (None, None)
    assert (lane.limit_window_seconds, lane.ramp_seconds) == (86_400, 7 * 86_400)
    assert plan.loaded_instrument.isin == "US0378331005"


@pytest.mark.parametrize("agent", [None, 19])
def test_a_local_network_s_plan_names_the_agent_of_fractions(agent: int | None) -> None:
    plan = local_plan(load_instrument(EXAMPLES / "apple.yaml"), embedded(), agent=agent)
    named = None if agent is None else AccountRef(index=agent)
    assert {ledger.accounts.fractions_agent for ledger in plan.ledgers} == {named}


def test_production_plan(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(json.dumps(data_of()))
    plan = load_plan(file)
    (lane,) = plan.lanes
    assert lane.grade == "production"
    assert [(v.operator, len(v.attestors), v.threshold) for v in lane.verifiers] == [
        (_LEI_A, 3, 2),
        (_LEI_B, 3, 2),
    ]


def test_plan_for_test_networks_holds_names_only() -> None:
    plan = load_plan(EXAMPLES / "plan.sepolia.yaml")
    assert [ledger.network for ledger in plan.ledgers] == [
        "ethereum:sepolia:node",
        "base:sepolia:node",
    ]
    for ledger in plan.ledgers:
        assert all(account.alias for _, account in ledger.accounts.by_field())
    text = (EXAMPLES / "plan.sepolia.yaml").read_text()
    assert "0x" not in text
    assert "http" not in text


def test_inline_instrument(tmp_path: Path) -> None:
    from tests.files.test_instrument import data_of as instrument_data

    file = tmp_path / "plan.yaml"
    file.write_text(json.dumps(changed(("instrument", instrument_data()))))
    assert load_plan(file).loaded_instrument.isin == "US0378331005"


def test_errors_of_an_inline_instrument_say_where(tmp_path: Path) -> None:
    from tests.files.test_instrument import changed as instrument_changed

    data = changed(("instrument", instrument_changed("holders[2].amount", "ten")))
    assert message(tmp_path, data) == (
        "instrument.holders[2].amount: ten: expected a whole number, or a decimal in quotes "
        'such as "12.50"'
    )


def test_errors_of_the_instrument_file_name_that_file(tmp_path: Path) -> None:
    bad = tmp_path / "instrument.yaml"
    bad.write_text("")
    plan = tmp_path / "plan.yaml"
    plan.write_text(json.dumps(changed(("instrument", "instrument.yaml"))))
    with pytest.raises(InputError) as caught:
        load_plan(plan)
    assert str(caught.value) == f"{bad}: an empty file: expected a YAML mapping"


@pytest.mark.parametrize(
    ("home", "remote", "said"), [(2, 2, "home, remote"), (2, 3, "home"), (3, 3, None)]
)
def test_case_21_a_plan_with_two_administrators_is_told_so(
    tmp_path: Path, home: int, remote: int, said: str | None
) -> None:
    changes = [
        (f"ledgers[{index}].accounts.administrators", list(range(20, 20 + count)))
        for index, count in enumerate((home, remote))
    ]
    file = tmp_path / "plan.yaml"
    file.write_text(json.dumps(changed(*changes)))
    expected = (
        f"{said}: two administrators; if one loses its key, its replacement takes the guardian "
        "and 31 days: three are recommended"
    )
    assert load_plan(file).notes == (() if said is None else (expected,))


def test_a_plan_that_is_not_loaded_has_no_instrument() -> None:
    plan = Plan.model_validate(changed())
    with pytest.raises(ValueError, match="a plan read by load_plan"):
        _ = plan.loaded_instrument


# --- bad plans -----------------------------------------------------------------------------------

_ACCOUNT = "expected an address, the alias of an ape account, or a mnemonic index"
_ADDRESS = "0x52908400098527886E0F7030069857D2E4169EE7"
_MIXED = "0xde709f2102306220921060314715629080e2fb77"
_BAD_CASE = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed".replace("a", "A", 1)
_HOME = "ledgers[0].accounts"
_ONE = [
    {"name": "v", "operator": _LEI_A, "attestors": [11, 12], "threshold": 2},
]
_BAD: list[tuple[list[tuple[str, Any]], str]] = [
    ([("oops", 1)], "oops: 1: expected no such field"),
    ([("schema", "x")], "schema: x: expected tallystick.plan/1"),
    ([("upgrade", REMOVED)], "upgrade: missing: expected this field"),
    ([("instrument", 7)], "instrument: 7: expected the path of an instrument file, or its content"),
    (
        [("instrument", "nowhere.yaml")],
        "instrument: nowhere.yaml: expected the path of an instrument file, from here",
    ),
    (
        [("instrument", {})],
        "instrument.schema: nothing: expected tallystick.instrument/1",
    ),
    ([("ledgers", [])], "ledgers: a list of 0: expected a list of at least 1"),
    # ledgers
    (
        [("ledgers[1].name", "home")],
        "ledgers[1].name: home: expected a name of its own",
    ),
    (
        [("ledgers[1].name", "mars")],
        "lanes[0].remote: mars".replace("mars", "remote")
        + ": expected one of the ledgers: home, mars",
    ),
    (
        [("ledgers[1].name", "mars"), ("lanes[0].remote", "mars")],
        "ledgers[1].name: mars: expected one of the instrument's ledgers: home, remote",
    ),
    (
        [("ledgers", [data_of()["ledgers"][0]]), ("lanes", [])],
        "ledgers: home: expected every ledger of the instrument, remote too",
    ),
    (
        [("ledgers[1].chain_id", 41001)],
        "ledgers[1].chain_id: 41001: expected a chain id of its own, this one is that of home",
    ),
    ([("ledgers[0].chain_id", "41001")], "ledgers[0].chain_id: 41001: expected a whole number"),
    ([("ledgers[0].chain_id", 0)], "ledgers[0].chain_id: 0: expected a number of at least 1"),
    (
        [("ledgers[0].network", "sepolia")],
        "ledgers[0].network: sepolia: expected an ape network such as ethereum:sepolia:node",
    ),
    (
        [("ledgers[0].network", REMOVED)],
        "ledgers[0].network: missing: expected network or rpc",
    ),
    (
        [("ledgers[0].rpc", "https://eth.example/v3/k3y")],
        "ledgers[0].rpc: https://eth.example/…: expected either network or rpc, not both",
    ),
    (
        [("ledgers[0].network", REMOVED), ("ledgers[0].rpc", "eth.example")],
        "ledgers[0].rpc: eth.example: expected a URL that begins with http://…, https://…, "
        "ws://… or wss://…".replace("…", ""),
    ),
    (
        [("ledgers[0].finality", {"kind": "depth"})],
        "ledgers[0].finality.blocks: missing: expected a number of blocks with kind: depth",
    ),
    (
        [("ledgers[0].finality", {"kind": "safe", "blocks": 2})],
        "ledgers[0].finality.blocks: 2: expected no blocks with kind: safe",
    ),
    (
        [("ledgers[0].finality", {"kind": "soon"})],
        "ledgers[0].finality.kind: soon: expected depth, safe or finalized",
    ),
    (
        [("ledgers[0].finality", {"kind": "depth", "blocks": 0})],
        "ledgers[0].finality.blocks: 0: expected a number of at least 1",
    ),
    # accounts: one role each
    (
        [(f"{_HOME}.notary", 1)],
        f"{_HOME}.notary: index 1: expected an account of its own, this one is issuer",
    ),
    (
        [(f"{_HOME}.administrators", [9, 9])],
        (
            f"{_HOME}.administrators[1]: index 9: expected an account of its own, this one is "
            "administrators[0]"
        ),
    ),
    (
        [(f"{_HOME}.deployer", 1)],
        f"{_HOME}.issuer: index 1: expected an account of its own, this one is deployer",
    ),
    (
        [(f"{_HOME}.operator", 3)],
        f"{_HOME}.operator: index 3: expected an account of its own, this one is registrar",
    ),
    (
        [(f"{_HOME}.issuer", _ADDRESS), (f"{_HOME}.notary", _ADDRESS.lower())],
        f"{_HOME}.notary: {_ADDRESS.lower()}: expected an account of its own, this one is issuer",
    ),
    (
        [(f"{_HOME}.issuer", "desk"), (f"{_HOME}.auditor", "desk")],
        f"{_HOME}.auditor: alias desk: expected an account of its own, this one is issuer",
    ),
    (
        [(f"{_HOME}.administrators", [9])],
        f"{_HOME}.administrators: a list of 1: expected a list of at least 2",
    ),
    ([(f"{_HOME}.auditor", REMOVED)], f"{_HOME}.auditor: missing: expected this field"),
    ([(f"{_HOME}.auditor", True)], f"{_HOME}.auditor: true: {_ACCOUNT}"),
    ([(f"{_HOME}.auditor", "a b")], f"{_HOME}.auditor: a b: {_ACCOUNT}"),
    (
        [(f"{_HOME}.auditor", -1)],
        f"{_HOME}.auditor: -1: expected a mnemonic index from 0 to 2147483647",
    ),
    (
        [(f"{_HOME}.auditor", "0x12")],
        f"{_HOME}.auditor: 0x12: expected an address: 0x and 40 hex digits, not zero",
    ),
    (
        [(f"{_HOME}.auditor", "0x" + "0" * 40)],
        f"{_HOME}.auditor: 0x{'0' * 40}: expected an address: 0x and 40 hex digits, not zero",
    ),
    (
        [(f"{_HOME}.auditor", _BAD_CASE)],
        (
            f"{_HOME}.auditor: {_BAD_CASE}: expected an address whose capitals agree with its "
            "checksum (EIP-55)"
        ),
    ),
    (
        [(f"{_HOME}.auditor", "0x" + "ab" * 32)],
        (
            f"{_HOME}.auditor: (64 hex digits not shown): expected an address: 0x and 40 hex "
            "digits, not zero"
        ),
    ),
    (
        [(f"{_HOME}.auditor", "test test test test test test test test test test test junk")],
        f"{_HOME}.auditor: (words not shown): {_ACCOUNT}",
    ),
    # lanes
    (
        [("lanes[0].home", "mars")],
        "lanes[0].home: mars: expected one of the ledgers: home, remote",
    ),
    (
        [("lanes[0].remote", "home")],
        "lanes[0].remote: home: expected a ledger other than home",
    ),
    (
        [("lanes[0].home", "remote"), ("lanes[0].remote", "home")],
        "lanes[0].home: remote: expected the instrument's home ledger, home",
    ),
    (
        [("lanes", [data_of()["lanes"][0]] * 2)],
        "lanes[1]: home to remote: expected one lane for each pair of ledgers",
    ),
    (
        [("lanes[0].verifiers", _ONE)],
        "lanes[0].verifiers: a list of 1: expected two independent verifiers on a production lane",
    ),
    (
        [("lanes[0].verifiers[1].operator", _LEI_A)],
        (
            f"lanes[0].verifiers[1].operator: {_LEI_A}: expected an operator of its own: "
            "verifiers are independent"
        ),
    ),
    (
        [("lanes[0].verifiers[1].operator", "Illustration Operator A")],
        (
            "lanes[0].verifiers[1].operator: Illustration Operator A: expected a LEI: 18 capitals "
            "or digits, 2 check digits (ISO 17442)"
        ),
    ),
    (
        [("lanes[0].verifiers[1].kind", "oracle")],
        "lanes[0].verifiers[1].kind: oracle: expected proof",
    ),
    (
        [("lanes[0].verifiers[1].kind", "proof"), ("lanes[0].verifiers[1].operator", _LEI_A)],
        (
            f"lanes[0].verifiers[1].operator: {_LEI_A}: expected an operator of its own: "
            "verifiers are independent"
        ),
    ),
    (
        [("lanes[0].verifiers[1].kind", "proof"), ("lanes[0].verifiers[1].attestors", REMOVED)],
        "lanes[0].verifiers[1].attestors: missing: expected this field",
    ),
    (
        [("lanes[0].verifiers[1].kind", "proof"), ("lanes[0].verifiers[1].threshold", REMOVED)],
        "lanes[0].verifiers[1].threshold: missing: expected this field",
    ),
    (
        [(f"{_HOME}.fractions_agent", 19), ("actions", REMOVED)],
        f"{_HOME}.fractions_agent: index 19: expected actions in the plan, whose engines credit it",
    ),
    (
        [(f"{_HOME}.fractions_agent", 7)],
        (
            f"{_HOME}.fractions_agent: index 7: expected an account of its own, this one is "
            "paying_agent"
        ),
    ),
    ([("lanes[0].grade", REMOVED)], "lanes[0].grade: missing: expected this field"),
    ([("lanes[0].grade", "test")], "lanes[0].grade: test: expected pilot or production"),
    (
        [("lanes[0].verifiers", [*_ONE, data_of()["lanes"][0]["verifiers"][1], *_ONE])],
        "lanes[0].verifiers: a list of 3: expected a list of at most 2",
    ),
    (
        [("lanes[0].verifiers[1].name", "verifier-a")],
        "lanes[0].verifiers[1].name: verifier-a: expected a name of its own",
    ),
    (
        [("lanes[0].verifiers[0].threshold", 1)],
        "lanes[0].verifiers[0].threshold: 1: expected a number of at least 2",
    ),
    (
        [("lanes[0].verifiers[0].threshold", 4)],
        "lanes[0].verifiers[0].threshold: 4: expected at most the number of attestors, 3",
    ),
    (
        [("lanes[0].change_seconds", 599)],
        "lanes[0].change_seconds: 599: expected a number of at least 600",
    ),
    (
        [("lanes[0].retention_seconds", 3599)],
        "lanes[0].retention_seconds: 3599: expected a number of at least 3600",
    ),
    (
        [
            ("lanes[0].change_seconds", 86_400),
            ("lanes[0].retention_seconds", 86_399),
        ],
        "lanes[0].retention_seconds: 86399: expected at least change_seconds, 86400",
    ),
    (
        [("lanes[0].verifiers[0].attestors", [11])],
        "lanes[0].verifiers[0].attestors: a list of 1: expected a list of at least 2",
    ),
    (
        [("lanes[0].verifiers[1].attestors[0]", 11)],
        (
            "lanes[0].verifiers[1].attestors[0]: index 11: expected an account of its own, this "
            "one is verifiers[0].attestors[0]"
        ),
    ),
    (
        [("lanes[0].verifiers[0].attestors[0]", 2)],
        (
            "lanes[0].verifiers[0].attestors[0]: index 2: expected an account of its own, this one "
            "is notary on home"
        ),
    ),
    (
        [("lanes[0].cap", 0)],
        "lanes[0].cap: 0: expected more than 0 and at most the authorised 1000000",
    ),
    (
        [("lanes[0].cap", 1000001)],
        "lanes[0].cap: 1000001: expected more than 0 and at most the authorised 1000000",
    ),
    (
        [("lanes[0].cap", "0.0000001")],
        "lanes[0].cap: 0.0000001: expected at most 6 decimal places",
    ),
    (
        [("lanes[0].limit", 0)],
        "lanes[0].limit: 0: expected more than 0 and at most the authorised 1000000",
    ),
    (
        [("lanes[0].minimum", "0.0000001")],
        "lanes[0].minimum: 0.0000001: expected at most 6 decimal places",
    ),
    (
        [("lanes[0].limit_window_seconds", 3_601)],
        "lanes[0].limit_window_seconds: 3601: expected a multiple of 60",
    ),
    (
        [("lanes[0].ramp_seconds", 0)],
        "lanes[0].ramp_seconds: 0: expected a number of at least 3600",
    ),
    (
        [("lanes[0].ramp_seconds", 5_400)],
        "lanes[0].ramp_seconds: 5400: expected a multiple of 3600",
    ),
    (
        [("lanes[0].deadline", 86400)],
        "lanes[0].deadline: 86400: expected no such field",
    ),
    ([("limits", {"outbound": 1})], "limits: a mapping of 1: expected no such field"),
    (
        [("lanes[0].limits", {})],
        "lanes[0].limits: a mapping of 0: expected no such field (did you mean limit?)",
    ),
    # actions
    ([("actions.messages", REMOVED)], "actions.messages: missing: expected this field"),
    ([("actions.paying", {})], "actions.paying: a mapping of 0: expected no such field"),
    (
        [("actions.events.operator", REMOVED)],
        "actions.events.operator: missing: expected this field",
    ),
    (
        [("actions.reconcile", "weekly")],
        "actions.reconcile: weekly: expected daily",
    ),
    (
        [("actions.events.threshold", 1)],
        "actions.events.threshold: 1: expected a number of at least 2",
    ),
    (
        [("actions.messages.threshold", 4)],
        "actions.messages.threshold: 4: expected at most the number of attestors, 3",
    ),
    (
        [("actions.messages.attestors", [121])],
        "actions.messages.attestors: a list of 1: expected a list of at least 2",
    ),
    (
        [("actions.events.attestors[1]", 111)],
        (
            "actions.events.attestors[1]: index 111: expected an account of its own, this one is "
            "actions.events.attestors[0]"
        ),
    ),
    (
        [("actions.messages.attestors[2]", 1)],
        (
            "actions.messages.attestors[2]: index 1: expected an account of its own, this one is "
            "issuer on home"
        ),
    ),
    (
        [("actions.events.attestors[0]", 1)],
        (
            "actions.events.attestors[0]: index 1: expected an account of its own, this one is "
            "issuer on home"
        ),
    ),
    (
        [("actions.events.attestors[0]", 12)],
        (
            "actions.events.attestors[0]: index 12: expected an account of its own, this one is an "
            "attestor of messages"
        ),
    ),
    (
        [("actions.events.attestors[2]", 123)],
        (
            "actions.events.attestors[2]: index 123: expected an account of its own, this one is "
            "an attestor of messages"
        ),
    ),
    # parties, upgrade
    (
        [("parties", [{"name": "Nobody"}])],
        "parties[0].name: Nobody: expected a party named in the instrument's roles",
    ),
    (
        [("parties", [{"name": "Illustration Auditor"}] * 2)],
        "parties[1].name: Illustration Auditor: expected each party once",
    ),
    (
        [("parties", [{"name": "Illustration Auditor", "lei": "213800KUD8LXJWSQ9D15"}])],
        (
            "parties[0].lei: 213800KUD8LXJWSQ9D15: expected check digits 58: 213800KUD8LXJWSQ9D58 "
            "(ISO 17442)"
        ),
    ),
    (
        [("upgrade.notice_seconds", 1)],
        "upgrade.notice_seconds: 1: expected a number of at least 3600",
    ),
    (
        [("upgrade.rollback_seconds", "1 day")],
        "upgrade.rollback_seconds: 1 day: expected a whole number",
    ),
]


@pytest.mark.parametrize(("changes", "expected"), _BAD)
def test_bad_plan(tmp_path: Path, changes: list[tuple[str, Any]], expected: str) -> None:
    assert message(tmp_path, changed(*changes)) == expected


@pytest.mark.parametrize("address", [_ADDRESS, _MIXED, _MIXED.upper().replace("0X", "0x")])
def test_addresses(tmp_path: Path, address: str) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(json.dumps(changed((f"{_HOME}.auditor", address))))
    assert load_plan(file).ledger("home").accounts.auditor.address == address


def test_one_verifier_off_production(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    data = changed(("lanes[0].verifiers", _ONE), ("lanes[0].grade", "pilot"))
    file.write_text(json.dumps(data))
    assert load_plan(file).lanes[0].grade == "pilot"


def test_attestors_of_lanes_may_be_those_of_messages(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(json.dumps(changed(("actions.messages.attestors", [11, 12, 13]))))
    actions = load_plan(file).actions
    assert actions is not None
    assert [account.index for account in actions.messages.attestors] == [11, 12, 13]


def test_a_plan_without_engines_is_another_plan(tmp_path: Path) -> None:
    """Its hash says nothing of engines: it is what it was before there were any."""
    daily = [("actions.reconcile", "daily")]
    same = [("actions.reconcile", None)]
    found = []
    for number, changes in enumerate(
        ([], [("actions", REMOVED)], [("actions", None)], daily, same)
    ):
        file = tmp_path / f"{number}.yaml"
        file.write_text(json.dumps(changed(*changes)))
        found.append(load_plan(file))
    assert [plan.actions is None for plan in found] == [False, True, True, False, False]
    whole, without, null, each_day, alone = (plan.document for plan in found)
    assert null == without != whole == alone != each_day


def test_schema_is_json() -> None:
    schema = json.loads(json.dumps(plan_schema()))
    assert schema["$id"] == "tallystick.plan/1"
    assert {"schema", "instrument", "ledgers", "upgrade"} <= set(schema["required"])
