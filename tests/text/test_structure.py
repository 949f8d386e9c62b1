"""What holds for the structure of every markup, whatever a text holds, and across windows."""

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.datatypes import Markup
from rag.text import windows
from rag.text.structure import parser

MARKUPS = get_args(Markup)
PIECES = [
    *("\n", "\n\n", "\r\n", "\r", "  ", "\t", "word ", "一。", "日本語", "\u0301", "x" * 40),
    *("====\n", "---\n", "~~~~", "* ", "** TODO a\n", "= a\n", "== b\n", "#+begin_src\n", "#+end_src\n", ":END:\n"),
    *(
        ".. code::\n",
        ".. note:: b\n",
        "a::\n\n",
        "  lit\n",
        "+--+\n",
        "|a|\n",
        "+==+\n",
        "=== ==\n",
        ">>> x\n",
        ":a: b\n",
    ),
    *(
        "|===\n",
        "----\n",
        "[source]\n",
        "\\section{a}\n",
        "\\section{",
        "\\begin{verbatim}\n",
        "\\end{verbatim}\n",
        "\\item ",
    ),
    *(
        "class A:\n",
        "    def f(self):\n",
        "        pass\n",
        "int f(int a) {\n",
        "}\n",
        "/* a\n",
        "*/\n",
        '"""',
        "# a\n",
        "@b\n",
    ),
    *("key:\n", "  key: 1\n", "- a: 1\n", "text: |\n", "[a.b]\n", '{"a": ', "[", "]", "}", ",", '"b"', ":", "\\", '"'),
]
messy = st.lists(st.sampled_from(PIECES), max_size=80).map("".join)


def check(text: str, markup: Markup) -> None:
    found = list(windows.windows(text, parser(markup)))
    assert [(window.start, window.end) for window in found] == [
        (start, end) for start, end in zip([0, *(w.end for w in found)], [w.end for w in found], strict=False)
    ]
    assert not found or found[-1].end == len(text)
    at = 0
    for block in (block for window in found for block in window.blocks):
        assert at <= block.start < block.end
        assert not text[at : block.start].strip()
        assert block.start <= block.inner[0] <= block.inner[1] <= block.end
        assert block.header is None or block.start <= block.header[0] <= block.header[1] <= block.end
        assert (block.level > 0) == (block.kind == "heading")
        assert block.kind == "heading" or not block.title
        at = block.end
    assert not text[at:].strip()


@pytest.mark.parametrize("markup", [each for each in MARKUPS if each not in ("plain", "markdown")])
@settings(max_examples=150, deadline=None)
@given(text=messy)
def test_every_character_that_is_not_blank_lies_in_one_block(markup: Markup, text: str) -> None:
    check(text, markup)


@pytest.mark.parametrize("markup", [each for each in MARKUPS if each not in ("plain", "markdown")])
@settings(max_examples=100, deadline=None)
@given(text=messy)
def test_windows_lose_nothing(markup: Markup, text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "WINDOW", 50)
        check(text, markup)


@pytest.mark.parametrize("markup", MARKUPS)
def test_an_empty_text_has_no_blocks(markup: Markup) -> None:
    assert list(windows.windows("", parser(markup))) == []


def test_lines_are_units_and_never_headings() -> None:
    text = "TITLE\n=====\n\n{}\n"
    found = [block for window in windows.windows(text, parser("lines")) for block in window.blocks]
    assert [(block.kind, text[block.start : block.end]) for block in found] == [
        ("paragraph", "TITLE"),
        ("paragraph", "====="),
        ("paragraph", "{}"),
    ]
