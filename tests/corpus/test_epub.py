"""EPUB files made by hand: chapters in the order of the spine, each a place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import READERS
from rag.datatypes import State
from tests.corpus.packed import packed, place, read, state, unread

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
SAID = (
    "<dc:title>Die Pumpe</dc:title><dc:creator>李明</dc:creator><dc:creator>Ann</dc:creator>"
    "<dc:language>de</dc:language><dc:date>2024-05-01T00:00:00Z</dc:date>"
)


def page(body: str, head: str = "<title/>") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" '
        '"http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd"><html xmlns="http://www.w3.org/1999/xhtml" '
        f'xmlns:epub="http://www.idpf.org/2007/ops"><head>{head}</head><body>{body}</body></html>'
    )


def epub(
    pages: dict[str, str], *, said: str = "", spine: list[str] | None = None, more: str = "", **others: str
) -> bytes:
    nav = {"nav": "properties='nav'"}
    kind = 'media-type="application/xhtml+xml"'
    items = "".join(f'<item id="{name}" href="text/{name}%20x.xhtml" {kind} {nav.get(name, "")}/>' for name in pages)
    order = "".join(f'<itemref idref="{name}"/>' for name in spine or pages)
    opf = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<metadata>{said}</metadata><manifest>{items}</manifest><spine>{order}</spine>{more}</package>"
    )
    texts = {f"OEBPS/text/{name} x.xhtml": text for name, text in pages.items()}
    head = {"mimetype": "application/epub+zip", "META-INF/container.xml": CONTAINER, "OEBPS/book.opf": opf}
    return packed({**head, **texts, **{f"META-INF/{name}.xml": text for name, text in others.items()}})


def test_chapters_come_in_the_order_of_the_spine_and_are_places() -> None:
    pages = {
        "b": page("<h1>Launch</h1><p>Start&nbsp;it.</p><ul><li>one</li><li>two</li></ul>"),
        "cover": page('<img src="cover.jpg"/>'),
        "a": page('<h2><a id="x"/>Kapitel 1</h2><p>第一章的内容。</p><ol><li>a</li><li>b</li></ol>'),
    }
    found = read(epub(pages, spine=["cover", "a", "b"], said=SAID), ".epub")
    assert found.text == (
        "Authors: 李明, Ann\n\n## Kapitel 1\n\n第一章的内容。\n\n1. a\n2. b\n\n# Launch\n\nStart it.\n\n- one\n- two\n"
    )
    assert place(found, "第一章") == "Kapitel 1"
    assert place(found, "Start it") == "chapter 2: Launch"
    assert found.title == "Die Pumpe"
    assert ("author", "李明") in found.metadata
    assert ("author", "Ann") in found.metadata
    assert ("date", "2024-05-01") in found.metadata


def test_a_part_that_holds_the_end_of_one_chapter_and_the_next_is_two_places() -> None:
    end = "The last words on skating. " * 20
    code = "<pre># no heading\nx = 1</pre>"
    pages = {
        "a": page("<h2>Chapter I Skating</h2><p>Begin.</p>"),
        "b": page(f"<p>{end}</p>{code}<h2>Chapter II Skiing</h2><h3>Jumping</h3><p>Jump.</p><h2>Notes</h2><p>Of.</p>"),
        "c": page("<p>A motto.</p><h2>Snow</h2><p>White.</p>"),
    }
    found = read(epub(pages), ".epub")
    assert (
        place(found, "Begin") == place(found, "The last words") == place(found, "# no heading") == "Chapter I Skating"
    )
    assert place(found, "Jump.") == "Chapter II Skiing"
    assert place(found, "Of.") == "chapter 3: Notes"
    assert place(found, "A motto") == place(found, "White") == "chapter 4: Snow"
    assert "\n\n## Chapter II Skiing\n\n### Jumping\n\nJump.\n\n## Notes\n\nOf.\n\nA motto." in found.text


def test_a_part_that_begins_with_a_section_of_the_chapter_before_goes_on_with_it() -> None:
    end = "The last words on skating. " * 20
    first = page("<h2>Chapter I Skating</h2><p>Begin.</p>")
    inside = {"a": first, "b": page(f"<h3>Curling</h3><p>{end}</p><h2>Chapter II Skiing</h2><p>Ski.</p>")}
    found = read(epub(inside), ".epub")
    assert (place(found, "The last words"), place(found, "Ski.")) == ("Chapter I Skating", "Chapter II Skiing")
    found = read(epub({"a": first, "b": page(f"<p>{end}</p><h3>Curling</h3><p>Sweep.</p>")}), ".epub")
    assert place(found, "Sweep.") == "Chapter I Skating"
    two = read(epub({"a": page("<h2>Chapter 1</h2><h1>Launch</h1><p>Go.</p><h1>Stop</h1><p>Halt.</p>")}), ".epub")
    assert (place(two, "Go."), place(two, "Halt.")) == ("Chapter 1", "chapter 2: Stop")


def test_parts_put_together_read_as_before() -> None:
    pages = {"a": page("<h1>One</h1><p>A.</p><h1>Two</h1><p>B.</p>"), "b": page("<p>C.</p>")}
    assert read(epub(pages), ".epub").text == "# One\n\nA.\n\n# Two\n\nB.\n\nC.\n"


def test_what_a_book_says_of_itself_stands_before_its_chapters() -> None:
    blurb = "&lt;p&gt;About &lt;b&gt;pumps&lt;/b&gt;.&lt;/p&gt;"
    said = f"<dc:creator>Ann</dc:creator><dc:description>{blurb}</dc:description>"
    found = read(epub({"a": page("<p>Text.</p>")}, said=said), ".epub")
    assert found.text == "Authors: Ann\n\nAbout pumps.\n\nText.\n"
    assert place(found, "pumps") == "about the book"
    assert place(found, "Text") == "chapter 1"


def test_tables_of_contents_and_landmarks_are_left_out() -> None:
    pages = {
        "nav": page("<p>CONTENTS one</p>"),
        "toc": page("<p>CONTENTS two</p>"),
        "a": page('<nav>CONTENTS three</nav><section epub:type="toc"><p>CONTENTS four</p></section><p>Text.</p>'),
    }
    guide = '<guide><reference type="toc" href="text/toc%20x.xhtml#start"/></guide>'
    found = read(epub(pages, more=guide), ".epub")
    assert found.text == "Text.\n"
    assert [page.label for page in found.pages] == ["chapter 1"]


def test_a_protected_book_is_encrypted_and_one_with_obscured_fonts_is_not() -> None:
    def encryption(link: str) -> str:
        data = f'<e:EncryptedData><e:CipherData><e:CipherReference URI="{link}"/></e:CipherData></e:EncryptedData>'
        return f'<encryption xmlns:e="http://www.w3.org/2001/04/xmlenc#">{data}</encryption>'

    pages = {"a": page("<p>Text.</p>")}
    locked = unread(epub(pages, encryption=encryption("OEBPS/text/a%20x.xhtml")), ".epub")
    assert (locked.state, bool(locked.fix)) == (State.ENCRYPTED, True)
    assert read(epub(pages, encryption=encryption("OEBPS/fonts/a.otf")), ".epub").text == "Text.\n"


@pytest.mark.parametrize(
    "text", ["<html><body><p>One<br>Two & three</p></body>", page("<p>One<br/>Two &amp; three</p>")]
)
def test_chapters_that_are_no_xml_are_read_as_a_browser_reads_them(text: str) -> None:
    assert read(epub({"a": text}), ".epub").text == "One\nTwo & three\n"


def test_a_chapter_that_is_missing_or_listed_twice_is_read_once_or_not() -> None:
    data = epub({"a": page("<p>Once.</p>")}, spine=["a", "a", "gone"])
    assert read(data, ".epub").text == "Once.\n"


def test_a_chapter_that_is_missing_is_named() -> None:
    data = epub({"a": page("<p>One.</p>")}, more='<item id="gone" href="gone.xhtml"/><itemref idref="gone"/>')
    assert ("not_read", "missing in the file: OEBPS/gone.xhtml") in read(data, ".epub").metadata


def test_a_book_without_an_order_is_read_as_it_is_listed() -> None:
    found = read(epub({"a": page("<p>One.</p>"), "b": page("<p>Two.</p>")}, spine=["none"], said=SAID), ".epub")
    assert found.text == "Authors: 李明, Ann\n\nOne.\n\nTwo.\n"


def test_no_entity_of_a_chapter_is_expanded(tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("outside") / "secret.txt"
    secret.write_text("SECRET")
    text = f'<!DOCTYPE html [<!ENTITY x SYSTEM "{secret.as_uri()}">]><html><body><p>Text &x;</p></body></html>'
    outcome = READERS[".epub"].read(epub({"a": text}), "a.epub")
    assert "SECRET" not in str(outcome)


def test_books_without_what_they_need_are_damaged() -> None:
    assert state(packed({"mimetype": "application/epub+zip"}), ".epub") is State.FAILED
    assert state(packed({"META-INF/container.xml": CONTAINER}), ".epub") is State.FAILED
    assert state(epub({"a": page("")}), ".epub") is State.EMPTY


WORDS = st.text(alphabet="ab 泵ßع#|*-", min_size=1, max_size=30).map(lambda text: " ".join(text.split())).filter(bool)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=4))
def test_each_quote_lies_in_its_chapter(chapters: list[list[str]]) -> None:
    pages = {
        f"c{at}": page(f"<h1>T{at}</h1>" + "".join(f"<p>q{at}x{n}: {text}</p>" for n, text in enumerate(texts)))
        for at, texts in enumerate(chapters)
    }
    found = read(epub(pages), ".epub")
    for at, texts in enumerate(chapters):
        for n, text in enumerate(texts):
            quote = f"q{at}x{n}: {text}"
            start = found.text.index(quote)
            assert found.text[start : start + len(quote)] == quote
            assert place(found, quote) == f"chapter {at + 1}: T{at}"


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_damaged_books_end_in_a_state(data: st.DataObject) -> None:
    content = bytearray(epub({"a": page("<p>Text.</p>")}))
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assert READERS[".epub"].read(bytes(content), "a.epub")
