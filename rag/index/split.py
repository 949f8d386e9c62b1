"""Document → chunks: packed from pieces of its structure, each bounded by the embedder's own tokenizer.

A heading starts a new chunk; a section that fits into one is one, another is packed into smaller parts. Every non-blank
character of the text lies in exactly one chunk. Sizes are estimated from one tokenisation of the text, and every chunk
is counted again before it leaves. A long document is split in windows: beside its text, memory holds the pieces and
chunks of one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain, takewhile

from rag.datatypes import Chunk, Document
from rag.index.chunking import Chunking, chunk_id
from rag.index.pieces import Piece, TokenMap, Window, finer, pieces
from rag.protocols import Embedder
from rag.text import markdown
from rag.text.context import ARROW, embedded_text, outer_titles
from rag.text.language import language

THIN = 32
"""Tokens below which a chunk is too short to stand alone: it takes in the next section of the same or a lower level."""
PART = 0.6
"""Of the limit, what the parts of a section have that does not fit into one chunk (benchmarks/chunking.py)."""
LEAST_ROOM = 16
"""Tokens that an embedder must take beside its prompt and specials."""
SLACK = 2
"""Tokens that are left free beside chunk and context."""
JOINT = 8
"""Tokens by which a text may at most grow where its context is put in front of it."""
SURE_CHARACTERS = 80
"""Characters from which on a chunk's own words tell its language better than its document does."""


def split(document: Document, embedder: Embedder, chunking: Chunking) -> list[Chunk]:
    """The document's chunks in order, `document.text[start:end] == chunk.text`, none blank.

    With an embedder that takes less, chunks and contexts are smaller than `chunking` allows: `embedded_text` of each
    always fits into `embedder.max_tokens`. Raises ValueError for an embedder that takes hardly anything.
    """
    return [chunk for chunks in windows(document, embedder, chunking) for chunk in chunks]


def windows(document: Document, embedder: Embedder, chunking: Chunking) -> Iterator[list[Chunk]]:
    """The chunks of `split` a window of the text at a time (see `rag.text.windows`); none of the lists is empty."""
    for window in pieces(document):
        if window.pieces:
            yield _Splitter(document, embedder, chunking, window).chunks(window.pieces)


