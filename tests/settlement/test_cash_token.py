"""Cash token: an ERC-20 whose issuer makes, redeems and blocks; permits as others sign them."""

from __future__ import annotations

from typing import Any

import pytest
from eth_account import Account as Signer
from hypothesis import given
from hypothesis import strategies as st

from tallystick.chain import reverts
from tallystick.chain.abi import encode, keccak
from tests.settlement.party import ISSUED, Ledger
from tests.support.cash import TERMS, new_cash, permit_of
from tests.support.world import UINT_MAX, ZERO

# The order of secp256k1: s and this less s verify alike.
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


# ------------------------------------------------------------------------- what it is


def test_the_terms_are_those_of_its_creation(ledger: Ledger) -> None:
    cash = ledger.cash
    terms = (cash.name(), cash.symbol(), cash.decimals(), cash.currency())
    assert terms == TERMS
    assert cash.issuer() == ledger.issuer.address
    assert cash.totalSupply() == ISSUED


@pytest.mark.parametrize("currency", [b"usd", b"US\0", b"U5D", b"\0\0\0", b"US["])
def test_a_currency_that_is_no_three_capitals_is_refused(ledger: Ledger, currency: bytes) -> None:
    with ledger.refused("cash: bad currency"):
        ledger.chain.deploy(
            "CashToken", *TERMS[:3], currency, ledger.issuer, sender=ledger.chain.account(0)
        )


def test_cash_that_nobody_issues_is_refused(ledger: Ledger) -> None:
    with ledger.refused("cash: no issuer"):
        ledger.chain.deploy("CashToken", *TERMS, ZERO, sender=ledger.chain.account(0))


def test_nothing_but_these_functions_changes_state(ledger: Ledger) -> None:
    """No owner, no upgrade, no sweep: nothing else could be called."""
    changing = {
        entry["name"]
        for entry in ledger.cash.abi
        if entry["type"] == "function" and entry["stateMutability"] != "view"
    }
    paying = {"transfer", "transferFrom", "approve", "permit"}
    assert changing == paying | {"mint", "burn", "set_blocked"}
    assert not [e for e in ledger.cash.abi if e["type"] in {"fallback", "receive"}]


# --------------------------------------------------------------------------- payments


@pytest.mark.parametrize("amount", [0, 1, ISSUED])
def test_a_payment_moves_cash(ledger: Ledger, amount: int) -> None:
    receipt = ledger.cash.transfer(ledger.payee, amount, sender=ledger.payer)
    assert receipt.return_value is True
    assert receipt.events == (ledger.cash.emitted("Transfer", ledger.payer, ledger.payee, amount),)
    assert ledger.balances() == (ISSUED - amount, amount)
    assert ledger.cash.totalSupply() == ISSUED


def test_a_payment_to_oneself_leaves_the_balance(ledger: Ledger) -> None:
    receipt = ledger.cash.transfer(ledger.payer, ISSUED, sender=ledger.payer)
    assert receipt.events == (ledger.cash.emitted("Transfer", ledger.payer, ledger.payer, ISSUED),)
    assert ledger.balances() == (ISSUED, 0)


@pytest.mark.parametrize("amount", [ISSUED + 1, UINT_MAX])
def test_a_payment_above_the_balance_is_refused(ledger: Ledger, amount: int) -> None:
    for receiver in (ledger.payee, ledger.payer):
        with ledger.refused("cash: balance too low"):
            ledger.cash.transfer(receiver, amount, sender=ledger.payer)


def test_a_payment_to_nobody_is_refused(ledger: Ledger) -> None:
    with ledger.refused("cash: no receiver"):
        ledger.cash.transfer(ZERO, 1, sender=ledger.payer)


def test_a_payment_with_ether_is_refused(ledger: Ledger) -> None:
    with ledger.refused():
        ledger.cash.transfer(ledger.payee, 1, sender=ledger.payer, value=1)


# ------------------------------------------------------------------------- allowances


def test_an_allowance_is_what_was_approved_last(ledger: Ledger) -> None:
    for amount in (5, UINT_MAX, 0):
        receipt = ledger.cash.approve(ledger.spender, amount, sender=ledger.payer)
        assert receipt.return_value is True
        assert receipt.events == (
            ledger.cash.emitted("Approval", ledger.payer, ledger.spender, amount),
        )
        assert ledger.cash.allowance(ledger.payer, ledger.spender) == amount
    assert ledger.cash.allowance(ledger.spender, ledger.payer) == 0


