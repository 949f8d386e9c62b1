"""The lines that are seen on a page, in reading order, as Markdown of which each part knows its lines.

lines ─columns─→ flows ─rows─→ tables (rows of cells that stand under each other) and paragraphs ─→ parts
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import median

from rag.corpus.readers.compose import Composer
from rag.corpus.readers.pictures.ocr import ILLEGIBLE, WIDE, Line

LEAST_ROWS = 3
"""Lines on either side of a gap that make columns of it."""
LEAST_LENGTH = 18
"""Characters (a wide one counts as two) of the usual line of a column; shorter ones are cells of a table."""
FULL = 0.6
"""Share of its column's width that a column's usual line has."""
LEADING, PITCH = 0.9, 2.2
"""Lines of a paragraph, and rows of a table, stand at most this multiple of their height apart."""
_SPACELESS = re.compile("[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]")
"""Those between which no space stands: Chinese and Japanese."""
_ITEM = re.compile(r"[-*•·▪◦‣–—●○■□◆]|\(?\d{1,3}[.)、]|[（(]?[一二三四五六七八九十]{1,3}[、）)]|第.{1,4}[章节節條条]")
_ENDING = '.!?:;。！？：；…"”’)）】」』'


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a page's text, and the lines that it is made of: none where it only joins or marks others."""

    text: str
    lines: tuple[Line, ...] = ()


Row = list[Line]


def parts(lines: Sequence[Line]) -> list[Part]:
    """The page's Markdown in parts; of lines that are not legible, a mark. Nothing where no line is legible."""
    if not any(line.legible for line in lines):
        return []
    shown = [line if line.legible else replace(line, text=ILLEGIBLE) for line in lines]
    found: list[Part] = []
    for flow in _flows(shown):
        for table, rows in _blocks(_rows(flow)):
            for block in [_table(rows)] if table else map(_paragraph, _paragraphs(rows)):
                found.extend([Part("\n\n"), *block] if found else block)
    return found


# ---------------------------------------------------------------- columns


