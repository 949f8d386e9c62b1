"""One formula for the order of candidates, and where it comes from.

    first(c) = z(dense) + coverage · z(lexical)                     over all candidates of a language
    score(c) = z(dense) + coverage · z(lexical) + 3 · z(late)       over those that late interaction looked at

`z` is the distance from the mean in population standard deviations over the candidates of one language. `coverage` is
the share of the query's IDF mass that occurs in the index: a question in another language than the documents knows
almost none of their terms, and the lexical leg then says almost nothing. Fixed reciprocal rank fusion gives that leg
half the vote whatever it knows, which costs .16–.24 nDCG@10 across languages (docs/decisions.md, "Fusion").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

LATE_WEIGHT = 3.0


def zscores(values: Floats) -> Floats:
    """`values` (n,) as distances from their mean in population standard deviations; all 0 where they are equal."""
    if len(values) == 0:
        return values.astype(np.float32)
    spread = float(values.std())
    if spread < 1e-9:
        return np.zeros(len(values), dtype=np.float32)
    z: Floats = ((values - values.mean()) / spread).astype(np.float32)
    return z


def fuse_first(dense: Floats, lexical: Floats, coverage: float) -> Floats:
    """The order in which late interaction looks at candidates: (n,) from (n,) dense, (n,) lexical, 0 ≤ coverage ≤ 1."""
    fused: Floats = zscores(dense) + np.float32(coverage) * zscores(lexical)
    return fused


def fuse_late(first: Floats, late: Floats) -> Floats:
    """The final scores (m,) of the candidates that late interaction looked at, from their first scores and MaxSim."""
    fused: Floats = first + np.float32(LATE_WEIGHT) * zscores(late)
    return fused
