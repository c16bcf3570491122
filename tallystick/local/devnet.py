"""A local network to build against: anvil ledgers with the suite on them, in the foreground.

Holders are admitted and hold what the instrument file says, lanes are open, a courier runs. The
ledgers' clocks agree and a block is mined every second, so that finality and lock times pass by
themselves. Whatever was started is stopped when the command ends, however it ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from tallystick.bridge.message import party
from tallystick.build import source_root
from tallystick.chain import Chain, ChainError
from tallystick.chain.anvil import AnvilChain
from tallystick.chain.local import require_distinct
from tallystick.chain.process import find_anvil
from tallystick.courier.courier import Courier
from tallystick.deploy.deploy import StepState
from tallystick.errors import CheckFailed, InputError
from tallystick.files.instrument import Instrument, LedgerEntry
from tallystick.files.manifest import Manifest
from tallystick.local.network import Network
from tallystick.reach.connection import Connection, connect
from tallystick.status.observe import status_of
from tallystick.token.position import calendar_day

__all__ = [
    "NO_ANVIL",
    "check_joining",
    "default_instrument",
    "manifests_of",
    "open_devnet",
    "populate",
    "with_ledgers",
]

NO_ANVIL: Final = (
    "anvil is not installed: run `npm ci` in the checkout, put anvil on PATH, or name it in "
    "TALLYSTICK_ANVIL"
)
# Where the wheel carries what a checkout has in examples/ (setup.py).
_PACKAGED: Final = Path(__file__).resolve().parent.parent / "examples"
_DAY: Final = 86_400
_FIRST_CHAIN_ID: Final = 41_001
# More than the blocks that any message needs to become final and arrive.
_ROUNDS: Final = 50


def default_instrument() -> Path:
    """Return the instrument file that is used when none is given: a checkout's, or the wheel's.

    Raises:
        InputError: there is none, as the package was installed from neither.
    """
    root = source_root()
    folder = _PACKAGED if root is None else root / "examples"
    path = folder / "apple.yaml"
    if not path.is_file():
        raise InputError("tallystick", "--instrument", "missing", "an instrument file")
    return path


def with_ledgers(path: Path, instrument: Instrument, count: int | None) -> Instrument:
    """Return the instrument on `count` ledgers; those that it lacks are called `remote-2` and on.

    Raises:
        InputError: fewer than two, or a holder lives on a ledger that would be left out.
    """
    present = list(instrument.ledgers)
    wanted = len(present) if count is None else count
    if wanted < 2:
        raise InputError(path, "ledgers", wanted, "at least two ledgers")
    if wanted < len(present):
        others = [ledger for ledger in present if ledger.name != instrument.home]
        kept = {instrument.home, *(ledger.name for ledger in others[: wanted - 1])}
        for at, holder in enumerate(instrument.holders):
            if holder.ledger not in kept:
                expected = f"one of the {wanted} ledgers: {', '.join(sorted(kept))}"
                raise InputError(path, f"holders[{at}].ledger", holder.ledger, expected)
        present = [ledger for ledger in present if ledger.name in kept]
    number = 2
    while len(present) < wanted:
        name = f"remote-{number}"
        number += 1
        if all(ledger.name != name for ledger in present):
            present.append(LedgerEntry(name=name, dti_of="unassigned"))
    return instrument.model_copy(update={"ledgers": tuple(present)})


def populate(network: Network, instrument: Instrument) -> None:
    """Admit the holders of an instrument file and give them what it says.

    Everything is issued at home. What a holder on another ledger has is issued to that holder's
    account at home and locked there for it; the courier brings it over.
    """
    home = instrument.home
    now = network.chains[home].now
    allotments: list[tuple[str, int]] = []
    crossing: list[tuple[int, str, int]] = []
    for number, holder in enumerate(instrument.holders):
        amount = instrument.holder_units(holder)
        if holder.until_day < calendar_day(now):
            if amount:
                raise CheckFailed(f"{holder.name} holds units, and its eligibility has ended")
            continue
        account = network.holder(holder.ledger, number)
        network.admit(network.suite(holder.ledger), account, holder.until_day)
        if not amount:
            continue
        at_home = network.holder(home, number)
        if holder.ledger != home:
            network.admit(network.suite(home), at_home, holder.until_day)
            crossing.append((number, holder.ledger, amount))
        allotments.append((at_home.address, amount))
    if not allotments:
        return
    network.issue(allotments)
    suite = network.suite(home)
    for number, ledger, amount in crossing:
        lane = next(each for each in network.manifest.lanes if each.remote == ledger).id_bytes
        sender = network.holder(home, number)
        suite.custodies[lane].lock(
            lane,
            party(network.holder(ledger, number).address),
            amount,
            suite.chain.now + _DAY,
            sender=sender,
        )


def check_joining(paths: Sequence[Path], instruments: Sequence[Instrument]) -> None:
    """Make sure that instruments can share a network.

    Raises:
        InputError: two have one ISIN, or one lives where the first does not.
    """
    first, seen = instruments[0], dict[str, Path]()
    there = [ledger.name for ledger in first.ledgers]
    for path, instrument in zip(paths, instruments, strict=True):
        if instrument.isin in seen:
            expected = f"another ISIN than that of {seen[instrument.isin]}"
            raise InputError(path, "isin", instrument.isin, expected)
        seen[instrument.isin] = path
        for at, ledger in enumerate(instrument.ledgers):
            if ledger.name not in there:
                expected = f"one of the ledgers of {paths[0]}: {', '.join(there)}"
                raise InputError(path, f"ledgers[{at}].name", ledger.name, expected)


def tick(chains: Mapping[str, Chain]) -> None:
    """Mine a block everywhere; who is behind catches up, so that the clocks agree."""
    latest = max(chain.now for chain in chains.values())
    for chain in chains.values():
        if chain.now < latest:
            chain.set_time(latest)
        chain.mine()


def manifests_of(manifest_path: Path, instruments: Sequence[Instrument]) -> tuple[Path, ...]:
    """Return where each instrument's manifest is: the others' beside the first, by ISIN."""
    folder = manifest_path.parent
    others = (folder / each.isin / manifest_path.name for each in instruments[1:])
    return (manifest_path, *others)


@contextmanager
def open_devnet(
    instruments: Sequence[Instrument],
    manifest_path: Path,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[Connection, ...]]:
    """A local network that is ready; its ledgers are stopped on leaving the block.

    Args:
        instruments: the first is set up with the suite, the others join it.
        manifest_path: where the first's manifest is written.
        progress: called with what is being done.

    Yields:
        a connection for each instrument.

    Raises:
        ChainError: no anvil, or it does not start.
        CheckFailed: the network that came up is not sound.
    """
    if find_anvil() is None:
        raise ChainError(NO_ANVIL)
    first, *others = instruments
    progress(f"starting {len(first.ledgers)} ledgers")
    with ExitStack() as opened:
        chains = _started(first, opened)

        def told(step: StepState) -> None:
            progress(f"{step.ledger}: {step.title}")

        suite = Network.deploy(first, chains, progress=told)
        joined: list[Network] = []
        for each in others:
            joined.append(suite.join(each, progress=told))
            suite = suite.beside(each.isin)
            joined = [other.beside(each.isin) for other in joined[:-1]] + joined[-1:]
        connections = []
        for network, each, path in zip(
            (suite, *joined), instruments, manifests_of(manifest_path, instruments), strict=True
        ):
            progress(f"{each.isin}: admitting holders, placing the issue")
            populate(network, each)
            network.manifest.write(path)
            # As everybody else will: from the file alone.
            connection = connect(Manifest.load(path))
            opened.callback(connection.close)
            settle(Courier(connection), chains)
            status = status_of(connection)
            if not status.ok:
                broken = "; ".join(str(part) for v in status.verdicts for part in v.breaks)
                raise CheckFailed(f"the network is not sound: {broken}")
            connections.append(connection)
        yield tuple(connections)


def _started(instrument: Instrument, opened: ExitStack) -> dict[str, Chain]:
    """The ledgers of an instrument as anvil processes; each has a first block of its own."""
    now = int(time.time())
    chains: dict[str, Chain] = {}
    for number, entry in enumerate(instrument.ledgers):
        chains[entry.name] = opened.enter_context(
            AnvilChain(
                entry.name,
                _FIRST_CHAIN_ID + number,
                ledger_number=1 + number,
                clock="wall",
                genesis_time=now - number,
            )
        )
    require_distinct(list(chains.values()))
    return chains


def settle(courier: Courier, chains: Mapping[str, Chain]) -> None:
    """Let blocks pass until nothing is in transit."""
    quiet = 0
    for _ in range(_ROUNDS):
        tick(chains)
        # One step without anything may only mean that blocks are missing to finality.
        quiet = 0 if courier.step() else quiet + 1
        if quiet > max(
            ledger.finality.blocks or 0 for ledger in courier.connection.manifest.ledgers
        ):
            return
    raise CheckFailed(f"messages are in transit after {_ROUNDS} blocks")
