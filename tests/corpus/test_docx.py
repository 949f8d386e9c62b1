"""DOCX files made by python-docx: the body as a reader of the document sees it."""

import io
import zipfile
from datetime import datetime

import docx
import pytest
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import READERS, Unread
from rag.corpus.readers.office import docx_text, package
from rag.corpus.readers.office.docx_numbering import numeral
from rag.datatypes import Document, State
from tests.corpus.test_pptx import PIXEL


def saved(document: docx.document.Document) -> bytes:
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def read(document: docx.document.Document) -> Document:
    outcome = READERS[".docx"].read(saved(document), "a.docx")
    assert isinstance(outcome, Document), outcome
    return outcome


def unread(data: bytes) -> Unread:
    outcome = READERS[".docx"].read(data, "a.docx")
    assert isinstance(outcome, Unread), outcome
    return outcome


def test_headings_paragraphs_lists_and_tables_come_in_order() -> None:
    document = docx.Document()
    document.core_properties.title = "Oven guide"
    document.add_heading("Oven", 1)
    document.add_paragraph("It cures parts.")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ["Part", "Hold|time", "P-1", "40 min"], strict=True):
        cell.text = text
    document.add_heading("Steps", 2)
    for step in ("Open", "Close"):
        document.add_paragraph(step, style="List Number")
    document.add_paragraph("Loose", style="List Bullet")
    document.add_paragraph("Deeper", style="List Bullet 2")
    found = read(document)
    assert (found.title, found.markup) == ("Oven guide", "markdown")
    assert found.text == (
        "# Oven\n\nIt cures parts.\n\n| Part | Hold\\|time |\n| --- | --- |\n| P-1 | 40 min |\n\n"
        "## Steps\n\n1. Open\n2. Close\n- Loose\n- Deeper\n"
    )


def test_under_a_title_headings_are_a_level_down() -> None:
    document = docx.Document()
    document.add_heading("Guide", 0)
    document.add_heading("Start", 1)
    assert read(document).text == "# Guide\n\n## Start\n"


def test_an_outline_level_makes_a_heading() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("Scope")
    paragraph._p.get_or_add_pPr().append(parse_xml(f'<w:outlineLvl {nsdecls("w")} w:val="2"/>'))
    assert read(document).text == "### Scope\n"


def test_headers_and_footers_stand_once_deleted_and_hidden_text_is_left_out() -> None:
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "HEADER"
    document.sections[0].footer.paragraphs[0].text = "FOOTER"
    paragraph = document.add_paragraph("Kept ")
    paragraph.add_run("hidden ").font.hidden = True
    for tag, text in (("del", "deleted "), ("ins", "inserted ")):
        name = "delText" if tag == "del" else "t"
        run = f'<w:r><w:{name} xml:space="preserve">{text}</w:{name}></w:r>'
        paragraph._p.append(parse_xml(f'<w:{tag} {nsdecls("w")} w:id="1" w:author="a">{run}</w:{tag}>'))
    paragraph._p.append(parse_xml(f"<w:r {nsdecls('w')}><w:instrText>PAGE</w:instrText></w:r>"))
    document.add_section().header.is_linked_to_previous = False
    document.sections[1].header.paragraphs[0].text = "HEADER"
    assert read(document).text == "Kept inserted\n\nHeader: HEADER\n\nFooter: FOOTER\n"


def test_breaks_tabs_links_and_powers_are_kept() -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("one\ttwo\nthree 10")
    paragraph.add_run("3").font.superscript = True
    link = f"<w:hyperlink {nsdecls('w')}><w:r><w:t> link</w:t></w:r></w:hyperlink>"
    paragraph._p.append(parse_xml(link))
    assert read(document).text == "one\ttwo\nthree 10^3 link\n"


def said(*xml: str) -> str:
    """What is read of a paragraph with these elements in it."""
    document = docx.Document()
    paragraph = document.add_paragraph()
    for each in xml:
        paragraph._p.append(parse_xml(each.replace(">", f" {nsdecls('w')}>", 1)))
    return read(document).text


