"""Other people's bridges: two keys, limits that replenish, counts, the notary's authorisation."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from tallystick.chain import Contract
from tests.support.ratios import Engine
from tests.support.world import (
    AMOUNT_MAX,
    BUYER_UNITS,
    DAY,
    INVESTOR_UNITS,
    ROOT,
    STATED,
    UINT_MAX,
    ZERO,
    Side,
    World,
    refused,
)

PROPOSE = "propose_bridge(address,uint256,uint256,bytes4,bytes32)"
SET = "set_bridge(address,uint256,uint256,bytes4,bytes32)"
REGISTRAR, CUSTODIAN = 8, 16
LIMIT = 86_400


@pytest.fixture
def contract(home_side: Side) -> Contract:
    """Somebody's contract, no bridge yet."""
    return home_side.chain.deploy("LockProbeMock", sender=home_side.attacker)


def take_out(side: Side, bridge: Any, amount: int, owner: Any = None) -> Any:
    """A bridge burns a holder's units within the holder's allowance."""
    holder = side.investor if owner is None else owner
    side.token.approve(bridge, amount, sender=holder)
    return side.token.crosschainBurn(holder, amount, sender=bridge.address)


def limits(side: Side, bridge: Any) -> tuple[int, int, int, int]:
    """What the four views of ERC-7281 show: most in and out, left in and out."""
    token = side.token
    return (
        token.mintingMaxLimitOf(bridge),
        token.burningMaxLimitOf(bridge),
        token.mintingCurrentLimitOf(bridge),
        token.burningCurrentLimitOf(bridge),
    )


# ------------------------------------------------------------------------- two keys


def test_registrar_proposes_a_bridge(home_side: Side, contract: Contract) -> None:
    token = home_side.token
    receipt = token.propose_bridge(contract, 5, 7, *STATED, sender=home_side.registrar)
    act = keccak(
        encode(
            ["string", "address", "uint256", "uint256"], ["set_bridge", str(contract.address), 5, 7]
        )
    )
    assert receipt.return_value == act
    assert receipt.events == (
        home_side.act(token, PROPOSE, contract, home_side.registrar),
        token.emitted("BridgeLimitsProposed", act, contract, 5, 7),
    )
    assert token.proposal_of(act).confirmer_role == CUSTODIAN
    assert limits(home_side, contract) == (0, 0, 0, 0)


def test_custodian_sets_the_proposed_limits(home_side: Side, contract: Contract) -> None:
    receipt = home_side.bridge(contract, 5, 7)
    token = home_side.token
    assert receipt.events == (
        home_side.act(token, SET, contract, home_side.custodian),
        token.emitted("BridgeLimitsSet", 5, 7, contract),
    )
    assert tuple(token.bridge_of(contract)) == (False, 0, 0)
    assert limits(home_side, contract) == (5, 7, 0, 0)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("other", [(6, 7), (5, 8), (7, 5), (0, 0)])
def test_limits_that_were_not_proposed_are_refused(
    world: World, contract: Contract, other: tuple[int, int]
) -> None:
    side = world.home
    side.token.propose_bridge(contract, 5, 7, *STATED, sender=side.registrar)
    with refused(world, "access: act not proposed"):
        side.token.set_bridge(contract, *other, *STATED, sender=side.custodian)


@pytest.mark.requirement("INV-9")
def test_the_guardian_ends_a_bridge_alone_and_raises_nothing(world: World) -> None:
    side = world.home
    bridge = side.foreign_bridge()
    take_out(side, bridge, 10)
    receipt = side.token.set_bridge(bridge, 0, 0, *STATED, sender=side.guardian)
    assert receipt.events == (
        side.act(side.token, SET, bridge, side.guardian),
        side.token.emitted("BridgeLimitsSet", 0, 0, bridge),
    )
    assert limits(side, bridge) == (0, 0, 0, 0)
    with refused(world, "bridges: no bridge this way"):
        side.token.crosschainMint(side.fund, 1, sender=bridge.address)
    # What it took out stays counted, and comes back once two keys let it.
    assert tuple(side.token.bridge_of(bridge)) == (False, 0, 10)
    with refused(world, "bridges: guardian ends others'"):
        side.token.set_bridge(bridge, 1, 0, *STATED, sender=side.guardian)
    side.bridge(bridge, 10, 0)
    side.chain.set_time(side.chain.now + DAY)
    side.token.crosschainMint(side.fund, 10, sender=bridge.address)
    assert tuple(side.token.bridge_of(bridge)) == (False, 10, 10)


