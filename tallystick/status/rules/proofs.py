"""Verifiers by the source's storage: what is fixed, shown and proven."""

from __future__ import annotations

from tallystick.status.rules.step import sets

__all__ = []

sets("SourceFixed", "QUORUM", to="quorum")
sets("SourceFixed", "SOURCE_LEDGER", to="source_ledger")
sets("SourceFixed", "SOURCE_ESCROW", to="source_escrow")
sets("SourceFixed", "OUTBOX_SLOT", to="outbox_slot")
sets("SourceFixed", "operator", to="operator")
sets("RootShown", "number_of_root root", to="number")
sets("PageProven", "number_of_page word", to="number")
