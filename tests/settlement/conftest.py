"""A ledger with cash: the issuer has issued some to a payer; what a test does is undone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tallystick.chain.embedded import EmbeddedChain
from tests.settlement.party import ISSUED, Ledger
from tests.support.cash import new_cash


@pytest.fixture(scope="session")
def issued() -> Ledger:
    chain = EmbeddedChain()
    ledger = Ledger(chain, new_cash(chain, chain.account(1)))
    ledger.cash.mint(ledger.payer, ISSUED, sender=ledger.issuer)
    return ledger


@pytest.fixture
def ledger(issued: Ledger) -> Iterator[Ledger]:
    """The ledger, its cash and its parties."""
    with issued.chain.isolated():
        yield issued