def test_an_approval_of_nobody_is_refused(ledger: Ledger) -> None:
    with ledger.refused("cash: no spender"):
        ledger.cash.approve(ZERO, 1, sender=ledger.payer)


def test_a_payment_within_an_allowance_uses_it_up(ledger: Ledger) -> None:
    cash, payer, payee, spender = ledger.cash, ledger.payer, ledger.payee, ledger.spender
    cash.approve(spender, 500, sender=payer)
    receipt = cash.transferFrom(payer, payee, 300, sender=spender)
    assert receipt.return_value is True
    assert receipt.events == (
        cash.emitted("Approval", payer, spender, 200),
        cash.emitted("Transfer", payer, payee, 300),
    )
    assert ledger.balances() == (ISSUED - 300, 300)
    assert cash.allowance(payer, spender) == 200


def test_an_allowance_without_end_stays_and_logs_nothing(ledger: Ledger) -> None:
    cash, payer, payee, spender = ledger.cash, ledger.payer, ledger.payee, ledger.spender
    cash.approve(spender, UINT_MAX, sender=payer)
    receipt = cash.transferFrom(payer, payee, 300, sender=spender)
    assert receipt.events == (cash.emitted("Transfer", payer, payee, 300),)
    assert cash.allowance(payer, spender) == UINT_MAX


def test_who_spends_nothing_logs_no_approval_of_the_owner(ledger: Ledger) -> None:
    cash, payer, payee = ledger.cash, ledger.payer, ledger.payee
    receipt = cash.transferFrom(payer, payee, 0, sender=ledger.spender)
    assert receipt.events == (cash.emitted("Transfer", payer, payee, 0),)


def test_a_payment_above_the_allowance_is_refused(ledger: Ledger) -> None:
    ledger.cash.approve(ledger.spender, 5, sender=ledger.payer)
    with ledger.refused("cash: allowance too low"):
        ledger.cash.transferFrom(ledger.payer, ledger.payee, 6, sender=ledger.spender)
    with ledger.refused("cash: allowance too low"):
        ledger.cash.transferFrom(ledger.payer, ledger.payee, 1, sender=ledger.payer)


def test_a_payment_above_the_balance_leaves_the_allowance(ledger: Ledger) -> None:
    ledger.cash.approve(ledger.spender, UINT_MAX - 1, sender=ledger.payer)
    with ledger.refused("cash: balance too low"):
        ledger.cash.transferFrom(ledger.payer, ledger.payee, ISSUED + 1, sender=ledger.spender)


# ------------------------------------------------------------------------- the issuer


def test_the_issuer_makes_cash(ledger: Ledger) -> None:
    receipt = ledger.cash.mint(ledger.payee, 7, sender=ledger.issuer)
    assert receipt.events == (ledger.cash.emitted("Transfer", ZERO, ledger.payee, 7),)
    assert ledger.balances() == (ISSUED, 7)
    assert ledger.cash.totalSupply() == ISSUED + 7


def test_the_issuer_redeems_what_was_paid_to_it(ledger: Ledger) -> None:
    cash, issuer = ledger.cash, ledger.issuer
    cash.transfer(issuer, 10, sender=ledger.payer)
    receipt = cash.burn(7, sender=issuer)
    assert receipt.events == (cash.emitted("Transfer", issuer, ZERO, 7),)
    assert ledger.balances(ledger.payer, issuer) == (ISSUED - 10, 3)
    assert cash.totalSupply() == ISSUED - 7


def test_the_issuer_redeems_no_more_than_its_own(ledger: Ledger) -> None:
    ledger.cash.mint(ledger.issuer, 7, sender=ledger.issuer)
    with ledger.refused("cash: balance too low"):
        ledger.cash.burn(8, sender=ledger.issuer)


def test_the_supply_fits_its_word(ledger: Ledger) -> None:
    rest = SUPPLY_MAX - ISSUED
    with ledger.refused("cash: supply out of range"):
        ledger.cash.mint(ledger.payee, rest + 1, sender=ledger.issuer)
    ledger.cash.mint(ledger.payee, rest, sender=ledger.issuer)
    assert ledger.cash.totalSupply() == SUPPLY_MAX
    with ledger.refused("cash: supply out of range"):
        ledger.cash.mint(ledger.payee, 1, sender=ledger.issuer)
    ledger.cash.transfer(ledger.payee, ISSUED, sender=ledger.payer)
    assert ledger.balances() == (0, SUPPLY_MAX)


def test_nothing_is_made_for_nobody(ledger: Ledger) -> None:
    with ledger.refused("cash: no receiver"):
        ledger.cash.mint(ZERO, 1, sender=ledger.issuer)


