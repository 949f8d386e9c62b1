"""Mail as the standard library parses it, within bounds, and its texts decoded.

The library's newer header parser takes time that grows with the square of a header, and raises on malformed ones; so
headers are kept as they stand, cut at a length, and decoded here.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Callable
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser
from email.policy import Compat32, Policy
from typing import Any, TypeAlias

from rag.corpus.readers.encodings.encoding import decode
from rag.corpus.readers.reader import Unread

Part: TypeAlias = Message

LONGEST_HEADER = 20_000
LONGEST_PARAMETERS = 2000
"""Characters of a header, and of one that says what a part is."""
MOST_QUOTES = 40
"""Quotation marks of the latter; the library looks at all of them again for each."""
MOST_HEADERS = 20_000
MOST_PARTS = 1000
"""Headers and parts of a mail, those of its parts included."""
MOST_LINES = 2_000_000
"""Lines of a mail; the library keeps an object for each."""

DAMAGE = (
    MessageError,
    binascii.Error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the library raises on malformed mails; nothing of ours runs there."""

_WORD = re.compile(r"=\?([^?\s*]{1,40})(?:\*[^?\s]{0,40})?\?([bBqQ])\?([^?\s]*)\?=")
_UNSHOWN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]+")
# Declared by programs that did not ask what they had.
_WEAK = {"ascii", "iso8859-1", "cp1252"}


class TooMuch(MessageError):
    """A mail with more parts or headers than are read."""


class _Counts:
    """Makes the parts of one mail and counts its headers."""

    def __init__(self) -> None:
        self.parts = 0
        self.headers = 0

    def __call__(self, policy: Policy[Any] | None = None) -> Part:
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise TooMuch(f"more than {MOST_PARTS} parts")
        return Message(policy) if policy else Message()


class _Bounded(Compat32):
    """The policy that leaves headers as they stand, with bounds."""

    counts: _Counts

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        self.counts.headers += 1
        if self.counts.headers > MOST_HEADERS:
            raise TooMuch(f"more than {MOST_HEADERS} headers")
        name, value = super().header_source_parse(sourcelines)
        if not name.lower().startswith("content-"):
            return name, value[:LONGEST_HEADER]
        value = value[:LONGEST_PARAMETERS]
        return name, value if value.count('"') <= MOST_QUOTES else value.replace('"', "")


def parsed(data: bytes) -> Part:
    """The mail. Raises one of `DAMAGE`, TooMuch among them."""
    if data.count(b"\n") > MOST_LINES or data.count(b"\r") > MOST_LINES:
        raise TooMuch(f"more than {MOST_LINES} lines")
    counts = _Counts()
    policy = _Bounded(message_factory=counts)
    object.__setattr__(policy, "counts", counts)
    return BytesParser(policy=policy).parsebytes(data)


# ---------------------------------------------------------------- headers


def raw_header(part: Part, name: str) -> str:
    """The first header of that name as it stands, bytes beyond ASCII as surrogates; "" where there is none."""
    return next((value for key, value in part.raw_items() if key.lower() == name), "")


def header(part: Part, name: str) -> str:
    """The first header of that name, decoded, in one line; "" where there is none."""
    return readable(raw_header(part, name))


def readable(value: str) -> str:
    """A header's value decoded, in one line."""
    try:
        text = value.encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return one_line(_words(value))
    return one_line(_words(_text(text, "")))


def one_line(text: str) -> str:
    """The text in one line, without what cannot be stored or shown."""
    return " ".join(_UNSHOWN.sub(" ", text).split())


def _words(text: str) -> str:
    """Encoded words replaced by what they say; neighbours are decoded together, as they may split a letter."""
    parts: list[str] = []
    run, charset, end = b"", "", 0
    for match in _WORD.finditer(text):
        content = _content(match[2].lower(), match[3])
        if content is None:
            continue
        between = text[end : match.start()]
        if not (run and charset == match[1].lower() and not between.strip()):
            parts.append(_text(run, charset))
            parts.append("" if run and not between.strip() else between)
            run, charset = b"", match[1].lower()
        run += content
        end = match.end()
    return "".join([*parts, _text(run, charset), text[end:]])


def _content(encoding: str, text: str) -> bytes | None:
    try:
        if encoding == "q":
            return binascii.a2b_qp(text.encode(), header=True)
        return base64.b64decode(text.encode() + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None


def _text(data: bytes, declared: str) -> str:
    """A few words decoded; what no encoding fits is escaped."""
    found = decode(data, declared) if data else None
    if isinstance(found, Unread):
        return data.decode("utf-8", "backslashreplace")
    return found.text if found else ""


# ---------------------------------------------------------------- parts


def safely(asked: Callable[[], Any]) -> str:
    """What the library says of a part, as text; "" where it stumbles over it."""
    try:
        found = asked()
    except DAMAGE:
        return ""
    if isinstance(found, tuple):  # charset, language, value
        found = found[2]
    return str(found or "")


def content(part: Part) -> bytes:
    """A part's bytes, its transfer encoding undone."""
    try:
        found = part.get_payload(decode=True)
    except DAMAGE:
        # It stumbles over what the part is said to be, which is asked for though it is not needed.
        del part["content-type"]
        try:
            found = part.get_payload(decode=True)
        except DAMAGE:
            found = None
    return found if isinstance(found, bytes) else b""


def declared_charset(part: Part) -> str:
    """The encoding that a part declares; ""."""
    return safely(lambda: part.get_param("charset")).strip().strip("'\"")


def text_of(data: bytes, charset: str) -> str | Unread:
    """The bytes as text. What they prove comes before a charset that is none, or that programs declare unasked."""
    if not data:
        return ""
    codec = _codec(charset)
    if codec in _WEAK | {""} and not data.isascii():
        found = decode(data)
        if not isinstance(found, Unread):
            return found.text
        if codec in ("ascii", ""):
            return found
    found = decode(data, charset)
    return found if isinstance(found, Unread) else found.text


def _codec(charset: str) -> str:
    try:
        return codecs.lookup(charset).name if charset.isascii() and charset else ""
    except (LookupError, ValueError):
        return ""
