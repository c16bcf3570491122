"""Emergencies: a release that runs before its notice is over, and what becomes of it."""

from __future__ import annotations

from typing import Final

from tallystick.deploy import upgrade as upgrades
from tallystick.governance.release import APPROVERS, Version, release_id
from tallystick.local.network import Network
from tests.support.world import STATED

__all__ = ["NAME", "hurry", "notice", "propose_ratification", "ratify"]

# In one piece.
NAME: Final = "InstrumentRegistry"


def notice(network: Network, ledger: str, version: Version) -> None:
    """The registry's same code under another number: an emergency leaves the layout as it is."""
    suite, upgrader = network.suite(ledger), network.signers(ledger)["upgrader"]
    code = upgrades.deploy_implementation(suite.chain, NAME, sender=upgrader)
    upgrades.register_release(suite, NAME, NAME, version, str(code.address), sender=upgrader)
    upgrades.give_notice(suite, NAME, version, sender=upgrader)


def hurry(network: Network, ledger: str, version: Version) -> None:
    """Such a release runs before its notice is over."""
    suite, signers = network.suite(ledger), network.signers(ledger)
    notice(network, ledger, version)
    for role in APPROVERS:
        upgrades.approve(suite, NAME, version, sender=signers[role])
    running = (suite.registry, release_id(NAME, version), *STATED)
    suite.authority.activate_in_emergency(*running, sender=signers["guardian"])


def propose_ratification(network: Network, ledger: str, version: Version) -> bytes:
    """An administrator proposes to keep it; returns the act."""
    suite, (one, _) = network.suite(ledger), network.administrators(ledger)
    running = (suite.registry, release_id(NAME, version), *STATED)
    return bytes(suite.authority.propose_ratification(*running, sender=one).return_value)


def ratify(network: Network, ledger: str, version: Version) -> None:
    """Another ratifies it."""
    suite, (_, other) = network.suite(ledger), network.administrators(ledger)
    suite.authority.ratify(suite.registry, release_id(NAME, version), *STATED, sender=other)
