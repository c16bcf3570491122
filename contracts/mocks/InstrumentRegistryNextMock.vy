# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Instrument registry, the release after
@license Apache-2.0
@author Tallystick
@notice What an upgrade is tested with: the registry as it is, and after its storage something new.
@dev A test double of a next release. In no release.
"""
from contracts.registry import InstrumentRegistry

initializes: InstrumentRegistry

exports: InstrumentRegistry.__interface__

RELEASE: constant(String[16]) = "1.1.0"


# What 1.1.0 added.
release_notes_hash: public(bytes32)


@deploy
def __init__():
    InstrumentRegistry.__init__()


@external
def migrate(notes: bytes32):
    """
    @notice Keep the hash of this release's notes; once, by the call that its activation makes.
    @param notes Hash of the release notes.
    """
    assert notes != empty(bytes32), "next registry: no release notes"
    assert self.release_notes_hash == empty(bytes32), "next registry: migrated already"
    self.release_notes_hash = notes


@external
@view
def release() -> String[16]:
    """
    @notice Version of this code.
    @return Semantic version.
    """
    return RELEASE
