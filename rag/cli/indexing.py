"""ingest, status, ls, rm: what is in an index, and how it comes and goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.cli import jsonout, render
from rag.cli.exits import FIXABLE, complain, ends_well
from rag.cli.options import DeviceFlag, EmbedderFlag, EngineFlag, IndexFlag, JsonFlag
from rag.cli.parts import index_flag, ingest_parts, open_index, prepared
from rag.cli.passwords import asked_passwords
from rag.cli.problems import amount, cleaned_words, counted, print_problems, show_left_out, show_problems
from rag.cli.progress import Bar
from rag.cli.sources import find_many, shown, typed_paths
from rag.corpus.ledger import left_out, page_problems
from rag.corpus.ledger import problems as whole_problems
from rag.datatypes import Source
from rag.settings import Settings

if TYPE_CHECKING:
    from rag import Index
    from rag.reports import IngestReport

Names = Annotated[list[str] | None, typer.Argument(metavar="SOURCE", help="Files, folders or globs.")]
MetaFlag = Annotated[
    list[str] | None,
    typer.Option(
        "--meta", metavar="KEY=VALUE", help="Say this of all the files, to filter by; may be given several times."
    ),
]
RedactFlag = Annotated[
    str | None,
    typer.Option(
        "--redact",
        metavar="KINDS",
        help="Take personal data out of what is kept: email, iban, id, card, phone, by commas, or all. An index keeps "
        "to what it was made with.",
    ),
]
PasswordFlag = Annotated[
    bool,
    typer.Option(
        "--password",
        help="Ask for passwords of encrypted PDFs and ZIP archives; in a pipe read them, one a line. None is kept.",
    ),
]


@ends_well
def ingest(
    paths: Annotated[list[str] | None, typer.Argument(metavar="PATH", help="Files and folders.")] = None,
    index: IndexFlag = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if any file or page failed.")] = False,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Embed everything anew: another embedder, other chunking.")
    ] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Allow removing more than half of the documents.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Hash every file instead of trusting its date.")] = False,
    meta: MetaFlag = None,
    redact: RedactFlag = None,
    password: PasswordFlag = False,
    embedder: EmbedderFlag = None,
    device: DeviceFlag = None,
    engine: EngineFlag = None,
    chunk_tokens: Annotated[int | None, typer.Option(metavar="N", help="Tokens of a chunk [default: 320].")] = None,
    context_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens of its heading context [default: 64].")
    ] = None,
    threads: Annotated[int | None, typer.Option(metavar="N", help="CPU threads; 0 lets the libraries choose.")] = None,
    json: JsonFlag = False,
) -> int:
    """Read files and folders into the index.

    Run it again after changes: only what changed costs time.

    Example: rag ingest docs
    """
    folders = typed_paths(paths or [])
    if not folders and not rebuild:
        raise typer.BadParameter("name the files or folders to read, such as: rag ingest docs")
    if redact is not None and not redact.strip():
        raise typer.BadParameter("--redact names no kind of personal data; say some by commas, all, or none")
    flags = {"index": index, "embedder": embedder, "device": device, "engine": engine, "redact": redact}
    sizes = {"chunk_tokens": chunk_tokens, "context_tokens": context_tokens, "threads": threads}
    settings = prepared(Settings.load({**flags, **sizes}))
    if password:
        settings = replace(settings, passwords=(*settings.passwords, *asked_passwords()))
    report = _ingested(folders, settings, rebuild=rebuild, prune=prune, verify=verify, meta=meta)
    if json:
        jsonout.write_json(report_object(report))
    else:
        _print_report(report, index_flag(settings))
    return FIXABLE if strict and (report.files["failed"] or report.pages["failed"]) else 0


def _ingested(
    paths: Sequence[Path], settings: Settings, *, rebuild: bool, prune: bool, verify: bool, meta: Sequence[str] | None
) -> IngestReport:
    from rag import ingest as ingest_library
    from rag.corpus.metadata import given_metadata
    from rag.corpus.redaction import kinds_of
    from rag.corpus.walk import walk

    # What is wrong with these shows now, before a model is loaded.
    given_metadata(meta or ())
    kinds_of(settings.redacted or ())
    walk(paths)

    embedder, chunking = ingest_parts(settings, rebuild=rebuild)
    with Bar() as bar:
        return ingest_library(
            paths,
            settings.index,
            embedder,
            chunking=chunking,
            rebuild=rebuild,
            prune=prune,
            verify=verify,
            meta=meta,
            dense=settings.dense,
            redact=settings.redacted,
            passwords=settings.passwords,
            progress=bar,
        )


def report_object(report: IngestReport) -> dict[str, Any]:
    return {
        "index": shown(str(report.index)),
        "commit": report.commit,
        "files": dict(report.files),
        "pages": dict(report.pages),
        "chunks": {"added": report.chunks_added, "removed": report.chunks_removed, "total": report.chunks_total},
        "left_out": dict(report.left_out),
        "redacted": report.redacted,
        "cleaned": dict(report.cleaned),
        "near_duplicates": [
            {"source": shown(each.source), "like": shown(each.like), "share": round(each.share, 4)}
            for each in report.near_duplicates
        ],
        "problems": [jsonout.problem_object(source, shown) for source in report.problems],
        "tokens": report.tokens,
        "seconds": dict(report.seconds),
    }


def _print_report(report: IngestReport, index_flag: str) -> None:
    paper = render.Paper()
    counts = counted((name, count) for name, count in report.files.items() if name != "seen")
    paper.line((f"{report.files['seen']:,} files", render.STRONG), f": {counts}" if counts else "")
    show_left_out(paper, report.left_out)
    if any(report.pages.values()):
        paper.line(("pages", render.STRONG), f": {counted(report.pages.items())}")
    if report.redacted:
        paper.line(("personal data", render.STRONG), f": taken out at {report.redacted:,} places")
    if report.cleaned:
        paper.line(("cleaned", render.STRONG), f": {cleaned_words(report.cleaned)}")
    chunks = f"{report.chunks_added:,} added, {report.chunks_removed:,} removed, {report.chunks_total:,} in all"
    paper.line(("chunks", render.STRONG), f": {chunks}")
    if report.near_duplicates:
        pairs = amount(len(report.near_duplicates), "pair")
        paper.line(("near-duplicates", render.STRONG), f": {pairs} (rag duplicates{index_flag} lists them)")
    paper.line(("index", render.STRONG), f": {shown(str(report.index))} (commit {report.commit})")
    print_problems(report.problems, index_flag)
    total = report.seconds.get("total", 0.0)
    rate = f", {report.tokens / total:,.0f} tokens/s" if total and report.tokens else ""
    complain(f"{total:.1f} s{rate}")


@ends_well
def status(
    index: IndexFlag = None,
    problems: Annotated[
        bool, typer.Option("--problems", help="List what gave no text instead, with what to do about it.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Say what the index holds and how it was built.

    Example: rag status --problems
    """
    settings = prepared(Settings.load({"index": index}))
    if problems:
        _problems(settings, json=json)
        return
    with open_index(settings) as opened:
        facts = _status_object(opened)
    if json:
        jsonout.write_json(facts)
    else:
        _print_status(facts)


