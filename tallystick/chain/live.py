"""Live networks through ape: its networks connect, its accounts sign.

Only this module imports ape, and only when a chain is opened. A `LiveChain` talks to its own
provider whatever ape's active one is, so two of them in one process don't get mixed up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

from eth_typing import ChecksumAddress

from tallystick.chain.abi import address_of
from tallystick.chain.account import Account
from tallystick.chain.anvil import AnvilChain
from tallystick.chain.jsonrpc import BrokenOff, NoAnswer, Rpc, RpcError, read_answer, shown_url
from tallystick.chain.process import free_port
from tallystick.chain.receipt import ChainError, Receipt, Snapshot, Unsupported
from tallystick.chain.rpc import RpcChain
from tallystick.signing import told

__all__ = ["LiveChain", "connect_provider"]

_TEST_ACCOUNT = "TEST::"


class _ApeRpc(Rpc):
    """Requests over the connection of an ape provider, one at a time."""

    def __init__(self, provider: Any) -> None:
        super().__init__()
        self.provider = provider
        self._shown = shown_url(str(getattr(provider, "uri", "") or "") or "the node")

    def _post(self, payload: Any) -> Any:
        if isinstance(payload, list):
            raise RpcError("batch", "one at a time")
        method = payload["method"]
        try:
            # Below ape's own make_request, which drops the revert data of an error answer.
            return self.provider.web3.provider.make_request(method, payload["params"])
        except OSError as error:  # as those of requests are
            response = getattr(error, "response", None)
            if response is None:
                raise BrokenOff(f"{self._shown} broke off: {type(error).__name__}") from error
            later = response.headers.get("Retry-After")
            return read_answer(self._shown, method, response.status_code, response.content, later)
        except ValueError as error:
            raise NoAnswer(method, "answered no JSON") from error

    def close(self) -> None:
        pass


class LiveChain(RpcChain):
    """A network that ape is configured for; open one with `LiveChain.connect`.

    Time control and snapshots work where the node is a local anvil, and raise `Unsupported`
    elsewhere.
    """

    backend = "live"

    def __init__(self, name: str, provider: Any, aliases: Sequence[str], *, owned: bool) -> None:
        self._provider = provider
        self._owned = owned
        self._aliases = tuple(aliases)
        self._signers: dict[ChecksumAddress, Any] = {}
        self._loaded: dict[int, Account] = {}
        url = str(getattr(provider, "uri", "") or "")
        super().__init__(name, url, rpc=_ApeRpc(provider))
        self._dev = self._local_node(provider, url)
        self.controlled = self._dev is not None
        # One node of ours is never behind itself, and goes back when told to.
        self._shared = not self.controlled
        if self.controlled:
            self._poll = 0.01

    @classmethod
    def connect(
        cls, network_choice: str | None = None, accounts: Sequence[str] = (), *, name: str = ""
    ) -> Self:
        """Connects to a network as ape names it.

        Args:
            network_choice: `ethereum:sepolia:node`, `ethereum:local:foundry`,
                `ethereum:local:http://127.0.0.1:8545`, a node's URL alone; the active one when
                left out.
            accounts: aliases of ape accounts; `account(i)` is the i-th. `TEST::0` is ape's test
                account 0, on local networks only.
            name: what to call the chain; the choice when left out.

        Raises:
            ChainError: ape isn't installed, or doesn't know the network, or can't reach it.
        """
        networks = _ape().networks
        active = networks.active_provider
        try:
            if network_choice is None:
                if active is None:
                    raise ChainError("ape isn't connected to any network: name one")
                provider, owned = active, False
            else:
                provider, owned = networks.get_provider_from_choice(network_choice), True
                if active is not None and active.network_choice == provider.network_choice:
                    # As under `ape run --network`: a second one would start another dev node.
                    provider, owned = active, False
                elif not provider.is_connected:
                    connect_provider(provider)
        except ChainError:
            raise
        except Exception as error:  # ape and its plugins raise many unrelated classes
            raise ChainError(f"ape can't connect to {network_choice}: {error}") from error
        called = name or network_choice or str(provider.network_choice)
        return cls(called, provider, accounts, owned=owned)

    def close(self) -> None:
        """Disconnects, unless ape was connected before."""
        dev = getattr(self, "_dev", None)
        if dev is not None:
            dev.close()
        if self._owned and self._provider.is_connected:
            self._provider.disconnect()

    @staticmethod
    def _local_node(provider: Any, url: str) -> AnvilChain | None:
        if not provider.network.is_dev or not url.startswith("http"):
            return None
        version = str(provider.web3.client_version).lower()
        if not version.startswith("anvil"):
            return None
        return AnvilChain("local node", int(provider.web3.eth.chain_id), url=url)

    # -- accounts --

    def account(self, index: int) -> Account:
        """The account of the i-th alias given to `connect`; ape holds its key."""
        if index in self._loaded:
            return self._loaded[index]
        if not 0 <= index < len(self._aliases):
            raise ChainError(
                f"{self.name} was opened with {len(self._aliases)} accounts: no number {index}"
            )
        alias = self._aliases[index]
        accounts = _ape().accounts
        if alias.startswith(_TEST_ACCOUNT):
            if not self._provider.network.is_dev:
                raise ChainError(f"{alias} is everybody's key: not on {self.name}")
            signer = accounts.test_accounts[int(alias.removeprefix(_TEST_ACCOUNT))]
        else:
            try:
                signer = accounts.load(alias)
            except KeyError as error:
                raise ChainError(f"ape has no account with the alias {alias!r}") from error
        found = Account(address=address_of(signer.address), key=None, index=index, path=alias)
        self._signers[found.address] = signer
        self._loaded[index] = found
        return found

    def _signer(self, sender: Any) -> ChecksumAddress:
        if isinstance(sender, Account) and sender.unlock is not None:
            return super()._signer(sender)
        address = address_of(sender)
        if address not in self._signers:
            # The aliases may not have been asked for yet.
            for index in range(len(self._aliases)):
                self.account(index)
        if address not in self._signers:
            raise ChainError(f"{self!r} was opened without an ape account for {address}")
        return address

    def _sign(self, sender: Any, fields: dict[str, Any]) -> bytes:
        if isinstance(sender, Account) and sender.unlock is not None:
            return super()._sign(sender, fields)
        signer = self._signers[address_of(sender)]
        told(self.step(fields), f"{signer.alias or signer.address} {signer.address}")
        with self._entered():
            transaction = self._provider.network.ecosystem.create_transaction(**fields)
            # A locked account asks for its passphrase, and for consent; that is as it should be.
            signed = signer.sign_transaction(transaction)
            if signed is None:
                raise ChainError(f"{signer.alias or signer.address} didn't sign")
            return bytes(signed.serialize_transaction())

    @contextmanager
    def _entered(self) -> Iterator[None]:
        """Makes this chain's provider ape's active one for a moment."""
        networks = _ape().networks
        before = networks.active_provider
        networks.active_provider = self._provider
        try:
            yield
        finally:
            networks.active_provider = before

    # -- what only a local node can do --

    def _local(self, what: str) -> AnvilChain:
        if self._dev is None:
            raise Unsupported(f"{self!r} is no local anvil: {what}")
        return self._dev

    def _call_tag(self) -> str:
        return "latest" if self._dev is None else "pending"

    def _failure(
        self, receipt: Receipt, sender: Any, to: Any, data: bytes, value: int
    ) -> tuple[bytes, str | None]:
        if self._dev is not None:
            return self._dev.failure_of(receipt.tx_hash)
        return super()._failure(receipt, sender, to, data, value)

    @property
    def now(self) -> int:
        return super().now if self._dev is None else self._dev.now

    def set_time(self, timestamp: int) -> None:
        self._local("its time can't be set").set_time(timestamp)

    def mine(self, blocks: int = 1) -> None:
        self._local("it can't be told to mine").mine(blocks)

    def reorg(self, depth: int, txs: Sequence[tuple[Any, int]] = ()) -> None:
        self._local("it can't be reorganised").reorg(depth, txs)

    def snapshot(self) -> Snapshot:
        return self._local("it takes no snapshots").snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        self._local("it can't go back").restore(snapshot)

    def set_balance(self, address: Any, wei: int) -> None:
        self._local("balances can't be set").set_balance(address, wei)

    def set_storage(self, address: Any, slot: int | bytes, value: bytes | int) -> None:
        self._local("storage can't be written").set_storage(address, slot, value)

    def set_code(self, address: Any, code: bytes) -> None:
        self._local("code can't be written").set_code(address, code)


def connect_provider(provider: Any) -> None:
    """Connects a provider of ape, which may start a node for that.

    Of `host: auto` ape makes one port, which an outgoing connection may have, and tries it once;
    we name a free one. Where its node does not answer in time it is started once more.
    """
    from ape.exceptions import RPCTimeoutError

    if getattr(provider.settings, "host", None) == "auto":
        ours = {"host": f"http://127.0.0.1:{free_port()}"}
        provider.provider_settings = {**provider.provider_settings, **ours}
    try:
        provider.connect()
    except RPCTimeoutError:
        # Nobody answered the question whether anybody is there: nothing else was sent.
        provider.disconnect()
        provider.connect()


def _ape() -> Any:
    try:
        import ape
    except ImportError as error:
        raise ChainError(
            "live networks need ape: pip install 'tallystick[ape]' (eth-ape 0.8.51)"
        ) from error
    return ape
