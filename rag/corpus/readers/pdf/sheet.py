"""PDF → sheets: the words of a page with their places, and its rules, as pdfium finds them.

pdfium is one machine for the whole process: whoever calls it holds `PDFIUM`.
"""

from __future__ import annotations

import ctypes
import math
import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pypdfium2.raw as pdfium

from rag.corpus.cleaned import Cleaned
from rag.corpus.readers.pdf.words import Rule, Word, belongs, clean, cleaned_in
from rag.corpus.readers.pictures.ocr_places import Placed

PDFIUM = threading.RLock()
"""Held around every call of pdfium, which knows no threads."""
MOST_WORDS = 60_000
"""Words of a page that are laid out; a page with more of them is no page that anybody reads."""
MOST_OBJECTS = 20_000
"""Things drawn on a page among which rules are looked for; a drawing has more, a table does not."""
MOST_SEGMENTS = 500
"""Lines and curves of a shape among which rules are looked for."""
THIN, SHORTEST = 2.0, 8.0
"""Points: what is drawn no thicker than this and no shorter than that is a rule."""
WIDEST = 0.75
"""Words hide a gap that are wider than this multiple of their letters' size times their number."""
TOGETHER = 0.45
"""Words up to this multiple of their size apart are a line of text; a gutter, or a gap between cells, is wider."""
LARGEST = 400.0
"""Points of a letter; what claims to be larger is measured."""
FURTHEST = 1e6
"""Points from the origin; what claims to stand further away stands nowhere."""

_WORD = re.compile("[^\\s\x00\x02\ufffe\u00a0]+[\x02\ufffe]?")
"""A word; pdfium has U+FFFE (once U+0002) in place of a hyphen at the end of a line and of the line's end."""
_BROKEN = "\x02\ufffe"
_BOLD = re.compile(r"bold|black|heavy|demi|-medi|-bd|cmbx|sfbx|simhei|heiti", re.IGNORECASE)
"""Names of fonts that are bold, TeX's and Chinese ones too."""
_PATH, _IMAGE, _FORM = 2, 3, 5
_LEAST_CELLS = 1
_LEAST_PATHS = 40
"""Shapes on a page without text from which they may be letters."""

_ADDRESS, _INT = ctypes.c_void_p, ctypes.c_int


def _fast(function: Any, result: Any, *arguments: Any) -> Any:
    """The function with addresses as plain numbers, without letting other threads in: it is called for each word."""
    return ctypes.PYFUNCTYPE(result, *arguments)(ctypes.cast(function, ctypes.c_void_p).value or 0)


