"""What the reader is trained on: questions with passages that answer them, and near ones that do not.

Sources: corpora/polyglot (our own, many languages, questions across languages), tables made by rule (`table_cases`)
and, from the evaluation data,
train/squad2 but a quarter of its articles, train/cmrc2018-trial, and the development halves of cmrc2018 and clapnq.
Passages are chunks as an index has them, heading context included. A split is by the SHA-256 of a document's id (of
squad2, of the article's title): hexadecimal digits 0-7 develop, 8-f are kept; of squad2, 0-b and c-f.
"""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from handbook import half_of
from numpy.typing import NDArray
from polyglot import digit, organisations
from table_cases import Asked, cells, papers

from rag.datatypes import Document
from rag.index.chunking import Chunking
from rag.index.split import split
from rag.protocols import Embedder
from rag.text.context import embedded_text
from rag.text.fold import fold
from rag.text.sentences import sentences

DEEP = 6
"""Passages that are nearest to a question by their vectors: negatives are drawn from these."""
NEAREST = 3
"""Of our own, of which an organisation has few: more would not be near."""
LEAST_LEFT = 40
"""Characters that a passage must keep when the sentences that answer are taken out."""
TABLES = 900
"""Documents of tables."""
_MARKDOWN = re.compile(r"(?m)^#{1,6} |^\|")


@dataclass(frozen=True, slots=True)
class Passage:
    """What is read: heading context, then the chunk's own text from `own` on."""

    text: str
    own: int
    document: str


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its passages. `right` hold one of `answers`; `near` and `wrong` do not answer it.

    `near` are of the document that the question is asked of; both stand nearest first, by their vectors.
    """

    question: str
    source: str
    foreign: bool
    answers: tuple[str, ...]
    right: tuple[Passage, ...] = ()
    near: tuple[Passage, ...] = ()
    wrong: tuple[Passage, ...] = ()
    held_out: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """One thing to learn: a question, a passage, and where in it the answer stands, if it does."""

    case: Case
    text: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Shares:
    """What share of a source's questions an epoch has, and how many pairs of each kind come of a question.

    0.4 is four of ten.
    """

    kept: float
    wrong: float
    taken_out: float
    unanswered: float = 1.5


SHARES = {
    "polyglot": Shares(kept=0.6, wrong=0.8, taken_out=0.4),
    "squad2": Shares(kept=0.1, wrong=0.6, taken_out=0.4, unanswered=1.2),
    "cmrc2018": Shares(kept=0.1, wrong=0.5, taken_out=0.3),
    "clapnq": Shares(kept=0.4, wrong=1.0, taken_out=0.0),
    "tables": Shares(kept=0.5, wrong=0.4, taken_out=0.5, unanswered=1.2),
}


def cases(data: Path, embedder: Embedder) -> list[Case]:
    """All cases; sets that are not in `data` are left out, and said."""
    found = [*polyglot_cases(embedder), *tabular_cases(embedder)]
    for name, folder in (
        ("squad2", "train/squad2"),
        ("cmrc2018", "train/cmrc2018-trial"),
        ("cmrc2018", "cmrc2018"),
        ("clapnq", "clapnq"),
    ):
        if (data / folder).is_dir():
            found += SetReader(name, data / folder, embedder).cases()
        else:
            print(f"{data / folder} is absent")
    return found


def pairs(given: Sequence[Case], draw: random.Random) -> Iterator[Pair]:
    """One epoch's pairs, drawn anew each time."""
    for case in given:
        shares = SHARES[case.source]
        if draw.random() >= shares.kept:
            continue
        if case.answers and case.right:
            passage = draw.choice(case.right)
            found = cell_spans if case.source == "tables" else spans
            yield Pair(case, passage.text, found(passage, case.answers))
            if case.wrong and draw.random() < shares.wrong:
                yield Pair(case, draw.choice(case.wrong).text, ())
            if draw.random() < shares.taken_out:
                left = without_answer(passage, case.answers)
                if left:
                    yield Pair(case, left, ())
        elif not case.answers:
            if case.near:
                yield Pair(case, draw.choice(case.near[:2]).text, ())
            if draw.random() < shares.unanswered - 1 and case.near + case.wrong:
                yield Pair(case, draw.choice((case.near + case.wrong)[:DEEP]).text, ())


