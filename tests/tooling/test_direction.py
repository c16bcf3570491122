"""The rule of direction: each kind of wrong import is named, right ones are not."""

from __future__ import annotations

import pytest

from tools.lint import direction


def found(path: str, text: str) -> list[str]:
    return [str(finding) for finding in direction.check([(path, text)])]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tallystick/chain/base.py", "from tallystick.build import artifact\n"),
        ("tallystick/chain/rpc.py", "from tallystick.chain.base import Chain\n"),
        ("tallystick/registry/record.py", "import tallystick.governance.release\n"),
        ("tallystick/files/plan.py", "from tallystick.registry.identifiers import check_isin\n"),
        ("tallystick/deploy/verify.py", "from tallystick.reach.connection import Suite\n"),
        ("tallystick/cli/status.py", "from rich.console import Console\n"),
        ("tallystick/errors.py", "from tallystick.text import one_line\n"),
        ("tallystick/__main__.py", "from tallystick.cli.main import main\n"),
    ],
)
def test_an_import_downwards_passes(path: str, text: str) -> None:
    assert found(path, text) == []


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        (
            "tallystick/courier/courier.py",
            "\nfrom tallystick.local.network import COURIER\n",
            "tallystick/courier/courier.py:2: courier imports local, which does not stand below it",
        ),
        (
            "tallystick/status/observe.py",
            "def f():\n    from tallystick.deploy.verify import verify\n",
            "tallystick/status/observe.py:2: status imports deploy, which does not stand below it",
        ),
        (
            "tallystick/chain/base.py",
            "import tallystick.token.position\n",
            "tallystick/chain/base.py:1: chain imports token, which does not stand below it",
        ),
        (
            "tallystick/governance/release.py",
            "from tallystick.bridge.message import party\n",
            (
                "tallystick/governance/release.py:1: governance imports bridge, "
                "which does not stand below it"
            ),
        ),
        (
            "tallystick/text.py",
            "from tallystick.errors import InputError\n",
            "tallystick/text.py:1: text imports errors, which does not stand below it",
        ),
        (
            "tallystick/demo/story.py",
            "import rich.console\n",
            "tallystick/demo/story.py:1: demo imports rich: only cli prints",
        ),
        (
            "tallystick/attic/old.py",
            "",
            "tallystick/attic/old.py:1: attic is no room: add it to LAYERS",
        ),
    ],
)
def test_an_import_that_goes_the_wrong_way_is_named(path: str, text: str, message: str) -> None:
    assert found(path, text) == [f"{message} [direction]"]


def test_the_page_draws_the_layers_that_the_rule_has() -> None:
    page = (direction.ROOT / direction.DOCUMENT).read_text()
    assert list(direction.check_document(page)) == []
    assert direction.drawing() in page


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("chain", "train", "the layers are drawn otherwise"),
        ("invariants.py inv_1", "invariants.py inv_0", "there is no inv_0 in status/invariants.py"),
        ("lanes.vy _book_out", "lanes.vy _book", "there is no _book in bridge/lanes.vy"),
    ],
)
def test_a_page_that_says_otherwise_is_found(old: str, new: str, message: str) -> None:
    page = (direction.ROOT / direction.DOCUMENT).read_text()
    found = [str(finding) for finding in direction.check_document(page.replace(old, new))]
    assert any(message in each for each in found)
