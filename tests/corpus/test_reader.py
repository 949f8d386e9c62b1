"""What holds for every reader, and the readers of plain text and Markdown."""

import re
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import READERS, Content, Reader, Unread, document_id, reader_for
from rag.datatypes import Document, State
from rag.text import windows

EACH = list({reader: suffix for suffix, reader in READERS.items()}.values())
"""A suffix of each reader."""


def read(data: bytes, path: str) -> Document | Unread:
    reader = reader_for(path)
    assert reader
    return reader.read(data, path)


def document(data: bytes, path: str) -> Document:
    outcome = read(data, path)
    assert isinstance(outcome, Document), outcome
    return outcome


def unread(data: bytes, path: str) -> tuple[State, str]:
    outcome = read(data, path)
    assert isinstance(outcome, Unread), outcome
    return outcome.state, outcome.reason


# Formats that are more than text: a file with none of what they begin with is damaged.
CONTAINERS = {
    ".png",
    ".jpg",
    ".jpeg",
    ".tif",
    ".tiff",
    ".bmp",
    ".webp",
    ".gif",
    ".pdf",
    ".docx",
    ".doc",
    ".dot",
    ".msg",
    ".zip",
    ".tar",
    ".tgz",
    ".tbz2",
    ".txz",
    ".tar.gz",
    ".tar.bz2",
    ".tar.xz",
}
CONTAINERS |= {".gz", ".bz2", ".xz"}
OFFICE = {"docx", "pptx", "xlsx", "xls", "xlsb", "odf", "rtf", "epub"}
CONTAINERS |= {suffix for suffix, reader in READERS.items() if reader.name in OFFICE}


