"""A Reranker's order for the first candidates, as one more leg."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rag.protocols import Reranker, Store
from rag.retrieval.candidates import Candidates
from rag.retrieval.dress import dressed


def reranked(store: Store, reranker: Reranker, question: str, found: Candidates) -> Candidates:
    """The candidates in the order of the reranker, with its scores.

    Raises ValueError where it does not give the same hits, or not in the order of their scores.
    """
    hits = dressed(store, found, len(found), question=question)
    if not hits:
        return found
    places = {hit.chunk.id: place for place, hit in enumerate(hits)}
    better = reranker.rerank(question, hits)
    scores = np.array([hit.score for hit in better], np.float32)
    unsorted = not np.isfinite(scores).all() or (np.diff(scores) > 0).any()
    if {hit.chunk.id for hit in better} != places.keys() or len(better) != len(hits) or unsorted:
        raise ValueError(f"{type(reranker).__name__} has to give the same hits back, with new scores, best first")
    order = np.array([places[hit.chunk.id] for hit in better], np.int64)
    return replace(found.taken(order), scores=scores, rerank=scores)
