"""Ways in which a deployment drifts from what was meant: one act, or one word past every rule.

`DRIFTS` says what is done to the home ledger, the table in docs/verify.md what `verify` then says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from tallystick.bridge.message import ledger_id
from tallystick.chain import Contract
from tallystick.chain.abi import keccak
from tallystick.deploy.upgrade import deploy_implementation, register_release, upgrade
from tallystick.deploy.verify import Fact, verify, wrong
from tallystick.files.instrument import record_of
from tallystick.governance.pieces import GETTERS
from tallystick.governance.release import Version, proxy_name, release_id
from tallystick.governance.roles import Role
from tallystick.local.network import OPERATORS
from tallystick.text import hex_text
from tallystick.token.position import AccountClass, PauseScope
from tests.support import emergencies
from tests.support.contracts import add_contracts
from tests.support.world import (
    DAY,
    DOCUMENT,
    INVESTOR_UNITS,
    ISIN,
    ROOT,
    STATED,
    World,
    embedded,
    pair_key,
    read_slot,
    slot_of,
    write_slot,
)

Do = Callable[[World], object]
NEXT = Version(1, 1, 0)
_REASON = (b"MALF", True, *STATED)
_ERC1967 = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
# Of the token's word of its issue, and of a lane's terms.
_TOKEN_SUSPENDED, _LANE_SUSPENDED = 2**247, 2**163
# Words of the terms with which a lane is opened, counted in storage.
_TERMS = (
    *("isin", "", "home", "token", "custody", "", "", "delay", "retention", "ledger", "escrow"),
    *("", "", "", "", "", "", "", "grade"),
)


def _word(value: Any) -> int:
    return value if isinstance(value, int) else int(str(value), 16)


def _set(contract: str, bit: int, *slot: Any) -> Do:
    """Another bit of a word of storage; of a mapping's, the keys are made when it is done."""

    def do(world: World) -> None:
        at = getattr(world.home, contract)
        module, variable, *keys = (key(world) if callable(key) else key for key in slot)
        write_slot(at, read_slot(at, module, variable, *keys) ^ bit, module, variable, *keys)

    return do


def _flip(contract: str, *slot: Any) -> Do:
    """The last bit of a word of storage."""
    return _set(contract, 1, *slot)


def _put(contract: str, value: Callable[[World], Any], *slot: Any) -> Do:
    """A word of storage, made when it is done."""

    def do(world: World) -> None:
        at = getattr(world.home, contract)
        module, variable, *keys = (key(world) if callable(key) else key for key in slot)
        write_slot(at, _word(value(world)), module, variable, *keys)

    return do


def _terms(member: str) -> Do:
    """One bit of a member of the terms with which the lane was opened."""

    def do(world: World) -> None:
        escrow = world.home.escrow
        at = slot_of(escrow, "lanes", "_opened_with", world.lane) + _TERMS.index(member)
        word = int.from_bytes(escrow.chain.storage(escrow, at), "big")
        escrow.chain.set_storage(escrow, at, word ^ 1)

    return do


def _grade(world: World) -> None:
    """The last word of those terms, with decimals, close of business and grade in words before."""
    escrow = world.home.escrow
    at = slot_of(escrow, "lanes", "_opened_with", world.lane) + _TERMS.index("grade")
    escrow.chain.set_storage(escrow, at, 2)


def _code(address: Callable[[World], Any], change: Callable[[bytes], bytes]) -> Do:
    def do(world: World) -> None:
        chain, at = world.home.chain, address(world)
        chain.set_code(at, change(chain.code(at)))

    return do


def _tail(code: bytes) -> bytes:
    """Another last bit: of the last immutable, where there is one."""
    return code[:-1] + bytes([code[-1] ^ 1])


def _head(code: bytes) -> bytes:
    return b"\xfe" + code[1:]


def _implementation(world: World) -> Any:
    return world.home.implementations["SecurityToken"]


def _piece(world: World) -> Any:
    return getattr(world.home.token, GETTERS[0])()


# ---------------------------------------------------------------------------- acts


def _other_verifier(world: World) -> Contract:
    signers = replace(world.signers, signers=world.signers.signers[1:])
    return world.home.new_verifier(signers)


def _confirm(world: World) -> None:
    world.change(world.home, _other_verifier(world), cap=5)


