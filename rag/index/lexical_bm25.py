"""BM25 of chunks, and the best of all without looking at all.

A term in n of N chunks adds idf · tf · (k1 + 1) / (tf + k1 · (1 - b + b · length / mean)) to the score of a chunk that
has it tf times, with k1 = 1.2, b = 0.75 and idf = ln((N - n + 0.5) / (n + 0.5)), at least 1e-6. That is never more
than idf · (k1 + 1). So postings are read of the rarest term first, and once the k-th best is above all that the other
terms can add, a chunk that has only these is none of the best (MaxScore: Turtle and Flood 1995). When few chunks are
left in question, their own entries are shorter than the postings of common terms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.index import lexical_postings as kept
from rag.index.database import Database, damaged

Doubles = NDArray[np.float64]
Numbers = NDArray[np.int64]

_K1, _B = 1.2, 0.75
_LEAST_IDF = 1e-6
_ROUNDING = 1e-9
_ENTRY_COST = 1500  # an entry takes as long to read as so many postings,
_LOOK_COST = 16  # and a posting as to look at the scores of so many chunks


@dataclass(frozen=True, slots=True)
class Query:
    """Terms, the rarest first, with the IDF of each; `mean` is the mean length of chunks."""

    terms: Sequence[kept.Term]
    idfs: Sequence[float]
    mean: float

    @classmethod
    def of(cls, terms: Sequence[kept.Term], chunks: int, length: int) -> Query:
        """The query for terms of an index of so many chunks, which have `length` terms together."""
        ordered = sorted(terms, key=lambda term: (term.chunks, term.number))
        return cls(ordered, [_idf(term.chunks, chunks) for term in ordered], max(1, length) / max(1, chunks))

    def gain(self, which: int, counts: NDArray[np.integer], lengths: NDArray[np.integer]) -> Doubles:
        """What a term adds to the scores of chunks of these lengths that have it so often."""
        return self.idfs[which] * ((_K1 + 1) * counts / (counts + _K1 * (1 - _B + _B / self.mean * lengths)))

    def rest(self, which: int) -> float:
        """The most that the terms from this one on can add."""
        most = sum(self.idfs[which:]) * (_K1 + 1)
        return most + _ROUNDING if most else 0.0

    def scores(self, entries: kept.Entries) -> Doubles:
        """The scores of entries that were read with the query's terms."""
        total = np.zeros(len(entries.rows))
        for which in range(len(self.terms)):
            total += self.gain(which, entries.counts[:, which], entries.lengths)
        return total


def best(database: Database, query: Query, k: int, among: Numbers | None = None) -> tuple[Numbers, Doubles]:
    """Rows and scores (> 0) of the `k` best chunks, best first; of equal ones the older first.

    `among` (m,) are the rows that are wanted, ascending; all where it is None.
    """
    newest = kept.newest(database, query.terms)
    field = _Field.of(database, newest, among)
    wanted = slice(None) if among is None else np.isin(newest.rows, among)
    new_rows, new_scores = newest.rows[wanted], query.scores(newest)[wanted]
    total = np.zeros(len(field.lengths))
    left: Numbers | None = None  # places of chunks in question; all where it is None
    for which, term in enumerate(query.terms):
        if left is not None and len(left) * _ENTRY_COST < sum(each.chunks for each in query.terms[which:]):
            entries = kept.entries_of(database, field.rows(left), query.terms)
            return best_of(np.append(entries.rows, new_rows), np.append(query.scores(entries), new_scores), k)
        places, counts = field.postings(which, term)
        if left is not None:
            both = _found(places, left)
            places, counts = places[both], counts[both]
        total[places] += query.gain(which, counts, field.lengths[places])
        left = _in_question(total, left, query, which + 1, new_scores, k)
    if left is None:
        left = np.flatnonzero(total > 0)
    return best_of(np.append(field.rows(left), new_rows), np.append(total[left], new_scores), k)