@pytest.mark.parametrize("party", ["payer", "payee", "spender"])
def test_nobody_but_the_issuer_makes_redeems_or_blocks(ledger: Ledger, party: str) -> None:
    key = getattr(ledger, party)
    with ledger.refused("cash: only the issuer"):
        ledger.cash.mint(key, 1, sender=key)
    with ledger.refused("cash: only the issuer"):
        ledger.cash.burn(0, sender=key)
    with ledger.refused("cash: only the issuer"):
        ledger.cash.set_blocked(ledger.payer, True, sender=key)


# ---------------------------------------------------------------------------- blocked


def test_a_block_is_set_and_ended(ledger: Ledger) -> None:
    for blocked in (True, False):
        receipt = ledger.cash.set_blocked(ledger.payee, blocked, sender=ledger.issuer)
        assert receipt.events == (ledger.cash.emitted("Blocked", ledger.payee, blocked),)
        assert ledger.cash.is_blocked(ledger.payee) is blocked
        assert not ledger.cash.is_blocked(ledger.payer)
    ledger.cash.transfer(ledger.payee, 1, sender=ledger.payer)
    ledger.cash.transfer(ledger.payer, 1, sender=ledger.payee)


def test_a_blocked_account_neither_pays_nor_is_paid(ledger: Ledger) -> None:
    cash = ledger.cash
    cash.transfer(ledger.payee, 5, sender=ledger.payer)
    cash.approve(ledger.spender, 5, sender=ledger.payer)
    cash.approve(ledger.spender, 5, sender=ledger.payee)
    cash.set_blocked(ledger.payee, True, sender=ledger.issuer)
    with ledger.refused("cash: receiver blocked"):
        cash.transfer(ledger.payee, 0, sender=ledger.payer)
    with ledger.refused("cash: receiver blocked"):
        cash.transferFrom(ledger.payer, ledger.payee, 1, sender=ledger.spender)
    with ledger.refused("cash: receiver blocked"):
        cash.mint(ledger.payee, 1, sender=ledger.issuer)
    with ledger.refused("cash: sender blocked"):
        cash.transfer(ledger.payer, 0, sender=ledger.payee)
    with ledger.refused("cash: sender blocked"):
        cash.transferFrom(ledger.payee, ledger.payer, 1, sender=ledger.spender)


def test_a_blocked_spender_pays_for_nobody(ledger: Ledger) -> None:
    ledger.cash.approve(ledger.spender, 5, sender=ledger.payer)
    ledger.cash.set_blocked(ledger.spender, True, sender=ledger.issuer)
    with ledger.refused("cash: caller blocked"):
        ledger.cash.transferFrom(ledger.payer, ledger.payee, 1, sender=ledger.spender)


def test_an_issuer_that_blocked_itself_still_makes_and_redeems(ledger: Ledger) -> None:
    cash, issuer = ledger.cash, ledger.issuer
    cash.mint(issuer, 5, sender=issuer)
    cash.set_blocked(issuer, True, sender=issuer)
    cash.mint(ledger.payee, 3, sender=issuer)
    cash.burn(5, sender=issuer)
    cash.set_blocked(issuer, False, sender=issuer)
    assert ledger.balances(issuer, ledger.payee) == (0, 3)


# ---------------------------------------------------------------------------- permits


def test_the_domain_is_that_of_its_parts(ledger: Ledger) -> None:
    cash = ledger.cash
    parts = (b"\x0f", TERMS[0], "1", ledger.chain.chain_id, cash.address, bytes(32), [])
    assert tuple(cash.eip712Domain()) == parts
    fields = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    hashes = [keccak(text.encode()) for text in (fields, *parts[1:3])]
    words = encode(["bytes32"] * 3 + ["uint256", "address"], [*hashes, *parts[3:5]])
    assert cash.DOMAIN_SEPARATOR() == keccak(words)


@pytest.mark.parametrize("amount", [0, 5, UINT_MAX])
def test_anyone_brings_what_the_owner_signed(ledger: Ledger, amount: int) -> None:
    cash, payer, spender = ledger.cash, ledger.payer, ledger.spender
    receipt = cash.permit(*permit_of(cash, payer, spender, amount), sender=ledger.payee)
    assert receipt.events == (cash.emitted("Approval", payer, spender, amount),)
    assert cash.allowance(payer, spender) == amount
    assert cash.nonces(payer) == 1
    assert cash.nonces(ledger.payee) == 0


