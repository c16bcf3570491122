"""Lanes: opening, terms, stops, two keys; each lane a ledger of its own."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tallystick.bridge.message import NO_CAP, Grade, LaneMessage, lane_id, ledger_id, party
from tallystick.build import artifact
from tallystick.chain import Contract
from tests.support.world import (
    CHANGE_DELAY,
    DAY,
    DOCUMENT,
    INVESTOR_UNITS,
    ISIN,
    NO_DOCUMENT,
    NO_REASON,
    RETENTION,
    STATED,
    THIRD,
    THIRD_ESCROW,
    UINT_MAX,
    UNSIGNED,
    UNSTATED,
    ZERO,
    Side,
    World,
    lane_terms,
    pair_key,
    read_slot,
    refused,
    write_slot,
)

TERMS = (
    "(string,bool,address,address,address,address,uint256,uint256,bytes32,bytes32,uint256,uint256,"
    "uint256,uint256,uint256,uint8,uint16,uint8)"
)
# Business days of whose closes a lane has books that was never closed: from, until.
ALWAYS = (0, 2**16 - 1)
OPEN = f"open_lane({TERMS},bytes4,bytes32)"
CONFIRM = "confirm_lane_terms(bytes32,address,address,uint256,uint256,bytes4,bytes32)"
PROPOSE = f"propose_lane({TERMS},bytes4,bytes32)"
PROPOSE_TERMS = "propose_lane_terms(bytes32,address,address,uint256,uint256,bytes4,bytes32)"
WITHDRAW = "withdraw_proposal(bytes32,bytes4,bytes32)"
PAUSE = "pause_lane(bytes32,uint256,bytes4,bytes32)"
SUSPEND = "set_suspended(bytes32,bool,bytes4,bytes32)"
UNPAUSE = "unpause_lane(bytes32,uint256,bytes4,bytes32)"
CLOSE_MINUTE = 1_260
LIFETIME = 30 * DAY
OPERATOR, ADMINISTRATOR = 32, 1
FIELDS = (
    "isin",
    "home",
    "token",
    "custody",
    "verifier",
    "second",
    "change_delay",
    "retention",
    "peer_ledger",
    "peer_escrow",
    "cap",
    "limit",
    "limit_window",
    "ramp",
    "minimum",
    "decimals",
    "close_minute",
    "grade",
)


class Opening:
    """Terms of a lane to a third ledger, from an escrow that is live; sound unless changed."""

    def __init__(self, world: World, side: Side) -> None:
        self.world, self.side, self.escrow = world, side, side.escrow
        self.custody = side.new_custody()

    def terms(self, **changed: Any) -> tuple[Any, ...]:
        """The terms as the contract takes them."""
        return lane_terms(self.side, **{"custody": self.custody.address, **changed})

    def propose(self, terms: tuple[Any, ...]) -> Any:
        """The operator proposes to open a lane."""
        return self.escrow.propose_lane(terms, *STATED, sender=self.side.operator)

    def open(self, **changed: Any) -> Any:
        """Propose and open."""
        terms = self.terms(**changed)
        self.propose(terms)
        return self.escrow.open_lane(terms, *STATED, sender=self.side.administrator)

    def refused(self, reason: str, **changed: Any) -> None:
        """Propose, then try to open for the reason given."""
        terms = self.terms(**changed)
        self.propose(terms)
        with refused(self.world, reason):
            self.escrow.open_lane(terms, *STATED, sender=self.side.administrator)


@pytest.fixture
def opening(world: World) -> Opening:
    return Opening(world, world.home)


def propose_terms(side: Side, lane: bytes, verifier: Any, cap: int, second: Any = ZERO) -> Any:
    """The operator proposes a lane's terms."""
    terms = (lane, verifier, second, cap, NO_CAP)
    return side.escrow.propose_lane_terms(*terms, *STATED, sender=side.operator)


def confirm_terms(
    side: Side, lane: bytes, verifier: Any, cap: int, second: Any = ZERO, sender: Any = None
) -> Any:
    """An administrator confirms them."""
    terms = (lane, verifier, second, cap, NO_CAP)
    key = sender or side.administrator
    return side.escrow.confirm_lane_terms(*terms, *STATED, sender=key)


def both_keys(world: World, side: Side, verifier: Any, cap: int, second: Any = ZERO) -> Any:
    """Propose and confirm a lane's terms."""
    propose_terms(side, world.lane, verifier, cap, second)
    return confirm_terms(side, world.lane, verifier, cap, second)


def set_terms(world: World, side: Side, verifier: Any, cap: int) -> Any:
    """Replace a lane's terms with both keys, after its delay."""
    due = both_keys(world, side, verifier, cap).one("LaneTermsConfirmed").applies_from
    return world.apply_terms(side, due)


