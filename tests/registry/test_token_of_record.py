"""A record fits the token that it places on this ledger; the token asks what it may issue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tallystick.registry.record import InstrumentRecord, Placement, token_address, token_word
from tests.support.registry_ledgers import Ledger, refused
from tests.support.registry_vectors import APPLE, APPLE_TOKEN, BUND, BUND_TOKEN, DEPLOYER, ELSEWHERE

ISIN = APPLE.isin
TOKEN = token_address(APPLE_TOKEN)


def placing(ledger: Ledger, token: object, record: InstrumentRecord = APPLE) -> InstrumentRecord:
    """The record with another token on the ledger."""
    word = token_word(str(token))
    return replace(
        record,
        ledgers=tuple(
            replace(each, token=word) if each.caip2 == ledger.chain.caip2 else each
            for each in record.ledgers
        ),
    )


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"isin": BUND.isin}, "records: token ISIN differs"),
        ({"decimals": 2}, "records: token decimals differ"),
        ({"close_minute": 1259}, "records: token close differs"),
        ({"home": None}, "records: token home differs"),
    ],
)
@pytest.mark.requirement("R-03")
def test_a_token_that_differs_is_refused(
    ledgers: tuple[Ledger, Ledger], side: int, changed: dict[str, Any], reason: str
) -> None:
    ledger = ledgers[side]
    is_home = side == 0
    home = not is_home if "home" in changed else is_home
    record = placing(ledger, ledger.token(**{**changed, "home": home}).address)
    ledger.propose(record)
    with refused(ledger, reason):
        ledger.present("register", record)


def test_a_token_without_code_is_refused(home: Ledger) -> None:
    record = placing(home, "0x" + "01" * 20)
    home.propose(record)
    with refused(home, "records: token has no code"):
        home.present("register", record)


def test_an_account_that_delegates_is_no_token(home: Ledger) -> None:
    home.chain.set_code("0x" + "01" * 20, bytes.fromhex("ef0100" + TOKEN[2:]))
    record = placing(home, "0x" + "01" * 20)
    home.propose(record)
    with refused(home, "records: token has no code"):
        home.present("register", record)


def test_a_contract_that_is_no_token_is_refused(home: Ledger) -> None:
    record = placing(home, home.registry.address)
    home.propose(record)
    with refused(home):
        home.present("register", record)


def test_tokens_of_other_ledgers_are_not_asked(home: Ledger) -> None:
    record = replace(
        APPLE,
        home=ELSEWHERE,
        ledgers=(Placement(ELSEWHERE, b"\x07" * 32), Placement("eip155:1", BUND_TOKEN)),
    )
    home.register(record)
    assert home.registry.is_registered(ISIN)


def test_an_amendment_is_held_against_the_token_too(home: Ledger) -> None:
    home.register()
    record = placing(home, home.token(home=False).address, APPLE.successor())
    home.propose(record)
    with refused(home, "records: token home differs"):
        home.present("amend", record)


def test_an_adoption_is_held_against_the_token_too(home: Ledger) -> None:
    home.register()
    record = placing(home, home.token(isin=BUND.isin).address)
    home.propose(record, adoption=True)
    with refused(home, "records: token ISIN differs"):
        home.present("adopt", record)


# --- authorised ----------------------------------------------------------------------------------


@pytest.mark.requirement("R-08")
def test_no_record_authorises_less_than_the_notary_did(home: Ledger) -> None:
    home.register()
    home.authorise(home.chain.at("SecurityToken", TOKEN), 600)
    exactly, less = (APPLE.successor(authorised=amount) for amount in (600, 599))
    for record in (exactly, less):
        home.propose(record)
    with refused(home, "records: token authorised more"):
        home.present("amend", less)
    home.present("amend", exactly)
    assert home.registry.authorised_of(TOKEN) == 600


def test_away_from_home_nothing_is_authorised(remote: Ledger) -> None:
    """A remote token's amount is none of the record's: units come there through lanes."""
    remote.authorise(remote.chain.at("SecurityToken", TOKEN), APPLE.authorised + 1)
    remote.register()
    assert remote.registry.is_registered(ISIN)


def test_a_token_learns_what_its_record_authorises(ledgers: tuple[Ledger, Ledger]) -> None:
    for ledger in ledgers:
        assert ledger.registry.authorised_of(TOKEN) == 0
        ledger.register()
        assert ledger.registry.authorised_of(TOKEN) == APPLE.authorised
        ledger.amend(APPLE.successor(authorised=5))
        assert ledger.registry.authorised_of(TOKEN) == 5
        assert ledger.registry.authorised_of(token_address(BUND_TOKEN)) == 0


def test_a_token_that_a_record_dropped_is_authorised_nothing(home: Ledger) -> None:
    home.register()
    other = home.token()
    home.amend(placing(home, other.address, APPLE.successor()))
    assert home.registry.authorised_of(TOKEN) == 0
    assert home.registry.authorised_of(other) == APPLE.authorised


def test_tokens_of_other_ledgers_are_authorised_nothing(home: Ledger) -> None:
    home.register(replace(APPLE, ledgers=(APPLE.ledgers[0], Placement("eip155:1", BUND_TOKEN))))
    assert home.registry.authorised_of(token_address(BUND_TOKEN)) == 0
    assert home.registry.authorised_of(DEPLOYER) == 0
