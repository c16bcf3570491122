"""Every deployable is replaced twice and rolled back while everything is open (see `under_fire`).

The ledgers go over one after the other, so that each release talks to the one before it. What is
stored is compared slot by slot around every act of a release; and all that is stored and said, at
the same moments, with the same world in which nothing was released.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest

from tallystick import build
from tallystick.actions.message import EventVersion
from tallystick.chain import Chain, Contract, Revert
from tallystick.chain.abi import CodecError, keccak
from tallystick.chain.anvil import AnvilChain
from tallystick.chain.embedded import EmbeddedChain
from tallystick.deploy import upgrade as upgrades
from tallystick.governance.release import PROXIED, addresses_behind
from tests.governance.under_fire import ANNOUNCED, LATER, OPEN, Fire
from tests.support.actions import ACCOUNTS, APPLE
from tests.support.contracts import add_contracts
from tests.support.world import ISIN, ROOT, Side, slot_of

TABLE: Final = Path("docs/under-fire.md")
IMPLEMENTATION: Final = int.from_bytes(keccak(b"eip1967.proxy.implementation"), "big") - 1
HOUR: Final = 3_600
# Between two moments at which both worlds are compared; a release of all takes four of its hours.
APART: Final = 5 * HOUR
VERSIONS: Final = {"Next": "1.1.0", "NextButOne": "1.2.0"}
ATTRIBUTES: Final = {
    "SecurityToken": "token",
    "BridgeEscrow": "escrow",
    "InstrumentRegistry": "registry",
    "ActionsEngine": "engine",
}
# What says which release runs, and where its pieces are.
OF_THE_RELEASE: Final = {"release", "CONTROLS", "SETTINGS", "RECORDS", "RATIOS", "FRACTIONS"}
# What is told of each open thing, by the table's columns: after which step.
COLUMNS: Final = {
    "before": "open",
    "1.1.0": "1.1.0 on both",
    "1.2.0": "1.2.0 on both",
    "rolled back": "rolled back",
}
# What is not used up by being used.
LASTING: Final = ["standing instruction", "event announced", "operator appointed"]
HEAD: Final = """\
# Under fire

Written by `python -m tests.governance.test_under_fire`; each run of the test of that name compares.

One deployable after the other goes from 1.0.0 to 1.1.0, to 1.2.0 and back to 1.1.0 while all that
follows is open at once, home before the other ledger each time, so that each release talks to the
one before it: after every step a message lands each way. Around every act of a release every
stored word of both ledgers is compared; only the words that a release itself writes differ
(the proxy's implementation, the authority's books, what the release adds). After every step all
that is stored and all that the views answer is the same as at that moment in a world in which
nothing was released. What is open ends under the release that was rolled back to. The same with
all four at once, in process and on anvil. What was released between two steps of one dividend, or
what a verifier's change does to it, is in `tests/actions/test_through_change.py`; fractions that
are claimed, and a redemption that is armed, are in `tests/governance/test_claims_under_fire.py`.

