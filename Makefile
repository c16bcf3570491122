# `make demo` and `make test` install what they need and run; see `make help`.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# First on PATH: ape-vyper looks for `vyper` there, ape-foundry for `anvil`.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# ape keeps a cache of addresses and contract types; a stale one of another run confuses local ledgers.
export APE_DATA_FOLDER ?= $(CURDIR)/.build/ape-data
# ape-vyper's configuration class warns on every start of ape; nothing to act on.
export PYTHONWARNINGS ?= ignore:Field 'import_remapping'
# The caller's own pytest options must not change what `make test` means.
unexport PYTEST_ADDOPTS
# Without compiled modules every worker and every command under test reads all sources anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?=
export PYTHON

VENV := .venv/bin
# ape's pytest plugin opens a provider as soon as any test is collected.
PYTEST := $(VENV)/python -m pytest -p no:ape_test
WORKERS ?= 2
# Least share of the Vyper lines and branches that the whole suite must reach.
COVERAGE ?= 95
# Options of the mutation run, such as --write or --fresh; what it found before, it does not run again.
MUTATION ?=

.PHONY: help setup setup-python setup-node setup-peers setup-lint setup-audit demo test check ape lint format snapshots \
	bench bench-check audit wheel clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: setup-python setup-node ## install everything (demo and test do it themselves)

setup-python:
	@tools/setup.sh python

setup-node: setup-python
	@tools/setup.sh node

setup-peers:
	@tools/setup.sh peers

setup-lint: setup-python
	@tools/setup.sh lint

setup-audit: setup-python
	@tools/setup.sh audit

demo: setup ## the main job end to end on local ledgers, narrated; report in out/demo
	@if command -v anvil >/dev/null; then backend=anvil; else backend=embedded; fi; \
	exec $(VENV)/tallystick demo --backend $$backend --out out/demo $(ARGS)

test: setup ## every test; coverage of the Vyper sources; the requirement trace
	@command -v anvil >/dev/null || echo "anvil is missing: tests that need it are skipped"
	@$(PYTEST) -n $(WORKERS) --dist worksteal \
		-p tools.coverage.plugin --vyper-coverage --vyper-coverage-fail-under $(COVERAGE) \
		-p tools.trace.plugin --requirement-trace \
		tests $(ARGS)

check: setup ## the tests alone, quickly: no coverage, no trace (ARGS="-k word" to choose)
	@$(PYTEST) -n $(WORKERS) --dist worksteal -q tests $(ARGS)

ape: setup ## compile, deploy and run the script tests through ape, on anvil
	@command -v anvil >/dev/null || { echo "anvil is missing: nothing run through ape"; exit 0; }; \
	$(VENV)/ape compile --force --size; \
	$(VENV)/ape run deploy --network ethereum:local:foundry

lint: setup-lint ## style, types, the contract rules, snapshots, generated documents
	@$(VENV)/python -m tools.lint

format: setup-lint ## rewrite Python and Vyper sources in the one style
	@$(VENV)/ruff check --fix-only --quiet .
	@$(VENV)/ruff format --quiet .
	@$(VENV)/python -m tools.lint.formatting --write

snapshots: setup-python ## rewrite what follows from the sources: snapshots, docs/errors.md, docs/access.md, docs/incidents.md, docs/files.md, README's sample
	@$(VENV)/python -m tools.snapshots --write
	@$(VENV)/python -m tools.errors
	@$(VENV)/python -m tools.access
	@$(VENV)/python -m tools.incidents
	@$(VENV)/python -m tools.fields
	@$(VENV)/python -m tools.readme

bench: setup setup-peers ## measure gas and time, ours and peers', rewrite the tables
	@$(VENV)/python -m benchmarks.run $(ARGS)

bench-check: setup ## measure gas and compare with the committed table
	@$(VENV)/python -m benchmarks.run --check

audit: setup setup-audit ## symbolic checks; the property and stateful tests with a deep search; faults planted in the contracts
	@$(VENV)/python -m tools.symbolic --workers $(WORKERS)
	@HYPOTHESIS_PROFILE=deep $(PYTEST) -n $(WORKERS) --dist worksteal -q \
		--hypothesis-profile=deep tests $(ARGS)
	@$(VENV)/python -m tools.mutation --workers $(WORKERS) $(MUTATION)

wheel: setup ## build the wheel with compiled contracts and use it where there is no compiler
	@$(VENV)/python -m tools.wheel

clean: ## remove everything that was installed or built
	rm -rf .venv node_modules benchmarks/solidity/node_modules .build build dist out *.egg-info \
		.pytest_cache .mypy_cache .ruff_cache .hypothesis
