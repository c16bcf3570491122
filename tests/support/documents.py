"""Documents that tests change field by field before something reads them."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

REMOVED = object()


def changed(data: Mapping[str, Any], *changes: tuple[str, Any]) -> dict[str, Any]:
    """A copy with fields set by path (`ledgers[0].name` or `ledgers.0.name`), added or removed."""
    found = copy.deepcopy(dict(data))
    for path, value in changes:
        node: Any = found
        words = path.replace("[", ".").replace("]", "").split(".")
        steps: list[Any] = [int(word) if word.isdigit() else word for word in words]
        for step in steps[:-1]:
            node = node[step]
        if value is REMOVED:
            del node[steps[-1]]
        elif isinstance(node, list) and steps[-1] == len(node):
            node.append(value)
        else:
            node[steps[-1]] = value
    return found


def event_data(example: Path) -> dict[str, Any]:
    """An event file as the loader reads it: YAML 1.1 would turn dates into something else."""
    data: dict[str, Any] = yaml.load(example.read_text(), Loader=yaml.BaseLoader)
    if "cash_decimals" in data:
        data["cash_decimals"] = int(data["cash_decimals"])
    return data


def event_file(example: Path, folder: Path, *changes: tuple[str, Any]) -> Path:
    """An event file with some fields changed."""
    file = folder / "event.yaml"
    file.write_text(json.dumps(changed(event_data(example), *changes)))
    return file
