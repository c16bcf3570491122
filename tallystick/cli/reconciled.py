"""`tallystick event status --reconcile`: what events declare beside what the contracts gave."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tallystick.cli.terminal import console, json_line, progress, show_table
from tallystick.errors import InputError
from tallystick.files.event import load_event
from tallystick.files.manifest import Manifest
from tallystick.reach import connection as reach
from tallystick.reach.connection import Connection
from tallystick.status.declared import Claim, Said, What
from tallystick.status.fractions import FractionOf
from tallystick.status.observe import names_of
from tallystick.status.reconciled import Event, Holding, Reconciled, State, reconciled_of
from tallystick.text import units_text

__all__ = ["run"]

# What counts base units, or nothing else; all other numbers are smallest units of the cash.
_UNITS: Final = ("units", "accounts", "crossing", "custody", "elsewhere", "to land at home")
_COUNTS: Final = ("rest", "code", "first day")


def run(path: Path | None, manifest_path: Path, rpc: Mapping[str, str], *, as_json: bool) -> int:
    """Compare, and show it: of the file's event, or of all.

    Returns:
        the exit status: 1 if anything was given other than declared.

    Raises:
        InputError: the file is wrong, the manifest has no engines, or home knows no such event.
    """
    manifest = Manifest.load(manifest_path)
    if manifest.actions is None:
        expected = "engines: the plan of this deployment has no section `actions`"
        raise InputError(manifest.file, "actions", None, expected)
    record = None if path is None else load_event(path, manifest.instrument)
    connection = reach.connect(manifest, rpc=rpc)
    try:
        with progress("reading the ledgers"):
            found = reconciled_of(connection, record.coaf if record is not None else "", record)
            final = {name: connection.final(name) for name in found.logs}
    finally:
        connection.close()
    if record is not None and not found.events:
        expected = "an event that a ledger knows: tallystick event announce"
        raise InputError(path or "", "coaf", record.coaf, expected)
    if as_json:
        shown = json_line(_document(found, connection, final))
        console().print(shown, markup=False, soft_wrap=True)
    else:
        _show(found, connection)
    return int(not found.ok)


def _document(
    found: Reconciled, connection: Connection, final: Mapping[str, int]
) -> dict[str, Any]:
    instrument = connection.manifest.instrument
    return {
        "schema": "tallystick.event-reconcile/1",
        "isin": instrument.isin,
        "decimals": instrument.decimals,
        "ok": found.ok,
        "ledgers": [
            {
                "ledger": name,
                "block": log.block.number,
                "time": log.block.timestamp,
                # Later blocks may still go.
                "final": final[name],
            }
            for name, log in found.logs.items()
        ],
        "events": [event.as_dict() for event in found.events],
    }


class _Shown:
    """How an event's values are put: amounts, and holders by the manifest's names."""

    def __init__(self, connection: Connection, event: Event) -> None:
        self._decimals = connection.manifest.instrument.decimals
        record = event.price or event.record
        self._cash = record.cash_decimals if record is not None else 0
        self._of_ratio = event.record is not None and event.record.is_ratio
        ledgers = connection.manifest.ledgers
        self._names = {each.name: names_of(connection, each.name) for each in ledgers}

    def units(self, amount: int) -> str:
        """Base units."""
        return units_text(amount, self._decimals)

    def cash(self, amount: int | None) -> str:
        """Smallest units of the cash."""
        return "" if amount is None else units_text(amount, self._cash)

    def holder(self, ledger: str, account: str) -> str:
        """An account, by its name if it has one."""
        return self._names[ledger].get(account, account)

    def said(self, ledger: str, said: Said) -> str:
        """Names and values of a difference."""
        return ", ".join(f"{name} {self._value(ledger, name, value)}" for name, value in said)

    def _value(self, ledger: str, name: str, value: Any) -> str:
        if value is None:
            return "nothing"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, int):
            if name in _COUNTS:
                return str(value)
            of_record = self._of_ratio and name == "amount"
            is_units = of_record or name in _UNITS or name.endswith(" units")
            sign = "-" if value < 0 else ""
            return sign + (self.units(abs(value)) if is_units else self.cash(abs(value)))
        return self.holder(ledger, value)


def _show(found: Reconciled, connection: Connection) -> None:
    where = console()
    for event in found.events:
        shown, record = _Shown(connection, event), event.record
        named = f"{record.caev} {event.coaf}, version {record.version}" if record else event.coaf
        show_table(
            where,
            f"{named}: DIFFERS",
            ("Kind", "Ledger", "Holder", "What", "Declared", "Given"),
            [
                (
                    str(each.kind),
                    each.ledger,
                    shown.holder(each.ledger, each.holder),
                    each.what,
                    shown.said(each.ledger, each.declared),
                    shown.said(each.ledger, each.applied),
                )
                for each in event.differences
            ],
        )
        show_table(
            where,
            named,
            ("Ledger", "Holder", "For", "Units", "Gross", "Tax", "Net", "Given", "State"),
            [_row(each, shown) for each in event.holdings],
            numeric=range(3, 8),
        )
        if event.fractions:
            show_table(
                where,
                f"Fractions of {event.coaf}",
                ("Ledger", "Holder", "For", "Old units", "Units", "Cash", "From it", "Given"),
                [_fraction(each, shown) for each in event.fractions],
                numeric=range(3, 7),
            )
        for each in event.ledgers:
            said = each.why or (
                f"declared {shown.cash(each.declared.gross)} gross, "
                f"given {shown.cash(each.given.gross)}, open {shown.cash(each.open.gross)}"
            )
            of = [fraction for fraction in event.fractions if fraction.ledger == each.ledger]
            if of:
                given = sum(fraction.given is not None for fraction in of)
                said = f"fractions: {given} given, {len(of) - given} open"
            where.print(f"{each.ledger}: {said}", markup=False, soft_wrap=True)
        count = len(event.differences)
        verdict = f"{count} differ" if count else "what was given is what was declared"
        count = len(event.holdings) + len(event.fractions)
        line = f"{event.coaf}: {count} holdings: {verdict}"
        where.print(line, markup=False, soft_wrap=True)
    if not found.events:
        where.print("no event was announced", markup=False)


def _row(each: Holding, shown: _Shown) -> tuple[str, ...]:
    paid = each.payment
    return (
        each.ledger,
        shown.holder(each.ledger, each.claim.account),
        _for(each.claim),
        shown.units(each.units),
        shown.cash(each.gross),
        shown.cash(each.tax),
        shown.cash(None if each.tax is None else each.gross - each.tax),
        shown.cash(None if paid is None else paid.paid.net),
        _state(each, shown),
    )


def _fraction(each: FractionOf, shown: _Shown) -> tuple[str, ...]:
    """What a fraction is given; where it was given otherwise, the difference says so."""
    due = each.declared
    return (
        each.ledger,
        shown.holder(each.ledger, each.claim.account),
        _for(each.claim),
        shown.units(due.amount),
        shown.units(due.units),
        shown.cash(due.paid),
        shown.cash(due.bought),
        f"open: {each.why}" if each.given is None else "given",
    )


def _for(claim: Claim) -> str:
    """What it is due for, in words."""
    return {
        What.HELD: "held at the close",
        What.LANDED: f"landed, {claim.message.hex()[:8]}",
        What.RETURNED: f"came back, {claim.message.hex()[:8]}",
        What.POOL: "pool",
        What.ELSEWHERE: "other bridges",
    }[claim.what]


def _state(each: Holding, shown: _Shown) -> str:
    """What became of it, and what was kept of a payment or is owed back."""
    words = [str(each.state)]
    if each.state is not State.PAID and each.why:
        words[0] += f": {each.why}"
    if each.payment is not None and each.payment.set_off:
        words.append(f"{shown.cash(each.payment.set_off)} of it set off")
    if each.owed:
        words.append(f"{shown.cash(each.owed)} entered as owed back")
    return ", ".join(words)
