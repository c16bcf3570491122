"""A local network: two or more ledgers with the suite on them, every party's key at hand.

Who is who is fixed by account index, so that tests, `devnet` and `demo` mean the same parties.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

from tallystick.bridge.attestation import ATTESTATION_TYPE, Domain, SignerSet, Struct, attest
from tallystick.bridge.batch import BATCH_ATTESTATION_TYPE, Batch
from tallystick.bridge.message import (
    NO_CAP,
    Kind,
    LaneId,
    LaneMessage,
    message_of,
    party,
)
from tallystick.chain import Account, Chain, Receipt
from tallystick.chain.abi import keccak
from tallystick.deploy.deploy import StepState, deploy
from tallystick.deploy.joining import with_neighbour
from tallystick.deploy.signers import first_signers
from tallystick.deploy.verify import verify, wrong
from tallystick.files.accounts import AccountRef, Accounts
from tallystick.files.instrument import Instrument
from tallystick.files.manifest import HolderEntry, Manifest, RoleEntry
from tallystick.files.plan import SCHEMA as PLAN_SCHEMA
from tallystick.files.plan import (
    Actions,
    Lane,
    Plan,
    PlanLedger,
    Quorum,
    Upgrade,
    Verifier,
)
from tallystick.files.scalars import Finality
from tallystick.governance.roles import reason_code
from tallystick.reach.accounts import Finder, Parties
from tallystick.reach.connection import Connection, Suite, connection_of, suites_of
from tallystick.status.document import Status
from tallystick.status.observe import status_of

__all__ = [
    "ATTESTORS",
    "COURIER",
    "EVENT_ATTESTORS",
    "HOLDERS_FROM",
    "MESSAGE_ATTESTORS",
    "OPERATORS",
    "ROLE_INDEX",
    "SECOND_ATTESTORS",
    "Network",
    "local_plan",
]

ROLE_INDEX: Final[Mapping[str, int]] = {
    "deployer": 0,
    "issuer": 1,
    "notary": 2,
    "registrar": 3,
    "custodian": 4,
    "guardian": 5,
    "upgrader": 6,
    "paying_agent": 7,
    "auditor": 8,
    "operator": 17,
}
ADMINISTRATORS: Final = (9, 10)
COURIER: Final = 18
# Two of three for the second verifier of a lane of production.
SECOND_ATTESTORS: Final = (131, 132, 133)
# Two of three confirm events, two of three attest what engines tell.
EVENT_ATTESTORS: Final = (111, 112, 113)
MESSAGE_ATTESTORS: Final = (121, 122, 123)
# LEIs of who runs attestors: well formed, and nobody's.
OPERATORS: Final = ("ILLUSTRATIONOPER0A97", "ILLUSTRATIONOPER0B94")
# As many as an instrument file may name; it says how many there are and how many must sign.
ATTESTORS: Final = (11, 12, 13, 14, 15, 16, *range(101, 110))
HOLDERS_FROM: Final = 20
_DAY: Final = 86_400
# Of a message that names none, in seconds from its leaving.
_DEADLINE: Final = 60 * _DAY
# What messages call a plan that no file holds.
_NO_FILE: Final = Path("the local network")


def local_plan(
    instrument: Instrument,
    chains: Mapping[str, Chain],
    *,
    threshold: int | None = None,
    attestors: Sequence[int] | None = None,
    cap: int | None = None,
    limit: int | None = None,
    limit_window: int = _DAY,
    ramp: int = 7 * _DAY,
    minimum: Decimal | None = None,
    grade: Literal["pilot", "production"] = "pilot",
    notice: int = 3600,
    activation_window: int = 30 * _DAY,
    rollback_window: int = _DAY,
    finality_blocks: int = 2,
    agent: int | None = None,
) -> Plan:
    """Plan the suite of an instrument on local ledgers, parties by account index.

    Args:
        instrument: the instrument file.
        chains: the ledgers by the names that the instrument file gives them.
        threshold: how many attestors must sign; the instrument file's number when left out.
        attestors: their account indices on the home ledger; one for each that the file names when
            left out. Their keys are the same for both sides.
        cap: most that may be outstanding on a lane, whole units; on one of production all that is
            authorised when left out.
        limit: whole units that may arrive at once at either end of a lane; any when left out.
        limit_window: seconds in which that room comes back.
        ramp: seconds in which it grows from nothing.
        minimum: least units that may leave at either end; any when left out.
        grade: of the lanes; production has a second verifier, of another operator.
        notice: seconds between notice and activation of a release.
        activation_window: seconds after the notice in which the activation must take place.
        rollback_window: seconds in which an activation can be rolled back.
        finality_blocks: blocks after which a courier takes a source event as final.
        agent: index of who is credited on each ledger what the rounding of ratios leaves; nobody
            when left out.
    """
    signing = instrument.roles.attestors
    members = attestors or ATTESTORS[: len(signing.members)]
    first = Verifier(
        name="verifier-a",
        operator=OPERATORS[0],
        attestors=tuple(AccountRef(index=index) for index in members),
        threshold=signing.threshold if threshold is None else threshold,
    )
    second = Verifier(
        name="verifier-b",
        operator=OPERATORS[1],
        attestors=tuple(AccountRef(index=index) for index in SECOND_ATTESTORS),
        threshold=2,
    )
    production = grade == "production"
    most = min(int(instrument.authorised), NO_CAP - 1) if cap is None and production else cap
    at = {role: AccountRef(index=index) for role, index in ROLE_INDEX.items()}
    plan = Plan(
        schema=PLAN_SCHEMA,
        instrument=instrument.model_dump(mode="json", by_alias=True),
        ledgers=tuple(
            PlanLedger(
                name=name,
                network="ethereum:local",
                chain_id=chain.chain_id,
                finality=Finality(kind="depth", blocks=finality_blocks),
                accounts=Accounts(
                    **at,
                    administrators=tuple(AccountRef(index=i) for i in ADMINISTRATORS),
                    fractions_agent=None if agent is None else AccountRef(index=agent),
                ),
            )
            for name, chain in chains.items()
        ),
        lanes=tuple(
            Lane(
                home=instrument.home,
                remote=name,
                grade=grade,
                verifiers=(first, second) if production else (first,),
                change_seconds=3600,
                retention_seconds=_DAY,
                cap=None if most is None else Decimal(most),
                limit=None if limit is None else Decimal(limit),
                limit_window_seconds=limit_window,
                ramp_seconds=ramp,
                minimum=minimum,
            )
            for name in chains
            if name != instrument.home
        ),
        actions=Actions(events=_quorum(EVENT_ATTESTORS), messages=_quorum(MESSAGE_ATTESTORS)),
        upgrade=Upgrade(
            notice_seconds=notice,
            activation_seconds=activation_window,
            rollback_seconds=rollback_window,
        ),
    )
    return plan.with_instrument(_NO_FILE, instrument)


def _quorum(members: Sequence[int]) -> Quorum:
    accounts = tuple(AccountRef(index=index) for index in members)
    return Quorum(operator=OPERATORS[0], attestors=accounts, threshold=2)


@dataclass(frozen=True)
class Network:
    """A plan carried out on local ledgers, with the keys of all its parties, and their acts."""

    plan: Plan
    parties: Parties
    connection: Connection
    suites: Mapping[str, Suite]

    @classmethod
    def deploy(
        cls,
        instrument: Instrument,
        chains: Mapping[str, Chain],
        *,
        progress: Callable[[StepState], None] = lambda _: None,
        **options: Any,
    ) -> Network:
        """Deploy the suite of an instrument to local ledgers; see `local_plan` for the options."""
        plan = local_plan(instrument, chains, **options)
        return cls._carried_out(plan, instrument, chains, progress)

    def join(
        self,
        instrument: Instrument,
        *,
        progress: Callable[[StepState], None] = lambda _: None,
        **options: Any,
    ) -> Network:
        """Have another instrument join the suite, by the acts of its roles, whose keys are here.

        Returns:
            the network as that instrument's; `beside` has this one's manifest name it.

        Raises:
            KeyError: the instrument lives on a ledger that is not here.
        """
        chains = {ledger.name: self.chains[ledger.name] for ledger in instrument.ledgers}
        plan = local_plan(instrument, chains, **options).with_suite(self.manifest)
        return self._carried_out(plan, instrument, chains, progress)

    @classmethod
    def _carried_out(
        cls,
        plan: Plan,
        instrument: Instrument,
        chains: Mapping[str, Chain],
        progress: Callable[[StepState], None],
    ) -> Network:
        """What stands once a plan is carried out, its people named."""
        words = next(iter(chains.values())).mnemonic
        parties = Finder(_NO_FILE, plan, words).parties()
        report = deploy(plan, parties, chains, execute=True, progress=progress)
        assert report.manifest is not None
        connection = connection_of(_with_people(report.manifest, instrument, chains), chains)
        return cls(plan, parties, connection, suites_of(connection))

    def beside(self, isin: str) -> Network:
        """Return this network with a manifest that knows an instrument beside its own."""
        manifest = with_neighbour(self.manifest, isin) or self.manifest
        return replace(self, connection=connection_of(manifest, self.chains))

    # ----------------------------------------------------------------------- parties

    def suite(self, ledger: str) -> Suite:
        """Return the contracts of a ledger."""
        return self.suites[ledger]

    def party(self, ledger: str, role: str) -> Account:
        """Return the account that holds a role on a ledger, e.g. `registrar`."""
        return self.chains[ledger].account(ROLE_INDEX[role])

    def signers(self, ledger: str) -> dict[str, Account]:
        """Return the accounts of a ledger by role, the courier's with them."""
        return {
            role: self.chains[ledger].account(index)
            for role, index in (*ROLE_INDEX.items(), ("courier", COURIER))
        }

    def administrators(self, ledger: str) -> tuple[Account, Account]:
        """Return the two administrators of a ledger."""
        chain = self.chains[ledger]
        return chain.account(ADMINISTRATORS[0]), chain.account(ADMINISTRATORS[1])

    def holder(self, ledger: str, number: int) -> Account:
        """Return a holder's account on a ledger, counted from 0."""
        return self.chains[ledger].account(HOLDERS_FROM + number)

    @property
    def chains(self) -> Mapping[str, Chain]:
        """The ledgers by name."""
        return self.connection.chains

    @property
    def manifest(self) -> Manifest:
        """What stands where, with everybody's index: courier and holders of the file too."""
        return self.connection.manifest

    @property
    def attestors(self) -> tuple[Account, ...]:
        """The attestors of the first lane's first verifier, in the plan's order."""
        return self.parties.attestors[0][: len(self.plan.lanes[0].verifiers[0].attestors)]

    @property
    def threshold(self) -> int:
        """How many of them must sign."""
        return self.plan.lanes[0].verifiers[0].threshold

    def verify(self) -> list[str]:
        """Compare what stands with the build and the plan; what is wrong, in words."""
        return [str(fact) for fact in wrong(verify(self.connection, self.plan, self.parties))]

    def status(self) -> Status:
        """What is where now, and whether the invariants hold."""
        return status_of(self.connection)

    @property
    def lane(self) -> LaneId:
        """Id of the first lane."""
        return self.manifest.lanes[0].id_bytes

    @property
    def home(self) -> Suite:
        """The home ledger's contracts."""
        return self.suite(self.plan.home)

    @property
    def remote(self) -> Suite:
        """The first lane's remote contracts."""
        return self.suite(self.manifest.lanes[0].remote)

    # -------------------------------------------------------------------------- acts

    def admit(self, suite: Suite, account: Any, until_day: int, reason: str = "ONBD") -> Receipt:
        """The registrar makes an account eligible until a day (0: no longer)."""
        return Receipt.of(
            suite.token.admit(
                account,
                until_day,
                reason_code(reason),
                keccak(b"onboarding"),
                sender=suite.chain.account(ROLE_INDEX["registrar"]),
            )
        )

    def announce_close(self, suite: Suite, day: int) -> Receipt:
        """The registrar announces the close of a business day; at most a week late."""
        return Receipt.of(
            suite.token.announce_close(
                day,
                reason_code("RECD"),
                keccak(b"record date"),
                sender=suite.chain.account(ROLE_INDEX["registrar"]),
            )
        )

    def name_agent(self, suite: Suite, agent: Any) -> Receipt:
        """Operator and administrator name who is credited what the rounding of ratios leaves.

        The ledger's clock moves by the delay of a day.
        """
        assert suite.engine is not None
        why = (reason_code("RATI"), keccak(b"fractions' agent"))
        operator, administrator = (ROLE_INDEX["operator"], ADMINISTRATORS[0])
        key = suite.chain.account(operator)
        suite.engine.propose_fractions_agent(agent, *why, sender=key)
        suite.chain.set_time(suite.chain.now + _DAY)
        key = suite.chain.account(administrator)
        return Receipt.of(suite.engine.set_fractions_agent(agent, *why, sender=key))

    def issue(self, allotments: Iterable[tuple[Any, int]]) -> None:
        """Notary and issuer bring units into being at home, in base units by holder."""
        allotments = list(allotments)
        suite = self.home
        document = keccak(b"issue")
        suite.token.authorise_issuance(
            sum(amount for _, amount in allotments),
            reason_code("ISSU"),
            document,
            sender=suite.chain.account(ROLE_INDEX["notary"]),
        )
        for account, amount in allotments:
            if amount:
                suite.token.mint(
                    account,
                    amount,
                    reason_code("ISSU"),
                    document,
                    sender=suite.chain.account(ROLE_INDEX["issuer"]),
                )

    def lock(
        self, holder: Account, recipient: Any, amount: int, *, deadline: int | None = None
    ) -> LaneMessage:
        """A holder locks units at home for a party on the remote ledger."""
        suite = self.home
        receipt = suite.custodies[self.lane].lock(
            self.lane,
            party(str(recipient)),
            amount,
            deadline or suite.chain.now + _DEADLINE,
            sender=holder,
        )
        return message_of(Receipt.of(receipt).one("MessageSent"))

    def burn(
        self, holder: Account, recipient: Any, amount: int, *, deadline: int | None = None
    ) -> LaneMessage:
        """A holder burns units on the remote ledger for a party at home."""
        suite = self.remote
        receipt = suite.escrow.burn(
            self.lane,
            party(str(recipient)),
            amount,
            deadline or suite.chain.now + _DEADLINE,
            sender=holder,
        )
        return message_of(Receipt.of(receipt).one("MessageSent"))

    def rotate(self, suite: Suite, signers: SignerSet) -> Receipt:
        """Give the first lane other attestors, on one ledger, whose clock moves by the delay."""
        self.confirm(suite, signers)
        return self.apply(suite)

    def apply(self, suite: Suite) -> Receipt:
        """Let the delay of the change that is pending on a ledger pass; the courier applies it."""
        due = int(suite.escrow.pending_lane_terms(self.lane).applies_from)
        suite.chain.set_time(max(due, suite.chain.now))
        courier = suite.chain.account(COURIER)
        return Receipt.of(suite.escrow.apply_lane_terms(self.lane, sender=courier))

    def confirm(self, suite: Suite, signers: SignerSet) -> Receipt:
        """Operator and administrator confirm other attestors of the first lane's first verifier."""
        why = (reason_code("ROTA"), keccak(b"rotation"))
        deployer = suite.chain.account(ROLE_INDEX["deployer"])
        verifier = suite.chain.deploy(
            "QuorumVerifier", *signers.verifier_arguments(OPERATORS[0]), sender=deployer
        )
        now = suite.escrow.lane_state(self.lane).terms
        return self._confirm(suite, (verifier, now.second, now.cap, now.limit), why)

    def limit(self, suite: Suite, units: int = NO_CAP) -> Receipt:
        """Give the first lane another limit of what arrives on one ledger, whole units, or none.

        The ledger's clock moves by the lane's delay.
        """
        now = suite.escrow.lane_state(self.lane).terms
        why = (reason_code("LIMT"), keccak(b"limit"))
        self._confirm(suite, (now.verifier, now.second, now.cap, units), why)
        return self.apply(suite)

    def _confirm(
        self, suite: Suite, terms: tuple[object, ...], why: tuple[bytes, bytes]
    ) -> Receipt:
        """Operator and administrator confirm other terms of the first lane."""
        operator, administrator = (ROLE_INDEX["operator"], ADMINISTRATORS[0])
        terms, escrow = (self.lane, *terms, *why), suite.escrow
        escrow.propose_lane_terms(*terms, sender=suite.chain.account(operator))
        key = suite.chain.account(administrator)
        return Receipt.of(escrow.confirm_lane_terms(*terms, sender=key))

    def destination(self, message: LaneMessage) -> Suite:
        """Return the suite to which a message goes."""
        return self.remote if Kind(message.kind).direction is Kind.ISSUE else self.home

    def signer_set(self, epoch: int = 1) -> SignerSet:
        """Return the attestors as those of an epoch of the lane."""
        return SignerSet.of(epoch, self.threshold, (a.address for a in self.attestors))

    def attest(self, message: LaneMessage, signatures: int | None = None, epoch: int = 1) -> bytes:
        """Let the attestors sign a message for its destination; all needed, or as many as said."""
        suite = self.destination(message)
        ordered = sorted(self.attestors, key=lambda a: int(a.address, 16))
        keys = [account.key for account in ordered if account.key is not None]
        count = self.threshold if signatures is None else signatures
        domain = Domain(suite.chain.chain_id, str(suite.escrow.address))
        return attest(message, self.signer_set(epoch), domain, keys[:count])

    def attestations(self, message: LaneMessage) -> tuple[bytes, ...]:
        """Let enough attestors of each of the lane's newest verifiers sign a message."""
        return self._by_each(self.destination(message), message, ATTESTATION_TYPE)

    def batch_attestations(self, messages: Sequence[LaneMessage]) -> tuple[bytes, ...]:
        """Let them sign a batch of messages, of one direction of the lane."""
        batch = Batch.of(messages)
        return self._by_each(self.destination(messages[0]), batch, BATCH_ATTESTATION_TYPE)

    def _by_each(self, suite: Suite, what: Struct, attests: str) -> tuple[bytes, ...]:
        domain = Domain(suite.chain.chain_id, str(suite.escrow.address))
        keys = {str(each.address): each.key for each in self.parties.attestors[0] if each.key}
        return tuple(
            attest(
                what,
                one,
                domain,
                [keys[each] for each in one.signers if each in keys][: one.threshold],
                attests,
            )
            for one in self._newest_signers(suite, keys)
        )

    def _newest_signers(self, suite: Suite, keys: Mapping[str, bytes]) -> tuple[SignerSet, ...]:
        """Who signs what arrives on a ledger by the first lane, as far as their keys are here."""
        for number in range(int(suite.escrow.lane_state(self.lane).epoch), 1, -1):
            epoch = suite.escrow.epoch_at(self.lane, number)
            found = []
            for verifier in (str(epoch.verifier), str(epoch.second)):
                if int(verifier, 16):
                    kept = suite.chain.at("QuorumVerifier", verifier).signer_set()
                    found.append(SignerSet.of(number, int(kept.threshold), kept.signers))
            if all(sum(s in keys for s in one.signers) >= one.threshold for one in found):
                return tuple(found)
        return first_signers(self.plan.lanes[0], self.parties.attestors[0])

    def deliver(self, message: LaneMessage, *attestations: bytes) -> Receipt:
        """A courier delivers a message, attested unless attestations are given."""
        suite = self.destination(message)
        return Receipt.of(
            suite.escrow.deliver(
                message.as_tuple(),
                *(attestations or self.attestations(message)),
                sender=suite.chain.account(COURIER),
            )
        )

    def return_to_source(self, message: LaneMessage) -> LaneMessage:
        """Somebody sends back what waits past its message's deadline; returns what is sent."""
        suite = self.destination(message)
        sender = suite.chain.account(COURIER)
        receipt = suite.escrow.return_to_source(message.as_tuple(), sender=sender)
        return message_of(Receipt.of(receipt).one("MessageSent"))

    def claim(self, message: LaneMessage) -> Receipt:
        """A courier claims what waits in suspense for its recipient."""
        suite = self.destination(message)
        return Receipt.of(
            suite.escrow.claim(message.as_tuple(), sender=suite.chain.account(COURIER))
        )


def _with_people(
    manifest: Manifest, instrument: Instrument, chains: Mapping[str, Chain]
) -> Manifest:
    """A manifest with who is not in a plan: the courier, and the holders of the file."""
    roles = {
        name: {
            **manifest.roles[name],
            "courier": RoleEntry(address=chain.account(COURIER).address, index=COURIER),
        }
        for name, chain in chains.items()
    }
    holders = tuple(
        HolderEntry(
            name=holder.name,
            ledger=holder.ledger,
            address=chains[holder.ledger].account(HOLDERS_FROM + number).address,
            index=HOLDERS_FROM + number,
            eligible=holder.eligible,
        )
        for number, holder in enumerate(instrument.holders)
    )
    return manifest.model_copy(update={"roles": roles, "holders": holders})
