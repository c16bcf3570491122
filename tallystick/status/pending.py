"""What runs on a ledger and what is to come: who consented, from when, and who can still object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from tallystick.bridge.message import NO_CAP
from tallystick.chain.abi import keccak
from tallystick.governance.release import (
    PROXIED,
    Version,
    is_behind,
    release_kind,
    release_terms,
)
from tallystick.governance.roles import Role, reason_text
from tallystick.status.observation import (
    LaneState,
    LedgerState,
    Observation,
    Pending,
    PendingState,
    ReleaseState,
)
from tallystick.status.view import View
from tallystick.text import hex_text
from tallystick.token.position import SECONDS_PER_DAY, close_of, date_of

__all__ = [
    "OBJECTORS",
    "alone_for",
    "later_releases",
    "pending_of",
    "proposals_of",
    "ratios_to_come",
    "releases_of",
]

_AUTHORITY: Final = "ReleaseAuthority"
_ESCROW: Final = "BridgeEscrow"
# Whose consent the notice itself is; it dies with the role as the others do.
_NOTICED_BY: Final = "upgrader"
_CANCEL: Final = f"{_AUTHORITY}.cancel"
_CANCEL_TERMS: Final = f"{_ESCROW}.cancel_lane_terms"
# A version of its event that cancels it, confirmed: then anyone has the token withdraw the ratio.
_CANCEL_EVENT: Final = "ActionsEngine.announce"
# Who stops what is to come, by which act; of proposals either side and the guardian do.
OBJECTORS: Final[Mapping[str, tuple[str, ...]]] = {
    _CANCEL: ("guardian", "upgrader"),
    _CANCEL_TERMS: ("guardian", "administrator"),
    _CANCEL_EVENT: ("issuer",),
}
_CONFIRMED_BY: Final = ("operator", "administrator")
# Of `contracts/token/ratios.vy`: so many can wait.
_MOST_RATIOS: Final = 4
# Of `contracts/governance/access.vy`: a new administrator may be confirmed by the guardian instead,
# so much later, for as long.
_RECOVERY: Final = 30 * SECONDS_PER_DAY


# ------------------------------------------------------------------------------ releases


def releases_of(view: View) -> Iterator[ReleaseState]:
    """Yield what runs behind each proxy of a ledger, and the release that is noticed for it."""
    authority = view.connection.contract(view.name, _AUTHORITY)
    at = {n: view.entry.contracts[n].address for n in PROXIED if n in view.entry.contracts}
    views = ("installation_of", "emergency_of", "notice_of")
    periods = [(authority, name) for name in ("NOTICE", "ACTIVATION_WINDOW", "ROLLBACK_WINDOW")]
    of_each = [(authority, name, proxy) for name in views for proxy in at.values()]
    answers = iter(view.ask((*periods, *of_each)))
    notice, window, rollback = (int(each) for each in islice(answers, 3))
    installed, emergencies, notices = ([*islice(answers, len(at))] for _ in views)
    ids = [each.release for each in (*installed, *notices)] + [each.previous for each in installed]
    releases = iter(view.ask((authority, "release_of", release) for release in ids))
    running, noticed, previous = ([*islice(releases, len(at))] for _ in range(3))
    for place, (contract, address) in enumerate(at.items()):
        release, since = running[place], int(installed[place].activated_at)
        code = authority.chain.code(release.implementation)
        code_hash = keccak(code)
        sound = code_hash == bytes(release.code_hash)
        sound = sound and is_behind(code, bytes(release.behind_hash), authority.chain.code)
        begins = int(notices[place].noticed_at) + notice
        pending = None
        if view.block.timestamp < begins + window and int(noticed[place].version):
            pending = _notice(
                view.name,
                contract,
                address,
                noticed[place],
                notices[place],
                begins,
                begins + window,
            )
        closes = since + rollback
        open_ = view.block.timestamp < closes
        yield ReleaseState(
            contract=contract,
            address=address,
            version=str(_version(release)),
            implementation=str(release.implementation),
            code_hash=hex_text(code_hash),
            sound=sound,
            ratify_before=int(emergencies[place].ratify_before) or None,
            since=since,
            previous=_version(previous[place]) if open_ else None,
            closes_at=closes,
            noticed=_version(noticed[place]) if pending else None,
            pending=pending,
        )


def _version(release: Any) -> str | None:
    """The number of a registered release; None: none is registered."""
    return str(Version.unpack(int(release.version))) if int(release.version) else None


def _notice(
    ledger: str, contract: str, address: str, release: Any, given: Any, begins: int, lapses: int
) -> Pending:
    """A noticed release. Whose consent it needs is what the authority tells after the time."""
    names = given._fields
    roles = names[names.index("noticed_at") + 1 :]
    counts = {role: bool(int(getattr(given, role), 16)) for role in roles}
    what = f"release {_version(release)}"
    if release_terms(release) != bytes(given.terms):
        what += ", registered anew since: to be noticed again"
    return Pending(
        kind="release",
        contract=contract,
        address=address,
        what=what,
        since=int(given.noticed_at),
        approved=tuple(role for role in roles if counts[role] and role != _NOTICED_BY),
        missing=tuple(role for role in roles if not counts[role]),
        applies_from=begins,
        lapses_at=lapses,
        object_until=begins,
        objectors=OBJECTORS[_CANCEL],
        how=_command(ledger, _CANCEL, "proxy", address),
    )


def later_releases(view: View) -> dict[str, list[str]]:
    """Return by contract the versions that stand registered on a ledger, by its logs, in order."""
    authority = view.connection.contract(view.name, _AUTHORITY)
    logged = view.events(authority, "ReleaseRegistered")
    ids = dict.fromkeys(bytes(event.args["release"]) for event in logged)
    known = view.ask((authority, "release_of", each) for each in ids)
    known.sort(key=lambda each: int(each.version))
    return {
        name: [str(_version(each)) for each in known if each.kind == release_kind(name)]
        for name in PROXIED
    }


def alone_for(view: View) -> Iterator[str]:
    """Yield the reasons for which a ledger's guardian rolls back alone."""
    authority = view.connection.contract(view.name, _AUTHORITY)
    logged = view.events(authority, "RollBackReasonSet")
    causes = list(dict.fromkeys(bytes(event.args["cause"]) for event in logged))
    taken = view.ask((authority, "roll_back_reason", each) for each in causes)
    yield from (reason_text(cause) for cause, is_in in zip(causes, taken, strict=True) if is_in)


