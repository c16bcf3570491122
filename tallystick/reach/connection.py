"""A manifest whose ledgers are reached, and the contracts of one ledger."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from tallystick.bridge.message import LaneId
from tallystick.build import Artifact
from tallystick.chain import Account, Chain, ChainError, Contract
from tallystick.chain.account import (
    DEVELOPMENT_CHAIN_IDS,
    JUNK_MNEMONIC,
    derive_account,
    is_public,
)
from tallystick.errors import InputError
from tallystick.files.manifest import HolderEntry, LedgerEntry, Manifest, RoleEntry
from tallystick.governance.release import PROXIED
from tallystick.reach.accounts import MNEMONIC_VARIABLE, named_account
from tallystick.reach.finality import final_block
from tallystick.reach.nodes import NodeAddress, node_address, require_ledgers

__all__ = ["Connection", "Suite", "connect", "connection_of", "suites_of"]


# Seconds for which a node that is busy is asked again before it counts as one that is away.
_PATIENCE: Final = 5.0


@dataclass(frozen=True)
class Connection:
    """A manifest whose ledgers are reached.

    Attributes:
        manifest: what stands where.
        chains: the ledgers by name.
        mnemonic: of the accounts whose index the manifest gives; None if nobody here knows it.
    """

    manifest: Manifest
    chains: Mapping[str, Chain]
    mnemonic: str | None = None
    _artifacts: dict[str, Artifact] = field(default_factory=dict, repr=False, compare=False)

    def contract(self, ledger: str, name: str, address: str | None = None) -> Contract:
        """Return a contract of a ledger by its name; of several, the one at `address`."""
        artifact = self._artifacts.get(name)
        if artifact is None:
            artifact = Artifact.from_abi(name, self.manifest.abi(name))
            self._artifacts[name] = artifact
        where = address or self.manifest.ledger(ledger).contracts[name].address
        return self.chains[ledger].at(artifact, where)

    def token(self, ledger: str) -> Contract:
        """Return a ledger's token."""
        return self.contract(ledger, "SecurityToken")

    def escrow(self, ledger: str) -> Contract:
        """Return a ledger's escrow."""
        return self.contract(ledger, "BridgeEscrow")

    def final(self, ledger: str) -> int:
        """Return a ledger's last block that is final by the manifest's rule; -1 if none is."""
        return final_block(self.chains[ledger], self.manifest.ledger(ledger).finality)

    def key(self, ledger: str, entry: RoleEntry | HolderEntry) -> Account | None:
        """Return the account of a role or holder with its key, None if nobody here has it.

        Raises:
            InputError: everybody has it, and a ledger of the manifest is not local.
        """
        if self.mnemonic is None or entry.index is None:
            return None
        number = self.manifest.ledger(ledger).ledger_number
        account = derive_account(self.mnemonic, number, entry.index)
        return self.private(account) if account.address == entry.address else None

    def keys(self, title: str) -> list[Account]:
        """Return the accounts of a title, such as `attestor`, whose keys are here.

        Raises:
            InputError: as of `key`.
        """
        found = (self.key(ledger, entry) for ledger, entry in self.manifest.accounts(title))
        return [account for account in found if account is not None]

    def private(self, account: Account) -> Account:
        """Return an account, but not with everybody's key unless all ledgers are local.

        All of them, as what an attestor signs counts on the other side of a lane.

        Raises:
            InputError: its key is one of the well-known mnemonic's.
        """
        live = [name for name in self.chains if not self._is_local(name)]
        if live and is_public(account):
            expected = f"a key of its own, not the public test mnemonic's: {live[0]} is not local"
            raise InputError(self.manifest.file, "account", account.address, expected)
        return account

    def _is_local(self, ledger: str) -> bool:
        try:
            return self.chains[ledger].is_local
        except ChainError:
            # Nobody answers there; its number says what it is.
            return self.manifest.ledger(ledger).chain_id in DEVELOPMENT_CHAIN_IDS

    def sender(self, ledger: str, name: str = "") -> Account:
        """Return the account that delivers on a ledger.

        Args:
            ledger: the ledger.
            name: a role there, an address, or the alias of an ape account; the role `courier`
                when left out.

        Raises:
            InputError: there is none, or nothing here signs for it.
        """
        file, at = self.manifest.file, f"roles.{ledger}.{name or 'courier'}"
        entry = self.manifest.roles.get(ledger, {}).get(name or "courier")
        if entry is not None:
            account = self.key(ledger, entry) or named_account(file, at, entry.address)
        elif name:
            account = named_account(file, "--account", name)
        else:
            expected = "an account, or --account with a role, an address or an ape alias"
            raise InputError(file, at, None, expected)
        if not self.chains[ledger].signs_for(account):
            expected = f"an account that signs: its words in {MNEMONIC_VARIABLE}, or an ape alias"
            raise InputError(file, at if entry else "--account", account.address, expected)
        return account

    def close(self) -> None:
        """Close the connections."""
        if isinstance(self.chains, _Reached):
            self.chains.close()
            return
        for chain in self.chains.values():
            chain.close()


