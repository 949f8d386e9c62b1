"""PDF files made by reportlab: text, structure, pages, and the ways in which a file can refuse."""

import io
import logging
import zlib
from collections.abc import Callable

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    StreamObject,
)
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Table

from rag.corpus.readers import READERS, Content, Unread
from rag.corpus.readers.pdf import pdf as module
from rag.corpus.readers.pdf import streams as pdf_streams
from rag.corpus.readers.pdf.about import About
from rag.corpus.readers.pdf.layout import Words, joined
from rag.corpus.readers.pdf.sheet import Sheet
from rag.corpus.readers.pdf.words import Word, row_of
from rag.datatypes import Document, State

STYLES = getSampleStyleSheet()


def drawn(draw: Callable[[Canvas], None], **settings: object) -> bytes:
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, **settings)
    draw(canvas)
    canvas.save()
    return stream.getvalue()


def pages(*texts: str, **settings: object) -> bytes:
    def draw(canvas: Canvas) -> None:
        for text in texts:
            for number, line in enumerate(text.split("\n")):
                canvas.drawString(72, 750 - 14 * number, line)
            canvas.showPage()

    return drawn(draw, **settings)


def read(data: bytes) -> Document:
    outcome = READERS[".pdf"].read(data, "a.pdf")
    assert isinstance(outcome, Document), outcome
    return outcome


def state(data: bytes) -> State:
    outcome = READERS[".pdf"].read(data, "a.pdf")
    assert isinstance(outcome, Unread), outcome
    assert outcome.reason
    assert "\n" not in outcome.reason
    return outcome.state


def test_each_page_maps_to_its_characters() -> None:
    found = read(pages("First page.\nIts second line.", "", "Third page."))
    assert [page.number for page in found.pages] == [1, 2, 3]
    assert [found.text[page.start : page.end] for page in found.pages] == [
        "First page.\nIts second line.",
        "",
        "Third page.",
    ]
    assert found.page_at(found.text.index("Third")) == 3


def test_a_sentence_goes_on_over_the_end_of_a_page() -> None:
    line = "The pump of the northern station was built in the year of the great flood and it"
    assert read(pages(f"{line}\n{line}", "runs to this day.")).text.endswith("flood and it\nruns to this day.")


def test_sizes_gaps_and_columns_become_structure() -> None:
    stream = io.BytesIO()
    rows = [["Code", "Meaning", "Unit"], ["H01", "belt off centre", "mm"], ["H03", "", "bar"]]
    SimpleDocTemplate(stream, pagesize=A4, title="Dryer").build(
        [
            Paragraph("Dryer manual", STYLES["Title"]),
            Paragraph("The dryer has five zones. " * 12, STYLES["Normal"]),
            Paragraph("Fault codes", STYLES["Heading2"]),
            Table(rows, colWidths=[120, 160, 80]),
            PageBreak(),
            Paragraph("Cleaning", STYLES["Heading2"]),
            Paragraph("Clean the belt once a week with fresh water and a soft brush.", STYLES["Normal"]),
        ]
    )
    found = read(stream.getvalue())
    assert found.title == "Dryer"
    assert found.markup == "markdown"
    assert found.text.startswith("# Dryer manual\n\nThe dryer has five zones. The dryer")
    table = "| Code | Meaning | Unit |\n| --- | --- | --- |\n| H01 | belt off centre | mm |\n| H03 |  | bar |"
    assert f"\n\n## Fault codes\n\n{table}\n\n## Cleaning\n\nClean the belt" in found.text


def bold_and_plain(*rows: str, bold: str = "*") -> bytes:
    """Rows at one size; those that begin with `bold` in bold type, a blank row as a gap."""

    def draw(canvas: Canvas) -> None:
        for number, row in enumerate(rows):
            canvas.setFont("Helvetica-Bold" if row.startswith(bold) else "Helvetica", 10)
            canvas.drawString(72, 750 - 12 * number, row.removeprefix(bold))

    return drawn(draw)


