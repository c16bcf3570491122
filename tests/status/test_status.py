"""The status over all ledgers: positions, lanes, and invariants that notice what is broken."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tallystick.bridge.message import Kind
from tallystick.chain import Chain
from tallystick.cli.status import render
from tallystick.status.invariants import Verdict, check_invariants
from tallystick.status.observation import (
    LaneState,
    LedgerState,
    MessageState,
    Observation,
    Position,
    SideState,
    StrayDelivery,
)
from tallystick.status.observe import status_of
from tests.support.commands import connected, deployed

# --- what was observed, by hand ----------------------------------------------------------------

_LANE = "0x" + "1a" * 32
_CUSTODY = "0x" + "c0" * 20


def message(kind: Kind, nonce: int, amount: int, **changes: Any) -> MessageState:
    out = kind == Kind.ISSUE
    return MessageState(
        lane=_LANE,
        kind=kind,
        source="home" if out else "remote",
        destination="remote" if out else "home",
        nonce=nonce,
        id=f"0x{kind:02x}{nonce:062x}",
        amount=amount,
        sender="0x" + "aa" * 20,
        recipient="0x" + "bb" * 20,
        lock_time=1_000,
        block=5,
        **changes,
    )


DELIVERED: dict[str, Any] = {"arrived": True, "deliveries": 1}


def sound() -> Observation:
    """1,000 issued; 100 delivered, 30 of them back; 7 in suspense; 20 and 5 in transit."""
    messages = (
        message(Kind.ISSUE, 0, 100, **DELIVERED),
        message(Kind.ISSUE, 1, 7, **DELIVERED, to_suspense=True, suspended=7),
        message(Kind.ISSUE, 2, 20),
        message(Kind.ISSUE, 3, 3, **DELIVERED, to_suspense=True, claims=1),
        message(Kind.RELEASE, 0, 30, **DELIVERED),
        message(Kind.RELEASE, 1, 5),
    )
    # Locked 130, released 30; issued remotely 110, burned 35.
    home = SideState("home", 100, 0, 4, 2**70 - 1, 0, _CUSTODY, 100)
    remote = SideState("remote", 75, 7, 2, 2**70 - 1, 0, _CUSTODY, 7)
    holders = (Position("0x" + "aa" * 20, "a", 600), Position("0x" + "ab" * 20, "b", 300))
    return Observation(
        isin="US0378331005",
        name="Apple",
        decimals=0,
        home="home",
        ledgers=(
            LedgerState(
                name="home",
                caip2="eip155:1",
                home=True,
                block=9,
                time=2_000,
                supply=1_000,
                authorised=1_000,
                live=True,
                paused=0,
                positions=(*holders, Position(_CUSTODY, "custody", 100, link=True)),
            ),
            LedgerState(
                name="remote",
                caip2="eip155:2",
                home=False,
                block=9,
                time=2_000,
                supply=75,
                authorised=0,
                live=True,
                paused=0,
                positions=(
                    Position("0x" + "bb" * 20, "c", 68),
                    Position(_CUSTODY, "custody", 7, link=True),
                ),
            ),
        ),
        lanes=(LaneState(_LANE, home, remote),),
        messages=messages,
    )


def verdicts(observation: Observation) -> dict[str, Verdict]:
    return {verdict.invariant: verdict for verdict in check_invariants(observation)}


def with_ledger(seen: Observation, index: int, **changes: Any) -> Observation:
    ledgers = list(seen.ledgers)
    ledgers[index] = replace(ledgers[index], **changes)
    return replace(seen, ledgers=tuple(ledgers))


def with_message(seen: Observation, index: int, **changes: Any) -> Observation:
    messages = list(seen.messages)
    messages[index] = replace(messages[index], **changes)
    return replace(seen, messages=tuple(messages))


def with_side(seen: Observation, side: str, **changes: Any) -> Observation:
    (lane,) = seen.lanes
    return replace(seen, lanes=(replace(lane, **{side: replace(getattr(lane, side), **changes)}),))


@pytest.mark.requirement("INV-1", "INV-2", "INV-3", "INV-4", "INV-5")
def test_sound_observation_holds() -> None:
    found = verdicts(sound())
    assert {name: verdict.breaks for name, verdict in found.items()} == {
        f"INV-{number}": () for number in range(1, 6)
    }
    assert dict(found["INV-1"].figures) == {
        "issue": 1_000,
        "home holders": 900,
        "in transit": 25,
        "suspense": 7,
        "remote holders": 68,
    }
    assert dict(found["INV-2"].figures) == {
        "home-remote locked": 130,
        "home-remote released": 30,
        "home-remote issued remotely": 110,
        "home-remote burned remotely": 35,
    }
    assert dict(found["INV-3"].figures) == {
        "messages": 6,
        "messages in transit": 2,
        "messages delivered": 2,
        "messages suspense": 1,
        "messages claimed": 1,
    }
    assert dict(found["INV-4"].figures) == {"deliveries": 4}
    assert dict(found["INV-5"].figures) == {
        "home supply": 1_000,
        "home positions": 1_000,
        "remote supply": 75,
        "remote positions": 75,
    }


_STRAY = StrayDelivery(_LANE, "remote", 9, "0x" + "99" * 32, 50)

_BROKEN: list[tuple[Callable[[Observation], Observation], dict[str, tuple[str, ...]]]] = [
    (
        lambda seen: with_ledger(seen, 0, supply=1_001),
        {
            "INV-1": ("the places hold 1000, the issue is 1001",),
            "INV-5": (
                "home: positions sum to 1000, the supply is 1001",
                "home: supply 1001 is above the authorised 1000",
            ),
        },
    ),
    (
        lambda seen: with_ledger(seen, 0, authorised=999),
        {"INV-5": ("home: supply 1000 is above the authorised 999",)},
    ),
    (
        lambda seen: with_ledger(
            seen,
            1,
            supply=85,
            positions=(
                Position("0x" + "bb" * 20, "c", 78),
                Position(_CUSTODY, "custody", 7, link=True),
            ),
        ),
        {"INV-1": ("the places hold 1010, the issue is 1000",)},
    ),
    (
        lambda seen: with_ledger(
            seen,
            1,
            positions=(
                Position("0x" + "bb" * 20, "c", -1),
                Position("0x" + "bc" * 20, "", 69),
                Position(_CUSTODY, "custody", 7, link=True),
            ),
        ),
        {"INV-5": ("remote: c has -1",)},
    ),
    (
        lambda seen: with_side(seen, "home", outstanding=99, custody_balance=99),
        {"INV-2": ("lane home-remote: home owes 99, its messages say 100",)},
    ),
    (
        lambda seen: with_side(seen, "home", custody_balance=90),
        {"INV-2": ("lane home-remote: custody on home holds 90, it owes 100",)},
    ),
    (
        lambda seen: with_side(seen, "remote", outstanding=110),
        {"INV-2": ("lane home-remote: remote has issued 110, its messages say 75",)},
    ),
    (
        lambda seen: with_side(seen, "remote", custody_balance=8),
        {"INV-2": ("lane home-remote: custody on remote holds 8, it owes 7",)},
    ),
    (
        lambda seen: with_message(seen, 4, amount=131),
        {
            "INV-2": (
                "lane home-remote: released 131 of 130 locked",
                "lane home-remote: home owes 100, its messages say -1",
                "lane home-remote: remote has issued 75, its messages say -26",
            )
        },
    ),
    (
        lambda seen: with_message(seen, 0, deliveries=2),
        {
            "INV-2": (
                "lane home-remote: 175 stand on remote, 100 are locked for them",
                "lane home-remote: remote has issued 75, its messages say 175",
            ),
            "INV-3": ("home to remote message 0: delivered 2 times",),
        },
    ),
    (
        lambda seen: with_message(seen, 2, arrived=True),
        {"INV-3": ("home to remote message 2: its nonce arrived, 0 deliveries were logged",)},
    ),
    (
        lambda seen: with_message(seen, 0, arrived=False),
        {
            "INV-3": (
                "home to remote message 0: its nonce did not arrive, 1 deliveries were logged",
            )
        },
    ),
    (
        lambda seen: with_message(seen, 3, claims=2),
        {"INV-3": ("home to remote message 3: claimed 2 times",)},
    ),
    (
        lambda seen: with_message(seen, 0, claims=1),
        {"INV-3": ("home to remote message 0: claimed, but never in suspense",)},
    ),
    (
        lambda seen: with_message(seen, 1, suspended=6),
        {
            "INV-3": (
                "home to remote message 1: 6 in suspense, 7 expected",
                "remote: lane has 7 in suspense, messages 6",
            )
        },
    ),
    (
        lambda seen: with_message(seen, 2, recorded=False),
        {"INV-4": ("home: message 2 is not what its escrow keeps",)},
    ),
    (
        lambda seen: replace(seen, strays=(_STRAY,)),
        {
            "INV-2": (
                "lane home-remote: 125 stand on remote, 100 are locked for them",
                "lane home-remote: remote has issued 75, its messages say 125",
            ),
            "INV-4": (
                "remote: delivery of nonce 9, amount 50: the other ledger has no such message",
            ),
        },
    ),
]


@pytest.mark.requirement("INV-1", "INV-2", "INV-3", "INV-4", "INV-5")
@pytest.mark.parametrize(("breaking", "expected"), _BROKEN)
def test_broken_observation_is_noticed(
    breaking: Callable[[Observation], Observation], expected: dict[str, tuple[str, ...]]
) -> None:
    found = verdicts(breaking(sound()))
    assert {name: v.breaks for name, v in found.items() if not v.holds} == expected


@pytest.mark.requirement("INV-1")
@given(st.integers(-(10**6), 10**6).filter(bool), st.integers(0, 2))
def test_every_shift_breaks_conservation(shift: int, place: int) -> None:
    """Whatever appears or disappears in one place is missed in the sum."""
    seen = sound()
    if place == 0:
        seen = with_message(seen, 2, amount=20 + shift)
    elif place == 1:
        seen = with_side(seen, "remote", suspense=7 + shift)
    else:
        first, *rest = seen.ledgers[0].positions
        seen = with_ledger(
            seen, 0, positions=(replace(first, balance=first.balance + shift), *rest)
        )
    assert not verdicts(seen)["INV-1"].holds


# --- on ledgers --------------------------------------------------------------------------------


@pytest.mark.requirement("INV-1", "INV-2", "INV-3", "INV-5")
def test_status_of_a_network(ledgers: Any) -> None:
    network = deployed(ledgers(2))
    home, remote = network.home, network.remote
    first, second = network.holder("home", 0), network.holder("remote", 0)
    stranger = network.holder("remote", 7)
    one = network.lock(first, second, 100)
    two = network.lock(first, stranger, 40)
    remote.chain.set_time(home.chain.now + 10)
    network.deliver(one)
    network.deliver(two)
    network.burn(second, first.address, 30)
    three = network.lock(first, second, 9)
    found = status_of(connected(network))
    assert found.ok
    assert dict(found.verdict("INV-1").figures) == {
        "issue": 1_500_000_000,
        "home holders": 1_499_999_851,
        "in transit": 39,
        "suspense": 40,
        "remote holders": 70,
    }
    places = {(m.source, m.nonce): m.place for m in found.observation.messages}
    assert places == {
        ("home", 0): "delivered",
        ("home", 1): "suspense",
        ("home", 2): "in transit",
        ("remote", 0): "in transit",
    }
    in_transit = next(m for m in found.observation.messages if m.id == "0x" + three.id.hex())
    assert in_transit.age == remote.chain.block().timestamp - three.lock_time
    custody = next(p for p in found.observation.ledger("home").positions if p.link)
    assert (custody.name, custody.balance) == ("custody of home-remote", 149)
    releases = {r.contract: (r.version, r.sound) for r in found.observation.ledgers[0].releases}
    assert releases == dict.fromkeys(
        ("InstrumentRegistry", "SecurityToken", "BridgeEscrow"), ("1.0.0", True)
    )
    # The same without a manifest, and as JSON.
    assert network.status().verdicts == found.verdicts
    data = json.loads(json.dumps(found.as_dict()))
    assert data["ok"]
    assert data["invariants"][0]["figures"]["issue"] == "1500000000"


def test_status_is_readable_in_eighty_columns(ledgers: Any) -> None:
    network = deployed(ledgers(2))
    network.lock(network.holder("home", 0), network.holder("remote", 0), 5_000_000)
    text = io.StringIO()
    render(network.status(), Console(file=text, width=80, color_system=None))
    shown = text.getvalue()
    assert max(map(len, shown.splitlines())) <= 80
    for word in ("Positions", "Lanes", "In transit", "In suspense: nothing", "INV-5", "holds"):
        assert word in shown


def _slot(contract: Any, key: str, name: str) -> int:
    """The slot of a mapping's entry under an address, by the contract's layout."""
    layout: Any = contract.artifact.layout["storage_layout"]
    for part in name.split("."):
        layout = layout[part]
    return int.from_bytes(keccak(encode(["uint256", "address"], [layout["slot"], key])), "big")


@pytest.mark.requirement("INV-1", "INV-5")
def test_units_out_of_nothing_break_the_status(ledgers: Any) -> None:
    network = deployed(ledgers(2))
    token, holder = network.home.token, network.holder("home", 0).address
    slot = _slot(token, holder, "book._positions")
    chain: Chain = network.home.chain
    word = int.from_bytes(chain.storage(token.address, slot), "big")
    assert word % 2**104 == 10**9
    chain.set_storage(token.address, slot, word + 1)
    found = network.status()
    assert {v.invariant for v in found.verdicts if not v.holds} == {"INV-1", "INV-5"}
    assert found.verdict("INV-1").breaks == ("the places hold 1500000001, the issue is 1500000000",)


@pytest.mark.requirement("INV-4")
def test_forged_delivery_breaks_the_status(ledgers: Any) -> None:
    """Two attestors sign what never left home: the lane of the remote ledger takes it."""
    network = deployed(ledgers(2))
    message = network.lock(network.holder("home", 0), network.holder("remote", 0), 100)
    network.remote.chain.set_time(network.home.chain.now + 5)
    network.deliver(replace(message, nonce=7, amount=900))
    found = network.status()
    assert {v.invariant for v in found.verdicts if not v.holds} == {"INV-1", "INV-2", "INV-4"}
    assert found.verdict("INV-4").breaks == (
        "remote: delivery of nonce 7, amount 900: the other ledger has no such message",
    )
