"""PDF → sheets: the words of a page with their places, and its rules, as pdfium finds them.

pdfium is one machine for the whole process: whoever calls it holds `PDFIUM`.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium

from rag.corpus.cleaned import Cleaned
from rag.corpus.readers.pdf import calls
from rag.corpus.readers.pdf.turns import turns
from rag.corpus.readers.pdf.words import Rule, Word
from rag.corpus.readers.pictures.ocr_places import Placed

PDFIUM = threading.RLock()
"""Held around every call of pdfium, which knows no threads."""
MOST_OBJECTS = 20_000
"""Things drawn on a page among which rules are looked for; a drawing has more, a table does not."""
MOST_SEGMENTS = 500
"""Lines and curves of a shape among which rules are looked for."""
THIN, SHORTEST, FURTHEST = 2.0, 8.0, 1e6
"""Points: what is drawn no thicker than this and no shorter than that is a rule, if it stands on any page."""

_PATH, _IMAGE, _FORM = 2, 3, 5
_LEAST_CELLS = 1
_LEAST_PATHS = 40
"""Shapes on a page without text from which they may be letters."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page: its words in turns (those that read upright first, then those turned by quarters), and its rules.

    `drawn`: something is on it. `pictured`: no word, but an image, or as many shapes as letters have. `beyond` counts
    the words outside of the page, which are left out. `crowded`: it had more words than are laid out; the rest is left
    out. Rules are looked for where words stand apart as cells do. `annotated`: notes or fields may be on it. `looked`
    is what was read on a page that is a picture, without the `illegible` lines; None where nobody looked. `cleaned` is
    what was done to the words.
    """

    turns: tuple[tuple[Word, ...], ...] = ()
    rules: tuple[Rule, ...] = ()
    drawn: bool = False
    pictured: bool = False
    beyond: int = 0
    crowded: bool = False
    annotated: bool = False
    looked: tuple[Placed, ...] | None = None
    illegible: int = 0
    cleaned: Cleaned = field(default_factory=dict)

    @property
    def written(self) -> str:
        """All words, in no order that matters."""
        if self.looked:
            return "".join(piece.text for piece in self.looked)
        return " ".join([word.text for turn in self.turns for word in turn])


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
    found = turns(text, _box(page))
    words = found.words
    order = sorted(words, key=lambda turn: (-sum(len(word.text) for word in words[turn]), turn))
    count = pdfium.FPDFPage_CountObjects(page)
    looked_at = not order or _are_apart(words[order[0]])
    kinds, objects = calls.objects(calls.address(page), min(count, MOST_OBJECTS)) if looked_at else ([], [])
    shapes = [each for kind, each in zip(kinds, objects, strict=True) if kind == _PATH]
    return Sheet(
        tuple(tuple(words[turn]) for turn in order),
        tuple(_rules(shapes)) if order and order[0] == 0 else (),
        drawn=count > 0,
        pictured=not order and (len(shapes) >= _LEAST_PATHS or _IMAGE in kinds or _FORM in kinds),
        beyond=found.beyond,
        crowded=found.crowded,
        annotated=_is_annotated(page),
        cleaned=found.cleaned,
    )


def _is_annotated(page: Any) -> bool:
    """Whether anything is annotated but links, which say nothing that the page does not say."""
    return any(_annotation(page, at) != pdfium.FPDF_ANNOT_LINK for at in range(pdfium.FPDFPage_GetAnnotCount(page)))


def _annotation(page: Any, at: int) -> int:
    """The kind of an annotation; that of none where pdfium does not find it."""
    annotation = pdfium.FPDFPage_GetAnnot(page, at)
    if not annotation:
        return int(pdfium.FPDF_ANNOT_UNKNOWN)
    try:
        return int(pdfium.FPDFAnnot_GetSubtype(annotation))
    finally:
        pdfium.FPDFPage_CloseAnnot(annotation)


def _are_apart(words: Sequence[Word]) -> bool:
    """Whether words stand beside each other as cells do, often enough for a table, of which rules would tell."""
    beside = (word.y == before.y and word.x0 - before.x1 > word.size for before, word in pairwise(words))
    return sum(beside) >= _LEAST_CELLS


def _box(page: Any) -> tuple[float, float, float, float]:
    """Left, bottom, right, top of what is shown of the page."""
    box = pdfium.FS_RECTF()
    pdfium.FPDF_GetPageBoundingBox(page, box)
    return box.left, box.bottom, box.right, box.top


def _rules(shapes: Sequence[int]) -> Iterator[Rule]:
    """The thin shapes, and the level and upright lines of those that are drawn and not filled."""
    if len(shapes) >= MOST_OBJECTS:
        return
    bounds = calls.bounds(shapes)
    x0, y0, x1, y1 = bounds.T
    longest, thinnest = np.maximum(x1 - x0, y1 - y0), np.minimum(x1 - x0, y1 - y0)
    lines = (longest >= SHORTEST) & (np.abs(bounds).max(1, initial=0.0) < FURTHEST)
    for at in np.flatnonzero(lines).tolist():
        if thinnest[at] <= THIN:
            yield Rule(*bounds[at].tolist())
        else:
            yield from _lines(ctypes.cast(shapes[at], pdfium.FPDF_PAGEOBJECT))


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
