# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Transit: units leave, arrive, wait in suspense, are claimed, go back
@license Apache-2.0
@author Tallystick
@notice Sends and delivers lane messages. Anyone may deliver and claim: nothing waits for one party's good will.
@dev A message carries the source's clock; it is not deliverable while the destination's clock is behind it. So
     at any instant a unit is in one place: with a holder, in transit, in suspense. Exactly-once rests on a bit for
     each nonce of a lane. A recipient who can't receive does not make the delivery fail: the units go
     into suspense under that name, and out of it as soon as the token accepts the recipient.
     A message states its units in those of its source's action epoch then: it lands as what ratios since have made of
     them, rounded down; what waits is so many units when it ends. One of an epoch that is not known here yet waits.
     From a message's deadline on its recipient gets nothing any more: what arrives later goes into suspense too, and
     from there anyone sends it back, as a message to its sender, proven as any other. So one ledger alone, the one
     where a message arrives, knows how it ended, and its ends exclude each other there (INV-3).
"""
from interfaces import ILaneCustody
from interfaces import ISecurityToken
from interfaces import IVerifier

from contracts.bridge import flows
from contracts.bridge import lanes
from contracts.bridge import message
from contracts.governance import access
from contracts.governance import instruction
from contracts.token import position

uses: flows
uses: lanes


# How units landed.
DELIVERED: constant(uint256) = 1
CLAIMED: constant(uint256) = 2
REDIRECTED: constant(uint256) = 3
# They did not land here: they went back that day.
WENT_BACK: constant(uint256) = 4
_KIND_SHIFT: constant(uint256) = 16
_PAYEE_SHIFT: constant(uint256) = 24
# Most messages to a delivery in one transaction.
_MAX_BATCH: constant(uint256) = 25
# Eight messages to a page of the outbox.
_PAGE_SHIFT: constant(uint256) = 3


struct Redirect:
    payee: address
    registrar: address


# lane -> nonce / 8 -> chain of the ids that left: each source event is provable from this contract's storage, with the
# at most seven ids beside it (INV-4). From zero, in the order of the nonces: keccak256(word before | id)
outbox: public(HashMap[bytes32, HashMap[uint256, bytes32]])
# message id -> base units held for its recipient, in those of the epoch beside them, as a position's are
_suspended: HashMap[bytes32, uint256]
# message id -> when and how its units reached an account, lowest bit first: business day 16 | kind 8 | payee 160, 0:
# the recipient that the message names. Only if a close, or a ratio, lay between leaving and landing, or if they went
# back; else 0.
landed: public(HashMap[bytes32, uint256])
# message id -> who gets what is held, and the registrar who proposes it
_redirects: HashMap[bytes32, Redirect]
# message id -> from when on its units can be claimed, which arrived over their lane's limit; 0: any time
waits: public(HashMap[bytes32, uint256])
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[29]


event MessageSent:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    message: message.Message


event MessageDelivered:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    nonce: uint64
    amount: uint256
    suspended: bool


event UnitsSuspended:
    lane: indexed(bytes32)
    recipient: indexed(bytes32)
    id: indexed(bytes32)
    amount: uint256


# They wait, whoever the recipient is, as their lane's limit was reached.
event UnitsQueued:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    until: uint256


# It was delivered, and brought no unit: a ratio has left none of it.
event NothingLanded:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    # As the message states it.
    amount: uint256


event MessageReturned:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    # The message that takes them back.
    answer: indexed(bytes32)
    amount: uint256


event SuspenseClaimed:
    lane: indexed(bytes32)
    recipient: indexed(bytes32)
    id: indexed(bytes32)
    amount: uint256


event RedirectProposed:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    payee: indexed(address)
    registrar: address


event RedirectWithdrawn:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    withdrawn_by: indexed(address)


event SuspenseRedirected:
    lane: indexed(bytes32)
    payee: indexed(address)
    id: indexed(bytes32)
    amount: uint256


# Units are on an account that were on none at one close or more: from the day of leaving to before this day.
event UnitsLanded:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    landing: uint256


# ---------------------------------------------------------------------- holders


@external
def enter_lock(
    lane: bytes32, holder: address, recipient: bytes32, amount: uint256, deadline: uint64
) -> bytes32:
    """
    @notice Home: enter what a holder gave the lane's custody to lock, to be issued to `recipient` on its remote ledger.
    @dev Holders call the custody. That the holder gave it the custody knows; it takes the units after this call.
    @param lane The lane.
    @param holder Who gave it.
    @param recipient Party on the remote ledger: an address on the right, or an account's hash.
    @param amount Base units.
    @param deadline Time from which units that have reached no account are for the sender again; within 90 days.
    @return The message's id.
    @custom:role custody
    @custom:refused out, suspended lane
    """
    terms: uint256 = lanes._open_terms(lane)
    if terms & lanes.NEXT != 0:
        terms = lanes._current(lane)
    assert terms & lanes.HOME != 0, "transit: lock is at home"
    assert msg.sender == lanes._mover(terms), "transit: lock is at the lane's custody"
    return self._send(lane, terms, message.ISSUE, holder, recipient, amount, deadline)


@external
def burn(lane: bytes32, recipient: bytes32, amount: uint256, deadline: uint64) -> bytes32:
    """
    @notice Remote: take units of the caller off this ledger, to be released to `recipient` at home.
    @param lane The lane.
    @param recipient Party on the home ledger: an address on the right, or an account's hash.
    @param amount Base units.
    @param deadline Time from which units that have reached no account are for the sender again; within 90 days.
    @return The message's id.
    @custom:role anyone
    @custom:refused transfers, lanes, out, suspended instrument, suspended lane, frozen caller, expired caller
    """
    terms: uint256 = lanes._open_terms(lane)
    if terms & lanes.NEXT != 0:
        terms = lanes._current(lane)
    assert terms & lanes.HOME == 0, "transit: burn is on the remote ledger"
    id: bytes32 = self._send(lane, terms, message.RELEASE, msg.sender, recipient, amount, deadline)
    extcall ISecurityToken(lanes._mover(terms)).crosschainBurn(msg.sender, amount)
    return id


# ----------------------------------------------------------------------- anyone


@external
def deliver(m: message.Message, attestation: Bytes[1034], second: Bytes[1034] = b"") -> bool:
    """
    @notice Deliver an attested message: issue here, or release here, what left the other ledger.
    @param m The message, as its source logged it.
    @param attestation An epoch of the lane, 8 bytes, and what that epoch's verifier asks for.
    @param second The same epoch, and what its second verifier asks for; nothing where there is none.
    @return Whether the recipient was credited; False: the units wait in suspense under that name.
    @custom:role anyone
    @custom:refused in, suspended lane
    """
    terms: uint256 = lanes._open_terms(m.lane)
    if terms & lanes.NEXT != 0:
        terms = lanes._current(m.lane)
    self._check(m.codec, m.kind, m.lock_time, terms)
    ledger: uint256 = lanes._ledger[m.lane]
    assert not lanes._has_arrived(
        m.lane, ledger, convert(m.nonce, uint256)
    ), "transit: delivered already"
    recipient: address = self._recipient(m.recipient)
    id: bytes32 = message._id(m)
    number: uint256 = convert(extract32(attestation, 0), uint256) >> 192
    epoch: uint256 = lanes._valid_epoch(m.lane, number)
    domain: bytes32 = message._domain_separator()
    assert staticcall IVerifier(convert(epoch >> 96, address)).verify(
        domain, id, attestation
    ), "transit: not verified"
    if epoch & lanes.TWO == 0:
        assert len(second) == 0, "transit: one verifier alone"
    else:
        assert len(second) != 0, "transit: needs two attestations"
        # What its verifier can't know; else signatures of an epoch that has ended would count.
        assert convert(extract32(second, 0), uint256) >> 192 == number, "transit: of two epochs"
        assert staticcall IVerifier(lanes._seconds[m.lane][number]).verify(
            domain, id, second
        ), "transit: not verified by the second"
    return self._arrive(m, id, terms, ledger, recipient)


@external
def deliver_batch(
    lane: bytes32,
    before: bytes32,
    messages: DynArray[message.Message, _MAX_BATCH],
    attestation: Bytes[1034],
    second: Bytes[1034] = b"",
) -> uint256:
    """
    @notice Deliver messages of one lane under one attestation, all or none; those that are here already are passed
            over, so that nobody stops a batch by delivering one of it before.
    @dev What is attested is a `Batch`: the lane, how many, and the word that a page of the outbox would have after
         them, `before` at first. So a stretch of a page is a batch whose word the source's storage holds, and
         attestors take any messages, from zero.
    @param lane The lane.
    @param before What the chain begins with.
    @param messages The messages, in the order in which they are chained.
    @param attestation As for `deliver`, of the batch.
    @param second As for `deliver`, of the batch.
    @return How many took effect by this call.
    @custom:role anyone
    @custom:refused in, suspended lane
    """
    terms: uint256 = lanes._current(lane)
    assert len(messages) != 0, "transit: nothing in the batch"
    ids: DynArray[bytes32, _MAX_BATCH] = []
    word: bytes32 = before
    for m: message.Message in messages:
        assert m.lane == lane, "transit: of another lane"
        id: bytes32 = message._id(m)
        ids.append(id)
        word = keccak256(concat(word, id))
    batch: bytes32 = message._batch_id(lane, word, len(messages))
    number: uint256 = convert(extract32(attestation, 0), uint256) >> 192
    epoch: uint256 = lanes._valid_epoch(lane, number)
    domain: bytes32 = message._domain_separator()
    assert staticcall IVerifier(convert(epoch >> 96, address)).verify_batch(
        domain, batch, attestation
    ), "transit: batch not verified"
    if epoch & lanes.TWO == 0:
        assert len(second) == 0, "transit: one verifier alone for a batch"
    else:
        assert len(second) != 0, "transit: batch needs two attestations"
        assert (
            convert(extract32(second, 0), uint256) >> 192 == number
        ), "transit: batch of two epochs"
        assert staticcall IVerifier(lanes._seconds[lane][number]).verify_batch(
            domain, batch, second
        ), "transit: batch not verified by the second"
    count: uint256 = 0
    for i: uint256 in range(len(messages), bound=_MAX_BATCH):
        self._check(messages[i].codec, messages[i].kind, messages[i].lock_time, terms)
        ledger: uint256 = lanes._ledger[lane]
        if not lanes._has_arrived(lane, ledger, convert(messages[i].nonce, uint256)):
            self._arrive(messages[i], ids[i], terms, ledger, self._recipient(messages[i].recipient))
            count = unsafe_add(count, 1)
    return count


@external
def claim(m: message.Message):
    """
    @notice Pay what waits in suspense to its recipient, who can receive by now.
    @dev What waits for its lane's limit is a delivery that waits: before its time nobody claims it, nor while the
         guardian has stopped arrivals on the lane. Any other claim goes on.
    @param m The message that brought it.
    @custom:role anyone
    @custom:refused frozen to, expired to
    """
    id: bytes32 = message._id(m)
    word: uint256 = self._suspended[id]
    assert word != 0, "transit: nothing in suspense"
    assert not self._is_late(m.codec, m.kind, m.deadline), "transit: past its deadline"
    recipient: address = message._address(m.recipient)
    terms: uint256 = lanes._current(m.lane)
    amount: uint256 = self._now(m.lane, word, terms)
    self._suspended[id] = 0
    self._check_queue(m.lane, id, terms)
    flows._book_claim(m.lane, terms, amount)
    self._land(
        m.lane,
        id,
        terms,
        self._left(m.action_epoch, min(m.lock_time, m.deadline), terms),
        CLAIMED,
        empty(address),
    )
    log SuspenseClaimed(lane=m.lane, recipient=m.recipient, id=id, amount=amount)
    # The token refuses a recipient who still can't receive, with its own reason.
    assert extcall ILaneCustody(lanes._opened_with[m.lane].custody).pay(
        recipient, amount
    ), "transit: not paid"


@external
def return_to_source(m: message.Message) -> bytes32:
    """
    @notice Send back to its sender what waits in suspense, once the message's deadline has passed.
    @dev No pause of the token or the lane stops it; a redirect that is proposed does, until it is carried out or
         withdrawn. What came back itself is claimed or redirected.
    @param m The message that brought it.
    @return The id of the message that takes it back.
    @custom:role anyone
    @custom:refused suspended instrument, suspended lane
    """
    id: bytes32 = message._id(m)
    word: uint256 = self._suspended[id]
    assert word != 0, "transit: nothing to return"
    assert message._has_deadline(m.codec, m.kind), "transit: never goes back"
    assert convert(m.deadline, uint256) <= block.timestamp, "transit: before its deadline"
    assert self._redirects[id].payee == empty(address), "transit: a redirect is proposed"
    assert not staticcall ISecurityToken(
        lanes._opened_with[m.lane].token
    ).is_suspended(), "transit: instrument suspended"
    terms: uint256 = lanes._current(m.lane)
    amount: uint256 = self._now(m.lane, word, terms)
    self._suspended[id] = 0
    flows._book_claim(m.lane, terms, amount)
    nonce: uint256 = lanes._book_back(m.lane, terms, amount)
    flows._book_sent(m.lane, terms, amount)
    # Whoever is to pay for what landed here can see that this did not.
    self.landed[id] = unsafe_div(lanes._day_clock(terms), lanes.SECONDS_PER_DAY) | (
        WENT_BACK << _KIND_SHIFT
    )
    answer: bytes32 = self._enter(
        message.Message(
            codec=message.CODEC,
            kind=(message.RETURNED_ISSUE if terms & lanes.HOME != 0 else message.RETURNED_RELEASE),
            lane=m.lane,
            nonce=convert(nonce, uint64),
            lock_time=convert(block.timestamp, uint64),
            action_epoch=convert(lanes._epoch(terms), uint16),
            amount=amount,
            sender=id,
            recipient=m.sender,
            deadline=m.lock_time,
        )
    )
    log MessageReturned(lane=m.lane, id=id, answer=answer, amount=amount)
    # At home they stay in custody.
    if terms & lanes.HOME == 0:
        assert extcall ILaneCustody(lanes._opened_with[m.lane].custody).give_back(
            amount
        ), "transit: not given back"
    return answer


# -------------------------------------------------- registrar and custodian, two keys


@external
def propose_redirect(m: message.Message, payee: address, reason: bytes4, document: bytes32):
    """
    @notice The registrar of the lane's token proposes who gets what waits in suspense instead of its recipient: a
            successor in law, whom a court names, the holder's new account. A custodian carries it out with `redirect`.
    @dev Replaces what was proposed before. The recipient's claim goes on until then.
    @param m The message that brought the units.
    @param payee Who gets them.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role registrar of the token
    """
    assert (
        lanes._token_role(m.lane, msg.sender) == access.REGISTRAR
    ), "transit: proposed by its token's registrar"
    id: bytes32 = message._id(m)
    assert self._suspended[id] != 0, "transit: nothing to redirect"
    assert payee != empty(address), "transit: redirect to nobody"
    self._redirects[id] = Redirect(payee=payee, registrar=msg.sender)
    instruction._record(payee, reason, document)
    log RedirectProposed(lane=m.lane, id=id, payee=payee, registrar=msg.sender)


@external
def withdraw_redirect(m: message.Message, reason: bytes4, document: bytes32):
    """
    @notice End what a registrar proposed, before it is carried out.
    @param m The message.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role registrar of the token, guardian of the token
    """
    assert (
        lanes._token_role(m.lane, msg.sender) & (access.REGISTRAR | access.GUARDIAN) != 0
    ), "transit: withdrawn by its token's registrar or guardian"
    id: bytes32 = message._id(m)
    assert self._redirects[id].payee != empty(address), "transit: no redirect proposed"
    self._redirects[id] = empty(Redirect)
    instruction._record(empty(address), reason, document)
    log RedirectWithdrawn(lane=m.lane, id=id, withdrawn_by=msg.sender)


@external
def redirect(m: message.Message, payee: address, reason: bytes4, document: bytes32):
    """
    @notice A custodian of the lane's token pays what waits in suspense to whom its registrar proposed.
    @dev The units land with the payee: what they were entitled to between ledgers is the payee's.
    @param m The message that brought the units.
    @param payee Who gets them, as proposed.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role custodian of the token
    @custom:refused frozen to, expired to
    """
    assert (
        lanes._token_role(m.lane, msg.sender) == access.CUSTODIAN
    ), "transit: redirected by its token's custodian"
    id: bytes32 = message._id(m)
    proposed: Redirect = self._redirects[id]
    assert payee != empty(address) and proposed.payee == payee, "transit: not what was proposed"
    assert (
        lanes._token_role(m.lane, proposed.registrar) == access.REGISTRAR
    ), "transit: its registrar is none any more"
    word: uint256 = self._suspended[id]
    assert word != 0, "transit: claimed meanwhile"
    terms: uint256 = lanes._current(m.lane)
    amount: uint256 = self._now(m.lane, word, terms)
    self._suspended[id] = 0
    self._redirects[id] = empty(Redirect)
    self._check_queue(m.lane, id, terms)
    flows._book_claim(m.lane, terms, amount)
    self._land(
        m.lane,
        id,
        terms,
        self._left(m.action_epoch, min(m.lock_time, m.deadline), terms),
        REDIRECTED,
        payee,
    )
    instruction._record(payee, reason, document)
    log SuspenseRedirected(lane=m.lane, payee=payee, id=id, amount=amount)
    assert extcall ILaneCustody(lanes._opened_with[m.lane].custody).pay(
        payee, amount
    ), "transit: redirect not paid"


# ------------------------------------------------------------------------ views


@external
@view
def suspended(id: bytes32) -> uint256:
    """
    @notice Base units that a message brought and that wait; in those of when they arrived.
    @dev As `MessageDelivered` told them; `waiting` says what ratios since have made of them.
    @param id The message's id.
    @return Base units; 0: nothing waits.
    """
    return self._suspended[id] & lanes.AMOUNT_MAX


@external
@view
def waiting(m: message.Message) -> uint256:
    """
    @notice Base units that a message brought and that wait; in those of now.
    @param m The message that brought them.
    @return Base units; 0: nothing waits, or nothing is left of it, which can be claimed and returned as any.
    """
    return self._now(m.lane, self._suspended[message._id(m)], lanes._seen(m.lane).terms)


@external
@view
def redirect_of(id: bytes32) -> Redirect:
    """
    @notice Who is proposed to get what a message brought, and by which registrar.
    @param id The message's id.
    @return Payee and registrar; nobody if nothing is proposed.
    """
    return self._redirects[id]


@external
@view
def has_arrived(lane: bytes32, nonce: uint64) -> bool:
    """
    @notice Whether the other side's message with this nonce was delivered here.
    @param lane The lane.
    @param nonce The message's nonce.
    @return Whether it was.
    """
    return lanes._has_arrived(lane, lanes._ledger[lane], convert(nonce, uint256))


@external
@view
def message_id(m: message.Message) -> bytes32:
    """
    @notice EIP-712 struct hash of a message.
    @param m The message.
    @return Its id.
    """
    return message._id(m)


@external
@view
def domain_separator() -> bytes32:
    """
    @notice EIP-712 domain in which attestors sign what is delivered here.
    @return The separator.
    """
    return message._domain_separator()


@external
@view
def eip712Domain() -> (
    bytes1, String[15], String[1], uint256, address, bytes32, DynArray[uint256, 1]
):
    """
    @notice The same domain by its parts (ERC-5267).
    @return Which fields it has, as bits: name, version, chain id, contract.
    @return Name.
    @return Version.
    @return Chain id.
    @return The contract that checks the signatures.
    @return No salt.
    @return No extensions.
    """
    return (
        0x0f,
        message.DOMAIN_NAME,
        message.DOMAIN_VERSION,
        chain.id,
        self,
        empty(bytes32),
        [],
    )


# --------------------------------------------------------------------- internal


@internal
@view
def _check(codec: uint16, kind: uint8, lock_time: uint64, terms: uint256):
    """
    @dev What a message must be, whoever attests it.
    """
    assert (unsafe_sub(convert(codec, uint256), message.FIRST_CODEC) <= 1), "transit: unknown codec"
    assert kind | message.RETURNED == (
        message.RETURNED_RELEASE if terms & lanes.HOME != 0 else message.RETURNED_ISSUE
    ), "transit: wrong direction"
    # A unit may not be here before it has left there, on whichever clock one looks.
    assert convert(lock_time, uint256) <= block.timestamp, "transit: before its lock time"


@internal
@pure
def _recipient(party: bytes32) -> address:
    """
    @dev The account that a message names.
    """
    account: uint256 = convert(party, uint256)
    assert account != 0 and account >> 160 == 0, "transit: recipient is no account"
    return convert(account, address)


@internal
def _arrive(
    m: message.Message, id: bytes32, terms: uint256, ledger: uint256, recipient: address
) -> bool:
    """
    @dev Take in a message that was attested and is not here; whether its recipient was credited.
    """
    amount: uint256 = m.amount
    left: uint64 = min(m.lock_time, m.deadline)
    if convert(m.action_epoch, uint256) != (terms >> lanes._EPOCH_SHIFT) & lanes._EPOCH_MASK:
        since: uint256 = convert(m.action_epoch, uint256)
        # A ledger that is told late can take it then: as it stands here, it would be other units.
        assert since < lanes._epoch(terms), "transit: ratio not known here yet"
        left = 0
        amount = lanes._carried(m.lane, amount, since, terms)
    until: uint256 = lanes._book_in(m.lane, terms, ledger, convert(m.nonce, uint256), amount)
    credited: bool = False
    if amount == 0:
        # Of what a ratio rounded to 0, nothing can wait.
        credited = True
    elif until == 0 and (
        convert(m.deadline, uint256) > block.timestamp or not message._has_deadline(m.codec, m.kind)
    ):
        credited = self._credit(m.lane, terms, recipient, amount)
    log MessageDelivered(lane=m.lane, id=id, nonce=m.nonce, amount=amount, suspended=not credited)
    if credited:
        if amount == 0:
            log NothingLanded(lane=m.lane, id=id, amount=m.amount)
        self._land(m.lane, id, terms, left, DELIVERED, empty(address))
        return True
    # Only what is over the limit, too late, or for a recipient who can't receive is suspense; a token that is paused,
    # or short of gas, is a retry.
    assert (
        until != 0
        or self._is_late(m.codec, m.kind, m.deadline)
        or not staticcall ISecurityToken(lanes._opened_with[m.lane].token).canReceive(recipient)
    ), "transit: token refused"
    self._suspended[id] = amount | (lanes._epoch(terms) << position.EPOCH_SHIFT)
    flows._book_suspense(m.lane, terms, amount, flows.ONE)
    log UnitsSuspended(lane=m.lane, recipient=m.recipient, id=id, amount=amount)
    if until != 0:
        self.waits[id] = until
        log UnitsQueued(lane=m.lane, id=id, until=until)
    if terms & lanes.HOME == 0:
        assert extcall ILaneCustody(lanes._opened_with[m.lane].custody).hold(
            amount
        ), "transit: not held"
    return False


@internal
@view
def _now(lane: bytes32, word: uint256, terms: uint256) -> uint256:
    """
    @dev What waits under a word of suspense, in the units of the lane.
    """
    return lanes._carried(lane, word & lanes.AMOUNT_MAX, position._epoch(word), terms)


@internal
@view
def _left(epoch: uint16, left: uint64, terms: uint256) -> uint64:
    """
    @dev When a message left, as `_land` asks; 0: in older units than the lane has.
    """
    return left if convert(epoch, uint256) == lanes._epoch(terms) else 0


@internal
@view
def _is_late(codec: uint16, kind: uint8, deadline: uint64) -> bool:
    """
    @dev Whether a message's deadline has passed, if it has one.
    """
    return convert(deadline, uint256) <= block.timestamp and message._has_deadline(codec, kind)


@internal
@view
def _check_queue(lane: bytes32, id: bytes32, terms: uint256):
    """
    @dev Revert if what is in suspense waits for its lane's limit still; a lane without one has nobody wait.
    """
    if terms & lanes.LIMITED == 0 or self.waits[id] == 0:
        return
    assert block.timestamp >= self.waits[id], "transit: waits for its lane's limit"
    assert not lanes._is_paused(
        lane, lanes._PAUSED_IN
    ), "transit: queued while arrivals are stopped"


@internal
def _land(lane: bytes32, id: bytes32, terms: uint256, left: uint64, kind: uint256, payee: address):
    """
    @dev Remember that units landed today. Units that left before today's first moment were in no closing
         balance meanwhile: with the message this proves for which closes. So were those that left in older units, on
         a ledger that was told late of a ratio: with the message this proves a fraction. The others need no word. What
         is delivered had left at its lock time, before its deadline; what came back, at its deadline, before its lock
         time.
    """
    # Less what is over since the last close of business, which the day clock has at 0.
    if convert(left, uint256) < unsafe_sub(
        block.timestamp,
        unsafe_sub(block.timestamp, unsafe_mul(terms >> lanes._MINUTE_SHIFT, 60))
        % lanes.SECONDS_PER_DAY,
    ):
        landing: uint256 = (
            unsafe_div(lanes._day_clock(terms), lanes.SECONDS_PER_DAY)
            | (kind << _KIND_SHIFT)
            | (convert(payee, uint256) << _PAYEE_SHIFT)
        )
        self.landed[id] = landing
        log UnitsLanded(lane=lane, id=id, landing=landing)


@internal
def _credit(lane: bytes32, terms: uint256, recipient: address, amount: uint256) -> bool:
    """
    @dev Try to credit a recipient; the token decides. Both targets are the lane's own, set under two keys.
    """
    if terms & lanes.HOME != 0:
        success: bool = False
        answer: Bytes[32] = b""
        success, answer = raw_call(
            lanes._mover(terms),
            abi_encode(recipient, amount, method_id=method_id("pay(address,uint256)")),
            max_outsize=32,
            revert_on_failure=False,
        )
        return success and len(answer) == 32 and convert(answer, uint256) == 1
    return raw_call(
        lanes._mover(terms),
        abi_encode(recipient, amount, method_id=method_id("crosschainMint(address,uint256)")),
        revert_on_failure=False,
    )


@internal
def _send(
    lane: bytes32,
    terms: uint256,
    kind: uint8,
    sender: address,
    recipient: bytes32,
    amount: uint256,
    deadline: uint64,
) -> bytes32:
    """
    @dev Enter and log a message; the caller then moves the units.
    """
    assert amount != 0, "transit: nothing to send"
    # Peers are EVM ledgers in this release: a party there is an address.
    account: uint256 = convert(recipient, uint256)
    assert account != 0 and account >> 160 == 0, "transit: no such recipient"
    assert convert(deadline, uint256) > block.timestamp, "transit: deadline passed"
    assert (
        convert(deadline, uint256) <= unsafe_add(block.timestamp, message.MAX_DEADLINE)
    ), "transit: deadline too far"
    nonce: uint256 = lanes._book_out(lane, terms, amount)
    flows._book_sent(lane, terms, amount)
    return self._enter(
        message.Message(
            codec=message.CODEC,
            kind=kind,
            lane=lane,
            nonce=convert(nonce, uint64),
            lock_time=convert(block.timestamp, uint64),
            action_epoch=convert(lanes._epoch(terms), uint16),
            amount=amount,
            sender=convert(convert(sender, uint256), bytes32),
            recipient=recipient,
            deadline=deadline,
        )
    )


@internal
def _tell(lane: bytes32, terms: uint256, what: uint8, sender: bytes32) -> bytes32:
    """
    @dev Send a message without units; returns its id.
    """
    # Whoever asks what left looks at the days on which something did.
    flows._book_sent(lane, terms, 0)
    return self._enter(
        message.Message(
            codec=message.CODEC,
            kind=what | (message.ISSUE if terms & lanes.HOME != 0 else message.RELEASE),
            lane=lane,
            nonce=convert(lanes._book_word(lane), uint64),
            lock_time=convert(block.timestamp, uint64),
            action_epoch=convert(lanes._epoch(terms), uint16),
            amount=0,
            sender=sender,
            recipient=empty(bytes32),
            deadline=0,
        )
    )


@internal
def _enter(m: message.Message) -> bytes32:
    """
    @dev Keep a message in the outbox and log it.
    """
    id: bytes32 = message._id(m)
    page: uint256 = convert(m.nonce, uint256) >> _PAGE_SHIFT
    self.outbox[m.lane][page] = keccak256(concat(self.outbox[m.lane][page], id))
    log MessageSent(lane=m.lane, id=id, message=m)
    return id
