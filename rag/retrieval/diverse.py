"""Diversity: hits in an order in which each says something that those before it do not."""

from __future__ import annotations

import numpy as np

from rag.protocols import Store
from rag.retrieval.candidates import Candidates, joined
from rag.retrieval.fuse import zscores

LOOKED_AT = 200


def diversified(store: Store, found: Candidates, share: float) -> Candidates:
    """The first `LOOKED_AT` candidates by maximal marginal relevance, the others behind them; `share` is 0..1.

    Each is the one with the highest (1 - share) · z(score) - share · z(nearest): nearest is the largest cosine with
    one that was taken before (Carbonell, Goldstein 1998, with lambda = 1 - share). Cosines and scores are of different
    sizes from one embedder to the next, so both are taken as distances from their means over the candidates.
    """
    head, tail = found.taken(slice(None, LOOKED_AT)), found.taken(slice(LOOKED_AT, None))
    vectors = store.vectors(head.rows)
    cosines = vectors @ vectors.T
    apart = cosines[~np.eye(len(cosines), dtype=bool)]
    middle, spread = (float(apart.mean()), float(apart.std()) or 1.0) if len(apart) else (0.0, 1.0)
    likeness = (cosines - middle) / spread
    worth = (1 - share) * zscores(head.scores)
    taken: list[int] = []
    nearest = np.full(len(head), -np.inf)
    while len(taken) < len(head):
        gain = worth - share * nearest if taken else worth.copy()
        gain[taken] = -np.inf
        taken.append(int(gain.argmax()))
        nearest = np.maximum(nearest, likeness[taken[-1]])
    return joined([head.taken(np.array(taken, np.int64)), tail])
