"""Artifacts: compiled once, kept while the sources stay the same, exported for the wheel."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from tallystick import build
from tallystick.build import Artifact, BuildError, artifact, artifacts
from tallystick.chain import keccak

MODULE = """
# pragma version 0.4.3

LATE: constant(Bytes[4]) = method_id("Late(uint256,(address,bytes32[]))")

@internal
def _refuse(amount: uint256):
    raw_revert(abi_encode(amount, method_id=method_id("Refused(uint256)")))

@internal
def _refuse_otherwise():
    raw_revert(abi_encode(convert(1, uint256), method_id=method_id("Refused(uint256)")))

@internal
def _twice(amount: uint256):
    raw_revert(abi_encode(amount, amount, method_id=method_id("Twice(uint256,uint256)")))

@internal
def _together(both: uint256[2]):
    raw_revert(abi_encode(both, method_id=method_id("Together(uint256,uint256)")))

@internal
def _late():
    raw_revert(abi_encode(empty(bytes32), method_id=LATE))

@internal
def _plain():
    raw_revert(abi_encode("x", method_id=method_id("Error(string)")))
"""
TOP = """
# pragma version 0.4.3
from contracts.one import module

stored: public(uint256)
FIXED: immutable(uint256)

@deploy
def __init__():
    FIXED = 1

@external
def refuse():
    module._refuse(1)
"""
OTHER = "# pragma version 0.4.3\n\n@external\ndef f():\n    pass\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "interfaces").mkdir()
    (tmp_path / "contracts" / "one").mkdir(parents=True)
    (tmp_path / "tests" / "contracts").mkdir(parents=True)
    (tmp_path / "contracts" / "one" / "module.vy").write_text(MODULE)
    (tmp_path / "contracts" / "one" / "Top.vy").write_text(TOP)
    (tmp_path / "contracts" / "one" / "Other.vy").write_text(OTHER)
    (tmp_path / "tests" / "contracts" / "ThingMock.vy").write_text(OTHER)
    return tmp_path


def _compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is compiled from here on."""
    names: list[str] = []
    real = build.compile_source

    def counted(root: Path, path: Path) -> object:
        names.append(path.stem)
        return real(root, path)

    monkeypatch.setattr(build, "compile_source", counted)
    return names


def test_deployables_by_name_modules_not(root: Path) -> None:
    found = build._Sources(root)
    assert sorted(found) == ["Other", "Top"]
    assert "module" not in found
    with pytest.raises(BuildError, match="no contract called 'Nope'; there are: Other, Top"):
        _ = found["Nope"]


def test_everything_about_a_contract(root: Path) -> None:
    top = build._Sources(root)["Top"]
    assert top.source_path == "contracts/one/Top.vy"
    assert top.method_identifiers["stored()"] == "0x" + keccak(b"stored()")[:4].hex()
    assert top.layout["storage_layout"]["stored"]["slot"] == 0
    assert top.immutables_length == 32
    assert len(top.code_hash) == len(top.layout_hash) == 32
    assert top.source_map_runtime["pc_ast_map"]
    assert [module["path"] for module in top.annotated_ast["imports"]]


def test_named_errors_of_raw_reverts_are_in_the_abi(root: Path) -> None:
    errors = {e["name"]: e for e in build._Sources(root)["Top"].abi if e["type"] == "error"}
    assert sorted(errors) == ["Late", "Refused", "Together", "Twice"]
    # Named where it is encoded from a variable, though elsewhere it isn't.
    assert errors["Refused"]["inputs"] == [{"name": "amount", "type": "uint256"}]
    for name in ("Together", "Twice"):
        assert [item["name"] for item in errors[name]["inputs"]] == ["arg0", "arg1"]
    assert errors["Late"]["inputs"][1] == {
        "name": "arg1",
        "type": "tuple",
        "components": [{"name": "arg0", "type": "address"}, {"name": "arg1", "type": "bytes32[]"}],
    }


def test_the_standards_errors_have_the_standards_names() -> None:
    """ERC-6093 and ERC-7943 name every input; wallets show the names."""
    errors = {
        e["name"]: [f"{item['type']} {item['name']}" for item in e["inputs"]]
        for e in artifact("SecurityToken").abi
        if e["type"] == "error"
    }
    assert errors == {
        "ERC20InsufficientAllowance": ["address spender", "uint256 allowance", "uint256 needed"],
        "ERC20InsufficientBalance": ["address sender", "uint256 balance", "uint256 needed"],
        "ERC20InvalidReceiver": ["address receiver"],
        "ERC20InvalidSpender": ["address spender"],
        "ERC7943CannotReceive": ["address account"],
        "ERC7943CannotSend": ["address account"],
        "ERC7943InsufficientUnfrozenBalance": [
            "address account",
            "uint256 amount",
            "uint256 unfrozen",
        ],
    }


