"""`ape run rotate LANE --attestor ADDRESS … --threshold N --manifest FILE --reason CODE …`.

Gives a lane other attestors, on both its ledgers: a verifier that knows them, which the operator
proposes and an administrator sets. Whoever has one of the keys runs the same.
"""

from __future__ import annotations

from functools import partial

import click

from tallystick import build
from tallystick.acts.script import Script
from tallystick.bridge.attestation import SignerSet
from tallystick.chain import Account, Chain, Contract
from tallystick.cli.script import script
from tallystick.errors import InputError
from tallystick.files.accounts import parse_address


@script("rotate")
@click.argument("lane")
@click.option("--attestor", "attestors", multiple=True, required=True, help="May be repeated.")
@click.option("--threshold", type=click.IntRange(min=1), required=True, help="How many sign.")
def cli(script: Script, lane: str, attestors: tuple[str, ...], threshold: int) -> None:
    """Give a lane other attestors, on both ledgers."""
    manifest = script.connection.manifest
    entry = next((e for e in manifest.lanes if f"{e.home}-{e.remote}" == lane), None)
    if entry is None:
        known = ", ".join(f"{each.home}-{each.remote}" for each in manifest.lanes)
        raise InputError(manifest.file, "lane", lane, f"one of the lanes: {known}")
    try:
        signers = SignerSet.of(1, threshold, map(parse_address, attestors))
    except ValueError as error:
        raise InputError("rotate", "--attestor", ", ".join(attestors), str(error)) from None
    for ledger in (entry.home, entry.remote):
        escrow = script.acting.contract(ledger, "BridgeEscrow")
        state = escrow.lane_state(entry.id_bytes)
        now, cap = str(state.terms.verifier), int(state.terms.cap)
        first = manifest.ledger(ledger).from_block
        verifier = _known(escrow, entry.id_bytes, signers, now, first)
        if not verifier:
            make = partial(_created, escrow.chain, signers)
            verifier = script.create(ledger, "QuorumVerifier", make)
        terms = {"lane": lane, "verifier": verifier or "nobody", "cap": str(cap)}
        stands = verifier == now
        proposed = stands or (
            bool(verifier) and script.proposed(ledger, "BridgeEscrow.set_lane_terms", terms)
        )
        script.do(ledger, "BridgeEscrow.propose_lane_terms", terms, done=proposed)
        script.do(ledger, "BridgeEscrow.set_lane_terms", terms, done=stands)


def _known(escrow: Contract, lane: bytes, signers: SignerSet, now: str, first: int) -> str:
    """The verifier of these attestors that is in force, or was proposed last; empty: none."""
    topic = escrow.interface.events_by_name["LaneTermsProposed"][0].topic
    logs = escrow.chain.raw_logs(escrow, first, None, [topic, None, lane])
    proposed = [str(escrow.chain.decode_log(log).args.verifier) for log in reversed(logs)]
    # What it says of itself would not do: anybody may have proposed it.
    code = build.artifact("QuorumVerifier").bytecode_runtime + signers.verifier_immutables
    return next((each for each in (now, *proposed) if escrow.chain.code(each) == code), "")


def _created(chain: Chain, signers: SignerSet, sender: Account) -> str:
    """Create a verifier; code has no power until two keys give it some."""
    return str(chain.deploy("QuorumVerifier", *signers.verifier_arguments, sender=sender).address)
