"""The derived file of dense search, `dense-<sha256>.faiss`: what is in it, and whether it is what the commit says.

Of few rows it is the bytes of one FAISS index, vectors and all. Of many:

    MAGIC
    record × rows    a row's vector (d,) float16, and its CRC-32, begun with the row's number
    table            a line of JSON (`Facts`), the rows (n,) int64, the bytes of a FAISS index of codes

A search needs the table and a few thousand of the records. So the commit has the table's SHA-256, the table has the
records', and each record that is read is compared with its own checksum. It is read, not mapped: a file that is cut
while it is mapped kills the process.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from rag.index import atomic
from rag.index.records import Commit

Halves = NDArray[np.float16]
Numbers = NDArray[np.int64]

MAGIC = b"rag dense vectors 1\n"
NEAR = 4
"""Records that are read along where they lie between two that are wanted: cheaper than another read."""
LONGEST = 10_000
"""Records that are wanted at once, at most."""

_log = logging.getLogger(__name__)
_turn = threading.Lock()
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Facts:
    """How the codes are searched, what that found when they were made, and the SHA-256 of the records."""

    probes: int
    effort: int
    recall: float
    records: str


class Records:
    """Vectors (n, d) float16 in an open file, by their place among `rows` (n,).

    `otherwise` gives the vectors of rows whose records cannot be read or do not have their checksum.
    """

    def __init__(self, file: BinaryIO, rows: Numbers, dimension: int, otherwise: Callable[[Numbers], Halves]) -> None:
        self._file = file
        self.rows = rows
        self.dimension = dimension
        self._kind = record_kind(dimension)
        self._otherwise = otherwise
        self._warned = False

    def __len__(self) -> int:
        return len(self.rows)

    def at(self, places: Numbers) -> Halves:
        """The vectors (m, d) at these places, in their order. Raises as `otherwise` does."""
        found = np.empty((len(places), self.dimension), np.float16)
        order = np.argsort(places, kind="stable")
        for first in range(0, len(order), LONGEST):
            wanted = order[first : first + LONGEST]
            records, rows = self._read(places[wanted]), self.rows[places[wanted]]
            found[wanted] = records["vector"]
            wrong = np.flatnonzero(checksums(found[wanted], rows) != records["crc"])
            if len(wrong):
                found[wanted[wrong]] = self._instead(rows[wrong])
        return found

    def _read(self, ascending: Numbers) -> NDArray[np.void]:
        """The records at these ascending places; zeros for what the file does not have."""
        gaps = np.flatnonzero(np.diff(ascending) > NEAR) + 1
        firsts, lasts = ascending[np.r_[0, gaps]], ascending[np.r_[gaps - 1, -1]]
        size = self._kind.itemsize
        blocks = _read_each(self._file, (len(MAGIC) + firsts * size).tolist(), ((lasts + 1 - firsts) * size).tolist())
        lengths = lasts + 1 - firsts
        before = np.repeat(np.cumsum(lengths) - lengths - firsts, np.diff(np.r_[0, gaps, len(ascending)]))
        found: NDArray[np.void] = np.frombuffer(b"".join(blocks), self._kind)[ascending + before]
        return found

    def _instead(self, rows: Numbers) -> Halves:
        if not self._warned:
            self._warned = True
            _log.warning(
                "%s is damaged: %d of its vectors do not have their checksum. They are read from the database instead; "
                "the next rag ingest writes it anew.",
                getattr(self._file, "name", "The derived file"),
                len(rows),
            )
        return self._otherwise(rows)


@dataclass(frozen=True, slots=True)
class Table:
    """What lies behind the records."""

    facts: Facts
    rows: Numbers
    codes: bytes | memoryview

    def data(self) -> bytes:
        """The table as it lies in the file."""
        line = json.dumps(asdict(self.facts)).encode("ascii")
        return b"".join([line, b"\n", np.ascontiguousarray(self.rows, "<i8").tobytes(), self.codes])

    @classmethod
    def of(cls, data: bytes, count: int) -> Self:
        """The table of `count` rows that `data` is. Its SHA-256 has been compared."""
        end = data.index(b"\n") + 1
        rows = np.frombuffer(data, "<i8", count, end).astype(np.int64)
        return cls(Facts(**json.loads(data[:end])), rows, memoryview(data)[end + 8 * count :])


def is_large(file: BinaryIO) -> bool:
    """Whether the file has records and a table, and is not a FAISS index as a whole."""
    return read_at(file, 0, len(MAGIC)) == MAGIC


def table(file: BinaryIO, commit: Commit, dimension: int) -> Table | None:
    """The table of a large file; None where it is not the one of the commit."""
    start = len(MAGIC) + commit.dense_rows * record_kind(dimension).itemsize
    data = read_at(file, start, max(0, file.seek(0, os.SEEK_END) - start))
    if hashlib.sha256(data).hexdigest() != commit.dense_sha256:
        return None
    return Table.of(data, commit.dense_rows)


def sound(file: BinaryIO, commit: Commit, dimension: int) -> bool:
    """Whether the file holds the bytes that the commit names, to the last one."""
    if not is_large(file):
        return _digest(file, 0, file.seek(0, os.SEEK_END)) == commit.dense_sha256
    found = table(file, commit, dimension)
    size = commit.dense_rows * record_kind(dimension).itemsize
    return found is not None and _digest(file, len(MAGIC), size) == found.facts.records


def copy(file: BinaryIO, to: Path) -> None:
    """Write the bytes of the file to `to`. Raises OSError."""
    with atomic.Draft(to) as draft:
        for block in _blocks(file, 0, file.seek(0, os.SEEK_END)):
            draft.write(block)
        draft.take(to)


def records(vectors: Halves, rows: Numbers) -> bytes:
    """The records of these vectors (n, d) and their rows (n,)."""
    made = np.empty(len(rows), record_kind(vectors.shape[1]))
    made["vector"] = vectors
    made["crc"] = checksums(vectors, rows)
    return made.tobytes()


def checksums(vectors: Halves, rows: Numbers) -> NDArray[np.uint32]:
    """The CRC-32 of each vector (n, d), begun with its row's number, so that none passes for another's."""
    size = vectors.shape[1] * 2
    data = memoryview(np.ascontiguousarray(vectors, "<f2").tobytes())
    begun = (rows & 0xFFFFFFFF).tolist()
    sums = [zlib.crc32(data[place * size : (place + 1) * size], start) for place, start in enumerate(begun)]
    return np.array(sums, np.uint32)


def record_kind(dimension: int) -> np.dtype[np.void]:
    """numpy's type of a record."""
    return np.dtype([("vector", "<f2", (dimension,)), ("crc", "<u4")])


