"""Deployment: a plan becomes contracts on several ledgers, once, whatever interrupts it.

Every step first asks the ledger whether it is done, so that running a plan again changes nothing
and a run that was killed anywhere goes on where it stood. Only addresses that no contract knows
(blueprint, authority, implementations, verifiers, custodies) are kept in a journal, each written
*before* its transaction is sent. Proxies are found through the authority. Nothing here knows which
back end a ledger has: it is handed `Chain`s. A ledger whose chain is not at hand is left for
another run, which finds the proxies of the others in the journal.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import rlp  # type: ignore[import-untyped]
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tallystick import build
from tallystick.bridge import NO_CAP, SignerSet, lane_id, ledger_id, party
from tallystick.chain import Account, Chain, Contract
from tallystick.errors import CheckFailed
from tallystick.governance import Role, Version, proxy_name, reason_code, release_id, release_kind

__all__ = [
    "CONTRACTS",
    "Deployment",
    "Journal",
    "LaneSpec",
    "LedgerSpec",
    "Report",
    "Step",
    "StepState",
    "Suite",
    "SuiteSpec",
    "VerifierSpec",
    "blueprint_content",
    "deploy",
    "left_with",
    "verify",
    "verify_code",
    "verify_roles",
]

# The deployables behind proxies, one each a ledger.
PROXIED: Final = ("InstrumentRegistry", "SecurityToken", "BridgeEscrow")
CONTRACTS: Final = ("ReleaseAuthority", *PROXIED, "QuorumVerifier", "LaneCustody")
SET_UP: Final = reason_code("SETU")
HAND_OVER: Final = reason_code("HAND")
_GENESIS: Final = Version(1, 0, 0)
_BLUEPRINT_PREAMBLE: Final = bytes.fromhex("fe7100")
_ERC1967_SLOT: Final = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
_HOUR: Final = 3600
_DAY: Final = 86_400

# Which role of the plan holds which role in which contract.
ROLES_OF: Final[Mapping[str, tuple[Role, ...]]] = {
    "ReleaseAuthority": (Role.ISSUER, Role.AUDITOR, Role.GUARDIAN, Role.UPGRADER),
    "InstrumentRegistry": (Role.ISSUER, Role.REGISTRAR, Role.GUARDIAN),
    "SecurityToken": (
        Role.ISSUER,
        Role.NOTARY,
        Role.REGISTRAR,
        Role.CUSTODIAN,
        Role.GUARDIAN,
        Role.PAYING_AGENT,
        Role.AUDITOR,
    ),
    "BridgeEscrow": (Role.OPERATOR, Role.GUARDIAN, Role.AUDITOR),
    "QuorumVerifier": (Role.OPERATOR, Role.GUARDIAN, Role.AUDITOR),
}


@dataclass(frozen=True)
class LedgerSpec:
    """One ledger of a deployment.

    Attributes:
        name: name in the plan.
        deployer: account that signs the set-up and keeps nothing.
        roles: account of each single role (lower-case name of `Role`), and of the operator.
        administrators: at least two accounts.
        finality: finality rule as the manifest states it.
        caip2: what the ledger is called, needed only where its chain is not at hand.
    """

    name: str
    deployer: Account
    roles: Mapping[str, str]
    administrators: tuple[str, ...]
    finality: Mapping[str, Any] = field(default_factory=lambda: {"kind": "depth", "blocks": 2})
    caip2: str = ""


@dataclass(frozen=True)
class VerifierSpec:
    """The attestors of a lane and how many must sign."""

    attestors: tuple[str, ...]
    threshold: int
    rotation_delay: int = 3600
    retention: int = 86400


@dataclass(frozen=True)
class LaneSpec:
    """A lane from the instrument's home ledger to a remote one; `cap` in whole units.

    `deadline` is how many seconds clients give a message; no contract keeps it.
    """

    home: str
    remote: str
    verifier: VerifierSpec
    cap: int = NO_CAP
    deadline: int = 86_400


@dataclass(frozen=True)
class SuiteSpec:
    """What is to stand: one instrument on its ledgers, its lanes, the periods of an upgrade.

    `record(tokens)` builds the registry's record once the token of each ledger is known;
    `document` is the hash of the plan, which every set-up act names.
    """

    isin: str
    name: str
    symbol: str
    decimals: int
    close_minute: int
    home: str
    ledgers: tuple[LedgerSpec, ...]
    lanes: tuple[LaneSpec, ...]
    notice: int
    activation_window: int
    rollback_window: int
    document: bytes
    record: Callable[[Mapping[str, str]], tuple[Any, ...]] | None = None

    def ledger(self, name: str) -> LedgerSpec:
        """Return the ledger of that name."""
        return next(ledger for ledger in self.ledgers if ledger.name == name)


@dataclass(frozen=True)
class Suite:
    """The contracts of one ledger, bound to it; verifiers and custodies by lane id (hex)."""

    chain: Chain
    authority: Contract
    registry: Contract
    token: Contract
    escrow: Contract
    verifiers: Mapping[str, Contract]
    custodies: Mapping[str, Contract]


@dataclass(frozen=True)
class Deployment:
    """A finished deployment: suites by ledger name, lane ids (hex) in the plan's order."""

    spec: SuiteSpec
    suites: Mapping[str, Suite]
    lanes: Mapping[str, LaneSpec]
    journal: Mapping[str, Any]


