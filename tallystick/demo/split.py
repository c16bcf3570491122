"""A split over both ledgers: at its close units are under way, in suspense, too late, frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from tallystick.actions.entitlement import Rate
from tallystick.actions.message import RatioState
from tallystick.actions.record import EventRecord
from tallystick.bridge.message import LaneMessage
from tallystick.chain.abi import keccak
from tallystick.demo.acting import Scene, business_days, carry, done, engine_of, is_declared
from tallystick.demo.report import Figure, Sample
from tallystick.errors import CheckFailed
from tallystick.events.driver import Driver
from tallystick.events.standing import standing_of, waits
from tallystick.governance.roles import reason_code
from tallystick.reach.connection import Suite
from tallystick.status.invariants import Break, Verdict
from tallystick.token.position import DAY_MAX, close_of, date_of

__all__ = ["AGENT", "Split"]

_NEW: Final = 4
_REASON: Final = reason_code("RECO")
_DOCUMENT: Final = keccak(b"terms of the demo's split")
# Is credited what rounding leaves: nothing, of four for one.
AGENT: Final = 913
_PLACES: Final = ("Held at home", "Held on the other ledger", "Under way", "Suspense")


@dataclass(frozen=True)
class _Place:
    """Units by name, and where they are."""

    name: str
    ledger: str
    units: int


class Split(Scene):
    """Announces, arms and carries one split of four for one, and tells it."""

    def tell(self) -> Verdict:
        """Tell it; returns the verdict on INV-12.

        Raises:
            CheckFailed: a step did not do what it has to.
        """
        self.report.section("A split, four for one, with messages under way over the close")
        for suite in self._suites.values():
            self.network.admit(suite, suite.chain.account(AGENT), DAY_MAX)
        record = self._record()
        driver = Driver(self.network.connection, record)
        self._armed(driver)
        close = close_of(record.record_day, self.instrument.close_minute_utc)
        waiting, late, flying = self._over_the_close(close)
        under_way = [*flying, late]
        before = self._places(under_way, [waiting], 0)
        frozen = self._frozen()
        self.reach(close)
        # Nobody has done anything yet.
        after = self._places(under_way, [waiting], 1)
        self._shown(before, after, frozen)
        self._landed(close, waiting, late, flying)
        self._carried(driver)
        landed = self._places([], [], 1)
        moments = {"before the close": before, "after it": after, "once all has landed": landed}
        self.report.figure(
            Figure(
                "Units by place, over a split of four for one",
                _PLACES,
                tuple(Sample(label, self._sums(found)) for label, found in moments.items()),
                self.instrument.decimals,
            )
        )
        return self._verdict(before, after, landed)

    # ------------------------------------------------------------------------- parts

    def _record(self) -> EventRecord:
        """The record of an illustration; the last close in old units two business days on."""
        today = max(int(suite.token.business_day()) for suite in self._suites.values())
        days = business_days(today)
        next(days)
        return EventRecord(
            isin=self.instrument.isin,
            corp="TALLY-DEMO-2",
            coaf="TALLY-DEMO-SPLF-1",
            caev="SPLF",
            camv="MAND",
            announced=today,
            record_day=next(days),
            rate=Rate(_NEW),
            terms=_DOCUMENT,
        )

    def _armed(self, driver: Driver) -> None:
        record, suites = driver.record, self._suites
        done(driver.announce())
        done(driver.confirm())
        done(driver.arm())
        carry(driver, suites.values())
        found = {name: engine_of(suite).armed_ratio(driver.coaf) for name, suite in suites.items()}
        if {(int(each.first_day), int(each.state)) for each in found.values()} != {
            (record.record_day + 1, RatioState.PENDING)
        }:
            raise CheckFailed("the split is not armed on both ledgers for the same day")
        self.report.say(
            "The issuer announces four units for one from the close of "
            f"{date_of(record.record_day)} on; the event's attestors confirm; anyone arms it at "
            f"home, and carries record and ratio: {' and '.join(found)} have entered it for "
            f"{date_of(record.record_day + 1)}. Nobody will send anything then."
        )

    def _over_the_close(
        self, close: int
    ) -> tuple[LaneMessage, LaneMessage, tuple[LaneMessage, LaneMessage]]:
        """Leave units in suspense, too late, and under way each way, a minute before the close."""
        network = self.network
        (one, two), (guest, barred) = self.home, self.remote
        self.reach(close - 3_600)
        waiting = network.lock(one.account, barred.account, self._portion(one, 11))
        network.admit(network.remote, barred.account, 0, reason="EXPD")
        self.reach(close - 3_000)
        network.deliver(waiting)
        custodian = network.party(network.home.chain.name, "custodian")
        frozen = self._portion(two, 3)
        network.home.token.setFrozenTokens(
            two.account, frozen, _REASON, _DOCUMENT, sender=custodian
        )
        out = network.lock(one.account, guest.account, self._portion(one, 13))
        back = network.burn(guest.account, two.account, self._portion(guest, 4))
        late = network.lock(
            one.account, guest.account, self._portion(one, 17), deadline=close + 1_800
        )
        self.reach(close - 60)
        return waiting, late, (out, back)

    def _landed(
        self,
        close: int,
        waiting: LaneMessage,
        late: LaneMessage,
        flying: Iterable[LaneMessage],
    ) -> None:
        """All of it lands in new units: claimed, delivered, or back where it came from."""
        network, (one, _), (_, barred) = self.network, self.home, self.remote
        self.reach(close + 3_600)
        for message in flying:
            self._credits(message, network.deliver)
        network.admit(network.remote, barred.account, barred.until_day)
        self._credits(waiting, network.claim)
        had = self._balance(network.home, one.account)
        network.deliver(late)
        answer = network.return_to_source(late)
        self.reach(network.remote.chain.now + 1)
        network.deliver(answer)
        if self._balance(network.home, one.account) - had != _NEW * late.amount:
            raise CheckFailed("what came too late is not back four for one")
        self.report.say(
            "An hour later what was under way lands, each message at four for one; "
            f"{barred.name} is admitted again and has what waited; what comes past its deadline, "
            f"{self._units(late.amount)} when it left, goes back to {one.name}: "
            f"{self._units(_NEW * late.amount)}."
        )

    def _credits(self, message: LaneMessage, act: Callable[[LaneMessage], Any]) -> None:
        """An act credits a message's recipient four for one."""
        suite = self.network.destination(message)
        account = "0x" + message.recipient[-20:].hex()
        had = self._balance(suite, account)
        act(message)
        if self._balance(suite, account) - had != _NEW * message.amount:
            raise CheckFailed("a message was not credited four for one")

    def _carried(self, driver: Driver) -> None:
        """Home learns that the other ledger is over, and carries the lane; all is as declared."""
        suites = self._suites
        done(driver.arm())
        carry(driver, suites.values())
        done(driver.arm())
        home = engine_of(self.network.home)
        if not home.base_of(self.network.lane, 1).is_carried:
            raise CheckFailed("the lane was not carried over the split")
        if left := [each for seen in standing_of(driver) for each in waits(seen)]:
            raise CheckFailed(f"the split still waits for {left[0]}")
        is_declared(self.network, driver.record.coaf)
        self.report.say(
            f"{self.network.remote.chain.name} tells since when and what stood there at its last "
            "close in old units; home carries the lane over. Nothing is left to do on either "
            "ledger, and what was given is what was declared."
        )

    # ------------------------------------------------------------------------- shown

    def _places(
        self, under_way: Iterable[LaneMessage], waiting: Iterable[LaneMessage], epoch: int
    ) -> list[_Place]:
        """Where all units are, in those of now, as the ledgers answer."""
        found = []
        for (ledger, account), name in self.names.items():
            if ledger in self._suites:
                units = self._balance(self._suites[ledger], account)
                found.append(_Place(name, ledger, units))
        for title, messages in (("under way", under_way), ("in suspense", waiting)):
            for message in messages:
                suite = self.network.destination(message)
                units = int(suite.token.carried(message.amount, 0, epoch))
                recipient = "0x" + message.recipient[-20:].hex()
                name = self._name(suite.chain.name, recipient)
                found.append(_Place(f"to {name}, {title}", "-", units))
        return found

    def _frozen(self) -> int:
        """What is frozen of the second holder at home."""
        return int(self.network.home.token.getFrozenTokens(self.home[1].account))

    def _shown(self, before: list[_Place], after: list[_Place], frozen: int) -> None:
        now = self._frozen()
        rows: list[tuple[str, ...]] = [
            (was.name, was.ledger, self._units(was.units), self._units(new.units))
            for was, new in zip(before, after, strict=True)
            if was.units
        ]
        sums = [sum(each.units for each in places) for places in (before, after)]
        rows.append(("Sum", "", *map(self._units, sums)))
        self.report.table(
            "Units a minute before the close, and at its first moment",
            ("Holder, or message", "Ledger", "Before", "After"),
            rows,
            numeric={2, 3},
            total=True,
        )
        if now != _NEW * frozen:
            raise CheckFailed(f"{frozen} were frozen, and {now} are")
        self.report.say(
            f"No transaction in between. Of {self.home[1].name}'s, {self._units(frozen)} were "
            f"frozen, and {self._units(now)} are."
        )

    def _sums(self, places: Iterable[_Place]) -> tuple[int, ...]:
        """Units by `_PLACES`."""
        home, found = self.network.home.chain.name, [0] * len(_PLACES)
        for place in places:
            waits_ = 3 if place.name.endswith("in suspense") else 2
            found[waits_ if place.ledger == "-" else int(place.ledger != home)] += place.units
        return tuple(found)

    def _verdict(self, before: list[_Place], after: list[_Place], landed: list[_Place]) -> Verdict:
        """Judge INV-12: each unit once, wherever it was, and all of the announced total."""
        issue = int(self.network.home.token.totalSupply())
        announced = _NEW * sum(each.units for each in before)
        judged = [
            (was.ledger, was.name, "units after the split", new.units, _NEW * was.units)
            for was, new in zip(before, after, strict=True)
        ]
        for what, found in (
            ("units of all after the split", sum(each.units for each in after)),
            ("units of all once they landed", sum(each.units for each in landed)),
            ("the issue", issue),
        ):
            judged.append(("both ledgers", "", what, found, announced))
        return Verdict(
            "INV-12",
            "a ratio is applied to each unit exactly once, wherever it was when it took effect",
            (("announced", announced), ("issue", issue)),
            tuple(Break(*each) for each in judged if each[3] != each[4]),
        )

    # ------------------------------------------------------------------------ helpers

    def _name(self, ledger: str, account: str) -> str:
        known = {(where, who.lower()): name for (where, who), name in self.names.items()}
        return known.get((ledger, account.lower()), account)

    @staticmethod
    def _balance(suite: Suite, account: Any) -> int:
        return int(suite.token.balanceOf(account))
