"""Plain text and Markdown: the decoded file is the text."""

from __future__ import annotations

from pathlib import PurePosixPath

from rag.corpus.metadata import front_matter
from rag.corpus.readers.encoding import decode
from rag.corpus.readers.reader import Content, Reader, Unread
from rag.datatypes import State
from rag.text.markdown import front

MAX_BYTES = 2**30
"""Bytes of the largest file that is read: beside them and their text, splitting takes the memory of a window."""
# Formats that are mistaken for text when their file has the wrong name.
_MAGIC = {
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "a ZIP archive or an office file",
    b"\x1f\x8b": "gzip-compressed",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old office file",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"\x7fELF": "a program",
}


def parse_plain(data: bytes, path: str) -> Content | Unread:
    """The text as it is. A file without a suffix that turns out not to be text is unsupported, not broken."""
    outcome = _text(data)
    if isinstance(outcome, Unread) and not PurePosixPath(path).suffix:
        return Unread(State.UNSUPPORTED, f"no suffix, and {outcome.reason}", outcome.fix)
    return outcome if isinstance(outcome, Unread) else Content(outcome)


def parse_markdown(data: bytes, _path: str) -> Content | Unread:
    """The text as it is, with the title and the metadata of its front matter."""
    text = _text(data)
    if isinstance(text, Unread):
        return text
    block = front(text)
    if block is None:
        return Content(text, "markdown")
    return Content(text, "markdown", block.title, metadata=front_matter(text[block.start : block.end]))


def _text(data: bytes) -> str | Unread:
    for magic, name in _MAGIC.items():
        if data.startswith(magic):
            return Unread(State.UNDECODABLE, f"is {name}, whatever its name says", "give it the right suffix")
    decoded = decode(data)
    return decoded if isinstance(decoded, Unread) else decoded.text


PLAIN = Reader("text", "1", parse_plain, MAX_BYTES, isolated=False)
MARKDOWN = Reader("markdown", "1", parse_markdown, MAX_BYTES, isolated=False)
