"""Files that are something else than their suffix says."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.readers import reader_by_content, reader_for
from rag.corpus.readers.signature import suffix_of
from rag.datatypes import Document
from tests.corpus.word97 import Run, compound, word


def packed(*names: str, mimetype: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        if mimetype:
            archive.writestr("mimetype", mimetype)
        for name in names:
            archive.writestr(name, b"x" * 9000)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (word([Run("x\r")]), ".doc"),
        (compound({"Workbook": b"x"}), ".xls"),
        (compound({"PowerPoint Document": b"x"}), ".ppt"),
        (compound({"__properties_version1.0": b"x"}), ".msg"),
        (compound({"Something": b"x"}), ""),
        (packed("[Content_Types].xml", "_rels/.rels", "word/document.xml"), ".docx"),
        (packed("[Content_Types].xml", "xl/workbook.xml"), ".xlsx"),
        (packed("[Content_Types].xml", "xl/workbook.bin"), ".xlsb"),
        (packed("[Content_Types].xml", "ppt/presentation.xml"), ".pptx"),
        (packed("META-INF/container.xml", mimetype="application/epub+zip"), ".epub"),
        (packed("content.xml", mimetype="application/vnd.oasis.opendocument.text"), ".odt"),
        (packed("content.xml", mimetype="application/vnd.oasis.opendocument.text-template"), ".odt"),
        (packed("word.txt", "deep/word/x.txt"), ""),
        (b"{\\rtf1\\ansi x}", ".rtf"),
        (b"junk\n%PDF-1.7\n", ".pdf"),
        (b"\xef\xbb\xbf\n<!DOCTYPE HTML><p>x", ".html"),
        (b"<!-- saved --><html>", ".html"),
        (b'<?xml version="1.0"?>\n<html xmlns="x">', ".html"),
        (b"From: x\r\nSubject: y\r\n continued\r\nMIME-Version: 1.0\r\n", ".mht"),
        (b"<htmlish>", ""),
        (b"plain text", ""),
        (b"", ""),
    ],
)
def test_first_bytes_tell_what_a_file_is(data: bytes, suffix: str) -> None:
    assert suffix_of(data) == suffix


CSV, TABLE = "Pin,Load\nA,4 t\n", "| Pin | Load |\n| --- | --- |\n| A | 4 t |\n"
WORKBOOK = (
    '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet><Table>'
    "<Row><Cell><Data>Pin</Data></Cell><Cell><Data>Load</Data></Cell></Row>"
    "<Row><Cell><Data>A</Data></Cell><Cell><Data>4 t</Data></Cell></Row></Table></Worksheet></Workbook>"
)


@pytest.mark.parametrize(
    ("path", "data", "text"),
    [
        ("a.xls", CSV.encode(), TABLE),
        ("a.xlsx", CSV.replace(",", "\t").encode("utf-16"), TABLE),
        ("a.xls", b"<table><tr><td>Pin</td><td>Load</td></tr><tr><td>A</td><td>4 t</td></tr></table>", TABLE),
        ("a.xls", WORKBOOK.encode(), f"# Worksheet\n\n{TABLE}"),
        ("a.doc", b"Only text.\n", "Only text.\n"),
        ("a.rtf", b"Only text.\n", "Only text.\n"),
    ],
)
def test_an_export_that_is_text_is_read_as_what_it_is(path: str, data: bytes, text: str) -> None:
    named = reader_for(path)
    assert named
    outcome = reader_by_content(named, data).read(data, path)
    assert isinstance(outcome, Document), outcome
    assert outcome.text == text


@pytest.mark.parametrize(
    "data", [b"", b"\0\1 binary", b'<?xml version="1.0"?><w:wordDocument xmlns:w="x"/>', b"PK\3\4"]
)
def test_what_is_no_text_stays_with_the_reader_of_its_suffix(data: bytes) -> None:
    named = reader_for("a.doc")
    assert named
    assert reader_by_content(named, data) is named


@given(st.binary(max_size=200))
def test_any_bytes_are_looked_at(data: bytes) -> None:
    for head in (b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf", b"a: b\n" * 50):
        assert suffix_of(head + data) in ("", ".rtf", ".pdf", ".html", ".mht")
