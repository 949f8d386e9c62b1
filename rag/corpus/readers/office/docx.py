"""DOCX → Markdown: the body in its order, as a reader of the document sees it, with its notes and comments."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from functools import partial

from rag.corpus.cleaned import Cleaning, added
from rag.corpus.readers import reader_for
from rag.corpus.readers.compose import LONGEST_REPEATED, Cell, Composer, spread, whole
from rag.corpus.readers.office.docx_numbering import Numbering
from rag.corpus.readers.office.docx_text import FALLBACK, IMAGE, Aside, W, deletions, hidden_passages, shown
from rag.corpus.readers.office.ooxml import Part, R, described, main_part, part, parts_of_type, properties, title_of
from rag.corpus.readers.office.ooxml_chart import A, C, chart
from rag.corpus.readers.office.package import Element, Package, converted_package
from rag.corpus.readers.pictures.embedded import Pictures
from rag.corpus.readers.places import says_something
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import Document, State

_GONE = {f"{W}del", f"{W}moveFrom", f"{W}cellDel", FALLBACK}
_AROUND = {f"{W}{name}" for name in ("sdt", "sdtContent", "ins", "customXml", "smartTag", "moveTo")}
"""What stands around paragraphs, rows and cells without a meaning for them."""
_NOTES = {"footnoteReference": "footnotes", "endnoteReference": "endnotes", "commentReference": "comments"}


def parse_docx(data: bytes, _path: str, pictures: Pictures | None = None) -> Content | Unread:
    """The text as Markdown: notes and comments behind the paragraph that they belong to, headers and footers once."""
    return converted_package(data, "DOCX", partial(_content, pictures=pictures or Pictures()))


def _content(package: Package, pictures: Pictures) -> Content | Unread:
    conversion = _Conversion(package, main_part(package), pictures)
    conversion.run()
    not_read = ", ".join(conversion.not_read)
    metadata = (*properties(package), *([("not_read", not_read)] if not_read else []))
    filled = pictures.fill_document(conversion.composer, package)
    if isinstance(filled, Unread):
        return filled
    text, unread = filled
    if not_read and not text.strip():
        return Unread(State.FAILED, f"all its text is in {not_read}, which cannot be read", "save it anew in Word")
    cleaned = {
        Cleaning.REPEATED_ROWS: conversion.repeated,
        Cleaning.HIDDEN: hidden_passages(conversion.body),
        Cleaning.DELETED: deletions(conversion.body),
    }
    return Content(text, "markdown", title_of(metadata), unread, metadata, cleaned=added(cleaned))


class _Conversion:
    """One document → Markdown."""

    def __init__(self, package: Package, main: Part, pictures: Pictures) -> None:
        self.package = package
        self.pictures = pictures
        self.main = main
        self.body = main.root.find(f"{W}body")
        self.composer = Composer()
        styles = _roots(package, main, "styles")
        self.numbering = Numbering(styles, _roots(package, main, "numbering"))
        self.levels = _heading_levels(styles)
        shown_levels = (self.levels.get(_style(each)) for each in self.body.iter(f"{W}p"))
        self.shift = 1 if 0 in shown_levels else 0  # under a title, the headings are one level down
        self.notes = {kind: _by_id(_roots(package, main, kind)) for kind in _NOTES.values()}
        self.numbers: dict[str, dict[str, int]] = {}
        self.told: set[str] = set()
        self.begun = ""  # by a paragraph whose end was deleted, so that the next one goes on with it
        self.not_read: list[str] = []
        self.repeated = 0

    def run(self) -> None:
        self.blocks(self.body)
        self.around()

    def blocks(self, within: Element) -> None:
        """The paragraphs and tables of the body, of a text box or of a table that only draws a frame around them."""
        for block in _inside(within, f"{W}p", f"{W}tbl", f"{W}altChunk"):
            asides: list[Aside] = []
            if block.tag == f"{W}altChunk":
                self.imported(block)
            elif block.tag == f"{W}tbl":
                rows = [row for row in _inside(block, f"{W}tr") if row.find(f"{W}trPr/{W}del") is None]
                cells = [list(_inside(row, f"{W}tc")) for row in rows]
                if all(len(row) == 1 for row in cells):
                    for row in cells:
                        self.blocks(row[0])
                else:
                    self.table(rows, asides)
            else:
                self.paragraph(block, asides)
            for aside in asides:
                self.aside(aside)

    def imported(self, element: Element) -> None:
        """A whole file that stands in the place of paragraphs: Word takes it in when it opens the document."""
        kind, name = self.main.related.get(element.get(f"{R}id", ""), ("", "a part that is missing"))
        reader = reader_for(name) if kind == "aFChunk" and name in self.package else None
        found = reader.read(self.package.read(name), name) if reader else None
        if isinstance(found, Document):
            put = self.composer.finished if found.markup == "markdown" else self.composer.paragraph
            put(found.text)
        else:
            self.not_read.append(name)

    def paragraph(self, element: Element, asides: list[Aside]) -> None:
        text = shown(element, asides, self.number)
        marker, depth = self.marker(element)
        text, self.begun = self.begun + text, ""
        if not text.strip():
            return
        following = element.getnext()
        if _end_is_deleted(element) and not asides and following is not None and following.tag == f"{W}p":
            self.begun = text
            return
        level = _own_level(element, self.levels)
        if level is not None:
            prefix = f"{marker} " if marker and marker != "-" else ""
            self.composer.heading(level + self.shift if level else 1, prefix + text)
        elif marker:
            self.composer.item(marker, text, "   " * depth)
        else:
            self.composer.paragraph(text)

    def marker(self, paragraph: Element) -> tuple[str, int]:
        """The number or bullet of a paragraph, and its depth; an empty one is counted, one whose end is gone is not."""
        return ("", 0) if _end_is_deleted(paragraph) else self.numbering.marker(paragraph)

    def in_cell(self, paragraph: Element, asides: list[Aside]) -> str:
        """A paragraph of a cell, with its number."""
        text = shown(paragraph, asides, self.number)
        marker, _ = self.marker(paragraph)
        return text if marker in ("", "-") else f"{marker} {text}"

    def table(self, elements: list[Element], asides: list[Aside]) -> None:
        rows = [[*self.cells(row, asides)] for row in elements]
        open_cells: dict[int, str] = {}
        grid: list[list[Cell]] = []
        for row in rows:
            line, column = [], 0
            for cell, width, continued in row:
                text = open_cells.get(column, "") if continued else cell
                open_cells[column] = text if len(text) <= LONGEST_REPEATED else ""
                line.append(Cell(text, width))
                column += width
            grid.append(line)
        if any(cell.text for line in grid for cell in line):
            self.composer.table(spread(grid))

    def cells(self, row: Element, asides: list[Aside]) -> Iterator[tuple[str, int, bool]]:
        """Each cell's text, the columns that it spans, and whether it goes on the cell above."""
        before = _count(row.find(f"{W}trPr/{W}gridBefore"), 0)
        if before:
            yield "", before, False
        for cell in _inside(row, f"{W}tc"):
            merge = cell.find(f"{W}tcPr/{W}vMerge")
            texts = (self.in_cell(each, asides) for each in _paragraphs(cell))
            continued = merge is not None and merge.get(f"{W}val") != "restart"
            width = _count(cell.find(f"{W}tcPr/{W}gridSpan"), 1)
            yield " ".join(text for text in texts if text.strip()), width, continued

    def number(self, aside: Aside) -> str:
        """The mark in the text of a note, counted as Word does; of other things none."""
        kind = _NOTES.get(aside.kind, "")
        if kind not in ("footnotes", "endnotes") or aside.identity not in self.notes[kind]:
            return ""
        numbers = self.numbers.setdefault(kind, {})
        known = numbers.setdefault(aside.identity, len(numbers) + 1)
        return f"[^{known}]" if kind == "footnotes" else f"[^e{known}]"

    def aside(self, aside: Aside) -> None:
        """A note, a comment, a text box, a picture or a chart, behind the paragraph or table that it belongs to."""
        if aside.kind == "box":
            self.blocks(aside.element)
        elif aside.kind == "drawing":
            self.drawing(aside.element)
        else:
            self.note(aside)

    def note(self, aside: Aside) -> None:
        """A note or a comment, where it is referred to for the first time."""
        key = f"{aside.kind} {aside.identity}"
        note = self.notes[_NOTES[aside.kind]].get(aside.identity)
        if note is None or key in self.told:
            return
        self.told.add(key)
        texts = (shown(each, [], self.number).strip() for each in _paragraphs(note))
        said = "\n".join(filter(None, texts))
        if said and aside.kind == "commentReference":
            author = note.get(f"{W}author", "").strip()
            self.composer.paragraph(f"Comment by {author}: {said}" if author else f"Comment: {said}")
        elif said:
            self.composer.paragraph(f"{self.number(aside)}: {said}")

    def drawing(self, element: Element) -> None:
        """A chart as a table; a picture by its description."""
        for drawn in element.iter(f"{C}chart"):
            name = self.main.related.get(drawn.get(f"{R}id", ""), ("", ""))[1]
            if name in self.package:
                found = chart(part(self.package, name).root)
                self.composer.paragraph(f"Chart: {found.title}" if found.title else "")
                self.composer.table(found.rows)
        for picture in element.iter(f"{A}blip", IMAGE):
            identity = picture.get(f"{R}embed") or picture.get(f"{R}id", "")
            self.pictures.met(self.composer, self.main.related.get(identity, ("", ""))[1])
        for picture in element.iter(f"{A}blip"):
            target = self.main.related.get(picture.get(f"{R}embed", ""), ("", ""))[1]
            named = next((each for each in element if str(each.tag).endswith("}docPr")), element)
            text = described(named.get("descr", ""))
            if text:
                self.composer.paragraph(f"![{text}]({posixpath.basename(target)})")
            break

    def around(self) -> None:
        """What stands in headers and footers, each text once, at the end."""
        told: set[str] = set()
        for kind in ("header", "footer"):
            for each in parts_of_type(self.package, self.main, kind):
                lines = (shown(paragraph, [], self.number).strip() for paragraph in _paragraphs(each.root))
                text = " · ".join(" ".join(line.split()) for line in lines if says_something(line))
                if text and text not in told:
                    told.add(text)
                    self.composer.paragraph(f"{kind.capitalize()}: {text}")
                elif text:
                    self.repeated += 1


