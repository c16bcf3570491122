# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Denials: a source says of a message that it never sent it, and the destination mends what that did
@license Apache-2.0
@author Tallystick
@notice What a wrong quorum attested is undone while it waits; where it was credited, two keys free its nonce.
@dev The one who knows whether a message left is its source: its outbox has the ids, in the order of the nonces. So the
     source says it itself, as it says of units that they went back: a denial is a message without units, in the same
     outbox, proven as any other. There it takes nobody's word: whoever asks shows the page.
     At the destination a false message that waits in suspense never happened: its units go, its nonce is free, and the
     true message is delivered there as any other, once. Of one that was credited nothing tells on chain whether the
     nonce was taken by it or by the true one; so two keys say that, the lane's delay passes, and the guardian can
     withdraw it. They can't free the nonce of a true message by mistake: no source denies it.
     The units that it brought are made good on the lane where they were credited: the token's issuer and its custodian
     agree that this message brought them, and an account gives as many, at home to the custody, elsewhere taken off.
     The lane's ledger is then as if they had never arrived, so that its figures fit again. Keys that agree on what is
     not so reach nobody's units but those of who gives.
     What waited through a ratio leaves the lane's ledger as if it had never been in it, to the last part of a unit: a
     floor of the two together may be more than the floors of each (`_undone`). That unit is on a remote ledger with
     some account, and made good as what was credited is; at home custody may lack it, so that who gives rounds up.
