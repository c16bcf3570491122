"""The whole token under random play; that no function was left out; that a fault is found."""

from __future__ import annotations

import ast
import os
import re
from dataclasses import replace
from typing import Any, Final

import pytest

from tallystick.build import artifact
from tests.stateful.profiles import Profile, chosen, play
from tests.support.closings import opening_key
from tests.support.weakened import lacking
from tests.support.world import AMOUNT_MAX, DAY, ROOT, read_slot, write_slot
from tests.token.token_play import TokenPlay
from tests.token.token_rules import TokenMachine
from tests.token.token_stage import Stage

NAME, PROFILE = chosen()
PARTS: Final = 2
# Of the two ledgers' runs; here every view is asked after every step.
SHARE: Final = 60

# What a live token always refuses: a second beginning (tests/token/test_token_setup.py has the
# first), and a reason without its document, which is no statement.
NEVER_DONE: Final = {
    "initialize(string,string,uint8,string,bool,uint256,address)",
    "mint(address,uint256,bytes4)",
    "burn(address,uint256,bytes4)",
    "batchMint(address[],uint256[],bytes4)",
    "setFrozenTokens(address,uint256,bytes4)",
    "setAddressFrozen(address,bool,bytes4)",
    "batchSetAddressFrozen(address[],bool[],bytes4)",
}
# Reasons in the token's sources that no call of a live home token gives, and why.
NEVER_GIVEN: Final = {
    "access: no set-up key": "a constructor's",
    "access: no account": "administrators name an account",
    "access: set-up key holds a role": "of a set-up that nobody finishes",
    "access: missing role or set-up": "of no function of the token",
    "book: more than the balance": "every caller has checked it before",
    "book: no account": "of a view",
    "book: walk too long, give a hint": "of a view that gets the right hint",
    "issuance: supply out of range": "at home the supply is within what was authorised",
    "ratios: no epoch left": "after 127 ratios",
    "token: controls have no code": "a constructor's",
    "token: settings have no code": "a constructor's",
    "token: more than 18 decimals": "an initialiser's",
    "token: no minute of a day": "an initialiser's",
    "token: not an ISIN": "an initialiser's",
    "token: no such function": "of no function",
}


def functions(*, constant: bool) -> set[str]:
    """The external functions of the merged ABI, each overload; views, or all others."""
    found = set()
    for entry in artifact("SecurityToken").abi:
        if entry["type"] == "function":
            is_view = entry["stateMutability"] in ("view", "pure")
            if is_view == constant:
                types = ",".join(str(each["type"]) for each in entry["inputs"])
                found.add(f"{entry['name']}({types})")
    return found


@pytest.fixture(autouse=True)
def counted() -> None:
    """Calls of this test alone."""
    TokenPlay.stage_set()
    TokenPlay.called.clear()
    TokenPlay.asked.clear()


