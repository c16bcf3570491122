"""One ledger with peers on it, and the gas of what they do there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallystick.build import Artifact
from tallystick.chain import Chain, Contract

__all__ = ["PeerBench"]


class PeerBench:
    """Deploys peers and keeps figures; account 0 owns everything and is every agent.

    Attributes:
        gas: of the whole transaction, by operation of ours, then by peer.
    """

    def __init__(self, chain: Chain, code: Mapping[str, Artifact]) -> None:
        self.gas: dict[str, dict[str, int]] = {}
        self.chain = chain
        self.code = code
        self.owner, *self.people = chain.accounts(6)

    def note(self, operation: str, peer: str, receipt: Any) -> None:
        """Keep what one transaction took."""
        self.keep(operation, peer, receipt.gas_used)

    def keep(self, operation: str, peer: str, gas: int) -> None:
        """Keep a figure, once."""
        peers = self.gas.setdefault(operation, {})
        assert peer not in peers, (operation, peer)
        peers[peer] = gas

    def deploy(self, name: str, *args: Any) -> Contract:
        """Deploy a contract of the peers by its name."""
        return self.chain.deploy(self.code[name], *args, sender=self.owner)

    def behind(self, proxy: str, name: str, *args: Any) -> Contract:
        """Return a proxy as what it stands for."""
        return self.chain.at(self.code[name], self.deploy(proxy, *args))
