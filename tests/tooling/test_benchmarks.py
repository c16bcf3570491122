"""The benchmarks: what they claim of alternatives, and that their files agree with one another."""

import json
import random
import re
from collections import Counter

import pytest

from benchmarks import (
    alternatives,
    bridges,
    carrying,
    deploying,
    holders,
    peers,
    proxies,
    reading,
    run,
    trace,
)
from benchmarks.peer_bench import PeerBench
from benchmarks.references import REFERENCES
from benchmarks.rig import AMOUNT, Rig, local_chain
from tallystick.chain import reverts

_DAY = 86_400
# Operations of the published gas table that exist in this release.
_REQUIRED = (
    "transfer.same_day",
    "transfer.first_of_day",
    "transfer.first_of_day.fresh_slots",
    "transfer.before_record_date",
    "transfer.after_record_date",
    "transfer.batch10",
    "transfer.batch100",
    "mint",
    "burn",
    "forced_transfer",
    "lane.lock_send",
    "lane.burn_send",
    "lane.deliver_mint.2of3",
    "lane.deliver_mint.5of7",
    "lane.release.2of3",
    "lane.signature",
    "lane.security_token_across",
)


@pytest.fixture
def chain():
    with local_chain("embedded", "home", 41_001, 1) as opened:
        yield opened


@pytest.fixture
def bench(chain):
    return proxies.Bench(chain)


# --- proxies ---------------------------------------------------------------------------------

# What withstands what; a `False` is an attack that succeeds on that design, shown and kept shown.
_SOUND = {
    "a release writes the ERC-1967 slot": {
        "beacon": True,
        "release": True,
        "layout-file": True,
        "unguarded": False,
        "uups": False,
    },
    "a release without upgrade code is activated": {
        "beacon": True,
        "release": True,
        "layout-file": True,
        "uups": False,
    },
    "a proxy is created without initialisation": {
        "beacon": True,
        "release": True,
        "layout-file": True,
        "unguarded": False,
        "uups": False,
    },
    "a release has a function that the proxy has too": {
        "beacon": True,
        "release": True,
        "layout-file": True,
        "shadowing": False,
        "uups": True,
    },
    "an answer is longer than the proxy's buffer": {
        "beacon": True,
        "release": True,
        "layout-file": True,
        "unguarded": False,
        "uups": False,
    },
    "the layout file is forgotten in one build": {"layout-file": False},
    "a stranger initialises the implementation itself": {"release": True},
}


def test_each_attack_ends_as_recorded(bench):
    found = {}
    for attack in proxies.attacks(bench):
        found.setdefault(attack.name, {})[attack.design] = attack.sound
    assert found == _SOUND


def test_release_proxy_names_what_it_refuses(bench):
    outcomes = {
        attack.name: attack.outcome
        for attack in proxies.attacks(bench)
        if attack.design == "release"
    }
    assert outcomes == {
        "a release writes the ERC-1967 slot": "reverted: proxy: implementation slot changed",
        "a release without upgrade code is activated": "the next upgrade works",
        "a proxy is created without initialisation": "creation reverted without a reason",
        "a release has a function that the proxy has too": "the release's own function answered",
        "an answer is longer than the proxy's buffer": "reverted: proxy: return data too long",
        "a stranger initialises the implementation itself": (
            "reverted: token: initialised already"
        ),
    }


def test_figures_of_proxies_are_in_the_recorded_order(bench):
    found = proxies.figures(bench)
    transfers = {design: figure.transfer for design, figure in found.items()}
    assert transfers["none"] < transfers["uups"] < transfers["release"] < transfers["beacon"]
    assert transfers["release"] == transfers["layout-file"]
    # All guards together: authority, slot read again, length of the answer.
    assert transfers["release"] - transfers["uups"] < 450


