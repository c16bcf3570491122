"""What happens on the model's ledgers: acts, each of which does nothing where it is refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tallystick.token.position import AccountClass
from tallystick.token.ratios import Ratio
from tests.actions.ledgers import (
    AGENT,
    DAY,
    EACH,
    ELSEWHERE,
    HOME,
    PEOPLE,
    POOL,
    Landing,
    Ledger,
    Message,
    Property,
    State,
    Trace,
    custody,
    need,
)
from tests.actions.rules import Design


@dataclass(frozen=True)
class Carriage:
    """Units with another bridge: of an epoch, since a day, until one."""

    amount: int
    epoch: int
    left: int
    units: list[int]
    came: int | None = None


@dataclass
class Ledgers:
    """A home ledger, remote ledgers with a lane each, and all that happened."""

    remotes: int
    design: Design = field(default_factory=Design)
    each: int = EACH

    def __post_init__(self) -> None:
        self.ledgers = [Ledger(n, self.design.close(n)) for n in range(self.remotes + 1)]
        self.home = self.ledgers[HOME]
        self.messages: list[Message] = []
        self.trace = Trace()
        self.bridged: list[Carriage] = []
        # Units redeemed abroad but still in home's books, with lane.
        self.redeemed: list[tuple[int, int]] = []
        # Which of home's ratios is being withdrawn, and which lanes' ledgers have dropped it.
        self.withdrawn: int | None = None
        self.dropped: set[int] = set()
        for lane in self.lanes:
            self.home.set_class(custody(lane), AccountClass.LINK)
            self.ledgers[lane].set_class(custody(lane), AccountClass.LINK)
        for ledger in self.ledgers:
            ledger.set_class(POOL, AccountClass.POOL)
        for index, person in enumerate(PEOPLE):
            self.home.credit(person, self.each)
            self.home.count("supply", self.each)
            units = list(range(index * self.each, (index + 1) * self.each))
            self.trace.put(HOME, person, units, self.home.day())

    @property
    def lanes(self) -> range:
        """Each remote ledger's number is its lane's."""
        return range(1, self.remotes + 1)

    # --- acts: each does nothing and says so where the ledgers refuse it -------------------------

    def _leave(self, ledger: Ledger, account: str, amount: int) -> list[int]:
        ledger.credit(account, -amount)
        if ledger.epoch():
            return []
        return self.trace.take(ledger.number, account, amount, ledger.day())

    def _arrive(self, ledger: Ledger, account: str, amount: int, units: list[int]) -> None:
        ledger.credit(account, amount)
        if not ledger.epoch():
            self.trace.put(ledger.number, account, units, ledger.day())

    def transfer(self, number: int, sender: str, recipient: str, amount: int) -> bool:
        """Move units on one ledger; `recipient` may be a pool."""
        ledger = self.ledgers[number]
        if not 0 < amount <= ledger.has(sender) or recipient in ledger.barred:
            return False
        self._arrive(ledger, recipient, amount, self._leave(ledger, sender, amount))
        return True

    def send(
        self, source: int, destination: int, sender: str, recipient: str, amount: int
    ) -> Message | None:
        """Lock at home, or burn abroad."""
        lane, ledger = source or destination, self.ledgers[source]
        if not 0 < amount <= ledger.has(sender) or not self._open(source, lane):
            return None
        if source != HOME and amount > ledger.figure(f"outstanding {lane}").now:
            return None
        units = self._leave(ledger, sender, amount)
        if source == HOME:
            ledger.credit(custody(lane), amount)
        return self._depart(source, destination, sender, recipient, amount, units)

    def _open(self, number: int, lane: int) -> bool:
        return self.ledgers[number].class_of(custody(lane)) is AccountClass.LINK

    def _depart(
        self,
        source: int,
        destination: int,
        sender: str,
        recipient: str,
        amount: int,
        units: list[int],
        origin: Message | None = None,
    ) -> Message:
        """Book units out; at home they stay in custody, abroad they are gone from the supply."""
        lane, ledger = source or destination, self.ledgers[source]
        if source == HOME:
            ledger.count(f"outstanding {lane}", amount)
        else:
            ledger.count(f"outstanding {lane}", -amount)
            ledger.count("supply", -amount)
        ledger.count(f"sent {lane}", amount)
        now = ledger.now
        message = Message(
            lane,
            source,
            destination,
            sender,
            recipient,
            amount,
            ledger.epoch(),
            units,
            now,
            now + 4 * DAY,
            origin,
        )
        self.messages.append(message)
        return message

    def _book_in(self, message: Message, amount: int) -> None:
        """Book units in and credit them, or let them wait: for who can't take them, or too late."""
        number, party = message.destination, message.recipient
        ledger, lane = self.ledgers[number], message.lane
        message.arrived = ledger.day()
        if number == HOME:
            ledger.count(f"outstanding {lane}", -amount)
        else:
            ledger.count(f"outstanding {lane}", amount)
            ledger.count("supply", amount)
            ledger.credit(custody(lane), amount)
        if party in ledger.barred or message.late(ledger.now):
            message.state, message.held = State.SUSPENSE, (amount, ledger.epoch())
            ledger.count(f"suspense {lane}", amount)
            if self.design.lands_in_suspense():
                self._note(message, number, party, amount)
        else:
            self._land(message, number, party, amount)

    def _land(self, message: Message, number: int, payee: str, amount: int) -> None:
        ledger = self.ledgers[number]
        ledger.credit(custody(message.lane), -amount)
        self._arrive(ledger, payee, amount, message.units)
        message.state = State.LANDED
        message.ends += 1
        if message.landing is None:
            self._note(message, number, payee, amount)

    def _note(self, message: Message, number: int, payee: str, amount: int) -> None:
        ledger = self.ledgers[number]
        if self.design.notes(message, ledger.day(message.lock_time), ledger.day()):
            message.landing = Landing(number, ledger.day(), payee, amount)

    def _held(self, message: Message) -> int:
        """What waits of a message, in its ledger's units of now."""
        return self.ledgers[message.destination].carried(*message.held)

    def deliver(self, message: Message) -> bool:
        """Take a message in where it is bound for."""
        ledger = self.ledgers[message.destination]
        if message.state is not State.TRANSIT or not self.design.deliverable(message, ledger.now):
            return False
        if not self._open(ledger.number, message.lane):
            return False
        amount = self.design.lands(message, ledger)
        if amount is None:
            self._check_late(message)
            return False
        self._book_in(message, amount)
        return True

    def _check_late(self, message: Message) -> None:
        """Only a ledger that took a ratio late is ever behind a message."""
        begins = self.ledgers[message.destination].ratios[message.epoch - 1 : message.epoch]
        begun = self.ledgers[message.source].ratios[message.epoch - 1].first_day
        late = not begins or begins[0].first_day > begun
        need(late, Property.ONCE_EACH, f"a message of epoch {message.epoch} is early")

    def claim(self, message: Message) -> bool:
        """Take units out of suspense, for whom they wait there; not past the deadline."""
        late = message.late(self.ledgers[message.destination].now)
        return not late and self._release(message, message.recipient)

    def redirect(self, message: Message, payee: str) -> bool:
        """Two roles give units in suspense to somebody else."""
        return self._release(message, payee)

    def _release(self, message: Message, payee: str) -> bool:
        if message.state is not State.SUSPENSE:
            return False
        ledger = self.ledgers[message.destination]
        if payee in ledger.barred:
            return False
        amount = self._held(message)
        ledger.count(f"suspense {message.lane}", -amount)
        self._land(message, ledger.number, payee, amount)
        return True

    def give_back(self, message: Message) -> Message | None:
        """Send units in suspense back to their source, once they are late."""
        late = message.late(self.ledgers[message.destination].now)
        if message.state is not State.SUSPENSE or not late:
            return None
        ledger, lane = self.ledgers[message.destination], message.lane
        amount = self._held(message)
        ledger.count(f"suspense {lane}", -amount)
        if ledger.number != HOME:
            ledger.credit(custody(lane), -amount)
        message.state, message.turned = State.RETURNED, ledger.day()
        message.ends += 1
        return self._depart(
            message.destination,
            message.source,
            message.recipient,
            message.sender,
            amount,
            message.units,
            origin=message,
        )

    def bridge_out(self, number: int, holder: str, amount: int) -> bool:
        """Another bridge burns units here, to mint them elsewhere."""
        ledger = self.ledgers[number]
        if not 0 < amount <= ledger.has(holder):
            return False
        units = self._leave(ledger, holder, amount)
        self.trace.put(ELSEWHERE, "bridge", units, ledger.day())
        self.bridged.append(Carriage(amount, ledger.epoch(), ledger.day(), units))
        ledger.count("supply", -amount)
        ledger.count(*(("bridged out", amount) if number == HOME else ("came", -amount)))
        return True

    def bridge_in(self, number: int, holder: str, amount: int) -> bool:
        """Another bridge mints what it burned elsewhere, on that day or a later one.

        At home no more than was taken out there. What left in old units it restates, as we do.
        """
        ledger = self.ledgers[number]
        carriage = next(
            (
                each
                for each in self.bridged
                if each.came is None and each.left <= ledger.day() and each.epoch <= ledger.epoch()
            ),
            None,
        )
        if carriage is None or holder in ledger.barred:
            return False
        part = min(amount, carriage.amount)
        brought = ledger.carried(part, carriage.epoch)
        if not brought or (number == HOME and brought > ledger.figure("bridged out").now):
            return False
        units, left = carriage.units[:part], carriage.units[part:]
        self.bridged.remove(carriage)
        self.bridged.append(replace(carriage, amount=part, units=units, came=ledger.day()))
        if part < carriage.amount:
            self.bridged.append(replace(carriage, amount=carriage.amount - part, units=left))
        self.trace.end(ELSEWHERE, "bridge", units, ledger.day())
        self._arrive(ledger, holder, brought, units)
        ledger.count("supply", brought)
        ledger.count(*(("bridged out", -brought) if number == HOME else ("came", brought)))
        return True

    def elsewhere(self, day: int, epoch: int) -> int:
        """Units that were with another bridge at a close, as it says, in units of an epoch."""
        return sum(
            self.home.carried(each.amount, each.epoch, epoch)
            for each in self.bridged
            if each.left <= day and (each.came is None or day < each.came)
        )

    def redeem(self, lane: int, holder: str, amount: int) -> bool:
        """The issuer redeems units abroad; home books it later. Not yet where ratios are."""
        ledger = self.ledgers[lane]
        if self.home.ratios or not 0 < amount <= min(
            ledger.has(holder), ledger.figure(f"outstanding {lane}").now
        ):
            return False
        units = self._leave(ledger, holder, amount)
        self.trace.put(ELSEWHERE, f"redeemed {lane}", units, ledger.day())
        self.redeemed += [(unit, lane) for unit in units]
        ledger.count("supply", -amount)
        ledger.count("came", -amount)
        ledger.count(f"outstanding {lane}", -amount)
        return True

    def book_redemption(self, lane: int) -> bool:
        """Home learns of a redemption abroad, on its day or later: the units are no more."""
        lot = self.trace.lots.get((ELSEWHERE, f"redeemed {lane}"), {})
        units = [unit for unit, since in lot.items() if since <= self.home.day()]
        if not units:
            return False
        self.redeemed = [(unit, way) for unit, way in self.redeemed if unit not in units]
        self.trace.end(ELSEWHERE, f"redeemed {lane}", units, self.home.day())
        self.home.credit(custody(lane), -len(units))
        self.home.count("supply", -len(units))
        self.home.count(f"outstanding {lane}", -len(units))
        self.home.count(f"gone {lane}", len(units))
        return True

    # --- ratios ----------------------------------------------------------------------------------

    def announce(self, numerator: int, denominator: int, ahead: int) -> bool:
        """Home announces a ratio: after all others, and never for a day that has begun."""
        if self.redeemed or any(self.home.figure(f"gone {lane}").now for lane in self.lanes):
            return False
        earliest = max([self.home.day(), *(ratio.first_day for ratio in self.home.ratios)]) + 1
        self.home.ratios.append(Ratio(numerator, denominator, earliest + ahead))
        return True

    def arm(self, lane: int) -> bool:
        """A remote ledger is told of the next ratio; it takes it on its day or, late, not at once.

        One that dropped a ratio waits for home's last word.
        """
        ledger = self.ledgers[lane]
        at = len(ledger.ratios)
        if at >= len(self.home.ratios) or (at == self.withdrawn and lane in self.dropped):
            return False
        ratio = self.home.ratios[at]
        after = max([ledger.day(), *(each.first_day for each in ledger.ratios)])
        ledger.ratios.append(ratio._replace(first_day=max(ratio.first_day, after + 1)))
        return True

    def withdraw(self, at: int) -> bool:
        """Home begins to withdraw a ratio that is not in force."""
        if self.withdrawn is not None or not self.home.epoch() <= at < len(self.home.ratios):
            return False
        self.withdrawn, self.dropped = at, set()
        return True

    def hear(self, lane: int) -> bool:
        """A remote ledger learns that a ratio is withdrawn; in force there, it stays."""
        ledger, at = self.ledgers[lane], self.withdrawn
        if at is None or lane in self.dropped or ledger.epoch() > at:
            return False
        self.design.withdraw(ledger, at)
        self.dropped.add(lane)
        return True

    def end_withdrawal(self) -> bool:
        """Home drops it last, with every answer and before its own close; else it applies."""
        at = self.withdrawn
        if at is None:
            return False
        if self.home.epoch() <= at:
            if self.dropped != set(self.lanes):
                return False
            del self.home.ratios[at]
        self.withdrawn = None
        return True

    def credit_remainders(self, number: int) -> bool:
        """What rounding took from accounts, and not from the supply, is the agent's."""
        ledger = self.ledgers[number]
        units, ledger.uncredited = ledger.uncredited, 0
        ledger.credit(AGENT, units)
        return bool(units)
