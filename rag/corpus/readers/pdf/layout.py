"""A PDF's pages as Markdown: headings, paragraphs, lists and tables out of rows in reading order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, groupby

from rag.corpus.readers.compose import Composer
from rag.corpus.readers.pdf.columns import line_distance
from rag.corpus.readers.pdf.headings import Levels, may_be_heading
from rag.corpus.readers.pdf.tables import Table, parts
from rag.corpus.readers.pdf.words import MARKER, Row, Rule

MOST_HEADING_ROWS = 3
"""Rows of a heading."""
GAP = 1.35
"""A paragraph ends at a gap of this multiple of the distance between rows."""
INDENT = 0.8
"""A paragraph begins with a row that is set in by this multiple of its size."""

_ENDS = ".!?:。！？："
"""What a sentence ends with, or a row before a list."""
_NEW_LINE = re.compile(r"[-*•·▪◦‣–—●○■□◆①-⑳(（\[【]|\d+[.、)）]|第.{1,4}[章节條条]")
_ITEM = re.compile(rf"({MARKER.pattern})\s+(?=\S)")
_BULLET = re.compile(r"[-*•·▪▫◦‣⁃–—●○■□◆◇➢➤✓✔❖\uf0b7\uf0a7]")
_LEADERS = re.compile(r"(?:\. ?){5,}|(?:…\s?){2,}|_{4,}")
"""The dots of a table of contents lead the eye and say nothing, as does a line to write on."""
_WORDS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LAST, _FIRST = re.compile(r"([^\W\d_]+)-$"), re.compile(r"^([^\W\d_]+)\S*")


class Words:
    """The words of a document, which tell the hyphens that cut a word at the end of a line from those in it.

    `mended` counts the words that were put together, `leaders` the runs of dots that were shortened.
    """

    def __init__(self, pages: Iterable[Sequence[Row]]) -> None:
        self.pages = pages
        self.mended = 0
        self.leaders = 0

    @cached_property
    def known(self) -> frozenset[str]:
        """Those that stand inside a line, folded: what begins or ends one may be half a word."""
        lines = (word.text for page in self.pages for row in page for word in row.words if " " in word.text)
        inside = "\n".join(line[line.find(" ") : line.rfind(" ")] for line in lines)
        return frozenset(_WORDS.findall(inside.casefold()))

    def joint(self, before: str, after: str) -> str | None:
        """What stands between the halves of a word that goes on in the next line; None where none does.

        A hyphen is kept where the document has the word with it elsewhere; or has both halves as words, but never
        the whole.
        """
        last, first = _LAST.search(before), _FIRST.match(after)
        if not last or not first or not first[1][0].islower():
            return None
        head, tail = last[1].casefold(), first[1].casefold()
        apart = f"{head}-{tail}" in self.known or ({head, tail} <= self.known and head + tail not in self.known)
        return "-" if apart else ""


@dataclass(slots=True)
class Page:
    """A page being composed."""

    number: int
    levels: Levels
    words: Words
    composer: Composer = field(default_factory=Composer)


def composed(number: int, flows: Sequence[Sequence[Row]], rules: Sequence[Rule], levels: Levels, words: Words) -> str:
    """A page as Markdown, its flows one after the other."""
    page = Page(number, levels, words)
    for flow in _continued(flows):
        _flow(page, flow, rules)
    text, shortened = _LEADERS.subn("… ", page.composer.text().strip())
    words.leaders += shortened
    return text


def _continued(flows: Sequence[Sequence[Row]]) -> list[list[Row]]:
    """The flows, one that begins inside a sentence put to the one that breaks off there."""
    found: list[list[Row]] = []
    for flow in flows:
        last, first = (found[-1][-1], flow[0]) if found else (None, flow[0])
        if last and _goes_on(last, first, found[-1]):
            found[-1].extend(flow)
        else:
            found.append(list(flow))
    return found


def _goes_on(last: Row, first: Row, flow: Sequence[Row]) -> bool:
    """Whether a flow that ends with a row is taken up by another that begins with one."""
    if last.table or first.table or last.text[-1] in _ENDS:
        return False
    full = last.x1 >= max(row.x1 for row in flow) - 2 * last.size and first.size == last.size
    han = is_han(last.text[-1]) and is_han(first.text[0])
    return first.text[0].islower() or (han and full)


def _flow(page: Page, flow: Sequence[Row], rules: Sequence[Rule]) -> None:
    distance = line_distance(flow)
    above: Row | None = None
    ranked: list[tuple[int, Row | Table]] = []
    for part in parts(flow, rules):
        if isinstance(part, Table) or part.table:
            ranked.append((0, Table(part.table) if isinstance(part, Row) and part.table else part))
            above = None
        else:
            ranked.append((_level(page, part, above, distance), part))
            above = part
    for level, run in groupby(ranked, key=lambda each: -1 if isinstance(each[1], Table) else each[0]):
        group = [part for _, part in run]
        if level < 0:
            for table in group:
                page.composer.table(table.rows if isinstance(table, Table) else [])
        else:
            text = [part for part in group if isinstance(part, Row)]
            _headings(page, text, level, distance) if level else _text(page, text, distance)


def _level(page: Page, row: Row, above: Row | None, distance: float) -> int:
    """The row's heading level, 0 where it is none; `above` is the row before it."""
    if not may_be_heading(row):
        return 0
    levels = page.levels
    outlined = levels.of_outline(row, page.number)
    level = outlined or levels.of_style(row)
    if outlined or level != levels.bold or not row.bold or levels.by_size.get(round(row.size * 2) / 2):
        return level
    if row.text[-1] in ":：":
        return 0
    # Bold words inside a paragraph may fill a row of it.
    begins = above is None or above.bold or above.text[-1] in _ENDS or _breaks(above, row, distance)
    return level if begins else 0


