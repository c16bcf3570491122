"""Contract and package say the same of every record: its hash, and whether it is well formed."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from eth_account.messages import encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from tallystick.actions.codes import AUTOMATED, CAEV, CAMV, RATIOS, REDEMPTIONS
from tallystick.actions.entitlement import RATE_MAX, Rate
from tallystick.actions.message import EngineDomain, EventVersion, Status, typed_data
from tallystick.actions.record import (
    MIN_CLAIM_DAYS,
    RECORD_FIELDS,
    EventRecord,
    RecordError,
    Rounding,
    check_event,
)
from tallystick.chain import Contract, Revert, reverts
from tallystick.chain.abi import keccak
from tallystick.registry.identifiers import check_isin, isin_check_digit
from tallystick.token.position import DAY_MAX, EPOCH_MAX
from tests.support.actions import APPLE, COAF

NOTICE = EventRecord(
    isin=APPLE.isin,
    corp="TALLY-1",
    coaf="US-1",
    caev="INFO",
    camv="MAND",
    announced=18_473,
    terms=keccak(b"terms"),
)
INSTRUMENT = keccak(APPLE.isin.encode())


def check(records: Contract, record: EventRecord, status: int = 1) -> None:
    """What the contract says of a record of this test's instrument."""
    records.check(record.as_tuple(), status, INSTRUMENT)


# --- the hash -------------------------------------------------------------------------------------

_references = st.text("ABCXYZabc0189/-?:().,'+", min_size=1, max_size=32)
_hashes = st.binary(min_size=32, max_size=32)
_days = st.one_of(st.just(0), st.integers(18_470, 18_490), st.integers(18_570, 18_600))
_codes = st.sampled_from([*sorted(AUTOMATED), *CAEV])
_bodies = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=9, max_size=9)
_isins = _bodies.map(lambda body: check_isin(f"US{body}{isin_check_digit('US' + body)}"))
_terms = st.one_of(st.integers(1, 99), st.integers(RATE_MAX - 9, RATE_MAX))
_rates = st.builds(Fraction, st.integers(0, 10**6), _terms).map(Rate.of)
_records = st.builds(
    EventRecord,
    isin=st.one_of(st.just(APPLE.isin), _isins),
    corp=_references,
    coaf=_references,
    caev=_codes,
    camv=st.sampled_from(sorted(CAMV)),
    announced=_days,
    ex=_days,
    record_day=_days,
    figures_by=_days,
    payment_day=_days,
    relief_until=_days,
    expires=_days,
    rate=st.one_of(st.none(), _rates),
    currency=st.sampled_from(["", "USD", "CHF", "usd", "US"]),
    cash_decimals=st.integers(0, 20),
    unit_epoch=st.integers(0, 200),
    left=st.sampled_from([None, None, None, Rate(0), Rate(3, 4)]),
    set_off=st.booleans(),
    terms=st.one_of(_hashes, st.just(bytes(32))),
    version=st.one_of(st.integers(0, 3), st.integers(2**32 - 1, 2**32)),
    previous=st.one_of(_hashes, st.just(bytes(32))),
)


@pytest.mark.requirement("R-40")
@pytest.mark.parametrize("record", [APPLE, NOTICE, APPLE.successor()], ids=str)
def test_a_record_has_one_hash(records: Contract, record: EventRecord) -> None:
    assert records.record_hash(record.as_tuple()) == record.hash


@pytest.mark.requirement("R-40")
@given(record=_records, status=st.sampled_from(Status))
def test_contract_and_package_hash_alike(
    records: Contract, record: EventRecord, status: Status
) -> None:
    assert records.record_hash(record.as_tuple()) == record.hash
    assert records.version_hash(record.hash, status) == EventVersion(record, status).id


@pytest.mark.parametrize("status", Status)
def test_a_wallet_shows_an_event_attestor_the_whole_record(status: Status) -> None:
    """Its hash of the typed data is what is signed."""
    version = EventVersion(APPLE, status)
    domain = EngineDomain(41_001, "0x" + "11" * 20)
    shown = typed_data(version, domain)
    signable = encode_typed_data(full_message=shown)
    assert (signable.header, signable.body) == (domain.separator, version.id)
    assert shown["message"]["record"]["coaf"] == COAF


# --- well formed or not ---------------------------------------------------------------------------


def package_accepts(record: EventRecord) -> bool:
    """What `check_event` says; the instrument is the test's own."""
    try:
        check_event(record)
    except RecordError:
        return False
    return record.isin == APPLE.isin


