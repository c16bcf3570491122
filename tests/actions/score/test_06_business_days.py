"""SCoRE 6, business day rule: what falls due on a day of rest is paid on the next business day.

An event's days are business days of its own calendar, which its file names; the amount is not
adjusted. Ledgers themselves have a close on every day.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.errors import InputError
from tallystick.files.instrument import load_instrument
from tests.support.driven import event_of
from tests.support.world import ROOT

BUND = load_instrument(ROOT / "examples" / "bund.yaml")


def coupon(folder: Path, record: str, payment: str, holidays: tuple[str, ...] = ()) -> Any:
    """The record of a coupon of 1.7 % in 2026."""
    return event_of(
        BUND,
        folder,
        {
            "schema": "tallystick.event/1",
            "isin": BUND.isin,
            "corp": "TALLY-2026-0215",
            "coaf": "DE-2026-INTR-01",
            "caev": "INTR",
            "camv": "MAND",
            "dates": {"announcement": "2026-02-02", "record": record, "payment": payment},
            "rate": "0.017",
            "currency": "EUR",
            "cash_decimals": 2,
            "terms": "0x" + "11" * 32,
            "holidays": list(holidays),
        },
        today=date(2026, 2, 2),
    )


@pytest.mark.requirement("R-40")
def test_a_coupon_due_on_a_sunday_is_paid_on_monday_unadjusted(tmp_path: Path) -> None:
    rest = "expected a business day: Monday to Friday, no holiday"
    for day in ("2026-02-14", "2026-02-15"):
        with pytest.raises(InputError, match=f"dates.payment: {day}: {rest}"):
            coupon(tmp_path, "2026-02-13", day)
    record = coupon(tmp_path, "2026-02-13", "2026-02-16")
    assert record.rate == Rate(17, 1_000)
    assert record.payment_day - record.record_day == 3


@pytest.mark.requirement("R-40")
def test_days_of_rest_are_the_event_s_own(tmp_path: Path) -> None:
    """Rose Monday is one in Cologne and none in the calendar of TARGET."""
    assert coupon(tmp_path, "2026-02-13", "2026-02-16").payment_day == 20_500
    with pytest.raises(InputError, match=r"dates\.payment: 2026-02-16: expected a business day"):
        coupon(tmp_path, "2026-02-13", "2026-02-16", ("2026-02-16",))
    assert coupon(tmp_path, "2026-02-13", "2026-02-17", ("2026-02-16",)).payment_day == 20_501


@pytest.mark.requirement("R-40")
def test_the_record_day_is_one_too(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dates\.record: 2026-02-14: expected a business day"):
        coupon(tmp_path, "2026-02-14", "2026-02-16")
