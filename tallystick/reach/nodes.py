"""Which node is asked for a ledger: what is given, what the environment says, what a file says."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tallystick.errors import InputError
from tallystick.files.plan import Plan

__all__ = ["NodeAddress", "node_address", "plan_at", "require_ledgers", "rpc_variable"]

_VARIABLE: Final = "TALLYSTICK_RPC_"


class NodeAddress(NamedTuple):
    """The address of a node, and what to call its source in messages."""

    url: str | None
    file: str | Path
    field: str


def rpc_variable(ledger: str) -> str:
    """Return the variable of the environment that gives a ledger's node: `TALLYSTICK_RPC_HOME`."""
    return _VARIABLE + ledger.upper().replace("-", "_")


def node_address(
    ledger: str, given: Mapping[str, str], written: str | None, file: str | Path, field: str
) -> NodeAddress:
    """Return the address in use: as given, else the environment's, else what `file` says."""
    variable = rpc_variable(ledger)
    if ledger in given:
        return NodeAddress(given[ledger], "tallystick", f"--rpc {ledger}")
    if os.environ.get(variable):
        return NodeAddress(os.environ[variable], "environment", variable)
    return NodeAddress(written, file, field)


def require_ledgers(given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse an address for a ledger that nobody knows.

    Raises:
        InputError: there is one.
    """
    names = list(known)
    for name in given:
        if name not in names:
            expected = f"one of the ledgers: {', '.join(names)}"
            raise InputError("tallystick", "--rpc", name, expected)


def plan_at(plan: Plan, given: Mapping[str, str]) -> Plan:
    """Return a plan whose ledgers are reached at the addresses in use.

    Raises:
        InputError: an address is given for none of them.
    """
    require_ledgers(given, (ledger.name for ledger in plan.ledgers))
    ledgers = []
    for ledger in plan.ledgers:
        url = node_address(ledger.name, given, None, plan.file, "").url
        update = {} if url is None else {"rpc": url, "network": None}
        ledgers.append(ledger.model_copy(update=update))
    return plan.model_copy(update={"ledgers": tuple(ledgers)})
