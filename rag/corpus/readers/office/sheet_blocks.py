"""The cells of a sheet → blocks that belong together, with no blank row or column through them.

A block is cut where a whole row of it is blank, and at a blank column where what follows has names of its own (else
it is a gap within one table).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rag.text.dates import are_years_in_a_row

MOST_HEADERS = 4
"""Rows that name the columns of one table."""


class SheetCell(NamedTuple):
    """What a cell shows, and whether it is text (a number, a date, true or false is not)."""

    text: str
    is_text: bool = True


Row = dict[int, SheetCell]
Merge = tuple[int, int, int, int]
"""First row, first column, last row, last column; all from 0."""


@dataclass(frozen=True, slots=True)
class Block:
    """Cells that belong together: their rows and columns, ascending; those that are blank all through left out."""

    cells: dict[int, Row]
    rows: list[int]
    columns: list[int]
    across: dict[tuple[int, int], int]

    def name(self, row: int, column: int) -> str:
        """What a cell says, or the one to the left that is merged over it: a name of several columns."""
        return self.at(row, column) or self.at(row, self.across.get((row, column), column))

    def at(self, row: int, column: int) -> str:
        cell = self.cells[row].get(column)
        return cell.text if cell else ""

    def filled(self, row: int) -> list[SheetCell]:
        cells = self.cells[row]
        return [cells[column] for column in self.columns if column in cells]


def blocks(cells: dict[int, Row], across: dict[tuple[int, int], int]) -> Iterator[Block]:
    rows = sorted(cells)
    for band in _bands(cells, rows):
        columns = sorted({column for row in band for column in cells[row]})
        runs = _joined_runs(cells, band, list(_runs(columns)))
        for run in runs:
            within = set(run)
            own = [at for at, row in enumerate(band) if not within.isdisjoint(cells[row])]
            for part in _runs(own) if len(runs) > 1 else [own]:
                yield Block(cells, [band[at] for at in part], run, across)


def _bands(cells: dict[int, Row], rows: Sequence[int]) -> Iterator[list[int]]:
    """Rows without a blank one between them; names of columns with the numbers that stand below a blank row."""
    waiting: list[int] = []
    for band in _runs(rows):
        if waiting and not (_names_columns(cells, waiting) and not _all_text(cells[band[0]])):
            yield waiting
            waiting = []
        waiting = [*waiting, *band]
    if waiting:
        yield waiting


def _names_columns(cells: dict[int, Row], band: Sequence[int]) -> bool:
    return len(band) <= MOST_HEADERS and len(cells[band[-1]]) > 1 and all(_all_text(cells[row]) for row in band)


def _all_text(row: Row) -> bool:
    return are_names([row[column] for column in sorted(row)])


def are_names(cells: Sequence[SheetCell]) -> bool:
    """Whether cells may name columns: texts, and among them years that follow each other."""
    numbers = [cell.text for cell in cells if not cell.is_text]
    return not numbers or are_years_in_a_row(numbers)


def _runs(numbers: Sequence[int]) -> Iterator[list[int]]:
    """Ascending numbers cut where one is left out."""
    run: list[int] = []
    for number in numbers:
        if run and number != run[-1] + 1:
            yield run
            run = []
        run.append(number)
    if run:
        yield run


def _joined_runs(cells: dict[int, Row], rows: Sequence[int], runs: Sequence[list[int]]) -> list[list[int]]:
    """The runs of columns, one that holds no names below its own first cell joined with the one before it."""
    found: list[list[int]] = []
    for run in runs:
        own = [cells[row][run[0]].is_text for row in rows if run[0] in cells[row]]
        if not found or 2 * sum(own[1:]) > len(own) - 1 > 0:
            found.append(list(run))
        else:
            found[-1].extend(run)
    return found
