"""The ledgers that a plan names, reached."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.chain import Chain, ChainError
from tallystick.chain.account import JUNK_MNEMONIC
from tallystick.errors import InputError, shown
from tallystick.files.plan import Plan, PlanLedger
from tallystick.files.strict import joined
from tallystick.reach.accounts import (
    MNEMONIC_VARIABLE,
    Finder,
    ape_or_refuse,
    lives_with_command,
)

__all__ = ["Opened", "open_chains"]


@dataclass(frozen=True)
class Opened:
    """The ledgers that a run has at hand.

    Attributes:
        chains: the ledgers by name.
        rehearsal: they end with this run, so that it leaves no files.
        notes: what to tell the user about them.
    """

    chains: Mapping[str, Chain]
    rehearsal: bool
    notes: tuple[str, ...] = ()


@contextmanager
def open_chains(path: Path, plan: Plan, accounts: Finder, active: Any = None) -> Iterator[Opened]:
    """Reach the ledgers of a plan; they are closed on leaving the block.

    Args:
        path: the plan file.
        plan: the plan.
        accounts: finds deployers.
        active: ape's connected provider: then only ledgers on its network are reached.

    Raises:
        InputError: a ledger can't be reached, or has another chain id.
    """
    with ExitStack() as stack:
        if active is not None:
            yield _beside(path, plan, accounts, active, stack)
            return
        chains: dict[str, Chain] = {}
        local = [ledger.name for ledger in plan.ledgers if lives_with_command(ledger)]
        for at, ledger in enumerate(plan.ledgers):
            if lives_with_command(ledger):
                chains[ledger.name] = stack.enter_context(_throw_away(ledger, accounts))
            else:
                chains[ledger.name] = _reach(path, at, ledger, accounts, stack)
        notes: tuple[str, ...] = ()
        if local:
            notes = (f"{', '.join(local)}: on ledgers that end with this command (a rehearsal)",)
        yield Opened(chains, bool(local), notes)


def _throw_away(ledger: PlanLedger, accounts: Finder) -> Chain:
    """A ledger of our own with the plan's chain id."""
    from tallystick.chain.anvil import AnvilChain
    from tallystick.chain.embedded import EmbeddedChain
    from tallystick.chain.process import find_anvil

    words = os.environ.get(MNEMONIC_VARIABLE) or JUNK_MNEMONIC
    kind = EmbeddedChain if find_anvil() is None else AnvilChain
    number = accounts.number(ledger.name)
    return kind(ledger.name, ledger.chain_id, ledger_number=number, mnemonic=words)


def _reach(path: Path, at: int, ledger: PlanLedger, accounts: Finder, stack: ExitStack) -> Chain:
    """A ledger that exists, by its URL or through ape."""
    from tallystick.chain.anvil import connect as attach

    if ledger.rpc is None:
        return _through_ape(path, at, ledger, accounts, stack, ledger.network)
    where, url = joined("ledgers", at, "rpc"), ledger.rpc
    try:
        node: Chain = attach(
            url,
            name=ledger.name,
            ledger_number=accounts.number(ledger.name),
            mnemonic=os.environ.get(MNEMONIC_VARIABLE) or JUNK_MNEMONIC,
        )
    except ChainError as error:
        reason = "that answers" if "no node answers" in str(error) else f"({error})"
        raise InputError(path, where, url, f"a node {reason}") from error
    stack.callback(node.close)
    _check_id(path, at, ledger, node.chain_id)
    alias, where = ledger.accounts.deployer.alias, joined("ledgers", at, "accounts", "deployer")
    deployer = accounts.find(ledger.name, where, ledger.accounts.deployer)
    if alias is None or node.signs_for(deployer):
        return node
    # No key on disk, such as a device's: ape signs, over the same node.
    ape_or_refuse(path, where, alias)
    from tallystick.chain.live import LiveChain

    live = LiveChain.connect(url, [alias], name=ledger.name)
    stack.callback(live.close)
    return live


def _check_id(path: Path, at: int, ledger: PlanLedger, actual: int) -> None:
    if actual != ledger.chain_id:
        where = ledger.rpc or ledger.network
        expected = f"{actual}, the chain id of {where}"
        raise InputError(path, joined("ledgers", at, "chain_id"), ledger.chain_id, expected)


