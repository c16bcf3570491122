"""The manifest (`tallystick.manifest/1`): what stands where, for everyone who uses it afterwards.

`deploy`, `demo` and `devnet` write it. With this file and the ABIs beside it, and with nothing else
of ours, a third party can transfer, lock, deliver and read everything; the ABI of the proxy, whose
`Upgraded` event is logged at the addresses of the contracts behind it, is there too.
`connect(manifest)` reaches the ledgers that it names and makes sure that they are still the same.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, WithJsonSchema, model_validator

from tallystick import build
from tallystick.bridge.message import LaneId
from tallystick.chain.abi import address_of
from tallystick.errors import InputError
from tallystick.files.instrument import as_tuples
from tallystick.files.scalars import Finality
from tallystick.files.strict import (
    Label,
    Name,
    StrictModel,
    Wrong,
    checked,
    json_schema,
    parse,
    wrong,
)
from tallystick.governance.release import CONTRACTS
from tallystick.storage import read_json, write_json
from tallystick.text import bare_url

__all__ = [
    "ABI_FOLDER",
    "PROXY",
    "SCHEMA",
    "ActionsEntry",
    "ContractEntry",
    "HolderEntry",
    "InstrumentEntry",
    "LaneEntry",
    "LaneSide",
    "LedgerEntry",
    "Manifest",
    "RoleEntry",
    "manifest_schema",
    "require_local",
]

SCHEMA: Final = "tallystick.manifest/1"
ABI_FOLDER: Final = "abi"
# In front of every contract with a release, so that it has no address of its own here.
PROXY: Final = "ReleaseProxy"
_PROXY_ABI: Final = f"{ABI_FOLDER}/{PROXY}.json"


def _address(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{40}", value, re.ASCII):
        raise wrong("an address: 0x and 40 hex digits")
    return str(address_of(value))


def _hash(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{64}", value, re.ASCII):
        raise wrong("a hash: 0x and 64 hex digits")
    return value.lower()


def _rpc(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"https?://[!-~]+", value, re.ASCII):
        raise wrong("a URL that begins with http:// or https://")
    if value.rstrip("/") != bare_url(value):
        raise wrong(
            "scheme, host and port alone, as the rest may be secret: --rpc LEDGER=URL or "
            "TALLYSTICK_RPC_LEDGER gives the address in use"
        )
    return value


def _abi_path(value: object) -> str:
    parts = value.split("/") if isinstance(value, str) else []
    if not parts or any(part in {"", ".", ".."} or "\0" in part for part in parts):
        raise wrong("a path below the manifest's folder, such as abi/SecurityToken.json")
    return "/".join(parts)


Address = Annotated[
    str, BeforeValidator(_address), WithJsonSchema({"type": "string", "$comment": "an address"})
]
Hash = Annotated[
    str,
    BeforeValidator(_hash),
    WithJsonSchema({"type": "string", "$comment": "a hash: 0x and 64 hex digits"}),
]
Rpc = Annotated[
    str,
    BeforeValidator(_rpc),
    WithJsonSchema({"type": "string", "$comment": "scheme, host and port of a node"}),
]
AbiPath = Annotated[
    str,
    BeforeValidator(_abi_path),
    WithJsonSchema({"type": "string", "$comment": "a path from the manifest's folder"}),
]
Index = Annotated[int, Field(ge=0, le=2**31 - 1)]


class ContractEntry(StrictModel):
    """A contract; without a proxy `implementation` is the address itself.

    `release` is null for contracts that are replaced as a whole, `code_hash` is Keccak-256 of the
    code at `implementation`.
    """

    address: Address
    implementation: Address
    release: str | None
    abi: AbiPath
    code_hash: Hash


class LedgerEntry(StrictModel):
    """One ledger: how to reach it and what stands there.

    `rpc` is scheme, host and port of the node that it was deployed through. `genesis` is the hash
    of its block 0, `from_block` the block from which on its logs matter, `derivation` the path
    above the indices of its accounts. Of contracts that every lane has for itself, `contracts`
    names those of the ledger's first lane, and the lane all of them.
    """

    name: Name
    caip2: str
    chain_id: Annotated[int, Field(ge=1, le=2**64 - 1)]
    rpc: Rpc | None = None
    genesis: Hash | None = None
    from_block: Annotated[int, Field(ge=0)] = 0
    finality: Finality
    derivation: str | None = None
    contracts: dict[str, ContractEntry]

    @checked
    def _one_chain(self) -> Wrong:
        if self.caip2 != f"eip155:{self.chain_id}":
            yield wrong(f"eip155:{self.chain_id}", path="caip2", value=self.caip2)
        for name in CONTRACTS[:4]:
            if name not in self.contracts:
                at = f"contracts.{name}"
                yield wrong("an entry of this contract", path=at, value="missing")

    @property
    def ledger_number(self) -> int:
        """The hardened part of `derivation` that makes this ledger's accounts its own."""
        match = re.fullmatch(r"m/44'/60'/(\d+)'/0", self.derivation or "m/44'/60'/0'/0")
        return int(match.group(1)) if match else 0