@given(
    key=st.integers(1, ORDER - 1),
    spender=st.integers(1, 2**160 - 1),
    amount=st.integers(0, UINT_MAX),
    deadline=st.integers(2**40, UINT_MAX),
    count=st.integers(1, 3),
)
def test_permits_count_as_a_library_signs_them(
    ledger: Ledger, key: int, spender: int, amount: int, deadline: int, count: int
) -> None:
    signer = Signer.from_key(key.to_bytes(32, "big"))
    to = f"0x{spender:040x}"
    cash = ledger.cash
    with ledger.chain.isolated():
        for number in range(count):
            signed = permit_of(cash, signer, to, amount ^ number, deadline=deadline)
            cash.permit(signer.address, *signed[1:], sender=ledger.payee)
            assert cash.allowance(signer.address, to) == amount ^ number
        assert cash.nonces(signer.address) == count


def test_a_permit_counts_once(ledger: Ledger) -> None:
    cash = ledger.cash
    signed = permit_of(cash, ledger.payer, ledger.spender, 5)
    cash.permit(*signed, sender=ledger.spender)
    with ledger.refused("cash: wrong signature"):
        cash.permit(*signed, sender=ledger.spender)


def test_a_permit_counts_until_its_deadline(ledger: Ledger) -> None:
    cash, chain = ledger.cash, ledger.chain
    deadline = chain.now + 100
    signed = permit_of(cash, ledger.payer, ledger.spender, 5, deadline=deadline)
    with chain.isolated():
        chain.set_time(deadline)
        cash.permit(*signed, sender=ledger.spender)
    chain.set_time(deadline + 1)
    with ledger.refused("cash: permit expired"):
        cash.permit(*signed, sender=ledger.spender)


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": 1},
        {"name": "Test dollars"},
        {"version": "2"},
        {"chainId": 1},
        {"verifyingContract": "0x" + "11" * 20},
        {"key": b"\x11" * 32},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_the_owner_signed_otherwise_is_refused(
    ledger: Ledger, changed: dict[str, Any]
) -> None:
    signed = permit_of(ledger.cash, ledger.payer, ledger.spender, 5, **changed)
    with ledger.refused("cash: wrong signature"):
        ledger.cash.permit(*signed, sender=ledger.spender)


@pytest.mark.parametrize("field", range(7))
def test_a_permit_says_exactly_what_was_signed(ledger: Ledger, field: int) -> None:
    signed = list(permit_of(ledger.cash, ledger.payer, ledger.spender, 5))
    others = (ledger.payee, ledger.payee, 6, signed[3] + 1, 55 - signed[4], *[b"\x01" * 32] * 2)
    signed[field] = others[field]
    with ledger.refused("cash: wrong signature"):
        ledger.cash.permit(*signed, sender=ledger.spender)