def contract_accepts(records: Contract, record: EventRecord) -> bool:
    """What the contract says."""
    try:
        check(records, record)
    except Revert as revert:
        told = revert.reason or "nothing"
    else:
        return True
    assert told.startswith("record: ")
    return False


@given(record=_records)
def test_contract_and_package_accept_the_same_records(
    records: Contract, record: EventRecord
) -> None:
    assert contract_accepts(records, record) == package_accepts(record)


_one_field = st.one_of(
    *(
        st.tuples(st.just(name), st.integers(APPLE.announced - 1, APPLE.payment_day + 91))
        for name in ("announced", "ex", "record_day", "payment_day", "figures_by", "relief_until")
    ),
    st.tuples(
        st.just("expires"),
        st.integers(APPLE.payment_day + MIN_CLAIM_DAYS - 2, APPLE.payment_day + 92),
    ),
    *(
        st.tuples(st.just(name), st.just(0))
        for name in ("announced", "ex", "record_day", "payment_day", "figures_by", "relief_until")
    ),
)


@given(changes=st.lists(_one_field, max_size=3).map(dict), caev=st.sampled_from(["DVCA", "INFO"]))
def test_contract_and_package_accept_the_same_days(
    records: Contract, changes: dict[str, Any], caev: str
) -> None:
    """Records that are nearly sound: most of the above are far from it."""
    record = replace(APPLE, caev=caev, **changes)
    assert contract_accepts(records, record) == package_accepts(record)


# 4:1 after the close of 10 August 2020.
SPLIT = replace(
    NOTICE, coaf="US-2020-SPLF-01", caev="SPLF", record_day=APPLE.record_day, rate=Rate(4)
)
_PART = 2**40 - 1
_ratios = st.builds(
    replace,
    st.just(SPLIT),
    caev=st.sampled_from(sorted(RATIOS)),
    rate=st.builds(
        Fraction,
        st.sampled_from([0, 1, 2, 3, 10, _PART, _PART + 1]),
        st.sampled_from([1, 2, 3, 10, _PART, _PART + 1]),
    ).map(Rate.of),
    camv=st.sampled_from(["MAND", "MAND", "MAND", "CHOS"]),
    unit_epoch=st.sampled_from([0, 1, EPOCH_MAX - 1, EPOCH_MAX]),
    record_day=st.sampled_from([0, SPLIT.announced, SPLIT.announced + 1]),
    currency=st.sampled_from(["", "", "", "USD"]),
    cash_decimals=st.sampled_from([0, 0, 0, 6]),
    rounding=st.integers(0, 7),
)
# In lieu of fractions, 41.25 USD for one unit of the epoch that the ratio began.
PRICE = replace(
    NOTICE,
    coaf="US-2020-SPLR-02",
    caev="SPLR",
    rate=Rate(165, 4),
    currency="USD",
    cash_decimals=6,
    unit_epoch=1,
    payment_day=NOTICE.announced,
)
_prices = st.builds(
    replace,
    st.just(PRICE),
    caev=st.sampled_from(sorted(RATIOS)),
    rate=st.builds(Fraction, st.integers(0, 3), st.sampled_from([1, 2, RATE_MAX])).map(Rate.of),
    camv=st.sampled_from(["MAND", "MAND", "MAND", "CHOS"]),
    unit_epoch=st.sampled_from([0, 1, EPOCH_MAX, EPOCH_MAX + 1]),
    payment_day=st.sampled_from([0, NOTICE.announced - 1, NOTICE.announced, DAY_MAX, DAY_MAX + 1]),
    record_day=st.sampled_from([0, 0, 0, NOTICE.announced + 1]),
    expires=st.sampled_from([0, 0, 0, NOTICE.announced + 100]),
    currency=st.sampled_from(["", "USD", "USD", "EUR"]),
    rounding=st.sampled_from([1, 1, 1, 4]),
)


@given(record=_ratios)
def test_contract_and_package_accept_the_same_ratios(
    records: Contract, record: EventRecord
) -> None:
    assert contract_accepts(records, record) == package_accepts(record)


@given(record=_prices)
def test_contract_and_package_accept_the_same_prices(
    records: Contract, record: EventRecord
) -> None:
    assert contract_accepts(records, record) == package_accepts(record)


@pytest.mark.requirement("R-45")
@pytest.mark.parametrize("rounding", Rounding)
def test_a_ratio_says_what_becomes_of_fractions(records: Contract, rounding: Rounding) -> None:
    check(records, check_event(replace(SPLIT, rounding=rounding)))


@pytest.mark.requirement("R-45")
@pytest.mark.parametrize("caev", sorted(RATIOS))
def test_a_price_of_fractions_is_a_record_of_its_own(records: Contract, caev: str) -> None:
    record = check_event(replace(PRICE, caev=caev))
    check(records, record)
    assert record.is_price
    assert not record.is_ratio


