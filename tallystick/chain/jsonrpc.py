"""JSON-RPC to one node: patient with a busy one, one error type for whatever it answers wrongly."""

from __future__ import annotations

import base64
import email.utils
import http.client
import itertools
import json
import os
import socket
import threading
import time
import urllib.parse
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from tallystick.chain import wording
from tallystick.chain.receipt import ChainError

__all__ = [
    "BrokenOff",
    "JsonRpc",
    "NoAnswer",
    "Patience",
    "Request",
    "Rpc",
    "RpcError",
    "as_read",
    "ask",
    "number",
    "quantity",
    "read_answer",
    "shown_url",
    "unhex",
]

T = TypeVar("T")

# A method and its parameters.
Request = tuple[str, Sequence[Any]]

# Sent again, these may do again what they did. A raw transaction may come twice: it has one hash.
_ONCE_ONLY: Final = ("eth_sendTransaction", "evm_", "anvil_", "hardhat_")
_MOST_AT_ONCE: Final = 200
_REFUSALS: Final = {
    401: "it wants a name and password, or others",
    403: "it refuses us",
    **dict.fromkeys(wording.BUSY_STATUSES, "it is busy"),
}


class RpcError(ChainError):
    """The node answered with an error, or with what is no answer.

    Attributes:
        method: what was asked.
        code: its code, or the status of HTTP; 0 when it has none, or one that is no number.
        message: its words; a code that is a word comes first.
        data: whatever came with it.
        retry_after: seconds to wait as the node says, 0 if it doesn't.
    """

    def __init__(self, method: str, error: Any, *, retry_after: float = 0.0) -> None:
        fields = error if isinstance(error, dict) else {"message": error}
        code, text = fields.get("code"), fields.get("message")
        self.method = method
        self.code = 0
        self.message = "" if text is None else str(text)
        try:
            self.code = int(code)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            if code is not None:
                self.message = f"{code}: {self.message}"
        self.data = fields.get("data")
        self.retry_after = retry_after
        super().__init__(f"{method}: {self.message or 'an error without words'}")

    @property
    def is_busy(self) -> bool:
        """Whether the node only wants to be asked later."""
        search = self.method == "eth_getLogs"
        return wording.is_busy(self.code, self.message, search=search)


class NoAnswer(RpcError):
    """What came back is null, empty or half where it must not be: later it may be right."""


class BrokenOff(ChainError):
    """The connection ended within a request, which may have reached the node."""


class Patience:
    """Waits longer from time to time, until its time is up.

    Args:
        seconds: how long it lasts in all.
        first: length of the first wait.
        longest: of the longest.
    """

    def __init__(self, seconds: float, *, first: float = 0.05, longest: float = 2.0) -> None:
        self._end = time.monotonic() + seconds
        self._next = first
        self._longest = longest

    def wait(self, at_least: float = 0.0) -> bool:
        """Wait once more; False when the time would be over, without having waited."""
        pause = max(self._next, at_least)
        if time.monotonic() + pause > self._end:
            return False
        time.sleep(pause)
        self._next = min(2 * self._next, self._longest)
        return True


