"""A token and a DTI stand for one thing, for as long as the record in force says so (R-03)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.chain import Revert
from tallystick.registry.record import DtiKind, InstrumentRecord, Placement, record_hash
from tests.support.registry_ledgers import Ledger, refused
from tests.support.registry_vectors import (
    APPLE,
    BUND,
    ELSEWHERE,
    ETHER,
    OTHER_DTI,
    STATED,
    TOKEN_DTI,
)

pytestmark = pytest.mark.requirement("R-03")

TOKEN_THERE = b"\x07" * 32


def elsewhere(
    record: InstrumentRecord,
    dti: str = "",
    kind: DtiKind = DtiKind.NONE,
    *,
    token: bytes = TOKEN_THERE,
    group: str = "",
) -> InstrumentRecord:
    """The record on a ledger whose token this registry can't ask."""
    return replace(
        record,
        home=ELSEWHERE,
        dti_group=group,
        ledgers=(Placement(ELSEWHERE, token, dti, kind),),
    )


def with_token_of_its_own(record: InstrumentRecord, **changes: object) -> InstrumentRecord:
    return elsewhere(record, token=b"\x08" * 32, **changes)  # type: ignore[arg-type]


# --- one thing at a time -------------------------------------------------------------------------


def test_no_token_for_two_instruments(home: Ledger) -> None:
    home.register(elsewhere(APPLE))
    home.propose(elsewhere(BUND))
    with refused(home, "records: token of another ISIN"):
        home.present("register", elsewhere(BUND))


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (
            with_token_of_its_own(BUND, dti=TOKEN_DTI, kind=DtiKind.TOKEN),
            "records: DTI of something else",
        ),
        (with_token_of_its_own(BUND, group=TOKEN_DTI), "records: DTI of something else"),
        (
            with_token_of_its_own(BUND, dti=TOKEN_DTI, kind=DtiKind.LEDGER),
            "records: DTI of a token",
        ),
    ],
)
@pytest.mark.parametrize(
    "first",
    [elsewhere(APPLE, TOKEN_DTI, DtiKind.TOKEN), elsewhere(APPLE, group=TOKEN_DTI)],
)
def test_no_token_dti_for_two_instruments(
    home: Ledger, first: InstrumentRecord, other: InstrumentRecord, reason: str
) -> None:
    home.register(first)
    home.propose(other)
    with refused(home, reason):
        home.present("register", other)


def test_a_ledger_dti_is_shared(home: Ledger) -> None:
    home.register(elsewhere(APPLE, ETHER, DtiKind.LEDGER))
    home.register(with_token_of_its_own(BUND, dti=ETHER, kind=DtiKind.LEDGER))


# --- undone by the same two keys -----------------------------------------------------------------


@pytest.mark.parametrize("function", ["amend", "adopt"])
def test_what_a_record_drops_is_free(home: Ledger, function: str) -> None:
    squat = elsewhere(BUND, TOKEN_DTI, DtiKind.TOKEN, group=OTHER_DTI)
    home.register(squat)
    freed = with_token_of_its_own(squat)
    if function == "amend":
        home.amend(replace(freed, version=2, previous=record_hash(squat)))
    else:
        home.adopt(freed)
    home.register(elsewhere(APPLE, OTHER_DTI, DtiKind.TOKEN, group=TOKEN_DTI))


def test_what_a_record_keeps_stays_its_own(home: Ledger) -> None:
    first = elsewhere(APPLE, TOKEN_DTI, DtiKind.TOKEN, group=OTHER_DTI)
    home.register(first)
    home.amend(first.successor(terms_hash=b"\x33" * 32))
    home.propose(elsewhere(BUND))
    with refused(home, "records: token of another ISIN"):
        home.present("register", elsewhere(BUND))
    other = with_token_of_its_own(BUND, dti=TOKEN_DTI, kind=DtiKind.TOKEN)
    home.propose(other)
    with refused(home, "records: DTI of something else"):
        home.present("register", other)


def test_a_record_may_exchange_its_own_claims(home: Ledger) -> None:
    """Group and token change places: nothing of the old record stands in the new one's way."""
    first = elsewhere(APPLE, TOKEN_DTI, DtiKind.TOKEN, group=OTHER_DTI)
    home.register(first)
    home.amend(
        replace(
            elsewhere(APPLE, OTHER_DTI, DtiKind.TOKEN, group=TOKEN_DTI),
            version=2,
            previous=record_hash(first),
        )
    )
    assert home.registry.resolve(APPLE.isin, ELSEWHERE).dti == OTHER_DTI.encode()


