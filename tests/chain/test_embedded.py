"""The embedded EVM: its limits, its tracer, its speed."""

from __future__ import annotations

import time

import pytest

from tallystick.build import artifact
from tallystick.chain import ChainError, Revert, reverts
from tallystick.chain.embedded import BLOCK_GAS_LIMIT, EmbeddedChain
from tallystick.chain.frames import Frame, run_pcs


@pytest.fixture
def chain() -> EmbeddedChain:
    return EmbeddedChain()


def test_code_over_24576_bytes_is_refused(chain: EmbeddedChain) -> None:
    with reverts(halt=True) as caught:
        chain.send(sender=chain.account(0), data=bytes.fromhex("6160015ff3"))
    assert "EIP170" in str(caught.value)
    receipt = chain.send(sender=chain.account(0), data=bytes.fromhex("6160005ff3"))
    assert len(chain.code(receipt.contract_address)) == 24_576


def test_creation_code_over_49152_bytes_is_refused(chain: EmbeddedChain) -> None:
    chain.send(sender=chain.account(0), data=bytes(49_152))
    with reverts(halt=True) as caught:
        chain.send(sender=chain.account(0), data=bytes(49_153))
    assert "EIP-3860" in str(caught.value)


def test_a_transaction_fits_its_block(chain: EmbeddedChain) -> None:
    a = chain.account(0)
    with pytest.raises(ChainError, match="above the block's 30000000"):
        chain.send(sender=a, to=a, gas=BLOCK_GAS_LIMIT + 1)
    with pytest.raises(ChainError, match="below the 21000 it takes"):
        chain.send(sender=a, to=a, gas=20_999)


def test_each_transaction_has_a_hash_of_its_own(chain: EmbeddedChain) -> None:
    a = chain.account(0)
    hashes = {chain.send(sender=a, to=a).tx_hash for _ in range(5)}
    assert len(hashes) == 5
    assert all(len(value) == 66 for value in hashes)


def test_two_runs_are_the_same() -> None:
    def run() -> list[object]:
        chain = EmbeddedChain()
        probe = chain.deploy("HarnessProbeMock", 5, sender=chain.account(0))
        receipt = probe.transfer(chain.account(1), 1, sender=chain.account(0))
        return [probe.address, receipt.tx_hash, chain.block(), chain.genesis_hash]

    assert run() == run()


def test_a_nested_failure_undoes_only_itself(chain: EmbeddedChain) -> None:
    # A contract that writes slot 0, calls the probe so that it reverts, and goes on.
    probe = chain.deploy("HarnessProbeMock", 5, sender=chain.account(0))
    code = (
        "60016000556000600060006000600073" + probe.address[2:] + "5af1600155600160025500"
    )  # SSTORE(0,1); SSTORE(1, CALL(probe)); SSTORE(2,1)
    chain.set_code("0x" + "77" * 20, bytes.fromhex(code))
    chain.send(sender=chain.account(0), to="0x" + "77" * 20)
    slots = [int.from_bytes(chain.storage("0x" + "77" * 20, n), "big") for n in range(3)]
    assert slots == [1, 1, 1]


def test_a_slot_cleared_and_set_again_takes_its_refund_back(chain: EmbeddedChain) -> None:
    place = "0x" + "77" * 20
    # storage[0] := 0, then 1, which it was before.
    chain.set_code(place, bytes.fromhex("5f5f5560015f5500"))
    chain.set_storage(place, 0, 1)
    receipt = chain.send(sender=chain.account(0), to=place)
    executed = 2 + 2 + 5_000 + 3 + 2 + 100
    # Of the refund what is left is that of a slot put back: 5,000 less 2,100 and 100.
    assert receipt.gas_used == 21_000 + executed - 2_800
    assert int.from_bytes(chain.storage(place, 0), "big") == 1


def test_a_reorganisation_reaches_no_further_than_the_blocks(chain: EmbeddedChain) -> None:
    chain.mine(2)
    for depth in (0, 3):
        with pytest.raises(ChainError, match="can't take back"):
            chain.reorg(depth)
    taken = chain.snapshot()
    chain.reorg(2)
    with pytest.raises(ChainError, match="restored past"):
        chain.restore(taken)
    a = chain.account(0)
    with pytest.raises(ChainError, match="holds one transaction"):
        chain.reorg(1, [({"sender": a, "to": a}, 0)] * 2)


def test_the_tracer_sees_creation_calls_and_branches() -> None:
    frames: list[Frame] = []
    chain = EmbeddedChain(tracer=frames.append)
    probe = chain.deploy("HarnessProbeMock", 5, sender=chain.account(0))
    assert [frame.create for frame in frames] == [True]
    frames.clear()
    assert probe.check(1)
    (passed,) = frames
    assert passed.code.startswith(artifact("HarnessProbeMock").bytecode_runtime)
    assert passed.address == passed.code_address == bytes.fromhex(probe.address[2:])
    with reverts("probe: too much"):
        probe.check(10)
    (_, failed) = frames
    assert dict(passed.jumps) != dict(failed.jumps)
    counters = [pc for first, last in passed.runs for pc in run_pcs(passed.code, first, last)]
    assert counters[0] == 0
    assert set(dict(passed.jumps)) <= set(counters)


def test_the_tracer_sees_delegated_code_at_its_own_address() -> None:
    frames: list[Frame] = []
    chain = EmbeddedChain(tracer=frames.append)
    probe = chain.deploy("HarnessProbeMock", 5, sender=chain.account(0))
    clone = chain.at("HarnessProbeMock", probe.spawn(sender=chain.account(0)).return_value)
    frames.clear()
    clone.increase(sender=chain.account(0))
    inner, outer = frames
    assert inner.code_address == bytes.fromhex(probe.address[2:])
    assert inner.address == outer.address == outer.code_address


def test_tracing_changes_nothing() -> None:
    receipts = []
    for chain in (EmbeddedChain(), EmbeddedChain(tracer=lambda frame: None)):
        probe = chain.deploy("HarnessProbeMock", 5, sender=chain.account(0))
        with pytest.raises(Revert):
            probe.burn_all_gas(sender=chain.account(0), gas=200_000)
        receipts.append(probe.fill(0, 9, 9, sender=chain.account(0)))
    assert receipts[0] == receipts[1]


def test_the_default_tracer_reaches_chains_opened_later(monkeypatch: pytest.MonkeyPatch) -> None:
    frames: list[Frame] = []
    monkeypatch.setattr(EmbeddedChain, "default_tracer", frames.append)
    chain = EmbeddedChain()
    chain.deploy("HarnessProbeMock", 5, sender=chain.account(0))
    assert frames


def test_two_thousand_transactions_take_less_than_two_seconds(chain: EmbeddedChain) -> None:
    a, b = chain.accounts(2)
    probe = chain.deploy("HarnessProbeMock", 10**9, sender=a)
    probe.transfer(b, 1, sender=a)
    # Processor time: the machine may be busy with something else.
    start = time.process_time()
    for _ in range(2_000):
        probe.transfer(b, 1, sender=a)
    assert time.process_time() - start < 2
    assert probe.balanceOf(b) == 2_001


def test_snapshots_cost_next_to_nothing(chain: EmbeddedChain) -> None:
    start = time.process_time()
    for _ in range(1_000):
        chain.restore(chain.snapshot())
    assert time.process_time() - start < 0.5
