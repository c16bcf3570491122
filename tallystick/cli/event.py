"""`tallystick event`: a corporate action on its ledgers, from a file and a manifest.

Every verb does what is left to do and can be run again; nothing is sent without `--execute`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tallystick.cli.options import PATH, Pairs, account_option, json_option, manifest_option

if TYPE_CHECKING:
    from tallystick.actions.message import EventVersion, Reversal
    from tallystick.actions.record import EventRecord
    from tallystick.events.acts import Step
    from tallystick.events.reversing import Reverser
    from tallystick.reach.connection import Connection

__all__ = ["event"]

_WORD: Final = re.compile(r"0x[0-9a-fA-F]{64}")
_REFERENCE: Final = re.compile(r"[!-~](?:[ -~]{0,30}[!-~])?")


@click.group()
def event() -> None:
    """A corporate action: announce, confirm, carry, fix, fund, pay, on every ledger.

    EVENT is an event file; each verb does what is left to do, as far as the ledgers let it.
    """


@dataclass(frozen=True)
class _Given:
    """What every verb that sends is given."""

    path: Path
    manifest_path: Path
    rpc: Pairs
    account: str
    execute: bool
    as_json: bool

    @contextmanager
    def driver(self) -> Iterator[Reverser]:
        """The event of the file, driven."""
        with _driver(self.path, self.manifest_path, self.rpc, self.account, self.execute) as driver:
            yield driver

    def told(self, steps: Iterable[Step]) -> int:
        """Do and show steps; returns the exit status."""
        return _told(steps, self.path, self.execute, self.as_json)


def _verb(
    by: str, *, name: str | None = None, file: str = "EVENT"
) -> Callable[[Callable[..., int]], click.Command]:
    """A verb on a file that sends, by default as the account that is said."""

    def enter(function: Callable[..., int]) -> click.Command:
        @wraps(function)
        def run(
            path: Path,
            manifest_path: Path,
            rpc: Pairs,
            account: str,
            execute: bool,
            as_json: bool,
            **own: Any,
        ) -> int:
            return function(_Given(path, manifest_path, rpc, account, execute, as_json), **own)

        command: Callable[..., int] = run
        for option in (
            json_option,
            click.option("--execute", is_flag=True, help="Send; without it nothing is sent."),
            account_option(by),
            manifest_option,
            click.argument("path", metavar=file, type=PATH),
        ):
            command = option(command)
        return event.command(name)(command)

    return enter


def _plain(name: str, by: str, help_text: str, act: Callable[[Reverser], Iterable[Step]]) -> None:
    """A verb that takes nothing but the file."""

    def run(given: _Given) -> int:
        with given.driver() as driver:
            return given.told(act(driver))

    run.__doc__ = help_text
    _verb(by, name=name)(run)


_COURIER: Final = "the role courier"
_AGENT: Final = "the role paying_agent"
_plain(
    "carry",
    _COURIER,
    "Attest and bring what one ledger told and another has not taken; `tallystick courier` does "
    "that for all events, again and again.",
    lambda driver: driver.carry(),
)
_plain(
    "arm",
    _COURIER,
    "Have a split or the like armed, and its lanes carried over it once it has begun; one that is "
    "off is withdrawn.",
    lambda driver: driver.arm(),
)
_plain(
    "figures",
    _COURIER,
    "Have the other ledgers tell what stood there at the close of the record day.",
    lambda driver: driver.figures(),
)
_plain(
    "fix",
    _COURIER,
    "Fix at home who owes for what: accounts there, then each lane whose figures came.",
    lambda driver: driver.fix(),
)
_plain(
    "fund",
    _AGENT,
    "Pay in what is due, gross, for every part whose totals are fixed.",
    lambda driver: driver.fund(),
)
_plain(
    "pay",
    _COURIER,
    "Pay every holder of the record day, and who had units under way; give a ratio's fractions.",
    lambda driver: driver.pay(),
)
_plain(
    "pass-on-tax",
    _COURIER,
    "Pass withheld tax on to the accounts that the terms name.",
    lambda driver: driver.pass_on_tax(),
)
_plain(
    "expire",
    _COURIER,
    "Return what nobody claimed in time, and what rounding left, as the terms say.",
    lambda driver: driver.expire(),
)


@_verb("the role issuer")
@click.option("--cancel", is_flag=True, help="Announce that the event is off.")
def announce(given: _Given, cancel: bool) -> int:
    """The issuer announces the file's version of the event at home."""
    from tallystick.actions.message import Status
    from tallystick.actions.record import RecordError
    from tallystick.files.event import event_error, load_event
    from tallystick.token.position import date_of

    status = Status.CANCELLED if cancel else Status.ACTIVE
    with given.driver() as driver:
        if not driver.is_announced():
            instrument = driver.connection.manifest.instrument
            # What is off needs no notice, nor does a record day that is in force.
            told = driver.record.record_day if cancel else driver.day_in_force()
            today = date_of(driver.engines.today(driver.engines.home))
            load_event(given.path, instrument, today=today, told=told)
        try:
            driver.check_announcement(status)
        except RecordError as error:
            raise event_error(given.path, driver.record, error) from None
        return given.told(driver.announce(status))


