"""Key drills: each role of each contract of each ledger gets another key, in every state.

The state comes first. Then the administrators propose all new keys, wait a day, name them and take
the old ones, themselves last. Whatever is stopped or frozen, that goes through; from then on the
old key can't, and the new one can, as far as the state lets anybody.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from tallystick.bridge.message import LaneMessage
from tallystick.chain import Revert
from tallystick.deploy.steps import ROLES_OF
from tallystick.deploy.upgrade import deploy_implementation
from tallystick.governance.roles import Role
from tallystick.registry.record import record_hash
from tests.governance.test_authority import Upgrade
from tests.governance.test_states import DIRECTIONS, SCOPES, TABLE, Call, _told
from tests.governance.under_fire import ANNOUNCED, record_in_force
from tests.support.actions import APPLE, COAF, EVENT_ATTESTORS, begin, world_of_engines
from tests.support.denials import disowned
from tests.support.dividend import Dividend
from tests.support.world import DAY, DOCUMENT, STATED, ZERO, Side, World, refused
from tools.access import STATES

ATTRIBUTES: Final = {
    "SecurityToken": "token",
    "BridgeEscrow": "escrow",
    "InstrumentRegistry": "registry",
    "ActionsEngine": "engine",
    "ReleaseAuthority": "authority",
}
ADMINISTRATORS: Final = ("administrator", "second_administrator")
# Accounts that nobody has yet.
FIRST_NEW_KEY: Final = 45
# A reason for which the guardian is to roll back alone.
CAUSE: Final = (b"MALF", True, *STATED)
# What who has lost its role is told, where it is not this.
ROLE: Final = "access: missing role"
REASONS: Final = {
    "set_suspended": "lanes: only its token's engine",
    "propose_amends": "denials: proposed by its token's issuer",
    "propose_redirect": "transit: proposed by its token's registrar",
    "withdraw_redirect": "transit: withdrawn by its token's registrar or guardian",
    "redirect": "transit: redirected by its token's custodian",
}


# What only home does, and what the others' keys are told.
AT_HOME: Final = {
    "authorise_issuance": "issuance: not the home ledger",
    "mint": "issuance: not authorised",
    "announce": "events: at home only",
}


@dataclass(frozen=True)
class Drill:
    """A world before anything is drilled, and what its acts take."""

    world: World
    # Where keys are replaced.
    ledger: str
    # Waits there, for whom the registrar says.
    message: LaneMessage
    upgrade: Upgrade
    # Another engine, without a role yet.
    engine: Any
    attestors: Any
    # Its source denied it, and it was credited here.
    false: LaneMessage

    @property
    def side(self) -> Side:
        """Where keys are replaced."""
        side: Side = getattr(self.world, self.ledger)
        return side


@dataclass(frozen=True)
class Act:
    """What shows that a key has a role: the function, its arguments, whom it credits."""

    contract: str
    role: str
    function: str
    arguments: Callable[[Drill, Side], tuple[Any, ...]]
    credited: str = ""


def _proposed(attribute: str) -> Callable[[Drill, Side], tuple[Any, ...]]:
    """An act that an administrator proposed."""

    def arguments(drill: Drill, side: Side) -> tuple[Any, ...]:
        contract = getattr(side, attribute)
        proposed = contract.propose_role(side.attacker, 2, *STATED, sender=side.administrator)
        return proposed.return_value, *STATED

    return arguments


def _of_every_contract() -> Iterator[Act]:
    for contract, attribute in ATTRIBUTES.items():
        yield Act(
            contract,
            "administrator",
            "propose_role",
            lambda drill, side: (side.outsider, 2, *STATED),
        )
        if contract != "ReleaseAuthority":
            yield Act(contract, "guardian", "withdraw_proposal", _proposed(attribute))


def _message(drill: Drill, side: Side) -> tuple[Any, ...]:
    return drill.message.as_tuple(), side.fund, *STATED


def _redirect(drill: Drill, side: Side) -> tuple[Any, ...]:
    """The registrar proposed it anew, after the guardian withdrew it."""
    arguments = _message(drill, side)
    side.escrow.propose_redirect(*arguments, sender=side.registrar)
    return arguments


def _approval(drill: Drill, side: Side) -> tuple[Any, ...]:
    return side.token, side.authority.notice_of(side.token).terms, *STATED


def _running(drill: Drill, side: Side) -> tuple[Any, ...]:
    return side.token, drill.upgrade.id, *STATED


def _noticed(drill: Drill, side: Side) -> tuple[Any, ...]:
    """The upgrader noticed it anew, all consented."""
    side.authority.give_notice(*_running(drill, side), sender=side.upgrader)
    side.consent(*_approval(drill, side)[:2])
    return _running(drill, side)


def _ratification(drill: Drill, side: Side) -> tuple[Any, ...]:
    """Another administrator proposed it anew."""
    proposed = _running(drill, side)
    side.authority.propose_ratification(*proposed, sender=side.second_administrator)
    return proposed


def _back(drill: Drill, side: Side) -> tuple[Any, ...]:
    return side.token, False, *STATED


def _cause(drill: Drill, side: Side) -> tuple[Any, ...]:
    """Another administrator proposed it anew."""
    side.authority.propose_roll_back_reason(*CAUSE, sender=side.second_administrator)
    return CAUSE


def _record(drill: Drill, side: Side) -> Any:
    return record_in_force(drill.world).successor(terms_uri="https://example.org/2")


# In this order: some need what the one before did.
ACTS: Final = (
    *_of_every_contract(),
    Act("SecurityToken", "notary", "authorise_issuance", lambda *_: (5, *STATED)),
    Act("SecurityToken", "issuer", "mint", lambda _, side: (side.fund, 5, *STATED), "fund"),
    Act(
        "SecurityToken",
        "registrar",
        "propose_bridge",
        lambda _, side: (side.verifier, 5, 5, *STATED),
    ),
    Act(
        "SecurityToken",
        "custodian",
        "setFrozenTokens",
        lambda _, side: (side.investor, 5, *STATED),
    ),
    Act(
        "SecurityToken",
        "actions",
        "announce_close",
        lambda _, side: (side.token.business_day(), *STATED),
    ),
    Act("BridgeEscrow", "actions", "set_suspended", lambda d, _: (d.world.lane, False, *STATED)),
    Act(
        "BridgeEscrow",
        "operator",
        "propose_lane_terms",
        lambda drill, side: (drill.world.lane, side.verifier, ZERO, 7, 7, *STATED),
    ),
    Act("BridgeEscrow", "registrar of the token", "propose_redirect", _message),
    Act(
        "BridgeEscrow",
        "issuer of the token",
        "propose_amends",
        lambda drill, _: (drill.false.id, 0, *STATED),
    ),
    Act(
        "BridgeEscrow",
        "guardian of the token",
        "withdraw_redirect",
        lambda drill, _: (drill.message.as_tuple(), *STATED),
    ),
    Act("BridgeEscrow", "custodian of the token", "redirect", _redirect, "fund"),
    Act(
        "InstrumentRegistry",
        "registrar",
        "propose_record",
        lambda drill, side: (
            _record(drill, side).isin,
            record_hash(_record(drill, side)),
            False,
            *STATED,
        ),
    ),
    Act(
        "InstrumentRegistry",
        "issuer",
        "amend",
        lambda drill, side: (_record(drill, side).as_tuple(), *STATED),
    ),
    Act("ActionsEngine", "issuer", "announce", lambda *_: (ANNOUNCED.as_tuple(), 1, *STATED)),
    Act(
        "ActionsEngine",
        "operator",
        "propose_attestors",
        lambda drill, _: (drill.attestors, *STATED),
    ),
    Act(
        "ActionsEngine",
        "paying agent",
        "propose_paid_elsewhere",
        lambda _, side: (COAF, side.investor, 0, DOCUMENT, *STATED),
    ),
    Act(
        "ActionsEngine",
        "registrar",
        "confirm_paid_elsewhere",
        lambda _, side: (COAF, side.investor, 0, DOCUMENT, *STATED),
    ),
    Act(
        "ReleaseAuthority",
        "upgrader",
        "give_notice",
        lambda drill, side: (side.token, drill.upgrade.id, *STATED),
    ),
    Act("ReleaseAuthority", "issuer", "approve", _approval),
    Act("ReleaseAuthority", "operator", "approve", _approval),
    Act("ReleaseAuthority", "auditor", "approve", _approval),
    Act("ReleaseAuthority", "guardian", "cancel", lambda _, side: (side.token, *STATED)),
    Act("ReleaseAuthority", "guardian", "activate_in_emergency", _noticed),
    Act("ReleaseAuthority", "administrator", "propose_ratification", _running),
    Act("ReleaseAuthority", "administrator", "ratify", _ratification),
    Act("ReleaseAuthority", "upgrader", "propose_roll_back", _back),
    Act("ReleaseAuthority", "guardian", "roll_back", _back),
    Act("ReleaseAuthority", "administrator", "propose_roll_back_reason", lambda *_: CAUSE),
    Act("ReleaseAuthority", "administrator", "set_roll_back_reason", _cause),
)


@pytest.fixture(scope="session")
def deployed_world() -> World:
    return world_of_engines()


@pytest.fixture(scope="module")
def prepared(deployed_world: World) -> Iterator[Mapping[str, Drill]]:
    """A dividend that pays, units in suspense on each ledger, a release that is registered."""
    world = deployed_world
    with world.isolated():
        actions = Dividend.fixed(world).actions
        for side in (world.home, world.remote):
            actions.fund(side, APPLE)
            begin(side, APPLE.payment_day)
        world.synchronise()
        out, back = world.locked(5, world.remote.outsider), world.burned(5, world.home.outsider)
        for message in (out, back):
            world.deliver(message)
        yield {"home": _prepare(world, "home", back), "remote": _prepare(world, "remote", out)}


def _prepare(world: World, ledger: str, message: LaneMessage) -> Drill:
    """What acts on a ledger take."""
    side: Side = getattr(world, ledger)
    false = disowned(world, ledger)
    upgrade = Upgrade(
        side, deploy_implementation(side.chain, "SecurityToken", sender=side.deployer)
    )
    upgrade.register()
    engine = side.chain.deploy("ActionsEngineMock", side.token, side.escrow, sender=side.deployer)
    attestors = EVENT_ATTESTORS.verifier(side.chain)
    return Drill(world, ledger, message, upgrade, engine, attestors, false)


@pytest.fixture(params=["home", "remote"])
def drill(prepared: Mapping[str, Drill], request: pytest.FixtureRequest) -> Iterator[Drill]:
    """What is prepared on a ledger, for one test."""
    found = prepared[request.param]
    with found.world.isolated():
        yield found


def renewed(drill: Drill) -> Side:
    """The ledger whose roles are other accounts'; they hold none yet."""
    side = drill.side
    titles = [*ADMINISTRATORS, *(role.name.lower() for role in Role if role > 1)]
    keys = {
        title: side.chain.account(FIRST_NEW_KEY + at)
        for at, title in enumerate(titles)
        if title in side.parties
    }
    return replace(side, parties={**side.parties, **keys})


