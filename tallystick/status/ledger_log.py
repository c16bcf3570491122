"""A ledger's log, and what its contracts say of the facts that the log alone leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from tallystick import build
from tallystick.chain import Block, Contract, Event, Revert
from tallystick.chain.abi import address_of
from tallystick.files.manifest import PROXY
from tallystick.governance.release import PROXIED
from tallystick.reach.connection import Connection
from tallystick.status.rebuild import rebuild
from tallystick.status.rules.governance import IMPLEMENTATION
from tallystick.status.rules.step import NOBODY, Facts, Logged

__all__ = ["Compared", "LedgerLog", "compare", "read_log"]

# Where ERC-1967 has the address of the implementation.
_ERC1967_SLOT: Final = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC


@dataclass(frozen=True, slots=True)
class LedgerLog:
    """Every event of a ledger's contracts up to a block, in order."""

    ledger: str
    block: Block
    contracts: Mapping[str, Contract]
    events: tuple[Logged, ...]

    def facts(self) -> Facts:
        """Return all that the events leave.

        Raises:
            CheckFailed: an event that nothing here knows.
        """
        return rebuild(self.events, self.block.timestamp)


@dataclass(frozen=True, slots=True)
class Compared:
    """One value by the logs and by the contract: of a view, or of a member of its struct."""

    contract: str
    address: str
    view: str
    arguments: tuple[Any, ...]
    member: str
    logs: Any
    chain: Any

    @property
    def same(self) -> bool:
        """Whether the two agree."""
        return bool(self.logs == self.chain)


def read_log(connection: Connection, ledger: str) -> LedgerLog:
    """Read what every contract of a ledger logged, up to its last block.

    Raises:
        InputError: the manifest has no such ledger.
    """
    entry, chain = connection.manifest.ledger(ledger), connection.chains[ledger]
    block, time = chain.block(), cache(lambda number: chain.block(number).timestamp)
    contracts: dict[str, Contract] = {}
    events: list[Logged] = []

    def read(name: str, address: str) -> None:
        contract = contracts[address] = connection.contract(ledger, name, address)
        for log in chain.raw_logs(address, entry.from_block, block.number):
            event = chain.decode_log(log)
            events.append(
                Logged(
                    caip2=entry.caip2,
                    contract=name,
                    address=event.address,
                    event=event.name,
                    args=_with_function(contract, event),
                    block=event.block_number,
                    time=time(event.block_number),
                    log_index=event.log_index,
                    tx=event.tx_hash,
                )
            )

    for name in (name for name in ("ReleaseAuthority", *PROXIED) if name in entry.contracts):
        address = entry.contracts[name].address
        if name in PROXIED:
            # Its `Upgraded` is logged at the same address.
            connection.contract(ledger, PROXY, address)
        read(name, address)
    # Verifiers of lanes that were opened since the manifest was written, of later epochs, and
    # those that engines believe.
    believed = {"EpochBegins", "AttestorsSet", "PeerSet"}
    begun = [
        event.args[name]
        for event in events
        if event.event in believed
        for name in ("verifier", "second")
        if event.args.get(name, NOBODY) != NOBODY
    ]
    for verifier in dict.fromkeys(begun):
        quorum = verifier
        if build.artifact("ProofVerifier").is_code(chain.code(verifier)):
            read("ProofVerifier", verifier)
            quorum = str(contracts[verifier].QUORUM())
        if quorum not in contracts:
            read("QuorumVerifier", quorum)
    events.sort(key=lambda event: (event.block, event.log_index))
    return LedgerLog(ledger, block, contracts, tuple(events))


def _with_function(contract: Contract, event: Event) -> Mapping[str, Any]:
    """Arguments, of a `PrivilegedAct` with the name of the function in place of its selector."""
    if event.name == "PrivilegedAct":
        for overloads in contract.interface.functions.values():
            if event.act in [each.selector for each in overloads]:
                return {**event.args, "act": overloads[0].name}
    return event.args


def compare(log: LedgerLog, facts: Facts) -> tuple[Compared, ...]:
    """Ask the contracts for facts that the log leaves, in the log's block, member by member."""
    rows = []
    for (address, view, *arguments), value in facts.items():
        contract = log.contracts[address]
        by_logs = dict(_members(value))
        on_chain = dict(_members(_asked(contract, view, arguments, log.block.number)))
        for member in by_logs | on_chain:
            chain = on_chain.get(member)
            logs = by_logs.get(member, _zero(chain))
            where = (contract.artifact.name, address, view, tuple(arguments))
            rows.append(Compared(*where, member, logs, chain))
    return tuple(rows)


def _asked(contract: Contract, view: str, arguments: list[Any], block: int) -> Any:
    """What a contract says; of a refusal, its reason."""
    if view == IMPLEMENTATION:
        # The one fact without a view: of the last block, not of `block`.
        return address_of(contract.chain.storage(contract, _ERC1967_SLOT)[12:])
    try:
        return contract.method(view).call(*arguments, block=block)
    except Revert as refusal:
        return str(refusal)


def _members(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """A struct's members by dotted name, anything else as it is."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if not isinstance(value, Mapping):
        yield name, value
        return
    for member, held in value.items():
        yield from _members(held, f"{name}.{member}".lstrip("."))


def _zero(value: Any) -> Any:
    """What a member of that type is that no log names."""
    if isinstance(value, bytes):
        return bytes(len(value))
    return NOBODY if str(value).startswith("0x") else type(value)()