def test_signs_are_read_by_their_font() -> None:
    run = '<w:r><w:rPr><w:rFonts w:ascii="{}"/></w:rPr><w:t>{}</w:t></w:r>'
    symbol = '<w:r><w:sym w:font="{}" w:char="{}"></w:sym></w:r>'
    known = (("Symbol", "F06D"), ("Symbol", "B3"), ("Wingdings", "F0FE"), ("Arial", "2022"))
    unknown = (("Wingdings", "F021"), ("Other", "F06D"), ("Other", "D800"), ("Symbol", "?"))
    assert said(*(symbol.format(*each) for each in (*known, *unknown))) == "μ≥☑•\n"
    assert said(run.format("Symbol", "5 \uf06dm"), run.format("Other", " \uf06d")) == "5 μm \uf06d\n"


def test_what_is_ticked_and_chosen_in_a_form_is_read() -> None:
    field = (
        '<w:r><w:fldChar w:fldCharType="begin"><w:ffData>{}</w:ffData></w:fldChar></w:r>',
        "<w:r><w:instrText>FORM</w:instrText></w:r>",
        '<w:r><w:fldChar w:fldCharType="end"></w:fldChar></w:r>',
    )
    boxes = ("<w:default/>", '<w:default/><w:checked w:val="0"/>', "<w:checked/>", "")
    assert said(*(xml.format(f"<w:checkBox>{box}</w:checkBox>") for box in boxes for xml in field)) == "☒☐☒☐\n"
    colours = '<w:listEntry w:val="red"/><w:listEntry w:val="blue"/>'
    lists = ("", '<w:result w:val="1"/>', '<w:default w:val="1"/>', '<w:result w:val="7"/>')
    said_lists = said(*(xml.format(f"<w:ddList>{told}{colours}</w:ddList>") for told in lists for xml in field))
    assert said_lists == "redblueblue\n"


def test_a_formula_stands_in_its_paragraph_in_one_line() -> None:
    parts = ("<m:num><m:r><m:t>a+1</m:t></m:r></m:num>", "<m:den><m:r><m:t>2</m:t></m:r></m:den>")
    namespace = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    formula = f"<m:oMath {namespace}><m:f>{''.join(parts)}</m:f></m:oMath>"
    assert said("<w:r><w:t>x = </w:t></w:r>", formula, "<w:r><w:t> holds</w:t></w:r>") == "x = (a+1)/2 holds\n"


def test_a_file_in_the_place_of_paragraphs_is_read_there_or_named() -> None:
    document = docx.Document()
    document.add_paragraph("Before")
    page, text = b"<html><body><h1>Imported</h1><p>From a page.</p></body></html>", b"# as it stands"
    for name, data in (("a.htm", page), ("b.txt", text), ("c.rtf", b"none")):
        part = Part(PackURI(f"/word/{name}"), "text/plain", data, document.part.package)
        kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/aFChunk"
        identity = document.part.relate_to(part, kind)
        chunk = parse_xml(f'<w:altChunk {nsdecls("w", "r")} r:id="{identity}"/>')
        document.element.body.insert(len(document.element.body) - 1, chunk)
    found = read(document)
    assert found.text == "Before\n\n# Imported\n\nFrom a page.\n\n\\# as it stands\n"
    assert ("not_read", "word/c.rtf") in found.metadata


def test_a_document_that_only_points_to_what_cannot_be_read_is_not_empty() -> None:
    document = docx.Document()
    document.element.body.insert(0, parse_xml(f'<w:altChunk {nsdecls("w", "r")} r:id="rId99"/>'))
    outcome = unread(saved(document))
    assert (outcome.state, outcome.fix) == (State.FAILED, "save it anew in Word")


def test_a_paragraph_whose_end_was_deleted_goes_on_in_the_next() -> None:
    document = docx.Document()
    gone = f"<w:rPr {nsdecls('w')}><w:del w:id='1' w:author='a'/></w:rPr>"
    for text in ("It holds ", "", "40 kg"):
        document.add_paragraph(text, style="List Number")._p.get_or_add_pPr().append(parse_xml(gone))
    document.add_paragraph(" at most.", style="List Number")
    document.add_paragraph("Alone", style="List Number")._p.get_or_add_pPr().append(parse_xml(gone))
    document.add_table(rows=1, cols=2).cell(0, 0).text = "A"
    assert read(document).text == "1. It holds 40 kg at most.\n\nAlone\n\n| A |  |\n| --- | --- |\n"


