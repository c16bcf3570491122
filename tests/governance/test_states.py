"""docs/access.md in every state: each act that can be carried out, paused, frozen, expired."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from eth_account import Account as Signer

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import EventVersion, RatioState, Reversal, Status, Told
from tallystick.actions.record import Rounding
from tallystick.bridge.consent import Lock
from tallystick.bridge.endings import EndList, LastState
from tallystick.bridge.figures import Figure
from tallystick.bridge.message import LaneMessage
from tallystick.build import artifact
from tallystick.chain import Contract, Revert
from tallystick.deploy.upgrade import deploy_implementation
from tallystick.governance.release import Version, proxy_name, release_id
from tallystick.registry.record import InstrumentRecord, Placement, record_hash, token_word
from tests.actions.test_operators import signature_of, typed
from tests.governance.test_authority import Upgrade
from tests.governance.under_fire import record_in_force
from tests.support.actions import (
    ACCOUNTS,
    APPLE,
    COAF,
    EVENT_ATTESTORS,
    Actions,
    begin,
    domain_of,
    world_of_engines,
)
from tests.support.arming import SPLIT, SPLIT_COAF, Arming
from tests.support.cash import permit_of
from tests.support.closing import begin as begun_closing
from tests.support.closing import proposed, say
from tests.support.denials import agree, deny, forged, take
from tests.support.dividend import Dividend
from tests.support.endings import (
    apply,
    attested,
    confirm,
    last_state,
    listed,
    propose,
    second_registrar,
    wait,
)
from tests.support.proofs import Prover, Source
from tests.support.ratios import Engine
from tests.support.redeeming import Redemption
from tests.support.returns import Returned
from tests.support.world import (
    AUTHORITY,
    DAY,
    DOCUMENT,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
)
from tools.access import PAUSES, STATES, SUSPENSIONS, Row, committed

SCOPES = {"transfers": 1, "issuance": 2, "lanes": 4}
DIRECTIONS = {"out": 1, "in": 2}
TABLE = committed()


@pytest.fixture(scope="session")
def deployed_world() -> World:
    return world_of_engines()


@dataclass(frozen=True)
class Call:
    """An act that would be carried out now: by whose key, who is debited by it, who credited."""

    side: Side
    contract: Contract
    function: str
    arguments: tuple[Any, ...]
    key: Any
    debited: Any = None
    credited: Any = None

    def make(self) -> None:
        """Carry it out."""
        getattr(self.contract, self.function)(*self.arguments, sender=self.key)

    def party(self, name: str) -> Any:
        """The account that a state speaks of, if the call touches one."""
        return {"caller": self.key, "from": self.debited, "to": self.credited}[name]


Prepare = Callable[[World, str], Call]
CALLS: dict[tuple[str, str], Prepare] = {}


def prepares(contract: str, function: str) -> Callable[[Prepare], Prepare]:
    """Enter what prepares the call of a function."""

    def enter(prepare: Prepare) -> Prepare:
        CALLS[contract, function] = prepare
        return prepare

    return enter


def _simple(
    contract: str, function: str, attribute: str, key: str, *arguments: Any, name: str = "home"
) -> None:
    """A call that needs nothing before it: arguments may name parties."""

    def prepare(world: World, state: str) -> Call:
        side: Side = getattr(world, name)
        given = [
            side.parties[each[1:]].address
            if isinstance(each, str) and each.startswith(":")
            else world.lane
            if each == "lane"
            else each
            for each in arguments
        ]
        return Call(side, getattr(side, attribute), function, (*given,), side.parties[key])

    CALLS[contract, function] = prepare


def _then(contract: str, function: str, first: str, key: str = "", wait: int = 0) -> None:
    """A call that follows another with the same arguments, by another key, some time later."""

    def prepare(world: World, state: str) -> Call:
        call = CALLS[contract, first](world, state)
        call.make()
        if wait:
            call.side.chain.advance(wait)
        return replace(call, function=function, key=call.side.parties[key] if key else call.key)

    CALLS[contract, function] = prepare


# ------------------------------------------------------------------- in every contract

_ATTRIBUTES = {
    "SecurityToken": "token",
    "BridgeEscrow": "escrow",
    "ReleaseAuthority": "authority",
    "InstrumentRegistry": "registry",
    "ActionsEngine": "engine",
}


def _roles(contract: str, attribute: str) -> None:
    _simple(contract, "propose_role", attribute, "administrator", ":outsider", 2, *STATED)
    _then(contract, "assign_role", "propose_role", "second_administrator", DAY)

    @prepares(contract, "withdraw_proposal")
    def withdraw(world: World, state: str) -> Call:
        side = world.home
        bound = getattr(side, attribute)
        act = bound.propose_role(side.outsider, 2, *STATED, sender=side.administrator).return_value
        return Call(side, bound, "withdraw_proposal", (act, *STATED), side.guardian)


for _contract, _attribute in _ATTRIBUTES.items():
    _roles(_contract, _attribute)

# ------------------------------------------------------------------------------- token

_TOKEN = "SecurityToken"
_simple(_TOKEN, "instruct", "token", "outsider", *STATED)
_simple(_TOKEN, "admit", "token", "registrar", ":outsider", 40_000, *STATED)
_simple(_TOKEN, "setFrozenTokens", "token", "custodian", ":investor", 5, *STATED)
_simple(_TOKEN, "setAddressFrozen", "token", "custodian", ":investor", True, *STATED)
_simple(_TOKEN, "batch_admit", "token", "registrar", [], 30_000, *STATED)
_simple(_TOKEN, "batchSetFrozenTokens", "token", "custodian", [], [], *STATED)
_simple(_TOKEN, "batchSetAddressFrozen", "token", "custodian", [], [], *STATED)


@prepares(_TOKEN, "propose_bridge")
def _proposes_a_bridge(world: World, state: str) -> Call:
    side = world.home
    arguments = (side.verifier.address, 5, 5, *STATED)
    return Call(side, side.token, "propose_bridge", arguments, side.registrar)


@prepares(_TOKEN, "announce_close")
def _announces(world: World, state: str) -> Call:
    side = world.home
    arguments = (side.token.business_day(), *STATED)
    return Call(side, side.token, "announce_close", arguments, side.registrar)


@prepares(_TOKEN, "set_suspended")
def _suspends(world: World, state: str) -> Call:
    side = world.remote
    return Call(side, side.token, "set_suspended", (True, *STATED), side.engine.address)


@prepares(_TOKEN, "keep")
def _keeps(world: World, state: str) -> Call:
    """Two days on which the investor moved: what the second opens tells the close of the first."""
    side = world.home
    for _ in range(2):
        side.token.transfer(side.buyer, 1, sender=side.investor)
        closed = side.token.business_day()
        side.chain.set_time(side.chain.now + DAY)
    side.token.transfer(side.buyer, 1, sender=side.investor)
    return Call(side, side.token, "keep", (side.investor, closed, 0), side.outsider)


@prepares(_TOKEN, "keep_came")
def _keeps_came(world: World, state: str) -> Call:
    """Two days on which a bridge carried something."""
    side = world.home
    bridge = side.foreign_bridge()
    side.token.approve(bridge, UINT_MAX, sender=side.investor)
    for _ in range(2):
        closed = side.token.business_day()
        side.token.crosschainBurn(side.investor, 1, sender=bridge.address)
        side.chain.set_time(side.chain.now + DAY)
    return Call(side, side.token, "keep_came", (closed - 1, 0), side.outsider)


_simple(_TOKEN, "unpause", "token", "administrator", 7, *STATED)
_simple(_TOKEN, "authorise_issuance", "token", "notary", 5, *STATED)
_simple(_TOKEN, "approve", "token", "investor", ":fund", 5)


@prepares(_TOKEN, "propose_class")
def _propose_link(world: World, state: str) -> Call:
    side = world.home
    custody = side.new_custody(linked=False)
    return Call(
        side,
        side.token,
        "propose_class",
        (custody.address, 1, *STATED),
        side.registrar,
    )


_then(_TOKEN, "set_class", "propose_class", "custodian")


def _order(side: Side) -> tuple[Any, ...]:
    return side.enter_order(side.investor.address, side.fund.address, 5)


@prepares(_TOKEN, "enter_order")
def _enter_order(world: World, state: str) -> Call:
    side = world.home
    order = (side.investor.address, side.fund.address, 5, side.chain.now + 30 * DAY)
    return Call(side, side.token, "enter_order", (*order, AUTHORITY, 1, *STATED), side.registrar)


@prepares(_TOKEN, "withdraw_order")
def _withdraw_order(world: World, state: str) -> Call:
    side = world.home
    return Call(side, side.token, "withdraw_order", (*_order(side), *STATED), side.registrar)


@prepares(_TOKEN, "batchForcedTransfer")
def _batch_forced(world: World, state: str) -> Call:
    side = world.home
    lists = tuple([each] for each in _order(side))
    parties = (side.custodian, side.investor, side.fund)
    return Call(side, side.token, "batchForcedTransfer", lists, *parties)


@prepares(_TOKEN, "forcedTransfer")
def _forced(world: World, state: str) -> Call:
    side = world.home
    order = _order(side)
    return Call(side, side.token, "forcedTransfer", order, side.custodian, side.investor, side.fund)


@prepares(_TOKEN, "pause")
def _pause(world: World, state: str) -> Call:
    # A stop is not the guardian's twice in a row: another scope than the state's.
    side, scope = world.home, 2 if state == "transfers" else 1
    return Call(side, side.token, "pause", (scope, *STATED), side.guardian)


_then(_TOKEN, "withdraw_authorisation", "authorise_issuance", "notary")


@prepares(_TOKEN, "mint")
def _mint(world: World, state: str) -> Call:
    side = world.home
    side.token.authorise_issuance(5, *STATED, sender=side.notary)
    return Call(
        side,
        side.token,
        "mint",
        (side.fund.address, 5, *STATED),
        side.issuer,
        credited=side.fund,
    )


@prepares(_TOKEN, "batchMint")
def _batch_mint(world: World, state: str) -> Call:
    side = world.home
    side.token.authorise_issuance(5, *STATED, sender=side.notary)
    arguments = ([side.fund.address], [5], *STATED)
    return Call(side, side.token, "batchMint", arguments, side.issuer, credited=side.fund)


_then(_TOKEN, "set_bridge", "propose_bridge", "custodian")


@prepares(_TOKEN, "burn")
def _redeem(world: World, state: str) -> Call:
    side = world.home
    side.token.approve(side.issuer, 5, sender=side.investor)
    arguments = (side.investor.address, 5, *STATED)
    return Call(side, side.token, "burn", arguments, side.issuer, side.investor)


@prepares(_TOKEN, "crosschainMint")
def _crosschain_mint(world: World, state: str) -> Call:
    side = world.remote
    return Call(
        side,
        side.token,
        "crosschainMint",
        (side.investor.address, 5),
        side.escrow.address,
        credited=side.investor,
    )


@prepares(_TOKEN, "crosschainBurn")
def _crosschain_burn(world: World, state: str) -> Call:
    side = world.remote
    world.arrived(10)
    return Call(
        side,
        side.token,
        "crosschainBurn",
        (side.investor.address, 5),
        side.escrow.address,
        side.investor,
    )


@prepares(_TOKEN, "announce_ratio")
def _announce_ratio(world: World, state: str) -> Call:
    engine = Engine.of(world.home)
    arguments = (4, 1, engine.day(3), world.home.fund.address, *STATED)
    token, key = world.home.token, engine.contract.address
    return Call(world.home, token, "announce_ratio", arguments, key, credited=world.home.fund)


@prepares(_TOKEN, "withdraw_ratio")
def _withdraw_ratio(world: World, state: str) -> Call:
    engine = Engine.of(world.home)
    engine.announce(4, 1)
    arguments = (engine.day(3), *STATED)
    token, key = world.home.token, engine.contract.address
    return Call(world.home, token, "withdraw_ratio", arguments, key)


@prepares(_TOKEN, "credit_remainders")
def _credit_remainders(world: World, state: str) -> Call:
    side = world.home
    for receiver, units in ((side.fund, 6), (side.buyer, 7)):
        side.token.transfer(receiver, units, sender=side.investor)
    Engine.of(side).split(1, 10)
    side.token.transfer(side.buyer, 1, sender=side.investor)
    return Call(side, side.token, "credit_remainders", (1,), side.outsider, credited=side.fund)


@prepares(_TOKEN, "transfer")
def _transfer(world: World, state: str) -> Call:
    side = world.home
    arguments = (side.fund.address, 5)
    return Call(side, side.token, "transfer", arguments, side.investor, credited=side.fund)


@prepares(_TOKEN, "transferFrom")
def _transfer_from(world: World, state: str) -> Call:
    side = world.home
    side.token.admit(side.outsider, 40_000, *STATED, sender=side.registrar)
    side.token.approve(side.outsider, 5, sender=side.investor)
    arguments = (side.investor.address, side.fund.address, 5)
    return Call(
        side, side.token, "transferFrom", arguments, side.outsider, side.investor, side.fund
    )


@prepares(_TOKEN, "batchTransfer")
def _batch(world: World, state: str) -> Call:
    side = world.home
    arguments = ([side.buyer.address, side.fund.address], [1, 5])
    return Call(side, side.token, "batchTransfer", arguments, side.investor, credited=side.fund)


# ------------------------------------------------------------------------------ escrow

_ESCROW = "BridgeEscrow"
_simple(_ESCROW, "unpause_lane", "escrow", "administrator", "lane", 3, *STATED)


@prepares(_ESCROW, "pause_lane")
def _pause_lane(world: World, state: str) -> Call:
    side, direction = world.home, 2 if state == "out" else 1
    return Call(side, side.escrow, "pause_lane", (world.lane, direction, *STATED), side.guardian)


def _lane_terms(world: World) -> tuple[Any, ...]:
    """A lane of the home ledger to a third one, with a custody of its own."""
    side = world.home
    custody = side.new_custody().address
    terms = world.lane_state(side).terms
    return tuple(terms._replace(custody=custody, peer_ledger=DOCUMENT, peer_escrow=DOCUMENT))


@prepares(_ESCROW, "propose_lane")
def _propose_lane(world: World, state: str) -> Call:
    side = world.home
    return Call(side, side.escrow, "propose_lane", (_lane_terms(world), *STATED), side.operator)


_then(_ESCROW, "open_lane", "propose_lane", "administrator")


@prepares(_ESCROW, "propose_lane_terms")
def _propose_terms(world: World, state: str) -> Call:
    side = world.home
    arguments = (world.lane, side.verifier.address, ZERO, 7, 7, *STATED)
    return Call(side, side.escrow, "propose_lane_terms", arguments, side.operator)


_then(_ESCROW, "confirm_lane_terms", "propose_lane_terms", "administrator")


@prepares(_ESCROW, "cancel_lane_terms")
def _cancel_terms(world: World, state: str) -> Call:
    side = world.home
    world.change(side, cap=7)
    return Call(side, side.escrow, "cancel_lane_terms", (world.lane, *STATED), side.guardian)


@prepares(_ESCROW, "apply_lane_terms")
def _apply_terms(world: World, state: str) -> Call:
    side = world.home
    side.chain.set_time(world.change(side, cap=7))
    return Call(side, side.escrow, "apply_lane_terms", (world.lane,), side.outsider)


@prepares(_ESCROW, "bring_up")
def _bring_up(world: World, state: str) -> Call:
    side = world.home
    Engine.of(side).split(1, 10)
    return Call(side, side.escrow, "bring_up", (world.lane,), side.outsider)


@prepares(_ESCROW, "follow_ratios")
def _follow_ratios(world: World, state: str) -> Call:
    side = world.home
    Engine.of(side).split(1, 10)
    return Call(side, side.escrow, "follow_ratios", (side.token.address,), side.outsider)


@prepares(_ESCROW, "set_suspended")
def _suspends_a_lane(world: World, state: str) -> Call:
    side = world.home
    arguments = (world.lane, True, *STATED)
    return Call(side, side.escrow, "set_suspended", arguments, side.engine.address)


_simple(_ESCROW, "end_epoch", "escrow", "administrator", "lane", 1, *STATED)


def _recipient(side: Side) -> bytes:
    return bytes.fromhex(str(side.fund.address)[2:]).rjust(32, b"\0")


@prepares("LaneCustody", "lock")
def _lock(world: World, state: str) -> Call:
    side = world.home
    arguments = (world.lane, _recipient(side), 5, side.chain.now + DAY)
    return Call(side, side.custody, "lock", arguments, side.investor)


@prepares(_ESCROW, "enter_lock")
def _enter_lock(world: World, state: str) -> Call:
    side = world.home
    arguments = (world.lane, side.investor.address, _recipient(side), 5, side.chain.now + DAY)
    return Call(side, side.escrow, "enter_lock", arguments, side.custody.address)


@prepares(_ESCROW, "burn")
def _burn(world: World, state: str) -> Call:
    side = world.remote
    world.arrived(10)
    arguments = (world.lane, _recipient(side), 5, side.chain.now + DAY)
    return Call(side, side.escrow, "burn", arguments, side.investor)


@prepares(_ESCROW, "deliver")
def _deliver(world: World, state: str) -> Call:
    message = world.locked(5)
    side = world.remote
    arguments = (message.as_tuple(), world.attest(message))
    return Call(side, side.escrow, "deliver", arguments, side.courier, credited=side.investor)


@prepares(_ESCROW, "deliver_batch")
def _deliver_batch(world: World, state: str) -> Call:
    messages = [world.locked(5)]
    side = world.remote
    told = [message.as_tuple() for message in messages]
    proofs = world.network.batch_attestations(messages)
    arguments = (world.lane, bytes(32), told, *proofs)
    return Call(side, side.escrow, "deliver_batch", arguments, side.courier)


@prepares(_ESCROW, "claim")
def _claim(world: World, state: str) -> Call:
    message, side = world.locked(5, world.remote.outsider), world.remote
    world.deliver(message)
    side.token.admit(side.outsider, 40_000, *STATED, sender=side.registrar)
    arguments = (message.as_tuple(),)
    return Call(side, side.escrow, "claim", arguments, side.courier, credited=side.outsider)


@prepares(_ESCROW, "return_to_source")
def _return_to_source(world: World, state: str) -> Call:
    message, side = world.locked(5, world.remote.outsider), world.remote
    world.deliver(message)
    side.chain.set_time(message.deadline)
    return Call(side, side.escrow, "return_to_source", (message.as_tuple(),), side.courier)


@prepares(_ESCROW, "keep_figure")
def _keep_figure(world: World, state: str) -> Call:
    side = world.home
    yesterday = side.token.business_day() - 1
    # Its first message of all, so that yesterday's figure is an opening.
    world.locked(5, world.remote.investor)
    arguments = (world.lane, int(Figure.SENT), yesterday, 0)
    return Call(side, side.escrow, "keep_figure", arguments, side.outsider)


def _in_suspense(world: World) -> tuple[Side, Any]:
    """Units that wait on the remote ledger, and who gets them by the registrar's proposal."""
    message, side = world.locked(5, world.remote.outsider), world.remote
    world.deliver(message)
    side.escrow.propose_redirect(message.as_tuple(), side.fund, *STATED, sender=side.registrar)
    return side, message.as_tuple()


