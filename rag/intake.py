"""What `pipeline.ingest` does with one file after another: look, read, split, embed in slabs, commit.

    files ─look, read, split─→ a batch of chunks ─full─→ Slabs (rag.slabs) ─all kept─→ put whole documents, commit
                                     ↑ the next one gathers while the threads of the embedder are at work

Nothing is embedded that the index already knows: a file is recognised by its stat, then by its bytes, then by the
content-derived id of its document, and a chunk by the hash of what is embedded. What is committed survives anything:
documents, and of one that is longer than a batch the embeddings of its first chunks, so that a run which is
interrupted goes on from there.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from rag.batches import Batch, Cuts, Pending, portions
from rag.corpus.ledger import counts, problems
from rag.corpus.metadata import MetadataProblem, read_sidecar, sidecar_of
from rag.corpus.parsing import InProcess, Parser
from rag.corpus.readers import Unread, document_id, reader_for
from rag.corpus.walk import Found
from rag.datatypes import Chunk, Document, Metadata, Source, State
from rag.errors import RagError
from rag.index.chunking import Chunking
from rag.index.split import windows
from rag.index.writer import Writer
from rag.protocols import Embedder
from rag.reports import IngestReport, NoProgress, Progress
from rag.slabs import Slabs, turns

BATCH_TOKENS = 100_000  # that fill a batch: some ten seconds of embedding on two cores, lost at most when killed

UNSURE = -1  # in place of the inode of a file that has to be read again, whatever its stat
TICK_NS, COARSE_TICK_NS = 20_000_000, 2_000_000_000  # of the clocks that stamp files; where they stamp whole seconds

KEPT_STATES = {State.INDEXED, State.UNCHANGED, State.DUPLICATE}  # a file in one of these has a document


class Intake:
    """One run over a writer: takes files in, remembers how each ended, commits in batches.

    Within its `with` block, of which an interruption loses no more than the slabs that are being embedded.
    """

    def __init__(
        self,
        writer: Writer,
        embedder: Embedder,
        chunking: Chunking,
        *,
        parser: Parser | None = None,
        verify: bool = False,
        given: Metadata | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.writer = writer
        self.embedder = embedder
        self.chunking = chunking
        self.parser: Parser = parser or InProcess()
        self.verify = verify
        self.given = given
        self.progress: Progress = progress or NoProgress()
        self.known = writer.known()
        self.outcomes: dict[str, Source] = {}
        self.tokens = 0
        self.commit = 0
        self.pages = {"indexed": 0, "empty": 0}
        self.seconds = {"read": 0.0, "split": 0.0, "embed": 0.0, "commit": 0.0}
        self._gathered = Batch()
        self._embedding: tuple[Batch, Slabs] | None = None
        self._settled: list[Source] = []
        self._holders = {
            source.document: location for location, source in self.known.items() if source.document is not None
        }

    def __enter__(self) -> Self:
        turns.begin()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        turns.end()
        if kind is not None:
            with suppress(Exception):  # what ended the run is what has to be said
                if self._embedding is not None:
                    self._embedding[1].end()
            with suppress(RagError):
                self._put_settled()  # files that took over a document from one that is already put as another
                self.writer.commit(midway=True)

    def settle(self) -> None:
        """Forget this run's outcomes and take what the index holds now as known."""
        self.outcomes.clear()
        self.known = self.writer.known()

    # ------------------------------------------------------------ one file

    def take(self, found: Found | Source) -> None:
        """Bring one file into the index, or record why not; never raises for what a file holds."""
        self._step()
        if isinstance(found, Source):
            self._failed(found)
            return
        source = self._described(found)
        if source.state is State.FAILED:
            self._settle(self._kept(source), found.size)
            return
        known = self._looked_at(source)
        if known is not None:
            self._settle(known, found.size)
            return
        with self._timed("read"):
            source, document = self._read(found, source)
        if document is None:
            self._settle(source, found.size)
        else:
            self.add(document, [source], found.size)

    def _described(self, found: Found) -> Source:
        """The file as a source, with what the user and its sidecar say of it; failed where that cannot be read."""
        source = _source(found)
        known = self.known.get(source.location)
        given = self._given(known)
        beside = sidecar_of(found.location)
        try:
            return replace(source, given=given, sidecar=read_sidecar(beside) if beside else ())
        except MetadataProblem as error:
            name = beside.name if beside else ""
            source = replace(source, given=given, sidecar=known.sidecar if known else (), state=State.FAILED)
            # With another inode to compare, the file is looked at again when the sidecar is mended.
            return replace(source, inode=UNSURE, reason=f"{name} cannot be read: {error}", fix=f"mend {name}")

    def _given(self, known: Source | None) -> Metadata:
        """What the user says of a file in this run, else what was said of it before."""
        if self.given is not None:
            return self.given
        return known.given if known else ()

    def _looked_at(self, source: Source) -> Source | None:
        """The file's outcome where its stat alone decides: it and its reader are what they were."""
        known = self.known.get(source.location)
        if known is None or self.verify:
            return None
        stat = (source.size, source.mtime_ns, source.inode, source.reader)
        return _again(known, source) if stat == (known.size, known.mtime_ns, known.inode, known.reader) else None

    def _read(self, found: Found, source: Source) -> tuple[Source, Document | None]:
        """The file's outcome and, where it has to be embedded, its document."""
        reader = reader_for(found.location)
        if reader is None:
            return self._unread(source, Unread(State.UNSUPPORTED, _no_reader(found))), None
        fresh = _is_fresh(found.mtime_ns)
        try:
            data = found.location.read_bytes()
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            return self._unread(source, Unread(State.FAILED, reason, "check its permissions")), None
        source = replace(source, digest=hashlib.sha256(data).hexdigest(), inode=UNSURE if fresh else source.inode)
        known = self.known.get(source.location)
        if known is not None and (known.digest, known.reader) == (source.digest, source.reader):
            if (known.inode, known.mtime_ns) == (UNSURE, source.mtime_ns) and not _is_coarse(source.mtime_ns):
                # Else a second run would change the index. Of whole seconds it may, once: they are all unsure at first.
                source = replace(source, inode=UNSURE)
            return _again(known, source), None
        identity = document_id(data, reader)
        if self._holds(identity):
            return self._placed(source, identity), None
        outcome = self.parser.parse(reader, data, found.path).outcome
        if isinstance(outcome, Unread):
            return self._unread(source, outcome), None
        return replace(source, state=State.INDEXED, document=outcome.id), outcome

    def _holds(self, document: str) -> bool:
        return self._holder(document) is not None or self.writer.has_document(document)

    def _holder(self, document: str) -> str | None:
        """Where the document lies; None where that file has become another one in this run."""
        location = self._holders.get(document, "")
        source = self.outcomes.get(location) or self.known.get(location)
        return location if source is not None and source.document == document else None

    def _placed(self, source: Source, document: str) -> Source:
        """The source of a document that the index has: a duplicate, or the file under its new name."""
        holder = self._holder(document)
        if holder is not None and holder != source.location:
            if _may_exist(Path(holder)):
                return replace(source, state=State.DUPLICATE, document=document, reason=f"same content as {holder}")
            if holder in self.known:
                source = replace(source, given=self._given(self.known[holder]))
        return replace(source, state=State.INDEXED, document=document)

    def _unread(self, source: Source, outcome: Unread) -> Source:
        return self._kept(replace(source, state=outcome.state, reason=outcome.reason, fix=outcome.fix))

    def _kept(self, source: Source) -> Source:
        """The same outcome; a file that worked before keeps its last good version, marked stale."""
        known = self.known.get(source.location)
        if source.state is State.EMPTY or known is None or known.document is None:
            return source
        return replace(source, document=known.document, stale=True, given=self._given(known), sidecar=known.sidecar)

    def _failed(self, source: Source) -> None:
        self._settle(self._kept(source), 0)

    def _settle(self, source: Source, size: int) -> None:
        """Record how a file ended. What is unchanged keeps the state it was stored with."""
        self.outcomes[source.location] = source
        known = self.known.get(source.location)
        stored = source if source.state is not State.UNCHANGED or known is None else replace(source, state=known.state)
        if stored != known:
            self._settled.append(stored)
        self.progress.advance(size)

    # ------------------------------------------------------------ documents to rows

    def add(self, document: Document, sources: Sequence[Source], size: int = 0) -> None:
        """Queue a document with where it lies for embedding; a full batch is embedded and committed."""
        self._step()
        for source in sources:
            if self._holder(document.id) is None:
                self._holders[document.id] = source.location
            self.outcomes[source.location] = source
        for page in document.pages:
            self.pages["indexed" if document.text[page.start : page.end].strip() else "empty"] += 1
        cuts, shown = Cuts(document), 0
        for chunks in self._split(document):
            self._embed_if_full()
            upto = size * chunks[-1].end // len(document.text)
            self._gathered.gather(chunks, upto - shown)
            cuts.extend(chunks)
            shown = upto
        self._gathered.gather([], size - shown)
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
        outcomes = list(self.outcomes.values())
        chunks = self.writer.counts
        return IngestReport(
            index=self.writer.path,
            commit=self.commit,
            files=counts(outcomes, removed=len(removed)),
            pages=self.pages,
            chunks_added=chunks.added,
            chunks_removed=chunks.removed,
            chunks_total=chunks.total,
            problems=tuple(problems(outcomes)),
            tokens=self.tokens,
            seconds={**self.seconds, "total": time.perf_counter() - started},
        )

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - started