_signature_option = click.option(
    "--signature",
    "signatures",
    multiple=True,
    metavar="HEX",
    help="Of an attestor; may be repeated.",
)


@_verb(_COURIER)
@_signature_option
@click.option("--typed-data", is_flag=True, help="Print what attestors sign (EIP-712), and end.")
def confirm(given: _Given, signatures: tuple[str, ...], typed_data: bool) -> int:
    """Bring home what event attestors signed; those of a local network sign here."""
    from tallystick.cli.terminal import console, json_line

    with given.driver() as driver:
        if typed_data:
            shown = json_line(_typed(driver, given.path))
            console().print(shown, markup=False, soft_wrap=True)
            return 0
        attestation = b""
        if signatures:
            version = _announced(driver, given.path)
            attestation = _attestation(driver, given.path, version, signatures)
        return given.told(driver.confirm(attestation))


_holder_option = click.option(
    "--holder", required=True, help="A holder of the manifest, or an address."
)
_ledger_option = click.option("--ledger", default="", help="Where an address holds.  [home]")


@_verb("the holder, where its key is here, else the role courier")
@_holder_option
@_ledger_option
def claim(given: _Given, holder: str, ledger: str) -> int:
    """Pay one holder what it held, and what landed with it since."""
    with given.driver() as driver:
        where, address, key = _holder(driver, holder, ledger)
        if key is not None and not given.account:
            driver = _again(driver, key, given.execute)
        return given.told(driver.claim(where, address))


@_verb("the roles paying_agent and registrar", name="paid-elsewhere")
@_holder_option
@_ledger_option
@click.option("--reference", required=True, help="Of that payment: text, or 32 bytes in hex.")
@click.option("--document", required=True, help="What proves it: a file, or its hash in hex.")
def paid_elsewhere(given: _Given, holder: str, ledger: str, reference: str, document: str) -> int:
    """Note that a holder who can't take the cash here was paid its net elsewhere.

    The paying agent proposes, the registrar confirms; either key alone does its part. The amount
    returns as the terms say.
    """
    from tallystick.acts.arguments import document_hash

    words = _reference(given.path, reference), document_hash(given.path, "--document", document)
    with given.driver() as driver:
        where, address, _ = _holder(driver, holder, ledger)
        return given.told(driver.paid_elsewhere(where, address, *words))


@_verb("the role issuer; for what anyone may, the role courier")
@click.option("--reason", required=True, help="Code of ISO 20022, such as UPAY.")
@click.option("--document", required=True, help="What orders it: a file, or its hash in hex.")
@_signature_option
@click.option("--digest", is_flag=True, help="Print what attestors sign, and end.")
def reverse(
    given: _Given, reason: str, document: str, signatures: tuple[str, ...], digest: bool
) -> int:
    """Take an event back whose payment has begun; who was paid owes it.

    The issuer announces it at home, event attestors confirm it: those of a local network sign
    here. Once it is in force, and carried, every payment is entered as owed.
    """
    from tallystick.acts.arguments import document_hash
    from tallystick.cli.terminal import console, json_line

    words = _reason(given.path, reason), document_hash(given.path, "--document", document)
    with given.driver() as driver:
        reversal, attestation = driver.reversal(*words), b""
        if digest or signatures:
            _check_reversal(driver, given.path, reversal)
        if digest:
            console().print(json_line(_digest(driver, reversal)), markup=False, soft_wrap=True)
            return 0
        if signatures:
            attestation = _attestation(driver, given.path, reversal, signatures)
        return given.told(driver.reverse(reversal, attestation))


