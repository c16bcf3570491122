"""Pay terms: in what cash events of a currency are paid, what is withheld, and from whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.entitlement import TAX_TERM_MAX, Rate
from tallystick.actions.tax import MAX_RATES, TaxTable
from tests.support.actions import ACCOUNTS, APPLE, COAF, TAXES, Actions, begin
from tests.support.cash import new_cash
from tests.support.world import (
    BUYER_UNITS,
    INVESTOR_UNITS,
    STATED,
    UNSTATED,
    ZERO,
    Side,
    refused,
)

DOLLARS, EUROS = b"USD\0", b"EUR\0"
NO_RATES = (0,) * MAX_RATES
NO_TERMS = (0, (bytes(4), ZERO, ZERO, ZERO, list(NO_RATES)))


@pytest.fixture
def side(actions: Actions) -> Side:
    return actions.home


def rates(*words: int) -> tuple[int, ...]:
    """Words of rates, the rest none."""
    return (*words, *NO_RATES[len(words) :])


def rate(numerator: int, denominator: int) -> int:
    """The word of a rate, in any terms."""
    return numerator | denominator << 48


def terms_for(side: Side, currency: bytes) -> tuple[Any, ...]:
    """The newest terms of a currency, by number."""
    number, terms = side.engine.terms_for(currency)
    return number, tuple(terms)


# ---------------------------------------------------------------------- under two keys


@pytest.mark.requirement("R-46")
def test_the_paying_agent_proposes_terms_and_the_issuer_sets_them(
    actions: Actions, side: Side
) -> None:
    engine, terms = side.engine, actions.pay_terms(side)
    assert terms_for(side, DOLLARS) == NO_TERMS
    receipt = engine.propose_pay_terms(terms, *STATED, sender=side.paying_agent)
    act = receipt.return_value
    assert receipt.events == (
        side.act(engine, "propose_pay_terms", side.cash, side.paying_agent),
        engine.emitted("PayTermsProposed", act, terms),
    )
    assert terms_for(side, DOLLARS) == NO_TERMS
    receipt = engine.set_pay_terms(terms, *STATED, sender=side.issuer)
    assert receipt.return_value == 1
    assert receipt.events == (
        side.act(engine, "set_pay_terms", side.cash, side.issuer),
        engine.emitted("PayTermsSet", 1, terms),
    )
    assert terms_for(side, DOLLARS) == (1, (*terms[:4], list(TAXES.pack())))
    assert terms_for(side, EUROS) == NO_TERMS


def test_terms_of_a_currency_replace_those_before_and_no_others(
    actions: Actions, side: Side
) -> None:
    euro = new_cash(side.chain, side.issuer)
    numbers = [
        actions.set_pay_terms(side, **changed).return_value
        for changed in ({}, {"currency": EUROS, "cash": euro.address}, {"rates": rates(1 << 48)})
    ]
    assert numbers == [1, 2, 3]
    assert terms_for(side, DOLLARS)[0] == 3
    assert terms_for(side, EUROS)[0] == 2
    assert terms_for(side, EUROS)[1][1] == euro.address


def test_one_key_alone_sets_no_terms(actions: Actions, side: Side) -> None:
    terms, world = actions.pay_terms(side), actions.world
    with refused(world, "access: act not proposed"):
        side.engine.set_pay_terms(terms, *STATED, sender=side.issuer)
    with refused(world, "access: missing role"):
        side.engine.propose_pay_terms(terms, *STATED, sender=side.issuer)
    side.engine.propose_pay_terms(terms, *STATED, sender=side.paying_agent)
    with refused(world, "access: missing role"):
        side.engine.set_pay_terms(terms, *STATED, sender=side.paying_agent)


@pytest.mark.parametrize(
    "changed",
    [
        {"currency": EUROS},
        {"tax_account": ZERO},
        {"return_account": ZERO},
        {"rates": NO_RATES},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_exactly_what_was_proposed_is_set(
    actions: Actions, side: Side, changed: dict[str, Any]
) -> None:
    side.engine.propose_pay_terms(actions.pay_terms(side), *STATED, sender=side.paying_agent)
    with refused(actions.world, "access: act not proposed"):
        terms = actions.pay_terms(side, **changed)
        side.engine.set_pay_terms(terms, *STATED, sender=side.issuer)


@pytest.mark.parametrize("withdraws", ["guardian", "paying_agent", "issuer"])
def test_a_proposal_of_terms_is_withdrawn(actions: Actions, side: Side, withdraws: str) -> None:
    terms = actions.pay_terms(side)
    receipt = side.engine.propose_pay_terms(terms, *STATED, sender=side.paying_agent)
    key = side.parties[withdraws]
    side.engine.withdraw_proposal(receipt.return_value, *STATED, sender=key)
    with refused(actions.world, "access: act not proposed"):
        side.engine.set_pay_terms(terms, *STATED, sender=side.issuer)


def test_terms_and_categories_state_their_reason_and_document(actions: Actions, side: Side) -> None:
    terms, engine = actions.pay_terms(side), side.engine
    engine.propose_pay_terms(terms, *STATED, sender=side.paying_agent)
    for stated, reason in UNSTATED:
        with refused(actions.world, reason):
            engine.propose_pay_terms(terms, *stated, sender=side.paying_agent)
        with refused(actions.world, reason):
            engine.set_pay_terms(terms, *stated, sender=side.issuer)
        with refused(actions.world, reason):
            engine.set_tax_category([side.investor], 1, *stated, sender=side.paying_agent)


# ---------------------------------------------------------------------- what terms say


_BEYOND = TAX_TERM_MAX + 1


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"currency": bytes(4)}, "pay_terms: no currency"),
        ({"cash": ZERO}, "pay_terms: cash has no code"),
        ({"cash": ":outsider"}, "pay_terms: cash has no code"),
        ({"tax_account": ZERO}, "pay_terms: no account for tax or rest"),
        ({"return_account": ZERO}, "pay_terms: no account for tax or rest"),
        ({"rates": NO_RATES}, "pay_terms: no rate"),
        ({"rates": rates(0, rate(1, 2))}, "pay_terms: no rate"),
        ({"rates": rates(rate(1, 0))}, "pay_terms: rate out of range"),
        ({"rates": rates(rate(3, 2))}, "pay_terms: rate out of range"),
        ({"rates": rates(rate(0, _BEYOND))}, "pay_terms: rate out of range"),
        ({"rates": rates(rate(1, 2), rate(1, _BEYOND))}, "pay_terms: rate out of range"),
        ({"rates": rates(rate(1, 2), 0, rate(2, 3))}, "pay_terms: first is not the highest"),
        ({"rates": rates(*[rate(1, 2)] * 15, rate(2, 3))}, "pay_terms: first is not the highest"),
        (
            {
                "rates": rates(
                    rate(TAX_TERM_MAX - 2, TAX_TERM_MAX - 1), rate(TAX_TERM_MAX - 1, TAX_TERM_MAX)
                )
            },
            "pay_terms: first is not the highest",
        ),
    ],
)
def test_terms_are_sound(
    actions: Actions, side: Side, changed: dict[str, Any], reason: str
) -> None:
    if changed.get("cash") == ":outsider":
        changed = {"cash": side.outsider.address}
    terms = actions.pay_terms(side, **changed)
    side.engine.propose_pay_terms(terms, *STATED, sender=side.paying_agent)
    with refused(actions.world, reason):
        side.engine.set_pay_terms(terms, *STATED, sender=side.issuer)


@pytest.mark.parametrize(
    "table",
    [
        TaxTable((Rate(0),)),
        TaxTable((Rate(1), *[Rate(1)] * 15)),
        TaxTable((Rate(TAX_TERM_MAX - 1, TAX_TERM_MAX), Rate(TAX_TERM_MAX - 2, TAX_TERM_MAX - 1))),
    ],
    ids=["nothing", "all of it, always", "hardly less"],
)
def test_any_table_of_rates_is_a_set_of_terms(
    actions: Actions, side: Side, table: TaxTable
) -> None:
    actions.set_pay_terms(side, rates=table.pack())
    assert TaxTable.unpack(terms_for(side, DOLLARS)[1][4]) == table


# -------------------------------------------------------------- categories and payees


@pytest.mark.requirement("R-46")
def test_the_paying_agent_enters_what_accounts_have_proven(side: Side) -> None:
    accounts, engine = (side.investor, side.fund), side.engine
    assert tuple(engine.payee_of(side.investor)) == (side.investor.address, 0)
    for category in (15, 1, 0):
        receipt = engine.set_tax_category(accounts, category, *STATED, sender=side.paying_agent)
        assert receipt.events == tuple(
            event
            for account in accounts
            for event in (
                side.act(engine, "set_tax_category", account, side.paying_agent),
                engine.emitted("TaxCategorySet", account, category),
            )
        )
        for account in accounts:
            assert tuple(engine.payee_of(account)) == (account.address, category)
    assert tuple(engine.payee_of(side.buyer)) == (side.buyer.address, 0)


def test_there_are_sixteen_categories_and_25_accounts_at_once(actions: Actions, side: Side) -> None:
    engine, agent = side.engine, side.paying_agent
    with refused(actions.world, "pay_terms: unknown category"):
        engine.set_tax_category([side.investor], 16, *STATED, sender=agent)
    with refused(actions.world):
        engine.set_tax_category([side.investor] * 26, 1, *STATED, sender=agent)
    engine.set_tax_category([side.investor] * 25, 1, *STATED, sender=agent)


def test_a_holder_names_who_gets_its_money(side: Side) -> None:
    """Its category stays its own, and so does its payee when the category changes."""
    engine, agent = side.engine, side.paying_agent
    engine.set_tax_category([side.investor], 3, *STATED, sender=agent)
    for payee in (side.custodian.address, side.fund.address):
        receipt = engine.set_payee(payee, sender=side.investor)
        assert receipt.events == (engine.emitted("PayeeSet", side.investor, payee),)
        assert tuple(engine.payee_of(side.investor)) == (payee, 3)
    engine.set_tax_category([side.investor], 1, *STATED, sender=agent)
    assert tuple(engine.payee_of(side.investor)) == (side.fund.address, 1)
    assert tuple(engine.payee_of(side.fund)) == (side.fund.address, 0)
    receipt = engine.set_payee(ZERO, sender=side.investor)
    assert receipt.events == (engine.emitted("PayeeSet", side.investor, ZERO),)
    assert tuple(engine.payee_of(side.investor)) == (side.investor.address, 1)


# ------------------------------------------------------------- what can't be funded so


def test_an_event_is_funded_once_its_totals_are_fixed(actions: Actions, side: Side) -> None:
    actions.set_pay_terms(side)
    actions.in_force(APPLE)
    with refused(actions.world, "cut: not fixed yet"):
        actions.fund(side, APPLE)
    begin(side, APPLE.record_day + 1)
    actions.fix(APPLE)
    with refused(actions.world, "cut: not fixed yet"):
        actions.fund(side, APPLE, actions.world.lane)


def test_an_event_is_funded_in_cash_of_its_currency(actions: Actions, side: Side) -> None:
    record, none = actions.fixed_at_home(APPLE), "payments: no terms of that currency"
    with refused(actions.world, none):
        actions.fund(side, record)
    actions.set_pay_terms(side, currency=EUROS)
    with refused(actions.world, none):
        actions.fund(side, record)
    actions.set_pay_terms(side)
    actions.fund(side, record)


@pytest.mark.parametrize("decimals", [0, 5, 7, 18])
def test_an_event_is_funded_in_cash_of_its_decimals(
    actions: Actions, side: Side, decimals: int
) -> None:
    actions.set_pay_terms(side)
    record = actions.fixed_at_home(replace(APPLE, cash_decimals=decimals))
    with refused(actions.world, "payments: cash of other decimals"):
        actions.fund(side, record)


def test_an_event_that_pays_no_cash_is_not_funded(actions: Actions, side: Side) -> None:
    actions.set_pay_terms(side)
    record = actions.fixed_at_home(
        replace(APPLE, caev="XMET", rate=None, currency="", cash_decimals=0)
    )
    with refused(actions.world, "payments: no cash event"):
        actions.fund(side, record)
    begin(side, record.payment_day)
    with refused(actions.world, "payments: not funded yet"):
        actions.claim(side, side.investor)


def test_a_sum_that_fits_no_word_is_not_funded(actions: Actions, side: Side) -> None:
    """2**111 smallest units, all of which may be withheld: more money than there is."""
    actions.set_pay_terms(side)
    units = INVESTOR_UNITS + BUYER_UNITS
    most = (2**111 - 1) // units
    with actions.world.isolated():
        record = actions.fixed_at_home(replace(APPLE, rate=Rate(most + 1)))
        with refused(actions.world, "payments: out of range"):
            actions.fund(side, record)
    record = actions.fixed_at_home(replace(APPLE, rate=Rate(most)))
    assert actions.fund(side, record).return_value == units * most


def test_an_event_that_owes_less_than_a_smallest_unit_opens_without_cash(
    actions: Actions, side: Side
) -> None:
    """Its holders are entitled, to nothing."""
    actions.set_pay_terms(side)
    record = actions.fixed_at_home(replace(APPLE, rate=Rate(1, 10**20)))
    receipt = actions.fund(side, record, funder=side.outsider)
    assert receipt.events == (
        side.engine.emitted("EventFunded", COAF, ACCOUNTS, side.outsider, 0, 0, 0),
    )
    begin(side, record.payment_day)
    receipt = actions.claim(side, side.investor)
    payment = (INVESTOR_UNITS, 0, 0)
    assert receipt.events == (
        side.engine.emitted("Paid", COAF, side.investor, bytes(32), payment, side.investor),
    )
    with refused(actions.world, "payments: nothing left"):
        side.engine.expire(COAF, ACCOUNTS, sender=side.courier)
