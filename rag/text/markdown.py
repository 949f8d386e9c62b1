"""The structure of Markdown text as blocks with exact offsets: what splitting and sentences stand on.

A line scanner for what CommonMark and GitHub's tables have in common, not a renderer: nested containers stay flat,
a block quote is a paragraph. It takes any text, raises nothing, and runs in linear time.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

Kind = Literal["front", "heading", "code", "table", "item", "paragraph", "rule", "html"]

LONGEST_UNDERLINED = 200
"""Characters of a heading that is marked by a line of `===` or `---` under it; above that it is a paragraph."""
LONGEST_FRONT = 1_000_000
"""Characters of a text among which `front` looks for its end."""
LONGEST_TITLE = 1000
"""Characters of a heading that `plain_title` looks at."""


class Line(NamedTuple):
    """One line: `text[start:end] == content`, its line end (`\\n`, `\\r\\n` or `\\r`) left out."""

    start: int
    end: int
    content: str


@dataclass(frozen=True, slots=True)
class Block:
    """A run of whole lines `[start, end)`, blank lines around it and the last line end left out.

    `inner` is the span of what is said in it: a heading's raw title, a list item's text after its marker, the lines
    between a code fence's marks; else the whole. It may be empty. `title` is a heading's text without markup (of
    its first 1000 characters), or the front matter's title. A table's `header` is its header row and the line of
    dashes, `rows` are the others. `opening` is what begins a block that has not ended where the text does (the mark of
    a fence or comment, a table's header lines, a line that begins a paragraph or item): in front of what follows it
    lets that be read as the rest of the block.
    """

    kind: Kind
    start: int
    end: int
    inner: tuple[int, int]
    level: int = 0
    title: str = ""
    header: tuple[int, int] | None = None
    rows: tuple[tuple[int, int], ...] = ()
    opening: tuple[Line, ...] = ()


def blocks(text: str, start: int = 0, end: int | None = None, opening: Sequence[Line] = ()) -> list[Block]:
    """The blocks of a Markdown text in order, without overlap; every non-blank character lies in one of them.

    With `start` and `end` those of `text[start:end]`, at their offsets in the text. The first of them is then the rest
    of a block that was cut where an `opening` is given, and empty where the block goes no further.
    """
    rows = [*opening, *lines(text, start, end)]
    found: list[Block] = []
    at = _front_end(rows) if not start else 0
    if at:
        found.append(_front(rows, at))
    in_list = False
    while at < len(rows):
        if not rows[at].content.strip():
            at += 1
            continue
        block, at = _block_at(rows, at, in_list)
        found.append(block)
        in_list = block.kind == "item" or (in_list and _indent(text[block.start : block.start + 8]) >= 2)
    if opening:
        found[0] = _from(found[0], start)
    return found


def front(text: str) -> Block | None:
    """The front matter of a Markdown text, where it has one of at most `LONGEST_FRONT` characters."""
    rows = lines(text, 0, LONGEST_FRONT) if text.startswith(("---", "+++")) else []
    after = _front_end(rows)
    return _front(rows, after) if after else None


def lines(text: str, start: int = 0, end: int | None = None) -> list[Line]:
    """The lines of `text[start:end]`; unlike `str.splitlines`, form feeds and other rare separators stay inside one."""
    return [Line(m.start(), m.end(1), m[1]) for m in _LINE.finditer(text, start, len(text) if end is None else end)]


def cells(row: str) -> list[str]:
    """The cells of a table's row as they are written, without the white space around them."""
    bare = row.strip().removeprefix("|").removesuffix("|")
    return [cell.strip() for cell in _CELL.split(bare)]


def plain_title(raw: str) -> str:
    """A heading's text without its inline markup: emphasis, code marks, links, images, tags, entities, `{#anchor}`."""
    text = _ANCHOR.sub("", raw[:LONGEST_TITLE])
    text = _INLINE.sub(lambda m: next(group for group in (*m.groups(), "") if group is not None), text)
    return " ".join(html.unescape(text).split())


# ---------------------------------------------------------------- one kind of block after another

_LINE = re.compile(r"(?=[\s\S])([^\r\n]*+)(?:\r\n|\r|\n|\Z)")
_CELL = re.compile(r"(?<!\\)\|")
_FENCE = re.compile(r"[ \t]*+(`{3,}+|~{3,}+)(.*)", re.DOTALL)
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]|\Z)")
_ITEM = re.compile(r"[ \t]*+(?:[-*+]|\d{1,9}[.)])(?:[ \t]++|\Z)(?:\[[ xX]\][ \t]++)?")
_INTERRUPTING_ITEM = re.compile(r"[ \t]*+(?:[-*+]|1[.)])[ \t]++\S")
_UNDERLINE = re.compile(r" {0,3}(?:(=++)|-++)[ \t]*\Z")
_RULE = re.compile(r" {0,3}(?:(?:-[ \t]*+){3,}|(?:\*[ \t]*+){3,}|(?:_[ \t]*+){3,})\Z")
_HTML = re.compile(r" {0,3}<(!--|(?:script|style|pre|textarea)(?=[\s>]|\Z))", re.IGNORECASE)
_DASHES = re.compile(r":?-+:?")
_FRONT_KEY = re.compile(r"[\w.-]+[ \t]*[:=](?:[ \t]|\Z)|#")
_FRONT_TITLE = re.compile(r"title[ \t]*[:=][ \t]*(.*)", re.IGNORECASE | re.DOTALL)
_ANCHOR = re.compile(r"[ \t]*\{#[^{}]*\}[ \t]*$")
_INLINE = re.compile(
    r"`+([^`]+)`+"  # code
    r"|!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])"  # link, image
    r"|</?[A-Za-z][^<>]*>"
    r"|\\([!-/:-@\[-`{-~])"
    r"|(?<=\S)(?:\*+|~~)|(?:\*+|~~)(?=\S)|(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w)"
)


