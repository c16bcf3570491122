"""`python -m tools.symbolic`: what holds for all arguments, and planted faults that are found.

`tests/contracts/*Checks.vy` state it: a `check_` is a call that never panics, whatever is given to
it, a `possible_` one that must, or the others would say nothing. halmos runs their bytecode on
symbols and asks a solver; then each fault below is planted, and the checks that are for it must
find arguments that break them.

halmos is AGPL-3.0: a program that is run, from an environment of its own (`tools/setup.sh audit`),
and that nothing here imports, ships or needs for anything else.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.build import Artifact, compile_file
from tallystick.chain.abi import encode
from tools.report import ROOT

HALMOS = ROOT / ".venv" / "audit" / "bin" / "halmos"
_SOURCES = ("contracts", "interfaces", "tests/contracts")
_VERIFIER = "contracts/bridge/QuorumVerifier.vy"
_TRANSIT = "contracts/bridge/transit.vy"
_LANES = "contracts/bridge/lanes.vy"
_DENIALS = "contracts/bridge/denials.vy"
_TIMEOUT = 1_800
# The compiler keeps its settings in a global: one compilation at a time.
_COMPILING = threading.Lock()
# How halmos ends a function: it holds, a counterexample, no answer in time.
_ENDED = {0: "holds", 1: "refuted", 2: "undecided"}


@dataclass(frozen=True)
class Subject:
    """A contract of checks, what its constructor is given, how long its byte strings may be."""

    name: str
    title: str = ""
    arguments: Callable[[Path], Sequence[Any]] = lambda _: ()
    lengths: tuple[int, ...] = ()


@dataclass(frozen=True)
class Fault:
    """A weakness to plant: the text that `pattern` finds, once, and the checks that must see it.

    `call` is what the title of the subject begins with, if it has one.
    """

    subject: str
    file: str
    pattern: str
    instead: str
    seen_by: tuple[str, ...]
    call: str = ""

    def plant(self, text: str) -> str:
        """The source with the fault.

        Raises:
            ValueError: the text is not there once; the sources went on without this fault.
        """
        found = re.findall(self.pattern, text, re.DOTALL)
        if len(found) != 1:
            raise ValueError(f"{self.file}: {self.pattern!r} is there {len(found)} times")
        return re.sub(self.pattern, self.instead, text, flags=re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """What halmos found of one function: its verdict, paths, seconds, and a counterexample."""

    function: str
    verdict: str
    paths: int
    seconds: float
    example: str = ""


def _quorum(count: int, threshold: int, *, batch: bool = False) -> Subject:
    signers = [f"0x{0x1111 * (i + 1):040x}" for i in range(count)]
    # Room for none to one signature too many, and a byte off each of the least that may pass.
    room = [10 + 64 * k for k in range(count + 2)]
    least = room[threshold]
    return Subject(
        "VerifierChecks",
        f"{'verify_batch' if batch else 'verify'}, {threshold} of {count}",
        lambda root: (compile_file(root / _VERIFIER, root).bytecode, signers, threshold, batch),
        tuple(sorted({*room, least - 1, least + 1})),
    )


SUBJECTS = (
    _quorum(3, 2),
    _quorum(4, 3),
    _quorum(3, 2, batch=True),
    _quorum(4, 3, batch=True),
    Subject("ArrivalChecks"),
    Subject("TransitChecks"),
    Subject("DenialChecks"),
)


def _believed(call: str, few: str, signer: str, bound: tuple[str, str]) -> tuple[Fault, ...]:
    """What makes one of the verifier's calls believe too much; `signer` finds who is recovered."""
    plant = functools.partial(Fault, "VerifierChecks", _VERIFIER, call=call)
    return (
        plant(
            rf'assert cursor >= [^\n]*"{few}"',
            "pass",
            ("check_below_threshold_never_verifies",),
        ),
        plant(
            signer,
            r"\1 in _SIGNERS",
            ("check_duplicated_never_verifies", "check_unsorted_never_verifies"),
        ),
        plant(signer, r"\1 != empty(address)", ("check_a_stranger_never_verifies",)),
        plant(*bound, ("check_high_s_never_verifies",)),
        plant(
            signer,
            r"\1 in [_SIGNERS[i], empty(address)]",
            ("check_zero_address_never_verifies",),
        ),
    )


