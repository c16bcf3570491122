"""Two ledgers on which everything is open at once: each open thing, what the views say of it, and
how it ends.

A ratio and two close dates are announced, one dividend is partly claimed, another between its
record and payment, a third announced; messages are in every state; of each kind of act that takes
two keys one is proposed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any, Final

from tallystick.actions.message import EventVersion
from tallystick.actions.record import EventRecord
from tallystick.bridge.endings import EndList
from tallystick.bridge.message import LaneMessage, party
from tallystick.chain import Chain
from tallystick.chain.embedded import EmbeddedChain
from tallystick.deploy.upgrade import deploy_implementation
from tallystick.files.instrument import load_instrument, record_of
from tallystick.governance.release import Version, release_terms
from tallystick.registry.record import InstrumentRecord, record_hash
from tests.actions.test_cut_on_chain import cut, hint
from tests.governance.test_authority import FIRST, Upgrade, token_call
from tests.support.actions import (
    APPLE,
    EVENT_ATTESTORS,
    Actions,
    begin,
    world_of_engines,
)
from tests.support.denials import deny, disowned, forged, take
from tests.support.dividend import Dividend, crossed, holders
from tests.support.endings import pay, under_way, wait
from tests.support.ratios import Engine
from tests.support.returns import late, sent_back
from tests.support.world import (
    AMOUNT_MAX,
    DAY,
    ELIGIBLE_UNTIL,
    ROOT,
    STATED,
    BothSides,
    Side,
    World,
)

HOUR: Final = 3_600
# Of each end of the lane: whole units at once, and as many an hour.
LIMIT: Final = 1_000
OVER: Final = LIMIT * 10**6 * 5 // 4
FALSE: Final = 700
# Announced with APPLE: of one the record day follows APPLE's, the other is only announced.
LATER: Final = replace(
    APPLE,
    coaf="US-2020-DVCA-02",
    record_day=APPLE.record_day + 1,
    figures_by=APPLE.record_day + 4,
    payment_day=APPLE.record_day + 8,
    relief_until=APPLE.record_day + 8,
)
ANNOUNCED: Final = replace(
    APPLE,
    coaf="US-2020-DVCA-03",
    ex=APPLE.ex + 30,
    record_day=APPLE.record_day + 30,
    figures_by=APPLE.record_day + 33,
    payment_day=APPLE.record_day + 38,
    relief_until=APPLE.record_day + 38,
)
# Of what is outstanding on the other ledger, on the list of its end.
LISTED: Final = 5
NUMERATOR: Final = 4
DENOMINATOR: Final = 1
RATIO_DAY: Final = LATER.payment_day + 5
# Whole units that the remote end of the lane comes to allow.
CAP: Final = 10**9
NOTARY: Final = 4


@dataclass(frozen=True)
class Fire(BothSides):
    """The world, and what is open in it."""

    world: World
    dividend: Dividend
    messages: dict[str, LaneMessage] = field(default_factory=dict)
    # What was proposed, by what it is called here: its hash.
    acts: dict[str, bytes] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def actions(self) -> Actions:
        """Who acts with the engines."""
        return self.dividend.actions

    @classmethod
    def lit(cls, backend: Callable[..., Chain] = EmbeddedChain) -> Fire:
        """Deploy the suite, use it, and leave everything open."""
        world = world_of_engines(backend, limit=LIMIT, limit_window=HOUR, ramp=HOUR)
        actions = Actions(world)
        engines = [Engine.of(side) for side in (world.home, world.remote)]
        actions.take(actions.in_force(LATER))
        actions.announce(ANNOUNCED)
        dividend = Dividend.fixed(world)
        for engine in engines:
            engine.contract.announce(
                NUMERATOR,
                DENOMINATOR,
                RATIO_DAY,
                engine.side.fund,
                *STATED,
                sender=engine.side.operator,
            )
        dividend.fund()
        actions.close(LATER.record_day)
        cut(actions, LATER)
        actions.fund(world.home, LATER)
        dividend.begin(APPLE.payment_day)
        actions.claim(world.home, world.home.investor)
        actions.claim(world.remote, world.remote.buyer)
        fire = cls(world, dividend)
        fire.send()
        fire.propose()
        world.synchronise()
        return fire

    def send(self) -> None:
        """Messages in every state."""
        world, network = self.world, self.world.network
        home, remote = self.sides
        sent = self.messages
        sent["out"], sent["back"] = self.dividend.outward, self.dividend.homeward
        sent["waiting"] = self.dividend.waiting
        soon = home.chain.now + 2 * HOUR
        for name, amount in (("late", 600), ("returned", 650)):
            sent[name] = network.lock(home.investor, remote.investor, amount, deadline=soon)
        late(world, sent["returned"])
        sent["answer"] = sent_back(world, sent["returned"])
        sent["redirected"] = world.locked(500, remote.outsider)
        world.deliver(sent["redirected"])
        redirect = (sent["redirected"].as_tuple(), remote.fund, *STATED)
        remote.escrow.propose_redirect(*redirect, sender=remote.registrar)
        sent["queued"] = world.locked(OVER)
        assert not world.deliver(sent["queued"]).return_value
        world.synchronise()
        sent["false"] = replace(forged(world, "remote", remote.outsider), nonce=40)
        world.deliver(sent["false"])
        sent["denial"] = deny(world, sent["false"])[1]
        world.synchronise()

    def propose(self) -> None:
        """One act of each kind that waits for its second key, or for its day."""
        home, remote = self.sides
        token, escrow, engine = home.token, home.escrow, home.engine
        acts, known = self.acts, self.known
        known["order"] = home.enter_order(home.investor, home.fund, 5, lasts=30 * DAY)
        token.setFrozenTokens(home.fund, 7, *STATED, sender=home.custodian)
        remote.token.setAddressFrozen(remote.buyer, True, *STATED, sender=remote.custodian)
        token.approve(home.fund, 123, sender=home.buyer)
        token.instruct(*STATED, sender=home.custodian)
        token.authorise_issuance(11, *STATED, sender=home.notary)
        token.pause(2, *STATED, sender=home.guardian)
        for name in ("token", "escrow", "registry", "engine", "authority"):
            contract = getattr(home, name)
            proposed = contract.propose_role(
                home.outsider, NOTARY, *STATED, sender=home.administrator
            )
            acts[name] = proposed.return_value
        limits = (home.verifier, 5, 5)
        acts["bridge"] = token.propose_bridge(*limits, *STATED, sender=home.registrar).return_value
        self.world.network.confirm(self.world.network.home, self.world.network.signer_set(2))
        self.world.change(remote, cap=CAP)
        known["lane"] = self.lane_terms()
        acts["lane"] = escrow.propose_lane(
            known["lane"], *STATED, sender=home.operator
        ).return_value
        amended = record_in_force(self.world).successor(terms_uri="https://example.org/2")
        known["record"] = amended
        acts["record"] = home.registry.propose_record(
            amended.isin, record_hash(amended), False, *STATED, sender=home.registrar
        ).return_value
        known["attestors"] = EVENT_ATTESTORS.verifier(home.chain)
        acts["attestors"] = engine.propose_attestors(
            known["attestors"], *STATED, sender=home.operator
        ).return_value
        self.begin_ends()
        self.hurry()
        engine.setOperator(home.fund, True, sender=home.buyer)
        pool = (home.fund, home.auditor)
        acts["pool"] = engine.propose_pool_payee(
            *pool, *STATED, sender=home.paying_agent
        ).return_value

    def begin_ends(self) -> None:
        """What undoes something: a stop, amends, a reversal, the list of a dead ledger."""
        home, known = self.home, self.known
        for name in ("stopped", "dead"):
            terms = self.lane_terms(name.encode().rjust(32, b"\1"))
            home.escrow.propose_lane(terms, *STATED, sender=home.operator)
            opened = home.escrow.open_lane(terms, *STATED, sender=home.administrator)
            known[name] = opened.return_value
        home.escrow.pause_lane(known["stopped"], 3, *STATED, sender=home.guardian)
        known["disowned"] = disowned(self.world, "home")
        home.escrow.propose_amends(known["disowned"].id, 0, *STATED, sender=home.issuer)
        self.actions.announce_reversal(APPLE)
        custody = home.chain.at("LaneCustody", home.escrow.lane_state(known["dead"]).terms.custody)
        sent = (known["dead"], party(home.fund.address), LISTED, home.chain.now + DAY)
        custody.lock(*sent, sender=home.investor)
        known["list"] = EndList.of(known["dead"], 0, [(home.fund.address, LISTED)])
        known["end"] = under_way(self.world, known["list"])

    def hurry(self) -> None:
        """Two other tokens run a release in an emergency: one key would ratify one, leave one."""
        home, authority = self.home, self.home.authority
        code = deploy_implementation(home.chain, "SecurityToken", sender=home.upgrader)
        upgrade = Upgrade(home, code, Version(1, 0, 1))
        upgrade.register()
        for name in ("kept", "left"):
            named = FIRST, name.encode().rjust(32), token_call(home)
            created = authority.create_proxy(*named, *STATED, sender=home.upgrader)
            another = created.return_value
            upgrade.notice(another)
            home.consent(another, release_terms(upgrade.terms))
            running = another, upgrade.id, *STATED
            authority.activate_in_emergency(*running, sender=home.guardian)
            self.known[name] = running
        authority.propose_ratification(*self.known["kept"], sender=home.administrator)
        proposed = authority.propose_roll_back(another, False, *STATED, sender=home.upgrader)
        self.acts["rollback"] = proposed.return_value

    def lane_terms(self, peer: bytes = STATED[1]) -> tuple[Any, ...]:
        """A lane of the home ledger to a third one, with a custody of its own."""
        terms = self.world.lane_state(self.home).terms
        custody = self.home.new_custody().address
        other = terms._replace(custody=custody, peer_ledger=peer, peer_escrow=peer)
        return tuple(other)

    # ------------------------------------------------------------------ what is said

    def has_arrived(self, name: str) -> bool:
        """Whether a message has."""
        message = self.messages[name]
        side = self.world.side_of(message)
        return bool(side.escrow.has_arrived(message.lane, message.nonce))

    def suspense(self, name: str) -> int:
        """Units of a message that wait."""
        message = self.messages[name]
        return int(self.world.side_of(message).escrow.suspended(message.id))

    def proposed(self, contract: str, act: str) -> str:
        """Whether an act is proposed at home."""
        kept = getattr(self.home, contract).proposal_of(self.acts[act])
        return "proposed" if int(kept[0], 16) else "none"

    def unpaid(self, record: EventRecord) -> str:
        """What is left to pay for an event, on each ledger's accounts and lane."""
        coaf = record.as_tuple()[2]
        left = []
        for side, lane, units in self.dividend.parts:
            funded, rest, _ = side.engine.part_of(coaf, lane)
            left.append(f"{rest:,}" if funded else f"({units:,})")
        return "unpaid " + " + ".join(left)


