"""A dead ledger's end: the list from the logs, and what is left to do for one, an act at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tallystick.bridge.attestation import Domain, SignerSet, attestation_digest, signer_of
from tallystick.bridge.batch import BATCH_ATTESTATION_TYPE
from tallystick.bridge.endings import EndList, LastState
from tallystick.bridge.last_state import Found, Units, due_at_last, due_on_the_way
from tallystick.chain import Account, Contract, Revert
from tallystick.chain.abi import address_of
from tallystick.courier.verifiers import Signing
from tallystick.errors import InputError
from tallystick.files.manifest import LaneEntry
from tallystick.governance.roles import Role
from tallystick.reach.connection import Connection
from tallystick.reach.step import Step
from tallystick.text import time_text, units_text

__all__ = ["Asked", "Ending", "Listed", "Step", "lane_to", "made"]

_COURIER: Final = "courier"
_NOTICE_RUNS: Final = "endings: its notice runs"


@dataclass(frozen=True, slots=True)
class Listed:
    """A list with the last state, and of whom no account at home is known."""

    state: LastState
    entries: EndList
    found: Found


@dataclass(frozen=True, slots=True)
class Asked:
    """What attestors of a verifier sign, 32 bytes; `set` is None where it is no quorum."""

    verifier: str
    set: SignerSet | None = None
    digest: bytes = b""


def lane_to(connection: Connection, ledger: str) -> LaneEntry:
    """Return the lane to a remote ledger.

    Raises:
        InputError: there is none.
    """
    manifest = connection.manifest
    for lane in manifest.lanes:
        if lane.remote == ledger:
            return lane
    known = ", ".join(sorted({lane.remote for lane in manifest.lanes}))
    raise InputError(manifest.file, "LEDGER", ledger, f"a lane's remote ledger: {known}")


def made(
    connection: Connection, lane: LaneEntry, homes: Mapping[str, str], last: int | None = None
) -> Listed:
    """Make the list that is next on a lane, from the logs of both its ledgers.

    Args:
        connection: the ledgers; the dead one with the state of its last block.
        lane: the lane.
        homes: whose account at home is whose on the dead ledger.
        last: the dead ledger's last block; the newest that its node has when left out.

    Raises:
        InputError: no such block, or an end is under way.
        ValueError: logs are missing.
    """
    home, remote = connection.escrow(lane.home), connection.escrow(lane.remote)
    chain, token = remote.chain, connection.token(lane.remote)
    newest = chain.block_number
    number = newest if last is None else last
    if not 0 <= number <= newest:
        raise InputError(connection.manifest.file, "--last", number, f"a block, up to {newest}")
    id_ = lane.id_bytes
    list_ = int(home.lists_of(id_))
    if list_:
        dues = due_on_the_way(id_, home, remote, token, number)
    else:
        custody = lane.sides[lane.remote].custody
        dues = due_at_last(id_, home, remote, token, custody, number)
    if not dues:
        expected = "a ledger on which somebody is owed something by its lane"
        raise InputError(connection.manifest.file, "LEDGER", lane.remote, expected)
    found = Found(dues, homes)
    entries = found.listed(id_, list_)
    if not entries.leaves:
        raise InputError(
            connection.manifest.file, "--homes", len(homes), "an account at home for somebody"
        )
    block, epoch = chain.block(number), Units(token, number).epoch
    state = LastState(
        id_,
        list_,
        number,
        bytes.fromhex(block.hash.removeprefix("0x")),
        block.timestamp,
        epoch,
        entries.root,
        entries.total,
    )
    return Listed(state, entries, found)


def _strange(number: int, why: str) -> InputError:
    expected = f"a signature in hex by an attestor of the lane, of what --digest prints: {why}"
    return InputError("lane end", "--signature", f"number {number}", expected)


class Ending:
    """Does what is left for a list, at home: an act's turn comes when the one before is done.

    Args:
        connection: home is enough.
        lane: the lane.
        state: the last state.
        entries: the list.
        stated: reason and document of the registrars' acts.
        account: who sends; by default whoever may and has a key here.
        signatures: that attestors made elsewhere, of what `asked` gives.
        execute: send; else acts are tried in calls alone.
    """

    def __init__(
        self,
        connection: Connection,
        lane: LaneEntry,
        state: LastState,
        entries: EndList,
        stated: tuple[bytes, bytes],
        *,
        account: str = "",
        execute: bool = False,
        signatures: Collection[bytes] = (),
    ) -> None:
        self._connection = connection
        self._lane = lane
        self._signatures = signatures
        self._state = state
        self._entries = entries
        self._stated = stated
        self._account = account
        self._execute = execute
        self._escrow = connection.escrow(lane.home)
        self._decimals = connection.manifest.instrument.decimals

    def steps(self) -> Iterator[Step]:
        """Do or try the next act; of payments, all."""
        state, lists = self._state, int(self._escrow.lists_of(self._state.lane))
        if lists > state.list:
            yield from self._payments()
            return
        if lists < state.list:
            yield self._step("propose_end", "refused", f"list {lists} is the lane's next")
            return
        ending = self._escrow.end_of(state.lane)
        there = LastState(state.lane, *ending.state)
        if not int(str(ending.registrar), 16) or (not ending.applies_from and there != state):
            yield self._proposed()
        elif there != state:
            yield self._step("propose_end", "refused", "another list is under way")
        elif not ending.applies_from:
            arguments = (state.lane, state.id, *self._stated)
            yield self._done("confirm_end", arguments, self._registrar(str(ending.registrar)))
        else:
            step = self._done("apply_end", (state.lane,), self._anyone)
            if step.state == "refused" and _NOTICE_RUNS in step.detail:
                until = f"its notice runs until {time_text(int(ending.applies_from))}"
                step = self._step("apply_end", "waiting", until)
            yield step

    def _payments(self) -> Iterator[Step]:
        kept = self._escrow.list_of(self._state.lane, self._state.list)
        if bytes(kept.root) != self._state.root:
            yield self._step("pay_listed", "refused", "the list in force is another")
            return
        leaves = self._entries.leaves
        chain = self._escrow.chain
        paid = chain.ask((self._escrow, "is_paid", leaf.hash) for leaf in leaves)
        for leaf, is_paid in zip(leaves, paid, strict=True):
            units = units_text(leaf.amount, self._decimals)
            detail = f"{units} to {leaf.account}"
            if is_paid is True:
                yield self._step("pay_listed", "done", detail)
                continue
            arguments = (
                leaf.lane,
                leaf.list,
                leaf.index,
                leaf.account,
                leaf.amount,
                self._entries.proof(leaf.index),
            )
            yield self._done("pay_listed", arguments, self._anyone, detail)

    def asked(self) -> list[Asked]:
        """Return what is asked of the attestors of each verifier of the lane."""
        number = int(self._escrow.lane_state(self._state.lane).epoch)
        epoch = self._escrow.epoch_at(self._state.lane, number)
        found = []
        for verifier in (str(epoch.verifier), str(epoch.second)):
            if not int(verifier, 16):
                continue
            quorum: Contract = self._connection.contract(
                self._lane.home, "QuorumVerifier", verifier
            )
            try:
                kept = quorum.signer_set()
            except Revert:
                found.append(Asked(verifier))
                continue
            signers = SignerSet.of(number, int(kept.threshold), list(map(str, kept.signers)))
            digest = attestation_digest(
                self._state.attested, signers, self._domain, BATCH_ATTESTATION_TYPE
            )
            found.append(Asked(verifier, signers, digest))
        return found

    @property
    def _domain(self) -> Domain:
        return Domain(self._escrow.chain.chain_id, str(self._escrow.address))

    def _made(self, asked: Sequence[tuple[SignerSet, bytes]]) -> list[dict[str, bytes]]:
        """The signatures that were made elsewhere, by signer, for each set and its digest.

        Raises:
            InputError: one is of nobody whom the lane asks, or of something else.
        """
        made: list[dict[str, bytes]] = [{} for _ in asked]
        for number, signature in enumerate(self._signatures, 1):
            known = False
            for into, (signers, digest) in zip(made, asked, strict=True):
                try:
                    signer = signer_of(digest, signature)
                except ValueError as error:
                    raise _strange(number, str(error)) from None
                if signer in signers.signers:
                    into[signer], known = signature, True
            if not known:
                raise _strange(number, "it is of no attestor of the lane, or of something else")
        return made

    def _proposed(self) -> Step:
        state, proofs = self._state, list[bytes]()
        signing, asked = Signing(self._keys()), list[tuple[SignerSet, bytes]]()
        every = self.asked()
        for each in every:
            if each.set is None:
                detail = f"{each.verifier} is no quorum: first name one by a change of the lane's"
                return self._step("propose_end", "waiting", f"{detail} terms")
            asked.append((each.set, each.digest))
        for each, (signers, _), made in zip(every, asked, self._made(asked), strict=True):
            if missing := signing.missing(signers, made):
                detail = f"{missing} signatures of {each.verifier}: --digest is what attestors sign"
                return self._step("propose_end", "waiting", detail)
            kind = BATCH_ATTESTATION_TYPE
            proofs.append(signing.attest(state.attested, signers, self._domain, kind, made))
        both = (*proofs, b"")[:2]
        arguments = (state.lane, state.as_tuple(), *both, *self._stated)
        units = units_text(state.total, self._decimals)
        detail = f"{units} on {len(self._entries.leaves)} accounts"
        return self._done("propose_end", arguments, self._registrar(), detail)

    def _keys(self) -> Mapping[str, Account]:
        return {str(each.address): each for each in self._connection.keys("attestor")}

    # -------------------------------------------------------------------------- who sends

    def _anyone(self) -> Account:
        return self._sender(self._account or _COURIER)

    def _sender(self, name: str) -> Account:
        entry = self._connection.manifest.roles.get(self._lane.home, {}).get(name)
        if entry is not None and not self._execute:
            # Who tries needs no key.
            return Account(address_of(entry.address), None, -1, "")
        return self._connection.sender(self._lane.home, name)

    def _registrar(self, but: str = "") -> Callable[[], Account]:
        """Find a registrar of the token at home, another than one."""

        def found() -> Account:
            if not any(self._stated[1]):
                expected = "what orders it: a file, or its hash in hex"
                raise InputError("lane end", "--document", None, expected)
            if self._account:
                return self._sender(self._account)
            token = self._connection.token(self._lane.home)
            roles = self._connection.manifest.roles.get(self._lane.home, {})
            for name, entry in roles.items():
                if entry.address != but and token.role_of(entry.address) == Role.REGISTRAR:
                    return self._sender(name)
            other = "another registrar of the token" if but else "a registrar of the token"
            raise InputError(self._connection.manifest.file, "--account", None, other)

        return found

    # ------------------------------------------------------------------------------ acts

    def _step(self, act: str, state: str, detail: str) -> Step:
        return Step(self._lane.home, act, state, detail)

    def _done(
        self, act: str, arguments: Sequence[Any], who: Callable[[], Account], detail: str = ""
    ) -> Step:
        method, sender = self._escrow.method(act), who()
        try:
            method.call(*arguments, sender=sender)
            if not self._execute:
                return self._step(act, "pending", detail)
            receipt = method(*arguments, sender=sender)
        except Revert as error:
            return self._step(act, "refused", f"{detail}: {error}" if detail else str(error))
        return Step(self._lane.home, act, "executed", detail, receipt.tx_hash, receipt.gas_used)
