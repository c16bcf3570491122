"""`tallystick event`: a corporate action on its ledgers, from a file and a manifest.

Every verb does what is left to do and can be run again; nothing is sent without `--execute`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tallystick.cli.options import PATH, json_option, manifest_option

if TYPE_CHECKING:
    from tallystick.actions.record import EventRecord
    from tallystick.events.driver import Driver, Step
    from tallystick.events.standing import Part, Standing
    from tallystick.reach.connection import Connection

__all__ = ["event"]

_STATES: Final = ("executed", "done", "pending", "waiting", "refused")


@click.group()
def event() -> None:
    """A corporate action: announce, confirm, carry, fix, fund, pay, on every ledger.

    EVENT is an event file; each verb does what is left to do, as far as the ledgers let it.
    """


def _verb(**accounts: str) -> Callable[[Callable[..., int]], click.Command]:
    """A verb on an event file that sends, by default as the account that is said."""

    def enter(function: Callable[..., int]) -> click.Command:
        for option in (
            json_option,
            click.option("--execute", is_flag=True, help="Send; without it nothing is sent."),
            click.option(
                "--account",
                default="",
                help="Who sends: a role of the manifest, an address, or an ape alias.  "
                f"[{accounts['by']}]",
            ),
            manifest_option,
            click.argument("path", metavar=accounts.get("file", "EVENT"), type=PATH),
        ):
            function = option(function)
        return event.command()(function)

    return enter


@_verb(by="the role issuer")
@click.option("--cancel", is_flag=True, help="Announce that the event is off.")
def announce(
    path: Path, manifest_path: Path, account: str, execute: bool, as_json: bool, cancel: bool
) -> int:
    """The issuer announces the file's version of the event at home."""
    from tallystick.actions.message import Status
    from tallystick.actions.record import RecordError
    from tallystick.files.event import event_error, load_event
    from tallystick.token.position import date_of

    status = Status.CANCELLED if cancel else Status.ACTIVE
    with _driver(path, manifest_path, account, execute) as driver:
        if not driver.is_announced():
            instrument = driver.connection.manifest.instrument
            # What is off needs no notice, nor does a record day that is in force.
            told = driver.record.record_day if cancel else driver.day_in_force()
            today = date_of(driver.engines.today(driver.engines.home))
            load_event(path, instrument, today=today, told=told)
        try:
            driver.check_announcement(status)
        except RecordError as error:
            raise event_error(path, driver.record, error) from None
        return _told(driver.announce(status), path, execute, as_json)


@_verb(by="the role courier")
@click.option(
    "--signature",
    "signatures",
    multiple=True,
    metavar="HEX",
    help="Of an attestor; may be repeated.",
)
@click.option("--typed-data", is_flag=True, help="Print what attestors sign (EIP-712), and end.")
def confirm(
    path: Path,
    manifest_path: Path,
    account: str,
    execute: bool,
    as_json: bool,
    signatures: tuple[str, ...],
    typed_data: bool,
) -> int:
    """Bring home what event attestors signed; those of a local network sign here."""
    from tallystick.cli.terminal import console, json_line

    with _driver(path, manifest_path, account, execute) as driver:
        if typed_data:
            console().print(json_line(_typed(driver, path)), markup=False, soft_wrap=True)
            return 0
        attestation = _attestation(driver, path, signatures) if signatures else b""
        return _told(driver.confirm(attestation), path, execute, as_json)


@_verb(by="the role courier")
def carry(path: Path, manifest_path: Path, account: str, execute: bool, as_json: bool) -> int:
    """Attest and bring what one ledger told and another has not taken: records, figures, totals."""
    with _driver(path, manifest_path, account, execute) as driver:
        return _told(driver.carry(), path, execute, as_json)


@_verb(by="the role courier")
def figures(path: Path, manifest_path: Path, account: str, execute: bool, as_json: bool) -> int:
    """Have the other ledgers tell what stood there at the close of the record day."""
    with _driver(path, manifest_path, account, execute) as driver:
        return _told(driver.figures(), path, execute, as_json)


@_verb(by="the role courier")
def fix(path: Path, manifest_path: Path, account: str, execute: bool, as_json: bool) -> int:
    """Fix at home who owes for what: accounts there, then each lane whose figures came."""
    with _driver(path, manifest_path, account, execute) as driver:
        return _told(driver.fix(), path, execute, as_json)


