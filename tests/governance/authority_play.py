"""A release authority and three proxies under random play, each act beside the model.

Two proxies run registries, in one piece, the third an escrow, in two. A difference between ledger
and model is an AssertionError.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tallystick import build
from tallystick.build import Artifact
from tallystick.chain import Account, Contract, Revert
from tallystick.chain.abi import encode, keccak
from tallystick.chain.embedded import EmbeddedChain
from tallystick.deploy.steps import blueprint_content
from tallystick.deploy.upgrade import deploy_implementation
from tallystick.governance.release import APPROVERS, Version, release_id, release_kind
from tallystick.governance.roles import ALONE as FAULT
from tallystick.governance.roles import Role, reason_code
from tests.governance.authority_model import (
    ACTIVATION_WINDOW,
    CONSENTING,
    NOTICE,
    ROLLBACK_WINDOW,
    Authority,
    Installed,
    Key,
    Release,
)
from tests.stateful.roles import DAY, MONTH, Roles
from tests.support.world import STATED, ZERO, hashes_at

KINDS: Final = ("InstrumentRegistry", "BridgeEscrow")
PROXIES: Final = {"first": KINDS[0], "second": KINDS[0], "escrow": KINDS[1]}
VERSIONS: Final = tuple(Version(1, minor, 0).packed for minor in range(4))
# The builds that play under any number, and which of them has a migration.
BUILDS: Final = ("", "NextMock", "NextButOneMock")
MIGRATES: Final = {KINDS[0]: 1, KINDS[1]: 2}
PARTIES: Final = {
    "administrator": Role.ADMINISTRATOR,
    "second administrator": Role.ADMINISTRATOR,
    "guardian": Role.GUARDIAN,
    "upgrader": Role.UPGRADER,
    "issuer": Role.ISSUER,
    "operator": Role.OPERATOR,
    "auditor": Role.AUDITOR,
    "stand-in": Role.NONE,
    "second stand-in": Role.NONE,
}
IMPLEMENTATION: Final = int.from_bytes(keccak(b"eip1967.proxy.implementation"), "big") - 1
NOTES: Final = keccak(b"notes")
# What every authority registers as the guardian's own reason.
ALONE: Final = (reason_code(FAULT), STATED[1])


@dataclass
class Stage:
    """An authority that was handed over, its proxies, code of every release, and the way back."""

    chain: EmbeddedChain
    authority: Contract
    proxies: dict[str, Contract]
    code: dict[tuple[str, int], Contract]
    model: Authority
    snapshot: Any = None
    _known: ClassVar[dict[str, Stage]] = {}

    @classmethod
    def of(cls, authority: Artifact | str = "ReleaseAuthority") -> Stage:
        """The stage of an authority's build, or of one that lacks something; one a process."""
        name = authority if isinstance(authority, str) else authority.bytecode.hex()
        if name not in cls._known:
            cls._known[name] = cls._set(authority)
        return cls._known[name]

    @classmethod
    def _set(cls, code: Artifact | str) -> Stage:
        chain = EmbeddedChain("home", 41_001)
        key = chain.account(0)
        content = blueprint_content()
        creation = b"\x61" + len(content).to_bytes(2, "big") + bytes.fromhex("3d81600a3d39f3")
        blueprint = chain.deploy(Artifact.from_abi("Blueprint", [], creation + content), sender=key)
        periods = (NOTICE, ACTIVATION_WINDOW, ROLLBACK_WINDOW)
        authority = chain.deploy(code, key, *periods, blueprint, sender=key)
        pieces = {
            (kind, at): deploy_implementation(chain, f"{kind}{name}", sender=key)
            for kind in KINDS
            for at, name in enumerate(BUILDS)
        }
        roles = Roles.handed_over(
            (str(chain.account(at).address), role)
            for at, (_, role) in enumerate(PARTIES.items(), 1)
            if role
        )
        at = build.artifact(f"{KINDS[0]}NextMock").layout["storage_layout"]
        there = build.artifact(f"{KINDS[1]}NextButOneMock").layout["storage_layout"]
        notes = {
            KINDS[0]: (at["release_notes_hash"]["slot"], "next registry: migrated already"),
            KINDS[1]: (there["release_notes_hash"]["slot"], "next escrow: migrated already"),
        }
        stage = cls(chain, authority, {}, pieces, Authority(roles, 0, notes))
        for kind in KINDS:
            release = stage.release((kind, VERSIONS[0]), 0)
            authority.register_release(release.fields, *STATED, sender=key)
            stage.model.releases[release.key] = release
        for name, kind in PROXIES.items():
            release = stage.model.releases[kind, VERSIONS[0]]
            call = pieces[kind, 0].initialize.encode(key)
            identifier = release_id(kind, Version.unpack(VERSIONS[0]))
            started = chain.now
            receipt = authority.create_proxy(
                identifier, keccak(name.encode()), call, *STATED, sender=key
            )
            # By both, so that events of both are known.
            chain.at("ReleaseProxy", receipt.return_value)
            stage.proxies[name] = chain.at(kind, receipt.return_value)
            stage.model.installed[name] = Installed(release, None, started)
            stage.model.ran.add(release.key)
        for account, term in roles.terms.items():
            authority.assign_role(account, term.role, *STATED, sender=key)
        authority.hand_over(*STATED, sender=key)
        stage.model.words = {name: stage.words(name) for name in PROXIES}
        stage.model.clock = chain.now
        stage.snapshot = chain.snapshot()
        return stage

    def words(self, proxy: str) -> dict[int, int]:
        """All that a proxy stores, but for where it points."""
        address = bytes.fromhex(str(self.proxies[proxy].address)[2:])
        return {
            slot: word
            for (owner, slot), word in self.chain._state.slots.items()
            if owner == address and word and slot != IMPLEMENTATION
        }

    def release(
        self, key: Key, variant: int, *, other: bool = False, calls: bool = False
    ) -> Release:
        """A release of a build under a number; `other`: it says another layout."""
        kind, version = key
        code = self.code[kind, variant]
        call = b""
        if calls:
            call = self.code[kind, MIGRATES[kind]].migrate.encode(NOTES)
        artifact = f"{kind}{BUILDS[variant]}"
        code_hash, behind_hash, layout_hash = hashes_at(self.chain, artifact, code)
        fields = (
            release_kind(kind),
            version,
            str(code.address),
            code_hash,
            behind_hash,
            keccak(b"another layout") if other else layout_hash,
            keccak(b"evidence"),
            keccak(call) if call else bytes(32),
        )
        return Release(key, fields, call)


