"""Upgrades from first to last step: what is stored stays, what is under way arrives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tallystick import build
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Receipt, reverts
from tallystick.chain.embedded import EmbeddedChain
from tallystick.deploy import upgrade as upgrades
from tallystick.deploy.upgrade import upgrade
from tallystick.errors import CheckFailed
from tallystick.files.manifest import Manifest
from tallystick.governance.release import APPROVERS, Version, release_id, release_kind
from tallystick.governance.roles import reason_code
from tallystick.local.network import Network
from tallystick.reach.connection import connection_of, suites_of
from tallystick.token.position import business_day
from tests.support.world import World

CONTRACTS = ("SecurityToken", "BridgeEscrow", "InstrumentRegistry")
# Whose migration their authority may have again, and whose nobody: with the release that has it.
AGAIN = {"SecurityToken": "1.1.0", "ActionsEngine": "1.1.0"}
ONCE = {"BridgeEscrow": "1.2.0", "InstrumentRegistry": "1.1.0"}
CALLED = {
    "SecurityToken": "token",
    "ActionsEngine": "engine",
    "BridgeEscrow": "escrow",
    "InstrumentRegistry": "registry",
}
BUILDS = {"1.1.0": "NextMock", "1.2.0": "NextButOneMock"}
NOTES, NOTES_2 = keccak(text="notes of 1.1.0"), keccak(text="notes of 1.2.0")
DOCUMENT = keccak(text="order")
CORRECTION = reason_code("CORR")
UNTIL = 40_000
DAY = 86_400


@pytest.fixture(scope="module")
def deployed(module_ledgers) -> World:
    home, remote = module_ledgers(2)
    return World({"home": home, "remote": remote}, admitted=())


@pytest.fixture
def used(network, ledgers) -> Network:
    """A suite that has been used: positions, freezes, orders, suspense, lanes with traffic."""
    ledgers(2)
    return _use(network)


def _use(network: Network) -> Network:
    home, remote = network.home, network.remote
    holders = [network.holder("home", index) for index in range(3)]
    there = [network.holder("remote", index) for index in range(3)]
    for holder in holders:
        network.admit(home, holder, UNTIL)
    for holder in there[:2]:
        network.admit(remote, holder, UNTIL)
    network.issue([(holders[0], 10**9), (holders[1], 5 * 10**8)])
    _deliver(network, network.lock(holders[0], there[0], 10**6))
    home.chain.advance(DAY)
    remote.chain.advance(DAY + 5)
    home.token.transfer(holders[2], 77, sender=holders[0])
    home.token.approve(holders[2], 123, sender=holders[1])
    # One message waits in suspense.
    _deliver(network, network.lock(holders[1], there[2], 500))
    home.chain.advance(DAY)
    _meet(network)
    custodian = network.party("home", "custodian")
    home.token.setFrozenTokens(holders[0], 9, CORRECTION, DOCUMENT, sender=custodian)
    home.token.setAddressFrozen(holders[2], True, CORRECTION, DOCUMENT, sender=custodian)
    home.token.enter_order(
        *_order(network)[:3],
        home.chain.now + 90 * DAY,
        DOCUMENT,
        1,
        CORRECTION,
        DOCUMENT,
        sender=network.party("home", "registrar"),
    )
    home.token.instruct(CORRECTION, DOCUMENT, sender=custodian)
    first, second = network.administrators("home")
    home.token.propose_role(holders[2], 0, CORRECTION, DOCUMENT, sender=first)
    assert second != first
    return network


def _order(network: Network) -> tuple[Any, ...]:
    """The order of a used suite: from whom, to whom, how much, and what it is called."""
    called = keccak(DOCUMENT + DOCUMENT + (1).to_bytes(32, "big"))
    return (*(network.holder("home", index) for index in range(2)), 5, called)


def _meet(network: Network) -> None:
    """Both clocks show the same, later of the two."""
    clocks = [network.home.chain, network.remote.chain]
    latest = max(clock.now for clock in clocks) + 2
    for clock in clocks:
        clock.set_time(latest)


def _deliver(network: Network, message: LaneMessage, *attestations: bytes) -> Receipt:
    """A courier delivers as soon as the destination's clock has reached the lock time."""
    chain = network.destination(message).chain
    if chain.now < message.lock_time:
        chain.set_time(message.lock_time)
    return network.deliver(message, *attestations)


