"""The deployment plan (`tallystick.plan/1`): ledgers, accounts, lanes, time windows.

`load_plan(path)` returns a frozen `Plan`, with its instrument, or raises `InputError`. A plan holds
no secret: an account is an address, the alias of an ape account, or an index into a mnemonic that
is given elsewhere. On chain an account holds at most one role per contract, so a plan that gives
one account two roles on a ledger is refused here, before anything is deployed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    WithJsonSchema,
    model_validator,
)

from tallystick.chain.abi import keccak
from tallystick.errors import InputError, refuse
from tallystick.files.accounts import AccountRef, Accounts
from tallystick.files.instrument import (
    MIN_ADMINISTRATORS,
    Instrument,
    Lei,
    as_tuples,
    load_instrument,
    units,
)
from tallystick.files.instrument import SCHEMA as INSTRUMENT_SCHEMA
from tallystick.files.lane import Lane, Quorum, Verifier, not_alone
from tallystick.files.manifest import Manifest
from tallystick.files.scalars import Finality
from tallystick.files.strict import (
    Label,
    Name,
    StrictModel,
    Wrong,
    checked,
    collected,
    joined,
    json_schema,
    parse,
    read,
    text,
    wrong,
)

__all__ = [
    "MAX_CHAIN_ID",
    "MAX_LANES",
    "MAX_PLAN_LEDGERS",
    "SCHEMA",
    "Actions",
    "Lane",
    "Network",
    "Party",
    "Plan",
    "PlanLedger",
    "Quorum",
    "Rpc",
    "Upgrade",
    "Verifier",
    "document_of",
    "load_plan",
    "parse_network",
    "parse_rpc",
    "plan_schema",
]

SCHEMA: Final = "tallystick.plan/1"
MAX_PLAN_LEDGERS: Final = 8
MAX_LANES: Final = 56
MAX_CHAIN_ID: Final = 2**64 - 1
_HOUR: Final = 3600
_DAY: Final = 86400


def parse_network(value: object) -> str:
    """Return an ape network choice, `ecosystem:network:provider`."""
    if not re.fullmatch(r"[a-z0-9-]+:[a-z0-9-]+(?::[a-z0-9-]+)?", text(value), re.ASCII):
        raise wrong("an ape network such as ethereum:sepolia:node")
    return text(value)


def parse_rpc(value: object) -> str:
    """Return a JSON-RPC URL."""
    if not re.fullmatch(r"(?:https?|wss?)://[!-~]+", text(value), re.ASCII):
        raise wrong("a URL that begins with http://, https://, ws:// or wss://")
    return text(value)


Network = Annotated[
    str,
    BeforeValidator(parse_network),
    WithJsonSchema(
        {
            "$comment": "an ape network: `ethereum:sepolia:node`",
            "type": "string",
            "pattern": "^[a-z0-9-]+:[a-z0-9-]+(:[a-z0-9-]+)?$",
        }
    ),
]
Rpc = Annotated[
    str,
    BeforeValidator(parse_rpc),
    WithJsonSchema({"$comment": "a URL", "type": "string", "pattern": "^(https?|wss?)://"}),
]


class PlanLedger(StrictModel):
    """One ledger: how to reach it, what makes a block final there, and who acts on it."""

    name: Annotated[Name, Field(description="as the instrument calls it")]
    network: Annotated[Network | None, Field(description="reached through ape; this or rpc")] = None
    rpc: Annotated[Rpc | None, Field(description="its node; this or network, or --rpc")] = None
    chain_id: Annotated[int, Field(ge=1, le=MAX_CHAIN_ID)]
    finality: Finality
    accounts: Accounts

    @checked
    def _one_way_in(self) -> Wrong:
        if self.network is not None and self.rpc is not None:
            yield wrong("either network or rpc, not both", path="rpc", value=self.rpc)
        if self.network is None and self.rpc is None:
            yield wrong("network or rpc", path="network", value="missing")

    @property
    def caip2(self) -> str:
        """The CAIP-2 name of the ledger."""
        return f"eip155:{self.chain_id}"


class Party(StrictModel):
    """A party named in the instrument's roles, with its LEI."""

    name: Label
    lei: Lei | None = None


class Actions(StrictModel):
    """Who attests for the actions engines; with it there is one on each ledger.

    Attestors of events say that a record is what the issuer decided, those of messages that an
    engine's ledger says what is carried.
    """

    events: Quorum
    messages: Quorum
    reconcile: Annotated[
        Literal["daily"] | None,
        Field(description="each day's close is asked for; those of events alone when left out"),
    ] = None


