"""Keystores and ape accounts: what is signed is told each time, and the passphrase asked once."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account as Signer

from tallystick.chain import Account
from tallystick.chain.rpc import RpcChain
from tallystick.errors import InputError
from tallystick.local.network import ROLE_INDEX, Network
from tallystick.reach.accounts import named_account
from tallystick.signing import attended
from tests.support.commands import environment, tallystick

_SECRET = "correct horse"
_PATH = Path("manifest.json")


def _keystore(path: Path, key: bytes) -> Path:
    """A keystore as ape and geth write them, quick to open."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(Signer.encrypt(key, _SECRET, kdf="pbkdf2", iterations=2)))
    return path


class _Desk:
    """Somebody before the command."""

    def __init__(self, answer: str | None) -> None:
        self.told: list[str] = []
        self.asked: list[str] = []
        self._answer = answer

    def tell(self, step: str, account: str) -> None:
        self.told.append(f"{step} as {account}")

    def ask(self, account: str) -> str | None:
        self.asked.append(account)
        return self._answer


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return named_account(_PATH, "--account", str(_keystore(tmp_path / "desk.json", b"\7" * 32)))


def _unlock(account: Account, step: str = "home: SecurityToken.pause") -> bytes:
    assert account.unlock is not None
    return account.unlock(step)


def test_each_request_is_told_and_the_passphrase_asked_once(
    account: Account, tmp_path: Path
) -> None:
    desk = _Desk(_SECRET)
    with attended(desk):
        assert _unlock(account, "home: SecurityToken.pause") == b"\7" * 32
        # The same keystore, found again in the same run.
        again = named_account(_PATH, "--account", str(tmp_path / "desk.json"))
        assert _unlock(again, "remote: SecurityToken.pause") == b"\7" * 32
    who = f"desk {account.address}"
    assert desk.told == [
        f"home: SecurityToken.pause as {who}",
        f"remote: SecurityToken.pause as {who}",
    ]
    assert desk.asked == [who]


def test_a_key_is_not_unlocked_before_it_signs(account: Account) -> None:
    assert account.key is None
    assert account.address == Signer.from_key(b"\7" * 32).address


def test_the_passphrase_comes_from_the_environment(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYSTICK_PASSPHRASE_DESK", _SECRET)
    desk = _Desk(None)
    with attended(desk):
        assert _unlock(account) == b"\7" * 32
    assert desk.asked == []


def test_the_passphrase_comes_from_a_file(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text(f"{_SECRET}\n")
    monkeypatch.setenv("TALLYSTICK_PASSPHRASE_FILE_DESK", str(tmp_path / "secret"))
    assert _unlock(account) == b"\7" * 32


@pytest.mark.parametrize(
    ("variables", "answer", "line"),
    [
        (
            {"TALLYSTICK_PASSPHRASE_DESK": "wrong"},
            None,
            "passphrase: (not shown): expected that of desk",
        ),
        ({}, "wrong", "passphrase: (not shown): expected that of desk"),
        (
            {},
            None,
            "TALLYSTICK_PASSPHRASE_FILE_DESK: no terminal to ask",
        ),
        (
            {"TALLYSTICK_PASSPHRASE_FILE_DESK": "none"},
            None,
            "TALLYSTICK_PASSPHRASE_FILE_DESK: (not shown): expected a file that can be read",
        ),
    ],
)
def test_what_does_not_unlock_is_one_line_without_the_passphrase(
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    answer: str | None,
    line: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with attended(_Desk(answer)), pytest.raises(InputError) as caught:
        _unlock(account)
    assert str(caught.value).endswith(line)
    assert caught.value.exit_status == 2
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"address": "12", "crypto": {}, "version": 3}']
)
def test_what_is_no_keystore_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "desk.json"
    path.write_text(content)
    with pytest.raises(InputError, match="expected a keystore: Web3 Secret Storage of version 3"):
        named_account(_PATH, "--account", str(path))


def test_a_keystore_that_names_another_address_signs_nothing(tmp_path: Path) -> None:
    path = _keystore(tmp_path / "desk.json", b"\7" * 32)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"address": "0x" + "12" * 20}))
    account = named_account(_PATH, "--account", str(path))
    with attended(_Desk(_SECRET)), pytest.raises(InputError, match="that of the key in it"):
        _unlock(account)


