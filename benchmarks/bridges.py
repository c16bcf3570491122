"""Peers' bridges, measured on one ledger in the run that measures ours.

Both ends of a bridge stand on that ledger, each under a chain's name of its own, around a plain
token of OpenZeppelin's; signatures are real. A way is what one transfer takes of gas in all, on
either side: sent is one transaction; received is all transactions that one message needs there.

- Hyperlane: its warp route, not behind proxies; the Merkle tree hook and, as the hook that it
  requires, a pausable one, no payment for gas; a message-id multisig as the mailbox's default.
- LayerZero V2: OFT and its adapter; one DVN, executor and price feed as shipped, all three paid on
  sending. Received is the DVN's `verify`, `commitVerification` and the executor's `execute302`.
- CCIP 2.0 as its package ships it compiled: one committee verifier behind its resolver, one
  executor, fee paid in a plain token, no gas for the recipient's code; received is `execute`.
- OpenZeppelin: the bridge and the token with a bridge of its package. The package has no gateway;
  under it stands `LeastGateway.sol`, of ours, which checks nothing but the quorum and the number.

None of them keeps a lane's ledger, holds units for a recipient who may not have them, or a close.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

from eth_account import Account as Signer
from eth_account.messages import encode_defunct
from eth_keys.constants import SECPK1_N
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
# What one run of a bridge tells, with two of three.
_OPERATIONS: Final = ("lock_send", "burn_send", "deliver_mint.2of3", "release.2of3")
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
    for bridge in (_Hyperlane, _LayerZero, _OpenZeppelin, _Ccip):
        received: dict[int, int] = {}
        for quorum, count in _QUORUMS:
            lane = bridge(bench, quorum, _signers(count))
            figures = lane.run()
            received[quorum] = figures[2]
            if quorum == 2:
                _keep(bench, bridge.name, figures)
                if bridge is not _Ccip:
                    # Beside ours with limits stands what has none.
                    _keep(bench, f"{bridge.name}-unlimited", figures, ".limited")
            else:
                bench.keep("lane.deliver_mint.5of7", bridge.name, figures[2])
        bench.keep("lane.signature", bridge.name, (received[5] - received[2]) // 3)
    limited = _CcipLimited(bench, 2, _signers(3))
    _keep(bench, limited.name, limited.run(), ".limited")
    lane = _LayerZeroTwice(bench, 2, _signers(3))
    bench.keep("lane.deliver_mint.2x2of3", lane.name, lane.run()[2])


def _keep(bench: PeerBench, peer: str, figures: Sequence[int], which: str = "") -> None:
    for operation, gas in zip(_OPERATIONS, figures, strict=True):
        bench.keep(f"lane.{operation}{which}", peer, gas)


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


class _Ccip(_Bridge):
    name = "ccip-2.0"
    # What a committee's signatures begin with, and so which verifier is asked.
    TAG: Final = bytes.fromhex("62656e63")
    # EVMExtraArgsV2: no gas for the recipient's code, in any order.
    NO_CALL: Final = bytes.fromhex("181dcf10") + bytes(32) + bytes(31) + b"\x01"
    # What the fee quoter asks of a chain: enabled, longest data, most gas, gas over that, gas a
    # byte, EVM's selector, a token's fee and gas, a message's gas, network's fee, share in LINK.
    CHAIN: Final = (
        *(True, 30_000, 3_000_000, 300_000, 16, bytes.fromhex("2812d52c")),
        *(25, 90_000, 200_000, 10, 90),
    )
    LIMIT: tuple[bool, int, int] = (False, 0, 0)

    def build(self) -> dict[int, Contract]:
        deploy, owner = self.bench.deploy, self.bench.owner
        self.fee = deploy("OwnedToken")
        self.fee.mint(self.holder, 10**6 * AMOUNT, sender=owner)
        terms = ("Benchmark", "BNCH", 0, 0, _NOBODY, 18, owner)
        remote = deploy("ccip/cross_chain_token", terms, owner, owner)
        self.tokens = {_HOME: self.token, _REMOTE: remote}
        self.sites: dict[int, dict[str, Contract]] = {_HOME: {}, _REMOTE: {}}
        for end in self.sites:
            self._site(end)
        for end in self.sites:
            self._link(end)
        box = self.sites[_HOME]["box"]
        box.applyAuthorizedCallerUpdates(([self.sites[_HOME]["pool"]], []), sender=owner)
        remote.grantMintAndBurnRoles(self.sites[_REMOTE]["pool"], sender=owner)
        for end, token in self.tokens.items():
            for each in (self.fee, token):
                each.approve(self.sites[end]["router"], _UNLIMITED, sender=self.holder)
        # Nobody calls a token to send; `_Bridge` asks the remote end for balances.
        return {_HOME: self.sites[_HOME]["router"], _REMOTE: remote}

    def _site(self, end: int) -> None:
        deploy, owner, there, site = (
            self.bench.deploy,
            self.bench.owner,
            _other(end),
            self.sites[end],
        )
        rmn = deploy("ccip/rmn", [owner])
        registry = site["registry"] = deploy("ccip/token_admin_registry")
        router = site["router"] = deploy("ccip/router", _NOBODY, rmn)
        quoter = deploy("ccip/fee_quoter", (10**24, self.fee), [owner], [], [(there, self.CHAIN)])
        quoter.updatePrices(([(self.fee, 15 * 10**18)], [(there, 6 * 10**13)]), sender=owner)
        executor = site["executor"] = deploy("ccip/executor", 4, (owner, bytes(4), False))
        executor.applyDestChainUpdates([], [(there, (50, True))], sender=owner)
        verifier = deploy("ccip/committee_verifier", (owner, owner), ["store"], rmn, self.TAG)
        verifier.applyRemoteChainConfigUpdates(
            [(router, there, False, 5, 50_000, 200)], sender=owner
        )
        members = [key.address for key in self.signers]
        verifier.applySignatureConfigs([], [(there, self.quorum, members)], sender=owner)
        resolver = site["resolver"] = deploy("ccip/versioned_verifier_resolver")
        resolver.applyInboundImplementationUpdates([(self.TAG, verifier)], sender=owner)
        resolver.applyOutboundImplementationUpdates([(there, verifier)], sender=owner)
        ramp = (end, rmn, 10_000_000, registry)
        site["on"] = deploy("ccip/onramp", ramp, (quoter, False, owner))
        site["off"] = deploy("ccip/offramp", (end, 5_000, rmn, registry, 12_000))
        token = self.tokens[end]
        terms = (token, 18, _NOBODY, rmn, router)
        if end == _HOME:
            site["box"] = deploy("ccip/erc20_lock_box", token)
            site["pool"] = deploy("ccip/lock_release_token_pool", *terms, site["box"])
        else:
            site["pool"] = deploy("ccip/burn_mint_token_pool", *terms)
        registry.proposeAdministrator(token, owner, sender=owner)
        registry.acceptAdminRole(token, sender=owner)
        registry.setPool(token, site["pool"], sender=owner)

    def _link(self, end: int) -> None:
        owner, there = self.bench.owner, _other(end)
        here, remote = self.sites[end], self.sites[there]
        router, verifiers = here["router"], [here["resolver"]]
        off = address_bytes(remote["off"])
        way = (there, router, 20, False, 10, 25, 50_000, verifiers, [], here["executor"], off)
        here["on"].applyDestChainConfigUpdates([way], sender=owner)
        source = (router, there, True, [_word(remote["on"])], verifiers, [])
        here["off"].applySourceChainConfigUpdates([source], sender=owner)
        router.applyRampUpdates([(there, here["on"])], [], [(there, here["off"])], sender=owner)
        token = _word(self.tokens[there])
        pool = (there, [_word(remote["pool"])], token, self.LIMIT, self.LIMIT)
        here["pool"].applyChainUpdates([], [pool], sender=owner)

    def send(self, source: int) -> Any:
        to = _word(self.recipient(source))
        amounts = [(self.tokens[source], AMOUNT)]
        order = (to, b"", amounts, self.fee, self.NO_CALL)
        return self.sites[source]["router"].ccipSend(_other(source), order, sender=self.holder)

    def receive(self, source: int, sent: Any) -> list[Any]:
        message = self.event(sent, "CCIPMessageSent").encodedMessage
        digest = keccak(self.TAG + keccak(message))
        signatures = b"".join(map(_with_v_27, self.signatures(digest, prefixed=False)))
        proof = self.TAG + len(signatures).to_bytes(2, "big") + signatures
        site = self.sites[_other(source)]
        return [
            site["off"].execute(message, [site["resolver"]], [proof], 0, sender=self.bench.owner)
        ]


class _CcipLimited(_Ccip):
    """With limits either way on either side, of which the bench takes a part."""

    name = "ccip-2.0-limited"
    LIMIT = (True, 10**3 * AMOUNT, AMOUNT)


def _with_v_27(signature: bytes) -> bytes:
    """Return r and s of the one of two equal signatures whose v is 27."""
    s = int.from_bytes(signature[32:64])
    if signature[64] == 28:
        s = SECPK1_N - s
    return signature[:32] + s.to_bytes(32, "big")
