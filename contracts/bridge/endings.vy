# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Endings: what becomes at home of what a lane owes, once its remote ledger is dead for good
@license Apache-2.0
@author Tallystick
@notice Brings what was outstanding on a dead ledger back to its holders, by its last state and two registrars.
@dev A ledger that has stopped sends nothing any more, so what lies there could never be released. Its last state says
     whose it was. A registrar of the lane's token states it: last block, and the root of a tree of who gets how much at
     home. Every verifier of a valid epoch of the lane attests the statement; another registrar confirms it. From then
     on nothing leaves for that ledger, and a notice runs that is longer than any message's deadline: everybody makes
     the list anew from the last state; the guardian cancels what is wrong, anybody cancels by a message that left
     there after that last block. Arrivals go on. After it anyone ends the lane, for ever, and pays each leaf, once.
     A later list, by the same way, has what the first could not know: messages that were on their way home and had not
     arrived when the lane ended, holders whose account at home was found since.
     All lists together owe at most what is outstanding, and every payment lowers that: released ≤ locked (INV-2).
     A list is in the units of the dead ledger's last state, whose action epoch it states; what ratios here have made of
     them since is what is paid, rounded down for each leaf.

       LastState(bytes32 lane,uint256 list,uint256 number,bytes32 block_hash,uint256 time,uint256 epoch,bytes32 root,
                 uint256 total)
       attested as `Batch` of the lane, the statement's hash as its word, of 0 messages: no batch that is delivered
       leaf      keccak256(type, lane, list, index, account, amount), 192 bytes
       node      keccak256(lower child | higher child), 64 bytes, so that no node is a leaf