def connection_of(
    manifest: Manifest, chains: Mapping[str, Chain], mnemonic: str | None = None
) -> Connection:
    """Use chains that are open already, embedded ones too."""
    return Connection(manifest, chains, mnemonic or manifest.mnemonic)


def connect(
    manifest: Manifest,
    *,
    mnemonic: str | None = None,
    account: str = "",
    rpc: Mapping[str, str] | None = None,
    wanted: Collection[str] = (),
    some: bool = False,
) -> Connection:
    """Reach the ledgers of a manifest.

    Args:
        manifest: the manifest.
        mnemonic: of the accounts; the manifest's own, or $TALLYSTICK_MNEMONIC when left out.
        account: who is to send, as `Connection.sender` takes it; ape signs for its aliases.
        rpc: addresses of nodes by ledger; else $TALLYSTICK_RPC_LEDGER, else the manifest's own.
        wanted: the ledgers to be reached; all when left out.
        some: those that answer will do, if any does; the others are asked again whenever they are
            used.

    Raises:
        InputError: a ledger that is needed can't be reached, or one is not the one that the
            manifest means.
    """
    words = mnemonic or manifest.mnemonic or os.environ.get(MNEMONIC_VARIABLE) or None
    require_ledgers(rpc or {}, (ledger.name for ledger in manifest.ledgers))
    nodes = {
        ledger.name: node_address(
            ledger.name, rpc or {}, ledger.rpc, manifest.file, f"ledgers[{at}].rpc"
        )
        for at, ledger in enumerate(manifest.ledgers)
        if not wanted or ledger.name in wanted
    }
    opened = _Reached(
        {
            name: partial(_reach, manifest, name, node, words, account)
            for name, node in nodes.items()
        }
    )
    away: list[str] = []
    try:
        for name, node in nodes.items():
            try:
                opened.reach(name)
            except ChainError as error:
                away.append(name)
                if some and len(away) < len(nodes):
                    continue
                reason = "that answers" if "no node answers" in str(error) else f"({error})"
                raise InputError(node.file, node.field, node.url, f"a node {reason}") from error
    except BaseException:
        opened.close()
        raise
    return Connection(manifest, opened, words)


def _reach(
    manifest: Manifest, name: str, node: NodeAddress, words: str | None, account: str
) -> Chain:
    """A ledger of a manifest.

    Raises:
        ChainError: it can't be reached.
        InputError: it is another one than the manifest means.
    """
    from tallystick.chain.anvil import connect as attach

    ledger, file = manifest.ledger(name), manifest.file
    where = f"ledgers[{manifest.ledgers.index(ledger)}]"
    if node.url is None:
        raise InputError(file, f"{where}.rpc", None, "a node: this ledger ran in a process")
    chain: Chain = attach(
        node.url,
        name=name,
        ledger_number=ledger.ledger_number,
        mnemonic=words or JUNK_MNEMONIC,
        patience=_PATIENCE,
    )
    try:
        if account and account not in manifest.roles.get(name, {}):
            chain = _signing(chain, file, account)
        check_same(file, where, ledger, chain)
    except BaseException:
        chain.close()
        raise
    return chain