# ------------------------------------------------------------------------------ on a ledger


@pytest.fixture
def desk(network: Network, tmp_path: Path) -> dict[str, str]:
    """The guardian's key as an ape account `desk`, and an environment where ape keeps it."""
    suite = network.suite("home")
    guardian = suite.chain.account(ROLE_INDEX["guardian"])
    assert guardian.key is not None
    _keystore(tmp_path / "ape" / "accounts" / "desk.json", guardian.key)
    suite.chain.set_balance(guardian, 10**18)
    network.manifest.model_copy(update={"mnemonic": None}).write(tmp_path / "manifest.json")
    (tmp_path / "order.txt").write_text("an order")
    return {"APE_DATA_FOLDER": str(tmp_path / "ape")}


_PAUSE = (
    *("act", "home", "SecurityToken.pause", "scope=transfers", "--manifest", "manifest.json"),
    *("--reason", "TEST", "--document", "order.txt", "--account", "desk", "--execute"),
)


@pytest.mark.anvil_only
def test_an_ape_account_signs_without_a_terminal(
    network: Network, tmp_path: Path, desk: dict[str, str]
) -> None:
    token = network.suite("home").token
    for secret in (None, "wrong"):
        known = {} if secret is None else {"TALLYSTICK_PASSPHRASE_DESK": secret}
        refused = tallystick(*_PAUSE, cwd=tmp_path, **desk, **known)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "Traceback" not in refused.stderr
        assert len(refused.stderr.splitlines()) == 2
        assert token.paused_scopes() == 0
    done = tallystick(*_PAUSE, cwd=tmp_path, **desk, TALLYSTICK_PASSPHRASE_DESK=_SECRET)
    assert done.returncode == 0, done.stderr
    guardian = network.suite("home").chain.account(ROLE_INDEX["guardian"]).address
    assert done.stderr == f"sign home: SecurityToken.pause as desk {guardian}\n"
    assert "executed: 0x" in done.stdout
    assert token.paused_scopes() == 1
    block = token.chain.rpc("eth_getBlockByNumber", "latest", True)
    # Signed by the key: the node was not asked to pretend.
    (sent,) = block["transactions"]
    assert Signer.recover_transaction(_raw(token.chain, sent["hash"])).lower() == guardian.lower()


def _raw(chain: Any, tx_hash: str) -> str:
    raw: str = chain.rpc("eth_getRawTransactionByHash", tx_hash)
    return raw


@pytest.mark.anvil_only
def test_on_a_terminal_it_asks(network: Network, tmp_path: Path, desk: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    command = subprocess.Popen(
        [sys.executable, "-m", "tallystick", *_PAUSE],
        cwd=tmp_path,
        env=environment(**desk, TERM="dumb"),
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    while b"passphrase of desk" not in said and command.poll() is None:
        said += os.read(ours, 1000)
    assert b"sign home: SecurityToken.pause as desk 0x" in said
    os.write(ours, f"{_SECRET}\n".encode())
    assert command.wait(60) == 0, said
    assert network.suite("home").token.paused_scopes() == 1


@pytest.mark.anvil_only
def test_one_unlock_signs_on_any_node(network: Network, tmp_path: Path) -> None:
    """Over plain JSON-RPC, as on a node of somebody else's."""
    suite = network.suite("home")
    guardian = suite.chain.account(ROLE_INDEX["guardian"])
    assert guardian.key is not None
    suite.chain.set_balance(guardian, 10**18)
    account = named_account(
        _PATH, "--account", str(_keystore(tmp_path / "desk.json", guardian.key))
    )
    desk, why = _Desk(_SECRET), (b"TEST", b"\1" * 32)
    with RpcChain("home", suite.chain.url) as node, attended(desk):
        token = node.at("SecurityToken", suite.token.address)
        token.pause(1, *why, sender=account)
        token.pause(2, *why, sender=account)
    assert (len(desk.told), len(desk.asked)) == (2, 1)
    assert suite.token.paused_scopes() == 3
