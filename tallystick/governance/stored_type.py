"""Types of stored variables, as a layout's text says them, and whether one can follow another.

Each value takes whole words, members and elements one after the other; a mapping's value stands
where its key's hash says. What follows something in the same words must not move.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

__all__ = ["Change", "Severity", "Type", "changes", "parse_type"]

Severity = Literal["breaks", "note", "allowed"]
Kind = Literal["word", "interface", "flag", "struct", "tuple", "array", "list", "map", "bytes"]

_TOKEN: Final = re.compile(r"\s*([^\s\[\](){},:]+|[\[\](){},:])")
# Nobody's type; and the compiler lifts Python's limit on recursion.
_MAX_DEPTH: Final = 32
_MAX_DIMENSIONS: Final = 8
_NUMBER: Final = re.compile(r"(u?int)(\d+)")
_WORD: Final = re.compile(r"u?int\d+|bytes\d+|address|bool|decimal")


@dataclass(frozen=True)
class Type:
    """A type with all that it is made of.

    Attributes:
        kind: a `word` is a number, an address and so on; a `list` has a bound, an `array` a length.
        name: as written, of a struct or flag its own; empty for arrays, lists, maps and tuples.
        parts: members of a struct by name; of others without: elements, a map's key and value.
        labels: members of a flag.
        length: of an array, or the bound of a list, of bytes and of a string.
    """

    kind: Kind
    name: str = ""
    parts: tuple[tuple[str, Type], ...] = ()
    labels: tuple[str, ...] = ()
    length: int = 0

    @property
    def slots(self) -> int:
        """How many words it takes where it stands."""
        inner = sum(part.slots for _, part in self.parts)
        if self.kind in {"struct", "tuple"}:
            return inner
        if self.kind in {"array", "list"}:
            return (self.kind == "list") + inner * self.length
        return 1 + -(-self.length // 32)

    def __str__(self) -> str:
        inner = ", ".join(str(part) for _, part in self.parts)
        if self.kind == "struct":
            members = ", ".join(f"{name}: {part}" for name, part in self.parts)
            return f"{self.name}{{{members}}}"
        return {
            "interface": f"interface {self.name}",
            "flag": f"{self.name}({', '.join(self.labels)})",
            "tuple": f"({inner})",
            "array": f"{inner}[{self.length}]",
            "list": f"DynArray[{inner}, {self.length}]",
            "map": f"HashMap[{inner}]",
            "bytes": f"{self.name}[{self.length}]",
        }.get(self.kind, self.name)


def parse_type(text: str) -> Type:
    """Read a type as `Artifact.layout` writes it.

    Raises:
        ValueError: it is none, or names a struct or flag without saying what it is made of.
    """
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != "".join(text.split()):
        raise ValueError(f"{text!r} is no type")
    reader = _Reader(tokens)
    found = reader.type()
    if reader.tokens:
        raise ValueError(f"{text!r} is no type")
    return found


class _Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = [*reversed(tokens)]
        self.depth = 0

    def type(self) -> Type:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        found, dimensions = self.base(), 0
        while self.taken("["):
            dimensions += 1
            found = Type("array", parts=(("", found),), length=self.number())
            self.expect("]")
        if dimensions > _MAX_DIMENSIONS:
            raise ValueError("it has too many dimensions")
        self.depth -= 1
        return found

    def base(self) -> Type:
        if self.taken("("):
            return Type("tuple", parts=tuple(("", part) for part in self.types(")")))
        name = self.next()
        if name == "interface":
            return Type("interface", self.next())
        if name in {"HashMap", "DynArray", "String", "Bytes"}:
            self.expect("[")
            first = [] if name in {"String", "Bytes"} else [self.type()]
            if first:
                self.expect(",")
            if name == "HashMap":
                key_and_value = (("", first[0]), ("", self.type()))
                self.expect("]")
                return Type("map", parts=key_and_value)
            length = self.number()
            self.expect("]")
            if first:
                return Type("list", parts=(("", first[0]),), length=length)
            return Type("bytes", name, length=length)
        if self.taken("{"):
            return Type("struct", name, tuple(self.members()))
        if self.taken("("):
            labels = [self.next()]
            while self.taken(","):
                labels.append(self.next())
            self.expect(")")
            return Type("flag", name, labels=tuple(labels))
        if not _WORD.fullmatch(name):
            raise ValueError(f"{name} is not written out")
        return Type("word", name)

    def members(self) -> Iterator[tuple[str, Type]]:
        while True:
            name = self.next()
            self.expect(":")
            yield name, self.type()
            if self.taken("}"):
                return
            self.expect(",")

    def types(self, end: str) -> Iterator[Type]:
        while True:
            yield self.type()
            if self.taken(end):
                return
            self.expect(",")

    def number(self) -> int:
        return int(self.next())

    def next(self) -> str:
        if not self.tokens:
            raise ValueError("the type ends too early")
        return self.tokens.pop()

    def taken(self, token: str) -> bool:
        if self.tokens and self.tokens[-1] == token:
            self.tokens.pop()
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.taken(token):
            raise ValueError(f"{token!r} expected in a type")


@dataclass(frozen=True)
class Change:
    """What differs between two types.

    Attributes:
        rule: which rule says so.
        severity: what it means for storage that is there.
        path: where in the type: `.member`, `[]` of what is listed, `[key]` of what is mapped.
        before: what it was there.
        after: what it is.
        why: what it does.
    """

    rule: str
    severity: Severity
    path: str
    before: str
    after: str
    why: str


class _Tell(Protocol):
    """Makes the change of the two types that are being compared."""

    def __call__(self, rule: str, severity: Severity, why: str) -> Change: ...


def changes(
    was: Type, now: Type, renames: Mapping[str, str], *, room: bool = True, path: str = ""
) -> Iterator[Change]:
    """Say all that differs between what a variable was and what it is in the same slot.

    Args:
        was: its type.
        now: its type in the other release.
        renames: `Struct.member` and `Flag.MEMBER` that have another name, and it.
        room: whether nothing follows in the same words, so that it may grow.
        path: where in the variable.
    """

    def change(rule: str, severity: Severity, why: str) -> Change:
        return Change(rule, severity, path, str(was), str(now), why)

    if was == now:
        return
    if was.kind in {"word", "interface"} and now.kind in {"word", "interface"}:
        yield from _words(was, now, change)
    elif was.kind != now.kind or (was.kind == "bytes" and was.name != now.name):
        yield change("type-changed", "breaks", "the bytes that are stored mean something else")
    elif was.kind == "flag":
        labels = tuple(_member(renames, was, label) for label in was.labels)
        if now.labels[: len(labels)] == labels:
            yield change("flag-grown", "allowed", "members that were there keep their bits")
        else:
            yield change("flag-changed", "breaks", "a member's bit is its place among the members")
    elif was.kind == "struct":
        yield from _structs(was, now, renames, room=room, path=path)
    elif was.kind == "tuple":
        if len(was.parts) != len(now.parts):
            yield change("type-changed", "breaks", "a tuple keeps its length")
            return
        last = len(was.parts) - 1
        for at, ((_, before), (_, after)) in enumerate(zip(was.parts, now.parts, strict=True)):
            inner = f"{path}[{at}]"
            yield from changes(before, after, renames, room=room and at == last, path=inner)
    elif was.kind == "map":
        (_, key), (_, value), (_, new_key), (_, new_value) = *was.parts, *now.parts
        for each in changes(key, new_key, renames, path=f"{path}[key]"):
            if each.severity == "breaks":
                why = "entries are found by the hash of their key, so that none is found any more"
                yield Change("key-changed", "breaks", each.path, str(key), str(new_key), why)
                break
        # Each value stands alone.
        yield from changes(value, new_value, renames, path=f"{path}[]")
    else:
        yield from _bounds(was, now, change, room=room)
        for (_, before), (_, after) in zip(was.parts, now.parts, strict=True):
            yield from changes(before, after, renames, room=False, path=f"{path}[]")


def _words(was: Type, now: Type, change: _Tell) -> Iterator[Change]:
    one, other = (_NUMBER.fullmatch(each.name) for each in (was, now))
    if all(each.kind == "interface" or each.name == "address" for each in (was, now)):
        yield change("interface-changed", "allowed", "an address either way")
    elif one is None or other is None or one[1] != other[1]:
        yield change("type-changed", "breaks", "the word that is stored means something else")
    elif int(one[2]) < int(other[2]):
        yield change("number-widened", "allowed", "a number takes a whole word either way")
    else:
        yield change("number-narrowed", "breaks", "what is stored may be out of the new bounds")


def _bounds(was: Type, now: Type, change: _Tell, *, room: bool) -> Iterator[Change]:
    what = "length" if was.kind == "array" else "bound"
    if now.length < was.length:
        yield change(f"{what}-shrunk", "breaks", "what is stored may be longer, and is cut off")
    elif now.length > was.length:
        more = Type(was.kind, was.name, was.parts, length=now.length).slots
        if room or more == was.slots:
            yield change(f"{what}-grown", "allowed", "what is stored stays where it is")
        else:
            yield change(f"{what}-grown", "breaks", "what follows in the same words moves")


def _structs(
    was: Type, now: Type, renames: Mapping[str, str], *, room: bool, path: str
) -> Iterator[Change]:
    names = [_member(renames, was, name) for name, _ in was.parts]
    new = dict(now.parts)
    places = {name: at for at, name in enumerate(new)}
    told = set(names)
    if was.name != now.name:
        why = "storage does not know what a struct is called"
        yield Change("type-renamed", "allowed", path, was.name, now.name, why)
    for at, (name, (old_name, before)) in enumerate(zip(names, was.parts, strict=True)):
        here = f"{path}.{old_name}"
        if name in new:
            if places[name] != at:
                why = f"member {at + 1} of {was.name} is member {places[name] + 1}"
                yield Change("member-moved", "breaks", here, str(before), str(new[name]), why)
            inner = room and at == len(names) - 1 == len(new) - 1
            yield from changes(before, new[name], renames, room=inner, path=here)
            continue
        there, after = now.parts[at] if at < len(now.parts) else ("", before)
        if there and there not in told and before == after:
            told.add(there)
            why = f"the same place and type: if it is the same, --rename {was.name}.{old_name}="
            yield Change(
                "rename-unsaid", "breaks", here, old_name, there, f"{why}{now.name}.{there}"
            )
        else:
            why = f"{was.name} has it no more"
            yield Change("member-removed", "breaks", here, str(before), "", why)
    for name, at in places.items():
        if name not in told:
            kept = room and at >= len(names)
            why = "0 in what is stored already" if kept else "what follows in the same words moves"
            severity: Severity = "allowed" if kept else "breaks"
            yield Change("member-added", severity, f"{path}.{name}", "", str(new[name]), why)


def _member(renames: Mapping[str, str], of: Type, name: str) -> str:
    """What a member is called in the other release."""
    return renames.get(f"{of.name}.{name}", name).rpartition(".")[2]