class Play:
    """Acts on the authority and on its model alike."""

    # What happened over all runs, so that a test can see that nothing was left untried.
    outcomes: ClassVar[Counter[tuple[str, str]]] = Counter()

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.chain, self.authority = stage.chain, stage.authority
        self.chain.restore(stage.snapshot)
        self.model = copy.deepcopy(stage.model)
        self.accounts = {who: self.chain.account(at) for at, who in enumerate(PARTIES, 1)}
        self.outsider = self.chain.account(30)
        self.changes = 0

    def address(self, who: str) -> str:
        """Where somebody is."""
        return str(self.accounts[who].address)

    def who(self, address: str) -> str:
        """Who is at an address."""
        return next(who for who in PARTIES if self.address(who) == address)

    def holder(self, role: Role) -> str:
        """Who has a role, or had it at first."""
        held = [who for who in PARTIES if self.model.roles.role_of(self.address(who)) == role]
        return held[0] if held else next(who for who, first in PARTIES.items() if first == role)

    def act(
        self, what: str, expected: str | None, send: Callable[[], Any], events: list[str]
    ) -> bool:
        """Send what the model has judged already, and hold the ledger to the judgement."""
        got: str | None = None
        receipt = None
        try:
            receipt = send()
        except Revert as revert:
            got = revert.reason or str(revert)
        self.model.clock += 1
        assert got == expected, f"{what}: the model says {expected}, the ledger {got}"
        if receipt is not None:
            emitted = [event.name for event in receipt.events]
            assert emitted == events, f"{what}: events {emitted}, expected {events}"
        self.outcomes[what, expected or "done"] += 1
        if expected is not None:
            note(f"    # refused: {expected}")
        return expected is None

    # ------------------------------------------------------------------------- releases

    def register(
        self,
        key: Key,
        variant: int,
        by: str,
        *,
        other: bool = False,
        calls: bool = False,
        false: str = "",
    ) -> None:
        """Register a build under a number; `false` names a hash that is not of its code."""
        release = self.stage.release(key, variant, other=other, calls=calls)
        unsound = ""
        if false:
            fields = list(release.fields)
            fields[3 if false == "code" else 4] = keccak(b"other code")
            release = Release(key, tuple(fields), release.migration)
            unsound = (
                "release: other code there" if false == "code" else "release: other code behind"
            )
        self.act(
            "register",
            self.model.register(self.address(by), release, unsound),
            lambda: self.authority.register_release(
                release.fields, *STATED, sender=self.accounts[by]
            ),
            ["PrivilegedAct", "ReleaseRegistered"],
        )

    def withdraw(self, key: Key, by: str) -> None:
        """Withdraw a release."""
        self.act(
            "withdraw",
            self.model.withdraw(self.address(by), key),
            lambda: self.authority.withdraw_release(_id(key), *STATED, sender=self.accounts[by]),
            ["PrivilegedAct", "ReleaseWithdrawn"],
        )

    def give_notice(self, proxy: str, key: Key, by: str) -> bool:
        """Give notice of a release."""
        cancelled = self._cancelled(proxy)
        return self.act(
            "notice",
            self.model.give_notice(self.address(by), proxy, key),
            lambda: self.authority.give_notice(
                self.stage.proxies[proxy], _id(key), *STATED, sender=self.accounts[by]
            ),
            ["PrivilegedAct", *cancelled, "ActivationNoticed"],
        )

    def approve(self, proxy: str, terms: bytes, by: str) -> None:
        """Consent to terms."""
        self.act(
            "approve",
            self.model.approve(self.address(by), proxy, terms),
            lambda: self.authority.approve(
                self.stage.proxies[proxy], terms, *STATED, sender=self.accounts[by]
            ),
            ["PrivilegedAct", "ActivationApproved"],
        )

    def activate(self, proxy: str, key: Key, call: bytes) -> bool:
        """Somebody without any role activates a release."""
        return self.act(
            "activate",
            self.model.activate(proxy, key, call),
            lambda: self.authority.activate(
                self.stage.proxies[proxy], _id(key), call, sender=self.outsider
            ),
            ["ReleaseActivated", "Upgraded"],
        )

    def hurry(self, proxy: str, key: Key, by: str) -> bool:
        """Activate a release in an emergency."""
        return self.act(
            "hurry",
            self.model.hurry(self.address(by), proxy, key),
            lambda: self.authority.activate_in_emergency(
                self.stage.proxies[proxy], _id(key), *STATED, sender=self.accounts[by]
            ),
            ["PrivilegedAct", "EmergencyActivated", "ReleaseActivated", "Upgraded"],
        )

    def propose_ratification(self, proxy: str, key: Key, by: str) -> None:
        """Propose to keep what runs in an emergency."""
        self.act(
            "propose ratification",
            self.model.propose_ratification(self.address(by), proxy, key),
            lambda: self.authority.propose_ratification(
                self.stage.proxies[proxy], _id(key), *STATED, sender=self.accounts[by]
            ),
            ["PrivilegedAct", "RatificationProposed"],
        )

    def ratify(self, proxy: str, key: Key, by: str) -> None:
        """Keep it."""
        self.act(
            "ratify",
            self.model.ratify(self.address(by), proxy, key),
            lambda: self.authority.ratify(
                self.stage.proxies[proxy], _id(key), *STATED, sender=self.accounts[by]
            ),
            ["PrivilegedAct", "EmergencyRatified"],
        )

    def undo(self, proxy: str) -> None:
        """Somebody without any role undoes an emergency."""
        self.act(
            "undo",
            self.model.undo(proxy),
            lambda: self.authority.undo_emergency(self.stage.proxies[proxy], sender=self.outsider),
            ["ReleaseRolledBack", "Upgraded"],
        )

    def cancel(self, proxy: str, by: str) -> None:
        """Call a notice off."""
        self.act(
            "cancel",
            self.model.cancel(self.address(by), proxy),
            lambda: self.authority.cancel(
                self.stage.proxies[proxy], *STATED, sender=self.accounts[by]
            ),
            ["PrivilegedAct", "ActivationCancelled"],
        )

    def roll_back(self, proxy: str, by: str, *, alone: bool = True, strand: bool = False) -> None:
        """Return a proxy to what it ran before, for a registered reason or not.

        `strand`: whatever that strands.
        """
        why = ALONE if alone else STATED
        self.act(
            "roll back" if alone else "roll back together",
            self.model.roll_back(self.address(by), proxy, alone=alone, strand=strand),
            lambda: self.authority.roll_back(
                self.stage.proxies[proxy], strand, *why, sender=self.accounts[by]
            ),
            ["PrivilegedAct", "ReleaseRolledBack", "Upgraded"],
        )

    def propose_roll_back(self, proxy: str, by: str, *, strand: bool = False) -> None:
        """Propose that."""
        self.act(
            "propose rollback",
            self.model.propose_roll_back(self.address(by), proxy, strand=strand),
            lambda: self.authority.propose_roll_back(
                self.stage.proxies[proxy], strand, *STATED, sender=self.accounts[by]
            ),
            ["PrivilegedAct", "RollBackProposed"],
        )

    def _cancelled(self, proxy: str) -> list[str]:
        return ["ActivationCancelled"] if proxy in self.model.notices else []

    def noticed(self, proxy: str) -> Release | None:
        """What is noticed for a proxy."""
        notice = self.model.notices.get(proxy)
        return None if notice is None else notice.release

    def prepare(self, proxy: str, key: Key, variant: int) -> Release | None:
        """Every step before activation by whoever may; what is noticed then."""
        for role in (Role.UPGRADER, *CONSENTING, Role.GUARDIAN):
            self.fill(role)
        if key not in self.model.releases:
            calls = variant == MIGRATES[key[0]]
            self.register(key, variant, self.holder(Role.UPGRADER), calls=calls)
        if not self.give_notice(proxy, key, self.holder(Role.UPGRADER)):
            return None
        release = self.model.notices[proxy].release
        for role in CONSENTING:
            self.approve(proxy, release.terms, self.holder(role))
        return release

    def upgrade(self, proxy: str, key: Key, variant: int, meanwhile: str, late: int) -> bool:
        """Every step by whoever may, and what may happen before the last one; whether it runs."""
        release = self.prepare(proxy, key, variant)
        if release is None:
            return False
        if meanwhile in {*APPROVERS, "upgrader"}:
            # With the role comes no consent back that was given in another term.
            role = Role[meanwhile.upper()]
            who = self.holder(role)
            self.take(who)
            self.give(who, role)
        if meanwhile == "another":
            self.withdraw(key, self.holder(Role.UPGRADER))
            self.register(key, variant, self.holder(Role.UPGRADER), other=True)
        self.wait_until(self.model.notices[proxy].noticed_at + NOTICE + late)
        return self.activate(proxy, key, release.migration)

    def fill(self, role: Role) -> None:
        """See that somebody has a role, if there are two to give it."""
        who = self.holder(role)
        if self.model.roles.role_of(self.address(who)) == Role.NONE:
            self.give(who, role)

    # ---------------------------------------------------------------------- time and roles

    def wait_until(self, moment: int) -> None:
        """Let time pass, if it lies ahead."""
        if moment > self.model.clock:
            self.chain.set_time(moment)
            self.model.clock = moment

    def propose_role(self, who: str, role: Role, by: str) -> None:
        """An administrator proposes a change of role."""
        account = self.address(who)
        self.act(
            "propose role",
            self.model.roles.propose_role(account, role, self.address(by), self.model.clock),
            lambda: self.authority.propose_role(account, role, *STATED, sender=self.accounts[by]),
            ["PrivilegedAct", "RoleProposed"],
        )

    def assign_role(self, who: str, role: Role, by: str) -> None:
        """Another one carries it out."""
        account = self.address(who)
        self.act(
            "assign role",
            self.model.roles.assign_role(account, role, self.address(by), self.model.clock),
            lambda: self.authority.assign_role(account, role, *STATED, sender=self.accounts[by]),
            ["PrivilegedAct", "RoleChanged"],
        )

    def withdraw_role(self, who: str, role: Role, by: str) -> None:
        """The proposal of a role is withdrawn."""
        account = self.address(who)
        act = keccak(encode(["string", "address", "uint256"], ["assign_role", account, role]))
        self.act(
            "withdraw role",
            self.model.roles.withdraw(("assign_role", account, role), self.address(by)),
            lambda: self.authority.withdraw_proposal(act, *STATED, sender=self.accounts[by]),
            ["PrivilegedAct", "ProposalWithdrawn"],
        )

    def take(self, who: str) -> None:
        """Two administrators take a role."""
        self.propose_role(who, Role.NONE, "administrator")
        self.assign_role(who, Role.NONE, "second administrator")

    def give(self, who: str, role: Role) -> None:
        """Two administrators give a role, a day later."""
        self.propose_role(who, role, "administrator")
        self.wait_until(self.model.clock - 1 + DAY)
        self.assign_role(who, role, "second administrator")

    # ------------------------------------------------------------------------------ proxies

    def use(self, proxy: str) -> None:
        """Store something new through a proxy, by whatever release it runs."""
        self.changes += 1
        account = "0x" + self.changes.to_bytes(20, "big").hex()
        key: Account = self.chain.account(0)
        self.stage.proxies[proxy].assign_role(account, Role.REGISTRAR, *STATED, sender=key)
        self.model.clock += 1
        before, self.model.words[proxy] = self.model.words[proxy], self.stage.words(proxy)
        assert before.items() <= self.model.words[proxy].items()
        assert len(self.model.words[proxy]) == len(before) + 1

    def create(self, who: str, name: str = "third", version: int = VERSIONS[0]) -> None:
        """Somebody creates a proxy under a name, to be set up by somebody without any role."""
        key = (KINDS[0], version)
        call = self.stage.code[KINDS[0], 0].initialize.encode(self.outsider)
        self.act(
            "create proxy",
            self.model.create(self.address(who), name, key),
            lambda: self.authority.create_proxy(
                _id(key), keccak(name.encode()), call, *STATED, sender=self.accounts[who]
            ),
            ["Upgraded", "SetUpBegun", "PrivilegedAct", "ProxyCreated"],
        )

    # -------------------------------------------------------------------------------- check

    def check(self) -> None:
        """The authority keeps what the model has, and each proxy what it had."""
        model, authority = self.model, self.authority
        for kind in KINDS:
            for version in VERSIONS:
                known = model.releases.get((kind, version))
                kept = tuple(authority.release_of(_id((kind, version))))
                due = known.fields if known else (bytes(32), 0, ZERO, *[bytes(32)] * 5)
                on_trial = authority.on_trial(_id((kind, version)))
                assert on_trial is ((kind, version) in model.on_trial)
                assert kept == due, f"release {version:x} of {kind}: {kept}, not {due}"
        for name, proxy in self.stage.proxies.items():
            self._check_proxy(name, proxy)
        for who, account in self.accounts.items():
            role = Role(authority.role_of(account))
            due_ = model.roles.role_of(str(account.address))
            assert role == due_, f"INV-9: {who} has {role!r}, not {due_!r}"

    def _check_proxy(self, name: str, proxy: Contract) -> None:
        model, authority = self.model, self.authority
        installed, notice = model.installed[name], model.notices.get(name)
        kept = authority.installation_of(proxy)
        previous = _id(installed.previous.key) if installed.previous else bytes(32)
        due = (_id(installed.release.key), previous, installed.activated_at)
        found = (kept.release, kept.previous, kept.activated_at)
        assert found == due, f"{name} has {found} installed, not {due}"
        emergency, due_emergency = authority.emergency_of(proxy), model.emergencies.get(name)
        waits = due_emergency and (_id(due_emergency[0]), due_emergency[1])
        said = tuple(emergency)
        assert said == (waits or (bytes(32), 0)), f"{name} has {said} to ratify, not {waits}"
        pointed = "0x" + self.chain.storage(proxy, IMPLEMENTATION)[12:].hex()
        runs = str(installed.release.fields[2]).lower()
        assert pointed == runs, f"INV-10: {name} points to {pointed}, not {runs}"
        said = tuple(authority.notice_of(proxy))
        due_notice: tuple[object, ...] = (bytes(32), bytes(32), 0, *[ZERO] * 4)
        if notice is not None:
            consents = (notice.upgrader, *notice.consents.values())
            due_notice = (
                _id(notice.release.key),
                notice.release.terms,
                notice.noticed_at,
                *(ZERO if each is None or each.over else each.account for each in consents),
            )
        assert said == due_notice, f"INV-9: notice of {name} is {said}, not {due_notice}"
        words = self.stage.words(name)
        assert words == model.words[name], f"INV-10: {name} stores {words}, not what it stored"


