"""An event from first to last step while what it runs on changes, or a ledger stands still (R-50).

Announced under one release, it completes when token, engine, escrow or verifiers are replaced
between any two of its steps, on both ledgers; each payment is held to the reference all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pytest

from tallystick.actions.message import (
    EVENT_ATTESTATION,
    MESSAGE_ATTESTATION,
    ActionsMessage,
    EventVersion,
    Figures,
)
from tallystick.chain.abi import keccak
from tallystick.deploy import upgrade as upgrades
from tests.support.actions import (
    APPLE,
    COAF,
    ENGINE_ATTESTORS,
    EVENT_ATTESTORS,
    Actions,
    Attestors,
    begin,
    domain_of,
)
from tests.support.dividend import (
    ABROAD,
    BOUGHT,
    HOMEWARD,
    OUTWARD,
    WAITING,
    Dividend,
    crossed,
    holders,
)
from tests.support.world import (
    BUYER_UNITS,
    CHANGE_DELAY,
    DAY,
    ELIGIBLE_UNTIL,
    INVESTOR_UNITS,
    RETENTION,
    STATED,
    Side,
    World,
    refused,
)

NEXT: Final = "1.1.0"
NOTES: Final = keccak(b"notes of 1.1.0")
# Who signs after the verifiers changed: other keys.
EVENT_SUCCESSORS: Final = Attestors((131, 132, 133), EVENT_ATTESTATION)
ENGINE_SUCCESSORS: Final = Attestors((141, 142, 143), MESSAGE_ATTESTATION)
# What is done, in its order; something changes after any of them.
STEPS: Final = (
    "announce",
    "confirm",
    "take_record",
    "take_armed",
    "record day",
    "close",
    "send_figures",
    "take_figures",
    "fix",
    "fix_lane",
    "take_totals",
    "fund",
    "land",
    "claim",
    "claim_crossed",
    "push",
    "expire",
)


@dataclass(frozen=True)
class Signing(Actions):
    """Issuer, attestors and couriers; who attests now, and in which epoch of the lane."""

    now: dict[str, Any]

    def attested(self, version: EventVersion, count: int = 2) -> bytes:
        return self.now["events"].sign(domain_of(self.home.engine), version.id, count)

    def proof(self, message: ActionsMessage, count: int = 2) -> bytes:
        domain = domain_of(self.source(message.kind).engine)
        return self.now["messages"].sign(domain, message.id, count)


def until(side: Side, day: int, seconds: int = 0) -> None:
    """A ledger's clock reaches a business day, if it has not."""
    if side.token.business_day() < day:
        begin(side, day, seconds)


def event(actions: Signing) -> Iterator[str]:
    """The event from first to last step; yields the name of each when it is done.

    What is owed to whom is counted here, before anything changes, by the reference alone.
    """
    world, remote = actions.world, actions.remote
    version = EventVersion(APPLE)
    for side in actions.sides:
        actions.set_pay_terms(side)
        actions.give_cash(side, side.paying_agent)
    actions.announce(APPLE)
    yield "announce"
    actions.confirm(version)
    yield "confirm"
    actions.take(version)
    yield "take_record"
    actions.take_armed(actions.armed(version))
    yield "take_armed"
    for side in actions.sides:
        until(side, APPLE.record_day)
    world.arrived(ABROAD)
    remote.token.transfer(remote.buyer, BOUGHT, sender=remote.investor)
    waiting = world.locked(WAITING, remote.outsider)
    world.deliver(waiting)
    play = Dividend(actions, APPLE, world.locked(OUTWARD), world.burned(HOMEWARD), waiting)
    yield "record day"
    for side in actions.sides:
        until(side, APPLE.record_day + 1, 3_600)
    yield "close"
    figures = Figures(*actions.send_figures(APPLE.record_day).one("FiguresSent").figures)
    supply, sent = ABROAD + WAITING - HOMEWARD, HOMEWARD
    assert (figures.supply, figures.suspense, figures.sent) == (supply, WAITING, sent)
    yield "send_figures"
    actions.take_figures(figures)
    yield "take_figures"
    actions.fix(APPLE)
    yield "fix"
    actions.fix_lane(APPLE)
    yield "fix_lane"
    actions.take_totals(APPLE)
    yield "take_totals"
    play.fund()
    for side, lane, units in play.parts:
        assert play.part(side, lane) == (True, units, play.due(units).gross)
    yield "fund"
    land(play, actions.now["epoch"])
    yield "land"
    for side in actions.sides:
        until(side, APPLE.payment_day)
    pay(play, list(holders(play))[::2])
    yield "claim"
    for side, account, message in crossed(play):
        receipt = actions.claim_crossed(side, message, account)
        assert receipt.events == play.paid(side, account, message.amount, message=message)
    yield "claim_crossed"
    for side in actions.sides:
        until(side, APPLE.relief_until + 1)
    pay(play, list(holders(play))[1::2], push=True)
    yield "push"
    settle(play)
    yield "expire"


