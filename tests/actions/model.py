"""Several ledgers, the lanes between them, and who is entitled at each close: in plain Python.

Every ledger has a clock of its own. Units move on it, over lanes with all that can happen to a
message, with other bridges and by redemption; ratios make so many others of them, on each ledger
when it takes them. Each figure keeps its history. Afterwards any past close can be asked for: what
figures tell of it (through `tallystick.actions.cut`), and what accounts and crossing messages would
claim for it. Besides, every single unit is followed by itself, independent of every sum, at each
close in the units that it began with.

`tests/actions/rules.py` holds the rules that decide whether that comes out, `designs.py` others,
each of which looks right and is not.
"""

from __future__ import annotations

from collections import Counter

from tallystick.actions.cut import (
    FIRST,
    Base,
    Break,
    Cut,
    HomeEnd,
    HomeFigures,
    RemoteEnd,
    restated,
)
from tallystick.bridge.message import LaneId
from tallystick.token.position import AccountClass
from tests.actions.acts import Ledgers
from tests.actions.ledgers import (
    DAY,
    ELSEWHERE,
    HOME,
    Broken,
    Message,
    Property,
    State,
    custody,
    need,
)

__all__ = ["World", "lane_id"]


class World(Ledgers):
    """Ledgers that are asked for past closes, and looked at after each step."""

    # --- a past close ----------------------------------------------------------------------------

    def closed(self, day: int) -> bool:
        """Whether every ledger has closed that day."""
        return all(ledger.day() > day for ledger in self.ledgers)

    def figures(
        self, day: int
    ) -> tuple[HomeFigures, dict[LaneId, HomeEnd], dict[LaneId, RemoteEnd]]:
        """What every ledger tells of a close, each of its own storage alone."""
        home = HomeFigures(
            supply=self._told(HOME, "supply", day),
            custody=sum(self._closing(HOME, custody(lane), day)[0] for lane in self.lanes),
            pooled=self._pooled(HOME, day),
            bridged_out=self._told(HOME, "bridged out", day),
        )
        ends = {lane_id(lane): self._home_end(lane, day) for lane in self.lanes}
        told = {lane_id(lane): self._remote_end(lane, day) for lane in self.lanes}
        return home, ends, told

    def _home_end(self, lane: int, day: int) -> HomeEnd:
        suspense = self._told(HOME, f"suspense {lane}", day)
        return HomeEnd(
            outstanding=self._closing(HOME, custody(lane), day)[0] - suspense,
            suspense=suspense,
            sent=self._told(HOME, f"sent {lane}", day),
            gone=self._told(HOME, f"gone {lane}", day),
        )

    def _remote_end(self, lane: int, day: int) -> RemoteEnd:
        return RemoteEnd(
            supply=self._told(lane, "supply", day),
            suspense=self._closing(lane, custody(lane), day)[0],
            sent=self._told(lane, f"sent {lane}", day),
            came=self._told(lane, "came", day),
            pooled=self._pooled(lane, day),
        )

    def fix(self, day: int) -> Cut:
        """The cut of a close, in home's units of then."""
        home, ends, told = self.figures(day)
        bases = {}
        for lane in self.lanes:
            base, told[lane_id(lane)] = self._begun(lane, day, told[lane_id(lane)])
            bases[lane_id(lane)] = base
        rounded = self.design.rounded(self.home.ratios[: self.home.epoch(day)], self.remotes)
        return self.design.fix(home, ends, told, bases, rounded)

    def _begun(self, lane: int, day: int, told: RemoteEnd) -> tuple[Base, RemoteEnd]:
        """What a lane began home's epoch of a day with, and what its ledger told in those units.

        One that is behind is asked as if it had taken home's ratios at that close.
        """
        base, remote = FIRST, self.ledgers[lane]
        behind = remote.epoch(day)
        for at, ratio in enumerate(self.home.ratios[: self.home.epoch(day)]):
            last = told
            if at < behind:
                last = self._remote_end(lane, remote.ratios[at].first_day - 1)
            end = self._home_end(lane, ratio.first_day - 1)
            after = self.design.carry(base, end, last, ratio)
            if isinstance(after, Break):
                raise Broken(Property.GATE, str(after))
            base = after
            if at >= behind:
                told = restated(told, ratio)
        return base, told

    def _told(self, number: int, figure: str, day: int) -> int:
        ledger = self.ledgers[number]
        return self.design.read(ledger, ledger.figure(figure), day)

    def _closing(self, number: int, account: str, day: int) -> tuple[int, AccountClass]:
        ledger = self.ledgers[number]
        return self.design.read(ledger, ledger.account(account), day)

    def _pooled(self, number: int, day: int) -> int:
        closings = (self._closing(number, name, day) for name in self.ledgers[number].accounts)
        return sum(units for units, kind in closings if kind is AccountClass.POOL)

    def crossing(self, message: Message, day: int) -> tuple[tuple[int, str], ...]:
        """The claims that a message gives for a close."""
        ledger, moment = self.design.left(message)
        return self.design.claims(message, self.ledgers[ledger].day(moment), day)

    def claimed(self, day: int) -> dict[object, int]:
        """What is paid for a close, by reserve.

        A ledger's number for its accounts, (ledger, lane) for what crossed, (ledger, "pool") for
        its pools, `ELSEWHERE` for units on none of our ledgers.
        """
        paid: Counter[object] = Counter()
        epoch = self.home.epoch(day)
        for ledger in self.ledgers:
            for name, story in ledger.accounts.items():
                units, kind = ledger.closing(story, day)
                units = self.home.carried(units, ledger.epoch(day), epoch)
                if kind is AccountClass.POOL:
                    paid[ledger.number, "pool"] += units * self.design.keeps(ledger.number)
                elif self.design.pays(self.design.class_at(ledger, name, day)):
                    paid[ledger.number] += units
        for message in self.messages:
            for number, _ in self.crossing(message, day):
                paid[number, message.lane] += self.design.worth(message, self.home, epoch)
        gone = sum(1 for _, number, _ in self.trace.at_close(day) if number == ELSEWHERE)
        if epoch:
            gone = self.elsewhere(day, epoch)
        paid[ELSEWHERE] = gone * self.design.keeps(ELSEWHERE)
        return paid

    def moved(self, day: int) -> Counter[tuple[int, int]]:
        """By (ledger, lane): what crossed at a close and landed elsewhere than it was bound for."""
        out: Counter[tuple[int, int]] = Counter()
        for message in self.messages:
            if message.landing is None or not self.crossing(message, day):
                continue
            first = message.first
            back = first.turned is not None and first.turned <= day
            bound = first.source if back else first.destination
            if bound != message.landing.ledger:
                units = self.design.worth(message, self.home, self.home.epoch(day))
                out[message.landing.ledger, message.lane] += units
                out[bound, message.lane] -= units
        return out

    # --- properties ------------------------------------------------------------------------------

    def check_step(self) -> None:
        """INV-1, INV-2, INV-3 and INV-5, which hold after every step."""
        self._check_positions()
        self._check_tables()
        if not max(ledger.epoch() for ledger in self.ledgers):
            self._check_places()
            for lane in self.lanes:
                self._check_backing(lane)
        for lane in self.lanes:
            self._check_dust(lane)

    def _check_tables(self) -> None:
        """Remote ledgers know the first of home's ratios, none earlier than home takes it."""
        for ledger in self.ledgers[1:]:
            known = [ratio[:2] for ratio in ledger.ratios]
            ahead = (
                each.first_day < ours.first_day
                for each, ours in zip(ledger.ratios, self.home.ratios, strict=False)
            )
            prefix = known == [ratio[:2] for ratio in self.home.ratios[: len(known)]]
            need(prefix and not any(ahead), Property.ONCE_EACH, f"ledger {ledger.number}: {known}")

    def loose(self, epoch: int, words: int) -> int:
        """Most that ratios rounded off: under a unit a word and ratio, as later ones leave it."""
        most = 0
        for ratio in self.home.ratios[:epoch]:
            most = -(-most * ratio.numerator // ratio.denominator) + words
        return most

    def _older(self, lane: int, epoch: int) -> int:
        return sum(1 for m in self.messages if m.lane == lane and m.epoch < epoch)

    def _check_dust(self, lane: int) -> None:
        """INV-2 and INV-1 of a lane in the newest units of all ledgers.

        Home owes what is out, and above it no more than remainders.
        """
        remote, epoch = self.ledgers[lane], max(each.epoch() for each in self.ledgers)
        mine = [m for m in self.messages if m.lane == lane]

        def up(amount: int, since: int) -> int:
            return self.home.carried(amount, since, epoch)

        under_way = sum(up(m.amount, m.epoch) for m in mine if m.state is State.TRANSIT)
        out = up(remote.figure(f"outstanding {lane}").now, remote.epoch()) + under_way
        out += sum(self.redeemed.count(each) for each in set(self.redeemed) if each[1] == lane)
        owed = up(self.home.figure(f"outstanding {lane}").now, self.home.epoch())
        dust, most = owed - out, self.loose(epoch, self._older(lane, epoch) + 1)
        need(dust >= 0, Property.BACKING, f"lane {lane} owes {owed} of {out}")
        need(dust <= most, Property.ISSUE, f"lane {lane}: {dust} stranded, at most {most}")
        for ledger in (self.home, remote):
            waits = sum(
                self._held(m)
                for m in mine
                if m.state is State.SUSPENSE and m.destination == ledger.number
            )
            kept = ledger.figure(f"suspense {lane}").now
            backed = ledger.has(custody(lane)) - kept
            if ledger is self.home:
                backed -= ledger.figure(f"outstanding {lane}").now
            need(
                0 <= kept - waits <= most and 0 <= backed <= most,
                Property.BACKING,
                f"lane {lane}, ledger {ledger.number}: {waits} wait of {kept}, {backed} too many",
            )

    def _check_positions(self) -> None:
        for ledger in self.ledgers:
            positions = sum(story.now[0] for story in ledger.accounts.values())
            positions += ledger.uncredited
            supply = ledger.figure("supply").now
            need(
                positions == supply,
                Property.POSITIONS,
                f"ledger {ledger.number}: {positions} of {supply}",
            )

    def _check_places(self) -> None:
        """INV-1: the issue is where its units are. INV-3: no unit, no message in two places."""
        places: Counter[int] = Counter()
        for lot in self.trace.lots.values():
            places.update(lot.keys())
        for message in self.messages:
            once = message.ends == (not message.pending)
            need(once, Property.ONE_EFFECT, f"a message ended {message.ends} times")
            if message.pending:
                places.update(message.units)
        doubled = sum(1 for times in places.values() if times > 1)
        need(doubled == 0, Property.ONE_EFFECT, f"{doubled} units in two places")
        issue = self.home.figure("supply").now + self.home.figure("bridged out").now
        need(len(places) == issue, Property.ISSUE, f"{len(places)} units in all places of {issue}")

    def _check_backing(self, lane: int) -> None:
        """INV-2 from the messages alone, and that both ends' books say the same."""
        out = [m for m in self.messages if m.lane == lane and m.source == HOME]
        back = [m for m in self.messages if m.lane == lane and m.source != HOME]
        locked, released = _left(out), _arrived(back)
        burned, minted = _left(back), _arrived(out)
        redeemed = sum(1 for _, way in self.redeemed if way == lane)
        booked = self.home.figure(f"gone {lane}").now
        kept, standing = locked - released - booked, minted - burned - redeemed - booked
        need(
            released <= burned and minted <= locked and 0 <= standing <= kept,
            Property.BACKING,
            f"lane {lane}: locked {locked}, released {released}, minted {minted}, burned {burned}",
        )
        for ledger, expected in ((self.home, kept), (self.ledgers[lane], standing)):
            owed = ledger.figure(f"outstanding {lane}").now
            waits = ledger.figure(f"suspense {lane}").now
            holds = ledger.has(custody(lane))
            need(
                owed == expected and holds == waits + (owed if ledger is self.home else 0),
                Property.BACKING,
                f"lane {lane}, ledger {ledger.number}: owes {owed} of {expected}, holds {holds}",
            )

    def check_cut(self, day: int, cut: Cut) -> None:
        """A past close: the gate, INV-6 by sums and unit by unit, and each ledger's reserves."""
        self._check_gate(cut)
        paid = self.claimed(day)
        home = self.home
        issue = sum(home.closing(home.figure(name), day) for name in ("supply", "bridged out"))
        total = sum(paid.values())
        need(total <= cut.issue, Property.TWICE, f"{total - issue} units at close {day}")
        words = sum(len(ledger.accounts) for ledger in self.ledgers) + len(self.messages)
        words += len(self.bridged) + 8 * self.remotes
        most = self.loose(home.epoch(day), words)
        need(total >= issue - most, Property.NOBODY, f"{issue - total} units at close {day}")
        if not home.epoch(day):
            self._check_each_unit(day, issue)
        self._check_reserves(day, cut, paid)

    def _check_gate(self, cut: Cut) -> None:
        need(not cut.breaks, Property.GATE, "; ".join(map(str, cut.breaks)))

    def _check_each_unit(self, day: int, issue: int) -> None:
        times: Counter[int] = Counter()
        entitled: dict[tuple[int, str], bool] = {}
        for unit, number, account in self.trace.at_close(day):
            if (number, account) not in entitled:
                kind = AccountClass.POOL
                if number != ELSEWHERE:
                    kind = self.design.class_at(self.ledgers[number], account, day)
                # Pools and what is elsewhere are reserves, each paid once.
                entitled[number, account] = (
                    self.design.keeps(number)
                    if kind is AccountClass.POOL
                    else self.design.pays(kind)
                )
            times[unit] += entitled[number, account]
        for message in self.messages:
            for _ in self.crossing(message, day):
                times.update(message.units)
        twice = sum(1 for count in times.values() if count > 1)
        once = sum(1 for count in times.values() if count == 1)
        need(twice == 0, Property.TWICE, f"{twice} single units at close {day}")
        need(once == issue, Property.NOBODY, f"{issue - once} single units at close {day}")

    def _check_reserves(self, day: int, cut: Cut, paid: dict[object, int]) -> None:
        """Each draws on a reserve of its own, and in the end nothing is left in any.

        After a ratio remainders are: less than a unit a word that makes it up.
        """
        epoch = self.home.epoch(day)
        moved = self.moved(day)
        fixed: dict[object, int] = {
            HOME: cut.accounts,
            (HOME, "pool"): cut.pooled,
            ELSEWHERE: cut.elsewhere,
        }
        for lane in self.lanes:
            share = cut.shares[lane_id(lane)]
            fixed |= {
                lane: share.accounts,
                (lane, "pool"): share.pooled,
                (HOME, lane): share.home_crossing + moved[HOME, lane],
                (lane, lane): share.crossing + moved[lane, lane],
            }
        for reserve, units in fixed.items():
            drawn = paid.get(reserve, 0)
            words = 8
            if isinstance(reserve, tuple) and isinstance(reserve[1], int):
                words = self._older(reserve[1], epoch) + 3
            most = self.loose(epoch, words)
            short = 0
            if reserve == ELSEWHERE:
                # Other bridges round by themselves: no figure of ours bounds what they carry.
                most = short = self.loose(epoch, len(self.bridged) + 2 * self.remotes + 2)
            detail = f"{reserve} pays {drawn} of {units} at close {day}"
            need(-short <= units - drawn <= most, Property.LEDGER_TOTAL, detail)

    def settle(self) -> None:
        """Everything ends: clocks agree, everybody is admitted, what flies lands or goes back."""
        for ledger in self.ledgers:
            ledger.barred = set()
            for lane in self.lanes:
                if ledger.number in (HOME, lane):
                    ledger.set_class(custody(lane), AccountClass.LINK)
        self.withdrawn = None
        for lane in self.lanes:
            while self.arm(lane):
                pass
        latest = max(
            max(ledger.now, *(ledger.ends(ratio.first_day) for ratio in ledger.ratios), 0)
            for ledger in self.ledgers
        )
        for ledger in self.ledgers:
            ledger.now = latest
        # What goes back joins them.
        for message in self.messages:
            self.deliver(message)
            self.claim(message)
            self.give_back(message)
        self.check_step()
        pending = sum(message.pending for message in self.messages)
        need(pending == 0, Property.ONE_EFFECT, f"{pending} messages never end")
        for ledger in self.ledgers:
            ledger.now += 2 * DAY


def lane_id(lane: int) -> LaneId:
    """The id of a lane."""
    return LaneId(lane.to_bytes(32, "big"))


def _left(messages: list[Message]) -> int:
    """Units that left a source."""
    return sum(m.amount for m in messages)


def _arrived(messages: list[Message]) -> int:
    """Units that a destination took in."""
    return sum(m.amount for m in messages if m.state is not State.TRANSIT)
