"""What a record may say: hash, parts, and every refusal that the record alone decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.chain import reverts
from tallystick.registry.record import (
    DtiKind,
    InstrumentRecord,
    Placement,
    check_record,
    fixed,
    record_hash,
)
from tests.support.registry_ledgers import Ledger, refused
from tests.support.registry_vectors import (
    APPLE,
    APPLE_TOKEN,
    BUND,
    ELSEWHERE,
    ETHER,
    HOME,
    OTHER_DTI,
    REMOTE,
    TOKEN_DTI,
)

ISIN = APPLE.isin


def placed(*ledgers: Placement, **changes: Any) -> InstrumentRecord:
    return replace(APPLE, ledgers=ledgers, **changes)


def at_home(**changes: Any) -> Placement:
    return replace(APPLE.ledgers[0], **changes)


def at_remote(**changes: Any) -> Placement:
    return replace(APPLE.ledgers[1], **changes)


def ledgers_of(ledger: Ledger) -> tuple[str, ...]:
    count = ledger.registry.ledger_count(ISIN)
    return tuple(ledger.registry.ledger_at(ISIN, index) for index in range(count))


# --- hash ----------------------------------------------------------------------------------------


@pytest.mark.requirement("R-01")
def test_golden_hash() -> None:
    """Pinned: a change of the encoding would part every registry from those already deployed."""
    expected = "12f19ba41a21bea1ed94ec2de24c1a13910d5fe779095029be809a6115a2ccb2"
    assert record_hash(APPLE).hex() == expected


@pytest.mark.parametrize(
    "record",
    [
        APPLE,
        BUND,
        APPLE.successor(authorised=2 * 10**12),
        placed(at_home(), fisn="A/" + "B" * 33, terms_uri="x" * 128, dti_group=OTHER_DTI),
        placed(*(Placement(f"eip155:{n}", b"\x01" * 32) for n in range(1, 9)), home="eip155:3"),
        placed(Placement("polkadot:91b171bb158e2d3848fa23a9f1c25182", b"\xff" * 32)),
        replace(APPLE, close_minute=1439),
    ],
)
@pytest.mark.requirement("R-01")
def test_python_and_every_ledger_agree_on_the_hash(
    ledgers: tuple[Ledger, Ledger], record: InstrumentRecord
) -> None:
    for ledger in ledgers:
        assert ledger.registry.record_hash_of(record.as_tuple()) == record_hash(record)


@pytest.mark.requirement("R-01")
def test_two_ledgers_hold_the_same_hash(home: Ledger, remote: Ledger) -> None:
    home.register()
    remote.register()
    assert home.registry.record_hash(ISIN) == remote.registry.record_hash(ISIN)


# --- what is accepted ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["fil:f", "xrpl:0", "xrpl:10", "abc:1234", "polkadot:91b171bb158e2d3848fa23a9f1c25182"]
)
@pytest.mark.requirement("R-02")
def test_a_ledger_of_any_caip2_name(home: Ledger, name: str) -> None:
    record = placed(*APPLE.ledgers, Placement(name, b"\x05" * 32))
    home.register(check_record(record))
    assert home.registry.resolve(ISIN, name).token == b"\x05" * 32


def test_eight_ledgers_fit_through_the_proxy(home: Ledger) -> None:
    name = "cosmos78:" + "a" * 31
    ledgers = [Placement(name + str(n), b"\x01" * 32) for n in range(8)]
    record = placed(*ledgers, home=name + "7", terms_uri="u" * 128, fisn="A/" + "B" * 33)
    home.register(check_record(record))
    assert ledgers_of(home) == tuple(p.caip2 for p in ledgers)
    assert home.registry.instrument(ISIN) == record.as_tuple()[0]
    assert home.registry.resolve(ISIN, name + "7").is_home is True


def test_the_longest_instrument_stays_under_what_the_proxy_passes_on(home: Ledger) -> None:
    name = "cosmos78:" + "a" * 32
    record = placed(
        Placement(name, b"\x01" * 32), home=name, terms_uri="u" * 128, fisn="A/" + "B" * 33
    )
    home.register(record)
    answer = home.chain.call(to=home.registry, data=home.registry.method("instrument").encode(ISIN))
    assert len(answer) == 928 < 1024


def test_nine_ledgers_do_not_decode(home: Ledger) -> None:
    record = placed(*(Placement(f"eip155:{n}", b"\x01" * 32) for n in range(1, 10)))
    home.propose(record)
    with refused(home):
        home.present("register", record)


def test_token_dti_on_each_ledger_and_a_group(home: Ledger) -> None:
    record = placed(
        at_home(dti=TOKEN_DTI, dti_kind=DtiKind.TOKEN),
        at_remote(dti=ETHER, dti_kind=DtiKind.LEDGER),
        dti_group=OTHER_DTI,
    )
    home.register(check_record(record))
    resolution = home.registry.resolve(ISIN, HOME)
    assert (resolution.dti, resolution.dti_kind) == (TOKEN_DTI.encode(), DtiKind.TOKEN)


# --- what is refused -----------------------------------------------------------------------------

REFUSED = [
    (replace(APPLE, isin="US0378331003"), "records: bad ISIN"),
    (replace(APPLE, isin=""), "records: bad ISIN"),
    (replace(APPLE, cfi="ASVUFR"), "records: bad CFI"),
    (replace(APPLE, cfi=""), "records: bad CFI"),
    (replace(APPLE, fisn="APPLE INC"), "records: bad FISN"),
    (replace(APPLE, issuer="213800KUD8LXJWSQ9D15"), "records: bad LEI"),
    (replace(APPLE, issuer=""), "records: bad LEI"),
    (replace(APPLE, dti_group="X9J9K872T"), "records: bad DTI group"),
    (replace(APPLE, currency="eur", denomination=1), "records: bad currency"),
    (replace(APPLE, currency="EUR"), "records: half a denomination"),
    (replace(APPLE, denomination=1), "records: half a denomination"),
    (replace(APPLE, decimals=19), "records: too many decimals"),
    (replace(APPLE, close_minute=1440), "records: no minute of a day"),
    (replace(APPLE, close_minute=2**16 - 1), "records: no minute of a day"),
    (replace(APPLE, authorised=0), "records: nothing authorised"),
    (replace(APPLE, authorised=2**104), "records: authorised too large"),
    (replace(APPLE, terms_hash=bytes(32)), "records: no terms hash"),
    (replace(APPLE, terms_uri=""), "records: no terms URI"),
    (replace(APPLE, version=0), "records: no version"),
    (replace(APPLE, version=2), "records: previous or version"),
    (replace(APPLE, previous=b"\1" * 32), "records: previous or version"),
    (placed(at_home(), at_remote(caip2="eip155:041002")), "records: bad CAIP-2"),
    (placed(at_home(), at_remote(caip2="no:1")), "records: bad CAIP-2"),
    (placed(at_home(), at_remote(caip2=HOME)), "records: ledger twice"),
    (placed(at_home(), at_remote(token=bytes(32))), "records: no token"),
    (placed(at_home(), at_remote(token=b"\1" * 32)), "records: not an EVM address"),
    (placed(at_home(), at_remote(token=(2**160).to_bytes(32))), "records: not an EVM address"),
    (placed(at_remote(), home="eip155:1"), "records: home not among ledgers"),
    (placed(), "records: home not among ledgers"),
    (placed(at_home(dti_kind=DtiKind.NONE)), "records: DTI of no kind"),
    (placed(at_home(dti_kind=3)), "records: unknown DTI kind"),
    (placed(at_home(dti="X9J9K872T")), "records: bad DTI"),
    (placed(at_home(dti="")), "records: bad DTI"),
    (placed(at_home(dti="", dti_kind=DtiKind.TOKEN)), "records: bad DTI"),
    (
        placed(at_home(dti_kind=DtiKind.TOKEN), at_remote(dti_kind=DtiKind.TOKEN)),
        "records: DTI twice",
    ),
    (placed(at_home(dti_kind=DtiKind.TOKEN), dti_group=ETHER), "records: DTI twice"),
    (placed(at_home(dti_kind=DtiKind.TOKEN), at_remote()), "records: DTI of a token"),
    (placed(at_home(), dti_group=ETHER), "records: DTI of a token"),
    (
        placed(at_home(), at_remote(dti_kind=DtiKind.TOKEN)),
        "records: DTI of something else",
    ),
]


@pytest.mark.parametrize(("record", "reason"), REFUSED)
@pytest.mark.requirement("R-02", "R-03")
def test_register_refuses(home: Ledger, record: InstrumentRecord, reason: str) -> None:
    home.propose(record)
    with refused(home, reason):
        home.present("register", record)
    assert not home.registry.is_registered(record.isin)


@pytest.mark.parametrize("record", [record for record, _ in REFUSED])
@pytest.mark.requirement("R-02", "R-03")
def test_python_refuses_what_a_registry_refuses(record: InstrumentRecord) -> None:
    with pytest.raises(ValueError, match="expected"):
        check_record(record)


def test_codes_of_a_fixed_length() -> None:
    assert fixed("", 9) == bytes(9)
    with pytest.raises(ValueError, match="expected 9 characters, got 8"):
        fixed("X9J9K872", 9)


# --- views ---------------------------------------------------------------------------------------


def test_the_parts_of_a_record(home: Ledger) -> None:
    home.register()
    assert home.registry.is_registered(ISIN)
    assert home.registry.record_hash(ISIN) == record_hash(APPLE)
    assert home.registry.previous_hash(ISIN) == bytes(32)
    assert home.registry.instrument(ISIN) == APPLE.as_tuple()[0]
    assert home.registry.instrument(ISIN).close_minute == 1260
    assert ledgers_of(home) == (HOME, REMOTE)
    assert home.registry.resolve(ISIN, REMOTE) == (
        APPLE_TOKEN,
        ETHER.encode(),
        DtiKind.LEDGER,
        False,
        1,
        record_hash(APPLE),
    )
    assert home.registry.resolve(ISIN, HOME).is_home is True


def test_an_unknown_isin_is_not_an_empty_record(home: Ledger) -> None:
    assert not home.registry.is_registered(ISIN)
    assert home.registry.record_hash(ISIN) == bytes(32)
    assert home.registry.previous_hash(ISIN) == bytes(32)
    for view in ("instrument", "ledger_count"):
        with reverts("records: unknown ISIN"):
            getattr(home.registry, view)(ISIN)
    with reverts("records: unknown ISIN"):
        home.registry.resolve(ISIN, HOME)


def test_ledger_at_needs_an_index_of_the_record(home: Ledger) -> None:
    home.register()
    assert home.registry.ledger_at(ISIN, 1) == REMOTE
    for isin, index in ((ISIN, 2), (ISIN, 2**256 - 1), (BUND.isin, 0)):
        with reverts("records: no such ledger"):
            home.registry.ledger_at(isin, index)


def test_resolve_needs_a_ledger_of_the_record(home: Ledger) -> None:
    home.register()
    for name in ("eip155:1", ELSEWHERE, ""):
        with reverts("records: not on this ledger"):
            home.registry.resolve(ISIN, name)