def _headings(page: Page, group: Sequence[Row], level: int, distance: float) -> None:
    for part in _parted(group, distance):
        if len(part) <= MOST_HEADING_ROWS:
            page.composer.heading(level, joined(part, page.words).replace("\n", " "))
        else:
            page.composer.paragraph(joined(part, page.words))


def _text(page: Page, group: Sequence[Row], distance: float) -> None:
    """Paragraphs and the items of lists."""
    for paragraph in _parted(group, distance):
        marker = _marker(paragraph[0])
        text = joined(paragraph, page.words)
        if not marker:
            page.composer.paragraph(text)
            continue
        said = text[len(marker) :].lstrip()
        page.composer.item("-" if _BULLET.fullmatch(marker) else marker, said)


def _marker(row: Row) -> str:
    """What marks the row as an item of a list; "" where nothing does."""
    found = _ITEM.match(row.text)
    return found[1] if found and found[1] != "o" else ""


def _parted(group: Sequence[Row], distance: float) -> list[list[Row]]:
    """The rows in paragraphs: see `_breaks` and `_begins`."""
    found: list[list[Row]] = []
    for number, row in enumerate(group):
        above = found[-1][-1] if found else None
        below = group[number + 1] if number + 1 < len(group) else None
        if above is None or _breaks(above, row, distance) or _begins(above, row, below, found[-1]):
            found.append([])
        found[-1].append(row)
    return found


def _breaks(above: Row, row: Row, distance: float) -> bool:
    """Whether a larger gap lies above the row, a change of size, or a jump upwards behind a finished sentence."""
    gap = above.y - row.y
    if gap < 0:
        return above.text[-1] in _ENDS
    usual = max(distance, 1.05 * row.size) if distance < 2.5 * row.size else 1.3 * row.size
    return gap > GAP * usual or abs(above.size - row.size) > 0.08 * max(above.size, row.size)


def _begins(above: Row, row: Row, below: Row | None, paragraph: Sequence[Row]) -> bool:
    """Whether the row begins an item of a list or, set in, a paragraph."""
    marker = _marker(row)
    if marker:
        begun = _marker(paragraph[0])
        follows = bool(begun) and row.x0 <= paragraph[0].x0 + row.size
        return bool(_BULLET.fullmatch(marker)) or follows or above.text[-1] in _ENDS
    if _marker(paragraph[0]):
        return row.x0 < paragraph[0].x0 - INDENT * row.size
    indent = INDENT * row.size
    hangs = below is not None and row.x0 - below.x0 > indent and above.y > row.y > below.y
    return hangs and row.x0 - above.x0 > indent and row.x0 - above.x0 < 6 * row.size and len(paragraph[0].text) > 20


def joined(rows: Sequence[Row], words: Words) -> str:
    """Rows as a paragraph, words put together; a line break is taken out where it only cuts a full row of Han."""
    longest = max((len(row.text) for row in rows), default=0)
    lines: list[str] = []
    breaks: list[str] = []  # in front of each line
    for row in rows:
        text = row.text
        joint = words.joint(lines[-1], text) if lines else None
        if joint is not None:
            first, _, text = text.partition(" ")
            lines[-1] = lines[-1].removesuffix("-") + joint + first
            words.mended += not joint
        if text:
            breaks.append("" if not lines or _is_cut(lines[-1], text, longest) else "\n")
            lines.append(text)
    return "".join(chain.from_iterable(zip(breaks, lines, strict=True))).strip()


def _is_cut(line: str, following: str, longest: int) -> bool:
    """Whether a line break only cuts a full line of Han characters."""
    full = len(line) >= max(12, 0.8 * longest)
    goes_on = is_han(line[-1]) and (is_han(following[0]) or following[0] in "：！？）》」”")
    return full and goes_on and not _NEW_LINE.match(following)


def is_han(char: str) -> bool:
    """Whether the character is Han, kana, or a mark that stands inside their sentences."""
    return (
        "\u3041" <= char <= "\u30ff"
        or "\u3400" <= char <= "\u9fff"
        or char in "，、；。"
        or "\U00020000" <= char <= "\U0003ffff"
    )