def _through_ape(
    path: Path,
    at: int,
    ledger: PlanLedger,
    accounts: Finder,
    stack: ExitStack,
    choice: str | None,
) -> Chain:
    """A ledger on a network that ape knows; ape signs for aliases, we for indices."""
    ape_or_refuse(path, joined("ledgers", at, "network"), str(ledger.network))
    from tallystick.chain.live import LiveChain
    from tallystick.chain.rpc import RpcChain

    deployer = ledger.accounts.deployer
    aliases = [deployer.alias] if deployer.alias is not None else []
    try:
        live = LiveChain.connect(choice, aliases, name=ledger.name)
    except ChainError as error:
        where = joined("ledgers", at, "network")
        raise InputError(
            path, where, ledger.network, f"a network to connect to ({error})"
        ) from error
    stack.callback(live.close)
    _check_id(path, at, ledger, live.chain_id)
    if deployer.index is None:
        return live
    return RpcChain(
        ledger.name,
        live.url,
        ledger.chain_id,
        ledger_number=accounts.number(ledger.name),
        mnemonic=accounts.mnemonic(
            ledger.name, joined("ledgers", at, "accounts", "deployer"), deployer.index
        ),
        rpc=live.rpc,
    )


def _beside(path: Path, plan: Plan, accounts: Finder, provider: Any, stack: ExitStack) -> Opened:
    """The ledgers of a plan that are on the network to which ape is connected."""
    # ape's own chain_id is that of its local network whatever node answers there.
    choice, actual = str(provider.network_choice), int(provider.web3.eth.chain_id)
    here = f"connected to {shown('network', choice)}, chain id {actual}"
    for at, ledger in enumerate(plan.ledgers):
        if ledger.chain_id != actual:
            continue
        if ledger.rpc is not None or _same_network(ledger, choice) or provider.network.is_dev:
            chain = _through_ape(path, at, ledger, accounts, stack, None)
            others = [other.name for other in plan.ledgers if other.name != ledger.name]
            notes = [f"{here}: ledger {ledger.name} of the plan"]
            if others:
                notes.append(f"not connected: {', '.join(others)}; run again with their network")
            return Opened({ledger.name: chain}, rehearsal=False, notes=tuple(notes))
    local = [ledger for ledger in plan.ledgers if lives_with_command(ledger)]
    if not local or not provider.network.is_dev:
        for at, ledger in enumerate(plan.ledgers):
            if _same_network(ledger, choice):
                _check_id(path, at, ledger, actual)
        listed = ", ".join(f"{e.name} ({e.network or e.rpc})" for e in plan.ledgers)
        raise InputError(path, "ledgers", listed, f"a ledger on {choice}, chain id {actual}")
    return _rehearsal(path, plan, accounts, provider, stack, here)


def _same_network(ledger: PlanLedger, choice: str) -> bool:
    return ledger.network is not None and ledger.network.split(":")[:2] == choice.split(":")[:2]


def _rehearsal(
    path: Path, plan: Plan, accounts: Finder, provider: Any, stack: ExitStack, here: str
) -> Opened:
    """Ape's local chain is the first local ledger; the others get chains of our own."""
    from tallystick.chain.anvil import AnvilChain

    local = [ledger for ledger in plan.ledgers if lives_with_command(ledger)]
    first = next((each for each in local if each.name == plan.loaded_instrument.home), local[0])
    url = str(getattr(provider, "uri", "") or "")
    if not url.startswith("http") or "anvil" not in str(provider.web3.client_version).lower():
        expected = "a local network on anvil, such as ethereum:local:foundry"
        raise InputError("ape", "--network", str(provider.network_choice), expected)
    # Contracts and messages name the chain id, and ape's local chain always has the same.
    provider.make_request("anvil_setChainId", [first.chain_id])
    provider.cached_chain_id = None
    chains: dict[str, Chain] = {
        first.name: stack.enter_context(
            AnvilChain(
                first.name,
                first.chain_id,
                ledger_number=accounts.number(first.name),
                mnemonic=os.environ.get(MNEMONIC_VARIABLE) or JUNK_MNEMONIC,
                url=url,
            )
        )
    }
    notes = [f"{here}: ledger {first.name} of the plan, with its chain id {first.chain_id}"]
    others = [ledger for ledger in local if ledger.name != first.name]
    for ledger in others:
        chains[ledger.name] = stack.enter_context(_throw_away(ledger, accounts))
    if others:
        names = ", ".join(ledger.name for ledger in others)
        notes.append(f"on local ledgers beside it: {names}")
    missing = [ledger.name for ledger in plan.ledgers if ledger.name not in chains]
    if missing:
        notes.append(f"not connected: {', '.join(missing)}")
    notes.append("they end with this command (a rehearsal)")
    del path
    return Opened(chains, rehearsal=True, notes=tuple(notes))
