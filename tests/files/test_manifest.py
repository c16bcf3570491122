"""The manifest: what is written is what is read, what is wrong is said, and it is all one needs."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account as Signer
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from web3 import Web3
from web3.logs import DISCARD

from tallystick.build import artifact
from tallystick.chain.anvil import AnvilChain
from tallystick.deploy.describe import compared
from tallystick.errors import InputError, shown
from tallystick.files.manifest import Manifest, RoleEntry, require_local
from tallystick.files.scalars import Finality
from tallystick.local.network import Network
from tallystick.reach.connection import Connection, connect, connection_of
from tallystick.reach.nodes import rpc_variable
from tallystick.status.observe import status_of
from tests.support.commands import connected, tallystick
from tests.support.documents import changed


def made(network: Network) -> Manifest:
    return network.manifest


@pytest.fixture
def written(network: Network, tmp_path: Path) -> Path:
    return made(network).write(tmp_path / "manifest.json")


def test_what_is_written_is_what_is_read(network: Network, tmp_path: Path) -> None:
    manifest = made(network)
    path = manifest.write(tmp_path / "deep" / "manifest.json")
    data = json.loads(path.read_text())
    assert list(data) == [
        "schema",
        "ledgers",
        "instruments",
        "lanes",
        "actions",
        "roles",
        "holders",
        "mnemonic",
    ]
    assert data["schema"] == "tallystick.manifest/1"
    home, remote = data["ledgers"]
    assert (home["name"], home["caip2"], home["chain_id"]) == ("home", "eip155:41001", 41_001)
    assert home["finality"] == {"kind": "depth", "blocks": 2}
    token = home["contracts"]["SecurityToken"]
    suite = network.home
    implementation = suite.authority.release_of(
        suite.authority.installation_of(suite.token.address).release
    ).implementation
    assert token == {
        "address": suite.token.address,
        "implementation": implementation,
        "release": "1.0.0",
        "abi": "abi/SecurityToken.json",
        "code_hash": "0x" + keccak(suite.chain.code(implementation)).hex(),
    }
    assert json.loads((path.parent / token["abi"]).read_text()) == suite.token.abi
    assert data["instruments"] == [
        {
            "isin": "US0378331005",
            "name": "Apple Inc. common stock",
            "decimals": 6,
            "home": "home",
            "tokens": {"home": suite.token.address, "remote": network.remote.token.address},
        }
    ]
    (lane,) = data["lanes"]
    assert lane["id"] == "0x" + network.lane.hex()
    assert (lane["home"], lane["remote"], lane["escrow"], lane["peer"]) == (
        "home",
        "remote",
        suite.escrow.address,
        network.remote.escrow.address,
    )
    assert data["roles"]["home"]["issuer"] == {
        "address": network.party("home", "issuer").address,
        "index": 1,
    }
    assert data["holders"][0] == {
        "name": "custodian-omnibus",
        "ledger": "home",
        "address": network.holder("home", 0).address,
        "index": 20,
        "eligible": True,
    }
    assert remote["contracts"]["QuorumVerifier"]["release"] is None
    again = Manifest.load(path)
    assert again.as_dict() == manifest.as_dict()
    assert again.write(tmp_path / "again.json").read_text() == path.read_text()
    # Used through the file alone, ABIs from beside it.
    assert status_of(connection_of(again, dict(network.chains))).ok
    assert not [p for p in path.parent.rglob("*") if p.name.startswith(".")]


def test_the_proxys_abi_reads_its_events(network: Network, tmp_path: Path) -> None:
    """It is logged at the token's address, by code whose ABI nobody else publishes."""
    path = made(network).write(tmp_path / "manifest.json")
    assert json.loads((tmp_path / "abi" / "ReleaseProxy.json").read_text()) == (
        artifact("ReleaseProxy").abi
    )
    manifest = Manifest.load(path)
    token = manifest.ledger("home").contracts["SecurityToken"]
    connection = connection_of(manifest, dict(network.chains))
    proxy = connection.contract("home", "ReleaseProxy", token.address)
    upgrades = [e for e in network.home.chain.logs(proxy) if e.name == "Upgraded"]
    assert [e.implementation for e in upgrades] == [token.implementation]


