"""What emptied other bridges, tried on this one (docs: bridges that failed, and how)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.bridge.attestation import Domain, SignerSet, attestation_head
from tallystick.bridge.message import NO_CAP, Grade, party
from tallystick.chain import Revert
from tallystick.governance.release import Version, release_id
from tests.support.world import (
    AMOUNT_MAX,
    CHANGE_DELAY,
    DOCUMENT,
    INVESTOR_UNITS,
    RETENTION,
    STATED,
    UINT_MAX,
    UNSIGNED,
    ZERO,
    World,
    domain_of,
    refused,
    signed,
)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("attestation", [b"", bytes(32), bytes(64), bytes(330), bytes(1_034)])
def test_nomad_zero_root(world: World, attestation: bytes) -> None:
    """Nomad, August 2022: the zero root counted as proven. Nothing zero is proven here."""
    for message in (world.message(), world.message(lane=bytes(32))):
        with pytest.raises(Revert):
            world.deliver(message, attestation)
    assert world.remote.token.totalSupply() == 0


@pytest.mark.requirement("INV-4")
def test_nomad_epoch_zero_is_no_epoch(world: World) -> None:
    """What storage holds for an epoch that never was must verify nothing."""
    with refused(world, "lanes: no such epoch now"):
        world.deliver(world.message(), attestation_head(0, 0).ljust(32, b"\0"))


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("threshold", [0, 1])
def test_ronin_threshold_zero(world: World, threshold: int) -> None:
    """Ronin, August 2024: an upgrade left the required weight at 0."""
    with refused(world, "verifier: threshold below 2"):
        world.remote.new_verifier(replace(world.signers, threshold=threshold))


def test_ronin_no_signature_is_too_few(world: World) -> None:
    """In the true epoch and no signature at all; what stands in for one is no signature."""
    with refused(world):
        world.deliver(world.message(), world.attest(world.message(), 0))
    with refused(world, "verifier: trailing bytes"):
        world.deliver(world.message(), UNSIGNED)


@pytest.mark.requirement("INV-9")
def test_ronin_revoked_signer(world: World) -> None:
    """Ronin, March 2022: a delegation that nobody had revoked still signed."""
    side = world.remote
    kept = SignerSet.of(2, 2, world.signers.signers[:3])
    valid_from = world.rotate(side, side.new_verifier(kept))
    message = world.message(deadline=2**63)
    old = world.network.attest(message)
    side.chain.set_time(valid_from + RETENTION)
    with refused(world, "lanes: no such epoch now"):
        world.deliver(message, old)
    with pytest.raises(ValueError, match="no signer"):
        signed(message, kept, domain_of(side), world.signer_keys[3:5])


@pytest.mark.requirement("INV-4")
def test_wormhole_verifier_is_never_named_by_the_caller(world: World) -> None:
    """Wormhole, February 2022: the caller chose what checked the signatures."""
    side = world.remote
    spoof = side.chain.deploy("VerifierMock", sender=side.attacker)
    spoof.set_answer(1, sender=side.attacker)
    names = {
        item["name"]
        for entry in side.escrow.abi
        if entry["type"] == "function" and entry["name"] in {"deliver", "claim"}
        for item in entry["inputs"]
    }
    assert names == {"m", "attestation", "second"}
    with refused(world, "access: act not proposed"):
        world.confirm_verifier(side, spoof, cap=0)


@pytest.mark.requirement("INV-2")
@pytest.mark.parametrize("amount", [1_001, 116_500 * 10**6, AMOUNT_MAX])
def test_kelp_release_beyond_locked(world: World, amount: int) -> None:
    """Kelp, April 2026: burns that never happened, attested. The lane's ledger bounds them."""
    world.locked(1_000)
    with refused(world, "lanes: more than locked here"):
        world.deliver(world.message(kind=2, amount=amount))


