"""Random plays of the model: any act at any moment, then every past close."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from tallystick.actions.cut import Cut
from tallystick.token.position import AccountClass
from tests.actions.ledgers import (
    EACH,
    HOME,
    PEOPLE,
    POOL,
    Broken,
    Ledger,
    Message,
    Property,
    State,
    custody,
    need,
)
from tests.actions.model import World
from tests.actions.rules import Design

Act = Callable[["Play"], object]
# Units of each person where ratios come, so that something is left after 1:10 and 1:3.
MANY: Final = 150
MOST_RATIOS: Final = 3
FRACTIONS: Final = ((4, 1), (1, 10), (3, 2), (7, 5), (1, 3))


@dataclass
class Play:
    """One run: a world, what chance does with it, and which cuts were fixed on the way."""

    world: World
    chance: Random
    late: bool = False
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
    if message is None:
        return None
    delivered = play.world.deliver(message)
    waits = delivered and message.state is State.SUSPENSE
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


def _announce(play: Play) -> object:
    world = play.world
    if len(world.home.ratios) == MOST_RATIOS:
        return False
    announced = world.announce(*play.chance.choice(FRACTIONS), play.chance.randint(0, 3))
    if announced and not play.late:
        for lane in world.lanes:
            world.arm(lane)
    return announced


def _arm(play: Play) -> object:
    return play.world.arm(play.lane())


def _withdraw(play: Play) -> object:
    ratios = play.world.home.ratios
    return bool(ratios) and play.world.withdraw(play.chance.randrange(len(ratios)))


def _hear(play: Play) -> object:
    return play.world.hear(play.lane())


def _end_withdrawal(play: Play) -> object:
    before = len(play.world.home.ratios)
    ended = play.world.end_withdrawal()
    play.seen["dropped"] += len(play.world.home.ratios) < before
    play.seen["not dropped"] += bool(ended) and len(play.world.home.ratios) == before
    return ended


def _remainders(play: Play) -> object:
    return play.world.credit_remainders(play.ledger().number)


RATIO_ACTS: Final[dict[str, tuple[int, Act]]] = {
    "announce": (2, _announce),
    "arm": (2, _arm),
    "withdraw": (1, _withdraw),
    "hear": (3, _hear),
    "end withdrawal": (2, _end_withdrawal),
    "remainders": (1, _remainders),
}


def play(
    design: Design, seed: int, acts: int = 80, *, ratios: bool = False, late: bool = False
) -> Counter[str]:
    """Play one run to its end and check every close of it.

    Args:
        design: The rules.
        seed: Of chance.
        acts: How many.
        ratios: Whether ratios come, told to every ledger when they are announced.
        late: Whether each ledger is told of them at any time.

    Returns:
        What happened, counted.

    Raises:
        Broken: what does not hold, with the acts that led to it as a note.
    """
    chance = Random(seed)
    ratios = ratios or late
    run = Play(World(1 + seed % 2, design, MANY if ratios else EACH), chance, late)
    possible = ACTS | RATIO_ACTS if ratios else ACTS
    names, weights = list(possible), [weight for weight, _ in possible.values()]
    told: list[str] = []
    try:
        _spread(run)
        for name in chance.choices(names, weights, k=acts):
            if possible[name][1](run) not in (None, False):
                run.seen[name] += 1
                told.append(name)
            run.world.check_step()
        run.world.settle()
        check_dust(run)
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
            message = world.send(HOME, lane, person, person, world.each // 4)
            if message is not None:
                world.deliver(message)
    for ledger in world.ledgers:
        ledger.barred = {person for person in PEOPLE if run.chance.random() < 0.3}


def check_dust(run: Play) -> None:
    """What a lane keeps after its one ratio, once all has landed, is known from remainders alone.

    With K owed at home and U out there at the last closes in old units, and m under way:
    K' - U' - sum of m' = (rest of U + rests of m - rest of K) / denominator.
    """
    world, home = run.world, run.world.home
    if len(home.ratios) != 1:
        return
    ratio = home.ratios[0]
    for lane in world.lanes:
        remote, name = world.ledgers[lane], f"outstanding {lane}"
        owed = home.closing(home.figure(name), ratio.first_day - 1)
        out = remote.closing(remote.figure(name), remote.ratios[0].first_day - 1)
        late = sum(
            m.amount * ratio.numerator % ratio.denominator
            for m in world.messages
            if m.lane == lane
            and m.epoch == 0
            and m.arrived is not None
            and world.ledgers[m.destination].epoch(m.arrived) == 1
        )
        rests = [amount * ratio.numerator % ratio.denominator for amount in (out, owed)]
        dust, part = divmod(rests[0] + late - rests[1], ratio.denominator)
        kept = home.figure(name).now - remote.figure(name).now
        need(part == 0 and dust == kept, Property.ISSUE, f"lane {lane}: {kept} is kept, not {dust}")
        run.seen["dust"] += dust > 0


def check_cuts(run: Play) -> None:
    """Every close since the second day, as fixed on the way or now."""
    world = run.world
    for day in range(1, min(ledger.day() for ledger in world.ledgers)):
        cut = run.fixed.get(day) or world.fix(day)
        world.check_cut(day, cut)
        need(cut == world.fix(day), Property.LASTING, f"close {day}")
        run.seen["cuts"] += 1
        epoch = world.home.epoch(day)
        run.seen["cuts after a ratio"] += epoch > 0
        for lane in world.lanes:
            behind = epoch - world.ledgers[lane].epoch(day)
            run.seen["lanes behind"] += behind > 0
            run.seen["lanes far behind"] += behind > 1
        run.seen["units followed"] += 0 if epoch else cut.issue
        run.seen["crossing"] += sum(len(world.crossing(m, day)) for m in world.messages)
        run.seen["landed elsewhere"] += sum(1 for moved in world.moved(day).values() if moved)
        run.seen["under way both ways"] += any(
            share.home_crossing and share.crossing for share in cut.shares.values()
        )
