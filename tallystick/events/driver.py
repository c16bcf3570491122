"""An event driven on its ledgers: announced, confirmed, carried, fixed, funded, paid.

Every function asks the ledgers what is done already and does what is left, so that it can be
stopped anywhere and run again, by several at once. Each act is tried in a call first; without
`execute` nothing else happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from tallystick.actions.message import Figures, Status
from tallystick.actions.record import LANDED_CLAIM_DAYS
from tallystick.bridge.message import LaneMessage, party
from tallystick.chain import Revert
from tallystick.errors import InputError
from tallystick.events.acts import ANYONE, PAYMENT, Step
from tallystick.events.engines import ACCOUNTS
from tallystick.events.landings import Landings
from tallystick.text import hex_text, time_text, units_text
from tallystick.token.position import close_of, date_of

__all__ = ["BATCH", "OTHER_BRIDGES", "Driver", "Step"]

# Accounts that an engine pays in one call.
BATCH: Final = 25
_MAY_LAND: Final = "units may still land, by the newest close that was reconciled"
_EXPIRED: Final = "claims have expired"
_NO_PAYEE: Final = "no payee is named (tallystick event terms)"
_CAME_BACK: Final = "it came back: the paying agent brings the cash (tallystick event pay)"
_NOTHING_HELD: Final = "held nothing at the close"
OTHER_BRIDGES: Final = "with other bridges"


class Driver(Landings):
    """Does what is left of one event; see `Announcer`."""

    # ----------------------------------------------------------------------- the close

    def figures(self) -> Iterator[Step]:
        """Have every remote ledger tell what stood there at the close of the record day."""
        home, day = self._engine(self.engines.home), self.record.record_day
        for remote, lane in self.engines.lanes.items():
            told = [
                t
                for t in self.engines.told(remote, self.record)
                if isinstance(t.told, Figures) and t.told.day == day
            ]
            if home.figures_at(lane.id_bytes, day)[0]:
                yield Step(remote, "send_figures", "done", "taken at home")
            elif told:
                yield Step(remote, "send_figures", "done", "told, to be carried home")
            elif why := self._before_close(remote) or self._not_in_force(remote):
                yield Step(remote, "send_figures", "waiting", why)
            else:
                yield self._tried(remote, "send_figures", partial(self._send_figures, remote))

    def _send_figures(self, remote: str) -> Step:
        engines, day = self.engines, self.record.record_day
        lane = engines.lanes[remote].id_bytes
        hints = engines.figures_hints(remote, day)
        arguments = (lane, day, engines.epoch_on(remote, day), hints)
        return self._do(remote, self._engine(remote).send_figures, arguments, str(date_of(day)))

    def fix(self) -> Iterator[Step]:
        """Fix home's accounts, then every lane whose figures are there."""
        engines, home, day = self.engines, self.engines.home, self.record.record_day
        engine = self._engine(home)
        fixed = bool(engine.version_of(self.record.hash).fixed)
        if fixed:
            yield Step(home, "fix", "done", "accounts")
        elif why := self._not_in_force(home) or self._before_close(home):
            yield Step(home, "fix", "waiting", why)
        else:
            step = self._tried(home, "fix", self._fix)
            yield step
            fixed = step.state in {"executed", "done"}
        for remote, lane in engines.lanes.items():
            if engine.share_of(self.coaf, lane.id_bytes).fixed:
                yield Step(home, "fix_lane", "done", f"lane to {remote}")
            elif not fixed:
                yield Step(home, "fix_lane", "waiting", f"lane to {remote}: home's accounts first")
            elif not engine.figures_at(lane.id_bytes, day)[0]:
                yield Step(
                    home, "fix_lane", "waiting", f"lane to {remote}: no figures of it, or two"
                )
            else:
                yield self._tried(home, "fix_lane", partial(self._fix_lane, remote))

    def _fix(self) -> Step:
        engines, home, day = self.engines, self.engines.home, self.record.record_day
        escrow, engine = self.connection.escrow(home), self._engine(home)
        lanes = [bytes(lane) for lane in escrow.lanes_of(engine.instrument())]
        hints = [engines.custody_hint(home, lane, day) for lane in lanes]
        own = (engines.supply_hint(home, day), engines.came_hint(home, day))
        arguments = (self.coaf, own, hints if any(hints) else [])
        return self._do(home, engine.fix, arguments, "accounts")

    def _fix_lane(self, remote: str) -> Step:
        engines, home, day = self.engines, self.engines.home, self.record.record_day
        lane = engines.lanes[remote].id_bytes
        arguments = (self.coaf, lane, engines.lane_hints(remote, day))
        return self._do(home, self._engine(home).fix_lane, arguments, f"lane to {remote}")

    # ------------------------------------------------------------------------- payment

    def fund(self) -> Iterator[Step]:
        """The paying agent pays in what is due for every part whose totals are fixed.

        Of a ratio, the fractions' agent lets the engine have what is due for fractions.
        """
        if self.record.is_ratio:
            for ledger in self.engines.ledgers:
                yield from self.fund_fractions(ledger)
            return
        if not self.record.currency:
            yield Step(self.engines.home, "fund", "done", "the event pays no cash")
            return
        for ledger in self.engines.ledgers:
            yield from self._fund(ledger)
            yield from self._set_aside(ledger)

    def _fund(self, ledger: str) -> Iterator[Step]:
        engine = self._engine(ledger)
        open_parts = []
        for lane, title in self.parts(ledger).items():
            due = self.due(ledger, lane)
            is_open, _, held = engine.part_of(self.coaf, lane)
            if due is None:
                yield Step(ledger, "fund", "waiting", f"{title}: not fixed yet")
            elif due == 0 or is_open:
                yield Step(ledger, "fund", "done", title if due else f"{title}: nothing is due")
            elif lane == ACCOUNTS and self._is_expired(ledger):
                yield Step(ledger, "fund", "waiting", f"{title}: {_EXPIRED}")
            else:
                open_parts.append((lane, title, due - held))
        if not open_parts:
            return
        why = self._not_in_force(ledger) or self._reversed(ledger)
        number, terms = engine.terms_for(self.record.currency.encode().ljust(4, b"\0"))
        if not why and not number:
            why = f"no terms of payment in {self.record.currency} (tallystick event terms)"
        if why:
            yield from (Step(ledger, "fund", "waiting", f"{part[1]}: {why}") for part in open_parts)
            return
        cash = self.engines.chain(ledger).at("CashToken", terms.cash)
        missing = sum(amount for *_, amount in open_parts)
        yield from self._cash_ready(ledger, cash, missing, "paying_agent", self._cash)
        for lane, title, amount in open_parts:
            what = f"{title}: {self._cash(amount)}"
            arguments = (self.record.as_tuple(), lane, amount)
            if self.execute:
                yield self._do(ledger, engine.fund, arguments, what, role="paying_agent")
            else:
                # A call would miss the allowance that was not given.
                yield Step(ledger, "fund", "pending", what)

    def parts(self, ledger: str) -> dict[bytes, str]:
        """Return the parts that a ledger may owe for; at home with other bridges too, if any."""
        found = self.engines.parts(ledger)
        if ledger == self.engines.home:
            elsewhere = party(str(self.connection.token(ledger).address))
            if self._engine(ledger).share_of(self.coaf, elsewhere).home_crossing:
                found[elsewhere] = OTHER_BRIDGES
        return found

    def pools(self, ledger: str) -> dict[str, tuple[int, int]]:
        """Return the pools that were set aside on a ledger: base units, and gross due for them."""
        engine = self._engine(ledger)
        logged = self.engines.events(ledger, engine, "PoolSetAside", self.coaf)
        return {str(e.pool): (int(e.units), int(e.amount)) for e in logged}

    def owed(self, ledger: str) -> dict[bytes, str]:
        """Return every part of the event on a ledger that cash is kept in, in words."""
        return self.parts(ledger) | {party(pool): f"pool {pool}" for pool in self.pools(ledger)}

    def _set_aside(self, ledger: str) -> Iterator[Step]:
        """Keep back what is due for pools, as soon as there is something to keep it from."""
        engine = self._engine(ledger)
        is_open = engine.part_of(self.coaf, ACCOUNTS)[0]
        if not is_open or self._is_expired(ledger) or self._reversed(ledger):
            return
        done = self.pools(ledger)
        for pool, hint in self.engines.pools(ledger, self.record.record_day):
            if pool not in done:
                yield self._do(ledger, engine.set_aside, (self.coaf, pool, hint), pool)

    def due(self, ledger: str, lane: bytes) -> int | None:
        """Return what is due for a part of the event on a ledger, gross; None: not fixed yet."""
        units = self.units(ledger, lane)
        rate = self.record.rate if self.record.currency else None
        return None if units is None or rate is None else rate.down(units)

    def units(self, ledger: str, lane: bytes) -> int | None:
        """Return the base units of a part of the event on a ledger; None: not fixed yet."""
        share = self._engine(ledger).share_of(self.coaf, lane)
        if not share.fixed:
            return None
        if lane == ACCOUNTS:
            return int(share.accounts)
        return int(share.home_crossing if ledger == self.engines.home else share.crossing)

    def pay(self) -> Iterator[Step]:
        """Pay everybody whom the ledgers know: accounts in batches, and who units landed with.

        Remote ledgers then tell home what was paid there, whoever had it paid. Of a ratio what
        its record says of fractions is given, and what rounding left of accounts goes to the agent.
        """
        if self.record.is_ratio:
            yield from self.fractions()
        for ledger in self.engines.ledgers:
            if not self.record.is_ratio:
                yield from self._pay(ledger)
                if ledger != self.engines.home:
                    yield from self._tell_paid(ledger)
            yield from self.credit_remainders(ledger)

    def _pay(self, ledger: str) -> Iterator[Step]:
        why = self._not_paying(ledger)
        if not why and self.engines.today(ledger) <= self.record.relief_until:
            until = date_of(self.record.relief_until)
            why = f"only holders claim until the close of {until}"
        if why:
            yield Step(ledger, "push", "waiting", why)
            return
        if self._is_expired(ledger):
            yield Step(ledger, "push", "waiting", f"accounts: {_EXPIRED}")
        else:
            yield from self._push(ledger)
        yield from self._claims_crossed(ledger)
        yield from self._claims_pools(ledger)
        yield from self._give_up(ledger, self.went_back(ledger))
        yield from self._pay_returned(ledger)

    def _tell_paid(self, remote: str) -> Iterator[Step]:
        """Have a remote ledger tell what it paid, if it paid something since it told last.

        What is kept back for pools is no part of it, nor what was paid for units that came back.
        """
        engine, pools = self._engine(remote), self.pools(remote)
        back = {message.id for message, _ in self.engines.returns(remote, self.record.record_day)}
        paid = [
            (event.block_number, event.log_index)
            for event in self.engines.payments(remote, self.coaf)
            if str(event.account) not in pools
            and bytes(event.args.get("message_id", b"")) not in back
        ]
        told = self.engines.events(remote, engine, "PaidSent", self.coaf)
        if paid and paid[-1] > max(((e.block_number, e.log_index) for e in told), default=(-1, -1)):
            arguments = (self.coaf, self.engines.lanes[remote].id_bytes)
            yield self._do(remote, engine.send_paid, arguments, "what was paid so far")

    def _claims_pools(self, ledger: str) -> Iterator[Step]:
        """Pay whom two keys named what is kept back for pools and other bridges."""
        engine = self._engine(ledger)
        titles = {pool: pool for pool in self.pools(ledger)}
        if OTHER_BRIDGES in self.parts(ledger).values():
            titles[str(self.connection.token(ledger).address)] = OTHER_BRIDGES
        for pool, title in titles.items():
            if engine.is_paid(self.coaf, pool):
                continue
            if not engine.part_of(self.coaf, party(pool))[0]:
                yield Step(ledger, "claim_pool", "waiting", f"{title}: not funded in full")
            elif not int(str(engine.pool_payee(pool)), 16):
                yield Step(ledger, "claim_pool", "waiting", f"{title}: {_NO_PAYEE}")
            else:
                yield self._do(ledger, engine.claim_pool, (self.coaf, pool), title)

    def _push(self, ledger: str) -> Iterator[Step]:
        engine = self._engine(ledger)
        if not engine.part_of(self.coaf, ACCOUNTS)[0]:
            if self.units(ledger, ACCOUNTS):
                yield Step(ledger, "push", "waiting", "accounts: not funded in full")
            return
        unpaid, unknown = [], []
        for account in self.engines.holders(ledger, self.record.record_day):
            if engine.is_paid(self.coaf, account):
                continue
            try:
                units, hint = self.engines.entitled(ledger, account, self.record.record_day)
            except Revert as revert:
                unknown.append(Step(ledger, "push", "refused", f"{account}: {revert}"))
                continue
            if units:
                unpaid.append((account, hint))
        for first in range(0, len(unpaid), BATCH):
            accounts, hints = zip(*unpaid[first : first + BATCH], strict=True)
            shown = f"{len(accounts)} accounts" if len(accounts) > 1 else accounts[0]
            arguments = (self.coaf, list(accounts), list(hints) if any(hints) else [])
            step = self._do(ledger, engine.push, arguments, shown)
            yield step
            for event in step.receipt.named("PaymentRefused") if step.receipt else ():
                yield Step(ledger, "push", "refused", f"{event.account}: its payment was refused")
        yield from unknown

    def _claims_crossed(self, ledger: str, account: str = "", role: str = ANYONE) -> Iterator[Step]:
        """Claim for whoever units landed with after the close, or for one of them."""
        engine = self._engine(ledger)
        for message, payee in self.landed(ledger):
            if account not in ("", payee) or self._is_paid(engine, message):
                continue
            what = f"{payee}: message {hex_text(message.id)[:10]}…"
            if not engine.part_of(self.coaf, message.lane)[0]:
                yield Step(ledger, "claim_crossed", "waiting", f"{what}: not funded in full")
                continue
            arguments = (self.coaf, message.as_tuple())
            yield self._do(ledger, engine.claim_crossed, arguments, what, role=role)

    def _give_up(self, ledger: str, messages: Iterable[LaneMessage]) -> Iterator[Step]:
        """Return what is kept for messages that claim nothing here any more."""
        engine = self._engine(ledger)
        for message in messages:
            what = f"message {hex_text(message.id)[:10]}…"
            if engine.part_of(self.coaf, message.lane)[0]:
                arguments = (self.coaf, message.as_tuple())
                yield self._do(ledger, engine.give_up, arguments, what)
            else:
                yield Step(ledger, "give_up", "waiting", f"{what}: not funded in full")

    def _pay_returned(self, ledger: str) -> Iterator[Step]:
        """The paying agent pays whom units landed with that came back, with cash of its own."""
        back, engine = list(self.came_back(ledger)), self._engine(ledger)
        if not back:
            return
        role, act = "paying_agent", "pay_returned"
        try:
            self.sender(ledger, role)
        except InputError:
            yield self._elsewhere(ledger, role, act, f"{len(back)} messages whose units came back")
            return
        parts = [engine.part_of(self.coaf, lane) for lane in self.parts(ledger)]
        if not any(is_open or held for is_open, _, held in parts):
            # The terms of payment are an event's from its first funding on, of nothing too.
            nothing = (self.record.as_tuple(), back[0][0].lane, 0)
            yield self._do(ledger, engine.fund, nothing, self._cash(0), role=role)
        _, terms = engine.terms_for(self.record.currency.encode().ljust(4, b"\0"))
        cash = self.engines.chain(ledger).at("CashToken", terms.cash)
        due = [self.record.rate.down(m.amount) if self.record.rate else 0 for m, *_ in back]
        yield from self._cash_ready(ledger, cash, sum(due), role, self._cash)
        for (message, answer, payee), gross in zip(back, due, strict=True):
            what = f"{payee}: message {hex_text(message.id)[:10]}…: {self._cash(gross)}"
            arguments = (self.coaf, message.as_tuple(), answer.nonce, answer.lock_time)
            if self.execute:
                yield self._do(ledger, engine.pay_returned, arguments, what, role=role)
            else:
                # A call would miss the allowance that was not given.
                yield Step(ledger, act, "pending", what)

    def claim(self, ledger: str, account: str, role: str = ANYONE) -> Iterator[Step]:
        """Pay one holder on a ledger what it held at the close, and what landed with it since.

        Args:
            ledger: where.
            account: the holder's address.
            role: who sends: the holder itself, or who it authorised, until the relief day is over.
        """
        if self.record.is_ratio:
            yield from self.fractions(ledger, account, role)
            return
        if why := self._not_paying(ledger):
            yield Step(ledger, "claim", "waiting", why)
            return
        engine = self._engine(ledger)
        expired = self._is_expired(ledger)
        try:
            units, hint = (0, 0) if expired else self._entitled(ledger, account)
        except Revert as revert:
            yield Step(ledger, "claim", "refused", f"{account}: {revert}")
            return
        if units and engine.is_paid(self.coaf, account):
            yield Step(ledger, "claim", "done", account)
        elif units:
            arguments = (self.coaf, account, hint)
            yield self._do(ledger, engine.claim, arguments, account, role=role)
        else:
            why = _EXPIRED if expired else _NOTHING_HELD
            yield Step(ledger, "claim", "done", f"{account}: {why}")
        yield from self._claims_crossed(ledger, account, role)
        for message, _, payee in self.came_back(ledger):
            if payee == account:
                what = f"message {hex_text(message.id)[:10]}…"
                yield Step(ledger, "pay_returned", "waiting", f"{what}: {_CAME_BACK}")

    def _entitled(self, ledger: str, account: str) -> tuple[int, int]:
        """What entitles a holder, and the hint that tells it."""
        day = self.record.record_day
        # Of who came later the token can't tell that it had nothing, once a week has passed.
        if account not in self.engines.holders(ledger, day):
            return 0, 0
        return self.engines.entitled(ledger, account, day)

    def paid_elsewhere(
        self, ledger: str, account: str, reference: bytes, document: bytes
    ) -> Iterator[Step]:
        """Take note that a holder who can't take the cash was paid elsewhere: two keys.

        Args:
            ledger: where it held.
            account: its address.
            reference: of that payment, 32 bytes.
            document: hash of what proves it.
        """
        propose, confirm = "propose_paid_elsewhere", "confirm_paid_elsewhere"
        engine = self._engine(ledger)
        if why := self._not_paying(ledger):
            yield Step(ledger, propose, "waiting", why)
            return
        if engine.is_paid(self.coaf, account):
            yield Step(ledger, confirm, "done", f"{account}: it was paid")
            return
        if self._is_expired(ledger):
            yield Step(ledger, propose, "waiting", f"{account}: {_EXPIRED}")
            return
        if not engine.part_of(self.coaf, ACCOUNTS)[0]:
            yield Step(ledger, propose, "waiting", "accounts: not funded in full")
            return
        try:
            units, hint = self._entitled(ledger, account)
        except Revert as revert:
            yield Step(ledger, propose, "refused", f"{account}: {revert}")
            return
        if not units:
            yield Step(ledger, propose, "done", f"{account}: {_NOTHING_HELD}")
            return
        yield from self._by_two(
            ledger,
            ("paying_agent", propose),
            ("registrar", confirm),
            (self.coaf, account, hint, reference, PAYMENT, document),
            account,
        )

    # ------------------------------------------------------------------ what is left

    def pass_on_tax(self) -> Iterator[Step]:
        """Pass withheld tax on to the accounts that the terms name."""
        for ledger in self.engines.ledgers:
            engine = self._engine(ledger)
            found = {key: int(engine.withheld(self.coaf, key)) for key in self.owed(ledger)}
            for key, title in self.owed(ledger).items():
                if found[key]:
                    what = f"{title}: {self._cash(found[key])}"
                    yield self._do(ledger, engine.pass_on_tax, (self.coaf, key), what)
            if not any(found.values()):
                yield Step(ledger, "pass_on_tax", "done", "nothing is withheld")

    def expire(self) -> Iterator[Step]:
        """Return what is left of each part to the accounts that the terms name, where it may.

        That is what rounding left of a part that is paid, what nobody claimed in time, and
        everything of an event that is off. Of what lands from a lane notice is given first; where
        no close tells what landed, as over a ratio that made fewer units, each message does.
        """
        for ledger in self.engines.ledgers:
            engine = self._engine(ledger)
            for key, title in self.owed(ledger).items():
                is_open, left, held = engine.part_of(self.coaf, key)
                if not held:
                    yield Step(ledger, "expire", "done", f"{title}: nothing is left")
                elif (left or not is_open) and (why := self._not_expiring(ledger, key, left)):
                    if why == _MAY_LAND:
                        yield from self._give_up(ledger, self.lapsed(ledger, key))
                    yield Step(ledger, "expire", "waiting", f"{title}: {why}")
                else:
                    yield self._do(ledger, engine.expire, (self.coaf, key), title)

    def _not_expiring(self, ledger: str, key: bytes, left: int) -> str:
        """Why a part that is not paid keeps its cash, or nothing."""
        engine = self._engine(ledger)
        version = engine.version_of(engine.event_of(self.coaf).in_force)
        if version.halted or version.status == Status.CANCELLED or self._reversed(ledger):
            return ""
        if why := self._not_in_force(ledger):
            return why
        if not self._is_expired(ledger):
            return f"claims go on until the close of {date_of(self.record.expires)}"
        if key == ACCOUNTS:
            return ""
        if key not in self.engines.parts(ledger):
            return "it is kept for whom two keys name"
        noticed, kept, _ = engine.expiry_notice(self.coaf, key)
        if noticed and kept < left:
            last = noticed + LANDED_CLAIM_DAYS
            until = f"who had units by then claims until the close of {date_of(last)}"
            return "" if self.engines.today(ledger) > last else until
        try:
            engine.expire.call(self.coaf, key)
        except Revert:
            return _MAY_LAND
        return ""

    # ------------------------------------------------------------------------- reasons

    def _before_close(self, ledger: str) -> str:
        """Why nothing is known of the record day's close on a ledger yet, or nothing."""
        day = self.record.record_day
        if day == 0:
            return "the event has no record day"
        if self.engines.today(ledger) > day:
            return ""
        close = close_of(day, self.engines.close_minute(ledger))
        return f"the record day closes at {time_text(close)} UTC"

    def _not_in_force(self, ledger: str) -> str:
        """Why a ledger goes on by another record than the one in hand, or nothing."""
        engine = self._engine(ledger)
        standing = engine.event_of(self.coaf)
        version = engine.version_of(standing.in_force)
        if bytes(standing.in_force) != self.record.hash:
            kept = f"version {version.version} is in force" if version.version else "none is"
            return f"version {self.record.version} is not in force there: {kept}"
        if version.halted:
            return "the event is halted there"
        return "" if version.status == Status.ACTIVE else "the event is cancelled"

    def _not_paying(self, ledger: str) -> str:
        """Why nothing is paid on a ledger now, or nothing."""
        if why := self._not_in_force(ledger) or self._reversed(ledger):
            return why
        if not self.record.currency:
            return "the event pays no cash"
        if self.engines.today(ledger) < self.record.payment_day:
            return f"the payment day is {date_of(self.record.payment_day)}"
        return ""

    def _reversed(self, ledger: str) -> str:
        """That an event is reversed on a ledger, or nothing."""
        return "the event is reversed" if self._engine(ledger).reversal_of(self.coaf).since else ""

    def _cash(self, amount: int) -> str:
        """An amount of the event's cash, for people."""
        return f"{units_text(amount, self.record.cash_decimals)} {self.record.currency}"

    def _is_expired(self, ledger: str) -> bool:
        """Whether accounts claim no more on a ledger; what may still land has no expiry."""
        return self.engines.today(ledger) > self.record.expires
