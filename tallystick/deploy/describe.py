"""What stands as a manifest describes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tallystick.bridge.message import Grade, lane_id, ledger_id, party
from tallystick.chain import Account, ChainError, Contract
from tallystick.chain.abi import keccak
from tallystick.chain.account import JUNK_MNEMONIC, is_public
from tallystick.deploy.changes import differences
from tallystick.deploy.signers import first_signers, verifier_keys
from tallystick.deploy.steps import (
    EVENTS_VERIFIER,
    MESSAGES_VERIFIER,
    ROLES_OF,
    LedgerSteps,
)
from tallystick.files.manifest import (
    ABI_FOLDER,
    ActionsEntry,
    ContractEntry,
    InstrumentEntry,
    LaneEntry,
    LaneSide,
    LedgerEntry,
    Manifest,
    RoleEntry,
)
from tallystick.files.plan import Lane, Plan
from tallystick.governance.release import CONTRACTS, PROXIED, Version
from tallystick.governance.roles import Role, role_of_title
from tallystick.reach.accounts import Parties
from tallystick.reach.connection import Connection, Suite, guarded_of, suites_of
from tallystick.text import bare_url, hex_text

__all__ = ["compared", "manifest_of", "refreshed", "roles_of"]

_NOBODY = "0x" + "00" * 20


def manifest_of(
    plan: Plan,
    parties: Parties,
    ledgers: Mapping[str, LedgerSteps],
    beside: tuple[str, ...] = (),
) -> Manifest:
    """Describe a plan that was carried out, with all its ledgers at hand.

    Accounts have the index that the plan gives them; the mnemonic is there if it is everybody's.

    Args:
        plan: what was meant.
        parties: its accounts, found.
        ledgers: what stands.
        beside: the ISINs of the other instruments of the suite.
    """
    instrument = plan.loaded_instrument
    everybody = [
        *(account for accounts in parties.on_ledger.values() for account in accounts.values()),
        *(account for attestors in parties.attestors for account in attestors),
        *parties.event_attestors,
        *parties.message_attestors,
    ]
    derived = [account for account in everybody if account.index >= 0]
    return Manifest(
        ledgers=tuple(_ledger(plan, each) for each in ledgers.values()),
        instruments=(
            InstrumentEntry(
                isin=instrument.isin,
                name=instrument.name,
                decimals=instrument.decimals,
                home=instrument.home,
                tokens={
                    name: str(each.proxied("SecurityToken").address)
                    for name, each in ledgers.items()
                },
            ),
        ),
        lanes=tuple(_lane(plan, lane, index, ledgers) for index, lane in enumerate(plan.lanes)),
        actions=_actions(plan, ledgers),
        roles=roles_of(plan, parties),
        beside=beside,
        mnemonic=JUNK_MNEMONIC if derived and all(map(is_public, derived)) else None,
    )


def refreshed(connection: Connection) -> Manifest:
    """A manifest with what acts under the contracts' roles changed of it since.

    The releases that run, the verifiers in force of lanes and engines, which closes engines ask
    for, and who has a role whose holder was replaced by one account in every contract. All else
    stays as it is said, however it is found.

    Raises:
        ChainError: a ledger can't be reached, or a contract does not answer as its ABI says.
        Revert: a contract refuses.
    """
    manifest = connection.manifest
    suites = suites_of(connection)
    ledgers = []
    for ledger in manifest.ledgers:
        authority = connection.contract(ledger.name, "ReleaseAuthority")
        contracts = {
            name: _entry(authority, name, entry.address) for name, entry in ledger.contracts.items()
        }
        ledgers.append(ledger.model_copy(update={"contracts": contracts}))
    lanes = []
    for lane in manifest.lanes:
        sides = {
            end: side.model_copy(update=_in_force(connection, end, lane.id_bytes))
            for end, side in lane.sides.items()
        }
        lanes.append(lane.model_copy(update={"sides": sides}))
    return manifest.model_copy(
        update={
            "ledgers": tuple(ledgers),
            "lanes": tuple(lanes),
            "actions": _believed(connection),
            "roles": manifest.roles
            | {name: _held(manifest, name, suite) for name, suite in suites.items()},
        }
    )


def _in_force(connection: Connection, ledger: str, lane: bytes) -> dict[str, str | None]:
    """Whom a lane's end trusts now, in the newest epoch that is valid; nobody if none is."""
    escrow, now = connection.escrow(ledger), connection.chains[ledger].block().timestamp
    for number in range(int(escrow.lane_state(lane).epoch), 0, -1):
        epoch = escrow.epoch_at(lane, number)
        if int(epoch.valid_from) <= now < int(epoch.valid_until):
            second = None if str(epoch.second) == _NOBODY else str(epoch.second)
            return {"verifier": str(epoch.verifier), "second": second}
    return {"verifier": _NOBODY, "second": None}


