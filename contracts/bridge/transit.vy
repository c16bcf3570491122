# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Transit: units leave, arrive, wait in suspense, are claimed
@license Apache-2.0
@author Tallystick
@notice Sends and delivers lane messages. Anyone may deliver and claim: nothing waits for one party's good will.
@dev A message carries the source's clock; it is not deliverable while the destination's clock is behind it. So
     at any instant a unit is in one place: with a holder, in transit, in suspense. Exactly-once rests on a bit for
     each nonce of a lane. A recipient who can't receive does not make the delivery fail: the units go
     into suspense under that name, and out of it as soon as the token accepts the recipient.
"""
from interfaces import ILaneCustody
from interfaces import ISecurityToken
from interfaces import IVerifier

from contracts.bridge import flows
from contracts.bridge import lanes
from contracts.bridge import message

uses: flows
uses: lanes


# How units landed.
DELIVERED: constant(uint256) = 1
CLAIMED: constant(uint256) = 2
_KIND_SHIFT: constant(uint256) = 16
# Eight messages to a page of the outbox.
_PAGE_SHIFT: constant(uint256) = 3


# lane -> nonce / 8 -> chain of the ids that left: each source event is provable from this contract's storage, with the
# at most seven ids beside it (INV-4). From zero, in the order of the nonces: keccak256(word before | id)
outbox: public(HashMap[bytes32, HashMap[uint256, bytes32]])
# message id -> base units held for its recipient
suspended: public(HashMap[bytes32, uint256])
# message id -> when and how its units reached an account, lowest bit first: business day 16 | kind 8 | payee 160, 0:
# the recipient that the message names. Only if a close lay between leaving and landing; else 0.
landed: public(HashMap[bytes32, uint256])
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[31]


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


event SuspenseClaimed:
    lane: indexed(bytes32)
    recipient: indexed(bytes32)
    id: indexed(bytes32)
    amount: uint256


# Units are on an account that were on none at one close or more: from the day of leaving to before this day.
event UnitsLanded:
    lane: indexed(bytes32)
    id: indexed(bytes32)
    landing: uint256


# ---------------------------------------------------------------------- holders


@external
def lock(lane: bytes32, recipient: bytes32, amount: uint256, deadline: uint64) -> bytes32:
    """
    @notice Home: lock units of the caller, to be issued to `recipient` on the lane's remote ledger.
    @dev The caller has given the lane's custody account an allowance.
    @param lane The lane.
    @param recipient Party on the remote ledger: an address on the right, or an account's hash.
    @param amount Base units.
    @param deadline Time from which the source may refund what was not delivered.
    @return The message's id.
    @custom:role anyone
    @custom:refused transfers, lanes, out, suspended instrument, suspended lane, frozen caller, expired caller
    """
    terms: uint256 = lanes._open_terms(lane)
    assert terms & lanes.HOME != 0, "transit: lock is at home"
    id: bytes32 = self._send(lane, terms, message.ISSUE, recipient, amount, deadline)
    assert extcall ILaneCustody(lanes._mover(terms)).take(msg.sender, amount), "transit: not taken"
    return id


@external
def burn(lane: bytes32, recipient: bytes32, amount: uint256, deadline: uint64) -> bytes32:
    """
    @notice Remote: take units of the caller off this ledger, to be released to `recipient` at home.
    @param lane The lane.
    @param recipient Party on the home ledger: an address on the right, or an account's hash.
    @param amount Base units.
    @param deadline Time from which the source may refund what was not delivered.
    @return The message's id.
    @custom:role anyone
    @custom:refused transfers, lanes, out, suspended instrument, suspended lane, frozen caller, expired caller
    """
    terms: uint256 = lanes._open_terms(lane)
    assert terms & lanes.HOME == 0, "transit: burn is on the remote ledger"
    id: bytes32 = self._send(lane, terms, message.RELEASE, recipient, amount, deadline)
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
    home: bool = terms & lanes.HOME != 0
    assert m.codec == message.CODEC, "transit: unknown codec"
    assert m.kind == (message.RELEASE if home else message.ISSUE), "transit: wrong direction"
    # A unit may not be here before it has left there, on whichever clock one looks.
    assert convert(m.lock_time, uint256) <= block.timestamp, "transit: before its lock time"
    nonce: uint256 = convert(m.nonce, uint256)
    assert not lanes._has_arrived(m.lane, nonce), "transit: delivered already"
    recipient: address = message._address(m.recipient)
    assert recipient != empty(address), "transit: recipient is no account"
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
    # The release that knows ratios transforms here; this one knows none.
    assert convert(m.action_epoch, uint256) == lanes._epoch(terms), "transit: another action epoch"

    lanes._book_in(m.lane, terms, nonce, m.amount)
    credited: bool = self._credit(m.lane, terms, recipient, m.amount)
    log MessageDelivered(lane=m.lane, id=id, nonce=m.nonce, amount=m.amount, suspended=not credited)
    if credited:
        self._land(m.lane, id, terms, m.lock_time, DELIVERED)
        return True
    # Only a recipient who can't receive is suspense; a token that is paused, or short of gas, is a retry.
    assert not staticcall ISecurityToken(lanes._opened_with[m.lane].token).canReceive(
        recipient
    ), "transit: token refused"
    self.suspended[id] = m.amount
    flows._book_suspense(m.lane, terms, m.amount)
    log UnitsSuspended(lane=m.lane, recipient=m.recipient, id=id, amount=m.amount)
    if not home:
        assert extcall ILaneCustody(lanes._opened_with[m.lane].custody).hold(
            m.amount
        ), "transit: not held"
    return False


@external
def claim(m: message.Message):
    """
    @notice Pay what waits in suspense to its recipient, who can receive by now.
    @param m The message that brought it.
    @custom:role anyone
    @custom:refused frozen to, expired to
    """
    id: bytes32 = message._id(m)
    amount: uint256 = self.suspended[id]
    assert amount != 0, "transit: nothing in suspense"
    recipient: address = message._address(m.recipient)
    self.suspended[id] = 0
    terms: uint256 = lanes._open_terms(m.lane)
    flows._book_claim(m.lane, terms, amount)
    self._land(m.lane, id, terms, m.lock_time, CLAIMED)
    log SuspenseClaimed(lane=m.lane, recipient=m.recipient, id=id, amount=amount)
    # The token refuses a recipient who still can't receive, with its own reason.
    assert extcall ILaneCustody(lanes._opened_with[m.lane].custody).pay(
        recipient, amount
    ), "transit: not paid"


# ------------------------------------------------------------------------ views


@external
@view
def has_arrived(lane: bytes32, nonce: uint64) -> bool:
    """
    @notice Whether the other side's message with this nonce was delivered here.
    @param lane The lane.
    @param nonce The message's nonce.
    @return Whether it was.
    """
    return lanes._has_arrived(lane, convert(nonce, uint256))


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
def _land(lane: bytes32, id: bytes32, terms: uint256, lock_time: uint64, kind: uint256):
    """
    @dev Remember that units landed today. Units that left before today's first moment were in no closing
         balance meanwhile: with the message this proves for which closes. The others need no word.
    """
    clock: uint256 = lanes._day_clock(terms)
    if convert(lock_time, uint256) < unsafe_sub(block.timestamp, clock % lanes.SECONDS_PER_DAY):
        landing: uint256 = unsafe_div(clock, lanes.SECONDS_PER_DAY) | (kind << _KIND_SHIFT)
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
    nonce: uint256 = lanes._book_out(lane, terms, amount)
    flows._book_sent(lane, terms, amount)
    m: message.Message = message.Message(
        codec=message.CODEC,
        kind=kind,
        lane=lane,
        nonce=convert(nonce, uint64),
        lock_time=convert(block.timestamp, uint64),
        action_epoch=convert(lanes._epoch(terms), uint16),
        amount=amount,
        sender=convert(convert(msg.sender, uint256), bytes32),
        recipient=recipient,
        deadline=deadline,
    )
    id: bytes32 = message._id(m)
    page: uint256 = nonce >> _PAGE_SHIFT
    self.outbox[lane][page] = keccak256(concat(self.outbox[lane][page], id))
    log MessageSent(lane=lane, id=id, message=m)
    return id
