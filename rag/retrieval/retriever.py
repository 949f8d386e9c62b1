"""question → Hits, in four named steps: embed, gather, look closer, dress."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from rag.datatypes import Hit
from rag.index.filters import parse_filter
from rag.index.index import Index
from rag.protocols import Embedder, Reranker, Store
from rag.retrieval.candidates import LEG_DEPTH, Candidates, Matches, Search, gather, in_front, look_closer, matches
from rag.retrieval.diverse import diversified
from rag.retrieval.dress import dressed
from rag.retrieval.fuse import DEFAULT, Fusion
from rag.retrieval.passages import looked_through, passages
from rag.retrieval.rerank import reranked
from rag.threads import single_products

T = TypeVar("T")

RERANK_DEPTH = 50  # a Reranker is handed the first so many hits, or k where that is more


class Retriever:
    """Finds the chunks that bear on a question, in every language the embedder knows.

    `seconds` holds the timings of the last call by stage: filter, embed, search (less what lexical search did beside
    embedding), late, rerank, diverse, read, join and total; those that did not run are not there.
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
    def open(
        cls, path: str | Path, embedder: Embedder, reranker: Reranker | None = None, *, fusion: Fusion = DEFAULT
    ) -> Retriever:
        """A retriever over the index at `path`. Raises IndexMissing, IndexMismatch, IndexDamaged."""
        return cls(Index.open(Path(path), embedder=embedder), embedder, reranker, fusion=fusion)

    @single_products
    def retrieve(
        self,
        question: str,
        k: int = 5,
        *,
        where: str = "",
        group: bool = False,
        joined: bool = False,
        diversity: float = 0.0,
    ) -> list[Hit]:
        """The `k` best hits, best first (fewer where the index has fewer).

        Only of chunks that the filter `where` lets through, such as "format = pdf, modified >= 2024-05": its grammar is
        in `rag.index.filters`. With `group`, one hit for each document. With `joined`, hits are passages:
        near-duplicates collapsed, neighbours joined (`rag.retrieval.passages`). With a `diversity` above 0 (at most 1)
        they are chosen by maximal marginal relevance (`rag.retrieval.diverse`), and do not stand in the order of their
        scores. Raises ValueError for k < 1 or a diversity out of range, FilterError for a filter that cannot be read.
        """
        if k < 1:
            raise ValueError(f"k={k}: at least one hit must be wanted")
        if not 0 <= diversity <= 1:
            raise ValueError(f"diversity={diversity} is not between 0 and 1")
        conditions = parse_filter(where)
        self.seconds = {}
        if not question.strip():
            return []
        started = time.perf_counter()
        among = self._timed("filter", lambda: self.index.rows_where(conditions)) if conditions else None
        with ThreadPoolExecutor(1, "lexical") as beside:  # the words need no embedding: they are looked for meanwhile
            words = beside.submit(matches, self.index, question, k, among)
            query = self._timed("embed", lambda: self.embedder.embed_query(question, tokens=True))
            neutral = getattr(self.embedder, "neutral", False)
            search = Search(question, query, k, neutral, among)
            found = self._candidates(search, k, words.result)
        depth, head = k, None
        while True:
            deepest = len(found) < max(LEG_DEPTH, 2 * depth)
            if self.reranker is not None:
                first = found.taken(slice(None, max(RERANK_DEPTH, k)))
                again = partial(reranked, self.index, self.reranker, question, first)
                head = self._timed("rerank", again) if head is None else head  # once: it is slow
                found = in_front(head, found.taken(np.flatnonzero(~np.isin(found.rows, head.rows))))
            if diversity:
                found = self._timed("diverse", partial(diversified, self.index, found, diversity))
            wanted = looked_through(depth) if joined else k
            hits = self._timed(
                "read", partial(dressed, self.index, found, wanted, question=question, group=group, where=conditions)
            )
            if joined:
                hits = self._timed("join", partial(passages, self.index, question, hits, k))
            if len(hits) >= k or deepest or not (group or joined):
                break
            depth *= 4  # a few long documents, or copies, were all that came: look further down
            found = self._candidates(replace(search, k=depth), k)
        self.seconds["total"] = time.perf_counter() - started
        return hits[:k]

    def _candidates(self, search: Search, k: int, matched: Callable[[], Matches] | None = None) -> Candidates:
        """What is searched for, best first; late interaction has looked at those that `k` hits come from."""
        groups = self._timed("search", partial(gather, self.index, search, fusion=self.fusion, matched=matched))
        maxsim = partial(self.index.late_scores, search.query.tokens[0])
        return self._timed("late", partial(look_closer, maxsim, groups, k, self.fusion))

    def _timed(self, stage: str, step: Callable[[], T]) -> T:
        started = time.perf_counter()
        outcome = step()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - started
        return outcome