def _roots(package: Package, main: Part, kind: str) -> list[Element]:
    return [each.root for each in parts_of_type(package, main, kind)]


def _by_id(roots: list[Element]) -> dict[str, Element]:
    """The notes of a part; those that draw the line above the others are none."""
    notes = (each for root in roots for each in root if each.get(f"{W}type", "normal") == "normal")
    return {each.get(f"{W}id", ""): each for each in notes}


def _paragraphs(within: Element) -> Iterator[Element]:
    """The paragraphs of a cell, a note or a header, those in its tables included, without those of text boxes."""
    waiting = list(reversed(within))
    while waiting:
        element = waiting.pop()
        if element.tag == f"{W}p":
            yield element
        elif element.tag not in _GONE:
            waiting.extend(reversed(element))


def _inside(element: Element, *tags: str) -> Iterator[Element]:
    """The elements of these tags in order, those in content controls and inserted ones included."""
    waiting = list(reversed(element))
    while waiting:
        each = waiting.pop()
        if each.tag in tags:
            yield each
        elif each.tag in _AROUND:
            waiting.extend(reversed(each))


def _end_is_deleted(paragraph: Element) -> bool:
    """Whether the deletion of the end of the paragraph was tracked: what follows is of the same one."""
    return paragraph.find(f"{W}pPr/{W}rPr/{W}del") is not None