def _problems(settings: Settings, *, json: bool) -> None:
    """Print the files and pages that someone should look at, and how much was left out by which rule."""
    with open_index(settings) as opened:
        sources = opened.all_sources()
        documents = [(source, source.document) for source in sources if source.document]
        partly = [each for source, name in documents for each in page_problems(source, opened.head(name).pages)]
    found = [*whole_problems(sources), *partly]
    if json:
        objects = [jsonout.problem_object(source, shown) for source in found]
        jsonout.write_json({"index": shown(str(settings.index)), "problems": objects, "left_out": left_out(sources)})
        return
    paper = render.Paper()
    show_problems(paper, found, index_flag(settings))
    show_left_out(paper, left_out(sources))


def _status_object(index: Index) -> dict[str, Any]:
    facts = index.status()
    return {
        "index": shown(str(index.path)),
        "commit": facts.commit,
        "created": _moment(facts.created),
        "updated": _moment(facts.updated),
        "documents": facts.documents,
        "sources": {state.value: count for state, count in facts.sources.items()},
        "left_out": dict(facts.left_out),
        "chunks": facts.chunks,
        "embedder": facts.embedder,
        "fingerprint": facts.fingerprint,
        "dimension": facts.dimension,
        "redact": facts.redact or None,
        "chunking": {"chunk_tokens": facts.chunking.max_tokens, "context_tokens": facts.chunking.context_tokens},
        "dense": facts.dense,
        "recall": facts.recall,
        "codec": facts.codec,
        "token_bytes": facts.token_bytes,
        "bytes": dict(facts.bytes),
    }


