# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Instrument registry: one record per ISIN, the same on every ledger
@license Apache-2.0
@author Tallystick
@notice Keeps the golden record of each instrument: what it is, who issued it, under which terms, and where it lives.
@custom:security Runs behind a ReleaseProxy; the implementation itself can't be initialised. Registration says that a
                 record is well formed and fits this ledger's token, not that its codes were ever assigned.
@custom:kill Nothing to stop: without the registrar's and the issuer's key nothing changes.
"""
from interfaces import IInstrumentRegistry

implements: IInstrumentRegistry

from contracts.governance import access
from contracts.registry import records

initializes: access
initializes: records[access := access]

exports: (
    # set-up and roles
    access.assign_role,
    access.propose_role,
    access.withdraw_proposal,
    access.proposal_of,
    access.role_of,
    access.set_up_key,
    access.administrators,
    # registrar and issuer
    records.propose_record,
    records.register,
    records.amend,
    records.adopt,
    # views
    records.is_registered,
    records.record_hash,
    records.previous_hash,
    records.instrument,
    records.authorised_of,
    records.ledger_count,
    records.ledger_at,
    records.resolve,
    records.record_hash_of,
)

RELEASE: constant(String[16]) = "1.0.0"

_initialized: bool


@deploy
def __init__():
    # The implementation is nobody's registry.
    self._initialized = True


@external
def initialize(set_up_key_: address):
    """
    @notice Name the key that sets the registry up; once, by the proxy's constructor.
    @param set_up_key_ The key that sets the contract up and then hands it over.
    @custom:role constructor
    """
    assert not self._initialized, "registry: initialised already"
    self._initialized = True
    access._initialize(set_up_key_)


@external
def hand_over(reason: bytes4, document: bytes32):
    """
    @notice End the set-up: the set-up key keeps nothing.
    @param reason Four-letter reason code.
    @param document Hash of the document that orders it.
    @custom:role set-up key
    """
    access._hand_over(reason, document)


@external
@view
def release() -> String[16]:
    """
    @notice Version of this code.
    @return Semantic version.
    """
    return RELEASE
