"""The manifest (`tallystick.manifest/1`): what stands where, for everyone who uses it afterwards.

`deploy`, `demo` and `devnet` write it. With this file and the ABIs beside it, and with nothing else
of ours, a third party can transfer, lock, deliver and read everything; the ABI of the proxy, whose
`Upgraded` event is logged at the addresses of the contracts behind it, is there too.
`connect(manifest)` reaches the ledgers that it names and makes sure that they are still the same.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from tallystick import build
from tallystick.bridge import SignerSet
from tallystick.build import Artifact
from tallystick.chain import Account, Chain, ChainError, Contract
from tallystick.chain.base import JUNK_MNEMONIC, derive_account
from tallystick.chain.contract import Method
from tallystick.deploy import CONTRACTS, PROXIED, Deployment
from tallystick.errors import InputError
from tallystick.governance import Version
from tallystick.instrument import Instrument, as_tuples
from tallystick.network import ADMINISTRATORS, COURIER, HOLDERS_FROM, ROLE_INDEX, Network
from tallystick.strict import MAX_DEPTH, Label, Name, StrictModel, parse, wrong

__all__ = [
    "ABI_FOLDER",
    "PROXY",
    "SCHEMA",
    "Connection",
    "ContractEntry",
    "Finality",
    "HolderEntry",
    "InstrumentEntry",
    "LaneEntry",
    "LaneSide",
    "LedgerEntry",
    "Manifest",
    "RoleEntry",
    "connect",
    "connection_of",
    "manifest_of",
    "manifest_of_network",
]

SCHEMA: Final = "tallystick.manifest/1"
ABI_FOLDER: Final = "abi"
# In front of every contract with a release, so that it has no address of its own here.
PROXY: Final = "ReleaseProxy"
_PROXY_ABI: Final = f"{ABI_FOLDER}/{PROXY}.json"
_MAX_BYTES: Final = 1 << 26


def _address(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{40}", value, re.ASCII):
        raise wrong("an address: 0x and 40 hex digits")
    return str(to_checksum_address(value))


def _hash(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{64}", value, re.ASCII):
        raise wrong("a hash: 0x and 64 hex digits")
    return value.lower()


def _rpc(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"https?://[!-~]+", value, re.ASCII):
        raise wrong("a URL that begins with http:// or https://")
    return value


def _abi_path(value: object) -> str:
    parts = value.split("/") if isinstance(value, str) else []
    if not parts or any(part in {"", ".", ".."} or "\0" in part for part in parts):
        raise wrong("a path below the manifest's folder, such as abi/SecurityToken.json")
    return "/".join(parts)


Address = Annotated[str, BeforeValidator(_address)]
Hash = Annotated[str, BeforeValidator(_hash)]
Rpc = Annotated[str, BeforeValidator(_rpc)]
AbiPath = Annotated[str, BeforeValidator(_abi_path)]
Index = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Finality(StrictModel):
    """When a source event may be attested: so many blocks deep, or safe, final to the node."""

    kind: Literal["depth", "safe", "finalized"]
    blocks: Annotated[int, Field(ge=0, le=100_000)] | None = None

    @model_validator(mode="after")
    def _blocks_with_depth(self) -> Self:
        if (self.kind == "depth") != (self.blocks is not None):
            raise wrong("a number of blocks with kind: depth, and only there", path="blocks")
        return self


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

    `genesis` is the hash of its block 0, `from_block` the block from which on its logs matter,
    `derivation` the path above the indices of its accounts. Of contracts that every lane has
    for itself, `contracts` names those of the ledger's first lane, and the lane all of them.
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

    @model_validator(mode="after")
    def _one_chain(self) -> Self:
        if self.caip2 != f"eip155:{self.chain_id}":
            raise wrong(f"eip155:{self.chain_id}", path="caip2", value=self.caip2)
        missing = [name for name in CONTRACTS[:4] if name not in self.contracts]
        if missing:
            at = f"contracts.{missing[0]}"
            raise wrong("an entry of this contract", path=at, value="missing")
        return self

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


class LaneEntry(StrictModel):
    """One lane: `escrow` is the home ledger's, `peer` the remote one's.

    `deadline_seconds` is how long clients give a message before its source may refund it.
    """

    id: Hash
    isin: str
    home: Name
    remote: Name
    escrow: Address
    peer: Address
    deadline_seconds: Annotated[int, Field(ge=1)] = 86_400
    sides: dict[str, LaneSide]

    @property
    def id_bytes(self) -> bytes:
        """The lane's id."""
        return bytes.fromhex(self.id[2:])

    def escrow_on(self, ledger: str) -> str:
        """Return the lane's escrow on one of its ledgers."""
        return self.escrow if ledger == self.home else self.peer


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
    """A manifest; `Manifest.load(path)` reads one, `write(path)` puts it and its ABIs on disk."""

    schema_: Literal["tallystick.manifest/1"] = Field(alias="schema", default=SCHEMA)
    ledgers: Annotated[tuple[LedgerEntry, ...], Field(min_length=1, max_length=8)]
    instruments: Annotated[tuple[InstrumentEntry, ...], Field(min_length=1, max_length=1)]
    lanes: tuple[LaneEntry, ...]
    roles: dict[str, dict[str, RoleEntry]]
    holders: tuple[HolderEntry, ...] = ()
    mnemonic: str | None = None

    _path: Path | None = PrivateAttr(default=None)
    _abis: dict[str, list[dict[str, Any]]] = PrivateAttr(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, data: Any) -> Any:
        return as_tuples(data, "ledgers", "instruments", "lanes", "holders")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [ledger.name for ledger in self.ledgers]
        expected = f"one of the ledgers: {', '.join(names)}"
        if len(set(names)) != len(names):
            raise wrong("a name of its own for each ledger", path="ledgers", value=names)
        for at, instrument in enumerate(self.instruments):
            if instrument.home not in names:
                raise wrong(expected, path=f"instruments[{at}].home", value=instrument.home)
        for at, lane in enumerate(self.lanes):
            for end in ("home", "remote"):
                name = getattr(lane, end)
                if name not in names:
                    raise wrong(expected, path=f"lanes[{at}].{end}", value=name)
                if name not in lane.sides:
                    raise wrong("both sides", path=f"lanes[{at}].sides", value=list(lane.sides))
        for at, holder in enumerate(self.holders):
            if holder.ledger not in names:
                raise wrong(expected, path=f"holders[{at}].ledger", value=holder.ledger)
        for name in self.roles:
            if name not in names:
                raise wrong(expected, path="roles", value=name)
        return self

    # ------------------------------------------------------------------------- files

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a manifest, or raise InputError; ABIs are read when they are asked for."""
        manifest = parse(path, _read_json(path), cls, SCHEMA)
        manifest._path = Path(path)  # noqa: SLF001  (ours)
        return manifest

    def write(self, path: str | Path) -> Path:
        """Put the ABIs, then the manifest on disk: who sees the manifest can use it."""
        target = Path(path)
        for ledger in self.ledgers:
            for name, entry in ledger.contracts.items():
                _write(target.parent / entry.abi, self.abi(name))
        _write(target.parent / _PROXY_ABI, self.abi(PROXY))
        _write(target, self.as_dict())
        return target

    def as_dict(self) -> dict[str, Any]:
        """Return the manifest as it is written."""
        data: dict[str, Any] = self.model_dump(mode="json", by_alias=True)
        if self.mnemonic is None:
            del data["mnemonic"]
        return data

    @property
    def path(self) -> Path | None:
        """The file that it was read from."""
        return self._path

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
        raise InputError(self._path or "manifest", "ledger", name, f"one of the ledgers: {known}")

    @property
    def instrument(self) -> InstrumentEntry:
        """The instrument; this release deploys one."""
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
        abi = _read_json(file)
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


# --- connections -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Connection:
    """A manifest whose ledgers are reached.

    Attributes:
        manifest: what stands where.
        chains: the ledgers by name.
        mnemonic: of the accounts whose index the manifest gives; None if nobody here knows it.
    """

    manifest: Manifest
    chains: Mapping[str, Chain]
    mnemonic: str | None = None
    _artifacts: dict[str, Artifact] = field(default_factory=dict, repr=False, compare=False)

    def contract(self, ledger: str, name: str, address: str | None = None) -> Contract:
        """Return a contract of a ledger by its name; of several, the one at `address`."""
        artifact = self._artifacts.get(name)
        if artifact is None:
            artifact = Artifact.from_abi(name, self.manifest.abi(name))
            self._artifacts[name] = artifact
        where = address or self.manifest.ledger(ledger).contracts[name].address
        return self.chains[ledger].at(artifact, where)

    def token(self, ledger: str) -> Contract:
        """Return a ledger's token."""
        return self.contract(ledger, "SecurityToken")

    def escrow(self, ledger: str) -> Contract:
        """Return a ledger's escrow."""
        return self.contract(ledger, "BridgeEscrow")

    def key(self, ledger: str, entry: RoleEntry) -> Account | None:
        """Return the account of a role with its key, None if nobody here has it."""
        if self.mnemonic is None or entry.index is None:
            return None
        number = self.manifest.ledger(ledger).ledger_number
        account = derive_account(self.mnemonic, number, entry.index)
        return account if account.address == entry.address else None

    def close(self) -> None:
        """Close the connections."""
        for chain in self.chains.values():
            chain.close()


