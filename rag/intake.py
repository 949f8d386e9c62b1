"""What `pipeline.ingest` does with one file after another: look, read, split, embed in slabs, commit.

    files ─look, read, split─→ a batch of chunks ─full─→ Slabs (rag.slabs) ─all kept─→ put whole documents, commit
                                     ↑ the next one gathers while the threads of the embedder are at work

Nothing is embedded that the index already knows: a file is recognised by its stat, then by its bytes, then by the
content-derived id of its document, and a chunk by the hash of what is embedded. What is committed survives anything:
documents, and of one that is longer than a batch the embeddings of its first chunks, so that a run which is
interrupted goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import Self

from rag.batches import Batch, Cuts, Pending, portions
from rag.corpus.cleaned import Cleaned, added
from rag.corpus.ledger import counts, left_out, page_counts, page_problems, problems
from rag.corpus.metadata import MetadataProblem, read_sidecar, sidecar_of
from rag.corpus.parsing import InProcess, Parser
from rag.corpus.readers import Unread, reader_for
from rag.corpus.redaction import Redactor
from rag.corpus.walk import Found, content
from rag.datatypes import Chunk, Document, Metadata, Source, State
from rag.errors import RagError
from rag.index.split import windows
from rag.index.writer import Writer
from rag.opening import Opening, no_reader
from rag.protocols import Embedder
from rag.record import UNSURE, Record, is_fresh
from rag.reports import IngestReport, NoProgress, Progress
from rag.slabs import Slabs
from rag.threads import single_products, turns

BATCH_TOKENS = 100_000  # that fill a batch: some ten seconds of embedding on two cores, lost at most when killed


class Intake:
    """One run over a writer: takes files in, remembers how each ended, commits in batches.

    Within its `with` block, of which an interruption loses no more than the slabs that are being embedded.
    """

    def __init__(
        self,
        writer: Writer,
        embedder: Embedder,
        *,
        parser: Parser | None = None,
        verify: bool = False,
        given: Metadata | None = None,
        unlocking: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self.writer = writer
        self.embedder = embedder
        self.chunking = writer.chunking
        self.parser: Parser = parser or InProcess()
        self.redactor = Redactor(tuple(filter(None, writer.redact.split(","))))
        self.verify = verify
        self.progress: Progress = progress or NoProgress()
        self.record = Record(writer.known(), writer.has_document, given, unlocking=unlocking)
        self.tokens = 0
        self.redacted = 0
        self.cleaned: Cleaned = {}
        self.added: list[str] = []  # documents, in order
        self.commit = 0
        self.seconds = {"read": 0.0, "split": 0.0, "embed": 0.0, "commit": 0.0}
        self._shared = ExitStack()
        self._gathered = Batch()
        self._embedding: tuple[Batch, Slabs] | None = None
        self._settled: list[Source] = []
        self._pages: dict[str, tuple[dict[State, int], list[Source]]] = {}  # of a document: how they ended, problems
        self._carried: frozenset[str] = frozenset()  # documents of the index that is rebuilt

    def __enter__(self) -> Self:
        self._shared.enter_context(turns)
        self._shared.enter_context(single_products)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._shared.close()
        if kind is not None:
            with suppress(Exception):  # what ended the run is what has to be said
                if self._embedding is not None:
                    self._embedding[1].end()
            with suppress(RagError):
                self._put_settled()  # files that took over a document from one that is already put as another
                self.writer.commit(midway=True)

    def settle(self) -> None:
        """Forget this run's outcomes and take what the index holds now as known."""
        self.record.forget(self.writer.known())
        self._carried = frozenset(self._pages)

    # ------------------------------------------------------------ one file

    def take(self, found: Found | Source) -> None:
        """Bring one file into the index, and those within it, or record why not; never raises for what a file holds."""
        self._step()
        if isinstance(found, Source):
            if found.left_out:
                self._settle([found])
            else:
                self._fail(found)
            return
        source = self._described(found)
        if source.state is State.FAILED:
            self._fail(source)
        elif untouched := [] if self.verify else self.record.untouched(source):
            self._settle(untouched)
        else:
            settled = self._read(found, source)
            if not settled:
                return  # its bytes are shown as those of its document
            self._settle(settled)
        self.progress.advance(found.size)

    def _source(self, found: Found) -> Source:
        reader = reader_for(found.location)
        return Source(
            root=found.root,
            path=found.path,
            state=State.INDEXED,
            size=found.size,
            mtime_ns=found.mtime_ns,
            inode=found.inode,
            reader=reader.stamp + self.redactor.stamp if reader else "",
        )

    def _described(self, found: Found) -> Source:
        """The file as a source, with what the user and its sidecar say of it; failed where that cannot be read."""
        source = self._source(found)
        known = self.record.known.get(source.location)
        given = self.record.given(source.location)
        beside = sidecar_of(found.location)
        try:
            return replace(source, given=given, sidecar=read_sidecar(beside) if beside else ())
        except MetadataProblem as error:
            name = beside.name if beside else ""
            source = replace(source, given=given, sidecar=known.sidecar if known else (), state=State.FAILED)
            # With another inode to compare, the file is looked at again when the sidecar is mended.
            return replace(source, inode=UNSURE, reason=f"{name} cannot be read: {error}", fix=f"mend {name}")

    def _read(self, found: Found, source: Source) -> list[Source]:
        """How the file and those within it ended; empty where it is an ordinary one, whose document waits."""
        reader = reader_for(found.location)
        if reader is None:
            return self._unread(source, no_reader(found.location.name))
        fresh = is_fresh(found.mtime_ns)
        try:
            with self._timed("read"):
                data = content(found, reader.max_bytes)
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            # Permissions change without a trace in what is compared: it is read again the next time.
            return self._unread(replace(source, inode=UNSURE), Unread(State.FAILED, reason, "check its permissions"))
        source = replace(source, inode=UNSURE if fresh else source.inode)
        opening = Opening(self.record, self.parser, self.redactor, self.add, self._timed)
        settled = opening.read(source, data, reader)
        self.redacted += opening.redacted
        self.cleaned = added(self.cleaned, opening.cleaned)
        return settled

    def _unread(self, source: Source, outcome: Unread) -> list[Source]:
        return [self.record.unread(source, outcome), *self.record.kept_within(source, outcome)]

    def _fail(self, source: Source) -> None:
        """Record a file that ended before it was read, and those that were within it."""
        outcome = Unread(source.state, source.reason, source.fix)
        self._settle([self.record.kept(source), *self.record.kept_within(source, outcome)])

    def _settle(self, sources: Sequence[Source]) -> None:
        """Record how files ended. What is unchanged keeps the state it was stored with."""
        for source in sources:
            self.record.note(source)
            known = self.record.known.get(source.location)
            if source.left_out and known is not None and known.document is not None:
                continue  # it is removed with what has vanished (`pipeline.remove_vanished`)
            is_same = source.state is State.UNCHANGED and known is not None
            stored = replace(source, state=known.state) if known is not None and is_same else source
            if stored != known:
                self._settled.append(stored)

    # ------------------------------------------------------------ documents to rows

    def add(self, document: Document, sources: Sequence[Source], size: int = 0) -> None:
        """Queue a document with where it lies for embedding; a full batch is embedded and committed."""
        self._step()
        for source in sources:
            self.record.note(source)
        if document.pages:
            partly = [each for source in sources for each in page_problems(source, document.pages)]
            self._pages[document.id] = page_counts(document), partly
        cuts, shown = Cuts(document), 0
        for chunks in self._split(document):
            self._embed_if_full()
            upto = size * chunks[-1].end // len(document.text)
            self._gathered.gather(chunks, upto - shown)
            cuts.extend(chunks)
            shown = upto
        self._gathered.gather([], size - shown)
        self.added.append(document.id)
        self._gathered.whole.append(Pending(document, cuts, tuple(sources)))
        self._embed_if_full()

    def flush(self, *, last: bool = False) -> None:
        """Embed and commit all that waits; after the `last` of it, embeddings that nothing needs may go."""
        self._next_batch()
        self._finish()
        with self._timed("commit"):
            self._put_settled()
            self.commit = self.writer.commit(midway=not last)

    def _split(self, document: Document) -> Iterator[Sequence[Chunk]]:
        """The document's chunks, about a batch of them at a time."""
        found = windows(document, self.embedder, self.chunking)
        while True:
            with self._timed("split"):
                chunks = next(found, None)
            if chunks is None:
                return
            yield from portions(chunks, BATCH_TOKENS)

    def _embed_if_full(self) -> None:
        if self._gathered.tokens >= BATCH_TOKENS:
            self._next_batch()

    def _next_batch(self) -> None:
        """Begin to embed what is gathered, after the batch before it is committed."""
        self._finish()
        batch, self._gathered = self._gathered, Batch()
        if not batch.whole and not batch.chunks:
            return
        with self._timed("embed"):
            slabs = Slabs(self.writer, self.embedder, batch.chunks)
        batch.chunks.clear()  # the slabs have them
        self._embedding = batch, slabs
        self._step()

    def _step(self) -> None:
        """Take over what has been embedded meanwhile, and commit the batch if that was all of it."""
        if self._embedding is not None:
            batch, slabs = self._embedding
            with self._timed("embed"):
                slabs.step()
                self._show(batch, slabs)
            if slabs.done == slabs.total:
                self._finish()

    def _finish(self) -> None:
        """Wait for the batch that is being embedded, and commit it."""
        if self._embedding is None:
            return
        batch, slabs = self._embedding
        with self._timed("embed"):
            while slabs.done < slabs.total:
                slabs.wait()
                self._show(batch, slabs)
        self.tokens += slabs.tokens
        self._embedding = None
        with self._timed("commit"):
            self.writer.put_all([(pending.document, pending.chunks) for pending in batch.whole])
            for pending in batch.whole:
                for source in pending.sources:
                    self.writer.put_source(source)
            self._put_settled()
            self.commit = self.writer.commit(midway=True)

    def _put_settled(self) -> None:
        """The files without a document of their own to wait for, but copies of one that waits still.

        Not one later than that: a document whose file is gone would be removed before its new name is known.
        """
        waiting = []
        for source in self._settled:
            if source.document is None or self.writer.has_document(source.document):
                self.writer.put_source(source)
            else:
                waiting.append(source)
        self._settled = waiting

    def _show(self, batch: Batch, slabs: Slabs) -> None:
        """Show what has been embedded as a share of the batch's bytes; all of them where nothing had to be."""
        done = batch.size * slabs.done // slabs.total if slabs.total else batch.size
        self.progress.advance(done - batch.shown)
        batch.shown = done

    # ------------------------------------------------------------ the end

    def report(self, removed: Sequence[str], started: float) -> IngestReport:
        """The summary, after the last commit."""
        outcomes = list(self.record.outcomes.values())
        chunks = self.writer.counts
        pages, partly = self._ended_pages()
        return IngestReport(
            index=self.writer.path,
            commit=self.commit,
            files=counts(outcomes, removed=len(removed)),
            pages=pages,
            chunks_added=chunks.added,
            chunks_removed=chunks.removed,
            chunks_total=chunks.total,
            left_out=left_out(outcomes),
            redacted=self.redacted,
            cleaned={kind.value: count for kind, count in self.cleaned.items()},
            problems=(*problems(outcomes), *partly),
            tokens=self.tokens,
            seconds={**self.seconds, "total": time.perf_counter() - started},
        )

    def _ended_pages(self) -> tuple[dict[str, int], list[Source]]:
        """How pages ended, counted, and the problems among them; not those of a document that a rebuild let go of."""
        left = {source.document for source in self.writer.known().values()} if self._carried else frozenset()
        gone = self._carried - left
        ended = {"indexed": 0, "empty": 0, "needs-ocr": 0, "failed": 0, "too-large": 0}
        partly: list[Source] = []
        for document, (counted, found) in self._pages.items():
            if document not in gone:
                partly += found
                for state, count in counted.items():
                    ended[state] += count
        return ended, partly

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - started