@dataclass(frozen=True)
class StepState:
    """One step as a report shows it; `state` is `done`, `pending`, `executed` or `elsewhere`.

    `elsewhere`: its ledger's chain is not at hand.
    """

    ledger: str
    title: str
    state: str


@dataclass(frozen=True)
class Report:
    """All steps of a plan; `deployment` is None unless everything stands."""

    steps: tuple[StepState, ...]
    deployment: Deployment | None

    @property
    def pending(self) -> int:
        """How many steps are still to be carried out."""
        return sum(step.state == "pending" for step in self.steps)

    @property
    def elsewhere(self) -> int:
        """How many steps are those of ledgers whose chains are not at hand."""
        return sum(step.state == "elsewhere" for step in self.steps)


class _NotYet(Exception):
    """Something that this step builds on does not stand yet."""


@dataclass(frozen=True)
class Step:
    """An act and the question whether it is done already.

    `last`: it ends the set-up of a contract, so that nothing of its ledger may be left before it.
    """

    ledger: str
    title: str
    done: Callable[[], bool]
    act: Callable[[], None]
    last: bool = False


class Journal:
    """Addresses that only we know, one JSON file; every entry is on disk before it is relied on."""

    SCHEMA: Final = "tallystick.journal/1"

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._entries: dict[str, dict[str, Any]] = {}
        if path is not None and path.exists():
            try:
                data = json.loads(path.read_text())
                if data["schema"] != self.SCHEMA:
                    raise ValueError("another schema")
                self._entries = dict(data["ledgers"])
            except (ValueError, KeyError, TypeError) as error:
                raise CheckFailed(f"{path}: no {self.SCHEMA} journal ({error})") from error

    def ledger(self, name: str, chain: Chain | None) -> dict[str, Any]:
        """Return the entry of a ledger, bound to its chain.

        Raises:
            CheckFailed: the journal was written for another chain under that name.
        """
        if chain is None:
            return self._entries.get(name, {"contracts": {}})
        identity = {"chain_id": chain.chain_id, "genesis": chain.genesis_hash}
        # Logs before this block are of no interest to anybody.
        fresh = {**identity, "from_block": chain.block_number, "contracts": {}}
        entry = self._entries.setdefault(name, fresh)
        if {key: entry[key] for key in identity} != identity:
            raise CheckFailed(
                f"{self._path}: {name} was deployed on chain {entry['chain_id']} with genesis "
                f"{entry['genesis']}, and this is {identity['chain_id']} with "
                f"{identity['genesis']}: use another directory, or the same chain"
            )
        return entry

    def write(self) -> None:
        """Put the journal on disk, whole or not at all."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"schema": self.SCHEMA, "ledgers": self._entries}, indent=1)
        temporary = self._path.with_suffix(".tmp")
        with temporary.open("w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)

    def as_dict(self) -> dict[str, Any]:
        """Return a copy of the entries."""
        copy: dict[str, Any] = json.loads(json.dumps(self._entries))
        return copy


class _Ledger:
    """One ledger while it is being deployed to."""

    def __init__(
        self, spec: LedgerSpec, suite: SuiteSpec, chain: Chain | None, journal: Journal
    ) -> None:
        self.spec = spec
        self.suite = suite
        self._chain = chain
        self.journal = journal
        self.entry = journal.ledger(spec.name, chain)
        self.is_home = spec.name == suite.home

    @property
    def chain(self) -> Chain:
        """Its chain.

        Raises:
            _NotYet: it is not at hand.
        """
        if self._chain is None:
            raise _NotYet
        return self._chain

    @property
    def is_here(self) -> bool:
        """Whether its chain is at hand."""
        return self._chain is not None

    @property
    def caip2(self) -> str:
        """Its CAIP-2 name."""
        return self._chain.caip2 if self._chain is not None else self.spec.caip2

    # ------------------------------------------------------------ plain contracts

    def address(self, key: str) -> str | None:
        """Return the address of a journalled contract whose code stands."""
        record = self.entry["contracts"].get(key)
        if record is None or not self.chain.code(record["address"]):
            return None
        return str(record["address"])

    def contract(self, name: str, key: str | None = None) -> Contract:
        """Return a journalled contract.

        Raises:
            _NotYet: it does not stand yet.
        """
        address = self.address(key or name)
        if address is None:
            raise _NotYet
        return self.chain.at(name, address)

    def create(self, key: str, code: bytes) -> None:
        """Create a contract from the deployer's next nonce, journalled before it is sent."""
        nonce = self.chain.nonce(self.spec.deployer.address)
        self.entry["contracts"][key] = {
            "address": create_address(self.spec.deployer.address, nonce),
            "nonce": nonce,
        }
        self.journal.write()
        receipt = self.chain.send(sender=self.spec.deployer, data=code)
        if receipt.contract_address != self.entry["contracts"][key]["address"]:
            # Somebody else used the deployer's key meanwhile: keep what is true.
            self.entry["contracts"][key]["address"] = receipt.contract_address
            self.journal.write()

    def creation(self, title: str, key: str, code: Callable[[], bytes]) -> Step:
        """Step that creates a plain contract."""
        return Step(
            self.spec.name,
            title,
            lambda: self.address(key) is not None,
            lambda: self.create(key, code()),
        )

    # ------------------------------------------------------------------- proxies

    def proxied(self, name: str) -> Contract:
        """Return a contract behind its proxy.

        Raises:
            _NotYet: its proxy does not stand yet.
        """
        authority = self.contract("ReleaseAuthority")
        address = authority.proxy_at(self.proxy_key(name))
        if int(str(address), 16) == 0:
            raise _NotYet
        return self.chain.at(name, address)

    def proxy_address(self, name: str) -> str:
        """Return where a proxy is; of a ledger that is not at hand, as an earlier run noted it.

        Raises:
            _NotYet: it does not stand yet, as far as is known.
        """
        if self.is_here:
            return str(self.proxied(name).address)
        noted = self.entry["contracts"].get(name)
        if noted is None:
            raise _NotYet
        return str(noted["address"])

    def note_proxies(self) -> None:
        """Note where the proxies are, for runs that have another ledger at hand."""
        for name in PROXIED:
            try:
                address = str(self.proxied(name).address)
            except _NotYet:
                continue
            if self.entry["contracts"].get(name) != {"address": address}:
                self.entry["contracts"][name] = {"address": address}
                self.journal.write()

    def proxy_key(self, name: str) -> bytes:
        """Return the name under which the authority keeps a proxy."""
        return proxy_name(name, self.suite.isin if name == "SecurityToken" else "")

    def initialisation(self, name: str) -> bytes:
        """Return the call with which a proxy is initialised."""
        contract = self.chain.at(name, self.spec.deployer.address)
        if name == "SecurityToken":
            return bytes(
                contract.initialize.encode(
                    self.suite.name,
                    self.suite.symbol,
                    self.suite.decimals,
                    self.suite.isin,
                    self.is_home,
                    self.suite.close_minute,
                    self.spec.deployer.address,
                )
            )
        return bytes(contract.initialize.encode(self.spec.deployer.address))

    def any_contract(self, name: str, key: str) -> Contract:
        """Return a contract by name, proxied or plain."""
        return self.proxied(name) if name in PROXIED else self.contract(name, key)

    # --------------------------------------------------------------------- steps

    def foundation(self) -> Iterator[Step]:
        """Authority, code of custodies, releases, proxies."""
        yield self.creation("create proxy blueprint", "ReleaseProxy", _blueprint)
        yield self.creation("create release authority", "ReleaseAuthority", self._authority_code)
        custody = build.artifact("LaneCustody").code_hash
        yield Step(
            self.spec.name,
            "register code of LaneCustody",
            lambda: bool(self.contract("ReleaseAuthority").custody_code(custody)),
            lambda: _sent(
                self.contract("ReleaseAuthority").register_custody_code(
                    custody, SET_UP, self.suite.document, sender=self.spec.deployer
                )
            ),
        )
        for name in PROXIED:
            yield from self._proxy_steps(name, build.artifact(name))

    def _proxy_steps(self, name: str, artifact: build.Artifact) -> Iterator[Step]:
        """Implementation, release and proxy of one contract."""
        release = release_id(name, _GENESIS)
        yield self.creation(
            f"create {name} {_GENESIS}", f"{name}@{_GENESIS}", lambda: artifact.bytecode
        )
        yield Step(
            self.spec.name,
            f"register release {name} {_GENESIS}",
            lambda: self.contract("ReleaseAuthority").release_of(release).version != 0,
            lambda: self._register(name, artifact),
        )
        yield Step(
            self.spec.name,
            f"create {name} proxy",
            lambda: self.proxied(name) is not None,
            lambda: _sent(
                self.contract("ReleaseAuthority").create_proxy(
                    release,
                    self.proxy_key(name),
                    self.initialisation(name),
                    SET_UP,
                    self.suite.document,
                    sender=self.spec.deployer,
                )
            ),
        )

    def _authority_code(self) -> bytes:
        blueprint = self.address("ReleaseProxy")
        if blueprint is None:
            raise _NotYet
        return build.artifact("ReleaseAuthority").bytecode + encode(
            ["address", "uint256", "uint256", "uint256", "address"],
            [
                self.spec.deployer.address,
                self.suite.notice,
                self.suite.activation_window,
                self.suite.rollback_window,
                blueprint,
            ],
        )

    def _register(self, name: str, artifact: build.Artifact) -> None:
        implementation = self.address(f"{name}@{_GENESIS}")
        self.contract("ReleaseAuthority").register_release(
            (
                release_kind(name),
                _GENESIS.packed,
                implementation,
                artifact.code_hash,
                artifact.layout_hash,
                # Evidence of the first release is the plan that all parties see.
                self.suite.document,
                bytes(32),
            ),
            SET_UP,
            self.suite.document,
            sender=self.spec.deployer,
        )

    def lane_steps(self, lane: LaneSpec, index: int, peer: _Ledger) -> Iterator[Step]:
        """Verifier, custody and lane of one side."""
        deployer, document = self.spec.deployer, self.suite.document
        where = f"lane {lane.home}-{lane.remote}"
        verifier_key, custody_key = f"QuorumVerifier#{index}", f"LaneCustody#{index}"
        spec = lane.verifier
        signers = SignerSet.of(1, spec.threshold, spec.attestors).signers
        yield self.creation(
            f"create verifier of {where}",
            verifier_key,
            lambda: (
                build.artifact("QuorumVerifier").bytecode
                + encode(
                    ["address", "uint256", "uint256"],
                    [deployer.address, spec.rotation_delay, spec.retention],
                )
            ),
        )
        yield Step(
            self.spec.name,
            f"confirm first {spec.threshold}-of-{len(signers)} attestors of {where}",
            lambda: self.contract("QuorumVerifier", verifier_key).epoch() != 0,
            lambda: _sent(
                self.contract("QuorumVerifier", verifier_key).set_first_signers(
                    list(signers), spec.threshold, SET_UP, document, sender=deployer
                )
            ),
        )
        yield self.creation(
            f"create custody of {where}",
            custody_key,
            lambda: (
                build.artifact("LaneCustody").bytecode
                + encode(
                    ["address", "address"],
                    [self.proxied("BridgeEscrow").address, self.proxied("SecurityToken").address],
                )
            ),
        )
        yield Step(
            self.spec.name,
            f"make custody of {where} a link account",
            lambda: bool(
                self.proxied("SecurityToken").is_link(
                    self.contract("LaneCustody", custody_key).address
                )
            ),
            lambda: _sent(
                self.proxied("SecurityToken").set_link_account(
                    self.contract("LaneCustody", custody_key).address,
                    True,
                    SET_UP,
                    document,
                    sender=deployer,
                )
            ),
        )
        if not self.is_home:
            yield self.assignment(
                "SecurityToken",
                "SecurityToken",
                Role.BRIDGE,
                lambda: self.proxied("BridgeEscrow").address,
                "escrow",
            )
            yield self.assignment(
                "SecurityToken",
                "SecurityToken",
                Role.BRIDGE,
                lambda: self.contract("LaneCustody", custody_key).address,
                f"custody of {where}",
            )
        yield Step(
            self.spec.name,
            f"open {where}",
            lambda: any(
                self.proxied("BridgeEscrow").canonical_lane(
                    keccak(
                        encode(
                            ["string", "bytes32"],
                            [self.suite.isin, ledger_id(peer.caip2)],
                        )
                    )
                )
            ),
            lambda: _sent(
                self.proxied("BridgeEscrow").open_lane(
                    (
                        self.suite.isin,
                        self.is_home,
                        self.proxied("SecurityToken").address,
                        self.contract("LaneCustody", custody_key).address,
                        self.contract("QuorumVerifier", verifier_key).address,
                        ledger_id(peer.caip2),
                        party(peer.proxy_address("BridgeEscrow")),
                        lane.cap,
                        self.suite.decimals,
                        self.suite.close_minute,
                    ),
                    SET_UP,
                    document,
                    sender=deployer,
                )
            ),
        )

    def assignment(
        self, name: str, key: str, role: Role, account: Callable[[], str], whose: str
    ) -> Step:
        """Step that gives an account its role in a contract."""
        return Step(
            self.spec.name,
            f"{key}: {role.name.lower() if role.name else role} is the {whose}",
            lambda: self.any_contract(name, key).role_of(account()) == role,
            lambda: _sent(
                self.any_contract(name, key).assign_role(
                    account(), role, SET_UP, self.suite.document, sender=self.spec.deployer
                )
            ),
        )

    def role_steps(self, keys: Iterable[tuple[str, str]]) -> Iterator[Step]:
        """All roles of all contracts of this ledger."""
        for name, key in keys:
            for number, administrator in enumerate(self.spec.administrators, 1):
                whose = f"plan's administrator {number}"
                yield self._given(name, key, Role.ADMINISTRATOR, administrator, whose)
            for role in ROLES_OF[name]:
                title = str(role.name).lower()
                if title in self.spec.roles:
                    yield self._given(name, key, role, self.spec.roles[title], f"plan's {title}")

    def _given(self, name: str, key: str, role: Role, account: str, whose: str) -> Step:
        return self.assignment(name, key, role, lambda: account, whose)

    def registration(self, tokens: Callable[[], Mapping[str, str]]) -> Iterator[Step]:
        """The instrument's record."""
        record = self.suite.record
        if record is None:
            return
        yield Step(
            self.spec.name,
            f"register {self.suite.isin}",
            lambda: bool(self.proxied("InstrumentRegistry").is_registered(self.suite.isin)),
            lambda: _sent(
                self.proxied("InstrumentRegistry").register(
                    record(tokens()), SET_UP, self.suite.document, sender=self.spec.deployer
                )
            ),
        )

    def hand_over(self, keys: Iterable[tuple[str, str]]) -> Iterator[Step]:
        """The set-up key gives up every contract."""
        for name, key in keys:
            yield self._hand_over(name, key)

    def _hand_over(self, name: str, key: str) -> Step:
        return Step(
            self.spec.name,
            f"hand over {key}",
            lambda: _is_zero(self.any_contract(name, key).set_up_key()),
            lambda: _sent(
                self.any_contract(name, key).hand_over(
                    HAND_OVER, self.suite.document, sender=self.spec.deployer
                )
            ),
            last=True,
        )


