"""The status over all ledgers: positions, lanes, and invariants that notice what is broken."""

from __future__ import annotations

import copy
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tallystick.bridge.attestation import SignerSet
from tallystick.bridge.message import NO_CAP, Kind, LaneId, MessageId
from tallystick.chain import Chain, ChainError, RawLog
from tallystick.cli.status import render
from tallystick.deploy import upgrade as upgrades
from tallystick.errors import InputError
from tallystick.governance.acts import acts_of
from tallystick.governance.release import Version
from tallystick.governance.roles import Role
from tallystick.local.network import Network
from tallystick.reach.connection import Connection, connect
from tallystick.status.invariants import Break, Verdict, check_invariants
from tallystick.status.observation import (
    LaneState,
    LedgerState,
    MessageState,
    Observation,
    Position,
    SideState,
    StrayDelivery,
    Unseen,
)
from tallystick.status.observe import status_of
from tallystick.status.pending import OBJECTORS
from tallystick.text import hex_text, time_text
from tests.support import emergencies
from tests.support.commands import ROOT, connected
from tests.support.world import DAY, STATED

# --- what was observed, by hand ----------------------------------------------------------------

_LANE = LaneId(b"\x1a" * 32)
_CUSTODY = "0x" + "c0" * 20


def message(kind: Kind, nonce: int, amount: int, **changes: Any) -> MessageState:
    out = kind == Kind.ISSUE
    return MessageState(
        lane=_LANE,
        kind=kind,
        source="home" if out else "remote",
        destination="remote" if out else "home",
        nonce=nonce,
        id=MessageId(bytes([kind]) + nonce.to_bytes(31, "big")),
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
    home = SideState("home", 100, 0, 4, NO_CAP, 0, _CUSTODY, 100)
    remote = SideState("remote", 75, 7, 2, NO_CAP, 0, _CUSTODY, 7)
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
        "with other bridges": 0,
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
        "messages returned": 0,
    }
    assert dict(found["INV-4"].figures) == {"deliveries": 4}
    assert dict(found["INV-5"].figures) == {
        "home supply": 1_000,
        "home positions": 1_000,
        "remote supply": 75,
        "remote positions": 75,
    }


def crossed(*, pool: int = 0, went_out: int = 0, landed: int = 0) -> Observation:
    """As `sound`, but holder b gave units to other bridges, of which some came on the remote."""
    seen = sound()
    positions = (
        Position("0x" + "aa" * 20, "a", 600),
        Position("0x" + "ab" * 20, "b", 300 - pool - went_out),
        Position("0x" + "dd" * 20, "pool", pool, pool=True),
        Position(_CUSTODY, "custody", 100, link=True),
    )
    seen = with_ledger(seen, 0, supply=1_000 - went_out, went_out=went_out, positions=positions)
    holders = (
        Position("0x" + "bb" * 20, "c", 68 + landed),
        Position(_CUSTODY, "custody", 7, link=True),
    )
    return with_ledger(seen, 1, supply=75 + landed, came_in=landed, positions=holders)


@pytest.mark.requirement("INV-1", "INV-5")
@given(pool=st.integers(0, 100), went_out=st.integers(0, 100), landed=st.integers(0, 250))
def test_what_is_with_other_bridges_is_part_of_the_issue(
    pool: int, went_out: int, landed: int
) -> None:
    """P3: in flight, landed, and in a pool; more landed than left is broken."""
    found = verdicts(crossed(pool=pool, went_out=went_out, landed=landed))
    figures = dict(found["INV-1"].figures)
    left = pool + went_out - landed
    assert (figures["issue"], figures["with other bridges"]) == (1_000, left)
    assert figures["home holders"] == 900 - pool - went_out
    assert figures["remote holders"] == 68 + landed
    wrong = () if left >= 0 else (f"home: with other bridges: {left}, at least 0 expected",)
    assert tuple(map(str, found["INV-1"].breaks)) == wrong
    assert found["INV-5"].holds


