"""The whole system on one screen: files to index, question to answer. Parts are handed in, finished."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path, PurePath

from rag.corpus.members import WITHIN
from rag.corpus.metadata import given_metadata
from rag.corpus.parsing import Parser
from rag.corpus.redaction import kinds_of
from rag.corpus.sandbox.pool import Sandbox
from rag.corpus.walk import Found, walk
from rag.datatypes import Answer, Document, Source
from rag.errors import CorpusError, IndexDamaged, IndexOutdated, RagError, shell_quoted
from rag.generation import compare as comparing
from rag.generation import summary
from rag.generation.compare import Comparison
from rag.generation.draft import Draft, OnSentence
from rag.generation.generator import Generator
from rag.generation.listing import SHOWN, Counted, listed
from rag.generation.routing import enumeration
from rag.generation.summary import SENTENCES
from rag.index import folder
from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.index.writer import Writer
from rag.intake import Intake
from rag.protocols import Embedder
from rag.reports import IngestReport, NearDuplicate, NoProgress, Progress
from rag.retrieval.near_duplicates import near_duplicates_of
from rag.retrieval.others import nearest, whole
from rag.retrieval.retriever import Retriever
from rag.retrieval.scan import scan

log = logging.getLogger(__name__)

READ = 8  # hits that the generator reads at least: the right one is not always among the first few
MOST_COMPARED = 5_000  # new documents of a run: of more, looking for near-duplicates would take minutes
REMOVAL_FLOOR = 20  # from this many documents on, losing more than half of them in one run has to be confirmed


def ask(
    question: str,
    retriever: Retriever,
    generator: Generator,
    *,
    k: int = 5,
    where: str = "",
    on_sentence: OnSentence | None = None,
) -> Answer:
    """The corpus's answer, each sentence with citations; `answered` is False where it holds none.

    It comes from what the filter `where` lets through (`rag.index.filters`). More hits are read than the `k` that come
    back with the answer. `on_sentence` is called with each sentence as soon as it is checked.

    A question for all documents that mention something is answered by looking at all (`rag.generation.routing`);
    `k` does not bound how many it shows (`rag.generation.listing.SHOWN`).
    """
    everything = enumerated(question, retriever, k=k, where=where, on_sentence=on_sentence)
    if everything is not None:
        return everything
    hits = retriever.retrieve(question, max(k, READ), where=where)
    return generator.generate(question, hits, k, on_sentence=on_sentence)


def enumerated(
    question: str, retriever: Retriever, *, k: int = 5, where: str = "", on_sentence: OnSentence | None = None
) -> Answer | None:
    """Every document that mentions what the question names, quoted and counted; None for any other question."""
    wanted = enumeration(question)
    scanned = scan(retriever.index, wanted.wanted, where=where, most=SHOWN) if wanted else None
    if not wanted or not scanned:
        return None
    counted = Counted(scanned.documents, scanned.unread, scanned.found, scanned.passages)
    nearest = scanned.hits or tuple(retriever.retrieve(question, k, where=where))
    return listed(Draft(question, nearest, on_sentence), wanted, counted, filtered=bool(where.strip()))


def summarize(documents: Sequence[str], index: Index, generator: Generator, *, sentences: int = SENTENCES) -> Answer:
    """What the documents of these ids say, in so many sentences, each with citations (`rag.generation.summary`)."""
    hits = [hit for document in documents for hit in whole(index, document)]
    return summary.summarize(hits, generator, sentences=sentences)


def compare(
    documents: Sequence[str], index: Index, embedder: Embedder, generator: Generator, *, question: str = ""
) -> Comparison:
    """What the documents of these ids say on the same things, or on a question (`rag.generation.compare`)."""
    told = [whole(index, document) for document in documents]
    if not question.strip():
        return comparing.compare(told, embedder, generator)
    vector = embedder.embed_query(question).vectors[0]
    near = [nearest(index, document, vector, READ) for document in documents]
    bearing = [comparing.bearing_on(question, hits, generator) for hits in near]
    return comparing.compare(told, embedder, generator, question=question, bearing=bearing)


def ingest(
    paths: Sequence[str | Path],
    index: str | Path,
    embedder: Embedder,
    *,
    chunking: Chunking | None = None,
    rebuild: bool = False,
    prune: bool = False,
    verify: bool = False,
    meta: Sequence[str] | None = None,
    dense: str = "auto",
    redact: Sequence[str] | None = None,
    passwords: Sequence[str] = (),
    parser: Parser | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Bring the index in step with files and folders; what every file became.

    Unchanged files cost no embedding, changed ones are replaced, those gone from an ingested folder are removed.
    `verify` hashes every file instead of trusting size, time and inode; `rebuild` re-embeds everything the index
    holds first, with this embedder and chunking, while readers keep the old state. `chunking` None is how the index
    was cut, `Chunking()` for one that is new or rebuilt. `meta` is what is said of all the files, as "key=value"
    (`rag.corpus.metadata`), in place of what was said before; None leaves that as it was. `dense` is how vectors are
    searched: "exact", "ivf", or "auto", which is by their number. `redact` names the kinds of personal data that are
    taken out of documents before they are kept (`rag.corpus.redaction`); an index keeps to those that it was made with,
    and None is these. `passwords` open encrypted PDFs and members of ZIP archives: they are kept nowhere, and what was
    encrypted is tried again where there are any. `parser` is what files are parsed in, by default child processes that
    can do nothing else (`rag.corpus.sandbox`); another one has passwords of its own.

    Raises SettingsError (meta that is not key=value, a `dense` or kind that there is not), CorpusError (a root that
    cannot be read; a large removal without `prune`), IndexMissing (nothing to rebuild), IndexBusy, IndexMismatch.
    """
    started = time.perf_counter()
    roots = [Path(path) for path in paths]
    if rebuild and not roots:
        folder.current(Path(index))  # without files to read there has to be an index to carry over
    given = None if meta is None else given_metadata(meta)
    taken_out = None if redact is None else ",".join(kinds_of(redact))
    shown = progress or NoProgress()
    with (
        nullcontext(parser) if parser else Sandbox(passwords=passwords, on_page=noting_pages(shown)) as parsing,
        Writer.open(
            Path(index), embedder=embedder, chunking=chunking, rebuild=rebuild, dense=dense, redact=taken_out
        ) as writer,
        Intake(
            writer,
            embedder,
            parser=parsing,
            verify=verify,
            given=given,
            unlocking=bool(passwords),
            progress=shown,
        ) as intake,
    ):
        if rebuild:
            carry_over(Path(index), writer, intake, again=bool(roots))
        take_all(list(walk(roots, exclude=[Path(index)])), intake)
        removed = remove_vanished(writer, intake, roots, prune=prune)
        intake.progress.finish()
        report = intake.report(removed, started)
    alike = near_duplicates_in(Path(index), intake.added, intake.progress)
    seconds = {**report.seconds, "total": time.perf_counter() - started}
    return replace(report, near_duplicates=tuple(alike), seconds=seconds)


