"""A dividend driven over two ledgers: what is done, what waits and why, and again is nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.entitlement import Entitlement, total
from tallystick.actions.message import Status
from tallystick.actions.record import RecordError
from tallystick.chain import Account
from tallystick.events.driver import Driver, Step
from tallystick.events.standing import Standing, payments_of, standing_of, waits
from tallystick.token.position import AccountClass
from tests.support.actions import APPLE, COAF, Actions, begin
from tests.support.returns import late, sent_back
from tests.support.world import (
    BUYER_UNITS,
    ELIGIBLE_UNTIL,
    INVESTOR_UNITS,
    STATED,
    World,
)

_ISSUE = INVESTOR_UNITS + BUYER_UNITS
_TAX = [30 | 100 << 48, 15 | 100 << 48, *[0] * 14]


def _driver(world: World, **how: Any) -> Driver:
    return Driver(world.network.connection, how.pop("record", APPLE), **how)


def _states(steps: Iterator[Step]) -> list[tuple[str, str, str]]:
    return [(step.ledger, step.act, step.state) for step in steps]


def _final(world: World) -> None:
    for side in (world.home, world.remote):
        side.chain.mine(3)


def _carry(world: World) -> list[tuple[str, str, str]]:
    _final(world)
    return _states(_driver(world).carry())


def _day(world: World, day: int) -> None:
    for side in (world.home, world.remote):
        begin(side, day, 3_600)


def _set_terms(world: World) -> None:
    for side in (world.home, world.remote):
        accounts = (side.cash.address, side.auditor.address, side.issuer.address)
        terms = (b"USD\0", *accounts, _TAX)
        side.engine.propose_pay_terms(terms, *STATED, sender=side.paying_agent)
        side.engine.set_pay_terms(terms, *STATED, sender=side.issuer)
        side.cash.mint(side.paying_agent, 10**20, sender=side.issuer)


@pytest.fixture
def told(world: World) -> World:
    """The world in which the dividend is in force on both ledgers, as home knows."""
    _set_terms(world)
    driver = _driver(world)
    assert _states(driver.announce()) == [("home", "announce", "executed")]
    assert _states(driver.confirm()) == [("home", "confirm", "executed")]
    assert _carry(world) == [
        ("remote", "take_record", "executed"),
        ("home", "take_armed", "waiting"),
    ]
    assert _carry(world) == [("home", "take_armed", "executed")]
    return world


@pytest.fixture
def closed(told: World) -> World:
    """The same an hour after the close of the record day, units under way each way and waiting."""
    _day(told, APPLE.record_day - 1)
    told.deliver(told.locked(5_000_000))
    told.remote.token.transfer(told.remote.buyer, 1_000_000, sender=told.remote.investor)
    waiting = told.locked(700_001, told.remote.outsider)
    told.deliver(waiting)
    assert told.remote.escrow.suspended(waiting.id) == 700_001
    out, back = told.locked(3_000_000), told.burned(2_000_000, told.home.investor)
    _day(told, APPLE.record_day + 1)
    told.deliver(out)
    told.deliver(back)
    return told


@pytest.fixture
def funded(closed: World) -> World:
    """The same when all is fixed and funded, on the day after the payment day."""
    assert _states(_driver(closed).figures()) == [("remote", "send_figures", "executed")]
    assert _carry(closed) == [("home", "take_figures", "executed")]
    assert _states(_driver(closed).fix()) == [
        ("home", "fix", "executed"),
        ("home", "fix_lane", "executed"),
    ]
    assert _carry(closed) == [("remote", "take_totals", "executed")]
    assert {state for *_, state in _states(_driver(closed).fund())} == {"executed"}
    _day(closed, APPLE.payment_day + 1)
    return closed


@pytest.mark.parametrize(("name", "made"), [("Test USD", True), ("Dollar", False)])
def test_cash_of_a_test_is_made_as_it_is_due(
    closed: World, monkeypatch: pytest.MonkeyPatch, name: str, made: bool
) -> None:
    """On a ledger that is not local its issuer makes what it pays only where its name says so."""
    side = closed.home
    agent = side.paying_agent
    cash = side.chain.deploy("CashToken", name, "TUSD", 6, b"USD", agent, sender=agent)
    driver = _driver(closed)
    monkeypatch.setattr(driver.engines.chain("home"), "is_local", False)
    # Keys that everybody has sign there for nobody: this one is its own.
    monkeypatch.setattr(driver, "sender", lambda *_: agent)
    acts = [step.act for step in driver._cash_ready("home", cash, 5, "paying_agent", str)]
    assert ("mint" in acts) is made


def _waits(world: World) -> dict[str, tuple[str, ...]]:
    return {seen.ledger: waits(seen) for seen in standing_of(_driver(world))}


def _standing(world: World, ledger: str) -> Standing:
    return next(seen for seen in standing_of(_driver(world)) if seen.ledger == ledger)


def _paid_told(world: World) -> Entitlement | None:
    """What home was told of what the remote ledger paid."""
    assert _standing(world, "home").paid_told is None
    return _standing(world, "remote").paid_told


def _paid_there(world: World) -> Entitlement:
    return total(each.paid for each in payments_of(_driver(world)) if each.ledger == "remote")


# What is to be done when everybody is paid.
_TAX_LEFT = "tax to pass on: pass-on-tax"


def _admit(world: World, account: Account) -> None:
    side = world.remote
    side.token.admit(account, ELIGIBLE_UNTIL, *STATED, sender=side.registrar)


def test_a_dividend_is_paid_to_the_unit_over_both_ledgers(funded: World) -> None:
    assert _waits(funded)["remote"][0] == "claims: pay"
    assert _states(_driver(funded).pay()) == [
        ("home", "push", "executed"),
        ("home", "claim_crossed", "executed"),
        ("remote", "push", "executed"),
        ("remote", "claim_crossed", "executed"),
        ("remote", "send_paid", "executed"),
    ]
    assert _paid_told(funded) == Entitlement(0, 0, 0)
    assert _carry(funded) == [("home", "take_paid", "executed")]
    first = _paid_there(funded)
    assert _paid_told(funded) == first
    # What waits in suspense is nobody's yet, and kept back.
    assert _waits(funded) == {
        "home": (_TAX_LEFT,),
        "remote": ("units to land and be claimed: pay", _TAX_LEFT),
    }
    _admit(funded, funded.remote.outsider)
    suspended = [
        message
        for _, message in _driver(funded).engines.crossing("remote", APPLE.record_day)
        if funded.remote.escrow.suspended(message.id)
    ]
    funded.network.claim(suspended[0])
    assert _states(_driver(funded).pay()) == [
        ("remote", "claim_crossed", "executed"),
        ("remote", "send_paid", "executed"),
    ]
    assert _paid_told(funded) == first
    assert _carry(funded) == [("home", "take_paid", "executed")]
    assert _paid_told(funded) == _paid_there(funded) != first
    assert _waits(funded) == {"home": (_TAX_LEFT,), "remote": (_TAX_LEFT,)}
    assert _states(_driver(funded).pay()) == []
    payments = payments_of(_driver(funded))
    paid = total(each.paid for each in payments)
    assert paid.units == _ISSUE
    assert APPLE.rate is not None
    # Less what rounding left of a smallest unit for each.
    assert 0 <= APPLE.rate.down(_ISSUE) - paid.gross < len(payments)
    assert paid.tax + paid.net == paid.gross
    landed = {(each.account, each.paid.units) for each in payments if each.message_id}
    assert landed == {
        (funded.home.investor.address, 2_000_000),
        (funded.remote.investor.address, 3_000_000),
        (funded.remote.outsider.address, 700_001),
    }


def test_a_dry_run_sends_nothing(world: World) -> None:
    _set_terms(world)
    before = world.storage()
    assert _states(_driver(world, execute=False).announce()) == [("home", "announce", "pending")]
    assert world.storage() == before
    list(_driver(world).announce())
    before = world.storage()
    assert _states(_driver(world, execute=False).confirm()) == [("home", "confirm", "pending")]
    assert world.storage() == before


def test_a_dry_run_needs_no_keys(world: World) -> None:
    connection = replace(world.network.connection, mnemonic=None)
    (step,) = Driver(connection, APPLE, execute=False).announce()
    assert step.state == "pending"


def test_a_dry_run_of_the_close_sends_nothing(closed: World) -> None:
    before = closed.storage()
    assert _states(_driver(closed, execute=False).figures()) == [
        ("remote", "send_figures", "pending")
    ]
    assert _states(_driver(closed, execute=False).fix()) == [
        ("home", "fix", "pending"),
        ("home", "fix_lane", "waiting"),
    ]
    assert closed.storage() == before


def test_a_dry_run_of_payment_sends_nothing(funded: World) -> None:
    before = funded.storage()
    assert {state for *_, state in _states(_driver(funded, execute=False).pay())} == {"pending"}
    assert funded.storage() == before


def test_what_is_done_is_not_done_again(funded: World) -> None:
    before = funded.storage()
    driver = _driver(funded)
    for act in (driver.announce, driver.confirm, driver.figures, driver.fix, driver.fund):
        assert {state for *_, state in _states(act())} == {"done"}
    assert _states(driver.carry()) == []
    assert funded.storage() == before


def test_each_ledger_says_what_it_waits_for(world: World) -> None:
    assert _waits(world) == {"home": ("the issuer: announce",), "remote": ("home's record: carry",)}
    list(_driver(world).announce())
    assert _waits(world)["home"] == ("event attestors: confirm",)
    list(_driver(world).confirm())
    assert _waits(world) == {
        "home": ("the close of the record day, 2020-08-10",),
        "remote": ("home's record: carry",),
    }
    _carry(world)
    assert _waits(world)["remote"] == ("the close of the record day, 2020-08-10",)
    _day(world, APPLE.record_day + 1)
    assert _waits(world) == {"home": ("fix",), "remote": ("its figures of the close: figures",)}
    list(_driver(world).figures())
    assert _waits(world)["remote"] == ("its figures on their way home: carry",)
    list(_driver(world).fix())
    assert _waits(world)["home"] == (
        "the lane to remote: no figures that fit",
        "terms of payment in USD: terms",
    )


def test_without_terms_nothing_is_funded(world: World) -> None:
    list(_driver(world).announce())
    list(_driver(world).confirm())
    _day(world, APPLE.record_day + 1)
    list(_driver(world).fix())
    steps = [step for step in _driver(world).fund() if step.state != "done"]
    assert {step.state for step in steps} == {"waiting"}
    assert "accounts: no terms of payment in USD (tallystick event terms)" in {
        step.detail for step in steps
    }


def test_what_holders_claimed_is_told_home_before_anybody_else_is_paid(closed: World) -> None:
    for act in ("figures", "fix", "fund"):
        list(getattr(_driver(closed), act)())
        _carry(closed)
    _day(closed, APPLE.payment_day)
    investor = closed.remote.investor
    list(_driver(closed, account=investor).claim("remote", investor.address))
    told = ("remote", "send_paid")
    assert _states(_driver(closed, execute=False).pay())[-1] == (*told, "pending")
    assert _states(_driver(closed).pay())[-1] == (*told, "executed")
    assert told not in {(ledger, act) for ledger, act, _ in _states(_driver(closed).pay())}
    assert _carry(closed) == [("home", "take_paid", "executed")]
    assert _paid_told(closed) == _paid_there(closed)


def test_a_holder_claims_what_it_held_and_what_landed_with_it(funded: World) -> None:
    investor = funded.home.investor
    driver = _driver(funded, account=investor)
    assert _states(driver.claim("home", investor.address)) == [
        ("home", "claim", "executed"),
        ("home", "claim_crossed", "executed"),
    ]
    assert _states(driver.claim("home", investor.address)) == [("home", "claim", "done")]


def test_only_the_holder_claims_on_the_payment_day(closed: World) -> None:
    list(_driver(closed).fix())
    list(_driver(closed).fund())
    _day(closed, APPLE.payment_day)
    other = closed.home.outsider
    investor = closed.home.investor
    before = closed.storage()
    refused = next(_driver(closed, account=other).claim("home", investor.address))
    assert refused.state == "refused"
    assert refused.detail.endswith("reverted: payments: only the holder, till relief ends")
    waiting = {step.detail for step in _driver(closed).pay()}
    assert "only holders claim until the close of 2020-08-13" in waiting
    assert closed.storage() == before
    done = next(_driver(closed, account=investor).claim("home", investor.address))
    assert (done.act, done.state) == ("claim", "executed")


def test_long_after_the_close_hints_come_from_logs(closed: World) -> None:
    for day in range(APPLE.record_day + 2, APPLE.record_day + 14):
        _day(closed, day)
        closed.home.token.transfer(closed.home.buyer, 1, sender=closed.home.investor)
        closed.remote.token.transfer(closed.remote.buyer, 1, sender=closed.remote.investor)
        closed.deliver(closed.locked(10))
        closed.deliver(closed.burned(5, closed.home.investor))
    assert {state for *_, state in _states(_driver(closed).figures())} == {"executed"}
    _carry(closed)
    assert {state for *_, state in _states(_driver(closed).fix())} == {"executed"}
    _carry(closed)
    assert {state for *_, state in _states(_driver(closed).fund())} == {"executed"}
    assert {state for *_, state in _states(_driver(closed).pay())} == {"executed"}
    paid = total(each.paid for each in payments_of(_driver(closed)))
    assert paid.units == _ISSUE - 700_001


def test_who_came_long_after_the_close_claims_what_was_under_way_then(closed: World) -> None:
    waiting = next(
        message
        for _, message in _driver(closed).engines.crossing("remote", APPLE.record_day)
        if closed.remote.escrow.suspended(message.id)
    )
    list(_driver(closed).figures())
    _carry(closed)
    list(_driver(closed).fix())
    _carry(closed)
    list(_driver(closed).fund())
    _admit(closed, closed.remote.outsider)
    closed.network.claim(waiting)
    _day(closed, APPLE.record_day + 20)
    steps = _driver(closed).claim("remote", closed.remote.outsider.address)
    assert _states(steps) == [("remote", "claim", "done"), ("remote", "claim_crossed", "executed")]


def test_cash_of_an_event_that_is_off_returns(closed: World) -> None:
    side = closed.home
    list(_driver(closed).fix())
    list(_driver(closed).fund())
    waiting = [step for step in _driver(closed).expire() if step.ledger == "home"]
    assert [(step.state, step.detail) for step in waiting] == [
        ("waiting", "accounts: claims go on until the close of 2023-08-14"),
        ("done", "from remote: nothing is left"),
    ]
    off = _driver(closed, record=APPLE.successor())
    list(off.announce(Status.CANCELLED))
    list(off.confirm())
    returned = "what was paid in returns: expire"
    assert {seen.ledger: waits(seen) for seen in standing_of(off)}["home"] == (returned,)
    held, before = side.engine.part_of(COAF, bytes(32))[2], side.cash.balanceOf(side.issuer)
    assert held > 0
    assert _states(off.expire())[0] == ("home", "expire", "executed")
    assert side.cash.balanceOf(side.issuer) == before + held
    assert {seen.ledger: waits(seen) for seen in standing_of(off)}["home"] == ()


def test_cash_of_an_event_that_is_reversed_returns(closed: World) -> None:
    side = closed.home
    list(_driver(closed).fix())
    list(_driver(closed).fund())
    _day(closed, APPLE.payment_day)
    actions = Actions(closed)
    actions.announce_reversal(APPLE)
    actions.confirm_reversal(actions.reversal(APPLE))
    held, before = side.engine.part_of(COAF, bytes(32))[2], side.cash.balanceOf(side.issuer)
    assert held > 0
    assert _states(_driver(closed).expire())[0] == ("home", "expire", "executed")
    assert side.cash.balanceOf(side.issuer) == before + held


def test_nobody_is_noted_as_paid_elsewhere_who_is_owed_nothing(
    closed: World,
) -> None:
    note = (b"\x01" * 32, b"\x02" * 32)
    investor, other = closed.home.investor, closed.home.outsider

    def noted(account: Account) -> list[tuple[str, str]]:
        steps = _driver(closed).paid_elsewhere("home", account.address, *note)
        return [(step.state, step.detail) for step in steps]

    assert noted(investor) == [("waiting", "the payment day is 2020-08-13")]
    _day(closed, APPLE.payment_day)
    assert noted(investor) == [("waiting", "accounts: not funded in full")]
    list(_driver(closed).fix())
    list(_driver(closed).fund())
    before = closed.storage()
    assert noted(other) == [("done", f"{other.address}: held nothing at the close")]
    assert closed.storage() == before
    list(_driver(closed, account=investor).claim("home", investor.address))
    assert noted(investor) == [("done", f"{investor.address}: it was paid")]
    _day(closed, APPLE.expires + 1)
    buyer = closed.home.buyer
    assert noted(buyer) == [("waiting", f"{buyer.address}: claims have expired")]


def test_units_that_went_back_are_given_up_there_and_paid_where_they_landed(funded: World) -> None:
    [waiting] = [
        message
        for _, message in _driver(funded).engines.crossing("remote", APPLE.record_day)
        if funded.remote.escrow.suspended(message.id)
    ]
    late(funded, waiting)
    answer = sent_back(funded, waiting)
    gone = "cash of units that went back, to be given up: pay"
    back = "cash for units that came back, of the paying agent: pay"
    assert gone in _waits(funded)["remote"]
    assert back not in _waits(funded)["home"]
    funded.deliver(answer)
    assert back in _waits(funded)["home"]
    # The holder can't have itself paid out of nothing.
    investor = funded.home.investor
    step = list(_driver(funded, account=investor).claim("home", investor.address))[-1]
    assert (step.act, step.state) == ("pay_returned", "waiting")
    assert step.detail.endswith("the paying agent brings the cash (tallystick event pay)")
    before = funded.storage()
    tried = [step for step in _driver(funded, execute=False).pay() if step.act == "pay_returned"]
    assert [(step.ledger, step.state) for step in tried] == [("home", "pending")]
    assert funded.storage() == before
    # Who has no key of the paying agent is told whose it is.
    outsider = _driver(funded, account="courier")
    assert ("home", "pay_returned", "refused") in _states(outsider._pay_returned("home"))
    assert _states(_driver(funded).pay()) == [
        ("home", "push", "executed"),
        ("home", "approve", "executed"),
        ("home", "pay_returned", "executed"),
        ("remote", "push", "executed"),
        ("remote", "claim_crossed", "executed"),
        ("remote", "give_up", "executed"),
        ("remote", "send_paid", "executed"),
    ]
    assert _states(_driver(funded).pay()) == []
    assert total(each.paid for each in payments_of(_driver(funded))).units == _ISSUE
    assert _waits(funded) == {"home": (_TAX_LEFT,), "remote": (_TAX_LEFT,)}
    # What the remote ledger gave up it did not pay.
    assert _carry(funded) == [("home", "take_paid", "executed")]
    assert _paid_told(funded) == _paid_there(funded)


def test_one_that_refuses_cash_stops_nobody(funded: World) -> None:
    side = funded.home
    side.cash.set_blocked(side.buyer, True, sender=side.issuer)
    steps = [step for step in _driver(funded).pay() if step.ledger == "home"]
    assert [(step.act, step.state) for step in steps] == [
        ("push", "executed"),
        ("push", "refused"),
        ("claim_crossed", "executed"),
    ]
    assert steps[1].detail == f"{side.buyer.address}: its payment was refused"
    assert [each.account for each in payments_of(_driver(funded)) if each.ledger == "home"] == [
        side.investor.address,
        side.investor.address,
    ]


def test_funding_is_by_the_paying_agent_and_no_more_than_is_due(closed: World) -> None:
    side = closed.home
    list(_driver(closed).fix())
    steps = {step.act: step for step in _driver(closed).fund() if step.ledger == "home"}
    assert steps["approve"].state == "executed"
    is_open, units, held = side.engine.part_of(COAF, bytes(32))
    assert APPLE.rate is not None
    assert (is_open, held) == (True, APPLE.rate.down(units))
    assert side.cash.allowance(side.paying_agent, side.engine) == 0


def test_versions_follow_one_another(told: World) -> None:
    right = APPLE.successor(rate=None, currency="", caev="OTHR")
    for record, field, expected in (
        (replace(right, version=3), "version", "2: 1 was announced last"),
        (replace(right, previous=b"\x01" * 32), "previous", "the hash of the version announced"),
        (replace(right, corp="OTHER"), "corp", "TALLY-2020-0810, as announced before"),
    ):
        with pytest.raises(RecordError) as caught:
            _driver(told, record=record).check_announcement()
        assert caught.value.field == field
        assert caught.value.expected.startswith(expected)
    with pytest.raises(RecordError) as caught:
        _driver(told).check_announcement(Status.CANCELLED)
    assert caught.value.expected == "the version after it: this one was announced active"
    _driver(told, record=right).check_announcement()


def test_a_cancelled_event_waits_for_nothing(told: World) -> None:
    record = APPLE.successor()
    driver = _driver(told, record=record)
    list(driver.announce(Status.CANCELLED))
    list(driver.confirm())
    _final(told)
    assert _states(driver.carry())[0] == ("remote", "take_record", "executed")
    assert [waits(seen) for seen in standing_of(driver)] == [(), ()]
    _day(told, APPLE.record_day + 1)
    step = next(driver.fix())
    assert (step.state, step.detail) == ("waiting", "the event is cancelled")
    later = _driver(told, record=record.successor())
    with pytest.raises(RecordError, match="coaf: expected another reference"):
        later.check_announcement()


def test_what_is_not_final_is_not_signed(world: World) -> None:
    list(_driver(world).announce())
    list(_driver(world).confirm())
    before = world.storage()
    (step,) = _driver(world).carry()
    assert (step.act, step.state) == ("take_record", "waiting")
    assert step.detail == "RECORD of home: its log is not final yet"
    assert world.storage() == before


def test_without_attestors_keys_nothing_is_confirmed_or_carried(told: World) -> None:
    connection = replace(told.network.connection, mnemonic=None)
    record = APPLE.successor()
    list(_driver(told, record=record).announce())
    step = next(Driver(connection, record, account=told.home.courier).confirm())
    assert step.detail == "version 2: 0 of 2 event-attestor keys are here"


def test_payments_of_nobody_are_none(told: World) -> None:
    assert payments_of(_driver(told)) == ()
    assert standing_of(_driver(told))[0].paid == Entitlement(0, 0, 0)


def test_other_figures_of_a_close_are_shown_and_stop_the_lane(
    closed: World, actions: Actions
) -> None:
    actions.take_figures(actions.figures(APPLE.record_day, supply=1))
    list(_driver(closed).figures())
    list(_driver(closed).fix())
    engine, lane = closed.remote.engine, closed.lane
    hints = (0,) * 4
    engine.send_figures(lane, APPLE.record_day, 0, hints, sender=closed.remote.courier)
    _final(closed)
    (step,) = _driver(closed).carry()
    assert (step.act, step.state) == ("take_figures", "refused")
    assert step.detail == "FIGURES of remote: contradicts what is known there"
    stopped = ("two figures contradict one another: that lane and day stop",)
    assert _waits(closed)["remote"] == stopped
    (waiting,) = _driver(closed).carry()
    assert (waiting.state, waiting.detail) == (
        "waiting",
        "FIGURES of remote: other figures contradict them: that lane and day stop",
    )
    # Home's accounts are paid all the same.
    assert _states(_driver(closed).fix())[0] == ("home", "fix", "done")
    assert ("home", "fund", "executed") in _states(_driver(closed).fund())


def test_more_holders_than_a_batch_are_paid(told: World) -> None:
    side = told.home
    _day(told, APPLE.record_day - 1)
    holders = [side.chain.account(200 + number) for number in range(27)]
    for holder in holders:
        side.token.admit(holder, ELIGIBLE_UNTIL, *STATED, sender=side.registrar)
        side.token.transfer(holder, 1_000_000, sender=side.investor)
    _day(told, APPLE.record_day + 1)
    list(_driver(told).fix())
    list(_driver(told).fund())
    _day(told, APPLE.payment_day + 1)
    pushed = [step for step in _driver(told).pay() if step.act == "push" and step.ledger == "home"]
    assert [step.detail for step in pushed] == ["25 accounts", "4 accounts"]
    assert all(side.cash.balanceOf(holder) == 820_000 * 70 // 100 for holder in holders)


def test_an_allowance_is_taken_back_before_another_is_given(closed: World) -> None:
    side = closed.home
    side.cash.approve(side.engine, 5, sender=side.paying_agent)
    list(_driver(closed).fix())
    steps = [step for step in _driver(closed).fund() if step.ledger == "home"]
    approved = [step.detail for step in steps if step.act == "approve"]
    assert (approved[0], len(approved)) == ("0 USD", 2)
    assert side.cash.allowance(side.paying_agent, side.engine) == 0


def test_cash_that_is_missing_is_said_by_the_token(closed: World) -> None:
    side = closed.home
    rest = side.cash.balanceOf(side.paying_agent)
    side.cash.transfer(side.outsider, rest, sender=side.paying_agent)
    list(_driver(closed).fix())
    refused = [step for step in _driver(closed).fund() if step.state == "refused"]
    assert [(step.ledger, step.act) for step in refused] == [("home", "fund")]
    assert refused[0].detail.startswith("accounts: ")
    assert not side.engine.part_of(COAF, bytes(32))[0]


def test_what_may_still_land_is_funded_and_paid_when_claims_have_expired(closed: World) -> None:
    list(_driver(closed).figures())
    _carry(closed)
    list(_driver(closed).fix())
    for side in (closed.home, closed.remote):
        begin(side, APPLE.expires + 1)
    funded = {step.detail: step.state for step in _driver(closed).fund() if step.act == "fund"}
    assert funded["accounts: claims have expired"] == "waiting"
    assert funded["from remote: 1.64 USD"] == "executed"
    paid = [(step.act, step.state) for step in _driver(closed).pay() if step.ledger == "home"]
    assert paid == [("push", "waiting"), ("claim_crossed", "executed")]
    investor = closed.home.investor
    (step,) = _driver(closed, account=investor).claim("home", investor.address)
    assert (step.state, step.detail) == ("done", f"{investor.address}: claims have expired")


def test_what_is_kept_back_for_pools_and_other_bridges_waits_for_a_payee(world: World) -> None:
    side = world.home
    side.set_class(side.fund, AccountClass.POOL)
    side.token.transfer(side.fund, 3_000_000, sender=side.investor)
    bridge = side.foreign_bridge()
    side.token.approve(bridge, 700_000, sender=side.investor)
    side.token.crosschainBurn(side.investor, 700_000, sender=bridge.address)
    world.synchronise()
    _set_terms(world)
    driver = _driver(world)
    for steps in (driver.announce(), driver.confirm()):
        assert [step.state for step in steps] == ["executed"]
    for _ in range(2):
        _carry(world)
    _day(world, APPLE.record_day + 1)
    list(_driver(world).figures())
    _carry(world)
    fixed = _states(_driver(world).fix())
    assert fixed == [("home", "fix", "executed"), ("home", "fix_lane", "executed")]
    _carry(world)
    funding = [(s.act, s.state, s.detail) for s in _driver(world).fund() if s.ledger == "home"]
    # USD 0.82 for each of 0.7 units.
    assert ("fund", "executed", "with other bridges: 0.574 USD") in funding
    assert funding[-1] == ("set_aside", "executed", side.fund.address)
    assert not any(step.act == "set_aside" for step in _driver(world).fund())
    _day(world, APPLE.relief_until + 1)
    titles = {side.fund.address: side.fund, "with other bridges": side.token}
    seen = [(s.state, s.detail) for s in _driver(world).pay() if s.act == "claim_pool"]
    assert seen == [
        ("waiting", f"{title}: no payee is named (tallystick event terms)") for title in titles
    ]
    kept = "a payee of what is kept back, named under two keys: terms, pay"
    assert kept in _waits(world)["home"]
    for pool in titles.values():
        Actions(world).set_pool_payee(side, pool, side.auditor)
    paid = [(s.state, s.detail) for s in _driver(world).pay() if s.act == "claim_pool"]
    assert paid == [("executed", title) for title in titles]
    assert not any(step.act == "claim_pool" for step in _driver(world).pay())
    home = next(each for each in standing_of(_driver(world)) if each.home)
    assert sum(part.units or 0 for part in home.parts) == _ISSUE
    assert {part.title: part.unclaimed for part in home.parts if part.kept} == {
        "with other bridges": 0,
        f"pool {side.fund.address}": 0,
    }
    assert kept not in _waits(world)["home"]
