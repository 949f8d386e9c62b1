"""Texts of slides, sheets, chapters put one behind the other, with the place of each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.datatypes import Page, State

_COUNTING = re.compile(
    r"(?:\W|\d|\b(?:pages?|pg|p|of|seite|von|sur|p[áa]gina|de|di|van|strona|z|str|страница|стр|из|sida|av|side)\b"
    r"|[第页頁共总總]|ページ)*+",
    re.IGNORECASE,
)
"""What is left of "Page 3 of 12" without the numbers."""


def says_something(line: str) -> bool:
    """Whether a line of a header or a footer says more than that there are pages."""
    return _COUNTING.fullmatch(line) is None


@dataclass(frozen=True, slots=True)
class Section:
    """The text of one place, with a line end at its end; an empty one is a place where nothing stands.

    `state` is that of a place which could not be read, such as a picture.
    """

    number: int
    label: str
    text: str
    state: State | None = None


def reading_order(places: Sequence[tuple[int, int]], row: int) -> list[int]:
    """The indices of things by (top, left): from top to bottom, and from left to right where tops differ by `row`."""
    rows: list[list[int]] = []
    for index in sorted(range(len(places)), key=lambda each: (places[each], each)):
        if not rows or places[index][0] - places[rows[-1][0]][0] > row:
            rows.append([])
        rows[-1].append(index)
    return [index for each in rows for index in sorted(each, key=lambda at: (places[at][1], places[at][0], at))]


def joined(sections: Iterable[Section]) -> tuple[str, tuple[Page, ...]]:
    """The sections with a blank line between them, and where each lies."""
    parts: list[str] = []
    pages: list[Page] = []
    size = 0
    for section in sections:
        if size and section.text:
            parts.append("\n")
            size += 1
        pages.append(Page(section.number, size, size + len(section.text), section.label, section.state))
        parts.append(section.text)
        size += len(section.text)
    return "".join(parts), tuple(pages)
