"""`python -m benchmarks.proxies`: five ways to replace code behind an address, measured, attacked.

All five carry the same SecurityToken on one anvil, with the same calls in the same order. What
can go wrong with each is carried out, not told: every line of the second table was sent.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from vyper.compiler import compile_code
from vyper.compiler.input_bundle import FilesystemInputBundle, JSONInput

from benchmarks.rig import (
    AMOUNT,
    DOCUMENT,
    REASON,
    ROOT,
    UNTIL_DAY,
    hardfork_of,
    local_chain,
    pick_backend,
)
from tallystick import build
from tallystick.build import Artifact
from tallystick.chain import Account, Chain, Contract, Receipt, Revert
from tallystick.deploy.upgrade import deploy_implementation
from tallystick.governance.roles import Role

__all__ = ["DESIGNS", "ERC1967_SLOT", "Attack", "Figures", "attacks", "figures", "main"]

ERC1967_SLOT: Final = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
# In the order of the tables.
DESIGNS: Final[Mapping[str, str]] = {
    "beacon": "(a) beacon in an immutable",
    "release": "(b) ReleaseProxy: ERC-1967 slot by a gap, guarded (ours)",
    "layout-file": "(b') the same, slot by a layout file",
    "uups": "(c) UUPS: the implementation upgrades itself",
    "none": "(d) no proxy",
}
_LAYOUT: Final = {
    "_implementation": {"slot": ERC1967_SLOT, "type": "address", "n_slots": 1},
}


# Creates a contract that answers every question with its own address: as authority, where the
# registry is; as registry, how much may be issued.
_YES: Final = bytes.fromhex("66305f5260205ff35f5260076019f3")


@dataclass(frozen=True)
class Figures:
    """What one design costs; runtime in bytes, the rest in gas.

    `deploy` includes initialising the token, not the implementation's own creation. `upgrade` moves
    one proxy; a beacon moves all with one such transaction.
    """

    runtime: int
    deploy: int
    first_call: int
    transfer: int
    view: int
    upgrade: int | None


@dataclass(frozen=True)
class Attack:
    """What happened when something went wrong on one design."""

    name: str
    design: str
    sound: bool
    outcome: str


def layout_file_proxy() -> Artifact:
    """Compile LayoutFileProxyMock with its slot given from outside (`--storage-layout-file`)."""
    plain = build.artifact("LayoutFileProxyMock")
    bundle = FilesystemInputBundle([ROOT])
    source = bundle.load_file(plain.source_path)
    override = JSONInput(
        contents="",
        source_id=-1,
        path=source.path,
        resolved_path=source.resolved_path,
        data=_LAYOUT,
    )
    out = compile_code(
        source.contents,
        output_formats=("bytecode", "bytecode_runtime", "layout"),
        input_bundle=bundle,
        storage_layout_override=override,
    )
    return Artifact(
        name=plain.name,
        source_path=plain.source_path,
        abi=plain.abi,
        bytecode=bytes.fromhex(out["bytecode"][2:]),
        bytecode_runtime=bytes.fromhex(out["bytecode_runtime"][2:]),
        method_identifiers=plain.method_identifiers,
        layout=out["layout"],
        userdoc={},
        devdoc={},
        immutables_length=plain.immutables_length,
    )


class Bench:
    """One chain on which proxies of all designs are made."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.deployer: Account = chain.account(0)
        self.stranger: Account = chain.account(30)

    def deploy(self, what: Artifact | str, *args: Any) -> Contract:
        return self.chain.deploy(what, *args, sender=self.deployer)

    def token(self) -> Contract:
        """Return a fresh implementation of the token, all pieces of it."""
        return deploy_implementation(self.chain, "SecurityToken", sender=self.deployer)

    def proxy(self, design: str, implementation: Contract, initialisation: bytes) -> Contract:
        """Return the proxy itself, with its own ABI."""
        if design == "beacon":
            beacon = self.deploy("BeaconMock", implementation)
            return self.deploy("BeaconProxyMock", beacon, initialisation)
        code: Artifact | str = {
            "release": "ReleaseProxy",
            "uups": "UupsProxyMock",
            "unguarded": "UnguardedProxyMock",
            "shadowing": "ShadowingProxyMock",
        }.get(design, "")
        return self.deploy(code or layout_file_proxy(), implementation, initialisation)

    def behind(self, proxy: Contract, implementation: Contract) -> Contract:
        """Return a proxy as what it stands for."""
        return self.chain.at(implementation.artifact, proxy.address)

    def point(self, design: str, proxy: Contract, target: Contract) -> Receipt:
        """Upgrade as the design's authority does; UUPS through its implementation."""
        if design == "beacon":
            raw = self.chain.code(proxy.address)[-32:]
            beacon = self.chain.at("BeaconMock", "0x" + raw[-20:].hex())
            receipt = beacon.upgrade_to(target, sender=self.deployer)
        elif design in ("uups", "shadowing"):
            through = self.chain.at("UupsTargetMock", proxy.address)
            receipt = through.upgrade_to(target, sender=self.deployer)
        else:
            word = bytes(12) + bytes.fromhex(target.address[2:])
            receipt = self.chain.send(sender=self.deployer, to=proxy, data=word)
        assert isinstance(receipt, Receipt)
        return receipt