# --- alternatives ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["ClosingsChainedMock", "ClosingsCheckpointsMock", "ClosingsBitmapMock"]
)
def test_every_way_of_keeping_closings_tells_the_same(chain, name):
    choose = random.Random(41_001)
    with chain.isolated():
        start = alternatives.Holdings(chain, "ClosingsNoneMock").today
    # Not before the third day: closes from before the first movement are asked for too.
    holdings = alternatives.Holdings(chain, name)
    balances = {start - 1: {holdings.one: 0, holdings.two: 0}}
    today = {holdings.one: 10**6 * AMOUNT, holdings.two: 10**6 * AMOUNT}
    for _ in range(40):
        balances[holdings.today] = dict(today)
        skipped = choose.choice((1, 1, 1, 2, 7, 300))
        for day in range(holdings.today, holdings.today + skipped):
            balances[day] = dict(today)
        chain.advance(skipped * _DAY)
        for _ in range(choose.choice((0, 1, 2))):
            amount = choose.randrange(1, 1000)
            holdings.transfer(amount)
            today[holdings.one] -= amount
            today[holdings.two] += amount
    for day in [*choose.sample(sorted(balances), 60), start - 1]:
        for account, balance in balances[day].items():
            assert holdings.token.balance_at_close(account, day) == balance, day


@pytest.mark.parametrize("name", ["arrive_by_bit", "arrive_by_flag", "arrive_in_ledger_word"])
def test_every_guard_lets_each_nonce_arrive_once(chain, name):
    choose, sender, lane = random.Random(41_002), chain.account(0), b"\x01" * 32
    store = chain.deploy("MessageStoreMock", sender=sender)
    arrive = getattr(store, name)
    # Out of order across pages of 64 and of 256, and far ahead.
    nonces = [*choose.sample(range(600), 200), 63, 64, 255, 256, 2**46 - 1, 5]
    arrived = set()
    for nonce in nonces:
        if name == "arrive_in_ledger_word":
            assert store.has_arrived_in_ledger_word(lane, nonce) == (nonce in arrived)
        if nonce in arrived:
            with reverts("arrived already"):
                arrive(lane, nonce, 1, sender=sender)
        else:
            arrive(lane, nonce, 1, sender=sender)
            arrived.add(nonce)
    for nonce in choose.sample(sorted(arrived), 30):
        with reverts("arrived already"):
            arrive(lane, nonce, 1, sender=sender)


def test_position_alternatives_are_in_the_recorded_order(chain):
    found = alternatives.positions(chain)
    gas = [
        found[name][0]
        for name in (
            "ClosingsNoneMock",
            "ClosingsChainedMock",
            "PositionTwoWordsMock",
            "PositionMappingsMock",
        )
    ]
    assert gas == sorted(gas)
    assert gas[1] - gas[0] < 200


def test_closings_alternatives_are_in_the_recorded_order(chain):
    found = alternatives.closings(chain, days=120)
    chained = found["ClosingsChainedMock"]
    for name in ("ClosingsCheckpointsMock", "ClosingsBitmapMock"):
        assert chained["first of a day"] < found[name]["first of a day"]
        # Without a hint the chain is walked; that is the price.
        assert chained["read 100 back"] > found[name]["read 100 back"]
        assert chained["read 100 back, hint"] < found[name]["read 100 back"]


# --- the kept files --------------------------------------------------------------------------


def _kept():
    return json.loads(run.GAS_JSON.read_text())


def test_gas_json_has_the_published_schema_and_operations():
    kept = _kept()
    assert set(kept) == {"schema", "hardfork", "rows", "missed"}
    assert (kept["schema"], kept["hardfork"]) == ("tallystick.gas/1", "osaka")
    operations = [row["op"] for row in kept["rows"]]
    assert [op for op, count in Counter(operations).items() if count > 1] == []
    assert set(_REQUIRED) <= set(operations)
    assert set(REFERENCES) <= set(operations)
    for row in kept["rows"]:
        assert set(row) == {"op", "gas", "budget", "peers"}
        assert row["gas"] > 0


def test_gas_json_and_its_table_are_of_one_run():
    kept = _kept()
    gas = {row["op"]: row["gas"] for row in kept["rows"]}
    assert run.document(gas, kept["hardfork"], run.kept_peers(kept), kept["missed"]) == kept
    # Whatever is missed says where its gas goes, none left out.
    assert {op: sum(row[:-1]) for op, row in kept["missed"].items()} == {
        op: gas[op] for op in run.missed(gas)
    }
    assert run.GAS_MD.read_text() == run.table(kept)


def _content(**gas):
    return {
        "schema": run.SCHEMA,
        "hardfork": "osaka",
        "rows": [{"op": op, "gas": n, "budget": 1000, "peers": {}} for op, n in gas.items()],
        "missed": {op: [700, 100, 50, n - 900, 50, 1] for op, n in gas.items() if n > 1000},
    }


