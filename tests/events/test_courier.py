"""The courier of engines' messages: all events at once, never what is not final or kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tallystick.actions.message import EventVersion, Status
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import ledger_id
from tallystick.chain import ChainError
from tallystick.chain.embedded import EmbeddedChain
from tallystick.cli.courier import couriers
from tallystick.cli.courier import run as run_couriers
from tallystick.errors import InputError
from tallystick.events import carrying
from tallystick.events import courier as courier_module
from tallystick.events.courier import EngineCourier
from tallystick.events.decision import decide
from tallystick.events.driver import Driver
from tallystick.events.engines import Engines
from tallystick.events.owed import owed
from tallystick.events.reversing import Reverser
from tallystick.files.instrument import load_instrument
from tallystick.local.devnet import with_ledgers
from tallystick.local.network import Network
from tallystick.reach.connection import Connection
from tests.support.actions import APPLE, begin
from tests.support.commands import APPLE as APPLE_FILE
from tests.support.world import STATED, World, write_slot

# Another event of the same record day, announced at the same time.
_SECOND = replace(APPLE, corp="TALLY-2020-0811", coaf="US-2020-DVCA-02")
_NUMBER = f"RECORD {APPLE.coaf} version 1"


def _courier(world: World) -> EngineCourier:
    return EngineCourier(world.network.connection)


def _final(world: World) -> None:
    for side in (world.home, world.remote):
        side.chain.mine(3)


def _said(found: Iterator[Any]) -> list[tuple[str, str, str, str]]:
    return [(each.what, each.source, each.words, each.detail) for each in found]


def _idle(world: World, courier: EngineCourier) -> None:
    """Nothing is carried, and once that is final nothing is asked any more."""
    for _ in range(2):
        _final(world)
        assert _said(courier.carry()) == []
    assert courier._open == {}


def _announced(world: World, record: Any = APPLE) -> Driver:
    driver = Driver(world.network.connection, record)
    for step in (*driver.announce(), *driver.confirm()):
        assert step.state == "executed"
    return driver


def _taken(source: str, words: str) -> tuple[str, str, str, str]:
    return ("taken", source, words, "")


def test_it_carries_what_all_engines_tell_and_again_changes_nothing(world: World) -> None:
    courier = _courier(world)
    drivers = [_announced(world, record) for record in (APPLE, _SECOND)]
    _final(world)
    assert _said(courier.carry()) == [
        _taken("home", _NUMBER),
        _taken("home", f"RECORD {_SECOND.coaf} version 1"),
    ]
    _final(world)
    assert _said(courier.carry()) == [
        _taken("remote", f"ARMED {APPLE.coaf}"),
        _taken("remote", f"ARMED {_SECOND.coaf}"),
    ]
    for side in (world.home, world.remote):
        begin(side, APPLE.record_day + 1, 3_600)
    # Figures are of a day: both events share them.
    assert [step.state for step in drivers[0].figures()] == ["executed"]
    _final(world)
    assert _said(courier.carry()) == [_taken("remote", "FIGURES 2020-08-10")]
    for driver in drivers:
        assert [step.state for step in driver.fix()] == ["executed", "executed"]
    _final(world)
    assert _said(courier.carry()) == [
        _taken("home", f"TOTALS {APPLE.coaf}"),
        _taken("home", f"TOTALS {_SECOND.coaf}"),
    ]
    for record in (APPLE, _SECOND):
        coaf = record.as_tuple()[2]
        assert world.remote.engine.share_of(coaf, world.lane).fixed
    _final(world)
    before = world.storage()
    # Another one, which knows nothing, finds nothing to do; nor has this one anything left to ask.
    assert _said(_courier(world).carry()) == []
    _idle(world, courier)
    assert world.storage() == before


@pytest.mark.requirement("INV-4")
def test_what_is_not_final_is_not_carried(world: World) -> None:
    courier = _courier(world)
    _announced(world)
    before = world.storage()
    assert _said(courier.carry()) == []
    world.home.chain.mine(1)
    assert _said(courier.carry()) == []
    assert world.storage() == before
    world.home.chain.mine(1)
    assert _said(courier.carry()) == [_taken("home", _NUMBER)]


@pytest.mark.requirement("INV-4")
def test_what_is_reorganised_away_before_it_is_final_is_never_carried(world: World) -> None:
    courier = _courier(world)
    _announced(world)
    assert _said(courier.carry()) == []
    world.home.chain.reorg(1)
    _final(world)
    before = world.storage()
    assert _said(courier.carry()) == []
    assert world.storage() == before


@pytest.mark.requirement("INV-4")
def test_what_is_reorganised_away_after_it_was_read_is_never_signed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deeper than the rule foresaw: what was read before is gone, and is asked for again."""
    courier = _courier(world)
    _announced(world)
    _final(world)
    monkeypatch.setattr(EngineCourier, "_signed", lambda *_: (b"", "no keys yet"))
    assert _said(courier.carry()) == [("waiting", "home", _NUMBER, "no keys yet")]
    world.home.chain.reorg(5)
    monkeypatch.setattr(EngineCourier, "_signed", lambda *_: pytest.fail("it signed"))
    assert _said(courier.carry()) == []
    _final(world)
    assert _said(courier.carry()) == []


