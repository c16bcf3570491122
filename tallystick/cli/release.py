"""`tallystick release`: a release from its sources to what runs on a ledger, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tallystick.cli.options import (
    PATH,
    Pairs,
    account_option,
    json_option,
    manifest_option,
    rename_option,
    rpc_option,
)
from tallystick.errors import InputError

if TYPE_CHECKING:
    from tallystick.acts.script import Script
    from tallystick.cli.releasing import Releasing
    from tallystick.deploy.release import Check
    from tallystick.files.release import Archive
    from tallystick.status.observation import ReleaseState

__all__ = ["release"]

_CALL: Final = re.compile(r"0x[0-9a-f]{8}(?:[0-9a-f]{64})*")
_FOLDER: Final = Path("releases")


@click.group()
def release() -> None:
    """Releases: build an archive, check it, have it registered, noticed, approved, active.

    ARCHIVE is a file that `build` wrote. Every verb on a ledger compares what is registered there
    with the archive first, and sends nothing without --execute.
    """


# ------------------------------------------------------------------------- without a ledger


@release.command("build")
@click.argument("contract")
@click.argument("version")
@click.option("--notes", type=PATH, required=True, help="The release notes; their hash is kept.")
@click.option(
    "--evidence",
    type=PATH,
    required=True,
    multiple=True,
    help="What shows that it was tested and reviewed; its hash is kept. May be given again.",
)
@click.option("--migration", default="0x", help="The call made at activation, in hex.  [none]")
@click.option("--out", type=PATH, help="The archive.  [releases/CONTRACT-VERSION.json]")
@json_option
def build_(
    contract: str,
    version: str,
    notes: Path,
    evidence: Sequence[Path],
    migration: str,
    out: Path | None,
    as_json: bool,
) -> int:
    """Put the release that this checkout builds into an archive; the same bytes everywhere."""
    from tallystick import build
    from tallystick.deploy.release import archive_of, contract_of
    from tallystick.governance.release import Version
    from tallystick.storage import require_writable

    contract_of(contract)
    try:
        number = Version.parse(version)
    except ValueError:
        raise InputError("release", "VERSION", version, "MAJOR.MINOR.PATCH") from None
    if migration != "0x" and not _CALL.fullmatch(migration):
        expected = "0x and hex digits of a call: a selector and whole words"
        raise InputError("release", "--migration", migration, expected)
    path = out or _FOLDER / f"{contract}-{number}.json"
    require_writable("--out", path, file=True)
    archive = archive_of(
        contract,
        number,
        build.artifact(contract),
        notes=notes,
        evidence=evidence,
        migration=bytes.fromhex(migration[2:]),
    )
    archive.write(path)
    _say_archive(archive, path, as_json=as_json)
    return 0


@release.command("check")
@click.argument("path", metavar="ARCHIVE", type=PATH)
@click.option("--after", type=PATH, help="The archive of the release that it follows.")
@rename_option
@click.option("--manifest", "manifest_path", type=PATH, help="Compare with what runs there, too.")
@click.option("--ledger", default="", help="Of the manifest's ledgers this one.  [all]")
@rpc_option
@json_option
def check(
    path: Path,
    after: Path | None,
    renames: Sequence[tuple[str, str]],
    manifest_path: Path | None,
    ledger: str,
    rpc: Pairs,
    as_json: bool,
) -> int:
    """Say whether an archive is what it says, and can follow what runs: exit status 1 if not.

    Its sources are compiled again, its code is run, its storage, functions and number are compared
    with those of the release before, and what is registered on the ledgers with the archive.
    """
    from tallystick.cli.terminal import console, json_line, progress, show_table
    from tallystick.files.layout import LayoutFile, check_renames
    from tallystick.files.release import Archive

    archive = Archive.load(path)
    before = Archive.load(after) if after is not None else None
    if before is not None and after is not None:
        if before.contract != archive.contract:
            raise InputError(after, "contract", before.contract, archive.contract)
        old, new = (
            LayoutFile(each.file, each.contract, each.artifact.layout) for each in (before, archive)
        )
        check_renames(old, new, dict(renames))
    if ledger and manifest_path is None:
        raise InputError("release", "--manifest", None, "the manifest that has this ledger")
    with progress(f"checking {path}"):
        found = [*_checks(archive, before, dict(renames), manifest_path, ledger, rpc)]
    good = not any(each.wrong for each in found)
    if as_json:
        rows = [each._asdict() for each in found]
        said = {**_archive_dict(archive), "ok": good, "checks": rows}
        print(json_line({"schema": "tallystick.release-check/1", **said}), flush=True)
        return int(not good)
    rows_ = [("WRONG" if each.wrong else "", each.what, each.wrong) for each in found]
    show_table(console(), archive.title, ("", "Check", ""), rows_)
    _say_archive(archive, path, as_json=False)
    bad = sum(bool(each.wrong) for each in found)
    verdict = f"wrong: {bad} of {len(found)} checks" if bad else f"right: {len(found)} checks"
    console().print(verdict, markup=False, soft_wrap=True)
    return int(not good)


def _checks(
    archive: Archive,
    before: Archive | None,
    renames: Mapping[str, str],
    manifest_path: Path | None,
    ledger: str,
    rpc: Pairs,
) -> Iterator[Check]:
    from tallystick.cli.act import acting
    from tallystick.deploy.release import checks, checks_after, checks_on
    from tallystick.reach.connection import suites_of

    yield from checks(archive)
    if before is not None:
        yield from checks_after(archive, before.artifact, before.number, renames)
    if manifest_path is not None:
        with acting(manifest_path, rpc, ledger=ledger) as act:
            for suite in suites_of(act.connection).values():
                yield from checks_on(archive, suite, before, renames)


def _archive_dict(archive: Archive) -> dict[str, Any]:
    from tallystick.text import hex_text

    return {
        "contract": archive.contract,
        "version": archive.version,
        "hash": hex_text(archive.hash),
    }


def _say_archive(archive: Archive, path: Path, *, as_json: bool) -> None:
    from tallystick.cli.terminal import console, json_line

    said = _archive_dict(archive)
    if as_json:
        print(json_line({"schema": "tallystick.release-build/1", **said, "file": str(path)}))
        return
    text = f"{archive.title}: {path}, hash {said['hash']}"
    console().print(text, markup=False, soft_wrap=True)


# ----------------------------------------------------------------------------- on a ledger


@dataclass(frozen=True)
class _Given:
    """What every verb that sends is given."""

    ledger: str
    manifest_path: Path
    rpc: Pairs
    account: str
    execute: bool
    as_json: bool
    reason: str = ""
    document: str = ""
    path: Path | None = None
    archive: Archive | None = field(default=None, compare=False)

    @contextmanager
    def script(self) -> Iterator[Script]:
        """The ledger, to act there for the reason and on the document that were given."""
        from tallystick.acts.arguments import DOCUMENT, REASON, document_hash
        from tallystick.acts.script import Script
        from tallystick.cli.act import acting

        why: dict[str, Any] = {REASON: self.reason}
        if self.document:
            why[DOCUMENT] = document_hash("release", "--document", self.document)
        elif self.archive is not None:
            why[DOCUMENT] = bytes.fromhex(self.archive.notes.keccak256[2:])
        how = {"ledger": self.ledger, "account": self.account}
        with acting(self.manifest_path, self.rpc, **how, execute=self.execute) as act:
            yield Script(act, why)

    def told(self, script: Script, title: str) -> int:
        """Show what became of each act; returns the exit status."""
        from tallystick.cli.steps import show_steps
        from tallystick.cli.terminal import json_line

        if self.as_json:
            said = {"schema": "tallystick.release-acts/1", "execute": self.execute}
            rows = [asdict(step) for step in script.steps]
            print(json_line({**said, "acts": rows}), flush=True)
        else:
            show_steps(title, script.steps, execute=self.execute)
        return int(any(step.state == "refused" for step in script.steps))


def _option(text: str, default: str | None, name: str) -> Callable[[Any], Any]:
    required = default is None
    return click.option(
        name, default=default, required=required, show_default=bool(default), help=text
    )


def _verb(
    name: str, *, reason: str = "", document: str | None = "", file: bool = True
) -> Callable[[Callable[..., None]], None]:
    """A verb that sends, on an archive or a contract.

    Args:
        name: what it is called.
        reason: by default; empty: it takes no reason and no document.
        document: what it is by default, in words; None: it has to be given.
        file: whether it takes an archive.
    """
    why = [
        _option("Reason code of four letters.", reason, "--reason"),
        _option(
            "What orders it: a file, or its hash in hex." + (f"  [{document}]" if document else ""),
            None if document is None else "",
            "--document",
        ),
    ]

    def enter(act: Callable[..., None]) -> None:
        @wraps(act)
        def run(path: Path | None = None, **given: Any) -> int:
            from tallystick.acts.act import WrongArguments
            from tallystick.cli.terminal import errors
            from tallystick.files.release import Archive

            names = _Given.__dataclass_fields__
            own = {key: given.pop(key) for key in list(given) if key not in names}
            archive = Archive.load(path) if path is not None else None
            all_ = _Given(**given, path=path, archive=archive)
            with all_.script() as script:
                try:
                    act(all_, script, **own)
                except WrongArguments as wrong:
                    for error in wrong.errors:
                        errors(str(error))
                    return 2
                return all_.told(script, f"{name} {archive.title}" if archive else name)

        command: Callable[..., int] = run
        for option in (
            json_option,
            click.option("--execute", is_flag=True, help="Send; without it nothing is sent."),
            account_option("whoever may, whose key is here"),
            *(reversed(why) if reason else ()),
            manifest_option,
            *([click.argument("path", metavar="ARCHIVE", type=PATH)] if file else ()),
            click.argument("ledger"),
        ):
            command = option(command)
        release.command(name)(command)

    return enter


def _releasing(given: _Given, script: Script, *, known: bool = True) -> Releasing:
    from tallystick.cli.releasing import Releasing
    from tallystick.deploy.release import Wanted

    assert given.archive is not None
    assert given.path is not None
    found = Releasing(script, given.ledger, Wanted.of(given.archive), given.path)
    if known:
        found.require_registered()
    return found


def _register(given: _Given, script: Script, at: str) -> None:
    """Put the code on the ledger, and let the upgrader register it with all hashes."""
    _releasing(given, script, known=False).register(at)


_NOTES: Final = "the release notes"
_verb("register", reason="UPGR", document=_NOTES)(
    click.option(
        "--at", default="", help="Where its code stands already, such as after a run that broke."
    )(_register)
)


@_verb("notice", reason="UPGR", document=_NOTES)
def _notice(given: _Given, script: Script) -> None:
    """Let the upgrader give notice that the contract moves to it."""
    _releasing(given, script).notice()


@_verb("approve", reason="UPGR", document=None)
def _approve(given: _Given, script: Script) -> None:
    """Let issuer, operator and auditor, each with its key, consent to exactly this archive.

    The document is the review. See `check` before.
    """
    _releasing(given, script).approve()


@_verb("activate")
def _activate(given: _Given, script: Script) -> None:
    """Have it run, once all consented and the notice is over; anybody may."""
    _releasing(given, script).activate()


@_verb("hurry", reason="EMRG", document=None)
def _hurry(given: _Given, script: Script) -> None:
    """Let the guardian have it run before the notice is over, in an emergency.

    Issuer, operator and auditor consented; it has the layout of what runs, and no migration. What
    two administrators do not ratify in seven days anyone undoes (ReleaseAuthority.undo_emergency).
    """
    _releasing(given, script).hurry()


@_verb("ratify", reason="EMRG", document=None)
def _ratify(given: _Given, script: Script) -> None:
    """Let two administrators keep what runs in an emergency, one after the other.

    The document is the review.
    """
    _releasing(given, script).ratify()


def _roll_back(given: _Given, script: Script, contract: str, strand: bool) -> None:
    """Let the guardian return a contract to the release before, within the window.

    For a reason that is not registered, or to strand what it names, the upgrader proposes it first.
    """
    from tallystick.deploy.release import contract_of
    from tallystick.deploy.upgrade import proxy_of
    from tallystick.governance.roles import reason_code
    from tallystick.reach.connection import suites_of

    contract_of(contract)
    suite = suites_of(script.connection)[given.ledger]
    act, proxy = "ReleaseAuthority.roll_back", proxy_of(suite, contract)
    what = {"proxy": str(proxy.address), "strand": strand}
    if strand or not suite.authority.roll_back_reason(reason_code(given.reason)):
        proposed = script.proposed(given.ledger, act, what)
        script.do(given.ledger, "ReleaseAuthority.propose_roll_back", what, done=proposed)
    script.do(given.ledger, act, what)


_verb("roll-back", reason="FALT", document=None, file=False)(
    click.argument("contract")(
        click.option(
            "--strand",
            is_flag=True,
            help="Whatever that strands: what the release that is left names, in the proposal.",
        )(_roll_back)
    )
)


@release.command("status")
@manifest_option
@click.option("--ledger", default="", help="This ledger alone.  [all]")
@json_option
def status(manifest_path: Path, rpc: Pairs, ledger: str, as_json: bool) -> int:
    """Show what runs, what is to come, and until when it can be objected to or rolled back."""
    from tallystick.cli.act import acting
    from tallystick.cli.status import show_pending
    from tallystick.cli.terminal import console, json_line, progress, show_table
    from tallystick.governance.release import Version
    from tallystick.status.pending import later_releases, releases_of
    from tallystick.status.view import View

    found: list[tuple[str, ReleaseState, list[str]]] = []
    with acting(manifest_path, rpc, ledger=ledger) as act, progress("reading the ledgers"):
        for name, chain in act.connection.chains.items():
            view = View(act.connection, name, chain.block())
            later = later_releases(view)
            for each in releases_of(view):
                running = Version.parse(each.version)
                newer = [v for v in later[each.contract] if Version.parse(v) > running]
                found.append((name, each, newer))
    if as_json:
        rows = [_standing_dict(*each) for each in found]
        print(json_line({"schema": "tallystick.releases/1", "contracts": rows}), flush=True)
        return 0
    columns = ("Ledger", "Contract", "Runs", "Until when back", "Registered")
    show_table(console(), "Releases", columns, [_standing_row(*each) for each in found])
    show_pending(((name, each.pending) for name, each, _ in found if each.pending), console())
    return 0


def _standing_row(ledger: str, each: ReleaseState, newer: Sequence[str]) -> tuple[str, ...]:
    from tallystick.text import time_text

    back = f"{each.previous} until {time_text(each.closes_at)}" if each.previous else ""
    runs = each.version
    if each.ratify_before:
        runs += f", IN AN EMERGENCY: to be ratified before {time_text(each.ratify_before)}, then "
        runs += "undone by anyone"
    return ledger, each.contract, runs, back, ", ".join(newer)


def _standing_dict(ledger: str, each: ReleaseState, newer: Sequence[str]) -> dict[str, Any]:
    from tallystick.status.document import pending_dict

    pending = each.pending
    return {
        "ledger": ledger,
        "contract": each.contract,
        "version": each.version,
        "since": each.since,
        "ratify_before": each.ratify_before,
        "previous": each.previous,
        "rollback_until": each.closes_at if each.previous else None,
        "noticed": each.noticed,
        "not_before": pending and pending.applies_from,
        "lapses_at": pending and pending.lapses_at,
        "approved_by": list(pending.approved) if pending else [],
        "pending": pending and pending_dict(ledger, pending),
        "registered": list(newer),
    }
