"""Storage layouts of two releases, compared: what stays where it is, and what can't be read again.

Each finding names one rule; `docs/layout.md` tells them all. Nothing here knows where layouts come
from: `files/layout.py` reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from tallystick.governance.stored_type import Severity, changes, parse_type

__all__ = ["LOCK", "SECTIONS", "Finding", "Variable", "compare", "conflicts", "variables"]

STORED: Final = "storage_layout"
TRANSIENT: Final = "transient_storage_layout"
CODE: Final = "code_layout"
SECTIONS: Final = (STORED, TRANSIENT, CODE)
# What the compiler calls the lock of nonreentrant functions, and keeps the first slot for.
LOCK: Final = "$.nonreentrant_key"
# Room that a module keeps for its later releases; without the underscore it may be anything.
_ROOM: Final = re.compile(r"_+(?:storage_)?(?:reserved|gap)_*\d*")
_WORST_FIRST: Final[tuple[Severity, ...]] = ("breaks", "note", "allowed")


class Variable(NamedTuple):
    """A variable of a layout: slot or offset, dotted name, whole type, slots or bytes."""

    slot: int
    name: str
    kind: str
    size: int

    @property
    def end(self) -> int:
        """The first slot behind it."""
        return self.slot + self.size

    @property
    def is_room(self) -> bool:
        """Whether it only keeps room: words that nobody reads, by their name and type."""
        named = _ROOM.fullmatch(self.name.rpartition(".")[2])
        return bool(named) and re.fullmatch(r"(?:uint256|bytes32)\[\d+\]", self.kind) is not None


@dataclass(frozen=True)
class Finding:
    """One thing that differs between two layouts.

    Attributes:
        rule: the rule that says so.
        severity: `breaks` what is stored, is a `note` for whoever reviews, or is `allowed`.
        slot: where, in the older release if it was there.
        variable: its dotted name, with the path to what differs inside of it.
        before: what was there, empty if nothing.
        after: what is there, empty if nothing.
        why: what it does.
    """

    rule: str
    severity: Severity
    slot: int
    variable: str
    before: str
    after: str
    why: str

    def __str__(self) -> str:
        return (
            f"slot {self.slot} {self.variable}: {self.before or 'nothing'}"
            f" -> {self.after or 'nothing'}: {self.rule}: {self.why}"
        )


def variables(layout: Mapping[str, Any], section: str = STORED) -> Iterator[Variable]:
    """Yield what a section of a layout has, in its order; see `Artifact.layout`."""

    def walk(node: Mapping[str, Any], path: str) -> Iterator[Variable]:
        for name, entry in node.items():
            place, size = (entry.get(key) for key in keys)
            if isinstance(place, int):
                yield Variable(place, path + name, str(entry["type"]), int(size))
            else:
                yield from walk(entry, f"{path}{name}.")

    keys = ("offset", "length") if section == CODE else ("slot", "n_slots")
    yield from walk(layout.get(section, {}), "")


def conflicts(
    before: Mapping[str, Any], after: Mapping[str, Any], renames: Mapping[str, str] | None = None
) -> list[Finding]:
    """Return what of a new layout breaks an old one; empty if it can follow. See `compare`."""
    return [each for each in compare(before, after, renames) if each.severity == "breaks"]


def compare(
    before: Mapping[str, Any], after: Mapping[str, Any], renames: Mapping[str, str] | None = None
) -> list[Finding]:
    """Compare two layouts, as in `Artifact.layout`, by every rule; worst first, then by slot.

    Args:
        before: the layout of the release whose storage there is.
        after: the layout of the release that shall run on it.
        renames: what has another name: `module.variable`, `module`, `Struct.member`.

    Raises:
        ValueError: a type is none, or a struct is not written out.
    """
    said = renames or {}
    found = [
        *_lock(before, after, said),
        *_Storage(before, after, said).findings(),
        *_unstored(before, after, said, TRANSIENT, "transient-changed", _TRANSIENT_WHY),
        *_unstored(before, after, said, CODE, "immutable-changed", _IMMUTABLE_WHY),
    ]
    return sorted(found, key=lambda each: (_WORST_FIRST.index(each.severity), each.slot, each.rule))


_TRANSIENT_WHY: Final = "gone at the end of each transaction: matters to pieces that share it"
_IMMUTABLE_WHY: Final = "in the code, not in storage: its value is what the new constructor sets"
_EVM: Final = {
    STORED: "storage slot 0 (evm-version before cancun)",
    TRANSIENT: "transient slot 0 (evm-version cancun or later)",
}


def renamed(renames: Mapping[str, str], name: str) -> str:
    """What a variable is called in the other release: by its own name, or by its modules'."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        if new := renames.get(".".join(parts[:length])):
            return ".".join([new, *parts[length:]])
    return name


