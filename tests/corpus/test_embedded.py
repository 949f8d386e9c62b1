"""Pictures inside of office files and books: which of them are looked at, and where their text stands."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import docx
import pptx
import pytest

from rag.corpus.readers import READERS, Aid, Content, Unread
from rag.corpus.readers.office.docx import parse_docx
from rag.corpus.readers.office.epub import parse_epub
from rag.corpus.readers.office.odf import parse_odf
from rag.corpus.readers.office.pptx import parse_pptx
from rag.corpus.readers.pictures import embedded
from rag.corpus.readers.pictures.embedded import Pictures
from rag.datatypes import Document, Page, State, place_at
from tests.corpus.packed import packed

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
INSTALL = 'python -m pip install "rag[ocr]"'
PROSE = "The ferry to the outer isles leaves the pier at half past seven in the morning."


def picture(shade: int = 0, side: int = 64) -> bytes:
    """A noisy PNG of some 12 KB, whose upper left corner tells it from others."""
    found = Image.effect_noise((side, side), 90).convert("RGB")
    found.putpixel((0, 0), (shade, 1, 2))
    stream = io.BytesIO()
    found.save(stream, "PNG")
    return stream.getvalue()


def read_by_shade(data: bytes, _path: str) -> Content | Unread:
    """Reads "Seen 3." on the picture of shade 3; nothing on that of shade 0, which no text is on."""
    shade = Image.open(io.BytesIO(data)).getpixel((0, 0))[0]
    return Content(f"Seen {shade}.\n") if shade else Unread(State.EMPTY, "no text is seen on it")


def deck(*slides: tuple[str, list[bytes]]) -> bytes:
    """A deck of slides, each of a title and pictures."""
    made = pptx.Presentation()
    for title, pictures in slides:
        slide = made.slides.add_slide(made.slide_layouts[5])
        slide.shapes.title.text = title
        for number, data in enumerate(pictures):
            slide.shapes.add_picture(io.BytesIO(data), 0, 2_000_000 * (number + 1))
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


def document(*blocks: str | bytes) -> bytes:
    made = docx.Document()
    for block in blocks:
        made.add_paragraph(block) if isinstance(block, str) else made.add_picture(io.BytesIO(block))
    stream = io.BytesIO()
    made.save(stream)
    return stream.getvalue()


ODF = "urn:oasis:names:tc:opendocument:xmlns:"
HEAD = (
    f'<office:document-content xmlns:office="{ODF}office:1.0" xmlns:text="{ODF}text:1.0" xmlns:draw="{ODF}drawing:1.0" '
    f'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:svg="{ODF}svg-compatible:1.0"><office:body>'
)


def open_document(body: str, **pictures: bytes) -> bytes:
    parts = {f"Pictures/{name}.png": data for name, data in pictures.items()}
    return packed({"content.xml": f"{HEAD}{body}</office:body></office:document-content>", **parts})


def frame(name: str) -> str:
    return f'<draw:frame><draw:image xlink:href="Pictures/{name}.png"/></draw:frame>'


def book(*chapters: str, **pictures: bytes) -> bytes:
    names = [f"c{number}" for number in range(len(chapters))]
    items = "".join(f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>' for name in names)
    spine = "".join(f'<itemref idref="{name}"/>' for name in names)
    return packed({
        "META-INF/container.xml": '<container><rootfiles><rootfile full-path="b.opf"/></rootfiles></container>',
        "b.opf": f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{items}</manifest><spine>{spine}</spine>'
        "</package>",
        **{f"{name}.xhtml": f"<html><body>{text}</body></html>" for name, text in zip(names, chapters, strict=True)},
        **{f"{name}.png": data for name, data in pictures.items()},
    })  # fmt: skip


Parse = Callable[..., Content | Unread]


def content(parse: Parse, data: bytes, pictures: Pictures | None = None) -> Content:
    found = parse(data, "a", pictures or Pictures(read_by_shade))
    assert isinstance(found, Content), found
    return found


# ---------------------------------------------------------------- where the text stands


def test_a_slide_of_pictures_says_what_is_read_on_them() -> None:
    data = deck(("Timetable", []), ("", [picture(1), picture(2)]), (PROSE, [picture(3)]))
    found = content(parse_pptx, data)
    assert "Seen 1.\n\nSeen 2." in found.text
    assert place_at(found.pages, found.text.index("Seen 1.")) == "slide 2"
    assert "Seen 3." not in found.text  # beside text, a picture is an illustration
    assert [page.state for page in found.pages] == [None] * 3


def test_notes_of_a_slide_do_not_stand_for_its_text() -> None:
    made = pptx.Presentation(io.BytesIO(deck(("", [picture(1)]))))
    made.slides[0].notes_slide.notes_text_frame.text = PROSE
    stream = io.BytesIO()
    made.save(stream)
    text = content(parse_pptx, stream.getvalue()).text
    assert text.index("Seen 1.") < text.index("## Notes") < text.index(PROSE)


def test_the_background_of_a_slide_may_be_its_text() -> None:
    made = pptx.Presentation(io.BytesIO(deck(("", [picture(1)]))))
    slide = made.slides[0]
    shape = slide.shapes[-1]
    identity = shape._element.blip_rId
    shape._element.getparent().remove(shape._element)
    slide.background.fill.solid()
    properties = slide.background._cSld.bg.bgPr
    properties.remove(properties[0])
    space = "http://schemas.openxmlformats.org/drawingml/2006/main"
    fill = properties.makeelement(f"{{{space}}}blipFill")
    blip = properties.makeelement(f"{{{space}}}blip")
    blip.set("{http://schemas.openxmlformats.org/officeDocument/2006/relationships}embed", identity)
    fill.append(blip)
    properties.insert(0, fill)
    stream = io.BytesIO()
    made.save(stream)
    assert "Seen 1." in content(parse_pptx, stream.getvalue()).text


def test_pasted_scans_stand_where_they_are_in_a_document() -> None:
    found = content(parse_docx, document("Annex A", picture(1), "Annex B", picture(2)))
    assert found.text.split("\n\n") == ["Annex A", "Seen 1.", "Annex B", "Seen 2.\n"]
    assert found.pages == ()


def test_pictures_of_a_document_with_text_are_left_out() -> None:
    assert "Seen" not in content(parse_docx, document(PROSE, picture(1))).text
    assert "Seen" not in content(parse_odf, open_document(f"<office:text><text:p>{PROSE}</text:p></office:text>")).text


def test_open_document_texts_and_slides_are_the_same() -> None:
    text = f"<office:text><text:p>Annex</text:p><text:p>{frame('one')}</text:p></office:text>"
    assert content(parse_odf, open_document(text, one=picture(1))).text == "Annex\n\nSeen 1.\n"
    slides = f"<office:presentation><draw:page>{frame('one')}</draw:page></office:presentation>"
    found = content(parse_odf, open_document(slides, one=picture(1)))
    assert found.text == "# Slide 1\n\nSeen 1.\n"
    assert place_at(found.pages, found.text.index("Seen")) == "slide 1"


def test_a_book_of_pictures_is_read_and_a_cover_is_not() -> None:
    pages = ['<img src="a.png"/>', '<svg><image xlink:href="b.png"/></svg>', f"<p>{PROSE}</p>"]
    pages[1] = pages[1].replace("<svg>", '<svg xmlns:xlink="http://www.w3.org/1999/xlink">')
    pictures = {"a": picture(1), "b": picture(2)}
    found = content(parse_epub, book(*pages, **pictures))
    assert [found.text[page.start : page.end].strip() for page in found.pages] == ["Seen 1.", "Seen 2.", PROSE]
    assert [page.label for page in found.pages] == ["chapter 1", "chapter 2", "chapter 3"]
    assert "Seen" not in content(parse_epub, book(*pages, f"<h1>Two</h1><p>{PROSE}</p>", **pictures)).text


# ---------------------------------------------------------------- what is not looked at


@pytest.mark.parametrize(
    ("suffix", "data"),
    [
        (".pptx", deck(("", [picture(1)]))),
        (".docx", document(picture(1))),
        (".odt", open_document(f"<office:text><text:p>{frame('a')}</text:p></office:text>", a=picture(1))),
        (".odp", open_document(f"<office:presentation><draw:page>{frame('a')}</draw:page></office:presentation>",
                               a=picture(1))),
        (".epub", book('<img src="a.png"/>', a=picture(1))),
    ],
)  # fmt: skip
def test_without_the_extra_the_command_that_installs_it_is_named(
    suffix: str, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.corpus.readers.pictures.ocr_extra.find_spec", lambda _name: None)
    outcome = READERS[suffix].read(data, f"a{suffix}")
    assert isinstance(outcome, Unread), outcome
    assert (outcome.state, outcome.fix) == (State.NEEDS_OCR, INSTALL)
    assert "nothing but pictures" in outcome.reason


def test_without_the_extra_places_beside_others_are_named() -> None:
    found = content(parse_pptx, deck((PROSE, []), ("", [picture(1)])), Pictures())
    assert [page.state for page in found.pages] == [None, State.NEEDS_OCR]
    found = content(parse_docx, document("Annex A", picture(1)), Pictures())
    assert found.pages == (Page(1, len(found.text), len(found.text), "pictures", State.NEEDS_OCR),)
    pages = ['<img src="a.png"/>', '<img src="a.png"/>', f"<p>{PROSE}</p>"]
    found = content(parse_epub, book(*pages, a=picture(1)), Pictures())
    assert [page.state for page in found.pages] == [State.NEEDS_OCR, State.NEEDS_OCR, None]


def test_pictures_without_a_word_are_an_empty_file() -> None:
    outcome = parse_pptx(deck(("", [picture()])), "a", Pictures(read_by_shade))
    why = "its slides hold nothing but pictures, on which no text is recognised"
    assert outcome == Unread(State.EMPTY, why)
    assert content(parse_docx, document(picture())).text == ""  # which `Reader.open` calls empty


def test_icons_and_drawings_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LEAST_BYTES", 100_000)
    assert isinstance(parse_pptx(deck(("", [picture(1)])), "a", Pictures(read_by_shade)), Unread)
    monkeypatch.setattr(embedded, "LEAST_BYTES", 0)
    monkeypatch.setattr(embedded, "SUFFIXES", (".jpg",))
    assert content(parse_docx, document(picture(1))).text == ""


def test_no_more_than_so_many_pictures_are_read_and_a_repeated_one_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "MOST_PICTURES", 2)
    one, two, three = picture(1), picture(2), picture(3)
    found = content(parse_pptx, deck(("", [one]), ("", [one]), ("", [two]), ("", [three])))
    assert [page.state for page in found.pages] == [None, None, None, State.TOO_LARGE]
    assert found.text.count("Seen 1.") == 2


def test_a_picture_that_is_too_large_or_damaged_is_the_state_of_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(_data: bytes, _path: str) -> Unread:
        return Unread(State.FAILED, "damaged picture")

    data = deck(("Timetable", []), ("", [picture(1)]))
    assert [page.state for page in content(parse_pptx, data, Pictures(damaged)).pages] == [None, State.FAILED]
    monkeypatch.setattr(embedded, "MOST_BYTES", 1000)
    assert [page.state for page in content(parse_pptx, data).pages] == [None, State.TOO_LARGE]


def test_each_picture_is_told_before_it_is_read_and_may_be_passed_over() -> None:
    heard: list[int] = []

    def begin(number: int, _count: int) -> State | None:
        heard.append(number)
        return State.FAILED if number == 2 else None

    data = document(picture(1), picture(2), picture(3))
    found = content(parse_docx, data, Pictures(read_by_shade, Aid(begin=begin)))
    assert heard == [1, 2, 3]
    assert found.text == "Seen 1.\n\nSeen 3.\n"
    assert [page.state for page in found.pages] == [State.FAILED]


@pytest.mark.parametrize("kind", ["pptx", "docx"])
def test_a_real_picture_of_text_is_read(kind: str) -> None:
    pytest.importorskip("rapidocr", reason="the extra ocr is not installed")
    from PIL import ImageDraw, ImageFont

    drawn: Any = Image.new("RGB", (900, 300), "white")
    ImageDraw.Draw(drawn).text((60, 60), "The ferry leaves at seven.", fill="black", font=ImageFont.load_default(36))
    stream = io.BytesIO()
    drawn.save(stream, "PNG")
    data = deck(("", [stream.getvalue()])) if kind == "pptx" else document(stream.getvalue())
    outcome = READERS[f".{kind}"].read(data, f"a.{kind}")
    assert isinstance(outcome, Document), outcome
    assert "The ferry leaves at seven." in outcome.text
