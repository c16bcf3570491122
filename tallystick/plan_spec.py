"""From a plan file to contracts: the ledgers it names, the accounts it means, what stands there.

What a plan may say and this release can't do is refused here, before anything is sent. Index `i` on
the plan's n-th ledger (counted from 1) is the account m/44'/60'/n'/0/i, so that no two ledgers
share an address; attestors sign for both sides of a lane with the key of its home ledger.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tallystick.bridge import NO_CAP, SignerSet
from tallystick.chain import Account, Chain, ChainError
from tallystick.chain.base import JUNK_MNEMONIC, derive_account
from tallystick.deploy import (
    Deployment,
    LaneSpec,
    LedgerSpec,
    Report,
    StepState,
    Suite,
    SuiteSpec,
    VerifierSpec,
    guarded_of,
    left_with,
    proxied_of,
    verify,
    verify_code,
    verify_roles,
)
from tallystick.deploy import deploy as carry_out
from tallystick.errors import CheckFailed, InputError
from tallystick.instrument import SINGLE_ROLES
from tallystick.manifest import SCHEMA as MANIFEST_SCHEMA
from tallystick.manifest import Connection, Manifest, connect, manifest_of
from tallystick.plan import Account as AccountRef
from tallystick.plan import Plan, PlanLedger, load_plan
from tallystick.registry import record_of
from tallystick.strict import joined, read
from tallystick.terminal import console, json_line, progress, show_table

__all__ = [
    "LOCAL_CHAIN_IDS",
    "Accounts",
    "Opened",
    "check",
    "check_release",
    "left_over",
    "open_chains",
    "run",
    "spec_from_plan",
    "suites_of",
]

MNEMONIC_VARIABLE: Final = "TALLYSTICK_MNEMONIC"
# Chain ids that development nodes use: the well-known mnemonic signs there without being asked for.
LOCAL_CHAIN_IDS: Final = frozenset({1337, 31337, *range(41_001, 41_009)})
_MAX_PERIOD: Final = 90 * 86_400
_MAX_NAME: Final = 64
_PENDING_SECONDS: Final = 120


# --- what this release takes -------------------------------------------------------------------


def check_release(path: str | Path, plan: Plan) -> None:
    """Refuse what the plan format knows and this release can't do.

    Raises:
        InputError: the plan asks for such a thing.
    """
    later = "nothing here: limits come with a later release (cap is enforced on chain)"
    if plan.limits is not None:
        raise InputError(path, "limits", plan.limits.model_dump(), later)
    for at, lane in enumerate(plan.lanes):
        where = joined("lanes", at)
        if lane.limits is not None:
            raise InputError(path, joined(where, "limits"), lane.limits.model_dump(), later)
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


# --- accounts ----------------------------------------------------------------------------------


@dataclass
class Accounts:
    """Finds the accounts that a plan means: addresses, ape aliases, mnemonic indices.

    Args:
        path: the plan file, for messages.
        plan: the plan.
    """

    path: Path
    plan: Plan
    _words: dict[str, str] = field(default_factory=dict)

    def number(self, ledger: str) -> int:
        """Return the ledger's number in derivation paths: its place in the plan, from 1."""
        return 1 + [entry.name for entry in self.plan.ledgers].index(ledger)

    def mnemonic(self, ledger: str, at: str, index: int) -> str:
        """Return the words that a ledger's indices mean.

        Raises:
            InputError: none are given for a ledger that is not local, or they are wrong.
        """
        if ledger not in self._words:
            entry = self.plan.ledger(ledger)
            words = " ".join(os.environ.get(MNEMONIC_VARIABLE, "").split())
            if words:
                _check_mnemonic(words)
            elif entry.chain_id in LOCAL_CHAIN_IDS or is_local(entry):
                words = JUNK_MNEMONIC
            else:
                expected = f"{MNEMONIC_VARIABLE} in the environment: it is an index into a mnemonic"
                raise InputError(self.path, at, f"index {index}", expected)
            self._words[ledger] = words
        return self._words[ledger]

    def is_public(self, ledger: str) -> bool:
        """Whether the ledger's indices are those of the well-known mnemonic."""
        return self._words.get(ledger) == JUNK_MNEMONIC

    def find(self, ledger: str, at: str, ref: AccountRef) -> Account:
        """Return the account that `ref` means on a ledger.

        Raises:
            InputError: there is no such account.
        """
        if ref.index is not None:
            words = self.mnemonic(ledger, at, ref.index)
            return derive_account(words, self.number(ledger), ref.index)
        if ref.alias is not None:
            return Account(self._address_of(at, ref.alias), None, -1, ref.alias)
        return Account(to_checksum_address(str(ref.address)), None, -1, "")

    def _address_of(self, at: str, alias: str) -> Any:
        try:
            return to_checksum_address(str(_ape(self.path, at, alias).accounts.load(alias).address))
        except KeyError:
            expected = f"the alias of an ape account (ape accounts import {alias})"
            raise InputError(self.path, at, alias, expected) from None


