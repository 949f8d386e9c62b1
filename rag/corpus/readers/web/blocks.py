"""HTML elements → Markdown blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile, zip_longest
from typing import Any

from rag.corpus.readers.compose import WIDEST, Cell, Composer, spread, whole
from rag.corpus.readers.formulas import linear

Element = Any  # lxml has no types
Choice = Callable[[Element], bool]

_SPACE = re.compile("[ \t\n\r\f\u00a0]+")
BLOCKS = {"p", "div", "section", "article", "main", "body", "html", "center", "form", "fieldset", "legend", "address"}
BLOCKS |= {"blockquote", "figure", "figcaption", "details", "summary", "dl", "dt", "dd", "hgroup", "header", "footer"}
BLOCKS |= {
    "nav",
    "aside",
    "menu",
    "table",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "td",
    "th",
    "caption",
    "hr",
    "ul",
    "ol",
    "li",
}
_PRONOUNCED = {"rt", "rp"}
"""What is set above words to pronounce them."""
_PERMALINKS = {"", "¶", "#", "§", "🔗"}
"""What a heading's link to itself says."""
_MOST_TITLE = 300
"""Characters of a heading that may have blocks in it; more is what follows a heading that is never closed."""
HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_MOST_NAMING = 4
"""Rows that name the columns of one table."""
_NO_TITLE = {"table", "ul", "ol", "dl", "pre", *HEADINGS}


def _is_permalink(element: Element) -> bool:
    """Whether it is the sign behind a heading (or what has one like it) that leads to its own place."""
    if element.tag != "a" or not element.get("href", "").startswith("#"):
        return False
    parent = element.getparent()
    heads = parent is not None and (parent.tag in HEADINGS or parent.tag in ("dt", "caption", "figcaption"))
    marked = any(name in element.get("class", "") for name in ("headerlink", "anchor", "permalink", "hash-link"))
    return (heads or marked) and "".join(element.itertext()).strip() in _PERMALINKS


def converted(root: Element, dropped: Choice) -> str:
    conversion = _Conversion(dropped)
    conversion.run(root)
    return conversion.composer.text()


