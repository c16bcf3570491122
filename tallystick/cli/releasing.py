"""The steps of a release on a ledger, as acts of a script: each key does its part, none twice."""

from __future__ import annotations

from pathlib import Path

from tallystick.acts.script import Script
from tallystick.chain import Account
from tallystick.deploy.release import FIELDS, Wanted, other_fields
from tallystick.deploy.upgrade import deploy_implementation, proxy_of
from tallystick.errors import CheckFailed, InputError
from tallystick.governance.release import APPROVERS, release_terms
from tallystick.reach.connection import suites_of
from tallystick.text import time_text

__all__ = ["Releasing"]

_NOWHERE = "0x" + "00" * 20


class Releasing:
    """Moves a contract of a ledger to a release, step by step.

    Args:
        script: does the acts, and says what became of each.
        ledger: the ledger.
        wanted: the release.
        file: what names it, for messages.

    Raises:
        InputError: another release is registered under its number.
        CheckFailed: the contract has no proxy there.
    """

    def __init__(self, script: Script, ledger: str, wanted: Wanted, file: str | Path) -> None:
        self._script = script
        self._ledger = ledger
        self._wanted = wanted
        self._suite = suites_of(script.connection)[ledger]
        self._authority = self._suite.authority
        self._proxy = proxy_of(self._suite, wanted.contract)
        known = self._authority.release_of(wanted.id)
        self._known = bool(known.version)
        self._code = str(known.implementation) if self._known else ""
        others = other_fields(wanted, self._suite.chain, known) if self._known else []
        if others:
            expected = "a number that no other release has: registered on "
            expected += f"{ledger} with another {', '.join(others)}"
            raise InputError(file, "version", str(wanted.version), expected)

    def require_registered(self) -> None:
        """Refuse to go on with what the ledger does not know.

        Raises:
            CheckFailed: it is not registered there.
        """
        if not self._known:
            raise CheckFailed(f"{self._ledger}: {self._wanted.title} is not registered")

    def register(self, at: str = "") -> None:
        """Put the code on the ledger, unless it stands at an address, and register it."""
        script, wanted = self._script, self._wanted
        self._code = self._code or at
        if not self._code:
            self._code = script.create(self._ledger, wanted.artifact.name, self._create)
        record = self._record()
        given = {"release": dict(zip(FIELDS, record, strict=True))}
        script.do(self._ledger, "ReleaseAuthority.register_release", given, done=self._known)

    def notice(self) -> None:
        """Give notice of it; an earlier notice of the contract is cancelled by that."""
        done = self._runs or self._noticed
        self._script.do(self._ledger, "ReleaseAuthority.give_notice", self._at, done=done)

    def approve(self) -> None:
        """Consent to exactly this, whoever's key is here first."""
        act, notice = "ReleaseAuthority.approve", self._authority.notice_of(self._proxy)
        # Not to whatever the number stands for by then.
        given = {"proxy": str(self._proxy.address), "terms": release_terms(self._record())}
        noticed, runs = self._noticed, self._runs
        consented = {
            role: runs or (noticed and int(getattr(notice, role), 16) != 0) for role in APPROVERS
        }

        def later(role: str) -> bool:
            return not consented[role] and not self._script.has_key(self._ledger, act, role)

        for role in sorted(APPROVERS, key=later):
            self._script.do(self._ledger, act, given, role=role, done=consented[role])

    def activate(self) -> None:
        """Have it run, once the notice is over; anybody may."""
        given = int(self._authority.notice_of(self._proxy).noticed_at)
        over = given + int(self._authority.NOTICE())
        early = self._noticed and over > self._suite.chain.now
        self._script.do(
            self._ledger,
            "ReleaseAuthority.activate",
            {**self._at, "migration": "0x" + self._wanted.migration.hex()},
            done=self._runs,
            wait=f"the notice is over at {time_text(over)}" if early else "",
        )

    def hurry(self) -> None:
        """Have it run in an emergency, before the notice is over."""
        act = "ReleaseAuthority.activate_in_emergency"
        self._script.do(self._ledger, act, self._at, done=self._runs)

    def ratify(self) -> None:
        """Keep what runs in an emergency: one administrator proposes it, another ratifies it."""
        script, act = self._script, "ReleaseAuthority.ratify"
        running = self._authority.emergency_of(self._proxy)
        done = self._runs and int(running.ratify_before) == 0
        proposed = done or script.proposed(self._ledger, act, self._at)
        propose = "ReleaseAuthority.propose_ratification"
        script.do(self._ledger, propose, self._at, done=proposed)
        script.do(self._ledger, act, self._at, done=done)

    def _create(self, sender: Account) -> str:
        chain = self._suite.chain
        return str(deploy_implementation(chain, self._wanted.artifact, sender=sender).address)

    def _record(self) -> list[object]:
        # In a dry run no code stands; nothing is done with these hashes then.
        return self._wanted.record(self._suite.chain, self._code or _NOWHERE)

    @property
    def _at(self) -> dict[str, object]:
        return {"proxy": str(self._proxy.address), "release": self._wanted.id}

    @property
    def _runs(self) -> bool:
        installed = self._authority.installation_of(self._proxy)
        return bool(bytes(installed.release) == self._wanted.id)

    @property
    def _noticed(self) -> bool:
        """Whether exactly this is noticed, and the notice has not lapsed."""
        authority = self._authority
        notice = authority.notice_of(self._proxy)
        if bytes(notice.release) != self._wanted.id:
            return False
        period = int(authority.NOTICE()) + int(authority.ACTIVATION_WINDOW())
        if self._suite.chain.now >= int(notice.noticed_at) + period:
            return False
        return bytes(notice.terms) == release_terms(self._record())
