"""Everything that the contracts know is in their logs, and what is not there is noticed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account as Signer
from rich.console import Console

from tallystick.actions.message import EventVersion, PaidSoFar, Status, Totals
from tallystick.actions.record import EventRecord
from tallystick.bridge.consent import Lock
from tallystick.bridge.figures import Figure
from tallystick.bridge.message import NO_CAP, LaneMessage, party
from tallystick.build import artifact
from tallystick.chain import Contract
from tallystick.cli.log import log_dict, show_events, show_rebuilt
from tallystick.deploy import upgrade as upgrades
from tallystick.errors import CheckFailed
from tallystick.files.manifest import PROXY
from tallystick.governance.release import APPROVERS, CONTRACTS, Version, proxy_name
from tallystick.governance.roles import Role
from tallystick.local.network import OPERATORS, Network
from tallystick.status.ledger_log import Compared, compare, read_log
from tallystick.status.observe import names_of
from tallystick.status.rebuild import rebuild
from tallystick.status.rules.step import RULES, Logged
from tallystick.text import units_text
from tests.bridge.test_lanes import Opening
from tests.support import emergencies
from tests.support.actions import (
    ACCOUNTS,
    APPLE,
    ENGINE_ATTESTORS,
    EVENT_ATTESTORS,
    Actions,
    begin,
)
from tests.support.cash import new_cash
from tests.support.closing import close_another
from tests.support.closings import opening_key
from tests.support.commands import tallystick
from tests.support.denials import FALSE, agree, deny, forged, take
from tests.support.endings import (
    apply,
    attested_by_each,
    confirm,
    last_state,
    listed,
    pay,
    propose,
    second_registrar,
    wait,
)
from tests.support.flows import figure_key
from tests.support.ratios import Engine
from tests.support.returns import sent_back, short_lived
from tests.support.world import (
    AMOUNT_MAX,
    AUTHORITY,
    DAY,
    DOCUMENT,
    ISIN,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
    order_id,
    pair_key,
    read_slot,
    slot_of,
    write_slot,
)

pytestmark = pytest.mark.requirement("R-66")


# What only a ratio over both ledgers logs.
OF_RATIOS = {
    "AgentProposed",
    "AgentSet",
    "DustPaid",
    "CloseCarried",
    "EnteredSent",
    "EnteredTaken",
    "FractionGiven",
    "FractionsOpened",
    "LaneCarried",
    "LaneRatioInForce",
    "RatioArmed",
    "RatioDropped",
    "RatioSent",
    "RoundingLeft",
}


def rebuilt(network: Network, ledger: str) -> tuple[Compared, ...]:
    log = read_log(network.connection, ledger)
    return compare(log, log.facts())


def differences(network: Network, ledger: str) -> list[Compared]:
    return [row for row in rebuilt(network, ledger) if not row.same]


# --- a life of every kind of act ---------------------------------------------------------------


@pytest.fixture(scope="module")
def lived(deployed_world: World) -> Iterator[World]:
    """Both ledgers after acts of every role, some of them still pending."""
    with deployed_world.isolated():
        _messages(deployed_world)
        _figures(deployed_world)
        for side in (deployed_world.home, deployed_world.remote):
            _came(side)
        _events(Actions(deployed_world))
        for side in (deployed_world.home, deployed_world.remote):
            _controls(side)
            _closings(side)
            _roles(side)
            _lanes(deployed_world, side)
            _epochs(deployed_world, side)
            _record(side)
            _releases(deployed_world.network, side)
        _issuance(deployed_world.home)
        remote, bridge = deployed_world.remote, _bridge(deployed_world.remote)
        remote.token.crosschainMint(remote.investor, 60, sender=bridge.address)
        remote.token.crosschainBurn(remote.investor, 50, sender=bridge.address)
        _ratios(remote, bridge)
        _denials(deployed_world)
        close_another(
            deployed_world, Opening(deployed_world, deployed_world.home).open().return_value
        )
        for side in (deployed_world.home, remote):
            _stops(deployed_world, side)
            side.engine.suspend(bytes(32), deployed_world.lane, (0, 0, 0), 0, sender=side.courier)
        yield deployed_world


@pytest.fixture
def busy(lived: World) -> Iterator[World]:
    """The same, for one test."""
    with lived.isolated():
        yield lived


@pytest.fixture
def ended(busy: World) -> World:
    """The same, a hundred days later: the lane's remote ledger was found dead."""
    _end(busy)
    return busy


def _messages(world: World) -> None:
    """Delivered, suspended and claimed, suspended, in transit; out of order; both ways."""
    home, remote = world.home, world.remote
    waiting, kept = world.locked(70, remote.attacker), world.locked(50, remote.outsider)
    world.arrived(1_000)
    world.deliver(kept)
    world.deliver(waiting)
    remote.token.admit(remote.attacker, 40_000, *STATED, sender=remote.registrar)
    world.network.claim(waiting)
    world.deliver(world.burned(400))
    world.deliver(world.burned(9, home.outsider))
    world.burned(11)
    world.locked(13)
    _redirects(world, kept)
    _returns(world)
    _signed_locks(home, world.lane)


def _signed_locks(side: Side, lane: bytes) -> None:
    """One that somebody brings, one that its holder takes back."""
    given = Lock(lane, party(side.investor.address), 3, DOCUMENT, side.chain.now + DAY)
    data = given.typed_data(side.chain.chain_id, side.custody.address)
    signature = bytes(Signer.sign_typed_data(side.investor.key, full_message=data).signature)
    arguments = given.arguments(side.investor.address, signature)
    side.custody.lock_signed(*arguments, sender=side.courier)
    side.custody.withdraw_lock(bytes(32), sender=side.buyer)


def _redirects(world: World, kept: LaneMessage) -> None:
    """Proposed, withdrawn, proposed anew; carried out."""
    side = world.remote
    given = world.locked(5, side.notary)
    world.deliver(given)
    for message in (kept, given):
        what = (message.as_tuple(), side.investor, *STATED)
        side.escrow.propose_redirect(*what, sender=side.registrar)
    side.escrow.withdraw_redirect(kept.as_tuple(), *STATED, sender=side.guardian)
    side.escrow.propose_redirect(kept.as_tuple(), side.fund, *STATED, sender=side.registrar)
    side.escrow.redirect(given.as_tuple(), side.investor, *STATED, sender=side.custodian)


def _returns(world: World) -> None:
    """Both ways, past their deadlines; one is delivered where it came from, one is under way."""
    home, remote = world.home, world.remote
    sent = (
        world.network.lock(home.investor, remote.outsider, 21, deadline=home.chain.now + 600),
        world.network.burn(remote.investor, home.investor, 8, deadline=remote.chain.now + 600),
    )
    for side in (home, remote):
        side.chain.advance(1_200)
    world.synchronise()
    answers = []
    for message in sent:
        world.deliver(message)
        answers.append(world.network.return_to_source(message))
    world.synchronise()
    world.deliver(answers[0])


