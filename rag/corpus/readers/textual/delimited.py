"""CSV and TSV → a Markdown table, its rows read by the standard library's `csv`; a wide one as records.

The dialect is told by what gives rows of equal length. Each row is a place: "row 12", counted as a spreadsheet does.
"""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from rag.corpus.readers.compose import Composer
from rag.corpus.readers.plain import text_of
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import Page
from rag.text.dates import are_years_in_a_row

DELIMITERS = ",;\t|"
NONE = "\x1f"
LEAST_ALIKE = 0.5
"""Share of the first rows that a delimiter has to cut alike."""
SAMPLED = 200
"""Rows that the dialect is told by."""
MOST_TITLES = 5
SAMPLED_CHARACTERS = 200_000
PLACES = 10_000
"""Rows that have a place each; where there are more, a place is a run of rows."""
WIDEST_HEADER = 240
"""Characters of a header row above which rows are written as records: it could not be repeated over each chunk."""
_LONGEST_NAME = 100
_NUMBER = re.compile(
    r"[-+(]?[$€£¥]?\s?[\d.,'\s]*\d[\d.,'\s]*[%)]?\s?[$€£¥]?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*|true|false|null|n/?a",
    re.I,
)
_NAMED = re.compile(r"sep=(.)[ \t]*(?:\r\n|\n|\r)")
"""The line by which Excel is told the delimiter."""
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_FENCE = re.compile(r"\A(?=`{3}|~{3})")
_ESCAPE = r"\\"
_LINE_ENDS = re.compile(r"\s*[\r\n]+\s*")


def parse_delimited(data: bytes, _path: str) -> Content | Unread:
    """The table of a CSV or TSV file; quotation marks that are never closed are taken for text."""
    text = text_of(data)
    if isinstance(text, Unread):
        return text
    if not text.strip():
        return Content("")
    named = _NAMED.match(text)
    text = text[named.end() :] if named else text
    delimiter = named[1] if named else _delimiter(text)
    quoting = _sound_quotes(text, delimiter)
    head = [row for _, row in islice(_rows(text, delimiter, quoting=quoting), SAMPLED) if any(row)]
    width = max(map(len, head), default=1)
    said = _titles(head, width)
    written = _Written(head[said] if _is_header(head[said:]) else [], width)
    places = _Places(text.count("\n") + text.count("\r"))
    for number, row in _rows(text, delimiter, quoting=quoting):
        if any(row):
            start, end = written.title(row) if said > 0 else written.row(row)
            places.add(number, start, end)
            said -= 1
    return Content(written.text(), "markdown", pages=places.pages())


