"""Whether the pieces of a contract fit: all run on the storage of the first."""

from __future__ import annotations

from itertools import combinations, zip_longest

from tallystick.build import Artifact
from tallystick.errors import CheckFailed
from tallystick.governance.layout import Variable, variables

__all__ = ["GETTERS", "check_pieces", "misfits"]

# How each piece that hands on calls the address of the next.
GETTERS = ("CONTROLS", "SETTINGS", "RECORDS", "RATIOS", "FRACTIONS")


def check_pieces(artifact: Artifact, wanted: Artifact | None = None) -> None:
    """Refuse to prepare a release of pieces that don't fit (see `misfits`).

    Raises:
        CheckFailed: They don't.
    """
    wrong = misfits(artifact, wanted)
    if wrong:
        raise CheckFailed(f"{artifact.name} can't be released: {'; '.join(wrong)}")


def misfits(artifact: Artifact, wanted: Artifact | None = None) -> list[str]:
    """Say in words why pieces can't be released as one; empty if they fit, or there is but one.

    Args:
        artifact: The contract, as the build gives it.
        wanted: A contract of which each function has to be in one of the pieces, if either has
            more than one.
    """
    pieces = (artifact, *artifact.behind)
    wrong = [text for piece in artifact.behind for text in _other_storage(artifact, piece)]
    if artifact.behind:
        wrong += _other_chain(pieces)
    functions = [_functions(piece) for piece in pieces]
    for (one, ours), (other, theirs) in combinations(zip(pieces, functions, strict=True), 2):
        wrong += [
            f"{ours[selector]} of {one.name} hides {theirs[selector]} of {other.name}"
            for selector in sorted(ours.keys() & theirs.keys())
        ]
    if wanted is not None and (artifact.behind or wanted.behind):
        due = [item for piece in (wanted, *wanted.behind) for item in _functions(piece).items()]
        wrong += [
            f"{name} of {wanted.name} is in no piece"
            for selector, name in sorted(due, key=lambda item: item[1])
            if all(selector not in known for known in functions)
        ]
    return wrong


def _other_storage(first: Artifact, piece: Artifact) -> list[str]:
    """Where a piece expects something else in the storage than the first one keeps there."""
    wrong = []
    for section in ("storage_layout", "transient_storage_layout"):
        for here, there in zip_longest(
            variables(first.layout, section), variables(piece.layout, section)
        ):
            if here != there:
                what = section.replace("_", " ")
                wrong.append(
                    f"{what}: {first.name} has {_shown(here)}, {piece.name} {_shown(there)}"
                )
                break
    return wrong


def _other_chain(pieces: tuple[Artifact, ...]) -> list[str]:
    """Where the chain is another than that each piece hands to the next, and the last to none."""
    wrong = []
    for piece, getter in zip(pieces[:-1], GETTERS, strict=False):
        # Whoever computes what a release is held to counts on it (`code_hashes`).
        immutables = piece.layout.get("code_layout", {})
        if {name: entry["type"] for name, entry in immutables.items()} != {getter: "address"}:
            wrong.append(f"{piece.name} has other immutables than the address {getter}")
        if all(entry["type"] != "fallback" for entry in piece.abi):
            wrong.append(f"{piece.name} hands on no call: it has no __default__")
    if pieces[-1].immutables_length:
        wrong.append(f"{pieces[-1].name} has immutables: its code would differ between ledgers")
    return wrong


def _functions(artifact: Artifact) -> dict[str, str]:
    """Signatures by selector; what the compiler lists for a fallback is none."""
    return {
        selector: name
        for name, selector in artifact.method_identifiers.items()
        if name != "__default__()"
    }


def _shown(variable: Variable | None) -> str:
    if variable is None:
        return "nothing more"
    return f"{variable.name}: {variable.kind} in slot {variable.slot}"