def _count(element: Element, default: int) -> int:
    return whole(element.get(f"{W}val"), default) if element is not None else default


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


def _heading_levels(styles_parts: list[Element]) -> dict[str, int]:
    """Heading level by style id: by the built-in names, by outline level, or by the style that it is based on."""
    styles = {style.get(f"{W}styleId", ""): style for root in styles_parts for style in root.iter(f"{W}style")}
    known: dict[str, int | None] = {}
    for identity in styles:
        path: list[str] = []
        current, level = identity, None
        while current in styles and current not in known and level is None:
            known[current] = None
            path.append(current)
            level = _style_level(styles[current])
            base = styles[current].find(f"{W}basedOn")
            current = base.get(f"{W}val", "") if base is not None else ""
        level = known.get(current) if level is None else level
        known.update(dict.fromkeys(path, level))
    return {identity: level for identity, level in known.items() if level is not None}


def _style_level(style: Element) -> int | None:
    name = style.find(f"{W}name")
    words = (name.get(f"{W}val", "") if name is not None else "").lower().split()
    if words == ["title"]:
        return 0
    if len(words) == 2 and words[0] == "heading" and words[1] in tuple("123456789"):
        return int(words[1])
    return _outline(style.find(f"{W}pPr/{W}outlineLvl"))
