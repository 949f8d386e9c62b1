"""An evaluation set: BEIR's folder form, checked when read; a malformed line is named with its file and number.

corpus.jsonl {"_id", "title", "text"}   or, in its place, documents/ with files (_id = path relative to it)
queries.jsonl {"_id", "text"}           optionally "history": [{"role", "text"}]
qrels/test.tsv                          query-id, corpus-id, score; with or without a header
answers.jsonl {"_id", "answers", "answerable"}   optional; optionally "facts": [[...], ...]
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rag.datatypes import Message
from rag.errors import EvaluationError

CORPUS_FILE = "corpus.jsonl"
DOCUMENTS_FOLDER = "documents"
MOST_RELEVANT = 1000
"""The highest score of a judgement: trec_eval takes memory for each score up to the highest, for every query."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question of the set; `history` is the conversation that it continues, oldest turn first."""

    id: str
    text: str
    history: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Gold:
    """What a right answer holds: any one of `answers` or, where `facts` is there, one string of every group."""

    answers: tuple[str, ...]
    answerable: bool
    facts: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """Queries with judgements: `qrels` maps query → document → score > 0, `answers` query → Gold.

    `queries` holds those with judgements or an answer, in the file's order, and no more than `limit` where that was
    given; `problems` what looks wrong but can be measured all the same.
    """

    folder: Path
    queries: tuple[Query, ...]
    qrels: Mapping[str, Mapping[str, int]]
    answers: Mapping[str, Gold] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    limit: int | None = None

    @property
    def corpus_file(self) -> Path | None:
        """`corpus.jsonl`; None where the corpus is a folder of files."""
        path = self.folder / CORPUS_FILE
        return path if path.is_file() else None

    @property
    def documents(self) -> Path:
        """The folder of files, where there is no `corpus.jsonl`."""
        return self.folder / DOCUMENTS_FOLDER


def read_set(folder: Path, limit: int | None = None) -> EvaluationSet:
    """The set in `folder` with its first `limit` queries. Raises EvaluationError where it is not one."""
    if not (folder / CORPUS_FILE).is_file() and not (folder / DOCUMENTS_FOLDER).is_dir():
        raise EvaluationError(
            f"{folder} is not an evaluation set: it has neither {CORPUS_FILE} nor a folder {DOCUMENTS_FOLDER}/"
        )
    qrels = _read_qrels(folder / "qrels" / "test.tsv")
    answers = _read_answers(folder / "answers.jsonl")
    everything = _read_queries(folder / "queries.jsonl")
    queries = [query for query in everything if query.id in qrels or query.id in answers][:limit]
    if not queries:
        raise EvaluationError(f"{folder}: none of {len(everything)} queries has a judgement in qrels/test.tsv")
    problems = _dangling(qrels, answers, {query.id for query in everything})
    return EvaluationSet(folder, tuple(queries), qrels, answers, tuple(problems), limit)


def _dangling(qrels: Mapping[str, object], answers: Mapping[str, object], known: set[str]) -> list[str]:
    """Judgements and answers of queries that are not in queries.jsonl."""
    return [
        f"{name}: {len(lost)} queries are not in queries.jsonl, e.g. {lost[0]!r}"
        for name, table in (("qrels/test.tsv", qrels), ("answers.jsonl", answers))
        if (lost := sorted(table.keys() - known))
    ]


def _read_queries(path: Path) -> list[Query]:
    queries: dict[str, Query] = {}
    for number, row in _rows(path):
        name = _text(row, "_id", path, number)
        if name in queries:
            raise _malformed(path, number, f"the _id {name!r} is there twice")
        queries[name] = Query(name, _text(row, "text", path, number), _history(row, path, number))
    return list(queries.values())


def _history(row: Mapping[str, object], path: Path, number: int) -> tuple[Message, ...]:
    turns = row.get("history") or []
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise _malformed(path, number, '"history" has to be a list of objects')
    wrong = [turn.get("role") for turn in turns if turn.get("role") not in ("user", "assistant")]
    if wrong:
        raise _malformed(path, number, f'"role" has to be user or assistant, not {wrong[0]!r}')
    return tuple(Message(turn["role"], _text(turn, "text", path, number)) for turn in turns)


def _read_answers(path: Path) -> dict[str, Gold]:
    answers: dict[str, Gold] = {}
    for number, row in _rows(path) if path.exists() else ():
        name = _text(row, "_id", path, number)
        answerable = row.get("answerable")
        if not isinstance(answerable, bool):
            raise _malformed(path, number, f'"answerable" has to be true or false, not {answerable!r}')
        facts = row.get("facts") or []
        if not isinstance(facts, list):
            raise _malformed(path, number, '"facts" has to be a list of lists of texts')
        gold = Gold(
            _texts(row.get("answers"), path, number), answerable, tuple(_texts(group, path, number) for group in facts)
        )
        if answerable and not all(any(map(str.strip, group)) for group in gold.facts or (gold.answers,)):
            raise _malformed(path, number, "an answerable question needs answers, and each group of facts a text")
        if name in answers:
            raise _malformed(path, number, f"the _id {name!r} is there twice")
        answers[name] = gold
    return answers


def _read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Query → document → score, of the judgements above 0."""
    judged: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        columns = line.split("\t")
        if number == 1 and not _is_score(columns[-1]):
            continue  # the header
        if len(columns) != 3 or not _is_score(columns[2]):
            raise _malformed(path, number, "not three columns query-id, corpus-id, score (a whole number) with tabs")
        query, document, score = columns[0], columns[1], int(columns[2])
        if score > MOST_RELEVANT:
            raise _malformed(path, number, f"the score {score} is above {MOST_RELEVANT}")
        if judged.setdefault(query, {}).setdefault(document, score) != score:
            raise _malformed(path, number, f"{document!r} has another score for {query!r} further up")
    relevant = {query: {name: score for name, score in found.items() if score > 0} for query, found in judged.items()}
    return {query: found for query, found in relevant.items() if found}


def _is_score(column: str) -> bool:
    return column.strip().removeprefix("-").isdecimal() and len(column) < 100  # Python reads no number without end


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Line number and object of each line that is not blank."""
    for number, line in _lines(path):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _malformed(path, number, f"not JSON: {error}") from error
        if not isinstance(row, dict):
            raise _malformed(path, number, "not a JSON object")
        yield number, row


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is not blank; only a line feed ends a line (a text may hold U+2028)."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read: {error.strerror}; an evaluation set needs it") from error
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            text = line.decode().removesuffix("\r")
        except UnicodeDecodeError as error:
            raise _malformed(path, number, f"not UTF-8: {error.reason}") from error
        if text.strip():
            yield number, text


def _text(row: Mapping[str, object], key: str, path: Path, number: int) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise _malformed(path, number, f'"{key}" has to be a text, not {value!r}')
    return value


def _texts(value: object, path: Path, number: int) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _malformed(path, number, f"answers and facts have to be lists of texts, not {value!r}")
    return tuple(value)


def _malformed(path: Path, number: int, what: str) -> EvaluationError:
    return EvaluationError(f"{path}, line {number}: {what}")