def record_in_force(world: World) -> InstrumentRecord:
    """The instrument's record, as it was registered with all that a position holds authorised."""
    instrument = load_instrument(ROOT / "examples" / "apple.yaml").model_copy(
        update={"authorised": Decimal(f"{AMOUNT_MAX // 10**6}.{AMOUNT_MAX % 10**6:06}")}
    )
    sides = {"home": world.home, "remote": world.remote}
    return record_of(
        instrument,
        {name: str(side.token.address) for name, side in sides.items()},
        {name: side.chain.caip2 for name, side in sides.items()},
    )


# ---------------------------------------------------------------------------- what is open


@dataclass(frozen=True)
class Open:
    """Something open: what it is called, what the views say of it, and how it ends.

    `end` returns what came of it, in a few words, after it has seen that it is so.
    """

    name: str
    said: Callable[[Fire], str]
    end: Callable[[Fire], str]


def _credited(fire: Fire, name: str, act: Callable[[LaneMessage], Any], holder: str) -> str:
    """A message's units get to an account by an act."""
    message = fire.messages[name]
    side = fire.world.side_of(message)
    account = side.parties[holder]
    before = side.balance(account)
    act(message)
    assert side.balance(account) == before + message.amount
    assert fire.suspense(name) == 0
    return f"{message.amount:,} credited"