def test_declaring_and_fixing_costs_the_same_however_many_hold():
    with Rig.open("embedded") as rig:
        # It raises if that is not so; the committed figures are of more.
        gas = holders.Declarations(rig).run((10, 600))
    assert len(gas) == 2 * len(holders.OPERATIONS)
    kept = {row["op"]: row["gas"] for row in _kept()["rows"]}
    assert holders.COUNTS == (10, 1_000, 100_000)
    assert holders.not_flat(kept) == []


def test_what_grows_with_the_holders_is_named():
    gas = {f"{each}.holders_{count}": 5_000 for each in holders.OPERATIONS for count in (1, 2, 3)}
    assert holders.not_flat(gas, (1, 2, 3)) == []
    gas["event.fix.holders_2"] += holders.TOLERANCE
    assert holders.not_flat(gas, (1, 2, 3)) == []
    gas["event.fix.holders_3"] -= 1
    assert holders.not_flat(gas, (1, 2, 3)) == ["event.fix 5,000, 5,100, 4,999"]


def test_a_reading_takes_as_many_requests_however_many_hold():
    """Up to a batch; and what grows faster than what is read is named."""
    found = reading.readings([(20, 4), (60, 12)])
    requests = {(each.what, each.requests) for each in found}
    assert {what for what, _ in requests} == {"status", "verify"}
    assert len(requests) == 2
    assert {each.holders for each in found} == {20, 60}
    small = reading.Reading("status", 10, 10, 1.0, 10, 1.0)
    large = small._replace(holders=100, messages=100, seconds=9.0, requests=131)
    assert reading.not_linear([small, large]) == ["status: requests 10.00, then 131.00"]


@pytest.mark.anvil_only
@pytest.mark.parametrize(
    ("way", "transactions"), [("batches", 2), ("one_by_one", 27), ("proofs", 1 + 4 + 4)]
)
def test_carrying_takes_as_many_transactions_as_there_are_batches(way, transactions):
    run = carrying.carry(way, 27)
    assert run[:3] == (way, 27, transactions)
    assert run.gas > 27 * 20_000


def test_differences_within_a_thousandth_are_none():
    assert run.differences(_content(mint=10_000), _content(mint=10_010)) == []


def test_differences_are_named():
    lines = run.differences(
        _content(mint=10_000, gone=1, same=5), _content(mint=10_011, same=5, new=7)
    )
    assert len(lines) == 3
    assert "mint" in lines[0]
    assert "+11 (+0.11 %)" in lines[0]
    assert "gone" in lines[1]
    assert "no longer measured" in lines[1]
    assert "new" in lines[2]


def test_table_marks_a_missed_budget_with_its_delta():
    text = run.table(_content(mint=1_234, burn=900))
    assert "Budgets: 1 of 2 kept. Missed: mint." in text
    assert "| `mint` | 1,234 | 1,000 | **missed by 234** |" in text
    assert "| `burn` | 900 | 1,000 | 100 |" in text
    assert "\n| `mint` | 700 | 100 | 50 | 1: 334 | 50 | 150 |\n" in text


def test_document_refuses_a_reference_without_operation():
    with pytest.raises(ValueError, match=r"transfer\.same_day"):
        run.document({"mint": 1}, "osaka", {}, {})


# --- the peers -------------------------------------------------------------------------------


@pytest.fixture
def files(monkeypatch, tmp_path):
    """The kept files as copies, and a run of the suite that finds what is kept."""
    for name in ("GAS_JSON", "GAS_MD"):
        kept = getattr(run, name)
        monkeypatch.setattr(run, name, tmp_path / kept.name)
        (tmp_path / kept.name).write_bytes(kept.read_bytes())
    kept = _kept()["missed"]
    gas = {row["op"]: row["gas"] for row in _kept()["rows"]}
    monkeypatch.setattr(run, "measure", lambda backend: gas)
    monkeypatch.setattr(run, "of_missed", lambda missed: {op: kept[op] for op in missed})
    return run.GAS_JSON, run.GAS_MD


def test_a_run_without_npm_keeps_the_peers_figures_and_says_so(files, monkeypatch, capsys):
    before = [file.read_bytes() for file in files]
    monkeypatch.setattr(peers, "compiled", lambda: None)
    assert run.main(["--no-pace", "--backend", "anvil"]) == 0
    assert [file.read_bytes() for file in files] == before
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("peers are not measured anew, their figures of before stay")