def _check_mnemonic(words: str) -> None:
    from eth_account.hdaccount.mnemonic import Mnemonic

    if not Mnemonic().is_mnemonic_valid(words):
        count = len(words.split())
        expected = "the words of a BIP-39 mnemonic, its checksum right"
        raise InputError("environment", MNEMONIC_VARIABLE, f"{count} words", expected)


def _ape(path: Path, at: str, value: str) -> Any:
    warnings.filterwarnings("ignore", message="Field 'import_remapping'")
    try:
        import ape
    except ImportError:
        expected = "ape to be installed: pip install 'tallystick[ape]'"
        raise InputError(path, at, value, expected) from None
    return ape


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
            text=plan.model_dump_json(by_alias=True, exclude={"instrument"})
            + instrument.model_dump_json(by_alias=True)
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
            ),
            cap=int(lane.cap),
            deadline=lane.deadline_seconds,
        )


# --- ledgers -----------------------------------------------------------------------------------


def is_local(ledger: PlanLedger) -> bool:
    """Whether a ledger is on ape's local network, which lives as long as the command."""
    return ledger.network is not None and ledger.network.split(":")[1] == "local"


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
def open_chains(path: Path, plan: Plan, accounts: Accounts, active: Any = None) -> Iterator[Opened]:
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
        local = [ledger.name for ledger in plan.ledgers if is_local(ledger)]
        for at, ledger in enumerate(plan.ledgers):
            if is_local(ledger):
                chains[ledger.name] = stack.enter_context(_throw_away(ledger, accounts))
            else:
                chains[ledger.name] = _reach(path, at, ledger, accounts, stack)
        notes: tuple[str, ...] = ()
        if local:
            notes = (f"{', '.join(local)}: on ledgers that end with this command (a rehearsal)",)
        yield Opened(chains, bool(local), notes)


def _throw_away(ledger: PlanLedger, accounts: Accounts) -> Chain:
    """A ledger of our own with the plan's chain id."""
    from tallystick.chain.anvil import AnvilChain, find_anvil
    from tallystick.chain.embedded import EmbeddedChain

    words = os.environ.get(MNEMONIC_VARIABLE) or JUNK_MNEMONIC
    kind = EmbeddedChain if find_anvil() is None else AnvilChain
    number = accounts.number(ledger.name)
    return kind(ledger.name, ledger.chain_id, ledger_number=number, mnemonic=words)


def _reach(path: Path, at: int, ledger: PlanLedger, accounts: Accounts, stack: ExitStack) -> Chain:
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
    return node


def _check_id(path: Path, at: int, ledger: PlanLedger, actual: int) -> None:
    if actual != ledger.chain_id:
        where = ledger.rpc or ledger.network
        expected = f"{actual}, the chain id of {where}"
        raise InputError(path, joined("ledgers", at, "chain_id"), ledger.chain_id, expected)


def _through_ape(
    path: Path,
    at: int,
    ledger: PlanLedger,
    accounts: Accounts,
    stack: ExitStack,
    choice: str | None,
) -> Chain:
    """A ledger on a network that ape knows; ape signs for aliases, we for indices."""
    _ape(path, joined("ledgers", at, "network"), str(ledger.network))
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


