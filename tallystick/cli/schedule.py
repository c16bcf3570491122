"""`tallystick event schedule`: what a bond pays, and the announcement of what is due."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tallystick.cli.options import PATH, Pairs, account_option, json_option, manifest_option

if TYPE_CHECKING:
    from tallystick.events.scheduling import Scheduled
    from tallystick.files.coupons import TermsEvent

__all__ = ["schedule"]

_COLUMNS: Final = (
    *("Event", "Start", "End", "Days", "Of a year", "Factor", "A base unit"),
    *("Announcement", "Record", "Payment", "State", ""),
)
_NUMERIC: Final = (3, 4, 5, 6)


@click.command()
@click.argument("path", metavar="COUPONS", type=PATH)
@manifest_option
@click.option("--until", metavar="DAY", default="", help="Leave out what is paid after that day.")
@click.option("--out", "folder", type=PATH, help="Write each one's event file there.")
@account_option("the role issuer")
@click.option("--execute", is_flag=True, help="Send; without it nothing is sent.")
@json_option
def schedule(
    path: Path,
    manifest_path: Path,
    rpc: Pairs,
    until: str,
    folder: Path | None,
    account: str,
    execute: bool,
    as_json: bool,
) -> int:
    """List a bond's coupons and redemptions, and announce those that are due.

    COUPONS is a coupons file. What it makes are events as any other: with its event file (--out)
    the other verbs confirm, carry, fix, fund and pay each.
    """
    from tallystick.actions.schedule import Coupon
    from tallystick.cli.steps import carried_out, show_steps
    from tallystick.cli.terminal import console, json_line, progress
    from tallystick.events.scheduling import Scheduler
    from tallystick.files.coupons import load_coupons
    from tallystick.files.manifest import Manifest
    from tallystick.reach import connection as reach

    manifest = Manifest.load(manifest_path)
    made = _until(path, load_coupons(path, manifest.instrument), until)
    if folder is not None:
        _write(folder, made)
    connection = reach.connect(manifest, account=account, rpc=dict(rpc))
    try:
        scheduler = Scheduler(connection, made, account=account, execute=execute)
        with progress("reading the ledger"):
            found = scheduler.standing()
        steps = carried_out(scheduler.announce(found))
        if any(step.state in ("executed", "done") for step in steps):
            found = scheduler.standing()
    finally:
        connection.close()
    if as_json:
        document = {
            "schema": "tallystick.event-schedule/1",
            "isin": manifest.instrument.isin,
            "executed": execute,
            **{
                name: [e.as_dict() for e in found if isinstance(e.made.paid, Coupon) == coupons]
                for name, coupons in (("coupons", True), ("redemptions", False))
            },
            "steps": [step.as_dict() for step in steps],
        }
        console().print(json_line(document), markup=False, soft_wrap=True)
    else:
        _show(manifest.instrument.isin, found)
        show_steps(str(path), steps, execute=execute)
    refused = any(step.state == "refused" for step in steps)
    return int(refused or any(each.is_wrong for each in found))


def _until(path: Path, made: Sequence[TermsEvent], text: str) -> list[TermsEvent]:
    """What is paid until a day; all, if none is said."""
    from pydantic_core import PydanticCustomError

    from tallystick.errors import InputError
    from tallystick.files.instrument import parse_day

    if not text:
        return [*made]
    try:
        last = parse_day(text)
    except PydanticCustomError as error:
        raise InputError(path, "--until", text, error.message()) from None
    return [each for each in made if each.paid.payment <= last]


def _write(folder: Path, made: Sequence[TermsEvent]) -> None:
    """Write the event file of each; one that says something else stays as it is.

    Raises:
        InputError: there is such a file; nothing is written then.
    """
    from tallystick.errors import InputError, refuse
    from tallystick.storage import require_folder, write_whole

    require_folder("--out", folder)
    files = {folder / each.name: each.text().encode() for each in made}
    there = {file: file.read_bytes() for file in files if file.is_file()}
    refuse(
        InputError(file, "--out", "another event", "the event file of these terms, or none")
        for file, content in there.items()
        if content != files[file]
    )
    for file, content in files.items():
        if file not in there:
            write_whole(file, content)


def _show(isin: str, found: Sequence[Scheduled]) -> None:
    from tallystick.actions.schedule import Coupon
    from tallystick.cli.terminal import console, show_table

    rows = []
    for each in found:
        paid, rate = each.made.paid, each.made.record.rate
        interest = ("", "", "", "")
        if isinstance(paid, Coupon):
            interest = (str(paid.start), str(paid.end), str(paid.days), str(paid.fraction))
        rows.append(
            (
                each.made.record.coaf,
                *interest,
                str(paid.factor),
                f"{rate.numerator}/{rate.denominator}" if rate else "",
                str(paid.announcement),
                str(paid.record),
                str(paid.payment),
                each.state,
                each.detail,
            )
        )
    title = f"Payments of {isin}"
    show_table(console(), title, _COLUMNS, rows, numeric=_NUMERIC, empty="none until that day")
