"""Mutants of one Vyper source: each replaces one stretch of text, found on the syntax tree.

An operator may offer what doesn't compile, or compiles to the same code: `server` drops those.
"""

from __future__ import annotations

import bisect
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tools.vyper_source import VyperSource

# Relaxed or tightened by the equal case, and turned round.
_COMPARISONS = {
    "Lt": ("<", ("<=", ">=")),
    "LtE": ("<=", ("<", ">")),
    "Gt": (">", (">=", "<=")),
    "GtE": (">=", (">", "<")),
    "Eq": ("==", ("!=",)),
    "NotEq": ("!=", ("==",)),
    "In": ("in", ("not in",)),
    "NotIn": ("not in", ("in",)),
}
_ARITHMETIC = {
    "Add": ("+", ("-",)),
    "Sub": ("-", ("+",)),
    "Mult": ("*", ("//",)),
    "FloorDiv": ("//", ("*",)),
    "Mod": ("%", ("//",)),
    "BitAnd": ("&", ("|",)),
    "BitOr": ("|", ("&", "^")),
    "BitXor": ("^", ("|",)),
    "LShift": ("<<", (">>",)),
    "RShift": (">>", ("<<",)),
}
_CALLS = {
    "unsafe_add": "unsafe_sub",
    "unsafe_sub": "unsafe_add",
    "unsafe_mul": "unsafe_div",
    "unsafe_div": "unsafe_mul",
    "min": "max",
    "max": "min",
}
_DELETED = {
    "Assign": "assignment",
    "AugAssign": "assignment",
    "Log": "log",
    "Expr": "call",
    "Raise": "raise",
    "Break": "break",
    "Continue": "continue",
}
_STATEMENTS = {*_DELETED, "AnnAssign", "Assert", "For", "If", "Return"}
# What stands for the mutants of constants at the top of a file.
CONSTANTS = "(constants)"

