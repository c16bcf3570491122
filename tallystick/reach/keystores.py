"""Keys on disk: keystores (Web3 Secret Storage, version 3), as ape and others keep them.

A key is unlocked when it has to sign for the first time, once a run. The passphrase is taken from
the environment, from a file that the environment names, or asked for on a terminal; never from the
command line, which other users of a machine can read.
"""

from __future__ import annotations

import functools
import json
import os
import re
import threading
from pathlib import Path
from typing import Any, Final

from tallystick.chain import Account
from tallystick.chain.abi import CodecError, address_of
from tallystick.errors import InputError
from tallystick.signing import asked, told

__all__ = ["FILE_VARIABLE", "VARIABLE", "Keystore", "ape_keystore", "keystore_account"]

# Followed by _ and the account's name in capitals: `TALLYSTICK_PASSPHRASE_ISSUER_DESK`.
VARIABLE: Final = "TALLYSTICK_PASSPHRASE"
FILE_VARIABLE: Final = "TALLYSTICK_PASSPHRASE_FILE"
_MAX_BYTES: Final = 100_000


class Keystore:
    """One keystore.

    Attributes:
        path: the file.
        name: what people call the account: the file's name without its ending.
        address: whose key it is, as the file says until it is unlocked.

    Raises:
        InputError: there is none, or it is no keystore.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem
        try:
            with path.open("rb") as file:
                data = json.loads(file.read(_MAX_BYTES))
            self.address = address_of(data["address"])
            self._data: dict[str, Any] = {"crypto": data["crypto"], "version": data["version"]}
        except OSError as error:
            expected = f"a keystore that can be read ({error.strerror})"
            raise InputError(path, "", None, expected) from None
        except (ValueError, KeyError, TypeError, CodecError):
            expected = "a keystore: Web3 Secret Storage of version 3, with its address"
            raise InputError(path, "", None, expected) from None
        self._key: bytes | None = None
        self._lock = threading.Lock()

    @property
    def variables(self) -> tuple[str, str]:
        """The variables of the environment that say its passphrase, and in which file it is."""
        called = re.sub(r"[^A-Z0-9]", "_", self.name.upper())
        return f"{VARIABLE}_{called}", f"{FILE_VARIABLE}_{called}"

    def key(self, step: str) -> bytes:
        """Return the key, to sign a step on a ledger; it stays unlocked for the run.

        Args:
            step: what is signed, with its ledger, for whoever is asked.

        Raises:
            InputError: the passphrase is wrong, or nobody says it.
        """
        with self._lock:
            told(step, f"{self.name} {self.address}")
            if self._key is None:
                self._key = self._unlocked()
            return self._key

    def _unlocked(self) -> bytes:
        from eth_account import Account as Signer

        try:
            key = bytes(Signer.decrypt(self._data, self._passphrase()))
        except (ValueError, KeyError, TypeError):
            raise InputError(self.path, "passphrase", "", f"that of {self.name}") from None
        if Signer.from_key(key).address != self.address:
            raise InputError(self.path, "address", self.address, "that of the key in it") from None
        return key

    def _passphrase(self) -> str:
        said, kept = self.variables
        if said in os.environ:
            return os.environ[said]
        if kept in os.environ:
            try:
                return Path(os.environ[kept]).read_text(encoding="utf-8").rstrip("\r\n")
            except (OSError, ValueError):
                raise InputError("environment", kept, None, "a file that can be read") from None
        typed = asked(f"{self.name} {self.address}")
        if typed is None:
            expected = f"the passphrase of {self.name}, or its file in {kept}: no terminal to ask"
            raise InputError("environment", said, None, expected)
        return typed


# One of each for the run, so that it is unlocked once.
_opened = functools.cache(Keystore)


def keystore_account(path: Path) -> Account:
    """Return the account of a keystore, which unlocks it when it has to sign.

    Raises:
        InputError: there is no keystore.
    """
    found = _opened(path.resolve())
    return Account(found.address, None, -1, found.name, found.key)


def ape_keystore(alias: str) -> Path | None:
    """Return where ape keeps the key of an alias; None where it keeps none, as of a device."""
    folder = Path(os.environ.get("APE_DATA_FOLDER") or Path.home() / ".ape")
    path = folder / "accounts" / f"{alias}.json"
    return path if path.is_file() else None