FAULTS = (
    *_believed(
        "verify",
        "verifier: too few signatures",
        r"(ecrecover\([^=]*?) +== _SIGNERS\[i\]",
        (r"<= _MAX_S, ", "<= _S_MASK, "),
    ),
    *_believed(
        "verify_batch",
        "verifier: too few signatures of a batch",
        r"_SIGNERS\[i\]\s+== (ecrecover\([^=]*?\n +\))",
        (r"_MAX_S >= s", "_S_MASK >= s"),
    ),
    Fault(
        "VerifierChecks",
        _VERIFIER,
        r"> previous, ",
        ">= previous, ",
        ("check_no_set_of_fewer_than_two_distinct_signers",),
        "verify",
    ),
    Fault(
        "ArrivalChecks",
        _LANES,
        r"return ledger \| \(2\*\*_BITS_SHIFT << \(nonce & 63\)\)",
        "return ledger",
        ("check_what_arrived_has_arrived",),
    ),
    Fault(
        "ArrivalChecks",
        _LANES,
        r"self\._arrived\[lane\]\[newest\] = [^\n]*",
        "pass",
        ("check_an_arrival_is_no_others",),
    ),
    Fault(
        "ArrivalChecks",
        _LANES,
        r"self\._arrived\[lane\]\[newest\] = ",
        "self._arrived[lane][page + 1] = ",
        ("check_later_pages_stay_empty",),
    ),
    Fault(
        "ArrivalChecks",
        _LANES,
        r"self\._arrived\[lane\]\[page\] \|= bit",
        "self._arrived[empty(bytes32)][page] |= bit",
        ("check_an_arrival_is_its_lanes_alone",),
    ),
    Fault(
        "ArrivalChecks",
        _LANES,
        r'assert nonce < _SENT_MAX, "lanes: no nonces left"',
        "pass",
        ("check_what_leaves_changes_no_arrival",),
    ),
    Fault(
        "TransitChecks",
        _TRANSIT,
        r'assert not lanes\._has_arrived\([^"]*"transit: delivered already"',
        "pass",
        ("check_no_message_is_delivered_twice",),
    ),
    Fault(
        "TransitChecks",
        _TRANSIT,
        r"if not lanes\._has_arrived\([^\n]*:\n",
        "if count < _MAX_BATCH:\n",
        (
            "check_a_batch_passes_over_what_it_has_already",
            "check_a_batch_passes_over_what_was_delivered",
        ),
    ),
    Fault(
        "TransitChecks",
        _TRANSIT,
        r"(def claim\(.*?)self\._suspended\[id\] = 0",
        r"\1pass",
        ("check_nothing_is_claimed_twice", "check_what_was_claimed_is_not_returned"),
    ),
    Fault(
        "TransitChecks",
        _TRANSIT,
        r"(def return_to_source\(.*?)self\._suspended\[id\] = 0",
        r"\1pass",
        (
            "check_what_was_returned_is_not_claimed",
            "check_what_was_returned_is_not_returned_again",
        ),
    ),
    Fault(
        "DenialChecks",
        _DENIALS,
        r'assert not self\.denial_taken\[said\], "denials: taken already"',
        "pass",
        ("check_a_denial_counts_once",),
    ),
    Fault(
        "DenialChecks",
        _DENIALS,
        r"transit\._suspended\[id\] = 0",
        "pass",
        (
            "check_what_was_undone_is_not_claimed",
            "check_what_was_undone_is_not_returned",
            "check_nothing_is_undone_twice",
        ),
    ),
    Fault(
        "DenialChecks",
        _DENIALS,
        r"flows\._book_claim\(lane, terms, amount\)",
        "flows._book_claim(lane, terms, 0)",
        ("check_what_waited_is_undone_exactly",),
    ),
    Fault(
        "DenialChecks",
        _DENIALS,
        r"self\._settle\(id\)\n    self\._amends\[id\]\.made = True",
        "self._amends[id].made = True",
        ("check_nothing_is_made_good_twice",),
    ),
    Fault(
        "DenialChecks",
        _DENIALS,
        r"lanes\._book_undone\(lane, terms, restored\)",
        "lanes._book_undone(lane, terms, unsafe_add(restored, 1))",
        ("check_amends_are_exactly_what_was_brought",),
    ),
)