"""
from interfaces import ILaneCustody
from interfaces import ISecurityToken

from contracts.bridge import flows
from contracts.bridge import lanes
from contracts.bridge import message
from contracts.bridge import transit
from contracts.governance import access
from contracts.governance import instruction
from contracts.token import position

uses: access
uses: flows
uses: lanes
uses: transit


# Messages to a page of the outbox.
_PAGE: constant(uint256) = 8
_PAGE_SHIFT: constant(uint256) = 3
# No word is more epochs behind (`position.EPOCH_MAX`).
_MAX_EPOCHS: constant(uint256) = 127


struct Disowned:
    lane: bytes32
    nonce: uint64
    amount: uint256


struct Amends:
    lane: bytes32
    # As the message states it, and in whose units.
    amount: uint256
    action_epoch: uint256
    # In which it arrived, says the issuer who proposes it.
    epoch: uint256
    issuer: address
    # A custodian agreed; an account gave them.
    agreed: bool
    made: bool


# denial's id -> whether it was taken in; by its id, as what it denies may have taken its nonce
denial_taken: public(HashMap[bytes32, bool])
# message id -> what it was: its source denied it, and its nonce is taken here
_disowned: HashMap[bytes32, Disowned]
# lane -> how many nonces, from the first, are known to have all arrived, see `closing`
counted: HashMap[bytes32, uint256]
# message id -> what makes good the units that it brought: once for each id; by a denial's id, what the one that it
# undid had become with others
_amends: HashMap[bytes32, Amends]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[5]


event MessageDenied:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    # The message that says so, and the one of which it does.
    answer: indexed(bytes32)
    message: message.Message


# It waited here and never happened: its nonce is free.
event MessageUndone:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    nonce: uint64
    # Of what waited; and by how much less, at home more, is outstanding.
    amount: uint256
    outstanding: uint256


# What waited was a unit more together with others than by itself: somebody here has it, and it is made good by the
# denial's id.
event RoundingLeft:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    denied: indexed(bytes32)
    amount: uint256
    # In whose units, and since when it is to be made good.
    action_epoch: uint256


# Its source denied it, and its nonce is taken here.
event MessageDisowned:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    nonce: uint64
    amount: uint256
    # In whose units it states that.
    action_epoch: uint256


event ReopeningProposed:
    act: indexed(bytes32)
    lane: indexed(bytes32)
    id: indexed(bytes32)
    nonce: uint64


event NonceReopened:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    nonce: uint64


event AmendsProposed:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    issuer: indexed(address)
    epoch: uint256


event AmendsAgreed:
    lane: indexed(bytes32)
    id: indexed(bytes32)


event AmendsWithdrawn:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    withdrawn_by: indexed(address)


# The lane's ledger is as if the denied message had never arrived.
event UnitsMadeGood:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    holder: indexed(address)
    # What was given; and by how much less, at home more, is outstanding.
    amount: uint256
    outstanding: uint256


# ----------------------------------------------------------------------- anyone


@external
def deny(m: message.Message, ids: DynArray[bytes32, _PAGE]) -> bytes32:
    """
    @notice Say of a message that is attested as sent from here that it was not; the other ledger is told by a message.
    @dev By what is in the outbox, so that anyone may. No stop and no suspension keeps it back: what does not fit is
         why it is needed. What leaves here later with that very id would be delivered as ever.
    @param m The message as it is attested, of this lane's direction from here.
    @param ids The ids on its nonce's page of the outbox, from the first; none if nothing of that page has left.
    @return The id of the message that says so.
    @custom:role anyone
    """
    terms: uint256 = lanes._current(m.lane)
    direction: uint8 = message.ISSUE if terms & lanes.HOME != 0 else message.RELEASE
    assert m.kind & message.DIRECTIONS == direction, "denials: does not leave here"
    word: bytes32 = empty(bytes32)
    for each: bytes32 in ids:
        word = keccak256(concat(word, each))
    nonce: uint256 = convert(m.nonce, uint256)
    assert word == transit.outbox[m.lane][nonce >> _PAGE_SHIFT], "denials: not the page"
    id: bytes32 = message._id(m)
    place: uint256 = nonce % _PAGE
    assert place >= len(ids) or ids[place] != id, "denials: it was sent"
    answer: bytes32 = transit._tell(m.lane, terms, message.DENIED, id)
    log MessageDenied(lane=m.lane, id=id, answer=answer, message=m)
    return answer


@external
def take_denial(
    denial: message.Message,
    denied: message.Message,
    attestation: Bytes[1034],
    second: Bytes[1034] = b"",
):
    """
    @notice Take in what the source denied, attested as any message.
    @dev The guardian's stop of arrivals and the engine's suspension leave it alone: it takes units away that there are
         not, and is what they wait for. What waits behind the denied one keeps its time: its room is not given back.
    @param denial The message that denies.
    @param denied The one that it denies.
    @param attestation As for `deliver`.
    @param second As for `deliver`.
    @custom:role anyone
    """
    lane: bytes32 = denial.lane
    terms: uint256 = lanes._current(lane)
    direction: uint8 = message.RELEASE if terms & lanes.HOME != 0 else message.ISSUE
    assert (
        denial.codec == message.CODEC
        and denial.kind == direction | message.DENIED
        and denial.amount == 0
    ), "denials: no denial"
    assert convert(denial.lock_time, uint256) <= block.timestamp, "denials: before its lock time"
    said: bytes32 = message._id(denial)
    assert not self.denial_taken[said], "denials: taken already"
    id: bytes32 = message._id(denied)
    assert denial.sender == id, "denials: of another message"
    # A message that left here is of another direction: what its other side says of it is no denial.
    assert (
        denied.lane == lane and denied.kind & message.DIRECTIONS == direction
    ), "denials: of another lane"
    lanes._check_proven(lane, said, False, attestation, second)
    self.denial_taken[said] = True
    word: uint256 = transit._suspended[id]
    amount: uint256 = transit._now(lane, word, terms)
    if word != 0:
        transit._suspended[id] = 0
        transit.waits[id] = 0
        transit._redirects[id] = empty(transit.Redirect)
        flows._book_claim(lane, terms, amount)
        outstanding: uint256 = self._undone(lane, terms, word)[0]
        if terms & lanes.HOME == 0 and outstanding != amount:
            left: uint256 = outstanding - amount
            outstanding = amount
            self._amends[said].lane = lane
            self._amends[said].amount = left
            self._amends[said].action_epoch = lanes._epoch(terms)
            log RoundingLeft(
                lane=lane, id=said, denied=id, amount=left, action_epoch=lanes._epoch(terms)
            )
        lanes._book_undone(lane, terms, outstanding)
        self._reopen(lane, denied.nonce)
        log MessageUndone(
            lane=lane, id=id, nonce=denied.nonce, amount=amount, outstanding=outstanding
        )
    # What did not arrive needs no mending; whether it was this one that took the nonce two keys must say.
    elif lanes._has_arrived(lane, lanes._ledger[lane], convert(denied.nonce, uint256)):
        self._disowned[id] = Disowned(lane=lane, nonce=denied.nonce, amount=denied.amount)
        # A further denial of the same message makes nothing good anew.
        if self._amends[id].lane == empty(bytes32):
            self._amends[id].lane = lane
            self._amends[id].amount = denied.amount
            self._amends[id].action_epoch = convert(denied.action_epoch, uint256)
        log MessageDisowned(
            lane=lane,
            id=id,
            nonce=denied.nonce,
            amount=denied.amount,
            action_epoch=convert(denied.action_epoch, uint256),
        )
    ledger: uint256 = lanes._ledger[lane]
    nonce: uint256 = convert(denial.nonce, uint256)
    if not lanes._has_arrived(lane, ledger, nonce):
        lanes._ledger[lane] = lanes._with_arrival(lane, ledger, nonce)
    log transit.MessageDelivered(lane=lane, id=said, nonce=denial.nonce, amount=0, suspended=False)
    if amount != 0 and terms & lanes.HOME == 0:
        assert extcall ILaneCustody(lanes._opened_with[lane].custody).give_back(
            amount
        ), "denials: not taken off"


# ------------------------------------------------------------- operator, two keys


@external
def propose_reopening(id: bytes32, reason: bytes4, document: bytes32) -> bytes32:
    """
    @notice The operator proposes to free the nonce that a denied message took, for the true one; an administrator does
            with `reopen`, once the lane's delay has passed.
    @dev Anyone compares with the logs meanwhile which message took it; the guardian withdraws what is not so.
    @param id The denied message's id.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role operator
    """
    access._check_role(access.OPERATOR)
    disowned: Disowned = self._disowned[id]
    assert disowned.lane != empty(bytes32), "denials: nothing to reopen"
    act: bytes32 = self._reopen_act(id)
    access._propose(
        act,
        access.OPERATOR,
        access.ADMINISTRATOR,
        lanes._opened_with[disowned.lane].token,
        reason,
        document,
        lanes._opened_with[disowned.lane].change_delay,
    )
    log ReopeningProposed(act=act, lane=disowned.lane, id=id, nonce=disowned.nonce)
    return act


@external
def reopen(id: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Free the nonce that a denied message took, once for each denial: the true message can be delivered.
    @dev An administrator does, never the set-up key. End the epoch that attested the false one first. Units that it
         brought are with whom they were credited to, until they are made good.
    @param id The denied message's id.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator
    """
    access._check_role(access.ADMINISTRATOR)
    access._carry_out(self._reopen_act(id), access.ADMINISTRATOR)
    disowned: Disowned = self._disowned[id]
    assert disowned.lane != empty(bytes32), "denials: reopened already"
    self._disowned[id] = empty(Disowned)
    self._reopen(disowned.lane, disowned.nonce)
    instruction._record(lanes._opened_with[disowned.lane].token, reason, document)
    log NonceReopened(lane=disowned.lane, id=id, nonce=disowned.nonce)