def _titles(contract: str) -> Iterator[tuple[str, Role]]:
    """Who has which role of a contract, administrators last."""
    for role in ROLES_OF[contract]:
        if role not in (Role.ADMINISTRATOR, Role.ACTIONS):
            yield role.name.lower(), role
    for title in ADMINISTRATORS:
        yield title, Role.ADMINISTRATOR


def replace_keys(drill: Drill, new: Side) -> None:
    """Everybody's role goes to another account: proposed, waited for, taken; the old one's ends."""
    old = drill.side
    grants = [
        (getattr(old, attribute), old.parties[title], new.parties[title], role)
        for contract, attribute in ATTRIBUTES.items()
        for title, role in _titles(contract)
    ]
    grants.append((old.token, old.engine, drill.engine, Role.ACTIONS))
    for contract, _, taker, role in grants:
        contract.propose_role(taker, role, *STATED, sender=old.administrator)
    old.chain.advance(DAY)
    for contract, _, taker, role in grants:
        contract.assign_role(taker, role, *STATED, sender=old.second_administrator)
    for contract, holder, taker, role in grants:
        contract.propose_role(holder, 0, *STATED, sender=new.administrator)
        contract.assign_role(holder, 0, *STATED, sender=new.second_administrator)
        assert (contract.role_of(holder), contract.role_of(taker)) == (0, role)