*unpaid*: units left to pay of home's accounts, home's lane, the other ledger's accounts and its
lane; in brackets where nothing is paid in yet.
"""

Words = dict[tuple[str, int], int]


def words_of(chain: Chain) -> Words:
    """Every word that is not zero, of every contract of a ledger."""
    if isinstance(chain, EmbeddedChain):
        kept = {
            ("0x" + owner.hex(), slot): word for (owner, slot), word in chain._state.slots.items()
        }
    else:
        assert isinstance(chain, AnvilChain)
        dump = json.loads(gzip.decompress(bytes.fromhex(chain.rpc("anvil_dumpState")[2:])))
        kept = {
            (owner.lower(), int(slot, 16)): int(word, 16)
            for owner, account in dump["accounts"].items()
            for slot, word in account["storage"].items()
        }
    return {at: word for at, word in kept.items() if word}


def changed(before: Words, after: Words) -> set[tuple[str, int]]:
    """Where two ledgers differ."""
    return {at for at in before.keys() | after.keys() if before.get(at) != after.get(at)}


@dataclass
class Picture:
    """All that is stored and said on both ledgers at a moment."""

    words: dict[str, Words]
    views: dict[str, dict[str, Any]]
    said: dict[str, str]


@dataclass
class Run:
    """The world from its open state to its end; `contracts` are released on the way."""

    fire: Fire
    contracts: tuple[str, ...] = ()
    # What releases write: ledger -> slots of proxies and authority, and accounts that are new.
    slots: dict[str, set[tuple[str, int]]] = field(
        default_factory=lambda: {"home": set(), "remote": set()}
    )
    accounts: set[str] = field(default_factory=set)
    pictures: dict[str, Picture] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)

    # -------------------------------------------------------------------- releases

    def release(self, ledger: str, which: str) -> None:
        """A ledger goes over to a release of every contract; only what it says is stored."""
        for contract in self.contracts:
            suite = self.fire.world.network.suite(ledger)
            artifact = f"{contract}{which}Mock"
            proxy = upgrades.proxy_of(suite, contract)
            bound = suite.chain.at(artifact, proxy)
            call = bound.migrate.encode(keccak(which.encode())) if _migrates(artifact) else b""
            before = self._words()
            done = upgrades.upgrade(
                suite,
                self.fire.world.network.signers(ledger),
                contract,
                artifact,
                VERSIONS[which],
                call,
            )
            self._note(ledger, contract, artifact, done.release)
            self._compare(before)
            assert bound.release() == VERSIONS[which]

    def roll_back(self, ledger: str) -> None:
        """The guardian of a ledger returns every contract to the release before."""
        for contract in self.contracts:
            suite = self.fire.world.network.suite(ledger)
            guardian = self.fire.world.network.party(ledger, "guardian")
            before = self._words()
            upgrades.roll_back(suite, contract, sender=guardian)
            self._compare(before)
            assert upgrades.installed_artifact(suite, contract).name == f"{contract}NextMock"

    def _note(self, ledger: str, contract: str, artifact: str, release: bytes) -> None:
        """Enter what a release may write."""
        suite = self.fire.world.network.suite(ledger)
        proxy, authority = upgrades.proxy_of(suite, contract), suite.authority
        code = str(authority.release_of(release).implementation)
        pieces = addresses_behind(build.artifact(artifact), code, suite.chain.code)
        self.accounts |= {each.lower() for each in (code, *pieces)}
        kept = self.slots[ledger]
        kept.add((proxy.address.lower(), IMPLEMENTATION))
        kept |= {(proxy.address.lower(), slot) for slot in _own_slots(artifact, contract)}
        for variable, key, size in (
            ("release_of", release, 8),
            ("has_run", release, 1),
            ("installation_of", proxy.address, 4),
            ("_notice_of", proxy.address, 7),
        ):
            first = slot_of(authority, "", variable, key)
            kept |= {(authority.address.lower(), first + at) for at in range(size)}

    def _words(self) -> dict[str, Words]:
        return {name: words_of(chain) for name, chain in self.fire.world.chains.items()}

    def _compare(self, before: dict[str, Words]) -> None:
        after = self._words()
        for name, words in after.items():
            self.allow(name, changed(before[name], words))

    def allow(self, name: str, found: set[tuple[str, int]]) -> None:
        """Nothing may differ but what releases write."""
        other = {at for at in found - self.slots[name] if at[0] not in self.accounts}
        assert not other, f"stored on {name} by no act of a release: {sorted(other)}"

    # ------------------------------------------------------------------------ steps

    def steps(self) -> dict[str, tuple[str, Callable[[str], None]]]:
        """What is done between the moments, by the columns of the table: where, and what."""
        following, second = (partial(self.release, which=which) for which in VERSIONS)
        return {
            "1.1.0 at home": ("home", following),
            "1.1.0 on both": ("remote", following),
            "1.2.0 at home": ("home", second),
            "1.2.0 on both": ("remote", second),
            "rolled back at home": ("home", self.roll_back),
            "rolled back": ("remote", self.roll_back),
        }

    def go(self) -> Run:
        """Carry out all steps, and end what is open; a message goes each way after each step."""
        world = self.fire.world
        with world.isolated():
            start = max(chain.now for chain in world.chains.values()) + HOUR
            self.pictures["open"] = self._picture()
            for number, (name, (ledger, step)) in enumerate(self.steps().items()):
                self._meet(start + number * APART)
                step(ledger)
                self._meet(start + (number + 1) * APART - 600)
                self._talk()
                self.pictures[name] = self._picture(ledger)
            self._meet(start + len(self.steps()) * APART)
            for each in OPEN:
                self.ended[each.name] = each.end(self.fire)
            self.pictures["ended"] = self._picture(*world.chains)
        return self

    def _meet(self, moment: int) -> None:
        for chain in self.fire.world.chains.values():
            chain.set_time(moment)

    def _talk(self) -> None:
        """A message each way lands."""
        world = self.fire.world
        out = world.locked(10_000)
        assert world.deliver(out).return_value is True
        home = world.burned(7_000)
        assert world.deliver(home).return_value is True

    # --------------------------------------------------------------------- pictures

    def _picture(self, *ledgers: str) -> Picture:
        """Everything stored and said; what views answer, on these ledgers alone."""
        sides = (side for side in self.fire.sides if side.chain.name in ledgers)
        views = {side.chain.name: dict(self._answers(side)) for side in sides}
        said = {each.name: each.said(self.fire) for each in OPEN}
        return Picture(self._words(), views, said)

    def _answers(self, side: Side) -> Iterator[tuple[str, Any]]:
        """What views answer to all that they may be asked: of what is released, or of all."""
        questions = [
            (getattr(side, attribute), entry, arguments)
            for contract, attribute in ATTRIBUTES.items()
            if contract in (self.contracts or PROXIED)
            for entry in _views(getattr(side, attribute))
            for arguments in self._arguments(side, attribute, entry)
        ]
        asked = [(contract, _signature(entry), *given) for contract, entry, given in questions]
        for (contract, entry, given), answer in zip(questions, side.chain.ask(asked), strict=True):
            told = str(answer) if isinstance(answer, (Revert, CodecError)) else answer
            yield f"{contract.address}.{entry['name']}{given}", told

    def _arguments(
        self, side: Side, attribute: str, entry: dict[str, Any]
    ) -> list[tuple[Any, ...]]:
        pools = {**self._pools(side), "tuple": self._structs(attribute)}
        wanted = [pools[each["type"]] for each in entry["inputs"]]
        # Of what takes several, those that are about the same thing come first.
        most = {0: 0, 1: 8, 2: 3}.get(len(wanted), 2)
        return list(product(*(pool[:most] for pool in wanted)))

    def _pools(self, side: Side) -> dict[str, list[Any]]:
        fire, lane = self.fire, self.fire.world.lane
        parties = ("investor", "fund", "buyer", "outsider", "custodian", "guardian")
        records = [record.as_tuple()[2] for record in (APPLE, LATER, ANNOUNCED)]
        messages = list(fire.messages.values())
        return {
            "address": [
                *(side.parties[each].address for each in parties),
                side.custody.address,
                side.escrow.address,
                side.engine.address,
            ],
            "bytes32": [lane, records[0], ACCOUNTS, *records[1:], *(each.id for each in messages)],
            "uint256": [APPLE.record_day, 0, LATER.record_day, 1, 2],
            "uint64": [0, 1, 2, 40],
            "uint8": [1, 2],
            "bytes4": [b"USD\0", bytes.fromhex("01ffc9a7")],
            "string": [ISIN, side.chain.caip2],
        }

    def _structs(self, attribute: str) -> list[Any]:
        """What those views take that hash a struct."""
        fire = self.fire
        if attribute == "registry":
            return [fire.known["record"].as_tuple()]
        if attribute == "engine":
            return [fire.actions.message(EventVersion(APPLE)).as_tuple()]
        return [each.as_tuple() for each in fire.messages.values()]


def _migrates(artifact: str) -> bool:
    pieces = (build.artifact(artifact), *build.artifact(artifact).behind)
    return any(entry.get("name") == "migrate" for piece in pieces for entry in piece.abi)


def _own_slots(artifact: str, contract: str) -> Iterator[int]:
    """Slots of what a release keeps that the first one doesn't."""
    first = build.artifact(contract).layout["storage_layout"]
    for name, entry in build.artifact(artifact).layout["storage_layout"].items():
        if name not in first:
            yield from range(entry["slot"], entry["slot"] + entry["n_slots"])


