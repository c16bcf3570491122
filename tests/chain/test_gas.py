"""Gas of the embedded EVM is that of anvil's receipts, to the unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tallystick.chain import Chain, Receipt, Revert
from tallystick.chain.anvil import COINBASE, AnvilChain
from tallystick.chain.embedded import EmbeddedChain

pytestmark = pytest.mark.anvil_only


def _steps(chain: Chain) -> Iterator[tuple[str, Callable[[], Receipt]]]:
    """Transactions that between them meet every rule of gas that our contracts can meet."""
    a, b = chain.accounts(2)
    stranger, precompile = "0x" + "12" * 20, "0x" + "00" * 19 + "02"
    probe = chain.deploy("HarnessProbeMock", 10**9, sender=a)
    yield "deploy", lambda: probe.deployment
    yield "deploy unlucky", lambda: chain.deploy("HarnessProbeMock", 666, sender=a).deployment
    yield "transfer to new", lambda: probe.transfer(b, 5, sender=a)
    yield "transfer to known", lambda: probe.transfer(b, 5, sender=a)
    yield "transfer all away", lambda: probe.transfer(a, 10, sender=b)
    yield "transfer nothing", lambda: probe.transfer(a, 0, sender=b)
    yield "transfer to self", lambda: probe.transfer(a, 7, sender=a)
    yield "fill", lambda: probe.fill(0, 60, 7, sender=a)
    yield "fill again", lambda: probe.fill(0, 60, 8, sender=a)
    yield "one refund", lambda: probe.fill(0, 1, 0, sender=a)
    yield "refunds over the cap", lambda: probe.fill(0, 60, 0, sender=a)
    yield "refund none left", lambda: probe.fill(0, 4, 0, sender=a)
    # Clears its slot 0 and sets it to 1.
    again = chain.send(sender=a, data=bytes.fromhex("6a6000600055600160005500600052600b6015f3"))
    yield "slot set", lambda: chain.send(sender=a, to=again.contract_address)
    yield "slot cleared and set again", lambda: chain.send(sender=a, to=again.contract_address)
    yield "dynamic event", lambda: probe.note("hello", b"\1" * 64, [1, 2, 3], sender=a)
    yield "payable", lambda: probe.increase(3, sender=a, value=7)
    yield "cold account", lambda: probe.touch(stranger, 0, sender=a)
    yield "new account by call", lambda: probe.touch(stranger, 3, sender=a)
    yield "known account by call", lambda: probe.touch(stranger, 1, sender=a)
    yield "warm beneficiary", lambda: probe.touch(COINBASE, 0, sender=a)
    yield "warm precompile", lambda: probe.touch(precompile, 0, sender=a)
    yield "warm sender", lambda: probe.touch(a, 0, sender=a)
    yield "warm self", lambda: probe.touch(probe, 0, sender=a)
    yield "create by contract", lambda: probe.spawn(sender=a)
    yield "transient", lambda: probe.remember(6, sender=a)
    yield "ecrecover", lambda: probe.recover.send(b"\1" * 32, 27, 1, 2, sender=b)
    yield "wei to known", lambda: chain.send(sender=a, to=b, value=5)
    yield "wei to new", lambda: chain.send(sender=a, to="0x" + "34" * 20, value=5)
    yield "calldata floor", lambda: chain.send(sender=a, to=b, data=b"\0\1" * 3_000)
    yield "calldata over floor", lambda: probe.fill(0, 30, 2**255, sender=a)
    yield (
        "floor over refund",
        lambda: chain.send(sender=a, to=probe, data=probe.fill.encode(0, 30, 0) + b"\1" * 4_000),
    )
    yield "contract sends", lambda: chain.send(sender=probe, to=a, value=1)
    yield "bare revert", lambda: probe.fail_bare(sender=a)
    yield "reason", lambda: probe.fail_with_reason("no", sender=a)
    yield "named error", lambda: probe.fail_with_error(b, 5, sender=a)
    yield "out of gas", lambda: probe.burn_all_gas(sender=a, gas=300_000)
    yield (
        "code with the EOF byte",
        lambda: chain.send(sender=a, data=bytes.fromhex("60ef5f5360015ff3")),
    )
    yield "code over the limit", lambda: chain.send(sender=a, data=bytes.fromhex("6160015ff3"))
    yield "code at the limit", lambda: chain.send(sender=a, data=bytes.fromhex("6160005ff3"))
    yield (
        "code deposit without gas",
        lambda: chain.send(sender=a, data=bytes.fromhex("6160005ff3"), gas=200_000),
    )


def _gas(chain: Chain) -> list[tuple[str, int, int]]:
    found = []
    for name, step in _steps(chain):
        try:
            receipt = step()
        except Revert as revert:
            receipt = revert.receipt
        found.append((name, receipt.status, receipt.gas_used))
    return found


@pytest.mark.parametrize("hardfork", ["prague", "osaka"])
def test_gas_is_anvils(hardfork: str) -> None:
    with AnvilChain("home", hardfork=hardfork) as anvil, EmbeddedChain("home") as embedded:
        assert _gas(embedded) == _gas(anvil)


@pytest.mark.parametrize("name", ["InstrumentRegistry", "SecurityTokenSettings"])
def test_gas_of_deploying_the_suite_is_anvils(name: str, ledgers) -> None:
    anvil, embedded = ledgers(1)[0], EmbeddedChain("home")
    costs = [
        chain.deploy(name, sender=chain.account(0)).deployment.gas_used
        for chain in (anvil, embedded)
    ]
    assert costs[0] == costs[1]
