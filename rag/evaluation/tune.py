"""Better weights for the fusion, from a user's own questions: searched on one half of them, reported on the other.

No document's questions are on both sides: documents that are relevant to one question belong together, and a half is
told by the first hex digit of the SHA-256 of the first name among them. Each question is searched once, every candidate
gets the scores of all legs, and those are fused again for each choice of weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import EvaluationError
from rag.evaluation.build import built_index, document_names
from rag.evaluation.dataset import EvaluationSet, read_set
from rag.evaluation.metrics import DEPTH, Difference, difference, per_query
from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.protocols import Embedder
from rag.reports import NoProgress, Progress
from rag.retrieval.candidates import Candidates, Search, fused, legs, look_closer
from rag.retrieval.fuse import DEFAULT, Fusion

METRIC = "ndcg@10"
LEAST = 20
"""Questions that each half must have."""
CHOICES: dict[str, tuple[float, ...]] = {
    "late": (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0),
    "lexical": (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0),
    "exact": (0.0, 1.5, 3.0, 6.0, 9.0, 12.0),
    "named": (0.0, 2.0, 4.0, 7.0, 10.0),
}
"""What is tried; the weight of the embedding stays, since only the proportions count."""


@dataclass(frozen=True, slots=True)
class Half:
    """nDCG@10 of one half's questions with the weights as they were and as they are tuned."""

    queries: int
    before: float
    after: float
    difference: Difference


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was found. `development` is the half that the weights were chosen on, `rest` had no part in that."""

    before: Fusion
    after: Fusion
    development: Half
    rest: Half

    @property
    def better(self) -> bool:
        """Whether the new weights are worth having: the rest fares better with them, by more than chance."""
        return self.rest.difference.low > 0


def tune(
    given: str | Path | EvaluationSet,
    embedder: Embedder,
    *,
    chunking: Chunking | None = None,
    fusion: Fusion = DEFAULT,
    limit: int | None = None,
    index: str | Path | None = None,
    progress: Progress | None = None,
) -> Tuning:
    """The weights that rank the development half of a set's questions best, starting from those of `fusion`.

    The set is given, or in its folder; `limit` takes the first N queries of that.
    One weight after the other is moved to the best of `CHOICES`, until none moves. Raises EvaluationError for a set
    that is malformed or has fewer than `LEAST` judged questions in a half, ValueError for a fusion by ranks.
    """
    if fusion.method != "scores":
        raise ValueError(f"a fusion by {fusion.method} has no weights")
    dataset = given if isinstance(given, EvaluationSet) else read_set(Path(given), limit)
    shows = progress or NoProgress()
    development, rest = _halves(dataset)
    path = built_index(dataset, embedder, chunking or Chunking(), Path(index) if index else None, shows)
    with Index.open(path, embedder=embedder) as opened:
        names = document_names(dataset, opened)
        found = _cases(dataset, opened, embedder, names, shows)

    def values(which: Sequence[str], weights: Fusion) -> list[float]:
        rankings = {name: found[name].ranking(weights) for name in which}
        return list(per_query(rankings, dataset.qrels)[METRIC].values())

    chosen = _climb(fusion, lambda weights: float(np.mean(values(development, weights))))
    halves = [_half(values(which, fusion), values(which, chosen)) for which in (development, rest)]
    return Tuning(fusion, chosen, *halves)


def half_of(document: str) -> str:
    """The half that a document's questions belong to: "development" or "rest"."""
    return "development" if hashlib.sha256(document.encode()).hexdigest() < "8" else "rest"


@dataclass(frozen=True, slots=True)
class _Case:
    """One question's candidates by group, with the scores of all legs; `rows` (n,) of all groups are ascending."""

    groups: tuple[Candidates, ...]
    mass: float
    rows: NDArray[np.int64]
    late: NDArray[np.float32]
    documents: Mapping[int, tuple[str, ...]]

    def ranking(self, fusion: Fusion) -> list[str]:
        """The 10 best documents with these weights."""
        groups = [fused(group, self.mass, fusion) for group in self.groups]
        ordered = look_closer(self._late_of, groups, DEPTH, fusion)
        names = (name for row in ordered.rows.tolist() for name in self.documents[row])
        return list(dict.fromkeys(names))[:DEPTH]

    def _late_of(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.late[np.searchsorted(self.rows, rows)]


def _cases(
    dataset: EvaluationSet, index: Index, embedder: Embedder, names: Mapping[str, str], progress: Progress
) -> dict[str, _Case]:
    """Each judged query, searched once."""
    neutral = getattr(embedder, "neutral", False)
    documents: dict[int, tuple[str, ...]] = {}
    found: dict[str, _Case] = {}
    judged = [query for query in dataset.queries if query.id in dataset.qrels and not query.history]
    progress.start("search", len(judged))
    for query in judged:
        asked = embedder.embed_query(query.text, tokens=True)
        groups = tuple(legs(index, Search(query.text, asked, DEPTH, neutral)))
        rows = np.sort(np.concatenate([np.empty(0, np.int64), *(group.rows for group in groups)]))
        unseen = [row for row in rows.tolist() if row not in documents]
        for row, chunk in zip(unseen, index.chunks(unseen), strict=True):
            places = sorted(source.location for source in index.sources(chunk.document))
            documents[row] = tuple(names[place] for place in places if place in names)
        late = index.late_scores(asked.tokens[0], rows)
        found[query.id] = _Case(groups, index.mass(query.text), rows, late, documents)
        progress.advance(1)
    progress.finish()
    return found


def halves(qrels: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """Each query's half; no document is relevant in both."""
    from scipy.cluster.hierarchy import DisjointSet

    together = DisjointSet({document for relevant in qrels.values() for document in relevant})
    for relevant in qrels.values():
        for document in relevant:
            together.merge(min(relevant), document)
    first = {document: min(subset) for subset in together.subsets() for document in subset}
    return {query: half_of(first[min(relevant)]) for query, relevant in qrels.items()}


def _halves(dataset: EvaluationSet) -> tuple[list[str], list[str]]:
    """The judged queries of both halves. Raises EvaluationError where one is too small to tell anything."""
    half = halves(dataset.qrels)
    judged = [query.id for query in dataset.queries if query.id in half and not query.history]
    development, rest = ([name for name in judged if half[name] == each] for each in ("development", "rest"))
    if min(len(development), len(rest)) < LEAST:
        raise EvaluationError(
            f"{dataset.folder}: {len(development)} judged questions in the half to choose weights on and "
            f"{len(rest)} in the rest; {LEAST} in each are the least that tell anything "
            "(documents that are relevant to one question go together)"
        )
    return development, rest


def _climb(start: Fusion, score: Callable[[Fusion], float]) -> Fusion:
    """The weights with the best score that moving one of them at a time leads to; a tie moves nothing."""
    best, reached = start, score(start)
    moved = True
    while moved:
        moved = False
        for name, choices in CHOICES.items():
            for choice in choices:
                change: dict[str, Any] = {name: choice}
                trial = replace(best, **change)
                if trial != best and (gained := score(trial)) > reached + 1e-9:
                    best, reached, moved = trial, gained, True
    return best


def _half(before: Sequence[float], after: Sequence[float]) -> Half:
    return Half(len(before), float(np.mean(before)), float(np.mean(after)), difference(before, after))