def _beside(path: Path, plan: Plan, accounts: Accounts, provider: Any, stack: ExitStack) -> Opened:
    """The ledgers of a plan that are on the network to which ape is connected."""
    # ape's own chain_id is that of its local network whatever node answers there.
    choice, actual = str(provider.network_choice), int(provider.web3.eth.chain_id)
    here = f"connected to {choice}, chain id {actual}"
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
    local = [ledger for ledger in plan.ledgers if is_local(ledger)]
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
    path: Path, plan: Plan, accounts: Accounts, provider: Any, stack: ExitStack, here: str
) -> Opened:
    """Ape's local chain is the first local ledger; the others get chains of our own."""
    from tallystick.chain.anvil import AnvilChain

    local = [ledger for ledger in plan.ledgers if is_local(ledger)]
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


# --- deploy ------------------------------------------------------------------------------------


def run(
    plan_path: Path,
    *,
    execute: bool = False,
    out: Path | None = None,
    as_json: bool = False,
    active: Any = None,
) -> int:
    """Carry out a plan, or show what is to be done; returns the exit status.

    Args:
        plan_path: the plan file.
        execute: send transactions.
        out: where journal and manifest are; `deployments/NAME OF PLAN` when left out.
        as_json: print one JSON object.
        active: ape's connected provider, under `ape run`.
    """
    plan = load_plan(plan_path)
    check_release(plan_path, plan)
    accounts = Accounts(plan_path, plan)
    folder = out or Path("deployments") / plan_path.stem
    shown = console()
    with progress("connecting") as tell, open_chains(plan_path, plan, accounts, active) as opened:
        spec = spec_from_plan(plan_path, plan, accounts)
        journal = None if opened.rehearsal else folder / "journal.json"
        if not as_json:
            for note in opened.notes:
                shown.print(note, markup=False, soft_wrap=True)
        written: Path | None = None
        wrong: list[str] = []
        with _alone(folder, execute and journal is not None):
            if execute:
                _ready(plan_path, spec, opened.chains)

            def step(state: StepState) -> None:
                tell(f"{state.ledger}: {state.title}")

            report = carry_out(spec, opened.chains, journal=journal, execute=execute, progress=step)
            if execute and report.deployment is not None:
                tell("verifying")
                wrong = verify(report.deployment)
                if journal is not None and not wrong:
                    manifest = _manifest(plan, accounts, report.deployment)
                    written = _written(folder / "manifest.json", manifest)
    if as_json:
        shown.print(
            json_line(_report_dict(report, opened, execute, written, wrong)),
            markup=False,
            soft_wrap=True,
        )
    else:
        _tell(report, opened, spec, execute, written, wrong)
    return 1 if wrong else 0


def _tell(
    report: Report,
    opened: Opened,
    spec: SuiteSpec,
    execute: bool,
    written: Path | None,
    wrong: list[str],
) -> None:
    shown = console()

    def say(text: str) -> None:
        shown.print(text, markup=False, soft_wrap=True)

    if not execute or shown.is_terminal:
        show_table(
            shown,
            f"{spec.name}, {spec.isin}",
            ("Ledger", "Step", "State"),
            [(step.ledger, step.title, step.state) for step in report.steps],
        )
    counts = {
        state: sum(step.state == state for step in report.steps)
        for state in ("done", "executed", "pending", "elsewhere")
    }
    if not execute:
        say(
            f"dry run: {counts['done']} steps done, {counts['pending']} pending"
            + (f", {counts['elsewhere']} on other ledgers" if counts["elsewhere"] else "")
            + "; nothing was sent (--execute sends)"
        )
        return
    say(
        f"{spec.isin} on {', '.join(opened.chains)}: {counts['executed']} steps carried out, "
        f"{counts['done']} were done before"
    )
    if report.deployment is None:
        others = ", ".join(each.name for each in spec.ledgers if each.name not in opened.chains)
        if counts["pending"]:
            say(f"{counts['pending']} steps here need {others} first: run again afterwards")
        say(f"{counts['elsewhere']} steps are on {others}, which is not connected")
        return
    for line in wrong:
        say(f"WRONG {line}")
    if not wrong:
        say("verified: code is the build's, roles are the plan's, the deployer holds nothing")
    if written is not None:
        say(f"manifest {written}")


def _report_dict(
    report: Report, opened: Opened, execute: bool, written: Path | None, wrong: list[str]
) -> dict[str, Any]:
    return {
        "schema": "tallystick.deploy/1",
        "executed": execute,
        "rehearsal": opened.rehearsal,
        "ledgers": list(opened.chains),
        "complete": report.deployment is not None,
        "steps": [
            {"ledger": step.ledger, "title": step.title, "state": step.state}
            for step in report.steps
        ],
        "wrong": wrong,
        "manifest": None if written is None else str(written),
    }