def land(play: Dividend, epoch: int) -> None:
    """What was between ledgers lands, by attestations of an epoch of the lane."""
    world, network = play.world, play.world.network
    for message in (play.outward, play.homeward):
        if epoch > 1:
            with play.refused("lanes: no such epoch now"):
                world.deliver(message, network.attest(message, epoch=1))
        world.deliver(message, network.attest(message, epoch=epoch))
    network.admit(network.suite("remote"), play.remote.outsider, ELIGIBLE_UNTIL)
    network.claim(play.waiting)


def pay(play: Dividend, owed: list[tuple[Side, Any, int]], *, push: bool = False) -> None:
    """Each is paid what the reference says, once."""
    for side, account, units in owed:
        if push:
            receipt = side.engine.push(COAF, [account], [], sender=side.courier)
        else:
            receipt = play.actions.claim(side, account)
        # A batch sends the cash before it says so.
        assert sorted(map(repr, receipt.events)) == sorted(
            map(repr, play.paid(side, account, units))
        )
        with play.refused("payments: paid already"):
            play.actions.claim(side, account)


def settle(play: Dividend) -> None:
    """Every unit of the issue was paid for; what rounding left goes back, tax on; nothing stays."""
    assert sum(units for _, _, units in play.parts) == INVESTOR_UNITS + BUYER_UNITS
    for side, lane, _ in play.parts:
        funded, units, cash = play.part(side, lane)
        assert (funded, units) == (True, 0)
        assert cash < 2
        if cash:
            side.engine.expire(COAF, lane, sender=side.courier)
        if play.withheld(side, lane):
            side.engine.pass_on_tax(COAF, lane, sender=side.courier)
    for side in play.sides:
        assert side.cash.balanceOf(side.engine) == 0


# ---------------------------------------------------------------------------- what changes


def release(contract: str, actions: Signing) -> None:
    """Both ledgers go over to the next release of a contract."""
    network = actions.world.network
    for side in actions.sides:
        suite = network.suite(side.chain.name)
        next_one = suite.chain.at(f"{contract}NextMock", upgrades.proxy_of(suite, contract))
        migrates = "migrate" in next_one.interface.functions
        upgrades.upgrade(
            suite,
            network.signers(side.chain.name),
            contract,
            f"{contract}NextMock",
            NEXT,
            next_one.migrate.encode(NOTES) if migrates else b"",
        )
        assert upgrades.proxy_of(suite, contract).chain.at(contract, next_one).release() == NEXT


def propose_verifiers(actions: Signing) -> Callable[[Signing], None]:
    """Operators propose other attestors, long before; what it returns has them set."""
    chosen = []
    for side, peer in (actions.sides, actions.sides[::-1]):
        verifier = ENGINE_SUCCESSORS.verifier(side.chain)
        chosen.append((side.engine.set_peer, (peer.chain.chain_id, peer.engine, verifier), side))
        side.engine.propose_peer(*chosen[-1][1], *STATED, sender=side.operator)
    home = actions.home
    confirming = EVENT_SUCCESSORS.verifier(home.chain)
    home.engine.propose_attestors(confirming, *STATED, sender=home.operator)
    chosen.append((home.engine.set_attestors, (confirming,), home))
    for side in actions.sides:
        side.chain.advance(DAY)

    def change(actions: Signing) -> None:
        for setter, arguments, side in chosen:
            setter(*arguments, *STATED, sender=side.administrator)
        actions.now.update(events=EVENT_SUCCESSORS, messages=ENGINE_SUCCESSORS)

    return change