LONG = "The registrant sells machines, spare parts and services in many countries of the world"


def test_lines_in_bold_type_are_headings() -> None:
    found = read(
        bold_and_plain(
            "*Note 2", "*Sales of the year", "", LONG, LONG + ".", "*Services", LONG, "and at home.", LONG + "."
        )
    )
    assert found.text == (
        f"# Note 2 Sales of the year\n\n{LONG}\n{LONG}.\n\n# Services\n\n{LONG}\nand at home.\n{LONG}."
    )


def test_a_covers_large_letters_do_not_rule_the_headings_in_bold() -> None:
    def draw(canvas: Canvas) -> None:
        for number, (size, row) in enumerate(((24, "Yearly report"), (18, "Form 7"), (14, "Quarter ended in June"))):
            canvas.setFont("Helvetica", size)
            canvas.drawString(72, 700 - 40 * number, row)
        for title in ("Sales", "Costs"):
            canvas.showPage()
            for number, row in enumerate((title, LONG, LONG + ".", LONG, LONG + ".")):
                canvas.setFont("Helvetica" if number else "Helvetica-Bold", 10)
                canvas.drawString(72, 750 - 12 * number, row)

    text = read(drawn(draw)).text
    assert [line for line in text.split("\n") if line.startswith("#")] == [
        "# Yearly report", "## Form 7", "### Quarter ended in June", "## Sales", "## Costs",
    ]  # fmt: skip


def test_a_report_in_smaller_letters_than_its_exhibit_keeps_its_headings() -> None:
    def draw(canvas: Canvas) -> None:
        for size, titles in ((8, ("Sales", "Costs")), (9, ("Exhibit one", "Exhibit two"))):
            for title in titles:
                for number, row in enumerate((title, LONG, LONG + ".", *[LONG + " indeed"] * (size - 7))):
                    canvas.setFont("Helvetica" if number else "Helvetica-Bold", size)
                    canvas.drawString(72, 750 - 12 * number, row)
                canvas.showPage()

    text = read(drawn(draw)).text
    headings = [line.lstrip("# ") for line in text.split("\n") if line.startswith("#")]
    assert headings == ["Sales", "Costs", "Exhibit one", "Exhibit two"]


def test_a_number_with_a_few_letters_in_large_type_is_no_heading() -> None:
    rows = (("Receipt", 20), ("*TXN98765202411231432*", 20), (LONG, 10), (LONG + ".", 10))

    def draw(canvas: Canvas) -> None:
        for number, (row, size) in enumerate(rows):
            canvas.setFont("Helvetica", size)
            canvas.drawString(72, 750 - 60 * number, row)

    assert [line for line in read(drawn(draw)).text.split("\n") if line.startswith("#")] == ["# Receipt"]


@pytest.mark.parametrize(
    "rows",
    [
        (LONG, "*and these words are stressed", "but no heading. " + LONG, LONG),  # inside a sentence
        ("*Net sales:", "12 in the north", LONG, LONG),  # a label
        ("*An", "*overlong", "*notice", "*in bold", "", LONG, LONG),  # four lines
        ("*Where all is bold", "", "*" + LONG, "*" + LONG, "", LONG),
    ],
)
def test_bold_type_is_no_heading_inside_a_sentence_or_where_much_is_bold(rows: tuple[str, ...]) -> None:
    assert "#" not in read(bold_and_plain(*rows)).text


def test_lines_of_one_paragraph_stay_together_and_others_do_not() -> None:
    def draw(canvas: Canvas) -> None:
        for y, line in (
            (700, "One line"),
            (686, "and the next."),
            (650, "Another paragraph"),
            (636, "with two lines."),
        ):
            canvas.drawString(72, y, line)

    assert read(drawn(draw)).text == "One line\nand the next.\n\nAnother paragraph\nwith two lines."