# ------------------------------------------------------------------------------------- figures


def figures(bench: Bench) -> dict[str, Figures]:
    """Measure every design with the same token and the same calls."""
    return {design: _figures(bench, design) for design in DESIGNS}


def _figures(bench: Bench, design: str) -> Figures:
    chain, deployer = bench.chain, bench.deployer
    implementation = bench.token()
    initialise = implementation.initialize
    terms = ("Benchmark", "BNCH", 6, "US0378331005", True, 1260, deployer.address)
    if design == "none":
        assert implementation.deployment is not None
        # The released implementation locks itself; a contract without a proxy would not.
        slot = _slot_of(implementation.artifact, "_initialized")
        chain.set_storage(implementation, slot, 0)
        receipt = initialise(*terms, sender=deployer)
        token, runtime = implementation, 0
        deploy = int(receipt.gas_used)
    else:
        proxy = bench.proxy(design, implementation, initialise.encode(*terms))
        assert proxy.deployment is not None
        token = bench.behind(proxy, implementation)
        runtime, deploy = len(chain.code(proxy.address)), proxy.deployment.gas_used
    one, two = chain.account(20), chain.account(21)
    first = token.assign_role(chain.account(1), int(Role.ISSUER), REASON, DOCUMENT, sender=deployer)
    for index, role in ((2, Role.NOTARY), (3, Role.REGISTRAR), (9, Role.ADMINISTRATOR)):
        token.assign_role(chain.account(index), int(role), REASON, DOCUMENT, sender=deployer)
    token.assign_role(chain.account(10), int(Role.ADMINISTRATOR), REASON, DOCUMENT, sender=deployer)
    token.hand_over(REASON, DOCUMENT, sender=deployer)
    # No authority created these proxies; the token asks its own how much it may issue.
    authority = chain.send(sender=deployer, data=_YES).contract_address
    slot = _slot_of(implementation.artifact, "controls", "release_authority")
    chain.set_storage(token, slot, int(str(authority), 16))
    for account in (one, two):
        token.admit(account, UNTIL_DAY, REASON, DOCUMENT, sender=chain.account(3))
    token.authorise_issuance(9 * AMOUNT, REASON, DOCUMENT, sender=chain.account(2))
    for account in (one, two):
        token.mint(account, 3 * AMOUNT, REASON, DOCUMENT, sender=chain.account(1))
    transfer = token.transfer(two, AMOUNT, sender=one)
    view = token.balanceOf.send(one, sender=two)
    upgrade = None if design == "none" else _upgrade_gas(bench, design)
    return Figures(runtime, deploy, first.gas_used, transfer.gas_used, view.gas_used, upgrade)


