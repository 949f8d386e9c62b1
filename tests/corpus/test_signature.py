"""Files that are something else than their suffix says."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.readers.signature import suffix_of
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


@given(st.binary(max_size=200))
def test_any_bytes_are_looked_at(data: bytes) -> None:
    for head in (b"", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf", b"a: b\n" * 50):
        assert suffix_of(head + data) in ("", ".rtf", ".pdf", ".html", ".mht")
