"""`ape run courier --manifest FILE [--once]`: the same as `tallystick courier`."""

from __future__ import annotations

import sys

import click

from tallystick.cli.main import main


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def cli(arguments: tuple[str, ...]) -> None:
    """The same as `tallystick courier`."""
    sys.exit(main(["courier", *arguments]))
