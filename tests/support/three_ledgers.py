"""A suite on three live ledgers, home and two others, with engines: what anyone does there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Self

from tallystick.actions.message import ActionsMessage, Told, message_from
from tallystick.bridge.attestation import Domain, SignerSet, attest
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Contract
from tallystick.chain.embedded import EmbeddedChain
from tallystick.files.instrument import load_instrument
from tallystick.local.network import Network
from tests.support.actions import ENGINE_ATTESTORS, EVENT_ATTESTORS, GENESIS, domain_of
from tests.support.world import (
    AMOUNT_MAX,
    DAY,
    ELIGIBLE_UNTIL,
    ISIN,
    ROOT,
    STATED,
    UINT_MAX,
    Side,
    side_on,
)

HOME: Final = "home"
REMOTES: Final = ("remote", "third")
HOLDERS: Final = ("investor", "buyer")
LATER: Final = "outsider"


@dataclass(frozen=True)
class ThreeLedgers:
    """The suite; each ledger's side, lanes and somebody else's bridges by ledger name."""

    network: Network
    sides: Mapping[str, Side]
    lanes: Mapping[str, bytes]
    bridges: Mapping[str, Contract]

    @classmethod
    def deploy(cls, units: int) -> Self:
        """Every holder has so many units at home, and may hold everywhere; so may the agent."""
        chains = {
            name: EmbeddedChain(name, 41_000 + number, ledger_number=number, genesis_time=GENESIS)
            for number, name in enumerate((HOME, *REMOTES), start=1)
        }
        issue = load_instrument(ROOT / "examples" / "apple.yaml")
        third = issue.ledgers[1].model_copy(update={"name": REMOTES[1]})
        whole, rest = divmod(AMOUNT_MAX, 10**issue.decimals)
        issue = issue.model_copy(
            update={
                "ledgers": (*issue.ledgers, third),
                "authorised": Decimal(f"{whole}.{rest:0{issue.decimals}}"),
            }
        )
        network = Network.deploy(issue, chains, attestors=range(11, 17), threshold=2)
        sides = {name: side_on(network, name) for name in (HOME, REMOTES[0])}
        sides[REMOTES[1]] = side_on(network, REMOTES[1], network.manifest.lanes[-1].id_bytes)
        lanes = {each.remote: bytes(each.id_bytes) for each in network.manifest.lanes}
        for name, side in sides.items():
            for holder in (*HOLDERS, "fund"):
                network.admit(network.suite(name), side.parties[holder], ELIGIBLE_UNTIL)
        network.issue([(sides[HOME].parties[holder], units) for holder in HOLDERS])
        bridges = {}
        for name, side in sides.items():
            side.engine.propose_fractions_agent(side.fund, *STATED, sender=side.operator)
            bridges[name] = side.foreign_bridge()
            side.engine.set_fractions_agent(side.fund, *STATED, sender=side.administrator)
            for holder in HOLDERS:
                side.token.approve(bridges[name], UINT_MAX, sender=side.parties[holder])
        return cls(network, sides, lanes, bridges)

    @property
    def home(self) -> Side:
        """The home ledger."""
        return self.sides[HOME]

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Undo what the block does to any ledger."""
        with ExitStack() as stack:
            for side in self.sides.values():
                stack.enter_context(side.chain.isolated())
            yield

    def remote_of(self, lane: bytes) -> str:
        """The other ledger of a lane."""
        return next(name for name, each in self.lanes.items() if each == lane)

    def signed(self, source: str, told: Told) -> tuple[ActionsMessage, bytes]:
        """The message with which a ledger's engine tells something, and what attestors sign."""
        domain = domain_of(self.sides[source].engine)
        message = message_from(domain, ISIN, told)
        return message, ENGINE_ATTESTORS.sign(domain, message.id)

    def confirmed(self, signed: bytes) -> bytes:
        """What event attestors sign of a version."""
        return EVENT_ATTESTORS.sign(domain_of(self.home.engine), signed)

    def leave(
        self, source: str, lane: bytes, sender: Any, recipient: bytes, units: int, days: int
    ) -> Any:
        """Units leave a ledger by a lane."""
        side = self.sides[source]
        contract = side.custody_of(lane) if source == HOME else side.escrow
        act = contract.lock if source == HOME else contract.burn
        return act(lane, recipient, units, side.chain.now + days * DAY, sender=sender)

    def deliver(self, message: LaneMessage, where: str) -> Any:
        """A courier delivers a message."""
        side, network = self.sides[where], self.network
        keys = {str(each.address): each.key for each in network.attestors}
        signers: SignerSet = network.signer_set()
        proof = attest(
            message,
            signers,
            Domain(side.chain.chain_id, str(side.escrow.address)),
            [key for each in signers.signers[: signers.threshold] if (key := keys[each])],
        )
        return side.escrow.deliver(message.as_tuple(), proof, sender=side.courier)