class InstrumentEntry(StrictModel):
    """One instrument and its token on each ledger."""

    isin: str
    name: Label
    decimals: Annotated[int, Field(ge=0, le=18)]
    home: Name
    tokens: dict[str, Address]


class LaneSide(StrictModel):
    """What a lane has for itself on one of its ledgers."""

    custody: Address
    verifier: Address
    second: Address | None = None

    @property
    def verifiers(self) -> tuple[str, ...]:
        """Who proves what arrives in the first epoch: one, or two together."""
        return (self.verifier,) if self.second is None else (self.verifier, self.second)


class LaneEntry(StrictModel):
    """One lane: `escrow` is the home ledger's, `peer` the remote one's."""

    id: Hash
    isin: str
    grade: Literal["pilot", "production"]
    home: Name
    remote: Name
    escrow: Address
    peer: Address
    sides: dict[str, LaneSide]

    @property
    def id_bytes(self) -> LaneId:
        """The lane's id."""
        return LaneId(bytes.fromhex(self.id[2:]))

    def escrow_on(self, ledger: str) -> str:
        """Return the lane's escrow on one of its ledgers."""
        return self.escrow if ledger == self.home else self.peer


class ActionsEntry(StrictModel):
    """What proves to the engines what they are told.

    `events`: at home, the verifier of event attestors. `messages`: on each ledger whose engine
    hears others, the verifier of what those tell. `reconcile`: whether each day's close is asked
    for.
    """

    events: Address
    messages: dict[str, Address]
    reconcile: Literal["daily"] | None = None


class RoleEntry(StrictModel):
    """Who holds a role; `index` where its key derives from the local mnemonic."""

    address: Address
    index: Index | None = None


class HolderEntry(StrictModel):
    """A holder that the instrument file names."""

    name: Name
    ledger: Name
    address: Address
    index: Index | None = None
    eligible: bool