def deploy(
    spec: SuiteSpec,
    chains: Mapping[str, Chain],
    *,
    journal: Path | None = None,
    execute: bool = False,
    progress: Callable[[StepState], None] = lambda _: None,
) -> Report:
    """Carry out a plan, or say what is still to be done.

    Args:
        spec: what is to stand.
        chains: the ledgers by name. The steps of those that are missing are left for another run,
            and so are the steps that need to know where something stands there.
        journal: file that makes the run resumable; None keeps it in memory.
        execute: send transactions; without it nothing is sent and nothing written.
        progress: called with each step once its state is known.

    Raises:
        CheckFailed: the journal is of other chains, or a step did not hold after it was sent.
    """
    book = Journal(journal)
    ledgers = {
        ledger.name: _Ledger(ledger, spec, chains.get(ledger.name), book) for ledger in spec.ledgers
    }
    everywhere = all(ledger.is_here for ledger in ledgers.values())
    states: list[StepState] = []
    for step in _steps(spec, ledgers):
        if not ledgers[step.ledger].is_here:
            state = "elsewhere"
        else:
            left = any(s.ledger == step.ledger and s.state == "pending" for s in states)
            state = _run(step, execute and not (step.last and left), everywhere)
        if state == "executed" and not everywhere:
            ledgers[step.ledger].note_proxies()
        states.append(StepState(step.ledger, step.title, state))
        progress(states[-1])
    finished = all(state.state in {"done", "executed"} for state in states)
    return Report(tuple(states), _deployment(spec, ledgers, book) if finished else None)


