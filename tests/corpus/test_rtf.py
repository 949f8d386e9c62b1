"""RTF texts made by hand: code pages by font, structure, notes; anything else ends in a state."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import READERS
from rag.datatypes import State
from tests.corpus.packed import read, state, unread

FONTS = (
    r"{\fonttbl{\f0\fswiss\fcharset0 Arial;}{\f1\fnil\fcharset134 SimSun;}{\f2\fcharset204 Arial CYR;}"
    r"{\f3\fcharset128 MS Gothic;}{\f4\fcharset178 Arial (Arabic);}{\f5\fcharset2 Symbol;}}"
)
STYLES = r"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 \'dcberschrift 1;}{\s2\sbasedon0 heading 2;}}"


def rtf(body: str, head: str = r"\ansi\ansicpg1252\deff0") -> bytes:
    return ("{\\rtf1" + head + FONTS + STYLES + body + "}").encode("latin-1")


def text(body: str, head: str = r"\ansi\ansicpg1252\deff0") -> str:
    return read(rtf(body, head), ".rtf").text


def quoted(words: str, encoding: str) -> str:
    """Bytes as RTF writes them: `\\'c4` beyond ASCII, others as they are (second halves of characters too)."""
    data = words.encode(encoding)
    return "".join(chr(byte) if 32 <= byte < 127 and byte not in b"\\{}" else f"\\'{byte:02x}" for byte in data)


@pytest.mark.parametrize(
    ("font", "words", "encoding"),
    [
        (1, "中文测试：泵的维护", "gb18030"),
        (2, "Привет, мир", "cp1251"),
        (3, "日本語の表ソ", "cp932"),
        (4, "مضخة", "cp1256"),
    ],
)
def test_each_font_has_its_own_code_page(font: int, words: str, encoding: str) -> None:
    assert text(rf"\f0 caf\'e9 \f{font} {quoted(words, encoding)}\f0  \'fc\par") == f"café {words} ü\n"


@pytest.mark.parametrize(("page", "words"), [(936, "泵的维护手册"), (1251, "Насос"), (932, "保守"), (1253, "αντλία")])
def test_the_code_page_of_the_file_holds_where_a_font_says_nothing(page: int, words: str) -> None:
    encoding = {936: "gb18030", 932: "cp932"}.get(page, f"cp{page}")
    assert text(rf"\f0 {quoted(words, encoding)}\par", rf"\ansi\ansicpg{page}\deff0") == f"{words}\n"


def test_unicode_stands_for_the_characters_behind_it() -> None:
    assert text(r"\u20013?\uc2\u25991\'ce\'c4\uc0\u33521 \uc1\u-10179?\u-8704? end\par") == "中文英😀 end\n"


def test_headings_lists_and_tables_are_marked() -> None:
    body = (
        r"\pard\s1 Guide\par\pard\s2 Start\par\pard It runs.\par"
        r"\pard{\listtext\pard\plain 1.\tab}\ls1\ilvl0 Open\par{\listtext\f5\'b7\tab}\ls1\ilvl1 deeper\par"
        r"\trowd\cellx100\cellx200\pard\intbl Part\cell Hold|time\cell\row"
        r"\trowd\clvmgf\cellx100\cellx200\pard\intbl P-1\cell 40\par min\cell\row"
        r"\trowd\clvmrg\cellx100\cellx200\pard\intbl\cell 50\cell\row\pard After\par"
    )
    assert text(body) == (
        "# Guide\n\n## Start\n\nIt runs.\n\n1. Open\n   - deeper\n\n"
        "| Part | Hold\\|time |\n| --- | --- |\n| P-1 | 40 min |\n| P-1 | 50 |\n\nAfter\n"
    )


def test_notes_comments_and_headers_stand_apart() -> None:
    body = (
        r"{\header\pard Company \'a9\par}\pard One{\footnote\pard{\super\chftn} A note.\par} two"
        r"{\*\atnid A}{\*\atnauthor Bob}{\*\annotation\pard why?\par} three\par Next.\par"
    )
    assert text(body) == "One[^1] two three\n\n[^1]: A note.\n\nComment by Bob: why?\n\nNext.\n\nHeader: Company ©\n"


def test_what_is_hidden_deleted_or_no_text_is_left_out() -> None:
    body = (
        r"Kept {\v hidden }{\deleted gone }\v also \v0 and{\pict\wmetafile8 0102abcd}{\*\unknown x}"
        r"{\field{\*\fldinst HYPERLINK x}{\fldrslt  link}}{\object{\*\objdata 01}{\result  seen}}"
        r"\bin3 \{}} 10{\super 3}\par"
    )
    assert text(body) == "Kept and link seen 10^3\n"


def test_what_the_file_says_of_itself_is_metadata() -> None:
    info = r"{\info{\title Die \'dcbung}{\author \u26446?\u26126?}{\creatim\yr2020\mo1}{\revtim\yr2024\mo5\dy2\hr3}}"
    found = read(rtf(info + r"text\par"), ".rtf")
    assert found.title == "Die Übung"
    assert dict(found.metadata) == {"title": "Die Übung", "author": "李明", "date": "2024-05-02"}


def test_bytes_that_are_not_in_the_code_page_are_named() -> None:
    outcome = unread(rtf(r"\f3 \'81\'01\'85\'02\par", r"\ansi\ansicpg932"), ".rtf")
    assert outcome.state is State.UNDECODABLE
    assert "cp932" in outcome.reason


def test_what_is_no_rtf_is_damaged() -> None:
    assert state(b"plain text", ".rtf") is State.FAILED
    assert state(b"{\\rtf1" + b"{" * 100_000, ".rtf") is State.FAILED
    assert state(b"{\\rtf1 }", ".rtf") is State.EMPTY


@pytest.mark.parametrize(
    "tail", [b"", b"}}}}", b"\\", b"\\'", b"\\bin99999999999 x", b"\\u", b"{\\footnote", b"\\bin-5 x"]
)
def test_a_text_that_breaks_off_is_read_up_to_there(tail: bytes) -> None:
    assert read(b"{\\rtf1 Begun\\par " + tail, ".rtf").text.startswith("Begun\n")


PIECES = [
    *[
        r"{",
        r"}",
        r"\par",
        r"\cell",
        r"\row",
        r"\intbl",
        r"\pard",
        r"\s1",
        r"\u123?",
        r"\'b0",
        r"\f1",
        r"\footnote",
        r"\*",
        r"\header",
        r"\v",
        r"\trowd",
        r"\cellx9",
        r"\ls1",
    ],
    *("text", "表", r"{\*\annotation "),
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES)))
def test_any_order_of_words_ends_in_a_state(words: list[str]) -> None:
    assert READERS[".rtf"].read(rtf(" ".join(words).encode("gb18030").decode("latin-1")), "a.rtf")


LINES = st.text(alphabet="ab {}\\泵ßع#|*-😀", max_size=30).map(lambda line: " ".join(line.split())).filter(bool)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=5))
def test_each_paragraph_is_found_word_for_word(lines: list[str]) -> None:
    def written(line: str) -> str:
        units = line.encode("utf-16-le")
        numbers = [int.from_bytes(units[at : at + 2], "little") for at in range(0, len(units), 2)]
        return "".join(f"\\u{number - 65536 * (number > 32767)}?" for number in numbers)

    found = read(rtf("".join(rf"q{at}: {written(line)}\par " for at, line in enumerate(lines))), ".rtf")
    for at, line in enumerate(lines):
        quote = f"q{at}: {line}"
        start = found.text.index(quote)
        assert found.text[start : start + len(quote)] == quote


def test_signs_are_read_by_the_name_of_their_font() -> None:
    fonts = r"{\fonttbl{\f0 Arial;}{\f1\fcharset2 Symbol;}{\f2\fcharset2 Wingdings{\*\falt x};}{\f3\fcharset2 Other;}}"
    body = r"\pard 5 {\f1 m}m \f1\'b3\f2\'fe \'21{\f1\u-3987\'6d}\f3\'b7\par"
    assert read(f"{{\\rtf1\\ansi{fonts}{body}}}".encode(), ".rtf").text == "5 μm ≥☑ μ•\n"
