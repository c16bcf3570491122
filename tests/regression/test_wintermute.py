"""Wintermute and Optimism, June 2022, 20M OP: units went to an address that nobody had there.

Broke: the recipient was a contract on one ledger only; on the other somebody else took its address.
Holds: only accounts that this ledger's registrar admitted are credited; else the units wait, and
registrar and custodian find them another payee.
Where: `contracts/token/issuance.vy`, `contracts/bridge/transit.vy`.
Told by: its makers' report.
"""

from __future__ import annotations

import pytest

from tests.support.weakened import lacking
from tests.support.world import STATED, World


@pytest.mark.requirement("R-24")
def test_an_account_that_nobody_admitted_here_is_not_credited(world: World) -> None:
    side = world.remote
    message = world.locked(1_000, side.outsider)
    with lacking(world, "SecurityToken", "whoever is credited on arrival"):
        world.deliver(message)
        assert side.balance(side.outsider) == 1_000
    assert world.deliver(message).return_value is False
    assert (side.balance(side.outsider), side.balance(side.custody)) == (0, 1_000)
    given = (message.as_tuple(), side.investor, *STATED)
    side.escrow.propose_redirect(*given, sender=side.registrar)
    side.escrow.redirect(*given, sender=side.custodian)
    assert side.balance(side.investor) == 1_000
