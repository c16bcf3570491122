"""The steps of a deployment, each with the question whether it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cached_property, partial
from typing import Final

from tallystick import build
from tallystick.bridge.attestation import SignerSet
from tallystick.bridge.message import NO_CAP, Grade, ledger_id, party
from tallystick.bridge.proof import outbox_slot
from tallystick.chain import Account, Contract, Method
from tallystick.chain.abi import encode, keccak
from tallystick.deploy.ledger import PlannedLedger, is_zero
from tallystick.deploy.signers import EngineSigners, VerifierKey, first_signers, verifier_keys
from tallystick.deploy.step import Call, NotYet, Question, Step
from tallystick.files.instrument import record_of, units
from tallystick.files.plan import Lane
from tallystick.governance.pieces import check_pieces
from tallystick.governance.release import (
    Version,
    code_hashes,
    release_id,
    release_kind,
)
from tallystick.governance.roles import Role, reason_code, role_of_title
from tallystick.registry.record import InstrumentRecord, record_hash
from tallystick.token.position import AccountClass

__all__ = ["LedgerSteps", "blueprint_content"]

HAND_OVER: Final = reason_code("HAND")
GENESIS: Final = Version(1, 0, 0)
_BLUEPRINT_PREAMBLE: Final = bytes.fromhex("fe7100")
# Which role of the plan holds which role in which contract.
ROLES_OF: Final[Mapping[str, tuple[Role, ...]]] = {
    "ReleaseAuthority": (
        Role.ISSUER,
        Role.OPERATOR,
        Role.AUDITOR,
        Role.GUARDIAN,
        Role.UPGRADER,
    ),
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
    "ActionsEngine": (
        Role.ISSUER,
        Role.REGISTRAR,
        Role.OPERATOR,
        Role.GUARDIAN,
        Role.PAYING_AGENT,
    ),
}
# Verifiers of what an engine is told, as the journal calls them.
EVENTS_VERIFIER: Final = "QuorumVerifier#events"
MESSAGES_VERIFIER: Final = "QuorumVerifier#messages"

_NOBODY: Final = "0x" + "00" * 20
# A function, the role whose act it is, its arguments without reason and document.
_Act = tuple[str, str, Callable[[], tuple[object, ...]]]
# Of a bridge of our own lanes; their caps and stops are the escrow's.
NO_LIMIT: Final = 2**256 - 1


class LedgerSteps(PlannedLedger):
    """One ledger while it is being deployed to."""

    def foundation(self) -> Iterator[Step]:
        """Authority, code of custodies, releases, proxies."""
        if not self.joins:
            yield self.creation("create proxy blueprint", "ReleaseProxy", _blueprint)
            yield self.creation(
                "create release authority", "ReleaseAuthority", self._authority_code
            )
        yield self.custody_known
        for name in self.own:
            yield from self._proxy_steps(name, build.artifact(name))

    @cached_property
    def custody_known(self) -> Step:
        """Step that lets the code of custodies hold units."""
        custody = build.artifact("LaneCustody").code_hash
        return Step(
            self.name,
            "register code of LaneCustody",
            lambda: Question(self.contract("ReleaseAuthority").custody_code, (custody,)),
            lambda: _call(
                self.contract("ReleaseAuthority").register_custody_code, custody, *self.stated
            ),
            by=self.by("upgrader"),
        )

    def _proxy_steps(self, name: str, artifact: build.Artifact) -> Iterator[Step]:
        """Proxy of one contract, on the release that the suite runs, or on the first one.

        Of a first release the implementation, and its registration.
        """
        running = self.suite_proxy(name)
        before = () if running else tuple(self._first_release(name, artifact))
        yield from before

        def release() -> bytes:
            if not running:
                return release_id(name, GENESIS)
            authority = self.contract("ReleaseAuthority")
            return bytes(authority.installation_of(running).release)

        yield Step(
            self.name,
            f"create {name} proxy",
            lambda: self.proxied(name) is not None,
            lambda: _call(
                self.contract("ReleaseAuthority").create_proxy,
                release(),
                self.proxy_key(name),
                self.initialisation(name),
                *self.stated,
            ),
            makes=name,
            after=before[-1:],
            by=self.by("upgrader"),
        )

    def _first_release(self, name: str, artifact: build.Artifact) -> Iterator[Step]:
        """Implementation and registration of a contract's first release."""
        check_pieces(artifact)
        pieces = {name: artifact} | {piece.name: piece for piece in artifact.behind}
        following: tuple[build.Artifact, ...] = ()
        # From the last, as each names the address of the next.
        for key, piece in reversed(pieces.items()):
            code = partial(self._piece_code, piece, *following)
            yield self.creation(f"create {key} {GENESIS}", f"{key}@{GENESIS}", code)
            following = (piece,)
        yield Step(
            self.name,
            f"register release {name} {GENESIS}",
            lambda: Question(
                self.contract("ReleaseAuthority").release_of,
                (release_id(name, GENESIS),),
                lambda it: it.version != 0,
            ),
            lambda: self._registration(name, artifact),
            by=self.by("upgrader"),
        )

    def _authority_code(self) -> bytes:
        blueprint = self.address("ReleaseProxy")
        if blueprint is None:
            raise NotYet
        return build.artifact("ReleaseAuthority").bytecode + encode(
            ["address", "uint256", "uint256", "uint256", "address"],
            [
                self.deployer.address,
                self.plan.upgrade.notice_seconds,
                self.plan.upgrade.activation_seconds,
                self.plan.upgrade.rollback_seconds,
                blueprint,
            ],
        )

    def _piece_code(self, piece: build.Artifact, *following: build.Artifact) -> bytes:
        """Return what creates a piece of a contract: it is told where the following one is."""
        return piece.bytecode + encode(
            ["address"] * len(following), [self._piece_at(each) for each in following]
        )

    def _piece_at(self, piece: build.Artifact) -> str:
        return str(self.contract(piece.name, f"{piece.name}@{GENESIS}"))

    def _registration(self, name: str, artifact: build.Artifact) -> Call:
        return _call(
            self.contract("ReleaseAuthority").register_release,
            (
                release_kind(name),
                GENESIS.packed,
                self.contract(name, f"{name}@{GENESIS}").address,
                *code_hashes(artifact, [self._piece_at(each) for each in artifact.behind]),
                # Evidence of the first release is the plan that all parties see.
                self.plan.document,
                bytes(32),
            ),
            *self.stated,
        )

    def lane_steps(
        self, lane: Lane, attestors: Iterable[Account], index: int, peer: LedgerSteps
    ) -> Iterator[Step]:
        """Verifiers, custody and lane of one side."""
        where = f"lane {lane.home}-{lane.remote}"
        keys, custody_key = verifier_keys(lane, index), f"LaneCustody#{index}"
        pair = keccak(encode(["string", "bytes32"], [self.instrument.isin, ledger_id(peer.caip2)]))
        for key, planned, signers in zip(
            keys, lane.verifiers, first_signers(lane, attestors), strict=True
        ):
            whose = where if len(keys) == 1 else f"{where}, {planned.name}"
            yield self._verifier(whose, key.quorum, signers, planned.operator)
            if key.trusted != key.quorum:
                yield self.creation(
                    f"create proof verifier of {whose}, of {peer.name}'s outbox",
                    key.trusted,
                    partial(self._proof_code, key.quorum, peer),
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
        linked = Step(
            self.name,
            f"make custody of {where} a link account",
            lambda: Question(
                self.proxied("SecurityToken").is_link, (self.contract("LaneCustody", custody_key),)
            ),
            lambda: _call(
                self.proxied("SecurityToken").set_class,
                self.contract("LaneCustody", custody_key).address,
                AccountClass.LINK,
                *self.stated,
            ),
            after=(self.custody_known,),
        )
        yield linked
        if not self.is_home:
            # The escrow issues to holders, a custody to itself.
            yield self._our_bridge(lambda: self.proxied("BridgeEscrow").address, "escrow")
            yield self._our_bridge(
                lambda: self.contract("LaneCustody", custody_key).address, f"custody of {where}"
            )

        def terms() -> tuple[object, ...]:
            return (
                self.instrument.isin,
                self.is_home,
                self.proxied("SecurityToken").address,
                self.contract("LaneCustody", custody_key).address,
                *self._verifiers(keys),
                lane.change_seconds,
                lane.retention_seconds,
                ledger_id(peer.caip2),
                party(peer.proxy_address("BridgeEscrow")),
                NO_CAP if lane.cap is None else int(lane.cap),
                NO_CAP if lane.limit is None else int(lane.limit),
                lane.limit_window_seconds,
                lane.ramp_seconds,
                units(lane.minimum or Decimal(0), self.instrument.decimals),
                self.instrument.decimals,
                self.instrument.close_minute_utc,
                Grade[lane.grade.upper()],
            )

        yield from self._two_keys(
            f"open {where}",
            partial(self.proxied, "BridgeEscrow"),
            lambda: Question(self.proxied("BridgeEscrow").canonical_lane, (pair,), any),
            ("propose_lane", "operator", lambda: (terms(),)),
            ("open_lane", "administrator-1", lambda: (terms(),)),
            linked,
        )

    def _two_keys(
        self,
        title: str,
        contract: Callable[[], Contract],
        done: Callable[[], Question],
        proposal: _Act,
        act: _Act,
        *after: Step,
    ) -> Iterator[Step]:
        """What two roles do once the set-up is over, one proposing it, and its key before.

        No role puts its name to what somebody still sets up: the token's key is gone by then.
        """

        def call(name: str, given: Callable[[], tuple[object, ...]]) -> Call:
            return _call(getattr(contract(), name), *given(), *self.stated)

        name, role, given = act
        if self.joins:
            proposing, by, proposed = proposal
            handed = self.handed_over["SecurityToken"]
            first = Step(
                self.name,
                f"propose to {title}",
                lambda: self._is_proposed(contract(), done(), proposing, by, proposed()),
                lambda: call(proposing, proposed),
                after=(*after, handed),
                by=by,
            )
            yield first
            after = (*after, first)
        yield Step(self.name, title, done, lambda: call(name, given), after=after, by=self.by(role))

    def _is_proposed(
        self, contract: Contract, done: Question, name: str, by: str, given: tuple[object, ...]
    ) -> bool:
        """Whether a proposal waits and has not lapsed, or was carried out."""
        if done.holds(done.method.call(*done.args)):
            return True
        method = getattr(contract, name)
        act = method.call(*given, *self.stated, sender=self.accounts[by].address)
        return int(contract.proposal_of(act).lapses_at) > self.chain.block().timestamp

    def _proof_code(self, quorum: str, peer: LedgerSteps) -> bytes:
        """Return what creates a verifier of another escrow's storage; its quorum stands by then."""
        terms = [
            str(self.contract("QuorumVerifier", quorum)),
            ledger_id(peer.caip2),
            peer.proxy_address("BridgeEscrow"),
            outbox_slot(build.artifact("BridgeEscrow")),
        ]
        kinds = ["address", "bytes32", "address", "uint256"]
        return build.artifact("ProofVerifier").bytecode + encode(kinds, terms)

    def _verifiers(self, keys: Sequence[VerifierKey]) -> tuple[str, str]:
        """A lane's two verifiers by their journal's keys; the second may be nobody."""
        found = [str(self.contract(key.kind, key.trusted)) for key in keys]
        return found[0], found[1] if len(found) > 1 else _NOBODY

    def _verifier(self, whose: str, key: str, signers: SignerSet, operator: str) -> Step:
        """Step that creates a verifier of attestors."""
        count = f"{signers.threshold} of {len(signers.signers)} attestors"
        return self.creation(
            f"create verifier of {whose}, {count}",
            key,
            lambda: (
                build.artifact("QuorumVerifier").bytecode
                + encode(
                    ["string", "address[]", "uint256", "string"],
                    signers.verifier_arguments(operator),
                )
            ),
        )

    def engine_steps(self, signers: EngineSigners, others: Sequence[LedgerSteps]) -> Iterator[Step]:
        """Whom the engine believes: of events at home, and of the ledgers that it hears.

        Those that were replaced after the set-up stay so: `verify` says which are in force.
        """
        actions = self.plan.actions
        assert actions is not None
        if self.is_home:
            operator = actions.events.operator
            yield self._verifier("events", EVENTS_VERIFIER, signers.events, operator)
            yield Step(
                self.name,
                "ActionsEngine: believe the event attestors",
                lambda: Question(
                    self.proxied("ActionsEngine").attestors, (), lambda it: not is_zero(it)
                ),
                lambda: _call(
                    self.proxied("ActionsEngine").set_attestors,
                    self.contract("QuorumVerifier", EVENTS_VERIFIER),
                    *self.stated,
                ),
            )
        heard = [other for other in others if other.is_home != self.is_home]
        if heard:
            operator, whose = actions.messages.operator, "engines' messages"
            yield self._verifier(whose, MESSAGES_VERIFIER, signers.messages, operator)
        for other in heard:
            yield self._peer(other)
        if actions.reconcile == "daily":
            engine = partial(self.proxied, "ActionsEngine")
            yield Step(
                self.name,
                "ActionsEngine: ask for each day's close",
                lambda: engine().daily_since() != 0 or is_zero(engine().set_up_key()),
                lambda: _call(engine().set_daily, True, *self.stated),
            )

        if (agent := self.accounts.get("fractions_agent")) is not None:
            yield Step(
                self.name,
                "ActionsEngine: the fractions' agent is the plan's",
                lambda: Question(
                    self.proxied("ActionsEngine").fractions_agent, (), lambda it: not is_zero(it)
                ),
                lambda: _call(
                    self.proxied("ActionsEngine").set_fractions_agent, agent.address, *self.stated
                ),
            )

    def _peer(self, other: LedgerSteps) -> Step:
        """Step that has the engine believe that of another ledger."""
        return Step(
            self.name,
            f"ActionsEngine: believe the engine of {other.name}",
            lambda: Question(
                self.proxied("ActionsEngine").peer_of,
                (ledger_id(other.caip2),),
                lambda it: not is_zero(it.engine),
            ),
            lambda: _call(
                self.proxied("ActionsEngine").set_peer,
                self.plan.ledger(other.name).chain_id,
                other.proxy_address("ActionsEngine"),
                self.contract("QuorumVerifier", MESSAGES_VERIFIER),
                *self.stated,
            ),
        )

    def _our_bridge(self, account: Callable[[], str], whose: str) -> Step:
        """Step that lets a contract of ours issue and take off units of a remote ledger."""
        return Step(
            self.name,
            f"SecurityToken: bridge is the {whose}",
            lambda: Question(
                self.proxied("SecurityToken").bridge_of, (account(),), lambda it: bool(it.ours)
            ),
            lambda: _call(
                self.proxied("SecurityToken").set_bridge,
                account(),
                NO_LIMIT,
                NO_LIMIT,
                *self.stated,
            ),
            after=(self.custody_known,),
        )

    def role_steps(self) -> Iterator[Step]:
        """All roles of all contracts of this ledger."""
        for name in self._set_up:
            # Administrators come first: whatever follows, two keys are there to mend it.
            for role in (Role.ADMINISTRATOR, *ROLES_OF[name]):
                for title, account in self.accounts.items():
                    if role_of_title(title) == role:
                        whose = f"the plan's {title.replace('-', ' ')}"
                        yield self._assignment(name, role, partial(str, account.address), whose)
        if "ActionsEngine" in self.proxies:
            engine = partial(self.proxied, "ActionsEngine")
            yield self._assignment("SecurityToken", Role.ACTIONS, engine, "the engine")

    def _assignment(self, name: str, role: Role, account: Callable[[], object], whose: str) -> Step:
        """Step that gives an account its role in a contract."""
        called = role.name.lower() if role.name else role
        return Step(
            self.name,
            f"{name}: {called} is {whose}",
            lambda: Question(
                self.any_contract(name).role_of, (account(),), lambda it: bool(it == role)
            ),
            lambda: _call(self.any_contract(name).assign_role, account(), role, *self.stated),
        )

    def registration(self, tokens: Callable[[], Mapping[str, str]]) -> Iterator[Step]:
        """The instrument's record."""
        isin = self.instrument.isin

        def record() -> InstrumentRecord:
            return record_of(self.instrument, tokens(), self.plan.caip2)

        yield from self._two_keys(
            f"register {isin}",
            partial(self.proxied, "InstrumentRegistry"),
            lambda: Question(self.proxied("InstrumentRegistry").is_registered, (isin,)),
            ("propose_record", "registrar", lambda: (isin, record_hash(record()), False)),
            ("register", "issuer", lambda: (record().as_tuple(),)),
        )

    def hand_over(self) -> Iterator[Step]:
        """The set-up key gives up every contract that it sets up."""
        yield from self.handed_over.values()

    @property
    def _set_up(self) -> tuple[str, ...]:
        return self.own if self.joins else ("ReleaseAuthority", *self.own)

    @cached_property
    def handed_over(self) -> Mapping[str, Step]:
        """The last step of each contract that is set up."""
        return {name: self._hand_over(name) for name in self._set_up}

    def _hand_over(self, name: str) -> Step:
        return Step(
            self.name,
            f"hand over {name}",
            lambda: Question(self.any_contract(name).set_up_key, (), is_zero),
            lambda: _call(self.any_contract(name).hand_over, HAND_OVER, self.plan.document),
            last=True,
        )


def blueprint_content() -> bytes:
    """Return what stands on a ledger as the proxy's ERC-5202 blueprint."""
    return _BLUEPRINT_PREAMBLE + build.artifact("ReleaseProxy").bytecode


def _blueprint() -> bytes:
    """Creation code that leaves the proxy's creation code as an ERC-5202 blueprint."""
    content = blueprint_content()
    # PUSH2 len, RETURNDATASIZE, DUP2, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURN
    return b"\x61" + len(content).to_bytes(2, "big") + bytes.fromhex("3d81600a3d39f3") + content


def _call(method: Method, *args: object) -> Call:
    return Call(method.contract, method.encode(*args))
