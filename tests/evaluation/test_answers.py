"""Figures of answers against values worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.datatypes import Answer, Sentence
from rag.evaluation.answers import (
    Judged,
    abstention,
    by_language,
    contains,
    exact,
    f1,
    judge,
    looked_at,
    summarise,
    units,
)
from rag.evaluation.dataset import Gold


def gold(*answers: str) -> Gold:
    return Gold(answers, True)


def answered(*sentences: str, confidence: float = 0.9, dropped: int = 0) -> Answer:
    made = tuple(Sentence(each, (1,), True) for each in sentences)
    return Answer("?", True, "quotes", " ".join(sentences), made, confidence=confidence, dropped=("x",) * dropped)


def abstained(confidence: float = 0.1) -> Answer:
    return Answer("?", False, "none", "The documents do not say.", confidence=confidence)


def judged(answerable: bool, answer: Answer, right: str = "gold") -> Judged:
    return judge(answer, Gold((right,) if answerable else (), answerable), exact_citations=0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The U.S. Army's ＦＵＬＬ-width", ["us", "armys", "fullwidth"]),
        ("An apple, a day", ["apple", "day"]),
        ("2024年的Heron涡轮机！", ["2024", "年", "的", "heron", "涡", "轮", "机"]),
        ("3,500 kg", ["3500", "kg"]),
        ("ไทย", ["ไ", "ท", "ย"]),
    ],
)
def test_texts_are_compared_by_folded_words_and_cjk_characters(text: str, expected: list[str]) -> None:
    assert units(text) == expected


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("It weighs 3,500 kg.", "3500 kg", True),
        ("It was in 2015.", "5", False),
        ("It has 5 blades", "5", True),
        ("自2024年起", "2024 年", True),
        ("Ｆｅｒｒｙ leaves at noon", "the ferry", True),
        ("nothing of the kind", "...", False),
    ],
)
def test_a_text_contains_an_answer(text: str, answer: str, expected: bool) -> None:
    assert contains(text, gold(answer)) is expected


def test_facts_have_to_be_met_group_by_group() -> None:
    facts = Gold(("x",), True, (("noon", "12:00"), ("pier 3",)))
    assert contains("From pier 3 at 12:00.", facts)
    assert not contains("From pier 3 at one; x", facts)


def test_exact_and_f1_take_the_best_answer() -> None:
    assert exact("The Ferry!", gold("boat", "ferry"))
    assert not exact("The ferry at noon", gold("ferry"))
    assert f1("ferry at noon", gold("boat", "noon ferry")) == pytest.approx(2 * 2 / (3 + 2))
    assert f1("渡轮", gold("轮渡")) == 1.0
    assert f1("渡轮", gold("船")) == 0.0


def test_three_sentences_and_four_hundred_characters_are_looked_at_and_half_in_chinese() -> None:
    assert looked_at(answered("One.", "Two.", "Three.", "Four.")) == "One. Two. Three."
    assert len(looked_at(answered("word " * 200))) == 400
    assert len(looked_at(answered("中文字" * 200))) == 200
    assert len(looked_at(answered("mostly English words with 中文 " * 40))) == 400


def test_an_abstention_contains_nothing_even_if_its_words_do() -> None:
    found = judged(True, abstained(), right="documents")
    assert (found.contains, found.exact, found.f1) == (0.0, 0.0, 0.0)


def test_abstention_is_scored_both_ways() -> None:
    found = abstention(
        [
            judged(True, answered("gold", confidence=0.9)),
            judged(True, abstained(0.2)),
            judged(False, abstained(0.1)),
            judged(False, answered("wrong", confidence=0.8)),
        ]
    )
    assert (found.precision, found.recall, found.refused) == (0.5, 0.5, 0.5)
    assert found.auroc == pytest.approx(3 / 4)
    risks = [0, 1 / 2, 2 / 3, 3 / 4]
    assert found.aurc == pytest.approx(sum(risks) / 4)


def test_equal_confidence_ranks_by_chance() -> None:
    both = [judged(True, answered("gold", confidence=0.5)), judged(False, answered("x", confidence=0.5))]
    assert abstention(both).auroc == 0.5
    assert abstention(both).aurc == abstention(both[::-1]).aurc == 0.5


def test_a_figure_without_anything_to_count_is_none() -> None:
    found = abstention([judged(True, answered("gold"))])
    assert (found.precision, found.recall, found.auroc) == (None, None, None)
    assert found.refused == 0.0
    assert summarise([judged(False, abstained())]).contains is None


def test_the_summary_counts_sentences_citations_and_characters() -> None:
    first = judge(answered("gold here", "more"), gold("gold"), exact_citations=0)
    second = judge(answered("other", dropped=1), gold("gold"), exact_citations=0)
    found = summarise([first, second, judged(False, abstained())])
    assert found.questions == 3
    assert found.contains is not None
    assert found.contains.mean == 0.5
    assert found.supported == 1.0
    assert found.dropped == pytest.approx(1 / 4)
    assert found.length == pytest.approx((len("gold here more") + len("other")) / 2)
    assert found.citation_exact is None


def test_risk_is_the_share_of_wrong_among_the_answered() -> None:
    rows = [judged(True, answered("gold")), judged(True, answered("x")), judged(False, answered("x"))]
    assert abstention([*rows, judged(True, abstained())]).risk == pytest.approx(2 / 3)
    assert abstention([judged(True, abstained())]).risk is None


def test_figures_of_abstention_have_intervals_around_them() -> None:
    rows = [judged(n % 3 > 0, answered("gold", confidence=n % 7 / 7) if n % 2 else abstained()) for n in range(60)]
    found = summarise(rows)
    for name, (low, high) in found.intervals.items():
        assert low < getattr(found.abstention, name) < high, name
    assert set(found.intervals) == {"precision", "recall", "refused", "risk", "auroc", "aurc"}


def test_figures_by_language_are_those_of_its_questions() -> None:
    english = [judge(replace(answered("gold"), question="Where is the gold?"), gold("gold"), 0, 0.2)] * 3
    chinese = [judge(replace(abstained(), question="金子在哪里？"), gold("金"), 0, 0.4)]
    found = by_language([*chinese, *english])
    assert [(name, figures.questions) for name, figures in found.items()] == [("en", 3), ("zh", 1)]
    assert (found["en"].abstention.refused, found["zh"].abstention.refused) == (0, 1)
    assert found["zh"].latency_ms == pytest.approx({"p50": 400, "p95": 400})
    assert by_language(english) == {}
