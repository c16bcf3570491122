"""Contracts: overloads, values in and out, and the chain that they are bound to."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tallystick.build import artifact
from tallystick.chain import Chain, ChainError, CodecError, Contract, Revert, reverts


@pytest.fixture
def probe(home: Chain) -> Contract:
    return home.deploy("HarnessProbeMock", 1_000, sender=home.account(0))


def test_the_number_of_arguments_chooses_the_overload(home: Chain, probe: Contract) -> None:
    sender = home.account(0)
    results = [probe.increase(*args, sender=sender).return_value for args in ((), (5,), (5, 6))]
    assert results == [1, 6, 36]
    with pytest.raises(CodecError, match="none takes 3 arguments"):
        probe.increase(1, 2, 3, sender=sender)


def test_an_overload_by_signature(home: Chain, probe: Contract) -> None:
    method = probe.method("increase(uint256)")
    assert (method.signature, len(method.selector)) == ("increase(uint256)", 4)
    assert method.encode(5) == probe.increase.encode(5)
    assert method.call(5) == 5
    with pytest.raises(CodecError, match="overloaded"):
        _ = probe.increase.selector


def test_structs_go_in_as_dict_tuple_or_dataclass(home: Chain, probe: Contract) -> None:
    @dataclass
    class Point:
        x: int
        label: str
        owner: object

    owner = home.account(1)
    for given in (
        {"x": 1, "label": "a", "owner": owner},
        (1, "a", owner.address.lower()),
        Point(1, "a", probe.chain.account(1)),
    ):
        point, words = probe.mirror(given, ["0x" + "07" * 32])
        assert (point.x, point.label, point.owner) == (1, "a", owner.address)
        assert words == [b"\7" * 32]
        assert point == (1, "a", owner.address)
    assert probe.mirror(probe.point_at(3), [])[0].x == 3


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({"x": 1, "label": "a"}, "lacks owner"),
        ({"x": 1, "label": "a", "owner": "0x" + "00" * 20, "y": 1}, "has no member y"),
        ((1, "a"), "has 3 members, not 2"),
        ((1, "a", "0x12"), "an address has 40 hex digits"),
        ((1, b"a", "0x" + "00" * 20), "label: b'a' is no string"),
        ((True, "a", "0x" + "00" * 20), "x: True is no uint256"),
        (5, "5 is no"),
    ],
)
def test_a_wrong_value_is_named(probe: Contract, point: object, message: str) -> None:
    with pytest.raises(CodecError, match=message):
        probe.mirror(point, [])


def test_a_wrong_argument_is_named(probe: Contract) -> None:
    with pytest.raises(CodecError, match=r"check\(uint256\): amount: -1 is outside uint256"):
        probe.check(-1)
    with pytest.raises(CodecError, match="none takes 0 arguments"):
        probe.check()


def test_an_unknown_function_is_named(probe: Contract) -> None:
    with pytest.raises(
        AttributeError, match="has no function 'mint'; there are: DEPLOYER, balance"
    ):
        probe.mint(1)


def test_a_transaction_needs_a_sender(probe: Contract) -> None:
    with pytest.raises(TypeError, match=r"transfer\(address,uint256\) is a transaction: say who"):
        probe.transfer(probe, 1)


def test_a_call_changes_nothing(home: Chain, probe: Contract) -> None:
    block = home.block_number
    assert probe.increase.call(5) == 5
    assert (probe.counter(), home.block_number) == (0, block)


def test_a_view_sees_who_asks(home: Chain, probe: Contract) -> None:
    assert probe.point_at(1, sender=home.account(3)).owner == home.account(3).address
    assert probe.point_at(1).owner == "0x" + "0" * 40


def test_a_view_can_be_sent(home: Chain, probe: Contract) -> None:
    receipt = probe.clock.send(sender=home.account(0))
    assert receipt.return_value == (receipt.timestamp, receipt.block_number, home.chain_id)


def test_contracts_and_accounts_are_addresses(home: Chain, probe: Contract) -> None:
    probe.transfer(probe, 1, sender=home.account(0))
    assert probe.balanceOf(probe) == probe.balanceOf(probe.address) == 1
    assert probe.balanceOf(bytes.fromhex(probe.address[2:])) == 1
    # A contract's own address can send, to test what only a contract may do.
    probe.transfer(home.account(1), 1, sender=probe)
    assert probe.balanceOf(home.account(1)) == 1


def test_wei_goes_along(home: Chain, probe: Contract) -> None:
    probe.increase(sender=home.account(0), value=3)
    home.send(sender=home.account(0), to=probe, value=4)
    assert home.balance(probe) == 7
    with reverts():
        probe.transfer(probe, 1, sender=home.account(0), value=1)


def test_more_wei_than_there_is(home: Chain, probe: Contract) -> None:
    with pytest.raises(ChainError):
        home.send(sender="0x" + "42" * 20, to=probe, value=1)


def test_an_attached_contract_is_the_same(home: Chain, probe: Contract) -> None:
    by_name = home.at("HarnessProbeMock", probe.address)
    by_abi = home.at(artifact("HarnessProbeMock").abi, probe)
    assert by_name == by_abi == probe
    assert by_abi.totalSupply() == 1_000
    assert by_name.deployment is None
    assert probe.deployment is not None


def test_nothing_at_an_address_is_an_error(home: Chain) -> None:
    nobody = home.at("HarnessProbeMock", "0x" + "55" * 20)
    with pytest.raises(CodecError, match="is there a contract"):
        nobody.totalSupply()


def test_contracts_stay_with_their_chain(home: Chain, remote: Chain) -> None:
    here = home.deploy("HarnessProbeMock", 1, sender=home.account(0))
    there = remote.deploy("HarnessProbeMock", 2, sender=remote.account(0))
    # Interleaved on purpose: there is no active chain that one of the calls could go to.
    assert (here.clock()[2], there.clock()[2]) == (home.chain_id, remote.chain_id)
    here.increase(5, sender=home.account(0))
    there.increase(7, sender=remote.account(0))
    assert (here.counter(), there.counter()) == (5, 7)
    assert here.address != there.address
    assert home.code(there) == b""


def test_the_same_address_on_two_chains_is_two_contracts(home: Chain, remote: Chain) -> None:
    here = home.deploy("HarnessProbeMock", 1, sender="0x" + "99" * 20)
    there = remote.deploy("HarnessProbeMock", 2, sender="0x" + "99" * 20)
    assert here.address == there.address
    assert here != there
    assert (here.totalSupply(), there.totalSupply()) == (1, 2)


def test_state_can_be_forced(home: Chain, probe: Contract) -> None:
    slot = artifact("HarnessProbeMock").layout["storage_layout"]["counter"]["slot"]
    home.set_storage(probe, slot, 77)
    assert probe.counter() == 77
    assert home.storage(probe, slot) == (77).to_bytes(32, "big")
    home.set_balance(probe, 5)
    assert home.balance(probe) == 5
    home.set_code("0x" + "66" * 20, home.code(probe))
    assert home.at("HarnessProbeMock", "0x" + "66" * 20).totalSupply() == 0


def test_runtime_code_is_the_artifact_with_immutables_behind(home: Chain, probe: Contract) -> None:
    item = artifact("HarnessProbeMock")
    code = home.code(probe)
    assert code.startswith(item.bytecode_runtime)
    assert len(code) == len(item.bytecode_runtime) + item.immutables_length
    assert item.immutables_length == 32


def test_many_calls_at_once_give_values_and_reverts_in_order(home: Chain) -> None:
    probe = home.deploy("HarnessProbeMock", 1_000, sender=home.account(0))
    before = home.block_number
    probe.increase(sender=home.account(0))
    calls = [(probe, probe.counter.encode()), (probe, probe.check.encode(10))]
    count, refused = home.call_all(calls)
    assert count == (1).to_bytes(32, "big")
    assert isinstance(refused, Revert)
    assert refused.reason == "probe: too much"
    assert home.call_all(calls[:1], block=before) == (bytes(32),)
