"""Whether the two halves of a contract fit: the second runs on the storage of the first."""

from __future__ import annotations

from itertools import zip_longest

from tallystick.build import Artifact
from tallystick.errors import CheckFailed
from tallystick.governance.layout import variables

__all__ = ["check_halves", "misfits"]


def check_halves(artifact: Artifact, wanted: Artifact | None = None) -> None:
    """Refuse to prepare a release of two halves that don't fit (see `misfits`).

    Raises:
        CheckFailed: They don't.
    """
    wrong = misfits(artifact, wanted)
    if wrong:
        raise CheckFailed(f"{artifact.name} can't be released: {'; '.join(wrong)}")


def misfits(artifact: Artifact, wanted: Artifact | None = None) -> list[str]:
    """Say in words why two halves can't be released as one; empty if they fit, or it is one piece.

    Args:
        artifact: The contract, as the build gives it.
        wanted: A contract of which each function has to be in one of the halves.
    """
    controls = artifact.controls
    if controls is None:
        whole = wanted is None or wanted.controls is None
        return [] if whole else [f"{artifact.name} has no other half"]
    wrong = []
    for section in ("storage_layout", "transient_storage_layout"):
        pairs = zip_longest(variables(artifact, section), variables(controls, section))
        for here, there in pairs:
            if here != there:
                what = section.replace("_", " ")
                wrong.append(
                    f"{what}: {artifact.name} has {_shown(here)}, {controls.name} {_shown(there)}"
                )
                break
    # Whoever computes what a release is held to counts on it (`code_hashes`).
    if {n: e["type"] for n, e in artifact.layout.get("code_layout", {}).items()} != {
        "CONTROLS": "address"
    }:
        wrong.append(f"{artifact.name} has other immutables than the address CONTROLS")
    if controls.immutables_length:
        wrong.append(f"{controls.name} has immutables: its code would differ between ledgers")
    if all(entry["type"] != "fallback" for entry in artifact.abi):
        wrong.append(f"{artifact.name} hands on no call: it has no __default__")
    ours, theirs = _functions(artifact), _functions(controls)
    wrong += [
        f"{ours[selector]} of {artifact.name} hides {theirs[selector]} of {controls.name}"
        for selector in sorted(ours.keys() & theirs.keys())
    ]
    if wanted is not None:
        selectors = _functions(wanted)
        if wanted.controls is not None:
            selectors |= _functions(wanted.controls)
        wrong += [
            f"{name} of {wanted.name} is in neither half"
            for selector, name in sorted(selectors.items(), key=lambda item: item[1])
            if selector not in ours and selector not in theirs
        ]
    return wrong


def _functions(artifact: Artifact) -> dict[str, str]:
    """Signatures by selector; what the compiler lists for a fallback is none."""
    return {
        selector: name
        for name, selector in artifact.method_identifiers.items()
        if name != "__default__()"
    }


def _shown(variable: tuple[int, str, str, int] | None) -> str:
    if variable is None:
        return "nothing more"
    slot, name, kind, _ = variable
    return f"{name}: {kind} in slot {slot}"