def best_of(rows: Numbers, scores: Doubles, k: int) -> tuple[Numbers, Doubles]:
    """The `k` best with a score above 0, best first; of equal ones the older first."""
    enough = np.flatnonzero((scores > 0) & (scores >= _kth(scores, k)))
    order = enough[np.lexsort((rows[enough], -scores[enough]))][:k]
    return rows[order], scores[order]


def _in_question(
    total: Doubles, left: Numbers | None, query: Query, done: int, others: Doubles, k: int
) -> Numbers | None:
    """The places that may be among the best `k` whatever the terms from `done` on bring; None where all may."""
    rest = query.rest(done)
    if rest >= query.rest(0) - rest:  # no score can be above the rest
        return left
    if left is None and rest and query.terms[done].chunks * _LOOK_COST < len(total):
        return left
    found = total if left is None else total[left]
    least = _kth(np.append(found[found > rest], others[others > rest]), k)
    if not least:
        return left
    possible = np.flatnonzero(found >= least - rest)
    return possible if left is None else left[possible]


def _kth(scores: Doubles, k: int) -> float:
    """The k-th best score; 0 where there are fewer."""
    return float(np.partition(scores, -k)[-k]) if len(scores) >= k else 0.0


def _found(among: Numbers, wanted: Numbers) -> Numbers:
    """Where in the ascending `among` those of `wanted` are that it has."""
    at = np.searchsorted(among, wanted)
    inside = at < len(among)
    at, wanted = at[inside], wanted[inside]
    same: Numbers = at[among[at] == wanted]
    return same


@dataclass(frozen=True, slots=True)
class _Field:
    """The chunks in segments, each with a place: the segments' rows one after the other."""

    database: Database
    segments: Sequence[kept.Segment]
    firsts: Numbers
    lengths: NDArray[np.integer]
    wanted: NDArray[np.bool_] | None
    newest: kept.Entries

    @classmethod
    def of(cls, database: Database, newest: kept.Entries, among: Numbers | None) -> _Field:
        """The field of an index; `newest` are its chunks that are in no segment."""
        segments = kept.segments(database)
        spans = [segment.stop - segment.start for segment in segments]
        firsts = np.concatenate([[0], np.cumsum(spans)]).astype(np.int64)
        lengths = np.concatenate([np.empty(0, np.uint16), *(segment.lengths for segment in segments)])
        wanted = None
        if among is not None:
            wanted = np.zeros(len(lengths), bool)
            for segment, first in zip(segments, firsts.tolist(), strict=False):
                low, high = np.searchsorted(among, (segment.start, segment.stop))
                wanted[among[low:high] - segment.start + first] = True
        return cls(database, segments, firsts, lengths, wanted, newest)

    def rows(self, places: Numbers) -> Numbers:
        """The rows at these places."""
        starts = np.array([segment.start for segment in self.segments], np.int64)
        which = np.searchsorted(self.firsts, places, side="right") - 1
        return (starts - self.firsts[:-1])[which] + places

    def postings(self, which: int, term: kept.Term) -> tuple[Numbers, Numbers]:
        """The places of the wanted chunks that have the query's term `which`, and how often they have it.

        Raises IndexDamaged where these are not as many chunks as the term has.
        """
        found = kept.postings(self.database, term, self.segments)
        firsts = self.firsts.tolist()
        places = np.concatenate(
            [np.empty(0, np.int64), *(at + first for (at, _), first in zip(found, firsts, strict=False))]
        )
        counts = np.concatenate([np.empty(0, np.int64), *(counts for _, counts in found)])
        missing = term.chunks - np.count_nonzero(self.newest.counts[:, which])
        if len(places) != missing:
            live = self.lengths[places] > 0
            places, counts = places[live], counts[live]
        if len(places) != missing:
            raise damaged(self.database.file, f"term {term.number} of lexical search is not in {term.chunks} chunks")
        if self.wanted is None:
            return places, counts
        wanted = self.wanted[places]
        return places[wanted], counts[wanted]


def _idf(n: int, chunks: int) -> float:
    return max(math.log((chunks - n + 0.5) / (n + 0.5)), _LEAST_IDF) if 2 * n < chunks else _LEAST_IDF