class Rpc(ABC):
    """Carries requests to one node. What a busy node refused is asked again, for a while.

    A request that may have reached the node is repeated only if repeating it changes nothing.

    Attributes:
        patience: seconds for which a request is repeated.
        timeout: seconds to wait for an answer, where that is ours to say.
    """

    def __init__(self, *, patience: float = 30.0, timeout: float = 60.0) -> None:
        self.patience = patience
        self.timeout = timeout
        self._ids = itertools.count(1)
        self._most = _MOST_AT_ONCE

    @abstractmethod
    def _post(self, payload: Any) -> Any:
        """What the node answers to a request or a list of them, JSON decoded.

        Raises:
            BrokenOff: it may have got the request.
            RpcError: HTTP refused it.
            ChainError: the node can't be reached.
        """

    @abstractmethod
    def close(self) -> None:
        """Releases the connection; the next request opens another."""

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Wait no longer than that for each answer, until the block ends."""
        whole, self.timeout = self.timeout, min(self.timeout, seconds)
        try:
            yield
        finally:
            self.timeout = whole

    def __call__(self, method: str, /, *params: Any) -> Any:
        """The result of a method.

        Raises:
            RpcError: the node answered with an error, or with no answer.
            ChainError: it can't be reached.
        """
        patience = Patience(self.patience)
        while True:
            try:
                return _result(method, self._post(self._payload(method, params)))
            except BrokenOff:
                if method.startswith(_ONCE_ONLY) or not patience.wait():
                    raise
            except RpcError as error:
                if not error.is_busy or not patience.wait(error.retry_after):
                    raise

    def batch(self, requests: Sequence[Request]) -> list[Any]:
        """The results of several reads in order, `RpcError` in place of one that failed.

        As many go in one HTTP request as the node takes; how many that is, is remembered.
        """
        found: list[Any] = []
        while len(found) < len(requests):
            found += self._together(requests[len(found) : len(found) + self._most])
        return found

    def _together(self, requests: Sequence[Request]) -> list[Any]:
        if len(requests) == 1:
            return [self._alone(requests[0])]
        payload = [self._payload(*request) for request in requests]
        answers = self._answers(payload)
        if answers is None:
            half = len(requests) // 2
            self._most = min(self._most, half)
            return self._together(requests[:half]) + self._together(requests[half:])
        by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
        return [
            self._of_batch(request, by_id.get(asked["id"]))
            for request, asked in zip(requests, payload, strict=True)
        ]

    def _answers(self, payload: list[dict[str, Any]]) -> list[Any] | None:
        """What comes back for a batch; None where the node takes none, or none so large."""
        patience, broken = Patience(self.patience), False
        while True:
            try:
                answers = self._post(payload)
                if not isinstance(answers, list):
                    _result("batch", answers)
                    return None
                return answers
            except BrokenOff:
                # Once may be the line, twice is a node that can't.
                if broken:
                    return None
                broken = True
            except RpcError as error:
                if not error.is_busy:
                    return None
                if not patience.wait(error.retry_after):
                    raise

    def _of_batch(self, request: Request, answer: Any) -> Any:
        """One result of a batch; what was left out or put off is asked for by itself."""
        try:
            return self._alone(request) if answer is None else _result(request[0], answer)
        except RpcError as error:
            return self._alone(request) if error.is_busy else error

    def _alone(self, request: Request) -> Any:
        try:
            return self(request[0], *request[1])
        except RpcError as error:
            return error

    def _payload(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}


def _result(method: str, answer: Any) -> Any:
    if isinstance(answer, dict):
        if answer.get("error") is not None:
            raise RpcError(method, answer["error"])
        # Some leave out a result that is null.
        if "result" in answer or "jsonrpc" in answer:
            return answer.get("result")
    raise NoAnswer(method, f"answered {brief(answer)}")


def brief(value: Any) -> str:
    """A value as an error shows it."""
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:79] + "…"


class JsonRpc(Rpc):
    """JSON-RPC over one HTTP connection that stays open.

    Name and password in the URL are sent as basic authentication, and are in no message.

    Args:
        url: http:// or https:// address of the node.
        timeout: seconds to wait for an answer.
        patience: seconds for which a request is repeated that a busy node refused.
    """

    def __init__(self, url: str, *, timeout: float = 60.0, patience: float = 30.0) -> None:
        super().__init__(patience=patience, timeout=timeout)
        self._parts = parts = urllib.parse.urlsplit(url)
        self.shown = shown_url(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or not _has_good_port(parts):
            raise ChainError(f"{self.shown!r} is no http:// or https:// address of a node")
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": "application/json"}
        if parts.username is not None:
            pair = f"{parts.username}:{parts.password or ''}"
            encoded = base64.b64encode(urllib.parse.unquote_to_bytes(pair)).decode()
            self._headers["Authorization"] = f"Basic {encoded}"
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None
        self._owner = os.getpid()

    def close(self) -> None:
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

    def _post(self, payload: Any) -> Any:
        with self._lock:
            try:
                connection = self._connected()
                connection.sock.settimeout(self.timeout)
            except OSError as error:
                raise ChainError(f"no node answers at {self.shown}: {error}") from error
            try:
                connection.request("POST", self._path, json.dumps(payload).encode(), self._headers)
                response = connection.getresponse()
                content = response.read()
            except (OSError, http.client.HTTPException) as error:
                self._disconnect()
                raise BrokenOff(f"{self.shown} broke off: {error!r}") from error
            except BaseException:
                # An interrupt in mid-answer: what is left of it must not meet the next call.
                self._disconnect()
                raise
        method = payload["method"] if isinstance(payload, dict) else "batch"
        return read_answer(
            self.shown, method, response.status, content, response.headers["Retry-After"]
        )


def read_answer(
    shown: str, method: str, status: int, content: bytes, retry_after: str | None
) -> Any:
    """The JSON in an HTTP answer.

    Raises:
        RpcError: it is none, or HTTP refused the request.
    """
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if answer is not None and status not in _REFUSALS:
        # An error in JSON speaks for itself, whatever the status.
        return answer
    error = answer.get("error") if isinstance(answer, dict) else None
    words = error.get("message") if isinstance(error, dict) else content.decode(errors="replace")
    why = _REFUSALS.get(status, "no JSON")
    raise RpcError(
        method,
        {"code": status, "message": f"{shown} answered HTTP {status}, {why}: {str(words)[:200]}"},
        retry_after=_seconds(retry_after),
    )


def _has_good_port(parts: urllib.parse.SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _seconds(retry_after: str | None) -> float:
    """What Retry-After says, as seconds or as a date; 0 for nothing that can be read."""
    if retry_after is None:
        return 0.0
    try:
        return max(float(retry_after), 0.0)
    except ValueError:
        pass
    try:
        return max(email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time(), 0.0)
    except ValueError:
        return 0.0


def shown_url(url: str) -> str:
    """A URL as messages show it: keys of providers are in its path, passwords before its host."""
    parts = urllib.parse.urlsplit(url)
    if not parts.hostname:
        return url.rpartition("@")[2]
    host = parts.netloc.rpartition("@")[2]
    rest = "/…" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{host}{rest}"


def ask(rpc: Rpc, read: Callable[[Any], T], method: str, *params: Any) -> T:
    """What `read` makes of a node's answer.

    Raises:
        RpcError: the node's own, or the answer is null, empty or half where it must not be.
    """
    return as_read(read, method, rpc(method, *params))


def as_read(read: Callable[[Any], T], method: str, answer: Any) -> T:
    """What `read` makes of an answer.

    Raises:
        RpcError: it can't be read so.
    """
    try:
        return read(answer)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise NoAnswer(method, f"answered {brief(answer)}") from error


def quantity(value: int) -> str:
    """A number as JSON-RPC writes it."""
    return hex(value)


def number(value: Any) -> int:
    """A number as JSON-RPC writes it, or as anvil sometimes does.

    Raises:
        TypeError: it is none.
        ValueError: it is none.
    """
    return int(value, 16) if isinstance(value, str) else int(value)


def unhex(value: Any) -> bytes:
    """The bytes of 0x text.

    Raises:
        TypeError: it is no text.
        ValueError: it is none.
    """
    if not value.startswith("0x"):
        raise ValueError(value)
    return bytes.fromhex(value[2:])
