"""Texts of slides, sheets, chapters put one behind the other, with the place of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rag.datatypes import Page


@dataclass(frozen=True, slots=True)
class Section:
    """The text of one place, with a line end at its end; an empty one is a place where nothing stands."""

    number: int
    label: str
    text: str


def joined(sections: Iterable[Section]) -> tuple[str, tuple[Page, ...]]:
    """The sections with a blank line between them, and where each lies."""
    parts: list[str] = []
    pages: list[Page] = []
    size = 0
    for section in sections:
        if size and section.text:
            parts.append("\n")
            size += 1
        pages.append(Page(section.number, size, size + len(section.text), section.label))
        parts.append(section.text)
        size += len(section.text)
    return "".join(parts), tuple(pages)
