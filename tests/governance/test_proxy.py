"""Release proxy: one address, one implementation, one key that changes it, no byte altered."""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from tallystick.build import artifact
from tallystick.chain import Contract, reverts
from tests.support.world import ZERO, World, refused

# The hash of eip1967.proxy.implementation, less one.
SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
LONGEST = 1_023


class Proxied:
    """An implementation that misbehaves on demand, behind a proxy whose authority is `operator`."""

    def __init__(self, world: World) -> None:
        self.world, self.side = world, world.home
        chain, self.authority = self.side.chain, self.side.operator
        self.implementation = chain.deploy("ImplementationMock", sender=self.side.deployer)
        self.other = chain.deploy("ImplementationMock", sender=self.side.deployer)
        self.proxy = self.create(self.implementation.initialize.encode(7))
        self.bound = chain.at("ImplementationMock", self.proxy.address)

    def create(self, initialisation: bytes, implementation: object = None) -> Contract:
        """Deploy a proxy."""
        return self.side.chain.deploy(
            "ReleaseProxy",
            implementation or self.implementation,
            initialisation,
            sender=self.authority,
        )

    def pointed_at(self) -> str:
        """The address in the ERC-1967 slot."""
        word = self.side.chain.storage(self.proxy.address, SLOT)
        return "0x" + word[12:].hex()

    def point(self, word: bytes, sender: object) -> object:
        """Send raw call data to the proxy."""
        return self.side.chain.send(sender=sender, to=self.proxy.address, data=word)


@pytest.fixture
def proxied(world: World) -> Proxied:
    return Proxied(world)


def word_of(contract: Contract) -> bytes:
    """An address as a word."""
    return bytes.fromhex(contract.address[2:]).rjust(32, b"\0")


def test_the_slot_is_that_of_erc1967() -> None:
    assert int.from_bytes(keccak(text="eip1967.proxy.implementation"), "big") - 1 == SLOT


def test_constructor_points_and_initialises(proxied: Proxied) -> None:
    assert proxied.pointed_at() == proxied.implementation.address.lower()
    assert (proxied.bound.value(), proxied.bound.initialisations()) == (7, 1)
    assert proxied.proxy.deployment is not None
    assert proxied.proxy.deployment.events == (
        proxied.proxy.emitted("Upgraded", proxied.implementation),
    )


def test_state_is_the_proxys_own(proxied: Proxied) -> None:
    proxied.bound.set_value(9, sender=proxied.side.attacker)
    assert proxied.bound.value() == 9
    assert proxied.implementation.value() == 0


def test_the_caller_and_the_value_stay_what_they_are(proxied: Proxied) -> None:
    receipt = proxied.bound.set_value.send(9, sender=proxied.side.attacker, value=3)
    assert receipt.events == (proxied.bound.emitted("Called", proxied.side.attacker, 3),)
    assert receipt.return_value == 7
    assert proxied.side.chain.balance(proxied.proxy.address) == 3


@pytest.mark.parametrize("initialisation", [b"", b"\xde\xad\xbe\xef", b"\x01"])
def test_bad_initialisation_data_is_refused(proxied: Proxied, initialisation: bytes) -> None:
    with refused(proxied.world):
        proxied.create(initialisation)


def test_initialisation_data_has_4096_bytes_at_most(proxied: Proxied) -> None:
    call = proxied.implementation.initialize.encode(7)
    longest = proxied.create(call.ljust(4_096, b"\0"))
    assert proxied.side.chain.at("ImplementationMock", longest.address).value() == 7
    with refused(proxied.world):
        proxied.create(call.ljust(4_097, b"\0"))


def test_a_refusing_initialiser_is_heard(proxied: Proxied) -> None:
    why = b"\x12\x34\x56\x78" + b"because" * 30
    with refused(proxied.world, data=why):
        proxied.create(proxied.implementation.initialize_refused.encode(why))


def test_an_initialiser_that_moves_the_slot_is_refused(proxied: Proxied) -> None:
    call = proxied.implementation.initialize_and_seize.encode(proxied.other)
    with refused(proxied.world, "proxy: initialiser moved the slot"):
        proxied.create(call)


@pytest.mark.parametrize("who", ["nobody", "attacker"])
def test_an_implementation_without_code_is_refused(proxied: Proxied, who: str) -> None:
    address = ZERO if who == "nobody" else proxied.side.attacker.address
    with refused(proxied.world, "proxy: implementation has no code"):
        proxied.create(proxied.implementation.initialize.encode(1), address)


def test_the_last_word_of_the_code_is_the_authority(proxied: Proxied) -> None:
    """Where the release authority reads whom a new proxy obeys."""
    code = proxied.side.chain.code(proxied.proxy.address)
    word = bytes.fromhex(proxied.authority.address[2:]).rjust(32, b"\0")
    assert code == artifact("ReleaseProxy").bytecode_runtime + word


def test_the_authority_upgrades_with_one_word(proxied: Proxied) -> None:
    receipt = proxied.point(word_of(proxied.other), proxied.authority)
    assert receipt.events == (proxied.proxy.emitted("Upgraded", proxied.other),)  # type: ignore[attr-defined]
    assert proxied.pointed_at() == proxied.other.address.lower()
    assert proxied.bound.value() == 7


def test_the_authority_upgrades_to_no_account_without_code(proxied: Proxied) -> None:
    with refused(proxied.world, "proxy: implementation has no code"):
        proxied.point(bytes(32), proxied.authority)


