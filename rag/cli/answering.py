"""search, similar, duplicates, ask, show: from a question to what the documents say, and to where they say it."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import jsonout, render
from rag.cli.escape import printable_lines
from rag.cli.exits import complain, ends_well
from rag.cli.options import (
    AnswerFlag,
    CountFlag,
    DeviceFlag,
    EmbedderFlag,
    EngineFlag,
    GeneratorFlag,
    IndexFlag,
    JsonFlag,
    RerankerFlag,
    RiskFlag,
    ServerFlag,
    WhereFlag,
)
from rag.cli.parts import index_flag, make_generator, open_index, open_retriever, prepared
from rag.cli.progress import Bar
from rag.cli.sources import find_one, place, shown, split_span
from rag.datatypes import Answer, Citation, Hit, Sentence, Source, page_at, place_at
from rag.errors import CorpusError, RagError
from rag.settings import Settings

if TYPE_CHECKING:
    from rag import Index
    from rag.retrieval.explain import Explanation


TOLD = 2000  # characters of a document by which the part of a similar passage that is shown is chosen


@ends_well
def search(
    query: Annotated[str, typer.Argument(help="What to look for, in any language.", show_default=False)],
    k: CountFlag = None,
    where: WhereFlag = None,
    lexical: Annotated[
        bool, typer.Option("--lexical", help="Keyword search: passages with these words, by BM25 alone.")
    ] = False,
    group: Annotated[bool, typer.Option("--group", help="The best passage of each document.")] = False,
    chunks: Annotated[
        bool,
        typer.Option("--chunks", help="Every chunk for itself, not joined to neighbours, with near-duplicates."),
    ] = False,
    diverse: Annotated[
        float,
        typer.Option(
            "--diverse", metavar="0..1", min=0, max=1, help="How much passages should differ from one another."
        ),
    ] = 0.0,
    explain: Annotated[bool, typer.Option("--explain", help="Say of each passage why it was found.")] = False,
    index: IndexFlag = None,
    embedder: EmbedderFlag = None,
    reranker: RerankerFlag = None,
    device: DeviceFlag = None,
    engine: EngineFlag = None,
    json: JsonFlag = False,
) -> None:
    """Find the passages that bear on a question.

    Example: rag search "how is an answer checked"
    """
    flags = {"k": k, "index": index, "embedder": embedder, "reranker": reranker, "device": device, "engine": engine}
    settings = prepared(Settings.load(flags))
    _check_question(query)
    if lexical and explain:
        raise typer.BadParameter("--lexical finds passages by their words alone; there is no more to explain")
    if lexical and diverse:
        raise typer.BadParameter("--diverse goes with a search by meaning, not with --lexical")
    if lexical and reranker:
        raise typer.BadParameter("--lexical ranks passages by BM25 alone; --reranker does not go with it")
    look = Look(query, joined(where), group, explain, not chunks, diverse)
    found = _words_found(look, settings) if lexical else _found(look, settings)
    if json:
        objects = jsonout.hit_objects(found.hits, shown)
        for each, why in zip(objects, found.explanations, strict=False):
            each["explanation"] = jsonout.explanation_object(why)
        passes = {"filter": {"where": look.only, "chunks": found.passes}} if explain and look.only else {}
        jsonout.write_json({"query": query, "hits": objects, **passes, "seconds": found.seconds})
    else:
        if explain and look.only:
            complain(f"the filter {look.only!r} lets {found.passes} chunks through")
        render.show_hits(render.Paper(), found.hits, query, scored=not diverse, explanations=found.explanations)
        stages = ", ".join(f"{name} {1000 * part:.0f} ms" for name, part in found.seconds.items() if name != "total")
        complain(f"{found.seconds['total']:.2f} s" + (f" ({stages})" if explain else ""))


@dataclass(frozen=True, slots=True)
class Look:
    """What `rag search` was asked for."""

    query: str
    only: str
    group: bool
    explain: bool
    joined: bool
    diverse: float


@dataclass(frozen=True, slots=True)
class Found:
    """What it found, with the seconds by stage; an explanation for each hit, or none at all.

    `passes` counts the chunks that a filter lets through; it is 0 where there is none, or nothing is explained.
    """

    hits: list[Hit]
    seconds: dict[str, float]
    explanations: Sequence[Explanation] = ()
    passes: int = 0


def _found(look: Look, settings: Settings) -> Found:
    from rag.index.filters import parse_filter
    from rag.retrieval.explain import explain

    with open_index(settings) as opened:
        retriever = open_retriever(settings, opened)
        search = partial(retriever.retrieve, joined=look.joined, diversity=look.diverse)
        hits = search(look.query, settings.k, where=look.only, group=look.group)
        seconds = dict(retriever.seconds)
        if not hits:
            complain(nothing_found(settings, look.only, opened))
        if not look.explain:
            return Found(hits, seconds)
        why = explain(look.query, hits, opened, retriever.embedder) if hits else []
        passes = len(opened.rows_where(parse_filter(look.only))) if look.only else 0
        return Found(hits, seconds, why, passes)


def _words_found(look: Look, settings: Settings) -> Found:
    from rag.retrieval.others import search_words
    from rag.retrieval.phrases import quoted

    only = look.only
    with open_index(settings) as opened:
        started = time.perf_counter()
        hits = search_words(opened, look.query, settings.k, where=only, group=look.group, joined=look.joined)
        if not hits:
            holding = f"that the filter {only!r} lets through " if only else ""
            complain(f"no passage {holding}holds {'that phrase' if quoted(look.query) else 'any of these words'}")
        return Found(hits, {"total": time.perf_counter() - started})


def nothing_found(settings: Settings, only: str, index: Index) -> str:
    """What to say where a search gives nothing: the index is empty, or the filter lets nothing through."""
    languages, flag = ", ".join(filter(None, index.languages())), index_flag(settings)
    if not only or not languages:
        return f"the index at {settings.index} holds no text; add some with: rag ingest FOLDER{flag}"
    return f"nothing in the index passes the filter {only!r}; languages there: {languages}; files there: rag ls{flag}"


@ends_well
def similar(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A file of the index.", show_default=False)],
    k: CountFlag = None,
    where: WhereFlag = None,
    index: IndexFlag = None,
    json: JsonFlag = False,
) -> None:
    """Find the documents that are most like one of the index.

    Example: rag similar docs/decisions.md
    """
    from rag.retrieval.others import similar as similar_library

    settings = prepared(Settings.load({"k": k, "index": index}))
    only = joined(where)
    with open_index(settings) as opened:
        found = find_one(source, opened.all_sources(), index_flag(settings))
        document, text, _, _ = _cut(opened, found, None)
        started = time.perf_counter()
        hits = similar_library(opened, document, settings.k, where=only)
        seconds = {"total": time.perf_counter() - started}
    if json:
        objects = jsonout.hit_objects(hits, shown)
        jsonout.write_json({"source": shown(found.location), "hits": objects, "seconds": seconds})
    elif hits:
        render.show_hits(render.Paper(), hits, text[:TOLD])
    else:
        complain(
            "there is no other document in the index" + (f" that the filter {only!r} lets through" if only else "")
        )


@ends_well
def duplicates(index: IndexFlag = None, json: JsonFlag = False) -> None:
    """List documents that say nearly the same: editions, drafts, copies with another footer.

    Example: rag duplicates
    """
    from rag.retrieval.near_duplicates import near_duplicates

    settings = prepared(Settings.load({"index": index}))
    with open_index(settings) as opened, Bar() as bar:

        def advance(done: int, total: int) -> None:
            if done == 1:
                bar.start("compare", total)
            bar.advance(1)

        groups = near_duplicates(opened, advance)
        sources = opened.all_sources()
    places: dict[str, list[str]] = defaultdict(list)
    for source in sources:
        places[source.document or ""].append(shown(source.location))
    objects = [jsonout.duplicates_object(group, places) for group in groups]
    if json:
        jsonout.write_json({"groups": objects})
    elif objects:
        render.show_duplicates(render.Paper(), objects)
    else:
        complain("no two documents of the index say nearly the same")


@ends_well
def ask(
    question: Annotated[str, typer.Argument(help="The question, in any language.", show_default=False)],
    k: CountFlag = None,
    where: WhereFlag = None,
    answer: AnswerFlag = None,
    risk: RiskFlag = None,
    index: IndexFlag = None,
    generator: GeneratorFlag = None,
    server: ServerFlag = None,
    embedder: EmbedderFlag = None,
    reranker: RerankerFlag = None,
    device: DeviceFlag = None,
    engine: EngineFlag = None,
    show_prompt: Annotated[
        bool, typer.Option("--show-prompt", help="Print exactly what the language model is sent, then the answer.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Answer a question, every sentence with its source.

    Example: rag ask "What happens when the documents do not hold the answer?"
    """
    chosen = {"generator": generator, "server": server, "reranker": reranker, "embedder": embedder}
    places = {"index": index, "device": device, "engine": engine}
    settings = prepared(Settings.load({"k": k, "answer": answer, "risk": risk, **chosen, **places}))
    _check_question(question)
    only = joined(where)
    if json:
        jsonout.write_json(jsonout.answer_object(_answered(question, settings, only, None), shown))
    elif show_prompt:
        _print_with_prompt(_answered(question, settings, only, None), settings)
    else:
        _print_answer(question, settings, only)