@pytest.mark.requirement("INV-5", "INV-9", "R-10", "R-14")
def test_every_function_does_what_the_model_says() -> None:
    for part in range(PARTS):
        play(TokenMachine, part, PROFILE, name=NAME, runs=max(PROFILE.runs // SHARE, 2))
    # For each mutant of tools/mutation there are too few runs for that.
    if NAME != "mutation":
        assert functions(constant=True) == TokenPlay.asked, "views that are never compared"
    if not PROFILE.repeats or NAME != "ci" or "TALLYSTICK_HYPOTHESIS_SEED" in os.environ:
        # What other draws reach is theirs.
        return
    # What a function did in the set-up, a rule need not reach again.
    ends = {
        called: {end for rule, end in each if rule != "set up"}
        for called, each in TokenPlay.called.items()
    }
    assert not functions(constant=False) - {called for called, each in ends.items() if each}
    # The set-up of this very token ended by a call that its model judged.
    never = {*NEVER_DONE, "hand_over(bytes4,bytes32)"}
    done = {called for called, each in ends.items() if "done" in each}
    assert functions(constant=False) - done == never


def test_the_model_knows_every_reason_of_the_token() -> None:
    """A check that is new in a contract fails here until the model decides when it refuses."""
    modules = [*ROOT.glob("contracts/token/*.vy")]
    modules += [ROOT / f"contracts/governance/{each}.vy" for each in ("access", "stops")]
    modules.append(ROOT / "contracts/governance/instruction.vy")
    given = {
        reason
        for path in modules
        for reason in re.findall(r'(?:,|raise)\s+"(\w+: [^"]+)"', path.read_text())
    }
    known = set()
    for name in ("support/token_model", "support/token_state", "support/closings"):
        known |= _literals(f"tests/{name}.py")
    known |= _literals("tests/stateful/roles.py") | _literals("tests/stateful/model.py")
    known |= _literals("tests/token/token_play.py") | _literals("tests/token/token_checks.py")
    assert len(given) > 90
    assert given - known == set(NEVER_GIVEN)
    assert set(NEVER_GIVEN) <= given


def _literals(path: str) -> set[str]:
    """The strings in a file; of a formatted one all that it can be here."""
    tree = ast.parse((ROOT / path).read_text())
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


# ----------------------------------------------------------------------- planted faults

# The piece whose check is thrown, and the check.
LACKING: Final = {
    "a suspended instrument moves": ("SecurityToken", "controls: suspended"),
    "orders' units are set free": ("SecurityTokenControls", "controls: orders block more"),
    "a ratio comes before one announced": ("SecurityTokenSettings", "ratios: not the latest day"),
}


@pytest.mark.parametrize("fault", LACKING)
def test_a_token_that_lacks_a_check_is_found(fault: str) -> None:
    piece, check = LACKING[fault]
    stage = TokenPlay.stage_set()
    for chain in (stage.side.chain,):
        chain.restore(stage.snapshot)
    with lacking(stage.world, piece, check):
        weak = replace(stage, snapshot=stage.side.chain.snapshot())

        class OnTheWeak(TokenMachine):
            @classmethod
            def stage(cls) -> Stage:
                return weak

        quick = Profile(runs=1, steps=50, repeats=True, shrinks=False)
        with pytest.raises(AssertionError) as caught:
            play(OnTheWeak, 0, quick, runs=40)
    # Hypothesis plays what failed once more, and tells of that first.
    told = list[str]()
    error: BaseException | None = caught.value
    while error is not None:
        told.append(str(error))
        error = error.__context__
    assert any(f"the model says {check}, the token " in each for each in told), told


@pytest.fixture
def playing() -> TokenPlay:
    """Some days of business, over a ratio that left remainders."""
    two = TokenPlay(TokenPlay.stage_set())
    two.on_time()
    two.announce_ratio((1, 3), two.model.day + 3, "buyer")
    two.transfer("investor", "buyer", 10**6)
    two.pass_days(3, late=False)
    two.transfer("investor", "buyer", 5)
    two.approve("buyer", "bridge", 7)
    two.pass_days(1, late=False)
    two.propose_bridge("bridge", AMOUNT_MAX, AMOUNT_MAX, "registrar")
    two.set_bridge("bridge", AMOUNT_MAX, AMOUNT_MAX, "custodian")
    two.wait(two.side.chain.now + DAY)
    two.bridge_moves("crosschainBurn", "buyer", 7)
    two.pass_days(1, late=False)
    two.check()
    assert two.model.epoch == 1
    assert two.model.written[1] != 0
    return two


def _opening(two: TokenPlay) -> None:
    """History rewritten."""
    last = max(two.model.holdings[two.address("buyer")].moved)
    key = opening_key(two.address("buyer"), last % 8)
    _add(two, 1, "_openings", key)


def _add(two: TokenPlay, by: int, variable: str, *keys: Any) -> None:
    token = two.stage.token
    write_slot(token, read_slot(token, "book", variable, *keys) + by, "book", variable, *keys)


PLANTED: Final = {
    "history rewritten": (_opening, "at the close of"),
    "a remainder lost": (lambda two: _add(two, -1, "_remainders", 1), "remainders of 1"),
    "suspended by nobody": (lambda two: _add(two, 1 << 247, "_issue"), "paused"),
    "a pool that nobody made": (
        lambda two: _add(two, 1 << 255, "_positions", two.address("buyer")),
        "buyer: .until, frozen, link, pool",
    ),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(playing: TokenPlay, fault: str) -> None:
    plant, said = PLANTED[fault]
    plant(playing)
    with pytest.raises(AssertionError, match=said):
        playing.check()


def test_amounts_of_the_whole_field_follow() -> None:
    """The largest supply, dissected and multiplied: nothing wraps."""
    two = TokenPlay(TokenPlay.stage_set())
    two.on_time()
    model = two.model
    two.authorise(AMOUNT_MAX - model.authorised, "notary")
    two.mint(["buyer"], [AMOUNT_MAX - model.supply])
    for ahead, fraction in ((3, (1, 3)), (4, (7, 5)), (5, (2, 1))):
        two.announce_ratio(fraction, model.day + ahead, "buyer")
    for _ in range(6):
        two.pass_days(1, late=False)
        two.check()
    assert model.epoch == 3
    two.transfer("buyer", "investor", 10**30)
    two.check()


def test_units_that_are_redeemed_follow(playing: TokenPlay) -> None:
    """After a ratio that left remainders, with units at a bridge, nothing is left."""
    two, model = playing, playing.model
    two.freeze(["investor"], [7])
    two.authorise(1_000, "notary")
    two.announce_ratio((0, 1), model.day + 3, "buyer")
    two.announce_ratio((4, 1), model.day + 9, "buyer")
    two.authorise(1, "notary")
    two.mint(["buyer"], [1])
    for _ in range(4):
        two.pass_days(1, late=False)
        two.check()
    assert (model.epoch, model.supply, model.authorised, model.bridged) == (2, 0, 0, 0)
    two.transfer("buyer", "investor", 1)
    two.transfer("buyer", "investor", 0)
    two.authorise(1, "notary")
    two.announce_ratio((4, 1), model.day + 9, "buyer")
    two.pass_days(1, late=True)
    two.check()