# ----------------------------------------------------------------------------- proposals


def proposals_of(view: View) -> Iterator[Pending]:
    """Yield what one key proposed on a ledger and another can still carry out, by its logs.

    What a proposer gave dies with its role, and does not come back with it.
    """
    for name in (_AUTHORITY, *PROXIED):
        if name not in view.entry.contracts:
            continue
        contract = view.connection.contract(view.name, name)
        events = contract.interface.events_by_name
        asked = [
            each.topic
            for event, (each, *_) in events.items()
            if event.endswith("Proposed") and "act" in each.names
        ]
        logged = view.logged(contract, [[*asked, events["RoleChanged"][0].topic]])
        # The newest of each; whose role ended after it.
        made = {bytes(e.args["act"]): at for at, e in enumerate(logged) if e.name != "RoleChanged"}
        ended = {
            str(e.args["account"]): at
            for at, e in enumerate(logged)
            if e.name == "RoleChanged" and e.args["previous_role"]
        }
        kept = view.ask((contract, "proposal_of", act) for act in made)
        for at, proposal in zip(made.values(), kept, strict=True):
            if ended.get(str(proposal.proposer), -1) > at or not int(proposal.lapses_at):
                continue
            found = _proposal(view, name, logged[at], proposal)
            if view.block.timestamp < (found.lapses_at or 0):
                yield found


def _proposal(view: View, contract: str, event: Any, kept: Any) -> Pending:
    given = dict(event.args)
    act = hex_text(given.pop("act"))
    role = given.get("role") if event.name == "RoleProposed" else None
    begins, lapses = int(kept.counts_from), int(kept.lapses_at)
    proposer, confirmer = _titles(int(kept.proposer_role)), _titles(int(kept.confirmer_role))
    if role is not None:
        given["role"] = ", ".join(_titles(int(role))) or "none"
        if role == Role.ADMINISTRATOR and view.block.timestamp >= lapses:
            begins, lapses, confirmer = lapses, lapses + _RECOVERY, ("guardian",)
    # Whose role is taken has no say in it.
    objectors = () if role == 0 else tuple(dict.fromkeys(("guardian", *proposer, *confirmer)))
    withdraw = f"{contract}.withdraw_proposal"
    return Pending(
        kind="proposal",
        contract=contract,
        address=event.address,
        what=f"{event.name}: {_words(given)}",
        since=view.chain.block(event.block_number).timestamp,
        approved=proposer,
        missing=confirmer,
        applies_from=begins,
        lapses_at=lapses,
        object_until=begins,
        objectors=objectors,
        how=_command(view.name, withdraw, "act", act) if objectors else "",
    )