# ----------------------------------------------------- issuer and custodian, two keys


@external
def propose_amends(id: bytes32, epoch: uint256, reason: bytes4, document: bytes32):
    """
    @notice The issuer of the lane's token proposes that the units which a denied message brought are made good; a
            custodian agrees with `agree_amends`, then an account gives them at the lane's custody (`make_good`).
    @dev Replaces what was proposed or agreed before. By the logs anyone sees whether it was this message that was
         credited, and in which epoch of the lane.
    @param id The denied message's id.
    @param epoch The lane's action epoch when it arrived.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role issuer of the token
    """
    lane: bytes32 = self._amends[id].lane
    assert lane != empty(bytes32), "denials: nothing to make good"
    assert (
        lanes._token_role(lane, msg.sender) == access.ISSUER
    ), "denials: proposed by its token's issuer"
    assert not self._amends[id].made, "denials: made good already"
    terms: uint256 = self._living(lane)
    assert (
        epoch >= self._amends[id].action_epoch and epoch <= lanes._epoch(terms)
    ), "denials: arrived in no such epoch"
    self._amends[id].epoch = epoch
    self._amends[id].issuer = msg.sender
    self._amends[id].agreed = False
    instruction._record(empty(address), reason, document)
    log AmendsProposed(lane=lane, id=id, issuer=msg.sender, epoch=epoch)


