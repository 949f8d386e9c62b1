"""Pages that have to be looked at: what is on them is drawn, or said in fonts that do not tell which characters."""

from __future__ import annotations

import ctypes
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from rag.corpus.readers.pdf.sheet import Sheet
from rag.corpus.readers.pictures.ocr_places import Placed

SCALE = 200 / 72
"""Pixels of a point."""
MOST_PIXELS = 25_000_000
"""Pixels of a page, whatever it claims to measure."""
UNREADABLE = 0.3
"""Share of characters without a meaning (private use, unassigned, replacement) from which a text is none."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A page as it is seen: `pixels` (height, width, 3) uint8 red, green, blue; `scale` pixels of a point."""

    pixels: NDArray[np.uint8]
    scale: float


@dataclass(frozen=True, slots=True)
class Look:
    """What is read on a picture, in its order; `illegible` counts the lines that are left out."""

    pieces: Sequence[Placed]
    illegible: int = 0


Recogniser = Callable[[Picture], Look]


def is_scan(page: Sheet) -> bool:
    """Whether only a look at the page tells what it says, and nobody has looked."""
    return page.looked is None and (page.pictured or is_illegible(page.written))


def is_illegible(text: str) -> bool:
    """Whether fonts do not tell which characters they show."""
    if text.isascii():
        return False
    unknown = sum(unicodedata.category(char) in ("Co", "Cn") or char == "\ufffd" for char in text if char > "\u2fff")
    return unknown > UNREADABLE * len(text)


def recognised(document: Any, number: int, page: Sheet, recogniser: Recogniser) -> Sheet:
    """The page with what is seen on it; as it was where it cannot be drawn."""
    picture = drawn(document, number)
    if picture is None:
        return page
    look = recogniser(picture)
    return Sheet(drawn=page.drawn, annotated=page.annotated, looked=tuple(look.pieces), illegible=look.illegible)


def drawn(document: Any, number: int) -> Picture | None:
    """The page (from 0) as a picture; None where it cannot be drawn. The caller holds `PDFIUM`."""
    page = pdfium.FPDF_LoadPage(document, number)
    if not page:
        return None
    try:
        width, height = pdfium.FPDF_GetPageWidthF(page), pdfium.FPDF_GetPageHeightF(page)
        if not (0 < width < 1e6 and 0 < height < 1e6):
            return None
        scale = min(SCALE, (MOST_PIXELS / (width * height)) ** 0.5)
        columns, lines = max(1, int(width * scale)), max(1, int(height * scale))
        pixels = np.full((lines, columns, 4), 255, np.uint8)
        place = pixels.ctypes.data_as(ctypes.c_void_p)
        bitmap = pdfium.FPDFBitmap_CreateEx(columns, lines, pdfium.FPDFBitmap_BGRx, place, 4 * columns)
        if not bitmap:
            return None
        pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, columns, lines, 0, pdfium.FPDF_ANNOT)
        pdfium.FPDFBitmap_Destroy(bitmap)
        return Picture(np.ascontiguousarray(pixels[:, :, 2::-1]), scale)
    finally:
        pdfium.FPDF_ClosePage(page)
