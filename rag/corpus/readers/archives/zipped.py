"""ZIP archives: each file in them is a member."""

from __future__ import annotations

import bz2
import io
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence

from rag.corpus.ledger import UNLOCK
from rag.corpus.readers.archives.inflate import (
    DAMAGE,
    LZMA_MEMORY,
    MOST_MEMBERS,
    Budget,
    Exhausted,
    damaged,
    too_many,
    too_much,
    unpacked,
)
from rag.corpus.readers.archives.member_names import Names
from rag.corpus.readers.reader import NO_AID, Aid, Content, Member, Unread
from rag.datatypes import State

_ENTRY = b"PK\x01\x02"
_LOCAL_HEADER = 30
_ENCRYPTED, _STRONGLY = 0x1, 0x40 | 0x2000
_AES = 99  # in place of a compression
_UTF8 = 0x800
_UNICODE_PATH = 0x7075
_ENDS_ITSELF = 0x2
_UNIX = 3
_DECRYPTED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the library would inflate others without bounds


def parse_zip(data: bytes, _path: str, aid: Aid = NO_AID) -> Content | Unread:
    """No text of its own: the files in the archive, unpacked one at a time; encrypted ones with one of the passwords.

    Only the format's old encryption is known, which protects from nobody who tries.
    """
    if data.count(_ENTRY) > 2 * MOST_MEMBERS:  # the library keeps an object for each
        return too_many()
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except DAMAGE as error:
        return damaged("ZIP archive", error)
    files = [entry for entry in archive.infolist() if not entry.orig_filename.endswith("/")]
    if not files:
        return Unread(State.EMPTY, "the archive holds no files")
    if _overlap(archive.infolist()):
        reason = "entries of the archive overlap, so that it unpacks to far more than it holds"
        return Unread(State.FAILED, reason, "get a sound copy of it")
    return Content("", members=_members(archive, files, data, aid.passwords))


def _overlap(entries: Sequence[zipfile.ZipInfo]) -> bool:
    """Whether some bytes are claimed by two entries; what a name takes is reckoned as one byte a character or more."""
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            return True
        end = entry.header_offset + _LOCAL_HEADER + len(entry.orig_filename) + entry.compress_size
    return False


def _members(
    archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo], data: bytes, passwords: Sequence[str]
) -> Iterator[Member]:
    names = Names("cp437")
    names.learn(raw for entry in files if (raw := _raw_name(entry)) is not None)
    budget = Budget()
    for entry in files[:MOST_MEMBERS]:
        name = names.unique(_name(entry, names))
        try:
            content = _refused(entry) or _content(archive, entry, data, budget, passwords)
        except Exhausted:
            yield Member("", problem=too_much())
            return
        if content == data:
            content = Unread(State.SKIPPED, "is the archive itself")
        yield Member(name, problem=content) if isinstance(content, Unread) else Member(name, content)
    if len(files) > MOST_MEMBERS:
        yield Member("", problem=too_many())


# ---------------------------------------------------------------- names


def _name(entry: zipfile.ZipInfo, names: Names) -> str:
    raw = _raw_name(entry)
    name = entry.orig_filename if raw is None else _unicode_path(entry, raw) or names.decoded(raw)
    return name if "/" in name or entry.create_system == _UNIX else name.replace("\\", "/")


def _raw_name(entry: zipfile.ZipInfo) -> bytes | None:
    """The name's bytes; None where the entry says that they are UTF-8, as which the library has read them."""
    return None if entry.flag_bits & _UTF8 else entry.orig_filename.encode("cp437")


def _unicode_path(entry: zipfile.ZipInfo, raw: bytes) -> str:
    """The name in the field that Info-ZIP adds beside one in an old encoding, if it was made for that; ""."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        field = extra[4 : 4 + size]
        if kind == _UNICODE_PATH and size > 5 and field[1:5] == struct.pack("<I", zlib.crc32(raw)):
            return field[5:].decode("utf-8", "backslashreplace")
        extra = extra[4 + size :]
    return ""


# ---------------------------------------------------------------- contents


def _refused(entry: zipfile.ZipInfo) -> Unread | None:
    """Why an entry is not unpacked; None where it is."""
    if entry.flag_bits & _STRONGLY or (entry.flag_bits & _ENCRYPTED and entry.compress_type not in _DECRYPTED):
        return Unread(State.ENCRYPTED, "encrypted in a way that is not read, such as AES", "pack it without a password")
    mode = entry.external_attr >> 16 if entry.create_system == _UNIX else 0
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return Unread(State.SKIPPED, "a link, which is not followed" if stat.S_ISLNK(mode) else "not a regular file")
    return None


def _content(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, data: bytes, budget: Budget, passwords: Sequence[str]
) -> bytes | Unread:
    if entry.flag_bits & _ENCRYPTED:
        return _decrypted(archive, entry, budget, passwords)
    try:
        if entry.compress_type in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
            return _bounded(entry, data, budget)
        with archive.open(entry) as stream:
            return unpacked(stream.read, budget)
    except NotImplementedError as error:
        reason = " ".join(str(error).split())[:100]
        return Unread(State.UNSUPPORTED, f"{reason} (method {entry.compress_type})", "pack it anew, with deflate")
    except DAMAGE as error:
        return damaged("member", error)


def _decrypted(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: Budget, passwords: Sequence[str]
) -> bytes | Unread:
    """The content by the first password with which it is sound: one in 256 wrong ones is told by that alone."""
    for password in passwords:
        try:
            with archive.open(entry, pwd=password.encode("utf-8", "replace")) as stream:
                return unpacked(stream.read, budget)
        except DAMAGE:
            continue
    reason = "none of the passwords given opens it" if passwords else "needs a password"
    return Unread(State.ENCRYPTED, reason, UNLOCK)


def _bounded(entry: zipfile.ZipInfo, data: bytes, budget: Budget) -> bytes | Unread:
    """The content of an entry whose compression the library inflates without bounds: some bytes to gigabytes."""
    name, extra = struct.unpack_from("<HH", data, entry.header_offset + 26)
    start = entry.header_offset + _LOCAL_HEADER + name + extra
    packed = data[start : start + entry.compress_size]
    decompressor: bz2.BZ2Decompressor | lzma.LZMADecompressor = bz2.BZ2Decompressor()
    if entry.compress_type == zipfile.ZIP_LZMA:
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_ALONE, LZMA_MEMORY)
        packed = _as_lzma_file(packed, entry)
    waiting = iter([packed])

    def read(size: int) -> bytes:
        part = b""
        while not part and not decompressor.eof:
            given = next(waiting, b"")
            if not given and decompressor.needs_input:
                raise EOFError("it is cut off")
            part = decompressor.decompress(given, size)
        return part

    found = unpacked(read, budget)
    if isinstance(found, bytes) and zlib.crc32(found) != entry.CRC:
        raise zipfile.BadZipFile("bad CRC-32")
    return found


def _as_lzma_file(packed: bytes, entry: zipfile.ZipInfo) -> bytes:
    """The bytes as a .lzma file: in place of a version and a length comes the size, unknown where a mark ends it."""
    size = 2**64 - 1 if entry.flag_bits & _ENDS_ITSELF else entry.file_size
    return packed[4:9] + struct.pack("<Q", size) + packed[9:]