@_verb("the holder, where its key is here, else the role courier")
@_holder_option
@_ledger_option
@click.option("--amount", default="", help="In the event's currency.  [all that is owed]")
def repay(given: _Given, holder: str, ledger: str, amount: str) -> int:
    """Pay what a holder owes of a reversed event, or a part of it; whoever sends pays."""
    with given.driver() as driver:
        most = _amount(driver, given.path, amount) if amount else None
        where, address, key = _holder(driver, holder, ledger)
        if key is not None and not given.account:
            driver = _again(driver, key, given.execute)
        return given.told(driver.repay(where, address, most))


@_verb("the roles paying_agent and issuer", file="TERMS")
def terms(given: _Given) -> int:
    """Set in what cash a currency is paid and what is withheld, from a file of pay terms."""
    from tallystick.events.terms import Terms
    from tallystick.files.pay_terms import load_pay_terms

    file = load_pay_terms(given.path)
    with _connected(given.manifest_path, given.rpc, given.account) as connection:
        setting = Terms(connection, file, given.path, account=given.account, execute=given.execute)
        setting.check()
        return given.told(setting.set())


@event.command()
@click.argument("path", metavar="EVENT", type=PATH, required=False)
@click.option(
    "--reconcile",
    is_flag=True,
    help="Compare what is declared with what was given, holder by holder; without EVENT of all.",
)
@manifest_option
@json_option
def status(
    path: Path | None, manifest_path: Path, rpc: Pairs, reconcile: bool, as_json: bool
) -> int:
    """Show how far the event is on every ledger, and what it waits for there."""
    from tallystick.cli.standing import show
    from tallystick.cli.terminal import progress
    from tallystick.events.standing import payments_of, standing_of

    if reconcile:
        from tallystick.cli.reconciled import run

        return run(path, manifest_path, dict(rpc), as_json=as_json)
    if path is None:
        raise click.UsageError("Missing argument 'EVENT'.")
    with _driver(path, manifest_path, rpc, "", execute=False) as driver:
        with progress("reading the ledgers"):
            found, paid = standing_of(driver), payments_of(driver)
        show(driver, found, paid, as_json=as_json)
        return int(any(seen.halted or seen.figures == "contradicted" for seen in found))


# ------------------------------------------------------------------------------- with what


@contextmanager
def _connected(manifest_path: Path, rpc: Pairs, account: str) -> Iterator[Connection]:
    from tallystick.files.manifest import Manifest
    from tallystick.reach import connection as reach

    connection = reach.connect(Manifest.load(manifest_path), account=account, rpc=dict(rpc))
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def _driver(
    path: Path, manifest_path: Path, rpc: Pairs, account: str, execute: bool
) -> Iterator[Reverser]:
    """The event of a file on the ledgers of a manifest, whose form is right."""
    from tallystick.events.reversing import Reverser
    from tallystick.files.event import load_event
    from tallystick.files.manifest import Manifest

    record: EventRecord = load_event(path, Manifest.load(manifest_path).instrument)
    with _connected(manifest_path, rpc, account) as connection:
        yield Reverser(connection, record, account=account, execute=execute)


def _again(driver: Reverser, account: Any, execute: bool) -> Reverser:
    """The same by an account whose key is here."""
    from tallystick.events.reversing import Reverser

    return Reverser(driver.connection, driver.record, account=account, execute=execute)


def _holder(driver: Reverser, holder: str, ledger: str) -> tuple[str, str, Any]:
    """Where somebody holds, its address, and its account if its key is here."""
    from pydantic_core import PydanticCustomError

    from tallystick.chain.abi import address_of
    from tallystick.errors import InputError
    from tallystick.files.accounts import parse_address

    manifest, known = driver.connection.manifest, driver.engines.ledgers
    if ledger and ledger not in known:
        expected = f"one of the ledgers: {', '.join(known)}"
        raise InputError(manifest.file, "--ledger", ledger, expected)
    there = [entry for entry in manifest.holders if ledger in ("", entry.ledger)]
    named = next((entry for entry in there if entry.name == holder), None)
    if named is not None:
        return named.ledger, named.address, driver.connection.key(named.ledger, named)
    where = ledger or driver.engines.home
    try:
        address = str(address_of(parse_address(holder)))
    except PydanticCustomError:
        names = ", ".join(entry.name for entry in there)
        expected = f"an address, or a holder: {names or 'the manifest names none'}"
        raise InputError(manifest.file, "--holder", holder, expected) from None
    keys = (
        driver.connection.key(where, entry)
        for entry in there
        if (entry.ledger, entry.address) == (where, address)
    )
    return where, address, next(keys, None)