def rotate(actions: Signing) -> None:
    """Both ledgers give the lane another verifier, and the one before has had its time."""
    network = actions.world.network
    for side in actions.sides:
        network.rotate(network.suite(side.chain.name), network.signer_set(2))
    for side in actions.sides:
        side.chain.advance(CHANGE_DELAY + RETENTION + 60)
    actions.now.update(epoch=2)


def stand_still(name: str, actions: Signing) -> None:
    """A ledger has no block for two days, while the other goes on."""
    side: Side = getattr(actions, name)
    side.chain.advance(2 * DAY)


def carry_out(actions: Signing, at: str, change: Callable[[Signing], None]) -> None:
    """Something changes after one step; the event completes."""
    done = []
    for step in event(actions):
        done.append(step)
        if step == at:
            change(actions)
    assert tuple(done) == STEPS


@pytest.fixture
def signing(world: World) -> Signing:
    """Who acts, with the attestors of the deployment."""
    return Signing(world, {"events": EVENT_ATTESTORS, "messages": ENGINE_ATTESTORS, "epoch": 1})


@pytest.mark.requirement("R-50", "INV-6", "INV-10")
@pytest.mark.parametrize("contract", ["SecurityToken", "ActionsEngine", "BridgeEscrow"])
@pytest.mark.parametrize("at", STEPS[:-1])
def test_an_event_completes_whatever_is_changed_between_two_steps(
    signing: Signing, at: str, contract: str
) -> None:
    carry_out(signing, at, partial(release, contract))


@pytest.mark.requirement("R-50", "INV-6")
@pytest.mark.parametrize("at", STEPS[:-1])
def test_an_event_completes_when_its_attestors_change_between_two_steps(
    signing: Signing, at: str
) -> None:
    """What was told before is signed by those who attest now."""
    carry_out(signing, at, propose_verifiers(signing))


@pytest.mark.requirement("R-50", "INV-6")
@pytest.mark.parametrize("at", STEPS[STEPS.index("record day") : STEPS.index("land")])
def test_an_event_completes_when_its_lane_s_verifiers_change_between_two_steps(
    signing: Signing, at: str
) -> None:
    """While units are under way: they land by attestations of the new one alone."""
    carry_out(signing, at, rotate)


@pytest.mark.requirement("R-50", "INV-6", "INV-10")
def test_an_event_completes_when_everything_changes_on_its_way(signing: Signing) -> None:
    verifiers = propose_verifiers(signing)
    changes = {
        "confirm": partial(release, "ActionsEngine"),
        "record day": partial(release, "SecurityToken"),
        "take_figures": verifiers,
        "fix_lane": partial(release, "BridgeEscrow"),
    }
    for step in event(signing):
        if step in changes:
            changes[step](signing)
    home = signing.world.network.home
    assert upgrades.installed_artifact(home, "ActionsEngine").name == "ActionsEngineNextMock"


@pytest.mark.requirement("R-50", "INV-4")
def test_who_attests_no_more_is_not_believed_of_what_was_told_before(signing: Signing) -> None:
    change = propose_verifiers(signing)
    steps = event(signing)
    while next(steps) != "send_figures":
        pass
    figures = signing.figures(APPLE.record_day)
    before = signing.proof(signing.message(figures))
    change(signing)
    with refused(signing.world, "verifier: wrong signature"):
        signing.take_figures(figures, attestation=before)
    assert list(steps)[-1] == "expire"


@pytest.mark.requirement("R-50", "INV-6")
@pytest.mark.parametrize("ledger", ["home", "remote"])
@pytest.mark.parametrize("at", STEPS[:-1])
def test_a_ledger_that_stands_still_for_two_days_delays_and_loses_nothing(
    signing: Signing, at: str, ledger: str
) -> None:
    carry_out(signing, at, partial(stand_still, ledger))
