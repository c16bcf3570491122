"""Reverts: decoded, exact, and without a trace in the state."""

from __future__ import annotations

import pytest

from tallystick.chain import Chain, Contract, Revert, reverts


@pytest.fixture
def probe(home: Chain) -> Contract:
    return home.deploy("HarnessProbeMock", 1_000, sender=home.account(0))


def test_a_reason(home: Chain, probe: Contract) -> None:
    with reverts("probe: no") as caught:
        probe.fail_with_reason("probe: no", sender=home.account(0))
    assert caught.value.reason == "probe: no"
    assert str(caught.value) == "reverted: probe: no"
    assert caught.value.receipt is not None
    assert caught.value.receipt.status == 0
    assert caught.value.receipt.block_number == home.block_number


def test_a_reason_of_a_view(probe: Contract) -> None:
    with reverts("probe: too much"):
        probe.check(10)
    assert probe.check(9) is True


def test_a_named_error(home: Chain, probe: Contract) -> None:
    account = home.account(1)
    with reverts(error="ProbeRefused", args=(account, 5)) as caught:
        probe.fail_with_error(account, 5, sender=home.account(0))
    assert str(caught.value) == f"reverted: ProbeRefused({account.address}, 5)"
    with reverts(error="ProbeRefused"):
        probe.fail_with_error.call(account, 5)


def test_a_panic(home: Chain, probe: Contract) -> None:
    with reverts(panic=0x11) as caught:
        probe.fail_with_panic(sender=home.account(0))
    assert str(caught.value) == "reverted: panic 0x11"


def test_no_data(home: Chain, probe: Contract) -> None:
    with reverts() as caught:
        probe.fail_bare(sender=home.account(0))
    assert str(caught.value) == "reverted without a reason"
    with reverts():
        probe.transfer(home.account(1), 1, sender=home.account(1))


def test_unknown_data(home: Chain, probe: Contract) -> None:
    with reverts(data=bytes.fromhex("deadbeef01")) as caught:
        probe.fail_with_unknown(sender=home.account(0))
    assert str(caught.value) == "reverted with unknown data 0xdeadbeef01"


def test_out_of_gas_is_a_halt_and_no_empty_revert(home: Chain, probe: Contract) -> None:
    with reverts(halt=True) as caught:
        probe.burn_all_gas(sender=home.account(0), gas=100_000)
    assert "out of gas" in str(caught.value)
    assert caught.value.receipt is not None
    assert caught.value.receipt.gas_used == 100_000
    with pytest.raises(AssertionError), reverts():
        probe.burn_all_gas(sender=home.account(0), gas=100_000)
    with reverts(halt=True):
        probe.burn_all_gas.call(gas=100_000)


def test_a_constructor(home: Chain) -> None:
    with reverts("probe: unlucky supply"):
        home.deploy("HarnessProbeMock", 666, sender=home.account(0))
    with reverts(error="ProbeRefused", args=(667,)):
        home.deploy("HarnessProbeMock", 667, sender=home.account(0))


def test_a_failed_transaction_takes_a_block_and_changes_nothing(
    home: Chain, probe: Contract
) -> None:
    block, nonce = home.block_number, home.nonce(home.account(0))
    with reverts("probe: no"):
        probe.fail_with_reason("probe: no", sender=home.account(0))
    assert (home.block_number, home.nonce(home.account(0))) == (block + 1, nonce + 1)
    assert probe.counter() == 0


def test_failure_can_be_a_receipt(home: Chain, probe: Contract) -> None:
    receipt = probe.fail_bare.send(sender=home.account(0), allow_failure=True)
    assert (receipt.status, receipt.events, receipt.return_value) == (0, (), None)


@pytest.mark.parametrize(
    "expected",
    [
        reverts("probe: no "),
        reverts("probe"),
        reverts(),
        reverts(error="ProbeRefused"),
        reverts(panic=17),
        reverts(halt=True),
        reverts(data=b""),
    ],
)
def test_only_the_exact_revert_passes(probe: Contract, expected: reverts) -> None:
    with pytest.raises(AssertionError, match=r"reverted: probe: no; expected"), expected:
        probe.fail_with_reason.call("probe: no")


@pytest.mark.parametrize("args", [(1,), (1, 2, 3), (None, 5)])
def test_arguments_of_an_error_must_be_all_there_and_equal(probe: Contract, args: tuple) -> None:
    with pytest.raises(AssertionError), reverts(error="ProbeRefused", args=args):
        probe.fail_with_error.call(probe, 5)


def test_it_fails_when_nothing_reverted(probe: Contract) -> None:
    with (
        pytest.raises(AssertionError, match=r"did not revert; expected: reverted: x"),
        reverts("x"),
    ):
        probe.counter()


def test_other_exceptions_pass_through() -> None:
    with pytest.raises(KeyError), reverts("x"):
        raise KeyError("y")


def test_two_expectations_are_one_too_many() -> None:
    with pytest.raises(TypeError):
        reverts("x", error="Y")
    with pytest.raises(TypeError):
        reverts(args=(1,))


def test_a_revert_without_matching_abi_keeps_its_data() -> None:
    assert str(Revert(b"\1\2\3")) == "reverted with unknown data 0x010203"
