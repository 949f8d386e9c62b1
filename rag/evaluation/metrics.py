"""Figures of retrieval per query (by pytrec_eval, so trec_eval's own), means with bootstrap intervals, paired tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytrec_eval
from numpy.typing import NDArray

DEPTH = 10  # documents that are judged per query
MEASURES = {"ndcg@10": "ndcg_cut_10", "recall@5": "recall_5", "recall@10": "recall_10", "mrr@10": "recip_rank"}
RESAMPLES = 2000
DRAWS = 500  # of statistics that are no means: each draw is worked out by itself
_SLAB = 2_000_000  # values drawn at once: some 16 MB


@dataclass(frozen=True, slots=True)
class Figure:
    """A mean with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How the values of one setting differ from those of another on the same queries.

    `mean` is other − one with its 95 % bootstrap interval; `p` is that of the paired randomisation test (Smucker,
    Allan, Carterette 2007): how often a difference at least so large comes about where which is which is drawn by lot.
    `better`, `worse` and `equal` count queries, from the other's side.
    """

    mean: float
    low: float
    high: float
    p: float
    better: int
    worse: int
    equal: int


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


def interval(
    count: int, statistic: Callable[[NDArray[np.int64]], float | None], *, seed: int = 0
) -> tuple[float, float] | None:
    """The 95 % bootstrap interval of a statistic of `count` things, which is given the numbers of those drawn.

    Draws of which it makes nothing are left out; None where that is all of them.
    """
    generator = np.random.default_rng(seed)
    drawn = (statistic(generator.integers(0, count, count)) for _ in range(DRAWS if count else 0))
    values = [value for value in drawn if value is not None]
    if not values:
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def percentiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """p50 and p95 in milliseconds; empty for no values."""
    if not seconds:
        return {}
    p50, p95 = np.percentile(np.asarray(seconds) * 1000, [50, 95])
    return {"p50": float(p50), "p95": float(p95)}


def difference(one: Sequence[float], other: Sequence[float], *, seed: int = 0) -> Difference:
    """How `other` differs from `one`, query by query, in the same order. Raises ValueError for no or unlike values."""
    changes = np.asarray(other, dtype=np.float64) - np.asarray(one, dtype=np.float64)
    found = figure(changes.tolist(), seed=seed)
    better, worse = int((changes > 0).sum()), int((changes < 0).sum())
    return Difference(
        *(found.mean, found.low, found.high, _chance(changes, seed)), better, worse, len(changes) - better - worse
    )


def _chance(changes: NDArray[np.float64], seed: int) -> float:
    """The p of the paired randomisation test, two-sided; never 0, since what was seen is one of the draws."""
    moved = changes[changes != 0]
    if not len(moved):
        return 1.0
    generator = np.random.default_rng(seed)
    seen = abs(moved.sum()) * (1 - 1e-12)
    as_large = sum(
        int((np.abs(_signs(generator, rows, len(moved)) @ moved) >= seen).sum()) for rows in _slabs(len(moved))
    )
    return (1 + as_large) / (1 + RESAMPLES)


def _signs(generator: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    return np.where(generator.random((rows, columns)) < 0.5, -1.0, 1.0)


def _resampled_means(data: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Means (RESAMPLES,) of samples of the values, drawn with replacement, in slabs that fit into memory."""
    generator = np.random.default_rng(seed)
    means = [data[generator.integers(0, len(data), size=(rows, len(data)))].mean(axis=1) for rows in _slabs(len(data))]
    return np.concatenate(means)


def _slabs(width: int) -> Iterator[int]:
    """Draws of `width` values each that are made at once, `RESAMPLES` in all."""
    rows = max(1, _SLAB // width)
    for done in range(0, RESAMPLES, rows):
        yield min(rows, RESAMPLES - done)
