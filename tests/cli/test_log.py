"""`tallystick log`: what happened, in words, with the manifest's names."""

from __future__ import annotations

import io
import re

from rich.console import Console

from tallystick.cli.log import log_dict, show_events
from tallystick.status.ledger_log import read_log
from tests.support.world import World

_WHY = (b"TEST", b"\1" * 32)


def _told(world: World, block: int = 0) -> list[str]:
    """Contract, event and words of each line from a block on."""
    text, connection = io.StringIO(), world.network.connection
    console = Console(file=text, width=1_000, color_system=None)
    show_events(read_log(connection, "home"), connection, console)
    found = [re.split(r" {2,}", line.strip()) for line in text.getvalue().splitlines()]
    return [" | ".join(row[2:]) for row in found if row[0].isdigit() and int(row[0]) >= block]


def test_acts_are_told_in_words_with_the_manifests_names(world: World) -> None:
    side, first = world.home, world.home.chain.block_number + 1
    terms = (world.lane, side.verifier, "0x" + "00" * 20, 77, 7)
    side.token.pause(1, *_WHY, sender=side.guardian)
    side.escrow.propose_lane_terms(*terms, *_WHY, sender=side.operator)
    act = side.escrow.propose_lane_terms.call(*terms, *_WHY, sender=side.operator).hex()
    side.escrow.confirm_lane_terms(*terms, *_WHY, sender=side.second_administrator)
    why = "reason TEST, document 0x0101010101010101…"
    assert [re.split(", (?:ends at|applies from) ", line)[0] for line in _told(world, first)] == [
        f"SecurityToken | Act | guardian: pause, {why}",
        "SecurityToken | Paused | scope transfers, account guardian",
        (
            "BridgeEscrow | Act | operator: propose_lane_terms for verifier of home-remote, "
            f"{why}; to be carried out by confirm_lane_terms"
        ),
        (
            f"BridgeEscrow | Lane terms proposed | act 0x{act[:16]}…, lane home-remote, verifier "
            "verifier of home-remote, second nobody, cap 77, limit 7"
        ),
        (
            "BridgeEscrow | Act | administrator-2: confirm_lane_terms for verifier of home-remote, "
            f"{why}"
        ),
        (
            "BridgeEscrow | Lane terms confirmed | lane home-remote, verifier verifier of "
            "home-remote, second nobody, cap 77, limit 7"
        ),
    ]


def test_releases_and_records_are_told_by_name(world: World) -> None:
    told = _told(world)
    (token,) = [line for line in told if "Release registered | release Security" in line]
    assert "release SecurityToken 1.0.0, kind SecurityToken, version 1.0.0, " in token
    assert token.endswith("migration hash none")
    (record,) = [line for line in told if "Record put in force" in line]
    assert "isin hash US0378331005, " in record
    assert "token SecurityToken on remote, " in record


def test_programs_are_told_the_events_as_they_are(world: World) -> None:
    world.home.token.pause(1, *_WHY, sender=world.home.guardian)
    told = log_dict(read_log(world.network.connection, "home"), world.network.connection)
    act, paused = told["events"][-2:]
    assert (act["event"], paused["event"]) == ("PrivilegedAct", "Paused")
    assert act["args"]["document"] == "0x" + "01" * 32