# --------------------------------------------------------------------------- opening


def test_operator_proposes_a_lane_in_full(opening: Opening) -> None:
    side, escrow = opening.side, opening.escrow
    terms = opening.terms()
    receipt = opening.propose(terms)
    act = keccak(encode(["string", TERMS], ["open_lane", terms]))
    assert receipt.return_value == act
    assert receipt.events == (
        side.act(escrow, PROPOSE, side.token, side.operator),
        escrow.emitted("LaneProposed", act, side.token, terms),
    )
    assert tuple(escrow.proposal_of(act)) == (
        side.operator.address,
        OPERATOR,
        ADMINISTRATOR,
        receipt.timestamp,
        receipt.timestamp + LIFETIME,
    )


def test_operator_proposes_terms_in_full(world: World) -> None:
    side, escrow = world.home, world.home.escrow
    receipt = propose_terms(side, world.lane, side.verifier, 7)
    act = keccak(
        encode(
            ["string", "bytes32", "uint256", "address", "address", "uint256", "uint256"],
            ["confirm_lane_terms", world.lane, 1, side.verifier.address, ZERO, 7, NO_CAP],
        )
    )
    assert receipt.return_value == act
    assert receipt.events == (
        side.act(escrow, PROPOSE_TERMS, side.verifier, side.operator),
        escrow.emitted("LaneTermsProposed", act, world.lane, side.verifier, ZERO, 7, NO_CAP),
    )


def test_administrator_opens_the_proposed_lane(opening: Opening) -> None:
    side, escrow = opening.side, opening.escrow
    terms = opening.terms(cap=5)
    opening.propose(terms)
    receipt = escrow.open_lane(terms, *STATED, sender=side.administrator)
    expected = lane_id(
        ISIN,
        6,
        CLOSE_MINUTE,
        Grade.PILOT,
        ledger_id("eip155:41001"),
        party(escrow.address),
        ledger_id(THIRD),
        THIRD_ESCROW,
    )
    assert receipt.return_value == expected
    assert receipt.events == (
        side.act(escrow, OPEN, side.token, side.administrator),
        escrow.emitted("LaneOpened", expected, side.token, terms),
        escrow.emitted("EpochBegins", expected, 1, side.verifier, ZERO, receipt.timestamp),
    )
    state = escrow.lane_state(expected)
    assert tuple(state.terms) == terms
    assert (state.outstanding, state.suspense, state.sent, state.paused_directions) == (0, 0, 0, 0)


def test_a_remote_lane_has_the_id_with_the_sides_exchanged(world: World) -> None:
    side = world.remote
    fresh = side.fresh_suite(home=False)
    receipt = fresh.escrow.open_lane(fresh.lane_terms(), *STATED, sender=side.deployer)
    assert receipt.return_value == lane_id(
        ISIN,
        6,
        CLOSE_MINUTE,
        Grade.PILOT,
        ledger_id(THIRD),
        THIRD_ESCROW,
        ledger_id("eip155:41002"),
        party(fresh.escrow.address),
    )


def test_the_set_up_key_opens_without_proposal(home_side: Side) -> None:
    fresh = home_side.fresh_suite()
    terms = fresh.lane_terms()
    receipt = fresh.escrow.open_lane(terms, *STATED, sender=home_side.deployer)
    assert tuple(fresh.escrow.lane_state(receipt.return_value).terms) == terms


def test_there_is_one_lane_for_each_pair(world: World, opening: Opening) -> None:
    assert world.home.escrow.canonical_lane(pair_key(world.home, world.remote)) == world.lane
    opening.refused("lanes: pair has its lane", peer_ledger=ledger_id("eip155:41002"))


def test_a_pair_keeps_its_lane_though_the_peer_escrow_is_another(opening: Opening) -> None:
    opening.open()
    opening.refused("lanes: pair has its lane", peer_escrow=party("0x" + "44" * 20))


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("token", "lanes: token has no code"),
        ("verifier", "lanes: verifier has no code"),
        ("custody", "lanes: no custody of that token"),
    ],
)
@pytest.mark.parametrize("who", ["nobody", "plain", "delegated"])
def test_a_lane_of_accounts_without_code_is_refused(
    opening: Opening, field: str, reason: str, who: str
) -> None:
    side = opening.side
    if who == "delegated":
        # EIP-7702: the key may point its account at other code tomorrow.
        code = bytes.fromhex("ef0100" + side.token.address[2:])
        side.chain.set_code(side.attacker.address, code)
    address = ZERO if who == "nobody" else side.attacker.address
    opening.refused(reason, **{field: address})