def test_a_refused_amendment_frees_nothing(home: Ledger) -> None:
    first = elsewhere(APPLE, TOKEN_DTI, DtiKind.TOKEN)
    home.register(first)
    home.register(with_token_of_its_own(BUND))
    taken = with_token_of_its_own(first.successor())
    home.propose(taken)
    with refused(home, "records: token of another ISIN"):
        home.present("amend", taken)


def test_a_wrong_ledger_dti_is_free_when_the_last_record_drops_it(home: Ledger) -> None:
    """Two records called a token's DTI their ledger's; one that mends it frees it for neither."""
    wrong = [
        elsewhere(APPLE, TOKEN_DTI, DtiKind.LEDGER),
        with_token_of_its_own(BUND, dti=TOKEN_DTI, kind=DtiKind.LEDGER),
    ]
    for record in wrong:
        home.register(record)
    home.amend(elsewhere(wrong[0].successor()))
    right = elsewhere(
        replace(APPLE, version=3, previous=home.registry.record_hash(APPLE.isin)),
        TOKEN_DTI,
        DtiKind.TOKEN,
    )
    home.propose(right)
    with refused(home, "records: DTI of something else"):
        home.present("amend", right)
    home.amend(with_token_of_its_own(wrong[1].successor()))
    home.present("amend", right)
    assert home.registry.resolve(APPLE.isin, ELSEWHERE).dti_kind == DtiKind.TOKEN


def test_a_ledger_dti_is_counted_for_each_placement(home: Ledger) -> None:
    both = replace(
        elsewhere(APPLE),
        ledgers=tuple(
            Placement(name, TOKEN_THERE, ETHER, DtiKind.LEDGER) for name in (ELSEWHERE, "fil:f")
        ),
    )
    home.register(both)
    one = replace(both.successor(), ledgers=both.ledgers[:1])
    home.amend(one)
    other = with_token_of_its_own(BUND, group=ETHER)
    home.propose(other)
    with refused(home, "records: DTI of something else"):
        home.present("register", other)
    home.amend(elsewhere(one.successor()))
    home.present("register", other)


# --- against a model -----------------------------------------------------------------------------

_NAMES = (ELSEWHERE, "eip155:1", "fil:f")
_DTIS = (ETHER, TOKEN_DTI, OTHER_DTI)
_PLACEMENTS = st.builds(
    lambda name, token, dti: Placement(name, bytes([token]) * 20, *dti),
    st.sampled_from(_NAMES),
    st.integers(1, 2),
    st.one_of(
        st.just(("", DtiKind.NONE)),
        st.tuples(st.sampled_from(_DTIS), st.sampled_from([DtiKind.TOKEN, DtiKind.LEDGER])),
    ),
).map(lambda placement: replace(placement, token=placement.token.rjust(32, b"\0")))
_RECORDS = st.builds(
    lambda record, ledgers, group: replace(
        record, ledgers=tuple(ledgers), home=ledgers[0].caip2, dti_group=group
    ),
    st.sampled_from([APPLE, BUND]),
    st.lists(_PLACEMENTS, min_size=1, max_size=3, unique_by=lambda placement: placement.caip2),
    st.sampled_from(["", "", *_DTIS]),
)


def fits(record: InstrumentRecord, others: list[InstrumentRecord]) -> bool:
    """Whether no token and no DTI of the record stands for something else in all records."""
    records = [*others, record]
    tokens = Counter((each.caip2, each.token) for one in records for each in one.ledgers)
    owned = Counter(
        [each.dti for one in records for each in one.ledgers if each.dti_kind is DtiKind.TOKEN]
        + [one.dti_group for one in records if one.dti_group]
    )
    shared = {
        each.dti for one in records for each in one.ledgers if each.dti_kind is DtiKind.LEDGER
    }
    return (
        max(tokens.values()) == 1
        and max(owned.values(), default=1) == 1
        and not shared & set(owned)
    )


@given(st.lists(_RECORDS, min_size=1, max_size=8))
def test_claims_are_those_of_the_records_in_force(
    new_ledgers: tuple[Ledger, Ledger], records: list[InstrumentRecord]
) -> None:
    """Whatever came before: a record is taken exactly when it fits those in force."""
    ledger = new_ledgers[0]
    in_force: dict[str, InstrumentRecord] = {}
    with ledger.chain.isolated():
        for record in records:
            if in_force.get(record.isin) == record:
                continue
            function = "adopt" if record.isin in in_force else "register"
            act = getattr(ledger.registry, function)
            if fits(record, [r for isin, r in in_force.items() if isin != record.isin]):
                act(record.as_tuple(), *STATED, sender=ledger.set_up_key)
                in_force[record.isin] = record
            else:
                with pytest.raises(Revert, match=r"records: (token|DTI) "):
                    act(record.as_tuple(), *STATED, sender=ledger.set_up_key)
