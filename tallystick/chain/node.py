"""Reading a ledger through any node: one answer of one node is not taken as the truth.

Behind an address there may be many nodes, some of them behind the others. So what is read is read
at a numbered block, which a node either has or says that it hasn't, and never before a block that
an answer told of: after a receipt, reads are at or after its block.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from eth_typing import ChecksumAddress

from tallystick.chain import wording
from tallystick.chain.abi import address_bytes, address_of, checksum
from tallystick.chain.account import DEVELOPMENT_CHAIN_IDS, JUNK_MNEMONIC
from tallystick.chain.base import Chain
from tallystick.chain.fees import Price, price_now
from tallystick.chain.jsonrpc import (
    JsonRpc,
    NoAnswer,
    Patience,
    Rpc,
    RpcError,
    as_read,
    ask,
    number,
    quantity,
    shown_url,
    unhex,
)
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

__all__ = ["NodeChain", "as_header", "as_mined"]

ZERO_ADDRESS = "0x" + "00" * 20
_DEVELOPMENT_NODES = ("anvil", "hardhat", "ganache", "ethereumjs testrpc")
# Blocks so far below the newest one seen are old: who hasn't got them has forgotten them.
_NEW: Final = 16

T = TypeVar("T")


def _word(value: int | bytes) -> str:
    return f"0x{value:064x}" if isinstance(value, int) else "0x" + value.rjust(32, b"\0").hex()


class NodeChain(Chain):
    """A ledger behind JSON-RPC, as far as it is read.

    Args:
        name: what people call it.
        url: http:// or https:// address of the node.
        chain_id: the id it must have; whatever it has when left out.
        ledger_number: which accounts of the mnemonic are its own.
        mnemonic: of the accounts.
        patience: seconds to wait for a node that is behind, or answers with nothing.
        log_range: most blocks asked for at once in a search of logs; found out when left out.
        rpc: what carries the requests, if not a connection of its own to `url`.
    """

    # Whether many nodes may be behind the address, so that one answer may be older than another.
    _shared = True

    def __init__(
        self,
        name: str,
        url: str,
        chain_id: int | None = None,
        *,
        ledger_number: int = 0,
        mnemonic: str = JUNK_MNEMONIC,
        patience: float = 10.0,
        log_range: int | None = None,
        rpc: Rpc | None = None,
    ) -> None:
        self.url = url
        self.rpc: Rpc = rpc or JsonRpc(url)
        actual = ask(self.rpc, number, "eth_chainId")
        if chain_id is not None and chain_id != actual:
            self.rpc.close()
            raise ChainError(f"the node at {shown_url(url)} has chain id {actual}, not {chain_id}")
        super().__init__(name, actual, ledger_number=ledger_number, mnemonic=mnemonic)
        self.is_local = self._is_development()
        self.patience = patience
        self.log_range = log_range
        # The newest block that any answer told of, and that of any receipt.
        self._seen = self._floor = 0

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

    # -- asking --

    def _ask(
        self, read: Callable[[Any], T], method: str, *params: Any, block: int | None = None
    ) -> T:
        """What `read` makes of an answer; a node that is behind is asked again for a while.

        Args:
            read: takes the answer apart; raises ValueError or the like where it can't.
            method: the method.
            params: its parameters.
            block: the block that they name, if any.
        """
        patience = Patience(self.patience)
        new = self._shared and block is not None and block > self._seen - _NEW
        while True:
            try:
                return ask(self.rpc, read, method, *params)
            except RpcError as error:
                behind = new and wording.is_behind(error.message)
                if not (behind or isinstance(error, NoAnswer)):
                    raise
                if not patience.wait():
                    # Nobody has it: whoever told of it may have been wrong. Receipts stand.
                    self._seen = self._floor
                    raise

    def _ask_at(
        self,
        read: Callable[[Any], T],
        method: str,
        *params: Any,
        block: int | None = None,
        tag: str = "latest",
    ) -> T:
        """`_ask` of the state of a block: the newest by its number, or a lone node's `tag`."""
        if block is None and not self._shared:
            return self._ask(read, method, *params, tag)
        at = self.block_number if block is None else block
        return self._ask(read, method, *params, quantity(at), block=at)

    def _note(self, block: int) -> int:
        """Take note of a block that an answer told of; returns the newest one."""
        if not self._shared:
            return block
        self._seen = max(self._seen, block)
        return self._seen

    # -- calls and receipts --

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
        try:
            return self._not_missed(unhex, "eth_call", request, block=block, tag=self._call_tag())
        except RpcError as error:
            raise self._revert_of(error, None if to is None else address_of(to)) from error

    def call_all(
        self, calls: Sequence[tuple[Any, bytes]], *, block: int | None = None
    ) -> tuple[bytes | Revert, ...]:
        if block is None and self._shared:
            block = self.block_number
        at = self._call_tag() if block is None else quantity(block)
        requests = [self._request(None, to, data, 0, None) for to, data in calls]
        answers = self.rpc.batch([("eth_call", (request, at)) for request in requests])
        return tuple(
            self._of_batch(answer, to, data, block)
            for answer, (to, data) in zip(answers, calls, strict=True)
        )

    def _of_batch(self, answer: Any, to: Any, data: bytes, block: int | None) -> bytes | Revert:
        """One answer of a batch; what is missing in it is asked for by itself."""
        if isinstance(answer, RpcError):
            found = self._revert_of(answer, address_of(to))
            if isinstance(found, Revert):
                return found
        elif isinstance(answer, str) and len(answer) > 2:
            return as_read(unhex, "eth_call", answer)
        try:
            return self.call(to=to, data=data, block=block)
        except Revert as revert:
            return revert

    def _call_tag(self) -> str:
        return "latest"

    def _not_missed(
        self,
        read: Callable[[Any], bytes],
        method: str,
        *params: Any,
        block: int | None = None,
        tag: str = "latest",
    ) -> bytes:
        """Bytes at a block. Nodes make up nothing, but may miss it: none has to be said twice."""
        if block is None and self._shared:
            block = self.block_number
        found = self._ask_at(read, method, *params, block=block, tag=tag)
        if found or not self._shared:
            return found
        return self._ask_at(read, method, *params, block=block, tag=tag)

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
        found = wording.reverted(error.message, error.data)
        return error if found is None else self.decode_revert(found.data, to=to, halt=found.halt)

    def receipt(self, tx_hash: str) -> Receipt | None:
        """The receipt of a transaction, None while it is in no block; never raises `Revert`."""
        raw = self._ask(as_mined, "eth_getTransactionReceipt", tx_hash, block=self._seen)
        return None if raw is None else self._receipt(raw)

    def receipts(self, hashes: Sequence[str]) -> tuple[Receipt | None, ...]:
        """The receipts of some transactions, in as few requests as the node takes.

        None for one that is in no block, or of which the node told nothing now.
        """
        asked = "eth_getTransactionReceipt"
        found: list[Receipt | None] = []
        for answer in self.rpc.batch([(asked, (each,)) for each in hashes]):
            try:
                raw = None if isinstance(answer, RpcError) else as_read(as_mined, asked, answer)
            except NoAnswer:
                raw = None
            found.append(None if raw is None else self._receipt(raw))
        return tuple(found)

    def _receipt(self, raw: dict[str, Any]) -> Receipt:
        block_number = self._noted(raw)
        tx_hash = str(raw["transactionHash"])
        created = raw.get("contractAddress")
        status = number(raw["status"])
        logs = tuple(_log(entry) for entry in raw["logs"])
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

    def _noted(self, raw: dict[str, Any]) -> int:
        """The block of a receipt: nothing is read before it from now on."""
        block = number(raw["blockNumber"])
        self._floor = max(self._floor, block)
        self._note(block)
        return block

    def _output_of(self, tx_hash: str) -> Any:
        del tx_hash
        return None

    # -- time and blocks --

    @property
    def now(self) -> int:
        # The chain's own clock: this machine's says nothing of when its blocks are dated.
        now = self.block().timestamp + 1
        try:
            return max(now, ask(self.rpc, _time, "eth_getBlockByNumber", "pending", False))
        except RpcError:
            # Many nodes know no pending block.
            return now

    def set_time(self, timestamp: int) -> None:
        del timestamp
        raise Unsupported(f"{self!r} is no local chain: its time can't be set")

    def mine(self, blocks: int = 1) -> None:
        del blocks
        raise Unsupported(f"{self!r} is no local chain: it can't be told to mine")

    @property
    def block_number(self) -> int:
        return self._note(self._ask(number, "eth_blockNumber"))

    def block(self, which: int | Tag = "latest") -> Block:
        # One that is there can't be null; of any other, null says that there is none.
        if isinstance(which, int):
            tag, there = quantity(which), which <= self._seen
        else:
            tag, there = which, which == "latest"
        try:
            found = self._ask(
                _block if there else _block_or_none,
                "eth_getBlockByNumber",
                tag,
                False,
                block=self._seen if there else None,
            )
        except RpcError as error:
            if there or not wording.is_behind(error.message):
                raise
            found = None
        if found is None:
            raise UnknownBlock(f"{self.name} has no block {which}")
        if which == "latest" and self._note(found.number) > found.number:
            return self.block(self._seen)
        return found

    def price(self) -> Price:
        return price_now(self.rpc, self._ask(as_header, "eth_getBlockByNumber", "latest", False))

    def snapshot(self) -> Snapshot:
        raise Unsupported(f"{self!r} is no local chain: it takes no snapshots")

    def restore(self, snapshot: Snapshot) -> None:
        del snapshot
        raise Unsupported(f"{self!r} is no local chain: it can't go back")

    # -- reading --

    def balance(self, address: Any) -> int:
        return self._ask_at(number, "eth_getBalance", address_of(address))

    def nonce(self, address: Any, *, pending: bool = False) -> int:
        found = self._ask_at(number, "eth_getTransactionCount", address_of(address))
        if not pending:
            return found
        waiting = self._ask(number, "eth_getTransactionCount", address_of(address), "pending")
        return max(found, waiting)

    def code(self, address: Any) -> bytes:
        return self._not_missed(unhex, "eth_getCode", address_of(address))

    def storage(self, address: Any, slot: int | bytes) -> bytes:
        return self._ask_at(_slot, "eth_getStorageAt", address_of(address), _word(slot))

    def header(self, number: int) -> Mapping[str, Any]:
        at = quantity(number)
        return self._ask(as_header, "eth_getBlockByNumber", at, False, block=number)

    def proof(self, address: Any, slots: Sequence[bytes], block: int) -> Mapping[str, Any]:
        keys, at = ["0x" + slot.hex() for slot in slots], quantity(block)
        return self._ask(_proof, "eth_getProof", address_of(address), keys, at, block=block)

    def raw_logs(
        self,
        address: Any = None,
        from_block: int = 0,
        to_block: int | None = None,
        topics: Sequence[bytes | Sequence[bytes] | None] = (),
    ) -> tuple[RawLog, ...]:
        last = self.block_number if to_block is None else to_block
        query: dict[str, Any] = {"topics": [_topic(topic) for topic in topics]}
        if address is not None:
            query["address"] = address_of(address)
        found: list[RawLog] = []
        start = from_block
        while start <= last:
            end = min(last, start + (self.log_range or last) - 1) if self.log_range else last
            try:
                found += self._logs(query, start, end)
            except RpcError as error:
                # Nodes limit blocks or results, in words of their own: half may do.
                if start == end or wording.is_unknown_method(error.code, error.message):
                    raise
                self.log_range = (end - start + 1) // 2
                continue
            start = end + 1
        return tuple(found)

    def _logs(self, query: dict[str, Any], start: int, end: int) -> list[RawLog]:
        """Logs from a node that has the last block: others leave out what they haven't got."""
        asked = query | {"fromBlock": quantity(start), "toBlock": quantity(end)}
        if not self._shared or end <= self._seen - _NEW:
            return self._ask(_logs, "eth_getLogs", asked)
        patience = Patience(self.patience)
        while True:
            logs, block = self.rpc.batch(
                [("eth_getLogs", (asked,)), ("eth_getBlockByNumber", (quantity(end), False))]
            )
            if isinstance(logs, RpcError) and not wording.is_behind(logs.message):
                raise logs
            if isinstance(logs, list) and isinstance(block, dict):
                return as_read(_logs, "eth_getLogs", logs)
            if not patience.wait():
                raise NoAnswer("eth_getLogs", f"block {end} is missing where the logs are from")


