"""The peers that are measured in the run that measures ours: OpenZeppelin, T-REX and bridges.

`benchmarks/solidity/` pins their packages and npm's solc, which compiles them with the optimizer at
200 runs. T-REX's code is then what its package ships, but for metadata. ONCHAINID ships its own
without the optimizer; with it, as T-REX's package has it, a T-REX transfer is 4,487 gas cheaper.
T-REX and ONCHAINID are GPL-3.0, LayerZero and CCIP under terms of their own: they are measured on a
developer's machine, never shipped, never needed at run time. Where there is no node, the figures of
the run before stay.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from eth_account import Account as Signer
from eth_account.messages import encode_defunct
from eth_utils.crypto import keccak

from benchmarks.bridges import bridges
from benchmarks.peer_bench import PeerBench
from benchmarks.rig import AMOUNT, ROOT, holder, local_chain
from tallystick.build import Artifact
from tallystick.chain import Account, Contract
from tallystick.chain.abi import Parameters
from tallystick.storage import write_whole

__all__ = ["FOLDER", "compiled", "measure"]

FOLDER: Final = ROOT / "benchmarks" / "solidity"
_CACHE: Final = ROOT / ".build" / "peers"
_OPENZEPPELIN: Final = "oz-5.7-proxied"
_T_REX: Final = "t-rex-4.1-proxied"
_UNLIMITED: Final = 2**256 - 1
_NOBODY: Final = "0x" + "00" * 20
_TOPIC: Final = int.from_bytes(keccak(text="benchmarks"))
_COUNTRY: Final = 840
_CLAIM: Final = Parameters(
    [{"name": name, "type": name} for name in ("address", "uint256", "bytes")]
)


def compiled(folder: Path = FOLDER, cache: Path = _CACHE) -> Mapping[str, Artifact] | None:
    """Return the peers' contracts by name, compiled once for what is installed in `folder`.

    Returns:
        None where there is no node, or `npm ci` did not run in the folder.

    Raises:
        CalledProcessError: they don't compile; what the compiler says went to stderr.
    """
    node = shutil.which("node")
    # What npm keeps of what it installed; it writes this last.
    installed = folder / "node_modules" / ".package-lock.json"
    if node is None or not installed.exists():
        return None
    files = (installed, folder / "compile.js", *sorted(folder.glob("*.sol")))
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    kept = cache / f"{digest}.json"
    if not kept.exists():
        command = (node, str(folder / "compile.js"))
        write_whole(kept, subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return {
        name: Artifact.from_abi(name, item["abi"], bytes.fromhex(item["bytecode"]))
        for name, item in json.loads(kept.read_bytes()).items()
    }


def measure(backend: str, code: Mapping[str, Artifact]) -> dict[str, dict[str, int]]:
    """Measure the peers on one fresh ledger of the back end that ours are measured on.

    Args:
        backend: `anvil` (hard fork osaka) or `embedded` (prague).
        code: what `compiled` returned.

    Returns:
        Gas of the whole transaction by operation of ours, then by peer.
    """
    with local_chain(backend, "peers", 41_001, 1) as chain:
        bench = _Bench(chain, code)
        bench.openzeppelin()
        bench.t_rex()
        bench.t_rex_with_modules()
        bridges(bench)
        return bench.gas


class _Bench(PeerBench):
    """What tokens do."""

    def transfers(self, peer: str, token: Contract) -> None:
        """Carry out what holders do; the third holder has units, the fourth has none."""
        one, two, three, four, spender = self.people
        for account in (one, two, three):
            token.mint(account, 1000 * AMOUNT, sender=self.owner)
        self.note("mint", peer, token.mint(one, AMOUNT, sender=self.owner))
        self.note("transfer.same_day", peer, token.transfer(two, AMOUNT, sender=one))
        self.note("transfer.first_receipt", peer, token.transfer(four, AMOUNT, sender=one))
        self.note("approve.first", peer, token.approve(spender, 2 * AMOUNT, sender=one))
        self.note("approve", peer, token.approve(spender, 3 * AMOUNT, sender=one))
        self.note("transfer_from", peer, token.transferFrom(one, two, AMOUNT, sender=spender))
        token.approve(spender, _UNLIMITED, sender=one)
        receipt = token.transferFrom(one, three, AMOUNT, sender=spender)
        self.note("transfer_from.unlimited", peer, receipt)

    def openzeppelin(self) -> None:
        implementation = self.deploy("OwnedToken")
        initialisation = implementation.initialize.encode(self.owner)
        token = self.behind("ERC1967Proxy", "OwnedToken", implementation, initialisation)
        self.transfers(_OPENZEPPELIN, token)

    def t_rex(self) -> None:
        suite, owner = _Suite(self), self.owner
        token = suite.token
        one, two, three = self.people[:3]
        self.note("admit.first", f"{_T_REX}-register", suite.admit(one))
        for account in self.people[1:4]:
            suite.admit(account)
        self.transfers(_T_REX, token)
        many = [holder(number) for number in range(100)]
        for recipient in many:
            suite.admit(recipient)
        for count in (10, 100):
            batch = (many[:count], [AMOUNT] * count)
            token.batchTransfer(*batch, sender=one)
            self.note(f"transfer.batch{count}", _T_REX, token.batchTransfer(*batch, sender=one))
        for operation, method, args in (
            ("burn", "burn", (one, AMOUNT)),
            ("forced_transfer", "forcedTransfer", (one, two, AMOUNT)),
            ("freeze_amount.first", "freezePartialTokens", (three, AMOUNT)),
            ("freeze_amount", "freezePartialTokens", (three, AMOUNT)),
            ("freeze_account", "setAddressFrozen", (three, True)),
            ("unfreeze_account", "setAddressFrozen", (three, False)),
            ("pause", "pause", ()),
        ):
            self.note(operation, _T_REX, getattr(token, method)(*args, sender=owner))

    def t_rex_with_modules(self) -> None:
        suite = _Suite(self)
        one, two = self.people[:2]
        for name, setting, value in (
            ("CountryAllowModule", "addAllowedCountry", _COUNTRY),
            ("MaxBalanceModule", "setMaxBalance", 10**6 * AMOUNT),
            ("SupplyLimitModule", "setSupplyLimit", 10**6 * AMOUNT),
        ):
            implementation = self.deploy(name)
            initialisation = implementation.initialize.encode()
            module = self.behind("ModuleProxy", name, implementation, initialisation)
            suite.compliance.addModule(module, sender=self.owner)
            call = getattr(module, setting).encode(value)
            suite.compliance.callModuleFunction(call, module, sender=self.owner)
        for account in (one, two):
            suite.admit(account)
            suite.token.mint(account, 1000 * AMOUNT, sender=self.owner)
        receipt = suite.token.transfer(two, AMOUNT, sender=one)
        self.note("transfer.same_day", f"{_T_REX}-3-modules", receipt)


class _Suite:
    """T-REX behind its proxies: one claim topic, one trusted issuer, an identity an investor."""

    def __init__(self, bench: _Bench) -> None:
        self.bench = bench
        deploy, behind, owner = bench.deploy, bench.behind, bench.owner
        authority = deploy("TREXImplementationAuthority", True, _NOBODY, _NOBODY)
        # In the order of the authority's struct.
        implementations = [
            deploy(name).address
            for name in (
                "Token",
                "ClaimTopicsRegistry",
                "IdentityRegistry",
                "IdentityRegistryStorage",
                "TrustedIssuersRegistry",
                "ModularCompliance",
            )
        ]
        authority.addAndUseTREXVersion((4, 1, 6), implementations, sender=owner)

        def proxy(name: str, *args: Any) -> Contract:
            return behind(f"{name}Proxy", name, authority, *args)

        topics, issuers = proxy("ClaimTopicsRegistry"), proxy("TrustedIssuersRegistry")
        storage = proxy("IdentityRegistryStorage")
        self.registry = proxy("IdentityRegistry", issuers, topics, storage)
        self.compliance = proxy("ModularCompliance")
        terms = (self.registry, self.compliance, "Benchmark", "BNCH", 6, _NOBODY)
        self.token = proxy("Token", *terms)
        self.issuer = deploy("ClaimIssuer", owner)
        self.identities = deploy("ImplementationAuthority", deploy("Identity", owner, True))
        storage.bindIdentityRegistry(self.registry, sender=owner)
        topics.addClaimTopic(_TOPIC, sender=owner)
        issuers.addTrustedIssuer(self.issuer, [_TOPIC], sender=owner)
        for contract in (self.registry, self.token):
            contract.addAgent(owner, sender=owner)
        self.token.unpause(sender=owner)

    def admit(self, account: Account | str) -> Any:
        """Give an investor an identity with a signed claim; return the registration's receipt."""
        owner = self.bench.owner
        identity = self.bench.behind("IdentityProxy", "Identity", self.identities, owner)
        data = b"verified by a passport"
        digest = keccak(_CLAIM.encode((identity.address, _TOPIC, data)))
        signature = Signer.sign_message(encode_defunct(digest), owner.key).signature
        claim = (_TOPIC, 1, self.issuer, bytes(signature), data, "")
        identity.addClaim(*claim, sender=owner)
        return self.registry.registerIdentity(account, identity, _COUNTRY, sender=owner)
