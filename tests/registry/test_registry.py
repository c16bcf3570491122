"""The instrument registry as a contract: set-up, release, and what its source promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tallystick.build import artifact
from tallystick.chain import reverts
from tallystick.chain.embedded import EmbeddedChain
from tallystick.registry.record import record_hash
from tests.support.registry_ledgers import Ledger, behind_proxy, refused
from tests.support.registry_vectors import APPLE, DEPLOYER, STATED
from tests.support.world import ZERO

_CONTRACTS = Path(__file__).resolve().parents[2] / "contracts" / "registry"
_REASONS = re.findall(
    r'"((?:registry|records): [^"]*)"',
    "".join((_CONTRACTS / name).read_text() for name in ("InstrumentRegistry.vy", "records.vy")),
)

# --- set-up --------------------------------------------------------------------------------------


@pytest.mark.requirement("INV-9")
def test_the_set_up_key_puts_records_in_force_alone(set_up: Ledger) -> None:
    second = APPLE.successor(authorised=2 * 10**12)
    before = bytes(32)
    for function, record in (("register", APPLE), ("amend", second), ("adopt", APPLE)):
        receipt = getattr(set_up.registry, function)(
            record.as_tuple(), *STATED, sender=set_up.set_up_key
        )
        assert receipt.events == (
            set_up.act(function, set_up.set_up_key),
            set_up.registry.emitted(
                "RecordPutInForce",
                isin_hash=set_up.registry.events()[-1].isin_hash,
                record_hash=record_hash(record),
                replaced=before,
                record=record.as_tuple(),
            ),
        )
        before = record_hash(record)


@pytest.mark.requirement("INV-9")
def test_in_set_up_the_registrar_alone_still_registers_nothing(set_up: Ledger) -> None:
    with refused(set_up, "access: missing role"):
        set_up.registry.register(APPLE.as_tuple(), *STATED, sender=set_up.registrar)
    with refused(set_up, "access: act not proposed"):
        set_up.present("register", APPLE)


def test_the_set_up_key_proposes_nothing(set_up: Ledger) -> None:
    with refused(set_up, "access: missing role"):
        set_up.registry.propose_record(
            APPLE.isin, record_hash(APPLE), False, *STATED, sender=set_up.set_up_key
        )


@pytest.mark.requirement("INV-9")
def test_hand_over_ends_the_set_up(set_up: Ledger) -> None:
    receipt = set_up.registry.hand_over(*STATED, sender=set_up.set_up_key)
    assert [event.name for event in receipt.events] == ["PrivilegedAct", "SetUpCompleted"]
    assert set_up.registry.set_up_key() == ZERO
    with refused(set_up, "access: missing role"):
        set_up.registry.register(APPLE.as_tuple(), *STATED, sender=set_up.set_up_key)
    with refused(set_up, "access: only the set-up key"):
        set_up.registry.hand_over(*STATED, sender=set_up.set_up_key)


def test_set_up_begins_once(set_up: Ledger) -> None:
    with refused(set_up, "registry: initialised already"):
        set_up.registry.initialize(set_up.outsider, sender=set_up.outsider)


def test_the_implementation_is_nobodys_registry(set_up: Ledger) -> None:
    implementation = set_up.chain.deploy("InstrumentRegistry", sender=DEPLOYER)
    with refused(set_up, "registry: initialised already"):
        implementation.initialize(set_up.outsider, sender=set_up.outsider)


def test_a_registry_needs_a_set_up_key() -> None:
    implementation = EmbeddedChain().deploy("InstrumentRegistry", sender=DEPLOYER)
    with reverts("access: no set-up key"):
        behind_proxy(implementation, ZERO)


def test_it_says_its_release(set_up: Ledger) -> None:
    assert set_up.registry.release() == "1.0.0"


# --- the source ----------------------------------------------------------------------------------


def test_every_reason_is_unique_and_short() -> None:
    assert len(_REASONS) == len(set(_REASONS)) > 30
    assert all(len(reason) <= 32 for reason in _REASONS)


def test_every_reason_is_tested() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [reason for reason in _REASONS if f'"{reason}"' not in tests] == []


def test_no_immutables_and_small_enough() -> None:
    code = artifact("InstrumentRegistry")
    assert code.immutables_length == 0
    assert len(code.bytecode_runtime) < 23_500


def test_the_contract_is_a_table_of_contents() -> None:
    """What it does is in its modules; here are set-up, hand-over and release."""
    source = (_CONTRACTS / "InstrumentRegistry.vy").read_text()
    assert re.findall(r"^def (\w+)", source, re.MULTILINE) == [
        "__init__",
        "initialize",
        "hand_over",
        "release",
    ]
