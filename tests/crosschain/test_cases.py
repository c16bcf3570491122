"""Cases of nodes and tools that no other room holds; the others are `test_case_NN_` in theirs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tallystick.chain import Revert
from tallystick.chain.abi import address_of
from tallystick.local.network import Network
from tallystick.token.position import business_day
from tests.support.world import BUYER_UNITS, Side

# Where ERC-1967 has the address of the implementation.
_SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC


def test_case_27_a_day_closes_at_the_same_minute_of_utc_in_summer(home_side: Side) -> None:
    """A stated limit: half past four in New York's summer is still before the close on chain."""
    minute = int(home_side.token.close_minute())
    assert minute == 21 * 60
    closed = datetime(2027, 7, 1, 20, 30, tzinfo=UTC)
    day = int(closed.timestamp()) // 86_400
    home_side.chain.set_time(int(closed.timestamp()))
    home_side.token.transfer(home_side.buyer, 7, sender=home_side.investor)
    home_side.chain.advance(2 * 86_400)
    assert home_side.token.balance_at_close(home_side.buyer, day) == BUYER_UNITS + 7
    assert business_day(int(closed.timestamp()) + 1_800, minute) == day + 1


def test_case_29_explorers_and_wallets_find_what_they_ask_a_token_for(home_side: Side) -> None:
    chain, token = home_side.chain, home_side.token
    assert len(chain.code(address_of(chain.storage(token.address, _SLOT)[12:]))) > 0
    assert _SLOT.to_bytes(32, "big") in chain.code(token.address)

    def asked(data: str) -> bytes:
        return chain.call(to=token.address, data=bytes.fromhex(data))

    # name, symbol, decimals, totalSupply.
    for selector in ("06fdde03", "95d89b41", "313ce567", "18160ddd"):
        assert len(asked(selector)) >= 32
    # What it does not offer is refused: an empty answer would be read as one. implementation,
    # DOMAIN_SEPARATOR, nonces, eip712Domain, permit, uiMultiplier.
    words = {"7ecebe00": 1, "d505accf": 7}
    for selector in ("5c60da1b", "3644e515", "7ecebe00", "84b0196e", "d505accf", "a60bf13d"):
        with pytest.raises(Revert, match="token: no such function"):
            asked(selector + "00" * 32 * words.get(selector, 0))
    with pytest.raises(Revert):
        chain.send(sender=home_side.attacker, to=token.address, value=1)


@pytest.mark.requirement("INV-3")
def test_case_32_units_arrive_in_the_second_in_which_they_left(network: Network) -> None:
    home, remote = network.home.chain, network.remote.chain
    home.set_time(max(home.now, remote.now) + 5)
    message = network.lock(network.holder("home", 0), network.holder("remote", 0), 100)
    remote.set_time(message.lock_time)
    receipt = network.deliver(message)
    assert remote.block(receipt.block_number).timestamp == message.lock_time
    assert not receipt.one("MessageDelivered").args["suspended"]
    assert network.status().ok


@pytest.mark.anvil_only
def test_case_32_blocks_of_one_second_are_read_in_their_order(network: Network) -> None:
    """As rollups have them."""
    home, token = network.home.chain, network.home.token
    first, second = (network.holder("home", number) for number in range(2))
    before = token.balanceOf(second)
    home.rpc("anvil_setBlockTimestampInterval", 0)  # type: ignore[attr-defined]
    try:
        blocks = [token.transfer(second, 1, sender=first).block_number for _ in range(4)]
    finally:
        home.rpc("anvil_removeBlockTimestampInterval")  # type: ignore[attr-defined]
    assert blocks == list(range(blocks[0], blocks[0] + 4))
    assert len({home.block(number).timestamp for number in blocks}) == 1
    assert token.balanceOf(second) == before + 4
    assert network.status().ok
