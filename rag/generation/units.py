"""Hits cut into the units that can be quoted, each with where it stands and what stands above it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.datatypes import Citation, Hit, Markup, page_at, place_at
from rag.generation.readable import readable
from rag.text.invisible import visible
from rag.text.markdown import lines, plain_title
from rag.text.sentences import Span, SpanKind, sentences

_MARKDOWN = re.compile(
    r"^ {0,3}#{1,6}[ \t]|^[ \t]*\|?[ \t:|-]*-{3,}[ \t:|-]*\|?[ \t]*$|^ {0,3}(?:```|~~~)|\]\(|\*\*\S|^[ \t]*[-*+] \S",
    re.MULTILINE,
)
_MARKER = re.compile(r"[ \t]*(?:>[ \t]?)*(?:[-*+•●▪◦‣·][ \t]+(?:\[[ xX]\][ \t]+)?)?")


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, item, row or line of a hit: `text` is the document's text at `start:end`.

    `context` (headings) and `header` (of its table) help to understand it and are not quoted. `place` is the rank
    of its hit, from 0.
    """

    hit: Hit
    place: int
    start: int
    end: int
    text: str
    kind: SpanKind
    context: str = ""
    header: str = ""

    @property
    def grounds(self) -> str:
        """Everything that it says and that can be seen: its headings, its table's header, itself."""
        return visible("\n".join(part for part in (self.context, self.header, self.text) if part))

    @property
    def shown(self) -> str:
        """Its text for a reader."""
        return readable(self.text, self.kind, self.header)

    def citation(self, number: int) -> Citation:
        """The exact quote under that number."""
        return Citation(
            number=number,
            source=self.hit.source,
            document=self.hit.chunk.document,
            start=self.start,
            end=self.end,
            quote=self.text,
            chunk=self.hit.chunk.id,
            page=page_at(self.hit.pages, self.start),
            place=place_at(self.hit.pages, self.start),
        )


def units(hits: Sequence[Hit]) -> list[Unit]:
    """The units of the hits, in their order; nothing twice where hits overlap, no headings alone."""
    found: dict[tuple[str, int, int], Unit] = {}
    for place, hit in enumerate(hits):
        for unit in _units(hit, place):
            found.setdefault((hit.chunk.document, unit.start, unit.end), unit)
    worded = [unit for unit in found.values() if any(char.isalnum() for char in unit.shown)]
    told = [unit for unit in worded if unit.kind not in ("heading", "header")]
    return told or worded


def _units(hit: Hit, place: int) -> Iterator[Unit]:
    outer = [title for title in hit.chunk.heading if title]
    inner: str | None = None
    header = hit.chunk.table_header
    for span in _spans(hit):
        text = hit.text[span.start : span.end]
        if span.kind == "heading":
            inner = plain_title(text.lstrip("# "))
        if span.kind == "header":
            header = text
        start = span.start + _marker(text, span.kind)
        yield Unit(
            hit=hit,
            place=place,
            start=hit.start + start,
            end=hit.start + span.end,
            text=hit.text[start : span.end],
            kind=span.kind,
            context=_context(outer, inner),
            header=header if span.kind == "row" else "",
        )


def _context(outer: Sequence[str], inner: str | None) -> str:
    """The document's title and the nearest heading."""
    nearest = inner if inner is not None else (outer[-1] if outer else "")
    return " › ".join(dict.fromkeys(title for title in (*outer[:1], nearest) if title))


def _marker(text: str, kind: SpanKind) -> int:
    """Characters of a quote or bullet mark in front; a number stays, it may be what is asked for."""
    if kind not in ("item", "prose"):
        return 0
    match = _MARKER.match(text)
    return match.end() if match and match.end() < len(text) else 0


def _spans(hit: Hit) -> list[Span]:
    """The hit's sentences; where it continues a table, its first lines are rows."""
    continued = _continued_rows(hit) if hit.chunk.table_header else []
    after = continued[-1].end if continued else 0
    rest = hit.text[after:]
    cut = [Span(span.start + after, span.end + after, span.kind) for span in sentences(rest, markup_of(rest))]
    return [*continued, *cut]


def _continued_rows(hit: Hit) -> list[Span]:
    rows = []
    for line in lines(hit.text):
        if "|" not in line.content:
            break
        bare = line.content.strip()
        start = line.start + line.content.index(bare)
        rows.append(Span(start, start + len(bare), "row"))
    return rows


def markup_of(text: str) -> Markup:
    """What a hit does not say of its document: whether the text looks like Markdown."""
    return "markdown" if _MARKDOWN.search(text) else "plain"
