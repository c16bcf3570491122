# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Flows: what a lane had sent, and what waited in suspense, at past closes
@license Apache-2.0
@author Tallystick
@notice What a cut needs of a lane's end beside the token's closings, at the close of a business day: of an announced
        one for ever, of the last seven without announcement. What was not kept reverts; it never reads 0.
@dev Each end tells only what it sent. What arrived follows: what a ledger has is what arrived and did not leave. At
     home the lane was owed its custody's closing less what was in suspense; on a remote ledger the custody holds
     what is in suspense and nothing else, so that the token's closing tells it.
     History is kept by the rules of the token's `book`: the first movement on a later business day first writes that
     day's opening, into one of eight slots in turn, or for good if a close since the movement before was announced;
     what leaves its slot is first kept if a close announced late needs it. Which closes are announced the
     token says, asked at the first movement of a day: lane and token count the same days, so what the one keeps the
     other keeps. The first opening of all is kept, so that closes before it are 0 for ever.

     A word is in the units of the epoch that it names, and so are its openings. The next movement brings it up: what
     was sent is counted from 0 in each epoch, what waits is carried. Rounded down together it may be more than what
     each message is paid; how many wait is counted with it, so that what none of them is owed can be told.

     Words are laid out as the token's (`position`): base units, day of the last movement, epoch; in an opening its own
     day; of suspense how many messages wait 40, from bit 128 on.