def _topic(topic: bytes | Sequence[bytes] | None) -> Any:
    """A place of a log filter: a word, one of several, or any."""
    if topic is None or isinstance(topic, bytes):
        return None if topic is None else "0x" + topic.hex()
    return ["0x" + each.hex() for each in topic]


def _log(entry: dict[str, Any]) -> RawLog:
    return RawLog(
        checksum(unhex(entry["address"])),
        tuple(unhex(topic) for topic in entry["topics"]),
        unhex(entry["data"]),
        number(entry["blockNumber"]),
        str(entry["transactionHash"]),
        number(entry["logIndex"]),
    )


def _logs(answer: Any) -> list[RawLog]:
    return [_log(entry) for entry in answer]


def _block(answer: Any) -> Block:
    return Block(number(answer["number"]), number(answer["timestamp"]), str(answer["hash"]))


def _block_or_none(answer: Any) -> Block | None:
    return None if answer is None else _block(answer)


def as_header(answer: Any) -> dict[str, Any]:
    """A block as the node gives it."""
    _block(answer)
    return dict(answer)


def _time(answer: Any) -> int:
    """The time of a block, which may be one to come, without number and hash."""
    return number(answer["timestamp"])


def as_mined(answer: Any) -> dict[str, Any] | None:
    """A receipt, None while there is none; half a one is refused."""
    if answer is None or answer["blockNumber"] is None:
        return None
    number(answer["blockNumber"]), number(answer["status"]), number(answer["gasUsed"])
    _logs(answer["logs"])
    return dict(answer)


def _slot(answer: Any) -> bytes:
    return unhex(answer).rjust(32, b"\0")


def _proof(answer: Any) -> dict[str, Any]:
    """A proof of an account and of slots of its storage, as the node gives it."""
    unhex(answer["storageHash"])
    _nodes(answer["accountProof"])
    for each in answer["storageProof"]:
        number(each["value"])
        _nodes(each["proof"])
    return dict(answer)


def _nodes(answer: Any) -> None:
    for node in answer:
        unhex(node)