@contextmanager
def _alone(folder: Path, needed: bool) -> Iterator[None]:
    """No two runs work on one journal at a time."""
    if not needed:
        yield
        return
    try:
        import fcntl
    except ImportError:  # no POSIX system
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CheckFailed(f"{folder}: another run is at work here") from None
        yield


def _ready(path: Path, spec: SuiteSpec, chains: Mapping[str, Chain]) -> None:
    """Make sure that deployers can send, and that nothing of an earlier run is still under way.

    Raises:
        InputError: a deployer can't sign.
        CheckFailed: a deployer has no funds, or its transactions don't get into blocks.
    """
    for at, ledger in enumerate(spec.ledgers):
        chain = chains.get(ledger.name)
        if chain is None:
            continue
        deployer = ledger.deployer
        if chain.backend == "anvil":
            # A development node: it signs for everybody and costs nothing.
            if chain.balance(deployer) == 0:
                chain.set_balance(deployer, 10**24)
        elif chain.backend != "embedded":
            if deployer.key is None and not deployer.path:
                where = joined("ledgers", at, "accounts", "deployer")
                expected = "an account that signs: the alias of an ape account, or an index"
                raise InputError(path, where, deployer.address, expected)
            if chain.balance(deployer) == 0:
                raise CheckFailed(f"{ledger.name}: the deployer {deployer.address} has no funds")
        _await_pending(chain, deployer.address)


def _await_pending(chain: Chain, address: str) -> None:
    rpc: Callable[..., Any] | None = getattr(chain, "rpc", None)
    if rpc is None:
        return
    end = time.monotonic() + _PENDING_SECONDS
    while int(rpc("eth_getTransactionCount", address, "pending"), 16) > chain.nonce(address):
        if time.monotonic() > end:
            raise CheckFailed(
                f"{chain.name}: transactions of the deployer {address} wait in the pool since "
                f"{_PENDING_SECONDS} s: replace them or wait, then run again"
            )
        time.sleep(0.5)


def _manifest(plan: Plan, accounts: Accounts, deployment: Deployment) -> Manifest:
    indices: dict[str, dict[str, int]] = {}
    for ledger in plan.ledgers:
        refs = [(ledger.name, ref) for _, ref in ledger.accounts.by_field()]
        if ledger.name == deployment.spec.home:
            refs += [
                (ln.home, ref) for ln in plan.lanes for v in ln.verifiers for ref in v.attestors
            ]
        indices[ledger.name] = {
            str(accounts.find(name, "", ref).address): ref.index
            for name, ref in refs
            if ref.index is not None
        }
    used = [name for name, known in indices.items() if known]
    public = bool(used) and all(accounts.is_public(name) for name in used)
    return manifest_of(
        deployment,
        indices=indices,
        mnemonic=JUNK_MNEMONIC if public else None,
        derivations={name: f"m/44'/60'/{accounts.number(name)}'/0" for name in used},
    )


def _written(path: Path, manifest: Manifest) -> Path:
    """Write a manifest unless exactly that one is there."""
    try:
        same = json.loads(path.read_text()) == manifest.as_dict()
    except (OSError, ValueError):
        same = False
    if not same or not all(
        (path.parent / entry.abi).is_file()
        for ledger in manifest.ledgers
        for entry in ledger.contracts.values()
    ):
        manifest.write(path)
    return path


# --- verify, handover --------------------------------------------------------------------------


def suites_of(connection: Connection) -> dict[str, Suite]:
    """Return the contracts of a manifest as the build knows them."""
    suites: dict[str, Suite] = {}
    for ledger in connection.manifest.ledgers:
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
                lane.id: chain.at("QuorumVerifier", lane.sides[ledger.name].verifier)
                for lane in lanes
            },
            custodies={
                lane.id: chain.at("LaneCustody", lane.sides[ledger.name].custody) for lane in lanes
            },
        )
    return suites


def check(path: Path, out: Path | None = None, *, as_json: bool = False) -> int:
    """Compare what stands with the build, and with the plan or the manifest."""
    with progress("reading the ledgers"):
        wrong, checked = _judged(path, out, _verify_manifest, verify)
    if as_json:
        _print(json_line({"schema": "tallystick.verify/1", "wrong": wrong, "ok": not wrong}))
    else:
        for line in wrong:
            _print(f"WRONG {line}")
        if not wrong:
            _print(f"verified: {checked}")
    return 1 if wrong else 0


