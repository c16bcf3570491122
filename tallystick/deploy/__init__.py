"""A plan becomes contracts, is compared with what stands, and moves to later releases."""
