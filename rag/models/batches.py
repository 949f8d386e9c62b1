"""Texts of about equal length together, so that little is computed for padding; batches on threads of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

BATCH_TOKENS = 3072  # padding included
WASTE = 0.05  # share of a batch that may be padding


def by_length(lengths: Sequence[int], budget: int = BATCH_TOKENS, waste: float = WASTE) -> list[list[int]]:
    """Positions of all texts in batches, longest first: each batch padded to its longest text holds at most
    `budget` tokens (or one text), and at most `waste` of it is padding."""
    order = sorted(range(len(lengths)), key=lambda position: -lengths[position])
    batches: list[list[int]] = []
    total = 0
    for position in order:
        total += lengths[position]
        if batches:
            width, count = lengths[batches[-1][0]], len(batches[-1]) + 1
            if width * count <= budget and total >= width * count * (1 - waste):
                batches[-1].append(position)
                continue
        batches.append([position])
        total = lengths[position]
    return batches


class BatchThreads:
    """Threads on which batches are computed, in the order in which they were handed over."""

    def __init__(self, count: int, prepare: Callable[[], None] = lambda: None) -> None:
        """`prepare` is run at the start of each of the `count` threads."""
        self._pool = ThreadPoolExecutor(count, "embed", initializer=prepare)

    def start(self, work: Callable[[list[int]], None], batches: Sequence[list[int]]) -> list[Future[None]]:
        """Begin `work` on every batch; it may run in several threads at once."""
        return [self._pool.submit(work, batch) for batch in batches]

    def drain(self) -> None:
        """Wait until all that was handed over is done, where there is one thread."""
        self._pool.submit(lambda: None).result()