Events = Mapping[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class Mutant:
    """One fault: `text[start:end]` of the file at `path` becomes `new`.

    `function` is where it stands, `line` the first line that changes, `statement` the line of the
    statement around it (0 outside functions); `before` and `after` are the changed lines, on one.
    """

    path: str
    function: str
    line: int
    statement: int
    operator: str
    start: int
    end: int
    new: str
    before: str
    after: str

    def apply(self, text: str) -> str:
        """The file with the fault."""
        return text[: self.start] + self.new + text[self.end :]

    @cached_property
    def key(self) -> str:
        """The same for the same change of the same text, whatever stands elsewhere."""
        identity = f"{self.path}\0{self.start}\0{self.end}\0{self.new}\0{self.before}"
        return hashlib.sha256(identity.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Edit:
    node: Any
    operator: str
    start: int
    end: int
    new: str


def events_of(sources: Iterable[VyperSource]) -> Events:
    """The fields of every event declared in some files: name -> (field, type) in order."""
    return {
        event.name: tuple(
            (field.target.id, field.annotation.node_source_code)
            for field in event.body
            if hasattr(field, "target")
        )
        for source in sources
        for event in source.top_level("EventDef")
    }


def mutants(source: VyperSource, events: Events) -> list[Mutant]:
    """All mutants of one file in the order of its text, none twice."""
    return _Mutator(source, events).run()


class _Mutator:
    def __init__(self, source: VyperSource, events: Events) -> None:
        self.source = source
        self.text = source.text
        self.events = events
        self.starts = [0, *(match.end() for match in re.finditer("\n", self.text))]

    def run(self) -> list[Mutant]:
        found: dict[tuple[int, int, str], Mutant] = {}
        for top in self.source.tree.body:
            kind = type(top).__name__
            if kind == "FunctionDef":
                edits, name = self._function(top), str(top.name)
            elif kind == "VariableDecl" and top.is_constant:
                edits, name = self._constants(top.value), CONSTANTS
            else:
                continue
            for edit in edits:
                if edit.new == self.text[edit.start : edit.end]:
                    continue
                mutant = self._mutant(edit, name)
                found.setdefault((edit.start, edit.end, edit.new), mutant)
        return [found[place] for place in sorted(found)]

    # --- places --------------------------------------------------------------------------------

    def _start(self, node: Any) -> int:
        return self.starts[int(node.lineno) - 1] + int(node.col_offset)

    def _end(self, node: Any) -> int:
        return self.starts[int(node.end_lineno) - 1] + int(node.end_col_offset)

    def _code(self, node: Any) -> str:
        return self.text[self._start(node) : self._end(node)]

    def _line(self, offset: int) -> int:
        return bisect.bisect_right(self.starts, offset)

    def _mutant(self, edit: _Edit, function: str) -> Mutant:
        first, last = self._line(edit.start), self._line(edit.end)
        begin = self.starts[first - 1]
        stop = self.starts[last] - 1 if last < len(self.starts) else len(self.text)
        changed = self.text[begin : edit.start] + edit.new + self.text[edit.end : stop]
        return Mutant(
            path=self.source.path,
            function=function,
            line=first,
            statement=0 if function == CONSTANTS else _statement(edit.node),
            operator=edit.operator,
            start=edit.start,
            end=edit.end,
            new=edit.new,
            before=_squeezed(self.text[begin:stop]),
            after=_squeezed(changed),
        )

    # --- operators -----------------------------------------------------------------------------

    def _function(self, function: Any) -> Iterator[_Edit]:
        for statement in function.body:
            nodes = [statement, *statement.get_descendants()]
            declared = (node.annotation for node in nodes if type(node).__name__ == "AnnAssign")
            types = {id(node) for kind in declared for node in [kind, *kind.get_descendants()]}
            for node in nodes:
                if id(node) not in types:
                    yield from self._of(node, function)

    def _of(self, node: Any, function: Any) -> Iterator[_Edit]:
        kind = type(node).__name__
        if kind == "Assert":
            yield self._whole(node, "drop assert", "pass")
        elif kind in _DELETED:
            if kind != "Expr" or type(node.value).__name__ in {"Call", "ExtCall"}:
                yield self._whole(node, f"delete {_DELETED[kind]}", "pass")
        elif kind == "Return":
            yield from self._return(node, function)
        elif kind in {"If", "IfExp"}:
            yield from self._condition(node.test)
        if kind == "Log":
            yield from self._fields(node)
        elif kind == "Compare":
            yield from self._between(node.left, node.right, node.op, _COMPARISONS, "compare")
        elif kind == "BinOp":
            yield from self._between(node.left, node.right, node.op, _ARITHMETIC, "arithmetic")
            if type(node.op).__name__ == "BitOr":
                yield self._whole(node, "drop a flag", self._code(node.left))
                yield self._whole(node, "drop a flag", self._code(node.right))
        elif kind == "AugAssign":
            yield from self._between(node.target, node.value, node.op, _ARITHMETIC, "arithmetic")
        elif kind == "BoolOp":
            yield from self._junction(node)
        elif kind == "UnaryOp" and type(node.op).__name__ == "Not":
            yield self._whole(node, "drop not", f"({self._code(node.operand)})")
        elif kind == "Call":
            name = getattr(node.func, "id", "")
            if name in _CALLS:
                yield self._whole(node.func, "arithmetic", _CALLS[name])
        else:
            yield from self._literal(node)

    def _whole(self, node: Any, operator: str, new: str) -> _Edit:
        return _Edit(node, operator, self._start(node), self._end(node), new)

    def _between(
        self, left: Any, right: Any, op: Any, known: Mapping[str, Any], operator: str
    ) -> Iterator[_Edit]:
        symbol, others = known.get(type(op).__name__, ("", ()))
        for start, end in self._gap(left, right, symbol):
            for other in others:
                yield _Edit(left, operator, start, end, other)

    def _gap(self, left: Any, right: Any, symbol: str) -> Iterator[tuple[int, int]]:
        """Where the operator stands between two operands, if that is certain."""
        begin = self._end(left)
        between = self.text[begin : self._start(right)]
        # Parentheses, a line's end, the = of += are all that may stand beside it.
        match = re.fullmatch(rf"[\s()\\]*({re.escape(symbol)})=?[\s()\\]*", between)
        if symbol and match:
            yield begin + match.start(1), begin + match.end(1)

    def _junction(self, node: Any) -> Iterator[_Edit]:
        symbol = "and" if type(node.op).__name__ == "And" else "or"
        other = "or" if symbol == "and" else "and"
        for left, right in zip(node.values, node.values[1:], strict=False):
            for start, end in self._gap(left, right, symbol):
                yield _Edit(left, "and / or", start, end, other)
        for operand in node.values:
            # What this operand adds: without it the others decide.
            yield self._whole(operand, "drop an operand", "True" if symbol == "and" else "False")

    def _condition(self, test: Any) -> Iterator[_Edit]:
        if type(test).__name__ not in {"Compare", "UnaryOp"}:
            yield self._whole(test, "negate", f"not ({self._code(test)})")
        yield self._whole(test, "condition always", "True")
        yield self._whole(test, "condition never", "False")

    def _return(self, node: Any, function: Any) -> Iterator[_Edit]:
        if node.value is None or function.returns is None:
            return
        returned = self._code(function.returns)
        if returned == "bool":
            yield self._whole(node.value, "return constant", "True")
            yield self._whole(node.value, "return constant", "False")
        elif type(function.returns).__name__ != "Tuple":
            yield self._whole(node.value, "return constant", f"empty({returned})")

    def _fields(self, log: Any) -> Iterator[_Edit]:
        """Two fields of one event that have one type, swapped."""
        event = log.value
        name = getattr(event.func, "id", getattr(event.func, "attr", ""))
        types = dict(self.events.get(name, ()))
        fields = event.keywords
        for number, first in enumerate(fields):
            for second in fields[number + 1 :]:
                kind = types.get(first.arg)
                if kind is None or _plain(kind) != _plain(types.get(second.arg, "")):
                    continue
                a, b = first.value, second.value
                middle = self.text[self._end(a) : self._start(b)]
                new = self._code(b) + middle + self._code(a)
                yield _Edit(log, "swap event fields", self._start(a), self._end(b), new)

    def _literal(self, node: Any) -> Iterator[_Edit]:
        kind = type(node).__name__
        if kind == "Int":
            yield self._whole(node, "constant off by one", str(node.value + 1))
            if node.value > 0:
                yield self._whole(node, "constant off by one", str(node.value - 1))
        elif kind == "NameConstant" and isinstance(node.value, bool):
            yield self._whole(node, "constant", str(not node.value))

    def _constants(self, value: Any) -> Iterator[_Edit]:
        """Numbers and operators of a constant; no type stands inside it."""
        for node in [value, *value.get_descendants()]:
            kind = type(node).__name__
            if kind == "BinOp":
                yield from self._between(node.left, node.right, node.op, _ARITHMETIC, "arithmetic")
            else:
                yield from self._literal(node)


def _plain(kind: str) -> str:
    return kind.removeprefix("indexed(").removesuffix(")")


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _statement(node: Any) -> int:
    """Line of the innermost statement around a node."""
    while type(node).__name__ not in _STATEMENTS:
        node = node.get_ancestor()
    return int(node.lineno)
