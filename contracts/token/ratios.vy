# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Ratios: what makes of so many units so many others, for every account at once
@license Apache-2.0
@author Tallystick
@notice Splits, reverse splits and the like are announced ahead, with fraction and first day; withdrawn until that day;
        and what rounding down left is credited to the fractions' agent. One that makes nothing of all units, as they
        are redeemed, is the last.
@dev How a ratio takes effect, `book` says. Only a contract holds the role that announces one: the actions engine,
     which in the same act has the lanes here follow (`follow_ratios` of the escrow).
"""
from contracts.governance import access
from contracts.governance import instruction
from contracts.token import book
from contracts.token import bridges
from contracts.token import controls
from contracts.token import issuance
from contracts.token import position
from contracts.token import standard_errors

uses: access
uses: book
uses: bridges

# Business days between the announcement and the ratio's first: time to withdraw it, to be heard on every ledger.
_NOTICE: constant(uint256) = 2
# As for closes: a mistaken year costs every transfer a read until it is withdrawn.
_MAX_AHEAD: constant(uint256) = 400
_SUM_MASK: constant(uint256) = 2**128 - 1
_OWN_SHIFT: constant(uint256) = 128
# No word is more epochs behind (`position.EPOCH_MAX`).
_MAX_EPOCHS: constant(uint256) = 127


struct Ratio:
    numerator: uint256
    denominator: uint256
    first_day: uint256
    agent: address
    # In parts of the denominator: remainders of accounts, not credited yet, and of the supply.
    remainders: uint256
    supply_remainder: uint256


event RatioAnnounced:
    first_day: indexed(uint256)
    numerator: uint256
    denominator: uint256
    agent: address


event RatioWithdrawn:
    first_day: indexed(uint256)


event RemaindersCredited:
    epoch: indexed(uint256)
    agent: indexed(address)
    # In units of that epoch, and of now.
    units: uint256
    amount: uint256


@external
def announce_ratio(
    numerator: uint256,
    denominator: uint256,
    first_day: uint256,
    agent: address,
    reason: bytes4,
    document: bytes32,
):
    """
    @notice Announce that from the first moment of a business day on every `denominator` units are `numerator` units.
    @dev At most four wait for their day, each later than the one before. Refused if supply or authorised amount would
         leave its field at any of them. The last close in old units is that of the day before; announce it as well.
         0 for 1 ends the instrument: no ratio follows it, and of what the notary authorised no more is issued from now
         on. It leaves no remainders, and needs no agent.
    @param numerator Units after, at most 2**40 - 1; 0: the units are redeemed.
    @param denominator Units before, at most 2**40 - 1.
    @param first_day The first business day in new units, at least three days from now.
    @param agent Is credited what rounding down leaves: an account that can receive then.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role actions
    """
    access._check_role(access.ACTIONS)
    assert (
        denominator != 0
        and max(numerator, denominator) <= position.PART_MAX
        and (numerator != 0 or denominator == 1)
    ), "ratios: fraction out of range"
    assert agent != empty(address) or numerator == 0, "ratios: no fractions' agent"
    issue: uint256 = book._issue_now()
    assert not book._is_last(issue), "ratios: units are redeemed"
    today: uint256 = book._business_day(issue)
    assert (
        first_day > unsafe_add(today, _NOTICE) and first_day <= unsafe_add(today, _MAX_AHEAD)
    ), "ratios: too soon or too far"
    epoch: uint256 = unsafe_add(position._epoch(issue), 1)
    last: uint256 = unsafe_sub(epoch, 1)
    for _: uint256 in range(book.MAX_PENDING):
        ratio: uint256 = book._ratios[epoch]
        if ratio == 0:
            break
        assert first_day > position._first_day(ratio), "ratios: not the latest day"
        epoch = unsafe_add(epoch, 1)
    assert unsafe_sub(epoch, last) <= book.MAX_PENDING, "ratios: four are pending"
    assert epoch <= position.EPOCH_MAX, "ratios: no epoch left"
    book._ratios[epoch] = (
        (convert(agent, uint256) << position.AGENT_SHIFT)
        | (first_day << position.FIRST_DAY_SHIFT)
        | (denominator << position.DENOMINATOR_SHIFT)
        | numerator
    )
    self._check_fit(issue)
    unused: uint256 = 0
    if numerator == 0 and issue & position.HOME != 0:
        # What was issued now would be nothing soon, and nobody paid for it.
        unused = unsafe_sub(position._upper(issue), position._lower(issue))
        issue = unsafe_sub(issue, unused << position.UPPER_SHIFT)
    book._issue = issue | position.PENDING
    instruction._record(agent, reason, document)
    log RatioAnnounced(
        first_day=first_day, numerator=numerator, denominator=denominator, agent=agent
    )
    if unused != 0:
        log issuance.AuthorisationWithdrawn(authorised=bridges._authorised(issue), amount=unused)


@external
def withdraw_ratio(first_day: uint256, reason: bytes4, document: bytes32):
    """
    @notice Withdraw a ratio before its first day; those after it keep their days and fractions.
    @dev Refused if one of those then no longer fits; withdraw it first.
    @param first_day Its first business day.
    @param reason Four-letter reason code.
    @param document Hash of the document that withdraws it.
    @custom:role actions
    """
    access._check_role(access.ACTIONS)
    issue: uint256 = book._issue_now()
    epoch: uint256 = position._epoch(issue)
    found: bool = False
    for _: uint256 in range(book.MAX_PENDING):
        epoch = unsafe_add(epoch, 1)
        ratio: uint256 = book._ratios[epoch]
        if ratio == 0:
            break
        if found:
            book._ratios[unsafe_sub(epoch, 1)] = ratio
            book._ratios[epoch] = 0
        elif position._first_day(ratio) == first_day:
            found = True
            book._ratios[epoch] = 0
    assert found, "ratios: none to withdraw"
    if book._ratios[unsafe_add(position._epoch(issue), 1)] == 0:
        book._issue = issue ^ position.PENDING
    self._check_fit(issue)
    instruction._record(empty(address), reason, document)
    log RatioWithdrawn(first_day=first_day)


@external
def credit_remainders(epoch: uint256):
    """
    @notice Credit the fractions' agent the whole units that rounding down has left of a ratio so far; anyone may.
    @dev The supply has counted them all along. A last part is there once every account was touched. Later ratios
         apply to them as to an account that slept.
    @param epoch The epoch that the ratio began.
    @custom:role anyone
    @custom:refused frozen to, expired to
    """
    issue: uint256 = book._issue_now()
    now: uint256 = position._epoch(issue)
    assert epoch != 0 and epoch <= now, "ratios: no such epoch"
    ratio: uint256 = book._ratios[epoch]
    kept: uint256 = book._remainders[epoch]
    denominator: uint256 = (ratio >> position.DENOMINATOR_SHIFT) & position.PART_MAX
    own: uint256 = kept >> _OWN_SHIFT
    total: uint256 = kept & _SUM_MASK
    units: uint256 = unsafe_sub(total, min(total, own)) // denominator
    assert units != 0, "ratios: no whole unit yet"
    book._remainders[epoch] = unsafe_sub(kept, units * denominator)
    agent: address = convert(ratio >> position.AGENT_SHIFT, address)
    word: uint256 = book._positions[agent]
    if not controls._may_move(word, agent):
        standard_errors._cannot_receive(agent)
    amount: uint256 = position._lower(
        book._carried(empty(address), units | (epoch << position.EPOCH_SHIFT), now)
    )
    if (word ^ issue) & position.EPOCH_FIELD != 0:
        word = book._brought_up(agent, word, issue)
    book._credit(agent, word, amount, book._business_day(issue))
    # Said first: the transfer issues nothing.
    log RemaindersCredited(epoch=epoch, agent=agent, units=units, amount=amount)
    log book.Transfer(sender=empty(address), receiver=agent, value=amount)


@external
@view
def ratio_at(epoch: uint256) -> Ratio:
    """
    @notice The ratio that began an epoch, or that will: those after `action_epoch` are pending.
    @param epoch The epoch.
    @return The ratio; empty if there is none.
    """
    ratio: uint256 = book._ratios[epoch]
    kept: uint256 = book._remainders[epoch]
    return Ratio(
        numerator=ratio & position.PART_MAX,
        denominator=(ratio >> position.DENOMINATOR_SHIFT) & position.PART_MAX,
        first_day=position._first_day(ratio),
        agent=convert(ratio >> position.AGENT_SHIFT, address),
        remainders=kept & _SUM_MASK,
        supply_remainder=kept >> _OWN_SHIFT,
    )


@external
@view
def carried(amount: uint256, since: uint256, until: uint256) -> uint256:
    """
    @notice An amount of one epoch in the units of a later one that has begun, rounded down at each ratio.
    @dev For who keeps amounts elsewhere, or has a message that states one.
    @param amount Base units of the first, at most 104 bits.
    @param since The epoch in whose units it is.
    @param until The epoch that is asked; at most `action_epoch`.
    @return Base units of that one.
    """
    assert (
        amount <= position.AMOUNT_MAX
        and since <= until
        and until <= position._epoch(book._in_force(book._issue))
    ), "ratios: no amount, or no later epoch in force"
    return book._carried_amount(amount, since, until)


@external
@view
def epoch_on(day: uint256) -> uint256:
    """
    @notice The epoch in whose units the close of a business day is.
    @param day The business day; of one that is to come, as ratios are announced now.
    @return The epoch.
    """
    for epoch: uint256 in range(_MAX_EPOCHS):
        ratio: uint256 = book._ratios[unsafe_add(epoch, 1)]
        if ratio == 0 or position._first_day(ratio) > day:
            return epoch
    return _MAX_EPOCHS


@internal
@view
def _check_fit(issue: uint256):
    """
    @dev Supply and authorised amount stay within their fields through every ratio that is pending.
    """
    assert book._fits(
        max(position._lower(issue), bridges._authorised(issue)), issue
    ), "ratios: units out of range"
