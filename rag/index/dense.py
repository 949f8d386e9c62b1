"""Dense search: inner products. The only module that knows FAISS; `dense_build` writes what is searched.

    base   rows and float16 vectors in a derived file (dense_file.py), whole and immutable
    tail   newer rows, read from the database when the index is opened

A commit adds to the tail; the base is written anew only when tail and deleted rows outgrow `tail_limit`. FAISS has
no checksums and its own writing is not safe, so the bytes go through `atomic`, and their SHA-256 stands in the
commit. A file that is missing or wrong costs time, not answers: the rows hold the same vectors.

Of few rows the base is "exact": every vector is in memory and is compared. Of many it is "ivf": in memory are codes
of one bit a dimension, after a fixed rotation (RaBitQ: Gao and Long 2024, arXiv 2405.12497), in lists around centres
(an inverted file); the codes in the `probes` lists nearest to the question choose `effort` rows, whose vectors are
read from the file and scored exactly. The rows that a filter lets through are looked for among the codes too; the tail
is always searched exactly.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rag.index import dense_file
from rag.index.database import damaged
from rag.index.dense_file import Facts, Records
from rag.index.records import Commit
from rag.index.rows import Rows

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]
Numbers = NDArray[np.int64]

EFFORT_PER_HIT = 20
"""Codes that are scored exactly for each hit that is wanted, at least."""
_QUERY_BITS = 4  # of a question's numbers when it is compared with codes: 8 find no more (docs/decisions.md)
_log = logging.getLogger(__name__)


def tail_limit(base: int) -> int:
    """Newer and deleted rows that a base of `base` rows may have beside it before it is written anew."""
    return max(2000, base // 5)


def described(file: BinaryIO | None, commit: Commit, dimension: int) -> tuple[str, float]:
    """The kind of search that a commit's derived file is for, in a word, and its recall@10 as it was measured."""
    found = dense_file.table(file, commit, dimension) if file and dense_file.is_large(file) else None
    return ("ivf", found.facts.recall) if found else ("exact", 1.0)


@dataclass(frozen=True, slots=True)
class Held:
    """Vectors (n, d) float16 in memory, by place."""

    vectors: Halves

    def at(self, places: Numbers) -> Halves:
        """The vectors (m, d) at these places."""
        return self.vectors[places]


@dataclass(frozen=True, slots=True)
class Base:
    """A FAISS index of vectors, or of codes (then with `facts`), whose ids are the `rows` (n,), ascending.

    The vectors of the former may lie in the index's own memory, and this in `data`: they live as long as it does. `of`
    is the SHA-256 of the derived file that it was read from, "" where it was made of rows.
    """

    index: Any
    rows: Numbers
    vectors: Held | Records
    facts: Facts | None = None
    of: str = ""
    data: bytes = b""


