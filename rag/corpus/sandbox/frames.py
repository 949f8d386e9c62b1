"""What goes through the pipes between parent and child: two lengths, a JSON object, bytes. No pickle, ever."""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

_LENGTHS = struct.Struct(">IQ")
MOST_HEADER = 32 * 2**20
MOST_BYTES = 256 * 2**20
"""Bytes of a text or of a file within a file that a child may hand on."""


class Garbled(ValueError):
    """What came is not a frame."""


class Ended(EOFError):
    """The other side is gone."""


def write_frame(pipe: BinaryIO, header: dict[str, Any], data: bytes = b"") -> None:
    """Send a frame. Raises OSError where nobody reads any more."""
    packed = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    pipe.write(_LENGTHS.pack(len(packed), len(data)) + packed)
    if data:
        pipe.write(data)
    pipe.flush()


def read_frame(pipe: BinaryIO, most: int = MOST_BYTES) -> tuple[dict[str, Any], bytes]:
    """The next frame, of at most so many bytes. Raises Ended, or Garbled for what is none."""
    first, length = _LENGTHS.unpack(_exactly(pipe, _LENGTHS.size))
    if first > MOST_HEADER or length > most:
        raise Garbled(f"a frame of {first} + {length} bytes")
    try:
        header = json.loads(_exactly(pipe, first))
    except (ValueError, RecursionError) as error:
        raise Garbled("not JSON") from error
    if not isinstance(header, dict):
        raise Garbled("not a JSON object")
    return header, _exactly(pipe, length)


def _exactly(pipe: BinaryIO, count: int) -> bytes:
    data = pipe.read(count)
    if len(data) < count:
        raise Ended
    return data
