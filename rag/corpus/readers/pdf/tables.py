"""Tables without rules: rows whose cells stand under each other.

    Three Months Ended    Nine Months Ended          |  | Three Months Ended July 1, 2023 | … June 25, 2022 | …
     July 1,  June 25,    July 1,  June 25,          | --- | --- | --- |
       2023      2022       2023      2022     →     | Products | $60,584 | $63,355 | …
    Products $ 60,584 ...                            | Services | 21,213 | 19,604 | …

Rows of text are no table: cells must begin, end or be centred under each other, and figures make a table sooner than
words. What heads several columns is said in each, so that a cell is found with its row and its column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, median

from rag.corpus.readers.pdf.words import Cell, Row, Rule

FURTHEST = 3.4
"""Rows of a table are at most this multiple of their size apart."""
NEAR = 2.6
"""Headings of columns are at most this multiple of their size above what they head, one alone at most twice it."""
TIGHT = 0.85
"""A row goes on in the next one where that is closer than this share of the usual distance between named rows."""
MOST_BETWEEN = 3
"""Rows of one cell that stand between rows of several."""
ALIGNED = 0.6
"""Cells are under each other where their edges or middles differ by less than this multiple of their size."""
EXACT = 0.2
"""The same where there are no figures, which alone may be of words that happen to stand so."""
LEAST_WORDED = 3
"""Rows of a table of words in two columns."""
LONGEST_CELLS = 60
"""Characters that the cells of a column have on average, at most, in a table of words."""

_VALUE = re.compile(
    r"[-–—+<>≈~±(]*\s?(?:US)?[$€£¥￥]?\s?[-–—(]?(?:\d[\d.,'  ]*|[–—-]+)\s?(?:\)|%|‰|x|bp|pp)*(?:\s?\(?[a-z\d]\))?\*?"
)
"""A figure as it stands in a cell: an amount, a share, a dash for nothing."""
_YEAR = re.compile(r"(?:19|20)\d\d\*?")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, the header first."""

    rows: list[list[str]]


def parts(rows: Sequence[Row], rules: Sequence[Rule] = ()) -> Iterator[Row | Table]:
    """The rows, those that make up a table as one."""
    at = 0
    waiting: list[Row] = []
    while at < len(rows):
        end = _run(rows, at) if not rows[at].table and len(rows[at].cells) > 1 else at
        first = at - (1 if waiting and end > at and _heads(waiting[-1], rows[at]) else 0)
        found = _table(rows[first:end], rules) if end > at else None
        if found is None:
            waiting.append(rows[at])
            at += 1
            continue
        before, table = found
        yield from waiting[: len(waiting) - (at - first)]
        yield from rows[first : first + before]
        yield table
        waiting, at = [], end
    yield from waiting


def _run(rows: Sequence[Row], at: int) -> int:
    """Where the rows end that may be a table with the one at `at`; `at` where that stands alone."""
    last, data = at, rows[at].cells[1].x0
    between = 0
    for number in range(at + 1, len(rows)):
        row, above = rows[number], rows[number - 1]
        if row.table or above.y - row.y > FURTHEST * max(row.size, above.size) or above.y < row.y:
            break
        found = row.cells
        if len(found) > 1:
            last, between, data = number, 0, found[1].x0
        elif between == MOST_BETWEEN or not (row.x1 <= data + row.size or row.x0 >= data - row.size):
            break
        else:
            between += 1
            if row.x0 >= data - 2 and _is_tight(above, row):  # the rest of a cell
                last = number
    return last + 1 if last > at else at


def _is_tight(above: Row, below: Row) -> bool:
    return above.y - below.y <= 1.6 * below.size


def _heads(row: Row, below: Row) -> bool:
    """Whether a row of one cell may head several columns of the row below."""
    return (
        _is_near(row, below)
        and not row.table
        and row.x0 > below.cells[0].x0 - row.size
        and row.x1 <= below.x1 + row.size
    )


def _is_value(cell: Cell) -> bool:
    return bool(_VALUE.fullmatch(cell.text))


def _has_values(row: Row) -> bool:
    """Whether there are figures beside what a row is called; years alone are no figures."""
    values = [cell.text for cell in row.cells if _is_value(cell)]
    return any(not _YEAR.fullmatch(value) for value in values)


def _table(rows: Sequence[Row], rules: Sequence[Rule]) -> tuple[int, Table] | None:
    """The table that the rows are and how many of them stand before it; None where they are none."""
    several = [row for row in rows if len(row.cells) > 1]
    figures = [row for row in several if _has_values(row)]
    body = figures if len(figures) >= 2 or (figures and len(several) > 1) else several
    columns = _columns(body)
    if len(several) < 2 or len(columns) < 2 or not _fits(body, columns, worded=body is not figures):
        return None
    first, start = _header_rows(rows, rows.index(body[0]), columns) if body is figures else (0, 1)
    if first == start and len(body) < 2:
        return None
    header = _header(rows[first:start], columns, rules)
    return first, Table([header, *_merged(rows[start:], columns)])