@pytest.mark.parametrize("suffix", EACH)
@settings(max_examples=40, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes_end_as_a_document_or_with_a_reason(suffix: str, data: bytes) -> None:
    outcome = read(data, f"file{suffix}")
    if isinstance(outcome, Document):
        assert outcome.text.strip()
        assert "\0" not in outcome.text
        assert outcome.text.encode()
    else:
        assert outcome.reason
        assert "\n" not in outcome.reason


@pytest.mark.parametrize("suffix", EACH)
@pytest.mark.parametrize("data", [b"", b" \n\t\r\n ", b"\xef\xbb\xbf"])
def test_a_file_without_text_is_empty_or_damaged(suffix: str, data: bytes) -> None:
    expected = State.FAILED if suffix in CONTAINERS and data else State.EMPTY
    if data and READERS[suffix] is READERS[".ppt"]:
        expected = State.UNSUPPORTED
    if data and READERS[suffix].missing():
        expected = State.NEEDS_EXTRA
    assert unread(data, f"file{suffix}")[0] is expected


def test_a_format_whose_extra_is_missing_is_a_named_state_with_the_command_that_mends_it() -> None:
    reader = Reader(
        "slides", "1", lambda data, path: Content("text"), modules=("json", "no_such_module"), extra="office"
    )
    assert reader.stamp == "slides/1 without office"
    outcome = reader.read(b"PK", "a.pptx")
    assert outcome == Unread(
        State.NEEDS_EXTRA,
        "reading slides needs the package no_such_module",
        'python -m pip install "rag[office]"',
    )
    there = replace(reader, modules=("json",))
    assert there.stamp == "slides/1"
    assert isinstance(there.read(b"PK", "a.pptx"), Document)


def test_suffixes_choose_the_reader_whatever_their_case() -> None:
    assert reader_for(PurePosixPath("a/B.MD")) is READERS[".md"]
    assert reader_for("_sources/ch-files.rst.txt") is READERS[".rst"]
    assert reader_for("_sources/index.md.txt") is READERS[".md"]
    assert reader_for("README") is READERS[".txt"]
    assert reader_for("film.mp4") is None


def test_two_suffixes_choose_together_where_they_are_one_format() -> None:
    assert reader_for("reports.2024.TAR.gz") is READERS[".tar.gz"]
    assert reader_for("page.html.gz") is READERS[".gz"]
    assert reader_for("a.zip/report.docx") is READERS[".docx"]


def test_a_document_is_known_by_its_bytes_and_its_reader() -> None:
    plain, markdown = READERS[".txt"], READERS[".md"]
    identity = document_id(b"text", plain)
    assert re.fullmatch("[0-9a-f]{32}", identity)
    assert document(b"text", "a.txt").id == identity == document(b"text", "b.log").id
    newer = Reader(plain.name, "99", plain.parse)
    others = [document_id(b"Text", plain), document_id(b"text", markdown), document_id(b"text", newer)]
    assert len({identity, *others}) == 4


def test_large_files_are_not_read() -> None:
    outcome = replace(READERS[".txt"], max_bytes=2**20).read(b"x" * (2**20 + 1), "a.txt")
    assert isinstance(outcome, Unread)
    assert (outcome.state, outcome.reason) == (State.TOO_LARGE, "1 MiB, at most 1 are read")


def test_texts_may_be_larger_than_other_formats() -> None:
    most = {suffix: READERS[suffix].max_bytes // 2**20 for suffix in (".txt", ".md", ".html", ".pdf", ".docx")}
    assert most == {".txt": 1024, ".md": 1024, ".html": 64, ".pdf": 64, ".docx": 64}


@pytest.mark.parametrize(("text", "wrong"), [("a\0b", "U+0000"), ("a\ud800b", "U+D800")])
def test_text_that_cannot_be_stored_is_undecodable(text: str, wrong: str) -> None:
    outcome = Reader("test", "1", lambda _data, _path: Content(text)).read(b"x", "x")
    assert isinstance(outcome, Unread)
    assert (outcome.state, outcome.reason) == (State.UNDECODABLE, f"holds {wrong}, which is not text")


def test_text_is_kept_as_it_is_with_its_newlines() -> None:
    assert document(b"\xef\xbb\xbf a\r\nb\rc \n", "a.txt").text == " a\r\nb\rc \n"


@pytest.mark.parametrize(
    ("data", "what"), [(b"%PDF-1.7 ...", "a PDF"), (b"PK\x03\x04...", "a ZIP archive"), (b"\x89PNG\r\n", "an image")]
)
def test_another_format_under_the_name_of_text_is_told(data: bytes, what: str) -> None:
    state, reason = unread(data, "notes.txt")
    assert state is State.UNDECODABLE
    assert what in reason


def test_a_file_without_suffix_that_is_no_text_is_unsupported() -> None:
    assert unread(b"\x7fELF\0\0", "bin/tool")[0] is State.UNSUPPORTED
    assert unread(b"\0\1\2", "bin.d/tool")[0] is State.UNSUPPORTED
    assert document(b"Read me.", "bin.d/README").text == "Read me."


def test_a_heading_over_everything_is_told_across_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "WINDOW", 100)
    text = b"---\ntitle: Pump\n---\n# Pump\n\n" + b"## Part\n\nIt runs.\n\n" * 50
    assert document(text, "a.md").title == ""
    assert document(text + b"# Stop\n", "a.md").title == "Pump"


def test_front_matter_gives_markdown_its_title() -> None:
    found = document(b"---\ntitle: 'Pump manual'\n---\n# Start\n\n# Stop\n", "a.md")
    assert (found.title, found.markup) == ("Pump manual", "markdown")
    assert found.text.startswith("---\ntitle")
    assert document(b"# Start\n", "a.md").title == ""


def test_a_title_without_a_letter_is_none() -> None:
    assert document(b"---\ntitle: 0000320193-23-000077\n---\n# Start\n\n# Stop\n", "a.md").title == ""
    assert document("---\ntitle: 海棠7\n---\n# Start\n\n# Stop\n".encode(), "a.md").title == "海棠7"


def test_a_title_that_is_the_heading_over_everything_is_left_out() -> None:
    assert document(b"---\ntitle: PUMP  manual\n---\n# Pump manual\n\n## Start\n", "a.md").title == ""
    assert document(b"---\ntitle: Pump manual\n---\n# Pump manual\n\n# Annex\n", "a.md").title == "Pump manual"
