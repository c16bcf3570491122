"""Derives next releases, and an escrow that lacks a rule, from the contracts as they are.

They are built and not kept: `write_derived` puts their sources under `.build/derived/`. Each edit
names text that must occur exactly once in the original, or it is an error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = ROOT / "contracts"
FOLDER = ".build/derived"
DERIVED = ROOT / FOLDER

_NOTICE = """@notice What an upgrade is tested with: {of} over the same modules in the same order,
        and after its storage something new.
@dev A test double of a {which} release; `tests/support/next_releases.py` derives it.
     In no release.
"""

_RELEASE_VIEW = "\n\n@external\n@view\ndef release()"
# What the last of several pieces ends with.
_REFUSAL = "\n\n@external\n@reentrant\ndef __default__()"

# Each piece declares all of it; one shows the notes, another the supply.
_TOKEN_STORAGE = """_initialized: bool
# What 1.1.0 added.
release_notes_hash: {notes}
"""
_TOKEN_STORAGE_2 = """# What 1.2.0 added: business day -> supply at its close.
noted_supply: {supply}
"""
_NOTES, _SUPPLY = "bytes32", "HashMap[uint256, uint256]"
_TOKEN_EVENTS = """

event Migrated:
    release: String[16]
    notes: bytes32
"""
_TOKEN_MIGRATE = '''

@external
def migrate(notes: bytes32):
    """
    @notice Keep the hash of this release's notes, by the call that its activation makes.
    @dev Nobody else may, also where a proxy began on this release and never was moved to it.
    @param notes Hash of the release notes.
    """
    assert notes != empty(bytes32), "next token: no release notes"
    assert msg.sender == controls.release_authority, "next token: only its authority"
    self.release_notes_hash = notes
    log Migrated(release=_RELEASE, notes=notes)
'''
_TOKEN_NOTE = '''

@external
def note_close(day: uint256):
    """
    @notice Keep the supply at the close of a day, so that nobody has to walk to it again.
    @param day A past business day.
    """
    self.noted_supply[day] = book._closing(empty(address), book._issue, day, 0) & (2**104 - 1)
'''

_ESCROW_CONSTANT = """

# Nonces looked at in one call.
_MAX_STEPS: constant(uint256) = 256
"""
_ESCROW_STORAGE = """_initialized: bool
# What 1.1.0 added: lane -> every nonce below it has arrived here.
low_water: public(HashMap[bytes32, uint256])
"""
_ESCROW_STORAGE_2 = """# What 1.2.0 added, and its migration sets.
release_notes_hash: public(bytes32)
"""
_ESCROW_EVENTS = """

event LowWaterRaised:
    lane: indexed(bytes32)
    nonce: uint256
