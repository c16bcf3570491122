"""The instrument registry behind its proxy: registration, amendment, views, and every refusal."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from registry_vectors import (
    APPLE,
    DEPLOYER,
    DOCUMENT,
    ETHER,
    HOME,
    ISSUER,
    OTHER_DTI,
    REASON,
    REGISTRAR,
    REMOTE,
    SET_UP_KEY,
    STATED,
    STRANGER,
    TOKEN_DTI,
)

from tallystick.build import artifact
from tallystick.chain import Contract, Receipt, reverts
from tallystick.chain.embedded import EmbeddedChain
from tallystick.registry import DtiKind, InstrumentRecord, Placement, fixed, record_hash

ISIN = APPLE.isin
ISIN_HASH = bytes.fromhex("d7f9e8489fe0426aa2a323ecf155e57381a1822e9f2ef2029ef26bfc12c80928")
BUND = replace(
    APPLE,
    isin="DE0001102580",
    cfi="DBFTFB",
    fisn="BUNDESREPUB DTL/ANL 20320215",
    issuer="529900AQBND3S6YJLY83",
    currency="EUR",
    denomination=10**18,
    decimals=2,
    ledgers=(
        Placement(HOME, b"\0" * 12 + b"\x03" * 20),
        Placement(REMOTE, b"\0" * 12 + b"\x04" * 20),
    ),
)
_SOURCE = Path(__file__).resolve().parents[3] / "contracts/registry/InstrumentRegistry.vy"


def placed(*ledgers: Placement, **changes: Any) -> InstrumentRecord:
    return replace(APPLE, ledgers=ledgers, **changes)


def home(**changes: Any) -> Placement:
    return replace(APPLE.ledgers[0], **changes)


def remote(**changes: Any) -> Placement:
    return replace(APPLE.ledgers[1], **changes)


def register(registry: Contract, record: InstrumentRecord = APPLE) -> Receipt:
    return registry.register(record.as_tuple(), *STATED, sender=REGISTRAR)


def propose(registry: Contract, record: InstrumentRecord) -> Receipt:
    return registry.propose_amendment(record.isin, record_hash(record), *STATED, sender=REGISTRAR)


def confirm(registry: Contract, record: InstrumentRecord) -> Receipt:
    return registry.confirm_amendment(record.as_tuple(), *STATED, sender=ISSUER)


def ledgers_of(registry: Contract) -> tuple[str, ...]:
    count = registry.ledger_count(ISIN)
    return tuple(registry.ledger_at(ISIN, index) for index in range(count))


# --- registration ------------------------------------------------------------------------------


@pytest.mark.requirement("R-01")
def test_register_keeps_the_record(registry: Contract) -> None:
    receipt = register(registry)
    assert receipt.events == (
        registry.emitted(
            "InstrumentRegistered",
            isin_hash=ISIN_HASH,
            record_hash=record_hash(APPLE),
            registered_by=REGISTRAR,
            isin=ISIN,
            version=1,
            reason=REASON,
            document=DOCUMENT,
        ),
    )
    assert registry.is_registered(ISIN)
    assert registry.record_hash(ISIN) == record_hash(APPLE)
    assert registry.previous_hash(ISIN) == bytes(32)
    assert registry.instrument(ISIN) == APPLE.as_tuple()[0]
    assert ledgers_of(registry) == (HOME, REMOTE)
    assert registry.resolve(ISIN, REMOTE) == (
        APPLE.ledgers[1].token,
        ETHER.encode(),
        DtiKind.LEDGER,
        False,
        1,
        record_hash(APPLE),
    )
    assert registry.resolve(ISIN, HOME)[3] is True


@pytest.mark.requirement("R-01")
def test_golden_hash() -> None:
    """Pinned: a change of the encoding would part every registry from those already deployed."""
    expected = "4e66f4002aa7d0cdd5cb92b87518716a44cd7d7cc826998bf5ebb53217739011"
    assert record_hash(APPLE).hex() == expected


@pytest.mark.parametrize(
    "record",
    [
        APPLE,
        BUND,
        APPLE.successor(authorised=2 * 10**12),
        placed(home(), fisn="A/" + "B" * 33, terms_uri="x" * 128, dti_group=OTHER_DTI),
        placed(*(Placement(f"eip155:{n}", b"\x01" * 32) for n in range(1, 9)), home="eip155:3"),
        placed(Placement("polkadot:91b171bb158e2d3848fa23a9f1c25182", b"\xff" * 32)),
    ],
)
@pytest.mark.requirement("R-01")
def test_python_and_every_ledger_agree_on_the_hash(
    registries: tuple[Contract, Contract], record: InstrumentRecord
) -> None:
    for registry in registries:
        assert registry.record_hash_of(record.as_tuple()) == record_hash(record)


@pytest.mark.requirement("R-01")
def test_two_ledgers_hold_the_same_hash(registries: tuple[Contract, Contract]) -> None:
    for registry in registries:
        register(registry)
    first, second = (registry.record_hash(ISIN) for registry in registries)
    assert first == second
    assert registries[0].chain.code(registries[0].address) == registries[1].chain.code(
        registries[1].address
    )


def test_eight_ledgers_fit_through_the_proxy(registry: Contract) -> None:
    name = "cosmos78:" + "a" * 31
    ledgers = [Placement(name + str(n), b"\x01" * 32) for n in range(8)]
    record = placed(*ledgers, home=name + "7", terms_uri="u" * 128, fisn="A/" + "B" * 33)
    register(registry, record)
    assert ledgers_of(registry) == tuple(p.caip2 for p in ledgers)
    assert registry.instrument(ISIN) == record.as_tuple()[0]
    assert registry.resolve(ISIN, name + "7")[3] is True


def test_nine_ledgers_do_not_decode(registry: Contract) -> None:
    record = placed(*(Placement(f"eip155:{n}", b"\x01" * 32) for n in range(1, 10)))
    with reverts():
        register(registry, record)


def test_token_dti_on_each_ledger_and_a_group(registry: Contract) -> None:
    record = placed(
        home(dti=TOKEN_DTI, dti_kind=DtiKind.TOKEN),
        remote(dti=ETHER, dti_kind=DtiKind.LEDGER),
        dti_group=OTHER_DTI,
    )
    register(registry, record)
    assert registry.resolve(ISIN, HOME)[1:3] == (TOKEN_DTI.encode(), DtiKind.TOKEN)


def test_a_ledger_dti_is_shared_by_instruments(registry: Contract) -> None:
    register(registry)
    register(
        registry,
        replace(BUND, ledgers=(replace(BUND.ledgers[0], dti=ETHER, dti_kind=DtiKind.LEDGER),)),
    )


def test_a_later_version_is_taken_up_by_a_ledger_that_joins(
    registries: tuple[Contract, Contract],
) -> None:
    first, late = registries
    register(first)
    second = APPLE.successor(authorised=2 * 10**12)
    propose(first, second)
    confirm(first, second)
    register(late, second)
    assert late.record_hash(ISIN) == first.record_hash(ISIN)
    assert late.previous_hash(ISIN) == record_hash(APPLE)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (replace(APPLE, isin="US0378331003"), "registry: bad ISIN"),
        (replace(APPLE, isin=""), "registry: bad ISIN"),
        (replace(APPLE, cfi="ASVUFR"), "registry: bad CFI"),
        (replace(APPLE, cfi=""), "registry: bad CFI"),
        (replace(APPLE, fisn="APPLE INC"), "registry: bad FISN"),
        (replace(APPLE, issuer="213800KUD8LXJWSQ9D15"), "registry: bad LEI"),
        (replace(APPLE, issuer=""), "registry: bad LEI"),
        (replace(APPLE, dti_group="X9J9K872T"), "registry: bad DTI group"),
        (replace(APPLE, currency="eur", denomination=1), "registry: bad currency"),
        (replace(APPLE, currency="EUR"), "registry: half a denomination"),
        (replace(APPLE, denomination=1), "registry: half a denomination"),
        (replace(APPLE, decimals=19), "registry: too many decimals"),
        (replace(APPLE, authorised=0), "registry: nothing authorised"),
        (replace(APPLE, authorised=2**104), "registry: authorised too large"),
        (replace(APPLE, terms_hash=bytes(32)), "registry: no terms hash"),
        (replace(APPLE, terms_uri=""), "registry: no terms URI"),
        (replace(APPLE, version=0), "registry: no version"),
        (replace(APPLE, version=2), "registry: previous or version"),
        (replace(APPLE, previous=b"\1" * 32), "registry: previous or version"),
        (placed(home(), remote(caip2="eip155:041002")), "registry: bad CAIP-2"),
        (placed(home(), remote(caip2=HOME)), "registry: ledger twice"),
        (placed(home(), remote(token=bytes(32))), "registry: no token"),
        (placed(home(), remote(token=b"\1" * 32)), "registry: not an EVM address"),
        (placed(remote()), "registry: home not among ledgers"),
        (placed(), "registry: home not among ledgers"),
        (placed(home(dti_kind=DtiKind.NONE)), "registry: DTI of no kind"),
        (placed(home(dti_kind=3)), "registry: unknown DTI kind"),
        (placed(home(dti="X9J9K872T")), "registry: bad DTI"),
        (placed(home(dti="")), "registry: bad DTI"),
        (placed(home(dti="", dti_kind=DtiKind.TOKEN)), "registry: bad DTI"),
        (
            placed(home(dti_kind=DtiKind.TOKEN), remote(dti_kind=DtiKind.TOKEN)),
            "registry: DTI twice",
        ),
        (placed(home(dti_kind=DtiKind.TOKEN), dti_group=ETHER), "registry: DTI twice"),
        (placed(home(dti_kind=DtiKind.TOKEN), remote()), "registry: DTI of something else"),
    ],
)
@pytest.mark.requirement("R-02", "R-03")
def test_register_refuses(registry: Contract, record: InstrumentRecord, reason: str) -> None:
    with reverts(reason):
        register(registry, record)
    assert not registry.is_registered(record.isin)


def test_register_once(registry: Contract) -> None:
    register(registry)
    with reverts("registry: already registered"):
        register(registry)


@pytest.mark.requirement("R-03")
def test_no_token_dti_for_two_instruments(registry: Contract) -> None:
    register(registry, placed(home(dti=TOKEN_DTI, dti_kind=DtiKind.TOKEN)))
    again = replace(BUND.ledgers[0], dti=TOKEN_DTI, dti_kind=DtiKind.TOKEN)
    for record in (
        replace(BUND, ledgers=(again,)),
        replace(BUND, ledgers=(replace(again, dti_kind=DtiKind.LEDGER),)),
        replace(BUND, dti_group=TOKEN_DTI),
    ):
        with reverts("registry: DTI of something else"):
            register(registry, record)


@pytest.mark.requirement("R-03")
def test_no_token_for_two_instruments(registry: Contract) -> None:
    register(registry)
    with reverts("registry: token of another ISIN"):
        register(registry, replace(BUND, ledgers=(home(),)))


# --- amendment -----------------------------------------------------------------------------------


@pytest.mark.requirement("R-08")
def test_registrar_proposes_and_issuer_confirms(registry: Contract) -> None:
    register(registry)
    new = APPLE.successor(terms_hash=b"\x33" * 32)
    receipt = propose(registry, new)
    assert receipt.events == (
        registry.emitted(
            "AmendmentProposed",
            isin_hash=ISIN_HASH,
            record_hash=record_hash(new),
            proposed_by=REGISTRAR,
            reason=REASON,
            document=DOCUMENT,
        ),
    )
    assert registry.proposed_hash(ISIN) == record_hash(new)
    assert registry.record_hash(ISIN) == record_hash(APPLE)
    receipt = confirm(registry, new)
    assert receipt.events == (
        registry.emitted(
            "InstrumentAmended",
            isin_hash=ISIN_HASH,
            record_hash=record_hash(new),
            confirmed_by=ISSUER,
            previous_hash=record_hash(APPLE),
            version=2,
            reason=REASON,
            document=DOCUMENT,
        ),
    )
    assert registry.record_hash(ISIN) == record_hash(new)
    assert registry.previous_hash(ISIN) == record_hash(APPLE)
    assert registry.proposed_hash(ISIN) == bytes(32)
    assert registry.instrument(ISIN) == new.as_tuple()[0]
    with reverts("registry: nothing proposed"):
        confirm(registry, new)


def test_amendment_moves_token_and_drops_a_ledger(registry: Contract) -> None:
    register(registry)
    new = APPLE.successor(ledgers=(home(token=b"\0" * 12 + b"\x09" * 20),))
    propose(registry, new)
    confirm(registry, new)
    assert ledgers_of(registry) == (HOME,)
    with reverts("registry: not on this ledger"):
        registry.resolve(ISIN, REMOTE)
    # The old token still belongs to the instrument it stood for.
    with reverts("registry: token of another ISIN"):
        register(registry, replace(BUND, ledgers=(home(),)))


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (replace(APPLE.successor(), version=3), "registry: not the next version"),
        (replace(APPLE.successor(), previous=b"\1" * 32), "registry: not linked to previous"),
        (APPLE.successor(decimals=7), "registry: decimals are fixed"),
        (APPLE.successor(cfi="ASVUFR"), "registry: bad CFI"),
        (APPLE.successor(ledgers=()), "registry: home not among ledgers"),
    ],
)
@pytest.mark.requirement("R-08")
def test_confirm_refuses(registry: Contract, record: InstrumentRecord, reason: str) -> None:
    register(registry)
    propose(registry, record)
    with reverts(reason):
        confirm(registry, record)
    assert registry.record_hash(ISIN) == record_hash(APPLE)


@pytest.mark.requirement("R-08")
def test_confirm_only_what_was_proposed(registry: Contract) -> None:
    register(registry)
    with reverts("registry: nothing proposed"):
        confirm(registry, APPLE.successor())
    propose(registry, APPLE.successor(authorised=2 * 10**12))
    with reverts("registry: not what was proposed"):
        confirm(registry, APPLE.successor(authorised=3 * 10**12))


def test_propose_refuses(registry: Contract) -> None:
    with reverts("registry: nothing to amend"):
        propose(registry, APPLE)
    register(registry)
    with reverts("registry: no change proposed"):
        propose(registry, APPLE)
    with reverts("registry: no change proposed"):
        registry.propose_amendment(ISIN, bytes(32), *STATED, sender=REGISTRAR)


@pytest.mark.parametrize("sender", [REGISTRAR, ISSUER])
def test_either_side_withdraws(registry: Contract, sender: bytes) -> None:
    register(registry)
    with reverts("registry: nothing to withdraw"):
        registry.withdraw_amendment(ISIN, *STATED, sender=sender)
    propose(registry, APPLE.successor())
    receipt = registry.withdraw_amendment(ISIN, *STATED, sender=sender)
    assert [event.name for event in receipt.events] == ["AmendmentWithdrawn"]
    with reverts("registry: nothing proposed"):
        confirm(registry, APPLE.successor())


@pytest.mark.requirement("INV-9")
def test_a_proposal_dies_with_its_proposers_role(registry: Contract) -> None:
    register(registry)
    propose(registry, APPLE.successor())
    registry.assign_role(REGISTRAR, 0, *STATED, sender=SET_UP_KEY)
    with reverts("registry: proposer lost its role"):
        confirm(registry, APPLE.successor())


# --- who, why, and set-up ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "allowed"),
    [
        ("register", {REGISTRAR, SET_UP_KEY}),
        ("propose_amendment", {REGISTRAR}),
        ("withdraw_amendment", {REGISTRAR, ISSUER}),
        ("confirm_amendment", {ISSUER}),
    ],
)
@pytest.mark.requirement("INV-9")
def test_roles_and_statements(registry: Contract, function: str, allowed: set[bytes]) -> None:
    arguments: dict[str, tuple[Any, ...]] = {
        "register": (APPLE.as_tuple(),),
        "propose_amendment": (ISIN, b"\1" * 32),
        "withdraw_amendment": (ISIN,),
        "confirm_amendment": (APPLE.as_tuple(),),
    }
    for sender in (REGISTRAR, ISSUER, STRANGER, SET_UP_KEY):
        if sender in allowed:
            for stated, reason in (
                ((bytes(4), DOCUMENT), "access: no reason code"),
                ((REASON, bytes(32)), "access: no document hash"),
            ):
                with reverts(reason):
                    getattr(registry, function)(*arguments[function], *stated, sender=sender)
        else:
            with reverts(
                "access: missing role or set-up"
                if function == "register"
                else "access: missing role"
            ):
                getattr(registry, function)(*arguments[function], *STATED, sender=sender)


def test_initialised_once(registry: Contract) -> None:
    with reverts("registry: already initialised"):
        registry.initialize(STRANGER, sender=STRANGER)


def test_the_implementation_is_locked() -> None:
    implementation = EmbeddedChain().deploy("InstrumentRegistry", sender=DEPLOYER)
    with reverts("registry: already initialised"):
        implementation.initialize(STRANGER, sender=STRANGER)


@pytest.mark.requirement("INV-9")
def test_hand_over_ends_the_set_up(registry: Contract) -> None:
    with reverts("access: two administrators needed"):
        registry.hand_over(*STATED, sender=SET_UP_KEY)
    for account in (b"\xa1" * 20, b"\xa2" * 20):
        registry.assign_role(account, 1, *STATED, sender=SET_UP_KEY)
    registry.hand_over(*STATED, sender=SET_UP_KEY)
    with reverts("access: not the set-up key"):
        registry.assign_role(STRANGER, 8, *STATED, sender=SET_UP_KEY)
    with reverts("access: missing role or set-up"):
        registry.register(APPLE.as_tuple(), *STATED, sender=SET_UP_KEY)


# --- views ---------------------------------------------------------------------------------------


def test_an_unknown_isin_is_not_an_empty_record(registry: Contract) -> None:
    assert not registry.is_registered(ISIN)
    assert registry.record_hash(ISIN) == bytes(32)
    for view in ("instrument", "ledger_count"):
        with reverts("registry: unknown ISIN"):
            getattr(registry, view)(ISIN)
    with reverts("registry: unknown ISIN"):
        registry.resolve(ISIN, HOME)


def test_ledger_at_needs_an_index_of_the_record(registry: Contract) -> None:
    register(registry)
    assert registry.ledger_at(ISIN, 1) == REMOTE
    for isin, index in ((ISIN, 2), (ISIN, 2**256 - 1), (BUND.isin, 0)):
        with reverts("registry: no such ledger"):
            registry.ledger_at(isin, index)


def test_resolve_needs_a_ledger_of_the_record(registry: Contract) -> None:
    register(registry)
    with reverts("registry: not on this ledger"):
        registry.resolve(ISIN, "eip155:1")


# --- the source ----------------------------------------------------------------------------------


def test_every_reason_is_unique_and_short() -> None:
    reasons = re.findall(r'"(registry: [^"]*)"', _SOURCE.read_text())
    assert len(reasons) == len(set(reasons))
    assert all(len(reason) <= 32 for reason in reasons)


def test_every_reason_is_tested() -> None:
    tests = Path(__file__).read_text()
    for reason in re.findall(r'"(registry: [^"]*)"', _SOURCE.read_text()):
        assert reason in tests


def test_no_immutables_and_small_enough() -> None:
    code = artifact("InstrumentRegistry")
    assert code.immutables_length == 0
    assert len(code.bytecode_runtime) <= 19_000


def test_the_contract_has_every_function_of_its_interface() -> None:
    interface = (_SOURCE.parents[2] / "interfaces/IInstrumentRegistry.vyi").read_text()
    names = {entry["name"] for entry in artifact("InstrumentRegistry").abi if "name" in entry}
    assert set(re.findall(r"^(?:def|event) (\w+)", interface, re.MULTILINE)) <= names


def test_natspec_is_complete() -> None:
    code = artifact("InstrumentRegistry")
    for entry in code.abi:
        if entry["type"] != "function":
            continue
        signature = next(s for s in code.method_identifiers if s.startswith(entry["name"] + "("))
        if f"def {entry['name']}(" not in _SOURCE.read_text():
            continue  # exported from the access module, documented there
        assert code.userdoc["methods"][signature]["notice"]
        documented = code.devdoc["methods"].get(signature, {})
        assert set(documented.get("params", {})) == {i["name"] for i in entry["inputs"]}
        assert bool(documented.get("returns")) == bool(entry["outputs"])


def test_codes_of_a_fixed_length() -> None:
    assert fixed("", 9) == bytes(9)
    with pytest.raises(ValueError, match="expected 9 characters, got 8"):
        fixed("X9J9K872", 9)
