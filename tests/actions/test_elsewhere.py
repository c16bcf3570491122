"""Units with other people's bridges: counted by each ledger, a part of their own of the issue."""

from __future__ import annotations

import pytest

from tallystick.actions.message import Figures
from tallystick.chain import Contract
from tests.actions.test_fixing import share, spread
from tests.support.actions import ACCOUNTS, APPLE, COAF, Actions, Third
from tests.support.world import DAY, ISSUE, STATED, UINT_MAX, Side, refused

pytestmark = pytest.mark.requirement("R-41", "INV-6")

CLOSE = APPLE.record_day
# What `spread` leaves: to land at home, of accounts there, to land there.
LANDING, THERE, LEAVING = 5 + 42, 1_000 - 97, 20 + 300
OWED = LANDING + THERE + LEAVING


@pytest.fixture
def announced(actions: Actions) -> Actions:
    """The dividend is known on both ledgers, and units are everywhere."""
    actions.take(actions.in_force(APPLE))
    spread(actions)
    return actions


@pytest.fixture
def bridges(announced: Actions) -> dict[str, Contract]:
    """One of somebody else's on each ledger, which may carry what it likes."""
    home, remote = announced.home, announced.remote
    found = {side.chain.name: side.foreign_bridge() for side in (home, remote)}
    for side in (home, remote):
        side.token.approve(found[side.chain.name], UINT_MAX, sender=side.investor)
        # Both began this day; the record day is not over.
        assert side.token.business_day() < CLOSE
    return found


def carry(side: Side, bridge: Contract, amount: int) -> None:
    """So much comes with a bridge, or goes."""
    act = side.token.crosschainMint if amount > 0 else side.token.crosschainBurn
    act(side.investor, abs(amount), sender=bridge.address)


def key(actions: Actions) -> bytes:
    """Under what name home keeps what is with other bridges."""
    return bytes.fromhex(str(actions.home.token.address)[2:]).rjust(32, b"\0")


def elsewhere(actions: Actions) -> tuple[bool, int]:
    """Whether that is fixed, and how much it is."""
    fixed, units, accounts, crossing = share(actions, key(actions))
    assert (accounts, crossing) == (0, 0)
    return fixed, units


def cut(actions: Actions) -> tuple[int, ...]:
    """Past the close all is told, fixed and taken; the parts of the issue."""
    actions.close(CLOSE)
    actions.fix(APPLE)
    actions.take_figures(actions.figures(CLOSE))
    actions.fix_lane(APPLE)
    actions.take_totals(APPLE)
    fixed, units = elsewhere(actions)
    assert fixed == (units != 0)
    own = share(actions, ACCOUNTS)[2]
    parts = (own, units, *share(actions, actions.world.lane)[1:])
    stands = actions.home.token
    issue = stands.supply_at_close(CLOSE, 0) + -stands.came_at_close(CLOSE, 0) % 2**104
    assert sum(parts) == issue
    return parts


# ------------------------------------------------------------- rows of the attack on the design


def test_a_foreign_bridge_mints_1_base_unit_on_a_remote(
    announced: Actions, bridges: dict[str, Contract]
) -> None:
    """It went out at home: nothing is out of place, and every event goes on."""
    carry(announced.home, bridges["home"], -1)
    carry(announced.remote, bridges["remote"], 1)
    assert cut(announced) == (ISSUE - OWED - 1, 0, LANDING, THERE + 1, LEAVING)


def test_a_foreign_bridge_burns_30_abroad(announced: Actions, bridges: dict[str, Contract]) -> None:
    """They are with that bridge, and not under way for ever."""
    carry(announced.remote, bridges["remote"], -30)
    assert cut(announced) == (ISSUE - OWED, 30, LANDING, THERE - 30, LEAVING)


def test_redemption_of_40_abroad_is_refused(announced: Actions) -> None:
    """Nor is anything issued there: lanes and other bridges alone move a remote supply."""
    side = announced.remote
    side.token.approve(side.issuer, 40, sender=side.investor)
    with refused(announced.world, "issuance: redemption is at home"):
        side.token.burn(side.investor, 40, *STATED, sender=side.issuer)
    with refused(announced.world, "issuance: not authorised"):
        side.token.mint(side.investor, 1, *STATED, sender=side.issuer)
    with refused(announced.world, "issuance: not the home ledger"):
        side.token.authorise_issuance(1, *STATED, sender=side.notary)


def test_nothing_but_messages_moves_what_home_owes_a_lane(announced: Actions) -> None:
    """Nobody gives custody units or takes them, with whatever rights."""
    side = announced.home
    custody, bridge = side.custody, side.foreign_bridge()
    cannot = {"error": "ERC7943CannotReceive", "args": (custody.address,)}
    with refused(announced.world, **cannot):
        side.token.transfer(custody, 1, sender=side.investor)
    side.token.authorise_issuance(1, *STATED, sender=side.notary)
    with refused(announced.world, **cannot):
        side.token.mint(custody, 1, *STATED, sender=side.issuer)
    carry_out = side.token.crosschainBurn
    side.token.approve(bridge, 1, sender=side.investor)
    carry_out(side.investor, 1, sender=bridge.address)
    with refused(announced.world, **cannot):
        side.token.crosschainMint(custody, 1, sender=bridge.address)
    short = (bridge.address, 0, 1)
    with refused(announced.world, error="ERC20InsufficientAllowance", args=short):
        carry_out(custody, 1, sender=bridge.address)
    with refused(announced.world, error="ERC7943CannotSend", args=(custody.address,)):
        side.token.burn(custody, 1, *STATED, sender=side.issuer)


