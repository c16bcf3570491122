"""House rules of the Python that talks to chains: traps of ape that fail silently."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tools.report import ROOT, Finding

FOLDERS = ("tests", "scripts", "tallystick", "benchmarks", "examples")


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return ""


def _imports_ape(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(
            alias.name.split(".")[0] == "ape" for alias in node.names
        ):
            return True
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "ape":
            return True
    return False


def check_python(path: str, text: str) -> Iterator[Finding]:
    """Findings of one file."""
    tree = ast.parse(text, filename=path)
    uses_ape = _imports_ape(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = _dotted(node)
            # Our own Chain has a chain_id too, and that one is right; only ape's global is meant.
            if name == "ape.chain.chain_id" or (uses_ape and name == "chain.chain_id"):
                message = "ape caches chain.chain_id across chains: use networks.provider.chain_id"
                yield Finding(path, node.lineno, message, "ape")
        if not isinstance(node, ast.Call):
            continue
        name = _dotted(node.func)
        if name in {"chain.isolate", "ape.chain.isolate"}:
            message = "chain.isolate() swallows exceptions, a failing assert inside it passes"
            yield Finding(path, node.lineno, message, "ape")
        if name in {"ape.reverts", "reverts"} and uses_ape and not node.args:
            message = "name the exact reason: this accepts any revert"
            yield Finding(path, node.lineno, message, "ape")
        if any(keyword.arg == "dev_message" for keyword in node.keywords):
            message = "dev_message reads a wrong source map with Vyper 0.4: use the reason string"
            yield Finding(path, node.lineno, message, "ape")


def check_all(root: Path = ROOT) -> list[Finding]:
    """Findings of every Python file that may talk to a chain."""
    findings: list[Finding] = []
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            relative = path.relative_to(root).as_posix()
            # Snippets that break the rules on purpose.
            if relative.startswith("tests/tooling/"):
                continue
            findings += check_python(relative, path.read_text(encoding="utf-8"))
    return findings
