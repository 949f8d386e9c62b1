"""PDF pages in the order in which they are read: columns, tables, what runs across, and on which page each word is."""

import io
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from rag.corpus.readers import READERS
from rag.datatypes import Document

LEFT = [f"left line {number} runs on over the edge of its column" for number in range(12)]
RIGHT = [f"right line {number} has some more of the same to say" for number in range(12)]


def drawn(draw: Callable[[Canvas], None]) -> bytes:
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    draw(canvas)
    canvas.save()
    return stream.getvalue()


def read(draw: Callable[[Canvas], None]) -> Document:
    outcome = READERS[".pdf"].read(drawn(draw), "a.pdf")
    assert isinstance(outcome, Document), outcome
    return outcome


def down(canvas: Canvas, x: float, y: float, lines: list[str], size: float = 9, leading: float = 11) -> None:
    canvas.setFont("Helvetica", size)
    for number, line in enumerate(lines):
        canvas.drawString(x, y - leading * number, line)


def table(canvas: Canvas, rows: list[list[str]], xs: list[float], y: float = 700, leading: float = 14) -> None:
    """Rows of cells: the first begins at its x, the others end there."""
    canvas.setFont("Helvetica", 9)
    for number, row in enumerate(rows):
        for x, cell in zip(xs, row, strict=True):
            write = canvas.drawString if x == xs[0] else canvas.drawRightString
            write(x, y - leading * number, cell)


# ------------------------------------------------------------ columns


@pytest.mark.parametrize("shift", [0, 4])
@pytest.mark.parametrize("by_row", [False, True])
def test_two_columns_are_read_one_after_the_other_whatever_the_order_of_the_file(shift: float, by_row: bool) -> None:
    def draw(canvas: Canvas) -> None:
        if by_row:
            for number, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True)):
                down(canvas, 60, 700 - 11 * number, [left])
                down(canvas, 310, 700 - shift - 11 * number, [right])
        else:
            down(canvas, 310, 700 - shift, RIGHT)
            down(canvas, 60, 700, LEFT)

    text = read(draw).text
    assert [line for line in text.split("\n") if line] == LEFT + RIGHT
    assert "|" not in text


def test_a_heading_across_and_text_below_the_columns_stay_in_their_places() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 20)
        canvas.drawCentredString(300, 740, "A title over both of the columns")
        down(canvas, 60, 700, LEFT)
        down(canvas, 310, 700, RIGHT)
        down(canvas, 60, 540, ["This line goes across the whole page from the left column far into the right one."] * 2)

    lines = [line for line in read(draw).text.split("\n") if line]
    assert lines[0] == "# A title over both of the columns"
    assert lines[1:25] == LEFT + RIGHT
    assert lines[25].startswith("This line goes across")


def test_three_columns() -> None:
    def draw(canvas: Canvas) -> None:
        for column in range(3):
            lines = [f"of column {column} this is the row {row}" for row in range(10)]
            down(canvas, 50 + 175 * column, 700, lines, size=8)

    order = [line[10] for line in read(draw).text.split("\n") if line]
    assert order == ["0"] * 10 + ["1"] * 10 + ["2"] * 10


def test_a_sidebar_is_a_text_of_its_own() -> None:
    def draw(canvas: Canvas) -> None:
        down(canvas, 60, 700, [f"the story goes on in its line {number}, which is long enough" for number in range(14)])
        down(canvas, 430, 702, ["in short: the", "tide comes in", "twice a day and", "goes out again"], 8, 9.5)

    text = read(draw).text
    assert "in short: the\ntide comes in\ntwice a day and\ngoes out again" in text
    assert text.index("line 13") < text.index("in short")


def test_footnotes_follow_the_column_that_they_stand_in() -> None:
    def draw(canvas: Canvas) -> None:
        down(canvas, 60, 700, LEFT)
        down(canvas, 60, 560, ["1 a note on the left side in small letters", "that goes on in a second line"], 7, 8)
        down(canvas, 310, 700, RIGHT)

    text = read(draw).text
    assert text.index("line 11 runs") < text.index("1 a note") < text.index("right line 0")


