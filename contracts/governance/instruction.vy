# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Instruction: every privileged act says why, and on which document
@license Apache-2.0
@author Tallystick
@notice Records reason code and document hash of privileged acts.
@dev The ERC functions (7943, 3643, 20) have no room for a reason. A key that works through tools that
     know only those calls `instruct` first: its standing instruction then stands for each act that
     states none. Without either, the act reverts.
"""


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


event PrivilegedAct:
    act: indexed(bytes4)
    subject: indexed(address)
    actor: address
    reason: bytes4
    document: bytes32


@external
def instruct(reason: bytes4, document: bytes32):
    """
    @notice State the standing reason and document of the caller's next privileged acts (both empty: none).
    @param reason Four-letter reason code.
    @param document Hash of the document.
    """
    assert (reason == empty(bytes4)) == (document == empty(bytes32)), "instruction: half stated"
    self.standing_instruction[msg.sender] = Instruction(reason=reason, document=document)
    log Instructed(actor=msg.sender, reason=reason, document=document)


@internal
@view
def _stated(reason: bytes4, document: bytes32) -> Instruction:
    """
    @dev What the caller states, or else its standing instruction; reverts if either half is missing.
    """
    stated: Instruction = Instruction(reason=reason, document=document)
    if reason == empty(bytes4) and document == empty(bytes32):
        stated = self.standing_instruction[msg.sender]
    assert stated.reason != empty(bytes4), "instruction: no reason code"
    assert stated.document != empty(bytes32), "instruction: no document hash"
    return stated


@internal
def _record(subject: address, reason: bytes4, document: bytes32):
    """
    @dev Log the act in progress on `subject`; fall back on the standing instruction, else revert.
    """
    stated: Instruction = self._stated(reason, document)
    log PrivilegedAct(
        act=convert(slice(msg.data, 0, 4), bytes4),
        subject=subject,
        actor=msg.sender,
        reason=stated.reason,
        document=stated.document,
    )
