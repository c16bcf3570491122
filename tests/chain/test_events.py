"""Events: decoded in order, comparable, findable."""

from __future__ import annotations

import pytest

from tallystick.chain import Chain, ChainError, Contract, keccak
from tallystick.chain.abi import CodecError


@pytest.fixture
def probe(home: Chain) -> Contract:
    return home.deploy("HarnessProbeMock", 1_000, sender=home.account(0))


def test_the_whole_ordered_list_can_be_asserted(home: Chain, probe: Contract) -> None:
    sender, receiver = home.accounts(2)
    receipt = probe.transfer(receiver, 5, sender=sender)
    assert receipt.events == (probe.emitted("Transfer", sender, receiver, 5),)
    assert receipt.events == (probe.emitted("Transfer", sender=sender, receiver=receiver, value=5),)
    assert receipt.events != (probe.emitted("Transfer", sender, receiver, 6),)
    assert receipt.events != (probe.emitted("Transfer", receiver, sender, 5),)


def test_another_contract_of_the_same_code_is_another_emitter(home: Chain, probe: Contract) -> None:
    other = home.deploy("HarnessProbeMock", 1, sender=home.account(0))
    receipt = other.transfer(home.account(1), 1, sender=home.account(0))
    assert receipt.events != (probe.emitted("Transfer", *home.accounts(2), 1),)
    assert receipt.events == (other.emitted("Transfer", *home.accounts(2), 1),)


def test_arguments_by_name_and_attribute(home: Chain, probe: Contract) -> None:
    event = probe.transfer(home.account(1), 5, sender=home.account(0)).one("Transfer")
    assert event.args == {
        "sender": home.account(0).address,
        "receiver": home.account(1).address,
        "value": 5,
    }
    assert event.args.value == event.args["value"] == event.value == 5
    with pytest.raises(AttributeError, match=r"there are: sender, receiver, value"):
        _ = event.args.amount


def test_dynamic_arguments_indexed_and_not(home: Chain, probe: Contract) -> None:
    receipt = probe.note("topic", b"\1" * 40, [1, 2, 3], sender=home.account(0))
    event = receipt.one("Noted")
    assert event.args == {"topic": keccak(b"topic"), "note": b"\1" * 40, "points": [1, 2, 3]}
    assert receipt.events == (probe.emitted("Noted", "topic", "0x" + "01" * 40, (1, 2, 3)),)


def test_where_an_event_came_from(home: Chain, probe: Contract) -> None:
    receipt = probe.transfer(home.account(1), 5, sender=home.account(0))
    (event,) = receipt.events
    assert (event.address, event.block_number, event.tx_hash, event.log_index) == (
        probe.address,
        receipt.block_number,
        receipt.tx_hash,
        0,
    )


def test_a_log_of_an_unregistered_contract_is_decoded_by_any_abi(home: Chain) -> None:
    probe = home.deploy("HarnessProbeMock", 1, sender=home.account(0))
    clone = probe.spawn(sender=home.account(0)).return_value
    data = probe.note.encode("t", b"", [])
    (event,) = home.send(sender=home.account(0), to=clone, data=data).events
    assert (event.name, event.address) == ("Noted", clone)


def test_a_log_that_nothing_explains_is_unknown(home: Chain) -> None:
    # PUSH1 7 PUSH0 MSTORE, PUSH1 1 (topic) PUSH1 32 PUSH0 LOG1: on creation
    receipt = home.send(sender=home.account(0), data=bytes.fromhex("60075f52600160205fa100"))
    (event,) = receipt.events
    assert event.name == "unknown"
    assert event.topics == ((1).to_bytes(32, "big"),)
    assert event.data == (7).to_bytes(32, "big")


def test_logs_by_contract_and_block(home: Chain, probe: Contract) -> None:
    sender = home.account(0)
    other = home.deploy("HarnessProbeMock", 1, sender=sender)
    receipts = [c.transfer(home.account(1), 1, sender=sender) for c in (probe, other, probe)]
    first, _, third = receipts
    assert probe.events(first.block_number) == first.events + third.events
    assert probe.events(first.block_number, third.block_number - 1) == first.events
    assert home.logs(None, first.block_number) == tuple(e for r in receipts for e in r.events)
    topics = [keccak(b"Transfer(address,address,uint256)"), None]
    assert len(home.raw_logs(probe, first.block_number, topics=topics)) == 2
    assert home.raw_logs(probe, topics=[keccak(b"Other()")]) == ()
    # One of several words; of none, nothing.
    either = [[keccak(b"Other()"), *topics[:1]], *topics[1:]]
    assert len(home.raw_logs(probe, first.block_number, topics=either)) == 2
    assert home.raw_logs(probe, topics=[[keccak(b"Other()"), keccak(b"Another()")]]) == ()


def test_there_must_be_exactly_one(home: Chain, probe: Contract) -> None:
    receipt = probe.transfer(home.account(1), 5, sender=home.account(0))
    with pytest.raises(ChainError, match="0 events called Noted; emitted: Transfer"):
        receipt.one("Noted")


def test_an_expected_event_is_checked_against_the_abi(probe: Contract) -> None:
    with pytest.raises(CodecError, match="has no event 'Transfered'; there are: Noted, Transfer"):
        probe.emitted("Transfered")
    with pytest.raises(CodecError, match="missing or unknown arguments: value, amount"):
        probe.emitted("Transfer", sender=probe, receiver=probe, amount=1)
    with pytest.raises(CodecError, match="value: -1 is outside uint256"):
        probe.emitted("Transfer", probe, probe, -1)


def test_a_failed_transaction_has_no_events(home: Chain, probe: Contract) -> None:
    receipt = probe.fail_bare.send(sender=home.account(0), allow_failure=True)
    assert receipt.events == ()
