"""How far a PDF's streams inflate: counted before anything reads them, so that none fills the memory."""

from __future__ import annotations

import re
import zlib

MOST_INFLATED, MOST_OF_ALL = 128 * 2**20, 512 * 2**20
"""Bytes to which one stream, and all of them together, may inflate; images and attachments do not count."""
PIECE = 2**20
"""Bytes that are inflated at once."""

_STREAM = re.compile(rb"stream\r?\n")
_NO_TEXT = re.compile(rb"/Subtype\s*/Image|/Type\s*/EmbeddedFile")


def inflates_too_far(data: bytes) -> bool:
    """Whether a stream of the file, or all of them, inflate beyond what is read."""
    total = 0
    for found in _STREAM.finditer(data):
        head = data[max(0, found.start() - 400) : found.start()].rpartition(b" obj")[2]
        if b"Flate" in head and not _NO_TEXT.search(head):
            total += _inflated(data, found.end(), min(MOST_INFLATED, MOST_OF_ALL - total))
            if total < 0 or total > MOST_OF_ALL:
                return True
    return False


def _inflated(data: bytes, start: int, most: int) -> int:
    """The bytes that the stream inflates to; more than `MOST_OF_ALL` where they are more than `most`."""
    inflater, size = zlib.decompressobj(), 0
    at = start
    rest = b""
    while not inflater.eof and (rest or at < len(data)):
        if not rest:
            rest, at = data[at : at + PIECE], at + PIECE
        try:
            size += len(inflater.decompress(rest, PIECE))
        except zlib.error:
            return size
        rest = inflater.unconsumed_tail
        if size > most:
            return MOST_OF_ALL + 1
    return size
