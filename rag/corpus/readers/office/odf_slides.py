"""Slides of OpenDocument → Markdown: each a place, its title a heading, what stands on it in reading order."""

from __future__ import annotations

import re

from rag.corpus.cleaned import Cleaning, added
from rag.corpus.readers.compose import Composer
from rag.corpus.readers.office.odf_text import Blocks
from rag.corpus.readers.office.odf_xml import DRAW, OFFICE, PRESENTATION, STYLE, SVG, Parts, comment, plain
from rag.corpus.readers.office.ooxml import title_of
from rag.corpus.readers.office.package import Element
from rag.corpus.readers.places import Section, joined, reading_order
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import Metadata, State

_LENGTH = re.compile(r"(-?\d{1,6}(?:\.\d{1,6})?)(mm|cm|in|pt|px)?")
_MILLIMETRES = {"mm": 1.0, "cm": 10.0, "in": 25.4, "pt": 25.4 / 72, "px": 25.4 / 96}
_ROW = 800
"""Hundredths of a millimetre: shapes whose tops are no further apart stand in one row."""
_AROUND = ("date-time", "footer", "header", "page-number")


def slides_content(body: Element, parts: Parts, metadata: Metadata) -> Content | Unread:
    """The slides' text, a place for each; their notes and comments under them."""
    slides = [_slide(number, page, parts) for number, page in enumerate(body.iter(f"{DRAW}page"), 1)]
    if not any(said for _, said in slides):
        if next(body.iter(f"{DRAW}image"), None) is None:
            return Unread(State.EMPTY, "its slides hold no text")
        state = next((section.state for section, _ in slides if section.state), None)
        return parts.pictures.nothing_else("its slides hold", state)
    text, pages = joined(section for section, _ in slides)
    around = (each for each in body.iter(f"{DRAW}frame") if _class(each) in _AROUND and plain(each, parts).strip())
    cleaned = added({Cleaning.REPEATED_ROWS: sum(1 for _ in around)})
    return Content(text, "markdown", title_of(metadata), pages, metadata, cleaned=cleaned)


def _slide(slide: int, page: Element, parts: Parts) -> tuple[Section, bool]:
    """One slide, and whether it says anything."""
    composer = Composer()
    blocks = Blocks(parts, composer)
    shapes = [each for each in page if str(each.tag).startswith(DRAW) and _class(each) not in _AROUND]
    order = [shapes[index] for index in reading_order([_place(shape) for shape in shapes], _ROW)]
    title = next((each for each in order if _class(each) == "title" and plain(each, parts)), None)
    composer.heading(1, plain(title, parts) if title is not None else f"Slide {slide}")
    if _is_hidden(page, parts):
        composer.paragraph("(hidden slide)")
    before = len(composer.parts)
    for shape in order:
        if shape is not title:
            blocks.frame(shape)
    text = plain(title, parts) if title is not None else ""
    whole = "".join([text, *composer.parts[before:]])
    state = parts.pictures.fill(composer, parts.package, whole) if parts.package else None
    for notes in page.iter(f"{PRESENTATION}notes"):
        said = plain(notes, parts)
        if said:
            composer.heading(2, "Notes")
            composer.paragraph(said)
    for each in page.iterchildren(f"{OFFICE}annotation"):
        composer.paragraph(comment(each, parts))
    return Section(slide, f"slide {slide}", composer.text(), state), title is not None or len(composer.parts) > before


def _class(shape: Element) -> str:
    return str(shape.get(f"{PRESENTATION}class", ""))


def _is_hidden(page: Element, parts: Parts) -> bool:
    style = parts.styles.get(page.get(f"{DRAW}style-name", ""))
    properties = style.find(f"{STYLE}drawing-page-properties") if style is not None else None
    return properties is not None and properties.get(f"{PRESENTATION}visibility") == "hidden"


def _place(shape: Element) -> tuple[int, int]:
    """Top and left in hundredths of a millimetre; of a group those of its first shape."""
    first = next((each for each in shape.iter() if each.get(f"{SVG}y") is not None), shape)
    return _length(first.get(f"{SVG}y", "")), _length(first.get(f"{SVG}x", ""))


def _length(text: str) -> int:
    match = _LENGTH.fullmatch(text)
    return round(float(match[1]) * _MILLIMETRES[match[2] or "cm"] * 100) if match else 0
