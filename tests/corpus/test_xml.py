"""XML: text under titles, values with names, lines as places; nothing is expanded and nothing fetched."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.readers import READERS, Unread
from rag.datatypes import Document, State, place_at


def read(data: str | bytes, path: str = "a.xml") -> Document:
    outcome = READERS[path[1:]].read(data.encode() if isinstance(data, str) else data, path)
    assert isinstance(outcome, Document), outcome
    return outcome


def test_records_have_their_name_as_heading_and_values_with_names() -> None:
    found = read(
        '<?xml version="1.0"?>\n<book>\n<country code="fr">\n<name>France</name>\n'
        "<Capital>Paris</Capital>\n</country>\n</book>"
    )
    assert found.text == "# France\n\n- code: fr\n- Capital: Paris\n"
    assert place_at(found.pages, found.text.index("Paris")) == "line 5"


DOCBOOK = """\
<article xmlns="http://docbook.org/ns/docbook"><info><title>Deck guide</title><author>Mia Lind</author></info>
<section><title>Winches</title>
<para>A <emphasis>winch</emphasis> hauls
   the line. # no heading</para>
<programlisting>haul()
  twice()</programlisting>
<itemizedlist><listitem><para>Drum</para></listitem><listitem><para>Pawl</para></listitem></itemizedlist>
<section><title>起锚</title><para>深</para></section>
<informaltable><tgroup><row><entry>Pin</entry><entry>Load</entry></row>
<row><entry>A</entry><entry>4 t</entry></row></tgroup></informaltable>
</section></article>"""


def test_docbook_sections_paragraphs_code_lists_and_tables() -> None:
    found = read(DOCBOOK, "a.docbook")
    assert found.title == "Deck guide"
    assert ("author", "Mia Lind") in found.metadata
    for part in (
        "# Winches\n",
        "A winch hauls the line. # no heading",
        "```\nhaul()\n  twice()\n```",
        "- Drum",
        "## 起锚\n\n深",
        "| Pin | Load |\n| --- | --- |\n| A | 4 t |",
    ):
        assert part in found.text
    assert place_at(found.pages, found.text.index("深")) == "line 8"


def test_feeds_lose_the_tags_that_are_quoted_in_them() -> None:
    found = read(
        "<rss><channel><title>News</title><item><title>Pin</title>"
        "<description>&lt;p&gt;It &lt;b&gt;broke&lt;/b&gt;.&lt;/p&gt;"
        "&lt;p&gt;Twice.&lt;/p&gt;</description></item></channel></rss>",
        "a.rss",
    )
    assert "## Pin\n\nIt broke.\nTwice.\n" in found.text
    assert found.title == ""  # the heading over everything


def test_a_drawing_is_what_stands_written_in_it() -> None:
    found = read(
        '<svg xmlns="http://www.w3.org/2000/svg"><style>a{}</style>'
        '<g fill="red"><path d="M0"/><text>Drum</text></g></svg>',
        "a.svg",
    )
    assert "Drum" in found.text
    assert "red" not in found.text
    outcome = READERS[".svg"].read(b'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0"/></svg>', "a.svg")
    assert isinstance(outcome, Unread)
    assert outcome.state is State.EMPTY


def test_the_declared_encoding_is_heeded() -> None:
    text = '<?xml version="1.0" encoding="{}"?><a><b>Größe für Мир</b></a>'
    for encoding in ("utf-16", "utf-8"):
        assert "Größe für Мир" in read(text.format(encoding).encode(encoding)).text
    assert "Мир и труд" in read('<?xml version="1.0" encoding="koi8-r"?><a><b>Мир и труд</b></a>'.encode("koi8-r")).text


def test_paragraphs_within_a_text_stand_apart_from_its_words() -> None:
    assert (
        read("<d><p>One <b>two</b>s<br/>three</p><s>four<p>five</p>six</s></d>").text
        == "One twos three\n\nfour five six\n"
    )
    assert read("<d><p>x</p><code>a<br/>b</code></d>").text == "x\n\n```\nab\n```\n"


def test_what_draws_in_a_drawing_says_something_elsewhere() -> None:
    found = read("<config><server><name>a</name><path>/srv</path><style>x</style></server></config>").text
    assert found == "# a\n\n- path: /srv\n"
    assert read('<svg xmlns="http://www.w3.org/2000/svg"><text>Bow</text><defs><t>no</t></defs></svg>').text == "Bow\n"


def test_sections_stand_below_the_title_of_the_whole_and_lists_and_tables_keep_theirs() -> None:
    table = (
        "<table><title>Loads</title><tgroup><tbody><row><entry>1</entry><entry>2</entry></row></tbody></tgroup></table>"
    )
    items = "<itemizedlist><listitem><para>one</para></listitem></itemizedlist>"
    section = f"<section><title>Start</title>{items}{table}</section>"
    assert read(f"<article><title>Guide</title>{section}</article>").text == (
        "# Guide\n\n## Start\n\n- one\n\nLoads\n\n| 1 | 2 |\n| --- | --- |\n"
    )


def test_entities_are_never_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    bomb = '<!DOCTYPE l [<!ENTITY a "lol">' + "".join(
        f'<!ENTITY {chr(98 + each)} "{f"&{chr(97 + each)};" * 10}">' for each in range(9)
    )
    for text in (
        f"{bomb}]><l><v>&j; tail</v></l>",
        f'<!DOCTYPE l [<!ENTITY x SYSTEM "{secret.as_uri()}">]><l><v>&x; tail</v></l>',
        f'<!DOCTYPE l SYSTEM "{secret.as_uri()}"><l><v>tail</v></l>',
    ):
        found = read(text)
        assert found.text.count("tail") == 1
        assert "SECRET" not in found.text
        assert len(found.text) < 2000


@pytest.mark.parametrize("text", ["<a><b>not closed", "<a>" * 1000 + "deep", "no tags at all", "<a>&undefined;</b>"])
def test_what_is_not_well_formed_is_kept_as_it_stands(text: str) -> None:
    assert (read(text).text, read(text).markup) == (text, "code")


def test_nesting_that_is_deep_is_one_text() -> None:
    found = read("<a>" + "<section>" * 150 + "bottom" + "</section>" * 150 + "</a>")
    assert "bottom" in found.text


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20), max_size=5
    )
)
def test_what_elements_say_is_there(values: list[str]) -> None:
    from xml.sax.saxutils import escape

    outcome = READERS[".xml"].read(f"<a>{''.join(f'<p>{escape(value)}</p>' for value in values)}</a>".encode(), "a.xml")
    said = " ".join("".join(values).split())
    assert isinstance(outcome, Document) or not said
    if isinstance(outcome, Document):
        assert len(outcome.pages) == sum(bool(value.strip()) for value in values)