def test_a_word_that_goes_on_in_the_next_line_or_column_is_put_together() -> None:
    left = [*LEFT[:-1], "the last word of it is not at its own con-"]
    right = ["clusion, as everybody sees who turns to it", *RIGHT[1:]]

    def draw(canvas: Canvas) -> None:
        down(canvas, 60, 700, left)
        down(canvas, 310, 700, right)

    found = read(draw)
    assert "at its own conclusion,\nas everybody" in found.text
    assert dict(found.metadata)["hyphens_mended"] == "1"


def test_a_line_of_half_a_word_alone_ends_its_line_all_the_same() -> None:
    lines = ["This manual is for the pumps of the harbour, and for their manip-", "ulation.", "Copyright of the yard"]
    text = read(lambda canvas: down(canvas, 60, 700, lines)).text
    assert text == "This manual is for the pumps of the harbour, and for their manipulation.\nCopyright of the yard"
    lines = [*lines[:1], "ula-", "tion of all kinds"]
    assert "their manipulation\nof all kinds" in read(lambda canvas: down(canvas, 60, 700, lines)).text


def test_a_hyphen_that_belongs_to_its_word_is_kept() -> None:
    lines = ["They bought a well-known brand in the harbour of the town, and it is still well-", "known today."]
    assert "still well-known\ntoday." in read(lambda canvas: down(canvas, 60, 700, lines)).text
    lines = ["All of the third party and its financing were seen, as were all of the party-", "financing deals."]
    assert "party-financing" in read(lambda canvas: down(canvas, 60, 700, lines)).text


def test_ligatures_and_soft_hyphens_are_folded() -> None:
    from rag.corpus.readers.pdf.words import clean

    assert clean("o\ufb03ce \ufb01nal co\u00adoperate \ufeb3\ufefc\ufee1") == "office final cooperate سلام"


# ------------------------------------------------------------ tables


BALANCE = [
    ["Net sales:", "", "", "", ""],
    ["Products", "60,584", "63,355", "230,901", "245,241"],
    ["Services", "21,213", "19,604", "62,886", "58,941"],
    ["Other income/(expense), net", "(265)", "(10)", "(594)", "—"],
    ["Share of the whole", "5%", "8%", "(1)%", "12.5%"],
]


def test_each_figure_of_a_table_stands_under_all_that_heads_it() -> None:
    xs = [60.0, 300, 370, 440, 510]

    def draw(canvas: Canvas) -> None:
        down(canvas, 60, 760, ["The following table shows what was earned (in millions):"])
        canvas.drawCentredString(320, 735, "Three Months")
        canvas.drawCentredString(460, 735, "Nine Months")
        canvas.line(270, 733, 372, 733)
        canvas.line(410, 733, 512, 733)
        table(
            canvas,
            [["", "July 1,", "June 25,", "July 1,", "June 25,"], ["", "2023", "2022", "2023", "2022"]],
            xs,
            722,
            9,
        )
        table(canvas, BALANCE, xs)
        down(canvas, 60, 600, ["See the notes, which are a part of what is shown here, for all that is to be said."])

    lines = read(draw).text.split("\n")
    at = lines.index("| --- | --- | --- | --- | --- |")
    heads = ["Three Months July 1, 2023", "Three Months June 25, 2022", "Nine Months July 1, 2023"]
    assert lines[at - 1] == f"|  | {' | '.join(heads)} | Nine Months June 25, 2022 |"
    assert lines[at + 1 : at + 3] == [
        "| Net sales: |  |  |  |  |",
        "| Products | 60,584 | 63,355 | 230,901 | 245,241 |",
    ]
    assert "| Other income/(expense), net | (265) | (10) | (594) | — |" in lines
    assert lines[-1].startswith("See the notes")


def test_a_currency_sign_far_from_its_amount_is_put_to_it_and_a_name_in_two_lines_is_one() -> None:
    def draw(canvas: Canvas) -> None:
        table(canvas, [["", "2023", "2022"], ["Net income", "19,881", "19,442"]], [60, 400, 500])
        for x in (340, 440):
            canvas.drawString(x, 686, "$")
        down(canvas, 60, 672, ["Shares that were authorized, of which issued"])
        table(canvas, [["and outstanding, respectively", "70,667", "64,849"]], [60, 400, 500], 661)

    lines = read(draw).text.split("\n")
    assert lines[0] == "|  | 2023 | 2022 |"
    assert lines[2:] == [
        "| Net income | $19,881 | $19,442 |",
        "| Shares that were authorized, of which issued and outstanding, respectively | 70,667 | 64,849 |",
    ]


