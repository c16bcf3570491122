"""Found in an actions engine: what it speaks for, whom it believes, what it waits for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from tallystick.actions.message import EVENT_ATTESTATION, MESSAGE_ATTESTATION
from tallystick.bridge.message import LaneId
from tallystick.chain import Contract
from tallystick.chain.abi import keccak
from tallystick.deploy.ledger import is_zero
from tallystick.deploy.verify.fact import Found
from tallystick.deploy.verify.lanes import found_verifier
from tallystick.deploy.verify.reader import Reader
from tallystick.deploy.verify.words import NOBODY, NONE, listed, peer_text, value_text
from tallystick.text import hex_text

__all__ = ["found_in_engine"]

ENGINE: Final = "ActionsEngine"


def found_in_engine(
    reader: Reader,
    engine: Contract,
    heard: Collection[bytes],
    lanes: Mapping[LaneId, str],
    ledgers: Mapping[bytes, str],
) -> Iterator[Found]:
    """The engine: token, escrow, verifiers, peers, closes, pay terms.

    Args:
        reader: the ledger.
        engine: its engine.
        heard: ids of the ledgers that it should hear.
        lanes: what lanes are called, by id.
        ledgers: what ledgers are called, by id.
    """
    suite, nowhere = reader.suite, bytes(32)
    views = (
        *("token", "escrow", "instrument", "is_home", "home_ledger", "attestors", "daily_since"),
        "fractions_agent",
    )
    answers = dict(zip(views, reader.ask((engine, view) for view in views), strict=True))
    home, attestors = bytes(answers["home_ledger"]), answers["attestors"]
    yield Found(ENGINE, "token", str(answers["token"]), str(suite.token.address))
    yield Found(ENGINE, "escrow", str(answers["escrow"]), str(suite.escrow.address))
    due = hex_text(keccak(reader.isin.encode()))
    yield Found(ENGINE, "instrument", hex_text(answers["instrument"]), due)
    yield Found(ENGINE, "is_home", value_text(bool(answers["is_home"])))
    at = NONE if home == nowhere else ledgers.get(home, hex_text(home))
    yield Found(ENGINE, "home_ledger", at, NONE)
    asks = "each day" if answers["daily_since"] else "events alone"
    yield Found(ENGINE, "asks for the closes of", asks, "events alone")
    agent = str(answers["fractions_agent"])
    yield Found(ENGINE, "fractions' agent", NOBODY if is_zero(agent) else agent, NOBODY)
    verifier = NOBODY if is_zero(attestors) else str(attestors)
    yield Found(ENGINE, "verifier of events", verifier, NOBODY)
    if verifier != NOBODY:
        yield from found_verifier(reader, ENGINE, "events: ", verifier, EVENT_ATTESTATION)
    logged = reader.events(engine, ("PeerSet", "PayTermsSet", "PoolPayeeSet"))
    named = [bytes(event.args["ledger"]) for event in logged["PeerSet"]]
    yield from _found_peers(reader, engine, dict.fromkeys((*heard, *named)), heard, ledgers)
    currencies = [bytes(e.args["terms"].currency) for e in logged["PayTermsSet"]]
    pools = [str(event.args["pool"]) for event in logged["PoolPayeeSet"]]
    answered = iter(
        reader.ask(
            (
                *((engine, "terms_for", each) for each in dict.fromkeys(currencies)),
                *((engine, "pool_payee", each) for each in dict.fromkeys(pools)),
                *((engine, "reconciliation_of", lane) for lane in lanes),
            )
        )
    )
    for currency in dict.fromkeys(currencies):
        number, terms = next(answered)
        found = f"set {number}: {value_text(terms)}"
        yield Found(ENGINE, f"pay terms in {value_text(currency)}", found)
    paid = ((pool, next(answered)) for pool in dict.fromkeys(pools))
    told = [f"{pool} to {payee}" for pool, payee in paid if not is_zero(payee)]
    yield Found(ENGINE, "payees of pools", listed(told), NONE)
    for name in lanes.values():
        day = int(next(answered).suspended_for)
        found = f"for the close of day {day}" if day else NONE
        yield Found(ENGINE, f"{name}: suspended", found, NONE)


def _found_peers(
    reader: Reader,
    engine: Contract,
    named: Collection[bytes],
    heard: Collection[bytes],
    ledgers: Mapping[bytes, str],
) -> Iterator[Found]:
    """Whom the engine believes of each ledger that it hears; others that it ever believed."""
    answers = reader.ask((engine, "peer_of", each) for each in named)
    others: list[str] = []
    for ledger, peer in zip(named, answers, strict=True):
        found = peer_text(int(peer.chain_id), str(peer.engine), str(peer.verifier))
        name = ledgers.get(ledger, hex_text(ledger))
        if ledger not in heard:
            others += [f"{name}: {found}"] if found != NOBODY else []
            continue
        yield Found(ENGINE, f"believes of {name}", found, NOBODY)
        if found != NOBODY:
            verifier, what = str(peer.verifier), f"of {name}: "
            yield from found_verifier(reader, ENGINE, what, verifier, MESSAGE_ATTESTATION)
    yield Found(ENGINE, "other peers", listed(others), NONE)
