"""DOCX → Markdown, through python-docx: the body in its order, as a reader of the document sees it."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import docx
from docx.opc.exceptions import OpcError
from lxml import etree

from rag.corpus.readers.compose import Cell, Composer, spread
from rag.corpus.readers.docx_numbering import Numbering
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import State

Element = Any  # lxml has no types

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_DELETED = {f"{W}{name}" for name in ("del", "moveFrom", "rPr", "pPr", "instrText", "delText", "sectPr")} | {_FALLBACK}
_AS_TEXT = {f"{W}tab": "\t", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "\u2011"}
# Marks without which a formula would read as another number: 10^-4, 550/2.
_BEFORE = {f"{M}sup": "^", f"{M}den": "/"}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MOST_UNPACKED = 512 * 2**20
# What python-docx raises on damaged packages: they come out of its parsing, nothing of ours runs there.
_DAMAGE = (
    OpcError,
    zipfile.BadZipFile,
    zlib.error,
    etree.LxmlError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)


def parse_docx(data: bytes, _path: str) -> Content | Unread:
    """The body's text as Markdown and the title of the core properties; headers and footers are left out."""
    if data.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            return Unread(State.ENCRYPTED, "needs a password", "save a copy without one")
        return Unread(State.UNSUPPORTED, "is an old Word file (.doc)", "save it as .docx")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            unpacked = sum(entry.file_size for entry in package.infolist())
        if unpacked > _MOST_UNPACKED:
            return Unread(State.TOO_LARGE, f"unpacks to {unpacked >> 20} MiB, at most {_MOST_UNPACKED >> 20} are read")
        document = docx.Document(io.BytesIO(data))
        text = _Conversion(document).run()
        return Content(text, "markdown", document.core_properties.title or "")
    except _DAMAGE as error:
        reason = next(iter(str(error).splitlines()), "")[:200] or type(error).__name__
        return Unread(State.FAILED, f"damaged DOCX: {reason}", "open it in a word processor and save it anew")


class _Conversion:
    """One document's body → Markdown."""

    def __init__(self, document: Any) -> None:
        self.body = document.element.body
        self.composer = Composer()
        self.numbering = Numbering(document)
        self.levels = _heading_levels(document)
        shown = (self.levels.get(_style(each)) for each in self.body.iter(f"{W}p"))
        self.shift = 1 if 0 in shown else 0  # under a title, the headings are one level down

    def run(self) -> str:
        for block in _blocks(self.body):
            if block.tag == f"{W}tbl":
                self.table(block)
            else:
                self.paragraph(block)
        return self.composer.text()

    def paragraph(self, element: Element) -> None:
        text = _text(element)
        if not text.strip():
            return
        marker, depth = self.numbering.marker(element)
        level = _own_level(element, self.levels)
        if level is not None:
            prefix = f"{marker} " if marker and marker != "-" else ""
            self.composer.heading(level + self.shift if level else 1, prefix + text)
        elif marker:
            self.composer.item(marker, text, "   " * depth)
        else:
            self.composer.paragraph(text)

    def table(self, element: Element) -> None:
        rows = [[*_cells(row)] for row in element.iterchildren(f"{W}tr", f"{W}sdt") for row in _rows(row)]
        open_cells: dict[int, str] = {}
        grid: list[list[Cell]] = []
        for row in rows:
            line, column = [], 0
            for cell, width, continued in row:
                text = open_cells.get(column, "") if continued else cell
                open_cells[column] = text
                line.append(Cell(text, width))
                column += width
            grid.append(line)
        if any(cell.text for line in grid for cell in line):
            self.composer.table(spread(grid))


def _blocks(body: Element) -> Iterator[Element]:
    """Paragraphs and tables in order, those in content controls and inserted ones included."""
    waiting = list(reversed(body))
    while waiting:
        element = waiting.pop()
        if element.tag in (f"{W}p", f"{W}tbl"):
            yield element
        elif element.tag in (f"{W}sdt", f"{W}sdtContent", f"{W}ins", f"{W}customXml", f"{W}smartTag", f"{W}moveTo"):
            waiting.extend(reversed(element))