def joined(where: list[str] | None) -> str:
    """The filters as one. Raises FilterError now, before a model is loaded."""
    from rag.index.filters import parse_filter

    only = ", ".join(where or ())
    parse_filter(only)
    return only


def _answered(
    question: str, settings: Settings, only: str, on_sentence: Callable[[Sentence, tuple[Citation, ...]], None] | None
) -> Answer:
    from rag import ask as ask_library

    with open_index(settings) as opened:
        retriever = open_retriever(settings, opened)
        generator = make_generator(settings)
        answer = ask_library(question, retriever, generator, k=settings.k, where=only, on_sentence=on_sentence)
        if not answer.hits:
            complain(nothing_found(settings, only, opened))
        return answer


def _print_answer(question: str, settings: Settings, only: str) -> None:
    """The sentences as they are checked, then what proves them."""
    paper = render.Paper()
    answer = _answered(question, settings, only, lambda sentence, _: render.show_sentence(paper, sentence))
    render.show_proof(paper, answer, index_flag(settings))
    if answer.seconds:
        complain(f"{answer.mode} in {answer.seconds.get('total', sum(answer.seconds.values())):.2f} s")


def _print_with_prompt(answer: Answer, settings: Settings) -> None:
    """The prompt (exactly, unless it goes to a terminal), a rule, then the answer."""
    paper = render.Paper()
    if answer.prompt:
        print(printable_lines(answer.prompt) if sys.stdout.isatty() else answer.prompt)
    else:
        complain("no language model was asked: this answer is made of quotes (see --answer prose)")
    paper.line(("-" * 40, render.FAINT))
    for sentence in answer.sentences if answer.answered else ():
        render.show_sentence(paper, sentence)
    render.show_proof(paper, answer, index_flag(settings))