def enter(drill: Drill, new: Side, state: str) -> None:
    """Bring the ledger into a state; of a party: who calls, is debited, is credited."""
    side, lane = drill.side, drill.world.lane
    condition, _, party = state.partition(" ")
    if state in SCOPES:
        side.token.pause(SCOPES[state], *STATED, sender=side.guardian)
    elif state in DIRECTIONS:
        side.escrow.pause_lane(lane, DIRECTIONS[state], *STATED, sender=side.guardian)
    elif condition == "suspended":
        stops = (True, *STATED) if party == "instrument" else (lane, True, *STATED)
        contract = side.token if party == "instrument" else side.escrow
        contract.set_suspended(*stops, sender=side.engine.address)
    else:
        callers = [key for title, key in new.parties.items() if key != side.parties[title]]
        accounts = {"caller": callers, "from": [side.investor], "to": [side.fund]}[party]
        for account in accounts:
            if condition == "frozen":
                side.token.setAddressFrozen(account, True, *STATED, sender=side.custodian)
            else:
                side.token.admit(account, 1, *STATED, sender=side.registrar)


def _key(side: Side, engine: Any, role: str) -> Any:
    """Who has a role of the table."""
    if role == "actions":
        return engine.address
    return side.parties[role.removesuffix(" of the token").replace(" ", "_")]