_BARE = (
    "expected scheme, host and port alone, as the rest may be secret: --rpc LEDGER=URL or "
    "TALLYSTICK_RPC_LEDGER gives the address in use"
)
_BAD: list[tuple[str, Any, str]] = [
    ("schema", "tallystick.plan/1", "schema: tallystick.plan/1: expected tallystick.manifest/1"),
    ("surplus", 1, "surplus: 1: expected no such field"),
    ("ledgers", [], "ledgers: a list of 0: expected a list of at least 1"),
    (
        "ledgers.0.rpc",
        "ftp://x",
        "ledgers[0].rpc: ftp://x: expected a URL that begins with http:// or https://",
    ),
    *(
        ("ledgers.0.rpc", url, f"ledgers[0].rpc: {shown}: {_BARE}")
        for url, shown in (
            ("https://desk:s3cret@node.example", "https://node.example/…"),
            ("https://node.example/v3/k3y", "https://node.example/…"),
            ("https://node.example?key=k3y", "https://node.example/…"),
        )
    ),
    ("ledgers.0.caip2", "eip155:1", "ledgers[0].caip2: eip155:1: expected eip155:41001"),
    ("ledgers.0.chain_id", "1", "ledgers[0].chain_id: 1: expected a whole number"),
    (
        "ledgers.0.contracts.SecurityToken.address",
        "0x12",
        (
            "ledgers[0].contracts.SecurityToken.address: 0x12: "
            "expected an address: 0x and 40 hex digits"
        ),
    ),
    (
        "ledgers.0.contracts.SecurityToken.abi",
        "../../etc/passwd",
        (
            "ledgers[0].contracts.SecurityToken.abi: ../../etc/passwd: expected a path below the "
            "manifest's folder, such as abi/SecurityToken.json"
        ),
    ),
    (
        "ledgers.0.finality",
        {"kind": "depth"},
        "ledgers[0].finality.blocks: missing: expected a number of blocks with kind: depth",
    ),
    ("lanes.0.home", "moon", "lanes[0].home: moon: expected one of the ledgers: home, remote"),
    (
        "holders.0.ledger",
        "moon",
        "holders[0].ledger: moon: expected one of the ledgers: home, remote",
    ),
    (
        "instruments.0.home",
        "moon",
        "instruments[0].home: moon: expected one of the ledgers: home, remote",
    ),
    (
        "mnemonic",
        5,
        "mnemonic: (not shown): expected text (put it in quotes if it looks like a number)",
    ),
]


@pytest.mark.parametrize(("where", "value", "expected"), _BAD)
def test_bad_manifest(written: Path, where: str, value: Any, expected: str) -> None:
    data = changed(json.loads(written.read_text()), (where, value))
    written.write_text(json.dumps(data))
    with pytest.raises(InputError) as caught:
        Manifest.load(written)
    assert str(caught.value) == f"{written}: {expected}"


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    for content, expected in (
        (None, "nothing: expected a file that exists"),
        (
            b"{",
            "line 1, column 2: Expecting property name enclosed in double quotes: expected JSON",
        ),
        (b"\xff", "byte 0: 0xff: expected text in UTF-8"),
        (b"[]", "a list of 0: expected a mapping that says schema: tallystick.manifest/1"),
        (b"[" * 100_000, "nested too deeply: expected at most 32 levels"),
    ):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError) as caught:
            Manifest.load(path)
        assert str(caught.value) == f"{path}: {expected}"
    with pytest.raises(InputError) as caught:
        Manifest.load(tmp_path)
    assert str(caught.value) == f"{tmp_path}: nothing: expected a file"


def test_abi_that_is_missing_or_none(written: Path) -> None:
    manifest = Manifest.load(written)
    file = written.parent / "abi" / "SecurityToken.json"
    file.write_text("{}")
    with pytest.raises(InputError) as caught:
        manifest.abi("SecurityToken")
    assert str(caught.value) == f"{file}: a mapping of 0: expected an ABI: a list of mappings"
    file.unlink()
    with pytest.raises(InputError, match="expected a file that exists"):
        manifest.abi("SecurityToken")


def test_ledgers_in_this_process_cannot_be_reached(written: Path) -> None:
    with pytest.raises(InputError) as caught:
        connect(Manifest.load(written))
    assert str(caught.value) == (
        f"{written}: ledgers[0].rpc: nothing: expected a node: this ledger ran in a process"
    )


