"""Spreadsheets: XLSX made by xlsxwriter, XLS and XLSB by hand; cells as they are shown, each row a place."""

import io
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import READERS
from rag.corpus.readers.compose import WIDEST
from rag.corpus.readers.office import sheets, xlsb
from rag.corpus.readers.office.sheets import cell_name, column_name
from rag.datatypes import Document, State
from rag.text.markdown import blocks
from tests.corpus import biff
from tests.corpus.packed import packed, place, read, state, unread
from tests.corpus.word97 import compound

Workbook = Any  # xlsxwriter has no types


def book(fill: Callable[[Workbook], object], **options: object) -> bytes:
    stream = io.BytesIO()
    workbook = xlsxwriter.Workbook(stream, {"in_memory": True, **options})
    workbook.set_properties({"created": datetime(2024, 1, 1)})  # the clock's second would change the file's length
    fill(workbook)
    workbook.close()
    return stream.getvalue()


def xlsx(fill: Callable[[Workbook], object]) -> Document:
    return read(book(fill), ".xlsx")


def rows(*lines: tuple[object, ...], name: str = "Sheet1") -> Callable[[Workbook], object]:
    def fill(workbook: Workbook) -> None:
        sheet = workbook.add_worksheet(name)
        for at, line in enumerate(lines):
            sheet.write_row(at, 0, line)

    return fill


def test_a_sheet_is_a_heading_and_a_table_whose_rows_are_places() -> None:
    found = xlsx(rows(("Part", "Hold|time", "Since"), ("泵", 40.0, 2.5), ("مضخة", 7, ""), name="价格 2024"))
    assert found.text == (
        "## 价格 2024\n\n| Part | Hold\\|time | Since |\n| --- | --- | --- |\n| 泵 | 40 | 2.5 |\n| مضخة | 7 |  |\n"
    )
    assert place(found, "价格") == "价格 2024"
    assert place(found, "Part") == "'价格 2024'!A1:C1"
    assert place(found, "| 泵") == "'价格 2024'!A2:C2"
    assert place(found, "مضخة") == "'价格 2024'!A3:C3"
    assert {page.number for page in found.pages} == {1}


def test_values_are_shown_as_in_the_program() -> None:
    def fill(workbook: Workbook) -> None:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ("Kind", "Value"))
        formats = {"percent": "0.0%", "money": "[$€-407] #,##0.00", "day": "dd/mm/yyyy", "moment": "d mmm yy h:mm"}
        values = {"percent": 0.256, "money": 1234.5, "day": date(2024, 5, 1), "moment": datetime(2024, 5, 1, 9, 30)}
        for at, (name, code) in enumerate(formats.items(), 1):
            sheet.write(at, 0, name)
            sheet.write(at, 1, values[name], workbook.add_format({"num_format": code}))
        sheet.write_row(5, 0, ("truth", True))
        sheet.write(6, 0, "error")
        sheet.write_formula(6, 1, "=1/A99", value="#DIV/0!")
        sheet.write(7, 0, "sum")
        sheet.write_formula(7, 1, "=SUM(1,2)", value=3)
        sheet.write(8, 0, "unknown")
        sheet.write_formula(8, 1, "=NOW()", value="")
        sheet.write_rich_string(9, 0, "ri", workbook.add_format({"bold": True}), "ch")

    shown = dict(line.strip("| ").split(" | ") for line in xlsx(fill).text.splitlines()[4:12])
    assert shown == {
        "percent": "25.6%",
        "money": "€ 1,234.50",
        "day": "2024-05-01",
        "moment": "2024-05-01 09:30",
        "truth": "TRUE",
        "error": "#DIV/0!",
        "sum": "3",
        "unknown": "=NOW()",
    }
    assert xlsx(fill).text.endswith("rich\n")