_REMOTE = "lane home-remote, remote"
_STRAY = StrayDelivery(_LANE, "remote", 9, MessageId(b"\x99" * 32), 50)

_BROKEN: list[tuple[Callable[[Observation], Observation], dict[str, tuple[str, ...]]]] = [
    (
        lambda seen: with_ledger(seen, 0, supply=1_001),
        {
            "INV-1": ("home: units in all places: 1000, 1001 expected",),
            "INV-5": (
                "home: sum of positions: 1000, 1001 expected",
                "home: issue: 1001, at most 1000 expected",
            ),
        },
    ),
    (
        lambda seen: with_ledger(seen, 0, authorised=999),
        {"INV-5": ("home: issue: 1000, at most 999 expected",)},
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
        {"INV-1": ("home: units in all places: 1010, 1000 expected",)},
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
        {"INV-5": ("remote: balance of c: -1, at least 0 expected",)},
    ),
    (
        lambda seen: with_side(seen, "home", outstanding=99, custody_balance=99),
        {"INV-2": ("lane home-remote, home: outstanding: 99, 100 expected",)},
    ),
    (
        lambda seen: with_side(seen, "home", custody_balance=90),
        {"INV-2": ("lane home-remote, home: in custody: 90, 100 expected",)},
    ),
    (
        lambda seen: with_side(seen, "remote", outstanding=110),
        {"INV-2": ("lane home-remote, remote: outstanding: 110, 75 expected",)},
    ),
    (
        lambda seen: with_side(seen, "remote", custody_balance=8),
        {"INV-2": ("lane home-remote, remote: in custody: 8, 7 expected",)},
    ),
    (
        lambda seen: with_message(seen, 4, amount=131),
        {
            "INV-2": (
                "lane home-remote, home: released: 131, at most 130 expected",
                "lane home-remote, home: outstanding: 100, -1 expected",
                "lane home-remote, remote: outstanding: 75, -26 expected",
            )
        },
    ),
    (
        lambda seen: with_message(seen, 0, deliveries=2),
        {
            "INV-2": (
                "lane home-remote, remote: issued and not burned: 175, at most 100 expected",
                "lane home-remote, remote: outstanding: 75, 175 expected",
            ),
            "INV-3": (f"{_REMOTE}: deliveries of message 0 from home: 2, at most 1 expected",),
        },
    ),
    (
        lambda seen: with_message(seen, 2, arrived=True),
        {"INV-3": (f"{_REMOTE}: arrival bit of message 2 from home: 1, 0 expected",)},
    ),
    (
        lambda seen: with_message(seen, 0, arrived=False),
        {"INV-3": (f"{_REMOTE}: arrival bit of message 0 from home: 0, 1 expected",)},
    ),
    (
        lambda seen: with_message(seen, 3, claims=2),
        {
            "INV-3": (
                f"{_REMOTE}: claims and returns of message 3 from home: 2, at most 1 expected",
            )
        },
    ),
    (
        # Message 3 was claimed already.
        lambda seen: with_message(seen, 3, returns=1),
        {
            "INV-3": (
                f"{_REMOTE}: claims and returns of message 3 from home: 2, at most 1 expected",
            )
        },
    ),
    (
        lambda seen: with_message(seen, 0, claims=1),
        {
            "INV-3": (
                (
                    f"{_REMOTE}: claims and returns of message 0 from home, never in suspense: "
                    "1, 0 expected"
                ),
            )
        },
    ),
    (
        lambda seen: with_message(seen, 1, suspended=6),
        {
            "INV-3": (
                f"{_REMOTE}: suspense of message 1 from home: 6, 7 expected",
                f"{_REMOTE}: suspense: 7, 6 expected",
            )
        },
    ),
    (
        lambda seen: with_message(seen, 2, recorded=False),
        {"INV-4": ("lane home-remote, home: message 2 as its escrow keeps it: 0, 1 expected",)},
    ),
    (
        lambda seen: replace(seen, strays=(_STRAY,)),
        {
            "INV-2": (
                "lane home-remote, remote: issued and not burned: 125, at most 100 expected",
                "lane home-remote, remote: outstanding: 75, 125 expected",
            ),
            "INV-4": (f"{_REMOTE}: delivered without a source, nonce 9: 50, 0 expected",),
        },
    ),
]


