"""Set-up, hand-over, and the interfaces that are pinned to literals."""

from __future__ import annotations

import pytest

from tallystick.chain import keccak
from tests.support.world import (
    ISIN,
    STATED,
    UNSTATED,
    ZERO,
    Side,
    World,
    refused,
)

HAND_OVER = "hand_over(bytes4,bytes32)"


def test_token_is_its_instrument(home_side: Side) -> None:
    token = home_side.token
    assert token.name() == "Apple Inc. common stock"
    assert token.symbol() == "APPLE"
    assert token.decimals() == 6
    assert token.isin() == ISIN
    assert token.close_minute() == 21 * 60
    assert token.release() == "1.0.0"
    assert token.action_epoch() == 0


def test_home_and_remote_know_their_side(world: World) -> None:
    assert world.home.token.is_home()
    assert not world.remote.token.is_home()


@pytest.mark.parametrize("home", [True, False])
def test_initialise_sets_the_side_and_nothing_else(home_side: Side, home: bool) -> None:
    token = home_side.fresh_token(home=home, close_minute=1439, decimals=18)
    assert token.is_home() is home
    assert not token.is_live()
    assert (token.totalSupply(), token.authorised(), token.paused_scopes()) == (0, 0, 0)
    assert token.close_minute() == 1439
    assert token.set_up_key() == home_side.deployer.address


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"isin": "US037833100"}, "token: not an ISIN"),
        ({"isin": ""}, "token: not an ISIN"),
        ({"decimals": 19}, "token: more than 18 decimals"),
        ({"decimals": 255}, "token: more than 18 decimals"),
        ({"close_minute": 1440}, "token: no minute of a day"),
        ({"close_minute": 2**256 - 1}, "token: no minute of a day"),
        ({"key": ZERO}, "access: no set-up key"),
    ],
)
def test_initialise_refuses(world: World, changed: dict[str, object], reason: str) -> None:
    with refused(world, reason):
        world.home.fresh_token(**changed)


def test_initialise_logs_its_terms(home_side: Side) -> None:
    fresh = home_side.fresh_suite(home=False, close_minute=1_200, decimals=4)
    token = fresh.token
    chain = home_side.chain
    events = [chain.decode_log(log) for log in chain.raw_logs(token)]
    assert [event for event in events if event.name != "Upgraded"] == [
        token.emitted("SetUpBegun", home_side.deployer, fresh.authority),
        token.emitted("TokenInitialized", ISIN, "Test unit", "TEST", 4, False, 1_200),
    ]
    assert token.release_authority() == fresh.authority.address


def test_initialise_refuses_a_longer_isin(world: World) -> None:
    side = world.home
    call = side.token.initialize.encode("n", "s", 6, ISIN, True, 0, side.deployer.address).replace(
        b"\x0c" + ISIN.encode(), b"\x0d" + ISIN.encode()
    )
    with refused(world):
        side.chain.deploy(
            "ReleaseProxy", side.implementations["SecurityToken"], call, sender=side.deployer
        )


def test_initialise_twice_is_refused(world: World) -> None:
    side = world.home
    for token in (side.token, side.fresh_token()):
        with refused(world, "token: initialised already"):
            token.initialize("n", "s", 6, ISIN, True, 0, side.attacker, sender=side.attacker)


def test_the_implementation_cannot_be_initialised(world: World) -> None:
    side = world.home
    implementation = side.chain.at("SecurityToken", side.implementations["SecurityToken"])
    with refused(world, "token: initialised already"):
        implementation.initialize("n", "s", 6, ISIN, True, 0, side.attacker, sender=side.attacker)


def test_hand_over_ends_the_set_up(home_side: Side) -> None:
    token, deployer = home_side.fresh_token(), home_side.deployer
    for account in (home_side.administrator, home_side.second_administrator):
        token.assign_role(account, 1, *STATED, sender=deployer)
    receipt = token.hand_over(*STATED, sender=deployer)
    assert receipt.events == (
        home_side.act(token, HAND_OVER, deployer, deployer),
        token.emitted("SetUpCompleted", deployer),
    )
    assert token.is_live()
    assert token.set_up_key() == ZERO


def test_hand_over_by_another_key_is_refused(world: World) -> None:
    side = world.home
    token = side.fresh_token()
    with refused(world, "access: only the set-up key"):
        token.hand_over(*STATED, sender=side.attacker)


@pytest.mark.requirement("INV-9")
def test_hand_over_twice_is_refused(world: World) -> None:
    side = world.home
    for sender in (side.deployer, side.administrator):
        with refused(world, "access: only the set-up key"):
            side.token.hand_over(*STATED, sender=sender)


@pytest.mark.parametrize("count", [0, 1])
def test_hand_over_needs_two_administrators(world: World, count: int) -> None:
    side = world.home
    token = side.fresh_token()
    for account in (side.administrator, side.second_administrator)[:count]:
        token.assign_role(account, 1, *STATED, sender=side.deployer)
    with refused(world, "access: two administrators first"):
        token.hand_over(*STATED, sender=side.deployer)