def _under_way(fire: Fire, name: str) -> str:
    amount = fire.messages[name].amount
    return f"{amount:,} " + ("arrived" if fire.has_arrived(name) else "under way")


def _waits(fire: Fire, name: str) -> str:
    return f"{fire.suspense(name):,} in suspense"


def _lands(name: str, holder: str) -> Callable[[Fire], str]:
    def end(fire: Fire) -> str:
        fire.world.synchronise()
        return _credited(fire, name, fire.world.deliver, holder)

    return end


def _claims(name: str, holder: str, *, admits: bool = False) -> Callable[[Fire], str]:
    def end(fire: Fire) -> str:
        side = fire.world.side_of(fire.messages[name])
        if admits:
            account = side.parties[holder]
            side.token.admit(account, ELIGIBLE_UNTIL, *STATED, sender=side.registrar)
        return _credited(fire, name, fire.world.network.claim, holder)

    return end


def _redirected(fire: Fire) -> str:
    side = fire.remote

    def redirect(message: LaneMessage) -> None:
        arguments = (message.as_tuple(), side.fund, *STATED)
        side.escrow.redirect(*arguments, sender=side.custodian)

    return _credited(fire, "redirected", redirect, "fund")


def _goes_back(fire: Fire) -> str:
    fire.world.synchronise()
    message, account = fire.messages["late"], fire.home.investor
    before = fire.home.balance(account)
    fire.world.deliver(sent_back(fire.world, message))
    assert fire.home.balance(account) == before + message.amount
    return f"{message.amount:,} back with its sender"