"""
from interfaces import ILaneCustody
from interfaces import IVerifier

from contracts.bridge import lanes
from contracts.bridge import message
from contracts.governance import access
from contracts.governance import instruction
from contracts.token import position

uses: access
uses: lanes

_LAST_STATE_TYPEHASH: constant(bytes32) = keccak256(
    "LastState(bytes32 lane,uint256 list,uint256 number,bytes32 block_hash,uint256 time,uint256 epoch,"
    "bytes32 root,uint256 total)"
)
_LEAF_TYPEHASH: constant(bytes32) = keccak256(
    "Leaf(bytes32 lane,uint256 list,uint256 index,address account,uint256 amount)"
)
# Later than the deadline of whatever left before the notice began: what can arrive by then has.
NOTICE: constant(uint256) = message.MAX_DEADLINE + 10 * 86400
# Enough for four billion leaves.
_MAX_DEPTH: constant(uint256) = 32


struct EndList:
    root: bytes32
    # Base units that are not paid yet, in those of the list.
    owed: uint256
    # In whose units it is.
    epoch: uint256


event EndProposed:
    lane: indexed(bytes32)
    statement: indexed(bytes32)
    registrar: indexed(address)
    state: lanes.LastState


event EndConfirmed:
    lane: indexed(bytes32)
    statement: indexed(bytes32)
    applies_from: uint256


event EndCancelled:
    lane: indexed(bytes32)
    statement: indexed(bytes32)
    cancelled_by: indexed(address)


# The ledger lives: that message left it after what was stated to be its last block.
event LifeShown:
    lane: indexed(bytes32)
    statement: indexed(bytes32)
    id: indexed(bytes32)


event LaneEnded:
    lane: indexed(bytes32)
    list: indexed(uint256)
    root: bytes32
    total: uint256


event ListedPaid:
    lane: indexed(bytes32)
    account: indexed(address)
    leaf: indexed(bytes32)
    list: uint256
    index: uint256
    # As it is listed; what ratios since have made of it is what the token transfers.
    amount: uint256


# ------------------------------------------------------ registrars, two keys


@external
def propose_end(
    lane: bytes32,
    state: lanes.LastState,
    attestation: Bytes[1034],
    second: Bytes[1034],
    reason: bytes4,
    document: bytes32,
) -> bytes32:
    """
    @notice Home: a registrar of the lane's token states the last state of its remote ledger, which is dead, and who
            gets what of it here; or a further list of a lane that has ended. Another registrar confirms it.
    @dev Replaces what was proposed before and not confirmed. Nothing stops by it.
    @param lane The lane.
    @param state The last state.
    @param attestation An epoch of the lane, 8 bytes, and what that epoch's verifier asks for, of the statement.
    @param second The same epoch, and what its second verifier asks for; nothing where there is none.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The statement's hash, which the other registrar names.
    @custom:role registrar of the token
    """
    assert (
        lanes._token_role(lane, msg.sender) == access.REGISTRAR
    ), "endings: proposed by its token's registrar"
    assert lanes._terms[lane] & lanes.HOME != 0, "endings: an end is at home"
    assert lanes._endings[lane].applies_from == 0, "endings: one is under way"
    # Of what is in force already no statement counts twice.
    assert state.list == lanes._lists[lane], "endings: not its next list"
    assert state.root != empty(bytes32) and state.total != 0, "endings: nothing listed"
    assert state.time <= block.timestamp, "endings: last block in the future"
    statement: bytes32 = self._statement(lane, state)
    self._verify(lane, message._batch_id(lane, statement, 0), True, attestation, second)
    lanes._endings[lane] = lanes.Ending(state=state, registrar=msg.sender, applies_from=0)
    instruction._record(empty(address), reason, document)
    log EndProposed(lane=lane, statement=statement, registrar=msg.sender, state=state)
    return statement


@external
def confirm_end(lane: bytes32, statement: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Another registrar confirms what one stated: nothing leaves on the lane from now on, and the notice runs.
    @param lane The lane.
    @param statement The statement's hash.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role registrar of the token
    """
    assert (
        lanes._token_role(lane, msg.sender) == access.REGISTRAR
    ), "endings: confirmed by its token's registrar"
    ending: lanes.Ending = lanes._endings[lane]
    assert ending.registrar != empty(address), "endings: none proposed"
    assert ending.applies_from == 0, "endings: confirmed already"
    assert statement == self._statement(lane, ending.state), "endings: not what was proposed"
    assert msg.sender != ending.registrar, "endings: needs another registrar"
    assert (
        lanes._token_role(lane, ending.registrar) == access.REGISTRAR
    ), "endings: its registrar is none any more"
    self._check_covered(lane, ending.state.total, ending.state.epoch)
    applies_from: uint256 = unsafe_add(block.timestamp, NOTICE)
    lanes._endings[lane].applies_from = applies_from
    lanes._terms[lane] |= lanes.ENDING
    instruction._record(ending.registrar, reason, document)
    log EndConfirmed(lane=lane, statement=statement, applies_from=applies_from)


