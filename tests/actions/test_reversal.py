"""Reversal (seev.037): a wrong event is taken back once it has paid; who was paid owes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.actions.codes import REVERSAL
from tallystick.actions.entitlement import Rate, total
from tallystick.actions.message import EventVersion, Kind, Status
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Account
from tallystick.chain.abi import keccak
from tests.support.actions import (
    ACCOUNTS,
    COAF,
    EVENT_ATTESTORS,
    EXEMPT,
    STATUTORY,
    TREATY,
    begin,
    domain_of,
)
from tests.support.dividend import (
    AT_HOME,
    HOMEWARD,
    INVESTOR_ABROAD,
    OUTWARD,
    Dividend,
    crossed,
    holders,
)
from tests.support.world import (
    NO_DOCUMENT,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
)

PRICE = b"IPRI"
ASSESSED_ALREADY = "reversal: assessed already"
NOT_REVERSED = "reversal: event is not reversed"
OFF = "payments: no such event, or off"


def key_of(account: Any, message: LaneMessage | None = None) -> bytes:
    """Under what a payment is entered: the account, or the message."""
    return message.id if message else bytes(12) + bytes.fromhex(str(account.address)[2:])


def assess(side: Side, account: Any, message: LaneMessage | None = None, hint: int = 0) -> Any:
    """Anybody has entered what was paid to an account, or for a message, as owed."""
    if message:
        return side.engine.assess_crossed(COAF, message.as_tuple(), sender=side.courier)
    return side.engine.assess(COAF, account, hint, sender=side.courier)


def owed_by(side: Side, account: Any) -> tuple[int, int]:
    """What an account owes in the side's cash, and what of it may be set off."""
    return tuple(side.engine.owed_by(account, side.cash))  # type: ignore[return-value]


def repay(side: Side, account: Any, amount: int) -> Any:
    """Somebody repays for an account, from cash of its own."""
    return side.engine.repay(COAF, account, amount, sender=side.outsider)


def claims(
    dividend: Dividend,
) -> Iterator[tuple[Side, Account, int, LaneMessage | None]]:
    """Everybody who is paid: where, whose, how many units, for which message."""
    for side, account, units in holders(dividend):
        yield side, account, units, None
    for side, account, message in crossed(dividend):
        yield side, account, message.amount, message


def pay(dividend: Dividend, side: Side, account: Account, message: LaneMessage | None) -> Any:
    """A claim is made."""
    if message:
        return dividend.actions.claim_crossed(side, message, account)
    return dividend.actions.claim(side, account)


@pytest.fixture
def paid(dividend: Dividend) -> Dividend:
    """Everybody was paid, at a wrong rate; holders have different taxes."""
    dividend.paying()
    categories = {(dividend.home.chain.name, "buyer"): 1, (dividend.remote.chain.name, "buyer"): 3}
    for (ledger, name), category in categories.items():
        side = next(each for each in dividend.sides if each.chain.name == ledger)
        account = side.parties[name]
        side.engine.set_tax_category([account], category, *STATED, sender=side.paying_agent)
    for side, account, _, message in claims(dividend):
        pay(dividend, side, account, message)
    return dividend


def tax_of(dividend: Dividend, side: Side, account: Account) -> Rate:
    """What is withheld of an account of `paid`."""
    if account != side.buyer:
        return STATUTORY
    return TREATY if side is dividend.home else EXEMPT


# ----------------------------------------------------------------------- announce, confirm


@pytest.mark.requirement("R-49")
def test_a_reversal_is_announced_confirmed_and_carried(paid: Dividend) -> None:
    actions, (home, remote) = paid.actions, paid.sides
    reversal = actions.reversal(paid.record)
    receipt = actions.announce_reversal(paid.record)
    assert receipt.events == (
        home.act(home.engine, "announce_reversal", ZERO, home.issuer, (PRICE, STATED[1])),
        home.engine.emitted("ReversalAnnounced", COAF, reversal.id, reversal.as_tuple()),
    )
    # Nothing has happened yet: it is announced.
    assert tuple(home.engine.reversal_of(COAF)) == (reversal.id, 0)
    with paid.refused(NOT_REVERSED):
        assess(home, home.investor)
    receipt = actions.confirm_reversal(reversal)
    message = actions.message(reversal)
    assert message.kind == Kind.REVERSAL == 7
    assert receipt.events == (
        home.engine.emitted(
            "ReversalSent", COAF, message.id, message.as_tuple(), reversal.as_tuple()
        ),
    )
    assert home.engine.is_told(message.id)
    assert tuple(home.engine.reversal_of(COAF)) == (reversal.id, receipt.timestamp)
    receipt = actions.take_reversal(reversal)
    assert receipt.events == (
        remote.engine.emitted("ReversalTaken", COAF, message.id, reversal.as_tuple()),
    )
    assert tuple(remote.engine.reversal_of(COAF)) == (reversal.id, receipt.timestamp)
    already = "reversal: reversed already"
    with paid.refused(already):
        actions.announce_reversal(paid.record)
    with paid.refused(already):
        actions.confirm_reversal(reversal)
    with paid.refused(already):
        actions.take_reversal(reversal)