def _accounts(network: Network, ledger: str) -> list[str]:
    chain, suite = network.chains[ledger], network.suite(ledger)
    known = [chain.account(index).address for index in range(25)]
    known += [suite.token.address, suite.escrow.address, suite.authority.address, "0x" + "00" * 20]
    return known + [custody.address for custody in suite.custodies.values()]


def _mapped(slot: int, *keys: bytes) -> int:
    """Slot of a value in a (nested) HashMap of Vyper."""
    for key in keys:
        slot = int.from_bytes(keccak(slot.to_bytes(32, "big") + key.rjust(32, b"\0")), "big")
    return slot


def _slot(artifact: str, variable: str) -> int:
    """Slot of a variable of a contract's own."""
    return int(build.artifact(artifact).layout["storage_layout"][variable]["slot"])


def _slots(network: Network, ledger: str, name: str) -> Iterator[int]:
    """All slots in which the contract can have anything for the parties of this network."""
    yield from range(300)
    accounts = [bytes.fromhex(a[2:]) for a in _accounts(network, ledger)]
    lane = network.lane
    day = business_day(network.chains[ledger].now, CLOSE_MINUTE)
    # Kept openings by their day, those that take turns by their slot.
    days = [*range(8), *range(day - 7, day + 7)]
    layout = upgrades.installed_artifact(network.suite(ledger), name).layout["storage_layout"]
    at = {
        f"{module}.{variable}": entry["slot"]
        for module, entries in layout.items()
        if "slot" not in entries
        for variable, entry in entries.items()
    }
    for account in accounts:
        yield _mapped(at["access._held"], account)
    if name == "SecurityToken":
        source, target, amount, called = _order(network)
        key = [bytes.fromhex(each.address[2:]).rjust(32, b"\0") for each in (source, target)]
        yield _mapped(at["orders._orders"], keccak(called + b"".join(key) + amount.to_bytes(32)))
        for account in accounts:
            yield _mapped(at["book._positions"], account)
            yield _mapped(at["standing.standing_instruction"], account)
            for each in days:
                key = int.from_bytes(account, "big") << 16 | each
                yield _mapped(at["book._openings"], key.to_bytes(32, "big"))
            for spender in accounts:
                yield _mapped(at["erc20._allowance"], account, spender)
    # Whatever is kept for a lane: words, structs, and what a nonce or a page of them has.
    for variable, slot in at.items():
        if variable.startswith(("lanes.", "transit.")):
            yield from (_mapped(slot, lane) + index for index in range(20))
            yield from (_mapped(slot, lane, bytes([number])) for number in range(8))


def _words(network: Network, ledger: str, name: str) -> dict[int, int]:
    """What is stored: on the embedded back end all of it, else all that is known to be there."""
    chain, proxy = network.chains[ledger], upgrades.proxy_of(network.suite(ledger), name)
    found = {
        slot: int.from_bytes(chain.storage(proxy, slot), "big")
        for slot in _slots(network, ledger, name)
    }
    if isinstance(chain, EmbeddedChain):
        address = bytes.fromhex(proxy.address[2:])
        found |= {
            slot: word for (owner, slot), word in chain._state.slots.items() if owner == address
        }
    return {slot: word for slot, word in found.items() if word and slot != IMPLEMENTATION}


# ERC-1967: what an upgrade is meant to change.
IMPLEMENTATION = int.from_bytes(keccak(text="eip1967.proxy.implementation"), "big") - 1


def _views(network: Network, ledger: str) -> dict[str, object]:
    """What the views of token, escrow and registry say of everybody, times left out."""
    suite = network.suite(ledger)
    token, escrow, registry, isin = suite.token, suite.escrow, suite.registry, token_isin(network)
    today = token.business_day()
    said: dict[str, object] = {
        "supply": token.totalSupply(),
        "authorised": token.authorised(),
        "scopes": token.paused_scopes(),
        "name": (token.name(), token.symbol(), token.decimals(), token.isin()),
        "flags": (token.is_home(), token.is_live(), token.close_minute(), token.action_epoch()),
        "lane": escrow.lane_state(network.lane),
        "arrived": [escrow.has_arrived(network.lane, nonce) for nonce in range(8)],
        "outbox": [escrow.outbox(network.lane, page) for page in range(2)],
        "domain": escrow.domain_separator(),
        "order": token.order_in_force(*_order(network)) if ledger == "home" else None,
        "record": (registry.record_hash(isin), registry.instrument(isin)),
        "ledgers": [registry.resolve(isin, chain.caip2) for chain in network.chains.values()],
    }
    for account in _accounts(network, ledger)[:25]:
        said[f"position {account}"] = token.position_of(account)
        for day in range(GENESIS_DAY, min(today, GENESIS_DAY + 4)):
            said[f"close {day} {account}"] = token.balance_at_close(account, day)
        for contract in (token, escrow, registry):
            said[f"role {account} {contract.address}"] = contract.role_of(account)
    for day in range(GENESIS_DAY, min(today, GENESIS_DAY + 4)):
        said[f"supply {day}"] = token.supply_at_close(day)
    return said


