# pragma version 0.4.3
# pragma nonreentrancy on
"""
@title Instruction: every privileged act says why, and on which document
@license Apache-2.0
@author Tallystick
@notice Records reason code and document hash of a privileged act; without either, the act reverts.
"""


event PrivilegedAct:
    act: indexed(bytes4)
    subject: indexed(address)
    actor: address
    reason: bytes4
    document: bytes32


@internal
def _record(subject: address, reason: bytes4, document: bytes32):
    """
    @dev Log the act in progress on `subject`; revert if it states no reason or no document.
    """
    assert reason != empty(bytes4), "instruction: no reason code"
    assert document != empty(bytes32), "instruction: no document hash"
    log PrivilegedAct(
        act=convert(slice(msg.data, 0, 4), bytes4),
        subject=subject,
        actor=msg.sender,
        reason=reason,
        document=document,
    )
