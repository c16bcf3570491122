"""What the plan format knows and this release can't do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tallystick.bridge.message import NO_CAP
from tallystick.errors import InputError, refuse
from tallystick.files.plan import Plan
from tallystick.files.strict import joined

__all__ = ["check_release"]

_MAX_NAME: Final = 64


def check_release(path: str | Path, plan: Plan) -> None:
    """Refuse what the plan format knows and this release can't do.

    Raises:
        InputError: the plan asks for such things.
    """
    refuse(_beyond(path, plan))


def _beyond(path: str | Path, plan: Plan) -> Iterator[InputError]:
    for at, lane in enumerate(plan.lanes):
        where = joined("lanes", at)
        if lane.cap is None:
            continue
        shown = format(lane.cap, "f")
        if lane.cap != lane.cap.to_integral_value():
            expected = "whole units, as the escrow counts them"
            yield InputError(path, joined(where, "cap"), shown, expected)
        elif int(lane.cap) >= NO_CAP:
            yield InputError(path, joined(where, "cap"), shown, "a smaller number")
    for at, ledger in enumerate(plan.ledgers):
        if ledger.rpc is not None and not ledger.rpc.startswith("http"):
            expected = "a URL that begins with http:// or https://"
            yield InputError(path, joined("ledgers", at, "rpc"), ledger.rpc, expected)
    name = plan.loaded_instrument.name
    if len(name.encode()) > _MAX_NAME:
        expected = f"at most {_MAX_NAME} bytes, which the token takes"
        yield InputError(path, "instrument.name", name, expected)
