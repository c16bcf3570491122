"""The position word: Python and the contract agree bit for bit, extremes included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.token.closings import Opening, first_after
from tallystick.token.position import (
    DAY_MAX,
    EPOCH_MAX,
    ORDERS_MAX,
    PositionFlag,
    PositionWord,
    business_day,
    calendar_day,
    close_of,
)
from tests.support.closings import calendar_of
from tests.support.world import (
    AMOUNT_MAX,
    DAY,
    STATED,
    Side,
    World,
    read_slot,
    write_slot,
)

amounts = st.integers(0, AMOUNT_MAX)
days = st.integers(0, DAY_MAX)
words = st.builds(
    PositionWord,
    balance=amounts,
    frozen=amounts,
    eligible_until=days,
    last_movement=days,
    epoch=st.integers(0, EPOCH_MAX),
    orders=st.integers(0, ORDERS_MAX),
    flags=st.integers(0, 63).map(PositionFlag),
)
LARGEST = PositionWord(
    AMOUNT_MAX, AMOUNT_MAX, DAY_MAX, DAY_MAX, EPOCH_MAX, ORDERS_MAX, PositionFlag(63)
)


@given(words)
def test_unpack_undoes_pack(word: PositionWord) -> None:
    assert PositionWord.unpack(word.pack()) == word


@given(st.integers(0, 2**256 - 1))
def test_pack_undoes_unpack(word: int) -> None:
    assert PositionWord.unpack(word).pack() == word


def test_largest_word_fills_all_bits() -> None:
    assert LARGEST.pack() == 2**256 - 1


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("balance", 1, 1),
        ("frozen", 1, 2**104),
        ("eligible_until", 1, 2**208),
        ("last_movement", 1, 2**224),
        ("epoch", 1, 2**240),
        ("orders", 1, 2**247),
        ("flags", PositionFlag.FROZEN, 2**250),
        ("flags", PositionFlag.LINK, 2**251),
        ("flags", PositionFlag.HELD, 2**252),
        ("flags", PositionFlag.RULED, 2**253),
        ("flags", PositionFlag.DELEGATED, 2**254),
    ],
)
def test_field_stands_at_its_bit(field: str, value: int, word: int) -> None:
    assert PositionWord(**{field: value}).pack() == word  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "limit"),
    [
        ("balance", AMOUNT_MAX),
        ("frozen", AMOUNT_MAX),
        ("eligible_until", DAY_MAX),
        ("last_movement", DAY_MAX),
        ("epoch", EPOCH_MAX),
        ("orders", ORDERS_MAX),
        ("flags", 63),
    ],
)
@pytest.mark.parametrize("beyond", ["below", "above"])
def test_field_out_of_range_is_refused(field: str, limit: int, beyond: str) -> None:
    value = -1 if beyond == "below" else limit + 1
    with pytest.raises(ValueError, match=f"{field} is"):
        PositionWord(**{field: value})  # type: ignore[arg-type]


# ---------------------------------------------------------------------------- openings

openings = st.builds(
    Opening,
    balance=amounts,
    day=days,
    before=days,
    epoch=st.integers(0, EPOCH_MAX),
    link=st.booleans(),
    pool=st.booleans(),
)


@given(openings)
def test_unpack_undoes_pack_of_an_opening(opening: Opening) -> None:
    assert Opening.unpack(opening.pack()) == opening


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("balance", 1, 1),
        ("day", 1, 2**104),
        ("before", 1, 2**224),
        ("epoch", 1, 2**240),
        ("link", True, 2**251),
        ("pool", True, 2**255),
    ],
)
def test_field_of_an_opening_stands_at_its_bit(field: str, value: int, word: int) -> None:
    nothing = {"balance": 0, "day": 0}
    assert Opening(**{**nothing, field: value}).pack() == word  # type: ignore[arg-type]


@pytest.mark.parametrize("bit", [120, 207, 208, 223, 250, 252, 254])
def test_a_word_with_other_bits_is_no_opening(bit: int) -> None:
    with pytest.raises(ValueError, match="no opening"):
        Opening.unpack(1 << bit)


@pytest.mark.parametrize(
    ("field", "limit"),
    [("balance", AMOUNT_MAX), ("day", DAY_MAX), ("before", DAY_MAX), ("epoch", EPOCH_MAX)],
)
@pytest.mark.parametrize("beyond", ["below", "above"])
def test_field_of_an_opening_out_of_range_is_refused(field: str, limit: int, beyond: str) -> None:
    value = -1 if beyond == "below" else limit + 1
    with pytest.raises(ValueError, match=f"{field} is"):
        Opening(**{"balance": 0, "day": 0, field: value})


def test_calendar_word_holds_its_days_latest_first() -> None:
    assert calendar_of(0) == ()
    assert calendar_of(9 | 7 << 16 | 5 << 32) == (9, 7, 5)
    assert calendar_of(2**256 - 1) == (DAY_MAX,) * 16


def test_the_hint_is_the_first_movement_after_the_close() -> None:
    assert first_after(5, [9, 3, 7, 5]) == 7
    assert first_after(9, [9, 3, 7, 5]) == 0
    assert first_after(9, []) == 0


# ------------------------------------------------------------------------ in the contract


@pytest.mark.requirement("INV-5")
def test_contract_stores_the_word_that_python_packs(home_side: Side) -> None:
    """Every field that today's release writes, read from the raw slot."""
    token, fund = home_side.token, home_side.fund
    moved_on = business_day(home_side.chain.now, token.close_minute())
    token.transfer(fund, 7_000, sender=home_side.investor)
    token.setFrozenTokens(fund, 1_234, *STATED, sender=home_side.custodian)
    token.setAddressFrozen(fund, True, *STATED, sender=home_side.custodian)
    for number in range(5):
        home_side.enter_order(fund, home_side.investor, 100, number=number)
    expected = PositionWord(
        balance=7_000,
        frozen=1_734,
        eligible_until=40_000,
        last_movement=moved_on,
        orders=5,
        flags=PositionFlag.FROZEN,
    )
    assert read_slot(token, "book", "_positions", fund.address) == expected.pack()