@pytest.mark.requirement("INV-1", "INV-2", "INV-3", "INV-4", "INV-5")
@pytest.mark.parametrize(("breaking", "expected"), _BROKEN)
def test_broken_observation_is_noticed(
    breaking: Callable[[Observation], Observation], expected: dict[str, tuple[str, ...]]
) -> None:
    found = verdicts(breaking(sound()))
    broken = {name: v.breaks for name, v in found.items() if not v.holds}
    assert {name: tuple(map(str, breaks)) for name, breaks in broken.items()} == expected


@pytest.mark.requirement("INV-1", "INV-2", "INV-3", "INV-4", "INV-5")
def test_what_was_not_seen_is_incomplete_and_breaks_nothing() -> None:
    """A lane of which a log is cut, a ledger of which accounts are missing: nobody judges by it."""
    cut = replace(with_message(sound(), 2, arrived=True), strays=(_STRAY,))
    cut = with_ledger(cut, 1, positions=())
    assert {v.word for v in verdicts(cut).values()} == {"BROKEN"}
    unseen = (Unseen("remote", "home-remote", "cut"), Unseen("remote", "", "cut"))
    found = verdicts(replace(cut, unseen=unseen))
    assert {v.word for v in found.values()} == {"incomplete"}
    assert not any(v.holds for v in found.values())
    assert {name: v.unseen for name, v in found.items()} == {
        "INV-1": unseen,
        **dict.fromkeys(("INV-2", "INV-3", "INV-4"), unseen[:1]),
        "INV-5": unseen[1:],
    }
    # What was seen all the same is judged: more on accounts than there is, another ledger.
    more = with_ledger(replace(sound(), unseen=unseen), 1, supply=74)
    assert verdicts(more)["INV-5"].word == "BROKEN"
    assert verdicts(with_ledger(more, 0, supply=999))["INV-5"].breaks[0].ledger == "home"


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
def test_status_of_a_network(network: Network) -> None:
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
        "with other bridges": 0,
    }
    places = {(m.source, m.nonce): m.place for m in found.observation.messages}
    assert places == {
        ("home", 0): "delivered",
        ("home", 1): "suspense",
        ("home", 2): "in transit",
        ("remote", 0): "in transit",
    }
    in_transit = next(m for m in found.observation.messages if m.id == three.id)
    assert in_transit.age == remote.chain.block().timestamp - three.lock_time
    custody = next(p for p in found.observation.ledger("home").positions if p.link)
    assert (custody.name, custody.balance) == ("custody of home-remote", 149)
    releases = {r.contract: (r.version, r.sound) for r in found.observation.ledgers[0].releases}
    assert releases == dict.fromkeys(
        ("InstrumentRegistry", "SecurityToken", "BridgeEscrow", "ActionsEngine"), ("1.0.0", True)
    )
    # The same without a manifest, and as JSON.
    assert network.status().verdicts == found.verdicts
    data = json.loads(json.dumps(found.as_dict()))
    assert data["ok"]
    assert data["invariants"][0]["figures"]["issue"] == "1500000000"


@pytest.mark.requirement("R-69")
def test_whom_a_lane_trusts_is_shown_epoch_by_epoch(network: Network) -> None:
    remote = network.remote
    members = [network.home.chain.account(index).address for index in (201, 202, 203)]
    rotated = network.rotate(remote, SignerSet.of(2, 2, members))
    ends, begins = rotated.one("EpochEnds"), rotated.one("EpochBegins")
    (first,) = remote.verifiers.values()
    opened = remote.escrow.epoch_at(network.lane, 1).valid_from
    status = network.status()
    (lane,) = status.as_dict()["lanes"]
    assert lane["remote"]["epochs"] == [
        {
            "epoch": 1,
            "verifier": first.address,
            "second": None,
            "valid_from": opened,
            "valid_until": ends.valid_until,
        },
        {
            "epoch": 2,
            "verifier": begins.verifier,
            "second": None,
            "valid_from": begins.valid_from,
            "valid_until": None,
        },
    ]
    assert [epoch["epoch"] for epoch in lane["home"]["epochs"]] == [1]
    lines = shown(network)
    until = time_text(ends.valid_until)
    short = f"{hex_text(network.lane)[:10]}…"
    assert f"{short} remote 1 {first.address} {time_text(opened)} {until}" in lines
    assert f"{short} remote 2 {begins.verifier} {time_text(begins.valid_from)}" in lines


