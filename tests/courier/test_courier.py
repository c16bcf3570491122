"""The courier: what it decides, what it carries, and what it never signs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.bridge.attestation import SignerSet
from tallystick.bridge.carrying import Act, Decision
from tallystick.bridge.message import Kind, LaneMessage, party
from tallystick.chain.abi import encode, keccak
from tallystick.chain.account import derive_account
from tallystick.chain.contract import Method
from tallystick.chain.rpc import RpcChain
from tallystick.cli.courier import couriers
from tallystick.cli.courier import run as run_courier
from tallystick.courier.courier import Courier
from tallystick.courier.decision import Sighting, decide
from tallystick.courier.outcome import Applied, Outcome
from tallystick.errors import InputError
from tallystick.events.driver import Driver
from tallystick.files.scalars import Finality
from tallystick.governance.roles import reason_code
from tallystick.local.network import ROLE_INDEX, Network
from tallystick.reach.connection import Connection, connection_of
from tallystick.reach.finality import final_block
from tallystick.reach.sending import Sending
from tallystick.text import time_text
from tallystick.token.position import close_of, date_of
from tests.support.actions import APPLE
from tests.support.commands import connected

_LANE = b"\x1a" * 32
_ESCROW = "0x" + "Ee" * 20

_MESSAGE = LaneMessage(
    codec=2,
    kind=int(Kind.ISSUE),
    lane=_LANE,
    nonce=4,
    lock_time=1_000,
    action_epoch=0,
    amount=77,
    sender=party("0x" + "aa" * 20),
    recipient=party("0x" + "bb" * 20),
    deadline=9_000,
)
GOOD = Sighting(
    message=_MESSAGE,
    logged_id=_MESSAGE.id,
    emitter=_ESCROW,
    escrow=_ESCROW,
    lane=_LANE,
    kind=int(Kind.ISSUE),
    block=10,
    final=10,
    canonical=True,
    kept=True,
    arrived=False,
    suspended=0,
    receivable=False,
    clock=1_000,
)

_QUEUED = {"arrived": True, "suspended": 77, "receivable": True}
_DECISIONS: list[tuple[dict[str, Any], Decision]] = [
    ({}, Decision(Act.DELIVER)),
    ({"block": 11}, Decision(Act.WAIT, "its log is not final yet")),
    ({"canonical": False}, Decision(Act.WAIT, "its log is not final yet")),
    (
        {"clock": 997},
        Decision(Act.WAIT, "the destination's clock is 3 s behind its lock time"),
    ),
    ({"paused": "the token is paused"}, Decision(Act.WAIT, "the token is paused")),
    (
        {"emitter": "0x" + "Dd" * 20},
        Decision(Act.REFUSE, "logged by another contract than the lane's escrow"),
    ),
    ({"lane": b"\x2b" * 32}, Decision(Act.REFUSE, "names another lane")),
    ({"kind": 2}, Decision(Act.REFUSE, "goes in the other direction")),
    ({"logged_id": bytes(32)}, Decision(Act.REFUSE, "the log's id is not the message's")),
    (
        {"kept": False},
        Decision(Act.REFUSE, "its source escrow keeps other messages on its page"),
    ),
    ({"kept": None}, Decision(Act.WAIT, "logs of its page of the outbox are missing")),
    ({"arrived": True}, Decision(Act.DONE)),
    (
        {"arrived": True, "suspended": 77},
        Decision(Act.WAIT, "in suspense: its recipient can't receive yet"),
    ),
    ({"arrived": True, "suspended": 77, "receivable": True}, Decision(Act.CLAIM)),
    # Past its deadline: taken in all the same, and from there sent back.
    ({"clock": 9_000}, Decision(Act.DELIVER)),
    ({"arrived": True, "suspended": 77, "clock": 9_000}, Decision(Act.RETURN)),
    (
        {"arrived": True, "suspended": 77, "receivable": True, "clock": 9_000},
        Decision(Act.RETURN),
    ),
    (
        {"arrived": True, "suspended": 77, "receivable": True, "clock": 8_999},
        Decision(Act.CLAIM),
    ),
    (
        {"arrived": True, "suspended": 77, "receivable": True, "queued_until": 1_001},
        Decision(Act.WAIT, "in suspense: it waits for its lane's limit until 1970-01-01 00:16:41"),
    ),
    (
        {"arrived": True, "suspended": 77, "receivable": True, "queued_until": 1_000},
        Decision(Act.CLAIM),
    ),
    (
        {**_QUEUED, "queued_until": 1_000, "paused": "inbound is paused on the lane"},
        Decision(
            Act.WAIT,
            "in suspense: it waits for its lane's limit, and inbound is paused on the lane",
        ),
    ),
    ({**_QUEUED, "paused": "inbound is paused on the lane"}, Decision(Act.CLAIM)),
]


@pytest.mark.requirement("INV-3", "INV-4")
@pytest.mark.parametrize(("changes", "expected"), _DECISIONS)
def test_decision(changes: dict[str, Any], expected: Decision) -> None:
    assert decide(replace(GOOD, **changes)) == expected


@pytest.mark.parametrize("changes", [{"codec": 1}, {"kind": int(Kind.RETURNED_ISSUE)}])
def test_what_never_goes_back_is_claimed_whenever(changes: dict[str, Any]) -> None:
    message = replace(_MESSAGE, **changes)
    seen = replace(GOOD, message=message, logged_id=message.id, arrived=True, suspended=77)
    assert decide(replace(seen, receivable=True, clock=2**40)) == Decision(Act.CLAIM)


def test_another_codec_is_refused() -> None:
    message = replace(_MESSAGE, codec=3)
    seen = replace(GOOD, message=message, logged_id=message.id)
    assert decide(seen) == Decision(Act.REFUSE, "codec 3 is unknown here")


@pytest.mark.requirement("INV-4")
@given(
    st.fixed_dictionaries(
        {
            "block": st.integers(0, 20),
            "final": st.integers(0, 20),
            "canonical": st.booleans(),
            "kept": st.sampled_from([True, False, None]),
            "logged_id": st.sampled_from([_MESSAGE.id, b"\1" * 32]),
            "emitter": st.sampled_from([_ESCROW, "0x" + "Dd" * 20]),
            "clock": st.integers(990, 1010),
            "arrived": st.booleans(),
            "suspended": st.sampled_from([0, 77]),
            "receivable": st.booleans(),
        }
    )
)
def test_it_delivers_only_what_its_source_proves(changes: dict[str, Any]) -> None:
    seen = replace(GOOD, **changes)
    if decide(seen).act is Act.DELIVER:
        assert seen.block <= seen.final
        assert seen.canonical
        assert seen.kept
        assert seen.logged_id == seen.message.id
        assert seen.emitter == seen.escrow
        assert seen.clock >= seen.message.lock_time
        assert not seen.arrived


# --- on ledgers --------------------------------------------------------------------------------


def lock(network: Network, amount: int, recipient: Any = None) -> LaneMessage:
    to = network.holder("remote", 0) if recipient is None else recipient
    return network.lock(network.holder("home", 0), to, amount)


def let_pass(network: Network) -> None:
    """Blocks to finality on both ledgers, clocks in agreement."""
    latest = max(chain.now for chain in network.chains.values()) + 1
    for chain in network.chains.values():
        chain.set_time(latest)
        chain.mine(3)


def said(outcomes: tuple[Any, ...]) -> list[tuple[str, str, int, str]]:
    """What became of each message, and which directions halt, under -1."""
    return [(o.what, o.source, getattr(o, "nonce", -1), o.detail) for o in outcomes]


@pytest.mark.requirement("INV-3")
def test_it_carries_both_ways_and_again_changes_nothing(network: Network) -> None:
    carrier = Courier(connected(network))
    assert set(carrier.attestors) == {account.address for account in network.attestors}
    lock(network, 100)
    lock(network, 50)
    let_pass(network)
    assert said(carrier.step()) == [("delivered", "home", 0, ""), ("delivered", "home", 1, "")]
    assert network.remote.token.balanceOf(network.holder("remote", 0)) == 150
    assert carrier.step() == ()
    network.burn(network.holder("remote", 0), network.holder("home", 1).address, 30)
    let_pass(network)
    assert said(carrier.step()) == [("delivered", "remote", 0, "")]
    # Another one, which knows nothing, finds nothing to do.
    numbers = [chain.block_number for chain in network.chains.values()]
    assert Courier(connected(network)).step() == ()
    assert numbers == [chain.block_number for chain in network.chains.values()]
    assert network.status().ok


def test_it_waits_for_finality_and_for_the_clock(network: Network) -> None:
    carrier = Courier(connected(network))
    home, remote = network.home.chain, network.remote.chain
    home.set_time(remote.now + 500)
    message = lock(network, 100)
    assert carrier.step() == ()
    home.mine(1)
    assert carrier.step() == ()
    home.mine(1)
    late = message.lock_time - remote.now
    assert said(carrier.step()) == [
        ("waiting", "home", 0, f"the destination's clock is {late} s behind its lock time")
    ]
    remote.set_time(message.lock_time)
    assert said(carrier.step()) == [("delivered", "home", 0, "")]


@pytest.mark.requirement("INV-3", "R-24")
def test_what_is_past_its_deadline_is_taken_back_to_its_sender(network: Network) -> None:
    carrier = Courier(connected(network))
    home, remote = network.home, network.remote
    sender, recipient = network.holder("home", 0), network.holder("remote", 0)
    before = home.token.balanceOf(sender)
    message = network.lock(sender, recipient, 100, deadline=home.chain.now + 600)
    let_pass(network)
    remote.chain.set_time(message.deadline)
    home.chain.set_time(remote.chain.now)
    assert said(carrier.step()) == [("suspended", "home", 0, "its deadline has passed")]
    let_pass(network)
    assert said(carrier.step()) == [("returned", "home", 0, "")]
    assert home.token.balanceOf(sender) == before - 100
    let_pass(network)
    home.chain.set_time(remote.chain.now)
    assert said(carrier.step()) == [("delivered", "remote", 0, "")]
    assert home.token.balanceOf(sender) == before
    assert remote.token.balanceOf(recipient) == 0
    let_pass(network)
    assert carrier.step() == ()


@pytest.mark.requirement("INV-3")
def test_suspense_is_claimed_as_soon_as_it_can_be(network: Network) -> None:
    carrier = Courier(connected(network))
    stranger = network.holder("remote", 5)
    lock(network, 100, stranger)
    let_pass(network)
    assert said(carrier.step()) == [("suspended", "home", 0, "its recipient can't receive")]
    let_pass(network)
    waiting = [("waiting", "home", 0, "in suspense: its recipient can't receive yet")]
    assert said(carrier.step()) == waiting
    # A courier that starts now finds it, too.
    carrier = Courier(connected(network))
    assert said(carrier.step()) == waiting
    network.admit(network.remote, stranger, 40_000)
    assert said(carrier.step()) == [("claimed", "home", 0, "")]
    assert network.remote.token.balanceOf(stranger) == 100
    let_pass(network)
    assert carrier.step() == ()


@pytest.mark.requirement("INV-11")
def test_what_is_over_the_limit_is_claimed_once_its_time_has_come(network: Network) -> None:
    """What it waits for is said; who starts anew finds it, and who has no limit asks for none."""
    remote = network.remote
    _limited(network, 1)
    carrier, guest = Courier(connected(network)), network.holder("remote", 0)
    lock(network, 2_500_000, guest)
    let_pass(network)
    (suspended,) = carrier.step()
    assert said([suspended]) == [("suspended", "home", 0, "over its lane's limit")]
    queued = remote.escrow.events()[-1]
    assert queued.name == "UnitsQueued"
    until = int(queued.args["until"])
    let_pass(network)
    why = f"in suspense: it waits for its lane's limit until {time_text(until)}"
    for each in (carrier, Courier(connected(network))):
        assert said(each.step()) == [("waiting", "home", 0, why)]
    (message,) = network.status().as_dict()["messages"]
    assert (message["place"], message["queued_until"]) == ("suspense", until)
    remote.chain.set_time(until)
    network.home.chain.set_time(until)
    let_pass(network)
    assert said(carrier.step()) == [("claimed", "home", 0, "")]
    assert remote.token.balanceOf(guest) == 2_500_000
    let_pass(network)
    assert carrier.step() == ()


def _limited(network: Network, limit: int) -> None:
    """The remote ledger's end of the lane gets a limit, in whole units."""
    remote, why = network.remote, (reason_code("RISK"), b"\1" * 32)
    now = remote.escrow.lane_state(network.lane).terms
    terms = (network.lane, now.verifier, now.second, now.cap, limit, *why)
    remote.escrow.propose_lane_terms(*terms, sender=network.party("remote", "operator"))
    administrator = network.administrators("remote")[0]
    remote.escrow.confirm_lane_terms(*terms, sender=administrator)
    network.apply(remote)