@pytest.mark.anvil_only
def test_dead_wrong_and_restarted_chains(network: Network, tmp_path: Path) -> None:
    chains = tuple(network.chains.values())
    path = made(network).write(tmp_path / "manifest.json")
    connect(Manifest.load(path)).close()
    good = json.loads(path.read_text())
    url = good["ledgers"][0]["rpc"]

    def refused(**changes: Any) -> str:
        data = copy.deepcopy(good)
        data["ledgers"][0] |= changes
        path.write_text(json.dumps(data))
        with pytest.raises(InputError) as caught:
            connect(Manifest.load(path))
        return str(caught.value).removeprefix(f"{path}: ")

    dead = "http://127.0.0.1:9"
    assert refused(rpc=dead) == f"ledgers[0].rpc: {dead}: expected a node that answers"
    assert refused(chain_id=5, caip2="eip155:5") == (
        f"ledgers[0].chain_id: 5: expected chain id 5, the node at {url} has 41001"
    )
    other = "0x" + "12" * 32
    assert refused(genesis=other) == (
        "ledgers[0].genesis: 0x1212121212121212…: expected the chain that was deployed to, not "
        f"{chains[0].genesis_hash[:18]}… (restarted?)"
    )
    contracts = copy.deepcopy(good["ledgers"][0]["contracts"])
    nowhere = "0x" + "11" * 20
    contracts["ReleaseAuthority"]["address"] = nowhere
    assert refused(contracts=contracts) == (
        f"ledgers[0].contracts.ReleaseAuthority.address: {nowhere}: expected a contract: "
        "there is no code (restarted?)"
    )
    # A node that was started again with the very same first block.
    with AnvilChain("home", 41_001, ledger_number=1) as fresh:
        assert fresh.genesis_hash == chains[0].genesis_hash
        assert "expected a contract: there is no code (restarted?)" in refused(rpc=fresh.url)