@pytest.mark.requirement("INV-7")
def test_an_instrument_has_one_home_on_a_remote_ledger(world: World) -> None:
    """A breach of a second home would empty the first one's custody."""
    opening = Opening(world, world.remote)
    assert world.remote.escrow.lanes_of(keccak(text=ISIN)) == [world.lane]
    opening.refused("lanes: instrument has its home")


def test_an_instrument_has_at_most_sixteen_lanes_at_home(opening: Opening) -> None:
    """Whoever sums an instrument's lanes walks them all."""
    lanes = [opening.world.lane]
    for number in range(15):
        opening.custody = opening.side.new_custody()
        opened = opening.open(peer_ledger=ledger_id(f"eip155:{900 + number}"))
        lanes.append(opened.return_value)
    assert opening.escrow.lanes_of(keccak(text=ISIN)) == lanes
    opening.custody = opening.side.new_custody()
    opening.refused("lanes: instrument on too many ledgers")


def test_an_escrow_shows_where_a_lane_ends(opening: Opening) -> None:
    """Of a lane that is not open: nowhere."""
    world = opening.world
    for side, peer in ((world.home, world.remote), (world.remote, world.home)):
        ends = (side.token.address, side.custody.address, ledger_id(peer.chain.caip2))
        assert tuple(side.escrow.lane_ends(world.lane)) == (*ends, *ALWAYS)
    token = opening.side.token.address
    lane = opening.open().return_value
    ends = (token, opening.custody.address, ledger_id(THIRD))
    assert tuple(opening.escrow.lane_ends(lane)) == (*ends, *ALWAYS)
    nowhere = (ZERO, ZERO, bytes(32))
    assert tuple(opening.escrow.lane_ends(keccak(b"no lane"))) == (*nowhere, *ALWAYS)


def test_an_instrument_that_has_no_lane_has_none(world: World) -> None:
    for side in (world.home, world.remote):
        assert side.escrow.lanes_of(keccak(text="DE0001102580")) == []


@pytest.mark.parametrize("cap", [NO_CAP + 1, UINT_MAX])
def test_a_cap_out_of_range_is_refused(opening: Opening, cap: int) -> None:
    opening.refused("lanes: cap out of range", cap=cap)


def test_a_token_of_another_isin_is_refused(opening: Opening) -> None:
    opening.refused("lanes: token of another ISIN", isin="DE0001102580")


@pytest.mark.parametrize("name", ["home", "remote"])
def test_a_token_of_the_other_side_is_refused(world: World, name: str) -> None:
    opening = Opening(world, getattr(world, name))
    opening.refused("lanes: token of the other side", home=name != "home")


def test_a_token_of_other_decimals_is_refused(opening: Opening) -> None:
    opening.refused("lanes: token of other decimals", decimals=4)


def test_a_token_of_another_close_of_business_is_refused(opening: Opening) -> None:
    opening.refused("lanes: token of another close of business", close_minute=CLOSE_MINUTE + 1)


def test_a_custody_that_is_no_link_account_is_refused(opening: Opening) -> None:
    custody = opening.side.new_custody(linked=False)
    opening.refused("lanes: custody is no link account", custody=custody.address)


@pytest.mark.parametrize("other", ["escrow", "token", "code"])
def test_only_a_custody_of_this_escrow_and_token_is_accepted(opening: Opening, other: str) -> None:
    side = opening.side
    escrow = side.attacker if other == "escrow" else side.escrow
    token = side.fresh_token() if other == "token" else side.token
    name = "LaneCustodyMock" if other == "code" else "LaneCustody"
    custody = side.chain.deploy(name, escrow, token, sender=side.attacker)
    opening.refused("lanes: no custody of that token", custody=custody.address)


def test_an_escrow_refuses_the_custody_of_the_authoritys_other_escrow(world: World) -> None:
    """Two escrows of one authority: a custody answers to the one that the authority names."""
    side = world.home
    fresh = side.fresh_suite()
    second = fresh.another_escrow()
    terms = fresh.lane_terms()
    with refused(world, "lanes: custody of another escrow"):
        second.open_lane(terms, *STATED, sender=side.deployer)


@pytest.mark.requirement("INV-7")
def test_a_custody_of_another_lane_is_refused(world: World, opening: Opening) -> None:
    """`LaneCustody` says that each lane's units are physically its own."""
    assert world.home.escrow.lane_of_custody(world.home.custody) == world.lane
    opening.refused("lanes: custody of another lane", custody=world.home.custody.address)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"peer_ledger": ledger_id("eip155:41001")}, "lanes: peer is this ledger"),
        ({"peer_ledger": bytes(32)}, "lanes: no peer ledger"),
        ({"peer_escrow": bytes(32)}, "lanes: no peer escrow"),
    ],
)
def test_a_lane_to_nowhere_is_refused(
    opening: Opening, changed: dict[str, Any], reason: str
) -> None:
    opening.refused(reason, **changed)


