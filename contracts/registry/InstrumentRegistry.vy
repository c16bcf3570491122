# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Instrument registry: one record per ISIN, the same on every ledger
@license Apache-2.0
@author Tallystick
@notice Keeps the golden record of each instrument: what it is, who issued it, under which terms,
     and where it lives.
@dev A record is hashed as it was presented, and nothing in it depends on the ledger it is kept on:
     two registries agree if and only if their hashes do (R-01). Every identifier is checked here,
     check digits included (R-02). A registry that joins later takes up the record in its version of
     that day; the hash of the version before it is part of it, so that the history can't be
     rewritten either. After registration the registrar and the issuer change a record together or
     not at all (R-08). Whole records are never returned: eight ledgers exceed what the proxy passes
     on. `instrument`, `ledger_at` and `resolve` return the parts.
@custom:security Registration says that a record is well formed, not that its codes were ever
     assigned.
@custom:kill Nothing to stop: without the registrar's key nothing changes.
"""
from interfaces import IInstrumentRegistry

implements: IInstrumentRegistry

from contracts.governance import access
from contracts.registry import identifiers

initializes: access

exports: (
    access.role_of,
    access.set_up_key,
    access.administrators,
    access.assign_role,
    access.propose_role,
    access.withdraw_proposal,
    access.proposal_of,
)

_MAX_LEDGERS: constant(uint256) = 8
# Whole tokens down to one part in 10**18.
_MAX_DECIMALS: constant(uint8) = 18
# The widest balance a position word holds.
_MAX_AUTHORISED: constant(uint256) = 2**104 - 1
_MAX_ADDRESS: constant(uint256) = 2**160 - 1

# What the DTI of a placement denotes.
_NO_DTI: constant(uint8) = 0
_TOKEN_DTI: constant(uint8) = 1
_LEDGER_DTI: constant(uint8) = 2
# Stands where the hash of an ISIN would if the DTI were a token's; no ISIN hashes to it.
_A_LEDGER: constant(bytes32) = (0x0000000000000000000000000000000000000000000000000000000000000001)


struct Proposal:
    record_hash: bytes32
    proposer: address


_initialised: bool
_records: HashMap[String[12], IInstrumentRegistry.Record]
_record_hash: HashMap[String[12], bytes32]
_proposals: HashMap[String[12], Proposal]
# DTI -> keccak256(ISIN) or _A_LEDGER. Never cleared: a code stays with what it was assigned to.
_isin_of_dti: HashMap[bytes9, bytes32]
# keccak256(abi_encode(CAIP-2, token)) -> keccak256(ISIN). Never cleared.
_isin_of_token: HashMap[bytes32, bytes32]


@deploy
def __init__():
    # This code serves through a proxy; nobody may ever set it up by itself.
    self._initialised = True


@external
def initialize(set_up_key: address):
    """
    @notice Set the registry up, once, through its proxy.
    @param set_up_key The account that assigns the first roles and then hands over.
    """
    assert not self._initialised, "registry: already initialised"
    self._initialised = True
    access._initialize(set_up_key)


@external
def hand_over(reason: bytes4, document: bytes32):
    """
    @notice End the set-up; the set-up key loses all authority.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._hand_over(reason, document)


# ----------------------------------------------------------------------
# Registrar and issuer
# ----------------------------------------------------------------------


@external
def register(record: IInstrumentRegistry.Record, reason: bytes4, document: bytes32):
    """
    @notice Register an instrument.
    @dev Registrar, or the set-up key while there is one. A record above version 1 is one that
         other ledgers already hold; it must name its predecessor.
    @param record The whole record.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._check_role_or_set_up(access.REGISTRAR)
    access._check_stated(reason, document)
    isin: String[12] = record.instrument.isin
    assert self._record_hash[isin] == empty(bytes32), "registry: already registered"
    version: uint64 = record.instrument.version
    assert version != 0, "registry: no version"
    assert (record.instrument.previous == empty(bytes32)) == (
        version == 1
    ), "registry: previous or version"
    record_hash: bytes32 = self._accept(record)
    log IInstrumentRegistry.InstrumentRegistered(
        isin_hash=keccak256(isin),
        record_hash=record_hash,
        registered_by=msg.sender,
        isin=isin,
        version=version,
        reason=reason,
        document=document,
    )


@external
def propose_amendment(isin: String[12], record_hash: bytes32, reason: bytes4, document: bytes32):
    """
    @notice Propose to replace a record; the issuer must confirm it by presenting it.
    @dev Registrar. Replaces a proposal that is pending.
    @param isin The instrument.
    @param record_hash Hash of the whole new record.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._check_role(access.REGISTRAR)
    access._check_stated(reason, document)
    current: bytes32 = self._record_hash[isin]
    assert current != empty(bytes32), "registry: nothing to amend"
    assert record_hash != empty(bytes32) and record_hash != current, "registry: no change proposed"
    self._proposals[isin] = Proposal(record_hash=record_hash, proposer=msg.sender)
    log IInstrumentRegistry.AmendmentProposed(
        isin_hash=keccak256(isin),
        record_hash=record_hash,
        proposed_by=msg.sender,
        reason=reason,
        document=document,
    )


