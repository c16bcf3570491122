"""What is derived from a contract is its copy: only what was meant to differ differs."""

from __future__ import annotations

import difflib

import pytest

from tallystick.build import artifact, artifacts
from tallystick.governance.layout import layout_conflicts
from tests.support.next_releases import CLOCK_ASSERTION, CONTRACTS, DERIVED, ROOT, derived


@pytest.mark.parametrize(
    ("path", "text"), [pytest.param(*each, id=each[0].stem) for each in derived()]
)
def test_copy_is_what_its_original_gives(path, text):
    assert path.read_text() == text
    if path.stem[:1].isupper():
        assert artifact(path.stem).source_path == path.relative_to(ROOT).as_posix()
        assert path.stem not in artifacts(), "in no release"


def _changes(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line[0] + line[1:].strip() for line in lines if line[0] in "+-"]


@pytest.mark.requirement("INV-1")
def test_transit_without_clock_lacks_the_lock_time_rule_and_nothing_else():
    original = (CONTRACTS / "bridge" / "transit.vy").read_text()
    copy = (DERIVED / "transit_without_clock_mock.vy").read_text()
    assert _changes(original, copy) == ["-" + CLOCK_ASSERTION]


@pytest.mark.requirement("INV-1")
def test_escrow_without_clock_differs_in_the_name_of_its_module_alone():
    original = (CONTRACTS / "bridge" / "BridgeEscrow.vy").read_text()
    copy = (DERIVED / "BridgeEscrowWithoutClockMock.vy").read_text()
    renamed = copy.replace(
        "from . import transit_without_clock_mock", "from contracts.bridge import transit"
    )
    renamed = renamed.replace("transit_without_clock_mock", "transit")
    # The import stands in the order of its folder.
    assert sorted(renamed.splitlines()) == sorted(original.splitlines())
    real, mock = artifact("BridgeEscrow"), artifact("BridgeEscrowWithoutClockMock")
    assert layout_conflicts(real, mock) == []
    assert mock.abi == real.abi


@pytest.mark.requirement("INV-10")
@pytest.mark.parametrize("name", ["SecurityToken", "BridgeEscrow", "InstrumentRegistry"])
def test_next_releases_keep_the_storage(name):
    chain = [artifact(name), artifact(f"{name}NextMock"), artifact(f"{name}NextButOneMock")]
    assert layout_conflicts(chain[0], chain[1]) == []
    assert layout_conflicts(chain[1], chain[2]) == []
    # And back: the way of a rollback loses only what the later release added.
    assert all("is gone" in conflict for conflict in layout_conflicts(chain[2], chain[0]))


@pytest.mark.requirement("INV-10")
def test_the_next_engine_keeps_the_storage():
    before, after = artifact("ActionsEngine"), artifact("ActionsEngineNextMock")
    assert layout_conflicts(before, after) == []
    (lost,) = layout_conflicts(after, before)
    assert lost.endswith("(release_notes_hash: bytes32) is gone")


@pytest.mark.requirement("INV-10")
def test_layout_conflicts_are_named():
    token, escrow = artifact("SecurityToken"), artifact("BridgeEscrow")
    wrong = layout_conflicts(token, escrow)
    assert wrong[0] == (
        "slot 69 was standing.standing_instruction: HashMap[address, Instruction] "
        "and is lanes._terms: HashMap[bytes32, uint256]"
    )
