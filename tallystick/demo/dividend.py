"""A dividend over both ledgers: units under way each way and in suspense at its record close."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final

from tallystick import build
from tallystick.actions.entitlement import Rate, entitlement, total
from tallystick.actions.record import EventRecord
from tallystick.actions.tax import TaxTable
from tallystick.chain import Contract, Revert
from tallystick.chain.abi import keccak
from tallystick.demo.acting import Scene, business_days, carry, done, engine_of
from tallystick.demo.report import Figure, Sample
from tallystick.errors import CheckFailed
from tallystick.events.driver import Driver
from tallystick.events.engines import ACCOUNTS
from tallystick.events.standing import Payment, payments_of
from tallystick.governance.roles import reason_code
from tallystick.reach.connection import Suite
from tallystick.status.invariants import Break, Verdict
from tallystick.text import units_text
from tallystick.token.position import close_of, date_of

__all__ = ["Dividend"]

_CURRENCY: Final = "USD"
_CASH_DECIMALS: Final = 6
# Of a unit, and what is withheld of it: by default, and from who proved a treaty's relief.
_RATE: Final = Fraction(205, 1_000)
_TAX: Final = (Fraction(30, 100), Fraction(15, 100))
_RELIEVED: Final = 1
_REASON: Final = reason_code("SETU")
_DOCUMENT: Final = keccak(b"terms of the demo's dividend")
# Accounts that hold no role: who makes cash, and where tax and rest go.
_CASH_ISSUER: Final = 910
_TAX_ACCOUNT: Final = 911
_RETURN_ACCOUNT: Final = 912


class Dividend(Scene):
    """Announces, fixes, funds and pays one dividend, and tells it."""

    def tell(self) -> Verdict:
        """Tell it; returns the verdict on INV-6.

        Raises:
            CheckFailed: a step did not do what it has to.
        """
        self.report.section("A dividend over both ledgers, lanes open at the record close")
        cash = {name: self._cash(suite) for name, suite in self._suites.items()}
        record = self._record()
        driver = Driver(self.network.connection, record)
        self._announced(driver)
        messages = self._over_the_close(record)
        self._fixed(driver)
        done(driver.fund())
        self.reach(close_of(record.payment_day, self.instrument.close_minute_utc) + 3_600)
        done(driver.pay())
        verdict = self._paid(driver, cash, messages)
        self._refused_again(driver)
        return verdict

    # ------------------------------------------------------------------------- parts

    def _cash(self, suite: Suite) -> Contract:
        """Cash on a ledger, and the terms that pay in it: paying agent and issuer."""
        chain, name = suite.chain, suite.chain.name
        key = chain.account(_CASH_ISSUER)
        terms = (f"{_CURRENCY} for this story", _CURRENCY, _CASH_DECIMALS, _CURRENCY.encode(), key)
        cash = chain.deploy(build.artifact("CashToken"), *terms, sender=key)
        rates = TaxTable(tuple(Rate.of(tax) for tax in _TAX))
        pay = (
            _CURRENCY.encode().ljust(4, b"\0"),
            cash.address,
            chain.account(_TAX_ACCOUNT).address,
            chain.account(_RETURN_ACCOUNT).address,
            rates.pack(),
        )
        agent, issuer = (self.network.party(name, role) for role in ("paying_agent", "issuer"))
        engine_of(suite).propose_pay_terms(pay, _REASON, _DOCUMENT, sender=agent)
        engine_of(suite).set_pay_terms(pay, _REASON, _DOCUMENT, sender=issuer)
        relieved = self.home[1] if suite is self.network.home else self.remote[0]
        engine_of(suite).set_tax_category(
            [relieved.account], _RELIEVED, _REASON, _DOCUMENT, sender=agent
        )
        cash.mint(agent, 2**100, sender=key)
        return cash

    def _record(self) -> EventRecord:
        """The record of an illustration: two business days of notice, paid two after the close."""
        today = max(int(suite.token.business_day()) for suite in self._suites.values())
        days = business_days(today)
        ex, record_day, payment = next(days), next(days), next(days)
        rate = _RATE * 10**_CASH_DECIMALS / 10**self.instrument.decimals
        return EventRecord(
            isin=self.instrument.isin,
            corp="TALLY-DEMO-1",
            coaf="TALLY-DEMO-DVCA-1",
            caev="DVCA",
            camv="MAND",
            announced=today,
            ex=ex,
            record_day=record_day,
            figures_by=payment,
            payment_day=payment,
            relief_until=payment,
            expires=payment + 1_096,
            rate=Rate.of(rate),
            # By then a split may have made of each unit others.
            unit_epoch=int(self.network.home.token.epoch_on(record_day)),
            currency=_CURRENCY,
            cash_decimals=_CASH_DECIMALS,
            terms=_DOCUMENT,
        )

    def _announced(self, driver: Driver) -> None:
        record = driver.record
        done(driver.announce())
        done(driver.confirm())
        carry(driver, self._suites.values())
        hashes = {bytes(engine_of(s).event_of(driver.coaf).in_force) for s in self._suites.values()}
        if hashes != {record.hash}:
            raise CheckFailed("the event's record differs between the ledgers")
        self.report.say(
            f"The issuer announces {float(_RATE):g} {_CURRENCY} a unit to holders of "
            f"{date_of(record.record_day)}, payable {date_of(record.payment_day)}; the event's "
            f"attestors confirm; anyone carries it: record 0x{record.hash.hex()[:16]}… everywhere."
        )

    def _over_the_close(self, record: EventRecord) -> dict[bytes, str]:
        """Leave units between the ledgers at the record close; they land after it."""
        network, close = self.network, close_of(record.record_day, self.instrument.close_minute_utc)
        (one, two), (guest, barred) = self.home, self.remote
        self.reach(close - 3_600)
        late = network.lock(one.account, barred.account, self._portion(one, 9))
        network.admit(network.remote, barred.account, 0, reason="EXPD")
        self.reach(close - 3_000)
        network.deliver(late)
        out = network.lock(one.account, guest.account, self._portion(one, 7))
        back = network.burn(guest.account, two.account, self._portion(guest, 5))
        self.reach(close + 3_600)
        for message in (out, back):
            network.deliver(message)
        network.admit(network.remote, barred.account, barred.until_day)
        network.claim(late)
        said = (
            (out, f"to {guest.name}, under way"),
            (back, f"to {two.name}, under way"),
            (late, f"to {barred.name}, in suspense"),
        )
        self.report.say(
            "At the record close "
            + "; ".join(f"{self._units(message.amount)} {where}" for message, where in said)
            + ". They land after it: they are nobody's closing balance, and are paid to whoever "
            "they land with."
        )
        return {message.id: where for message, where in said}

    def _fixed(self, driver: Driver) -> None:
        done(driver.figures())
        carry(driver, self._suites.values())
        done(driver.fix())
        carry(driver, self._suites.values())
        parts = {
            ledger: tuple(driver.units(ledger, part) or 0 for part in (ACCOUNTS, self.network.lane))
            for ledger in self._suites
        }
        issue = int(self.network.home.token.supply_at_close(driver.record.record_day))
        if sum(map(sum, parts.values())) != issue:
            raise CheckFailed(f"the parts sum to {parts}, the issue was {issue}")
        self.report.say(
            f"{self.network.remote.chain.name} tells what stood there, home fixes its accounts and "
            f"the lane; the four parts sum to the issue at that close, {self._units(issue)}."
        )

    def _paid(
        self, driver: Driver, cash: Mapping[str, Contract], messages: Mapping[bytes, str]
    ) -> Verdict:
        """Show who was paid what, and judge INV-6."""
        payments = payments_of(driver)
        rows = [self._row(payment, messages) for payment in payments]
        paid = total(payment.paid for payment in payments)
        issue = int(self.network.home.token.supply_at_close(driver.record.record_day))
        announced = entitlement(issue, driver.record.rate or Rate(0)).gross
        # What each of the four parts was funded with, rounded down by itself.
        parts = [(name, part) for name in self._suites for part in (ACCOUNTS, self.network.lane)]
        funded = sum(driver.due(*part) or 0 for part in parts)
        shown = (self._units(paid.units), *map(_money, (paid.gross, paid.tax, paid.net)))
        rows.append(("Sum", "", *shown))
        self.report.table(
            f"Paid in {_CURRENCY} for what was theirs at the record close",
            ("Holder, or message", "Paid on", "Units", "Gross", "Tax", "Net"),
            rows,
            numeric={2, 3, 4, 5},
            total=True,
        )
        self._picture(payments)
        left, rest = 0, 0
        for ledger, suite in self._suites.items():
            engine = engine_of(suite)
            anyone = suite.chain.account(_TAX_ACCOUNT)
            for part in (ACCOUNTS, self.network.lane):
                if engine.withheld(driver.coaf, part):
                    engine.pass_on_tax(driver.coaf, part, sender=anyone)
                _, units, held = engine.part_of(driver.coaf, part)
                left, rest = left + units, rest + held
                if held:
                    engine.expire(driver.coaf, part, sender=anyone)
            if kept := int(cash[ledger].balanceOf(engine)):
                raise CheckFailed(f"{ledger}: the engine still holds {kept}")
        self.report.say(
            f"Announced for {self._units(issue)} units: {_money(announced)} {_CURRENCY}, funded in "
            f"four parts, each rounded down: {_money(funded)}. Tax goes to its account, and what "
            f"rounding down left of them, {_money(rest)}, back to the issuer's: "
            f"the engines hold nothing, for {self._units(left)} units."
        )
        breaks = [
            Break("both ledgers", "", what, found, due)
            for what, found, due in (
                ("units paid for", paid.units, issue),
                ("units left", left, 0),
                ("gross paid, and left by rounding", paid.gross + rest, funded),
                # Less than a smallest unit a part, and never more than was announced.
                ("announced but not funded, a part", (announced - funded) // len(parts), 0),
            )
            if found != due
        ]
        return Verdict(
            "INV-6",
            "each unit of a record close is paid for once, and never more than was funded",
            (("entitled", paid.units), ("issue", issue)),
            tuple(breaks),
        )

    def _picture(self, payments: Iterable[Payment]) -> None:
        """Draw who is owed for what, and where: a bar a payee."""
        places = [(ledger, landed) for ledger in self._suites for landed in (False, True)]
        owed: dict[str, list[int]] = {}
        for payment in payments:
            units = owed.setdefault(self._name(payment), [0] * len(places))
            units[places.index((payment.ledger, bool(payment.message_id)))] += payment.paid.units
        self.report.figure(
            Figure(
                "Who is owed for which units of the record close, and where it is paid",
                tuple(f"{'Landed on' if landed else 'Held on'} {name}" for name, landed in places),
                tuple(Sample(name, tuple(units)) for name, units in owed.items()),
                self.instrument.decimals,
            )
        )

    def _refused_again(self, driver: Driver) -> None:
        holder, engine = self.home[0], engine_of(self.network.home)
        try:
            engine.claim(driver.coaf, holder.account, 0, sender=holder.account)
        except Revert as revert:
            reason = str(revert).removeprefix("reverted: ")
            self.report.say(f"{holder.name} claims once more: refused, {reason}.")
            return
        raise CheckFailed("a second claim was paid")

    # ------------------------------------------------------------------------ helpers

    def _name(self, payment: Payment) -> str:
        return self.names.get((payment.ledger, payment.account), payment.account)

    def _row(self, payment: Payment, messages: Mapping[bytes, str]) -> tuple[str, ...]:
        name = self._name(payment)
        if payment.message_id:
            where = messages.get(payment.message_id, "").rpartition(", ")[2]
            name = f"{name} ({where})"
        paid = payment.paid
        money = map(_money, (paid.gross, paid.tax, paid.net))
        return (name, payment.ledger, self._units(paid.units), *money)


def _money(amount: int) -> str:
    """An amount of cash, to its smallest unit."""
    return units_text(amount, _CASH_DECIMALS)
