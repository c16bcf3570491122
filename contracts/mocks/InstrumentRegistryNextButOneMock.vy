# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Instrument registry, the release after the next
@license Apache-2.0
@author Tallystick
@notice What an upgrade is tested with: the registry as it is, and after its storage something new.
@dev A test double of a second release. In no release.
"""
from contracts.registry import InstrumentRegistry

initializes: InstrumentRegistry

exports: InstrumentRegistry.__interface__

RELEASE: constant(String[16]) = "1.2.0"


# What 1.1.0 added.
release_notes_hash: public(bytes32)
# What 1.2.0 added: ISIN -> time at which its record was last looked through.
reviewed_at: public(HashMap[String[12], uint256])


@deploy
def __init__():
    InstrumentRegistry.__init__()


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
