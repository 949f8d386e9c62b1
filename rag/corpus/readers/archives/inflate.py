"""What may be unpacked: bytes are counted as they come out, whatever a header claims."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast

from rag.corpus.readers.reader import Unread
from rag.datatypes import State

LARGEST = 64 * 2**20
"""Bytes of the largest member that is read."""
MOST_BYTES = 2**30
"""Bytes of all that is unpacked of one container."""
MOST_MEMBERS = 50_000
"""Entries of a container that are looked at."""
STEP = 2**20
"""Bytes that are asked for at once."""
LZMA_MEMORY = 128 * 2**20

DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,  # what a dictionary of LZMA asks for stands in its header
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.LargeZipFile,
)
"""What the standard library raises on damaged archives; nothing of ours runs there."""

Read = Callable[[int], bytes]


class Exhausted(Exception):
    """More than `MOST_BYTES` came out of one container."""


@dataclass(slots=True)
class Budget:
    """Bytes that may still come out of a container."""

    left: int = MOST_BYTES

    def take(self, size: int) -> None:
        """Note that so many came out. Raises Exhausted where those are too many."""
        self.left -= size
        if self.left < 0:
            raise Exhausted


def unpacked(read: Read, budget: Budget, step: int = STEP) -> bytes | Unread:
    """All that `read(n)` gives, n bytes or fewer at a time; Unread where that is more than the largest member has."""
    parts: list[bytes] = []
    size = 0
    while part := read(step):
        budget.take(len(part))
        size += len(part)
        if size > LARGEST:
            return Unread(State.TOO_LARGE, f"unpacks to more than {LARGEST >> 20} MiB", "split it into smaller files")
        parts.append(part)
    return b"".join(parts)


def decompressed(data: bytes) -> BinaryIO | None:
    """A stream of what gzip, bzip2 or xz data hold, as their first bytes tell; None where they are none of these.

    `read(n)` inflates n bytes and a little more, not all that the input would give. Raises one of `DAMAGE`.
    """
    file = io.BytesIO(data)
    if data.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    if data.startswith(b"BZh"):
        return cast(BinaryIO, bz2.BZ2File(file))
    if data.startswith(b"\xfd7zXZ\0"):
        lzma.LZMADecompressor(memlimit=LZMA_MEMORY).decompress(data[:4096], 1)
        return cast(BinaryIO, lzma.LZMAFile(file))
    return None


def damaged(kind: str, error: Exception) -> Unread:
    """The outcome for what one of `DAMAGE` was raised."""
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return Unread(State.FAILED, f"damaged {kind}: {reason}", "get a sound copy of it")


def too_much() -> Unread:
    """The outcome of a container out of which more came than is unpacked."""
    reason = f"unpacks to more than {MOST_BYTES >> 20} MiB; what follows was not read"
    return Unread(State.TOO_LARGE, reason, "split it into smaller archives")


def too_many() -> Unread:
    """The outcome of a container with more entries than are looked at."""
    reason = f"holds more than {MOST_MEMBERS} entries; what follows was not read"
    return Unread(State.TOO_LARGE, reason, "split it into smaller archives")
