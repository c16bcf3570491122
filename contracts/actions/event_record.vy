# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Event record: the golden record of a corporate action, and what it alone tells
@license Apache-2.0
@author Tallystick
@notice The record's words, its hash, the same on every ledger (R-40), and whether it is well formed.
@dev The hash is an EIP-712 struct hash; every field is one static word. `instrument` is keccak256 of the ISIN, a text
     stands on the left of its word, days are business days as the token counts them, 0: none. Rate 0/0 and
     currency 0 where no cash is paid. All event types are accepted as data; those that pay cash have all that a
     payment needs. Those that make of so many units so many others may have the ratio in place of a rate: new units for
     old ones from the day after the record day on, and nothing that is paid; their rounding is what becomes of
     fractions. With a rate, its currency, a payment day and no other day they are the price of the fractions that a
     ratio left: for one base unit of the epoch that it began. A redemption may have both: cash at a rate for one unit
     of the record day, and what is left of it: nothing of a final one, some of one that lowers the nominal. Text and
     check digits are for whoever writes a record, and for its attestors.
"""

ACTIVE: constant(uint256) = 1
CANCELLED: constant(uint256) = 2

_RECORD_TYPEHASH: constant(bytes32) = keccak256(
    "EventRecord(bytes32 instrument,bytes32 corp,bytes32 coaf,uint256 version,bytes32 previous,"
    "bytes4 caev,bytes4 camv,uint256 announced,uint256 ex,uint256 record_day,uint256 figures_by,"
    "uint256 payment_day,uint256 relief_until,uint256 expires,uint256 numerator,"
    "uint256 denominator,bytes4 currency,uint256 cash_decimals,uint256 unit_epoch,"
    "uint256 units_after,uint256 units_before,uint256 rounding,uint256 tier,uint256 set_off,bytes32 terms)"
)
_VERSION_TYPEHASH: constant(bytes32) = keccak256(
    "EventVersion(EventRecord record,uint256 status)"
    "EventRecord(bytes32 instrument,bytes32 corp,bytes32 coaf,uint256 version,bytes32 previous,"
    "bytes4 caev,bytes4 camv,uint256 announced,uint256 ex,uint256 record_day,uint256 figures_by,"
    "uint256 payment_day,uint256 relief_until,uint256 expires,uint256 numerator,"
    "uint256 denominator,bytes4 currency,uint256 cash_decimals,uint256 unit_epoch,"
    "uint256 units_after,uint256 units_before,uint256 rounding,uint256 tier,uint256 set_off,bytes32 terms)"
)
# CAPD, CAPG, DRCA, DVCA, INTR, PRED, SHPR: cash to every holder at one rate.
_PAYS_CASH: constant(bytes4[7]) = [
    0x43415044, 0x43415047, 0x44524341, 0x44564341, 0x494e5452, 0x50524544, 0x53485052
]
# MCAL, PCAL, REDM: cash, and fewer units or none; the one that leaves some.
_REDEMPTIONS: constant(bytes4[3]) = [0x4d43414c, 0x5043414c, 0x5245444d]
_PARTIAL: constant(bytes4) = 0x5043414c
# SPLF, SPLR, BONU, DVSE: every unit becomes others, at one ratio.
_RATIOS: constant(bytes4[4]) = [0x53504c46, 0x53504c52, 0x424f4e55, 0x44565345]
# The one that makes fewer of them.
_REVERSE_SPLIT: constant(bytes4) = 0x53504c52
_MANDATORY: constant(bytes4) = 0x4d414e44
# As the token keeps it.
_MAX_PART: constant(uint256) = 2**40 - 1
_MAX_VERSION: constant(uint256) = 2**32 - 1
_MAX_DECIMALS: constant(uint256) = 18
_MAX_EPOCH: constant(uint256) = 2**7 - 1
_MAX_DAY: constant(uint256) = 2**16 - 1
_MAX_TERM: constant(uint256) = 2**96 - 1
# Two numbers of 96 bits take at most so many steps to their greatest common divisor.
_MAX_STEPS: constant(uint256) = 140
# The one way in which cash is rounded: down, for each claim; and the one whose holding is: the account's of record.
# Units of a ratio are rounded down too, and what becomes of their fractions is one of these: nothing (RDDN), one more
# unit (RDUP), one more from a half on (STAN), cash (CINL), nothing, as they go to the agent (DIST), one more against
# cash (BUYU).
ROUNDING_DOWN: constant(uint256) = 1
ROUNDED_UP: constant(uint256) = 2
NEAREST: constant(uint256) = 3
CASH_IN_LIEU: constant(uint256) = 4
DISTRIBUTED: constant(uint256) = 5
BOUGHT_UP: constant(uint256) = 6
_TIER_ACCOUNT: constant(uint256) = 1
# Claims stay open for at least so many days after payment begins.
_MIN_CLAIM_DAYS: constant(uint256) = 90


struct EventRecord:
    instrument: bytes32
    # Official references of the event: CORP, COAF.
    corp: bytes32
    coaf: bytes32
    version: uint256
    # Hash of the version before.
    previous: bytes32
    caev: bytes4
    camv: bytes4
    announced: uint256
    ex: uint256
    record_day: uint256
    # Until its close a lane's figures are waited for.
    figures_by: uint256
    payment_day: uint256
    # Until its close only holders claim.
    relief_until: uint256
    expires: uint256
    # Smallest units of the currency for one base unit; of a ratio, new units for old ones.
    numerator: uint256
    denominator: uint256
    currency: bytes4
    cash_decimals: uint256
    # In whose units the closing is stated; a ratio begins the epoch after it, a price is for units of it.
    unit_epoch: uint256
    # Of a redemption that changes units: how many are left of how many, in lowest terms; 0 and 1: none. Else 0 and 0.
    units_after: uint256
    units_before: uint256
    # Of cash; of a ratio, what becomes of fractions.
    rounding: uint256
    tier: uint256
    # 1: a reversal may be set off against later cash of that payee.
    set_off: uint256
    terms: bytes32


@internal
@pure
def _hash(record: EventRecord) -> bytes32:
    """
    @dev EIP-712 struct hash. All fields are one word, so that the ABI encoding is the struct encoding.
    """
    return keccak256(abi_encode(_RECORD_TYPEHASH, record))


@internal
@pure
def _version_hash(record_hash: bytes32, status: uint256) -> bytes32:
    """
    @dev EIP-712 struct hash of a version: the record, and whether it is active or cancelled. What event attestors
         confirm, and what home tells other ledgers.
    """
    return keccak256(abi_encode(_VERSION_TYPEHASH, record_hash, status))


@internal
@pure
def _check(record: EventRecord, status: uint256, instrument: bytes32):
    """
    @dev Everything that a version says about itself. Which field it is, whoever writes a record is told before.
    """
    is_ratio: bool = self._is_ratio(record)
    assert status == ACTIVE or status == CANCELLED, "record: unknown status"
    assert record.instrument == instrument, "record: of another instrument"
    assert (
        record.corp != empty(bytes32)
        and record.coaf != empty(bytes32)
        and record.terms != empty(bytes32)
    ), "record: no CORP, COAF or terms"
    assert self._capitals(record.caev, 4) and self._capitals(
        record.camv, 4
    ), "record: bad CAEV or CAMV"
    assert (
        record.cash_decimals <= _MAX_DECIMALS and record.unit_epoch <= _MAX_EPOCH
    ), "record: bad decimals or epoch"
    assert (
        (
            record.rounding == ROUNDING_DOWN
            or (is_ratio and unsafe_sub(record.rounding, 1) < BOUGHT_UP)
        )
        and record.tier == _TIER_ACCOUNT
        and record.set_off <= 1
    ), "record: unknown option"
    assert (
        record.version != 0
        and record.version <= _MAX_VERSION
        and (record.version == 1) == (record.previous == empty(bytes32))
    ), "record: previous or version"
    if is_ratio:
        self._check_ratio(record)
    else:
        self._check_cash(record)
        if self._is_price(record):
            self._check_price(record)
    assert self._is_redemption(record), "record: units left of no redemption"
    self._check_days(record)


@internal
@pure
def _is_ratio(record: EventRecord) -> bool:
    """
    @dev Whether an event makes of so many units so many others, and says how many.
    """
    return self._changes(record) and record.currency == empty(bytes4)


@internal
@pure
def _is_price(record: EventRecord) -> bool:
    """
    @dev Whether a record is the price of the fractions that a ratio left.
    """
    return self._changes(record) and record.currency != empty(bytes4)


@internal
@pure
def _changes(record: EventRecord) -> bool:
    """
    @dev Whether an event is about units that become others, and has a number.
    """
    return record.caev in _RATIOS and record.denominator != 0


@internal
@pure
def _change(record: EventRecord) -> (uint256, uint256):
    """
    @dev New units for old ones; 0 and 0 where all stay what they are.
    """
    if self._is_ratio(record):
        return (record.numerator, record.denominator)
    return (record.units_after, record.units_before)


@internal
@pure
def _is_redemption(record: EventRecord) -> bool:
    """
    @dev Whether what a record says to be left of its units is what its kind leaves: nothing, some, or it says nothing.
         Every unit is redeemed alike.
    """
    if record.units_after | record.units_before == 0:
        return True
    return (
        record.caev in _REDEMPTIONS
        and record.camv == _MANDATORY
        and record.unit_epoch != _MAX_EPOCH
        and record.units_after < record.units_before
        and record.units_before <= _MAX_PART
        and (record.units_after != 0) == (record.caev == _PARTIAL)
        and self._is_lowest(record.units_after, record.units_before)
    )


@internal
@pure
def _check_ratio(record: EventRecord):
    """
    @dev A ratio in lowest terms for every unit there is, and nothing that is paid or chosen.
    """
    assert (
        record.camv == _MANDATORY
        and record.cash_decimals | record.set_off == 0
        and record.figures_by | record.payment_day | record.relief_until | record.expires == 0
    ), "record: ratio with cash or choice"
    assert (
        record.record_day != 0 and record.unit_epoch != _MAX_EPOCH
    ), "record: ratio without day or epoch"
    assert (
        record.numerator != 0
        and max(record.numerator, record.denominator) <= _MAX_PART
        and self._is_lowest(record.numerator, record.denominator)
    ), "record: ratio not in lowest terms"
    assert (
        record.numerator != record.denominator
        and (record.numerator < record.denominator) == (record.caev == _REVERSE_SPLIT)
    ), "record: ratio the other way"


@internal
@pure
def _check_price(record: EventRecord):
    """
    @dev A price of fractions entitles to nothing by itself: it has the day from which on it is paid, and no other.
    """
    assert (
        record.camv == _MANDATORY
        and record.set_off == 0
        and record.ex | record.record_day | record.figures_by == 0
        and record.relief_until | record.expires == 0
        and record.payment_day >= record.announced
        and record.numerator != 0
        and record.unit_epoch != 0
    ), "record: price of nothing, or with choice"


@internal
@pure
def _check_cash(record: EventRecord):
    """
    @dev A rate in lowest terms with its currency, or neither; what pays cash has all that a payment needs.
    """
    if record.denominator == 0:
        assert (record.numerator == 0 and record.currency == empty(bytes4)), "record: half a rate"
    else:
        assert max(record.numerator, record.denominator) <= _MAX_TERM and self._is_lowest(
            record.numerator, record.denominator
        ), "record: rate not in lowest terms"
        assert self._capitals(record.currency, 3), "record: bad currency"
    if record.caev in _PAYS_CASH or record.units_before != 0:
        assert (
            record.denominator != 0
            and record.record_day != 0
            and record.payment_day != 0
            and record.figures_by != 0
            and record.relief_until != 0
            and record.expires != 0
        ), "record: cash without rate or day"


@internal
@pure
def _check_days(record: EventRecord):
    """
    @dev The days that there are follow one another. With settlement on the next day ex and record date are one.
    """
    days: uint256[7] = [
        record.announced,
        record.ex,
        record.record_day,
        record.figures_by,
        record.payment_day,
        record.relief_until,
        record.expires,
    ]
    for day: uint256 in days:
        assert day <= _MAX_DAY, "record: day out of range"
    assert (
        record.announced != 0
        and self._follows(record.ex, record.announced, 1)
        and self._follows(record.record_day, record.announced, 1)
        and self._follows(record.record_day, record.ex, 0)
        and self._follows(record.payment_day, record.record_day, 1)
        and self._follows(record.figures_by, record.record_day, 1)
        and self._follows(record.payment_day, record.figures_by, 0)
        and self._follows(record.relief_until, record.payment_day, 0)
        and self._follows(record.expires, record.relief_until, 0)
    ), "record: days out of order"
    assert self._follows(
        record.expires, record.payment_day, _MIN_CLAIM_DAYS
    ), "record: claims under 90 days"


@internal
@pure
def _follows(day: uint256, earlier: uint256, apart: uint256) -> bool:
    """
    @dev Whether a day is at least so many after another; a day that an event does not have is in order.
    """
    return day == 0 or earlier == 0 or day >= unsafe_add(earlier, apart)


@internal
@pure
def _is_lowest(numerator: uint256, denominator: uint256) -> bool:
    """
    @dev Whether a fraction is in lowest terms, so that equal rates are one record.
    """
    greater: uint256 = numerator
    smaller: uint256 = denominator
    for _: uint256 in range(_MAX_STEPS):
        if smaller == 0:
            break
        rest: uint256 = greater % smaller
        greater = smaller
        smaller = rest
    return greater == 1


@internal
@pure
def _capitals(code: bytes4, count: uint256) -> bool:
    """
    @dev Whether a code is so many capital letters, and nothing after them.
    """
    word: uint256 = convert(code, uint256)
    for i: uint256 in range(4):
        letter: uint256 = (word >> unsafe_sub(24, i << 3)) & 255
        if i < count:
            if letter < 65 or letter > 90:
                return False
        elif letter != 0:
            return False
    return True
