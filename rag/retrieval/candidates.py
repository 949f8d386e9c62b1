"""What is looked at: the best of each leg in each language, every candidate with the exact scores of both legs.

Most embedders are not neutral between languages: a question is nearer to unrelated chunks of its own language than to
the right one in another (docs/decisions.md, "Mixed languages"). For these, each language's candidates are ranked
against each other, and how far one stands out among its own is what languages are compared by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rag.datatypes import Embeddings
from rag.protocols import Store
from rag.retrieval.fuse import fuse_first, fuse_late

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Rows = NDArray[np.int64]

LEG_DEPTH = 100
LATE_DEPTH = 50
LEAST_CHUNKS = 5  # fewer chunks of a language tell nothing of how its scores spread,
LEAST_SHARE = 0.02  # and a smaller share of the index is as likely a wrong guess as a language: both join the largest


@dataclass(frozen=True, slots=True)
class Candidates:
    """n rows, best first: `rows` (n,) int64, `scores` and the legs (n,) float32; `late` is NaN where not computed."""

    rows: Rows
    scores: Floats
    dense: Floats
    lexical: Floats
    late: Floats

    def __len__(self) -> int:
        return len(self.rows)

    def taken(self, which: Rows | slice) -> Candidates:
        """Those at these places, in this order."""
        return Candidates(*(getattr(self, name)[which] for name in self.__slots__))

    def ordered(self) -> Candidates:
        """Best first; equal scores in the order of their rows, so that a search gives the same list every time."""
        return self.taken(np.lexsort((self.rows, -self.scores)))


def gather(
    store: Store, question: str, query: Embeddings, k: int, *, neutral: bool = False, among: Rows | None = None
) -> list[Candidates]:
    """The candidates of each group by the first fusion, best first; at least `k` each where it has them.

    `query` is the question's Embeddings (n = 1). A group is a language; with an embedder that is `neutral` between
    languages there is one. With `among` (m,), ascending, only these rows are looked at.
    """
    depth = max(LEG_DEPTH, 2 * k)
    vector = query.vectors[0]
    counts = store.languages()
    groups = [frozenset(counts)] if neutral and counts else language_groups(counts)
    matching, _ = store.search_lexical(question, depth, among)
    spoken = store.languages_of(matching)
    mass = store.mass(question)
    found = []
    for group in groups:
        wanted = among if len(groups) == 1 else _both(store.rows_in(group), among)
        near, _ = store.search_dense(vector, depth, wanted)
        own = [row for row, language in zip(matching, spoken, strict=True) if len(groups) == 1 or language in group]
        rows = np.union1d(near, np.array(own, dtype=np.int64)).astype(np.int64)
        dense = store.dense_scores(vector, rows)
        lexical = store.lexical_scores(question, rows)
        late = np.full(len(rows), np.nan, dtype=np.float32)
        first = fuse_first(dense, lexical, store.exact(question, rows), mass)
        found.append(Candidates(rows, first, dense, lexical, late).ordered())
    return found


def _both(one: Rows, other: Rows | None) -> Rows:
    return one if other is None else np.intersect1d(one, other, assume_unique=True)


def language_groups(counts: dict[str, int]) -> list[frozenset[str]]:
    """Languages whose candidates are ranked apart, the largest first; `counts` has the chunks of each."""
    if not counts:
        return []
    least = max(LEAST_CHUNKS, LEAST_SHARE * sum(counts.values()))
    by_size = sorted(counts, key=lambda language: (-counts[language], language))
    apart = [language for language in by_size[1:] if counts[language] >= least and language]
    largest = frozenset(counts) - frozenset(apart)
    return [largest, *(frozenset({language}) for language in apart)]


def look_closer(store: Store, query: Embeddings, candidates: Sequence[Candidates], k: int) -> Candidates:
    """All candidates in one list, after late interaction (MaxSim) has looked at the first of each language.

    `query` holds the question's token vectors. Those it did not look at keep their order behind the others.
    """
    closer = [_looked_at(store, query, group, max(LATE_DEPTH, k)) for group in candidates if len(group)]
    return _joined(closer).ordered()


def _looked_at(store: Store, query: Embeddings, group: Candidates, depth: int) -> Candidates:
    head, tail = group.taken(slice(None, depth)), group.taken(slice(depth, None))
    late = store.late_scores(query.tokens[0], head.rows)
    head = replace(head, scores=fuse_late(head.scores, late), late=late).ordered()
    if not len(tail):
        return head
    # The tail's scores lack the late leg, and a score must sort as its rank does.
    lowered = tail.scores - max(0.0, float(tail.scores[0] - head.scores[-1]))
    return _joined([head, replace(tail, scores=lowered)])


def _joined(parts: Sequence[Candidates]) -> Candidates:
    if not parts:
        nothing = np.zeros(0, dtype=np.float32)
        return Candidates(np.zeros(0, dtype=np.int64), nothing, nothing, nothing, nothing)
    return Candidates(*(np.concatenate([getattr(part, name) for part in parts]) for name in Candidates.__slots__))
