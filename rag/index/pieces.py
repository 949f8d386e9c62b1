"""Text → pieces: blocks first, then the finer ones that a block falls into where it is too long for one chunk.

block → sentences, lines or table rows → clauses → tokens
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, NamedTuple

from rag.datatypes import Document
from rag.protocols import Embedder
from rag.text import markdown
from rag.text.sentences import sentences
from rag.text.structure import parser
from rag.text.windows import between_characters, windows

Kind = Literal["heading", "rule", "front", "code", "table", "header", "row", "prose"]

SLAB = 100_000
"""Characters that are tokenised at once."""
CHARACTERS_PER_TOKEN = 24
"""At least a token for so many characters: some tokenizers take a run without spaces, however long, for one."""
_KINDS: dict[markdown.Kind, Kind] = {
    "front": "front",
    "heading": "heading",
    "code": "code",
    "table": "table",
    "rule": "rule",
    "item": "prose",
    "paragraph": "prose",
    "html": "prose",
}
CLAUSES = ["\n", "；", "; ", "؛ ", "，", "、", "، ", ", ", "：", ": ", " – ", " — ", "\u3000", "\t", " "]
"""Where a sentence that is too long is cut, best place first."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A span `[start, end)` of a document, trimmed, that packing puts into one chunk or breaks up further.

    `path` is the heading path of its section (of itself for a heading), `header` the span of the header row of the
    table that it is a row of, `fineness` the number of the cut that made it: 0 block, 1 sentence, 2 clause, 3 tokens.
    """

    start: int
    end: int
    kind: Kind
    path: tuple[str, ...] = ()
    level: int = 0
    header: tuple[int, int] | None = None
    fineness: int = 0

    @property
    def leads(self) -> bool:
        """Whether it stands before what it is about, so that no chunk should end with it."""
        return self.kind in ("heading", "header")


class Window(NamedTuple):
    """The pieces of `text[start:end]` of a document in order; every non-blank character of it lies in one."""

    start: int
    end: int
    pieces: list[Piece]


class TokenMap:
    """Where the tokens of a window end, found once; counts of spans are estimates that are right to a token or two."""

    def __init__(self, text: str, embedder: Embedder, window: Window) -> None:
        self.ends = array("q")
        for start, end in _slabs(window):
            latest = start
            for _, token_end in embedder.token_offsets(text[start:end]):
                latest = max(latest, start + token_end)
                self.ends.append(latest)

    def count(self, start: int, end: int) -> int:
        """About the tokens of the span."""
        tokens = bisect_right(self.ends, end) - bisect_right(self.ends, start)
        return max(tokens, (end - start) // CHARACTERS_PER_TOKEN)

    def after(self, start: int, tokens: int) -> int:
        """Where so many tokens (at least one) from `start` on end; no further than they may have characters."""
        index = bisect_right(self.ends, start) + max(1, tokens) - 1
        furthest = start + CHARACTERS_PER_TOKEN * max(1, tokens)
        return min(self.ends[index], furthest) if index < len(self.ends) else furthest


def _slabs(window: Window) -> Iterator[tuple[int, int]]:
    """Spans that make up the window, cut before a piece where one starts before they are `SLAB` characters long."""
    start, borders = window.start, [piece.start for piece in window.pieces]
    while start < window.end:
        end = min(start + SLAB, window.end)
        if end < window.end:
            place = bisect_right(borders, end)
            border = borders[place - 1] if place else 0
            end = border if border > start else end
        yield start, end
        start = end


def pieces(document: Document) -> Iterator[Window]:
    """The document's blocks with their heading paths, in windows that make up its text."""
    path: list[tuple[int, str]] = []
    for window in windows(document.text, parser(document.markup)):
        yield Window(window.start, window.end, _sections(document.text, window.blocks, path))


def _sections(text: str, blocks: Sequence[markdown.Block], path: list[tuple[int, str]]) -> list[Piece]:
    """The blocks as pieces. `path` holds the headings (level, title) that they stand under, and is brought forward."""
    found: list[Piece] = []
    for block in blocks:
        if block.kind == "heading":
            path[:] = [*(entry for entry in path if entry[0] < block.level), (block.level, block.title)]
        titles = tuple(title for _, title in path if title)
        kind, header = _KINDS[block.kind], block.header
        if header and header[1] < block.start:  # the rest of a table that was cut
            kind, header = "row", _names(text, header)
        found.append(trimmed(text, Piece(block.start, block.end, kind, titles, block.level, header)))
    return found