def test_a_stop_of_the_lane_is_waited_for_and_no_pause_of_the_token(network: Network) -> None:
    carrier = Courier(connected(network))
    guardian, lifting = network.party("remote", "guardian"), network.administrators("remote")[0]
    why = (reason_code("HALT"), b"\1" * 32)
    lock(network, 100)
    let_pass(network)
    network.remote.escrow.pause_lane(network.lane, 2, *why, sender=guardian)
    assert said(carrier.step()) == [("waiting", "home", 0, "inbound is paused on the lane")]
    network.remote.escrow.unpause_lane(network.lane, 2, *why, sender=lifting)
    network.remote.chain.advance(86_400)
    network.remote.token.pause(7, *why, sender=guardian)
    assert said(carrier.step()) == [("delivered", "home", 0, "")]


def test_too_few_keys(network: Network) -> None:
    carrier = Courier(connected(network), attestors=network.attestors[:1])
    lock(network, 100)
    let_pass(network)
    needed = network.threshold
    assert said(carrier.step()) == [("waiting", "home", 0, f"1 of {needed} attestor keys are here")]


def test_rotated_attestors_sign_under_their_epoch(network: Network) -> None:
    remote = network.remote
    fresh = [remote.chain.account(30 + i) for i in range(3)]
    network.confirm(remote, SignerSet.of(2, 2, [a.address for a in fresh]))
    lock(network, 100)
    let_pass(network)
    # Confirmed, and not applied yet: the old epoch signs.
    missing = ("waiting", "home", 0, f"0 of {network.threshold} attestor keys are here")
    carrier = Courier(connected(network), attestors=fresh)
    assert said(carrier.step()) == [missing]
    due = int(remote.escrow.pending_lane_terms(network.lane).applies_from)
    remote.chain.set_time(due - 10)
    remote.chain.mine()
    assert said(carrier.step()) == [missing]
    remote.chain.set_time(due)
    remote.chain.mine()
    # It applies what is due, once, and signs for whom the lane trusts from the next step on.
    steps = [carrier.step() for _ in range(3)]
    applied = [each for step in steps for each in step if isinstance(each, Applied)]
    assert [(each.what, each.destination, each.id) for each in applied] == [
        ("applied", "remote", network.lane)
    ]
    assert remote.escrow.lane_state(network.lane).epoch == 2
    delivered = [each for step in steps for each in step if isinstance(each, Outcome)]
    assert said(tuple(delivered))[-1] == ("delivered", "home", 0, "")


