"""The suite on two embedded ledgers, as the unit tests see it: sides, parties, raw storage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from eth_account import Account as Signer
from eth_utils.crypto import keccak

from tallystick.bridge.attestation import Domain, SignerSet, attest, attestation_digest
from tallystick.bridge.message import (
    DENIED,
    LAST,
    NO_CAP,
    RETURNED,
    Grade,
    Kind,
    LaneMessage,
    ledger_id,
    party,
)
from tallystick.build import artifact
from tallystick.chain import Account, Chain, Contract, Event, Receipt
from tallystick.chain.abi import CodecError
from tallystick.chain.embedded import EmbeddedChain
from tallystick.chain.receipt import Revert, Snapshot
from tallystick.chain.reverts import reverts
from tallystick.files.instrument import load_instrument
from tallystick.governance.pieces import GETTERS
from tallystick.governance.release import (
    APPROVERS,
    PER_INSTRUMENT,
    PROXIED,
    CodeHashes,
    Version,
    proxy_name,
    release_id,
    release_kind,
)
from tallystick.local.network import OPERATORS, Network
from tallystick.registry.record import InstrumentRecord, Placement, token_word
from tallystick.token.position import AccountClass

ROOT = Path(__file__).resolve().parents[2]
REASON = b"TEST"
DOCUMENT = keccak(text="document of the test")
STATED = (REASON, DOCUMENT)
NO_REASON = bytes(4)
NO_DOCUMENT = bytes(32)
# Acts that don't state why, and what is said of each.
UNSTATED = [
    ((NO_REASON, NO_DOCUMENT), "instruction: no reason code"),
    ((NO_REASON, DOCUMENT), "instruction: no reason code"),
    ((REASON, NO_DOCUMENT), "instruction: no document hash"),
]
ZERO = "0x" + "00" * 20
UINT_MAX = 2**256 - 1
AMOUNT_MAX = 2**104 - 1
DAY = 86_400
# Of the network's lane: seconds until a change can be applied; how long the last verifier then is.
CHANGE_DELAY, RETENTION = 3_600, DAY
# What nobody signed, in the first epoch of a lane.
UNSIGNED = (1).to_bytes(8, "big") + bytes(24)
# Far beyond any test's clock.
ELIGIBLE_UNTIL = 40_000
# What holders start with, in base units.
INVESTOR_UNITS = 10**12
BUYER_UNITS = 10**11
# All that there is.
ISSUE = INVESTOR_UNITS + BUYER_UNITS
ISIN = "US0378331005"
NOTHING: Mapping[str, int] = {}
# Who orders, in the tests: an LEI as text.
AUTHORITY = b"549300AAAABBBBCCCC12".ljust(32, b"\0")
# Longest life of a legal order.
ORDER_LIFE = 366 * DAY


def order_id(number: int = 1, *, authority: bytes = AUTHORITY, document: bytes = DOCUMENT) -> bytes:
    """What a legal order is called: by whom, by which document, which of its orders."""
    return keccak(authority + document + number.to_bytes(32, "big"))


def side_parties() -> Mapping[str, int]:
    """Account index of every actor by role."""
    return {
        "deployer": 0,
        "issuer": 1,
        "notary": 2,
        "registrar": 3,
        "custodian": 4,
        "guardian": 5,
        "upgrader": 6,
        "paying_agent": 7,
        "auditor": 8,
        "administrator": 9,
        "second_administrator": 10,
        "operator": 17,
        "courier": 18,
        "investor": 20,
        "buyer": 21,
        "fund": 22,
        "outsider": 30,
        "attacker": 31,
    }


@dataclass(frozen=True)
class Side:
    """One ledger: its contracts, and its parties by role (`side.custodian`)."""

    chain: Chain
    token: Contract
    escrow: Contract
    authority: Contract
    registry: Contract
    verifier: Contract
    custody: Contract
    implementations: Mapping[str, str]
    # Nobody's in particular; every role of `side_parties` is an attribute.
    parties: Mapping[str, Account]
    engine: Contract
    # In worlds that pay (`tests/support/actions.py`).
    cash: Any = None

    def __getattr__(self, name: str) -> Account:
        try:
            return self.__dict__["parties"][name]
        except KeyError:
            raise AttributeError(name) from None

    def balance(self, account: Any) -> int:
        """Units of an account."""
        return int(self.token.balanceOf(account))

    def consent(self, proxy: Any, terms: bytes, *roles: str) -> None:
        """Whoever has to, or some of them, approve what is noticed."""
        for role in roles or APPROVERS:
            self.authority.approve(proxy, terms, *STATED, sender=self.parties[role])

    def act(
        self,
        contract: Contract,
        signature: str,
        subject: Any,
        actor: Any,
        stated: tuple[bytes, bytes] = STATED,
    ) -> Event:
        """The `PrivilegedAct` that a privileged call leaves."""
        selector = contract.method(signature).selector
        return contract.emitted("PrivilegedAct", selector, subject, actor, *stated)

    def proxy(self, name: str, *arguments: Any, key: Any = None) -> Contract:
        """A fresh contract behind a proxy of its own, in set-up; nobody's authority."""
        bound = self.chain.at(name, self.implementations[name])
        proxy = self.chain.deploy(
            "ReleaseProxy",
            self.implementations[name],
            bound.initialize.encode(*arguments),
            sender=key or self.deployer,
        )
        return self.chain.at(name, proxy.address)

    def fresh_token(self, *, home: bool = True, **changed: Any) -> Contract:
        """A token in set-up whose key is the deployer."""
        arguments = {
            "name": "Test unit",
            "symbol": "TEST",
            "decimals": 6,
            "isin": ISIN,
            "home": home,
            "close_minute": 1260,
            "key": self.deployer,
            **changed,
        }
        return self.proxy("SecurityToken", *arguments.values())

    def fresh_escrow(self) -> Contract:
        """An escrow in set-up whose key is the deployer; no authority knows its custodies."""
        return self.proxy("BridgeEscrow", self.deployer)

    def fresh_suite(self, *, home: bool = True, **changed: Any) -> FreshSuite:
        """Authority, registry, escrow and token in set-up, the deployer their key."""
        return FreshSuite.create(self, home=home, **changed)

    def hand_over(self, contract: Contract) -> None:
        """End the set-up of a fresh contract, with the two administrators."""
        for account in (self.administrator, self.second_administrator):
            contract.assign_role(account, 1, *STATED, sender=self.deployer)
        contract.hand_over(*STATED, sender=self.deployer)

    def give_role(self, contract: Contract, account: Any, role: int) -> None:
        """Change a role after hand-over: one administrator proposes, the other assigns; a grant
        waits a day, and so does this ledger's clock."""
        contract.propose_role(account, role, *STATED, sender=self.administrator)
        if role:
            self.chain.set_time(self.chain.now + DAY)
        contract.assign_role(account, role, *STATED, sender=self.second_administrator)

    def enter_order(
        self, sender: Any, receiver: Any, amount: int, *, number: int = 1, lasts: int = DAY
    ) -> tuple[Any, ...]:
        """The registrar enters a legal order; what `forcedTransfer` takes to carry it out."""
        self.token.enter_order(
            sender,
            receiver,
            amount,
            self.chain.now + lasts,
            AUTHORITY,
            number,
            *STATED,
            sender=self.registrar,
        )
        return sender, receiver, amount, order_id(number)

    def link(self, account: Any, link: bool = True) -> Receipt:
        """Make or end a link account after hand-over: registrar, then custodian."""
        return self.set_class(account, AccountClass.LINK if link else AccountClass.HOLDER)

    def bridge(self, account: Any, minting: int, burning: int) -> Receipt:
        """Set a bridge's limits a day after hand-over: registrar, then custodian."""
        limits = (account, minting, burning)
        self.token.propose_bridge(*limits, *STATED, sender=self.registrar)
        return Receipt.of(self.token.set_bridge(*limits, *STATED, sender=self.custodian))

    def foreign_bridge(self, minting: int = AMOUNT_MAX, burning: int = AMOUNT_MAX) -> Contract:
        """A contract of somebody else's that is a bridge of the token, its limits full."""
        contract = self.chain.deploy("LockProbeMock", sender=self.attacker)
        self.bridge(contract, minting, burning)
        self.chain.set_time(self.chain.now + DAY)
        return contract

    def set_class(self, account: Any, account_class: int) -> Receipt:
        """Set an account's class after hand-over: registrar, then custodian."""
        self.token.propose_class(account, account_class, *STATED, sender=self.registrar)
        return Receipt.of(
            self.token.set_class(account, account_class, *STATED, sender=self.custodian)
        )

    def new_verifier(self, signers: SignerSet, operator: str = OPERATORS[0]) -> Contract:
        """A verifier of a set, run by whoever has that LEI; nobody's yet."""
        arguments = signers.verifier_arguments(operator)
        return self.chain.deploy("QuorumVerifier", *arguments, sender=self.deployer)

    def custody_of(self, lane: bytes) -> Contract:
        """The custody of a lane."""
        return self.chain.at("LaneCustody", self.escrow.lane_ends(lane).custody)

    def new_custody(self, *, linked: bool = True) -> Contract:
        """One more custody of the escrow, a link account of the token unless said otherwise."""
        custody = self.chain.deploy("LaneCustody", self.escrow, self.token, sender=self.deployer)
        if linked:
            self.link(custody)
        return custody


