"""PPTX files made by python-pptx: slides as their audience sees them, each a place."""

import io

import pptx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from rag.corpus.readers import READERS
from rag.datatypes import Document, State
from tests.corpus import packed
from tests.corpus.packed import place, state

A = "http://schemas.openxmlformats.org/drawingml/2006/main"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)


def saved(deck: pptx.presentation.Presentation) -> bytes:
    stream = io.BytesIO()
    deck.save(stream)
    return stream.getvalue()


def read(deck: pptx.presentation.Presentation) -> Document:
    return packed.read(saved(deck), ".pptx")


def blank(deck: pptx.presentation.Presentation) -> pptx.slide.Slide:
    return deck.slides.add_slide(deck.slide_layouts[6])


def box(slide: pptx.slide.Slide, text: str, left: float, top: float) -> pptx.shapes.autoshape.Shape:
    shape = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(1), Inches(0.5))
    shape.text_frame.text = text
    return shape


def test_each_slide_is_a_place_and_its_title_a_heading() -> None:
    deck = pptx.Presentation()
    deck.core_properties.title, deck.core_properties.author = "Launch plan", "Ann"
    for title, body in (("Pumps", "Two are new."), ("泵的维护", "每六个月。"), ("مضخة", "كل ستة أشهر.")):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = body
    found = read(deck)
    assert found.text == "# Pumps\n\n- Two are new.\n\n# 泵的维护\n\n- 每六个月。\n\n# مضخة\n\n- كل ستة أشهر.\n"
    assert [page.number for page in found.pages] == [1, 2, 3]
    assert place(found, "每六个月") == "slide 2"
    assert place(found, "كل ستة") == "slide 3"
    assert found.title == "Launch plan"
    assert dict(found.metadata)["author"] == "Ann"


def test_bullets_are_lists_by_level_and_what_is_none_is_a_paragraph() -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Steps"
    frame = slide.placeholders[1].text_frame
    frame.text = "Open"
    for text, level in (("valve", 1), ("Close", 0), ("Plain", 0), ("First", 0), ("Second", 0)):
        paragraph = frame.add_paragraph()
        paragraph.text, paragraph.level = text, level
        if text == "Plain":
            etree.SubElement(paragraph._p.get_or_add_pPr(), f"{{{A}}}buNone")
        if text in ("First", "Second"):
            etree.SubElement(paragraph._p.get_or_add_pPr(), f"{{{A}}}buAutoNum", type="arabicPeriod")
    assert read(deck).text == "# Steps\n\n- Open\n   - valve\n- Close\n\nPlain\n\n1. First\n2. Second\n"


def test_boxes_are_read_from_top_to_bottom_and_from_left_to_right() -> None:
    deck = pptx.Presentation()
    slide = blank(deck)
    for text, left, top in (("four", 1, 5), ("three", 6, 2.05), ("two", 1, 2.1), ("one", 3, 0)):
        box(slide, text, left, top)
    assert read(deck).text == "# Slide 1\n\none\n\ntwo\n\nthree\n\nfour\n"


def test_groups_are_entered_and_read_as_one() -> None:
    deck = pptx.Presentation()
    slide = blank(deck)
    box(slide, "below", 1, 6)
    group = slide.shapes.add_group_shape()
    for text, top in (("inner two", 3), ("inner one", 1)):
        shape = group.shapes.add_textbox(Inches(1), Inches(top), Inches(1), Inches(1))
        shape.text_frame.text = text
    box(slide, "beside", 5, 2)
    assert read(deck).text == "# Slide 1\n\ninner one\n\ninner two\n\nbeside\n\nbelow\n"


