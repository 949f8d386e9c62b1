"""Documents with their chunks as rows: what of one goes into which table, and what goes with it when it is removed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rag.datatypes import Chunk, Document
from rag.index import lexical
from rag.index.embeddings import EmbeddingTable, embedding_key
from rag.index.records import chunk_row, document_row, head_of, text_rows
from rag.index.rows import Rows
from rag.index.schema import PART
from rag.text.context import embedded_text

_SLAB = 1000  # chunks of a document that are in memory as rows at once


class DocumentTable:
    """The documents of one index, inside the writer's transaction; their chunks' vectors are among `embeddings`."""

    def __init__(self, rows: Rows, embeddings: EmbeddingTable, fingerprint: str) -> None:
        self._rows = rows
        self._database = rows.database
        self._embeddings = embeddings
        self._fingerprint = fingerprint

    def put(self, documents: Iterable[tuple[Document, Sequence[Chunk]]], commit: int) -> tuple[int, int]:
        """Put documents in, whose embeddings are kept; how many chunks that added, and how many it removed.

        `commit` is the number of the one that this becomes part of. Raises ValueError where an embedding is missing.
        """
        added = removed = 0
        unindexed: list[tuple[int, str]] = []  # rows and texts: terms of many chunks are counted in at once
        for document, chunks in documents:
            if self._is_there(document, chunks):
                continue
            if self._rows.has_document(document.id):
                self._index(unindexed)
                removed += self._remove(document.id, commit)
            for some in _slabs(len(chunks)):
                unindexed += self._add_chunks(chunks[some])
                if len(unindexed) >= _SLAB:
                    self._index(unindexed)
            self._database.all("INSERT INTO document VALUES (?, ?, ?, ?, ?, ?, ?)", document_row(head_of(document)))
            self._database.many("INSERT INTO document_text VALUES (?, ?, ?, ?)", text_rows(document.id, document.text))
            added += len(chunks)
        self._index(unindexed)
        return added, removed

    def remove_orphans(self, commit: int) -> int:
        """Remove the documents that no source has; how many chunks they had."""
        orphans = self._database.all(
            # Not by an index: one that has lost a source would have its document removed.
            "SELECT id FROM document NOT INDEXED "
            "WHERE id NOT IN (SELECT document FROM source NOT INDEXED WHERE document IS NOT NULL)"
        )
        return sum(self._remove(document, commit) for (document,) in orphans)

    def _is_there(self, document: Document, chunks: Sequence[Chunk]) -> bool:
        """Whether the document is there, the same in everything, with these chunks."""
        if not self._rows.has_document(document.id) or self._rows.head(document.id) != head_of(document):
            return False
        rows = self._rows.rows_of(document.id)
        return (
            len(rows) == len(chunks)
            and all(
                self._rows.text(document.id, start, start + PART) == document.text[start : start + PART]
                for start in range(0, len(document.text), PART)
            )
            and all(self._rows.chunks(rows[some]) == list(chunks[some]) for some in _slabs(len(rows)))
        )

    def _add_chunks(self, chunks: Sequence[Chunk]) -> list[tuple[int, str]]:
        """Add some of a document's chunks; their rows and what lexical search is to know of them."""
        texts = [embedded_text(chunk) for chunk in chunks]
        keys = [embedding_key(text, self._fingerprint) for text in texts]
        ids = self._embeddings.ids(keys)
        if missing := [chunk.id for chunk, key in zip(chunks, keys, strict=True) if key not in ids]:
            raise ValueError(
                f"{len(missing)} chunks of document {chunks[0].document} have no embedding, such as {missing[0]}"
            )
        self._embeddings.use(ids.values())
        first = self._rows.next_row()
        rows = [chunk_row(first + place, chunk, ids[keys[place]]) for place, chunk in enumerate(chunks)]
        self._database.many("INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        return list(enumerate(texts, first))

    def _index(self, unindexed: list[tuple[int, str]]) -> None:
        """Let lexical search know these rows, which wait for it no longer."""
        lexical.add(self._database, unindexed)
        unindexed.clear()

    def _remove(self, document: str, commit: int) -> int:
        """Remove a document with its chunks; how many those were."""
        found = self._database.all("SELECT row, embedding FROM chunk WHERE document = ?", (document,))
        lexical.remove(self._database, (row for row, _ in found))
        self._database.all("DELETE FROM chunk WHERE document = ?", (document,))
        self._database.all("DELETE FROM document_text WHERE document = ?", (document,))
        self._database.all("DELETE FROM document WHERE id = ?", (document,))
        self._embeddings.release({embedding for _, embedding in found}, commit)
        self._rows.forget()
        return len(found)


def require_slices(document: Document, chunks: Sequence[Chunk]) -> None:
    """Raise ValueError where a chunk is not a slice of the document."""
    for chunk in chunks:
        if chunk.document != document.id or document.text[chunk.start : chunk.end] != chunk.text:
            raise ValueError(f"chunk {chunk.id} ({chunk.start}:{chunk.end}) is not a slice of document {document.id}")


def _slabs(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _SLAB, count)) for start in range(0, count, _SLAB))