def test_cells_between_rules_keep_all_of_their_lines() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.grid([60, 160, 400], [700, 670, 630])
        down(canvas, 65, 690, ["Part"])
        down(canvas, 165, 690, ["What it is for"])
        down(canvas, 65, 655, ["Gasket"])
        down(canvas, 165, 660, ["keeps the water out", "of the gear box"])

    assert (
        read(draw).text == "| Part | What it is for |\n| --- | --- |\n| Gasket | keeps the water out of the gear box |"
    )


def test_lists_with_their_markers_apart_are_lists_and_no_tables() -> None:
    def draw(canvas: Canvas) -> None:
        for number, text in enumerate(("take the key", "open the gate", "wait")):
            down(canvas, 60, 700 - 12 * number, ["•"])
            down(canvas, 90, 700 - 12 * number, [text])
            down(canvas, 60, 600 - 12 * number, [f"{number + 1}."])
            down(canvas, 90, 600 - 12 * number, [text])

    assert read(draw).text == (
        "- take the key\n- open the gate\n- wait\n\n1. take the key\n2. open the gate\n3. wait"
    ).replace("wait\n\n1.", "wait\n1.")


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_text_set_to_full_lines_with_uneven_spaces_is_no_table(seed: int) -> None:
    draw_from = random.Random(seed)
    words = ["the", "of", "harbour", "tide", "it", "gate", "in", "water", "engineer", "pumps", "a", "crew", "light"]

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Times-Roman", 10)
        for line in range(12):
            text = draw_from.choices(words, k=draw_from.randint(9, 11))
            gap = (300 - sum(canvas.stringWidth(word) for word in text)) / (len(text) - 1)
            x = 60.0
            for word in text:
                canvas.drawString(x, 700 - 12 * line, word)
                x += canvas.stringWidth(word) + gap

    assert "|" not in read(draw).text


# ------------------------------------------------------------ other scripts, turned pages


def test_chinese_in_two_columns() -> None:
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    left = [f"左栏第{number}行写的是潮汐电站的运行情况与记录" for number in "一二三四五六七八"]
    right = [f"右栏第{number}行写的是渔港码头的装卸安排与时间" for number in "一二三四五六七八"]

    def draw(canvas: Canvas) -> None:
        canvas.setFont("STSong-Light", 10)
        for number in range(8):
            canvas.drawString(60, 700 - 14 * number, left[number])
            canvas.drawString(320, 700 - 14 * number, right[number])

    assert read(draw).text == "".join(left + right)


def test_words_from_right_to_left_come_in_the_order_in_which_they_are_read() -> None:
    from rag.corpus.readers.pdf.words import Word, row_of

    spoken = ["تبدأ", "الصيانة", "في", "15", "March", "2024", "صباحا"]
    shown = ["صباحا", "15", "March", "2024", "في", "الصيانة", "تبدأ"]
    places = [Word(text, 60 + 40 * at, 90 + 40 * at, 700, 10) for at, text in enumerate(shown)]
    assert row_of(places).text == " ".join(spoken)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_turned_pages_read_as_upright_ones_do(turn: int) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.setPageRotation(turn)
        canvas.translate(300, 400)
        canvas.rotate(turn)
        down(canvas, -200, 100, ["One line", "and the next."])

    assert read(draw).text == "One line\nand the next."


def test_a_note_up_the_edge_of_the_page_comes_after_the_text() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.saveState()
        canvas.translate(30, 300)
        canvas.rotate(90)
        canvas.drawString(0, 0, "set up the edge")
        canvas.restoreState()
        down(canvas, 60, 700, LEFT)

    assert read(draw).text.endswith("\n\nset up the edge")


def test_words_outside_of_the_page_are_left_out_and_counted() -> None:
    def draw(canvas: Canvas) -> None:
        down(canvas, 60, 700, ["Text."])
        down(canvas, 60, 2000, ["Nobody sees this."])
        down(canvas, -900, 600, ["Nor this."])

    found = read(draw)
    assert found.text == "Text."
    assert dict(found.metadata)["words_outside_pages"] == "2"


