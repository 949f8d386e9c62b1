"""Archives: ZIP, tar, gzip and the like that inflate, contain themselves, lie about what they hold or lead outside."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial

from rag.datatypes import State
from tests.hostile.case import ANY, REFUSED, SECRET, Case, of
from tests.hostile.markup import zipped

CONTAINER = ANY | {State.SKIPPED}
MEBI = 2**20


@cache
def _zeros(mebibytes: int) -> bytes:
    """Raw deflate of so many MiB of zeros, without that much memory."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join(packer.compress(bytes(MEBI)) for _ in range(mebibytes)) + packer.flush()


def archive(members: list[tuple[bytes, int, int, int, bytes]], *, entries: int | None = None, flags: int = 0) -> bytes:
    """A ZIP from (name, claimed size, CRC, method, packed bytes): what no library would write."""
    out, index = bytearray(), bytearray()
    for name, size, crc, method, data in members:
        head = struct.pack("<HHHHHIII", 20, flags, method, 0, 33, crc, len(data), size)
        index += b"PK\1\2\x14\0" + head + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, len(out)) + name
        out += b"PK\3\4" + head + struct.pack("<HH", len(name), 0) + name + data
    return bytes(out) + bytes(index) + _end(len(members) if entries is None else entries, len(index), len(out))


def _end(entries: int, size: int, offset: int) -> bytes:
    return b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, entries & 0xFFFF, entries & 0xFFFF, size, offset, 0)


def flat(mebibytes: int, name: bytes = b"zeros.txt") -> bytes:
    """One member that inflates to so much."""
    return archive([(name, mebibytes * MEBI, 0, 8, _zeros(mebibytes))])


def lying(name: bytes = b"small.txt") -> bytes:
    """One member that says it has ten bytes and has 200 MiB."""
    return archive([(name, 10, 0, 8, _zeros(200))])


def nested(levels: int, width: int) -> bytes:
    """Archives in archives, each holding the one below several times."""
    inner = flat(10)
    for level in range(levels):
        inner = zipped({f"{level}-{number}.zip": inner for number in range(width)})
    return inner


def overlapping(entries: int) -> bytes:
    """Many entries of the index that are all the same packed bytes (Fifield, 2019)."""
    data, name = _zeros(20), b"a.txt"
    head = struct.pack("<HHHHHIII", 20, 0, 8, 0, 33, 0, len(data), 20 * MEBI)
    local = b"PK\3\4" + head + struct.pack("<HH", len(name), 0) + name + data
    index = b"".join(
        b"PK\1\2\x14\0" + head + struct.pack("<HHHHHII", len(own), 0, 0, 0, 0, 0, 0) + own
        for own in (f"{n:05}".encode() for n in range(entries))
    )
    return local + index + _end(entries, len(index), len(local))


def self_containing() -> bytes:
    """A stored member whose bytes run to the end of the archive, its own index among them."""
    name = b"self.zip"
    index_size = 46 + len(name)
    size = index_size + 22
    head = struct.pack("<HHHHHIII", 20, 0, 0, 0, 33, 0, size, size)
    local = b"PK\3\4" + head + struct.pack("<HH", len(name), 0) + name
    index = b"PK\1\2\x14\0" + head + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name
    return local + index + _end(1, len(index), len(local))


def _zip_cases() -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield "flat-300-MB.zip", partial(flat, 300)
    # One level more than is read. Eight archives a level are 10,000 reads, of which others below have as many.
    yield "nested-5-levels.zip", partial(nested, 5, 3)
    yield "nested-60-levels.zip", partial(nested, 60, 1)
    yield "overlapping-1000.zip", partial(overlapping, 1000)
    yield "self-containing.zip", self_containing
    yield "size-lies.zip", lying
    yield "entries-60000.zip", lambda: archive([(f"{n}.txt".encode(), 0, 0, 0, b"") for n in range(60_000)])
    yield "entries-claimed.zip", lambda: archive([(b"a.txt", 1, 0, 0, b"x")], entries=60_000)
    yield "wrong-crc.zip", lambda: archive([(b"a.txt", 4, 1, 0, b"text")])
    yield "unknown-method.zip", lambda: archive([(b"a.txt", 4, 0, 77, b"text")])
    yield "encrypted.zip", lambda: archive([(b"a.txt", 4, 0, 0, b"text" * 4)], flags=1)
    yield "no-index.zip", lambda: zipped({"a.txt": "text"})[:40]
    yield "index-alone.zip", lambda: _end(3, 1000, 5)
    yield "index-offset-beyond.zip", lambda: zipped({"a.txt": "text"})[:-22] + _end(1, 50, 2**31)
    yield "same-name-twice.zip", lambda: archive([(b"a.txt", 1, 0, 0, b"x"), (b"a.txt", 1, 0, 0, b"y")])
    names = {
        "dot-dot": SECRET.encode(),
        "absolute": b"/etc/passwd",
        "drive": b"C:\\windows\\a.txt",
        "backslash": b"..\\..\\a.txt",
        "newline": b"a\nb.txt",
        "escape": b"\x1b[2Ja.txt",
        "null": b"a\0.txt",
        "no-name": b"",
        "not-utf8": b"\xff\xfe.txt",
        "long": b"a" * 60_000,
        "device": b"CON",
        "bang": b"b.zip!/c.txt",
    }
    for what, name in names.items():
        yield f"member-name-{what}.zip", partial(archive, [(name, 4, zlib.crc32(b"text"), 0, b"text")])