def _rows(element: Element) -> Iterator[Element]:
    return element.iter(f"{W}tr") if element.tag == f"{W}sdt" else iter([element])


def _cells(row: Element) -> Iterator[tuple[str, int, bool]]:
    """Each cell's text, the columns that it spans, and whether it goes on the cell above."""
    for child in row.iterchildren(f"{W}tc", f"{W}sdt"):
        cell = child if child.tag == f"{W}tc" else next(child.iter(f"{W}tc"), child)
        span = cell.find(f"{W}tcPr/{W}gridSpan")
        merge = cell.find(f"{W}tcPr/{W}vMerge")
        text = " ".join(part for part in (_text(each) for each in cell.iter(f"{W}p")) if part.strip())
        width = (span.get(f"{W}val") if span is not None else None) or "1"
        continued = merge is not None and merge.get(f"{W}val") != "restart"
        yield text, int(width) if width.isdigit() else 1, continued


def _text(paragraph: Element) -> str:
    """What is shown of a paragraph: without deletions, hidden runs and field codes; text boxes at its end."""
    parts: list[str] = []
    waiting = list(reversed(paragraph))
    while waiting:
        element = waiting.pop()
        tag = element.tag
        if tag in _DELETED or (tag == f"{W}r" and _is_hidden(element)):
            continue
        if tag in (f"{W}t", f"{M}t"):
            parts.append(element.text or "")
        elif tag in _AS_TEXT:
            parts.append(_AS_TEXT[tag])
        elif tag in _BEFORE or _is_power(element, parts):
            parts.append(_BEFORE.get(tag, "^"))
        elif tag == f"{W}p" and parts and not parts[-1].endswith("\n"):
            parts.append("\n")
        waiting.extend(reversed(element))
    return "".join(parts)


def _is_power(element: Element, parts: list[str]) -> bool:
    """Whether this is a raised run behind a digit."""
    place = element.find(f"{W}rPr/{W}vertAlign") if element.tag == f"{W}r" else None
    return place is not None and place.get(f"{W}val") == "superscript" and "".join(parts[-1:])[-1:].isdigit()


def _is_hidden(run: Element) -> bool:
    hidden = run.find(f"{W}rPr/{W}vanish")
    return hidden is not None and hidden.get(f"{W}val", "true") not in ("0", "false", "off")


# ---------------------------------------------------------------- headings


def _style(paragraph: Element) -> str:
    style = paragraph.find(f"{W}pPr/{W}pStyle")
    return style.get(f"{W}val", "") if style is not None else ""


def _own_level(paragraph: Element, levels: dict[str, int]) -> int | None:
    """0 for the title, 1 to 9 for a heading, None for other text."""
    outline = _outline(paragraph.find(f"{W}pPr/{W}outlineLvl"))
    return outline if outline is not None else levels.get(_style(paragraph))


def _outline(element: Element) -> int | None:
    """The heading level of an outline level (0 to 8 there; 9 is body text)."""
    value = element.get(f"{W}val", "") if element is not None else ""
    return int(value) + 1 if value in tuple("012345678") else None


def _heading_levels(document: Any) -> dict[str, int]:
    """Heading level by style id: by the built-in names, by outline level, or by the style that it is based on."""
    styles = {style.get(f"{W}styleId", ""): style for style in document.styles.element.iter(f"{W}style")}
    levels: dict[str, int] = {}
    for identity in styles:
        current, seen = identity, set[str]()
        while current in styles and current not in seen:
            seen.add(current)
            level = _style_level(styles[current])
            if level is not None:
                levels[identity] = level
                break
            base = styles[current].find(f"{W}basedOn")
            current = base.get(f"{W}val", "") if base is not None else ""
    return levels


def _style_level(style: Element) -> int | None:
    name = style.find(f"{W}name")
    words = (name.get(f"{W}val", "") if name is not None else "").lower().split()
    if words == ["title"]:
        return 0
    if len(words) == 2 and words[0] == "heading" and words[1] in tuple("123456789"):
        return int(words[1])
    return _outline(style.find(f"{W}pPr/{W}outlineLvl"))