def _steps(spec: SuiteSpec, ledgers: Mapping[str, _Ledger]) -> Iterator[Step]:
    """All steps in the order of their dependence."""
    keys: dict[str, list[tuple[str, str]]] = {
        name: [(contract, contract) for contract in ("ReleaseAuthority", *PROXIED)]
        for name in ledgers
    }
    for ledger in ledgers.values():
        yield from ledger.foundation()
    for index, lane in enumerate(spec.lanes):
        home, remote = ledgers[lane.home], ledgers[lane.remote]
        yield from home.lane_steps(lane, index, remote)
        yield from remote.lane_steps(lane, index, home)
        for name in (lane.home, lane.remote):
            keys[name].append(("QuorumVerifier", f"QuorumVerifier#{index}"))
    for name, ledger in ledgers.items():
        yield from ledger.role_steps(keys[name])
        yield from ledger.registration(
            lambda: {n: each.proxy_address("SecurityToken") for n, each in ledgers.items()}
        )
    for name, ledger in ledgers.items():
        yield from ledger.hand_over(keys[name])


def _run(step: Step, execute: bool, everywhere: bool) -> str:
    try:
        if step.done():
            return "done"
    except _NotYet:
        # With execute, what it builds on was carried out before it; only its own object is missing.
        pass
    if not execute:
        return "pending"
    try:
        step.act()
    except _NotYet:
        if everywhere:
            raise
        # It needs something of a ledger that another run has at hand.
        return "pending"
    if not step.done():
        raise CheckFailed(f"{step.ledger}: {step.title}: sent, but it does not hold")
    return "executed"