@prepares(_ESCROW, "propose_redirect")
def _propose_redirect(world: World, state: str) -> Call:
    side, message = _in_suspense(world)
    arguments = (message, side.investor.address, *STATED)
    return Call(side, side.escrow, "propose_redirect", arguments, side.registrar)


@prepares(_ESCROW, "withdraw_redirect")
def _withdraw_redirect(world: World, state: str) -> Call:
    side, message = _in_suspense(world)
    return Call(side, side.escrow, "withdraw_redirect", (message, *STATED), side.guardian)


@prepares(_ESCROW, "redirect")
def _redirect(world: World, state: str) -> Call:
    side, message = _in_suspense(world)
    arguments = (message, side.fund.address, *STATED)
    return Call(side, side.escrow, "redirect", arguments, side.custodian, credited=side.fund)


def _denied(world: World, side: Side, recipient: Any) -> tuple[LaneMessage, LaneMessage]:
    """What was never sent to a ledger and arrived there, and what its source says of it."""
    world.arrived(2_000)
    world.synchronise()
    where = "home" if side is world.home else "remote"
    false = replace(forged(world, where, recipient), nonce=40)
    world.deliver(false)
    return false, deny(world, false)[1]


@prepares(_ESCROW, "deny")
def _deny(world: World, state: str) -> Call:
    arguments = (forged(world, "remote").as_tuple(), [])
    return Call(world.home, world.home.escrow, "deny", arguments, world.home.outsider)


