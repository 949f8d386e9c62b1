"""Check the handbook corpus mechanically and print its counts; exit with 1 when a rule is broken.

    python corpora/handbook/check.py

Halves: a question belongs to the half of its `near` document. The first hexadecimal digit of the SHA-256 of that
document's id decides: 0-7 is the development half, 8-f the measured half.
"""

import hashlib
import json
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import docx
import pypdf
from docx.table import Table

HERE = Path(__file__).parent
DOCUMENTS = HERE / "documents"
GROUPS = ("en", "zh", "cross", "unanswerable")
LEAST_IN_GROUP = {"en": 80, "zh": 75, "cross": 80, "unanswerable": 115}
LEAST_IN_HALF = {"development": 30, "measured": 32}
LEAST_QUESTIONS = 330
LEAST_DOCUMENTS = 36
LEAST_WORDS = 13_000
LEAST_ANSWERABLE_PER_DOCUMENT = 4
MOST_BYTES = 70_000
MOST_ANSWER_CHARACTERS = 60
CJK = re.compile(r"[\u4e00-\u9fff]")
LATIN_WORD = re.compile(r"[A-Za-z0-9][\w.,'-]*", re.ASCII)
HIDDEN_TAGS = {"script", "style", "head"}


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    text: str
    group: str
    answerable: bool
    language: str
    document_language: str
    near: str
    facts: list[list[str]]
    relevant: list[str] = field(default_factory=list)

    @property
    def half(self) -> str:
        return "development" if hashlib.sha256(self.near.encode()).hexdigest()[0] in "01234567" else "measured"


def main() -> int:
    texts = {path.relative_to(DOCUMENTS).as_posix(): extract(path) for path in document_paths()}
    questions = read_questions()
    print_counts(questions, texts)
    problems = [
        *document_problems(texts),
        *id_problems(questions),
        *count_problems(questions, texts),
        *(problem for question in questions for problem in question_problems(question, texts)),
        *conversation_problems(questions),
    ]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def document_paths() -> list[Path]:
    return sorted(path for path in DOCUMENTS.rglob("*") if path.is_file())


def extract(path: Path) -> str:
    match path.suffix:
        case ".pdf":
            return "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)
        case ".docx":
            return "\n".join(docx_lines(path))
        case ".html":
            return html_text(path.read_text(encoding="utf-8"))
        case _:
            return path.read_text(encoding="utf-8")


def docx_lines(path: Path) -> Iterator[str]:
    for block in docx.Document(str(path)).iter_inner_content():
        if isinstance(block, Table):
            yield from (cell.text for row in block.rows for cell in row.cells)
        else:
            yield block.text