# -------------------------------------------------------------------------- two keys


@pytest.mark.requirement("INV-9")
def test_opening_without_proposal_is_refused(world: World, opening: Opening) -> None:
    with refused(world, "access: act not proposed"):
        opening.escrow.open_lane(opening.terms(), *STATED, sender=world.home.administrator)


@pytest.mark.parametrize("field", FIELDS)
def test_only_exactly_the_proposed_lane_is_opened(
    world: World, opening: Opening, field: str
) -> None:
    values: dict[str, Any] = {
        "isin": "DE0001102580",
        "home": False,
        "token": world.home.escrow.address,
        "custody": world.home.custody.address,
        "verifier": world.home.escrow.address,
        "second": world.home.escrow.address,
        "change_delay": CHANGE_DELAY + 1,
        "retention": RETENTION + 1,
        "peer_ledger": DOCUMENT,
        "peer_escrow": DOCUMENT,
        "cap": 1,
        "limit": 1,
        "limit_window": 2 * DAY,
        "ramp": DAY,
        "minimum": 1,
        "decimals": 7,
        "close_minute": 1,
        "grade": Grade.PRODUCTION,
    }
    opening.propose(opening.terms())
    with refused(world, "access: act not proposed"):
        opening.escrow.open_lane(
            opening.terms(**{field: values[field]}), *STATED, sender=world.home.administrator
        )


def test_a_proposal_is_used_once(world: World) -> None:
    side = world.home
    set_terms(world, side, side.verifier, 7)
    with refused(world, "access: act not proposed"):
        confirm_terms(side, world.lane, side.verifier, 7)


@pytest.mark.requirement("INV-9")
def test_a_proposal_dies_with_its_operators_role(world: World, opening: Opening) -> None:
    side = world.home
    opening.propose(opening.terms())
    side.give_role(side.escrow, side.operator, 0)
    with refused(world, "access: proposer lost its role"):
        opening.escrow.open_lane(opening.terms(), *STATED, sender=side.administrator)


@pytest.mark.parametrize("role", ["operator", "guardian", "attacker", "deployer"])
def test_one_key_alone_changes_no_terms(world: World, role: str) -> None:
    side = world.home
    propose_terms(side, world.lane, side.verifier, 7)
    with refused(world, "access: missing role"):
        confirm_terms(side, world.lane, side.verifier, 7, sender=side.parties[role])


@pytest.mark.parametrize("role", ["operator", "administrator", "guardian"])
def test_either_side_or_the_guardian_withdraws_a_proposal(world: World, role: str) -> None:
    side, escrow = world.home, world.home.escrow
    act = propose_terms(side, world.lane, side.verifier, 7).return_value
    receipt = escrow.withdraw_proposal(act, *STATED, sender=side.parties[role])
    assert receipt.events == (
        side.act(escrow, WITHDRAW, ZERO, side.parties[role]),
        escrow.emitted("ProposalWithdrawn", act, side.parties[role]),
    )
    assert tuple(escrow.proposal_of(act)) == (ZERO, 0, 0, 0, 0)
    with refused(world, "access: act not proposed"):
        confirm_terms(side, world.lane, side.verifier, 7)


@pytest.mark.parametrize("role", ["auditor", "deployer", "attacker"])
def test_nobody_else_withdraws_a_proposal(world: World, role: str) -> None:
    side = world.home
    act = propose_terms(side, world.lane, side.verifier, 7).return_value
    with refused(world, "access: missing role"):
        side.escrow.withdraw_proposal(act, *STATED, sender=side.parties[role])


@pytest.mark.parametrize(("offset", "lapsed"), [(-1, False), (0, True)])
def test_a_proposal_lapses_after_30_days(world: World, offset: int, lapsed: bool) -> None:
    side = world.home
    proposed = propose_terms(side, world.lane, side.verifier, 7).timestamp
    side.chain.set_time(proposed + LIFETIME + offset)
    if lapsed:
        with refused(world, "access: proposal lapsed"):
            confirm_terms(side, world.lane, side.verifier, 7)
    else:
        confirm_terms(side, world.lane, side.verifier, 7)


# ----------------------------------------------------------------------------- terms


