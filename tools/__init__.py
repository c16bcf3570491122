"""Checks of this repository: lint, coverage of the Vyper sources, snapshots, generated documents.

Nothing here is shipped with the package.
"""