class _Reached(Mapping[str, Chain]):
    """Ledgers by name, each reached when it is first used.

    One that did not answer is asked again, but is let alone for twice as long as it took.

    Raises:
        ChainError: on use of one that can't be reached.
    """

    def __init__(self, ways: Mapping[str, Callable[[], Chain]]) -> None:
        self._ways = ways
        self._chains: dict[str, Chain] = {}
        self._away: dict[str, tuple[float, ChainError]] = {}

    def reach(self, name: str) -> Chain:
        """Return a ledger."""
        if name in self._chains:
            return self._chains[name]
        began = time.monotonic()
        rests_until, known = self._away.get(name, (began, None))
        if known is not None and began < rests_until:
            raise known
        try:
            self._chains[name] = self._ways[name]()
        except ChainError as error:
            ended = time.monotonic()
            self._away[name] = ended + 2 * (ended - began), error
            raise
        return self._chains[name]

    __getitem__ = reach

    def __iter__(self) -> Iterator[str]:
        return iter(self._ways)

    def __len__(self) -> int:
        return len(self._ways)

    def close(self) -> None:
        """Close the connections that there are."""
        for chain in self._chains.values():
            chain.close()


def _signing(chain: Chain, file: Path, name: str) -> Chain:
    """A chain that signs for an ape account: the same node through ape, where it has to be."""
    found = named_account(file, "--account", name)
    if not found.path or found.unlock is not None or chain.signs_for(found):
        return chain
    from tallystick.chain.live import LiveChain

    chain.close()
    return LiveChain.connect(chain.url, [found.path], name=chain.name)


def check_same(file: str | Path, where: str, ledger: LedgerEntry, chain: Chain) -> None:
    """Refuse a chain that is not the one on which the manifest's contracts stand.

    Raises:
        InputError: another chain id, a restarted chain, or no contracts.
    """
    if chain.chain_id != ledger.chain_id:
        expected = f"chain id {ledger.chain_id}, the node at {chain.url} has {chain.chain_id}"
        raise InputError(file, f"{where}.chain_id", ledger.chain_id, expected)
    if ledger.genesis is not None and chain.genesis_hash.lower() != ledger.genesis:
        # Block hashes are no secrets, but 64 hex digits are not shown.
        short = f"{ledger.genesis[:18]}…"
        expected = f"the chain that was deployed to, not {chain.genesis_hash[:18]}… (restarted?)"
        raise InputError(file, f"{where}.genesis", short, expected)
    authority = ledger.contracts["ReleaseAuthority"].address
    if not chain.code(authority):
        at = f"{where}.contracts.ReleaseAuthority.address"
        raise InputError(file, at, authority, "a contract: there is no code (restarted?)")


def suites_of(connection: Connection) -> dict[str, Suite]:
    """Return the contracts of a manifest as the build knows them, on the ledgers at hand."""
    suites: dict[str, Suite] = {}
    wanted = list(connection.chains)
    for ledger in connection.manifest.ledgers:
        if ledger.name not in wanted:
            continue
        chain = connection.chains[ledger.name]
        lanes = [
            lane for lane in connection.manifest.lanes if ledger.name in (lane.home, lane.remote)
        ]
        at = {name: entry.address for name, entry in ledger.contracts.items()}
        suites[ledger.name] = Suite(
            chain=chain,
            authority=chain.at("ReleaseAuthority", at["ReleaseAuthority"]),
            registry=chain.at("InstrumentRegistry", at["InstrumentRegistry"]),
            token=chain.at("SecurityToken", at["SecurityToken"]),
            escrow=chain.at("BridgeEscrow", at["BridgeEscrow"]),
            verifiers={
                lane.id_bytes: chain.at("QuorumVerifier", lane.sides[ledger.name].verifier)
                for lane in lanes
            },
            custodies={
                lane.id_bytes: chain.at("LaneCustody", lane.sides[ledger.name].custody)
                for lane in lanes
            },
            engine=chain.at("ActionsEngine", at["ActionsEngine"])
            if "ActionsEngine" in at
            else None,
        )
    return suites


@dataclass(frozen=True)
class Suite:
    """The contracts of one ledger, bound to it; custodies and first verifiers by lane.

    `engine` is None where the plan has none.
    """

    chain: Chain
    authority: Contract
    registry: Contract
    token: Contract
    escrow: Contract
    verifiers: Mapping[LaneId, Contract]
    custodies: Mapping[LaneId, Contract]
    engine: Contract | None = None


def proxied_of(suite: Suite) -> dict[str, Contract]:
    """Return a ledger's contracts behind proxies by name."""
    contracts = (suite.registry, suite.token, suite.escrow, suite.engine)
    return {name: each for name, each in zip(PROXIED, contracts, strict=True) if each is not None}


def guarded_of(suite: Suite) -> list[tuple[str, Contract]]:
    """Return a ledger's contracts that know roles, by name."""
    return [
        ("ReleaseAuthority", suite.authority),
        *proxied_of(suite).items(),
    ]