def test_administrator_confirms_the_proposed_terms_and_anyone_applies_them(world: World) -> None:
    """Of verifiers tells `test_epochs.py`, of the time between `test_changes.py`."""
    side, terms = world.home, (world.lane, world.home.verifier, ZERO, 7, NO_CAP)
    world.locked(1_000)
    before = world.lane_state(side)
    receipt = both_keys(world, side, side.verifier, 7)
    due = receipt.timestamp + CHANGE_DELAY
    assert receipt.events == (
        side.act(side.escrow, CONFIRM, side.verifier, side.administrator),
        side.escrow.emitted("LaneTermsConfirmed", *terms, due),
    )
    assert world.lane_state(side) == before
    receipt = world.apply_terms(side, due)
    assert receipt.events == (side.escrow.emitted("LaneTermsSet", *terms),)
    after = world.lane_state(side)
    assert after.terms == before.terms._replace(cap=7)
    assert tuple(after)[1:] == tuple(before)[1:]


def test_another_verifier_changes_nothing_else(world: World) -> None:
    side = world.home
    verifier = side.chain.deploy("VerifierMock", sender=side.deployer)
    world.locked(1_000)
    before = world.lane_state(side)
    set_terms(world, side, verifier, 7)
    after = world.lane_state(side)
    assert after.terms == before.terms._replace(verifier=verifier.address, cap=7)
    assert after == before._replace(terms=after.terms, epoch=2)


@pytest.mark.parametrize("directions", [1, 2, 3])
def test_setting_terms_lifts_no_stop(world: World, directions: int) -> None:
    """A mutant that wrote the terms anew, stops forgotten, once passed every test."""
    side = world.home
    side.escrow.pause_lane(world.lane, directions, *STATED, sender=side.guardian)
    set_terms(world, side, side.verifier, 7)
    assert world.lane_state(side).paused_directions == directions


def test_setting_terms_keeps_the_action_epoch(world: World) -> None:
    """So did one that forgot in which epoch's units the lane is kept."""
    side = world.home
    slot = ("lanes", "_terms", world.lane)
    epoch = 5 << 176
    write_slot(side.escrow, read_slot(side.escrow, *slot) | epoch, *slot)
    set_terms(world, side, side.verifier, 7)
    assert read_slot(side.escrow, *slot) & (1023 << 176) == epoch


@pytest.mark.parametrize("who", ["nobody", "plain", "delegated"])
def test_terms_with_a_verifier_without_code_are_refused(world: World, who: str) -> None:
    side = world.home
    if who == "delegated":
        # EIP-7702: the key may point its account at other code tomorrow.
        code = bytes.fromhex("ef0100" + side.verifier.address[2:])
        side.chain.set_code(side.attacker.address, code)
    verifier = ZERO if who == "nobody" else side.attacker.address
    with refused(world, "lanes: verifier has no code"), world.isolated():
        both_keys(world, side, verifier, 7)


@pytest.mark.parametrize("cap", [NO_CAP + 1, UINT_MAX])
def test_terms_with_a_cap_out_of_range_are_refused(world: World, cap: int) -> None:
    side = world.home
    with refused(world, "lanes: cap out of range"), world.isolated():
        both_keys(world, side, side.verifier, cap)


def test_terms_of_an_unknown_lane_are_refused(world: World) -> None:
    side = world.home
    propose_terms(side, DOCUMENT, side.verifier, 7)
    with refused(world, "lanes: unknown lane"):
        confirm_terms(side, DOCUMENT, side.verifier, 7)


@pytest.mark.parametrize("view", ["lane_state", "posture"])
def test_state_of_an_unknown_lane_is_refused(world: World, view: str) -> None:
    with refused(world, "lanes: unknown lane"):
        getattr(world.home.escrow, view)(DOCUMENT)


@pytest.mark.parametrize(
    "name",
    ["propose", "propose_terms", "withdraw", "open", "confirm", "cancel", "pause", "unpause"],
)
def test_lane_acts_state_why(world: World, opening: Opening, name: str) -> None:
    side = world.home
    escrow, none = side.escrow, (NO_REASON, NO_DOCUMENT)
    act = propose_terms(side, world.lane, side.verifier, 7).return_value
    opening.propose(opening.terms())
    if name == "cancel":
        confirm_terms(side, world.lane, side.verifier, 7)
    terms = (world.lane, side.verifier, ZERO, 7, NO_CAP)
    calls = {
        "propose": lambda: escrow.propose_lane(opening.terms(), *none, sender=side.operator),
        "propose_terms": lambda: escrow.propose_lane_terms(*terms, *none, sender=side.operator),
        "withdraw": lambda: escrow.withdraw_proposal(act, *none, sender=side.operator),
        "open": lambda: escrow.open_lane(opening.terms(), *none, sender=side.administrator),
        "confirm": lambda: escrow.confirm_lane_terms(*terms, *none, sender=side.administrator),
        "cancel": lambda: escrow.cancel_lane_terms(world.lane, *none, sender=side.guardian),
        "pause": lambda: escrow.pause_lane(world.lane, 1, *none, sender=side.guardian),
        "unpause": lambda: escrow.unpause_lane(world.lane, 1, *none, sender=side.administrator),
    }
    with refused(world, "instruction: no reason code"):
        calls[name]()