def test_words_that_stand_alone_are_put_together_to_lines() -> None:
    def draw(canvas: Canvas) -> None:
        for y in (700, 686, 672):
            x = 72.0
            for word in ("every", "word", "is", "placed", "by", "itself"):
                canvas.drawString(x, y, word)
                x += canvas.stringWidth(word + " ")

    assert read(drawn(draw)).text == "\n".join(["every word is placed by itself"] * 3)


@pytest.mark.parametrize(
    ("gap", "shown"), [(-195, "wait for high tide"), (-334, "wait for high tide"), (-90, "waitforhightide")]
)
def test_words_stay_apart_where_a_font_has_no_space(gap: int, shown: str) -> None:
    data = typeset(["wait", "for", "high", "tide"], gap)
    assert read(data).text == shown


def test_a_damaged_font_does_not_cost_the_file() -> None:
    assert read(typeset(["wait"], -195, damaged=True)).text == "wait"


def typeset(words: list[str], gap: int, *, damaged: bool = False) -> bytes:
    """A page as TeX makes them: glyphs by number, moves between words, and at the number of the space a wide glyph."""
    writer = PdfWriter()
    page = writer.add_blank_page(400, 200)
    letters = DecodedStreamObject()
    letters.set_data(
        b"1 begincodespacerange <0000> <ffff> endcodespacerange 1 beginbfrange <0061> <007a> <0061> endbfrange"
    )
    name, number = NameObject, NumberObject
    glyphs = DictionaryObject(
        {
            name("/Type"): name("/Font"),
            name("/Subtype"): name("/CIDFontType2"),
            name("/BaseFont"): name("/ABCDEF+Charis"),
            name("/W"): ArrayObject([number(32), number(32), number(1000), number(97), number(122), number(500)]),
        }
    )
    font = DictionaryObject(
        {
            name("/Type"): name("/Font"),
            name("/Subtype"): name("/Type0"),
            name("/BaseFont"): name("/ABCDEF+Charis"),
            name("/Encoding"): name("/Identity-H"),
            name("/DescendantFonts"): ArrayObject([] if damaged else [glyphs]),
            name("/ToUnicode"): writer._add_object(letters),
        }
    )
    page[name("/Resources")] = DictionaryObject({name("/Font"): DictionaryObject({name("/F1"): font})})
    shown = f" {gap} ".join(f"<{word.encode('utf-16-be').hex()}>" for word in words)
    content = DecodedStreamObject()
    content.set_data(f"BT /F1 12 Tf 50 100 Td [{shown}] TJ ET".encode())
    page[name("/Contents")] = writer._add_object(content)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def test_dots_that_lead_to_a_page_number_are_left_out() -> None:
    assert read(pages("8.1 Tides " + ". " * 40 + "117")).text == "8.1 Tides … 117"
    assert read(pages("And so on . . . it went.")).text == "And so on . . . it went."


def test_a_page_with_such_dots_keeps_its_headings() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 20)
        canvas.drawString(72, 760, "Contents")
        canvas.setFont("Helvetica", 11)
        for line in range(12):
            canvas.drawString(72, 720 - 14 * line, f"8.{line} Tides and their tables " + ". " * 20 + str(line))

    assert read(drawn(draw)).text.startswith("# Contents\n\n8.0 Tides")


def test_repeated_headers_and_footers_are_kept_once() -> None:
    texts = [f"ACME manual\nText number {number} of the book.\nPage {number}" for number in range(1, 7)]
    text = read(pages(*texts)).text
    assert text.count("ACME manual") == text.count("\nPage ") == 1
    assert text.count("of the book") == 6


def test_headers_that_differ_on_left_and_right_pages_are_kept_once() -> None:
    heads = [f"{number} Harbour board" if number % 2 == 0 else f"Tides of 2023 {number}" for number in range(3, 12)]
    texts = ["Cover.", "Imprint.", *(f"{head}\nSome {at * 31} words of the book." for at, head in enumerate(heads))]
    text = read(pages(*texts)).text
    assert text.count("Harbour board") == text.count("Tides of 2023") == 1
    assert text.count("of the book") == 9


