"""CSV and TSV: the dialect, the header, the place of each row."""

import csv
import io
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import READERS, Unread
from rag.datatypes import Document, place_at
from rag.index.chunking import Chunking
from rag.index.split import split
from rag.models.fakes import HashEmbedder


def read(data: bytes | str, path: str = "a.csv") -> Document:
    outcome = READERS[path[1:]].read(data.encode() if isinstance(data, str) else data, path)
    assert isinstance(outcome, Document), outcome
    return outcome


TABLE = "| Pin | Load |\n| --- | --- |\n| A | 4 t |\n| B | 2 t |\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends_are_told(delimiter: str, end: str) -> None:
    text = end.join(delimiter.join(row) for row in (["Pin", "Load"], ["A", "4 t"], ["B", "2 t"]))
    assert read(text).text == TABLE


def test_encodings_are_those_of_any_text() -> None:
    table = "销钉,载荷\n甲,四吨\n乙,二吨\n"
    for encoding in ("utf-8-sig", "utf-16"):
        assert read(table.encode(encoding)).text.startswith("| 销钉 | 载荷 |\n")


def test_quoted_cells_keep_delimiters_and_lose_their_line_ends() -> None:
    found = read('name,note\r\nwinch,"big, with ""pawl""\r\nand | drum"\r\npin,x\r\n')
    assert '| winch | big, with "pawl" and \\| drum |' in found.text
    assert place_at(found.pages, found.text.index("pin")) == "row 3"


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("1,2\n3,4\n", "|  |  |"),
        ("a,a\nb,c\n", "|  |  |"),
        ("2024-01-01,x\n2024-01-02,y\n", "|  |  |"),
        ("name,age\nMia,4\n", "| name | age |"),
        ("only,row\n", "|  |  |"),
    ],
)
def test_a_first_row_that_names_nothing_is_no_header(text: str, header: str) -> None:
    assert read(text).text.split("\n")[0] == header


def test_years_and_a_repeated_name_may_head_columns() -> None:
    assert read("Region,2021,2022\nNorth,1,2\n").text.startswith("| Region | 2021 | 2022 |\n| --- |")
    many = ",".join("abcdefghij") + ",a"
    assert read(f"{many}\n{many.replace('a', '1')}\n").text.startswith("| a | b | c |")
    assert read("Ann,1999\nBob,2001\n").text.startswith("|  |  |\n")


def test_a_line_for_excel_names_the_delimiter_and_is_no_row() -> None:
    found = read("sep=;\r\nPin;Load, t\r\nA;4,5\r\n")
    assert found.text == "| Pin | Load, t |\n| --- | --- |\n| A | 4,5 |\n"
    assert [page.label for page in found.pages] == ["row 1", "row 2"]


def test_remarks_above_a_narrow_table_are_paragraphs() -> None:
    assert read("# made by hand\n# twice\nPin,Load\nA,4 t\nB,2 t\n").text == f"\\# made by hand\n\n\\# twice\n\n{TABLE}"


def test_a_title_above_the_table_is_a_paragraph() -> None:
    found = read("Cups,,\nTeam,City,Won\nBlues,STL,1\n")
    assert found.text == "Cups\n\n| Team | City | Won |\n| --- | --- | --- |\n| Blues | STL | 1 |\n"
    assert [page.label for page in found.pages] == ["row 1", "row 2", "row 3"]


def test_text_with_commas_is_one_column() -> None:
    assert read("Pins\nA, the first\nB\nC\nD\n").text.startswith("| Pins |\n| --- |\n| A, the first |\n")


def test_a_quotation_mark_that_is_never_closed_swallows_no_rows() -> None:
    rows = [f'{number}\t"{number} inch\tx\n' for number in range(5)]
    found = read("n\tsize\tz\n" + "".join(rows), "a.tsv")
    assert found.text.count("\n") == 7
    assert '"3 inch' in found.text


def test_a_wide_table_is_written_as_records() -> None:
    names = [f"measured value {number}" for number in range(30)]
    found = read(",".join(names) + "\n" + ",".join(str(number) for number in range(30)) + "\n")
    assert "- measured value 7: 7\n" in found.text
    assert place_at(found.pages, found.text.index("measured value 7: 7")) == "row 2"


def test_the_header_row_joins_the_context_of_rows_that_are_split() -> None:
    text = "pin,load in tonnes\n" + "".join(f"P{number},{number * 7}\n" for number in range(400))
    chunks = split(read(text), HashEmbedder(), Chunking())
    assert len(chunks) > 3
    assert {chunk.table_header for chunk in chunks[1:]} == {"| pin | load in tonnes |"}


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\x1a"), max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(cells, min_size=2, max_size=4), min_size=1, max_size=8))
def test_every_cell_is_there_at_the_place_of_its_row(rows: list[list[str]]) -> None:
    stream = io.StringIO()
    csv.writer(stream).writerows([["first name", "last name", "age of it", "end"], *rows])
    outcome = READERS[".csv"].read(stream.getvalue().encode(), "a.csv")
    if isinstance(outcome, Unread):
        return
    assert all(0 <= page.start <= page.end <= len(outcome.text) for page in outcome.pages)
    for page in outcome.pages:
        assert outcome.text[page.start : page.end].strip()
        assert page.label.startswith("row ")


def test_rows_beyond_ten_thousand_share_places() -> None:
    found = read("a,b\n" + "x,1\n" * 25_000)
    assert len(found.pages) <= 10_000
    assert place_at(found.pages, len(found.text) - 3) == "rows 24999–25001" or "rows" in found.pages[-1].label


def test_a_large_table_takes_a_few_times_its_size() -> None:
    data = ("id,name,score\n" + "".join(f"{number},name {number},{number / 7}\n" for number in range(100_000))).encode()
    tracemalloc.start()
    read(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * len(data) + 2**22


@pytest.mark.parametrize("data", [b'"' * 1000, b"," * 1000, b"a,b\n" * 1000, b'a\t"b\n' * 1000, b"\n" * 1000 + b"a,b"])
def test_odd_tables_are_read_as_well_as_they_can_be(data: bytes) -> None:
    assert read(data).text.strip()
