# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Records: what registrar and issuer say of an instrument, held against this ledger's token
@license Apache-2.0
@author Tallystick
@notice Registers, amends and adopts the golden record of each instrument, and shows its parts.
@dev A record is hashed as it was presented, and nothing in it depends on the ledger it is kept on: two registries
     agree if and only if their hashes do (R-01). Every identifier is checked here, check digits included (R-02), and so
     is the token that the record places on this ledger. The hash of the version before is part of a record, so
     that a registry that joins later takes up the history with it. Registries that differ agree again by adoption:
     one takes up what another holds, whatever stood here but this ledger's token.
     After the set-up the registrar proposes a record by its hash and the issuer puts it in force by presenting it
     (R-08). A claim on a token or DTI lasts as long as the record in force makes it, so the same two keys undo it.
     Whole records are never returned: eight ledgers exceed what the proxy passes on. Events carry them.
"""
from interfaces import IInstrumentRegistry
from interfaces import ISecurityToken

from contracts.governance import access
from contracts.governance import code
from contracts.governance import instruction
from contracts.registry import identifiers

uses: access

_MAX_LEDGERS: constant(uint256) = 8
# Whole tokens down to one part in 10**18.
_MAX_DECIMALS: constant(uint8) = 18
_MINUTES_PER_DAY: constant(uint16) = 1440
# The widest balance a position word holds.
_MAX_AUTHORISED: constant(uint256) = 2**104 - 1
_MAX_ADDRESS: constant(uint256) = 2**160 - 1

# What the DTI of a placement denotes.
_NO_DTI: constant(uint8) = 0
_TOKEN_DTI: constant(uint8) = 1
_LEDGER_DTI: constant(uint8) = 2
# Below it a claim on a DTI is a count of placements; the hash of an ISIN never is that small.
_COUNTS: constant(uint256) = 2**64


# keccak256(ISIN) -> the record in force
_records: HashMap[bytes32, IInstrumentRegistry.Record]
_record_hash: HashMap[bytes32, bytes32]
# DTI -> keccak256(ISIN) of its token or group, or how many placements in force name it as their ledger's
_dti_claim: HashMap[bytes9, bytes32]
# keccak256(abi_encode(keccak256(CAIP-2), token)) -> keccak256(ISIN)
_token_claim: HashMap[bytes32, bytes32]
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


event RecordProposed:
    act: indexed(bytes32)
    isin_hash: indexed(bytes32)
    record_hash: indexed(bytes32)
    isin: String[12]
    adoption: bool


event RecordPutInForce:
    isin_hash: indexed(bytes32)
    record_hash: indexed(bytes32)
    # The record whose place it takes; empty when the instrument is registered.
    replaced: indexed(bytes32)
    record: IInstrumentRegistry.Record


# ----------------------------------------------------- registrar, issuer: two keys


@external
def propose_record(
    isin: String[12], record_hash: bytes32, adoption: bool, reason: bytes4, document: bytes32
) -> bytes32:
    """
    @notice The registrar proposes a record; the issuer puts it in force with `register`, `amend` or `adopt`.
    @param isin The instrument.
    @param record_hash Hash of the whole record.
    @param adoption Whether another ledger's record takes the place of the one here, by `adopt`.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @return The act, to withdraw it by.
    @custom:role registrar
    """
    isin_hash: bytes32 = keccak256(isin)
    current: bytes32 = self._record_hash[isin_hash]
    # An unknown ISIN has the empty hash.
    assert record_hash not in [empty(bytes32), current], "records: no change proposed"
    # An amendment names what it replaces in the record itself, an adoption in the act.
    replaced: bytes32 = empty(bytes32)
    if adoption:
        assert current != empty(bytes32), "records: nothing to adopt over"
        replaced = current
    act: bytes32 = self._act(isin, record_hash, replaced)
    access._propose(act, access.REGISTRAR, access.ISSUER, empty(address), reason, document)
    log RecordProposed(
        act=act, isin_hash=isin_hash, record_hash=record_hash, isin=isin, adoption=adoption
    )
    return act


@external
def register(record: IInstrumentRegistry.Record, reason: bytes4, document: bytes32):
    """
    @notice Register an instrument.
    @dev By the set-up key, or by the issuer after the registrar's proposal. A record above version 1 is one
         that other ledgers already hold; it must name its predecessor.
    @param record The whole record.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role issuer, set-up key
    """
    record_hash: bytes32 = self._carry_out(record, empty(bytes32))
    isin_hash: bytes32 = keccak256(record.instrument.isin)
    assert self._record_hash[isin_hash] == empty(bytes32), "records: already registered"
    self._check_history(record.instrument)
    self._put_in_force(record, record_hash, reason, document)


@external
def amend(record: IInstrumentRegistry.Record, reason: bytes4, document: bytes32):
    """
    @notice Put the next version of a record in force.
    @dev By the set-up key, or by the issuer after the registrar's proposal.
    @param record The whole new record, linked to the one in force.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role issuer, set-up key
    """
    record_hash: bytes32 = self._carry_out(record, empty(bytes32))
    isin_hash: bytes32 = keccak256(record.instrument.isin)
    replaced: bytes32 = self._record_hash[isin_hash]
    assert replaced != empty(bytes32), "records: nothing to amend"
    assert (
        record.instrument.version == self._records[isin_hash].instrument.version + 1
    ), "records: not the next version"
    assert record.instrument.previous == replaced, "records: not linked to previous"
    self._check_fixed(isin_hash, record.instrument)
    self._put_in_force(record, record_hash, reason, document)


@external
def adopt(record: IInstrumentRegistry.Record, reason: bytes4, document: bytes32):
    """
    @notice Take up the record that another ledger holds, in place of the one here, so that the two agree.
    @dev By the set-up key, or by the issuer after the registrar's proposal. Of whatever version and predecessor.
    @param record The whole record, as the other ledger holds it.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role issuer, set-up key
    """
    replaced: bytes32 = self._record_hash[keccak256(record.instrument.isin)]
    assert replaced != empty(bytes32), "records: nothing to replace"
    record_hash: bytes32 = self._carry_out(record, replaced)
    self._check_history(record.instrument)
    # What decimals and close of business this ledger counts in, its token says: see `_check_token`.
    self._put_in_force(record, record_hash, reason, document)


# ------------------------------------------------------------------------- views


@external
@view
def is_registered(isin: String[12]) -> bool:
    """
    @notice Whether an instrument has a record here.
    @param isin The instrument.
    @return True if it has.
    """
    return self._record_hash[keccak256(isin)] != empty(bytes32)


@external
@view
def record_hash(isin: String[12]) -> bytes32:
    """
    @notice Hash of the record in force; the same on every ledger, or the records differ.
    @param isin The instrument.
    @return The hash; empty if there is no record.
    """
    return self._record_hash[keccak256(isin)]


@external
@view
def previous_hash(isin: String[12]) -> bytes32:
    """
    @notice Hash of the record before the one in force.
    @param isin The instrument.
    @return The hash; empty for version 1.
    """
    return self._records[keccak256(isin)].instrument.previous


@external
@view
def instrument(isin: String[12]) -> IInstrumentRegistry.Instrument:
    """
    @notice The part of the record that does not depend on a ledger.
    @param isin The instrument.
    @return The instrument; reverts if there is no record.
    """
    return self._records[self._known(isin)].instrument


@external
@view
def authorised_of(token: address) -> uint256:
    """
    @notice The issue size that the record in force states for a token of this ledger.
    @param token The token.
    @return Base units; 0 if no record in force places an instrument on it.
    """
    word: bytes32 = convert(convert(token, uint256), bytes32)
    return self._records[
        self._token_claim[self._token_key(self._here(), word)]
    ].instrument.authorised


@external
@view
def ledger_count(isin: String[12]) -> uint256:
    """
    @notice How many ledgers the instrument lives on.
    @param isin The instrument.
    @return The number; reverts if there is no record.
    """
    return len(self._records[self._known(isin)].ledgers)


@external
@view
def ledger_at(isin: String[12], index: uint256) -> String[41]:
    """
    @notice One of the ledgers the instrument lives on, in the record's order.
    @param isin The instrument.
    @param index 0 to the count less one.
    @return CAIP-2 name, to be resolved.
    """
    isin_hash: bytes32 = keccak256(isin)
    assert index < len(self._records[isin_hash].ledgers), "records: no such ledger"
    return self._records[isin_hash].ledgers[index].caip2


@external
@view
def resolve(isin: String[12], caip2: String[41]) -> IInstrumentRegistry.Resolution:
    """
    @notice Where the instrument lives on a ledger.
    @param isin The instrument.
    @param caip2 The ledger.
    @return Token, DTI and what it denotes, whether this is home, version and hash of the record.
    """
    isin_hash: bytes32 = self._known(isin)
    for placement: IInstrumentRegistry.Placement in self._records[isin_hash].ledgers:
        if placement.caip2 == caip2:
            return IInstrumentRegistry.Resolution(
                token=placement.token,
                dti=placement.dti,
                dti_kind=placement.dti_kind,
                is_home=caip2 == self._records[isin_hash].instrument.home,
                version=self._records[isin_hash].instrument.version,
                record_hash=self._record_hash[isin_hash],
            )
    raise "records: not on this ledger"


@external
@pure
def record_hash_of(record: IInstrumentRegistry.Record) -> bytes32:
    """
    @notice The hash a record has, or would have, on every ledger.
    @param record The record; not validated.
    @return keccak256 of its ABI encoding.
    """
    return self._hash(record)


# ---------------------------------------------------------------------- internal


@internal
@pure
def _hash(record: IInstrumentRegistry.Record) -> bytes32:
    """
    @dev The record and nothing else: no address, no chain id of the registry it is in.
    """
    return keccak256(abi_encode(record))


@internal
@pure
def _act(isin: String[12], record_hash: bytes32, replaced: bytes32) -> bytes32:
    """
    @dev Hash of the act of putting a record in force; by adoption in place of exactly the one `replaced`.
    """
    return keccak256(abi_encode("put_in_force", isin, record_hash, replaced))


@internal
@pure
def _token_key(ledger: bytes32, token: bytes32) -> bytes32:
    """
    @dev Names a token among those of all ledgers; `ledger` is the hash of its name.
    """
    return keccak256(abi_encode(ledger, token))


@internal
@view
def _here() -> bytes32:
    """
    @dev keccak256 of this ledger's CAIP-2 name.
    """
    return keccak256(concat("eip155:", uint2str(chain.id)))


@internal
@view
def _known(isin: String[12]) -> bytes32:
    """
    @dev keccak256 of an ISIN with a record: an unknown one must not read like an empty record.
    """
    isin_hash: bytes32 = keccak256(isin)
    assert self._record_hash[isin_hash] != empty(bytes32), "records: unknown ISIN"
    return isin_hash


@internal
def _carry_out(record: IInstrumentRegistry.Record, replaced: bytes32) -> bytes32:
    """
    @dev Two keys to exactly this record, or the set-up key; returns its hash.
    """
    record_hash: bytes32 = self._hash(record)
    access._carry_out(self._act(record.instrument.isin, record_hash, replaced), access.ISSUER)
    return record_hash


@internal
@pure
def _check_history(instrument: IInstrumentRegistry.Instrument):
    """
    @dev A first version has no predecessor, a later one has.
    """
    assert instrument.version != 0, "records: no version"
    assert (instrument.previous == empty(bytes32)) == (
        instrument.version == 1
    ), "records: previous or version"


@internal
@view
def _check_fixed(isin_hash: bytes32, instrument: IInstrumentRegistry.Instrument):
    """
    @dev Balances are counted in the decimals, entitlements by the close of business.
    """
    assert (
        instrument.decimals == self._records[isin_hash].instrument.decimals
    ), "records: decimals are fixed"
    assert (
        instrument.close_minute == self._records[isin_hash].instrument.close_minute
    ), "records: close is fixed"


@internal
def _put_in_force(
    record: IInstrumentRegistry.Record, record_hash: bytes32, reason: bytes4, document: bytes32
):
    """
    @dev Validate the whole record, and let it and its claims take the place of the record before.
    """
    isin_hash: bytes32 = keccak256(record.instrument.isin)
    replaced: bytes32 = self._record_hash[isin_hash]
    self._check_instrument(record.instrument)
    self._drop_claims(isin_hash)
    self._make_claims(isin_hash, record)
    self._records[isin_hash] = record
    self._record_hash[isin_hash] = record_hash
    instruction._record(empty(address), reason, document)
    log RecordPutInForce(
        isin_hash=isin_hash, record_hash=record_hash, replaced=replaced, record=record
    )


@internal
@pure
def _check_instrument(instrument: IInstrumentRegistry.Instrument):
    """
    @dev Everything that a record says about itself.
    """
    assert identifiers._isin_ok(instrument.isin), "records: bad ISIN"
    assert identifiers._cfi_ok(instrument.cfi), "records: bad CFI"
    assert identifiers._fisn_ok(instrument.fisn), "records: bad FISN"
    assert identifiers._lei_ok(instrument.issuer), "records: bad LEI"
    if instrument.currency != empty(bytes3):
        assert identifiers._currency_ok(instrument.currency), "records: bad currency"
    assert (instrument.currency == empty(bytes3)) == (
        instrument.denomination == 0
    ), "records: half a denomination"
    assert instrument.decimals <= _MAX_DECIMALS, "records: too many decimals"
    assert instrument.close_minute < _MINUTES_PER_DAY, "records: no minute of a day"
    assert instrument.authorised != 0, "records: nothing authorised"
    assert instrument.authorised <= _MAX_AUTHORISED, "records: authorised too large"
    assert instrument.terms_hash != empty(bytes32), "records: no terms hash"
    assert len(instrument.terms_uri) != 0, "records: no terms URI"


@internal
def _make_claims(isin_hash: bytes32, record: IInstrumentRegistry.Record):
    """
    @dev Validate where the instrument lives; claim its tokens and DTIs, all of them free of it before.
    """
    if record.instrument.dti_group != empty(bytes9):
        assert identifiers._dti_ok(record.instrument.dti_group), "records: bad DTI group"
        self._claim_dti(record.instrument.dti_group, isin_hash)
    home: bytes32 = keccak256(record.instrument.home)
    here: bytes32 = self._here()
    seen: DynArray[bytes32, _MAX_LEDGERS] = []
    for placement: IInstrumentRegistry.Placement in record.ledgers:
        assert identifiers._caip2_ok(placement.caip2), "records: bad CAIP-2"
        ledger: bytes32 = keccak256(placement.caip2)
        assert ledger not in seen, "records: ledger twice"
        seen.append(ledger)
        assert placement.token != empty(bytes32), "records: no token"
        if identifiers._is_eip155(placement.caip2):
            assert (
                convert(placement.token, uint256) <= _MAX_ADDRESS
            ), "records: not an EVM address"
        key: bytes32 = self._token_key(ledger, placement.token)
        assert self._token_claim[key] == empty(bytes32), "records: token of another ISIN"
        self._token_claim[key] = isin_hash
        if ledger == here:
            token: address = convert(convert(placement.token, uint256), address)
            self._check_token(token, record.instrument, ledger == home)
        if placement.dti_kind == _NO_DTI:
            assert placement.dti == empty(bytes9), "records: DTI of no kind"
            continue
        assert placement.dti_kind <= _LEDGER_DTI, "records: unknown DTI kind"
        assert identifiers._dti_ok(placement.dti), "records: bad DTI"
        if placement.dti_kind == _TOKEN_DTI:
            self._claim_dti(placement.dti, isin_hash)
        else:
            self._share_dti(placement.dti)
    assert home in seen, "records: home not among ledgers"


@internal
@view
def _check_token(token: address, instrument: IInstrumentRegistry.Instrument, home: bool):
    """
    @dev The token that a record places on this ledger counts as the record says, and was not authorised more.
    """
    assert code._is_code(token), "records: token has no code"
    seam: ISecurityToken = ISecurityToken(token)
    isin: String[12] = staticcall seam.isin()
    assert keccak256(isin) == keccak256(instrument.isin), "records: token ISIN differs"
    decimals: uint8 = staticcall seam.decimals()
    assert decimals == instrument.decimals, "records: token decimals differ"
    close_minute: uint256 = staticcall seam.close_minute()
    assert close_minute == convert(instrument.close_minute, uint256), "records: token close differs"
    is_home: bool = staticcall seam.is_home()
    assert is_home == home, "records: token home differs"
    if home:
        authorised: uint256 = staticcall seam.authorised()
        assert authorised <= instrument.authorised, "records: token authorised more"


@internal
def _claim_dti(dti: bytes9, isin_hash: bytes32):
    """
    @dev A DTI denotes one thing: a token or group of one ISIN, or a ledger.
    """
    claim: bytes32 = self._dti_claim[dti]
    assert claim != isin_hash, "records: DTI twice"
    assert claim == empty(bytes32), "records: DTI of something else"
    self._dti_claim[dti] = isin_hash


@internal
def _share_dti(dti: bytes9):
    """
    @dev A ledger's DTI is shared by all that lives there, and free again when the last has left.
    """
    count: uint256 = convert(self._dti_claim[dti], uint256)
    assert count < _COUNTS, "records: DTI of a token"
    self._dti_claim[dti] = convert(unsafe_add(count, 1), bytes32)


@internal
def _drop_claims(isin_hash: bytes32):
    """
    @dev Free the tokens and DTIs of the record in force; there may be none.
    """
    group: bytes9 = self._records[isin_hash].instrument.dti_group
    if group != empty(bytes9):
        self._dti_claim[group] = empty(bytes32)
    for placement: IInstrumentRegistry.Placement in self._records[isin_hash].ledgers:
        key: bytes32 = self._token_key(keccak256(placement.caip2), placement.token)
        self._token_claim[key] = empty(bytes32)
        if placement.dti_kind == _TOKEN_DTI:
            self._dti_claim[placement.dti] = empty(bytes32)
        elif placement.dti_kind == _LEDGER_DTI:
            count: uint256 = convert(self._dti_claim[placement.dti], uint256)
            # Unsafe: this placement was counted.
            self._dti_claim[placement.dti] = convert(unsafe_sub(count, 1), bytes32)
