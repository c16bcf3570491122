"""An event taken back: announced, confirmed, carried; who was paid owes it, and anyone repays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import Reversal
from tallystick.actions.tax import TaxTable
from tallystick.events.acts import Step
from tallystick.events.reversing import Reverser
from tallystick.events.standing import Payment, TakenBack, payments_of, standing_of, waits
from tallystick.token.position import AccountClass
from tests.support.actions import APPLE, COAF, Actions
from tests.support.driven import Driven
from tests.support.world import World

_DOCUMENT = b"\xab" * 32
_PRICE = "IPRI, price"


def _reverser(world: World, **how: Any) -> Reverser:
    return Reverser(how.pop("connection", world.network.connection), APPLE, **how)


def _reversal(world: World, reason: str = "IPRI", document: bytes = _DOCUMENT) -> Reversal:
    return _reverser(world).reversal(reason, document)


def _states(steps: Iterable[Step]) -> list[tuple[str, str, str]]:
    return [(step.ledger, step.act, step.state) for step in steps]


def _reversed(world: World, **how: Any) -> list[Step]:
    return list(_reverser(world, **how).reverse(_reversal(world)))


def _reverse(world: World, **how: Any) -> list[tuple[str, str, str]]:
    return _states(_reversed(world, **how))


def _waits(world: World) -> dict[str, tuple[str, ...]]:
    return {seen.ledger: waits(seen) for seen in standing_of(_reverser(world))}


def _taken_back(world: World, ledger: str) -> TakenBack | None:
    (found,) = (s.taken_back for s in standing_of(_reverser(world)) if s.ledger == ledger)
    return found


def _net(payments: Iterable[Payment], account: str) -> int:
    """What was paid to an account."""
    return sum(each.paid.net for each in payments if each.account == account)


@pytest.fixture
def driven(world: World) -> Driven:
    """The dividend is paid to all but whose units wait, tax not passed on, in the day after."""
    driven = Driven(world, APPLE)
    driven.terms(TaxTable((Rate(3, 10),)), "USD")
    driven.told()
    driven.day(APPLE.record_day - 1)
    world.deliver(world.locked(5_000_000))
    world.deliver(world.locked(700_001, world.remote.outsider))
    out = world.locked(3_000_000)
    driven.fixed([out])
    driven.paid()
    return driven


@pytest.fixture
def paid(driven: Driven) -> World:
    """The world of it."""
    return driven.world


def test_an_event_is_reversed_everywhere_and_each_payment_is_owed(
    driven: Driven, paid: World
) -> None:
    assert _taken_back(paid, "home") is None
    assert _reverse(paid) == [
        ("home", "announce_reversal", "executed"),
        ("home", "confirm_reversal", "executed"),
        ("home", "assess", "executed"),
        ("home", "assess", "executed"),
        ("remote", "take_reversal", "waiting"),
    ]
    assert _waits(paid)["remote"][0] == "home's reversal: carry"
    driven.carry()
    tax = "tax that was not passed on returns: pass-on-tax"
    owed, rest = "what is owed to be repaid: repay", "what was not paid returns: expire"
    enter = "payments to be entered as owed: reverse"
    assert _waits(paid) == {"home": (tax, owed), "remote": (rest, tax, enter)}
    done = [("home", act, "done") for act in ("announce_reversal", "confirm_reversal", "assess")]
    assert _reverse(paid) == [
        *done,
        ("remote", "assess", "executed"),
        ("remote", "assess_crossed", "executed"),
    ]
    before = paid.storage()
    assert _reverse(paid) == [*done, ("remote", "assess", "done")]
    assert paid.storage() == before
    for ledger, side in (("home", paid.home), ("remote", paid.remote)):
        made = [each for each in payments_of(_reverser(paid)) if each.ledger == ledger]
        owing = {account: _net(made, account) for account in dict.fromkeys(p.account for p in made)}
        kept = _taken_back(paid, ledger)
        assert kept is not None
        assert (kept.reason, kept.document, kept.left) == ("IPRI", _DOCUMENT, 0)
        assert kept.in_force_at == side.engine.reversal_of(COAF).since
        assert kept.entered == kept.owed == sum(owing.values())
        assert (kept.repaid, kept.owing) == (0, tuple(owing.items()))
    # Nothing more is paid there, and what was not goes back at once.
    driver = _reverser(paid)
    assert [(step.state, step.detail) for step in driver.pay()] == [
        ("waiting", "the event is reversed")
    ] * 2
    assert {step.state for step in driver.pass_on_tax()} == {"executed"}
    assert ("remote", "expire", "executed") in _states(driver.expire())
    assert _waits(paid) == {"home": (owed,), "remote": (owed,)}


def test_anyone_repays_a_part_and_then_the_rest(driven: Driven, paid: World) -> None:
    _reverse(paid)
    side = paid.home
    investor, payer = side.investor.address, side.outsider
    made = [each for each in payments_of(_reverser(paid)) if each.ledger == "home"]
    owed, whole = _net(made, investor), sum(each.paid.net for each in made)
    driver = _reverser(paid, account=payer)
    before = paid.storage()
    dry = _reverser(paid, account=payer, execute=False).repay("home", investor, 5)
    assert _states(dry) == [("home", "approve", "pending"), ("home", "repay", "pending")]
    assert paid.storage() == before
    steps = list(driver.repay("home", investor, 5))
    assert _states(steps) == [("home", "approve", "executed"), ("home", "repay", "refused")]
    side.cash.mint(payer, owed, sender=side.issuer)
    held = side.cash.balanceOf(side.issuer)
    assert _states(driver.repay("home", investor, 5)) == [("home", "repay", "executed")]
    assert _states(driver.repay("home", investor, 2 * owed)) == [
        ("home", "approve", "executed"),
        ("home", "repay", "executed"),
    ]
    assert side.cash.balanceOf(side.issuer) == held + owed
    kept = _taken_back(paid, "home")
    assert kept is not None
    assert (kept.entered, kept.repaid, kept.owed) == (whole, owed, whole - owed)
    (step,) = driver.repay("home", investor)
    assert (step.state, step.detail) == ("done", f"{investor}: it owes nothing")
    (step,) = driver.repay("home", payer.address)
    nothing = "nothing was entered as owed (tallystick event reverse)"
    assert (step.state, step.detail) == ("done", f"{payer.address}: {nothing}")
    (step,) = driver.repay("remote", paid.remote.investor.address)
    assert (step.state, step.detail) == ("waiting", "the event is not reversed there")


def test_each_key_does_its_part_where_it_is(paid: World) -> None:
    before = paid.storage()
    steps = list(_reverser(paid, account=paid.home.courier).reverse(_reversal(paid)))
    issuer = paid.network.manifest.roles["home"]["issuer"].address
    assert [(step.act, step.state, step.detail) for step in steps] == [
        (
            "announce_reversal",
            "waiting",
            f"{_PRICE}: the issuer's key, {issuer}: run the same with it",
        ),
        ("confirm_reversal", "waiting", f"{_PRICE}: announce_reversal comes first"),
    ]
    assert _reverse(paid, execute=False) == [
        ("home", "announce_reversal", "pending"),
        ("home", "confirm_reversal", "pending"),
    ]
    assert paid.storage() == before
    keyless = replace(paid.network.connection, mnemonic=None)
    assert _reverse(paid, connection=keyless, account=paid.home.issuer) == [
        ("home", "announce_reversal", "executed"),
        ("home", "confirm_reversal", "waiting"),
    ]
    assert "event attestors: reverse" in _waits(paid)["home"]
    assert _taken_back(paid, "remote") is None
    kept = _taken_back(paid, "home")
    assert kept is not None
    assert (kept.in_force_at, kept.entered) == (0, 0)
    assert _reverse(paid, account=paid.home.courier)[:2] == [
        ("home", "announce_reversal", "done"),
        ("home", "confirm_reversal", "executed"),
    ]


def test_another_reason_replaces_what_is_announced_and_nothing_that_is_in_force(
    paid: World,
) -> None:
    connection = replace(paid.network.connection, mnemonic=None)
    other = _reversal(paid, "UPAY")
    list(_reverser(paid, connection=connection, account=paid.home.issuer).reverse(other))
    assert _reverser(paid).is_reversal_announced(other)
    assert _reverse(paid)[:2] == [
        ("home", "announce_reversal", "executed"),
        ("home", "confirm_reversal", "executed"),
    ]
    before = paid.storage()
    (step,) = _reverser(paid).reverse(other)
    why = "undue payment: reversed already, for another reason or by another document"
    assert (step.state, step.detail) == ("refused", f"UPAY, {why}")
    assert paid.storage() == before


def test_before_payment_nothing_is_reversed(world: World) -> None:
    driven = Driven(world, APPLE)
    driven.told()
    before = world.storage()
    announced, confirmed = _reverser(world).reverse(_reversal(world))
    assert (announced.state, confirmed.state) == ("refused", "waiting")
    assert announced.detail == f"{_PRICE}: reverted: reversal: payment has not begun"
    assert world.storage() == before


def test_what_pools_and_other_bridges_were_paid_is_owed_too_long_after(world: World) -> None:
    driven, side = Driven(world, APPLE), world.home
    side.set_class(side.fund, AccountClass.POOL)
    side.token.transfer(side.fund, 3_000_000, sender=side.investor)
    bridge = side.foreign_bridge()
    side.token.approve(bridge, 700_000, sender=side.investor)
    side.token.crosschainBurn(side.investor, 700_000, sender=bridge.address)
    world.synchronise()
    driven.terms(TaxTable((Rate(3, 10),)), "USD")
    driven.told()
    driven.fixed()
    list(driven.driver.fund())
    for kept in (side.fund, side.token):
        Actions(world).set_pool_payee(side, kept, side.auditor)
    driven.day(APPLE.relief_until + 1)
    list(driven.driver.pay())
    for day in (2, 22, 30):
        driven.day(APPLE.relief_until + day)
        for holder in (side.investor, side.fund):
            side.token.transfer(side.buyer, 1, sender=holder)
    steps = [step for step in _reversed(world) if step.act == "assess"]
    assert [(step.ledger, step.state) for step in steps] == [("home", "executed")] * 4
    kept_back = _taken_back(world, "home")
    assert kept_back is not None
    made = [each for each in payments_of(_reverser(world)) if each.ledger == "home"]
    assert {side.fund.address, str(side.token.address)} < {each.account for each in made}
    assert dict(kept_back.owing) == {each.account: each.paid.net for each in made}