def _believed(connection: Connection) -> ActionsEntry | None:
    """What proves to the engines what they are told, and which closes they all ask for, now."""
    manifest = connection.manifest
    if manifest.actions is None:
        return None
    home = manifest.instrument.home
    engines = {
        each.name: connection.contract(each.name, "ActionsEngine") for each in manifest.ledgers
    }
    messages = {}
    for name in manifest.actions.messages:
        # Home hears all others by one verifier, each of which hears home.
        other = next(each for each in manifest.ledgers if (each.name == home) != (name == home))
        messages[name] = str(engines[name].peer_of(ledger_id(other.caip2)).verifier)
    daily = all(int(engine.daily_since()) for engine in engines.values())
    return manifest.actions.model_copy(
        update={
            "events": str(engines[home].attestors()),
            "messages": messages,
            "reconcile": "daily" if daily else None,
        }
    )


def _held(manifest: Manifest, ledger: str, suite: Suite) -> dict[str, RoleEntry]:
    """Who has each role on a ledger: another account where it has it in place of who had."""
    first, entries = manifest.ledger(ledger).from_block, manifest.roles.get(ledger, {})
    named = {each.address for each in entries.values()}
    held: dict[str, dict[str, Role]] = {}
    for kind, contract in guarded_of(suite):
        topic = contract.interface.events_by_name["RoleChanged"][0].topic
        logs = contract.chain.raw_logs(contract, first, topics=[topic])
        logged = (str(contract.chain.decode_log(log).args["account"]) for log in logs)
        accounts = list(dict.fromkeys((*named, *logged)))
        answers = contract.chain.ask((contract, "role_of", account) for account in accounts)
        if unlike := next((each for each in answers if isinstance(each, Exception)), None):
            raise ChainError(f"{ledger}: {kind}: {unlike}")
        held[kind] = {
            account: Role(int(role)) for account, role in zip(accounts, answers, strict=True)
        }
    found = {}
    for title, known in entries.items():
        role, account = role_of_title(title), known.address
        of_role = [of for kind, of in held.items() if role in (Role.ADMINISTRATOR, *ROLES_OF[kind])]
        new = [
            each
            for each in dict.fromkeys(account for of in of_role for account in of)
            if each not in named and all(of.get(each) == role for of in of_role)
        ]
        gone = role and of_role and all(of[account] != role for of in of_role)
        found[title] = RoleEntry(address=new[0]) if gone and len(new) == 1 else known
    agent = _NOBODY if suite.engine is None else str(suite.engine.fractions_agent())
    if agent not in {_NOBODY, *(each.address for each in found.values())}:
        found["fractions_agent"] = RoleEntry(address=agent)
    return found


def compared(
    there: Manifest, now: Manifest, changed: Iterable[str] = ()
) -> tuple[Manifest, list[tuple[str, Any, Any]]]:
    """Return the manifest to be written where another one is, and what speaks against it.

    Roles and holders that the plan does not know were added by somebody, and stay. How a ledger is
    reached is not compared, nor what the plan was allowed to change.

    Args:
        there: the manifest that is there.
        now: what stands.
        changed: paths of the fields that changed in the plan and stand on no ledger.

    Returns:
        the manifest, and each difference as (path, value there, value now).
    """
    roles = {
        name: {**there.roles.get(name, {}), **now.roles.get(name, {})}
        for name in dict.fromkeys((*now.roles, *there.roles))
    }
    kept = now.model_copy(update={"roles": roles, "holders": now.holders or there.holders})
    passed = {*changed, *(f"ledgers[{at}].rpc" for at in range(len(now.ledgers)))}
    found = differences(there.as_dict(), kept.as_dict())
    return kept, [each for each in found if each[0] not in passed]


