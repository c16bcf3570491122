"""What the plan format knows and this release can't do."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tallystick.bridge.message import NO_CAP
from tallystick.errors import InputError
from tallystick.files.plan import Plan
from tallystick.files.strict import joined

__all__ = ["check_release"]

_MAX_PERIOD: Final = 90 * 86_400
_MAX_NAME: Final = 64


def check_release(path: str | Path, plan: Plan) -> None:
    """Refuse what the plan format knows and this release can't do.

    Raises:
        InputError: the plan asks for such a thing.
    """
    for at, lane in enumerate(plan.lanes):
        where = joined("lanes", at)
        if len(lane.verifiers) != 1:
            expected = "one verifier: this release takes one verifier a lane (production: false)"
            raise InputError(path, joined(where, "verifiers"), list(lane.verifiers), expected)
        if lane.cap is None:
            continue
        if lane.cap != lane.cap.to_integral_value():
            expected = "whole units, as the escrow counts them"
            raise InputError(path, joined(where, "cap"), format(lane.cap, "f"), expected)
        if int(lane.cap) >= NO_CAP:
            raise InputError(path, joined(where, "cap"), format(lane.cap, "f"), "a smaller number")
    for name in ("notice_seconds", "rollback_seconds"):
        period = getattr(plan.upgrade, name)
        if period > _MAX_PERIOD:
            expected = f"at most {_MAX_PERIOD} (90 days), which the release authority takes"
            raise InputError(path, joined("upgrade", name), period, expected)
    for at, ledger in enumerate(plan.ledgers):
        if ledger.rpc is not None and not ledger.rpc.startswith("http"):
            expected = "a URL that begins with http:// or https://"
            raise InputError(path, joined("ledgers", at, "rpc"), ledger.rpc, expected)
    name = plan.loaded_instrument.name
    if len(name.encode()) > _MAX_NAME:
        expected = f"at most {_MAX_NAME} bytes, which the token takes"
        raise InputError(path, "instrument.name", name, expected)
