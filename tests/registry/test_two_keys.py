"""The registrar proposes, the issuer puts in force: registration, amendment, adoption."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tallystick.governance.roles import Role
from tallystick.registry.record import InstrumentRecord, record_hash
from tests.support.registry_ledgers import Ledger, refused
from tests.support.registry_vectors import APPLE, BUND, HOME, REMOTE, STATED
from tests.support.world import UNSTATED, ZERO

ISIN = APPLE.isin
ISIN_HASH = bytes.fromhex("d7f9e8489fe0426aa2a323ecf155e57381a1822e9f2ef2029ef26bfc12c80928")
SECOND = APPLE.successor(terms_hash=b"\x33" * 32)
# What a slip registered on one of two ledgers.
WRONG = replace(APPLE, terms_uri="https://example.org/terrms")
MONTH = 30 * 86_400
NO_PROPOSAL = (ZERO, 0, 0, 0, 0)


def act_of(record: InstrumentRecord, *, replaced: bytes = bytes(32)) -> bytes:
    """The act of putting a record in force; by adoption it names what it replaces."""
    return keccak(
        encode(
            ["string", "string", "bytes32", "bytes32"],
            ["put_in_force", record.isin, record_hash(record), replaced],
        )
    )


def put_in_force(ledger: Ledger, function: str, record: InstrumentRecord, replaced: bytes) -> Any:
    """The events of a record that the issuer put in force."""
    return (
        ledger.act(function, ledger.issuer),
        ledger.registry.emitted(
            "RecordPutInForce",
            isin_hash=keccak(text=record.isin),
            record_hash=record_hash(record),
            replaced=replaced,
            record=record.as_tuple(),
        ),
    )


# --- proposing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("adoption", [False, True])
@pytest.mark.requirement("R-08")
def test_the_registrar_proposes_a_record(home: Ledger, adoption: bool) -> None:
    if adoption:
        home.register(WRONG)
    receipt = home.propose(APPLE, adoption=adoption)
    act = act_of(APPLE, replaced=record_hash(WRONG) if adoption else bytes(32))
    assert receipt.return_value == act
    assert receipt.events == (
        home.act("propose_record", home.registrar),
        home.registry.emitted(
            "RecordProposed",
            act=act,
            isin_hash=ISIN_HASH,
            record_hash=record_hash(APPLE),
            isin=ISIN,
            adoption=adoption,
        ),
    )
    assert home.registry.proposal_of(act) == (
        home.registrar.address,
        Role.REGISTRAR,
        Role.ISSUER,
        home.chain.block().timestamp,
        home.chain.block().timestamp + MONTH,
    )
    assert home.registry.record_hash(ISIN) == (record_hash(WRONG) if adoption else bytes(32))


def test_nothing_is_adopted_where_there_is_no_record(home: Ledger) -> None:
    with refused(home, "records: nothing to adopt over"):
        home.propose(APPLE, adoption=True)


def test_no_proposal_takes_the_place_of_another(home: Ledger) -> None:
    home.register()
    others = [APPLE.successor(authorised=n * 10**12) for n in (2, 3)]
    for record in others:
        home.propose(record)
    for record in others:
        assert home.registry.proposal_of(act_of(record)).proposer == home.registrar.address
    home.present("amend", others[0])
    assert home.registry.record_hash(ISIN) == record_hash(others[0])


@pytest.mark.parametrize("adoption", [False, True])
def test_a_proposal_changes_something(home: Ledger, adoption: bool) -> None:
    home.register()
    for hash_ in (bytes(32), record_hash(APPLE)):
        with refused(home, "records: no change proposed"):
            home.registry.propose_record(ISIN, hash_, adoption, *STATED, sender=home.registrar)


@pytest.mark.parametrize("party", ["registrar", "issuer", "guardian"])
@pytest.mark.requirement("R-08")
def test_either_side_or_the_guardian_withdraws(home: Ledger, party: str) -> None:
    home.propose(APPLE)
    key = getattr(home, party)
    receipt = home.registry.withdraw_proposal(act_of(APPLE), *STATED, sender=key)
    assert receipt.events == (
        home.act("withdraw_proposal", key),
        home.registry.emitted("ProposalWithdrawn", act=act_of(APPLE), withdrawn_by=key),
    )
    assert home.registry.proposal_of(act_of(APPLE)) == NO_PROPOSAL
    with refused(home, "access: act not proposed"):
        home.present("register", APPLE)


def test_a_proposal_lapses(home: Ledger) -> None:
    home.propose(APPLE)
    lapse = home.registry.proposal_of(act_of(APPLE)).lapses_at
    home.chain.set_time(lapse)
    with refused(home, "access: proposal lapsed"):
        home.present("register", APPLE)


@pytest.mark.requirement("INV-9")
def test_a_proposal_dies_with_its_proposers_role(home: Ledger) -> None:
    home.propose(APPLE)
    for act, key in (
        (home.registry.propose_role, home.administrator),
        (home.registry.assign_role, home.second_administrator),
    ):
        act(home.registrar, 0, *STATED, sender=key)
    with refused(home, "access: proposer lost its role"):
        home.present("register", APPLE)


@pytest.mark.requirement("INV-9")
def test_the_set_up_key_leaves_no_proposal_of_what_it_did(set_up: Ledger) -> None:
    """After the hand-over one administrator could have given back alone what two had taken."""
    registry, account = set_up.registry, set_up.chain.account(77)
    propose, assign = registry.propose_role, registry.assign_role
    act = propose(account, Role.ISSUER, *STATED, sender=set_up.administrator).return_value
    assign(account, Role.ISSUER, *STATED, sender=set_up.set_up_key)
    assert registry.proposal_of(act) == NO_PROPOSAL
    registry.hand_over(*STATED, sender=set_up.set_up_key)
    propose(account, 0, *STATED, sender=set_up.administrator)
    assign(account, 0, *STATED, sender=set_up.second_administrator)
    with refused(set_up, "access: act not proposed"):
        assign(account, Role.ISSUER, *STATED, sender=set_up.second_administrator)


# --- registering ---------------------------------------------------------------------------------


@pytest.mark.requirement("R-01", "R-08")
def test_the_issuer_registers_what_was_proposed(home: Ledger) -> None:
    home.propose(APPLE)
    receipt = home.present("register", APPLE)
    assert receipt.events == put_in_force(home, "register", APPLE, bytes(32))
    assert home.registry.record_hash(ISIN) == record_hash(APPLE)
    assert home.registry.proposal_of(act_of(APPLE)) == NO_PROPOSAL


@pytest.mark.requirement("R-08")
def test_an_instrument_is_registered_once(home: Ledger) -> None:
    home.register()
    home.propose(WRONG)
    with refused(home, "records: already registered"):
        home.present("register", WRONG)


def test_a_ledger_that_joins_takes_up_a_later_version(home: Ledger, remote: Ledger) -> None:
    home.register()
    home.amend(SECOND)
    remote.register(SECOND)
    assert remote.registry.record_hash(ISIN) == home.registry.record_hash(ISIN)
    assert remote.registry.previous_hash(ISIN) == record_hash(APPLE)


# --- amending ------------------------------------------------------------------------------------


@pytest.mark.requirement("R-08")
def test_the_issuer_amends_as_was_proposed(home: Ledger) -> None:
    home.register()
    home.propose(SECOND)
    assert home.registry.record_hash(ISIN) == record_hash(APPLE)
    receipt = home.present("amend", SECOND)
    assert receipt.events == put_in_force(home, "amend", SECOND, record_hash(APPLE))
    assert home.registry.record_hash(ISIN) == record_hash(SECOND)
    assert home.registry.previous_hash(ISIN) == record_hash(APPLE)
    assert home.registry.instrument(ISIN) == SECOND.as_tuple()[0]


def test_an_amendment_counts_once(home: Ledger) -> None:
    home.register()
    home.amend(SECOND)
    with refused(home, "access: act not proposed"):
        home.present("amend", SECOND)


def test_an_amendment_drops_a_ledger(home: Ledger) -> None:
    home.register()
    home.amend(APPLE.successor(ledgers=APPLE.ledgers[:1]))
    assert home.registry.ledger_count(ISIN) == 1
    assert home.registry.resolve(ISIN, HOME).version == 2


def test_only_what_is_registered_is_amended(home: Ledger) -> None:
    home.propose(SECOND)
    with refused(home, "records: nothing to amend"):
        home.present("amend", SECOND)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (replace(SECOND, version=1), "records: not the next version"),
        (replace(SECOND, version=3), "records: not the next version"),
        (replace(SECOND, previous=bytes(32)), "records: not linked to previous"),
        (replace(SECOND, previous=record_hash(WRONG)), "records: not linked to previous"),
        (replace(SECOND, decimals=7), "records: decimals are fixed"),
        (replace(SECOND, close_minute=1259), "records: close is fixed"),
        (replace(SECOND, cfi="ASVUFR"), "records: bad CFI"),
        (replace(SECOND, ledgers=()), "records: home not among ledgers"),
    ],
)
@pytest.mark.requirement("R-08")
def test_amend_refuses(home: Ledger, record: InstrumentRecord, reason: str) -> None:
    home.register()
    home.propose(record)
    with refused(home, reason):
        home.present("amend", record)
    assert home.registry.record_hash(ISIN) == record_hash(APPLE)


# --- adopting ------------------------------------------------------------------------------------


@pytest.mark.requirement("R-01", "R-08")
def test_the_issuer_adopts_what_the_other_ledger_holds(home: Ledger, remote: Ledger) -> None:
    home.register()
    remote.register(WRONG)
    remote.propose(APPLE, adoption=True)
    receipt = remote.present("adopt", APPLE)
    assert receipt.events == put_in_force(remote, "adopt", APPLE, record_hash(WRONG))
    assert remote.registry.record_hash(ISIN) == home.registry.record_hash(ISIN)
    assert remote.registry.instrument(ISIN) == APPLE.as_tuple()[0]


@pytest.mark.parametrize(
    "record",
    [
        replace(APPLE, version=9, previous=b"\x99" * 32),
        replace(APPLE, version=2**64 - 1, previous=record_hash(APPLE)),
        WRONG,
    ],
)
def test_a_record_of_any_version_and_predecessor_is_adopted(
    home: Ledger, record: InstrumentRecord
) -> None:
    home.register()
    home.amend(SECOND)
    home.adopt(record)
    assert home.registry.record_hash(ISIN) == record_hash(record)
    home.adopt(SECOND)
    home.amend(SECOND.successor(authorised=2 * 10**12))
    assert home.registry.instrument(ISIN).version == 3


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (replace(WRONG, version=0), "records: no version"),
        (replace(WRONG, version=2), "records: previous or version"),
        (replace(WRONG, previous=b"\1" * 32), "records: previous or version"),
        (replace(WRONG, decimals=7), "records: token decimals differ"),
        (replace(WRONG, close_minute=1259), "records: token close differs"),
        (replace(WRONG, issuer=""), "records: bad LEI"),
        (replace(WRONG, ledgers=WRONG.ledgers[1:]), "records: home not among ledgers"),
    ],
)
@pytest.mark.requirement("R-08")
def test_adopt_refuses(home: Ledger, record: InstrumentRecord, reason: str) -> None:
    home.register()
    home.propose(record, adoption=True)
    with refused(home, reason):
        home.present("adopt", record)
    assert home.registry.record_hash(ISIN) == record_hash(APPLE)


def test_only_another_record_is_adopted(home: Ledger) -> None:
    with refused(home, "records: nothing to replace"):
        home.present("adopt", APPLE)
    home.register()
    with refused(home, "access: act not proposed"):
        home.present("adopt", APPLE)


@pytest.mark.requirement("R-08")
def test_an_adoption_takes_the_place_of_what_it_was_proposed_over(home: Ledger) -> None:
    """Both keys went on to the next version meanwhile: the issuer alone does not go back."""
    home.register()
    home.propose(WRONG, adoption=True)
    home.amend(SECOND)
    with refused(home, "access: act not proposed"):
        home.present("adopt", WRONG)


@pytest.mark.requirement("R-01")
@pytest.mark.parametrize("slip", [{"decimals": 7}, {"close_minute": 1259}])
def test_a_slip_where_no_token_is_placed_is_adopted_over(
    home: Ledger, slip: dict[str, int]
) -> None:
    """Where no token of this ledger says otherwise, decimals and close are mended like all else."""
    elsewhere = replace(
        APPLE,
        home="eip155:777",
        ledgers=tuple(
            replace(placement, caip2=f"eip155:{777 + number}")
            for number, placement in enumerate(APPLE.ledgers)
        ),
    )
    home.register(replace(elsewhere, **slip))
    home.adopt(elsewhere)
    assert home.registry.record_hash(ISIN) == record_hash(elsewhere)


# --- who, and why --------------------------------------------------------------------------------

ACTS: dict[str, Callable[[Ledger], InstrumentRecord]] = {
    "register": lambda _: BUND,
    "amend": lambda _: SECOND,
    "adopt": lambda _: WRONG,
}


def proposed(ledger: Ledger, function: str) -> InstrumentRecord:
    """A record that only the issuer's presenting it is wanting of."""
    ledger.register()
    record = ACTS[function](ledger)
    ledger.propose(record, adoption=function == "adopt")
    return record


