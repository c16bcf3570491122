"""What closings must say: a model with all of history, and questions that hold a token to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.chain import Contract, Revert
from tallystick.token.closings import (
    CALENDAR_DAYS,
    MAX_AHEAD,
    SLOTS,
    Opening,
    first_after,
)
from tallystick.token.position import DAY_MAX
from tests.support.world import DAY, ZERO, Side, World, read_slot

# Days that are answered without announcement, and that an announcement may come late by.
WEEK = SLOTS - 1
NOT_KEPT = "book: not kept, or give a hint"
FALSE_HINT = "book: hint is no later opening"


def opening_key(account: str, day: int) -> int:
    """The key of a day's opening, with `day % SLOTS` of its slot; the supply's is address 0's."""
    return int(account, 16) << 16 | day


def calendar_of(word: int) -> tuple[int, ...]:
    """The announced closes of the contract's calendar word, the latest first."""
    days = (word >> 16 * place & DAY_MAX for place in range(CALENDAR_DAYS))
    return tuple(day for day in days if day)


@dataclass
class History:
    """All that happened to one account, or to the supply: day -> (balance, link) when it ended."""

    account: str
    # Whether its history began with a kept 0: the supply's, and of accounts that began as links.
    begun: bool
    days: dict[int, tuple[int, bool]] = field(default_factory=dict)

    def at(self, day: int) -> tuple[int, bool]:
        """Balance at the close of a day, and whether it was a link account's."""
        moved = [each for each in self.days if each <= day]
        balance, link = self.days[max(moved)] if moved else (0, False)
        return balance, link and balance != 0

    def hint(self, day: int) -> int:
        """The right hint: the first movement after it; a first day without opening is none."""
        found = first_after(day, self.days)
        return 0 if found == min(self.days, default=0) and not self.begun else found


@dataclass
class Closings:
    """Which close must be answered, and how; knows no slots, no openings, no words."""

    histories: dict[str, History] = field(default_factory=dict)
    announced: set[int] = field(default_factory=set)
    calendar: list[int] = field(default_factory=list)
    # (account, day) that somebody kept.
    kept: set[tuple[str, int]] = field(default_factory=set)

    def move(self, account: str, day: int, balance: int, *, link: bool = False) -> None:
        """An account ends a movement of this day with so much."""
        history = self.histories.setdefault(account, History(account, begun=link))
        history.days[day] = (balance, link)

    def announce(self, day: int, today: int) -> str | None:
        """Announce a close; why it is refused, if it is."""
        if day > today + MAX_AHEAD:
            return "book: close too far ahead"
        if day < today - WEEK:
            return "book: close no longer kept"
        if day not in self.calendar:
            entered = sorted([*self.calendar, day])
            if len(entered) > CALENDAR_DAYS:
                oldest, next_oldest = entered[:2]
                if oldest == day or next_oldest >= today:
                    return "book: calendar full"
                entered.remove(oldest)
            self.calendar = entered
        self.announced.add(day)
        return None

    def promised(self, history: History, day: int, today: int) -> bool:
        """Whether the close must be answered, to who brings the right hint."""
        moved = sorted(history.days)
        if not moved or moved[-1] <= day:
            return True
        if day < moved[0]:
            # A holder's first day keeps nothing; while it is young it is provably the first.
            return history.begun or moved[0] > today - SLOTS
        # One opening tells all closes from the movement before it on.
        kept = (at for who, at in self.kept if who == history.account)
        alike = {first_after(at, moved) for at in (*self.announced, *kept)}
        return day >= today - WEEK or first_after(day, moved) in alike


# Days to the next acts, and what happens then.
Script = list[tuple[int, list[tuple[Any, ...]]]]


def played(
    world: World, acts: st.SearchStrategy[Any], play: Callable[[World, Script, int], None]
) -> None:
    """Play scripts of acts on a world, half as many as other tests: each asks many questions."""
    # Slots come round for what moves nearly every day.
    gaps = st.one_of(
        st.sampled_from([1, 1, 1, 2, SLOTS - 1, SLOTS, SLOTS + 1, 2 * SLOTS]), st.integers(1, 20)
    )
    scripts = st.lists(st.tuples(gaps, st.lists(acts, max_size=4)), min_size=8, max_size=40)

    @settings(max_examples=max(settings.default.max_examples // 2, 1))
    @given(scripts, st.integers(0, 3))
    def check(script: Script, crowd: int) -> None:
        with world.isolated():
            play(world, script, crowd)

    check()


def dated(side: Side, script: Script) -> Iterator[tuple[Any, ...]]:
    """The acts, each on its day."""
    for gap, todo in script:
        yield from todo
        side.chain.advance(gap * DAY)


def openings_of(token: Contract, account: str, days: Iterable[int]) -> set[int]:
    """The days of which an opening of the account is in storage, kept or in its slot."""
    found = set()
    for day in days:
        for key in (day, day % SLOTS):
            word = read_slot(token, "book", "_openings", opening_key(account, key))
            if word and Opening.unpack(word).day == day:
                found.add(day)
    return found


def hold_to(model: Closings, token: Contract, first: int) -> int:
    """Ask closes from `first` on of everybody with hints true and false; returns the answers.

    Those announced, those of the last days, and those before and after each movement.

    Raises:
        AssertionError: an answer is wrong, or one that was promised is missing.
    """
    today, answered = int(token.business_day()), 0
    for account, history in model.histories.items():
        openings = openings_of(token, account, range(first, today + 1))
        assert openings <= set(history.days), f"{account}: openings on days without a movement"
        days = model.announced | set(range(today - SLOTS - 1, today))
        for moved in history.days:
            days |= {moved - 1, moved}
        for day in sorted(each for each in days if first <= each < today):
            right = history.hint(day)
            wanted = history.at(day)
            found = ask(token, account, day, right)
            if found is None:
                assert not model.promised(history, day, today), (
                    f"{account}: the close of {day} is promised and was not answered with hint "
                    f"{right} on {today}"
                )
            else:
                assert found == wanted, f"{account}: {found} at the close of {day}, not {wanted}"
                answered += 1
            later = sorted(openings - set(range(day + 1)))
            false = (day, day + 3, day + SLOTS, today + 1, today + SLOTS, 2**16 + right, 5, 2**255)
            for hint in {0, *later[:1], *later[-1:], false[day % len(false)]} - {right}:
                found = ask(token, account, day, hint)
                assert found in (None, wanted), (
                    f"{account}: {found} at the close of {day} with hint {hint}, not {wanted}"
                )
    return answered


def ask(token: Contract, account: str, day: int, hint: int) -> tuple[int, bool] | None:
    """Balance and class at a close by the token's views, which must agree; None: not answered."""
    try:
        if account == ZERO:
            return int(token.supply_at_close(day, hint)), False
        balance = int(token.balance_at_close(account, day, hint))
    except Revert as refusal:
        if refusal.reason not in (NOT_KEPT, FALSE_HINT):
            raise
        return None
    entitled = int(token.entitled_at_close(account, day, hint))
    assert entitled in (0, balance)
    # Of an account without units the view can't tell its class, and need not.
    return balance, balance != 0 and entitled == 0


def kept_or_refused(token: Contract, account: str, day: int, hint: int, sender: Any) -> str | None:
    """Keep a close; why it was refused, if it was."""
    try:
        token.keep(account, day, hint, sender=sender)
    except Revert as refusal:
        return str(refusal.reason)
    return None
