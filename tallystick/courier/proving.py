"""Proofs of a source's storage, for the verifiers of a lane that take them; see `ProofVerifier`.

A block's header that enough attest shows the root of the escrow's storage, the root proves pages of
the outbox, a page its messages: each a transaction of its own, paid once for all that rests on it.
A header is attested of no block but the last that is final by the manifest's rule, and only if what
is told of the escrow's storage after it is what was logged (INV-4).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tallystick.bridge.batch import Batch
from tallystick.bridge.message import LaneId
from tallystick.bridge.outbox import PAGE, page_word
from tallystick.bridge.proof import (
    ATTESTATION_TYPE,
    Commitment,
    ProofDomain,
    batch_attestation,
    header_of,
    header_rlp,
    nodes_of,
    page_attestation,
    page_slot,
    storage_root,
)
from tallystick.chain import Contract, Revert, Unsupported
from tallystick.chain.abi import address_bytes
from tallystick.chain.contract import Method
from tallystick.chain.rpc import RpcError
from tallystick.courier.end import LaneEnd, Sent
from tallystick.courier.outcome import Proved
from tallystick.courier.verifiers import Signing, Trusted
from tallystick.errors import CheckFailed
from tallystick.reach.sending import FULL, Handed, Sending

__all__ = ["Pages", "Prover"]

_NUMBER: Final = 8
_NOT_PROVEN: Final = "its page is not proven"
_LIES: Final = "the source's node proves other pages than were logged"


@dataclass(frozen=True, slots=True)
class Pages:
    """What a proof verifier knows of some pages.

    Attributes:
        ids: of the messages that are proven, in order, by page.
        why: what the others wait for.
        tx_hash: of a transaction that proves some of them, if it is in no block yet.
    """

    ids: Mapping[int, Sequence[bytes]]
    why: str = ""
    tx_hash: str = ""

    def prove(self, sent: Sent) -> bool:
        """Whether a message is proven."""
        nonce = sent.message.nonce
        return nonce % PAGE < len(self.ids[nonce // PAGE])

    def before(self, sent: Sent) -> bytes:
        """Return the word of a message's page before it."""
        nonce = sent.message.nonce
        return page_word(self.ids[nonce // PAGE][: nonce % PAGE])

    def attestation(self, epoch: int, load: Sequence[Sent]) -> bytes:
        """Return what the verifier is brought for messages that follow one another on a page."""
        first = load[0].message.nonce
        ids, at = self.ids[first // PAGE], first % PAGE
        if len(load) == 1:
            return page_attestation(epoch, ids, at)
        batch = Batch.of([sent.message for sent in load], self.before(load[0]))
        return batch_attestation(epoch, batch, ids[at + len(load) :])


@dataclass(frozen=True, slots=True)
class _Told:
    """What a node tells and proves of the source escrow after a block.

    `counts` is how many of a page's messages it had sent by then; `proofs` are the pages' own.
    """

    answer: Mapping[str, Any]
    counts: Mapping[int, int]
    proofs: Mapping[int, bytes]

    @property
    def root(self) -> bytes:
        return storage_root(self.answer)

    def has(self, sent: Sent) -> bool:
        nonce = sent.message.nonce
        return nonce % PAGE < self.counts[nonce // PAGE]


@dataclass
class Prover:
    """Has a proof verifier know the pages on which messages wait.

    Args:
        source: the ledger whose outbox is proven.
        destination: the verifier's.
        lane: the lane's id.
        caip2: the source's name.
        trusted: the verifier.
        signing: who attests headers.
    """

    source: str
    destination: str
    lane: LaneId
    caip2: str
    trusted: Trusted
    signing: Signing
    # The block whose root was shown last, as far as this process knows.
    _shown_at: int = field(default=-1)

    @property
    def _verifier(self) -> Contract:
        assert self.trusted.prover is not None
        return self.trusted.prover

    def carry(
        self, sent: LaneEnd, sending: Sending, waiting: Sequence[Sent]
    ) -> Generator[Proved, None, Pages]:
        """Prove what can be proven now of the pages on which messages wait.

        Args:
            sent: the source's end of the lane, as this step read it.
            sending: what sends at the destination.
            waiting: the messages, each on a page that its source keeps as it was logged.

        Raises:
            ChainError: a node can't be reached.
            Unfunded: the account can't pay for it.
        """
        for handed in sending.beginning(self._about()):
            yield from self._became(sending, handed)
        ids = {page: sent.ids(page) for page in {each.message.nonce // PAGE for each in waiting}}
        pages = Pages(self._known(ids))
        lacking = [each for each in waiting if not pages.prove(each)]
        if not lacking:
            return pages
        try:
            why, tx_hash = yield from self._prove(sent, sending, ids, lacking)
        except (CheckFailed, Revert, RpcError, Unsupported) as error:
            why, tx_hash = _NOT_PROVEN, ""
            yield self._proved("failed", "storage", str(error))
        return Pages(self._known(ids), why, tx_hash)

    def _known(self, ids: Mapping[int, Sequence[bytes]]) -> dict[int, Sequence[bytes]]:
        """The ids of each page up to the last that the verifier knows it to have had."""
        words = [(page, count + 1) for page, each in ids.items() for count in range(len(each))]
        answers = self._verifier.chain.ask(
            (self._verifier, "number_of_page", page_word(ids[page][:count]))
            for page, count in words
        )
        known = dict.fromkeys(ids, 0)
        for (page, count), number in zip(words, answers, strict=True):
            if isinstance(number, Exception):
                raise number
            if number:
                known[page] = max(known[page], count)
        return {page: ids[page][:count] for page, count in known.items()}

    def _prove(
        self,
        sent: LaneEnd,
        sending: Sending,
        ids: Mapping[int, Sequence[bytes]],
        lacking: Sequence[Sent],
    ) -> Generator[Proved, None, tuple[str, str]]:
        """Bring what is lacking; returns what is waited for, and the transaction."""
        for under_way in sending.beginning(self._about(b"root")):
            if under_way.receipt is None:
                return under_way.words, under_way.tx_hash
        told = self._shown(sent, sending, ids, lacking)
        if told is None:
            missing = self.signing.missing(self.trusted.signers)
            if missing:
                return f"{missing} attestor keys of its quorum are here", ""
            number = sent.watch.final
            told, header = self._told(sent, ids, lacking, number), self._header(sent, number)
            attestation = self.signing.attest(
                Commitment.of_block(self.caip2, number, bytes.fromhex(header["hash"][2:])),
                self.trusted.signers,
                ProofDomain(self._verifier.chain.chain_id, str(self._verifier.address)),
                ATTESTATION_TYPE,
            )
            about = self._about(b"root", number.to_bytes(_NUMBER, "big"))
            shows = header_of(header, told.answer, attestation)
            handed = yield from self._send(sending, about, self._verifier.show_header, shows)
            self._shown_at = number
            if handed is None or handed.receipt is None:
                return (FULL, "") if handed is None else (handed.words, handed.tx_hash)
        last = _NOT_PROVEN, ""
        for page in sorted({each.message.nonce // PAGE for each in lacking if told.has(each)}):
            word = page_word(ids[page][: told.counts[page]])
            about = self._about(b"page", self.lane, page.to_bytes(_NUMBER, "big"), word)
            proves = told.root, self.lane, page, told.proofs[page]
            handed = yield from self._send(sending, about, self._verifier.prove_page, proves)
            if handed is None:
                return FULL, ""
            if handed.receipt is None:
                last = handed.words, handed.tx_hash
        return last

    def _shown(
        self,
        sent: LaneEnd,
        sending: Sending,
        ids: Mapping[int, Sequence[bytes]],
        lacking: Sequence[Sent],
    ) -> _Told | None:
        """What the newest root that the verifier knows proves; None: nothing that is lacking.

        What left after its block waits for another root: the source may never rest.
        """
        known = {self._shown_at, sent.watch.final}
        for handed in sending.beginning(self._about(b"root")):
            known.add(int.from_bytes(handed.about[0][-_NUMBER:], "big"))
        oldest = min(each.log.block_number for each in lacking)
        for number in sorted(known, reverse=True):
            if not oldest <= number <= sent.watch.final:
                continue
            try:
                told = self._told(sent, ids, lacking, number)
            except RpcError:
                if number == sent.watch.final:
                    raise
                # Nodes forget the state of old blocks.
                continue
            # The root may be that of many blocks: whoever showed it, for which of them, no matter.
            if self._verifier.number_of_root(told.root):
                return told
        return None

    def _told(
        self,
        sent: LaneEnd,
        ids: Mapping[int, Sequence[bytes]],
        lacking: Sequence[Sent],
        number: int,
    ) -> _Told:
        """What the source's node tells of the pages of what is lacking, after a block.

        Raises:
            CheckFailed: that is of no message that was logged.
            RpcError: it proves nothing, or nothing of that block any more.
        """
        pages = sorted({each.message.nonce // PAGE for each in lacking})
        slots = [page_slot(self.trusted.slot, self.lane, page * PAGE) for page in pages]
        answer = sent.escrow.chain.proof(sent.escrow.address, slots, number)
        counts, proofs = dict[int, int](), dict[int, bytes]()
        for page, slot in zip(pages, answer["storageProof"], strict=True):
            words = [page_word(ids[page][:count]) for count in range(len(ids[page]) + 1)]
            word = int(slot["value"], 16).to_bytes(32, "big")
            if word not in words:
                raise CheckFailed(_LIES)
            counts[page], proofs[page] = words.index(word), nodes_of(slot["proof"])
        return _Told(answer, counts, proofs)

    @staticmethod
    def _header(sent: LaneEnd, number: int) -> Mapping[str, Any]:
        """The header of the block that is final, of which its hash is made.

        Raises:
            CheckFailed: the node tells another one, or one of another form.
        """
        header = sent.escrow.chain.header(number)
        if header["hash"] != sent.watch.final_hash:
            raise CheckFailed(f"the source's node tells two blocks {number}")
        try:
            header_rlp(header)
        except ValueError as error:
            raise CheckFailed(str(error)) from error
        return header

    # ------------------------------------------------------------------------- sending

    def _send(
        self, sending: Sending, about: bytes, method: Method, arguments: Sequence[Any]
    ) -> Generator[Proved, None, Handed | None]:
        handed = sending.send(about, method, arguments)
        if handed is not None and handed.receipt is None:
            # Where blocks are quick it is there by now.
            sending.look()
        if handed is not None:
            yield from self._became(sending, handed)
        return handed

    def _became(self, sending: Sending, handed: Handed) -> Iterator[Proved]:
        """Say what became of a transaction, once."""
        receipt = handed.receipt
        if receipt is None or handed.told:
            return
        handed.tell()
        about = handed.about[0].removeprefix(self._about())
        number = int.from_bytes(about[4:][-_NUMBER:], "big")
        what, words = "shown", f"header {number}"
        if about.startswith(b"page"):
            page = int.from_bytes(about[36 : 36 + _NUMBER], "big")
            what, words = "proven", f"page {page}"
        failure = sending.failure(handed)
        if failure is not None:
            what = "failed"
        detail = "" if failure is None else str(failure)
        yield self._proved(what, words, detail, receipt.tx_hash, receipt.gas_used)

    def _proved(
        self, what: str, words: str, detail: str = "", tx_hash: str = "", gas_used: int = 0
    ) -> Proved:
        return Proved(
            what, self.source, self.destination, self.lane, words, detail, tx_hash, gas_used
        )

    def _about(self, *parts: bytes) -> bytes:
        return address_bytes(self._verifier.address) + b"".join(parts)
