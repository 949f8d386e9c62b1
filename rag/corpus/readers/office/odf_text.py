"""A text of OpenDocument → Markdown: headings, lists, tables, with notes and comments behind their paragraphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from rag.corpus.cleaned import Cleaning, added
from rag.corpus.readers.compose import WIDEST, Cell, Composer, spread
from rag.corpus.readers.office.docx_numbering import numeral
from rag.corpus.readers.office.odf_xml import (
    CHART,
    DRAW,
    STYLE,
    SVG,
    TABLE,
    TEXT,
    XLINK,
    Aside,
    Parts,
    child,
    comment,
    formula,
    inline,
    number,
    paragraphs,
    plain,
)
from rag.corpus.readers.office.ooxml import described, title_of
from rag.corpus.readers.office.package import Element, PackageProblem
from rag.corpus.readers.places import says_something
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import Metadata, State

_INDEXES = {f"{TEXT}{name}" for name in ("table-of-content", "illustration-index", "table-index", "object-index")}
_INDEXES |= {f"{TEXT}{name}" for name in ("user-index", "alphabetical-index")}
_TRACKED = f"{TEXT}tracked-changes"
_LETTERS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_MOST_LEVELS = 20
_MOST_REPEATED = 16 * 2**20
"""Characters that a file need not hold because it says how often they are repeated."""


def text_content(body: Element, parts: Parts, metadata: Metadata) -> Content | Unread:
    """The whole text; headers and footers once, at its end."""
    blocks = Blocks(parts)
    title = any(parts.level(each) == 0 for each in body.iter(f"{TEXT}p"))
    blocks.shift = 1 if title else 0
    blocks.add(body)
    told: set[str] = set()
    repeated = 0
    for kind in ("header", "footer"):
        for each in (element for root in parts.roots for element in root.iter(f"{STYLE}{kind}")):
            text = " · ".join(line for line in plain(each, parts).split("\n") if says_something(line))
            if text and text not in told:
                told.add(text)
                blocks.composer.paragraph(f"{kind.capitalize()}: {text}")
            elif text:
                repeated += 1
    filled = parts.pictures.fill_document(blocks.composer, parts.package)
    if isinstance(filled, Unread):
        return filled
    text, unread = filled
    cleaned = {
        Cleaning.REPEATED_ROWS: repeated,
        Cleaning.HIDDEN: sum(
            parts.is_hidden(each) and any(text.strip() for text in each.itertext())
            for each in body.iter(f"{TEXT}p", f"{TEXT}h", f"{TEXT}span")
        )
        + sum(map(is_hidden_section, body.iter(f"{TEXT}section"))),
        Cleaning.DELETED: sum(1 for _ in body.iter(f"{TEXT}deletion")),
        Cleaning.CONTENTS: sum(1 for _ in body.iter(*_INDEXES)),
    }
    return Content(text, "markdown", title_of(metadata), unread, metadata, cleaned=added(cleaned))


class Blocks:
    """Elements in document order → blocks in a composer."""

    def __init__(self, parts: Parts, composer: Composer | None = None) -> None:
        self.parts = parts
        self.composer = composer or Composer()
        self.shift = 0
        self.notes = 0
        self.said_again = 0
        self.counts: dict[tuple[str, int], int] = {}
        self.headings: dict[int, int] = {}

    def add(self, element: Element) -> None:
        """Put what stands in an element into the composer."""
        for each in element:
            tag = each.tag
            if tag in (f"{TEXT}p", f"{TEXT}h"):
                self.paragraph(each)
            elif tag == f"{TEXT}list":
                self.items(each, "", 1)
            elif tag == f"{TABLE}table":
                self.table(each)
            elif tag in (f"{DRAW}frame", f"{DRAW}custom-shape", f"{DRAW}rect", f"{DRAW}ellipse", f"{DRAW}g"):
                self.frame(each)
            elif isinstance(tag, str) and tag not in _INDEXES and tag != _TRACKED and not is_hidden_section(each):
                self.add(each)

    def paragraph(self, element: Element, marker: str = "", depth: int = 0) -> None:
        """A heading, a list item or a paragraph, and what hangs on it."""
        asides: list[Aside] = []
        marks: list[tuple[str, Element]] = []
        text = inline(element, self.parts, asides, lambda aside: self.mark(aside, marks))
        level = self.parts.level(element)
        if element.tag == f"{TEXT}h":
            outline = number(element.get(f"{TEXT}outline-level"), 1)
            counted = self.outlined(element, outline) if text.strip() else ""
            self.composer.heading(outline + self.shift, f"{counted} {text}")
        elif level is not None:
            self.composer.heading(level + self.shift if level else 1, text)
        elif text.strip() and marker:
            self.composer.item(marker, text, "   " * depth)
        else:
            self.composer.paragraph(text, "   " * depth)
        self.beside(asides, marks)

    def outlined(self, heading: Element, level: int) -> str:
        """The number that stands in front of a heading, where the outline is numbered."""
        style = self.parts.outline.get(str(level))
        if heading.get(f"{TEXT}is-list-header") == "true" or style is None or not style.get(f"{STYLE}num-format"):
            return ""
        start = number(style.get(f"{TEXT}start-value"), 1)
        self.headings = {each: count for each, count in self.headings.items() if each <= level}
        self.headings[level] = self.headings[level] + 1 if level in self.headings else start
        return _label(style, level, lambda each: self.headings.get(each, 1), self.parts.outline)

    def beside(self, asides: list[Aside], marks: list[tuple[str, Element]]) -> None:
        for mark, note in marks:
            self.composer.paragraph(f"{mark}: {plain(note, self.parts)}")
        for aside in asides:
            if aside.kind == "comment":
                self.composer.paragraph(comment(aside.element, self.parts))
            elif aside.kind != "note":
                self.frame(aside.element)

    def mark(self, aside: Aside, marks: list[tuple[str, Element]]) -> str:
        """The mark of a note in the text, counted through; of other things none."""
        if aside.kind != "note":
            return ""
        self.notes += 1
        mark = f"[^{self.notes}]"
        body = child(aside.element, f"{TEXT}note-body")
        if body is not None:
            marks.append((mark, body))
        return mark

    def items(self, element: Element, style: str, level: int) -> None:
        """The items of a list, with the numbers that its style counts."""
        style = element.get(f"{TEXT}style-name") or style
        key = (style, level)
        goes_on = element.get(f"{TEXT}continue-numbering") == "true" or element.get(f"{TEXT}continue-list")
        if not goes_on or level > 1:
            self.counts.pop(key, None)
        for item in element:
            named = item.tag == f"{TEXT}list-item"
            marker = self.marker(key, item) if named else ""
            for each in item:
                if each.tag == f"{TEXT}list":
                    self.items(each, style, level + 1)
                elif each.tag in (f"{TEXT}p", f"{TEXT}h"):
                    self.paragraph(each, marker, min(level, 9) - 1 if marker or not named else min(level, 9))
                    marker = ""

    def marker(self, key: tuple[str, int], item: Element) -> str:
        """What stands in front of an item; one that only holds a deeper list counts for nothing."""
        found = self.parts.lists.get(key[0])
        levels = {each.get(f"{TEXT}level", ""): each for each in found[:_MOST_LEVELS]} if found is not None else {}
        own = levels.get(str(key[1]))
        if own is None or own.tag != f"{TEXT}list-level-style-number":
            return "-"
        if next((each for each in item if each.tag != f"{TEXT}list"), None) is None:
            return "-"
        start = number(item.get(f"{TEXT}start-value") or own.get(f"{TEXT}start-value"), 1)
        again = item.get(f"{TEXT}start-value") is not None or key not in self.counts
        self.counts[key] = start if again else self.counts[key] + 1
        counted = _label(own, key[1], lambda level: self.counts.get((key[0], level), 1), levels)
        return f"{counted}{')' if ')' in own.get(f'{STYLE}num-suffix', '') else '.'}"

    def table(self, element: Element) -> None:
        """A table with the notes that are in its cells behind it."""
        asides: list[Aside] = []
        marks: list[tuple[str, Element]] = []
        rows: list[list[Cell]] = []
        inside = [list(row.iterchildren(f"{TABLE}table-cell")) for row in table_rows(element)]
        if all(len(cells) == 1 and cells[0].get(f"{TABLE}number-columns-repeated", "1") == "1" for cells in inside):
            for cells in inside:
                self.add(cells[0])  # a frame around text
            return
        for row in table_rows(element):
            cells = [cell for each in row for cell in self.cells(each, asides, marks)]
            size = sum(len(cell.text) for cell in cells)
            rows.extend([cells] * self.repeated(number(row.get(f"{TABLE}number-rows-repeated"), 1), size))
        if any(cell.text for row in rows for cell in row):
            self.composer.table(spread(rows))
        self.beside(asides, marks)

    def repeated(self, times: int, size: int) -> int:
        """How often something of that many characters is said; once, where it is nothing."""
        self.said_again += (times - 1) * size
        if self.said_again > _MOST_REPEATED:
            raise PackageProblem(Unread(State.TOO_LARGE, "repeats what is in its tables too often", "split it"))
        return times if size else 1

    def cells(self, cell: Element, asides: list[Aside], marks: list[tuple[str, Element]]) -> Iterator[Cell]:
        if cell.tag != f"{TABLE}table-cell":
            return
        texts = (inline(each, self.parts, asides, lambda aside: self.mark(aside, marks)) for each in paragraphs(cell))
        text = " ".join(" ".join(texts).split())
        across = number(cell.get(f"{TABLE}number-columns-spanned"), 1)
        times = number(cell.get(f"{TABLE}number-columns-repeated"), 1)
        for _ in range(self.repeated(times, len(text)) if text else min(times, WIDEST)):
            yield Cell(text, across, number(cell.get(f"{TABLE}number-rows-spanned"), 1))

    def frame(self, element: Element) -> None:
        """A text box, a table, a chart, a formula, or a picture by its description."""
        for each in element:
            if each.tag in (f"{DRAW}text-box", f"{DRAW}frame", f"{DRAW}custom-shape", f"{DRAW}rect", f"{DRAW}g"):
                self.add(each) if each.tag == f"{DRAW}text-box" else self.frame(each)
            elif each.tag == f"{DRAW}object":
                self.object(each)
                return
            elif each.tag == f"{TABLE}table":
                self.table(each)
                return
            elif each.tag == f"{DRAW}image":
                self.picture(element, each.get(f"{XLINK}href", ""))
                return
            elif each.tag == f"{TEXT}list":
                self.items(each, "", 1)
            elif each.tag in (f"{TEXT}p", f"{TEXT}h"):
                self.paragraph(each)

    def picture(self, frame: Element, link: str) -> None:
        self.parts.pictures.met(self.composer, link.removeprefix("./"))
        texts = (described(frame.findtext(f"{SVG}{name}") or "") for name in ("desc", "title"))
        text = next(filter(None, texts), "")
        if text:
            self.composer.paragraph(f"![{text}]({link.rpartition('/')[2]})")

    def object(self, element: Element) -> None:
        link = element.get(f"{XLINK}href", "")
        root = self.parts.object(link) if link else element
        if root is None:
            return
        drawn = child(root, f"{CHART}chart")
        table = child(drawn, f"{TABLE}table") if drawn is not None else None
        if drawn is not None and table is not None:
            title = drawn.find(f"{CHART}title")
            said = plain(title, self.parts) if title is not None else ""
            self.composer.paragraph(f"Chart: {said}" if said else "")
            self.table(table)
        elif drawn is None:
            self.composer.paragraph(formula(root))


def _label(style: Element, level: int, count: Callable[[int], int], levels: Mapping[str, Element]) -> str:
    """The numbers of a level and of those above it that it shows, such as 2.1."""
    first = max(1, level + 1 - number(style.get(f"{TEXT}display-levels"), 1))
    formats = (
        (each, levels[str(each)].get(f"{STYLE}num-format", ""))
        for each in range(first, level + 1)
        if str(each) in levels
    )
    return ".".join(numeral(count(each), _LETTERS.get(kind, "decimal")) for each, kind in formats if kind)


def is_hidden_section(element: Element) -> bool:
    """Whether this is a section that is not shown."""
    return bool(element.tag == f"{TEXT}section" and element.get(f"{TEXT}display") == "none")


def table_rows(table: Element) -> Iterator[Element]:
    """The rows of a table, those in groups and headers included, without those of tables in its cells."""
    waiting = list(reversed(table))
    while waiting:
        element = waiting.pop()
        if element.tag == f"{TABLE}table-row":
            yield element
        elif element.tag in {f"{TABLE}{name}" for name in ("table-row-group", "table-header-rows", "table-rows")}:
            waiting.extend(reversed(element))
