# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Instrument registry, the release after the next
@license Apache-2.0
@author Tallystick
@notice What an upgrade is tested with: InstrumentRegistry over the same modules in the same order,
        and after its storage something new.
@dev A test double of a second release; `tests/support/next_releases.py` derives it.
     In no release.
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

RELEASE: constant(String[16]) = "1.2.0"

_initialized: bool
# What 1.1.0 added.
release_notes_hash: public(bytes32)
# What 1.2.0 added: ISIN -> when its record was last looked through.
reviewed_at: public(HashMap[String[12], uint256])


@deploy
def __init__():
    # The implementation is nobody's registry.
    self._initialized = True


@external
def initialize(set_up_key_: address):
    """
    @notice Name the key that sets the registry up; once, by the proxy's constructor.
    @param set_up_key_ The key that sets the contract up and then hands it over.
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
    """
    access._hand_over(reason, document)


@external
def review(isin: String[12]):
    """
    @notice Keep the time at which somebody looked through a record.
    @param isin The instrument.
    """
    self.reviewed_at[isin] = block.timestamp


@external
@view
def release() -> String[16]:
    """
    @notice Version of this code.
    @return Semantic version.
    """
    return RELEASE
