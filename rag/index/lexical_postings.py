"""What lexical search keeps: which terms each chunk has and, turned round, which chunks each term is in.

    lexical_entry    of each chunk its terms, and how often it has them: all else is made of these
    lexical_term     of each term its number, and how many chunks have it
    lexical_segment  rows [start, stop) that were turned round, and the length of each one's entry: 0 where it has none
    lexical_posting  of each term in each segment the rows that have it, ascending, and how often; in pages
    lexical_size     the length of all entries together

The newest entries are in no segment (lexical_changes.py): they are few, and read whole. Rows that were removed stay
in postings for a while; their length is 0.

A page holds the postings of some terms, of a frequent one alone: their number n, the n terms, how many postings each
has, and these, all uint32. A posting is the place in the segment (row - start) and, in its low bits, the count.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.index.database import Database, damaged
from rag.index.schema import checksum, pack

Numbers = NDArray[np.int64]
Small = NDArray[np.unsignedinteger]
Row = tuple[Any, ...]

ENTRY = np.dtype([("term", "<u4"), ("count", "<u2")])
COUNT_BITS = 15
_LOOKS = 3
MOST = (1 << COUNT_BITS) - 1
"""The most that a term counts in a chunk; BM25 has long stopped growing there."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term that chunks have: its number, and in how many of them it is."""

    number: int
    chunks: int


@dataclass(frozen=True, slots=True)
class Entries:
    """n entries by ascending row: `rows` (n,), `lengths` (n,), and `counts` (n, t) of the terms asked for."""

    rows: Numbers
    lengths: Numbers
    counts: Numbers


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows [start, stop) with the `lengths` (stop - start,) of their entries; `made` were there when it was made."""

    start: int
    stop: int
    made: int
    lengths: Small


def known(database: Database, terms: Iterable[str]) -> dict[str, Term]:
    """Those of the terms that chunks have."""
    wanted = {pack(term): term for term in terms}
    found = database.all(
        "SELECT t.id, t.term, t.chunks, t.crc FROM json_each(?) AS wanted CROSS JOIN lexical_term AS t "
        "ON t.term = wanted.value",
        (json.dumps(list(wanted)),),
    )
    rows = [sound(database, "lexical_term", row) for row in found]
    if len(rows) < len(wanted):
        database.kept("absent terms", _Absent).require(database, set(wanted) - {packed for _, packed, _ in rows})
    return {wanted[packed]: Term(number, chunks) for number, packed, chunks in rows}


def size(database: Database) -> int:
    """The length of all entries together, in terms."""
    rows = database.all("SELECT id, terms, crc FROM lexical_size")
    if not rows and database.all("SELECT 1 FROM lexical_entry LIMIT 1"):
        raise damaged(database.file, "the length of lexical search's entries is missing")
    return int(sound(database, "lexical_size", rows[0])[1]) if rows else 0


def settled(database: Database) -> int:
    """The row from which on entries are in no segment."""
    stop = database.all("SELECT coalesce(max(stop), 0) FROM lexical_segment")[0][0]
    if not isinstance(stop, int):
        raise damaged(database.file, "the segments of lexical search cannot be read")
    return stop


def segments(database: Database, start: int = 0, stop: int = 1 << 62) -> list[Segment]:
    """The segments of rows in [start, stop), in their order."""
    found = database.all(
        "SELECT start, stop, made, lengths, crc FROM lexical_segment WHERE start >= ? AND start < ? ORDER BY start",
        (start, stop),
    )
    return [_segment(database, row) for row in found]


def postings(database: Database, term: Term, among: Iterable[Segment]) -> list[tuple[Small, Small]]:
    """For each segment the places (row - start) of the rows that have the term, and how often they have it."""
    found = database.each(
        "SELECT place, rows, crc FROM lexical_posting WHERE place BETWEEN ? AND ? ORDER BY place DESC LIMIT 1",
        ((place(segment.start, 0), place(segment.start, term.number)) for segment in among),
    )
    pages = [sound(database, "lexical_posting", rows[0])[1] if rows else b"" for rows in found]
    held: list[Small] = [_in_page(np.frombuffer(page, "<u4"), term.number) for page in pages]
    return [(each >> np.uint32(COUNT_BITS), each & np.uint32(MOST)) for each in held]


def entries_of(database: Database, rows: Numbers, terms: Sequence[Term]) -> Entries:
    """The entries of those of the rows that have one."""
    found = database.all(
        "SELECT e.row, e.terms, e.crc FROM json_each(?) AS wanted CROSS JOIN lexical_entry AS e "
        "ON e.row = wanted.value",
        (json.dumps(sorted(set(rows.tolist()))),),
    )
    if len(found) < len(rows):
        _require_absent(database, set(rows.tolist()) - {row for row, _, _ in found})
    return _entries([sound(database, "lexical_entry", row) for row in found], terms)


def newest(database: Database, terms: Sequence[Term]) -> Entries:
    """The entries that are in no segment."""
    found = database.all("SELECT row, terms, crc FROM lexical_entry WHERE row >= ? ORDER BY row", (settled(database),))
    return _entries([sound(database, "lexical_entry", row) for row in found], terms)


def rows_with(database: Database, terms: Sequence[Term]) -> Numbers:
    """The rows, ascending, that have one of the terms at least."""
    own, fresh = segments(database), newest(database, terms)
    parts = [np.empty(0, np.int64)]
    for column, term in enumerate(terms):
        found = [fresh.rows[fresh.counts[:, column] > 0]]
        for segment, (places, _) in zip(own, postings(database, term, own), strict=True):
            live = places[segment.lengths[places] > 0]
            found.append(live.astype(np.int64) + segment.start)
        if sum(map(len, found)) != term.chunks:
            raise damaged(database.file, f"term {term.number} of lexical search is not in {term.chunks} chunks")
        parts += found
    return np.unique(np.concatenate(parts))


def place(start: int, term: int) -> int:
    """The place of a page whose first term this is, in the segment that begins at `start`."""
    return start << 32 | term


def sound(database: Database, table: str, row: Row) -> Row:
    """The row without its last value. Raises IndexDamaged where that is not the checksum of the others."""
    expected = term_checksum(*row[:-1]) if table == "lexical_term" else checksum(table, *row[:-1])
    if expected != row[-1]:
        raise damaged(database.file, f"a row of {table} ({row[0]}) does not have its checksum")
    return row[:-1]


def term_checksum(number: int, packed: str, chunks: int) -> int:
    """The checksum of a term's row: `checksum` takes some times as long, and each chunk changes a hundred terms."""
    return zlib.crc32(f"lexical_term {number} {chunks} {packed}".encode())


