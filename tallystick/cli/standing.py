"""`tallystick event status`: how far an event is on every ledger, and what it waits for there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from tallystick.cli.terminal import console, json_line, show_table
from tallystick.events.driver import Driver
from tallystick.events.standing import Part, Payment, Standing, waits
from tallystick.text import time_text, units_text

__all__ = ["show"]


def show(
    driver: Driver, found: Sequence[Standing], paid: Iterable[Payment], *, as_json: bool
) -> None:
    """Show where the driver's event stands, and in JSON every payment of it."""
    if not as_json:
        _table(driver, found)
        return
    shown = {
        "schema": "tallystick.event-status/1",
        "coaf": driver.record.coaf,
        "version": driver.record.version,
        "record": "0x" + driver.record.hash.hex(),
        "ledgers": [seen.as_dict() for seen in found],
        "payments": [payment.as_dict() for payment in paid],
    }
    console().print(json_line(shown), markup=False, soft_wrap=True)


def _table(driver: Driver, found: Sequence[Standing]) -> None:
    record, shown = driver.record, console()
    home = next(seen for seen in found if seen.home)
    back = home.taken_back
    off = ", cancelled" if home.cancelled else ""
    off = f", reversed ({back.reason})" if back is not None and back.in_force_at else off
    decimals = driver.connection.manifest.instrument.decimals

    def moment(time: int, late: bool = False) -> str:
        return f"{time_text(time)}{' (late)' if late else ''}" if time else ""

    def units(amount: int | None) -> str:
        return "" if amount is None else units_text(amount, decimals)

    def cash(amount: int) -> str:
        return units_text(amount, record.cash_decimals)

    def each(parts: Iterable[Part], told: Callable[[Part], str]) -> str:
        """A line for accounts, and one for each lane that has units."""
        return "; ".join(
            told(part) if part.accounts else f"{part.title} {told(part)}"
            for part in parts
            if part.accounts or part.units
        )

    show_table(
        shown,
        f"{record.caev} {record.coaf}, version {record.version}{off}, {record.isin}",
        ("Ledger", "Told", "Armed", "Figures", "Fixed", "Funded", "Paid", "Unclaimed", "Waiting"),
        [
            (
                seen.ledger,
                moment(seen.told_at, seen.late),
                moment(seen.armed_at),
                seen.figures,
                each(seen.parts, lambda part: units(part.units)),
                each(
                    (part for part in seen.parts if part.due),
                    lambda part: (
                        "in full" if part.open else f"{cash(part.held)} of {cash(part.due or 0)}"
                    ),
                ),
                cash(seen.paid.gross) if seen.paid.gross else "",
                each(seen.parts, lambda part: units(part.unclaimed)),
                "; ".join(waits(seen)),
            )
            for seen in found
        ],
    )
    for seen in found:
        if seen.ratio is not None:
            shown.print(f"{seen.ledger}: {seen.ratio.words}", markup=False, soft_wrap=True)
        for line in seen.rests.lines(decimals) if seen.rests is not None else ():
            shown.print(f"{seen.ledger}: {line}", markup=False, soft_wrap=True)
        if (back := seen.taken_back) is not None and back.in_force_at:
            said = (
                f"{seen.ledger}: {cash(back.entered)} {record.currency} entered as owed, "
                f"{cash(back.repaid)} repaid, {cash(back.owed)} owed now, {back.left} to enter"
            )
            shown.print(said, markup=False, soft_wrap=True)
    shown.print(f"record 0x{record.hash.hex()}", markup=False, soft_wrap=True)
