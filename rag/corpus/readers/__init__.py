"""Readers by suffix: a new format is one file here and its lines in `READERS`."""

from __future__ import annotations

from pathlib import PurePath

from rag.corpus.readers.plain import MARKDOWN, PLAIN
from rag.corpus.readers.reader import Content, Member, Parsed, Reader, Unread, document_id, too_large

__all__ = ["READERS", "Content", "Member", "Parsed", "Reader", "Unread", "document_id", "reader_for", "too_large"]

# Parsers are imported by the first file that needs them: a search reads none.


def _html(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.html import parse_html

    return parse_html(data, path)


def _pdf(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.pdf import parse_pdf

    return parse_pdf(data, path)


def _docx(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.docx import parse_docx

    return parse_docx(data, path)


def _doc(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.doc import parse_doc

    return parse_doc(data, path)


HTML = Reader("html", "2", _html)
PDF = Reader("pdf", "1", _pdf)
DOCX = Reader("docx", "1", _docx)
DOC = Reader("doc", "1", _doc, modules=("olefile",), extra="office")

READERS: dict[str, Reader] = {
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".pdf": PDF,
    ".docx": DOCX,
    ".doc": DOC,
    ".dot": DOC,
    ".txt": PLAIN,
    ".text": PLAIN,
    ".log": PLAIN,
    ".rst": PLAIN,
    ".org": PLAIN,
    ".adoc": PLAIN,
    ".asciidoc": PLAIN,
    ".tex": PLAIN,
    ".srt": PLAIN,
    ".vtt": PLAIN,
}


def reader_for(path: PurePath | str) -> Reader | None:
    """The reader of a file by its suffix; one without a suffix (README, LICENSE) is tried as text."""
    suffix = PurePath(path).suffix.lower()
    return READERS.get(suffix) if suffix else PLAIN