def connection_of(
    manifest: Manifest, chains: Mapping[str, Chain], mnemonic: str | None = None
) -> Connection:
    """Use chains that are open already, embedded ones too."""
    return Connection(manifest, chains, mnemonic or manifest.mnemonic)


def connect(manifest: Manifest, *, mnemonic: str | None = None) -> Connection:
    """Reach the ledgers of a manifest.

    Args:
        manifest: the manifest.
        mnemonic: of the accounts; the manifest's own, or $TALLYSTICK_MNEMONIC when left out.

    Raises:
        InputError: a ledger can't be reached, or is not the one that the manifest means.
    """
    from tallystick.chain.anvil import connect as attach

    words = mnemonic or manifest.mnemonic or os.environ.get("TALLYSTICK_MNEMONIC") or None
    chains: dict[str, Chain] = {}
    try:
        for at, ledger in enumerate(manifest.ledgers):
            where, file = f"ledgers[{at}]", manifest.path or "manifest"
            if ledger.rpc is None:
                raise InputError(file, f"{where}.rpc", None, "a node: this ledger ran in a process")
            try:
                chain: Chain = attach(
                    ledger.rpc,
                    name=ledger.name,
                    ledger_number=ledger.ledger_number,
                    mnemonic=words or JUNK_MNEMONIC,
                )
            except ChainError as error:
                reason = "that answers" if "no node answers" in str(error) else f"({error})"
                raise InputError(file, f"{where}.rpc", ledger.rpc, f"a node {reason}") from error
            chains[ledger.name] = chain
            check_same(file, where, ledger, chain)
    except BaseException:
        for chain in chains.values():
            chain.close()
        raise
    return Connection(manifest, chains, words)


