"""MSG (a mail that Outlook saved) → Markdown: its properties, read out of the compound file by olefile."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import olefile

from rag.corpus.cleaned import Cleaned
from rag.corpus.readers.mail import mime
from rag.corpus.readers.mail.mail import MOST_RECIPIENTS, Letter, chosen, iso_date
from rag.corpus.readers.mail.mail_files import ENCRYPTED, clean_name, damaged, file_content, is_protected
from rag.corpus.readers.mail.mail_text import html_markdown, plain_markdown
from rag.corpus.readers.mail.msg_storage import DAMAGE, Storage
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import State

MOST_ENTRIES = 20_000
"""Streams and storages of a file that is read."""
DEEPEST = 10
"""Mails within mails that are read."""

# Property ids, as MS-OXPROPS names them.
_CLASS, _SUBJECT, _HEADERS, _MESSAGE_ID = 0x1A, 0x37, 0x7D, 0x1035
_BODY, _RTF, _HTML = 0x1000, 0x1009, 0x1013
_SENDERS = ((0x0C1A, (0x5D01, 0x0C1F)), (0x42, (0x5D02, 0x65)))
_SENT, _DELIVERED = 0x39, 0x0E06
_NAME, _ADDRESSES, _RECIPIENT_KIND = 0x3001, (0x39FE, 0x3003), 0x0C15
_DISPLAYED = {"to": 0x0E04, "cc": 0x0E03}
_KINDS = {"to": 1, "cc": 2}
_DATA, _SHORT_NAME, _LONG_NAME, _MIME, _CONTENT_ID, _HIDDEN = 0x3701, 0x3704, 0x3707, 0x370E, 0x3712, 0x7FFE
_ADDRESS = re.compile(r"[^\s<>@]{1,100}@[^\s<>@]+")


def parse_msg(data: bytes, path: str) -> Content | Unread:
    """The mail's header and text as Markdown; what is attached to it are its members."""
    try:
        file = olefile.OleFileIO(io.BytesIO(data))
        entries = [entry for entry in file.direntries if entry is not None]
        # Each stream may claim the same bytes.
        if len(entries) > MOST_ENTRIES or sum(entry.size for entry in entries) > 2 * len(data):
            return Unread(State.FAILED, "damaged mail: its streams claim more than the file holds")
        letter = _letter(Storage(file, file.root, ()), path, 0)
        encrypted = letter.encrypted
    except DAMAGE as error:
        return damaged(error)
    if encrypted:
        return ENCRYPTED
    if not letter.header and not letter.texts:
        return Unread(State.EMPTY, "a mail that says nothing")
    return letter.content()


def _letter(storage: Storage, path: str, depth: int) -> Letter:
    """The mail in a storage. Raises one of `DAMAGE`."""
    letter = Letter()
    sent = mime.parsed(storage.text(_HEADERS).encode("utf-8", "replace"))
    letter.header, letter.date = _header(storage, sent)
    letter.recipients = _recipients(storage, "to")
    if is_protected(mime.safely(sent.get_content_type), storage.text(_CLASS)):
        letter.files.append(("encrypted", lambda: ENCRYPTED))
        return letter
    _say(letter, storage, path)
    for attachment in storage.storages("__attach_version1.0_#"):
        _attach(letter, attachment, path, depth)
    return letter


def _header(storage: Storage, sent: mime.Part) -> tuple[dict[str, str], str]:
    """What the mail's header says, by name, and its date: the properties that Outlook shows before what was sent.

    Only the date is taken from what was sent first, where it has the sender's own clock.
    """
    date = storage.time(_SENT) or storage.time(_DELIVERED)
    own = mime.header(sent, "date")
    found = {
        "from": _sender(storage) or mime.header(sent, "from"),
        **{
            kind: "; ".join(_recipients(storage, kind)) or storage.line(pid) or mime.header(sent, kind)
            for kind, pid in _DISPLAYED.items()
        },
        "date": own or (f"{date:%Y-%m-%d %H:%M:%S} UTC" if date else ""),
        "subject": storage.line(_SUBJECT) or mime.header(sent, "subject"),
        "message-id": storage.line(_MESSAGE_ID) or mime.header(sent, "message-id"),
    }
    return {name: value for name, value in found.items() if value}, iso_date(own) or (date.isoformat() if date else "")


