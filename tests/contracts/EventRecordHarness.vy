# pragma version 0.4.3
# pragma evm-version prague
# pragma nonreentrancy on
"""
@title Event record harness
@license Apache-2.0
@author Tallystick
@notice Exposes the pure module to its tests.
"""
from contracts.actions import event_record


@external
@pure
def record_hash(record: event_record.EventRecord) -> bytes32:
    return event_record._hash(record)


@external
@pure
def version_hash(record_hash: bytes32, status: uint256) -> bytes32:
    return event_record._version_hash(record_hash, status)


@external
@pure
def check(record: event_record.EventRecord, status: uint256, instrument: bytes32):
    event_record._check(record, status, instrument)