def _named(layout: Mapping[str, Any], section: str) -> dict[str, Variable]:
    return {each.name: each for each in variables(layout, section) if each.name != LOCK}


def _lock_of(layout: Mapping[str, Any]) -> tuple[str, Variable] | None:
    for section in (STORED, TRANSIENT):
        for each in variables(layout, section):
            if each.name == LOCK:
                return section, each
    return None


def _lock_home(layout: Mapping[str, Any]) -> str:
    """Where the compiler keeps the lock's slot; empty if nothing shows it.

    It keeps it whether a function has the lock or not, so that what follows begins at slot 1.
    """
    if lock := _lock_of(layout):
        return lock[0]
    first = {
        section: min((each.slot for each in variables(layout, section)), default=None)
        for section in (STORED, TRANSIENT)
    }
    if first[STORED] == 1:
        return STORED
    return TRANSIENT if first[STORED] == 0 or first[TRANSIENT] == 1 else ""


def _lock(
    before: Mapping[str, Any], after: Mapping[str, Any], renames: Mapping[str, str]
) -> Iterator[Finding]:
    home, new_home = _lock_home(before), _lock_home(after)
    if home and new_home and home != new_home:
        old, new = _named(before, STORED), _named(after, STORED)
        places = {name: new.get(renamed(renames, name)) for name in old}
        if all(now and now.slot == old[name].slot for name, now in places.items()):
            why = "the lock's slot lies elsewhere, and nothing else does"
            yield Finding("evm-version", "note", 0, LOCK, _EVM[home], _EVM[new_home], why)
        else:
            why = "the lock's slot lies elsewhere, and with it all of storage: keep evm-version"
            yield Finding("evm-version", "breaks", 0, LOCK, _EVM[home], _EVM[new_home], why)
        return
    one, other = _lock_of(before), _lock_of(after)
    if one and other and one[1].slot != other[1].slot:
        why = "it was placed by hand; what is in its new slot would be taken for it"
        was, now = f"slot {one[1].slot}", f"slot {other[1].slot}"
        yield Finding("lock-moved", "breaks", one[1].slot, LOCK, was, now, why)
    elif (one is None) != (other is None):
        slot = (one or other or (STORED, Variable(0, LOCK, "", 1)))[1].slot
        was, now = (each[1].kind if each else "" for each in (one, other))
        why = "its slot is kept free whether a function has the lock or not"
        yield Finding("lock-changed", "note", slot, LOCK, was, now, why)


def _unstored(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    renames: Mapping[str, str],
    section: str,
    rule: str,
    why: str,
) -> Iterator[Finding]:
    """What is in no storage: nothing of it is read again, but somebody should know."""
    new = _named(after, section)
    unit = "offset" if section == CODE else "slot"
    matched = set()
    for old in _named(before, section).values():
        now = new.get(renamed(renames, old.name))
        matched.add(renamed(renames, old.name))
        if now is None or (now.slot, now.kind) != (old.slot, old.kind):
            was, text = (
                f"{each.kind} at {unit} {each.slot}" if each is not None else ""
                for each in (old, now)
            )
            yield Finding(rule, "note", old.slot, old.name, was, text, why)
    for now in new.values():
        if now.name not in matched:
            text = f"{now.kind} at {unit} {now.slot}"
            yield Finding(rule, "note", now.slot, now.name, "", text, why)


