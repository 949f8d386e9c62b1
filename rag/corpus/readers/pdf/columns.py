"""A page's rows in the order in which they are read: down one column, then down the next.

A gutter is a strip that no word crosses for some rows, with words on either side of it. It parts columns of text
where both sides read as text of their own: lines that fill their width, or lines at heights of their own. It does not
where short entries stand side by side, which is a table.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from rag.corpus.readers.pdf.words import Row, Rule, Word, is_spread, reads_leftward, row_of

NARROWEST = 0.6
"""A gutter is at least this wide, in multiples of the letters' size."""
WIDE = 1.5
"""A gutter this wide is no space between words."""
LEAST_ROWS, LEAST_BESIDE = 3, 6
"""Rows that a column has at least, and beside a gutter that is not so wide."""
MOST_GUTTERS, MOST_DEPTH = 24, 12
"""Gutters followed at once, and columns within columns."""
NEAR = 1.7
"""Rows belong together up to this multiple of the letters' size apart."""


Across = tuple[float, float, float]
"""A rule from left to right: its height, where it begins and ends."""


class Gutter(NamedTuple):
    """A strip from `x0` to `x1` beside the rows `first` to `last`; how many have words left of it, right, and both."""

    x0: float
    x1: float
    first: int
    last: int
    left: int = 0
    right: int = 0
    both: int = 0

    @property
    def rank(self) -> tuple[int, float]:
        """Higher where it parts more rows."""
        return min(self.left, self.right), self.x1 - self.x0

    @property
    def middle(self) -> float:
        """Where rows are cut."""
        return (self.x0 + self.x1) / 2


def flows(rows: Sequence[Row], rules: Sequence[Rule] = (), depth: int = 0) -> list[list[Row]]:
    """The rows from the top down as runs of text that are read one after the other."""
    found = _columns(rows, rules) if len(rows) >= LEAST_ROWS and depth < MOST_DEPTH else None
    if found is None:
        return [list(rows)] if rows else []
    inside = rows[found.first : found.last + 1]
    sides = [_side(inside, found.middle, right=False), _side(inside, found.middle, right=True)]
    if reads_leftward(" ".join(row.text for row in inside)):
        sides.reverse()
    parts = [rows[: found.first], *sides, rows[found.last + 1 :]]
    return [flow for part in parts for flow in flows(part, rules, depth + 1)]


def _side(rows: Sequence[Row], middle: float, *, right: bool) -> list[Row]:
    """What of the rows stands on one side; a row's text has its own height there."""
    found = []
    for row in rows:
        words = [word for word in row.words if (word.x0 >= middle) == right]
        if len(words) == len(row.words):
            found.append(row)
        elif words:
            found.append(row_of(words))
    return sorted(found, key=lambda row: -row.y)


def _columns(rows: Sequence[Row], rules: Sequence[Rule]) -> Gutter | None:
    """The gutter that parts most rows into columns of text; None where none does."""
    size = median(row.size for row in rows)
    found = [gutter for gutter in _gutters(rows, rules) if gutter.rank[0] >= _least(gutter, size)]
    best = sorted(found, key=lambda gutter: gutter.rank, reverse=True)[:MOST_GUTTERS]
    return next((_widened(rows, gutter) for gutter in best if _parts_text(rows, gutter)), None)


def _least(gutter: Gutter, size: float) -> int:
    """The rows that a gutter has to part: more where wide spaces between words may look like it."""
    return LEAST_ROWS if gutter.x1 - gutter.x0 >= WIDE * size else LEAST_BESIDE


def _gutters(rows: Sequence[Row], rules: Sequence[Rule]) -> list[Gutter]:
    """The strips that stay free for some rows."""
    closed: list[Gutter] = []
    followed: list[Gutter] = []
    before: Row | None = None
    across = sorted((rule.y0, rule.x0, rule.x1) for rule in rules if rule.x1 - rule.x0 > rule.y1 - rule.y0)
    for number, row in enumerate(rows):
        between = _between(before, row, across) if before else []
        free = _free(row)
        going: list[Gutter] = []
        for gutter in followed:
            narrowed = _narrowed(gutter, free, NARROWEST * row.size)
            if narrowed is None or any(x0 < narrowed.x0 and x1 > narrowed.x1 for _, x0, x1 in between):
                closed.append(gutter)
            else:
                going.append(_counted(narrowed, row, number))
        for x0, x1, first in _begun(before, row, free, number):
            if not any(gutter.x0 < x1 and x0 < gutter.x1 for gutter in going) and len(going) < MOST_GUTTERS:
                gutter = Gutter(x0, x1, first, number)
                if first < number and before:
                    gutter = _counted(gutter, before, first)
                going.append(_counted(gutter, row, number))
        followed, before = going, row
    return closed + followed


def _free(row: Row) -> list[tuple[float, float]]:
    """The strips without a word beside a row, those at its ends without an end."""
    found = [(float("-inf"), row.x0)]
    reached = row.x0
    for word in () if is_spread(row.words, row.size) else row.words:
        if word.x0 - reached > NARROWEST * row.size:
            found.append((reached, word.x0))
        reached = max(reached, word.x1)
    return [*found, (row.x1, float("inf"))]