def _flows(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    """Lines that are read from the top to the foot: a column, what stands across columns, or a page without any."""
    gap = _gap(lines)
    if gap is None:
        yield lines
        return
    ordered = sorted(lines, key=lambda line: line.top)
    for across, group in groupby(ordered, key=lambda line: line.left < gap < line.right):
        zone = list(group)
        if across:
            yield zone
            continue
        for side in ([line for line in zone if line.right <= gap], [line for line in zone if line.left >= gap]):
            if side:
                yield from _flows(side)


def _gap(lines: Sequence[Line]) -> float | None:
    """Where (from the left) a gap between two columns of running text is; None where there is none."""
    edges = sorted({line.right for line in lines})
    best, fewest = None, len(lines)
    for edge in edges:
        right = [line.left for line in lines if line.left > edge]
        if not right:
            break
        gap = (edge + min(right)) / 2
        across = sum(line.left < gap < line.right for line in lines)
        if across < fewest and across <= 0.3 * len(lines) and _is_between(gap, lines):
            best, fewest = gap, across
    return best


def _is_between(gap: float, lines: Sequence[Line]) -> bool:
    left, right = [line for line in lines if line.right <= gap], [line for line in lines if line.left >= gap]
    if min(len(left), len(right)) < LEAST_ROWS or not _is_column(left) or not _is_column(right):
        return False
    return min(_foot(left), _foot(right)) > max(_head(left), _head(right))  # beside each other


def _is_column(lines: Sequence[Line]) -> bool:
    width = max(line.right for line in lines) - min(line.left for line in lines)
    full = median(line.right - line.left for line in lines) >= FULL * width
    return full and median(len(line.text) + len(WIDE.findall(line.text)) for line in lines) >= LEAST_LENGTH


def _head(lines: Sequence[Line]) -> float:
    return min(line.top for line in lines)


def _foot(lines: Sequence[Line]) -> float:
    return max(line.bottom for line in lines)


# ---------------------------------------------------------------- rows, tables, paragraphs


def _rows(lines: Sequence[Line]) -> list[Row]:
    """The lines by rows: those beside each other in one, from the left."""
    rows: list[Row] = []
    for line in sorted(lines, key=lambda line: (line.top + line.bottom, line.left)):
        middle = (line.top + line.bottom) / 2
        if rows and all(each.top < middle < each.bottom and not _above(each, line) for each in rows[-1]):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [sorted(row, key=lambda line: line.left) for row in rows]


def _above(upper: Line, lower: Line) -> bool:
    """Whether two lines share so much of their width that they cannot stand in one row."""
    shared = min(upper.right, lower.right) - max(upper.left, lower.left)
    return shared > 0.3 * min(upper.right - upper.left, lower.right - lower.left)


def _blocks(rows: Sequence[Row]) -> Iterator[tuple[bool, list[Row]]]:
    """Runs of rows, and whether each is a table: rows of several cells, closely under each other."""
    run: list[Row] = []
    for row in rows:
        if run and (len(row) > 1) is (len(run[-1]) > 1) and _distance(run[-1], row) <= PITCH:
            run.append(row)
        else:
            if run:
                yield _is_table(run), run
            run = [row]
    if run:
        yield _is_table(run), run


def _is_table(rows: Sequence[Row]) -> bool:
    return len(rows) > 1 and len(rows[0]) > 1


def _distance(upper: Row, lower: Row) -> float:
    """Between two rows, in multiples of their letters' height."""
    height = median(line.height for line in (*upper, *lower))
    return (_head(lower) - _foot(upper)) / height if height else 0.0


def _table(rows: Sequence[Row]) -> list[Part]:
    """A row a part; the first is the header."""
    columns = _columns([line for row in rows for line in row])
    cells = [[_joined([line for line in row if left <= line.left < right]) for left, right in columns] for row in rows]
    composer = Composer()
    composer.table(cells)
    header, rule, *others = composer.text().rstrip("\n").split("\n")
    texts = [f"{header}\n{rule}", *others]
    return [
        Part(text + ("\n" if at < len(rows) else ""), tuple(row))
        for at, (text, row) in enumerate(zip(texts, rows, strict=True), start=1)
    ]


def _columns(lines: Sequence[Line]) -> list[tuple[float, float]]:
    """From where to where cells begin that stand under each other."""
    starts: list[float] = []
    reach = 0.0
    for line in sorted(lines, key=lambda line: line.left):
        if not starts or line.left >= reach:
            starts.append(line.left)
            reach = line.right
        else:
            reach = min(reach, max(line.right, starts[-1] + 1))
    return list(zip(starts, [*starts[1:], float("inf")], strict=True))


def _paragraphs(rows: Sequence[Row]) -> Iterator[Row]:
    """Lines that follow each other in one paragraph; what stands in one row is one line."""
    paragraph: Row = []
    for row in rows:
        if paragraph and not _goes_on(paragraph, row[0]):
            yield paragraph
            paragraph = []
        paragraph.extend(row)
    if paragraph:
        yield paragraph


def _goes_on(paragraph: Row, line: Line) -> bool:
    before, height = paragraph[-1], max(paragraph[-1].height, line.height)
    if _ITEM.match(line.text) or min(before.height, line.height) < 0.65 * height:
        return False
    if _distance([before], [line]) > LEADING or line.left - paragraph[0].left > 3 * height:
        return False
    full = before.right >= max(*(each.right for each in paragraph), line.right) - 4 * height
    return full or (before.text[-1] not in _ENDING + "…]" and line.text[0].islower())


def _paragraph(lines: Row) -> list[Part]:
    """A line a part, with what joins it to the next; marks that follow each other are one."""
    found: list[Part] = []
    for line in lines:
        if found and line.text == ILLEGIBLE and found[-1].text == ILLEGIBLE:
            found[-1] = Part(ILLEGIBLE, (*found[-1].lines, line))
            continue
        if found:
            found[-1] = replace(found[-1], text=found[-1].text + _joint(found[-1].text, line.text))
        found.append(Part(line.text if found else _begun(line.text), (line,)))
    return found


def _joined(lines: Sequence[Line]) -> str:
    text = ""
    for line in lines:
        text += (_joint(text, line.text) if text else "") + line.text
    return text


def _joint(before: str, after: str) -> str:
    """Nothing between Chinese or Japanese signs and behind a hyphen, else a space."""
    hyphen = len(before) > 1 and before[-1] == "-" and before[-2].isalpha() and after[0].isalpha()
    return "" if hyphen or (_SPACELESS.match(before[-1]) and _SPACELESS.match(after[0])) else " "


def _begun(text: str) -> str:
    """The text as a paragraph begins with it, so that it cannot be taken for a heading or a fence."""
    composer = Composer()
    composer.paragraph(text)
    return composer.text().rstrip("\n")
