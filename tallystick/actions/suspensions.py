"""How often a lane was suspended: `contracts/actions/suspensions.vy` counts, this tells when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

__all__ = ["MOST_A_MONTH", "by_month", "often"]

# More in one month are flagged (R-14; CSDR Article 65).
MOST_A_MONTH: Final = 5


def by_month(moments: Iterable[int]) -> Counter[str]:
    """Return how often a lane was suspended in each month (`2026-11`, UTC).

    Args:
        moments: when it was, seconds since 1970.
    """
    return Counter(f"{datetime.fromtimestamp(moment, UTC):%Y-%m}" for moment in moments)


def often(moments: Iterable[int]) -> tuple[str, ...]:
    """Return the months (`2026-11`, UTC) in which a lane was suspended more than five times.

    Args:
        moments: when it was, seconds since 1970.
    """
    months = by_month(moments)
    return tuple(sorted(month for month, times in months.items() if times > MOST_A_MONTH))
