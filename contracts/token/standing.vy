# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Standing instruction: reason and document for the standards' functions, which have no room for them
@license Apache-2.0
@author Tallystick
@notice Keeps the standing reason and document of a key.
@dev ERC-7943 and ERC-3643 freeze, mint and burn without a reason. A key that works through tools that know only
     those calls `instruct` first: its standing instruction then stands for each such act that states none.
     Nothing else rests on one: not orders, authorisations, roles, links.
"""
from contracts.governance import instruction


struct Instruction:
    reason: bytes4
    document: bytes32


standing_instruction: public(HashMap[address, Instruction])
# Room for later releases; what they add takes its slots from here.
_reserved: uint256[32]


event Instructed:
    actor: indexed(address)
    reason: bytes4
    document: bytes32


@external
def instruct(reason: bytes4, document: bytes32):
    """
    @notice State the standing reason and document of the caller's next acts (both empty: none).
    @param reason Four-letter reason code.
    @param document Hash of the document.
    @custom:role anyone
    """
    assert (reason == empty(bytes4)) == (document == empty(bytes32)), "standing: half stated"
    self.standing_instruction[msg.sender] = Instruction(reason=reason, document=document)
    log Instructed(actor=msg.sender, reason=reason, document=document)


@internal
def _record(subject: address, reason: bytes4, document: bytes32):
    """
    @dev Log the act in progress; what it leaves out altogether, the caller's standing instruction says.
    """
    if reason == empty(bytes4) and document == empty(bytes32):
        stated: Instruction = self.standing_instruction[msg.sender]
        instruction._record(subject, stated.reason, stated.document)
    else:
        instruction._record(subject, reason, document)