@dataclass(frozen=True)
class FreshSuite:
    """A ledger's contracts in set-up, created by an authority of their own."""

    side: Side
    authority: Contract
    registry: Contract
    escrow: Contract
    token: Contract
    home: bool

    @classmethod
    def create(cls, side: Side, *, home: bool, **changed: Any) -> FreshSuite:
        """Release, create and initialise each; `changed` are arguments of the token."""
        key = side.deployer
        authority = side.chain.deploy(
            "ReleaseAuthority",
            key,
            3_600,
            30 * DAY,
            DAY,
            side.authority.PROXY_BLUEPRINT(),
            sender=key,
        )
        authority.register_custody_code(artifact("LaneCustody").code_hash, *STATED, sender=key)
        token_terms = {
            "name": "Test unit",
            "symbol": "TEST",
            "decimals": 6,
            "isin": ISIN,
            "home": home,
            "close_minute": 1_260,
            "key": key,
            **changed,
        }
        calls = {
            "InstrumentRegistry": (key,),
            "BridgeEscrow": (key,),
            "SecurityToken": tuple(token_terms.values()),
        }
        proxies = {
            name: created_by(side, authority, name, arguments) for name, arguments in calls.items()
        }
        return cls(side, authority, *proxies.values(), home=home)

    def another_escrow(self) -> Contract:
        """A second escrow of the same authority, under another name."""
        release = release_id("BridgeEscrow", Version(1, 0, 0))
        call = self.escrow.initialize.encode(self.side.deployer)
        receipt = self.authority.create_proxy(
            release, DOCUMENT, call, *STATED, sender=self.side.deployer
        )
        return self.side.chain.at("BridgeEscrow", receipt.return_value)

    def custody(self) -> Contract:
        """A custody of this escrow and token, a link account."""
        custody = self.side.chain.deploy(
            "LaneCustody", self.escrow, self.token, sender=self.side.deployer
        )
        self.token.set_class(custody, 1, *STATED, sender=self.side.deployer)
        return custody

    def lane_terms(self, **changed: Any) -> tuple[Any, ...]:
        """Terms of a lane to a third ledger; sound unless changed."""
        given = {"home": self.home, **changed}
        given["custody"] = changed.get("custody") or self.custody().address
        return lane_terms(self.side, self.token, **given)

    def register(self, **changed: Any) -> InstrumentRecord:
        """Put the token's record in force, of this ledger alone; sound unless changed."""
        caip2 = self.side.chain.caip2
        terms = {
            "isin": ISIN,
            "cfi": "ESVUFR",
            "fisn": "APPLE INC/SH",
            "issuer": "HWUPKR0MPOU8FGXBT394",
            "decimals": int(self.token.decimals()),
            "close_minute": int(self.token.close_minute()),
            "authorised": AMOUNT_MAX,
            "terms_hash": DOCUMENT,
            "terms_uri": "https://example.org/terms",
            "home": caip2,
            "ledgers": (Placement(caip2, token_word(str(self.token.address))),),
            **changed,
        }
        record = InstrumentRecord(**terms)
        self.registry.register(record.as_tuple(), *STATED, sender=self.side.deployer)
        return record