def _sender(storage: Storage) -> str:
    """Who sent the mail, and for whom where that is another."""
    sender, author = (_named(storage.line(name), storage, addresses) for name, addresses in _SENDERS)
    return author or sender if _same(sender, author) else f"{sender} on behalf of {author}"


def _same(sender: str, author: str) -> bool:
    """Whether both are one person: by their addresses, where they have some, else by a word of their names."""
    addresses = [set(_ADDRESS.findall(each.casefold())) for each in (sender, author)]
    if all(addresses):
        return bool(addresses[0] & addresses[1])
    return not sender or not author or bool(set(sender.casefold().split()) & set(author.casefold().split()))


def _named(name: str, storage: Storage, addresses: tuple[int, ...]) -> str:
    """A name with the address behind it, one of the internet before one of an office."""
    lines = [line for pid in addresses if (line := storage.line(pid))]
    address = next((line for line in lines if "@" in line), "")
    return f"{name} <{address}>" if name and address.casefold() not in name.casefold() else name or address


def _recipients(storage: Storage, kind: str) -> list[str]:
    found = storage.storages("__recip_version1.0_#")[:MOST_RECIPIENTS]
    wanted = [each for each in found if each.number(_RECIPIENT_KIND) == _KINDS[kind]]
    return [name for each in wanted if (name := _named(each.line(_NAME), each, _ADDRESSES))]


def _say(letter: Letter, storage: Storage, path: str) -> None:
    """Take the mail's text: the plain one, unless it says next to nothing beside the HTML; else the RTF as a file."""
    problems: list[tuple[str, Unread]] = []
    said: list[tuple[bool, str]] = []
    plain = storage.decoded(_BODY)
    html = storage.decoded(_HTML)
    cleaned: Cleaned = {}
    if isinstance(html, str) and html.strip():
        page = html_markdown(html, path)
        html, cleaned = (page, {}) if isinstance(page, Unread) else (page.text, page.cleaned)
    for name, is_plain, text in (("text.txt", True, plain), ("text.html", False, html)):
        if isinstance(text, Unread):
            problems.append((name, text))
        else:
            said.append((is_plain, plain_markdown(text) if is_plain else text))
    texts = chosen([(is_plain, [text]) for is_plain, text in said if text.strip()])
    letter.texts += texts
    letter.cleaned = cleaned if texts == [html] else {}
    letter.files += [(name, _always(problem)) for name, problem in problems]
    if not letter.texts and storage.has(_RTF):
        letter.files.append(("text.rtf", lambda: storage.rtf(_RTF)))


def _attach(letter: Letter, storage: Storage, path: str, depth: int) -> None:
    """Take an attachment; a mail that is attached is text as well, with its own attachments in a folder."""
    inner = storage.storage(_DATA)
    if inner is not None:
        if depth >= DEEPEST:
            letter.files.append(("mail", _always(Unread(State.FAILED, f"more than {DEEPEST} mails within each other"))))
            return
        _enclose(letter, _letter(inner, path, depth + 1))
        return
    kind = storage.line(_MIME).lower()
    name = clean_name(next(filter(None, map(storage.line, (_LONG_NAME, _SHORT_NAME, _NAME))), ""))
    name = name or f"attachment-{len(letter.files) + 1}"
    shown = storage.flag(_HIDDEN) or storage.line(_CONTENT_ID)
    if not (shown and kind.startswith("image/")):
        letter.files.append((name, lambda: _content(storage, kind, name)))


def _enclose(letter: Letter, inner: Letter) -> None:
    name = clean_name(inner.subject.replace("/", "-")) or f"message-{len(letter.files) + 1}"
    letter.files.append((f"{name}.md", lambda: inner.text().encode()))
    letter.files += [(f"{name}/{each}", take) for each, take in inner.files]


def _content(storage: Storage, kind: str, name: str) -> bytes | Unread:
    try:
        if not storage.has(_DATA):
            return Unread(State.UNSUPPORTED, "a link or an embedded object, which is not read")
        return file_content(storage.data(_DATA), kind, name)
    except DAMAGE as error:
        return damaged(error)


def _always(problem: Unread) -> Callable[[], Unread]:
    return lambda: problem
