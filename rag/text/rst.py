"""The structure of reStructuredText as blocks with exact offsets.

Headings have the level of their adornment, in the order in which a text brings adornments up.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from rag.text.markdown import LONGEST_UNDERLINED, Block, Line, lines
from rag.text.scanning import Opened, columns, heading, indented, run, scanned

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1*[ \t]*\Z")
_DIRECTIVE = re.compile(r"[ \t]*\.\.[ \t]+(?:\|[^|]+\|[ \t]+)?([\w:.+-]+)::(?:[ \t]|\Z)")
_EXPLICIT = re.compile(r"[ \t]*\.\.(?:[ \t]|\Z)")
_GRID = re.compile(r"[ \t]*\+(?:[-=]+\+)+[ \t]*\Z")
_SIMPLE = re.compile(r"[ \t]*={2,}(?:[ \t]+={2,})+[ \t]*\Z")
_ITEM = re.compile(
    r"[ \t]*(?:[-*+•‣⁃]|#\.|\(?[0-9]{1,4}[.)]|\(?[a-zA-Z][.)])[ \t]+\S|[ \t]*:(?=[^:\s])[^:]{1,80}:(?:[ \t]|\Z)"
)
_INLINE = re.compile(
    r"(?::[\w:+.-]+:)?`+([^`<]*?)(?:[ \t]*<[^>`]*>)?`+_{0,2}|\*{1,2}(?=\S)([^*]+)\*{1,2}|\|([^|]+)\|_?|\\(.)"
)
_NAMES = (
    "code code-block sourcecode literalinclude parsed-literal highlight prompt doctest testcode testsetup "
    "testoutput ipython math raw toctree csv-table list-table graphviz uml mermaid plot productionlist "
    "autosummary image figure include meta click jinja console contents automodule autoclass autofunction "
    "index bibliography"
)
_VERBATIM = frozenset(_NAMES.split())
"""Directives whose lines are no running text."""


class Rst:
    """The blocks of one text's windows; remembers which adornments have come up."""

    def __init__(self) -> None:
        self.styles: dict[tuple[str, bool], int] = {}

    def __call__(self, text: str, start: int = 0, end: int | None = None, _opening: Sequence[Line] = ()) -> list[Block]:
        rows = lines(text, start, end)

        def opens(at: int) -> Opened:
            return self._heading(rows, at) or _table(rows, at) or _verbatim(rows, at)

        return scanned(rows, opens, _ITEM)

    def _heading(self, rows: Sequence[Line], at: int) -> Opened:
        line = rows[at].content.rstrip()
        adorned = _ADORNMENT.match(line)
        if adorned and at + 2 < len(rows) and _is_title(rows[at + 1].content, line):
            under = rows[at + 2].content.rstrip()
            if under == line and rows[at + 1].content.strip():
                return self._titled(rows, at, at + 3, rows[at + 1].content, (adorned[1], True))
        if adorned and len(line) >= 4 and _stands_alone(rows, at):
            return run("rule", rows, at, at + 1), at + 1
        under = rows[at + 1].content.rstrip() if at + 1 < len(rows) else ""
        below = _ADORNMENT.match(under)
        if not below or columns(line) or not _is_title(line, under) or not _may_begin(rows, at) or adorned:
            return None
        return self._titled(rows, at, at + 2, line, (below[1], False))

    def _titled(self, rows: Sequence[Line], at: int, after: int, title: str, style: tuple[str, bool]) -> Opened:
        level = self.styles.setdefault(style, len(self.styles) + 1)
        return heading(rows, at, after, level, bare(title)), after


def bare(title: str) -> str:
    """A title without its inline markup: roles, emphasis, links, literals."""
    return _INLINE.sub(lambda match: next(group for group in (*match.groups(), "") if group is not None), title)


def _is_title(line: str, adornment: str) -> bool:
    """Whether the adornment is as long as the title, or long enough to be none by accident."""
    title = line.strip()
    if not title or len(title) > LONGEST_UNDERLINED or not any(map(str.isalnum, title)) or _EXPLICIT.match(title):
        return False
    wide = sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in title)
    return len(adornment) >= min(wide, max(4, wide // 2))


def _may_begin(rows: Sequence[Line], at: int) -> bool:
    """Whether a heading can begin here: not within a paragraph."""
    before = rows[at - 1].content if at else ""
    return not before.strip() or bool(_ADORNMENT.match(before) or _EXPLICIT.match(before))


def _stands_alone(rows: Sequence[Line], at: int) -> bool:
    around = (rows[near].content for near in (at - 1, at + 1) if 0 <= near < len(rows))
    return not any(content.strip() for content in around)


def _table(rows: Sequence[Line], at: int) -> Opened:
    """A grid or simple table; its header are the lines between its first two borders of `=`, without the border above.

    A table without a header is cut by its lines, as code is.
    """
    line = rows[at].content
    grid = bool(_GRID.match(line))
    if not grid and not _SIMPLE.match(line):
        return None
    after = at + 1
    while after < len(rows) and rows[after].content.strip():
        if grid and rows[after].content.lstrip()[0] not in "+|":
            break
        after += 1
    borders = [row for row in range(at + (2 if grid else 1), after) if rows[row].content.strip(" \t+|=") == ""]
    has_header = len(borders) >= (1 if grid else 2) and borders[0] > at + 1 and borders[0] < after - 1
    if not has_header:
        return run("code", rows, at, after), after
    return replace(run("table", rows, at, after), header=(rows[at + 1].start, rows[borders[0]].end)), after


def _verbatim(rows: Sequence[Line], at: int) -> Opened:
    """A directive whose body is no running text, a literal block after `::`, or a session of `>>>`."""
    line = rows[at].content
    directive = _DIRECTIVE.match(line)
    if directive:
        if directive[1].lower().rpartition(":")[2] not in _VERBATIM:
            return None
        after = max(at + 1, indented(rows, at + 1, columns(line)))
        return run("code", rows, at, after), after
    if line.lstrip().startswith(">>> "):
        after = at + 1
        while after < len(rows) and rows[after].content.strip():
            after += 1
        return run("code", rows, at, after), after
    before = _before(rows, at)
    if before is None or not before.rstrip().endswith("::") or _EXPLICIT.match(before):
        return None
    if columns(line) <= columns(before):
        return None
    after = indented(rows, at, columns(before))
    return run("code", rows, at, after), after


def _before(rows: Sequence[Line], at: int) -> str | None:
    """The last line before the blank ones in front of `at`; None where there are none."""
    near = at - 1
    while near >= 0 and not rows[near].content.strip():
        near -= 1
    return rows[near].content if 0 <= near < at - 1 else None
