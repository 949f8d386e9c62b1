"""Other ways to hits, for those who work through a literature: by keywords, by likeness to a document, one whole."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Hit
from rag.index.filters import parse_filter
from rag.index.index import Index
from rag.protocols import Store
from rag.retrieval.candidates import Candidates
from rag.retrieval.dress import dressed
from rag.retrieval.passages import passages
from rag.retrieval.phrases import holding, quoted

PROBES = 32
"""Chunks of a document that are looked up, evenly spread over it."""
NEAR = 100
"""Chunks that are looked at around each of these."""

Floats = NDArray[np.float32]


def search_words(
    store: Store, query: str, k: int = 5, *, where: str = "", group: bool = False, joined: bool = False
) -> list[Hit]:
    """The `k` best hits by BM25 alone, best first; only chunks that hold a word of the query. No embedder is needed.

    A quoted phrase must be there as it is typed. A word that more than half of all chunks hold counts only where the
    query has no rarer one. `where`, `group` and `joined` as in `Retriever.retrieve`. Raises ValueError for k < 1,
    FilterError for a filter that cannot be read.
    """
    if k < 1:
        raise ValueError(f"k={k}: at least one hit must be wanted")
    conditions = parse_filter(where)
    among = store.rows_where(conditions) if conditions else None
    phrases = quoted(query)
    for phrase in phrases:
        among = holding(store, phrase, among)
    depth = max(k, NEAR) if group or joined else k
    while True:
        rows, scores = store.search_lexical(query, depth, among)
        if phrases and among is not None:  # what holds them may have no word that BM25 counts
            others = np.setdiff1d(among, rows, assume_unique=True)[: depth - len(rows)]
            rows, scores = np.append(rows, others), np.append(scores, np.zeros(len(others), np.float32))
        wanted = depth if joined else k
        hits = dressed(store, Candidates.of(rows, scores, lexical=scores), wanted, group=group, where=conditions)
        if joined:
            hits = passages(store, query, hits, k)
        if not (group or joined) or len(hits) == k or len(rows) < depth:
            return hits
        depth *= 4


def similar(index: Index, document: str, k: int = 5, *, where: str = "") -> list[Hit]:
    """The `k` documents most like this one, best first, each by the chunk that is most like one of its chunks.

    A document's score is the mean, over the chunks of this one, of the cosine of its nearest chunk: it is high where
    all that is said here has its like there. What is not among the nearest of a chunk counts as the last of these.
    Raises FilterError as `search_words` does.
    """
    own = index.rows_of(document)
    conditions = parse_filter(where)
    among = np.setdiff1d(index.rows_where(conditions), own, assume_unique=True)
    probes = np.unique(np.linspace(0, len(own) - 1, min(PROBES, len(own))).round().astype(np.int64))
    vectors = index.vectors(np.array(own, np.int64)[probes])
    near = index.search_dense_each(vectors, NEAR, among)
    rows = np.unique(np.concatenate([found for found, _ in near])) if near else np.empty(0, np.int64)
    if not len(rows):
        return []
    cosines = np.empty((len(near), len(rows)), np.float32)
    for place, (found, scores) in enumerate(near):
        cosines[place] = scores[-1]
        cosines[place, np.searchsorted(rows, found)] = scores
    return dressed(index, _by_document(index, rows, cosines), k, group=True, where=conditions)


def whole(index: Index, document: str) -> list[Hit]:
    """All chunks of a document as hits, in the order of its text."""
    rows = np.array(index.rows_of(document), np.int64)
    return dressed(index, Candidates.of(rows, np.zeros(len(rows), np.float32)), len(rows))


def nearest(index: Index, document: str, vector: Floats, k: int) -> list[Hit]:
    """The `k` chunks of a document that are nearest to `vector` (d,), best first."""
    rows, scores = index.search_dense(vector, k, np.sort(np.array(index.rows_of(document), np.int64)))
    return dressed(index, Candidates.of(rows, scores, dense=scores), k)


def _by_document(store: Store, rows: NDArray[np.int64], cosines: Floats) -> Candidates:
    """The rows (n,), those of the best documents first and of these the nearest; `cosines` are (probes, n)."""
    of_document: dict[str, list[int]] = defaultdict(list)
    for place, chunk in enumerate(store.chunks([int(row) for row in rows])):
        of_document[chunk.document].append(place)
    nearest: Floats = cosines.max(axis=0)
    scores = np.empty(len(rows), np.float32)
    for places in of_document.values():
        scores[places] = cosines[:, places].max(axis=1).mean()
    return Candidates.of(rows, scores, dense=nearest).taken(np.lexsort((rows, -nearest, -scores)))
