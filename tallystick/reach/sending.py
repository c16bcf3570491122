"""What was handed over on ledgers and is not final: none is forgotten, none is made twice.

A transaction is on disk before anybody has it. Who is killed and started again looks for it,
and hands over the same once more, or the same at a higher fee: never one with another nonce for
the same thing while the first may land.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tallystick.chain import Account, Chain, ChainError, Receipt, Revert
from tallystick.chain.abi import address_of
from tallystick.chain.contract import Method
from tallystick.chain.node import NodeChain
from tallystick.chain.rpc import RpcChain, RpcError, Signed, Unfunded
from tallystick.errors import CheckFailed, InputError
from tallystick.reach.connection import Connection
from tallystick.reach.finality import Watch
from tallystick.storage import read_json, write_json

__all__ = ["FULL", "Handed", "Ledgers", "Sending", "SentJournal"]

# Why nothing more is handed over now.
FULL: Final = "others of its account wait for their blocks"
# Pools promise room for so many of one account.
_MOST: Final = 16
# Seconds for which one that is busy or behind is asked again within a step.
_PATIENCE: Final = 3.0
# For its last block, a small question, so long is waited: one that hangs keeps others no longer.
_ANSWER: Final = 5.0
_LONGEST_REST: Final = 60.0
# A receipt that is not found so often is none: another transaction has its nonce.
_MISSES: Final = 8


@dataclass
class Handed:
    """A transaction that was handed over, and what replaced it.

    Attributes:
        about: what it is for, one thing or several; nothing else is sent for any of them while it
            may land.
        tries: it, and the same at higher fees; at most one of them lands. None where the ledger
            takes what is sent at once.
        receipt: of the one that is in a block.
        untold: of what it is for, that of which whoever asked does not know what became of it.
        trouble: why it could not be handed over again.
        pushed: when it was handed over last, by this machine's clock; None: not since the start.
        gone_at: the ledger's last block when its nonce was seen to be another's; -1: it was not.
        missed: how often no receipt was found since.
        final_before: whether its block was final when it was looked for before.
    """

    about: tuple[bytes, ...]
    tries: list[Signed] = field(default_factory=list)
    receipt: Receipt | None = None
    untold: set[bytes] = field(init=False)
    trouble: str = ""
    pushed: float | None = None
    gone_at: int = -1
    missed: int = 0
    final_before: bool = False

    def __post_init__(self) -> None:
        self.untold = set(self.about)

    @property
    def told(self) -> bool:
        """Whether whoever asked for it knows what became of all of it."""
        return not self.untold

    def tell(self, *about: bytes) -> None:
        """Note that whoever asked for it knows; of all of it, or of something."""
        self.untold -= set(about or self.about)

    @property
    def tx_hash(self) -> str:
        """The hash of what is in a block, or was handed over last."""
        return self.tries[-1].tx_hash if self.receipt is None else self.receipt.tx_hash

    @property
    def words(self) -> str:
        """What it waits for, for people."""
        why = f" ({self.trouble})" if self.trouble else ""
        return f"handed over, in no block yet{why}"


class SentJournal:
    """What was handed over and is not final, by ledger, in one JSON file; one process has it.

    Args:
        path: the file; None: in memory alone.
    """

    SCHEMA: Final = "tallystick.sent/1"

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._ledgers: dict[str, dict[str, Any]] = {}
        self._lock: int | None = None

    def ledger(self, name: str, chain: RpcChain) -> list[dict[str, Any]]:
        """Return what was kept of a ledger.

        Raises:
            InputError: another process has the file, or it is none, or of another chain.
        """
        if self.path is not None and self._lock is None:
            self._open(self.path)
        identity = {"chain_id": chain.chain_id, "genesis": chain.genesis_hash}
        entry = self._ledgers.setdefault(name, {**identity, "transactions": []})
        if {key: entry[key] for key in identity} != identity:
            if entry["transactions"]:
                expected = f"what was sent on chain {chain.chain_id} as it is now (restarted?)"
                raise InputError(self.path or "journal", f"ledgers.{name}", "another", expected)
            entry |= identity
        found: list[dict[str, Any]] = entry["transactions"]
        return found

    def _open(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside it, as the file itself is replaced whole.
        lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            expected = "a file of its own: another courier has this one"
            raise InputError("tallystick", "--journal", path, expected) from None
        self._lock = lock
        if path.exists():
            data = read_json(path)
            if not isinstance(data, dict) or data.get("schema") != self.SCHEMA:
                raise InputError(path, "schema", data, self.SCHEMA)
            self._ledgers = data["ledgers"]

    def write(self, name: str, transactions: list[dict[str, Any]]) -> None:
        """Keep what was handed over on a ledger: on disk when this returns."""
        if self._ledgers[name]["transactions"] == transactions:
            return
        self._ledgers[name]["transactions"] = transactions
        if self.path is not None:
            write_json(self.path, {"schema": self.SCHEMA, "ledgers": self._ledgers})

    def close(self) -> None:
        """Let another process have the file."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class Sending:
    """Sends on one ledger without waiting for blocks, from one account.

    Args:
        ledger: its name.
        watch: it.
        sender: who pays.
        journal: where what is handed over is kept.
    """

    def __init__(self, ledger: str, watch: Watch, sender: Account, journal: SentJournal) -> None:
        self.sender = sender
        self._ledger = ledger
        self._watch = watch
        self._journal = journal
        self._handed: list[Handed] = []
        self._about: tuple[bytes, ...] = ()
        chain = watch.chain
        self._chain = chain if isinstance(chain, RpcChain) and chain.waits else None
        if self._chain is not None:
            known = journal.ledger(ledger, self._chain)
            self._handed = [self._read(entry) for entry in known]
            self._chain.keep = self._keep

    @property
    def room(self) -> int:
        """How many transactions can be handed over now."""
        if self._chain is None:
            return sys.maxsize
        return max(_MOST - sum(each.receipt is None for each in self._handed), 0)

    def of(self, about: bytes) -> Handed | None:
        """Return what was handed over last for something, if it is not final."""
        return next((each for each in reversed(self._handed) if about in each.about), None)

    def beginning(self, prefix: bytes) -> list[Handed]:
        """Return what was handed over and is not final of all that is about what begins so."""
        return [each for each in self._handed if each.about[0].startswith(prefix)]

    def waits(self, tx_hash: str) -> bool:
        """Whether a transaction that was handed over is in no block yet, as it is or replaced."""
        return any(
            each.receipt is None and tx_hash in [signed.tx_hash for signed in each.tries]
            for each in self._handed
        )

    def send(
        self, about: bytes | tuple[bytes, ...], method: Method, arguments: Sequence[Any]
    ) -> Handed | None:
        """Send a transaction; None: as many as a pool has room for wait already.

        It names beforehand what it will touch, where that takes less gas (EIP-2930).

        Raises:
            Revert: it would revert now; where ledgers take it at once, it did.
            Unfunded: the account can't pay for it.
            ChainError: it was refused, or the node can't be reached: it was kept, and is handed
                over later.
        """
        abouts = about if isinstance(about, tuple) else (about,)
        if self._chain is None:
            return Handed(abouts, receipt=method.send(*arguments, sender=self.sender))
        for known in map(self.of, abouts):
            if known is not None and (known.receipt is None or known.receipt.status == 1):
                return known
        if not self.room:
            return None
        to, data = method.contract.address, method.encode(*arguments)
        access = self._chain.access_list(sender=self.sender, to=to, data=data)
        signed = self._chain.sign(sender=self.sender, to=to, data=data, access_list=access)
        self._about = abouts
        try:
            self._chain.hand_over_dearer(signed)
        except (RpcError, Unfunded):
            # Nobody has it.
            self._handed = [each for each in self._handed if signed not in each.tries]
            self._write()
            raise
        handed = next(each for each in self._handed if signed in each.tries)
        handed.pushed = time.monotonic()
        return handed

    def failure(self, handed: Handed) -> Revert | None:
        """Return why a transaction that is in a block failed there; None: it did not."""
        receipt = handed.receipt
        if self._chain is None or receipt is None or receipt.status == 1:
            return None
        by_hash = {each.tx_hash: each for each in handed.tries}
        return self._chain.failed(receipt, by_hash[receipt.tx_hash])

    # -------------------------------------------------------------------------- looking

    def look(self) -> None:
        """Look for all that was handed over, in one request, and push what waits too long.

        Raises:
            ChainError: the node can't be reached.
        """
        chain = self._chain
        if chain is None or not self._handed:
            return
        pairs = [(each, signed) for each in self._handed for signed in each.tries]
        receipts = chain.receipts([signed.tx_hash for _, signed in pairs])
        found = {
            id(each): receipt
            for (each, _), receipt in zip(pairs, receipts, strict=True)
            if receipt is not None
        }
        kept = []
        for each in self._handed:
            was_there, each.receipt = each.receipt is not None, found.get(id(each))
            if each.receipt is None:
                if was_there:
                    # Its block is gone, and it may be in no pool.
                    each.pushed = None
                each.untold, each.final_before = set(each.about), False
                if self._waits(chain, each):
                    kept.append(each)
                continue
            chain.forget(each.tries[0])
            final = each.receipt.block_number <= self._watch.final
            # Once more, so that whoever asked for it can be told.
            if not final or not (each.told or each.final_before):
                kept.append(each)
            each.final_before = final
        self._handed = kept
        self._write()

    def _waits(self, chain: RpcChain, each: Handed) -> bool:
        """Whether a transaction without a receipt may land; pushes it if it takes too long."""
        now = time.monotonic()
        if each.pushed is not None and now < each.pushed + chain.replace_after:
            return True
        last = each.tries[-1]
        each.trouble = ""
        try:
            if chain.nonce(last.sender) > last.nonce:
                if each.gone_at < 0:
                    each.gone_at = self._watch.head.number
                each.missed += 1
                # Until that is final and was asked often enough, a receipt may come yet.
                return self._watch.final < each.gone_at or each.missed <= _MISSES
            each.gone_at, each.missed = -1, 0
            if each.pushed is None or not chain.signs_for(last.sender):
                chain.hand_over(last)
            else:
                self._about = each.about
                chain.push(last, first=len(each.tries) == 1)
        except ChainError as error:
            each.trouble = str(CheckFailed(str(error)))
        each.pushed = now
        return True

    # -------------------------------------------------------------------------- keeping

    def _keep(self, signed: Signed) -> None:
        """Have a transaction on disk before anybody has it."""
        place = address_of(signed.sender), signed.nonce
        for each in self._handed:
            first = each.tries[0]
            if (address_of(first.sender), first.nonce) == place:
                if signed not in each.tries:
                    each.tries.append(signed)
                break
        else:
            self._handed.append(Handed(self._about, [signed]))
        self._write()

    def _write(self) -> None:
        self._journal.write(
            self._ledger,
            [
                {
                    "about": " ".join(about.hex() for about in each.about),
                    "sender": str(address_of(each.tries[0].sender)),
                    "tries": [
                        {"raw": each_try.raw.hex(), "fields": each_try.fields}
                        for each_try in each.tries
                    ],
                }
                for each in self._handed
            ],
        )

    def _read(self, entry: dict[str, Any]) -> Handed:
        try:
            sender = Account(address_of(entry["sender"]), None, -1, "")
            if sender.address == self.sender.address:
                sender = self.sender
            tries = [
                Signed(bytes.fromhex(each["raw"]), sender, dict(each["fields"]))
                for each in entry["tries"]
            ]
            return Handed(tuple(map(bytes.fromhex, entry["about"].split())), tries)
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            where = self._journal.path or "journal"
            field_name = f"ledgers.{self._ledger}.transactions"
            raise InputError(where, field_name, entry, "what a courier wrote there") from error


