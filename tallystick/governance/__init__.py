"""Roles, releases, layouts: the Python side of `contracts/governance`; pure."""
