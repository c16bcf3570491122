"""The rules for Python that talks to chains."""

from __future__ import annotations

import pytest

from tools.lint.python_rules import check_python


@pytest.mark.parametrize(
    "text",
    [
        "import ape\nwith ape.reverts('token: paused'):\n    pass\n",
        "from tallystick.chain import reverts\nwith reverts('token: paused'):\n    pass\n",
        # Our own Chain has one, and it is right.
        "def test(chain):\n    assert chain.chain_id == 41001\n",
        "from ape import networks\nx = networks.provider.chain_id\n",
    ],
)
def test_good_code_passes(text: str):
    assert not list(check_python("tests/token/test_x.py", text))


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("from ape import chain\nwith chain.isolate():\n    pass\n", 2, "swallows"),
        ("import ape\nx = ape.chain.chain_id\n", 2, "caches"),
        ("import ape\ndef test(chain):\n    assert chain.chain_id\n", 3, "caches"),
        ("import ape\nwith ape.reverts():\n    pass\n", 2, "any revert"),
        ("from ape import reverts\nwith reverts(dev_message='x'):\n    pass\n", 2, "dev_message"),
    ],
)
def test_a_trap_of_ape_is_found(text: str, line: int, expected: str):
    found = [str(finding) for finding in check_python("tests/token/test_x.py", text)]
    assert any(
        item.startswith(f"tests/token/test_x.py:{line}: ") and expected in item for item in found
    )