def subject_of(fault: Fault) -> Subject:
    """Return whose checks must see a fault; of several the first."""
    named = (fault.subject, fault.call)
    return next(each for each in SUBJECTS if (each.name, each.title.partition(",")[0]) == named)


def _built(artifact: Artifact, arguments: Sequence[Any]) -> dict[str, Any]:
    """The contract as halmos expects it of forge: Solidity's form, without what only that has."""
    types = [
        str(each["type"])
        for entry in artifact.abi
        if entry["type"] == "constructor"
        for each in entry["inputs"]
    ]
    code = artifact.bytecode + encode(types, arguments)
    contract = {"nodeType": "ContractDefinition", "name": artifact.name, "contractKind": "contract"}
    return {
        "abi": artifact.abi,
        "bytecode": {"object": f"0x{code.hex()}", "linkReferences": {}},
        "deployedBytecode": {
            "object": f"0x{artifact.bytecode_runtime.hex()}",
            "linkReferences": {},
            "sourceMap": "",
        },
        "methodIdentifiers": {
            # Vyper writes no zeros in front.
            signature: f"{int(selector, 16):08x}"
            for signature, selector in artifact.method_identifiers.items()
        },
        "metadata": {"compiler": {"version": "0.4.3"}, "output": {"devdoc": {"methods": {}}}},
        "ast": {"absolutePath": artifact.source_path, "nodes": [contract | {"nodes": []}]},
    }


def answer_of(result: dict[str, Any]) -> Answer:
    """What one entry of halmos's JSON says; whatever is not wholly explored does not hold."""
    name, verdict = str(result["name"]).partition("(")[0], _ENDED.get(result["exitcode"], "not run")
    # A function that raised has nothing else.
    paths, seconds = result["num_paths"] or [0], result["time"] or [0.0]
    if verdict == "holds" and result["num_bounded_loops"]:
        verdict = "cut short"
    values: dict[str, Any] = (result["models"] or [{}])[0].get("model") or {}
    example = ", ".join(
        f"{each['full_name'].removeprefix('p_').rsplit('_', 3)[0]} = {_short(each['value'])}"
        for each in sorted(values.values(), key=lambda each: str(each["full_name"]))
    )
    return Answer(name, verdict, paths[0], seconds[0], example)


def _short(value: int) -> str:
    text = f"0x{value:x}"
    return text if len(text) <= 24 else f"{text[:12]}…{text[-10:]}"


def explore(
    subject: Subject, sources: Path, folder: Path, halmos: Path, functions: Sequence[str] = ()
) -> dict[str, Answer]:
    """Run halmos over a contract of checks, or some of its functions.

    Args:
        subject: the contract.
        sources: the tree that it and what it checks are compiled from.
        folder: an empty one, for halmos.
        halmos: the program.
        functions: names; all checks by default.

    Returns:
        By function; of one that halmos said nothing of, "not run" and the end of its log.

    Raises:
        BuildError: a contract does not compile.
    """
    with _COMPILING:
        artifact = compile_file(sources / "tests/contracts" / f"{subject.name}.vy", sources)
        arguments = subject.arguments(sources)
    target = folder / "out" / f"{subject.name}.sol" / f"{subject.name}.json"
    target.parent.mkdir(parents=True)
    target.write_text(json.dumps(_built(artifact, arguments)))
    # halmos has forge compile first. All is compiled.
    forge = folder / "bin" / "forge"
    forge.parent.mkdir()
    forge.write_text("#!/bin/sh\nexit 0\n")
    forge.chmod(0o755)
    wanted = functions or [
        str(entry["name"])
        for entry in artifact.abi
        if str(entry.get("name")).startswith(("check_", "possible_"))
    ]
    report = folder / "report.json"
    command = [
        str(halmos),
        f"--root={folder}",
        f"--match-test=^({'|'.join(wanted)})[(]",
        # Vyper's mappings are not where Solidity's are.
        "--storage-layout=generic",
        "--loop=64",
        "--solver-timeout-assertion=300s",
        "--early-exit",
        "--no-status",
        f"--json-output={report}",
    ]
    if subject.lengths:
        command.append(f"--array-lengths=attestation={{{','.join(map(str, subject.lengths))}}}")
    environment = {
        **os.environ,
        "PATH": f"{forge.parent}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(folder),
    }
    # Who is not done in time has said nothing; the others are asked all the same.
    with (folder / "log").open("wb") as log, contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            command, env=environment, stdout=log, stderr=log, timeout=_TIMEOUT, check=False
        )
    found = json.loads(report.read_text())["test_results"] if report.exists() else {}
    answers = [answer_of(result) for results in found.values() for result in results]
    told = {answer.function: answer for answer in answers if answer.verdict != "not run"}
    said = (folder / "log").read_text(errors="replace")[-2_000:]
    return {name: told.get(name, Answer(name, "not run", 0, 0.0, said)) for name in wanted}


