"""What is looked at: the best of each leg in each language, every candidate with the exact scores of both legs.

Most embedders are not neutral between languages: a question is nearer to unrelated chunks of its own language than to
the right one in another (docs/decisions.md, "Mixed languages"). For these, each language's candidates are ranked
against each other, and how far one stands out among its own is what languages are compared by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rag.datatypes import Embeddings
from rag.protocols import Store
from rag.retrieval.fuse import DEFAULT, Fusion, fuse_first, fuse_late
from rag.retrieval.phrases import holding, quoted, shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Rows = NDArray[np.int64]

LEG_DEPTH = 100
LATE_DEPTH = 50
NAMED_DEPTH = 50  # how many more rows each leg is asked for of documents that the question names,
SINGLED_OUT = 1 / 12  # which it does with half of what singles out one (`rag.index.names`),
MOST_NAMED = 10  # and of so many at most
LEAST_CHUNKS = 5  # fewer chunks of a language tell nothing of how its scores spread,
LEAST_SHARE = 0.02  # and a smaller share of the index is as likely a wrong guess as a language: both join the largest


@dataclass(frozen=True, slots=True)
class Candidates:
    """n rows: `rows` (n,) int64, `scores` and the legs (n,) float32; a leg that did not run is NaN there."""

    rows: Rows
    scores: Floats
    dense: Floats
    lexical: Floats
    exact: Floats
    named: Floats
    late: Floats
    rerank: Floats

    @classmethod
    def of(
        cls, rows: Rows, scores: Floats, *, dense: Floats | None = None, lexical: Floats | None = None
    ) -> Candidates:
        """Those that fewer legs have found."""
        unknown = np.full(len(rows), np.nan, np.float32)
        near, matching = (unknown if leg is None else leg for leg in (dense, lexical))
        nothing = np.zeros(len(rows), np.float32)
        return cls(rows, scores, near, matching, nothing, nothing, unknown, unknown)

    def __len__(self) -> int:
        return len(self.rows)

    def taken(self, which: Rows | slice) -> Candidates:
        """Those at these places, in this order."""
        return Candidates(*(getattr(self, name)[which] for name in self.__slots__))

    def ordered(self) -> Candidates:
        """Best first; equal scores in the order of their rows, so that a search gives the same list every time."""
        return self.taken(np.lexsort((self.rows, -self.scores)))


@dataclass(frozen=True, slots=True)
class Search:
    """What candidates are searched for: a `question`, its Embeddings (n = 1) and how many each group is to have.

    A group is a language; with an embedder that is `neutral` between languages there is one. With `among` (m,),
    ascending, only these rows are looked at.
    """

    question: str
    query: Embeddings
    k: int
    neutral: bool = False
    among: Rows | None = None


@dataclass(frozen=True, slots=True)
class Matches:
    """What a question's words find without its embedding: `rows` (n,) ascending, `held` those of each phrase.

    `named` are the documents that it names, with how far; `within` (m,), ascending, the rows of those it singles out.
    """

    rows: Rows
    held: dict[str, Rows]
    named: dict[str, float]
    within: Rows


def matches(store: Store, question: str, k: int, among: Rows | None = None) -> Matches:
    """The rows that the question's words lead to, for `k` candidates at least; of `among` (m,), ascending, alone."""
    found, _ = store.search_lexical(question, _depth(k), among)
    held = {phrase: holding(store, phrase, among) for phrase in quoted(question)}
    named = store.named(question)
    within = _singled_out(store, named, among)
    own = store.search_lexical(question, NAMED_DEPTH, within)[0] if len(within) else within
    return Matches(_union(found, *held.values(), own), held, named, within)


def _singled_out(store: Store, named: Mapping[str, float], among: Rows | None) -> Rows:
    """The rows, ascending, of the documents that are named best; none where these are many, or hardly named.

    Of those that have rows in `among`, if it is given: what a filter leaves out hides none that it lets through.
    """
    for most in sorted({share for share in named.values() if share >= SINGLED_OUT}, reverse=True):
        documents = [document for document, share in named.items() if share == most]
        if len(documents) > MOST_NAMED:
            break
        rows = np.sort(np.array([row for document in documents for row in store.rows_of(document)], np.int64))
        if len(within := _both(rows, among)):
            return within
    return np.zeros(0, np.int64)


