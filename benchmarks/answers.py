"""Answers of the built-in models, on whole sets: right, wrong, refused; abstained where nothing answers.

    python benchmarks/answers.py DATA [--sets NAME ...] [--limit N] [--rows FILE]

DATA is a folder of sets in BEIR's form with answers.jsonl; `handbook` is our own. Of a set that something was fitted
on, only the part that was kept out is asked (`benchmarks/reader_data.py` says which); nothing is fitted on xquad.
`--limit` takes the first N of the questions that are left: they stand in the order of a hash.

Prints, a line each: `contains`, the share of the answerable questions whose answer, its first two sentences and 300
characters, holds the gold answer (`rag eval` allows three and 400); `wrong` and `refused` of the answerable;
`abstained` of the unanswerable; AUROC of the confidence; the share of the answerable that are still answered where the
threshold lets through 5 % of the unanswerable; risk, the share of wrong among the answered; AURC, its mean over all
coverages; F1; where a set has gold sentences, the share of their units that the citations hold; the share of the
answered of which it is said that sources differ (only the handbook contradicts itself: elsewhere it is mostly a false
alarm); citations that are their document's text to the character; median milliseconds of a warm question.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from handbook import half_of
from polyglot import digit

from rag import Answer, Generator, Index, Retriever, ask, load_embedder, load_reader
from rag.evaluation.answers import Judged, abstention, contains, judge, units
from rag.evaluation.build import built_index, document_names
from rag.evaluation.dataset import EvaluationSet, Gold, Query, read_set
from rag.index.chunking import Chunking
from rag.protocols import Embedder
from rag.reports import NoProgress

HANDBOOK = Path(__file__).parents[1] / "corpora" / "handbook"
SETS = ["handbook", "cmrc2018", "xquad-en", "xquad-zh", "xquad-zh-en", "xquad-de", "xquad-ar", "clapnq"]
SETS += ["cmrc2018-absent", "train/squad2"]
SENTENCES, CHARACTERS = 2, 300
LET_THROUGH = 0.05  # of the unanswerable


@dataclass(frozen=True, slots=True)
class Row:
    """One question: what came, and how it was judged."""

    id: str
    question: str
    answers: tuple[str, ...]
    text: str
    short: bool
    overlap: float | None
    disputed: bool
    seconds: float
    judged: Judged

    @property
    def right(self) -> bool:
        return self.judged.answered and self.short


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--limit", type=int, default=300)
    parser.add_argument("--rows", type=Path, help="a JSON line for each question")
    options = parser.parse_args()
    embedder, generator = load_embedder(), Generator(load_reader())
    print(HEADING)
    for name in options.sets:
        rows = list(asked(options.data, name, embedder, generator, options.limit))
        print(line(name, rows), flush=True)
        if options.rows:
            with options.rows.open("a", encoding="utf-8") as file:
                for row in rows:
                    file.write(json.dumps({"set": name, **asdict(row)}, ensure_ascii=False) + "\n")


def asked(data: Path, name: str, embedder: Embedder, generator: Generator, limit: int) -> Iterator[Row]:
    """The questions of a set that nothing was fitted on, answered."""
    dataset = read_set(HANDBOOK if name == "handbook" else data / name)
    path = built_index(dataset, embedder, Chunking(), None, NoProgress())
    evidence = gold_sentences(dataset.folder)
    with Index.open(path, embedder=embedder) as index:
        retriever = Retriever(index, embedder)
        kept = Kept(name, dataset, retriever)
        for query in islice((each for each in dataset.queries if each.id in dataset.answers and kept(each)), limit):
            started = time.perf_counter()
            answer = ask(query.text, retriever, generator)
            seconds = time.perf_counter() - started
            yield row(query, dataset.answers[query.id], answer, index, evidence.get(query.id, ()), seconds)


class Kept:
    """Whether a question was kept out of all fitting.

    It is by its document; where it has none, by the two passages that are nearest to it, as they were drawn from for
    fitting, if they are of one half.
    """

    def __init__(self, name: str, dataset: EvaluationSet, retriever: Retriever) -> None:
        self.name, self.dataset, self.retriever = name, dataset, retriever
        self.names = document_names(dataset, retriever.index)  # type: ignore[arg-type]
        self.titles = titles(dataset) if name == "train/squad2" else {}
        self.near = handbook_documents() if name == "handbook" else {}

    def __call__(self, query: Query) -> bool:
        if self.name.startswith("xquad"):
            return True
        if self.name == "handbook":
            return half_of(self.near[query.id]) == "measured"
        if self.name == "cmrc2018-absent":  # its split is that of the set it was taken from
            return half_of(query.id.partition("_QUERY")[0]) == "measured"
        return all(self.is_kept(document) for document in self.dataset.qrels.get(query.id) or self.nearest(query))

    def is_kept(self, document: str) -> bool:
        if self.name == "train/squad2":
            return digit(self.titles[document]) in "cdef"
        return half_of(document) == "measured"

    def nearest(self, query: Query) -> list[str]:
        vector = self.retriever.embedder.embed_query(query.text).vectors[0]
        rows, _ = self.retriever.index.search_dense(vector, 2)
        chunks = self.retriever.index.chunks([int(each) for each in rows])
        return [self.names[self.retriever.index.sources(chunk.document)[0].location] for chunk in chunks]


def titles(dataset: EvaluationSet) -> dict[str, str]:
    lines = (dataset.folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    return {each["_id"]: each["title"] for each in map(json.loads, lines)}


def handbook_documents() -> dict[str, str]:
    lines = (HANDBOOK / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    return {each["_id"]: each["near"] for each in map(json.loads, lines)}


def gold_sentences(folder: Path) -> Mapping[str, Sequence[str]]:
    lines = map(json.loads, (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines())
    return {each["_id"]: each["evidence"] for each in lines if isinstance(each.get("evidence"), list)}


def row(query: Query, gold: Gold, answer: Answer, index: Index, evidence: Sequence[str], seconds: float) -> Row:
    exact = sum(index.text(each.document, each.start, each.end) == each.quote for each in answer.citations)
    head = " ".join(sentence.text for sentence in answer.sentences[:SENTENCES])[:CHARACTERS]
    return Row(
        id=query.id,
        question=query.text,
        answers=gold.answers,
        text=answer.text,
        short=gold.answerable and contains(head, gold),
        overlap=overlap(answer, evidence) if evidence and answer.answered else None,
        disputed=bool(answer.conflicts),
        seconds=seconds,
        judged=judge(answer, gold, exact),
    )


def overlap(answer: Answer, evidence: Sequence[str]) -> float:
    """The share of the gold sentences' units that the citations' quotes hold, 0..1."""
    wanted = [unit for text in evidence for unit in units(text)]
    held = {unit for citation in answer.citations for unit in units(citation.quote)}
    return sum(unit in held for unit in wanted) / max(1, len(wanted))


HEADING = (
    "| set | answerable / not | contains | wrong | refused | abstained | AUROC | kept at 5 % | risk | AURC | F1 "
    "| overlap | differ | citations exact | ms |\n|---|" + "---:|" * 14
)


def line(name: str, rows: Sequence[Row]) -> str:
    answerable = [each for each in rows if each.judged.answerable]
    unanswerable = [each for each in rows if not each.judged.answerable]
    answered = [each for each in rows if each.judged.answered]
    figures = abstention([each.judged for each in rows])
    overlaps = [each.overlap for each in rows if each.overlap is not None]
    cells = [
        f"{len(answerable)} / {len(unanswerable)}",
        share([each.right for each in answerable]),
        share([each.judged.answered and not each.right for each in answerable]),
        share([not each.judged.answered for each in answerable]),
        share([not each.judged.answered for each in unanswerable]),
        "" if figures.auroc is None else f"{figures.auroc:.3f}",
        kept_at(answerable, unanswerable),
        share([not each.right for each in answered]),
        "" if figures.aurc is None else f"{figures.aurc:.3f}",
        f"{np.mean([each.judged.f1 for each in answerable]):.3f}",
        f"{np.mean(overlaps):.3f}" if overlaps else "",
        share([each.disputed for each in answered]),
        f"{sum(e.judged.exact_citations for e in rows)} of {sum(e.judged.citations for e in rows)}",
        f"{1000 * float(np.median([each.seconds for each in rows])):.0f}",
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def kept_at(answerable: Sequence[Row], unanswerable: Sequence[Row]) -> str:
    """The share of the answerable that is answered where `LET_THROUGH` of the unanswerable are."""
    if not answerable or not unanswerable:
        return ""
    threshold = np.quantile([each.judged.confidence for each in unanswerable], 1 - LET_THROUGH)
    return share([each.judged.confidence > threshold for each in answerable])


def share(values: Sequence[bool]) -> str:
    return f"{100 * sum(values) / len(values):.1f} %" if values else ""


if __name__ == "__main__":
    main()
