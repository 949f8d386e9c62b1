"""EML → Markdown: a mail's header, what it says, and its attachments as members."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import getaddresses, parsedate_to_datetime
from functools import partial

from rag.corpus.cleaned import Cleaned, Cleaning, added
from rag.corpus.readers.archives.member_names import Names
from rag.corpus.readers.compose import Composer
from rag.corpus.readers.encodings.encoding import decode
from rag.corpus.readers.mail import mime
from rag.corpus.readers.mail.mail_files import ENCRYPTED, SUFFIXES, damaged, file_name, file_of, is_shown, sent_name
from rag.corpus.readers.mail.mail_text import html_markdown, plain_markdown, said
from rag.corpus.readers.mail.mime import Part, header, safely
from rag.corpus.readers.reader import Content, Member, Unread, too_large
from rag.datatypes import Metadata, State

STUB = 4
"""A plain text that says less than one in so many letters of the HTML beside it only points there."""
MOST_RECIPIENTS = 100
MOST_TEXT = 16 * 2**20
"""Bytes of a text that a mail says; a longer one is no letter."""

_SHOWN = (("from", "From"), ("to", "To"), ("cc", "Cc"), ("date", "Date"), ("subject", "Subject"))
_SIGNATURES = {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
_PGP = "-----BEGIN PGP MESSAGE-----"
_LEFT_OUT = _SIGNATURES | {f"message/{name}" for name in ("disposition-notification", "external-body", "partial")}
_LEFT_OUT |= {"message/delivery-status", "message/global-delivery-status"}

Taken = Callable[[], bytes | Unread]


@dataclass(slots=True)
class Letter:
    """A mail: its header by lower-case name (from, to, cc, date, subject, message-id), each text, each file.

    `cleaned` is what was left out of the texts.
    """

    header: dict[str, str] = field(default_factory=dict)
    recipients: list[str] = field(default_factory=list)
    date: str = ""  # as ISO 8601
    texts: list[str] = field(default_factory=list)
    files: list[tuple[str, Taken]] = field(default_factory=list)
    cleaned: Cleaned = field(default_factory=dict)

    @property
    def subject(self) -> str:
        return self.header.get("subject", "")

    @property
    def encrypted(self) -> bool:
        """Whether it says nothing and what it holds is encrypted."""
        return not self.texts and any(take() is ENCRYPTED for _, take in self.files[:1])

    def content(self) -> Content:
        """The mail as a document; what is attached to it are its members."""
        about = self.metadata()
        return Content(self.text(), "markdown", self.subject, (), about, self.members(), self.cleaned)

    def text(self, title: str = "") -> str:
        """The whole as Markdown under its subject, or under `title` where it has none."""
        composer = Composer()
        composer.heading(1, self.subject or title)
        composer.paragraph("\n".join(f"{shown}: {self.header[key]}" for key, shown in _SHOWN if self.header.get(key)))
        return "\n\n".join(text.strip("\n") for text in [composer.text(), *self.texts] if text.strip()) + "\n"

    def metadata(self) -> Metadata:
        found = [("from", self.header.get("from", "")), *(("to", each) for each in self.recipients)]
        found += [("date", self.date), *((key, self.header.get(key, "")) for key in ("subject", "message-id"))]
        return tuple((key, value) for key, value in found if value)

    def members(self, folder: str = "") -> Iterator[Member]:
        """The files, each name once."""
        names = Names("utf-8")
        for name, take in self.files:
            unique = folder + names.unique(name)
            content = take()
            yield Member(unique, problem=content) if isinstance(content, Unread) else Member(unique, content)


def parse_eml(data: bytes, path: str) -> Content | Unread:
    """The mail's header and text as Markdown; what is attached to it are its members."""
    wide = data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")) or b"\0" in data[:64]
    if wide:
        decoded = decode(data)
        if isinstance(decoded, Unread):
            return decoded
        data = decoded.text.encode()
    try:
        letter = letter_of(data, path, "utf-8" if wide else "")
    except mime.DAMAGE as error:
        return damaged(error)
    if letter.encrypted:
        return ENCRYPTED
    if not letter.header and not letter.texts:
        problem = next((content for _, take in letter.files if isinstance(content := take(), Unread)), None)
        return problem or Unread(State.EMPTY, "a mail that says nothing")
    return letter.content()


def letter_of(data: bytes, path: str, charset: str = "") -> Letter:
    """The mail in these bytes. `charset` overrules what it declares. Raises one of `mime.DAMAGE`."""
    root = mime.parsed(data)
    letter = Letter(_header(root), _addresses(mime.raw_header(root, "to")), iso_date(header(root, "date")))
    _Reading(letter, path, charset).part(root)
    return letter


