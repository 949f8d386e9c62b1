"""Tables that are ruled: lines that cross make cells, and words belong to the cell that they stand in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.corpus.readers.pdf.words import LEVEL, Row, Rule, Word, rows

TOUCH = 3.0
"""Points by which lines that meet may miss each other."""
MOST_RULES = 4_000
"""Lines among which grids are looked for; a drawing has more."""
MOST_LINES = 200
"""Lines of a grid in each direction."""
LEAST_LINES = 2
"""Lines across that a grid has; one below the names of columns parts no rows."""
MOST_CELL_LINES = 40
"""Lines of text in a cell; more is a page with a frame."""
MOST_OPEN_ROWS, LEAST_UNRULED = 3, 3
"""A grid of so few rows may rule its header and ends alone; from so many lines on, the text tells its rows."""
REACH = 0.6
"""A line parts a grid that goes through this share of it."""


@dataclass(slots=True)
class Grid:
    """Where a ruled table's lines are: `xs` from the left, `ys` from the top."""

    xs: list[float]
    ys: list[float]
    rules: list[Rule] = field(default_factory=list)


def with_grids(words: Sequence[Word], rules: Sequence[Rule]) -> list[Row]:
    """The words on rows from the top down, those inside a ruled table as one row that holds it."""
    left = list(words)
    tables: list[Row] = []
    for grid in _grids(rules):
        inside = [word for word in left if _is_inside(word, grid)]
        table = _table(inside, grid) if inside else []
        if table:
            chosen = set(map(id, inside))
            left = [word for word in left if id(word) not in chosen]
            size = max(word.size for word in inside)
            frame = Word(" ".join(word.text for word in inside[:8]), grid.xs[0], grid.xs[-1], grid.ys[0] - size, size)
            tables.append(Row([frame], frame.y, size, table))
    return sorted([*rows(left), *tables], key=lambda row: -row.y)


def _grids(rules: Sequence[Rule]) -> list[Grid]:
    """The groups of crossing lines that make at least two columns and two rows."""
    if len(rules) > MOST_RULES:
        return []
    across = _merged([(rule.y0 + rule.y1) / 2 for rule in rules if _is_across(rule)], rules, across=True)
    upright = _merged([(rule.x0 + rule.x1) / 2 for rule in rules if not _is_across(rule)], rules, across=False)
    if len(across) + len(upright) > 4 * MOST_LINES:
        return []
    return [grid for group in _groups(across, upright) for grid in [_grid(*group)] if grid]


def _is_across(rule: Rule) -> bool:
    return rule.x1 - rule.x0 >= rule.y1 - rule.y0


def _merged(places: Sequence[float], rules: Sequence[Rule], *, across: bool) -> list[Rule]:
    """Lines on one level whose ends meet as one."""
    spans = sorted(
        (round(place / 1.5), *((rule.x0, rule.x1) if across else (rule.y0, rule.y1)), place)
        for place, rule in zip(places, [rule for rule in rules if _is_across(rule) == across], strict=True)
    )
    found: list[tuple[int, float, float, float]] = []
    for level, start, end, place in spans:
        last = found[-1] if found else None
        if last and last[0] == level and start <= last[2] + TOUCH:
            found[-1] = (level, last[1], max(last[2], end), last[3])
        else:
            found.append((level, start, end, place))
    return [Rule(a, place, b, place) if across else Rule(place, a, place, b) for _, a, b, place in found]


def _groups(across: list[Rule], upright: list[Rule]) -> list[tuple[list[Rule], list[Rule]]]:
    """Lines that cross each other, directly or through others."""
    lines = [*across, *upright]
    leader = list(range(len(lines)))

    def find(at: int) -> int:
        while leader[at] != at:
            leader[at] = leader[leader[at]]
            at = leader[at]
        return at

    for first, line in enumerate(across):
        for second, other in enumerate(upright, start=len(across)):
            if line.x0 - TOUCH <= other.x0 <= line.x1 + TOUCH and other.y0 - TOUCH <= line.y0 <= other.y1 + TOUCH:
                leader[find(second)] = find(first)
    groups: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for at, line in enumerate(lines):
        groups.setdefault(find(at), ([], []))[at >= len(across)].append(line)
    return [group for group in groups.values() if group[0] and group[1]]


