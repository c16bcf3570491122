# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Controls: eligibility, freezes, pauses and legal orders, decided on the position word
@license Apache-2.0
@author Tallystick
@notice Who may send and receive, and the privileged acts of registrar, custodian and guardian.
@dev ERC-7943 fixes the views and `setFrozenTokens`; where a standard's function has no room for reason and
     document, they may be left out, and the key's standing instruction stands for them. A legal order needs
     two keys: the registrar enters it, the custodian carries it out; a link account needs the same two. A
     forced transfer works while transfers are paused: an order of a court does not wait for us.
"""
from interfaces import IReleaseAuthority

from contracts.governance import access
from contracts.governance import instruction
from contracts.governance import stops
from contracts.token import book
from contracts.token import position
from contracts.token import standard_errors
from contracts.token import standing

uses: access
uses: stops
uses: standing
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
# What a custodian can freeze of an account: all of it, or an amount.
_FREEZES: constant(uint256) = position.FROZEN + position.AMOUNT_MAX * 2**104
_EXPIRY_MASK: constant(uint256) = 2**40 - 1
_REASON_SHIFT: constant(uint256) = 40
_REASON_MASK: constant(uint256) = 2**32 - 1
_TERM_SHIFT: constant(uint256) = 72


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


# keccak256(abi_encode(from, to, amount)) -> registrar 160 | its term 24 | reason code 32 | time of expiry 40
_order_terms: HashMap[bytes32, uint256]
_order_document: HashMap[bytes32, bytes32]
# Created this token's proxy; knows the code of a custody and where the registry is.
release_authority: public(address)
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


event Admitted:
    account: indexed(address)
    until_day: uint256


event LinkAccountProposed:
    act: indexed(bytes32)
    account: indexed(address)
    link: bool


event LinkAccountSet:
    account: indexed(address)
    link: bool


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
    ends_at: uint256


event Unpaused:
    scope: uint256
    account: address
    # At the latest.
    ends_at: uint256


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
def admit(account: address, until_day: uint256, reason: bytes4, document: bytes32):
    """
    @notice Make an account eligible to hold, send and receive up to and including a day; 0 ends it.
    @param account The account.
    @param until_day Last day of eligibility, days since 1970-01-01 UTC, at most 65535.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role registrar
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
def propose_link_account(
    account: address, link: bool, reason: bytes4, document: bytes32
) -> bytes32:
    """
    @notice The registrar proposes that an account becomes a link account, or ends being one.
    @param account A lane's custody.
    @param link Whether it is one after the act.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role registrar
    """
    act: bytes32 = self._link_act(account, link)
    access._propose(act, access.REGISTRAR, access.CUSTODIAN, account, reason, document)
    log LinkAccountProposed(act=act, account=account, link=link)
    return act


