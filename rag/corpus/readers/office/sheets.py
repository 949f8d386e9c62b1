"""Spreadsheets of every format → Markdown: a heading for each sheet, a table for each block of its cells.

    cells ─blank rows and columns─→ blocks ─single cells around a table─→ paragraphs, tables ─→ text with places

Cells that are merged downwards stand in each of their rows. How blocks are cut: `sheet_blocks`.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from rag.corpus.readers.compose import LONGEST_REPEATED, WIDEST, Composer
from rag.corpus.readers.office.sheet_blocks import MOST_HEADERS, Block, Merge, Row, SheetCell, are_names, blocks
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import Metadata, Page, State

MOST_CELLS = 2_000_000
"""Cells of a workbook, the blank ones within its tables included."""
MOST_CHARACTERS = 64 * 2**20
"""Characters in the cells of a sheet: a long text that is kept once may stand in many of them."""
MOST_PLACES = 10_000
"""Rows of a sheet that are places of their own; behind them `ROWS_A_PLACE` are one."""
ROWS_A_PLACE = 50
_WIDEST_GAP = 10
"""Rows between rows of one table, the blank ones."""
_MOST_NAMED = 64
"""Tables side by side whose rows may go on further down."""
_WIDEST_NAME = 256
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(slots=True)
class Sheet:
    """One sheet: rows by their index from 0, each with its cells that show something by their column."""

    name: str
    hidden: bool = False
    rows: dict[int, Row] = field(default_factory=dict)
    merges: list[Merge] = field(default_factory=list)
    remarks: list[tuple[str, str]] = field(default_factory=list)
    """Comments and text boxes: the cell's name ("" for none) and what is said."""
    characters: int = 0

    def put(self, row: int, column: int, cell: SheetCell) -> None:
        """Keep a cell, unless it shows nothing. Raises TooManyCells for more text than is read."""
        if cell.text and not cell.text.isspace():
            self.characters += len(cell.text)
            if self.characters > MOST_CHARACTERS:
                raise TooManyCells
            self.rows.setdefault(row, {})[column] = cell


class TooManyCells(Exception):
    """A workbook with more cells than are read."""


def content(sheets: Iterable[Sheet], metadata: Metadata = (), title: str = "") -> Content | Unread:
    """The workbook as Markdown with the place of each row; the state of one that is empty or too large."""
    composed = _Composed()
    try:
        for number, sheet in enumerate(sheets, 1):
            composed.sheet(number, sheet)
    except TooManyCells:
        reason = f"has more than {MOST_CELLS:,} cells or {MOST_CHARACTERS >> 20} Mi characters"
        return Unread(State.TOO_LARGE, reason, "split it, or save its sheets as CSV files")
    if not composed.parts:
        return Unread(State.EMPTY, "its sheets hold no cells")
    return Content("".join(composed.parts), "markdown", title, tuple(composed.pages), metadata)


def cell_name(row: int, column: int) -> str:
    """A cell's name, such as `B3`."""
    return f"{column_name(column)}{row + 1}"


def column_name(column: int) -> str:
    """A column's letters."""
    name, rest = "", column + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        name = chr(65 + letter) + name
    return name


