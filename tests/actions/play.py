"""Random plays of the model: any act at any moment, then every past close."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from tallystick.actions.cut import Cut
from tallystick.token.position import AccountClass
from tests.actions.model import (
    EACH,
    HOME,
    PEOPLE,
    POOL,
    Broken,
    Design,
    Ledger,
    Message,
    Property,
    State,
    World,
    custody,
    need,
)

Act = Callable[["Play"], object]


@dataclass
class Play:
    """One run: a world, what chance does with it, and which cuts were fixed on the way."""

    world: World
    chance: Random
    fixed: dict[int, Cut] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    def person(self) -> str:
        return self.chance.choice(PEOPLE)

    def lane(self) -> int:
        return self.chance.choice(self.world.lanes)

    def ledger(self) -> Ledger:
        return self.chance.choice(self.world.ledgers)

    def amount(self) -> int:
        return self.chance.choice((1, 2, 7, self.chance.randint(1, 30)))

    def message(self, state: State) -> Message | None:
        """Some message in that state; now and then any, which must refuse."""
        messages = self.world.messages
        if self.chance.random() < 0.95:
            messages = [message for message in messages if message.state is state]
        return self.chance.choice(messages) if messages else None

    def most(self, ledger: Ledger, holder: str) -> int:
        """An amount that the holder has, or 0."""
        return min(self.amount(), ledger.has(holder))


def _transfer(play: Play) -> object:
    ledger, sender = play.ledger(), play.chance.choice((*PEOPLE, *PEOPLE, POOL))
    recipient = play.chance.choice((*PEOPLE, *PEOPLE, POOL))
    return play.world.transfer(ledger.number, sender, recipient, play.most(ledger, sender))


def _send(play: Play, *, out: bool) -> object:
    lane, sender = play.lane(), play.person()
    source, destination = (HOME, lane) if out else (lane, HOME)
    amount = play.most(play.world.ledgers[source], sender)
    return play.world.send(source, destination, sender, play.person(), amount)


def _deliver(play: Play) -> object:
    message = play.message(State.TRANSIT)
    delivered = message and play.world.deliver(message)
    waits = bool(delivered) and message.state is State.SUSPENSE
    play.seen["suspense"] += waits
    play.seen["return waits"] += waits and message.origin is not None
    return delivered


def _claim(play: Play) -> object:
    message = play.message(State.SUSPENSE)
    return message and play.world.claim(message)


def _redirect(play: Play) -> object:
    message = play.message(State.SUSPENSE)
    return message and play.world.redirect(message, play.person())


def _give_back(play: Play) -> object:
    message = play.message(State.SUSPENSE)
    return message and play.world.give_back(message)


def _tick(most: int) -> Act:
    """Time passes: on one ledger, or on all of them."""

    def tick(play: Play) -> None:
        ledgers = play.world.ledgers if play.chance.random() < 0.5 else [play.ledger()]
        passed = play.chance.randint(1, most)
        for ledger in ledgers:
            ledger.now += passed

    return tick


def _to_close(play: Play) -> None:
    """A clock to its close, exactly."""
    ledger = play.ledger()
    ledger.now = ledger.ends(ledger.day())


def _catch_up(play: Play) -> None:
    """A clock to the latest one."""
    play.ledger().now = max(ledger.now for ledger in play.world.ledgers)


def _admission(play: Play) -> None:
    play.ledger().barred ^= {play.person()}


def _classify(play: Play) -> object:
    """An empty pool becomes a holder and back; so does a custody."""
    ledger = play.ledger()
    name = play.chance.choice((POOL, custody(ledger.number or play.lane())))
    kind = AccountClass.POOL if name == POOL else AccountClass.LINK
    return ledger.set_class(name, AccountClass.HOLDER if ledger.class_of(name) is kind else kind)


def _bridge(play: Play) -> object:
    ledger, holder = play.ledger(), play.person()
    if play.chance.random() < 0.5:
        return play.world.bridge_in(ledger.number, holder, play.amount())
    return play.world.bridge_out(ledger.number, holder, play.most(ledger, holder))


def _redeem(play: Play) -> object:
    lane, holder = play.lane(), play.person()
    if play.chance.random() < 0.5:
        return play.world.book_redemption(lane)
    return play.world.redeem(lane, holder, play.most(play.world.ledgers[lane], holder) // 3)


def _fix(play: Play) -> None:
    """Cuts are fixed some time after their close, while everything goes on."""
    for day in range(min(ledger.day() for ledger in play.world.ledgers)):
        if day not in play.fixed and day >= 1:
            play.fixed[day] = play.world.fix(day)


ACTS: Final[dict[str, tuple[int, Act]]] = {
    "transfer": (2, _transfer),
    "send out": (4, lambda play: _send(play, out=True)),
    "send home": (4, lambda play: _send(play, out=False)),
    "deliver": (6, _deliver),
    "claim": (3, _claim),
    "redirect": (1, _redirect),
    "give back": (4, _give_back),
    "tick": (2, _tick(7)),
    "days": (2, _tick(34)),
    "to close": (2, _to_close),
    "catch up": (2, _catch_up),
    "admission": (5, _admission),
    "class": (1, _classify),
    "bridge": (2, _bridge),
    "redeem": (2, _redeem),
    "fix": (1, _fix),
}


def play(design: Design, seed: int, acts: int = 80) -> Counter[str]:
    """Play one run to its end and check every close of it.

    Returns:
        What happened, counted.

    Raises:
        Broken: what does not hold, with the acts that led to it as a note.
    """
    chance = Random(seed)
    run = Play(World(1 + seed % 2, design), chance)
    names, weights = list(ACTS), [weight for weight, _ in ACTS.values()]
    told: list[str] = []
    try:
        _spread(run)
        for name in chance.choices(names, weights, k=acts):
            if ACTS[name][1](run) not in (None, False):
                run.seen[name] += 1
                told.append(name)
            run.world.check_step()
        run.world.settle()
        check_cuts(run)
    except Broken as broken:
        broken.add_note(f"seed {seed}, after {', '.join(told)}")
        raise
    return run.seen


def _spread(run: Play) -> None:
    """Everybody has units everywhere before it begins; then some may not receive more."""
    world = run.world
    for lane in world.lanes:
        for person in PEOPLE:
            message = world.send(HOME, lane, person, person, EACH // 4)
            if message is not None:
                world.deliver(message)
    for ledger in world.ledgers:
        ledger.barred = {person for person in PEOPLE if run.chance.random() < 0.3}


def check_cuts(run: Play) -> None:
    """Every close since the second day, as fixed on the way or now."""
    world = run.world
    for day in range(1, min(ledger.day() for ledger in world.ledgers)):
        cut = run.fixed.get(day) or world.fix(day)
        world.check_cut(day, cut)
        need(cut == world.fix(day), Property.LASTING, f"close {day}")
        run.seen["cuts"] += 1
        run.seen["units followed"] += cut.issue
        run.seen["crossing"] += sum(len(world.crossing(m, day)) for m in world.messages)
        run.seen["landed elsewhere"] += sum(1 for moved in world.moved(day).values() if moved)
        run.seen["under way both ways"] += any(
            share.home_crossing and share.crossing for share in cut.shares.values()
        )