def noting_pages(progress: Progress) -> Callable[[str, int, int], None]:
    """What tells of the pages of a file that is being read, from the second on: (path, page, how many or 0)."""

    def on_page(path: str, page: int, count: int) -> None:
        if page > 1:
            progress.note(f"{PurePath(path).name}, page {page}" + (f" of {count}" if count else ""))

    return on_page


def take_all(found: Sequence[Found | Source], intake: Intake) -> None:
    """Bring in the files that a walk found, and commit them. What ended before it is read counts for no progress."""
    intake.progress.start("ingest", sum(each.size for each in found if isinstance(each, Found)))
    for each in found:
        intake.take(each)
    intake.flush()


def add_documents(
    items: Iterable[tuple[Source, Document]],
    index: str | Path,
    embedder: Embedder,
    *,
    chunking: Chunking | None = None,
    dense: str = "auto",
    progress: Progress | None = None,
) -> IngestReport:
    """Index documents that do not come from files; a document that the index holds is not embedded again.

    `chunking` and `dense` are as in `ingest`.
    """
    started = time.perf_counter()
    with (
        Writer.open(Path(index), embedder=embedder, chunking=chunking, dense=dense) as writer,
        Intake(writer, embedder, progress=progress) as intake,
    ):
        for source, document in items:
            clean, count = intake.redactor.redacted(document)
            intake.redacted += count
            intake.add(clean, [replace(source, document=clean.id)], len(document.text))
        intake.flush(last=True)
        intake.progress.finish()
        return intake.report([], started)


