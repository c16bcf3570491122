# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Book: positions, issue, and closing balances: of the newest days all, of announced days for ever
@license Apache-2.0
@author Tallystick
@notice The only module that writes amounts. Every movement keeps supply = sum of positions (INV-5).
@dev A movement on a later business day than the account's last one first writes that day's opening: balance and
     class as they stand, its day, and the day of the movement before: a chain of days on which something moved,
     found from the position word. The closing balance of day d is the opening balance of the first day
     after d with a movement. An account that moved before on the same day pays nothing for it.
     An opening is kept for good, under its day, if a close in [the movement before, its day) was announced.
     The others take turns in eight slots. One that leaves its slot is first copied to its day if a close
     announced late lies in that interval: no stranger's movement ends what a holder is owed. What was
     not kept reverts; it never reads 0.
     A ratio, announced before its first day, makes of d units n from that day's first moment on. No word is
     rewritten then: views compute; the first act after it raises the issue's epoch, an account's next movement
     brings its word up. Openings stay in the units of their epoch, so that a past close is answered as it was.
     Units and authorised amount round down. What accounts lose so, no more than the supply lost itself, is
     whole units that are nobody's: summed by epoch, until they are credited to the fractions' agent.
"""
from contracts.token import position


# A chain of more days than this is walked from a hint (see `_closing`).
_MAX_WALK: constant(uint256) = 64
# Slots in which the openings of the newest days with a movement take turns; no business day is that low.
_SLOTS: constant(uint256) = 8
_SLOT_MASK: constant(uint256) = _SLOTS - 1
# A close is announced at most so many days ahead: a mistaken year holds its place no longer.
_MAX_AHEAD: constant(uint256) = 400
_SECONDS_PER_DAY: constant(uint256) = 86400
# Ratios announced and not yet in force, at most.
MAX_PENDING: constant(uint256) = 4
# No word is more epochs behind: the field holds no more (`position.EPOCH_MAX`).
_MAX_EPOCHS: constant(uint256) = 127
_AMOUNTS: constant(uint256) = position.AMOUNT_MAX + position.AMOUNT_MAX * 2**104
# Of an epoch's remainders: above their sum, the supply's own.
_OWN_SHIFT: constant(uint256) = 128

# Balance, day of the last movement, epoch, class (of the issue that bit is HOME, and nobody reads it). Frozen
# amount and eligibility are no history.
_OPENING_FIELDS: constant(uint256) = (
    position.AMOUNT_MAX
    + position.DAY_MAX * 2**224
    + position.EPOCH_MAX * 2**240
    + position.CLASSES
)

# The supply keeps its closings beside the accounts', under the one address that never holds.
_ISSUE: constant(address) = empty(address)

_positions: HashMap[address, uint256]
# Supply, authorised amount and everything else that a movement must know of the instrument.
_issue: uint256
# account << 16 | business day, or its slot -> opening (see `position`); one hash, not two
_openings: HashMap[uint256, uint256]
# Announced closes, the latest in the lowest 16 bits; sixteen. If it is full, older ones have left it.
_calendar: uint256
# epoch -> the ratio that began it, or will (see `position`)
_ratios: HashMap[uint256, uint256]
# epoch -> in parts of the denominator: remainders of accounts, not credited yet 128 | remainder of the supply 40
_remainders: HashMap[uint256, uint256]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[29]


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256


event CloseAnnounced:
    day: indexed(uint256)


event OpeningKept:
    account: indexed(address)
    day: indexed(uint256)


# A ratio is in force on the issue: so many units for as many as the denominator; supply and authorised amount after it.
event RatioInForce:
    epoch: indexed(uint256)
    numerator: uint256
    denominator: uint256
    supply: uint256
    authorised: uint256
    remainder: uint256


# An account's word was brought up over one ratio; of the zero address: remainders to be credited.
event RatioApplied:
    account: indexed(address)
    epoch: indexed(uint256)
    balance: uint256
    frozen: uint256
    remainder: uint256


@external
@view
def balance_at_close(account: address, day: uint256, hint: uint256 = 0) -> uint256:
    """
    @notice Units of an account at the close of a business day: of an announced one for ever, of the last seven
            without announcement. What was not kept reverts.
    @dev Day n closes at n * 86400 + close minute * 60, exclusive. Without a hint the walk starts at the newest
         opening and can meet one that made room, or end after 64 days: then the hint is needed. The first
         business day after `day` on which the account moved always serves. A false hint reverts.
         An account's first day of movement keeps no opening, unless it is a link account's: a week later what
         was before it (nothing) can't be told from what made room, and reverts too.
         Stated in the units of that close, whatever ratios came since.
    @param account The account.
    @param day The business day.
    @param hint A later business day of which an opening of the account is there, to start from; 0 for none.
    @return Units.
    """
    assert account != empty(address), "book: no account"
    found: uint256 = self._closing(account, self._positions[account], day, hint)
    return position._lower(self._on_day(found, day))


@external
@view
def entitled_at_close(account: address, day: uint256, hint: uint256) -> uint256:
    """
    @notice Units of an account at the close of a business day that entitle to something: as
            `balance_at_close`, but 0 if the account was a link account or a pool at that close.
    @dev Class and balance come from one word, as they were then, whatever the account is now.
    @param account The account.
    @param day The business day.
    @param hint As for `balance_at_close`.
    @return Units.
    """
    found: uint256 = 0
    # Under its own address the token keeps what other bridges carried (see `bridges`).
    if hint > day and account != self:
        found = self._opening(account, hint)
    # If the movement before it was by `day`, nothing newer tells more: neither position nor clock is read.
    if found == 0 or position._day(found) > day:
        found = self._closing(account, self._positions[account], day, hint)
    if found & position.CLASSES != 0 or account == _ISSUE:
        return 0
    return position._lower(self._on_day(found, day))


@external
@view
def pooled_at_close(account: address, day: uint256, hint: uint256) -> uint256:
    """
    @notice Units of an account at the close of a business day at which it was a pool: of those who hold them
            elsewhere. As `balance_at_close`, but 0 if it was none then.
    @param account The account.
    @param day The business day.
    @param hint As for `balance_at_close`.
    @return Units.
    """
    found: uint256 = self._closing(account, self._positions[account], day, hint)
    if found & position.CLASSES != position.POOL or account == _ISSUE:
        return 0
    return position._lower(self._on_day(found, day))


@external
@view
def supply_at_close(day: uint256, hint: uint256 = 0) -> uint256:
    """
    @notice Units on this ledger at the close of a business day; answered as `balance_at_close` is. The supply's
            first day of movement keeps its opening: before it there were 0.
    @param day The business day.
    @param hint A later business day of which an opening of the supply is there, to start from; 0 for none.
    @return Units.
    """
    return position._lower(self._on_day(self._closing(_ISSUE, self._issue, day, hint), day))


@external
def keep(account: address, day: uint256, hint: uint256):
    """
    @notice Keep what tells an account's balance at the close of a day for good, while it is there; anyone may.
    @dev Announced closes need nobody to do this. The balance of an account that has not moved since has no
         opening yet, so there is nothing to keep.
    @param account The account; 0 for the supply.
    @param day The business day.
    @param hint As for `balance_at_close`.
    @custom:role anyone
    """
    word: uint256 = self._positions[account] if account != _ISSUE else self._issue
    self._keep(account, word, day, hint)


@external
@view
def announced_closes() -> DynArray[uint256, 16]:
    """
    @notice The announced closes that the calendar holds. One that left it stays answered.
    @return Business days, the latest first.
    """
    closes: DynArray[uint256, 16] = []
    calendar: uint256 = self._calendar
    for _: uint256 in range(16):
        if calendar == 0:
            break
        closes.append(calendar & position.DAY_MAX)
        calendar = calendar >> 16
    return closes


@external
@view
def calendar() -> uint256:
    """
    @notice The announced closes as they are kept, in one word; for contracts that keep history by the same rules.
    @return Business days of 16 bits each, the latest in the lowest; 0 where there is none.
    """
    return self._calendar


@external
@view
def business_day() -> uint256:
    """
    @notice The business day that this moment belongs to.
    @return Days since 1970; the day's close is the first moment of the next.
    """
    return self._business_day(self._issue)


@external
@view
def close_minute() -> uint256:
    """
    @notice Close of business.
    @return Minutes after midnight UTC.
    """
    return position._close_minute(self._issue)


@external
@view
@reentrant
def action_epoch() -> uint256:
    """
    @notice The epoch in whose units amounts are stated now; a ratio (split) raises it.
    @return The epoch.
    """
    return position._epoch(self._in_force(self._issue))


@internal
@view
def _business_day(issue: uint256) -> uint256:
    """
    @dev The business day that this moment belongs to. Day n ends at its close of business, exclusive:
         what happens at the close belongs to day n + 1.
    """
    # No close of business is later than its own day, no block earlier than 1970-01-02.
    return unsafe_add(
        unsafe_sub(
            block.timestamp, unsafe_mul((issue >> position.CONTROL_SHIFT) & 2047, 60)
        ) // _SECONDS_PER_DAY,
        1,
    )


@internal
def _announce(day: uint256):
    """
    @dev Keep every account's closing of `day` for ever; the caller checks who may. Late by less than a round of
         the slots is in time: till then nothing that tells it has made room. Announcing again changes nothing.
    """
    today: uint256 = self._business_day(self._issue)
    assert day <= today + _MAX_AHEAD, "book: close too far ahead"
    assert day + _SLOTS > today, "book: close no longer kept"
    calendar: uint256 = self._calendar
    bits: uint256 = 0
    for _: uint256 in range(16):
        if (calendar >> bits) & position.DAY_MAX <= day:
            break
        bits = unsafe_add(bits, 16)
    earlier: uint256 = calendar >> bits
    if earlier & position.DAY_MAX != day:
        later: uint256 = calendar ^ (earlier << bits)
        entered: uint256 = later | (day << bits) | (earlier << unsafe_add(bits, 16))
        # The oldest makes room only if the next has passed: that one keeps, for it too, what slept over both. And
        # the oldest leaves first, so that all that left lie before what is there (see `_opened`).
        assert calendar >> 240 == 0 or (
            bits < 256 and entered >> 240 < today
        ), "book: calendar full"
        self._calendar = entered
    log CloseAnnounced(day=day)


@internal
def _opened(account: address, word: uint256, day: uint256) -> uint256:
    """
    @dev The word of an account about to move on `day`; writes the day's opening if it is the first move of the day.
         A holder's first receipt of all writes none (see `_begun`).
    """
    last: uint256 = (word >> position.DAY_SHIFT) & position.DAY_MAX
    if last == day:
        return word
    if last != 0:
        # Down to the latest announced close before today.
        calendar: uint256 = self._calendar
        for _: uint256 in range(16):
            if calendar & position.DAY_MAX < day:
                break
            calendar = calendar >> 16
        key: uint256 = (convert(account, uint256) << 16) | day
        if calendar & position.DAY_MAX < last:
            # No announced close needs it: into its slot.
            key = (convert(account, uint256) << 16) | (day & _SLOT_MASK)
            there: uint256 = self._openings[key]
            if (
                there != 0
                and (there >> position.DAY_SHIFT) & position.DAY_MAX <= calendar & position.DAY_MAX
            ):
                # What is there may be needed by a close announced late: down to the latest before its day.
                for _: uint256 in range(16):
                    if (
                        calendar & position.DAY_MAX
                        < (there >> position.TAG_SHIFT) & position.DAY_MAX
                    ):
                        break
                    calendar = calendar >> 16
                # Of closes that left the calendar we know only that they lie before all that are in it: what
                # begins before those is kept to be safe.
                before: uint256 = (there >> position.DAY_SHIFT) & position.DAY_MAX
                if before <= calendar & position.DAY_MAX or before < self._calendar >> 240:
                    self._openings[
                        (convert(account, uint256) << 16)
                        | ((there >> position.TAG_SHIFT) & position.DAY_MAX)
                    ] = there
        self._openings[key] = (word & _OPENING_FIELDS) | (day << position.TAG_SHIFT)
    return (word & position.NOT_DAY) | (day << position.DAY_SHIFT)


@internal
def _begun(account: address, word: uint256, issue: uint256) -> uint256:
    """
    @dev The word of the supply at its beginning, or of an account about to change its class: a movement of nothing.
         So class is history; and if it is the first movement of all, an opening of 0 is kept, so that what rests
         on the closings of supply and link accounts always finds one.
    """
    day: uint256 = self._business_day(issue)
    if position._day(word) == 0:
        self._openings[self._key(account, day)] = day << position.TAG_SHIFT
    return self._opened(account, word, day)


@internal
def _debit(account: address, word: uint256, amount: uint256, day: uint256):
    """
    @dev Take `amount` from an account whose word is `word`; the caller has checked that it is there.
         With an amount of 0 nothing moves, so nothing is written: no stranger leaves a trace in an account's history.
    """
    assert amount <= word & position.AMOUNT_MAX, "book: more than the balance"
    if amount != 0:
        self._positions[account] = unsafe_sub(self._opened(account, word, day), amount)


@internal
def _credit(account: address, word: uint256, amount: uint256, day: uint256):
    """
    @dev Give `amount` to an account whose word is `word`. No overflow into the frozen field: every
         balance is at most the supply, which fits (see `_issue_units`). Nothing is written for 0.
    """
    if amount != 0:
        self._positions[account] = unsafe_add(self._opened(account, word, day), amount)


@internal
def _issue_units(account: address, word: uint256, issue: uint256, amount: uint256):
    """
    @dev Create units on this ledger; the caller has checked that the supply stays within its field.
    """
    day: uint256 = self._business_day(issue)
    if amount != 0:
        self._issue = unsafe_add(self._opened(_ISSUE, issue, day), amount)
    self._credit(account, word, amount, day)
    log Transfer(sender=empty(address), receiver=account, value=amount)


@internal
def _cancel_units(account: address, word: uint256, issue: uint256, amount: uint256):
    """
    @dev Take units off this ledger.
    """
    day: uint256 = self._business_day(issue)
    self._debit(account, word, amount, day)
    if amount != 0:
        self._issue = unsafe_sub(self._opened(_ISSUE, issue, day), amount)
    log Transfer(sender=account, receiver=empty(address), value=amount)


@internal
@view
def _in_force(issue: uint256) -> uint256:
    """
    @dev The issue word as of this moment: with every ratio applied whose first day has come. For views.
    """
    if issue & position.PENDING == 0:
        return issue
    return self._on_day(issue, self._business_day(issue), False)


@internal
def _raised(issue: uint256) -> uint256:
    """
    @dev As `_in_force`, and stored: every act that moves or limits amounts begins so. The day's opening of the supply,
         in the old units, comes first.
    """
    day: uint256 = self._business_day(issue)
    epoch: uint256 = unsafe_add(position._epoch(issue), 1)
    ratio: uint256 = self._ratios[epoch]
    if position._first_day(ratio) > day:
        return issue
    current: uint256 = self._opened(_ISSUE, issue, day)
    for _: uint256 in range(MAX_PENDING):
        remainder: uint256 = self._remainder(position._lower(current), ratio)
        current = self._applied(current, ratio, False)
        if remainder != 0:
            self._remainders[epoch] = remainder << _OWN_SHIFT
        log RatioInForce(
            epoch=epoch,
            numerator=ratio & position.PART_MAX,
            denominator=(ratio >> position.DENOMINATOR_SHIFT) & position.PART_MAX,
            supply=position._lower(current),
            authorised=position._upper(current),
            remainder=remainder,
        )
        epoch = unsafe_add(epoch, 1)
        ratio = self._ratios[epoch]
        if ratio == 0:
            current = current ^ position.PENDING
            break
        if position._first_day(ratio) > day:
            break
    self._issue = current
    return current


@internal
def _issue_now() -> uint256:
    """
    @dev The issue word at the beginning of an act.
    """
    issue: uint256 = self._issue
    return self._raised(issue) if issue & position.PENDING != 0 else issue


@internal
def _word(account: address, issue: uint256, amount: uint256) -> uint256:
    """
    @dev The word of an account that `amount` is to move, in the units of the issue. Nothing is written for 0.
    """
    word: uint256 = self._positions[account]
    if (word ^ issue) & position.EPOCH_FIELD != 0 and amount != 0:
        return self._brought_up(account, word, issue)
    return word


@internal
def _brought_up(account: address, word: uint256, issue: uint256) -> uint256:
    """
    @dev The word of an account whose amounts are about to change, in the units of the issue, and stored; its opening
         stays in the old ones. Who has never moved has no history to write, and nothing is the same in all units.
    """
    raised: uint256 = word
    if position._day(word) != 0 and word & _AMOUNTS != 0:
        raised = self._opened(account, word, self._business_day(issue))
    raised = self._carried(account, raised, position._epoch(issue))
    self._positions[account] = raised
    return raised


@internal
def _carried(account: address, word: uint256, target: uint256) -> uint256:
    """
    @dev The word with its amounts carried to a later epoch, what they leave on the way summed and logged.
    """
    if word & _AMOUNTS == 0:
        return (word & ~position.EPOCH_FIELD) | (target << position.EPOCH_SHIFT)
    carried: uint256 = word
    epoch: uint256 = position._epoch(word)
    for _: uint256 in range(_MAX_EPOCHS):
        if epoch == target:
            break
        epoch = unsafe_add(epoch, 1)
        ratio: uint256 = self._ratios[epoch]
        remainder: uint256 = self._remainder(carried & position.AMOUNT_MAX, ratio)
        if remainder != 0:
            # 128 bits hold more remainders than blocks can.
            self._remainders[epoch] = unsafe_add(self._remainders[epoch], remainder)
        carried = self._applied(carried, ratio, True)
        log RatioApplied(
            account=account,
            epoch=epoch,
            balance=carried & position.AMOUNT_MAX,
            frozen=(carried >> position.UPPER_SHIFT) & position.AMOUNT_MAX,
            remainder=remainder,
        )
    return carried


@internal
@view
def _now(word: uint256) -> uint256:
    """
    @dev An account's word in the units of this moment; for views.
    """
    return self._on_day(word, self._business_day(self._issue))


@internal
@view
def _on_day(word: uint256, day: uint256, account: bool = True) -> uint256:
    """
    @dev A word or an opening in the units in force on `day`, the issue's or an account's.
    """
    issue: uint256 = self._issue
    if (word ^ issue) & position.EPOCH_FIELD == 0 and issue & position.PENDING == 0:
        # No ratio follows its own.
        return word
    current: uint256 = word
    for _: uint256 in range(_MAX_EPOCHS):
        ratio: uint256 = self._ratios[unsafe_add(position._epoch(current), 1)]
        if ratio == 0 or position._first_day(ratio) > day:
            break
        current = self._applied(current, ratio, account)
    return current


@internal
@view
def _carried_amount(amount: uint256, since: uint256, until: uint256) -> uint256:
    """
    @dev An amount of epoch `since` in the units of epoch `until`; rounded down at each ratio, and at most what a word
         holds of it: no account's, so nothing bounds it.
    """
    current: uint256 = amount
    if current != 0:
        for i: uint256 in range(unsafe_sub(until, since), bound=_MAX_EPOCHS):
            ratio: uint256 = self._ratios[unsafe_add(since, unsafe_add(i, 1))]
            current = min(self._part(current, ratio), position.AMOUNT_MAX)
    return current


@internal
@view
def _fits(amount: uint256, issue: uint256) -> bool:
    """
    @dev Whether an amount in units of the issue stays within its field through every ratio that is pending.
    """
    current: uint256 = amount
    for i: uint256 in range(MAX_PENDING):
        ratio: uint256 = self._ratios[unsafe_add(position._epoch(issue), unsafe_add(i, 1))]
        if ratio == 0 or current > position.AMOUNT_MAX:
            break
        current = self._part(current, ratio)
    return current <= position.AMOUNT_MAX


@internal
@view
def _is_last(issue: uint256) -> bool:
    """
    @dev Whether the last ratio that there is, in force or pending, makes nothing of all units.
    """
    last: uint256 = self._ratios[position._epoch(issue)]
    if issue & position.PENDING != 0:
        for i: uint256 in range(MAX_PENDING):
            ratio: uint256 = self._ratios[unsafe_add(position._epoch(issue), unsafe_add(i, 1))]
            if ratio == 0:
                break
            last = ratio
    return last != 0 and last & position.PART_MAX == 0


@internal
@pure
def _part(amount: uint256, ratio: uint256) -> uint256:
    """
    @dev What an amount of 104 bits becomes by a ratio, rounded down.
    """
    return unsafe_div(
        unsafe_mul(amount, ratio & position.PART_MAX),
        (ratio >> position.DENOMINATOR_SHIFT) & position.PART_MAX,
    )


@internal
@pure
def _remainder(amount: uint256, ratio: uint256) -> uint256:
    """
    @dev What rounding down leaves of an amount, in parts of the denominator.
    """
    return unsafe_mul(amount, ratio & position.PART_MAX) % (
        (ratio >> position.DENOMINATOR_SHIFT) & position.PART_MAX
    )


@internal
@pure
def _applied(word: uint256, ratio: uint256, account: bool) -> uint256:
    """
    @dev A word after a ratio. Balance, supply and authorised amount round down; what is frozen of an account up, but
         not above its balance. A freeze above the balance stays above it, a freeze of all one of all.
    """
    numerator: uint256 = ratio & position.PART_MAX
    denominator: uint256 = (ratio >> position.DENOMINATOR_SHIFT) & position.PART_MAX
    lower: uint256 = word & position.AMOUNT_MAX
    after: uint256 = unsafe_div(unsafe_mul(lower, numerator), denominator)
    upper: uint256 = (word >> position.UPPER_SHIFT) & position.AMOUNT_MAX
    if upper != 0:
        product: uint256 = unsafe_mul(upper, numerator)
        kept: uint256 = unsafe_div(product, denominator)
        if account:
            if unsafe_mul(kept, denominator) != product:
                kept = unsafe_add(kept, 1)
            most: uint256 = after if upper <= lower else position.AMOUNT_MAX
            kept = min(kept, most) if upper != position.AMOUNT_MAX else upper
        upper = kept
    return unsafe_add(
        (word & position.NOT_AMOUNTS) | after | (upper << position.UPPER_SHIFT), 2**240
    )


@internal
@pure
def _key(account: address, day: uint256) -> uint256:
    """
    @dev Where the opening of a day is kept, or what is in a slot.
    """
    return (convert(account, uint256) << 16) | day


@internal
@view
def _opening(account: address, day: uint256) -> uint256:
    """
    @dev The opening of a day, kept or still in its slot; 0: none is there.
    """
    opening: uint256 = self._openings[self._key(account, day)]
    if position._tag(opening) != day:
        opening = self._openings[self._key(account, day & _SLOT_MASK)]
        if position._tag(opening) != day:
            return 0
    return opening


@internal
def _keep(account: address, word: uint256, day: uint256, hint: uint256):
    """
    @dev Keep for good the opening that tells what an account, whose word is `word`, was at the close of a day.
    """
    opening: uint256 = self._closing(account, word, day, hint)
    opened: uint256 = position._tag(opening)
    assert opened != 0, "book: nothing to keep"
    self._openings[self._key(account, opened)] = opening
    log OpeningKept(account=account, day=opened)


@internal
@view
def _closing(account: address, word: uint256, day: uint256, hint: uint256) -> uint256:
    """
    @dev What an account, whose word is `word`, was at the close of `day`: the opening that tells it, or, with no tag,
         the word that stands since, each in the units of its epoch. `hint` is 0, or any later day of which an opening
         is there, from which the walk starts: with the first such day it is one step, however long ago.
    """
    today: uint256 = self._business_day(self._issue)
    assert day < today, "book: day not closed"
    cursor: uint256 = position._day(word)
    if cursor <= day:
        return word & _OPENING_FIELDS
    if hint != 0:
        assert hint > day, "book: hint is no later opening"
        cursor = hint
    for _: uint256 in range(_MAX_WALK):
        opening: uint256 = self._opening(account, cursor)
        if opening == 0:
            assert cursor != hint, "book: hint is no later opening"
            # On a day of movement this young nothing has made room: it was the account's first.
            assert cursor + _SLOTS > today, "book: not kept, or give a hint"
            return 0
        cursor = position._day(opening)
        if cursor <= day:
            return opening
    raise "book: walk too long, give a hint"
