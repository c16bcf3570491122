"""Mutation run over Vyper contracts: the small faults that the tests would let through.

`operators` plants the faults, one to a mutant, `sample` draws among them, `server` keeps one pytest
session collected and forks it for each mutant, `reach` knows which tests execute a line, `run`
drives the servers and keeps results, `report` counts. No mutant is ever written to the working
tree: each server has a copy of its own under .build/mutation/.
"""