def _grid(across: list[Rule], upright: list[Rule]) -> Grid | None:
    """The lines as a grid; None where they are too few or do not go through it."""
    height = max(line.y1 for line in upright) - min(line.y0 for line in upright)
    width = max(line.x1 for line in across) - min(line.x0 for line in across)
    columns = _far([(line.x0, line.y1 - line.y0) for line in upright], REACH * height)
    lines = _far([(line.y0, line.x1 - line.x0) for line in across], REACH * width / 2)
    if not columns or len(lines) < LEAST_LINES:
        return None
    columns = _with_ends(columns, min(line.x0 for line in across), max(line.x1 for line in across))
    lines = _with_ends(lines, min(line.y0 for line in upright), max(line.y1 for line in upright))
    if len(columns) < 3 or len(lines) < 3 or len(columns) > MOST_LINES or len(lines) > MOST_LINES:
        return None
    return Grid(columns, lines[::-1])


def _with_ends(places: list[float], first: float, last: float) -> list[float]:
    """The lines in one direction and, where those that cross them go on, the ends of these: few tables are closed."""
    before, behind = places[0] - first > TOUCH, last - places[-1] > TOUCH
    return [*([first] if before else []), *places, *([last] if behind else [])]


def _far(places: Sequence[tuple[float, float]], least: float) -> list[float]:
    """The places, in order, of lines that are together so long."""
    found: list[list[float]] = []
    for place, length in sorted(places):
        if found and place - found[-1][0] <= TOUCH:
            found[-1][1] += length
        else:
            found.append([place, length])
    return [place for place, length in found if length >= least]


def _is_inside(word: Word, grid: Grid) -> bool:
    middle = (word.x0 + word.x1) / 2
    return grid.xs[0] <= middle <= grid.xs[-1] and grid.ys[-1] <= word.y + 0.3 * word.size <= grid.ys[0]


def _table(words: Sequence[Word], grid: Grid) -> list[list[str]]:
    """The cells' texts by row; nothing where words run over the lines, or fewer than two columns hold any."""
    cells: list[list[list[Word]]] = [[[] for _ in grid.xs[1:]] for _ in grid.ys[1:]]
    over = 0
    for word in words:
        middle, level = (word.x0 + word.x1) / 2, word.y + 0.3 * word.size
        column = max(0, sum(x <= middle for x in grid.xs) - 1)
        row = max(0, sum(y >= level for y in grid.ys) - 1)
        column, row = min(column, len(grid.xs) - 2), min(row, len(grid.ys) - 2)
        over += any(word.x0 + 2 < x < word.x1 - 2 for x in grid.xs[1:-1])
        cells[row][column].append(word)
    lines = [[rows(cell) for cell in row] for row in cells]
    if any(len(cell) > MOST_CELL_LINES for row in lines for cell in row):
        return []
    few = len(cells) <= MOST_OPEN_ROWS
    table = [row for each in lines for row in (_unruled(each) if few else []) or [_joined(each)]]
    table = [row for row in table if any(row)]
    used = [column for column in range(len(grid.xs) - 1) if any(row[column] for row in table)]
    if over > 0.05 * len(words) + 1 or len(used) < 2 or len(table) < 2:
        return []
    return [[row[column] for column in used] for row in table]


def _joined(cells: Sequence[Sequence[Row]]) -> list[str]:
    """A row of cells, each with all its lines."""
    return [" ".join(line.text for line in cell) for cell in cells]


def _unruled(cells: Sequence[Sequence[Row]]) -> list[list[str]]:
    """The rows that no lines part: where cells side by side have as many lines as each other, on the same levels."""
    filled = [cell for cell in cells if cell]
    if len(filled) < 2 or {len(cell) for cell in filled} != {len(filled[0])} or len(filled[0]) < LEAST_UNRULED:
        return []
    levels = list(zip(*filled, strict=True))
    if any(abs(line.y - level[0].y) > LEVEL * line.size for level in levels for line in level):
        return []
    return [[cell[at].text if cell else "" for cell in cells] for at in range(len(levels))]