def _reference(path: Path, text: str) -> bytes:
    """The reference of a payment, as a word holds it."""
    from tallystick.errors import InputError

    if _WORD.fullmatch(text):
        return bytes.fromhex(text[2:])
    if not _REFERENCE.fullmatch(text):
        expected = "1 to 32 characters of ASCII, or 0x and 64 hex digits"
        raise InputError(path, "--reference", text, expected)
    return text.encode().ljust(32, b"\0")


def _typed(driver: Reverser, path: Path) -> dict[str, Any]:
    """What event attestors sign of the version that was announced."""
    from tallystick.actions.message import attestation_typed_data

    domain = driver.engines.domain(driver.engines.home)
    return attestation_typed_data(_announced(driver, path), driver.event_signers(), domain)


def _digest(driver: Reverser, reversal: Reversal) -> dict[str, Any]:
    """What event attestors sign of a reversal.

    Their verifier's type names versions alone, so that no wallet shows another struct in it.
    """
    from tallystick.bridge.attestation import attestation_digest
    from tallystick.text import hex_text

    domain, signers = driver.engines.domain(driver.engines.home), driver.event_signers()
    return {
        "digest": hex_text(attestation_digest(reversal, signers, domain, signers.attests)),
        "coaf": driver.record.coaf,
        "version": driver.record.version,
        "event_version": hex_text(reversal.event_version),
        "reason": reversal.reason.decode(),
        "set_off": bool(reversal.set_off),
        "document": hex_text(reversal.document),
    }


def _check_reversal(driver: Reverser, path: Path, reversal: Reversal) -> None:
    """Refuse to sign for what home did not announce."""
    from tallystick.errors import InputError

    if not driver.is_reversal_announced(reversal):
        expected = "the reversal that is announced, and its document (tallystick event status)"
        raise InputError(path, "--reason", reversal.reason.decode(), expected)


def _reason(path: Path, text: str) -> str:
    """A reason of reversals."""
    from tallystick.actions.codes import REVERSAL
    from tallystick.errors import InputError

    if text not in REVERSAL:
        raise InputError(path, "--reason", text, f"one of {', '.join(REVERSAL)}")
    return text


def _amount(driver: Reverser, path: Path, text: str) -> int:
    """An amount of the event's cash, in smallest units."""
    from pydantic_core import PydanticCustomError

    from tallystick.errors import InputError
    from tallystick.files.instrument import parse_amount, units

    decimals, currency = driver.record.cash_decimals, driver.record.currency
    try:
        amount = units(parse_amount(text), decimals)
    except (PydanticCustomError, ValueError):
        amount = 0
    if not amount:
        expected = f"more than 0 {currency}, of at most {decimals} decimal places"
        raise InputError(path, "--amount", text, expected)
    return amount


def _attestation(
    driver: Reverser, path: Path, signed: EventVersion | Reversal, signatures: Iterable[str]
) -> bytes:
    """Signatures that were made elsewhere, packed."""
    from tallystick.bridge.attestation import gathered
    from tallystick.errors import InputError

    domain, signers = driver.engines.domain(driver.engines.home), driver.event_signers()
    try:
        made = [bytes.fromhex(each.removeprefix("0x")) for each in signatures]
        return gathered(signed, signers, domain, made, signers.attests)
    except ValueError as error:
        expected = f"signatures of event attestors in hex ({error})"
        raise InputError(path, "--signature", f"{len(tuple(signatures))} given", expected) from None


def _announced(driver: Reverser, path: Path) -> EventVersion:
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
    from tallystick.cli.steps import carried_out, show_steps
    from tallystick.cli.terminal import console, json_line

    found = carried_out(steps)
    if as_json:
        document = {
            "schema": "tallystick.event-steps/1",
            "executed": execute,
            "steps": [step.as_dict() for step in found],
        }
        console().print(json_line(document), markup=False, soft_wrap=True)
    else:
        show_steps(str(path), found, execute=execute)
    return int(any(step.state == "refused" for step in found))