@external
def agree_amends(id: bytes32, epoch: uint256, reason: bytes4, document: bytes32):
    """
    @notice A custodian of the lane's token agrees to what its issuer proposed.
    @param id The denied message's id.
    @param epoch The epoch, as proposed.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role custodian of the token
    """
    amends: Amends = self._amends[id]
    assert (
        amends.issuer != empty(address) and epoch == amends.epoch
    ), "denials: not what was proposed"
    assert (
        lanes._token_role(amends.lane, msg.sender) == access.CUSTODIAN
    ), "denials: agreed by its token's custodian"
    assert (
        lanes._token_role(amends.lane, amends.issuer) == access.ISSUER
    ), "denials: its issuer is none any more"
    assert not amends.agreed, "denials: agreed already"
    self._amends[id].agreed = True
    instruction._record(amends.issuer, reason, document)
    log AmendsAgreed(lane=amends.lane, id=id)


@external
def withdraw_amends(id: bytes32, reason: bytes4, document: bytes32):
    """
    @notice End what was proposed or agreed, before somebody gives the units.
    @param id The denied message's id.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role issuer of the token, custodian of the token, guardian of the token
    """
    lane: bytes32 = self._amends[id].lane
    assert self._amends[id].issuer != empty(address), "denials: nothing proposed"
    assert (
        lanes._token_role(lane, msg.sender) & (access.ISSUER | access.CUSTODIAN | access.GUARDIAN)
        != 0
    ), "denials: withdrawn by issuer, custodian or guardian"
    self._settle(id)
    instruction._record(empty(address), reason, document)
    log AmendsWithdrawn(lane=lane, id=id, withdrawn_by=msg.sender)


@external
def enter_amends(id: bytes32, holder: address) -> (uint256, bool):
    """
    @notice Enter what an account gives the lane's custody for the units that a denied message brought.
    @dev Accounts call the custody, which takes them after this call. No stop and no suspension keeps it back: books
         that don't fit are why there is one. No cap is asked: the units were outstanding before.
         At home they are rounded up at each ratio since: what custody has was rounded down without them. What that
         leaves over is dust.
    @param id The denied message's id.
    @param holder Who gives.
    @return How many base units.
    @return Whether the custody keeps them, at home; else they are taken off.
    @custom:role custody
    """
    amends: Amends = self._amends[id]
    lane: bytes32 = amends.lane
    assert msg.sender == lanes._opened_with[lane].custody, "denials: given at the lane's custody"
    assert amends.agreed, "denials: not agreed on"
    terms: uint256 = self._living(lane)
    self._settle(id)
    self._amends[id].made = True
    arrived: uint256 = amends.amount
    if amends.action_epoch != amends.epoch:
        arrived = staticcall ISecurityToken(lanes._opened_with[lane].token).carried(
            arrived, amends.action_epoch, amends.epoch
        )
    home: bool = terms & lanes.HOME != 0
    restored: uint256 = 0
    amount: uint256 = 0
    restored, amount = self._undone(lane, terms, arrived | (amends.epoch << position.EPOCH_SHIFT))
    if not home:
        amount = restored
    lanes._book_undone(lane, terms, restored)
    log UnitsMadeGood(lane=lane, id=id, holder=holder, amount=amount, outstanding=restored)
    return amount, home