def test_a_second_load_compiles_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = dict(build._Sources(root))
    compiled = _compiled(monkeypatch)
    second = dict(build._Sources(root))
    assert compiled == []
    assert first == second
    assert first["Top"].annotated_ast == second["Top"].annotated_ast


def test_a_changed_module_recompiles_only_its_importers(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(build._Sources(root))
    (root / "contracts" / "one" / "module.vy").write_text(MODULE.replace("Refused", "Rejected"))
    compiled = _compiled(monkeypatch)
    after = dict(build._Sources(root))
    assert compiled == ["Top"]
    assert after["Other"] == before["Other"]
    errors = {e["name"] for e in after["Top"].abi if e["type"] == "error"}
    assert errors == {"Late", "Rejected", "Together", "Twice"}


def test_a_damaged_or_missing_cache_is_rebuilt(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(build._Sources(root))
    cache = root / ".build" / "tallystick"
    (cache / "Top.json").write_text("{")
    for path in cache.glob("Other.*.debug.json"):
        path.unlink()
    compiled = _compiled(monkeypatch)
    assert dict(build._Sources(root)) == before
    assert compiled == ["Other", "Top"]


def test_processes_at_once_do_not_disturb_one_another(root: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tallystick import build; "
        "print(len(dict(build._Sources(Path(sys.argv[1])))))"
    )
    repository = Path(__file__).parents[1]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(root)],
            cwd=repository,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    assert [process.communicate()[0].strip() for process in running] == ["2"] * 3
    assert not list((root / ".build" / "tallystick").glob(".*"))


def test_a_contract_that_does_not_compile_is_named(root: Path) -> None:
    (root / "contracts" / "one" / "Other.vy").write_text(OTHER.replace("pass", "x = 1"))
    found = build._Sources(root)
    with pytest.raises(BuildError, match=r"contracts/one/Other\.vy does not compile"):
        _ = found["Other"]
    assert found["Top"].name == "Top"


def test_who_watches_hears_what_is_compiled_and_not_what_is_loaded(root: Path) -> None:
    heard: list[str] = []
    with build.watched(heard.append):
        _ = build._Sources(root)["Top"]
        _ = build._Sources(root)["Top"]
    _ = build._Sources(root)["Other"]
    assert heard == ["Top"]


def test_an_array_that_only_places_a_slot_is_no_warning(root: Path) -> None:
    path = root / "contracts" / "one" / "Large.vy"
    path.write_text("# pragma version 0.4.3\nbelow: uint256[2**200]\nat: public(uint256)\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layout = build.compile_file(path, root).layout["storage_layout"]
    assert layout["at"]["slot"] == 2**200


def test_two_contracts_of_one_name_are_refused(root: Path) -> None:
    (root / "contracts" / "two").mkdir()
    (root / "contracts" / "two" / "Top.vy").write_text(OTHER)
    with pytest.raises(BuildError, match="two contracts are called Top"):
        build._Sources(root)


def test_contracts_beside_the_release_are_found_by_name(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "source_root", lambda: root)
    monkeypatch.setattr(build, "_added", [])
    doubles = build.sources(root, "tests/contracts")
    with pytest.raises(BuildError, match="no contract called 'ThingMock'; there are: Other, Top"):
        artifact("ThingMock")
    build.add(doubles)
    build.add(doubles)
    assert artifact("ThingMock").source_path == "tests/contracts/ThingMock.vy"
    assert build.names() == ["Other", "ThingMock", "Top"]
    assert sorted(artifacts()) == ["Other", "Top"]
    with pytest.raises(BuildError, match="two contracts are called Top"):
        build.add({"Top": artifact("ThingMock")})


def test_a_process_sees_changed_sources_once_it_forgets(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "source_root", lambda: root)
    monkeypatch.setattr(build, "_added", [])
    build.add(build.sources(root, "tests/contracts"))
    before = artifact("Top"), artifact("ThingMock")
    (root / "contracts" / "one" / "module.vy").write_text(MODULE.replace("Refused", "Rejected"))
    (root / "tests" / "contracts" / "ThingMock.vy").write_text(TOP)
    assert (artifact("Top"), artifact("ThingMock")) == before
    build.forget()
    assert "Rejected" in {entry.get("name") for entry in artifact("Top").abi}
    assert artifact("ThingMock").abi == artifact("Top").abi


def test_export_and_load_without_compiler(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    target = tmp_path / "package" / "artifacts"
    assert build.main(["export", str(target)]) == 0
    expected = dict(build._Sources(root))
    assert sorted(expected) == ["Other", "Top"]
    monkeypatch.setattr(build, "_PACKAGED", target)
    monkeypatch.setattr(build, "compiler_version", lambda: None)
    assert dict(artifacts()) == expected
    with pytest.raises(BuildError, match="this artifact was packaged"):
        _ = artifact("Top").annotated_ast


def test_a_contract_has_the_abi_of_the_pieces_behind_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built or packaged, each function once; there is none without the one before it."""
    folder = root / "contracts" / "one"

    def write(name: str, function: str) -> None:
        (folder / f"{name}.vy").write_text(
            OTHER + OTHER.partition("\n")[2].replace("f()", function)
        )

    write("OtherRecords", "last()")
    write("OtherSettings", "third()")
    assert build._Sources(root)["Other"].behind == ()
    write("OtherControls", "second()")
    found = build._Sources(root)
    other = found["Other"]
    behind = [found[f"Other{piece}"] for piece in ("Controls", "Settings", "Records")]
    assert other.behind == tuple(behind)
    assert [entry["name"] for entry in other.abi] == ["f", "second", "third", "last"]
    assert set(other.method_identifiers) == {"f()"}
    assert [piece.behind for piece in behind] == [()] * 3
    monkeypatch.chdir(root)
    target = tmp_path / "package" / "artifacts"
    build.export(target)
    assert build._packaged(target)["Other"] == other


@pytest.mark.parametrize(
    ("sources", "message"),
    [(True, "vyper is not installed"), (False, "carries no compiled contracts")],
)
def test_nothing_to_load_and_nothing_to_compile_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sources: bool, message: str
) -> None:
    monkeypatch.setattr(build, "_PACKAGED", tmp_path / "none")
    monkeypatch.setattr(build, "compiler_version", lambda: None)
    monkeypatch.setattr(build, "source_root", lambda: tmp_path if sources else None)
    with pytest.raises(BuildError, match=message):
        artifact("SecurityToken")


def test_the_build_needs_the_standard_library_and_the_compiler_only() -> None:
    code = (
        "import sys, tallystick.build; "
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'vyper', 'eth', 'web3', 'eth_abi', 'eth_utils', 'requests', 'ape', 'pydantic'}))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.strip() == "[]"


def test_loading_the_whole_suite_from_the_cache_is_fast() -> None:
    root = Path(__file__).parents[1]
    names = []
    for name in (first := build._Sources(root)):
        # One that doesn't compile fails elsewhere, with a better message.
        with contextlib.suppress(BuildError):
            names.append(first[name].name)
    fresh = build._Sources(root)
    start = time.process_time()
    assert len([fresh[name] for name in names]) > 3
    assert time.process_time() - start < 0.3


def test_a_file_from_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "Elsewhere.vy"
    path.write_text(OTHER)
    item = build.compile_file(path)
    assert (item.name, item.immutables_length) == ("Elsewhere", 0)
    assert item.source_map_runtime["pc_ast_map"]
    path.write_text("x = 1")
    with pytest.raises(BuildError, match="does not compile"):
        build.compile_file(path)


def test_what_another_toolchain_compiled() -> None:
    item = Artifact.from_abi("Theirs", json.loads("[]"), b"\0")
    assert (item.name, item.bytecode) == ("Theirs", b"\0")


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert build.main(["nonsense"]) == 2
    assert "usage" in capsys.readouterr().err


def test_an_artifact_is_the_same_wherever_its_caller_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layout names types of interfaces by path: never by where the sources lie."""
    custody = Path("contracts/bridge/LaneCustody.vy")
    repository = Path(__file__).parents[1]
    monkeypatch.chdir(repository)
    here, _, _ = build.compile_source(repository, custody)
    assert "interface ISecurityToken" in str(here["layout"])
    monkeypatch.chdir(tmp_path)
    there, _, _ = build.compile_source(repository, custody)
    assert there == here