@prepares(_ESCROW, "take_denial")
def _take_denial(world: World, state: str) -> Call:
    side = world.remote
    false, denial = _denied(world, side, side.outsider)
    proofs = world.network.attestations(denial)
    arguments = (denial.as_tuple(), false.as_tuple(), *proofs)
    return Call(side, side.escrow, "take_denial", arguments, side.outsider)


@prepares(_ESCROW, "propose_reopening")
def _propose_reopening(world: World, state: str) -> Call:
    side = world.remote
    false, denial = _denied(world, side, side.investor)
    take(world, denial, false)
    return Call(side, side.escrow, "propose_reopening", (false.id, *STATED), side.operator)


@prepares(_ESCROW, "reopen")
def _reopen(world: World, state: str) -> Call:
    side = world.remote
    false, denial = _denied(world, side, side.investor)
    take(world, denial, false)
    side.escrow.propose_reopening(false.id, *STATED, sender=side.operator)
    side.chain.advance(world.lane_state(side).terms.change_delay)
    return Call(side, side.escrow, "reopen", (false.id, *STATED), side.administrator)


def _disowned(world: World) -> tuple[Side, LaneMessage]:
    """What was credited on the remote ledger and its source denied."""
    side = world.remote
    false, denial = _denied(world, side, side.investor)
    take(world, denial, false)
    return side, false


@prepares(_ESCROW, "propose_amends")
def _propose_amends(world: World, state: str) -> Call:
    side, false = _disowned(world)
    return Call(side, side.escrow, "propose_amends", (false.id, 0, *STATED), side.issuer)