def _never_was(fire: Fire) -> str:
    fire.world.synchronise()
    supply = fire.remote.token.totalSupply()
    take(fire.world, fire.messages["denial"], fire.messages["false"])
    assert fire.suspense("false") == 0
    assert fire.remote.token.totalSupply() == supply - FALSE
    return f"{FALSE} gone"


def _carried_out(fire: Fire) -> str:
    side, order = fire.home, fire.known["order"]
    before = side.balance(side.fund)
    side.token.forcedTransfer(*order, sender=side.custodian)
    assert side.balance(side.fund) == before + 5
    return "5 moved"


def _thawed(fire: Fire) -> str:
    side = fire.home
    side.token.setFrozenTokens(side.fund, 0, *STATED, sender=side.custodian)
    assert side.token.getFrozenTokens(side.fund) == 0
    return "lifted"


def _free(fire: Fire) -> str:
    side = fire.remote
    side.token.setAddressFrozen(side.buyer, False, *STATED, sender=side.custodian)
    assert side.token.canSend(side.buyer)
    return "lifted"


def _goes_on(fire: Fire) -> str:
    side = fire.home
    side.token.unpause(2, *STATED, sender=side.administrator)
    side.chain.advance(DAY)
    assert side.token.paused_scopes() == 0
    return "lifted"


def _issued(fire: Fire) -> str:
    side = fire.home
    supply, authorised = side.token.totalSupply(), side.token.authorised()
    side.token.mint(side.fund, 11, *STATED, sender=side.issuer)
    assert (side.token.totalSupply(), side.token.authorised()) == (supply + 11, authorised)
    return "11 issued"


def _spent(fire: Fire) -> str:
    side = fire.home
    before = side.balance(side.fund)
    side.token.transferFrom(side.buyer, side.fund, 123, sender=side.fund)
    assert side.token.allowance(side.buyer, side.fund) == 0
    assert side.balance(side.fund) == before + 123
    return "123 moved"


def _instructed(fire: Fire) -> str:
    side = fire.home
    # What states no reason of its own goes by it.
    side.token.setFrozenTokens(side.buyer, 1, sender=side.custodian)
    assert side.token.getFrozenTokens(side.buyer) == 1
    return "acted on"


def _role_taken(contract: str) -> Callable[[Fire], str]:
    def end(fire: Fire) -> str:
        side, bound = fire.home, getattr(fire.home, contract)
        act = (side.outsider, NOTARY, *STATED)
        bound.assign_role(*act, sender=side.second_administrator)
        assert bound.role_of(side.outsider) == NOTARY
        return "given"

    return end


def _emergency(fire: Fire) -> str:
    another, release, *_ = fire.known["kept"]
    emergency = fire.home.authority.emergency_of(another)
    return "to be ratified" if bytes(emergency.release) == release else "none"


def _ratified(fire: Fire) -> str:
    side, running = fire.home, fire.known["kept"]
    side.authority.ratify(*running, sender=side.second_administrator)
    assert bytes(side.authority.installation_of(running[0]).release) == running[1]
    return "ratified"


def _rolled_back(fire: Fire) -> str:
    side, (another, release, *_) = fire.home, fire.known["left"]
    side.authority.roll_back(another, False, *STATED, sender=side.guardian)
    assert bytes(side.authority.installation_of(another).release) == FIRST != release
    return "rolled back"


