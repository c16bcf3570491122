"""Which requirement of docs/spec.md is evidenced by which tests."""