def _deployment(spec: SuiteSpec, ledgers: Mapping[str, _Ledger], journal: Journal) -> Deployment:
    lanes: dict[str, LaneSpec] = {}
    verifiers: dict[str, dict[str, Contract]] = {name: {} for name in ledgers}
    custodies: dict[str, dict[str, Contract]] = {name: {} for name in ledgers}
    for index, lane in enumerate(spec.lanes):
        home, remote = ledgers[lane.home], ledgers[lane.remote]
        identifier = _hex(
            lane_id(
                spec.isin,
                spec.decimals,
                spec.close_minute,
                ledger_id(home.chain.caip2),
                party(home.proxied("BridgeEscrow").address),
                ledger_id(remote.chain.caip2),
                party(remote.proxied("BridgeEscrow").address),
            )
        )
        lanes[identifier] = lane
        for name in (lane.home, lane.remote):
            verifiers[name][identifier] = ledgers[name].contract(
                "QuorumVerifier", f"QuorumVerifier#{index}"
            )
            custodies[name][identifier] = ledgers[name].contract(
                "LaneCustody", f"LaneCustody#{index}"
            )
    suites = {
        name: Suite(
            chain=ledger.chain,
            authority=ledger.contract("ReleaseAuthority"),
            registry=ledger.proxied("InstrumentRegistry"),
            token=ledger.proxied("SecurityToken"),
            escrow=ledger.proxied("BridgeEscrow"),
            verifiers=verifiers[name],
            custodies=custodies[name],
        )
        for name, ledger in ledgers.items()
    }
    return Deployment(spec, suites, lanes, journal.as_dict())


