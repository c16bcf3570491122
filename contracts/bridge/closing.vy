# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Closing: a lane on which nothing is left closes on both ledgers, and its pair may have another
@license Apache-2.0
@author Tallystick
@notice Begun on both ledgers by two keys each; then home sends nothing more, what is away comes home, anyone closes.
@dev What has left one ledger and not arrived only the other could refuse, so that neither closes before it knows that
     nothing is under way. Once nothing is owed and nothing waits at home, home says its last word, as a message
     without units: whatever it sent with units has a lower nonce. The remote ledger closes when all lower nonces have
     arrived there and nothing is outstanding, and answers with its own last word; home closes when all that is lower
     than that has arrived, too. Arrivals are counted over the pages of nonces, so that it holds whatever amounts were
     attested. Home's last word can't be taken back: the other ledger may have closed by it.
     A home lane that ended by lists and owes nothing any more closes without a word: its ledger is dead.
     Closed is ended, for ever (see `lanes.ENDED`); its books of closes before stand as they are.

     After a ratio what is owed rounds down as one, and what is paid for it each by itself: dust stays (`restating`).
     What it is of what waits here, and of what custody holds, this ledger knows by itself, and pays it to the
     fractions' agent of the last ratio (`pay_dust`). What it is of what is outstanding, only both ledgers know: it is
     paid as home closes, once nothing is outstanding there and all has arrived. Anybody can tell from the logs of both
     how much that will be, so the keys that begin a closing name the most that it may be: who had attestors sign a
     false last word gets the agent no more than that.
"""
from interfaces import ILaneCustody
from interfaces import ISecurityToken

from contracts.bridge import denials
from contracts.bridge import flows
from contracts.bridge import lanes
from contracts.bridge import message
from contracts.bridge import transit
from contracts.governance import access
from contracts.governance import instruction
from contracts.token import position

uses: access
uses: denials
uses: flows
uses: lanes
uses: transit


# Pages of 64 nonces that are counted in one call.
_MAX_PAGES: constant(uint256) = 512
_FULL_PAGE: constant(uint256) = 2**64 - 1


struct Closing:
    begun: bool
    # The last word that was said here, and the one that was taken; nothing: none yet.
    said: bytes32
    taken: bytes32
    # How many messages the other ledger had sent before its last word; how many are known to have all arrived.
    told: uint256
    counted: uint256
    # Most base units of dust that may be outstanding.
    dust: uint256


# lane -> whether its closing is begun here
_begun: HashMap[bytes32, bool]
# lane -> the last word that was said here; the one that was taken, and its nonce
_said: HashMap[bytes32, bytes32]
_taken: HashMap[bytes32, bytes32]
_told: HashMap[bytes32, uint256]
# lane -> most that may be outstanding as dust, in units of the epoch beside it
_dust: HashMap[bytes32, uint256]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[5]


event ClosingProposed:
    act: indexed(bytes32)
    lane: indexed(bytes32)
    dust: uint256


event ClosingBegun:
    lane: indexed(bytes32)
    # Most that may be outstanding as dust, in base units of that action epoch.
    dust: uint256
    epoch: uint256


event ClosingCancelled:
    lane: indexed(bytes32)
    cancelled_by: indexed(address)


event LastWordSaid:
    lane: indexed(bytes32)
    id: indexed(bytes32)


event LastWordTaken:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    # How many messages had left there before it.
    told: uint256


event ArrivalsCounted:
    lane: indexed(bytes32)
    counted: uint256


event LaneClosed:
    lane: indexed(bytes32)
    # First business day of whose close it has no books.
    until: uint256


# What rounding left was paid to the fractions' agent: of what waited, and of what was outstanding; the rest of `amount`
# custody held beyond both.
event DustPaid:
    lane: indexed(bytes32)
    agent: indexed(address)
    amount: uint256
    suspense: uint256
    outstanding: uint256


# ------------------------------------------------------------- operator, two keys


@external
def propose_closing(lane: bytes32, dust: uint256, reason: bytes4, document: bytes32) -> bytes32:
    """
    @notice The operator proposes to close a lane; an administrator begins with `begin_closing`, once its delay has
            passed, here and on the other ledger, each with its own keys.
    @dev At home again with more dust, if it was too little.
    @param lane The lane.
    @param dust Most base units that ratios may have left of what is outstanding at home; 0: none.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role operator
    """
    access._check_role(access.OPERATOR)
    self._check_open(lane, dust)
    act: bytes32 = self._begin_act(lane, dust)
    access._propose(
        act,
        access.OPERATOR,
        access.ADMINISTRATOR,
        lanes._opened_with[lane].token,
        reason,
        document,
        lanes._opened_with[lane].change_delay,
    )
    log ClosingProposed(act=act, lane=lane, dust=dust)
    return act


@external
def begin_closing(lane: bytes32, dust: uint256, reason: bytes4, document: bytes32):
    """
    @notice Begin to close a lane. At home nothing leaves on it from now on; on a remote ledger units leave for home as
            before, and home's last word closes it.
    @dev An administrator does, never the set-up key. What waits at home is claimed, or redirected by two keys: it goes
         back no more.
    @param lane The lane.
    @param dust As proposed.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator
    """
    access._check_role(access.ADMINISTRATOR)
    access._carry_out(self._begin_act(lane, dust), access.ADMINISTRATOR)
    epoch: uint256 = self._check_open(lane, dust)
    self._begun[lane] = True
    self._dust[lane] = dust | (epoch << position.EPOCH_SHIFT)
    if lanes._terms[lane] & lanes.HOME != 0:
        lanes._terms[lane] |= lanes.ENDING
    instruction._record(lanes._opened_with[lane].token, reason, document)
    log ClosingBegun(lane=lane, dust=dust, epoch=epoch)


@external
def cancel_closing(lane: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Cancel the closing of a lane: at home until its last word is said, on a remote ledger until it is closed.
    @param lane The lane.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator, guardian
    """
    access._check_role(access.GUARDIAN | access.ADMINISTRATOR)
    assert self._begun[lane], "closing: none to cancel"
    # A remote ledger says it as it closes.
    assert self._said[lane] == empty(bytes32), "closing: the last word is said"
    # What was taken may have been false: a true one is taken anew.
    self._begun[lane] = False
    self._dust[lane] = 0
    self._taken[lane] = empty(bytes32)
    if lanes._terms[lane] & lanes.HOME != 0:
        lanes._terms[lane] &= ~lanes.ENDING
    instruction._record(empty(address), reason, document)
    log ClosingCancelled(lane=lane, cancelled_by=msg.sender)


