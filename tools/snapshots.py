"""What the contracts show to the outside, kept in git: `python -m tools.snapshots [--write]`.

One file a contract under benchmarks/snapshots: functions with their selectors, events with their
topics, storage layout, size and hash of the deployed code; one for the ERC-165 ids of the
interfaces. A change that a reviewer has to see shows as a diff there.
"""

from __future__ import annotations

import difflib
import json
import re
import sys
from functools import reduce
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from tallystick.build import Artifact, BuildError
from tallystick.governance.layout import SECTIONS, conflicts, variables
from tools.compiling import contracts, deployed_size, interface_abi
from tools.report import ROOT, Finding, print_findings
from tools.vyper_source import load_tree

FOLDER = Path("benchmarks/snapshots")
# EIP-170, and what we allow ourselves below it: room for the next correction.
SIZE_LIMIT = 24_576
SIZE_BUDGET = 23_500
# What is to be built on has more room to keep.
SIZE_BUDGETS = dict.fromkeys(
    (
        "BridgeEscrow",
        "BridgeEscrowControls",
        "BridgeEscrowSettings",
        "BridgeEscrowRecords",
        "BridgeEscrowRatios",
    ),
    20_000,
) | dict.fromkeys(
    (
        "SecurityToken",
        "SecurityTokenControls",
        "SecurityTokenSettings",
        "ActionsEngine",
        "ActionsEngineControls",
        "ActionsEngineSettings",
        "ActionsEngineRecords",
        "ActionsEngineRatios",
        "ActionsEngineFractions",
    ),
    21_500,
)

Snapshot = dict[str, Any]


def canonical_type(item: dict[str, Any]) -> str:
    """The ABI type with tuples written out, as selectors are made from it."""
    kind = str(item["type"])
    if kind.startswith("tuple"):
        inner = ",".join(canonical_type(part) for part in item["components"])
        return f"({inner}){kind.removeprefix('tuple')}"
    return kind


def signature(item: dict[str, Any]) -> str:
    """name(type,type) of a function, event or error."""
    return f"{item['name']}({','.join(canonical_type(part) for part in item['inputs'])})"


def _described(parts: list[dict[str, Any]]) -> str:
    words = []
    for part in parts:
        indexed = " indexed" if part.get("indexed") else ""
        name = f" {part['name']}" if part.get("name") else ""
        fields = ""
        if part.get("components"):
            fields = f" {{{_described(part['components'])}}}"
        words.append(f"{canonical_type(part)}{indexed}{name}{fields}")
    return ", ".join(words)


def selector(item: dict[str, Any]) -> str:
    """The first four bytes of the hash of the signature."""
    return "0x" + keccak(text=signature(item))[:4].hex()


