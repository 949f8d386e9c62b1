"""Reading order: columns, rows, tables and paragraphs out of lines that stand somewhere. No model is asked."""

from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.readers.pictures.ocr import ILLEGIBLE, Line, Seen
from rag.corpus.readers.pictures.ocr_layout import parts


def line(text: str, left: float, top: float, *, width: float | None = None, confidence: float = 0.99) -> Line:
    return Line(text, confidence, left, top, left + (width or 10 * len(text)), top + 20)


def read(*lines: Line) -> str:
    return "".join(part.text for part in parts(lines))


def test_lines_that_follow_each_other_are_a_paragraph() -> None:
    first = line("The pump of the northern station was built", 100, 100, width=420)
    assert read(first, line("in the year of the great flood and it", 100, 126, width=415)) == (
        "The pump of the northern station was built in the year of the great flood and it"
    )


def test_chinese_lines_are_joined_without_a_space_and_korean_ones_with_one() -> None:
    assert read(line("新鲜海带经清洗沥水后", 100, 100, width=400), line("铺在网带上。", 100, 126, width=150)) == (
        "新鲜海带经清洗沥水后铺在网带上。"
    )
    assert " " in read(line("펌프는 북쪽 역에", 100, 100, width=400), line("있습니다.", 100, 126, width=150))


def test_a_word_that_is_broken_keeps_its_hyphen() -> None:
    assert read(line("consectetuer adip-", 100, 100, width=200), line("iscing elit", 100, 126, width=110)) == (
        "consectetuer adip-iscing elit"
    )


def test_a_gap_a_short_last_line_a_list_or_larger_letters_end_a_paragraph() -> None:
    full = line("The pump runs by day and by night, and in the", 100, 100, width=450)
    assert read(full, line("morning too.", 100, 126), line("Another one begins here.", 100, 200)).count("\n\n") == 1
    assert read(full, line("morning.", 100, 126), line("Then it stops for good.", 100, 152)).count("\n\n") == 1
    assert read(full, line("1. It is switched off.", 100, 126), line("2. It is cleaned.", 100, 152)).count("\n\n") == 2
    title = Line("Pump manual", 0.99, 100, 50, 400, 95)
    assert read(title, full) == f"Pump manual\n\n{full.text}"


def test_columns_of_text_are_read_one_after_the_other() -> None:
    title = line("A title over both of the columns of this page", 150, 20, width=500)
    left = [line(f"left line {number} of the text", 50, 100 + 26 * number, width=300) for number in range(5)]
    right = [line(f"right line {number} of the text", 400, 103 + 26 * number, width=300) for number in range(5)]
    mixed = [each for pair in zip(left, right, strict=True) for each in pair]
    text = read(title, *mixed, line("A footer over both of them, on the last line", 150, 300, width=500))
    expected = [title.text, *(each.text for each in left), *(each.text for each in right), "A footer"]
    assert [text.index(each) for each in expected] == sorted(text.index(each) for each in expected)


def test_cells_under_each_other_are_a_table_read_by_rows() -> None:
    cells = [("Code", 100), ("Meaning", 300), ("H01", 100), ("belt off centre", 300), ("H03", 100), ("dry", 300)]
    lines = [line(text, left, 100 + 30 * (at // 2)) for at, (text, left) in enumerate(cells)]
    assert read(*lines) == "| Code | Meaning |\n| --- | --- |\n| H01 | belt off centre |\n| H03 | dry |"


def test_a_cell_that_is_missing_leaves_its_column_empty() -> None:
    lines = [line("a", 100, 100), line("b", 200, 100), line("c", 300, 100), line("1", 100, 130), line("3", 300, 130)]
    assert read(*lines).endswith("| 1 |  | 3 |")


def test_what_is_not_legible_is_marked_in_its_place_once() -> None:
    blurred = line("xx", 100, 126, width=400, confidence=0.4)
    also = line("yy", 100, 152, width=400, confidence=0.4)
    first, last = line("This must", 100, 100, width=400), line("be done at once.", 100, 178)
    assert read(first, blurred, also, last) == f"This must {ILLEGIBLE} be done at once."
    assert parts([blurred, also]) == []


def test_text_cannot_be_taken_for_structure() -> None:
    assert read(line("# no heading", 100, 100)) == "\\# no heading"
    row = [line("a | b", 100, 100), line("c", 300, 100), line("d", 100, 130), line("e", 300, 130)]
    assert "a \\| b" in read(*row)


LINES = st.builds(
    Line,
    st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=12),
    st.floats(0, 1),
    st.floats(0, 500),
    st.floats(0, 500),
    st.floats(501, 900),
    st.floats(501, 900),
)


@given(st.lists(LINES, max_size=25))
def test_each_line_is_in_one_part(lines: list[Line]) -> None:
    found = [(each.left, each.top, each.right, each.bottom) for part in parts(lines) for each in part.lines]
    legible = any(each.legible for each in lines)
    assert sorted(found) == sorted((each.left, each.top, each.right, each.bottom) for each in lines if legible)


def test_a_place_on_a_turned_picture_is_given_as_on_the_picture() -> None:
    there = Line("x", 1.0, 10, 20, 30, 40)
    assert Seen((there,), 100, 200).share(there) == (0.1, 0.1, 0.3, 0.2)
    assert Seen((there,), 100, 200, 1).share(there) == (0.8, 0.1, 0.9, 0.3)
    assert Seen((there,), 100, 200, 2).share(there) == (0.7, 0.8, 0.9, 0.9)
