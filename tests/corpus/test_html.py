"""HTML pages: what they say comes out, what surrounds it does not."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import READERS, Unread
from rag.corpus.readers.web.html import _CROWDED
from rag.datatypes import Document, State
from tests.timing import growth

TAGS = ["p", "div", "table", "tr", "td", "th", "ul", "ol", "li", "h1", "pre", "br", "a", "main", "header", "sup"]
pages = st.lists(
    st.one_of(
        st.sampled_from(TAGS).map("<{}>".format),
        st.sampled_from(TAGS).map("</{}>".format),
        st.sampled_from(["text", " ", "\n", "|", "# x", "&nbsp;", '<td rowspan="9" colspan=999>', "<li value=3>"]),
    ),
    max_size=60,
).map("".join)


def page(html: str | bytes) -> Document:
    data = html.encode() if isinstance(html, str) else html
    outcome = READERS[".html"].read(data, "page.html")
    assert isinstance(outcome, Document), outcome
    return outcome


def text(body: str) -> str:
    return page(f"<html><body>{body}</body></html>").text


def test_headings_paragraphs_and_lists_become_markdown() -> None:
    found = text(
        "<h1>The <em>pump</em></h1><p>It\n runs&nbsp;at <b>5</b>&thinsp;bar.<br>Always.</p>"
        "<ul><li>one<ul><li>inner</li></ul></li><li><p>two</p><p>more</p></li></ul>"
        "<ol start=3><li>three</li><li>four</li></ol><h3>Third</h3>last"
    )
    assert found == (
        "# The pump\n\nIt runs at 5\u2009bar.\nAlways.\n\n- one\n  - inner\n- two\n\n  more\n\n"
        "3. three\n4. four\n\n### Third\n\nlast\n"
    )


def test_a_table_becomes_rows_with_spanned_cells_filled() -> None:
    found = text(
        "<table><caption>Prices</caption><tr><th>Part</th><th colspan=2>Price | tax</th></tr>"
        "<tr><td rowspan=2>P-1<br>new</td><td>3</td><td><ul><li>4</li><li>5</li></ul></td></tr>"
        "<tr><td>6</td></tr></table>"
    )
    assert found == (
        "Prices\n\n| Part | Price \\| tax |  |\n| --- | --- | --- |\n| P-1 new | 3 | - 4 - 5 |\n| P-1 new | 6 |  |\n"
    )


def test_a_table_that_lays_out_the_page_is_gone_through() -> None:
    assert text("<table><tr><td><h1>A</h1></td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>").startswith(
        "# A\n\nb"
    )


def test_preformatted_text_is_verbatim() -> None:
    assert text("<p>Run:</p><pre>\n  a &lt; b\n\n\tc  ```\n</pre>") == "Run:\n\n````\n  a < b\n\n\tc  ```\n````\n"


def test_text_that_looks_like_structure_is_escaped() -> None:
    assert text("<p># no heading</p><p>a<br>---</p>") == "\\# no heading\n\na\n\\---\n"


def test_a_power_stays_a_power() -> None:
    assert text("<p>10<sup>3</sup> m<sup>2</sup>, H<sub>2</sub>O</p>") == "10^3 m2, H2O\n"


def test_what_surrounds_the_text_is_left_out() -> None:
    found = text(
        "<header><h1>Site</h1></header><nav>Home</nav><aside>Ads</aside><script>x()</script><style>p{}</style>"
        "<div role=navigation>Menu</div><div class='site-breadcrumbs'>You are here</div>"
        "<ul><li><a href=1>One link</a></li><li><a href=2>Two link</a></li><li><a href=3>Three link</a></li></ul>"
        "<p hidden>h1</p><p style='color:red; DISPLAY : none'>h2</p><template>h4</template>"
        "<!-- comment --><p>The text of the page is long enough to be what the page is about.</p><button>Send</button>"
        "<footer>Imprint</footer>"
    )
    assert found == "The text of the page is long enough to be what the page is about.\n"


def test_the_main_part_is_preferred_and_keeps_its_header() -> None:
    found = text(
        "<div>Noise</div><main><header><h1>Pump</h1></header><p>It runs all night.</p><footer>By Ann</footer></main>"
    )
    assert found == "# Pump\n\nIt runs all night.\n\nBy Ann\n"


def test_a_page_of_nothing_but_links_keeps_them() -> None:
    links = "".join(f"<li><a href={n}>Document number {n}</a></li>" for n in range(5))
    assert "- Document number 4" in text(f"<ul>{links}</ul>")


def test_a_page_whose_text_is_hidden_until_a_script_runs_is_read() -> None:
    assert text("<div style='display:none'><p>Shown later.</p></div>") == "Shown later.\n"


def test_the_title_is_that_of_the_head_unless_it_is_the_heading() -> None:
    assert page("<title> Pump\n manual </title><h1>Start</h1><p>x</p>").title == "Pump manual"
    assert page("<title>Pump manual</title><h1>Pump Manual</h1><p>x</p>").title == ""


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("<meta charset=gb2312>", "gb18030"),
        ("<META http-equiv='Content-Type' content='text/html; charset=Shift_JIS'>", "cp932"),
        ("<?xml version='1.0' encoding='ISO-8859-1'?>", "cp1252"),
        ("<meta charset='utf-8'>", "utf-16"),
        ("<meta charset=koi8-r>", "utf-8"),
    ],
)
def test_the_declared_encoding_is_honoured(head: str, encoding: str) -> None:
    said = "“Größe”" if encoding == "cp1252" else "温度と圧力"
    assert page(f"{head}<p>{said}</p>".encode(encoding)).text == f"{said}\n"


@pytest.mark.parametrize("html", ["<html></html>", "<!-- a -->", "<script>x</script>", "<p>&nbsp;</p>", "<?php x"])
def test_a_page_without_text_is_empty(html: str) -> None:
    outcome = READERS[".html"].read(html.encode(), "page.html")
    assert isinstance(outcome, Unread)
    assert outcome.state is State.EMPTY


def test_nesting_that_cannot_be_read_whole_is_told() -> None:
    assert text("<div>" * 1500 + "deep").strip() == "deep"
    outcome = READERS[".html"].read(b"<div>" * 100_000 + b"lost", "page.html")
    assert isinstance(outcome, Unread)
    assert (outcome.state, outcome.reason) == (State.FAILED, "elements are nested too deeply to be read whole")


@settings(deadline=None)
@given(pages)
def test_any_page_ends_in_a_state(html: str) -> None:
    assert READERS[".html"].read(html.encode(), "page.html")


@pytest.mark.parametrize(
    "piece",
    ["<p>a", "<td rowspan=65534 colspan=1000>" + "x" * 150, "<li><a>b</a>", "<script></script>x", "<ul>", "<b>c"],
)
def test_time_grows_with_the_length_alone(piece: str) -> None:
    html = "<table><tr>" * piece.startswith("<td") + piece * (200_000 // len(piece))
    started = time.perf_counter()
    READERS[".html"].read(html.encode(), "page.html")
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize("tag", ["<p {}>", "<p\n{}", '<p x="<" {}>', "<img/ {}/>"])
def test_a_tag_of_more_attributes_than_anyone_writes_is_not_parsed(tag: str) -> None:
    for attribute in ("a{}", "a{}=1", 'a{} = "<"', "data-{}='x y'"):
        many = " ".join(attribute.format(number) for number in range(100_000))
        outcome = READERS[".html"].read(f"<body>text {tag.format(many)}".encode(), "a.html")
        assert outcome == Unread(State.FAILED, "a tag has more than 500 attributes")
    few = " ".join(f'a{number}="1"' for number in range(400))
    assert "text" in page(f"<body>text {tag.format(few)}</p>").text


def test_looking_for_such_a_tag_takes_time_by_the_length_of_the_page() -> None:
    for piece in ('<a b="', "<a b='", "<a ", "<a b = ", "<p a=1 b ", "< a ", "<a\n\t\n", "<a b=\"<c d='"):
        assert growth(_CROWDED.search, piece * 20_000, piece * 80_000) < 12


def test_how_words_are_pronounced_is_left_out() -> None:
    assert text("<p><ruby>東<rp>(</rp><rt>とう</rt><rp>)</rp>京<rt>きょう</rt></ruby>に行く</p>") == "東京に行く\n"


def test_blocks_in_a_heading_are_its_words() -> None:
    assert text("<h2><div>The <b>pump</b></div><div>stops</div></h2><p>Why.</p>") == "## The pump stops\n\nWhy.\n"
    assert text("<h2><ul><li>a</li></ul></h2><h1><div>" + "long " * 80 + "</div>") == f"- a\n\n{'long ' * 79}long\n"


def test_an_item_counts_from_its_own_number() -> None:
    assert text("<ol><li value=5>five</li><li>six</li></ol><ul><li value=9>x</li></ul>") == "5. five\n6. six\n- x\n"


def test_several_rows_of_names_are_one_header() -> None:
    head = "<tr><th rowspan=2>Site</th><th colspan=2>2022</th></tr><tr><th>Plan</th><th>Actual</th></tr>"
    row = "<tr><td>Hamburg</td><td>3</td><td>4</td></tr>"
    expected = "| Site | 2022 Plan | 2022 Actual |\n| --- | --- | --- |\n| Hamburg | 3 | 4 |\n"
    assert text(f"<table>{head}{row}</table>") == expected
    assert text(f"<table><thead>{head.replace('th', 'td')}</thead>{row}</table>") == expected
    assert text(f"<table>{head}</table>").count("\n") == 3


def test_a_table_in_a_cell_is_read_there_where_columns_are_named() -> None:
    inner = "<table><caption>Sizes</caption><tr><td>x</td><td>1</td></tr><tr><td>y</td><td>2</td></tr></table>"
    rows = f"<tr><{{0}}>Part</{{0}}><{{0}}>Detail</{{0}}></tr><tr><td>pump</td><td>{inner}</td></tr>"
    named = text(f"<table>{rows.format('th')}</table>")
    assert named == "| Part | Detail |\n| --- | --- |\n| pump | Sizes x 1 y 2 |\n"
    assert "Part\n\nDetail\n\npump\n\nSizes\n\n| x | 1 |" in text(f"<table>{rows.format('td')}</table>")


def test_formulas_read_as_they_are_drawn() -> None:
    power = "<math><msup><mn>10</mn><mn>3</mn></msup></math>"
    assert text(f"<p>It holds {power} kg.</p>") == "It holds 10^3 kg.\n"


def test_the_sign_behind_a_heading_that_leads_to_itself_is_left_out() -> None:
    link = '<a class="headerlink" href="#top" title="Permalink">{}</a>'
    for sign in "¶#§":
        assert text(f"<main><h2>Speed{link.format(sign)}</h2><p>5 bar.</p></main>").startswith("## Speed\n")
    assert "pump(bar)\n" in text(f"<main><dl><dt>pump(bar){link.format('¶')}</dt><dd>Runs.</dd></dl></main>")
    said = text(
        '<main><h2><a href="#1">1</a> Speed</h2><p>See <a href="#s5">§</a> 5 and <a href="/c">#</a>.</p></main>'
    )
    assert said == "## 1 Speed\n\nSee § 5 and #.\n"
