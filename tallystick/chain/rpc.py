"""Chains behind JSON-RPC: a `Chain` that signs with local keys, over whatever node there is.

A transaction that was handed over is waited for, whatever is said of it meanwhile. It is replaced
only by itself at a higher fee, under the same nonce: at most one of them ever takes effect.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from eth_typing import ChecksumAddress

from tallystick.chain import wording
from tallystick.chain.abi import address_of, keccak
from tallystick.chain.account import Account, is_public
from tallystick.chain.fees import Fees, offered
from tallystick.chain.jsonrpc import (
    BrokenOff,
    JsonRpc,
    NoAnswer,
    Patience,
    RpcError,
    ask,
    number,
    quantity,
    unhex,
)
from tallystick.chain.node import NodeChain, as_header, as_mined
from tallystick.chain.receipt import ChainError, Receipt, Revert
from tallystick.text import units_text

__all__ = ["JsonRpc", "RpcChain", "RpcError", "Signed", "Unfunded"]

# How often a price that is refused is raised by a quarter, and how long a lookup may lag.
_RAISES: Final = 8
_LAG: Final = 5.0
_DECIMALS: Final = 18
# Gas that an account or a slot takes less, at least, that a transaction names beforehand; and what
# naming an account takes (EIP-2930).
_WARMER: Final = 100
_LISTED: Final = 2_400


class Unfunded(ChainError):
    """An account has less of the ledger's money than a transaction may take."""


@dataclass(frozen=True)
class Signed:
    """A transaction that is ready to be handed over; its hash is known before.

    Attributes:
        raw: as it goes on the wire.
        sender: who signed.
        fields: what was signed.
    """

    raw: bytes = field(repr=False)
    sender: Any
    fields: dict[str, Any] = field(repr=False)

    @property
    def tx_hash(self) -> str:
        """Its hash, 0x text."""
        return "0x" + keccak(self.raw).hex()

    @property
    def nonce(self) -> int:
        """Its number among its sender's transactions."""
        return int(self.fields["nonce"])


