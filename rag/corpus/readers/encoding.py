"""Bytes → text: the encoding that a file's bytes prove or its markup declares, else one that is detected.

Wrong characters in an index are worse than a file that is named as undecodable. So what `legacy` detects has to
stand up to a test, and damage is told instead of painted over.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from rag.corpus.readers.legacy import detect
from rag.corpus.readers.reader import Unread
from rag.datatypes import State

FIX = "save it as UTF-8"
SAMPLE = 200_000
"""Bytes that are looked at to tell the encoding; the whole file must then decode."""
CERTAIN = 8
"""Bytes beyond one a character from which valid UTF-8 is no accident, whatever the markup declares."""

_MARKS = [
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
]
# What a label means is the superset that its users write, as browsers take it.
_MEANT = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
}
# No encoding of text, or none that bytes without NUL and without a mark can be in.
_REFUSED = re.compile(r"utf-?_?(7|16|32)|idna|punycode|escape|undefined|mbcs|oem", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_C1 = re.compile("[\x80-\x84\x86-\x9f]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text, its byte order mark left out and its newlines as they were, and the encoding's name."""

    text: str
    encoding: str


def decode(data: bytes, declared: str = "") -> Decoded | Unread:
    """The text of a file. `declared` is what its own markup says; a byte order mark has the last word."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            marked = _strict(memoryview(data)[len(mark) :], encoding)
            return marked or Unread(State.UNDECODABLE, f"marked as {encoding} but it is not", FIX)
    if b"\0" in data:
        return _wide(data) or Unread(State.UNDECODABLE, "holds NUL bytes: not text")
    label = _label(declared)
    unicode = ["utf-8"] if label and len(data.decode("utf-8", "ignore")) <= len(data) - CERTAIN else []
    for encoding in (*_escaped(data), *unicode, *label, "utf-8"):
        found = _strict(data, encoding)
        if found:
            return _checked(found)
    return (_mended(data, label[0]) if label else None) or _damaged_utf8(data) or _detected(data)


def _strict(data: bytes | memoryview, encoding: str) -> Decoded | None:
    try:
        return Decoded(str(data, encoding), encoding)
    except UnicodeDecodeError:
        return None


def _wide(data: bytes) -> Decoded | None:
    """UTF-16 or UTF-32 without a mark: spaces or other ASCII among characters of a few scripts, no jumble."""
    for encoding in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        found = _strict(data[: SAMPLE // 4 * 4], encoding)
        if found is None or _CONTROL.search(found.text) or _C1.search(found.text):
            continue
        characters = found.text[:4000]
        blocks = {unicodedata.name(char, "?").split(" ")[0] for char in characters if char.isalpha()}
        assigned = all(unicodedata.category(char) not in ("Cn", "Co") for char in characters)
        plain = sum(char < "\x80" for char in characters)
        if assigned and len(blocks) <= 4 and plain > 2 * sum(ord(char) & 0xFF == 0 for char in characters):
            return _strict(data, encoding)
    return None


def _escaped(data: bytes) -> list[str]:
    """ISO 2022, which writes Japanese and Korean in seven bits behind escape sequences."""
    if b"\x1b$)C" in data[:1000]:
        return ["iso2022_kr"]
    return ["iso2022_jp_2"] if b"\x1b$" in data and data.isascii() else []


def _label(declared: str) -> list[str]:
    """The codec that a declared label means; none for a label that is unknown or no encoding of text."""
    try:
        name = codecs.lookup(declared.strip()).name if declared.isascii() and declared.strip() else ""
    except (LookupError, ValueError):
        return []
    known = name and not _REFUSED.search(name)
    return [_MEANT.get(name, name)] if known and not isinstance(_try(name), bytes) else []


def _try(name: str) -> str | bytes:
    """A letter decoded, or bytes where the codec turns bytes into bytes."""
    try:
        return b"x".decode(name)
    except (LookupError, ValueError):
        return b""


def _mended(data: bytes, encoding: str) -> Decoded | None:
    """The declared encoding with U+FFFD for its few damaged bytes, at most one in 200 characters, as browsers do."""
    text = data.decode(encoding, "replace")
    return Decoded(text, encoding) if text.count("\ufffd") * 200 <= len(text) else None


def _damaged_utf8(data: bytes) -> Unread | None:
    """The reason, where nearly all that is beyond ASCII is UTF-8."""
    text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    sound = sum(char > "\x7f" for char in text) - damaged
    if sound < 20 * damaged:
        return None
    first = len(text[: text.index("\ufffd")].encode())
    return Unread(State.UNDECODABLE, f"UTF-8 with damage in {damaged} places, the first at byte {first}", FIX)


def _checked(found: Decoded) -> Decoded | Unread:
    """The text, unless it holds more control characters than a log with colours has."""
    sample = found.text[:SAMPLE]
    controls = len(_CONTROL.findall(sample))
    if controls > 1 + len(sample) // 500:
        return Unread(State.UNDECODABLE, f"holds {controls} control characters: not text")
    return found


def _detected(data: bytes) -> Decoded | Unread:
    encoding, certain = detect(data[:SAMPLE])
    found = _strict(data, encoding) if encoding and certain else None
    if found is None or _CONTROL.search(found.text) or _C1.search(found.text):
        guess = f"perhaps {encoding}, but not surely" if encoding else "in no encoding that is known"
        return Unread(State.UNDECODABLE, f"not UTF-8; {guess}", FIX)
    return found
