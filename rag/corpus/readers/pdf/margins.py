"""What stands at the head or the foot of most pages: kept where it stands for the first time, else left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median

from rag.corpus.readers.pdf.words import Row

MARGIN_ROWS = 3
"""Rows at the top and at the bottom of a page that may be its header and footer."""
LEAST_PAGES = 3
"""Pages that a header or a footer stands on."""
APART = 1.4
"""A row of several cells is set off from the text by this multiple of the usual distance between rows."""

Margin = tuple[str, str, int | None]
_NUMBER = re.compile(r"(?<!\d)[0-9]{1,4}(?!\d)")


def without_margins(pages: Sequence[Sequence[Row]], body: float) -> tuple[list[list[Row]], int]:
    """The pages' rows, and how many were left out; `body` is the size of most of the text.

    Left out are equal rows that most pages, or most left or right pages, have among their first or last `MARGIN_ROWS`;
    and the very first or last rows, equal but for a number that counts with the pages, in letters no larger than the
    text. A page of nothing else stays as it is.
    """
    margins = [_margins(page, number, body + 0.5) for number, page in enumerate(pages, start=1)]
    repeated = {key for some in (margins, margins[::2], margins[1::2]) for key in _frequent(some)}
    seen: set[Margin] = set()
    kept: list[list[Row]] = []
    for page, margin in zip(pages, margins, strict=True):
        text = [row for at, row in enumerate(page) if not margin.get(at, set()) & repeated & seen]
        kept.append(text or list(page))
        seen.update(*margin.values())
    return kept, sum(map(len, pages)) - sum(map(len, kept))


def _frequent(margins: Sequence[Mapping[int, set[Margin]]]) -> Iterator[Margin]:
    """What at least half of the pages have in common."""
    counts = Counter(key for margin in margins for key in set().union(*margin.values()))
    least = max(LEAST_PAGES, (len(margins) + 1) // 2)
    return (key for key, count in counts.items() if count >= least)


def _margins(page: Sequence[Row], number: int, body: float) -> dict[int, set[Margin]]:
    """By place in `page`: what its first and last rows have in common with those of other pages, if these do."""
    order = list(range(len(page)))
    found: dict[int, set[Margin]] = {at: set() for at in [*order[:MARGIN_ROWS], *order[-MARGIN_ROWS:]]}
    gaps = [above.y - below.y for above, below in pairwise(page) if not (above.table or below.table)]
    usual = median(gaps or [body])
    for edge, places in (("head", order[:MARGIN_ROWS]), ("foot", order[::-1][:MARGIN_ROWS])):
        for rank, at in enumerate(places):
            row = page[at]
            if row.table:
                break
            inner = places[rank + 1] if rank + 1 < len(places) else at
            if len(row.cells) > 1 and abs(page[inner].y - row.y) <= APART * usual:
                continue
            found[at].add((edge, row.text, None))
            if rank == 0 and row.size <= body:
                counted = ((m.start(), m.end(), int(m[0])) for m in _NUMBER.finditer(row.text))
                found[at].update((edge, f"{row.text[:a]}#{row.text[b:]}", value - number) for a, b, value in counted)
    return found