def _views(contract: Contract) -> Iterator[dict[str, Any]]:
    for entry in contract.abi:
        if entry["type"] != "function" or entry["name"] in OF_THE_RELEASE:
            continue
        if entry["stateMutability"] in {"view", "pure"}:
            yield entry


def _signature(entry: dict[str, Any]) -> str:
    def text(item: dict[str, Any]) -> str:
        kind: str = item["type"]
        if kind.startswith("tuple"):
            return "(" + ",".join(map(text, item["components"])) + ")" + kind[5:]
        return kind

    return entry["name"] + "(" + ",".join(map(text, entry["inputs"])) + ")"


@cache
def lit(backend: type[Chain]) -> Fire:
    """The world of a back end in which everything is open, once a process."""
    return Fire.lit(backend)


@cache
def unreleased(backend: type[Chain]) -> Run:
    """The same moments and messages in a world in which nothing is released."""
    return Run(lit(backend)).go()


def check(run: Run, twin: Run) -> None:
    """A run stores, says and ends everything as its twin did; the releases' own words aside."""
    assert run.pictures.keys() == twin.pictures.keys()
    opened = run.pictures["open"].said
    for name, picture in run.pictures.items():
        other = twin.pictures[name]
        for ledger, views in picture.views.items():
            told = {key: other.views[ledger][key] for key in views}
            assert views == told, name
        assert picture.said == (other.said if name == "ended" else opened), name
        for ledger, words in picture.words.items():
            run.allow(ledger, changed(other.words[ledger], words))
    assert run.ended == twin.ended
    left = [
        each.name for each in OPEN if run.pictures["ended"].said[each.name] == opened[each.name]
    ]
    # These go on as long as nobody ends them.
    assert left == LASTING