def test_the_authority_upgrades_to_no_word_that_is_no_address(proxied: Proxied) -> None:
    with refused(proxied.world):
        proxied.point(b"\1" + word_of(proxied.other)[1:], proxied.authority)


@pytest.mark.requirement("R-60")
@pytest.mark.parametrize("role", ["deployer", "upgrader", "administrator", "attacker"])
def test_nobody_else_upgrades(proxied: Proxied, role: str) -> None:
    with refused(proxied.world):
        proxied.point(word_of(proxied.other), proxied.side.parties[role])


@pytest.mark.parametrize("length", [0, 4, 31, 33, 36, 64])
def test_only_32_bytes_are_an_upgrade(proxied: Proxied, length: int) -> None:
    data = (word_of(proxied.other) * 2)[:length]
    with refused(proxied.world):
        proxied.point(data, proxied.authority)
    assert proxied.pointed_at() == proxied.implementation.address.lower()


def test_other_calls_of_the_authority_are_forwarded(proxied: Proxied) -> None:
    proxied.bound.set_value(9, sender=proxied.authority)
    assert proxied.bound.value() == 9


@pytest.mark.requirement("INV-10")
def test_an_implementation_does_not_change_the_slot(proxied: Proxied) -> None:
    with refused(proxied.world, "proxy: implementation slot changed"):
        proxied.bound.initialize_and_seize(proxied.other, sender=proxied.side.attacker)
    with refused(proxied.world, "proxy: implementation slot changed"):
        proxied.bound.initialize_and_seize(ZERO, sender=proxied.side.attacker)


def test_an_implementation_that_restores_the_slot_is_let(proxied: Proxied) -> None:
    proxied.bound.seize_and_return(proxied.other, sender=proxied.side.attacker)
    assert proxied.pointed_at() == proxied.implementation.address.lower()


def test_an_implementation_does_not_change_the_slot_in_a_nested_call(proxied: Proxied) -> None:
    inner = proxied.bound.initialize_and_seize.encode(proxied.other)
    with refused(proxied.world, "proxy: implementation slot changed"):
        proxied.bound.nested(proxied.proxy, inner, sender=proxied.side.attacker)


@pytest.mark.requirement("INV-10")
def test_upgradeability_cannot_be_lost(proxied: Proxied) -> None:
    """The key lives in the proxy's code: after the worst release another one can follow."""
    proxied.point(word_of(proxied.side.custody), proxied.authority)
    with refused(proxied.world):
        proxied.bound.value()
    proxied.point(word_of(proxied.other), proxied.authority)
    assert proxied.bound.value() == 7


def test_an_upgrade_in_the_middle_of_a_call_is_refused(world: World) -> None:
    """The authority is a contract here: a call through the proxy makes it upgrade the proxy."""
    side = world.home
    authority = side.chain.deploy("ImplementationMock", sender=side.deployer)
    implementation = side.chain.deploy("ImplementationMock", sender=side.deployer)
    other = side.chain.deploy("ImplementationMock", sender=side.deployer)
    proxy = side.chain.deploy(
        "ReleaseProxy",
        implementation,
        implementation.initialize.encode(7),
        sender=authority.address,
    )
    bound = side.chain.at("ImplementationMock", proxy.address)
    upgrade = authority.nested.encode(proxy, word_of(other))
    with refused(world, "proxy: implementation slot changed"):
        bound.nested(authority, upgrade, sender=side.attacker)
    authority.nested(proxy, word_of(other), sender=side.attacker)


# ---------------------------------------------------------------------------- bytes


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 1_000, LONGEST])
def test_return_data_passes_byte_for_byte(proxied: Proxied, length: int) -> None:
    data = bytes(index % 251 for index in range(length))
    call = proxied.bound.echo.encode(data)
    assert proxied.side.chain.call(to=proxied.proxy.address, data=call) == data


@pytest.mark.parametrize("length", [LONGEST + 1, LONGEST + 2, 4_096])
def test_longer_return_data_is_refused_not_cut(proxied: Proxied, length: int) -> None:
    """LV-03: a return bomb."""
    call = proxied.bound.echo.encode(b"\xab" * length)
    with refused(proxied.world, "proxy: return data too long"):
        proxied.side.chain.call(to=proxied.proxy.address, data=call)


@pytest.mark.parametrize("length", [0, 1, 4, 31, 32, 100, 1_023, 1_024, 1_025, 4_000])
def test_revert_data_passes_byte_for_byte(proxied: Proxied, length: int) -> None:
    data = bytes(index % 251 for index in range(length))
    with reverts(data=data):
        proxied.bound.initialize_refused(data, sender=proxied.side.attacker)


def test_any_bytes_pass_both_ways(deployed_world: World) -> None:
    with deployed_world.isolated():
        proxied = Proxied(deployed_world)
        address = proxied.proxy.address

        @given(st.binary(max_size=LONGEST))
        def check(data: bytes) -> None:
            call = proxied.bound.echo.encode(data)
            assert proxied.side.chain.call(to=address, data=call) == data
            with reverts(data=data):
                proxied.bound.initialize_refused(data, sender=proxied.side.attacker)

        check()


def test_the_suites_own_proxies_stay_within_the_bound(world: World) -> None:
    """The longest answer of the suite: a lane's state."""
    side = world.home
    output = side.chain.call(to=side.escrow.address, data=side.escrow.lane_state.encode(world.lane))
    assert len(output) < LONGEST
