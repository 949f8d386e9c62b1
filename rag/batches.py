"""What is embedded together and committed together: chunks, and the documents that are whole with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, overload

from rag.datatypes import Chunk, Document, Source

_BARE = attrgetter("id", "start", "end", "heading", "table_header", "tokens", "language")


class Cuts(Sequence[Chunk]):
    """The chunks of a document, whose texts are cut from it when they are asked for: they lie in memory once."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._bare: list[tuple[Any, ...]] = []

    def extend(self, chunks: Iterable[Chunk]) -> None:
        """Add the chunks that come next."""
        self._bare.extend(map(_BARE, chunks))

    def __len__(self) -> int:
        return len(self._bare)

    @overload
    def __getitem__(self, place: int) -> Chunk: ...

    @overload
    def __getitem__(self, place: slice) -> list[Chunk]: ...

    def __getitem__(self, place: int | slice) -> Chunk | list[Chunk]:
        if isinstance(place, slice):
            return list(map(self._whole, self._bare[place]))
        return self._whole(self._bare[place])

    def _whole(self, bare: tuple[Any, ...]) -> Chunk:
        name, start, end, *others = bare
        return Chunk(name, self._document.id, start, end, self._document.text[start:end], *others)


@dataclass(frozen=True, slots=True)
class Pending:
    """A document that waits for the embeddings of its chunks, with where it lies."""

    document: Document
    chunks: Cuts
    sources: tuple[Source, ...]


@dataclass(slots=True)
class Batch:
    """Chunks, and the documents whose last chunk is among them; `shown` of their `size` bytes are in the progress.

    Of a document that is longer than a batch the first chunks are embedded with batches that it is not among.
    """

    chunks: list[Chunk] = field(default_factory=list)
    whole: list[Pending] = field(default_factory=list)
    tokens: int = 0
    size: int = 0
    shown: int = 0

    def gather(self, chunks: Sequence[Chunk], size: int) -> None:
        """Take chunks in, which stand for so many bytes of progress."""
        self.chunks.extend(chunks)
        self.tokens += sum(chunk.tokens for chunk in chunks)
        self.size += size


def portions(chunks: Sequence[Chunk], tokens: int) -> Iterator[Sequence[Chunk]]:
    """The chunks in runs, each but the last of so many tokens at least."""
    start = count = 0
    for place, chunk in enumerate(chunks, 1):
        count += chunk.tokens
        if count >= tokens or place == len(chunks):
            yield chunks[start:place]
            start, count = place, 0
