"""The release authority in plain Python: what it lets whom do, and what it then keeps.

Each act returns the reason for which it is refused, or None once it is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from tallystick.chain.abi import keccak
from tallystick.governance.release import release_terms
from tallystick.governance.roles import Role
from tests.stateful.roles import DAY, Act, Roles, Term

NOTICE, ACTIVATION_WINDOW, ROLLBACK_WINDOW = 3_600, 2 * DAY, DAY
RATIFICATION = 7 * DAY
# Without each of whom nothing is activated.
CONSENTING: Final = (Role.ISSUER, Role.OPERATOR, Role.AUDITOR)
# What a release is called: its kind and version.
Key = tuple[str, int]


@dataclass(frozen=True)
class Release:
    """A release as it is registered: the fields of the struct, and the call of its activation."""

    key: Key
    fields: tuple[object, ...]
    migration: bytes = b""

    @property
    def terms(self) -> bytes:
        """What is consented to."""
        return release_terms(self.fields)


@dataclass
class Notice:
    """A release that is to come, and in which terms of their roles who wanted it."""

    release: Release
    noticed_at: int
    upgrader: Term
    consents: dict[Role, Term | None] = field(default_factory=lambda: dict.fromkeys(CONSENTING))

    @property
    def lapses_at(self) -> int:
        """From when it counts no more."""
        return self.noticed_at + NOTICE + ACTIVATION_WINDOW


@dataclass
class Installed:
    """What a proxy runs, since when, and what it ran before if it may return to it."""

    release: Release
    previous: Release | None
    activated_at: int


@dataclass
class Authority:
    """The authority, handed over; `words` is what each proxy stores but for where it points.

    `notes` says per kind where a migration leaves its notes, and what a second one is refused with.
    """

    roles: Roles
    clock: int
    notes: Mapping[str, tuple[int, str]]
    releases: dict[Key, Release] = field(default_factory=dict)
    ran: set[Key] = field(default_factory=set)
    installed: dict[str, Installed] = field(default_factory=dict)
    notices: dict[str, Notice] = field(default_factory=dict)
    # What runs in an emergency, and until when it can be ratified.
    emergencies: dict[str, tuple[Key, int]] = field(default_factory=dict)
    on_trial: set[Key] = field(default_factory=set)
    words: dict[str, dict[int, int]] = field(default_factory=dict)
    joined: set[str] = field(default_factory=set)

    def register(self, by: str, release: Release, unsound: str = "") -> str | None:
        """The upgrader registers it; `unsound` is why its code is not what it says."""
        if self.roles.role_of(by) != Role.UPGRADER:
            return "access: missing role or set-up"
        if unsound:
            return unsound
        if release.key in self.releases:
            return "release: registered already"
        self.releases[release.key] = release
        return None

    def withdraw(self, by: str, key: Key) -> str | None:
        """The upgrader withdraws what never ran."""
        if self.roles.role_of(by) != Role.UPGRADER:
            return "access: missing role or set-up"
        if key not in self.releases:
            return "release: nothing to withdraw"
        if key in self.ran:
            return "release: was run by a proxy"
        del self.releases[key]
        return None

    def create(self, by: str, name: str, key: Key) -> str | None:
        """The upgrader creates the proxy of something new, once, on what a proxy ran."""
        if self.roles.role_of(by) != Role.UPGRADER:
            return "access: missing role or set-up"
        if name in self.installed or name in self.joined:
            return "release: proxy exists"
        if key not in self.releases:
            return "release: not registered"
        if key not in self.ran:
            return "release: never activated here"
        if key in self.on_trial:
            return "release: on trial"
        self.joined.add(name)
        return None

    def give_notice(self, by: str, proxy: str, key: Key) -> str | None:
        """The upgrader says what a proxy moves to."""
        if self.roles.role_of(by) != Role.UPGRADER:
            return "access: missing role"
        running = self.installed[proxy].release.key
        if key not in self.releases:
            return "release: not registered"
        if key[0] != running[0]:
            return "release: of another kind"
        if key[1] <= running[1]:
            return "release: not newer"
        self.notices[proxy] = Notice(self.releases[key], self.clock, self.roles.terms[by])
        return None

    def approve(self, by: str, proxy: str, terms: bytes) -> str | None:
        """Issuer, operator or auditor consents to exactly these terms."""
        role = self.roles.role_of(by)
        if role not in CONSENTING:
            return "access: missing role"
        if terms == bytes(32):
            return "release: approve what"
        notice = self.notices.get(proxy)
        if notice is None or notice.release.terms != terms:
            return "release: not the noticed one"
        if self.clock >= notice.lapses_at:
            return "release: consent after the lapse"
        notice.consents[role] = self.roles.terms[by]
        return None

    def activate(self, proxy: str, key: Key, call: bytes) -> str | None:
        """Anybody moves a proxy to what was noticed, consented to, and is still that."""
        refusal = self._not_consented(proxy, key, NOTICE)
        if refusal is None:
            refusal = self._migration_refusal(proxy, self.releases[key], call)
        if refusal is not None:
            return refusal
        if call:
            self.words[proxy][self.notes[key[0]][0]] = int.from_bytes(call[4:], "big")
        self.on_trial.discard(key)
        self._move(proxy, key)
        return None

    def hurry(self, by: str, proxy: str, key: Key) -> str | None:
        """The guardian does not wait for the end of the notice; layout and storage stay."""
        if self.roles.role_of(by) != Role.GUARDIAN:
            return "access: missing role"
        refusal = self._not_consented(proxy, key, 0)
        if refusal is not None:
            return refusal
        if self.releases[key].migration:
            return "release: emergency with migration"
        before = self.installed[proxy].release
        if self.releases[key].fields[5] != before.fields[5]:
            return "release: emergency changes layout"
        if key not in self.ran:
            self.on_trial.add(key)
        self.emergencies[proxy] = (key, self.clock + RATIFICATION)
        self._move(proxy, key)
        return None

    def propose_ratification(self, by: str, proxy: str, key: Key) -> str | None:
        """An administrator proposes to keep what runs in an emergency."""
        refusal = self._not_ratified(by, proxy, key)
        if refusal is not None:
            return refusal
        act = self._ratification_act(proxy)
        role = Role.ADMINISTRATOR
        return self.roles.propose(act, by, role, role, self.clock)

    def ratify(self, by: str, proxy: str, key: Key) -> str | None:
        """Another one keeps it."""
        refusal = self._not_ratified(by, proxy, key)
        if refusal is not None:
            return refusal
        act = self._ratification_act(proxy)
        refusal = self.roles.refusal(act, by, Role.ADMINISTRATOR, self.clock)
        if refusal is None:
            del self.roles.proposals[act], self.emergencies[proxy]
            self.on_trial.discard(key)
        return refusal

    def undo(self, proxy: str) -> str | None:
        """Anybody undoes what was not ratified in time."""
        if proxy not in self.emergencies:
            return "emergency: nothing to undo"
        if self.clock < self.emergencies[proxy][1]:
            return "emergency: can still be ratified"
        self._return(proxy)
        return None

    def _not_ratified(self, by: str, proxy: str, key: Key) -> str | None:
        if self.roles.role_of(by) != Role.ADMINISTRATOR:
            return "access: missing role"
        if proxy not in self.emergencies:
            return "emergency: nothing to ratify"
        runs, ends = self.emergencies[proxy]
        if runs != key:
            return "emergency: another release runs"
        return "emergency: too late to ratify" if self.clock >= ends else None

    def _ratification_act(self, proxy: str) -> Act:
        (kind, version), ends = self.emergencies[proxy]
        return ("ratify", f"{proxy} {kind}", version, ends)

    def _move(self, proxy: str, key: Key) -> None:
        chosen, before = self.releases[key], self.installed[proxy].release
        assert chosen.key[1] > before.key[1], "versions go forward"
        self.installed[proxy] = Installed(chosen, before, self.clock)
        self.ran.add(key)
        del self.notices[proxy]

    def _return(self, proxy: str) -> None:
        for strand in (False, True):
            self.roles.proposals.pop(self._roll_back_act(proxy, strand), None)
        self.emergencies.pop(proxy, None)
        previous = self.installed[proxy].previous
        assert previous is not None
        self.installed[proxy] = Installed(previous, None, self.clock)

    def _not_consented(self, proxy: str, key: Key, waits: int) -> str | None:
        notice, chosen = self.notices.get(proxy), self.releases.get(key)
        if notice is None or notice.release.key != key:
            return "release: not noticed"
        if proxy in self.emergencies:
            return "emergency: not ratified yet"
        if self.clock < notice.noticed_at + waits:
            return "release: notice not over"
        if self.clock >= notice.lapses_at:
            return "release: notice has lapsed"
        if notice.upgrader.over:
            return "release: upgrader lost its role"
        for role, consent in notice.consents.items():
            if consent is None or consent.over:
                return f"release: {Role(role).name.lower()} has not approved"
        if chosen is None:
            return "release: not registered"
        if chosen.terms != notice.release.terms:
            return "release: terms have changed"
        return None

    def _migration_refusal(self, proxy: str, chosen: Release, call: bytes) -> str | None:
        if len(call) not in {0, 36}:
            return "release: migration is no call"
        if not call and chosen.migration:
            return "release: migration missing"
        if call and keccak(call) != keccak(chosen.migration):
            return "release: other migration"
        slot, migrated = self.notes[chosen.key[0]]
        return migrated if call and self.words[proxy].get(slot) else None

    def _not_left(self, proxy: str) -> str | None:
        installed = self.installed[proxy]
        if installed.previous is None:
            return "release: nothing to roll back to"
        closed = self.clock >= installed.activated_at + ROLLBACK_WINDOW
        if closed and proxy not in self.emergencies:
            return "release: window closed"
        return None

    def _roll_back_act(self, proxy: str, strand: bool) -> Act:
        kind, version = self.installed[proxy].release.key
        return ("strand" if strand else "roll_back", f"{proxy} {kind}", version)

    def cancel(self, by: str, proxy: str) -> str | None:
        """Guardian or upgrader calls a notice off, also one that has lapsed."""
        if self.roles.role_of(by) not in (Role.GUARDIAN, Role.UPGRADER):
            return "access: missing role"
        if self.notices.pop(proxy, None) is None:
            return "release: nothing to cancel"
        return None

    def propose_roll_back(self, by: str, proxy: str, *, strand: bool) -> str | None:
        """The upgrader proposes that a proxy returns to what it ran before."""
        if self.roles.role_of(by) != Role.UPGRADER:
            return "access: missing role"
        refusal = self._not_left(proxy)
        if refusal is None:
            act = self._roll_back_act(proxy, strand)
            self.roles.propose(act, by, Role.UPGRADER, Role.GUARDIAN, self.clock)
        return refusal

    def roll_back(self, by: str, proxy: str, *, alone: bool, strand: bool) -> str | None:
        """The guardian returns a proxy to what it ran before; what was noticed stays.

        `alone`: for a registered reason; `strand`: whatever that strands, which here is nothing.
        """
        if self.roles.role_of(by) != Role.GUARDIAN:
            return "access: missing role"
        act, refusal = self._roll_back_act(proxy, strand), self._not_left(proxy)
        if refusal is None and (strand or not alone):
            refusal = self.roles.refusal(act, by, Role.GUARDIAN, self.clock)
        if refusal is not None:
            return refusal
        self._return(proxy)
        return None