"""
_ESCROW_FUNCTIONS = '''

@external
def raise_low_water(lane: bytes32) -> uint256:
    """
    @notice Move a lane's low-water mark past what has arrived without a gap; anyone may.
    @param lane The lane.
    @return The mark: every message of the other side with a lower nonce has arrived.
    """
    mark: uint256 = self.low_water[lane]
    for _: uint256 in range(_MAX_STEPS):
        if not self._arrived(lane, mark):
            break
        mark += 1
    self.low_water[lane] = mark
    log LowWaterRaised(lane=lane, nonce=mark)
    return mark


@external
@view
def undelivered(lane: bytes32, sent: uint256) -> uint256:
    """
    @notice How many messages that the other side sent have not arrived here.
    @param lane The lane.
    @param sent How many the other side sent (its `lane_state`).
    @return How many are missing, of at most 256 above the low-water mark.
    """
    missing: uint256 = 0
    mark: uint256 = self.low_water[lane]
    for step: uint256 in range(_MAX_STEPS):
        if mark + step >= sent:
            break
        if not self._arrived(lane, mark + step):
            missing += 1
    return missing
'''
_ESCROW_MIGRATE = '''

@external
def migrate(notes: bytes32):
    """
    @notice Keep the hash of this release's notes; once, by the call that its activation makes.
    @param notes Hash of the release notes.
    """
    assert notes != empty(bytes32), "next escrow: no release notes"
    assert self.release_notes_hash == empty(bytes32), "next escrow: migrated already"
    self.release_notes_hash = notes
'''
_ESCROW_INTERNAL = '''

@internal
@view
def _arrived(lane: bytes32, nonce: uint256) -> bool:
    """
    @dev The bit of a nonce.
    """
    return lanes._has_arrived(lane, lanes._ledger[lane], nonce)
'''

_REGISTRY_STORAGE = """_initialized: bool
# What 1.1.0 added: its notes; ISIN -> who objects to its record, and how many do.
release_notes_hash: public(bytes32)
objects: public(HashMap[String[12], HashMap[address, bool]])
_objections: uint256
"""
_REGISTRY_STORAGE_2 = """# What 1.2.0 added: ISIN -> when its record was last looked through.
reviewed_at: public(HashMap[String[12], uint256])
"""
_REGISTRY_MIGRATE = '''

@external
def migrate(notes: bytes32):
    """
    @notice Keep the hash of this release's notes; once, by the call that its activation makes.
    @param notes Hash of the release notes.
    """
    assert notes != empty(bytes32), "next registry: no release notes"
    assert self.release_notes_hash == empty(bytes32), "next registry: migrated already"
    self.release_notes_hash = notes
'''
# What 1.0.0 would not know, so that whoever objects would not be heard.
_REGISTRY_OBJECT = '''

@external
def object(isin: String[12], does: bool):
    """
    @notice Object to a record, or no longer.
    @param isin The instrument.
    @param does Whether the caller does.
    """
    assert self.objects[isin][msg.sender] != does, "next registry: nothing changes"
    self.objects[isin][msg.sender] = does
    if does:
        self._objections += 1
    else:
        self._objections -= 1


@external
@view
def stranded_by_roll_back() -> String[160]:
    """
    @notice What the release before would not know.
    @return How many objections stand; empty: none.
    """
    if self._objections == 0:
        return ""
    return concat("objections: ", uint2str(self._objections))
'''
_REGISTRY_REVIEW = '''

@external
def review(isin: String[12]):
    """
    @notice Keep the time at which somebody looked through a record.
    @param isin The instrument.
    """
    self.reviewed_at[isin] = block.timestamp
'''

_ENGINE_STORAGE = """_initialized: bool
# What 1.1.0 added.
release_notes_hash: {notes}
"""
_ENGINE_STORAGE_2 = """# What 1.2.0 added: event -> when it was last looked through.
reviewed_at: {reviews}
"""
_REVIEWS = "HashMap[bytes32, uint256]"
# Its proxy's code ends with the authority: an engine has no view that names it.
_ENGINE_MIGRATE = '''

@external
def migrate(notes: bytes32):
    """
    @notice Keep the hash of this release's notes, by the call that its activation makes.
    @dev Nobody else may, also where a proxy began on this release and never was moved to it.
    @param notes Hash of the release notes.
    """
    assert notes != empty(bytes32), "next engine: no release notes"
    # `self.code` would be this code, not the proxy's.
    proxy: address = self
    authority: uint256 = convert(slice(proxy.code, proxy.codesize - 32, 32), uint256)
    assert convert(msg.sender, uint256) == authority, "next engine: only its authority"
    self.release_notes_hash = notes
'''
_ENGINE_REVIEW = '''

@external
def review(coaf: bytes32):
    """
    @notice Keep the time at which somebody looked through an event.
    @param coaf The event.
    """
    self.reviewed_at[coaf] = block.timestamp
'''

CLOCK_ASSERTION = (
    'assert convert(lock_time, uint256) <= block.timestamp, "transit: before its lock time"'
)

# What stands on `transit`, in the order of the escrow's modules.
OVER_TRANSIT = ("denials", "closing")


@dataclass
class Copy:
    """The text of an original while it is being edited."""

    text: str

    def replace(self, old: str, new: str) -> Copy:
        """Replace text that occurs exactly once."""
        count = self.text.count(old)
        if count != 1:
            raise ValueError(f"{old!r} occurs {count} times in the original, not once")
        self.text = self.text.replace(old, new)
        return self

    def title(self, text: str) -> Copy:
        """Replace the title line."""
        line = next(line for line in self.text.splitlines() if line.startswith("@title "))
        return self.replace(line + "\n", f"@title {text}\n")

    def describe(self, text: str) -> Copy:
        """Replace what the docstring says after the author."""
        start = self.text.index("@notice ")
        return self.replace(self.text[start : self.text.index('"""', start)], text)


