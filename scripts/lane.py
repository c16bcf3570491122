"""`ape run lane VERB --manifest FILE`: the same as `tallystick lane`."""

from __future__ import annotations

import sys

import click

from tallystick.cli.main import main


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def cli(arguments: tuple[str, ...]) -> None:
    """The same as `tallystick lane`."""
    sys.exit(main(["lane", *arguments]))
