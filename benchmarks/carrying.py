"""What it takes to carry many messages: gas, transactions and time, as a courier carries them.

`python -m benchmarks.carrying` carries 1,000 between two anvils, each to one of a hundred holders,
in batches that a quorum attests, one by one, and by proofs of storage. Whatever is sent is signed
here and handed over, as on a live ledger; blocks come at once.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from benchmarks.proofs import Proofs
from benchmarks.rig import AMOUNT, DOCUMENT, REASON, UNTIL_DAY, Rig
from tallystick.chain.rpc import RpcChain
from tallystick.courier.courier import Courier
from tallystick.courier.outcome import Outcome, Proved
from tallystick.local.network import Network
from tallystick.reach.connection import connection_of

__all__ = ["WAYS", "Run", "carry"]

WAYS: Final = ("batches", "one_by_one", "proofs")
_HOLDERS: Final = 100
_FIRST: Final = 300


class Run(NamedTuple):
    """What carrying came to; gas and transactions with those of proofs."""

    way: str
    messages: int
    transactions: int
    gas: int
    seconds: float


def carry(way: str, messages: int) -> Run:
    """Carry so many messages in one of the `WAYS`; raises `AssertionError` if one stays behind."""
    with ExitStack() as opened:
        rig = opened.enter_context(Rig.open("anvil"))
        attestors = list(rig.network.attestors)
        if way == "proofs":
            proofs = Proofs(rig)
            proofs.trust()
            attestors += proofs.members
        if way == "one_by_one":
            alone: Callable[..., Any] = lambda nonces, **_: [(nonce,) for nonce in nonces]  # noqa: E731
            opened.enter_context(patch("tallystick.courier.loads.together", alone))
        _sent(rig, messages)
        chains = {
            name: opened.enter_context(_Handing(rig.network, name)).chain
            for name in rig.network.chains
        }
        carrier = Courier(connection_of(rig.network.manifest, chains), attestors=attestors)
        gas, hashes, arrived = 0, set[str](), 0
        started = time.perf_counter()
        for _ in range(messages):
            told = carrier.step()
            for each in told:
                assert isinstance(each, Outcome | Proved), each
                assert each.what in {"delivered", "waiting", "shown", "proven"}, each
                if each.changed:
                    gas += each.gas_used
                    hashes.add(each.tx_hash)
                    arrived += isinstance(each, Outcome)
            # What a proof cost may be told a step after what it let through.
            if arrived >= messages and not told:
                break
        seconds = time.perf_counter() - started
        assert arrived == messages, f"{arrived} of {messages} arrived"
        return Run(way, messages, len(hashes), gas, seconds)


class _Handing:
    """A ledger behind its node, as a courier elsewhere has it."""

    def __init__(self, network: Network, name: str) -> None:
        own: Any = network.chains[name]
        self.chain = RpcChain(name, own.url, ledger_number=own.ledger_number)

    def __enter__(self) -> _Handing:
        return self

    def __exit__(self, *_: object) -> None:
        self.chain.close()


def _sent(rig: Rig, messages: int) -> None:
    """So many messages are under way and final."""
    network, one = rig.network, rig.network.holder("home", 0)
    chain = rig.remote.chain
    guests = [chain.account(_FIRST + number) for number in range(_HOLDERS)]
    network.admit(rig.home, one, UNTIL_DAY)
    registrar = network.party("remote", "registrar")
    rig.remote.token.batch_admit(guests, UNTIL_DAY, REASON, DOCUMENT, sender=registrar)
    network.issue([(one, messages * AMOUNT)])
    for number in range(messages):
        network.lock(one, guests[number % _HOLDERS], AMOUNT)
    rig.align()
    for each in network.chains.values():
        each.mine(3)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.carrying", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000)
    parser.add_argument("--way", choices=WAYS, action="append")
    given = parser.parse_args(arguments)
    print("way · messages · transactions · gas a message · seconds")
    for way in given.way or WAYS:
        run = carry(way, given.messages)
        each = run.gas // run.messages
        print(
            f"{way:10} {run.messages:6,} {run.transactions:6,} {each:8,} {run.seconds:8.1f}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