# Business day of the genesis of the local ledgers; Apple closes at 21:00 UTC.
CLOSE_MINUTE = 1260
GENESIS_DAY = business_day(1_750_000_000, CLOSE_MINUTE)


def token_isin(network: Network) -> str:
    return network.manifest.instrument.isin


def _migration(network: Network, ledger: str, artifact: str, notes: bytes) -> bytes:
    contract = network.chains[ledger].at(artifact, network.suite(ledger).token)
    return (
        bytes(contract.migrate.encode(notes)) if "migrate" in contract.interface.functions else b""
    )


def _upgrade(
    network: Network,
    ledger: str,
    name: str,
    artifact: str,
    version: str,
    *more: Any,
    **options: Any,
) -> upgrades.Upgraded:
    suite, signers = network.suite(ledger), network.signers(ledger)
    return upgrade(suite, signers, name, artifact, version, *more, **options)


def _roll_back(network: Network, ledger: str, name: str) -> Receipt:
    guardian = network.party(ledger, "guardian")
    return upgrades.roll_back(network.suite(ledger), name, sender=guardian)


def _consent(network: Network, name: str, version: Version) -> None:
    """At home: notice of a registered release, all consents, and the time of the notice."""
    upgrader = network.party("home", "upgrader")
    upgrades.give_notice(network.home, name, version, sender=upgrader)
    for role in APPROVERS:
        upgrades.approve(network.home, name, version, sender=network.party("home", role))
    upgrades.await_notice(network.home, name)


def _next(network: Network, ledger: str, name: str) -> upgrades.Upgraded:
    artifact = f"{name}NextMock"
    migration = _migration(network, ledger, artifact, NOTES)
    return _upgrade(network, ledger, name, artifact, "1.1.0", migration)


def _next_but_one(network: Network, ledger: str, name: str) -> upgrades.Upgraded:
    artifact = f"{name}NextButOneMock"
    migration = _migration(network, ledger, artifact, NOTES_2)
    return _upgrade(network, ledger, name, artifact, "1.2.0", migration)


def _added(before: dict[int, int], after: dict[int, int]) -> dict[int, int]:
    """What is stored in addition; everything before must still be there."""
    assert {slot: after.get(slot) for slot in before} == before
    return {slot: word for slot, word in after.items() if slot not in before}


# ------------------------------------------------------------------ values are kept


@pytest.mark.requirement("INV-10", "R-60")
@pytest.mark.parametrize("ledger", ["home", "remote"])
@pytest.mark.parametrize("name", CONTRACTS)
def test_every_stored_value_survives_two_upgrades(used, name, ledger):
    words, views = _words(used, ledger, name), _views(used, ledger)
    assert len(words) > 5

    first = _next(used, ledger, name)
    assert first.contract.release() == "1.1.0"
    after_first = _words(used, ledger, name)
    added = _added(words, after_first)
    assert _views(used, ledger) == views
    notes = _slot(f"{name}NextButOneMock", "release_notes_hash")
    assert added == ({} if name == "BridgeEscrow" else {notes: int.from_bytes(NOTES, "big")})

    second = _next_but_one(used, ledger, name)
    assert second.contract.release() == "1.2.0"
    # The token's second migration writes over what its first one wrote.
    changed = {notes} if name == "SecurityToken" else set()
    kept = {slot: word for slot, word in after_first.items() if slot not in changed}
    added = _added(kept, _words(used, ledger, name))
    assert _views(used, ledger) == views
    if name == "SecurityToken":
        assert second.contract.release_notes_hash() == NOTES_2
        assert set(added) == changed
    elif name == "BridgeEscrow":
        assert second.contract.release_notes_hash() == NOTES_2
        assert added == {notes: int.from_bytes(NOTES_2, "big")}
    else:
        assert second.contract.release_notes_hash() == NOTES
        assert added == {}


