"""Time, blocks and snapshots: the same on every back end."""

from __future__ import annotations

import pytest

from tallystick.chain import Chain, ChainError, Contract, UnknownBlock

pytestmark = pytest.mark.usefixtures("probe")


@pytest.fixture
def probe(home: Chain) -> Contract:
    return home.deploy("HarnessProbeMock", 1_000, sender=home.account(0))


def test_each_block_is_a_second_later(home: Chain, probe: Contract) -> None:
    first = probe.increase(sender=home.account(0))
    second = probe.increase(sender=home.account(0))
    assert second.timestamp == first.timestamp + 1
    assert second.block_number == first.block_number + 1
    assert home.now == second.timestamp + 1


def test_the_next_block_has_exactly_the_time_set(home: Chain, probe: Contract) -> None:
    home.set_time(home.now + 86_400)
    expected = home.now
    assert probe.clock()[0] == expected
    receipt = probe.increase(sender=home.account(0))
    assert receipt.timestamp == expected == home.block().timestamp
    assert home.now == expected + 1


def test_advancing_adds_up(home: Chain) -> None:
    before = home.now
    home.advance(10)
    home.advance(20)
    assert home.now == before + 30


def test_time_never_goes_back(home: Chain) -> None:
    last = home.block()
    with pytest.raises(ChainError, match=r"time can't go back"):
        home.set_time(last.timestamp)
    assert home.now == last.timestamp + 1


def test_a_view_runs_in_the_block_that_comes_next(home: Chain, probe: Contract) -> None:
    assert probe.clock() == (home.now, home.block_number + 1, home.chain_id)
    assert probe.parent_hash() == bytes.fromhex(home.block().hash[2:])


def test_mining_adds_empty_blocks(home: Chain) -> None:
    before, now = home.block(), home.now
    home.mine(3)
    assert home.block_number == before.number + 3
    assert home.now == now + 3
    hashes = {home.block(number).hash for number in range(home.block_number + 1)}
    assert len(hashes) == home.block_number + 1


def test_a_missing_block_is_an_error(home: Chain) -> None:
    with pytest.raises(UnknownBlock, match="has no block 1000"):
        home.block(1_000)


def test_blocks_have_names(home: Chain) -> None:
    home.mine(3)
    head = home.block("latest")
    assert head == home.block() == home.block(home.block_number)
    assert home.block("finalized").number <= home.block("safe").number <= head.number


def test_a_view_sees_the_block_that_it_is_asked_at(home: Chain, probe: Contract) -> None:
    sender = home.account(0)
    seen = []
    for step in range(3):
        receipt = probe.increase(sender=sender)
        home.send(sender=sender, to=home.account(7), value=1)
        seen.append((receipt.block_number, step))
    home.mine(2)
    home.advance(1_000)
    before = home.block(), home.now, probe.counter(), home.logs()
    for number, counter in seen:
        block = home.block(number)
        assert probe.counter.call(block=number) == counter + 1
        assert probe.counter.call(block=number - 1) == counter
        assert probe.clock.call(block=number) == (block.timestamp, number, home.chain_id)
        assert probe.parent_hash.call(block=number) == bytes.fromhex(
            home.block(number - 1).hash[2:]
        )
    assert (home.block(), home.now, probe.counter(), home.logs()) == before
    # What came after is there still, and can be undone still.
    assert probe.increase(sender=sender).return_value == 4
    home.reorg(1)
    assert probe.counter() == 3
    with pytest.raises(ChainError):
        probe.counter.call(block=home.block_number + 5)


def test_a_local_ledger_does_everything(home: Chain) -> None:
    assert (home.is_local, home.controlled) == (True, True)
    assert home.signs_for("0x" + "99" * 20)