def _moment(seconds: float) -> str | None:
    """A time as ISO 8601 in UTC; None for the time before the first commit."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else None


def _print_status(facts: dict[str, Any]) -> None:
    counts = {name: ", ".join(f"{n} {each}" for each, n in facts[name].items()) for name in ("sources", "chunking")}
    weights = ", ".join(f"{name} {render.size(n)}" for name, n in facts["bytes"].items())
    chosen = {
        **{name: facts[name] for name in ("index", "commit", "created", "updated", "documents")},
        "sources": counts["sources"],
        **({"left out": counted(facts["left_out"].items())} if facts["left_out"] else {}),
        **{name: facts[name] for name in ("chunks", "embedder", "dimension")},
        "chunking": counts["chunking"].replace("_", " "),
        **({"personal data": f"taken out: {facts['redact']}"} if facts["redact"] else {}),
        "dense": f"{facts['dense']}, recall@10 {facts['recall']:.3f}",
        "token vectors": f"{facts['codec']}, {render.size(round(facts['token_bytes']))} a chunk",
        "on disk": weights,
    }
    render.show_table(render.Paper(), [(name, str(value)) for name, value in chosen.items()])


@ends_well
def ls(names: Names = None, index: IndexFlag = None, json: JsonFlag = False) -> None:
    """List the sources of the index and how each ended.

    Example: rag ls docs
    """
    settings = prepared(Settings.load({"index": index}))
    with open_index(settings) as opened:
        sources = find_many(names or [], opened.all_sources(), index_flag(settings))
        objects = [_source_object(opened, source) for source in sources]
    if json:
        jsonout.write_json({"sources": objects})
        return
    rows = [(each["source"], _state(each), amount(each["chunks"], "chunk"), _pages(each)) for each in objects]
    render.show_table(render.Paper(), rows)


def _source_object(index: Index, source: Source) -> dict[str, Any]:
    return {
        "source": shown(source.location),
        "state": source.state.value,
        "stale": source.stale,
        "document": source.document,
        "chunks": len(index.rows_of(source.document)) if source.document else 0,
        "pages": len({page.number for page in index.head(source.document).pages}) or None if source.document else None,
        "size": source.size,
        "metadata": _metadata_object(index, source),
        "reason": source.reason or None,
        "fix": source.fix or None,
    }


def _metadata_object(index: Index, source: Source) -> dict[str, list[str]]:
    """What a filter can ask of a source: every key with its values."""
    from rag.index.filters import merged

    own = index.head(source.document).metadata if source.document else ()
    return dict(sorted(merged(source, own).items()))


def _state(row: dict[str, Any]) -> str:
    return f"{row['state']}{' (stale)' if row['stale'] else ''}"


def _pages(row: dict[str, Any]) -> str:
    return amount(row["pages"], "page") if row["pages"] else row["reason"] or ""


@ends_well
def rm(
    names: Annotated[list[str], typer.Argument(metavar="SOURCE", help="Files, folders or globs.", show_default=False)],
    index: IndexFlag = None,
    json: JsonFlag = False,
) -> None:
    """Take sources out of the index; the files stay.

    Example: rag rm docs/decisions.md
    """
    from rag.index.writer import Writer
    from rag.record import read_again

    settings = prepared(Settings.load({"index": index}))
    with open_index(settings) as opened:
        sources, built = find_many(names, opened.all_sources(), index_flag(settings)), opened.manifest
    with Writer.open(settings.index, embedder=built, chunking=built.chunking, dense=settings.dense) as writer:
        for source in sources:
            writer.remove_source(source.location)
        for source in read_again(writer.known(), [source.location for source in sources]):
            writer.put_source(source)
        commit = writer.commit()
    removed = [shown(source.location) for source in sources]
    if json:
        jsonout.write_json({"index": shown(str(settings.index)), "commit": commit, "removed": removed})
        return
    paper = render.Paper()
    for name in removed:
        paper.line(f"removed {name}")
    complain("removed from the index only: the files stay, and ingesting their folder brings them back")
