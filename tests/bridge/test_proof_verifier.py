"""Proof verifier: what counts as attested of a source ledger, and as proven of its outbox."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import rlp
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from tallystick.bridge.attestation import ATTESTATION_TYPE as MESSAGES
from tallystick.bridge.attestation import SignerSet, attest
from tallystick.bridge.message import ledger_id
from tallystick.bridge.outbox import page_word
from tallystick.bridge.proof import (
    ATTESTATION_TYPE,
    Commitment,
    ProofDomain,
    page_attestation,
    page_slot,
)
from tallystick.chain import Chain, Revert
from tallystick.chain.reverts import reverts
from tests.support.proofs import (
    CAIP2,
    ESCROW,
    OPERATOR,
    OUTBOX,
    Prover,
    Source,
    account_rlp,
    header_with,
    tower,
)

LANE = keccak(text="lane")
IDS = [keccak(text=f"message {number}") for number in range(8)]
DOMAIN = keccak(text="any escrow's domain")
ZERO = "0x" + "00" * 20
ROOT = keccak(text="a root of the escrow's storage")
ESCROW_KEY = keccak(bytes.fromhex(ESCROW[2:]))
SLOT_KEY = keccak(page_slot(OUTBOX, LANE, 0))


@pytest.fixture
def prover(home: Chain) -> Prover:
    return Prover(home)


def source_of(count: int = 8, **changed: Any) -> Source:
    """A source whose first page has so many messages."""
    return Source.of_page(LANE, 0, page_word(IDS[:count]), **changed)


def proven(prover: Prover, count: int = 8) -> Prover:
    """The first page, with so many messages, is proven."""
    source = source_of(count)
    prover.show_header(source)
    prover.prove(source, LANE, 0)
    return prover


# --- what is fixed -----------------------------------------------------------------------------


def test_source_and_quorum_are_in_the_code(prover: Prover) -> None:
    verifier = prover.verifier
    assert verifier.QUORUM() == prover.quorum.address
    assert bytes(verifier.SOURCE_LEDGER()) == ledger_id(CAIP2)
    assert str(verifier.SOURCE_ESCROW()).lower() == ESCROW
    assert verifier.OUTBOX_SLOT() == OUTBOX
    assert bytes(verifier.operator()) == OPERATOR
    assert bytes(verifier.domain_separator()) == prover.domain.separator
    (fixed,) = verifier.events()
    assert (fixed.name, fixed.quorum, bytes(fixed.source_ledger)) == (
        "SourceFixed",
        prover.quorum.address,
        ledger_id(CAIP2),
    )
    assert (str(fixed.source_escrow).lower(), fixed.outbox_slot, bytes(fixed.operator)) == (
        ESCROW,
        OUTBOX,
        OPERATOR,
    )
    fields, name, version, chain_id, address, salt, more = verifier.eip712Domain()
    assert (bytes(fields), name, version, chain_id) == (
        b"\x0f",
        "Tallystick Proof",
        "1",
        prover.domain.chain_id,
    )
    assert (str(address), bytes(salt), list(more)) == (prover.domain.verifier, bytes(32), [])


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({0: "0x" + "99" * 20}, "proof: quorum has no code"),
        ({1: bytes(32)}, "proof: no source ledger"),
        ({2: ZERO}, "proof: no source escrow"),
    ],
)
def test_nothing_is_left_open(prover: Prover, changed: dict[int, Any], reason: str) -> None:
    arguments: list[Any] = [prover.quorum, ledger_id(CAIP2), ESCROW, OUTBOX]
    for index, value in changed.items():
        arguments[index] = value
    with reverts(reason):
        prover.verifier.chain.deploy("ProofVerifier", *arguments, sender=prover.caller)


# --- the way through ---------------------------------------------------------------------------


@pytest.mark.requirement("INV-4")
@given(count=st.integers(1, 8), others=st.integers(0, 60))
def test_each_message_of_a_proven_page_is_verified(home: Chain, count: int, others: int) -> None:
    with home.isolated():
        prover = Prover(home)
        source = Source.of_page(LANE, 16, page_word(IDS[:count]), others)
        receipt = prover.show_header(source)
        assert bytes(receipt.return_value) == source.root
        shown = receipt.one("RootShown")
        assert (bytes(shown.root), shown.number, shown.by_header) == (source.root, 1_000, True)
        receipt = prover.prove(source, LANE, 16)
        found = receipt.one("PageProven")
        assert (bytes(found.lane), found.page, found.number) == (LANE, 2, 1_000)
        assert bytes(found.word) == bytes(receipt.return_value) == page_word(IDS[:count])
        for index in range(count):
            attestation = page_attestation(7, IDS[:count], index)
            assert prover.verifier.verify(DOMAIN, IDS[index], attestation) is True


@pytest.mark.requirement("INV-4")
def test_a_root_that_is_attested_itself_needs_no_header(prover: Prover) -> None:
    source = source_of(3)
    shown = prover.show_root(source.number, source.root).one("RootShown")
    assert (bytes(shown.root), shown.number, shown.by_header) == (source.root, 1_000, False)
    assert prover.verifier.number_of_root(source.root) == 1_000
    prover.prove(source, LANE, 0)
    assert prover.verifier.number_of_page(page_word(IDS[:3])) == 1_000
    attestation = page_attestation(1, IDS[:3], 1)
    assert prover.verifier.verify(DOMAIN, IDS[1], attestation) is True


def test_a_root_proves_every_page_and_nobody_is_in_another_s_way(prover: Prover) -> None:
    words = {0: page_word(IDS), 8: page_word(IDS[:2])}
    storage = {
        page_slot(OUTBOX, LANE, nonce): int.from_bytes(word, "big") for nonce, word in words.items()
    }
    source = Source(storage)
    prover.show_header(source)
    for nonce, word in words.items():
        assert bytes(prover.prove(source, LANE, nonce).return_value) == word
        prover.prove(source, LANE, nonce)
    prover.show_header(source)
    prover.show_root(source.number, source.root)
    assert prover.verifier.verify(DOMAIN, IDS[1], page_attestation(1, IDS[:2], 1)) is True


def test_a_page_is_proven_again_when_it_has_grown(prover: Prover) -> None:
    for count in (2, 5):
        proven(prover, count)
        for index in range(count):
            attestation = page_attestation(1, IDS[:count], index)
            assert prover.verifier.verify(DOMAIN, IDS[index], attestation) is True
    # What was proven first stays so.
    assert prover.verifier.verify(DOMAIN, IDS[0], page_attestation(1, IDS[:2], 0)) is True


@pytest.mark.parametrize("zeros", [1, 2, 31])
def test_a_word_that_begins_with_zeros_is_read_whole(prover: Prover, zeros: int) -> None:
    word = bytes(zeros) + b"\x07" * (32 - zeros)
    source = Source.of_page(LANE, 0, word)
    prover.show_header(source)
    assert bytes(prover.prove(source, LANE, 0).return_value) == word


# --- what is no attestation of the source ------------------------------------------------------


def of_another(prover: Prover, what: str, root: bytes) -> tuple[bytes, str]:
    """What the quorum signed of something else than `root` after block 5, and why it is none."""
    if what == "epoch":
        signers = SignerSet.of(2, 2, prover.signers.signers, ATTESTATION_TYPE)
        commitment = Commitment.of_storage(CAIP2, 5, ESCROW, root)
        forged = attest(commitment, signers, prover.domain, prover.keys[:2], ATTESTATION_TYPE)
        return forged, "proof: not epoch 1"
    if what == "domain":
        prover.domain = ProofDomain(prover.domain.chain_id + 1, prover.domain.verifier)
    if what == "verifier":
        prover.domain = ProofDomain(prover.domain.chain_id, str(prover.quorum.address))
    commitment = {
        "ledger": Commitment.of_storage("eip155:41002", 5, ESCROW, root),
        "block": Commitment.of_storage(CAIP2, 6, ESCROW, root),
        "account": Commitment.of_storage(CAIP2, 5, "0x" + "e6" * 20, root),
        "root": Commitment.of_storage(CAIP2, 5, ESCROW, keccak(root)),
        "kind": Commitment.of_block(CAIP2, 5, root),
    }.get(what, Commitment.of_storage(CAIP2, 5, ESCROW, root))
    if what == "too few":
        return prover.attest(commitment, 1), "verifier: too few signatures"
    if what == "messages":
        signers = SignerSet.of(1, 2, prover.signers.signers, MESSAGES)
        signed = attest(commitment, signers, prover.domain, prover.keys[:2], MESSAGES)
        return signed, "verifier: wrong signature"
    if what == "trailing":
        return prover.attest(commitment) + b"\0", "verifier: trailing bytes"
    return prover.attest(commitment), "verifier: wrong signature"


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(
    "what",
    [
        "epoch",
        "domain",
        "verifier",
        "ledger",
        "block",
        "account",
        "root",
        "kind",
        "too few",
        "messages",
        "trailing",
    ],
)
def test_what_was_signed_of_something_else_shows_no_root(prover: Prover, what: str) -> None:
    attestation, reason = of_another(prover, what, ROOT)
    with reverts(reason):
        prover.verifier.show_root(5, ROOT, attestation, sender=prover.caller)
    assert prover.verifier.number_of_root(ROOT) == 0


@pytest.mark.requirement("INV-4")
def test_an_attested_root_is_no_header_s_hash(prover: Prover) -> None:
    source = source_of()
    root = keccak(source.header)
    with reverts("verifier: wrong signature"):
        prover.verifier.show_header(
            source.number,
            source.header,
            prover.of_storage(source.number, root),
            source.account(),
            sender=prover.caller,
        )


@pytest.mark.requirement("INV-4")
def test_no_root_and_no_block_are_nothing_to_show(prover: Prover) -> None:
    with reverts("proof: no root"):
        prover.show_root(5, bytes(32))
    with reverts("proof: no block"):
        prover.show_root(0, ROOT)


@pytest.mark.requirement("INV-4")
def test_a_quorum_that_answers_no_attests_nothing(home: Chain) -> None:
    prover = Prover(home)
    false = home.deploy("VerifierMock", sender=prover.caller)
    verifier = home.deploy(
        "ProofVerifier", false, ledger_id(CAIP2), ESCROW, OUTBOX, sender=prover.caller
    )
    with reverts("proof: not attested"):
        verifier.show_root(5, ROOT, (1).to_bytes(8, "big") + bytes(24), sender=prover.caller)


# --- headers and accounts ----------------------------------------------------------------------


def show(prover: Prover, header: bytes, account: list[bytes], number: int = 1_000) -> Any:
    """Show what an attested header leads to."""
    return prover.verifier.show_header(
        number, header, prover.of_block(number, header), b"".join(account), sender=prover.caller
    )


GOOD_ROOT, GOOD_PROOF = tower(ESCROW_KEY, account_rlp(ROOT), 3)
GOOD_HEADER = header_with(GOOD_ROOT, 1_000)
ITEMS: list[Any] = list(rlp.decode(GOOD_HEADER))


def edited(index: int, item: Any) -> bytes:
    """The header with another item."""
    encoded: bytes = rlp.encode([*ITEMS[:index], item, *ITEMS[index + 1 :]])
    return encoded


@pytest.mark.parametrize("more", [0, 1, 2, 5, 6, 9])
def test_headers_of_every_hard_fork_are_read(prover: Prover, more: int) -> None:
    """London's base fee, Shanghai's withdrawals, Cancun's blobs, Prague's requests, and later."""
    assert bytes(show(prover, header_with(GOOD_ROOT, 1_000, more), GOOD_PROOF).return_value) == ROOT


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"", "rlp: beyond its end"),
        (rlp.encode(GOOD_HEADER), "proof: no header"),
        (GOOD_HEADER + b"\0", "proof: no header"),
        (GOOD_HEADER[:-1], "rlp: beyond its end"),
        (rlp.encode(ITEMS[:8]), "rlp: beyond its end"),
        (edited(1, [b"list"]), "proof: list in a header"),
        (edited(3, GOOD_ROOT[:31]), "proof: no state root"),
        (edited(3, GOOD_ROOT + b"\1"), "proof: no state root"),
        (edited(8, b""), "proof: no block number"),
        (edited(8, b"\0" + ITEMS[8]), "proof: no block number"),
        (edited(8, b"\1" * 9), "proof: no block number"),
        (edited(8, b"\x03\xe9"), "proof: header of another block"),
        (edited(3, keccak(GOOD_ROOT)), "trie: wrong hash"),
    ],
)
def test_what_is_no_header_of_that_block_shows_no_root(
    prover: Prover, header: bytes, reason: str
) -> None:
    with reverts(reason):
        show(prover, header, GOOD_PROOF)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (rlp.encode(ROOT), "proof: no account"),
        (account_rlp(ROOT) + b"\1", "proof: no account"),
        (rlp.encode([1, 0, ROOT]), "rlp: beyond its end"),
        (rlp.encode([1, 0, ROOT, ROOT, 1]), "proof: more than an account"),
        (rlp.encode([1, 0, ROOT[:31], ROOT]), "proof: no hash in an account"),
        (rlp.encode([1, 0, ROOT, ROOT + b"\1"]), "proof: no hash in an account"),
        (rlp.encode([1, [b"list"], ROOT, ROOT]), "proof: list in an account"),
        (account_rlp(bytes(32)), "proof: no root"),
    ],
)
def test_what_is_no_account_shows_no_root(prover: Prover, account: bytes, reason: str) -> None:
    state_root, proof = tower(ESCROW_KEY, account, 3)
    with reverts(reason):
        show(prover, header_with(state_root, 1_000), proof)


@pytest.mark.requirement("INV-4")
def test_another_account_s_storage_is_not_the_escrow_s(prover: Prover) -> None:
    other = Source.of_page(LANE, 0, page_word(IDS), escrow="0x" + "e6" * 20)
    with pytest.raises(Revert, match="trie"):
        show(prover, other.header, [other.account()])


# --- pages -------------------------------------------------------------------------------------


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(
    ("word", "reason"),
    [
        (rlp.encode([IDS[0]]), "proof: no word"),
        (rlp.encode(IDS[0]) + b"\1", "proof: no word"),
        (rlp.encode(IDS[0] + b"\1"), "proof: no word"),
        (rlp.encode(b""), "proof: no word"),
        (rlp.encode(b"\0" + IDS[0][1:]), "proof: word begins with zero"),
        (b"\0", "proof: word begins with zero"),
    ],
)
def test_what_is_no_word_of_storage_is_no_page(prover: Prover, word: bytes, reason: str) -> None:
    root, proof = tower(SLOT_KEY, word, 3)
    prover.show_root(5, root)
    with reverts(reason):
        prover.verifier.prove_page(root, LANE, 0, b"".join(proof), sender=prover.caller)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("root", [ROOT, bytes(32), keccak(rlp.encode(b""))])
def test_a_root_that_was_not_shown_proves_nothing(prover: Prover, root: bytes) -> None:
    source = source_of()
    with reverts("proof: root not shown"):
        prover.verifier.prove_page(root, LANE, 0, source.page(LANE, 0), sender=prover.caller)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize(("lane", "page"), [(LANE, 1), (keccak(LANE), 0), (LANE, 2**255)])
def test_a_proof_is_of_one_lane_and_page(prover: Prover, lane: bytes, page: int) -> None:
    source = source_of()
    prover.show_header(source)
    for proof in (source.page(LANE, 0), source.page(lane, 8 * (page % 2**200))):
        with pytest.raises(Revert, match="trie"):
            prover.verifier.prove_page(source.root, lane, page, proof, sender=prover.caller)


# --- messages ----------------------------------------------------------------------------------

Wrong = Callable[[], tuple[bytes, bytes]]
WRONG: dict[str, tuple[Wrong, str]] = {
    "of another page": (
        lambda: (IDS[7], page_attestation(1, [*IDS[4:], *IDS[:4]], 3)),
        "proof: page not proven",
    ),
    "another message": (
        lambda: (keccak(IDS[2]), page_attestation(1, IDS, 2)),
        "proof: page not proven",
    ),
    "in another's place": (
        lambda: (IDS[3], page_attestation(1, IDS, 2)),
        "proof: page not proven",
    ),
    "before later ones": (
        lambda: (IDS[2], page_attestation(1, IDS[:3], 2)),
        "proof: page not proven",
    ),
    "the page's word as its last message": (
        lambda: (page_word(IDS), page_attestation(1, [*IDS[:7], page_word(IDS)], 7)),
        "proof: page not proven",
    ),
    "the word before as the message": (
        lambda: (
            page_word(IDS[:7]),
            (1).to_bytes(8, "big") + IDS[7],
        ),
        "proof: page not proven",
    ),
    "nothing": (lambda: (IDS[0], b""), "proof: no whole ids"),
    "an epoch alone": (lambda: (IDS[0], bytes(8)), "proof: no whole ids"),
    "a byte short": (lambda: (IDS[0], page_attestation(1, IDS, 0)[:-1]), "proof: no whole ids"),
    "a byte too many": (
        lambda: (IDS[0], page_attestation(1, IDS, 0) + b"\0"),
        "proof: no whole ids",
    ),
    "an id too many": (
        lambda: (IDS[0], page_attestation(1, IDS, 0) + IDS[0]),
        "proof: more than a page",
    ),
    "the most there can be": (lambda: (IDS[0], bytes(1_032)), "proof: more than a page"),
}


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("what", WRONG)
def test_what_does_not_stand_on_a_proven_page_is_refused(prover: Prover, what: str) -> None:
    made, reason = WRONG[what]
    message_id, attestation = made()
    with reverts(reason):
        proven(prover).verifier.verify(DOMAIN, message_id, attestation)


@pytest.mark.requirement("INV-4")
@pytest.mark.parametrize("word", [bytes(32), ROOT])
def test_without_a_proof_nothing_is_verified(prover: Prover, word: bytes) -> None:
    with reverts("proof: page not proven"):
        prover.verifier.verify(DOMAIN, IDS[0], bytes(8) + word)


@pytest.mark.requirement("INV-4")
def test_after_a_fork_of_this_ledger_nothing_is_verified_there(prover: Prover) -> None:
    attestation = page_attestation(1, IDS, 0)
    chain = proven(prover).verifier.chain
    true_id, chain.chain_id = chain.chain_id, 10_001
    try:
        with reverts("proof: made on another chain"):
            prover.verifier.verify(DOMAIN, IDS[0], attestation)
        with reverts("verifier: wrong signature"):
            prover.show_root(5, ROOT)
    finally:
        chain.chain_id = true_id
    assert prover.verifier.verify(DOMAIN, IDS[0], attestation) is True


@pytest.mark.requirement("INV-4")
@given(data=st.data())
def test_an_attestation_has_no_second_form(home: Chain, data: st.DataObject) -> None:
    """But for its epoch, which is the asker's to know."""
    with home.isolated():
        prover = proven(Prover(home), 5)
        good = page_attestation(1, IDS[:5], 2)
        assert prover.verifier.verify(DOMAIN, IDS[2], good) is True
        at = data.draw(st.integers(8, len(good) - 1))
        flipped = bytes([good[at] ^ data.draw(st.integers(1, 255))])
        for bad in (
            good[:at] + flipped + good[at + 1 :],
            good[:at] + good[at + 1 :],
            good[:at] + flipped + good[at:],
            good[:at],
        ):
            with pytest.raises(Revert, match="proof: "):
                prover.verifier.verify(DOMAIN, IDS[2], bad)
