"""A ledger tried out: what stands is seen, what is done stays here."""

from __future__ import annotations

from typing import Any

import pytest

from tallystick.chain import Chain, ChainError, Contract, reverts
from tallystick.chain.anvil import AnvilChain
from tallystick.chain.fork import ForkedChain
from tallystick.chain.opcodes import hardfork_of


@pytest.fixture
def chain(ledgers: Any) -> Chain:
    found: Chain = ledgers(1)[0]
    # Funded when they are first named.
    found.accounts(6)
    return found


@pytest.fixture
def probe(chain: Chain) -> Contract:
    found = chain.deploy("HarnessProbeMock", 1_000, sender=chain.account(0))
    found.increase(7, sender=chain.account(0))
    return found


def test_a_fork_begins_with_what_stands_and_never_writes_to_it(
    chain: Chain, probe: Contract
) -> None:
    fork = ForkedChain(chain)
    key, other = chain.account(0), chain.account(5)
    assert (fork.chain_id, fork.genesis_hash) == (chain.chain_id, chain.genesis_hash)
    assert fork.now == chain.now
    assert fork.nonce(key) == chain.nonce(key) > 1
    assert fork.balance(other) == chain.balance(other) > 0
    here = fork.at("HarnessProbeMock", probe)
    assert fork.code(probe) == chain.code(probe)
    assert here.counter() == 7
    before = (chain.block_number, chain.nonce(key), chain.balance(other))
    here.increase(5, sender=key)
    fork.send(sender=key, to=other, value=9)
    made = fork.deploy("HarnessProbeMock", 5, sender=key)
    assert (here.counter(), made.counter(), probe.counter()) == (12, 0, 7)
    assert fork.balance(other) == chain.balance(other) + 9
    with reverts("no"):
        here.fail_with_reason("no", sender=key)
    assert here.counter() == 12
    assert (chain.block_number, chain.nonce(key), chain.balance(other)) == before
    # The same transactions lead to the same address there.
    probe.increase(5, sender=key)
    chain.send(sender=key, to=other, value=9)
    assert chain.deploy("HarnessProbeMock", 5, sender=key).address == made.address


def test_a_fork_goes_back_to_what_the_ledger_has(chain: Chain, probe: Contract) -> None:
    fork = ForkedChain(chain)
    here = fork.at("HarnessProbeMock", probe)
    with fork.isolated():
        here.increase(5, sender=chain.account(0))
        assert here.counter() == 12
    assert here.counter() == 7


def test_a_fork_has_the_ledger_s_logs_and_its_own(chain: Chain, probe: Contract) -> None:
    key = chain.account(0)
    probe.transfer(chain.account(1), 3, sender=key)
    fork = ForkedChain(chain)
    fork.at("HarnessProbeMock", probe).transfer(chain.account(2), 4, sender=key)
    probe.transfer(chain.account(3), 5, sender=key)
    found = [event.args["receiver"] for event in fork.logs(probe) if event.name == "Transfer"]
    assert [str(each) for each in found[-2:]] == [chain.account(n).address for n in (1, 2)]


def test_a_fork_asks_for_everything_once(chain: Chain, probe: Contract) -> None:
    asked: list[tuple[str, Any]] = []

    class Counted:
        def __getattr__(self, name: str) -> Any:
            found = getattr(chain, name)
            if name not in {"code", "storage", "nonce", "balance"}:
                return found

            def ask(*what: Any) -> Any:
                asked.append((name, what))
                return found(*what)

            return ask

    fork = ForkedChain(Counted())  # type: ignore[arg-type]
    here = fork.at("HarnessProbeMock", probe)
    for _ in range(3):
        here.increase(5, sender=chain.account(0))
        made = fork.deploy("HarnessProbeMock", 5, sender=chain.account(0))
        made.increase(1, sender=chain.account(0))
    assert len(asked) == len(set(asked))
    # What was made here has no slots there.
    assert {what[0] for name, what in asked if name == "storage"} == {
        bytes.fromhex(probe.address[2:])
    }


def test_a_transaction_has_the_number_that_it_is_given(chain: Chain) -> None:
    key, at = chain.account(0), chain.nonce(chain.account(0))
    assert chain.begin(sender=key, nonce=at, to=chain.account(1))().status == 1
    with pytest.raises(ChainError):
        chain.begin(sender=key, nonce=at, to=chain.account(1))()
    assert chain.nonce(key) == at + 1


@pytest.mark.anvil_only
@pytest.mark.parametrize("fork", ["cancun", "prague", "osaka"])
def test_the_hard_fork_that_a_ledger_runs_is_seen(fork: str) -> None:
    with AnvilChain("home", hardfork=fork) as chain:
        assert hardfork_of(chain) == fork
        assert chain.block_number == 0