def _header_rows(rows: Sequence[Row], body: int, columns: Sequence[Column]) -> tuple[int, int]:
    """From where to where the rows head the columns: above the figures and the names that begin their group."""
    start = body
    while start > 0 and len(rows[start - 1].cells) == 1 and rows[start - 1].x1 <= columns[1][0]:
        start -= 1
    first = start
    while first > 0 and _is_near(rows[first - 1], rows[first]) and _is_over(rows[first - 1], columns):
        first -= 1
    return (first, start) if first < start else (body, body)


def _is_near(above: Row, below: Row) -> bool:
    return above.y - below.y <= (NEAR if len(above.cells) > 1 else 2) * below.size


def _is_over(row: Row, columns: Sequence[Column]) -> bool:
    """Whether a row's cells stand over the columns, the first one perhaps over the names."""
    found = row.cells
    named = found[0].x0 < columns[0][1] and found[0].x1 <= columns[1][0]
    data = found[1:] if named else found
    if not data or (named and len(found) < 0.5 * len(columns)):
        return False
    left, right = columns[1][0] - 2 * row.size, columns[-1][1] + 2 * row.size
    begin = min(left, columns[0][1]) if len(data) > 1 else left
    return all(left <= cell.middle <= right and cell.x0 >= begin for cell in data)


Column = tuple[float, float]


def _columns(body: Sequence[Row]) -> list[Column]:
    """From where to where each column's cells stand; the first is that of the names."""
    data: list[Column] = []
    names: list[Cell] = []
    for row in body:
        first, *others = row.cells
        if _is_value(first) and not others:
            others = [first]
        elif others:
            names.append(first)
        data.extend((cell.x0, cell.x1) for cell in others)
    if not names or not data:
        return []
    columns: list[Column] = []
    for x0, x1 in sorted(data):
        if columns and x0 < columns[-1][1]:
            columns[-1] = (columns[-1][0], max(columns[-1][1], x1))
        else:
            columns.append((x0, x1))
    named = (min(cell.x0 for cell in names), max(cell.x1 for cell in names))
    if named[1] > columns[0][1]:  # names reach below the figures of other rows
        named = (named[0], columns[0][0])
    return [named, *columns]


def _fits(body: Sequence[Row], columns: Sequence[Column], *, worded: bool) -> bool:
    """Whether the cells stand in the columns, each in one of its own, and under each other."""
    under: list[list[Cell]] = [[] for _ in columns]
    collisions = 0
    for row in body:
        taken = set()
        for number, cell in enumerate(row.cells):
            column = _column(cell, columns, first=number == 0)
            collisions += column in taken
            taken.add(column)
            under[column].append(cell)
    size = mean(row.size for row in body)
    straight = [_is_straight(each, size, worded=worded) for each in under[1:]]
    if collisions > 0.1 * len(body) or sum(straight) < 0.7 * len(straight):
        return False
    if not worded:
        return True
    if len(columns) == 2 and len(body) < LEAST_WORDED:
        return False
    longest = max(mean(len(cell.text) for cell in each) for each in under if each)
    gap = min(x0 - before for (_, before), (x0, _) in pairwise(columns))
    return longest <= LONGEST_CELLS and gap >= 0.5 * size and not _are_sentences(under)


def _are_sentences(under: Sequence[Sequence[Cell]]) -> bool:
    """Whether lines of text run through the cells: most go on with a small letter."""
    later = [cell.text for each in under[1:] for cell in each]
    small = sum(text[0].islower() and " " in text for text in later)
    return len(under) == 2 and len(later) < 4 and small > 0.5 * len(later)


def _is_straight(under: Sequence[Cell], size: float, *, worded: bool) -> bool:
    """Whether most of the cells begin, end, or have their middle under each other.

    Of words the ends do not count: those of lines set to one width stand under each other too.
    """
    if len(under) < 2:
        return bool(under)
    edges = [[cell.x0 for cell in under], [cell.middle for cell in under]]
    if not worded:
        edges.append([cell.x1 for cell in under])
    tolerance = (EXACT if worded else ALIGNED) * size
    return any(_gathered(places, tolerance) >= max(2, 0.6 * len(under)) for places in edges)


def _gathered(places: Sequence[float], tolerance: float) -> int:
    """How many of the places lie close to one of them, at most."""
    ordered = sorted(places)
    best = start = 0
    for end, place in enumerate(ordered):
        while place - ordered[start] > 2 * tolerance:
            start += 1
        best = max(best, end - start + 1)
    return best


