"""An instrument that joins a suite that stands: what its plan has to have in common with it.

Authority, registry and escrow are the suite's, and nobody's set-up key moves them any more: their
roles act on them. So who has a role there is who the plan says, or the plan is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from tallystick.deploy.ledger import is_zero
from tallystick.deploy.rebuild import Given
from tallystick.deploy.step import NotYet
from tallystick.deploy.steps import ROLES_OF, LedgerSteps
from tallystick.errors import InputError, refuse
from tallystick.files.manifest import Manifest
from tallystick.files.plan import Plan
from tallystick.files.strict import joined
from tallystick.governance.release import PER_INSTRUMENT, release_kind
from tallystick.governance.roles import Role, role_of_title

__all__ = ["beside", "check_joined", "with_neighbour"]

_SHARED: Final = tuple(name for name in ROLES_OF if name not in PER_INSTRUMENT)
_PERIODS: Final = {
    "notice_seconds": "NOTICE",
    "activation_seconds": "ACTIVATION_WINDOW",
    "rollback_seconds": "ROLLBACK_WINDOW",
}


def beside(plan: Plan, given: Given | None) -> tuple[str, ...]:
    """Return the ISINs of the instruments that share the suite, as far as files say."""
    found: dict[str, None] = {}
    if plan.joins is not None:
        found |= dict.fromkeys((plan.joins.instrument.isin, *plan.joins.beside))
    if given is not None and given.manifest is not None:
        found |= dict.fromkeys(given.manifest.beside)
    # Once an instrument has joined, the suite's manifest names it.
    return tuple(isin for isin in found if isin != plan.loaded_instrument.isin)


def with_neighbour(suite: Manifest, isin: str) -> Manifest | None:
    """Return a suite's manifest that knows an instrument beside its own; None if it did."""
    if isin in suite.beside:
        return None
    return suite.model_copy(update={"beside": (*suite.beside, isin)})


def check_joined(plan: Plan, ledgers: Mapping[str, LedgerSteps]) -> None:
    """Make sure that a plan which joins a suite says of it what is so there.

    Raises:
        InputError: an account has another role there, the periods are others, or the suite is
            still being set up.
        ChainError: a ledger can't be reached.
    """
    if plan.joins is not None:
        refuse(
            wrong
            for place, entry in enumerate(plan.ledgers)
            if (ledger := ledgers[entry.name]).is_here
            for wrong in _differences(plan, joined("ledgers", place), ledger)
        )


def _differences(plan: Plan, at: str, ledger: LedgerSteps) -> Iterator[InputError]:
    """Where a ledger is another than the plan says."""
    chain, accounts = ledger.chain, ledger.accounts
    shared = {name: ledger.any_contract(name) for name in _SHARED}
    keys = chain.ask((contract, "set_up_key") for contract in shared.values())
    for name, key in zip(shared, keys, strict=True):
        if not is_zero(key):
            expected = f"a suite that was handed over: {name} on {ledger.name} is still set up"
            yield InputError(plan.file, "suite", plan.suite, expected)
    authority = shared["ReleaseAuthority"]
    for name, view in _PERIODS.items():
        said, found = getattr(plan.upgrade, name), int(getattr(authority, view)())
        if said != found:
            expected = f"{found}, as the suite's release authority on {ledger.name} has it"
            yield InputError(plan.file, joined("upgrade", name), said, expected)
    yield from _created_otherwise(plan, at, ledger)
    asked = [
        (name, title, role)
        for name in shared
        for title in accounts
        if (role := role_of_title(title)) in (Role.ADMINISTRATOR, *ROLES_OF[name])
    ]
    held = chain.ask((shared[name], "role_of", accounts[title]) for name, title, _ in asked)
    wrong: dict[str, list[str]] = {}
    for (name, title, role), found in zip(asked, held, strict=True):
        if int(found) != role:
            wrong.setdefault(title, []).append(name)
    for title, names in wrong.items():
        where = joined(at, "accounts", *_field(title))
        expected = (
            f"who is {title.partition('-')[0].replace('_', ' ')} of the suite's {', '.join(names)} "
            "there; another takes propose_role and assign_role by two administrators first"
        )
        yield InputError(plan.file, where, accounts[title].address, expected)


def _created_otherwise(plan: Plan, at: str, ledger: LedgerSteps) -> Iterator[InputError]:
    """What the upgrader created names who sets it up; nothing else is ever created in its place.

    Of a kind that runs nowhere he creates any code under any name: nobody consented to it.
    """
    authority = ledger.any_contract("ReleaseAuthority")
    for name in ledger.own:
        try:
            proxy = ledger.proxied(name)
        except NotYet:
            continue
        key = str(proxy.set_up_key())
        if bytes(authority.installation_of(proxy).kind) != release_kind(name):
            expected = f"a suite that has no other kind under the name of {name} on {ledger.name}"
            yield InputError(plan.file, "suite", plan.suite, f"{expected}, as at {proxy.address}")
        if not is_zero(key) and key != ledger.deployer.address:
            where, expected = joined(at, "accounts", "deployer"), f"{key}, who sets up {name} there"
            yield InputError(plan.file, where, ledger.deployer.address, expected)


def _field(title: str) -> tuple[str | int, ...]:
    """Where a plan names an account: `administrator-2` is the second of its administrators."""
    name, dash, number = title.partition("-")
    return (f"{name}s", int(number) - 1) if dash else (name,)