def _words(value: Any) -> str:
    """What an event tells, in full."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(held)}" for name, held in value.items())
    return hex_text(value) if isinstance(value, bytes) else str(value)


def _titles(roles: int) -> tuple[str, ...]:
    """The titles of roles."""
    return tuple(str(role.name).lower() for role in Role if role and roles & role)


# ------------------------------------------------------------------------ ratios, lanes


def ratios_to_come(view: View, epochs: int) -> Iterator[Pending]:
    """Yield the ratios that a ledger's token has announced and that wait for their day.

    Args:
        view: the ledger.
        epochs: how many ratios are in force there.
    """
    numbers = range(epochs + 1, epochs + 1 + _MOST_RATIOS)
    minute, *ratios = view.ask(
        ((view.token, "close_minute"), *((view.token, "ratio_at", n) for n in numbers))
    )
    home = view.name == view.connection.manifest.instrument.home
    announced: dict[int, int] = {}
    if int(ratios[0].first_day):
        logged = view.events(view.token, "RatioAnnounced")
        announced = {int(each.args["first_day"]): each.block_number for each in logged}
    for ratio in ratios:
        first = int(ratio.first_day)
        if not first:
            return
        begins = close_of(first - 1, int(minute))
        # Another ledger lets go of it a day earlier, so that home can hear of it; and of a
        # redemption none does.
        until = begins if home else begins - SECONDS_PER_DAY
        ends = not int(ratio.numerator)
        yield Pending(
            kind="ratio",
            contract="SecurityToken",
            address=str(view.token.address),
            what=f"{ratio.numerator} units for {ratio.denominator} as of {date_of(first)}",
            since=view.chain.block(announced[first]).timestamp if first in announced else None,
            approved=(),
            missing=(),
            applies_from=begins,
            lapses_at=None,
            object_until=until,
            objectors=() if ends else OBJECTORS[_CANCEL_EVENT],
            how="" if ends else "tallystick event announce --cancel",
        )


def pending_of(seen: Observation) -> Iterator[tuple[str, Pending]]:
    """Yield each ledger's name with what is to come there, releases first."""
    sides = [(lane, side) for lane in seen.lanes for side in (lane.home, lane.remote)]
    for ledger in seen.ledgers:
        found = [each.pending for each in ledger.releases if each.pending]
        terms = [
            _lane_terms(ledger, lane, side.pending)
            for lane, side in sides
            if side.ledger == ledger.name and side.pending
        ]
        for each in (*found, *terms, *ledger.pending):
            yield ledger.name, each


def _lane_terms(ledger: LedgerState, lane: LaneState, terms: PendingState) -> Pending:
    """A change of a lane's terms, which two keys confirmed and anyone applies."""
    whom = terms.verifier + (f" and {terms.second}" if terms.second else "")
    cap, limit = ("none" if most >= NO_CAP else f"{most:,}" for most in (terms.cap, terms.limit))
    return Pending(
        kind="lane terms",
        contract=_ESCROW,
        address=next(each.address for each in ledger.releases if each.contract == _ESCROW),
        what=f"lane {lane.name}: verifier {whom}, cap {cap}, limit {limit}",
        since=terms.since,
        approved=_CONFIRMED_BY,
        missing=(),
        applies_from=terms.applies_from,
        lapses_at=None,
        object_until=terms.applies_from,
        objectors=OBJECTORS[_CANCEL_TERMS],
        how=_command(ledger.name, _CANCEL_TERMS, "lane", hex_text(lane.id)),
    )


def _command(ledger: str, act: str, name: str, value: str) -> str:
    """What is typed, beside reason and document, to do an act on something there."""
    return f"tallystick act {ledger} {act} {name}={value}"
