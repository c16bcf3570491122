"""`ape run pause SCOPES --manifest FILE --reason CODE --document FILE [--execute]`.

Stops what SCOPES name, `transfers+lanes`, on every ledger or on one; of a lane `outbound+inbound`.
"""

from __future__ import annotations

import click

from tallystick.acts.script import Script
from tallystick.cli.script import script


@script("pause")
@click.argument("scopes")
@click.option("--lane", default="", help="Of one lane, such as home-remote.")
@click.option("--ledger", default="", help="On this ledger alone.")
@click.option("--lift", is_flag=True, help="Let go on what is stopped, a day from now.")
def cli(script: Script, scopes: str, lane: str, ledger: str, lift: bool) -> None:
    """Stop transfers, issuance or lanes everywhere; with --lane, outbound or inbound of a lane."""
    manifest, verb = script.connection.manifest, "unpause" if lift else "pause"
    for each in [manifest.ledger(ledger)] if ledger else manifest.ledgers:
        if not lane:
            script.do(each.name, f"SecurityToken.{verb}", {"scope": scopes})
        elif each.name in lane.split("-"):
            script.do(each.name, f"BridgeEscrow.{verb}_lane", {"lane": lane, "directions": scopes})