# --------------------------------------------------------------------------- what is elsewhere


def test_units_that_left_with_a_bridge_at_home_are_with_it(
    announced: Actions, bridges: dict[str, Contract]
) -> None:
    carry(announced.home, bridges["home"], -500)
    carry(announced.remote, bridges["remote"], 120)
    carry(announced.remote, bridges["remote"], -10)
    assert cut(announced) == (ISSUE - OWED - 500, 390, LANDING, THERE + 110, LEAVING)


def test_what_is_carried_after_the_close_changes_nothing(
    announced: Actions, bridges: dict[str, Contract]
) -> None:
    carry(announced.home, bridges["home"], -500)
    carry(announced.remote, bridges["remote"], 120)
    announced.close(CLOSE)
    announced.world.synchronise()
    for _ in range(12):
        carry(announced.home, bridges["home"], -3)
        carry(announced.remote, bridges["remote"], 2)
        for side in (announced.home, announced.remote):
            side.chain.advance(DAY)
    first, lane = CLOSE + 1, announced.world.lane
    with refused(announced.world, "book: not kept, or give a hint"):
        announced.fix(APPLE, first, (0,))
    receipt = announced.fix(APPLE, first, (0,), came_hint=first)
    assert receipt.one("EventFixed").args["elsewhere"] == 500
    with refused(announced.world, "book: not kept, or give a hint"):
        announced.send_figures(CLOSE, hints=(first, 0, 0, 0))
    told = announced.send_figures(CLOSE, hints=(first, 0, 0, first)).one("FiguresSent").figures
    assert (told.supply, told.came) == (THERE + 20 + 120, 120)
    announced.take_figures(Figures(*told))
    announced.fix_lane(APPLE)
    assert share(announced, lane) == (True, LANDING, THERE + 120, LEAVING)
    assert elsewhere(announced) == (True, 380)


def test_units_from_nowhere_split_nothing(announced: Actions, bridges: dict[str, Contract]) -> None:
    """A bridge mints abroad what never left: that lane waits, home's accounts don't."""
    carry(announced.home, bridges["home"], -6)
    carry(announced.remote, bridges["remote"], 7)
    announced.close(CLOSE)
    announced.fix(APPLE)
    announced.take_figures(announced.figures(CLOSE))
    with refused(announced.world, "cut: figures do not fit"):
        announced.fix_lane(APPLE)
    assert share(announced, ACCOUNTS) == (True, 0, ISSUE - OWED - 6, 0)
    assert elsewhere(announced) == (False, 6)


@pytest.mark.requirement("R-14")
@pytest.mark.parametrize("came", [51, 2**104 - THERE - LEAVING - 1, 2**103])
def test_a_lie_of_what_came_that_does_not_fit_splits_nothing(
    announced: Actions, bridges: dict[str, Contract], came: int
) -> None:
    """More than is elsewhere, or more gone than was ever sent there."""
    carry(announced.home, bridges["home"], -50)
    announced.close(CLOSE)
    announced.fix(APPLE)
    supply = THERE + 20 + (came if came < 100 else 0)
    announced.take_figures(announced.figures(CLOSE, came=came, supply=supply))
    with refused(announced.world, "cut: figures do not fit"):
        announced.fix_lane(APPLE)


@pytest.mark.requirement("INV-7")
@pytest.mark.parametrize("came", [-THERE - 20, -30, 0, 50])
def test_a_lie_that_fits_reaches_what_is_elsewhere_and_no_account_of_another_lane(
    announced: Actions, bridges: dict[str, Contract], came: int
) -> None:
    carry(announced.home, bridges["home"], -50)
    announced.close(CLOSE)
    announced.fix(APPLE)
    supply = THERE + 20 + came
    lie = announced.figures(CLOSE, came=came % 2**104, supply=supply, suspense=min(supply, 20))
    announced.take_figures(lie)
    announced.fix_lane(APPLE)
    parts = share(announced, announced.world.lane)[1:]
    assert (sum(parts), elsewhere(announced)) == (OWED + came, (came != 50, 50 - came))
    assert share(announced, ACCOUNTS) == (True, 0, ISSUE - OWED - 50, 0)


# -------------------------------------------------------------------------- lane after lane


@pytest.fixture
def third(announced: Actions, bridges: dict[str, Contract]) -> Third:
    """A third ledger with 40 units of the lane; a bridge took 50 out at home."""
    third = Third.joins(announced)
    third.lock(40)
    carry(announced.home, bridges["home"], -50)
    return third


