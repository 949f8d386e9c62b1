"""How the time of a function grows with the length of a text."""

from __future__ import annotations

import time
from collections.abc import Callable


def growth(work: Callable[[str], object], short: str, long: str) -> float:
    """How many times the processor's seconds for `short` the long text takes; each the best of three."""
    return _seconds(work, long) / _seconds(work, short)


def _seconds(work: Callable[[str], object], text: str) -> float:
    taken = []
    for _ in range(3):
        started = time.process_time()
        work(text)
        taken.append(time.process_time() - started)
    return max(min(taken), 1e-3)  # less is the clock's noise