def _tar(change: Callable[[tarfile.TarInfo], None], data: bytes = b"text") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        info = tarfile.TarInfo("a.txt")
        info.size = len(data)
        change(info)
        tar.addfile(info, io.BytesIO(data) if info.type == tarfile.REGTYPE else None)
    return out.getvalue()


def _member(**values: object) -> bytes:
    def change(info: tarfile.TarInfo) -> None:
        for name, value in values.items():
            setattr(info, name, value)

    return _tar(change)


def _claiming(size: int) -> bytes:
    """A tar whose only member says it has so many bytes and has four."""
    info = tarfile.TarInfo("a.txt")
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT) + b"text" + bytes(508)


def _tar_cases() -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield "dot-dot.tar", partial(_member, name=SECRET)
    yield "absolute.tar", partial(_member, name="/etc/cron.d/a.txt")
    yield "symlink-to-passwd.tar", partial(_member, name="a.txt", type=tarfile.SYMTYPE, linkname="/etc/passwd", size=0)
    yield "symlink-to-secret.tar", partial(_member, name="a.txt", type=tarfile.SYMTYPE, linkname=SECRET, size=0)
    yield "hardlink.tar", partial(_member, name="a.txt", type=tarfile.LNKTYPE, linkname="/etc/passwd", size=0)
    yield "hardlink-to-itself.tar", partial(_member, name="a.txt", type=tarfile.LNKTYPE, linkname="a.txt", size=0)
    yield "character-device.tar", partial(_member, name="a.txt", type=tarfile.CHRTYPE, devmajor=1, devminor=5, size=0)
    yield "block-device.tar", partial(_member, name="a.txt", type=tarfile.BLKTYPE, devmajor=8, devminor=0, size=0)
    yield "fifo.tar", partial(_member, name="a.txt", type=tarfile.FIFOTYPE, size=0)
    yield "sparse-claims-8-GB.tar", partial(_member, name="a.txt", type=tarfile.GNUTYPE_SPARSE, size=0)
    yield "size-of-8-GB.tar", partial(_claiming, 2**33 - 1)
    yield "size-negative.tar", lambda: _claiming(4)[:124] + b"\xff" * 12 + _claiming(4)[136:]
    yield "checksum-wrong.tar", lambda: _claiming(4)[:148] + b"0000000\0" + _claiming(4)[156:]
    yield "long-name-10-MB.tar", partial(_member, name="a" * 10_000_000)
    yield "truncated.tar", lambda: _member(name="a.txt")[:300]
    yield "headers-20000.tar", lambda: b"".join(tarfile.TarInfo(f"{n}.txt").tobuf() for n in range(20_000))
    yield "inflates-to-300-MB.tar.gz", lambda: gzip.compress(_claiming(300 * MEBI)[:512], mtime=0) + _gz(300)
    yield "truncated.tgz", lambda: gzip.compress(_member(name="a.txt"), mtime=0)[:60]


def _gz(mebibytes: int) -> bytes:
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + _zeros(mebibytes) + struct.pack("<II", 0, 10)


def _packed_cases() -> Iterator[tuple[str, Callable[[], bytes]]]:
    yield "zeros-300-MB.gz", partial(_gz, 300)
    yield "zeros-300-MB.txt.gz", partial(_gz, 300)
    yield "members-10000.gz", lambda: gzip.compress(b"x", mtime=0) * 10_000
    yield "zeros-100-MB.bz2", lambda: bz2.compress(bytes(100 * MEBI))
    yield "zeros-100-MB.xz", lambda: lzma.compress(bytes(100 * MEBI))
    yield "dictionary-of-4-GB.xz", lambda: b"\xfd7zXZ\0\0\1" + bytes(4) + b"\2\0!\1\x28" + bytes(20)
    yield "nonsense.7z", lambda: b"7z\xbc\xaf\x27\x1c\0\4" + b"\xff" * 60
    yield "nonsense.rar", lambda: b"Rar!\x1a\x07\x01\0" + b"\xff" * 60


def cases() -> Iterator[Case]:
    """All of them; a bomb that is named like an office file or a text is one too."""
    for name, data in (*_zip_cases(), *_tar_cases(), *_packed_cases()):
        yield of(f"archives/{name}", CONTAINER, data)
    for suffix in ("docx", "xlsx", "pptx", "odt", "epub", "ods", "jar", "txt", "pdf", "html"):
        yield of(
            f"archives/flat-bomb-named.{suffix}",
            REFUSED | ({State.INDEXED} if suffix == "jar" else set()),
            partial(flat, 50),
        )
    for suffix in ("docx", "xlsx", "pptx", "odt", "epub"):
        yield of(f"archives/lying-bomb-named.{suffix}", REFUSED, partial(lying, b"[Content_Types].xml"))