# ------------------------------------------------------------------------------- cap


@pytest.mark.parametrize(("amount", "reason"), [(7_000_000, None), (7_000_001, "cap")])
def test_the_cap_is_in_whole_units(world: World, amount: int, reason: str | None) -> None:
    side = world.home
    set_terms(world, side, side.verifier, 7)
    if reason is None:
        world.network.lock(side.investor, world.remote.investor, amount)
        assert world.lane_state(side).outstanding == amount
    else:
        with refused(world, "lanes: cap reached"):
            world.network.lock(side.investor, world.remote.investor, amount)


def test_the_cap_counts_what_is_outstanding(world: World) -> None:
    side = world.home
    set_terms(world, side, side.verifier, 7)
    world.arrived(7_000_000)
    with refused(world, "lanes: cap reached"):
        world.network.lock(side.investor, world.remote.investor, 1)
    world.deliver(world.burned(400))
    world.locked(400)


def test_a_cap_of_nothing_stops_new_value_and_releases_the_old(world: World) -> None:
    side = world.home
    world.arrived(1_000)
    set_terms(world, side, side.verifier, 0)
    with refused(world, "lanes: cap reached"):
        world.network.lock(side.investor, world.remote.investor, 1)
    assert world.deliver(world.burned(1_000)).return_value is True


def test_no_cap_is_none(world: World) -> None:
    world.locked(INVESTOR_UNITS)
    assert world.lane_state(world.home).outstanding == INVESTOR_UNITS


@pytest.mark.requirement("INV-2")
def test_the_cap_bounds_what_a_quorum_can_issue_remotely(world: World) -> None:
    """`cap`: most that may be outstanding; on a remote ledger that is what was issued."""
    side = world.remote
    set_terms(world, side, side.verifier, 7)
    with refused(world, "lanes: cap reached"):
        world.deliver(world.message(amount=7_000_001))


# ---------------------------------------------------------------------------- stops


@pytest.mark.requirement("R-64")
@pytest.mark.parametrize("directions", [1, 2, 3])
def test_guardian_stops_and_administrator_lifts(world: World, directions: int) -> None:
    side = world.home
    receipt = side.escrow.pause_lane(world.lane, directions, *STATED, sender=side.guardian)
    assert receipt.events == (
        side.act(side.escrow, PAUSE, ZERO, side.guardian),
        side.escrow.emitted("LanePaused", world.lane, directions, receipt.timestamp + 7 * DAY),
    )
    assert world.lane_state(side).paused_directions == directions
    receipt = side.escrow.unpause_lane(world.lane, directions, *STATED, sender=side.administrator)
    assert receipt.events == (
        side.act(side.escrow, UNPAUSE, ZERO, side.administrator),
        side.escrow.emitted("LaneUnpaused", world.lane, directions, receipt.timestamp + DAY),
    )
    assert world.lane_state(side).paused_directions == directions
    side.chain.set_time(receipt.timestamp + DAY)
    assert world.lane_state(side).paused_directions == 0


def test_lifting_one_direction_leaves_the_other_stopped(world: World) -> None:
    side = world.home
    side.escrow.pause_lane(world.lane, 3, *STATED, sender=side.guardian)
    side.escrow.unpause_lane(world.lane, 1, *STATED, sender=side.administrator)
    side.chain.set_time(side.chain.now + DAY)
    assert world.lane_state(side).paused_directions == 2


def test_a_stop_keeps_the_terms(world: World) -> None:
    side = world.home
    before = tuple(world.lane_state(side).terms)
    side.escrow.pause_lane(world.lane, 3, *STATED, sender=side.guardian)
    assert tuple(world.lane_state(side).terms) == before


@pytest.mark.parametrize("directions", [0, 4, 2**94, UINT_MAX])
def test_an_unknown_direction_is_refused(world: World, directions: int) -> None:
    side = world.home
    with refused(world, "lanes: unknown direction"):
        side.escrow.pause_lane(world.lane, directions, *STATED, sender=side.guardian)
    with refused(world, "lanes: unknown direction to lift"):
        side.escrow.unpause_lane(world.lane, directions, *STATED, sender=side.administrator)


@pytest.mark.parametrize("name", ["pause_lane", "unpause_lane"])
def test_stops_of_an_unknown_lane_are_refused(world: World, name: str) -> None:
    side = world.home
    sender = side.guardian if name == "pause_lane" else side.administrator
    with refused(world, "lanes: unknown lane"):
        getattr(side.escrow, name)(DOCUMENT, 1, *STATED, sender=sender)


