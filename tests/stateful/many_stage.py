"""Three ledgers, two instruments of one suite, a lane of each to either other ledger; the model.

The first instrument's lanes have a limit and one verifier, the second's none and two. Each has
units of its own everywhere.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final, Self

from tallystick.bridge.limits import Limit
from tallystick.bridge.message import LaneId
from tallystick.chain.embedded import EmbeddedChain
from tallystick.chain.receipt import Snapshot
from tallystick.deploy import upgrade as upgrades
from tallystick.files.instrument import load_instrument
from tallystick.governance.release import Version
from tallystick.governance.roles import Role
from tallystick.local.network import Network
from tallystick.token.position import business_day, close_of
from tests.stateful.many_model import Book, Lane, Ledger
from tests.support.actions import GENESIS, TAXES
from tests.support.cash import new_cash
from tests.support.lane_ratios import End
from tests.support.ratios import Holding, Ratios
from tests.support.world import (
    AMOUNT_MAX,
    DAY,
    ELIGIBLE_UNTIL,
    ROOT,
    STATED,
    UINT_MAX,
    Side,
    side_on,
)

HOME: Final = "home"
REMOTES: Final = ("remote", "third")
LEDGERS: Final = (HOME, *REMOTES)
FILES: Final = ("apple.yaml", "bund.yaml")
HOLDERS: Final = ("investor", "buyer")
# Nobody lets it receive at first; the fractions' agent.
LATER, AGENT = "outsider", "fund"
PEOPLE: Final = (*HOLDERS, AGENT, LATER)
# By account index; of the tokens at home, for ledgers that die.
SECOND_REGISTRAR: Final = 33
# The first business day of every play, and what each holder has at home at first.
TODAY: Final = 18_480
EACH: Final = 8 * 10**6
# What a paying agent has, of each instrument's cash on each ledger.
CASH: Final = 10**24
# Whole units that may arrive at once by the first instrument's lanes.
LIMIT, WINDOW, RAMP = 1, DAY, 3_600
NOTICE, ROLLBACK = 3_600, DAY
CHANGE, RETENTION = 3_600, DAY
NEXT: Final = {
    name: f"{name}NextMock" for name in ("SecurityToken", "BridgeEscrow", "ActionsEngine")
}


@dataclass(frozen=True)
class Stage:
    """The suite as it was handed over; a side for each instrument and ledger."""

    chains: Mapping[str, EmbeddedChain]
    networks: Mapping[str, Network]
    side_of: Mapping[tuple[str, str], Side]
    # (instrument, other ledger) -> lane
    lane: Mapping[tuple[str, str], bytes]
    # (instrument, ledger, other ledger) -> the lane's second verifier there, which stays
    second_of: Mapping[tuple[str, str, str], str]
    # Its ledgers, and the point from which each play begins.
    model: dict[str, Ledger] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)

    @property
    def instruments(self) -> tuple[str, ...]:
        """Their ISINs."""
        return tuple(self.networks)

    @property
    def sides(self) -> tuple[Side, ...]:
        """The first instrument's; escrow and code are those of both."""
        return tuple(self.side_of[self.instruments[0], name] for name in self.chains)

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Undo what the block does to any ledger."""
        with ExitStack() as stack:
            for chain in self.chains.values():
                stack.enter_context(chain.isolated())
            yield

    def begin(self) -> dict[str, Snapshot]:
        """A point of all ledgers."""
        return {name: chain.snapshot() for name, chain in self.chains.items()}

    def custody(self, isin: str, name: str, remote: str) -> str:
        """Where a lane's units are at one of its ends."""
        side = self.side_of[isin, name]
        return str(side.escrow.lane_ends(self.lane[isin, remote]).custody)

    def account(self, isin: str, name: str, who: str) -> str:
        """Somebody's account on a ledger."""
        return str(self.side_of[isin, name].parties[who].address)

    @classmethod
    @functools.cache
    def set(cls) -> Self:
        """The stage; one a process."""
        chains = {
            name: EmbeddedChain(name, 41_000 + number, ledger_number=number, genesis_time=GENESIS)
            for number, name in enumerate(LEDGERS, start=1)
        }
        networks = dict[str, Network]()
        for file in FILES:
            issue = load_instrument(ROOT / "examples" / file)
            third = issue.ledgers[1].model_copy(update={"name": REMOTES[1]})
            whole, rest = divmod(AMOUNT_MAX, 10**issue.decimals)
            size = Decimal(f"{whole}.{rest:0{issue.decimals}}")
            ledgers = (*issue.ledgers, third)
            issue = issue.model_copy(update={"ledgers": ledgers, "authorised": size})
            options: dict[str, Any] = {
                "attestors": range(11, 17),
                "threshold": 2,
                "limit": None if networks else LIMIT,
                "grade": "production" if networks else "pilot",
                "limit_window": WINDOW,
                "ramp": RAMP,
                "notice": NOTICE,
                "rollback_window": ROLLBACK,
            }
            if networks:
                first = next(iter(networks.values()))
                networks[issue.isin] = first.join(issue, **options)
            else:
                networks[issue.isin] = Network.deploy(issue, chains, **options)
        lane = {
            (isin, each.remote): bytes(each.id_bytes)
            for isin, network in networks.items()
            for each in network.manifest.lanes
        }
        side_of = {
            (isin, name): _side(
                network, name, LaneId(lane[isin, REMOTES[0] if name == HOME else name])
            )
            for isin, network in networks.items()
            for name in chains
        }
        second_of = {
            (isin, name, remote): str(side.escrow.lane_state(lane[isin, remote]).terms.second)
            for (isin, name), side in side_of.items()
            for remote in (REMOTES if name == HOME else (name,))
        }
        stage = cls(chains, networks, side_of, lane, second_of)
        stage._people()
        stage._releases()
        for chain in chains.values():
            chain.set_time(close_of(TODAY - 1, 1_260) + 3_600)
        stage.model.update({name: stage._ledger(name) for name in chains})
        return stage

    def _people(self) -> None:
        """Who may hold, and what holders have; each engine's fractions' agent, terms and cash."""
        for isin, network in self.networks.items():
            for name in self.chains:
                side = self.side_of[isin, name]
                for who in (*HOLDERS, AGENT):
                    network.admit(network.suite(name), side.parties[who], ELIGIBLE_UNTIL)
                side.engine.propose_fractions_agent(side.fund, *STATED, sender=side.operator)
                side.chain.advance(DAY)
                side.engine.set_fractions_agent(side.fund, *STATED, sender=side.administrator)
                terms = (b"USD\0", side.cash, side.auditor, side.issuer, TAXES.pack())
                side.engine.propose_pay_terms(terms, *STATED, sender=side.paying_agent)
                side.engine.set_pay_terms(terms, *STATED, sender=side.issuer)
                side.cash.mint(side.paying_agent, CASH, sender=side.issuer)
                side.cash.approve(side.engine, UINT_MAX, sender=side.paying_agent)
            home = self.side_of[isin, HOME]
            home.give_role(home.token, home.chain.account(SECOND_REGISTRAR), Role.REGISTRAR)
            network.issue([(home.parties[who], EACH) for who in HOLDERS])

    def _releases(self) -> None:
        """The next releases of token, escrow and engine are registered everywhere."""
        network = self.networks[self.instruments[0]]
        for name in self.chains:
            suite, sender = network.suite(name), network.party(name, "upgrader")
            for contract, build in NEXT.items():
                code = upgrades.deploy_implementation(suite.chain, build, sender=sender)
                upgrades.register_release(
                    suite, contract, build, Version(1, 1, 0), str(code.address), sender=sender
                )

    def _ledger(self, name: str) -> Ledger:
        """A ledger on which nothing but the first issue has happened."""
        books = {}
        for isin, network in self.networks.items():
            issue = network.plan.loaded_instrument
            lanes = {}
            for remote in REMOTES if name == HOME else (name,):
                most = LIMIT * 10**issue.decimals if isin == self.instruments[0] else 0
                limit = Limit(limit=most, window=WINDOW, ramp=RAMP)
                state = self.side_of[isin, name].escrow.limit_state(self.lane[isin, remote])
                limit = replace(limit, ramps_until=state.ramps_until, drained_at=state.drained_at)
                end = End(home=name == HOME)
                lanes[remote] = Lane(self.custody(isin, name, remote), end, limit, RETENTION)
            day = business_day(self.chains[name].now, issue.close_minute_utc)
            accounts = {self.account(isin, name, who): Holding() for who in PEOPLE}
            accounts |= {lane.custody: Holding() for lane in lanes.values()}
            token = Ratios(0, AMOUNT_MAX, accounts, day)
            book = Book(token, lanes, issue.close_minute_utc, name == HOME)
            book.barred.add(self.account(isin, name, LATER))
            if name == HOME:
                for who in HOLDERS:
                    token.issue(self.account(isin, name, who), EACH)
            books[isin] = book
        return Ledger(name, self.chains[name].now, books)


def _side(network: Network, name: str, lane: LaneId) -> Side:
    side = side_on(network, name, lane)
    return replace(side, cash=new_cash(side.chain, side.issuer))