_then(_ESCROW, "agree_amends", "propose_amends", "custodian")


@prepares(_ESCROW, "withdraw_amends")
def _withdraw_amends(world: World, state: str) -> Call:
    side, false = _disowned(world)
    side.escrow.propose_amends(false.id, 0, *STATED, sender=side.issuer)
    return Call(side, side.escrow, "withdraw_amends", (false.id, *STATED), side.guardian)


@prepares(_ESCROW, "enter_amends")
def _enter_amends(world: World, state: str) -> Call:
    side, false = _disowned(world)
    agree(world, "remote", false)
    arguments = (false.id, side.investor.address)
    return Call(side, side.escrow, "enter_amends", arguments, side.custody.address)


@prepares("LaneCustody", "make_good")
def _make_good(world: World, state: str) -> Call:
    side, false = _disowned(world)
    agree(world, "remote", false)
    return Call(side, side.custody, "make_good", (false.id, false.amount), side.investor)


@prepares(_ESCROW, "propose_closing")
def _propose_closing(world: World, state: str) -> Call:
    side, arguments = world.home, (world.lane, 0, *STATED)
    return Call(side, side.escrow, "propose_closing", arguments, side.operator)


@prepares(_ESCROW, "begin_closing")
def _begin_closing(world: World, state: str) -> Call:
    side, arguments = world.home, (world.lane, 0, *STATED)
    proposed(world, side)
    return Call(side, side.escrow, "begin_closing", arguments, side.administrator)


@prepares(_ESCROW, "cancel_closing")
def _cancel_closing(world: World, state: str) -> Call:
    side, arguments = world.home, (world.lane, *STATED)
    begun_closing(world, side)
    return Call(side, side.escrow, "cancel_closing", arguments, side.guardian)


@prepares(_ESCROW, "say_last")
def _say_last(world: World, state: str) -> Call:
    side = world.home
    begun_closing(world, side)
    return Call(side, side.escrow, "say_last", (world.lane,), side.outsider)


def _last_word(world: World) -> tuple[Side, tuple[Any, ...]]:
    """Home's last word, and the ledger that takes it."""
    begun_closing(world)
    word = say(world)
    world.synchronise()
    return world.remote, (word.as_tuple(), *world.network.attestations(word))


@prepares(_ESCROW, "take_last")
def _take_last(world: World, state: str) -> Call:
    side, arguments = _last_word(world)
    return Call(side, side.escrow, "take_last", arguments, side.outsider)


@prepares(_ESCROW, "count_arrivals")
def _count_arrivals(world: World, state: str) -> Call:
    side, arguments = _last_word(world)
    side.escrow.take_last(*arguments, sender=side.outsider)
    return Call(side, side.escrow, "count_arrivals", (world.lane,), side.outsider)


@prepares(_ESCROW, "close_lane")
def _close_lane(world: World, state: str) -> Call:
    side, arguments = _last_word(world)
    side.escrow.take_last(*arguments, sender=side.outsider)
    return Call(side, side.escrow, "close_lane", (world.lane,), side.outsider)


@prepares(_ESCROW, "pay_dust")
def _pay_dust(world: World, state: str) -> Call:
    """At home: five units that waited and five that are owed are one in custody, owed to nobody."""
    side = world.home
    world.arrived(10)
    message = world.burned(5, side.outsider)
    world.synchronise()
    world.deliver(message)
    Engine.of(side).split(1, 10)
    side.token.admit(side.outsider, 40_000, *STATED, sender=side.registrar)
    world.network.claim(message)
    return Call(side, side.escrow, "pay_dust", (world.lane,), side.outsider, credited=side.fund)


def _last_state(world: World) -> tuple[LastState, EndList]:
    """Five units out on the remote ledger, and what states that they are the fund's here."""
    second_registrar(world)
    world.synchronise()
    world.deliver(world.locked(5, world.remote.investor))
    end = listed(world, (world.home.fund, 5))
    return last_state(world, end), end


@prepares(_ESCROW, "propose_end")
def _propose_end(world: World, state: str) -> Call:
    side, (last, _) = world.home, _last_state(world)
    arguments = (world.lane, last.as_tuple(), attested(world, last), b"", *STATED)
    return Call(side, side.escrow, "propose_end", arguments, side.registrar)


@prepares(_ESCROW, "confirm_end")
def _confirm_end(world: World, state: str) -> Call:
    side, (last, _) = world.home, _last_state(world)
    propose(world, last)
    arguments = (world.lane, last.id, *STATED)
    return Call(side, side.escrow, "confirm_end", arguments, second_registrar(world))


@prepares(_ESCROW, "cancel_end")
def _cancel_end(world: World, state: str) -> Call:
    side, (last, _) = world.home, _last_state(world)
    propose(world, last)
    return Call(side, side.escrow, "cancel_end", (world.lane, *STATED), side.guardian)


@prepares(_ESCROW, "show_life")
def _show_life(world: World, state: str) -> Call:
    side, (last, _) = world.home, _last_state(world)
    propose(world, last)
    world.synchronise()
    message = world.burned(1)
    arguments = (message.as_tuple(), *world.network.attestations(message))
    return Call(side, side.escrow, "show_life", arguments, side.outsider)


@prepares(_ESCROW, "apply_end")
def _apply_end(world: World, state: str) -> Call:
    side, (last, _) = world.home, _last_state(world)
    propose(world, last)
    confirm(world, last)
    wait(world)
    return Call(side, side.escrow, "apply_end", (world.lane,), side.outsider)


@prepares(_ESCROW, "pay_listed")
def _pay_listed(world: World, state: str) -> Call:
    side, (last, end) = world.home, _last_state(world)
    propose(world, last)
    confirm(world, last)
    wait(world)
    apply(world)
    arguments = (world.lane, 0, 0, side.fund.address, 5, end.proof(0))
    return Call(side, side.escrow, "pay_listed", arguments, side.outsider, credited=side.fund)


# ----------------------------------------------------------------------------- custody


_simple("LaneCustody", "withdraw_lock", "custody", "investor", DOCUMENT)


@prepares("LaneCustody", "lock_signed")
def _lock_signed(world: World, state: str) -> Call:
    side = world.home
    given = Lock(world.lane, _recipient(side), 5, DOCUMENT, side.chain.now + DAY)
    data = given.typed_data(side.chain.chain_id, side.custody.address)
    signature = bytes(Signer.sign_typed_data(side.investor.key, full_message=data).signature)
    arguments = given.arguments(side.investor.address, signature)
    return Call(side, side.custody, "lock_signed", arguments, side.courier, side.investor)


@prepares("LaneCustody", "pay")
def _pay(world: World, state: str) -> Call:
    side = world.home
    world.locked(10)
    arguments = (side.fund.address, 5)
    return Call(side, side.custody, "pay", arguments, side.escrow.address, credited=side.fund)


@prepares("LaneCustody", "hold")
def _hold(world: World, state: str) -> Call:
    side = world.remote
    return Call(side, side.custody, "hold", (5,), side.escrow.address)


_then("LaneCustody", "give_back", "hold")


# ------------------------------------------------------------------------------ proofs

_PROOF = "ProofVerifier"