@pytest.mark.requirement("INV-2", "INV-7")
def test_multichain_valid_signatures_take_one_lane_at_most(world: World) -> None:
    """Multichain, July 2023: who held the keys took everything. Here: what the lane owes."""
    side = world.home
    world.locked(1_000)
    stolen, nonce = 0, 0
    thief = party(side.fund.address)
    for amount in (600, 600, 400, 1, AMOUNT_MAX):
        try:
            world.deliver(world.message(kind=2, nonce=nonce, amount=amount, recipient=thief))
        except Revert:
            continue
        stolen, nonce = stolen + amount, nonce + 1
    assert stolen == 1_000
    assert side.balance(side.investor) == INVESTOR_UNITS - 1_000


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("chain_id", [1, 41_001, 10_001])
def test_omni_fork_replay(world: World, chain_id: int) -> None:
    """Omni on ETHPoW, September 2022: the chain id was remembered, not asked."""
    message = world.locked(1_000)
    attestation = world.attest(message)
    chain = world.remote.chain
    true_id, chain.chain_id = chain.chain_id, chain_id
    try:
        expected = Domain(chain_id, str(world.remote.escrow.address)).separator
        assert world.remote.escrow.domain_separator() == expected
        with refused(world, "verifier: wrong signature"):
            world.remote.escrow.deliver(
                message.as_tuple(), attestation, sender=world.remote.courier
            )
    finally:
        chain.chain_id = true_id
    assert world.deliver(message, attestation).return_value is True


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("name", ["home", "remote"])
def test_alex_deployer_key(world: World, name: str) -> None:
    """ALEX, May 2024: the deployer's key upgraded the proxy."""
    side = getattr(world, name)
    deployer = side.deployer
    genesis = release_id("SecurityToken", Version(1, 0, 0))
    attempts = (
        (
            "access: missing role",
            lambda: side.authority.give_notice(side.token, genesis, *STATED, sender=deployer),
        ),
        (
            "release: not noticed",
            lambda: side.authority.activate(side.token, genesis, sender=deployer),
        ),
        (
            "release: not in set-up",
            lambda: side.authority.create_proxy(genesis, DOCUMENT, b"", *STATED, sender=deployer),
        ),
        (
            "access: missing role or set-up",
            lambda: side.authority.register_release(
                (DOCUMENT, 1, ZERO, *[DOCUMENT] * 5),
                *STATED,
                sender=deployer,
            ),
        ),
        (
            "access: missing role",
            lambda: side.authority.roll_back(side.token, *STATED, sender=deployer),
        ),
    )
    for reason, attempt in attempts:
        with refused(world, reason):
            attempt()
    word = bytes.fromhex(side.custody.address[2:]).rjust(32, b"\0")
    for contract, reason in (
        (side.token, "token: no such function"),
        (side.escrow, "escrow: no such function"),
        (side.registry, None),
    ):
        with refused(world, reason):
            side.chain.send(sender=deployer, to=contract.address, data=word)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("role", ["deployer", "operator", "administrator", "guardian"])
def test_yala_leftover_key_sets_up_a_peer(world: World, role: str) -> None:
    """Yala, 2025: a leftover key set up an unauthorised peer. One key opens no lane."""
    side = world.remote
    terms = (
        "US0378331005",
        False,
        side.token.address,
        side.custody.address,
        side.verifier.address,
        ZERO,
        CHANGE_DELAY,
        RETENTION,
        DOCUMENT,
        DOCUMENT,
        UINT_MAX >> 186,
        6,
        1_260,
        Grade.PILOT,
    )
    key = side.parties[role]
    with refused(world, "access: missing role"), world.isolated():
        side.escrow.propose_lane(terms, *STATED, sender=key)
        side.escrow.open_lane(terms, *STATED, sender=key)


def test_xbridge_stranger_registers_a_lane(world: World) -> None:
    """XBridge, April 2024: anyone could register a token."""
    side = world.home
    with refused(world, "access: missing role"):
        terms = (world.lane, side.attacker, ZERO, 0, NO_CAP)
        side.escrow.propose_lane_terms(*terms, *STATED, sender=side.attacker)


@pytest.mark.requirement("INV-9")
@pytest.mark.parametrize("role", ["administrator", "issuer", "notary", "guardian", "operator"])
def test_iotex_one_key_neither_releases_nor_mints(world: World, role: str) -> None:
    """IoTeX, February 2026: one owner key took pool and safe."""
    world.arrived(1_000)
    for side in (world.home, world.remote):
        key = side.parties[role]
        for name in ("crosschainMint", "crosschainBurn"):
            with refused(world, "bridges: no bridge this way"):
                getattr(side.token, name)(side.investor, 1, sender=key)
        with refused(world, "custody: pay is the escrow's"):
            side.custody.pay(side.investor, 1, sender=key)
        with pytest.raises(Revert):
            side.token.mint(side.investor, 1, *STATED, sender=key)


def test_poly_message_reaches_no_function(world: World) -> None:
    """Poly, August 2021: a message called the keeper set. A message only credits somebody."""
    side = world.remote
    for target in (side.token, side.escrow, side.verifier, side.authority, side.custody):
        message = world.message(
            nonce=int(target.address, 16) % 2**47, recipient=party(str(target.address))
        )
        before = (world.lane_state(side).epoch, side.authority.administrators())
        assert world.deliver(message).return_value is False
        assert before == (world.lane_state(side).epoch, side.authority.administrators())
        assert side.balance(target) == (side.balance(side.custody) if target is side.custody else 0)


def test_qubit_deposit_without_value(world: World) -> None:
    """Qubit, January 2022: a deposit of nothing was credited."""
    side = world.home
    with refused(world, "lanes: unknown lane"):
        side.custody.lock(bytes(32), party(side.attacker.address), 1, 2**63, sender=side.attacker)
    with refused(world, error="ERC7943CannotSend"):
        side.custody.lock(world.lane, party(side.attacker.address), 1, 2**63, sender=side.attacker)


