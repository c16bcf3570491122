"""Found of lanes: terms, custody, whom they trust; and of any verifier its code and signers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tallystick import build
from tallystick.bridge import proof
from tallystick.bridge.attestation import ATTESTATION_TYPE, SignerSet
from tallystick.bridge.message import OPEN_END, Direction, Grade, LaneId
from tallystick.chain.abi import encode, keccak
from tallystick.deploy.ledger import is_zero
from tallystick.deploy.verify.fact import Found
from tallystick.deploy.verify.governance import found_code, other_code
from tallystick.deploy.verify.reader import Reader
from tallystick.deploy.verify.words import (
    AS_BUILT,
    NOBODY,
    NONE,
    cap_text,
    listed,
    minimum_text,
    party_text,
    seconds_text,
    signers_text,
    until_text,
    value_text,
)
from tallystick.text import hex_text, time_text

__all__ = ["found_in_escrow", "found_verifier"]

ESCROW: Final = "BridgeEscrow"
# What a proof verifier proves: of a lane, its peer's outbox and no other.
_SOURCE: Final = "outbox that is proven"


def found_in_escrow(
    reader: Reader, expected: Mapping[LaneId, str], ledgers: Mapping[bytes, str]
) -> Iterator[Found]:
    """Every lane that there is, by logs and by the escrow's own list.

    Args:
        reader: the ledger.
        expected: what the lanes that there should be are called, by id.
        ledgers: names of ledgers by the ids that contracts give them.
    """
    escrow, authority = reader.suite.escrow, str(reader.suite.authority.address)
    instrument = keccak(reader.isin.encode())
    (obeyed, listed_lanes) = reader.ask(
        ((escrow, "release_authority"), (escrow, "lanes_of", instrument))
    )
    yield Found(ESCROW, "release_authority", str(obeyed), authority)
    logged = reader.events(escrow, ("LaneOpened",))["LaneOpened"]
    opened = [LaneId(bytes(event.args["lane"])) for event in logged]
    every = dict.fromkeys((*expected, *opened, *(LaneId(bytes(each)) for each in listed_lanes)))
    states = dict(
        zip(every, reader.ask_any((escrow, "lane_state", lane) for lane in every), strict=True)
    )
    standing = {lane: state for lane, state in states.items() if not isinstance(state, Exception)}
    neighbours = reader.neighbours()
    others = (
        hex_text(lane)
        for lane, state in standing.items()
        if lane not in expected
        and neighbours.get(str(state.terms.token)) != f"SecurityToken of {state.terms.isin}"
    )
    yield Found(ESCROW, "other lanes", listed(others), NONE)
    for lane, name in expected.items():
        found = "open" if lane in standing else "not open"
        yield Found(ESCROW, name, found, "open")
        if lane in standing:
            is_listed = lane in {bytes(each) for each in listed_lanes}
            yield Found(ESCROW, f"{name}: listed", value_text(is_listed), "yes")
            for fact in _found_lane(reader, lane, standing[lane], ledgers):
                yield fact._replace(what=f"{name}: {fact.what}")


def _found_lane(
    reader: Reader, lane: LaneId, state: Any, ledgers: Mapping[bytes, str]
) -> Iterator[Found]:
    """One lane: its terms, what stands still, its custody, whom it trusts."""
    escrow, terms = reader.suite.escrow, state.terms
    pair = keccak(encode(["string", "bytes32"], [terms.isin, terms.peer_ledger]))
    of_pair, of_custody, suspended, pending, *epochs = reader.ask(
        (
            (escrow, "canonical_lane", pair),
            (escrow, "lane_of_custody", terms.custody),
            (escrow, "is_suspended", lane),
            (escrow, "pending_lane_terms", lane),
            *((escrow, "epoch_at", lane, number) for number in range(1, int(state.epoch) + 1)),
        )
    )
    token, custody = str(reader.suite.token.address), str(terms.custody)
    peer = bytes(terms.peer_ledger)
    for what, found, otherwise in (
        ("isin", str(terms.isin), reader.isin),
        ("home", value_text(bool(terms.home)), None),
        ("token", str(terms.token), token),
        ("custody", custody, None),
        ("grade", Grade(int(terms.grade)).name.lower(), None),
        ("change delay", seconds_text(int(terms.change_delay)), None),
        ("retention", seconds_text(int(terms.retention)), None),
        ("peer ledger", ledgers.get(peer, hex_text(peer)), None),
        ("peer escrow", party_text(bytes(terms.peer_escrow)), None),
        ("cap", cap_text(int(terms.cap)), None),
        ("limit", cap_text(int(terms.limit)), None),
        ("limit window", seconds_text(int(terms.limit_window)), None),
        ("ramp", seconds_text(int(terms.ramp)), None),
        ("minimum", minimum_text(int(terms.minimum), int(terms.decimals)), None),
        ("decimals", str(terms.decimals), None),
        ("close_minute", str(terms.close_minute), None),
        ("stopped", listed(_directions(int(state.paused_directions))), NONE),
        ("suspended", value_text(bool(suspended)), "no"),
        ("pending change", _pending_text(pending), NONE),
        ("lane of its pair", hex_text(of_pair), hex_text(lane)),
        ("lane of its custody", hex_text(of_custody), hex_text(lane)),
    ):
        yield Found(ESCROW, what, found, otherwise)
    due = {"_ESCROW": str(escrow.address), "_TOKEN": token}
    for fact in found_code(reader, "LaneCustody", custody, due, "custody: "):
        yield fact._replace(contract=ESCROW)
    source = _source_text(peer, party_text(bytes(terms.peer_escrow)))
    for fact in _found_epochs(reader, epochs):
        yield fact._replace(otherwise=source) if fact.what.endswith(_SOURCE) else fact


def _directions(stopped: int) -> Iterator[str]:
    return (str(each.name).lower() for each in Direction(stopped))


def _pending_text(pending: Any) -> str:
    """The change of its terms that waits on a lane, in full."""
    if not int(pending.applies_from):
        return NONE
    due = time_text(int(pending.applies_from))
    cap, limit = (cap_text(int(most)) for most in (pending.cap, pending.limit))
    return f"{_verifiers_text(pending)}, cap {cap}, limit {limit}, from {due}"


def _verifiers_text(trusted: Any) -> str:
    """One verifier, or two."""
    first, second = str(trusted.verifier), str(trusted.second)
    return first if is_zero(second) else f"{first} and {second}"


def _found_epochs(reader: Reader, epochs: Sequence[Any]) -> Iterator[Found]:
    """Who proves what arrives now, and who else: before those in force end, or after them."""
    now = reader.block.timestamp
    living = [
        (number, epoch, int(epoch.valid_from), int(epoch.valid_until))
        for number, epoch in enumerate(epochs, 1)
        if now < int(epoch.valid_until)
    ]
    valid = [each for each in living if each[2] <= now]
    in_force = _verifiers_text(valid[-1][1]) if valid else NOBODY
    others = [each for each in living if each not in valid[-1:]]
    yield Found(ESCROW, "verifier in force", in_force)
    yield Found(ESCROW, "epoch", str(len(epochs)))
    told = (
        f"epoch {number}: {_verifiers_text(epoch)} from {time_text(start)}"
        f"{until_text(end, OPEN_END)}"
        for number, epoch, start, end in others
    )
    yield Found(ESCROW, "other verifiers", listed(told), NONE)
    for _, epoch, *_ in valid[-1:]:
        yield from _found_pair(reader, "", epoch)
    for number, epoch, *_ in others:
        yield from _found_pair(reader, f"epoch {number}: ", epoch)


def _found_pair(reader: Reader, what: str, epoch: Any) -> Iterator[Found]:
    """The verifiers of an epoch, one after the other."""
    for each, address in (("", str(epoch.verifier)), ("second: ", str(epoch.second))):
        if not (each and is_zero(address)):
            yield from found_verifier(reader, ESCROW, what + each, address, ATTESTATION_TYPE)


def found_verifier(
    reader: Reader, contract: str, what: str, address: str, attests: str
) -> Iterator[Found]:
    """A verifier: its code is the build's, its immutables are a sound set's and of that type.

    Args:
        reader: the ledger.
        contract: who asks it.
        what: what is said before each fact.
        address: where it is.
        attests: the EIP-712 type of what its attestors sign.
    """
    if build.artifact("ProofVerifier").is_code(reader.code(address)):
        yield from _found_proof_verifier(reader, contract, what, address)
        return
    artifact, code = build.artifact("QuorumVerifier"), reader.code(address)
    if not artifact.is_code(code):
        yield Found(contract, f"{what}code of the verifier", other_code(reader, address), AS_BUILT)
        return
    verifier = reader.suite.chain.at("QuorumVerifier", address)
    kept, lei = reader.ask_any([(verifier, "signer_set"), (verifier, "LEI")])
    try:
        signers = SignerSet.of(1, int(kept.threshold), map(str, kept.signers), attests)
        sound = code[len(artifact.bytecode_runtime) :] == signers.verifier_immutables(str(lei))
    except (AttributeError, ValueError):
        signers, sound = None, False
    # The constructor takes no other; code may come from elsewhere.
    found = AS_BUILT if sound else "of signers, a type or an operator that its constructor refuses"
    yield Found(contract, f"{what}code of the verifier", found, AS_BUILT)
    if signers is not None:
        yield Found(contract, f"{what}operator", str(lei))
        yield Found(contract, f"{what}attestors", signers_text(signers.threshold, signers.signers))


def _found_proof_verifier(
    reader: Reader, contract: str, what: str, address: str
) -> Iterator[Found]:
    """A verifier by the source's storage: its immutables, whose outbox it proves, its quorum."""
    verifier = reader.suite.chain.at("ProofVerifier", address)
    names = ("QUORUM", "SOURCE_LEDGER", "SOURCE_ESCROW", "OUTBOX_SLOT", "operator")
    quorum, ledger, escrow, slot, operator = reader.ask((verifier, name) for name in names)
    terms = proof.ProofTerms(str(quorum), bytes(ledger), str(escrow), int(slot), bytes(operator))
    signing = reader.suite.chain.at("QuorumVerifier", terms.quorum)
    (runs,) = reader.ask_any([(signing, "operator")])
    length = len(build.artifact("ProofVerifier").bytecode_runtime)
    sound = (
        reader.code(address)[length:] == terms.immutables(reader.suite.chain.chain_id)
        and terms.slot == proof.outbox_slot(build.artifact("BridgeEscrow"))
        and terms.operator == runs
    )
    found = AS_BUILT if sound else "of another chain, another layout or another's operator"
    yield Found(contract, f"{what}code of the verifier", found, AS_BUILT)
    yield Found(contract, f"{what}{_SOURCE}", _source_text(terms.ledger, terms.escrow))
    attests = proof.ATTESTATION_TYPE
    yield from found_verifier(reader, contract, f"{what}quorum: ", terms.quorum, attests)


def _source_text(ledger: bytes, escrow: str) -> str:
    """An escrow on another ledger."""
    return f"{escrow} on {hex_text(ledger)}"