def _proof_call(world: World, function: str) -> Call:
    """What is shown or proven of a made source; of a page, its root is shown first."""
    side = world.remote
    prover, source = Prover(side.chain), Source.of_page(world.lane, 0, DOCUMENT)
    block = prover.of_block(source.number, source.header)
    storage = prover.of_storage(source.number, source.root)
    arguments: dict[str, tuple[Any, ...]] = {
        "show_header": (source.number, source.header, block, source.account()),
        "show_root": (source.number, source.root, storage),
        "prove_page": (source.root, world.lane, 0, source.page(world.lane, 0)),
    }
    if function == "prove_page":
        prover.show_header(source)
    return Call(side, prover.verifier, function, arguments[function], side.outsider)


for _each in ("show_header", "show_root", "prove_page"):
    CALLS[_PROOF, _each] = lambda world, _, each=_each: _proof_call(world, each)

# --------------------------------------------------------------------------- authority

_AUTHORITY = "ReleaseAuthority"
_simple(_AUTHORITY, "register_custody_code", "authority", "upgrader", DOCUMENT, *STATED)


@prepares(_AUTHORITY, "create_proxy")
def _create_proxy(world: World, state: str) -> Call:
    side = world.home
    name = proxy_name("InstrumentRegistry", "another")
    call = side.registry.initialize.encode(side.deployer)
    arguments = (release_id("InstrumentRegistry", Version(1, 0, 0)), name, call, *STATED)
    return Call(side, side.authority, "create_proxy", arguments, side.upgrader)


def _upgrade(world: World) -> Upgrade:
    side = world.home
    return Upgrade(side, deploy_implementation(side.chain, "SecurityToken", sender=side.deployer))


@prepares(_AUTHORITY, "register_release")
def _register_release(world: World, state: str) -> Call:
    side = world.home
    arguments = (_upgrade(world).terms, *STATED)
    return Call(side, side.authority, "register_release", arguments, side.upgrader)


@prepares(_AUTHORITY, "withdraw_release")
def _withdraw_release(world: World, state: str) -> Call:
    side, upgrade = world.home, _upgrade(world)
    upgrade.register()
    return Call(side, side.authority, "withdraw_release", (upgrade.id, *STATED), side.upgrader)


@prepares(_AUTHORITY, "withdraw_custody_code")
def _withdraw_custody_code(world: World, state: str) -> Call:
    side = world.home
    arguments = (artifact("LaneCustody").code_hash, *STATED)
    return Call(side, side.authority, "withdraw_custody_code", arguments, side.upgrader)


@prepares(_AUTHORITY, "give_notice")
def _give_notice(world: World, state: str) -> Call:
    side, upgrade = world.home, _upgrade(world)
    upgrade.register()
    arguments = (side.token.address, upgrade.id, *STATED)
    return Call(side, side.authority, "give_notice", arguments, side.upgrader)


def _noticed(world: World) -> Upgrade:
    upgrade = _upgrade(world)
    upgrade.noticed()
    return upgrade


@prepares(_AUTHORITY, "approve")
def _approve(world: World, state: str) -> Call:
    side = world.home
    _noticed(world)
    terms = side.authority.notice_of(side.token).terms
    return Call(side, side.authority, "approve", (side.token.address, terms, *STATED), side.auditor)


@prepares(_AUTHORITY, "activate")
def _activate(world: World, state: str) -> Call:
    side, upgrade = world.home, _noticed(world)
    upgrade.approve()
    upgrade.wait()
    arguments = (side.token.address, upgrade.id, b"")
    return Call(side, side.authority, "activate", arguments, side.outsider)


@prepares(_AUTHORITY, "cancel")
def _cancel(world: World, state: str) -> Call:
    side = world.home
    _noticed(world)
    return Call(side, side.authority, "cancel", (side.token.address, *STATED), side.guardian)


_then(_AUTHORITY, "roll_back", "propose_roll_back", "guardian")


def _in_emergency(world: World) -> Upgrade:
    side, upgrade = world.home, _noticed(world)
    upgrade.approve()
    side.authority.activate_in_emergency(side.token, upgrade.id, *STATED, sender=side.guardian)
    return upgrade


@prepares(_AUTHORITY, "activate_in_emergency")
def _activate_in_emergency(world: World, state: str) -> Call:
    side, upgrade = world.home, _noticed(world)
    upgrade.approve()
    arguments = (side.token.address, upgrade.id, *STATED)
    return Call(side, side.authority, "activate_in_emergency", arguments, side.guardian)


@prepares(_AUTHORITY, "propose_ratification")
def _propose_ratification(world: World, state: str) -> Call:
    side, upgrade = world.home, _in_emergency(world)
    arguments = (side.token.address, upgrade.id, *STATED)
    return Call(side, side.authority, "propose_ratification", arguments, side.administrator)


_then(_AUTHORITY, "ratify", "propose_ratification", "second_administrator")


@prepares(_AUTHORITY, "undo_emergency")
def _undo_emergency(world: World, state: str) -> Call:
    side = world.home
    _in_emergency(world)
    side.chain.advance(7 * DAY)
    return Call(side, side.authority, "undo_emergency", (side.token.address,), side.outsider)


@prepares(_AUTHORITY, "propose_roll_back")
def _propose_roll_back(world: World, state: str) -> Call:
    side = world.home
    _upgrade(world).carry_out()
    arguments = (side.token.address, False, *STATED)
    return Call(side, side.authority, "propose_roll_back", arguments, side.upgrader)


_REASON = (b"MALF", True, *STATED)
_simple(_AUTHORITY, "propose_roll_back_reason", "authority", "administrator", *_REASON)


_then(_AUTHORITY, "set_roll_back_reason", "propose_roll_back_reason", "second_administrator")


# ---------------------------------------------------------------------------- registry

_REGISTRY = "InstrumentRegistry"


def _other_record(world: World) -> InstrumentRecord:
    """Of an instrument that no ledger here has."""
    placement = Placement("eip155:41009", token_word("0x" + "33" * 20))
    return replace(
        record_in_force(world), isin="DE0001102580", home=placement.caip2, ledgers=(placement,)
    )


def _records(function: str, record: Callable[[World], InstrumentRecord], adoption: bool) -> None:
    @prepares(_REGISTRY, function)
    def prepare(world: World, state: str) -> Call:
        side, wanted = world.home, record(world)
        side.registry.propose_record(
            wanted.isin, record_hash(wanted), adoption, *STATED, sender=side.registrar
        )
        return Call(side, side.registry, function, (wanted.as_tuple(), *STATED), side.issuer)


_records("register", _other_record, False)
_records(
    "amend",
    lambda world: record_in_force(world).successor(terms_uri="https://example.org/2"),
    False,
)
_records(
    "adopt", lambda world: replace(record_in_force(world), terms_uri="https://example.org/3"), True
)
_simple(
    _REGISTRY, "propose_record", "registry", "registrar", "US0378331005", DOCUMENT, False, *STATED
)

# ----------------------------------------------------------------------------- actions

_ENGINE = "ActionsEngine"


@prepares(_ENGINE, "propose_attestors")
def _propose_attestors(world: World, state: str) -> Call:
    side = world.home
    arguments = (side.verifier.address, *STATED)
    return Call(side, side.engine, "propose_attestors", arguments, side.operator)


_then(_ENGINE, "set_attestors", "propose_attestors", "administrator", DAY)


@prepares(_ENGINE, "propose_peer")
def _propose_peer(world: World, state: str) -> Call:
    side = world.home
    arguments = (41_003, side.outsider.address, side.verifier.address, *STATED)
    return Call(side, side.engine, "propose_peer", arguments, side.operator)


_then(_ENGINE, "set_peer", "propose_peer", "administrator", DAY)


@prepares(_ENGINE, "announce")
def _announce_event(world: World, state: str) -> Call:
    side = world.home
    return Call(side, side.engine, "announce", (APPLE.as_tuple(), 1, *STATED), side.issuer)