def test_guardian_does_not_lift_its_own_stop(world: World) -> None:
    side = world.home
    side.escrow.pause_lane(world.lane, 1, *STATED, sender=side.guardian)
    with refused(world, "access: missing role"):
        side.escrow.unpause_lane(world.lane, 1, *STATED, sender=side.guardian)


# ---------------------------------------------------------------------- suspensions


def suspend(world: World, side: Side, *, suspended: bool = True, lane: bytes | None = None) -> Any:
    """The engine of its token suspends a lane, or lets it go on."""
    arguments = (lane or world.lane, suspended, *STATED)
    return side.escrow.set_suspended(*arguments, sender=side.engine.address)


@pytest.mark.requirement("R-14")
def test_the_engine_of_its_token_suspends_a_lane_and_lets_it_go_on(world: World) -> None:
    """Both ways; no other bit of its terms changes, and doing it twice changes nothing."""
    side = world.home
    world.arrived(10)
    back = world.burned(3)
    slot = ("lanes", "_terms", world.lane)
    before = read_slot(side.escrow, *slot)
    for suspended in (True, True, False, False):
        receipt = suspend(world, side, suspended=suspended)
        assert receipt.events == (
            side.act(side.escrow, SUSPEND, ZERO, side.engine),
            side.escrow.emitted("LaneSuspensionSet", world.lane, suspended),
        )
        assert side.escrow.is_suspended(world.lane) is suspended
        assert world.lane_state(side).paused_directions == 0
        assert read_slot(side.escrow, *slot) == before | (suspended << 163)
        if suspended:
            with refused(world, "lanes: suspended"):
                world.network.lock(side.investor, world.remote.investor, 1)
            with refused(world, "lanes: suspended"):
                world.deliver(back)
    world.deliver(back)
    world.locked(1)


@pytest.mark.requirement("R-14", "INV-9")
@pytest.mark.parametrize("who", ["guardian", "administrator", "registrar", "attacker"])
def test_nobody_else_suspends_a_lane(world: World, who: str) -> None:
    side = world.home
    for suspended in (True, False):
        with refused(world, "lanes: only its token's engine"):
            side.escrow.set_suspended(world.lane, suspended, *STATED, sender=getattr(side, who))
    with refused(world, "lanes: unknown lane"):
        suspend(world, side, lane=DOCUMENT)


@pytest.mark.requirement("INV-7")
def test_an_engine_that_lost_its_role_suspends_no_lane(world: World) -> None:
    side = world.home
    side.give_role(side.token, side.engine, 0)
    with refused(world, "lanes: only its token's engine"):
        suspend(world, side)


def test_it_is_stated_why_a_lane_is_suspended(world: World) -> None:
    side = world.home
    for stated, reason in UNSTATED:
        with refused(world, reason):
            side.escrow.set_suspended(world.lane, True, *stated, sender=side.engine.address)


@pytest.mark.requirement("R-14")
def test_a_suspension_and_a_stop_are_lifted_apart(world: World) -> None:
    """Nor do new terms lift either."""
    side = world.home
    side.escrow.pause_lane(world.lane, 3, *STATED, sender=side.guardian)
    suspend(world, side)
    suspend(world, side, suspended=False)
    assert world.lane_state(side).paused_directions == 3
    suspend(world, side)
    set_terms(world, side, side.verifier, 7)
    side.escrow.unpause_lane(world.lane, 3, *STATED, sender=side.administrator)
    side.chain.set_time(side.chain.now + DAY)
    side.escrow.unpause_lane(world.lane, 3, *STATED, sender=side.administrator)
    assert world.lane_state(side).paused_directions == 0
    assert side.escrow.is_suspended(world.lane) is True


def test_suspension_of_an_unknown_lane_is_unknown(world: World) -> None:
    with refused(world, "lanes: unknown lane"):
        world.home.escrow.is_suspended(DOCUMENT)


# --------------------------------------------------------------- lanes are separate


@pytest.mark.requirement("INV-7")
def test_lanes_of_one_token_keep_apart(world: World, opening: Opening) -> None:
    """Units locked on one lane can't leave by the other, nor does a stop cross over."""
    side = world.home
    other = opening.open().return_value
    world.locked(1_000)
    side.escrow.pause_lane(world.lane, 3, *STATED, sender=side.guardian)
    opening.custody.lock(
        other,
        party(world.remote.investor.address),
        77,
        side.chain.now + DAY,
        sender=side.investor,
    )
    assert side.balance(opening.custody) == 77
    assert side.balance(side.custody) == 1_000
    world.synchronise()
    message = world.message(kind=2, lane=other, amount=78)
    with refused(world, "lanes: more than locked here"):
        world.deliver(message)
    assert world.deliver(world.message(kind=2, lane=other, amount=77)).return_value is True
    assert side.balance(opening.custody) == 0
    assert world.lane_state(side).outstanding == 1_000


