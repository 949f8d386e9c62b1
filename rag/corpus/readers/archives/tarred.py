"""TAR archives, packed or not, and single files packed with gzip, bzip2 or xz."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO, BinaryIO, cast

from rag.corpus.readers.archives.inflate import (
    DAMAGE,
    MOST_MEMBERS,
    STEP,
    Budget,
    Exhausted,
    damaged,
    decompressed,
    too_many,
    too_much,
    unpacked,
)
from rag.corpus.readers.archives.member_names import Names
from rag.corpus.readers.reader import Content, Member, Unread
from rag.datatypes import State

LONGEST_HEADER = 32 * 2**10
"""Bytes of one extended header (a long name, attributes)."""
MOST_HEADERS = 2**20
"""Bytes of all that stands before a member's content."""
# The library looks for a number at each digit of such a run.
_DIGITS = re.compile(rb"\d{300}")


def parse_tar(data: bytes, _path: str) -> Content | Unread:
    """No text of its own: the files in the archive, unpacked one at a time. Its first bytes tell how it is packed."""
    if _is_blank(data):
        return Unread(State.EMPTY, "the archive holds no files")
    budget = Budget()
    try:
        source = _Forward(decompressed(data) or BytesIO(data), budget)
        archive = tarfile.TarFile(fileobj=cast(IO[bytes], source), encoding="utf-8", errors="surrogateescape")
    except Exhausted:
        return too_much()
    except DAMAGE as error:
        return damaged("TAR archive", error)
    return Content("", members=_members(archive, source))


def parse_packed(data: bytes, path: str) -> Content | Unread:
    """No text of its own: the one file that was packed, by the name of the whole without its last suffix."""
    try:
        stream = decompressed(data)
    except DAMAGE as error:
        return damaged("packed file", error)
    if stream is None:
        return Unread(State.FAILED, "holds no gzip, bzip2 or xz data, whatever its name says", "get a sound copy of it")
    return Content("", members=_single(stream, PurePosixPath(path.replace("\\", "/")).stem or "content"))


def _single(stream: BinaryIO, name: str) -> Iterator[Member]:
    try:
        content = unpacked(stream.read, Budget())
    except DAMAGE as error:
        content = damaged("packed file", error)
    yield Member(name, problem=content) if isinstance(content, Unread) else Member(name, content)


class _Forward:
    """What the library reads headers from: only forwards, no more at once than a header has, each byte counted."""

    def __init__(self, stream: BinaryIO, budget: Budget) -> None:
        self.stream = stream
        self.budget = budget
        self.position = 0
        self.headers = 0
        self.last = b""

    def read(self, size: int) -> bytes:
        self.headers += size
        if not 0 < size <= LONGEST_HEADER or self.headers > MOST_HEADERS:
            raise tarfile.ReadError(f"a header of {size} bytes")
        block = self.taken(size)
        if size == tarfile.BLOCKSIZE:
            self.last = block
        elif _DIGITS.search(block):
            raise tarfile.ReadError("a header with a number of more than 300 digits")
        return block

    def taken(self, size: int) -> bytes:
        """The next bytes, as many as there are up to `size`."""
        block = self.stream.read(size)
        self.position += len(block)
        self.budget.take(len(block))
        return block

    def seek(self, position: int) -> None:
        if position < self.position:
            raise tarfile.ReadError("a header that leads backwards")
        while self.position < position:
            if not self.taken(min(STEP, position - self.position)):
                raise tarfile.ReadError("unexpected end of data")

    def tell(self) -> int:
        return self.position

    def content(self, info: tarfile.TarInfo) -> bytes | Unread:
        """What a member holds. Raises EOFError where there is less than its header says."""
        self.seek(info.offset_data)
        end = info.offset_data + info.size
        found = unpacked(lambda size: self.taken(min(size, end - self.position)), Budget())
        if isinstance(found, bytes) and len(found) < info.size:
            raise EOFError(f"cut off after {len(found)} of {info.size} bytes")
        return found


def _members(archive: tarfile.TarFile, source: _Forward) -> Iterator[Member]:
    names = Names("utf-8")
    for _ in range(MOST_MEMBERS):
        try:
            info = _next(archive, source)
            if info is None:
                return
            if info.isdir():
                continue
            content = _refused(info) or _content(source, info)
        except Exhausted:
            yield Member("", problem=too_much())
            return
        except DAMAGE as error:
            yield Member("", problem=damaged("TAR archive", error))
            return
        name = names.unique(names.decoded(info.name.encode("utf-8", "surrogateescape")))
        yield Member(name, problem=content) if isinstance(content, Unread) else Member(name, content)
    yield Member("", problem=too_many())


def _content(source: _Forward, info: tarfile.TarInfo) -> bytes | Unread:
    try:
        return source.content(info)
    except DAMAGE as error:
        return damaged("member", error)


def _next(archive: tarfile.TarFile, source: _Forward) -> tarfile.TarInfo | None:
    """The next entry; None at the end. Raises one of `DAMAGE` where the library would end in silence."""
    source.headers = 0
    info = archive.next()
    archive.members.clear()  # type: ignore[attr-defined]  # each would keep a copy of all global headers
    if info is None and source.last.strip(b"\0"):
        raise tarfile.ReadError(f"no header at byte {source.position - len(source.last)}")
    return info


def _refused(info: tarfile.TarInfo) -> Unread | None:
    """Why an entry is not unpacked; None where it is."""
    if info.issym() or info.islnk():
        return Unread(State.SKIPPED, "a link, which is not followed")
    if not info.isfile():
        return Unread(State.SKIPPED, "not a regular file")
    if info.issparse():
        return Unread(State.UNSUPPORTED, "a sparse file, which is not unpacked", "pack it without --sparse")
    return None


def _is_blank(data: bytes) -> bool:
    """Whether nothing stands there but the zeros that end an archive."""
    return bool(data) and not data.strip(b"\0")
