# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Controls: eligibility, freezes, pauses and legal orders, decided on the position word
@license Apache-2.0
@author Tallystick
@notice Who may send and receive, and the privileged acts of registrar, custodian and guardian.
@dev ERC-7943 fixes the views and `setFrozenTokens`; the last two arguments of the privileged functions may be
     left out by a key with a standing instruction. A legal order needs two keys: the registrar enters it,
     the custodian carries it out. A forced transfer works while transfers are paused: an order
     of a court does not wait for us.
"""
from contracts.governance import access
from contracts.governance import instruction
from contracts.token import book
from contracts.token import position
from contracts.token import standard_errors

uses: access
uses: instruction
uses: book

_SECONDS_PER_DAY: constant(uint256) = 86400

# Scopes of a pause, as one bit mask.
TRANSFERS: constant(uint256) = 1
ISSUANCE: constant(uint256) = 2
LANES: constant(uint256) = 4
_ALL_SCOPES: constant(uint256) = 7
# The scopes stand in the issue word from the bit of PAUSED_TRANSFERS on.
_SCOPE_SHIFT: constant(uint256) = 252
# What makes an account more than an eligible holder.
_SPECIAL: constant(uint256) = position.FROZEN + position.LINK
_EXPIRY_MASK: constant(uint256) = 2**64 - 1
_REASON_MASK: constant(uint256) = 2**32 - 1


struct Order:
    registrar: address
    reason: bytes4
    expires_at: uint64
    document: bytes32


struct Position:
    balance: uint256
    frozen: uint256
    eligible_until: uint256
    last_movement: uint256
    epoch: uint256
    account_frozen: bool
    link: bool


# keccak256(abi_encode(from, to, amount)) -> registrar 160 | reason code 32 | time of expiry 64
_order_terms: HashMap[bytes32, uint256]
_order_document: HashMap[bytes32, bytes32]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


event Admitted:
    account: indexed(address)
    until_day: uint256


event LinkAccountSet:
    account: indexed(address)


event Frozen:
    account: indexed(address)
    amount: uint256


event AddressFrozen:
    account: indexed(address)
    frozen: indexed(bool)
    operator: indexed(address)


event Paused:
    scope: uint256
    account: address


event Unpaused:
    scope: uint256
    account: address


event OrderEntered:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256
    expires_at: uint64
    reason: bytes4
    document: bytes32


event OrderWithdrawn:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256


event ForcedTransfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256


# -------------------------------------------------------------------- registrar


@external
def admit(
    account: address,
    until_day: uint256,
    reason: bytes4 = empty(bytes4),
    document: bytes32 = empty(bytes32),
):
    """
    @notice Make an account eligible to hold, send and receive up to and including a day; 0 ends it.
    @param account The account.
    @param until_day Last day of eligibility, days since 1970-01-01 UTC, at most 65535.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._check_role(access.REGISTRAR)
    assert account != empty(address), "controls: no account"
    assert until_day <= position.DAY_MAX, "controls: day out of range"
    word: uint256 = book._positions[account]
    assert word & position.LINK == 0, "controls: link account"
    book._positions[account] = (word & position.NOT_EXPIRY) | (until_day << position.CONTROL_SHIFT)
    instruction._record(account, reason, document)
    log Admitted(account=account, until_day=until_day)


