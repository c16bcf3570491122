# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Restating: a lane's ledger in the units of a ratio that has come into force
@license Apache-2.0
@author Tallystick
@notice Which ratios there are, the lane's token says. The engine that announces one has the lanes follow in the same
        transaction; with the first act after its moment the lane is brought up, and nobody need send one.
@dev In one act, so that no two of a lane's figures are in different units: what is outstanding and what lists promise
     round down, the cap up, the limit down to no less than one base unit; the least amount that leaves
     is base units of any epoch. A cap that does not fit any more is none: it is asked of what the token's own bounds
     hold. What a message or a word in suspense states is carried when it lands, by the token, rounded down each time:
     one floor of all here is never less than the floors of its parts elsewhere, so that released ≤ locked stays
     (INV-2) and a ratio meets each unit once (INV-12). What is left of the difference, less than a unit for each
     message under way and one, stays in custody.
     A ledger that was not told has no ratio to follow: what arrives in later units waits there.
"""
from interfaces import ISecurityToken

from contracts.bridge import lanes
from contracts.bridge import limits
from contracts.token import position

uses: lanes

# No lane is more epochs behind (`position.EPOCH_MAX`).
_MAX_EPOCHS: constant(uint256) = 127


event LaneRatioInForce:
    lane: indexed(bytes32)
    epoch: indexed(uint256)
    outstanding: uint256
    suspense: uint256
    # In whole units, the largest value is none; in base units, 0 is none.
    cap: uint256
    limit: uint256


# ----------------------------------------------------------------------- anyone


@external
def follow_ratios(token: address):
    """
    @notice Have every lane of a token here know the ratio that is next, or that none is any more.
    @dev It repeats what the token says; whoever announces or withdraws one there calls this in the same transaction.
    @param token The token.
    @custom:role anyone
    """
    isin: String[12] = staticcall ISecurityToken(token).isin()
    for lane: bytes32 in lanes._lanes_of[keccak256(isin)]:
        if lanes._opened_with[lane].token == token:
            self._bring_up(lane)


@external
@reentrant
def bring_up(lane: bytes32):
    """
    @notice Bring a lane up to the ratios that are in force; its next act does it by itself.
    @dev Reentrant, as that act has the lock; it calls nobody but the token's views, and a second call finds it done.
    @param lane The lane.
    @custom:role anyone
    """
    self._bring_up(lane)


# ------------------------------------------------------------------------ views


@external
@view
@reentrant
def restated(lane: bytes32) -> (uint256, uint256, uint256, uint256):
    """
    @notice A lane's words as `bring_up` would leave them now; for the pieces of this escrow.
    @param lane The lane.
    @return Terms word.
    @return Ledger word.
    @return Limit word.
    @return Base units in suspense.
    """
    words: lanes.Words = self._kept(lane)
    for _: uint256 in range(_MAX_EPOCHS):
        # A lane that has no ratio to take is told without the token.
        if not lanes._is_due(words.terms):
            break
        epoch: uint256 = unsafe_add(lanes._epoch(words.terms), 1)
        ratio: ISecurityToken.Ratio = lanes._ratio(lane, epoch)
        words = self._over(words, ratio.numerator, ratio.denominator)
        next: uint256 = lanes._ratio(lane, unsafe_add(epoch, 1)).first_day
        words.terms = self._with_next(words.terms, next)
    return words.terms, words.ledger, words.limit, self._in_suspense(lane, words.terms)


@external
@view
def action_epoch_of(lane: bytes32) -> uint256:
    """
    @notice The action epoch in whose units a lane is now.
    @param lane The lane.
    @return The epoch.
    """
    return lanes._epoch(lanes._seen(lane).terms)


@external
@view
def brought_up_to(lane: bytes32) -> uint256:
    """
    @notice The action epoch in whose units a lane is kept, and its logs told it; its next act brings it up.
    @param lane The lane.
    @return The epoch.
    """
    return lanes._epoch(lanes._open_terms(lane))


# --------------------------------------------------------------------- internal


@internal
def _bring_up(lane: bytes32):
    """
    @dev Take each ratio that is in force, one after the other, and enter the day of the next.
    """
    words: lanes.Words = self._kept(lane)
    promised: uint256 = lanes._promised[lane]
    begun: uint256 = lanes._epoch(words.terms)
    epoch: uint256 = begun
    for _: uint256 in range(_MAX_EPOCHS):
        ratio: ISecurityToken.Ratio = lanes._ratio(lane, unsafe_add(epoch, 1))
        words.terms = self._with_next(words.terms, ratio.first_day)
        if not lanes._is_due(words.terms):
            break
        over: uint256 = (
            unsafe_mul(words.ledger & lanes.AMOUNT_MAX, ratio.numerator) % ratio.denominator
        )
        # Nothing was sent in an epoch that began and ended between two acts.
        if position._epoch(lanes._sent[lane]) == epoch:
            over |= (lanes._sent[lane] & lanes.AMOUNT_MAX) << lanes.SENT_SHIFT
        if over != 0:
            lanes._by_epoch[lane][epoch] = over
        words = self._over(words, ratio.numerator, ratio.denominator)
        promised = self._part(promised, ratio.numerator, ratio.denominator)
        epoch = unsafe_add(epoch, 1)
        log LaneRatioInForce(
            lane=lane,
            epoch=epoch,
            outstanding=words.ledger & lanes.AMOUNT_MAX,
            suspense=self._in_suspense(lane, words.terms),
            cap=(words.terms >> lanes._CAP_SHIFT) & lanes._CAP_MAX,
            limit=limits._limit(words.limit),
        )
    lanes._terms[lane] = words.terms
    if epoch != begun:
        lanes._ledger[lane] = words.ledger
        lanes._limits[lane] = words.limit
        lanes._promised[lane] = promised


@internal
@view
def _kept(lane: bytes32) -> lanes.Words:
    """
    @dev The words of a lane that exists, as they are.
    """
    return lanes.Words(
        terms=lanes._open_terms(lane),
        ledger=lanes._ledger[lane],
        limit=lanes._limits[lane],
        suspense=0,
    )


@internal
@view
def _in_suspense(lane: bytes32, terms: uint256) -> uint256:
    """
    @dev Base units in suspense, in the units of a terms word; their own word follows when they next move (`flows`).
    """
    word: uint256 = lanes._suspense[lane]
    return lanes._carried(lane, word & lanes.AMOUNT_MAX, position._epoch(word), terms)


@internal
@pure
def _with_next(terms: uint256, first_day: uint256) -> uint256:
    """
    @dev A terms word that says when to look next; 0: nothing is announced.
    """
    return (terms & ~(lanes._DAY_MAX << lanes._NEXT_SHIFT)) | (first_day << lanes._NEXT_SHIFT)


@internal
@pure
def _over(words: lanes.Words, numerator: uint256, denominator: uint256) -> lanes.Words:
    """
    @dev A lane's words after one ratio.
    """
    # Fields of 104 and 43 bits, times 40.
    outstanding: uint256 = words.ledger & lanes.AMOUNT_MAX
    cap: uint256 = (words.terms >> lanes._CAP_SHIFT) & lanes._CAP_MAX
    if cap != lanes._CAP_MAX:
        cap = min(
            unsafe_div(
                unsafe_add(unsafe_mul(cap, numerator), unsafe_sub(denominator, 1)), denominator
            ),
            lanes._CAP_MAX,
        )
    return lanes.Words(
        terms=unsafe_add(
            (words.terms & ~(lanes._CAP_MAX << lanes._CAP_SHIFT)) | (cap << lanes._CAP_SHIFT),
            1 << lanes._EPOCH_SHIFT,
        ),
        ledger=(words.ledger ^ outstanding) | self._part(outstanding, numerator, denominator),
        limit=limits._restated(words.limit, numerator, denominator),
        suspense=0,
    )


@internal
@pure
def _part(amount: uint256, numerator: uint256, denominator: uint256) -> uint256:
    """
    @dev What an amount becomes, rounded down. It fits: the token refused a ratio that its supply does not.
    """
    return min(unsafe_div(unsafe_mul(amount, numerator), denominator), lanes.AMOUNT_MAX)