def test_what_was_taken_and_is_reorganised_away_is_taken_again(world: World) -> None:
    courier = _courier(world)
    _announced(world)
    _final(world)
    assert _said(courier.carry()) == [_taken("home", _NUMBER)]
    world.remote.chain.reorg(1)
    assert _said(courier.carry()) == [_taken("home", _NUMBER)]
    _final(world)
    assert _said(courier.carry()) == [_taken("remote", f"ARMED {APPLE.coaf}")]
    # Deeper than the rule foresaw, when it asked for it no more.
    _idle(world, courier)
    world.remote.chain.reorg(10)
    assert _said(courier.carry()) == [_taken("home", _NUMBER)]


@pytest.mark.requirement("INV-4")
def test_what_an_engine_does_not_keep_is_refused_and_ever_more_rarely_tried(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _announced(world)
    _final(world)
    (sent,) = Engines(world.network.connection).told("home", APPLE)
    write_slot(world.home.engine, 0, "dispatch", "is_told", sent.message.id)
    courier, before = _courier(world), world.storage()
    asked = []
    monkeypatch.setattr(carrying, "decide", lambda seen: asked.append(seen) or decide(seen))
    why = "its source engine does not keep that it told this"
    for _ in range(40):
        assert _said(courier.carry()) == [("refused", "home", _NUMBER, why)]
    # In steps 1, 3, 7, 15 and 31.
    assert len(asked) == 5
    assert world.storage() == before


def test_what_a_ledger_refuses_is_said_with_its_reason_and_taken_once_it_may_be(
    world: World,
) -> None:
    _announced(world)
    _final(world)
    side, chain_id = world.remote, world.home.chain.chain_id
    verifier = str(side.engine.peer_of(ledger_id(world.home.chain.caip2)).verifier)

    def believe(engine: Any) -> None:
        terms = (chain_id, engine, verifier, *STATED)
        side.engine.propose_peer(*terms, sender=side.operator)
        side.chain.advance(86_401)
        side.engine.set_peer(*terms, sender=side.administrator)

    believe(side.token)
    courier = _courier(world)
    refused = ("refused", "home", _NUMBER, "its engine there is another one")
    before = world.storage()
    assert _said(courier.carry()) == [refused]
    assert world.storage() == before
    believe(world.home.engine)
    assert _said(courier.carry()) == [refused]
    assert _said(courier.carry()) == [_taken("home", _NUMBER)]


def test_another_kind_of_record_than_we_can_read_stops_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _announced(world, _SECOND)
    _announced(world)
    _final(world)
    real = EventRecord.from_words

    def from_words(isin: str, words: Any) -> EventRecord:
        found = real(isin, words)
        if found.coaf == _SECOND.coaf:
            raise ValueError("a later release's")
        return found

    monkeypatch.setattr(EventRecord, "from_words", from_words)
    why = "home: an announced record is none that we can read"
    courier = _courier(world)
    assert _said(courier.carry()) == [("refused", "home", "RECORD", why), _taken("home", _NUMBER)]
    assert _said(courier.carry()) == []


def test_what_a_node_left_out_comes_when_the_last_blocks_are_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    courier = _courier(world)
    _announced(world)
    with monkeypatch.context() as cut:
        cut.setattr(EmbeddedChain, "raw_logs", lambda *_, **__: ())
        for _ in range(3):
            _final(world)
            assert _said(courier.carry()) == []
    assert _said(courier.carry()) == [_taken("home", _NUMBER)]
    # Read again and again, it is one message.
    _final(world)
    assert _said(courier.carry()) == [_taken("remote", f"ARMED {APPLE.coaf}")]
    _idle(world, courier)


@pytest.mark.requirement("INV-4")
def test_what_a_node_says_once_less_than_it_said_is_asked_for_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its search leaves a log out, both times that it is asked for at first."""
    courier, real, cut = _courier(world), EmbeddedChain.raw_logs, iter([False, False])
    topic = world.home.engine.interface.events_by_name["RecordSent"][0].topic

    def raw_logs(*arguments: Any, **more: Any) -> tuple[Any, ...]:
        found = real(*arguments, **more)
        return tuple(log for log in found if log.topics[0] != topic or next(cut, True))

    _announced(world)
    _final(world)
    monkeypatch.setattr(EmbeddedChain, "raw_logs", raw_logs)
    assert _said(courier.carry()) == []
    assert list(cut) == []
    assert ("taken", "home") in [each[:2] for each in _said(courier.carry())]


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("kind", ["Record", "Armed", "Totals", "Reversal"])
def test_what_storage_shows_was_told_and_no_log_does_is_asked_for_again(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """For longer than the last blocks are read again: it says what is missing until it is there."""
    source = "remote" if kind == "Armed" else "home"
    topic = world.home.engine.interface.events_by_name[f"{kind}Sent"][0].topic
    hidden, real = [True], EmbeddedChain.raw_logs

    def raw_logs(*arguments: Any, **more: Any) -> tuple[Any, ...]:
        found = real(*arguments, **more)
        return tuple(log for log in found if not hidden[0] or log.topics[0] != topic)

    monkeypatch.setattr(EmbeddedChain, "raw_logs", raw_logs)
    courier, driver = _courier(world), _announced(world)
    missing = f"{source} logged no {kind.upper()} of {APPLE.coaf}: asked for again"

    def carried() -> list[tuple[str, str, str, str]]:
        found = []
        for _ in range(3):
            _final(world)
            found = _said(courier.carry())
            if found and found[-1] == ("incomplete", source, "lane", missing):
                break
        return found

    if kind in {"Totals", "Reversal"}:
        assert carried() == []
        for side in (world.home, world.remote):
            begin(side, APPLE.record_day + 1, 3_600)
        list(driver.figures())
        assert carried() == []
        list(driver.fix())
    if kind == "Reversal":
        assert carried() == []
        for side in (world.home, world.remote):
            begin(side, APPLE.payment_day, 3_600)
        reverser = Reverser(world.network.connection, APPLE)
        steps = list(reverser.reverse(reverser.reversal("IPRI", b"\xab" * 32)))
        assert [step.state for step in steps[:2]] == ["executed", "executed"]
    assert carried()[-1] == ("incomplete", source, "lane", missing)
    for side in (world.home, world.remote):
        side.chain.mine(100)
    before = world.storage()
    assert _said(courier.carry()) == [("incomplete", source, "lane", missing)]
    assert world.storage() == before
    hidden[0] = False
    assert ("taken", source) in [each[:2] for each in _said(courier.carry())]
    for _ in range(2):
        _final(world)
        list(courier.carry())
    _idle(world, courier)


def test_events_of_which_nothing_is_heard_are_compared_in_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are: what is heard of at once, the others a few in each step."""
    records = [replace(APPLE, corp=f"T-{n}", coaf=f"US-2020-DVCA-{n:02}") for n in range(11)]
    for record in records:
        _announced(world, record)
    courier, asked = _courier(world), list[bytes]()
    monkeypatch.setattr(
        courier_module, "owed", lambda _, __, coaf: asked.append(coaf) or owed(_, __, coaf)
    )

    def step() -> set[str]:
        asked.clear()
        _final(world)
        list(courier.carry())
        assert len(set(asked)) == len(asked)
        return {coaf.rstrip(b"\0").decode() for coaf in asked}

    everything = {record.coaf for record in records}
    for _ in range(2):
        # Told, then taken and answered.
        assert step() == everything
    while step() == everything:
        pass
    turns = [step() for _ in range(3)]
    assert max(map(len, turns)) == 4
    assert set.union(*turns) == everything
    # Of one something is told: it is compared in each step, the others in turn.
    driver = Driver(world.network.connection, records[0].successor())
    for executed in (*driver.announce(), *driver.confirm()):
        assert executed.state == "executed"
    turns = [step() for _ in range(3)]
    assert all(records[0].coaf in turn and len(turn) <= 5 for turn in turns)
    assert set.union(*turns) == everything


def test_what_is_not_final_yet_is_not_called_missing(world: World) -> None:
    courier = _courier(world)
    _announced(world)
    _final(world)
    assert _said(courier.carry()) == [_taken("home", _NUMBER)]
    # Taken in the newest block, and so told there.
    assert _said(courier.carry()) == []


def test_totals_of_an_event_that_is_off_are_not_waited_for(world: World) -> None:
    driver = _announced(world)
    courier = _courier(world)
    for _ in range(2):
        _final(world)
        list(courier.carry())
    for side in (world.home, world.remote):
        begin(side, APPLE.record_day + 1, 3_600)
    list(driver.figures())
    _final(world)
    list(courier.carry())
    list(driver.fix())
    off = Driver(world.network.connection, APPLE.successor())
    assert [step.state for step in off.announce(Status.CANCELLED)] == ["executed"]
    assert [step.state for step in off.confirm()] == ["executed"]
    version = EventVersion(off.record, Status.CANCELLED)
    newest = next(t for t in off.engines.told("home", off.record) if t.told == version)
    step = off.take(newest, "remote", newest.log.block_number)
    assert step is not None
    assert step.state == "executed"
    _final(world)
    assert _said(courier.carry()) == [_taken("remote", f"ARMED {APPLE.coaf}")]
    _idle(world, courier)


def test_two_couriers_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = _courier(world), _courier(world)
    _announced(world)
    _final(world)
    original = EngineCourier._do

    def overtaken(self: EngineCourier, *arguments: Any, **more: Any) -> Any:
        monkeypatch.setattr(EngineCourier, "_do", original)
        assert _said(second.carry()) == [_taken("home", _NUMBER)]
        return original(self, *arguments, **more)

    monkeypatch.setattr(EngineCourier, "_do", overtaken)
    assert _said(first.carry()) == []


def test_a_restart_in_the_middle_of_a_step(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for record in (APPLE, _SECOND):
        _announced(world, record)
    _final(world)
    courier = _courier(world)
    read = Engines.telling

    def unreachable(*_: Any) -> Any:
        raise ChainError("killed")

    # A node that fails between what it logs and what that says loses nothing.
    monkeypatch.setattr(Engines, "telling", unreachable)
    assert _said(courier.carry()) == [
        ("stopped", source, "lane", "killed") for source in ("home", "remote")
    ]
    monkeypatch.setattr(Engines, "telling", read)
    assert next(courier.carry()).words == _NUMBER
    assert _said(_courier(world).carry()) == [_taken("home", f"RECORD {_SECOND.coaf} version 1")]


def test_a_ledger_that_is_away_keeps_nothing_from_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Home and two others; the first of them does not answer."""
    names = ("home", "remote", "remote-2")
    instrument = with_ledgers(APPLE_FILE, load_instrument(APPLE_FILE), len(names))
    chains = {
        name: EmbeddedChain(name, 41_001 + at, ledger_number=1 + at)
        for at, name in enumerate(names)
    }
    network = Network.deploy(instrument, chains)
    today = int(network.home.token.business_day())
    days = {"announced": 0, "ex": 5, "record_day": 6, "figures_by": 9}
    days |= {"payment_day": 9, "relief_until": 9, "expires": 1_105}
    record = replace(APPLE, **{name: today + count for name, count in days.items()})
    driver = Driver(network.connection, record)
    for step in (*driver.announce(), *driver.confirm()):
        assert step.state == "executed"
    for chain in chains.values():
        chain.mine(3)
    courier = EngineCourier(network.connection)
    real = Engines.engine

    def engine(self: Engines, ledger: str) -> Any:
        if ledger == "remote":
            raise ChainError("remote does not answer")
        return real(self, ledger)

    monkeypatch.setattr(Engines, "engine", engine)
    carried = courier.carry()
    taken = next(carried)
    assert (taken.what, taken.destination) == ("taken", "remote-2")
    assert [(each.what, each.source, each.destination, each.detail) for each in carried] == [
        ("stopped", *way, "remote does not answer")
        for way in (("remote", "home"), ("home", "remote"))
    ]
    monkeypatch.setattr(Engines, "engine", real)
    assert [(each.what, each.destination) for each in courier.carry()] == [("taken", "remote")]


def test_a_message_of_nobodys_keys_waits(world: World) -> None:
    _announced(world)
    _final(world)
    connection = replace(world.network.connection, mnemonic=None)
    courier = EngineCourier(connection, account=world.remote.courier)
    why = "0 of 2 message-attestor keys are here"
    assert _said(courier.carry()) == [("waiting", "home", _NUMBER, why)]


def test_one_loop_carries_units_and_what_engines_tell(world: World) -> None:
    _announced(world)
    world.locked(1_000)
    _final(world)
    found: list[Any] = []

    def pause() -> None:
        _final(world)
        if len(found) == 3:
            raise StopIteration

    with pytest.raises(StopIteration):
        run_couriers(couriers(world.network.connection), found.append, pause)
    assert [(each.what, each.words) for each in found] == [
        ("delivered", "nonce 0 amount 1000"),
        ("taken", _NUMBER),
        ("taken", f"ARMED {APPLE.coaf}"),
    ]
    taken = found[1].as_dict()
    assert (taken["kind"], taken["subject"], taken["destination"]) == (
        "RECORD",
        f"{APPLE.coaf} version 1",
        "remote",
    )
    assert taken["gas"] > 0


def test_without_engines_only_units_are_carried(world: World) -> None:
    connection = world.network.connection
    manifest = connection.manifest.model_copy(update={"actions": None})
    bare = Connection(manifest, connection.chains, connection.mnemonic)
    assert len(couriers(connection)) == 4
    assert len(couriers(bare)) == 1
    with pytest.raises(InputError, match="actions"):
        EngineCourier(bare)
