"""What is where, on all ledgers at once, and whether the invariants hold."""
