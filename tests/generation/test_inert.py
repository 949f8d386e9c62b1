"""Nothing in an answer loads, runs or leads anywhere, whatever draws it."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag.generation.inert import inert, inert_code, markup
from rag.generation.readable import readable
from tests.timing import growth

PIECES = [
    *(
        "<",
        ">",
        "![",
        "[",
        "]",
        "](",
        ")",
        "(",
        "!",
        "/",
        '"',
        "'",
        "`",
        "**",
        "_",
        "\n",
        " ",
        "a",
        "]:",
        "|",
        ":",
        "=",
    ),
    *(
        "http://e.com/?q=",
        "javascript:",
        "data:text/html,",
        "script",
        "img",
        "svg",
        " src=",
        "onerror=x",
        "<!--",
        "-->",
    ),
    "\u200b",
]
marked = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


class Tags(HTMLParser):
    """Collects the tags that a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.acting: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("img", "script", "svg", "iframe", "a", "style") or any(value is not None for _, value in attrs):
            self.acting.append(tag)


def acts(text: str) -> list[str]:
    """What a Markdown or HTML view of the text would load, run or turn into a link."""
    parser = Tags()
    parser.feed(text)
    return [
        *parser.acting,
        *re.findall(r"!\[|\]\(|(?m:^\s*\[[^\]]+\]:\s*\S)|javascript:(?! )\S|\bdata:\w+/\w|\bfile:/", text),
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See ![chart](http://e.com/a.png?q=secret) here.", "See chart here."),
        ("See [the list](https://e.com/a).", "See the list (https://e.com/a)."),
        ("See [https://e.com](https://e.com) and <https://e.com/x>.", "See https://e.com and https://e.com/x."),
        ("[x](javascript:alert(1)) and [y](other.md#part)", "x and y"),
        ("[Wiki](https://e.com/A_(b)_c)", "Wiki (https://e.com/A_(b)_c)"),
        ("[![a](http://i.com)](http://l.com)", "a (http://l.com)"),
        ("[a [b]](http://e.com)", "[a [b]] (http://e.com)"),
        ("a <b>bold</b> word<script>alert(1)</script>, H<sub>2</sub>O <!-- no -->", "a bold word, H2O"),
        ("<img src=x onerror=alert(1)>a", "a"),
        ("<**img** src=x onerror=alert(1)>a", "a"),
        ("<ifr<iframe>ame src=x>a", "a"),
        ("<i\u200bmg src=x>a", "a"),
        ('<IMG SRC="http://e.com"', '‹IMG SRC="http://e.com"'),
        ("open data:text/html;base64,PHN now, file:///etc/passwd too", "open now, too"),
        ("go java\nscript:alert(1) on", "go on"),
        ("The `<img src=x>` tag", "The ‹img src=x› tag"),
        ("JavaScript: the parts; data: 3; List<String> <NAME> p<0.05 a < b", None),
        ("[x]: http://e.com", "[x] : http://e.com"),
        ("odds ratio [OR]: 2.2", None),
        ("one<br>two<br/>three", "one two three"),
        ("Opens if x <p and y > 3 bar.", "Opens if x ‹p and y › 3 bar."),
        ("Alarm if T <low or P=0 and V> high.", "Alarm if T ‹low or P=0 and V› high."),
        ("Wow! See [1] and [2, 3] (p. 4).", None),
        ("价格：<名称>，见【1】。", None),
    ],
)
def test_markup_becomes_text(text: str, shown: str | None) -> None:
    assert readable(text) == (text if shown is None else shown)


def test_a_sign_at_the_head_of_a_line_that_was_no_mark_is_shown_without_its_backslash() -> None:
    assert readable("\\# dpkg-reconfigure tzdata") == "# dpkg-reconfigure tzdata"
    assert readable("- \\--force is\n  \\---\nC:\\temp", "item") == "--force is --- C:\\temp"
    assert "<script" not in readable("\\<script>x</script>")


def test_code_is_shown_to_be_read() -> None:
    assert readable("#include <stdio.h>\nvector<int> a;", "code") == "#include <stdio.h>\nvector<int> a;"
    assert readable('<img src="a"> <script>x</script>', "code") == '‹img src="a"› ‹script›x‹/script›'


@settings(deadline=None, max_examples=500)
@given(marked)
@example("<scr<script>ipt>alert(1)</script>")
@example("[|]:<")
def test_nothing_acts_in_what_is_shown(text: str) -> None:
    for shown in (inert(text), inert_code(text), *(readable(text, kind) for kind in ("prose", "row", "code", "item"))):
        assert acts(shown) == [], shown


@given(marked)
@example("[]:]:")
def test_what_is_inert_stays_as_it_is(text: str) -> None:
    assert inert(inert(text)) == inert(text)


@pytest.mark.parametrize(
    "piece", ["![a](", "[a](", "<a ", "<!--", "<script>", "<", "[", "((", "java", "<<b", "[![a](b)"]
)
def test_hostile_text_is_not_slow(piece: str) -> None:
    started = time.perf_counter()
    readable(piece * (6000 // len(piece)))
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("begin", "piece", "end"),
    [
        ("[a](", " ", ""),
        ("[a](b", " ", ""),
        ("![a](", "\t", ""),
        ("", "<!--", ""),
        ("", "<script", ""),
        ("", "<style>x", ""),
        ("</style>", "<style>", ""),
        ("", "<script></script ", ""),
        ("a", "[", "](b)"),
        ("https://e", "<", ">"),
        ("", "<b", ">"),
        ("javascript:x", "java\n", "\nscript:y"),
    ],
)
def test_four_times_a_hostile_text_takes_about_four_times_as_long(begin: str, piece: str, end: str) -> None:
    def nested(size: int) -> str:
        times = size // len(piece + end)
        return piece * times + begin + end * times if end else begin + piece * times

    assert growth(inert, nested(6000), nested(24_000)) < 9  # 16 where each character is compared with each other


def test_time_for_addresses_grows_with_the_length_alone() -> None:
    assert growth(markup, "a." * 2000, "a." * 8000) < 9


@pytest.mark.parametrize(
    "text",
    [
        "[" * 30 + "a" + "](http://e.com)" * 30,
        "<b " * 30 + "<img src=x>" + ">" * 30,
        "<" * 30 + "https://e.com" + ">" * 30,
        "java\n" * 30 + "javascript:x" + "\nscript:y" * 30,
        "<!-" * 30 + "<!---->" + "-x-->" * 30,
    ],
)
def test_nothing_acts_however_deep_it_is_nested(text: str) -> None:
    shown = inert(text)
    assert acts(shown) == []
    assert not re.search(r"<https?:|java[\t\r\n]*script:", shown)
    assert inert(shown) == shown


def test_comments_and_scripts_end_where_they_are_closed() -> None:
    assert inert("a<!-- <script> -->b<script>x = '<!--'</script >c<SCRIPT>y</script>d") == "abcd"
    assert inert("a<!-- never closed <style>x</style> b") == "a‹!-- never closed  b"


def test_addresses_and_tags_are_found_however_they_are_written() -> None:
    text = "[x](a.md) http://e.com/a, www.e.com. <img src='//e.com/b'> mailto:me@e.com <b>"
    addresses = ["a.md", "http://e.com/a", "www.e.com", "//e.com/b", "mailto:me@e.com"]
    assert markup(text) == [*addresses, "<img src='//e.com/b'>", "<b>"]
    assert markup("见http://e.com/a，或www.e.com。") == ["http://e.com/a", "www.e.com"]