def _rotate(world: World) -> None:
    world.rotate(world.home, _other_verifier(world))


def _rotated(world: World) -> None:
    _rotate(world)
    world.home.chain.set_time(world.home.chain.now + 2 * DAY)
    world.home.chain.mine()


def _second(world: World) -> None:
    """A second verifier of the same attestors: they are another operator's now."""
    side = world.home
    world.rotate(side, side.verifier, second=side.new_verifier(world.signers, OPERATORS[1]))


def _strangers(world: World) -> None:
    side = world.home
    world.rotate(side, side.chain.deploy("VerifierMock", sender=side.attacker))


def _propose_verifier(world: World) -> None:
    world.propose_verifier(world.home, world.home.verifier)


def _cap(world: World) -> None:
    world.apply_terms(world.home, world.change(world.home, cap=5))


def _limit(world: World) -> None:
    world.apply_terms(world.home, world.change(world.home, limit=5))


def _end_epoch(world: World) -> None:
    world.home.escrow.end_epoch(world.lane, 1, *STATED, sender=world.home.administrator)


def _third_lane(world: World) -> None:
    side = world.home
    terms = side.escrow.lane_state(world.lane).terms._asdict() | {
        "custody": side.new_custody().address,
        "peer_ledger": ledger_id("eip155:41003"),
    }
    side.escrow.propose_lane(tuple(terms.values()), *STATED, sender=side.operator)
    side.escrow.open_lane(tuple(terms.values()), *STATED, sender=side.administrator)


def _pause_lane(world: World) -> None:
    world.home.escrow.pause_lane(world.lane, 1, *STATED, sender=world.home.guardian)


def _pause_token(world: World) -> None:
    world.home.token.pause(PauseScope.ISSUANCE, *STATED, sender=world.home.guardian)


def _role(account: str, role: Role, contract: str = "token") -> Do:
    def do(world: World) -> None:
        side = world.home
        side.give_role(getattr(side, contract), getattr(side, account), role)

    return do


def _propose_role(world: World) -> None:
    side = world.home
    terms = (side.outsider, Role.GUARDIAN, *STATED)
    side.registry.propose_role(*terms, sender=side.administrator)


def _link(world: World) -> None:
    world.home.new_custody()


def _pool(world: World) -> None:
    world.home.set_class(world.home.fund, AccountClass.POOL)


def _propose_class(world: World) -> None:
    side = world.home
    side.token.propose_class(side.fund, AccountClass.POOL, *STATED, sender=side.registrar)


def _foreign_bridge(world: World) -> None:
    world.home.foreign_bridge(5, 7)


def _custody_code(world: World) -> None:
    side = world.home
    side.authority.register_custody_code(DOCUMENT, *STATED, sender=side.upgrader)


def _register(world: World) -> None:
    suite = world.network.suite("home")
    code = deploy_implementation(suite.chain, "SecurityTokenNextMock", sender=world.home.upgrader)
    register_release(
        suite,
        "SecurityToken",
        "SecurityTokenNextMock",
        NEXT,
        str(code.address),
        sender=world.home.upgrader,
        migration=b"",
    )


def _notice(world: World) -> None:
    _register(world)
    side = world.home
    release = release_id("SecurityToken", NEXT)
    side.authority.give_notice(side.token, release, *STATED, sender=side.upgrader)


def _hurry(world: World) -> None:
    emergencies.hurry(world.network, "home", NEXT)


def _propose_ratification(world: World) -> None:
    _hurry(world)
    emergencies.propose_ratification(world.network, "home", NEXT)


def _propose_roll_back(world: World) -> None:
    _upgrade(world)
    side = world.home
    side.authority.propose_roll_back(side.token, False, *STATED, sender=side.upgrader)


def _propose_reason(world: World) -> None:
    side = world.home
    side.authority.propose_roll_back_reason(*_REASON, sender=side.administrator)


def _reason(world: World) -> None:
    _propose_reason(world)
    side = world.home
    side.authority.set_roll_back_reason(*_REASON, sender=side.second_administrator)


def _upgrade(world: World) -> None:
    notes = world.home.chain.at("SecurityTokenNextMock", world.home.token).migrate.encode(DOCUMENT)
    upgrade(
        world.network.suite("home"),
        world.network.signers("home"),
        "SecurityToken",
        "SecurityTokenNextMock",
        NEXT,
        notes,
    )


