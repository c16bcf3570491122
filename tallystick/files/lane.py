"""Lanes of a plan, and who attests: verifiers, and quorums of an engine's attestors."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_validator

from tallystick.files.accounts import AccountField, AccountRef
from tallystick.files.instrument import MAX_ATTESTORS, MIN_THRESHOLD, Amount, Lei, as_tuples
from tallystick.files.strict import Name, StrictModel, Wrong, checked, joined, wrong

__all__ = ["Lane", "Quorum", "Verifier", "not_alone"]

_HOUR: Final = 3600
_DAY: Final = 86400

Attestors = Annotated[
    tuple[AccountField, ...], Field(min_length=MIN_THRESHOLD, max_length=MAX_ATTESTORS)
]
Threshold = Annotated[int, Field(ge=MIN_THRESHOLD)]


def not_alone(at: str, attestors: tuple[AccountRef, ...], taken: dict[str, str]) -> Wrong:
    """Refuse an attestor whose account is taken; it is by then."""
    for place, account in enumerate(attestors):
        path = joined(at, place)
        if account.key in taken:
            expected = f"an account of its own, this one is {taken[account.key]}"
            yield wrong(expected, path=path, value=account.key)
        taken[account.key] = path


Operator = Annotated[Lei, Field(description="who runs the attestors")]


class Quorum(StrictModel):
    """Attestors of one operator, and how many of them must agree."""

    operator: Operator
    attestors: Attestors
    threshold: Annotated[Threshold, Field(description="how many must sign")]

    @model_validator(mode="before")
    @classmethod
    def _attestors_as_list(cls, data: Any) -> Any:
        return as_tuples(data, "attestors")

    @checked
    def _enough(self) -> Wrong:
        if self.threshold > len(self.attestors):
            expected = f"at most the number of attestors, {len(self.attestors)}"
            yield wrong(expected, path="threshold", value=self.threshold)


class Verifier(Quorum):
    """A quorum with a name, and what it attests: messages, or blocks of the ledger they left."""

    name: Name
    kind: Annotated[
        Literal["proof"] | None,
        Field(
            description="proof: they attest blocks, from which the source escrow's storage proves "
            "its messages; messages when left out"
        ),
    ] = None


class Lane(StrictModel):
    """One instrument, one home and one remote ledger."""

    home: Name
    remote: Name
    grade: Annotated[
        Literal["pilot", "production"],
        Field(description="for good; production asks for two verifiers and a cap"),
    ]
    verifiers: Annotated[tuple[Verifier, ...], Field(min_length=1, max_length=2)]
    change_seconds: Annotated[
        int,
        Field(
            ge=_HOUR // 6,
            le=30 * _DAY,
            description="from the confirmation of other verifiers, another cap or limit until they "
            "can be applied; 1 day when left out",
        ),
    ] = _DAY
    retention_seconds: Annotated[
        int,
        Field(
            ge=_HOUR,
            le=90 * _DAY,
            description="how long the verifiers before stay valid then, at least change_seconds; "
            "7 days when left out",
        ),
    ] = 7 * _DAY
    cap: Annotated[
        Amount | None,
        Field(
            description="whole units that may be outstanding; a lane of production states it, "
            "another without it has none"
        ),
    ] = None
    limit: Annotated[
        Amount | None,
        Field(
            description="whole units that may arrive at once, at either end; what is more is "
            "credited later; without it any"
        ),
    ] = None
    limit_window_seconds: Annotated[
        int,
        Field(
            ge=_HOUR,
            le=14 * _DAY,
            multiple_of=60,
            description="in which the limit's room comes back; 1 day when left out",
        ),
    ] = _DAY
    ramp_seconds: Annotated[
        int,
        Field(
            ge=_HOUR,
            le=90 * _DAY,
            multiple_of=_HOUR,
            description="in which the limit's room grows from nothing, at first and after a change "
            "of verifier; 7 days when left out",
        ),
    ] = 7 * _DAY
    minimum: Annotated[
        Amount | None,
        Field(description="least units that may leave, at either end; without it any"),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _verifiers_as_list(cls, data: Any) -> Any:
        return as_tuples(data, "verifiers")

    @checked
    def _independent(self) -> Wrong:
        if self.home == self.remote:
            yield wrong("a ledger other than home", path="remote", value=self.remote)
        production = self.grade == "production"
        if production and len(self.verifiers) < 2:
            yield wrong(
                "two independent verifiers on a production lane",
                path="verifiers",
                value=list(self.verifiers),
            )
        if production and self.cap is None:
            yield wrong("a cap on a production lane", path="cap", value="missing")
        if self.retention_seconds < self.change_seconds:
            yield wrong(
                f"at least change_seconds, {self.change_seconds}",
                path="retention_seconds",
                value=self.retention_seconds,
            )
        names: set[str] = set()
        operators: set[str] = set()
        attestors: dict[str, str] = {}
        for index, verifier in enumerate(self.verifiers):
            at = joined("verifiers", index)
            if verifier.name in names:
                yield wrong("a name of its own", path=joined(at, "name"), value=verifier.name)
            names.add(verifier.name)
            if verifier.operator in operators:
                yield wrong(
                    "an operator of its own: verifiers are independent",
                    path=joined(at, "operator"),
                    value=verifier.operator,
                )
            operators.add(verifier.operator)
            yield from not_alone(joined(at, "attestors"), verifier.attestors, attestors)
