"""What is looked at: the union of each leg's best, every candidate with the exact scores of both legs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rag.datatypes import Embeddings
from rag.protocols import Store
from rag.retrieval.fuse import fuse_first, fuse_late

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

LEG_DEPTH = 100
LATE_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Candidates:
    """n rows, best first: `rows` (n,) int64, `scores` and the legs (n,) float32; `late` is NaN where not computed."""

    rows: NDArray[np.int64]
    scores: Floats
    dense: Floats
    lexical: Floats
    late: Floats


def gather(store: Store, question: str, query: Embeddings, k: int) -> Candidates:
    """At least `k` candidates (where the index has them) in the order of the first fusion.

    `query` is the question's Embeddings (n = 1).
    """
    depth = max(LEG_DEPTH, 2 * k)
    vector = query.vectors[0]
    near, _ = store.search_dense(vector, depth)
    matching, _ = store.search_lexical(question, depth)
    rows = np.union1d(near, matching).astype(np.int64)
    dense = store.dense_scores(vector, rows)
    lexical = store.lexical_scores(question, rows)
    scores = fuse_first(dense, lexical, store.coverage(question))
    late = np.full(len(rows), np.nan, dtype=np.float32)
    return _ordered(Candidates(rows, scores, dense, lexical, late))


def look_closer(store: Store, query: Embeddings, candidates: Candidates, k: int) -> Candidates:
    """The same candidates with the first `max(LATE_DEPTH, k)` reordered by late interaction (MaxSim).

    `query` holds the question's token vectors. The rest keep their order behind them.
    """
    depth = max(LATE_DEPTH, k)
    head, tail = _split(candidates, depth)
    if len(head.rows) == 0:
        return candidates
    late = store.late_scores(query.tokens[0], head.rows)
    head = _ordered(Candidates(head.rows, fuse_late(head.scores, late), head.dense, head.lexical, late))
    return _joined(head, _sunk(tail, float(head.scores[-1])))


def _sunk(tail: Candidates, floor: float) -> Candidates:
    """The tail lowered below `floor`: its scores lack the late leg, and a score must sort as its rank does."""
    if len(tail.rows) == 0:
        return tail
    scores = tail.scores - max(0.0, float(tail.scores[0]) - floor)
    return Candidates(tail.rows, scores, tail.dense, tail.lexical, tail.late)


def _ordered(found: Candidates) -> Candidates:
    """Best first; equal scores in the order of their rows, so that a search gives the same list every time."""
    order = np.lexsort((found.rows, -found.scores))
    return _taken(found, order)


def _taken(found: Candidates, order: NDArray[np.int64] | slice) -> Candidates:
    return Candidates(
        found.rows[order], found.scores[order], found.dense[order], found.lexical[order], found.late[order]
    )


def _split(found: Candidates, depth: int) -> tuple[Candidates, Candidates]:
    return _taken(found, slice(None, depth)), _taken(found, slice(depth, None))


def _joined(head: Candidates, tail: Candidates) -> Candidates:
    return Candidates(
        np.concatenate([head.rows, tail.rows]),
        np.concatenate([head.scores, tail.scores]),
        np.concatenate([head.dense, tail.dense]),
        np.concatenate([head.lexical, tail.lexical]),
        np.concatenate([head.late, tail.late]),
    )