def _amended(world: World) -> Any:
    """The record with another place of its terms."""
    plan, manifest = world.network.plan, world.network.manifest
    tokens = manifest.instrument.tokens
    return record_of(plan.loaded_instrument, tokens, plan.caip2).successor(
        terms_uri="https://example.org/other"
    )


def _propose_record(world: World) -> None:
    side, record = world.home, _amended(world).as_tuple()
    hashed = side.registry.record_hash_of(record)
    side.registry.propose_record(ISIN, hashed, False, *STATED, sender=side.registrar)


def _amend(world: World) -> None:
    _propose_record(world)
    side = world.home
    side.registry.amend(_amended(world).as_tuple(), *STATED, sender=side.issuer)


def _daily(world: World) -> None:
    side = world.home
    side.engine.propose_daily(True, *STATED, sender=side.operator)
    side.chain.advance(DAY)
    side.engine.set_daily(True, *STATED, sender=side.administrator)


def _agent(world: World) -> None:
    side = world.home
    side.engine.propose_fractions_agent(side.fund, *STATED, sender=side.operator)
    side.chain.advance(DAY)
    side.engine.set_fractions_agent(side.fund, *STATED, sender=side.administrator)


def _attestors(world: World) -> None:
    side = world.home
    verifier = side.chain.deploy("VerifierMock", sender=side.attacker)
    side.engine.propose_attestors(verifier, *STATED, sender=side.operator)
    side.chain.advance(DAY)
    side.engine.set_attestors(verifier, *STATED, sender=side.administrator)


def _propose_peer(world: World) -> None:
    side = world.home
    peer = (41_003, side.attacker, side.engine.attestors())
    side.engine.propose_peer(*peer, *STATED, sender=side.operator)


def _peer(world: World) -> None:
    _propose_peer(world)
    side = world.home
    side.chain.advance(DAY)
    peer = (41_003, side.attacker, side.engine.attestors())
    side.engine.set_peer(*peer, *STATED, sender=side.administrator)


def _pool_payee(world: World) -> None:
    side = world.home
    side.engine.propose_pool_payee(side.fund, side.buyer, *STATED, sender=side.paying_agent)
    side.engine.set_pool_payee(side.fund, side.buyer, *STATED, sender=side.issuer)


# ------------------------------------------------------------------------- the table


def _lane(world: World) -> bytes:
    return world.lane


def _pair(world: World) -> bytes:
    return pair_key(world.home, world.remote)


def _instrument(_: World) -> bytes:
    return keccak(ISIN.encode())


def _remote(_: World) -> bytes:
    return ledger_id("eip155:41002")


def _at(name: str) -> Callable[[World], Any]:
    """An account of the home ledger by its role, or one of its contracts."""
    return lambda world: getattr(world.home, name).address


def _installation(world: World) -> None:
    authority = world.home.authority
    at = slot_of(authority, "", "installation_of", world.home.token.address) + 1
    word = int.from_bytes(release_id("BridgeEscrow", Version(1, 0, 0)), "big")
    authority.chain.set_storage(authority, at, word)


def _token_proxy(_: World) -> bytes:
    return proxy_name("SecurityToken", ISIN)


def _token_release(_: World) -> bytes:
    return release_id("SecurityToken", Version(1, 0, 0))