NO_PRICES: list[tuple[dict[str, Any], str]] = [
    ({"camv": "CHOS"}, "price of nothing, or with choice"),
    ({"set_off": True}, "price of nothing, or with choice"),
    *(
        ({name: PRICE.payment_day + 100}, "price of nothing, or with choice")
        for name in ("ex", "record_day", "figures_by", "relief_until", "expires")
    ),
    ({"payment_day": 0}, "price of nothing, or with choice"),
    ({"payment_day": PRICE.announced - 1}, "price of nothing, or with choice"),
    ({"rate": Rate(0)}, "price of nothing, or with choice"),
    ({"unit_epoch": 0}, "price of nothing, or with choice"),
    ({"rounding": 4}, "unknown option"),
    ({"payment_day": DAY_MAX + 1}, "day out of range"),
]


@pytest.mark.parametrize(
    ("caev", "rate"),
    [
        ("SPLF", Rate(4)),
        ("SPLF", Rate(_PART, 2)),
        ("SPLR", Rate(1, 10)),
        ("BONU", Rate(11, 10)),
        ("DVSE", Rate(103, 100)),
    ],
)
def test_a_ratio_is_accepted(records: Contract, caev: str, rate: Rate) -> None:
    check(records, check_event(replace(SPLIT, caev=caev, rate=rate)))


NO_RATIOS: list[tuple[dict[str, Any], str]] = [
    ({"camv": "VOLU"}, "ratio with cash or choice"),
    ({"rounding": 0}, "unknown option"),
    ({"rounding": 7}, "unknown option"),
    ({"currency": "USD"}, "price of nothing, or with choice"),
    ({"cash_decimals": 6}, "ratio with cash or choice"),
    ({"set_off": True}, "ratio with cash or choice"),
    *(
        ({name: SPLIT.record_day + 100}, "ratio with cash or choice")
        for name in ("figures_by", "payment_day", "relief_until", "expires")
    ),
    ({"record_day": 0}, "ratio without day or epoch"),
    ({"unit_epoch": EPOCH_MAX}, "ratio without day or epoch"),
    ({"rate": Rate(_PART + 1)}, "ratio not in lowest terms"),
    ({"caev": "SPLR", "rate": Rate(1, _PART + 1)}, "ratio not in lowest terms"),
    ({"rate": Rate(0)}, "ratio not in lowest terms"),
    ({"rate": Rate(1)}, "ratio the other way"),
    ({"rate": Rate(1, 10)}, "ratio the other way"),
    ({"caev": "SPLR"}, "ratio the other way"),
    ({"caev": "BONU", "rate": Rate(9, 10)}, "ratio the other way"),
    ({"ex": SPLIT.record_day + 1}, "days out of order"),
]


@pytest.mark.parametrize(
    ("record", "changes", "reason"),
    [*((PRICE, *each) for each in NO_PRICES), *((SPLIT, *each) for each in NO_RATIOS)],
)
def test_a_price_or_ratio_that_is_none_is_refused(
    records: Contract, record: EventRecord, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RecordError):
        check_event(replace(record, **changes))
    with reverts(f"record: {reason}"):
        check(records, replace(record, **changes))


def test_a_ratio_in_other_terms_is_refused(records: Contract) -> None:
    words = list(SPLIT.as_tuple())
    words[14:16] = 8, 2
    with reverts("record: ratio not in lowest terms"):
        records.check(tuple(words), 1, INSTRUMENT)


# All of it redeemed at the rate of the dividend; and a quarter of each unit.
WHOLE = replace(APPLE, caev="REDM", left=Rate(0))
PARTIAL = replace(APPLE, caev="PCAL", left=Rate(3, 4))
_redemptions = st.builds(
    replace,
    st.sampled_from([WHOLE, PARTIAL]),
    caev=st.sampled_from([*sorted(REDEMPTIONS), *sorted(REDEMPTIONS), "PRED", "SPLF"]),
    left=st.builds(
        Fraction,
        st.sampled_from([0, 0, 1, 2, 3, _PART, _PART + 1]),
        st.sampled_from([1, 2, 3, 4, _PART, _PART + 1]),
    ).map(Rate.of),
    camv=st.sampled_from(["MAND", "MAND", "MAND", "CHOS"]),
    unit_epoch=st.sampled_from([0, EPOCH_MAX - 1, EPOCH_MAX]),
    payment_day=st.sampled_from([0, *[APPLE.payment_day] * 3]),
    currency=st.sampled_from(["", "USD", "USD", "USD"]),
)


