"""Which rows of a PDF are headings: by the size and the weight of their letters, and by the file's outline."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from rag.corpus.readers.pdf.words import Row

HEADING = 1.12
"""A row is a heading from this multiple of the size that most of the text has."""
LONGEST_HEADING = 120
"""Characters of a row of a heading."""
BODY_SHARE = 4
"""A size in which one in so many characters stands is one of running text: bold rows of it may be headings."""
LEAST_PAGES = 3
"""Pages from which it tells something that letters of a size are on one page alone."""
OUTLINED_SIZE = 0.95
"""A row that the outline names is a heading if its letters are no smaller than this multiple of most of the text."""

_NUMBERED = re.compile(r"(?:\w{1,10} )?[\dIVXA-Z]{1,4}(?:\.\d{1,3})*[.:)]?")
"""What stands before a heading, apart from it: "2.1", "Item 1A.", "Chapter IV"."""

Outline = Mapping[int, Mapping[str, int]]
"""By page (from 1): the titles of the outline, folded, and how deep they lie (from 1)."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Heading levels: of larger letters by their size, of bold rows from size `body` on (0: none), of the outline.

    `body` is the smallest size of running text: what is bound together, as a report with its exhibits, has several.
    """

    by_size: Mapping[float, int] = field(default_factory=dict)
    bold: int = 0
    body: float = 0.0
    outline: Outline = field(default_factory=dict)
    shift: int = 0

    def of_style(self, row: Row) -> int:
        """The level that the row's letters have; 0 where they are those of text."""
        level = self.by_size.get(size_of(row), 0)
        return level or (self.bold if row.bold and size_of(row) >= self.body else 0)

    def of_outline(self, row: Row, page: int) -> int:
        """The level of a row that the outline names on this page; 0 where it does not."""
        titles = self.outline.get(page)
        depth = titles.get(folded(row.text), 0) if titles else 0
        return min(depth + self.shift, 6) if depth and row.size >= OUTLINED_SIZE * self.body else 0


def folded(title: str) -> str:
    """A title as it is compared: its letters and digits, without the number before it."""
    return "".join(char for char in title.casefold() if char.isalnum()).lstrip("0123456789")


def size_of(row: Row) -> float:
    """The size of a row's letters, in halves of a point."""
    return round(row.size * 2) / 2


def body_size(rows: Iterable[Row]) -> float:
    """The size of most of the text, 0 without any."""
    sizes = _sizes(rows)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def may_be_heading(row: Row) -> bool:
    """Whether a row is short and named enough for a heading; its letters decide."""
    text = row.text
    cells = row.cells
    single = len(cells) == 1 or (len(cells) == 2 and _NUMBERED.fullmatch(cells[0].text))
    letters = sum(map(str.isalpha, text))
    named = letters >= 2 and sum(map(str.isdigit, text)) <= 4 * letters and text[-1] not in ".;,。；，、"
    return bool(named and single and not row.table and len(text) <= LONGEST_HEADING)


def heading_levels(pages: Sequence[Sequence[Row]], outline: Outline) -> Levels:
    """The levels of a document; none for large or bold letters where these are no exception."""
    rows = [row for page in pages for row in page]
    sizes = _sizes(rows)
    if not sizes:
        return Levels()
    body = sizes.most_common(1)[0][0]
    larger = sorted((size for size in sizes if size >= HEADING * body), reverse=True)
    rare = sizes.total() // 4
    if sum(sizes[size] for size in larger) > rare:
        larger = []
    smaller = min(size for size in sizes if sizes[size] * BODY_SHARE >= sizes.total() or size == body)
    bold = sum(len(row.text) for row in rows if row.bold and size_of(row) >= smaller)
    by_size = {size: min(rank, 6) for rank, size in enumerate(larger, start=1)}
    levels = Levels(by_size, min(_outer(larger, pages) + 1, 6) if bold <= rare else 0, smaller, outline)
    return replace(levels, shift=_shift(pages, levels))


def _sizes(rows: Iterable[Row]) -> Counter[float]:
    """Characters by size of letters."""
    sizes: Counter[float] = Counter()
    for row in rows:
        sizes[size_of(row)] += len(row.text)
    return sizes


def _outer(larger: Sequence[float], pages: Sequence[Sequence[Row]]) -> int:
    """How many levels stand above bold headings: sizes of a single page, such as a cover's, are one together."""
    if len(pages) < LEAST_PAGES:
        return len(larger)
    pages_with = Counter(size for page in pages for size in {size_of(row) for row in page})
    spread = sum(pages_with[size] > 1 for size in larger)
    return spread + (spread < len(larger))


def _shift(pages: Sequence[Sequence[Row]], levels: Levels) -> int:
    """How much deeper the outline's titles lie by their letters than in the outline: it often has no document title."""
    found = [
        levels.of_style(row) - levels.of_outline(row, number)
        for number, page in enumerate(pages, start=1)
        for row in (page if number in levels.outline else ())
        if levels.of_outline(row, number) and levels.of_style(row)
    ]
    return max(0, round(median(found))) if found else 0
