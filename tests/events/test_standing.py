"""What an event waits for on a ledger: a pure function of what was seen there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.entitlement import Entitlement
from tallystick.events.standing import Part, Standing, TakenBack, waits
from tests.support.actions import APPLE

_ACCOUNTS = Part("accounts", accounts=True, units=100, due=82, open=True, left=0, held=0)
_LANDING = replace(_ACCOUNTS, title="from remote", accounts=False)
_UNFIXED = replace(_ACCOUNTS, units=None, due=None, open=False)
_DONE = Standing(
    ledger="home",
    home=True,
    today=APPLE.relief_until + 1,
    record=APPLE,
    announced=True,
    newest=1,
    in_force=1,
    current=True,
    cancelled=False,
    late=False,
    halted=False,
    told_at=1,
    armed_at=1,
    figures="own",
    parts=(_ACCOUNTS, _LANDING),
    lanes=(),
    paid=Entitlement(200, 164, 0),
    withheld=0,
    terms=True,
)
_REMOTE = replace(_DONE, ledger="remote", home=False, announced=False, figures="taken")


@pytest.mark.parametrize("seen", [_DONE, _REMOTE, replace(_DONE, cancelled=True)])
def test_nothing_is_waited_for_in_the_end(seen: Standing) -> None:
    assert waits(seen) == ()


@pytest.mark.requirement("R-14")
@pytest.mark.parametrize("cancelled", [False, True])
def test_a_suspension_is_said_whatever_else_waits(*, cancelled: bool) -> None:
    home = replace(_DONE, suspended=("remote",), often=(("remote", "2020-08"),))
    assert waits(replace(home, cancelled=cancelled)) == (
        "the lane to remote is suspended: reconcile a close",
        "the lane to remote was suspended over 5 times in 2020-08",
    )
    remote = replace(_REMOTE, suspended=("home",), cancelled=cancelled)
    assert waits(remote) == ("the instrument is suspended: reconcile a close",)


def test_an_event_without_a_record_day_is_only_told() -> None:
    notice = replace(APPLE, record_day=0, payment_day=0, rate=None, currency="")
    seen = replace(_DONE, record=notice, parts=(_UNFIXED,))
    assert waits(seen) == ()
    told = replace(seen, current=False, in_force=0)
    assert waits(told) == ("event attestors: confirm",)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"current": False, "announced": False, "newest": 0, "in_force": 0},
            "the issuer: announce",
        ),
        ({"current": False, "in_force": 0}, "event attestors: confirm"),
        (
            {"current": False, "announced": False, "in_force": 0},
            "version 1, with its file: confirm",
        ),
        (
            {"current": False, "announced": False},
            "nothing of this file: another version, 1, is in force",
        ),
        ({"newest": 2, "announced": False}, "version 2, with its file: confirm"),
        (
            {"current": False, "announced": False, "newest": 2, "in_force": 2},
            "nothing of this file: another version, 2, is in force",
        ),
        ({"today": APPLE.record_day}, "the close of the record day, 2020-08-10"),
        ({"late": True}, "told too late: its close was not kept"),
        ({"halted": True}, "halted for good: two attested versions contradict one another"),
        ({"parts": (_UNFIXED, _UNFIXED)}, "fix"),
        ({"lanes": ("remote",)}, "the lane to remote: no figures that fit"),
    ],
)
def test_home_waits(changed: dict[str, Any], expected: str) -> None:
    assert waits(replace(_DONE, **changed)) == (expected,)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"current": False, "in_force": 0}, "home's record: carry"),
        (
            {"current": False, "in_force": 2},
            "nothing of this file: another version, 2, is in force",
        ),
        ({"figures": "", "parts": (_UNFIXED,)}, "its figures of the close: figures"),
        ({"figures": "told", "parts": (_UNFIXED,)}, "its figures on their way home: carry"),
        (
            {"figures": "contradicted", "parts": (_UNFIXED,)},
            "two figures contradict one another: that lane and day stop",
        ),
        ({"parts": (_UNFIXED,)}, "totals of home: fix, carry"),
    ],
)
def test_a_remote_ledger_waits(changed: dict[str, Any], expected: str) -> None:
    assert waits(replace(_REMOTE, **changed)) == (expected,)


_LEFT = replace(_ACCOUNTS, left=40, held=33)
_SHORT = replace(_ACCOUNTS, open=False, left=0, held=50)


@pytest.mark.parametrize(
    ("parts", "changed", "expected"),
    [
        ((_SHORT, _LANDING), {}, ("cash for accounts: fund",)),
        (
            (_SHORT, replace(_LANDING, open=False)),
            {"terms": False},
            ("terms of payment in USD: terms",),
        ),
        (
            (_LEFT, replace(_LANDING, open=False)),
            {"today": APPLE.payment_day - 1},
            ("cash for from remote: fund", "the payment day, 2020-08-13"),
        ),
        ((_LEFT, _LANDING), {}, ("claims: pay",)),
        (
            (_LEFT, _LANDING),
            {"today": APPLE.payment_day},
            ("claims: pay (until 2020-08-13 the holders' own)",),
        ),
        (
            (_LEFT, _LANDING),
            {"today": APPLE.expires + 1},
            ("claims have expired: what is left returns: expire",),
        ),
        (
            (_SHORT, _LANDING),
            {"today": APPLE.expires + 1},
            ("claims have expired: what is left returns: expire",),
        ),
        ((_ACCOUNTS, replace(_LANDING, left=1)), {}, ("units to land and be claimed: pay",)),
        ((_ACCOUNTS, replace(_LANDING, units=0, due=0, open=False)), {}, ()),
        ((_ACCOUNTS, _LANDING), {"withheld": 7}, ("tax to pass on: pass-on-tax",)),
        ((replace(_ACCOUNTS, held=1), _LANDING), {}, ("what rounding left returns: expire",)),
        ((_LEFT, _LANDING), {"cancelled": True}, ("what was paid in returns: expire",)),
    ],
)
def test_payment_waits(
    parts: tuple[Part, ...], changed: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert waits(replace(_DONE, parts=parts, **changed)) == expected


_BACK = TakenBack("IPRI", b"\x01" * 32, in_force_at=5, left=0, entered=9, repaid=0, owing=())
_ANNOUNCED = replace(_BACK, in_force_at=0, entered=0)


@pytest.mark.requirement("R-49")
@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (replace(_DONE, taken_back=_BACK), ()),
        (
            replace(_DONE, taken_back=_ANNOUNCED, parts=(_LEFT, _LANDING)),
            ("event attestors: reverse", "claims: pay"),
        ),
        (
            replace(_REMOTE, taken_back=_ANNOUNCED, withheld=7),
            ("home's reversal: carry", "tax to pass on: pass-on-tax"),
        ),
        (
            replace(_DONE, taken_back=_BACK, parts=(_LEFT, _LANDING), withheld=7),
            (
                "what was not paid returns: expire",
                "tax that was not passed on returns: pass-on-tax",
            ),
        ),
        (
            replace(_DONE, taken_back=replace(_BACK, left=1, owing=(("0x01", 4), ("0x02", 0)))),
            ("payments to be entered as owed: reverse", "what is owed to be repaid: repay"),
        ),
    ],
)
def test_what_is_taken_back_waits_for_what_is_left_of_it(
    seen: Standing, expected: tuple[str, ...]
) -> None:
    assert waits(seen) == expected
