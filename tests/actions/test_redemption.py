"""Redemption over ledgers: units end against cash that is there, everywhere; else they stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tallystick.actions.message import RatioState, Status
from tallystick.bridge.message import message_of, party
from tallystick.bridge.preview import Obstacle
from tests.support import closing
from tests.support.actions import ACCOUNTS, COAF, STATUTORY, begin
from tests.support.arming import ANNOUNCE, CLOSE, RATIO_REASON
from tests.support.dividend import (
    HOMEWARD,
    OUTWARD,
    WAITING,
    crossed,
    holders,
)
from tests.support.redeeming import NOTICE, WHOLE, Redemption
from tests.support.world import DAY, INVESTOR_UNITS, STATED, ZERO, World, refused

ISSUE = INVESTOR_UNITS + 10**11


@pytest.fixture(scope="module")
def fixed_redemption(deployed_world: World) -> Iterator[Redemption]:
    with deployed_world.isolated():
        yield Redemption.fixed(deployed_world)


@pytest.fixture
def redemption(fixed_redemption: Redemption) -> Iterator[Redemption]:
    """A redemption fixed on both ledgers."""
    with fixed_redemption.dividend.isolated():
        yield fixed_redemption


def units(redemption: Redemption) -> list[int]:
    """What there is on each ledger, what is owed to the lane at either end, and waits there."""
    lane, found = redemption.dividend.lane, []
    for side in redemption.sides:
        state = side.escrow.lane_state(lane)
        found += [side.token.totalSupply(), state.outstanding, state.suspense]
    return found


# ----------------------------------------------------------------------------- against cash


@pytest.mark.requirement("INV-12")
def test_once_all_is_funded_anyone_has_home_end_the_units(redemption: Redemption) -> None:
    home, _ = redemption.sides
    receipt = redemption.funded().redeem()
    first, record = redemption.first_day, redemption.record
    why = (RATIO_REASON, record.hash)
    token = home.token
    assert receipt.events == (
        home.engine.emitted("RatioArmed", COAF, 1, 1, first),
        token.emitted("PrivilegedAct", token.method(CLOSE).selector, ZERO, home.engine, *why),
        token.emitted("CloseAnnounced", first - 1),
        token.emitted("PrivilegedAct", token.method(ANNOUNCE).selector, ZERO, home.engine, *why),
        token.emitted("RatioAnnounced", first, 0, 1, ZERO),
        redemption.arming.told_event(home, redemption.ratio()),
    )
    assert redemption.arming.standing(home, record) == redemption.ratio()
    with redemption.dividend.refused("arming: armed already"):
        redemption.redeem()


@pytest.mark.requirement("INV-6", "INV-12")
def test_units_end_on_both_ledgers_and_everybody_is_paid_once(redemption: Redemption) -> None:
    dividend = redemption.funded().armed().dividend
    home = redemption.sides[0]
    before = units(redemption)
    assert min(before[:2]) > 0
    redemption.ended()
    assert units(redemption) == [0] * 6
    assert (home.token.authorised(), home.token.action_epoch()) == (0, 1)
    # What is under way ends where it was bound for, as nothing, which is what its claim asks.
    for message, amount in ((dividend.outward, OUTWARD), (dividend.homeward, HOMEWARD)):
        side = dividend.world.side_of(message)
        receipt = dividend.world.deliver(message)
        assert receipt.one("NothingLanded").amount == amount
        assert side.balance(message.recipient[-20:]) == 0
    dividend.lands_waiting()
    for side, account, held in holders(dividend):
        receipt = dividend.actions.claim(side, account)
        assert receipt.events == dividend.paid(side, account, held)
    for side, account, message in crossed(dividend):
        receipt = dividend.actions.claim_crossed(side, message, account)
        assert receipt.events == dividend.paid(
            side, account, message.amount, STATUTORY, message=message
        )
    for side, lane, _ in dividend.parts:
        assert dividend.part(side, lane)[1] == 0
    assert units(redemption) == [0] * 6
    with dividend.refused("payments: paid already"):
        dividend.actions.claim(home, home.investor)


@pytest.mark.requirement("INV-12")
def test_nothing_is_locked_burned_issued_or_announced_after_it(redemption: Redemption) -> None:
    redemption.funded().armed().ended()
    home, remote = redemption.sides
    world, lane = redemption.dividend.world, redemption.dividend.lane
    with refused(world, "issuance: units are redeemed"):
        home.token.authorise_issuance(1, *STATED, sender=home.notary)
    with refused(world, "issuance: not authorised"):
        home.token.mint(home.investor, 1, *STATED, sender=home.issuer)
    short = Obstacle.TOO_FEW
    for side, act, why in (
        (home, "can_lock", short),
        (remote, "can_burn", short | Obstacle.NO_ROOM),
    ):
        assert side.balance(side.investor) == 0
        asked = (lane, side.investor, party(side.fund.address), 1, side.chain.now + DAY)
        assert getattr(side.escrow, act)(*asked) == why


def test_the_lane_is_carried_over_it_and_its_books_fit_since(redemption: Redemption) -> None:
    redemption.funded().armed().ended()
    dividend, arming = redemption.dividend, redemption.arming
    last = redemption.first_day - 1
    dividend.actions.take_figures(arming.figures(last))
    base = arming.carry(1).one("LaneCarried").args["base"]
    assert (base.carried, base.came, base.more, base.is_carried) == (0, 0, 0, True)
    dividend.world.deliver(dividend.outward)
    dividend.world.deliver(dividend.homeward)
    dividend.begin(redemption.first_day + 1)
    dividend.actions.take_figures(arming.figures(redemption.first_day))
    dividend.actions.reconcile(redemption.first_day)
    found = dividend.home.engine.reconciliation_of(dividend.lane)
    assert (found.day, found.may_land) == (redemption.first_day, 0)


def test_once_all_has_landed_the_lane_is_closed_and_claims_go_on(redemption: Redemption) -> None:
    dividend = redemption.funded().armed().ended().dividend
    world = dividend.world
    closing.begin(world)
    for message in (dividend.outward, dividend.homeward):
        world.deliver(message)
    dividend.lands_waiting()
    closing.take_last(world, closing.say(world))
    answer = message_of(closing.close(world, dividend.remote).one("MessageSent"))
    closing.take_last(world, answer)
    closing.close(world, dividend.home)
    for side, account, message in crossed(dividend):
        receipt = dividend.actions.claim_crossed(side, message, account)
        assert receipt.one("Paid").payment.units == message.amount
    for side, account, held in holders(dividend):
        assert dividend.actions.claim(side, account).one("Paid").payment.units == held


# ------------------------------------------------------------------------- the units stay


@pytest.mark.parametrize("missing", range(4))
@pytest.mark.requirement("R-51")
def test_unless_every_part_is_funded_in_full_the_units_stay(
    redemption: Redemption, missing: int
) -> None:
    dividend = redemption.dividend
    parts = list(dividend.parts)
    for number, (side, lane, _) in enumerate(parts):
        most = dividend.due(parts[number][2]).gross - 1 if number == missing else 2**256 - 1
        dividend.actions.fund(side, redemption.record, lane, most)
    dividend.begin(redemption.record.payment_day)
    reason = (
        "redemption: home's accounts not funded",
        "redemption: a lane's part not funded",
        "redemption: other ledger not funded",
        "redemption: other ledger not funded",
    )[missing]
    if missing < 2:
        dividend.actions.take_paid(dividend.actions.paid())
    else:
        with dividend.refused("paid: nothing was paid"):
            dividend.actions.paid()
    with dividend.refused(reason):
        redemption.redeem()
    dividend.begin(redemption.first_day + 9)
    assert dividend.home.token.totalSupply() == ISSUE
    # The last smallest unit comes in: late, and in time.
    side, lane, _ = parts[missing]
    dividend.actions.fund(side, redemption.record, lane)
    if missing >= 2:
        with dividend.refused(reason):
            redemption.redeem()
        dividend.actions.take_paid(dividend.actions.paid())
    redemption.redeem()


def test_it_waits_for_the_payment_day(redemption: Redemption) -> None:
    dividend = redemption.dividend.fund()
    dividend.actions.take_paid(dividend.actions.paid())
    dividend.begin(redemption.record.payment_day - 1)
    with dividend.refused("redemption: not before payment day"):
        redemption.redeem()
    dividend.begin(redemption.record.payment_day)
    redemption.redeem()


def test_not_after_a_hundred_days(redemption: Redemption) -> None:
    dividend = redemption.funded().dividend
    begin(dividend.home, redemption.record.record_day + 100)
    with dividend.isolated():
        redemption.redeem()
    begin(dividend.home, redemption.record.record_day + 101)
    with dividend.refused("redemption: too long ago"):
        redemption.redeem()


def test_what_was_issued_since_is_burned_first(redemption: Redemption) -> None:
    dividend = redemption.funded().dividend
    home = dividend.home
    home.token.authorise_issuance(5, *STATED, sender=home.notary)
    home.token.mint(home.fund, 5, *STATED, sender=home.issuer)
    with dividend.refused("redemption: units issued since"):
        redemption.redeem()
    home.token.approve(home.issuer, 5, sender=home.fund)
    home.token.burn(home.fund, 4, *STATED, sender=home.issuer)
    with dividend.refused("redemption: units issued since"):
        redemption.redeem()
    home.token.burn(home.fund, 1, *STATED, sender=home.issuer)
    redemption.redeem()


def test_only_home_arms_it_and_not_as_a_split(redemption: Redemption) -> None:
    redemption.funded()
    home, remote = redemption.sides
    with redemption.dividend.refused("events: at home only"):
        remote.engine.redeem(COAF, (0, 0), sender=remote.courier)
    with redemption.dividend.refused("arming: redeemed once funded"):
        redemption.arming.arm(redemption.record)
    with redemption.dividend.refused("events: none, or cancelled"):
        home.engine.redeem(bytes(32), (0, 0), sender=home.courier)


# ----------------------------------------------------------------------------- told


def test_home_believes_what_that_ledger_alone_tells_once(redemption: Redemption) -> None:
    dividend = redemption.dividend.fund()
    actions, home = dividend.actions, dividend.home
    assert not home.engine.is_funded_there(COAF, dividend.lane)
    paid = actions.paid()
    assert (paid.funded, paid.figures) == (1, (0,) * 6)
    with dividend.refused("paid: out of range"):
        actions.take_paid(replace(paid, funded=2))
    with dividend.refused("dispatch: of something else"):
        actions.take_paid(replace(paid, funded=0), actions.message(paid))
    receipt = actions.take_paid(paid)
    assert receipt.events == (
        home.engine.emitted("PaidTaken", COAF, dividend.lane, paid.as_tuple()),
    )
    assert home.engine.is_funded_there(COAF, dividend.lane)
    with dividend.refused("paid: known already"):
        actions.take_paid(paid)
    with dividend.refused("paid: funded before"):
        actions.take_paid(replace(paid, funded=0))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"version": 2}, "arming: of another version"),
        ({"state": RatioState.DROPPED}, "arming: of another version"),
        ({"numerator": 1}, "arming: record says otherwise"),
        ({"denominator": 3}, "arming: record says otherwise"),
        ({"epoch": 2}, "arming: record says otherwise"),
        ({"first_day": WHOLE.record_day}, "arming: record says otherwise"),
    ],
)
def test_another_ledger_enters_what_its_record_says(
    redemption: Redemption, changed: dict[str, int], reason: str
) -> None:
    redemption.funded().redeem()
    with redemption.dividend.refused(reason):
        redemption.arming.take(redemption.ratio(**changed))
    redemption.arming.take(redemption.ratio())
    remote = redemption.sides[1]
    assert remote.token.ratio_at(1).first_day == redemption.first_day


@pytest.mark.requirement("INV-12")
def test_a_ledger_that_is_told_late_ends_them_late_and_strands_nothing(
    redemption: Redemption,
) -> None:
    dividend = redemption.funded().dividend
    home, remote = redemption.sides
    redemption.redeem()
    dividend.begin(redemption.first_day)
    assert (home.token.totalSupply(), remote.token.totalSupply() > 0) == (0, True)
    # Its units are what they were there, and nothing where they land.
    late = dividend.world.burned(5)
    assert dividend.world.deliver(late).one("NothingLanded").amount == 5
    redemption.arming.tell(home, redemption.record)
    redemption.arming.take(redemption.ratio(state=RatioState.IN_FORCE))
    first = redemption.first_day + NOTICE
    assert remote.token.ratio_at(1).first_day == first
    for side, account, held in holders(dividend):
        assert dividend.actions.claim(side, account).one("Paid").payment.units == held
    dividend.begin(first)
    assert units(redemption) == [0] * 6
    redemption.arming.tell(remote, redemption.record)
    redemption.arming.take_entered(
        redemption.arming.entered(redemption.record, first_day=first, state=RatioState.IN_FORCE)
    )
    dividend.actions.take_figures(redemption.arming.figures(first - 1))
    redemption.arming.carry(1)


# ---------------------------------------------------------------------------- no way back


def test_what_is_armed_is_neither_cancelled_nor_withdrawn_nor_reversed(
    redemption: Redemption,
) -> None:
    dividend = redemption.funded().dividend
    actions, record = dividend.actions, redemption.record
    actions.announce_reversal(record)
    redemption.armed()
    with dividend.refused("reversal: units are redeemed"):
        actions.confirm_reversal(actions.reversal(record))
    with dividend.refused("reversal: units are redeemed"):
        actions.announce_reversal(record)
    with dividend.refused("events: payment has begun"):
        actions.announce(record.successor(), Status.CANCELLED)
    for side in redemption.sides:
        with dividend.refused("arming: its version stands"):
            redemption.arming.withdraw(side, record)


def test_reversed_before_it_is_armed_the_units_stay(redemption: Redemption) -> None:
    dividend = redemption.funded().dividend
    dividend.actions.claim(dividend.home, dividend.home.investor)
    dividend.actions.reversed(redemption.record)
    with dividend.refused("redemption: event is reversed"):
        redemption.redeem()
    assert dividend.home.token.totalSupply() == ISSUE
    assert dividend.part(dividend.home, ACCOUNTS)[0]


def test_cancelled_before_its_payment_day_it_is_never_armed(redemption: Redemption) -> None:
    dividend = redemption.dividend
    dividend.actions.in_force(redemption.record.successor(), Status.CANCELLED)
    dividend.begin(redemption.record.payment_day)
    with dividend.refused("events: none, or cancelled"):
        redemption.redeem()


def test_who_waits_past_the_end_is_paid_for_what_the_message_was(redemption: Redemption) -> None:
    """What was in suspense is nothing now, and ends as it would have: with who can receive."""
    dividend = redemption.funded().armed().ended().dividend
    remote, message = dividend.remote, dividend.waiting
    assert dividend.world.lane_state(remote).suspense == 0
    with dividend.refused(error="ERC7943CannotReceive", args=(remote.outsider.address,)):
        dividend.world.network.claim(message)
    with dividend.refused("payments: landed across no close"):
        dividend.actions.claim_crossed(remote, message, remote.outsider)
    dividend.lands_waiting()
    receipt = dividend.actions.claim_crossed(remote, message, remote.outsider)
    assert receipt.one("Paid").payment.units == WAITING
