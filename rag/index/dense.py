"""Dense search: inner products. The only module that knows FAISS.

    base   rows and float16 vectors in a derived file, `dense-<sha256>.faiss`, whole and immutable;
           of more than EXACT_LIMIT rows also their codes
    tail   newer rows, read from the database when the index is opened

A commit adds to the tail; the base is written anew only when tail and deleted rows outgrow `tail_limit`. FAISS has
no checksums and its own writing is not safe, so the bytes go through `atomic.write`, and their SHA-256 stands in
the commit. A file that is missing or wrong costs time, not answers: the rows hold the same vectors.

To read all vectors takes 13 ms for each 100,000 (docs/decisions.md, "At size"), so a large base is searched by its
codes: one bit a dimension, after a fixed rotation (RaBitQ: Gao and Long 2024, arXiv 2405.12497). The best `effort` of
these are scored exactly. Whoever writes a base measures what that finds and raises the effort until it is enough; where
no effort that is worth it is, the base has no codes. Few rows that a filter lets through, and the tail, are always
searched exactly.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rag.index.database import damaged
from rag.index.records import Commit
from rag.index.rows import Rows

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]
Numbers = NDArray[np.int64]

EXACT_LIMIT = 200_000
"""Rows up to which every vector is compared: 25 ms."""
EFFORT, EFFORT_PER_HIT = 2000, 20
"""Codes whose vectors are scored: at least so many, and so many for each hit that is wanted."""
RECALL_LEAST = 0.99
"""recall@10 against exact search below which a base is given a larger effort."""
CODED_SHARE = 25
"""Where more than one in so many of the codes would have to be scored, to compare all vectors is as fast."""
PROBES = 100
"""Vectors of the base that are searched for to measure it."""
PART = 500_000
"""Codes of one part, at most. There are two parts or more, searched at once where FAISS may have several threads."""

_SEED = 1
_SLAB = 50_000  # vectors that are made floats at once
_HEADER, _HEADER_MOST = b"rag dense ", 4096
_log = logging.getLogger(__name__)


def tail_limit(base: int) -> int:
    """Newer and deleted rows that a base of `base` rows may have beside it before it is written anew."""
    return max(2000, base // 5)


def file_name(data: bytes) -> str:
    """The name of the derived file that holds these bytes."""
    return f"dense-{_sha256(data)[:16]}.faiss"


def serialised(rows: Numbers, vectors: Halves) -> bytes:
    """A base of these ascending rows and their vectors (n, d), as the bytes of its file."""
    flat = _bytes(_faiss_index(rows, vectors))
    if len(rows) <= EXACT_LIMIT:
        return flat
    parts = _parts(vectors)
    effort, recall = _tried(_joined(parts), vectors)
    if recall < RECALL_LEAST:
        return flat
    coded = [_bytes(part) for part in parts]
    facts = {"kind": "coded", "effort": effort, "recall": round(recall, 4), "parts": [len(part) for part in coded]}
    return b"".join([_HEADER, json.dumps(facts).encode("ascii"), b"\n", *coded, flat])


def described(file: BinaryIO | None) -> tuple[str, float]:
    """The kind of search that a derived file is for, in a word, and its recall@10 as it was measured."""
    if file is None:
        return "exact", 1.0
    file.seek(0)
    facts, _ = _facts(file.read(_HEADER_MOST))
    return (facts["kind"], facts["recall"]) if facts else ("exact", 1.0)


@dataclass(frozen=True, slots=True)
class Codes:
    """A FAISS index of codes in the order of the base's rows, and how many of the best are scored exactly."""

    index: Any
    effort: int


@dataclass(frozen=True, slots=True)
class Base:
    """A FAISS index, its rows (n,) ascending, its vectors (n, d) float16, and codes where it is large.

    The vectors may lie in the index's own memory: they live as long as it does.
    """

    index: Any
    rows: Numbers
    vectors: Halves
    codes: Codes | None = None