class _Conversion:
    """Elements in document order → blocks, without recursion: pages nest deeper than Python does."""

    def __init__(self, dropped: Choice, *, flat: bool = False) -> None:
        self.dropped = dropped
        self.flat = flat  # in a cell: tables are texts
        self.composer = Composer()
        self.inline: list[str] = []
        self.lists: list[int | None] = []  # the next number of each open list, None for bullets
        self.marker = ""
        self.title: Element = None  # the heading whose blocks are its words

    def run(self, root: Element) -> None:
        """Convert one element and all that is in it."""
        stack: list[tuple[Element, bool]] = [(root, False)]
        while stack:
            element, left = stack.pop()
            if left:
                self.leave(element)
            elif self.kept(element, root) and self.enter(element):
                stack.append((element, True))
                stack.extend((child, False) for child in reversed(element))
                self.inline.append(_SPACE.sub(" ", element.text or ""))
                continue
            if element is not root:
                self.inline.append(_SPACE.sub(" ", element.tail or ""))
        self.flush()

    def kept(self, element: Element, root: Element) -> bool:
        seen = isinstance(element.tag, str) and element.tag not in _PRONOUNCED and not _is_permalink(element)
        return seen and (element is root or not self.dropped(element))

    def enter(self, element: Element) -> bool:
        """Begin an element; whether its content is to be gone through (else it is done already)."""
        tag = element.tag
        if tag == "br" or (self.title is not None and tag in BLOCKS):
            self.inline.append("\n")
        elif tag == "sup" and "".join(self.inline[-1:])[-1:].isdigit():
            self.inline.append("^")
        elif tag == "math":
            self.inline.append(linear(element))
            return False
        elif tag in BLOCKS or tag in HEADINGS or tag == "pre":
            self.flush()
            return self.begin(element)
        return True

    def begin(self, element: Element) -> bool:
        """Begin a block; whether its content is to be gone through."""
        tag = element.tag
        if tag in HEADINGS:
            self.title = element if _is_title(element) else None
        elif tag in ("ul", "ol"):
            self.lists.append(whole(element.get("start"), 1) if tag == "ol" else None)
        elif tag == "li":
            self.begin_item(element)
        elif tag == "pre":
            self.composer.code(_verbatim(element), self.indent())
            return False
        elif tag == "table":
            rows = self.rows(element)
            if rows:
                self.composer.table(rows)
                return False
        return True

    def leave(self, element: Element) -> None:
        """End an element, with the text that follows it."""
        tag = element.tag
        if tag in HEADINGS:
            title, self.inline = self.said(), []
            self.composer.heading(HEADINGS[tag], title)
            self.title = None
        elif self.title is not None:
            self.inline.append("\n" if tag in BLOCKS else "")
        elif tag in BLOCKS:
            self.flush()
        if tag in ("ul", "ol") and self.lists:
            self.lists.pop()
        elif tag == "li":
            self.marker = ""

    def said(self) -> str:
        """The inline text so far, spaces collapsed, lines as `br` made them."""
        lines = "".join(self.inline).split("\n")
        return "\n".join(" ".join(line.split(" ")).strip() for line in map(_collapsed, lines)).strip()

    def flush(self) -> None:
        """Make what was said so far a block."""
        text, self.inline = self.said(), []
        if not text:
            return
        if self.marker:
            self.composer.item(self.marker, text, "  " * (len(self.lists) - 1))
            self.marker = ""
        else:
            self.composer.paragraph(text, self.indent())

    def indent(self) -> str:
        return "  " * len(self.lists)

    def begin_item(self, item: Element) -> None:
        number = self.lists[-1] if self.lists else None
        number = None if number is None else whole(item.get("value"), number)
        self.marker = "-" if number is None else f"{number}."
        if not self.lists:
            self.lists.append(None)
        elif number is not None:
            self.lists[-1] = number + 1

    def rows(self, table: Element) -> list[list[str]]:
        """The rows of a table of data; none for one that only lays the page out, or stands in a cell."""
        if self.flat or table.get("role") in ("presentation", "none"):
            return []
        rows = [row for row in _own(table, "tr") if not self.dropped(row)]
        cells = [[cell for cell in row if cell.tag in ("td", "th") and not self.dropped(cell)] for row in rows]
        if len(rows) < 2 or max(map(len, cells)) < 2 or next(table.iter("pre", *HEADINGS), None) is not None:
            return []
        names_columns = any(cell.tag == "th" for row in cells for cell in row)
        if not names_columns and any(inner is not table for inner in table.iter("table")):
            return []
        for caption in _own(table, "caption"):
            self.composer.paragraph(self.cell(caption))
        rows_of_names = _rows_of_names(rows, cells)
        names, others = cells[:rows_of_names], cells[rows_of_names:]
        said = [[each for cell in row for each in self.spanning(cell, repeated=True)] for row in names]
        said += [[each for cell in row for each in self.spanning(cell)] for row in others]
        return _named(spread([row for row in said if row]), rows_of_names)

    def spanning(self, cell: Element, *, repeated: bool = False) -> list[Cell]:
        """A cell; one that names several columns `repeated` for each of them."""
        columns, rows = whole(cell.get("colspan"), 1), whole(cell.get("rowspan"), 1)
        said = self.cell(cell)
        return [Cell(said, 1, rows)] * min(columns, WIDEST) if repeated else [Cell(said, columns, rows)]

    def cell(self, element: Element) -> str:
        inner = _Conversion(self.dropped, flat=True)
        inner.run(element)
        return one_line(" ".join(line.strip() for line in inner.composer.text().split("\n")).replace("\\|", "|"))


def _own(table: Element, tag: str) -> Iterator[Element]:
    """The table's elements of that tag, without those of tables in its cells."""
    waiting = list(reversed(table))
    while waiting:
        element = waiting.pop()
        if element.tag == tag:
            yield element
        elif element.tag not in ("table", "tr", "td", "th"):
            waiting.extend(reversed(element))


def _rows_of_names(rows: Sequence[Element], cells: Sequence[Sequence[Element]]) -> int:
    """How many rows at the top name the columns, where these are several: of `thead`, or of `th` alone."""
    named = (
        row.getparent().tag == "thead" or {cell.tag for cell in own} == {"th"}
        for row, own in zip(rows, cells, strict=True)
    )
    count = sum(takewhile(bool, named))
    return count if 1 < count < len(rows) and count <= _MOST_NAMING else 0


def _named(rows: list[list[str]], names: int) -> list[list[str]]:
    """The rows, the first so many of them as one that says of each column what stands above it."""
    if not names:
        return rows
    said = zip_longest(*rows[:names], fillvalue="")
    return [[" ".join(dict.fromkeys(filter(None, column))) for column in said], *rows[names:]]


def _is_title(heading: Element) -> bool:
    """Whether blocks in a heading are its words."""
    size = 0
    for each in heading.iter():
        size += len(each.text or "") + len((each.tail or "") if each is not heading else "")
        if size > _MOST_TITLE or (each is not heading and each.tag in _NO_TITLE):
            return False
    return True


def _collapsed(line: str) -> str:
    return _SPACE.sub(" ", line)


def one_line(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _verbatim(element: Element) -> str:
    text = "".join(element.itertext()).replace("\r\n", "\n")
    return text.removeprefix("\n").rstrip()
