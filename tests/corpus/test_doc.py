"""Word 97 to 2003 files: their characters in order, and what is a heading, a cell, a note."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import Unread, reader_for
from rag.datatypes import Document, State
from tests.corpus.word97 import IN_LIST, IN_TABLE, ROW_END, Run, compound, streams, word

pytest.importorskip("olefile", reason="the extra office is not installed")


def read(data: bytes) -> Document | Unread:
    reader = reader_for("a.doc")
    assert reader
    return reader.read(data, "a.doc")


def text(data: bytes) -> str:
    outcome = read(data)
    assert isinstance(outcome, Document), outcome
    return outcome.text


def unread(data: bytes) -> tuple[State, str]:
    outcome = read(data)
    assert isinstance(outcome, Unread), outcome
    return outcome.state, outcome.reason


def test_pieces_of_one_byte_and_of_two_are_one_text() -> None:
    runs = [
        Run("Manual\r", style=1),
        Run("The winch – 12 °C, “café”.\r", wide=False),
        Run("绞车的缆绳每十二周更换一次。\r"),
        Run("وزن الحبل\r"),
        Run("Ropes\r", style=2),
        Run("Rope A\r", sprms=IN_LIST),
        Run("Rope B\r", sprms=IN_LIST),
    ]
    assert text(word(runs)) == (
        "# Manual\n\nThe winch – 12 °C, “café”.\n\n绞车的缆绳每十二周更换一次。\n\nوزن الحبل\n\n"
        "## Ropes\n\n- Rope A\n- Rope B\n"
    )


def test_cells_and_rows_are_a_table() -> None:
    rows = [("Part", "Weight"), ("Seal", "3 kg\rwith ring"), ("Filter | F", "")]
    runs = [Run("Before.\r")]
    for cells in rows:
        for cell in cells:
            first, *more = f"{cell}\x07".split("\r")
            runs += [Run(first + ("\r" if more else ""), sprms=IN_TABLE)]
            runs += [Run(each, sprms=IN_TABLE) for each in more]
        runs.append(Run("\x07", sprms=IN_TABLE + ROW_END))
    runs.append(Run("After.\r"))
    assert text(word(runs)) == (
        "Before.\n\n| Part | Weight |\n| --- | --- |\n| Seal | 3 kg with ring |\n| Filter \\| F |  |\n\nAfter.\n"
    )


def test_fields_show_their_results_and_nothing_that_was_deleted_is_there() -> None:
    runs = [
        Run('See \x13 HYPERLINK "http://example.org" \x14the \x13 REF x \x14old\x15 site\x15 now.\r'),
        Run("\x13 TOC \\o \x14Chapter\t3\r"),
        Run("End\x15 of it. 2\x1e3, in\x1fvisible\x01\x0bnext line\r"),
        Run("It weighs "),
        Run("5 kg ", deleted=True),
        Run("6 kg.\r"),
    ]
    assert text(word(runs)) == (
        "See the old site now.\n\nChapter\t3\n\nEnd of it. 2\u20113, invisible\nnext line\n\nIt weighs 6 kg.\n"
    )


def test_notes_comments_and_boxes_stand_at_the_end_and_headers_nowhere() -> None:
    parts = {
        "footnotes": [Run("\x02 A footnote.\r")],
        "headers": [Run("Page header\r")],
        "comments": [Run("\x05A comment.\r")],
        "endnotes": [Run("\r")],
        "boxes": [Run("In a box.\r")],
    }
    assert text(word([Run("Main.\r")], parts=parts)) == (
        "Main.\n\n## Footnotes\n\nA footnote.\n\n## Comments\n\nA comment.\n\n## Text boxes\n\nIn a box.\n"
    )


def test_what_is_no_such_file_says_so() -> None:
    assert unread(b"plain") == (State.FAILED, "not a Word file")
    assert unread(word([Run("x\r")], flags=0x0100)) == (State.ENCRYPTED, "needs a password")
    assert unread(compound({"Workbook": b"x"}))[0] is State.UNSUPPORTED
    old = streams([Run("x\r")])
    main = bytearray(old["WordDocument"])
    struct.pack_into("<H", main, 2, 0x65)
    assert unread(compound({**old, "WordDocument": bytes(main)}))[1] == "a Word file from before Word 97"
    assert unread(word([Run("\r")]))[0] is State.EMPTY


@pytest.mark.parametrize(
    ("stream", "at", "value"),
    [
        ("WordDocument", 0x01A2, 0x7FFFFFFF),  # the piece table outside of its stream
        ("WordDocument", 0x01A6, 0),  # no piece table
        ("WordDocument", 0x4C, 0xFFFFFFFF),  # fewer than no characters
        ("1Table", 5, 0),  # no pieces where they should be
        ("1Table", 14, 0),  # pieces that do not follow each other
        ("1Table", 32, 0x40004000),  # the second one overlaps, or lies outside
    ],
)
def test_damage_is_named(stream: str, at: int, value: int) -> None:
    parts = {name: bytearray(data) for name, data in streams([Run("One.\r"), Run("Two.\r")]).items()}
    struct.pack_into("<I", parts[stream], at, value)
    state, reason = unread(compound({name: bytes(data) for name, data in parts.items()}))
    assert (state, reason.startswith("damaged Word file: ")) == (State.FAILED, True)


@settings(max_examples=60, deadline=None)
@given(place=st.integers(512, 8000), value=st.integers(0, 255), length=st.integers(1, 9000))
def test_flipped_and_missing_bytes_end_in_a_state(place: int, value: int, length: int) -> None:
    data = bytearray(word([Run("One.\r", style=1), Run("Two.\r", wide=False)]))
    data[place % len(data)] = value
    for hostile in (bytes(data), bytes(data[:length])):
        outcome = read(hostile)
        assert isinstance(outcome, Document) or outcome.reason


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30), max_size=8
    )
)
def test_every_paragraph_comes_out(paragraphs: list[str]) -> None:
    kept = [part for part in paragraphs if all(ord(char) < 0x10000 for char in part) and part.isalnum()]
    outcome = read(
        word([Run(f"{part}\r", wide=number % 2 == 0 or not part.isascii()) for number, part in enumerate(kept)])
    )
    found = outcome.text if isinstance(outcome, Document) else ""
    assert [line for line in found.splitlines() if line] == kept