class Dense:
    """Search over the base and the tail; `live` (n,) are the rows that were not deleted, ascending.

    `tail` has live rows only.
    """

    def __init__(self, base: Base, live: Numbers, tail: tuple[Numbers, Halves]) -> None:
        self._base = base
        self._live = live
        self._tail_rows, halves = tail
        self._tail_vectors = halves.astype(np.float32)

    def search(self, vector: Floats, k: int, among: Numbers | None = None) -> tuple[Numbers, Floats]:
        """Rows and inner products of the `k` nearest to `vector` (d,), best first; of equal ones the older first.

        By codes, of very many equal ones any may be the first.

        `among` (m,) are the rows that are wanted, ascending; all where it is None.
        """
        rows, scores = self._search_base(vector, k, among)
        in_tail = slice(None) if among is None else np.isin(self._tail_rows, among, assume_unique=True)
        rows = np.concatenate([rows, self._tail_rows[in_tail]])
        scores = np.concatenate([scores, _products(self._tail_vectors[in_tail], vector)])
        return _best(rows, scores, k)

    def scores(self, vector: Floats, rows: Numbers) -> Floats:
        """Inner products of these rows with `vector` (d,), in their order. Raises KeyError for a row not there."""
        return _products(self.vectors(rows), vector)

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

    def _search_base(self, vector: Floats, k: int, among: Numbers | None) -> tuple[Numbers, Floats]:
        allowed = self._live_in_base if among is None else self._in_base(among)
        k = min(k, len(allowed))
        if k < 1:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        places = self._by_codes(vector, k, allowed)
        if places is not None:
            return _best(self._base.rows[places], _products(self._base.vectors[places].astype(np.float32), vector), k)
        chosen = self._selector(allowed) if among is not None else self._live_selector
        scores, rows = self._base.index.search(
            np.ascontiguousarray(vector[None], np.float32), k, params=_parameters(chosen)
        )
        return rows[0], scores[0]

    def _by_codes(self, vector: Floats, k: int, allowed: Numbers) -> Numbers | None:
        """Places in the base among which the best `k` are, by their codes; None where all are to be looked at."""
        codes, count = self._base.codes, len(self._base.rows)
        if codes is None or len(allowed) <= EXACT_LIMIT:
            return None
        wanted = max(codes.effort, EFFORT_PER_HIT * k)
        most = math.ceil(wanted * count / len(allowed) * (1 if len(allowed) == count else 1.2))
        if most > count // CODED_SHARE:
            return None
        _, found = codes.index.search(np.ascontiguousarray(vector[None], np.float32), most)
        places = np.asarray(found[0][found[0] >= 0], np.int64)
        if len(allowed) < count:
            places = places[_places(allowed, self._base.rows[places])[0]]
        # What passes may lie far from the question: then fewer came than the recall was measured with.
        return places if len(places) >= wanted else None

    @cached_property
    def _live_in_base(self) -> Numbers:
        return self._in_base(self._live)

    @cached_property
    def _live_selector(self) -> Any:
        return self._selector(self._live_in_base)

    def _in_base(self, rows: Numbers) -> Numbers:
        return rows[np.isin(rows, self._base.rows, assume_unique=True)]

    def _selector(self, allowed: Numbers) -> Any:
        """FAISS's choice of these rows of the base; None where they are all."""
        if len(allowed) == len(self._base.rows):
            return None
        import faiss

        bits = np.zeros(int(self._base.rows[-1]) // 8 * 8 + 8, bool)
        bits[allowed] = True
        untyped: Any = faiss
        return untyped.IDSelectorBitmap(np.packbits(bits, bitorder="little"))


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
        base = _base(*rows.vectors(dimension))
        return Dense(base, _all_there(rows, live, base.rows), _nothing(dimension))
    tail = rows.vectors(dimension, after=commit.dense_last)
    return Dense(base, _all_there(rows, live, np.concatenate([base.rows, tail[0]])), tail)


def _all_there(rows: Rows, live: Numbers, held: Numbers) -> Numbers:
    """The live rows. Raises IndexDamaged where one of them is not among those held."""
    if not np.isin(live, held).all():
        raise damaged(rows.database.file, "vectors of its chunks are missing")
    return live


def sound(file: BinaryIO, commit: Commit) -> bool:
    """Whether the derived file holds the bytes that the commit names."""
    file.seek(0)
    summed = hashlib.sha256()
    while block := file.read(1 << 20):
        summed.update(block)
    return summed.hexdigest() == commit.dense_sha256


def stored(file: BinaryIO, commit: Commit, dimension: int) -> tuple[Numbers, Halves]:
    """The rows and vectors (n, d) that a derived file holds; none where it is not the one of the commit."""
    base = _read(file, commit, dimension)
    return (base.rows, base.vectors.copy()) if base else _nothing(dimension)


def _read(file: BinaryIO | None, commit: Commit, dimension: int) -> Base | None:
    """The base in a file; None where it is not the one of the commit."""
    if file is None:
        return None
    file.seek(0)
    data = file.read()
    if _sha256(data) != commit.dense_sha256:
        return None
    facts, start = _facts(data[:_HEADER_MOST])
    parts = []
    for size in facts.get("parts", []):
        parts.append(_opened(data, start, size))
        start += size
    flat = _opened(data, start, len(data) - start)
    rows, vectors = _held(flat, commit.dense_rows, dimension)
    if not len(rows):
        return None
    if not facts:
        return Base(flat, rows, vectors)
    if None in parts or {part.d for part in parts} != {dimension} or sum(part.ntotal for part in parts) != len(rows):
        _log.warning("This FAISS cannot read the index's codes; every vector is compared, which is slower.")
        return Base(flat, rows, vectors)
    return Base(flat, rows, vectors, Codes(_joined(parts), facts["effort"]))


def _facts(data: bytes) -> tuple[dict[str, Any], int]:
    """What the header of a derived file says, and where what follows begins; nothing where it has none of ours."""
    line, _, _ = data.partition(b"\n")
    try:
        facts = json.loads(line.removeprefix(_HEADER)) if line.startswith(_HEADER) else {}
    except (ValueError, RecursionError):
        facts = {}
    kinds = {"kind": str, "effort": int, "recall": float, "parts": list}
    if not isinstance(facts, dict) or any(type(facts.get(name)) is not kind for name, kind in kinds.items()):
        return {}, 0
    numbers = [facts["effort"], *facts["parts"]]
    if len(numbers) < 2 or any(type(number) is not int or number < 1 for number in numbers):
        return {}, 0
    return facts, len(line) + 1


def _opened(data: bytes, start: int, size: int) -> Any:
    """The FAISS index in these bytes; None where they are not there, or this FAISS does not know their format."""
    import faiss

    if size < 1 or start + size > len(data):
        return None
    try:
        return faiss.deserialize_index(np.frombuffer(data, np.uint8, size, start))
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
    return Base(_faiss_index(rows, vectors) if len(rows) else None, rows, vectors)


def _faiss_index(rows: Numbers, vectors: Halves) -> Any:
    import faiss

    quantizer = faiss.ScalarQuantizer.QT_fp16
    flat = faiss.IndexScalarQuantizer(vectors.shape[1], quantizer, faiss.METRIC_INNER_PRODUCT)
    index = faiss.IndexIDMap(flat)
    index.add_with_ids(vectors.astype(np.float32), rows)
    return index


def _parts(vectors: Halves) -> list[Any]:
    """Codes of the vectors (n, d) in a few FAISS indexes, which are searched at once."""
    import faiss

    dimension = vectors.shape[1]
    sample = vectors[_drawn(len(vectors), 50_000)].astype(np.float32)
    bounds = np.linspace(0, len(vectors), max(2, math.ceil(len(vectors) / PART)) + 1).astype(int)
    parts = []
    for first, last in pairwise(bounds):
        turn = faiss.RandomRotationMatrix(dimension, dimension)
        turn.init(_SEED)
        index: Any = faiss.IndexPreTransform(turn, faiss.IndexRaBitQFastScan(dimension, faiss.METRIC_INNER_PRODUCT))
        index.train(sample)
        for start in range(first, last, _SLAB):
            index.add(vectors[start : min(start + _SLAB, last)].astype(np.float32))
        parts.append(index)
    return parts


def _joined(parts: list[Any]) -> Any:
    """One FAISS index of the parts, whose places go on from one to the next."""
    import faiss

    untyped: Any = faiss
    shards = untyped.IndexShards(parts[0].d, faiss.omp_get_max_threads() > 1, True)
    for part in parts:
        shards.add_shard(part)
    return shards


def _tried(index: Any, vectors: Halves) -> tuple[int, float]:
    """The least effort that finds enough, or the largest that is worth it, and its recall@10 over some vectors."""
    probes = _drawn(len(vectors), PROBES)
    tenth = _tenth(vectors, probes)
    effort = EFFORT
    while True:
        recall = _recall(index, vectors, probes, tenth, effort)
        if recall >= RECALL_LEAST or 2 * effort > len(vectors) // CODED_SHARE:
            return effort, recall
        effort *= 2


def _drawn(count: int, wanted: int) -> Numbers:
    """Places of so many of `count` vectors, ascending, the same every time."""
    return np.sort(np.random.default_rng(_SEED).choice(count, min(wanted, count), replace=False))


def _tenth(vectors: Halves, probes: Numbers) -> Floats:
    """The product of each probe (n,) with its tenth nearest of the other vectors, exactly."""
    asked = vectors[probes].astype(np.float32)
    best = np.full((len(probes), 0), 0, np.float32)
    for start in range(0, len(vectors), _SLAB):
        products = asked @ vectors[start : start + _SLAB].astype(np.float32).T
        best = np.concatenate([best, products], axis=1)
        best = -np.partition(-best, min(10, best.shape[1] - 1), axis=1)[:, :11]  # the probe itself is one of them
    return np.asarray(best.min(axis=1), np.float32)


def _recall(index: Any, vectors: Halves, probes: Numbers, tenth: Floats, effort: int) -> float:
    """The share of the probes' ten nearest that are among the best `effort` codes."""
    asked = vectors[probes].astype(np.float32)
    _, places = index.search(asked, effort)
    found = [
        np.count_nonzero(vectors[near[near >= 0]].astype(np.float32) @ one >= least - 1e-6) - 1
        for near, one, least in zip(places, asked, tenth, strict=True)
    ]
    return float(np.clip(found, 0, 10).mean() / 10)


def _products(vectors: Floats, vector: Floats) -> Floats:
    """Inner products (n,) of the vectors (n, d) with one: not by BLAS, whose threads go on waiting for more of it."""
    return np.asarray(np.einsum("nd,d->n", vectors, vector), np.float32)


def _best(rows: Numbers, scores: Floats, k: int) -> tuple[Numbers, Floats]:
    """The `k` best of the rows and their scores, best first; of equal ones the older first."""
    best = np.lexsort((rows, -scores))[: max(k, 0)]
    return rows[best], scores[best].astype(np.float32)


def _bytes(index: Any) -> bytes:
    import faiss

    return bytes(faiss.serialize_index(index).tobytes())


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
