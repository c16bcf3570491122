"""Three ledgers, two instruments and their model under random play; faults that it must find.

Each fault is a copy of a contract that lacks one thing, a lane that is another's, or attestors who
sign what is not final; the same machine finds it within the runs of a quick profile.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import pytest

from tests.stateful.many_machine import ManyLedgersMachine, staged
from tests.stateful.many_play import Play
from tests.stateful.many_stage import Stage
from tests.stateful.profiles import PARTS, Profile, chosen, play
from tests.support.weakened import lacking
from tests.support.world import read_slot, write_slot

NAME, PROFILE = chosen()
# Of the two ledgers' runs, each as long: here views are asked after every step.
SHARE: Final = 20
# In `deep` as many as are promised; it takes no more steps than the profile.
DEEP: Final = 1_000
QUICK: Final = Profile(runs=PARTS, steps=50, repeats=True, shrinks=False)

# What the runs of `ci` must have reached at least once; else the play is too tame.
REACHED: Final = {
    ("arm a ratio", "done"),
    ("ask a close", "done"),
    ("burn", "done"),
    ("burn", "lanes: more than issued here"),
    ("claim", "done"),
    ("claim", "transit: past its deadline"),
    ("deliver", "done"),
    ("deliver", "transit: before its lock time"),
    ("deliver", "transit: delivered already"),
    ("deliver", "transit: ratio not known here yet"),
    ("deliver", "transit: wrong direction"),
    ("close a lane", "done"),
    ("credit a false one", "done"),
    ("deliver a batch", "done"),
    ("deliver a corrupt batch", "verifier: wrong signature of a batch"),
    ("deliver a false one", "done"),
    ("deliver corrupt bytes", ""),
    ("deliver corrupt bytes", "transit: needs two attestations"),
    ("deliver corrupt bytes", "transit: of two epochs"),
    ("deliver corrupt bytes", "transit: one verifier alone"),
    ("deliver corrupt bytes", "verifier: bit without signer"),
    ("deliver corrupt bytes", "verifier: high s"),
    ("deliver corrupt bytes", "verifier: too few signatures"),
    ("deliver corrupt bytes", "verifier: trailing bytes"),
    ("deliver corrupt bytes", "verifier: wrong signature"),
    ("deny", "denials: it was sent"),
    ("deny", "done"),
    ("disown", "done"),
    ("disown what was credited", "done"),
    ("end a lane", "done"),
    ("lock", "done"),
    ("lock", "lanes: ended"),
    ("make good", "done"),
    ("pass over in a batch", "done"),
    ("pay dust", "closing: no dust to pay"),
    ("pay dust", "done"),
    ("pay who is listed", "done"),
    ("pay who is listed", "endings: paid already"),
    ("propose amends", "denials: made good already"),
    ("redirect", "done"),
    ("reorganise", "done"),
    ("reorganise", "across a ratio"),
    ("reopen", "done"),
    ("return", "done"),
    ("roll back", "done"),
    ("rotate", "done"),
    ("suspend", "done"),
    ("suspend in a batch", "done"),
    ("suspend over the limit", "done"),
    ("take a denial", "done"),
    ("tell a ratio", "done"),
    ("tell a ratio late", "done"),
    ("transfer", "done"),
    ("upgrade", "done"),
    # Dividends.
    ("announce a dividend", "done"),
    ("carry a lane", "done"),
    ("close with dust", "done"),
    ("correct a dividend", "done"),
    ("fix a lane", "cut: no figures, or two"),
    ("fix a lane", "done"),
    ("fix accounts", "book: day not closed"),
    ("fix accounts", "cut: closes in other units"),
    ("fund", "cut: not fixed yet"),
    ("fund", "done"),
    ("give up", "done"),
    ("pay a holder", "done"),
    ("pay a holder", "payments: not before payment day"),
    ("pay a holder", "payments: paid already"),
    ("pay all", "done"),
    ("pay for a message", "done"),
    ("pay for a message", "payments: not between ledgers then"),
    ("pay for a message", "payments: paid already"),
    ("pay for a message", "payments: went back"),
    ("pay for what came back", "done"),
    ("replace a peer", "done"),
    ("restate a close", "done"),
    ("take totals", "cut: too little notice"),
    ("take totals", "done"),
    ("tell a dividend late", "done"),
}


@pytest.mark.requirement(
    "INV-1",
    "INV-2",
    "INV-3",
    "INV-4",
    "INV-5",
    "INV-6",
    "INV-7",
    "INV-10",
    "INV-11",
    "INV-12",
    "INV-13",
    "R-46",
)
def test_all_ledgers_do_what_the_model_says() -> None:
    Play.outcomes.clear()
    runs = DEEP if NAME == "deep" else max(PROFILE.runs // SHARE, 2)
    play(ManyLedgersMachine, 0, PROFILE, name=NAME, runs=runs)
    if NAME == "ci" and "TALLYSTICK_HYPOTHESIS_SEED" not in os.environ:
        missing = sorted(REACHED - set(Play.outcomes))
        assert not missing, f"never reached: {missing}"


# ----------------------------------------------------------------------- planted faults

# What a contract lacks, by the file of its piece: reasons of assertions, or of otherwise.toml; and
# what is said.
LACKING: Final = {
    "a message lands twice": ("BridgeEscrow", "transit: delivered already", "delivered already"),
    "it lands before it left": (
        "BridgeEscrow",
        "transit: before its lock time",
        "before its lock time",
    ),
    "it goes back and stays": (
        "BridgeEscrowControls",
        "what was returned stays",
        "wait still",
    ),
    "it is claimed when it may go back": (
        "BridgeEscrow",
        "transit: past its deadline",
        "past its deadline",
    ),
    "a limit counts nothing": ("BridgeEscrow", "a limit counts nothing", "INV-11"),
    "a denial frees a nonce that was used": (
        "BridgeEscrowRecords",
        "a denial frees whatever took its nonce",
        "INV-3",
    ),
    "a ratio is applied to a lane twice": (
        "BridgeEscrowRatios",
        "a ratio is applied twice",
        "INV-2|more than|no dust",
    ),
    "a message lands in units of its source": (
        "BridgeEscrow",
        "a message lands as it left",
        "INV-|credited or not|^return",
    ),
    "anybody's signature counts": (
        "QuorumVerifier",
        "verifier: wrong signature",
        "verifier: wrong signature",
    ),
    "a batch lands twice": (
        "BridgeEscrow",
        "a batch is looked through before",
        "deliver a batch on",
    ),
    "one of two verifiers is enough": (
        "BridgeEscrow",
        "one of two verifiers is enough",
        "needs two attestations",
    ),
    "amends leave the books as they are": (
        "BridgeEscrowRecords",
        "what is made good stays in the books",
        "INV-2|made good|the models differ",
    ),
    "dust is paid while something waits": (
        "BridgeEscrowRatios",
        "closing: dust while a message waits",
        "pay dust|INV-12",
    ),
    "a lane closes with units away": (
        "BridgeEscrowRatios",
        "closing: units are outstanding",
        "units are outstanding",
    ),
    "who is listed is paid twice": (
        "BridgeEscrowRecords",
        "endings: paid already",
        "pay who is listed",
    ),
    "a past close is told in units of now": (
        "SecurityTokenControls",
        "a past close is told in units of now",
        "at the close of",
    ),
}


def found(stage: Stage, says: str) -> None:
    """The machine fails on such a stage, and says so."""
    weak = replace(stage, snapshots=stage.begin())

    class OnTheWeak(ManyLedgersMachine):
        upgrades = False

        @classmethod
        def stage(cls) -> Stage:
            return weak

    with pytest.raises(AssertionError, match=says):
        play(OnTheWeak, 0, QUICK, runs=30)


@contextmanager
def as_it_began() -> Iterator[Stage]:
    """The stage, undone afterwards."""
    stage = staged()
    for name, taken in stage.snapshots.items():
        stage.chains[name].restore(taken)
    with stage.isolated():
        yield stage


@pytest.mark.parametrize("fault", LACKING)
def test_a_contract_that_lacks_a_thing_is_found(fault: str) -> None:
    piece, check, says = LACKING[fault]
    with as_it_began() as stage, lacking(stage, piece, check):
        found(stage, says)


# Of engines, the same.
UNPAID: Final = {
    "a holder is paid twice": ("ActionsEngine", "payments: paid already", "paid already"),
    "a holder is paid in units of now": (
        "ActionsEngine",
        "a holder is paid for its units in those of now",
        "INV-6|more units than fixed",
    ),
    "what was on an account at the close is paid for as under way": (
        "ActionsEngine",
        "payments: not between ledgers then",
        "not between ledgers then",
    ),
    "what went back is paid for where it was bound for": (
        "ActionsEngine",
        "payments: went back",
        "went back",
    ),
    "what came back is paid for with others' cash": (
        "ActionsEngineFractions",
        "what came back is paid of the cash that is here",
        "INV-6",
    ),
    "a payment begins before its day": (
        "ActionsEngine",
        "payments: not before payment day",
        "not before payment day",
    ),
    "what is under way is counted twice": (
        "ActionsEngineControls",
        "what is under way home is counted twice",
        "INV-6",
    ),
    "what waits is on accounts too": (
        "ActionsEngineControls",
        "what waits is on accounts too",
        "INV-6",
    ),
    "what a late ledger sent in old units counts in new ones": (
        "ActionsEngineControls",
        "what was sent counts on over a ratio",
        "INV-6|figures do not fit",
    ),
    "home's close is fixed in other units": (
        "ActionsEngineControls",
        "cut: closes in other units",
        "closes in other units",
    ),
    "totals count without notice": (
        "ActionsEngineControls",
        "cut: too little notice",
        "too little notice",
    ),
}


@pytest.mark.parametrize("fault", UNPAID)
def test_an_engine_that_lacks_a_thing_is_found(fault: str) -> None:
    piece, check, says = UNPAID[fault]
    with as_it_began() as stage, lacking(stage, piece, check):
        found(stage, says)


def test_a_lane_that_credits_the_other_instrument_is_found() -> None:
    with as_it_began() as stage:
        first, second = stage.instruments
        side = stage.side_of[first, "remote"]
        words = [
            read_slot(side.escrow, "lanes", "_terms", stage.lane[isin, "remote"])
            for isin in (first, second)
        ]
        low = 2**160 - 1
        mixed = words[1] & ~low | words[0] & low
        write_slot(side.escrow, mixed, "lanes", "_terms", stage.lane[second, "remote"])
        found(stage, "INV-|the model says")


def test_a_payment_for_what_was_reorganised_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attestors sign what is not final yet."""
    monkeypatch.setattr(Play, "is_final", lambda *_: True)
    with as_it_began() as stage:
        found(stage, "INV-1")
