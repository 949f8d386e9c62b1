"""Detection of encodings from before Unicode: a guess counts only where it is sure and its text looks written.

chardet proposes, from models of letter pairs in 50 languages; `written` refuses what nobody would have written. Short
texts are the danger: a word or two are good text in several code pages, so that a guess on few bytes must be far better
than the next one. The limits were found on the Universal Declaration of Human Rights in 48 languages and 50 encodings,
in pieces of 6 to 1,500 characters (`benchmarks/encoding_texts.py`, docs/decisions.md).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rag.corpus.readers.encodings.written import is_set, looks_written

# Of these no file is to be expected, or none that is not better read as its older sister (ISO 8859-16 as 8859-2).
_UNLIKELY = ["iso8859-16", "hp-roman8", "cp1006", "cp424", "cp500", "cp1140", "cp875", "cp1026", "cp273"]
# Quotation marks and dashes of one are letters of the other.
_TYPESET = ("cp1252", "mac_roman")
_NOT_LEGACY = re.compile(r"ascii|utf")
# What says nothing of the language, or of itself what is weighed elsewhere: tags, addresses, labels, lines of ASCII.
_MARKUP = re.compile(
    rb"<[a-zA-Z/!?][^<>\x80-\xff]{0,999}>|&#?\w{1,9};|[a-z]{3,6}://[^\s\x80-\xff]{1,999}"
    rb"|(?i:charset|encoding)\s{0,9}[=:]\s{0,9}[\"']?[\w.:-]{1,40}"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a guess needs where so few bytes speak for it: confidence, and how many times that of the next text."""

    confidence: float
    margin: float


LONG = 100
"""Bytes from which a sample is long."""
MANY = 12
"""Bytes beyond ASCII that are many."""
_LIMITS = {
    # (long, many): margins of 1 need no comparison
    (True, True): Limits(0.16, 1),
    (True, False): Limits(0.2, 1),
    (False, True): Limits(0.16, 1.1),
    (False, False): Limits(0.25, 1.2),
}
_SIGNS = Limits(0.05, 1)
"""What a text needs whose only characters beyond ASCII are quotation marks and dashes, each in its place."""


class Guess(NamedTuple):
    """A codec's name, "" where there is no idea, and whether it is certain."""

    encoding: str
    certain: bool


def detect(sample: bytes) -> Guess:
    """The encoding of a text that is not UTF-8: markup left out, and again without the lines that are ASCII."""
    plain = _MARKUP.sub(b"\n", sample)
    whole = _guess(plain)
    lines = _guess(b"\n".join(line for line in plain.split(b"\n") if not line.isascii()))
    if whole.certain and lines.certain and decoded(plain, whole.encoding) != decoded(plain, lines.encoding):
        return Guess(whole.encoding, False)
    return lines if lines.certain else whole


def _guess(sample: bytes) -> Guess:
    from chardet import detect_all

    found = detect_all(sample, ignore_threshold=True, compat_names=False, exclude_encodings=_UNLIKELY)
    guesses = [(guess["encoding"] or "", guess["confidence"]) for guess in found]
    encoding, confidence = guesses[0]
    if not encoding or _NOT_LEGACY.match(encoding):
        return Guess("", False)
    encoding = codecs.lookup(encoding).name
    beyond = len(sample) - len(sample.translate(None, _BEYOND_ASCII))
    text = decoded(sample, encoding)
    typeset, long = is_set(text), len(sample) >= LONG
    limits = _SIGNS if typeset and long else _LIMITS[long, beyond >= MANY]
    if not typeset:
        others = [other for other in _TYPESET if is_set(decoded(sample, other))]
        if others:  # letters of one that are all well placed as marks of another
            return Guess(others[0], len(others) == 1 and long and beyond >= MANY)
    if confidence < limits.confidence or not looks_written(text, encoding):
        return Guess(encoding, False)
    rivals = [name for name, other in guesses[1:] if other * limits.margin > confidence]
    return Guess(encoding, limits.margin == 1 or not _another(sample, text, rivals))


_BEYOND_ASCII = bytes(range(128, 256))


def _another(sample: bytes, text: str, rivals: Sequence[str]) -> bool:
    """Whether one of the rivals gives another text that looks written as well."""
    texts = ((decoded(sample, name), codecs.lookup(name).name) for name in rivals)
    return any(other not in ("", text) and looks_written(other, name) for other, name in texts)


def decoded(sample: bytes, encoding: str) -> str:
    """The sample's text, a character that is cut off at its end left out; "" where it is not in that encoding."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError:
        return ""
