"""A PDF's page without text, as `rag.corpus.readers.pictures.ocr` sees it."""

from __future__ import annotations

from rag.corpus.readers.pdf.scan import Look, Picture
from rag.corpus.readers.pictures.ocr import recognise
from rag.corpus.readers.pictures.ocr_places import placed


def look(picture: Picture) -> Look:
    """What is read on the page, line by line with its place; nothing where no line is legible."""
    seen = recognise(picture.pixels)
    return Look(placed(seen), sum(not line.legible for line in seen.lines))
