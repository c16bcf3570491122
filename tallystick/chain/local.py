"""Several ledgers at once, checked to be told apart by id, genesis and addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from tallystick.chain.base import Chain
from tallystick.chain.receipt import ChainError

__all__ = ["Backend", "LocalLedger", "default_specs", "ledgers", "open_ledgers", "require_distinct"]

Backend = Literal["embedded", "anvil"]


@dataclass(frozen=True)
class LocalLedger:
    """What makes a local ledger its own: name, EIP-155 chain id, derivation path number."""

    name: str
    chain_id: int
    ledger_number: int


def default_specs(count: int) -> tuple[LocalLedger, ...]:
    """`home`, `remote`, `remote-2`, …, with chain ids from 41001 and ledger numbers from 1."""
    names = ["home", "remote", *(f"remote-{i}" for i in range(2, max(count, 2)))]
    return tuple(LocalLedger(names[i], 41_001 + i, 1 + i) for i in range(count))


def ledgers(
    backend: str, specs: Sequence[LocalLedger] | int = 2, **options: Any
) -> tuple[Chain, ...]:
    """Opens local ledgers; the caller closes them (`open_ledgers` does so by itself).

    Args:
        backend: `embedded` or `anvil`.
        specs: what to open, or how many of the default ones.
        options: passed to `EmbeddedChain` or `AnvilChain`.

    Raises:
        ChainError: unknown back end, or two of them can't be told apart.
    """
    wanted = default_specs(specs) if isinstance(specs, int) else tuple(specs)
    opened: list[Chain] = []
    try:
        for spec in wanted:
            # One by one: if the second fails, the first is there to be closed.
            opened += [_open(backend, spec, options)]
        require_distinct(opened)
    except BaseException:
        for chain in opened:
            chain.close()
        raise
    return tuple(opened)


@contextmanager
def open_ledgers(
    backend: str, specs: Sequence[LocalLedger] | int = 2, **options: Any
) -> Iterator[tuple[Chain, ...]]:
    """`ledgers`, closed on leaving the block."""
    opened = ledgers(backend, specs, **options)
    try:
        yield opened
    finally:
        for chain in opened:
            chain.close()


def require_distinct(chains: Sequence[Chain]) -> None:
    """Checks that no two ledgers share name, chain id, genesis hash or deployer address.

    Raises:
        ChainError: two do; tests on them would pass for the wrong reason.
    """
    seen: dict[tuple[str, Any], str] = {}
    for chain in chains:
        for identity in (
            ("name", chain.name),
            ("chain id", chain.chain_id),
            ("genesis hash", chain.genesis_hash),
            ("deployer", chain.account(0).address),
        ):
            if identity in seen:
                what, value = identity
                raise ChainError(f"{seen[identity]} and {chain.name} have one {what}: {value}")
            seen[identity] = chain.name


def _open(backend: str, spec: LocalLedger, options: dict[str, Any]) -> Chain:
    # Imported here: each is slow to import, and most runs need one of them.
    if backend == "embedded":
        from tallystick.chain.embedded import EmbeddedChain

        return EmbeddedChain(spec.name, spec.chain_id, ledger_number=spec.ledger_number, **options)
    if backend == "anvil":
        from tallystick.chain.anvil import AnvilChain

        return AnvilChain(spec.name, spec.chain_id, ledger_number=spec.ledger_number, **options)
    raise ChainError(f"unknown back end {backend!r}: it is 'embedded' or 'anvil'")
