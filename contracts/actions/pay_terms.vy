# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Pay terms: in what cash an instrument's events are paid, what is withheld, and to whom money goes (R-46)
@license Apache-2.0
@author Tallystick
@notice The cash token of a currency, the accounts for tax and for what is left, the rates withheld: set under two keys,
        and never changed. A set of terms replaces the one before for events that are not funded yet, so that a claim
        years later is taxed as the first was.
@dev What a category means (a treaty, an exempt fund) is the paying agent's. An account without one pays the first rate,
     the highest: relief is proven, never presumed. A category without a rate in an event's terms pays it too.

       payee    account 160 | category 4 | owes 1 | what it was paid of the first 18 events, 5 each (see `payments`) | -
       rate     numerator 48 | denominator 48; as kept | cash token 160
"""
from contracts.actions import operators
from contracts.governance import access
from contracts.governance import code
from contracts.governance import instruction

uses: access
uses: operators

_MAX_BATCH: constant(uint256) = 25
MAX_RATES: constant(uint256) = 16
# Something of it may be set off, or might once (see `reversal`).
OWES: constant(uint256) = 2**164
# Where a payee word notes what was paid of the first events, and of how many.
EVENTS_SHIFT: constant(uint256) = 165
FIRST_EVENTS: constant(uint256) = 18
_RATE_SHIFT: constant(uint256) = 48
_RATE_MASK: constant(uint256) = 2**48 - 1
_CASH_SHIFT: constant(uint256) = 96
_CATEGORY_SHIFT: constant(uint256) = 160
_CATEGORY_MASK: constant(uint256) = 15
_ACCOUNT_MASK: constant(uint256) = 2**160 - 1


struct PayTerms:
    # ISO 4217, as in the record, and the token that stands for it here.
    currency: bytes4
    cash: address
    # Where withheld tax goes, and what is left when an event has expired or is off.
    tax_account: address
    return_account: address
    # What is withheld by category, see above; the first is the highest, and of accounts without a category. 0: none.
    rates: uint256[MAX_RATES]


# Terms by their number from 1, their rates as kept, and the newest of a currency; 0: none.
_terms: HashMap[uint256, PayTerms]
_terms_count: uint256
_newest: HashMap[bytes4, uint256]
# account -> whom its money goes to instead, and the category of its tax
_payees: HashMap[address, uint256]
# pool, or at home the token for what is with other bridges -> who is paid for whoever holds elsewhere
pool_payee: public(HashMap[address, address])
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[15]


event PayTermsProposed:
    act: indexed(bytes32)
    terms: PayTerms


event PayTermsSet:
    number: indexed(uint256)
    terms: PayTerms


event TaxCategorySet:
    account: indexed(address)
    category: uint256


event PayeeSet:
    account: indexed(address)
    payee: indexed(address)


event PoolPayeeProposed:
    act: indexed(bytes32)
    pool: indexed(address)
    payee: indexed(address)


event PoolPayeeSet:
    pool: indexed(address)
    payee: indexed(address)


# ------------------------------------------------------------ paying agent, two keys


@external
def propose_pay_terms(terms: PayTerms, reason: bytes4, document: bytes32) -> bytes32:
    """
    @notice The paying agent proposes in what cash events of a currency are paid, and what is withheld; the issuer
            carries it out with `set_pay_terms`.
    @param terms The terms.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role paying agent
    """
    act: bytes32 = self._terms_act(terms)
    access._propose(act, access.PAYING_AGENT, access.ISSUER, terms.cash, reason, document)
    log PayTermsProposed(act=act, terms=terms)
    return act


@external
def set_pay_terms(terms: PayTerms, reason: bytes4, document: bytes32) -> uint256:
    """
    @notice Set terms for events of their currency that are not funded yet.
    @dev By the set-up key, or by the issuer after the paying agent's proposal.
    @param terms The terms.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return Their number.
    @custom:role issuer, set-up key
    """
    access._carry_out(self._terms_act(terms), access.ISSUER)
    assert terms.currency != empty(bytes4), "pay_terms: no currency"
    assert code._is_code(terms.cash), "pay_terms: cash has no code"
    assert (
        terms.tax_account != empty(address) and terms.return_account != empty(address)
    ), "pay_terms: no account for tax or rest"
    highest: uint256 = terms.rates[0]
    assert highest != 0, "pay_terms: no rate"
    kept: PayTerms = terms
    for i: uint256 in range(MAX_RATES):
        rate: uint256 = terms.rates[i]
        if rate == 0:
            continue
        numerator: uint256 = rate & _RATE_MASK
        denominator: uint256 = rate >> _RATE_SHIFT
        assert (
            denominator != 0 and denominator <= _RATE_MASK and numerator <= denominator
        ), "pay_terms: rate out of range"
        assert unsafe_mul(numerator, highest >> _RATE_SHIFT) <= unsafe_mul(
            highest & _RATE_MASK, denominator
        ), "pay_terms: first is not the highest"
        kept.rates[i] = rate | (convert(terms.cash, uint256) << _CASH_SHIFT)
    number: uint256 = self._terms_count + 1
    self._terms_count = number
    self._terms[number] = kept
    self._newest[terms.currency] = number
    instruction._record(terms.cash, reason, document)
    log PayTermsSet(number=number, terms=terms)
    return number


@external
def propose_pool_payee(pool: address, payee: address, reason: bytes4, document: bytes32) -> bytes32:
    """
    @notice The paying agent proposes who is paid what is kept back for a pool, or for all that is with other bridges:
            whoever pays the holders elsewhere. The issuer carries it out with `set_pool_payee`.
    @param pool The pool; at home the token, for what is with other bridges.
    @param payee Who is paid; the empty account ends that.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role paying agent
    """
    act: bytes32 = self._pool_act(pool, payee)
    access._propose(act, access.PAYING_AGENT, access.ISSUER, pool, reason, document)
    log PoolPayeeProposed(act=act, pool=pool, payee=payee)
    return act


@external
def set_pool_payee(pool: address, payee: address, reason: bytes4, document: bytes32):
    """
    @notice Set who is paid what is kept back for a pool, of whatever event from now on.
    @dev By the set-up key, or by the issuer after the paying agent's proposal. Not by the pool: a bridge that calls
         what it is told to could be told this.
    @param pool The pool; at home the token, for what is with other bridges.
    @param payee Who is paid; the empty account ends that.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role issuer, set-up key
    """
    access._carry_out(self._pool_act(pool, payee), access.ISSUER)
    # Under no address is what is due to accounts.
    assert pool != empty(address), "pay_terms: pool of nobody"
    self.pool_payee[pool] = payee
    instruction._record(pool, reason, document)
    log PoolPayeeSet(pool=pool, payee=payee)


# ----------------------------------------------------------------------- paying agent


@external
def set_tax_category(
    accounts: DynArray[address, _MAX_BATCH], category: uint256, reason: bytes4, document: bytes32
):
    """
    @notice Enter what accounts have proven of their tax: from their next payment on a rate of the terms is theirs.
    @param accounts The accounts.
    @param category Which of the rates, from 0; the first is also of those that proved nothing.
    @param reason Four-letter reason code.
    @param document Hash of the document that proves it.
    @custom:role paying agent
    """
    access._check_role(access.PAYING_AGENT)
    assert category < MAX_RATES, "pay_terms: unknown category"
    for account: address in accounts:
        self._payees[account] = (self._payees[account] & ~(_CATEGORY_MASK << _CATEGORY_SHIFT)) | (
            category << _CATEGORY_SHIFT
        )
        instruction._record(account, reason, document)
        log TaxCategorySet(account=account, category=category)


# --------------------------------------------------------------------------- holders


@external
def set_payee(payee: address):
    """
    @notice Have the caller's payments go to another account; to itself again with the empty one.
    @param payee That account.
    @custom:role anyone
    """
    word: uint256 = self._payees[msg.sender]
    self._payees[msg.sender] = (word & ~_ACCOUNT_MASK) | convert(payee, uint256)
    log PayeeSet(account=msg.sender, payee=payee)


# ----------------------------------------------------------------------------- views


@external
@view
def terms_for(currency: bytes4) -> (uint256, PayTerms):
    """
    @notice The terms for events of a currency that are not funded yet.
    @param currency ISO 4217.
    @return Their number, from 1; 0: none.
    @return The terms.
    """
    number: uint256 = self._newest[currency]
    terms: PayTerms = self._terms[number]
    for i: uint256 in range(MAX_RATES):
        terms.rates[i] = terms.rates[i] & (2**_CASH_SHIFT - 1)
    return (number, terms)


@external
@view
def payee_of(account: address) -> (address, uint256):
    """
    @notice How an account is paid.
    @param account The account.
    @return Who gets its money: itself, unless it named another.
    @return The category of its tax.
    """
    payee: uint256 = self._payees[account]
    return (self._receiver(account, payee), self._category(payee))


# -------------------------------------------------------------------------- internal


@internal
@view
def _acts_for(account: address) -> bool:
    """
    @dev Whether the caller is a holder, or who it authorised.
    """
    return msg.sender == account or operators.isOperator[account][msg.sender]


@internal
@pure
def _receiver(account: address, payee: uint256) -> address:
    """
    @dev Whom an account's money goes to, by its payee word.
    """
    named: address = convert(payee & _ACCOUNT_MASK, address)
    return account if named == empty(address) else named


@internal
@pure
def _category(payee: uint256) -> uint256:
    """
    @dev The category of an account's tax, by its payee word.
    """
    return (payee >> _CATEGORY_SHIFT) & _CATEGORY_MASK


@internal
@pure
def _field(payee: uint256) -> uint256:
    """
    @dev What is noted of a payment: by which category, from 1.
    """
    return unsafe_add(self._category(payee), 1)


@internal
@view
def _rate(number: uint256, category: uint256) -> uint256:
    """
    @dev The rate of a category by some terms, as kept.
    """
    rate: uint256 = self._terms[number].rates[category]
    return rate if rate != 0 else self._terms[number].rates[0]


@internal
@pure
def _cash(rate: uint256) -> address:
    """
    @dev In what cash a rate is of.
    """
    return convert(rate >> _CASH_SHIFT, address)


@internal
@pure
def _tax(rate: uint256, gross: uint256) -> uint256:
    """
    @dev What is withheld of 200 bits at a rate, rounded down.
    """
    return unsafe_div(unsafe_mul(gross, rate & _RATE_MASK), (rate >> _RATE_SHIFT) & _RATE_MASK)


@internal
@pure
def _terms_act(terms: PayTerms) -> bytes32:
    """
    @dev Hash of the act of setting terms.
    """
    return keccak256(abi_encode("set_pay_terms", terms))


@internal
@pure
def _pool_act(pool: address, payee: address) -> bytes32:
    """
    @dev Hash of the act of setting whom a pool's money goes to.
    """
    return keccak256(abi_encode("set_pool_payee", pool, payee))
