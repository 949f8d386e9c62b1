"""Rows of the database as the values they stand for, each checked against its checksum when it is read.

A chunk's text is cut from its document's; a few decoded documents are kept, so that the hits of one search
decode each document once.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Chunk, Document, Markup, Metadata, Page, Source, State
from rag.index.database import Database, damaged
from rag.index.late import TokenCodec
from rag.index.manifest import Manifest
from rag.index.schema import checksum, pack, unpack

Halves = NDArray[np.float16]
Row = tuple[Any, ...]

_KEPT_CHARACTERS = 8_000_000

_CHUNK = "c.row, c.id, c.document, c.start, c.stop, c.heading, c.table_header, c.tokens, c.language, c.embedding, c.crc"
_FILE = "location, root, path, state, document, digest, size, mtime_ns, inode, reader"
_SOURCE = f"{_FILE}, reason, fix, stale, given, sidecar, crc"
_DOCUMENT = "id, markup, title, pages, metadata, text, crc"
_COMMIT = "number, made, documents, sources, chunks, dense, dense_sha256, dense_rows, dense_last, crc"


_NAMES = {
    "manifest": "the manifest",
    "commits": "a commit",
    "codec": "a token codec",
    "embedding": "a vector",
    "token_vectors": "token vectors",
    "chunk": "a chunk",
    "document": "a document",
    "source": "a source",
}
"""What a row of a table is called."""


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


class Rows:
    """Reads one database; sees what its connection sees."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._documents: OrderedDict[str, Document] = OrderedDict()
        self._kept = 0

    def forget(self) -> None:
        """Drop what was kept of an older state."""
        self._documents.clear()
        self._kept = 0

    # ------------------------------------------------------------ the index as a whole

    def manifest(self) -> Manifest:
        """What the index was built with."""
        rows = self.database.all("SELECT key, value, crc FROM manifest")
        values = {key: unpack(value) for key, value in self._checked("manifest", rows)}
        try:
            return Manifest.from_values(values)
        except (KeyError, ValueError) as error:
            raise damaged(self.database.file, f"its manifest is not complete ({error})") from error

    def commit(self) -> Commit:
        """The newest commit that this connection sees; number 0 before the first."""
        rows = self.database.all(f"SELECT {_COMMIT} FROM commits ORDER BY number DESC LIMIT 1")
        return Commit(*self._checked("commits", rows)[0]) if rows else Commit()

    def count(self, table: Literal["document", "source", "chunk"]) -> int:
        """Rows of a table, counted in the table itself: its indexes may have lost some."""
        return int(self.database.all(f"SELECT count(*) FROM {table} NOT INDEXED")[0][0])

    def codecs(self) -> dict[int, TokenCodec]:
        """The codecs of token vectors, by number; the highest is the one that encodes."""
        rows = self._checked("codec", self.database.all("SELECT number, data, crc FROM codec ORDER BY number"))
        try:
            return {number: TokenCodec.from_bytes(data) for number, data in rows}
        except ValueError as error:
            raise damaged(self.database.file, str(error)) from error

    # ------------------------------------------------------------ documents and sources

    def has_document(self, document: str) -> bool:
        """Whether there is a document of that id."""
        return bool(self.database.all("SELECT 1 FROM document WHERE id = ?", (document,)))

    def document(self, document: str) -> Document:
        """The document of that id. Raises KeyError where there is none."""
        kept = self._documents.get(document)
        if kept is None:
            rows = self.database.all(f"SELECT {_DOCUMENT} FROM document WHERE id = ?", (document,))
            if not rows:
                raise KeyError(document)
            kept = self._document(rows[0])
            self._keep(kept)
        else:
            self._documents.move_to_end(document)
        return kept

    def document_metadata(self) -> dict[str, Metadata]:
        """What each document says of itself, by its id; only of those that say something."""
        found = self.database.all("SELECT id, metadata FROM document WHERE metadata <> '[]'")
        try:
            return {name: _metadata(metadata) for name, metadata in found}
        except ValueError as error:
            raise damaged(self.database.file, f"a document's metadata cannot be read ({error})") from error

    def document_places(self) -> list[int]:
        """Where the documents lie in their table, whatever its index says."""
        return [place for (place,) in self.database.all("SELECT rowid FROM document NOT INDEXED")]

    def document_at(self, place: int) -> Document:
        """The document that lies there."""
        (row,) = self.database.all(f"SELECT {_DOCUMENT} FROM document WHERE rowid = ?", (place,))
        return self._document(row)

    def sources(self, document: str) -> list[Source]:
        """Where a document lies, by location."""
        return self._sources("WHERE document = ? ORDER BY location", (document,))

    def source(self, location: str) -> list[Source]:
        """The source of that location, or nothing."""
        return self._sources("WHERE location = ?", (pack(location),))

    def all_sources(self) -> list[Source]:
        """All sources, by location."""
        # Sorted here: SQLite would walk its index, where a flipped bit hides rows.
        return sorted(self._sources("NOT INDEXED", ()), key=lambda source: source.location)

    # ------------------------------------------------------------ chunks and vectors

    def chunks(self, rows: Sequence[int]) -> list[Chunk]:
        """The chunks of these rows, in their order. Raises IndexDamaged where one is not there."""
        return [self._chunk(values) for values in self._chunk_values(rows)]

    def rows_of(self, document: str) -> list[int]:
        """The rows of a document's chunks, in the order of its text."""
        return [
            row for (row,) in self.database.all("SELECT row FROM chunk WHERE document = ? ORDER BY start", (document,))
        ]

    def live(self) -> NDArray[np.int64]:
        """The rows of all chunks, ascending."""
        return np.array(
            [row for (row,) in self.database.all("SELECT row FROM chunk NOT INDEXED ORDER BY row")], np.int64
        )

    def languages(self) -> dict[str, int]:
        """How many chunks there are of each language."""
        return dict(self.database.all("SELECT language, count(*) FROM chunk GROUP BY language ORDER BY language"))

    def languages_of(self, rows: Sequence[int]) -> list[str]:
        """The language of each of these rows, in their order. Raises IndexDamaged where one is not there."""
        return [values[8] for values in self._chunk_values(rows)]

    def vectors(self, dimension: int, *, after: int = 0) -> tuple[NDArray[np.int64], Halves]:
        """Rows above `after`, ascending, and their vectors (n, dimension) float16."""
        found = self.database.all(
            "SELECT c.row, e.id, e.key, e.vector, e.crc FROM chunk AS c JOIN embedding AS e ON e.id = c.embedding "
            "WHERE c.row > ? ORDER BY c.row",
            (after,),
        )
        rows = np.array([row[0] for row in found], np.int64)
        blobs = [vector for _, _, vector in self._checked("embedding", [row[1:] for row in found])]
        data = b"".join(blobs)
        if len(data) != 2 * dimension * len(rows):
            raise damaged(self.database.file, f"a vector has not {dimension} numbers")
        return rows, np.frombuffer(data, "<f2").astype(np.float16, copy=False).reshape(len(rows), dimension)

    def token_vectors(self, rows: Sequence[int]) -> list[tuple[int, bytes]]:
        """The codec's number and the blob of each row's token vectors, in the rows' order."""
        found = self.database.all(
            "SELECT t.embedding, t.codec, t.data, t.crc FROM json_each(?) AS wanted "
            "JOIN chunk AS c ON c.row = wanted.value JOIN token_vectors AS t ON t.embedding = c.embedding "
            "ORDER BY wanted.key",
            (_json(rows),),
        )
        if len(found) != len(rows):
            raise damaged(self.database.file, "token vectors are missing")
        return [(codec, data) for _, codec, data in self._checked("token_vectors", found)]

    # ------------------------------------------------------------ one row

    def _checked(self, table: str, rows: Sequence[Row]) -> list[Row]:
        """The table's rows without their last value, which is the checksum of the others."""
        for row in rows:
            if checksum(table, *row[:-1]) != row[-1]:
                raise damaged(self.database.file, f"{_NAMES[table]} ({str(row[0])[:60]}) does not have its checksum")
        return [row[:-1] for row in rows]

    def _chunk_values(self, rows: Sequence[int]) -> list[Row]:
        found = self.database.all(
            f"SELECT {_CHUNK} FROM json_each(?) AS wanted JOIN chunk AS c ON c.row = wanted.value ORDER BY wanted.key",
            (_json(rows),),
        )
        if len(found) != len(rows):
            missing = sorted({int(row) for row in rows} - {int(row[0]) for row in found})
            raise damaged(self.database.file, f"chunks are missing, such as row {missing[:1]}")
        return self._checked("chunk", found)

    def _document(self, row: Row) -> Document:
        ((name, markup, title, pages, metadata, text),) = self._checked("document", [row])
        kind: Markup = "markdown" if markup == "markdown" else "plain"
        return Document(
            id=name,
            text=text.decode("utf-8", "surrogatepass"),
            markup=kind,
            title=unpack(title),
            pages=tuple(Page(*page) for page in json.loads(pages)),
            metadata=_metadata(metadata),
        )

    def _keep(self, document: Document) -> None:
        self._documents[document.id] = document
        self._kept += len(document.text)
        while self._kept > _KEPT_CHARACTERS and len(self._documents) > 1:
            _, dropped = self._documents.popitem(last=False)
            self._kept -= len(dropped.text)

    def _chunk(self, values: Row) -> Chunk:
        _, name, document, start, stop, heading, table_header, tokens, language, _ = values
        try:
            text = self.document(document).text[start:stop]
            path = tuple(json.loads(heading))
            return Chunk(name, document, start, stop, text, path, unpack(table_header), tokens, language)
        except (KeyError, ValueError) as error:
            raise damaged(self.database.file, f"chunk {name} is not a part of its document") from error

    def _sources(self, condition: str, values: Sequence[str]) -> list[Source]:
        found = self.database.all(f"SELECT {_SOURCE} FROM source {condition}", values)
        return [source_of(row) for row in self._checked("source", found)]


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
        given=_metadata(given),
        sidecar=_metadata(sidecar),
    )


def document_row(document: Document) -> Row:
    """The values of a document's row, with their checksum."""
    pages = json.dumps([[page.number, page.start, page.end] for page in document.pages])
    text = document.text.encode("utf-8", "surrogatepass")
    values = (document.id, document.markup, pack(document.title), pages, json.dumps(document.metadata), text)
    return *values, checksum("document", *values)


def chunk_row(row: int, chunk: Chunk, embedding: int) -> Row:
    """The values of a chunk's row, with their checksum."""
    heading = json.dumps(chunk.heading)
    place = (row, chunk.id, chunk.document, chunk.start, chunk.end)
    values = (*place, heading, pack(chunk.table_header), chunk.tokens, chunk.language, embedding)
    return *values, checksum("chunk", *values)


def _metadata(stored: str) -> Metadata:
    return tuple((key, value) for key, value in json.loads(stored))


def _json(rows: Sequence[int]) -> str:
    return json.dumps([int(row) for row in rows])