@prepares(_ENGINE, "confirm")
def _confirm_event(world: World, state: str) -> Call:
    side, actions = world.home, Actions(world)
    actions.announce(APPLE)
    arguments = (APPLE.as_tuple(), actions.attested(EventVersion(APPLE)))
    return Call(side, side.engine, "confirm", arguments, side.outsider)


@prepares(_ENGINE, "tell")
def _tell(world: World, state: str) -> Call:
    side = world.home
    Actions(world).in_force(APPLE)
    return Call(side, side.engine, "tell", (COAF,), side.outsider)


def _taken(actions: Actions, told: Told) -> Call:
    side, function, arguments = actions.carriage(told)
    return Call(side, side.engine, function, arguments, side.courier)


@prepares(_ENGINE, "take_record")
def _take_record(world: World, state: str) -> Call:
    actions = Actions(world)
    return _taken(actions, actions.in_force(APPLE))


@prepares(_ENGINE, "take_armed")
def _take_armed(world: World, state: str) -> Call:
    actions = Actions(world)
    version = actions.in_force(APPLE)
    actions.take(version)
    return _taken(actions, actions.armed(version))


@prepares(_ENGINE, "send_figures")
def _send_figures(world: World, state: str) -> Call:
    Actions(world).close(APPLE.record_day)
    side = world.remote
    arguments = (world.lane, APPLE.record_day, 0, (0,) * 4)
    return Call(side, side.engine, "send_figures", arguments, side.outsider)


@prepares(_ENGINE, "take_figures")
def _take_figures(world: World, state: str) -> Call:
    actions = Actions(world)
    actions.close(APPLE.record_day)
    return _taken(actions, actions.figures(APPLE.record_day))


def _closed(world: World) -> Actions:
    """A dividend of which every ledger was told, after the close of its record day."""
    actions = Actions(world)
    actions.take(actions.in_force(APPLE))
    actions.close(APPLE.record_day)
    actions.take_figures(actions.figures(APPLE.record_day))
    return actions


@prepares(_ENGINE, "fix")
def _fix(world: World, state: str) -> Call:
    _closed(world)
    side = world.home
    return Call(side, side.engine, "fix", (COAF, (0, 0), ()), side.outsider)


@prepares(_ENGINE, "fix_lane")
def _fix_lane(world: World, state: str) -> Call:
    _closed(world).fix(APPLE)
    side = world.home
    return Call(side, side.engine, "fix_lane", (COAF, world.lane, (0, 0, 0)), side.outsider)


@prepares(_ENGINE, "take_totals")
def _take_totals(world: World, state: str) -> Call:
    actions = _closed(world)
    actions.fix(APPLE)
    actions.fix_lane(APPLE)
    return _taken(actions, actions.totals(APPLE))


@prepares(_ENGINE, "reconcile")
def _reconcile(world: World, state: str) -> Call:
    _closed(world)
    side = world.home
    arguments = (world.lane, APPLE.record_day, (0, 0, 0), 0)
    return Call(side, side.engine, "reconcile", arguments, side.outsider)


@prepares(_ENGINE, "take_reconciled")
def _take_reconciled(world: World, state: str) -> Call:
    actions = _closed(world)
    return _taken(actions, actions.reconciled(APPLE.record_day))


@prepares(_ENGINE, "suspend")
def _suspend(world: World, state: str) -> Call:
    _closed(world)
    side = world.remote
    begin(side, APPLE.figures_by + 1)
    return Call(side, side.engine, "suspend", (COAF, world.lane, (0, 0, 0), 0), side.outsider)


@prepares(_ENGINE, "resume")
def _resume(world: World, state: str) -> Call:
    call = _suspend(world, state)
    call.make()
    actions = Actions(world)
    actions.take(actions.in_force(APPLE.successor(), Status.CANCELLED))
    return replace(call, function="resume", arguments=(world.lane,))


@prepares(_ENGINE, "propose_daily")
def _propose_daily(world: World, state: str) -> Call:
    side = world.home
    return Call(side, side.engine, "propose_daily", (True, *STATED), side.operator)


_then(_ENGINE, "set_daily", "propose_daily", "administrator", DAY)


@prepares(_ENGINE, "redeem")
def _redeem_units(world: World, state: str) -> Call:
    Redemption.fixed(world).funded()
    side = world.home
    return Call(side, side.engine, "redeem", (COAF, (0, 0)), side.outsider)


@prepares(_ENGINE, "propose_fractions_agent")
def _propose_fractions_agent(world: World, state: str) -> Call:
    side = world.home
    return Call(side, side.engine, "propose_fractions_agent", (side.fund, *STATED), side.operator)


_then(_ENGINE, "set_fractions_agent", "propose_fractions_agent", "administrator", DAY)


@prepares(_ENGINE, "arm")
def _arm(world: World, state: str) -> Call:
    arming = Arming.of(world)
    arming.actions.in_force(SPLIT)
    return Call(arming.home, arming.home.engine, "arm", (SPLIT.as_tuple(),), arming.home.courier)


def _fractions(world: World) -> tuple[Side, LaneMessage]:
    """A ratio in force, of which the remote investor and a message are given one more unit."""
    arming, side = Arming.of(world), world.remote
    record = replace(SPLIT, rate=Rate(7, 2), rounding=Rounding.UP)
    world.arrived(1_001)
    arming.armed(record)
    message = world.locked(31)
    arming.begins(record, 60)
    world.synchronise()
    world.deliver(message)
    side.token.transfer(side.fund, 2, sender=side.investor)
    side.token.approve(side.engine, 2, sender=side.fund)
    return side, message


@prepares(_ENGINE, "open_fractions")
def _open_fractions(world: World, state: str) -> Call:
    side, _ = _fractions(world)
    return Call(side, side.engine, "open_fractions", (SPLIT_COAF,), side.outsider)


@prepares(_ENGINE, "claim_fraction")
def _claim_fraction(world: World, state: str) -> Call:
    call = _open_fractions(world, state)
    call.make()
    side = call.side
    arguments = (SPLIT_COAF, side.investor.address, 0)
    parties = (side.outsider, side.fund, side.investor)
    return Call(side, side.engine, "claim_fraction", arguments, *parties)


@prepares(_ENGINE, "claim_crossed_fraction")
def _claim_crossed_fraction(world: World, state: str) -> Call:
    side, message = _fractions(world)
    side.engine.open_fractions(SPLIT_COAF, sender=side.outsider)
    arguments = (SPLIT_COAF, message.as_tuple(), 0, 0)
    parties = (side.outsider, side.fund, side.investor)
    return Call(side, side.engine, "claim_crossed_fraction", arguments, *parties)


@prepares(_ENGINE, "take_ratio")
def _take_ratio(world: World, state: str) -> Call:
    arming = Arming.of(world)
    arming.in_force(SPLIT)
    arming.arm(SPLIT)
    return _taken(arming.actions, arming.ratio(SPLIT))


@prepares(_ENGINE, "take_entered")
def _take_entered(world: World, state: str) -> Call:
    arming = Arming.of(world)
    arming.armed(SPLIT)
    return _taken(arming.actions, arming.entered(SPLIT))


@prepares(_ENGINE, "withdraw_ratio")
def _withdraw_engine_ratio(world: World, state: str) -> Call:
    arming = Arming.of(world)
    arming.armed(SPLIT)
    arming.in_force(SPLIT.successor(), Status.CANCELLED)
    side = arming.remote
    return Call(side, side.engine, "withdraw_ratio", (SPLIT_COAF,), side.courier)