class Dense:
    """Search over the base and the tail; `live` (n,) are the rows that were not deleted, ascending.

    `tail` has live rows only.
    """

    def __init__(self, base: Base, live: Numbers, tail: tuple[Numbers, Halves]) -> None:
        self.base = base
        self._live = live
        self._tail_rows, halves = tail
        self._tail_vectors = halves.astype(np.float32)

    def search(self, vector: Floats, k: int, among: Numbers | None = None) -> tuple[Numbers, Floats]:
        """Rows and inner products of the `k` nearest to `vector` (d,), best first; of equal ones the older first.

        By codes, of very many equal ones any may be the first.

        `among` (m,) are the rows that are wanted, ascending; all where it is None.
        """
        return self.search_each(vector[None], k, among)[0]

    def search_each(self, vectors: Floats, k: int, among: Numbers | None = None) -> list[tuple[Numbers, Floats]]:
        """What `search` gives for each of `vectors` (n, d): side by side where every vector is compared."""
        in_tail = slice(None) if among is None else np.isin(self._tail_rows, among, assume_unique=True)
        tail_rows, tail_vectors = self._tail_rows[in_tail], self._tail_vectors[in_tail]
        found = []
        for vector, (rows, scores) in zip(vectors, self._search_base(vectors, k, among), strict=True):
            all_scores = np.concatenate([scores, products(tail_vectors, vector)])
            found.append(_best(np.concatenate([rows, tail_rows]), all_scores, k))
        return found

    def scores(self, vector: Floats, rows: Numbers) -> Floats:
        """Inner products of these rows with `vector` (d,), in their order. Raises KeyError for a row not there."""
        return products(self.vectors(rows), vector)

    def vectors(self, rows: Numbers) -> Floats:
        """The vectors (n, d) of these rows, in their order. Raises KeyError for a row not there."""
        found = np.empty((len(rows), self._tail_vectors.shape[1]), np.float32)
        in_base, places = _places(self.base.rows, rows)
        found[in_base] = self.base.vectors.at(places[in_base])
        in_tail, places = _places(self._tail_rows, rows)
        found[in_tail] = self._tail_vectors[places[in_tail]]
        if not (in_base | in_tail).all():
            raise KeyError(f"not rows of this index: {rows[~(in_base | in_tail)][:5].tolist()}")
        return found

    def _search_base(self, vectors: Floats, k: int, among: Numbers | None) -> list[tuple[Numbers, Floats]]:
        allowed = self._live_in_base if among is None else self._in_base(among)
        k = min(k, len(allowed))
        if k < 1:
            return [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(vectors)
        if facts := self.base.facts:
            return [self._refined(vector, k, facts, allowed, among) for vector in vectors]
        scores, rows = self.base.index.search(
            np.ascontiguousarray(vectors, np.float32), k, params=_parameters(self._chosen(allowed, among))
        )
        return list(zip(rows, scores, strict=True))

    def _refined(
        self, vector: Floats, k: int, facts: Facts, allowed: Numbers, among: Numbers | None
    ) -> tuple[Numbers, Floats]:
        """The `k` best of the `allowed` rows of the base that codes lead to."""
        near = self._by_codes(vector, max(facts.effort, EFFORT_PER_HIT * k), facts, allowed, among)
        stored = self.base.vectors.at(_places(self.base.rows, near)[1])
        return _best(near, products(stored.astype(np.float32), vector), k)

    def _by_codes(self, vector: Floats, wanted: int, facts: Facts, allowed: Numbers, among: Numbers | None) -> Numbers:
        """So many of the `allowed` rows of the base, ascending: those nearest by their codes."""
        if len(allowed) <= wanted:
            return allowed
        lists = lists_of(self.base.index).nlist
        more = max(len(self.base.rows) / len(allowed), wanted / facts.effort)
        probes = min(lists, math.ceil(facts.probes * more))
        chosen = self._chosen(allowed, among)
        while True:
            found = nearest(self.base.index, vector[None], wanted, probes, chosen)[0]
            # What passes may lie far from the question, in other lists than where it was measured.
            if found[-1] >= 0 or probes == lists:
                return np.sort(found[found >= 0])
            probes = lists

    @cached_property
    def _live_in_base(self) -> Numbers:
        return self._in_base(self._live)

    def _chosen(self, allowed: Numbers, among: Numbers | None) -> Any:
        """FAISS's choice of the `allowed` rows; that of all live ones, which no `among` narrows down, is made once."""
        return self._live_selector if among is None else self._selector(allowed)

    @cached_property
    def _live_selector(self) -> Any:
        return self._selector(self._live_in_base)

    def _in_base(self, rows: Numbers) -> Numbers:
        held = self.base.rows
        if len(held) and held[-1] - held[0] + 1 == len(held):  # none is missing between them
            first, last = np.searchsorted(rows, [held[0], held[-1] + 1])
            return rows[first:last]
        return rows[np.isin(rows, held, assume_unique=True)]

    def _selector(self, allowed: Numbers) -> Any:
        """FAISS's choice of these rows of the base; None where they are all."""
        if len(allowed) == len(self.base.rows):
            return None
        import faiss

        bits = np.zeros(int(self.base.rows[-1]) // 8 * 8 + 8, bool)
        bits[allowed] = True
        untyped: Any = faiss
        return untyped.IDSelectorBitmap(np.packbits(bits, bitorder="little"))


def load(rows: Rows, commit: Commit, dimension: int, file: BinaryIO | None, known: Base | None = None) -> Dense:
    """The dense part of a commit; `file` is its derived file, open as long as this is used, None where it is missing.

    `known` is a base that was read before, perhaps from the same file: it is then not read again. A file that does not
    hold what the commit says is not used: the base is made of the rows, with a warning.
    """
    live = rows.live()
    if len(live) != commit.chunks:
        raise damaged(rows.database.file, f"{commit.chunks - len(live)} chunks are missing")
    base = _base(*_nothing(dimension))
    if known and known.of and known.of == commit.dense_sha256:
        base = known
    elif commit.dense:
        read = read_base(file, commit, dimension, partial(rows.vectors_of, dimension=dimension))
        if read is None:
            _log.warning(
                "%s is missing or damaged; searching from the database instead, which is slower to open. "
                "The next rag ingest writes it anew.",
                rows.database.file.parent / commit.dense,
            )
            base = _base(*rows.vectors(dimension))
            return Dense(base, _all_there(rows, live, base.rows), _nothing(dimension))
        base = read
    tail = rows.vectors(dimension, after=commit.dense_last)
    return Dense(base, _all_there(rows, live, np.concatenate([base.rows, tail[0]])), tail)


def _all_there(rows: Rows, live: Numbers, held: Numbers) -> Numbers:
    """The live rows. Raises IndexDamaged where one of them is not among those held."""
    if np.array_equal(live, held):
        return held
    if not np.isin(live, held).all():
        raise damaged(rows.database.file, "vectors of its chunks are missing")
    return live


def read_base(
    file: BinaryIO | None, commit: Commit, dimension: int, otherwise: Callable[[Numbers], Halves]
) -> Base | None:
    """The base in a file; None where it is not the one of the commit. `otherwise`: see `Records`."""
    if file is None:
        return None
    if dense_file.is_large(file):
        table = dense_file.table(file, commit, dimension)
        codes = _opened(table.codes) if table else None
        if table is None or codes is None or (codes.ntotal, codes.d) != (commit.dense_rows, dimension):
            return None
        lists_of(codes).parallel_mode = 1  # several lists of one question at once, not several questions
        stored = Records(file, table.rows, dimension, otherwise)
        return Base(codes, table.rows, stored, table.facts, of=commit.dense_sha256)
    data = dense_file.read_at(file, 0, file.seek(0, os.SEEK_END))
    if _sha256(data) != commit.dense_sha256:
        return None
    flat = _opened(data, copied=False)
    rows, vectors = _held(flat, commit.dense_rows, dimension)
    return Base(flat, rows, Held(vectors), of=commit.dense_sha256, data=data) if len(rows) else None


def _opened(data: bytes | memoryview, *, copied: bool = True) -> Any:
    """The FAISS index in these bytes; None where this FAISS does not know their format.

    One that is not `copied` lies in the bytes, which have to live as long as it does.
    """
    import faiss

    held: Any = np.frombuffer(data, np.uint8)
    untyped: Any = faiss
    try:
        if copied:
            return untyped.deserialize_index(held)
        return untyped.read_index(untyped.ZeroCopyIOReader(untyped.swig_ptr(held), held.size))
    except RuntimeError:
        return None


def _held(index: Any, count: int, dimension: int) -> tuple[Numbers, Halves]:
    """The rows and vectors of a flat index, the vectors where it keeps them; none where it is not such a one."""
    import faiss

    inner: Any = faiss.downcast_index(index.index) if isinstance(index, faiss.IndexIDMap) else None
    if not isinstance(inner, faiss.IndexScalarQuantizer) or (inner.ntotal, inner.d) != (count, dimension):
        return _nothing(dimension)
    size = inner.codes.size()
    if inner.sq.qtype != faiss.ScalarQuantizer.QT_fp16 or not size == index.id_map.size() * 2 * dimension > 0:
        return _nothing(dimension)
    codes = faiss.rev_swig_ptr(inner.codes.data(), size)
    return faiss.vector_to_array(index.id_map), codes.view(np.float16).reshape(count, dimension)


def _parameters(selector: Any) -> Any:
    """FAISS's parameters for one search: an IndexIDMap writes into them, so that no two searches may share them."""
    import faiss

    untyped: Any = faiss
    return None if selector is None else untyped.SearchParameters(sel=selector)


def _base(rows: Numbers, vectors: Halves) -> Base:
    return Base(_flat(rows, vectors) if len(rows) else None, rows, Held(vectors))


def _flat(rows: Numbers, vectors: Halves) -> Any:
    index = empty(vectors.shape[1])
    index.add_with_ids(vectors.astype(np.float32), rows)
    return index


def empty(dimension: int) -> Any:
    """A FAISS index that compares every vector."""
    import faiss

    flat = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    return faiss.IndexIDMap(flat)


def codes(dimension: int, lists: int, seed: int) -> Any:
    """A FAISS index of vectors' codes in so many lists; to be trained, and empty."""
    import faiss

    turn = faiss.RandomRotationMatrix(dimension, dimension)
    turn.init(seed)
    centres = faiss.IndexFlatIP(dimension)
    inner: Any = faiss.IndexIVFRaBitQ(centres, dimension, lists, faiss.METRIC_INNER_PRODUCT)
    inner.cp.spherical, inner.cp.seed, inner.cp.min_points_per_centroid = True, seed, 1
    return faiss.IndexPreTransform(turn, inner)


def lists_of(index: Any) -> Any:
    """The part of an index of codes that has the lists."""
    import faiss

    untyped: Any = faiss
    return untyped.extract_index_ivf(index)


def nearest(index: Any, vectors: Floats, count: int, probes: int, selector: Any = None) -> Numbers:
    """The rows (n, count) of the codes nearest to `vectors` (n, d) in so many lists, best first, then -1."""
    import faiss

    untyped: Any = faiss
    settings = untyped.IVFRaBitQSearchParameters(nprobe=probes, qb=_QUERY_BITS, sel=selector)
    turned = untyped.SearchParametersPreTransform(index_params=settings)
    _, rows = index.search(np.ascontiguousarray(vectors, np.float32), count, params=turned)
    return np.asarray(rows, np.int64)


def products(vectors: Floats, vector: Floats) -> Floats:
    """Inner products (n,) of the vectors (n, d) with one: not by BLAS, whose threads go on waiting for more of it."""
    return np.asarray(np.einsum("nd,d->n", vectors, vector), np.float32)


def _best(rows: Numbers, scores: Floats, k: int) -> tuple[Numbers, Floats]:
    """The `k` best of the rows and their scores, best first; of equal ones the older first."""
    best = np.lexsort((rows, -scores))[: max(k, 0)]
    return rows[best], scores[best].astype(np.float32)


def serialised(index: Any) -> memoryview:
    import faiss

    data: Any = faiss.serialize_index(index)
    return memoryview(data)


def _nothing(dimension: int) -> tuple[Numbers, Halves]:
    return np.empty(0, np.int64), np.empty((0, dimension), np.float16)


def _places(among: Numbers, rows: Numbers) -> tuple[NDArray[np.bool_], Numbers]:
    """Which of `rows` are in the ascending `among`, and where those are."""
    places = np.searchsorted(among, rows)
    found = np.zeros(len(rows), bool)
    inside = places < len(among)
    found[inside] = among[places[inside]] == rows[inside]
    return found, places


def _sha256(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()