def hashes_at(chain: Chain, name: str, implementation: Any) -> CodeHashes:
    """What a release of that kind is held to: the code there, and that behind it, if any."""
    behind = [keccak(chain.code(piece)) for piece in pieces_behind(chain, implementation)]
    behind_hash = keccak(b"".join(behind)) if len(behind) > 1 else b"".join(behind).ljust(32, b"\0")
    return CodeHashes(keccak(chain.code(implementation)), behind_hash, artifact(name).layout_hash)


def pieces_behind(chain: Chain, implementation: Any) -> list[str]:
    """Where the pieces behind an implementation are, as each names the next; empty: it is whole."""
    found: list[str] = []
    for getter in GETTERS:
        # Of an engine, whose ABI names them all.
        piece = chain.at("ActionsEngine", found[-1] if found else implementation)
        try:
            found.append(str(getattr(piece, getter)()))
        except (CodecError, Revert):
            break
    return found


def created_by(side: Side, authority: Contract, name: str, arguments: Sequence[Any]) -> Contract:
    """A contract behind a proxy that an authority in set-up creates."""
    implementation = side.implementations[name]
    release = (
        release_kind(name),
        Version(1, 0, 0).packed,
        implementation,
        *hashes_at(side.chain, name, implementation),
        DOCUMENT,
        bytes(32),
    )
    key = side.deployer
    authority.register_release(release, *STATED, sender=key)
    receipt = authority.create_proxy(
        release_id(name, Version(1, 0, 0)),
        proxy_name(name, ISIN if name in PER_INSTRUMENT else ""),
        side.chain.at(name, implementation).initialize.encode(*arguments),
        *STATED,
        sender=key,
    )
    return side.chain.at(name, receipt.return_value)