def _id(key: Key) -> bytes:
    return release_id(key[0], Version.unpack(key[1]))


# ------------------------------------------------------------------------------ the machine

_proxies = st.sampled_from(tuple(PROXIES))
_who = st.sampled_from(tuple(PARTIES))
_versions = st.sampled_from(VERSIONS)
_variants = st.integers(0, 2)
_mostly = st.sampled_from([True, True, True, False])


class AuthorityMachine(RuleBasedStateMachine):
    """The play of hypothesis; `code` is the authority's build."""

    code: ClassVar[Artifact | str] = "ReleaseAuthority"

    def __init__(self) -> None:
        super().__init__()
        self.play = Play(Stage.of(self.code))

    def _by(self, role: Role, right: bool, who: str) -> str:
        return self.play.holder(role) if right else who

    @rule(
        proxy=_proxies,
        further=st.sampled_from([1, 1, 1, 2, 0]),
        variant=_variants,
        meanwhile=st.sampled_from([*[""] * 6, *APPROVERS, "upgrader", "another"]),
        late=st.sampled_from([0, 0, 0, -1, 5, ACTIVATION_WINDOW - 1, ACTIVATION_WINDOW]),
        back=st.sampled_from([None, None, -ROLLBACK_WINDOW, -1, 0]),
    )
    def upgrade(
        self,
        proxy: str,
        further: int,
        variant: int,
        meanwhile: str,
        late: int,
        back: int | None,
    ) -> None:
        kind, version = self.play.model.installed[proxy].release.key
        later = VERSIONS[min(VERSIONS.index(version) + further, len(VERSIONS) - 1)]
        runs = self.play.upgrade(proxy, (kind, later), variant, meanwhile, late)
        self.play.check()
        if runs and back is not None:
            self.play.use(proxy)
            # What is noticed by then outlives the rollback.
            last, by = (kind, VERSIONS[-1]), self.play.holder(Role.UPGRADER)
            self.play.register(last, variant, by)
            self.play.give_notice(proxy, last, by)
            activated = self.play.model.installed[proxy].activated_at
            self.play.wait_until(activated + ROLLBACK_WINDOW + back)
            alone, guardian = variant == 0, self.play.holder(Role.GUARDIAN)
            if variant == 2:
                self.play.roll_back(proxy, guardian, alone=False)
            if not alone:
                self.play.propose_roll_back(proxy, by)
            self.play.roll_back(proxy, guardian, alone=alone)
            self.play.check()

    @rule(
        kind=st.sampled_from(KINDS),
        version=_versions,
        variant=_variants,
        other=st.booleans(),
        right=_mostly,
        who=_who,
        false=st.sampled_from(["", "", "", "code", "behind"]),
    )
    def register(
        self, kind: str, version: int, variant: int, other: bool, right: bool, who: str, false: str
    ) -> None:
        calls = variant == MIGRATES[kind] and not other
        by = self._by(Role.UPGRADER, right, who)
        self.play.register((kind, version), variant, by, other=other, calls=calls, false=false)
        self.play.check()

    @rule(kind=st.sampled_from(KINDS), version=_versions, right=_mostly, who=_who)
    def withdraw(self, kind: str, version: int, right: bool, who: str) -> None:
        self.play.withdraw((kind, version), self._by(Role.UPGRADER, right, who))
        self.play.check()

    @rule(
        proxy=_proxies,
        kind=st.sampled_from((None, None, None, *KINDS)),
        version=_versions,
        right=_mostly,
        who=_who,
    )
    def give_notice(
        self, proxy: str, kind: str | None, version: int, right: bool, who: str
    ) -> None:
        key = (kind or PROXIES[proxy], version)
        self.play.give_notice(proxy, key, self._by(Role.UPGRADER, right, who))
        self.play.check()

    @rule(
        proxy=_proxies,
        role=st.sampled_from(CONSENTING),
        version=_versions,
        noticed=_mostly,
        right=_mostly,
        who=_who,
    )
    def approve(
        self, proxy: str, role: Role, version: int, noticed: bool, right: bool, who: str
    ) -> None:
        known = self.play.model.releases.get((PROXIES[proxy], version))
        release = self.play.noticed(proxy) if noticed else known
        terms = release.terms if release else bytes(32)
        self.play.approve(proxy, terms, self._by(role, right, who))
        self.play.check()

    @rule(
        proxy=_proxies,
        version=_versions,
        noticed=_mostly,
        call=st.sampled_from(["", "", "no", "word", "other"]),
    )
    def activate(self, proxy: str, version: int, noticed: bool, call: str) -> None:
        release = self.play.noticed(proxy)
        key = release.key if release and noticed else (PROXIES[proxy], version)
        given = release.migration if release else b""
        given = {"no": b"", "word": bytes(32), "other": bytes(36)}.get(call, given)
        self.play.activate(proxy, key, given)
        self.play.check()

    @rule(
        proxy=_proxies,
        variant=_variants,
        right=_mostly,
        who=_who,
        then=st.sampled_from(["", "ratify", "ratify", "one", "too late", "undo", "undo", "back"]),
    )
    def hurry(self, proxy: str, variant: int, right: bool, who: str, then: str) -> None:
        """A release runs in an emergency, after all steps but the wait; what becomes of it."""
        one, model = self.play, self.play.model
        kind, version = model.installed[proxy].release.key
        key = (kind, VERSIONS[min(VERSIONS.index(version) + 1, len(VERSIONS) - 1)])
        one.prepare(proxy, key, variant)
        one.hurry(proxy, key, self._by(Role.GUARDIAN, right, who))
        one.check()
        if then in {"ratify", "one", "too late"}:
            one.propose_ratification(proxy, key, "administrator")
        if then in {"undo", "too late"} and proxy in model.emergencies:
            one.wait_until(model.emergencies[proxy][1])
        if then in {"ratify", "too late"}:
            one.ratify(proxy, key, "second administrator" if right else who)
        elif then == "one":
            one.ratify(proxy, key, "administrator")
        elif then == "undo":
            one.undo(proxy)
        elif then == "back":
            one.roll_back(proxy, one.holder(Role.GUARDIAN))
            one.undo(proxy)
        one.check()

    @rule(
        proxy=_proxies,
        role=st.sampled_from([Role.GUARDIAN, Role.UPGRADER]),
        right=_mostly,
        who=_who,
    )
    def cancel(self, proxy: str, role: Role, right: bool, who: str) -> None:
        self.play.cancel(proxy, self._by(role, right, who))
        self.play.check()

    @rule(
        proxy=_proxies,
        right=_mostly,
        who=_who,
        late=st.sampled_from([None, None, None, -1, 0]),
        alone=st.booleans(),
        proposed=_mostly,
    )
    def roll_back(
        self, proxy: str, right: bool, who: str, late: int | None, alone: bool, proposed: bool
    ) -> None:
        if late is not None:
            activated = self.play.model.installed[proxy].activated_at
            self.play.wait_until(activated + ROLLBACK_WINDOW + late)
        # At the last moment whatever it strands; what was proposed is that, or another act.
        strand = late == -1
        if proposed:
            upgrader = self._by(Role.UPGRADER, right, who)
            self.play.propose_roll_back(proxy, upgrader, strand=strand and alone)
        guardian = self._by(Role.GUARDIAN, right, who)
        self.play.roll_back(proxy, guardian, alone=alone, strand=strand)
        self.play.check()

    @rule(
        proxy=_proxies, late=st.sampled_from([-1, 0]), end=st.sampled_from([0, ACTIVATION_WINDOW])
    )
    def wait_for_notice(self, proxy: str, late: int, end: int) -> None:
        notice = self.play.model.notices.get(proxy)
        if notice is not None:
            self.play.wait_until(notice.noticed_at + NOTICE + end + late)

    @rule(
        who=st.sampled_from(list(PARTIES)[2:]),
        role=st.sampled_from([Role.GUARDIAN, Role.UPGRADER, *CONSENTING]),
    )
    def change_hands(self, who: str, role: Role) -> None:
        if self.play.model.roles.role_of(self.play.address(who)):
            self.play.take(who)
        else:
            self.play.give(who, role)
        self.play.check()

    @rule(
        who=_who,
        role=st.sampled_from(list(PARTIES.values())),
        by=st.sampled_from([*list(PARTIES)[:3] * 2, "issuer", "stand-in", "auditor"]),
        how=st.sampled_from(["propose", "assign", "assign", "withdraw"]),
        pending=_mostly,
        late=st.sampled_from([None, -1, 0, MONTH - 1, MONTH, MONTH]),
    )
    def change(
        self, who: str, role: Role, by: str, how: str, pending: bool, late: int | None
    ) -> None:
        """A step of a change of role by itself, mostly of what was proposed last."""
        waiting = self.play.model.roles.proposals.items()
        proposals = [each for each in waiting if each[0][0] == "assign_role"]
        if pending and proposals and how != "propose":
            (_, account, bit), proposal = proposals[-1]
            who, role = self.play.who(account), Role(bit)
            if late is not None:
                self.play.wait_until(proposal.counts_from + late)
            if late == MONTH and how == "assign":
                # Whoever could have carried it out is too late.
                by = "second administrator"
        steps = {
            "propose": self.play.propose_role,
            "assign": self.play.assign_role,
            "withdraw": self.play.withdraw_role,
        }
        steps[how](who, role, by)
        self.play.check()

    @rule(
        proxy=_proxies,
        creates=st.sampled_from(["", "", "first", "third"]),
        version=_versions,
        right=_mostly,
        who=_who,
    )
    def use(self, proxy: str, creates: str, version: int, right: bool, who: str) -> None:
        if creates:
            self.play.create(self._by(Role.UPGRADER, right, who), creates, version)
        else:
            self.play.use(proxy)
        self.play.check()
