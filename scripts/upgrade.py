"""`ape run upgrade LEDGER CONTRACT VERSION --manifest FILE --reason CODE --document FILE …`.

Moves a contract to the release that this checkout builds: code, registration, notice, the consent
of issuer and auditor to exactly that, and once the notice is over its activation. Whoever has one
of the keys runs the same.
"""

from __future__ import annotations

from functools import partial

import click

from tallystick import build
from tallystick.acts.arguments import DOCUMENT
from tallystick.acts.script import Script
from tallystick.chain import Account, Chain
from tallystick.chain.abi import keccak
from tallystick.cli.script import script
from tallystick.deploy.upgrade import (
    check_next,
    deploy_implementation,
    installed_artifact,
    proxy_of,
)
from tallystick.errors import InputError
from tallystick.governance.release import (
    Version,
    addresses_behind,
    code_hashes,
    release_id,
    release_kind,
    release_terms,
)
from tallystick.reach.connection import suites_of
from tallystick.text import time_text

_RELEASE = (
    *("kind", "version", "implementation", "code_hash", "behind_hash", "layout_hash"),
    *("evidence_hash", "migration_hash"),
)


@script("upgrade")
@click.argument("ledger")
@click.argument("contract")
@click.argument("version")
@click.option("--artifact", default="", help="The build of the release.  [that of the contract]")
@click.option("--migration", default="", help="Call made at activation, in hex.  [none]")
@click.option("--evidence", default="", help="Hash of what shows that it was tested.  [--document]")
def cli(
    script: Script,
    ledger: str,
    contract: str,
    version: str,
    artifact: str,
    migration: str,
    evidence: str,
) -> None:
    """Move a contract to a later release, each key its part."""
    script.connection.manifest.ledger(ledger)
    try:
        number = Version.parse(version)
        called = bytes.fromhex(migration.removeprefix("0x"))
    except ValueError as error:
        raise InputError("upgrade", "VERSION, --migration", version, str(error)) from None
    suite = suites_of(script.connection)[ledger]
    authority, chain, proxy = suite.authority, suite.chain, proxy_of(suite, contract)
    after = build.artifact(artifact or contract)
    check_next(installed_artifact(suite, contract), after)
    known = authority.release_of(release_id(contract, number))
    code = str(known.implementation) if known.version else ""
    code = code or script.create(ledger, after.name, partial(_created, chain, after.name))
    kept = known.evidence_hash if known.version else script.why[DOCUMENT]
    release = [
        release_kind(contract),
        number.packed,
        code or "0x" + "00" * 20,
        *(
            code_hashes(after, addresses_behind(after, code, chain.code))
            if code
            else [bytes(32)] * 3
        ),
        bytes.fromhex(evidence.removeprefix("0x")) if evidence else kept,
        keccak(called) if called else bytes(32),
    ]
    if known.version and list(known) != release:
        expected = "a number that no other release has, or its own evidence and migration"
        raise InputError("upgrade", "VERSION", version, expected)
    named = f"{contract}@{version}"
    running = authority.installation_of(proxy).release == release_id(contract, number)
    notice = authority.notice_of(proxy)
    noticed = notice.release == release_id(contract, number)
    does, at = script.do, {"proxy": str(proxy.address), "release": named}
    record = dict(zip(_RELEASE, release, strict=True))
    done = bool(known.version)
    does(ledger, "ReleaseAuthority.register_release", {"release": record}, done=done)
    does(ledger, "ReleaseAuthority.give_notice", at, done=running or noticed)
    # To exactly this, not to whatever the number stands for by then.
    consent = {"proxy": str(proxy.address), "terms": release_terms(release)}
    for role in ("issuer", "auditor"):
        done = running or (noticed and int(getattr(notice, role), 16) != 0)
        does(ledger, "ReleaseAuthority.approve", consent, role=role, done=done)
    over = int(authority.notice_of(proxy).noticed_at) + int(authority.NOTICE())
    wait = f"the notice is over at {time_text(over)}" if over > chain.now else ""
    migrated = {**at, "migration": "0x" + called.hex()}
    does(ledger, "ReleaseAuthority.activate", migrated, done=running, wait=wait)


def _created(chain: Chain, name: str, sender: Account) -> str:
    return str(deploy_implementation(chain, name, sender=sender).address)
