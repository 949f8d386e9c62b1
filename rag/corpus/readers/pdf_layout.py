"""A PDF's pages from where their text stands: lines, table rows, paragraphs, headings, repeated page margins.

pypdf gives fragments of text in the order of the file with the place of each. Fragments on one baseline are one
line, or a row of cells where pypdf breaks between them; a larger gap ends a paragraph; larger or bold letters are a
heading.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from statistics import median

from rag.corpus.readers.compose import Composer

HEADING = 1.12
"""A line is a heading from this multiple of the size that most of the text has."""
LONGEST_HEADING, MOST_HEADING_LINES = 120, 3
"""Characters of a line, and lines, of a heading."""
LEAST_PAGES = 3
"""Pages from which it tells something that letters of a size are on one page alone."""
GAP = 1.35
"""A paragraph ends at a gap of this multiple of the distance between lines."""
CELL_GAP = 0.9
"""A line has another cell behind a gap of this multiple of its size."""
MARGIN_LINES = 2
"""Lines at the top and at the bottom of a page that may be its header and footer."""

Margin = tuple[str, str, int | None]
_NUMBER = re.compile(r"(?<!\d)[0-9]{1,4}(?!\d)")
_NEW_LINE = re.compile(r"[-*•·▪◦‣–—●○■□◆①-⑳(（\[【]|\d+[.、)）]|第.{1,4}[章节條条]")
_ENDS = ".!?:。！？："
"""What a sentence ends with, or a line before a list."""
_CURRENCY = {"$", "€", "£", "¥", "￥"}


@dataclass(slots=True)
class Line:
    """Text on one baseline, in points: its height above the foot of the page, its size, where each cell begins.

    `bold`: all of it is.
    """

    y: float
    size: float
    cells: list[tuple[float, str]] = field(default_factory=list)
    bold: bool = True

    @property
    def text(self) -> str:
        """What the line says, a space between its cells."""
        return " ".join(part for part in (text.strip() for _, text in self.cells) if part)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of text and where it begins; `ended` where pypdf ends a line after it."""

    text: str
    x: float
    y: float
    size: float
    upright: bool
    ended: bool
    bold: bool = False


def lines(fragments: Sequence[Fragment]) -> list[Line]:
    """The lines of a page in the order of the file."""
    found: list[Line] = []
    ended, single = True, False
    for fragment in fragments:
        last = found[-1] if found else None
        level = last is not None and fragment.upright and abs(fragment.y - last.y) <= 0.4 * max(fragment.size, 1.0)
        if last is not None and ((level and not ended) or (not fragment.upright and not ended)):
            x, text = last.cells.pop()
            last.cells.append((x, text + fragment.text))
        elif last is not None and level and fragment.x > last.cells[-1][0]:
            _continue(last, fragment, letters=single and len(fragment.text.strip()) < 2)
        elif fragment.text.strip():
            found.append(Line(fragment.y, fragment.size, [(fragment.x, fragment.text)]))
        else:
            continue
        if fragment.text.strip():
            found[-1].bold &= fragment.bold
        ended, single = fragment.ended, len(fragment.text.strip()) < 2
    for line in found:
        line.cells = _tidied(line.cells)
    return [line for line in found if line.text]


def _continue(line: Line, fragment: Fragment, *, letters: bool) -> None:
    """Put a fragment into a line: as a cell of its own behind a wide gap, else as the next word (or of `letters`)."""
    x, text = line.cells[-1]
    gap = (fragment.x - x) / max(line.size, 0.1) - _width(text)
    if gap > CELL_GAP:
        line.cells.append((fragment.x, fragment.text))
    else:
        close = (letters and gap < 0.1) or text.endswith(" ") or not fragment.text.strip()
        line.cells[-1] = (x, f"{text}{'' if close else ' '}{fragment.text}")


def _width(text: str) -> float:
    """About how wide a text is, in multiples of its size; where fonts differ, within a fifth."""
    narrow = sum(char in "iljftrI1|.,;:'!()[] " for char in text)
    wide = sum(char in "mwMW@%—" or char >= "\u2e80" for char in text)
    capital = sum(char.isupper() and char not in "IMW" for char in text)
    return 0.3 * narrow + 0.95 * wide + 0.67 * capital + 0.53 * (len(text) - narrow - wide - capital)