class Upgrade(StrictModel):
    """How long a release is announced, how long it may wait then, how long it can be undone."""

    notice_seconds: Annotated[int, Field(ge=_HOUR, le=90 * _DAY)]
    activation_seconds: Annotated[
        int,
        Field(
            ge=_HOUR,
            le=365 * _DAY,
            description="from the end of the notice until it lapses; 30 days when left out",
        ),
    ] = 30 * _DAY
    rollback_seconds: Annotated[int, Field(ge=_HOUR, le=90 * _DAY)]


def _instrument(value: object) -> object:
    if not isinstance(value, str | dict):
        raise wrong("the path of an instrument file, or its content")
    return value


class Plan(StrictModel):
    """A deployment plan."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, strict=True, hide_input_in_errors=True
    )

    schema_: Literal["tallystick.plan/1"] = Field(alias="schema")
    instrument: Annotated[
        str | dict[str, Any],
        BeforeValidator(_instrument),
        Field(description="path of an instrument file, relative to the plan; or its content"),
    ]
    suite: Annotated[
        str | None,
        Field(
            description="path of the manifest, relative to the plan, of a suite that stands and "
            "that the instrument joins; a suite of its own when left out"
        ),
    ] = None
    ledgers: Annotated[tuple[PlanLedger, ...], Field(min_length=1, max_length=MAX_PLAN_LEDGERS)]
    parties: Annotated[tuple[Party, ...], Field(max_length=100)] = ()
    lanes: Annotated[tuple[Lane, ...], Field(max_length=MAX_LANES)] = ()
    actions: Annotated[
        Actions | None, Field(description="no actions engine is deployed when left out")
    ] = None
    upgrade: Upgrade

    _loaded: Instrument | None = PrivateAttr(default=None)
    _joins: Manifest | None = PrivateAttr(default=None)
    _file: Path = PrivateAttr(default=Path("plan"))

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, data: Any) -> Any:
        return as_tuples(data, "ledgers", "lanes", "parties")

    @checked
    def _consistent(self) -> Wrong:
        chains: dict[int, str] = {}
        names: set[str] = set()
        for index, ledger in enumerate(self.ledgers):
            at = joined("ledgers", index)
            if ledger.name in names:
                yield wrong("a name of its own", path=joined(at, "name"), value=ledger.name)
            names.add(ledger.name)
            if ledger.chain_id in chains:
                yield wrong(
                    f"a chain id of its own, this one is that of {chains[ledger.chain_id]}",
                    path=joined(at, "chain_id"),
                    value=ledger.chain_id,
                )
            chains[ledger.chain_id] = ledger.name
            if ledger.accounts.fractions_agent is not None and self.actions is None:
                yield wrong(
                    "actions in the plan, whose engines credit it",
                    path=joined(at, "accounts.fractions_agent"),
                    value=ledger.accounts.fractions_agent.key,
                )
        pairs: set[frozenset[str]] = set()
        for index, lane in enumerate(self.lanes):
            at = joined("lanes", index)
            for end in ("home", "remote"):
                name = getattr(lane, end)
                if name not in names:
                    expected = f"one of the ledgers: {', '.join(ld.name for ld in self.ledgers)}"
                    yield wrong(expected, path=joined(at, end), value=name)
            pair = frozenset((lane.home, lane.remote))
            if pair in pairs:
                yield wrong(
                    "one lane for each pair of ledgers",
                    path=at,
                    value=f"{lane.home} to {lane.remote}",
                )
            pairs.add(pair)
            if {lane.home, lane.remote} <= names:
                yield from self._wrong_attestors(at, lane)
        if self.actions is not None:
            yield from self._wrong_actions(self.actions)

    def _wrong_attestors(self, at: str, lane: Lane) -> Wrong:
        """An attestor holds no other role on either ledger of its lane."""
        taken: dict[str, str] = {}
        for name in (lane.home, lane.remote):
            for field, account in self.ledger(name).accounts.by_field():
                taken.setdefault(account.key, f"{field} on {name}")
        for index, verifier in enumerate(lane.verifiers):
            path = joined(at, "verifiers", index, "attestors")
            yield from not_alone(path, verifier.attestors, taken)

    def _wrong_actions(self, actions: Actions) -> Wrong:
        """An attestor of engines holds no role on any ledger; one of events attests nothing else.

        Attestors of lanes may be those of messages too: either say what another ledger holds. Who
        says what the issuer decided is somebody else, so that keys stolen where messages are signed
        confirm no event.
        """
        taken: dict[str, str] = {}
        for ledger in self.ledgers:
            for field, account in ledger.accounts.by_field():
                taken.setdefault(account.key, f"{field} on {ledger.name}")
        yield from not_alone("actions.messages.attestors", actions.messages.attestors, {**taken})
        for others in self._attest_messages(actions):
            taken |= {account.key: "an attestor of messages" for account in others}
        yield from not_alone("actions.events.attestors", actions.events.attestors, taken)

    def _attest_messages(self, actions: Actions) -> Iterator[tuple[AccountRef, ...]]:
        """Everybody who attests what another ledger says."""
        for lane in self.lanes:
            for verifier in lane.verifiers:
                yield verifier.attestors
        yield actions.messages.attestors

    def ledger(self, name: str) -> PlanLedger:
        """Return the ledger of that name."""
        for ledger in self.ledgers:
            if ledger.name == name:
                return ledger
        raise KeyError(name)

    @property
    def caip2(self) -> dict[str, str]:
        """CAIP-2 names by ledger name, as `tallystick.registry.record_of` takes them."""
        return {ledger.name: ledger.caip2 for ledger in self.ledgers}

    @property
    def notes(self) -> tuple[str, ...]:
        """What is allowed and better otherwise, for who is about to carry the plan out."""
        least = [
            ledger.name
            for ledger in self.ledgers
            if len(ledger.accounts.administrators) == MIN_ADMINISTRATORS
        ]
        if not least:
            return ()
        note = (
            f"{', '.join(least)}: two administrators; if one loses its key, its replacement takes "
            "the guardian and 31 days: three are recommended"
        )
        return (note,)

    @property
    def loaded_instrument(self) -> Instrument:
        """The instrument; there once the plan came through `load_plan`."""
        if self._loaded is None:
            raise ValueError("expected a plan read by load_plan")
        return self._loaded

    @property
    def joins(self) -> Manifest | None:
        """The suite that stands and that the instrument joins; None: one of its own."""
        return self._joins

    @property
    def content(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is meant, as JSON has it: the plan without its instrument, and the instrument.

        What is left out is not there, and neither is how a ledger is reached: that is everybody's
        own business, and may be secret.
        """
        reached = {"__all__": {"network", "rpc"}}
        plan: dict[str, Any] = self.model_dump(
            mode="json",
            by_alias=True,
            exclude_none=True,
            exclude={"instrument": True, "suite": True, "ledgers": reached},
        )
        if self._joins is not None:
            # Where its manifest lies is no part of it: whom its proxies obey tells which it is.
            plan["suite"] = {
                each.name: self._joins.ledger(each.name).contracts["ReleaseAuthority"].address
                for each in self.ledgers
            }
        return plan, self.loaded_instrument.model_dump(
            mode="json", by_alias=True, exclude_none=True
        )

    @property
    def document(self) -> bytes:
        """Hash of the plan and its instrument, which every act of the set-up names."""
        return document_of(*self.content)

    @property
    def file(self) -> Path:
        """The file that it was read from, or what to call it in messages."""
        return self._file

    @property
    def home(self) -> str:
        """The instrument's home ledger."""
        return self.loaded_instrument.home

    def with_instrument(self, path: str | Path, instrument: Instrument) -> Self:
        """Take the instrument that the plan means.

        Raises:
            InputError: the plan, read from `path`, does not fit it.
        """
        refuse(_misfits(path, self, instrument))
        self._loaded = instrument
        self._file = Path(path)
        return self

    def with_suite(self, suite: Manifest) -> Self:
        """Have the instrument, which is there, join a suite that stands.

        Raises:
            InputError: the plan does not fit it.
        """
        refuse(_strangers(self, suite))
        self._joins = suite
        return self