def _upgrade_gas(bench: Bench, design: str) -> int:
    old, new = bench.deploy("UupsTargetMock"), bench.deploy("UupsTargetMock")
    proxy = bench.proxy(design, old, old.initialize.encode(bench.deployer))
    return bench.point(design, proxy, new).gas_used


def _slot_of(artifact: Artifact, *path: str) -> int:
    entry: Any = artifact.layout["storage_layout"]
    for name in path:
        entry = entry[name]
    return int(entry["slot"])


# ------------------------------------------------------------------------------------- attacks


def attacks(bench: Bench) -> Iterator[Attack]:
    """Carry out what can go wrong; `sound` says whether the design withstood it."""
    guarded = ("beacon", "release", "layout-file")
    for design in (*guarded, "unguarded", "uups"):
        yield _slot_written(bench, design)
    for design in (*guarded, "uups"):
        yield _no_upgrade_code(bench, design)
    for design in (*guarded, "unguarded", "uups"):
        yield _uninitialised(bench, design)
    for design in (*guarded, "shadowing", "uups"):
        yield _selector_hidden(bench, design)
    for design in (*guarded, "unguarded", "uups"):
        yield _answer_cut(bench, design)
    yield _layout_file_forgotten(bench)
    yield _implementation_taken(bench)


def _target(bench: Bench, design: str, name: str = "ProxyTargetMock") -> tuple[Contract, Contract]:
    """A proxy of the design on a target, owned by the deployer: the proxy, and as its target."""
    target = bench.deploy(name)
    proxy = bench.proxy(design, target, target.initialize.encode(bench.deployer))
    return proxy, bench.behind(proxy, target)


def _attempt(act: Callable[[], Any]) -> str | None:
    """What it reverted with, None if it went through."""
    try:
        act()
    except Revert as revert:
        return str(revert)
    return None


def _slot_written(bench: Bench, design: str) -> Attack:
    name = "a release writes the ERC-1967 slot"
    _, through = _target(bench, design)
    through.set_number(7, sender=bench.deployer)
    thief = bench.deploy("UupsTargetMock")
    refused = _attempt(lambda: through.write_slot(thief, sender=bench.stranger))
    if refused is not None:
        sound = bool(through.number() == 7)
        return Attack(name, design, sound, refused)
    # Whose code answers now? Only the thief's has upgrade_to.
    as_thief = bench.chain.at("UupsTargetMock", through.address)
    hijacked = _attempt(lambda: as_thief.upgrade_to(thief, sender=bench.deployer)) is None
    if hijacked:
        return Attack(name, design, False, "hijacked: the proxy now runs the stranger's code")
    return Attack(name, design, bool(through.number() == 7), "written, and nobody reads it")


def _no_upgrade_code(bench: Bench, design: str) -> Attack:
    name = "a release without upgrade code is activated"
    start = "UupsTargetMock" if design == "uups" else "ProxyTargetMock"
    proxy, _ = _target(bench, design, start)
    bench.point(design, proxy, bench.deploy("ProxyTargetMock"))
    stuck = _attempt(lambda: bench.point(design, proxy, bench.deploy("UupsTargetMock")))
    if stuck is None:
        return Attack(name, design, True, "the next upgrade works")
    return Attack(name, design, False, f"bricked for ever: the next upgrade {stuck}")


def _uninitialised(bench: Bench, design: str) -> Attack:
    name = "a proxy is created without initialisation"
    target = bench.deploy("ProxyTargetMock")
    made: list[Contract] = []
    refused = _attempt(lambda: made.append(bench.proxy(design, target, b"")))
    if refused is not None:
        return Attack(name, design, True, f"creation {refused}")
    through = bench.behind(made[0], target)
    taken = _attempt(lambda: through.initialize(bench.stranger, sender=bench.stranger))
    if taken is None:
        return Attack(name, design, False, "a stranger initialised it and owns it")
    return Attack(name, design, True, taken)


