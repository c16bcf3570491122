"""The registries' ledgers, for attacks that happened elsewhere."""

from __future__ import annotations

from tests.support.registry_ledgers import home, ledgers, new_ledgers, remote, set_up_ledgers

__all__ = ["home", "ledgers", "new_ledgers", "remote", "set_up_ledgers"]