def _bridge_set(fire: Fire) -> str:
    side = fire.home
    side.token.set_bridge(side.verifier, 5, 5, *STATED, sender=side.custodian)
    assert side.token.mintingMaxLimitOf(side.verifier) == 5
    return "set"


def _rotated(fire: Fire) -> str:
    world, network = fire.world, fire.world.network
    epoch = network.home.escrow.lane_state(network.lane).epoch
    network.apply(network.home)
    assert network.home.escrow.lane_state(network.lane).epoch == epoch + 1
    # Its room grows from nothing.
    world.home.chain.advance(3 * HOUR)
    message = network.burn(world.remote.investor, world.home.fund, 90)
    world.synchronise()
    before = world.home.balance(world.home.fund)
    world.deliver(message, network.attest(message, epoch=epoch + 1))
    assert world.home.balance(world.home.fund) == before + 90
    return "in force, 90 credited by it"


def _terms_applied(fire: Fire) -> str:
    side = fire.remote
    fire.world.apply_terms(side)
    assert fire.world.lane_state(side).terms.cap == CAP
    return "in force"


def _opened(fire: Fire) -> str:
    side = fire.home
    receipt = side.escrow.open_lane(fire.known["lane"], *STATED, sender=side.administrator)
    opened = side.escrow.lane_state(receipt.return_value)
    assert opened.terms.peer_ledger == STATED[1]
    return "open"


def _amended(fire: Fire) -> str:
    side, record = fire.home, fire.known["record"]
    side.registry.amend(record.as_tuple(), *STATED, sender=side.issuer)
    assert side.registry.record_hash(record.isin) == record_hash(record)
    return "in force"


def _confirmed(fire: Fire) -> str:
    fire.actions.confirm(EventVersion(ANNOUNCED))
    assert fire.home.engine.event_of(_coaf(ANNOUNCED)).in_force == ANNOUNCED.hash
    return "in force"


def _attestors_set(fire: Fire) -> str:
    side, verifier = fire.home, fire.known["attestors"]
    side.engine.set_attestors(verifier, *STATED, sender=side.administrator)
    assert side.engine.attestors() == verifier.address
    return "set"


def _acts_for(fire: Fire) -> str:
    """An operator claims for who appointed it."""
    side = fire.home
    paid = side.cash.balanceOf(side.buyer)
    fire.actions.claim(side, side.buyer, _hint(side, side.buyer, APPLE), sender=side.fund)
    assert side.cash.balanceOf(side.buyer) == paid + fire.dividend.due(10**11).net
    return "claimed for it"


def _pool_set(fire: Fire) -> str:
    side = fire.home
    side.engine.set_pool_payee(side.fund, side.auditor, *STATED, sender=side.issuer)
    assert side.engine.pool_payee(side.fund) == side.auditor.address
    return "set"


def _coaf(record: EventRecord) -> bytes:
    return bytes(record.as_tuple()[2])


def _hint(side: Side, account: Any, record: EventRecord) -> int:
    """By what an account's balance at the close of a record day is found."""
    view = partial(side.token.balance_at_close, account)
    return hint(view, record.record_day, int(side.token.business_day()))


def _paid(fire: Fire, record: EventRecord) -> str:
    """Everybody who is left is paid by an event, to the unit, and nothing stays but rounding."""
    fire.dividend.begin(max(record.payment_day, int(fire.home.token.business_day()) + 1))
    coaf = _coaf(record)
    for side, lane, units in fire.dividend.parts:
        if not side.engine.part_of(coaf, lane)[0]:
            fire.actions.fund(side, record, lane)
            assert side.engine.part_of(coaf, lane)[1] == units
    for side, account, units in holders(fire.dividend):
        if side.engine.is_paid(coaf, account):
            continue
        before = side.cash.balanceOf(account)
        side.engine.claim(coaf, account, _hint(side, account, record), sender=account)
        assert side.cash.balanceOf(account) == before + fire.dividend.due(units).net
    for side, account, message in crossed(fire.dividend):
        before = side.cash.balanceOf(account)
        side.engine.claim_crossed(coaf, message.as_tuple(), sender=account)
        assert side.cash.balanceOf(account) == before + fire.dividend.due(message.amount).net
    for side, lane, _ in fire.dividend.parts:
        assert side.engine.part_of(coaf, lane)[1] == 0
    return "all paid"


