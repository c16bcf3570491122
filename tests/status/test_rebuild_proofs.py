"""What a proof verifier keeps is in its logs, and what its storage holds beside is noticed."""

from __future__ import annotations

import pytest

from tallystick.bridge.outbox import page_word
from tallystick.status.ledger_log import compare, read_log
from tests.support.proofs import OPERATOR, Prover, Source
from tests.support.world import World, write_slot

pytestmark = pytest.mark.requirement("R-66")

VIEWS = {
    "QUORUM",
    "SOURCE_LEDGER",
    "SOURCE_ESCROW",
    "OUTBOX_SLOT",
    "operator",
    "number_of_root",
    "number_of_page",
}


@pytest.fixture
def prover(world: World) -> Prover:
    """Of the lane's next epoch at home; it knows a root by its header, one itself, and a page."""
    source = {"caip2": world.remote.chain.caip2, "escrow": str(world.remote.escrow.address)}
    prover = Prover(world.home.chain, **source)
    world.rotate(world.home, prover.verifier)
    made = Source.of_page(world.lane, 0, page_word([bytes(32)]), escrow=prover.escrow.lower())
    prover.show_header(made)
    prover.show_root(made.number + 1, b"\x01" * 32)
    prover.prove(made, world.lane, 0)
    return prover


def test_what_was_fixed_shown_and_proven_is_rebuilt(world: World, prover: Prover) -> None:
    log = read_log(world.network.connection, "home")
    rows = compare(log, log.facts())
    assert [row for row in rows if not row.same] == []
    ours = [row for row in rows if row.contract == "ProofVerifier"]
    assert {row.view for row in ours} == VIEWS
    assert [row.logs for row in ours if row.view == "number_of_root"] == [1_000, 1_001]
    assert [row.logs for row in ours if row.view == "operator"] == [OPERATOR]
    # Its quorum is nobody else's, and read with it.
    assert str(prover.quorum.address) in {row.address for row in rows}


def test_a_root_that_nobody_showed_is_noticed(world: World, prover: Prover) -> None:
    write_slot(prover.verifier, 7, "", "number_of_root", b"\x01" * 32)
    log = read_log(world.network.connection, "home")
    wrong = [row for row in compare(log, log.facts()) if not row.same]
    assert [(row.view, row.logs, row.chain) for row in wrong] == [("number_of_root", 1_001, 7)]
