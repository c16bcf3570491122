"""Identifiers and the golden record: the Python side of `contracts/registry`; pure."""
