"""A local network: two or more ledgers with the suite on them, every party's key at hand.

Who is who is fixed by account index, so that tests, `devnet` and `demo` mean the same parties.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tallystick.bridge.attestation import Domain, SignerSet, attest
from tallystick.bridge.message import NO_CAP, LaneId, LaneMessage, ledger_id, message_of, party
from tallystick.chain import Account, Chain, Receipt
from tallystick.chain.abi import keccak
from tallystick.deploy.deploy import StepState, deploy
from tallystick.deploy.describe import manifest_of
from tallystick.deploy.resolved import Deployment, LaneSpec, LedgerSpec, SuiteSpec, VerifierSpec
from tallystick.files.instrument import Instrument, record_of
from tallystick.files.manifest import HolderEntry, Manifest, RoleEntry
from tallystick.governance.roles import reason_code
from tallystick.reach.connection import Connection, Suite, connection_of
from tallystick.status.document import Status
from tallystick.status.observe import status_of

__all__ = [
    "ATTESTORS",
    "HOLDERS_FROM",
    "ROLE_INDEX",
    "Network",
    "local_spec",
    "manifest_of_network",
]


def manifest_of_network(network: Network, instrument: Instrument | None = None) -> Manifest:
    """Describe a local network, every party with its index; holders as in the instrument file."""
    deployment = network.deployment
    indices: dict[str, dict[str, int]] = {}
    couriers: dict[str, RoleEntry] = {}
    for name, suite in deployment.suites.items():
        chain = suite.chain
        numbers = [*ROLE_INDEX.values(), *ADMINISTRATORS]
        indices[name] = {chain.account(number).address: number for number in numbers}
        couriers[name] = RoleEntry(address=chain.account(COURIER).address, index=COURIER)
    home = deployment.spec.home
    indices[home] |= {attestor.address: attestor.index for attestor in network.attestors}
    holders = [
        HolderEntry(
            name=holder.name,
            ledger=holder.ledger,
            address=network.holder(holder.ledger, number).address,
            index=HOLDERS_FROM + number,
            eligible=holder.eligible,
        )
        for number, holder in enumerate(instrument.holders if instrument else ())
    ]
    return manifest_of(
        deployment,
        holders=holders,
        indices=indices,
        mnemonic=next(iter(network.chains.values())).mnemonic,
        couriers=couriers,
    )


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
# As many as an instrument file may name; it says how many there are and how many must sign.
ATTESTORS: Final = (11, 12, 13, 14, 15, 16, *range(101, 110))
HOLDERS_FROM: Final = 20
_DAY: Final = 86_400


def local_spec(
    instrument: Instrument,
    chains: Mapping[str, Chain],
    *,
    threshold: int | None = None,
    attestors: Sequence[int] | None = None,
    cap: int = NO_CAP,
    notice: int = 3600,
    activation_window: int = 30 * _DAY,
    rollback_window: int = _DAY,
    finality_blocks: int = 2,
) -> SuiteSpec:
    """Describe the suite of an instrument on local ledgers, parties by account index.

    Args:
        instrument: the instrument file.
        chains: the ledgers by the names that the instrument file gives them.
        threshold: how many attestors must sign; the instrument file's number when left out.
        attestors: their account indices on the home ledger; one for each that the file names when
            left out. Their keys are the same for both sides.
        cap: most that may be outstanding on a lane, whole units.
        notice: seconds between notice and activation of a release.
        activation_window: seconds after the notice in which the activation must take place.
        rollback_window: seconds in which an activation can be rolled back.
        finality_blocks: blocks after which a courier takes a source event as final.
    """
    home = chains[instrument.home]
    if attestors is None:
        attestors = ATTESTORS[: len(instrument.roles.attestors.members)]
    signers = tuple(home.account(index).address for index in attestors)
    required = instrument.roles.attestors.threshold if threshold is None else threshold
    caip2 = {name: chain.caip2 for name, chain in chains.items()}
    return SuiteSpec(
        isin=instrument.isin,
        name=instrument.name,
        symbol=instrument.fisn.split("/")[0].split(" ")[0][:16],
        decimals=instrument.decimals,
        close_minute=instrument.close_minute_utc,
        home=instrument.home,
        ledgers=tuple(
            LedgerSpec(
                name=name,
                deployer=chain.account(ROLE_INDEX["deployer"]),
                roles={
                    role: chain.account(index).address
                    for role, index in ROLE_INDEX.items()
                    if role != "deployer"
                },
                administrators=tuple(chain.account(index).address for index in ADMINISTRATORS),
                finality={"kind": "depth", "blocks": finality_blocks},
            )
            for name, chain in chains.items()
        ),
        lanes=tuple(
            LaneSpec(
                home=instrument.home,
                remote=name,
                verifier=VerifierSpec(signers, required, rotation_delay=3600, retention=_DAY),
                cap=cap,
            )
            for name in chains
            if name != instrument.home
        ),
        notice=notice,
        activation_window=activation_window,
        rollback_window=rollback_window,
        document=keccak(instrument.model_dump_json().encode()),
        record=lambda tokens: record_of(instrument, tokens, caip2).as_tuple(),
    )


@dataclass(frozen=True)
class Network:
    """A deployed suite with the keys of all its parties, and the acts that they carry out."""

    deployment: Deployment
    chains: Mapping[str, Chain]
    attestors: tuple[Account, ...]
    threshold: int

    @classmethod
    def deploy(
        cls,
        instrument: Instrument,
        chains: Mapping[str, Chain],
        *,
        journal: Path | None = None,
        progress: Callable[[StepState], None] = lambda _: None,
        **options: Any,
    ) -> Network:
        """Deploy the suite of an instrument to local ledgers; see `local_spec` for the options."""
        spec = local_spec(instrument, chains, **options)
        report = deploy(spec, chains, journal=journal, execute=True, progress=progress)
        assert report.deployment is not None
        verifier = spec.lanes[0].verifier
        home = chains[instrument.home]
        known = {str(a.address): a for a in map(home.account, ATTESTORS)}
        known |= {str(a.address): a for a in map(home.account, options.get("attestors") or ())}
        return cls(
            deployment=report.deployment,
            chains=chains,
            attestors=tuple(known[address] for address in verifier.attestors),
            threshold=verifier.threshold,
        )

    # ----------------------------------------------------------------------- parties

    def suite(self, ledger: str) -> Suite:
        """Return the contracts of a ledger."""
        return self.deployment.suites[ledger]

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
    def connection(self) -> Connection:
        """The network as anybody sees it who has its manifest."""
        return connection_of(manifest_of(self.deployment), self.chains)

    def status(self) -> Status:
        """What is where now, and whether the invariants hold."""
        return status_of(self.connection)

    @property
    def lane(self) -> LaneId:
        """Id of the first lane."""
        return next(iter(self.deployment.lanes))

    @property
    def home(self) -> Suite:
        """The home ledger's contracts."""
        return self.suite(self.deployment.spec.home)

    @property
    def remote(self) -> Suite:
        """The first lane's remote contracts."""
        return self.suite(next(iter(self.deployment.lanes.values())).remote)

    # -------------------------------------------------------------------------- acts

    def admit(self, suite: Suite, account: Any, until_day: int, reason: str = "ONBD") -> Receipt:
        """The registrar makes an account eligible until a day (0: no longer)."""
        return _receipt(
            suite.token.admit(
                account,
                until_day,
                reason_code(reason),
                keccak(b"onboarding"),
                sender=suite.chain.account(ROLE_INDEX["registrar"]),
            )
        )

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
        custody = suite.custodies[self.lane]
        if suite.token.allowance(holder.address, custody.address) < amount:
            suite.token.approve(custody, amount, sender=holder)
        receipt = suite.escrow.lock(
            self.lane,
            party(str(recipient)),
            amount,
            deadline or suite.chain.now + _DAY,
            sender=holder,
        )
        return message_of(_receipt(receipt).one("MessageSent"))

    def burn(
        self, holder: Account, recipient: Any, amount: int, *, deadline: int | None = None
    ) -> LaneMessage:
        """A holder burns units on the remote ledger for a party at home."""
        suite = self.remote
        receipt = suite.escrow.burn(
            self.lane,
            party(str(recipient)),
            amount,
            deadline or suite.chain.now + _DAY,
            sender=holder,
        )
        return message_of(_receipt(receipt).one("MessageSent"))

    def destination(self, message: LaneMessage) -> Suite:
        """Return the suite to which a message goes."""
        return self.remote if message.kind == 1 else self.home

    def signer_set(self, epoch: int = 1) -> SignerSet:
        """Return the attestors as an epoch of the verifiers."""
        return SignerSet.of(epoch, self.threshold, (a.address for a in self.attestors))

    def attest(self, message: LaneMessage, signatures: int | None = None, epoch: int = 1) -> bytes:
        """Let the attestors sign a message for its destination; all needed, or as many as said."""
        suite = self.destination(message)
        ordered = sorted(self.attestors, key=lambda a: int(a.address, 16))
        keys = [account.key for account in ordered if account.key is not None]
        count = self.threshold if signatures is None else signatures
        domain = Domain(suite.chain.chain_id, str(suite.escrow.address))
        return attest(message, self.signer_set(epoch), domain, keys[:count])

    def deliver(self, message: LaneMessage, attestation: bytes | None = None) -> Receipt:
        """A courier delivers a message, attested unless an attestation is given."""
        suite = self.destination(message)
        return _receipt(
            suite.escrow.deliver(
                message.as_tuple(),
                self.attest(message) if attestation is None else attestation,
                sender=suite.chain.account(COURIER),
            )
        )

    def claim(self, message: LaneMessage) -> Receipt:
        """A courier claims what waits in suspense for its recipient."""
        suite = self.destination(message)
        return _receipt(suite.escrow.claim(message.as_tuple(), sender=suite.chain.account(COURIER)))

    def peer_id(self, suite: Suite) -> bytes:
        """Return the ledger id under which others know a suite's ledger."""
        return ledger_id(suite.chain.caip2)


COURIER: Final = 18


def _receipt(value: Any) -> Receipt:
    assert isinstance(value, Receipt)
    return value