def verify(deployment: Deployment) -> list[str]:
    """Check a deployment against the build and the plan; returns what is wrong, in words.

    Code is compared with the build and its immutables with the plan, implementations with the
    release the authority keeps, roles and attestors with the plan; the deployer must hold nothing
    anywhere (INV-9).
    """
    spec = deployment.spec
    wrong: list[str] = []
    for name, suite in deployment.suites.items():
        ledger = spec.ledger(name)
        verifiers = {key: deployment.lanes[key].verifier for key in suite.verifiers}
        wrong += verify_code(name, suite, spec=spec, verifiers=verifiers)
        wrong += verify_roles(
            name, suite, ledger.roles, ledger.administrators, is_home=name == spec.home
        )
        wrong += left_with(name, suite, ledger.deployer.address)
        for identifier, verifier in suite.verifiers.items():
            lane = deployment.lanes[identifier].verifier
            planned = SignerSet.of(1, lane.threshold, lane.attestors)
            kept = int(verifier.epoch_at(1).hash160)
            if int.from_bytes(planned.hash[:20], "big") != kept:
                wrong.append(f"{name}: {verifier.address}: first attestors are not the plan's")
    return wrong


def verify_code(
    name: str,
    suite: Suite,
    *,
    spec: SuiteSpec | None = None,
    verifiers: Mapping[str, VerifierSpec] | None = None,
) -> list[str]:
    """Compare a ledger's code with the build and its releases; returns what is wrong.

    The same runtime code with another immutable is another contract: a proxy that obeys somebody
    else, a verifier without delay. Hence every immutable is compared, read from the code itself.

    Args:
        name: the ledger, for the messages.
        suite: its contracts.
        spec: what the authority's periods must be; without it, what the contract itself asks.
        verifiers: what a lane's verifier must be, by lane id; likewise.
    """
    wrong: list[str] = []
    authority = suite.authority
    wrong += _wrong_code(name, "ReleaseAuthority", authority, _authority_terms(spec))
    wrong += _wrong_blueprint(name, authority)
    known = verifiers or {}
    for key, verifier in suite.verifiers.items():
        wrong += _wrong_code(name, "QuorumVerifier", verifier, _verifier_terms(known.get(key)))
    bound = {"_ESCROW": _exactly(suite.escrow.address), "_TOKEN": _exactly(suite.token.address)}
    for custody in suite.custodies.values():
        wrong += _wrong_code(name, "LaneCustody", custody, bound)
    wrong += _wrong_custody_code(name, authority)
    for kind, contract in proxied_of(suite).items():
        where = f"{name}: {kind} {contract.address}"
        release = suite.authority.release_of(
            suite.authority.installation_of(contract.address).release
        )
        code = suite.chain.code(release.implementation)
        if int(release.version) == 0:
            wrong.append(f"{where}: not installed by the authority")
            continue
        if keccak(code) != bytes(release.code_hash):
            wrong.append(f"{where}: implementation differs from its release")
        # Later releases are other builds; what they must be, their registered hash says.
        version = Version.unpack(int(release.version))
        if version == _GENESIS and code != build.artifact(kind).bytecode_runtime:
            wrong.append(f"{where}: code of {version} differs from the build")
        obeys = {"_AUTHORITY": _exactly(authority.address)}
        wrong += _wrong_code(name, "ReleaseProxy", contract, obeys)
        pointed_at = suite.chain.storage(contract.address, _ERC1967_SLOT)
        if int.from_bytes(pointed_at, "big") != int(str(release.implementation), 16):
            wrong.append(f"{where}: points to 0x{pointed_at[12:].hex()}, not to its release")
    return wrong


