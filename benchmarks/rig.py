"""The suite on two local ledgers, made so that every run gives the same gas.

Keys, addresses, amounts and clocks are fixed; anvil and the embedded chain step time by one
second a block. Gas then depends on the code alone (and on the zero bytes of its addresses).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from tallystick.bridge.attestation import Domain, SignerSet, attest
from tallystick.bridge.message import LaneMessage
from tallystick.chain import Account, Chain, Receipt
from tallystick.chain.anvil import COINBASE, AnvilChain
from tallystick.chain.embedded import EmbeddedChain
from tallystick.chain.local import default_specs
from tallystick.chain.process import find_anvil
from tallystick.deploy.deploy import StepState
from tallystick.files.instrument import load_instrument
from tallystick.local.network import Network
from tallystick.reach.connection import Suite

__all__ = [
    "AMOUNT",
    "ATTESTORS",
    "DOCUMENT",
    "INSTRUMENT",
    "NOTICE",
    "REASON",
    "ROOT",
    "UNTIL_DAY",
    "Rig",
    "hardfork_of",
    "holder",
    "local_chain",
    "meter",
    "pick_backend",
    "traced_chain",
]

ROOT: Final = Path(__file__).resolve().parent.parent
INSTRUMENT: Final = ROOT / "examples" / "apple.yaml"
# Eight bytes, none of them zero, as the peers' figures were taken with.
AMOUNT: Final = 1_234_567_890_123_456_789
# Whole units that the record authorises: room for all that is measured.
_ISSUE_SIZE: Final = Decimal(10**22)
REASON: Final = b"TEST"
DOCUMENT: Final = keccak(text="benchmarks")
# 2079-07-07.
UNTIL_DAY: Final = 40_000
# Account indices of a lane's three attestors, two of whom must sign; and seconds of notice.
ATTESTORS: Final = (11, 12, 13)
NOTICE: Final = 3_600
_GENESIS_TIME: Final = 1_750_000_000


class _Meter:
    """Adds up the gas of all transactions sent through a chain."""

    spent: int = 0
    sent: int = 0

    def send(self, **arguments: Any) -> Receipt:
        """Send as the chain does, and count."""
        receipt: Receipt = super().send(**arguments)  # type: ignore[misc]
        self.spent += receipt.gas_used
        self.sent += 1
        return receipt


class _MeteredAnvil(_Meter, AnvilChain):
    def without_fees(self) -> Self:
        """Send for nothing on a node that was started so: holders have nothing to pay with."""
        self._fees = {"maxFeePerGas": "0x0", "maxPriorityFeePerGas": "0x0"}
        return self


class _MeteredEmbedded(_Meter, EmbeddedChain):
    pass


def pick_backend(wanted: str | None = None) -> str:
    """Return the back end asked for; by default anvil, or embedded where there is no anvil."""
    if wanted is not None:
        return wanted
    return "embedded" if find_anvil() is None else "anvil"


def hardfork_of(backend: str) -> str:
    """Return the hard fork whose gas a back end counts."""
    return "osaka" if backend == "anvil" else "prague"


def local_chain(backend: str, name: str, chain_id: int, ledger_number: int) -> Chain:
    """Open one metered local chain with a fixed clock."""
    genesis = _GENESIS_TIME + ledger_number
    if backend == "anvil":
        return _MeteredAnvil(
            name, chain_id, ledger_number=ledger_number, hardfork="osaka", genesis_time=genesis
        )
    return _MeteredEmbedded(name, chain_id, ledger_number=ledger_number, genesis_time=genesis)


def traced_chain(name: str, chain_id: int, ledger_number: int, url: str) -> Chain:
    """Attach to a node of ours that was started with other options than `local_chain` gives."""
    chain = _MeteredAnvil(name, chain_id, ledger_number=ledger_number, url=url).without_fees()
    chain.rpc("anvil_setCoinbase", COINBASE)
    chain.rpc("anvil_setBlockTimestampInterval", 1)
    return chain


def meter(chain: Chain) -> _Meter:
    """Return the counter of a chain that `local_chain` opened."""
    assert isinstance(chain, _Meter)
    return chain


def holder(number: int) -> str:
    """Return an address that nobody needs to sign for, the same in every run."""
    return str(to_checksum_address(keccak(text=f"benchmark holder {number}")[12:]))


class Rig:
    """A deployed suite with the gas of every step of its deployment."""

    def __init__(self, chains: tuple[Chain, Chain], **plan: Any) -> None:
        self.steps: dict[tuple[str, str], int] = {}
        self._chains = {chain.name: chain for chain in chains}
        self.network = Network.deploy(
            load_instrument(INSTRUMENT).model_copy(update={"authorised": _ISSUE_SIZE}),
            self._chains,
            progress=self._note,
            attestors=ATTESTORS,
            threshold=2,
            notice=NOTICE,
            **plan,
        )
        self.home: Suite = self.network.home
        self.remote: Suite = self.network.remote

    @classmethod
    @contextmanager
    def open(cls, backend: str, **plan: Any) -> Iterator[Rig]:
        """Deploy on two fresh ledgers, `plan` as `local_plan` has it; closed with the block."""
        specs = default_specs(2)
        opened: list[Chain] = []
        try:
            opened.extend(
                local_chain(backend, spec.name, spec.chain_id, spec.ledger_number) for spec in specs
            )
            yield cls((opened[0], opened[1]), **plan)
        finally:
            for chain in opened:
                chain.close()

    def _note(self, step: StepState) -> None:
        self.steps[step.ledger, step.title] = step.gas

    # ------------------------------------------------------------------------ people

    def party(self, role: str) -> Account:
        """Return the home ledger's account with a role."""
        return self.network.party("home", role)

    # ------------------------------------------------------------------------- clocks

    def align(self) -> None:
        """Give both ledgers the same next second, so that either's messages are deliverable."""
        now = max(chain.now for chain in self._chains.values()) + 1
        for chain in self._chains.values():
            chain.set_time(now)

    def advance(self, seconds: int) -> None:
        """Move both clocks on."""
        self.align()
        for chain in self._chains.values():
            chain.advance(seconds)

    # ----------------------------------------------------------------------- messages

    def attestation(
        self, message: LaneMessage, signers: SignerSet, keys: list[Account], count: int
    ) -> bytes:
        """Let the first `count` members of a set, in its order, sign for the destination."""
        suite = self.network.destination(message)
        domain = Domain(suite.chain.chain_id, str(suite.escrow.address))
        ordered = sorted(keys, key=lambda account: int(account.address, 16))
        secrets = [account.key for account in ordered[:count] if account.key is not None]
        return attest(message, signers, domain, secrets)
