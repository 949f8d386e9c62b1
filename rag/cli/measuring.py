"""eval: figures for a corpus with questions and judgements."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rag.cli import jsonout, render
from rag.cli.exits import complain, ends_well
from rag.cli.options import (
    AnswerFlag,
    CountFlag,
    DeviceFlag,
    EmbedderFlag,
    EngineFlag,
    GeneratorFlag,
    JsonFlag,
)
from rag.cli.parts import ingest_parts, make_generator, prepared
from rag.cli.progress import Bar
from rag.settings import Settings

if TYPE_CHECKING:
    from rag.evaluation.answers import AnswerFigures
    from rag.evaluation.metrics import Figure
    from rag.evaluation.run import EvaluationReport


@ends_well
def evaluate(
    corpus: Annotated[Path, typer.Argument(help="A folder in BEIR's form.", show_default=False)],
    answers: Annotated[bool, typer.Option("--answers", help="Answer the questions too, and measure that.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Only the first N queries.")] = None,
    index: Annotated[
        Path | None,
        typer.Option("--index", metavar="FOLDER", help="Folder of the index [default: in the user's cache]."),
    ] = None,
    k: CountFlag = None,
    answer: AnswerFlag = None,
    generator: GeneratorFlag = None,
    embedder: EmbedderFlag = None,
    device: DeviceFlag = None,
    engine: EngineFlag = None,
    json: JsonFlag = False,
) -> None:
    """Measure retrieval and answers on a corpus with judgements.

    CORPUS holds corpus.jsonl (or a folder documents/), queries.jsonl, qrels/test.tsv and optionally answers.jsonl.

    Example: rag eval corpora/handbook --limit 20
    """
    flags = {"index": index, "k": k, "answer": answer, "generator": generator, "embedder": embedder}
    settings = prepared(Settings.load({**flags, "device": device, "engine": engine}))
    report = _measured(corpus, settings, answers=answers, limit=limit, index=index)
    for problem in report.problems:
        complain(problem)
    if json:
        jsonout.write_json(_report_object(report))
    else:
        _print_report(report)


def _measured(
    corpus: Path, settings: Settings, *, answers: bool, limit: int | None, index: Path | None
) -> EvaluationReport:
    from rag.evaluation.run import evaluate as evaluate_library

    embedder, chunking = ingest_parts(settings, rebuild=index is None)
    with Bar() as bar:
        return evaluate_library(
            corpus,
            embedder,
            make_generator(settings) if answers else None,
            chunking=chunking,
            k=settings.k,
            limit=limit,
            index=index,
            progress=bar,
        )


def _report_object(report: EvaluationReport) -> dict[str, Any]:
    return {
        "corpus": str(report.corpus),
        "queries": report.queries,
        "judged": report.judged,
        "metrics": {name: dataclasses.asdict(figure) for name, figure in report.metrics.items()},
        "answers": _answers_object(report.answers) if report.answers else None,
        "latency_ms": dict(report.latency_ms),
        "settings": dict(report.settings),
        "problems": list(report.problems),
    }


def _answers_object(figures: AnswerFigures) -> dict[str, Any]:
    scored = {"contains": figures.contains, "exact": figures.exact, "f1": figures.f1}
    return {
        "questions": figures.questions,
        **{name: figure.mean if figure else None for name, figure in scored.items()},
        "intervals": {name: [figure.low, figure.high] for name, figure in scored.items() if figure},
        "abstention": dataclasses.asdict(figures.abstention),
        "citation_exact": figures.citation_exact,
        "supported": figures.supported,
        "dropped": figures.dropped,
        "length": figures.length,
    }


def _print_report(report: EvaluationReport) -> None:
    paper = render.Paper()
    paper.line((str(report.corpus), render.STRONG), f": {report.queries} queries, {report.judged} judged")
    rows = [(name, *_cells(figure)) for name, figure in report.metrics.items()]
    if report.answers:
        rows += _answer_rows(report.answers)
    if report.latency_ms:
        rows.append(("search", f"{report.latency_ms['p50']:.0f} ms", f"p95 {report.latency_ms['p95']:.0f} ms"))
    render.show_table(paper, rows)


def _answer_rows(figures: AnswerFigures) -> list[tuple[str, str, str]]:
    scored = {"contains": figures.contains, "exact": figures.exact, "f1": figures.f1}
    rows = [(name, *_cells(figure)) for name, figure in scored.items() if figure]
    single = {
        "abstained, rightly (precision)": figures.abstention.precision,
        "unanswerable, abstained (recall)": figures.abstention.recall,
        "answerable, refused": figures.abstention.refused,
        "abstention AUROC": figures.abstention.auroc,
        "abstention AURC": figures.abstention.aurc,
        "citations exact": figures.citation_exact,
        "sentences supported": figures.supported,
        "sentences dropped": figures.dropped,
    }
    rows += [(name, f"{value:.4f}", "") for name, value in single.items() if value is not None]
    if figures.length is not None:
        rows.append(("answer length", f"{figures.length:.0f}", "characters"))
    return rows


def _cells(figure: Figure) -> tuple[str, str]:
    return f"{figure.mean:.4f}", f"{figure.low:.4f} – {figure.high:.4f}"
