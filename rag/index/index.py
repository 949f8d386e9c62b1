"""The index as its readers see it: one commit, whatever is written meanwhile.

An Index holds a read transaction, so all its answers come from the commit that it was opened at; `refresh` moves
to the newest. SQLite cannot shorten its log past the oldest reader, so one that lives long (a server) refreshes
before each question: that costs microseconds while nothing has changed. Threads may share an Index: statements
take turns, searches in memory run side by side; `refresh` and `close` are for moments when no other call runs.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Chunk, Condition, Document, Markup, Page, Source
from rag.errors import IndexProblem, RagError
from rag.index import checking, dense, dense_file, filters, folder, generation, lexical, selection, status
from rag.index.chunking import Chunking
from rag.index.database import damaged, explained, open_reader
from rag.index.manifest import Manifest
from rag.index.names import Names
from rag.index.records import Head
from rag.index.rows import Rows
from rag.protocols import Embedder

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]

_SELECTIONS = 32  # of rows that are kept for a commit; eight bytes a row


class Index:
    """A `rag.protocols.Store` over a folder, made by `open`; the one of `Writer.index` sees the open transaction."""

    path: Path
    commit: int
    manifest: Manifest

    @classmethod
    def open(cls, path: str | Path, *, embedder: Embedder | None = None, chunking: Chunking | None = None) -> Index:
        """The index at its newest commit; with an embedder or a chunking, they must be those it was built with.

        Raises IndexMissing, IndexMismatch, IndexDamaged.
        """
        path = Path(path)
        rows = _open_rows(path)
        try:
            rows.manifest().require(path, embedder=embedder, chunking=chunking)
            return cls(path, rows, pinned=True, embedder=embedder, chunking=chunking)
        except BaseException:
            rows.database.close()
            raise

    def __init__(
        self,
        path: Path,
        rows: Rows,
        *,
        pinned: bool,
        embedder: Embedder | None = None,
        chunking: Chunking | None = None,
    ) -> None:
        self.path = path
        self._rows = rows
        self._pinned = pinned
        self._embedder = embedder
        self._chunking = chunking
        self._dense: dense.Dense | None = None
        self._dense_base: dense.Base | None = None  # the last one that was read, with the file that it was read from
        self._dense_file: BinaryIO | None = None
        self._selected: dict[frozenset[str] | tuple[Condition, ...], Numbers] = {}
        self._languages: dict[str, int] | None = None
        self._shared: dict[str, int] | None = None
        self._names: Names | None = None
        self._loading = threading.Lock()
        self._preparing: threading.Thread | None = None
        self._look()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the commit and of the files."""
        self._leave()
        self._forget_file()
        self._rows.forget()
        if self._pinned:
            self._rows.database.close()

    def refresh(self) -> bool:
        """Move to the newest commit; whether there was a newer one. Raises as `open` does."""
        if not self._pinned or not self._advance():
            return False
        self._look()
        return True

    def prepare(self) -> None:
        """Begin to read, beside the caller's own work, what the first search needs."""
        self._preparing = threading.Thread(target=self._read_ahead, daemon=True)
        self._preparing.start()

    # ------------------------------------------------------------ search: the first half of the Store protocol

    def search_dense(self, vector: Floats, k: int, among: Numbers | None = None) -> tuple[Numbers, Floats]:
        """Rows and inner products of the `k` chunks nearest to `vector` (d,), best first; `among` these rows only."""
        return self._dense_part().search(self._checked(vector), k, among)

    def search_dense_each(self, vectors: Floats, k: int, among: Numbers | None = None) -> list[tuple[Numbers, Floats]]:
        """What `search_dense` gives for each of `vectors` (n, d): quicker than one after the other."""
        return self._dense_part().search_each(vectors, k, among)

    def search_lexical(self, query: str, k: int, among: Numbers | None = None) -> tuple[Numbers, Floats]:
        """Rows and BM25 scores (> 0) of the `k` best chunks, best first; `among` these rows only."""
        return lexical.search(self._rows.database, query, k, self._chunks, among)

    def rows_in(self, languages: Collection[str]) -> Numbers:
        """The rows of the chunks in these languages, ascending."""
        key = frozenset(languages)
        if key not in self._selected:
            self._remember(key, selection.rows_in(self._rows, key))
        return self._selected[key]

    def rows_where(self, conditions: tuple[Condition, ...]) -> Numbers:
        """The rows of the chunks that meet all the conditions, ascending."""
        if conditions not in self._selected:
            self._remember(conditions, selection.rows_where(self._rows, conditions))
        return self._selected[conditions]

    def dense_scores(self, vector: Floats, rows: Numbers) -> Floats:
        """Inner products of the rows' vectors with `vector` (d,), in the rows' order."""
        return self._dense_part().scores(self._checked(vector), np.asarray(rows, np.int64))

    def vectors(self, rows: Numbers) -> Floats:
        """The rows' vectors (n, d), in the rows' order."""
        return self._dense_part().vectors(np.asarray(rows, np.int64))

    def lexical_scores(self, query: str, rows: Numbers) -> Floats:
        """BM25 of each row, in the rows' order; 0 where no term matches."""
        return lexical.scores(self._rows.database, query, np.asarray(rows, np.int64), self._chunks)

    def exact(self, query: str, rows: Numbers) -> Floats:
        """How much of the query's numbers and identifiers each row holds as typed, 0..1, in the rows' order."""
        return lexical.exact(self._rows.database, query, np.asarray(rows, np.int64), self._chunks)

    def named(self, question: str) -> dict[str, float]:
        """How far the question names each document by its path, 0..1; those that it does not name are not there."""
        return self._names_part().named(question)

    def rows_having(self, words: Sequence[Sequence[str]]) -> Numbers:
        """The rows, ascending, that have one at least of the terms (`rag.text.terms`) of each word."""
        return lexical.having(self._rows.database, words)

    def mass(self, query: str) -> float:
        """Sum of the IDF of the query's distinct terms, known to the index or not; 0 where it has none."""
        return lexical.mass(self._rows.database, query, self._chunks)

    def idf(self, term: str) -> float:
        """The IDF of a term (`rag.text.terms`), as `mass` adds them up."""
        return lexical.idf(self._rows.database, term, self._chunks)

    def languages(self) -> dict[str, int]:
        """How many chunks the index has of each language."""
        if self._languages is None or not self._pinned:
            self._languages = self._rows.languages()
        return dict(self._languages)

    def languages_of(self, rows: Numbers) -> list[str]:
        """The language of each row, in the rows' order."""
        return self._rows.languages_of([int(row) for row in rows])

    def documents_of(self, rows: Numbers) -> list[str]:
        """The document of each row, in the rows' order."""
        return self._rows.documents_of([int(row) for row in rows])

    def late_scores(self, query_tokens: Floats, rows: Numbers) -> Floats:
        """MaxSim of the query's token vectors (t, d) with each row's, in the rows' order; 0 where either has none."""
        if query_tokens.ndim != 2 or query_tokens.shape[1] != self.manifest.dimension:
            raise ValueError(f"token vectors are {query_tokens.shape}, not (t, {self.manifest.dimension})")
        stored = self._rows.token_vectors([int(row) for row in rows])
        scores = np.zeros(len(stored), np.float32)
        numbers = np.array([number for number, _ in stored], np.int64)
        for number in sorted(set(numbers.tolist())):
            places = np.flatnonzero(numbers == number)
            try:
                scores[places] = self._codecs[number].score(query_tokens, [stored[place][1] for place in places])
            except (KeyError, ValueError) as error:
                raise damaged(self._rows.database.file, f"token vectors cannot be decoded ({error})") from error
        return scores

    @property
    def token_mean(self) -> Floats:
        """The mean (d,) that is subtracted from token vectors before they are stored or compared."""
        return self._codecs[max(self._codecs)].mean if self._codecs else np.zeros(self.manifest.dimension, np.float32)

    # ------------------------------------------------------------ what was found: the other half

    def chunks(self, rows: Sequence[int]) -> list[Chunk]:
        """The chunks of these rows, in their order. Raises IndexDamaged where a row or its checksum is wrong."""
        return self._rows.chunks(rows)

    def rows_of(self, document: str) -> list[int]:
        """The rows of a document's chunks, in the order of its text."""
        return self._rows.rows_of(document)

    def document(self, document: str) -> Document:
        """The document of that id. Raises KeyError where there is none."""
        return self._rows.document(document)

    def head(self, document: str) -> Head:
        """The same but for its text, which may be long."""
        return self._rows.head(document)

    def text(self, document: str, start: int = 0, end: int | None = None) -> str:
        """The document's text, or that span of it. Raises KeyError where there is no such document."""
        return self._rows.text(document, start, end)

    def markup(self, document: str) -> Markup:
        """How the document's text marks its structure. Raises KeyError where there is no such document."""
        return self._rows.head(document).markup

    def pages(self, document: str, start: int, end: int) -> tuple[Page, ...]:
        """The pages that the span of the document's text touches; none where the format has no pages."""
        pages = self._rows.head(document).pages
        return tuple(page for page in pages if page.start < end and start < page.end)

    def sources(self, document: str) -> list[Source]:
        """Where a document lies, by location; more than one for equal files, none for one that is not there."""
        found = self._rows.sources(document)
        if not self._pinned:
            return found
        if not found and self._rows.has_document(document):
            raise damaged(self._rows.database.file, f"document {document} has no source")
        if self._shared is None:
            self._shared = self._rows.shared()
        if found and len(found) != self._shared.get(document, 1):
            raise damaged(self._rows.database.file, f"sources of document {document} are missing")
        return found

    def date(self, document: str) -> str:
        """The day, month or year that a document's metadata give, such as "2024-05"; of several places the newest."""
        own = self._rows.head(document).metadata
        return max((filters.date_of(source, own) for source in self.sources(document)), default="")

    def all_sources(self) -> list[Source]:
        """All sources, by location, whatever their state. Raises IndexDamaged where some are missing."""
        found = self._rows.all_sources()
        self._require_sources(len(found))
        return found

    # ------------------------------------------------------------ the index itself

    def status(self) -> status.IndexStatus:
        """Counts, sizes and settings."""
        if self._pinned:
            self._rows.require_counts(self._commit)
        return status.of(self._rows, self._commit, self.manifest, self._dense_file)

    def check(self, *, deep: bool = False) -> list[str]:
        """What is wrong, a sentence each, after reading every row and every file; empty where the index is sound.

        `deep` also derives again what was derived from the texts (ids, embedding keys, terms), and compares.
        """
        return checking.check(self._rows, self._dense_file, deep=deep)

    def copy(self, generation: Path) -> bool:
        """Write this commit, its rows and its derived file, into the empty folder of a generation.

        False where the derived file is missing or damaged, and left out. Raises IndexProblem.
        """
        self._rows.database.copy(generation / folder.DATABASE)
        if not self._commit.dense:
            return True
        if self._dense_file is None or not dense_file.sound(self._dense_file, self._commit, self.manifest.dimension):
            return False
        with explained(generation):
            dense_file.copy(self._dense_file, generation / self._commit.dense)
        return True

    def _look(self) -> None:
        """Take in the commit that the transaction shows, or a newer one whose derived file is there."""
        while True:
            self._rows.forget()
            self._commit = self._rows.commit()
            if not self._pinned:  # what is not committed is in no derived file
                chunks = self._rows.count("chunk")
                self._commit = replace(self._commit, chunks=chunks, dense="", dense_rows=0, dense_last=0)
            else:
                self._rows.require_commit(self._commit)
            self.commit = self._commit.number
            self.manifest = self._rows.manifest()
            self._codecs = self._rows.codecs()
            if self._dense_base and self._dense_base.of == self._commit.dense_sha256 and self._is_in_place():
                return
            self._forget_file()
            if not self._commit.dense:
                return
            # Opened now and read later: a writer may remove the file once a newer commit names another.
            self._dense_file = _opened(self._rows.database.file.parent / self._commit.dense)
            if self._dense_file is not None or not self._advance():
                return

    def _advance(self) -> bool:
        """Begin a transaction that shows the newest commit; whether it is newer than the one that was taken in.

        Where it is of another generation that cannot be read, or has another embedder, this index stays where it is.
        """
        self._wait()
        database = self._rows.database
        if folder.current(self.path) == database.file.parent and not database.stale:
            database.pin()
            if self._rows.commit().number == self.commit:
                return False
            self._leave()
        else:
            rows = _open_rows(self.path)
            try:
                rows.manifest().require(self.path, embedder=self._embedder, chunking=self._chunking)
                rows.require_commit(rows.commit())
                rows.codecs()
            except BaseException:
                rows.database.close()
                raise
            self.close()
            self._rows = rows
        return True

    def _wait(self) -> None:
        if self._preparing is not None:
            self._preparing.join()
            self._preparing = None

    def _leave(self) -> None:
        self._wait()
        self._dense = None
        self._languages = None
        self._shared = None
        self._names = None
        self._selected.clear()

    def _is_in_place(self) -> bool:
        """Whether the derived file that is open is the one of its name: one that was damaged is written anew."""
        with contextlib.suppress(OSError):
            named = (self._rows.database.file.parent / self._commit.dense).stat()
            return self._dense_file is not None and os.path.samestat(named, os.fstat(self._dense_file.fileno()))
        return False

    def _forget_file(self) -> None:
        self._dense_base = None
        if self._dense_file is not None:
            self._dense_file.close()
            self._dense_file = None

    def _remember(self, key: frozenset[str] | tuple[Condition, ...], rows: Numbers) -> None:
        """Keep a selection; of many, the oldest goes."""
        if len(self._selected) >= _SELECTIONS:
            self._selected.pop(next(iter(self._selected)))
        self._selected[key] = rows

    @property
    def _chunks(self) -> int:
        """How many chunks there are. Raises IndexDamaged where the commit, which may be an older one, counts others."""
        if self._pinned:
            self._rows.database.kept("chunk count", self._require_count)
        return self._commit.chunks

    def _require_sources(self, count: int) -> None:
        if self._pinned and count != self._commit.sources:
            raise damaged(self._rows.database.file, f"{self._commit.sources - count} sources are missing")

    def _require_count(self) -> None:
        if (count := self._rows.count("chunk")) != self._commit.chunks:
            raise damaged(self._rows.database.file, f"it has {count} chunks, its last commit {self._commit.chunks}")

    def _read_ahead(self) -> None:
        with contextlib.suppress(RagError):  # the first search raises it
            self._dense_part()
            self.languages()
            self._names_part()

    def _dense_part(self) -> dense.Dense:
        with self._loading:
            if self._dense is None:
                dimension = self.manifest.dimension
                self._dense = dense.load(self._rows, self._commit, dimension, self._dense_file, self._dense_base)
                self._dense_base = self._dense.base if self._dense.base.of else None
            return self._dense

    def _names_part(self) -> Names:
        with self._loading:
            if self._names is None or not self._pinned:
                places = self._rows.places()
                self._require_sources(len(places))
                self._names = Names.of(places)
            return self._names

    def _checked(self, vector: Floats) -> Floats:
        flat = np.asarray(vector, np.float32).reshape(-1)
        if len(flat) != self.manifest.dimension:
            raise ValueError(f"the vector has {len(flat)} numbers, those of {self.path} have {self.manifest.dimension}")
        return flat


def _open_rows(path: Path) -> Rows:
    """A read transaction on the generation in use, which a rebuild may replace while it is being opened."""
    while True:
        with explained(path):
            generation.require_not_lost(path)
        place = folder.current(path)
        try:
            database = open_reader(place / folder.DATABASE)
        except IndexProblem:
            if folder.current(path) == place:
                raise
        else:
            database.pin()
            return Rows(database)


def _opened(file: Path) -> BinaryIO | None:
    try:
        return file.open("rb")
    except OSError:
        return None