def _column(cell: Cell, columns: Sequence[Column], *, first: bool) -> int:
    """The number of the column that a cell stands in."""
    if first and (cell.x0 < columns[1][0] and not (_is_value(cell) and cell.x1 > columns[1][0])):
        return 0
    middle = cell.middle
    distances = [_distance(middle, column) for column in columns[1:]]
    return distances.index(min(distances)) + 1


def _distance(middle: float, column: Column) -> float:
    x0, x1 = column
    return max(x0 - middle, middle - x1, 0.0) + 0.001 * abs(middle - (x0 + x1) / 2)


def _placed(row: Row, columns: Sequence[Column]) -> list[str]:
    """The row's cells, each in its column."""
    placed = [""] * len(columns)
    found = row.cells
    for number, cell in enumerate(found):
        column = _column(cell, columns, first=number == 0)
        placed[column] = f"{placed[column]} {cell.text}".strip()
    return placed


def _header(rows: Sequence[Row], columns: Sequence[Column], rules: Sequence[Rule]) -> list[str]:
    """What the rows above the figures say of each column; what stands over several is said of each."""
    header: list[list[str]] = [[] for _ in columns]
    for row in rows:
        found = row.cells
        spans = [_span(cell, row, rules) for cell in found]
        for number, (cell, span) in enumerate(zip(found, spans, strict=True)):
            for column in _headed(cell, span, columns, single=len(found) >= len(columns) - 1, first=number == 0):
                header[column].append(cell.text)
    return [" ".join(parts) for parts in header]


def _span(cell: Cell, row: Row, rules: Sequence[Rule]) -> Column:
    """From where to where a heading stands over columns: as far as a rule beneath it is drawn, else its own width."""
    beneath: list[Column] = []
    for x0, x1 in sorted((rule.x0, rule.x1) for rule in rules if row.y - 0.9 * row.size < rule.y0 <= row.y + 1):
        if beneath and x0 <= beneath[-1][1] + 2:
            beneath[-1] = (beneath[-1][0], max(x1, beneath[-1][1]))
        else:
            beneath.append((x0, x1))
    return next(((x0, x1) for x0, x1 in beneath if x0 <= cell.x0 + 2 and x1 >= cell.x1 - 2), (cell.x0, cell.x1))


def _headed(cell: Cell, span: Column, columns: Sequence[Column], *, single: bool, first: bool) -> list[int]:
    """The columns that a heading stands over."""
    if first and cell.x0 < columns[0][1] and cell.x1 <= columns[1][0]:
        return [0]
    least = 0.4 if any(x0 <= cell.middle <= x1 for x0, x1 in columns[1:]) else 0.2
    over = [number for number in range(1, len(columns)) if _overlap(span, columns[number]) > least]
    if over and (len(over) == 1 or not single):
        return over
    return [_column(cell, columns, first=False)]


def _overlap(span: Column, column: Column) -> float:
    """The share of a column that a span covers."""
    return (min(span[1], column[1]) - max(span[0], column[0])) / max(column[1] - column[0], 1.0)


def _merged(rows: Sequence[Row], columns: Sequence[Column]) -> list[list[str]]:
    """The rows' cells, those put together that go on in the next row: with a small letter, or closer than rows are."""
    merged: list[list[str]] = []
    usual = _row_distance(rows, columns)
    for number, row in enumerate(rows):
        placed = _placed(row, columns)
        before = merged[-1] if merged else None
        if before and _goes_on(before, placed, tight=rows[number - 1].y - row.y < TIGHT * usual):
            merged[-1] = [f"{old} {new}".strip() for old, new in zip(before, placed, strict=True)]
        else:
            merged.append(placed)
    return merged


def _goes_on(before: Sequence[str], placed: Sequence[str], *, tight: bool) -> bool:
    """Whether a row goes on with the cells of the row before."""
    if not any(before[1:]) and placed[0]:
        return placed[0][0].islower() and before[0][-1] not in ":."
    added = [cell for cell in placed if cell]
    if placed[0] or any(_VALUE.fullmatch(cell) for cell in added):
        return False
    return all(cell[0].islower() for cell in added) or (
        tight and all(before[at] for at, cell in enumerate(placed) if cell)
    )


def _row_distance(rows: Sequence[Row], columns: Sequence[Column]) -> float:
    """The usual distance from one row with a name to the next; 0 where it does not tell."""
    named = [row.y for row in rows if _column(row.cells[0], columns, first=True) == 0]
    return median([above - below for above, below in pairwise(named)]) if len(named) > 2 else 0.0
