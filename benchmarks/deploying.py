"""How long a deployment takes where blocks take their time, and how long one by one.

`python -m benchmarks.deploying` deploys a plan twice on three ledgers with a block a second: as
`deploy` does it, and with each transaction waited for before the next one is sent anywhere.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tallystick.chain import Chain, Receipt
from tallystick.chain.anvil import AnvilChain
from tallystick.chain.local import default_specs
from tallystick.chain.rpc import RpcChain
from tallystick.deploy.deploy import deploy
from tallystick.errors import InputError
from tallystick.files.instrument import load_instrument
from tallystick.files.plan import Plan
from tallystick.local.devnet import with_ledgers
from tallystick.local.network import local_plan
from tallystick.reach.accounts import Finder, Parties

__all__ = ["Found", "meant", "measure", "mined_by_the_clock", "reached"]

_APPLE = Path(__file__).resolve().parents[1] / "examples" / "apple.yaml"


class OneByOne(RpcChain):
    """A ledger on which every transaction is waited for at once."""

    def begin(
        self, *, sender: object, nonce: int, to: object = None, data: bytes = b""
    ) -> Callable[[], Receipt]:
        receipt = self.send(sender=sender, to=to, data=data)
        assert self.nonce(sender) == nonce + 1
        return lambda: receipt


class Found(NamedTuple):
    """What was measured: seconds, and transactions on all ledgers."""

    seconds: float
    one_by_one: float
    transactions: int

    @property
    def times(self) -> float:
        """How many times as fast."""
        return self.one_by_one / self.seconds


@contextmanager
def mined_by_the_clock(count: int, seconds: float) -> Iterator[tuple[AnvilChain, ...]]:
    """Open ledgers that have a block every so many seconds, whatever is sent."""
    with ExitStack() as stack:
        found = tuple(
            stack.enter_context(
                AnvilChain(each.name, each.chain_id, ledger_number=each.ledger_number)
            )
            for each in default_specs(count)
        )
        for chain in found:
            chain.rpc("evm_setIntervalMining", seconds if seconds < 1 else int(seconds))
        yield found


def reached(ledgers: Sequence[Chain], kind: type[RpcChain] = RpcChain) -> dict[str, Chain]:
    """The same ledgers through their addresses, as anybody's node is reached."""
    return {
        each.name: kind(each.name, each.url, ledger_number=each.ledger_number) for each in ledgers
    }


def meant(ledgers: Sequence[Chain]) -> tuple[Plan, Parties]:
    """The plan of an instrument on ledgers, and its parties."""
    instrument = with_ledgers(_APPLE, load_instrument(_APPLE), len(ledgers))
    plan = local_plan(instrument, {each.name: each for each in ledgers})
    return plan, Finder(_APPLE, plan).parties()


def measure(count: int = 3, seconds: float = 1.0) -> Found:
    """Deploy on ledgers with a block every so many seconds, twice."""
    times = []
    for kind in (RpcChain, OneByOne):
        with mined_by_the_clock(count, seconds) as ledgers:
            started = time.monotonic()
            report = deploy(*meant(ledgers), reached(ledgers, kind), execute=True)
            times.append(time.monotonic() - started)
            sent = sum(each.nonce(each.account(0)) for each in ledgers)
            assert sent == len(report.steps)
    return Found(times[0], times[1], sent)


# What sending in rounds has to gain.
_LEAST: Final = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where rounds are not at least five times as fast as one by one.

    2 where what was given is none that can be measured, which is said in a line.
    """
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--ledgers", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=1, help="whole, from block to block")
    given = parser.parse_args(arguments)
    try:
        if given.seconds < 1:
            raise InputError(parser.prog, "--seconds", given.seconds, "at least 1")
        found = measure(given.ledgers, given.seconds)
    except InputError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    print(
        f"{found.transactions} transactions on {given.ledgers} ledgers, a block every "
        f"{given.seconds:g} s: {found.seconds:.1f} s; one by one {found.one_by_one:.1f} s, "
        f"{found.times:.1f} times as long"
    )
    return 0 if found.times >= _LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