def _again(known: Source, now: Source) -> Source:
    """How an untouched file ends: unchanged where it has its document, else as it ended before."""
    again = replace(known, size=now.size, mtime_ns=now.mtime_ns, inode=now.inode, given=now.given, sidecar=now.sidecar)
    return replace(again, state=State.UNCHANGED) if known.state in KEPT_STATES else again


def _may_exist(path: Path) -> bool:
    """Whether there is such a file, as far as this user can see."""
    try:
        return path.exists()
    except OSError:  # it lies where we may not look
        return True


def _source(found: Found) -> Source:
    return Source(
        root=found.root,
        path=found.path,
        state=State.INDEXED,
        size=found.size,
        mtime_ns=found.mtime_ns,
        inode=found.inode,
        reader=_reader_name(found),
    )


def _is_fresh(mtime_ns: int) -> bool:
    """Whether a file changed so short a time ago that its next change may get the same time."""
    tick = COARSE_TICK_NS if _is_coarse(mtime_ns) else TICK_NS
    return abs(time.time_ns() - mtime_ns) < tick


def _is_coarse(mtime_ns: int) -> bool:
    """Whether a file's time looks like that of a file system which stamps whole seconds."""
    return mtime_ns % 1_000_000_000 == 0


def _reader_name(found: Found) -> str:
    reader = reader_for(found.location)
    return reader.stamp if reader else ""


def _no_reader(found: Found) -> str:
    return f"no reader for {found.location.suffix or 'files without a suffix'}"
