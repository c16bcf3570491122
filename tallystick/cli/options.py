"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

__all__ = ["PATH", "json_option", "manifest_option"]

PATH: Final = click.Path(path_type=Path)

manifest_option = click.option(
    "--manifest",
    "manifest_path",
    type=PATH,
    required=True,
    help="The manifest that deploy or devnet wrote.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON in place of tables.")