def left_over(path: Path, out: Path | None = None, *, as_json: bool = False) -> int:
    """Report what the deployer still has."""

    def of_manifest(connection: Connection) -> list[str]:
        return [
            line
            for name, suite in suites_of(connection).items()
            for line in left_with(name, suite, _deployer(connection.manifest, name))
        ]

    def of_deployment(deployment: Deployment) -> list[str]:
        return [
            line
            for name, suite in deployment.suites.items()
            for line in left_with(name, suite, deployment.spec.ledger(name).deployer.address)
        ]

    with progress("reading the ledgers"):
        left, checked = _judged(path, out, of_manifest, of_deployment)
    if as_json:
        _print(json_line({"schema": "tallystick.handover/1", "left": left, "ok": not left}))
    else:
        for line in left:
            _print(f"LEFT {line}")
        if not left:
            _print(f"handed over: the deployer has nothing in {checked}")
    return 1 if left else 0


def _judged(
    path: Path,
    out: Path | None,
    of_manifest: Callable[[Connection], list[str]],
    of_deployment: Callable[[Deployment], list[str]],
) -> tuple[list[str], str]:
    """Judge a manifest, or the deployment of a plan; returns what is wrong, and what was judged."""
    if _is_manifest(path):
        connection = connect(Manifest.load(path))
        try:
            contracts = sum(len(guarded_of(s)) for s in suites_of(connection).values())
            names = ", ".join(connection.chains)
            return of_manifest(connection), f"{contracts} contracts on {names}"
        finally:
            connection.close()
    plan = load_plan(path)
    check_release(path, plan)
    if any(is_local(ledger) for ledger in plan.ledgers):
        where = next(at for at, ledger in enumerate(plan.ledgers) if is_local(ledger))
        expected = "a network that outlives the command: nothing is deployed on a local one"
        network = plan.ledgers[where].network
        raise InputError(path, joined("ledgers", where, "network"), network, expected)
    accounts = Accounts(path, plan)
    journal = (out or Path("deployments") / path.stem) / "journal.json"
    with open_chains(path, plan, accounts) as opened:
        spec = spec_from_plan(path, plan, accounts)
        report = carry_out(spec, opened.chains, journal=journal)
        if report.deployment is None:
            first = next(step for step in report.steps if step.state == "pending")
            pending = f"{report.pending} steps are pending, first {first.ledger}: {first.title}"
            return [pending], ""
        suites = report.deployment.suites
        contracts = sum(len(guarded_of(suite)) for suite in suites.values())
        return of_deployment(report.deployment), f"{contracts} contracts on {', '.join(suites)}"


def _is_manifest(path: Path) -> bool:
    if path.suffix == ".json":
        return True
    data = read(path)
    return isinstance(data, dict) and data.get("schema") == MANIFEST_SCHEMA


def _deployer(manifest: Manifest, ledger: str) -> str:
    entry = manifest.roles.get(ledger, {}).get("deployer")
    return entry.address if entry is not None else "0x" + "00" * 20


def _verify_manifest(connection: Connection) -> list[str]:
    manifest = connection.manifest
    wrong: list[str] = []
    for name, suite in suites_of(connection).items():
        roles = {role: entry.address for role, entry in manifest.roles.get(name, {}).items()}
        administrators = [
            address for role, address in roles.items() if role.startswith("administrator-")
        ]
        wrong += verify_code(name, suite)
        wrong += verify_roles(
            name, suite, roles, administrators, is_home=name == manifest.instrument.home
        )
        wrong += left_with(name, suite, _deployer(manifest, name))
        for kind, contract in proxied_of(suite).items():
            entry = manifest.ledger(name).contracts[kind]
            installed = suite.authority.installation_of(contract.address).release
            now = str(suite.authority.release_of(installed).implementation)
            if now != entry.implementation:
                wrong.append(
                    f"{name}: {kind} {contract.address}: runs {now}, "
                    f"the manifest says {entry.implementation}"
                )
    return wrong


def _print(text: str) -> None:
    console().print(text, markup=False, soft_wrap=True)
