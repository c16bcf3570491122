"""The position word and the business day: the Python side of `contracts/token`; pure."""
