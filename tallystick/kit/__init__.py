"""For pytest: ledgers as fixtures."""
