"""The chunks of a batch on their way to vectors, while their caller reads on.

    chunks ─not kept yet, longest first─→ slabs ─two at a time─→ embedder ─→ kept by the writer

Equal texts are embedded once. The longest come first: how fast an engine it takes shows with the first slab, and what
is left for the threads at the end is short.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from rag.datatypes import Chunk, Embeddings
from rag.index.writer import Writer
from rag.protocols import Embedder, EmbeddingJob
from rag.text.context import embedded_text

SLAB_CHUNKS = 64  # what the embedder is handed at once: enough to sort by length, little enough to show progress
AT_ONCE = 2  # slabs: while the last batches of one are computed, no thread waits for the next


class Slabs:
    """A batch's missing embeddings; whoever owns it calls `step` now and then, and `wait` until all is `done`."""

    def __init__(self, writer: Writer, embedder: Embedder, chunks: Iterable[Chunk]) -> None:
        named = {writer.key(chunk): chunk for chunk in chunks}
        kept = writer.cached(list(named))
        missing = sorted((key for key in named if key not in kept), key=lambda key: -named[key].tokens)
        self.total = len(missing)
        self.done = 0
        """Chunks that the writer has been given."""
        self.tokens = 0
        """Tokens of these."""
        self._writer = writer
        self._embedder = embedder
        self._chunks = named
        self._waiting = deque(missing[start : start + SLAB_CHUNKS] for start in range(0, len(missing), SLAB_CHUNKS))
        self._running: deque[tuple[list[str], EmbeddingJob]] = deque()

    def step(self) -> None:
        """Keep what is ready, hand over what can be; waits for nothing."""
        self._start()
        while self._running and self._running[0][1].done():
            self._keep()
            self._start()

    def wait(self) -> None:
        """Keep one slab, when it is ready."""
        self._start()
        self._keep()
        self._start()

    def end(self) -> None:
        """Keep what is ready, and let the embedder do no more than it has begun."""
        self._waiting.clear()
        for _, job in self._running:
            job.cancel()
        while self._running and self._running[0][1].done():
            self._keep()
        self._running.clear()

    def _start(self) -> None:
        while self._waiting and len(self._running) < AT_ONCE:
            slab = self._waiting.popleft()
            texts = [embedded_text(self._chunks[key]) for key in slab]
            start = getattr(self._embedder, "start_texts", None)
            self._running.append((slab, start(texts) if start else _Later(self._embedder, texts)))

    def _keep(self) -> None:
        slab, job = self._running[0]
        self._writer.keep(slab, job.result())
        self._running.popleft()
        self.done += len(slab)
        self.tokens += sum(self._chunks[key].tokens for key in slab)


class _Later:
    """The job of an embedder that has no threads of its own: it is done when its result is asked for, if at all."""

    def __init__(self, embedder: Embedder, texts: Sequence[str]) -> None:
        self._embedder = embedder
        self._texts = texts
        self._cancelled = False

    def done(self) -> bool:
        return not self._cancelled

    def result(self) -> Embeddings:
        return self._embedder.embed_texts(self._texts, tokens=True)

    def cancel(self) -> None:
        self._cancelled = True
