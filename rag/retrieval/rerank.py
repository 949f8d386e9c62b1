"""A Reranker's order for the first candidates, as one more leg."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rag.protocols import Reranker, Store
from rag.retrieval.candidates import Candidates
from rag.retrieval.dress import dressed


def reranked(store: Store, reranker: Reranker, question: str, found: Candidates) -> Candidates:
    """The candidates in the order of the reranker, with its scores."""
    hits = dressed(store, found, len(found))
    places = {hit.chunk.id: place for place, hit in enumerate(hits)}
    better = reranker.rerank(question, hits)
    order = np.array([places[hit.chunk.id] for hit in better], np.int64)
    scores = np.array([hit.score for hit in better], np.float32)
    return replace(found.taken(order), scores=scores, rerank=scores)
