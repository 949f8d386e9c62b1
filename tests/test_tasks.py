"""Summaries, comparisons and lists over our own corpus, with the real models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import Generator, Index, Retriever, ask, ingest, load_embedder, load_reader
from rag.generation.compare import Comparison, Line
from rag.pipeline import compare, summarize

pytestmark = pytest.mark.models

PEOPLE = Path(__file__).parents[1] / "corpora" / "handbook" / "documents" / "people"
SAFETY = PEOPLE.parent / "safety"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    path = tmp_path_factory.mktemp("tasks") / "index"
    ingest([PEOPLE, SAFETY], path, load_embedder())
    with Index.open(path) as opened:
        yield opened


def documents(index: Index, *names: str) -> list[str]:
    of = {Path(source.path).name: source.document for source in index.all_sources()}
    return [of[name] or "" for name in names]


def compared(index: Index, *names: str, question: str = "") -> Comparison:
    generator = Generator(load_reader())
    return compare(documents(index, *names), index, load_embedder(), generator, question=question)


def differing(found: Comparison) -> list[tuple[set[str], set[str]]]:
    """What each document has of its own, by line."""
    return [(set(line.quantities[0]), set(line.quantities[1])) for line in found.lines if line.kind == "differs"]


EDITIONS_EN = [  # read off the two editions by hand
    ({"25 days"}, {"27 days"}),
    ({"5 days", "31 march"}, {"8 days", "30 april"}),
    ({"3 weeks"}, {"2 weeks"}),
    ({"6 working days"}, {"4 working days"}),
    ({"1 july", "31 august"}, {"15 july", "20 august"}),
    ({"2"}, {"3"}),
    ({"07:30", "1 hour"}, {"07:00"}),
    ({"5"}, {"3"}),
    ({"80 %", "50 %"}, {"90 %", "60 %", "14 weeks"}),
    ({"14 weeks"}, {"18 weeks"}),
    ({"3 days"}, {"5 days"}),
    ({"1 day"}, {"2 days"}),
    ({"1 day"}, {"2 days"}),
    ({"20 working days"}, {"30 working days"}),
    ({"2"}, {"4"}),
    ({"1 january 2023"}, {"1 january 2024"}),
]
EDITIONS_ZH = [
    ({"2023年2月1日"}, {"2024年3月1日"}),
    ({"7天"}, {"10天"}),
    ({"24小时"}, {"12小时"}),
    ({"4"}, {"3", "48小时"}),
    ({"45元"}, {"60元"}),
    ({"120元"}, {"160元"}),
    ({"30元"}, {"50元", "6天"}),
    ({"15元", "7月", "8月"}, {"20元", "6月15日", "9月15日"}),
    ({"40分钟"}, {"30分钟"}),
    ({"12天"}, {"15天", "8年", "18天"}),
    ({"2天", "2月"}, {"5天", "4月"}),
    (set(), {"2天"}),  # 班长在两天内审批
    (set(), {"6个月", "1.5"}),  # 调休有效期由3个月延长到6个月
]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("leave-policy-2023.md", "leave-policy-2024.md"), EDITIONS_EN),
        (("值班办法-2023.md", "值班办法-2024.md"), EDITIONS_ZH),
    ],
)
def test_what_changed_between_two_editions_is_found_and_nothing_else(
    index: Index, names: tuple[str, str], expected: list[tuple[set[str], set[str]]]
) -> None:
    found = differing(compared(index, *names))
    assert [pair for pair in expected if pair not in found] == []
    assert len(found) == len(expected)


def test_every_line_is_the_documents_text_and_nothing_is_left_out(index: Index) -> None:
    found = compared(index, "leave-policy-2023.md", "leave-policy-2024.md")
    for citation in found.answer.citations:
        assert index.text(citation.document, citation.start, citation.end) == citation.quote
    assert found.answer.omitted == ()
    assert any("Lifeboat" in text for line in only(found) for text in line.texts[1])
    assert any("neap tides" in text for line in only(found) for text in line.texts[0])


def only(found: Comparison) -> list[Line]:
    return [line for line in found.lines if line.kind == "only"]


def test_a_question_is_answered_by_each_document(index: Index) -> None:
    names = ("leave-policy-2023.md", "leave-policy-2024.md")
    found = compared(index, *names, question="How many days of paid annual leave are there?")
    assert ({"25 days"}, {"27 days"}) in differing(found)
    assert len(found.lines) <= 4


def test_a_summary_is_the_documents_own_words(index: Index) -> None:
    (document,) = documents(index, "台风应急预案.md")
    answer = summarize([document], index, Generator(load_reader()), sentences=4)
    assert len(answer.sentences) == 4
    for citation in answer.citations:
        assert index.text(citation.document, citation.start, citation.end) == citation.quote


def test_a_list_is_as_long_as_a_look_into_each_document_finds(index: Index) -> None:
    embedder = load_embedder()
    answer = ask("哪些文件提到台风？", Retriever(index, embedder), Generator(load_reader()))
    texts = {source.document: index.text(source.document) for source in index.all_sources() if source.document}
    held = {document for document, text in texts.items() if "台风" in text}
    assert {citation.document for citation in answer.citations} == held
    assert len(held) >= 2