def _figures(world: World) -> None:
    """Over closes, announced or kept by hand: sent, suspended, landed by delivery and claim."""
    sides = home, remote = world.home, world.remote
    late = [world.locked(20), world.burned(6)]
    claimed = world.locked(2, remote.upgrader)
    world.deliver(claimed)
    for days in range(4):
        for side in sides:
            if days != 2:
                side.token.announce_close(side.token.business_day(), *STATED, sender=side.registrar)
            side.chain.advance(DAY)
        world.arrived(1)
        world.deliver(world.burned(1, home.outsider))
    for message in late:
        world.deliver(message)
    world.network.admit(world.network.suite("remote"), remote.upgrader, 40_000)
    world.network.claim(claimed)
    for side in sides:
        for figure in Figure if side is home else (Figure.SENT,):
            kept = (world.lane, figure, side.token.business_day() - 2, 0)
            side.escrow.keep_figure(*kept, sender=side.outsider)


def _came(side: Side) -> None:
    """Over closes, announced or kept by hand: what somebody else's bridge carried, out and in."""
    token, bridge = side.token, side.foreign_bridge()
    token.approve(bridge, UINT_MAX, sender=side.investor)
    for act in (token.crosschainBurn, token.crosschainMint, token.crosschainBurn):
        if act is token.crosschainMint:
            token.announce_close(token.business_day(), *STATED, sender=side.registrar)
        act(side.investor, 30, sender=bridge.address)
        side.chain.advance(DAY)
    # Some stay with it.
    token.crosschainMint(side.investor, 25, sender=bridge.address)
    token.keep_came(token.business_day() - 1, 0, sender=side.outsider)
    side.bridge(bridge, 0, 0)


def _events(actions: Actions) -> None:
    """One carried to its totals; totals, records and figures that contradict one another."""
    home, remote, lane = actions.home, actions.remote, actions.world.lane
    today = home.token.business_day()
    day, later = today + 2, today + 5
    record = replace(APPLE, announced=today, ex=day, record_day=day, figures_by=later)
    record = replace(
        record, payment_day=later, relief_until=later, expires=later + 90, set_off=True
    )
    others = [replace(record, coaf=coaf) for coaf in ("TOTALS-TWICE", "RECORD-TWICE", "MISSED")]
    for each in (record, *others):
        version = actions.in_force(each)
        if each is not others[2]:
            actions.take(version)
    actions.take_armed(actions.armed(EventVersion(record)))
    actions.take(EventVersion(replace(others[1], terms=DOCUMENT)))
    following = others[2].successor()
    actions.take(actions.in_force(following))
    actions.announce(following.successor(), Status.CANCELLED)
    for side in (home, remote):
        side.set_class(side.notary, 2)
        side.token.admit(side.notary, 40_000, *STATED, sender=side.registrar)
        side.token.transfer(side.notary, 3, sender=side.investor)
    out, *back = actions.world.locked(2), actions.world.burned(1), actions.world.burned(1)
    late = [short_lived(actions.world, home, remote.buyer, 2)]
    late.append(short_lived(actions.world, remote, home.buyer, 1))
    actions.close(day)
    for message in (out, *back):
        actions.world.deliver(message)
    actions.send_figures(day)
    actions.take_figures(actions.figures(day))
    for supply in (5, 6):
        actions.take_figures(actions.figures(day - 1, supply=supply))
    actions.fix(record)
    actions.fix_lane(record)
    actions.take_totals(record)
    totals = Totals(others[0].as_tuple()[2], EventVersion(others[0]).id, lane, 5, 6)
    actions.take_totals(others[0], totals)
    paid = {side.chain.name: _pay_terms(actions, side) for side in (home, remote)}
    actions.fund(paid["remote"], others[0])
    actions.take_totals(others[0], replace(totals, crossing=7))
    # Halted: what was paid in is back.
    remote.engine.expire(others[0].as_tuple()[2], ACCOUNTS, sender=remote.courier)
    _payments(actions, paid["home"], record, back[:1])
    _payments(actions, paid["remote"], record, [out])
    for message in late:
        _went_back(actions, record, message)
    for side in (home, remote):
        begin(side, record.expires, 60)
    _books(actions)
    told = remote.engine.send_paid(record.as_tuple()[2], lane, sender=remote.courier)
    actions.take_paid(PaidSoFar(*told.one("PaidSent").args["paid"]))
    # Of the other message that came back nobody has claimed yet.
    home.engine.expire(record.as_tuple()[2], lane, sender=home.courier)
    _reversal(actions, paid["home"], record, back[0])
    for side, peer in ((home, remote), (remote, home)):
        verifiers = [ENGINE_ATTESTORS.verifier(side.chain) for _ in range(2)]
        for verifier in verifiers:
            terms = (peer.chain.chain_id, peer.engine, verifier, *STATED)
            side.engine.propose_peer(*terms, sender=side.operator)
        events = EVENT_ATTESTORS.verifier(side.chain)
        side.engine.propose_attestors(events, *STATED, sender=side.operator)
        side.chain.advance(DAY)
        side.engine.set_peer(*terms, sender=side.administrator)
        if side is home:
            side.engine.set_attestors(events, *STATED, sender=side.administrator)


def _books(actions: Actions) -> None:
    """Of each day from now on: two are late, two are reconciled, the older one last."""
    sides = (actions.home, actions.remote)
    for side in sides:
        side.engine.propose_daily(True, *STATED, sender=side.operator)
        side.chain.advance(DAY)
        side.engine.set_daily(True, *STATED, sender=side.administrator)
        side.chain.advance(2 * DAY)
        actions.suspend(side, bytes(32))
    actions.world.synchronise()
    late = actions.home.engine.reconciliation_of(actions.world.lane).suspended_for
    for day in (late + 1, late):
        actions.take_figures(actions.figures(day))
        actions.reconcile(day)
        if day > late:
            actions.take_reconciled(actions.reconciled(day))


def _pay_terms(actions: Actions, side: Side) -> Side:
    """The side with cash, in which its events are paid; other terms are proposed."""
    side = replace(side, cash=new_cash(side.chain, side.issuer))
    actions.set_pay_terms(side)
    terms = actions.pay_terms(side, currency=b"EUR\0")
    side.engine.propose_pay_terms(terms, *STATED, sender=side.paying_agent)
    taxed = [side.buyer, side.investor]
    side.engine.set_tax_category(taxed, 1, *STATED, sender=side.paying_agent)
    actions.give_cash(side, side.paying_agent)
    return side


