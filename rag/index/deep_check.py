"""What `rag check --deep` looks at beyond checksums: whether what was derived would be derived again from the texts.

document ─→ chunk ids, embedding keys, terms        vectors of the rows ─→ those of the derived file
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import BinaryIO

import numpy as np

from rag.datatypes import Chunk
from rag.index import dense
from rag.index import lexical_postings as kept
from rag.index.chunking import chunk_id
from rag.index.embeddings import embedding_key
from rag.index.rows import Rows
from rag.text.context import embedded_text
from rag.text.terms import terms

_BATCH = 1000
Batch = Sequence[tuple[int, Chunk]]


def damage(rows: Rows, derived: BinaryIO | None) -> Iterator[str]:
    """What is wrong, in words, with an index whose checksums hold."""
    found: Counter[str] = Counter()
    live = rows.live().tolist()
    for start in range(0, len(live), _BATCH):
        numbers = live[start : start + _BATCH]
        batch = list(zip(numbers, rows.chunks(numbers), strict=True))
        for what, wrong in _WRONG.items():
            found[what] += wrong(rows, batch)
    yield from (f"{count} chunks {what}" for what, count in found.items() if count)
    if derived is not None and not _same_vectors(rows, derived):
        yield "its derived file holds other vectors than its rows"


def _ids(rows: Rows, batch: Batch) -> int:
    chunking = rows.manifest().chunking
    return sum(chunk.id != chunk_id(chunk.document, chunk.start, chunk.end, chunking) for _, chunk in batch)


def _keys(rows: Rows, batch: Batch) -> int:
    fingerprint = rows.manifest().fingerprint
    found = rows.database.all(
        "SELECT c.row, e.key FROM json_each(?) AS wanted JOIN chunk AS c ON c.row = wanted.value "
        "JOIN embedding AS e ON e.id = c.embedding",
        (json.dumps([row for row, _ in batch]),),
    )
    held = dict(found)
    return sum(held[row] != embedding_key(embedded_text(chunk), fingerprint) for row, chunk in batch)


def _terms(rows: Rows, batch: Batch) -> int:
    wanted = {row: Counter(terms(embedded_text(chunk))) for row, chunk in batch}
    known = kept.known(rows.database, {term for counts in wanted.values() for term in counts})
    numbers = {term: found.number for term, found in known.items()}
    found = rows.database.all(
        "SELECT row, terms FROM lexical_entry WHERE row IN (SELECT value FROM json_each(?))",
        (json.dumps(list(wanted)),),
    )
    entries = {row: np.frombuffer(data, kept.ENTRY) for row, data in found}
    held = {row: dict(zip(each["term"].tolist(), each["count"].tolist(), strict=True)) for row, each in entries.items()}
    return sum(
        held.get(row) != {numbers.get(term): min(count, kept.MOST) for term, count in counts.items()}
        for row, counts in wanted.items()
    )


def _same_vectors(rows: Rows, derived: BinaryIO) -> bool:
    """Whether the vectors of the derived file are those of the rows that are still there."""
    commit, dimension = rows.commit(), rows.manifest().dimension
    base = dense.read_base(derived, commit, dimension, partial(rows.vectors_of, dimension=dimension))
    if base is None:
        return False
    for numbers, vectors in rows.vector_slabs(dimension):
        old = numbers <= commit.dense_last
        places = np.searchsorted(base.rows, numbers[old])
        if not np.array_equal(base.rows[places], numbers[old]) or not np.array_equal(
            base.vectors.at(places), vectors[old]
        ):
            return False
    return True


_WRONG: dict[str, Callable[[Rows, Batch], int]] = {
    "have an id that is not of their place": _ids,
    "have the embedding of another text": _keys,
    "are known to lexical search by other words than this version of rag finds in them": _terms,
}