@external
def withdraw_amendment(isin: String[12], reason: bytes4, document: bytes32):
    """
    @notice Withdraw the pending proposal.
    @dev Registrar or issuer: either side may end it.
    @param isin The instrument.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._check_role(access.REGISTRAR | access.ISSUER)
    access._check_stated(reason, document)
    record_hash: bytes32 = self._proposals[isin].record_hash
    assert record_hash != empty(bytes32), "registry: nothing to withdraw"
    self._proposals[isin] = empty(Proposal)
    log IInstrumentRegistry.AmendmentWithdrawn(
        isin_hash=keccak256(isin),
        record_hash=record_hash,
        withdrawn_by=msg.sender,
        reason=reason,
        document=document,
    )


@external
def confirm_amendment(record: IInstrumentRegistry.Record, reason: bytes4, document: bytes32):
    """
    @notice Confirm the proposed record and put it in force.
    @dev Issuer. A proposal dies with its proposer's role (INV-9). Decimals never change: balances
         are counted in them.
    @param record The whole new record: its hash must be the proposed one.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    """
    access._check_role(access.ISSUER)
    access._check_stated(reason, document)
    isin: String[12] = record.instrument.isin
    proposal: Proposal = self._proposals[isin]
    assert proposal.record_hash != empty(bytes32), "registry: nothing proposed"
    assert self._hash(record) == proposal.record_hash, "registry: not what was proposed"
    assert (
        access.role_of[proposal.proposer] == access.REGISTRAR
    ), "registry: proposer lost its role"
    previous: bytes32 = self._record_hash[isin]
    version: uint64 = self._records[isin].instrument.version + 1
    assert record.instrument.version == version, "registry: not the next version"
    assert record.instrument.previous == previous, "registry: not linked to previous"
    assert (
        record.instrument.decimals == self._records[isin].instrument.decimals
    ), "registry: decimals are fixed"
    self._proposals[isin] = empty(Proposal)
    record_hash: bytes32 = self._accept(record)
    log IInstrumentRegistry.InstrumentAmended(
        isin_hash=keccak256(isin),
        record_hash=record_hash,
        confirmed_by=msg.sender,
        previous_hash=previous,
        version=version,
        reason=reason,
        document=document,
    )


# ----------------------------------------------------------------------
# Views
# ----------------------------------------------------------------------


@external
@view
def is_registered(isin: String[12]) -> bool:
    """
    @notice Whether an instrument has a record here.
    @param isin The instrument.
    @return True if it has.
    """
    return self._record_hash[isin] != empty(bytes32)


@external
@view
def record_hash(isin: String[12]) -> bytes32:
    """
    @notice Hash of the record in force; the same on every ledger, or the records differ.
    @param isin The instrument.
    @return The hash; empty if there is no record.
    """
    return self._record_hash[isin]


@external
@view
def previous_hash(isin: String[12]) -> bytes32:
    """
    @notice Hash of the record before the one in force.
    @param isin The instrument.
    @return The hash; empty for version 1.
    """
    return self._records[isin].instrument.previous


@external
@view
def proposed_hash(isin: String[12]) -> bytes32:
    """
    @notice Hash of the record that is proposed.
    @param isin The instrument.
    @return The hash; empty if nothing is proposed.
    """
    return self._proposals[isin].record_hash


@external
@view
def instrument(isin: String[12]) -> IInstrumentRegistry.Instrument:
    """
    @notice The part of the record that does not depend on a ledger.
    @param isin The instrument.
    @return The instrument; reverts if there is no record.
    """
    self._known(isin)
    return self._records[isin].instrument


@external
@view
def ledger_count(isin: String[12]) -> uint256:
    """
    @notice How many ledgers the instrument lives on.
    @param isin The instrument.
    @return The number; reverts if there is no record.
    """
    self._known(isin)
    return len(self._records[isin].ledgers)


@external
@view
def ledger_at(isin: String[12], index: uint256) -> String[41]:
    """
    @notice One of the ledgers the instrument lives on, in the record's order.
    @param isin The instrument.
    @param index 0 to the count less one.
    @return CAIP-2 name, to be resolved.
    """
    assert index < len(self._records[isin].ledgers), "registry: no such ledger"
    return self._records[isin].ledgers[index].caip2


@external
@view
def resolve(isin: String[12], caip2: String[41]) -> IInstrumentRegistry.Resolution:
    """
    @notice Where the instrument lives on a ledger.
    @param isin The instrument.
    @param caip2 The ledger.
    @return Token, DTI and what it denotes, whether this is home, version and hash of the record.
    """
    self._known(isin)
    for placement: IInstrumentRegistry.Placement in self._records[isin].ledgers:
        if placement.caip2 == caip2:
            return IInstrumentRegistry.Resolution(
                token=placement.token,
                dti=placement.dti,
                dti_kind=placement.dti_kind,
                is_home=caip2 == self._records[isin].instrument.home,
                version=self._records[isin].instrument.version,
                record_hash=self._record_hash[isin],
            )
    raise "registry: not on this ledger"


@external
@pure
def record_hash_of(record: IInstrumentRegistry.Record) -> bytes32:
    """
    @notice The hash a record has, or would have, on every ledger.
    @param record The record; not validated.
    @return keccak256 of its ABI encoding.
    """
    return self._hash(record)


# ----------------------------------------------------------------------
# Internal
# ----------------------------------------------------------------------


@internal
@pure
def _hash(record: IInstrumentRegistry.Record) -> bytes32:
    """
    @dev The record and nothing else: no address, no chain id of the registry it is in.
    """
    return keccak256(abi_encode(record))


@internal
@view
def _known(isin: String[12]):
    """
    @dev An unknown ISIN must not read like an empty record.
    """
    assert self._record_hash[isin] != empty(bytes32), "registry: unknown ISIN"


@internal
def _accept(record: IInstrumentRegistry.Record) -> bytes32:
    """
    @dev Validate the whole record and put it in force.
    """
    self._check_instrument(record.instrument)
    self._claim_placements(record.instrument, record.ledgers)
    record_hash: bytes32 = self._hash(record)
    self._records[record.instrument.isin] = record
    self._record_hash[record.instrument.isin] = record_hash
    return record_hash


@internal
@pure
def _check_instrument(instrument: IInstrumentRegistry.Instrument):
    """
    @dev Everything that a record says about itself.
    """
    assert identifiers._isin_ok(instrument.isin), "registry: bad ISIN"
    assert identifiers._cfi_ok(instrument.cfi), "registry: bad CFI"
    assert identifiers._fisn_ok(instrument.fisn), "registry: bad FISN"
    assert identifiers._lei_ok(instrument.issuer), "registry: bad LEI"
    if instrument.dti_group != empty(bytes9):
        assert identifiers._dti_ok(instrument.dti_group), "registry: bad DTI group"
    if instrument.currency != empty(bytes3):
        assert identifiers._currency_ok(instrument.currency), "registry: bad currency"
    assert (instrument.currency == empty(bytes3)) == (
        instrument.denomination == 0
    ), "registry: half a denomination"
    assert instrument.decimals <= _MAX_DECIMALS, "registry: too many decimals"
    assert instrument.authorised != 0, "registry: nothing authorised"
    assert instrument.authorised <= _MAX_AUTHORISED, "registry: authorised too large"
    assert instrument.terms_hash != empty(bytes32), "registry: no terms hash"
    assert len(instrument.terms_uri) != 0, "registry: no terms URI"


@internal
def _claim_placements(
    instrument: IInstrumentRegistry.Instrument,
    ledgers: DynArray[IInstrumentRegistry.Placement, _MAX_LEDGERS],
):
    """
    @dev Validate where the instrument lives, and reserve its token DTIs and tokens for it.
    """
    isin_hash: bytes32 = keccak256(instrument.isin)
    if instrument.dti_group != empty(bytes9):
        self._claim_dti(instrument.dti_group, isin_hash)
    is_home_listed: bool = False
    seen: DynArray[bytes32, _MAX_LEDGERS] = []
    home: bytes32 = keccak256(instrument.home)
    token_dtis: DynArray[bytes9, _MAX_LEDGERS + 1] = []
    if instrument.dti_group != empty(bytes9):
        token_dtis.append(instrument.dti_group)
    for placement: IInstrumentRegistry.Placement in ledgers:
        assert identifiers._caip2_ok(placement.caip2), "registry: bad CAIP-2"
        name: bytes32 = keccak256(placement.caip2)
        assert name not in seen, "registry: ledger twice"
        seen.append(name)
        is_home_listed = is_home_listed or name == home
        assert placement.token != empty(bytes32), "registry: no token"
        if identifiers._is_eip155(placement.caip2):
            assert (
                convert(placement.token, uint256) <= _MAX_ADDRESS
            ), "registry: not an EVM address"
        token_key: bytes32 = keccak256(abi_encode(placement.caip2, placement.token))
        holder: bytes32 = self._isin_of_token[token_key]
        if holder != isin_hash:
            assert holder == empty(bytes32), "registry: token of another ISIN"
            self._isin_of_token[token_key] = isin_hash
        if placement.dti_kind == _NO_DTI:
            assert placement.dti == empty(bytes9), "registry: DTI of no kind"
        else:
            assert placement.dti_kind <= _LEDGER_DTI, "registry: unknown DTI kind"
            assert identifiers._dti_ok(placement.dti), "registry: bad DTI"
            if placement.dti_kind == _TOKEN_DTI:
                assert placement.dti not in token_dtis, "registry: DTI twice"
                token_dtis.append(placement.dti)
                self._claim_dti(placement.dti, isin_hash)
            else:
                self._claim_dti(placement.dti, _A_LEDGER)
    assert is_home_listed, "registry: home not among ledgers"


@internal
def _claim_dti(dti: bytes9, owner: bytes32):
    """
    @dev A DTI denotes one thing for ever: a token of one ISIN, or a ledger.
    """
    current: bytes32 = self._isin_of_dti[dti]
    if current != owner:
        assert current == empty(bytes32), "registry: DTI of something else"
        self._isin_of_dti[dti] = owner