def test_one_remote_s_units_came_from_another_s(
    announced: Actions, bridges: dict[str, Contract], third: Third
) -> None:
    """A lane that takes more than is there waits till another has added its own."""
    carry(announced.remote, bridges["remote"], 75)
    announced.close(CLOSE)
    announced.fix(APPLE)
    announced.take_figures(announced.figures(CLOSE))
    with refused(announced.world, "cut: figures do not fit"):
        announced.fix_lane(APPLE)
    third.take_figures(third.figures(CLOSE, supply=10, came=2**104 - 30))
    receipt = third.fix(APPLE)
    assert receipt.one("LaneFixed").args["elsewhere"] == 80
    assert not receipt.named("ElsewhereFixed")
    assert elsewhere(announced) == (False, 80)
    receipt = announced.fix_lane(APPLE)
    assert receipt.one("ElsewhereFixed").args["units"] == 5
    assert elsewhere(announced) == (True, 5)
    assert share(announced, announced.world.lane) == (True, LANDING, THERE + 75, LEAVING)
    assert share(announced, third.lane) == (True, 0, 10, 0)


@pytest.mark.requirement("R-51", "INV-7")
def test_what_is_elsewhere_is_funded_once_no_lane_waits(announced: Actions, third: Third) -> None:
    actions, side = announced, announced.home
    actions.close(CLOSE)
    actions.fix(APPLE)
    actions.set_pay_terms(side)
    actions.give_cash(side, side.paying_agent)
    actions.take_figures(actions.figures(CLOSE))
    actions.fix_lane(APPLE)
    actions.fund(side, APPLE)
    with refused(actions.world, "cut: not fixed yet"):
        actions.fund(side, APPLE, key(actions))
    third.take_figures(third.figures(CLOSE, supply=60, came=20))
    third.fix(APPLE)
    receipt = actions.fund(side, APPLE, key(actions))
    assert receipt.return_value == 30 * 41 // 50
    assert tuple(side.engine.part_of(COAF, key(actions))) == (True, 30, 30 * 41 // 50)


@pytest.mark.parametrize("came", [0, 20])
def test_a_lane_opened_since_then_brings_nothing_of_what_is_elsewhere(
    announced: Actions, bridges: dict[str, Contract], came: int
) -> None:
    carry(announced.home, bridges["home"], -50)
    cut(announced)
    late = Third.joins(announced)
    late.take_figures(late.figures(CLOSE, supply=came, came=came))
    if came:
        with refused(announced.world, "cut: what is elsewhere is fixed"):
            late.fix(APPLE)
    else:
        assert not late.fix(APPLE).named("ElsewhereFixed")
    assert elsewhere(announced) == (True, 50)
    assert share(announced, late.lane) == (not came, 0, 0, 0)


def test_elsewhere_is_at_home_alone(announced: Actions) -> None:
    cut(announced)
    side = announced.remote
    announced.set_pay_terms(side)
    with refused(announced.world, "figures: of another's lane"):
        announced.fund(side, APPLE, key(announced))
    at_remote = bytes.fromhex(str(side.token.address)[2:]).rjust(32, b"\0")
    with refused(announced.world, "figures: of another's lane"):
        announced.fund(side, APPLE, at_remote)


# ------------------------------------------------------------------------ a day's books


def reconcile(actions: Actions, lane: bytes) -> None:
    """Anybody has home compare what a lane's ledger told of the close, without an event."""
    home = actions.home
    home.engine.reconcile(lane, CLOSE, (0, 0, 0), 0, sender=home.attacker)


@pytest.mark.requirement("R-13")
@pytest.mark.parametrize(("came", "fits"), [(50, True), (51, False), (-THERE, True)])
def test_books_of_a_day_fit_with_what_bridges_took_out_of_home(
    announced: Actions, bridges: dict[str, Contract], came: int, fits: bool
) -> None:
    """No event is fixed for it; what came abroad and never left home is a break."""
    carry(announced.home, bridges["home"], -50)
    announced.close(CLOSE)
    lane = announced.world.lane
    supply = THERE + 20 + came
    announced.take_figures(announced.figures(CLOSE, came=came % 2**104, supply=supply))
    if fits:
        reconcile(announced, lane)
        assert announced.home.engine.reconciliation_of(lane).day == CLOSE
    else:
        with refused(announced.world, "cut: figures do not fit"):
            reconcile(announced, lane)
        assert announced.home.engine.reconciliation_of(lane).day == 0


@pytest.mark.requirement("R-13")
def test_books_of_a_day_fit_once_the_ledger_that_units_left_has_told(
    announced: Actions, bridges: dict[str, Contract], third: Third
) -> None:
    carry(announced.remote, bridges["remote"], 75)
    announced.close(CLOSE)
    announced.take_figures(announced.figures(CLOSE))
    with refused(announced.world, "cut: figures do not fit"):
        reconcile(announced, announced.world.lane)
    third.take_figures(third.figures(CLOSE, supply=10, came=2**104 - 30))
    for lane in (announced.world.lane, third.lane):
        reconcile(announced, lane)