def _ledger(plan: Plan, ledger: LedgerSteps) -> LedgerEntry:
    chain = ledger.chain
    authority = ledger.contract("ReleaseAuthority")
    contracts = {name: ledger.proxied(name) for name in ledger.proxies}
    for name in CONTRACTS:
        # Of contracts that every lane has for itself, those of the ledger's first lane.
        keys = [key for key in ledger.entry["contracts"] if key.partition("#")[0] == name]
        if name not in PROXIED and keys:
            contracts[name] = ledger.contract(name, keys[0])
    derived = [account.path for account in ledger.accounts.values() if account.index >= 0]
    return LedgerEntry(
        name=ledger.name,
        caip2=chain.caip2,
        chain_id=chain.chain_id,
        rpc=bare_url(chain.url) if chain.url.startswith("http") else None,
        genesis=chain.genesis_hash,
        from_block=int(ledger.entry["from_block"]),
        finality=plan.ledger(ledger.name).finality,
        derivation=derived[0].rpartition("/")[0] if derived else None,
        contracts={
            name: _entry(authority, name, str(contracts[name].address))
            for name in CONTRACTS
            if name in contracts
        },
    )


def _entry(authority: Contract, name: str, address: str) -> ContractEntry:
    """A contract with the release that it runs, where it has one."""
    implementation, version = address, None
    if name in PROXIED:
        release = authority.release_of(authority.installation_of(address).release)
        implementation = str(release.implementation)
        version = str(Version.unpack(release.version))
    return ContractEntry(
        address=address,
        implementation=implementation,
        release=version,
        abi=f"{ABI_FOLDER}/{name}.json",
        code_hash=hex_text(keccak(authority.chain.code(implementation))),
    )


def _lane(plan: Plan, lane: Lane, index: int, ledgers: Mapping[str, LedgerSteps]) -> LaneEntry:
    instrument = plan.loaded_instrument
    escrow, peer = (
        str(ledgers[end].proxied("BridgeEscrow").address) for end in (lane.home, lane.remote)
    )
    identifier = lane_id(
        instrument.isin,
        instrument.decimals,
        instrument.close_minute_utc,
        Grade[lane.grade.upper()],
        ledger_id(ledgers[lane.home].caip2),
        party(escrow),
        ledger_id(ledgers[lane.remote].caip2),
        party(peer),
    )
    return LaneEntry(
        id=hex_text(identifier),
        isin=instrument.isin,
        grade=lane.grade,
        home=lane.home,
        remote=lane.remote,
        escrow=escrow,
        peer=peer,
        sides={
            end: LaneSide(
                custody=str(ledgers[end].contract("LaneCustody", f"LaneCustody#{index}").address),
                **{
                    name: str(ledgers[end].contract(key.kind, key.trusted).address)
                    for name, key in zip(
                        ("verifier", "second"), verifier_keys(lane, index), strict=False
                    )
                },
            )
            for end in (lane.home, lane.remote)
        },
    )


def _actions(plan: Plan, ledgers: Mapping[str, LedgerSteps]) -> ActionsEntry | None:
    if plan.actions is None:
        return None
    return ActionsEntry(
        events=str(ledgers[plan.home].contract("QuorumVerifier", EVENTS_VERIFIER).address),
        messages={
            name: str(ledger.contract("QuorumVerifier", MESSAGES_VERIFIER).address)
            for name, ledger in ledgers.items()
            if len(ledgers) > 1
        },
        reconcile=plan.actions.reconcile,
    )


def roles_of(plan: Plan, parties: Parties) -> dict[str, dict[str, RoleEntry]]:
    """Whose account has which role, by ledger and title; attestors are listed at home."""
    found = {name: dict(accounts) for name, accounts in parties.on_ledger.items()}
    # An attestor signs for both sides with one key; it is listed once, at home.
    signers: dict[str, Account] = {}
    for lane, attestors in zip(plan.lanes, parties.attestors, strict=True):
        by_address: dict[str, Account] = {str(a.address): a for a in attestors}
        for address in (each for one in first_signers(lane, attestors) for each in one.signers):
            signers.setdefault(address, by_address[address])
    for title, accounts in (
        ("attestor", signers.values()),
        ("event-attestor", parties.event_attestors),
        ("message-attestor", parties.message_attestors),
    ):
        found[plan.home] |= {f"{title}-{n}": account for n, account in enumerate(accounts, 1)}
    return {
        name: {
            title: RoleEntry(
                address=account.address, index=account.index if account.index >= 0 else None
            )
            for title, account in accounts.items()
        }
        for name, accounts in found.items()
    }