# ------------------------------------------------------- what the other parts answer


def mocked_custody(side: Side) -> Contract:
    """A custody that answers what it is told to; the upgrader made its code known."""
    side.authority.register_custody_code(
        artifact("LaneCustodyMock").code_hash, *STATED, sender=side.upgrader
    )
    custody = side.chain.deploy("LaneCustodyMock", side.escrow, side.token, sender=side.deployer)
    side.link(custody)
    return custody


@pytest.fixture
def mocked(world: World, opening: Opening) -> tuple[bytes, Contract, Contract]:
    """A home lane whose verifier and custody answer what they are told to."""
    side = world.home
    verifier = side.chain.deploy("VerifierMock", sender=side.deployer)
    custody = mocked_custody(side)
    receipt = opening.open(verifier=verifier.address, custody=custody.address)
    return receipt.return_value, verifier, custody


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(("answer", "reason"), [(0, "transit: not verified"), (2, None)])
def test_only_a_plain_true_verifies(
    world: World, mocked: tuple[bytes, Contract, Contract], answer: int, reason: str | None
) -> None:
    lane, verifier, _ = mocked
    verifier.set_answer(answer, sender=world.home.attacker)
    with refused(world, reason):
        world.deliver(world.message(kind=2, lane=lane), UNSIGNED)


def lock_on(world: World, lane: bytes) -> None:
    """The investor locks units on a lane whose custody is a mock."""
    world.home.custody_of(lane).lock(
        lane,
        party(world.remote.investor.address),
        1_000,
        world.home.chain.now + DAY,
        sender=world.home.investor,
    )
    world.synchronise()


def test_a_custody_that_pays_nothing_ends_no_suspense(
    world: World, mocked: tuple[bytes, Contract, Contract]
) -> None:
    side = world.home
    lane, verifier, custody = mocked
    verifier.set_answer(1, sender=side.attacker)
    custody.set_answer(1, True, sender=side.attacker)
    lock_on(world, lane)
    message = world.message(kind=2, lane=lane, recipient=party(side.outsider.address))
    assert world.deliver(message, UNSIGNED).return_value is False
    custody.set_answer(0, False, sender=side.attacker)
    with refused(world, "transit: not paid"):
        world.network.claim(message)
    assert side.escrow.suspended(message.id) == 1_000


@pytest.mark.parametrize("answer", [0, 2, 2**255])
def test_a_custody_that_answers_other_than_true_has_not_paid(
    world: World, mocked: tuple[bytes, Contract, Contract], answer: int
) -> None:
    """`lock` and `claim` do look at what custody returns."""
    side = world.home
    lane, verifier, custody = mocked
    verifier.set_answer(1, sender=side.attacker)
    custody.set_answer(1, False, sender=side.attacker)
    lock_on(world, lane)
    custody.set_answer(answer, False, sender=side.attacker)
    with refused(world, "transit: token refused"):
        world.deliver(world.message(kind=2, lane=lane), UNSIGNED)


def test_a_custody_that_holds_nothing_takes_nothing_into_suspense(world: World) -> None:
    side = world.remote
    fresh = side.fresh_suite(home=False)
    fresh.authority.register_custody_code(
        artifact("LaneCustodyMock").code_hash, *STATED, sender=side.deployer
    )
    custody = side.chain.deploy("LaneCustodyMock", fresh.escrow, fresh.token, sender=side.deployer)
    verifier = side.chain.deploy("VerifierMock", sender=side.deployer)
    verifier.set_answer(1, sender=side.attacker)
    fresh.token.set_class(custody, 1, *STATED, sender=side.deployer)
    fresh.token.set_bridge(fresh.escrow, UINT_MAX, UINT_MAX, *STATED, sender=side.deployer)
    terms = fresh.lane_terms(custody=custody.address, verifier=verifier.address)
    lane = fresh.escrow.open_lane(terms, *STATED, sender=side.deployer).return_value
    side.hand_over(fresh.token)
    message = LaneMessage(
        codec=2,
        kind=1,
        lane=lane,
        nonce=0,
        lock_time=side.chain.now - 5,
        action_epoch=0,
        amount=1_000,
        sender=party(side.investor.address),
        recipient=party(side.outsider.address),
        deadline=side.chain.now + DAY,
    )
    with refused(world, "transit: not held"):
        fresh.escrow.deliver(message.as_tuple(), UNSIGNED, sender=side.courier)
