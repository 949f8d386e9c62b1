"""Writes the base of dense search (dense.py): which family, of what vectors, and how much it finds.

Few rows are an "exact" base. Whoever writes one of codes measures what these find, and raises `probes` and `effort`
until it is enough; where they would have to be so high that it is not worth it, the base is exact.
"""

from __future__ import annotations

import errno
import hashlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rag.errors import SettingsError
from rag.index import atomic, dense, dense_file
from rag.index.dense import Floats, Halves, Numbers
from rag.index.dense_file import Facts, Records, Table
from rag.index.records import Commit
from rag.index.rows import SLAB, Rows

FAMILIES = ("auto", "exact", "ivf")
"""What a user may choose: by the number of rows, or one of the two."""
EXACT_LIMIT = 200_000
"""Rows up to which every vector is compared: 25 ms."""
CODES_LEAST = 1000
"""Rows from which on there can be codes at all."""
STEPS: tuple[tuple[int, int], ...] = (
    *((32, 1000), (16, 1000), (16, 2000), (8, 2000), (6, 2000)),
    *((4, 2000), (4, 4000), (2, 4000), (1, 8000)),
)
"""What is tried in turn: a list in so many is probed, and so many of the codes found there are scored exactly."""
RECALL_LEAST = 0.995
"""recall@10 against exact search below which more is tried. It is measured with vectors half-way between two of the
base's, which are easier to find the nearest of than questions (docs/decisions.md, "Dense search by codes")."""
PROBES = 100
"""Such vectors."""
TRAINING = 40
"""Vectors for each centre that the centres are made of."""

_SEED = 1
_SLAB = SLAB  # vectors that are made floats at once


def write(rows: Rows, commit: Commit, dimension: int, family: str = "auto") -> Commit:
    """Write the derived file of all rows; the commit, which has at least one, naming it. Raises OSError.

    `family` is one of `FAMILIES`; "ivf" are codes however little they find, where there are rows enough.
    """
    folder = rows.database.file.parent
    if _has_codes(commit.chunks, family) and (made := _write_large(rows, commit, dimension, folder, family)):
        return made
    index, numbers = dense.empty(dimension), []
    for some, vectors in rows.vector_slabs(dimension, _SLAB):
        index.add_with_ids(vectors.astype(np.float32), some)
        numbers.append(some)
    data = dense.serialised(index)
    del index  # the bytes are as large
    named = _named(commit, hashlib.sha256(data).hexdigest(), np.concatenate(numbers))
    atomic.write(folder / named.dense, data)
    return named


def require_family(family: str) -> str:
    """The family. Raises SettingsError for one that there is not."""
    if family not in FAMILIES:
        raise SettingsError(f"dense = {family!r} is not one of: {', '.join(FAMILIES)}")
    return family


def fits(file: BinaryIO, commit: Commit, dimension: int, family: str) -> bool:
    """Whether a commit's derived file is of the family that is wanted; of "auto" any is until it is outgrown."""
    if family == "auto":
        return True
    return (dense.described(file, commit, dimension)[0] == "ivf") == _has_codes(commit.chunks, family)


def wants_codes(commit: Commit, family: str) -> bool:
    """Whether a base that had too few rows for codes when it was written is to have them now."""
    return family == "ivf" and commit.dense_rows < CODES_LEAST <= commit.chunks


def _has_codes(chunks: int, family: str) -> bool:
    """Whether a base of so many rows is to have codes."""
    return chunks >= CODES_LEAST if family == "ivf" else family == "auto" and chunks > EXACT_LIMIT


def _write_large(rows: Rows, commit: Commit, dimension: int, folder: Path, family: str) -> Commit | None:
    """The same with codes; None where these would not be worth it, and nobody insists."""
    with atomic.Draft(folder / "dense.faiss") as draft:
        numbers, summed = [], hashlib.sha256()
        draft.write(dense_file.MAGIC)
        for some, vectors in rows.vector_slabs(dimension, _SLAB):
            summed.update(data := dense_file.records(vectors, some))
            draft.write(data)
            numbers.append(some)
        draft.file.flush()
        held = np.concatenate(numbers)
        stored = Records(draft.file, held, dimension, _unreadable)
        codes = _codes(stored)
        found = _tried(codes, stored)
        if found[-1] < RECALL_LEAST and family != "ivf":
            return None
        table = Table(Facts(*found, summed.hexdigest()), held, dense.serialised(codes)).data()
        draft.write(table)
        named = _named(commit, hashlib.sha256(table).hexdigest(), held)
        draft.take(folder / named.dense)
    return named


def _named(commit: Commit, digest: str, rows: Numbers) -> Commit:
    """The commit with a derived file of that SHA-256, whole or of its table, and these rows."""
    name = f"dense-{digest[:16]}.faiss"
    return replace(commit, dense=name, dense_sha256=digest, dense_rows=len(rows), dense_last=int(rows[-1]))


def _codes(stored: Records) -> Any:
    """The index of the vectors' codes, whose ids are the rows."""
    count = len(stored)
    lists = 2 ** max(1, round(math.log2(count) / 2))
    index = dense.codes(stored.dimension, lists, _SEED)
    index.train(_floats(stored, _drawn(count, TRAINING * lists)))
    for start in range(0, count, _SLAB):
        places = np.arange(start, min(start + _SLAB, count))
        index.add_with_ids(_floats(stored, places), stored.rows[places])
    return index


def _tried(index: Any, stored: Records) -> tuple[int, int, float]:
    """Probes, effort and recall@10 of the first step that finds enough, else of the last."""
    one, other = np.random.default_rng(_SEED).choice(len(stored), (2, PROBES))
    asked = _floats(stored, one) + _floats(stored, other)
    asked /= np.maximum(np.linalg.norm(asked, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    tenth = _tenth(stored, asked)
    for share, effort in STEPS:
        probes = max(1, dense.lists_of(index).nlist // share)
        found = [np.searchsorted(stored.rows, near[near >= 0]) for near in dense.nearest(index, asked, effort, probes)]
        if (recall := _recall(stored, asked, tenth, found)) >= RECALL_LEAST:
            break
    return probes, effort, round(recall, 4)


def _drawn(count: int, wanted: int) -> Numbers:
    """Places of so many of `count` vectors, ascending, the same every time."""
    return np.sort(np.random.default_rng(_SEED).choice(count, min(wanted, count), replace=False))


def _tenth(stored: Records, asked: Floats) -> Floats:
    """The product of each of the vectors `asked` (n, d) with its tenth nearest, exactly."""
    best = np.empty((len(asked), 0), np.float32)
    for start in range(0, len(stored), _SLAB):
        vectors = _floats(stored, np.arange(start, min(start + _SLAB, len(stored))))
        best = np.concatenate([best, asked @ vectors.T], axis=1)
        best = -np.partition(-best, min(9, best.shape[1] - 1), axis=1)[:, :10]
    return np.asarray(best.min(axis=1), np.float32)


def _recall(stored: Records, asked: Floats, tenth: Floats, found: list[Numbers]) -> float:
    """The mean share of the ten nearest that are among the places which would be scored."""
    near = [
        np.count_nonzero(dense.products(_floats(stored, places), one) >= least - 1e-5)
        for places, one, least in zip(found, asked, tenth, strict=True)
    ]
    return float(np.clip(near, 0, 10).mean() / 10)


def _floats(stored: Records, places: Numbers) -> Floats:
    return stored.at(places).astype(np.float32)


def _unreadable(_rows: Numbers) -> Halves:
    raise OSError(errno.EIO, "the bytes read back are not those written")
