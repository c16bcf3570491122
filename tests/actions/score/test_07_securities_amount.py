"""SCoRE 7, securities amount data: shares in units, debt in nominal; a rate is for one of either.

An instrument's decimals say what its base unit is; files and records state a rate so that nobody
multiplies by a denomination.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.actions.entitlement import entitlement
from tallystick.files.instrument import load_instrument
from tests.support.driven import event_of
from tests.support.world import ROOT

EVENT = {
    "schema": "tallystick.event/1",
    "corp": "TALLY-2026-1",
    "coaf": "XX-2026-1",
    "camv": "MAND",
    "dates": {"announcement": "2026-02-02", "record": "2026-02-12", "payment": "2026-02-16"},
    "terms": "0x" + "11" * 32,
}


@pytest.mark.requirement("R-40", "R-46")
@pytest.mark.parametrize(
    ("file", "event", "held", "gross"),
    [
        # 100 shares at USD 0.82; and a millionth of one.
        ("apple.yaml", ("DVCA", "0.82", "USD", 6), 100 * 10**6, 82 * 10**6),
        ("apple.yaml", ("DVCA", "0.82", "USD", 6), 1, 0),
        # A nominal of EUR 1,000 at 1.7 %; and of one cent, the smallest there is.
        ("bund.yaml", ("INTR", "0.017", "EUR", 2), 1_000_00, 17_00),
        ("bund.yaml", ("INTR", "0.017", "EUR", 2), 1, 0),
        # The same in cash of more decimals.
        ("bund.yaml", ("INTR", "0.017", "EUR", 6), 1, 170),
    ],
)
def test_a_rate_is_for_a_whole_share_or_for_one_of_nominal(
    tmp_path: Path, file: str, event: tuple[str, str, str, int], held: int, gross: int
) -> None:
    instrument = load_instrument(ROOT / "examples" / file)
    words = dict(zip(("caev", "rate", "currency", "cash_decimals"), event, strict=True))
    record = event_of(instrument, tmp_path, {**EVENT, **words, "isin": instrument.isin})
    assert record.rate is not None
    assert entitlement(held, record.rate).gross == gross