def embedded() -> dict[str, Chain]:
    """Two fresh ledgers in this process."""
    return {
        "home": EmbeddedChain("home", 41_001, ledger_number=1),
        "remote": EmbeddedChain("remote", 41_002, ledger_number=2),
    }


def side_on(network: Network, name: str, lane: bytes = b"") -> Side:
    """A ledger of a network, with the verifier and custody of its first lane or another."""
    suite, chain, lane = network.suite(name), network.chains[name], lane or network.lane
    assert suite.engine is not None
    contracts = network.manifest.ledger(name).contracts
    return Side(
        chain=chain,
        token=suite.token,
        escrow=suite.escrow,
        authority=suite.authority,
        registry=suite.registry,
        verifier=suite.verifiers[lane],
        custody=suite.custodies[lane],
        implementations={contract: contracts[contract].implementation for contract in PROXIED},
        parties={role: chain.account(index) for role, index in side_parties().items()},
        engine=suite.engine,
    )


class BothSides:
    """What has a world has its two ledgers, and the lane between them."""

    world: World

    @property
    def home(self) -> Side:
        """The home ledger, on which events are announced."""
        return self.world.home

    @property
    def remote(self) -> Side:
        """The other ledger, to which they are carried."""
        return self.world.remote

    @property
    def sides(self) -> tuple[Side, Side]:
        """Home, then the other."""
        return self.home, self.remote

    @property
    def lane(self) -> bytes:
        """The lane between them."""
        return self.world.lane


