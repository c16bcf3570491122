"""The main job told step by step: one security, two ledgers, all that can go wrong on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from tallystick import __version__
from tallystick.chain import Chain, Receipt
from tallystick.chain.local import LocalLedger, open_ledgers
from tallystick.demo.acting import Party
from tallystick.demo.dividend import Dividend
from tallystick.demo.ends import Ends, refusal
from tallystick.demo.next_release import next_release
from tallystick.demo.report import Figure, Report, Sample, Teller
from tallystick.demo.split import AGENT, Split
from tallystick.deploy.describe import refreshed
from tallystick.deploy.upgrade import proxy_of, roll_back, upgrade
from tallystick.errors import CheckFailed, InputError
from tallystick.files.instrument import Holder, Instrument, load_instrument
from tallystick.governance.release import Version
from tallystick.local.network import HOLDERS_FROM, Network
from tallystick.reach.connection import Suite
from tallystick.text import units_text
from tallystick.token.position import (
    DAY_MAX,
    SECONDS_PER_DAY,
    business_day,
    calendar_day,
    close_of,
    date_of,
)

__all__ = ["run"]

_PLACES: Final = ("Home holders", "In transit", "Suspense", "Remote holders")
_HOURLY: Final = {"limit_window": 3_600, "ramp": 3_600}
_STRANGER: Final = 900
_SPARE_INVESTOR: Final = 901


def run(instrument_path: Path | str, backend: str, out: Path | None, teller: Teller) -> int:
    """Tell the story; returns 0, or 1 if an invariant did not hold at the end.

    Args:
        instrument_path: an instrument file with at least one other ledger than the home.
        backend: `anvil` or `embedded`.
        out: directory for the report `index.html` and the manifest; None for neither.
        teller: who tells it.

    Raises:
        InputError: the instrument file is wrong, or can't carry the story.
    """
    path = Path(instrument_path)
    instrument = load_instrument(path)
    if len(instrument.ledgers) < 2:
        raise InputError(path, "ledgers", len(instrument.ledgers), "at least two ledgers")
    if not any(h.ledger == instrument.home and h.amount and h.eligible for h in instrument.holders):
        raise InputError(path, "holders", "", "an eligible holder with units on the home ledger")
    specs = [
        LocalLedger(entry.name, 41_001 + number, 1 + number)
        for number, entry in enumerate(instrument.ledgers)
    ]
    with open_ledgers(backend, specs) as opened:
        chains = {chain.name: chain for chain in opened}
        story = _Story(instrument, chains, backend, out, teller)
        return story.tell()


class _Story:
    """The state of one telling."""

    def __init__(
        self,
        instrument: Instrument,
        chains: Mapping[str, Chain],
        backend: str,
        out: Path | None,
        teller: Teller,
    ) -> None:
        self.instrument = instrument
        self.chains = chains
        self.out = out
        self.backend = backend
        self.samples: list[Sample] = []
        self.report = Report(
            f"Tallystick {__version__}: {instrument.name} on {len(chains)} ledgers",
            instrument.illustration or "",
            teller,
        )

    # ------------------------------------------------------------------- the story

    def tell(self) -> int:
        """Tell it from the first to the last section."""
        self._open_on_a_weekday()
        self._ledgers_and_deployment()
        self._register()
        self._admit_and_issue()
        self._across()
        self._transfers()
        self._lost_eligibility()
        self._back_home()
        self._refused_messages()
        self._other_ends()
        self._upgrade_in_transit()
        self._past_day()
        self._events()
        return self._final()

    def _open_on_a_weekday(self) -> None:
        """Let the story begin on a Monday at noon: closes of business on a Sunday puzzle people."""
        day = calendar_day(max(chain.now for chain in self.chains.values())) + 1
        day += -date_of(day).weekday() % 7
        for chain in self.chains.values():
            self._catch_up(chain, day * SECONDS_PER_DAY + SECONDS_PER_DAY // 2)

    def _ledgers_and_deployment(self) -> None:
        report, instrument = self.report, self.instrument
        report.section("Two ledgers, one suite")
        report.table(
            "Ledgers",
            ("Ledger", "CAIP-2", "Back end", "Genesis"),
            [
                (name, chain.caip2, chain.backend, str(chain.genesis_hash)[:18] + "…")
                for name, chain in self.chains.items()
            ],
        )
        steps = [0]

        def count(_: object) -> None:
            steps[0] += 1

        self.network = Network.deploy(
            instrument, self.chains, grade="production", agent=AGENT, progress=count, **_HOURLY
        )
        wrong = self.network.verify()
        if wrong:
            raise CheckFailed("; ".join(wrong))
        report.say(
            f"{steps[0]} steps carried out. Code on both ledgers is the build's; the deployer "
            "holds no role and no set-up key in any contract."
        )
        rows = []
        for name, suite in self.network.suites.items():
            for label, contract in (
                ("SecurityToken", suite.token),
                ("BridgeEscrow", suite.escrow),
                ("InstrumentRegistry", suite.registry),
                ("ReleaseAuthority", suite.authority),
            ):
                rows.append((name, label, str(contract.address)))
        report.table("Contracts", ("Ledger", "Contract", "Address"), rows)
        self.home, self.remote = self.network.home, self.network.remote
        self.remote_name = next(
            name for name, suite in self.network.suites.items() if suite is self.remote
        )
        self.investors = self._investors()

    def _register(self) -> None:
        report, instrument = self.report, self.instrument
        report.section("One record, the same on every ledger")
        hashes = {
            name: bytes(suite.registry.record_hash(instrument.isin)).hex()
            for name, suite in self.network.suites.items()
        }
        report.table(
            "Instrument",
            ("Field", "Value"),
            [
                ("ISIN (ISO 6166)", instrument.isin),
                ("Issuer LEI (ISO 17442)", instrument.lei),
                ("CFI (ISO 10962)", instrument.cfi),
                ("FISN (ISO 18774)", instrument.fisn),
                *(
                    (f"DTI, {entry.name} (ISO 24165)", f"{entry.dti or 'none'} ({entry.dti_of})")
                    for entry in instrument.ledgers
                ),
                ("Terms", instrument.terms.uri),
                ("Close of business", instrument.close_of_business),
                *((f"Record hash, {name}", f"0x{value}") for name, value in hashes.items()),
            ],
        )
        if len(set(hashes.values())) != 1:
            raise CheckFailed("the instrument's record differs between the ledgers")
        report.say("Check digits were verified on chain; the record's hash is the same everywhere.")

    def _admit_and_issue(self) -> None:
        report, instrument = self.report, self.instrument
        report.section("Holders are admitted, the issue is placed at home")
        for investor in self.investors:
            if investor.until_day:
                suite = self.network.suite(investor.ledger)
                self.network.admit(suite, investor.account, investor.until_day)
        allotments = [
            (investor.account.address, instrument.holder_units(holder))
            for investor, holder in zip(self.investors, instrument.holders, strict=False)
            if holder.ledger == instrument.home and investor.until_day
        ]
        self.network.issue(allotments)
        report.table(
            "Holders",
            ("Holder", "Ledger", "Eligible until", "Units"),
            [
                (
                    investor.name,
                    investor.ledger,
                    str(date_of(investor.until_day)) if investor.until_day else "never",
                    self._units(self._suite(investor).token.balanceOf(investor.account)),
                )
                for investor in self.investors
            ],
            numeric={3},
        )
        report.say("The notary authorised the issue, the issuer placed it: two keys, two roles.")
        self._sample("issued")

    def _across(self) -> None:
        report = self.report
        sender, recipient = self._home_holder(0), self._remote_holder(0)
        amount = self._portion(sender, 10)
        report.section("Home to remote: lock, attest, deliver")
        message = self.network.lock(sender.account, recipient.account.address, amount)
        report.say(
            f"{sender.name} locks {self._units(amount)} for {recipient.name}: message "
            f"{message.nonce}, id 0x{message.id.hex()[:16]}…"
        )
        self._sample("locked")
        self._catch_up(self.remote.chain, message.lock_time)
        receipt = self.network.deliver(message)
        report.say(
            f"{self.network.threshold} of {len(self.network.attestors)} attestors of one operator "
            "sign, and 2 of 3 of another; anyone delivers: issued to "
            f"{recipient.name} on {self.remote_name} ({receipt.gas_used:,} gas)."
        )
        self.first_message = message
        self._sample("delivered")

    def _transfers(self) -> None:
        report = self.report
        report.section("Controlled transfers on both ledgers")
        giver, taker = self._home_holder(0), self._home_holder(1)
        amount = self._portion(giver, 20)
        receipt = Receipt.of(self.home.token.transfer(taker.account, amount, sender=giver.account))
        report.say(
            f"{self.instrument.home}: {giver.name} to {taker.name}, {self._units(amount)} "
            f"({receipt.gas_used:,} gas)."
        )
        giver, taker = self._remote_holder(0), self._remote_holder(1)
        amount = self._portion(giver, 4)
        receipt = Receipt.of(
            self.remote.token.transfer(taker.account, amount, sender=giver.account)
        )
        report.say(
            f"{self.remote_name}: {giver.name} to {taker.name}, {self._units(amount)} "
            f"({receipt.gas_used:,} gas)."
        )
        stranger = self._refused_party()
        reason = refusal(
            lambda: self.remote.token.transfer(stranger.account, 1, sender=giver.account)
        )
        report.say(f"{self.remote_name}: {giver.name} to {stranger.name}: refused, {reason}.")

    def _lost_eligibility(self) -> None:
        report = self.report
        report.section("A recipient loses eligibility in transit: suspense, then claim")
        sender, recipient = self._home_holder(0), self._remote_holder(1)
        amount = self._portion(sender, 25)
        message = self.network.lock(sender.account, recipient.account.address, amount)
        self.network.admit(self.remote, recipient.account, 0, reason="EXPD")
        report.say(
            f"{sender.name} locks {self._units(amount)} for {recipient.name}; the registrar of "
            f"{self.remote_name} ends its eligibility meanwhile."
        )
        self._catch_up(self.remote.chain, message.lock_time)
        receipt = self.network.deliver(message)
        if not receipt.one("MessageDelivered").args["suspended"]:
            raise CheckFailed("a recipient that can't receive was credited")
        report.say("Delivered all the same: the units wait in suspense under the recipient's name.")
        self._sample("suspense")
        reason = refusal(lambda: self.network.claim(message))
        report.say(f"A claim before the recipient is eligible again: refused, {reason}.")
        self.network.admit(self.remote, recipient.account, recipient.until_day)
        self.network.claim(message)
        report.say(f"Admitted again; anyone claims for {recipient.name}. Nothing was lost.")
        self._sample("claimed")

    def _back_home(self) -> None:
        report = self.report
        report.section("Remote to home: burn, attest, release")
        sender, recipient = self._remote_holder(0), self._home_holder(1)
        amount = self._portion(sender, 3)
        message = self.network.burn(sender.account, recipient.account.address, amount)
        report.say(f"{sender.name} burns {self._units(amount)} on {self.remote_name}.")
        self._sample("burned")
        self._catch_up(self.home.chain, message.lock_time)
        receipt = self.network.deliver(message)
        report.say(f"Released to {recipient.name} at home ({receipt.gas_used:,} gas).")
        self._sample("released")

    def _refused_messages(self) -> None:
        report = self.report
        report.section("Messages that are refused")
        sender, recipient = self._home_holder(1), self._remote_holder(0)
        amount = self._portion(sender, 50)
        message = self.network.lock(sender.account, recipient.account.address, amount)
        self._catch_up(self.remote.chain, message.lock_time)
        altered = replace(message, amount=message.amount + 1)
        attestations = self.network.attestations(message)
        attempts: list[tuple[str, Callable[[], object]]] = [
            ("replayed", lambda: self.network.deliver(self.first_message)),
            ("altered: one unit more", lambda: self.network.deliver(altered, *attestations)),
            (
                "signed by too few",
                lambda: self.network.deliver(
                    message,
                    self.network.attest(message, self.network.threshold - 1),
                    attestations[1],
                ),
            ),
            (
                "attested by one operator alone",
                lambda: self.network.deliver(message, attestations[0]),
            ),
            (
                "sent back to where it came from",
                lambda: self.home.escrow.deliver(
                    message.as_tuple(),
                    *attestations,
                    sender=self.network.signers(self.home.chain.name)["courier"],
                ),
            ),
        ]
        rows = [(label, refusal(attempt)) for label, attempt in attempts]
        report.table("Refused", ("Message", "Reason"), rows)
        self.network.deliver(message)
        report.say("The same message, whole and signed by enough of both, is then delivered.")
        self._sample("after refusals")

    def _other_ends(self) -> None:
        sender, recipient = self._home_holder(0), self._remote_holder(0)
        ends = Ends(
            self.report,
            self.network,
            (sender.account, sender.name),
            (recipient.account, recipient.name),
            self._portion(sender, 40),
            self._units,
            self._catch_up,
            self._sample,
        )
        ends.too_late()
        ends.rotation()
        ends.queue(10**self.instrument.decimals)

    def _upgrade_in_transit(self) -> None:
        report = self.report
        report.section("Token, escrow and engine upgraded while a message is in transit each way")
        sender, recipient = self._home_holder(0), self._remote_holder(0)
        amount = self._portion(sender, 40)
        message = self.network.lock(sender.account, recipient.account.address, amount)
        returned = self._portion(recipient, 40)
        back = self.network.burn(recipient.account, sender.account.address, returned)
        self._sample("locked and burned, old release")
        rows = []
        for name, suite in self.network.suites.items():
            for contract in ("SecurityToken", "BridgeEscrow", "ActionsEngine"):
                bound = proxy_of(suite, contract)
                before = str(bound.release())
                upgrade(
                    suite,
                    self.network.signers(name),
                    contract,
                    next_release(contract),
                    Version(1, 1, 0),
                )
                rows.append((name, contract, before, str(bound.release())))
        report.table("Releases", ("Ledger", "Contract", "Before", "Now"), rows)
        name = self.home.chain.name
        roll_back(self.home, "BridgeEscrow", sender=self.network.party(name, "guardian"))
        report.say(
            f"The guardian of {name} returns its escrow to {self.home.escrow.release()} at once, "
            f"within the window: {self.remote.chain.name}'s runs {self.remote.escrow.release()}."
        )
        self._catch_up(self.remote.chain, message.lock_time)
        self._catch_up(self.home.chain, self.remote.chain.now)
        self.network.deliver(message)
        report.say(
            "Registered with code and layout hash, noticed, approved by issuer, operator and "
            "auditor, activated after the notice. The message sent under the old release arrives "
            f"under the new one: {self._units(amount)} to {recipient.name}."
        )
        self._sample("delivered, new release")
        self._catch_up(self.home.chain, back.lock_time)
        self.network.deliver(back)
        report.say(f"The one that left then for {name} arrives under the one before it, too.")
        report.say(f"It brings {self._units(returned)} to {sender.name}.")
        self._sample("delivered, rolled back")

    def _past_day(self) -> None:
        report = self.report
        report.section("Closing balances of a past day, with a unit in transit at the close")
        home, remote = self.home, self.remote
        close = int(home.token.close_minute())
        latest = max(home.chain.now, remote.chain.now)
        day = business_day(latest, close)
        moment = close_of(day, close)
        if moment - latest < 900:
            day, moment = day + 1, moment + SECONDS_PER_DAY
        self._catch_up(home.chain, moment - 600)
        self._catch_up(remote.chain, moment - 600)
        sender, recipient = self._home_holder(0), self._remote_holder(0)
        amount = self._portion(sender, 30)
        message = self.network.lock(sender.account, recipient.account.address, amount)
        self._sample("locked before the close")
        for chain in (home.chain, remote.chain):
            self._catch_up(chain, moment + 3600)
        self.network.deliver(message)
        report.say(
            f"{self._units(amount)} left home ten minutes before the close of business day "
            f"{date_of(day)} and arrived an hour after it."
        )
        self._sample("delivered after the close")
        custody = home.custodies[self.network.lane]
        remote_custody = remote.custodies[self.network.lane]
        rows = []
        holders = 0
        for investor in self.investors:
            suite = self._suite(investor)
            if suite not in (home, remote):
                continue
            closing = int(suite.token.balance_at_close(investor.account, day))
            holders += closing
            rows.append((investor.name, investor.ledger, self._units(closing)))
        locked = int(home.token.balance_at_close(custody, day))
        issued_remotely = int(remote.token.supply_at_close(day))
        suspense = int(remote.token.balance_at_close(remote_custody, day))
        in_transit = locked - issued_remotely
        issue = int(home.token.supply_at_close(day))
        rows.append(("suspense", self.remote_name, self._units(suspense)))
        rows.append(("in transit (locked at home, not issued yet)", "-", self._units(in_transit)))
        total = holders + suspense + in_transit
        rows.append(("Sum over both ledgers", "", self._units(total)))
        rows.append(("Issue at that close", "", self._units(issue)))
        report.table(
            f"Positions at the close of {date_of(day)}",
            ("Holder", "Ledger", "Units"),
            rows,
            numeric={2},
        )
        if total != issue or in_transit != amount:
            raise CheckFailed(f"closing balances sum to {total}, the issue was {issue}")
        for suite in (home, remote):
            self.network.announce_close(suite, day)
        report.say(
            "Nobody had announced that day: every close of the last week can be asked for. Both "
            "registrars announce it now, so that it is answered for ever."
        )

    def _events(self) -> None:
        """A split, and a dividend in new units, with two holders on each ledger."""
        home, remote = self._ranked(self.instrument.home), self._ranked(self.remote_name)
        actors = (
            self.report,
            self.network,
            self.instrument,
            (home[0], home[1]),
            (remote[0], remote[1]),
            {(i.ledger, str(i.account.address)): i.name for i in self.investors},
            self._reach,
        )
        self.applied, self.entitled = Split(*actors).tell(), Dividend(*actors).tell()

    def _final(self) -> int:
        report = self.report
        report.section("Both ledgers at the end")
        status = self.network.status()
        judged = (*status.verdicts, self.entitled, self.applied)
        names = {(i.ledger, str(i.account.address)): i.name for i in self.investors}
        rows = []
        for ledger in status.observation.ledgers:
            for position in ledger.positions:
                named = names.get((ledger.name, position.account))
                if position.link or not (named or position.balance):
                    continue
                name = named or position.name or position.account
                rows.append((name, ledger.name, self._units(position.balance)))
        conservation = status.verdict("INV-1")
        figures = dict(conservation.figures)
        places = ("in transit", "suspense", "with other bridges")
        rows += [(p, "-", self._units(figures[p])) for p in places]
        total = sum(value for name, value in figures.items() if name != "issue")
        rows.append(("Sum", "", self._units(total)))
        report.table("Positions", ("Holder", "Ledger", "Units"), rows, numeric={2}, total=True)
        report.table(
            "Invariants",
            ("", "What", "Figures", "Verdict"),
            [
                (
                    verdict.invariant,
                    verdict.statement,
                    "; ".join(f"{name} {self._figure(name, v)}" for name, v in verdict.figures),
                    "holds" if verdict.holds else "BROKEN: " + "; ".join(map(str, verdict.breaks)),
                )
                for verdict in judged
            ],
        )
        report.figure(
            Figure(
                "Units by place, after each step",
                _PLACES,
                tuple(self.samples),
                self.instrument.decimals,
            )
        )
        if self.out is not None:
            refreshed(self.network.connection).write(self.out / "manifest.json")
        report.end(None if self.out is None else self.out / "index.html")
        return 0 if status.ok and all(verdict.holds for verdict in judged) else 1

    def _figure(self, name: str, value: int) -> str:
        """A figure of a verdict: units, or a number of messages or deliveries."""
        return str(value) if name.startswith(("messages", "deliveries")) else self._units(value)

    # --------------------------------------------------------------------- helpers

    def _investors(self) -> list[Party]:
        found = [
            Party(
                holder.name,
                holder.ledger,
                self.chains[holder.ledger].account(HOLDERS_FROM + number),
                self._until(holder),
            )
            for number, holder in enumerate(self.instrument.holders)
        ]
        # The story needs two at home and two on the other ledger, whatever the file brings.
        for ledger in (self.instrument.home, self.remote_name):
            able = sum(i.ledger == ledger and i.until_day > 0 for i in found)
            found += [
                Party(
                    f"{ledger}-investor-{extra + 1}",
                    ledger,
                    self.chains[ledger].account(_SPARE_INVESTOR + extra),
                    DAY_MAX,
                )
                for extra in range(2 - able)
            ]
        return found

    def _until(self, holder: Holder) -> int:
        chain = self.chains[holder.ledger]
        until = int(holder.until_day)
        return until if until >= calendar_day(chain.now) else 0

    def _suite(self, investor: Party) -> Suite:
        return self.network.suite(investor.ledger)

    def _home_holder(self, rank: int) -> Party:
        return self._ranked(self.instrument.home)[rank]

    def _remote_holder(self, rank: int) -> Party:
        return self._ranked(self.remote_name)[rank]

    def _ranked(self, ledger: str) -> list[Party]:
        return [i for i in self.investors if i.ledger == ledger and i.until_day]

    def _refused_party(self) -> Party:
        for investor in self.investors:
            if investor.ledger == self.remote_name and not investor.until_day:
                return investor
        return Party("a stranger", self.remote_name, self.remote.chain.account(_STRANGER), 0)

    def _portion(self, investor: Party, part: int) -> int:
        """One part of what an investor holds, whole units if that leaves any."""
        held = int(self._suite(investor).token.balanceOf(investor.account))
        unit = 10**self.instrument.decimals
        whole = held // part // unit * unit
        return whole or held // part or held

    def _places(self) -> tuple[int, int, int, int]:
        """Units by place, from the contracts alone."""
        lane = self.network.lane
        at_home = self.home.escrow.lane_state(lane)
        away = self.remote.escrow.lane_state(lane)
        custody = int(self.home.token.balanceOf(self.home.custodies[lane]))
        return (
            int(self.home.token.totalSupply()) - custody,
            int(at_home.outstanding) - int(away.outstanding),
            int(at_home.suspense) + int(away.suspense),
            int(self.remote.token.totalSupply()) - int(away.suspense),
        )

    def _sample(self, label: str) -> None:
        self.samples.append(Sample(label, self._places()))

    def _reach(self, moment: int) -> None:
        """Let both clocks reach a moment."""
        for chain in (self.home.chain, self.remote.chain):
            self._catch_up(chain, moment)

    def _catch_up(self, chain: Chain, moment: int) -> None:
        """Let a ledger's clock reach a moment, as it would by itself."""
        if chain.now < moment:
            chain.set_time(moment)

    def _units(self, amount: object) -> str:
        return units_text(int(str(amount)), self.instrument.decimals)