def test_every_reason_of_iso_20022_and_no_other_reverses(paid: Dividend) -> None:
    for reason in REVERSAL:
        with paid.isolated():
            paid.actions.reversed(paid.record, reason.encode())
    for unknown in (b"POCS", b"XXXX", b"ipri", bytes(4)):
        with paid.refused("reversal: unknown reason"):
            paid.actions.announce_reversal(paid.record, unknown)


def test_only_the_issuer_announces_with_a_document_at_home(paid: Dividend) -> None:
    words, home = paid.record.as_tuple(), paid.home
    for other in (home.paying_agent, home.registrar, home.operator, home.attacker):
        with paid.refused("access: missing role"):
            home.engine.announce_reversal(words, PRICE, STATED[1], sender=other)
    with paid.refused("instruction: no document hash"):
        paid.actions.announce_reversal(paid.record, document=NO_DOCUMENT)
    remote = paid.remote
    with paid.refused("events: at home only"):
        remote.engine.announce_reversal(words, PRICE, STATED[1], sender=remote.issuer)


def test_only_event_attestors_confirm_exactly_what_was_announced(paid: Dividend) -> None:
    actions = paid.actions
    reversal = actions.reversal(paid.record)
    with paid.refused("reversal: not the newest"):
        actions.confirm_reversal(reversal)
    actions.announce_reversal(paid.record)
    domain = domain_of(paid.home.engine)
    with paid.refused("verifier: too few signatures"):
        actions.confirm_reversal(reversal, EVENT_ATTESTORS.sign(domain, reversal.id, 1))
    # What they signed of the event itself is no evidence of its reversal.
    version = EventVersion(paid.record).id
    with paid.refused("verifier: wrong signature"):
        actions.confirm_reversal(reversal, EVENT_ATTESTORS.sign(domain, version))
    for changed in (
        {"reason": b"IETR"},
        {"set_off": 1},
        {"document": keccak(b"another")},
        {"event_version": version[::-1]},
    ):
        with paid.refused("reversal: not the newest"):
            actions.confirm_reversal(replace(reversal, **changed))
    # Until it is confirmed, another announcement replaces it.
    actions.announce_reversal(paid.record, b"IETR")
    with paid.refused("reversal: not the newest"):
        actions.confirm_reversal(reversal)
    actions.confirm_reversal(actions.reversal(paid.record, b"IETR"))


def test_an_event_is_reversed_once_payment_has_begun_and_cancelled_before(
    dividend: Dividend,
) -> None:
    actions, record = dividend.actions, dividend.record
    dividend.fund()
    begin(dividend.home, record.payment_day, -60)
    with dividend.refused("reversal: payment has not begun"):
        actions.announce_reversal(record)
    with dividend.isolated():
        actions.in_force(record.successor(), Status.CANCELLED)
        begin(dividend.home, record.payment_day)
        with dividend.refused("reversal: not in force"):
            actions.announce_reversal(record)
        with dividend.refused("reversal: event is cancelled"):
            actions.announce_reversal(record.successor())
    dividend.begin(record.payment_day)
    actions.reversed(record)
    # It stays reversed: nothing follows it.
    with dividend.refused("events: totals are fixed"):
        actions.announce(record.successor())
    with dividend.refused("events: payment has begun"):
        actions.announce(record.successor(), Status.CANCELLED)


def test_an_event_whose_totals_are_not_fixed_is_not_reversed(dividend: Dividend) -> None:
    """It has paid nobody: another version, or its cancellation, puts it right."""
    actions = dividend.actions
    record = replace(dividend.record, coaf="US-2020-DVCA-02", **later(dividend.record, 20))
    begin(dividend.home, record.announced)
    actions.in_force(record)
    begin(dividend.home, record.payment_day)
    with dividend.refused("reversal: payment has not begun"):
        actions.announce_reversal(record)