def _payments(
    actions: Actions, side: Side, record: EventRecord, crossed: Sequence[LaneMessage]
) -> None:
    """Funded by and by, claimed, pushed, refused once, paid elsewhere, taxed."""
    coaf, lane = record.as_tuple()[2], actions.world.lane
    engine, investor, buyer, fund = side.engine, side.investor, side.buyer, side.fund
    home = [party(side.token.address)] if side.token.is_home() else []
    for part, most in ((ACCOUNTS, 5), *((part, UINT_MAX) for part in (ACCOUNTS, lane, *home))):
        actions.fund(side, record, part, most)
    for pool in (side.notary, side.token):
        actions.set_pool_payee(side, pool, side.auditor)
    side.engine.propose_pool_payee(side.notary, ZERO, *STATED, sender=side.paying_agent)
    engine.set_aside(coaf, side.notary, 0, sender=side.courier)
    engine.setOperator(side.outsider, True, sender=fund)
    for approved in (True, False):
        engine.setOperator(side.attacker, approved, sender=fund)
    engine.invalidateNonce(b"\1" * 32, sender=fund)
    engine.set_payee(side.outsider, sender=investor)
    for payee in (side.outsider, ZERO):
        engine.set_payee(payee, sender=buyer)
    begin(side, record.relief_until + 1, 60)
    day = record.record_day
    held = [each for each in side.parties.values() if side.token.entitled_at_close(each, day, 0)]
    for pool in (side.notary, *([side.token] if home else [])):
        engine.claim_pool(coaf, pool, sender=side.courier)
    first, *others = held
    engine.claim(coaf, first, 0, sender=first)
    for message in crossed:
        engine.claim_crossed(coaf, message.as_tuple(), sender=side.courier)
    for refused in others[:1]:
        receiver, _ = engine.payee_of(refused)
        side.cash.set_blocked(receiver, True, sender=side.issuer)
        engine.push(coaf, others, [], sender=side.courier)
        what = (coaf, refused, 0, b"\2" * 32, *STATED)
        engine.propose_paid_elsewhere(*what, sender=side.paying_agent)
        engine.confirm_paid_elsewhere(*what, sender=side.registrar)
    engine.pass_on_tax(coaf, bytes(32), sender=side.courier)


def _went_back(actions: Actions, record: EventRecord, message: LaneMessage) -> None:
    """Units that nobody got in time: given up where they were bound for, paid where they land."""
    coaf, answer = record.as_tuple()[2], sent_back(actions.world, message)
    actions.world.deliver(answer)
    bound, source = actions.world.side_of(message), actions.world.side_of(answer)
    words = (message.as_tuple(), answer.nonce, answer.lock_time)
    bound.engine.give_up(coaf, message.as_tuple(), sender=bound.courier)
    source.engine.pay_returned(coaf, *words, sender=source.paying_agent)


def _reversal(actions: Actions, side: Side, record: EventRecord, message: LaneMessage) -> None:
    """It was wrong: owed, repaid in part, the rest set off against the next one."""
    engine, (coaf, day) = side.engine, (record.as_tuple()[2], record.record_day)
    actions.announce_reversal(record, b"IETR")
    actions.reversed(record)
    account = next(
        each
        for each in side.parties.values()
        if engine.is_paid(coaf, each) and side.token.balanceOf(each)
        if not side.cash.is_blocked(each) and side.token.entitled_at_close(each, day, 0)
    )
    engine.assess(coaf, account, 0, sender=side.courier)
    engine.assess_crossed(coaf, message.as_tuple(), sender=side.courier)
    actions.give_cash(side, side.outsider)
    engine.repay(coaf, account, 1, sender=side.outsider)
    today = side.token.business_day()
    following = replace(record, coaf="THE-NEXT", announced=today, ex=today + 2, set_off=False)
    later = {"figures_by": today + 5, "payment_day": today + 5, "relief_until": today + 5}
    following = replace(following, record_day=today + 2, expires=today + 1_101, **later)
    actions.in_force(following)
    begin(side, following.record_day + 1)
    actions.fix(following)
    actions.fund(side, following)
    begin(side, following.payment_day)
    engine.claim(following.as_tuple()[2], account, 0, sender=account)


