"""Every question of our own corpus, with the real models: what is cited is there, to the character."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import Answer, Generator, Index, Retriever, ask, ingest, load_embedder, load_reader
from rag.conversation import Conversation

pytestmark = pytest.mark.models

CORPUS = Path(__file__).parents[1] / "corpora" / "handbook"
QUESTIONS = [json.loads(line)["text"] for line in (CORPUS / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
SOME = 40


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("handbook") / "index"
    report = ingest([CORPUS / "documents"], path, load_embedder())
    assert report.files["indexed"] == report.files["seen"]
    return path


def answers(path: Path, questions: list[str]) -> Iterator[tuple[Answer, Index]]:
    embedder = load_embedder()
    with Index.open(path, embedder=embedder) as opened:
        retriever, generator = Retriever(opened, embedder), Generator(load_reader())
        for question in questions:
            yield ask(question, retriever, generator), opened


def check(answer: Answer, index: Index) -> None:
    for citation in answer.citations:
        assert index.text(citation.document, citation.start, citation.end) == citation.quote, answer.question
        assert citation.source in {source.location for source in index.sources(citation.document)}
    cited = {number for sentence in answer.sentences for number in sentence.citations}
    cited |= {side.citation for conflict in answer.conflicts for side in conflict.sides}
    assert cited == {citation.number for citation in answer.citations}
    assert answer.answered == bool(answer.sentences)
    assert all(sentence.citations and sentence.supported for sentence in answer.sentences)


def test_each_citation_is_its_documents_text(index: Path) -> None:
    told = 0
    for answer, opened in answers(index, QUESTIONS[:SOME]):
        check(answer, opened)
        told += answer.answered
    assert told > SOME / 3


def test_follow_ups_are_answered_from_the_document_they_are_about(index: Path) -> None:
    embedder = load_embedder()
    with Index.open(index, embedder=embedder) as opened:
        talk = Conversation(Retriever(opened, embedder), Generator(load_reader()))
        for question in ("石帆号的轮机员是谁？", "船上的电池有多大？", "它的月票多少钱？"):
            answer = talk.ask(question)
            check(answer, opened)
            assert answer.question == question
            assert "qingyu-ferry-line.md" in {Path(each.source).name for each in answer.hits}
    assert "180千瓦时" in talk.turns[1].answer.text
    assert "260元" in talk.turns[2].answer.text


@pytest.mark.slow
def test_each_citation_of_all_questions_is_its_documents_text(index: Path) -> None:
    for answer, opened in answers(index, QUESTIONS):
        check(answer, opened)


def test_a_search_from_a_cold_shell_loads_only_what_it_needs(index: Path) -> None:
    program = f"""
        import atexit, sys

        unneeded = {{"torch", "transformers", "scipy", "numpy.ma", "langchain_text_splitters", "rag.corpus.readers"}}
        atexit.register(lambda: print("loaded:", sorted(unneeded & set(sys.modules)), file=sys.stderr))
        sys.argv = ["rag", "search", "Which oil is used for the chain?", "--index", {str(index)!r}]
        from rag.cli import main

        main()
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr.endswith("loaded: []\n")