def later(record: EventRecord, days: int) -> dict[str, int]:
    """The days of a record so many later."""
    names = ("announced", "ex", "record_day", "figures_by", "payment_day", "relief_until")
    return {name: getattr(record, name) + days for name in (*names, "expires")}


def test_a_remote_ledger_takes_what_home_told_of_its_own_version(paid: Dividend) -> None:
    actions = paid.actions
    reversal = actions.reversal(paid.record)
    message = actions.message(reversal)
    with paid.refused("verifier: too few signatures"):
        actions.take_reversal(reversal, attestation=actions.proof(message, 1))
    with paid.refused("dispatch: of something else"):
        actions.take_reversal(replace(reversal, reason=b"IETR"), message)
    with paid.refused("dispatch: of another kind"):
        actions.take_reversal(reversal, replace(message, kind=int(Kind.TOTALS)))
    with paid.refused("reversal: of another version"):
        actions.take_reversal(replace(reversal, event_version=keccak(b"another")))
    home = paid.home
    with paid.refused("reversal: home keeps its own"):
        home.engine.take_reversal(
            message.as_tuple(), reversal.as_tuple(), actions.proof(message), sender=home.courier
        )


# -------------------------------------------------------------------------- nothing more


@pytest.mark.requirement("R-49")
def test_nothing_more_is_paid_and_what_was_not_goes_back(dividend: Dividend) -> None:
    dividend.paying()
    side = dividend.home
    dividend.actions.claim(side, side.investor)
    dividend.actions.reversed(dividend.record)
    dividend.begin(dividend.record.relief_until + 1)
    for each, account, _, message in claims(dividend):
        if account != side.investor:
            with dividend.refused(OFF):
                pay(dividend, each, account, message)
    with dividend.refused(OFF):
        side.engine.push(COAF, [side.buyer], [], sender=side.courier)
    for each, lane, units in dividend.parts:
        back = dividend.part(each, lane)[2]
        left = units - AT_HOME if (each, lane) == (side, ACCOUNTS) else units
        receipt = each.engine.expire(COAF, lane, sender=each.attacker)
        assert receipt.events == (
            each.engine.emitted("EventExpired", COAF, lane, left, back),
            each.cash.emitted("Transfer", each.engine, each.issuer, back),
        )
    # So does tax that was not passed on: to the account for what is left.
    tax = dividend.due(AT_HOME).tax
    assert side.engine.pass_on_tax(COAF, ACCOUNTS, sender=side.attacker).events == (
        side.engine.emitted("TaxPassedOn", COAF, ACCOUNTS, side.issuer, tax),
        side.cash.emitted("Transfer", side.engine, side.issuer, tax),
    )
    assert [each.cash.balanceOf(each.engine) for each in dividend.sides] == [0, 0]


def test_a_reversed_event_is_not_funded_any_more(dividend: Dividend) -> None:
    """Whether or not anything was paid in before; nor does anybody owe."""
    dividend.actions.fund(dividend.home, dividend.record, most=5)
    dividend.begin(dividend.record.payment_day)
    dividend.actions.reversed(dividend.record)
    for side, lane, _ in dividend.parts:
        with dividend.refused("payments: event is reversed"):
            dividend.actions.fund(side, dividend.record, lane)
        with dividend.refused("reversal: nothing was paid"):
            assess(side, side.investor)
    receipt = dividend.home.engine.expire(COAF, ACCOUNTS, sender=dividend.home.courier)
    assert receipt.return_value == 5
    with dividend.refused("reversal: nothing owed"):
        repay(dividend.home, dividend.home.investor, 1)
    with dividend.refused("reversal: nothing was paid"):
        repay(dividend.remote, dividend.remote.investor, 1)


def test_a_reversal_reaches_a_ledger_where_the_event_is_halted(paid: Dividend) -> None:
    actions = paid.actions
    true = actions.totals(paid.record)
    actions.take_totals(paid.record, replace(true, accounts=true.accounts + 1))
    actions.reversed(paid.record)
    receipt = assess(paid.remote, paid.remote.investor)
    assert receipt.return_value == paid.due(INVESTOR_ABROAD).net


# --------------------------------------------------------------------------- receivables


