"""Corporate actions: record, cut and entitlement, the Python side of `contracts/actions`; pure."""