def document_of(plan: Mapping[str, Any], instrument: Mapping[str, Any]) -> bytes:
    """Return the hash of what `Plan.content` gives, which every act of the set-up names."""
    texts = (
        json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in (plan, instrument)
    )
    return bytes(keccak("".join(texts).encode()))


def load_plan(path: str | Path) -> Plan:
    """Read a plan and its instrument, or raise InputError with all that is wrong with both."""
    data, found = read(path), list[InputError]()
    plan = collected(found, lambda: parse(path, data, Plan, SCHEMA))
    named = data.get("instrument") if isinstance(data, dict) else None
    instrument = None
    if isinstance(named, str | dict):
        instrument = collected(found, lambda: _instrument_of(path, named))
    refuse(found)
    assert plan is not None
    assert instrument is not None
    plan = plan.with_instrument(path, instrument)
    if plan.suite is None:
        return plan
    return plan.with_suite(_suite_of(path, plan.suite))


def _suite_of(path: str | Path, named: str) -> Manifest:
    """The manifest of the suite that a plan names."""
    file = Path(path).parent / named
    if not named or "\0" in named or not file.is_file():
        raise InputError(path, "suite", named, "the path of a suite's manifest, from here")
    return Manifest.load(file)


def _strangers(plan: Plan, suite: Manifest) -> Iterator[InputError]:
    """Where a plan does not fit the suite that it names."""
    isin = plan.loaded_instrument.isin
    if isin == suite.instrument.isin:
        expected = f"another instrument than that of {suite.file}, with which its suite was set up"
        yield InputError(plan.file, "instrument", isin, expected)
    chains = {ledger.name: ledger.chain_id for ledger in suite.ledgers}
    for index, ledger in enumerate(plan.ledgers):
        at = joined("ledgers", index)
        if ledger.name not in chains:
            expected = f"one of the suite's ledgers: {', '.join(chains)}"
            yield InputError(plan.file, joined(at, "name"), ledger.name, expected)
        elif ledger.chain_id != chains[ledger.name]:
            expected = f"{chains[ledger.name]}, as {suite.file} has it"
            yield InputError(plan.file, joined(at, "chain_id"), ledger.chain_id, expected)