@pytest.mark.anvil_only
def test_the_address_in_use_is_given_or_the_environment_s(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = made(network)
    urls = {ledger.name: str(ledger.rpc) for ledger in manifest.ledgers}
    dead, home = "http://127.0.0.1:9", manifest.ledgers[0].model_copy(update={"rpc": None})
    path = manifest.model_copy(update={"ledgers": (home, manifest.ledgers[1])}).write(
        tmp_path / "manifest.json"
    )
    written = Manifest.load(path)
    with connect_to(written, {"home": urls["home"]}) as reached:
        assert reached.chains["home"].url == urls["home"]
    monkeypatch.setenv("TALLYSTICK_RPC_HOME", dead)
    with connect_to(written, {"home": urls["home"]}) as reached:
        assert reached.chains["home"].url == urls["home"]
    monkeypatch.setenv("TALLYSTICK_RPC_HOME", urls["home"])
    with connect_to(written, {}) as reached:
        assert reached.chains["home"].url == urls["home"]
    secret = "http://desk:s3cret@127.0.0.1:9/v3/k3y"
    monkeypatch.setenv("TALLYSTICK_RPC_REMOTE", secret)
    for given, expected in (
        ({}, "environment: TALLYSTICK_RPC_REMOTE: http://127.0.0.1:9/…: "),
        ({"remote": secret}, "tallystick: --rpc remote: http://127.0.0.1:9/…: "),
    ):
        with pytest.raises(InputError) as caught:
            connect(written, rpc=given)
        assert str(caught.value) == f"{expected}expected a node that answers"
    with pytest.raises(InputError) as caught:
        connect(written, rpc={"moon": secret})
    assert str(caught.value) == (
        "tallystick: --rpc: moon: expected one of the ledgers: home, remote"
    )


@contextmanager
def connect_to(manifest: Manifest, rpc: dict[str, str]) -> Iterator[Connection]:
    connection = connect(manifest, rpc=rpc)
    try:
        yield connection
    finally:
        connection.close()


def test_a_variable_is_named_after_its_ledger() -> None:
    assert rpc_variable("home") == "TALLYSTICK_RPC_HOME"
    assert rpc_variable("remote-2") == "TALLYSTICK_RPC_REMOTE_2"


def test_what_was_added_by_hand_stays_and_what_differs_is_named(network: Network) -> None:
    now = made(network)
    home, remote = now.ledgers
    keeper = RoleEntry(address=home.contracts["SecurityToken"].address)
    roles = {**now.roles, "home": {**now.roles["home"], "courier-2": keeper}}
    there = now.model_copy(
        update={
            "roles": roles,
            "ledgers": (home.model_copy(update={"rpc": "http://127.0.0.1:9"}), remote),
        }
    )
    bare = now.model_copy(update={"holders": ()})
    kept, differing = compared(there, bare)
    assert differing == []
    assert kept.roles == roles
    assert kept.holders == now.holders
    assert kept.ledgers == now.ledgers
    finality = Finality(kind="depth", blocks=7)
    release = home.contracts["SecurityToken"].model_copy(update={"release": "0.9.0"})
    older = home.model_copy(
        update={
            "finality": finality,
            "contracts": {**home.contracts, "SecurityToken": release},
        }
    )
    there = now.model_copy(update={"ledgers": (older, remote)})
    token = ("ledgers[0].contracts.SecurityToken.release", "0.9.0", "1.0.0")
    assert compared(there, now)[1] == [("ledgers[0].finality.blocks", 7, 2), token]
    assert compared(there, now, ["ledgers[0].finality.blocks"])[1] == [token]


def test_only_manifests_of_local_networks_give_way(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    require_local("--manifest", path)
    made(network).write(path)
    require_local("--manifest", path)
    expected = "another place: what is there is no manifest of a local network, and is kept"
    for write in (
        lambda: made(network).model_copy(update={"mnemonic": None}).write(path),
        lambda: path.write_text("{}"),
    ):
        write()
        before = path.read_bytes()
        for command in (("devnet", "--manifest", path), ("demo", "--out", tmp_path)):
            done = tallystick(*command, cwd=tmp_path)
            place = path if command[0] == "devnet" else tmp_path / "manifest.json"
            line = f"tallystick: {command[1]}: {shown(command[1], place)}: expected {expected}\n"
            assert (done.returncode, done.stderr) == (2, line)
        assert path.read_bytes() == before


@pytest.mark.anvil_only
def test_mnemonic_from_the_environment(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = made(network)
    words = manifest.mnemonic
    path = manifest.model_copy(update={"mnemonic": None}).write(tmp_path / "manifest.json")
    assert "mnemonic" not in json.loads(path.read_text())
    issuer = manifest.roles["home"]["issuer"]
    silent = connect(Manifest.load(path))
    assert silent.key("home", issuer) is None
    silent.close()
    monkeypatch.setenv("TALLYSTICK_MNEMONIC", str(words))
    knowing = connect(Manifest.load(path))
    account = knowing.key("home", issuer)
    assert account is not None
    assert account.address == issuer.address
    knowing.close()


# --- a third party -----------------------------------------------------------------------------


class ThirdParty:
    """Somebody with web3.py and the manifest, who has never heard of us."""

    def __init__(self, path: Path) -> None:
        self.manifest = json.loads(path.read_text())
        self.folder = path.parent
        self.ledgers = {ledger["name"]: ledger for ledger in self.manifest["ledgers"]}
        self.web3 = {
            name: Web3(Web3.HTTPProvider(ledger["rpc"])) for name, ledger in self.ledgers.items()
        }

    def contract(self, ledger: str, name: str, address: str | None = None) -> Any:
        entry = self.ledgers[ledger]["contracts"][name]
        abi = json.loads((self.folder / entry["abi"]).read_text())
        return self.web3[ledger].eth.contract(address or entry["address"], abi=abi)

    def key(self, ledger: str, index: int) -> Any:
        Signer.enable_unaudited_hdwallet_features()
        path = f"{self.ledgers[ledger]['derivation']}/{index}"
        return Signer.from_mnemonic(self.manifest["mnemonic"], account_path=path)

    def send(self, ledger: str, call: Any, account: Any) -> Any:
        web3 = self.web3[ledger]
        transaction = call.build_transaction(
            {
                "from": account.address,
                "nonce": web3.eth.get_transaction_count(account.address),
                "gas": 2_000_000,
                "maxFeePerGas": 0,
                "maxPriorityFeePerGas": 0,
            }
        )
        signed = account.sign_transaction(transaction)
        receipt = web3.eth.wait_for_transaction_receipt(
            web3.eth.send_raw_transaction(signed.raw_transaction), poll_latency=0.02
        )
        assert receipt["status"] == 1
        return receipt


@pytest.mark.anvil_only
def test_a_third_party_needs_nothing_else(network: Network, tmp_path: Path) -> None:
    # Their holders are those of the manifest; they are admitted on both sides.
    party = network.holder("remote", 5)
    network.admit(network.remote, party, 40_000)
    me = ThirdParty(made(network).write(tmp_path / "manifest.json"))
    lane = me.manifest["lanes"][0]
    sender = me.key("home", me.manifest["holders"][0]["index"])
    other = me.manifest["holders"][1]["address"]
    recipient = next(h for h in me.manifest["holders"] if h["name"] == "remote-custodian")
    assert (sender.address, recipient["address"]) == (
        me.manifest["holders"][0]["address"],
        party.address,
    )

    # transfer
    token = me.contract("home", "SecurityToken")
    before = token.functions.balanceOf(other).call()
    me.send("home", token.functions.transfer(other, 25), sender)
    assert token.functions.balanceOf(other).call() == before + 25

    # lock
    escrow = me.contract("home", "BridgeEscrow")
    custody = me.contract("home", "LaneCustody", lane["sides"]["home"]["custody"])
    now = me.web3["home"].eth.get_block("latest")["timestamp"]
    word = bytes(12) + bytes.fromhex(recipient["address"][2:])
    receipt = me.send(
        "home",
        custody.functions.lock(lane["id"], word, 100, now + 86_400),
        sender,
    )
    (event,) = escrow.events.MessageSent().process_receipt(receipt, errors=DISCARD)
    message = dict(event["args"]["message"])
    page = escrow.functions.outbox(lane["id"], 0).call()
    assert message["nonce"] == 0
    assert page == Web3.keccak(bytes(32) + event["args"]["id"])

    # attest, with standard typed data
    verifier = me.contract("remote", "QuorumVerifier", lane["sides"]["remote"]["verifier"])
    threshold, signers = verifier.functions.signer_set().call()
    signer_set = verifier.functions.SIGNER_SET().call()
    peer = me.contract("remote", "BridgeEscrow")
    _, epoch, *_ = peer.functions.lane_state(lane["id"]).call()
    names = ["codec", "kind", "lane", "nonce", "lock_time", "action_epoch", "amount"]
    names += ["sender", "recipient", "deadline"]
    kinds = ["uint16", "uint8", "bytes32", "uint64", "uint64", "uint16", "uint256"]
    kinds += ["bytes32", "bytes32", "uint64"]
    typed = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Message": [{"name": n, "type": k} for n, k in zip(names, kinds, strict=True)],
            "Attestation": [
                {"name": "epoch", "type": "uint64"},
                {"name": "signer_set", "type": "bytes32"},
                {"name": "message", "type": "Message"},
            ],
        },
        "primaryType": "Attestation",
        "domain": {
            "name": "Tallystick Lane",
            "version": "1",
            "chainId": me.ledgers["remote"]["chain_id"],
            "verifyingContract": lane["peer"],
        },
        "message": {"epoch": epoch, "signer_set": signer_set, "message": message},
    }
    keys = {
        role["address"]: me.key("home", role["index"])
        for name, role in me.manifest["roles"]["home"].items()
        if name.startswith("attestor-")
    }
    bitmap, signatures = 0, b""
    for place, signer in enumerate(signers[:threshold]):
        signed = keys[signer].sign_message(encode_typed_data(full_message=typed))
        compact = signed.s | (signed.v - 27) << 255
        signatures += signed.r.to_bytes(32, "big") + compact.to_bytes(32, "big")
        bitmap |= 1 << place
    attestation = epoch.to_bytes(8, "big") + bitmap.to_bytes(2, "big") + signatures

    # deliver
    there = network.remote.chain
    there.set_time(max(network.home.chain.now + 10, there.now + 1))
    courier = me.key("remote", me.manifest["roles"]["remote"]["courier"]["index"])
    values = tuple(message[name] for name in names)
    me.send("remote", peer.functions.deliver(values, attestation), courier)
    assert peer.functions.has_arrived(lane["id"], message["nonce"]).call()

    # read
    remote_token = me.contract("remote", "SecurityToken")
    assert remote_token.functions.balanceOf(recipient["address"]).call() == 100
    registry = me.contract("remote", "InstrumentRegistry")
    assert registry.functions.is_registered(me.manifest["instruments"][0]["isin"]).call()
    authority = me.contract("remote", "ReleaseAuthority")
    installed = authority.functions.installation_of(remote_token.address).call()
    release = authority.functions.release_of(installed[1]).call()
    entry = me.ledgers["remote"]["contracts"]["SecurityToken"]
    assert release[2] == entry["implementation"]
    code = me.web3["remote"].eth.get_code(entry["implementation"])
    assert "0x" + keccak(bytes(code)).hex() == entry["code_hash"]
    custodian = me.contract("remote", "LaneCustody")
    assert custodian.functions.token().call() == remote_token.address
    assert status_of(connected(network)).ok