# --------------------------------------------------------------------- anyone


@external
def say_last(lane: bytes32) -> bytes32:
    """
    @notice Home: say the last word of a lane that is being closed, once nothing of it is away, but dust, and nothing
            waits here.
    @dev No stop and no suspension keeps it back, as nothing moves by it; what closes asks for the suspension.
    @param lane The lane.
    @return The id of the message that says it.
    @custom:role anyone
    """
    terms: uint256 = lanes._current(lane)
    assert terms & lanes.HOME != 0, "closing: home says it first"
    assert self._begun[lane], "closing: not begun"
    assert self._said[lane] == empty(bytes32), "closing: said already"
    self._check_drained(lane, terms)
    return self._say(lane, terms, empty(bytes32))


@external
def take_last(m: message.Message, attestation: Bytes[1034], second: Bytes[1034] = b""):
    """
    @notice Take in the other ledger's last word, attested as any message. A later one takes the place of one before.
    @param m The message.
    @param attestation As for `deliver`.
    @param second As for `deliver`.
    @custom:role anyone
    """
    lane: bytes32 = m.lane
    terms: uint256 = lanes._open_terms(lane)
    home: bool = terms & lanes.HOME != 0
    direction: uint8 = message.RELEASE if home else message.ISSUE
    assert (
        m.codec == message.CODEC and m.kind == direction | message.LAST and m.amount == 0
    ), "closing: no last word"
    assert convert(m.lock_time, uint256) <= block.timestamp, "closing: before its lock time"
    assert self._begun[lane] and terms & lanes.ENDED == 0, "closing: not begun here"
    # Of a remote ledger, the answer to what was said here; of home, an answer to nothing.
    said: bytes32 = self._said[lane]
    assert m.sender == said and home == (said != empty(bytes32)), "closing: answers another word"
    id: bytes32 = message._id(m)
    assert id != self._taken[lane], "closing: taken already"
    lanes._check_proven(lane, id, False, attestation, second)
    nonce: uint256 = convert(m.nonce, uint256)
    self._taken[lane] = id
    self._told[lane] = nonce
    ledger: uint256 = lanes._ledger[lane]
    if not lanes._has_arrived(lane, ledger, nonce):
        lanes._ledger[lane] = lanes._with_arrival(lane, ledger, nonce)
    log transit.MessageDelivered(lane=lane, id=id, nonce=m.nonce, amount=0, suspended=False)
    log LastWordTaken(lane=lane, id=id, told=nonce)