def test_a_run_with_npm_keeps_what_it_measured_of_the_peers(files, monkeypatch):
    before = run.kept_peers(_kept())
    measured = {op: {peer: gas + 1 for peer, gas in row.items()} for op, row in before.items()}
    monkeypatch.setattr(peers, "compiled", dict)
    monkeypatch.setattr(peers, "measure", lambda backend, code: measured)
    assert run.main(["--no-pace", "--backend", "anvil"]) == 0
    after = run.kept_peers(_kept())
    for operation, row in before.items():
        for peer, gas in row.items():
            # Peers that were measured once, before, have their figures in the references.
            anew = REFERENCES[operation].peers[peer] is None
            assert after[operation][peer] == gas + anew, (operation, peer)
    assert after["mint"]["oz-5.7-proxied"] == before["mint"]["oz-5.7-proxied"] + 1


def test_the_check_is_of_ours_alone(files, monkeypatch):
    def compiled():
        raise AssertionError("the check must not ask for the peers")

    monkeypatch.setattr(peers, "compiled", compiled)
    assert run.main(["--check", "--backend", "anvil"]) == 0


def test_document_refuses_a_peer_without_figure():
    kept = _kept()
    gas, beside = {row["op"]: row["gas"] for row in kept["rows"]}, dict(run.kept_peers(kept))
    beside["mint"] = {"oz-5.7-proxied": 1}
    with pytest.raises(ValueError, match=r"^mint: no figure of t-rex-4\.1-proxied, neither"):
        run.document(gas, "osaka", beside, {})


def test_peers_are_compiled_once_for_what_is_installed(monkeypatch, tmp_path):
    folder, cache, installed = tmp_path / "solidity", tmp_path / "cache", ".package-lock.json"
    (folder / "node_modules").mkdir(parents=True)
    (folder / "compile.js").write_text("")
    node = tmp_path / "node"
    node.write_text(
        f"#!/bin/sh\necho >>{tmp_path}/runs\n"
        """echo '{"Peer": {"abi": [], "bytecode": "6001"}}'\n"""
    )
    node.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert peers.compiled(folder, cache) is None
    for content, runs in (("one", 1), ("one", 1), ("two", 2)):
        (folder / "node_modules" / installed).write_text(content)
        found = peers.compiled(folder, cache)
        assert {name: item.bytecode for name, item in found.items()} == {"Peer": b"\x60\x01"}
        assert (tmp_path / "runs").read_text().count("\n") == runs
    node.unlink()
    assert peers.compiled(folder, cache) is None


def _awaited():
    """What the references await of a run, by peer."""
    awaited = {}
    for operation, reference in REFERENCES.items():
        for peer, figure in reference.peers.items():
            if figure is None:
                awaited.setdefault(peer, set()).add(operation)
    return awaited


def test_each_bridge_keeps_the_rows_that_the_references_await(monkeypatch):
    made = []

    def bridge(base):
        class Told(base):
            def __init__(self, bench, quorum, signers):
                made.append((self.name, quorum, len(signers)))
                self.figures = (10, 20, 100 * quorum, 40)

            def run(self):
                return self.figures

        return Told

    for name in (
        "_Hyperlane",
        "_LayerZero",
        "_OpenZeppelin",
        "_Ccip",
        "_LayerZeroTwice",
        "_CcipLimited",
    ):
        monkeypatch.setattr(bridges, name, bridge(getattr(bridges, name)))
    kept = PeerBench.__new__(PeerBench)
    kept.gas = {}
    bridges.bridges(kept)
    names = ("hyperlane", "layerzero-oft", "oz-5.7-bridge", "ccip-2.0")
    more = [("ccip-2.0-limited", 2, 3), ("layerzero-oft", 2, 3)]
    assert made == [(name, *each) for name in names for each in ((2, 3), (5, 7))] + more
    assert kept.gas["lane.lock_send"] == dict.fromkeys(names, 10)
    assert kept.gas["lane.burn_send"] == dict.fromkeys(names, 20)
    assert kept.gas["lane.deliver_mint.5of7"] == dict.fromkeys(names, 500)
    assert kept.gas["lane.signature"] == dict.fromkeys(names, 100)
    limited = {*(f"{each}-unlimited" for each in names[:3]), "ccip-2.0-limited"}
    assert kept.gas["lane.release.2of3.limited"] == dict.fromkeys(limited, 40)
    found = {}
    for operation, row in kept.gas.items():
        for peer in row:
            found.setdefault(peer, set()).add(operation)
    awaited = _awaited()
    assert found == {peer: awaited[peer] for peer in found}
    assert set(found) == {*names, *limited}