def test_tables_charts_notes_and_described_pictures_are_read() -> None:
    deck = pptx.Presentation()
    slide = blank(deck)
    table = slide.shapes.add_table(3, 2, Inches(0), Inches(0), Inches(4), Inches(1)).table
    for at, text in enumerate(("Part", "Hold|time", "P-1", "40\nmin", "P-2", "")):
        table.cell(at // 2, at % 2).text = text
    table.cell(1, 1).merge(table.cell(2, 1))
    data = CategoryChartData(number_format="0.0%")
    data.categories = ["2023", "2024"]
    data.add_series("Germany", (0.25, 0.5))
    data.add_series("中国", (0.1, None))
    shape = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(0), Inches(3), Inches(4), Inches(2), data)
    shape.chart.has_title = True
    shape.chart.chart_title.text_frame.text = "Market share"
    for top, description in ((5.5, "A pump [side view]"), (6, "picture.png"), (6.5, "")):
        picture = slide.shapes.add_picture(io.BytesIO(PIXEL), Inches(0), Inches(top))
        picture._element.nvPicPr.cNvPr.set("descr", description)
    slide.notes_slide.notes_text_frame.text = "Say it slowly."
    assert read(deck).text == (
        "# Slide 1\n\n| Part | Hold\\|time |\n| --- | --- |\n| P-1 | 40 min |\n| P-2 | 40 min |\n\n"
        "Chart: Market share\n\n|  | Germany | 中国 |\n| --- | --- | --- |\n"
        "| 2023 | 25.0% | 10.0% |\n| 2024 | 50.0% |  |\n\n"
        "![A pump (side view)](image1.png)\n\n## Notes\n\nSay it slowly.\n"
    )


def test_hidden_slides_are_read_and_said() -> None:
    deck = pptx.Presentation()
    slide = blank(deck)
    box(slide, "Reserve", 1, 1)
    slide._element.set("show", "0")
    assert read(deck).text == "# Slide 1\n\n(hidden slide)\n\nReserve\n"


def test_footers_and_slide_numbers_are_left_out() -> None:
    deck = pptx.Presentation()
    slide = blank(deck)
    box(slide, "Kept", 1, 1)
    for kind in ("ftr", "sldNum", "dt"):
        shape = box(slide, f"the {kind}", 1, 6)
        etree.SubElement(shape._element.nvSpPr.nvPr, f"{{{pptx.oxml.ns._nsmap['p']}}}ph", type=kind)
    assert read(deck).text == "# Slide 1\n\nKept\n"


def test_a_deck_of_pictures_needs_ocr_and_one_of_nothing_is_empty() -> None:
    deck = pptx.Presentation()
    slide = blank(deck)
    assert state(saved(deck), ".pptx") is State.EMPTY
    slide.shapes.add_picture(io.BytesIO(PIXEL), 0, 0)
    assert state(saved(deck), ".pptx") is State.NEEDS_OCR


WORDS = st.lists(st.text(alphabet="abc 泵ß#|*-", min_size=1, max_size=20).filter(str.strip), min_size=1, max_size=4)


@settings(max_examples=25, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=3))
def test_each_text_lies_on_its_slide(slides: list[list[str]]) -> None:
    deck = pptx.Presentation()
    for number, texts in enumerate(slides):
        slide = blank(deck)
        for at, text in enumerate(texts):
            box(slide, f"q{number}x{at}: {text.strip()}", 1, at)
    found = read(deck)
    for number, texts in enumerate(slides):
        for at, text in enumerate(texts):
            quote = f"q{number}x{at}: {text.strip()}"
            start = found.text.index(quote)
            assert found.text[start : start + len(quote)] == quote
            assert place(found, quote) == f"slide {number + 1}"


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_damaged_files_end_in_a_state(data: st.DataObject) -> None:
    deck = pptx.Presentation()
    box(blank(deck), "text", 1, 1)
    content = bytearray(saved(deck))
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assert READERS[".pptx"].read(bytes(content), "a.pptx")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_files_are_damaged(share: float) -> None:
    data = saved(pptx.Presentation())
    assert state(data[: int(len(data) * share)], ".pptx") is State.FAILED


def test_signs_are_read_by_their_font() -> None:
    deck = pptx.Presentation()
    frame = deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_textbox(0, 0, 99, 99).text_frame
    for font, text in (("Symbol", "5 \uf06dm"), ("Wingdings", " \uf0fe"), ("Other", " \uf06d")):
        run = frame.paragraphs[0].add_run()
        run.text, run.font.name = text, font
    assert "5 μm ☑ \uf06d\n" in read(deck).text
