"""docs/quickstart.md: its commands are run as they are written, on a node that knows no keys."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from tallystick.chain.anvil import AnvilChain
from tallystick.files.manifest import Manifest
from tallystick.kit.node import MisbehavingNode
from tests.support.commands import ROOT, environment

pytestmark = [pytest.mark.anvil_only, pytest.mark.slow]


def blocks() -> list[str]:
    text = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


def test_the_commands_of_the_page_deploy_with_a_keystore(tmp_path: Path) -> None:
    with (
        AnvilChain("home", 41_001) as chain,
        MisbehavingNode(chain.url) as node,
    ):
        files = tmp_path / "ape" / "accounts" / "deployer.json"
        # The shell goes on from block to block; funds come when the page asks for them.
        fund = f"touch funded; while [ ! -s {tmp_path}/funds ]; do sleep 0.1; done\n"
        parts = [part + (fund if "print(json.load" in part else "") for part in blocks()]
        assert len(parts) == 6
        shell = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", "".join(parts)],
            cwd=tmp_path,
            env=environment(NODE=node.url, TALLYSTICK=str(ROOT), HOME=str(tmp_path)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            while shell.poll() is None and not (tmp_path / "funded").exists():
                time.sleep(0.1)
            deployer = json.loads(files.read_text())["address"]
            chain.set_balance(deployer, 10**19)
            (tmp_path / "funds").write_text("here")
            told, trouble = shell.communicate(timeout=300)
        finally:
            shell.kill()
        assert shell.returncode == 0, trouble
        lines = told.splitlines()
        assert lines[0] == deployer
        assert any(line.startswith("dry run: 0 steps done, ") for line in lines)
        verified = re.compile(r"verified: \d+ facts of 4 contracts on home")
        assert sum(bool(verified.fullmatch(line)) for line in lines) == 2
        assert "handed over: the deployer has nothing in 4 contracts on home" in lines
        manifest = Manifest.load(tmp_path / "deployments" / "plan" / "manifest.json")
        assert manifest.roles["home"]["deployer"].address == deployer
        passphrase = (tmp_path / "passphrase").read_text().strip()
        written = [path for path in tmp_path.rglob("*.json") if path.is_file()]
        assert not any(passphrase in path.read_text() for path in written)
        assert passphrase not in told + trouble
        # Every transaction was signed by the key, and none by the node.
        assert chain.nonce(deployer) > 20
