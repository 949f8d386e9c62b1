"""HTML elements → Markdown blocks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rag.corpus.readers.compose import Cell, Composer, spread
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
HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}


def converted(root: Element, dropped: Choice) -> str:
    conversion = _Conversion(dropped)
    conversion.run(root)
    return conversion.composer.text()


class _Conversion:
    """Elements in document order → blocks, without recursion: pages nest deeper than Python does."""

    def __init__(self, dropped: Choice) -> None:
        self.dropped = dropped
        self.composer = Composer()
        self.inline: list[str] = []
        self.lists: list[int | None] = []  # the next number of each open list, None for bullets
        self.marker = ""

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
        return isinstance(element.tag, str) and (element is root or not self.dropped(element))

    def enter(self, element: Element) -> bool:
        """Begin an element; whether its content is to be gone through (else it is done already)."""
        tag = element.tag
        if tag == "math":
            self.inline.append(linear(element))
            return False
        if tag == "br":
            self.inline.append("\n")
        elif tag == "sup" and "".join(self.inline[-1:])[-1:].isdigit():
            self.inline.append("^")
        if tag in BLOCKS or tag in HEADINGS or tag == "pre":
            self.flush()
        if tag in ("ul", "ol"):
            self.lists.append(_number(element.get("start"), 1) if tag == "ol" else None)
        elif tag == "li":
            self.begin_item()
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

    def begin_item(self) -> None:
        number = self.lists[-1] if self.lists else None
        self.marker = "-" if number is None else f"{number}."
        if not self.lists:
            self.lists.append(None)
        elif number is not None:
            self.lists[-1] = number + 1

    def rows(self, table: Element) -> list[list[str]]:
        """The rows of a table of data; none for one that only lays the page out."""
        rows = [row for row in table.iter("tr") if not self.dropped(row)]
        cells = [[cell for cell in row if cell.tag in ("td", "th") and not self.dropped(cell)] for row in rows]
        if len(rows) < 2 or max(map(len, cells)) < 2 or table.get("role") in ("presentation", "none"):
            return []
        if (
            any(inner is not table for inner in table.iter("table"))
            or next(table.iter("pre", *HEADINGS), None) is not None
        ):
            return []
        for caption in table.iter("caption"):
            self.composer.paragraph(self.cell(caption))
        return spread([[self.spanning(cell) for cell in row] for row in cells if row])

    def spanning(self, cell: Element) -> Cell:
        return Cell(self.cell(cell), _number(cell.get("colspan"), 1), _number(cell.get("rowspan"), 1))

    def cell(self, element: Element) -> str:
        inner = _Conversion(self.dropped)
        inner.run(element)
        return one_line(" ".join(line.strip() for line in inner.composer.text().split("\n")).replace("\\|", "|"))


def _collapsed(line: str) -> str:
    return _SPACE.sub(" ", line)


def one_line(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _verbatim(element: Element) -> str:
    text = "".join(element.itertext()).replace("\r\n", "\n")
    return text.removeprefix("\n").rstrip()


def _number(value: str | None, default: int) -> int:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 6 else default
