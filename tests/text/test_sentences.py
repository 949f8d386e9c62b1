"""Sentences are exact spans: nothing lost, nothing twice, cut where a reader would cut."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.datatypes import Markup
from rag.text.sentences import sentences


def cut(text: str, markup: Markup = "plain") -> list[str]:
    return [text[span.start : span.end] for span in sentences(text, markup)]


@pytest.mark.parametrize(
    "units",
    [
        ["Dr. Smith weighs 3.5 kg.", "He lives at No. 5 in the U.S.", "The end."],
        ["See e.g. v2.1.3 or https://a.b/c.d?x=1.", "What?", '"Why?" he asked.', "(Yes.)"],
        ["J. R. Tolkien wrote it.[12]", "Next one!"],
        ["He joined the A.C. Milan fans of J.R.R. Tolkien.", "They are at the N.Y.C.", "The end."],
        ["Am 5. März kam z. B. Herr Dr. Müller.", "Das war viel."],
        ["هذا كتاب.", "هل تريد؟", "نعم۔"],
        ["यह है।", "वह था॥"],
    ],
)
def test_sentences_end_where_a_reader_ends_them(units: list[str]) -> None:
    assert cut(" ".join(units)) == units


def test_chinese_and_japanese_need_no_spaces() -> None:
    assert cut("价格为3.5元。他说：“你好。我走了。”真的吗？是的；") == [
        "价格为3.5元。",
        "他说：“你好。我走了。”",
        "真的吗？",
        "是的；",
    ]
    assert cut("これは本です。「はい。」と言った！次。") == ["これは本です。", "「はい。」と言った！", "次。"]


def test_a_newline_inside_a_paragraph_is_white_space() -> None:
    assert cut("The oven weighs\n204 kg and is\nblue. It is\nhot.\n\nNew") == [
        "The oven weighs\n204 kg and is\nblue.",
        "It is\nhot.",
        "New",
    ]


def test_lines_that_were_ended_on_purpose_are_units() -> None:
    text = "Name: Foo\nPhone: 123\nAddress: somewhere far away in the long street"
    assert cut(text) == text.split("\n")


def test_a_short_line_that_cannot_end_there_goes_on() -> None:
    text = "Roberts was in the Hall of Fame in\n2002, while still at the club of his youth.\nLeft: later\nAge: 3"
    assert cut(text) == [
        "Roberts was in the Hall of Fame in\n2002, while still at the club of his youth.",
        "Left: later",
        "Age: 3",
    ]


def test_markdown_gives_each_unit_its_kind() -> None:
    text = "# Head\n\nOne. Two.\n\n| a | b |\n|---|---|\n| 1 | 2. x |\n\n- it. em\n\n```\ncode\n```\n"
    assert [(span.kind, text[span.start : span.end]) for span in sentences(text, "markdown")] == [
        ("heading", "# Head"),
        ("prose", "One."),
        ("prose", "Two."),
        ("header", "| a | b |"),
        ("row", "| 1 | 2. x |"),
        ("item", "- it. em"),
        ("code", "code"),
    ]


TEXTS = st.one_of(st.text(), st.text(alphabet='a. B1\n\r-*#|>`。”"“)]!?…= \t\f\x1f'))


@given(TEXTS, st.sampled_from(["plain", "markdown"]))
def test_spans_are_trimmed_in_order_and_apart(text: str, markup: Markup) -> None:
    at = 0
    for span in sentences(text, markup):
        assert at <= span.start < span.end <= len(text)
        unit = text[span.start : span.end]
        assert unit == unit.strip()
        at = span.end


@given(TEXTS)
def test_plain_text_is_covered_but_for_white_space(text: str) -> None:
    assert "".join("".join(cut(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("piece", ["a. ", ".", "\n", '"', "“。", "[1]", " \n \n", "。)", '."' + '"' * 300])
def test_time_grows_with_the_length_alone(piece: str) -> None:
    started = time.perf_counter()
    sentences(piece * (60_000 // len(piece)))
    assert time.perf_counter() - started < 10
