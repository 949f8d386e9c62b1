"""question → Hits, in four named steps: embed, gather, look closer, dress."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from rag.datatypes import Hit
from rag.index.filters import parse_filter
from rag.index.index import Index
from rag.protocols import Embedder, Reranker, Store
from rag.retrieval.candidates import LEG_DEPTH, gather, look_closer
from rag.retrieval.dress import dressed
from rag.retrieval.fuse import DEFAULT, Fusion

T = TypeVar("T")

RERANK_DEPTH = 50  # a Reranker is handed this many hits, or k where that is more


class Retriever:
    """Finds the chunks that bear on a question, in every language the embedder knows.

    `seconds` holds the timings of the last call by stage: filter (if there is one), embed, search, late, read, total.
    """

    def __init__(
        self, index: Store, embedder: Embedder, reranker: Reranker | None = None, *, fusion: Fusion = DEFAULT
    ) -> None:
        self.index = index
        self.embedder = embedder
        self.reranker = reranker
        self.fusion = fusion
        self.seconds: dict[str, float] = {}

    @classmethod
    def open(cls, path: str | Path, embedder: Embedder) -> Retriever:
        """A retriever over the index at `path`. Raises IndexMissing, IndexMismatch, IndexDamaged."""
        return cls(Index.open(Path(path), embedder=embedder), embedder)

    def retrieve(self, question: str, k: int = 5, *, where: str = "", group: bool = False) -> list[Hit]:
        """The `k` best hits, best first (fewer where the index has fewer).

        Only of chunks that the filter `where` lets through, such as "format = pdf, modified >= 2024-05": its grammar is
        in `rag.index.filters`. With `group`, one hit for each document. Raises ValueError for k < 1, FilterError for a
        filter that cannot be read.
        """
        if k < 1:
            raise ValueError(f"k={k}: at least one hit must be wanted")
        conditions = parse_filter(where)
        self.seconds = {}
        if not question.strip():
            return []
        started = time.perf_counter()
        neutral = getattr(self.embedder, "neutral", False)
        among = self._timed("filter", lambda: self.index.rows_where(conditions)) if conditions else None
        query = self._timed("embed", lambda: self.embedder.embed_query(question, tokens=True))
        wanted = k if self.reranker is None else max(RERANK_DEPTH, k)
        depth = k
        while True:
            search = partial(gather, neutral=neutral, among=among, fusion=self.fusion)
            groups = self._timed("search", partial(search, self.index, question, query, depth))
            maxsim = partial(self.index.late_scores, query.tokens[0])
            found = self._timed("late", partial(look_closer, maxsim, groups, depth, self.fusion))
            hits = self._timed("read", partial(dressed, self.index, found, wanted, group=group))
            if not group or len(hits) >= wanted or len(found) < max(LEG_DEPTH, 2 * depth):
                break
            depth *= 4  # a few long documents were all that came: look further down
        if self.reranker is not None:
            reranker = self.reranker
            hits = self._timed("rerank", lambda: reranker.rerank(question, hits))
        self.seconds["total"] = time.perf_counter() - started
        return hits[:k]

    def _timed(self, stage: str, step: Callable[[], T]) -> T:
        started = time.perf_counter()
        outcome = step()
        self.seconds[stage] = time.perf_counter() - started
        return outcome
