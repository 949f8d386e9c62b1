"""An evaluation set, measured: build (or find) its index, search every query, answer where that is asked for."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rag.conversation import Conversation, retrieved
from rag.datatypes import Answer, Hit
from rag.evaluation.answers import AnswerFigures, Judged, by_language, judge, summarise
from rag.evaluation.build import built_index, document_names, unread_files
from rag.evaluation.dataset import EvaluationSet, read_set
from rag.evaluation.metrics import DEPTH, Figure, figure, per_query, percentiles_ms
from rag.generation.follow_up import searches
from rag.generation.generator import Generator
from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.pipeline import ask
from rag.protocols import Embedder, Reranker, Store
from rag.reports import NoProgress, Progress
from rag.retrieval.fuse import DEFAULT, Fusion
from rag.retrieval.retriever import Retriever

DEEPEST = 1280  # chunks: a search that found fewer than 10 documents in so many stays with those


@dataclass(frozen=True, slots=True)
class QueryRow:
    """One query: its `values` by metric, the documents `found` (10 at most, best first) and those that are `relevant`.

    `first` is the hit that came first. Values are of retrieval where a document is relevant; where answers were asked
    for, an answerable question has contains, exact, f1 and refused too, another one abstained.
    """

    id: str
    text: str
    values: Mapping[str, float]
    found: tuple[str, ...] = ()
    relevant: Mapping[str, int] = field(default_factory=dict)
    first: Hit | None = None


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """The figures of one set. `queries` counts those asked, `judged` those that the retrieval metrics are over.

    `metrics` is empty where no query has a relevant document, `answers` None where none were asked for; `languages` has
    those of the questions in each language, where there are several.
    `latency_ms` is of one search for 10 chunks; `settings` says what was measured; `rows` has the queries one by one.
    """

    corpus: Path
    queries: int
    judged: int
    metrics: Mapping[str, Figure]
    answers: AnswerFigures | None
    languages: Mapping[str, AnswerFigures]
    latency_ms: Mapping[str, float]
    settings: Mapping[str, str | int | float | None]
    problems: tuple[str, ...] = ()
    rows: tuple[QueryRow, ...] = ()


def evaluate(
    given: str | Path | EvaluationSet,
    embedder: Embedder,
    generator: Generator | None = None,
    *,
    reranker: Reranker | None = None,
    chunking: Chunking | None = None,
    fusion: Fusion = DEFAULT,
    k: int = 5,
    limit: int | None = None,
    index: str | Path | None = None,
    progress: Progress | None = None,
) -> EvaluationReport:
    """Figures for a set, given or in its folder; with a generator its answers from `k` hits are measured too.

    The index is at `index`, or in the user's cache under the hash of corpus and settings; it is brought up to date
    first. `limit` takes the first N queries of a folder's. Raises EvaluationError for a malformed set, IndexMismatch,
    IndexBusy.
    """
    dataset = given if isinstance(given, EvaluationSet) else read_set(Path(given), limit)
    shows = progress or NoProgress()
    path = built_index(dataset, embedder, chunking or Chunking(), Path(index) if index else None, shows)
    with Index.open(path, embedder=embedder) as opened:
        retriever = Retriever(opened, embedder, reranker, fusion=fusion)
        names = document_names(dataset, opened)
        searched = ranked_documents(dataset, retriever, names, shows)
        judged = {} if generator is None else _answer(dataset, retriever, generator, k, shows)
        settings = _described(retriever, opened, generator, k, dataset.limit)
        unread = unread_files(dataset, opened)
    measured = per_query({name: each.found for name, each in searched.items()}, dataset.qrels)
    return EvaluationReport(
        corpus=dataset.folder,
        queries=len(dataset.queries),
        judged=len(measured["ndcg@10"]),
        metrics={name: figure(list(values.values())) for name, values in measured.items() if values},
        answers=summarise(list(judged.values())) if judged else None,
        languages=by_language(list(judged.values())),
        latency_ms=percentiles_ms([each.seconds for each in searched.values()]),
        settings=settings,
        problems=(*dataset.problems, *unread, *_unknown_documents(dataset, names)),
        rows=_rows(dataset, searched, measured, judged),
    )


@dataclass(frozen=True, slots=True)
class Searched:
    """What a query found: documents, best first, its first hit, and the seconds that its first search took."""

    found: tuple[str, ...]
    first: Hit | None
    seconds: float


def ranked_documents(
    dataset: EvaluationSet, retriever: Retriever, names: Mapping[str, str], progress: Progress
) -> dict[str, Searched]:
    """What each judged query found."""
    judged = [query for query in dataset.queries if query.id in dataset.qrels]
    searched: dict[str, Searched] = {}
    progress.start("search", len(judged))
    for query in judged:
        started = time.perf_counter()
        texts = searches(query.text, query.history)
        hits = retrieved(retriever, texts, DEPTH)
        seconds = time.perf_counter() - started
        found = tuple(_deepened(texts[0], hits, retriever, names))
        searched[query.id] = Searched(found, hits[0] if hits else None, seconds)
        progress.advance(1)
    progress.finish()
    return searched


def _rows(
    dataset: EvaluationSet,
    searched: Mapping[str, Searched],
    measured: Mapping[str, Mapping[str, float]],
    judged: Mapping[str, Judged],
) -> tuple[QueryRow, ...]:
    """Each query with all that was measured of it."""
    rows = []
    for query in dataset.queries:
        values = {name: each[query.id] for name, each in measured.items() if query.id in each}
        if query.id in judged:
            values |= judged[query.id].values()
        one = searched.get(query.id)
        found, first = (one.found, one.first) if one else ((), None)
        rows.append(QueryRow(query.id, query.text, values, found, dataset.qrels.get(query.id, {}), first))
    return tuple(rows)


def _deepened(question: str, hits: list[Hit], retriever: Retriever, names: Mapping[str, str]) -> list[str]:
    """The 10 best documents: a document ranks where its best chunk does; the search goes on until there are 10.

    What a deeper search finds stands behind what was found before: nobody who asks for 10 hits sees it in front. So
    it does without a reranker.
    """
    wanted = DEPTH
    deeper = Retriever(retriever.index, retriever.embedder, fusion=retriever.fusion)
    documents = documents_of(hits, names)
    while len(documents) < DEPTH and len(hits) == wanted and wanted < DEEPEST:
        wanted *= 2
        hits = deeper.retrieve(question, wanted)
        documents = list(dict.fromkeys([*documents, *documents_of(hits, names)]))
    return documents[:DEPTH]


def documents_of(hits: Sequence[Hit], names: Mapping[str, str]) -> list[str]:
    """The documents of the hits in their order, each once; equal documents stand beside each other."""
    places = (location for hit in hits for location in (hit.source, *hit.copies))
    return list(dict.fromkeys(names[place] for place in places if place in names))


def _answer(
    dataset: EvaluationSet, retriever: Retriever, generator: Generator, k: int, progress: Progress
) -> dict[str, Judged]:
    """The answers, judged, to the queries that have a gold answer (or are known to have none)."""
    asked = [query for query in dataset.queries if query.id in dataset.answers]
    judged: dict[str, Judged] = {}
    progress.start("answer", len(asked))
    for query in asked:
        started = time.perf_counter()
        talk = Conversation(retriever, generator, k=k, before=query.history) if query.history else None
        answer = talk.ask(query.text) if talk else ask(query.text, retriever, generator, k=k)
        seconds = time.perf_counter() - started
        exact = _exact_citations(answer, retriever.index)
        judged[query.id] = judge(answer, dataset.answers[query.id], exact, seconds)
        progress.advance(1)
    progress.finish()
    return judged


def _exact_citations(answer: Answer, store: Store) -> int:
    """How many quotes are their document's text at their span, to the character."""
    return sum(store.text(each.document, each.start, each.end) == each.quote for each in answer.citations)


def _unknown_documents(dataset: EvaluationSet, names: Mapping[str, str]) -> list[str]:
    """Judgements of documents that the index does not hold: they count as not found, which may not be meant."""
    asked = {query.id for query in dataset.queries}
    judged = {name for query, documents in dataset.qrels.items() if query in asked for name in documents}
    lost = sorted(judged.difference(names.values()))
    return [f"qrels/test.tsv: {len(lost)} documents are not in the index, e.g. {lost[0]!r}"] if lost else []


def _described(
    retriever: Retriever, index: Index, generator: Generator | None, k: int, limit: int | None
) -> dict[str, str | int | float | None]:
    """What was measured."""
    reranker = retriever.reranker
    return {
        "index": str(index.path),
        "embedder": retriever.embedder.name,
        "fingerprint": retriever.embedder.fingerprint,
        "reranker": None if reranker is None else getattr(reranker, "name", type(reranker).__name__),
        "chunk_tokens": index.manifest.chunking.max_tokens,
        "context_tokens": index.manifest.chunking.context_tokens,
        "k": k,
        "limit": limit,
        "fusion": retriever.fusion.method,
        **{f"{name}_weight": weight for name, weight in retriever.fusion.weights.items()},
        "answer": generator.mode if generator else None,
    }
