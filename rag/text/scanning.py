"""What the line scanners of other markups than Markdown share: runs of lines, blocks to a mark, sections by level.

As in `rag.text.markdown` they take any text, raise nothing and run in linear time; in doubt a line is no heading.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from rag.text.markdown import Block, Kind, Line

Opened = tuple[Block, int] | None
"""The block that a line begins and the line after it; None for a line of a paragraph."""


def scanned(rows: Sequence[Line], opens: Callable[[int], Opened], item: re.Pattern[str]) -> list[Block]:
    """The blocks of lines: those that `opens` says a line begins, and runs of lines that are not blank between them.

    A line that `item` matches begins a run of its own, which is a list's item.
    """
    found: list[Block] = []
    first: int | None = None
    at = 0

    def close() -> None:
        if first is not None:
            found.append(run("item" if item.match(rows[first].content) else "paragraph", rows, first, at))

    while at < len(rows):
        blank = not rows[at].content.strip()
        opened = None if blank else opens(at)
        if blank or opened or item.match(rows[at].content):
            close()
            first = None
        if opened:
            block, at = opened
            found.append(block)
            continue
        if not blank and first is None:
            first = at
        at += 1
    close()
    return found


def run(kind: Kind, rows: Sequence[Line], first: int, after: int) -> Block:
    """The lines `first` to `after` as one block."""
    start, end = rows[first].start, rows[after - 1].end
    return Block(kind, start, end, (start, end))


def heading(rows: Sequence[Line], first: int, after: int, level: int, title: str) -> Block:
    """The lines as a heading of that title."""
    start, end = rows[first].start, rows[after - 1].end
    return Block("heading", start, end, (start, end), level=level, title=" ".join(title.split()))


def to_mark(rows: Sequence[Line], at: int, closes: Callable[[str], object]) -> tuple[Block, int]:
    """The lines from `at` to the one that `closes`, as code; to the last of all where none does."""
    after = at + 1
    while after < len(rows) and not closes(rows[after].content):
        after += 1
    after = min(after + 1, len(rows))
    return run("code", rows, at, after), after


def indented(rows: Sequence[Line], at: int, deeper_than: int) -> int:
    """The line after those from `at` on that are indented deeper; blank lines are part of them, but for the last."""
    after = last = at
    while after < len(rows) and (not rows[after].content.strip() or columns(rows[after].content) > deeper_than):
        after += 1
        last = after if rows[after - 1].content.strip() else last
    return last


def columns(line: str) -> int:
    """Columns of white space at the start of a line; a tab goes to the next multiple of four."""
    space = line[: len(line) - len(line.lstrip(" \t"))]
    return len(space.expandtabs(4))


# ---------------------------------------------------------------- sections told by how far lines are indented


class Role(NamedTuple):
    """What a line is to the sections around it.

    opens    begins a section of its level, under its title
    resumes  ends the sections of its level and deeper ones
    leads    belongs to what comes next, if that follows at once: a comment, a decorator
    goes on  with whatever it stands in
    item     goes on, and begins a block
    """

    kind: Literal["opens", "resumes", "leads", "goes on", "item"]
    level: int = 0
    title: str = ""


GOES_ON = Role("goes on")


def sections(rows: Sequence[Line], roles: Iterable[Role]) -> list[Block]:
    """The lines as headings and code; a blank line ends a block."""
    found: list[Block] = []
    levels: list[int] = []
    first = lead = -1  # of the block that is under way, and of the comments at its end

    def close(after: int) -> None:
        if 0 <= first < after:
            found.append(run("code", rows, first, after))

    for at, (line, role) in enumerate(zip(rows, roles, strict=True)):
        if not line.content.strip():
            close(at)
            first = lead = -1
        elif role.kind == "opens" or (role.kind == "resumes" and levels and levels[-1] >= role.level):
            begin = lead if lead >= 0 else at
            close(begin)
            found.append(heading(rows, begin, at + 1, role.level, role.title if role.kind == "opens" else ""))
            while levels and levels[-1] >= role.level:
                levels.pop()
            if role.kind == "opens":
                levels.append(role.level)
            first = lead = -1
        else:
            if role.kind == "item":
                close(at)
                first = -1
            lead = (lead if lead >= 0 else at) if role.kind == "leads" else -1
            first = first if first >= 0 else at
    close(len(rows))
    return found
