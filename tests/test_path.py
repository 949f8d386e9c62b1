"""The whole path with the real models, as a tutorial: three files → index → question → cited answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import Generator, Index, Retriever, ask, ingest, load_embedder, load_reader

pytestmark = pytest.mark.models

FILES = {
    "pump.md": "# Heron pump\n\nThe gearbox oil of the Heron pump is changed every 24 months.\n\nIts colour is grey.\n",
    "leave.txt": "Everyone who has worked here for a year has 27 days of paid leave.\n",
    "宿舍.md": "# 宿舍规定\n\n宿舍大门每晚23:30上锁，值班员电话8802。\n\n周末可以接待访客。\n",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("path")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    report = ingest([folder], folder / "index", load_embedder())
    assert report.files["indexed"] == len(FILES)
    return folder / "index"


@pytest.mark.parametrize(
    ("question", "name", "quote"),
    [
        ("How often must I change the oil in the Heron's gearbox?", "pump.md", "every 24 months"),
        ("宿舍晚上几点锁门？", "宿舍.md", "23:30"),
    ],
)
def test_a_question_is_answered_with_its_sentence(index: Path, question: str, name: str, quote: str) -> None:
    embedder = load_embedder()
    with Index.open(index, embedder=embedder) as opened:
        answer = ask(question, Retriever(opened, embedder), Generator(load_reader()))
        for citation in answer.citations:
            assert opened.text(citation.document, citation.start, citation.end) == citation.quote
    first = answer.citations[0] if answer.citations else None
    best = answer.hits[0]
    assert Path(best.source).name == name
    assert first is not None
    assert quote in first.quote
    assert FILES[name][first.start : first.end] == first.quote


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("How many days of holiday do I get after one year?", "leave.txt"),
        ("When is the dormitory gate locked at night?", "宿舍.md"),
        ("苍鹭泵的齿轮箱油多久换一次？", "pump.md"),
    ],
)
def test_a_question_finds_its_document_in_any_language(index: Path, question: str, name: str) -> None:
    embedder = load_embedder()
    with Index.open(index, embedder=embedder) as opened:
        hits = Retriever(opened, embedder).retrieve(question, 3)
    assert Path(hits[0].source).name == name


@pytest.mark.parametrize("customer", ["Penrose", "Abelard"])
def test_of_agreements_that_read_alike_the_one_that_is_named_is_quoted(tmp_path: Path, customer: str) -> None:
    """Nothing in the texts says whose they are: their paths do."""
    weeks = {name: number for number, name in enumerate(("Abelard", "Calder", "Farrow", "Jessop", "Penrose"), start=3)}
    for name, number in weeks.items():
        file = tmp_path / "docs" / name / "agreement.md"
        file.parent.mkdir(parents=True)
        notice = f"Either party may end this agreement by giving {number} weeks' notice in writing."
        file.write_text(
            f"# Agreement\n\n## Notice\n\n{notice}\n\n## Payment\n\nInvoices are payable within {9 * number} days.\n"
        )
    embedder = load_embedder()
    ingest([tmp_path / "docs"], tmp_path / "index", embedder)
    with Index.open(tmp_path / "index", embedder=embedder) as opened:
        answer = ask(
            f"What is the notice period in the {customer} agreement?",
            Retriever(opened, embedder),
            Generator(load_reader()),
        )
    assert Path(answer.hits[0].source).parent.name == customer
    assert [Path(citation.source).parent.name for citation in answer.citations][:1] == [customer]
    assert f"{weeks[customer]} weeks" in answer.citations[0].quote
