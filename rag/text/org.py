"""The structure of Org text as blocks with exact offsets: headings, blocks, drawers, tables, lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from rag.text.markdown import LONGEST_TITLE, Block, Line, lines
from rag.text.scanning import Opened, heading, run, scanned, to_mark

_HEADING = re.compile(r"(\*+)[ \t]+(\S.*)\Z")
_STATE = re.compile(
    r"(?:(?:TODO|DONE|NEXT|WAITING|WAIT|HOLD|CANCELLED|CANCELED|STARTED|SOMEDAY)[ \t]+)?(?:\[#\w\][ \t]+)?"
)
_TAGS = re.compile(r"[ \t]+:[\w@#%:]+:[ \t]*\Z")
_LINK = re.compile(r"\[\[[^][]*\](?:\[([^][]*)\])?\]")
_BEGIN = re.compile(r"[ \t]*#\+begin_(src|example|export|comment|latex|html)\b", re.IGNORECASE)
_DRAWER = re.compile(r"[ \t]*:(?:PROPERTIES|LOGBOOK|RESULTS):[ \t]*\Z", re.IGNORECASE)
_DRAWER_END = re.compile(r"[ \t]*:END:[ \t]*\Z", re.IGNORECASE)
_DASHES = re.compile(r"[ \t]*\|-[-+|: \t]*\Z")
_ITEM = re.compile(r"[ \t]*(?:[-+]|[0-9]{1,4}[.)]|[ \t]\*)[ \t]+\S")
_KEYWORD = re.compile(r"[ \t]*#\+\w+:")


def blocks(text: str, start: int = 0, end: int | None = None, _opening: Sequence[Line] = ()) -> list[Block]:
    """The blocks of `text[start:end]` at their offsets in the text."""
    rows = lines(text, start, end)
    return scanned(rows, lambda at: _opened(rows, at), _ITEM)


def _opened(rows: Sequence[Line], at: int) -> Opened:
    line = rows[at].content
    starred = _HEADING.match(line)
    if starred:
        return heading(rows, at, at + 1, len(starred[1]), _title(starred[2])), at + 1
    begin = _BEGIN.match(line)
    if begin:
        ending = f"#+end_{begin[1].lower()}"
        return to_mark(rows, at, lambda content: content.strip().lower().startswith(ending))
    if _DRAWER.match(line):
        return to_mark(rows, at, _DRAWER_END.match)
    if _KEYWORD.match(line):
        return run("rule", rows, at, at + 1), at + 1
    return _table(rows, at) if line.lstrip().startswith("|") else None


def _title(raw: str) -> str:
    """A heading's title without its state, priority, tags and the addresses of links."""
    title = _TAGS.sub("", raw[:LONGEST_TITLE])
    title = title[_STATE.match(title).end() :]  # type: ignore[union-attr]  # it matches anything
    return _LINK.sub(lambda match: match[1] or match[0].strip("[]"), title)


def _table(rows: Sequence[Line], at: int) -> Opened:
    after = at
    while after < len(rows) and rows[after].content.lstrip().startswith("|"):
        after += 1
    if after < at + 3 or not _DASHES.match(rows[at + 1].content):
        return run("code", rows, at, after), after
    return replace(run("table", rows, at, after), header=(rows[at].start, rows[at + 1].end)), after
