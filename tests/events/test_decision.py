"""What a carrier does with a thing that an engine told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.message import EngineDomain, Figures, message_from
from tallystick.bridge.carrying import Act, Decision
from tallystick.events.decision import Sighting, decide

_ISIN = "US0378331005"
_SOURCE = EngineDomain(41_002, "0x" + "Ee" * 20)
_FIGURES = Figures(b"\x1a" * 32, day=18_484, epoch=0, supply=100, suspense=7, sent=9)
_MESSAGE = message_from(_SOURCE, _ISIN, _FIGURES)
_SEEN = Sighting(
    message=_MESSAGE,
    told=_FIGURES,
    logged_id=_MESSAGE.id,
    source=_SOURCE,
    isin=_ISIN,
    emitter=_SOURCE.engine,
    block=10,
    final=10,
    canonical=True,
    is_told=True,
    taken=False,
)


def test_what_is_final_and_stands_is_taken() -> None:
    assert decide(_SEEN) == Decision(Act.DELIVER)


def test_what_the_other_ledger_has_is_done_with() -> None:
    assert decide(replace(_SEEN, taken=True, final=0)) == Decision(Act.DONE)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"final": 9}, "its log is not final yet"),
        ({"canonical": False}, "its log is not final yet"),
        ({"blocked": "its record is not in force there"}, "its record is not in force there"),
    ],
)
def test_it_waits(changed: dict[str, Any], why: str) -> None:
    assert decide(replace(_SEEN, **changed)) == Decision(Act.WAIT, why)


_NOT_ITS_WORDS = "the message is not what that engine would tell"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"emitter": "0x" + "Ab" * 20}, "logged by another contract than the ledger's engine"),
        ({"logged_id": bytes(32)}, "the log's id is not the message's"),
        ({"told": replace(_FIGURES, supply=101)}, _NOT_ITS_WORDS),
        ({"isin": "DE0001102580"}, _NOT_ITS_WORDS),
        ({"source": replace(_SOURCE, chain_id=41_003)}, _NOT_ITS_WORDS),
        ({"is_told": False}, "its source engine does not keep that it told this"),
    ],
)
def test_it_is_refused_and_nothing_is_signed(changed: dict[str, Any], why: str) -> None:
    assert decide(replace(_SEEN, **changed)) == Decision(Act.REFUSE, why)


@pytest.mark.parametrize("field", ["codec", "kind", "instrument", "source_ledger", "source_engine"])
def test_a_header_of_something_else_is_refused(field: str) -> None:
    value = getattr(_MESSAGE, field)
    changed: dict[str, Any] = {field: value + 1 if isinstance(value, int) else b"\x01" * 32}
    other = replace(_MESSAGE, **changed)
    seen = replace(_SEEN, message=other, logged_id=other.id)
    assert decide(seen) == Decision(Act.REFUSE, _NOT_ITS_WORDS)