def _block_at(rows: Sequence[Line], at: int, in_list: bool) -> tuple[Block, int]:
    """The block that begins at line `at` (not a blank one), and the line after it."""
    line = rows[at].content
    fence = _fence(line, in_list)
    if fence:
        return _code(rows, at, fence)
    heading = _HEADING.match(line)
    if heading:
        return _heading(rows[at], heading), at + 1
    if _starts_table(rows, at):
        return _table(rows, at)
    if _RULE.match(line):
        return _block("rule", rows, at, at + 1), at + 1
    if _HTML.match(line):
        return _html(rows, at)
    item = _ITEM.match(line)
    if item:
        return _item(rows, at, item.end())
    if _indent(line) >= 4 and not in_list:
        return _indented(rows, at)
    return _paragraph(rows, at, in_list)


def _block(kind: Kind, rows: Sequence[Line], first: int, after: int) -> Block:
    start, end = rows[first].start, rows[after - 1].end
    return Block(kind, start, end, (start, end))


def _from(block: Block, start: int) -> Block:
    """The part of a block from `start` on."""
    inner = (max(start, block.inner[0]), max(start, block.inner[1]))
    return replace(block, start=start, end=max(start, block.end), inner=inner)


def _front_end(rows: Sequence[Line]) -> int:
    """The line after the front matter (YAML between `---`, TOML between `+++`); 0 where there is none."""
    mark = rows[0].content.rstrip() if rows else ""
    if mark not in ("---", "+++") or len(rows) < 2 or not _FRONT_KEY.match(rows[1].content):
        return 0
    for at in range(1, len(rows)):
        if rows[at].content.rstrip() in (mark, "..."):
            return at + 1
    return 0


def _front(rows: Sequence[Line], after: int) -> Block:
    start, end = rows[0].start, rows[after - 1].end
    inner = (rows[1].start, rows[after - 2].end)
    matches = (_FRONT_TITLE.match(row.content) for row in rows[1 : after - 1])
    title = next((m[1].strip() for m in matches if m), "")
    if len(title) > 1 and title[0] == title[-1] and title[0] in "\"'":
        title = title[1:-1]
    return Block("front", start, end, inner, title=" ".join(title.split()))


def _fence(line: str, in_list: bool) -> str:
    """The mark that opens a code fence on this line, else ""; inside a list it may be indented."""
    match = _FENCE.match(line)
    if not match or (match[1][0] == "`" and "`" in match[2]) or (_indent(line) > 3 and not in_list):
        return ""
    return match[1]


def _code(rows: Sequence[Line], at: int, fence: str) -> tuple[Block, int]:
    """A fenced block; one that is never closed runs to the end, as CommonMark has it."""
    closing = at + 1
    while closing < len(rows):
        mark = rows[closing].content.strip()
        if mark.startswith(fence) and not mark.strip(fence[0]):
            break
        closing += 1
    last = _last_line(rows, at, min(closing, len(rows) - 1))
    told = min(closing - 1, last)
    inner = (rows[at + 1].start, rows[told].end) if told > at else (rows[at].end, rows[at].end)
    opening = (Line(rows[at].start, rows[at].end, fence),) if closing == len(rows) else ()
    return Block("code", rows[at].start, rows[last].end, inner, opening=opening), last + 1


def _last_line(rows: Sequence[Line], first: int, last: int) -> int:
    """The last line that is not blank among `first..last`."""
    while last > first and not rows[last].content.strip():
        last -= 1
    return last


def _heading(line: Line, match: re.Match[str]) -> Block:
    title = line.content[match.end() :]
    closed = title.rstrip().rstrip("#")
    if not closed or closed[-1] in " \t":
        title = closed
    start = line.start + match.end() + len(title) - len(title.lstrip())
    title = title.strip()
    inner = (start, start + len(title)) if title else (line.end, line.end)
    return Block("heading", line.start, line.end, inner, level=len(match[1]), title=plain_title(title))