# A run is of a subject without a fault, or of one fault; its lines, and whether all are as due.
Job = Callable[[], tuple[list[str], bool]]


def _copied(folder: Path) -> Path:
    for part in _SOURCES:
        shutil.copytree(ROOT / part, folder / part)
    return folder


def _claims(subject: Subject, halmos: Path) -> tuple[list[str], bool]:
    with tempfile.TemporaryDirectory() as folder:
        answers = explore(subject, ROOT, Path(folder), halmos)
    lines, right = [], True
    for answer in answers.values():
        due = "holds" if answer.function.startswith("check_") else "refuted"
        right &= answer.verdict == due
        lines.append(_line(subject, answer, due, told=answer.verdict != due))
    return lines, right


def _finds(fault: Fault, halmos: Path) -> tuple[list[str], bool]:
    subject = subject_of(fault)
    with tempfile.TemporaryDirectory() as folder:
        sources = _copied(Path(folder) / "sources")
        file = sources / fault.file
        file.write_text(fault.plant(file.read_text()))
        work = Path(folder) / "work"
        work.mkdir()
        answers = explore(subject, sources, work, halmos, fault.seen_by)
    lines = [f"planted in {fault.file}: {fault.pattern} -> {fault.instead!r}"]
    lines += [_line(subject, answer, "refuted", told=True) for answer in answers.values()]
    return lines, all(answer.verdict == "refuted" for answer in answers.values())


def _line(subject: Subject, answer: Answer, due: str, *, told: bool) -> str:
    wrong = "" if answer.verdict == due else "WRONG "
    name = f"{subject.name} {subject.title}".strip()
    text = f"  {wrong}{name}: {answer.function} {answer.verdict}"
    text += f", {answer.paths} paths, {answer.seconds:.1f} s"
    return f"{text}\n    {answer.example}" if told and answer.example else text


def _jobs(halmos: Path, names: Sequence[str]) -> Iterator[Job]:
    # The longest first.
    for subject in reversed(SUBJECTS):
        if subject.name in names:
            yield functools.partial(_claims, subject, halmos)
    for fault in FAULTS:
        if fault.subject in names:
            yield functools.partial(_finds, fault, halmos)


def main(arguments: list[str]) -> int:
    """Run everything; 1 if a check does not hold or a fault is not seen, 2 without halmos."""
    parser = argparse.ArgumentParser(prog="python -m tools.symbolic", description=__doc__)
    names = sorted({subject.name for subject in SUBJECTS})
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"of {', '.join(names)}")
    parser.add_argument("--halmos", type=Path, default=HALMOS, help="the program")
    parser.add_argument("--workers", type=int, default=1, help="runs at once")
    options = parser.parse_args(arguments)
    if unknown := set(options.subjects).difference(names):
        parser.error(f"no such checks: {', '.join(sorted(unknown))}")
    if not options.halmos.exists():
        print("halmos is not installed: tools/setup.sh audit", file=sys.stderr)
        return 2
    started = time.monotonic()
    right = True
    wanted = options.subjects or names
    jobs = _jobs(options.halmos, wanted)
    faults = sum(fault.subject in wanted for fault in FAULTS)
    with ThreadPoolExecutor(options.workers) as pool:
        for lines, passed in pool.map(lambda job: job(), jobs):
            print("\n".join(lines), flush=True)
            right &= passed
    verdict = "all as claimed" if right else "NOT as claimed"
    print(f"symbolic: {verdict}, {faults} faults, {time.monotonic() - started:.0f} s")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