def _wrong_code(
    name: str, kind: str, contract: Contract, due: Mapping[str, range | None]
) -> Iterator[str]:
    """What is wrong with deployed code: it is the build's, then immutables, each within its due."""
    where = f"{name}: {kind} {contract.address}"
    artifact = build.artifact(kind)
    code = contract.chain.code(contract.address)
    runtime, words = artifact.bytecode_runtime, artifact.immutables_length
    if code[: len(runtime)] != runtime or len(code) != len(runtime) + words:
        yield f"{where}: code differs from the build"
        return
    layout = artifact.layout.get("code_layout", {})
    for immutable, entry in layout.items():
        at = len(runtime) + int(entry["offset"])
        value = int.from_bytes(code[at : at + 32], "big")
        allowed = due[immutable]
        if allowed is None or value in allowed:
            continue
        shown: Callable[[int], str] = str if entry["type"] == "uint256" else _word
        ends = dict.fromkeys((shown(allowed[0]), shown(allowed[-1])))
        yield f"{where}: {immutable} is {shown(value)}, {' to '.join(ends)} expected"


def _wrong_blueprint(name: str, authority: Contract) -> Iterator[str]:
    """What is wrong with the code from which the authority creates proxies."""
    code = authority.chain.code(authority.PROXY_BLUEPRINT())
    if code != blueprint_content():
        yield f"{name}: ReleaseAuthority {authority.address}: its proxies are of another build"


def _wrong_custody_code(name: str, authority: Contract) -> Iterator[str]:
    """What code besides the build's may hold units in custody."""
    topic = authority.interface.events_by_name["CustodyCodeRegistered"][0].topic
    ours = build.artifact("LaneCustody").code_hash
    for log in authority.chain.raw_logs(authority, topics=[topic]):
        registered = bytes(authority.chain.decode_log(log).args["code_hash"])
        if registered != ours and authority.custody_code(registered):
            yield (
                f"{name}: ReleaseAuthority {authority.address}: takes custodies of other code, "
                f"{_hex(registered)}"
            )


def _exactly(value: object) -> range:
    number = value if isinstance(value, int) else int(str(value), 16)
    return range(number, number + 1)


def _authority_terms(spec: SuiteSpec | None) -> dict[str, range | None]:
    """What the authority's immutables may be."""
    # Where the blueprint is tells nothing; its code does.
    elsewhere: dict[str, range | None] = {"PROXY_BLUEPRINT": None}
    if spec is None:
        return elsewhere | {
            "NOTICE": range(_HOUR, 90 * _DAY + 1),
            "ACTIVATION_WINDOW": range(1, 365 * _DAY + 1),
            "ROLLBACK_WINDOW": range(_HOUR, 90 * _DAY + 1),
        }
    return elsewhere | {
        "NOTICE": _exactly(spec.notice),
        "ACTIVATION_WINDOW": _exactly(spec.activation_window),
        "ROLLBACK_WINDOW": _exactly(spec.rollback_window),
    }


