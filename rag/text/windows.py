"""A long text read in windows, one after another, so that memory is bounded by one of them and not by the text.

A window ends before a heading of its second half, else before its last block. A block that is longer than a window
is cut; what follows is read as the rest of it (`Block.opening`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rag.text.markdown import Block, Line

WINDOW = 1_000_000
"""Characters of a text whose structure is in memory together."""

Parse = Callable[[str, int, int, Sequence[Line]], list[Block]]
"""(text, start, end, opening) → the blocks of `text[start:end]` at their offsets in the text."""

_TO_SPACE = re.compile(r".*\s", re.DOTALL)


class Window(NamedTuple):
    """The blocks of `text[start:end]`; none where it is blank."""

    start: int
    end: int
    blocks: list[Block]


def windows(text: str, parse: Parse) -> Iterator[Window]:
    """Windows that make up the text; a text of at most `WINDOW` characters is one."""
    at = 0
    opening: Sequence[Line] = ()
    while at < len(text):
        end = min(at + WINDOW, len(text))
        blocks = parse(text, at, end, opening)
        if end < len(text):
            last = _first_left(blocks, (at + end) // 2)
            if blocks and blocks[last].start > at:
                end, blocks, opening = blocks[last].start, blocks[:last], ()
            else:
                end = _cut(text, at, end)
                blocks = parse(text, at, end, opening)
                opening = blocks[-1].opening if blocks else ()
        yield Window(at, end, [block for block in blocks if block.start < block.end])
        at = end


def _first_left(blocks: Sequence[Block], middle: int) -> int:
    """The first block that is left to the next window; headings stay together with what they stand over."""
    later = (at for at in reversed(range(len(blocks))) if blocks[at].kind == "heading" and blocks[at].start >= middle)
    left = next(later, len(blocks) - 1)
    while left > 0 and blocks[left - 1].kind == "heading":
        left -= 1
    return left


def _cut(text: str, start: int, end: int) -> int:
    """Where to cut a block that fills `[start, end)`: after a line or a space of the second half, else at the end."""
    middle = (start + end) // 2
    after_line = max(text.rfind("\n", middle, end + 1), text.rfind("\r", middle, end)) + 1
    if after_line:
        return after_line
    space = _TO_SPACE.match(text, middle, end)
    return between_characters(text, start + 1, space.end() if space else end)


def between_characters(text: str, least: int, at: int) -> int:
    """`at`, or a place up to 32 before it, no less than `least`, that cuts no accent or part of an emoji off."""
    back = at
    while back > max(least, at - 32) and _joined(text[back - 1], text[back]):
        back -= 1
    return at if _joined(text[back - 1], text[back]) else back


def _joined(before: str, after: str) -> bool:
    return bool(unicodedata.combining(after)) or "\u200d" in (before, after) or after in "\ufe0e\ufe0f\u20e3"