@external
def set_link_account(
    account: address, reason: bytes4 = empty(bytes4), document: bytes32 = empty(bytes32)
):
    """
    @notice Make a contract a link account: it holds units for others and is moved by itself alone.
    @dev For good, and only while it holds nothing. By the registrar, or the set-up key during set-up.
    @param account The contract, an escrow's custody.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._check_role_or_set_up(access.REGISTRAR)
    assert account.is_contract, "controls: link is no contract"
    word: uint256 = book._positions[account]
    assert position._lower(word) == 0, "controls: link holds units"
    assert word & position.LINK == 0, "controls: link already"
    book._positions[account] = (word | position.LINK | (position.DAY_MAX << position.CONTROL_SHIFT))
    instruction._record(account, reason, document)
    log LinkAccountSet(account=account)


@external
def enter_order(
    sender: address,
    receiver: address,
    amount: uint256,
    expires_at: uint64,
    reason: bytes4,
    document: bytes32,
):
    """
    @notice Enter a legal order to move units; the custodian carries it out with `forcedTransfer`.
    @param sender The account to debit.
    @param receiver The account to credit.
    @param amount Units, exactly.
    @param expires_at Time from which the order can't be carried out any more.
    @param reason Four-letter reason code.
    @param document Hash of the order.
    """
    access._check_role(access.REGISTRAR)
    assert expires_at > convert(block.timestamp, uint64), "controls: order expired at entry"
    assert sender != receiver, "controls: order to the same account"
    # The zero address keeps the closings of the supply; nobody holds there.
    assert sender != empty(address), "controls: order from nobody"
    stated: instruction.Instruction = instruction._stated(reason, document)
    instruction._record(sender, stated.reason, stated.document)
    order_id: bytes32 = self._order_id(sender, receiver, amount)
    self._order_terms[order_id] = (
        (convert(msg.sender, uint256) << 96)
        | (convert(stated.reason, uint256) << 64)
        | convert(expires_at, uint256)
    )
    self._order_document[order_id] = stated.document
    log OrderEntered(
        sender=sender,
        receiver=receiver,
        amount=amount,
        expires_at=expires_at,
        reason=stated.reason,
        document=stated.document,
    )


@external
def withdraw_order(
    sender: address, receiver: address, amount: uint256, reason: bytes4, document: bytes32
):
    """
    @notice Withdraw a legal order that was not carried out.
    @param sender The account it would debit.
    @param receiver The account it would credit.
    @param amount Its units.
    @param reason Four-letter reason code.
    @param document Hash of the document that withdraws it.
    """
    access._check_role(access.REGISTRAR)
    order_id: bytes32 = self._order_id(sender, receiver, amount)
    assert self._order_terms[order_id] != 0, "controls: no order to withdraw"
    self._order_terms[order_id] = 0
    self._order_document[order_id] = empty(bytes32)
    instruction._record(sender, reason, document)
    log OrderWithdrawn(sender=sender, receiver=receiver, amount=amount)


# -------------------------------------------------------------------- custodian


@external
def setFrozenTokens(
    account: address,
    amount: uint256,
    reason: bytes4 = empty(bytes4),
    document: bytes32 = empty(bytes32),
) -> bool:
    """
    @notice Set the frozen amount of an account, absolutely; it may be above the balance (ERC-7943).
    @dev Amounts that no balance can reach are kept, and read back, as the largest uint256: all of it.
    @param account The account.
    @param amount Units frozen after the call.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return True.
    """
    access._check_role(access.CUSTODIAN)
    kept: uint256 = min(amount, position.AMOUNT_MAX)
    word: uint256 = book._positions[account]
    assert word & position.LINK == 0, "controls: link can't be frozen"
    book._positions[account] = position._with_upper(word, kept)
    instruction._record(account, reason, document)
    log Frozen(account=account, amount=self._frozen_amount(kept))
    return True


@external
def setAddressFrozen(
    account: address,
    frozen: bool,
    reason: bytes4 = empty(bytes4),
    document: bytes32 = empty(bytes32),
):
    """
    @notice Freeze or unfreeze a whole account (ERC-3643).
    @param account The account.
    @param frozen Whether it is frozen after the call.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._check_role(access.CUSTODIAN)
    word: uint256 = book._positions[account]
    assert word & position.LINK == 0, "controls: link can't be frozen whole"
    if frozen:
        book._positions[account] = word | position.FROZEN
    else:
        book._positions[account] = word & ~position.FROZEN
    instruction._record(account, reason, document)
    log AddressFrozen(account=account, frozen=frozen, operator=msg.sender)