@pytest.mark.requirement("INV-10", "R-60")
@pytest.mark.parametrize("name", CONTRACTS)
def test_roll_back_returns_to_the_code_before_and_keeps_every_value(used, name):
    views = _views(used, "home")
    genesis = upgrades.installed_artifact(used.home, name)
    first = (used.home.token.CONTROLS(), used.home.token.SETTINGS())
    _next(used, "home", name)
    # A release in three pieces brings all of them.
    moved = (used.home.token.CONTROLS(), used.home.token.SETTINGS())
    assert set(moved).isdisjoint(first) if name == "SecurityToken" else moved == first
    words = _words(used, "home", name)
    suite = used.home
    proxy = upgrades.proxy_of(used.home, name)

    face = suite.chain.at("ReleaseProxy", proxy)
    receipt = _roll_back(used, "home", name)

    was, now = release_id(name, Version(1, 1, 0)), release_id(name, Version(1, 0, 0))
    old_code = suite.authority.release_of(now).implementation
    assert receipt.events == (
        suite.authority.emitted(
            "PrivilegedAct",
            act=suite.authority.roll_back.selector,
            subject=proxy.address,
            actor=used.party("home", "guardian").address,
            reason=reason_code("FALT"),
            document=upgrades.DOCUMENT,
        ),
        suite.authority.emitted(
            "ReleaseRolledBack", proxy=proxy.address, release=now, previous=was
        ),
        face.emitted("Upgraded", implementation=old_code),
    )
    assert upgrades.installed_artifact(used.home, name) == genesis
    assert (used.home.token.CONTROLS(), used.home.token.SETTINGS()) == first
    assert _words(used, "home", name) == words
    assert _views(used, "home") == views


@pytest.mark.requirement("INV-10")
def test_a_release_that_was_rolled_back_is_followed_by_another(used):
    _next(used, "home", "SecurityToken")
    _roll_back(used, "home", "SecurityToken")
    words, views = _words(used, "home", "SecurityToken"), _views(used, "home")
    slot = _slot("SecurityTokenNextMock", "release_notes_hash")
    assert words[slot] == int.from_bytes(NOTES, "big")

    done = _next_but_one(used, "home", "SecurityToken")

    assert done.contract.release() == "1.2.0"
    assert done.contract.release_notes_hash() == NOTES_2
    assert _views(used, "home") == views


def _came_and_went(network: Network, name: str, version: str) -> str:
    """A release with a migration runs at home and is rolled back; returns its build."""
    if version == "1.2.0":
        _next(network, "home", name)
    artifact = f"{name}{BUILDS[version]}"
    migration = _migration(network, "home", artifact, NOTES)
    assert migration
    _upgrade(network, "home", name, artifact, version, migration)
    _roll_back(network, "home", name)
    return artifact


def _noticed_again(network: Network, name: str, version: str) -> dict[str, Any]:
    """The same release, consented to anew; what its activation takes."""
    _consent(network, name, Version.parse(version))
    migration = _migration(network, "home", f"{name}{BUILDS[version]}", NOTES)
    return {"sender": network.holder("home", 1), "migration": migration}


@pytest.mark.requirement("INV-10", "R-60")
@pytest.mark.parametrize(("name", "version"), AGAIN.items())
def test_a_migration_that_was_rolled_back_is_followed_again(used, name, version):
    """The authority alone calls it, once an activation."""
    artifact = _came_and_went(used, name, version)
    words, proxy = _words(used, "home", name), upgrades.proxy_of(used.home, name)

    given = _noticed_again(used, name, version)
    upgrades.activate(used.home, name, Version.parse(version), **given)

    now = used.home.chain.at(artifact, proxy)
    assert now.release() == version
    assert now.release_notes_hash() == NOTES
    assert _words(used, "home", name) == words
    for sender in (used.holder("home", 1), used.party("home", "upgrader")):
        with reverts(f"next {CALLED[name]}: only its authority"):
            now.migrate(NOTES_2, sender=sender)


