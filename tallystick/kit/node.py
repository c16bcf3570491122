"""A node that misbehaves as nodes do: a proxy on loopback in front of any JSON-RPC address.

What is sent through it is tried against pools whose nodes are behind one another, providers that
limit requests and ranges, connections that break, and answers that are null. From one seed the
same requests in the same order meet the same habits.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Final, Self

__all__ = ["MILD", "Habits", "MisbehavingNode", "Refusal", "error"]

Request = dict[str, Any]
Forward = Callable[[Request], Any]

_GETH: Final = "Geth/v1.15.11-stable/linux-amd64/go1.24.2"
# Methods whose last parameter names a block.
_OF_STATE: Final = frozenset(
    {"eth_call", "eth_getBalance", "eth_getCode", "eth_getStorageAt", "eth_getTransactionCount"}
)
_READS: Final = _OF_STATE | {"eth_blockNumber", "eth_getBlockByNumber", "eth_getLogs"}
# How often a receipt is not found that is lost for a while.
_LOST_FOR: Final = 3


@dataclass(frozen=True)
class Habits:
    """How a node goes wrong; nothing is wrong by default. Shares are of what is asked, 0 to 1.

    Attributes:
        lag: share of HTTP requests that a node one block behind answers: with older state, fewer
            logs, and "header not found" of a block that it has not reached.
        cut_logs: share of searches that leave out the logs of the last block asked for, while the
            block itself is there: only what contracts keep tells that something is missing.
        rate_limit: share of HTTP requests refused with 429.
        retry_after: seconds that such a refusal asks to wait for.
        stale_code: share of addresses whose code is missed the first time that it is asked for.
        clock: seconds by which the time of its pending block is off.
        lost_receipts: share of receipts that are not found at first.
        log_range: most blocks in one search of logs, any number if 0.
        batch: most requests in one HTTP request, any number if 0.
        drop: share of HTTP requests whose connection ends without an answer, before or after the
            request took effect.
        null: share of reads answered with null.
    """

    lag: float = 0.0
    cut_logs: float = 0.0
    rate_limit: float = 0.0
    retry_after: float = 0.0
    stale_code: float = 0.0
    clock: int = 0
    lost_receipts: float = 0.0
    log_range: int = 0
    batch: int = 0
    drop: float = 0.0
    null: float = 0.0


# All of them at once, as a bad day has them.
MILD: Final = Habits(
    lag=0.1,
    cut_logs=0.1,
    rate_limit=0.02,
    stale_code=0.2,
    clock=30,
    lost_receipts=0.2,
    log_range=50,
    batch=5,
    drop=0.02,
    null=0.02,
)


@dataclass(frozen=True)
class Refusal:
    """An answer below JSON-RPC: a status of HTTP, or the end of the connection if that is 0."""

    status: int = 0
    body: bytes = b""
    retry_after: float = 0.0


def error(code: Any, message: str, data: Any = None) -> dict[str, Any]:
    """The error answer to a request; of any type that nodes put there."""
    found = {"code": code, "message": message}
    return {"error": found if data is None else found | {"data": data}}


class MisbehavingNode:
    """A proxy that plays a node with habits; open it in a `with`, or close it.

    Args:
        upstream: http:// address of the node behind it.
        habits: how it goes wrong; may be replaced at any time.
        seed: decides when.
        answer: what it says to a request in place of all that: `answer(request, forward)` returns
            `{"result": …}`, `error(…)`, a `Refusal`, or None to leave the request to the habits.
        client: what it says that it is, the node behind it if None.

    Attributes:
        url: its own address.
        asked: how often each method was asked for.
        headers: of the last HTTP request.
        http_requests: how many there were.
        met: how often each habit was met.
    """

    def __init__(
        self,
        upstream: str,
        habits: Habits | None = None,
        *,
        seed: int = 0,
        answer: Callable[[Request, Forward], Any] | None = None,
        client: str | None = _GETH,
    ) -> None:
        self.habits = habits or Habits()
        self.answer = answer
        self.client = client
        self.asked: Counter[str] = Counter()
        self.met: Counter[str] = Counter()
        self.headers: dict[str, str] = {}
        self.http_requests = 0
        self._upstream = urllib.parse.urlsplit(upstream)
        self._random = random.Random(seed)  # noqa: S311 - a seed is the point
        self._lock = threading.Lock()
        self._codes: dict[str, bool] = {}
        self._receipts: dict[str, int] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("_", (_Handler,), {"node": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()

    def _happens(self, habit: str, share: float) -> bool:
        """Whether a habit is met now."""
        with self._lock:
            met = share > 0 and self._random.random() < share
            self.met[habit] += met
        return met

    def handle(self, payload: Any, headers: dict[str, str]) -> Any:
        """The answer to an HTTP request: JSON, or a `Refusal`."""
        with self._lock:
            self.headers = headers
            self.http_requests += 1
        with _connected(self._upstream) as forward:
            if self._happens("rate_limit", self.habits.rate_limit):
                return Refusal(429, b"slow down", self.habits.retry_after)
            drop = self._happens("drop", self.habits.drop)
            if drop and self._happens("drop before it took effect", 0.5):
                return Refusal()
            # One node answers all of a request.
            behind = self._happens("lag", self.habits.lag)
            if isinstance(payload, list):
                if self.habits.batch and len(payload) > self.habits.batch:
                    self.met["batch"] += 1
                    return error(-32600, "batch too large") | {"jsonrpc": "2.0", "id": None}
                answer: Any = [self._one(request, forward, behind) for request in payload]
                refused = next((each for each in answer if isinstance(each, Refusal)), None)
                answer = refused or answer
            else:
                answer = self._one(payload, forward, behind)
            return Refusal() if drop else answer

    def _one(self, request: Request, forward: Forward, behind: bool) -> Any:
        with self._lock:
            self.asked[request["method"]] += 1
        if request["method"] == "web3_clientVersion" and self.client is not None:
            answer: Any = {"result": self.client}
        else:
            answer = None if self.answer is None else self.answer(request, forward)
        if answer is None:
            answer = self._by_habit(request, forward, behind)
        if isinstance(answer, Refusal):
            return answer
        return answer | {"jsonrpc": "2.0", "id": request["id"]}

    def _by_habit(self, request: Request, forward: Forward, behind: bool) -> Any:
        method, params, habits = request["method"], request["params"], self.habits
        if method in _READS and self._happens("null", habits.null):
            return {"result": None}
        if method in _READS and behind:
            return self._behind(request, forward)
        if method == "eth_getLogs":
            return self._logs(request, forward)
        if method == "eth_getCode":
            address = str(params[0]).lower()
            if address not in self._codes:
                self._codes[address] = self._happens("stale_code", habits.stale_code)
                if self._codes[address]:
                    return {"result": "0x"}
        if method == "eth_getTransactionReceipt":
            return self._receipt(request, forward)
        answer = forward(request)
        if method == "eth_getBlockByNumber" and params[0] == "pending" and answer.get("result"):
            block = answer["result"]
            block["timestamp"] = hex(int(block["timestamp"], 16) + habits.clock)
            self.met["clock"] += habits.clock != 0
        return answer

    def _behind(self, request: Request, forward: Forward) -> Any:
        """The answer of a node that has not got the last block yet."""
        method, params = request["method"], list(request["params"])
        has = max(_head(forward) - 1, 0)
        if method == "eth_blockNumber":
            return {"result": hex(has)}
        if method == "eth_getLogs":
            return self._cut(request, forward, has)
        where = 0 if method == "eth_getBlockByNumber" else -1
        if params[where] in {"latest", "pending"}:
            params[where] = hex(has)
        elif str(params[where]).startswith("0x") and int(params[where], 16) > has:
            missing = where == 0
            return {"result": None} if missing else error(-32000, "header not found")
        return forward(request | {"params": params})

    def _logs(self, request: Request, forward: Forward) -> Any:
        query, most = request["params"][0], self.habits.log_range
        start, end = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        if most and end - start + 1 > most:
            self.met["log_range"] += 1
            return error(-32602, f"range {end - start + 1} exceeds limit of {most}")
        if self._happens("cut_logs", self.habits.cut_logs):
            return self._cut(request, forward, end - 1)
        return forward(request)

    @staticmethod
    def _cut(request: Request, forward: Forward, last: int) -> Any:
        answer = forward(request)
        kept = [log for log in answer["result"] if int(log["blockNumber"], 16) <= last]
        return answer | {"result": kept}

    def _receipt(self, request: Request, forward: Forward) -> Any:
        tx_hash = str(request["params"][0])
        if tx_hash not in self._receipts:
            lost = self._happens("lost_receipts", self.habits.lost_receipts)
            self._receipts[tx_hash] = _LOST_FOR if lost else 0
        if self._receipts[tx_hash]:
            self._receipts[tx_hash] -= 1
            return {"result": None}
        return forward(request)


class _Handler(BaseHTTPRequestHandler):
    node: ClassVar[MisbehavingNode]
    protocol_version = "HTTP/1.1"
    # Head and body in one piece, at once: apart, each answer waits 40 ms for an acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.node.handle(payload, dict(self.headers))
        refusal = answer if isinstance(answer, Refusal) else None
        if refusal is not None and not refusal.status:
            self.close_connection = True
            return
        body = json.dumps(answer).encode() if refusal is None else refusal.body
        self.send_response(200 if refusal is None else refusal.status)
        if refusal is not None and refusal.retry_after:
            self.send_header("Retry-After", f"{refusal.retry_after:g}")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def _connected(upstream: urllib.parse.SplitResult) -> Iterator[Forward]:
    """What carries requests on to the node behind, for one HTTP request."""
    connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=60)

    def forward(request: Request) -> Any:
        body = json.dumps(request).encode()
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())

    try:
        yield forward
    finally:
        connection.close()


def _head(forward: Forward) -> int:
    asked = {"jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber", "params": []}
    return int(forward(asked)["result"], 16)