class _Absent:
    """Terms that were looked for a second time, in the table itself: the index that finds them may have lost some.

    To look for a few takes a fraction of what it takes to look for all (0.03 s and 0.25 s at 100,000 chunks), so that a
    single question, or a small commit, does not pay for it; whoever goes on asking does so once.
    """

    def __init__(self) -> None:
        self._terms: set[str] = set()
        self._looks = 0

    def require(self, database: Database, missing: set[str]) -> None:
        """Raise IndexDamaged where one of the missing is there."""
        fresh = missing - self._terms
        if not fresh or self._looks > _LOOKS:
            return
        if self._looks == _LOOKS:
            _require_terms(database)
        elif database.all(
            "SELECT 1 FROM lexical_term NOT INDEXED WHERE term IN (SELECT value FROM json_each(?)) LIMIT 1",
            (json.dumps(list(fresh)),),
        ):
            raise damaged(database.file, "terms of lexical search are not found")
        self._looks += 1
        self._terms |= fresh


def _require_terms(database: Database) -> None:
    """Raise IndexDamaged unless all terms are found where `known` looks for them: the index may have lost some."""
    lost = database.all(
        "SELECT 1 FROM lexical_term AS own NOT INDEXED WHERE NOT EXISTS (SELECT 1 FROM lexical_term AS found "
        "INDEXED BY sqlite_autoindex_lexical_term_1 WHERE found.term = own.term) LIMIT 1"
    )
    if lost:
        raise damaged(database.file, "terms of lexical search are not found")


def _require_absent(database: Database, rows: set[int]) -> None:
    """Raise IndexDamaged where one of these rows without an entry is a chunk: each chunk has one."""
    wanted = "SELECT c.row FROM json_each(?) AS wanted CROSS JOIN chunk AS c ON c.row = wanted.value LIMIT 1"
    for (row,) in database.all(wanted, (json.dumps(sorted(rows)),)):
        raise damaged(database.file, f"what lexical search knows of row {row} is missing")


def _segment(database: Database, row: Row) -> Segment:
    start, stop, made, data = sound(database, "lexical_segment", row)
    lengths: Small = np.frombuffer(data, "<u2" if len(data) == 2 * (stop - start) else "<u4")
    return Segment(start, stop, made, lengths)


def _in_page(page: Small, term: int) -> Small:
    count = int(page[0]) if len(page) else 0
    terms, sizes = page[1 : 1 + count], page[1 + count : 1 + 2 * count]
    at = int(np.searchsorted(terms, term))
    if at == count or terms[at] != term:
        return page[:0]
    first = 1 + 2 * count + int(sizes[:at].sum())
    return page[first : first + int(sizes[at])]


def _entries(rows: Sequence[Row], terms: Sequence[Term]) -> Entries:
    held = np.frombuffer(b"".join(data for _, data in rows), ENTRY)
    owners = np.repeat(np.arange(len(rows)), [len(data) // ENTRY.itemsize for _, data in rows])
    lengths = np.bincount(owners, held["count"], len(rows)).astype(np.int64)
    counts = np.zeros((len(rows), len(terms)), np.int64)
    for column, term in enumerate(terms):
        which = np.flatnonzero(held["term"] == term.number)
        counts[owners[which], column] = held["count"][which]
    return Entries(np.array([row for row, _ in rows], np.int64), lengths, counts)
