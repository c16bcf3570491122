"""What is to stand: a plan with its accounts found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tallystick.bridge.attestation import SignerSet
from tallystick.bridge.message import NO_CAP, LaneId
from tallystick.chain import Account
from tallystick.chain.abi import keccak
from tallystick.errors import InputError
from tallystick.files.instrument import SINGLE_ROLES, record_of
from tallystick.files.plan import Plan
from tallystick.files.strict import joined
from tallystick.reach.accounts import Accounts
from tallystick.reach.connection import Suite

__all__ = [
    "Deployment",
    "LaneSpec",
    "LedgerSpec",
    "SuiteSpec",
    "VerifierSpec",
    "check_release",
    "spec_from_plan",
]

_MAX_PERIOD: Final = 90 * 86_400
_MAX_NAME: Final = 64


def check_release(path: str | Path, plan: Plan) -> None:
    """Refuse what the plan format knows and this release can't do.

    Raises:
        InputError: the plan asks for such a thing.
    """
    for at, lane in enumerate(plan.lanes):
        where = joined("lanes", at)
        if len(lane.verifiers) != 1:
            expected = "one verifier: this release takes one verifier a lane (production: false)"
            raise InputError(path, joined(where, "verifiers"), list(lane.verifiers), expected)
        if lane.cap != lane.cap.to_integral_value():
            expected = "whole units, as the escrow counts them"
            raise InputError(path, joined(where, "cap"), format(lane.cap, "f"), expected)
        if int(lane.cap) >= NO_CAP:
            raise InputError(path, joined(where, "cap"), format(lane.cap, "f"), "a smaller number")
    for name in ("notice_seconds", "rollback_seconds"):
        period = getattr(plan.upgrade, name)
        if period > _MAX_PERIOD:
            expected = f"at most {_MAX_PERIOD} (90 days), which the release authority takes"
            raise InputError(path, joined("upgrade", name), period, expected)
    for at, ledger in enumerate(plan.ledgers):
        if ledger.rpc is not None and not ledger.rpc.startswith("http"):
            expected = "a URL that begins with http:// or https://"
            raise InputError(path, joined("ledgers", at, "rpc"), ledger.rpc, expected)
    name = plan.loaded_instrument.name
    if len(name.encode()) > _MAX_NAME:
        expected = f"at most {_MAX_NAME} bytes, which the token takes"
        raise InputError(path, "instrument.name", name, expected)


def spec_from_plan(path: Path, plan: Plan, accounts: Accounts) -> SuiteSpec:
    """Turn a plan into what `deploy` carries out.

    Raises:
        InputError: the plan asks for what this release can't do, or an account is not to be found
            or would hold two roles.
    """
    check_release(path, plan)
    instrument = plan.loaded_instrument
    ledgers = []
    for at, entry in enumerate(plan.ledgers):
        where = joined("ledgers", at, "accounts")
        found: dict[str, Account] = {}
        by_address: dict[str, str] = {}
        for name, ref in entry.accounts.by_field():
            account = accounts.find(entry.name, joined(where, name), ref)
            other = by_address.setdefault(account.address, name)
            if other != name:
                expected = f"an account of its own, this one is {other}"
                raise InputError(path, joined(where, name), account.address, expected)
            found[name] = account
        ledgers.append(
            LedgerSpec(
                name=entry.name,
                deployer=found["deployer"],
                roles={
                    role: found[role].address
                    for role in (*SINGLE_ROLES, "operator")
                    if role in found
                },
                administrators=tuple(
                    account.address
                    for name, account in found.items()
                    if name.startswith("administrators")
                ),
                finality=entry.finality.model_dump(exclude_none=True),
                caip2=entry.caip2,
            )
        )
    return SuiteSpec(
        isin=instrument.isin,
        name=instrument.name,
        symbol=instrument.fisn.split("/")[0].split(" ")[0][:16],
        decimals=instrument.decimals,
        close_minute=instrument.close_minute_utc,
        home=instrument.home,
        ledgers=tuple(ledgers),
        lanes=tuple(_lanes(path, plan, accounts, {each.name: each for each in ledgers})),
        notice=plan.upgrade.notice_seconds,
        activation_window=plan.upgrade.activation_seconds,
        rollback_window=plan.upgrade.rollback_seconds,
        document=keccak(
            plan.model_dump_json(by_alias=True, exclude={"instrument"}).encode()
            + instrument.model_dump_json(by_alias=True).encode()
        ),
        record=lambda tokens: record_of(instrument, tokens, plan.caip2).as_tuple(),
    )


def _lanes(
    path: Path, plan: Plan, accounts: Accounts, ledgers: Mapping[str, LedgerSpec]
) -> Iterator[LaneSpec]:
    for at, lane in enumerate(plan.lanes):
        (verifier,) = lane.verifiers
        taken = {
            address: f"{role} on {name}"
            for name in (lane.home, lane.remote)
            for role, address in (
                ("deployer", ledgers[name].deployer.address),
                *ledgers[name].roles.items(),
                *(("an administrator", each) for each in ledgers[name].administrators),
            )
        }
        attestors: list[str] = []
        for place, ref in enumerate(verifier.attestors):
            where = joined("lanes", at, "verifiers", 0, "attestors", place)
            address = str(accounts.find(lane.home, where, ref).address)
            if address in taken or address in attestors:
                owner = taken.get(address, "another attestor")
                expected = f"an account of its own, this one is {owner}"
                raise InputError(path, where, address, expected)
            attestors.append(address)
        yield LaneSpec(
            home=lane.home,
            remote=lane.remote,
            verifier=VerifierSpec(
                attestors=SignerSet.of(1, verifier.threshold, attestors).signers,
                threshold=verifier.threshold,
                rotation_delay=verifier.rotation_seconds,
                retention=verifier.retention_seconds,
            ),
            cap=int(lane.cap),
        )


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
    """The attestors of a lane, how many must sign, and the seconds of a rotation."""

    attestors: tuple[str, ...]
    threshold: int
    rotation_delay: int
    retention: int


@dataclass(frozen=True)
class LaneSpec:
    """A lane from the instrument's home ledger to a remote one; `cap` in whole units."""

    home: str
    remote: str
    verifier: VerifierSpec
    cap: int = NO_CAP


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
class Deployment:
    """A finished deployment: suites by ledger name, lanes by id in the plan's order."""

    spec: SuiteSpec
    suites: Mapping[str, Suite]
    lanes: Mapping[LaneId, LaneSpec]
    journal: Mapping[str, Any]