def _verifier_terms(spec: VerifierSpec | None) -> dict[str, range | None]:
    """What a verifier's immutables may be."""
    if spec is None:
        return {
            "ROTATION_DELAY": range(_HOUR // 6, 30 * _DAY + 1),
            "RETENTION": range(_HOUR, 90 * _DAY + 1),
        }
    return {
        "ROTATION_DELAY": _exactly(spec.rotation_delay),
        "RETENTION": _exactly(spec.retention),
    }


def _word(value: int) -> str:
    return str(to_checksum_address(value.to_bytes(20, "big"))) if value < 2**160 else hex(value)


def verify_roles(
    name: str,
    suite: Suite,
    roles: Mapping[str, str],
    administrators: Iterable[str],
    *,
    is_home: bool,
) -> list[str]:
    """Compare who holds which role with who should; every account that ever had one is looked at.

    Args:
        name: the ledger, for the messages.
        suite: its contracts.
        roles: account of each role, by lower-case name.
        administrators: the administrators.
        is_home: whether it is the instrument's home ledger.
    """
    wrong: list[str] = []
    for kind, contract in guarded_of(suite):
        expected = dict.fromkeys(administrators, Role.ADMINISTRATOR)
        expected |= {
            roles[title]: role
            for role in ROLES_OF[kind]
            if (title := str(role.name).lower()) in roles
        }
        if kind == "SecurityToken" and not is_home:
            # On a remote ledger the escrow issues to holders, a custody to itself.
            bridges = [suite.escrow, *suite.custodies.values()] if suite.custodies else []
            expected |= {str(bridge.address): Role.BRIDGE for bridge in bridges}
        topic = contract.interface.events_by_name["RoleChanged"][0].topic
        named = [
            str(suite.chain.decode_log(log).args["account"])
            for log in suite.chain.raw_logs(contract, topics=[topic])
        ]
        for account in dict.fromkeys((*expected, *named)):
            held, due = Role(int(contract.role_of(account))), expected.get(account, Role.NONE)
            if held != due:
                wrong.append(
                    f"{name}: {kind} {contract.address}: {account} is {_title(held)}, "
                    f"{_title(due)} expected"
                )
    return wrong


def left_with(name: str, suite: Suite, deployer: str) -> list[str]:
    """Return what the deployer can still do on a ledger: set-up keys and roles (INV-9)."""
    left: list[str] = []
    for kind, contract in guarded_of(suite):
        where = f"{name}: {kind} {contract.address}"
        if not _is_zero(contract.set_up_key()):
            left.append(f"{where}: not handed over")
        if int(contract.role_of(deployer)) != 0:
            left.append(f"{where}: the deployer holds a role")
    return left


def proxied_of(suite: Suite) -> dict[str, Contract]:
    """Return a ledger's contracts behind proxies by name."""
    return dict(zip(PROXIED, (suite.registry, suite.token, suite.escrow), strict=True))


def guarded_of(suite: Suite) -> list[tuple[str, Contract]]:
    """Return a ledger's contracts that know roles, by name."""
    return [
        ("ReleaseAuthority", suite.authority),
        *proxied_of(suite).items(),
        *(("QuorumVerifier", verifier) for verifier in suite.verifiers.values()),
    ]


def _title(role: Role) -> str:
    return str(role.name).lower() if role else "nobody"


def create_address(sender: str, nonce: int) -> str:
    """Return the address that CREATE gives: keccak of the RLP of sender and nonce (EIP-161)."""
    raw = keccak(rlp.encode([bytes.fromhex(sender[2:]), nonce]))[12:]
    return str(to_checksum_address(raw))


def blueprint_content() -> bytes:
    """Return what stands on a ledger as the proxy's ERC-5202 blueprint."""
    return _BLUEPRINT_PREAMBLE + build.artifact("ReleaseProxy").bytecode


def _blueprint() -> bytes:
    """Creation code that leaves the proxy's creation code as an ERC-5202 blueprint."""
    content = blueprint_content()
    # PUSH2 len, RETURNDATASIZE, DUP2, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURN
    return b"\x61" + len(content).to_bytes(2, "big") + bytes.fromhex("3d81600a3d39f3") + content


def _sent(_: object) -> None:
    """A receipt that nobody needs: a revert would have been raised."""


def _hex(value: bytes) -> str:
    return "0x" + bytes(value).hex()


def _is_zero(address: object) -> bool:
    return int(str(address), 16) == 0
