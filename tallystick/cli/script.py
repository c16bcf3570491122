"""What `scripts/` share that are acts in their order: options, and how they are shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click

from tallystick.cli.options import Pairs, account_option, manifest_option

__all__ = ["script"]


def script(name: str) -> Callable[[Callable[..., None]], click.Command]:
    """Make a command of a function that does a script's acts.

    Args:
        name: what it is called.

    Returns:
        what takes the function: it is given the script and the options that it has itself, and
        its docstring is the help.
    """

    def enter(write: Callable[..., None]) -> click.Command:
        @wraps(write)
        def run(
            manifest_path: Path,
            rpc: Pairs,
            reason: str,
            document: str,
            account: str,
            execute: bool,
            **own: Any,
        ) -> None:
            from tallystick.cli.main import guarded

            def act() -> int:
                given = _Given(manifest_path, rpc, reason, document, account, execute)
                return _told(name, write, given, own)

            sys.exit(guarded(act))

        command: Callable[..., None] = run
        for option in _OPTIONS:
            command = option(command)
        return click.command(name)(command)

    return enter


_OPTIONS: Final = (
    click.option("--execute", is_flag=True, help="Send; without it nothing is sent."),
    account_option("whoever may, whose key is here"),
    click.option("--document", required=True, help="What orders it: a file, or its hash in hex."),
    click.option("--reason", required=True, help="Reason code of four letters, such as CORT."),
    manifest_option,
)


@dataclass(frozen=True)
class _Given:
    manifest_path: Path
    rpc: Pairs
    reason: str
    document: str
    account: str
    execute: bool


def _told(name: str, write: Callable[..., None], given: _Given, own: Mapping[str, Any]) -> int:
    """Do a script and show its steps; returns the exit status."""
    from tallystick.acts.act import WrongArguments
    from tallystick.acts.arguments import DOCUMENT, REASON, document_hash
    from tallystick.acts.script import Script
    from tallystick.cli.act import acting
    from tallystick.cli.steps import show_steps
    from tallystick.cli.terminal import errors

    why = {REASON: given.reason, DOCUMENT: document_hash(name, "--document", given.document)}
    # Of a script that names its ledger, that alone has to be reached.
    how = {"ledger": own.get("ledger", ""), "account": given.account}
    with acting(given.manifest_path, given.rpc, **how, execute=given.execute) as act:
        script = Script(act, why)
        try:
            write(script, **own)
        except WrongArguments as wrong:
            for error in wrong.errors:
                errors(str(error))
            return 2
        finally:
            if script.steps:
                show_steps(name, script.steps, execute=given.execute)
    return int(any(step.state == "refused" for step in script.steps))
