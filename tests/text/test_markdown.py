"""Blocks of Markdown: what is one, where it lies, and what is none."""

import itertools
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.text.markdown import Block, blocks, lines, plain_title

PIECES = ["#", "# ", "## a", "\n", "\n\n", "\r\n", "\r", "```", "~~~~", "---", "===", "|", "|-|-|", "a|b", "- ", "1. "]
PIECES += [
    "    ",
    "\t",
    "> ",
    "<!--",
    "-->",
    "<pre>",
    "</pre>",
    "x",
    "一。",
    "\f",
    "\u2028",
    "+++",
    "title: t",
    "[",
    "`",
]
markdown = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def kinds(text: str) -> list[str]:
    return [block.kind for block in blocks(text)]


def one(text: str, kind: str) -> Block:
    return next(block for block in blocks(text) if block.kind == kind)


@given(st.one_of(markdown, st.text()))
@example("```\n\n")
def test_every_character_that_is_not_blank_lies_in_one_block_in_order(text: str) -> None:
    at = 0
    for block in blocks(text):
        assert not text[at : block.start].strip()
        assert block.start < block.end
        assert block.start <= block.inner[0] <= block.inner[1] <= block.end
        at = block.end
    assert not text[at:].strip()


@given(st.one_of(markdown, st.text()))
def test_lines_and_their_ends_are_the_text(text: str) -> None:
    at = 0
    for line in lines(text):
        assert text[line.start : line.end] == line.content
        assert text[at : line.start] in ("", "\n", "\r\n", "\r")
        at = line.end
    assert text[at:] in ("", "\n", "\r\n", "\r")


@given(markdown)
def test_table_rows_follow_their_header_inside_the_table(text: str) -> None:
    for block in blocks(text):
        if block.header:
            spans = [block.header, *block.rows]
            assert spans[0][0] == block.start
            assert spans[-1][1] == block.end
            assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))


@pytest.mark.parametrize(
    ("line", "level", "title"),
    [
        ("# One", 1, "One"),
        ("### Three ###", 3, "Three"),
        ("## C# and F#", 2, "C# and F#"),
        ("###### 第六", 6, "第六"),
        ("   ## Indented", 2, "Indented"),
        ("#\tTab", 1, "Tab"),
        ("## **Bold** `code_x` [link](http://x) &amp; ![i](y) {#id}", 2, "Bold code_x link & i"),
        ("#", 1, ""),
        ("## ##", 2, ""),
    ],
)
def test_a_line_of_number_signs_is_a_heading(line: str, level: int, title: str) -> None:
    text = f"before\n\n{line}\nafter"
    block = one(text, "heading")
    assert (block.level, block.title) == (level, title)
    assert text[block.start : block.end] == line


@pytest.mark.parametrize("line", ["#hashtag", "####### seven", "    # code", "\\# escaped", "> # quoted"])
def test_other_lines_with_number_signs_are_no_heading(line: str) -> None:
    assert "heading" not in kinds(f"{line}\n")


def test_an_underlined_line_is_a_heading() -> None:
    text = "Title\nof two lines\n===\n\nSub\n---\nbody\n\n---\n"
    first, second, *rest = blocks(text)
    assert (first.level, first.title, text[first.start : first.end]) == (1, "Title of two lines", text[:22])
    assert (second.level, second.title) == (2, "Sub")
    assert [block.kind for block in rest] == ["paragraph", "rule"]


def test_a_long_paragraph_above_dashes_is_no_heading() -> None:
    assert kinds("word " * 50 + "\n---\n") == ["paragraph", "rule"]


def test_headings_inside_code_are_none() -> None:
    text = "# A\n```sh\n# comment\n```\n~~~\n# b\n```\n~~~~\n## C\n"
    assert kinds(text) == ["heading", "code", "code", "heading"]
    code = one(text, "code")
    assert text[code.inner[0] : code.inner[1]] == "# comment"


def test_a_fence_inside_a_list_item_hides_its_headings_too() -> None:
    assert "heading" not in kinds("1. Do this:\n\n   ```\n   # x\n   ```\n2. ```\n# y\n```\n")


def test_an_open_fence_runs_to_the_end() -> None:
    assert kinds("a\n\n```\n# x\n\n# y") == ["paragraph", "code"]


def test_comments_hide_their_headings() -> None:
    assert kinds("<!-- \n# hidden\n-->\n# seen\n") == ["html", "heading"]


def test_a_table_knows_its_header_and_rows() -> None:
    text = "Intro\n| part | price |\n|:--|--:|\n| A\\|1 | 3 |\n| B | 4 |\nafter\n"
    table = one(text, "table")
    assert kinds(text) == ["paragraph", "table", "paragraph"]
    assert table.header
    assert text[table.header[0] : table.header[1]] == "| part | price |\n|:--|--:|"
    assert [text[a:b] for a, b in table.rows] == ["| A\\|1 | 3 |", "| B | 4 |"]


def test_a_line_of_dashes_with_other_cells_makes_no_table() -> None:
    assert "table" not in kinds("a | b\n|---|---|---|\n")


def test_items_hold_their_continuation_lines() -> None:
    text = "List:\n- one\n  more\n- [x] two\n  1. inner\n\n  paragraph of two\n10) ten\n"
    assert kinds(text) == ["paragraph", "item", "item", "item", "paragraph", "item"]
    items = [block for block in blocks(text) if block.kind == "item"]
    assert [text[a:b] for a, b in (item.inner for item in items)] == ["one\n  more", "two", "inner", "ten"]


def test_a_year_inside_a_paragraph_starts_no_item() -> None:
    assert kinds("It was built in\n1986. Then it burnt\n") == ["paragraph"]


@pytest.mark.parametrize(("mark", "sign"), [("---", ": "), ("+++", " = ")])
def test_front_matter_gives_its_title(mark: str, sign: str) -> None:
    text = f'{mark}\nlang{sign}en\ntitle{sign}"Pump  manual"\n# not a heading\n{mark}\n# Heading\n'
    front, heading = blocks(text)
    assert (front.kind, front.title, heading.title) == ("front", "Pump manual", "Heading")
    assert text[front.start : front.end].endswith(mark)


def test_a_rule_at_the_start_is_no_front_matter() -> None:
    assert kinds("---\n\nText: here\n\n---\n") == ["rule", "paragraph", "rule"]


def test_underscores_inside_a_word_stay_in_a_title() -> None:
    assert plain_title("_The_ snake_case *2 * 3* ~~x~~ \\*y <b>z</b>") == "The snake_case 2 * 3 x *y z"


@pytest.mark.parametrize(
    "piece",
    ["# ", "`", "[", "<", "<!--\n\n", "|", "- ", "\n", "a|b\n|-|\n", "---\n", "\\", "*", "> ", "```\n", "1. \n"],
)
def test_time_grows_with_the_length_alone(piece: str) -> None:
    started = time.perf_counter()
    blocks(piece * (200_000 // len(piece)))
    assert time.perf_counter() - started < 5
