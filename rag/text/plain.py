"""The headings of plain text, which has no marks for them: told by number, capitals, underline or indentation.

    title        the first line of all, short and without a full stop
    underlined   a line of ==== or ---- under it
    numbered     1. / 2.3 / IV. / § 4 / Chapter 2 / 第三章 / 一、 / （二）, alone or with its text indented under it
    capitals     SAFETY RULES
    hanging      a short line whose block goes on further to the right

In doubt a line is no heading: a missed one costs some context, a wrong one hides what it says.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from rag.text.markdown import Block, Line, lines

WIDEST = 80
"""Columns of a heading; a Chinese character takes two."""
_TITLE, _CAPITALS, _NUMBERED, _HANGING = 1, 2, 3, 6  # levels
_FULL = 0.75
"""Share of its block's width from which a line was broken because it was full, not because it is a heading."""

_ENDS_SENTENCE = re.compile(r"[.。．!！?？;；,，、…][\"'”’»」』)）\]]*\Z")
_WORD = re.compile(r"[^\W\d_]{2}")
_BULLET = re.compile(r"\s*(?:[-*+•●○▪■□◦‣⁃∙·➢✓–—]\s|[a-zA-Z][.)]\s|\(?[0-9]{1,3}\)\s|[①-⑳])")
_UNDERLINE = re.compile(r"[ \t]*(?:={3,}|-{3,}|~{3,}|\*{3,})[ \t]*\Z")
_NUMBER = re.compile(
    r"\s*(?:(?P<dotted>[0-9]{1,2}(?:\.[0-9]{1,2}){0,4})\.?[ \t\u3000]+(?=[^\W\d_])"
    r"|(?P<roman>[IVX]{1,5})\.[ \t]+"
    r"|(?P<word>(?:chapter|section|part|article|appendix|annex|§|kapitel|abschnitt|teil|artikel|anhang|chapitre|partie|annexe"
    r"|capítulo|sección|parte|anexo|capitolo|sezione|глава|раздел|часть|приложение)[ \t]+[0-9IVXA-Z]{1,5}\b)"
    r"|(?P<han>第[0-9〇零一二三四五六七八九十百]{1,5}[章节節编編篇部回条條])"
    r"|(?P<comma>[一二三四五六七八九十]{1,3}[、．])|(?P<bracket>[（(][一二三四五六七八九十]{1,3}[）)]))",
    re.IGNORECASE,
)


class Heading(NamedTuple):
    """A heading's line: `text[start:end] == title` but for white space inside; `level` 1 is the outermost."""

    start: int
    end: int
    level: int
    title: str


def blocks(text: str, start: int = 0, end: int | None = None, opening: Sequence[Line] = ()) -> list[Block]:
    """The headings of `text[start:end]` and its runs of lines that are not blank, at their offsets in the text.

    With an `opening` the first of its lines go on with a run that was cut, unless they are blank.
    """
    rows, end = lines(text, start, end), len(text) if end is None else end
    found_headings = _headings(rows, titled=not start, goes_on=bool(opening))
    borders = deque((heading, underlined(text, heading, end)) for heading in found_headings)
    found: list[Block] = []
    run: list[Line] = []

    def close() -> None:
        if run:
            span = (run[0].start, run[-1].end)
            found.append(Block("paragraph", *span, span, opening=(run[0],)))
            run.clear()

    at = start
    for line in rows:
        if line.end <= at:
            continue
        if borders and line.start <= borders[0][0].start < line.end:
            close()
            heading, at = borders.popleft()
            inner = (heading.start, heading.end)
            found.append(Block("heading", heading.start, at, inner, heading.level, heading.title))
        elif line.content.strip():
            run.append(line)
        else:
            close()
    close()
    return found


def headings(text: str, start: int = 0, end: int | None = None, *, titled: bool = True) -> list[Heading]:
    """The headings of `text[start:end]`, in order; a title is only at the text's own start, where it is `titled`."""
    return _headings(lines(text, start, end), titled=titled and not start)


