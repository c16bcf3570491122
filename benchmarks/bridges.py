"""Peers' bridges, measured on one ledger in the run that measures ours.

Both ends of a bridge stand on that ledger, each under a chain's name of its own, around a plain
token of OpenZeppelin's; signatures are real. A way is what one transfer takes of gas in all, on
either side: sent is one transaction; received is all transactions that one message needs there.

- Hyperlane: its warp route, not behind proxies; the Merkle tree hook and, as the hook that it
  requires, a pausable one, no payment for gas; a message-id multisig as the mailbox's default.
- LayerZero V2: OFT and its adapter; one DVN, executor and price feed as shipped, all three paid on
  sending. Received is the DVN's `verify`, `commitVerification` and the executor's `execute302`.
- OpenZeppelin: the bridge and the token with a bridge of its package. The package has no gateway;
  under it stands `LeastGateway.sol`, of ours, which signs nothing but the quorum and the number.

None of them keeps a lane's ledger, holds units for a recipient who may not have them, or a close.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

from eth_account import Account as Signer
from eth_account.messages import encode_defunct
from eth_utils.crypto import keccak

from benchmarks.peer_bench import PeerBench
from benchmarks.rig import AMOUNT
from tallystick.chain import Contract
from tallystick.chain.abi import Parameters, address_bytes

__all__ = ["bridges"]

_UNLIMITED: Final = 2**256 - 1
_NOBODY: Final = "0x" + "00" * 20
# Quorums, and what the rows call them.
_QUORUMS: Final = ((2, 3), (5, 7))
# Messages in a row of which the mean is taken, as of ours, after as many that Hyperlane's tree has
# no slot to write that was empty: the mean of a lane that has been in use.
_BEFORE: Final = 16
_IN_A_ROW: Final = 8
# The two ends, as domain, endpoint id and chain.
_HOME: Final = 41_101
_REMOTE: Final = 41_102


def _word(address: Any) -> bytes:
    return bytes(12) + address_bytes(address)


def _signers(count: int) -> list[Any]:
    """Return keys that are the same in every run, in the order of their addresses."""
    keys = (Signer.from_key(keccak(text=f"benchmark signer {number}")) for number in range(count))
    return sorted(keys, key=lambda key: int(key.address, 16))


def bridges(bench: PeerBench) -> None:
    """Measure every bridge with every quorum; a further signature is what the quorums differ by."""
    for bridge in (_Hyperlane, _LayerZero, _OpenZeppelin):
        received: dict[int, int] = {}
        for quorum, count in _QUORUMS:
            lane = bridge(bench, quorum, _signers(count))
            sent, back, minted, released = lane.run()
            received[quorum] = minted
            bench.keep(f"lane.deliver_mint.{quorum}of{count}", bridge.name, minted)
            if quorum == 2:
                bench.keep("lane.lock_send", bridge.name, sent)
                bench.keep("lane.burn_send", bridge.name, back)
                bench.keep("lane.release.2of3", bridge.name, released)
                # Beside ours with limits stands what has none.
                peer = f"{bridge.name}-unlimited"
                bench.keep("lane.lock_send.limited", peer, sent)
                bench.keep("lane.burn_send.limited", peer, back)
                bench.keep("lane.deliver_mint.2of3.limited", peer, minted)
                bench.keep("lane.release.2of3.limited", peer, released)
        bench.keep("lane.signature", bridge.name, (received[5] - received[2]) // 3)
    lane = _LayerZeroTwice(bench, 2, _signers(3))
    bench.keep("lane.deliver_mint.2x2of3", lane.name, lane.run()[2])


class _Bridge(ABC):
    """A bridge between two ends on one ledger, and a holder who sends to and fro."""

    name: str

    def __init__(self, bench: PeerBench, quorum: int, signers: Sequence[Any]) -> None:
        self.bench = bench
        self.quorum = quorum
        self.signers = signers
        self.holder, self.other = bench.people[:2]
        self.token = bench.deploy("OwnedToken")
        self.token.mint(self.holder, 10**6 * AMOUNT, sender=bench.owner)
        self.token.mint(self.other, AMOUNT, sender=bench.owner)
        # By end: what the holder calls to send.
        self.ends = self.build()
        self.token.approve(self.ends[_HOME], _UNLIMITED, sender=self.holder)

    @abstractmethod
    def build(self) -> dict[int, Contract]:
        """Deploy and link both ends; the remote one is the token there."""

    @abstractmethod
    def send(self, source: int) -> Any:
        """Send the amount from one end to the other party at the other end."""

    @abstractmethod
    def receive(self, source: int, sent: Any) -> list[Any]:
        """Carry out all that one message needs at the other end."""

    def run(self) -> tuple[int, int, int, int]:
        """Return gas of locking, burning, minting and releasing, all with balances there before."""
        received = {}
        sent = {}
        for source in (_HOME, _REMOTE):
            # One more is sent than comes back: emptying a balance would give gas back.
            count = _BEFORE + _IN_A_ROW + (source == _HOME)
            receipts = [self.send(source) for _ in range(count)]
            sent[source] = sum(each.gas_used for each in receipts[-_IN_A_ROW:]) // _IN_A_ROW
            token = self.token if source == _REMOTE else self.ends[_REMOTE]
            # The first credits who held nothing; the holder's own come for the way back.
            for receipt in receipts:
                before = token.balanceOf(self.recipient(source))
                received[source] = sum(each.gas_used for each in self.receive(source, receipt))
                arrived = token.balanceOf(self.recipient(source)) - before
                # LayerZero leaves what is less than a millionth with the sender.
                assert 0 <= AMOUNT - arrived < 10**12, (self.name, arrived)
        return sent[_HOME], sent[_REMOTE], received[_HOME], received[_REMOTE]

    def recipient(self, source: int) -> Any:
        """Return who receives: the holder at the remote end, so that there is what to send back."""
        return self.holder if source == _HOME else self.other

    def signatures(self, digest: bytes, *, prefixed: bool = True) -> list[bytes]:
        """Let the first of the signers sign, as many as the quorum."""
        return [
            bytes(
                key.sign_message(encode_defunct(digest)).signature
                if prefixed
                else key.unsafe_sign_hash(digest).signature
            )
            for key in self.signers[: self.quorum]
        ]

    def event(self, receipt: Any, name: str) -> Any:
        """Return the arguments of a receipt's one event of a name."""
        (found,) = [each for each in receipt.events if each.name == name]
        return found