@external
def count_arrivals(lane: bytes32) -> uint256:
    """
    @notice Count on which messages have arrived without a gap, up to the other ledger's last word: 32,768 in a call.
            `close_lane` does as much itself, so that for fewer nobody needs this.
    @param lane The lane.
    @return How many from the first are known to have arrived.
    @custom:role anyone
    """
    assert self._taken[lane] != empty(bytes32), "closing: no last word to count to"
    return self._count(lane)


@external
def close_lane(lane: bytes32):
    """
    @notice Close a lane for good, once the other ledger has said its last word, all that left there has arrived and
            nothing is outstanding; or one at home that ended with its ledger and owes nothing any more.
    @dev A remote ledger answers with its own last word. The pair may have another lane from now on. What ratios left in
         home's custody is the fractions' agent's, who must be able to receive it.
    @param lane The lane.
    @custom:role anyone
    @custom:refused suspended instrument, suspended lane
    """
    terms: uint256 = lanes._current(lane)
    assert lanes._spans[lane] >> lanes.UNTIL_SHIFT == 0, "closing: closed already"
    home: bool = terms & lanes.HOME != 0
    self._check_drained(lane, terms)
    if terms & lanes.ENDED == 0:
        # A word is taken of what is begun alone.
        taken: bytes32 = self._taken[lane]
        assert taken != empty(bytes32), "closing: the other ledger's last word is missing"
        assert self._count(lane) == self._told[lane], "closing: not all is counted"
        # While books don't fit nobody knows that nothing is left.
        lanes._check_suspended(terms)
        assert not staticcall ISecurityToken(
            lanes._opened_with[lane].token
        ).is_suspended(), "closing: instrument suspended"
        if not home:
            self._say(lane, terms, taken)
    until: uint256 = lanes._day_clock(terms) // lanes.SECONDS_PER_DAY
    lanes._spans[lane] |= until << lanes.UNTIL_SHIFT
    lanes._terms[lane] = (terms & ~lanes.ENDING) | lanes.ENDED
    lanes._endings[lane] = empty(lanes.Ending)
    log LaneClosed(lane=lane, until=until)
    if home:
        # What is outstanding still is nobody's.
        self._pay_dust(lane, terms, lanes._ledger[lane] & lanes.AMOUNT_MAX)


@external
def pay_dust(lane: bytes32) -> uint256:
    """
    @notice Pay the fractions' agent of the last ratio what ratios left of what waited, and at home what custody holds
            beyond what the lane owes; once no message waits here, for one that is false will be owed by the lane again.
    @dev This ledger's own sums tell it, whatever attestors sign. On a remote ledger the agent can burn it, as any.
    @param lane The lane.
    @return How many base units.
    @custom:role anyone
    @custom:refused frozen to, expired to
    """
    terms: uint256 = lanes._current(lane)
    assert not flows._is_waiting(lane), "closing: dust while a message waits"
    paid: uint256 = self._pay_dust(lane, terms, 0)
    assert paid != 0, "closing: no dust to pay"
    return paid


# ---------------------------------------------------------------------- views


@external
@view
def closing_of(lane: bytes32) -> Closing:
    """
    @notice How far the closing of a lane is here.
    @param lane The lane.
    @return Whether it is begun; the last words said and taken; how many messages the other ledger had sent before its
        own, and how many are known to have arrived.
    """
    return Closing(
        begun=self._begun[lane],
        said=self._said[lane],
        taken=self._taken[lane],
        told=self._told[lane],
        counted=denials.counted[lane],
        dust=self._dust_now(lane, lanes._seen(lane).terms),
    )


# ------------------------------------------------------------------- internal


@internal
@pure
def _begin_act(lane: bytes32, dust: uint256) -> bytes32:
    """
    @dev Hash of the act of beginning to close a lane.
    """
    return keccak256(abi_encode("begin_closing", lane, dust))


