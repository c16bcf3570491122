"""`ape run upgrade LEDGER CONTRACT VERSION --manifest FILE --reason CODE --document FILE …`.

Moves a contract to the release that this checkout builds: code, registration, notice, the consent
of issuer, operator and auditor to exactly that, and once the notice is over its activation. Whoever
has one of the keys runs the same.
"""

from __future__ import annotations

import click

from tallystick import build
from tallystick.acts.arguments import DOCUMENT
from tallystick.acts.script import Script
from tallystick.cli.releasing import Releasing
from tallystick.cli.script import script
from tallystick.deploy.release import Wanted
from tallystick.deploy.upgrade import check_next, installed_artifact, proxy_of
from tallystick.errors import InputError
from tallystick.governance.release import Version, release_id
from tallystick.reach.connection import suites_of


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
    proxy_of(suite, contract)
    after = build.artifact(artifact or contract)
    check_next(installed_artifact(suite, contract), after)
    known = suite.authority.release_of(release_id(contract, number))
    kept = known.evidence_hash if known.version else script.why[DOCUMENT]
    shown = bytes.fromhex(evidence.removeprefix("0x")) if evidence else kept
    releasing = Releasing(script, ledger, Wanted(contract, number, after, shown, called), "upgrade")
    releasing.register()
    releasing.notice()
    releasing.approve()
    releasing.activate()