@external
def cancel_end(lane: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Cancel an end, or a further list, until it is in force.
    @dev The guardian, of the escrow or of the lane's token, who finds the list wrong or the ledger alive; or a
         registrar, who thought better of it.
    @param lane The lane.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role guardian, registrar of the token, guardian of the token
    """
    role: uint256 = lanes._token_role(lane, msg.sender) & (access.REGISTRAR | access.GUARDIAN)
    assert (
        role != 0 or access._held[msg.sender] & access.GUARDIAN != 0
    ), "endings: cancelled by a guardian, or its token's registrar"
    statement: bytes32 = self._drop(lane)
    instruction._record(empty(address), reason, document)
    log EndCancelled(lane=lane, statement=statement, cancelled_by=msg.sender)


# --------------------------------------------------------------------- anyone


@external
def show_life(m: message.Message, attestation: Bytes[1034], second: Bytes[1034] = b""):
    """
    @notice Cancel an end, or a further list, by a message that left the remote ledger after its stated last block.
    @dev Proven as for a delivery, whether it was delivered or not.
    @param m The message, as its source logged it.
    @param attestation As for `deliver`.
    @param second As for `deliver`.
    @custom:role anyone
    """
    ending: lanes.Ending = lanes._endings[m.lane]
    assert (
        m.kind | message.RETURNED == message.RETURNED_RELEASE
    ), "endings: not from the remote ledger"
    assert convert(m.lock_time, uint256) > ending.state.time, "endings: it left before"
    id: bytes32 = message._id(m)
    self._verify(m.lane, id, False, attestation, second)
    statement: bytes32 = self._drop(m.lane)
    log LifeShown(lane=m.lane, statement=statement, id=id)


@external
def apply_end(lane: bytes32):
    """
    @notice End a lane whose notice is over, for ever, or put its further list in force.
    @dev Refused if more arrived meanwhile than the list leaves room for: then it was not a last state.
    @param lane The lane.
    @custom:role anyone
    """
    ending: lanes.Ending = lanes._endings[lane]
    assert ending.applies_from != 0, "endings: none under way"
    assert block.timestamp >= ending.applies_from, "endings: its notice runs"
    list: uint256 = lanes._lists[lane]
    lanes._promised[lane] = self._check_covered(lane, ending.state.total, ending.state.epoch)
    lanes._endings[lane] = empty(lanes.Ending)
    lanes._lists[lane] = unsafe_add(list, 1)
    lanes._roots[lane][list] = ending.state.root
    lanes._owed[lane][list] = ending.state.total | (ending.state.epoch << position.EPOCH_SHIFT)
    lanes._terms[lane] = (lanes._terms[lane] & ~lanes.ENDING) | lanes.ENDED
    log LaneEnded(lane=lane, list=list, root=ending.state.root, total=ending.state.total)


@external
def pay_listed(
    lane: bytes32,
    list: uint256,
    index: uint256,
    account: address,
    amount: uint256,
    proof: DynArray[bytes32, _MAX_DEPTH],
):
    """
    @notice Pay a leaf of a list that is in force to its account; once. Whom the token refuses is paid later, when it
            accepts him: a list has no end.
    @dev No pause and no suspension of the lane stops it, as none stops a claim.
    @param lane The lane.
    @param list The list, from 0.
    @param index Its place there.
    @param account Whom it names.
    @param amount Base units, in those of the list; what they are now is paid.
    @param proof Siblings from the leaf up.
    @custom:role anyone
    @custom:refused frozen to, expired to
    """
    root: bytes32 = lanes._roots[lane][list]
    assert root != empty(bytes32), "endings: no such list"
    terms: uint256 = lanes._current(lane)
    leaf: bytes32 = keccak256(abi_encode(_LEAF_TYPEHASH, lane, list, index, account, amount))
    word: bytes32 = leaf
    for sibling: bytes32 in proof:
        if convert(word, uint256) < convert(sibling, uint256):
            word = keccak256(concat(word, sibling))
        else:
            word = keccak256(concat(sibling, word))
    assert word == root, "endings: not on that list"
    assert not lanes._paid[leaf], "endings: paid already"
    lanes._paid[leaf] = True
    kept: uint256 = lanes._owed[lane][list]
    owed: uint256 = kept & lanes.AMOUNT_MAX
    # A tree can sum up to more than its statement says.
    assert amount <= owed, "endings: more than its list owes"
    since: uint256 = position._epoch(kept)
    units: uint256 = lanes._carried(lane, amount, since, terms)
    # What rounding down leaves of a leaf is promised to nobody.
    promised: uint256 = unsafe_sub(
        lanes._carried(lane, owed, since, terms),
        lanes._carried(lane, unsafe_sub(owed, amount), since, terms),
    )
    lanes._owed[lane][list] = unsafe_sub(kept, amount)
    lanes._promised[lane] -= promised
    assert units <= lanes._ledger[lane] & lanes.AMOUNT_MAX, "endings: more than is outstanding"
    lanes._ledger[lane] = unsafe_sub(lanes._ledger[lane], units)
    log ListedPaid(lane=lane, account=account, leaf=leaf, list=list, index=index, amount=amount)
    assert extcall ILaneCustody(lanes._opened_with[lane].custody).pay(
        account, units
    ), "endings: not paid"


# ---------------------------------------------------------------------- views


@external
@view
def end_of(lane: bytes32) -> lanes.Ending:
    """
    @notice The end, or the further list, of a lane that is proposed or under way.
    @param lane The lane.
    @return Last state, who proposed it, from when on anyone can apply it, 0: not confirmed; nothing: none.
    """
    return lanes._endings[lane]


@external
@view
def lists_of(lane: bytes32) -> uint256:
    """
    @notice How many lists of a lane are in force.
    @param lane The lane.
    @return How many.
    """
    return lanes._lists[lane]


@external
@view
def list_of(lane: bytes32, list: uint256) -> EndList:
    """
    @notice A list that is in force.
    @param lane The lane.
    @param list The list, from 0.
    @return Its root, nothing: there is none; base units that it still owes, and the epoch in whose units.
    """
    word: uint256 = lanes._owed[lane][list]
    return EndList(
        root=lanes._roots[lane][list],
        owed=word & lanes.AMOUNT_MAX,
        epoch=position._epoch(word),
    )


@external
@view
def is_paid(leaf: bytes32) -> bool:
    """
    @notice Whether a leaf was paid.
    @param leaf Its hash.
    @return Whether it was.
    """
    return lanes._paid[leaf]


@external
@view
def is_ended(lane: bytes32) -> bool:
    """
    @notice Whether a lane has ended, for ever.
    @param lane The lane.
    @return Whether it has.
    """
    return lanes._open_terms(lane) & lanes.ENDED != 0


# ------------------------------------------------------------------- internal


@internal
@pure
def _statement(lane: bytes32, state: lanes.LastState) -> bytes32:
    """
    @dev EIP-712 struct hash of a last state. All fields are one word.
    """
    return keccak256(abi_encode(_LAST_STATE_TYPEHASH, lane, state))


@internal
def _check_covered(lane: bytes32, total: uint256, epoch: uint256) -> uint256:
    """
    @dev What all lists owe with so much more, in units of now; revert if that is more than is outstanding.
    """
    terms: uint256 = lanes._current(lane)
    promised: uint256 = lanes._promised[lane] + lanes._carried(lane, total, epoch, terms)
    assert (
        promised <= lanes._ledger[lane] & lanes.AMOUNT_MAX
    ), "endings: lists of more than is outstanding"
    return promised


@internal
@view
def _verify(lane: bytes32, id: bytes32, batch: bool, attestation: Bytes[1034], second: Bytes[1034]):
    """
    @dev Every verifier of a valid epoch proves it, as for a delivery.
    """
    number: uint256 = convert(extract32(attestation, 0), uint256) >> 192
    epoch: uint256 = lanes._valid_epoch(lane, number)
    self._ask(convert(epoch >> 96, address), id, batch, attestation)
    if epoch & lanes.TWO == 0:
        assert len(second) == 0, "endings: one verifier alone"
        return
    assert len(second) != 0, "endings: needs two attestations"
    assert convert(extract32(second, 0), uint256) >> 192 == number, "endings: of two epochs"
    self._ask(lanes._seconds[lane][number], id, batch, second)


@internal
@view
def _ask(verifier: address, id: bytes32, batch: bool, attestation: Bytes[1034]):
    """
    @dev Revert unless a verifier finds it proven.
    """
    domain: bytes32 = message._domain_separator()
    proven: bool = False
    if batch:
        proven = staticcall IVerifier(verifier).verify_batch(domain, id, attestation)
    else:
        proven = staticcall IVerifier(verifier).verify(domain, id, attestation)
    assert proven, "endings: not verified"


@internal
def _drop(lane: bytes32) -> bytes32:
    """
    @dev Forget what is proposed or under way; what leaves goes on, unless the lane has ended. Returns the statement.
    """
    ending: lanes.Ending = lanes._endings[lane]
    assert ending.registrar != empty(address), "endings: none to cancel"
    lanes._endings[lane] = empty(lanes.Ending)
    lanes._terms[lane] &= ~lanes.ENDING
    return self._statement(lane, ending.state)
