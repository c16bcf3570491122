# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Orders: units that a court or an authority moves, by two keys
@license Apache-2.0
@author Tallystick
@notice Legal orders: the registrar enters one, which blocks what it names; the custodian carries it out.
@dev An order is known by who ordered it, by which document, under which number of it: two that are otherwise alike
     never meet. From its entry on, what it names is part of the account's frozen amount, which every way out of
     an account asks for; that ends when it is carried out or withdrawn. Either uses it up: what was done
     once is done again by two keys only. Seven stand against an account at most, and none longer than a
     year: what a registrar's key blocks alone has an end. An order dies when it expires, or with the role of
     the registrar who entered it; a dead one blocks until somebody, whoever it is, withdraws it. A ratio makes
     of an order what it makes of units: it is known by what it named, and carried out for what that has
     become, rounded down. A forced transfer works while transfers are paused: an order of a court does not
     wait for us. Functions take no lock (`@reentrant`): they call no other contract.
"""
from contracts.governance import access
from contracts.governance import instruction
from contracts.token import book
from contracts.token import controls
from contracts.token import position
from contracts.token import standard_errors
from contracts.token import standing

uses: access
uses: standing
uses: book


# What a stolen registrar's key can block, it blocks for no longer; a longer order is entered anew.
_MAX_LIFE: constant(uint256) = 366 * 86400
_MAX_BATCH: constant(uint256) = 256
# Times reach the year 2242.
_TIME_MASK: constant(uint256) = 2**33 - 1
_EPOCH_SHIFT: constant(uint256) = 33
_REASON_SHIFT: constant(uint256) = 40
_REASON_MASK: constant(uint256) = 2**32 - 1
_TERM_SHIFT: constant(uint256) = 72


struct Order:
    registrar: address
    reason: bytes4
    expires_at: uint256
    # What its units have become.
    amount: uint256


# keccak256(abi_encode(order, from, to, amount)) -> registrar 160 | its term 24 | reason 32 | epoch 7 | expiry 33
_orders: HashMap[bytes32, uint256]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


event OrderEntered:
    order: indexed(bytes32)
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256
    expires_at: uint256
    authority: bytes32
    document: bytes32
    number: uint256


event OrderWithdrawn:
    order: indexed(bytes32)
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256


event ForcedTransfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256


@external
@reentrant
def enter_order(
    sender: address,
    receiver: address,
    amount: uint256,
    expires_at: uint256,
    authority: bytes32,
    number: uint256,
    reason: bytes4,
    document: bytes32,
) -> bytes32:
    """
    @notice Enter a legal order to move units, and block them; the custodian carries it out with `forcedTransfer`.
    @dev It states its own reason and document: no standing instruction orders anything. It may name more than the
         account has: what comes in is blocked too, up to its amount. One that was withdrawn can be entered anew.
    @param sender The account to debit.
    @param receiver The account to credit.
    @param amount Units, exactly.
    @param expires_at Time from which the order can't be carried out any more, at most 366 days from now.
    @param authority Who orders it: an LEI as text, or the Keccak-256 of a name.
    @param number Which of the document's orders it is.
    @param reason Four-letter reason code.
    @param document Hash of the order's document.
    @return The order: keccak256(abi_encode(authority, document, number)).
    @custom:role registrar
    """
    access._check_role(access.REGISTRAR)
    assert expires_at > block.timestamp, "orders: expired at entry"
    assert expires_at <= block.timestamp + _MAX_LIFE, "orders: expires too late"
    assert sender != receiver, "orders: to the same account"
    # The zero address keeps the closings of the supply; nobody holds there.
    assert sender != empty(address), "orders: from nobody"
    assert receiver != empty(address), "orders: to nobody"
    assert authority != empty(bytes32), "orders: nobody orders it"
    assert amount != 0, "orders: of nothing"
    order: bytes32 = self._identity(authority, document, number)
    key: bytes32 = self._key(order, sender, receiver, amount)
    assert self._orders[key] == 0, "orders: entered already"
    issue: uint256 = book._issue_now()
    self._orders[key] = (
        ((access._warrant(msg.sender) >> 16) << _TERM_SHIFT)
        | (convert(reason, uint256) << _REASON_SHIFT)
        | (position._epoch(issue) << _EPOCH_SHIFT)
        | expires_at
    )
    word: uint256 = book._word(sender, issue, amount)
    assert word & position.LINK == 0, "orders: on link account"
    assert position._orders(word) < position.ORDERS_MAX, "orders: seven stand already"
    frozen: uint256 = position._upper(word)
    if frozen != position.AMOUNT_MAX:
        assert amount < position.AMOUNT_MAX - frozen, "orders: more than can be blocked"
        frozen = unsafe_add(frozen, amount)
    book._positions[sender] = position._with_upper(unsafe_add(word, position.ONE_ORDER), frozen)
    instruction._record(sender, reason, document)
    log OrderEntered(
        order=order,
        sender=sender,
        receiver=receiver,
        amount=amount,
        expires_at=expires_at,
        authority=authority,
        document=document,
        number=number,
    )
    log controls.Frozen(account=sender, amount=controls._frozen_amount(frozen))
    return order


@external
@reentrant
def withdraw_order(
    sender: address,
    receiver: address,
    amount: uint256,
    order: bytes32,
    reason: bytes4,
    document: bytes32,
):
    """
    @notice Withdraw a legal order that was not carried out, and unblock what it named.
    @dev By a registrar; by anybody once it has expired or the registrar who entered it has lost the role. Whoever
         renews one enters the new one first.
    @param sender The account it would debit.
    @param receiver The account it would credit.
    @param amount Its units, as entered.
    @param order The order.
    @param reason Four-letter reason code.
    @param document Hash of the document that withdraws it.
    @custom:role registrar, anyone once it is dead
    """
    key: bytes32 = self._key(order, sender, receiver, amount)
    terms: uint256 = self._orders[key]
    assert terms != 0, "orders: none to withdraw"
    if self._registrar(terms) != empty(address):
        access._check_role(access.REGISTRAR)
    self._orders[key] = 0
    issue: uint256 = book._issue_now()
    word: uint256 = book._word(sender, issue, amount)
    book._positions[sender] = self._unblocked(word, sender, self._become(amount, terms, issue))
    instruction._record(sender, reason, document)
    log OrderWithdrawn(order=order, sender=sender, receiver=receiver, amount=amount)


@external
@reentrant
def forcedTransfer(
    sender: address, receiver: address, amount: uint256, order: bytes32 = empty(bytes32)
) -> bool:
    """
    @notice Carry out the legal order that the registrar entered for exactly these arguments (ERC-7943).
    @dev Takes what the order blocked, whatever else is frozen. The receiver must be able to receive. The act's document
         is the order, which its entry binds to authority, document and number.
    @param sender The account to debit.
    @param receiver The account to credit.
    @param amount Units, as entered: after a ratio what they have become moves, see `order_in_force`.
    @param order The order; where the standard has no room for it, the document of the caller's standing instruction.
    @return True.
    @custom:role custodian
    @custom:refused frozen to, expired to
    """
    access._check_role(access.CUSTODIAN)
    named: bytes32 = order
    if order == empty(bytes32):
        named = standing.standing_instruction[msg.sender].document
    self._carry_out(sender, receiver, amount, named)
    return True


@external
@reentrant
def batchForcedTransfer(
    senders: DynArray[address, _MAX_BATCH],
    receivers: DynArray[address, _MAX_BATCH],
    amounts: DynArray[uint256, _MAX_BATCH],
    orders: DynArray[bytes32, _MAX_BATCH],
):
    """
    @notice Carry out many legal orders, all or none (ERC-3643, with the orders named).
    @param senders The accounts to debit.
    @param receivers The accounts to credit.
    @param amounts Units of each, as entered.
    @param orders The orders.
    @custom:role custodian
    @custom:refused frozen to, expired to
    """
    access._check_role(access.CUSTODIAN)
    assert (
        len(senders) == len(orders)
        and len(receivers) == len(orders)
        and len(amounts) == len(orders)
    ), "orders: lists differ in length"
    for i: uint256 in range(len(orders), bound=_MAX_BATCH):
        self._carry_out(senders[i], receivers[i], amounts[i], orders[i])


@external
@view
def order_in_force(sender: address, receiver: address, amount: uint256, order: bytes32) -> Order:
    """
    @notice A legal order, as long as the custodian could carry it out now.
    @param sender The account to debit.
    @param receiver The account to credit.
    @param amount Units, as entered.
    @param order The order.
    @return The order; empty if there is none, it was carried out or withdrawn, it is dead, the units are not there, or
            the receiver can't receive.
    """
    terms: uint256 = self._orders[self._key(order, sender, receiver, amount)]
    # What is not there has expired.
    registrar: address = self._registrar(terms)
    units: uint256 = self._become(amount, terms, book._in_force(book._issue))
    if (
        registrar == empty(address)
        or units == 0
        or units > position._lower(book._now(book._positions[sender]))
        or not controls._may_move(book._positions[receiver], receiver)
    ):
        return empty(Order)
    return Order(
        registrar=registrar,
        reason=self._reason(terms),
        expires_at=terms & _TIME_MASK,
        amount=units,
    )


# --------------------------------------------------------------------- internal


@internal
def _carry_out(sender: address, receiver: address, amount: uint256, named: bytes32):
    """
    @dev Carry out an order; the caller has checked the role.
    """
    key: bytes32 = self._key(named, sender, receiver, amount)
    terms: uint256 = self._orders[key]
    assert terms != 0, "orders: none to carry out"
    assert self._registrar(terms) != empty(address), "orders: not in force"
    self._orders[key] = 0
    issue: uint256 = book._issue
    if issue & position.PENDING != 0:
        issue = book._raised(issue)
    units: uint256 = amount
    if ((terms >> _EPOCH_SHIFT) ^ (issue >> position.EPOCH_SHIFT)) & position.EPOCH_MAX != 0:
        units = self._become(amount, terms, issue)
        assert units != 0, "orders: a ratio left nothing"
    target: uint256 = book._positions[receiver]
    word: uint256 = book._positions[sender]
    if ((target ^ issue) | (word ^ issue)) & position.EPOCH_FIELD != 0:
        target = book._word(receiver, issue, units)
        word = book._word(sender, issue, units)
    if not controls._may_move(target, receiver):
        standard_errors._cannot_receive(receiver)
    if units > word & position.AMOUNT_MAX:
        standard_errors._insufficient_balance(sender, position._lower(word), units)
    word = self._unblocked(word, sender, units)
    instruction._record(sender, self._reason(terms), named)
    day: uint256 = book._business_day(issue)
    book._debit(sender, word, units, day)
    book._credit(receiver, target, units, day)
    log book.Transfer(sender=sender, receiver=receiver, value=units)
    log ForcedTransfer(sender=sender, receiver=receiver, amount=units)


@internal
@pure
def _identity(authority: bytes32, document: bytes32, number: uint256) -> bytes32:
    """
    @dev What an order is called.
    """
    return keccak256(abi_encode(authority, document, number))


@internal
@pure
def _key(order: bytes32, sender: address, receiver: address, amount: uint256) -> bytes32:
    """
    @dev Where an order for exactly these accounts and units is kept.
    """
    return keccak256(abi_encode(order, sender, receiver, amount))


@internal
@pure
def _reason(terms: uint256) -> bytes4:
    """
    @dev Why it was ordered.
    """
    return convert(convert((terms >> _REASON_SHIFT) & _REASON_MASK, uint32), bytes4)


@internal
@view
def _become(amount: uint256, terms: uint256, issue: uint256) -> uint256:
    """
    @dev What the units that an order named are in the units of the issue.
    """
    since: uint256 = (terms >> _EPOCH_SHIFT) & position.EPOCH_MAX
    return book._carried_amount(amount, since, position._epoch(issue))


@internal
@view
def _registrar(terms: uint256) -> address:
    """
    @dev Who entered an order; empty once it has expired, or died with the role in which it was entered (INV-9).
    """
    if terms & _TIME_MASK <= block.timestamp:
        return empty(address)
    return access._holder(((terms >> _TERM_SHIFT) << 16) | access.REGISTRAR)


@internal
def _unblocked(word: uint256, account: address, amount: uint256) -> uint256:
    """
    @dev The word of an account with one order of `amount` less against it; a freeze of all stays one of all.
    """
    frozen: uint256 = (word >> position.UPPER_SHIFT) & position.AMOUNT_MAX
    if frozen != position.AMOUNT_MAX:
        # Each order's amount is in the sum, and only its own end takes it out. A ratio rounds the sum up and each
        # amount down: what is between stays frozen until the custodian sets the amount.
        frozen -= amount
    log controls.Frozen(account=account, amount=controls._frozen_amount(frozen))
    return (unsafe_sub(word, position.ONE_ORDER) & position.NOT_UPPER) | (
        frozen << position.UPPER_SHIFT
    )
