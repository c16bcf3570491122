"""What a plan says otherwise than the one that was begun, and what each change takes.

Most of what is deployed can't be deployed again: a file that was edited in between would leave a
suite of which half is one thing and half another. So each changed field says what leads there: an
act that the contracts' roles carry out, a new deployment, or nothing, where no ledger holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

from tallystick.deploy.steps import ROLES_OF
from tallystick.files.plan import Plan
from tallystick.files.strict import joined
from tallystick.governance.roles import Role, role_of_title

__all__ = ["NEW_DEPLOYMENT", "Change", "changes", "differences", "ignored", "takes_of"]

NEW_DEPLOYMENT: Final = "a new deployment, in a folder of its own (--out)"
MISSING: Final = "missing"
_TERMS: Final = (
    "BridgeEscrow.propose_lane_terms by the operator, confirm_lane_terms by an administrator, and "
    "apply_lane_terms by anyone once its delay is over, on both ledgers"
)
_RECORD: Final = (
    "InstrumentRegistry.propose_record by the registrar, then amend by the issuer, on every ledger"
)
_ENGINE: Final = (
    "ActionsEngine.propose_{0} by the operator, a day later set_{0} by an administrator"
)
# The first that fits says what a change of that field takes; empty: no ledger holds it.
_TAKES: Final = tuple(
    (re.compile(pattern), takes)
    for pattern, takes in (
        (r"ledgers\[\d+\]\.finality\b.*", ""),
        (r"parties\b.*", ""),
        (r"lanes\[\d+\]\.verifiers\[\d+\]\.name", ""),
        (r"instrument\.(illustration|roles|holders)\b.*", ""),
        (r"lanes\[\d+\]\.(cap|limit)", _TERMS),
        (
            r"lanes\[\d+\]\.verifiers\[\d+\](\.(operator|attestors\b.*|threshold))?",
            f"a QuorumVerifier of them on each ledger, and {_TERMS}",
        ),
        (r"lanes\[\d+\]\.verifiers\[\d+\]\.kind", f"a verifier of it on each ledger, and {_TERMS}"),
        (r"accounts\.lanes\b.*", f"a QuorumVerifier of them on each ledger, and {_TERMS}"),
        (
            r"(accounts|actions)\.events\b.+",
            f"a QuorumVerifier of them, and {_ENGINE.format('attestors')}",
        ),
        (
            r"(accounts|actions)\.messages\b.+",
            f"a QuorumVerifier of them on each ledger, and {_ENGINE.format('peer')}",
        ),
        (
            r"(ledgers\[\d+\]\.accounts|accounts\.ledgers\.[^.]+)\.fractions_agent\b.*",
            f"{_ENGINE.format('fractions_agent')}, on that ledger",
        ),
        (r"actions\.reconcile", f"{_ENGINE.format('daily')}, on every ledger"),
        (r"instrument\.(cfi|fisn|lei|dti_group|denomination|authorised|terms)\b.*", _RECORD),
        (r"instrument\.ledgers\[\d+\]\.dti(_of)?", _RECORD),
    )
)
_INDEX: Final = re.compile(r"\[\d+\]")
_ROLE: Final = re.compile(r"(?:ledgers\[\d+\]\.accounts|accounts\.ledgers\.[^.]+)\.(\w+)")


@dataclass(frozen=True)
class Change:
    """A field that says something else now; `takes` is empty where no ledger holds it."""

    path: str
    before: Any
    now: Any
    takes: str


def changes(began: Mapping[str, Any], meant: Mapping[str, Any]) -> list[Change]:
    """Return what changed between two contents, and what each change takes.

    Accounts that the same words mean otherwise are named where the plan itself is the same.

    Args:
        began: what the journal has: `plan`, `instrument`, `accounts`, as JSON has them.
        meant: the same of the files as they are.
    """
    files, accounts = (
        list(differences(_paths(began, *names), _paths(meant, *names)))
        for names in (("plan", "instrument"), ("accounts",))
    )
    found = [Change(path, was, now, takes_of(path)) for path, was, now in files]
    if not any(change.takes for change in found):
        found += [Change(path, was, now, takes_of(path)) for path, was, now in accounts]
    return found


def _paths(content: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Contents under the paths by which messages call them: a plan's fields have no more."""
    parts = {name: content.get(name, {}) for name in names}
    return {**parts.pop("plan", {}), **parts}


def differences(before: Any, now: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (path, before, now) of each innermost value that differs, `MISSING` where is none."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*before, *now)):
            yield from differences(before.get(key, MISSING), now.get(key, MISSING), joined(at, key))
    elif isinstance(before, list) and isinstance(now, list):
        for index, (one, other) in enumerate(zip_longest(before, now, fillvalue=MISSING)):
            yield from differences(one, other, joined(at, index))
    elif before != now or isinstance(before, bool) != isinstance(now, bool):
        yield at, before, now


def ignored(plan: Plan) -> list[str]:
    """Return what plan and instrument say and `deploy` does nothing with: no ledger holds it.

    Finality is for those who read the manifest.
    """
    content, instrument = plan.content
    paths = (path for path in _leaves({**content, "instrument": instrument}) if not takes_of(path))
    named = (_INDEX.sub("", path).split(".") for path in paths)
    short = (".".join(name[:2] if name[0] == "instrument" else name) for name in named)
    return [name for name in dict.fromkeys(short) if not name.startswith("ledgers.finality")]


def _leaves(value: Any, at: str = "") -> Iterator[str]:
    """The path of each innermost value."""
    if not isinstance(value, dict | list):
        yield at
        return
    for key, each in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _leaves(each, joined(at, key))


def takes_of(path: str) -> str:
    """Return what a change of the field at `path` takes; empty where no ledger holds it."""
    if match := _ROLE.match(path):
        role = role_of_title(match.group(1).removesuffix("s"))
        contracts = [name for name, roles in ROLES_OF.items() if role in roles]
        if role == Role.ADMINISTRATOR:
            contracts = list(ROLES_OF)
        if contracts:
            return f"propose_role and assign_role by two administrators of {', '.join(contracts)}"
    return next((takes for each, takes in _TAKES if each.fullmatch(path)), NEW_DEPLOYMENT)