class _Composed:
    """The text so far and its places."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.pages: list[Page] = []
        self.size = 0
        self.cells = 0

    def sheet(self, number: int, sheet: Sheet) -> None:
        _spread_down(sheet)
        if not sheet.rows and not sheet.remarks:
            return
        name = " ".join(sheet.name.split()) or f"Sheet {number}"
        shown = name if _PLAIN_NAME.fullmatch(name) else "'" + name.replace("'", "''") + "'"
        composer = Composer()
        composer.heading(2, name)
        if sheet.hidden:
            composer.paragraph("(hidden sheet)")
        self.add(number, [(composer.text(), name)])
        named: list[_Named] = []
        for block in blocks(sheet.rows, _across(sheet.merges)):
            self.cells += len(block.rows) * len(block.columns)
            if self.cells > MOST_CELLS:
                raise TooManyCells
            for piece in _pieces(block, named):
                self.add(number, [(text, f"{shown}!{place}") for text, place in piece])
        for cell, said in sheet.remarks:
            composer = Composer()
            composer.paragraph(f"Comment on {cell}: {said}" if cell else said)
            self.add(number, [(composer.text(), f"{shown}!{cell}" if cell else name)])

    def add(self, number: int, places: Sequence[tuple[str, str]]) -> None:
        """Texts that follow each other, a blank line before the first, and the place of each."""
        if self.size:
            self.parts.append("\n")
            self.size += 1
        for text, label in places:
            self.parts.append(text)
            self.pages.append(Page(number, self.size, self.size + len(text), label))
            self.size += len(text)


def _spread_down(sheet: Sheet) -> None:
    """Put what a merged cell says into each of its rows that has other cells."""
    if not sheet.merges:
        return
    rows = sorted(sheet.rows)
    left = MOST_CELLS
    for top, first, bottom, _ in sheet.merges:
        said = sheet.rows.get(top, {}).get(first)
        if said is None or len(said.text) > LONGEST_REPEATED:
            continue
        for index in range(bisect_left(rows, top + 1), bisect_left(rows, bottom + 1)):
            left -= 1
            if left < 0:
                raise TooManyCells
            if first not in sheet.rows[rows[index]]:
                sheet.put(rows[index], first, said)


def _across(merges: Sequence[Merge]) -> dict[tuple[int, int], int]:
    """Of a cell that is merged with those to its left: their first column."""
    found: dict[tuple[int, int], int] = {}
    for top, first, bottom, last in merges:
        if bottom - top < MOST_HEADERS and last - first <= _WIDEST_NAME and len(found) < MOST_CELLS:
            found.update(
                ((row, column), first) for row in range(top, bottom + 1) for column in range(first + 1, last + 1)
            )
    return found


# ---------------------------------------------------------------- texts

Piece = list[tuple[str, str]]
"""Lines that follow each other, each with the range of cells that it shows."""


@dataclass(frozen=True, slots=True)
class _Named:
    """A table's names by column, and the columns that hold figures: a blank row may lie within the table."""

    names: dict[int, str]
    figures: set[int]
    last: int
    """Its last row, counted on where rows further down go on with it."""


def _pieces(block: Block, named: list[_Named]) -> Iterator[Piece]:
    """A table, and as paragraphs the single cells above and below it: titles and notes.

    `named` are the tables above it, to which this one is added.
    """
    rows = block.rows
    if len(block.columns) == 1:
        yield from _paragraphs(block, rows)
        return
    single = [len(block.filled(row)) == 1 for row in rows]
    first = next((at for at, alone in enumerate(single) if not alone), len(rows))
    last = next((at for at in range(len(rows), first, -1) if not single[at - 1]), first)
    if first and last - first == 1 and len(rows) > 2:  # a title, one full row, then single cells: a list, no table
        first, last = 0, len(rows)
    yield from _paragraphs(block, rows[:first])
    if last > first:
        yield from _tables(block, rows[first:last], named)
    yield from _paragraphs(block, rows[last:])


def _paragraphs(block: Block, rows: Sequence[int]) -> Iterator[Piece]:
    for row in rows:
        column = next(each for each in block.columns if each in block.cells[row])
        composer = Composer()
        composer.paragraph(block.at(row, column))
        yield [(composer.text(), cell_name(row, column))]


def _tables(block: Block, rows: Sequence[int], named: list[_Named]) -> Iterator[Piece]:
    """The rows as one table; as several, each with its first column, where it is wider than a table may be.

    Rows without names of their own go on the table above where their figures stand below its figures.
    """
    first, *others = block.columns
    headers = _headers(block, rows)
    figures = {each for row in rows[headers:] for each, cell in block.cells[row].items() if not cell.is_text}
    if headers:
        names = _names(block, rows[:headers])
        others_named = [each for each in named if each.names.keys().isdisjoint(names)]
        named[:] = [*others_named[1 - _MOST_NAMED :], _Named(names, figures, rows[-1])]
    else:
        above = next((each for each in named if figures and _goes_on(block, rows[0], figures, each)), None)
        names = above.names if above else {}
        named[:] = [replace(each, last=rows[-1]) if each is above else each for each in named]
    step = WIDEST - 1
    for at in range(0, len(others), step):
        columns = [first, *others[at : at + step]]
        kept = rows[headers:]
        if len(others) > step:
            kept = [row for row in kept if not block.cells[row].keys().isdisjoint(columns[1:])]
        if kept:
            shown = _with_short_names(block, first) if at else block
            yield _table(shown, rows[:headers], kept, [(each, names.get(each, "")) for each in columns])


