"""What a file is by its first bytes, whatever its name says: new files under old suffixes, web pages as .doc.

Asked only of files whose suffix promises a binary format; a text is taken for what its suffix says.
"""

from __future__ import annotations

import codecs
import re

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEAD = 4096
_STREAMS = {  # of a compound file, as its directory spells them
    "WordDocument": ".doc",
    "Workbook": ".xls",
    "Book": ".xls",
    "PowerPoint Document": ".ppt",
    "__properties_version1.0": ".msg",
}
_FOLDERS = {b"word/": ".docx", b"xl/": ".xlsx", b"ppt/": ".pptx"}
_MIMETYPES = {
    b"application/epub+zip": ".epub",
    b"application/vnd.oasis.opendocument.text": ".odt",
    b"application/vnd.oasis.opendocument.spreadsheet": ".ods",
    b"application/vnd.oasis.opendocument.presentation": ".odp",
}
_NAME = re.compile(rb"PK\x01\x02.{42}([^/\x00-\x1f]{1,20}/)", re.DOTALL)
_BINARY_WORKBOOK = re.compile(rb"PK\x01\x02.{42}xl/workbook\.bin", re.DOTALL)
_MIMETYPE = re.compile(rb"PK\x03\x04.{26}mimetype([a-z.+/-]{10,60})", re.DOTALL)
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|table|meta|style)\b",
    re.I | re.S,
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_MIME = re.compile(rb"\A(?:[A-Za-z-]+:[^\n]*\n(?:[ \t][^\n]*\n)*)*?MIME-Version:", re.I)


def suffix_of(data: bytes) -> str:
    """The usual suffix of what the bytes are, such as ".docx"; "" where they do not tell."""
    head = data[:_HEAD]
    if head.startswith(OLE):
        return next((suffix for name, suffix in _STREAMS.items() if _entry(name) in data), "")
    if head.startswith(b"PK\x03\x04"):
        return _packed(data)
    if head.lstrip().startswith(b"{\\rtf"):
        return ".rtf"
    if b"%PDF-" in head[:1024]:
        return ".pdf"
    if _HTML.match(head):
        return ".html"
    return ".mht" if _MIME.match(head) else ""


def is_text(data: bytes) -> bool:
    """Whether the bytes begin as a text does: with a byte order mark, or without any control character."""
    head = data[:_HEAD]
    return bool(head) and (head.startswith(_MARKS) or _CONTROL.search(head) is None)


def is_xml(data: bytes) -> bool:
    """Whether a text begins as XML."""
    return data[:_HEAD].removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"<?xml")


def _entry(name: str) -> bytes:
    """How a compound file's directory begins an entry of that name."""
    return (name + "\0").encode("utf-16-le")


def _packed(data: bytes) -> str:
    told = _MIMETYPE.match(data[:_HEAD])
    if told:
        return next((suffix for kind, suffix in _MIMETYPES.items() if told[1].startswith(kind)), "")
    if _BINARY_WORKBOOK.search(data):
        return ".xlsb"
    folders = {found[1] for found in _NAME.finditer(data)}
    return next((suffix for folder, suffix in _FOLDERS.items() if folder in folders), "")
