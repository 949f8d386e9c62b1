"""Word 97 files made by hand, as small as they may be: a compound file with the streams that the reader looks at."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_SECTOR = 512
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_TEXT_AT = 1024  # of the stream: behind the header's room
IN_TABLE, ROW_END, IN_LIST = b"\x16\x24\x01", b"\x17\x24\x01", b"\x0b\x46\x01\x00"
DELETED = b"\x00\x08\x01"


@dataclass(frozen=True, slots=True)
class Run:
    """Characters up to and with a paragraph's end mark; `style` 1 to 9 are headings, `sprms` its properties."""

    text: str
    style: int = 0
    sprms: bytes = b""
    wide: bool = True
    deleted: bool = False


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file (version 3) with these streams; each is filled up to 4,096 bytes, so that none is a small one."""
    chains: list[bytes] = []
    entries = [("Root Entry", 5, _END, 0)]
    at = 0
    for name, data in streams.items():
        padded = data.ljust(max(4096, -(-len(data) // _SECTOR) * _SECTOR), b"\0")
        entries.append((name, 2, at, len(padded)))
        chains.append(padded)
        at += len(padded) // _SECTOR
    directory = b"".join(_entry(number, len(entries), *entry) for number, entry in enumerate(entries))
    directory = directory.ljust(-(-len(directory) // _SECTOR) * _SECTOR, b"\0")
    first_directory = at
    chains.append(directory)
    at += len(directory) // _SECTOR
    links: list[int] = []
    for chain in chains:
        count = len(chain) // _SECTOR
        links += [*range(len(links) + 1, len(links) + count), _END]
    tables = 1
    while (len(links) + tables) * 4 > tables * _SECTOR:
        tables += 1
    links += [_FAT] * tables
    fat = struct.pack(f"<{len(links)}I", *links).ljust(tables * _SECTOR, b"\xff")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, tables, first_directory, 0, 4096, _END, 0, _END, 0)
    places = [*range(at, at + tables)]
    header += struct.pack("<109I", *places, *[_FREE] * (109 - tables))
    return header + b"".join(chains) + fat


def _entry(number: int, count: int, name: str, kind: int, start: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le") + b"\0\0"
    right = number + 1 if 0 < number < count - 1 else _FREE
    child = 1 if number == 0 and count > 1 else _FREE
    head = encoded.ljust(64, b"\0") + struct.pack("<HBBIII", len(encoded), kind, 1, _FREE, right, child)
    return head + bytes(36) + struct.pack("<IQ", start, size)


def word(runs: Sequence[Run], *, parts: Mapping[str, Sequence[Run]] | None = None, flags: int = 0) -> bytes:
    """A Word 97 file of these runs; `parts` are those behind the main text: footnotes, headers, comments and so on."""
    return compound(streams(runs, parts=parts, flags=flags))


def streams(
    runs: Sequence[Run], *, parts: Mapping[str, Sequence[Run]] | None = None, flags: int = 0
) -> dict[str, bytes]:
    """The streams of such a file by their names."""
    behind = parts or {}
    every = [*runs, *(run for name in PARTS for run in behind.get(name, ()))]
    counts = [sum(len(run.text) for run in behind.get(name, ())) for name in PARTS]
    text, pieces, starts = b"", [], [0]
    for run in every:
        offset = _TEXT_AT + len(text)
        pieces.append(2 * offset | 0x40000000 if not run.wide else offset)
        starts.append(starts[-1] + len(run.text))
        text += run.text.encode("utf-16-le" if run.wide else "cp1252")
    main = bytearray((bytes(_TEXT_AT) + text).ljust(-(-(_TEXT_AT + len(text)) // 512) * 512, b"\0"))
    bounds = [_TEXT_AT]
    for run in every:
        bounds.append(bounds[-1] + len(run.text) * (2 if run.wide else 1))
    paragraphs = [struct.pack("<H", run.style) + run.sprms for run in every]
    characters = [DELETED if run.deleted else b"" for run in every]
    places = {}
    for name, told, wide in (("papx", paragraphs, 13), ("chpx", characters, 1)):
        places[name] = len(main) // 512
        main += _page(bounds, told, wide)
    table = b"\x01\x02\x00\xff\xff"  # properties that pieces share, to be passed over
    pcdt = struct.pack(f"<{len(starts)}I", *starts) + b"".join(struct.pack("<HIH", 0, each, 0) for each in pieces)
    table += b"\x02" + struct.pack("<I", len(pcdt)) + pcdt
    fields = {0x01A2: (0, len(table))}
    for name, field in (("papx", 0x0102), ("chpx", 0x00FA)):
        fields[field] = (len(table), 12)
        table += struct.pack("<III", bounds[0], bounds[-1], places[name])
    struct.pack_into("<HH", main, 0, 0xA5EC, 0xC1)
    struct.pack_into("<H", main, 0x0A, 0x0200 | flags)
    footnotes, headers, comments, endnotes, boxes = counts
    main_length = sum(len(run.text) for run in runs)
    struct.pack_into("<7i", main, 0x4C, main_length, footnotes, headers, 0, comments, endnotes, boxes)
    for field, place in fields.items():
        struct.pack_into("<II", main, field, *place)
    return {"WordDocument": bytes(main), "1Table": table}


PARTS = ("footnotes", "headers", "comments", "endnotes", "boxes")


def _page(bounds: Sequence[int], told: Sequence[bytes], wide: int) -> bytes:
    """A formatted page: where runs begin, where their properties stand in it, and these from its end upwards."""
    page = bytearray(512)
    struct.pack_into(f"<{len(bounds)}I", page, 0, *bounds)
    free = 510
    for number, properties in enumerate(told):
        if wide == 1:
            stored = bytes([len(properties)]) + properties if properties else b""
        elif len(properties) % 2:
            stored = bytes([(len(properties) + 1) // 2]) + properties
        else:
            stored = bytes([0, len(properties) // 2]) + properties
        free = (free - len(stored)) & ~1
        page[free : free + len(stored)] = stored
        page[4 * len(bounds) + wide * number] = free // 2 if stored else 0
    page[511] = len(told)
    return bytes(page)
