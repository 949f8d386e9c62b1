"""Whether FTS5's tables say what their entries say: SQLite's own check of them needs to write.

FTS5 keeps of each entry its text (`lexical_content`), its length (`lexical_docsize`), the places of its terms
(`lexical_data`, found through `lexical_idx`), and of all of them their number and length (record 1 of `lexical_data`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from rag.index.database import Database
from rag.index.schema import checksum

_AVERAGES = 1
_INSTANCES = "CREATE VIRTUAL TABLE IF NOT EXISTS temp.lexical_instances USING fts5vocab(main, lexical, instance)"


def damage(database: Database) -> Iterator[str]:
    """What is wrong, in words."""
    places: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    lengths: dict[int, int] = {}
    for row, stored, crc in database.all("SELECT rowid, terms, crc FROM lexical"):
        if checksum("lexical", row, stored) != crc:
            yield f"the lexical entry of row {row} does not have its checksum"
        lengths[row] = _add(places, row, str(stored))
    database.all(_INSTANCES)
    held = database.all("SELECT term, count(*), sum(doc), sum(offset) FROM lexical_instances GROUP BY term")
    if {term: place for term, *place in held} != places:
        yield "the lexical index does not hold the terms of its entries"
    found = database.each("SELECT cnt FROM lexical_terms WHERE term = ?", ((term,) for term in places))
    if found != [[(count,)] for count, _, _ in places.values()]:
        yield "the lexical index does not find its terms"
    if {row: _varints(size)[0] for row, size in database.all("SELECT id, sz FROM lexical_docsize")} != lengths:
        yield "the lexical index has wrong lengths of its entries"
    averages = database.all("SELECT block FROM lexical_data WHERE id = ?", (_AVERAGES,))
    if lengths and [_varints(block)[:2] for (block,) in averages] != [[len(lengths), sum(lengths.values())]]:
        yield "the lexical index has a wrong mean length of its entries"


def _add(places: dict[str, list[int]], row: int, entry: str) -> int:
    """Count an entry's terms: how often, the sum of their rows, the sum of their places; the entry's length."""
    terms = entry.split(" ") if entry else []
    for offset, term in enumerate(terms):
        sums = places[term]
        sums[0] += 1
        sums[1] += row
        sums[2] += offset
    return len(terms)


def _varints(data: object) -> list[int]:
    """SQLite's variable-length integers: seven bits a byte, the highest first, the last byte below 128."""
    numbers, value = [], 0
    for byte in data if isinstance(data, bytes) else b"":
        value = value << 7 | byte & 127
        if byte < 128:
            numbers.append(value)
            value = 0
    return [*numbers, 0, 0]
