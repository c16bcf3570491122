"""An observation with its verdicts: what `status` returns, and its JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tallystick.bridge.message import NO_CAP
from tallystick.status.invariants import Verdict
from tallystick.status.observation import (
    DIRECTIONS,
    SCOPES,
    LedgerState,
    Observation,
    Pending,
    SideState,
    named,
)
from tallystick.status.pending import pending_of
from tallystick.text import hex_text

__all__ = ["Status", "pending_dict"]


@dataclass(frozen=True, slots=True)
class Status:
    """An observation with its verdicts."""

    observation: Observation
    verdicts: tuple[Verdict, ...]

    @property
    def ok(self) -> bool:
        """Whether all was seen and every invariant holds."""
        return all(verdict.holds for verdict in self.verdicts)

    def verdict(self, invariant: str) -> Verdict:
        """Return the verdict on an invariant, e.g. `INV-1`."""
        return next(v for v in self.verdicts if v.invariant == invariant)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON: amounts are base units as text, exact in every reader."""
        seen = self.observation
        return {
            "schema": "tallystick.status/1",
            "isin": seen.isin,
            "decimals": seen.decimals,
            "ok": self.ok,
            "invariants": [
                {
                    "id": verdict.invariant,
                    "statement": verdict.statement,
                    "holds": verdict.holds,
                    "verdict": verdict.word,
                    "figures": {name: str(value) for name, value in verdict.figures},
                    "breaks": [str(found) for found in verdict.breaks],
                }
                for verdict in self.verdicts
            ],
            "incomplete": [
                {"ledger": each.ledger, "lane": each.lane, "why": each.why} for each in seen.unseen
            ],
            "ledgers": [_ledger_dict(ledger) for ledger in seen.ledgers],
            "lanes": [
                {
                    "id": hex_text(lane.id),
                    "home": _side_dict(lane.home),
                    "remote": _side_dict(lane.remote),
                }
                for lane in seen.lanes
            ],
            "pending": [pending_dict(ledger, each) for ledger, each in pending_of(seen)],
            "messages": [
                {
                    "lane": hex_text(message.lane),
                    "source": message.source,
                    "destination": message.destination,
                    "nonce": message.nonce,
                    "id": hex_text(message.id),
                    "amount": str(message.amount),
                    "sender": message.sender,
                    "recipient": message.recipient,
                    "lock_time": message.lock_time,
                    "place": message.place,
                    "queued_until": message.queued_until or None,
                    "age": message.age,
                }
                for message in seen.messages
            ],
            "stray_deliveries": [
                {
                    "lane": hex_text(s.lane),
                    "ledger": s.ledger,
                    "nonce": s.nonce,
                    "id": hex_text(s.id),
                }
                for s in seen.strays
            ],
        }


def _ledger_dict(ledger: LedgerState) -> dict[str, Any]:
    return {
        "name": ledger.name,
        "caip2": ledger.caip2,
        "home": ledger.home,
        "block": ledger.block,
        "time": ledger.time,
        "supply": str(ledger.supply),
        "authorised": str(ledger.authorised),
        "came_in_by_other_bridges": str(ledger.came_in),
        "went_out_by_other_bridges": str(ledger.went_out),
        "live": ledger.live,
        "paused": named(ledger.paused, SCOPES),
        "suspended": ledger.suspended,
        "rolled_back_alone_for": list(ledger.alone),
        "positions": [
            {
                "account": position.account,
                "name": position.name,
                "balance": str(position.balance),
                "frozen": str(position.frozen),
                "eligible_until": position.eligible_until,
                "account_frozen": position.account_frozen,
                "link": position.link,
                "pool": position.pool,
            }
            for position in ledger.positions
        ],
        "releases": [
            {
                "contract": release.contract,
                "address": release.address,
                "release": release.version,
                "implementation": release.implementation,
                "code_hash": release.code_hash,
                "sound": release.sound,
                "ratify_before": release.ratify_before,
            }
            for release in ledger.releases
        ],
    }


def pending_dict(ledger: str, each: Pending) -> dict[str, Any]:
    """Return for JSON what is to come on a ledger."""
    return {
        "ledger": ledger,
        "kind": each.kind,
        "contract": each.contract,
        "address": each.address,
        "what": each.what,
        "since": each.since,
        "approved_by": list(each.approved),
        "missing": list(each.missing),
        "applies_from": each.applies_from,
        "lapses_at": each.lapses_at,
        "object_until": each.object_until if each.objectors else None,
        "objectors": list(each.objectors),
        "how": each.how or None,
    }


def cap_of(cap: int) -> int | None:
    """A cap or a limit in whole units, none as none."""
    return None if cap >= NO_CAP else cap


def _side_dict(side: SideState) -> dict[str, Any]:
    return {
        "ledger": side.ledger,
        "outstanding": str(side.outstanding),
        "suspense": str(side.suspense),
        "sent": side.sent,
        "limit": cap_of(side.limit),
        "room": None if cap_of(side.limit) is None else str(side.room),
        "paused": named(side.paused, DIRECTIONS),
        "suspended": side.suspended,
        "custody": side.custody,
        "custody_balance": str(side.custody_balance),
        "epochs": [
            {
                "epoch": epoch.number,
                "verifier": epoch.verifier,
                "second": epoch.second,
                "valid_from": epoch.valid_from,
                "valid_until": epoch.valid_until,
            }
            for epoch in side.epochs
        ],
        "pending_terms": side.pending
        and {
            "verifier": side.pending.verifier,
            "second": side.pending.second,
            "cap": cap_of(side.pending.cap),
            "limit": cap_of(side.pending.limit),
            "applies_from": side.pending.applies_from,
        },
        "lists": side.lists,
        "ending": side.ending
        and {
            "list": side.ending.list,
            "block": side.ending.block,
            "root": hex_text(side.ending.root),
            "total": str(side.ending.total),
            "registrar": side.ending.registrar,
            "applies_from": side.ending.applies_from,
        },
        "lacks": list(side.lacks.words),
    }