@internal
@view
def _check_open(lane: bytes32, dust: uint256) -> uint256:
    """
    @dev Revert unless a lane is open, and neither its end nor its closing is under way, or this with less dust. Returns
         the action epoch.
    """
    terms: uint256 = lanes._seen(lane).terms
    epoch: uint256 = lanes._epoch(terms)
    assert (
        dust == 0 or (terms & lanes.HOME != 0 and epoch != 0 and dust <= lanes.AMOUNT_MAX)
    ), "closing: dust is at home, after a ratio"
    if self._begun[lane]:
        assert (
            terms & lanes.ENDED == 0 and dust > self._dust_now(lane, terms)
        ), "closing: under way, and with no more dust"
    else:
        assert terms & (lanes.ENDING | lanes.ENDED) == 0, "closing: ended, or its end is under way"
    return epoch


@internal
@view
def _dust_now(lane: bytes32, terms: uint256) -> uint256:
    """
    @dev Most that may be outstanding as dust, in the units of a terms word.
    """
    word: uint256 = self._dust[lane]
    return lanes._carried(lane, word & lanes.AMOUNT_MAX, position._epoch(word), terms)


@internal
@view
def _check_drained(lane: bytes32, terms: uint256):
    """
    @dev Revert unless nothing is outstanding, but dust, and nothing waits here.
    """
    assert (
        lanes._ledger[lane] & lanes.AMOUNT_MAX <= self._dust_now(lane, terms)
    ), "closing: units are outstanding"
    assert not flows._is_waiting(lane), "closing: units wait in suspense"


@internal
def _pay_dust(lane: bytes32, terms: uint256, outstanding: uint256) -> uint256:
    """
    @dev Pay what custody holds beyond what is owed, where no message waits; of what is outstanding so much is owed to
         nobody. Returns how much that was.
    """
    rest: uint256 = flows._waiting(lane, terms)
    ledger: uint256 = lanes._ledger[lane]
    kept: uint256 = 0
    if terms & lanes.HOME != 0:
        kept = (ledger & lanes.AMOUNT_MAX) - outstanding
    custody: address = lanes._opened_with[lane].custody
    held: uint256 = staticcall ISecurityToken(lanes._opened_with[lane].token).balanceOf(custody)
    # Where a false message was undone that had met a ratio, the sum of what waits may round up by one.
    amount: uint256 = held - min(held, kept)
    if outstanding != 0:
        lanes._ledger[lane] = unsafe_sub(ledger, outstanding)
    if rest != 0:
        flows._book_rest(lane, terms, rest)
    if amount | rest | outstanding != 0:
        agent: address = lanes._ratio(lane, lanes._epoch(terms)).agent
        assert agent != empty(address), "closing: no ratio was here"
        log DustPaid(lane=lane, agent=agent, amount=amount, suspense=rest, outstanding=outstanding)
        if amount != 0:
            assert extcall ILaneCustody(custody).pay(agent, amount), "closing: dust not paid"
    return amount


@internal
def _count(lane: bytes32) -> uint256:
    """
    @dev Count on, at most `_MAX_PAGES` pages; revert at a gap.
    """
    told: uint256 = self._told[lane]
    counted: uint256 = denials.counted[lane]
    if counted >= told:
        return told
    ledger: uint256 = lanes._ledger[lane]
    newest: uint256 = (ledger >> lanes._PAGE_SHIFT) & lanes._PAGE_MAX
    for _: uint256 in range(_MAX_PAGES):
        page: uint256 = counted >> 6
        bits: uint256 = ledger >> lanes._BITS_SHIFT
        if page != newest:
            bits = lanes._arrived[lane][page]
        asked: uint256 = _FULL_PAGE
        counted = (page + 1) << 6
        if counted > told:
            asked = (1 << (told & 63)) - 1
            counted = told
        assert bits & asked == asked, "closing: a message has not arrived"
        if counted == told:
            break
    denials.counted[lane] = counted
    log ArrivalsCounted(lane=lane, counted=counted)
    return counted


@internal
def _say(lane: bytes32, terms: uint256, answered: bytes32) -> bytes32:
    """
    @dev Send the last word of this side.
    """
    id: bytes32 = transit._tell(lane, terms, message.LAST, answered)
    self._said[lane] = id
    log LastWordSaid(lane=lane, id=id)
    return id