class World:
    """Home and remote ledger with one lane, and everybody's key; the suite of all kinds of tests.

    Args:
        chains: the ledgers, `home` and `remote`.
        authorised: size of the issue in base units; the example file's when left out.
        admitted: who may hold, by role, on both ledgers.
        units: what holders at home start with, in base units.
        instrument: the file in examples/ whose issue it is.
        plan: options of `local_plan`.
    """

    def __init__(
        self,
        chains: Mapping[str, Chain],
        *,
        authorised: int | None = None,
        admitted: Sequence[str] = ("investor", "buyer"),
        units: Mapping[str, int] = NOTHING,
        instrument: str = "apple.yaml",
        **plan: Any,
    ) -> None:
        self.chains = chains
        issue = load_instrument(ROOT / "examples" / instrument)
        if authorised is not None:
            whole, rest = divmod(authorised, 10**issue.decimals)
            size = Decimal(f"{whole}.{rest:0{issue.decimals}}")
            issue = issue.model_copy(update={"authorised": size})
        self.network = Network.deploy(issue, chains, **plan)
        self.lane = self.network.lane
        self.home = side_on(self.network, "home")
        self.remote = side_on(self.network, "remote")
        for side in (self.home, self.remote):
            for holder in admitted:
                suite = self.network.suite(side.chain.name)
                self.network.admit(suite, side.parties[holder], ELIGIBLE_UNTIL)
        if units:
            self.network.issue([(self.home.parties[holder], units[holder]) for holder in units])

    @property
    def sides(self) -> tuple[Side, Side]:
        """Home, then the other."""
        return self.home, self.remote

    def synchronise(self) -> None:
        """Bring both clocks to the same moment, a little later than either."""
        moment = max(chain.now for chain in self.chains.values()) + 10
        for chain in self.chains.values():
            chain.set_time(moment)

    def snapshot(self) -> list[Snapshot]:
        """A point of all ledgers."""
        return [chain.snapshot() for chain in self.chains.values()]

    def restore(self, snapshots: Sequence[Snapshot]) -> None:
        """Return all ledgers to a point."""
        for chain, taken in zip(self.chains.values(), snapshots, strict=True):
            chain.restore(taken)

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Undo what the block does to any ledger (one example of a property)."""
        taken = self.snapshot()
        try:
            yield
        finally:
            self.restore(taken)

    def storage(self) -> dict[str, dict[Any, int]]:
        """Every non-zero slot of every ledger."""
        return {
            name: {slot: value for slot, value in chain._state.slots.items() if value}
            for name, chain in self.chains.items()
        }

    # ------------------------------------------------------------------- messages

    def side_of(self, message: LaneMessage) -> Side:
        """The destination of a message."""
        issues = message.kind & ~(RETURNED | DENIED | LAST) == Kind.ISSUE
        return self.remote if issues else self.home

    def message(self, **changed: Any) -> LaneMessage:
        """A message that no source logged: what attestors can be made to sign."""
        kind = changed.get("kind", 1)
        target = self.remote if kind & ~(RETURNED | DENIED | LAST) == Kind.ISSUE else self.home
        message = LaneMessage(
            codec=2,
            kind=kind,
            lane=self.lane,
            nonce=0,
            lock_time=target.chain.now - 5,
            action_epoch=0,
            amount=1_000,
            sender=party(self.home.investor.address),
            recipient=party(target.investor.address),
            deadline=target.chain.now + 60 * DAY,
        )
        return replace(message, **changed)

    def locked(self, amount: int = 1_000, recipient: Any = None) -> LaneMessage:
        """Units of the investor locked at home; both clocks let it be delivered."""
        to = self.remote.investor if recipient is None else recipient
        message = self.network.lock(self.home.investor, to, amount)
        self.synchronise()
        return message

    def arrived(self, amount: int = 1_000) -> LaneMessage:
        """Units of the investor that moved to the remote ledger."""
        message = self.locked(amount)
        self.network.deliver(message)
        return message

    def burned(self, amount: int = 400, recipient: Any = None) -> LaneMessage:
        """Units of the remote investor burned for somebody at home, not yet delivered."""
        to = self.home.fund if recipient is None else recipient
        message = self.network.burn(self.remote.investor, to, amount)
        self.synchronise()
        return message

    def attest(self, message: LaneMessage, signatures: int | None = None) -> bytes:
        """What enough attestors sign of a message, whatever it says."""
        return self.network.attest(message, signatures)

    def deliver(self, message: LaneMessage, *attestations: bytes, **options: Any) -> Receipt:
        """A courier delivers a message, attested unless attestations are given."""
        side = self.side_of(message)
        proofs = attestations or self.network.attestations(message)
        return Receipt.of(
            side.escrow.deliver(message.as_tuple(), *proofs, sender=side.courier, **options)
        )

    def lane_state(self, side: Side) -> Any:
        """The lane as one side keeps it."""
        return side.escrow.lane_state(self.lane)

    def terms_with(
        self,
        side: Side,
        verifier: Any,
        second: Any = None,
        cap: int | None = None,
        limit: int | None = None,
    ) -> tuple[Any, ...]:
        """The lane, and its terms with other verifiers, cap or limit: what a change takes."""
        now = self.lane_state(side).terms
        return (
            self.lane,
            verifier,
            now.second if second is None else second,
            now.cap if cap is None else cap,
            now.limit if limit is None else limit,
        )

    def propose_verifier(self, side: Side, verifier: Any, **others: Any) -> bytes:
        """The operator proposes another verifier, the rest as it is; returns the act."""
        terms = self.terms_with(side, verifier, **others)
        receipt = side.escrow.propose_lane_terms(*terms, *STATED, sender=side.operator)
        return bytes(receipt.return_value)

    def confirm_verifier(self, side: Side, verifier: Any, **others: Any) -> Receipt:
        """An administrator confirms that."""
        terms = self.terms_with(side, verifier, **others)
        return Receipt.of(
            side.escrow.confirm_lane_terms(*terms, *STATED, sender=side.administrator)
        )

    def change(self, side: Side, verifier: Any = None, **others: Any) -> int:
        """Both keys change the lane's terms; returns from when that can be applied."""
        trusted = side.verifier if verifier is None else verifier
        self.propose_verifier(side, trusted, **others)
        receipt = self.confirm_verifier(side, trusted, **others)
        return int(receipt.one("LaneTermsConfirmed").applies_from)

    def apply_terms(self, side: Side, due: int = 0) -> Receipt:
        """Anybody applies the change that waits, once it is due."""
        side.chain.set_time(max(due, side.chain.now))
        return Receipt.of(side.escrow.apply_lane_terms(self.lane, sender=side.outsider))

    def rotate(self, side: Side, verifier: Any, **others: Any) -> int:
        """The lane gets another verifier, after its delay; returns from when it is valid."""
        receipt = self.apply_terms(side, self.change(side, verifier, **others))
        return int(receipt.one("EpochBegins").valid_from)

    @property
    def signers(self) -> SignerSet:
        """Who signs in the lane's first epoch, on both sides."""
        return self.network.signer_set()

    @property
    def signer_keys(self) -> list[bytes]:
        """The attestors' keys, in the order of the signer set."""
        ordered = sorted(self.network.attestors, key=lambda account: int(account.address, 16))
        return [account.key for account in ordered if account.key is not None]


