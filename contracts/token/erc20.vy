# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title ERC-20: the face that wallets know
@license Apache-2.0
@author Tallystick
@notice Transfers, batches of them, allowances and metadata; every control is asked on the way.
@dev Controls and movements are decided in `controls` and `book`; this module adds allowances.
     Transfers take no lock (`@reentrant`): the token calls no other contract.
"""
from contracts.token import book
from contracts.token import controls
from contracts.token import position
from contracts.token import standard_errors

uses: book
uses: controls


# One call's transfers; a hundred cost about 0.9 million gas.
_MAX_BATCH: constant(uint256) = 256

name: public(String[64])
symbol: public(String[16])
decimals: public(uint8)
isin: public(String[12])
_allowance: HashMap[address, HashMap[address, uint256]]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256


@external
@reentrant
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move units of the caller (ERC-20).
    @param receiver The account to credit.
    @param amount Units.
    @return True.
    @custom:role anyone
    @custom:refused transfers, suspended instrument, frozen caller, frozen to, expired caller, expired to
    """
    controls._transfer(msg.sender, receiver, amount)
    return True


@external
@reentrant
def transferFrom(owner: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Move units of `owner` within the caller's allowance (ERC-20).
    @dev A frozen caller moves nothing, whosever units they are; it needs no eligibility.
    @param owner The account to debit.
    @param receiver The account to credit.
    @param amount Units.
    @return True.
    @custom:role anyone
    @custom:refused transfers, suspended instrument, frozen caller, frozen from, frozen to, expired from, expired to
    """
    if receiver != msg.sender:
        # A caller that takes for itself is asked as the receiver.
        self._check_spender()
        self._spend_allowance(owner, amount)
    elif book._positions[msg.sender] & position.LINK == 0:
        # A link account's code is known: it takes for itself only what its owner gave it there, see LaneCustody.
        self._spend_allowance(owner, amount)
    controls._transfer(owner, receiver, amount)
    return True


@external
@reentrant
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Let `spender` move up to `amount` of the caller's units (ERC-20); the largest uint256 never runs out.
    @dev A number, not a share: a ratio leaves it as it is.
    @param spender The account that may.
    @param amount Units, absolutely.
    @return True.
    @custom:role anyone
    """
    if spender == empty(address):
        standard_errors._invalid_spender(spender)
    self._allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@external
@reentrant
def batchTransfer(receivers: DynArray[address, _MAX_BATCH], amounts: DynArray[uint256, _MAX_BATCH]):
    """
    @notice Move units of the caller to many holders, all or nothing (ERC-3643).
    @param receivers The accounts to credit.
    @param amounts Units for each of them.
    @custom:role anyone
    @custom:refused transfers, suspended instrument, frozen caller, frozen to, expired caller, expired to
    """
    assert len(receivers) == len(amounts), "erc20: lists differ in length"
    issue: uint256 = book._issue_now()
    if issue & (position.PAUSED_TRANSFERS + position.SUSPENDED) != 0:
        controls._check_suspended(issue)
        assert not controls._is_paused(position.PAUSED_TRANSFERS), "erc20: transfers paused"
    total: uint256 = 0
    for amount: uint256 in amounts:
        assert amount <= position.AMOUNT_MAX, "erc20: amount out of range"
        # 256 amounts of 104 bits can't overflow.
        total = unsafe_add(total, amount)
    word: uint256 = book._word(msg.sender, issue, total)
    controls._check_debit(msg.sender, word, total)
    day: uint256 = book._business_day(issue)
    for i: uint256 in range(len(receivers), bound=_MAX_BATCH):
        receiver: address = receivers[i]
        if receiver == empty(address):
            standard_errors._invalid_receiver(receiver)
        if receiver == msg.sender:
            # Part of the total, hence no less than it.
            total = unsafe_sub(total, amounts[i])
        controls._arrive(msg.sender, receiver, amounts[i], day, issue)
    # Nobody but the caller debits the caller: its word is still what was checked.
    book._debit(msg.sender, word, total, day)


@external
@view
def balanceOf(account: address) -> uint256:
    """
    @notice Units of an account (ERC-20).
    @param account The account.
    @return Units.
    """
    return position._lower(book._now(book._positions[account]))


@external
@view
def allowance(owner: address, spender: address) -> uint256:
    """
    @notice What `spender` may still move of the owner's units (ERC-20).
    @param owner The account to debit.
    @param spender The account that may.
    @return Units; the largest uint256 never runs out.
    """
    return self._allowance[owner][spender]


@external
@view
def totalSupply() -> uint256:
    """
    @notice Units on this ledger (ERC-20); on the home ledger that is the whole issue.
    @return Units.
    """
    return position._lower(book._in_force(book._issue))


# --------------------------------------------------------------------- internal


@internal
@view
def _check_spender():
    """
    @dev Revert if the caller is frozen: it moves nobody's units.
    """
    if book._positions[msg.sender] & position.FROZEN != 0:
        standard_errors._cannot_send(msg.sender)


@internal
def _spend_allowance(owner: address, amount: uint256):
    """
    @dev Use up the caller's allowance. What is left is logged: a Transfer does not name who spent it.
    """
    allowed: uint256 = self._allowance[owner][msg.sender]
    if allowed == max_value(uint256):
        return
    if amount > allowed:
        standard_errors._insufficient_allowance(msg.sender, allowed, amount)
    left: uint256 = unsafe_sub(allowed, amount)
    self._allowance[owner][msg.sender] = left
    if amount != 0:
        # Nobody who spends nothing logs an approval in the owner's name.
        log Approval(owner=owner, spender=msg.sender, value=left)
