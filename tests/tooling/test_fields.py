"""docs/files.md has every field as the schemas have it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tallystick.files.instrument import instrument_schema
from tallystick.files.manifest import manifest_schema
from tallystick.files.plan import plan_schema
from tools import fields


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (
            {"type": "integer", "minimum": 3600, "maximum": 7776000},
            "whole number, 3,600 to 7,776,000",
        ),
        ({"type": "integer", "minimum": 2}, "whole number, at least 2"),
        ({"type": "integer"}, "whole number"),
        ({"type": "string", "maxLength": 128}, "text, at most 128"),
        ({"type": "string", "pattern": "^[A-Z]{3}$", "$comment": "a currency"}, "a currency"),
        ({"type": "boolean"}, "`true`, `false`"),
        ({"const": "daily"}, "`daily`"),
        ({"enum": ["depth", "safe"]}, "`depth`, `safe`"),
        ({"$ref": "#/$defs/Lane"}, "*Lane*"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "whole number"),
        ({"anyOf": [{"type": "string"}, {"type": "object"}]}, "text or mapping"),
        (
            {"type": "array", "items": {"$ref": "#/$defs/Lane"}, "minItems": 1},
            "list: *Lane*, at least 1",
        ),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "by name: whole number"),
    ],
)
def test_what_a_field_takes_is_said_in_words(field: dict[str, Any], expected: str) -> None:
    assert fields.takes(field) == expected


def test_every_field_of_every_mapping_is_there() -> None:
    page = fields.page()
    for title, schema in (
        ("Plan", plan_schema()),
        ("Instrument", instrument_schema()),
        ("Manifest", manifest_schema()),
    ):
        for name, mapping in schema["$defs"].items():
            found = re.search(
                rf"^### {title}: {name}\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL
            )
            assert found is not None, name
            listed = re.findall(r"^\| `(\w+)` \|", found.group(1), re.MULTILINE)
            assert listed == list(mapping["properties"])


def test_the_page_is_compared_with_the_schemas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fields.check_all() == []
    monkeypatch.setattr(fields, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    assert len(fields.check_all()) == 1
    assert fields.main([]) == 0
    assert fields.main(["--check"]) == 0
    page = tmp_path / fields.PAGE
    page.write_text(page.read_text().replace("3,600 to 7,776,000", "1 to 2", 1))
    assert [str(each) for each in fields.check_all()] == [
        "docs/files.md:1: fields are others: python -m tools.fields [fields]"
    ]