@given(record=_redemptions)
def test_contract_and_package_accept_the_same_redemptions(
    records: Contract, record: EventRecord
) -> None:
    assert contract_accepts(records, record) == package_accepts(record)


@pytest.mark.parametrize(
    "record",
    [
        WHOLE,
        replace(WHOLE, caev="MCAL"),
        PARTIAL,
        replace(PARTIAL, left=Rate(_PART - 1, _PART)),
        replace(WHOLE, rate=Rate(0)),
    ],
)
def test_a_redemption_is_accepted(records: Contract, record: EventRecord) -> None:
    check(records, check_event(record))


LEFT = "units left of no redemption"
NO_REDEMPTIONS: list[tuple[EventRecord, str]] = [
    (replace(APPLE, left=Rate(0)), LEFT),
    (replace(APPLE, caev="PRED", left=Rate(3, 4)), LEFT),
    (replace(WHOLE, left=Rate(1, 2)), LEFT),
    (replace(WHOLE, caev="MCAL", left=Rate(1)), LEFT),
    (replace(WHOLE, caev="PCAL"), LEFT),
    (replace(PARTIAL, caev="REDM"), LEFT),
    (replace(PARTIAL, left=Rate(1)), LEFT),
    (replace(PARTIAL, left=Rate(4, 3)), LEFT),
    (replace(PARTIAL, left=Rate(1, _PART + 1)), LEFT),
    (replace(WHOLE, camv="CHOS"), LEFT),
    (replace(WHOLE, unit_epoch=EPOCH_MAX), LEFT),
    (replace(SPLIT, left=Rate(3, 4)), LEFT),
    (replace(WHOLE, rate=None, currency=""), "cash without rate or day"),
    (replace(PARTIAL, expires=0), "cash without rate or day"),
    (replace(PARTIAL, record_day=0), "cash without rate or day"),
]


@pytest.mark.parametrize(("record", "reason"), NO_REDEMPTIONS)
def test_a_redemption_that_is_none_is_refused(
    records: Contract, record: EventRecord, reason: str
) -> None:
    with pytest.raises(RecordError):
        check_event(record)
    with reverts(f"record: {reason}"):
        check(records, record)


@pytest.mark.parametrize(("after", "before"), [(6, 8), (0, 2), (1, 0), (0, 0)])
def test_what_is_left_of_units_is_in_lowest_terms(
    records: Contract, after: int, before: int
) -> None:
    words = list(PARTIAL.as_tuple())
    place = [name for _, name in RECORD_FIELDS].index("units_after")
    words[place : place + 2] = after, before
    if not after and not before:
        records.check(tuple(words), 1, INSTRUMENT)
        return
    with reverts(f"record: {LEFT}"):
        records.check(tuple(words), 1, INSTRUMENT)


@pytest.mark.parametrize("caev", CAEV)
def test_every_event_type_is_accepted_as_data(records: Contract, caev: str) -> None:
    check(records, replace(APPLE if caev in AUTOMATED else NOTICE, caev=caev))


