"""`tallystick act`: whatever a role may do on a ledger, from the contracts' own words."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallystick.errors import InputError

if TYPE_CHECKING:
    from tallystick.acts.act import Acting, Done
    from tallystick.chain import Contract
    from tallystick.cli.options import Pairs
    from tallystick.governance.acts import Act

__all__ = ["Asked", "acting", "explain", "run", "show_list"]


@dataclass(frozen=True)
class Asked:
    """What the command was given; `arguments` are NAME=VALUE."""

    ledger: str
    act: str
    arguments: tuple[str, ...]
    manifest_path: Path
    rpc: Pairs
    reason: str
    document: str
    account: str
    at: str
    execute: bool
    safe: Path | None
    as_json: bool


@contextmanager
def acting(
    manifest_path: Path,
    rpc: Pairs = (),
    *,
    ledger: str = "",
    account: str = "",
    execute: bool = False,
) -> Iterator[Acting]:
    """Reach the ledgers of a manifest, to act there; they are closed on leaving the block.

    Args:
        manifest_path: the manifest.
        rpc: addresses of nodes by ledger, in place of the manifest's.
        ledger: the one ledger that is wanted, so that none waits for another; all when left out.
        account: who sends; by default whoever may.
        execute: send; without it acts are tried in calls alone.
    """
    from tallystick.acts.act import Acting
    from tallystick.files.manifest import Manifest
    from tallystick.reach import connection as reach

    manifest = Manifest.load(manifest_path)
    wanted = (manifest.ledger(ledger).name,) if ledger else ()
    connection = reach.connect(manifest, account=account, rpc=dict(rpc), wanted=wanted)
    try:
        yield Acting(connection, account=account, execute=execute)
    finally:
        connection.close()


def run(asked: Asked) -> int:
    """Do an act, or try it; returns the exit status."""
    from tallystick.acts.act import WrongArguments, find_act
    from tallystick.cli.terminal import console, errors, json_line, progress
    from tallystick.storage import require_writable, write_json

    if asked.safe is not None:
        if asked.execute:
            expected = "either --execute, or --safe for others to sign"
            raise InputError("act", "--safe", str(asked.safe), expected)
        require_writable("--safe", asked.safe, file=True)
    find_act(asked.act)
    try:
        given = _given(asked)
        with acting(
            asked.manifest_path,
            asked.rpc,
            ledger=asked.ledger,
            account=asked.account,
            execute=asked.execute,
        ) as act:
            with progress(f"{asked.ledger}: {asked.act}"):
                done = act(asked.ledger, asked.act, given, at=asked.at)
            contract = act.contract(asked.ledger, done.what.contract, done.to)
            if asked.as_json:
                console().print(json_line(_as_dict(done)), markup=False, soft_wrap=True)
            else:
                _show(act, contract, done)
    except WrongArguments as wrong:
        for error in wrong.errors:
            errors(str(error))
        return 2
    if asked.safe is not None:
        from tallystick.acts.batch import safe_batch

        write_json(asked.safe, safe_batch([done], int(time.time())))
        errors(f"a batch for the Safe {done.sender}: {asked.safe}")
    return 0


def _given(asked: Asked) -> dict[str, Any]:
    """The arguments by name."""
    from tallystick.acts.arguments import DOCUMENT, REASON, document_hash

    given: dict[str, Any] = {}
    for argument in asked.arguments:
        name, equals, value = argument.partition("=")
        if not equals or name in given or name in {REASON, DOCUMENT}:
            expected = "NAME=VALUE, each name once; reason and document as --reason and --document"
            raise InputError(asked.act, argument, None, expected)
        given[name] = value
    if asked.reason:
        given[REASON] = asked.reason
    if asked.document:
        given[DOCUMENT] = document_hash(asked.act, "--document", asked.document)
    return given


def explain(name: str) -> int:
    """Print an act's arguments, how they are written, and who may."""
    from tallystick.acts.act import find_act
    from tallystick.acts.arguments import described
    from tallystick.cli.terminal import console, show_table
    from tallystick.governance.acts import acts_of

    act, shown = find_act(name), console()
    for text in (act.notice, act.details, f"Who may: {', '.join(act.roles)}.", _two_keys(act)):
        if text:
            shown.print(text, markup=False, soft_wrap=True)
    for each in acts_of(act.contract)[act.function.name]:
        rows = [
            (str(one["name"]), described(each, one), each.params.get(str(one["name"]), ""))
            for one in each.inputs
        ]
        show_table(shown, each.function.signature, ("Argument", "Is written", "Is"), rows)
    return 0