def _goes_on(block: Block, first: int, figures: set[int], above: _Named) -> bool:
    """Whether rows without names, from `first` on, are of a table above."""
    stands_below = above.names.keys() >= set(block.columns) and figures <= above.figures
    return stands_below and first - above.last <= _WIDEST_GAP


def _with_short_names(block: Block, column: int) -> Block:
    """The same block without the texts of one column that are too long to be repeated."""
    long = {row for row in block.rows if len(block.at(row, column)) > LONGEST_REPEATED}
    blank = {row: {**block.cells[row], column: SheetCell("")} for row in long}
    return replace(block, cells={**block.cells, **blank})


def _headers(block: Block, rows: Sequence[int]) -> int:
    """How many rows at the top name the columns: texts alone, in most of them. Several only above numbers."""
    texts = [_is_naming(block, row) for row in rows[: MOST_HEADERS + 1]]
    count = next((at for at, text in enumerate(texts) if not text), len(texts))
    if count > 1 and not all(_completes(block, *pair) for pair in pairwise(rows[:count])):
        count = 1
    if count > 1 and (count == len(texts) or are_names(block.filled(rows[count]))):
        count = 1
    named = {column for row in rows[:count] for column in block.columns if column in block.cells[row]}
    return count if len(rows) > count and 2 * len(named) > len(block.columns) else 0


def _completes(block: Block, above: int, row: int) -> bool:
    """Whether a row of names goes on the one above: it names no row itself, or names what stands open there."""
    first = block.columns[0]
    if block.at(row, first) in ("", block.at(above, first)):
        return True
    return any(column in block.cells[row] and column not in block.cells[above] for column in block.columns)


def _is_naming(block: Block, row: int) -> bool:
    """Whether a row holds texts alone and more than the name of what follows."""
    cells = block.filled(row)
    only_first = len(cells) == 1 and block.columns[0] in block.cells[row]
    return not only_first and are_names(cells)


def _names(block: Block, headers: Sequence[int]) -> dict[int, str]:
    """What the header says of each column."""
    said = ((column, [block.name(row, column) for row in headers]) for column in block.columns)
    # Merged downwards it is said once.
    return {column: " ".join(dict.fromkeys(filter(None, each))) for column, each in said}


def _table(block: Block, headers: Sequence[int], rows: Sequence[int], named: Sequence[tuple[int, str]]) -> Piece:
    """A table's lines with their places; the line of dashes belongs to the header, or to the first row.

    `named` are the columns with their names.
    """
    columns = [column for column, _ in named]
    composer = Composer()
    composer.table([[name for _, name in named], *([block.at(row, column) for column in columns] for row in rows)])
    lines = composer.text().splitlines(keepends=True)
    piece: Piece = [("".join(lines[:2]), _range(headers[0], headers[-1], columns))] if headers else []
    texts = lines[2:] if headers else ["".join(lines[:3]), *lines[3:]]
    for at, text in enumerate(texts[:MOST_PLACES]):
        piece.append((text, _range(rows[at], rows[at], columns)))
    for at in range(MOST_PLACES, len(texts), ROWS_A_PLACE):
        last = min(at + ROWS_A_PLACE, len(texts)) - 1
        piece.append(("".join(texts[at : last + 1]), _range(rows[at], rows[last], columns)))
    return piece


def _range(first: int, last: int, columns: Sequence[int]) -> str:
    return f"{cell_name(first, columns[0])}:{cell_name(last, columns[-1])}"
