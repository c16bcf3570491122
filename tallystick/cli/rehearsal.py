"""A rehearsed plan as `tallystick deploy` shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tallystick.cli.terminal import console, show_table
from tallystick.deploy.deploy import StepState
from tallystick.deploy.rehearsal import Rehearsal, Stage
from tallystick.text import units_text

__all__ = ["rehearsal_dict", "show_rehearsal"]

_MICRO = 10**12
_GWEI = 9


def show_rehearsal(title: str, rehearsal: Rehearsal, *, full: bool = False) -> None:
    """Print what a run would do: steps folded by ledger, or each of them, costs and roles."""
    shown = console()
    if full:
        show_table(
            shown,
            title,
            ("Ledger", "Step", "State", "Gas", "Address"),
            [
                (s.ledger, _titled(s), s.state, f"{s.gas:,}" if s.gas else "", s.address or "")
                for s in rehearsal.report.steps
            ],
            numeric=[3],
        )
    else:
        columns = ("Ledger", "Steps", "Done", "Pending", "Gas")
        show_table(shown, title, columns, _folded(rehearsal), numeric=[2, 3, 4])
    show_table(
        shown,
        "What it costs, in each ledger's money",
        ("Ledger", "Chain", "EVM", "Gwei a gas", "Payer", "Gas", "Cost", "Balance", ""),
        [_priced(stage) for stage in rehearsal.stages],
        numeric=[5, 6, 7],
    )
    show_table(shown, "Who is who", ("Role", "Ledger", "Address"), _people(rehearsal))
    for line in rehearsal.differences:
        shown.print(f"DIFFERS {line}", markup=False, soft_wrap=True)


def _titled(step: StepState) -> str:
    """A step, and whose it is if not the deployer's."""
    return f"{step.title}, by {step.by.replace('_', ' ')}" if step.by else step.title


def _folded(rehearsal: Rehearsal) -> Iterator[tuple[str, ...]]:
    """A row for what belongs together on a ledger."""
    steps = rehearsal.report.steps
    for ledger in dict.fromkeys(step.ledger for step in steps):
        for group in dict.fromkeys(step.group for step in steps if step.ledger == ledger):
            mine = [step for step in steps if (step.ledger, step.group) == (ledger, group)]
            done, pending = (sum(s.state == state for s in mine) for state in ("done", "pending"))
            gas = sum(step.gas for step in mine)
            yield ledger, group, str(done), str(pending), f"{gas:,}"


def _priced(stage: Stage) -> tuple[str, ...]:
    tip = units_text(stage.price.tip, _GWEI)
    base = "" if stage.price.base is None else f"{units_text(stage.price.base, _GWEI)} + "
    short = f"short by {_money(stage.short, up=True)}" if stage.short else "enough"
    return (
        stage.name,
        f"eip155:{stage.chain_id}",
        stage.hardfork,
        base + tip,
        stage.payer,
        f"{stage.gas:,}",
        _money(stage.cost, up=True),
        _money(stage.balance),
        short,
    )


def _money(wei: int, *, up: bool = False) -> str:
    """Whole units of a ledger's money with six digits, rounded up or down."""
    return units_text(-(-wei // _MICRO) if up else wei // _MICRO, 6)


def _people(rehearsal: Rehearsal) -> Iterator[tuple[str, str, str]]:
    titles = dict.fromkeys(title for roles in rehearsal.roles.values() for title in roles)
    for title in titles:
        for ledger, roles in rehearsal.roles.items():
            if title in roles:
                yield title.replace("_", " "), ledger, roles[title]


def rehearsal_dict(rehearsal: Rehearsal) -> dict[str, Any]:
    """What `--json` has of a rehearsal beside its steps; wei as text, gas as numbers."""
    return {
        "costs": [
            {
                "ledger": stage.name,
                "chain_id": stage.chain_id,
                "hardfork": stage.hardfork,
                "base_fee": None if stage.price.base is None else str(stage.price.base),
                "tip": str(stage.price.tip),
                "payer": stage.payer,
                "gas": stage.gas,
                "cost": str(stage.cost),
                "balance": str(stage.balance),
                "short": str(stage.short),
            }
            for stage in rehearsal.stages
        ],
        "roles": {ledger: dict(roles) for ledger, roles in rehearsal.roles.items()},
        "differences": list(rehearsal.differences),
    }