@pytest.mark.parametrize("words", [("Page ", " of "), ("第", "页 共"), ("- ", " -"), ("Seite ", " von ")])
def test_what_is_left_of_the_number_of_a_page_is_no_footer(words: tuple[str, str]) -> None:
    document = docx.Document()
    document.add_paragraph("Text.")
    footer = document.sections[0].footer.paragraphs[0]
    for text, code in zip(words, ("PAGE", "NUMPAGES"), strict=True):
        footer.add_run(text)
        field = f'<w:fldSimple {nsdecls("w")} w:instr=" {code} "><w:r><w:t>7</w:t></w:r></w:fldSimple>'
        footer._p.append(parse_xml(field))
    assert read(document).text == "Text.\n"
    footer.add_run(" Park")
    assert "Park" in read(document).text


def test_how_words_are_pronounced_is_left_out() -> None:
    rt, base = "<w:rt><w:r><w:t>とう</w:t></w:r></w:rt>", "<w:rubyBase><w:r><w:t>東</w:t></w:r></w:rubyBase>"
    assert said(f"<w:r><w:ruby>{rt}{base}</w:ruby></w:r>", "<w:r><w:t>京</w:t></w:r>") == "東京\n"


def test_what_a_tab_sets_apart_is_apart() -> None:
    assert said("<w:r><w:t>Left</w:t><w:ptab/><w:t>Right</w:t></w:r>") == "Left\tRight\n"


def test_notes_and_comments_stand_behind_their_paragraph_once() -> None:
    document = docx.Document()
    first = document.add_paragraph("It holds 40 kg.")
    first._p.append(parse_xml(f'<w:r {nsdecls("w")}><w:footnoteReference w:id="2"/></w:r>'))
    document.add_paragraph("再次提到。")._p.append(
        parse_xml(f'<w:r {nsdecls("w")}><w:footnoteReference w:id="2"/><w:endnoteReference w:id="5"/></w:r>')
    )
    commented = document.add_paragraph("Is it so?")
    document.add_comment(commented.runs, "Ask Jan.", author="Ann")
    notes = "".join(
        f'<w:footnote w:id="{number}"{kind}><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:footnote>'
        for number, kind, text in ((0, ' w:type="separator"', "-----"), (2, "", "Tested in 2024."))
    )
    endnote = '<w:endnote w:id="5"><w:p><w:r><w:t>At the end.</w:t></w:r></w:p></w:endnote>'
    for name, body in (("footnotes", notes), ("endnotes", endnote)):
        xml = f"<w:{name} {nsdecls('w')}>{body}</w:{name}>".encode()
        kind = f"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{name}"
        document.part.relate_to(Part(PackURI(f"/word/{name}.xml"), "application/xml", xml, document.part.package), kind)
    assert read(document).text == (
        "It holds 40 kg.[^1]\n\n[^1]: Tested in 2024.\n\n再次提到。[^1][^e1]\n\n[^e1]: At the end.\n\n"
        "Is it so?\n\nComment by Ann: Ask Jan.\n"
    )


