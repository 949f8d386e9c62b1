"""One formula for the order of candidates, and where it comes from.

    first(c) = d · z(dense) + l · held · z(lexical) + e · exact + n · named   over all candidates of a group
    score(c) = first(c) + m · z(late)                                         over those that late interaction looks at

`z` is the distance from the mean in population standard deviations over the candidates. `held` is how much of the
question the candidate holds: its BM25 as a share of the question's IDF mass, at most 1. One that shares a word or a
number with a question whose answer is in another language stands out in BM25 too, but holds little of it. Against a
weight for the whole question (the share of its mass that the corpus knows), this costs nothing where question and
documents share a language and finds more across languages (docs/decisions.md, "Formula").

`exact` is how much of the question the numbers and identifiers are that the candidate holds as they are typed (their
share of its words' IDF), or, where that is more, the quoted phrases: to the other legs KX-204 and KX-240 are nearly the
same, and the order of words is nothing.

`named` is how far the question names the candidate's document by its path (`rag.index.names`): of documents of one kind
nothing else tells which is meant.

The weights d, l, e, n and m are those of `Fusion`; `rag tune` looks for others on a user's own questions. With `method`
"rrf" ranks are fused instead: the sum of 1 / (60 + rank) over the legs in which a candidate has a score (Cormack,
Clarke, Buettcher 2009, which has the 60). Ranks are those among the candidates of a group.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

Method = Literal["scores", "rrf"]

RRF_CONSTANT = 60.0


@dataclass(frozen=True, slots=True)
class Fusion:
    """How the legs are joined: by their scores with these weights (>= 0), or by their ranks alone."""

    method: Method = "scores"
    dense: float = 1.0
    lexical: float = 1.0
    exact: float = 6.0
    named: float = 7.0
    late: float = 2.5

    def __post_init__(self) -> None:
        if self.method not in get_args(Method):
            raise ValueError(f"method={self.method!r} is none of {', '.join(get_args(Method))}")
        for name, weight in self.weights.items():
            if not 0 <= weight < math.inf:
                raise ValueError(f"the weight {name}={weight} is not a number from 0 on")

    @property
    def weights(self) -> dict[str, float]:
        """Each leg with its weight."""
        return {
            "dense": self.dense,
            "lexical": self.lexical,
            "exact": self.exact,
            "named": self.named,
            "late": self.late,
        }


DEFAULT = Fusion()


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


def reciprocal_ranks(values: Floats) -> Floats:
    """1 / (60 + rank) for each of `values` (n,); the highest has rank 1, equal ones have the same."""
    ranks = np.searchsorted(np.sort(-values), -values) + 1
    return np.asarray(1 / (RRF_CONSTANT + ranks), np.float32)


def held(lexical: Floats, mass: float) -> Floats:
    """How much of the question each candidate holds, 0..1: its BM25 (n,) as a share of the question's IDF mass."""
    return np.asarray(np.minimum(1.0, lexical / mass) if mass > 0 else np.zeros_like(lexical), np.float32)


def fuse_first(
    dense: Floats, lexical: Floats, exact: Floats, named: Floats, mass: float, fusion: Fusion = DEFAULT
) -> Floats:
    """The order in which late interaction looks at candidates: (n,) from (n,) dense, lexical, exact and named.

    `mass` is the sum of the IDF of the question's terms.
    """
    if fusion.method == "rrf":
        found = (np.where(leg > 0, reciprocal_ranks(leg), np.float32(0)) for leg in (lexical, exact, named))
        return np.asarray(reciprocal_ranks(dense) + sum(found), np.float32)
    fused: Floats = np.float32(fusion.dense) * zscores(dense)
    fused += np.float32(fusion.lexical) * held(lexical, mass) * zscores(lexical)
    fused += np.float32(fusion.exact) * exact + np.float32(fusion.named) * named
    return fused


def fuse_late(first: Floats, late: Floats, fusion: Fusion = DEFAULT) -> Floats:
    """The final scores (m,) of the candidates that late interaction looked at, from their first scores and MaxSim."""
    if fusion.method == "rrf":
        return first + reciprocal_ranks(late)
    fused: Floats = first + np.float32(fusion.late) * zscores(late)
    return fused