def test_blank_rows_and_columns_separate_blocks() -> None:
    def fill(workbook: Workbook) -> None:
        sheet = workbook.add_worksheet()
        for top, left, name in ((0, 0, "a"), (0, 4, "b"), (5, 1, "c")):
            sheet.write_row(top, left, (f"{name} part", f"{name} count"))
            sheet.write_row(top + 1, left, (f"{name}1", 1))
            sheet.write_row(top + 2, left, (f"{name}2", 2))

    found = xlsx(fill)
    tables = [block for block in blocks(found.text) if block.kind == "table"]
    assert [found.text[slice(*table.header)].split("\n")[0] for table in tables if table.header] == [
        "| a part | a count |",
        "| b part | b count |",
        "| c part | c count |",
    ]
    assert place(found, "| b2") == "Sheet1!E3:F3"


def test_a_gap_within_a_table_does_not_cut_it() -> None:
    found = xlsx(rows(("Zone", "Sales", None, "Profit"), ("North", 12, None, 3), ("South", 9, None, 2)))
    assert "| Zone | Sales | Profit |\n| --- | --- | --- |\n| North | 12 | 3 |" in found.text


def test_titles_and_notes_around_a_table_are_paragraphs() -> None:
    found = xlsx(rows(("Report 2024",), ("Part", "Count"), ("pump", 2), ("(a) without spares",)))
    assert found.text == (
        "## Sheet1\n\nReport 2024\n\n| Part | Count |\n| --- | --- |\n| pump | 2 |\n\n(a) without spares\n"
    )
    assert place(found, "(a)") == "Sheet1!A4"


def test_names_in_several_rows_are_one_header_even_above_a_blank_row() -> None:
    found = xlsx(rows(("", "Sales", "Profit"), ("in CHF", "2024", "2024"), (), ("North", 12, 3), ("South", 9, 2)))
    assert "| in CHF | Sales 2024 | Profit 2024 |\n| --- | --- | --- |\n| North | 12 | 3 |" in found.text
    assert place(found, "Sales") == "Sheet1!A1:C2"
    assert place(found, "| North") == "Sheet1!A4:C4"


def test_rows_of_words_above_the_first_number_are_rows_and_no_names() -> None:
    found = xlsx(rows(("Name", "Value"), ("Kind", "Pump"), ("Power", "5 kW"), ("Year", 2020)))
    assert "| Name | Value |\n| --- | --- |\n| Kind | Pump |\n| Power | 5 kW |\n| Year | 2020 |\n" in found.text


def test_rows_behind_a_blank_one_go_on_under_the_names_of_their_table() -> None:
    table = (("Item", "Count", "Note"), ("bolt", 5, "new"), (), ("nut", 7, "old"), (), ("Total", 12))
    found = xlsx(rows(*table, (), ("nut", "seven", 7), (), ("checked by", "Ann")))
    header = "| Item | Count | Note |\n| --- | --- | --- |\n"
    assert f"{header}| nut | 7 | old |\n" in found.text
    assert "| Item | Count |\n| --- | --- |\n| Total | 12 |\n" in found.text
    assert place(found, "| Item | Count |\n") == "Sheet1!A6:B6"
    assert "|  |  |\n| --- | --- |\n| checked by | Ann |\n" in found.text
    assert "|  |  |  |\n| --- | --- | --- |\n| nut | seven | 7 |\n" in found.text


def test_rows_far_below_a_table_do_not_go_on_with_it() -> None:
    found = xlsx(rows(("Item", "Count"), ("bolt", 5), *([()] * 8), ("nut", 7), *([()] * 12), ("far", 9)))
    assert "| Item | Count |\n| --- | --- |\n| nut | 7 |\n" in found.text
    assert "|  |  |\n| --- | --- |\n| far | 9 |\n" in found.text


def test_the_names_of_another_table_are_not_lent() -> None:
    found = xlsx(rows(("Item", "Count"), ("bolt", 5), (), ("City", "People"), ("Rome", 3), (), ("Bern", 1)))
    assert "| City | People |\n| --- | --- |\n| Bern | 1 |\n" in found.text