@pytest.mark.requirement("INV-9")
def test_the_guardian_ends_no_lane(world: World) -> None:
    side = world.remote
    with refused(world, "bridges: guardian ends others'"):
        side.token.set_bridge(side.escrow, 0, 0, *STATED, sender=side.guardian)


def test_two_keys_end_what_is_ours(world: World) -> None:
    side = world.remote
    side.bridge(side.custody, 0, 0)
    assert tuple(side.token.bridge_of(side.custody)) == (False, 0, 0)
    with refused(world, "bridges: no bridge this way"):
        side.token.crosschainMint(side.custody, 1, sender=side.custody.address)


# ------------------------------------------------------------------ what can be a bridge


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("who", ["outsider", "nobody", "delegated"])
def test_a_bridge_is_a_contract(world: World, who: str) -> None:
    """A6: the role sat on a plain key; an account that delegates (EIP-7702) is one."""
    side = world.home
    if who == "delegated":
        code = bytes.fromhex("ef0100" + side.custody.address[2:])
        side.chain.set_code(side.attacker.address, code)
    account = {
        "outsider": side.outsider.address,
        "nobody": ZERO,
        "delegated": side.attacker.address,
    }[who]
    side.token.propose_bridge(account, 1, 1, *STATED, sender=side.registrar)
    with refused(world, "bridges: no contract"):
        side.token.set_bridge(account, 1, 1, *STATED, sender=side.custodian)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("who", ["contract", "key", "custody of another", "home escrow"])
def test_nobody_else_is_without_limit(world: World, who: str) -> None:
    side = world.home if who == "home escrow" else world.remote
    account = {
        "contract": lambda: side.chain.deploy("LockProbeMock", sender=side.attacker),
        "key": lambda: side.attacker,
        "custody of another": lambda: side.chain.deploy(
            "LaneCustody", side.attacker, side.token, sender=side.attacker
        ),
        "home escrow": lambda: side.escrow,
    }[who]()
    none = (account, UINT_MAX, UINT_MAX)
    side.token.propose_bridge(*none, *STATED, sender=side.registrar)
    with refused(world, "bridges: not of our lanes"):
        side.token.set_bridge(*none, *STATED, sender=side.custodian)


def test_what_is_ours_has_no_limit(remote_side: Side) -> None:
    custody = remote_side.new_custody()
    remote_side.bridge(custody, UINT_MAX, UINT_MAX)
    assert limits(remote_side, custody) == (UINT_MAX,) * 4
    assert remote_side.token.bridge_of(custody).ours
    remote_side.token.crosschainMint(custody, 5, sender=custody.address)
    # The lanes count it, not the token.
    assert tuple(remote_side.token.bridge_of(custody)) == (True, 0, 0)
    assert tuple(remote_side.token.bridge_of(ZERO)) == (False, 0, 0)


def test_the_authoritys_name_of_the_escrow(home_side: Side) -> None:
    """The constant in bridges.vy is that name."""
    name = keccak(encode(["string", "string"], ["BridgeEscrow", ""]))
    assert home_side.authority.proxy_at(name) == home_side.escrow.address
    assert name.hex() in (ROOT / "contracts" / "token" / "bridges.vy").read_text()


@pytest.mark.parametrize("limit", [(AMOUNT_MAX + 1, 0), (0, AMOUNT_MAX + 1), (UINT_MAX, 1)])
def test_a_limit_fits_its_field(world: World, contract: Contract, limit: tuple[int, int]) -> None:
    side = world.home
    side.token.propose_bridge(contract, *limit, *STATED, sender=side.registrar)
    with refused(world, "bridges: limit out of range"):
        side.token.set_bridge(contract, *limit, *STATED, sender=side.custodian)


