"""Acts, roles and proposals of every contract; stops; releases, proxies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tallystick.governance.roles import Role
from tallystick.status.rules.step import NOBODY, RULES, Changes, Step, on, proposal, sets

__all__ = ["IMPLEMENTATION", "stopped"]

# No view of the contract behind a proxy: what the proxy keeps in its ERC-1967 slot.
IMPLEMENTATION: Final = "implementation"


def stopped(step: Step, ends: Mapping[int, int], stops: int) -> dict[int, int]:
    """When each stop ends: stopping sets an end, lifting brings it forward."""
    bits = [1 << place for place in range(stops.bit_length()) if stops >> place & 1]
    lifted = "Unpaused" in step.logged.event
    return {
        **ends,
        **{bit: min(ends.get(bit, 0), step.ends_at) if lifted else step.ends_at for bit in bits},
    }


# Who acts and why: the events after it say what.
RULES["PrivilegedAct"] = []


@on("SetUpBegun")
def _set_up_begun(step: Step) -> Changes:
    key = step.set_up_key
    changes: Changes = {("set_up_key",): key, ("role_of", key): 0, ("administrators",): 0}
    if step.logged.contract in ("SecurityToken", "BridgeEscrow"):
        changes["release_authority",] = step.begun_by
    return changes


@on("SetUpCompleted")
def _set_up_completed(step: Step) -> Changes:
    changes: Changes = {("set_up_key",): NOBODY}
    if step.logged.contract == "SecurityToken":
        changes["is_live",] = True
    return changes


_ADMINISTRATORS: Final = (Role.ADMINISTRATOR, Role.ADMINISTRATOR)
proposal("RoleProposed", "RoleChanged", _ADMINISTRATORS, "assign_role account role")
sets("ProposalWithdrawn", "proposal_of act", to={})
sets("RoleChanged", "role_of account", to="role")


@on("RoleChanged")
def _role_changed(step: Step) -> Changes:
    """What an account gave in a role dies when it loses it: its orders, its consents."""
    joined = (step.role == Role.ADMINISTRATOR) - (step.previous_role == Role.ADMINISTRATOR)
    changes: Changes = {("administrators",): step.now("administrators") + joined}
    for (address, view, *arguments), value in step.facts.items() if step.previous_role else ():
        if address == step.logged.address and view in ("order_in_force", "notice_of"):
            left = {member: held for member, held in value.items() if held != step.account}
            changes[(view, *arguments)] = left
    return changes


for _name in ("NOTICE", "ACTIVATION_WINDOW", "ROLLBACK_WINDOW", "PROXY_BLUEPRINT"):
    sets("AuthorityCreated", _name, to=_name.lower())
_RELEASE: Final = "kind version implementation code_hash behind_hash layout_hash evidence_hash"
sets("ReleaseRegistered", "release_of release", same=f"{_RELEASE} migration_hash")
sets("ReleaseWithdrawn", "release_of release", to={})
sets("ProxyCreated", "proxy_at name", to="proxy")
sets("ProxyCreated", "installation_of proxy", same="kind release", activated_at="at")
sets("ActivationNoticed", "notice_of proxy", same="release terms", noticed_at="at", upgrader="by")
sets("ReleaseActivated", "installation_of proxy", same="release previous", activated_at="at")
_BACK: Final[dict[str, Any]] = {"previous": bytes(32), "activated_at": "at"}
sets("ReleaseRolledBack", "installation_of proxy", same="release", **_BACK)
for _event in ("ProxyCreated", "ActivationCancelled", "ReleaseActivated"):
    sets(_event, "notice_of proxy", to={})
for _event in ("ProxyCreated", "ReleaseActivated"):
    sets(_event, "has_run release", to=True)
proposal(
    "RollBackReasonProposed",
    "RollBackReasonSet",
    _ADMINISTRATORS,
    "set_roll_back_reason cause registered",
)
sets("RollBackReasonSet", "roll_back_reason cause", to="registered")
sets("CustodyCodeRegistered", "custody_code code_hash", to=True)
sets("CustodyCodeWithdrawn", "custody_code code_hash", to=False)
sets("Upgraded", IMPLEMENTATION, to="implementation")


sets("EmergencyActivated", "emergency_of proxy", same="release ratify_before")
proposal("RatificationProposed", "EmergencyRatified", _ADMINISTRATORS, "ratify proxy release")
sets("EmergencyRatified", "on_trial release", to=False)
for _event in ("EmergencyRatified", "ReleaseRolledBack"):
    sets(_event, "emergency_of proxy", to={})


@on("EmergencyActivated")
def _on_trial(step: Step) -> Changes:
    """Unless it ran before by consent."""
    ran = step.now("has_run", step.release)
    return {} if ran else {("on_trial", step.release): True}


@on("ReleaseActivated")
def _off_trial(step: Step) -> Changes:
    """By consent and notice; an emergency says so before."""
    now = step.now("emergency_of", step.proxy, empty={})
    return {} if now.get("ratify_before") else {("on_trial", step.release): False}


@on("RollBackProposed")
def _roll_back_proposed(step: Step) -> Changes:
    what = ("roll_back", step.proxy, step.release, step.strand)
    return step.proposed(Role.UPGRADER, Role.GUARDIAN, *what)


@on("ReleaseRolledBack")
def _rolled_back(step: Step) -> Changes:
    """By a proposal or not, none is left to leave that release."""
    left = [
        step.carried_out("roll_back", step.proxy, step.previous, strand) for strand in (False, True)
    ]
    return left[0] | left[1]


@on("ActivationApproved")
def _activation_approved(step: Step) -> Changes:
    role = str(Role(step.now("role_of", step.approved_by)).name).lower()
    return step.with_members("notice_of", step.proxy, **{role: step.approved_by})