# ------------------------------------------------------------ pages


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), columns=st.integers(1, 3), count=st.integers(1, 6))
def test_every_word_is_found_on_its_page(seed: int, columns: int, count: int) -> None:
    """Over pages with a header, columns of words that occur once, and a table of figures that occur once."""
    draw_from = random.Random(seed)
    expected: dict[str, int] = {}

    def word(page: int) -> str:
        made = f"w{len(expected)}x{draw_from.choice(['quay', 'tide', 'kelp', 'crane'])}"
        expected[made] = page
        return made

    def draw(canvas: Canvas) -> None:
        for page in range(1, count + 1):
            down(canvas, 60, 800, ["The yearbook of the harbour", f"Page {page}"])
            for column in range(columns):
                lines = [" ".join(word(page) for _ in range(3)) for _ in range(draw_from.randint(0, 9))]
                down(canvas, 50 + 180 * column, 720, lines)
            if draw_from.random() < 0.7:
                table(
                    canvas,
                    [[word(page), *(str(draw_from.randint(10**6, 10**7)) for _ in "ab")] for _ in "abc"],
                    [60, 300, 420],
                    400,
                )
            canvas.showPage()
        canvas.drawString(60, 700, word(count + 1))

    found = read(draw)
    for text, page in expected.items():
        at = found.text.index(text)
        assert found.text[at : at + len(text)] == text
        assert found.page_at(at) == page
    ends = [(page.start, page.end) for page in found.pages]
    assert ends == sorted(ends)
    assert len(found.pages) == count + 1


def open_table(canvas: Canvas, across: list[int], rows: list[tuple[int, str, str]]) -> None:
    """A table of two columns with one line upright between them, from 700 down to 610."""
    for y in across:
        canvas.line(72, y, 400, y)
    canvas.line(200, 700, 200, 610)
    for y, one, other in rows:
        canvas.drawString(76, y, one)
        canvas.drawString(204, y, other)


WRAPPED = [
    *[
        (690, "Command", "What it does"),
        (675, "pump start", ""),
        (669, "", "starts the pump at once"),
        (663, "now", ""),
    ],
    *[(645, "pump stop", "stops it"), (622, "pump test", "runs for a minute, and"), (612, "", "reports")],
]


@pytest.mark.parametrize("across", [[700, 685, 660, 635, 610], [685, 660, 635], [700, 685, 660, 635]])
def test_a_ruled_table_without_sides_or_ends_has_the_cells_that_are_seen(across: list[int]) -> None:
    assert read(lambda canvas: open_table(canvas, across, WRAPPED)).text == (
        "| Command | What it does |\n| --- | --- |\n| pump start now | starts the pump at once |\n"
        "| pump stop | stops it |\n| pump test | runs for a minute, and reports |"
    )


def test_rows_that_no_lines_part_are_told_by_their_levels() -> None:
    rows = [
        (690, "Pump", "Speed"),
        (670, "Badger", "12"),
        (655, "Heron", "15"),
        (640, "Otter", "21"),
        (625, "Coot", "9"),
    ]
    assert read(lambda canvas: open_table(canvas, [700, 685, 610], rows)).text == (
        "| Pump | Speed |\n| --- | --- |\n| Badger | 12 |\n| Heron | 15 |\n| Otter | 21 |\n| Coot | 9 |"
    )


def test_a_page_with_rules_around_its_two_columns_is_no_table() -> None:
    def draw(canvas: Canvas) -> None:
        for y in (790, 770, 60):
            canvas.line(60, y, 540, y)
        canvas.line(300, 790, 300, 60)
        canvas.setFont("Helvetica", 10)
        for number in range(45):
            canvas.drawString(66, 755 - 15 * number, f"line {number} of the left column, which runs on to the next")
            canvas.drawString(306, 755 - 15 * number, f"line {number} of the right column, which runs on as well")

    text = read(draw).text
    assert "|" not in text
    assert text.index("line 44 of the left") < text.index("line 0 of the right")


def test_the_header_of_a_page_that_is_one_table_is_left_out() -> None:
    def draw(canvas: Canvas) -> None:
        for number in range(1, 7):
            canvas.drawString(60, 797, "Manual of pumps")
            canvas.drawString(480, 797, f"{number} / 6")
            open_table(canvas, [700, 685, 660, 635, 610], WRAPPED)
            canvas.showPage()

    assert read(draw).text.count("Manual of pumps") == 1
