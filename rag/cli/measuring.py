"""eval: figures for a corpus with questions and judgements."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import typer

from rag.cli import jsonout, render
from rag.cli.exits import complain, ends_well
from rag.cli.options import (
    AnswerFlag,
    CacheFlag,
    CorpusArgument,
    CountFlag,
    DeviceFlag,
    EmbedderFlag,
    EngineFlag,
    GeneratorFlag,
    JsonFlag,
    LimitFlag,
    RerankerFlag,
    RiskFlag,
    ServerFlag,
)
from rag.cli.parts import fusion_of, ingest_parts, make_generator, open_reranker, prepared
from rag.cli.progress import Bar
from rag.errors import EvaluationError, SettingsError
from rag.settings import Settings, Value

T = TypeVar("T")
_ABSTENTION = {
    "precision": "abstained, rightly (precision)",
    "recall": "unanswerable, abstained (recall)",
    "refused": "answerable, refused",
    "risk": "wrong among the answered (risk)",
    "auroc": "abstention AUROC",
    "aurc": "abstention AURC",
}
GENERATING = (
    *("generator", "server", "server_context", "quantization", "answer", "max_tokens", "temperature", "seed"),
    *("unsupported", "risk"),
)

if TYPE_CHECKING:
    from rag.evaluation.answers import AnswerFigures
    from rag.evaluation.dataset import EvaluationSet
    from rag.evaluation.run import EvaluationReport, QueryRow


@ends_well
def evaluate(
    corpus: CorpusArgument,
    answers: Annotated[bool, typer.Option("--answers", help="Answer the questions too, and measure that.")] = False,
    against: Annotated[
        str,
        typer.Option("--against", metavar="SETTINGS", help='Measure other settings too, such as "late_weight = 1".'),
    ] = "",
    worst: Annotated[
        int, typer.Option("--worst", metavar="N", min=0, help="List the N queries that fare worst, and what came.")
    ] = 0,
    queries: Annotated[bool, typer.Option("--queries", help="A row for every query.")] = False,
    limit: LimitFlag = None,
    index: CacheFlag = None,
    k: CountFlag = None,
    answer: AnswerFlag = None,
    risk: RiskFlag = None,
    generator: GeneratorFlag = None,
    server: ServerFlag = None,
    embedder: EmbedderFlag = None,
    reranker: RerankerFlag = None,
    device: DeviceFlag = None,
    engine: EngineFlag = None,
    json: JsonFlag = False,
) -> None:
    """Measure retrieval and answers on a corpus with judgements.

    CORPUS holds corpus.jsonl (or a folder documents/), queries.jsonl, qrels/test.tsv and optionally answers.jsonl.

    Example: rag eval corpora/handbook --limit 20 --worst 3
    """
    from rag.evaluation.dataset import read_set

    flags: dict[str, Value | Path | None] = {"index": index, "k": k, "answer": answer, "risk": risk}
    flags |= {"generator": generator, "server": server, "embedder": embedder, "reranker": reranker}
    flags |= {"device": device, "engine": engine}
    settings = prepared(Settings.load(flags))
    others = Settings.load(flags, against=against)
    dataset = read_set(corpus, limit)  # what is wrong with it shows now, before a model is loaded
    if answers and not any(query.id in dataset.answers for query in dataset.queries):
        raise EvaluationError(
            f"{corpus} has no answers.jsonl with answers to its queries, and --answers has nothing to compare with. "
            "Leave that out to measure retrieval alone"
        )
    both = [settings, _checked_others(others, against)] if against.strip() else [settings]
    # Models are opened first: what is wrong with the second settings shows before the first are measured.
    opened: dict[tuple[object, ...], Any] = {}
    measures = [_measure(each, opened, answers=answers, index=index) for each in both]
    reports = [measure(dataset) for measure in measures]
    for problem in dict.fromkeys(problem for report in reports for problem in report.problems):
        complain(problem)
    if json:
        jsonout.write_json(_report_object(reports, worst, queries=queries))
    else:
        _print_report(reports, against, worst, queries=queries)


def _checked_others(settings: Settings, against: str) -> Settings:
    """The other settings. Raises SettingsError for one that a measurement does not look at."""
    for name in ("index", "threads"):
        if settings.origins[name] == repr(against):
            raise SettingsError(f"{name} cannot be measured against another: give it for both, as --{name} or RAG_*")
    return settings


def _measure(
    settings: Settings, opened: dict[tuple[object, ...], Any], *, answers: bool, index: Path | None
) -> Callable[[EvaluationSet], EvaluationReport]:
    """A measurement with these settings, its models opened; it still wants a set. Equal models are opened once."""
    from rag.evaluation.run import evaluate as evaluate_library

    def once(make: Callable[[], T], *names: str) -> T:
        key = (names, *(getattr(settings, name) for name in ("device", "engine", *names)))
        if key not in opened:
            opened[key] = make()
        return cast(T, opened[key])

    sizes = ("chunk_tokens", "context_tokens")
    embedder, chunking = once(lambda: ingest_parts(settings, rebuild=index is None), "embedder", *sizes)
    generator = once(lambda: make_generator(settings), *GENERATING) if answers else None
    reranker = once(lambda: open_reranker(settings), "reranker")

    def measured(dataset: EvaluationSet) -> EvaluationReport:
        with Bar() as bar:
            return evaluate_library(
                dataset,
                embedder,
                generator,
                reranker=reranker,
                chunking=chunking,
                fusion=fusion_of(settings),
                k=settings.k,
                index=index,
                progress=bar,
            )

    return measured


def _report_object(reports: Sequence[EvaluationReport], worst: int, *, queries: bool) -> dict[str, Any]:
    report = reports[0]
    found = {
        "corpus": str(report.corpus),
        "queries": report.queries,
        "judged": report.judged,
        "metrics": {name: dataclasses.asdict(figure) for name, figure in report.metrics.items()},
        "answers": {**_answers_object(report.answers), "languages": _languages(report)} if report.answers else None,
        "latency_ms": dict(report.latency_ms),
        "settings": dict(report.settings),
        "problems": list(report.problems),
    }
    if len(reports) > 1:
        from rag.evaluation.compare import compare

        changes = {name: dataclasses.asdict(each) for name, each in compare(*reports).items()}
        found["against"] = {**_report_object(reports[1:], worst, queries=queries), "differences": changes}
    if worst:
        from rag.evaluation.compare import worst as worst_rows

        found["worst"] = [_row_object(row) for row in worst_rows(report.rows, worst)]
    if queries:
        found["rows"] = [_row_object(row) for row in report.rows]
    return found


def _row_object(row: QueryRow) -> dict[str, Any]:
    return {
        "_id": row.id,
        "text": row.text,
        "values": dict(row.values),
        "found": list(row.found),
        "relevant": dict(row.relevant),
        "first": row.first.text if row.first else None,
    }


def _answers_object(figures: AnswerFigures) -> dict[str, Any]:
    scored = {"contains": figures.contains, "exact": figures.exact, "f1": figures.f1}
    return {
        "questions": figures.questions,
        **{name: figure.mean if figure else None for name, figure in scored.items()},
        "intervals": {name: [figure.low, figure.high] for name, figure in scored.items() if figure},
        "abstention": {
            **dataclasses.asdict(figures.abstention),
            "intervals": {name: list(around) for name, around in figures.intervals.items()},
        },
        "citation_exact": figures.citation_exact,
        "supported": figures.supported,
        "dropped": figures.dropped,
        "length": figures.length,
        "latency_ms": dict(figures.latency_ms),
    }


def _languages(report: EvaluationReport) -> dict[str, Any]:
    return {name: _answers_object(figures) for name, figures in report.languages.items()}


def _print_report(reports: Sequence[EvaluationReport], against: str, worst: int, *, queries: bool) -> None:
    report = reports[0]
    paper = render.Paper()
    paper.line((str(report.corpus), render.STRONG), f": {report.queries} queries, {report.judged} judged")
    _print_figures(paper, report)
    if len(reports) > 1:
        _print_differences(paper, reports, against)
    if queries:
        paper.line()
        for row in report.rows:
            values = "  ".join(f"{name} {value:.3f}" for name, value in row.values.items())
            paper.line((row.id, render.STRONG), f"  {render.one_line(row.text)}")
            if values:
                paper.line((values, render.FAINT), indent=3)
    if worst:
        _print_worst(paper, report, worst)


def _print_figures(paper: render.Paper, report: EvaluationReport) -> None:
    rows = [(name, *render.figure_cells(figure)) for name, figure in report.metrics.items()]
    if report.answers:
        rows += _answer_rows(report.answers)
    for name, figures in report.languages.items():
        told = {"contains": figures.contains and figures.contains.mean, "refused": figures.abstention.refused}
        told |= {"abstained": figures.abstention.recall}
        cells = ", ".join(f"{what} {value:.4f}" for what, value in told.items() if value is not None)
        rows.append((f"answers to {name or '?'}", str(figures.questions), cells))
    if report.latency_ms:
        rows.append(("search", f"{report.latency_ms['p50']:.0f} ms", f"p95 {report.latency_ms['p95']:.0f} ms"))
    render.show_table(paper, rows)


def _print_differences(paper: render.Paper, reports: Sequence[EvaluationReport], against: str) -> None:
    """The figures of the other settings, then how far they are from the first, query by query."""
    from rag.evaluation.compare import compare

    paper.line()
    paper.line((f"with {against}", render.STRONG))
    _print_figures(paper, reports[1])
    paper.line()
    paper.line(("the difference, over the same queries", render.STRONG))
    render.show_table(paper, [(name, *render.difference_cells(each)) for name, each in compare(*reports).items()])


def _print_worst(paper: render.Paper, report: EvaluationReport, count: int) -> None:
    """The queries that fare worst: where the relevant documents came, and what came first in their place."""
    from rag.evaluation.compare import worst

    rows = worst(report.rows, count)
    paper.line()
    title = "the worst by nDCG@10" if rows else "every judged query has its documents first"
    paper.line((title if report.judged else "no query has a judgement", render.STRONG))
    for row in rows:
        paper.line(f"{row.values['ndcg@10']:.3f}  ", (row.id, render.STRONG), f"  {render.one_line(row.text)}")
        for name in row.relevant:
            where = f"came {row.found.index(name) + 1}." if name in row.found else "did not come"
            paper.line((f"{name} {where}", render.GOOD), indent=3)
        if row.found and row.found[0] not in row.relevant and row.first is not None:
            paper.line((f"{row.found[0]} came first: ", render.BAD), render.snippet(row.first.text, row.text), indent=3)


def _answer_rows(figures: AnswerFigures) -> list[tuple[str, str, str]]:
    scored = {"contains": figures.contains, "exact": figures.exact, "f1": figures.f1}
    rows = [(name, *render.figure_cells(figure)) for name, figure in scored.items() if figure]
    for name, title in _ABSTENTION.items():
        value, around = getattr(figures.abstention, name), figures.intervals.get(name)
        if value is not None:
            rows.append((title, f"{value:.4f}", f"{around[0]:.4f} – {around[1]:.4f}" if around else ""))
    single = {
        "citations exact": figures.citation_exact,
        "sentences supported": figures.supported,
        "sentences dropped": figures.dropped,
    }
    rows += [(name, f"{value:.4f}", "") for name, value in single.items() if value is not None]
    if figures.length is not None:
        rows.append(("answer length", f"{figures.length:.0f}", "characters"))
    if figures.latency_ms:
        rows.append(("answer", f"{figures.latency_ms['p50']:.0f} ms", f"p95 {figures.latency_ms['p95']:.0f} ms"))
    return rows