# Of a third ledger, where nothing is, and of its escrow.
THIRD = "eip155:41003"
THIRD_ESCROW = party("0x" + "33" * 20)


def lane_terms(side: Side, bound: Any = None, /, **changed: Any) -> tuple[Any, ...]:
    """Terms of a pilot lane to a third ledger, its token this side's, sound but for the custody."""
    token = bound or side.token
    terms = {
        "isin": ISIN,
        "home": bool(side.token.is_home()),
        "token": token.address,
        "custody": side.custody.address,
        "verifier": side.verifier.address,
        "second": ZERO,
        "change_delay": CHANGE_DELAY,
        "retention": RETENTION,
        "peer_ledger": ledger_id(THIRD),
        "peer_escrow": THIRD_ESCROW,
        "cap": NO_CAP,
        "limit": NO_CAP,
        "limit_window": DAY,
        "ramp": 7 * DAY,
        "minimum": 0,
        "decimals": int(token.decimals()),
        "close_minute": int(token.close_minute()),
        "grade": Grade.PILOT,
    }
    assert changed.keys() <= terms.keys()
    return tuple({**terms, **changed}.values())


def domain_of(side: Side) -> Domain:
    """EIP-712 domain of a side's escrow."""
    return Domain(side.chain.chain_id, str(side.escrow.address))


def signed(
    message: LaneMessage, signer_set: SignerSet, domain: Domain, keys: Sequence[bytes]
) -> bytes:
    """`attest`, for tests that choose everything themselves."""
    return attest(message, signer_set, domain, keys)


def signature_of(message: LaneMessage, signer_set: SignerSet, domain: Domain, key: bytes) -> Any:
    """One attestor's signature with its r, s and v."""
    return Signer.unsafe_sign_hash(attestation_digest(message, signer_set, domain), key)


@contextmanager
def refused(world: World, reason: str | None = None, **how: Any) -> Iterator[reverts]:
    """The block reverts exactly so (see `reverts`), and no slot of any ledger has changed."""
    before = world.storage()
    with reverts(reason, **how) as caught:
        yield caught
    assert world.storage() == before


def slot_of(contract: Contract, module: str, variable: str, *keys: Any) -> int:
    """Storage slot of a variable, or of a member of a mapping."""
    layout = contract.artifact.layout["storage_layout"]
    entry = layout[module][variable] if module else layout[variable]
    slot = int(entry["slot"])
    for key in keys:
        if isinstance(key, bytes):
            word = key.rjust(32, b"\0") if len(key) < 32 else key
        elif isinstance(key, int):
            word = key.to_bytes(32, "big")
        else:
            word = bytes.fromhex(str(key)[2:]).rjust(32, b"\0")
        slot = int.from_bytes(keccak(slot.to_bytes(32, "big") + word), "big")
    return slot


def read_slot(contract: Contract, module: str, variable: str, *keys: Any) -> int:
    """The word that a contract keeps in a variable."""
    slot = slot_of(contract, module, variable, *keys)
    return int.from_bytes(contract.chain.storage(contract.address, slot), "big")


def write_slot(contract: Contract, value: int, module: str, variable: str, *keys: Any) -> None:
    """Put a word where a contract keeps a variable, past every rule."""
    contract.chain.set_storage(contract.address, slot_of(contract, module, variable, *keys), value)


def pair_key(side: Side, peer: Side) -> bytes:
    """Key under which `canonical_lane` keeps the lane of the test's instrument."""
    from eth_abi.abi import encode

    return keccak(encode(["string", "bytes32"], [ISIN, ledger_id(peer.chain.caip2)]))