@pytest.mark.requirement("INV-10", "R-60")
@pytest.mark.parametrize(("name", "version"), ONCE.items())
def test_what_migrates_once_for_ever_comes_back_under_another_number(used, name, version):
    """The same code without the call, which has been made; all consent to that."""
    artifact = _came_and_went(used, name, version)
    words, proxy = _words(used, "home", name), upgrades.proxy_of(used.home, name)
    given = _noticed_again(used, name, version)
    with reverts(f"next {CALLED[name]}: migrated already"):
        upgrades.activate(used.home, name, Version.parse(version), **given)
    assert _words(used, "home", name) == words

    _upgrade(used, "home", name, artifact, f"{version[:-1]}1")

    assert used.home.chain.at(artifact, proxy).release_notes_hash() == NOTES
    assert _words(used, "home", name) == words


@pytest.mark.requirement("INV-10")
def test_new_functions_of_each_release_work_over_old_storage(used):
    token = _next_but_one(used, "home", "SecurityToken").contract
    token.note_close(GENESIS_DAY, sender=used.holder("home", 0))
    assert token.noted_supply(GENESIS_DAY) == token.supply_at_close(GENESIS_DAY) == 15 * 10**8
    escrow = _next(used, "remote", "BridgeEscrow").contract
    sent = used.home.escrow.lane_state(used.lane).sent
    assert escrow.undelivered(used.lane, sent) == 0
    assert escrow.undelivered(used.lane, sent + 3) == 3
    receipt = escrow.raise_low_water(used.lane, sender=used.holder("remote", 0))
    assert receipt.events == (escrow.emitted("LowWaterRaised", lane=used.lane, nonce=sent),)


@pytest.mark.requirement("INV-10")
def test_activation_runs_the_migration_once_and_says_what_it_did(used):
    suite, token = used.home, used.home.token
    version = Version(1, 1, 0)
    release = release_id("SecurityToken", version)
    migration = _migration(used, "home", "SecurityTokenNextMock", NOTES)
    upgrader = used.party("home", "upgrader")
    code = upgrades.deploy_implementation(
        suite.chain, "SecurityTokenNextMock", sender=upgrader
    ).address
    upgrades.register_release(
        suite,
        "SecurityToken",
        "SecurityTokenNextMock",
        version,
        code,
        sender=upgrader,
        migration=migration,
    )
    _consent(used, "SecurityToken", version)
    # Bound before, so that its event is known.
    face = suite.chain.at("ReleaseProxy", token)
    words, anybody = _words(used, "home", "SecurityToken"), used.holder("home", 1)

    with reverts("release: migration missing"):
        upgrades.activate(suite, "SecurityToken", version, sender=anybody)
    with reverts("release: other migration"):
        upgrades.activate(
            suite, "SecurityToken", version, sender=anybody, migration=migration[:-1] + b"\1"
        )
    assert _words(used, "home", "SecurityToken") == words
    receipt = upgrades.activate(
        suite, "SecurityToken", version, sender=anybody, migration=migration
    )

    next_token = suite.chain.at("SecurityTokenNextMock", token)
    assert receipt.events == (
        suite.authority.emitted(
            "ReleaseActivated",
            proxy=token.address,
            release=release,
            previous=release_id("SecurityToken", Version(1, 0, 0)),
        ),
        face.emitted("Upgraded", implementation=code),
        next_token.emitted("Migrated", release="1.1.0", notes=NOTES),
    )
    with reverts("next token: only its authority"):
        next_token.migrate(NOTES_2, sender=anybody)
    assert next_token.release_notes_hash() == NOTES


# ---------------------------------------------------------------- messages under way


