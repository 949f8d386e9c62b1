"""Hits cut into the units that can be quoted, each with where it stands and what stands above it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile

from rag.datatypes import Citation, Hit, Markup, page_at, place_at
from rag.generation.readable import cells, readable
from rag.text.context import ARROW, continued_header
from rag.text.fold import fold
from rag.text.invisible import visible
from rag.text.markdown import Block, lines
from rag.text.sentences import Span, SpanKind, sentences
from rag.text.structure import parser

# A value is no sentence: «Answer: We do.» names nothing.
_VALUE = re.compile(r"[\s\"'-]*([^\W\d][^:=：\n]{0,40}?)[\"']?\s*[:=：](?!//)\s*[^\n]{0,59}[^\s.。!?！？]")
_MARKDOWN = re.compile(
    r"^ {0,3}#{1,6}[ \t]|^(?=[^\n]*---)[ \t:|-]++$|^ {0,3}(?:```|~~~)|\]\(|\*\*\S|^[ \t]*+[-*+] \S",
    re.MULTILINE,
)
_UNDERLINED = re.compile(r"(?m)^\S[^\n]*\n~{3,}[ \t]*$")
"""A title of plain text; in Markdown code would begin below it."""
_MARKER = re.compile(r"[ \t]*(?:>[ \t]?)*(?:[-*+•●▪◦‣·][ \t]+(?:\[[ xX]\][ \t]+)?)?")


@dataclass(frozen=True, slots=True)
class Unit:
    """A sentence, item, row or line of a hit: `text` is the document's text at `start:end`.

    `headings` and `header` (of its table) help to understand it and are not quoted. `place` is the rank of its hit,
    from 0.
    """

    hit: Hit
    place: int
    start: int
    end: int
    text: str
    kind: SpanKind
    headings: str = ""
    header: str = ""

    @property
    def context(self) -> str:
        """What it stands under: what the question calls its document, and its headings."""
        return ARROW.join(filter(None, (self.hit.called, self.headings)))

    @property
    def title(self) -> str:
        """The first of its headings; "" where it has none."""
        return self.headings.partition(ARROW)[0]

    @property
    def grounds(self) -> str:
        """Everything that it says and that can be seen: its headings, its table's header, itself."""
        return visible("\n".join(part for part in (self.context, self.header, self.text) if part))

    @property
    def shown(self) -> str:
        """Its text for a reader."""
        return readable(self.text, self.kind, self.header)

    @property
    def name(self) -> str:
        """What a value is called that names nothing else: "speed" of "speed: 12 m/min"; "" of any other unit.

        Of data by key it is what all its values are called, the key above them left out.
        """
        if self.kind not in ("item", "prose", "code"):
            return ""
        rows = self.text.splitlines() if self.kind == "code" else [self.text]
        found = [match[1].replace("_", " ").strip() for match in map(_VALUE.fullmatch, rows) if match]
        return fold(", ".join(found)) if len(found) >= max(1, len(rows) - 1) else ""

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
            table_header=self.header,
        )


def units(hits: Sequence[Hit]) -> list[Unit]:
    """The units of the hits, in their order; nothing twice where hits overlap, no headings alone."""
    found: dict[tuple[str, int, int], Unit] = {}
    for place, hit in enumerate(hits):
        for unit in _units(hit, place):
            found.setdefault((hit.chunk.document, unit.start, unit.end), unit)
    worded = [unit for unit in found.values() if any(char.isalnum() for char in unit.shown)]
    told = [unit for unit in worded if unit.kind not in ("heading", "header") and not _announces(unit)]
    return told or worded


def _announces(unit: Unit) -> bool:
    """Whether it is a row that says no more than what the rows below it are about: "Net sales:" and empty cells."""
    values = cells(unit.text) if unit.kind == "row" else []
    said = [value for value in values if value]
    return len(said) == 1 < len(values) and said[0].endswith((":", "："))


def _units(hit: Hit, place: int) -> Iterator[Unit]:
    header = continued_header(hit)
    headings = _headings(hit)
    for span in _spans(hit):
        text = hit.text[span.start : span.end]
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
            headings=next(path for begins, path in reversed(headings) if begins <= span.start),
            header=header if span.kind == "row" else "",
        )


def _headings(hit: Hit) -> list[tuple[int, str]]:
    """Where in the hit's text another heading path begins, and that path; the first one begins with the text."""
    own = _heads(hit)
    outer = list(takewhile(lambda title: all(title != block.title for block in own), hit.chunk.heading))
    found = [(0, _path(outer))]
    inner: list[tuple[int, str]] = []
    for block in own:
        inner = [*(each for each in inner if each[0] < block.level), (block.level, block.title)]
        found.append((block.start, _path([*outer, *(title for _, title in inner)])))
    return found


def _heads(hit: Hit) -> list[Block]:
    """The headings in the hit's text."""
    before = "" if _is_titled(hit) else "\n"
    text = f"{before}{hit.text}"
    found = parser(markup_of(hit))(text, len(before), len(text), ())
    return [replace(block, start=block.start - len(before)) for block in found if block.kind == "heading"]


def _is_titled(hit: Hit) -> bool:
    """Whether the hit's first line may be a title by its looks: it begins the document, or was one there."""
    first = hit.text.lstrip().partition("\n")[0]
    return not hit.start or " ".join(first.split()) in hit.chunk.heading


def _path(titles: Iterable[str]) -> str:
    return ARROW.join(dict.fromkeys(filter(None, titles)))


def _marker(text: str, kind: SpanKind) -> int:
    """Characters of a quote or bullet mark in front; a number stays, it may be what is asked for."""
    if kind not in ("item", "prose"):
        return 0
    match = _MARKER.match(text)
    return match.end() if match and match.end() < len(text) else 0


def _spans(hit: Hit) -> list[Span]:
    """The hit's sentences; where it continues a table, its first lines are rows. Data by key are cut at headings."""
    if hit.markup in ("yaml", "ini", "json"):
        starts = sorted({0, *(block.start for block in _heads(hit))})
        parts = [(start, end, hit.text[start:end]) for start, end in pairwise([*starts, len(hit.text)])]
        return [
            Span(end - len(part.lstrip()), start + len(part.rstrip()), "code")
            for start, end, part in parts
            if part.strip()
        ]
    continued = _continued_rows(hit) if continued_header(hit) else []
    after = continued[-1].end if continued else 0
    rest = sentences(hit.text[after:], markup_of(hit), titled=_is_titled(hit) and not after)
    return [*continued, *(Span(span.start + after, span.end + after, span.kind) for span in rest)]


def _continued_rows(hit: Hit) -> list[Span]:
    rows = []
    for line in lines(hit.text):
        if "|" not in line.content:
            break
        bare = line.content.strip()
        start = line.start + line.content.index(bare)
        rows.append(Span(start, start + len(bare), "row"))
    return rows


def markup_of(hit: Hit) -> Markup:
    """That of its document; a plain text may look like Markdown."""
    looks = hit.markup == "plain" and _MARKDOWN.search(hit.text) and not _UNDERLINED.search(hit.text)
    return "markdown" if looks else hit.markup