def test_deleted_rows_and_numbers_of_pages_are_left_out() -> None:
    document = docx.Document()
    table = document.add_table(rows=3, cols=2)
    for number, cell in enumerate(table._cells):
        cell.text = str(number)
    table.rows[1]._tr.get_or_add_trPr().append(parse_xml(f'<w:del {nsdecls("w")} w:id="1" w:author="a"/>'))
    footer = document.sections[0].footer.paragraphs[0]
    footer.text = "Sheet "
    begin, end = (f'<w:r {nsdecls("w")}><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "end"))
    for xml in (begin, f"<w:r {nsdecls('w')}><w:instrText> PAGE </w:instrText></w:r>"):
        footer._p.append(parse_xml(xml))
    footer.add_run("17")
    footer._p.append(parse_xml(end))
    footer.add_run(" of Ann")
    assert read(document).text == "| 0 | 1 |\n| --- | --- |\n| 4 | 5 |\n\nFooter: Sheet of Ann\n"


def test_described_pictures_are_said_where_they_stand() -> None:
    document = docx.Document()
    document.add_paragraph("Before")
    document.add_picture(io.BytesIO(PIXEL))
    document.inline_shapes[0]._inline.docPr.set("descr", "A pump")
    document.add_paragraph("After")
    assert read(document).text == "Before\n\n![A pump](image1.png)\n\nAfter\n"


def test_what_the_file_says_of_itself_is_metadata() -> None:
    document = docx.Document()
    document.add_paragraph("text")
    said = document.core_properties
    said.title, said.author, said.keywords, said.language = "Führung", "李明", "pump, valve", "de"
    said.modified = datetime(2024, 5, 1)
    found = read(document)
    expected = {"title": "Führung", "author": "李明", "keywords": "pump, valve", "language": "de", "date": "2024-05-01"}
    assert expected.items() <= dict(found.metadata).items()


def test_a_wide_table_loses_nothing() -> None:
    document = docx.Document()
    table = document.add_table(rows=2, cols=63)
    for number, cell in enumerate(table._cells):
        cell.text = f"c{number}"
    for row in table.rows:
        for number in range(10):
            extra = f"<w:tc {nsdecls('w')}><w:p><w:r><w:t>more{number}</w:t></w:r></w:p></w:tc>"
            row._tr.append(parse_xml(extra))
    text = read(document).text
    assert all(f"more{number}" in line for line in text.splitlines()[::2] for number in range(10))


WORDS = st.text(alphabet="ab 泵ßع#|*->1.", max_size=30).map(lambda text: " ".join(text.split())).filter(bool)


@settings(max_examples=40, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=6))
def test_each_paragraph_is_found_word_for_word(texts: list[str]) -> None:
    document = docx.Document()
    for number, text in enumerate(texts):
        document.add_paragraph(f"q{number}: {text}")
    found = read(document)
    for number, text in enumerate(texts):
        quote = f"q{number}: {text}"
        start = found.text.index(quote)
        assert found.text[start : start + len(quote)] == quote


def test_content_controls_are_gone_through() -> None:
    document = docx.Document()
    control = "<w:sdt {}><w:sdtContent><w:p><w:r><w:t>Inside</w:t></w:r></w:p></w:sdtContent></w:sdt>"
    document.element.body.insert(0, parse_xml(control.format(nsdecls("w"))))
    assert read(document).text == "Inside\n"


def test_merged_cells_stand_in_each_row_they_span() -> None:
    document = docx.Document()
    table = document.add_table(rows=3, cols=3)
    for number, cell in enumerate(table._cells):
        cell.text = str(number)
    table.cell(1, 0).merge(table.cell(2, 0))
    table.cell(0, 1).merge(table.cell(0, 2))
    lines = read(document).text.splitlines()
    assert lines[0] == "| 0 | 1 2 |  |"
    assert lines[2].startswith("| 3 6 | 4 |")
    assert lines[3].startswith("| 3 6 | 7 |")


def test_a_row_that_begins_further_right_keeps_its_columns() -> None:
    document = docx.Document()
    table = document.add_table(rows=2, cols=3)
    for cell, text in zip(table._cells, ["gone", "2022", "2023", "Sum", "5", "6"], strict=True):
        cell.text = text
    row = table.rows[0]._tr
    row.remove(row.tc_lst[0])
    row.get_or_add_trPr().append(parse_xml(f'<w:gridBefore {nsdecls("w")} w:val="1"/>'))
    assert read(document).text == "|  | 2022 | 2023 |\n| --- | --- | --- |\n| Sum | 5 | 6 |\n"


def test_rows_and_cells_in_custom_markup_are_read() -> None:
    document = docx.Document()
    table = document.add_table(rows=1, cols=2)
    for cell, text in zip(table._cells, ["A", "B"], strict=True):
        cell.text = text
    one, two = (f"<w:tc><w:p><w:r><w:t>{number}</w:t></w:r></w:p></w:tc>" for number in (1, 2))
    cells = f"<w:customXml>{one}</w:customXml><w:sdt><w:sdtContent>{two}</w:sdtContent></w:sdt>"
    table._tbl.append(parse_xml(f"<w:customXml {nsdecls('w')}><w:tr>{cells}</w:tr></w:customXml>"))
    assert read(document).text == "| A | B |\n| --- | --- |\n| 1 | 2 |\n"