def _header(root: Part) -> dict[str, str]:
    names = [*(key for key, _ in _SHOWN), "message-id"]
    return {name: value for name in names if (value := header(root, name))}


def _addresses(raw: str) -> list[str]:
    """Each of the addresses in a header, with its name."""
    try:
        pairs = getaddresses([raw])[:MOST_RECIPIENTS]
    except mime.DAMAGE:
        return []
    named = ((mime.readable(name), mime.one_line(address)) for name, address in pairs)
    return [f"{name} <{address}>" if name else address for name, address in named if address]


def iso_date(text: str) -> str:
    """A mail's date in ISO 8601; "" where it is none."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            return read(text[:100]).isoformat()
        except mime.DAMAGE:
            continue
    return ""


class _Reading:
    """Goes through the parts of a mail: what is said goes into the letter's texts, what is attached to its files."""

    def __init__(self, letter: Letter, path: str, charset: str) -> None:
        self.letter = letter
        self.path = path
        self.charset = charset

    def part(self, part: Part, *, related: bool = False) -> None:
        """Take a part. An image that is `related` to a text, or stands in it, is left out."""
        kind = safely(part.get_content_type)
        if kind.startswith("multipart/") and part.is_multipart():
            self.parts(kind, [child for child in part.get_payload() if isinstance(child, Part)])
        elif kind in _LEFT_OUT:
            self.letter.cleaned = added(self.letter.cleaned, {Cleaning.MAIL_PARTS: 1})
        elif not (kind.startswith("image/") and (related or is_shown(part))):
            self.leaf(part, kind)

    def leaf(self, part: Part, kind: str) -> None:
        """A text is said, unless it has a name or is marked as attached; anything else is a file."""
        name = sent_name(part)
        attached = name or safely(part.get_content_disposition) == "attachment"
        if kind in ("text/plain", "text/html") and not attached:
            self.said(part, kind)
            return
        name = file_name(name, part, kind, len(self.letter.files) + 1)
        self.letter.files.append((name, lambda: file_of(part, kind, name)))

    def parts(self, kind: str, children: list[Part]) -> None:
        if kind == "multipart/encrypted":
            self.letter.files.append(("encrypted", lambda: ENCRYPTED))
        elif kind == "multipart/alternative":
            self.alternatives(children)
        else:
            for child in children:
                self.part(child, related=kind == "multipart/related")

    def alternatives(self, children: list[Part]) -> None:
        """Of texts that say the same the plain one, unless it says next to nothing; the files of all."""
        saying: list[tuple[bool, list[str]]] = []
        letters: list[Letter] = []
        for child in children:
            letter = Letter()
            _Reading(letter, self.path, self.charset).part(child)
            saying.append((safely(child.get_content_type) == "text/plain", letter.texts))
            self.letter.files += letter.files
            letters.append(letter)
        texts = chosen(saying)
        self.letter.texts += texts
        read = (letter.cleaned for letter in letters if letter.texts is texts)
        self.letter.cleaned = added(self.letter.cleaned, *read)

    def said(self, part: Part, kind: str) -> None:
        charset = self.charset or mime.declared_charset(part)
        data = mime.content(part)
        text = too_large(len(data), MOST_TEXT) if len(data) > MOST_TEXT else mime.text_of(data, charset)
        if isinstance(text, str) and text.lstrip().startswith(_PGP):
            self.letter.files.append(("encrypted", lambda: ENCRYPTED))
            return
        if isinstance(text, str) and kind == "text/html":
            page = html_markdown(text, self.path)
            text = page if isinstance(page, Unread) else page.text
            cleaned = {} if isinstance(page, Unread) else page.cleaned
            self.letter.cleaned = added(self.letter.cleaned, cleaned)
        elif isinstance(text, str):
            flowed, delsp = (safely(partial(part.get_param, name)).lower() for name in ("format", "delsp"))
            text = plain_markdown(text, flowed=flowed == "flowed", delsp=delsp == "yes")
        if isinstance(text, Unread):
            problem = text
            self.letter.files.append((f"text{SUFFIXES[kind]}", lambda: problem))
        elif text.strip():
            self.letter.texts.append(text)


def chosen(saying: Sequence[tuple[bool, list[str]]]) -> list[str]:
    """Of texts that say the same, each with whether it is plain: a plain one, or the last where that is a stub."""
    sized = [(plain, texts, said("".join(texts))) for plain, texts in saying]
    most = max((size for _, _, size in sized), default=0)
    plain = next((texts for plain, texts, size in sized if plain and size and size * STUB >= most), None)
    return plain or next((texts for _, texts, size in reversed(sized) if size), [])
