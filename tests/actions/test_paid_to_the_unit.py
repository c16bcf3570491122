"""Whatever holders have, categories and rates are: each is paid what exact fractions say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.actions.entitlement import Rate, entitlement
from tallystick.actions.record import EventRecord
from tallystick.actions.tax import TaxTable
from tallystick.bridge.figures import Landed, Landing
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Event
from tests.actions.test_tax import tables
from tests.support.actions import ACCOUNTS, APPLE, COAF, Actions, begin
from tests.support.dividend import BOUGHT, Dividend, crossed, holders
from tests.support.returns import Returned, short_lived
from tests.support.world import (
    BUYER_UNITS,
    ELIGIBLE_UNTIL,
    INVESTOR_UNITS,
    STATED,
    Side,
    World,
    refused,
    write_slot,
)

HOLDERS: Final = ("investor", "buyer", "fund")
amounts = st.one_of(st.integers(1, 60), st.integers(1, 10**10))
given_to = st.lists(st.tuples(st.sampled_from(HOLDERS), amounts), max_size=3)
rates = st.builds(
    lambda n, d: Rate.of(Fraction(n, d)),
    st.one_of(st.integers(1, 10**4), st.integers(1, 2**70)),
    st.one_of(st.integers(1, 10**4), st.integers(1, 2**90)),
)
# An account's ledger and party.
Place = tuple[str, str]
places = [(ledger, party) for ledger in ("home", "remote") for party in (*HOLDERS, "outsider")]


@dataclass(frozen=True)
class Scene:
    """Who has what when the record day ends, in base units, and what is withheld from whom.

    At home and abroad some have it; of what is under way the last has a recipient who can't take
    it yet; the remote investor sent some home. What is too late goes back to its sender: `late_out`
    had left home, `late_home` the remote ledger.
    """

    rate: Rate
    taxes: TaxTable
    categories: dict[Place, int]
    at_home: list[tuple[str, int]]
    abroad: list[tuple[str, int]]
    outward: list[tuple[str, int]]
    homeward: list[tuple[str, int]]
    waiting: list[int]
    late_out: list[int]
    late_home: list[int]
    pushed: set[Place]


scenes = st.builds(
    Scene,
    rate=rates,
    taxes=tables(),
    categories=st.dictionaries(st.sampled_from(places), st.integers(0, 15)),
    at_home=given_to,
    abroad=given_to,
    outward=given_to,
    homeward=given_to,
    waiting=st.lists(amounts, max_size=2),
    late_out=st.lists(amounts, max_size=2),
    late_home=st.lists(amounts, max_size=2),
    pushed=st.sets(st.sampled_from(places)),
)


@dataclass(frozen=True)
class Claim:
    """What is owed to an account, or for a message that landed with it; or that came back to it.

    Its cash is on the ledger `bound`, where the units were bound for.
    """

    side: Side
    party: str
    units: int
    message: LaneMessage | None = None
    back: Returned | None = None

    @property
    def bound(self) -> Side:
        """Where cash was paid in for it."""
        return self.back.bound if self.back else self.side

    @property
    def lane(self) -> bytes:
        """Whose cash it is paid with."""
        return self.message.lane if self.message else ACCOUNTS


def closed(
    actions: Actions, scene: Scene, record: EventRecord
) -> tuple[list[Claim], list[LaneMessage]]:
    """Bring the scene about, and the close past it; what is owed to whom, as this test counts.

    Besides it messages that go back.
    """
    world, home, remote = actions.world, actions.home, actions.remote
    held = Counter({("home", "investor"): INVESTOR_UNITS, ("home", "buyer"): BUYER_UNITS})
    for side in (home, remote):
        begin(side, record.record_day)
    for party, units in scene.at_home:
        home.token.transfer(home.parties[party], units, sender=home.investor)
        held["home", "investor"] -= units
        held["home", party] += units
    sent_home = sum(units for _, units in scene.homeward) + sum(scene.late_home)
    for party, units in [*scene.abroad, *([("investor", sent_home)] if sent_home else [])]:
        world.deliver(world.locked(units, remote.parties[party]))
        held["home", "investor"] -= units
        held["remote", party] += units
    out = [(p, u, world.locked(u, remote.parties[p])) for p, u in scene.outward]
    back = [(p, u, world.burned(u, home.parties[p])) for p, u in scene.homeward]
    waits = [("outsider", u, world.locked(u, remote.outsider)) for u in scene.waiting]
    lates = [short_lived(world, home, remote.buyer, u) for u in scene.late_out]
    lates += [short_lived(world, remote, home.buyer, u) for u in scene.late_home]
    held["home", "investor"] -= sum(u for _, u, _ in [*out, *waits]) + sum(scene.late_out)
    held["remote", "investor"] -= sent_home
    for _, _, message in waits:
        world.deliver(message)
    actions.close(record.record_day)
    for _, _, message in [*out, *back]:
        world.deliver(message)
    world.network.admit(world.network.suite("remote"), remote.outsider, ELIGIBLE_UNTIL)
    for _, _, message in waits:
        world.network.claim(message)
    sides = {"home": home, "remote": remote}
    claims = [
        *(Claim(sides[ledger], party, units) for (ledger, party), units in held.items() if units),
        *(Claim(remote, party, units, message) for party, units, message in [*out, *waits]),
        *(Claim(home, party, units, message) for party, units, message in back),
    ]
    return claims, lates


def came_back(actions: Actions, record: EventRecord, lates: list[LaneMessage]) -> Iterator[Claim]:
    """Past their deadlines messages go back, and land with who had sent them."""
    dividend = Dividend(actions, record, *[lates[0]] * 3) if lates else None
    for message in lates:
        assert dividend
        back = Returned.of(dividend, message)
        yield Claim(back.source, "investor", message.amount, message, back)


def told(actions: Actions, record: EventRecord) -> None:
    """Every ledger knows what it owes for."""
    actions.take_figures(actions.figures(record.record_day))
    actions.fix(record)
    actions.fix_lane(record)
    actions.take_totals(record)


def parts(world: World) -> Iterator[tuple[Side, bytes]]:
    """Where cash is held: on each ledger for accounts, and for what landed."""
    for side in (world.home, world.remote):
        for lane in (ACCOUNTS, world.lane):
            yield side, lane


def paid(scene: Scene, claim: Claim) -> tuple[int, list[Event]]:
    """What fractions say of a claim: the gross, and the events, in no order."""
    side, account = claim.side, claim.side.parties[claim.party]
    tax = scene.taxes.rate_of(scene.categories.get((side.chain.name, claim.party), 0))
    due = entitlement(claim.units, scene.rate, tax)
    assert due.tax + due.net == due.gross
    id_ = claim.message.id if claim.message else bytes(32)
    payment = (due.units, due.gross, due.tax)
    events = [side.engine.emitted("Paid", COAF, account, id_, payment, account)]
    moved: list[tuple[Any, Any, int]] = [(side.engine, account, due.net)]
    if claim.back:
        # Its cash is brought, and taxed at once.
        moved.append((side.paying_agent, side.engine, due.gross))
        moved.append((side.engine, side.auditor, due.tax))
    events += [side.cash.emitted("Transfer", *each) for each in moved if each[2]]
    return due.gross, events


def pay(scene: Scene, claim: Claim) -> Any:
    """The claim is made, as the scene has it: for it, or in a batch."""
    side, account = claim.side, claim.side.parties[claim.party]
    engine, key = side.engine, side.courier
    if claim.back:
        return claim.back.pay()
    if claim.message:
        return engine.claim_crossed(COAF, claim.message.as_tuple(), sender=key)
    if (side.chain.name, claim.party) in scene.pushed:
        return engine.push(COAF, [account], [], sender=key)
    return engine.claim(COAF, account, 0, sender=key)


@pytest.mark.requirement("R-46", "R-51", "INV-6")
def test_each_is_paid_what_fractions_say_and_nothing_but_dust_is_left(
    deployed_world: World,
) -> None:
    @settings(max_examples=max(settings.default.max_examples // 4, 1))
    @given(scenes, st.randoms(use_true_random=False))
    def play(scene: Scene, random: Any) -> None:
        with deployed_world.isolated():
            actions, record = Actions(deployed_world), replace(APPLE, rate=scene.rate)
            for side in (actions.home, actions.remote):
                actions.set_pay_terms(side, rates=scene.taxes.pack())
                actions.give_cash(side, side.paying_agent, 2**200)
            actions.take(actions.in_force(record))
            claims, lates = closed(actions, scene, record)
            told(actions, record)
            claims += came_back(actions, record, lates)
            for (ledger, party), category in scene.categories.items():
                side = getattr(deployed_world, ledger)
                agent, account = side.paying_agent, side.parties[party]
                side.engine.set_tax_category([account], category, *STATED, sender=agent)
            all_paid(actions, scene, record, random.sample(claims, len(claims)))

    play()


def all_paid(actions: Actions, scene: Scene, record: EventRecord, claims: list[Claim]) -> None:
    """Fund everything, pay everybody, and hold it to the reference after each payment."""
    world = actions.world
    funded = {
        (side.chain.name, lane): actions.fund(side, record, lane).return_value
        for side, lane in parts(world)
    }
    # Every part is funded with what its units are due, and parts sum to the issue.
    owed = Counter[tuple[str, bytes]]()
    for claim in claims:
        owed[claim.bound.chain.name, claim.lane] += claim.units
    assert sum(owed.values()) == INVESTOR_UNITS + BUYER_UNITS
    for place, cash in funded.items():
        assert cash == entitlement(owed[place], scene.rate).gross
    for side in (world.home, world.remote):
        begin(side, record.relief_until + 1)
    left, count = dict(funded), Counter[tuple[str, bytes]]()
    for claim in claims:
        place, engine = (claim.bound.chain.name, claim.lane), claim.bound.engine
        gross, events = paid(scene, claim)
        receipt = pay(scene, claim)
        assert sorted(map(repr, receipt.events)) == sorted(map(repr, events))
        if claim.back:
            # Drawn on no part; what was kept for it is given up where it was bound for.
            assert tuple(engine.part_of(COAF, claim.lane)) == (True, owed[place], left[place])
            assert claim.back.give_up().return_value == gross
            with refused(world, "payments: paid already"):
                claim.back.give_up()
        left[place] -= gross
        owed[place] -= claim.units
        count[place] += 1
        assert left[place] >= 0
        assert tuple(engine.part_of(COAF, claim.lane)) == (True, owed[place], left[place])
        with refused(world, "payments: paid already"):
            pay(replace(scene, pushed=set()), claim)
    for side, lane in parts(world):
        funded_, units, cash = side.engine.part_of(COAF, lane)
        claimed = count[side.chain.name, lane]
        assert (funded_, units) == (True, 0)
        assert cash < max(claimed, 1)
        if cash:
            side.engine.expire(COAF, lane, sender=side.courier)
    for side in (world.home, world.remote):
        withheld = {lane: side.engine.withheld(COAF, lane) for lane in (ACCOUNTS, world.lane)}
        assert side.cash.balanceOf(side.engine) == sum(withheld.values())
        for lane in filter(withheld.__getitem__, withheld):
            side.engine.pass_on_tax(COAF, lane, sender=side.courier)
        assert side.cash.balanceOf(side.engine) == 0


# ------------------------------------------------------------------- what does not fit


@pytest.mark.requirement("INV-7")
def test_a_ledger_that_hides_units_from_home_underpays_its_own_accounts_alone(
    world: World,
) -> None:
    """A lie that fits: what it hid is kept back as if it were under way, and harms nobody else."""
    dividend = Dividend.fixed(world, hidden=5).open_to_all()
    actions, (home, remote) = dividend.actions, dividend.sides
    last = remote, remote.buyer, BOUGHT
    for side, account, units in holders(dividend):
        if (side, account, units) != last:
            receipt = actions.claim(side, account)
            assert receipt.events == dividend.paid(side, account, units)
    for side, account, message in crossed(dividend):
        receipt = actions.claim_crossed(side, message, account)
        assert receipt.events == dividend.paid(side, account, message.amount, message=message)
    with dividend.refused("payments: more units than fixed"):
        actions.claim(remote, remote.buyer)
    with dividend.refused("payments: more units than fixed"):
        remote.engine.push(COAF, [remote.buyer], [], sender=remote.courier)
    # Its cash is there, on its ledger, and goes back to nobody.
    assert dividend.part(remote)[1] == BOUGHT - 5
    assert dividend.part(remote, world.lane)[1] == 5
    with dividend.refused("payments: claims go on"):
        remote.engine.expire(COAF, world.lane, sender=remote.courier)
    assert [dividend.part(home, lane)[1] for lane in (ACCOUNTS, world.lane)] == [0, 0]


def test_a_message_of_later_units_than_the_record_is_not_paid(actions: Actions) -> None:
    """None that was under way at the close states such; as if one did."""
    world, home = actions.world, actions.home
    world.arrived(1_000)
    message = replace(world.burned(400), action_epoch=1)
    actions.set_pay_terms(home)
    actions.fixed_at_home(APPLE)
    actions.fund(home, APPLE)
    landing = Landing(APPLE.record_day + 1, Landed.DELIVERED)
    write_slot(home.escrow, landing.pack(), "transit", "landed", message.id)
    begin(home, APPLE.payment_day)
    with refused(world, "payments: in other units"):
        actions.claim_crossed(home, message, home.fund)


def test_no_event_is_paid_for_another_however_many_there_were(actions: Actions) -> None:
    """What was paid is a field of each event: 18 share the payee word, then 51 a word."""
    home = actions.home
    numbers = (0, 1, 17, 18, 68, 69)
    records = [replace(APPLE, coaf=f"US-2020-DVCA-0{place}") for place, _ in enumerate(numbers)]
    for record in records:
        actions.in_force(record)
    begin(home, APPLE.record_day + 1)
    actions.set_pay_terms(home)
    actions.give_cash(home, home.paying_agent)
    for number, record in zip(numbers, records, strict=True):
        write_slot(home.engine, number, "payments", "_events")
        actions.fix(record)
        actions.fund(home, record)
    begin(home, APPLE.payment_day)
    coafs = [record.as_tuple()[2] for record in records]
    for count, coaf in enumerate(coafs):
        assert [home.engine.is_paid(each, home.buyer) for each in coafs] == (
            [True] * count + [False] * (len(numbers) - count)
        )
        home.engine.claim(coaf, home.buyer, 0, sender=home.buyer)
