"""From compiler output to maps: programme counter -> statement, JUMPI -> branch of the source.

What counts as a branch of the user's code: `if`/`elif` (true, false), `assert` (passes, reverts), a
conditional expression, each operand of `and`/`or` but the last (decides alone, or the next one is
evaluated), and a loop whose length is not fixed (entered, skipped). Checks that the compiler adds,
such as overflow, bounds and decoding of arguments, are no branches.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

from tallystick.build import Artifact

Node = dict[str, Any]
NodeId = tuple[int, int]

_JUMPI, _JUMPDEST, _SWAP1, _PUSH0, _PUSH32 = 0x57, 0x5B, 0x90, 0x5F, 0x7F
_DECISIONS = {"If", "Assert", "IfExp", "BoolOp", "For"}
# The compiler marks the whole body of a loop with it, so it says nothing of an `if` inside.
_LOOP_MESSAGE = "range() bounds check"

# What the two ways of each kind of branch are called: (the one that does, the one that does not).
OUTCOMES = {
    "If": ("true", "false"),
    "IfExp": ("true", "false"),
    "Assert": ("passes", "reverts"),
    "BoolOp": ("next operand evaluated", "decided by this operand"),
    "For": ("entered", "skipped"),
}


class Statement(NamedTuple):
    """One statement of a function, by its place."""

    path: str
    line: int
    column: int


class Branch(NamedTuple):
    """One two-way decision. `ordinal` tells operands of one `and`/`or` apart."""

    path: str
    line: int
    column: int
    kind: str
    ordinal: int


class Jump(NamedTuple):
    """What the two ways of a JUMPI mean for a branch."""

    branch: Branch
    when_taken: str
    when_not: str


@dataclass
class CodeMap:
    """Maps of one piece of code: runtime, or deployment."""

    statements: dict[int, Statement] = field(default_factory=dict)
    jumps: dict[int, Jump] = field(default_factory=dict)
    # Statements that are nothing but the taken way of a JUMPI, such as a lone `break`.
    taken_statements: dict[int, Statement] = field(default_factory=dict)


@dataclass
class Suite:
    """All that can be covered."""

    # By contract and kind of code: "SecurityToken:runtime", "SecurityToken:deployment".
    maps: dict[str, CodeMap] = field(default_factory=dict)
    # Statements by function: (path, line of the function) -> statements.
    functions: dict[tuple[str, int], set[Statement]] = field(default_factory=dict)

    @property
    def mapped(self) -> set[Statement]:
        """Statements with code in some contract."""
        return {
            place
            for code_map in self.maps.values()
            for known in (code_map.statements, code_map.taken_statements)
            for place in known.values()
        }

    def statements(self) -> set[Statement]:
        """What has to be executed.

        A statement without code, such as `x: uint256 = 0` that the compiler folds away, can't be;
        but all of a function that no contract contains counts: it is dead.
        """
        mapped = self.mapped
        wanted: set[Statement] = set()
        for places in self.functions.values():
            wanted |= (places & mapped) or places
        return wanted

    def branches(self) -> dict[Branch, frozenset[str]]:
        """Every branch with the names of its two ways."""
        return {
            jump.branch: frozenset((jump.when_taken, jump.when_not))
            for code_map in self.maps.values()
            for jump in code_map.jumps.values()
        }


@dataclass
class _Place:
    node: Node
    path: str
    function: Node
    statement: Node
    ancestors: tuple[Node, ...]


class _Tree:
    """Index of the syntax trees of one compilation."""

    def __init__(self, compiled: Artifact, root: Path) -> None:
        self.places: dict[NodeId, _Place] = {}
        self.function_ids: dict[NodeId, Node] = {}
        self.functions: dict[tuple[str, int], set[Statement]] = {}
        self.list_loops: dict[int, list[_Place]] = defaultdict(list)
        tree = compiled.annotated_ast
        for module in [tree["ast"], *tree["imports"]]:
            if module["is_interface"]:
                continue
            path = _path_in(root, Path(module["resolved_path"]))
            if path:
                self._module(module, path)

    def _module(self, module: Node, path: str) -> None:
        source = int(module["source_id"])
        for function in module["body"]:
            if function["ast_type"] != "FunctionDef":
                continue
            self.function_ids[source, function["node_id"]] = function
            places: set[Statement] = set()
            for statement in function["body"]:
                self._statement(source, path, function, statement, (), places)
            self.functions[path, function["lineno"]] = places

    def _statement(
        self,
        source: int,
        path: str,
        function: Node,
        statement: Node,
        ancestors: tuple[Node, ...],
        places: set[Statement],
    ) -> None:
        places.add(Statement(path, statement["lineno"], statement["col_offset"]))
        for node, above in _own_nodes(statement, ancestors):
            place = _Place(node, path, function, statement, above)
            self.places.setdefault((source, node["node_id"]), place)
            if node["ast_type"] == "For" and _iterates_over_list(node):
                self.list_loops[id(function)].append(place)
        for inner in _blocks(statement):
            self._statement(source, path, function, inner, (*ancestors, statement), places)


def _path_in(root: Path, path: Path) -> str | None:
    """Relative to the root; also of a cached compilation from before the checkout was moved."""
    if path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    for start, part in enumerate(path.parts):
        tail = Path(*path.parts[start:])
        if part == "contracts" and (root / tail).is_file():
            return tail.as_posix()
    return None


def _is_node(item: Any) -> bool:
    return isinstance(item, dict) and "ast_type" in item and "node_id" in item


def _own_nodes(node: Node, ancestors: tuple[Node, ...]) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """A statement and its expressions, without the statements inside it."""
    yield node, ancestors
    for key, value in node.items():
        if key in {"type", "folded_value"}:
            continue
        if key in {"body", "orelse"} and isinstance(value, list):
            continue
        for item in value if isinstance(value, list) else [value]:
            if _is_node(item):
                yield from _own_nodes(item, (*ancestors, node))


def _blocks(statement: Node) -> Iterator[Node]:
    for key in ("body", "orelse"):
        value = statement.get(key)
        if isinstance(value, list):
            yield from value


def _iterates_over_list(loop: Node) -> bool:
    iterable = loop["iter"]
    return not (
        iterable["ast_type"] == "Call" and iterable.get("func", {}).get("id", "") == "range"
    )


def _instructions(code: bytes) -> list[tuple[int, int]]:
    """(pc, opcode), without the data of the pushes."""
    found: list[tuple[int, int]] = []
    pc = 0
    while pc < len(code):
        opcode = code[pc]
        found.append((pc, opcode))
        pc += 1 + (opcode - _PUSH0 if _PUSH0 < opcode <= _PUSH32 else 0)
    return found


class _Mapper:
    """Builds the map of one piece of code."""

    def __init__(
        self, tree: _Tree, code: bytes, source_map: Mapping[str, Any], skip: range
    ) -> None:
        self.tree = tree
        self.errors: dict[str, str] = source_map["error_map"]
        # Deployment code carries the runtime code as data: never executed from there.
        self.instructions = [item for item in _instructions(code) if item[0] not in skip]
        self.nodes: dict[int, NodeId] = {
            int(pc): (pair[0], pair[1])
            for pc, pair in source_map["pc_ast_map"].items()
            if int(pc) not in skip
        }
        self.result = CodeMap()
        self.ordinals: dict[tuple[str, int, int, str], int] = defaultdict(int)
        self.loops_seen: dict[int, int] = defaultdict(int)

    def run(self) -> CodeMap:
        shared: dict[Statement, int] = {}
        for pc, opcode in self.instructions:
            place = self._place(pc)
            if place is None:
                continue
            if _is_shared(place.node, opcode):
                shared[_statement_of(place)] = pc
            else:
                self.result.statements[pc] = _statement_of(place)
        # `return x` may have no other code of its own. Code stands in the order of the text, so of
        # all PUSHes attributed to the last use of x, the last one is the use itself.
        certain = set(self.result.statements.values())
        for statement, pc in shared.items():
            if statement not in certain:
                self.result.statements[pc] = statement
        jumps = [i for i, (_, opcode) in enumerate(self.instructions) if opcode == _JUMPI]
        direct: list[tuple[int, _Place]] = []
        indirect: list[int] = []
        for index in jumps:
            node_id = self.nodes.get(self.instructions[index][0])
            if node_id is None:
                indirect.append(index)
                continue
            place = self._decision(index, node_id)
            if place:
                direct.append((index, place))
        for index, place in direct:
            self._add(index, place)
        decided = {id(place.node) for _, place in direct}
        for index in indirect:
            if not self._jumps_away(index):
                found = self._decision_before(index)
                if found and id(found.node) not in decided:
                    self._add(index, found)
        return self.result

    def _place(self, pc: int) -> _Place | None:
        node_id = self.nodes.get(pc)
        return self.tree.places.get(node_id) if node_id else None

    def _jumps_away(self, index: int) -> bool:
        """`if x: break`, or `continue`: the assembler makes it one JUMPI to where that goes.

        Only the PUSH of the target is left of the `break`, and it runs whether or not x holds.
        """
        target_pc = self.instructions[index - 1][0]
        place = self._place(target_pc)
        if place is None or place.node is not place.statement or not place.ancestors:
            return False
        parent = place.ancestors[-1]
        if parent["ast_type"] != "If":
            return False
        pc = self.instructions[index][0]
        self.result.statements.pop(target_pc, None)
        self.result.taken_statements[pc] = _statement_of(place)
        above = _Place(parent, place.path, place.function, parent, place.ancestors[:-1])
        in_body = any(item is place.statement for item in parent["body"])
        self._add(index, above, falls_into_first=not in_body)
        return True

    def _decision(self, index: int, node_id: NodeId) -> _Place | None:
        """The decision that a JUMPI with a node of its own takes."""
        place = self.tree.places.get(node_id)
        if place:
            kind = place.node["ast_type"]
            if kind == "For":
                return place if self._enters_loop(index) else None
            return place if kind in _DECISIONS else None
        # Loops over lists are attributed to the function as a whole, in the order of the text.
        function = self.tree.function_ids.get(node_id)
        if function is None or not self._enters_loop(index):
            return None
        loops = self.tree.list_loops[id(function)]
        number = self.loops_seen[id(function)]
        self.loops_seen[id(function)] += 1
        return loops[number] if number < len(loops) else None

    def _enters_loop(self, index: int) -> bool:
        """The test for zero rounds; the loop itself starts right behind it."""
        following = [opcode for _, opcode in self.instructions[index + 1 : index + 3]]
        return following == [_SWAP1, _JUMPDEST]

    def _decision_before(self, index: int) -> _Place | None:
        """For a JUMPI without a node: the `if` whose test stands before it in the same block."""
        pc = self.instructions[index][0]
        if self.errors.get(str(pc)) not in {None, _LOOP_MESSAGE}:
            return None
        for back in range(index - 1, max(index - 12, -1), -1):
            before, opcode = self.instructions[back]
            place = self._place(before)
            if place and place.statement["ast_type"] == "If":
                test = place.statement["test"]
                chain = (place.node, *place.ancestors)
                if place.node is place.statement or any(item is test for item in chain):
                    return self._place_of(place.statement, place)
            if place or opcode == _JUMPDEST:
                return None
        return None

    def _place_of(self, node: Node, near: _Place) -> _Place:
        return _Place(node, near.path, near.function, near.statement, ())

    def _add(self, index: int, place: _Place, *, falls_into_first: bool | None = None) -> None:
        node = place.node
        kind = node["ast_type"]
        spot = (place.path, node["lineno"], node["col_offset"], kind)
        ordinal = self.ordinals[spot]
        self.ordinals[spot] += 1
        branch = Branch(*spot, ordinal)
        does, does_not = OUTCOMES[kind]
        pc = self.instructions[index][0]
        if falls_into_first is None:
            falls_into_first = self._falls_into_first(index, node, kind)
        self.result.jumps[pc] = (
            Jump(branch, when_taken=does_not, when_not=does)
            if falls_into_first
            else Jump(branch, when_taken=does, when_not=does_not)
        )
        if kind in {"For", "If"}:
            self.result.statements.setdefault(pc, _statement_of(place))

    def _falls_into_first(self, index: int, node: Node, kind: str) -> bool:
        """Whether not jumping is the first of the two ways. The optimiser turns either round."""
        pc = self.instructions[index][0]
        if kind == "Assert":
            # With a reason the revert stands in place and is jumped over; without, it is shared.
            return "reason" not in self.errors.get(str(pc), "reason")
        if kind == "For":
            return True
        if kind == "BoolOp":
            first, second = node["values"][1:], node["values"][:1]
        else:
            first = node["body"] if isinstance(node["body"], list) else [node["body"]]
            second = node["orelse"] if isinstance(node["orelse"], list) else [node["orelse"]]
        for later, opcode in self.instructions[index + 1 :]:
            place = self._place(later)
            if place:
                chain = (place.node, *place.ancestors)
                if any(above is item for above in chain for item in first):
                    return True
                if any(above is item for above in chain for item in second):
                    return False
            if opcode == _JUMPDEST:
                # The other way begins, so what falls through has no code of either.
                return kind != "BoolOp"
        return True


def _is_shared(node: Node, opcode: int) -> bool:
    """Whether this PUSH says nothing of where we are.

    The compiler keeps one object for the position of a variable and attributes it to whichever use
    of the variable it saw last.
    """
    return _PUSH0 <= opcode <= _PUSH32 and node["ast_type"] in {"Name", "Attribute"}


def _statement_of(place: _Place) -> Statement:
    return Statement(place.path, place.statement["lineno"], place.statement["col_offset"])


def build_suite(contracts: list[Artifact], root: Path) -> Suite:
    """Maps of every contract: runtime code, and deployment code."""
    suite = Suite()
    # Syntax trees are large and without cycles: the collector would look through them in vain.
    with ProcessPoolExecutor(initializer=gc.disable) as pool:
        for part in pool.map(_part, contracts, repeat(root.resolve())):
            suite.maps.update(part.maps)
            for function, places in part.functions.items():
                suite.functions.setdefault(function, places)
    return suite


def _part(compiled: Artifact, root: Path) -> Suite:
    """What one contract adds."""
    tree = _Tree(compiled, root)
    part = Suite(functions=tree.functions)
    runtime, initcode = compiled.bytecode_runtime, compiled.bytecode
    mapper = _Mapper(tree, runtime, compiled.source_map_runtime, range(0))
    part.maps[f"{compiled.name}:runtime"] = mapper.run()
    start = initcode.find(runtime)
    skip = range(start, start + len(runtime)) if start >= 0 else range(0)
    mapper = _Mapper(tree, initcode, compiled.source_map, skip)
    part.maps[f"{compiled.name}:deployment"] = mapper.run()
    return part