def test_peers_measured_here_cost_what_is_kept():
    """Where their packages are; a message that does not arrive fails the run itself."""
    code = peers.compiled()
    if code is None:
        pytest.skip("the peers are not installed: make setup-peers")
    kept = run.kept_peers(_kept())
    measured = peers.measure("embedded", code)
    for peer, operations in _awaited().items():
        for operation in operations:
            was, now = kept[operation][peer], measured[operation][peer]
            assert abs(now - was) * 1000 <= was * run.TOLERANCE, (operation, peer, was, now)


def test_peers_packages_are_pinned_and_as_the_tables_name_them():
    wanted = json.loads((peers.FOLDER / "package.json").read_text())["devDependencies"]
    lock = json.loads((peers.FOLDER / "package-lock.json").read_text())["packages"]
    assert lock[""]["devDependencies"] == wanted
    for name, version in wanted.items():
        exact = re.fullmatch(r"(?:npm:[^:]+@)?(\d+\.\d+\.\d+)", version)
        assert exact is not None, name
        assert lock[f"node_modules/{name}"]["version"] == exact[1]
    # Where a package came from is the machine's business; what it holds is the lock's.
    for name, entry in lock.items():
        assert "resolved" not in entry, name
        assert not name or entry["integrity"].startswith("sha512-"), name
    assert lock["node_modules/openzeppelin-5"]["version"].startswith("5.7.")
    assert lock["node_modules/@tokenysolutions/t-rex"]["version"].startswith("4.1.")
    assert lock["node_modules/@hyperlane-xyz/core"]["version"].startswith("12.1.")
    assert lock["node_modules/@chainlink/contracts-ccip"]["version"].startswith("2.0.")
    assert lock["node_modules/@layerzerolabs/oft-evm"]["version"].startswith("4.0.")
    compiler = (peers.FOLDER / "compile.js").read_text()
    assert set(re.findall(r'"(solc-[\d.]+)"', compiler)) == {n for n in wanted if "solc" in n}


# --- traces ----------------------------------------------------------------------------------


def test_steps_are_sorted_by_what_was_paid_for():
    def step(name, cost, depth=1, **more):
        return {"op": name, "gasCost": cost, "depth": depth, "gas": 0, "stack": [], **more}

    gas, count, by_depth = trace.sort_steps(
        [
            step("SLOAD", 2100),
            step("SLOAD", 100),
            step("SSTORE", 22_100),
            step("SSTORE", 2_900),
            step("LOG3", 1756),
            step("STATICCALL", 63, gas=9_000, stack=["0x1", "0x5"]),
            step("ADD", 3, gas=5_900),
        ]
    )
    assert gas == {
        "SLOAD cold": 2100,
        "SLOAD warm": 100,
        "SSTORE new, cold": 22_100,
        "SSTORE changed, read before": 2_900,
        "LOG3": 1756,
        "STATICCALL ecrecover": 3_100,
        "the rest": 3,
    }
    assert count["SLOAD cold"] == 1
    assert by_depth == {1: sum(gas.values())}
    used = sum(gas.values()) + 21_000
    assert trace.parts(used, gas, count) == ([24_100, 0, 26_756, 2_100, 103], 1)
    called = {"CALL cold": 2_600, "DELEGATECALL warm": 100, "STATICCALL sha256": 70}
    assert trace.parts(22_770, called, {}) == ([20_070, 2_700, 0, 0, 0], 0)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (["--ledgers", "1"], "apple.yaml: ledgers: 1: expected at least two ledgers\n"),
        (["--seconds", "0"], ": --seconds: 0: expected at least 1\n"),
    ],
)
def test_what_no_deployment_can_be_measured_on_is_said_in_a_line(given, why, capsys):
    assert deploying.main(given) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith(why)
    assert err.count("\n") == 1