def read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """So many bytes from there, whichever thread asks; zeros for those that are not there or cannot be read."""
    data = _block(file, offset, size)
    while len(data) < size and (more := _block(file, offset + len(data), size - len(data))):
        data += more
    return data.ljust(size, b"\0")


def _read_each(file: BinaryIO, offsets: list[int], sizes: list[int]) -> list[bytes]:
    """What `read_at` gives for each of many; quicker where nothing is amiss."""
    if sys.platform != "win32":  # pragma: no branch
        descriptor, pread = file.fileno(), os.pread
        with contextlib.suppress(OSError):
            blocks = [pread(descriptor, size, offset) for offset, size in zip(offsets, sizes, strict=True)]
            if list(map(len, blocks)) == sizes:
                return blocks
    return [read_at(file, offset, size) for offset, size in zip(offsets, sizes, strict=True)]


def _block(file: BinaryIO, offset: int, size: int) -> bytes:
    try:
        if sys.platform == "win32":  # pragma: no cover
            with _turn:
                file.seek(offset)
                return file.read(size)
        return os.pread(file.fileno(), size, offset)
    except OSError:
        return b""


def _blocks(file: BinaryIO, start: int, size: int) -> Iterator[bytes]:
    for offset in range(start, start + size, _BLOCK):
        yield read_at(file, offset, min(_BLOCK, start + size - offset))


def _digest(file: BinaryIO, start: int, size: int) -> str:
    summed = hashlib.sha256()
    for block in _blocks(file, start, size):
        summed.update(block)
    return summed.hexdigest()
