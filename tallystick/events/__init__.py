"""Drives a corporate action on its ledgers: announced, carried, fixed, funded, paid, taken back."""
