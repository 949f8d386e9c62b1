"""Bytes → text: the encoding that a file's bytes prove or its markup declares, else one that is detected.

Wrong characters in an index are worse than a file that is named as undecodable. So what `legacy` detects has to
stand up to a test, what markup declares gives way where another encoding surely fits better, and damage is told
instead of painted over.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from rag.corpus.readers.encodings.legacy import decoded, detect
from rag.corpus.readers.encodings.written import looks_written
from rag.corpus.readers.reader import Unread
from rag.datatypes import State

FIX = "save it as UTF-8"
SAMPLE = 100_000
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
    "tis-620": "cp874",
}
# Labels of the web that Python does not know.
_LABELS = {"windows-936": "gb18030", "windows-932": "cp932", "windows-949": "cp949", "windows-950": "big5"}
_LABELS |= {"iso-8859-8-i": "iso8859-8", "mac-ce": "mac_latin2", "euc": "euc_jp"}
# No encoding of text, or none that bytes without NUL and without a mark can be in.
_REFUSED = re.compile(r"utf-?_?(7|16|32)|idna|punycode|escape|undefined|mbcs|oem", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_C1 = re.compile("[\x80-\x84\x86-\x9f]")


_CHARSET = re.compile(rb"<meta[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w:.-]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w:.-]+)", re.IGNORECASE)
_HIGH = re.compile(rb"[\x80-\xff][^\n]*\n?")
# Names that iconv has for what Python calls otherwise.
_ICONV = {"mac_roman": "MACINTOSH", "mac_latin2": "MAC-CENTRALEUROPE", "mac_cyrillic": "MAC-CYRILLIC"}
_ICONV |= {"euc_jis_2004": "EUC-JISX0213", "shift_jis_2004": "SHIFT_JISX0213", "ptcp154": "PT154"}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text, its byte order mark left out and its newlines as they were, and the encoding's name."""

    text: str
    encoding: str


def declared_in(data: bytes) -> str:
    """The encoding that an XML declaration or a `meta` element at the beginning of a file names, "" without one."""
    start = data[:4096]
    label = _XML_ENCODING.search(start) or _CHARSET.search(start)
    return label[1].decode("ascii", "replace") if label else ""


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
    for encoding in (*_escaped(data), *unicode):
        found = _strict(data, encoding)
        if found:
            return _checked(found)
    labelled = _strict(data, label) if label else None
    if labelled and (labelled.text.isascii() or looks_written(decoded(_telling(data), label), label)):
        return _checked(labelled)
    found = _strict(data, "utf-8")
    return _checked(found) if found else _legacy(data, label, labelled)


def _legacy(data: bytes, label: str, labelled: Decoded | None) -> Decoded | Unread:
    """The text of a file that is not UTF-8 and does not look as if it were what it says."""
    damaged = _damaged_utf8(data)
    if damaged:
        return (_mended(data, label) if label == "utf-8" else None) or damaged
    detected = _detected(data)
    if isinstance(detected, Unread) and label:
        return _checked(labelled) if labelled else _mended(data, label) or detected
    return detected


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
    """ISO 2022 and HZ, which write Japanese, Korean and Chinese in seven bits behind escape sequences."""
    if b"\x1b$)C" in data[:1000]:
        return ["iso2022_kr"]
    if b"\x1b$" in data and data.isascii():
        return ["iso2022_jp_2", "iso2022_jp_2004"]
    hz = b"~{" in data and b"~}" in data and data.isascii() and looks_written(decoded(data[:SAMPLE], "hz"), "hz")
    return ["hz"] if hz else []


def _label(declared: str) -> str:
    """The codec that a declared label means; "" for a label that is unknown or no encoding of text."""
    label = declared.strip().lower().removeprefix("x-")
    try:
        name = codecs.lookup(_LABELS.get(label, label)).name if label.isascii() and label else ""
    except (LookupError, ValueError):
        return ""
    known = name and not _REFUSED.search(name) and _is_of_text(name)
    return _MEANT.get(name, name) if known else ""


def _is_of_text(name: str) -> bool:
    """Whether the codec makes text of bytes: some turn bytes into bytes."""
    try:
        return b"x".decode(name) == "x"
    except (LookupError, ValueError):
        return False


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
    guess = detect(_telling(data))
    found = _strict(data, guess.encoding) if guess.certain else None
    if found and not _CONTROL.search(found.text) and not _C1.search(found.text):
        return found
    if not guess.encoding:
        return Unread(State.UNDECODABLE, "not UTF-8; in no encoding that is known", FIX)
    name = _ICONV.get(guess.encoding, guess.encoding.replace("iso8859", "iso-8859").replace("_", "-").upper())
    fix = f"if it is, convert it: iconv -f {name} -t UTF-8; else {FIX}"
    return Unread(State.UNDECODABLE, f"not UTF-8; perhaps {guess.encoding}, but not surely", fix)


def _telling(data: bytes) -> bytes:
    """What tells the encoding: of a long file the lines with bytes beyond ASCII, from its beginning and its middle."""
    if len(data) <= SAMPLE:
        return data
    first, middle = _lines(data, 0), data.find(b"\n", len(data) // 2) + 1
    return first + _lines(data, middle) if middle and first.endswith(b"\n") else first


def _lines(data: bytes, start: int) -> bytes:
    """Half a sample of lines, each from a little before its first byte beyond ASCII; the last one may be cut off."""
    lines: list[bytes] = []
    left = SAMPLE // 2
    for high in _HIGH.finditer(data, start):
        before = max(high.start() - 200, start)
        begin = max(data.rfind(b"\n", before, high.start()) + 1, before)
        lines.append(data[begin : min(high.end(), begin + left)])
        left -= len(lines[-1])
        if left <= 0:
            break
    return b"".join(lines)