def test_socket_allowance_of_another(world: World) -> None:
    """Socket, January 2024: users' approvals served anybody's call data."""
    side = world.home
    side.token.approve(side.escrow, UINT_MAX, sender=side.investor)
    for contract, reason in ((side.escrow, "escrow: no such function"), (side.custody, None)):
        data = side.token.transferFrom.encode(side.investor, side.fund, 1)
        with refused(world, reason):
            side.chain.send(sender=side.attacker, to=contract.address, data=data)


@pytest.mark.requirement("INV-3")
def test_plasma_one_message_in_two_encodings(world: World) -> None:
    """Polygon Plasma, October 2021: one exit in two encodings. Dirty call data is no message."""
    message = world.locked(1_000)
    side = world.remote
    attestation = world.attest(message)
    world.deliver(message, attestation)
    call = side.escrow.deliver.encode(message.as_tuple(), attestation)
    # Bits above a field's type, and words behind the call: another call, the same message.
    for index in (0, 1, 3, 4, 5, 9):
        dirty = bytearray(call)
        dirty[4 + 32 * index] = 1
        with refused(world):
            side.chain.send(sender=side.courier, to=side.escrow.address, data=bytes(dirty))
    with refused(world, "transit: delivered already"):
        side.chain.send(sender=side.courier, to=side.escrow.address, data=call + bytes(32))


@pytest.mark.requirement("INV-4")
def test_hyperbridge_old_proof_new_payload(world: World) -> None:
    """Hyperbridge, April 2026: a valid old proof, and a payload it was not of."""
    first = world.locked(1_000)
    proof = world.attest(first)
    world.deliver(first, proof)
    second = replace(first, nonce=1, amount=10**12, recipient=party(world.remote.fund.address))
    with refused(world, "verifier: wrong signature"):
        world.deliver(second, proof)


@pytest.mark.requirement("INV-7")
def test_secret_axelar_units_of_another_lane(world: World) -> None:
    """Secret and Axelar, June 2026: the denomination was checked, not where it came from."""
    world.locked(1_000)
    message = world.message(kind=2, lane=DOCUMENT, amount=1)
    with refused(world, "lanes: unknown lane"):
        world.deliver(message)


def test_syscoin_malformed_proof(world: World) -> None:
    """Syscoin, June 2026: a parser took a malformed proof. Every byte is accounted for."""
    message = world.locked(1_000)
    attestation = world.attest(message)
    for mutated in (attestation + b"\0", b"\0" + attestation, attestation[:-1], attestation * 2):
        with pytest.raises(Revert):
            world.deliver(message, mutated)
    assert world.deliver(message, attestation).return_value is True


def test_chainswap_unknown_signer(world: World) -> None:
    """ChainSwap, July 2021: any signer was accepted."""
    message = world.locked(1_000)
    key = world.remote.attacker.key
    assert key is not None
    mallory = SignerSet(1, 1, (world.remote.attacker.address,))
    with refused(world, "verifier: wrong signature"):
        world.deliver(message, signed(message, mallory, domain_of(world.remote), [key]))


def test_wormhole_uups_uninitialised_implementation(world: World) -> None:
    """Wormhole and Arbitrum near misses, 2022: nobody had initialised the implementation."""
    side = world.home
    for name, reason in (
        ("SecurityToken", "token: initialised already"),
        ("BridgeEscrow", "escrow: initialised already"),
    ):
        implementation = side.chain.at(name, side.implementations[name])
        arguments = (
            ("n", "s", 6, "US0378331005", True, 0, side.attacker)
            if name == "SecurityToken"
            else (side.attacker,)
        )
        with refused(world, reason):
            implementation.initialize(*arguments, sender=side.attacker)


@pytest.mark.requirement("R-11")
@pytest.mark.parametrize("amount", [1, 5 * 10**15])
def test_griffin_mint_at_home_by_message(world: World, amount: int) -> None:
    """Griffin, September 2025: a false peer minted five times the cap. At home none mints."""
    side = world.home
    supply = side.token.totalSupply()
    with refused(world, "lanes: more than locked here"):
        world.deliver(world.message(kind=2, amount=amount))
    assert side.token.totalSupply() == supply


@pytest.mark.requirement("INV-2")
def test_griffin_mint_beyond_the_cap(world: World) -> None:
    """The same on the remote ledger: the lane's cap is known there too."""
    side = world.remote
    world.apply_terms(side, world.change(side, cap=1))
    with refused(world, "lanes: cap reached"):
        world.deliver(world.message(amount=5_000 * 10**6))


def test_squid_identity_is_the_caller(world: World) -> None:
    """Squid, 2026, and Wormhole on Aptos: who sends was read from the payload."""
    side = world.home
    receipt = side.custody.lock(
        world.lane, party(world.remote.investor.address), 5, 2**63, sender=side.investor
    )
    assert receipt.one("MessageSent").message.sender == party(side.investor.address)
