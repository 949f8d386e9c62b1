"""The properties of a mail, an attachment or a recipient in a compound file (MS-OXMSG)."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

from rag.corpus.readers.mail import mime
from rag.corpus.readers.mail.mail_files import damaged
from rag.corpus.readers.mail.mime import one_line
from rag.corpus.readers.reader import Unread

DAMAGE = (*mime.DAMAGE, OSError, EOFError, MemoryError, struct.error)
"""What olefile raises on damaged files, and what damaged properties give rise to."""

LONGEST_LINE = 20_000

_UNICODE, _BYTES, _BINARY, _STORAGE = "001F", "001E", "0102", "000D"
_CODEPAGES = (0x3FFD, 0x3FDE)
_UTF8_PAGE = 65001
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)

# What compressed RTF begins with as if it had been said (MS-OXRTFCP).
_RTF_BEGIN = (
    rb"{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor "
    rb"MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0" + b"\r\n" + rb"\par "
    rb"\pard\plain\f0\fs20\b\i\u\tab\tx"
)
_RTF_MAGIC = {b"LZFu": True, b"MELA": False}
MOST_RTF = 64 * 2**20


class Storage:
    """A storage: streams named by the property that they hold, and one with all properties of a fixed length."""

    def __init__(self, file: Any, entry: Any, path: tuple[str, ...], codepage: str = "") -> None:
        self._file = file
        self._path = path
        self._kids = {kid.name: kid for kid in entry.kids}
        self._fixed = self._fixed_values()
        pages = [page for pid in _CODEPAGES if (page := self.number(pid))]
        self._codepage = next((_codec(page) for page in pages), codepage)

    def has(self, pid: int) -> bool:
        return f"__substg1.0_{pid:04X}{_BINARY}" in self._kids

    def data(self, pid: int, kind: str = _BINARY) -> bytes:
        """A property's bytes; none where it is not there."""
        name = f"__substg1.0_{pid:04X}{kind}"
        return self._stream(name) if name in self._kids else b""

    def decoded(self, pid: int) -> str | Unread:
        """A property that is a text, or bytes in the mail's code page; "" where it is not there."""
        wide = self.data(pid, _UNICODE)
        if wide:
            return wide.decode("utf-16-le", "replace").replace("\0", "")
        data = self.data(pid, _BYTES) or self.data(pid)
        return mime.text_of(data.rstrip(b"\0"), self._codepage)

    def text(self, pid: int) -> str:
        """As `decoded`; what no encoding fits is left out."""
        found = self.decoded(pid)
        return "" if isinstance(found, Unread) else found

    def line(self, pid: int) -> str:
        return one_line(self.text(pid)[:LONGEST_LINE])

    def number(self, pid: int) -> int:
        return int.from_bytes(self._fixed.get(pid, b"")[:4], "little")

    def flag(self, pid: int) -> bool:
        return bool(self._fixed.get(pid, b"\0")[0])

    def time(self, pid: int) -> datetime | None:
        """A property that is a time; None where it is not there, or none that can be."""
        ticks = int.from_bytes(self._fixed.get(pid, b""), "little")
        try:
            return (_EPOCH + timedelta(seconds=ticks // 10**7)) if ticks else None
        except OverflowError:
            return None

    def storage(self, pid: int) -> Storage | None:
        """A property that is a mail of its own; None where it is not there."""
        return self._inner(f"__substg1.0_{pid:04X}{_STORAGE}")

    def storages(self, prefix: str) -> list[Storage]:
        """The storages whose names begin so, in order."""
        found = (self._inner(name) for name in sorted(self._kids) if name.startswith(prefix))
        return [each for each in found if each is not None]

    def rtf(self, pid: int) -> bytes | Unread:
        """A property that is compressed RTF."""
        try:
            return decompressed_rtf(self.data(pid))
        except DAMAGE as error:
            return damaged(error)

    def _inner(self, name: str) -> Storage | None:
        kid = self._kids.get(name)
        return Storage(self._file, kid, (*self._path, name), self._codepage) if kid is not None else None

    def _stream(self, name: str) -> bytes:
        data: bytes = self._file.openstream([*self._path, name]).read()
        return data

    def _fixed_values(self) -> dict[int, bytes]:
        """Eight bytes by property id; behind a header whose length tells what the storage is."""
        name = "__properties_version1.0"
        data = self._stream(name) if name in self._kids else b""
        header = len(data) % 16 or (32 if not self._path else 8)
        header = 24 if self._path and self._path[-1].endswith(_STORAGE) else header
        rows = (data[at : at + 16] for at in range(header, len(data) - 15, 16))
        return {int.from_bytes(row[2:4], "little"): row[8:] for row in rows}


def _codec(page: int) -> str:
    return "utf-8" if page == _UTF8_PAGE else f"cp{page}"


def decompressed_rtf(data: bytes) -> bytes:
    """RTF out of the compression of MS-OXRTFCP. Raises ValueError or IndexError where it is damaged."""
    if len(data) < 16 or data[8:12] not in _RTF_MAGIC:
        raise ValueError("no compressed RTF")
    size = int.from_bytes(data[4:8], "little")
    if not _RTF_MAGIC[data[8:12]]:
        return data[16 : 16 + size]
    window = bytearray(4096)
    window[: len(_RTF_BEGIN)] = _RTF_BEGIN
    write, at, out = len(_RTF_BEGIN), 16, bytearray()
    while at < len(data) and len(out) < min(size, MOST_RTF):
        control, at = data[at], at + 1
        for bit in range(8):
            if at >= len(data):
                break
            if not control >> bit & 1:
                run, at = data[at : at + 1], at + 1
            else:
                offset, length, at = data[at] << 4 | data[at + 1] >> 4, (data[at + 1] & 15) + 2, at + 2
                if offset == write:
                    return bytes(out[:size])
                run = _copied(window, offset, length, write)
            for byte in run:
                window[write] = byte
                write = (write + 1) % 4096
            out += run
    return bytes(out[:size])


def _copied(window: bytearray, offset: int, length: int, write: int) -> bytes:
    """Bytes of the window from an offset on, those included that this very run writes."""
    distance = (write - offset) % 4096
    return bytes(window[(offset + step % distance) % 4096] for step in range(length))
