"""Dense search: exact inner products. The only module that knows FAISS.

    base   rows and float16 vectors in a derived file, `dense-<sha256>.faiss`, whole and immutable
    tail   newer rows, read from the database when the index is opened

A commit adds to the tail; the base is written anew only when tail and deleted rows outgrow `tail_limit`. FAISS has
no checksums and its own writing is not safe, so the bytes go through `atomic.write`, and their SHA-256 stands in
the commit. A file that is missing or wrong costs time, not answers: the rows hold the same vectors.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rag.index.database import damaged
from rag.index.rows import Commit, Rows

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]
Numbers = NDArray[np.int64]

KIND = "exact"
_log = logging.getLogger(__name__)


def tail_limit(base: int) -> int:
    """Newer and deleted rows that a base of `base` rows may have beside it before it is written anew."""
    return max(2000, base // 5)


def file_name(data: bytes) -> str:
    """The name of the derived file that holds these bytes."""
    return f"dense-{_sha256(data)[:16]}.faiss"


def serialised(rows: Numbers, vectors: Halves) -> bytes:
    """A base of these ascending rows and their vectors (n, d), as the bytes of its file."""
    import faiss

    return bytes(faiss.serialize_index(_faiss_index(rows, vectors)).tobytes())


@dataclass(frozen=True, slots=True)
class Base:
    """A FAISS index, its rows (n,) ascending and its vectors (n, d) float16."""

    index: Any
    rows: Numbers
    vectors: Halves


class Dense:
    """Exact search over the base and the tail; `live` (n,) are the rows that were not deleted, ascending."""

    def __init__(self, base: Base, live: Numbers, tail: tuple[Numbers, Halves]) -> None:
        self._base = base
        self._live = live
        self._tail_rows, halves = tail
        self._tail_vectors = halves.astype(np.float32)

    def search(self, vector: Floats, k: int, among: Numbers | None = None) -> tuple[Numbers, Floats]:
        """Rows and inner products of the `k` nearest to `vector` (d,), best first; of equal ones the older first.

        `among` (m,) are the rows that are wanted, ascending; all where it is None.
        """
        allowed = self._live if among is None else among
        rows, scores = self._search_base(vector, k, allowed)
        in_tail = np.isin(self._tail_rows, allowed, assume_unique=True)
        rows = np.concatenate([rows, self._tail_rows[in_tail]])
        scores = np.concatenate([scores, self._tail_vectors[in_tail] @ vector])
        best = np.lexsort((rows, -scores))[: max(k, 0)]
        return rows[best], scores[best].astype(np.float32)

    def scores(self, vector: Floats, rows: Numbers) -> Floats:
        """Inner products of these rows with `vector` (d,), in their order. Raises KeyError for a row not there."""
        return self.vectors(rows) @ vector

    def vectors(self, rows: Numbers) -> Floats:
        """The vectors (n, d) of these rows, in their order. Raises KeyError for a row not there."""
        found = np.empty((len(rows), self._tail_vectors.shape[1]), np.float32)
        in_base, places = _places(self._base.rows, rows)
        found[in_base] = self._base.vectors[places[in_base]]
        in_tail, places = _places(self._tail_rows, rows)
        found[in_tail] = self._tail_vectors[places[in_tail]]
        if not (in_base | in_tail).all():
            raise KeyError(f"not rows of this index: {rows[~(in_base | in_tail)][:5].tolist()}")
        return found

    def _search_base(self, vector: Floats, k: int, allowed: Numbers) -> tuple[Numbers, Floats]:
        allowed = allowed[np.isin(allowed, self._base.rows, assume_unique=True)]
        k = min(k, len(allowed))
        if k < 1:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        import faiss

        parameters: Any = None
        if len(allowed) < len(self._base.rows):
            bits = np.zeros(int(self._base.rows[-1]) // 8 * 8 + 8, bool)
            bits[allowed] = True
            untyped: Any = faiss
            wanted = untyped.IDSelectorBitmap(np.packbits(bits, bitorder="little"))
            parameters = untyped.SearchParameters(sel=wanted)
        scores, rows = self._base.index.search(np.ascontiguousarray(vector[None], np.float32), k, params=parameters)
        return rows[0], scores[0]


def load(rows: Rows, commit: Commit, dimension: int, file: BinaryIO | None) -> Dense:
    """The dense part of a commit; `file` is its derived file, None where that is missing.

    A file that does not hold what the commit says is not used: the base is made of the rows, with a warning.
    """
    live = rows.live()
    if len(live) != commit.chunks:
        raise damaged(rows.database.file, f"{commit.chunks - len(live)} chunks are missing")
    base = _read(file, commit, dimension) if commit.dense else _base(*_nothing(dimension))
    if base is None:
        _log.warning(
            "%s is missing or damaged; searching from the database instead, which is slower to open. "
            "The next rag ingest writes it anew.",
            rows.database.file.parent / commit.dense,
        )
        return Dense(_base(*rows.vectors(dimension)), live, _nothing(dimension))
    return Dense(base, live, rows.vectors(dimension, after=commit.dense_last))


def sound(file: BinaryIO, commit: Commit) -> bool:
    """Whether the derived file holds the bytes that the commit names."""
    file.seek(0)
    return _sha256(file.read()) == commit.dense_sha256


def _read(file: BinaryIO | None, commit: Commit, dimension: int) -> Base | None:
    """The base in a file; None where it is not the one of the commit."""
    if file is None:
        return None
    file.seek(0)
    data = file.read()
    if _sha256(data) != commit.dense_sha256:
        return None
    import faiss

    try:
        index: Any = faiss.deserialize_index(np.frombuffer(data, np.uint8))
    except RuntimeError:  # written by a FAISS whose format this one does not know
        return None
    inner: Any = faiss.downcast_index(index.index) if isinstance(index, faiss.IndexIDMap) else None
    if not isinstance(inner, faiss.IndexScalarQuantizer) or (inner.ntotal, inner.d) != (commit.dense_rows, dimension):
        return None
    codes = faiss.vector_to_array(inner.codes)
    if inner.sq.qtype != faiss.ScalarQuantizer.QT_fp16 or index.id_map.size() * 2 * dimension != len(codes):
        return None
    return Base(index, faiss.vector_to_array(index.id_map), codes.view(np.float16).reshape(inner.ntotal, inner.d))


def _base(rows: Numbers, vectors: Halves) -> Base:
    return Base(_faiss_index(rows, vectors) if len(rows) else None, rows, vectors)


def _faiss_index(rows: Numbers, vectors: Halves) -> Any:
    import faiss

    quantizer = faiss.ScalarQuantizer.QT_fp16
    flat = faiss.IndexScalarQuantizer(vectors.shape[1], quantizer, faiss.METRIC_INNER_PRODUCT)
    index = faiss.IndexIDMap(flat)
    index.add_with_ids(vectors.astype(np.float32), rows)
    return index


def _nothing(dimension: int) -> tuple[Numbers, Halves]:
    return np.empty(0, np.int64), np.empty((0, dimension), np.float16)


def _places(among: Numbers, rows: Numbers) -> tuple[NDArray[np.bool_], Numbers]:
    """Which of `rows` are in the ascending `among`, and where those are."""
    places = np.searchsorted(among, rows)
    found = np.zeros(len(rows), bool)
    inside = places < len(among)
    found[inside] = among[places[inside]] == rows[inside]
    return found, places


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
