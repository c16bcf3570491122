"""What stands, compared with what was meant: every fact that chain and build tell.

`verify` reads each ledger at one block, in batches; what should be there comes from the manifest
and, where there is one, from the plan. What stands beyond them is wrong, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from tallystick.bridge.message import ledger_id
from tallystick.chain import Revert
from tallystick.chain.abi import CodecError
from tallystick.deploy.verify.engine import found_in_engine
from tallystick.deploy.verify.fact import Fact, Found, Key, compare
from tallystick.deploy.verify.governance import (
    AS_ARCHIVED,
    AUTHORITY,
    found_in_access,
    found_in_authority,
)
from tallystick.deploy.verify.instrument import found_in_registry, found_in_token
from tallystick.deploy.verify.lanes import found_in_escrow
from tallystick.deploy.verify.meant import (
    accounts_on,
    heard_by,
    lanes_on,
    meant_by,
    our_movers,
    roles_in,
)
from tallystick.deploy.verify.reader import Reader
from tallystick.deploy.verify.words import NOBODY, ledger_names, where
from tallystick.files.manifest import Manifest
from tallystick.files.plan import Plan
from tallystick.files.release import Archive
from tallystick.reach.accounts import Parties
from tallystick.reach.connection import Connection, guarded_of, suites_of

__all__ = ["Fact", "left_over", "verify", "wrong"]


def verify(
    connection: Connection,
    plan: Plan | None = None,
    parties: Parties | None = None,
    accepted: Collection[str] = (),
    archives: Collection[Archive] = (),
) -> tuple[Fact, ...]:
    """Return every fact of what stands with what was meant, wrong ones first.

    Args:
        connection: a manifest whose ledgers are reached.
        plan: what was to stand; what a manifest does not know is only shown without it.
        parties: the plan's accounts, found.
        accepted: releases that this build does not know and that are taken all the same, each as
            `CONTRACT@VERSION`.
        archives: of releases, each held to its own wherever it is registered, in place of the
            build; registered nowhere is wrong.

    Raises:
        ChainError: a ledger can't be reached.
    """
    manifest = connection.manifest
    found: dict[Key, Found] = {}
    for name, suite in suites_of(connection).items():
        isin, beside = manifest.instrument.isin, manifest.beside
        reader = Reader(suite, manifest.ledger(name), isin, beside)
        for kind, facts in _sections(reader, manifest, accepted, archives):
            for each in _answered(kind, facts):
                found[Key(name, each.contract, each.what)] = each
    for archive in archives:
        what = f"{archive.contract} {archive.version}"
        if all(key.what != what for key in found):
            nowhere = Found(AUTHORITY, what, "registered nowhere", AS_ARCHIVED)
            found[Key(connection.manifest.ledgers[0].name, AUTHORITY, what)] = nowhere
    return compare(meant_by(manifest, plan, parties), found)


def wrong(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Return those of facts that are not what was meant."""
    return tuple(fact for fact in facts if fact.wrong)


def left_over(facts: Iterable[Fact], manifest: Manifest) -> tuple[Fact, ...]:
    """Return what the set-up left: its keys, and roles of the deployer (INV-9)."""
    keys = {
        name: f"role of {roles['deployer'].address}"
        for name, roles in manifest.roles.items()
        if "deployer" in roles
    }
    return tuple(
        fact
        for fact in facts
        if fact.what in ("set-up key", keys.get(fact.ledger)) and fact.found != NOBODY
    )


def _sections(
    reader: Reader,
    manifest: Manifest,
    accepted: Collection[str],
    archives: Collection[Archive],
) -> Iterator[tuple[str, Iterator[Found]]]:
    """What is asked of a ledger, contract by contract."""
    name, suite = reader.name, reader.suite
    ledgers = ledger_names(manifest)
    lanes = {
        lane.id_bytes: where(lane)
        for lane in (manifest.lanes[place] for place in lanes_on(manifest, name))
    }
    yield "ReleaseAuthority", found_in_authority(reader, accepted, archives)
    known = accounts_on(manifest, name)
    for kind, contract in guarded_of(suite):
        expected = roles_in(manifest, name, kind)
        yield kind, found_in_access(reader, kind, contract, expected, known)
    yield "SecurityToken", found_in_token(reader, our_movers(manifest, name))
    yield "InstrumentRegistry", found_in_registry(reader)
    yield "BridgeEscrow", found_in_escrow(reader, lanes, ledgers)
    if suite.engine is not None:
        heard = [ledger_id(each.caip2) for each in heard_by(manifest, name)]
        yield "ActionsEngine", found_in_engine(reader, suite.engine, heard, lanes, ledgers)


def _answered(kind: str, facts: Iterator[Found]) -> Iterator[Found]:
    """Facts of a contract, as far as it answers: code that is another's may say anything."""
    try:
        yield from facts
    except (Revert, CodecError) as refusal:
        yield Found(kind, "answers", f"no longer: {refusal}", "every view")
