"""A courier on the worst of days: every habit of nodes at once, and killed again and again.

`python -m tests.courier.soak` carries 500 messages over three ledgers and says what it took. Blocks
come by themselves; a courier is a process, which is killed by the kernel in the middle of whatever
it does, and followed by another one that has its journal.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tallystick.bridge.message import party
from tallystick.chain.anvil import AnvilChain
from tallystick.chain.rpc import RpcChain
from tallystick.cli.courier import Outcome, run
from tallystick.courier.courier import Courier
from tallystick.files.instrument import load_instrument
from tallystick.kit.node import MILD, MisbehavingNode
from tallystick.local.devnet import populate, settle, tick, with_ledgers
from tallystick.local.network import Network
from tallystick.reach.connection import connection_of
from tallystick.reach.sending import Ledgers, SentJournal
from tests.support.commands import APPLE

__all__ = ["Soaked", "soak"]

NAMES: Final = ("home", "remote", "remote-2")
_DAY: Final = 86_400


@dataclass(frozen=True)
class Soaked:
    """What a soak came to.

    Attributes:
        messages: how many were sent.
        arrived: how many of them the ledgers have.
        sent: transactions that the courier's accounts sent, on all ledgers.
        useful: those of them by which something arrived.
        kills: how often a courier was killed.
        halts: how often a direction was said to stop, or to be incomplete.
        met: how often each habit was met.
        requests: HTTP requests.
        seconds: of the clock on the wall.
        sound: whether every invariant holds.
    """

    messages: int
    arrived: int
    sent: int
    useful: int
    kills: int
    halts: int
    met: Mapping[str, int]
    requests: int
    seconds: float
    sound: bool


def soak(messages: int, kills: int, *, seed: int = 1, patience: float = 600.0) -> Soaked:
    """Carry messages through nodes with every habit, in couriers that are killed.

    Args:
        messages: how many, in four directions.
        kills: how often a courier is killed at least.
        seed: decides which habits are met, and when a courier is killed.
        patience: seconds after which it is over, whatever arrived.
    """
    chance = random.Random(seed)
    with ExitStack() as opened:
        network = _network(opened)
        nodes = {
            name: opened.enter_context(MisbehavingNode(chain.url, MILD, seed=seed + number))
            for number, (name, chain) in enumerate(network.chains.items())
        }
        for node in nodes.values():
            # Whoever is killed says no good-bye.
            node._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        payers = {name: network.signers(name)["courier"] for name in NAMES}
        before = sum(chain.nonce(payers[name]) for name, chain in network.chains.items())
        wanted, useful = _arrived(network) + messages, len(_arrivals(network))
        started, killed = time.monotonic(), 0
        opened.enter_context(_passing(network))
        left = _sent(network, messages)
        while time.monotonic() - started < patience:
            next(left, None)
            with _process(network, nodes, folder) as process:
                # By what it asked for, not by time: a machine may be slow.
                end = _requests(nodes) + chance.randrange(50, 600 + 2 * messages)
                while _requests(nodes) < end and _arrived(network) < wanted:
                    if time.monotonic() - started > patience:
                        break
                    time.sleep(0.1)
                if _arrived(network) < wanted or killed < kills:
                    os.kill(process, signal.SIGKILL)
                    killed += 1
                    continue
                break
        for chain in network.chains.values():
            chain.mine(4)
        lines = [json.loads(line) for line in (folder / "said").read_text().splitlines()]
        return Soaked(
            messages=messages,
            arrived=_arrived(network) - wanted + messages,
            sent=sum(chain.nonce(payers[name]) for name, chain in network.chains.items()) - before,
            useful=len(_arrivals(network)) - useful,
            kills=killed,
            halts=sum(line["what"] in {"stopped", "incomplete"} for line in lines),
            met=sum((node.met for node in nodes.values()), Counter()),
            requests=_requests(nodes),
            seconds=time.monotonic() - started,
            sound=network.status().ok,
        )


def _network(opened: ExitStack) -> Network:
    """Three ledgers with holders on each; nothing is under way."""
    instrument = with_ledgers(APPLE, load_instrument(APPLE), len(NAMES))
    chains = {
        name: opened.enter_context(AnvilChain(name, 41_001 + number, ledger_number=1 + number))
        for number, name in enumerate(NAMES)
    }
    network = Network.deploy(instrument, chains)
    populate(network, instrument)
    home = network.home
    for lane in network.manifest.lanes:
        chain = chains[lane.remote]
        there, holder = network.suite(lane.remote), network.holder("home", 0)
        network.admit(there, chain.account(60), 40_000)
        to, later = party(chain.account(60).address), home.chain.now + 30 * _DAY
        home.custodies[lane.id_bytes].lock(lane.id_bytes, to, 10**6, later, sender=holder)
    network.admit(home, chains["home"].account(60), 40_000)
    settle(Courier(network.connection), chains)
    return network


@contextmanager
def _passing(network: Network) -> Iterator[None]:
    """Blocks come by themselves, and clocks agree."""
    ended = threading.Event()

    def pass_by() -> None:
        own = {
            name: AnvilChain(name, chain.chain_id, url=chain.url)
            for name, chain in network.chains.items()
        }
        while not ended.wait(0.25):
            tick(own)
        for chain in own.values():
            chain.close()

    chains: Any = network.chains.values()
    for chain in chains:
        chain.set_automine(False)
    thread = threading.Thread(target=pass_by)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for chain in chains:
            chain.set_automine(True)


def _sent(network: Network, messages: int) -> Iterator[None]:
    """Send them all, a quarter at a time, as many each way."""
    lanes = network.manifest.lanes
    ways = [(lane, home) for lane in lanes for home in (True, False)]
    for number in range(messages):
        lane, from_home = ways[number % len(ways)]
        suite = network.suite("home" if from_home else lane.remote)
        chain: Any = suite.chain
        to = network.chains[lane.remote if from_home else "home"].account(60).address
        sender = network.holder("home", 0) if from_home else chain.account(60)
        end = suite.custodies[lane.id_bytes] if from_home else suite.escrow
        act = end.lock if from_home else end.burn
        data = act.encode(lane.id_bytes, party(str(to)), 1 + number, chain.now + 30 * _DAY)
        chain.submit(sender=sender, to=end.address, data=data, gas=400_000)
        if number % (messages // 4) == 0:
            yield


def _requests(nodes: Mapping[str, MisbehavingNode]) -> int:
    return sum(node.http_requests for node in nodes.values())


def _arrived(network: Network) -> int:
    """How many messages the ledgers have."""
    count = 0
    for lane in network.manifest.lanes:
        for source, destination in ((lane.home, lane.remote), (lane.remote, lane.home)):
            sent = int(network.suite(source).escrow.lane_state(lane.id_bytes).sent)
            escrow = network.suite(destination).escrow
            calls = [(escrow, escrow.has_arrived.encode(lane.id_bytes, n)) for n in range(sent)]
            count += sum(map(escrow.has_arrived.decode, escrow.chain.call_all(calls)))
    return count


def _arrivals(network: Network) -> set[str]:
    """The transactions by which something arrived, on all ledgers."""
    return {
        event.tx_hash
        for name in NAMES
        for event in network.suite(name).escrow.events()
        if event.name == "MessageDelivered"
    }


@contextmanager
def _process(network: Network, nodes: Mapping[str, MisbehavingNode], folder: Path) -> Iterator[int]:
    """A courier in a process of its own, which is gone afterwards."""
    process = os.fork()
    if process == 0:
        try:
            _carry(network, nodes, folder)
        finally:
            os._exit(1)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def _carry(network: Network, nodes: Mapping[str, MisbehavingNode], folder: Path) -> None:
    chains: dict[str, Any] = {}
    while len(chains) < len(nodes):
        for name, node in nodes.items():
            # As ever, it may take more than one attempt to reach one.
            with contextlib.suppress(Exception):
                number = network.chains[name].ledger_number
                chains[name] = RpcChain(name, node.url, ledger_number=number, replace_after=3.0)
    connection = connection_of(network.manifest, chains)
    ledgers = Ledgers(connection, journal=SentJournal(folder / "sent.json"))
    with (folder / "said").open("a", buffering=1) as said:

        def report(outcome: Outcome) -> None:
            said.write(json.dumps(outcome.as_dict()) + "\n")

        run([Courier(connection, ledgers=ledgers)], report, lambda: time.sleep(0.1))


def main() -> int:
    """Print what a soak came to; 1 if something did not arrive, or was sent twice."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=500)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    found = soak(given.messages, given.kills, seed=given.seed, patience=1_600)
    print(found)
    once = found.arrived == found.messages and found.sent == found.useful
    return 0 if once and found.sound else 1


if __name__ == "__main__":
    sys.exit(main())