@pytest.mark.parametrize("piece", ["implementation", "CONTROLS", "SETTINGS"])
def test_code_that_is_not_as_registered_is_shown(network: Network, piece: str) -> None:
    token, authority, chain = network.home.token, network.home.authority, network.home.chain
    release = authority.release_of(authority.installation_of(token).release)
    where = release.implementation if piece == "implementation" else getattr(token, piece)()
    chain.set_code(where, chain.code(where) + b"\0")
    releases = {r.contract: r.sound for r in network.status().observation.ledger("home").releases}
    assert [contract for contract, sound in releases.items() if not sound] == ["SecurityToken"]


@pytest.mark.requirement("R-60")
def test_an_emergency_is_named_until_it_is_ratified(network: Network) -> None:
    version, authority, registry = Version(1, 1, 0), network.home.authority, network.home.registry
    assert "EMERGENCY" not in shown(network)
    emergencies.hurry(network, "home", version)
    ends = int(authority.emergency_of(registry).ratify_before)
    line = "EMERGENCY home: InstrumentRegistry 1.1.0 runs in one; to be ratified before "
    assert f"\n{line}{time_text(ends)}, then undone by anyone\n" in shown(network)
    ledgers = network.status().as_dict()["ledgers"]
    told = [{r["contract"]: r["ratify_before"] for r in each["releases"]} for each in ledgers]
    assert [each["InstrumentRegistry"] for each in told] == [ends, None]
    assert told[0]["SecurityToken"] is None
    emergencies.propose_ratification(network, "home", version)
    emergencies.ratify(network, "home", version)
    assert "EMERGENCY" not in shown(network)


@pytest.mark.requirement("R-60")
def test_other_reasons_to_roll_back_alone_are_named(network: Network) -> None:
    authority, (one, other) = network.home.authority, network.administrators("home")
    assert "rolls back alone" not in shown(network)
    for registered, told in ((True, ["FALT", "MALF"]), (False, ["FALT"])):
        change = (b"MALF", registered, *STATED)
        authority.propose_roll_back_reason(*change, sender=one)
        authority.set_roll_back_reason(*change, sender=other)
        ledgers = network.status().as_dict()["ledgers"]
        assert [each["rolled_back_alone_for"] for each in ledgers] == [told, ["FALT"]]
        line = "\nhome: the guardian rolls back alone for MALF, too\n"
        assert (line in shown(network)) is registered