def _selector_hidden(bench: Bench, design: str) -> Attack:
    name = "a release has a function that the proxy has too"
    proxy, through = _target(bench, design, "UupsTargetMock")
    before = bench.chain.storage(proxy, ERC1967_SLOT)
    new = bench.deploy("UupsTargetMock")
    answered = _attempt(lambda: through.upgrade_to(new, sender=bench.stranger))
    if answered == "reverted: target: not the owner":
        return Attack(name, design, True, "the release's own function answered")
    assert bench.chain.storage(proxy, ERC1967_SLOT) == before
    return Attack(name, design, False, f"hidden by the proxy's: {answered}")


def _answer_cut(bench: Bench, design: str) -> Attack:
    name = "an answer is longer than the proxy's buffer"
    _, through = _target(bench, design)
    # 64 + 32 * 60 = 1,984 bytes, where 1,024 fit.
    data = through.answer.encode(60)
    found: list[bytes] = []
    refused = _attempt(lambda: found.append(bench.chain.call(to=through, data=data)))
    # The longest that fits under the bound must come through whole.
    whole = [int(word) for word in through.answer(29)] == list(range(1, 30))
    assert whole, design
    if refused is not None:
        return Attack(name, design, True, refused)
    return Attack(name, design, False, f"cut to {len(found[0]):,} of 1,984 bytes, no error")


def _layout_file_forgotten(bench: Bench) -> Attack:
    name = "the layout file is forgotten in one build"
    token = bench.token()
    call = token.initialize.encode("X", "X", 6, "US0378331005", True, 0, bench.deployer)
    proxy = bench.deploy("LayoutFileProxyMock", token, call)
    sound = any(bench.chain.storage(proxy, ERC1967_SLOT))
    where = int.from_bytes(bench.chain.storage(proxy, 0), "big") == int(token.address, 16)
    outcome = "compiled and created without a word; its slot is the implementation's slot 0"
    return Attack(name, "layout-file", sound, outcome if where else "refused")


def _implementation_taken(bench: Bench) -> Attack:
    name = "a stranger initialises the implementation itself"
    token = bench.token()
    refused = _attempt(
        lambda: token.initialize(
            "X", "X", 6, "US0378331005", True, 0, bench.stranger, sender=bench.stranger
        )
    )
    return Attack(name, "release", refused is not None, refused or "taken")


# ---------------------------------------------------------------------------------------- main


def main() -> int:
    """Print both tables; 1 if our own design failed an attack."""
    backend = pick_backend()
    with local_chain(backend, "home", 41_001, 1) as chain:
        bench = Bench(chain)
        print(f"measured on {backend}, hard fork {hardfork_of(backend)}\n")
        print(
            "| design | proxy runtime, bytes | create proxy and initialise | first call | "
            "transfer | balanceOf | upgrade |"
        )
        print("|---|---:|---:|---:|---:|---:|---:|")
        found = figures(bench)
        base = found["none"].transfer
        for design, figure in found.items():
            upgrade = "-" if figure.upgrade is None else f"{figure.upgrade:,}"
            print(
                f"| {DESIGNS[design]} | {figure.runtime:,} | {figure.deploy:,} | "
                f"{figure.first_call:,} | {figure.transfer:,} (+{figure.transfer - base:,}) | "
                f"{figure.view:,} | {upgrade} |"
            )
        print("\n| what goes wrong | design | | what happened |\n|---|---|---|---|")
        failed = False
        for attack in attacks(bench):
            verdict = "withstood" if attack.sound else "**failed**"
            print(f"| {attack.name} | {attack.design} | {verdict} | {attack.outcome} |")
            failed |= attack.design == "release" and not attack.sound
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