def check_same(file: str | Path, where: str, ledger: LedgerEntry, chain: Chain) -> None:
    """Refuse a chain that is not the one on which the manifest's contracts stand.

    Raises:
        InputError: another chain id, a restarted chain, or no contracts.
    """
    if chain.chain_id != ledger.chain_id:
        expected = f"chain id {ledger.chain_id}, the node at {ledger.rpc} has {chain.chain_id}"
        raise InputError(file, f"{where}.chain_id", ledger.chain_id, expected)
    if ledger.genesis is not None and chain.genesis_hash.lower() != ledger.genesis:
        # Block hashes are no secrets, but 64 hex digits are not shown.
        short = f"{ledger.genesis[:18]}…"
        expected = f"the chain that was deployed to, not {chain.genesis_hash[:18]}… (restarted?)"
        raise InputError(file, f"{where}.genesis", short, expected)
    authority = ledger.contracts["ReleaseAuthority"].address
    if not chain.code(authority):
        at = f"{where}.contracts.ReleaseAuthority.address"
        raise InputError(file, at, authority, "a contract: there is no code (restarted?)")


# --- from a deployment -------------------------------------------------------------------------


def manifest_of(
    deployment: Deployment,
    *,
    holders: Sequence[HolderEntry] = (),
    indices: Mapping[str, Mapping[str, int]] | None = None,
    mnemonic: str | None = None,
    couriers: Mapping[str, RoleEntry] | None = None,
    derivations: Mapping[str, str] | None = None,
) -> Manifest:
    """Describe a finished deployment.

    Args:
        deployment: what `deploy` returned.
        holders: the holders to name.
        indices: ledger -> address -> index into the mnemonic, where one is to be given.
        mnemonic: the mnemonic, of local chains only.
        couriers: ledger -> the account that delivers there.
        derivations: ledger -> path above the indices, where it is not the chain's own.
    """
    spec = deployment.spec
    known = indices or {}
    ledgers, lanes = [], []
    for name, suite in deployment.suites.items():
        chain = suite.chain
        plain = {"ReleaseAuthority": suite.authority}
        if suite.verifiers:
            plain["QuorumVerifier"] = next(iter(suite.verifiers.values()))
            plain["LaneCustody"] = next(iter(suite.custodies.values()))
        entries: dict[str, ContractEntry] = {}
        proxied = dict(zip(PROXIED, (suite.registry, suite.token, suite.escrow), strict=True))
        for contract_name in CONTRACTS:
            if contract_name in proxied:
                contract = proxied[contract_name]
                release = suite.authority.release_of(
                    suite.authority.installation_of(contract.address).release
                )
                implementation = release.implementation
                version = str(Version.unpack(release.version))
            elif contract_name in plain:
                contract = plain[contract_name]
                implementation, version = contract.address, ""
            else:
                continue
            entries[contract_name] = ContractEntry(
                address=str(contract.address),
                implementation=str(implementation),
                release=version or None,
                abi=f"{ABI_FOLDER}/{contract_name}.json",
                code_hash="0x" + keccak(chain.code(implementation)).hex(),
            )
        url = getattr(chain, "url", None)
        ledgers.append(
            LedgerEntry(
                name=name,
                caip2=chain.caip2,
                chain_id=chain.chain_id,
                rpc=str(url) if url else None,
                genesis=chain.genesis_hash,
                from_block=int(deployment.journal.get(name, {}).get("from_block", 0)),
                finality=Finality(**spec.ledger(name).finality),
                derivation=(derivations or {}).get(name, f"m/44'/60'/{chain.ledger_number}'/0")
                if known.get(name)
                else None,
                contracts=entries,
            )
        )
    for identifier, lane in deployment.lanes.items():
        lanes.append(
            LaneEntry(
                id=identifier,
                isin=spec.isin,
                home=lane.home,
                remote=lane.remote,
                escrow=str(deployment.suites[lane.home].escrow.address),
                peer=str(deployment.suites[lane.remote].escrow.address),
                deadline_seconds=lane.deadline,
                sides={
                    end: LaneSide(
                        custody=str(deployment.suites[end].custodies[identifier].address),
                        verifier=str(deployment.suites[end].verifiers[identifier].address),
                    )
                    for end in (lane.home, lane.remote)
                },
            )
        )
    return Manifest(
        ledgers=tuple(ledgers),
        instruments=(
            InstrumentEntry(
                isin=spec.isin,
                name=spec.name,
                decimals=spec.decimals,
                home=spec.home,
                tokens={n: str(s.token.address) for n, s in deployment.suites.items()},
            ),
        ),
        lanes=tuple(lanes),
        roles=_roles(deployment, known, couriers or {}),
        holders=tuple(holders),
        mnemonic=mnemonic,
    )