@_verb(by="the role paying_agent")
def fund(path: Path, manifest_path: Path, account: str, execute: bool, as_json: bool) -> int:
    """Pay in what is due, gross, for every part whose totals are fixed."""
    with _driver(path, manifest_path, account, execute) as driver:
        return _told(driver.fund(), path, execute, as_json)


@_verb(by="the role courier")
def pay(path: Path, manifest_path: Path, account: str, execute: bool, as_json: bool) -> int:
    """Pay every holder of the record day, and who units landed with that were under way then."""
    with _driver(path, manifest_path, account, execute) as driver:
        return _told(driver.pay(), path, execute, as_json)


@_verb(by="the holder, where its key is here, else the role courier")
@click.option("--holder", required=True, help="A holder of the manifest, or an address.")
@click.option("--ledger", default="", help="Where an address holds.  [home]")
def claim(
    path: Path,
    manifest_path: Path,
    account: str,
    execute: bool,
    as_json: bool,
    holder: str,
    ledger: str,
) -> int:
    """Pay one holder what it held, and what landed with it since."""
    with _driver(path, manifest_path, account, execute) as driver:
        where, address, key = _holder(driver.connection, holder, ledger)
        if key is not None and not account:
            driver = _again(driver, key, execute)
        return _told(driver.claim(where, address), path, execute, as_json)


@_verb(by="the roles paying_agent and issuer", file="TERMS")
def terms(path: Path, manifest_path: Path, account: str, execute: bool, as_json: bool) -> int:
    """Set in what cash a currency is paid and what is withheld, from a file of pay terms."""
    from tallystick.events.terms import Terms
    from tallystick.files.pay_terms import load_pay_terms

    file = load_pay_terms(path)
    with _connected(manifest_path, account) as connection:
        setting = Terms(connection, file, path, account=account, execute=execute)
        setting.check()
        return _told(setting.set(), path, execute, as_json)


@event.command()
@click.argument("path", metavar="EVENT", type=PATH)
@manifest_option
@json_option
def status(path: Path, manifest_path: Path, as_json: bool) -> int:
    """Show how far the event is on every ledger, and what it waits for there."""
    from tallystick.cli.terminal import console, json_line, progress
    from tallystick.events.standing import payments_of, standing_of

    with _driver(path, manifest_path, "", execute=False) as driver:
        with progress("reading the ledgers"):
            found, paid = standing_of(driver), payments_of(driver)
        if as_json:
            shown = {
                "schema": "tallystick.event-status/1",
                "coaf": driver.record.coaf,
                "version": driver.record.version,
                "record": "0x" + driver.record.hash.hex(),
                "ledgers": [seen.as_dict() for seen in found],
                "payments": [payment.as_dict() for payment in paid],
            }
            console().print(json_line(shown), markup=False, soft_wrap=True)
        else:
            _show(driver, found)
        return int(any(seen.halted or seen.figures == "contradicted" for seen in found))


# ------------------------------------------------------------------------------- with what


@contextmanager
def _connected(manifest_path: Path, account: str) -> Iterator[Connection]:
    from tallystick.files.manifest import Manifest
    from tallystick.reach import connection as reach

    connection = reach.connect(Manifest.load(manifest_path), account=account)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _driver(path: Path, manifest_path: Path, account: str, execute: bool) -> Iterator[Driver]:
    """The event of a file on the ledgers of a manifest, whose form is right."""
    from tallystick.events.driver import Driver
    from tallystick.files.event import load_event
    from tallystick.files.manifest import Manifest

    record: EventRecord = load_event(path, Manifest.load(manifest_path).instrument)
    with _connected(manifest_path, account) as connection:
        yield Driver(connection, record, account=account, execute=execute)


def _again(driver: Driver, account: Any, execute: bool) -> Driver:
    """The same by an account whose key is here."""
    from tallystick.events.driver import Driver

    return Driver(driver.connection, driver.record, account=account, execute=execute)


def _holder(connection: Connection, holder: str, ledger: str) -> tuple[str, str, Any]:
    """Where somebody holds, its address, and its account if its key is here."""
    from pydantic_core import PydanticCustomError

    from tallystick.chain.abi import address_of
    from tallystick.errors import InputError
    from tallystick.files.plan import parse_address

    manifest = connection.manifest
    where = manifest.ledger(ledger).name if ledger else manifest.instrument.home
    try:
        address = str(address_of(parse_address(holder)))
    except PydanticCustomError:
        address = holder
    for entry in manifest.holders:
        if entry.name == holder and (not ledger or entry.ledger == ledger):
            where, address = entry.ledger, entry.address
        if (entry.ledger, entry.address) == (where, address):
            return where, address, connection.key(where, entry)
    if address == holder and not holder.startswith("0x"):
        raise InputError(
            manifest.file, "--holder", holder, "a holder of the manifest, or an address"
        )
    return where, address, None


