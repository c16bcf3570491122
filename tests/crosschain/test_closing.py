"""A close of business over two ledgers while units are between them: each unit counts once."""

from __future__ import annotations

import pytest

from tallystick.local.network import Network
from tallystick.token.position import close_of
from tests.support.flows import DAY, arrive, meet


def _to_the_close(network: Network, ledger: str, offset: int) -> int:
    """Move one clock beside its next close; returns the day that closes."""
    suite = network.suite(ledger)
    day = int(suite.token.business_day())
    suite.chain.set_time(close_of(day, int(suite.token.close_minute())) + offset)
    return day


def _closings(network: Network, day: int) -> dict[str, int]:
    """Everybody's closing balance, the custodies' under their own names."""
    found = {}
    for suite in network.suites.values():
        name = suite.chain.name
        (custody,) = suite.custodies.values()
        for number in range(3):
            holder = network.holder(name, number)
            found[f"{name} holder {number}"] = suite.token.balance_at_close(holder, day)
        found[f"{name} custody"] = suite.token.balance_at_close(custody, day)
        found[f"{name} supply"] = suite.token.supply_at_close(day)
    return found


def _sum(closing: dict[str, int]) -> int:
    """What holders have on both ledgers and what is between them, from the ledgers alone."""
    holders = sum(amount for who, amount in closing.items() if " holder " in who)
    in_transit = closing["home custody"] - closing["remote supply"]
    assert in_transit >= 0
    # Nothing waits in suspense at home here; abroad the custody holds what does.
    return holders + in_transit + closing["remote custody"]


@pytest.mark.requirement("INV-1", "R-41")
def test_units_in_transit_at_the_close_are_counted_once(network, parties):
    home, remote = network.home, network.remote
    arrive(network, network.lock(parties.investor, parties.investor_abroad, 200))
    day = _to_the_close(network, "home", -30)
    remote.chain.set_time(home.chain.now)
    before = network.lock(parties.investor, parties.investor_abroad, 50)
    assert before.lock_time < close_of(day, int(home.token.close_minute()))
    # The close passes on both ledgers; only then does the message arrive.
    home.chain.advance(60)
    remote.chain.advance(65)
    arrive(network, before)
    after = network.lock(parties.fund, parties.fund_abroad, 7)
    arrive(network, after)

    closing = _closings(network, day)
    assert closing == {
        "home holder 0": 750,
        "home holder 1": 500,
        "home holder 2": 0,
        "home custody": 250,
        "home supply": 1_500,
        "remote holder 0": 200,
        "remote holder 1": 0,
        "remote holder 2": 0,
        "remote custody": 0,
        "remote supply": 200,
    }
    assert closing["home custody"] - closing["remote supply"] == before.amount
    assert _sum(closing) == closing["home supply"]
    assert network.status().ok


@pytest.mark.requirement("INV-1", "R-41")
@pytest.mark.parametrize("remote_is", ["ahead", "behind"])
def test_the_books_close_however_far_the_clocks_are_apart(network, parties, remote_is):
    """Two days apart, the sum of a day is the issue as soon as both have closed it."""
    home, remote = network.home, network.remote
    arrive(network, network.lock(parties.investor, parties.investor_abroad, 200))
    first = int(home.token.business_day())
    (remote if remote_is == "ahead" else home).chain.advance(2 * DAY)
    pending = []
    for step in range(8):
        out = network.lock(parties.fund, parties.fund_abroad, 3 + step)
        back = network.burn(parties.investor_abroad, parties.investor, 2 + step)
        pending += [out, back]
        # A courier delivers what its destination's clock allows.
        for message in list(pending):
            if message.lock_time <= network.destination(message).chain.now:
                network.deliver(message)
                pending.remove(message)
        home.chain.advance(DAY // 3)
        remote.chain.advance(DAY // 3)
    assert pending, "something is always held up by the skew"
    closed = min(int(s.token.business_day()) for s in network.suites.values())
    assert closed - first >= 2
    for day in range(first, closed):
        closing = _closings(network, day)
        assert _sum(closing) == closing["home supply"] == 1_500
    for message in pending:
        arrive(network, message)
    assert network.status().ok


@pytest.mark.requirement("INV-1", "R-41")
def test_suspense_at_the_close_is_in_the_custody_abroad(network, parties):
    meet(network)
    arrive(network, network.lock(parties.investor, parties.unverified_abroad, 11))
    day = _to_the_close(network, "remote", 0)
    network.home.chain.set_time(network.remote.chain.now)
    network.admit(network.remote, parties.unverified_abroad, 60_000)
    closing = _closings(network, day)
    assert closing["remote custody"] == closing["home custody"] == 11
    assert _sum(closing) == closing["home supply"]