def spans(passage: Passage, answers: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Where the answers stand in the passage's own text."""
    own = passage.text[passage.own :]
    return tuple(
        sorted(
            (passage.own + match.start(), passage.own + match.end())
            for answer in answers
            for match in re.finditer(re.escape(answer), own)
        )
    )


def cell_spans(passage: Passage, answers: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Where the answers fill a cell of the passage's own table."""
    own = passage.text[passage.own :]
    return tuple((passage.own + start, passage.own + end) for answer in answers for start, end in cells(own, answer))


def without_answer(passage: Passage, answers: Sequence[str]) -> str:
    """The passage without the sentences that answer; "" where too little is left, or it is said elsewhere too."""
    own = passage.text[passage.own :]
    kept = own
    for span in reversed(sentences(own, "markdown" if _MARKDOWN.search(own) else "plain")):
        told = span.kind not in ("heading", "header")
        if told and any(answer in own[span.start : span.end] for answer in answers):
            kept = kept[: span.start] + kept[span.end :]
    kept = kept.strip()
    return passage.text[: passage.own] + kept if len(kept) >= LEAST_LEFT and not says(kept, answers) else ""


def says(text: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers stands in the text, however it is spelled."""
    folded = fold(text)
    return any(fold(answer) in folded for answer in answers)


def chunked(document: Document, name: str, embedder: Embedder) -> list[Passage]:
    """A document's chunks as passages."""
    found = []
    for chunk in split(document, embedder, Chunking()):
        text = embedded_text(chunk)
        found.append(Passage(text, len(text) - len(chunk.text), name))
    return found


def nearest_first(
    question: str, passages: Sequence[Passage], vectors: NDArray[np.float32], embedder: Embedder
) -> list[Passage]:
    """The passages, of which these (n, d) are the vectors, in the order of their similarity to the question."""
    scores = vectors @ embedder.embed_query(question).vectors[0]
    return [passages[place] for place in np.argsort(-scores)]


# ---------------------------------------------------------------- our own


def polyglot_cases(embedder: Embedder) -> Iterator[Case]:
    """Each organisation's questions over its own papers: only these are known not to answer them."""
    for one in organisations():
        passages = [
            passage
            for number, paper in enumerate(one.papers)
            for passage in chunked(paper.document, str(number), embedder)
        ]
        vectors = embedder.embed_texts([passage.text for passage in passages]).vectors
        for number, paper in enumerate(one.papers):
            for question in paper.questions:
                nearest = nearest_first(question.text, passages, vectors, embedder)
                own = [passage for passage in nearest if passage.document == str(number)]
                right = [p for p in own if any(answer in p.text[p.own :] for answer in question.answers)]
                long_ones = [answer for answer in question.answers if len(answer) > 3]
                wrong = [p for p in nearest if p not in right and not says(p.text, long_ones)]
                yield Case(
                    question.text,
                    "polyglot",
                    question.language != paper.language,
                    question.answers,
                    right=tuple(right),
                    near=() if question.answers else tuple(own),
                    wrong=tuple([p for p in wrong if question.answers or p not in own][:NEAREST]),
                    held_out=one.held_out,
                )


def tabular_cases(embedder: Embedder) -> Iterator[Case]:
    """Questions on cells of tables; wrong is what stands beside the right table, and a table that is asked in vain."""
    for paper in papers(TABLES):
        passages = chunked(paper.document, paper.organisation, embedder)
        for asked in paper.questions:
            right = tuple(p for p in passages if len(cells(p.text[p.own :], asked.answer)) == 1) if asked.answer else ()
            others = sorted((p for p in passages if p not in right), key=partial(clues_in, asked))
            if right or not asked.answer:
                yield Case(
                    asked.text,
                    "tables",
                    asked.language != paper.language,
                    (asked.answer,) if asked.answer else (),
                    right=right,
                    near=() if asked.answer else tuple(others),
                    wrong=tuple(p for p in others if not says(p.text, (asked.answer,))) if asked.answer else (),
                    held_out=paper.held_out,
                )


def clues_in(asked: Asked, passage: Passage) -> int:
    """Fewer, the more of the row and the column that are asked for the passage has."""
    return -sum(clue in passage.text for clue in asked.clues)


# ---------------------------------------------------------------- sets in BEIR's form


@dataclass(slots=True)
class SetReader:
    """A set's questions; the passages near to one are found by vectors."""

    name: str
    folder: Path
    embedder: Embedder
    passages: list[Passage] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)

    def cases(self) -> list[Case]:
        """All questions whose split can be told."""
        for line in self.lines("corpus.jsonl"):
            document = Document(line["_id"], line["text"], title=line.get("title", ""))
            self.titles[line["_id"]] = line.get("title", "")
            self.passages += chunked(document, line["_id"], self.embedder)
        vectors = self.embedder.embed_texts([passage.text for passage in self.passages]).vectors
        golds = {line["_id"]: line for line in self.lines("answers.jsonl")}
        relevant: dict[str, set[str]] = defaultdict(set)
        for row in (self.folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
            query, document_id, _ = row.split("\t")
            relevant[query].add(document_id)
        found = []
        for line in self.lines("queries.jsonl"):
            if line["_id"] in golds:
                nearest = nearest_first(line["text"], self.passages, vectors, self.embedder)[: DEEP + 2]
                case = self.case(line["text"], golds[line["_id"]], relevant[line["_id"]], nearest)
                found += [case] if case else []
        return found

    def case(self, question: str, gold: dict[str, Any], relevant: set[str], nearest: list[Passage]) -> Case | None:
        """A question's case; None where its documents are of both splits."""
        splits = {self.held_out(name) for name in relevant or {passage.document for passage in nearest[:2]}}
        if len(splits) > 1:
            return None
        answers = tuple(each for each in gold.get("evidence") or gold["answers"] if each)
        if not gold["answerable"]:
            near, wrong = nearest[:2], nearest[2:]
            right: list[Passage] = []
        else:
            right = [p for p in self.passages if p.document in relevant and any(a in p.text[p.own :] for a in answers)]
            long_ones = [answer for answer in answers if len(answer) > 1]
            near, wrong = [], [p for p in nearest if p.document not in relevant and not says(p.text, long_ones)]
        return Case(
            question,
            self.name,
            foreign=False,
            answers=answers if gold["answerable"] else (),
            right=tuple(right),
            near=tuple(near),
            wrong=tuple(wrong[:DEEP]),
            held_out=splits.pop(),
        )

    def held_out(self, document: str) -> bool:
        if self.name == "squad2":
            return digit(self.titles[document]) in "cdef"
        return "trial" not in self.folder.name and half_of(document) == "measured"

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        for line in (self.folder / name).read_text(encoding="utf-8").splitlines():
            yield json.loads(line)
