# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Controls: eligibility, freezes and pauses, decided on the position word
@license Apache-2.0
@author Tallystick
@notice Who may send and receive, and the privileged acts of registrar, custodian and guardian.
@dev ERC-7943 fixes the views and `setFrozenTokens`; where a standard's function has no room for reason and
     document, they may be left out, and the key's standing instruction stands for them. A class needs two
     keys: the registrar proposes it, the custodian gives it.
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
# One call's accounts, as in `erc20`.
_MAX_BATCH: constant(uint256) = 256

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


struct Position:
    balance: uint256
    frozen: uint256
    eligible_until: uint256
    last_movement: uint256
    epoch: uint256
    orders: uint256
    account_frozen: bool
    link: bool
    pool: bool


# Created this token's proxy; knows the code of a custody and where the registry is.
release_authority: public(address)
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


event Admitted:
    account: indexed(address)
    until_day: uint256


event ClassProposed:
    act: indexed(bytes32)
    account: indexed(address)
    account_class: uint256


event ClassSet:
    account: indexed(address)
    account_class: uint256


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


event SuspensionSet:
    suspended: bool


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
    instruction._record(account, reason, document)
    self._admit(account, until_day)


@external
def batch_admit(
    accounts: DynArray[address, _MAX_BATCH],
    until_day: uint256,
    reason: bytes4,
    document: bytes32,
):
    """
    @notice Admit many accounts up to and including one day under one document, all or none; 0 ends it.
    @param accounts The accounts.
    @param until_day Last day of eligibility, as for `admit`.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role registrar
    """
    access._check_role(access.REGISTRAR)
    instruction._record(empty(address), reason, document)
    for account: address in accounts:
        self._admit(account, until_day)


@external
def propose_class(
    account: address, account_class: uint256, reason: bytes4, document: bytes32
) -> bytes32:
    """
    @notice The registrar proposes what an account is: a holder (0), a link account (1) or a pool (2).
    @param account The account.
    @param account_class What it is after the act.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role registrar
    """
    act: bytes32 = self._class_act(account, account_class)
    access._propose(act, access.REGISTRAR, access.CUSTODIAN, account, reason, document)
    log ClassProposed(act=act, account=account, account_class=account_class)
    return act


@external
def set_class(account: address, account_class: uint256, reason: bytes4, document: bytes32):
    """
    @notice Make an account a link account (1), which holds units for others and is moved by itself alone; a pool
            (2), a holder that is never entitled; or a mere holder (0).
    @dev Only while it holds nothing: nobody's units lose their entitlement. By the set-up key, or by the custodian
         after the registrar's proposal. Nobody can freeze a link account or move it by order: hence only the code
         of a lane's custody, known to the release authority, and nothing that a freeze of before would keep. One
         that ends stays frozen: the registrar alone can't make it a holder. A pool is admitted, frozen and put
         under orders as any holder.
    @param account The account.
    @param account_class What it is after the call.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role custodian, set-up key
    """
    access._carry_out(self._class_act(account, account_class), access.CUSTODIAN)
    assert account_class <= position.CLASS_POOL, "controls: unknown class"
    # Under the token's own address other bridges' counts have their history.
    assert account != empty(address) and account != self, "controls: class of nobody"
    word: uint256 = book._positions[account]
    assert position._lower(word) == 0, "controls: account holds units"
    chosen: uint256 = 0
    if account_class != position.CLASS_HOLDER:
        chosen = position.LINK if account_class == position.CLASS_LINK else position.POOL
    ended: uint256 = word & position.CLASSES
    assert ended != chosen, "controls: class unchanged"
    # Its class is history: the day's opening says what it was.
    word = book._begun(account, word, book._issue) ^ (ended | chosen)
    if chosen == position.LINK:
        assert word & _FREEZES == 0, "controls: link is frozen"
        assert staticcall IReleaseAuthority(self.release_authority).is_custody(
            account, self
        ), "controls: link is no custody"
        word |= position.DAY_MAX << position.CONTROL_SHIFT
    elif ended == position.LINK:
        # Of its word day of movement and epoch stay.
        word = (word & position.NOT_EXPIRY) | position.FROZEN
        log AddressFrozen(account=account, frozen=True, operator=msg.sender)
    book._positions[account] = word
    instruction._record(account, reason, document)
    log ClassSet(account=account, account_class=account_class)