# ------------------------------------------------------------------------ views


@external
@view
def amends_of(id: bytes32) -> Amends:
    """
    @notice What makes good the units that a denied message brought, and how far that is.
    @param id The message's id.
    @return Its lane, nothing: it was not denied, or never credited; its units; what is proposed and agreed; whether
            they were given.
    """
    return self._amends[id]


@external
@view
def disowned_of(id: bytes32) -> Disowned:
    """
    @notice What a message was whose source denied it, while its nonce is taken here.
    @param id The message's id.
    @return Its lane, nonce and base units; nothing if there is nothing to reopen.
    """
    return self._disowned[id]


# --------------------------------------------------------------------- internal


@internal
def _undone(lane: bytes32, terms: uint256, word: uint256) -> (uint256, uint256):
    """
    @dev By how much what is outstanding differs from what it were had a message not arrived that waits since, and the
         remainders that were kept with it set right: at each ratio the part that the floor took of both is parted.
         With it what the message's units are by now, rounded up each time: no less than that difference, nor than what
         custody has less for them.
    """
    amount: uint256 = word & lanes.AMOUNT_MAX
    most: uint256 = amount
    epoch: uint256 = position._epoch(word)
    home: bool = terms & lanes.HOME != 0
    for _: uint256 in range(_MAX_EPOCHS):
        if epoch == lanes._epoch(terms):
            break
        kept: uint256 = lanes._by_epoch[lane][epoch]
        ratio: ISecurityToken.Ratio = lanes._ratio(lane, unsafe_add(epoch, 1))
        # Fields of 104 and 40 bits.
        product: uint256 = unsafe_mul(amount, ratio.numerator)
        amount = unsafe_div(product, ratio.denominator)
        part: uint256 = product % ratio.denominator
        # At home it had lowered what is outstanding.
        if not home:
            part = unsafe_sub(ratio.denominator, part)
        whole: bool = unsafe_add(kept & position.PART_MAX, part) >= ratio.denominator
        if whole:
            part = unsafe_sub(part, ratio.denominator)
        amount = unsafe_add(amount, convert(whole == home, uint256))
        lanes._by_epoch[lane][epoch] = unsafe_add(kept, part)
        # More than the token's field nobody has.
        product = unsafe_mul(most, ratio.numerator)
        most = unsafe_div(unsafe_add(product, unsafe_sub(ratio.denominator, 1)), ratio.denominator)
        most = min(most, lanes.AMOUNT_MAX)
        epoch = unsafe_add(epoch, 1)
    return amount, most


@internal
def _living(lane: bytes32) -> uint256:
    """
    @dev Terms word of a lane that has not ended: what one owed that has, its lists share out.
    """
    terms: uint256 = lanes._current(lane)
    assert terms & lanes.ENDED == 0, "denials: its lane has ended"
    return terms


@internal
def _settle(id: bytes32):
    """
    @dev Forget what was proposed and agreed.
    """
    self._amends[id].epoch = 0
    self._amends[id].issuer = empty(address)
    self._amends[id].agreed = False


@internal
def _reopen(lane: bytes32, nonce: uint64):
    """
    @dev Free a nonce; who counts what has arrived begins again.
    """
    self.counted[lane] = 0
    lanes._reopen(lane, convert(nonce, uint256))


@internal
@pure
def _reopen_act(id: bytes32) -> bytes32:
    """
    @dev Hash of the act of freeing a denied message's nonce.
    """
    return keccak256(abi_encode("reopen", id))