def test_lines_that_only_resemble_each_other_are_kept() -> None:
    texts = [f"Example\nThe total of this page is {number * 17}.\n{number * 31} EUR" for number in range(1, 7)]
    text = read(pages(*texts)).text
    assert text.count("The total of") == text.count(" EUR") == 6


def test_a_page_of_nothing_but_a_repeated_line_keeps_it() -> None:
    assert read(pages(*["The same."] * 4)).text.count("The same.") == 4


def test_the_repeated_header_of_a_table_is_kept() -> None:
    def draw(canvas: Canvas) -> None:
        for page in range(4):
            for row, cells in enumerate((("Code", "Meaning"), (f"H{page}", "hot"), (f"C{page}", "cold"))):
                for column, cell in enumerate(cells):
                    canvas.drawString(72 + 200 * column, 750 - 20 * row, cell)
            canvas.showPage()

    assert read(drawn(draw)).text.count("| Code | Meaning |") == 4


def test_markup_in_the_text_is_no_structure() -> None:
    assert read(pages("# 12 bolts")).text == "\\# 12 bolts"


@pytest.mark.parametrize("title", ["untitled", "Microsoft Word - a", "report.docx", "(anonymous)", "  ", "---"])
def test_a_title_that_a_program_made_up_is_left_out(title: str) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setTitle(title)
        canvas.drawString(72, 700, "Text.")

    assert read(drawn(draw)).title == ""


def test_a_file_with_an_empty_password_is_read() -> None:
    data = pages("Secret.", encrypt=StandardEncryption("", "owner", canPrint=0))
    assert PdfReader(io.BytesIO(data)).is_encrypted
    assert read(data).text == "Secret."


def test_a_file_with_a_password_is_encrypted() -> None:
    assert state(pages("Secret.", encrypt=StandardEncryption("user", "owner"))) is State.ENCRYPTED


def test_pages_without_text_need_ocr() -> None:
    def letters(canvas: Canvas) -> None:
        for number in range(100):
            canvas.rect(72 + 3 * number, 72, 2, 8)

    assert state(drawn(letters)) is State.NEEDS_OCR
    assert state(drawn(lambda canvas: canvas.rect(72, 72, 100, 100))) is State.EMPTY  # a frame says nothing


def test_a_file_without_pages_is_empty() -> None:
    stream = io.BytesIO()
    PdfWriter().write(stream)
    assert state(stream.getvalue()) is State.EMPTY


def test_fonts_without_characters_need_ocr() -> None:
    unknown = tuple(Word("\ue001\ue002\ufffd", 72, 90, 700 - 12 * line, 10) for line in range(9))
    known = tuple(Word("Some text.", 72, 120, 700 - 12 * line, 10) for line in range(9))
    outcome = module._content([Sheet((unknown,), drawn=True)], About())
    assert isinstance(outcome, Unread)
    assert outcome.state is State.NEEDS_OCR
    mixed = module._content([Sheet((known,)), Sheet((unknown,)), Sheet((unknown,)), Sheet((known,))], About())
    assert isinstance(mixed, Content)
    assert [page.state for page in mixed.pages] == [None, State.NEEDS_OCR, State.NEEDS_OCR, None]