def _other(end: int) -> int:
    return _REMOTE if end == _HOME else _HOME


class _Hyperlane(_Bridge):
    name = "hyperlane"

    def build(self) -> dict[int, Contract]:
        deploy, owner = self.bench.deploy, self.bench.owner
        factory = deploy("StaticMessageIdMultisigIsmFactory")
        members = [key.address for key in self.signers]
        factory.deploy(members, self.quorum, sender=owner)
        ism = factory.getAddress(members, self.quorum)
        self.mailboxes = {end: deploy("Mailbox", end) for end in (_HOME, _REMOTE)}
        self.trees = {end: deploy("MerkleTreeHook", box) for end, box in self.mailboxes.items()}
        for end, mailbox in self.mailboxes.items():
            required = deploy("PausableHook")
            mailbox.initialize(owner, ism, self.trees[end], required, sender=owner)
        home = deploy("HypERC20Collateral", self.token, 1, 1, self.mailboxes[_HOME])
        home.initialize(_NOBODY, _NOBODY, owner, sender=owner)
        remote = deploy("HypERC20", 18, 1, 1, self.mailboxes[_REMOTE])
        remote.initialize(0, "Benchmark", "BNCH", _NOBODY, _NOBODY, owner, sender=owner)
        home.enrollRemoteRouter(_REMOTE, _word(remote), sender=owner)
        remote.enrollRemoteRouter(_HOME, _word(home), sender=owner)
        return {_HOME: home, _REMOTE: remote}

    def send(self, source: int) -> Any:
        to = _word(self.recipient(source))
        return self.ends[source].transferRemote(_other(source), to, AMOUNT, sender=self.holder)

    def receive(self, source: int, sent: Any) -> list[Any]:
        message = self.event(sent, "Dispatch").message
        tree = _word(self.trees[source])
        root, index = self.trees[source].latestCheckpoint()
        domain = keccak(source.to_bytes(4, "big") + tree + b"HYPERLANE")
        place = root + index.to_bytes(4, "big")
        signatures = self.signatures(keccak(domain + place + keccak(message)))
        metadata = tree + place + b"".join(signatures)
        mailbox = self.mailboxes[_other(source)]
        return [mailbox.process(metadata, message, sender=self.bench.owner)]


