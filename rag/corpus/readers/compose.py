"""Markdown put together from what a format's file says: headings, lists, tables, code. Used where text is converted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

# What would be read as structure although it is said in a paragraph.
_STRUCTURE = re.compile(r"(?m)^( {0,3})(?=#{1,6}(?:[ \t]|$)|`{3}|~{3}|<(?:!--|script|style|pre|textarea)|[=-]+[ \t]*$)")
LONGEST_REPEATED = 200
"""Characters of a cell that is repeated in each of the rows which it spans."""
WIDEST = 64
"""Columns of a table; what stands further to the right goes into the last."""


def whole(value: str | None, default: int, digits: int = 5) -> int:
    """A whole number that a file gives, of so many digits at most; else the default."""
    return int(value) if value and value.isascii() and value.isdigit() and len(value) <= digits else default


@dataclass(slots=True)
class Composer:
    """Collects blocks; `text()` joins them, list items without a blank line between them."""

    parts: list[str] = field(default_factory=list)
    in_list: bool = False

    def heading(self, level: int, title: str) -> None:
        """A heading in one line; an empty one is left out."""
        line = " ".join(title.split())
        if line:
            self._add(f"{'#' * min(max(level, 1), 6)} {line}")

    def paragraph(self, text: str, indent: str = "") -> None:
        """A paragraph, its lines kept; blank lines at its ends are left out."""
        if text.strip():
            self._add(_indented(_STRUCTURE.sub(r"\1\\", text.strip()), indent, indent))

    def item(self, marker: str, text: str, indent: str = "") -> None:
        """A list item behind its marker (`-`, `3.`, `b)`)."""
        following = indent + " " * (len(marker) + 1)
        line = _indented(_STRUCTURE.sub(r"\1\\", text.strip()), f"{indent}{marker} ", following).rstrip()
        self._add(line, tight=self.in_list)
        self.in_list = True

    def code(self, text: str, indent: str = "") -> None:
        """A fenced block that holds `text` verbatim."""
        longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
        fence = "`" * (longest + 1)
        self._add(_indented(f"{fence}\n{text}\n{fence}", indent, indent))

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """A table whose first row is its header; short rows are filled up."""
        width = min(max(map(len, rows), default=0), WIDEST)
        lines = [
            _row([*row[: width - 1], *([" ".join(row[width - 1 :])] if len(row) >= width else [])], width)
            for row in rows
        ]
        if lines and width:
            self._add("\n".join([lines[0], "|" + " --- |" * width, *lines[1:]]))

    def finished(self, block: str) -> None:
        """A block that is Markdown already."""
        if block.strip():
            self._add(block.strip("\n"))

    def insert(self, at: int, block: str) -> None:
        """A finished block behind the first `at` of the parts."""
        self.parts[at:at] = ["\n\n", block] if at else [block, "\n\n"] if self.parts else [block]

    def text(self) -> str:
        """The whole, with a line end at its end; "" where nothing was added."""
        return "".join(self.parts) + "\n" if self.parts else ""

    def _add(self, block: str, *, tight: bool = False) -> None:
        if self.parts:
            self.parts.append("\n" if tight else "\n\n")
        self.parts.append(block)
        self.in_list = False


def _indented(text: str, first: str, following: str) -> str:
    lines = text.split("\n")
    return "\n".join([first + lines[0], *(following + line if line else line for line in lines[1:])])


def _row(cells: Sequence[str], width: int) -> str:
    clean = [" ".join(cell.split()).replace("|", "\\|") for cell in cells]
    return "| " + " | ".join([*clean, *[""] * (width - len(clean))]) + " |"


@dataclass(frozen=True, slots=True)
class Cell:
    """A table's cell with the columns and rows that it spans."""

    text: str
    columns: int = 1
    rows: int = 1


def spread(rows: Sequence[Sequence[Cell]]) -> list[list[str]]:
    """Rows of equal columns: a cell stands once in its columns, and (where it is short) in each of its rows."""
    grid: list[list[str]] = []
    held: dict[int, tuple[str, int]] = {}
    for row in rows:
        line: list[str] = []
        cells = iter(row)
        cell = next(cells, None)
        while (cell is not None or any(column >= len(line) for column in held)) and len(line) < WIDEST:
            column = len(line)
            if column in held:
                text, left = held.pop(column)
                line.append(text)
                if left > 1:
                    held[column] = (text, left - 1)
                continue
            if cell is None:
                line.append("")
                continue
            line.extend(_across(cell, column, held))
            cell = next(cells, None)
        further = [each.text for each in (cell, *cells) if each is not None and each.text]
        if further:
            line[-1] = " ".join([line[-1], *further])
        grid.append(line)
    return grid


def _across(cell: Cell, column: int, held: dict[int, tuple[str, int]]) -> list[str]:
    width = min(max(cell.columns, 1), WIDEST - column)
    texts = [cell.text, *[""] * (width - 1)]
    if cell.rows > 1:
        repeated = cell.text if len(cell.text) <= LONGEST_REPEATED else ""
        for offset, text in enumerate([repeated, *texts[1:]]):
            held[column + offset] = (text, cell.rows - 1)
    return texts
