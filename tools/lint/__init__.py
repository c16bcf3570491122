"""Lint of the repository: `python -m tools.lint` runs all of it."""
