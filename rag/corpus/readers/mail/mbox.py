"""mbox → Markdown: the mails of a mailbox one after the other, each a place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.corpus.cleaned import Cleaned, added
from rag.corpus.readers.mail import mime
from rag.corpus.readers.mail.mail import Letter, letter_of
from rag.corpus.readers.mail.mail_files import damaged
from rag.corpus.readers.reader import Content, Member, Unread
from rag.datatypes import Page, State

MOST_MAILS = 200_000

# A line that begins a mail: a sender alone, or with the time at which it came. Prose may begin with "From " too.
_BEGIN = re.compile(rb"From (?:[^\s]{1,500}[ \t]*|[^\n]{0,200}?\d\d?:\d\d[^\n]{0,80})\r?(?:\n|\Z)")
_ESCAPED = re.compile(rb"(?m)^>(>*From )")


def parse_mbox(data: bytes, path: str) -> Content | Unread:
    """The mails as Markdown, each under its subject; "message 4: Subject" is where one stands."""
    data = data.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not data:
        return Unread(State.EMPTY, "nothing but white space")
    spans = _spans(data)
    if not spans:
        return Unread(State.FAILED, 'is no mailbox: it does not begin with a "From " line', "export it as mbox")
    if len(spans) > MOST_MAILS:
        return Unread(State.TOO_LARGE, f"holds more than {MOST_MAILS} mails", "split it into smaller files")
    return _content(data, spans, path)


def _spans(data: bytes) -> list[tuple[int, int]]:
    """Where each mail lies, without the line that begins it; none where the first line is not one."""
    first = _BEGIN.match(data)
    if first is None:
        return []
    begins = [first]
    at = data.find(b"\nFrom ")
    while at >= 0:
        blank = data[at - 1 : at] == b"\n" or data[at - 2 : at] == b"\n\r"
        found = _BEGIN.match(data, at + 1) if blank else None
        if found:
            begins.append(found)
        at = data.find(b"\nFrom ", at + 1)
    ends = [*(begin.start() for begin in begins[1:]), len(data)]
    return [(begin.end(), end) for begin, end in zip(begins, ends, strict=True)]


def _content(data: bytes, spans: list[tuple[int, int]], path: str) -> Content | Unread:
    texts: list[str] = []
    pages: list[Page] = []
    again: list[int] = []
    cleaned: Cleaned = {}
    at = 0
    for number, span in enumerate(spans, 1):
        try:
            letter = _letter(data, span, path)
        except mime.DAMAGE:
            again.append(number)
            continue
        if letter.files:
            again.append(number)
        text = letter.text(f"message {number}") + "\n"
        label = f"message {number}: {letter.subject}" if letter.subject else f"message {number}"
        pages.append(Page(number, at, at + len(text), label))
        texts.append(text)
        cleaned = added(cleaned, letter.cleaned)
        at += len(text)
    members = _members(data, spans, again, path)
    return Content("".join(texts), "markdown", pages=tuple(pages), members=members, cleaned=cleaned)


def _letter(data: bytes, span: tuple[int, int], path: str) -> Letter:
    mail = data[slice(*span)]
    return letter_of(_ESCAPED.sub(rb"\1", mail) if b">From " in mail else mail, path)


def _members(data: bytes, spans: list[tuple[int, int]], numbers: list[int], path: str) -> Iterator[Member]:
    """The files of the mails that have some, which are parsed once more, so that not all are held at once."""
    for number in numbers:
        folder = f"message-{number:04}"
        try:
            letter = _letter(data, spans[number - 1], path)
        except mime.DAMAGE as error:
            yield Member(folder, problem=damaged(error))
            continue
        yield from letter.members(f"{folder}/")
