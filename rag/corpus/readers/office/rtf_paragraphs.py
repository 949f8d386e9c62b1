"""The paragraphs, lists and table rows that the control words of RTF make of its text → blocks."""

from __future__ import annotations

import re

from rag.corpus.readers.compose import LONGEST_REPEATED, WIDEST, Cell, Composer, spread
from rag.corpus.readers.places import says_something

_ENDS = {"par", "sect", "page", "column"}
_MARKER = re.compile(r"\(?\w{1,8}[.)]")
_TITLES = {"header": "Header", "footer": "Footer"}


class Paragraphs:
    """Text that is said → blocks in a composer, a table row at a time."""

    def __init__(self, composer: Composer) -> None:
        self.composer = composer
        self.levels: dict[int, int] = {}  # heading level by style
        self.marker = ""
        self.parts: list[str] = []
        self.cells: list[str] = []
        self.rows: list[list[Cell]] = []
        self.above: list[str] = []
        self.merged: list[str] = []
        self.merging = ""
        self.asides: list[str] = []
        self.around: dict[str, str] = {}
        self.repeated = 0  # headers and footers that say what one before them says
        self.author = ""
        self.notes = 0
        self.reset()

    def reset(self) -> None:
        """Forget what a paragraph looks like."""
        self.level = 0
        self.depth = 0
        self.listed = self.in_table = False

    def say(self, text: str, *, raised: bool = False) -> None:
        """Text of the paragraph; a raised figure behind another one is a power."""
        if raised and text[:1].isdigit() and "".join(self.parts[-1:])[-1:].isdigit():
            self.parts.append("^")
        self.parts.append(text)

    def word(self, name: str, value: int | None) -> None:
        """What a control word does to paragraphs and tables."""
        if name in _ENDS:
            self.end(cell=self.in_table and name == "par")
        elif name == "cell":
            self.cells.append(self.taken())
        elif name == "row":
            self.row()
        elif name == "pard":
            self.reset()
        elif name == "intbl":
            self.in_table = True
        elif name == "s":
            self.level = self.levels.get(value or 0, 0)
        elif name == "outlinelevel":
            self.level = (value or 0) + 1 if 0 <= (value or 0) < 9 else 0
        elif name == "ls":
            self.listed = value != 0
        elif name == "ilvl":
            self.depth = min(max(value or 0, 0), 8)
        else:
            self.define(name)

    def define(self, name: str) -> None:
        """How the cells of the rows that follow are merged."""
        if name == "trowd":
            self.merged, self.merging = [], ""
        elif name in ("clvmrg", "clmrg"):
            self.merging = name
        elif name == "cellx":
            if len(self.merged) < 10 * WIDEST:
                self.merged.append(self.merging)
            self.merging = ""

    def end(self, *, cell: bool = False) -> None:
        """End a paragraph; within a cell, a line of it."""
        if cell:
            self.parts.append("\n")
            return
        text = self.taken()
        if not text.strip() and not self.asides:
            self.marker = ""
            return
        self.table()
        marker, self.marker = self.marker, ""
        if text and self.level:
            self.composer.heading(self.level, f"{marker} {text}" if _MARKER.fullmatch(marker) else text)
        elif text and (marker or self.listed):
            self.composer.item(marker if _MARKER.fullmatch(marker) else "-", text, "   " * self.depth)
        else:
            self.composer.paragraph(text)
        self.beside()

    def taken(self) -> str:
        """The text so far, which begins anew."""
        text, self.parts = joined("".join(self.parts)).strip(), []
        return text

    def row(self) -> None:
        """End a row; a cell that goes on the one above says the same."""
        if "".join(self.parts).strip():
            self.cells.append(self.taken())
        cells, self.cells = self.cells, []
        known = len(self.merged) == len(cells)
        line = [
            self.above[at] if known and self.merged[at] == "clvmrg" and not cell and at < len(self.above) else cell
            for at, cell in enumerate(cells)
        ]
        self.above = [cell if len(cell) <= LONGEST_REPEATED else "" for cell in line]
        self.rows.append([Cell(cell) for cell in line])
        self.marker = ""

    def table(self) -> None:
        """Put the rows so far into the composer."""
        rows, self.rows, self.above = self.rows, [], []
        if any(cell.text for row in rows for cell in row):
            self.composer.table(spread(rows))
            if self.asides and not self.parts:
                self.beside()

    def note(self, text: str) -> str:
        """Keep a note; what stands for it in the text."""
        self.notes += 1
        self.asides.append(f"[^{self.notes}]: {joined(text)}")
        return f"[^{self.notes}]"

    def aside(self, name: str, text: str) -> None:
        """Keep a comment, a text box, a header or a footer."""
        text = joined(text)
        if name == "atnauthor":
            self.author = text
        elif name == "annotation":
            self.asides.append(f"Comment by {self.author}: {text}" if self.author else f"Comment: {text}")
            self.author = ""
        elif name in _TITLES:
            line = " · ".join(each.strip() for each in text.split("\n") if says_something(each))
            self.repeated += line in self.around
            if line:
                self.around.setdefault(line, name)
        else:
            self.asides.append(text)

    def beside(self) -> None:
        asides, self.asides = self.asides, []
        for text in asides:
            self.composer.paragraph(text)

    def text(self) -> str:
        """The whole, once everything is said."""
        self.end()
        if self.cells:
            self.row()
        self.table()
        self.beside()
        for line, name in self.around.items():
            self.composer.paragraph(f"{_TITLES[name]}: {line}")
        self.around = {}
        return self.composer.text()


def joined(text: str) -> str:
    """Text whose characters beyond U+FFFF came as two halves; what only a font gives a meaning to is left out."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\0", "")
    return re.sub("[\ue000-\uf8ff]", _private, whole)


def _private(match: re.Match[str]) -> str:
    return "•" if match[0] == "\uf0b7" else ""