DRIFTS: Mapping[str, Do] = {
    # Acts that nobody planned.
    "a change confirmed": _confirm,
    "another verifier beside the last": _rotate,
    "another verifier": _rotated,
    "a second verifier": _second,
    "a stranger's verifier": _strangers,
    "a verifier proposed": _propose_verifier,
    "another cap": _cap,
    "another limit": _limit,
    "a lane whose verifier has ended": _end_epoch,
    "one lane more": _third_lane,
    "a lane stopped": _pause_lane,
    "a token stopped": _pause_token,
    "a role taken": _role("notary", Role.NONE),
    "a role given": _role("outsider", Role.CUSTODIAN),
    "one administrator more": _role("outsider", Role.ADMINISTRATOR, "escrow"),
    "a role proposed": _propose_role,
    "one link account more": _link,
    "a pool account": _pool,
    "a pool proposed": _propose_class,
    "another's bridge": _foreign_bridge,
    "custody code more": _custody_code,
    "a release more": _register,
    "a release to come": _notice,
    "another release": _upgrade,
    "an emergency": _hurry,
    "a ratification proposed": _propose_ratification,
    "a rollback proposed": _propose_roll_back,
    "a reason to roll back proposed": _propose_reason,
    "a reason to roll back alone": _reason,
    "a record proposed": _propose_record,
    "another record": _amend,
    "each day's close": _daily,
    "a fractions' agent": _agent,
    "other attestors of events": _attestors,
    "a peer proposed": _propose_peer,
    "one peer more": _peer,
    "a pool's payee": _pool_payee,
    # Code.
    "code of the authority": _code(_at("authority"), _head),
    "notice of the authority": _code(_at("authority"), lambda c: c[:-100] + b"\1" + c[-99:]),
    "code of new proxies": _code(lambda w: w.home.authority.PROXY_BLUEPRINT(), _tail),
    "code of a proxy": _code(_at("registry"), _head),
    "whom a proxy obeys": _code(_at("token"), _tail),
    "code behind a proxy": _code(_implementation, _head),
    "code behind that": _code(_piece, _head),
    "code of a custody": _code(_at("custody"), _head),
    "token of a custody": _code(_at("custody"), _tail),
    "code of a verifier": _code(_at("verifier"), _head),
    "signers of a verifier": _code(_at("verifier"), _tail),
    # The authority's words.
    "where a proxy points": lambda w: w.home.chain.set_storage(w.home.token, _ERC1967, 1),
    "where a proxy is": _put("authority", _at("attacker"), "", "proxy_at", _token_proxy),
    "whose releases a proxy takes": _flip("authority", "", "installation_of", _at("token")),
    "what a proxy is to run": _installation,
    "kind of a release": _flip("authority", "", "release_of", _token_release),
    "set-up key of the authority": _put("authority", _at("deployer"), "access", "set_up_key"),
    "set-up key of the registry": _put("registry", _at("deployer"), "access", "set_up_key"),
    "set-up key of the token": _put("token", _at("deployer"), "access", "set_up_key"),
    "set-up key of the escrow": _put("escrow", _at("deployer"), "access", "set_up_key"),
    "set-up key of the engine": _put("engine", _at("deployer"), "access", "set_up_key"),
    "number of administrators": _put("token", lambda _: 3, "access", "administrators"),
    "a role unlogged": _put("authority", lambda _: 128, "access", "_held", _at("deployer")),
    "a role of another's": _put("escrow", lambda _: 1, "access", "_held", _at("notary")),
    # The token's.
    "name": _flip("token", "erc20", "name"),
    "symbol": _flip("token", "erc20", "symbol"),
    "decimals": _put("token", lambda _: 4, "erc20", "decimals"),
    "authority of the token": _put("token", _at("attacker"), "controls", "release_authority"),
    "a token suspended": _set("token", _TOKEN_SUSPENDED, "book", "_issue"),
    "class of a custody": _put("token", lambda _: 0, "book", "_positions", _at("custody")),
    "bridge of a custody": _put("token", lambda _: 2**255, "bridges", "_bridges", _at("custody")),
    # The escrow's.
    "authority of the escrow": _put("escrow", _at("attacker"), "lanes", "release_authority"),
    "side of a lane": _terms("home"),
    "token of a lane": _terms("token"),
    "custody of a lane": _terms("custody"),
    "delay of a lane": _terms("delay"),
    "retention of a lane": _terms("retention"),
    "ledger of a lane": _terms("ledger"),
    "escrow of a lane": _terms("escrow"),
    "grade of a lane": _grade,
    "lane of a pair": _flip("escrow", "lanes", "canonical_lane", _pair),
    "lane of a custody": _flip("escrow", "lanes", "lane_of_custody", _at("custody")),
    "lanes of an instrument": _put("escrow", lambda _: 0, "lanes", "_lanes_of", _instrument),
    "a lane suspended there": _set("escrow", _LANE_SUSPENDED, "lanes", "_terms", _lane),
    "a lane closed": _put("escrow", lambda _: 0, "lanes", "_terms", _lane),
    # The engine's.
    "token of the engine": _flip("engine", "dispatch", "token"),
    "escrow of the engine": _flip("engine", "dispatch", "escrow"),
    "instrument of the engine": _flip("engine", "dispatch", "instrument"),
    "side of the engine": _flip("engine", "dispatch", "is_home"),
    "home of the engine": _flip("engine", "dispatch", "home_ledger"),
    "chain of a peer": _flip("engine", "dispatch", "peer_of", _remote),
    "a lane suspended": _put("engine", lambda _: 20_000 << 16, "suspensions", "_lanes", _lane),
    # The registry's.
    "hash of a record": _flip("registry", "records", "_record_hash", _instrument),
    "no record": _put("registry", lambda _: 0, "records", "_record_hash", _instrument),
}