class _Splitter:
    """One window of a document on its way to chunks."""

    def __init__(self, document: Document, embedder: Embedder, chunking: Chunking, window: Window) -> None:
        room = embedder.max_tokens - embedder.overhead
        if room < LEAST_ROOM:
            raise ValueError(f"the embedder takes {room} tokens of text, at least {LEAST_ROOM} are needed")
        self.document = document
        self.embedder = embedder
        self.chunking = chunking
        self.tokens = TokenMap(document.text, embedder, window)
        self.context_limit = min(chunking.context_tokens, room // 4)
        self.limit = min(chunking.max_tokens, room - self.context_limit - SLACK)
        self.context_room = min(2 * self.context_limit, room - self.limit - SLACK)
        self.room = room
        self.contexts: dict[tuple[tuple[str, ...], str], tuple[tuple[str, ...], str]] = {}

    def chunks(self, parts: Sequence[Piece]) -> list[Chunk]:
        """Chunks of all the pieces; what turns out too long when it is counted is packed again, tighter."""
        todo = [(draft, self.limit) for draft in self.balanced(self.parted(self.packed(parts, self.limit)))]
        done: list[Chunk] = []
        while todo:
            counted = self.counted([draft for draft, _ in todo])
            again: list[tuple[list[Piece], int]] = []
            for (draft, limit), (chunk, excess) in zip(todo, counted, strict=True):
                tighter = self.packed(draft, max(1, limit - max(1, excess))) if excess > 0 and limit > 1 else []
                again.extend((part, max(1, limit - max(1, excess))) for part in tighter)
                if not tighter:
                    done.append(replace(chunk, heading=(), table_header="") if excess > 0 else chunk)
            todo = again
        return sorted(done, key=lambda chunk: chunk.start)

    # ------------------------------------------------------------ packing

    def packed(self, parts: Iterable[Piece], limit: int) -> list[list[Piece]]:
        """The pieces (one at least) in groups of at most about `limit` tokens, broken up where they do not fit."""
        todo, current, done = deque(parts), list[Piece](), list[list[Piece]]()
        says = False  # whether `current` holds more than headings: of 100,000 of them none is looked at again and again
        while todo:
            piece = todo.popleft()
            if says and self.parts_from(current, piece, limit):
                done.append(current)
                current, says = [], False
            if self.size([*current[:1], piece]) <= limit:
                current.append(piece)
                says = says or not piece.leads
                continue
            filled = self.size(current) > limit // 2 or self.size([piece]) <= limit
            if filled and says and not self.short(current, limit):
                current, says = self.closed(current, done), False
                todo.appendleft(piece)
                continue
            cut = self.finer(piece, limit - self.size(current), limit)
            if len(cut) > 1:
                todo.extendleft(reversed(cut))
            elif not says:
                done.extend([current] if current else [])
                current, says = [piece], not piece.leads
            else:
                current, says = self.closed(current, done), False
                todo.appendleft(piece)
        self.ended(current, done, limit)
        return done

    def parted(self, groups: Iterable[list[Piece]]) -> Iterator[list[Piece]]:
        """The groups; a section that has several is packed again, into smaller ones."""
        sections: list[list[list[Piece]]] = []
        for group in groups:
            if sections and group[0].kind != "heading" and not sections[-1][0][-1].leads:
                sections[-1].append(group)
            else:
                sections.append([group])
        part = max(1, int(PART * self.limit))
        for section in sections:
            yield from self.packed(chain.from_iterable(section), part) if len(section) > 1 else section

    def finer(self, piece: Piece, room: int, limit: int) -> list[Piece]:
        return finer(self.document, piece, self.tokens, room, limit) if room > 0 else [piece]

    def size(self, group: Sequence[Piece]) -> int:
        """About the tokens from the first to the last of the pieces."""
        return self.tokens.count(group[0].start, group[-1].end) if group else 0

    def thin(self, group: Sequence[Piece], limit: int) -> bool:
        """Whether the group says too little to stand alone; nothing does."""
        return self.short(group, limit) or all(piece.leads for piece in group)

    def short(self, group: Sequence[Piece], limit: int) -> bool:
        """Whether the group is too short to stand alone."""
        return self.size(group) < min(THIN, limit // 4)

    def parts_from(self, current: Sequence[Piece], piece: Piece, limit: int) -> bool:
        """Whether `piece` is a heading that starts a new chunk behind one that says something."""
        if piece.kind != "heading":
            return False
        whole = current[0].kind == "heading" or not current[0].path
        return not (whole and self.short(current, limit) and piece.level >= current[0].level)

    @staticmethod
    def closed(current: list[Piece], done: list[list[Piece]]) -> list[Piece]:
        """Put a full group away; the headings at its end come back, they belong to what follows."""
        last = len(current)
        while last and current[last - 1].leads:
            last -= 1
        done.append(current[:last])
        return current[last:]

    def ended(self, current: list[Piece], done: list[list[Piece]], limit: int) -> None:
        """Put the last group away; headings that nothing follows join the group before."""
        if done and all(piece.leads for piece in current) and self.size([done[-1][0], current[-1]]) <= limit:
            done[-1] = [*done[-1], *current]
        else:
            done.append(current)

    def balanced(self, groups: Iterable[list[Piece]]) -> list[list[Piece]]:
        """The groups, with the thin end of a section filled up from the group before it."""
        done: list[list[Piece]] = []
        for group in groups:
            before = done[-1] if done else []
            if (
                before
                and group[0].kind != "heading"
                and before[-1].path == group[-1].path
                and self.thin(group, self.limit)
            ):
                both = [*before, *group]
                halves = self.packed(both, self.size(both) * 5 // 8)
                if len(halves) == 2 and not self.thin(halves[1], self.limit):
                    done[-1:] = halves
                    continue
            done.append(group)
        return done

    # ------------------------------------------------------------ groups to chunks

    def counted(self, groups: Sequence[Sequence[Piece]]) -> list[tuple[Chunk, int]]:
        """The group's chunk, and by how many tokens it is too long: for itself, or for the model with its context."""
        texts = [self.document.text[group[0].start : group[-1].end] for group in groups]
        lengths = self.embedder.count_tokens(texts)
        chunks = [self.chunk(group, text, length) for group, text, length in zip(groups, texts, lengths, strict=True)]
        # Counting is what splitting costs most, so the whole is only counted where it could be too long.
        close = [chunk for chunk in chunks if chunk.tokens + self.context_room + JOINT > self.room]
        whole = self.embedder.count_tokens([embedded_text(chunk) for chunk in close])
        over = {chunk.id: count - self.room for chunk, count in zip(close, whole, strict=True)}
        return [(chunk, max(chunk.tokens - self.limit, over.get(chunk.id, 0))) for chunk in chunks]

    def chunk(self, group: Sequence[Piece], text: str, tokens: int) -> Chunk:
        path = self.path(group)
        outer = outer_titles(path, text)
        first = group[0]
        header = (
            " ".join(self.document.text[slice(*first.header)].split()) if first.kind == "row" and first.header else ""
        )
        if (outer, header) not in self.contexts:
            self.contexts[outer, header] = self.context(outer, header)
        shown, header = self.contexts[outer, header]
        start, end = first.start, group[-1].end
        identity = chunk_id(self.document.id, start, end, self.chunking)
        heading = (*shown, *path[len(outer) :])
        return Chunk(identity, self.document.id, start, end, text, heading, header, tokens, self.spoken(text))

    def spoken(self, text: str) -> str:
        """The language of a chunk; that of the whole document where the chunk is too short to tell."""
        return (language(text) if len(text) >= SURE_CHARACTERS else "") or self.main_language

    @cached_property
    def main_language(self) -> str:
        return language(self.document.text)

    def path(self, group: Sequence[Piece]) -> tuple[str, ...]:
        """The document's title and the headings that all of the group stands under."""
        paths = [piece.path for piece in group if piece.kind not in ("heading", "rule")] or [group[-1].path]
        same = takewhile(lambda titles: len(set(titles)) == 1, zip(*paths, strict=False))
        common = tuple(titles[0] for titles in same)
        title = " ".join(self.document.title.split())
        return (title, *common) if title and title not in common else common

    def context(self, path: tuple[str, ...], header: str) -> tuple[tuple[str, ...], str]:
        """Path and table header, each within its limit; where the embedder takes too little for two, they share one."""
        if not header:
            return self.titles(path, self.context_limit), ""
        share = self.context_room // 2
        return self.titles(path, share), self.shortened(header, share)

    def titles(self, path: tuple[str, ...], limit: int) -> tuple[str, ...]:
        """The path within the limit: outer headings go first; what is left is cut at its end."""
        options = [path[index:] for index in range(len(path))]
        sizes = self.embedder.count_tokens([ARROW.join(option) for option in options])
        best = next((option for option, size in zip(options, sizes, strict=True) if size <= limit), ())
        return best or tuple(part for part in [self.cut(path[-1], limit)] if part) if path else ()

    def shortened(self, header: str, limit: int) -> str:
        """A table's header row within the limit: the longest cells lose their middle, none is left out.

        Where that is not enough, or the row has no cells, it is cut at its end.
        """
        cells = markdown.cells(header)
        if self.embedder.count_tokens([header])[0] <= limit or not 1 < len(cells) < limit:
            return self.cut(header, limit)
        for most in range(limit, 0, -1):
            row = f"| {' | '.join(self.without_middle(cell, most) for cell in cells)} |"
            if self.embedder.count_tokens([row])[0] <= limit:
                return row
        return self.cut(header, limit)

    def without_middle(self, text: str, most: int) -> str:
        """The first and the last words of a text, of `most` tokens together: columns often differ in their last."""
        offsets = self.embedder.token_offsets(text)
        if len(offsets) <= most:
            return text
        first, last = offsets[(most + 1) // 2 - 1][1], offsets[-(most // 2)][0] if most > 1 else len(text)
        return f"{text[:first].rstrip()}…{text[last:].lstrip()}"

    def cut(self, text: str, limit: int) -> str:
        """The beginning of a text, of at most `limit` tokens."""
        kept = limit
        while text and self.embedder.count_tokens([text])[0] > limit:
            offsets = self.embedder.token_offsets(text)
            text = text[: offsets[kept - 1][1]].rstrip() if 0 < kept <= len(offsets) else ""
            kept -= 1
        return text
