"""Whether what lexical search keeps is what its entries say (lexical_postings.py): all of it is made of these."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexDamaged, RagError
from rag.index import lexical_changes as changes
from rag.index import lexical_postings as kept
from rag.index.database import Database

_TABLES = {
    "lexical_entry": "row, terms",
    "lexical_term": "id, term, chunks",
    "lexical_segment": "start, stop, made, lengths",
    "lexical_posting": "place, rows",
    "lexical_size": "id, terms",
}
_BATCH = 10_000


def damage(database: Database) -> Iterator[str]:
    """What is wrong, in words."""
    broken = [problem for table in _TABLES for problem in _broken(database, table)]
    yield from broken or _disagreement(database)


def _broken(database: Database, table: str) -> Iterator[str]:
    """Rows that do not have their checksums."""
    places = [place for (place,) in database.all(f"SELECT rowid FROM {table} NOT INDEXED ORDER BY rowid")]
    for start in range(0, len(places), _BATCH):
        own = places[start : start + _BATCH]
        for row in database.all(
            f"SELECT {_TABLES[table]}, crc FROM {table} WHERE rowid BETWEEN ? AND ?", (own[0], own[-1])
        ):
            try:
                kept.sound(database, table, row)
            except RagError:
                yield f"a row of {table} ({row[0]}) does not have its checksum"


def _disagreement(database: Database) -> Iterator[str]:
    """What sound rows say against each other."""
    counted = dict(database.all("SELECT id, chunks FROM lexical_term NOT INDEXED"))
    chunks, length = np.zeros(1, np.int64), 0
    for terms, counts in _entries(database):
        own = np.bincount(terms, minlength=len(chunks))
        own[: len(chunks)] += chunks
        chunks = own
        length += int(counts.sum())
    if counted != {number: int(chunks[number]) for number in np.flatnonzero(chunks).tolist()}:
        yield "the lexical index does not count the chunks of its terms"
    if length != _size(database):
        yield "the lexical index has a wrong length of its entries"
    stop = pages = 0
    for segment in kept.segments(database):
        if segment.start < stop or not _as_its_entries(database, segment):
            yield f"the lexical segment of row {segment.start} does not hold the terms of its entries"
        stop = segment.stop
        pages += _pages(database, segment)
    if pages != database.all("SELECT count(*) FROM lexical_posting NOT INDEXED")[0][0]:
        yield "the lexical index has postings that are in no segment"


def _size(database: Database) -> int:
    """The length of all entries as it is kept; -1 where it is lost."""
    try:
        return kept.size(database)
    except IndexDamaged:
        return -1


def _entries(database: Database) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.uint16]]]:
    """The terms of entries, and how often they have them, some entries at a time."""
    rows = [row for (row,) in database.all("SELECT row FROM lexical_entry NOT INDEXED ORDER BY row")]
    for start in range(0, len(rows), _BATCH):
        first, last = rows[start], rows[min(start + _BATCH, len(rows)) - 1]
        found = database.all("SELECT row, terms, crc FROM lexical_entry WHERE row BETWEEN ? AND ?", (first, last))
        own = [kept.sound(database, "lexical_entry", row) for row in found]
        entries = np.frombuffer(b"".join(terms for _, terms in own), kept.ENTRY)
        yield entries["term"], entries["count"]


def _as_its_entries(database: Database, segment: kept.Segment) -> bool:
    """Whether a segment has the lengths and the postings of the entries of its rows, where they are looked for."""
    again = kept.Segment(segment.start, segment.stop, 0, np.zeros(segment.stop - segment.start, np.uint32))
    wanted = changes.turned_round(database, segment.start, segment.stop, again)
    try:
        held = changes.live_keys(database, segment)
    except IndexDamaged:
        return False
    in_order = bool((held[1:] > held[:-1]).all())
    return in_order and np.array_equal(held, np.sort(wanted)) and np.array_equal(segment.lengths, again.lengths)


def _pages(database: Database, segment: kept.Segment) -> int:
    """How many pages a segment has whose place is that of their first term."""
    found = database.all(
        "SELECT place, rows, crc FROM lexical_posting WHERE place >= ? AND place < ?",
        (kept.place(segment.start, 0), kept.place(segment.start + 1, 0)),
    )
    pages = [kept.sound(database, "lexical_posting", row) for row in found]
    return sum(at == kept.place(segment.start, int(np.frombuffer(rows, "<u4")[1])) for at, rows in pages)