@external
def set_link_account(account: address, link: bool, reason: bytes4, document: bytes32):
    """
    @notice Make a custody a link account: it holds units for others and is moved by itself alone; or end that.
    @dev Either only while it holds nothing. By the set-up key, or by the custodian after the registrar's proposal.
         Nobody can freeze a link account or move it by order: hence only the code of a lane's custody, known
         to the release authority, and nothing that a freeze of before would keep. One that ends stays frozen:
         the registrar alone can't make it a holder.
    @param account A lane's custody.
    @param link Whether it is one after the call.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role custodian, set-up key
    """
    access._carry_out(self._link_act(account, link), access.CUSTODIAN)
    word: uint256 = book._positions[account]
    assert position._lower(word) == 0, "controls: link holds units"
    assert (word & position.LINK != 0) != link, "controls: link unchanged"
    # Its class is history: the day's opening says what it was. Of its word day of movement and epoch stay.
    word = book._begun(account, word, book._issue)
    word = (word & position.NOT_EXPIRY) ^ position.LINK
    if link:
        assert word & _FREEZES == 0, "controls: link is frozen"
        assert staticcall IReleaseAuthority(self.release_authority).is_custody(
            account, self
        ), "controls: link is no custody"
        word |= position.DAY_MAX << position.CONTROL_SHIFT
    else:
        word |= position.FROZEN
        log AddressFrozen(account=account, frozen=True, operator=msg.sender)
    book._positions[account] = word
    instruction._record(account, reason, document)
    log LinkAccountSet(account=account, link=link)


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
    @dev It states its own reason and document: no standing instruction orders anything. None is replaced unseen.
    @param sender The account to debit.
    @param receiver The account to credit.
    @param amount Units, exactly.
    @param expires_at Time from which the order can't be carried out any more.
    @param reason Four-letter reason code.
    @param document Hash of the order.
    @custom:role registrar
    """
    access._check_role(access.REGISTRAR)
    # Beyond 40 bits lies no block's time: what expires there, or at their end, never does.
    expiry: uint256 = min(convert(expires_at, uint256), _EXPIRY_MASK)
    assert expiry > block.timestamp, "controls: order expired at entry"
    assert sender != receiver, "controls: order to same account"
    # The zero address keeps the closings of the supply; nobody holds there.
    assert sender != empty(address), "controls: order from nobody"
    order_id: bytes32 = self._order_id(sender, receiver, amount, book._issue_now())
    assert self._order_terms[order_id] == 0, "controls: order entered already"
    self._order_terms[order_id] = (
        ((access._warrant(msg.sender) >> 16) << _TERM_SHIFT)
        | (convert(reason, uint256) << _REASON_SHIFT)
        | expiry
    )
    self._order_document[order_id] = document
    instruction._record(sender, reason, document)
    log OrderEntered(
        sender=sender,
        receiver=receiver,
        amount=amount,
        expires_at=convert(expiry, uint64),
        reason=reason,
        document=document,
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
    @custom:role registrar
    """
    access._check_role(access.REGISTRAR)
    order_id: bytes32 = self._order_id(sender, receiver, amount, book._issue_now())
    assert self._order_terms[order_id] != 0, "controls: no order to withdraw"
    self._order_terms[order_id] = 0
    self._order_document[order_id] = empty(bytes32)
    instruction._record(sender, reason, document)
    log OrderWithdrawn(sender=sender, receiver=receiver, amount=amount)


@external
def announce_close(day: uint256, reason: bytes4, document: bytes32):
    """
    @notice Announce the close of a business day, a record date: its closings are answered for ever.
    @dev Ahead of it, or up to seven days late. Sixteen are remembered; the oldest makes room once the next has passed.
    @param day The business day.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role registrar
    """
    access._check_role(access.REGISTRAR)
    instruction._record(empty(address), reason, document)
    book._announce(day)


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
    @custom:role custodian
    """
    access._check_role(access.CUSTODIAN)
    kept: uint256 = min(amount, position.AMOUNT_MAX)
    issue: uint256 = book._issue_now()
    word: uint256 = book._word(account, issue, 1)
    assert word & position.LINK == 0, "controls: link can't be frozen"
    book._positions[account] = position._with_upper(word, kept)
    standing._record(account, reason, document)
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
    @custom:role custodian
    """
    access._check_role(access.CUSTODIAN)
    word: uint256 = book._positions[account]
    assert word & position.LINK == 0, "controls: link stays unfrozen"
    if frozen:
        book._positions[account] = word | position.FROZEN
    else:
        book._positions[account] = word & ~position.FROZEN
    standing._record(account, reason, document)
    log AddressFrozen(account=account, frozen=frozen, operator=msg.sender)