class RpcChain(NodeChain):
    """Any node with a JSON-RPC address; accounts sign here, with the mnemonic's keys.

    Time, snapshots and the like are for local chains: here they raise `Unsupported`.

    Args:
        name: what people call it.
        url: http:// or https:// address of the node.
        chain_id: the id it must have; whatever it has when left out.
        receipt_timeout: seconds to wait for a transaction's block.
        replace_after: seconds without a block after which it is sent again, at a higher fee.
        options: those of `NodeChain`.
    """

    backend = "rpc"
    # Whether what is sent waits for a block: it can be handed over, and looked for later.
    waits = True

    def __init__(
        self,
        name: str,
        url: str,
        chain_id: int | None = None,
        *,
        receipt_timeout: float = 120.0,
        replace_after: float = 30.0,
        **options: Any,
    ) -> None:
        super().__init__(name, url, chain_id, **options)
        self.receipt_timeout = receipt_timeout
        self.replace_after = replace_after
        self._poll = 0.5
        # Called with each transaction before anybody has it.
        self.keep: Callable[[Signed], None] = lambda _: None
        # What was handed over and is in no block yet, by sender and nonce.
        self._waiting: dict[ChecksumAddress, dict[int, Signed]] = {}

    # -- transactions --

    def send(
        self,
        *,
        sender: Any,
        to: Any = None,
        data: bytes = b"",
        value: int = 0,
        gas: int | None = None,
        allow_failure: bool = False,
    ) -> Receipt:
        signed = self.sign(sender=sender, to=to, data=data, value=value, gas=gas)
        raw = self._wait(self.hand_over_dearer(signed))
        return self._finish(raw, sender, to, data, value, allow_failure=allow_failure)

    def submit(
        self,
        *,
        sender: Any,
        to: Any = None,
        data: bytes = b"",
        value: int = 0,
        gas: int | None = None,
    ) -> str:
        """Sends a transaction without waiting for its block; returns its hash."""
        signed = self.sign(sender=sender, to=to, data=data, value=value, gas=gas)
        return self.hand_over_dearer(signed).tx_hash

    def begin(
        self, *, sender: Any, nonce: int, to: Any = None, data: bytes = b""
    ) -> Callable[[], Receipt]:
        signed = self.hand_over_dearer(self.sign(sender=sender, to=to, data=data, nonce=nonce))
        return lambda: self._finish(self._wait(signed), sender, to, data, 0, allow_failure=False)

    def sign(
        self,
        *,
        sender: Any,
        to: Any = None,
        data: bytes = b"",
        value: int = 0,
        gas: int | None = None,
        nonce: int | None = None,
        access_list: Sequence[Mapping[str, Any]] = (),
    ) -> Signed:
        """Prepares a transaction for `hand_over`; its hash can be kept before anybody has it.

        With `nonce` it is that one of the sender's, else the next that is free. `access_list` is
        left out where blocks have no base fee: their transactions are of another type.

        Raises:
            Revert: it would revert now.
            ChainError: nothing here signs for the sender.
        """
        address = self._signer(sender)
        head = self._ask(as_header, "eth_getBlockByNumber", "latest", False)
        fields: dict[str, Any] = {
            "chainId": self.chain_id,
            "nonce": self._next_nonce(address) if nonce is None else nonce,
            "value": value,
            "data": "0x" + data.hex(),
            **offered(self.rpc, head).fields(),
        }
        if to is not None:
            fields["to"] = address_of(to)
        if access_list and fields.get("type") == 2:
            fields["accessList"] = list(access_list)
        fields["gas"] = gas or self._estimate(address, fields)
        return Signed(self._sign(sender, fields), sender, fields)

    def access_list(self, *, sender: Any, to: Any, data: bytes) -> list[dict[str, Any]]:
        """Returns what a transaction should name beforehand of what it will touch (EIP-2930).

        Only that which takes less gas then, by what EIP-2929 and EIP-2930 say: the account that is
        called is warm anyway, so that it has to pay for itself by what it holds. Nothing where the
        node doesn't say what will be touched.
        """
        own = address_of(to)
        request = self._request(sender, own, data, 0, None)
        try:
            listed = ask(self.rpc, _listed, "eth_createAccessList", request, "latest")
        except RpcError:
            # What it costs without is what it costs; whoever sends it hears of what is wrong.
            return []
        return [
            each
            for each in listed
            if _WARMER * len(each["storageKeys"])
            > (_LISTED if address_of(each["address"]) == own else -_WARMER)
        ]

    def hand_over(self, signed: Signed) -> None:
        """Gives a signed transaction to the node; once more changes nothing.

        Raises:
            RpcError: refused, or another transaction with its nonce is in a block.
            Unfunded: refused, as its sender can't pay.
            BrokenOff: the node may have got it.
        """
        waiting = self._waiting.setdefault(address_of(signed.sender), {})
        before = waiting.get(signed.nonce)
        self.keep(signed)
        waiting[signed.nonce] = signed
        try:
            self.rpc("eth_sendRawTransaction", "0x" + signed.raw.hex())
        except RpcError as error:
            if wording.is_known(error.message):
                return
            # Its nonce is used, by itself perhaps: pools pass on what they are given.
            if wording.is_nonce_used(error.message) and self._is_there(signed):
                return
            if error.is_busy or isinstance(error, NoAnswer):
                # Whoever is between may have passed it on.
                raise BrokenOff(f"{error}; it may have got {signed.tx_hash}") from error
            if before is None:
                del waiting[signed.nonce]
            else:
                waiting[signed.nonce] = before
            if wording.is_unfunded(error.message):
                raise self._unfunded(signed) from error
            raise

    def _unfunded(self, signed: Signed) -> Unfunded:
        """Who lacks how much for a transaction."""
        most = signed.fields["gas"] * Fees.of(signed.fields).most + signed.fields["value"]
        has = units_text(self.balance(signed.sender), _DECIMALS)
        return Unfunded(
            f"{signed.sender} on {self.name} has {has} of the ledger's money: a transaction may "
            f"take up to {units_text(most, _DECIMALS)}"
        )

    def _is_there(self, signed: Signed) -> bool:
        """Whether the node knows a transaction; looked for as long as a lookup may lag."""
        patience = Patience(_LAG)
        while True:
            if self.rpc("eth_getTransactionByHash", signed.tx_hash) is not None:
                return True
            if not patience.wait():
                return False

    def hand_over_dearer(self, signed: Signed) -> Signed:
        """Hand a transaction over, at a higher fee where the first is refused; what was taken.

        A connection that breaks off is no refusal: it may have got there.

        Raises:
            RpcError: refused.
            Unfunded: refused, as its sender can't pay.
            ChainError: the node can't be reached.
        """
        for _ in range(_RAISES):
            try:
                self.hand_over(signed)
            except BrokenOff:
                # It may have got there, so that it has to be waited for.
                return signed
            except RpcError as error:
                if not wording.is_underpriced(error.message):
                    raise
                signed = self._dearer(signed)
            else:
                return signed
        self.hand_over(signed)
        return signed

    def _dearer(self, signed: Signed) -> Signed:
        """The same transaction, which the other can replace: at most one of them takes effect."""
        head = self._ask(as_header, "eth_getBlockByNumber", "latest", False)
        fees = offered(self.rpc, head).above(Fees.of(signed.fields))
        fields = signed.fields | fees.fields()
        return Signed(self._sign(signed.sender, fields), signed.sender, fields)

    def _next_nonce(self, address: ChecksumAddress) -> int:
        """The next free nonce. What waits below it and was lost is handed over once more."""
        mined = self.nonce(address)
        waiting = self._waiting.setdefault(address, {})
        for nonce in [nonce for nonce in waiting if nonce < mined]:
            del waiting[nonce]
        pending = self._ask(number, "eth_getTransactionCount", address, "pending")
        # A pool counts as far as it has them all.
        if any(nonce >= pending for nonce in waiting):
            for _, signed in sorted(waiting.items()):
                if self.rpc("eth_getTransactionByHash", signed.tx_hash) is None:
                    self.hand_over_dearer(signed)
        return max(mined, pending, *(nonce + 1 for nonce in waiting))

    def signs_for(self, sender: Any) -> bool:
        try:
            self._signer(sender)
        except ChainError:
            return False
        return True

    def _signer(self, sender: Any) -> ChecksumAddress:
        """The sender's address, if it can sign here."""
        if not isinstance(sender, Account) or (sender.key or sender.unlock) is None:
            raise ChainError(f"{self!r} has no key for {sender}: it can't send for it")
        if is_public(sender) and not self.is_local:
            raise ChainError(f"everybody has the key of {sender}: it doesn't sign on {self!r}")
        return sender.address

    def _sign(self, sender: Any, fields: dict[str, Any]) -> bytes:
        """The signed transaction as it goes on the wire."""
        from eth_account import Account as Signer

        key = sender.unlock(self.step(fields)) if sender.unlock else sender.key
        return bytes(Signer.sign_transaction(fields, key).raw_transaction)

    def _estimate(self, sender: str, fields: dict[str, Any]) -> int:
        request = {"from": sender, "data": fields["data"], "value": quantity(fields["value"])}
        for name in ("to", "accessList"):
            if name in fields:
                request[name] = fields[name]
        patience = Patience(_LAG)
        while True:
            try:
                # State may differ a little when it is mined; a fifth more covers cold slots.
                return self._ask(number, "eth_estimateGas", request) * 6 // 5
            except RpcError as error:
                found = self._revert_of(error, fields.get("to"))
                # Not at a numbered block: whoever answered may not have what we sent last.
                late = isinstance(found, Revert) and self._shared and self._runs(request)
                if not late or not patience.wait():
                    raise found from error

    def _runs(self, request: dict[str, Any]) -> bool:
        """Whether a transaction runs on the state of the newest block."""
        try:
            self._ask_at(unhex, "eth_call", request)
        except RpcError:
            return False
        return True

    def _wait(self, signed: Signed) -> dict[str, Any]:
        """The receipt of a transaction that was handed over, or of what replaced it here.

        Whatever is answered meanwhile, it may still land: only time ends this.
        """
        sent, used = [signed], False
        patience = Patience(self.receipt_timeout, first=self._poll / 10, longest=self._poll)
        again = time.monotonic() + self.replace_after
        while True:
            raw, trouble = self._landed(*{each.tx_hash for each in sent})
            if raw is not None:
                self._waiting[address_of(signed.sender)].pop(signed.nonce, None)
                return raw
            what = f"{sent[-1].tx_hash}, nonce {signed.nonce} of {signed.sender}"
            if time.monotonic() > again:
                again += self.replace_after
                try:
                    # Twice, as the receipt may come later than the count.
                    if used:
                        raise ChainError(f"{what}: another transaction took its place")
                    used = self.nonce(signed.sender) > signed.nonce
                    if not used:
                        sent.append(self.push(sent[-1], first=len(sent) == 1))
                except RpcError as error:
                    trouble = str(error)
            if not patience.wait():
                raise ChainError(
                    f"{what}, is in no block of {self.name} after {self.receipt_timeout:.0f} s; it "
                    f"may still land{trouble and f' ({trouble})'}"
                )

    def _landed(self, *hashes: str) -> tuple[dict[str, Any] | None, str]:
        """The receipt of one of some transactions, or what was said in its place."""
        trouble = ""
        for tx_hash in hashes:
            try:
                raw = ask(self.rpc, as_mined, "eth_getTransactionReceipt", tx_hash)
            except ChainError as error:
                trouble = str(error)
                continue
            if raw is not None:
                return raw, ""
        return None, trouble

    def forget(self, signed: Signed) -> None:
        """Look no more for a transaction: one with its nonce is in a block."""
        self._waiting.get(address_of(signed.sender), {}).pop(signed.nonce, None)

    def push(self, signed: Signed, *, first: bool) -> Signed:
        """Hand over the same at a higher fee; at first just once more if the pool has lost it.

        Returns:
            what was taken.

        Raises:
            RpcError: refused.
            ChainError: nothing here signs for its sender.
        """
        lost = first and self.rpc("eth_getTransactionByHash", signed.tx_hash) is None
        return self.hand_over_dearer(signed if lost else self._dearer(signed))

    def _finish(
        self,
        raw: dict[str, Any],
        sender: Any,
        to: Any,
        data: bytes,
        value: int,
        *,
        allow_failure: bool,
    ) -> Receipt:
        receipt = self._receipt(raw)
        if receipt.status == 1 or allow_failure:
            return receipt
        raise self._failed(receipt, sender, to, data, value)

    def failed(self, receipt: Receipt, signed: Signed) -> Revert:
        """Return why a transaction that is in its block failed there."""
        fields = signed.fields
        data = unhex(fields["data"])
        return self._failed(receipt, signed.sender, fields.get("to"), data, fields["value"])

    def _failed(self, receipt: Receipt, sender: Any, to: Any, data: bytes, value: int) -> Revert:
        target = None if to is None else address_of(to)
        output, halt = self._failure(receipt, sender, to, data, value)
        return self.decode_revert(output, to=target, halt=halt, receipt=receipt)

    def _failure(
        self, receipt: Receipt, sender: Any, to: Any, data: bytes, value: int
    ) -> tuple[bytes, str | None]:
        """Revert data and reason of a halt, by running it again on the block before."""
        before = receipt.block_number - 1
        try:
            self.call(to=to, data=data, sender=sender, value=value, block=before)
        except Revert as found:
            return found.data, found.halt
        except ChainError as error:
            return b"", f"the node doesn't say why: {error}"
        return b"", "failed in its block, but not when run again"


def _listed(answer: Any) -> list[dict[str, Any]]:
    """The accounts and slots that a node says a transaction touches."""
    if answer.get("error"):
        # It reverts: what it would touch otherwise, nobody knows.
        return []
    return [
        {
            "address": address_of(each["address"]),
            "storageKeys": [str(key) for key in each["storageKeys"]],
        }
        for each in answer["accessList"]
    ]
