"""summarize, compare: what whole documents say, not what bears on a question."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import jsonout, render
from rag.cli.exits import complain, ends_well
from rag.cli.options import (
    AnswerFlag,
    DeviceFlag,
    EmbedderFlag,
    EngineFlag,
    GeneratorFlag,
    IndexFlag,
    JsonFlag,
    RiskFlag,
    ServerFlag,
)
from rag.cli.parts import index_flag, make_generator, open_embedder, open_index, prepared
from rag.cli.sources import find_many, shown
from rag.errors import CorpusError
from rag.settings import Settings

if TYPE_CHECKING:
    from rag import Answer
    from rag.datatypes import Source


@ends_well
def summarize(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE", help="Files, folders or patterns.", show_default=False)
    ],
    sentences: Annotated[int, typer.Option("--sentences", metavar="N", min=1, help="How many sentences.")] = 5,
    answer: AnswerFlag = None,
    index: IndexFlag = None,
    generator: GeneratorFlag = None,
    server: ServerFlag = None,
    device: DeviceFlag = None,
    engine: EngineFlag = None,
    json: JsonFlag = False,
) -> None:
    """Summarise documents of the index, every sentence with its source.

    In quotes these are the sentences that say most; a larger language model writes prose, in the documents' language.

    Example: rag summarize docs/decisions.md --sentences 3
    """
    from rag.pipeline import summarize as summarize_library

    flags = {"answer": answer, "index": index, "generator": generator, "server": server}
    settings = prepared(Settings.load({**flags, "device": device, "engine": engine}))
    with open_index(settings) as opened:
        told = _told(find_many(sources, opened.all_sources(), index_flag(settings)), index_flag(settings))
        summary = summarize_library(list(told), opened, make_generator(settings, late=True), sentences=sentences)
    if json:
        jsonout.write_json(jsonout.task_object(summary, shown))
    else:
        _print(render.Paper(), summary, settings)


@ends_well
def compare(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE SOURCE... [QUESTION]", help="Two files or more.", show_default=False),
    ],
    answer: AnswerFlag = None,
    risk: RiskFlag = None,
    index: IndexFlag = None,
    generator: GeneratorFlag = None,
    server: ServerFlag = None,
    embedder: EmbedderFlag = None,
    device: DeviceFlag = None,
    engine: EngineFlag = None,
    json: JsonFlag = False,
) -> None:
    """Compare documents: what differs, what only one says, what all say; with a question, what each says on it.

    The last argument is the question where it names no file of the index.

    Example: rag compare docs/models.md docs/security.md "What is sent to a server?"
    """
    from rag.pipeline import compare as compare_library

    flags = {
        "answer": answer,
        "risk": risk,
        "index": index,
        "generator": generator,
        "server": server,
        "embedder": embedder,
    }
    settings = prepared(Settings.load({**flags, "device": device, "engine": engine}))
    with open_index(settings) as opened:
        named, question = _named(sources, opened.all_sources(), index_flag(settings))
        told = _told(named, index_flag(settings))
        if len(told) < 2:
            listing = f"rag ls{index_flag(settings)}"
            raise CorpusError(f"one document alone cannot be compared; name two or more files: {listing} lists them")
        model = open_embedder(settings, opened)
        opened.manifest.require(settings.index, embedder=model)
        found = compare_library(list(told), opened, model, make_generator(settings, late=True), question=question)
    if json:
        jsonout.write_json(jsonout.comparison_object(found, list(told.values()), shown))
        return
    paper = render.Paper()
    for sentence in found.answer.sentences if found.answer.mode == "prose" else ():
        render.show_sentence(paper, sentence)
    render.show_comparison(paper, found.lines, list(told.values()))
    _print(paper, found.answer, settings, spoken=False)


def _named(arguments: Sequence[str], sources: Sequence[Source], index_flag: str) -> tuple[list[Source], str]:
    """The sources, in the order in which they were named, and the question, "" where none was asked."""
    *files, last = arguments
    found = [source for each in files for source in find_many([each], sources, index_flag)]
    if len(found) > 1 and _is_question(last, sources):
        return found, last
    return [*found, *find_many([last], sources, index_flag)], ""


def _is_question(argument: str, sources: Sequence[Source]) -> bool:
    """Whether it names no file, and does not look as if it was meant to."""
    try:
        find_many([argument], sources)
    except CorpusError:
        asks = " " in argument.strip() or argument.rstrip().endswith(("？", "؟"))
        return asks or not (Path(argument).suffix or "/" in argument)
    return False


def _told(sources: Sequence[Source], index_flag: str) -> dict[str, str]:
    """Documents with where they lie, each once; says which files gave no text. Raises CorpusError where none did."""
    for source in sources:
        if source.document is None:
            complain(f"{shown(source.location)} gave no text ({source.state.value}) and is left out")
    told: dict[str, str] = {}
    for source in sources:
        if source.document is not None:
            told.setdefault(source.document, source.location)
    if not told:
        raise CorpusError(f"none of these files gave a text; rag ls{index_flag} says what became of each")
    return told


def _print(paper: render.Paper, answer: Answer, settings: Settings, *, spoken: bool = True) -> None:
    for sentence in answer.sentences if spoken and answer.answered else ():
        render.show_sentence(paper, sentence)
    if not answer.answered:
        paper.line((answer.text, render.BAD))
    render.show_citations(paper, answer, index_flag(settings))
    render.show_left_out(paper, answer)
    complain(f"{answer.mode} in {answer.seconds['total']:.2f} s")