def near_duplicates_in(path: Path, documents: Sequence[str], progress: Progress) -> list[NearDuplicate]:
    """Those of the documents that say nearly what another one of the index says; none where that cannot be told."""
    if not documents:
        return []
    if len(documents) > MOST_COMPARED:
        log.info("near-duplicates of %d new documents were not looked for; rag duplicates does that", len(documents))
        return []
    progress.start("compare", len(documents))
    try:
        with Index.open(path) as index:
            pairs = near_duplicates_of(index, documents, progress.advance)
            places = {each: index.sources(each)[0].location for pair in pairs for each in (pair.document, pair.other)}
    except RagError as error:  # what was read is in the index all the same
        log.warning("near-duplicates were not looked for: %s", error)
        return []
    finally:
        progress.finish()
    return [NearDuplicate(places[pair.document], places[pair.other], pair.share) for pair in pairs]


def carry_over(path: Path, writer: Writer, intake: Intake, *, again: bool) -> None:
    """Everything that the index at `path` holds, split and embedded anew; sources keep their states.

    Where it is damaged, what could not be read is left to the files that are ingested `again` in the same run.
    So it is with an index of an earlier format. Raises IndexDamaged, IndexOutdated where there are none: nothing would
    be left.
    """
    try:
        with Index.open(path) as old:
            places: dict[str | None, list[Source]] = defaultdict(list)
            for source in old.all_sources():
                places[source.document].append(source)
            intake.progress.start("rebuild", sum(old.head(each).characters for each in places if each is not None))
            for name, sources in places.items():
                if name is not None:
                    document = old.document(name)
                    intake.add(document, sources, len(document.text))
            for source in places[None]:
                writer.put_source(source)
    except (IndexDamaged, IndexOutdated) as error:
        if not again:
            raise type(error)(
                f"what {path} holds cannot be carried over: {error}. Name the folders to read again, such as: "
                f"rag ingest docs --rebuild {folder.flag(path)}"
            ) from error
        writer.keep_replaced()
        log.warning("%s The rebuild reads the named files instead; what it replaces is kept in quarantine/.", error)
    intake.flush()
    intake.progress.finish()
    intake.settle()


def remove_vanished(writer: Writer, intake: Intake, roots: Sequence[Path], *, prune: bool) -> list[str]:
    """Take out what lay in an ingested folder or file and is gone, or left out now; the locations of what was there.

    Raises CorpusError if that is too much.
    """
    places = {root.resolve().as_posix().rstrip("/") for root in roots}
    inside = tuple(f"{place}{end}" for place in places for end in ("/", WITHIN))  # a file may have been a folder
    known, outcomes = intake.record.known, intake.record.outcomes
    absent = {each for each in known.keys() - outcomes.keys() if each in places or each.startswith(inside)}
    shut = {location for location, now in outcomes.items() if now.left_out and _document(known, location)}
    gone = absent | shut
    now = writer.known().values()
    held = {source.document for source in now if source.document}
    lost = held - {source.document for source in now if source.location not in gone}
    if len(held) >= REMOVAL_FLOOR and len(lost) > len(held) / 2 and not prune:
        where = " ".join(shell_quoted(str(root)) for root in roots)
        raise CorpusError(
            f"{len(lost)} of {len(held)} indexed documents are gone from {where} or left out now: nothing was removed. "
            f"If that is meant: rag ingest --prune {where} {folder.flag(writer.path)}"
        )
    for location in absent:
        writer.remove_source(location)
    for location in shut:
        writer.put_source(outcomes[location])
    intake.flush(last=True)
    return sorted(location for location in gone if not known[location].left_out)


def _document(known: Mapping[str, Source], location: str) -> str | None:
    """The document that lies there; None where there is none."""
    return known[location].document if location in known else None
