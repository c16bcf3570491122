"""What README.md and docs/ show and name."""

from __future__ import annotations

import pytest

from tallystick.build import artifact
from tools.readme import check, check_all, excerpt, sample_of, with_figures, with_sample

TOLD = "Title\n\n1. First\n   a\n\n4. Fourth\n   b   \nTable \n\n14. Last\n   c\n\nreport out\n"


def test_the_sample_is_part_of_what_was_told() -> None:
    assert excerpt(TOLD) == "4. Fourth\n   b\nTable\n\n14. Last\n   c\n"
    page = with_sample("before\n```text\nold\n```\nafter\n", TOLD)
    assert sample_of(page) == excerpt(TOLD)
    assert page.startswith("before\n```text\n4. Fourth\n")
    assert page.endswith("   c\n```\nafter\n")


def test_figures_are_those_of_the_build() -> None:
    page = with_figures("Python 3.9 or 3.10 with 1,234, 5,678 and 9 of 24,576 bytes")
    sizes = [
        len(item.bytecode_runtime) + item.immutables_length
        for item in (artifact("SecurityToken"), *artifact("SecurityToken").behind)
    ]
    shown = "{:,}, {:,} and {:,}".format(*sizes)
    assert page == f"Python 3.11 or 3.12 with {shown} of 24,576 bytes"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`tallystick/chain/` [spec](docs/spec.md) `tallystick.chain.base` https://x.org/y", ""),
        ("`tallystick.manifest/1`, `tallystick.registry.record.record_hash`", ""),
        ("`tallystick/courier.py`", "there is no tallystick/courier.py"),
        ("[gone](docs/gone.md)", "there is no docs/gone.md"),
        ("`tallystick.courier.gone`", "there is no tallystick.courier.gone"),
        ("`test_what_is_named_is_there`, `tests/tooling/test_readme.py`", ""),
        ("`test_what_is_gone`", "there is no test_what_is_gone"),
        ("`tests/tooling/test_gone.py`", "there is no tests/tooling/test_gone.py"),
    ],
)
def test_what_is_named_is_there(text: str, expected: str) -> None:
    found = [str(each) for each in check([("README.md", text)])]
    assert found == ([f"README.md:1: {expected} [readme]"] if expected else [])


def test_the_pages_as_they_are() -> None:
    assert check_all() == []
