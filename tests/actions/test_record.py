"""The golden record of an event: codes, hash, versions, and every refusal that it alone decides."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

import pytest
from eth_account.messages import encode_typed_data

from tallystick.actions.codes import AUTOMATED, CAEV, CAMV
from tallystick.actions.entitlement import Rate
from tallystick.actions.record import (
    MIN_CLAIM_DAYS,
    RECORD_FIELDS,
    RECORD_TYPE,
    EventRecord,
    RecordError,
    check_event,
)
from tallystick.chain.abi import keccak
from tests.support.actions import APPLE

# CorporateActionEventType35Code, in the order of the schema.
_SCHEMA = """
ACTV ATTI BRUP DFLT BONU EXRI CAPD CAPG CAPI DRCA DVCA CHAN COOP CLSA CONS CONV CREV
DECR DETI DSCL DVOP DRIP DRAW DTCH EXOF REDM MCAL INCR PPMT INTR RHDI LIQU EXTM MRGR
NOOF CERT ODLT OTHR PARI PCAL PRED PINK PLAC PDEF PRIO BPUT REDO REMK BIDS SPLR RHTS
DVSC SHPR SMAL SOFF DVSE SPLF TREC TEND DLST SUSP EXWA WTRC WRTH ACCU INFO TNDP RCLA
"""
OFFICIAL = _SCHEMA.split()
# Says only what every event says.
NOTICE = EventRecord(
    isin="US0378331005",
    corp="TALLY-1",
    coaf="US-1",
    caev="INFO",
    camv="MAND",
    announced=18_473,
    terms=keccak(b"terms"),
)


# --- codes ----------------------------------------------------------------------------------------


def test_all_event_types_of_the_schema_have_a_name() -> None:
    assert len(OFFICIAL) == 68
    assert list(CAEV) == sorted(OFFICIAL)
    assert len(set(CAEV.values())) == 68
    assert set(CAMV) == {"MAND", "CHOS", "VOLU"}


def test_cash_at_one_rate_is_automated() -> None:
    assert sorted(AUTOMATED) == ["CAPD", "CAPG", "DRCA", "DVCA", "INTR", "PRED", "SHPR"]


@pytest.mark.parametrize("caev", OFFICIAL)
def test_every_event_type_is_accepted_as_data(caev: str) -> None:
    record = replace(APPLE if caev in AUTOMATED else NOTICE, caev=caev)
    assert check_event(record) is record


@pytest.mark.parametrize("camv", CAMV)
def test_every_choice_is_accepted_as_data(camv: str) -> None:
    check_event(replace(NOTICE, camv=camv))


@pytest.mark.parametrize(("caev", "left"), [("REDM", 0), ("MCAL", 0), ("PCAL", Fraction(3, 4))])
def test_a_redemption_says_what_is_left_of_a_unit(caev: str, left: Fraction) -> None:
    record = replace(APPLE, caev=caev, left=Rate.of(Fraction(left)))
    assert check_event(record).change == record.left
    words = dict(zip((name for _, name in RECORD_FIELDS), record.as_tuple(), strict=True))
    assert Fraction(words["units_after"], words["units_before"]) == left
    assert (words["numerator"], words["denominator"]) == (41, 50)


def test_a_redemption_that_changes_no_unit_is_data_alone() -> None:
    for record in (replace(NOTICE, caev="REDM"), replace(APPLE, caev="PCAL")):
        assert check_event(record).change is None


# --- the hash -------------------------------------------------------------------------------------


def typed_data_hash(record: EventRecord) -> bytes:
    """The struct hash as another library computes it."""
    message = dict(zip((name for _, name in RECORD_FIELDS), record.as_tuple(), strict=True))
    types = {"EventRecord": [{"name": name, "type": kind} for kind, name in RECORD_FIELDS]}
    return encode_typed_data({"name": "any"}, types, message).body


@pytest.mark.parametrize("record", [APPLE, NOTICE], ids=["dividend", "notice"])
def test_the_hash_is_that_of_typed_data(record: EventRecord) -> None:
    assert record.hash == typed_data_hash(record)


def test_the_hash_is_over_static_words_only() -> None:
    assert {kind for kind, _ in RECORD_FIELDS} == {"bytes32", "uint256", "bytes4"}
    assert RECORD_TYPE.startswith(
        "EventRecord(bytes32 instrument,bytes32 corp,bytes32 coaf,uint256"
    )


def test_the_hash_of_a_record_never_changes() -> None:
    assert APPLE.hash.hex() == "e7b3436d5e06d022111d87b2a68bf86d23bd0550b6ab8a2db6e60a1f2ec0ff99"


OTHER: dict[str, Any] = {
    "isin": "DE0001102580",
    "corp": "TALLY-2",
    "coaf": "US-2",
    "caev": "CAPD",
    "camv": "CHOS",
    "announced": 18_474,
    "terms": keccak(b"other terms"),
    "ex": 18_482,
    "record_day": 18_485,
    "figures_by": 18_486,
    "payment_day": 18_488,
    "relief_until": 18_489,
    "expires": 18_487 + 1097,
    "rate": Rate(41, 51),
    "currency": "EUR",
    "cash_decimals": 2,
    "unit_epoch": 1,
    "left": Rate(3, 4),
    "rounding": 2,
    "tier": 2,
    "set_off": True,
    "version": 2,
    "previous": keccak(b"previous"),
}


def test_every_field_is_part_of_the_hash() -> None:
    assert set(OTHER) == {each.name for each in fields(EventRecord)}
    records = [APPLE, *(replace(APPLE, **{name: OTHER[name]}) for name in OTHER)]
    records.append(replace(APPLE, rate=Rate(43, 50)))
    assert len({record.hash for record in records}) == len(records)


def test_texts_stand_on_the_left_of_their_words() -> None:
    words = dict(zip((name for _, name in RECORD_FIELDS), APPLE.as_tuple(), strict=True))
    assert words["instrument"] == keccak(b"US0378331005")
    assert words["coaf"] == b"US-2020-DVCA-01" + bytes(17)
    assert (words["caev"], words["currency"]) == (b"DVCA", b"USD\0")
    assert (words["numerator"], words["denominator"]) == (41, 50)
    assert words["previous"] == bytes(32)


def test_an_event_without_cash_has_no_rate() -> None:
    words = dict(zip((name for _, name in RECORD_FIELDS), NOTICE.as_tuple(), strict=True))
    assert (words["numerator"], words["denominator"], words["currency"]) == (0, 0, bytes(4))


def test_a_version_names_the_one_before_by_its_hash() -> None:
    second = APPLE.successor(rate=Rate(83, 100))
    third = second.successor()
    assert (second.version, second.previous) == (2, APPLE.hash)
    assert (third.version, third.previous, third.rate) == (3, second.hash, Rate(83, 100))
    assert check_event(third) is third


# --- refusals -------------------------------------------------------------------------------------

REFERENCE = "1 to 32 letters, digits or /-?:().,'+ (CORP, COAF)"
WHOLE = {"caev": "REDM", "left": Rate(0)}
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"isin": "US0378331003"}, "isin: expected check digit 5: US0378331005 (ISO 6166)"),
    ({"currency": "usd"}, "currency: expected a currency code: 3 capitals (ISO 4217)"),
    ({"corp": ""}, f"corp: expected {REFERENCE}"),
    ({"corp": "A B"}, f"corp: expected {REFERENCE}"),
    ({"coaf": "A" * 33}, f"coaf: expected {REFERENCE}"),
    ({"caev": "DIVI"}, "caev: expected one of the 68 event types of ISO 20022 (CAEV)"),
    ({"caev": "dvca"}, "caev: expected one of the 68 event types of ISO 20022 (CAEV)"),
    ({"camv": "MANDATORY"}, "camv: expected one of CHOS, MAND, VOLU (CAMV)"),
    ({"cash_decimals": 19}, "cash_decimals: expected 0 to 18"),
    ({"unit_epoch": 128}, "unit_epoch: expected 0 to 127"),
    ({"terms": bytes(32)}, "terms: expected the hash of the terms"),
    ({"terms": b"short"}, "terms: expected the hash of the terms"),
    ({"version": 0}, "version: expected a version of 1 to 2**32 - 1"),
    ({"version": 2**32}, "version: expected a version of 1 to 2**32 - 1"),
    ({"version": 2}, "previous: expected the hash of the version before"),
    ({"previous": keccak(b"")}, "previous: expected no hash"),
    ({"version": 2, "previous": b"short"}, "previous: expected the hash of the version before"),
    ({"rate": None}, "rate: expected the rate that DVCA pays"),
    ({"currency": ""}, "currency: expected the currency of the rate"),
    ({"left": Rate(0)}, "left: expected none: DVCA redeems no units"),
    ({"caev": "REDM", "left": Rate(1, 2)}, 'left: expected "0:1": REDM leaves nothing of a unit'),
    ({"caev": "MCAL", "left": Rate(1)}, 'left: expected "0:1": MCAL leaves nothing of a unit'),
    *(
        (
            {"caev": "PCAL", "left": left},
            'left: expected units left of units, fewer, such as "3:4", each at most 2**40 - 1',
        )
        for left in (Rate(0), Rate(1), Rate(4, 3), Rate(1, 2**40))
    ),
    ({**WHOLE, "camv": "CHOS"}, "camv: expected MAND: REDM is for every unit there is"),
    ({**WHOLE, "unit_epoch": 127}, "unit_epoch: expected 0 to 126: another begins"),
    ({**WHOLE, "rate": None, "currency": ""}, "rate: expected the rate that REDM pays"),
    ({**WHOLE, "record_day": 0}, "record_day: expected a day, REDM pays cash"),
    ({**WHOLE, "payment_day": 0}, "payment_day: expected a day, REDM pays cash"),
    ({"caev": "INFO", "rate": None}, "currency: expected no currency without a rate"),
    ({"record_day": 0}, "record_day: expected a day, DVCA pays cash"),
    ({"figures_by": 0}, "figures_by: expected a day, DVCA pays cash"),
    ({"payment_day": 0}, "payment_day: expected a day, DVCA pays cash"),
    ({"relief_until": 0}, "relief_until: expected a day, DVCA pays cash"),
    ({"expires": 0}, "expires: expected a day, DVCA pays cash"),
    ({"announced": 0}, "announced: expected a day"),
    ({"expires": 65_536}, "expires: expected a day until 2149-06-06"),
    ({"ex": -1}, "ex: expected a day until 2149-06-06"),
    ({"ex": 18_473}, "ex: expected 2020-07-31 or later, after the announcement"),
    (
        {"ex": 0, "announced": 18_484},
        "record_day: expected 2020-08-11 or later, after the announcement",
    ),
    ({"ex": 18_485}, "record_day: expected 2020-08-11 or later, not before the ex date"),
    ({"payment_day": 18_484}, "payment_day: expected 2020-08-11 or later, after the record date"),
    ({"figures_by": 18_484}, "figures_by: expected 2020-08-11 or later, after the record date"),
    ({"figures_by": 18_488}, "figures_by: expected 2020-08-13 or earlier, when payment begins"),
    (
        {"relief_until": 18_486},
        "relief_until: expected 2020-08-13 or later, not before the payment date",
    ),
    (
        {"relief_until": 20_000},
        "expires: expected 2024-10-04 or later, not before the relief deadline",
    ),
    (
        {"expires": 18_487 + MIN_CLAIM_DAYS - 1},
        "expires: expected 2020-11-11 or later, 90 days after payment begins",
    ),
]


@pytest.mark.parametrize(("changes", "expected"), REFUSED)
def test_a_record_that_is_not_well_formed_is_refused(
    changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(RecordError) as caught:
        check_event(replace(APPLE, **changes))
    assert str(caught.value) == expected


def test_days_of_an_event_without_cash_are_in_order_too() -> None:
    split = replace(NOTICE, caev="SPLF", record_day=18_484, payment_day=18_485)
    check_event(split)
    with pytest.raises(RecordError, match=r"^payment_day: expected 2020-08-11 or later, after"):
        check_event(replace(split, payment_day=18_484))


@pytest.mark.parametrize(
    "record",
    [APPLE, NOTICE, APPLE.successor(set_off=True), replace(APPLE, **WHOLE)],
)
def test_a_record_is_read_back_from_its_words(record: EventRecord) -> None:
    assert EventRecord.from_words(record.isin, record.as_tuple()) == record


def test_another_instruments_words_are_refused() -> None:
    with pytest.raises(ValueError, match="expected a record of DE0001102580"):
        EventRecord.from_words("DE0001102580", APPLE.as_tuple())