def test_a_change_that_is_cancelled_is_no_trouble(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the reading and the sending: nothing is said, nothing stops."""
    remote = network.remote
    fresh = [remote.chain.account(30 + i) for i in range(3)]
    network.confirm(remote, SignerSet.of(2, 2, [a.address for a in fresh]))
    remote.chain.set_time(int(remote.escrow.pending_lane_terms(network.lane).applies_from))
    remote.chain.mine()
    carrier = Courier(connected(network))
    send = Sending.send

    def cancelled(self: Sending, about: bytes, method: Method, arguments: Any) -> Any:
        if method.name == "apply_lane_terms":
            why = (b"TEST", b"\1" * 32)
            guardian = network.party("remote", "guardian")
            remote.escrow.cancel_lane_terms(network.lane, *why, sender=guardian)
        return send(self, about, method, arguments)

    monkeypatch.setattr(Sending, "send", cancelled)
    assert carrier.step() == ()
    assert remote.escrow.lane_state(network.lane).epoch == 1


@pytest.mark.requirement("INV-4")
def test_a_message_that_its_escrow_does_not_keep_is_never_signed(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock(network, 100)
    let_pass(network)
    escrow = network.home.escrow
    layout: Any = escrow.artifact.layout["storage_layout"]
    of_lane = keccak(
        encode(["uint256", "bytes32"], [layout["transit"]["outbox"]["slot"], network.lane])
    )
    network.home.chain.set_storage(escrow.address, keccak(of_lane + bytes(32)), b"\7" * 32)
    assert escrow.outbox(network.lane, 0) == b"\7" * 32
    monkeypatch.setattr("tallystick.courier.verifiers.attest", lambda *_: pytest.fail("it signed"))
    assert said(Courier(connected(network)).step()) == [
        ("refused", "home", 0, "its source escrow keeps other messages on its page")
    ]


@pytest.mark.requirement("INV-3")
def test_two_couriers_at_once(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Courier(connected(network)), Courier(connected(network))
    lock(network, 100)
    let_pass(network)
    original = Courier._deliver

    def overtaken(self: Courier, *arguments: Any) -> Any:
        monkeypatch.setattr(Courier, "_deliver", original)
        assert said(second.step()) == [("delivered", "home", 0, "")]
        return original(self, *arguments)

    monkeypatch.setattr(Courier, "_deliver", overtaken)
    assert first.step() == ()
    assert network.remote.token.balanceOf(network.holder("remote", 0)) == 100


@pytest.mark.requirement("INV-4")
@pytest.mark.anvil_only
def test_a_reorganised_event_is_not_signed(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    carrier = Courier(connected(network))
    home: Any = network.home.chain
    home.set_time(network.remote.chain.now + 500)
    lock(network, 100)
    home.mine(2)
    ((what, _, _, _),) = said(carrier.step())
    assert what == "waiting"
    # Deeper than the rule foresaw: what was read before is gone, and is asked for again.
    home.reorg(3)
    network.remote.chain.set_time(home.now + 1_000)
    monkeypatch.setattr("tallystick.courier.verifiers.attest", lambda *_: pytest.fail("it signed"))
    assert carrier.step() == ()
    home.mine(5)
    assert carrier.step() == ()
    assert not network.remote.escrow.has_arrived(network.lane, 0)


@pytest.mark.requirement("INV-3")
@pytest.mark.anvil_only
def test_a_delivery_that_is_reorganised_away_is_repeated(network: Network) -> None:
    carrier = Courier(connected(network))
    lock(network, 100)
    let_pass(network)
    assert said(carrier.step()) == [("delivered", "home", 0, "")]
    remote: Any = network.remote.chain
    remote.reorg(1)
    assert not network.remote.escrow.has_arrived(network.lane, 0)
    assert said(carrier.step()) == [("delivered", "home", 0, "")]
    assert network.status().ok


@pytest.mark.anvil_only
def test_tags_of_the_node() -> None:
    from tallystick.chain.anvil import AnvilChain

    with AnvilChain("tags", 41_001, slots_in_an_epoch=4) as chain:
        chain.mine(20)
        assert final_block(chain, Finality(kind="depth", blocks=3)) == 17
        assert final_block(chain, Finality(kind="safe")) == 16
        assert final_block(chain, Finality(kind="finalized")) == 12


class Killed(BaseException):
    """The end of a process."""


def test_a_restart_in_the_middle_of_a_step(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be killed between any two transactions; the next one goes on."""
    for amount in (1, 2, 3):
        lock(network, amount)
    let_pass(network)
    monkeypatch.setattr("tallystick.courier.loads.together", lambda n, **_: [(each,) for each in n])
    original = Courier._deliver
    for expected in (1, 2, 3):
        sent: list[Any] = []

        def once(self: Courier, *arguments: Any, sent: list[Any] = sent) -> Any:
            if sent:
                raise Killed
            sent.append(original(self, *arguments))
            return sent[0]

        monkeypatch.setattr(Courier, "_deliver", once)
        steps = Courier(connected(network)).carry()
        assert next(steps).what == "delivered"
        if expected < 3:
            with pytest.raises(Killed):
                next(steps)
        balance = network.remote.token.balanceOf(network.holder("remote", 0))
        assert balance == sum(range(1, expected + 1))


def test_the_loop_says_each_thing_once(network: Network) -> None:
    stranger = network.holder("remote", 5)
    lock(network, 100, stranger)
    let_pass(network)
    reported: list[Outcome] = []
    rounds = iter(range(6))

    def pause() -> None:
        let_pass(network)
        if next(rounds) == 4:
            network.admit(network.remote, stranger, 40_000)

    with pytest.raises(StopIteration):
        run_courier([Courier(connected(network))], reported.append, pause)
    assert [outcome.what for outcome in reported] == ["suspended", "waiting", "claimed"]


def test_role_indices_are_those_of_the_manifest(network: Network) -> None:
    roles = connected(network).manifest.roles["remote"]
    assert {role: roles[role].index for role in ROLE_INDEX} == dict(ROLE_INDEX)
    assert Courier(connected(network)).sender("remote").address == roles["courier"].address


@pytest.mark.anvil_only
def test_units_and_what_engines_tell_are_carried_in_one_loop(network: Network) -> None:
    connection = connected(network)
    today = max(int(suite.token.business_day()) for suite in (network.home, network.remote))
    days = ("announced", "ex", "record_day", "figures_by", "payment_day", "relief_until", "expires")
    later = dict(zip(days, (0, 5, 6, 9, 9, 9, 1_105), strict=True))
    record = replace(APPLE, **{name: today + count for name, count in later.items()})
    driver, carriers = Driver(connection, record), couriers(connection)
    minute, reported = int(network.home.token.close_minute()), list[Any]()

    def carried() -> list[tuple[str, str]]:
        let_pass(network)
        reported.clear()
        assert run_courier(carriers, reported.append, pytest.fail, once=True)
        return [(outcome.what, outcome.words) for outcome in reported]

    for step in (*driver.announce(), *driver.confirm()):
        assert step.state == "executed"
    lock(network, 100)
    network.home.chain.reorg(1)
    lock(network, 77)
    assert carried() == [
        ("delivered", "nonce 0 amount 77"),
        ("taken", f"RECORD {record.coaf} version 1"),
    ]
    assert carried() == [("taken", f"ARMED {record.coaf}")]
    for chain in network.chains.values():
        chain.set_time(close_of(record.record_day, minute) + 3_600)
    assert [step.state for step in driver.figures()] == ["executed"]
    assert carried() == [("taken", f"FIGURES {date_of(record.record_day)}")]
    assert [step.state for step in driver.fix()] == ["executed", "executed"]
    assert carried() == [("taken", f"TOTALS {record.coaf}")]
    assert carried() == []


# --- who sends, and with which keys ------------------------------------------------------------


def without_courier(network: Network) -> Connection:
    manifest = network.manifest
    roles = {
        ledger: {role: entry for role, entry in roles.items() if role != "courier"}
        for ledger, roles in manifest.roles.items()
    }
    return connection_of(manifest.model_copy(update={"roles": roles}), network.chains)


def test_who_sends(network: Network) -> None:
    assert Courier(connected(network)).sender("home") == network.signers("home")["courier"]
    connection = without_courier(network)
    with pytest.raises(InputError) as caught:
        Courier(connection)
    assert str(caught.value) == (
        "manifest: roles.home.courier: nothing: expected an account, or --account with a role, an "
        "address or an ape alias"
    )
    stranger = network.holder("remote", 7)
    assert Courier(connection, account="operator").sender("remote") == network.party(
        "remote", "operator"
    )
    assert Courier(connection, account=stranger).sender("home") == stranger
    for wrong in ("0x12", "18", ""):
        with pytest.raises(InputError, match=r"^manifest: (--account|roles\.home\.courier): "):
            Courier(connection, account=wrong)
    carrier = Courier(connection, account=stranger.address)
    lock(network, 100)
    let_pass(network)
    assert said(carrier.step()) == [("delivered", "home", 0, "")]
    assert network.remote.chain.nonce(stranger) == 1


def test_everybodys_keys_are_refused_where_a_ledger_is_not_local(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connected(network)
    monkeypatch.setattr(network.remote.chain, "is_local", False)
    courier, attestor = network.signers("home")["courier"], network.attestors[0]
    own = derive_account("zoo " * 11 + "wrong", 1, 0)
    public = r"^manifest: account: {}: expected a key of its own, not the public test mnemonic's: "
    for options, refused in (
        ({}, courier),
        ({"attestors": ()}, courier),
        ({"account": "courier", "attestors": [own]}, courier),
        ({"account": courier, "attestors": [own]}, courier),
        ({"account": own}, connection.manifest.accounts("attestor")[0][1]),
        ({"account": own, "attestors": [own, attestor]}, attestor),
    ):
        with pytest.raises(InputError, match=public.format(refused.address)):
            Courier(connection, **options)
    assert Courier(connection, account=own, attestors=[own]).attestors == (own.address,)


@pytest.mark.anvil_only
def test_a_node_that_signs_for_nobody_needs_a_key(network: Network) -> None:
    chains = {
        name: RpcChain(name, chain.url, ledger_number=chain.ledger_number)
        for name, chain in network.chains.items()
    }
    connection = connection_of(without_courier(network).manifest, chains)
    address = network.holder("home", 3).address
    with pytest.raises(InputError) as caught:
        Courier(connection, account=address)
    assert str(caught.value) == (
        f"manifest: --account: {address}: expected an account that signs: its words in "
        "TALLYSTICK_MNEMONIC, or an ape alias"
    )
    for chain in chains.values():
        chain.close()
