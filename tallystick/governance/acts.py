"""Acts: what a contract lets whom do, from the NatSpec that its build keeps; pure."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tallystick import build
from tallystick.build import Artifact
from tallystick.chain.abi import FunctionABI, Interface

__all__ = ["ANYONE", "PROPOSED_BY", "SET_UP_KEY", "Act", "acts_of", "contracts"]

ANYONE: Final = "anyone"
SET_UP_KEY: Final = "set-up key"
# For whom no act is: it is called once, by who creates the contract.
_CONSTRUCTOR: Final = "constructor"
# What one key proposes and another carries out: of each that carries out, what proposes.
PROPOSED_BY: Final[Mapping[str, str]] = {
    "adopt": "propose_record",
    "amend": "propose_record",
    "assign_role": "propose_role",
    "begin_closing": "propose_closing",
    "confirm_lane_terms": "propose_lane_terms",
    "confirm_paid_elsewhere": "propose_paid_elsewhere",
    "open_lane": "propose_lane",
    "ratify": "propose_ratification",
    "register": "propose_record",
    "reopen": "propose_reopening",
    "roll_back": "propose_roll_back",
    "set_attestors": "propose_attestors",
    "set_bridge": "propose_bridge",
    "set_class": "propose_class",
    "set_daily": "propose_daily",
    "set_fractions_agent": "propose_fractions_agent",
    "set_pay_terms": "propose_pay_terms",
    "set_peer": "propose_peer",
    "set_pool_payee": "propose_pool_payee",
    "set_roll_back_reason": "propose_roll_back_reason",
}


@dataclass(frozen=True)
class Act:
    """A function of a contract that changes its state, and who may call it.

    Attributes:
        contract: the deployable.
        function: its ABI.
        roles: who may, in the words of `@custom:role`.
        notice: what it does.
        details: what is to know of it beside; empty: nothing.
        params: of each argument, what it is.
    """

    contract: str
    function: FunctionABI = field(compare=False)
    roles: tuple[str, ...]
    notice: str = ""
    details: str = ""
    params: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """What users type: `BridgeEscrow.pause_lane`."""
        return f"{self.contract}.{self.function.name}"

    @property
    def inputs(self) -> Sequence[Mapping[str, Any]]:
        """Its arguments as the ABI has them."""
        found: Sequence[Mapping[str, Any]] = self.function.entry["inputs"]
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its arguments."""
        return tuple(str(each["name"]) for each in self.inputs)

    @property
    def privileged(self) -> bool:
        """Whether not everybody may."""
        return self.roles != (ANYONE,)

    @property
    def proposed_by(self) -> str:
        """The function that proposes what this carries out; empty: one key is enough."""
        return PROPOSED_BY.get(self.function.name, "")

    @property
    def carried_out_by(self) -> tuple[str, ...]:
        """The functions that carry out what this proposes; none: it proposes nothing."""
        return tuple(each for each, by in PROPOSED_BY.items() if by == self.function.name)


def contracts() -> tuple[str, ...]:
    """Return the names of the deployables that let anybody do anything, pieces under the first."""
    found = build.artifacts()
    behind = {piece.name for name in found for piece in found[name].behind}
    return tuple(name for name in sorted(found) if name not in behind and acts_of(name))


@functools.cache
def acts_of(contract: str) -> Mapping[str, tuple[Act, ...]]:
    """Return a deployable's acts by the function's name, overloads from few arguments to many.

    Raises:
        BuildError: there is no such contract.
    """
    artifact = build.artifact(contract)
    found: dict[str, list[Act]] = {}
    for act in _all(artifact):
        found.setdefault(act.function.name, []).append(act)
    return {
        name: tuple(sorted(each, key=lambda act: len(act.names))) for name, each in found.items()
    }


def _all(artifact: Artifact) -> Iterator[Act]:
    developers, users = artifact.devdoc.get("methods", {}), artifact.userdoc.get("methods", {})
    # The compiler keeps the notice of overloads under the first alone.
    notices = {signature.partition("(")[0]: note["notice"] for signature, note in users.items()}
    for overloads in Interface.of(artifact.abi).functions.values():
        for function in overloads:
            note = developers.get(function.signature, {})
            roles = tuple(each.strip() for each in note.get("custom:role", "").split(","))
            if roles in {("",), (_CONSTRUCTOR,)}:
                continue
            yield Act(
                artifact.name,
                function,
                roles,
                notices.get(function.name, ""),
                note.get("details", ""),
                note.get("params", {}),
            )