class TagStripper(HTMLParser):
    """Collects the text of a page outside of HIDDEN_TAGS."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in HIDDEN_TAGS

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in HIDDEN_TAGS

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data)


def html_text(page: str) -> str:
    stripper = TagStripper()
    stripper.feed(page)
    return " ".join(stripper.parts)


def read_questions() -> list[Question]:
    texts = {line["_id"]: line["text"] for line in read_jsonl("queries.jsonl")}
    relevant: dict[str, list[str]] = {}
    for row in (HERE / "qrels/test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query_id, document_id, _ = row.split("\t")
        relevant.setdefault(query_id, []).append(document_id)
    return [
        Question(
            id=line["_id"],
            text=texts[line["_id"]],
            group=line["group"],
            answerable=line["answerable"],
            language=line["language"],
            document_language=line["document_language"],
            near=line["near"],
            facts=line.get("facts") or [line["answers"]],
            relevant=relevant.get(line["_id"], []),
        )
        for line in read_jsonl("answers.jsonl")
    ]


def read_jsonl(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def print_counts(questions: list[Question], texts: dict[str, str]) -> None:
    counts = Counter((question.group, question.half) for question in questions)
    print(f"{'group':<14}{'development':>12}{'measured':>10}{'all':>6}")
    for group in GROUPS:
        development, measured = counts[group, "development"], counts[group, "measured"]
        print(f"{group:<14}{development:>12}{measured:>10}{development + measured:>6}")
    half = {question.id: question.half for question in questions}
    counts = Counter(("follow-ups", half.get(line["query"], "")) for line in read_jsonl("conversations.jsonl"))
    development, measured = counts["follow-ups", "development"], counts["follow-ups", "measured"]
    print(f"{'follow-ups':<14}{development:>12}{measured:>10}{development + measured:>6}")
    print(f"{len(questions)} questions, {len(texts)} documents, {sum(map(words, texts.values()))} words")


def words(text: str) -> int:
    """Latin words and numbers, plus one word for every 1.6 Chinese characters."""
    return len(LATIN_WORD.findall(text)) + round(len(CJK.findall(text)) / 1.6)


def document_problems(texts: dict[str, str]) -> Iterator[str]:
    if len(texts) < LEAST_DOCUMENTS:
        yield f"{len(texts)} documents, fewer than {LEAST_DOCUMENTS}"
    if (total := sum(map(words, texts.values()))) < LEAST_WORDS:
        yield f"{total} words, fewer than {LEAST_WORDS}"
    for name in texts:
        if (size := (DOCUMENTS / name).stat().st_size) > MOST_BYTES:
            yield f"{name}: {size} bytes, more than {MOST_BYTES}"


def id_problems(questions: list[Question]) -> Iterator[str]:
    query_ids = [line["_id"] for line in read_jsonl("queries.jsonl")]
    if query_ids != [question.id for question in questions]:
        yield "queries.jsonl and answers.jsonl do not hold the same ids in the same order"
    for name, values in (("id", query_ids), ("text", [normal(question.text) for question in questions])):
        yield from (f"{name} used {n} times: {value}" for value, n in Counter(values).items() if n > 1)
    rows = (HERE / "qrels/test.tsv").read_text(encoding="utf-8").splitlines()
    if rows[0] != "query-id\tcorpus-id\tscore":
        yield f"qrels/test.tsv: wrong header {rows[0]!r}"
    yield from (f"qrels/test.tsv: double row {row!r}" for row, n in Counter(rows).items() if n > 1)
    yield from (f"qrels/test.tsv: unknown id {row!r}" for row in rows[1:] if row.split("\t")[0] not in set(query_ids))


def count_problems(questions: list[Question], texts: dict[str, str]) -> Iterator[str]:
    groups = Counter(question.group for question in questions)
    halves = Counter((question.group, question.half) for question in questions)
    answerable = Counter(name for question in questions for name in question.relevant)
    if len(questions) < LEAST_QUESTIONS:
        yield f"{len(questions)} questions, fewer than {LEAST_QUESTIONS}"
    for group, least in LEAST_IN_GROUP.items():
        if groups[group] < least:
            yield f"group {group}: {groups[group]} questions, fewer than {least}"
        for half, least_in_half in LEAST_IN_HALF.items():
            if halves[group, half] < least_in_half:
                yield f"group {group}, {half}: {halves[group, half]} questions, fewer than {least_in_half}"
    for name in texts:
        if answerable[name] < LEAST_ANSWERABLE_PER_DOCUMENT:
            yield f"{name}: {answerable[name]} answerable questions, fewer than {LEAST_ANSWERABLE_PER_DOCUMENT}"


def question_problems(question: Question, texts: dict[str, str]) -> Iterator[str]:
    for name in [question.near, *question.relevant]:
        if name not in texts:
            yield f"{question.id}: no document {name}"
            return
    if question.group != group_of(question):
        yield f"{question.id}: group is {question.group}, should be {group_of(question)}"
    if question.answerable == (question.relevant == []):
        yield f"{question.id}: answerable is {question.answerable} with {len(question.relevant)} relevant documents"
    if question.answerable and question.near not in question.relevant:
        yield f"{question.id}: {question.near} is not among its relevant documents"
    if question.answerable != all(question.facts):
        yield f"{question.id}: answerable is {question.answerable} but the answers are {question.facts}"
    yield from answer_problems(question, texts)


def conversation_problems(questions: list[Question]) -> Iterator[str]:
    answerable = {question.id for question in questions if question.answerable}
    follow_ups = read_jsonl("conversations.jsonl")
    yield from (
        f"id used {n} times: {name}" for name, n in Counter(line["_id"] for line in follow_ups).items() if n > 1
    )
    for line in follow_ups:
        if line["query"] not in answerable:
            yield f"{line['_id']}: {line['query']} is no answerable question"
        if [turn["role"] for turn in line["history"]] != ["user", "assistant"] * (len(line["history"]) // 2):
            yield f"{line['_id']}: the history does not go from user to assistant in turn"
        if not all([line["text"], line["standalone"], line["history"], *(turn["text"] for turn in line["history"])]):
            yield f"{line['_id']}: something is empty"


def group_of(question: Question) -> str:
    if not question.answerable:
        return "unanswerable"
    return question.language if question.language == question.document_language else "cross"


def answer_problems(question: Question, texts: dict[str, str]) -> Iterator[str]:
    for answer in (answer for group in question.facts for answer in group):
        if len(answer) > MOST_ANSWER_CHARACTERS:
            yield f"{question.id}: answer longer than {MOST_ANSWER_CHARACTERS} characters: {answer!r}"
        if not occurs(answer, texts[question.near]):
            yield f"{question.id}: {answer!r} is not in {question.near}"
    for name in question.relevant:
        if not all(any(occurs(answer, texts[name]) for answer in group) for group in question.facts):
            yield f"{question.id}: {name} holds none of {question.facts}"


def occurs(answer: str, text: str) -> bool:
    """Whether the text contains the answer; line breaks inside Chinese phrases do not matter."""
    if CJK.search(answer):
        return "".join(normal(answer).split()) in "".join(normal(text).split())
    return normal(answer) in normal(text)


def normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


if __name__ == "__main__":
    sys.exit(main())