def finer(document: Document, piece: Piece, tokens: TokenMap, room: int, limit: int) -> list[Piece]:
    """The pieces that make up `piece`, by the coarsest cut that gives more than one; itself where there is none.

    Pieces of the finest cut have at most `limit` tokens, the first of them at most `room`.
    """
    text = document.text
    for fineness in range(min(piece.fineness + 1, 3), 4):
        if fineness == 1:
            cut = _first_cut(document, piece)
        else:
            inside = replace(piece, kind=piece.kind if piece.header else "prose", fineness=fineness)
            starts = (
                _clauses(text, piece, tokens, limit) if fineness == 2 else _tokens(text, piece, tokens, room, limit)
            )
            cut = _cut(text, inside, starts)
        if len(cut) > 1:
            return cut
    return [piece]


def _first_cut(document: Document, piece: Piece) -> list[Piece]:
    text = document.text
    if piece.kind == "table" and piece.header:
        return _rows(text, piece, piece.header)
    inside = replace(piece, kind=piece.kind if piece.kind == "row" else "prose", fineness=1)
    content = text[piece.start : piece.end]
    if piece.kind in ("code", "front", "heading", "header", "row"):
        starts = [piece.start + line.start for line in markdown.lines(content)]
    else:
        starts = [piece.start + span.start for span in sentences(content, document.markup)]
    return _cut(text, inside, starts)


def _rows(text: str, table: Piece, header: tuple[int, int]) -> list[Piece]:
    """The table's header and its rows, one line each."""
    row = Piece(table.start, table.end, "row", table.path, header=_names(text, header), fineness=1)
    starts = [table.start + line.start for line in markdown.lines(text[table.start : table.end])]
    after = [start for start in starts if start > header[1]]
    body = _cut(text, replace(row, start=after[0]), after) if after else []
    end = after[0] if after else table.end
    return [trimmed(text, Piece(table.start, end, "header", table.path, fineness=1)), *body]


def _names(text: str, header: tuple[int, int]) -> tuple[int, int]:
    """The first line of a table's header."""
    line = markdown.lines(text, *header)[0]
    return line.start, line.end


def _clauses(text: str, piece: Piece, tokens: TokenMap, limit: int) -> list[int]:
    """Starts of clauses of about a quarter of `limit` tokens; longer ones where no mark and no space stands."""
    # Importing it takes over half a second, and few texts have sentences that are too long.
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    content = text[piece.start : piece.end]
    size = len(content) * max(1, limit // 4) // max(1, tokens.count(piece.start, piece.end))
    splitter = RecursiveCharacterTextSplitter(
        separators=CLAUSES, keep_separator="end", strip_whitespace=False, chunk_size=max(1, size), chunk_overlap=0
    )
    starts = [piece.start]
    for part in splitter.split_text(content):
        starts.append(starts[-1] + len(part))
    assert starts.pop() == piece.end, "the splitter's parts make up the text"
    return starts


def _tokens(text: str, piece: Piece, tokens: TokenMap, room: int, limit: int) -> list[int]:
    """Starts of runs of whole tokens, without cutting a character off its accents or an emoji off its parts."""
    starts = [piece.start]
    while True:
        at = tokens.after(starts[-1], room if len(starts) == 1 else limit)
        if at >= piece.end:
            return starts
        starts.append(between_characters(text, starts[-1] + 1, at))


def _cut(text: str, whole: Piece, starts: Sequence[int]) -> list[Piece]:
    """`whole` cut before each of `starts` (its own start may be missing there), trimmed, blank parts left out."""
    borders = [whole.start, *(start for start in starts if start > whole.start), whole.end]
    parts = (replace(whole, start=a, end=b) for a, b in pairwise(borders))
    return [trimmed(text, part) for part in parts if text[part.start : part.end].strip()]


def trimmed(text: str, piece: Piece) -> Piece:
    """The piece without white space at its ends."""
    content = text[piece.start : piece.end]
    start = piece.end - len(content.lstrip())
    return replace(piece, start=start, end=start + len(content.strip()))