def _ratio_in_force(fire: Fire) -> str:
    side = fire.home
    before = [side.balance(each) for each in (side.investor, side.fund)]
    supply = side.token.totalSupply()
    begin(side, RATIO_DAY)
    after = [side.balance(each) for each in (side.investor, side.fund)]
    assert after == [NUMERATOR * each // DENOMINATOR for each in before]
    assert side.token.totalSupply() == NUMERATOR * supply // DENOMINATOR
    assert side.token.action_epoch() == 1
    return f"{NUMERATOR} for {DENOMINATOR}"


def _lane_goes_on(fire: Fire) -> str:
    side, lane = fire.home, fire.known["stopped"]
    side.escrow.unpause_lane(lane, 3, *STATED, sender=side.administrator)
    side.chain.advance(DAY)
    assert side.escrow.lane_state(lane).paused_directions == 0
    return "lifted"


def _amends(fire: Fire) -> str:
    known = fire.home.escrow.amends_of(fire.known["disowned"].id)
    if known.made:
        return "made"
    return f"{known.amount} proposed" if int(known.issuer, 16) else "none"


def _amends_agreed(fire: Fire) -> str:
    """Who was credited gives the units, and the books are as if they had never arrived."""
    side, false = fire.home, fire.known["disowned"]
    side.escrow.agree_amends(false.id, 0, *STATED, sender=side.custodian)
    before = side.balance(side.fund)
    side.custody.make_good(false.id, false.amount, sender=side.fund)
    assert side.balance(side.fund) == before - false.amount
    assert side.escrow.amends_of(false.id).made
    return f"{false.amount} made good"


def _reversed(fire: Fire) -> str:
    """Who was paid owes it."""
    side, account = fire.home, fire.home.buyer
    fire.actions.confirm_reversal(fire.actions.reversal(APPLE))
    side.engine.assess(_coaf(APPLE), account, _hint(side, account, APPLE), sender=side.courier)
    owed = fire.dividend.due(10**11).net
    assert side.engine.owed_by(account, side.cash)[0] == owed
    return f"in force, {owed:,} owed"


def _listed(fire: Fire) -> str:
    escrow, lane = fire.home.escrow, fire.known["dead"]
    if escrow.is_ended(lane):
        return "ended"
    end = escrow.end_of(lane)
    return f"{end.state.total} listed, its notice runs" if end.applies_from else "none"


def _ended(fire: Fire) -> str:
    """The lane ends for ever, and what was listed is paid at home: in units of now."""
    side, lane = fire.home, fire.known["dead"]
    wait(fire.world)
    side.escrow.apply_end(lane, sender=side.outsider)
    assert side.escrow.is_ended(lane)
    before = side.balance(side.fund)
    pay(fire.world, fire.known["list"], 0)
    paid = LISTED * NUMERATOR // DENOMINATOR
    assert side.balance(side.fund) == before + paid
    return f"{paid} paid"


def _role(contract: str, title: str) -> Open:
    return Open(
        f"role proposed in the {title}",
        lambda fire: fire.proposed(contract, contract),
        _role_taken(contract),
    )


def _applies(side: Side, lane: bytes) -> str:
    due = int(side.escrow.pending_lane_terms(lane).applies_from)
    epoch = side.escrow.lane_state(lane).epoch
    return f"epoch {epoch}, " + ("change pending" if due else "no change")


def _payee(fire: Fire) -> str:
    return str(fire.remote.escrow.redirect_of(fire.messages["redirected"].id).payee)


def _pending_act(contract: str, act: str) -> Callable[[Fire], str]:
    return lambda fire: fire.proposed(contract, act)


# In the order in which they end.
OPEN: Final = (
    Open(
        "account frozen",
        lambda fire: "frozen" if not fire.remote.token.canSend(fire.remote.buyer) else "free",
        _free,
    ),
    Open(
        "units frozen",
        lambda fire: f"{fire.home.token.getFrozenTokens(fire.home.fund)} frozen",
        _thawed,
    ),
    Open(
        "standing instruction",
        lambda fire: (
            "stands"
            if tuple(fire.home.token.standing_instruction(fire.home.custodian)) == STATED
            else "none"
        ),
        _instructed,
    ),
    Open(
        "order in force",
        lambda fire: f"{fire.home.token.order_in_force(*fire.known['order']).amount} to move",
        _carried_out,
    ),
    Open(
        "allowance",
        lambda fire: str(fire.home.token.allowance(fire.home.buyer, fire.home.fund)),
        _spent,
    ),
    Open("message out", partial(_under_way, name="out"), _lands("out", "investor")),
    Open("message home", partial(_under_way, name="back"), _lands("back", "fund")),
    Open(
        "in suspense", partial(_waits, name="waiting"), _claims("waiting", "outsider", admits=True)
    ),
    Open(
        "redirect proposed",
        lambda fire: (
            _waits(fire, "redirected")
            + (", for the fund" if _payee(fire) == fire.remote.fund.address else "")
        ),
        _redirected,
    ),
    Open(
        "over the limit",
        lambda fire: (
            _waits(fire, "queued")
            + (
                ", queued"
                if fire.suspense("queued") and fire.remote.escrow.waits(fire.messages["queued"].id)
                else ""
            )
        ),
        _claims("queued", "investor"),
    ),
    Open("past its deadline", partial(_under_way, name="late"), _goes_back),
    Open("on its way back", partial(_under_way, name="answer"), _lands("answer", "investor")),
    Open(
        "denied by its source",
        lambda fire: (
            _waits(fire, "false")
            + (", taken" if fire.remote.escrow.denial_taken(fire.messages["denial"].id) else "")
        ),
        _never_was,
    ),
    Open(
        "amends proposed",
        _amends,
        _amends_agreed,
    ),
    Open(
        "lane stopped",
        lambda fire: (
            f"directions {fire.home.escrow.lane_state(fire.known['stopped']).paused_directions}"
        ),
        _lane_goes_on,
    ),
    Open(
        "issuance stopped",
        lambda fire: f"scopes {fire.home.token.paused_scopes()}",
        _goes_on,
    ),
    Open(
        "issuance authorised",
        lambda fire: f"{fire.home.token.authorised() - fire.home.token.totalSupply()} to issue",
        _issued,
    ),
    _role("token", "token"),
    _role("escrow", "escrow"),
    _role("registry", "registry"),
    _role("engine", "engine"),
    _role("authority", "authority"),
    Open("emergency of another token", _emergency, _ratified),
    Open("rollback proposed of another", _pending_act("authority", "rollback"), _rolled_back),
    Open("bridge proposed", _pending_act("token", "bridge"), _bridge_set),
    Open(
        "verifier rotation",
        lambda fire: _applies(fire.home, fire.world.lane),
        _rotated,
    ),
    Open(
        "lane terms",
        lambda fire: _applies(fire.remote, fire.world.lane),
        _terms_applied,
    ),
    Open("lane proposed", _pending_act("escrow", "lane"), _opened),
    Open("amendment proposed", _pending_act("registry", "record"), _amended),
    Open(
        "event announced",
        lambda fire: (
            "announced"
            if fire.home.engine.event_of(_coaf(ANNOUNCED)).newest == ANNOUNCED.hash
            else "none"
        ),
        _confirmed,
    ),
    Open("attestors proposed", _pending_act("engine", "attestors"), _attestors_set),
    Open("payee of a pool proposed", _pending_act("engine", "pool"), _pool_set),
    Open(
        "operator appointed",
        lambda fire: (
            "appointed" if fire.home.engine.isOperator(fire.home.buyer, fire.home.fund) else "none"
        ),
        _acts_for,
    ),
    Open("dividend partly claimed", lambda fire: fire.unpaid(APPLE), partial(_paid, record=APPLE)),
    Open(
        "reversal announced",
        lambda fire: (
            "in force"
            if fire.home.engine.reversal_of(_coaf(APPLE)).since
            else "announced"
            if any(fire.home.engine.reversal_of(_coaf(APPLE)).id)
            else "none"
        ),
        _reversed,
    ),
    Open("dividend before payment", lambda fire: fire.unpaid(LATER), partial(_paid, record=LATER)),
    Open(
        "ratio announced",
        lambda fire: (
            f"epoch {fire.home.token.action_epoch()}, "
            f"from day {fire.home.token.ratio_at(1).first_day}"
        ),
        _ratio_in_force,
    ),
    Open("list of a dead ledger", _listed, _ended),
)
