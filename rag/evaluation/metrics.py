"""Figures of retrieval per query (by pytrec_eval, so trec_eval's own), and means with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytrec_eval
from numpy.typing import NDArray

DEPTH = 10  # documents that are judged per query
MEASURES = {"ndcg@10": "ndcg_cut_10", "recall@5": "recall_5", "recall@10": "recall_10", "mrr@10": "recip_rank"}
RESAMPLES = 2000
_SLAB = 2_000_000  # values drawn at once: some 16 MB


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


def per_query(
    rankings: Mapping[str, Sequence[str]], qrels: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, float]]:
    """Measure → query → value, for the queries of `rankings` that `qrels` judges.

    `rankings` lists each query's documents, best first, no document twice; what is below `DEPTH` does not count
    (trec_eval's recip_rank knows no cut). A query that found nothing scores 0.
    """
    judged = {query: dict(qrels[query]) for query in rankings if query in qrels}
    # trec_eval sorts by score and breaks ties by name: scores made from ranks keep the order that was given.
    run = {
        query: {document: float(DEPTH - rank) for rank, document in enumerate(rankings[query][:DEPTH])}
        for query in judged
    }
    evaluator = pytrec_eval.RelevanceEvaluator(judged, set(MEASURES.values()))
    found = evaluator.evaluate({query: ranked for query, ranked in run.items() if ranked})
    return {
        name: {query: float(found[query][measure]) if query in found else 0.0 for query in judged}
        for name, measure in MEASURES.items()
    }


def figure(values: Sequence[float], *, seed: int = 0) -> Figure:
    """Mean and percentile bootstrap interval (95 %, `RESAMPLES` draws, fixed seed). Raises ValueError for no values."""
    if not values:
        raise ValueError("no values: a mean of nothing is not a figure")
    data = np.asarray(values, dtype=np.float64)
    low, high = np.percentile(_resampled_means(data, seed), [2.5, 97.5])
    return Figure(float(data.mean()), float(low), float(high))


def _resampled_means(data: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Means (RESAMPLES,) of samples of the values, drawn with replacement, in slabs that fit into memory."""
    generator = np.random.default_rng(seed)
    rows = max(1, _SLAB // len(data))
    means = [
        data[generator.integers(0, len(data), size=(min(rows, RESAMPLES - done), len(data)))].mean(axis=1)
        for done in range(0, RESAMPLES, rows)
    ]
    return np.concatenate(means)