class Ledgers:
    """The ledgers of a connection as one step sees them, and what sends on each; see `Sending`.

    Args:
        connection: the ledgers.
        account: who pays on every ledger: an account, or its name as `Connection.sender` takes it.
        journal: where what is handed over is kept; in memory when left out.

    Raises:
        InputError: nothing here signs for the account.
    """

    def __init__(
        self,
        connection: Connection,
        account: Account | str = "",
        journal: SentJournal | None = None,
    ) -> None:
        self._connection = connection
        self._account = account
        self._journal = journal or SentJournal()
        self._watches: dict[str, Watch] = {}
        self._sendings: dict[str, Sending] = {}
        # What was looked at in this step; who did not answer, and until when it is let alone.
        self._seen: set[str] = set()
        self._looked: set[str] = set()
        self._away: dict[str, tuple[float, ChainError]] = {}
        for ledger in connection.chains:
            with contextlib.suppress(ChainError):
                # Of one that does not answer now it is seen later.
                self.sender(ledger)

    def sender(self, ledger: str) -> Account:
        """Return who pays on a ledger.

        Raises:
            InputError: nothing here signs for the account.
        """
        if isinstance(self._account, Account):
            return self._connection.private(self._account)
        return self._connection.sender(ledger, self._account)

    def begin(self) -> None:
        """Begin a step: every ledger is looked at anew when it is asked for."""
        self._seen, self._looked, now = set(), set(), time.monotonic()
        self._away = {name: rest for name, rest in self._away.items() if now < rest[0]}

    def watch(self, ledger: str) -> Watch:
        """Return a ledger as this step sees it.

        Raises:
            ChainError: it can't be reached. It is asked again in a later step, but is let alone
                for twice as long as it kept others waiting.
        """
        if ledger in self._away:
            raise self._away[ledger][1]
        began = time.monotonic()
        try:
            if ledger not in self._watches:
                self._watches[ledger] = self._opened(ledger)
            if ledger not in self._seen:
                with _hurried(self._watches[ledger].chain):
                    self._watches[ledger].look()
                self._seen.add(ledger)
        except ChainError as error:
            ended = time.monotonic()
            self._away[ledger] = ended + min(2 * (ended - began), _LONGEST_REST), error
            raise
        return self._watches[ledger]

    def _opened(self, ledger: str) -> Watch:
        chain, entry = self._connection.chains[ledger], self._connection.manifest.ledger(ledger)
        if isinstance(chain, NodeChain):
            # What is not answered now is asked again in the next step: meanwhile others go on.
            chain.patience = min(chain.patience, _PATIENCE)
            chain.rpc.patience = min(chain.rpc.patience, _PATIENCE)
        return Watch(chain, entry.finality, entry.from_block)

    def sending(self, ledger: str) -> Sending:
        """Return what sends on a ledger; what was handed over there is looked for once a step.

        Raises:
            ChainError: it can't be reached.
            InputError: nothing here signs for the account, or another process has the journal.
        """
        watch = self.watch(ledger)
        if ledger not in self._sendings:
            sender = self.sender(ledger)
            self._sendings[ledger] = Sending(ledger, watch, sender, self._journal)
        found = self._sendings[ledger]
        if ledger not in self._looked:
            found.look()
            self._looked.add(ledger)
        return found


def _hurried(chain: Chain) -> AbstractContextManager[None]:
    """No answer of a node is waited for for long until the block ends."""
    if isinstance(chain, NodeChain):
        return chain.rpc.within(_ANSWER)
    return contextlib.nullcontext()
