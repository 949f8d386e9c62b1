"""MHTML → Markdown: the page that was saved, read as HTML; its pictures, styles and frames are left out."""

from __future__ import annotations

from dataclasses import replace

from rag.corpus.readers.mail import mime
from rag.corpus.readers.mail.mail import iso_date
from rag.corpus.readers.mail.mail_files import damaged
from rag.corpus.readers.mail.mime import Part, header, safely
from rag.corpus.readers.reader import Content, Unread
from rag.corpus.readers.web.html import parse_html
from rag.datatypes import State


def parse_mhtml(data: bytes, path: str) -> Content | Unread:
    """The page's text as Markdown; its title, and when it was saved from where."""
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not data:
        return Unread(State.EMPTY, "nothing but white space")
    try:
        root = mime.parsed(data)
    except mime.DAMAGE as error:
        return damaged(error)
    main = _main(root)
    if main is None:
        return Unread(State.FAILED, "holds no HTML page", "save it anew from the browser")
    charset = mime.declared_charset(main)
    text = mime.text_of(mime.content(main), charset) if charset else None
    if isinstance(text, Unread):
        return text
    html = mime.content(main) if text is None else b"\xef\xbb\xbf" + text.encode("utf-8", "replace")
    found = parse_html(html, path)
    if isinstance(found, Unread):
        return found
    address = header(root, "snapshot-content-location") or header(main, "content-location")
    said = (("date", iso_date(header(root, "date"))), ("source", address))
    metadata = tuple((key, value) for key, value in said if value)
    return replace(found, title=found.title or header(root, "subject"), metadata=metadata)


def _main(root: Part) -> Part | None:
    """The part that the file says it starts with, else the first HTML."""
    pages = [part for part in root.walk() if safely(part.get_content_type) in ("text/html", "application/xhtml+xml")]
    start = safely(lambda: root.get_param("start"))
    return next((part for part in pages if start and header(part, "content-id") == start), next(iter(pages), None))
