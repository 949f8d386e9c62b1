"""Compound files (MS-CFB), as small as they can be: what a test needs to make an Outlook mail."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

END, FREE, NONE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFF
CUTOFF = 4096

Tree = dict[str, "bytes | Tree"]


@dataclass
class _Entry:
    name: str
    kind: int
    data: bytes = b""
    child: int = NONE
    right: int = NONE
    start: int = END


@dataclass
class _Writer:
    entries: list[_Entry] = field(default_factory=list)
    sectors: list[bytes] = field(default_factory=list)
    fat: list[int] = field(default_factory=list)
    small: bytes = b""
    small_fat: list[int] = field(default_factory=list)

    def add(self, name: str, content: bytes | Tree, kind: int) -> int:
        at = len(self.entries)
        entry = _Entry(name, kind)
        self.entries.append(entry)
        if isinstance(content, bytes):
            entry.data = content
            return at
        inner = [self.add(key, value, 2 if isinstance(value, bytes) else 1) for key, value in content.items()]
        entry.child = inner[0] if inner else NONE
        for left, right in pairwise(inner):
            self.entries[left].right = right
        return at

    def store(self, data: bytes) -> int:
        """The first sector of a chain that holds the data."""
        first = len(self.sectors)
        parts = [data[at : at + 512].ljust(512, b"\0") for at in range(0, len(data), 512)]
        self.sectors += parts
        self.fat += [*range(first + 1, first + len(parts)), END]
        return first

    def store_small(self, data: bytes) -> int:
        first = len(self.small) // 64
        count = -(-len(data) // 64)
        self.small += data.ljust(count * 64, b"\0")
        self.small_fat += [*range(first + 1, first + count), END]
        return first


def compound_file(tree: Tree) -> bytes:
    """A file with these streams and storages."""
    writer = _Writer()
    writer.add("Root Entry", tree, 5)
    for entry in writer.entries[1:]:
        if entry.data:
            entry.start = (writer.store if len(entry.data) >= CUTOFF else writer.store_small)(entry.data)
    root = writer.entries[0]
    root.data = writer.small
    root.start = writer.store(writer.small) if writer.small else END
    small_fat = writer.store(_numbers(writer.small_fat, 128)) if writer.small_fat else END
    directory = writer.store(b"".join(map(_entry, writer.entries)))
    count = 1
    while len(writer.fat) + count > count * 128:
        count += 1
    places = list(range(len(writer.fat), len(writer.fat) + count))
    table = _numbers([*writer.fat, *[0xFFFFFFFD] * count], 128)
    header = struct.pack(
        "<8s16x5H6x3I4x5I",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6),  # versions, byte order, sizes of sectors as powers of two
        *(0, count, directory),
        *(CUTOFF, small_fat, -(-len(writer.small_fat) // 128), END, 0),
    )
    header += _numbers(places, 109)
    return header + b"".join(writer.sectors) + table


def _numbers(values: Sequence[int], whole: int) -> bytes:
    padded = [*values, *[FREE] * (-len(values) % whole)]
    return struct.pack(f"<{len(padded)}I", *padded)


def _entry(entry: _Entry) -> bytes:
    name = (entry.name + "\0").encode("utf-16-le")
    return struct.pack(
        "<64sHBBIII36xIQ",
        name,
        len(name),
        entry.kind,
        1,
        NONE,
        entry.right,
        entry.child,
        entry.start,
        len(entry.data),
    )