def _typed(driver: Driver, path: Path) -> dict[str, Any]:
    """What event attestors sign of the version that was announced."""
    from tallystick.actions.message import attestation_typed_data

    domain = driver.engines.domain(driver.engines.home)
    return attestation_typed_data(_announced(driver, path), driver.event_signers(), domain)


def _attestation(driver: Driver, path: Path, signatures: Iterable[str]) -> bytes:
    """Signatures that were made elsewhere, packed."""
    from tallystick.bridge.attestation import gathered
    from tallystick.errors import InputError

    domain, signers = driver.engines.domain(driver.engines.home), driver.event_signers()
    version = _announced(driver, path)
    try:
        made = [bytes.fromhex(each.removeprefix("0x")) for each in signatures]
        return gathered(version, signers, domain, made, signers.attests)
    except ValueError as error:
        expected = f"signatures of event attestors in hex ({error})"
        raise InputError(path, "--signature", f"{len(tuple(signatures))} given", expected) from None


def _announced(driver: Driver, path: Path) -> Any:
    """The version as home announced it."""
    from tallystick.errors import InputError

    version = driver.version()
    if version is None:
        expected = "a version that is announced: tallystick event announce"
        raise InputError(path, "version", driver.record.version, expected)
    return version


# -------------------------------------------------------------------------------- shown how


def _told(steps: Iterable[Step], path: Path, execute: bool, as_json: bool) -> int:
    """Do and show steps; returns the exit status."""
    from tallystick.cli.terminal import console, json_line, progress, show_table

    found = []
    with progress() as tell:
        for step in steps:
            tell(f"{step.ledger}: {step.act}")
            found.append(step)
    shown = console()
    if as_json:
        document = {
            "schema": "tallystick.event-steps/1",
            "executed": execute,
            "steps": [step.as_dict() for step in found],
        }
        shown.print(json_line(document), markup=False, soft_wrap=True)
    else:
        rows = [(step.ledger, step.act, step.state, step.detail) for step in found]
        show_table(shown, str(path), ("Ledger", "Act", "State", ""), rows, empty="nothing to do")
        counts = [(sum(step.state == state for step in found), state) for state in _STATES]
        summary = (
            ", ".join(f"{count} {state}" for count, state in counts if count) or "nothing to do"
        )
        dry = "" if execute else "dry run, nothing was sent (--execute sends): "
        shown.print(f"{dry}{summary}", markup=False, soft_wrap=True)
    return int(any(step.state == "refused" for step in found))


def _show(driver: Driver, found: Iterable[Standing]) -> None:
    from tallystick.cli.terminal import console, show_table
    from tallystick.events.standing import waits
    from tallystick.text import time_text, units_text

    record, shown = driver.record, console()
    decimals = driver.connection.manifest.instrument.decimals

    def moment(time: int, late: bool = False) -> str:
        return f"{time_text(time)}{' (late)' if late else ''}" if time else ""

    def units(amount: int | None) -> str:
        return "" if amount is None else units_text(amount, decimals)

    def cash(amount: int) -> str:
        return units_text(amount, record.cash_decimals)

    def each(parts: Iterable[Part], told: Callable[[Part], str]) -> str:
        """A line for accounts, and one for each lane that has units."""
        return "; ".join(
            told(part) if part.accounts else f"{part.title} {told(part)}"
            for part in parts
            if part.accounts or part.units
        )

    show_table(
        shown,
        f"{record.caev} {record.coaf}, version {record.version}, {record.isin}",
        ("Ledger", "Told", "Armed", "Figures", "Fixed", "Funded", "Paid", "Unclaimed", "Waiting"),
        [
            (
                seen.ledger,
                moment(seen.told_at, seen.late),
                moment(seen.armed_at),
                seen.figures,
                each(seen.parts, lambda part: units(part.units)),
                each(
                    (part for part in seen.parts if part.due),
                    lambda part: (
                        "in full" if part.open else f"{cash(part.held)} of {cash(part.due or 0)}"
                    ),
                ),
                cash(seen.paid.gross) if seen.paid.gross else "",
                each(seen.parts, lambda part: units(part.unclaimed)),
                "; ".join(waits(seen)),
            )
            for seen in found
        ],
    )
    shown.print(f"record 0x{record.hash.hex()}", markup=False, soft_wrap=True)