"""
from interfaces import ISecurityToken

from contracts.bridge import lanes
from contracts.token import position

uses: lanes


# What is kept of a lane.
SENT: constant(uint256) = 1
SUSPENSE: constant(uint256) = 2

# As in the token: slots in which the newest openings take turns, the oldest of sixteen closes, days walked in one call.
_SLOTS: constant(uint256) = 8
_OLDEST_SHIFT: constant(uint256) = 240
_MAX_WALK: constant(uint256) = 64
# How many messages wait, in the word of suspense: of one more, and of all.
ONE: constant(uint256) = 2**128
_COUNT: constant(uint256) = (2**40 - 1) * 2**128


event FigureKept:
    lane: indexed(bytes32)
    figure: indexed(uint256)
    day: indexed(uint256)


# ----------------------------------------------------------------------- anyone


@external
def keep_figure(lane: bytes32, figure: uint256, day: uint256, hint: uint256):
    """
    @notice Keep what tells a lane's figure at the close of a day for good, while it is there.
    @dev Announced closes need nobody to do this. A figure that has not moved since has no opening yet, so there is
         nothing to keep; nor of a remote ledger's suspense, whose history is the token's.
    @param lane The lane.
    @param figure 1: what it sent; 2: what waited in suspense.
    @param day The business day.
    @param hint As for `sent_at_close`.
    @custom:role anyone
    """
    opening: uint256 = self._closing(lane, figure, day, hint)
    opened: uint256 = position._tag(opening)
    assert opened != 0, "flows: nothing to keep"
    lanes._openings[lane][self._key(figure, opened)] = opening
    log FigureKept(lane=lane, figure=figure, day=opened)


# ------------------------------------------------------------------------ views


@external
@view
def sent_at_close(lane: bytes32, day: uint256, hint: uint256) -> uint256:
    """
    @notice Base units that this end of a lane had sent in the action epoch in force at the close of a business day, by
            that close; in the first, since it was opened.
    @dev Modulo 2**104: only differences are read. Without a hint the walk starts at the newest opening and can meet
         one that made room, or end after 64 days. The first business day after `day` on which the lane
         sent something always serves.
    @param lane The lane.
    @param day The business day.
    @param hint A later business day of which an opening is there, to start from; 0 for none.
    @return Base units.
    """
    word: uint256 = self._closing(lane, SENT, day, hint)
    if position._epoch(word) != self._epoch_on(lane, word, day):
        return 0
    return word & position.AMOUNT_MAX


@external
@view
def sent_in_epoch(lane: bytes32, epoch: uint256) -> uint256:
    """
    @notice Base units that this end of a lane sent in an action epoch: at last if it is over, else by now.
    @dev Modulo 2**104, as `sent_at_close`, which begins anew with each.
    @param lane The lane.
    @param epoch The epoch.
    @return Base units, of that epoch.
    """
    terms: uint256 = lanes._open_terms(lane)
    if epoch < lanes._epoch(terms):
        return lanes._by_epoch[lane][epoch] >> lanes.SENT_SHIFT
    word: uint256 = lanes._sent[lane]
    return word & position.AMOUNT_MAX if position._epoch(word) == epoch else 0


@external
@view
def suspense_at_close(lane: bytes32, day: uint256, hint: uint256) -> uint256:
    """
    @notice Base units that had arrived and waited in suspense at the close of a business day.
    @param lane The lane.
    @param day The business day.
    @param hint A later business day on which suspense moved and of which an opening is there; on a remote ledger as for
           the token's `balance_at_close` of the lane's custody; 0 for none.
    @return Base units, in those of that close.
    """
    if lanes._open_terms(lane) & lanes.HOME == 0:
        return staticcall ISecurityToken(lanes._opened_with[lane].token).balance_at_close(
            lanes._opened_with[lane].custody, day, hint
        )
    word: uint256 = self._closing(lane, SUSPENSE, day, hint)
    amount: uint256 = word & position.AMOUNT_MAX
    since: uint256 = position._epoch(word)
    until: uint256 = self._epoch_on(lane, word, day)
    if amount == 0 or since == until:
        return amount
    # Nothing moved between the ratio's first moment and that close.
    return staticcall ISecurityToken(lanes._opened_with[lane].token).carried(amount, since, until)


# --------------------------------------------------------------------- internal


@internal
def _book_sent(lane: bytes32, terms: uint256, amount: uint256):
    """
    @dev Enter units that leave, in an epoch of the lane from 0.
    """
    word: uint256 = lanes._sent[lane]
    total: uint256 = amount
    if ((word >> position.EPOCH_SHIFT) ^ (terms >> lanes._EPOCH_SHIFT)) & position.EPOCH_MAX == 0:
        total = unsafe_add(word, amount)
    lanes._sent[lane] = self._moved(lane, terms, SENT, word, total)


@internal
def _book_suspense(lane: bytes32, terms: uint256, amount: uint256, messages: uint256):
    """
    @dev Enter units that arrived and wait, and of how many messages; both modulo 2**256. They fit: suspense is part of
         the issue, and the issue fits.
    """
    word: uint256 = lanes._suspense[lane]
    total: uint256 = unsafe_add(self._waiting(lane, terms), amount)
    moved: uint256 = 0
    if terms & lanes.HOME != 0:
        moved = self._moved(lane, terms, SUSPENSE, word, total)
    else:
        moved = total | (lanes._epoch(terms) << position.EPOCH_SHIFT)
    lanes._suspense[lane] = moved | (unsafe_add(word, messages) & _COUNT)


@internal
def _book_claim(lane: bytes32, terms: uint256, amount: uint256):
    """
    @dev Enter a claim from suspense.
    """
    assert amount <= self._waiting(lane, terms), "flows: more than in suspense"
    self._book_suspense(lane, terms, unsafe_sub(0, amount), unsafe_sub(0, ONE))


@internal
def _book_rest(lane: bytes32, terms: uint256, amount: uint256):
    """
    @dev Enter that what rounding left of what waited is owed to nobody.
    """
    self._book_suspense(lane, terms, unsafe_sub(0, amount), 0)


@internal
@view
def _is_waiting(lane: bytes32) -> bool:
    """
    @dev Whether a message of a lane waits here, if of nothing any more.
    """
    return lanes._suspense[lane] & _COUNT != 0


@internal
@view
def _waiting(lane: bytes32, terms: uint256) -> uint256:
    """
    @dev What waits of a lane, in the units of a terms word.
    """
    word: uint256 = lanes._suspense[lane]
    return lanes._carried(lane, word & position.AMOUNT_MAX, position._epoch(word), terms)


@internal
def _moved(
    lane: bytes32, terms: uint256, figure: uint256, word: uint256, total: uint256
) -> uint256:
    """
    @dev A figure's word once it has moved to `total`, modulo 2**104, in the lane's epoch; the first movement of a day
         writes its opening.
    """
    day: uint256 = unsafe_div(lanes._day_clock(terms), lanes.SECONDS_PER_DAY)
    if (word >> position.DAY_SHIFT) & position.DAY_MAX != day:
        self._open(lane, figure, word, day)
    return (
        (((terms >> lanes._EPOCH_SHIFT) & position.EPOCH_MAX) << position.EPOCH_SHIFT)
        | (day << position.DAY_SHIFT)
        | (total & position.AMOUNT_MAX)
    )


@internal
def _open(lane: bytes32, figure: uint256, word: uint256, day: uint256):
    """
    @dev Write the opening of `day`: for good if it is the first of all or an announced close needs it, else into its
         slot.
    """
    key: uint256 = self._key(figure, day)
    last: uint256 = position._day(word)
    if last != 0:
        token: ISecurityToken = ISecurityToken(lanes._opened_with[lane].token)
        calendar: uint256 = staticcall token.calendar()
        if self._latest(calendar, day) < last:
            key = self._key(figure, day % _SLOTS)
            there: uint256 = lanes._openings[lane][key]
            tag: uint256 = position._tag(there)
            before: uint256 = position._day(there)
            # Of closes that left a full calendar we know only that they lie before all that are in it.
            if there != 0 and (
                before <= self._latest(calendar, tag) or before < calendar >> _OLDEST_SHIFT
            ):
                lanes._openings[lane][self._key(figure, tag)] = there
    lanes._openings[lane][key] = word | (day << position.TAG_SHIFT)


@internal
@view
def _epoch_on(lane: bytes32, word: uint256, day: uint256) -> uint256:
    """
    @dev The epoch in force at the close of a day; without a ratio since a figure's word, its own.
    """
    terms: uint256 = lanes._terms[lane]
    next: uint256 = (terms >> lanes._NEXT_SHIFT) & position.DAY_MAX
    if position._epoch(word) == lanes._epoch(terms) and (next == 0 or next > day):
        return position._epoch(word)
    return staticcall ISecurityToken(lanes._opened_with[lane].token).epoch_on(day)


@internal
@pure
def _latest(calendar: uint256, day: uint256) -> uint256:
    """
    @dev The latest announced close before a day; 0: none.
    """
    rest: uint256 = calendar
    for _: uint256 in range(16):
        if rest & position.DAY_MAX < day:
            break
        rest = rest >> 16
    return rest & position.DAY_MAX


@internal
@pure
def _key(figure: uint256, day: uint256) -> uint256:
    """
    @dev Where the opening of a day is kept, or what is in a slot.
    """
    return (figure << 16) | day


@internal
@view
def _opening(lane: bytes32, figure: uint256, day: uint256) -> uint256:
    """
    @dev The opening of a day, kept or still in its slot; 0: none is there.
    """
    opening: uint256 = lanes._openings[lane][self._key(figure, day)]
    if position._tag(opening) != day:
        opening = lanes._openings[lane][self._key(figure, day % _SLOTS)]
        if position._tag(opening) != day:
            return 0
    return opening


@internal
@view
def _closing(lane: bytes32, figure: uint256, day: uint256, hint: uint256) -> uint256:
    """
    @dev The opening that tells a figure at the close of `day`, or, with no day of its own, the word that stands since.
    """
    assert figure == SENT or figure == SUSPENSE, "flows: unknown figure"
    terms: uint256 = lanes._open_terms(lane)
    today: uint256 = unsafe_div(lanes._day_clock(terms), lanes.SECONDS_PER_DAY)
    assert day < today, "flows: day not closed"
    word: uint256 = lanes._sent[lane] if figure == SENT else lanes._suspense[lane]
    cursor: uint256 = position._day(word)
    if cursor <= day:
        return word
    if hint != 0:
        assert (
            hint > day and self._opening(lane, figure, hint) != 0
        ), "flows: hint is no later opening"
        cursor = hint
    for _: uint256 in range(_MAX_WALK):
        opening: uint256 = self._opening(lane, figure, cursor)
        assert opening != 0, "flows: not kept, or give a hint"
        cursor = position._day(opening)
        if cursor <= day:
            return opening
    raise "flows: walk too long, give a hint"
