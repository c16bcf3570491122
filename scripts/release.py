"""`ape run release VERB …`: the same as `tallystick release`."""

from __future__ import annotations

import sys

import click

from tallystick.cli.main import main


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def cli(arguments: tuple[str, ...]) -> None:
    """The same as `tallystick release`."""
    sys.exit(main(["release", *arguments]))
