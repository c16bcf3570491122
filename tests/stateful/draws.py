"""Who plays, and what rules of all kinds draw."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from tallystick.local.network import ADMINISTRATORS, COURIER, ROLE_INDEX

UNIT: Final = 10**6
HOLDERS: Final = ("investor", "fund", "nominee", "newcomer")
# Who acts by account index; stand-ins begin without a role.
PARTIES: Final = {
    **ROLE_INDEX,
    **dict(zip(("administrator", "second administrator"), ADMINISTRATORS, strict=True)),
    "courier": COURIER,
    "stand-in": 30,
    "second stand-in": 31,
}
# Ledger, from whom, to whom, how much, which of the document's orders.
Order = tuple[str, str, str, int, int]

ledger_names = st.sampled_from(["home", "remote"])
holders = st.sampled_from(HOLDERS)
# Whoever has the registrar's role at times.
registrars = st.sampled_from([*["registrar"] * 4, "stand-in", "second stand-in"])
amounts = st.integers(0, 2 * UNIT)
# Eighths of what the sender has.
parts = st.integers(0, 8)
# Which of the messages or orders in question, counted around.
which = st.integers(0, 9)
mostly = st.sampled_from([True, True, True, False])
