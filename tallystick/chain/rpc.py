"""Chains behind JSON-RPC: a keep-alive client, and a `Chain` that signs with local keys."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import socket
import threading
import time
import urllib.parse
from collections.abc import Sequence
from typing import Any, Protocol

from eth_typing import ChecksumAddress

from tallystick.chain.abi import address_bytes, address_of, checksum
from tallystick.chain.account import DEVELOPMENT_CHAIN_IDS, JUNK_MNEMONIC, Account, is_public
from tallystick.chain.base import Chain
from tallystick.chain.receipt import (
    Block,
    ChainError,
    RawLog,
    Receipt,
    Revert,
    Snapshot,
    Tag,
    UnknownBlock,
    Unsupported,
)

__all__ = ["JsonRpc", "Rpc", "RpcChain", "RpcError"]

ZERO_ADDRESS = "0x" + "00" * 20
_DEVELOPMENT_NODES = ("anvil", "hardhat", "ganache", "ethereumjs testrpc")


class RpcError(ChainError):
    """The node answered with an error; `code`, `message` and `data` are its own."""

    def __init__(self, method: str, error: Any) -> None:
        fields = error if isinstance(error, dict) else {"message": str(error)}
        self.method = method
        self.code = int(fields.get("code", 0))
        self.message = str(fields.get("message", ""))
        self.data = fields.get("data")
        super().__init__(f"{method}: {self.message}")


class Rpc(Protocol):
    """Carries JSON-RPC requests to one node."""

    def __call__(self, method: str, /, *params: Any) -> Any:
        """The result of a method; raises RpcError when the node answers with an error."""

    def close(self) -> None:
        """Releases the connection."""


class JsonRpc:
    """A JSON-RPC client over one connection that stays open.

    A request that may have reached the node is repeated only if repeating it changes nothing.
    """

    def __init__(self, url: str, *, timeout: float = 60.0) -> None:
        self.url = url
        self.timeout = timeout
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ChainError(f"{url!r} is no http:// or https:// address of a node")
        self._parts = parts
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._connection: http.client.HTTPConnection | None = None
        self._owner = os.getpid()

    def __call__(self, method: str, /, *params: Any) -> Any:
        """The result of a method.

        Raises:
            RpcError: the node answered with an error.
            ChainError: the node can't be reached, or answers nonsense.
        """
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        repeatable = method.startswith(("eth_get", "eth_call", "eth_block", "eth_chain"))
        answer = self._exchange(json.dumps(request).encode(), repeatable=repeatable)
        if not isinstance(answer, dict):
            raise ChainError(f"{self.url} answered {method} with {answer!r}")
        if answer.get("error") is not None:
            raise RpcError(method, answer["error"])
        return answer.get("result")

    def close(self) -> None:
        """Closes the connection; the next call opens another."""
        with self._lock:
            self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> http.client.HTTPConnection:
        if self._owner != os.getpid():
            # A forked child must not share its parent's connection.
            self._connection, self._owner = None, os.getpid()
        if self._connection is None:
            secure = self._parts.scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            host = self._parts.hostname or ""
            connection = kind(host, self._parts.port, timeout=self.timeout)
            connection.connect()
            # Requests are small and the answer is waited for: no coalescing.
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connection = connection
        return self._connection

    def _exchange(self, body: bytes, *, repeatable: bool) -> Any:
        with self._lock:
            for attempt in (1, 2):
                fresh = self._connection is None
                try:
                    connection = self._connected()
                except OSError as error:
                    raise ChainError(f"no node answers at {self.url}: {error}") from error
                try:
                    headers = {"Content-Type": "application/json"}
                    connection.request("POST", self._path, body, headers)
                    response = connection.getresponse()
                    content = response.read()
                except (OSError, http.client.HTTPException) as error:
                    self._disconnect()
                    if repeatable and attempt == 1 and not fresh:
                        continue
                    raise ChainError(f"{self.url} broke off: {error!r}") from error
                except BaseException:
                    # An interrupt in mid-answer: what is left of it must not meet the next call.
                    self._disconnect()
                    raise
                try:
                    return json.loads(content)
                except ValueError:
                    text = content[:200].decode(errors="replace")
                    raise ChainError(
                        f"{self.url} answered HTTP {response.status}, no JSON: {text}"
                    ) from None
        raise AssertionError("unreachable")


def quantity(value: int) -> str:
    """A number as JSON-RPC writes it."""
    return hex(value)


def number(value: Any) -> int:
    """A number as JSON-RPC writes it, or as anvil sometimes does."""
    return int(value, 16) if isinstance(value, str) else int(value)


def unhex(value: str | None) -> bytes:
    """The bytes of 0x text; none for nothing."""
    return bytes.fromhex(value[2:]) if value else b""


def _word(value: int | bytes) -> str:
    return f"0x{value:064x}" if isinstance(value, int) else "0x" + value.rjust(32, b"\0").hex()


class RpcChain(Chain):
    """Any node with a JSON-RPC address; accounts sign here, with the mnemonic's keys.

    Time, snapshots and the like are for local chains: here they raise `Unsupported`.

    Args:
        name: what people call it.
        url: http:// or https:// address of the node.
        chain_id: the id it must have; whatever it has when left out.
        ledger_number: which accounts of the mnemonic are its own.
        mnemonic: of the accounts.
        receipt_timeout: seconds to wait for a transaction's block.
        log_range: most blocks asked for at once in a search of logs; no limit when left out.
        rpc: what carries the requests, if not a connection of its own to `url`.
    """

    backend = "rpc"

    def __init__(
        self,
        name: str,
        url: str,
        chain_id: int | None = None,
        *,
        ledger_number: int = 0,
        mnemonic: str = JUNK_MNEMONIC,
        receipt_timeout: float = 120.0,
        log_range: int | None = None,
        rpc: Rpc | None = None,
    ) -> None:
        self.url = url
        self.rpc: Rpc = rpc or JsonRpc(url)
        actual = number(self.rpc("eth_chainId"))
        if chain_id is not None and chain_id != actual:
            self.rpc.close()
            raise ChainError(f"the node at {url} has chain id {actual}, not {chain_id}")
        super().__init__(name, actual, ledger_number=ledger_number, mnemonic=mnemonic)
        self.is_local = self._is_development()
        self.receipt_timeout = receipt_timeout
        self.log_range = log_range
        self._poll = 0.5

    def close(self) -> None:
        self.rpc.close()

    def _is_development(self) -> bool:
        if self.chain_id in DEVELOPMENT_CHAIN_IDS:
            return True
        try:
            return str(self.rpc("web3_clientVersion")).lower().startswith(_DEVELOPMENT_NODES)
        except RpcError:
            # A node that doesn't say what it is, is no development node.
            return False

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
        tx_hash = self.submit(sender=sender, to=to, data=data, value=value, gas=gas)
        raw = self._wait(tx_hash)
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
        address = self._signer(sender)
        head = self.rpc("eth_getBlockByNumber", "latest", False)
        base_fee = number(head.get("baseFeePerGas") or 0)
        tip = number(self.rpc("eth_maxPriorityFeePerGas"))
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": self.chain_id,
            "nonce": self.nonce(address, pending=True),
            "value": value,
            "data": "0x" + data.hex(),
            # Room for the base fee to double twice; what isn't needed isn't paid.
            "maxFeePerGas": 4 * base_fee + tip,
            "maxPriorityFeePerGas": tip,
        }
        if to is not None:
            fields["to"] = address_of(to)
        fields["gas"] = gas or self._estimate(address, fields)
        raw = self._sign(sender, fields)
        tx_hash: str = self.rpc("eth_sendRawTransaction", "0x" + raw.hex())
        return tx_hash

    def signs_for(self, sender: Any) -> bool:
        try:
            self._signer(sender)
        except ChainError:
            return False
        return True

    def _signer(self, sender: Any) -> ChecksumAddress:
        """The sender's address, if it can sign here."""
        if not isinstance(sender, Account) or sender.key is None:
            raise ChainError(f"{self!r} has no key for {sender}: it can't send for it")
        if is_public(sender) and not self.is_local:
            raise ChainError(f"everybody has the key of {sender}: it doesn't sign on {self!r}")
        return sender.address

    def _sign(self, sender: Any, fields: dict[str, Any]) -> bytes:
        """The signed transaction as it goes on the wire."""
        from eth_account import Account as Signer

        return bytes(Signer.sign_transaction(fields, sender.key).raw_transaction)

    def _estimate(self, sender: str, fields: dict[str, Any]) -> int:
        request = {"from": sender, "data": fields["data"], "value": quantity(fields["value"])}
        if "to" in fields:
            request["to"] = fields["to"]
        try:
            estimate = number(self.rpc("eth_estimateGas", request))
        except RpcError as error:
            raise self._revert_of(error, fields.get("to")) from error
        # State may differ a little when it is mined; a fifth more covers cold slots.
        return estimate * 6 // 5

    def receipt(self, tx_hash: str) -> Receipt | None:
        """The receipt of a transaction, None while it is in no block; never raises `Revert`."""
        raw = self.rpc("eth_getTransactionReceipt", tx_hash)
        return None if raw is None else self._receipt(raw)

    def _wait(self, tx_hash: str) -> dict[str, Any]:
        deadline = time.monotonic() + self.receipt_timeout
        while True:
            raw: dict[str, Any] | None = self.rpc("eth_getTransactionReceipt", tx_hash)
            if raw is not None and raw.get("blockNumber") is not None:
                return raw
            if time.monotonic() > deadline:
                raise ChainError(
                    f"{tx_hash} is in no block of {self.name} after {self.receipt_timeout:.0f} s"
                )
            time.sleep(self._poll)

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
        target = None if to is None else address_of(to)
        output, halt = self._failure(receipt, sender, to, data, value)
        raise self.decode_revert(output, to=target, halt=halt, receipt=receipt)

    def _failure(
        self, receipt: Receipt, sender: Any, to: Any, data: bytes, value: int
    ) -> tuple[bytes, str | None]:
        """Revert data and reason of a halt, by running it again on the block before."""
        request = self._request(sender, to, data, value, None)
        try:
            self.rpc("eth_call", request, quantity(receipt.block_number - 1))
        except RpcError as error:
            found = self._revert_of(error, None)
            if isinstance(found, Revert):
                return found.data, found.halt
            return b"", f"the node doesn't say why: {error}"
        return b"", "failed in its block, but not when run again"

    def call(
        self,
        *,
        to: Any,
        data: bytes = b"",
        sender: Any = None,
        value: int = 0,
        gas: int | None = None,
        block: int | None = None,
    ) -> bytes:
        request = self._request(sender, to, data, value, gas)
        at = self._call_block() if block is None else quantity(block)
        try:
            return unhex(self.rpc("eth_call", request, at))
        except RpcError as error:
            raise self._revert_of(error, None if to is None else address_of(to)) from error

    def _call_block(self) -> str:
        return "latest"

    def _request(
        self, sender: Any, to: Any, data: bytes, value: int, gas: int | None
    ) -> dict[str, Any]:
        request = {"from": ZERO_ADDRESS if sender is None else "0x" + address_bytes(sender).hex()}
        if to is not None:
            request["to"] = "0x" + address_bytes(to).hex()
        if data:
            request["data"] = "0x" + data.hex()
        if value:
            request["value"] = quantity(value)
        if gas is not None:
            request["gas"] = quantity(gas)
        return request

    def _revert_of(self, error: RpcError, to: ChecksumAddress | None) -> Revert | RpcError:
        """The revert that an error answer stands for, or the error itself when it is none."""
        data = error.data
        if isinstance(data, dict):
            data = data.get("data")
        if isinstance(data, str) and data.startswith("0x"):
            return self.decode_revert(unhex(data), to=to)
        text = error.message
        if "EVM error" in text or "out of gas" in text.lower():
            return self.decode_revert(b"", to=to, halt=_halt_text(text))
        if "revert" in text:
            return self.decode_revert(b"", to=to)
        return error

    def _receipt(self, raw: dict[str, Any]) -> Receipt:
        block_number = number(raw["blockNumber"])
        tx_hash = str(raw["transactionHash"])
        created = raw.get("contractAddress")
        status = number(raw["status"])
        logs = tuple(self._log(entry) for entry in raw["logs"])
        stamp = raw.get("blockTimestamp")
        if stamp is None:
            stamp = next((e["blockTimestamp"] for e in raw["logs"] if "blockTimestamp" in e), None)
        timestamp = self.block(block_number).timestamp if stamp is None else number(stamp)
        return Receipt(
            status=status,
            gas_used=number(raw["gasUsed"]),
            block_number=block_number,
            timestamp=timestamp,
            tx_hash=tx_hash,
            contract_address=address_of(created) if created and status else None,
            logs=logs,
            chain=self,
            fetch_output=self._output_of(tx_hash),
        )

    def _output_of(self, tx_hash: str) -> Any:
        del tx_hash
        return None

    @staticmethod
    def _log(entry: dict[str, Any]) -> RawLog:
        return RawLog(
            checksum(unhex(entry["address"])),
            tuple(unhex(topic) for topic in entry["topics"]),
            unhex(entry["data"]),
            number(entry["blockNumber"]),
            str(entry["transactionHash"]),
            number(entry["logIndex"]),
        )

    # -- time and blocks --

    @property
    def now(self) -> int:
        return max(int(time.time()), self.block().timestamp + 1)

    def set_time(self, timestamp: int) -> None:
        del timestamp
        raise Unsupported(f"{self!r} is no local chain: its time can't be set")

    def mine(self, blocks: int = 1) -> None:
        del blocks
        raise Unsupported(f"{self!r} is no local chain: it can't be told to mine")

    @property
    def block_number(self) -> int:
        return number(self.rpc("eth_blockNumber"))

    def block(self, which: int | Tag = "latest") -> Block:
        tag = quantity(which) if isinstance(which, int) else which
        raw = self.rpc("eth_getBlockByNumber", tag, False)
        if raw is None:
            raise UnknownBlock(f"{self.name} has no block {which}")
        return Block(int(raw["number"], 16), int(raw["timestamp"], 16), str(raw["hash"]))

    def snapshot(self) -> Snapshot:
        raise Unsupported(f"{self!r} is no local chain: it takes no snapshots")

    def restore(self, snapshot: Snapshot) -> None:
        del snapshot
        raise Unsupported(f"{self!r} is no local chain: it can't go back")

    # -- reading --

    def balance(self, address: Any) -> int:
        return number(self.rpc("eth_getBalance", address_of(address), "latest"))

    def nonce(self, address: Any, *, pending: bool = False) -> int:
        tag = "pending" if pending else "latest"
        return number(self.rpc("eth_getTransactionCount", address_of(address), tag))

    def code(self, address: Any) -> bytes:
        return unhex(self.rpc("eth_getCode", address_of(address), "latest"))

    def storage(self, address: Any, slot: int | bytes) -> bytes:
        found = self.rpc("eth_getStorageAt", address_of(address), _word(slot), "latest")
        return unhex(found).rjust(32, b"\0")

    def raw_logs(
        self,
        address: Any = None,
        from_block: int = 0,
        to_block: int | None = None,
        topics: Sequence[bytes | None] = (),
    ) -> tuple[RawLog, ...]:
        last = self.block_number if to_block is None else to_block
        step = self.log_range or max(last - from_block + 1, 1)
        found: list[RawLog] = []
        for start in range(from_block, last + 1, step):
            query: dict[str, Any] = {
                "fromBlock": quantity(start),
                "toBlock": quantity(min(start + step - 1, last)),
                "topics": [None if topic is None else "0x" + topic.hex() for topic in topics],
            }
            if address is not None:
                query["address"] = address_of(address)
            found += [self._log(entry) for entry in self.rpc("eth_getLogs", query)]
        return tuple(found)


def _halt_text(text: str) -> str:
    return "out of gas" if "OutOfGas" in text or "out of gas" in text.lower() else text
