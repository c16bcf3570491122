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
        for name, amount in (("cap", lane.cap), ("limit", lane.limit)):
            if amount is None:
                continue
            where, shown = joined("lanes", at, name), format(amount, "f")
            if amount != amount.to_integral_value():
                yield InputError(path, where, shown, "whole units, as the escrow counts them")
            elif int(amount) >= NO_CAP:
                yield InputError(path, where, shown, "a smaller number")
    for at, ledger in enumerate(plan.ledgers):
        if ledger.rpc is not None and not ledger.rpc.startswith("http"):
            expected = "a URL that begins with http:// or https://"
            yield InputError(path, joined("ledgers", at, "rpc"), ledger.rpc, expected)
    name = plan.loaded_instrument.name
    if len(name.encode()) > _MAX_NAME:
        expected = f"at most {_MAX_NAME} bytes, which the token takes"
        yield InputError(path, "instrument.name", name, expected)
