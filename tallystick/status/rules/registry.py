"""Records and where they place the instrument."""

from __future__ import annotations

from tallystick.chain.abi import address_of
from tallystick.governance.roles import Role
from tallystick.status.rules.step import Changes, Step, on

__all__ = []


@on("RecordProposed")
def _record_proposed(step: Step) -> Changes:
    replaced = step.now("record_hash", step.isin) if step.adoption else bytes(32)
    what = ("put_in_force", step.isin, step.record_hash, replaced)
    return step.proposed(Role.REGISTRAR, Role.ISSUER, *what)


@on("RecordPutInForce")
def _record_put_in_force(step: Step) -> Changes:
    """The record takes the place of the one before, with all that it claims."""
    instrument, placements = step.record.instrument, step.record.ledgers
    isin = instrument.isin
    replaced = step.replaced if step.instruction["act"] == "adopt" else bytes(32)
    changes: Changes = {}
    for each in (*step.now("_placements", isin, empty=()), *placements):
        # Of tokens of other ledgers the registry answers nothing.
        if each.caip2 == step.logged.caip2:
            token = str(address_of(each.token[12:]))
            changes["authorised_of", token] = instrument.authorised if each in placements else 0
        changes["resolve", isin, each.caip2] = None
    for each in placements:
        changes["resolve", isin, each.caip2] = {
            "token": each.token,
            "dti": each.dti,
            "dti_kind": each.dti_kind,
            "is_home": each.caip2 == instrument.home,
            "version": instrument.version,
            "record_hash": step.record_hash,
        }
    return {
        **changes,
        ("_placements", isin): placements,
        ("record_hash", isin): step.record_hash,
        ("instrument", isin): instrument._asdict(),
        ("ledger_count", isin): len(placements),
        **step.carried_out("put_in_force", isin, step.record_hash, replaced),
    }
