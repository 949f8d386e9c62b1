"""Changes to what lexical search keeps (lexical_postings.py), in the transaction of the chunks.

Rows ascend and are never reused. At every multiple of `GRAIN` the newest become a segment; at every multiple of
FOLD · GRAIN it takes in the last ones of its kind, and so on up to `LARGEST` rows: so segments are few, and a posting
is written once for each size. One whose rows are mostly removed is made anew without them.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rag.index.database import Database, damaged
from rag.index.lexical_postings import (
    COUNT_BITS,
    ENTRY,
    MOST,
    Segment,
    known,
    place,
    segments,
    settled,
    size,
    sound,
    term_checksum,
)
from rag.index.schema import checksum, pack

Keys = NDArray[np.uint64]

GRAIN = 128
FOLD = 4
LARGEST = GRAIN * FOLD**4  # a merge of so many rows takes some 200 MB
PAGE = 1024
"""Postings of a page, unless it is that of a more frequent term."""

_TERM_SHIFT = np.uint64(32)
_LOW = np.uint64((1 << 32) - 1)


def add(database: Database, entries: Sequence[tuple[int, Mapping[str, int]]]) -> None:
    """Keep (row, how often it has each of its terms) pairs, one at least; each row is higher than all before it."""
    numbers = _count_in(database, Counter(term for _, counts in entries for term in counts))
    held = [(row, _entry(counts, numbers)) for row, counts in entries]
    _resize(database, sum(int(data["count"].sum()) for _, data in held))
    database.many(
        "INSERT INTO lexical_entry VALUES (?, ?, ?)",
        ((row, data.tobytes(), checksum("lexical_entry", row, data.tobytes())) for row, data in held),
    )
    _settle(database, entries[-1][0])


def remove(database: Database, rows: Iterable[int]) -> None:
    """Take out the entries of rows; nothing for one without."""
    found = database.each("SELECT row, terms, crc FROM lexical_entry WHERE row = ?", ((row,) for row in rows))
    held = [sound(database, "lexical_entry", row) for each in found for row in each]
    if not held:
        return
    gone = np.array([row for row, _ in held], np.int64)
    terms = np.frombuffer(b"".join(data for _, data in held), ENTRY)
    database.many("DELETE FROM lexical_entry WHERE row = ?", ((row,) for row, _ in held))
    _count_out(database, Counter(terms["term"].tolist()))
    _resize(database, -int(terms["count"].sum()))
    for start, stop in database.all("SELECT start, stop FROM lexical_segment"):
        inside = gone[(gone >= start) & (gone < stop)]
        if len(inside):
            _clear(database, segments(database, start, stop)[0], inside)


# ---------------------------------------------------------------- terms


def _count_in(database: Database, chunks: Mapping[str, int]) -> dict[str, int]:
    """Count further chunks of terms, new ones included; the terms' numbers."""
    before = known(database, chunks)
    free = 1 + int(database.all("SELECT coalesce(max(id), 0) FROM lexical_term")[0][0])
    numbers = {term: before[term].number for term in before}
    numbers |= {term: free + more for more, term in enumerate(term for term in chunks if term not in before)}
    database.many(
        "INSERT INTO lexical_term VALUES (?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET chunks = excluded.chunks, crc = excluded.crc",
        (
            _term(numbers[term], pack(term), further + (before[term].chunks if term in before else 0))
            for term, further in chunks.items()
        ),
    )
    return numbers


def _count_out(database: Database, chunks: Mapping[int, int]) -> None:
    """Count fewer chunks of terms, by their numbers; one that no chunk has any more goes."""
    found = database.all(
        "SELECT t.id, t.term, t.chunks, t.crc FROM json_each(?) AS wanted CROSS JOIN lexical_term AS t "
        "ON t.id = wanted.value",
        (json.dumps(list(chunks)),),
    )
    held = [sound(database, "lexical_term", row) for row in found]
    left = [(number, term, before - chunks[number]) for number, term, before in held]
    database.many("DELETE FROM lexical_term WHERE id = ?", ((number,) for number, _, n in left if not n))
    database.many(
        "UPDATE lexical_term SET chunks = ?3, crc = ?4 WHERE id = ?1", (_term(*row) for row in left if row[2])
    )


def _term(number: int, packed: str, chunks: int) -> tuple[int, str, int, int]:
    return number, packed, chunks, term_checksum(number, packed, chunks)


def _resize(database: Database, change: int) -> None:
    values = 1, size(database) + change
    database.all("INSERT OR REPLACE INTO lexical_size VALUES (?, ?, ?)", (*values, checksum("lexical_size", *values)))


def _entry(counts: Mapping[str, int], numbers: Mapping[str, int]) -> NDArray[np.void]:
    entry = np.empty(len(counts), ENTRY)
    entry["term"] = [numbers[term] for term in counts]
    entry["count"] = [min(count, MOST) for count in counts.values()]
    return entry


# ---------------------------------------------------------------- segments