@external
@reentrant
def forcedTransfer(sender: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Carry out the legal order that the registrar entered for exactly these arguments (ERC-7943).
    @dev Takes frozen units too and lowers the frozen amount first, unless it stands for all. The receiver must
         be able to receive.
    @param sender The account to debit.
    @param receiver The account to credit.
    @param amount Units.
    @return True.
    @custom:role custodian
    @custom:refused frozen to, expired to
    """
    access._check_role(access.CUSTODIAN)
    issue: uint256 = book._issue_now()
    order_id: bytes32 = self._order_id(sender, receiver, amount, issue)
    terms: uint256 = self._order_terms[order_id]
    assert terms & _EXPIRY_MASK > block.timestamp, "controls: no order in force"
    assert self._registrar(terms) != empty(address), "controls: registrar lost role"
    document: bytes32 = self._order_document[order_id]
    self._order_terms[order_id] = 0
    self._order_document[order_id] = empty(bytes32)
    word: uint256 = book._word(sender, issue, amount)
    assert word & position.LINK == 0, "controls: order on link account"
    target: uint256 = book._word(receiver, issue, amount)
    if not self._may_move(target, receiver) or receiver == empty(address):
        standard_errors._cannot_receive(receiver)
    balance: uint256 = position._lower(word)
    if amount > balance:
        standard_errors._insufficient_balance(sender, balance, amount)
    unfrozen: uint256 = self._unfrozen(word)
    if amount > unfrozen:
        # Only what is taken is unfrozen: a freeze above the balance stays one, a freeze of all stays one of all.
        frozen: uint256 = position._upper(word)
        if frozen != position.AMOUNT_MAX:
            frozen = unsafe_sub(frozen, unsafe_sub(amount, unfrozen))
            word = position._with_upper(word, frozen)
        log Frozen(account=sender, amount=self._frozen_amount(frozen))
    instruction._record(
        sender, convert(convert((terms >> _REASON_SHIFT) & _REASON_MASK, uint32), bytes4), document
    )
    day: uint256 = book._business_day(issue)
    book._debit(sender, word, amount, day)
    book._credit(receiver, target, amount, day)
    log book.Transfer(sender=sender, receiver=receiver, value=amount)
    log ForcedTransfer(sender=sender, receiver=receiver, amount=amount)
    return True


# --------------------------------------------------------------------- guardian


@external
def pause(scope: uint256, reason: bytes4, document: bytes32):
    """
    @notice Stop transfers (1), issuance (2), lanes (4), or any sum of them, at once.
    @dev By the guardian for a week; an administrator prolongs what the guardian stopped, and the other way round,
         see Stops. Transfers stop with all that leaves for another ledger; lanes: what leaves alone. What arrives is
         stopped by the escrow, lane by lane, and claims by nobody.
    @param scope What to stop, or to prolong.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator, guardian
    """
    access._check_role(access.GUARDIAN | access.ADMINISTRATOR)
    assert scope != 0 and scope <= _ALL_SCOPES, "controls: unknown scope"
    ends_at: uint256 = stops._stop(empty(bytes32), scope)
    book._issue = book._issue | (scope << _SCOPE_SHIFT)
    instruction._record(empty(address), reason, document)
    log Paused(scope=scope, account=msg.sender, ends_at=ends_at)


@external
def unpause(scope: uint256, reason: bytes4, document: bytes32):
    """
    @notice Let go on, within a day, what a guardian stopped; another role's act.
    @dev The guardian may stop it anew meanwhile. What has ended by itself still costs every transfer a look at when,
         until it is lifted here.
    @param scope What to let go on.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role administrator
    """
    access._check_role(access.ADMINISTRATOR)
    assert scope != 0 and scope <= _ALL_SCOPES, "controls: unknown scope to lift"
    ended: uint256 = stops._lift(empty(bytes32), scope)
    book._issue = book._issue & ~(ended << _SCOPE_SHIFT)
    instruction._record(empty(address), reason, document)
    log Unpaused(
        scope=scope, account=msg.sender, ends_at=unsafe_add(block.timestamp, stops.LIFT_DELAY)
    )


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
    @dev With nothing frozen, any amount; else at most what is not frozen.
    @param sender The account to debit.
    @param receiver The account to credit.
    @param amount Units.
    @return Whether it would.
    """
    word: uint256 = book._positions[sender]
    if receiver == empty(address) or not self._may_move(word, sender):
        return False
    if word & position.LINK == 0 and self._is_paused(position.PAUSED_TRANSFERS):
        return False
    target: uint256 = book._positions[receiver]
    if not self._may_move(target, receiver):
        return False
    if target & position.LINK != 0 and self._is_paused(position.PAUSED_LANES):
        return False
    # A mere shortage of balance is not for this view.
    if position._upper(word) == 0:
        return True
    word = book._now(word)
    return position._upper(word) == 0 or amount <= self._unfrozen(word)


@external
@view
def getFrozenTokens(account: address) -> uint256:
    """
    @notice The frozen amount of an account (ERC-7943, ERC-3643); may be above its balance.
    @param account The account.
    @return Units.
    """
    return self._frozen_amount(position._upper(book._now(book._positions[account])))


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
    return self._is_paused(position.PAUSED_TRANSFERS)


@external
@view
def paused_scopes() -> uint256:
    """
    @notice What is paused: transfers (1), issuance (2), lanes (4).
    @return The sum.
    """
    return stops._running(empty(bytes32), _ALL_SCOPES)


@external
@view
def order_in_force(sender: address, receiver: address, amount: uint256) -> Order:
    """
    @notice The legal order for exactly these arguments, as long as it can be carried out.
    @param sender The account to debit.
    @param receiver The account to credit.
    @param amount Units.
    @return The order; empty if there is none, it has expired, or its registrar lost the role.
    """
    order_id: bytes32 = self._order_id(sender, receiver, amount, book._in_force(book._issue))
    terms: uint256 = self._order_terms[order_id]
    registrar: address = self._registrar(terms)
    if terms & _EXPIRY_MASK <= block.timestamp or registrar == empty(address):
        return empty(Order)
    return Order(
        registrar=registrar,
        reason=convert(convert((terms >> _REASON_SHIFT) & _REASON_MASK, uint32), bytes4),
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
    word: uint256 = book._now(book._positions[account])
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
@view
def _is_paused(flag: uint256) -> bool:
    """
    @dev Whether a pause is in force; asked only while its flag stands in the issue word, which says that it may be.
    """
    return stops._running(empty(bytes32), flag >> _SCOPE_SHIFT) != 0


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
def _order_id(sender: address, receiver: address, amount: uint256, issue: uint256) -> bytes32:
    """
    @dev Key of an order. It is in the units of its entry: a ratio leaves none in force.
    """
    return keccak256(abi_encode(sender, receiver, amount, position._epoch(issue)))


@internal
@view
def _registrar(terms: uint256) -> address:
    """
    @dev Who entered an order; empty once that registrar's role is lost: an order dies with it (INV-9).
    """
    return access._holder(((terms >> _TERM_SHIFT) << 16) | access.REGISTRAR)


@internal
@pure
def _link_act(account: address, link: bool) -> bytes32:
    """
    @dev Hash of the act of making or ending a link account.
    """
    return keccak256(abi_encode("set_link_account", account, link))


@internal
def _transfer(sender: address, receiver: address, amount: uint256):
    """
    @dev A holder's transfer with every control. Checks, then effects; calls nothing outside.
    """
    issue: uint256 = book._issue
    if issue & position.PENDING != 0:
        issue = book._raised(issue)
    word: uint256 = book._positions[sender]
    if issue & position.PAUSED_TRANSFERS != 0:
        # What a link account pays out has arrived: no pause of the token keeps it from its owner.
        assert (
            word & position.LINK != 0 or not self._is_paused(position.PAUSED_TRANSFERS)
        ), "controls: transfers paused"
    if receiver == empty(address):
        standard_errors._invalid_receiver(receiver)
    if (word ^ issue) & position.EPOCH_FIELD != 0:
        if amount != 0:
            word = book._brought_up(sender, word, issue)
    self._check_debit(sender, word, amount)
    day: uint256 = book._business_day(issue)
    if receiver != sender:
        book._debit(sender, word, amount, day)
    self._arrive(sender, receiver, amount, day, issue)


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
def _arrive(sender: address, receiver: address, amount: uint256, day: uint256, issue: uint256):
    """
    @dev Credit the receiver of a transfer, unless it is its sender: then nothing moves.
    """
    target: uint256 = book._positions[receiver]
    if not self._may_move(target, receiver):
        standard_errors._cannot_receive(receiver)
    if target & position.LINK != 0:
        # What leaves over a lane stops with the lanes; what comes back to a holder goes on.
        if issue & position.PAUSED_LANES != 0:
            assert not self._is_paused(position.PAUSED_LANES), "controls: lanes paused"
    if receiver != sender:
        if (target ^ issue) & position.EPOCH_FIELD != 0:
            if amount != 0:
                target = book._brought_up(receiver, target, issue)
        book._credit(receiver, target, amount, day)
    log book.Transfer(sender=sender, receiver=receiver, value=amount)
