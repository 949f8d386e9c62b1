"""The one writer of an index.

    put, put_source, remove_source ... ─→ one open transaction ─commit→ the next number, durable, seen by readers

Every verb happens as a whole or, when it raises, not at all. What was committed stays, whatever kills the process;
what was not is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rag.datatypes import Chunk, Document, Embeddings, Source
from rag.errors import IndexProblem
from rag.index import commits, dense_file, folder, generation
from rag.index.chunking import Chunking
from rag.index.database import Database, explained, of_disk
from rag.index.dense_build import fits, require_family
from rag.index.documents import DocumentTable, require_slices
from rag.index.embeddings import EmbeddingTable, embedding_key
from rag.index.index import Index
from rag.index.lock import WriterLock
from rag.index.records import Commit, source_row
from rag.index.rows import Rows
from rag.index.schema import pack
from rag.protocols import Fingerprinted
from rag.text.context import embedded_text


@dataclass(frozen=True, slots=True)
class Counts:
    """Chunks that this writer has added and removed, and those that the index has now."""

    added: int = 0
    removed: int = 0
    total: int = 0


class Writer:
    """Holds the writer's lock from `open` to `close`.

    As a context it commits at its end, or undoes what is not committed when an exception leaves it; the end of a
    rebuild also makes the new index the one that is read.
    """

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        embedder: Fingerprinted,
        chunking: Chunking | None = None,
        rebuild: bool = False,
        dense: str = "auto",
        redact: str | None = None,
    ) -> Writer:
        """The writer of the index at `path`, which is made where it is missing.

        `rebuild` fills a new index beside the old one, which stays readable until the end; a rebuild that was
        interrupted goes on where it was. `chunking` None is how the index was cut, the default for one that is made or
        rebuilt. `dense` is how vectors are searched (`rag.index.dense_build.FAMILIES`),
        `redact` what is taken out of documents before they come here (`Manifest`); None is as the index was made.
        Raises IndexBusy, IndexMismatch, IndexDamaged, IndexProblem, SettingsError.
        """
        path, dense = Path(path), require_family(dense)
        with explained(path):
            folder.claim(path)
            lock = WriterLock(path)
        try:
            again = rebuild and folder.exists(path)
            after = generation.newest_commit(path) if again else -1
            opened = generation.open_rebuild if again else generation.open_current
            with explained(path):
                database = opened(path, embedder, chunking, redact)
            try:
                return cls(path, database, lock, embedder, after=after, dense=dense)
            except BaseException:
                database.close()
                raise
        except BaseException:
            lock.release()
            raise

    def __init__(
        self,
        path: Path,
        database: Database,
        lock: WriterLock,
        embedder: Fingerprinted,
        *,
        after: int = -1,
        dense: str = "auto",
    ) -> None:
        """`after` is the last commit of the index that a rebuild replaces: what it publishes has a higher number."""
        self.path = path
        self._after = after
        self._family = dense
        self._database = database
        self._lock = lock
        self._fingerprint = embedder.fingerprint
        self._dimension = embedder.dimension
        self._rows = Rows(database)
        self._table = EmbeddingTable(database, embedder.dimension, getattr(embedder, "token_mean", None))
        self._documents = DocumentTable(self._rows, self._table, embedder.fingerprint)
        self._settled = Counts()
        self._disk_failed = False
        self._settle()
        self._sweep()
        self._derived_sound = self._check_derived()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.commit()
                self._publish()
        finally:
            self.close()

    def close(self) -> None:
        """Undo what is not committed and let the next writer in."""
        self._rows.forget()
        self._database.close()
        self._lock.release()

    def keep_replaced(self) -> None:
        """Have what a rebuild replaces put into quarantine, not removed: not all of it could be carried over."""
        with explained(self.path):
            for generation in folder.generations(self.path):
                if generation != self._folder:
                    folder.keep(generation)

    # ------------------------------------------------------------ what is there, the open transaction included

    @property
    def index(self) -> Index:
        """A view of the rows as they are at this moment, uncommitted ones included; not to be closed."""
        return Index(self.path, self._rows, pinned=False)

    @property
    def chunking(self) -> Chunking:
        """How the documents of the index are cut."""
        return self._rows.manifest().chunking

    @property
    def redact(self) -> str:
        """What is taken out of the documents of this index (`Manifest`)."""
        return self._rows.manifest().redact

    @property
    def counts(self) -> Counts:
        """Chunks added, removed and there now."""
        return replace(self._counts, total=self._rows.count("chunk"))

    def known(self) -> dict[str, Source]:
        """All sources by location."""
        return {source.location: source for source in self._rows.all_sources()}

    def has_document(self, document: str) -> bool:
        """Whether there is a document of that id."""
        return self._rows.has_document(document)

    def key(self, chunk: Chunk) -> str:
        """The name of the chunk's embedding: hash(embedded text, the model's fingerprint)."""
        return embedding_key(embedded_text(chunk), self._fingerprint)

    def cached(self, keys: Sequence[str]) -> set[str]:
        """Those of the keys whose embeddings are kept: their texts need no embedding."""
        return set(self._table.ids(keys))

    # ------------------------------------------------------------ changes

    def keep(self, keys: Sequence[str], embeddings: Embeddings) -> None:
        """Keep the embeddings (with tokens) of texts by their keys, for the chunks that are put later.

        Raises ValueError where their number or dimension does not fit.
        """
        with self._step():
            self._table.keep(keys, embeddings, self._commit.number + 1)

    def put(self, document: Document, chunks: Sequence[Chunk], embeddings: Embeddings | None = None) -> None:
        """Add a document with all its chunks, in place of what was there under its id.

        `embeddings` has one for each chunk, with tokens; without it, all of them must be kept already (`cached`).
        A document that has no source when `commit` comes is removed. Raises ValueError where a chunk is not a slice
        of the document or has no embedding.
        """
        require_slices(document, chunks)
        with self._step():
            if embeddings is not None:
                self._table.keep([self.key(chunk) for chunk in chunks], embeddings, self._commit.number + 1)
            changed = self._documents.put([(document, chunks)], self._commit.number + 1)
        self._count(*changed)

    def put_all(self, documents: Sequence[tuple[Document, Sequence[Chunk]]]) -> None:
        """`put` several whose embeddings are all kept, as one verb: faster than one after another."""
        for document, chunks in documents:
            require_slices(document, chunks)
        with self._step():
            changed = self._documents.put(documents, self._commit.number + 1)
        self._count(*changed)

    def put_source(self, source: Source) -> None:
        """Add a source, in place of what was there under its location. Its document must be there by `commit`."""
        with self._step():
            if self._rows.source(source.location) != [source]:
                places = ", ".join("?" * len(row := source_row(source)))
                self._database.all(f"INSERT OR REPLACE INTO source VALUES ({places})", row)

    def remove_source(self, location: str) -> None:
        """Remove a source; nothing where there is none. Its document goes at `commit` if it was the last one."""
        with self._step():
            self._database.all("DELETE FROM source WHERE location = ?", (pack(location),))

    def commit(self, *, midway: bool = False) -> int:
        """Make everything so far durable and visible; the commit's number, the last one where there is nothing to do.

        Documents without a source go; so do embeddings that no chunk needs, beyond a number, unless the commit comes
        `midway`: what is left of the work, or its repetition after an interruption, may need them. Raises RagError,
        with the last commit intact and everything since undone, where the disk is full.
        """
        removed = 0
        if not self._whole:  # a second interruption came while a verb was being undone
            self._undo()
        with self._step():
            unchanged = self._database.changes == self._changes
            removed = 0 if unchanged else self._documents.remove_orphans(self._commit.number + 1)
            if not midway:
                self._table.collect(self._commit.chunks if unchanged else self._rows.count("chunk"))
        self._count(removed=removed)
        try:
            if self._database.changes == self._changes and self._derived_sound and self._commit.number > self._after:
                self._database.all("COMMIT")
                return self._commit.number
            with explained(self._database.file):
                commit = self._next()
            commits.record(self._database, commit)
            self._database.all("COMMIT")
        except BaseException as error:
            self._disk_failed |= of_disk(error)
            self._undo()
            raise
        self._settled = self._counts
        self._settle()
        self._sweep()
        self._derived_sound = True
        return self._commit.number

    # ------------------------------------------------------------ steps

    @contextmanager
    def _step(self) -> Iterator[None]:
        """One verb inside the open transaction, which it begins where there is none; undone where it raises."""
        self._require_sound_disk()
        if not self._database.in_transaction:
            self._database.all("BEGIN IMMEDIATE")
        self._whole = False
        self._database.all("SAVEPOINT step")
        try:
            yield
            self._database.all("RELEASE step")
            self._whole = True
        except BaseException as error:
            self._disk_failed |= of_disk(error)
            if self._database.in_transaction:
                self._database.all("ROLLBACK TO step")
                self._database.all("RELEASE step")
                self._rows.forget()
                self._whole = True
            else:  # SQLite has undone the whole transaction, as it does on a full disk
                self._settle()
            raise

    def _require_sound_disk(self) -> None:
        """Raise after a sync that failed: the next one would say yes, though the kernel has forgotten the bytes."""
        if self._disk_failed:
            raise IndexProblem(
                f"The disk that holds {self.path} failed while it was written, so this writer writes nothing more. "
                f"The index keeps its last commit; check the disk, then run the same command again."
            )

    def _settle(self) -> None:
        """Take the last commit as the state that the next one starts from."""
        self._whole = True
        self._rows.forget()
        self._commit = self._rows.commit()
        self._changes = self._database.changes
        self._counts = self._settled

    def _undo(self) -> None:
        """Go back to the last commit. The derived file stays: where the disk failed, the log may hold what names it."""
        if self._database.in_transaction:
            self._database.all("ROLLBACK")
        self._settle()

    def _count(self, added: int = 0, removed: int = 0) -> None:
        self._counts = Counts(self._counts.added + added, self._counts.removed + removed)

    def _next(self) -> Commit:
        """The commit that the open transaction makes; its derived file is on disk when this returns."""
        commit = commits.following(self._rows, self._commit, after=self._after)
        if self._derived_sound and not commits.outgrown(self._rows, commit, self._family):
            return commit
        return commits.derived(self._rows, commit, self._dimension, self._family)

    # ------------------------------------------------------------ files

    @property
    def _folder(self) -> Path:
        return self._database.file.parent

    def _check_derived(self) -> bool:
        """Whether the derived file is the one that the last commit names, and of the family that is wanted.

        Where not, the next commit writes it.
        """
        file = self._folder / self._commit.dense
        with explained(file):
            if not self._commit.dense:
                return True
            if file.is_file():
                with file.open("rb") as opened:
                    if dense_file.sound(opened, self._commit, self._dimension):
                        return fits(opened, self._commit, self._dimension, self._family)
            if file.exists():
                folder.set_aside(file, self.path)
            return False

    def _publish(self) -> None:
        """Make a rebuilt index the one that is read."""
        with explained(self.path):
            if self._folder in folder.unpublished(self.path):
                folder.publish(self._folder)
        self._sweep()

    def _sweep(self) -> None:
        with explained(self.path):
            folder.sweep(self.path, keep=self._folder, derived=self._commit.dense)