def test_a_table_that_is_a_frame_around_text_keeps_what_stands_in_it() -> None:
    document = docx.Document()
    frame = document.add_table(rows=2, cols=1)
    frame.cell(0, 0).paragraphs[0].text = "Scope"
    frame.cell(0, 0).paragraphs[0].style = "Heading 1"
    frame.cell(0, 0).add_paragraph("One step.", style="List Bullet")
    inner = frame.cell(1, 0).add_table(rows=2, cols=2)
    for cell, text in zip(inner._cells, ["A", "B", "1", "2"], strict=True):
        cell.text = text
    assert read(document).text == "# Scope\n\n- One step.\n\n| A | B |\n| --- | --- |\n| 1 | 2 |\n"


def test_a_text_box_is_read_once() -> None:
    document = docx.Document()
    box = "<w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent>"
    alternate = (
        '<w:r {} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:AlternateContent>'
        "<mc:Choice>{}</mc:Choice><mc:Fallback>{}</mc:Fallback></mc:AlternateContent></w:r>"
    )
    document.add_paragraph("Before")._p.append(parse_xml(alternate.format(nsdecls("w"), box, box)))
    assert read(document).text == "Before\n\nboxed\n"


def test_numbers_of_nested_levels_are_counted() -> None:
    document = docx.Document()
    root = document.part.numbering_part.element
    levels = "".join(
        f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{style}"/><w:lvlText w:val="{text}"/></w:lvl>'
        for level, style, text in ((0, "decimal", "%1."), (1, "lowerLetter", "%1.%2)"))
    )
    root.insert(0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="77">{levels}</w:abstractNum>'))
    root.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="77"><w:abstractNumId w:val="77"/></w:num>'))
    for text, depth in (("a", 0), ("b", 1), ("c", 1), ("d", 0), ("e", 1)):
        numbers = f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{depth}"/><w:numId w:val="77"/></w:numPr>'
        document.add_paragraph(text)._p.get_or_add_pPr().append(parse_xml(numbers))
    assert read(document).text == "1. a\n   1.a) b\n   1.b) c\n2. d\n   2.a) e\n"


def numbered(definitions: str, *paragraphs: tuple[str, int]) -> str:
    """What is read of paragraphs (text, list) of a document with these definitions of lists."""
    document = docx.Document()
    root = document.part.numbering_part.element
    for each in list(root):
        root.remove(each)
    for each in parse_xml(f"<w:numbering {nsdecls('w')}>{definitions}</w:numbering>"):
        root.append(each)
    for text, number in paragraphs:
        numbers = f'<w:numPr {nsdecls("w")}><w:ilvl w:val="0"/><w:numId w:val="{number}"/></w:numPr>'
        document.add_paragraph(text)._p.get_or_add_pPr().append(parse_xml(numbers))
    return read(document).text


LEVEL = '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>'


def test_a_list_that_is_restarted_counts_anew() -> None:
    lists = (
        f'<w:abstractNum w:abstractNumId="7">{LEVEL}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="7"/></w:num>'
        '<w:num w:numId="3"><w:abstractNumId w:val="7"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/>'
        "</w:lvlOverride></w:num>"
    )
    text = numbered(lists, ("a", 1), ("b", 1), ("goes on", 2), ("anew", 3), ("next", 3))
    assert text == "1. a\n2. b\n3. goes on\n5. anew\n6. next\n"


def test_an_empty_paragraph_of_a_list_is_counted() -> None:
    lists = (
        f'<w:abstractNum w:abstractNumId="7">{LEVEL}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num>'
    )
    assert numbered(lists, ("a", 1), ("", 1), ("b", 1)) == "1. a\n3. b\n"


def test_numbers_stand_in_cells_even_alone_unless_they_were_deleted() -> None:
    document = docx.Document()
    table = document.add_table(rows=3, cols=2)
    for number, text in enumerate(("What", "Open it", "Close it")):
        table.cell(number, 1).text = text
        if number:
            table.cell(number, 0).paragraphs[0].style = "List Number"
    table.cell(1, 0).add_paragraph("bullet", style="List Bullet")
    deleted = f"<w:rPr {nsdecls('w')}><w:del w:id='1' w:author='a'/></w:rPr>"
    table.cell(1, 0).add_paragraph(style="List Number")._p.get_or_add_pPr().append(parse_xml(deleted))
    assert read(document).text == "|  | What |\n| --- | --- |\n| 1. bullet | Open it |\n| 2. | Close it |\n"


def test_a_style_has_the_level_that_names_it() -> None:
    document = docx.Document()
    levels = "".join(
        f'<w:lvl w:ilvl="{at}"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:pStyle w:val="Heading{at + 1}"/>'
        f'<w:lvlText w:val="{text}"/></w:lvl>'
        for at, text in enumerate(("%1", "%1.%2"))
    )
    root = document.part.numbering_part.element
    root.insert(0, parse_xml(f'<w:abstractNum {nsdecls("w")} w:abstractNumId="77">{levels}</w:abstractNum>'))
    root.append(parse_xml(f'<w:num {nsdecls("w")} w:numId="77"><w:abstractNumId w:val="77"/></w:num>'))
    for name in ("Heading 1", "Heading 2"):
        properties = document.styles[name].element.get_or_add_pPr()
        properties.append(parse_xml(f'<w:numPr {nsdecls("w")}><w:numId w:val="77"/></w:numPr>'))
    for text, level in (("Start", 1), ("Aim", 2), ("Way", 2), ("End", 1)):
        document.add_heading(text, level)
    assert read(document).text == "# 1 Start\n\n## 1.1 Aim\n\n## 1.2 Way\n\n# 2 End\n"


def test_a_list_by_a_style_has_the_levels_of_that_style_or_its_own() -> None:
    own = LEVEL.replace("%1.", "(%1)")
    lists = (
        f'<w:abstractNum w:abstractNumId="7"><w:styleLink w:val="Steps"/>{LEVEL}</w:abstractNum>'
        '<w:abstractNum w:abstractNumId="8"><w:numStyleLink w:val="Steps"/></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="8"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="8"/>'
        f'<w:lvlOverride w:ilvl="0">{own}</w:lvlOverride></w:num>'
    )
    assert numbered(lists, ("a", 1), ("b", 2)) == "1. a\n(2) b\n"


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        ("decimal", "14"),
        ("upperRoman", "XIV"),
        ("lowerLetter", "n"),
        ("chineseCounting", "十四"),
        ("decimalZero", "14"),
        ("unknown", "14"),
    ],
)
def test_numbers_arenumeral_as_word_shows_them(style: str, shown: str) -> None:
    assert numeral(14, style) == shown