def _narrowed(gutter: Gutter, free: Sequence[tuple[float, float]], least: float) -> Gutter | None:
    """What of the gutter is free here too: the widest strip of it."""
    best0, best1 = 0.0, 0.0
    for x0, x1 in free:
        if x0 < gutter.x1 and x1 > gutter.x0:
            x0, x1 = max(gutter.x0, x0), min(gutter.x1, x1)
            if x1 - x0 > best1 - best0:
                best0, best1 = x0, x1
    if best1 - best0 < least:
        return None
    return Gutter(best0, best1, gutter.first, gutter.last, gutter.left, gutter.right, gutter.both)


def _begun(
    before: Row | None, row: Row, free: Sequence[tuple[float, float]], number: int
) -> list[tuple[float, float, int]]:
    """Strips that begin here: inside the row, or between it and the row before, where they stand beside each other."""
    found = [(x0, x1, number) for x0, x1 in free if x0 > float("-inf") and x1 < float("inf")]
    if before is not None and before.y - row.y < 0.9 * max(before.size, row.size):
        found.extend(
            (left.x1, right.x0, number - 1)
            for left, right in ((before, row), (row, before))
            if right.x0 - left.x1 >= NARROWEST * row.size
        )
    return found


def _counted(gutter: Gutter, row: Row, number: int) -> Gutter:
    left, right = row.x0 < gutter.x1, row.x1 > gutter.x0
    counts = gutter.left + left, gutter.right + right, gutter.both + (left and right)
    return Gutter(gutter.x0, gutter.x1, gutter.first, number, *counts)


def _between(above: Row, below: Row, across: Sequence[Across]) -> Sequence[Across]:
    """The rules that are drawn between two rows."""
    return across[bisect(across, (below.y + 0.3 * below.size,)) : bisect(across, (above.y,))]


def _parts_text(rows: Sequence[Row], gutter: Gutter) -> bool:
    """Whether the sides of the gutter read as text of their own."""
    inside = rows[gutter.first : gutter.last + 1]
    if gutter.both < 0.5 * min(gutter.left, gutter.right) or any(row.table for row in inside):
        return True
    middle = gutter.middle
    sides = [
        [words for row in inside if (words := [word for word in row.words if (word.x0 >= middle) == right])]
        for right in (False, True)
    ]
    if not all(map(_runs_on, sides)):
        return False
    full, count = zip(*map(_filling, sides), strict=True)
    narrow = min(full) >= 0.7 and min(count) >= 2 and max(count) >= 5
    return bool(min(full) >= 0.6 and (min(count) >= 3.5 or narrow))


def _runs_on(side: Sequence[Sequence[Word]]) -> bool:
    """Whether lines go on inside sentences, as those of text do and entries of a table do not; True where case does
    not tell."""
    firsts = [words[0].text[0] for words in side]
    small = sum(map(str.islower, firsts))
    large = sum(char.isupper() or char.isdigit() for char in firsts)
    return small + large < LEAST_ROWS or small >= 0.2 * (small + large)


def _filling(side: Sequence[Sequence[Word]]) -> tuple[float, float]:
    """How far lines fill the width of their column, and how many words they have; 0 where they are mostly figures."""
    spans = [(words[0].x0, max(word.x1 for word in words)) for words in side]
    width = max(x1 for _, x1 in spans) - min(x0 for x0, _ in spans)
    text = " ".join(word.text for words in side for word in words)
    if sum(map(str.isalpha, text)) < 0.6 * sum(not char.isspace() for char in text):
        return 0.0, 0.0
    wide = 0 if text.isascii() else sum(char >= "\u2e80" for char in text)
    full = sum(x1 - x0 for x0, x1 in spans) / max(width * len(side), 1.0)
    return full, (text.count(" ") + 1 + wide / 2) / len(side)


def _widened(rows: Sequence[Row], gutter: Gutter) -> Gutter:
    """The gutter with the rows above that begin one of its columns, without those below that end none."""
    first, last = gutter.first, gutter.last
    while first > 0 and _beside(rows[first - 1], gutter) and _is_near(rows[first - 1], rows[first]):
        first -= 1
    tail = last
    while tail > first and not (rows[tail].x0 < gutter.x0 and rows[tail].x1 > gutter.x1):
        if last + 1 < len(rows) and last - tail < LEAST_ROWS and not _is_near(rows[tail - 1], rows[tail]):
            last = tail - 1
            break
        tail -= 1
    return gutter._replace(first=first, last=last)


def _beside(row: Row, gutter: Gutter) -> bool:
    return row.x1 <= gutter.x0 or row.x0 >= gutter.x1


def _is_near(above: Row, below: Row) -> bool:
    return above.y - below.y <= NEAR * max(above.size, below.size)


def line_distance(rows: Sequence[Row]) -> float:
    """The usual distance between rows that follow each other; 0 where they are too few to tell."""
    gaps = [above.y - below.y for above, below in pairwise(rows)]
    close = [gap for gap, row in zip(gaps, rows, strict=False) if 0 < gap < 3 * max(row.size, 1.0)]
    return median(close) if close else 0.0
