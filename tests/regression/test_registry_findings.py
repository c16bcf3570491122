"""What earlier reviews did to the registry, tried again: each attack now fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallystick.registry.record import (
    DtiKind,
    Placement,
    check_record,
    record_hash,
    token_address,
    token_word,
)
from tests.support.registry_ledgers import Ledger, refused
from tests.support.registry_vectors import (
    APPLE,
    APPLE_TOKEN,
    BUND,
    BUND_TOKEN,
    ELSEWHERE,
    STATED,
    TOKEN_DTI,
)

# Another instrument that says it lives where APPLE does.
SQUAT = replace(
    APPLE,
    isin=BUND.isin,
    home=ELSEWHERE,
    ledgers=(Placement(ELSEWHERE, b"\x07" * 32, TOKEN_DTI, DtiKind.TOKEN),),
)


@pytest.mark.requirement("R-03", "R-08")
def test_one_registrars_key_claimed_a_token_and_a_dti_for_another_isin(home: Ledger) -> None:
    """The registrar registered alone, whatever the token said of itself."""
    squat = replace(APPLE, isin=BUND.isin)
    with refused(home, "access: missing role"):
        home.registry.register(squat.as_tuple(), *STATED, sender=home.registrar)
    home.propose(squat)
    with refused(home, "records: token ISIN differs"):
        home.present("register", squat)
    home.register()


@pytest.mark.requirement("R-03")
def test_a_wrong_claim_stood_for_ever(home: Ledger) -> None:
    """A claim once made was never cleared: the true instrument could not be registered."""
    home.register(SQUAT)
    true = replace(APPLE, ledgers=(APPLE.ledgers[0], replace(SQUAT.ledgers[0], caip2=ELSEWHERE)))
    home.propose(true)
    with refused(home, "records: token of another ISIN"):
        home.present("register", true)
    home.amend(SQUAT.successor(ledgers=(Placement(ELSEWHERE, b"\x08" * 32),)))
    home.present("register", true)


@pytest.mark.requirement("R-01")
def test_one_wrong_registration_divided_golden_records_for_ever(
    home: Ledger, remote: Ledger
) -> None:
    """Neither the other ledger's record nor its next version could be taken up."""
    wrong = replace(APPLE, terms_uri=APPLE.terms_uri + "x")
    home.register()
    remote.register(wrong)
    second = APPLE.successor(terms_uri="https://example.org/t2")
    home.amend(second)
    remote.propose(second)
    with refused(remote, "records: not linked to previous"):
        remote.present("amend", second)
    remote.adopt(second)
    assert remote.registry.record_hash(APPLE.isin) == home.registry.record_hash(APPLE.isin)
    third = second.successor(authorised=2 * APPLE.authorised)
    for ledger in (home, remote):
        ledger.amend(third)
        assert ledger.registry.record_hash(APPLE.isin) == record_hash(third)


@pytest.mark.parametrize("name", ["xrpl:0", "xrpl:1", "fil:f", "sui:1", "abc:1"])
@pytest.mark.requirement("R-02")
def test_short_caip2_names_reverted_without_a_reason(home: Ledger, name: str) -> None:
    record = replace(APPLE, ledgers=(*APPLE.ledgers, Placement(name, b"\x05" * 32)))
    home.register(check_record(record))
    assert home.registry.resolve(APPLE.isin, name).token == b"\x05" * 32


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"close_minute": 990}, "records: token close differs"),
        ({"decimals": 2}, "records: token decimals differ"),
    ],
)
@pytest.mark.requirement("R-01")
def test_ledgers_of_one_instrument_closed_and_counted_apart(
    ledgers: tuple[Ledger, Ledger], changed: dict[str, int], reason: str
) -> None:
    """One unit was entitled twice on a day: nothing bound the close of business."""
    home, remote = ledgers
    token = remote.token(home=False, **changed)
    record = replace(
        APPLE,
        ledgers=(APPLE.ledgers[0], Placement(remote.chain.caip2, token_word(str(token.address)))),
    )
    home.register(record)
    remote.propose(record)
    with refused(remote, reason):
        remote.present("register", record)
    assert not remote.registry.is_registered(APPLE.isin)


@pytest.mark.requirement("R-08")
def test_nobody_compared_what_token_and_record_authorise(home: Ledger) -> None:
    token = home.chain.at("SecurityToken", token_address(APPLE_TOKEN))
    home.authorise(token, APPLE.authorised + 1)
    home.propose(APPLE)
    with refused(home, "records: token authorised more"):
        home.present("register", APPLE)
    home.authorise(token, APPLE.authorised)
    home.present("register", APPLE)
    assert home.registry.authorised_of(token) == token.authorised()
    assert home.registry.authorised_of(token_address(BUND_TOKEN)) == 0


@pytest.mark.requirement("R-08")
def test_a_second_proposal_replaced_the_first_unseen(home: Ledger) -> None:
    """The issuer agreed to a record, and another stood proposed when it confirmed."""
    home.register()
    agreed, other = (APPLE.successor(authorised=n * APPLE.authorised) for n in (2, 3))
    home.propose(agreed)
    home.propose(other)
    home.present("amend", agreed)
    assert home.registry.record_hash(APPLE.isin) == record_hash(agreed)
