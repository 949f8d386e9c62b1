"""Plain text and Markdown: the decoded file is the text."""

from __future__ import annotations

import codecs
import re
from pathlib import PurePosixPath

from rag.corpus.metadata import front_matter
from rag.corpus.readers.encodings.encoding import decode
from rag.corpus.readers.reader import Content, Reader, Unread
from rag.corpus.readers.signature import OLE
from rag.datatypes import State
from rag.text.markdown import front

MAX_BYTES = 2**30
"""Bytes of the largest file that is read: beside them and their text, splitting takes the memory of a window."""
# Formats that are mistaken for text when their file has the wrong name.
_MAGIC = {
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "a ZIP archive or an office file",
    b"\x1f\x8b": "gzip-compressed",
    OLE: "an old office file",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"\x7fELF": "a program",
}
_SECRET = re.compile(rb"\s*-----BEGIN [A-Z ]*PRIVATE KEY-----")
LARGEST_UNKNOWN = 16 * 2**20
"""Bytes of the largest file with an unknown suffix that is looked into."""


def parse_plain(data: bytes, path: str) -> Content | Unread:
    """The text as it is. A file without a suffix that turns out not to be text is unsupported, not broken."""
    outcome = text_of(data)
    if isinstance(outcome, Unread) and outcome.state is not State.SKIPPED and not PurePosixPath(path).suffix:
        return Unread(State.UNSUPPORTED, f"no suffix, and {outcome.reason}", outcome.fix)
    return outcome if isinstance(outcome, Unread) else Content(outcome)


def parse_unknown(data: bytes, path: str) -> Content | Unread:
    """The text of a file whose suffix says nothing, where it is Unicode beyond doubt; else it is unsupported."""
    suffix = PurePosixPath(path).suffix
    outcome = text_of(data)
    if isinstance(outcome, Unread) and outcome.state is State.SKIPPED:
        return outcome
    marked = data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if isinstance(outcome, Unread) or not (marked or (b"\0" not in data and _is_utf8(data))):
        return Unread(State.UNSUPPORTED, f"no reader for {suffix}")
    return Content(outcome)


def parse_secret(_data: bytes, path: str) -> Content | Unread:
    """Nothing: what is there to be kept secret does not belong into an index."""
    return Unread(State.SKIPPED, f"{PurePosixPath(path).suffix} files hold secrets, and are left out")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def parse_markdown(data: bytes, _path: str) -> Content | Unread:
    """The text as it is, with the title and the metadata of its front matter."""
    text = text_of(data)
    if isinstance(text, Unread):
        return text
    block = front(text)
    if block is None:
        return Content(text, "markdown")
    return Content(text, "markdown", block.title, metadata=front_matter(text[block.start : block.end]))


def text_of(data: bytes, declared: str = "") -> str | Unread:
    """The decoded file; the reason where it is another format, a key that is secret, or no text."""
    for magic, name in _MAGIC.items():
        if data.startswith(magic):
            return Unread(State.UNDECODABLE, f"is {name}, whatever its name says", "give it the right suffix")
    if _SECRET.match(data):
        return Unread(State.SKIPPED, "a private key, which is left out")
    decoded = decode(data, declared)
    return decoded if isinstance(decoded, Unread) else decoded.text


PLAIN = Reader("text", "2", parse_plain, MAX_BYTES, isolated=False)
UNKNOWN = Reader("unknown", "1", parse_unknown, LARGEST_UNKNOWN, isolated=False)
SECRET = Reader("secret", "1", parse_secret, MAX_BYTES, isolated=False)
MARKDOWN = Reader("markdown", "3", parse_markdown, MAX_BYTES, isolated=False)
