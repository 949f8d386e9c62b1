"""Which part of a page is its text: what is said is kept, what stands around it is not."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import READERS, Unread
from rag.datatypes import Document

ENGLISH = "The pump is checked every day before it is started, and the pressure of the oil is noted in the book. "
CHINESE = "水泵每天启动之前都要检查一遍，并把油压记在交接班的本子上；发现异常时必须立刻停机，通知值班的师傅来处理。"
ARABIC = "تُفحص المضخة كل يوم قبل التشغيل، ويُسجَّل ضغط الزيت في دفتر الوردية، وعند أي خلل توقف الآلة فوراً ويُبلَّغ الفني. "
PROSE = {"en": ENGLISH, "zh": CHINESE, "ar": ARABIC}
MENU = "<ul>" + "".join(f"<li><a href='{n}'>Go to part {n}</a></li>" for n in range(6)) + "</ul>"


def page(html: str, path: str = "page.html") -> Document:
    outcome = READERS["." + path.rpartition(".")[2]].read(html.encode(), path)
    assert isinstance(outcome, Document), outcome
    return outcome


def text(body: str, path: str = "page.html") -> str:
    return page(f"<html><body>{body}</body></html>", path).text


@pytest.mark.parametrize("language", PROSE)
def test_a_page_without_any_semantics_is_kept_whole(language: str) -> None:
    said = PROSE[language].strip()
    found = text(
        f"<h1>Pump</h1><p>{said}</p><ul><li>one</li><li>two</li></ul><table><tr><th>Part</th><th>Bar</th></tr>"
        f"<tr><td>P-1</td><td>5</td></tr></table><pre>run --now</pre><h2>Later</h2><p>Short.</p>"
        "<dl><dt>a</dt><dd>b</dd>"
    )
    for piece in ("# Pump", said, "- one", "- two", "| P-1 | 5 |", "run --now", "## Later", "Short.", "a\n\nb"):
        assert piece in found


@pytest.mark.parametrize("language", PROSE)
def test_menus_around_an_article_are_left_out(language: str) -> None:
    body = f"<p>{PROSE[language]}</p>" * 5
    found = text(
        f"<div>{MENU}</div><div><div class='crumbs'><a href=1>Home</a></div><div><h1>Pump</h1>{body}"
        f"<p>See <a href=2>the drawing</a>.</p></div><div><a href=3>Another page</a></div></div><div>{MENU}</div>"
    )
    assert found.startswith("# Pump\n")
    assert found.count(PROSE[language].strip()) == 5
    assert "See the drawing." in found
    for piece in ("Go to part", "Home", "Another page"):
        assert piece not in found


@pytest.mark.parametrize(
    "around",
    [
        "<div class='newsletter-signup'><p>Get our letter.</p></div>",
        "<div class='relatedArticles'><p>Pumps of the world</p></div>",
        "<div class='modal-window'><p>Please register.</p></div>",
        "<section class='d-print-none'><p>Related</p></section>",
        "<div class='d-none'>Never shown</div>",
        "<form action='/s'><label>Your e-mail</label><input name=m></form>",
        "<div id='cookie-consent'>We use cookies</div>",
        "<div class='comments'>No comments yet</div>",
    ],
)
def test_what_names_itself_as_around_the_text_is_left_out(around: str) -> None:
    body = f"<p>{ENGLISH}</p>" * 4
    assert text(f"<h1>Pump</h1>{body}{around}") == text(f"<h1>Pump</h1>{body}")


@pytest.mark.parametrize(
    "said",
    [
        f"<section id='file-menu'><h2>File menu</h2><p>{ENGLISH}</p></section>",
        "<section id='navigation'><h2>Navigation</h2><p>Press F6.</p></section>",
        f"<form><p>{ENGLISH}</p><input></form>",
        f"<div class='comment'><p>{ENGLISH}</p></div>",
        f"<div class='comments'><p>{ENGLISH}</p></div>",
        "<p>It is <span class='noprint'>44</span> years old.</p>",
        "<pre>" + "<a href=1>fn</a> <a href=2>run</a> <a href=3>stop</a>" + "</pre>",
        "<ul>" + "".join(f"<li><a href={n}>Type{n}</a>: part {n}</li>" for n in range(5)) + "</ul>",
        "<table><tr><th>Owner</th><th>Products</th></tr><tr><td>A</td><td><ul>"
        + "".join(f"<li><a href={n}>Thing {n}</a></li>" for n in range(5))
        + "</ul></td></tr></table>",
        "<div class='d-none d-md-block'><p>On wide screens.</p></div>",
    ],
)
def test_what_is_said_is_kept_whatever_it_is_called(said: str) -> None:
    words = re.sub("<[^>]*>", " ", said).split()
    for wrapped in (said, f"<main>{said}</main>", f"<div>{said}</div>"):
        found = text(f"<h1>Pump</h1><p>{ENGLISH * 8}</p>{wrapped}")
        assert [word for word in words if word not in found] == []


def test_every_post_of_a_thread_is_kept() -> None:
    posts = "".join(
        f"<article class='post'><header><a href=u>user{n}</a></header><p>Answer {n}: {ENGLISH}</p></article>"
        for n in range(8)
    )
    found = text(f"<h1>Why does it leak?</h1><div class='thread'>{posts}</div>")
    assert all(f"Answer {n}:" in found for n in range(8))


def test_teasers_beside_the_only_article_are_left_out() -> None:
    teaser = f"<article><h3><a href=1>Another story</a></h3><p>{ENGLISH}</p></article>"
    story = f"<article><h1>Pump</h1>{f'<p>{ENGLISH}</p>' * 9}</article>"
    assert "Another story" not in text(f"<main>{story}<div>{teaser * 2}</div></main>")
    assert "Another story" in text(f"<main>{teaser * 4}</main>")


def test_xhtml_may_close_an_element_where_it_opens() -> None:
    head = "<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'><head><title/><script src='a.js'/></head>"
    body = f"<body><div class='line'/><p>{ENGLISH}</p><br/><p>Second.</p></body></html>"
    for path in ("page.xhtml", "page.html"):
        assert page(head + body, path).text == f"{ENGLISH.strip()}\n\nSecond.\n"


def test_server_side_includes_are_read_as_html() -> None:
    assert text(f"<!--#include file='head.html' --><p>{ENGLISH}</p>", "page.shtml") == f"{ENGLISH.strip()}\n"


def test_a_page_of_frames_or_scripts_says_what_it_says_without_them() -> None:
    frames = (
        "<html><frameset cols='20,80'><frame src=a><frame src=b><noframes><p>Read it here.</p></noframes></frameset>"
    )
    assert page(frames).text.strip() == "Read it here."
    assert text("<noscript><p>Turn scripts on.</p></noscript><div id=app></div>") == "Turn scripts on.\n"
    assert "scripts" not in text(f"<noscript><p>Turn scripts on.</p></noscript><p>{ENGLISH}</p>")


words = st.lists(st.sampled_from(["pump", "oil", "水泵", "مضخة", "5 bar", "Größe"]), min_size=1, max_size=30).map(
    " ".join
)


@settings(deadline=None)
@given(st.lists(words, min_size=1, max_size=8), st.sampled_from(["main", "article", "div", "section"]))
def test_no_paragraph_of_a_plain_page_is_lost(paragraphs: list[str], tag: str) -> None:
    html = "".join(f"<p>{each} {number}.</p>" for number, each in enumerate(paragraphs))
    found = text(f"<{tag}>{html}</{tag}>")
    assert all(f"{each} {number}." in found for number, each in enumerate(paragraphs))


@pytest.mark.parametrize(
    "piece", ["<form><input>", "<p><a>x</a>", "<article><h2><a>b</a></h2></article>", "<p ", "<p/>"]
)
def test_time_grows_with_the_length_alone(piece: str) -> None:
    html = f"<?xml version='1.0'?><div><div><p>{ENGLISH * 9}</p></div>" + piece * (200_000 // len(piece))
    started = time.perf_counter()
    outcome = READERS[".html"].read(html.encode(), "page.html")
    assert isinstance(outcome, Document | Unread)
    assert time.perf_counter() - started < 20