def test_years_that_follow_each_other_are_names_of_columns() -> None:
    found = xlsx(rows(("Item", 2022, 2023, 2024), ("Sales", 10, 20, 30)))
    assert "| Item | 2022 | 2023 | 2024 |\n| --- | --- | --- | --- |\n| Sales |" in found.text
    assert "|  |  |\n| --- | --- |\n| Ann | 1999 |" in xlsx(rows(("Ann", 1999), ("Bob", 2001))).text


def test_a_name_over_several_columns_is_said_of_each() -> None:
    def fill(workbook: Workbook) -> None:
        sheet = workbook.add_worksheet()
        sheet.merge_range(0, 1, 0, 2, "Q1")
        sheet.merge_range(0, 3, 0, 4, "Q2")
        sheet.merge_range(0, 0, 1, 0, "Region")
        sheet.write_row(1, 1, ("Plan", "Actual", "Plan", "Actual"))
        sheet.write_row(2, 0, ("North", 1, 2, 3, 4))

    assert "| Region | Q1 Plan | Q1 Actual | Q2 Plan | Q2 Actual |\n" in xlsx(fill).text


def test_a_table_of_numbers_alone_has_an_empty_header() -> None:
    found = xlsx(rows((1, 2), (3, 4)))
    assert found.text == "## Sheet1\n\n|  |  |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |\n"
    assert blocks(found.text)[-1].kind == "table"
    assert place(found, "| 1") == "Sheet1!A1:B1"


def test_merged_cells_stand_in_each_of_their_rows() -> None:
    def fill(workbook: Workbook) -> None:
        sheet = workbook.add_worksheet()
        sheet.write_row(0, 0, ("Site", "Pump"))
        sheet.merge_range(1, 0, 3, 0, "Hamburg")
        sheet.write_column(1, 1, ("A", "B", "C"))

    assert "| Hamburg | A |\n| Hamburg | B |\n| Hamburg | C |\n" in xlsx(fill).text


def test_hidden_sheets_comments_and_text_boxes_are_read() -> None:
    def fill(workbook: Workbook) -> None:
        workbook.add_worksheet("Open").write(0, 0, "seen")
        sheet = workbook.add_worksheet("Back")
        sheet.write(0, 0, "unseen")
        sheet.write_comment(0, 0, "why?")
        sheet.insert_textbox(3, 3, "Draft only")
        sheet.hide()
        workbook.add_worksheet("Blank")

    found = xlsx(fill)
    assert "## Back\n\n(hidden sheet)\n\nunseen\n\nComment on A1: why?\n\nDraft only\n" in found.text
    assert "Blank" not in found.text
    assert place(found, "why") == "Back!A1"
    assert found.pages[-1].number == 2


def test_a_table_wider_than_a_table_may_be_loses_nothing() -> None:
    names = [f"name{at}" for at in range(2 * WIDEST)]
    found = xlsx(rows(("Key", *names), ("row1", *range(1000, 1000 + len(names)))))
    assert all(f"| {name} |" in found.text for name in names)
    assert found.text.count("| row1 |") == 3
    assert place(found, "name127") == f"Sheet1!A1:{column_name(128)}1"
    assert max(line.count("|") for line in found.text.splitlines()) <= WIDEST + 1


def test_rows_beyond_those_with_places_of_their_own_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_PLACES", 10)
    found = xlsx(rows(("Key", "n"), *((f"k{at}", at) for at in range(2, 131))))
    assert place(found, "| k10 ") == "Sheet1!A10:B10"
    assert place(found, "| k12 ") == "Sheet1!A12:B61"
    assert place(found, "| k130 ") == "Sheet1!A112:B130"