def _roles(
    deployment: Deployment,
    known: Mapping[str, Mapping[str, int]],
    couriers: Mapping[str, RoleEntry],
) -> dict[str, dict[str, RoleEntry]]:
    spec = deployment.spec
    roles: dict[str, dict[str, RoleEntry]] = {}
    for ledger in spec.ledgers:
        parties = {"deployer": ledger.deployer.address, **ledger.roles}
        for number, address in enumerate(ledger.administrators, 1):
            parties[f"administrator-{number}"] = address
        # An attestor signs for both sides with one key; it is listed once, at home.
        if ledger.name == spec.home:
            signers = {
                signer: None
                for lane in spec.lanes
                for signer in SignerSet.of(
                    1, lane.verifier.threshold, lane.verifier.attestors
                ).signers
            }
            for number, address in enumerate(signers, 1):
                parties[f"attestor-{number}"] = address
        at = known.get(ledger.name, {})
        roles[ledger.name] = {
            role: RoleEntry(address=str(address), index=at.get(str(address)))
            for role, address in parties.items()
        }
        if ledger.name in couriers:
            roles[ledger.name]["courier"] = couriers[ledger.name]
    return roles


def manifest_of_network(network: Network, instrument: Instrument | None = None) -> Manifest:
    """Describe a local network, every party with its index; holders as in the instrument file."""
    deployment = network.deployment
    indices: dict[str, dict[str, int]] = {}
    couriers: dict[str, RoleEntry] = {}
    for name, suite in deployment.suites.items():
        chain = suite.chain
        numbers = [*ROLE_INDEX.values(), *ADMINISTRATORS]
        indices[name] = {chain.account(number).address: number for number in numbers}
        couriers[name] = RoleEntry(address=chain.account(COURIER).address, index=COURIER)
    home = deployment.spec.home
    indices[home] |= {attestor.address: attestor.index for attestor in network.attestors}
    holders = [
        HolderEntry(
            name=holder.name,
            ledger=holder.ledger,
            address=network.holder(holder.ledger, number).address,
            index=HOLDERS_FROM + number,
            eligible=holder.eligible,
        )
        for number, holder in enumerate(instrument.holders if instrument else ())
    ]
    return manifest_of(
        deployment,
        holders=holders,
        indices=indices,
        mnemonic=next(iter(network.chains.values())).mnemonic,
        couriers=couriers,
    )