def test_link_account_stores_its_flag_and_an_endless_eligibility(home_side: Side) -> None:
    """And the day on which it became one: a change of class is a movement."""
    token, custody = home_side.token, home_side.new_custody(linked=False)
    home_side.link(custody)
    word = read_slot(token, "book", "_positions", custody.address)
    assert PositionWord.unpack(word) == PositionWord(
        eligible_until=DAY_MAX, last_movement=token.business_day(), flags=PositionFlag.LINK
    )


def test_largest_amounts_fill_their_fields_and_no_others(home_side: Side) -> None:
    token, fund = home_side.token, home_side.fund
    rest = AMOUNT_MAX - token.totalSupply()
    token.authorise_issuance(rest, *STATED, sender=home_side.notary)
    token.mint(fund, rest, *STATED, sender=home_side.issuer)
    for holder in (home_side.investor, home_side.buyer):
        token.transfer(fund, home_side.balance(holder), sender=holder)
    token.setFrozenTokens(fund, AMOUNT_MAX, *STATED, sender=home_side.custodian)
    token.admit(fund, DAY_MAX, *STATED, sender=home_side.registrar)
    word = PositionWord.unpack(read_slot(token, "book", "_positions", fund.address))
    assert (word.balance, word.frozen, word.eligible_until, word.epoch, word.flags) == (
        AMOUNT_MAX,
        AMOUNT_MAX,
        DAY_MAX,
        0,
        PositionFlag.NONE,
    )


def test_contract_reads_the_extremes_that_python_packs(world: World) -> None:
    side = world.home
    word = PositionWord(
        balance=AMOUNT_MAX,
        frozen=AMOUNT_MAX - 1,
        eligible_until=DAY_MAX,
        last_movement=DAY_MAX,
        epoch=EPOCH_MAX,
        orders=ORDERS_MAX,
        flags=PositionFlag.FROZEN | PositionFlag.LINK,
    )
    write_slot(side.token, word.pack(), "book", "_positions", side.fund.address)
    position = side.token.position_of(side.fund)
    assert tuple(position) == (
        AMOUNT_MAX,
        AMOUNT_MAX - 1,
        DAY_MAX,
        DAY_MAX,
        EPOCH_MAX,
        ORDERS_MAX,
        True,
        True,
        False,
    )


def _check_read(world: World, word: PositionWord) -> None:
    side = world.home
    with world.isolated():
        write_slot(side.token, word.pack(), "book", "_positions", side.fund.address)
        position = side.token.position_of(side.fund)
    everything = word.frozen == AMOUNT_MAX
    assert position.balance == word.balance
    assert position.frozen == (2**256 - 1 if everything else word.frozen)
    assert position.eligible_until == word.eligible_until
    assert position.last_movement == word.last_movement
    assert position.epoch == word.epoch
    assert position.orders == word.orders
    assert position.account_frozen == bool(word.flags & PositionFlag.FROZEN)
    assert position.link == bool(word.flags & PositionFlag.LINK)
    assert position.pool == bool(word.flags & PositionFlag.POOL)


def test_contract_reads_any_word_that_python_packs(deployed_world: World) -> None:
    @given(words)
    def check(word: PositionWord) -> None:
        _check_read(deployed_world, word)

    check()


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_business_day_turns_at_the_close_and_not_a_second_off(home_side: Side, offset: int) -> None:
    token, chain = home_side.token, home_side.chain
    minute = token.close_minute()
    day = business_day(chain.now, minute)
    moment = close_of(day, minute) + offset
    chain.set_time(moment)
    assert token.business_day() == business_day(moment, minute) == day + (offset >= 0)


@pytest.mark.parametrize("minute", [0, 1, 1260, 1439])
@pytest.mark.parametrize("offset", [-1, 0])
def test_business_day_agrees_for_every_kind_of_close(
    home_side: Side, minute: int, offset: int
) -> None:
    token = home_side.fresh_token(close_minute=minute)
    moment = close_of(business_day(home_side.chain.now, minute), minute) + offset
    home_side.chain.set_time(moment)
    assert token.close_minute() == minute
    assert token.business_day() == business_day(moment, minute)


def test_calendar_day_is_utc() -> None:
    assert calendar_day(20_000 * DAY - 1) == 19_999
    assert calendar_day(20_000 * DAY) == 20_000