@external
@reentrant
def forcedTransfer(sender: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Carry out the legal order that the registrar entered for exactly these arguments (ERC-7943).
    @dev Takes frozen units too and lowers the frozen amount first. The receiver must be able to receive.
    @param sender The account to debit.
    @param receiver The account to credit.
    @param amount Units.
    @return True.
    """
    access._check_role(access.CUSTODIAN)
    order_id: bytes32 = self._order_id(sender, receiver, amount)
    terms: uint256 = self._order_terms[order_id]
    assert terms & _EXPIRY_MASK > block.timestamp, "controls: no order in force"
    # An order dies with the role of the registrar who entered it (INV-9).
    registrar: address = convert(terms >> 96, address)
    assert access.role_of[registrar] == access.REGISTRAR, "controls: registrar lost its role"
    document: bytes32 = self._order_document[order_id]
    self._order_terms[order_id] = 0
    self._order_document[order_id] = empty(bytes32)
    word: uint256 = book._positions[sender]
    assert word & position.LINK == 0, "controls: order on a link account"
    target: uint256 = book._positions[receiver]
    if not self._may_move(target, receiver) or receiver == empty(address):
        standard_errors._cannot_receive(receiver)
    balance: uint256 = position._lower(word)
    if amount > balance:
        standard_errors._insufficient_balance(sender, balance, amount)
    unfrozen: uint256 = self._unfrozen(word)
    if amount > unfrozen:
        # Only what is taken is unfrozen; a freeze above the balance stays one.
        frozen: uint256 = unsafe_sub(position._upper(word), unsafe_sub(amount, unfrozen))
        word = position._with_upper(word, frozen)
        log Frozen(account=sender, amount=frozen)
    instruction._record(
        sender, convert(convert((terms >> 64) & _REASON_MASK, uint32), bytes4), document
    )
    day: uint256 = book._business_day(book._issue)
    book._debit(sender, word, amount, day)
    book._credit(receiver, target, amount, day)
    log book.Transfer(sender=sender, receiver=receiver, value=amount)
    log ForcedTransfer(sender=sender, receiver=receiver, amount=amount)
    return True


# --------------------------------------------------------------------- guardian


@external
def pause(scope: uint256, reason: bytes4 = empty(bytes4), document: bytes32 = empty(bytes32)):
    """
    @notice Stop transfers (1), issuance (2), lanes (4), or any sum of them, at once.
    @param scope What to stop.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._check_role(access.GUARDIAN)
    assert scope != 0 and scope <= _ALL_SCOPES, "controls: unknown scope"
    book._issue = book._issue | (scope << _SCOPE_SHIFT)
    instruction._record(empty(address), reason, document)
    log Paused(scope=scope, account=msg.sender)


@external
def unpause(scope: uint256, reason: bytes4 = empty(bytes4), document: bytes32 = empty(bytes32)):
    """
    @notice Let go on what a guardian stopped; another role's act.
    @param scope What to let go on.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._check_role(access.ADMINISTRATOR)
    assert scope != 0 and scope <= _ALL_SCOPES, "controls: unknown scope to lift"
    book._issue = book._issue & ~(scope << _SCOPE_SHIFT)
    instruction._record(empty(address), reason, document)
    log Unpaused(scope=scope, account=msg.sender)


# ------------------------------------------------------------------------ views


@external
@view
def canSend(account: address) -> bool:
    """
    @notice Whether an account may send at all (ERC-7943): eligible, not frozen, not a link account.
    @param account The account.
    @return Whether it may.
    """
    return self._may_move(book._positions[account], account)


@external
@view
def canReceive(account: address) -> bool:
    """
    @notice Whether an account may receive at all (ERC-7943): eligible, not frozen, not a link account.
    @param account The account.
    @return Whether it may.
    """
    return account != empty(address) and self._may_move(book._positions[account], account)


@external
@view
@reentrant
def canTransfer(sender: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Whether a transfer would be accepted, given balance and allowance (ERC-7943, INV-8).
    @param sender The account to debit.
    @param receiver The account to credit.
    @param amount Units.
    @return Whether it would.
    """
    issue: uint256 = book._issue
    if issue & position.PAUSED_TRANSFERS != 0 or receiver == empty(address):
        return False
    word: uint256 = book._positions[sender]
    if not self._may_move(word, sender):
        return False
    target: uint256 = book._positions[receiver]
    if not self._may_move(target, receiver):
        return False
    if target & position.LINK != 0 and issue & position.PAUSED_LANES != 0:
        return False
    # A shortage of balance is not for this view; only units that are there but frozen are.
    return amount > position._lower(word) or amount <= self._unfrozen(word)


@external
@view
def getFrozenTokens(account: address) -> uint256:
    """
    @notice The frozen amount of an account (ERC-7943, ERC-3643); may be above its balance.
    @param account The account.
    @return Units.
    """
    return self._frozen_amount(position._upper(book._positions[account]))


@external
@view
def isFrozen(account: address) -> bool:
    """
    @notice Whether the whole account is frozen (ERC-3643).
    @param account The account.
    @return Whether it is.
    """
    return book._positions[account] & position.FROZEN != 0


@external
@view
def eligible_until(account: address) -> uint256:
    """
    @notice Last day of an account's eligibility.
    @param account The account.
    @return Days since 1970-01-01 UTC; 0: not admitted.
    """
    return position._expiry(book._positions[account])


@external
@view
def is_link(account: address) -> bool:
    """
    @notice Whether an account holds units for others and is never entitled itself.
    @param account The account.
    @return Whether it does.
    """
    return book._positions[account] & position.LINK != 0


@external
@view
def paused() -> bool:
    """
    @notice Whether transfers are paused (ERC-3643).
    @return Whether they are.
    """
    return book._issue & position.PAUSED_TRANSFERS != 0


@external
@view
def paused_scopes() -> uint256:
    """
    @notice What is paused: transfers (1), issuance (2), lanes (4).
    @return The sum.
    """
    return (book._issue >> _SCOPE_SHIFT) & _ALL_SCOPES


@external
@view
def order_in_force(sender: address, receiver: address, amount: uint256) -> Order:
    """
    @notice The legal order for exactly these arguments.
    @param sender The account to debit.
    @param receiver The account to credit.
    @param amount Units.
    @return The order; empty if there is none.
    """
    order_id: bytes32 = self._order_id(sender, receiver, amount)
    terms: uint256 = self._order_terms[order_id]
    return Order(
        registrar=convert(terms >> 96, address),
        reason=convert(convert((terms >> 64) & _REASON_MASK, uint32), bytes4),
        expires_at=convert(terms & _EXPIRY_MASK, uint64),
        document=self._order_document[order_id],
    )


@external
@view
def position_of(account: address) -> Position:
    """
    @notice All that the token knows of an account.
    @param account The account.
    @return Its position.
    """
    word: uint256 = book._positions[account]
    return Position(
        balance=position._lower(word),
        frozen=self._frozen_amount(position._upper(word)),
        eligible_until=position._expiry(word),
        last_movement=position._day(word),
        epoch=position._epoch(word),
        account_frozen=word & position.FROZEN != 0,
        link=word & position.LINK != 0,
    )


# --------------------------------------------------------------------- internal


@internal
@view
def _may_move(word: uint256, account: address) -> bool:
    """
    @dev Neither frozen nor past its eligibility; a link account only in calls of its own.
    """
    if (word >> position.CONTROL_SHIFT) & position.DAY_MAX < block.timestamp // _SECONDS_PER_DAY:
        return False
    if word & _SPECIAL == 0:
        return True
    return word & position.FROZEN == 0 and account == msg.sender


@internal
@pure
def _unfrozen(word: uint256) -> uint256:
    """
    @dev What of the balance is not frozen; saturates.
    """
    balance: uint256 = word & position.AMOUNT_MAX
    frozen: uint256 = (word >> position.UPPER_SHIFT) & position.AMOUNT_MAX
    if frozen == 0:
        return balance
    return unsafe_sub(balance, min(balance, frozen))


@internal
@pure
def _frozen_amount(kept: uint256) -> uint256:
    """
    @dev The kept amount as the standard's uint256: the largest field value stands for all.
    """
    return max_value(uint256) if kept == position.AMOUNT_MAX else kept


@internal
@pure
def _order_id(sender: address, receiver: address, amount: uint256) -> bytes32:
    """
    @dev Key of an order.
    """
    return keccak256(abi_encode(sender, receiver, amount))


@internal
def _transfer(sender: address, receiver: address, amount: uint256):
    """
    @dev A holder's transfer with every control. Checks, then effects; calls nothing outside.
    """
    issue: uint256 = book._issue
    assert issue & position.PAUSED_TRANSFERS == 0, "controls: transfers paused"
    if receiver == empty(address):
        standard_errors._invalid_receiver(receiver)
    word: uint256 = book._positions[sender]
    self._check_debit(sender, word, amount)
    # From here on the sender's word is written before the receiver's is read: they may be one.
    day: uint256 = book._business_day(issue)
    if amount != 0:
        book._debit(sender, word, amount, day)
    self._arrive(sender, receiver, amount, day)


@internal
@view
def _check_debit(sender: address, word: uint256, amount: uint256):
    """
    @dev Revert unless the account may send, and has that much unfrozen.
    """
    if not self._may_move(word, sender):
        standard_errors._cannot_send(sender)
    if amount > self._unfrozen(word):
        balance: uint256 = position._lower(word)
        if amount > balance:
            standard_errors._insufficient_balance(sender, balance, amount)
        standard_errors._insufficient_unfrozen_balance(sender, amount, self._unfrozen(word))


@internal
def _arrive(sender: address, receiver: address, amount: uint256, day: uint256):
    """
    @dev Credit the receiver of a transfer, who may be its sender (its word is read anew). Nothing
         moves with an amount of 0: a stranger who sends nothing from somebody's account leaves no
         trace in its history.
    """
    target: uint256 = book._positions[receiver]
    if not self._may_move(target, receiver):
        standard_errors._cannot_receive(receiver)
    if target & position.LINK != 0:
        # What leaves over a lane stops with the lanes; what comes back to a holder goes on.
        assert book._issue & position.PAUSED_LANES == 0, "controls: lanes paused"
    if amount != 0:
        book._credit(receiver, target, amount, day)
    log book.Transfer(sender=sender, receiver=receiver, value=amount)