@pytest.mark.requirement("R-60", "R-64")
def test_what_is_to_come_is_told_with_who_can_still_object(network: Network) -> None:
    side = network.home
    (one, other), signers = network.administrators("home"), network.signers("home")
    assert "\nTo come: nothing\n" in shown(network)
    assert network.status().as_dict()["pending"] == []
    emergencies.notice(network, "home", Version(1, 1, 0))
    ((everybody, nobody),) = (
        (each["missing"], each["approved_by"]) for each in network.status().as_dict()["pending"]
    )
    assert {"issuer", "auditor"} <= {*everybody}
    assert nobody == []
    upgrades.approve(side, emergencies.NAME, Version(1, 1, 0), sender=signers["auditor"])
    stranger = side.chain.account(90).address
    proposed = side.token.propose_role(stranger, Role.NOTARY, *STATED, sender=one)
    act = hex_text(proposed.return_value)
    side.escrow.propose_role(signers["operator"].address, Role.NONE, *STATED, sender=other)
    noticed = int(side.authority.notice_of(side.registry).noticed_at)
    release, role, removal = network.status().as_dict()["pending"]
    assert release == {
        "ledger": "home",
        "kind": "release",
        "contract": "InstrumentRegistry",
        "address": side.registry.address,
        "what": "release 1.1.0",
        "since": noticed,
        "approved_by": ["auditor"],
        "missing": [role for role in everybody if role != "auditor"],
        "applies_from": noticed + int(side.authority.NOTICE()),
        "lapses_at": noticed + int(side.authority.NOTICE() + side.authority.ACTIVATION_WINDOW()),
        "object_until": noticed + int(side.authority.NOTICE()),
        "objectors": ["guardian", "upgrader"],
        "how": f"tallystick act home ReleaseAuthority.cancel proxy={side.registry.address}",
    }
    assert (role["what"], role["missing"]) == (
        f"RoleProposed: account {stranger}, role notary",
        ["administrator"],
    )
    assert role["applies_from"] - role["since"] == DAY
    assert role["lapses_at"] - role["applies_from"] == 30 * DAY
    assert (role["objectors"], role["how"]) == (
        ["guardian", "administrator"],
        f"tallystick act home SecurityToken.withdraw_proposal act={act}",
    )
    assert (removal["applies_from"], removal["objectors"]) == (removal["since"], [])
    assert removal["object_until"] is removal["how"] is None
    # What the page shows, but for moments and addresses.
    page = (ROOT / "docs" / "verify.md").read_text(encoding="utf-8")
    assert f"```\n{_plain(_part(network, 'To come'))}```\n" in page
    side.authority.cancel(side.registry, *STATED, sender=signers["guardian"])
    side.escrow.assign_role(signers["operator"].address, 0, *STATED, sender=one)
    assert network.status().as_dict()["pending"] == [role]


@pytest.mark.requirement("INV-9")
def test_what_died_with_its_proposers_role_is_not_to_come(network: Network) -> None:
    side, (one, other) = network.home, network.administrators("home")
    stranger = side.chain.account(90).address
    side.token.propose_role(stranger, Role.NOTARY, *STATED, sender=one)
    # Proposed again it counts anew, once.
    side.token.propose_role(stranger, Role.NOTARY, *STATED, sender=one)
    assert len(network.status().as_dict()["pending"]) == 1
    third = side.chain.account(91).address
    for account, role, by, confirms in (
        (third, Role.ADMINISTRATOR, one, other),
        (one.address, Role.NONE, other, third),
        (one.address, Role.ADMINISTRATOR, other, third),
    ):
        side.token.propose_role(account, role, *STATED, sender=by)
        side.chain.advance(DAY)
        side.token.assign_role(account, role, *STATED, sender=confirms)
    side.chain.mine()
    assert side.token.role_of(one.address) == Role.ADMINISTRATOR
    assert network.status().as_dict()["pending"] == []


def test_whom_only_the_guardian_can_confirm_any_more_is_told(network: Network) -> None:
    side, (one, _) = network.home, network.administrators("home")
    stranger = side.chain.account(90).address
    side.token.propose_role(stranger, Role.ADMINISTRATOR, *STATED, sender=one)
    (first,) = network.status().as_dict()["pending"]
    side.chain.set_time(first["lapses_at"])
    side.chain.mine()
    (then,) = network.status().as_dict()["pending"]
    assert (first["missing"], then["missing"]) == (["administrator"], ["guardian"])
    assert (then["applies_from"], then["lapses_at"]) == (
        first["lapses_at"],
        first["lapses_at"] + 30 * DAY,
    )
    side.token.assign_role(
        stranger, Role.ADMINISTRATOR, *STATED, sender=network.signers("home")["guardian"]
    )
    assert network.status().as_dict()["pending"] == []


@pytest.mark.parametrize("act", OBJECTORS)
def test_who_is_said_to_object_may(act: str) -> None:
    contract, function = act.split(".")
    assert {role for each in acts_of(contract)[function] for role in each.roles} == {
        *OBJECTORS[act]
    }