@pytest.mark.requirement("R-49")
def test_each_payment_is_owed_by_who_was_paid_whoever_holds_the_units_now(paid: Dividend) -> None:
    """Holders have sold and bridged since; what is owed is what was paid, and no balance falls."""
    world, actions = paid.world, paid.actions
    for side in paid.sides:
        side.token.transfer(side.fund, 1_000, sender=side.investor)
        side.token.transfer(side.fund, side.token.balanceOf(side.buyer), sender=side.buyer)
    world.deliver(world.locked(5_000))
    actions.reversed(paid.record)
    before = {side.chain.name: balances(side) for side in paid.sides}
    receivables, debts = [], dict[tuple[str, str], int]()
    for side, account, units, message in claims(paid):
        due = paid.due(units, tax_of(paid, side, account))
        place = side.chain.name, account.address
        debts[place] = debts.get(place, 0) + due.net
        crossing = message.id if message else bytes(32)
        receipt = assess(side, account, message)
        assert receipt.return_value == due.net
        assert receipt.events == (
            side.engine.emitted(
                "ReceivableAssessed",
                *(COAF, account, crossing, (due.units, due.gross, due.tax)),
                *(side.cash, debts[place], 0),
            ),
        )
        found = tuple(side.engine.receivable_of(COAF, key_of(account, message)))
        assert found == (True, due.net, due.tax)
        assert owed_by(side, account) == (debts[place], 0)
        receivables.append(due)
        with paid.refused(ASSESSED_ALREADY):
            assess(side, account, message)
    for side in paid.sides:
        assert balances(side) == before[side.chain.name]
        # Who has the units now was paid nothing, and owes nothing.
        with paid.refused("reversal: nothing was paid"):
            assess(side, side.custodian)
    home = paid.home
    assert owed_by(home, home.fund) == (paid.due(HOMEWARD).net, 0)
    units = sum(units for *_, units in paid.parts)
    assert total(receivables).units == units
    parts = (paid.due(each).gross - paid.part(side, lane)[2] for side, lane, each in paid.parts)
    assert total(receivables).gross == sum(parts)


def balances(side: Side) -> list[int]:
    """Cash and units of everybody on a ledger."""
    return [
        int(book.balanceOf(each))
        for book in (side.cash, side.token)
        for each in (*side.parties.values(), side.engine)
    ]


def test_a_category_that_changed_since_changes_nothing_that_was_paid(paid: Dividend) -> None:
    side = paid.home
    side.engine.set_tax_category([side.investor], 3, *STATED, sender=side.paying_agent)
    side.engine.set_payee(side.custodian, sender=side.investor)
    paid.actions.reversed(paid.record)
    assert assess(side, side.investor).return_value == paid.due(AT_HOME, STATUTORY).net
    assert owed_by(side, side.custodian) == (0, 0)


def test_who_was_paid_elsewhere_owes_as_if_paid_here(dividend: Dividend) -> None:
    side = dividend.paying().home
    what = (COAF, side.investor, 0, keccak(b"order"), *STATED)
    side.engine.propose_paid_elsewhere(*what, sender=side.paying_agent)
    side.engine.confirm_paid_elsewhere(*what, sender=side.registrar)
    dividend.actions.reversed(dividend.record)
    assert assess(side, side.investor).return_value == dividend.due(AT_HOME).net


def test_who_was_not_paid_or_shows_another_message_owes_nothing(dividend: Dividend) -> None:
    dividend.paying()
    side = dividend.remote
    dividend.actions.claim_crossed(side, dividend.outward, side.investor)
    dividend.actions.reversed(dividend.record)
    nothing = "reversal: nothing was paid"
    for account in (side.investor, side.buyer, side.fund):
        with dividend.refused(nothing):
            assess(side, account)
    with dividend.refused(nothing):
        assess(side, side.outsider, dividend.waiting)
    with dividend.refused("reversal: landed across no close"):
        assess(side, side.investor, replace(dividend.outward, amount=OUTWARD + 1))
    assert assess(side, side.investor, dividend.outward).return_value == dividend.due(OUTWARD).net
    with dividend.refused(NOT_REVERSED):
        side.engine.assess(keccak(b"another"), side.investor, 0, sender=side.courier)


def test_a_closing_of_long_ago_needs_a_hint_as_a_claim_does(paid: Dividend) -> None:
    side, first = paid.home, paid.record.payment_day + 1
    for day in (first, first + 20, first + 28):
        begin(side, day, 60)
        side.token.transfer(side.fund, 1, sender=side.investor)
    begin(paid.remote, first + 28, 60)
    paid.actions.reversed(paid.record)
    with paid.refused("book: not kept, or give a hint"):
        assess(side, side.investor)
    assert assess(side, side.investor, hint=first).return_value == paid.due(AT_HOME).net