@external
def announce_close(day: uint256, reason: bytes4, document: bytes32):
    """
    @notice Announce the close of a business day, a record date: its closings are answered for ever.
    @dev Ahead of it, or up to seven days late. Sixteen are remembered; the oldest makes room once the next has passed.
    @param day The business day.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role registrar, actions
    """
    access._check_role(access.REGISTRAR | access.ACTIONS)
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
    @dev Amounts that no balance can reach are kept, and read back, as the largest uint256: all of it. What legal orders
         block is part of it: while one stands, the amount is not lowered.
    @param account The account.
    @param amount Units frozen after the call.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return True.
    @custom:role custodian
    """
    access._check_role(access.CUSTODIAN)
    standing._record(account, reason, document)
    self._freeze_amount(account, amount)
    return True


@external
def batchSetFrozenTokens(
    accounts: DynArray[address, _MAX_BATCH],
    amounts: DynArray[uint256, _MAX_BATCH],
    reason: bytes4,
    document: bytes32,
):
    """
    @notice Set the frozen amounts of many accounts, absolutely, under one document, all or none.
    @dev ERC-3643's `batchFreezePartialTokens` adds to what is frozen: another act, under another name.
    @param accounts The accounts.
    @param amounts Units frozen after the call, of each of them.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role custodian
    """
    access._check_role(access.CUSTODIAN)
    assert len(accounts) == len(amounts), "controls: lists of amounts differ"
    instruction._record(empty(address), reason, document)
    for i: uint256 in range(len(accounts), bound=_MAX_BATCH):
        self._freeze_amount(accounts[i], amounts[i])


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
    standing._record(account, reason, document)
    self._freeze(account, frozen)


@external
def batchSetAddressFrozen(
    accounts: DynArray[address, _MAX_BATCH],
    frozen: DynArray[bool, _MAX_BATCH],
    reason: bytes4 = empty(bytes4),
    document: bytes32 = empty(bytes32),
):
    """
    @notice Freeze or unfreeze many accounts under one document, all or none (ERC-3643).
    @param accounts The accounts.
    @param frozen Whether each of them is frozen after the call.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role custodian
    """
    access._check_role(access.CUSTODIAN)
    assert len(accounts) == len(frozen), "controls: lists of freezes differ"
    standing._record(empty(address), reason, document)
    for i: uint256 in range(len(accounts), bound=_MAX_BATCH):
        self._freeze(accounts[i], frozen[i])


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


# ----------------------------------------------------------------------- engine


@external
def set_suspended(suspended: bool, reason: bytes4, document: bytes32):
    """
    @notice Suspend the instrument on this ledger, or let it go on: transfers, issuance and all that leaves.
    @dev Its actions engine does, by facts alone (R-14). Beside the guardian's pauses: neither lifts the other, and this
         one does not end by itself. Claims and what arrives go on, as under those.
    @param suspended Whether it is suspended after the call.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role actions
    """
    access._check_role(access.ACTIONS)
    if suspended:
        book._issue = book._issue | position.SUSPENDED
    else:
        book._issue = book._issue & ~position.SUSPENDED
    instruction._record(empty(address), reason, document)
    log SuspensionSet(suspended=suspended)


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
    if word & position.LINK == 0 and self._is_stopped():
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
    @notice Whether transfers are paused (ERC-3643), or the instrument is suspended here.
    @return Whether they are.
    """
    return self._is_stopped()


@external
@view
def is_suspended() -> bool:
    """
    @notice Whether the instrument is suspended on this ledger.
    @return Whether it is.
    """
    return book._issue & position.SUSPENDED != 0


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
        orders=position._orders(word),
        account_frozen=word & position.FROZEN != 0,
        link=word & position.LINK != 0,
        pool=word & position.POOL != 0,
    )


# --------------------------------------------------------------------- internal


@internal
def _admit(account: address, until_day: uint256):
    """
    @dev Set the last day of eligibility of any account but a link account's.
    """
    # What is sent to the token itself is lost, and its history is no account's (see `bridges`).
    assert account != empty(address) and account != self, "controls: no account"
    assert until_day <= position.DAY_MAX, "controls: day out of range"
    word: uint256 = book._positions[account]
    assert word & position.LINK == 0, "controls: link account"
    book._positions[account] = (word & position.NOT_EXPIRY) | (until_day << position.CONTROL_SHIFT)
    log Admitted(account=account, until_day=until_day)


@internal
def _freeze_amount(account: address, amount: uint256):
    """
    @dev Set the frozen amount of any account but a link account's.
    """
    kept: uint256 = min(amount, position.AMOUNT_MAX)
    word: uint256 = book._word(account, book._issue_now(), 1)
    assert word & position.LINK == 0, "controls: link can't be frozen"
    # What orders block is set free by their end alone.
    assert (
        position._orders(word) == 0 or kept >= position._upper(word)
    ), "controls: orders block more"
    book._positions[account] = position._with_upper(word, kept)
    log Frozen(account=account, amount=self._frozen_amount(kept))


@internal
def _freeze(account: address, frozen: bool):
    """
    @dev Freeze or unfreeze any account as a whole but a link account.
    """
    word: uint256 = book._positions[account]
    assert word & position.LINK == 0, "controls: link stays unfrozen"
    if frozen:
        book._positions[account] = word | position.FROZEN
    else:
        book._positions[account] = word & ~position.FROZEN
    log AddressFrozen(account=account, frozen=frozen, operator=msg.sender)


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
@view
def _is_stopped() -> bool:
    """
    @dev Whether no holder transfers now; for views.
    """
    return book._issue & position.SUSPENDED != 0 or self._is_paused(position.PAUSED_TRANSFERS)


@internal
@pure
def _check_suspended(issue: uint256):
    """
    @dev Revert if the instrument is suspended; asked where a pause is, of the word that is read anyway.
    """
    assert issue & position.SUSPENDED == 0, "controls: suspended"


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
def _class_act(account: address, account_class: uint256) -> bytes32:
    """
    @dev Hash of the act of setting an account's class.
    """
    return keccak256(abi_encode("set_class", account, account_class))


@internal
def _transfer(sender: address, receiver: address, amount: uint256):
    """
    @dev A holder's transfer with every control. Checks, then effects; calls nothing outside.
    """
    issue: uint256 = book._issue
    if issue & position.PENDING != 0:
        issue = book._raised(issue)
    word: uint256 = book._positions[sender]
    if issue & (position.PAUSED_TRANSFERS + position.SUSPENDED) != 0:
        # What a link account pays out has arrived: no stop of the token keeps it from its owner.
        if word & position.LINK == 0:
            self._check_suspended(issue)
            assert not self._is_paused(position.PAUSED_TRANSFERS), "controls: transfers paused"
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