def _part(network: Network, title: str) -> str:
    """Of what the command prints, what stands under a title."""
    text = io.StringIO()
    render(network.status(), Console(file=text, width=160, color_system=None))
    return f"{title}\n" + text.getvalue().partition(f"\n{title}\n")[2].partition("\n\n")[0] + "\n"


def _plain(text: str) -> str:
    """Text without what another run says otherwise."""
    moments = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "(time)", text)
    hashes = re.sub(r"0x[0-9a-f]{64}", "(hash)", moments)
    return re.sub(r"0x[0-9a-fA-F]{40}", "(address)", hashes)


def shown(network: Network) -> str:
    """What the command prints, each run of blanks as one."""
    text = io.StringIO()
    render(network.status(), Console(file=text, width=160, color_system=None))
    return "\n".join(" ".join(line.split()) for line in text.getvalue().splitlines())


def test_status_is_readable_in_eighty_columns(network: Network) -> None:
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


def without(logs: Callable[[RawLog], bool], network: Network, ledger: str) -> Connection:
    """The network whose node on one ledger leaves out logs."""
    chain: Any = network.chains[ledger]

    class Cut(type(chain)):  # type: ignore[misc]
        def raw_logs(self, *where: Any, **what: Any) -> tuple[RawLog, ...]:
            return tuple(log for log in super().raw_logs(*where, **what) if not logs(log))

    blind = copy.copy(chain)
    blind.__class__ = Cut
    return replace(connected(network), chains={**network.chains, ledger: blind}, _artifacts={})


@pytest.mark.requirement("INV-1")
@pytest.mark.parametrize(
    ("event", "ledger", "why"),
    [
        ("MessageSent", "home", "logs tell 0 of the 1 messages sent"),
        ("MessageDelivered", "remote", "no log tells 1 of the deliveries from home"),
        ("Transfer", "home", "logs tell 0 of 1500000000 units issued"),
    ],
)
def test_logs_that_are_cut_are_said_to_be_and_break_nothing(
    network: Network, event: str, ledger: str, why: str
) -> None:
    message = network.lock(network.holder("home", 0), network.holder("remote", 0), 100)
    network.remote.chain.set_time(network.home.chain.now + 5)
    network.deliver(message)
    suite = network.suite(ledger)
    contract = suite.token if event == "Transfer" else suite.escrow
    topic = contract.interface.events_by_name[event][0].topic
    found = status_of(without(lambda log: log.topics[0] == topic, network, ledger))
    assert not found.ok
    assert [(each.ledger, each.why) for each in found.observation.unseen] == [(ledger, why)]
    assert {verdict.word for verdict in found.verdicts} == {"holds", "incomplete"}
    assert found.verdict("INV-1").word == "incomplete"
    assert found.as_dict()["incomplete"][0]["why"] == why
    assert network.status().ok


@pytest.mark.requirement("INV-1", "INV-5")
def test_one_transfer_cut_from_the_middle_is_missed_and_breaks_nothing(network: Network) -> None:
    """Who has units that no log shows it got is on nobody's list: the supply tells of them."""
    token, (first, new) = network.home.token, (network.holder("home", n) for n in (0, 6))
    network.admit(network.home, new, 40_000)
    cut = token.transfer(new, 700, sender=first).block_number
    token.transfer(network.holder("home", 1), 5, sender=first)
    assert network.status().ok
    topic = token.interface.events_by_name["Transfer"][0].topic
    found = status_of(
        without(lambda log: log.topics[0] == topic and log.block_number == cut, network, "home")
    )
    why = "accounts that logs name hold 1499999300 of 1500000000 units"
    assert found.observation.unseen == (Unseen("home", "", why),)
    words = {verdict.invariant: verdict.word for verdict in found.verdicts}
    whole = dict.fromkeys(("INV-2", "INV-3", "INV-4"), "holds")
    assert words == {"INV-1": "incomplete", "INV-5": "incomplete", **whole}


