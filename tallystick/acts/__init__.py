"""Acts of people on what stands: whatever a role may do, from names and values as people write."""