_char_box = _fast(pdfium.FPDFText_GetCharBox, _INT, _ADDRESS, _INT, *[_ADDRESS] * 4)
_char_origin = _fast(pdfium.FPDFText_GetCharOrigin, _INT, _ADDRESS, _INT, *[_ADDRESS] * 2)
_char_matrix = _fast(pdfium.FPDFText_GetMatrix, _INT, _ADDRESS, _INT, _ADDRESS)
_font_size = _fast(pdfium.FPDFText_GetFontSize, ctypes.c_double, _ADDRESS, _INT)
_font_info = _fast(pdfium.FPDFText_GetFontInfo, ctypes.c_ulong, _ADDRESS, _INT, _ADDRESS, ctypes.c_ulong, _ADDRESS)
_text_object = _fast(pdfium.FPDFText_GetTextObject, _ADDRESS, _ADDRESS, _INT)
_object = _fast(pdfium.FPDFPage_GetObject, _ADDRESS, _ADDRESS, _INT)
_kind = _fast(pdfium.FPDFPageObj_GetType, _INT, _ADDRESS)
_bounds = _fast(pdfium.FPDFPageObj_GetBounds, _INT, _ADDRESS, *[_ADDRESS] * 4)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page: its words in turns (those that read upright first, then those turned by quarters), and its rules.

    `drawn`: something is on it. `pictured`: no word, but an image, or as many shapes as letters have. `beyond` counts
    the words outside of the page, which are left out. `crowded`: it had more words than are laid out; the rest is left
    out. Rules are looked for where words stand apart as cells do. `looked` is what was read on a page that is a
    picture, without the `illegible` lines; None where nobody looked. `cleaned` is what was done to the words.
    """

    turns: tuple[tuple[Word, ...], ...] = ()
    rules: tuple[Rule, ...] = ()
    drawn: bool = False
    pictured: bool = False
    beyond: int = 0
    crowded: bool = False
    looked: tuple[Placed, ...] | None = None
    illegible: int = 0
    cleaned: Cleaned = field(default_factory=dict)

    @property
    def written(self) -> str:
        """All words, in no order that matters."""
        if self.looked:
            return "".join(piece.text for piece in self.looked)
        return " ".join(word.text for turn in self.turns for word in turn)


def sheet(document: Any, number: int) -> Sheet | None:
    """The page with this number (from 0); None where it cannot be opened."""
    page = pdfium.FPDF_LoadPage(document, number)
    if not page:
        return None
    try:
        text = pdfium.FPDFText_LoadPage(page)
        if not text:
            return None
        try:
            return _sheet(page, text)
        finally:
            pdfium.FPDFText_ClosePage(text)
    finally:
        pdfium.FPDF_ClosePage(page)


def _sheet(page: Any, text: Any) -> Sheet:
    box = _box(page)
    turns: dict[int, list[Word]] = defaultdict(list)
    count = beyond = 0
    characters = _characters(text)
    for turn, word in _words(text, characters):
        count += 1
        if count > MOST_WORDS:
            break
        before = turns[turn][-1] if turns[turn] else None
        if _outside(word, box, turn):
            beyond += 1
        elif before and _follows(before, word):
            before.text, before.x1, before.broken = f"{before.text} {word.text}", word.x1, word.broken
        else:
            turns[turn].append(word)
    order = sorted(turns, key=lambda turn: (-sum(len(word.text) for word in turns[turn]), turn))
    drawn = pdfium.FPDFPage_CountObjects(page) > 0
    kinds = _kinds(page) if drawn and (not order or _are_apart(turns[order[0]])) else []
    shapes = [address for kind, address in kinds if kind == _PATH]
    return Sheet(
        tuple(tuple(turns[turn]) for turn in order),
        tuple(_rules(shapes)) if order and order[0] == 0 else (),
        drawn=drawn,
        pictured=not order and (len(shapes) >= _LEAST_PATHS or any(kind in (_IMAGE, _FORM) for kind, _ in kinds)),
        beyond=beyond,
        crowded=count > MOST_WORDS,
        cleaned=cleaned_in(characters),
    )


def _are_apart(words: Sequence[Word]) -> bool:
    """Whether words stand beside each other as cells do, often enough for a table, of which rules would tell."""
    beside = (word.y == before.y and word.x0 - before.x1 > word.size for before, word in pairwise(words))
    return sum(beside) >= _LEAST_CELLS


def _follows(before: Word, word: Word) -> bool:
    """Whether a word stands behind another as in a line of text."""
    if word.y != before.y or word.size != before.size or word.bold != before.bold or belongs(before, word):
        return False
    return 0 < word.x0 - before.x1 < TOGETHER * word.size and before.text.isascii() and word.text.isascii()


class _Place:
    """Where a character stands: pdfium writes into numbers that are made once."""

    def __init__(self, text: Any) -> None:
        self.text = ctypes.cast(text, ctypes.c_void_p).value
        self.box, self.point, self.matrix = (ctypes.c_double * 4)(), (ctypes.c_double * 2)(), (ctypes.c_float * 6)()
        self.name, self.flags = ctypes.create_string_buffer(128), ctypes.c_int()
        self.sides = [ctypes.addressof(self.box) + 8 * at for at in range(4)]
        self.axes = [ctypes.addressof(self.point) + 8 * at for at in range(2)]
        self.buffers = ctypes.addressof(self.name), 128, ctypes.addressof(self.flags)
        self.matrix_at = ctypes.addressof(self.matrix)
        self.fonts: dict[bytes, bool] = {}

    def drawn(self, at: int) -> int | None:
        """What draws the character: equal for those that the file writes at once; None where pdfium put it in."""
        found: int | None = _text_object(self.text, at)
        return found

    def edges(self, at: int) -> list[float]:
        """Left, right, bottom, top of the character's ink."""
        _char_box(self.text, at, *self.sides)
        return self.box[:]

    def origin(self, at: int) -> list[float]:
        """Where the character's baseline begins."""
        _char_origin(self.text, at, *self.axes)
        return self.point[:]

    def turn_and_size(self, at: int) -> tuple[int, float]:
        """Quarters of a turn to the left in which the character stands, and its size in points; 0 for none."""
        _char_matrix(self.text, at, self.matrix_at)
        a, b, c, d, _, _ = self.matrix
        size = _font_size(self.text, at) * (math.hypot(c, d) if c else abs(d))
        if abs(b) < 0.01 * a:
            return 0, size
        angle = math.atan2(b, a) if math.isfinite(a + b) else 0.0
        return round(angle / (math.pi / 2)) % 4, size

    def bold(self, at: int) -> bool:
        """Whether the font's name says so."""
        length = _font_info(self.text, at, *self.buffers)
        name = self.name.raw[: min(length, 128)]
        if name not in self.fonts:
            self.fonts[name] = bool(_BOLD.search(name.decode("utf-8", "replace")))
        return self.fonts[name]


