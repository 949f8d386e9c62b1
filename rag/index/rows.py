"""Rows of the database as the values they stand for, each checked against its checksum when it is read.

A row that is absent has no checksum. Where an answer rests on there being no more rows, they are looked for in two
places, a table and an index of it: damage to one page changes one of these.

A chunk's text is cut from its document's; a few of the parts that this lies in are kept decoded, so that the hits of
one search decode each part once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Chunk, Document, Metadata, Source
from rag.index.database import Database, damaged
from rag.index.late import TokenCodec
from rag.index.manifest import Manifest
from rag.index.records import Commit, Head, Row, head_from, metadata_of, parts, source_of
from rag.index.schema import PART, checksum, pack, unpack

Halves = NDArray[np.float16]

SLAB = 50_000
"""Vectors that are read at once, where all are."""
_KEPT_HEADS, _KEPT_PARTS = 100, 128
_BATCH = 1000

_CHUNK = "c.row, c.id, c.document, c.start, c.stop, c.heading, c.table_header, c.tokens, c.language, c.embedding, c.crc"
_CHUNK_VALUES = 11
_FILE = "location, root, path, state, document, digest, size, mtime_ns, inode, reader"
_SOURCE = f"{_FILE}, reason, fix, stale, given, sidecar, crc"
_DOCUMENT = "id, markup, title, pages, metadata, characters, crc"
_COMMIT = "number, made, documents, sources, chunks, dense, dense_sha256, dense_rows, dense_last, crc"


_VECTORS = (
    "SELECT c.row, c.embedding, e.id, e.key, e.vector, e.crc FROM chunk AS c LEFT JOIN embedding AS e "
    "ON e.id = c.embedding"
)
_OTHER_EMBEDDINGS = "the embeddings of its chunks are not the same wherever they are kept"

_NAMES = {
    "manifest": "the manifest",
    "commits": "a commit",
    "codec": "a token codec",
    "embedding": "a vector",
    "token_vectors": "token vectors",
    "chunk": "a chunk",
    "document": "a document",
    "document_text": "a part of the text of a document",
    "source": "a source",
}
"""What a row of a table is called."""


class Rows:
    """Reads one database; sees what its connection sees."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._kept_head = lru_cache(_KEPT_HEADS)(self._read_head)
        self._kept_part = lru_cache(_KEPT_PARTS)(self._read_part)

    def forget(self) -> None:
        """Drop what was kept of an older state."""
        self._kept_head.cache_clear()
        self._kept_part.cache_clear()

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

    def counts(self) -> tuple[int, int, int]:
        """How many documents, sources and chunks there are."""
        return self.count("document"), self.count("source"), self.count("chunk")

    def require_commit(self, commit: Commit) -> None:
        """Raise IndexDamaged where the newest commit or codec may be hidden: then an older one is read in its place."""
        for table in ("commits", "codec"):
            if self.database.all(f"PRAGMA quick_check({table})") != [("ok",)]:
                raise damaged(self.database.file, f"its {table} cannot all be read")
        if not commit.number and (self.count("source") or self.count("chunk")):
            raise damaged(self.database.file, "its commits are missing")
        if commit.chunks and not self.database.all("SELECT 1 FROM codec LIMIT 1"):
            raise damaged(self.database.file, "its token codecs are missing")

    def require_counts(self, commit: Commit) -> None:
        """Raise IndexDamaged where there are not as many documents, sources and chunks as the commit says."""
        if (counts := self.counts()) != (wanted := (commit.documents, commit.sources, commit.chunks)):
            raise damaged(
                self.database.file, f"it has {counts} documents, sources and chunks, its last commit {wanted}"
            )

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
        head = self.head(document)
        text = self._text(document, 0, head.characters)
        return Document(head.id, text, head.markup, head.title, head.pages, head.metadata)

    def head(self, document: str) -> Head:
        """The document of that id but for its text. Raises KeyError where there is none."""
        return self._kept_head(document)

    def text(self, document: str, start: int = 0, end: int | None = None) -> str:
        """`text[start:end]` of that document. Raises KeyError where there is none."""
        start, end, _ = slice(start, end).indices(self.head(document).characters)
        return self._text(document, start, end)

    def document_metadata(self) -> dict[str, Metadata]:
        """What each document says of itself, by its id; only of those that say something."""
        self.database.kept("documents", self._require_documents)
        found = self.database.all("SELECT id, metadata FROM document NOT INDEXED WHERE metadata <> '[]'")
        return {name: metadata_of(metadata) for name, metadata in found}

    def document_places(self) -> list[int]:
        """Where the documents lie in their table, whatever its index says."""
        return [place for (place,) in self.database.all("SELECT rowid FROM document NOT INDEXED")]

    def head_at(self, place: int) -> Head:
        """The document that lies there, but for its text."""
        return head_from(self._document_values(place))

    def require_text(self, head: Head) -> None:
        """Raise IndexDamaged where the document's text is not whole."""
        for number in range(parts(head.characters)):
            self._read_part(head.id, number)

    def sources(self, document: str) -> list[Source]:
        """Where a document lies, by location."""
        return self._sources("WHERE document = ? ORDER BY location", (document,))

    def source(self, location: str) -> list[Source]:
        """The source of that location, or nothing."""
        return self._sources("WHERE location = ?", (pack(location),))

    def all_sources(self) -> list[Source]:
        """All sources, by location."""
        # Sorted here: SQLite would walk its index, where a flipped bit hides rows.
        found = sorted(self._sources("NOT INDEXED", ()), key=lambda source: source.location)
        self._require_once([source.location for source in found])
        return found

    def places(self) -> list[tuple[str, str | None]]:
        """The path of each source below its root, and its document: quicker than whole sources."""
        found = self._checked("source", self.database.all(f"SELECT {_SOURCE} FROM source NOT INDEXED"))
        self._require_once([location for location, *_ in found])
        return [(unpack(path), document) for _, _, path, _, document, *_ in found]

    def shared(self) -> dict[str, int]:
        """How many sources those documents have that have several."""
        return dict(
            self.database.all(
                "SELECT document, count(*) FROM source NOT INDEXED WHERE document IS NOT NULL "
                "GROUP BY document HAVING count(*) > 1"
            )
        )

    # ------------------------------------------------------------ chunks and vectors

    def chunks(self, rows: Sequence[int]) -> list[Chunk]:
        """The chunks of these rows, in their order. Raises IndexDamaged where one is not there."""
        return [self._chunk(values) for values in self._chunk_values(rows)]

    def rows_of(self, document: str) -> list[int]:
        """The rows of a document's chunks, in the order of its text."""
        found = self.database.all("SELECT row FROM chunk WHERE document = ? ORDER BY start", (document,))
        if not found and not self.has_document(document):
            return []
        # An index that has lost a row says nothing of it; the row's neighbours in the table are where it would be.
        first, last = min(found, default=(0,))[0], max(found, default=(1 << 62,))[0]
        beside = "SELECT row FROM chunk NOT INDEXED WHERE row BETWEEN ? AND ? AND document = ? ORDER BY start"
        if found != self.database.all(beside, (first - 1, last + 1, document)):
            raise damaged(self.database.file, f"chunks of document {document} are missing")
        return [row for (row,) in found]

    def live(self) -> NDArray[np.int64]:
        """The rows of all chunks, ascending. Raises IndexDamaged where the table and an index of it differ."""
        counted = "count(*), total(row)"
        ((first, last, *own),) = self.database.all(f"SELECT min(row), max(row), {counted} FROM chunk NOT INDEXED")
        again = self.database.all(f"SELECT {counted} FROM chunk INDEXED BY chunk_embedding")
        if own[0] and last - first + 1 == own[0]:
            rows = np.arange(first, last + 1)
        else:  # some were removed
            found = self.database.all("SELECT row FROM chunk NOT INDEXED ORDER BY row")
            rows = np.array([row for (row,) in found], np.int64)
        if again != [tuple(own)] or own != [len(rows), float(rows.sum())] or (np.diff(rows) <= 0).any():
            raise damaged(self.database.file, "the rows of its chunks are not the same wherever they are kept")
        return rows

    def next_row(self) -> int:
        """A row that no chunk ever had. Raises IndexDamaged where one has it."""
        used, last, settled = self.database.all(
            "SELECT (SELECT max(seq) FROM sqlite_sequence WHERE name = 'chunk'), (SELECT max(row) FROM chunk), "
            "(SELECT max(stop) - 1 FROM lexical_segment)"
        )[0]
        if not isinstance(used or 0, int) or (used or 0) < max(last or 0, settled or 0):
            raise damaged(self.database.file, f"it counts {used} rows, and row {last} is in use")
        return 1 + (used or 0)

    def languages(self) -> dict[str, int]:
        """How many chunks there are of each language. Raises IndexDamaged where the table and its index differ."""
        counted = "SELECT language, count(*) FROM chunk INDEXED BY chunk_language GROUP BY language ORDER BY language"
        found = self.database.all(counted)
        each = ", ".join(["count(*)", *["total(language = ?)"] * len(found)])  # to group them again would sort them
        again = self.database.all(f"SELECT {each} FROM chunk NOT INDEXED", [language for language, _ in found])
        if again != [(sum(count for _, count in found), *(float(count) for _, count in found))]:
            raise damaged(self.database.file, "the languages of its chunks are not the same wherever they are kept")
        return dict(found)

    def headings(self) -> list[str]:
        """The heading paths that chunks have, as they are kept. Raises IndexDamaged."""
        # No index has them: to know that none is lost, every chunk's checksum has to be compared.
        self.database.kept("chunks", self._require_chunks)
        return [heading for (heading,) in self.database.all("SELECT DISTINCT heading FROM chunk NOT INDEXED")]

    def languages_of(self, rows: Sequence[int]) -> list[str]:
        """The language of each of these rows, in their order. Raises IndexDamaged where one is not there."""
        return [values[8] for values in self._chunk_values(rows)]

    def documents_of(self, rows: Sequence[int]) -> list[str]:
        """The document of each of these rows, in their order. Raises IndexDamaged where one is not there."""
        return [values[2] for values in self._chunk_values(rows)]

    def vectors(self, dimension: int, *, after: int = 0) -> tuple[NDArray[np.int64], Halves]:
        """Rows above `after`, ascending, and their vectors (n, dimension) float16."""
        found = self.database.all(f"{_VECTORS} WHERE c.row > ? ORDER BY c.row", (after,))
        # Which embedding is a chunk's own: to compare the chunks' checksums takes three times as long as all this.
        again = "SELECT row, embedding FROM chunk INDEXED BY chunk_embedding WHERE row > ? ORDER BY row"
        if [row[:2] for row in found] != self.database.all(again, (after,)):
            raise damaged(self.database.file, _OTHER_EMBEDDINGS)
        return np.array([row[0] for row in found], np.int64), self._vectors(found, dimension)

    def vector_slabs(self, dimension: int, size: int = SLAB) -> Iterator[tuple[NDArray[np.int64], Halves]]:
        """What `vectors` gives of all rows, so many at once. Raises IndexDamaged, perhaps only after the last."""
        pairs = [np.empty((0, 2), np.int64)]
        last = 0
        while found := self.database.all(f"{_VECTORS} WHERE c.row > ? ORDER BY c.row LIMIT ?", (last, size)):
            vectors = self._vectors(found, dimension)  # which finds what is no number
            pairs.append(np.array([row[:2] for row in found], np.int64))
            numbers = pairs[-1][:, 0]
            if (np.diff(numbers, prepend=last) <= 0).any():  # pages that lead back to where they were read
                raise damaged(self.database.file, _OTHER_EMBEDDINGS)
            last = int(numbers[-1])
            yield numbers, vectors
        by_row = np.concatenate(pairs)
        self._require_pairs(by_row[np.lexsort((by_row[:, 0], by_row[:, 1]))], size)

    def vectors_of(self, rows: Sequence[int] | NDArray[np.int64], dimension: int) -> Halves:
        """The vectors (n, dimension) float16 of these rows, in order. Raises IndexDamaged where one is not there."""
        self._chunk_values(rows)
        found = self.database.all(
            f"{_VECTORS} JOIN json_each(?) AS wanted ON c.row = wanted.value ORDER BY wanted.key", (_json(rows),)
        )
        return self._vectors(found, dimension)

    def _require_pairs(self, pairs: NDArray[np.int64], size: int) -> None:
        """Raise IndexDamaged where an index has other rows and embeddings than these, which are in its order."""
        after, done = (0, 0), 0
        while again := self.database.all(
            "SELECT embedding, row FROM chunk INDEXED BY chunk_embedding WHERE (embedding, row) > (?, ?) "
            "ORDER BY embedding, row LIMIT ?",
            (*after, size),
        ):
            if list(map(tuple, pairs[done : done + len(again), ::-1].tolist())) != again:
                raise damaged(self.database.file, _OTHER_EMBEDDINGS)
            after, done = again[-1], done + len(again)
        if done != len(pairs):
            raise damaged(self.database.file, _OTHER_EMBEDDINGS)

    def _vectors(self, found: Sequence[Row], dimension: int) -> Halves:
        """The vectors of rows that `_VECTORS` found."""
        blobs = [vector for _, _, vector in self._checked("embedding", [row[2:] for row in found])]
        data = b"".join(blobs)
        if len(data) != 2 * dimension * len(found):
            raise damaged(self.database.file, f"a vector has not {dimension} numbers")
        return np.frombuffer(data, "<f2").astype(np.float16, copy=False).reshape(len(found), dimension)

    def token_vectors(self, rows: Sequence[int]) -> list[tuple[int, bytes]]:
        """The codec's number and the blob of each row's token vectors, in the rows' order."""
        found = self.database.all(
            f"SELECT {_CHUNK}, t.embedding, t.codec, t.data, t.crc FROM json_each(?) AS wanted "
            "JOIN chunk AS c ON c.row = wanted.value JOIN token_vectors AS t ON t.embedding = c.embedding "
            "ORDER BY wanted.key",
            (_json(rows),),
        )
        if len(found) != len(rows):
            raise damaged(self.database.file, "token vectors are missing")
        self._checked("chunk", [row[:_CHUNK_VALUES] for row in found])
        return [
            (codec, data) for _, codec, data in self._checked("token_vectors", [row[_CHUNK_VALUES:] for row in found])
        ]

    def check_idle(self) -> None:
        """Compare the checksums of what no chunk needs now and one may need again. Raises IndexDamaged."""
        for table, columns in (("embedding", "id, key, vector"), ("token_vectors", "embedding, codec, data")):
            name = columns.partition(",")[0]
            self._checked(
                table,
                self.database.all(
                    f"SELECT {columns}, crc FROM {table} NOT INDEXED "
                    f"WHERE {name} NOT IN (SELECT embedding FROM chunk NOT INDEXED)"
                ),
            )

    # ------------------------------------------------------------ one row

    def _require_chunks(self) -> None:
        live = self.live().tolist()
        for start in range(0, len(live), _BATCH):
            self._chunk_values(live[start : start + _BATCH])

    def _require_documents(self) -> None:
        places = self.document_places()
        ids = {self._document_values(place)[0] for place in places}
        counted = self.database.all("SELECT count(*) FROM document INDEXED BY sqlite_autoindex_document_1")
        if counted != [(len(ids),)] or len(ids) != len(places):
            raise damaged(self.database.file, "documents are missing or there twice")

    def _document_values(self, place: int) -> Row:
        rows = self.database.all(f"SELECT {_DOCUMENT} FROM document WHERE rowid = ?", (place,))
        if not rows:
            raise damaged(self.database.file, f"the document at {place} is not found there")
        return self._checked("document", rows)[0]

    def _checked(self, table: str, rows: Sequence[Row]) -> list[Row]:
        """The table's rows without their last value, which is the checksum of the others."""
        for row in rows:
            if checksum(table, *row[:-1]) != row[-1]:
                raise damaged(self.database.file, f"{_NAMES[table]} ({str(row[0])[:60]}) does not have its checksum")
        return [row[:-1] for row in rows]

    def _chunk_values(self, rows: Sequence[int] | NDArray[np.int64]) -> list[Row]:
        found = self.database.all(
            f"SELECT {_CHUNK} FROM json_each(?) AS wanted JOIN chunk AS c ON c.row = wanted.value ORDER BY wanted.key",
            (_json(rows),),
        )
        if len(found) != len(rows):
            missing = sorted({int(row) for row in rows} - {int(row[0]) for row in found})
            raise damaged(self.database.file, f"chunks are missing, such as row {missing[:1]}")
        return self._checked("chunk", found)

    def _read_head(self, document: str) -> Head:
        rows = self.database.all(f"SELECT {_DOCUMENT} FROM document WHERE id = ?", (document,))
        if not rows:
            # The index that it is looked up in may have lost it.
            if self.database.all("SELECT 1 FROM document NOT INDEXED WHERE id = ?", (document,)):
                raise damaged(self.database.file, f"document {document} is not found by its id")
            raise KeyError(document)
        return head_from(self._checked("document", rows)[0])

    def _read_part(self, document: str, number: int) -> str:
        rows = self.database.all(
            "SELECT document, number, text, crc FROM document_text WHERE document = ? AND number = ?",
            (document, number),
        )
        if not rows:
            raise damaged(self.database.file, f"a part of the text of document {document} is missing")
        text: bytes = self._checked("document_text", rows)[0][2]
        return text.decode("utf-8", "surrogatepass")

    def _text(self, document: str, start: int, end: int) -> str:
        """`text[start:end]` of a document that is as long."""
        first, after = start // PART, parts(end)
        part = self._kept_part if after - first <= 2 else self._read_part  # a long text is not what is asked for again
        joined = "".join(part(document, number) for number in range(first, after))
        return joined[start - first * PART : end - first * PART]

    def _chunk(self, values: Row) -> Chunk:
        _, name, document, start, stop, heading, table_header, tokens, language, _ = values
        try:
            text = self.text(document, start, stop)
            path = tuple(json.loads(heading))
            return Chunk(name, document, start, stop, text, path, unpack(table_header), tokens, language)
        except (KeyError, ValueError) as error:
            raise damaged(self.database.file, f"chunk {name} is not a part of its document") from error

    def _require_once(self, locations: Sequence[str]) -> None:
        if len(set(locations)) != len(locations):
            raise damaged(self.database.file, "a source is there twice")

    def _sources(self, condition: str, values: Sequence[str]) -> list[Source]:
        found = self.database.all(f"SELECT {_SOURCE} FROM source {condition}", values)
        return [source_of(row) for row in self._checked("source", found)]


def _json(rows: Iterable[int]) -> str:
    return json.dumps([int(row) for row in rows])