class _Storage:
    """Storage of two releases, beside each other."""

    def __init__(
        self, before: Mapping[str, Any], after: Mapping[str, Any], renames: Mapping[str, str]
    ) -> None:
        self.renames = renames
        self.old = _named(before, STORED)
        self.new = _named(after, STORED)
        self.elsewhere_before = {name for s in SECTIONS[1:] for name in _named(before, s)}
        self.elsewhere_after = {name for s in SECTIONS[1:] for name in _named(after, s)}
        known = {renamed(renames, name) for name in self.old}
        self.added = {name: each for name, each in self.new.items() if name not in known}
        lock = _lock_of(before)
        # What may hold something.
        self.used = [each for each in self.old.values() if not each.is_room]
        if lock and lock[0] == STORED:
            self.used.append(lock[1])

    def findings(self) -> Iterator[Finding]:
        for old in self.old.values():
            now = self.new.get(renamed(self.renames, old.name))
            if old.is_room and (now is None or now.is_room):
                yield from self._room(old, now)
            elif now is None:
                yield self._gone(old)
            else:
                yield from self._stays(old, now)
        for now in self.added.values():
            yield self._new(now)

    def _stays(self, old: Variable, now: Variable) -> Iterator[Finding]:
        if old.name != now.name:
            why = "said with --rename"
            yield Finding("renamed", "allowed", old.slot, old.name, old.name, now.name, why)
        if old.slot != now.slot:
            was, there = f"slot {old.slot}", f"slot {now.slot}"
            why = f"it would be read where {self._holder(now.slot)}"
            yield Finding("variable-moved", "breaks", old.slot, old.name, was, there, why)
        for each in changes(parse_type(old.kind), parse_type(now.kind), self.renames):
            yield Finding(
                each.rule,
                each.severity,
                old.slot,
                old.name + each.path,
                each.before,
                each.after,
                each.why,
            )

    def _holder(self, slot: int) -> str:
        for each in self.used:
            if each.slot <= slot < each.end:
                return f"{each.name} is stored"
        return "nothing is stored yet"

    def _gone(self, old: Variable) -> Finding:
        for now in self.added.values():
            same = now.slot == old.slot and all(
                each.severity != "breaks"
                for each in changes(parse_type(old.kind), parse_type(now.kind), self.renames)
            )
            if same and not now.is_room:
                del self.added[now.name]
                why = f"the same slot and type: if it is the same, --rename {old.name}={now.name}"
                return Finding(
                    "rename-unsaid", "breaks", old.slot, old.name, old.name, now.name, why
                )
        why = "what it stored is left behind, for whatever comes to stand there"
        if renamed(self.renames, old.name) in self.elsewhere_after:
            why = "it is in no storage any more: what it stored is not read"
        return Finding("variable-removed", "breaks", old.slot, old.name, old.kind, "", why)

    def _new(self, now: Variable) -> Finding:
        under = [each for each in self.used if _overlap(each, now)]
        if under:
            why = f"{under[0].name} was stored there: it would be read as {now.name}"
            return Finding(
                "slot-reused", "breaks", now.slot, now.name, under[0].kind, now.kind, why
            )
        if now.name in self.elsewhere_before:
            why = "had a value in no storage; in storage it is 0 until a migration sets it"
            return Finding("now-stored", "note", now.slot, now.name, "", now.kind, why)
        if now.is_room:
            why = "room for later releases"
            return Finding("room-added", "allowed", now.slot, now.name, "", now.kind, why)
        why = "new: 0 behind a proxy that is there, where no constructor runs"
        return Finding("variable-added", "allowed", now.slot, now.name, "", now.kind, why)

    def _room(self, old: Variable, now: Variable | None) -> Iterator[Finding]:
        """Room shrinks from its start, by what is taken from it, and ends where it ended."""
        after = now.kind if now else ""

        def finding(rule: str, severity: Severity, why: str) -> Finding:
            return Finding(rule, severity, old.slot, old.name, old.kind, after, why)

        within = [each for each in self.new.values() if _overlap(each, old)]
        if now is not None and (now.slot, now.end) == (old.slot, old.end):
            return
        if now is not None and now.slot == old.slot and now.end > old.end:
            if not any(_overlap(each, now) for each in self.used):
                yield finding("room-grown", "allowed", "more room, where nothing was")
                return
        elif max((each.end for each in within), default=old.slot) == old.end:
            taken = ", ".join(each.name for each in within if each is not now)
            yield finding("room-used", "allowed", f"taken by {taken}")
            return
        at = f"is slots {now.slot} to {now.end - 1}" if now else "is gone"
        why = f"it was slots {old.slot} to {old.end - 1} and {at}: only its start may be taken"
        yield finding("room-lost", "breaks", why)


def _overlap(one: Variable, other: Variable) -> bool:
    return one.slot < other.end and other.slot < one.end