class Manifest(StrictModel):
    """A manifest; `Manifest.load(path)` reads one, `write(path)` puts it and its ABIs on disk.

    It is one instrument's. `beside` has the ISINs of those that share authority, registry and
    escrow with it; each has a manifest of its own.
    """

    schema_: Literal["tallystick.manifest/1"] = Field(alias="schema", default=SCHEMA)
    ledgers: Annotated[tuple[LedgerEntry, ...], Field(min_length=1, max_length=8)]
    instruments: Annotated[tuple[InstrumentEntry, ...], Field(min_length=1, max_length=1)]
    lanes: tuple[LaneEntry, ...]
    actions: ActionsEntry | None = None
    roles: dict[str, dict[str, RoleEntry]]
    holders: tuple[HolderEntry, ...] = ()
    beside: tuple[str, ...] = ()
    mnemonic: str | None = None

    _path: Path | None = PrivateAttr(default=None)
    _abis: dict[str, list[dict[str, Any]]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, data: Any) -> Any:
        return as_tuples(data, "ledgers", "instruments", "lanes", "holders", "beside")

    @checked
    def _consistent(self) -> Wrong:
        names = [ledger.name for ledger in self.ledgers]
        expected = f"one of the ledgers: {', '.join(names)}"
        if len(set(names)) != len(names):
            yield wrong("a name of its own for each ledger", path="ledgers", value=names)
        for at, instrument in enumerate(self.instruments):
            if instrument.home not in names:
                yield wrong(expected, path=f"instruments[{at}].home", value=instrument.home)
            if instrument.isin in self.beside:
                others = "the ISINs of other instruments"
                yield wrong(others, path="beside", value=instrument.isin)
        for at, lane in enumerate(self.lanes):
            for end in ("home", "remote"):
                name = getattr(lane, end)
                if name not in names:
                    yield wrong(expected, path=f"lanes[{at}].{end}", value=name)
                if name not in lane.sides:
                    yield wrong("both sides", path=f"lanes[{at}].sides", value=list(lane.sides))
        for at, holder in enumerate(self.holders):
            if holder.ledger not in names:
                yield wrong(expected, path=f"holders[{at}].ledger", value=holder.ledger)
        for name in self.actions.messages if self.actions is not None else ():
            if name not in names:
                yield wrong(expected, path="actions.messages", value=name)
        engines = [ledger.name for ledger in self.ledgers if "ActionsEngine" in ledger.contracts]
        if engines != (names if self.actions is not None else []):
            shown = ", ".join(engines) or "no engine"
            yield wrong("an engine on every ledger, or none", path="actions", value=shown)
        for name in self.roles:
            if name not in names:
                yield wrong(expected, path="roles", value=name)

    # ------------------------------------------------------------------------- files

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a manifest, or raise InputError; ABIs are read when they are asked for."""
        manifest = parse(path, read_json(path), cls, SCHEMA)
        manifest._path = Path(path)  # noqa: SLF001  (ours)
        return manifest

    def write(self, path: str | Path) -> Path:
        """Put the ABIs, then the manifest on disk: who sees the manifest can use it."""
        target = Path(path)
        for ledger in self.ledgers:
            for name, entry in ledger.contracts.items():
                write_json(target.parent / entry.abi, self.abi(name))
        write_json(target.parent / _PROXY_ABI, self.abi(PROXY))
        write_json(target, self.as_dict())
        return target

    def as_dict(self) -> dict[str, Any]:
        """Return the manifest as it is written."""
        data: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        for name in ("actions", "mnemonic"):
            if data[name] is None:
                del data[name]
        if not data["beside"]:
            del data["beside"]
        if "actions" in data and data["actions"]["reconcile"] is None:
            del data["actions"]["reconcile"]
        return data

    @property
    def path(self) -> Path | None:
        """The file that it was read from."""
        return self._path

    @property
    def file(self) -> Path:
        """What to call it in messages."""
        return self._path or Path("manifest")

    # ----------------------------------------------------------------------- content

    def ledger(self, name: str) -> LedgerEntry:
        """Return the ledger of that name.

        Raises:
            InputError: there is none.
        """
        for ledger in self.ledgers:
            if ledger.name == name:
                return ledger
        known = ", ".join(ledger.name for ledger in self.ledgers)
        raise InputError(self.file, "ledger", name, f"one of the ledgers: {known}")

    @property
    def instrument(self) -> InstrumentEntry:
        """The instrument; another of the same suite has a manifest of its own."""
        return self.instruments[0]

    def abi(self, contract: str) -> list[dict[str, Any]]:
        """Return the ABI of a contract by its name: the file's, or the build's without a file."""
        if contract not in self._abis:
            self._abis[contract] = self._load_abi(contract)
        return self._abis[contract]

    def _load_abi(self, contract: str) -> list[dict[str, Any]]:
        if self._path is None:
            return build.artifact(contract).abi
        paths = [_PROXY_ABI] if contract == PROXY else []
        paths += [
            ledger.contracts[contract].abi
            for ledger in self.ledgers
            if contract in ledger.contracts
        ]
        if not paths:
            raise InputError(self._path, "ledgers[0].contracts", contract, "a contract listed here")
        file = self._path.parent / paths[0]
        abi = read_json(file)
        if not isinstance(abi, list) or not all(isinstance(item, dict) for item in abi):
            raise InputError(file, "", abi, "an ABI: a list of mappings")
        return abi

    def accounts(self, prefix: str) -> list[tuple[str, RoleEntry]]:
        """Return (ledger, account) of every role whose name begins so, e.g. `attestor`."""
        return [
            (ledger, entry)
            for ledger, roles in self.roles.items()
            for role, entry in roles.items()
            if role.startswith(prefix)
        ]


def manifest_schema() -> dict[str, Any]:
    """Return the JSON Schema of manifests (R-07)."""
    return json_schema(Manifest, SCHEMA, "Tallystick manifest")


def require_local(option: str, path: Path) -> None:
    """Make sure that a manifest of a local network, which `option` places at `path`, may go there.

    Raises:
        InputError: a file is there, and it is no manifest of a local network.
    """
    if not path.exists():
        return
    try:
        found = Manifest.load(path).mnemonic
    except InputError:
        found = None
    if found is None:
        expected = "another place: what is there is no manifest of a local network, and is kept"
        raise InputError("tallystick", option, path, expected)
