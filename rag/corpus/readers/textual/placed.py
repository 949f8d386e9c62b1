"""Texts of one file, one after another, with the place of each: cells, cues, lines of records."""

from __future__ import annotations

from dataclasses import dataclass, field

from rag.datatypes import Page

PLACES = 10_000
"""Places of one file; where there would be more, neighbours are one."""


@dataclass(slots=True)
class Placed:
    """Collects texts; `text()` joins them, `pages()` says where each lies."""

    parts: list[str] = field(default_factory=list)
    places: list[tuple[str, int, int]] = field(default_factory=list)
    length: int = 0

    def add(self, text: str, label: str, joint: str = "\n\n") -> None:
        """A text (white space at its ends is left out, and a blank one), behind the ones before it."""
        text = text.strip("\r\n").rstrip()
        if not text.strip():
            return
        if self.parts:
            self.parts.append(joint)
            self.length += len(joint)
        self.parts.append(text)
        self.places.append((label, self.length, self.length + len(text)))
        self.length += len(text)

    def text(self) -> str:
        """The whole, with a line end at its end; "" where nothing was added."""
        return "".join(self.parts) + "\n" if self.parts else ""

    def pages(self) -> tuple[Page, ...]:
        return pages(self.places)


def pages(places: list[tuple[str, int, int]]) -> tuple[Page, ...]:
    """(label, start, end) in order as pages; of more than `PLACES` each stands for a run, as "line 1–line 5"."""
    run = max(1, -(-len(places) // PLACES))
    runs = (places[at : at + run] for at in range(0, len(places), run))
    return tuple(Page(1, some[0][1], some[-1][2], _label(some[0][0], some[-1][0])) for some in runs)


def _label(first: str, last: str) -> str:
    return first if first == last else f"{first}–{last}"