def _two_keys(act: Act) -> str:
    if act.proposed_by:
        return f"Carries out what {act.contract}.{act.proposed_by} proposes, with another key."
    if act.carried_out_by:
        named = " or ".join(f"{act.contract}.{each}" for each in act.carried_out_by)
        return f"Proposes; {named} carries it out, with another key."
    return ""


def show_list(ledger: str, manifest_path: Path | None, rpc: Pairs, *, as_json: bool) -> int:
    """Print who may do what: by the contracts' tags and, on a ledger, who that is there now."""
    from tallystick.cli.terminal import console, json_line, show_table
    from tallystick.governance.acts import acts_of, contracts

    acts = [
        overloads[-1]
        for contract in contracts()
        for overloads in acts_of(contract).values()
        if overloads[-1].privileged
    ]
    holders: dict[str, str] = {}
    if manifest_path is not None:
        with acting(manifest_path, rpc, ledger=ledger) as act:
            there = act.connection.manifest.ledger(ledger).contracts
            acts = [each for each in acts if each.contract in there]
            for each in acts:
                # Of contracts that every lane has for itself, the first lane's.
                at = there[each.contract].address
                holders[each.name] = act.who_text(act.contract(ledger, each.contract, at), each)
    elif ledger:
        raise InputError("act", "--manifest", None, "the manifest that has this ledger")
    rows = [
        (
            each.name,
            holders.get(each.name, ", ".join(each.roles)),
            each.proposed_by and f"after {each.proposed_by}",
            ", ".join(name for name in each.names if name not in {"reason", "document"}),
        )
        for each in acts
    ]
    if as_json:
        listed = [
            {
                "act": each.name,
                "roles": list(each.roles),
                "who": holders.get(each.name),
                "proposed_by": each.proposed_by or None,
                "carried_out_by": list(each.carried_out_by),
                "arguments": list(each.names),
            }
            for each in acts
        ]
        document = {"schema": "tallystick.acts/1", "ledger": ledger or None, "acts": listed}
        console().print(json_line(document), markup=False, soft_wrap=True)
    else:
        title = f"Acts on {ledger}" if ledger else "Acts"
        show_table(console(), title, ("Act", "Who", "Two keys", "Arguments"), rows)
    return 0


# -------------------------------------------------------------------------------- shown how


def _as_dict(done: Done) -> dict[str, Any]:
    from tallystick.text import hex_text

    proposal = done.proposal
    return {
        "schema": "tallystick.act/1",
        "ledger": done.ledger,
        "act": done.act,
        "state": done.state,
        "chain_id": done.chain_id,
        "from": done.sender,
        "to": done.to,
        "value": "0",
        "data": hex_text(done.data),
        "roles": list(done.what.roles),
        "proposed_by": done.what.proposed_by or None,
        "carried_out_by": list(done.what.carried_out_by),
        "proposal": proposal
        and {
            "act": hex_text(proposal.act),
            "proposer": proposal.proposer,
            "counts_from": proposal.counts_from,
            "lapses_at": proposal.lapses_at,
        },
        "tx": done.tx_hash or None,
        "gas": done.gas_used or None,
    }


def _show(act: Acting, contract: Contract, done: Done) -> None:
    from tallystick.cli.terminal import console, show_table
    from tallystick.text import hex_text, time_text

    def said(value: Any) -> str:
        if isinstance(value, bytes):
            return hex_text(value)
        return act.named(contract, value) if isinstance(value, str) else str(value)

    rows = [
        ("who may", act.who_text(contract, done.what)),
        ("sender", f"{act.named(contract, done.sender)} {done.sender}"),
        *((name, said(value)) for name, value in zip(done.what.names, done.values, strict=True)),
        ("to", f"{done.what.contract} {done.to} on {contract.chain.caip2}"),
        ("call data", hex_text(done.data)),
    ]
    if isinstance(done.returned, bytes):
        rows.append(("returns", hex_text(done.returned)))
    if done.what.proposed_by and done.proposal is not None:
        rows.append(("proposed", f"by {act.named(contract, done.proposal.proposer)}"))
    if later := done.what.carried_out_by:
        when = ""
        if done.proposal is not None:
            counts, lapses = done.proposal.counts_from, done.proposal.lapses_at
            when = f", from {time_text(counts)} until {time_text(lapses)}"
        rows.append(("carried out by", f"{' or '.join(later)}, with another key{when}"))
    shown = console()
    show_table(shown, f"{done.ledger}: {done.act}", ("", ""), rows)
    if done.tx_hash:
        text = f"executed: {done.tx_hash}, gas {done.gas_used:,}"
    else:
        text = "dry run, nothing was sent (--execute sends): the ledger would do it"
    shown.print(text, markup=False, soft_wrap=True)