def _tidied(cells: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """The cells without blank ones, a currency sign put to its amount and a bracket or per cent sign to its own."""
    tidied: list[tuple[float, str]] = []
    for x, text in cells:
        content = " ".join(text.split())
        if tidied and (tidied[-1][1] in _CURRENCY or content in (")", "%", ")%")):
            start, before = tidied.pop()
            tidied.append((start, before + content))
        elif content:
            tidied.append((x, content))
    return tidied


def without_margins(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages' lines; headers and footers that most pages have are kept where they stand for the first time.

    They are equal lines, not rows of a table, among the first or last `MARGIN_LINES` of a page by height; or the
    very first or last lines, equal but for a number that counts with the pages, in letters no larger than the text.
    A page of nothing else stays as it is.
    """
    body = _body_size(pages)
    margins = [_margins(page, number, body) for number, page in enumerate(pages, start=1)]
    counts = Counter(key for margin in margins for key in set().union(*margin.values()))
    repeated = {key for key, count in counts.items() if count >= max(3, (len(pages) + 1) // 2)}
    seen: set[Margin] = set()
    kept: list[list[Line]] = []
    for page, margin in zip(pages, margins, strict=True):
        text = [line for at, line in enumerate(page) if not margin.get(at, set()) & repeated & seen]
        kept.append(text or list(page))
        seen.update(*margin.values())
    return kept


def _margins(page: Sequence[Line], number: int, body: float) -> dict[int, set[Margin]]:
    """By place in `page`: what its first and last lines have in common with those of other pages, if these do."""
    order = sorted(range(len(page)), key=lambda at: page[at].y)
    found: dict[int, set[Margin]] = {at: set() for at in [*order[:MARGIN_LINES], *order[-MARGIN_LINES:]]}
    for edge, places in (("foot", order[:MARGIN_LINES]), ("head", order[::-1][:MARGIN_LINES])):
        for rank, at in enumerate(places):
            text = page[at].text
            if len(page[at].cells) == 1:
                found[at].add((edge, text, None))
            if rank == 0 and page[at].size <= body:
                counted = ((m.start(), m.end(), int(m[0])) for m in _NUMBER.finditer(text))
                found[at].update((edge, f"{text[:a]}#{text[b:]}", value - number) for a, b, value in counted)
    return found


def _body_size(pages: Sequence[Sequence[Line]]) -> float:
    """The size of most of the text with a little to spare, 0 without any."""
    sizes = _sizes(pages)
    return sizes.most_common(1)[0][0] + 0.5 if sizes else 0.0


def _sizes(pages: Sequence[Sequence[Line]]) -> Counter[float]:
    """Characters by size of letters."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page:
            sizes[_size(line)] += len(line.text)
    return sizes


def composed(pages: Sequence[Sequence[Line]]) -> list[str]:
    """Each page as Markdown."""
    levels = _heading_levels(pages)
    return [_page(page, levels) for page in pages]


@dataclass(frozen=True, slots=True)
class _Levels:
    """Heading levels: of lines in larger letters by their size, and of bold ones from size `body` on, 0 for none."""

    by_size: dict[float, int]
    bold: int
    body: float


def _heading_levels(pages: Sequence[Sequence[Line]]) -> _Levels:
    """Heading levels; none where large or bold letters are no exception."""
    sizes = _sizes(pages)
    if not sizes:
        return _Levels({}, 0, 0.0)
    body = sizes.most_common(1)[0][0]
    larger = sorted((size for size in sizes if size >= HEADING * body), reverse=True)
    rare = sizes.total() // 4
    if sum(sizes[size] for size in larger) > rare:
        larger = []
    bold = sum(len(line.text) for page in pages for line in page if line.bold and _size(line) >= body)
    by_size = {size: min(rank, 6) for rank, size in enumerate(larger, start=1)}
    return _Levels(by_size, min(_outer(larger, pages) + 1, 6) if bold <= rare else 0, body)


def _outer(larger: Sequence[float], pages: Sequence[Sequence[Line]]) -> int:
    """How many levels stand above bold headings: sizes of a single page, such as a cover's, are one together."""
    if len(pages) < LEAST_PAGES:
        return len(larger)
    pages_with = Counter(size for page in pages for size in {_size(line) for line in page})
    spread = sum(pages_with[size] > 1 for size in larger)
    return spread + (spread < len(larger))


def _size(line: Line) -> float:
    return round(line.size * 2) / 2


def _page(page: Sequence[Line], levels: _Levels) -> str:
    composer = Composer()
    distance = _distance(page)
    ranks = [_level(line, above, levels, distance) for above, line in zip([None, *page], page, strict=False)]
    for level, run in groupby(zip(ranks, page, strict=True), key=lambda ranked: ranked[0]):
        group = [line for _, line in run]
        if level:
            for part in _parted(group, distance):
                text = joined([line.text for line in part])
                if len(part) <= MOST_HEADING_LINES:
                    composer.heading(level, text.replace("\n", " "))
                else:
                    composer.paragraph(text)
        else:
            _body(composer, group, distance)
    return composer.text().strip()


def _level(line: Line, above: Line | None, levels: _Levels, distance: float) -> int:
    """The line's heading level, 0 where it is none; `above` is the line before it."""
    text = line.text
    named = sum(char.isalpha() for char in text) >= 2 and text[-1] not in ".;,。；，、"
    if not named or len(text) > LONGEST_HEADING or len(line.cells) > 1:
        return 0
    level = levels.by_size.get(_size(line), 0)
    if level or not line.bold or _size(line) < levels.body or text[-1] in ":：":
        return level
    # Bold words inside a paragraph may fill a line of it.
    begins = above is None or above.bold or above.text[-1] in _ENDS or _breaks(above, line, distance)
    return levels.bold if begins else 0


def _distance(page: Sequence[Line]) -> float:
    """The usual distance between the lines of a page."""
    gaps = [above.y - below.y for above, below in pairwise(page) if len(above.cells) == len(below.cells) == 1]
    close = [gap for gap, line in zip(gaps, page, strict=False) if 0 < gap < 3 * max(line.size, 1.0)]
    return median(close) if close else 0.0


def _parted(group: Sequence[Line], distance: float) -> list[list[Line]]:
    """The lines in runs without a larger gap, a change of size, or a jump upwards behind a finished sentence."""
    parts: list[list[Line]] = []
    for line in group:
        above = parts[-1][-1] if parts else None
        if above is None or _breaks(above, line, distance):
            parts.append([])
        parts[-1].append(line)
    return parts


def _breaks(above: Line, line: Line, distance: float) -> bool:
    gap = above.y - line.y
    if gap < 0:
        return above.text[-1] in _ENDS
    usual = max(distance, 1.05 * line.size) if distance < 2.5 * line.size else 1.3 * line.size
    return gap > GAP * usual or abs(above.size - line.size) > 0.08 * max(above.size, line.size)


def _body(composer: Composer, group: Sequence[Line], distance: float) -> None:
    """Paragraphs and tables: rows of cells that follow each other are a table."""
    for is_row, run in groupby(group, key=lambda line: len(line.cells) > 1):
        part = list(run)
        if is_row and len(part) > 1:
            composer.table(_rows(part))
            continue
        for paragraph in _parted(part, distance):
            composer.paragraph(joined([line.text for line in paragraph]))


def _rows(part: Sequence[Line]) -> list[list[str]]:
    """The rows' cells in the columns of the widest row: each in the nearest that is left."""
    columns = [x for x, _ in max(part, key=lambda line: len(line.cells)).cells]
    rows: list[list[str]] = []
    for line in part:
        row = [""] * len(columns)
        at = 0
        for number, (x, text) in enumerate(line.cells):
            last = len(columns) - (len(line.cells) - number)
            at = min(range(at, last + 1), key=lambda column, x=x: abs(columns[column] - x))  # type: ignore[misc]
            row[at] = text
            at += 1
        rows.append(row)
    return rows


def joined(texts: Sequence[str]) -> str:
    """Lines as a paragraph, a line break taken out where it only cuts a full line of Han characters."""
    longest = max(map(len, texts), default=0)
    parts: list[str] = []
    for line, following in zip(texts, [*texts[1:], ""], strict=True):
        parts.append(line)
        full = len(line) >= max(12, 0.8 * longest)
        cut = (
            full and bool(following) and is_han(line[-1]) and (is_han(following[0]) or following[0] in "：！？）》」”")
        )
        parts.append("" if cut and not _NEW_LINE.match(following) else "\n")
    return "".join(parts).strip()


def is_han(char: str) -> bool:
    """Whether the character is Han, kana, or a mark that stands inside their sentences."""
    return (
        "\u3041" <= char <= "\u30ff"
        or "\u3400" <= char <= "\u9fff"
        or char in "，、；。"
        or "\U00020000" <= char <= "\U0003ffff"
    )
