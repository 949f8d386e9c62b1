"""A word of a PDF's page out of pdfium's characters: where it stands, how large, how turned.

pdfium runs words together that stand on several lines, or far apart: they are told by their places.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from rag.corpus.readers.pdf import calls
from rag.corpus.readers.pdf.words import Word, clean

WIDEST = 0.75
"""Words hide a gap that are wider than this multiple of their letters' size times their number."""
LARGEST = 400.0
"""Points of a letter; what claims to be larger is measured."""
FURTHEST = 1e6
"""Points from the origin; what claims to stand further away stands nowhere."""
BROKEN = "\x02\ufffe"
"""What pdfium has in place of a hyphen at the end of a line and of the line's end: U+FFFE, once U+0002."""
WORD = re.compile("[^\\s\x00\x02\ufffe\u00a0]+[\x02\ufffe]?")
"""A word in what pdfium says."""

_BOLD = re.compile(r"bold|black|heavy|demi|-medi|-bd|cmbx|sfbx|simhei|heiti", re.IGNORECASE)
"""Names of fonts that are bold, TeX's and Chinese ones too."""


class Letters:
    """Where a page's characters stand: pdfium writes into numbers that are made once."""

    def __init__(self, text: Any) -> None:
        self.text = calls.address(text)
        self._box, self._point, self._matrix = (ctypes.c_double * 4)(), (ctypes.c_double * 2)(), (ctypes.c_float * 6)()
        self._name, self._flags = ctypes.create_string_buffer(128), ctypes.c_int()
        self._sides = [ctypes.addressof(self._box) + 8 * at for at in range(4)]
        self._axes = [ctypes.addressof(self._point) + 8 * at for at in range(2)]
        self._buffers = ctypes.addressof(self._name), 128, ctypes.addressof(self._flags)
        self._matrix_at = ctypes.addressof(self._matrix)
        self._fonts: dict[int | None, bool] = {}

    def edges(self, at: int) -> list[float]:
        """Left, right, bottom, top of the character's ink."""
        calls.char_box(self.text, at, *self._sides)
        return self._box[:]

    def origin(self, at: int) -> list[float]:
        """Where the character's baseline begins."""
        calls.char_origin(self.text, at, *self._axes)
        return self._point[:]

    def turn_and_size(self, at: int) -> tuple[int, float]:
        """Quarters of a turn to the left in which the character stands, and its size in points; 0 for none."""
        calls.char_matrix(self.text, at, self._matrix_at)
        a, b, c, d, _, _ = self._matrix
        size = calls.font_size(self.text, at) * (math.hypot(c, d) if c else abs(d))
        if abs(b) < 0.01 * a:
            return 0, size
        angle = math.atan2(b, a) if math.isfinite(a + b) else 0.0
        return round(angle / (math.pi / 2)) % 4, size

    def bold(self, at: int) -> bool:
        """Whether the name of the character's font says so."""
        font = calls.font_of(calls.text_object(self.text, at))
        if font not in self._fonts:
            length = calls.font_info(self.text, at, *self._buffers)
            name = self._name.raw[: min(length, 128)]
            self._fonts[font] = bool(_BOLD.search(name.decode("utf-8", "replace")))
        return self._fonts[font]


def piece(letters: Letters, text: str, start: int, end: int) -> Sequence[tuple[int, Word]]:
    """Words that the file writes at once, together where no wide gap is hidden among them.

    Each with the quarters by which it is turned; its place is that on the page turned back.
    """
    found = _word(letters, text, start, end)
    if " " not in text or not any(word.x1 - word.x0 > WIDEST * word.size * len(word.text) for _, word in found):
        return found
    if not text.isascii():
        return found
    apart = (_word(letters, each[0], start + each.start(), start + each.end()) for each in WORD.finditer(text))
    return [word for words in apart for word in words]


def _word(letters: Letters, text: str, start: int, end: int, *, whole: bool = False) -> Sequence[tuple[int, Word]]:
    """The word; several where pdfium ran words of several lines together; none for what stands nowhere."""
    broken = text[-1] in BROKEN
    x, y = letters.origin(start)
    turn, size = letters.turn_and_size(start)
    left, right, bottom, top = letters.edges(end - 2 if broken and end - start > 1 else end - 1)
    if end - start > 1:
        if not whole and (turn or bottom > y + size or top < y - 0.5 * size):
            levels = list(_level(letters, start, end, size))
            if len(levels) > 1:
                apart = [_word(letters, text[a - start : b - start], a, b, whole=True) for a, b in levels]
                return [word for words in apart for word in words]
        if turn or not text.isascii():
            first = letters.edges(start)
            left, right = min(left, first[0]), max(right, first[1])
            bottom, top = min(bottom, first[2]), max(top, first[3])
        else:
            left = min(left, x)
    shown = clean(text[:-1] + "-" if broken else text)
    if not shown or not -FURTHEST < left + right + bottom + top + x + y + size < FURTHEST:
        return ()
    if turn:
        left, right, bottom, top, y = _turned_back(turn, (left, right, bottom, top), (x, y))
    if not 0.4 * (top - bottom) <= size <= LARGEST:
        size = max(1.3 * (top - bottom), 1.0)
    return ((turn, Word(shown, left, right, y, size, letters.bold(start), broken)),)


def _turned_back(
    turn: int, edges: tuple[float, float, float, float], origin: tuple[float, float]
) -> tuple[float, float, float, float, float]:
    """Left, right, bottom, top and the baseline on the page turned back by so many quarters."""
    left, right, bottom, top = edges
    x, y = origin
    if turn == 1:
        return bottom, top, -right, -left, -x
    if turn == 2:
        return -right, -left, -top, -bottom, -y
    return -top, -bottom, left, right, x


def _level(letters: Letters, start: int, end: int, size: float) -> Iterator[tuple[int, int]]:
    """The word's characters in pieces that stand on one line each."""
    first, before = start, letters.origin(start)
    for at in range(start + 1, end):
        point = letters.origin(at)
        if min(abs(point[0] - before[0]), abs(point[1] - before[1])) > max(0.8 * size, 2.0):
            yield first, at
            first = at
        before = point
    yield first, end
