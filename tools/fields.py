"""docs/files.md: every field of every file that users write or read, generated from the schemas.

`python -m tools.fields` writes the page, `--check` compares. What a field takes is in the schema
itself: a type, bounds, a `$comment` where the pattern of a scalar would tell people little.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tallystick.files.coupons import coupons_schema
from tallystick.files.event import event_schema
from tallystick.files.instrument import instrument_schema
from tallystick.files.manifest import manifest_schema
from tallystick.files.pay_terms import pay_terms_schema
from tallystick.files.plan import plan_schema
from tallystick.files.release import archive_schema
from tools.report import ROOT, Finding, print_findings

PAGE: Final = Path("docs/files.md")
_HEAD: Final = """# Files, field by field

Generated from the schemas by `make snapshots` (`python -m tools.fields`); `make lint` compares. How
files are read, and what is refused: [registry](registry.md#files). Plan, instrument, event, coupons
and pay terms are YAML (JSON is YAML, too), manifest and release are JSON. Unknown fields are
refused, with the nearest known; everything that is wrong with a file is said at once.
"""
_FILES: Final[tuple[tuple[str, str, Callable[[], dict[str, Any]]], ...]] = (
    ("Plan", "What is to stand, for `tallystick deploy`.", plan_schema),
    ("Instrument", "What is issued; a plan names it or holds it.", instrument_schema),
    ("Event", "A corporate action, for `tallystick event`.", event_schema),
    (
        "Coupons",
        "What a bond pays by its terms, for `tallystick event schedule`.",
        coupons_schema,
    ),
    ("Pay terms", "How cash is paid, for `tallystick event terms`.", pay_terms_schema),
    ("Manifest", "What stands, written by `deploy`, `demo` and `devnet`.", manifest_schema),
    ("Release", "A release's archive, written by `tallystick release build`.", archive_schema),
)
_BREAK: Final = re.compile(r"\s*\n\s*")


def page() -> str:
    """Return the page."""
    parts = [_HEAD]
    for title, what, schema in _FILES:
        parts += _section(title, what, schema())
    return "\n".join(parts).replace(" \n", "\n")


def _section(title: str, what: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """One file: its own fields, then those of each mapping in it, in the order of their use."""
    yield f"## {title}\n"
    yield f"`schema: {schema['$id']}`. {what}\n"
    yield _table(schema)
    known: Mapping[str, Any] = schema.get("$defs", {})
    for name in _order(schema, known):
        yield f"### {title}: {name}\n"
        yield f"{_text(known[name].get('description', ''))}\n"
        yield _table(known[name])


def _order(schema: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    """Names of the mappings as they are come upon from the top."""
    found: list[str] = []
    rest = [schema]
    while rest:
        for name in _references(rest.pop(0).get("properties", {})):
            if name not in found:
                found.append(name)
                rest.append(known[name])
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _table(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = ["| field | takes | when left out | |", "|---|---|---|---|"]
    for name, field in schema["properties"].items():
        if name == "schema":
            continue
        left_out = "" if name in required else _default(field)
        note = _text(field.get("description", ""))
        rows.append(f"| `{name}` | {takes(field)} | {left_out or 'needed'} | {note} |")
    return "\n".join(rows) + "\n"


def _default(field: Mapping[str, Any]) -> str:
    value = field.get("default")
    if value is None or value in ([], {}):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def takes(field: Mapping[str, Any]) -> str:
    """Say in words what a field takes."""
    if "$comment" in field:
        return str(field["$comment"])
    if "$ref" in field:
        return f"*{field['$ref'].rpartition('/')[2]}*"
    if "anyOf" in field:
        named = (takes(each) for each in field["anyOf"] if each.get("type") != "null")
        return " or ".join(named)
    if "const" in field or "enum" in field:
        return ", ".join(f"`{each}`" for each in field.get("enum", [field.get("const")]))
    return _TYPES[field["type"]](field)


def _number(field: Mapping[str, Any]) -> str:
    return f"whole number{_bounds(field, 'minimum', 'maximum')}"


def _list(field: Mapping[str, Any]) -> str:
    return f"list: {takes(field['items'])}{_bounds(field, 'minItems', 'maxItems')}"


def _mapping(field: Mapping[str, Any]) -> str:
    named = field.get("patternProperties", {}).values()
    inner = next(iter(named), field.get("additionalProperties"))
    return f"by name: {takes(inner)}" if isinstance(inner, dict) else "mapping"


def _words(field: Mapping[str, Any]) -> str:
    return f"text{_bounds(field, 'minLength', 'maxLength')}"


_TYPES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "integer": _number,
    "array": _list,
    "object": _mapping,
    "string": _words,
    "boolean": lambda _: "`true`, `false`",
}


def _bounds(field: Mapping[str, Any], least: str, most: str) -> str:
    low, high = (field.get(each) for each in (least, most))
    if low is None and high is None:
        return ""
    shown = [f"{each:,}" if isinstance(each, int) else "" for each in (low, high)]
    return f", {shown[0]} to {shown[1]}" if all(shown) else f", at {_side(low)} {''.join(shown)}"


def _side(low: Any) -> str:
    return "most" if low is None else "least"


def _text(description: str) -> str:
    """A docstring on one line, its names as they are written in Markdown."""
    return _BREAK.sub(" ", description.strip())


def check_all() -> list[Finding]:
    """Compare the page with the schemas."""
    file = ROOT / PAGE
    if file.is_file() and file.read_text(encoding="utf-8") == page():
        return []
    return [Finding(str(PAGE), 1, "fields are others: python -m tools.fields", "fields")]


def main(arguments: list[str]) -> int:
    """Write, or check."""
    if "--check" in arguments:
        return 1 if print_findings(check_all()) else 0
    (ROOT / PAGE).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
