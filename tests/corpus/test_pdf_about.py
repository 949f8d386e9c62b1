"""What a PDF holds beside its text: properties, outline, labels, forms, comments, attachments, passwords, scans."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import FreeText, Highlight, Text
from pypdf.constants import PageLabelStyle
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    RectangleObject,
    TextStringObject,
)
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from rag.corpus.cleaned import Cleaning
from rag.corpus.readers import READERS, Aid, Content, Unread
from rag.corpus.readers.pdf.about import About, about
from rag.corpus.readers.pdf.pdf import parse_pdf
from rag.corpus.readers.pdf.scan import Look, Picture
from rag.corpus.readers.pictures.ocr_places import Placed
from rag.corpus.sandbox.limits import Limits
from rag.corpus.sandbox.pool import Sandbox
from rag.datatypes import Document, State, place_at
from tests.corpus.misbehaving import READERS as MISBEHAVING


def drawn(draw: Callable[[Canvas], None]) -> bytes:
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    draw(canvas)
    canvas.save()
    return stream.getvalue()


def written(*texts: str) -> bytes:
    def draw(canvas: Canvas) -> None:
        for text in texts:
            for number, line in enumerate(text.split("\n")):
                canvas.drawString(72, 750 - 14 * number, line)
            canvas.showPage()

    return drawn(draw)


def changed(data: bytes, change: Callable[[PdfWriter], Any]) -> bytes:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    change(writer)
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


def content(data: bytes, **given: Any) -> Content:
    found = parse_pdf(data, "a.pdf", **given)
    assert isinstance(found, Content), found
    return found


def test_properties_are_metadata() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setTitle("Yearbook of the harbour")
        canvas.setAuthor("海棠 Müller")
        canvas.setSubject("Tides")
        canvas.setKeywords(["kelp", "crane"])
        canvas.drawString(72, 700, "Text.")

    told = dict(content(drawn(draw)).metadata)
    assert told.pop("created")[:2] == "20"
    assert told == {
        "title": "Yearbook of the harbour", "author": "海棠 Müller", "subject": "Tides", "keywords": "kelp, crane",
    }  # fmt: skip


def test_titles_of_the_outline_are_headings_at_their_depth() -> None:
    def draw(canvas: Canvas) -> None:
        rows = [
            ("Tides", 0),
            ("They come and go, as everybody knows.", None),
            ("Neap tides", 1),
            ("They are low.", None),
        ]
        for number, (text, depth) in enumerate(rows):
            canvas.drawString(72, 700 - 14 * number, text)
            if depth is not None:
                canvas.bookmarkPage(text)
                canvas.addOutlineEntry(f"{number + 1}. {text}", text, depth)
        canvas.showPage()
        canvas.drawString(72, 700, "Tides")
        canvas.drawString(72, 686, "are not named by the outline here.")

    text = content(drawn(draw)).text
    assert text.startswith(
        "# Tides\n\nThey come and go, as everybody knows.\n\n## Neap tides\n\nThey are low.\n\nTides\n"
    )


def test_a_page_is_called_what_a_viewer_calls_it() -> None:
    def change(writer: PdfWriter) -> None:
        writer.set_page_label(0, 1, PageLabelStyle.LOWERCASE_ROMAN)
        writer.set_page_label(2, 2, PageLabelStyle.DECIMAL)

    data = changed(written("Preface.", "Contents.", "Chapter."), change)
    found = content(data)
    assert [page.label for page in found.pages] == ["page i (1 of 3)", "page ii (2 of 3)", "page 1 (3 of 3)"]
    assert place_at(found.pages, found.text.index("Chapter")) == "page 1 (3 of 3)"
    assert found.pages[2].number == 3


def test_values_of_a_form_are_read_at_the_end_of_their_page_and_passwords_are_not() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 720, "Name")
        form = canvas.acroForm
        form.textfield(name="name", tooltip="Name of the ship", value="Nordlicht", x=150, y=710)
        form.textfield(name="empty", value="", x=150, y=680)
        form.textfield(name="secret", value="hunter2", fieldFlags="password", x=150, y=650)
        form.checkbox(name="insured", checked=True, x=150, y=620)
        form.checkbox(name="leaking", checked=False, x=150, y=600)
        form.choice(name="berth", value="North", options=["North", "South"], x=150, y=560)
        canvas.showPage()
        canvas.drawString(72, 720, "Second page")

    found = content(drawn(draw))
    first = found.text[: found.pages[0].end]
    assert first == "Name\n\n- Name of the ship: Nordlicht\n- insured: yes\n- berth: North"
    assert "hunter2" not in found.text


def test_comments_are_read_with_what_they_are_about() -> None:
    def change(writer: PdfWriter) -> None:
        writer.add_annotation(0, Text(rect=(50, 550, 200, 650), text="Ask the pilot."))
        quad = [FloatObject(number) for number in (72, 762, 160, 762, 72, 747, 160, 747)]
        marked = Highlight(rect=(72, 747, 160, 762), quad_points=ArrayObject(quad))
        marked[NameObject("/Contents")] = TextStringObject("Is that so?")
        marked[NameObject("/T")] = TextStringObject("Saoirse")
        writer.add_annotation(0, marked)
        writer.add_annotation(1, FreeText(text="# Not yet", rect=(50, 550, 200, 650)))
        hidden = Text(rect=(50, 550, 200, 650), text="Nobody sees this.")
        hidden[NameObject("/F")] = NumberObject(2)
        writer.add_annotation(1, hidden)

    found = content(changed(written("High water\nat nine.", "Low water."), change))
    first, second = (found.text[page.start : page.end] for page in found.pages)
    assert first == (
        "High water\nat nine.\n\n- Comment: Ask the pilot.\n- Comment by Saoirse on “High water”: Is that so?"
    )
    assert second == "Low water.\n\n- Comment: # Not yet"


def test_attachments_are_members_and_one_too_many_comes_without_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(writer: PdfWriter) -> None:
        writer.add_attachment("Gezeiten über.csv", b"hour,height\n9,4.2\n")
        writer.add_attachment("../../etc/passwd", b"root")

    data = changed(written("Text."), change)
    assert {member.name: member.data for member in content(data).members} == {
        "Gezeiten über.csv": b"hour,height\n9,4.2\n",
        "passwd": b"root",
    }
    monkeypatch.setattr("rag.corpus.readers.pdf.about.MOST_BYTES", 10)
    assert all(member.data in (b"", b"root") for member in content(data).members)


def test_a_file_opens_with_one_of_the_passwords() -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(written("Secret."))))
    writer.add_metadata({"/Title": "Of the harbour"})
    writer.encrypt("naïve", "owner", algorithm="RC4-128")
    stream = io.BytesIO()
    writer.write(stream)
    data = stream.getvalue()
    without = parse_pdf(data, "a.pdf")
    assert isinstance(without, Unread)
    assert (without.state, without.reason) == (State.ENCRYPTED, "needs a password")
    wrong = parse_pdf(data, "a.pdf", Aid(("wrong",)))
    assert isinstance(wrong, Unread)
    assert wrong.reason == "none of the passwords given opens it"
    found = content(data, aid=Aid(("wrong", "naïve")))
    assert (found.text, found.title) == ("Secret.", "Of the harbour")


def scanned(canvas: Canvas) -> None:
    """A page of shapes, as many as letters have."""
    for number in range(60):
        canvas.circle(100 + 5 * number, 500, 3, fill=1)
    canvas.showPage()


def mixed(canvas: Canvas) -> None:
    for text in ("One.", "", "", "Four."):
        if text:
            canvas.drawString(72, 700, text)
            canvas.showPage()
        else:
            scanned(canvas)
    canvas.showPage()


def test_pages_to_be_looked_at_are_named_beside_the_text_of_the_others() -> None:
    found = content(drawn(mixed))
    assert "One." in found.text
    assert "Four." in found.text
    assert [page.state for page in found.pages] == [None, State.NEEDS_OCR, State.NEEDS_OCR, None, None]
    assert [page.start == page.end for page in found.pages] == [False, True, True, False, True]


def test_a_recogniser_is_given_the_pages_without_text_and_its_words_stand_on_them() -> None:
    seen: list[Picture] = []

    def recogniser(picture: Picture) -> Look:
        seen.append(picture)
        return Look([Placed("Seen ", "at the top"), Placed("words", "at the foot")], illegible=2)

    found = content(drawn(mixed), recogniser=recogniser)
    assert len(seen) == 2
    assert seen[0].pixels.shape[2] == 3
    assert abs(seen[0].pixels.shape[1] - A4[0] * seen[0].scale) < 2
    assert np.any(seen[0].pixels < 50)
    assert [(found.text[page.start : page.end], page.number, page.label) for page in found.pages] == [
        ("One.", 1, ""),
        ("Seen ", 2, "page 2 at the top"),
        ("words", 2, "page 2 at the foot"),
        ("Seen ", 3, "page 3 at the top"),
        ("words", 3, "page 3 at the foot"),
        ("Four.", 4, ""),
        ("", 5, ""),
    ]
    assert all(page.state is None for page in found.pages)
    told = dict(found.metadata)
    assert (told["recognised"], found.cleaned) == ("2-3", {Cleaning.NOT_LEGIBLE: 4})


class Begun:
    """Listens to a parser, and passes over some pages."""

    def __init__(self, **passed_over: State) -> None:
        self.passed_over = {int(name.removeprefix("page")): state for name, state in passed_over.items()}
        self.heard: list[int] = []

    def __call__(self, page: int, _count: int) -> State | None:
        self.heard.append(page)
        return self.passed_over.get(page)


def test_each_page_is_told_before_it_is_read_and_before_it_is_laid_out() -> None:
    begin = Begun()
    assert content(written("One.", "Two."), aid=Aid(begin=begin)).text == "One.\n\nTwo."
    assert begin.heard == [1, 2, 0, 1, 2]


def test_pages_that_are_passed_over_have_their_state_and_the_others_their_text() -> None:
    begin = Begun(page2=State.FAILED, page3=State.TOO_LARGE)
    found = content(written("One.", "Two.", "Three.", "Four."), aid=Aid(begin=begin))
    assert [page.state for page in found.pages] == [None, State.FAILED, State.TOO_LARGE, None]
    assert found.text.split() == ["One.", "Four."]


def test_no_more_than_so_many_pages_are_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.corpus.readers.pdf.pdf.MOST_RECOGNISED", 1)
    found = content(drawn(mixed), recogniser=lambda _picture: Look([Placed("Seen.", "at the top")]))
    assert [page.state for page in found.pages] == [None, None, State.TOO_LARGE, None, None]
    assert found.text.split() == ["One.", "Seen.", "Four."]

    def scans(canvas: Canvas) -> None:
        scanned(canvas)
        scanned(canvas)

    outcome = parse_pdf(drawn(scans), "a.pdf", recogniser=lambda _picture: Look(()))
    assert isinstance(outcome, Unread)
    assert (outcome.state, outcome.fix) == (State.TOO_LARGE, "split it into smaller files")
    assert outcome.reason == "no text on the first of its 2 pages, and the others are too many to look at"


def test_a_scan_takes_as_long_as_its_pages_do_and_one_that_hangs_costs_itself() -> None:
    def scans(canvas: Canvas) -> None:
        for number in range(8):
            canvas.setFillGray(1 if number == 5 else 0)
            canvas.setStrokeGray(1 if number == 5 else 0)
            scanned(canvas)

    with Sandbox(Limits(seconds=3), ["tests.corpus.misbehaving"]) as sandbox:
        found = sandbox.parse(MISBEHAVING[".scan"], drawn(scans), "a.scan").outcome
    assert isinstance(found, Document), found
    assert found.text.split() == ["Seen."] * 7
    assert [page.number for page in found.pages if page.state is State.FAILED] == [6]


def test_a_note_on_a_page_that_is_looked_at_is_kept() -> None:
    noted = changed(drawn(scanned), lambda writer: writer.add_annotation(0, Text(rect=(0, 0, 9, 9), text="Too dark.")))
    found = content(noted, recogniser=lambda _picture: Look([Placed("Seen", "at the top")]))
    assert found.text == "Seen\n\n- Comment: Too dark."


def test_links_alone_are_no_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(canvas: Canvas) -> None:
        for number in range(3):
            canvas.drawString(72, 700, f"Page {number}.")
            canvas.linkURL("https://example.org", (72, 690, 200, 710))
            canvas.showPage()

    asked: list[set[int]] = []

    def watched(data: bytes, annotated: set[int]) -> About:
        asked.append(annotated)
        return about(data, annotated)

    monkeypatch.setattr("rag.corpus.readers.pdf.pdf.about", watched)
    content(drawn(draw))
    content(changed(drawn(draw), lambda writer: writer.add_annotation(1, Text(rect=(0, 0, 9, 9), text="Why?"))))
    assert asked == [set(), {2}]


def test_pictures_without_text_are_empty_once_they_are_looked_at() -> None:
    outcome = parse_pdf(drawn(scanned), "a.pdf", recogniser=lambda _picture: Look(()))
    assert outcome == Unread(State.EMPTY, "none of its 1 pages holds text, and none is recognised on them")


def test_repeated_headers_are_counted() -> None:
    texts = [f"ACME manual\nText number {number} of the book.\nPage {number}" for number in range(1, 7)]
    assert content(written(*texts)).cleaned == {Cleaning.REPEATED_ROWS: 10}


def test_blank_pages_are_empty() -> None:
    found = READERS[".pdf"].read(drawn(lambda canvas: canvas.showPage()), "a.pdf")
    assert isinstance(found, Unread)
    assert (found.state, found.reason) == (State.EMPTY, "its pages are blank")


def test_javascript_and_links_are_neither_run_nor_read() -> None:
    def change(writer: PdfWriter) -> None:
        writer.add_uri(0, "https://example.com/", RectangleObject((0, 0, 100, 100)))
        script = DictionaryObject({NameObject("/S"): NameObject("/JavaScript")})
        script[NameObject("/JS")] = TextStringObject("while (true) {}")
        writer._root_object[NameObject("/OpenAction")] = script

    assert content(changed(written("Text."), change)).text == "Text."