def _rows(text: str, delimiter: str, *, quoting: bool, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Each row with its number from 1, its cells without white space around them."""
    lines = (match[0] for match in _LINE.finditer(text))
    with _any_length():
        rows = (
            csv.reader(lines, delimiter=delimiter, strict=strict)
            if quoting
            else csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        )
        for number, row in enumerate(rows, start=1):
            yield number, [cell.strip() for cell in row]


@contextmanager
def _any_length() -> Iterator[None]:
    """`csv` with fields of any length; its limit is one for all, so it is put back."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _delimiter(text: str) -> str:
    """What cuts most of the first rows into the same number of cells, more than one; else what no text holds."""
    sample = text[:SAMPLED_CHARACTERS]

    def score(delimiter: str) -> float:
        if delimiter not in sample:
            return 0.0
        rows = [row for _, row in islice(_rows(sample, delimiter, quoting=True), SAMPLED) if any(row)]
        counts = Counter(map(len, rows))
        cells, often = max(counts.items(), key=lambda item: (item[1] * (item[0] > 1), item[0]), default=(0, 0))
        return often / len(rows) * (1 + min(cells, 20) / 100) if cells > 1 else 0.0

    best = max(DELIMITERS, key=score)
    return best if score(best) >= LEAST_ALIKE else NONE


def _sound_quotes(text: str, delimiter: str) -> bool:
    """Whether quotation marks enclose cells; not where one is never closed and a cell holds what looks like rows."""
    rows = _rows(text, delimiter, quoting=True) if '"' in text else iter(())
    if not any("\n" in cell and delimiter in cell for _, row in rows for cell in row):
        return True
    try:
        for _ in _rows(text, delimiter, quoting=True, strict=True):
            pass
    except csv.Error:
        return False
    return True


def _titles(rows: Sequence[Sequence[str]], width: int) -> int:
    """How many rows stand above a table as its title: one cell is filled of three or more, or it is a remark."""
    count = 0
    while count < min(len(rows) - 2, MOST_TITLES) and sum(map(bool, rows[count])) == 1:
        if width <= 2 and not rows[count][0].startswith("#"):
            break
        count += 1
    return count if count < len(rows) and sum(map(bool, rows[count])) > 1 else 0


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names its columns: texts, hardly one of them twice, over rows that may hold numbers.

    Years that follow each other are names too.
    """
    if len(rows) < 2:
        return False
    names = [cell for cell in rows[0] if cell]
    numbers = [name for name in names if _NUMBER.fullmatch(name)]
    if numbers and not are_years_in_a_row(numbers):
        return False
    if any(len(name) > _LONGEST_NAME or "\n" in name for name in names):
        return False
    return len(set(names)) * 10 >= len(names) * 9 and len(names) * 2 >= max(map(len, rows))


@dataclass(slots=True)
class _Written:
    """The text as it grows: a table, or records where the header is long or missing names."""

    header: Sequence[str]
    width: int
    parts: list[str] = field(default_factory=list)
    length: int = 0
    waiting: list[str] = field(default_factory=list)
    started: bool = False

    def title(self, cells: Sequence[str]) -> tuple[int, int]:
        """Write a row down as a paragraph."""
        composer = Composer()
        composer.paragraph(" ".join(_one_line(cell) for cell in cells if cell))
        return self.add(composer.text())

    def row(self, cells: Sequence[str]) -> tuple[int, int]:
        """Write a row down; where its text lies."""
        if self.is_wide:
            return self.record(cells)
        if not self.started:
            self.started = True
            if self.header:
                return self.add(_line(self.header, self.width) + "\n" + _dashes(self.width), marked=True)
            self.add(_line([], self.width) + "\n" + _dashes(self.width))
        return self.add(_line(cells, self.width))

    @property
    def is_wide(self) -> bool:
        return sum(map(len, self.header)) > WIDEST_HEADER

    def record(self, cells: Sequence[str]) -> tuple[int, int]:
        """A row as a list of the names of its columns with what stands in them."""
        first, self.started = not self.started, True
        names = [*self.header, *[""] * (len(cells) - len(self.header))]
        said = [
            f"{_one_line(name)}: {_one_line(cell)}" if name and not first else _one_line(cell)
            for name, cell in zip(names, cells, strict=False)
            if cell
        ]
        return self.add("\n".join(f"- {_FENCE.sub(_ESCAPE, each)}" for each in said) + "\n")

    def add(self, text: str, *, marked: bool = False) -> tuple[int, int]:
        start = self.length
        self.waiting.append(text)
        self.length += len(text) + 1
        if len(self.waiting) > 1000:
            self.join()
        return start, start + (text.index("\n") if marked else len(text.rstrip("\n")))

    def join(self) -> None:
        """One text in place of many: a short one costs more than its characters."""
        self.parts.append("\n".join([*self.waiting, ""]))
        self.waiting.clear()

    def text(self) -> str:
        self.join()
        return "".join(self.parts)


@dataclass(slots=True)
class _Places:
    """Where rows lie, so many of them to a place that there are no more than `PLACES` of them."""

    most: int
    found: list[Page] = field(default_factory=list)

    def add(self, number: int, start: int, end: int) -> None:
        run = -(-self.most // PLACES) if self.most > PLACES else 1
        index = (number - 1) // run
        label = f"row {number}" if run == 1 else f"rows {index * run + 1}–{(index + 1) * run}"
        if self.found and self.found[-1].label == label:
            start = self.found.pop().start
        self.found.append(Page(1, start, end, label))

    def pages(self) -> tuple[Page, ...]:
        return tuple(self.found)


def _line(cells: Sequence[str], width: int) -> str:
    return "| " + " | ".join([*(_cell(cell) for cell in cells), *[""] * (width - len(cells))]) + " |"


def _dashes(width: int) -> str:
    return "|" + " --- |" * width


def _cell(cell: str) -> str:
    return _one_line(cell).replace("\\", "\\\\").replace("|", "\\|") if "|" in cell else _one_line(cell)


def _one_line(cell: str) -> str:
    return _LINE_ENDS.sub(" ", cell) if "\n" in cell or "\r" in cell else cell