# ------------------------------------------------------------------------- the limits


def test_a_new_limit_begins_with_nothing_and_is_full_a_day_later(
    home_side: Side, contract: Contract
) -> None:
    begun = home_side.bridge(contract, 0, LIMIT).timestamp
    for passed in (1, 3_600, DAY - 1, DAY, 5 * DAY):
        home_side.chain.set_time(begun + passed)
        left = home_side.token.burningCurrentLimitOf(contract)
        assert left == min(passed, DAY)


def test_what_is_used_comes_back_within_a_day(world: World) -> None:
    side = world.home
    bridge = side.foreign_bridge(LIMIT, LIMIT)
    used_at = take_out(side, bridge, LIMIT).timestamp
    side.token.approve(bridge, LIMIT, sender=side.investor)
    side.chain.set_time(used_at + 999)
    assert side.token.burningCurrentLimitOf(bridge) == 999
    with refused(world, "bridges: above its limit"):
        side.token.crosschainBurn(side.investor, 1_001, sender=bridge.address)
    side.chain.set_time(used_at + DAY)
    side.token.crosschainBurn(side.investor, LIMIT, sender=bridge.address)
    assert side.token.burningCurrentLimitOf(bridge) <= 1


def test_setting_a_limit_brings_nothing_back(home_side: Side) -> None:
    """In xERC20 lowering a limit and raising it again refills it."""
    bridge = home_side.foreign_bridge(LIMIT, LIMIT)
    take_out(home_side, bridge, LIMIT)
    for limit in (0, LIMIT, 10 * LIMIT, LIMIT):
        before = home_side.token.burningCurrentLimitOf(bridge)
        started = home_side.chain.now
        home_side.bridge(bridge, LIMIT, limit)
        passed = home_side.chain.now - started
        assert home_side.token.burningCurrentLimitOf(bridge) <= before + 10 * passed


def test_a_lowered_limit_cuts_what_is_left(home_side: Side) -> None:
    bridge = home_side.foreign_bridge(LIMIT, LIMIT)
    home_side.bridge(bridge, LIMIT, 10)
    assert limits(home_side, bridge) == (LIMIT, 10, 0, 10)


def test_limits_follow_a_model(deployed_world: World) -> None:
    """Linear, rounded down, never above the limit, whatever is set and used in between."""
    steps = st.lists(
        st.one_of(
            st.tuples(st.just("set"), st.integers(0, 10**6)),
            st.tuples(st.just("use"), st.integers(0, 10**6)),
            st.tuples(st.just("wait"), st.integers(1, 2 * DAY)),
        ),
        max_size=10,
    )

    @given(steps)
    def check(acts: list[tuple[str, int]]) -> None:
        with deployed_world.isolated():
            _check_limits(deployed_world, acts)

    check()