@pytest.mark.parametrize("function", list(ACTS))
@pytest.mark.requirement("INV-9")
def test_nobody_but_the_issuer_puts_a_record_in_force(home: Ledger, function: str) -> None:
    record = proposed(home, function)
    for party in home.parties:
        if party != "issuer":
            with refused(home, "access: missing role"):
                getattr(home.registry, function)(
                    record.as_tuple(), *STATED, sender=getattr(home, party)
                )


@pytest.mark.requirement("INV-9")
def test_nobody_but_the_registrar_proposes(home: Ledger) -> None:
    for party in home.parties:
        if party != "registrar":
            with refused(home, "access: missing role"):
                home.registry.propose_record(
                    ISIN, record_hash(APPLE), False, *STATED, sender=getattr(home, party)
                )


@pytest.mark.parametrize("function", list(ACTS))
@pytest.mark.requirement("R-08")
def test_the_issuer_alone_puts_nothing_in_force(home: Ledger, function: str) -> None:
    home.register()
    with refused(home, "access: act not proposed"):
        home.present(function, ACTS[function](home))


@pytest.mark.parametrize("function", list(ACTS))
@pytest.mark.requirement("R-08")
def test_another_record_than_the_proposed_is_refused(home: Ledger, function: str) -> None:
    record = proposed(home, function)
    with refused(home, "access: act not proposed"):
        home.present(function, replace(record, terms_hash=b"\x44" * 32))