def _token_piece(
    name: str, title: str, which: str, *, notes: str = _NOTES, supply: str = _SUPPLY, second: bool
) -> Copy:
    """A piece of the token over the storage of a later release."""
    copy = Copy((CONTRACTS / "token" / f"{name}.vy").read_text())
    copy.title(f"{name}, {title}")
    copy.describe(_NOTICE.format(of=name, which=which))
    storage = _TOKEN_STORAGE + (_TOKEN_STORAGE_2 if second else "")
    return copy.replace("_initialized: bool\n", storage.format(notes=notes, supply=supply))


def _next_token(version: str, title: str, which: str, *, second: bool) -> str:
    shown = f"public({_SUPPLY})"
    copy = _token_piece("SecurityToken", title, which, supply=shown, second=second)
    copy.replace('String[16]) = "1.0.0"', f'String[16]) = "{version}"')
    if second:
        copy.replace(_RELEASE_VIEW, _TOKEN_NOTE + _RELEASE_VIEW)
    return copy.text


def _next_controls(title: str, which: str, *, second: bool) -> str:
    shown = f"public({_NOTES})"
    return _token_piece("SecurityTokenControls", title, which, notes=shown, second=second).text


def _next_settings(version: str, title: str, which: str, *, second: bool) -> str:
    copy = _token_piece("SecurityTokenSettings", title, which, second=second)
    constant = f'_RELEASE: constant(String[16]) = "{version}"\n\n'
    copy.replace("_initialized: bool\n", constant + "_initialized: bool\n")
    event = "\n\nevent TokenInitialized:"
    copy.replace(event, _TOKEN_EVENTS + event)
    return copy.replace(_REFUSAL, _TOKEN_MIGRATE + _REFUSAL).text


def _escrow_piece(name: str, title: str, which: str, *, shown: bool, second: bool) -> Copy:
    """A piece of the escrow over the storage of a later release, whose views are in the first."""
    copy = Copy((CONTRACTS / "bridge" / f"{name}.vy").read_text())
    copy.title(f"{name}, {title}")
    copy.describe(_NOTICE.format(of=name, which=which))
    storage = _ESCROW_STORAGE + (_ESCROW_STORAGE_2 if second else "")
    if not shown:
        storage = re.sub(r"public\((.*)\)$", r"\1", storage, flags=re.MULTILINE)
    return copy.replace("_initialized: bool\n", storage)


def _next_escrow(version: str, title: str, which: str, *, second: bool) -> str:
    copy = _escrow_piece("BridgeEscrow", title, which, shown=True, second=second)
    release = 'String[16]) = "{}"\n'
    copy.replace(release.format("1.0.0"), release.format(version) + _ESCROW_CONSTANT[1:])
    deploy = "\n\n@deploy\n"
    copy.replace(deploy, _ESCROW_EVENTS + deploy)
    functions = _ESCROW_FUNCTIONS + (_ESCROW_MIGRATE if second else "")
    copy.replace(_RELEASE_VIEW, functions + _RELEASE_VIEW)
    return copy.text + _ESCROW_INTERNAL


def _next_escrow_piece(piece: str, title: str, which: str, *, second: bool) -> str:
    return _escrow_piece(f"BridgeEscrow{piece}", title, which, shown=False, second=second).text


