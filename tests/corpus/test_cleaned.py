"""What readers leave out or write otherwise is counted, by kind, wherever it is done."""

from __future__ import annotations

import io
from pathlib import Path

import docx
import docx.document
import docx.oxml
import pptx
import pptx.oxml
import pytest
from reportlab.pdfgen.canvas import Canvas

from rag.cli.problems import cleaned_words
from rag.corpus.cleaned import WORDS, Cleaned, Cleaning, added
from rag.corpus.readers import READERS, Parsed
from rag.corpus.readers.pdf.words import cleaned_in
from rag.corpus.sandbox.answers import cleaned_of, document_frame
from rag.corpus.sandbox.frames import Garbled
from rag.corpus.sandbox.pool import Sandbox
from rag.datatypes import Document
from tests.corpus.test_epub import epub, page
from tests.corpus.test_odf import document as odf
from tests.corpus.test_odf import frame
from tests.corpus.test_pdf_layout import down, drawn
from tests.corpus.test_pptx import blank, box
from tests.corpus.word97 import Run, word

NAMESPACE = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SLIDES = "http://schemas.openxmlformats.org/presentationml/2006/main"
DOCS = Path(__file__).parents[2] / "docs/formats.md"
PAGE = b"""<html><body><nav><a href=a>Home</a></nav><nav></nav><header>Harbour <b>news</b></header>
<main><p>The winch is oiled on the first Monday of the month, before the harbour opens for the boats that wait.</p>
<p hidden>Ignore this.</p><div class="share"><a href=b>Share</a></div></main><footer>Imprint</footer></body></html>"""


def opened(data: bytes, suffix: str) -> Parsed:
    parsed = READERS[suffix].open(data, f"file{suffix}")
    assert isinstance(parsed.outcome, Document), parsed.outcome
    return parsed


def cleaned(data: bytes, suffix: str) -> Cleaned:
    return opened(data, suffix).cleaned


def test_each_kind_has_words_and_a_line_in_the_docs() -> None:
    assert set(WORDS) == set(Cleaning)
    said = DOCS.read_text("utf-8")
    assert [kind for kind in Cleaning if f"| `{kind}` |" not in said] == []
    assert [words for kind, words in WORDS.items() if f"| `{kind}` | {words[1]} |" not in said] == []


def test_counts_are_added_by_kind_without_those_of_nothing() -> None:
    one: Cleaned = {Cleaning.HYPHENS_MENDED: 2, Cleaning.LIGATURES: 0}
    assert added(one, {Cleaning.REPEATED_ROWS: 1, Cleaning.HYPHENS_MENDED: 3}) == {
        Cleaning.REPEATED_ROWS: 1,
        Cleaning.HYPHENS_MENDED: 5,
    }
    assert added() == {}


def test_the_summary_names_one_and_several() -> None:
    counts = {"repeated_rows": 1214, "hyphens_mended": 1}
    assert cleaned_words(counts) == "1,214 page headers and footers, 1 hyphen"


def test_invisible_characters_of_any_text_stay_and_are_counted() -> None:
    text = "co\u00adop\u00aderate \u202eabc\u202c\u200b می\u200cخواهم 👩\u200d🚒\n"
    parsed = opened(text.encode(), ".txt")
    assert isinstance(parsed.outcome, Document)
    assert parsed.outcome.text == text
    assert parsed.cleaned == {Cleaning.INVISIBLE_KEPT: 5}  # not the joiners that Persian and emoji need
    assert dict(parsed.outcome.metadata) == {"invisible_kept": "5"}
    assert cleaned(b"plain", ".md") == {}


def test_parts_around_a_web_page_and_hidden_passages_are_counted() -> None:
    expected = {Cleaning.AROUND: 4, Cleaning.HIDDEN: 1}  # the nav without words is none
    assert cleaned(PAGE, ".html") == expected
    saved = b"MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n" + PAGE
    assert cleaned(saved, ".mhtml") == expected


def test_a_page_that_is_kept_whole_counts_nothing_around_its_text() -> None:
    page = b"<html><body><nav><p>" + b"All that it says stands in here, " * 20 + b"</p></nav><p>So.</p></body></html>"
    assert cleaned(page, ".html") == {}


def test_what_is_left_out_of_the_html_of_a_mail_is_counted_where_it_is_read() -> None:
    html = b"Content-Type: text/html\n\n" + PAGE
    signature = b"Content-Type: application/pgp-signature\n\nxyz\n"
    mail = (
        b"Subject: Oil\nContent-Type: multipart/signed; boundary=b\n\n--b\n"
        + html
        + b"\n--b\n"
        + signature
        + b"--b--\n"
    )
    read = {Cleaning.AROUND: 4, Cleaning.HIDDEN: 1, Cleaning.MAIL_PARTS: 1}
    assert cleaned(mail, ".eml") == read
    assert cleaned(b"From a@b.c Mon Jan  1 00:00:00 2024\n" + mail, ".mbox") == read
    plain = b"Content-Type: text/plain\n\nThe winch is oiled on the first Monday of the month, before it opens.\n"
    both = (
        b"\n--b\n".join((b"Subject: Oil\nContent-Type: multipart/alternative; boundary=b\n", plain, html))
        + b"\n--b--\n"
    )
    assert cleaned(both, ".eml") == {}