def _words(text: Any, characters: str) -> Iterator[tuple[int, Word]]:
    """Each word with the quarters by which it is turned; its place is that on the page turned back.

    Words that the file writes at once, a space between them, stay together: that spares most of the work.
    """
    place = _Place(text)
    start = end = 0
    last: int | None = None
    for found in _WORD.finditer(characters):
        first, after = found.span()
        drawn = place.drawn(first)
        near = drawn == last and first - end == 1 and drawn is not None and characters[end - 1] not in _BROKEN
        if near and place.drawn(end) == drawn:
            end = after
            continue
        if end:
            yield from _piece(place, characters[start:end], start, end)
        start, end, last = first, after, drawn
    if end:
        yield from _piece(place, characters[start:end], start, end)


def _piece(place: _Place, text: str, start: int, end: int) -> Sequence[tuple[int, Word]]:
    """The words, together where no wide gap is hidden among them."""
    found = _word(place, text, start, end)
    if " " not in text or not any(word.x1 - word.x0 > WIDEST * word.size * len(word.text) for _, word in found):
        return found
    if not text.isascii():
        return found
    apart = (_word(place, each[0], start + each.start(), start + each.end()) for each in _WORD.finditer(text))
    return [word for words in apart for word in words]


def _characters(text: Any) -> str:
    """What the page says, one character for each of pdfium's."""
    count = max(0, pdfium.FPDFText_CountChars(text))
    units = (ctypes.c_ushort * (2 * count + 2))()
    written = pdfium.FPDFText_GetText(text, 0, count, units)
    found = bytes(units)[: max(0, 2 * written - 2)].decode("utf-16-le", "surrogatepass")
    if len(found) == count and not any("\ud800" <= char <= "\udfff" for char in found):
        return found
    codes = (pdfium.FPDFText_GetUnicode(text, at) for at in range(count))
    return "".join(chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd" for code in codes)


def _word(place: _Place, text: str, start: int, end: int, *, whole: bool = False) -> Sequence[tuple[int, Word]]:
    """The word; several where pdfium ran words of several lines together; none for what stands nowhere."""
    broken = text[-1] in _BROKEN
    x, y = place.origin(start)
    turn, size = place.turn_and_size(start)
    left, right, bottom, top = place.edges(end - 2 if broken and end - start > 1 else end - 1)
    if end - start > 1:
        if not whole and (turn or bottom > y + size or top < y - 0.5 * size):
            levels = list(_level(place, start, end, size))
            if len(levels) > 1:
                apart = [_word(place, text[a - start : b - start], a, b, whole=True) for a, b in levels]
                return [word for words in apart for word in words]
        if turn or not text.isascii():
            first = place.edges(start)
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
    return ((turn, Word(shown, left, right, y, size, place.bold(start), broken)),)


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


def _level(place: _Place, start: int, end: int, size: float) -> Iterator[tuple[int, int]]:
    """The word's characters in pieces that stand on one line each."""
    first, before = start, place.origin(start)
    for at in range(start + 1, end):
        point = place.origin(at)
        if min(abs(point[0] - before[0]), abs(point[1] - before[1])) > max(0.8 * size, 2.0):
            yield first, at
            first = at
        before = point
    yield first, end


def _box(page: Any) -> tuple[float, float, float, float]:
    """Left, bottom, right, top of what is shown of the page."""
    box = pdfium.FS_RECTF()
    pdfium.FPDF_GetPageBoundingBox(page, box)
    return box.left, box.bottom, box.right, box.top


def _outside(word: Word, box: tuple[float, float, float, float], turn: int) -> bool:
    left, bottom, right, top = box
    if turn % 2:
        left, bottom, right, top = bottom, left, top, right
    if turn in (1, 2):
        bottom, top = -top, -bottom
    if turn in (2, 3):
        left, right = -right, -left
    return word.x1 < left or word.x0 > right or word.y + word.size < bottom or word.y > top


def _kinds(page: Any) -> list[tuple[int, int]]:
    """The kinds and the addresses of what is drawn."""
    count = pdfium.FPDFPage_CountObjects(page)
    address = ctypes.cast(page, ctypes.c_void_p).value
    objects = [_object(address, at) for at in range(min(count, MOST_OBJECTS))]
    return [(_kind(each), each) for each in objects]


def _rules(shapes: list[int]) -> Iterator[Rule]:
    """The thin shapes, and the level and upright lines of those that are drawn and not filled."""
    if len(shapes) >= MOST_OBJECTS:
        return
    numbers = (ctypes.c_float * 4)()
    places = [ctypes.addressof(numbers) + 4 * at for at in range(4)]
    for shape in shapes:
        _bounds(shape, *places)
        x0, y0, x1, y1 = numbers[:]
        width, height = x1 - x0, y1 - y0
        if max(width, height) < SHORTEST or not max(abs(x0), abs(y0), abs(x1), abs(y1)) < FURTHEST:
            continue
        if width <= THIN or height <= THIN:
            yield Rule(x0, y0, x1, y1)
        else:
            yield from _lines(ctypes.cast(shape, pdfium.FPDF_PAGEOBJECT))


def _lines(shape: Any) -> Iterator[Rule]:
    """The level and upright lines of a shape."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(shape, fill, stroke)
    count = pdfium.FPDFPath_CountSegments(shape)
    if not stroke.value or count > MOST_SEGMENTS:
        return
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(shape, matrix)
    x, y = ctypes.c_float(), ctypes.c_float()
    start = before = (0.0, 0.0)
    for at in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(shape, at)
        pdfium.FPDFPathSegment_GetPoint(segment, x, y)
        point = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        kind = pdfium.FPDFPathSegment_GetType(segment)
        if kind == pdfium.FPDF_SEGMENT_MOVETO:
            start = point
        elif kind == pdfium.FPDF_SEGMENT_LINETO:
            yield from _line(before, point)
        before = point
        if pdfium.FPDFPathSegment_GetClose(segment):
            yield from _line(before, start)
            before = start


def _line(one: tuple[float, float], other: tuple[float, float]) -> Iterator[Rule]:
    (x0, x1), (y0, y1) = sorted((one[0], other[0])), sorted((one[1], other[1]))
    if min(x1 - x0, y1 - y0) <= 0.5 and max(x1 - x0, y1 - y0) >= SHORTEST:
        yield Rule(x0, y0, x1, y1)