def _next_registry(version: str, title: str, which: str, *, second: bool) -> str:
    copy = Copy((CONTRACTS / "registry" / "InstrumentRegistry.vy").read_text())
    copy.title(f"Instrument registry, {title}")
    copy.describe(_NOTICE.format(of="InstrumentRegistry", which=which))
    copy.replace('String[16]) = "1.0.0"', f'String[16]) = "{version}"')
    storage = _REGISTRY_STORAGE + (_REGISTRY_STORAGE_2 if second else "")
    copy.replace("_initialized: bool\n", storage)
    functions = _REGISTRY_OBJECT + (_REGISTRY_REVIEW if second else _REGISTRY_MIGRATE)
    copy.replace(_RELEASE_VIEW, functions + _RELEASE_VIEW)
    return copy.text


def _next_engine(piece: str, version: str, title: str, which: str, *, second: bool) -> str:
    """A piece of the engine over the storage of a later release; the last one shows it."""
    copy = Copy((CONTRACTS / "actions" / f"ActionsEngine{piece}.vy").read_text())
    copy.title(f"ActionsEngine{piece}, {title}")
    copy.describe(_NOTICE.format(of=f"ActionsEngine{piece}", which=which))
    last = piece == "Fractions"
    storage = _ENGINE_STORAGE.format(notes=f"public({_NOTES})" if last else _NOTES)
    if second:
        storage += _ENGINE_STORAGE_2.format(reviews=f"public({_REVIEWS})" if last else _REVIEWS)
    copy.replace("_initialized: bool\n", storage)
    if last:
        functions = _ENGINE_MIGRATE + (_ENGINE_REVIEW if second else "")
        copy.replace(_REFUSAL, functions + _REFUSAL)
    if not piece:
        copy.replace('String[16]) = "1.0.0"', f'String[16]) = "{version}"')
    return copy.text


def _transit_without_clock() -> str:
    lines = (CONTRACTS / "bridge" / "transit.vy").read_text().splitlines(keepends=True)
    at = [number for number, line in enumerate(lines) if line.strip() == CLOCK_ASSERTION]
    if len(at) != 1:
        raise ValueError(f"the clock assertion stands {len(at)} times in transit.vy, not once")
    del lines[at[0]]
    return "".join(lines)


def _transit_of_the_first_codec() -> str:
    """What it sends is of codec 1; what has no deadline for it had none before."""
    text = (CONTRACTS / "bridge" / "transit.vy").read_text()
    sent = "            codec=message.CODEC,\n            kind=kind,\n"
    return Copy(text).replace(sent, sent.replace("message.CODEC", "1")).text


def _over(transit: str, module: str) -> str:
    """How a module is called that is over another `transit`."""
    return transit.replace("transit", module)


def _escrow_over(transit: str, name: str) -> str:
    """A piece of the escrow over another `transit`."""
    copy = Copy((CONTRACTS / "bridge" / f"{name}.vy").read_text())
    others = {module: _over(transit, module) for module in (*OVER_TRANSIT, "transit")}
    for module in others:
        copy.replace(f"from contracts.bridge import {module}\n", "")
        copy.replace(f"initializes: {module}[", f"initializes: {others[module]}[")
    last = "from contracts.governance import access\n"
    copy.replace(last, last + "".join(f"from . import {other}\n" for other in others.values()))
    for module, other in others.items():
        copy.text = copy.text.replace(f"{module} := {module}", f"{other} := {other}")
        copy.text = copy.text.replace(f"    {module}.", f"    {other}.")
    return copy.text


def _module_over(transit: str, module: str) -> str:
    """A module, of an escrow over another `transit`."""
    copy = Copy((CONTRACTS / "bridge" / f"{module}.vy").read_text())
    last = "from contracts.governance import instruction\n"
    imports = ""
    for used in (*OVER_TRANSIT, "transit"):
        line, other = f"from contracts.bridge import {used}\n", _over(transit, used)
        if line in copy.text:
            copy.replace(line, "")
            imports += f"from . import {other}\n"
            copy.text = re.sub(rf"(?<![`/\w]){used}(?=\.[_a-zA-Z]|\n)", other, copy.text)
    return copy.replace(last, f"{last}\n{imports}").text