def _starts_table(rows: Sequence[Line], at: int) -> bool:
    """Whether line `at` has cells and the next one as many dashes."""
    if at + 1 >= len(rows) or "|" not in rows[at].content:
        return False
    dashes = rows[at + 1].content.strip()
    if "|" not in dashes or "-" not in dashes or not set(dashes) <= set("|-: \t"):
        return False
    marks = dashes.removeprefix("|").removesuffix("|").split("|")
    return all(_DASHES.fullmatch(mark.strip()) for mark in marks) and len(marks) == _cells(rows[at].content)


def _cells(line: str) -> int:
    line = line.strip().replace("\\\\", "").replace("\\|", "")
    return line.removeprefix("|").removesuffix("|").count("|") + 1


def _table(rows: Sequence[Line], at: int) -> tuple[Block, int]:
    after = at + 2
    while after < len(rows) and "|" in rows[after].content and not _interrupts(rows[after].content):
        after += 1
    start, end = rows[at].start, rows[after - 1].end
    body = tuple((row.start, row.end) for row in rows[at + 2 : after])
    header = (start, rows[at + 1].end)
    opening = (rows[at], rows[at + 1]) if after == len(rows) else ()
    return Block("table", start, end, (start, end), header=header, rows=body, opening=opening), after


def _html(rows: Sequence[Line], at: int) -> tuple[Block, int]:
    """A comment, script, style, pre or textarea to the line that closes it; unclosed, it runs to the end."""
    match = _HTML.match(rows[at].content)
    assert match
    mark = "-->" if match[1] == "!--" else f"</{match[1].lower()}"
    closing = at
    while closing < len(rows) - 1 and mark not in rows[closing].content.lower():
        closing += 1
    closed = mark in rows[closing].content.lower()
    opening = () if closed else (Line(rows[at].start, rows[at].end, match[0]),)
    last = _last_line(rows, at, closing)
    return replace(_block("html", rows, at, last + 1), opening=opening), last + 1


def _item(rows: Sequence[Line], at: int, marker: int) -> tuple[Block, int]:
    """A list item up to the next blank line or block; further paragraphs of it are blocks of their own."""
    fence = _fence(rows[at].content[marker:], in_list=True)
    if fence:
        return _code(rows, at, fence)
    after = at + 1
    while after < len(rows) and not _ends_run(rows, after, in_list=True):
        after += 1
    start, end = rows[at].start, rows[after - 1].end
    opening = (Line(start, rows[at].end, "- x"),) if after == len(rows) else ()
    return Block("item", start, end, (min(start + marker, end), end), opening=opening), after


def _indented(rows: Sequence[Line], at: int) -> tuple[Block, int]:
    """Code by four spaces of indentation, blank lines inside it included."""
    after = at + 1
    while after < len(rows) and (not rows[after].content.strip() or _indent(rows[after].content) >= 4):
        after += 1
    last = _last_line(rows, at, after - 1)
    return _block("code", rows, at, last + 1), last + 1


def _paragraph(rows: Sequence[Line], at: int, in_list: bool) -> tuple[Block, int]:
    """A paragraph, or the heading that it is when a line of `===` or `---` follows it."""
    after = at + 1
    while after < len(rows):
        line = rows[after].content
        underline = _UNDERLINE.match(line)
        if underline and rows[after - 1].end - rows[at].start <= LONGEST_UNDERLINED and not _is_quote(rows[at].content):
            return _underlined(rows, at, after, 1 if underline[1] else 2), after + 1
        if _ends_run(rows, after, in_list):
            break
        after += 1
    opening = (Line(rows[at].start, rows[at].end, "x"),) if after == len(rows) else ()
    return replace(_block("paragraph", rows, at, after), opening=opening), after


def _underlined(rows: Sequence[Line], at: int, underline: int, level: int) -> Block:
    start = rows[at].start + len(rows[at].content) - len(rows[at].content.lstrip())
    end = rows[underline - 1].start + len(rows[underline - 1].content.rstrip())
    title = plain_title(" ".join(row.content for row in rows[at:underline]))
    return Block("heading", rows[at].start, rows[underline].end, (start, end), level=level, title=title)


def _ends_run(rows: Sequence[Line], at: int, in_list: bool) -> bool:
    """Whether a paragraph or item that is under way ends before line `at`."""
    line = rows[at].content
    item = _ITEM if in_list else _INTERRUPTING_ITEM
    return not line.strip() or _interrupts(line) or bool(item.match(line)) or _starts_table(rows, at)


def _interrupts(line: str) -> bool:
    return bool(_HEADING.match(line) or _fence(line, in_list=True) or _RULE.match(line) or _HTML.match(line))


def _is_quote(line: str) -> bool:
    return line.lstrip().startswith(">")


def _indent(line: str) -> int:
    """Columns of white space at the start; a tab goes to the next multiple of four."""
    stripped = line.lstrip(" \t")
    return len(line[: len(line) - len(stripped)].expandtabs(4))