def _check_question(question: str) -> None:
    if not question.strip():
        raise RagError('the question is empty; put it in quotes: rag ask "What ...?"')


@ends_well
def show(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE[:START-END]", help="A file, or a span of its text.", show_default=False)
    ],
    index: IndexFlag = None,
    json: JsonFlag = False,
) -> None:
    """Print a document's text, or the span that a citation names.

    It is the text that the index holds. In a pipe it comes byte for byte as UTF-8; on a terminal control characters
    are spelled out.

    Example: rag show docs/decisions.md:0-200
    """
    settings = prepared(Settings.load({"index": index}))
    with open_index(settings) as opened:
        sources = opened.all_sources()
        name, span = split_span(source, sources)
        found = find_one(name, sources, index_flag(settings))
        document, text, start, end = _cut(opened, found, span)
        pages = opened.pages(document, start, start + 1) if text else ()
        page, place = page_at(pages, start), place_at(pages, start) or None
    if json:
        where = {
            "source": shown(found.location),
            "document": document,
            "start": start,
            "end": end,
            "page": page,
            "place": place,
        }
        jsonout.write_json({**where, "text": text})
    elif sys.stdout.isatty():
        print(printable_lines(text))
    else:
        _write_bytes(text)


def _cut(index: Index, source: Source, span: tuple[int, int] | None) -> tuple[str, str, int, int]:
    """The document's id, the text wanted and its span. Raises CorpusError for a span that is not in it."""
    name = shown(source.location)
    if source.document is None:
        from rag.corpus.ledger import fix_of  # it brings the readers, which a search does without

        fix = f"; {fix_of(source)}" if fix_of(source) else ""
        raise CorpusError(f"{name} gave no text ({source.state.value}: {source.reason}){fix}")
    length = index.head(source.document).characters
    start, end = span or (0, length)
    if span is not None and not start < end <= length:
        whole = place(name, 0, length)
        raise CorpusError(f"{place(name, start, end)} is not a span: the text has {length} characters ({whole})")
    return source.document, index.text(source.document, start, end), start, end


def _write_bytes(text: str) -> None:
    """The text as UTF-8, nothing added and no line ending translated."""
    data = text.encode("utf-8", "surrogatepass")
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
