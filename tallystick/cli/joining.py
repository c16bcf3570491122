"""What a role does so that an instrument joins a suite, as a command that its key-holder runs."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tallystick import build
from tallystick.acts.arguments import DOCUMENT, REASON
from tallystick.chain.abi import Interface
from tallystick.deploy.deploy import Act
from tallystick.deploy.ledger import is_zero
from tallystick.files.plan import Plan
from tallystick.text import hex_text

__all__ = ["command_of", "given_of"]


def given_of(act: Act) -> tuple[str, dict[str, str]]:
    """Return an act as `tallystick act` takes it: its name, and its arguments as text."""
    interface = Interface.of(build.artifact(act.contract).abi)
    function = next(
        each
        for overloads in interface.functions.values()
        for each in overloads
        if each.selector == act.data[:4]
    )
    inputs: Sequence[Mapping[str, Any]] = function.entry["inputs"]
    values = function.inputs.decode(act.data[4:])
    given = {each["name"]: _text(each, value) for each, value in zip(inputs, values, strict=True)}
    return f"{act.contract}.{function.name}", given


def command_of(act: Act, plan: Plan) -> str:
    """Return the command that does an act on the suite which a plan joins."""
    name, given = given_of(act)
    suite = plan.joins.file if plan.joins is not None else "manifest.json"
    reason, document = bytes.fromhex(given.pop(REASON)[2:]).decode(), given.pop(DOCUMENT)
    parts = ["tallystick", "act", act.ledger, name, *(f"{key}={given[key]}" for key in given)]
    parts += ["--manifest", str(suite), "--reason", reason, "--document", document]
    return shlex.join([*parts, "--execute"])


def _text(parameter: Mapping[str, Any], value: Any) -> str:
    plain = _plain(parameter, value)
    return plain if isinstance(plain, str) else json.dumps(plain, separators=(",", ":"))


def _plain(parameter: Mapping[str, Any], value: Any) -> Any:
    """A value of the ABI as JSON has it: structs by name, bytes as hex, numbers as text."""
    kind = str(parameter["type"])
    if kind.endswith("]"):
        element = {**parameter, "type": kind.rpartition("[")[0]}
        return [_plain(element, each) for each in value]
    if kind == "tuple":
        return dict(_members(parameter["components"], value))
    if isinstance(value, bytes):
        return hex_text(value)
    if isinstance(value, bool):
        return json.dumps(value)
    return "nobody" if kind == "address" and is_zero(value) else str(value)


def _members(
    components: Sequence[Mapping[str, Any]], values: Sequence[Any]
) -> Iterator[tuple[str, Any]]:
    for component, value in zip(components, values, strict=True):
        yield component["name"], _plain(component, value)