@pytest.mark.requirement("INV-3")
def test_a_claim_that_is_cut_from_the_logs_is_missed_and_breaks_nothing(network: Network) -> None:
    stranger = network.holder("remote", 7)
    message = network.lock(network.holder("home", 0), stranger, 100)
    network.remote.chain.set_time(network.home.chain.now + 5)
    network.deliver(message)
    network.admit(network.remote, stranger, 40_000)
    network.claim(message)
    assert network.status().ok
    topic = network.remote.escrow.interface.events_by_name["SuspenseClaimed"][0].topic
    found = status_of(without(lambda log: log.topics[0] == topic, network, "remote"))
    why = "no log tells 1 of the claims of what came from home"
    assert found.observation.unseen == (Unseen("remote", "home-remote", why),)
    assert {verdict.word for verdict in found.verdicts} == {"holds", "incomplete"}
    assert found.verdict("INV-3").word == "incomplete"


def test_a_ledger_that_does_not_answer_is_a_row(network: Network) -> None:
    network.lock(network.holder("home", 0), network.holder("remote", 0), 100)

    class Silent(dict[str, Chain]):
        def __missing__(self, name: str) -> Chain:
            raise ChainError("no node answers")

    silent = Silent(home=network.chains["home"])
    found = status_of(replace(connected(network), chains=silent))
    assert not found.ok
    words = {verdict.invariant: verdict.word for verdict in found.verdicts}
    assert words == dict.fromkeys(words, "incomplete")
    assert [ledger.name for ledger in found.observation.ledgers] == ["home"]
    text = io.StringIO()
    render(found, Console(file=text, width=200, color_system=None))
    (row,) = [line for line in text.getvalue().splitlines() if "not seen: no node answers" in line]
    assert row.split()[0] == "remote"
    assert "BROKEN" not in text.getvalue()


@pytest.mark.requirement("INV-1", "INV-5")
def test_units_out_of_nothing_break_the_status(network: Network) -> None:
    token, holder = network.home.token, network.holder("home", 0).address
    slot = _slot(token, holder, "book._positions")
    chain: Chain = network.home.chain
    word = int.from_bytes(chain.storage(token.address, slot), "big")
    assert word % 2**104 == 10**9
    chain.set_storage(token.address, slot, word + 1)
    found = network.status()
    assert {v.invariant for v in found.verdicts if not v.holds} == {"INV-1", "INV-5"}
    assert found.verdict("INV-1").breaks == (
        Break("home", "", "units in all places", 1_500_000_001, 1_500_000_000),
    )


@pytest.mark.requirement("INV-4")
def test_forged_delivery_breaks_the_status(network: Network) -> None:
    """Two attestors sign what never left home: the lane of the remote ledger takes it."""
    message = network.lock(network.holder("home", 0), network.holder("remote", 0), 100)
    network.remote.chain.set_time(network.home.chain.now + 5)
    network.deliver(replace(message, nonce=7, amount=900))
    found = network.status()
    assert {v.invariant for v in found.verdicts if not v.holds} == {"INV-1", "INV-2", "INV-4"}
    assert found.verdict("INV-4").breaks == (
        Break("remote", "home-remote", "delivered without a source, nonce 7", 900, 0),
    )


@pytest.mark.anvil_only
def test_a_dead_node_leaves_the_other_ledgers_to_be_seen(network: Network) -> None:
    manifest = network.manifest
    home, remote = manifest.ledgers
    dead = remote.model_copy(update={"rpc": "http://127.0.0.1:9"})
    half = manifest.model_copy(update={"ledgers": (home, dead)})
    with pytest.raises(InputError, match="expected a node that answers"):
        connect(half)
    connection = connect(half, some=True)
    found = status_of(connection)
    connection.close()
    assert [each.ledger for each in found.observation.missing] == ["remote"]
    assert found.observation.ledger("home").supply == 1_500_000_000
    assert {verdict.word for verdict in found.verdicts} == {"incomplete"}