def test_a_document_without_text_is_empty() -> None:
    assert unread(saved(docx.Document())).state is State.EMPTY


def test_old_and_protected_files_are_told_apart() -> None:
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100
    assert unread(old).state is State.UNSUPPORTED
    assert unread(old + "EncryptedPackage".encode("utf-16-le")).state is State.ENCRYPTED


def test_a_package_that_unpacks_to_too_much_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MOST_BYTES", 1000)
    assert unread(saved(docx.Document())).state is State.TOO_LARGE


def test_another_archive_is_no_document() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", "x")
    assert unread(stream.getvalue()).state is State.FAILED


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_end_in_a_state(data: st.DataObject) -> None:
    document = docx.Document()
    document.add_heading("Guide", 0)
    content = bytearray(saved(document))
    for _ in range(data.draw(st.integers(1, 20))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assert READERS[".docx"].read(bytes(content), "a.docx")


def test_a_member_that_ends_too_early_is_a_state(monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved(docx.Document())

    def early(*_: object) -> bytes:
        raise EOFError  # what zipfile makes of a header that promises more bytes than there are

    monkeypatch.setattr(zipfile.ZipExtFile, "read", early)
    outcome = READERS[".docx"].read(content, "a.docx")
    assert isinstance(outcome, Unread)
    assert outcome.state is State.FAILED


def test_the_names_of_word_are_those_of_python_docx() -> None:
    assert qn("w:p") == f"{docx_text.W}p"