# ------------------------------------------------------------------- what is said of it

PAGE = ROOT / "docs" / "verify.md"
_HEAD = "| Done | Contract | Fact | Meant | Found |\n|---|---|---|---|---|\n"
# What is another with every change of a contract, and of which nothing depends on which it is.
_FORMS = (
    (re.compile("0x[0-9a-f]{64}"), "(hash)"),
    (re.compile("0x[0-9a-fA-F]{40}"), "(address)"),
    (re.compile(r"\(address\)(, \(address\))+"), "(addresses)"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "(time)"),
)
# Contract, fact, meant, found.
Row = tuple[str, str, str, str]


@contextmanager
def drifted(world: World, name: str) -> Iterator[None]:
    """Let the home ledger drift in one way while the block runs."""
    with world.isolated():
        DRIFTS[name](world)
        yield


def wrong_rows(world: World) -> list[Row]:
    """What `verify` finds wrong, addresses and hashes by name: at home, and nowhere else."""
    network = world.network
    facts = wrong(verify(network.connection, network.plan, network.parties))
    assert {fact.ledger for fact in facts} <= {"home"}
    names = _names(world)
    return [_row(fact, names) for fact in facts]


def _row(fact: Fact, names: Mapping[str, str]) -> Row:
    def named(text: str) -> str:
        for known, name in names.items():
            text = text.replace(known, name)
        for form, name in _FORMS:
            text = form.sub(name, text)
        return text

    assert fact.meant is not None
    return fact.contract, *map(named, (fact.what, fact.meant, fact.found))


def _names(world: World) -> Mapping[str, str]:
    actions = world.network.manifest.actions
    assert actions is not None
    names = {hex_text(world.lane): "(lane)", actions.events: "(event attestors)"}
    for ledger, side in (("", world.home), ("remote ", world.remote)):
        names |= {account.address: f"({ledger}{role})" for role, account in side.parties.items()}
        for name in ("authority", "registry", "token", "escrow", "engine", "custody", "verifier"):
            names[getattr(side, name).address] = f"({ledger}{name})"
        names[actions.messages[side.chain.name]] = f"({ledger}message attestors)"
        names |= {code: f"({ledger}code of {name})" for name, code in side.implementations.items()}
    return names


def table(found: Mapping[str, list[Row]]) -> str:
    """The table of the page: each drift, and in as many lines what is said of it."""
    lines = [
        f"| {name if first else ''} | {' | '.join(row)} |\n"
        for name, rows in found.items()
        for first, row in zip((True, *[False] * len(rows)), rows, strict=False)
    ]
    return _HEAD + "".join(lines)


def told() -> dict[str, list[Row]]:
    """What the page says of each drift."""
    _, _, text = PAGE.read_text().partition(_HEAD)
    found: dict[str, list[Row]] = {}
    name = ""
    for line in text.splitlines():
        if not line.startswith("|"):
            break
        first, *row = (cell.strip() for cell in line.strip("|").split("|"))
        name = first or name
        contract, what, meant, seen = row
        found.setdefault(name, []).append((contract, what, meant, seen))
    return found


def write() -> None:
    """Draw the table of the page anew: `python -m tests.deploy.drifts`; read what has changed."""
    add_contracts()
    world = deployed()
    found = {}
    for name in DRIFTS:
        with drifted(world, name):
            found[name] = wrong_rows(world)
    before, _, after = PAGE.read_text().partition(_HEAD)
    rest = after.splitlines(keepends=True)
    while rest and rest[0].startswith("|"):
        del rest[0]
    PAGE.write_text(before + table(found) + "".join(rest))


def deployed() -> World:
    """Two ledgers with one lane, after hand-over, units on both."""
    world = World(embedded(), units={"investor": INVESTOR_UNITS}, threshold=2)
    world.arrived()
    return world


if __name__ == "__main__":
    write()