def _row(act: Act) -> Any:
    (row,) = (
        each for each in TABLE if (each.contract, each.function) == (act.contract, act.function)
    )
    return row


def test_an_act_of_every_role_of_every_contract_is_tried() -> None:
    """Of the table's, but for those that no key of somebody's holds."""
    nobodys = {
        "anyone",
        "anyone once it is dead",
        "constructor",
        "set-up key",
        "sides of the proposal",
        "bridge",
        "custody",
    }
    held = {
        (row.contract, role)
        for row in TABLE
        if row.contract in ATTRIBUTES
        for role in row.roles
        if role not in nobodys
    }
    assert {(act.contract, act.role) for act in ACTS} == held
    for act in ACTS:
        assert act.role in (*_row(act).roles, "guardian"), act


@pytest.mark.requirement("R-64", "R-69", "INV-9")
@pytest.mark.parametrize("state", ["none", *STATES])
def test_every_key_is_replaced_in_a_state(drill: Drill, state: str) -> None:
    world, old, new = drill.world, drill.side, renewed(drill)
    if state != "none":
        enter(drill, new, state)
    replace_keys(drill, new)
    # Whoever prepares an act has a new key.
    then = copy.copy(world)
    setattr(then, drill.ledger, new)
    drilled = replace(drill, world=then)
    for act in ACTS:
        contract = getattr(new, ATTRIBUTES[act.contract])
        key = _key(new, drill.engine, act.role)
        arguments = act.arguments(drilled, new)
        lost = _key(old, old.engine, act.role)
        with refused(world, REASONS.get(act.function, ROLE)):
            getattr(contract, act.function)(*arguments, sender=lost)
        credited = new.parties[act.credited] if act.credited else None
        call = Call(new, contract, act.function, arguments, key, credited=credited)
        refusal: Revert | None = None
        try:
            call.make()
        except Revert as revert:
            refusal = revert
        is_refused = state in _row(act).refused
        is_refused &= bool(credited) or not state.endswith((" from", " to"))
        elsewhere = drill.ledger == "remote" and act.function in AT_HOME
        if is_refused or elsewhere:
            assert refusal is not None, f"{act.function} carried out"
            # Not for want of the role.
            there = elsewhere and refusal.reason == AT_HOME[act.function]
            assert there or (is_refused and _told(call, state, refusal)), f"{call}: {refusal}"
        else:
            assert refusal is None, f"{act.function} by the {act.role}"