# ------------------------------------------------------------------------------ the table


def section(run: Run) -> str:
    """The rows of one deployable."""
    (contract,) = run.contracts
    text = f"## {contract}\n\n| open | {' | '.join(COLUMNS)} | ended |\n"
    text += "|---" * (len(COLUMNS) + 2) + "|\n"
    for each in OPEN:
        cells = [run.pictures[step].said[each.name] for step in COLUMNS.values()]
        text += f"| {each.name} | {' | '.join(cells)} | {run.ended[each.name]} |\n"
    return text


def written() -> str:
    """The whole document, from runs."""
    return "\n".join([HEAD, *(section(Run(lit(EmbeddedChain), (name,)).go()) for name in PROXIED)])


# ------------------------------------------------------------------------------ the tests


@pytest.mark.requirement("INV-1", "INV-3", "INV-10", "R-50", "R-60")
@pytest.mark.parametrize("contract", PROXIED)
def test_what_is_open_outlives_every_release_of_a_contract(contract: str) -> None:
    run = Run(lit(EmbeddedChain), (contract,)).go()
    check(run, unreleased(EmbeddedChain))
    text = (ROOT / TABLE).read_text()
    assert text.startswith(HEAD)
    assert section(run) in text, "differs from the run: python -m tests.governance.test_under_fire"


@pytest.mark.requirement("INV-10", "R-60")
def test_what_is_open_outlives_releases_of_all_contracts_at_once() -> None:
    check(Run(lit(EmbeddedChain), PROXIED).go(), unreleased(EmbeddedChain))


@pytest.mark.anvil_only
@pytest.mark.slow
@pytest.mark.requirement("INV-10", "R-60")
def test_what_is_open_outlives_releases_of_all_contracts_on_nodes() -> None:
    fire = lit(AnvilChain)
    try:
        check(Run(fire, PROXIED).go(), unreleased(AnvilChain))
    finally:
        for chain in fire.world.chains.values():
            chain.close()


def test_the_table_has_every_contract_behind_a_proxy() -> None:
    """And nothing else."""
    titles = [
        line[3:] for line in (ROOT / TABLE).read_text().splitlines() if line.startswith("## ")
    ]
    assert titles == list(PROXIED) == sorted(ATTRIBUTES, key=PROXIED.index)


class _Loses(Run):
    """A release that also empties a word of the escrow's."""

    def release(self, ledger: str, which: str) -> None:
        super().release(ledger, which)
        escrow, before = self.fire.home.escrow, self._words()
        lane = slot_of(escrow, "lanes", "_ledger", self.fire.world.lane)
        escrow.chain.set_storage(escrow.address, lane, 0)
        self._compare(before)


class _Moves(Run):
    """A release in whose course units move."""

    def release(self, ledger: str, which: str) -> None:
        super().release(ledger, which)
        side = self.fire.home
        side.token.transfer(side.buyer, 1, sender=side.investor)


def test_a_release_that_loses_a_word_is_found() -> None:
    with pytest.raises(AssertionError, match=r"^stored on home by no act of a release: "):
        _Loses(lit(EmbeddedChain), ("InstrumentRegistry",)).go()


def test_a_release_in_whose_course_something_moves_is_found() -> None:
    run = _Moves(lit(EmbeddedChain), ("InstrumentRegistry",)).go()
    with pytest.raises(AssertionError, match=r"^stored on home by no act of a release: "):
        check(run, unreleased(EmbeddedChain))


if __name__ == "__main__":
    add_contracts()
    (ROOT / TABLE).write_text(written(), encoding="utf-8")
