"""Accounts of a mnemonic are those that every other wallet derives."""

from __future__ import annotations

import pytest
from eth_account import Account

from tallystick.chain.account import JUNK_MNEMONIC, derive_account

Account.enable_unaudited_hdwallet_features()


def test_the_public_mnemonic_gives_the_addresses_that_everybody_knows() -> None:
    found = [derive_account(JUNK_MNEMONIC, 0, index).address for index in range(3)]
    assert found == [
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    ]


@pytest.mark.parametrize(
    "mnemonic",
    [JUNK_MNEMONIC, "legal winner thank year wave sausage worth useful legal winner thank yellow"],
)
@pytest.mark.parametrize(("ledger", "index"), [(0, 0), (1, 0), (2, 63), (8, 2**31 - 1)])
def test_they_are_those_of_the_whole_path(mnemonic: str, ledger: int, index: int) -> None:
    ours = derive_account(mnemonic, ledger, index)
    theirs = Account.from_mnemonic(mnemonic, account_path=ours.path)
    assert (ours.address, ours.key) == (theirs.address, bytes(theirs.key))
    assert ours.path == f"m/44'/60'/{ledger}'/0/{index}"
    # However the words were typed.
    assert derive_account(f"  {mnemonic.replace(' ', '  ')}\n", ledger, index) == ours