def describe_abi(abi: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Readable lines, sorted: a reordering of the source is no change."""
    lines: dict[str, list[str]] = {"functions": [], "events": [], "errors": [], "other": []}
    for item in abi:
        kind = item["type"]
        if kind == "function":
            returns = f" -> ({_described(item['outputs'])})" if item.get("outputs") else ""
            lines["functions"].append(
                f"{item['name']}({_described(item['inputs'])}){returns}"
                f" {item['stateMutability']} {selector(item)}"
            )
        elif kind == "event":
            topic = "0x" + keccak(text=signature(item)).hex()
            lines["events"].append(f"{item['name']}({_described(item['inputs'])}) {topic}")
        elif kind == "error":
            lines["errors"].append(f"{item['name']}({_described(item['inputs'])}) {selector(item)}")
        else:
            lines["other"].append(
                f"{kind}({_described(item.get('inputs', []))}) {item['stateMutability']}"
            )
    return {kind: sorted(rows) for kind, rows in lines.items() if rows}


def describe_layout(compiled: Artifact) -> dict[str, list[str]]:
    """One line a variable, in the order of the slots."""
    sections: dict[str, list[str]] = {}
    for section in SECTIONS:
        unit = " bytes" if section == "code_layout" else ""
        rows = [
            f"{each.slot}: {each.name}: {each.kind} ({each.size}{unit})"
            for each in sorted(variables(compiled.layout, section))
        ]
        if rows:
            sections[section] = rows
    return sections


_LINE = re.compile(r"^(\d+): (\S+): (.+) \((\d+)(?: bytes)?\)$", re.MULTILINE)


def layout_of(snapshot: Snapshot) -> dict[str, Any]:
    """Undo `describe_layout`, but for the nesting of modules."""
    layout: dict[str, Any] = {}
    for section in SECTIONS:
        keys = ("offset", "length") if section == "code_layout" else ("slot", "n_slots")
        for slot, name, kind, size in _LINE.findall("\n".join(snapshot.get(section, []))):
            entry = {"type": kind, keys[0]: int(slot), keys[1]: int(size)}
            layout.setdefault(section, {})[name] = entry
    return layout


def contract_snapshot(compiled: Artifact) -> Snapshot:
    """Everything of one contract."""
    return {
        "source": compiled.source_path,
        "deployed_size": deployed_size(compiled),
        "initcode_size": len(compiled.bytecode),
        # Without the immutables, so of every ledger: what a release's archive has, too.
        "code_hash": f"0x{compiled.code_hash.hex()}",
        "layout_hash": f"0x{compiled.layout_hash.hex()}",
        **describe_abi(compiled.abi),
        **describe_layout(compiled),
    }


def interface_id(abi: list[dict[str, Any]]) -> str:
    """ERC-165: exclusive or of the selectors."""
    selectors = (int(selector(item), 16) for item in abi if item["type"] == "function")
    return f"0x{reduce(lambda left, right: left ^ right, selectors, 0):08x}"


def check_size(item: Artifact) -> list[Finding]:
    """Over the budget, or over what a chain accepts."""
    size = deployed_size(item)
    most = SIZE_BUDGETS.get(item.name, SIZE_BUDGET)
    if size <= most:
        return []
    bound = "budget"
    if size > SIZE_LIMIT:
        bound, most = ("limit of EIP-170", SIZE_LIMIT)
    message = f"{size} bytes deployed, over the {bound} of {most}"
    return [Finding(item.source_path, 1, message, "size")]


def take(root: Path) -> tuple[dict[str, Snapshot], list[Finding]]:
    """File name -> snapshot for the whole suite, and the contracts that are too large."""
    sources, findings = load_tree(root)
    snapshots: dict[str, Snapshot] = {}
    interfaces: Snapshot = {}
    try:
        for source in sources:
            if source.is_interface:
                abi = interface_abi(root, source.path)
                interfaces[source.stem] = {"erc165_id": interface_id(abi), **describe_abi(abi)}
        compiled = contracts(root)
        for item in compiled:
            snapshots[f"{item.name}.json"] = contract_snapshot(item)
            findings += check_size(item)
    except BuildError as error:
        first, _, rest = str(error).partition("\n")
        message = f"{first} {' '.join(rest.split())[:200]}"
        findings.append(Finding(first.split(" ")[0], 1, message, "compile"))
    if interfaces:
        snapshots["interfaces.json"] = interfaces
    return snapshots, findings


def _text(snapshot: Snapshot) -> str:
    return json.dumps(snapshot, indent=1, ensure_ascii=False) + "\n"


def compare(root: Path, snapshots: dict[str, Snapshot]) -> list[str]:
    """Differences between the committed files and the sources; empty when there are none."""
    folder = root / FOLDER
    committed = {path.name for path in folder.glob("*.json")}
    lines: list[str] = []
    for name in sorted(committed | snapshots.keys()):
        path = folder / name
        old = path.read_text(encoding="utf-8") if name in committed else ""
        new = _text(snapshots[name]) if name in snapshots else ""
        label = (FOLDER / name).as_posix()
        lines += difflib.unified_diff(
            old.splitlines(), new.splitlines(), label, f"{label} (sources)", lineterm="", n=0
        )
    return lines


def check_layouts(root: Path, snapshots: dict[str, Snapshot]) -> list[Finding]:
    """What of the sources would break storage that the committed snapshots' contracts wrote."""
    found = []
    for name, new in snapshots.items():
        path = root / FOLDER / name
        if "source" not in new or not path.exists():
            continue
        old = json.loads(path.read_text(encoding="utf-8"))
        try:
            told = [str(each) for each in conflicts(layout_of(old), layout_of(new))]
        except ValueError as error:
            told = [f"the layout of {name} can't be compared: {error}"]
        found += [Finding(new["source"], 1, message, "layout") for message in told]
    return found


def write(root: Path, snapshots: dict[str, Snapshot]) -> None:
    """Replace the committed files."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        if path.name not in snapshots:
            path.unlink()
    for name, snapshot in snapshots.items():
        (folder / name).write_text(_text(snapshot), encoding="utf-8")


def size_table(snapshots: dict[str, Snapshot]) -> list[str]:
    """Sizes, largest first."""
    rows = [(item["deployed_size"], name) for name, item in snapshots.items() if "source" in item]
    return [
        f"{size:6d} bytes {100 * size / SIZE_BUDGETS.get(name[:-5], SIZE_BUDGET):5.1f} %"
        f" of the budget  {name[:-5]}"
        for size, name in sorted(rows, reverse=True)
    ]


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Write, or compare; the check fails on a difference and on a contract over its budget."""
    snapshots, findings = take(root)
    # Told before they are written, too: from then on nothing here knows of it.
    print_findings(check_layouts(root, snapshots))
    failed = print_findings(findings) > 0
    if "--write" in arguments:
        write(root, snapshots)
        print("\n".join(size_table(snapshots)))
        return 1 if failed else 0
    difference = compare(root, snapshots)
    if difference:
        print("\n".join(difference))
        print(
            f"{FOLDER.as_posix()}:1: differs from the sources; if meant: make snapshots [snapshot]"
        )
    return 1 if failed or difference else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