def _controls(side: Side) -> None:
    token, custodian, registrar = side.token, side.custodian, side.registrar
    investor, buyer, fund = side.investor, side.buyer, side.fund
    side.chain.advance(3 * DAY)
    token.transfer(fund, 20, sender=investor)
    token.batchTransfer([buyer, investor, fund], [5, 6, 7], sender=investor)
    token.transfer(fund, 0, sender=buyer)
    for spender, allowed in ((buyer, 100), (fund, UINT_MAX)):
        token.approve(spender, allowed, sender=investor)
        token.transferFrom(investor, fund, 30, sender=spender)
    token.setFrozenTokens(investor, 9, *STATED, sender=custodian)
    token.setFrozenTokens(side.outsider, UINT_MAX, *STATED, sender=custodian)
    token.setFrozenTokens(fund, token.balanceOf(fund), *STATED, sender=custodian)
    token.setAddressFrozen(buyer, True, *STATED, sender=custodian)
    token.setAddressFrozen(side.outsider, True, *STATED, sender=custodian)
    token.setAddressFrozen(side.outsider, False, *STATED, sender=custodian)
    for number, sender, receiver, amount, life in (
        *((1, fund, investor, 3, 90 * DAY), (2, fund, investor, 4, 90 * DAY)),
        *((3, fund, investor, 5, 90 * DAY), (4, fund, investor, 6, DAY)),
        # Two to accounts that can't receive, one over more than is there.
        *((5, fund, buyer, 7, 90 * DAY), (6, fund, side.outsider, 8, 90 * DAY)),
        (7, buyer, investor, AMOUNT_MAX // 2, 90 * DAY),
    ):
        order = (sender, receiver, amount, side.chain.now + life, AUTHORITY, number)
        token.enter_order(*order, *STATED, sender=registrar)
    token.forcedTransfer(fund, investor, 3, order_id(1), sender=custodian)
    token.withdraw_order(fund, investor, 4, order_id(2), *STATED, sender=registrar)
    token.instruct(*STATED, sender=custodian)
    custody = side.new_custody()
    token.propose_class(custody, 0, *STATED, sender=registrar)
    for account_class in (2, 0, 2):
        side.set_class(side.courier, account_class)
    side.link(side.new_custody(), link=False)
    token.admit(side.courier, 12_345, *STATED, sender=registrar)


def _closings(side: Side) -> None:
    """Announced ahead, late, again, and one still to come; another day is kept by hand."""
    token, today = side.token, side.token.business_day()
    custody = side.new_custody()
    for day in (today + 1, today - 1, today + 300, today + 1):
        token.announce_close(day, *STATED, sender=side.registrar)
    for _ in range(4):
        token.transfer(side.fund, 90, sender=side.investor)
        token.transfer(side.investor, 40, sender=side.fund)
        side.chain.advance(DAY)
    token.keep(side.fund, today + 2, today + 3, sender=side.outsider)
    side.link(custody, link=False)


def _bridge(side: Side) -> Contract:
    """Somebody else's with limits, its allowance given; another has ended, a third is proposed."""
    side.bridge(side.foreign_bridge(), 0, 0)
    bridge = side.foreign_bridge(1_000, 500)
    side.token.propose_bridge(bridge, 1, 2, *STATED, sender=side.registrar)
    side.bridge(bridge, 700, 800)
    side.token.approve(bridge, 10_000, sender=side.investor)
    return bridge


def _roles(side: Side) -> None:
    for contract in (side.token, side.escrow, side.authority, side.registry, side.engine):
        act = contract.propose_role(
            side.outsider, Role.PAYING_AGENT, *STATED, sender=side.administrator
        ).return_value
        contract.withdraw_proposal(act, *STATED, sender=side.second_administrator)
        side.give_role(contract, side.outsider, Role.PAYING_AGENT)
        contract.propose_role(side.outsider, 0, *STATED, sender=side.administrator)
        side.give_role(contract, side.attacker, Role.ADMINISTRATOR)
        side.give_role(contract, side.attacker, Role.NONE)


def _lanes(world: World, side: Side) -> None:
    """A cap and a limit are applied, others proposed, others were cancelled; some units wait."""
    escrow, verifier, lane = side.escrow, side.verifier, world.lane
    world.apply_terms(side, world.change(side, cap=2_000_000, limit=3))
    if side is world.remote:
        message = world.locked(4_000_000)
        world.deliver(message)
        assert side.escrow.waits(message.id)
    world.propose_verifier(side, verifier, cap=NO_CAP - 1)
    world.change(side, cap=7)
    escrow.cancel_lane_terms(lane, *STATED, sender=side.guardian)
    terms = escrow.lane_state(lane).terms
    escrow.propose_lane(terms, *STATED, sender=side.operator)


def _epochs(world: World, side: Side) -> None:
    """Other attestors count beside a second verifier, others again are confirmed; the first ones
    end early."""
    sets = [replace(world.signers, signers=world.signers.signers[at:]) for at in (1, 2)]
    second = side.new_verifier(world.signers, OPERATORS[1])
    world.rotate(side, side.new_verifier(sets[0]), second=second)
    world.change(side, side.new_verifier(sets[1]), cap=1_999_999)
    side.escrow.end_epoch(world.lane, 1, *STATED, sender=side.administrator)


def _denials(world: World) -> None:
    """What nobody sent waits and is undone; another is credited, and its nonce freed by two keys,
    and a third is about to be; of one base unit a ratio has left nothing."""
    side = world.remote
    world.deliver(world.message(nonce=203, amount=1))
    waiting, credited, another = (
        replace(forged(world, "remote", recipient), nonce=nonce)
        for nonce, recipient in ((200, side.outsider), (201, side.investor), (202, side.investor))
    )
    for false in (waiting, credited, another):
        world.deliver(false)
        denial = deny(world, false)[1]
        take(world, denial, false, *world.network.attestations(denial))
    delay = world.lane_state(side).terms.change_delay
    side.escrow.propose_reopening(credited.id, *STATED, sender=side.operator)
    side.chain.advance(delay)
    side.escrow.reopen(credited.id, *STATED, sender=side.administrator)
    side.escrow.propose_reopening(another.id, *STATED, sender=side.operator)
    epoch = int(side.escrow.action_epoch_of(world.lane))
    agree(world, "remote", credited, epoch)
    side.custody.make_good(credited.id, FALSE, sender=side.investor)
    # Denied once more, nothing is made good once more.
    true = world.locked(5)
    world.deliver(replace(forged(world, "remote"), nonce=credited.nonce))
    denial = deny(world, credited)[1]
    assert true.nonce < denial.nonce
    take(world, denial, credited, *world.network.attestations(denial))
    agree(world, "remote", another, epoch)
    side.escrow.withdraw_amends(another.id, *STATED, sender=side.guardian)
    side.escrow.propose_amends(another.id, epoch, *STATED, sender=side.issuer)


def _end(world: World) -> None:
    """One is cancelled, one ends by a sign of life, one is in force and paid in part; a further
    list is under way."""
    home = world.home
    second_registrar(world)
    first = listed(world, (home.fund, 30), (home.investor, 20))
    # Of the ledgers' ratios home has none.
    state = last_state(world, first, epoch=0)
    proofs = attested_by_each(world, state)
    propose(world, state, *proofs)
    home.escrow.cancel_end(world.lane, *STATED, sender=home.guardian)
    propose(world, state, *proofs)
    confirm(world, state)
    sign = world.message(kind=2, lock_time=state.time + 1)
    home.chain.set_time(max(home.chain.now, state.time + 1))
    proven = world.network.attestations(sign)
    home.escrow.show_life(sign.as_tuple(), *proven, sender=home.outsider)
    propose(world, state, *proofs)
    confirm(world, state)
    wait(world)
    apply(world)
    home.token.admit(home.fund, 40_000, *STATED, sender=home.registrar)
    pay(world, first, 0)
    further = last_state(world, listed(world, (home.fund, 7), number=1), epoch=0)
    propose(world, further, *attested_by_each(world, further))
    confirm(world, further)


def _record(side: Side) -> None:
    """The record's next version is in force, another one is proposed."""
    registry = side.registry
    (event,) = [e for e in registry.events() if e.name == "RecordPutInForce"]
    record, record_hash = event.args["record"], event.args["record_hash"]
    instrument = record.instrument._replace(
        version=2, previous=record_hash, terms_uri="https://example.org/terms/2"
    )
    record = record._replace(instrument=instrument)
    amended = registry.record_hash_of(record)
    registry.propose_record(ISIN, amended, True, *STATED, sender=side.registrar)
    registry.propose_record(ISIN, amended, False, *STATED, sender=side.registrar)
    registry.amend(record, *STATED, sender=side.issuer)
    registry.propose_record(ISIN, b"\1" * 32, True, *STATED, sender=side.registrar)


def _releases(network: Network, side: Side) -> None:
    """One release ran and was rolled back, one is noticed with a consent, one was withdrawn."""
    suite, upgrader = network.suite(side.chain.name), side.upgrader
    name, first, second, third = "BridgeEscrow", *(Version(1, 0, patch) for patch in (1, 2, 3))
    for version in (first, second, third):
        code = upgrades.deploy_implementation(suite.chain, name, sender=upgrader)
        upgrades.register_release(suite, name, name, version, str(code.address), sender=upgrader)
    side.authority.withdraw_release(
        side.authority.release_id(artifact_kind(side), third.packed), *STATED, sender=upgrader
    )
    upgrades.give_notice(suite, name, second, sender=upgrader)
    upgrades.give_notice(suite, name, first, sender=upgrader)
    for role in APPROVERS:
        upgrades.approve(suite, name, first, sender=side.parties[role])
    upgrades.await_notice(suite, name)
    upgrades.activate(suite, name, first, sender=side.courier)
    _emergencies(network, side.chain.name)
    for strand in (False, True):
        side.authority.propose_roll_back(side.escrow, strand, *STATED, sender=upgrader)
    upgrades.roll_back(suite, name, sender=side.guardian)
    reason = (b"MALF", True, *STATED)
    side.authority.propose_roll_back_reason(*reason, sender=side.administrator)
    side.authority.set_roll_back_reason(*reason, sender=side.second_administrator)
    upgrades.give_notice(suite, name, second, sender=upgrader)
    for consenting in (side.operator, side.auditor):
        upgrades.approve(suite, name, second, sender=consenting)
    for code_hash in (b"\1" * 32, b"\2" * 32):
        side.authority.register_custody_code(code_hash, *STATED, sender=upgrader)
    side.authority.withdraw_custody_code(code_hash, *STATED, sender=upgrader)


def _emergencies(network: Network, ledger: str) -> None:
    """Of the registry: one ratified, then one that waits; of nobody's notice."""
    first, second = (Version(1, 0, patch) for patch in (1, 2))
    for version in (first, second):
        emergencies.hurry(network, ledger, version)
        emergencies.propose_ratification(network, ledger, version)
        if version == first:
            emergencies.ratify(network, ledger, version)


def artifact_kind(side: Side) -> bytes:
    return bytes(side.authority.installation_of(side.escrow).kind)


def _issuance(home: Side) -> None:
    """Authorised, withdrawn, used, given back by a redemption and not by another's bridge."""
    token, issuer = home.token, home.issuer
    outside = token.bridge_of(ZERO)
    everywhere = token.totalSupply() + outside.went_out - outside.came_in
    token.withdraw_authorisation(token.authorised() - everywhere, *STATED, sender=home.notary)
    token.authorise_issuance(1_000, *STATED, sender=home.notary)
    token.mint(home.investor, 600, *STATED, sender=issuer)
    token.withdraw_authorisation(100, *STATED, sender=home.notary)
    token.approve(issuer, 500, sender=home.investor)
    token.burn(home.investor, 200, *STATED, sender=issuer)
    bridge = _bridge(home)
    token.crosschainBurn(home.investor, 90, sender=bridge.address)
    token.crosschainMint(home.investor, 40, sender=bridge.address)


def _ratios(side: Side, bridge: Contract) -> None:
    """Two in force, one withdrawn, one whose day comes with nobody acting, one still pending."""
    token, fund, investor, engine = side.token, side.fund, side.investor, Engine.of(side)
    for fraction, ahead in (((3, 2), 3), ((7, 1), 4), ((3, 10), 5), ((5, 3), 9), ((2, 1), 90)):
        if ahead == 90:
            # The first has begun, another one may wait.
            engine.begin(engine.day(3))
        engine.announce(*fraction, ahead, agent=investor)
    engine.withdraw(engine.day(1))
    engine.begin(engine.day(2))
    token.transfer(fund, 20, sender=investor)
    token.forcedTransfer(fund, investor, 5, order_id(3), sender=side.custodian)
    token.withdraw_order(fund, investor, 6, order_id(4), *STATED, sender=side.registrar)
    token.setFrozenTokens(side.attacker, 3, *STATED, sender=side.custodian)
    token.credit_remainders(2, sender=side.outsider)
    side.bridge(bridge, 700, 800)
    side.chain.advance(DAY)
    token.crosschainMint(investor, 60, sender=bridge.address)


def _stops(world: World, side: Side) -> None:
    """Some end by themselves, some are prolonged, some lifted, of both kinds."""
    escrow, lane = side.escrow, world.lane
    side.token.pause(7, *STATED, sender=side.guardian)
    escrow.pause_lane(lane, 3, *STATED, sender=side.guardian)
    side.chain.advance(6 * DAY + DAY // 2)
    side.token.pause(1, *STATED, sender=side.administrator)
    side.token.unpause(3, *STATED, sender=side.administrator)
    escrow.unpause_lane(lane, 1, *STATED, sender=side.administrator)
    escrow.pause_lane(lane, 2, *STATED, sender=side.administrator)
    side.chain.advance(DAY * 3 // 4)
    side.token.instruct(*STATED, sender=side.custodian)


# --- the logs say it all -----------------------------------------------------------------------


@pytest.mark.parametrize("ledger", ["home", "remote"])
def test_a_busy_ledger_is_rebuilt_from_its_logs(busy: World, ledger: str) -> None:
    assert differences(busy.network, ledger) == []


@pytest.mark.parametrize("ledger", ["home", "remote"])
def test_an_ended_lane_is_rebuilt_from_its_logs(ended: World, ledger: str) -> None:
    assert not differences(ended.network, ledger)
    end = ended.home.escrow.list_of(ended.lane, 0)
    assert end.owed == 20


def test_the_busy_life_has_every_event(ended: World) -> None:
    """So that no rule goes without a test."""
    logged = {
        event.event
        for ledger in ("home", "remote")
        for event in read_log(ended.network.connection, ledger).events
    }
    # Those of proofs: test_rebuild_proofs.py; of ratios over ledgers: test_rebuild_ratios.py.
    elsewhere = {"SourceFixed", "RootShown", "PageProven", *OF_RATIOS}
    assert logged | elsewhere == set(RULES)


def test_every_event_of_our_contracts_has_its_rule() -> None:
    """Whoever adds an event says what it changes."""
    events = {
        entry["name"]
        for contract in (*CONTRACTS, PROXY)
        for entry in artifact(contract).abi
        if entry["type"] == "event"
    }
    assert set(RULES) == events


@pytest.mark.parametrize("ledger", ["home", "remote"])
def test_ratios_are_in_what_is_rebuilt_from_their_first_moment_on(busy: World, ledger: str) -> None:
    """Announced, in its last day, begun and nobody has acted, met by a first act, next day."""
    side = busy.home if ledger == "home" else busy.remote
    engine = Engine.of(side)
    before = rebuilt(busy.network, ledger)
    engine.announce(7, 5, 120)
    first = engine.day(120)
    for act in (
        lambda: None,
        lambda: engine.begin(first, seconds=-5),
        lambda: engine.begin(first),
        lambda: side.token.setFrozenTokens(side.investor, 99, *STATED, sender=side.custodian),
        lambda: side.escrow.bring_up(busy.lane, sender=side.outsider),
        lambda: engine.begin(first + 1),
    ):
        act()
        assert differences(busy.network, ledger) == []
    supply = {row.view: row.logs for row in before}["totalSupply"]
    assert side.token.totalSupply() >= supply * 7 // 5


def test_an_event_that_nobody_knows_is_an_error() -> None:
    stray = Logged("eip155:1", "SecurityToken", "0x" + "ab" * 20, "Surprise", {}, 7, 1_000)
    with pytest.raises(CheckFailed) as caught:
        rebuild([stray], 2_000)
    assert str(caught.value) == (
        f"block 7: SecurityToken {stray.address}: Surprise: "
        "nothing here knows what this event changes"
    )


def test_what_the_token_knows_in_figures(busy: World) -> None:
    """Not only no difference: the facts themselves."""
    home, facts = busy.home, read_log(busy.network.connection, "home").facts()

    def fact(view: str, *arguments: Any) -> Any:
        return facts[(str(home.token.address), view, *map(str, arguments))]

    supply = home.token.totalSupply()
    assert fact("totalSupply") == supply
    # Withdrawn down to the supply and 5 with a bridge, then 1,000 authorised, 600 issued, 100
    # withdrawn, 200 redeemed; of 90 that a bridge took off 40 came back.
    assert fact("authorised") == supply + 5 + 90 - 40 + 300
    assert fact("allowance", home.investor.address, home.buyer.address) == 70
    assert fact("allowance", home.investor.address, home.fund.address) == UINT_MAX
    assert fact("allowance", home.investor.address, home.issuer.address) == 300
    assert fact("paused_scopes") == 1
    assert facts[(str(home.escrow.address), "lane_state", busy.lane)]["paused_directions"] == 2
    assert fact("position_of", home.outsider.address)["frozen"] == UINT_MAX


def test_an_order_dies_with_its_registrar_and_its_time(busy: World) -> None:
    home = busy.home
    facts_of = [
        row
        for row in rebuilt(busy.network, "home")
        if row.view == "order_in_force" and row.member == "expires_at"
    ]
    assert [row.arguments[2] for row in facts_of if row.logs] == [5]
    assert len(facts_of) == 7
    home.give_role(home.token, home.registrar, Role.NONE)
    after = [row for row in rebuilt(busy.network, "home") if row.view == "order_in_force"]
    assert not any(row.logs for row in after if row.member == "expires_at")
    assert all(row.same for row in after)


# --- and notice what they don't say ------------------------------------------------------------

_Fault = Callable[[World], tuple[Contract, tuple[Any, ...], int]]


def _position(field: int) -> _Fault:
    return lambda w: (w.home.token, ("book", "_positions", w.home.fund.address), field)


def _issue(field: int) -> _Fault:
    return lambda w: (w.home.token, ("book", "_issue"), field)


def _opening(day: int, field: int) -> _Fault:
    """Of the opening that tells what the fund had at a close, by the day it begins."""

    def fault(world: World) -> tuple[Contract, tuple[Any, ...], int]:
        token = world.home.token
        announced = max(d for d in token.announced_closes() if d < token.business_day())
        key = opening_key(world.home.fund.address, announced + day)
        return token, ("book", "_openings", key), field

    return fault


def _came_opening(later: int) -> _Fault:
    """Of the opening that tells what bridges had carried at a close, by the day it begins."""

    def fault(world: World) -> tuple[Contract, tuple[Any, ...], int]:
        token = world.home.token
        kept = [e.args["day"] for e in token.events() if e.name == "OpeningKept"]
        return token, ("book", "_openings", opening_key(token.address, kept[0] + later)), 1

    return fault


def _terms(field: int) -> _Fault:
    return lambda w: (w.remote.escrow, ("lanes", "_terms", w.lane), field)


def _limit(field: int) -> _Fault:
    return lambda w: (w.remote.escrow, ("lanes", "_limits", w.lane), field)


def _queued(world: World) -> tuple[Contract, tuple[Any, ...], int]:
    event = next(e for e in world.remote.escrow.events() if e.name == "UnitsQueued")
    return world.remote.escrow, ("transit", "waits", event.args["id"]), 1


def _ledger(field: int) -> _Fault:
    return lambda w: (w.remote.escrow, ("lanes", "_ledger", w.lane), field)


def _figure(figure: Figure, kept_by: str, field: int) -> _Fault:
    """Of the opening that tells a figure at a close, by whatever keeps that close."""

    def fault(world: World) -> tuple[Contract, tuple[Any, ...], int]:
        side = world.home
        kept = [e.args for e in side.escrow.events() if e.name == "FigureKept"]
        day = kept[-1]["day"]
        if kept_by == "announcement":
            day -= 2
        return side.escrow, ("lanes", "_openings", world.lane, figure_key(figure, day)), field

    return fault


def _landed(world: World) -> tuple[Contract, tuple[Any, ...], int]:
    event = [e for e in world.remote.escrow.events() if e.name == "UnitsLanded"][-1]
    return world.remote.escrow, ("transit", "landed", event.args["id"]), 1


# What is flipped in one word -> the views that differ, with their members.
_FAULTS: dict[str, tuple[_Fault, set[str]]] = {
    "balance": (_position(1), {"position_of balance"}),
    "frozen amount": (_position(1 << 104), {"position_of frozen"}),
    "eligibility": (_position(1 << 208), {"position_of eligible_until"}),
    "number of orders": (_position(1 << 247), {"position_of orders"}),
    # To a later day, whatever day it was.
    "last movement": (_position(1 << 236), {"position_of last_movement"}),
    "epoch": (_position(1 << 240), {"position_of epoch"}),
    "account freeze": (_position(1 << 250), {"position_of account_frozen"}),
    "link": (_position(1 << 251), {"position_of link"}),
    "pool": (_position(1 << 255), {"position_of pool"}),
    "what a bridge brought": (
        lambda w: (w.home.token, ("bridges", "_bridges", _last_bridge(w.home)), 1),
        {"bridge_of came_in", "mintingCurrentLimitOf"},
    ),
    "limit of a bridge": (
        lambda w: (w.home.token, ("bridges", "_limits", int(_last_bridge(w.home), 16) << 1 | 1), 1),
        {"burningMaxLimitOf", "burningCurrentLimitOf"},
    ),
    "supply": (_issue(1), {"totalSupply"}),
    "authorised": (_issue(1 << 104), {"authorised"}),
    "close of business": (_issue(1 << 208), {"close_minute"}),
    "live": (_issue(1 << 250), {"is_live"}),
    # By a ratio that nobody announced all that is stated in units is nothing.
    "epoch of the issue": (
        _issue(1 << 240),
        {
            "action_epoch",
            "authorised",
            *(f"bridge_of {count}" for count in ("came_in", "went_out")),
            *(f"{way}CurrentLimitOf" for way in ("minting", "burning")),
            *(f"order_in_force {m}" for m in ("amount", "expires_at", "reason", "registrar")),
        },
    ),
    "pause": (
        lambda w: (w.home.token, ("stops", "_stops", bytes(32)), 1 << (64 + 32)),
        {"paused_scopes"},
    ),
    "calendar": (lambda w: (w.home.token, ("book", "_calendar"), 1), {"announced_closes"}),
    "announced close": (_opening(1, 1), {"balance_at_close", "entitled_at_close"}),
    "class at an announced close": (_opening(1, 1 << 251), {"entitled_at_close"}),
    "close kept by hand": (_opening(2, 1), {"balance_at_close", "entitled_at_close"}),
    "what bridges had carried at an announced close": (_came_opening(-1), {"came_at_close"}),
    "what bridges had carried at a close kept by hand": (_came_opening(0), {"came_at_close"}),
    "allowance": (
        lambda w: (
            w.home.token,
            ("erc20", "_allowance", w.home.investor.address, w.home.buyer.address),
            1,
        ),
        {"allowance"},
    ),
    "order": (
        lambda w: (
            w.home.token,
            (
                "orders",
                "_orders",
                _order_key(w.home.token, w.home.fund.address, w.home.investor.address, 5),
            ),
            1,
        ),
        {"order_in_force expires_at"},
    ),
    "standing instruction": (
        lambda w: (
            w.home.token,
            ("standing", "standing_instruction", w.home.custodian.address),
            1 << 224,
        ),
        {"standing_instruction reason"},
    ),
    "role": (
        lambda w: (w.home.escrow, ("access", "_held", w.home.operator.address), 32 | 64),
        {"role_of"},
    ),
    "left set-up key": (lambda w: (w.home.registry, ("access", "set_up_key"), 1), {"set_up_key"}),
    "administrators": (
        lambda w: (w.home.authority, ("access", "administrators"), 1),
        {"administrators"},
    ),
    "proposal": (
        lambda w: (w.home.escrow, ("access", "_proposals", _pending(w.home.escrow)), 1 << 56),
        {"proposal_of proposer_role"},
    ),
    "outstanding": (_ledger(1), {"lane_state outstanding"}),
    "messages sent": (_ledger(1 << 104), {"lane_state sent"}),
    "arrival of nobody's nonce": (_ledger(1 << (192 + 203 % 64)), {"has_arrived"}),
    "suspense": (
        lambda w: (w.remote.escrow, ("lanes", "_suspense", w.lane), 1),
        {"lane_state suspense"},
    ),
    "sent at an announced close": (_figure(Figure.SENT, "announcement", 1), {"sent_at_close"}),
    "sent at a close kept by hand": (_figure(Figure.SENT, "hand", 1), {"sent_at_close"}),
    "suspense at a close": (_figure(Figure.SUSPENSE, "hand", 1), {"suspense_at_close"}),
    "landing": (_landed, {"landed"}),
    "outbox": (lambda w: (w.home.escrow, ("transit", "outbox", w.lane, 0), 1), {"outbox"}),
    "cap": (_terms(1 << 186), {"lane_state terms.cap"}),
    "limit": (_limit(10**6 << 27), {"lane_state terms.limit", "limit_state limit"}),
    "what has arrived": (_limit(1 << 167), {"limit_state drained_at"}),
    "growth of room": (_limit(1 << 131), {"limit_state ramps_until"}),
    "time of what waits": (_queued, {"waits"}),
    "lane's stop": (
        lambda w: (w.remote.escrow, ("stops", "_stops", w.lane), 1 << 32),
        {"lane_state paused_directions"},
    ),
    "verifier": (
        lambda w: (w.remote.escrow, ("lanes", "_epochs", w.lane, 2), 1 << 96),
        {"lane_state terms.verifier", "epoch_at verifier"},
    ),
    "second verifier": (
        lambda w: (w.remote.escrow, ("lanes", "_seconds", w.lane, 2), 1),
        {"lane_state terms.second", "epoch_at second"},
    ),
    "pending change": (
        lambda w: (w.remote.escrow, ("lanes", "_pending", w.lane), 1),
        {"pending_lane_terms verifier"},
    ),
    "canonical lane": (
        lambda w: (w.home.escrow, ("lanes", "canonical_lane", pair_key(w.home, w.remote)), 1),
        {"canonical_lane"},
    ),
    "newest epoch": (
        lambda w: (w.home.escrow, ("lanes", "_newest", w.lane), 2 ^ 1),
        {"lane_state epoch", "lane_state terms.verifier", "lane_state terms.second"},
    ),
    "end of an epoch": (
        lambda w: (w.home.escrow, ("lanes", "_epochs", w.lane, 1), 1),
        {"epoch_at valid_until"},
    ),
    "proxy": (
        lambda w: (w.home.authority, ("", "proxy_at", proxy_name("BridgeEscrow")), 1),
        {"proxy_at"},
    ),
    "release": (
        lambda w: (w.home.authority, ("", "release_of", _release(w.home)), 1),
        {"release_of kind"},
    ),
    "installation": (
        lambda w: (w.home.authority, ("", "installation_of", w.home.token.address), 1),
        {"installation_of kind"},
    ),
    "notice": (
        lambda w: (w.home.authority, ("", "_notice_of", w.home.escrow.address), 1),
        {"notice_of release"},
    ),
    "custody code": (
        lambda w: (w.home.authority, ("", "custody_code", b"\2" * 32), 1),
        {"custody_code"},
    ),
    "version of an event": (
        lambda w: (w.home.engine, ("events", "_versions", _told(w, "RecordSent").record_hash), 3),
        {"version_of version"},
    ),
    "event in force": (
        lambda w: (w.remote.engine, ("events", "event_of", _told(w, "RecordSent").coaf), 1),
        {"event_of corp"},
    ),
    "hash of a record": (
        lambda w: (
            w.home.engine,
            ("events", "record_hash", _told(w, "RecordSent").coaf, 1),
            1,
        ),
        {"record_hash"},
    ),
    "told": (
        lambda w: (
            w.home.engine,
            (
                "events",
                "told_at",
                _told(w, "ArmedTaken").armed.event_version,
                _told(w, "ArmedTaken").ledger,
            ),
            1,
        ),
        {"told_at taken_at"},
    ),
    "message of an engine": (
        lambda w: (w.home.engine, ("dispatch", "is_told", _told(w, "RecordSent").id), 1),
        {"is_told"},
    ),
    "peer": (
        lambda w: (w.home.engine, ("dispatch", "peer_of", _told(w, "PeerSet").ledger), 1),
        {"peer_of chain_id"},
    ),
    "books of a lane": (
        lambda w: (w.home.engine, ("suspensions", "_lanes", w.lane), 1),
        {"reconciliation_of day"},
    ),
    "how often a lane was suspended": (
        lambda w: (w.home.engine, ("suspensions", "_lanes", w.lane), 1 << 40),
        {"reconciliation_of suspensions"},
    ),
    "for what a lane is suspended": (
        lambda w: (w.home.engine, ("suspensions", "_cause", w.lane), 1),
        {"reconciliation_of coaf"},
    ),
    "since when each day is asked for": (
        lambda w: (w.home.engine, ("reconciliation", "daily_since"), 1),
        {"daily_since"},
    ),
    "suspension of an instrument": (_issue(1 << 247), {"is_suspended"}),
    "suspension of a lane": (
        lambda w: (w.home.escrow, ("lanes", "_terms", w.lane), 1 << 163),
        {"is_suspended"},
    ),
    "home of a remote engine": (
        lambda w: (w.remote.engine, ("dispatch", "home_ledger"), 1),
        {"home_ledger"},
    ),
    "event attestors": (
        lambda w: (w.home.engine, ("events", "attestors"), 1),
        {"attestors"},
    ),
    "share of home": (
        lambda w: (w.home.engine, ("cut", "_shares", _told(w, "EventFixed").coaf, bytes(32)), 1),
        {"share_of accounts"},
    ),
    "what is with other bridges": (
        lambda w: (
            w.home.engine,
            ("cut", "_shares", _told(w, "EventFixed").coaf, party(w.home.token.address)),
            1,
        ),
        {"share_of home_crossing"},
    ),
    "share of a lane": (
        lambda w: (
            w.home.engine,
            ("cut", "_shares", _told(w, "EventFixed").coaf, w.lane),
            1 << 104,
        ),
        {"share_of crossing"},
    ),
    "figures": (
        lambda w: (
            w.home.engine,
            ("figures", "_told", w.lane, _told(w, "FiguresContradicted").day),
            1 << 225,
        ),
        {"figures_at"},
    ),
    "record": (
        lambda w: (w.home.registry, ("records", "_record_hash", _isin_hash()), 1),
        {"record_hash", "resolve record_hash"},
    ),
}


def _told(world: World, event: str) -> Any:
    """The first event of that name that home's engine logged."""
    found = [e.args for e in world.home.engine.events() if e.name == event]
    return SimpleNamespace(**found[0])


def _last_bridge(side: Side) -> str:
    """The bridge that took units off."""
    return str([e for e in side.token.events() if e.name == "CrosschainBurn"][-1].args["sender"])


def _isin_hash() -> bytes:
    from eth_utils.crypto import keccak

    return keccak(text=ISIN)


def _order_key(token: Contract, sender: str, receiver: str, amount: int) -> bytes:
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak

    types = ["bytes32", "address", "address", "uint256"]
    return keccak(encode(types, [order_id(3), sender, receiver, amount]))


def _pending(escrow: Contract) -> bytes:
    """The act of the proposal of terms that is pending."""
    acts = [bytes(e.args["act"]) for e in escrow.events() if e.name == "LaneTermsProposed"]
    return next(act for act in acts if escrow.proposal_of(act).lapses_at)


def _release(side: Side) -> bytes:
    return bytes(side.authority.installation_of(side.escrow).release)


@pytest.mark.parametrize("kind", list(_FAULTS))
def test_one_word_changed_past_every_rule_is_found(busy: World, kind: str) -> None:
    fault, expected = _FAULTS[kind]
    contract, (module, variable, *keys), bits = fault(busy)
    word = read_slot(contract, module, variable, *keys)
    write_slot(contract, word ^ bits, module, variable, *keys)
    found = differences(busy.network, contract.chain.name)
    assert {f"{row.view} {row.member}".strip() for row in found} == expected
    assert {row.address for row in found} == {str(contract.address)}


def test_an_implementation_that_no_event_named_is_found(busy: World) -> None:
    token = busy.home.token
    slot = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
    stray = int(busy.home.implementations["SecurityToken"], 16) ^ 1
    code = token.chain.code(busy.home.implementations["SecurityToken"])
    token.chain.set_code(f"0x{stray:040x}", code)
    token.chain.set_storage(token.address, slot, stray)
    assert [row.view for row in differences(busy.network, "home")] == ["implementation"]


# --- what people and programs read -------------------------------------------------------------


def test_the_log_in_words(busy: World) -> None:
    text = io.StringIO()
    connection = busy.network.connection
    log = read_log(connection, "home")
    show_events(log, connection, Console(file=text, width=400, color_system=None))
    lines = [" ".join(line.split()) for line in text.getvalue().splitlines()]
    assert len(lines) > len(log.events)
    investor = names_of(connection, "home")[busy.home.investor.address]
    for what in (
        f"SecurityToken Approval owner {investor}, spender issuer, value 0.0005",
        "BridgeEscrow Role changed account operator, role operator, previous role none",
        "SecurityToken Act guardian: pause, reason TEST, document 0x",
        "SecurityToken Paused scope transfers + issuance + lanes, account guardian",
    ):
        assert any(what in line for line in lines), what


def test_differences_come_first_in_words(busy: World) -> None:
    token, holder = busy.home.token, busy.home.fund.address
    word = read_slot(token, "book", "_positions", holder)
    write_slot(token, word + 1_000_000, "book", "_positions", holder)
    connection = busy.network.connection
    log = read_log(connection, "home")
    rows = compare(log, log.facts())
    text = io.StringIO()
    show_rebuilt(log, rows, connection, Console(file=text, width=200, color_system=None))
    lines = [" ".join(line.split()) for line in text.getvalue().splitlines() if line.strip()]
    name = names_of(connection, "home")[holder]
    units = units_text(word % 2**104, 6), units_text(word % 2**104 + 1_000_000, 6)
    assert lines[3] == f"DIFFERS SecurityToken position_of({name}) balance {' '.join(units)}"
    assert lines[-1] == f"{len(rows)} facts of home: 1 differ"


def test_the_log_and_the_comparison_as_json(busy: World) -> None:
    connection = busy.network.connection
    log = read_log(connection, "home")
    data = json.loads(json.dumps(log_dict(log, connection)))
    assert list(data) == ["schema", "isin", "decimals", "ledger", "block", "time", "events"]
    assert (data["schema"], data["ledger"], data["isin"]) == ("tallystick.log/1", "home", ISIN)
    assert [(e["block"], e["log_index"]) for e in data["events"]] == sorted(
        (e["block"], e["log_index"]) for e in data["events"]
    )
    paused = next(e for e in data["events"] if e["event"] == "Paused")
    assert list(paused) == [
        *("caip2", "contract", "address", "event", "args", "block", "time", "log_index", "tx")
    ]
    assert list(paused["args"]) == ["scope", "account", "ends_at"]
    assert paused["args"]["account"] == busy.home.guardian.address
    moved = next(e for e in data["events"] if e["event"] == "Transfer")
    assert isinstance(moved["args"]["value"], str)
    rows = compare(log, log.facts())
    data = json.loads(json.dumps(log_dict(log, connection, rows)))
    assert list(data)[-2:] == ["ok", "facts"]
    assert (data["schema"], data["ok"], len(data["facts"])) == (
        "tallystick.rebuild/1",
        True,
        len(rows),
    )
    supply = next(fact for fact in data["facts"] if fact["view"] == "totalSupply")
    assert supply == {
        "contract": "SecurityToken",
        "address": busy.home.token.address,
        "view": "totalSupply",
        "arguments": [],
        "member": "",
        "logs": str(busy.home.token.totalSupply()),
        "chain": str(busy.home.token.totalSupply()),
        "same": True,
    }


def test_the_command_on_nodes(network: Network, tmp_path: Path) -> None:
    """On whatever the run's ledgers are; the command itself wants nodes."""
    message = network.lock(network.holder("home", 0), network.holder("remote", 0), 100)
    network.remote.chain.set_time(network.home.chain.now + 10)
    network.deliver(message)
    for ledger in ("home", "remote"):
        assert differences(network, ledger) == []
    manifest = network.manifest.write(tmp_path / "manifest.json")
    done = tallystick("log", "moon", "--manifest", manifest, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{manifest}: ledger: moon: expected one of the ledgers: home, remote\n"
    done = tallystick("log", "home", "--manifest", manifest, "--rebuild", "--json", cwd=tmp_path)
    if not network.home.chain.url:
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        return
    assert (done.returncode, json.loads(done.stdout)["ok"], done.stderr) == (0, True, "")
    done = tallystick("log", "remote", "--manifest", manifest, cwd=tmp_path)
    assert done.returncode == 0
    assert "Message delivered" in done.stdout
    slot = slot_of(network.home.token, "book", "_issue")
    word = int.from_bytes(network.home.chain.storage(network.home.token, slot), "big")
    network.home.chain.set_storage(network.home.token, slot, word + 1)
    done = tallystick("log", "home", "--manifest", manifest, "--rebuild", cwd=tmp_path)
    assert done.returncode == 1
    assert "1 differ" in done.stdout


def test_a_node_that_does_not_answer_is_one_line(network: Network, tmp_path: Path) -> None:
    data = network.manifest.as_dict()
    for ledger in data["ledgers"]:
        ledger["rpc"] = "http://127.0.0.1:1"
    network.manifest.write(tmp_path / "manifest.json")
    (tmp_path / "manifest.json").write_text(json.dumps(data))
    done = tallystick("log", "home", "--manifest", "manifest.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "manifest.json: ledgers[0].rpc: http://127.0.0.1:1: expected a node that answers\n"
    )