class _LayerZero(_Bridge):
    name = "layerzero-oft"
    # Gas that the executor passes on; what its packages' examples have, 80,000, is too little for
    # the first units of a token. Worker options of type 3 say so.
    PASSED_ON: Final = 120_000
    OPTIONS: Final = bytes.fromhex("000301001101") + PASSED_ON.to_bytes(16, "big")
    CONFIRMATIONS: Final = 15
    HEADER: Final = 81
    VERIFIERS: int = 1

    def build(self) -> dict[int, Contract]:
        deploy, owner = self.bench.deploy, self.bench.owner
        self.endpoints = {end: deploy("EndpointV2", end, owner) for end in (_HOME, _REMOTE)}
        self.receivers: dict[int, Contract] = {}
        self.dvns: dict[int, list[Contract]] = {}
        self.executors: dict[int, Contract] = {}
        for end in self.endpoints:
            self._workers(end)
        home = deploy("OmnichainAdapter", self.token, self.endpoints[_HOME], owner)
        remote = deploy("OmnichainToken", self.endpoints[_REMOTE], owner)
        home.setPeer(_REMOTE, _word(remote), sender=owner)
        remote.setPeer(_HOME, _word(home), sender=owner)
        return {_HOME: home, _REMOTE: remote}

    def _workers(self, end: int) -> None:
        deploy, owner, there = self.bench.deploy, self.bench.owner, _other(end)
        endpoint = self.endpoints[end]
        sender = deploy("SendUln302", endpoint, 100_000, 10**18)
        receiver = self.receivers[end] = deploy("ReceiveUln302", endpoint)
        feed = self._proxied("PriceFeed", owner)
        feed.setPrice([(there, (10**20, 10**9, 16))], sender=owner)
        feed.setNativeTokenPriceUSD(3_000 * 10**20, sender=owner)
        members = [key.address for key in self.signers]
        terms = ([sender, receiver], feed, members, self.quorum, [owner])
        dvns = [deploy("DVN", end, number, *terms) for number in range(self.VERIFIERS)]
        for dvn in dvns:
            dvn.setWorkerFeeLib(deploy("DVNFeeLib", end, 10**18), sender=owner)
            dvn.setDstConfig([(there, 200_000, 12_000, 0)], sender=owner)
        self.dvns[end] = sorted(dvns, key=lambda dvn: int(dvn.address, 16))
        roles = (endpoint, _NOBODY, [sender], feed, owner, [owner])
        executor = self.executors[end] = self._proxied("Executor", *roles)
        executor.setWorkerFeeLib(deploy("ExecutorFeeLib", end, 10**18), sender=owner)
        executor.setDstConfig([(there, 30_000, 0, 12_000, 0, 10**18)], sender=owner)
        config = (self.CONFIRMATIONS, self.VERIFIERS, 0, 0, self.dvns[end], [])
        for library in (sender, receiver):
            library.setDefaultUlnConfigs([(there, config)], sender=owner)
            endpoint.registerLibrary(library, sender=owner)
        sender.setDefaultExecutorConfigs([(there, (10_000, executor))], sender=owner)
        sender.setTreasury(deploy("Treasury"), sender=owner)
        endpoint.setDefaultSendLibrary(there, sender, sender=owner)
        endpoint.setDefaultReceiveLibrary(there, receiver, 0, sender=owner)

    def _proxied(self, name: str, *args: Any) -> Contract:
        # Whoever may change the proxy can't reach what is behind it, hence not the owner.
        implementation = self.bench.deploy(name)
        data = implementation.initialize.encode(*args)
        proxy = "TransparentUpgradeableProxy"
        return self.bench.behind(proxy, name, implementation, self.bench.people[4], data)

    def send(self, source: int) -> Any:
        to = _word(self.recipient(source))
        order = (_other(source), to, AMOUNT, 0, self.OPTIONS, b"", b"")
        end = self.ends[source]
        fee = end.quoteSend(order, False)
        return end.send.send(order, fee, self.holder, sender=self.holder, value=fee[0])

    def receive(self, source: int, sent: Any) -> list[Any]:
        end, owner = _other(source), self.bench.owner
        packet = self.event(sent, "PacketSent").encodedPayload
        header, payload = packet[: self.HEADER], packet[self.HEADER :]
        receiver = self.receivers[end]
        call = receiver.verify.encode(header, keccak(payload), self.CONFIRMATIONS)
        expiration = self.bench.chain.now + 3_600
        receipts = []
        for dvn in self.dvns[end]:
            digest = dvn.hashCallData(dvn.vid(), receiver, call, expiration)
            signatures = b"".join(self.signatures(digest))
            orders = [(dvn.vid(), receiver, call, expiration, signatures)]
            receipts.append(dvn.execute(orders, sender=owner))
        receipts.append(receiver.commitVerification(header, keccak(payload), sender=owner))
        nonce = int.from_bytes(header[1:9])
        origin = (source, _word(self.ends[source]), nonce)
        message = (self.ends[end], origin, payload[:32], payload[32:], b"", self.PASSED_ON)
        receipts.append(self.executors[end].execute302(message, sender=owner))
        return receipts