def _check_limits(world: World, acts: list[tuple[str, int]]) -> None:
    side = world.remote
    bridge = side.chain.deploy("LockProbeMock", sender=side.attacker)
    most = left = as_of = 0

    def left_at(moment: int) -> int:
        return min(most, left + most * min(moment - as_of, DAY) // DAY)

    for act, value in acts:
        if act == "wait":
            side.chain.set_time(side.chain.now + value)
        elif act == "set":
            at = side.bridge(bridge, value, 0).timestamp
            most, left, as_of = value, min(left_at(at), value), at
        elif most == 0 or value > left_at(side.chain.now):
            reason = "above its limit" if most else "no bridge this way"
            with refused(world, f"bridges: {reason}"):
                side.token.crosschainMint(side.investor, value, sender=bridge.address)
        else:
            at = side.token.crosschainMint(side.investor, value, sender=bridge.address).timestamp
            if value:
                left, as_of = left_at(at) - value, at
        assert side.token.mintingCurrentLimitOf(bridge) == left_at(side.chain.now)


# ------------------------------------------------------------------ counts and authorisation


def test_a_bridge_takes_out_and_brings_back(home_side: Side) -> None:
    token, investor, fund = home_side.token, home_side.investor, home_side.fund
    bridge = home_side.foreign_bridge()
    issue, authorised = token.totalSupply(), token.authorised()
    token.approve(bridge, 100, sender=investor)
    out = token.crosschainBurn(investor, 100, sender=bridge.address)
    assert out.events == (
        token.emitted("Approval", investor, bridge, 0),
        token.emitted("Transfer", investor, ZERO, 100),
        token.emitted("CrosschainBurn", investor, 100, bridge),
    )
    assert token.allowance(investor, bridge) == 0
    assert token.totalSupply() == issue - 100
    assert token.authorised() == authorised
    assert limits(home_side, bridge)[2] == 100
    back = token.crosschainMint(fund, 60, sender=bridge.address)
    assert back.events == (
        token.emitted("Transfer", ZERO, fund, 60),
        token.emitted("CrosschainMint", fund, 60, bridge),
    )
    assert token.totalSupply() == issue - 40
    assert token.authorised() == authorised
    for counted in (bridge, ZERO):
        assert tuple(token.bridge_of(counted)) == (False, 60, 100)


def test_a_bridge_burns_its_own_units_without_allowance(home_side: Side) -> None:
    token, bridge = home_side.token, home_side.foreign_bridge()
    token.admit(bridge, 40_000, *STATED, sender=home_side.registrar)
    token.transfer(bridge, 30, sender=home_side.investor)
    token.crosschainBurn(bridge, 30, sender=bridge.address)
    assert tuple(token.bridge_of(bridge)) == (False, 0, 30)


@pytest.mark.parametrize("name", ["home", "remote"])
def test_a_bridge_takes_only_what_it_was_given(world: World, name: str) -> None:
    world.arrived(1_000)
    side: Side = getattr(world, name)
    bridge = side.foreign_bridge()
    side.token.approve(bridge, 4, sender=side.investor)
    with refused(world, error="ERC20InsufficientAllowance", args=(bridge.address, 4, 5)):
        side.token.crosschainBurn(side.investor, 5, sender=bridge.address)


def test_a_frozen_bridge_takes_nobodys_units(world: World) -> None:
    side = world.home
    bridge = side.foreign_bridge()
    side.token.approve(bridge, 5, sender=side.investor)
    side.token.setAddressFrozen(bridge, True, *STATED, sender=side.custodian)
    with refused(world, error="ERC7943CannotSend", args=(bridge.address,)):
        side.token.crosschainBurn(side.investor, 5, sender=bridge.address)


@pytest.mark.requirement("R-11")
def test_one_bridge_brings_nothing_of_anothers(world: World) -> None:
    """VL-07: at home a bridge brings back what it took out, never more."""
    side = world.home
    first, second = side.foreign_bridge(), side.foreign_bridge()
    take_out(side, first, 50)
    with refused(world, "bridges: more in than out"):
        side.token.crosschainMint(side.fund, 1, sender=second.address)
    with refused(world, "bridges: more in than out"):
        side.token.crosschainMint(side.fund, 51, sender=first.address)
    side.token.crosschainMint(side.fund, 50, sender=first.address)


def test_on_a_remote_ledger_it_brings_in_within_its_limit(world: World) -> None:
    side = world.remote
    bridge = side.foreign_bridge(1_000, 0)
    side.token.crosschainMint(side.investor, 1_000, sender=bridge.address)
    assert tuple(side.token.bridge_of(bridge)) == (False, 1_000, 0)
    with refused(world, "bridges: above its limit"):
        side.token.crosschainMint(side.investor, 100, sender=bridge.address)
    with refused(world, "bridges: no bridge this way"):
        side.token.crosschainBurn(side.investor, 1, sender=bridge.address)
    assert side.token.authorised() == 0


def test_what_moves_nothing_is_not_counted(world: World) -> None:
    side = world.home
    bridge = side.foreign_bridge()
    side.chain.set_time(side.chain.now + DAY)
    before = world.storage()
    side.token.crosschainBurn(side.investor, 0, sender=bridge.address)
    side.token.crosschainMint(side.investor, 0, sender=bridge.address)
    assert world.storage() == before


@pytest.mark.requirement("R-11", "R-12")
def test_units_with_a_bridge_are_neither_issued_anew_nor_withdrawn(world: World) -> None:
    """What the notary authorised is all issued; what a bridge took out makes no room."""
    side = world.home
    issue = INVESTOR_UNITS + BUYER_UNITS
    unused = side.token.authorised() - issue
    side.token.withdraw_authorisation(unused, *STATED, sender=side.notary)
    bridge = side.foreign_bridge()
    take_out(side, bridge, 700)
    assert side.token.authorised() == issue
    with refused(world, "issuance: not authorised"):
        side.token.mint(side.fund, 1, *STATED, sender=side.issuer)
    with refused(world, "issuance: units exist under it"):
        side.token.withdraw_authorisation(1, *STATED, sender=side.notary)
    receipt = side.token.authorise_issuance(5, *STATED, sender=side.notary)
    assert receipt.events[-1] == side.token.emitted("IssuanceAuthorised", issue + 5, 5)
    side.token.mint(side.fund, 5, *STATED, sender=side.issuer)
    side.token.crosschainMint(side.fund, 700, sender=bridge.address)
    assert side.token.totalSupply() == side.token.authorised() == issue + 5


@pytest.mark.requirement("R-11")
def test_the_record_bounds_what_is_with_bridges_too(world: World) -> None:
    side = world.home
    fresh = side.fresh_suite()
    token, deployer = fresh.token, side.deployer
    fresh.register(authorised=1_000)
    for key, role in ((side.notary, 4), (side.issuer, 2), (side.registrar, REGISTRAR)):
        token.assign_role(key, role, *STATED, sender=deployer)
    bridge = side.chain.deploy("LockProbeMock", sender=side.attacker)
    token.set_bridge(bridge, 0, 1_000, *STATED, sender=deployer)
    side.hand_over(token)
    token.admit(bridge, 40_000, *STATED, sender=side.registrar)
    token.authorise_issuance(1_000, *STATED, sender=side.notary)
    token.mint(bridge, 1_000, *STATED, sender=side.issuer)
    side.chain.set_time(side.chain.now + DAY)
    token.crosschainBurn(bridge, 1_000, sender=bridge.address)
    assert token.authorised() == 1_000
    with refused(world, "issuance: above the record"):
        token.authorise_issuance(1, *STATED, sender=side.notary)


@pytest.mark.requirement("INV-5")
def test_redeeming_all_leaves_what_is_with_a_bridge(home_side: Side) -> None:
    token, issuer = home_side.token, home_side.issuer
    bridge = home_side.foreign_bridge()
    take_out(home_side, bridge, 700)
    before = token.authorised()
    for holder in (home_side.investor, home_side.buyer):
        token.approve(issuer, UINT_MAX, sender=holder)
        token.burn(holder, home_side.balance(holder), *STATED, sender=issuer)
    assert token.totalSupply() == 0
    assert token.authorised() == before - (INVESTOR_UNITS + BUYER_UNITS - 700)
    token.crosschainMint(home_side.fund, 700, sender=bridge.address)
    assert token.close_minute() == 1_260
    assert token.paused_scopes() == 0


@pytest.mark.parametrize("scope", [1, 4])
def test_pauses_stop_what_leaves_and_nothing_that_comes_back(world: World, scope: int) -> None:
    side = world.home
    bridge = side.foreign_bridge()
    take_out(side, bridge, 10)
    side.token.approve(bridge, 10, sender=side.investor)
    side.token.pause(scope, *STATED, sender=side.guardian)
    reason = "issuance: transfers paused" if scope == 1 else "issuance: lanes paused"
    with refused(world, reason):
        side.token.crosschainBurn(side.investor, 10, sender=bridge.address)
    side.token.crosschainMint(side.fund, 10, sender=bridge.address)


# ---------------------------------------------------------------- closings of what they carried

DIRECTIONS = st.sampled_from(["in", "out", "day", "week", "announce"])


def close_of_day(side: Side, days: int = 1) -> int:
    """Let days close; the last one that did."""
    side.chain.set_time(side.chain.now + days * DAY)
    return int(side.token.business_day()) - 1


@pytest.mark.requirement("R-13")
def test_what_bridges_carried_has_closings(world: World) -> None:
    """Net, of all of them together; below zero modulo 2**104."""
    side = world.remote
    token, first, second = side.token, side.foreign_bridge(), side.foreign_bridge()
    world.arrived(1_000)
    before = int(token.business_day()) - 1
    token.crosschainMint(side.investor, 70, sender=first.address)
    take_out(side, second, 30)
    came = close_of_day(side)
    take_out(side, second, 200)
    went = close_of_day(side, 3)
    assert token.came_at_close(before, came) == 0
    assert token.came_at_close(came, 0) == 40
    for day in range(came + 1, went + 1):
        assert token.came_at_close(day, 0) == 2**104 - 160
    with refused(world, "book: day not closed"):
        token.came_at_close(went + 1, 0)


def test_at_home_no_more_comes_than_went(world: World) -> None:
    side = world.home
    bridge = side.foreign_bridge()
    take_out(side, bridge, 50)
    out = close_of_day(side)
    side.token.crosschainMint(side.fund, 50, sender=bridge.address)
    back = close_of_day(side)
    assert side.token.came_at_close(out, 0) == 2**104 - 50
    assert side.token.came_at_close(back, 0) == 0


def test_what_bridges_carried_entitles_nobody(world: World) -> None:
    """It is kept under the token's own address, which a hint could name."""
    side = world.remote
    token, bridge = side.token, side.foreign_bridge()
    days = []
    for _ in range(2):
        token.crosschainMint(side.investor, 70, sender=bridge.address)
        days.append(close_of_day(side))
    assert token.came_at_close(days[0], days[1]) == 70
    assert token.entitled_at_close(token, days[0], days[1]) == 0


def test_what_lanes_carry_did_not_come_with_bridges(world: World) -> None:
    world.arrived(1_000)
    world.burned(300)
    for side in (world.home, world.remote):
        assert side.token.came_at_close(close_of_day(side), 0) == 0


def test_an_announced_close_tells_for_ever_what_bridges_had_carried(world: World) -> None:
    side = world.remote
    token, bridge = side.token, side.foreign_bridge()
    day = int(token.business_day())
    token.announce_close(day, *STATED, sender=side.registrar)
    for _ in range(12):
        token.crosschainMint(side.investor, 5, sender=bridge.address)
        close_of_day(side)
    assert token.came_at_close(day, day + 1) == 5
    assert token.came_at_close(day - 1, day) == 0
    for other, hint, reason in (
        (day, 0, "book: not kept, or give a hint"),
        (day, day, "book: hint is no later opening"),
        (day + 1, day + 2, "book: hint is no later opening"),
    ):
        with refused(world, reason):
            token.came_at_close(other, hint)


def test_anyone_keeps_what_tells_a_close_while_it_is_there(world: World) -> None:
    side = world.remote
    token, bridge = side.token, side.foreign_bridge()
    for _ in range(3):
        token.crosschainMint(side.investor, 5, sender=bridge.address)
        day = close_of_day(side)
    kept = token.keep_came(day - 1, 0, sender=side.attacker)
    assert kept.events == (token.emitted("OpeningKept", token, day),)
    with refused(world, "book: nothing to keep"):
        token.keep_came(day, 0, sender=side.attacker)
    for _ in range(12):
        token.crosschainMint(side.investor, 5, sender=bridge.address)
        close_of_day(side)
    assert token.came_at_close(day - 1, day) == 10


def test_closings_stay_in_the_units_of_their_day(world: World) -> None:
    """Over a ratio what is left of more out than in rounds down, as what is owed does."""
    side = world.remote
    token, bridge, ratios = side.token, side.foreign_bridge(), Engine.of(side)
    world.arrived(1_000)
    take_out(side, bridge, 31)
    before = close_of_day(side)
    first = ratios.day(3)
    ratios.announce(1, 4)
    ratios.begin(first + 1)
    assert token.came_at_close(before, 0) == 2**104 - 31
    assert token.came_at_close(first, 0) == 2**104 - 7
    side.bridge(bridge, AMOUNT_MAX, AMOUNT_MAX)
    close_of_day(side)
    token.crosschainMint(side.investor, 9, sender=bridge.address)
    after = close_of_day(side)
    assert token.came_at_close(after, 0) == 2
    assert token.came_at_close(after - 1, 0) == 2**104 - 7
    assert token.came_at_close(before, 0) == 2**104 - 31


@pytest.mark.parametrize("name", ["home", "remote"])
def test_no_account_has_the_token_s_own_address(world: World, name: str) -> None:
    """Under it stands the history of what bridges carried."""
    side: Side = getattr(world, name)
    with refused(world, "controls: no account"):
        side.token.admit(side.token, 40_000, *STATED, sender=side.registrar)
    side.token.propose_class(side.token, 2, *STATED, sender=side.registrar)
    with refused(world, "controls: class of nobody"):
        side.token.set_class(side.token, 2, *STATED, sender=side.custodian)


@given(acts=st.lists(st.tuples(DIRECTIONS, st.sampled_from([1, 3, 40])), max_size=40))
def test_closings_follow_a_model(deployed_world: World, acts: list[tuple[str, int]]) -> None:
    """Whatever days pass: of the last week always, of announced closes for ever."""
    with deployed_world.isolated():
        side = deployed_world.remote
        deployed_world.arrived(2_000)
        token, bridge = side.token, side.foreign_bridge()
        token.approve(bridge, UINT_MAX, sender=side.investor)
        first, net, moved = int(token.business_day()), 0, set()
        at_close: dict[int, int] = {}
        announced = set()
        for kind, amount in acts:
            today = int(token.business_day())
            if kind == "announce":
                token.announce_close(today + amount % 3, *STATED, sender=side.registrar)
                announced.add(today + amount % 3)
            elif kind == "in":
                token.crosschainMint(side.investor, amount, sender=bridge.address)
            elif kind == "out":
                token.crosschainBurn(side.investor, amount, sender=bridge.address)
            if kind in ("in", "out"):
                net += amount if kind == "in" else -amount
                moved.add(today)
            if kind in ("day", "week"):
                close_of_day(side, 1 if kind == "day" else 7)
                at_close |= dict.fromkeys(range(today, int(token.business_day())), net)
        today = int(token.business_day())
        for day in range(first, today):
            if day in announced or day >= today - 7:
                hint = min((each for each in moved if each > day), default=0)
                assert token.came_at_close(day, hint) == at_close[day] % 2**104


def test_a_count_that_is_full_ends_a_bridge(world: World) -> None:
    """To the unit; what came back comes off what is outside, and off no count."""
    side, bridge = world.home, world.home.foreign_bridge()
    issued = side.token.totalSupply()
    side.token.authorise_issuance(AMOUNT_MAX - issued, *STATED, sender=side.notary)
    side.token.mint(side.investor, AMOUNT_MAX - issued, *STATED, sender=side.issuer)
    out = AMOUNT_MAX - BUYER_UNITS
    take_out(side, bridge, out)
    side.chain.advance(DAY)
    side.token.crosschainMint(side.investor, out, sender=bridge.address)
    side.chain.advance(DAY)
    side.token.approve(bridge, AMOUNT_MAX, sender=side.investor)
    with refused(world, "bridges: count is full"):
        side.token.crosschainBurn(side.investor, BUYER_UNITS + 1, sender=bridge.address)
    side.token.crosschainBurn(side.investor, BUYER_UNITS, sender=bridge.address)
    assert tuple(side.token.bridge_of(bridge)) == (False, out, AMOUNT_MAX)