@prepares(_ENGINE, "tell_ratio")
def _tell_ratio(world: World, state: str) -> Call:
    arming = Arming.of(world)
    arming.armed(SPLIT)
    return Call(arming.home, arming.home.engine, "tell_ratio", (SPLIT_COAF,), arming.home.courier)


@prepares(_ENGINE, "carry_lane")
def _carry_lane(world: World, state: str) -> Call:
    arming = Arming.of(world)
    arming.armed(SPLIT)
    arming.begins(SPLIT, 60)
    told = arming.entered(SPLIT, state=RatioState.IN_FORCE)
    arming.tell(arming.remote, SPLIT)
    arming.take_entered(told)
    arming.actions.take_figures(arming.figures(SPLIT.record_day))
    side = arming.home
    return Call(side, side.engine, "carry_lane", (world.lane, 1, (0, 0, 0)), side.courier)


@prepares(_ENGINE, "carry_close")
def _carry_close(world: World, state: str) -> Call:
    arming = Arming.of(world)
    arming.in_force(SPLIT)
    arming.arm(SPLIT)
    day = SPLIT.record_day + 1
    for side in (arming.home, arming.remote):
        begin(side, day + 1, 60)
    arming.actions.take_figures(arming.figures(day))
    side = arming.home
    return Call(side, side.engine, "carry_close", (world.lane, day, 1, (0, 0, 0)), side.courier)


_simple(_ENGINE, "set_payee", "engine", "investor", ":fund")
_simple(_ENGINE, "setOperator", "engine", "investor", ":fund", True)
_simple(_ENGINE, "invalidateNonce", "engine", "investor", DOCUMENT)
_simple(_ENGINE, "set_tax_category", "engine", "paying_agent", [], 1, *STATED)


@prepares(_ENGINE, "authorizeOperator")
def _authorize_operator(world: World, state: str) -> Call:
    side = world.home
    data = typed(side)
    arguments = (*data["message"].values(), signature_of(data, side.investor.key))
    return Call(side, side.engine, "authorizeOperator", arguments, side.outsider)


@prepares(_ENGINE, "propose_pay_terms")
def _propose_pay_terms(world: World, state: str) -> Call:
    side = world.home
    arguments = (Actions(world).pay_terms(side), *STATED)
    return Call(side, side.engine, "propose_pay_terms", arguments, side.paying_agent)


_then(_ENGINE, "set_pay_terms", "propose_pay_terms", "issuer")


@prepares(_ENGINE, "propose_pool_payee")
def _propose_pool_payee(world: World, state: str) -> Call:
    side = world.home
    arguments = (side.fund.address, side.auditor.address, *STATED)
    return Call(side, side.engine, "propose_pool_payee", arguments, side.paying_agent)


_then(_ENGINE, "set_pool_payee", "propose_pool_payee", "issuer")


@prepares(_ENGINE, "set_aside")
def _set_aside(world: World, state: str) -> Call:
    side = world.home
    side.set_class(side.fund, 2)
    side.token.transfer(side.fund, 5, sender=side.investor)
    _fund(world, state).make()
    return Call(side, side.engine, "set_aside", (COAF, side.fund.address, 0), side.outsider)


@prepares(_ENGINE, "claim_pool")
def _claim_pool(world: World, state: str) -> Call:
    call = _set_aside(world, state)
    call.make()
    side = call.side
    Actions(world).set_pool_payee(side, side.fund, side.auditor)
    begin(side, APPLE.payment_day)
    return replace(call, function="claim_pool", arguments=call.arguments[:2], key=side.auditor)


@prepares(_ENGINE, "fund")
def _fund(world: World, state: str) -> Call:
    side, actions = world.home, Actions(world)
    actions.set_pay_terms(side)
    arguments = (actions.fixed_at_home(APPLE).as_tuple(), ACCOUNTS, UINT_MAX)
    return Call(side, side.engine, "fund", arguments, side.paying_agent)


@prepares(_ENGINE, "claim")
def _claim(world: World, state: str) -> Call:
    _fund(world, state).make()
    side = world.home
    begin(side, APPLE.payment_day)
    return Call(side, side.engine, "claim", (COAF, side.investor.address, 0), side.investor)


@prepares(_ENGINE, "claim_crossed")
def _claim_crossed(world: World, state: str) -> Call:
    dividend = Dividend.fixed(world).paying()
    side, arguments = world.remote, (COAF, dividend.outward.as_tuple())
    return Call(side, side.engine, "claim_crossed", arguments, side.investor)


def _went_back(world: World) -> Returned:
    """Units that were under way to the remote ledger at the close and are back at home."""
    dividend = Dividend.fixed(world).fund()
    return Returned.of(dividend, dividend.waiting)


@prepares(_ENGINE, "give_up")
def _give_up(world: World, state: str) -> Call:
    returned = _went_back(world)
    side, arguments = returned.bound, (COAF, returned.message.as_tuple())
    return Call(side, side.engine, "give_up", arguments, side.outsider)


@prepares(_ENGINE, "pay_returned")
def _pay_returned(world: World, state: str) -> Call:
    returned = _went_back(world)
    side = returned.source
    return Call(side, side.engine, "pay_returned", (COAF, *returned.words), side.paying_agent)


@prepares(_ENGINE, "assess_returned")
def _assess_returned(world: World, state: str) -> Call:
    call = _pay_returned(world, state)
    call.make()
    Actions(world).reversed(APPLE)
    return replace(call, function="assess_returned", key=call.side.outsider)


@prepares(_ENGINE, "push")
def _push(world: World, state: str) -> Call:
    side = _claim(world, state).side
    return Call(side, side.engine, "push", (COAF, [side.investor.address], []), side.investor)


@prepares(_ENGINE, "pass_on_tax")
def _pass_on_tax(world: World, state: str) -> Call:
    _claim(world, state).make()
    side = world.home
    return Call(side, side.engine, "pass_on_tax", (COAF, ACCOUNTS), side.outsider)


@prepares(_ENGINE, "expire")
def _expire(world: World, state: str) -> Call:
    _fund(world, state).make()
    side = world.home
    begin(side, APPLE.expires + 1)
    return Call(side, side.engine, "expire", (COAF, ACCOUNTS), side.outsider)


def _reversing(world: World) -> tuple[Actions, Reversal]:
    """An event that paid the investor, on both ledgers, and the reversal that is announced."""
    dividend = Dividend.fixed(world).paying()
    dividend.actions.claim(world.home, world.home.investor)
    dividend.actions.claim_crossed(world.remote, dividend.outward, world.remote.investor)
    dividend.actions.announce_reversal(APPLE)
    return dividend.actions, dividend.actions.reversal(APPLE)


def _remote_paid(world: World) -> Actions:
    """An event of which the remote ledger has paid a message."""
    dividend = Dividend.fixed(world).paying()
    dividend.actions.claim_crossed(world.remote, dividend.outward, world.remote.investor)
    return dividend.actions


@prepares(_ENGINE, "send_paid")
def _send_paid(world: World, state: str) -> Call:
    _remote_paid(world)
    side = world.remote
    return Call(side, side.engine, "send_paid", (COAF, world.lane), side.outsider)


@prepares(_ENGINE, "take_paid")
def _take_paid(world: World, state: str) -> Call:
    actions = _remote_paid(world)
    return _taken(actions, actions.paid())


