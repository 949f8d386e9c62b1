"""Lexical search: BM25 over terms, in the same transaction as the rows.

    text ─terms→ how often each ─→ rows of the database (lexical_changes.py writes, lexical_postings.py reads)
    query ─terms→ the telling ones ─→ rows and BM25 (lexical_bm25.py)

`mass` uses another IDF than BM25, ln((N - n + 0.5) / (n + 0.5) + 1) for a term in n of N chunks: it stays positive for
common terms, and is largest for one that does not occur.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from rag.index import lexical_bm25 as bm25
from rag.index import lexical_changes as changes
from rag.index import lexical_postings as kept
from rag.index.database import Database
from rag.text.terms import content_words, terms

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

MOST_TERMS = 64
"""Terms of a query that are looked up; of a longer one, the rarest."""

BATCH = 1000
"""Chunks that are added or removed at once."""

FEW = 1000
"""Rows up to which the entries of those wanted are read; of more, postings."""


def add(database: Database, texts: Iterable[tuple[int, str]]) -> None:
    """Index (row, text) pairs."""
    pairs = iter(texts)
    while batch := list(islice(pairs, BATCH)):
        changes.add(database, [(row, Counter(terms(text))) for row, text in batch])


def remove(database: Database, rows: Iterable[int]) -> None:
    """Take rows out."""
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        changes.remove(database, batch)


def tidy(database: Database) -> None:
    """Make the segments anew that still hold postings of removed rows."""
    for start, stop in [(part.start, part.stop) for part in kept.segments(database) if changes.worn(part)]:
        changes.make(database, start, stop)


def search(database: Database, query: str, k: int, count: int, among: Numbers | None = None) -> tuple[Numbers, Floats]:
    """Rows and BM25 scores (> 0) of the `k` best of `count` chunks, best first; of equal ones the older first.

    `among` (m,) are the rows that are wanted, ascending; all where it is None.
    """
    asked = _asked(database, query, count)
    if k < 1 or not asked.terms:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    if among is not None and len(among) <= FEW:
        entries = kept.entries_of(database, among, asked.terms)
        rows, found = bm25.best_of(entries.rows, asked.scores(entries), k)
    else:
        rows, found = bm25.best(database, asked, k, among)
    return rows, found.astype(np.float32)


def scores(database: Database, query: str, rows: Numbers, count: int) -> Floats:
    """BM25 of each row, in the rows' order, as `search` scores it; 0 where no term matches."""
    asked = _asked(database, query, count)
    entries = kept.entries_of(database, rows, asked.terms)
    return _spread(entries.rows, asked.scores(entries), rows)


def exact(database: Database, query: str, rows: Numbers, count: int) -> Floats:
    """How much of the query's numbers and identifiers each row holds as they are typed, 0..1, in the rows' order.

    Each counts with its IDF, as a share of the IDF of all words of the query: alone all, in a long question little.
    """
    words = {forms[0] for forms in content_words(query)}
    typed = [word for word in words if any(map(str.isdigit, word))]
    if not typed or not len(rows):
        return np.zeros(len(rows), np.float32)
    found = kept.known(database, sorted(words))
    idfs = {word: _idf(found[word].chunks if word in found else 0, count) for word in words}
    looked_up = sorted((word for word in typed if word in found), key=lambda word: (-idfs[word], word))[:MOST_TERMS]
    entries = kept.entries_of(database, rows, [found[word] for word in looked_up])
    shares = (entries.counts > 0) @ np.array([idfs[word] for word in looked_up]) / sum(idfs.values())
    return _spread(entries.rows, shares, rows)


def having(database: Database, words: Sequence[Sequence[str]]) -> Numbers:
    """The rows, ascending, that have one term at least of each of these words."""
    held = [list(kept.known(database, forms).values()) for forms in words]
    found: Numbers | None = None
    for terms_of_word in sorted(held, key=lambda each: sum(term.chunks for term in each)):
        rows = kept.rows_with(database, terms_of_word)
        found = rows if found is None else np.intersect1d(found, rows, assume_unique=True)
        if not len(found):
            break
    return np.empty(0, np.int64) if found is None else found


def mass(database: Database, query: str, count: int) -> float:
    """Sum of the IDF of the query's distinct terms, known or not; 0 for a query without terms."""
    wanted = list(dict.fromkeys(terms(query)))
    found = kept.known(database, wanted)
    return sum(_idf(found[term].chunks if term in found else 0, count) for term in wanted)


def idf(database: Database, term: str, count: int) -> float:
    """The IDF of a term, known or not."""
    found = kept.known(database, [term])
    return _idf(found[term].chunks if found else 0, count)


def _idf(n: int, count: int) -> float:
    return math.log((count - n + 0.5) / (n + 0.5) + 1)


def _asked(database: Database, query: str, count: int) -> bm25.Query:
    """The terms of a query that tell chunks apart; none where none occurs.

    A term in more than half of the chunks has the least idf there is: it is left out where a rarer one occurs,
    since it costs the most and moves nothing.
    """
    found = kept.known(database, terms(query))
    present = sorted(found.values(), key=lambda term: (term.chunks, term.number))
    telling = [term for term in present if 2 * term.chunks <= count]
    return bm25.Query.of((telling or present)[:MOST_TERMS], count, kept.size(database))


def _spread(held: Numbers, values: NDArray[np.float64], rows: Numbers) -> Floats:
    """The value of each of the rows, in their order, where ascending `held` rows have these; 0 for others."""
    spread = np.zeros(len(rows), np.float32)
    if len(held):
        at = np.minimum(np.searchsorted(held, rows), len(held) - 1)
        same = held[at] == rows
        spread[same] = values[at[same]]
    return spread