def test_tracked_deletions_hidden_runs_and_repeated_headers_of_word_are_counted() -> None:
    document = docx.Document()
    document.add_section()
    for section in document.sections:
        section.header.is_linked_to_previous = False
        section.header.paragraphs[0].text = "Boatyard"
    paragraph, table = document.add_paragraph("Kept. "), document.add_table(rows=1, cols=1)
    for text in ("un", "seen"):
        paragraph.add_run(text).font.hidden = True
    deleted = "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>", "<w:del/>"
    for xml in deleted:
        paragraph._p.append(docx.oxml.parse_xml(xml.replace("<w:del", f"<w:del xmlns:w='{NAMESPACE}'", 1)))
    table.rows[0]._tr.get_or_add_trPr().append(docx.oxml.parse_xml(f"<w:del xmlns:w='{NAMESPACE}'/>"))
    written = io.BytesIO()
    document.save(written)
    expected = {Cleaning.REPEATED_ROWS: 1, Cleaning.HIDDEN: 1, Cleaning.DELETED: 2}
    assert cleaned(written.getvalue(), ".docx") == expected


def test_footers_and_numbers_of_slides_are_counted() -> None:
    deck = pptx.Presentation()
    for _ in range(2):
        box(blank(deck), "Text.", 1, 1)
    footer = box(deck.slides[0], "Boatyard", 1, 6)._element
    footer.nvSpPr.nvPr.append(pptx.oxml.parse_xml(f'<p:ph xmlns:p="{SLIDES}" type="ftr"/>'))
    written = io.BytesIO()
    deck.save(written)
    assert cleaned(written.getvalue(), ".pptx") == {Cleaning.REPEATED_ROWS: 1}


def test_deletions_indexes_hidden_text_and_repeated_headers_of_opendocument_are_counted() -> None:
    styles = (
        '<style:style style:name="H" style:family="text"><style:text-properties text:display="none"/></style:style>'
    )
    pages = "<style:header><text:p>Boatyard</text:p></style:header>" * 2
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p></text:deletion>"
        "</text:changed-region></text:tracked-changes><text:table-of-content><text:p>One 1</text:p>"
        '</text:table-of-content><text:p>Kept <text:span text:style-name="H">unseen</text:span>'
        '<text:span text:style-name="H"/></text:p>'
    )
    found = odf(f"<office:text>{body}</office:text>", styles + pages)
    assert (
        dict(found.metadata).items()
        >= {
            "repeated_rows": "1",
            "hidden_passages": "1",
            "tracked_deletions": "1",
            "contents_left_out": "1",
        }.items()
    )
    footer = (
        '<draw:frame presentation:class="footer"><draw:text-box><text:p>Boatyard</text:p></draw:text-box></draw:frame>'
    )
    slide = f"<draw:page>{frame('Text.', '1cm')}{footer}</draw:page>"
    found = odf(f"<office:presentation>{slide}</office:presentation>", suffix=".odp")
    assert dict(found.metadata)["repeated_rows"] == "1"


def test_a_table_of_contents_of_a_book_is_counted() -> None:
    book = epub({"nav": page("<nav>One</nav>"), "a": page("<h1>One</h1><p>Text.</p>")})
    assert cleaned(book, ".epub") == {Cleaning.CONTENTS: 1}


def test_deletions_of_an_old_word_file_are_counted() -> None:
    pytest.importorskip("olefile")
    data = word([Run("Take "), Run("5 kg ", deleted=True), Run("6 kg.\r")])
    assert cleaned(data, ".doc") == {Cleaning.DELETED: 1}


def test_what_is_done_to_the_words_of_a_pdf_is_counted() -> None:
    assert cleaned_in("the \ufb01rst o\ufb03ce, co\u00adop \ufeff\u0001 line\r\nend\x02\ufffe") == {
        Cleaning.LIGATURES: 2,
        Cleaning.INVISIBLE_DROPPED: 3,
    }
    assert cleaned_in("plain\r\nlines\x02") == {}

    def draw(canvas: Canvas) -> None:
        down(canvas, 60, 700, ["One ................................ 3", "Two ................................ 9"])
        down(canvas, 60, 600, ["A word that goes on in the next line of a para-", "graph is put together again here."])

    assert cleaned(drawn(draw), ".pdf") == {Cleaning.HYPHENS_MENDED: 1, Cleaning.LEADERS: 2}


def test_hidden_and_deleted_text_of_rtf_is_counted_by_passage() -> None:
    rtf = rb"{\rtf1 {\header Yard}{\header Yard} Seen {\v un{\b seen}} and {\deleted gone} and {\v \u228?} end\par}"
    assert cleaned(rtf, ".rtf") == {Cleaning.REPEATED_ROWS: 1, Cleaning.HIDDEN: 2, Cleaning.DELETED: 1}


def test_a_child_process_hands_on_what_was_cleaned() -> None:
    with Sandbox() as sandbox:
        assert sandbox.parse(READERS[".html"], PAGE, "page.html").cleaned == {Cleaning.AROUND: 4, Cleaning.HIDDEN: 1}


@pytest.mark.parametrize(
    "told", [[], {"menus": 1}, {"hyphens_mended": 0}, {"hyphens_mended": True}, {"ligatures": "1"}]
)
def test_what_a_child_says_was_cleaned_is_kinds_with_numbers(told: object) -> None:
    with pytest.raises(Garbled, match="what was cleaned is not kinds with numbers"):
        cleaned_of(({"cleaned": told}, b""))


def test_what_is_sent_of_a_document_comes_back() -> None:
    counts = {Cleaning.LEADERS: 3}
    assert cleaned_of(document_frame(Document("a", "text"), counts)) == counts
    assert cleaned_of(({"kind": "unread"}, b"")) == {}
