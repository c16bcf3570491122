"""`ape run rotate LANE --attestor ADDRESS … --threshold N --manifest FILE --reason CODE …`.

Gives a lane other attestors, on both its ledgers: a verifier that knows them, which the operator
proposes, an administrator confirms and, once the lane's delay is over, anyone applies. Whoever has
one of the keys runs the same.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import click

from tallystick import build
from tallystick.acts.script import Script
from tallystick.bridge.attestation import SignerSet
from tallystick.chain import Account, Chain, Contract
from tallystick.cli.script import script
from tallystick.errors import InputError
from tallystick.files.accounts import parse_address
from tallystick.registry.identifiers import IdentifierError, check_lei
from tallystick.text import time_text

_NOBODY = "0x" + "00" * 20


class _Attestors(NamedTuple):
    """Who is to sign, and who runs them (its LEI)."""

    signers: SignerSet
    operator: str


@script("rotate")
@click.argument("lane")
@click.option("--attestor", "attestors", multiple=True, required=True, help="May be repeated.")
@click.option("--threshold", type=click.IntRange(min=1), required=True, help="How many sign.")
@click.option("--second", is_flag=True, help="In place of the lane's second verifier.")
@click.option("--operator", default="", help="LEI of who runs them; who does now when left out.")
def cli(
    script: Script,
    lane: str,
    attestors: tuple[str, ...],
    threshold: int,
    second: bool,
    operator: str,
) -> None:
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
    try:
        operator = check_lei(operator) if operator else ""
    except IdentifierError as error:
        raise InputError("rotate", "--operator", operator, error.expected) from None
    which = "second" if second else "verifier"
    for ledger in (entry.home, entry.remote):
        escrow = script.acting.contract(ledger, "BridgeEscrow")
        terms = escrow.lane_state(entry.id_bytes).terms
        trusted = {name: str(getattr(terms, name)) for name in ("verifier", "second")}
        now = trusted[which]
        if not operator and now == _NOBODY:
            raise InputError("rotate", "--operator", "", "the LEI of who runs a second verifier")
        runs = operator or str(escrow.chain.at("QuorumVerifier", now).LEI())
        wanted = _Attestors(signers, runs)
        first = manifest.ledger(ledger).from_block
        verifier = _known(escrow, entry.id_bytes, wanted, now, which, first)
        if not verifier:
            make = partial(_created, escrow.chain, wanted)
            verifier = script.create(ledger, "QuorumVerifier", make)
        _replace(script, ledger, escrow, lane, entry.id_bytes, trusted | {which: verifier})


def _replace(
    script: Script,
    ledger: str,
    escrow: Contract,
    lane: str,
    id_: bytes,
    trusted: dict[str, str],
) -> None:
    """Propose, confirm and apply a lane's verifiers, as far as the keys and the time here go."""
    given = {
        name: "nobody" if address in {"", _NOBODY} else address for name, address in trusted.items()
    }
    terms = escrow.lane_state(id_).terms
    given |= {"lane": lane, "cap": str(terms.cap), "limit": str(terms.limit)}
    stands = [str(terms.verifier), str(terms.second)] == list(trusted.values())
    waits = escrow.pending_lane_terms(id_)
    confirmed = stands or (
        bool(waits.applies_from)
        and [str(waits.verifier), str(waits.second)] == list(trusted.values())
    )
    proposed = confirmed or (
        all(trusted.values()) and script.proposed(ledger, "BridgeEscrow.confirm_lane_terms", given)
    )
    script.do(ledger, "BridgeEscrow.propose_lane_terms", given, done=proposed)
    script.do(ledger, "BridgeEscrow.confirm_lane_terms", given, done=confirmed)
    due = int(escrow.pending_lane_terms(id_).applies_from)
    wait = f"anyone applies it, from {time_text(due)} on" if escrow.chain.now < due else ""
    name = "BridgeEscrow.apply_lane_terms"
    script.do(ledger, name, {"lane": lane}, done=stands, wait=wait)


def _known(
    escrow: Contract, lane: bytes, wanted: _Attestors, now: str, which: str, first: int
) -> str:
    """The verifier of these attestors that is in force, or was proposed last; empty: none."""
    topic = escrow.interface.events_by_name["LaneTermsProposed"][0].topic
    logs = escrow.chain.raw_logs(escrow, first, None, [topic, None, lane])
    proposed = [str(escrow.chain.decode_log(log).args[which]) for log in reversed(logs)]
    # What it says of itself would not do: anybody may have proposed it.
    kept = wanted.signers.verifier_immutables(wanted.operator)
    code = build.artifact("QuorumVerifier").bytecode_runtime + kept
    return next((each for each in (now, *proposed) if escrow.chain.code(each) == code), "")


def _created(chain: Chain, wanted: _Attestors, sender: Account) -> str:
    """Create a verifier; code has no power until two keys and the lane's delay give it some."""
    arguments = wanted.signers.verifier_arguments(wanted.operator)
    return str(chain.deploy("QuorumVerifier", *arguments, sender=sender).address)
