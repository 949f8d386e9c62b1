"""Files within files: what they are called, how many there may be.

mails.zip!/2024/a.eml!/report.pdf       a location; each `!/` leads into a file
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.corpus.readers import Unread, reader_for
from rag.corpus.readers.unique import UniqueNames
from rag.datatypes import State

WITHIN = "!/"
REST = "…"
"""In place of a name: what follows in a file with a text of its own, and cannot be had."""
DEPTH = 4
"""Files that lie one in the other, the outermost not counted."""
FILES = 10_000
BYTES = 2**30
"""Of all files within one, at any depth; counted as they are handed on, whatever a header claims."""
RATIO, RATIO_FROM = 200, 64 * 2**20
"""So many times the size of the outermost file, where it is more than so many bytes."""
LONGEST = 400  # characters of a name

_LEADS = re.compile(r"(\.[^/]*)!/")  # a folder that has the name of a way into another file
_STRANGE = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
_SPLIT = "split it into smaller files"


@dataclass(slots=True)
class Budget:
    """What may still come out of one file of `size` bytes."""

    size: int
    files: int = 0
    bytes: int = 0

    def take(self, size: int) -> Unread | None:
        """Count one more file of that size; why there is no reading on, where that was too much."""
        self.files += 1
        self.bytes += size
        if self.files > FILES:
            return Unread(State.TOO_LARGE, f"more than {FILES:,} files lie within it; the others are not read", _SPLIT)
        if self.bytes > BYTES:
            reason = f"what lies within it is more than {BYTES // 2**20} MiB; what follows is not read"
            return Unread(State.TOO_LARGE, reason, _SPLIT)
        if self.bytes > RATIO_FROM and self.bytes > RATIO * self.size:
            reason = f"what lies within it is more than {RATIO} times its size; what follows is not read"
            return Unread(State.TOO_LARGE, reason, _SPLIT)
        return None


def too_deep() -> Unread:
    """The outcome of a file with files within it that lies too deep itself."""
    return Unread(State.TOO_LARGE, f"files within it would lie more than {DEPTH} deep; they are not read", "unpack it")


class Names:
    """The names of the files within one, as they can be stored, shown and told apart."""

    def __init__(self) -> None:
        self._names = UniqueNames([REST])

    def given(self, name: str) -> str:
        """A path for what calls itself so: relative, downwards, in one line, of bounded length, no other file's."""
        parts = _STRANGE.sub("\ufffd", name).replace("\\", "/").split("/")
        clean = "/".join(part for part in parts if part.strip(" .")) or "unnamed"
        clean = _LEADS.sub(r"\1!_/", clean)
        if len(clean) > LONGEST:
            digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
            clean = f"{clean[: LONGEST // 2].rstrip('/')}~{digest}~{_tail(clean)}"
        return self._names.given(clean)


def _tail(name: str) -> str:
    """The end of the last part of a path, which tells its reader."""
    return name.rpartition("/")[2][-100:]


def stamped(outer: str, name: str) -> str:
    """What the source of a file within another keeps of the readers: those of all that it lies in, and its own."""
    readers = map(reader_for, name.split(WITHIN))
    return WITHIN.join([outer, *(reader.stamp if reader else "" for reader in readers)])


def containers(location: str) -> Iterator[str]:
    """The files that a file of this location may lie in, the outermost first; none for an ordinary one."""
    at = location.find(WITHIN)
    while at > 0:
        yield location[:at]
        at = location.find(WITHIN, at + 1)
