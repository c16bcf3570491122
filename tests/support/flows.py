"""What the tests over two ledgers share: the parties, the clocks, a picture of all that is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from tallystick.bridge.figures import Figure
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Account, Contract, Event, Receipt
from tallystick.courier.courier import Courier
from tallystick.governance.roles import reason_code
from tallystick.local.network import COURIER, Network
from tallystick.reach.connection import Suite

DAY = 86_400
FINALITY = 3
REASON, DOCUMENT = reason_code("TEST"), keccak(text="order")
NOBODY = "0x" + "00" * 20


def figure_key(figure: Figure, day: int) -> int:
    """The key, of a lane, of a day's opening; with `day % SLOTS`, of its slot."""
    return figure << 16 | day


@dataclass(frozen=True)
class Parties:
    """The holders on both ledgers, the custodies of the lane, and who carries messages."""

    investor: Account
    fund: Account
    unverified: Account
    investor_abroad: Account
    fund_abroad: Account
    unverified_abroad: Account
    home_custody: Contract
    remote_custody: Contract
    courier: Account
    courier_abroad: Account

    @classmethod
    def of(cls, network: Network) -> Parties:
        """Return the parties of a network."""
        (home_custody,) = network.home.custodies.values()
        (remote_custody,) = network.remote.custodies.values()
        return cls(
            *(network.holder("home", number) for number in range(3)),
            *(network.holder("remote", number) for number in range(3)),
            home_custody=home_custody,
            remote_custody=remote_custody,
            courier=network.home.chain.account(COURIER),
            courier_abroad=network.remote.chain.account(COURIER),
        )


def meet(network: Network, ahead: int = 5) -> None:
    """Both clocks show the same, somewhat later than the later of the two."""
    chains = [suite.chain for suite in network.suites.values()]
    latest = max(chain.now for chain in chains) + ahead
    for chain in chains:
        chain.set_time(latest)


def arrive(network: Network, message: LaneMessage, *attestations: bytes) -> Receipt:
    """Deliver as soon as the destination's clock has reached the lock time."""
    await_lock_time(network, message)
    return network.deliver(message, *attestations)


def await_lock_time(network: Network, message: LaneMessage) -> None:
    """Let the destination's clock reach the lock time."""
    chain = network.destination(message).chain
    if chain.now < message.lock_time:
        chain.set_time(message.lock_time)


def picture(network: Network, *suites: Suite) -> dict[str, Any]:
    """All that token, escrow and custody keep on both ledgers, or on some; to see what changed."""
    seen: dict[str, Any] = {}
    parties = Parties.of(network)
    for suite in suites or tuple(network.suites.values()):
        name, token, escrow = suite.chain.name, suite.token, suite.escrow
        custody = parties.home_custody if suite is network.home else parties.remote_custody
        accounts = [network.holder(name, number) for number in range(3)]
        for account in (*accounts, custody):
            seen[f"{name} {account}"] = token.position_of(account)
        seen[f"{name} supply"] = token.totalSupply()
        seen[f"{name} authorised"] = token.authorised()
        seen[f"{name} scopes"] = token.paused_scopes()
        seen[f"{name} lane"] = escrow.lane_state(network.lane)
        seen[f"{name} sent"] = escrow.outbox(network.lane, 0)
        for nonce in range(4):
            seen[f"{name} arrived {nonce}"] = escrow.has_arrived(network.lane, nonce)
    return seen


def transfer(suite: Suite, sender: Any, receiver: Any, amount: int) -> Event:
    """The token's event of a movement."""
    return suite.token.emitted("Transfer", str(sender), str(receiver), amount)


def sent(suite: Suite, network: Network, message: LaneMessage) -> Event:
    """The escrow's event of a message that left."""
    return suite.escrow.emitted(
        "MessageSent", lane=network.lane, id=message.id, message=message.as_tuple()
    )


def delivered(suite: Suite, message: LaneMessage, *, suspended: bool = False) -> Event:
    """The escrow's event of a message that arrived."""
    return suite.escrow.emitted(
        "MessageDelivered",
        lane=message.lane,
        id=message.id,
        nonce=message.nonce,
        amount=message.amount,
        suspended=suspended,
    )


def suspended(suite: Suite, message: LaneMessage) -> Event:
    """The escrow's event of units that wait for their recipient."""
    return suite.escrow.emitted(
        "UnitsSuspended",
        lane=message.lane,
        recipient=message.recipient,
        id=message.id,
        amount=message.amount,
    )


def courier_of(network: Network) -> Courier:
    """A courier with all attestors' keys, who waits for finality."""
    connection = network.connection
    return Courier(connection, attestors=network.attestors)
