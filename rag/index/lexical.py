"""Lexical search: BM25 over terms, by SQLite's FTS5, in the same transaction as the rows.

    text ─terms→ escaped, joined by spaces ─→ FTS5        query ─terms→ the rarest, joined by OR ─→ rows, BM25

A term may hold any character (kx-204-b); everything that FTS5's ASCII tokenizer would split at or fold is escaped,
so that a term is one token and two terms are never the same one.

BM25 is FTS5's, with k1 = 1.2, b = 0.75 and idf = ln((N - n + 0.5) / (n + 0.5)), at least 1e-6, for a term in n of N
chunks; its sign is turned, so that higher is better. `mass` uses ln((N - n + 0.5) / (n + 0.5) + 1) instead, which
stays positive for common terms and is largest for one that does not occur.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rag.index.database import Database
from rag.index.schema import checksum
from rag.text.terms import content_words, terms

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

MOST_TERMS = 64
"""Terms of a query that are looked up; of a longer one, the rarest."""

FEW = 5000
"""Rows up to which those wanted are listed in the query; of more, the best matches are looked through first."""

# The plus keeps SQLite from running the whole query, statistics included, once for every row.
_AMONG = "AND +rowid IN (SELECT value FROM json_each(?))"
_FREQUENCY = "SELECT doc FROM lexical_terms WHERE term = ?"
_ESCAPED = re.compile(r"[^a-z0-9\u0080-\ud7ff\ue000-\U0010ffff]")


def entry(text: str) -> str:
    """What is stored for a text: its terms, escaped, in order."""
    return " ".join(escape(term) for term in terms(text))


@lru_cache(maxsize=65536)
def escape(term: str) -> str:
    """The term as one token of FTS5; different terms give different tokens."""
    return _ESCAPED.sub(lambda found: f"_{ord(found[0]):x}_", term)


def add(database: Database, texts: Iterable[tuple[int, str]]) -> None:
    """Index (row, text) pairs."""
    entries = ((row, entry(text)) for row, text in texts)
    database.many(
        "INSERT INTO lexical (rowid, terms, crc) VALUES (?, ?, ?)",
        ((row, stored, checksum("lexical", row, stored)) for row, stored in entries),
    )


def remove(database: Database, rows: Iterable[int]) -> None:
    """Take rows out."""
    database.many("DELETE FROM lexical WHERE rowid = ?", ((row,) for row in rows))


def search(database: Database, query: str, k: int, count: int, among: Numbers | None = None) -> tuple[Numbers, Floats]:
    """Rows and BM25 scores (> 0) of the `k` best of `count` chunks, best first; of equal ones the older first.

    `among` (m,) are the rows that are wanted, ascending; all where it is None.
    """
    match = _match(database, query, count)
    wanted = k if among is None else min(k, len(among))
    if not match or wanted < 1:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    if among is None:
        return _best(database, match, wanted)
    if len(among) <= FEW:
        return _best_among(database, match, wanted, among)
    depth = 2 * wanted * count // len(among)
    rows, found = _best(database, match, depth)
    kept = np.isin(rows, among, assume_unique=True)
    if kept.sum() >= wanted or len(rows) < depth:
        return rows[kept][:wanted], found[kept][:wanted]
    return _best_among(database, match, wanted, among)


def _best_among(database: Database, match: str, k: int, among: Numbers) -> tuple[Numbers, Floats]:
    return _best(database, match, k, _AMONG, json.dumps(among.tolist()))


def _best(database: Database, match: str, k: int, condition: str = "", *values: str) -> tuple[Numbers, Floats]:
    found = database.all(
        f"SELECT rowid, -bm25(lexical) FROM lexical WHERE lexical MATCH ? {condition} "
        "ORDER BY bm25(lexical), rowid LIMIT ?",
        (match, *values, k),
    )
    return np.array([row for row, _ in found], np.int64), np.array([score for _, score in found], np.float32)


def scores(database: Database, query: str, rows: Numbers, count: int) -> Floats:
    """BM25 of each row, in the rows' order, as `search` scores it; 0 where no term matches."""
    match = _match(database, query, count)
    if not match or not len(rows):
        return np.zeros(len(rows), np.float32)
    found = dict(
        database.all(
            f"SELECT rowid, -bm25(lexical) FROM lexical WHERE lexical MATCH ? {_AMONG}",
            (match, json.dumps(rows.tolist())),
        )
    )
    return np.array([found.get(int(row), 0.0) for row in rows], np.float32)


def exact(database: Database, query: str, rows: Numbers, count: int) -> Floats:
    """How much of the query's numbers and identifiers each row holds as they are typed, 0..1, in the rows' order.

    Each counts with its IDF, as a share of the IDF of all words of the query: alone all, in a long question little.
    """
    words = {forms[0] for forms in content_words(query)}
    typed = [word for word in words if any(map(str.isdigit, word))]
    shares = np.zeros(len(rows), np.float32)
    if not typed or not len(rows):
        return shares
    idfs = {word: idf(database, word, count) for word in words}
    listed = json.dumps(rows.tolist())
    for word in sorted(typed, key=lambda word: (-idfs[word], word))[:MOST_TERMS]:
        found = database.all(f"SELECT rowid FROM lexical WHERE lexical MATCH ? {_AMONG}", (f'"{escape(word)}"', listed))
        shares += np.isin(rows, [row for (row,) in found]) * np.float32(idfs[word] / sum(idfs.values()))
    return shares


def mass(database: Database, query: str, count: int) -> float:
    """Sum of the IDF of the query's distinct terms, known or not; 0 for a query without terms."""
    return sum(_idf(n, count) for n in _frequencies(database, query).values())


def idf(database: Database, term: str, count: int) -> float:
    """The IDF of a term, known or not."""
    found = database.all(_FREQUENCY, (escape(term),))
    return _idf(int(found[0][0]) if found else 0, count)


def _idf(n: int, count: int) -> float:
    return math.log((count - n + 0.5) / (n + 0.5) + 1)


def _match(database: Database, query: str, count: int) -> str:
    """FTS5's query for the terms that tell chunks apart; "" where none occurs.

    A term in more than half of the chunks has the least idf there is: it is left out where a rarer one occurs,
    since it costs the most and moves nothing.
    """
    frequencies = _frequencies(database, query)
    present = sorted((n, term) for term, n in frequencies.items() if n)
    telling = [term for n, term in present if 2 * n <= count]
    return " OR ".join(f'"{term}"' for term in (telling or [term for _, term in present])[:MOST_TERMS])


def _frequencies(database: Database, query: str) -> dict[str, int]:
    """In how many chunks each distinct term of the query occurs."""
    wanted: Sequence[str] = list(dict.fromkeys(escape(term) for term in terms(query)))
    # One lookup a term: joined in one statement, SQLite would read the whole vocabulary.
    found = database.each(_FREQUENCY, ((term,) for term in wanted))
    return {term: int(rows[0][0]) if rows else 0 for term, rows in zip(wanted, found, strict=True)}
