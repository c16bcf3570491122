"""For pytest: ledgers as fixtures, and nodes that misbehave."""
