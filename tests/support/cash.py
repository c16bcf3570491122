"""Cash of a ledger: the token, permits signed by a library that we did not write, bad manners."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import Any, Final

from eth_account import Account as Signer

from tallystick.chain import Account, Chain, Contract
from tallystick.chain.embedded import EmbeddedChain
from tests.support.world import ZERO, World

# Name, symbol, decimals and currency.
TERMS: Final = ("Test dollar", "TUSD", 6, b"USD")
_TRUE: Final = (1).to_bytes(32, "big")
_DOMAIN_FIELDS: Final = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
_PERMIT_FIELDS: Final = (
    ("owner", "address"),
    ("spender", "address"),
    ("value", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)


@dataclass(frozen=True)
class Manners:
    """What transfers of a `CashMock` do; by default what they should."""

    answer: bytes = _TRUE
    moves: bool = True
    fee: int = 0
    burns_gas: bool = False
    target: Any = ZERO
    callback: bytes = b""


# As the oldest large stablecoin.
SILENT: Final = Manners(answer=b"")
SAYS_FALSE: Final = Manners(answer=bytes(32), moves=False)
BURNS_GAS: Final = Manners(burns_gas=True)


def new_cash(chain: Chain, issuer: Account, currency: str = "USD", decimals: int = 6) -> Contract:
    """A cash token; nobody has any."""
    terms = (*TERMS[:2], decimals, currency.encode())
    return chain.deploy("CashToken", *terms, issuer, sender=chain.account(0))


def bad_cash(chain: Chain, issuer: Account, manners: Manners) -> Contract:
    """Cash with manners, as who believes that it is an ERC-20 calls it."""
    mock = chain.deploy("CashMock", *TERMS, issuer, sender=chain.account(0))
    behave(mock, manners)
    return chain.at("CashToken", mock.address)


def behave(cash: Contract, manners: Manners) -> None:
    """Give bad cash other manners."""
    mock = cash.chain.at("CashMock", cash.address)
    mock.behave(astuple(manners), sender=cash.chain.account(0))


def permit_of(
    cash: Contract, owner: Account, spender: Any, amount: int, **changed: Any
) -> tuple[Any, ...]:
    """What `permit` takes, signed by its owner; sound for an hour unless changed.

    Args:
        cash: The token.
        owner: Who signs, and is debited.
        spender: Who may spend.
        amount: How much.
        changed: `deadline` or `nonce` of the permit, a field of the domain, or `key`: who signs.
    """
    deadline = changed.get("deadline", cash.chain.now + 3_600)
    domain = {
        "name": cash.name(),
        "version": "1",
        "chainId": cash.chain.chain_id,
        "verifyingContract": cash.address,
    }
    message = {
        "owner": owner.address,
        "spender": str(spender),
        "value": amount,
        "nonce": changed.get("nonce", cash.nonces(owner)),
        "deadline": deadline,
    }
    typed = {
        "types": {
            "EIP712Domain": [{"name": name, "type": kind} for name, kind in _DOMAIN_FIELDS],
            "Permit": [{"name": name, "type": kind} for name, kind in _PERMIT_FIELDS],
        },
        "primaryType": "Permit",
        "domain": {name: changed.get(name, value) for name, value in domain.items()},
        "message": message,
    }
    signed = Signer.sign_typed_data(changed.get("key", owner.key), full_message=typed)
    halves = (signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big"))
    return owner, spender, amount, deadline, signed.v, *halves


def bunds_at(genesis: int) -> World:
    """The bond of examples/bund.yaml on two ledgers that begin then, with cash in cents."""
    chains = {
        name: EmbeddedChain(name, 41_000 + number, ledger_number=number, genesis_time=genesis)
        for number, name in enumerate(("home", "remote"), start=1)
    }
    world = World(
        chains,
        instrument="bund.yaml",
        admitted=("investor", "buyer", "fund"),
        units={"investor": 2_000_000_00, "buyer": 1_500_000_25},
    )
    world.home, world.remote = (
        replace(side, cash=new_cash(side.chain, side.issuer, "EUR", 2))
        for side in (world.home, world.remote)
    )
    world.synchronise()
    return world
