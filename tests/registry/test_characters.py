"""Which characters a code takes: each of ASCII's, where the rule is another, by both judges."""

from __future__ import annotations

import pytest

from tallystick.chain import Contract
from tests.registry.test_identifiers_agree import agree

# The code, a place in it, and how many characters may stand there.
PLACES = [
    ("cfi", "ESVUFR", 0, 14),
    ("cfi", "ESVUFR", 3, 26),
    ("currency", "EUR", 1, 26),
    # 62 letters and digits, 12 others; of the slash one is enough.
    ("fisn", "APPLE INC/SH", 2, 74),
    ("fisn", "APPLE INC/SHA", 11, 74),
    ("caip2", "fil:ff", 1, 37),
    ("caip2", "fil:ff", 4, 64),
    ("caip2", "eip155:41001", 9, 10),
]


@pytest.mark.requirement("R-02")
@pytest.mark.parametrize(("kind", "code", "at", "many"), PLACES)
def test_each_character_in_its_place(
    identifiers: Contract, kind: str, code: str, at: int, many: int
) -> None:
    codes = [code[:at] + chr(character) + code[at + 1 :] for character in range(128)]
    assert sum(agree(identifiers, kind, each) for each in codes) == many