def _settle(database: Database, last: int) -> None:
    """Make segments of what is full, up to the row `last`."""
    waiting = database.all("SELECT min(row) FROM lexical_entry WHERE row >= ?", (settled(database),))[0][0]
    for stop in range(waiting // GRAIN * GRAIN + GRAIN, last + 2, GRAIN):
        span = GRAIN
        while span < LARGEST and stop % (span * FOLD) == 0:
            span *= FOLD
        make(database, stop - span, stop)


def _clear(database: Database, segment: Segment, gone: NDArray[np.int64]) -> None:
    """Rows of a segment have no entry any more; it is made anew where most have none."""
    lengths = segment.lengths.copy()
    lengths[gone - segment.start] = 0
    _write(database, segment.start, segment.stop, segment.made, lengths)
    if 2 * np.count_nonzero(lengths) < segment.made or not segment.made:
        make(database, segment.start, segment.stop)


def worn(segment: Segment) -> bool:
    """Whether some of the rows that a segment was made of have been removed since."""
    return int(np.count_nonzero(segment.lengths)) < segment.made


def make(database: Database, start: int, stop: int) -> None:
    """Make one segment of the rows [start, stop): of the segments that are there, and of entries that are in none."""
    parts = segments(database, start, stop)
    whole = Segment(start, stop, 0, np.zeros(stop - start, np.uint32))
    for part in parts:
        whole.lengths[part.start - start : part.stop - start] = part.lengths
    keys = [live_keys(database, part) + (np.uint64(part.start - start) << COUNT_BITS) for part in parts]
    keys.append(turned_round(database, max((part.stop for part in parts), default=start), stop, whole))
    for part in parts:
        database.all("DELETE FROM lexical_segment WHERE start = ?", (part.start,))
        first, last = place(part.start, 0), place(part.start + 1, 0)
        database.all("DELETE FROM lexical_posting WHERE place >= ? AND place < ?", (first, last))
    if database.all("SELECT 1 FROM lexical_entry WHERE row >= ? AND row < ? LIMIT 1", (start, stop)):
        _write(database, start, stop, int(np.count_nonzero(whole.lengths)), whole.lengths)
        database.many("INSERT INTO lexical_posting VALUES (?, ?, ?)", _pages(start, np.concatenate(keys)))


def turned_round(database: Database, first: int, stop: int, segment: Segment) -> Keys:
    """A key (term, row - segment.start, count) for each term of the entries of [first, stop); adds their lengths to
    the segment's.
    """
    found = database.all("SELECT row, terms, crc FROM lexical_entry WHERE row >= ? AND row < ?", (first, stop))
    held = [sound(database, "lexical_entry", row) for row in found]
    terms = np.frombuffer(b"".join(data for _, data in held), ENTRY)
    sizes = [len(data) // ENTRY.itemsize for _, data in held]
    places = np.repeat(np.array([row - segment.start for row, _ in held], np.int64), sizes)
    segment.lengths[:] += np.bincount(places, terms["count"], len(segment.lengths)).astype(segment.lengths.dtype)
    keys: Keys = (
        terms["term"].astype(np.uint64) << _TERM_SHIFT | places.astype(np.uint64) << COUNT_BITS | terms["count"]
    )
    return keys


def live_keys(database: Database, segment: Segment) -> Keys:
    """The keys of a segment's postings, in their order, without those of rows that were removed."""
    found = database.all(
        "SELECT place, rows, crc FROM lexical_posting WHERE place >= ? AND place < ? ORDER BY place",
        (place(segment.start, 0), place(segment.start + 1, 0)),
    )
    if not found:
        return _counted(database, segment, np.empty(0, np.uint64))
    pages = [np.frombuffer(sound(database, "lexical_posting", row)[1], "<u4") for row in found]
    held = [(page[1:][: page[0]], page[1 + page[0] :][: page[0]], page[1 + 2 * page[0] :]) for page in pages]
    terms, sizes, postings = (np.concatenate(each).astype(np.uint64) for each in zip(*held, strict=True))
    keys: Keys = np.repeat(terms << _TERM_SHIFT, sizes.astype(np.int64)) | postings
    live = segment.lengths[postings >> COUNT_BITS] > 0
    return _counted(database, segment, keys[live])


def _counted(database: Database, segment: Segment, keys: Keys) -> Keys:
    """The keys, where all of the segment's are there. Raises IndexDamaged where they are not as long as its entries."""
    if int((keys & np.uint64(MOST)).sum()) != int(segment.lengths.sum()):
        raise damaged(database.file, f"lexical postings of the rows from {segment.start} on are missing")
    return keys


def _write(database: Database, start: int, stop: int, made: int, lengths: NDArray[np.integer]) -> None:
    narrow = "<u2" if lengths.max(initial=0) < 1 << 16 else "<u4"
    values = start, stop, made, lengths.astype(narrow).tobytes()
    database.all(
        "INSERT OR REPLACE INTO lexical_segment VALUES (?, ?, ?, ?, ?)", (*values, checksum("lexical_segment", *values))
    )


def _pages(start: int, keys: Keys) -> Iterator[tuple[int, bytes, int]]:
    """The rows of the segment's pages."""
    if not len(keys):
        return
    keys.sort()
    postings = (keys & _LOW).astype("<u4")
    terms, firsts, sizes = np.unique((keys >> _TERM_SHIFT).astype("<u4"), return_index=True, return_counts=True)
    frequent = sizes >= PAGE
    begins = np.diff(firsts // PAGE, prepend=-1) | frequent | np.concatenate([[False], frequent[:-1]])
    heads = np.flatnonzero(begins).tolist()
    ends = [*firsts.tolist(), len(keys)]
    for head, after in zip(heads, [*heads[1:], len(terms)], strict=True):
        count, own = np.array([after - head], "<u4"), slice(head, after)
        page = (count, terms[own], sizes[own].astype("<u4"), postings[ends[head] : ends[after]])
        values = place(start, int(terms[head])), np.concatenate(page).tobytes()
        yield *values, checksum("lexical_posting", *values)