@pytest.mark.parametrize("function", ["amend", "adopt"])
@pytest.mark.requirement("R-08")
def test_a_proposal_to_adopt_is_no_proposal_to_amend(home: Ledger, function: str) -> None:
    home.register()
    record = ACTS[function](home)
    home.propose(record, adoption=function != "adopt")
    with refused(home, "access: act not proposed"):
        home.present(function, record)


@pytest.mark.parametrize("function", list(ACTS))
@pytest.mark.parametrize(("stated", "reason"), UNSTATED)
def test_every_act_says_why(
    home: Ledger, function: str, stated: tuple[bytes, bytes], reason: str
) -> None:
    record = proposed(home, function)
    with refused(home, reason):
        getattr(home.registry, function)(record.as_tuple(), *stated, sender=home.issuer)
    with refused(home, reason):
        home.registry.propose_record(ISIN, b"\1" * 32, False, *stated, sender=home.registrar)


@pytest.mark.requirement("R-01")
def test_logs_alone_tell_every_record(home: Ledger) -> None:
    """Who reads the events only knows what every view says."""
    home.register()
    home.register(BUND)
    home.amend(SECOND)
    home.adopt(WRONG)
    told = {
        event.record.instrument.isin: event.record
        for event in home.registry.events()
        if event.name == "RecordPutInForce"
    }
    for isin in (ISIN, BUND.isin):
        assert home.registry.instrument(isin) == told[isin].instrument
        assert home.registry.record_hash(isin) == home.registry.record_hash_of(told[isin])
        for placement in told[isin].ledgers:
            assert home.registry.resolve(isin, placement.caip2).token == placement.token
    assert home.registry.resolve(ISIN, REMOTE).record_hash == record_hash(WRONG)
