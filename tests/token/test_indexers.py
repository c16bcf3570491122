"""docs/indexers.md: its example follows every balance over ratios, from logs as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

from tallystick.bridge.message import LaneMessage
from tallystick.chain import Account, Chain, Contract, Revert
from tallystick.files.instrument import load_instrument
from tallystick.local.network import Network
from tallystick.token.position import close_of
from tests.support.commands import ROOT
from tests.support.lane_ratios import LASTS, Engines
from tests.support.world import STATED, Side, World

pytestmark = pytest.mark.requirement("INV-12")
PAGE = ROOT / "docs" / "indexers.md"


@pytest.fixture(scope="module")
def page() -> Mapping[str, Any]:
    """What the page's code defines, run as it stands there."""
    _, *blocks = PAGE.read_text(encoding="utf-8").split("```python\n")
    (code,) = (block.partition("```")[0] for block in blocks)
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    return names


def followed(page: Mapping[str, Any], chain: Chain, token: Contract) -> Any:
    """The page's balances after all logs of a token."""
    found = page["Balances"]()
    for name, args, time in _logs(chain, token, page["FOLLOWED"]):
        found.follow(name, args, time)
    return found


def _logs(
    chain: Chain, token: Contract, names: tuple[str, ...]
) -> Iterator[tuple[str, Mapping[str, Any], int]]:
    topics = [token.interface.events_by_name[name][0].topic for name in names]
    for log in chain.raw_logs(token, 0, chain.block_number, topics=[topics]):
        event = chain.decode_log(log)
        yield event.name, event.args, chain.block(log.block_number).timestamp


def same(page: Mapping[str, Any], *sides: Side) -> dict[str, int]:
    """Both are what the ledgers answer now, for all accounts that there ever were; by name."""
    found: dict[str, int] = {}
    for side in sides:
        balances, now = followed(page, side.chain, side.token), side.chain.now
        accounts = [account for account in balances.kept if account != page["NOBODY"]]
        assert accounts
        shown = {account: balances.balance(account, now) for account in accounts}
        assert shown == {account: int(side.token.balanceOf(account)) for account in accounts}
        assert balances.supply(now) == int(side.token.totalSupply())
        found |= {f"{side.chain.name}.{account}": amount for account, amount in shown.items()}
    return found


def test_balances_are_followed_over_ratios_on_both_ledgers(
    world: World, page: Mapping[str, Any]
) -> None:
    """Three ratios, one withdrawn, units under way and in suspense, remainders, who never acts."""
    world.arrived(100_003)
    engines, sides = Engines.of(world), (world.home, world.remote)
    home, remote = sides

    def lock(amount: int, to: Account) -> LaneMessage:
        return world.network.lock(home.investor, to, amount, deadline=home.chain.now + LASTS)

    same(page, *sides)
    late, waiting = lock(1_001, remote.investor), lock(77, remote.fund)
    before = same(page, *sides)
    first = engines.announce(4, 1)
    withdrawn = engines.announce(7, 1, 5)
    assert same(page, *sides) == before
    for engine in (engines.home, engines.remote):
        engine.withdraw(withdrawn)
    engines.begin(first)
    # Nobody has done anything yet.
    after = same(page, *sides)
    assert {name: amount for name, amount in after.items() if before[name] * 4 != amount} == {}
    home.token.transfer(home.buyer, 17, sender=home.investor)
    world.deliver(late)
    same(page, *sides)
    remote.token.admit(remote.fund, 0, *STATED, sender=remote.registrar)
    world.deliver(waiting)
    same(page, *sides)

    engines.split(1, 10)
    same(page, *sides)
    for side in sides:
        side.token.transfer(side.buyer, 3, sender=side.investor)
    first = engines.announce(3, 2)
    engines.begin(first - 1)
    last = lock(5, remote.investor)
    same(page, *sides)
    engines.begin(first)
    same(page, *sides)
    world.deliver(last)
    for side in sides:
        side.token.transfer(side.investor, 1, sender=side.buyer)
    same(page, *sides)
    # What rounding left is credited: a Transfer from nobody that issues nothing.
    supply = int(home.token.totalSupply())
    for _ in range(2):
        home.token.transfer(home.buyer, 1, sender=home.investor)
    credited = 0
    for side in sides:
        for epoch in range(1, int(side.token.action_epoch()) + 1):
            # Of some there is no whole unit yet.
            with suppress(Revert):
                side.token.credit_remainders(epoch, sender=side.courier)
                credited += 1
    assert credited
    assert int(home.token.totalSupply()) == supply
    same(page, *sides)


def test_an_indexer_that_follows_transfers_alone_is_wrong(
    world: World, page: Mapping[str, Any]
) -> None:
    """Or the test above would show nothing."""
    engines = Engines.of(world)
    engines.split(4, 1)
    world.home.token.transfer(world.home.buyer, 17, sender=world.home.investor)
    found = page["Balances"]()
    chain, token = world.home.chain, world.home.token
    for name, args, time in _logs(chain, token, ("TokenInitialized", "Transfer")):
        found.follow(name, args, time)
    now, investor = world.home.chain.now, str(world.home.investor)
    assert found.balance(investor, now) != world.home.balance(world.home.investor)


@pytest.mark.anvil_only
def test_a_node_is_read_with_web3(ledgers: Any, page: Mapping[str, Any]) -> None:
    from web3 import HTTPProvider, Web3

    chains = {chain.name: chain for chain in ledgers(2)}
    network = Network.deploy(load_instrument(ROOT / "examples" / "apple.yaml"), chains)
    suite = network.home
    token, holder, other = suite.token, network.holder("home", 0), network.holder("home", 1)
    until = int(token.business_day()) + 400
    for account in (holder, other):
        network.admit(suite, account, until)
    network.issue([(holder, 1_000_003), (other, 5)])
    # The engine alone may; as its node lets anybody be anybody.
    assert suite.engine is not None
    web3 = Web3(HTTPProvider(chains["home"].url))
    engine = web3.to_checksum_address(str(suite.engine.address))
    web3.provider.make_request("anvil_impersonateAccount", [engine])  # type: ignore[arg-type]
    web3.provider.make_request("anvil_setBalance", [engine, hex(10**20)])  # type: ignore[arg-type]
    contract = web3.eth.contract(address=token.address, abi=token.interface.abi)
    first = int(token.business_day()) + 3
    announced = contract.functions.announce_ratio(4, 1, first, other.address, b"RATI", b"\1" * 32)
    announced.transact({"from": engine})

    def compare() -> None:
        found, now = page["read"](web3, contract), suite.chain.now
        accounts = [account for account in found.kept if account != page["NOBODY"]]
        assert {a: found.balance(a, now) for a in accounts} == {
            a: contract.functions.balanceOf(a).call() for a in accounts
        }
        assert found.supply(now) == contract.functions.totalSupply().call()

    compare()
    suite.chain.set_time(close_of(first - 1, int(token.close_minute())))
    suite.chain.mine(1)
    compare()
    assert contract.functions.balanceOf(holder.address).call() == 4 * 1_000_003
    token.transfer(other, 3, sender=holder)
    compare()