def _instrument_of(path: str | Path, named: str | dict[str, Any]) -> Instrument:
    """The instrument that a plan means: a file beside it, or what is inside."""
    if isinstance(named, dict):
        return parse(path, named, Instrument, INSTRUMENT_SCHEMA, "instrument")
    file = Path(path).parent / named
    if not named or "\0" in named or not file.is_file():
        raise InputError(path, "instrument", named, "the path of an instrument file, from here")
    return load_instrument(file)


def _misfits(path: str | Path, plan: Plan, instrument: Instrument) -> Iterator[InputError]:
    """Where a plan does not fit its instrument."""
    wanted = [ledger.name for ledger in instrument.ledgers]
    present = [ledger.name for ledger in plan.ledgers]
    for index, name in enumerate(present):
        if name not in wanted:
            expected = f"one of the instrument's ledgers: {', '.join(wanted)}"
            yield InputError(path, joined("ledgers", index, "name"), name, expected)
    for name in wanted:
        if name not in present:
            expected = f"every ledger of the instrument, {name} too"
            yield InputError(path, "ledgers", ", ".join(present), expected)
    for index, lane in enumerate(plan.lanes):
        if lane.home != instrument.home:
            expected = f"the instrument's home ledger, {instrument.home}"
            yield InputError(path, joined("lanes", index, "home"), lane.home, expected)
        for name in ("cap", "limit", "minimum"):
            amount = getattr(lane, name)
            if amount is not None:
                yield from _wrong_amount(path, joined("lanes", index, name), amount, instrument)
    known = {name for _, name in instrument.roles.parties()}
    known |= {member.operator for member in instrument.roles.attestors.members}
    for index, party in enumerate(plan.parties):
        field = joined("parties", index, "name")
        if party.name not in known:
            yield InputError(path, field, party.name, "a party named in the instrument's roles")
        if party.name in {other.name for other in plan.parties[:index]}:
            yield InputError(path, field, party.name, "each party once")


def _wrong_amount(
    path: str | Path, field: str, amount: Decimal, instrument: Instrument
) -> Iterator[InputError]:
    """A cap, as a limit and a minimum, is more than nothing and at most what is authorised."""
    shown = format(amount, "f")
    try:
        base = units(amount, instrument.decimals)
    except ValueError as error:
        yield InputError(path, field, shown, str(error))
        return
    if not 0 < base <= instrument.authorised_units:
        expected = f"more than 0 and at most the authorised {instrument.authorised:f}"
        yield InputError(path, field, shown, expected)


def plan_schema() -> dict[str, Any]:
    """Return the JSON Schema of plans (R-07)."""
    return json_schema(Plan, SCHEMA, "Tallystick deployment plan")
