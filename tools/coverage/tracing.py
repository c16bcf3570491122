"""The one place that knows how the embedded ledger is traced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tallystick.chain.embedded import EmbeddedChain
from tools.coverage.record import Recorder


@contextmanager
def traced(recorder: Recorder) -> Iterator[None]:
    """Record every frame of the embedded ledgers that are opened while this is open."""
    previous = EmbeddedChain.default_tracer
    EmbeddedChain.default_tracer = recorder.frame
    try:
        yield
    finally:
        EmbeddedChain.default_tracer = previous