def test_cells_far_apart_take_no_space_between_them() -> None:
    def fill(workbook: Workbook) -> None:
        sheet = workbook.add_worksheet()
        sheet.write(0, 0, "near")
        sheet.write(1048575, 16383, "far")

    found = xlsx(fill)
    assert found.text == "## Sheet1\n\nnear\n\nfar\n"
    assert place(found, "far") == "Sheet1!XFD1048576"


def test_what_is_too_much_to_read_is_a_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_CELLS", 10)
    assert state(book(rows(*[(1, 2, 3)] * 4)), ".xlsx") is State.TOO_LARGE
    monkeypatch.setattr(sheets, "MOST_CHARACTERS", 10)
    assert state(book(rows(("long text", "long text"))), ".xlsx") is State.TOO_LARGE


def test_an_empty_workbook_is_empty() -> None:
    assert state(book(lambda workbook: workbook.add_worksheet()), ".xlsx") is State.EMPTY


OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def by_hand(*lines: str) -> dict[str, str]:
    """The parts of a workbook of one sheet, as few as there may be."""
    package = "http://schemas.openxmlformats.org/package/2006/relationships"

    def related(kind: str, target: str) -> str:
        entry = f'<Relationship Id="r1" Type="{OFFICE}/{kind}" Target="{target}"/>'
        return f'<Relationships xmlns="{package}">{entry}</Relationships>'

    sheets = '<sheets><sheet name="S" r:id="r1"/></sheets>'
    return {
        "_rels/.rels": related("officeDocument", "/xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}">{sheets}</workbook>',
        "xl/_rels/workbook.xml.rels": related("worksheet", "s.xml"),
        "xl/s.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>',
    }


def test_cells_without_names_follow_each_other() -> None:
    cells = "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in ("a", "b"))
    found = read(packed(by_hand(f"<row>{cells}</row>", f"<row>{cells}</row>")), ".xlsx")
    assert found.text == "## S\n\n| a | b |\n| --- | --- |\n| a | b |\n"
    assert [page.label for page in found.pages] == ["S", "S!A1:B1", "S!A2:B2"]


def test_the_strict_form_of_the_standard_is_read() -> None:
    cells = '<row><c t="inlineStr"><is><t>text</t></is></c></row>'
    strict = {
        name: text.replace(MAIN, "http://purl.oclc.org/ooxml/spreadsheetml/main").replace(
            OFFICE, "http://purl.oclc.org/ooxml/officeDocument/relationships"
        )
        for name, text in by_hand(cells).items()
    }
    assert read(packed(strict), ".xlsx").text == "## S\n\ntext\n"


def test_one_long_text_in_many_cells_is_counted_as_often_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_CHARACTERS", 1000)
    cell = f'<c t="inlineStr"><is><t>{"x" * 300}</t></is></c>'
    assert state(packed(by_hand(f"<row>{cell * 4}</row>")), ".xlsx") is State.TOO_LARGE


@pytest.mark.parametrize("name", ["A1", "Z9", "AA10", "XFD1048576"])
def test_cells_are_named_as_in_the_program(name: str) -> None:
    letters = name.rstrip("0123456789")
    column = 0
    for letter in letters:
        column = 26 * column + ord(letter) - 64
    assert cell_name(int(name.removeprefix(letters)) - 1, column - 1) == name


CELLS = st.dictionaries(st.tuples(st.integers(0, 12), st.integers(0, 6)), st.integers(0, 999), min_size=1, max_size=30)
LETTERS = "ABCDEFG"


@settings(max_examples=40, deadline=None)
@given(CELLS, st.booleans())
def test_each_cell_is_said_at_a_place_that_holds_it(cells: dict[tuple[int, int], int], texts: bool) -> None:
    said = {
        (row, column): f"q{row}x{column}x" if texts or number % 2 else str(100_000 + 100 * row + column)
        for (row, column), number in cells.items()
    }

    def fill(workbook: Workbook) -> None:
        sheet = workbook.add_worksheet("S")
        for (row, column), quote in said.items():
            sheet.write(row, column, int(quote) if quote.isdigit() else quote)

    found = xlsx(fill)
    for (row, column), quote in said.items():
        start = found.text.index(quote)
        assert found.text[start : start + len(quote)] == quote
        first, _, last = place(found, quote).removeprefix("S!").partition(":")
        assert LETTERS.index(first[0]) <= column <= LETTERS.index((last or first)[0])
        assert int(first[1:]) <= row + 1 <= int((last or first)[1:])


@settings(max_examples=30, deadline=None)
@given(st.data())
@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".xlsb"])
def test_damaged_files_end_in_a_state(suffix: str, data: st.DataObject) -> None:
    written = {
        ".xlsx": lambda: book(rows(("a", 1), ("b", 2))),
        ".xls": lambda: biff.xls({"S": {(0, 0): ("a", 0), (1, 0): (0.5, biff.PERCENT)}}),
        ".xlsb": lambda: biff.xlsb({(0, 0): "a", (1, 1): 2.0}),
    }
    content = bytearray(written[suffix]())
    for _ in range(data.draw(st.integers(1, 10))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assert READERS[suffix].read(bytes(content), f"a{suffix}")


# ---------------------------------------------------------------- XLS and XLSB


def test_an_old_workbook_is_shown_as_a_new_one() -> None:
    cells: dict[tuple[int, int], tuple[biff.Value, int]] = {
        **{(0, 0): ("Part", 0), (0, 1): ("Share", 0), (1, 0): ("泵", 0), (1, 1): (0.256, biff.PERCENT)},
        **{(2, 0): ("since", 0), (2, 1): (45000.0, biff.DATE), (3, 0): ("lost", 0), (3, 1): (None, 0)},
        **{(4, 0): ("sure", 0), (4, 1): (True, 0), (5, 0): ("n", 0), (5, 1): (2.0, 0)},
    }
    stream = biff.xls({"表": cells, "Old": {(2, 2): ("far", 0)}}, hidden=("Old",))
    for data in (stream, compound({"Workbook": stream})):
        found = read(data, ".xls")
        assert found.text == (
            "## 表\n\n| Part | Share |\n| --- | --- |\n| 泵 | 25.60% |\n| since | 2023-03-15 |\n| lost | #REF! |\n"
            "| sure | TRUE |\n| n | 2 |\n\n## Old\n\n(hidden sheet)\n\nfar\n"
        )
        assert place(found, "| lost") == "表!A4:B4"
        assert place(found, "far") == "Old!C3"


def test_a_workbook_of_binary_records_is_read() -> None:
    found = read(
        biff.xlsb({(0, 0): "Part", (0, 1): "n", (1, 0): "泵", (1, 1): 2.0, (2, 0): "é", (2, 1): True}), ".xlsb"
    )
    assert found.text == "## Sheet1\n\n| Part | n |\n| --- | --- |\n| 泵 | 2 |\n| é | TRUE |\n"
    assert place(found, "| é") == "Sheet1!A3:B3"


def test_binary_cells_far_apart_are_refused_before_memory_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = unread(biff.xlsb({(0, 0): "near", (1048575, 16383): "far"}), ".xlsb")
    assert outcome.state is State.TOO_LARGE
    assert "1048576 rows" in outcome.reason
    monkeypatch.setattr(xlsb, "_MOST_AREA", 3)
    assert state(biff.xlsb({(0, 0): "a", (1, 1): "b"}), ".xlsb") is State.TOO_LARGE


def test_other_bytes_under_the_name_of_a_workbook_are_damaged() -> None:
    assert state(b"Part\tCount\npump\t2\n", ".xls") is State.FAILED
    assert state(b"<html><table></table></html>", ".xls") is State.FAILED
    assert state(packed({"a": "b"}), ".xlsb") in (State.FAILED, State.EMPTY)
