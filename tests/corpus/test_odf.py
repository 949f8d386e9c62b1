"""OpenDocument texts, slides and sheets made by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import READERS
from rag.corpus.readers.office import odf_text
from rag.datatypes import Document, State
from tests.corpus.packed import packed, place, read, state, unread

OASIS = "urn:oasis:names:tc:opendocument:xmlns"
NAMES = " ".join(
    [
        *(
            f'xmlns:{name}="{OASIS}:{name}:1.0"'
            for name in ("office", "text", "table", "style", "presentation", "meta")
        ),
        f'xmlns:draw="{OASIS}:drawing:1.0" xmlns:svg="{OASIS}:svg-compatible:1.0" xmlns:chart="{OASIS}:chart:1.0"',
        'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"',
    ]
)
META = (
    "<office:meta><dc:title>Führung</dc:title><meta:initial-creator>李明</meta:initial-creator>"
    "<dc:creator>Ann</dc:creator><dc:date>2024-05-01T10:00:00</dc:date></office:meta>"
)
LISTS = (
    '<text:list-style style:name="N"><text:list-level-style-number text:level="1" style:num-format="1"'
    ' style:num-suffix="."/><text:list-level-style-bullet text:level="2"/></text:list-style>'
)


def content(body: str, styles: str = "") -> str:
    automatic = f"<office:automatic-styles>{styles}</office:automatic-styles>"
    return f"<office:document-content {NAMES}>{automatic}<office:body>{body}</office:body></office:document-content>"


def document(body: str, styles: str = "", *, suffix: str = ".odt", **others: str) -> Document:
    parts = {
        "content.xml": content(body, styles),
        "meta.xml": f"<office:document-meta {NAMES}>{META}</office:document-meta>",
    }
    return read(packed({**parts, **{name.replace("_", "/") + ".xml": text for name, text in others.items()}}), suffix)


def text(body: str, styles: str = "", **others: str) -> str:
    return document(f"<office:text>{body}</office:text>", styles, **others).text


def cell(words: str, more: str = "") -> str:
    return f"<table:table-cell {more}><text:p>{words}</text:p></table:table-cell>"


def row(*cells: str) -> str:
    return f"<table:table-row>{''.join(cells)}</table:table-row>"


# ---------------------------------------------------------------- texts


def test_headings_paragraphs_and_metadata() -> None:
    found = document(
        '<office:text><text:h text:outline-level="1">Start</text:h><text:p>Two  <text:span>spaces</text:span><text:s'
        ' text:c="3"/>kept,<text:tab/>tab<text:line-break/>line</text:p><text:h text:outline-level="2">泵</text:h>'
        "<text:section><text:p>مضخة</text:p></text:section></office:text>"
    )
    assert found.text == "# Start\n\nTwo spaces   kept,\ttab\nline\n\n## 泵\n\nمضخة\n"
    assert found.title == "Führung"
    assert dict(found.metadata) == {"title": "Führung", "author": "李明", "date": "2024-05-01"}


def test_styles_make_titles_and_headings() -> None:
    styles = (
        '<style:style style:name="P1" style:parent-style-name="Title"/>'
        '<style:style style:name="P2" style:parent-style-name="H"/>'
        '<style:style style:name="H" style:default-outline-level="1"/>'
        '<style:style style:name="T1"><style:text-properties text:display="none"/></style:style>'
    )
    body = (
        '<text:p text:style-name="P1">Guide</text:p><text:p text:style-name="P2">Start</text:p>'
        '<text:p>seen<text:span text:style-name="T1">unseen</text:span></text:p>'
    )
    assert text(body, styles) == "# Guide\n\n## Start\n\nseen\n"


def test_lists_are_nested_and_counted() -> None:
    def item(words: str, inner: str = "") -> str:
        return f"<text:list-item><text:p>{words}</text:p>{inner}</text:list-item>"

    inner = f"<text:list>{item('deeper')}</text:list>"
    body = f'<text:list text:style-name="N">{item("one", inner)}{item("two")}</text:list><text:p>Between</text:p>'
    body += f'<text:list text:style-name="N" text:continue-numbering="true">{item("three")}</text:list>'
    assert text(body, LISTS) == "1. one\n   - deeper\n2. two\n\nBetween\n\n3. three\n"


def test_tables_with_spans_and_notes() -> None:
    body = "<text:note-body><text:p>Tested.</text:p></text:note-body>"
    note = f"<text:note><text:note-citation>1</text:note-citation>{body}</text:note>"
    rows = (
        f"<table:table-header-rows>{row(cell('Site'), cell('Hold|time'))}</table:table-header-rows>",
        row(cell("Hamburg", "table:number-rows-spanned='2'"), cell(f"40{note}")),
        row("<table:covered-table-cell/>", cell("50")),
    )
    assert text(f"<table:table>{''.join(rows)}</table:table>") == (
        "| Site | Hold\\|time |\n| --- | --- |\n| Hamburg | 40[^1] |\n| Hamburg | 50 |\n\n[^1]: Tested.\n"
    )


def test_comments_boxes_pictures_and_formulas_stand_behind_their_paragraph() -> None:
    mathematics = '<math xmlns="http://www.w3.org/1998/Math/MathML"><mi>a</mi><mo>=</mo><mn>2</mn></math>'
    body = (
        "<text:p>It runs.<office:annotation><dc:creator>Ann</dc:creator><text:p>Does it?</text:p></office:annotation>"
        "<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame>"
        '<draw:frame><draw:image xlink:href="Pictures/1.png"/><svg:desc>A pump</svg:desc></draw:frame>'
        '<draw:frame><draw:object xlink:href="./Object 1"/><draw:image xlink:href="x"/></draw:frame></text:p>'
    )
    parts = {"content.xml": content(f"<office:text>{body}</office:text>"), "Object 1/content.xml": mathematics}
    assert read(packed(parts), ".odt").text == (
        "It runs.\n\nComment by Ann: Does it?\n\nboxed\n\n![A pump](1.png)\n\na = 2\n"
    )


def item(words: str, more: str = "") -> str:
    return f"<text:list-item><text:p>{words}</text:p>{more}</text:list-item>"


def test_numbers_say_the_levels_above_them_where_these_are_shown() -> None:
    number = '<text:list-level-style-number text:level="{}" style:num-format="{}" style:num-suffix="." {}/>'
    levels = number.format(1, "A", "") + number.format(2, "1", 'text:display-levels="2"')
    styles = f'<text:list-style style:name="L">{levels}</text:list-style>'
    inner = f"<text:list>{item('b')}{item('c')}</text:list>"
    found = text(f'<text:list text:style-name="L">{item("a")}{item("d", inner)}</text:list>', styles)
    assert found == "A. a\nB. d\n   B.1. b\n   B.2. c\n"


def test_a_list_goes_on_where_it_names_the_one_before() -> None:
    lists = (
        f'<text:list text:style-name="N" xml:id="one">{item("a")}</text:list><text:p>between</text:p>'
        f'<text:list text:style-name="N" text:continue-list="one">{item("b")}</text:list>'
    )
    assert text(lists, LISTS) == "1. a\n\nbetween\n\n2. b\n"


def test_headings_have_the_numbers_of_the_outline() -> None:
    level = '<text:outline-level-style text:level="{}" style:num-format="{}" {}/>'
    levels = level.format(1, "1", "") + level.format(2, "1", 'text:display-levels="2"') + level.format(3, "", "")
    heading = '<text:h text:outline-level="{}" {}>{}</text:h>'
    body = "".join(
        heading.format(depth, more, words)
        for depth, words, more in (
            *((1, "Start", ""), (2, "Aim", ""), (2, "Way", ""), (1, "", ""), (3, "Plain", "")),
            *((1, "Thanks", 'text:is-list-header="true"'), (1, "End", ""), (2, "Last", "")),
        )
    )
    assert text(body, f"<text:outline-style>{levels}</text:outline-style>").split("\n\n") == [
        *("# 1 Start", "## 1.1 Aim", "## 1.2 Way", "### Plain", "# Thanks", "# 2 End", "## 2.1 Last\n"),
    ]


def test_a_section_that_is_not_shown_is_left_out_and_counted() -> None:
    section = "<text:section {}><text:p>{}</text:p></text:section>"
    body = section.format('text:display="none"', "hidden") + section.format("", "seen")
    found = document(f"<office:text>{body}</office:text>")
    assert found.text == "seen\n"
    assert ("hidden_passages", "1") in found.metadata


def test_a_table_that_is_a_frame_around_text_keeps_what_stands_in_it() -> None:
    inside = f'<text:h text:outline-level="1">Scope</text:h><text:list>{item("one step")}</text:list>'
    cells = f"<table:table-cell>{inside}</table:table-cell>"
    assert text(f"<table:table>{row(cells)}</table:table>") == "# Scope\n\n- one step\n"


def test_deletions_and_tables_of_contents_are_left_out_and_headers_stand_once() -> None:
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p></text:deletion>"
        "</text:changed-region></text:tracked-changes><text:table-of-content><text:index-body><text:p>Start 1</text:p>"
        "</text:index-body></text:table-of-content><text:p>Kept<text:change-start/> and new</text:p>"
    )
    header = "<style:header><text:p>Company <text:page-number>3</text:page-number></text:p></style:header>"
    pages = 2 * f"<style:master-page>{header}</style:master-page>"
    styles = f"<office:document-styles {NAMES}>{pages}</office:document-styles>"
    parts = {"content.xml": content(f"<office:text>{body}</office:text>"), "styles.xml": styles}
    assert read(packed(parts), ".odt").text == "Kept and new\n\nHeader: Company\n"


def test_a_chart_is_a_table() -> None:
    table = row(cell(""), cell("Sales")) + row(cell("2023"), cell("5")) + row(cell("2024"), cell("7"))
    drawn = content(
        f"<office:chart><chart:chart><chart:title><text:p>Growth</text:p></chart:title><table:table>{table}</table:table>"
        "</chart:chart></office:chart>"
    )
    body = '<text:p><draw:frame><draw:object xlink:href="./Object 1"/></draw:frame></text:p>'
    parts = {"content.xml": content(f"<office:text>{body}</office:text>"), "Object 1/content.xml": drawn}
    assert read(packed(parts), ".odt").text == (
        "Chart: Growth\n\n|  | Sales |\n| --- | --- |\n| 2023 | 5 |\n| 2024 | 7 |\n"
    )


def test_what_is_repeated_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(odf_text, "_MOST_REPEATED", 1000)
    cell = "<table:table-cell table:number-columns-repeated='900'><text:p>text</text:p></table:table-cell>"
    body = f"<table:table><table:table-row table:number-rows-repeated='900000'>{cell}</table:table-row></table:table>"
    assert state(packed({"content.xml": content(f"<office:text>{body}</office:text>")}), ".odt") is State.TOO_LARGE


def test_a_file_that_is_one_xml_text_is_read() -> None:
    body = "<office:body><office:text><text:p>flat</text:p></office:text></office:body>"
    found = read(f"<?xml version='1.0'?><office:document {NAMES}>{META}{body}</office:document>".encode(), ".fodt")
    assert (found.text, found.title) == ("flat\n", "Führung")
    assert state(b"<a", ".fodt") is State.FAILED


def test_a_file_with_a_password_is_encrypted() -> None:
    manifest = (
        f'<manifest:manifest xmlns:manifest="{OASIS}:manifest:1.0"><manifest:file-entry><manifest:encryption-data/>'
        "</manifest:file-entry></manifest:manifest>"
    )
    outcome = unread(packed({"META-INF/manifest.xml": manifest, "content.xml": b"\x8f\x00"}), ".odt")
    assert (outcome.state, bool(outcome.fix)) == (State.ENCRYPTED, True)


@pytest.mark.parametrize("suffix", [".odt", ".ods", ".odp"])
def test_files_without_content_are_named(suffix: str) -> None:
    assert state(packed({"a": "b"}), suffix) is State.FAILED
    assert state(packed({"content.xml": content("<office:drawing/>")}), suffix) is State.UNSUPPORTED


# ---------------------------------------------------------------- slides


def frame(words: str, top: str, left: str = "1cm", kind: str = "") -> str:
    kept = f'presentation:class="{kind}"' if kind else ""
    box = f"<draw:text-box><text:p>{words}</text:p></draw:text-box>"
    return f'<draw:frame svg:x="{left}" svg:y="{top}" {kept}>{box}</draw:frame>'


def test_slides_are_places_read_from_top_to_bottom_with_notes() -> None:
    notes = f"<presentation:notes>{frame('Slowly.', '1cm', kind='notes')}</presentation:notes>"
    first = (
        frame("below", "9cm")
        + frame("right", "4.1cm", "9cm")
        + frame("left", "4cm")
        + frame("Pumps", "1cm", kind="title")
    )
    group = f"<draw:g>{frame('in a group', '1in')}</draw:g>" + frame("3", "20cm", kind="page-number")
    styles = (
        '<style:style style:name="dp2"><style:drawing-page-properties presentation:visibility="hidden"/></style:style>'
    )
    found = document(
        f"<office:presentation><draw:page>{first}{notes}</draw:page>"
        f"<draw:page draw:style-name='dp2'>{group}</draw:page>"
        "</office:presentation>",
        styles,
        suffix=".odp",
    )
    assert found.text == (
        "# Pumps\n\nleft\n\nright\n\nbelow\n\n## Notes\n\nSlowly.\n\n# Slide 2\n\n(hidden slide)\n\nin a group\n"
    )
    assert place(found, "Slowly") == "slide 1"
    assert place(found, "in a group") == "slide 2"


def test_slides_of_pictures_need_ocr_and_others_are_empty() -> None:
    picture = '<draw:frame><draw:image xlink:href="a.png"/></draw:frame>'
    for body, expected in ((picture, State.NEEDS_OCR), ("", State.EMPTY)):
        deck = content(f"<office:presentation><draw:page>{body}</draw:page></office:presentation>")
        assert state(packed({"content.xml": deck}), ".odp") is expected


# ---------------------------------------------------------------- sheets


def test_sheets_show_what_the_program_showed() -> None:
    rows = (
        row(cell("Part"), cell("Value")),
        row(cell("泵"), cell("25,6 %", "office:value-type='percentage' office:value='0.256'")),
        row(cell("since"), cell("01.05.24", "office:value-type='date' office:date-value='2024-05-01'")),
        row(cell("bare"), "<table:table-cell office:value-type='float' office:value='2.0'/>"),
    )
    wide = "<table:table-cell table:number-columns-repeated='16384'/>"
    blank = f"<table:table-row table:number-rows-repeated='1048000'>{wide}</table:table-row>"
    remark = "<office:annotation><text:p>why?</text:p></office:annotation>"
    last = row("<table:table-cell/>", f"<table:table-cell>{remark}<text:p>far</text:p></table:table-cell>")
    styles = '<style:style style:name="ta2"><style:table-properties table:display="false"/></style:style>'
    found = document(
        f"<office:spreadsheet><table:table table:name='价格'>{''.join(rows)}{blank}{last}</table:table>"
        "<table:table table:name='Old' table:style-name='ta2'><table:table-row><table:table-cell><text:p>x</text:p>"
        "</table:table-cell></table:table-row></table:table></office:spreadsheet>",
        styles,
        suffix=".ods",
    )
    assert found.text == (
        "## 价格\n\n| Part | Value |\n| --- | --- |\n| 泵 | 25,6 % |\n| since | 2024-05-01 |\n| bare | 2 |\n\nfar\n\n"
        "Comment on B1048005: why?\n\n## Old\n\n(hidden sheet)\n\nx\n"
    )
    assert place(found, "| since") == "价格!A3:B3"
    assert place(found, "far") == "价格!B1048005"


def test_a_cell_that_is_repeated_without_end_is_refused() -> None:
    cell = "<table:table-cell table:number-columns-repeated='16384'><text:p>x</text:p></table:table-cell>"
    table = f"<table:table><table:table-row table:number-rows-repeated='1048576'>{cell}</table:table-row></table:table>"
    assert (
        state(packed({"content.xml": content(f"<office:spreadsheet>{table}</office:spreadsheet>")}), ".ods")
        is State.TOO_LARGE
    )


# ---------------------------------------------------------------- anything

WORDS = st.text(alphabet="ab 泵ßع#|*-", max_size=30).map(lambda text: " ".join(text.split())).filter(bool)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(WORDS, min_size=1, max_size=3), min_size=1, max_size=3))
def test_each_quote_lies_on_its_slide(slides: list[list[str]]) -> None:
    pages = "".join(
        f"<draw:page>{''.join(frame(f'q{at}x{n}: {words}', f'{3 * n}cm') for n, words in enumerate(texts))}</draw:page>"
        for at, texts in enumerate(slides)
    )
    found = document(f"<office:presentation>{pages}</office:presentation>", suffix=".odp")
    for at, texts in enumerate(slides):
        for n, words in enumerate(texts):
            quote = f"q{at}x{n}: {words}"
            start = found.text.index(quote)
            assert found.text[start : start + len(quote)] == quote
            assert place(found, quote) == f"slide {at + 1}"


TAGS = (
    "text:p",
    "text:list",
    "text:list-item",
    "table:table",
    "table:table-row",
    "table:table-cell",
    "draw:frame",
    "draw:g",
)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.sampled_from(["", "x"]),
        lambda inner: st.builds(
            lambda tag, body: f"<{tag}>{''.join(body)}</{tag}>", st.sampled_from(TAGS), st.lists(inner, max_size=3)
        ),
        max_leaves=12,
    ),
    st.sampled_from(["text", "presentation", "spreadsheet"]),
)
def test_any_structure_ends_in_a_state(body: str, kind: str) -> None:
    data = packed({"content.xml": content(f"<office:{kind}>{body}</office:{kind}>")})
    assert READERS[".odt"].read(data, "a.odt")
