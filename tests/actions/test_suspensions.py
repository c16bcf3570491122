"""More than five suspensions of a lane in a month are flagged."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tallystick.actions.suspensions import often

pytestmark = pytest.mark.requirement("R-14")


def moments(month: int, *days: int) -> list[int]:
    """Midnight of days of a month of 2026."""
    return [int(datetime(2026, month, day, tzinfo=UTC).timestamp()) for day in days]


def test_five_in_a_month_are_not_flagged_and_six_are() -> None:
    assert often(moments(11, 1, 2, 3, 4, 5)) == ()
    assert often(moments(11, 1, 2, 3, 4, 5, 5)) == ("2026-11",)


def test_months_are_counted_apart_to_the_second() -> None:
    eve = [moment - 1 for moment in moments(12, 1)]
    assert often([*moments(12, 1, 2, 3, 4, 5), *eve]) == ()
    assert often([*moments(11, 1, 2, 3, 4, 5), *eve]) == ("2026-11",)


def test_every_such_month_is_named_in_order() -> None:
    six = (1, 2, 3, 4, 5, 6)
    assert often([*moments(12, *six), *moments(10, *six), *moments(11, 7)]) == (
        "2026-10",
        "2026-12",
    )
    assert often([]) == ()
