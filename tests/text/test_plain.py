"""Headings of plain text: found where a reader sees them, and nowhere else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.plain import headings, underlined

CARD = """\
BADGER W8 SLIPWAY WINCH
Operating card, revision D, 7 November 2023

The winch stands in the winch house above the slipway. It pulls ferries and workboats out
of the water on the cradle.

1. DATA

   Pulling force ......... 80 kN
   Rope .................. 22 mm steel, galvanised, 180 m

2. Before each pull

   a) Walk the rope.
   b) Check the oil level.

Release notes
=============

5.3.1    11 June 2024
  - Fixed: jobs with more than 64 check-list steps lost the last step (issue LS-2210).
  - Fixed: wrong total.
"""
CHINESE = """\
点检卡（青屿用）
编号 QY-DJ-05    2024年5月6日修订    设备工程师 贺振东，共三页，本卡只写特殊要求

一、适用范围
    两台水轮机，机号QY-01和QY-02。两台机组于2023年4月下水。

二、不同之处
    1. 摄像检查改为每月一次（手册为三个月）。
    2. 主轴密封每24个月更换一次。

第三章 记录

结果当天录入，模板号JT-902。
"""


def found(text: str) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in headings(text)]


def test_title_numbers_capitals_underlines_and_hanging_blocks_make_headings() -> None:
    assert found(CARD) == [
        (1, "BADGER W8 SLIPWAY WINCH"),
        (3, "1. DATA"),
        (3, "2. Before each pull"),
        (1, "Release notes"),
        (6, "5.3.1 11 June 2024"),
    ]


def test_chinese_numbers_make_headings() -> None:
    assert found(CHINESE) == [(1, "点检卡（青屿用）"), (3, "一、适用范围"), (3, "二、不同之处"), (2, "第三章 记录")]


@pytest.mark.parametrize(
    "text",
    [
        "Just one line",
        "A first line that is as long as the others are, in a text that is simply wrapped\nprose and ends.\n\nMore.",
        "Some text before.\n\n1. Open the valve\n2. Close it\n3. Wait\n\nThen go home.",
        "Some text before.\n\n1. Open the valve\n\n2. Close it\n\n3. Wait\n\nThen go home, as fast as you can.",
        "Some text before.\n\n- one item that was\n  broken\n",
        "Some text before.\n\nTHIS IS SHOUTED\nAND SO IS THIS\n",
        "Some text before.\n\n| A | B |\n  | 1 | 2 |",
        "Some text before.\n\n1. A step that is so long that it was broken after this very\n   word, and goes on.",
        "Some text before.\n\nNote:\n  the sign is missing",
    ],
)
def test_prose_lists_and_shouting_are_no_headings(text: str) -> None:
    assert found(text) == []


def test_an_underline_belongs_to_its_heading() -> None:
    text = "Rules\n=====\nNobody enters.\n"
    (heading,) = headings(text)
    assert text[heading.start : heading.end] == "Rules"
    assert text[heading.start : underlined(text, heading)] == "Rules\n====="


def test_a_heading_without_underline_ends_where_its_line_does() -> None:
    (heading,) = headings("RULES\n\nNobody enters.")
    assert underlined("RULES\n\nNobody enters.", heading) == heading.end == 5
    assert underlined("RULES", heading) == 5


@given(st.text(alphabet="AB一、.1 \n\t=-）|", max_size=200))
def test_headings_are_lines_in_order_without_overlap(text: str) -> None:
    at = 0
    for heading in headings(text):
        assert at <= heading.start < heading.end
        assert " ".join(text[heading.start : heading.end].split()) == heading.title
        assert "\n" not in text[heading.start : heading.end]
        at = underlined(text, heading)


def test_long_texts_take_linear_time() -> None:
    started = time.process_time()
    assert headings("1. " * 50_000) == []
    assert headings("Ab\n    cdefgh\n\n" * 20_000)
    assert time.process_time() - started < 5