def gather(
    store: Store, search: Search, *, fusion: Fusion = DEFAULT, matched: Callable[[], Matches] | None = None
) -> list[Candidates]:
    """The candidates of each group by the first fusion, best first; at least `k` each where it has them.

    `matched` gives what `matches` does for the same question, k and rows, where the caller has begun with it.
    """
    mass = store.mass(search.question)
    return [fused(group, mass, fusion) for group in legs(store, search, matched)]


def legs(store: Store, search: Search, matched: Callable[[], Matches] | None = None) -> list[Candidates]:
    """What `gather` finds before it is fused: scores are 0, the order is that of the rows."""
    question, vector, among = search.question, search.query.vectors[0], search.among
    counts = store.languages()
    groups = [frozenset(counts)] if search.neutral and counts else language_groups(counts)
    alone = len(groups) == 1
    wanted = [among if alone else _both(store.rows_in(group), among) for group in groups]
    nearest = [store.search_dense(vector, _depth(search.k), rows)[0] for rows in wanted]
    words = matched() if matched else matches(store, question, search.k, among)
    if len(words.within):
        inside = [store.search_dense(vector, NAMED_DEPTH, _both(words.within, rows))[0] for rows in wanted]
        nearest = [_union(*pair) for pair in zip(nearest, inside, strict=True)]
    spoken = np.array([] if alone else store.languages_of(words.rows), str)
    found = []
    for group, near in zip(groups, nearest, strict=True):
        own = words.rows if alone else words.rows[np.isin(spoken, list(group))]
        rows = _union(near, own)
        nothing, unknown = np.zeros(len(rows), np.float32), np.full(len(rows), np.nan, np.float32)
        dense, lexical = store.dense_scores(vector, rows), store.lexical_scores(question, rows)
        exact = np.maximum(store.exact(question, rows), shares(store, question, words.held, rows))
        documents = store.documents_of(rows) if words.named else []
        named = np.array([words.named.get(name, 0.0) for name in documents], np.float32) if documents else nothing
        found.append(Candidates(rows, nothing, dense, lexical, exact, named, unknown, unknown))
    return found


def fused(group: Candidates, mass: float, fusion: Fusion) -> Candidates:
    """The candidates of one group by the first fusion, best first; `mass` is that of the question."""
    first = fuse_first(group.dense, group.lexical, group.exact, group.named, mass, fusion)
    return replace(group, scores=first).ordered()


def _depth(k: int) -> int:
    """How many rows each leg is asked for."""
    return max(LEG_DEPTH, 2 * k)


def _union(*parts: Rows) -> Rows:
    """All rows, ascending, each once: as `np.unique` has it, but that imports `numpy.ma`, a cold search's 20 ms."""
    rows = np.sort(np.concatenate(parts)).astype(np.int64)
    return rows[np.flatnonzero(np.diff(rows, prepend=-1))]


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


def look_closer(
    score: Callable[[Rows], Floats], candidates: Sequence[Candidates], k: int, fusion: Fusion = DEFAULT
) -> Candidates:
    """All candidates in one list, after late interaction (MaxSim) has looked at the first of each language.

    `score` gives the MaxSim of rows. Those it did not look at keep their order behind the others.
    """
    closer = [_looked_at(score, group, max(LATE_DEPTH, k), fusion) for group in candidates if len(group)]
    return joined(closer).ordered()


def _looked_at(score: Callable[[Rows], Floats], group: Candidates, depth: int, fusion: Fusion) -> Candidates:
    head, tail = group.taken(slice(None, depth)), group.taken(slice(depth, None))
    late = score(head.rows)
    head = replace(head, scores=fuse_late(head.scores, late, fusion), late=late).ordered()
    return in_front(head, tail)


def in_front(head: Candidates, tail: Candidates) -> Candidates:
    """Both in one list. The tail's scores lack a leg and are lowered: a score must sort as its rank does."""
    if not len(tail) or not len(head):
        return joined([head, tail])
    last = head.scores[-1]
    # Less than the last one, not equal: of equal scores the older row comes first. Rounding may lift some above it.
    lowered = np.minimum(tail.scores - max(np.float32(0), tail.scores[0] - last), np.nextafter(last, -np.inf))
    return joined([head, replace(tail, scores=lowered)])


def joined(parts: Sequence[Candidates]) -> Candidates:
    """All in one list, one part behind the other."""
    if not parts:
        return Candidates.of(np.zeros(0, np.int64), np.zeros(0, np.float32))
    return Candidates(*(np.concatenate([getattr(part, name) for part in parts]) for name in Candidates.__slots__))