def _headings(rows: Sequence[Line], *, titled: bool, goes_on: bool = False) -> list[Heading]:
    """The headings among lines, of which the first may be a title where they are `titled`.

    Where a paragraph `goes_on`, the first line, unless it is blank, is not the first of its paragraph.
    """
    widest = max((_width(row.content.rstrip()) for row in rows), default=0)
    found: list[Heading] = []
    before: Sequence[Line] = ()
    for paragraph, following in pairwise([*_paragraphs(rows), []]):
        opens = titled and not found and not before and _width(paragraph[0].content.strip()) < _FULL * widest
        first = goes_on and paragraph[0] is rows[0]
        level = 0 if first else _level(paragraph, following, before, opens=opens)
        if level:
            line = paragraph[0]
            bare = line.content.strip()
            start = line.start + line.content.index(bare)
            found.append(Heading(start, start + len(bare), level, " ".join(bare.split())))
        # The last item of a list with blank lines between its items is followed by text, as a heading is.
        before = () if level else paragraph
    return found


def underlined(text: str, heading: Heading, end: int | None = None) -> int:
    """Where the heading ends together with the line of ==== under it; its own end where `text[:end]` has none."""
    end = len(text) if end is None else end
    start = text.find("\n", heading.end, end) + 1
    if not start:
        return heading.end
    after = text.find("\n", start, end)
    under = text[start : after if after >= 0 else end]
    return start + len(under.rstrip()) if _UNDERLINE.match(under) else heading.end


def _paragraphs(rows: Sequence[Line]) -> list[list[Line]]:
    """Runs of lines that are not blank."""
    found: list[list[Line]] = [[]]
    for row in rows:
        if row.content.strip():
            found[-1].append(row)
        elif found[-1]:
            found.append([])
    return [paragraph for paragraph in found if paragraph]


def _level(paragraph: Sequence[Line], following: Sequence[Line], before: Sequence[Line], *, opens: bool) -> int:
    """The level of the heading that a paragraph begins with; 0 where it begins with none.

    `before` is the paragraph before it, where that is under no heading of its own; `opens`: it may be the title.
    """
    line = paragraph[0].content
    if _width(line.strip()) > WIDEST or _BULLET.match(line) or "|" in line or not _WORD.search(line):
        return 0
    if len(paragraph) > 1 and _UNDERLINE.match(paragraph[1].content):
        return _TITLE if "=" in paragraph[1].content else _CAPITALS
    body = paragraph[1:] or following
    if not body or _ENDS_SENTENCE.search(line.rstrip()):
        return 0
    if opens and len(paragraph) <= 3:
        return _TITLE
    hangs = len(paragraph) > 1 and _hangs(line, body)
    kind = _number_kind(line)
    listed = bool(before) and _number_kind(before[0].content) == kind
    if kind and not listed and kind != _number_kind(body[0].content) and (hangs or len(paragraph) == 1):
        return _numbered_level(line)
    if _is_capitals(line) and not _is_capitals(body[0].content):
        return _CAPITALS
    return _HANGING if hangs and not kind and not line.rstrip().endswith((":", "：")) else 0


def _number_kind(line: str) -> str:
    """How a line is numbered; "" where it is not."""
    match = _NUMBER.match(line)
    return (match.lastgroup or "") if match else ""


def _numbered_level(line: str) -> int:
    """The level that its number gives a line."""
    match = _NUMBER.match(line)
    assert match
    if match["dotted"]:
        return min(_NUMBERED + match["dotted"].count("."), _HANGING)
    if match["bracket"]:
        return _NUMBERED + 1
    return _CAPITALS if match["word"] or (match["han"] and match["han"][-1] not in "节節条條") else _NUMBERED


def _is_capitals(line: str) -> bool:
    letters = [char for char in line if char.isalpha()]
    return len(letters) >= 4 and line.upper() == line and line.lower() != line


def _hangs(line: str, body: Sequence[Line]) -> bool:
    """Whether the body stands further to the right, and the line did not end because it was full."""
    deeper = all(_indent(row.content) > _indent(line) for row in body)
    return deeper and _width(line.strip()) < _FULL * max(_width(row.content.rstrip()) for row in body)


def _indent(line: str) -> int:
    return _width(line[: len(line) - len(line.lstrip())].expandtabs(4))


def _width(text: str) -> int:
    """Columns on a terminal."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