def test_the_other_form_of_a_signature_is_refused(ledger: Ledger) -> None:
    """The same curve point below the axis: without the check there were two signatures of one."""
    *said, v, r, s = permit_of(ledger.cash, ledger.payer, ledger.spender, 5)
    mirrored = (ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")
    with ledger.refused("cash: high s"):
        ledger.cash.permit(*said, 55 - v, r, mirrored, sender=ledger.spender)
    ledger.cash.permit(*said, v, r, s, sender=ledger.spender)


@pytest.mark.parametrize("v", [0, 27, 28])
def test_no_signature_is_nobodys(ledger: Ledger, v: int) -> None:
    """A recovery that fails gives the empty address: nothing is permitted in its name."""
    for owner in (ZERO, ledger.payer.address):
        with ledger.refused("cash: wrong signature"):
            ledger.cash.permit(
                owner, ledger.spender, 5, UINT_MAX, v, bytes(32), bytes(32), sender=ledger.spender
            )


def test_a_permit_for_nobody_is_refused(ledger: Ledger) -> None:
    with ledger.refused("cash: no spender"):
        ledger.cash.permit(*permit_of(ledger.cash, ledger.payer, ZERO, 5), sender=ledger.spender)


def test_after_a_fork_the_other_halfs_permits_fail(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    cash = ledger.cash
    signed = permit_of(cash, ledger.payer, ledger.spender, 5)
    separator = cash.DOMAIN_SEPARATOR()
    monkeypatch.setattr(ledger.chain, "chain_id", ledger.chain.chain_id + 1)
    assert cash.DOMAIN_SEPARATOR() != separator
    with ledger.refused("cash: wrong signature"):
        cash.permit(*signed, sender=ledger.spender)
    cash.permit(*permit_of(cash, ledger.payer, ledger.spender, 5), sender=ledger.spender)


def test_a_permit_is_of_one_token(ledger: Ledger) -> None:
    other = new_cash(ledger.chain, ledger.issuer)
    signed = permit_of(ledger.cash, ledger.payer, ledger.spender, 5)
    with ledger.refused("cash: wrong signature"):
        other.permit(*signed, sender=ledger.spender)


# ------------------------------------------------------------------------------ plays

# The bit above says that an account is blocked.
SUPPLY_MAX = 2**255 - 1
_PARTIES = ("issuer", "payer", "payee", "spender")
_party = st.sampled_from(_PARTIES)
_amount = st.one_of(st.integers(0, 9), st.integers(0, 2 * ISSUED), st.integers(0, UINT_MAX))
_acts = st.one_of(
    st.tuples(st.just("transfer"), _party, _party, _amount),
    st.tuples(st.just("transferFrom"), _party, _party, _party, _amount),
    st.tuples(st.just("approve"), _party, _party, _amount),
    st.tuples(st.just("permit"), _party, _party, _amount),
    st.tuples(st.just("mint"), st.just("issuer"), _party, _amount),
    st.tuples(st.just("burn"), st.just("issuer"), _amount),
    st.tuples(st.just("set_blocked"), st.just("issuer"), _party, st.booleans()),
)


class Model:
    """What the cash should say, in plain numbers."""

    def __init__(self) -> None:
        self.balances = dict.fromkeys(_PARTIES, 0) | {"payer": ISSUED}
        self.allowed: dict[tuple[str, str], int] = {}
        self.blocked: set[str] = set()

    def reason(self, kind: str, by: str, *said: Any) -> str | None:
        """Why an act is refused, by the first that does; None: it isn't, and is done."""
        return getattr(self, f"_{kind}")(by, *said)

    def _transfer(self, by: str, to: str, amount: int) -> str | None:
        for who, word in ((by, "sender"), (to, "receiver")):
            if who in self.blocked:
                return f"cash: {word} blocked"
        if amount > self.balances[by]:
            return "cash: balance too low"
        self.balances[by] -= amount
        self.balances[to] += amount
        return None

    def _transferFrom(self, by: str, owner: str, to: str, amount: int) -> str | None:  # noqa: N802
        allowed = self.allowed.get((owner, by), 0)
        if by in self.blocked:
            return "cash: caller blocked"
        if amount > allowed:
            return "cash: allowance too low"
        reason = self._transfer(owner, to, amount)
        if reason is None and allowed != UINT_MAX:
            self.allowed[owner, by] = allowed - amount
        return reason

    def _approve(self, by: str, to: str, amount: int) -> None:
        self.allowed[by, to] = amount

    _permit = _approve

    def _mint(self, by: str, to: str, amount: int) -> str | None:
        if to in self.blocked:
            return "cash: receiver blocked"
        if sum(self.balances.values()) + amount > SUPPLY_MAX:
            return "cash: supply out of range"
        self.balances[to] += amount
        return None

    def _burn(self, by: str, amount: int) -> str | None:
        if amount > self.balances[by]:
            return "cash: balance too low"
        self.balances[by] -= amount
        return None

    def _set_blocked(self, by: str, who: str, blocked: bool) -> None:
        (self.blocked.add if blocked else self.blocked.discard)(who)


@given(st.lists(_acts, min_size=1, max_size=12))
def test_the_supply_is_the_sum_of_balances(ledger: Ledger, acts: list[tuple[Any, ...]]) -> None:
    """Whatever is done, in whatever order, and every balance and allowance is the model's."""
    cash, model = ledger.cash, Model()
    keys = {name: getattr(ledger, name) for name in _PARTIES}
    with ledger.chain.isolated():
        for kind, by, *said in acts:
            arguments = [keys.get(each, each) if isinstance(each, str) else each for each in said]
            if kind == "permit":
                arguments = list(permit_of(cash, keys[by], *arguments))
            reason = model.reason(kind, by, *said)
            if reason is None:
                getattr(cash, kind)(*arguments, sender=keys[by])
            else:
                with reverts(reason):
                    getattr(cash, kind)(*arguments, sender=keys[by])
            balances = {name: cash.balanceOf(key) for name, key in keys.items()}
            assert balances == model.balances
            assert cash.totalSupply() == sum(balances.values())
            for (owner, spender), amount in model.allowed.items():
                assert cash.allowance(keys[owner], keys[spender]) == amount