class _LayerZeroTwice(_LayerZero):
    """Two DVNs must both verify; the keys are the same, which takes the same gas."""

    VERIFIERS = 2


class _OpenZeppelin(_Bridge):
    name = "oz-5.7-bridge"
    SIGNED: Final = Parameters(
        [
            {"name": name, "type": name}
            for name in ("uint256", "address", "uint256", "bytes", "bytes", "bytes")
        ]
    )

    def build(self) -> dict[int, Contract]:
        deploy, owner = self.bench.deploy, self.bench.owner
        members = [key.address for key in self.signers]
        self.gateways = {
            end: deploy("LeastGateway", end, self.quorum, members) for end in (_HOME, _REMOTE)
        }
        ends = {_HOME: deploy("LinkedBridge", self.token), _REMOTE: deploy("LinkedToken")}
        for end, contract in ends.items():
            there = self._named(_other(end), ends[_other(end)])
            contract.link(self.gateways[end], there, sender=owner)
        return ends

    def _named(self, chain: int, address: Any) -> bytes:
        """Return an address as ERC-7930 writes it."""
        reference = chain.to_bytes((chain.bit_length() + 7) // 8, "big")
        head = b"\x00\x01\x00\x00" + bytes([len(reference)]) + reference
        return head + b"\x14" + address_bytes(address)

    def send(self, source: int) -> Any:
        to = self._named(_other(source), self.recipient(source))
        return self.ends[source].crosschainTransfer(to, AMOUNT, sender=self.holder)

    def receive(self, source: int, sent: Any) -> list[Any]:
        end = _other(source)
        gateway = self.gateways[end]
        found = self.event(sent, "MessageSent")
        number = int.from_bytes(found.sendId)
        content = (number, found.sender, found.recipient, found.payload)
        digest = keccak(self.SIGNED.encode((end, gateway.address, *content)))
        signatures = self.signatures(digest, prefixed=False)
        return [gateway.deliver(*content, signatures, sender=self.bench.owner)]
