"""pdfium's functions that are called for each word and each shape of a page, as quickly as Python can call them.

Addresses are plain numbers, and no other thread is let in. What is asked of many is written into one array.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_ADDRESS, _INT = ctypes.c_void_p, ctypes.c_int


def _fast(function: Any, result: Any, *arguments: Any) -> Any:
    return ctypes.PYFUNCTYPE(result, *arguments)(ctypes.cast(function, ctypes.c_void_p).value or 0)


char_box = _fast(pdfium.FPDFText_GetCharBox, _INT, _ADDRESS, _INT, *[_ADDRESS] * 4)
char_origin = _fast(pdfium.FPDFText_GetCharOrigin, _INT, _ADDRESS, _INT, *[_ADDRESS] * 2)
char_matrix = _fast(pdfium.FPDFText_GetMatrix, _INT, _ADDRESS, _INT, _ADDRESS)
font_size = _fast(pdfium.FPDFText_GetFontSize, ctypes.c_double, _ADDRESS, _INT)
font_info = _fast(pdfium.FPDFText_GetFontInfo, ctypes.c_ulong, _ADDRESS, _INT, _ADDRESS, ctypes.c_ulong, _ADDRESS)
text_object = _fast(pdfium.FPDFText_GetTextObject, _ADDRESS, _ADDRESS, _INT)
font_of = _fast(pdfium.FPDFTextObj_GetFont, _ADDRESS, _ADDRESS)
_page_object = _fast(pdfium.FPDFPage_GetObject, _ADDRESS, _ADDRESS, _INT)
_kind = _fast(pdfium.FPDFPageObj_GetType, _INT, _ADDRESS)
_bounds = _fast(pdfium.FPDFPageObj_GetBounds, _INT, _ADDRESS, *[_ADDRESS] * 4)


def address(handle: Any) -> int:
    """Where that lies of which pdfium gave a handle."""
    return ctypes.cast(handle, ctypes.c_void_p).value or 0


def text_objects(text: int, at: Iterable[int]) -> list[int | None]:
    """What draws each of the characters; None where pdfium put one in."""
    return list(map(text_object, repeat(text), at))


def boxes(text: int, at: Sequence[int]) -> Numbers:
    """(n, 4): left, right, bottom, top of each character's ink."""
    return _written(char_box, (repeat(text), at), np.zeros((len(at), 4)))


def origins(text: int, at: Sequence[int]) -> Numbers:
    """(n, 2): where each character's baseline begins."""
    return _written(char_origin, (repeat(text), at), np.zeros((len(at), 2)))


def matrices(text: int, at: Sequence[int]) -> Numbers:
    """(n, 6): how each character is turned, stretched and moved."""
    found = _written(char_matrix, (repeat(text), at), np.zeros((len(at), 6), np.float32), places=1)
    return found.astype(np.float64)


def font_sizes(text: int, at: Sequence[int]) -> Numbers:
    """(n,): the size of each character's font, before its matrix."""
    return np.fromiter(map(font_size, repeat(text), at), np.float64, len(at))


def objects(page: int, count: int) -> tuple[list[int], list[int]]:
    """The kinds and the addresses of the first objects of a page."""
    found = list(map(_page_object, repeat(page), range(count)))
    return list(map(_kind, found)), found


def bounds(shapes: Sequence[int]) -> Numbers:
    """(n, 4): left, bottom, right, top of each object; zeros where it has none."""
    return _written(_bounds, (shapes,), np.zeros((len(shapes), 4), np.float32)).astype(np.float64)


def _written(function: Any, of: Sequence[Iterable[int]], table: NDArray[Any], places: int = 4) -> NDArray[Any]:
    """The table, a row of it filled by each call: the function writes to so many places that share a row evenly."""
    start, row = table.ctypes.data, table.itemsize * table.shape[1]
    places = min(places, table.shape[1])
    firsts = range(start, start + row, row // places)
    deque(map(function, *of, *(range(first, first + row * len(table), row) for first in firsts)), maxlen=0)
    return table
