"""A deployment as a manifest describes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tallystick.bridge.attestation import SignerSet
from tallystick.chain.abi import keccak
from tallystick.deploy.resolved import Deployment
from tallystick.files.manifest import (
    ABI_FOLDER,
    ContractEntry,
    HolderEntry,
    InstrumentEntry,
    LaneEntry,
    LaneSide,
    LedgerEntry,
    Manifest,
    RoleEntry,
)
from tallystick.files.scalars import Finality
from tallystick.governance.release import CONTRACTS, PROXIED, Version
from tallystick.text import hex_text

__all__ = ["manifest_of"]


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
        ledgers.append(
            LedgerEntry(
                name=name,
                caip2=chain.caip2,
                chain_id=chain.chain_id,
                rpc=chain.url or None,
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
                id=hex_text(identifier),
                isin=spec.isin,
                home=lane.home,
                remote=lane.remote,
                escrow=str(deployment.suites[lane.home].escrow.address),
                peer=str(deployment.suites[lane.remote].escrow.address),
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