@prepares(_ENGINE, "announce_reversal")
def _announce_reversal(world: World, state: str) -> Call:
    Dividend.fixed(world).paying()
    side, arguments = world.home, (APPLE.as_tuple(), b"IPRI", DOCUMENT)
    return Call(side, side.engine, "announce_reversal", arguments, side.issuer)


@prepares(_ENGINE, "confirm_reversal")
def _confirm_reversal(world: World, state: str) -> Call:
    _, reversal = _reversing(world)
    side = world.home
    proof = EVENT_ATTESTORS.sign(domain_of(side.engine), reversal.id)
    return Call(side, side.engine, "confirm_reversal", (reversal.as_tuple(), proof), side.outsider)


@prepares(_ENGINE, "take_reversal")
def _take_reversal(world: World, state: str) -> Call:
    actions, reversal = _reversing(world)
    actions.confirm_reversal(reversal)
    return _taken(actions, reversal)


@prepares(_ENGINE, "assess")
def _assess(world: World, state: str) -> Call:
    actions, reversal = _reversing(world)
    actions.confirm_reversal(reversal)
    side = world.home
    return Call(side, side.engine, "assess", (COAF, side.investor.address, 0), side.outsider)


@prepares(_ENGINE, "assess_crossed")
def _assess_crossed(world: World, state: str) -> Call:
    dividend = Dividend.fixed(world).paying()
    side = world.remote
    dividend.actions.claim_crossed(side, dividend.outward, side.investor)
    dividend.actions.reversed(APPLE)
    arguments = (COAF, dividend.outward.as_tuple())
    return Call(side, side.engine, "assess_crossed", arguments, side.outsider)


@prepares(_ENGINE, "repay")
def _repay(world: World, state: str) -> Call:
    call = _assess(world, state)
    call.make()
    side = call.side
    Actions(world).give_cash(side, side.outsider)
    return Call(side, side.engine, "repay", (COAF, side.investor.address, 5), side.outsider)


@prepares(_ENGINE, "propose_paid_elsewhere")
def _propose_paid_elsewhere(world: World, state: str) -> Call:
    side = _claim(world, state).side
    arguments = (COAF, side.investor.address, 0, DOCUMENT, *STATED)
    return Call(side, side.engine, "propose_paid_elsewhere", arguments, side.paying_agent)


_then(_ENGINE, "confirm_paid_elsewhere", "propose_paid_elsewhere", "registrar")


# -------------------------------------------------------------------------------- cash

_CASH = "CashToken"
_simple(_CASH, "approve", "cash", "investor", ":fund", 5)
_simple(_CASH, "set_blocked", "cash", "issuer", ":outsider", True)


@prepares(_CASH, "mint")
def _make_cash(world: World, state: str) -> Call:
    side = world.home
    return Call(side, side.cash, "mint", (side.fund.address, 5), side.issuer, credited=side.fund)


@prepares(_CASH, "burn")
def _redeem_cash(world: World, state: str) -> Call:
    side = world.home
    side.cash.mint(side.issuer, 5, sender=side.issuer)
    return Call(side, side.cash, "burn", (5,), side.issuer)


@prepares(_CASH, "permit")
def _permit(world: World, state: str) -> Call:
    side = world.home
    arguments = permit_of(side.cash, side.investor, side.fund, 5)
    return Call(side, side.cash, "permit", arguments, side.outsider)


@prepares(_CASH, "transfer")
def _pay_cash(world: World, state: str) -> Call:
    side = world.home
    side.cash.mint(side.investor, 5, sender=side.issuer)
    arguments = (side.fund.address, 5)
    return Call(side, side.cash, "transfer", arguments, side.investor, credited=side.fund)


@prepares(_CASH, "transferFrom")
def _pay_cash_for(world: World, state: str) -> Call:
    side = world.home
    side.cash.mint(side.investor, 5, sender=side.issuer)
    side.cash.approve(side.outsider, 5, sender=side.investor)
    arguments = (side.investor.address, side.fund.address, 5)
    return Call(side, side.cash, "transferFrom", arguments, side.outsider, side.investor, side.fund)


# --------------------------------------------------------------------------- the cells


def _enter(call: Call, lane: bytes, state: str) -> bool:
    """Bring the ledger into a state; whether there is such a state for this call."""
    side = call.side
    if state in SCOPES:
        side.token.pause(SCOPES[state], *STATED, sender=side.guardian)
        return True
    if state in DIRECTIONS:
        side.escrow.pause_lane(lane, DIRECTIONS[state], *STATED, sender=side.guardian)
        return True
    if state == "suspended instrument":
        side.token.set_suspended(True, *STATED, sender=side.engine.address)
        return True
    if state == "suspended lane":
        side.escrow.set_suspended(lane, True, *STATED, sender=side.engine.address)
        return True
    condition, _, party = state.partition(" ")
    account = call.party(party)
    if account is None or side.token.is_link(account):
        return False
    # An escrow that calls by its role can be frozen like any account, and goes on.
    if condition == "frozen" and call.contract == side.cash:
        side.cash.set_blocked(account, True, sender=side.issuer)
    elif condition == "frozen":
        side.token.setAddressFrozen(account, True, *STATED, sender=side.custodian)
    else:
        side.token.admit(account, 1, *STATED, sender=side.registrar)
    return True


def _told(call: Call, state: str, revert: Revert) -> bool:
    """Whether the refusal is of this state, not of something else."""
    if state in PAUSES:
        words = {"out": "outbound", "in": "inbound", "issuance": "(issuance|redemption)"}
        expected = words.get(state, state)
        return any(
            (revert.reason or "").endswith(f"{word} paused")
            for word in expected.strip("()").split("|")
        )
    if state in SUSPENSIONS:
        # A return asks the token itself: a custody's own burn passes.
        asked = {f"{who}: instrument suspended" for who in ("transit", "closing")}
        of_instrument = {"controls: suspended", *asked}
        return revert.reason in (
            {"lanes: suspended"} if state == "suspended lane" else of_instrument
        )
    account = call.party(state.partition(" ")[2])
    names = {"ERC7943CannotSend", "ERC7943CannotReceive"}
    if revert.error is None:
        # Who moves its own cash is its sender.
        words = {"caller": ("caller", "sender"), "from": ("sender",), "to": ("receiver",)}
        told_by = words[state.partition(" ")[2]]
        return revert.reason in {f"cash: {word} blocked" for word in told_by}
    name, told = revert.error
    return name in names and str(getattr(account, "address", account)) in told.values()


def _cells() -> Iterator[Any]:
    for row in TABLE:
        if set(row.roles) <= {"set-up key", "constructor"}:
            continue
        for state in STATES:
            yield pytest.param(row, state, id=f"{row.contract}.{row.function}-{state}")


def test_every_act_after_the_set_up_is_made() -> None:
    needed = {
        (row.contract, row.function)
        for row in TABLE
        if not set(row.roles) <= {"set-up key", "constructor"}
    }
    assert set(CALLS) == needed


@pytest.mark.requirement("R-64", "R-36", "INV-9")
@pytest.mark.parametrize(("row", "state"), list(_cells()))
def test_a_cell_of_the_table(world: World, row: Row, state: str) -> None:
    call = CALLS[row.contract, row.function](world, state)
    if not _enter(call, world.lane, state):
        assert state not in row.refused
        return
    refusal: Revert | None = None
    try:
        call.make()
    except Revert as revert:
        refusal = revert
    if state not in row.refused:
        assert refusal is None
    else:
        assert refusal is not None, "carried out"
        assert _told(call, state, refusal), f"refused for something else: {refusal}"
