"""The symbolic checks: what they say of true attestations, what counts as an answer, the faults."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from eth_keys.datatypes import PrivateKey

from tallystick.bridge.attestation import SignerSet, attestation_head
from tallystick.bridge.batch import BATCH_ATTESTATION_TYPE
from tallystick.build import artifact
from tallystick.chain import Chain, Contract, Revert
from tallystick.chain.abi import encode, keccak
from tools.report import ROOT
from tools.symbolic import (
    FAULTS,
    SUBJECTS,
    Answer,
    Fault,
    Subject,
    answer_of,
    explore,
    main,
    subject_of,
)

# What is signed for each call of a verifier.
TYPES = {
    "verify": "Attestation(uint64 epoch,bytes32 signer_set,Fact fact)Fact(bytes32 all)",
    "verify_batch": BATCH_ATTESTATION_TYPE,
}
DOMAIN, FACT = keccak(b"domain"), keccak(b"fact")
KEYS = sorted(
    (PrivateKey(bytes([n]) * 32) for n in (1, 2, 3)),
    key=lambda key: int(key.public_key.to_address(), 16),
)
SIGNERS = [key.public_key.to_checksum_address() for key in KEYS]
CHECKS = [entry["name"] for entry in artifact("VerifierChecks").abi if "attestation" in str(entry)]


def attestation(call: str, *indices: int) -> bytes:
    """A true one by these signers, in epoch 7."""
    kind = TYPES[call]
    struct = encode(
        ["bytes32", "uint64", "bytes32", "bytes32"],
        [keccak(kind.encode()), 7, SignerSet(7, 2, tuple(SIGNERS), kind).hash, FACT],
    )
    digest = keccak(b"\x19\x01" + DOMAIN + keccak(struct))
    signed = [KEYS[index].sign_msg_hash(digest) for index in indices]
    return attestation_head(7, sum(1 << index for index in indices)) + b"".join(
        each.r.to_bytes(32, "big") + (each.s | each.v << 255).to_bytes(32, "big") for each in signed
    )


@pytest.fixture(params=TYPES)
def call(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def checks(home: Chain, call: str) -> Contract:
    code = artifact("QuorumVerifier").bytecode
    batch = call == "verify_batch"
    return home.deploy("VerifierChecks", code, SIGNERS, 2, batch, sender=home.account(0))


def panics(contract: Contract, name: str, attested: bytes) -> bool:
    try:
        getattr(contract, name)(DOMAIN, FACT, attested)
    except Revert as error:
        if error.panic != 1:
            raise
        return True
    return False


@pytest.mark.parametrize("indices", [(0, 1), (0, 2), (1, 2), (0, 1, 2)])
def test_of_what_is_verified_the_checks_hold(
    checks: Contract, call: str, indices: Iterable[int]
) -> None:
    found = {name for name in CHECKS if panics(checks, name, attestation(call, *indices))}
    # It says that nothing is verified, and is wrong.
    assert found == {"possible_enough_signatures"}


def test_of_what_is_refused_the_checks_say_nothing(checks: Contract, call: str) -> None:
    other = next(name for name in TYPES if name != call)
    for refused in (attestation(call, 1), attestation(other, 0, 1)):
        assert not {name for name in CHECKS if panics(checks, name, refused)}


def result(**fields: object) -> dict[str, object]:
    """What halmos writes of a function that holds, but for some fields."""
    return {
        "name": "check_a(uint256)",
        "exitcode": 0,
        "models": [],
        "num_paths": [3, 2, 0],
        "time": [1.5, 1.0, 0.5],
        "num_bounded_loops": 0,
    } | fields


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, "holds"),
        ({"num_bounded_loops": 1}, "cut short"),
        ({"exitcode": 1}, "refuted"),
        ({"exitcode": 2}, "undecided"),
        ({"exitcode": 3}, "not run"),
        ({"exitcode": 4}, "not run"),
        ({"exitcode": 5, "models": None, "num_paths": None, "time": None}, "not run"),
    ],
)
def test_only_what_was_explored_wholly_holds(fields: dict[str, object], verdict: str) -> None:
    assert answer_of(result(**fields)).verdict == verdict


def test_a_counterexample_is_told_by_its_arguments() -> None:
    model = {
        "p_m.nonce_uint64_9a6355c_00": {"full_name": "p_m.nonce_uint64_9a6355c_00", "value": 64},
        "p_lane_bytes32_46a6a14_00": {"full_name": "p_lane_bytes32_46a6a14_00", "value": 2**255},
    }
    told = answer_of(result(exitcode=1, models=[{"model": model}])).example
    assert told == "lane = 0x8000000000…0000000000, m.nonce = 0x40"


@pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda fault: f"{fault.call or fault.subject}-{fault.seen_by[0]}"
)
def test_every_fault_can_be_planted(fault: Fault) -> None:
    text = (ROOT / fault.file).read_text()
    assert fault.plant(text) != text
    names = {entry.get("name") for entry in artifact(subject_of(fault).name).abi}
    assert names >= set(fault.seen_by)


def test_every_check_sees_a_fault() -> None:
    stated = {
        entry["name"]
        for subject in SUBJECTS
        for entry in artifact(subject.name).abi
        if str(entry.get("name")).startswith("check_")
    }
    assert stated == {name for fault in FAULTS for name in fault.seen_by}


def test_a_fault_whose_text_is_gone_is_an_error() -> None:
    with pytest.raises(ValueError, match="is there 0 times"):
        FAULTS[0].plant("nothing of the kind")


def test_without_the_executor_nothing_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--halmos", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err == "halmos is not installed: tools/setup.sh audit\n"


def test_who_is_not_done_in_time_has_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.symbolic._TIMEOUT", 0.5)
    slow, folder = tmp_path / "slow", tmp_path / "folder"
    slow.write_text("#!/bin/sh\necho at it\nexec sleep 60\n")
    slow.chmod(0o755)
    folder.mkdir()
    name = "check_later_pages_stay_empty"
    answers = explore(Subject("ArrivalChecks"), ROOT, folder, slow, [name])
    assert answers == {name: Answer(name, "not run", 0, 0.0, "at it\n")}


def test_checks_that_are_not_there_are_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["VerifierCheck"])
    assert "no such checks: VerifierCheck" in capsys.readouterr().err