# ------------------------------------------------------------------------------ repayment


@pytest.mark.requirement("R-49")
def test_anyone_repays_in_parts_and_never_too_much(paid: Dividend) -> None:
    side, owed = paid.home, paid.due(AT_HOME).net
    paid.actions.reversed(paid.record)
    assess(side, side.investor)
    paid.actions.give_cash(side, side.outsider)
    for most, left in ((5, owed - 5), (owed - 6, 1), (2**200, 0)):
        amount = owed_by(side, side.investor)[0] - left
        receipt = repay(side, side.investor, most)
        assert receipt.return_value == amount
        assert receipt.events == (
            side.engine.emitted(
                "ReceivableRepaid",
                *(COAF, side.investor, side.outsider, amount, side.cash, left, 0),
            ),
            side.cash.emitted("Transfer", side.outsider, side.issuer, amount),
        )
        assert owed_by(side, side.investor) == (left, 0)
    assert side.cash.balanceOf(side.issuer) == owed
    with paid.refused("reversal: nothing owed"):
        repay(side, side.investor, 1)
    # What was paid stays known.
    key = key_of(side.investor)
    assert tuple(side.engine.receivable_of(COAF, key))[:2] == (True, owed)


def test_a_repayment_that_does_not_come_in_repays_nothing(paid: Dividend) -> None:
    side = paid.home
    with paid.refused(NOT_REVERSED):
        side.engine.repay(COAF, side.investor, 1, sender=side.outsider)
    paid.actions.reversed(paid.record)
    assess(side, side.investor)
    with paid.refused("cash: allowance too low"):
        side.engine.repay(COAF, side.investor, 1, sender=side.outsider)
    side.cash.approve(side.engine, UINT_MAX, sender=side.outsider)
    with paid.refused("cash: balance too low"):
        side.engine.repay(COAF, side.investor, 1, sender=side.outsider)
    # The account that it goes to can't repay itself.
    paid.actions.give_cash(side, side.issuer)
    with paid.refused("reversal: other cash came in"):
        side.engine.repay(COAF, side.investor, 1, sender=side.issuer)
    with paid.refused("reversal: nothing owed"):
        side.engine.repay(COAF, side.investor, 0, sender=side.outsider)


# ----------------------------------------------------------------------------- properties


@pytest.mark.requirement("R-49", "INV-6")
def test_no_reversal_takes_from_anybody_and_all_that_was_paid_is_owed(paid: Dividend) -> None:
    """Whoever is assessed in what order, whatever was sold, repaid and passed on in between."""
    everybody = list(claims(paid))
    sold = st.lists(st.tuples(st.sampled_from(["investor", "buyer"]), st.integers(1, 999)))

    @settings(max_examples=max(settings.default.max_examples // 8, 1))
    @given(
        st.permutations(range(len(everybody))), sold, st.lists(st.integers(0, 10**7), max_size=7)
    )
    def play(order: Any, sales: list[tuple[str, int]], repaid: list[int]) -> None:
        with paid.isolated():
            for name, units in sales[:3]:
                for side in paid.sides:
                    if side.token.balanceOf(side.parties[name]) >= units:
                        side.token.transfer(side.fund, units, sender=side.parties[name])
            for side in paid.sides:
                paid.actions.give_cash(side, side.outsider)
            before = {side.chain.name: balances(side) for side in paid.sides}
            paid.actions.reversed(paid.record)
            net = {side.chain.name: 0 for side in paid.sides}
            for side, account, units, message in map(everybody.__getitem__, order):
                due = paid.due(units, tax_of(paid, side, account))
                assert assess(side, account, message).return_value == due.net
                net[side.chain.name] += due.net
            for side in paid.sides:
                assert balances(side) == before[side.chain.name]
                debts = {each.address: owed_by(side, each)[0] for each in side.parties.values()}
                assert sum(debts.values()) == net[side.chain.name]
                back = 0
                for amount, debtor in zip(repaid, debts, strict=False):
                    if amount and debts[debtor]:
                        back += repay(side, debtor, amount).return_value
                left = sum(owed_by(side, each)[0] for each in side.parties.values())
                assert left + back == net[side.chain.name]

    play()
