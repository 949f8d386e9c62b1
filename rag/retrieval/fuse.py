"""One formula for the order of candidates, and where it comes from.

    first(c) = z(dense) + held · z(lexical) + 6 · exact     over all candidates of a group
    score(c) = first(c) + 2.5 · z(late)                     over those that late interaction looked at

`z` is the distance from the mean in population standard deviations over the candidates. `held` is how much of the
question the candidate holds: its BM25 as a share of the question's IDF mass, at most 1. One that shares a word or a
number with a question whose answer is in another language stands out in BM25 too, but holds little of it. Against a
weight for the whole question (the share of its mass that the corpus knows), this costs nothing where question and
documents share a language and finds more across languages (docs/decisions.md, "Formula").

`exact` is how much of the question the numbers and identifiers are that the candidate holds as they are typed (their
share of its words' IDF): to the other legs KX-204 and KX-240 are nearly the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

LATE_WEIGHT = 2.5
EXACT_WEIGHT = 6.0


def zscores(values: Floats) -> Floats:
    """`values` (n,) as distances from their mean in population standard deviations; all 0 where they are equal."""
    if len(values) == 0:
        return values.astype(np.float32)
    exact = values.astype(np.float64)  # the mean of equal values is then that value
    spread = float(exact.std())
    if spread < 1e-9:
        return np.zeros(len(values), dtype=np.float32)
    z: Floats = ((exact - exact.mean()) / spread).astype(np.float32)
    return z


def fuse_first(dense: Floats, lexical: Floats, exact: Floats, mass: float) -> Floats:
    """The order in which late interaction looks at candidates: (n,) from (n,) dense, lexical and exact.

    `mass` is the sum of the IDF of the question's terms.
    """
    held = np.minimum(1.0, lexical / mass) if mass > 0 else np.zeros_like(lexical)
    fused: Floats = zscores(dense) + held.astype(np.float32) * zscores(lexical) + np.float32(EXACT_WEIGHT) * exact
    return fused


def fuse_late(first: Floats, late: Floats) -> Floats:
    """The final scores (m,) of the candidates that late interaction looked at, from their first scores and MaxSim."""
    fused: Floats = first + np.float32(LATE_WEIGHT) * zscores(late)
    return fused