@pytest.mark.requirement("INV-1", "INV-3", "INV-10", "R-60")
def test_messages_under_way_arrive_after_each_ledger_was_upgraded_at_another_time(used):
    home, remote = used.home, used.remote
    there = [used.holder("remote", index) for index in range(3)]
    here = [used.holder("home", index) for index in range(3)]
    _meet(used)
    locked = used.lock(here[0], there[0], 4_000)
    unknown = used.lock(here[1], there[2], 30)
    burned = used.burn(there[0], here[1], 2_000)
    attested = {m.id: used.attest(m) for m in (locked, unknown, burned)}
    supplies = home.token.totalSupply(), remote.token.totalSupply()

    for name in ("BridgeEscrow", "SecurityToken"):
        _next(used, "remote", name)
    # Attested before its destination was upgraded, and the source is still of the first release.
    _meet(used)
    receipt = _deliver(used, locked, attested[locked.id])
    assert receipt.return_value is True
    for name in ("SecurityToken", "BridgeEscrow"):
        _next(used, "home", name)
        _next_but_one(used, "home", name)
    _meet(used)
    assert _deliver(used, burned, attested[burned.id]).return_value is True
    _next_but_one(used, "remote", "BridgeEscrow")
    _meet(used)
    assert _deliver(used, unknown, attested[unknown.id]).return_value is False
    used.admit(remote, there[2], UNTIL)
    used.claim(unknown)

    assert remote.token.balanceOf(there[2]) == 30
    assert home.token.totalSupply() == supplies[0]
    assert remote.token.totalSupply() == supplies[1] + 4_030
    custody = next(iter(home.custodies.values()))
    lane = home.escrow.lane_state(used.lane)
    assert home.token.balanceOf(custody) == lane.outstanding == remote.token.totalSupply()
    for message in (locked, unknown, burned):
        with reverts("transit: delivered already"):
            _deliver(used, message, attested[message.id])


@pytest.mark.requirement("INV-3", "INV-10")
def test_a_message_delivered_by_the_next_release_stays_delivered_after_roll_back(used):
    message = used.lock(used.holder("home", 0), used.holder("remote", 0), 11)
    waiting = used.lock(used.holder("home", 0), used.holder("remote", 2), 13)
    _next(used, "remote", "BridgeEscrow")
    _meet(used)
    _deliver(used, message)
    _deliver(used, waiting)
    _roll_back(used, "remote", "BridgeEscrow")
    words = _words(used, "remote", "BridgeEscrow"), _words(used, "remote", "SecurityToken")
    for again in (message, waiting):
        with reverts("transit: delivered already"):
            _deliver(used, again)
    assert (
        _words(used, "remote", "BridgeEscrow"),
        _words(used, "remote", "SecurityToken"),
    ) == words
    used.admit(used.remote, used.holder("remote", 2), UNTIL)
    used.claim(waiting)
    # The first one waited since the suite was set up.
    assert used.remote.escrow.lane_state(used.lane).suspense == 500


# ------------------------------------------------------------------ refusals of the helper


@pytest.mark.requirement("INV-10")
def test_upgrade_refuses_a_build_whose_storage_contradicts_the_installed_one(used):
    words = _words(used, "home", "SecurityToken")
    nonce = used.home.chain.nonce(used.party("home", "upgrader"))
    with pytest.raises(CheckFailed, match=r"does not keep the storage of SecurityToken: slot 69"):
        _upgrade(used, "home", "SecurityToken", "BridgeEscrowNextMock", "1.1.0")
    assert used.home.chain.nonce(used.party("home", "upgrader")) == nonce
    assert _words(used, "home", "SecurityToken") == words


def test_upgrade_knows_what_has_no_proxy(used):
    with pytest.raises(CheckFailed, match=r"^LaneCustody can't be upgraded: expected one of "):
        _upgrade(used, "home", "LaneCustody", "LaneCustody", "1.1.0")


def test_pieces_that_do_not_fit_are_refused_before_anything_is_sent(used, monkeypatch):
    """By whoever prepares the release, in one step or in several."""
    known = build.artifact("SecurityTokenNextMock")
    controls, settings = known.behind
    ids = dict(controls.method_identifiers)
    clash = ids | {"other()": known.method_identifiers["totalSupply()"]}
    less = {name: selector for name, selector in ids.items() if not name.startswith("pause(")}
    planted = {
        f"SecurityToken{name}": replace(
            known,
            name=f"SecurityToken{name}",
            behind=(replace(controls, method_identifiers=changed), settings),
        )
        for name, changed in {"Clash": clash, "Less": less}.items()
    }
    monkeypatch.setattr(build, "_added", [*build._added, planted])
    upgrader, blocks = used.party("home", "upgrader"), used.home.chain.block_number
    hidden = (
        r"totalSupply\(\) of SecurityTokenClash hides other\(\) of SecurityTokenNextMockControls"
    )
    lacking = r"pause\(uint256,bytes4,bytes32\) of SecurityToken is in no piece"
    for name, reason in (("Clash", hidden), ("Less", lacking)):
        with pytest.raises(
            CheckFailed, match=rf"^SecurityToken{name} can't be released: {reason}$"
        ):
            _upgrade(used, "home", "SecurityToken", f"SecurityToken{name}", "1.1.0")
    with pytest.raises(CheckFailed, match=hidden):
        upgrades.deploy_implementation(used.home.chain, "SecurityTokenClash", sender=upgrader)
    with pytest.raises(CheckFailed, match=hidden):
        upgrades.register_release(
            used.home,
            "SecurityToken",
            "SecurityTokenClash",
            Version(1, 1, 0),
            used.home.authority.release_of(
                release_id("SecurityToken", Version(1, 0, 0))
            ).implementation,
            sender=upgrader,
        )
    assert used.home.chain.block_number == blocks