@pytest.mark.parametrize("keep", [9, 200, 700, -300, -20])
def test_a_truncated_file_ends_in_a_state_and_writes_nothing(
    keep: int, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    level = logging.getLogger("pypdf").level
    assert READERS[".pdf"].read(pages("Some text.")[:keep], "a.pdf")
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert logging.getLogger("pypdf").level == level


@pytest.mark.parametrize(
    "error", [RecursionError("deep"), KeyError("/Root"), ZeroDivisionError("x"), AttributeError("a\nb")]
)
def test_what_pypdf_raises_on_damage_is_named_and_costs_no_text(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_arguments: object, **_settings: object) -> str:
        raise error

    monkeypatch.setattr("pypdf.PdfReader.outline", property(failing))
    found = read(pages("Text."))
    assert found.text == "Text."
    assert dict(found.metadata)["not_read"] == "its outline"


def test_flipped_bytes_never_escape_as_exceptions() -> None:
    data = bytearray(pages("Some text on a page.", "And on another."))
    for at in range(0, len(data), 23):
        damaged = data.copy()
        damaged[at] ^= 0x15
        assert READERS[".pdf"].read(bytes(damaged), "a.pdf")


def test_chinese_lines_are_put_together_again() -> None:
    lines = [
        "海棠烘干线的操作手册先打开排湿风门再启动",
        "风机最后启动热泵并且记录在交接班本上面",
        "每班结束。",
        "1. 打开风门",
    ]
    rows = [row_of([Word(line, 72, 400, 700 - 14 * number, 10)]) for number, line in enumerate(lines)]
    assert (
        joined(rows, Words([rows]))
        == "海棠烘干线的操作手册先打开排湿风门再启动风机最后启动热泵并且记录在交接班本上面每班结束。\n1. 打开风门"
    )


def compressed(content: bytes) -> bytes:
    """A page whose content is that, deflated."""
    writer = PdfWriter()
    page = writer.add_blank_page(400, 200)
    stream = StreamObject()
    stream._data = zlib.compress(content, 1)
    stream[NameObject("/Filter")] = NameObject("/FlateDecode")
    page[NameObject("/Contents")] = writer._add_object(stream)
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def test_a_stream_that_inflates_without_end_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_streams, "MOST_INFLATED", 10_000)
    assert state(compressed(b" " * 20_000)) is State.TOO_LARGE
    assert state(compressed(b" " * 9_000)) is State.EMPTY
    monkeypatch.setattr(pdf_streams, "MOST_OF_ALL", 8_000)
    assert state(compressed(b" " * 9_000)) is State.TOO_LARGE


def built(*objects: bytes) -> bytes:
    """A file of these objects, the first its root, without a table of where they are."""
    bodies = b"".join(b"%d 0 obj %s endobj\n" % (number, body) for number, body in enumerate(objects, start=1))
    return b"%%PDF-1.7\n%s\ntrailer <</Root 1 0 R /Size %d>>\n%%%%EOF" % (bodies, len(objects) + 1)


@pytest.mark.parametrize(
    "objects",
    [
        (b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 3>>"),
        (b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 2>>", b"<</Type/Page/Parent 3 0 R>>"),
        (b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 999999999>>", b"<</Type/Page>>"),
        (b"<</Type/Catalog/Pages 2 0 R/Outlines 1 0 R/Names 1 0 R/AcroForm 1 0 R>>", b"<</Type/Pages/Kids[]/Count 1>>"),
        (b"<</Type/Catalog/Pages 2 0 R/X " + b"[" * 20_000 + b"]" * 20_000 + b">>", b"<</Type/Pages/Kids[]>>"),
    ],
)
def test_loops_and_lies_about_pages_end_in_a_state(objects: tuple[bytes, ...]) -> None:
    assert state(built(*objects)) in (State.FAILED, State.EMPTY, State.TOO_LARGE)


@pytest.mark.parametrize("box", [(0, 0, 0, 0), (-1e30, -1e30, 1e30, 1e30), (5, 5, 5, 900)])
def test_a_page_of_absurd_dimensions_is_read(box: tuple[float, ...]) -> None:
    def change(writer: PdfWriter) -> None:
        writer.pages[0][NameObject("/MediaBox")] = ArrayObject([FloatObject(edge) for edge in box])

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pages("Some text."))))
    change(writer)
    written = io.BytesIO()
    writer.write(written)
    outcome = READERS[".pdf"].read(written.getvalue(), "a.pdf")
    assert isinstance(outcome, Document) or outcome.reason


def test_a_file_whose_pages_lie_at_other_places_than_it_says_is_read() -> None:
    data = pages("Some text.")
    at = data.rindex(b"startxref") + 10
    assert read(data[:at] + b"9" + data[at:]).text == "Some text."