@pytest.mark.parametrize("camv", CAMV)
@pytest.mark.parametrize("status", Status)
def test_every_choice_and_status_is_accepted(records: Contract, camv: str, status: Status) -> None:
    check(records, replace(NOTICE, camv=camv), status)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"isin": "DE0001102580"}, "of another instrument"),
    ({"corp": ""}, "no CORP, COAF or terms"),
    ({"coaf": ""}, "no CORP, COAF or terms"),
    ({"terms": bytes(32)}, "no CORP, COAF or terms"),
    ({"caev": "DVC\0"}, "bad CAEV or CAMV"),
    ({"caev": "dvca"}, "bad CAEV or CAMV"),
    ({"caev": "DVC["}, "bad CAEV or CAMV"),
    ({"caev": "@VCA"}, "bad CAEV or CAMV"),
    ({"camv": "MAN1"}, "bad CAEV or CAMV"),
    ({"camv": "\0\0\0\0"}, "bad CAEV or CAMV"),
    ({"cash_decimals": 19}, "bad decimals or epoch"),
    ({"unit_epoch": EPOCH_MAX + 1}, "bad decimals or epoch"),
    ({"rounding": 0}, "unknown option"),
    ({"rounding": 2}, "unknown option"),
    ({"tier": 0}, "unknown option"),
    ({"tier": 2}, "unknown option"),
    ({"set_off": 2}, "unknown option"),
    ({"version": 0}, "previous or version"),
    ({"version": 0, "previous": keccak(b"")}, "previous or version"),
    ({"version": 2}, "previous or version"),
    ({"version": 2**32, "previous": keccak(b"")}, "previous or version"),
    ({"version": 2**256 - 1, "previous": keccak(b"")}, "previous or version"),
    ({"previous": keccak(b"")}, "previous or version"),
    ({"rate": None}, "half a rate"),
    ({"rate": None, "currency": ""}, "cash without rate or day"),
    ({"currency": ""}, "bad currency"),
    ({"currency": "US"}, "bad currency"),
    ({"currency": "usd"}, "bad currency"),
    ({"currency": "USDX"}, "bad currency"),
    *(
        ({name: 0}, "cash without rate or day")
        for name in ("record_day", "payment_day", "figures_by", "relief_until", "expires")
    ),
    *(
        ({name: DAY_MAX + 1}, "day out of range")
        for name in (
            *("announced", "ex", "record_day", "payment_day"),
            *("figures_by", "relief_until", "expires"),
        )
    ),
    ({"expires": 2**256 - 1}, "day out of range"),
    ({"announced": 0}, "days out of order"),
    ({"ex": 18_473}, "days out of order"),
    ({"ex": 0, "announced": 18_484}, "days out of order"),
    ({"ex": 18_485}, "days out of order"),
    ({"payment_day": 18_484, "figures_by": 0, "caev": "INFO"}, "days out of order"),
    ({"figures_by": 18_484}, "days out of order"),
    ({"figures_by": 18_488}, "days out of order"),
    ({"relief_until": 18_486}, "days out of order"),
    ({"relief_until": 20_000}, "days out of order"),
    ({"expires": 18_487 + MIN_CLAIM_DAYS - 1}, "claims under 90 days"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSED)
def test_a_record_that_is_not_well_formed_is_refused(
    records: Contract, changes: dict[str, Any], reason: str
) -> None:
    with reverts(f"record: {reason}"):
        check(records, replace(APPLE, **changes))


def with_rate(record: EventRecord, numerator: int, denominator: int) -> tuple[Any, ...]:
    """The words of a record whose rate no `Rate` would be."""
    words = list(record.as_tuple())
    words[14:16] = numerator, denominator
    return tuple(words)


@pytest.mark.parametrize(
    ("numerator", "denominator", "reason"),
    [
        (82, 100, "rate not in lowest terms"),
        (0, 2, "rate not in lowest terms"),
        (RATE_MAX, RATE_MAX, "rate not in lowest terms"),
        (RATE_MAX + 1, 1, "rate not in lowest terms"),
        (1, RATE_MAX + 1, "rate not in lowest terms"),
        (2**256 - 1, 2**256 - 2, "rate not in lowest terms"),
        (1, 0, "half a rate"),
    ],
)
def test_a_rate_is_in_lowest_terms(
    records: Contract, numerator: int, denominator: int, reason: str
) -> None:
    with reverts(f"record: {reason}"):
        records.check(with_rate(APPLE, numerator, denominator), 1, INSTRUMENT)


def test_the_slowest_rate_is_still_seen_to_be_in_lowest_terms(records: Contract) -> None:
    """Neighbours in Fibonacci's sequence take the most steps of all numbers of 96 bits."""
    smaller, greater = 1, 1
    while smaller + greater <= RATE_MAX:
        smaller, greater = greater, smaller + greater
    for terms in ((smaller, greater), (greater, smaller)):
        records.check(with_rate(APPLE, *terms), 1, INSTRUMENT)


@pytest.mark.parametrize("status", [0, 3, 2**256 - 1])
def test_a_status_is_active_or_cancelled(records: Contract, status: int) -> None:
    with reverts("record: unknown status"):
        check(records, APPLE, status)


@pytest.mark.parametrize(
    "changes",
    [
        {"ex": 18_484},
        {"ex": 0},
        {"ex": 18_474},
        {"payment_day": 18_485, "figures_by": 18_485},
        {"figures_by": 18_485},
        {"expires": 18_487 + MIN_CLAIM_DAYS},
        {"relief_until": 18_487 + 1096},
        {"expires": DAY_MAX},
        {"coaf": "A" * 32},
        {"rate": Rate(0)},
        {"rate": Rate(RATE_MAX, RATE_MAX - 1)},
        {"cash_decimals": 18, "unit_epoch": EPOCH_MAX},
        {"set_off": True},
        {"caev": "ZZZZ"},
        {"version": 2**32 - 1, "previous": keccak(b"")},
    ],
)
def test_the_bounds_of_what_is_well_formed(records: Contract, changes: dict[str, Any]) -> None:
    check(records, replace(APPLE, **changes))