def test_an_installed_release_of_another_build_must_be_given(used):
    """A release that this checkout doesn't build can't be compared, so nothing is sent."""
    chain, registry = used.home.chain, used.home.registry
    foreign = chain.deploy("HarnessProbeMock", 1, sender=used.party("home", "upgrader"))
    code = chain.code(foreign)
    authority, upgrader = used.home.authority, used.party("home", "upgrader")
    stated = (reason_code("UPGR"), DOCUMENT)
    release = (
        release_kind("InstrumentRegistry"),
        Version(1, 5, 0).packed,
        foreign.address,
        keccak(code),
        bytes(32),
        DOCUMENT,
        DOCUMENT,
        bytes(32),
    )
    authority.register_release(release, *stated, sender=upgrader)
    version = Version(1, 5, 0)
    _consent(used, "InstrumentRegistry", version)
    upgrades.activate(used.home, "InstrumentRegistry", version, sender=used.holder("home", 1))
    with pytest.raises(
        CheckFailed, match=r"nothing built here has the code of InstrumentRegistry 1\.5\.0"
    ):
        _upgrade(used, "home", "InstrumentRegistry", "InstrumentRegistryNextMock", "1.6.0")
    assert authority.notice_of(registry).release == bytes(32)


def test_whoever_has_a_manifest_and_keys_upgrades(used, tmp_path: Path) -> None:
    """No local network: contracts from the file, signers from its roles."""
    path = used.manifest.write(tmp_path / "manifest.json")
    connection = connection_of(Manifest.load(path), used.chains)
    suite = suites_of(connection)["remote"]
    roles = connection.manifest.roles["remote"]
    signers = {}
    for role in ("upgrader", *APPROVERS, "guardian"):
        if role == "auditor":
            with pytest.raises(CheckFailed, match=r"^remote: nobody signs as auditor$"):
                upgrade(suite, signers, "SecurityToken", "SecurityTokenNextMock", "1.1.0")
        account = connection.key("remote", roles[role])
        assert account is not None
        signers[role] = account
    migration = _migration(used, "remote", "SecurityTokenNextMock", NOTES)

    done = upgrade(suite, signers, "SecurityToken", "SecurityTokenNextMock", "1.1.0", migration)

    assert done.contract == suite.token == used.remote.token
    assert done.contract.release() == "1.1.0"
    assert done.activation.one("ReleaseActivated").proxy == suite.token.address
    upgrades.roll_back(suite, "SecurityToken", sender=signers["guardian"])
    assert suite.token.release() == "1.0.0"


def test_a_live_ledger_is_told_when_to_activate(used, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(used.home.chain, "controlled", False)
    with pytest.raises(CheckFailed, match=r"^home: the notice for BridgeEscrow is over in \d+ s: "):
        _next(used, "home", "BridgeEscrow")


def test_progress_says_each_step(used):
    told: list[str] = []
    _upgrade(used, "home", "BridgeEscrow", "BridgeEscrowNextMock", "1.1.0", progress=told.append)
    assert [line.split(": ")[-1].split(" ")[0] for line in told] == [
        "storage", "code", "registered", "notice", *["approved"] * 3, "notice", "active",
    ]  # fmt: skip


def test_release_ids_agree_with_the_authority(network):
    version = Version(1, 1, 0)
    for name in CONTRACTS:
        said = network.home.authority.release_id(release_kind(name), version.packed)
        assert said == release_id(name, version)
        assert said == keccak(encode(["bytes32", "uint256"], [keccak(text=name), version.packed]))
