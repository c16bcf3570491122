"""The verbs of `tallystick layout`: whether a release can follow another on the same storage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tallystick.cli.options import PATH, json_option, rename_option

if TYPE_CHECKING:
    from tallystick.files.layout import LayoutFile
    from tallystick.governance.layout import Finding

__all__ = ["layout"]


_OPTIONS: Final = (
    click.option("--contract", default="", metavar="NAME", help="Which, where a file has several."),
    click.option(
        "-p",
        "--search-path",
        "search_paths",
        type=PATH,
        multiple=True,
        help="Where imports of a source are looked for; may be given again, the last wins.",
    ),
    click.option(
        "--evm-version", metavar="NAME", help="What sources are compiled for.  [the compiler's]"
    ),
    json_option,
)


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group()
def layout() -> None:
    """Storage layouts of Vyper contracts: what a release may change, and what it must not.

    A file is a Vyper source, the archive of a release, an artifact, what `layout show --json`
    wrote, or an output of the compiler: standard JSON with layout and annotated_ast, or
    `vyper -f layout,annotated_ast`.
    """


@layout.command()
@click.argument("old", type=PATH)
@click.argument("new", type=PATH)
@rename_option
@click.option(
    "--old-search-path",
    "old_search_paths",
    type=PATH,
    multiple=True,
    help="Where imports of OLD are looked for first.",
)
@_shared
def check(
    old: Path,
    new: Path,
    renames: Sequence[tuple[str, str]],
    old_search_paths: Sequence[Path],
    contract: str,
    search_paths: Sequence[Path],
    evm_version: str | None,
    as_json: bool,
) -> int:
    """Say whether NEW can run on the storage that OLD wrote: exit status 0 if it can, 1 if not."""
    from tallystick.cli.terminal import console, json_line
    from tallystick.files.layout import check_renames, load_layout
    from tallystick.governance.layout import compare

    before = load_layout(
        old,
        contract=contract,
        search_paths=(*search_paths, *old_search_paths),
        evm_version=evm_version,
    )
    after = load_layout(new, contract=contract, search_paths=search_paths, evm_version=evm_version)
    check_renames(before, after, dict(renames))
    found = compare(before.layout, after.layout, dict(renames))
    fits = all(each.severity != "breaks" for each in found)
    # Else the newer module would be compared with itself.
    shared = sorted(before.sources & after.sources) if old.resolve() != new.resolve() else []
    if as_json:
        print(json_line(_checked(before, after, found, shared, fits=fits)), flush=True)
        return int(not fits)
    shown = console()
    _show(found, shown)
    if shared:
        shown.print(
            f"note: both were compiled with {', '.join(shared)}: what changed there is not seen "
            "(--old-search-path)",
            markup=False,
            soft_wrap=True,
        )
    broken = sum(each.severity == "breaks" for each in found)
    verdict = "keeps" if fits else f"breaks, in {broken} ways,"
    shown.print(f"{new} {verdict} the storage of {old}", markup=False, soft_wrap=True)
    return int(not fits)


@layout.command()
@click.argument("path", metavar="FILE", type=PATH)
@_shared
def show(
    path: Path,
    contract: str,
    search_paths: Sequence[Path],
    evm_version: str | None,
    as_json: bool,
) -> int:
    """Show where a contract keeps its variables; with --json as a file to check against later."""
    from tallystick.cli.terminal import console, json_line, show_table
    from tallystick.files.layout import layout_json, load_layout
    from tallystick.governance.layout import SECTIONS, variables

    found = load_layout(path, contract=contract, search_paths=search_paths, evm_version=evm_version)
    if as_json:
        print(json_line(layout_json(found)), flush=True)
        return 0
    for section in SECTIONS:
        where, size = ("Offset", "Bytes") if section == "code_layout" else ("Slot", "Slots")
        show_table(
            console(),
            f"{found.name}: {section.replace('_', ' ')}",
            (where, "Variable", "Type", size),
            [
                (str(each.slot), each.name, each.kind, str(each.size))
                for each in sorted(variables(found.layout, section))
            ],
            numeric=[0, 3],
        )
    return 0


def _show(found: Sequence[Finding], shown: Any) -> None:
    from tallystick.cli.terminal import show_table

    rows = [
        (
            str(each.slot),
            each.variable,
            each.before,
            each.after,
            each.severity,
            f"{each.rule}: {each.why}",
        )
        for each in found
    ]
    columns = ("Slot", "Variable", "Before", "After", "", "Rule and why")
    show_table(shown, "Layout", columns, rows, numeric=[0], empty="nothing differs")


def _checked(
    before: LayoutFile,
    after: LayoutFile,
    found: Sequence[Finding],
    shared: Sequence[str],
    *,
    fits: bool,
) -> dict[str, Any]:
    return {
        "old": {"file": str(before.path), "name": before.name},
        "new": {"file": str(after.path), "name": after.name},
        "fits": fits,
        "findings": [
            {
                "rule": each.rule,
                "severity": each.severity,
                "slot": each.slot,
                "variable": each.variable,
                "before": each.before,
                "after": each.after,
                "why": each.why,
            }
            for each in found
        ],
        "shared_sources": [*shared],
    }
