"""The structure of AsciiDoc text as blocks with exact offsets: headings, delimited blocks, tables, lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.text.markdown import LONGEST_TITLE, Block, Line, lines
from rag.text.scanning import Opened, heading, run, scanned, to_mark

_HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*)\Z")
_UNDERLINES = "=-~^+"
_UNDERLINE = re.compile(r"([=~^+-])\1{3,}[ \t]*\Z")
_VERBATIM = re.compile(r"(?:-{4,}|\.{4,}|/{4,}|\+{4,}|`{3,})(?=[ \t\w]*\Z)")
_CONTAINER = re.compile(r"(?:={4,}|\*{4,}|_{4,}|--|<<<|'{3})[ \t]*\Z")
_TABLE = re.compile(r"[|,:!]={3,}[ \t]*\Z")
_ATTRIBUTE = re.compile(r":!?[\w-]+!?:(?:[ \t]|\Z)")
_ITEM = re.compile(r"[ \t]*(?:\*{1,6}|\.{1,6}|-|[0-9]{1,4}\.|[a-z]\.|<[0-9.]+>)[ \t]+\S")
_INLINE = re.compile(r"(?:link|xref|mailto|https?)[:\S]*\[([^\]]*)\]|<<[^,>]*,?[ \t]*([^>]*)>>|\[\[[^\]]*\]\]")


def blocks(text: str, start: int = 0, end: int | None = None, _opening: Sequence[Line] = ()) -> list[Block]:
    """The blocks of `text[start:end]` at their offsets in the text."""
    rows = lines(text, start, end)
    return scanned(rows, lambda at: _opened(rows, at), _ITEM)


def _opened(rows: Sequence[Line], at: int) -> Opened:
    line = rows[at].content
    marked = _HEADING.match(line)
    if marked:
        return heading(rows, at, at + 1, len(marked[1]), _bare(marked[2])), at + 1
    if _TABLE.match(line):
        return _table(rows, at)
    if _CONTAINER.match(line) or _ATTRIBUTE.match(line):
        return run("rule", rows, at, at + 1), at + 1
    verbatim = _VERBATIM.match(line)
    if verbatim:
        return to_mark(rows, at, lambda content: content.rstrip() == verbatim[0])
    return _underlined(rows, at)


def _underlined(rows: Sequence[Line], at: int) -> Opened:
    """A title with a line under it that is as long as itself, give or take two."""
    if at + 1 >= len(rows) or (at and rows[at - 1].content.strip()):
        return None
    line, under = rows[at].content.rstrip(), rows[at + 1].content.rstrip()
    mark = _UNDERLINE.match(under)
    if not mark or abs(len(line) - len(under)) > 2 or not any(map(str.isalnum, line)):
        return None
    return heading(rows, at, at + 2, _UNDERLINES.index(mark[1]) + 1, _bare(line)), at + 2


def _bare(title: str) -> str:
    return _INLINE.sub(lambda match: match[1] or match[2] or "", title[:LONGEST_TITLE])


def _table(rows: Sequence[Line], at: int) -> Opened:
    """A table; its first line is its header where a blank line follows it, or an attribute before it says so."""
    mark = rows[at].content.rstrip()
    block, after = to_mark(rows, at, lambda content: content.rstrip() == mark)
    first = at + 1
    said = at and "header" in rows[at - 1].content and rows[at - 1].content.startswith("[")
    set_off = first + 1 < after and not rows[first + 1].content.strip()
    if first >= after - 1 or not rows[first].content.strip() or not (said or set_off):
        return block, after
    return replace(block, kind="table", header=(rows[first].start, rows[first].end)), after