def test_a_snapshot_brings_back_state_blocks_and_time_every_time(
    home: Chain, probe: Contract
) -> None:
    sender = home.account(0)
    home.advance(1_000)
    taken = home.snapshot()
    before = (home.block(), home.now, probe.counter(), home.balance(home.account(1)), home.logs())
    for turn in range(1, 4):
        home.advance(500 * turn)
        probe.increase(turn, sender=sender)
        probe.transfer(home.account(1), 5, sender=sender)
        home.send(sender=sender, to=home.account(1), value=turn)
        home.mine(turn)
        home.restore(taken)
        after = (home.block(), home.now, probe.counter(), home.balance(home.account(1)))
        assert (*after, home.logs()) == before
    assert probe.increase(sender=sender).timestamp == before[1]


def test_snapshots_nest_and_the_later_ones_die(home: Chain, probe: Contract) -> None:
    sender = home.account(0)
    outer = home.snapshot()
    probe.increase(sender=sender)
    inner = home.snapshot()
    probe.increase(sender=sender)
    home.restore(inner)
    assert probe.counter() == 1
    home.restore(outer)
    assert probe.counter() == 0
    with pytest.raises(ChainError, match="restored past"):
        home.restore(inner)


def test_a_snapshot_belongs_to_its_ledger(home: Chain, remote: Chain) -> None:
    remote.snapshot()
    with pytest.raises(ChainError, match="no snapshot of remote"):
        remote.restore(home.snapshot())


def test_isolation_undoes_and_lets_failures_through(home: Chain, probe: Contract) -> None:
    def fail() -> None:
        with home.isolated():
            probe.increase(sender=home.account(0))
            assert probe.counter() == 0, "seen"

    with pytest.raises(AssertionError, match="seen"):
        fail()
    assert probe.counter() == 0


def test_a_contract_after_a_restore_is_told_by_its_own_abi(home: Chain) -> None:
    sender = home.account(0)
    with home.isolated():
        first = home.deploy("HarnessProbeMock", 1, sender=sender)
    second = home.deploy("HarnessProbeMock", 2, sender=sender)
    assert second.address == first.address
    assert second.totalSupply() == 2


def test_nothing_transient_outlives_its_transaction(home: Chain, probe: Contract) -> None:
    probe.remember(7, sender=home.account(0))
    assert probe.remembered() == 0
    probe.remembered.send(sender=home.account(0))
    assert probe.remembered.send(sender=home.account(0)).return_value == 0


def test_a_reorganisation_undoes_a_transaction(home: Chain, probe: Contract) -> None:
    a, b = home.accounts(2)
    home.advance(1_000)
    receipt = probe.transfer(b, 5, sender=a)
    block, now = home.block(), home.now
    home.reorg(1)
    assert probe.balanceOf(b) == 0
    assert home.nonce(a) == 1
    assert home.block_number == block.number
    assert home.block().hash != block.hash
    assert home.now == now
    assert probe.events(block.number) == ()
    # The chain goes on.
    again = probe.transfer(b, 6, sender=a)
    assert (again.block_number, again.timestamp) == (receipt.block_number + 1, now)
    assert home.block(block.number - 1).hash != home.block(block.number).hash


def test_a_reorganisation_can_put_others_in_their_place(home: Chain, probe: Contract) -> None:
    a, b = home.accounts(2)
    for amount in (5, 6):
        probe.transfer(b, amount, sender=a)
    number = home.block_number
    replacement = {"sender": a, "to": probe, "data": probe.transfer.encode(b, 100)}
    home.reorg(2, [(replacement, 1)])
    assert probe.balanceOf(b) == 100
    assert [(e.block_number, e.value) for e in probe.events(2)] == [(number, 100)]


def test_a_snapshot_from_before_survives_a_reorganisation(home: Chain, probe: Contract) -> None:
    taken, before = home.snapshot(), home.block()
    probe.increase(sender=home.account(0))
    home.reorg(1)
    probe.increase(sender=home.account(0))
    home.restore(taken)
    assert (probe.counter(), home.block()) == (0, before)