def derived() -> Iterator[tuple[Path, str]]:
    """Each copy: its path, and the text it must have."""
    after, second = "the release after", "the release after the next"
    yield DERIVED / "SecurityTokenNextMock.vy", _next_token("1.1.0", after, "next", second=False)
    yield (
        DERIVED / "SecurityTokenNextButOneMock.vy",
        _next_token("1.2.0", second, "second", second=True),
    )
    yield (
        DERIVED / "SecurityTokenNextMockControls.vy",
        _next_controls(after, "next", second=False),
    )
    yield (
        DERIVED / "SecurityTokenNextButOneMockControls.vy",
        _next_controls(second, "second", second=True),
    )
    yield (
        DERIVED / "SecurityTokenNextMockSettings.vy",
        _next_settings("1.1.0", after, "next", second=False),
    )
    yield (
        DERIVED / "SecurityTokenNextButOneMockSettings.vy",
        _next_settings("1.2.0", second, "second", second=True),
    )
    yield DERIVED / "BridgeEscrowNextMock.vy", _next_escrow("1.1.0", after, "next", second=False)
    yield (
        DERIVED / "BridgeEscrowNextButOneMock.vy",
        _next_escrow("1.2.0", second, "second", second=True),
    )
    for piece in ("Controls", "Settings", "Records", "Ratios"):
        yield (
            DERIVED / f"BridgeEscrowNextMock{piece}.vy",
            _next_escrow_piece(piece, after, "next", second=False),
        )
        yield (
            DERIVED / f"BridgeEscrowNextButOneMock{piece}.vy",
            _next_escrow_piece(piece, second, "second", second=True),
        )
    yield (
        DERIVED / "InstrumentRegistryNextMock.vy",
        _next_registry("1.1.0", after, "next", second=False),
    )
    yield (
        DERIVED / "InstrumentRegistryNextButOneMock.vy",
        _next_registry("1.2.0", second, "second", second=True),
    )
    for piece in ("", "Controls", "Settings", "Records", "Ratios", "Fractions"):
        for name, version, title, which in (
            ("Next", "1.1.0", after, "next"),
            ("NextButOne", "1.2.0", second, "second"),
        ):
            text = _next_engine(piece, version, title, which, second=name != "Next")
            yield DERIVED / f"ActionsEngine{name}Mock{piece}.vy", text
    yield DERIVED / "transit_without_clock_mock.vy", _transit_without_clock()
    yield DERIVED / "transit_first_codec_mock.vy", _transit_of_the_first_codec()
    for transit in ("transit_without_clock_mock", "transit_first_codec_mock"):
        for module in OVER_TRANSIT:
            yield DERIVED / f"{_over(transit, module)}.vy", _module_over(transit, module)
    for piece in ("", "Controls", "Settings", "Records", "Ratios"):
        for which, transit in (
            ("WithoutClock", "transit_without_clock_mock"),
            ("FirstCodec", "transit_first_codec_mock"),
        ):
            path = DERIVED / f"BridgeEscrow{which}Mock{piece}.vy"
            yield path, _escrow_over(transit, f"BridgeEscrow{piece}")


def write_derived() -> None:
    """Bring the folder up to date: what stands already stays, what nothing derives goes."""
    DERIVED.mkdir(parents=True, exist_ok=True)
    texts = dict(derived())
    for path in set(DERIVED.glob("*.vy")) - set(texts):
        path.unlink(missing_ok=True)
    for path, text in texts.items():
        if not path.exists() or path.read_text() != text:
            # Whole: other workers may be reading it.
            scratch = path.with_suffix(f".{os.getpid()}")
            scratch.write_text(text)
            scratch.replace(path)