def test_hand_over_by_a_key_that_stays_on_is_refused(world: World) -> None:
    side = world.home
    token = side.fresh_token()
    for account in (side.administrator, side.second_administrator, side.deployer):
        token.assign_role(account, 1, *STATED, sender=side.deployer)
    with refused(world, "access: set-up key holds a role"):
        token.hand_over(*STATED, sender=side.deployer)


@pytest.mark.parametrize(("stated", "reason"), UNSTATED)
def test_hand_over_states_why(world: World, stated: tuple[bytes, bytes], reason: str) -> None:
    side = world.home
    token = side.fresh_token()
    for account in (side.administrator, side.second_administrator):
        token.assign_role(account, 1, *STATED, sender=side.deployer)
    with refused(world, reason):
        token.hand_over(*stated, sender=side.deployer)


# ------------------------------------------------------------------ pinned literals


@pytest.mark.parametrize(
    ("interface", "supported"),
    [
        ("01ffc9a7", True),  # ERC-165
        ("36372b07", True),  # ERC-20
        ("a219a025", True),  # ERC-20 metadata
        ("33331994", True),  # ERC-7802
        ("3edbb4c4", True),  # ERC-7943, fungible
        ("ffffffff", False),
        ("00000000", False),
        ("b97d944c", False),  # ERC-3643: only parts are kept
        ("9d8ff7da", False),  # EIP-2612
    ],
)
def test_supported_interfaces(home_side: Side, interface: str, supported: bool) -> None:
    assert home_side.token.supportsInterface(bytes.fromhex(interface)) is supported


@pytest.mark.parametrize(
    ("interface", "members"),
    [
        ("01ffc9a7", ("supportsInterface(bytes4)",)),
        (
            "36372b07",
            (
                "totalSupply()",
                "balanceOf(address)",
                "transfer(address,uint256)",
                "transferFrom(address,address,uint256)",
                "approve(address,uint256)",
                "allowance(address,address)",
            ),
        ),
        ("a219a025", ("name()", "symbol()", "decimals()")),
        ("33331994", ("crosschainMint(address,uint256)", "crosschainBurn(address,uint256)")),
        (
            "3edbb4c4",
            (
                "forcedTransfer(address,address,uint256)",
                "setFrozenTokens(address,uint256)",
                "canSend(address)",
                "canReceive(address)",
                "getFrozenTokens(address)",
                "canTransfer(address,address,uint256)",
            ),
        ),
    ],
)
def test_an_interface_id_is_the_sum_of_functions_that_are_there(
    home_side: Side, interface: str, members: tuple[str, ...]
) -> None:
    total = 0
    for member in members:
        total ^= int.from_bytes(home_side.token.method(member).selector, "big")
    assert f"{total:08x}" == interface


@pytest.mark.parametrize(
    ("signature", "selector"),
    [
        ("transfer(address,uint256)", "a9059cbb"),
        ("transferFrom(address,address,uint256)", "23b872dd"),
        ("approve(address,uint256)", "095ea7b3"),
        ("forcedTransfer(address,address,uint256)", "9fc1d0e7"),
        ("setFrozenTokens(address,uint256)", "ebe45cba"),
        ("canSend(address)", "2bc06a92"),
        ("canReceive(address)", "90d370ba"),
        ("getFrozenTokens(address)", "158b1a57"),
        ("canTransfer(address,address,uint256)", "e46638e6"),
        ("crosschainMint(address,uint256)", "18bf5077"),
        ("crosschainBurn(address,uint256)", "2b8c49e3"),
    ],
)
def test_selectors(home_side: Side, signature: str, selector: str) -> None:
    assert home_side.token.method(signature).selector.hex() == selector


@pytest.mark.parametrize(
    ("signature", "selector"),
    [
        ("ERC20InsufficientBalance(address,uint256,uint256)", "e450d38c"),
        ("ERC20InsufficientAllowance(address,uint256,uint256)", "fb8f41b2"),
        ("ERC20InvalidReceiver(address)", "ec442f05"),
        ("ERC20InvalidSpender(address)", "94280d62"),
        ("ERC7943CannotSend(address)", "45bae9e2"),
        ("ERC7943CannotReceive(address)", "705c1eed"),
        ("ERC7943InsufficientUnfrozenBalance(address,uint256,uint256)", "00384e71"),
    ],
)
def test_error_selectors(home_side: Side, signature: str, selector: str) -> None:
    assert keccak(signature.encode())[:4].hex() == selector
    name, _, types = signature.removesuffix(")").partition("(")
    entries = [e for e in home_side.token.abi if e["type"] == "error" and e["name"] == name]
    assert [",".join(i["type"] for i in entry["inputs"]) for entry in entries] == [types]


def test_errors_are_raised_byte_for_byte(home_side: Side) -> None:
    """ERC-6093 and ERC-7943 wire format, without this suite's own decoder."""
    from eth_abi.abi import encode

    from tallystick.chain.reverts import reverts

    token, attacker, investor = home_side.token, home_side.attacker, home_side.investor
    expected = bytes.fromhex("fb8f41b2") + encode(
        ["address", "uint256", "uint256"], [attacker.address, 0, 1]
    )
    with reverts(data=expected):
        token.transferFrom(investor, home_side.fund, 1, sender=attacker)
