"""Windows of a text: where they end, and that what is cut goes on as what it was."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.text import markdown, plain, windows
from rag.text.markdown import Block
from rag.text.windows import Parse, Window

PIECES = [
    "# ",
    "\n## a\n",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "```\n",
    "  ~~~~",
    "- ```",
    "===",
    "|",
    "\n|-|-|\n",
    "\na|b\n",
    "- ",
]
PIECES += [
    "    ",
    "> ",
    "<!--",
    "-->",
    "<pre>",
    "</pre>",
    "word ",
    "一。",
    "\u0301",
    "\u200d",
    "+++\n",
    "title: t\n",
    "x" * 40,
]
messy = st.lists(st.sampled_from(PIECES), max_size=200).map("".join)


@pytest.fixture(autouse=True, scope="module")
def small() -> object:
    patch = pytest.MonkeyPatch()
    patch.setattr(windows, "WINDOW", 200)
    yield
    patch.undo()


def of(text: str, parse: Parse = markdown.blocks) -> list[Window]:
    return list(windows.windows(text, parse))


def blocks(text: str) -> list[Block]:
    return [block for window in of(text) for block in window.blocks]


@given(st.one_of(messy, st.text()), st.sampled_from([markdown.blocks, plain.blocks]), st.sampled_from([1, 7, 200]))
@example("```\n" + "\n" * 500 + "# x", markdown.blocks, 200)
def test_windows_make_up_the_text_and_blocks_hold_what_is_not_blank(text: str, parse: Parse, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "WINDOW", size)
        found = of(text, parse)
    assert [window.start for window in found] == [0, *(window.end for window in found)][: len(found)]
    at = 0
    for window in found:
        assert window.start < window.end <= window.start + size + 1
        for block in window.blocks:
            assert window.start <= block.start <= block.inner[0] <= block.inner[1] <= block.end <= window.end
            assert block.start < block.end
            assert not text[at : block.start].strip()
            at = block.end
    assert not text[at:].strip()
    assert len(found) <= 2 + 4 * len(text) / size


@pytest.mark.parametrize("parse", [markdown.blocks, plain.blocks])
def test_a_text_of_one_window_is_parsed_as_a_whole(parse: Parse) -> None:
    text = ("# A\n\nOne.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n" * 9)[:200]
    assert of(text, parse) == [Window(0, 200, parse(text, 0, 200, ()))]
    assert of("", parse) == []


def test_a_window_ends_before_the_last_heading_of_its_second_half() -> None:
    text = ("# One\n\n" + "word " * 20 + "\n\n# Two\n## Sub\n\n" + "word " * 8 + "\n\nmore " + "word " * 20).rstrip()
    first, second = of(text)
    assert text[first.end :].startswith("# Two\n## Sub")
    assert [block.title for block in second.blocks if block.kind == "heading"] == ["Two", "Sub"]


def test_without_a_heading_it_ends_before_its_last_block() -> None:
    text = "# One\n\n" + "word " * 15 + "\n\n" + "other " * 14 + "\n\nlast " + "word " * 30
    assert text[of(text)[0].end :].startswith("last word")


def test_a_heading_stays_with_a_block_that_fills_the_window() -> None:
    first, *_ = of("# One\n\n" + "a line of words\n" * 40)
    assert [block.kind for block in first.blocks] == ["heading", "paragraph"]


@pytest.mark.parametrize(
    ("opening", "line", "closing", "kind"),
    [
        ("```sh", "# no heading", "```", "code"),
        ("~~~~", "```", "~~~~", "code"),
        ("- ```", "# no heading", "```", "code"),
        ("```", "\n# no heading\n", "```", "code"),
        ("| a | b |\n|---|---|", "| 1 | 2 |", "| 3 | 4 |", "table"),
        ("<!-- a | b\nc", "|---|---|", "-->", "html"),
        ("<script>", "# no heading\n\n", "</script>", "html"),
    ],
)
def test_what_is_cut_goes_on_as_what_it_was_until_it_is_closed(
    opening: str, line: str, closing: str, kind: str
) -> None:
    text = f"Before.\n\n{opening}\n" + f"{line}\n" * 80 + f"{closing}\n\n# After\n"
    found = blocks(text)
    kinds = [block.kind for block in found]
    assert kinds == ["paragraph", *[kind] * (len(kinds) - 2), "heading"]
    assert len(kinds) > 3
    assert all(text[block.end] in "\r\n" for block in found)


def test_a_block_that_is_closed_where_it_is_cut_does_not_go_on() -> None:
    text = "```\n" + "x\n" * 60 + "```" + "\n" * 300 + "# After"
    assert [block.kind for block in blocks(text)] == ["code", "heading"]
    table = "|a|b|\n|-|-|\n" + "|1|2|\n" * 40 + "\n" * 300 + "|3|4|"
    assert [block.kind for block in blocks(table)][-2:] == ["table", "paragraph"]


@pytest.mark.parametrize("parse", [markdown.blocks, plain.blocks])
@pytest.mark.parametrize("line", ["GET /INDEX DONE", "2.1 Pumps", "    deeper", "---", "the end ="])
def test_the_rest_of_a_paragraph_begins_nothing(parse: Parse, line: str) -> None:
    for padding in range(16):
        text = "Words, in a line that is long." + "y" * padding + "\n" + f"and lines that follow it.\n{line}\n" * 30
        whole = {block.kind for block in parse(text, 0, len(text), ())}
        if whole == {"paragraph"}:
            assert {block.kind for window in of(text, parse) for block in window.blocks} == whole


def test_the_rest_of_an_item_is_no_code() -> None:
    text = "- one\n" + "    which goes on\n" * 60
    assert {block.kind for block in blocks(text)} == {"item"}


def test_the_rest_of_a_table_knows_its_header() -> None:
    text = "| a | b |\r\n|---|---|\r\n" + "| 1 | 2 |\r\n" * 40
    assert {block.header for block in blocks(text)} == {(0, 20)}
    rows = [text[start:end] for block in blocks(text) for start, end in block.rows]
    assert rows == ["| 1 | 2 |"] * 40


def test_an_endless_line_is_cut_at_a_space_else_between_characters() -> None:
    for text, end in (("word " * 100, " "), ("一" * 500, "一"), ("e\u0301" * 300, "\u0301")):
        found = of(text)
        assert len(found) > 2
        assert all(text[window.end - 1] == end for window in found)


def test_front_matter_and_a_title_stand_only_at_the_beginning() -> None:
    matter = "---\ntitle: x\n---\n"
    assert [block.kind for block in blocks(matter + "word " * 50 + "\n\n" + matter)].count("front") == 1
    assert markdown.blocks("a\n" + matter, 2)[0].kind == "rule"
    text = "A short line\n" + "\n".join(["which is followed by a longer one, as a title is, is a title."] * 2)
    assert plain.headings(text)
    assert not plain.headings("\n" + text, 1)