# --- files -------------------------------------------------------------------------------------


def _read_json(path: str | Path) -> Any:
    file = Path(path)
    try:
        if not file.is_file():
            raise InputError(path, "", None, "a file" if file.exists() else "a file that exists")
        with file.open("rb") as stream:
            raw = stream.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "bad name"
        raise InputError(path, "", None, f"a file that can be read ({reason})") from None
    if len(raw) > _MAX_BYTES:
        raise InputError(path, "", f"more than {_MAX_BYTES} bytes", f"at most {_MAX_BYTES} bytes")
    if _depth(raw) > MAX_DEPTH:
        raise InputError(path, "", "nested too deeply", f"at most {MAX_DEPTH} levels")
    try:
        return json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        at = f"byte {error.start}"
        raise InputError(path, at, f"0x{raw[error.start]:02x}", "text in UTF-8") from None
    except json.JSONDecodeError as error:
        raise InputError(
            path, f"line {error.lineno}, column {error.colno}", error.msg, "JSON"
        ) from None


def _depth(raw: bytes) -> int:
    """How deep JSON nests: its reader recurses, and the compiler lifts Python's limit on that."""
    deepest = depth = 0
    for bracket in re.findall(rb"[][{}]", re.sub(rb'"(?:[^"\\]|\\.)*"', b"", raw, flags=re.DOTALL)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _write(path: Path, content: Any) -> None:
    """Put JSON on disk, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, ensure_ascii=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def pinned(method: Method, block: int, *args: Any) -> Any:
    """Return what a view returned at a block; of an embedded chain, what it returns now."""
    rpc = getattr(method.contract.chain, "rpc", None)
    if rpc is None:
        return method(*args)
    request = {"to": str(method.contract.address), "data": "0x" + method.encode(*args).hex()}
    output: str = rpc("eth_call", request, hex(block))
    return method.decode(bytes.fromhex(output[2:]))
