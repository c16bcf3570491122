"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

__all__ = ["PATH", "account_option", "json_option", "manifest_option"]

PATH: Final = click.Path(path_type=Path)

manifest_option = click.option(
    "--manifest",
    "manifest_path",
    type=PATH,
    required=True,
    help="The manifest that deploy or devnet wrote.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON in place of tables.")


def account_option(by: str) -> Callable[[Any], Any]:
    """Return the option that says who sends; `by` says who it is when left out."""
    text = "Who sends: a role of the manifest, an address, an ape alias or a keystore file."
    return click.option("--account", default="", help=f"{text}  [{by}]")
