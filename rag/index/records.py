"""Rows as the values they stand for, and back, each with its checksum at the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from rag.datatypes import Chunk, Document, Markup, Metadata, Page, Source, State
from rag.index.schema import PART, checksum, pack, unpack

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """A state of the index. The derived file `dense` holds `dense_rows` rows, the last of them `dense_last`."""

    number: int = 0
    made: float = 0.0
    documents: int = 0
    sources: int = 0
    chunks: int = 0
    dense: str = ""
    dense_sha256: str = ""
    dense_rows: int = 0
    dense_last: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """A document but for its text, which has so many characters; the other fields are those of `Document`."""

    id: str
    markup: Markup
    title: str
    pages: tuple[Page, ...]
    metadata: Metadata
    characters: int


def source_row(source: Source) -> Row:
    """The values of a source's row, with their checksum."""
    values = (
        *(pack(source.location), pack(source.root), pack(source.path), source.state.value, source.document),
        *(source.digest, source.size, source.mtime_ns, str(source.inode)),
        *(source.reader, pack(source.reason), pack(source.fix), int(source.stale)),
        *(json.dumps(source.given), json.dumps(source.sidecar)),
    )
    return *values, checksum("source", *values)


def source_of(values: Row) -> Source:
    """The source of a row without its checksum."""
    _, root, path, state, document, digest, size, mtime_ns, inode, reader, reason, fix, stale, given, sidecar = values
    return Source(
        root=unpack(root),
        path=unpack(path),
        state=State(state),
        document=document,
        digest=digest,
        size=size,
        mtime_ns=mtime_ns,
        inode=int(inode),
        reader=reader,
        reason=unpack(reason),
        fix=unpack(fix),
        stale=bool(stale),
        given=metadata_of(given),
        sidecar=metadata_of(sidecar),
    )


def head_of(document: Document) -> Head:
    """What a document is but for its text."""
    characters = len(document.text)
    return Head(document.id, document.markup, document.title, document.pages, document.metadata, characters)


def head_from(values: Row) -> Head:
    """The head of a document's row without its checksum."""
    name, markup, title, pages, metadata, characters = values
    kind: Markup = markup if markup in get_args(Markup) else "plain"
    held = tuple(_page(*page) for page in json.loads(pages))
    return Head(name, kind, unpack(title), held, metadata_of(metadata), characters)


def document_row(head: Head) -> Row:
    """The values of a document's row, with their checksum."""
    pages = json.dumps([_page_values(page) for page in head.pages])
    values = (head.id, head.markup, pack(head.title), pages, json.dumps(head.metadata), head.characters)
    return *values, checksum("document", *values)


def _page_values(page: Page) -> list[int | str]:
    """A page's values, those at the end left away that are as they are by default."""
    place = [page.number, page.start, page.end]
    return [*place, page.label, page.state.value] if page.state else [*place, *filter(None, [page.label])]


def _page(number: int, start: int, end: int, label: str = "", state: str = "") -> Page:
    return Page(number, start, end, label, State(state) if state else None)


def text_rows(document: str, text: str) -> Iterator[Row]:
    """The rows of a document's text, each with its checksum."""
    for number in range(parts(len(text))):
        part = text[number * PART : (number + 1) * PART].encode("utf-8", "surrogatepass")
        yield document, number, part, checksum("document_text", document, number, part)


def parts(characters: int) -> int:
    """How many parts a text of so many characters has."""
    return -(-characters // PART)


def chunk_row(row: int, chunk: Chunk, embedding: int) -> Row:
    """The values of a chunk's row, with their checksum."""
    heading = json.dumps(chunk.heading)
    place = (row, chunk.id, chunk.document, chunk.start, chunk.end)
    values = (*place, heading, pack(chunk.table_header), chunk.tokens, chunk.language, embedding)
    return *values, checksum("chunk", *values)


def metadata_of(stored: str) -> Metadata:
    return tuple((key, value) for key, value in json.loads(stored))
